"""Which solution satisfies which axiom: tables for the tests, the documentation and papers.

For two players, or for three, on sets with free disposal and with disagreement points below the frontier. A yes
has its source or the word "proof", for a proof on the page of axioms; a no has a problem on which the axiom
fails. The equal area solution is defined here only for the matrix.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bargaining._names import meant
from bargaining._rich import Shown
from bargaining.axioms.violation import points_of, rational_part
from bargaining.concepts.continuous_raiffa import continuous_raiffa
from bargaining.concepts.dictatorial import dictatorial
from bargaining.concepts.egalitarian import egalitarian
from bargaining.concepts.equal_loss import equal_loss
from bargaining.concepts.kalai_smorodinsky import kalai_smorodinsky
from bargaining.concepts.lexicographic import lexicographic_egalitarian, lexicographic_kalai_smorodinsky
from bargaining.concepts.nash import nash
from bargaining.concepts.perles_maschler import perles_maschler
from bargaining.concepts.raiffa import raiffa
from bargaining.concepts.utilitarian import utilitarian
from bargaining.concepts.yu import yu
from bargaining.division import Division, Method
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.feasible._polygon import hull
from bargaining.feasible.polytope import Polytope
from bargaining.problem import Problem
from bargaining.tables.table import Column, Table


def equal_area(problem: Problem) -> Division:
    """Return the point of the frontier whose segment from d halves the area of the individually rational part.

    References
    ----------
    Anbarci, N. and Bigelow, J. P. (1994). The area monotonic solution to the cooperative bargaining problem.
    *Mathematical Social Sciences* 28(2), 133-142.

    Anbarci, N. (1993). Noncooperative foundations of the area monotonic solution. *Quarterly Journal of Economics*
    108(1), 245-258. doi:10.2307/2118502
    """
    if problem.players != 2:
        raise NotApplicable(f"equal_area is for two players; got {problem.players}.")
    part = rational_part(problem)
    gains = points_of(part)[0] - problem.disagreement
    (most, other), kept = gains.max(axis=0), gains[(gains >= 0).all(axis=1)]
    corners = hull(np.concatenate(([[0.0, 0.0], [most, 0.0], [0.0, other]], kept)))
    chain = np.concatenate((corners[:0:-1], [[most, 0.0]]))  # from player 1's best to player 0's
    left, right = chain[:-1], chain[1:]
    areas = (left[:, 1] * right[:, 0] - left[:, 0] * right[:, 1]) / 2  # of the triangles with corner d
    before = np.concatenate(([0.0], np.cumsum(areas)))
    k = min(int(np.searchsorted(before[1:], before[-1] / 2)), len(areas) - 1)
    share = (before[-1] / 2 - before[k]) / areas[k]
    gains = left[k] + share * (right[k] - left[k])
    cut = (left[k][1] * gains[0] - left[k][0] * gains[1]) / 2
    residual = abs(2 * (before[k] + cut) - before[-1]) / before[-1]  # how unequal the two parts are
    payoffs = problem.disagreement + gains
    return Division(
        payoffs=payoffs, status=Status.OK, method="equal_area", residual=float(residual), problem=problem
    )


METHODS: Mapping[str, Method] = {
    "nash": nash,
    "weighted_nash": partial(nash, weights=[0.25, 0.75]),
    "kalai_smorodinsky": kalai_smorodinsky,
    "egalitarian": egalitarian,
    "proportional": partial(egalitarian, weights=[0.25, 0.75]),
    "lexicographic_egalitarian": lexicographic_egalitarian,
    "equal_loss": equal_loss,
    "yu": partial(yu, p=2),
    "utilitarian": utilitarian,
    "raiffa": raiffa,
    "continuous_raiffa": continuous_raiffa,
    "perles_maschler": perles_maschler,
    "equal_area": equal_area,
    "dictatorial": partial(dictatorial, player=0),
}
"""The solutions in the matrix of two players: `yu` with p = 2, `dictatorial` with player 0; weights are 1/4 and 3/4."""

METHODS_OF_THREE: Mapping[str, Method] = {
    "nash": nash,
    "kalai_smorodinsky": kalai_smorodinsky,
    "lexicographic_kalai_smorodinsky": lexicographic_kalai_smorodinsky,
    "egalitarian": egalitarian,
    "lexicographic_egalitarian": lexicographic_egalitarian,
    "equal_loss": equal_loss,
    "utilitarian": utilitarian,
    "raiffa": raiffa,
}
"""The solutions in the matrix of three players."""

_DATA = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verdict(Shown):
    """Whether a solution satisfies an axiom, with the source or a counterexample.

    Attributes
    ----------
    answer : {"yes", "no"}
        Proven, or refuted.
    source : str
        Who proved it; "proof" for a proof on the page of axioms; the name of the counterexample for a no.
    example : Problem or None
        Where the axiom fails.
    """

    answer: Literal["yes", "no"]
    source: str
    example: Problem | None = None


def verdict(concept: str, axiom: str, *, players: int = 2) -> Verdict:
    """Return whether a solution satisfies an axiom, with the source or a counterexample.

    Parameters
    ----------
    concept : str
        A name in `METHODS`, or in `METHODS_OF_THREE`.
    axiom : str
        The name of a row of the matrix.
    players : {2, 3}
        Of which matrix.

    Returns
    -------
    Verdict

    Raises
    ------
    InvalidInput
        If a name is not in the matrix.

    Examples
    --------
    >>> verdict("nash", "symmetry").source
    'Nash (1950)'
    >>> verdict("nash", "individual_monotonicity").example.feasible
    Polytope([[0.0, 3.0], [2.0, 0.0], [1.0, 2.0]], free_disposal=True)
    >>> verdict("kalai_smorodinsky", "strong_pareto", players=3).answer
    'no'
    """
    methods, cells = methods_of(players), _cells(players)
    for name, value, known in (("concept", concept, methods), ("axiom", axiom, cells)):
        if not isinstance(value, str) or value not in known:
            raise InvalidInput(
                f"`{name}` must be among {', '.join(known)}; got {value!r}.{meant(value, known)}"
            )
    cell = cells[axiom][concept]
    if cell in _data()["sources"]:
        return Verdict(answer="yes", source=_data()["sources"][cell])
    points, disagreement = _data()["examples"][str(players)][cell]
    return Verdict(
        answer="no", source=cell, example=Problem(Polytope(points, free_disposal=True), disagreement)
    )


def methods_of(players: int) -> Mapping[str, Method]:
    """Return the solutions in the matrix of so many players, by name."""
    if players not in (2, 3) or isinstance(players, bool):
        raise InvalidInput(f"`players` must be 2 or 3; got {players!r}.")
    return METHODS if players == 2 else METHODS_OF_THREE


def axioms_of(players: int) -> tuple[str, ...]:
    """Return the axioms in the matrix of so many players."""
    return tuple(_cells(players))


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(_DATA.read_text(encoding="utf-8"))


def _cells(players: int) -> dict[str, dict[str, str]]:
    rows = (line.split() for line in _data()["cells"][str(players)].splitlines())
    return {axiom: dict(zip(methods_of(players), cells, strict=True)) for axiom, *cells in rows}


def proven(concept: str, *, players: int = 2) -> tuple[str, ...]:
    """Return the axioms that a solution is proven to satisfy.

    Parameters
    ----------
    concept : str
        A name in `METHODS`, or in `METHODS_OF_THREE`.
    players : {2, 3}
        Of which matrix.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> "superadditivity" in proven("perles_maschler")
    True
    """
    axioms = axioms_of(players)
    return tuple(axiom for axiom in axioms if verdict(concept, axiom, players=players).answer == "yes")


def axiom_table(players: int = 2) -> Table:
    """Return the matrix: one row an axiom, one column a solution.

    Parameters
    ----------
    players : {2, 3}
        Of which matrix.

    Returns
    -------
    Table
        Which prints as LaTeX, Markdown, HTML and CSV.

    Raises
    ------
    InvalidInput
        For another number of players.

    Examples
    --------
    >>> axiom_table().to_csv().splitlines()[10][:40]
    'scale invariance,yes,yes,yes,no,no,no,no'
    """
    columns = [
        Column("axiom"),
        *(
            Column(name, title=_data()["titles"].get(name, name.replace("_", " ")))
            for name in methods_of(players)
        ),
    ]
    rows = [
        {
            "axiom": axiom.replace("_", " ").replace("pareto", "Pareto").replace("suppes sen", "Suppes-Sen"),
            **{name: verdict(name, axiom, players=players).answer for name in methods_of(players)},
        }
        for axiom in axioms_of(players)
    ]
    notes = {
        "Domain": f"{players} players, free disposal, a disagreement point below the frontier",
        "yes": "proven",
        "no": "a counterexample is stored and replayed by the tests",
    }
    label = "tab:axioms" if players == 2 else "tab:axioms-three"
    caption = "Axioms and solutions" if players == 2 else "Axioms and solutions of three players"
    return Table(rows, columns=columns, caption=caption, label=label, notes=notes)
