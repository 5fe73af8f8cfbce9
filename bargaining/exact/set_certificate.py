r"""Payoff sets certified from both sides, all states at once; a repeated game is a stochastic one of one state.

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
where the margin is not far larger than the rounding of floats. That everything lies in :math:`X(E)`, and that a state
has no equilibrium, follows from applications of the operator to sets that hold everything, each rounded outward by
far more than floats can err.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf
from typing import Any

import numpy as np

from bargaining._arguments import whole
from bargaining._arrays import Floats
from bargaining._rich import Shown
from bargaining.equilibria._plane.generation import Generation, floats, generate
from bargaining.equilibria._plane.lottery import Pair, Payoffs, hull, lotteries
from bargaining.equilibria._plane.model import Scaled
from bargaining.equilibria._plane.polygon import Polygon, beyond
from bargaining.equilibria._plane.rationals import DEFAULT, Spent, Work
from bargaining.equilibria.repeated._search.scaled import roomy
from bargaining.equilibria.repeated.payoff_set import PayoffSet
from bargaining.equilibria.stochastic._search.search import Search
from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
from bargaining.errors import InvalidInput
from bargaining.exact._outer_sets import Outward, Sets, reach
from bargaining.games.stochastic import StochasticGame

_LIMIT = 1000  # applications of the operator in floats, for a guess
_TRIES = 12  # applications of the operator before the sets are guessed
_ROUNDING = 1e-12  # of distances in the unit box, by far


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSidedCertificate(Shown):
    """What is proved from inside and from outside.

    Attributes
    ----------
    inner : bool
        Whether the rational vertices generate themselves, so that all of them are equilibrium payoffs.
    outer : bool
        Whether the operator proves that no equilibrium payoff lies farther outside than `bound`.
    bound : float
        No equilibrium payoff lies farther beyond a face of the inner set, of its state in a stochastic game, and no
        set that was certified, nor its threat, is farther from the inner one, as a share of each player's payoff
        range. Where `inner` or `outer` is missing it is larger, as all that is known is that equilibrium payoffs are
        means of stage payoffs and of payoffs after leaving; infinity if nothing is known of a set said to be empty.
    exact : bool
        Whether the vertices solve the equations of the sets exactly, rather than lie inside them by a tiny inset.
    tolerance : float
        The accuracy asked for.
    statement : str
        What is proved, in words.
    vertices : tuple
        The inner vertices, rational, counter-clockwise.
    """

    inner: bool
    outer: bool
    bound: float
    exact: bool
    tolerance: float
    statement: str
    vertices: tuple[Any, ...]

    @property
    def holds(self) -> bool:
        """Whether both sides are proved and the bound meets the tolerance."""
        return self.inner and self.outer and self.bound <= self.tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoffCertificate(TwoSidedCertificate):
    """What is proved about a payoff set.

    Attributes
    ----------
    vertices : tuple of pairs of Fraction
        The inner vertices, counter-clockwise; none if there is no equilibrium.
    inner, outer, bound, exact, tolerance, statement
        As for `TwoSidedCertificate`.
    """

    vertices: tuple[Payoffs, ...]


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


def certify_payoff_set(
    found: PayoffSet, *, tolerance: float = 1e-9, budget: int | None = None
) -> PayoffCertificate:
    """Prove from both sides how far a payoff set is from the true one; see `certify`, which takes the same.

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
    game = StochasticGame.from_repeated(found.repeated)
    proof = _proof(game, [found.vertices], [found.threat], tolerance, budget, [found._hints])
    return PayoffCertificate(**proof | {"vertices": proof["vertices"][0] if proof["vertices"] else ()})


def certify_stochastic_payoff_sets(
    found: StochasticPayoffSets, *, tolerance: float = 1e-9, budget: int | None = None
) -> StochasticCertificate:
    """Prove from both sides how far the payoff sets of a stochastic game are from the true ones; see `certify`.

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
    vertices, threats = [some.vertices for some in found.sets], [some.threat for some in found.sets]
    return StochasticCertificate(**_proof(found.game, vertices, threats, tolerance, budget))


def _proof(
    game: StochasticGame,
    sets: Sequence[Floats],
    threats: Sequence[Floats],
    tolerance: float,
    budget: int | None,
    hints: Sequence[Any] | None = None,
) -> dict[str, Any]:
    """Return what is proved, as the fields of a certificate."""
    work = Work(None if budget is None else whole(budget, "budget", 1))
    why = f"nothing was proved within a `budget` of {budget or DEFAULT} units; give a larger one"
    try:
        made = generate(game, sets if hints is None else hints, work, roomy)
    except Spent:
        made = why
    fault = made if isinstance(made, str) else made.fault_of_hints
    if isinstance(made, str) or fault:
        knife = "" if fault == why else " The game may lie on a knife edge that rounding decides."
        scaled = Scaled.of(game)
        bound = _box_beyond(((some - scaled.low) / scaled.size).tolist() for some in sets)
        return fields_of(tolerance, f"Not proved from inside: {fault}.{knife}", bound=bound)
    apart, outside, spent = _apart(sets, threats, made), None, ""
    around = _box_beyond(floats(vertices) for vertices in made.vertices)
    try:
        outside = _reach(made, work)
    except Spent:
        spent = f" The `budget` of {budget or DEFAULT} units is spent: give a larger one."
    return fields_of(
        tolerance,
        _statement(made, outside, apart) + spent,
        inner=True,
        outer=outside is not None,
        bound=max(apart, around if outside is None else float(outside)),
        exact=made.exact,
        vertices=tuple(tuple(made.data.back(vertex) for vertex in some) for some in made.vertices),
    )


def fields_of(tolerance: float, statement: str, **proved: Any) -> dict[str, Any]:
    """Return the fields of a certificate: what is proved, and of all else that it is not."""
    nothing = {"inner": False, "outer": False, "bound": inf, "exact": False, "vertices": ()}
    return nothing | {"tolerance": tolerance, "statement": statement} | proved


def _box_beyond(sets: Iterable[Polygon]) -> float:
    """Return how far the box of all payoffs reaches beyond the smallest of sets in it; infinity if one is empty."""
    box: Polygon = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    return max(beyond(box, some) if some else inf for some in sets) * (1.0 + _ROUNDING)


def _reach(made: Generation, work: Work) -> Fraction | None:
    """Return how far beyond the inner sets an equilibrium payoff may lie, None if nothing is proved.

    Outcomes of leaving are first taken as given, which can only enlarge the sets; one that is shown not to be
    credible even in the larger sets is dropped.
    """
    outward = Outward(made.data, Scaled.of(made.data.game).model, work)
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


def _larger(outward: Outward) -> Sets:
    """Return sets that hold the outcomes of leaving that are given, found in floats: a guess."""
    search = Search.start(outward.model, outward.start)
    search.run(_LIMIT)
    found = [[(Fraction(x), Fraction(y)) for x, y in polygon] for polygon in search.polygons]
    every = [[*polygon, *points] for polygon, points in zip(found, outward.leaves, strict=True)]
    return tuple(tuple(points[k] for k in hull(points)) for points in every)


def _proved(outward: Outward, sets: Sets) -> Fraction | None:
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
    return beyond(floats(one), floats(other)) if other else np.inf


def _apart(sets: Sequence[Floats], threats: Sequence[Floats], made: Generation) -> float:
    """Return how far the sets, and the threats, are from the rational ones, as a share of the payoff ranges."""
    low, size = (np.array([float(x) for x in pair]) for pair in (made.data.low, made.data.size))
    out = 0.0
    for some, low_ones, vertices in zip(sets, threats, made.vertices, strict=True):
        claimed: Polygon = [(x, y) for x, y in ((some - low) / size).tolist()]
        if bool(claimed) != bool(vertices):
            return np.inf
        if claimed:
            exact = floats(vertices)
            threat = (low_ones - low) / size - np.min(exact, axis=0)
            off = max(beyond(claimed, exact), beyond(exact, claimed), float(np.abs(threat).max()))
            # Floats of payoffs with an offset cannot come closer than their own rounding.
            rounding = float((np.abs(some) / size).max()) * np.finfo(float).eps
            out = max(out, off if off > rounding else 0.0)
    return out


def _statement(made: Generation, outside: Fraction | None, apart: float) -> str:
    count = sum(map(len, made.vertices))
    empty = [name for name, some in zip(made.data.game.states, made.vertices, strict=True) if not some]
    where = f" in {', '.join(empty)}" if len(made.vertices) > 1 else ""
    nothing = f" No profile can be sustained{where}: the outer sets vanish." if empty else ""
    where = f" in {len(made.vertices)} states" if len(made.vertices) > 1 else ""
    kind = "solve the equations of the sets exactly" if made.exact else "lie inside the sets by a tiny inset"
    inner = (
        f"{count} rational vertices{where} generate themselves, checked exactly; they {kind}, "
        f"within {apart:.1e} of the floats."
    )
    if outside is None:
        return f"{inner} Nothing is proved from outside."
    beyond_faces = (
        f"No equilibrium payoff lies farther beyond their faces than {float(outside):.1e} of the range."
    )
    return f"{inner} {beyond_faces}{nothing}"
