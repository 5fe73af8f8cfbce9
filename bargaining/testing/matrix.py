"""Which solution satisfies which axiom: one table for the tests, the documentation and papers.

For two players, sets closed under free disposal, and disagreement points below the frontier. A yes carries its source
or the word "proof", for a proof on the page of axioms; a no carries a problem on which the axiom fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from bargaining._rich import Shown
from bargaining.axioms import AXIOMS
from bargaining.concepts.continuous_raiffa import continuous_raiffa
from bargaining.concepts.dictatorial import dictatorial
from bargaining.concepts.egalitarian import egalitarian
from bargaining.concepts.equal_loss import equal_loss
from bargaining.concepts.kalai_smorodinsky import kalai_smorodinsky
from bargaining.concepts.lexicographic import lexicographic_egalitarian
from bargaining.concepts.nash import nash
from bargaining.concepts.perles_maschler import perles_maschler
from bargaining.concepts.raiffa import raiffa
from bargaining.concepts.utilitarian import utilitarian
from bargaining.concepts.yu import yu
from bargaining.division import Method
from bargaining.errors import InvalidInput
from bargaining.feasible.polytope import Polytope
from bargaining.problem import Problem
from bargaining.tables.table import Column, Table

METHODS: Mapping[str, Method] = {
    "nash": nash,
    "kalai_smorodinsky": kalai_smorodinsky,
    "egalitarian": egalitarian,
    "lexicographic_egalitarian": lexicographic_egalitarian,
    "equal_loss": equal_loss,
    "yu": partial(yu, p=2),
    "utilitarian": utilitarian,
    "raiffa": raiffa,
    "continuous_raiffa": continuous_raiffa,
    "perles_maschler": perles_maschler,
    "dictatorial": partial(dictatorial, player=0),
}
"""The solutions in the matrix; `yu` with p = 2 and `dictatorial` with player 0."""

_HEADS = {
    "nash": "Nash",
    "kalai_smorodinsky": "Kalai-Smorodinsky",
    "lexicographic_egalitarian": "lexicographic egalitarian",
    "equal_loss": "equal loss",
    "yu": "Yu, p = 2",
    "raiffa": "Raiffa",
    "continuous_raiffa": "continuous Raiffa",
    "perles_maschler": "Perles-Maschler",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verdict(Shown):
    """Whether a solution satisfies an axiom, and how that is known.

    Attributes
    ----------
    answer : {"yes", "no", "open"}
        Proven, refuted, or neither: no counterexample was found.
    source : str
        Who proved it; "proof" for a proof on the page of axioms; the name of the counterexample for a no.
    example : Problem or None
        Where the axiom fails.
    """

    answer: Literal["yes", "no", "open"]
    source: str
    example: Problem | None = None


_SOURCES = {
    "K77": "Kalai (1977)",
    "KS75": "Kalai and Smorodinsky (1975)",
    "N50": "Nash (1950)",
    "PM81": "Perles and Maschler (1981)",
    "T87": "Thomson (1987)",
    "proof": "proof",
}

# Vertices of a frontier with everything below, and the disagreement point.
_EXAMPLES: Mapping[str, tuple[list[list[float]], list[float]]] = {
    "square": ([[1, 1]], [0, 0]),
    "tall": ([[1, 2]], [0, 0]),
    "line": ([[0, 1], [1, 0]], [0, 0]),
    "low": ([[0, 1], [1, 0]], [0, -2]),
    "steep": ([[0, 2], [1, 0]], [0, 0]),
    "kinked": ([[0, 3], [1, 2], [2, 0]], [0, 0]),
    "wide": ([[0, 3], [1, 2], [2, 0]], [-1, 0]),
    "cut": ([[0, 2], [2, 1], [3, 0]], [0, 1]),
}

# The columns are those of METHODS. A cell names who proved the axiom or where it fails; a dash is neither.
_CELLS = """
feasibility                              proof  proof  proof  proof  proof  proof  proof  proof  proof  proof  proof
weak_pareto                              N50    KS75   K77    proof  proof  proof  proof  proof  proof  PM81   proof
strong_pareto                            N50    KS75   tall   proof  proof  proof  proof  proof  proof  PM81   square
individual_rationality                   proof  proof  proof  proof  proof  proof  cut    proof  proof  proof  proof
strong_individual_rationality            proof  proof  proof  proof  proof  proof  steep  proof  proof  proof  square
midpoint_domination                      proof  proof  steep  steep  steep  steep  steep  proof  proof  proof  square
symmetry                                 N50    KS75   proof  proof  proof  proof  proof  proof  proof  PM81   square
anonymity                                proof  proof  proof  proof  proof  proof  proof  proof  proof  proof  square
scale_invariance                         N50    KS75   square line   line   line   line   proof  proof  PM81   proof
homogeneity                              proof  proof  K77    proof  proof  proof  proof  proof  proof  proof  proof
independence_of_nonrational_alternatives proof  proof  proof  proof  proof  proof  cut    proof  proof  proof  proof
independence_of_irrelevant_alternatives  N50    line   proof  proof  line   line   line   line   line   line   proof
individual_monotonicity                  kinked KS75   proof  proof  proof  low    steep  wide   kinked kinked proof
restricted_monotonicity                  kinked proof  proof  proof  proof  low    steep  wide   kinked kinked proof
strong_monotonicity                      kinked square K77    tall   square square square square square square proof
disagreement_monotonicity                T87    T87    T87    proof  proof  proof  proof  proof  proof  proof  proof
disagreement_concavity                   kinked kinked proof  low    kinked low    proof  kinked kinked kinked proof
superadditivity                          square square proof  tall   proof  line   proof  square square PM81   proof
risk_sensitivity                         proof  proof  square line   steep  steep  line   proof  proof  proof  proof
continuity                               proof  proof  proof  tall   proof  proof  line   proof  proof  square proof
"""


def verdict(concept: str, axiom: str) -> Verdict:
    """Return whether a solution satisfies an axiom, and how that is known.

    Parameters
    ----------
    concept : str
        A name in `METHODS`.
    axiom : str
        A name in `bargaining.axioms.AXIOMS`.

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
    """
    for name, value, known in (("concept", concept, METHODS), ("axiom", axiom, AXIOMS)):
        if not isinstance(value, str) or value not in known:
            raise InvalidInput(f"`{name}` must be among {', '.join(known)}; got {value!r}.")
    cell = _cells()[axiom][concept]
    if cell == "-":
        return Verdict(answer="open", source="no counterexample found")
    if cell in _SOURCES:
        return Verdict(answer="yes", source=_SOURCES[cell])
    points, disagreement = _EXAMPLES[cell]
    return Verdict(
        answer="no", source=cell, example=Problem(Polytope(points, free_disposal=True), disagreement)
    )


def _cells() -> dict[str, dict[str, str]]:
    rows = (line.split() for line in _CELLS.strip().splitlines())
    return {axiom: dict(zip(METHODS, cells, strict=True)) for axiom, *cells in rows}


def proven(concept: str) -> tuple[str, ...]:
    """Return the axioms that a solution is proven to satisfy.

    Parameters
    ----------
    concept : str
        A name in `METHODS`.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> "superadditivity" in proven("perles_maschler")
    True
    """
    return tuple(axiom for axiom in AXIOMS if verdict(concept, axiom).answer == "yes")


def axiom_table() -> Table:
    """Return the matrix: one row an axiom, one column a solution, for two players.

    Returns
    -------
    Table
        Which prints as LaTeX, Markdown, HTML and CSV.

    Examples
    --------
    >>> axiom_table().to_csv().splitlines()[9][:40]
    'scale invariance,yes,yes,no,no,no,no,no,'
    """
    columns = [
        Column("axiom"),
        *(Column(name, title=_HEADS.get(name, name)) for name in METHODS),
    ]
    rows = [
        {
            "axiom": axiom.replace("_", " ").replace("pareto", "Pareto"),
            **{name: verdict(name, axiom).answer for name in METHODS},
        }
        for axiom in AXIOMS
    ]
    notes = {
        "Domain": "two players, free disposal, a disagreement point below the frontier",
        "yes": "proven",
        "no": "a counterexample is stored and replayed by the tests",
    }
    return Table(rows, columns=columns, caption="Axioms and solutions", label="tab:axioms", notes=notes)
