r"""Payoff sets certified from both sides, all states at once; a repeated game is a stochastic one of one state.

*Inner.* Rational vertices of every state generate themselves: each is a profile followed by continuation payoffs inside
the hulls of the vertices of the states that may be next, and no player gains by leaving, or by a deviation, after which
she gets her lowest vertex in the next state. This is checked in rationals, so every vertex, hence every
point of the hulls, is an equilibrium payoff.

*Outer.* How far rows reach is bounded by affine functions of the levels of half-planes, in rationals, and no row goes
beyond them on the way from levels that contain every payoff: see `outer_levels`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from bargaining._arguments import whole
from bargaining._arrays import Floats, short
from bargaining._rich import Shown
from bargaining.equilibria._plane.generation import Generation, floats, generate
from bargaining.equilibria._plane.lottery import Pair, Payoffs
from bargaining.equilibria._plane.polygon import Polygon, beyond
from bargaining.equilibria._plane.rationals import DEFAULT, Spent, Work
from bargaining.equilibria.repeated.payoff_set import PayoffSet
from bargaining.equilibria.sets.rows import Scaled
from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
from bargaining.errors import InvalidInput
from bargaining.exact.outer_levels import floats_of, outer_levels
from bargaining.games.stochastic import StochasticGame

_ROUNDING = 1e-12  # of distances in the unit box, with a large margin


Sets = tuple[tuple[Pair, ...], ...]


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
        No equilibrium payoff lies farther beyond a face of the inner set (of its state, in a stochastic game), and the
        certified set and its threat are no farther from the inner one, as a share of each player's payoff range. If
        `inner` or `outer` is not proved the bound is larger, since it is only known that equilibrium payoffs are means
        of stage payoffs and of payoffs after leaving; infinity if nothing is known about a set reported as empty.
    exact : bool
        Whether the vertices solve the equations of the sets exactly; otherwise they lie inside by a tiny inset.
    tolerance : float
        The required accuracy.
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
    """What is proved about a payoff set, or about bounds.

    Attributes
    ----------
    vertices : tuple of tuples of Fraction
        The inner vertices, counter-clockwise for two players; none if there is no equilibrium.
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
    found: PayoffSet, *, tolerance: float | None = None, budget: int | None = None
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
    tolerance = found.stats.tolerance if tolerance is None else tolerance
    proof = two_sided(game, [found._hints], tolerance, budget, off([found.vertices], [found.threat]))
    return PayoffCertificate(**proof | {"vertices": proof["vertices"][0] if proof["vertices"] else ()})


def certify_stochastic_payoff_sets(
    found: StochasticPayoffSets, *, tolerance: float | None = None, budget: int | None = None
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
    tolerance = found.stats.tolerance if tolerance is None else tolerance
    vertices, threats = [some.vertices for some in found.sets], [some.threat for some in found.sets]
    return StochasticCertificate(**two_sided(found.game, vertices, tolerance, budget, off(vertices, threats)))


def two_sided(
    game: StochasticGame,
    sets: Sequence[Any],
    tolerance: float,
    budget: int | None,
    apart_from: Callable[[Generation], float],
) -> dict[str, Any]:
    """Return what is proved, as the fields of a certificate.

    Parameters
    ----------
    game : StochasticGame
        Two players.
    sets : sequence of array_like of shape (m, 2)
        Vertices of each state's set: hints, which are checked.
    tolerance : float
        The required accuracy.
    budget : int or None
        Units of work.
    apart_from : callable
        Returns how far what was claimed is from sets in rationals.
    """
    work = Work(None if budget is None else whole(budget, "budget", 1))
    why = f"nothing was proved within a `budget` of {budget or DEFAULT} units; give a larger one"
    try:
        made = generate(game, sets, work)
    except Spent:
        made = why
    fault = made if isinstance(made, str) else made.fault_of_hints
    if isinstance(made, str) or fault:
        knife = "" if fault == why else " The game may lie on a knife edge that rounding decides."
        scaled = Scaled.of(game)
        units = ((np.asarray(some, float) - scaled.low) / scaled.size for some in sets)
        bound = _box_beyond([(x, y) for x, y in some.tolist()] for some in units)
        return fields_of(tolerance, f"Not proved from inside: {fault}.{knife}", bound=bound)
    apart, outside, spent = apart_from(made), None, ""
    around = _box_beyond(floats(vertices) for vertices in made.vertices)
    inner = floats_of(made.vertices)
    try:
        levels = outer_levels(made.data, inner, work, tolerance)
        outside = None if levels is None else levels.beyond(inner)
    except Spent:
        spent = f" The `budget` of {budget or DEFAULT} units is spent: give a larger one."
    return fields_of(
        tolerance,
        _statement(made, outside, apart) + spent,
        inner=True,
        outer=outside is not None,
        bound=max(apart, around if outside is None else outside),
        exact=made.exact,
        vertices=tuple(tuple(made.data.back(vertex) for vertex in some) for some in made.vertices),
    )


def fields_of(tolerance: float, statement: str, **proved: Any) -> dict[str, Any]:
    """Return the fields of a certificate: what is proved; everything else is marked as not proved."""
    nothing = {"inner": False, "outer": False, "bound": inf, "exact": False, "vertices": ()}
    return nothing | {"tolerance": tolerance, "statement": statement} | proved


def _box_beyond(sets: Iterable[Polygon]) -> float:
    """Return how far the box of all payoffs reaches beyond the smallest of sets in it; infinity if one is empty."""
    box: Polygon = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    return max(beyond(box, some) if some else inf for some in sets) * (1.0 + _ROUNDING)


def worst(errors: Iterable[float]) -> float:
    """Return the largest error; infinite if one is not a number."""
    out = float(np.max([*errors]))
    return np.inf if np.isnan(out) else out


def off(sets: Sequence[Floats], threats: Sequence[Floats]) -> Callable[[Generation], float]:
    """Return a function that says how far sets and threats are from rational ones, as a share of the payoff ranges."""
    for some in sets:
        if not np.isfinite(some).all():
            raise InvalidInput(f"`result` must have finite vertices; got {short(some)}. Compute it again.")
    return lambda made: _apart(sets, threats, made)


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
            off = worst([beyond(claimed, exact), beyond(exact, claimed), *np.abs(threat)])
            # Floats of payoffs with an offset cannot come closer than their own rounding.
            rounding = float((np.abs(some) / size).max()) * np.finfo(float).eps
            out = max(out, off if off > rounding else 0.0)
    return out


def _statement(made: Generation, outside: float | None, apart: float) -> str:
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
    beyond_faces = f"No equilibrium payoff lies farther beyond their faces than {outside:.1e} of the range."
    return f"{inner} {beyond_faces}{nothing}"
