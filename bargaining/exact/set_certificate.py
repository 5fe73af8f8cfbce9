r"""Payoff sets and bounds certified from both sides, all states at once; a repeated game is one of one state.

*Inner.* Rational points of every state generate themselves: each is a profile followed by continuation payoffs inside
the hulls of the points of the states that may be next, and no player gains by leaving, or by a deviation. This is
checked in rationals, so every point, hence every point of the hulls, is an equilibrium payoff. Polygons of two players
whose actions are seen are solved for, see `generate`; other points are known up to a tiny error, see `polytope_proof`.

*Outer.* How far rows reach is bounded by affine functions of the levels of half-spaces, in rationals, and no row goes
beyond them on the way from levels that contain every payoff: see `outer_levels` and `polytope_proof`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import whole
from bargaining._arrays import Floats, short
from bargaining._rich import Shown
from bargaining.equilibria._exact_game import DEFAULT, ExactGame, Spent, Work
from bargaining.equilibria._plane_strategies import Generation, Pair, Payoffs, generate
from bargaining.equilibria.payoff_polygon import PayoffPolygon, distances
from bargaining.equilibria.payoff_set import PayoffBounds, StochasticPayoffBounds
from bargaining.equilibria.repeated.payoff_set import PayoffSet
from bargaining.equilibria.repeated.public import PublicPayoffSet
from bargaining.equilibria.sets.rows import Scaled
from bargaining.equilibria.sets.several.inner import Hull
from bargaining.equilibria.sets.several.refinement import Several
from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.exact.polytope_proof import PolytopeProof, outer_levels
from bargaining.games.stochastic import StochasticGame

_ROUNDING = 1e-12  # of distances in the unit box, with a large margin
_UNKNOWN = "Only bounds that `payoff_bounds` has returned can be proved: it keeps how they were found."

Found = PayoffSet | PublicPayoffSet | PayoffBounds | StochasticPayoffSets | StochasticPayoffBounds
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
        Whether the vertices solve the equations of the sets exactly; otherwise they lie inside by a tiny inset, or,
        with signals or three and more players, are known up to an error of rounding, which `bound` includes.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicCertificate(PayoffCertificate):
    """What is proved about the payoffs of perfect public equilibria, with the attributes of `PayoffCertificate`."""


def certify_sets(
    found: Found, *, tolerance: float | None = None, budget: int | None = None
) -> TwoSidedCertificate:
    """Prove from both sides how far payoff sets or bounds are from the true ones; see `certify`, which takes the same.

    Examples
    --------
    >>> from bargaining import Exit, Game, StochasticGame, payoff_bounds, payoff_set
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> chain, exits = [[Fraction(9, 10), Fraction(1, 10)], [0, 1]], Exit([[1, 1], [8, 3]])
    >>> game = StochasticGame.from_chain(prisoners, chain, Fraction(3, 10), exit=exits)
    >>> proof = certify_sets(payoff_set(game))
    >>> proof.holds, proof.exact, proof.vertices[0][2]
    (True, True, (Fraction(654, 73), Fraction(639, 73)))
    >>> certify_sets(payoff_bounds(game), tolerance=1e-6).holds
    True
    """
    stochastic = isinstance(found, StochasticPayoffSets | StochasticPayoffBounds)
    parts: Sequence[Any] = (found,)
    if isinstance(found, StochasticPayoffSets | StochasticPayoffBounds):
        parts = found.sets if isinstance(found, StochasticPayoffSets) else found.bounds
    units = DEFAULT if budget is None else whole(budget, "budget", 1)
    if tolerance is None:
        bounds = isinstance(parts[0], PayoffBounds)
        tolerance = parts[0].tolerance if bounds else found.stats.tolerance  # type: ignore[union-attr]
    proof, signals = _proof(found, [_vertices(part) for part in parts], units, tolerance)
    kind = StochasticCertificate if stochastic else PublicCertificate if signals else PayoffCertificate
    low, size = (np.array(some, float) for some in (proof.data.low, proof.data.size))
    best: Any = None
    bound, beyond = inf, None
    for points, error, how in proof.inner():
        floats = [np.array(some, float).reshape(-1, low.size) for some in points]
        apart = max(_apart(part, some, low, size) for part, some in zip(parts, floats, strict=True))
        outside = proof.beyond(floats)
        off = max(apart, _around(floats) if outside is None else outside) + float(error)
        if best is None or off < bound:
            best, bound, beyond = (points, how, apart + float(error)), off, outside
        if bound <= max(tolerance, proof.enough):
            break
    if best is None:
        outer = isinstance(proof, PolytopeProof) and proof.outer is not None
        text = " All equilibrium payoffs lie within half-spaces, checked exactly." if outer else ""
        bound = _around([(_vertices(part) - low) / size for part in parts])
        text, vertices = f"Not proved from inside: {proof.fault}{text}", tuple(() for _ in parts)
    else:
        outer, text = beyond is not None, _statement(proof, best[0], best[1], best[2], beyond)
        vertices = tuple(tuple(map(proof.data.back, some)) for some in best[0])
    return kind(
        inner=best is not None,
        outer=outer,
        bound=bound,
        exact=best is not None and proof.exact,
        tolerance=tolerance,
        statement=text,
        vertices=vertices if stochastic else vertices[0],
    )


def _proof(
    found: Found, vertices: list[Floats], units: int, tolerance: float
) -> tuple[PolygonProof | PolytopeProof, bool]:
    """Return what proves both sides, and whether actions are seen through signals."""
    sides: Any = None if isinstance(found, PayoffSet | StochasticPayoffSets) else found._found
    if isinstance(found, PayoffSet | StochasticPayoffSets):
        sides = vertices if isinstance(found, StochasticPayoffSets) else [found._hints]
    elif sides is None or (isinstance(found, PayoffBounds) and found.game is None):
        raise NotApplicable(_UNKNOWN)
    signals = isinstance(sides, Several) and sides.outer.profiles.limits is not None
    if isinstance(found, StochasticPayoffSets | StochasticPayoffBounds):
        game: Any = found.game
    else:
        game = found.game if signals else StochasticGame.from_repeated(found.game)  # type: ignore[arg-type]
    if isinstance(sides, Several):
        return PolytopeProof(game, sides, units), signals
    if not isinstance(sides, list):  # an enclosure of polygons
        scaled = Scaled.of(game)
        sides = [some * scaled.size + scaled.low for some in sides.inner or ()]
    return PolygonProof(game, sides, units, tolerance), False


class PolygonProof:
    """Both sides of polygons of two players whose actions are seen.

    Attributes
    ----------
    fault : str
        Why nothing is proved from inside.
    """

    enough = 0.0

    def __init__(
        self, game: StochasticGame, hints: Sequence[NDArray[Any]], units: int, tolerance: float
    ) -> None:
        self.data, self.units, self.tolerance, self.fault = ExactGame(game), units, tolerance, ""
        self.work, self.spent, self.exact = Work(units), False, False
        try:
            self.made = generate(game, hints, self.work) if len(hints) else "no inner sets were found"
        except Spent:
            self.fault = f"nothing was proved within a `budget` of {units} units; give a larger one."
        else:
            fault = self.made if isinstance(self.made, str) else self.made.fault_of_hints
            self.fault = fault and f"{fault}. The game may lie on a knife edge that rounding decides."

    def inner(self) -> Iterator[tuple[Sequence[Sequence[Payoffs]], Fraction, str]]:
        """Yield the vertices of each state, unless there is a fault, and how they are related to the sets."""
        if not self.fault:
            assert isinstance(self.made, Generation)
            self.exact = self.made.exact
            how = (
                "solve the equations of the sets exactly"
                if self.exact
                else "lie inside the sets by a tiny inset"
            )
            yield self.made.vertices, Fraction(0), how

    def beyond(self, points: list[Floats]) -> float | None:
        """Return how far half-planes reach beyond polygons, infinity where there are none; None if unproved."""
        try:
            levels = outer_levels(self.data, points, self.work, self.tolerance)
        except Spent:
            self.spent = True
            return None
        self.empty = [] if levels is None else [level is None for level in levels.levels]
        return None if levels is None else levels.beyond(points)


def _vertices(part: Any) -> Floats:
    """Return the vertices that a set, or the inner side of bounds, is said to have."""
    points = np.asarray(part.inner if isinstance(part, PayoffBounds) else part.vertices)
    if not np.isfinite(points).all():
        raise InvalidInput(f"`result` must have finite vertices; got {short(points)}. Compute it again.")
    return points


def _apart(part: Any, exact: Floats, low: Floats, size: Floats) -> float:
    """Return how far a set or bounds as given are from points of the unit box."""
    given = _vertices(part)
    claimed = (given - low) / size
    if not len(exact):
        return inf if len(claimed) else 0.0
    errors, least = [_outside(claimed, exact)], exact.min(axis=0)
    if isinstance(part, PayoffPolygon):
        errors += [_outside(exact, claimed), np.abs((part.threat - low) / size - least)]
        if isinstance(part, PublicPayoffSet):
            errors.append(_outside(exact, (part.outer - low) / size))
    elif part.status is Status.EMPTY:
        return inf
    else:
        far = ((exact * size + low) @ part.directions.T).max(axis=0) - part.levels
        ends = (part.threat - low) / size - least
        errors += [far / np.linalg.norm(part.directions * size, axis=1), ends[0], np.abs(ends[1])]
    off = float(np.max(np.concatenate([np.ravel(each) for each in errors]), initial=0.0))
    # Floats of payoffs with an offset cannot come closer than their own rounding.
    rounding = float((np.abs(given) / size).max(initial=0.0)) * np.finfo(float).eps
    return inf if np.isnan(off) else off if off > rounding else 0.0


def _outside(points: Floats, hull: Floats) -> Floats:
    """Return how far points lie outside a hull."""
    if not points.size or not hull.size or not np.isfinite(hull).all():
        return np.full(len(points), inf)
    if hull.shape[1] == 2:
        return distances(points, hull)
    solid = Hull.of(hull)
    return np.full(len(points), inf) if solid is None else solid.outside(points)


def _around(sets: Sequence[Floats]) -> float:
    """Return how far the box of all payoffs reaches beyond the smallest of sets in it; infinity if one is empty."""
    box = np.array([*product((0.0, 1.0), repeat=sets[0].shape[1])])
    return max(float(_outside(box, some).max()) for some in sets) * (1.0 + _ROUNDING)


def _statement(
    proof: PolygonProof | PolytopeProof, points: Any, how: str, apart: float, beyond: float | None
) -> str:
    states, text = proof.data.stages, ""
    count, where = sum(map(len, points)), f" in {len(states)} states" if len(states) > 1 else ""
    if count:
        text = (
            f"{count} rational vertices{where} generate themselves, checked exactly; they {how}, "
            f"within {apart:.1e} of the floats. "
        )
    if beyond is None:
        spent = f" The `budget` of {proof.units} units is spent: give a larger one." if proof.spent else ""
        return f"{text}Nothing is proved from outside.{spent}"
    names = [name for name, gone in zip(proof.data.names, proof.empty, strict=True) if gone]
    where = f" in {', '.join(names)}" if len(states) > 1 else ""
    nothing = f"No profile can be sustained{where}: the outer sets vanish."
    if count:
        text += f"No equilibrium payoff lies farther beyond their faces than {beyond:.1e} of the range."
        return f"{text} {nothing}" if names else text
    return nothing
