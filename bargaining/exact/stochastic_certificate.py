r"""Payoff sets of a stochastic game certified from both sides, all states at once.

*Inner.* Rational vertices of every state generate themselves: each is a profile followed by promises inside the hulls
of the vertices of the states that may be next, and no player gains by a deviation, which moves the state and is
punished by her lowest vertex there, or by leaving. That is checked in rationals, so every vertex, hence every
point of the hulls, is an equilibrium payoff.

*Outer.* Take one list of directions :math:`n_j` for all states, let the inner sets be :math:`n_j w \le c_{sj}`, and
let :math:`X_s(e)` be the set within the faces moved out to :math:`c_{sj} + e z_{sj}`. Suppose every equilibrium
payoff of state s lies in :math:`X_s(E)`, for all s, and the operator maps :math:`X(e)` strictly inside
:math:`X(e)` for all :math:`e_0 < e \le E`. Then every equilibrium payoff lies in :math:`X(e_0)`: at the smallest e
for which :math:`X(e)` holds them all, one application would move them strictly inside. The continuations of
a profile lie in

.. math:: \{ w : n_j w \le \textstyle\sum_{s'} P(s') (c_{s'j} + e z_{s'j}) \},

above thresholds that fall with e no faster than its best deviation at :math:`e = 0` says. So for one profile and one
face the farthest payoff is the value of a linear program whose right-hand side is affine in e; each dual basis
bounds it from above by a function affine in e, for every e at once, and the check is finite. It is done in rationals
wherever the margin does not dwarf the rounding of floats. That everything lies in :math:`X(E)`, and that a state has no
equilibrium, follows from applications of the operator to sets that hold everything, each rounded outward by far
more than floats can err.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from bargaining.equilibria._plane.lottery import Pair, hull, lotteries
from bargaining.equilibria._plane.polygon import Polygon, beyond
from bargaining.equilibria.stochastic._search.generation import Generation, generate
from bargaining.equilibria.stochastic._search.scaled import Scaled
from bargaining.equilibria.stochastic._search.search import Search
from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
from bargaining.errors import InvalidInput
from bargaining.exact._sets.faces import Sets, reach
from bargaining.exact._sets.outward import StateOutward
from bargaining.exact.two_sided import TwoSidedCertificate

_LIMIT = 1000
_TRIES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class StochasticCertificate(TwoSidedCertificate):
    """What is proved about the payoff sets of a stochastic game.

    Attributes
    ----------
    vertices : tuple of tuples of pairs of Fraction
        The inner vertices of each state, counter-clockwise; none where there is no equilibrium.
    inner, outer, bound, exact, tolerance, statement
        As for `TwoSidedCertificate`.
    """

    vertices: Sets


def certify_stochastic_payoff_sets(
    found: StochasticPayoffSets, *, tolerance: float = 1e-9
) -> StochasticCertificate:
    """Prove from both sides how far the payoff sets of a stochastic game are from the true ones.

    Parameters
    ----------
    found : StochasticPayoffSets
        What to check. The vertices are hints; nothing of it is trusted but the game.
    tolerance : float, default 1e-9
        The accuracy asked for, as a share of each player's payoff range.

    Returns
    -------
    StochasticCertificate

    Examples
    --------
    >>> from fractions import Fraction
    >>> from bargaining import Exit, Game, StochasticGame, stochastic_payoff_sets
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> chain, exits = [[Fraction(9, 10), Fraction(1, 10)], [0, 1]], Exit([[1, 1], [8, 3]])
    >>> game = StochasticGame.from_chain(prisoners, chain, Fraction(3, 10), exit=exits)
    >>> proof = certify_stochastic_payoff_sets(stochastic_payoff_sets(game))
    >>> proof.holds, proof.exact, proof.vertices[0][2]
    (True, True, (Fraction(654, 73), Fraction(639, 73)))
    """
    if not isinstance(found, StochasticPayoffSets):
        raise InvalidInput(f"`found` must be StochasticPayoffSets; got {type(found).__name__}.")
    made = generate(found)
    if isinstance(made, str):
        return StochasticCertificate.unproved(made, tolerance)
    apart, outside = _apart(found, made), _reach(found, made)
    return StochasticCertificate(
        inner=True,
        outer=outside is not None,
        bound=max(apart, np.inf if outside is None else float(outside)),
        vertices=tuple(tuple(made.data.back(vertex) for vertex in some) for some in made.vertices),
        exact=made.exact,
        tolerance=tolerance,
        statement=_statement(made, outside, apart),
    )


def _reach(found: StochasticPayoffSets, made: Generation) -> Fraction | None:
    """Return how far beyond the inner sets an equilibrium payoff may lie, None if nothing is proved.

    Outcomes of leaving are first taken as given, which can only enlarge the sets; one that is shown not to be
    credible even in the larger sets is dropped.
    """
    outward = StateOutward(made.data, Scaled.of(found.game).model)
    while True:
        for _ in range(_TRIES):
            if _hold(made.vertices, outward.leaves) or not outward.advance():
                return _proved(outward, made.vertices)
        leaves = outward.leaves
        larger = _larger(outward)
        apart = _proved(outward, larger)
        if apart is not None:
            outward.rule_out()
        if outward.leaves == leaves:
            excess = max(_excess(one, other) for one, other in zip(larger, made.vertices, strict=True))
            return None if apart is None or excess == np.inf else apart + Fraction(excess)


def _larger(outward: StateOutward) -> Sets:
    """Return sets that hold the outcomes of leaving that are given, found in floats: a guess."""
    search = Search.start(outward.model, outward.start)
    search.run(_LIMIT)
    found = [[(Fraction(x), Fraction(y)) for x, y in polygon] for polygon in search.polygons]
    every = [[*polygon, *points] for polygon, points in zip(found, outward.leaves, strict=True)]
    return tuple(tuple(points[k] for k in hull(points)) for points in every)


def _proved(outward: StateOutward, sets: Sets) -> Fraction | None:
    if any(sets):
        return reach(outward, sets)
    return Fraction(0) if outward.empty() else None


def _hold(sets: Sets, leaves: list[list[Pair]]) -> bool:
    """Whether sets hold the outcomes of leaving, exactly."""
    return all(
        next(lotteries(vertices, point), None) is not None
        for vertices, points in zip(sets, leaves, strict=True)
        for point in points
    )


def _excess(one: tuple[Pair, ...], other: tuple[Pair, ...]) -> float:
    """Return how far the farthest vertex of a polygon lies from another one."""
    if not one:
        return 0.0
    return beyond(_floats(one), _floats(other)) if other else np.inf


def _floats(vertices: tuple[Pair, ...]) -> Polygon:
    return [(float(x), float(y)) for x, y in vertices]


def _apart(found: StochasticPayoffSets, made: Generation) -> float:
    """Return how far the sets, and the threats, are from the rational ones, as a share of the payoff ranges."""
    low, size = (np.array([float(x) for x in pair]) for pair in (made.data.low, made.data.size))
    out = 0.0
    for some, vertices in zip(found.sets, made.vertices, strict=True):
        claimed: Polygon = [(x, y) for x, y in ((some.vertices - low) / size).tolist()]
        if bool(claimed) != bool(vertices):
            return np.inf
        if claimed:
            exact = _floats(vertices)
            threat = (some.threat - low) / size - np.min(exact, axis=0)
            out = max(out, beyond(claimed, exact), beyond(exact, claimed), float(np.abs(threat).max()))
    return out


def _statement(made: Generation, outside: Fraction | None, apart: float) -> str:
    count = sum(map(len, made.vertices))
    empty = [name for name, some in zip(made.data.game.states, made.vertices, strict=True) if not some]
    nothing = f" No profile can be sustained in {', '.join(empty)}: the outer sets vanish." if empty else ""
    kind = "solve the equations of the sets exactly" if made.exact else "lie inside the sets by a tiny inset"
    inner = (
        f"{count} rational vertices in {len(made.vertices)} states generate themselves, checked exactly; they {kind}, "
        f"within {apart:.1e} of the floats."
    )
    if outside is None:
        return f"{inner} Nothing is proved from outside."
    return (
        f"{inner} In no state an equilibrium payoff lies farther beyond their faces than {float(outside):.1e} of the "
        f"range.{nothing}"
    )
