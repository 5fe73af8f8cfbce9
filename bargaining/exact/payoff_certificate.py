r"""A payoff set certified from both sides.

*Inner.* Rational vertices generate themselves: each is a profile followed by a promise inside the hull of the
vertices, and no player gains by deviating or leaving. That is checked in rationals, so every vertex, hence
every point of the hull, is an equilibrium payoff.

*Outer.* Let the faces of the inner set be :math:`n_j w \le c_j` and let :math:`X(e)` be the set within the
faces moved out to :math:`c_j + e z_j`. Suppose every equilibrium payoff lies in :math:`X(E)` and the operator
maps :math:`X(e)` strictly inside :math:`X(e)` for all :math:`e_0 \le e \le E`. Then every equilibrium payoff lies
in :math:`X(e_0)`: at the smallest e for which :math:`X(e)` holds them all, one application would move them
strictly inside. For one profile and one face the farthest payoff is the value of a linear program whose right-hand side
is affine in e; each dual basis bounds it from above by a function affine in e, for every e at once. So the
check is finite, and it is done in rationals wherever the margin does not dwarf the rounding of floats.
That everything lies in :math:`X(E)` follows from a few applications of the operator to the set of all stage
payoffs, each of them rounded outward by far more than floats can err.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from bargaining.equilibria._plane.leaving import outcomes
from bargaining.equilibria._plane.lottery import Pair, lotteries
from bargaining.equilibria._plane.polygon import beyond
from bargaining.equilibria.repeated._search.generation import Generation, generate, start
from bargaining.equilibria.repeated._search.rationals import Rationals
from bargaining.equilibria.repeated._search.scaled import Scaled
from bargaining.equilibria.repeated.payoff_set import PayoffSet
from bargaining.errors import InvalidInput, Status
from bargaining.exact._family import reach
from bargaining.exact._outward import Outward, Stage
from bargaining.exact.two_sided import TwoSidedCertificate

_LIMIT = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoffCertificate(TwoSidedCertificate):
    """What is proved about a payoff set.

    Attributes
    ----------
    vertices : tuple of pairs of Fraction
        The inner vertices, counter-clockwise.
    inner, outer, bound, exact, tolerance, statement
        As for `TwoSidedCertificate`.
    """

    vertices: tuple[Pair, ...]


def certify_payoff_set(found: PayoffSet, *, tolerance: float = 1e-9) -> PayoffCertificate:
    """Prove from both sides how far a payoff set is from the true one.

    Parameters
    ----------
    found : PayoffSet
        What to check. Its vertices and their structure are hints; nothing of it is trusted but the game.
    tolerance : float, default 1e-9
        The accuracy asked for, as a share of each player's payoff range.

    Returns
    -------
    PayoffCertificate

    Examples
    --------
    >>> from fractions import Fraction
    >>> from bargaining import Game, RepeatedGame, payoff_set
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> proof = certify_payoff_set(payoff_set(RepeatedGame(prisoners, Fraction(9, 10))))
    >>> proof.holds, proof.exact, proof.vertices[1]
    (True, True, (Fraction(39, 4), Fraction(3, 1)))
    """
    if not isinstance(found, PayoffSet):
        raise InvalidInput(f"`found` must be a PayoffSet; got {type(found).__name__}.")
    if found.status is Status.EMPTY:
        return _empty(found, tolerance)
    whole = len(found._tags) == len(found.vertices)
    made = generate(found) if whole else "the set does not say which profile is behind each vertex"
    if isinstance(made, str):
        return PayoffCertificate.unproved(made, tolerance)
    apart = _apart(found, made)
    outside = _reach(found, made.data, made.vertices)
    bound = max(apart, np.inf if outside is None else float(outside))
    return PayoffCertificate(
        inner=True,
        outer=outside is not None,
        bound=bound,
        vertices=tuple(_back(made.data, vertex) for vertex in made.vertices),
        exact=made.exact,
        tolerance=tolerance,
        statement=_statement(made, outside, apart),
    )


def _reach(found: PayoffSet, data: Rationals, vertices: tuple[Pair, ...]) -> Fraction | None:
    """Return how far beyond the inner set an equilibrium payoff may lie, None if nothing is proved.

    Outcomes of leaving are first taken as given, which can only enlarge the set; one that is shown not to be
    credible even in the larger set is dropped.
    """
    kinds = [] if found.repeated.exit is None else outcomes(found.repeated.exit)
    given = tuple(range(len(kinds)))
    while True:
        outward = Outward(Stage.of(data, given))
        if all(_inside(vertices, data.outcome(k)) for k in given):
            return reach(outward, vertices) if vertices else (Fraction(0) if outward.empty() else None)
        scaled = Scaled.of(found.repeated)
        larger = scaled.search(replace(scaled.block, leaves=tuple(scaled.block.leaves[k] for k in given)))
        larger.run(_LIMIT)
        rows = [[Fraction(x) for x in row] for row in scaled.back(larger)[0].tolist()]
        hint = tuple((data.scaled(x, 0), data.scaled(y, 1)) for x, y in rows)
        apart = reach(outward, hint)
        if apart is None:
            return None
        kept = tuple(
            k
            for k in given
            if kinds[k].leaver is None or outward.credible(kinds[k].leaver or 0, data.outcome(k))
        )
        if kept == given:
            inner = [(float(x), float(y)) for x, y in vertices]
            return apart + Fraction(beyond([(float(x), float(y)) for x, y in hint], inner)) if inner else None
        given = kept


def _inside(vertices: tuple[Pair, ...], point: Pair) -> bool:
    """Whether a point lies in the hull of vertices given counter-clockwise, exactly."""
    return next(lotteries(vertices, point), None) is not None


def _empty(found: PayoffSet, tolerance: float) -> PayoffCertificate:
    proved = _reach(found, start(found)[0], ()) is not None
    return PayoffCertificate(
        inner=True,
        outer=proved,
        bound=0.0 if proved else np.inf,
        vertices=(),
        exact=proved,
        tolerance=tolerance,
        statement="No profile can be sustained: the outer sets vanish."
        if proved
        else "Emptiness is not proved.",
    )


def _apart(found: PayoffSet, made: Generation) -> float:
    """Return how far the vertices and the threat are from the rational ones, as a share of the payoff ranges."""
    size = np.array([float(s) for s in made.data.size])
    exact = np.array([[float(x) for x in _back(made.data, vertex)] for vertex in made.vertices])
    threat = np.abs(exact.min(axis=0) - found.threat)
    return float((np.vstack([np.abs(exact - found.vertices), threat]) / size).max())


def _back(data: Rationals, vertex: Pair) -> Pair:
    return data.low[0] + data.size[0] * vertex[0], data.low[1] + data.size[1] * vertex[1]


def _statement(made: Generation, outside: Fraction | None, apart: float) -> str:
    count = len(made.vertices)
    kind = "solve the equations of the set exactly" if made.exact else "lie inside the set by a tiny inset"
    inner = (
        f"{count} rational vertices generate themselves, checked exactly; they {kind}, within {apart:.1e} of the "
        "floats."
    )
    if outside is None:
        return f"{inner} Nothing is proved from outside."
    return f"{inner} No equilibrium payoff lies farther beyond their faces than {float(outside):.1e} of the range."
