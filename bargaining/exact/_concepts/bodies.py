"""Polytopes, unions of polytopes, points and polygons in exact arithmetic, with the queries that the concepts need.

Every float is a rational number, so answers are exact for float data too. Queries about polytopes are small linear
programs: their variables are the weights of a mixture where the set is given by points, and payoffs where it is given
by inequalities. The coordinates of a polygon are scaled to integers once; after that all computations compare integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import Any, Protocol

import numpy as np

from bargaining._rational import Rationals, fractions, maximise
from bargaining.errors import NotApplicable, Status
from bargaining.exact.certificate import Claim, Number, unwrap
from bargaining.feasible._polygon import clip, pareto, ring
from bargaining.feasible.points import FreeDisposalHull
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus

Vector = tuple[Fraction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A box of payoffs that contains the answer: a single point if it is rational, None if there is no answer."""

    low: tuple[Fraction, ...] | None
    high: tuple[Fraction, ...] | None
    status: Status

    @property
    def payoffs(self) -> tuple[Fraction, ...] | None:
        """The answer if it is rational; None otherwise."""
        return self.low if self.low == self.high else None


def settled(payoffs: tuple[Fraction, ...] | None, status: Status) -> Enclosure:
    """Return the enclosure of an answer that is known exactly, or of None if there is no answer."""
    return Enclosure(low=payoffs, high=payoffs, status=status)


class Solid(Protocol):
    """A set with a disagreement point, and the queries in rationals that the concepts need."""

    @property
    def disagreement(self) -> Vector:
        """The disagreement point."""

    @property
    def what(self) -> str:
        """A description of the set."""

    def top(self, weights: Vector) -> Vector | None:
        """Return a feasible point with the largest weights . x; None if there is none."""

    def ideal(self, floor: Vector | None = None) -> Vector | None:
        """Return each player's largest payoff over the feasible x >= floor, d by default; None if there are none."""

    def furthest(
        self, origin: Vector, step: Vector, *, below: bool = False, nearest: bool = False
    ) -> Fraction | None:
        """Return the largest t >= 0 with origin + t * step in the set, or the smallest; None if there is none."""

    def contains(self, x: Vector) -> bool:
        """Say whether x is feasible."""

    def spans(self) -> Vector:
        """Return a size for each player."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Body:
    """A polytope and a disagreement point.

    Attributes
    ----------
    points : (m, n) array of Fraction, or None
        The set consists of the mixtures of these points, if it is given by points.
    matrix, limits : (k, n) and (k,) arrays of Fraction, or None
        The set is {x : matrix x <= limits}, if it is given by inequalities.
    disagreement : tuple of Fraction
    free_disposal : bool
        Whether everything below a mixture of the points is feasible.
    floor : tuple of Fraction, or None
        A lower bound of every feasible x; None if there is none or the inequalities include it.
    """

    points: Rationals | None
    matrix: Rationals | None
    limits: Rationals | None
    disagreement: Vector
    free_disposal: bool
    floor: Vector | None = None

    @property
    def what(self) -> str:
        """A description of the set."""
        return f"a polytope of {len(self.disagreement)} players"

    def most(self, weights: Sequence[Fraction | int], floor: Vector) -> Fraction | None:
        """Return the largest weights . x over the feasible x >= floor; None if there is no such x.

        Raises
        ------
        OverflowError
            If the maximum is infinite.
        """
        objective, rows, right, base = self.program(weights, floor)
        found = maximise(objective, rows, right)
        return None if found is None else found.value + base

    def program(
        self, weights: Sequence[Fraction | int], floor: Vector
    ) -> tuple[Rationals, Rationals, Rationals, Fraction]:
        """Return the objective, matrix and bounds of the linear program behind `most`, and a constant to add.

        The floor only affects the bounds.
        """
        w, low = vector(weights), vector(floor)
        if self.points is not None:
            low = low if self.floor is None else np.maximum(low, vector(self.floor))
            rows, right = self._mixtures()
            rows, right = np.concatenate((rows, -self.points.T)), np.concatenate((right, -low))
            return self.points @ w, rows, right, Fraction(0)
        assert self.matrix is not None
        assert self.limits is not None
        return w, self.matrix, self.limits - self.matrix @ low, dot(weights, tuple(low))

    def top(self, weights: Vector) -> Vector | None:
        """Return a maximiser of weights . x, of given points the mean of those that tie; None if nothing is feasible.

        Raises
        ------
        OverflowError
            If the maximum is infinite.
        """
        w = vector(weights)
        if self.points is not None and self.floor is None:
            worth = self.points @ w
            tied = list(dict.fromkeys(map(tuple, self.points[worth == max(worth)].tolist())))
            return tuple(sum(column, Fraction(0)) / len(tied) for column in zip(*tied, strict=True))
        if self.points is not None:
            rows, right = self._mixtures()
            rows = np.concatenate((rows, -self.points.T))
            right = np.concatenate((right, -vector(self.floor or ())))
            found = maximise(self.points @ w, rows, right)
            return None if found is None else tuple(vector(found.solution) @ self.points)
        assert self.matrix is not None
        assert self.limits is not None
        found = maximise(
            np.concatenate((w, -w)), np.concatenate((self.matrix, -self.matrix), axis=1), self.limits
        )
        if found is None:
            return None
        return tuple(p - q for p, q in zip(found.solution[: len(w)], found.solution[len(w) :], strict=True))

    def ideal(self, floor: Vector | None = None) -> Vector | None:
        """Return each player's largest payoff over the feasible x >= floor, d by default; None if there are none."""
        low = self.disagreement if floor is None else floor
        n = len(low)
        best = [self.most([int(i == j) for j in range(n)], low) for i in range(n)]
        return None if None in best else tuple(x for x in best if x is not None)

    def furthest(
        self, origin: Vector, step: Vector, *, below: bool = False, nearest: bool = False
    ) -> Fraction | None:
        """Return the largest t >= 0 with origin + t * step in the set, or the smallest; None if there is none.

        With `below`, a point of the ray also counts if some feasible point is at least as good for everyone.
        """
        start, move = vector(origin), vector(step)
        sign = -1 if nearest else 1
        if self.points is not None:
            rows, right = self._mixtures()
            none = np.zeros((len(rows), 1), dtype=object) + Fraction(0)
            above = np.concatenate((move[:, None], -self.points.T), axis=1)
            rows = np.concatenate((np.concatenate((none, rows), axis=1), above))
            right = np.concatenate((right, -start))
            if not (below or self.free_disposal):
                rows, right = np.concatenate((rows, -above)), np.concatenate((right, start))
            if self.floor is not None:
                rows, right = self._at_floor(rows, right, start, move, below=below)
            target = vector([sign] + [0] * len(self.points))
        else:
            assert self.matrix is not None
            more = self.matrix if below else self.matrix[:, :0]
            rows = np.concatenate(((self.matrix @ move)[:, None], more), axis=1)
            right, target = self.limits - self.matrix @ start, vector([sign] + [0] * more.shape[1])
        found = maximise(target, rows, right)
        return None if found is None else found.solution[0]

    def contains(self, x: Vector) -> bool:
        """Say whether x is feasible."""
        return self.furthest(x, (Fraction(0),) * len(x), nearest=True) is not None

    def spans(self) -> Vector:
        """Return a size for each player: the range of the points, or 1."""
        if self.points is None:
            return (Fraction(1),) * len(self.disagreement)
        return tuple(max(c) - min(c) or Fraction(1) for c in self.points.T.tolist())

    def _at_floor(
        self, rows: Rationals, right: Rationals, start: Rationals, move: Rationals, *, below: bool
    ) -> tuple[Rationals, Rationals]:
        """Add the rows of the floor, for the mixture and, if it can lie below the mixture, for the point of the ray."""
        assert self.points is not None
        low, zero = vector(self.floor or ()), np.zeros((len(move), 1), dtype=object) + Fraction(0)
        rows = np.concatenate((rows, np.concatenate((zero, -self.points.T), axis=1)))
        right = np.concatenate((right, -low))
        if self.free_disposal and not below:
            still = np.zeros(self.points.T.shape, dtype=object) + Fraction(0)
            rows = np.concatenate((rows, np.concatenate((-move[:, None], still), axis=1)))
            right = np.concatenate((right, start - low))
        return rows, right

    def _mixtures(self) -> tuple[Rationals, Rationals]:
        """Return the rows that make shares add up to one."""
        ones = fractions(np.ones((1, len(self.points) if self.points is not None else 0)))
        return np.concatenate((ones, -ones)), vector([1, -1])


def body(feasible: Polytope, disagreement: Sequence[Number]) -> Body:
    """Return a polytope in the form in which its data are given, with a disagreement point."""
    d = tuple(Fraction(x) for x in disagreement)
    if feasible.inequalities is not None:
        matrix, limits = (fractions(a) for a in feasible.inequalities)
        return Body(points=None, matrix=matrix, limits=limits, disagreement=d, free_disposal=False)
    given = feasible.points if feasible.exact is None else np.array(feasible.exact, dtype=object)
    assert given is not None
    points = fractions(given)
    return Body(points=points, matrix=None, limits=None, disagreement=d, free_disposal=feasible.free_disposal)


def body_of(claim: Claim) -> Body:
    """Return the polytope, or the surplus, that a claim is about, in the units of its payoffs."""
    if isinstance(claim.feasible, TransferableSurplus):
        ones = fractions(np.ones((1, len(claim.payoffs))))
        limits = vector([claim.at_cell(claim.feasible.total)])
        d = tuple(Fraction(x) for x in claim.disagreement)
        made = Body(points=None, matrix=ones, limits=limits, disagreement=d, free_disposal=False)
    else:
        made = body(claim.feasible, claim.disagreement)
    if claim.view is None:
        return made
    scale, shift = vector(claim.view.scale), vector(claim.view.shift)
    if made.points is not None:
        return replace(made, points=made.points * scale + shift, floor=claim.view.floor)
    assert made.matrix is not None
    assert made.limits is not None
    matrix = made.matrix / scale
    limits = made.limits + matrix @ shift
    if claim.view.floor is not None:
        matrix = np.concatenate((matrix, -fractions(np.eye(len(scale)))))
        limits = np.concatenate((limits, -vector(claim.view.floor)))
    return replace(made, matrix=matrix, limits=limits)


def dot(x: Sequence[Fraction | int], y: Sequence[Fraction]) -> Fraction:
    """Return the sum of products."""
    return sum((a * b for a, b in zip(x, y, strict=True)), Fraction(0))


def less(x: Vector, y: Vector) -> Vector:
    """Return x - y."""
    return tuple(a - b for a, b in zip(x, y, strict=True))


def vector(values: Iterable[Any]) -> Rationals:
    """Return a vector of Fractions."""
    listed = [Fraction(v) for v in values]
    found = np.empty(len(listed), dtype=object)
    found[:] = listed
    return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Points:
    """Points that cannot be mixed, with everything below them, and a disagreement point.

    Attributes
    ----------
    points : list of tuple of Fraction
    disagreement : tuple of Fraction
    floor : tuple of Fraction, or None
        A lower bound of every feasible x.
    """

    points: list[Vector]
    disagreement: Vector
    floor: Vector | None

    @property
    def what(self) -> str:
        """A description of the set."""
        return f"{len(self.points)} points without lotteries"

    def above(self, floor: Vector) -> list[Vector]:
        """Return the points at or above a floor."""
        return [v for v in self.points if all(x >= y for x, y in zip(v, floor, strict=True))]

    def top(self, weights: Vector) -> Vector | None:
        """Return a point with the largest weights . x; None if there are no points."""
        return max(self.points, key=lambda v: dot(weights, v), default=None)

    def ideal(self, floor: Vector | None = None) -> Vector | None:
        """Return each player's largest payoff over the points >= floor, d by default; None if there are none."""
        found = self.above(self.disagreement if floor is None else floor)
        return _largest(found) if found else None

    def furthest(
        self, origin: Vector, step: Vector, *, below: bool = False, nearest: bool = False
    ) -> Fraction | None:
        """Return the largest t >= 0 with origin + t * step in the set, or the smallest; None if there is none."""
        times = [_times(less(v, origin), step) for v in self.points]
        if self.floor is not None and not below:
            back = tuple(-p for p in step)
            start, end = _times(less(origin, self.floor), back)
            times = [
                (max(a, start), b if end is None else end if b is None else min(b, end)) for a, b in times
            ]
        met = [(a, b) for a, b in times if b is None or a <= b]
        if not met:
            return None
        return min(a for a, _ in met) if nearest else max(a if b is None else b for a, b in met)

    def contains(self, x: Vector) -> bool:
        """Say whether x is feasible."""
        return self.furthest(x, (Fraction(0),) * len(x), nearest=True) is not None

    def spans(self) -> Vector:
        """Return a size for each player: the range of the points, or 1."""
        return tuple(max(c) - min(c) or Fraction(1) for c in zip(*self.points, strict=True))


def _times(room: Vector, step: Vector) -> tuple[Fraction, Fraction | None]:
    """Return the least and the largest t >= 0 with t * step <= room; the least is larger if there is no such t."""
    first, last = Fraction(0), None
    for r, p in zip(room, step, strict=True):
        if p > 0:
            last = r / p if last is None else min(last, r / p)
        elif p < 0:
            first = max(first, r / p)
        elif r < 0:
            return Fraction(1), Fraction(0)
    return first, last


def points_of(claim: Claim) -> Points:
    """Return the points at or above the floor that a claim is about, in the units of its payoffs."""
    points = [tuple(map(Fraction, row)) for row in claim.feasible.points.tolist()]
    d, view = tuple(Fraction(x) for x in claim.disagreement), claim.view
    if view is None:
        return Points(points=points, disagreement=d, floor=None)
    moved = [tuple(x * a + b for x, a, b in zip(v, view.scale, view.shift, strict=True)) for v in points]
    whole = Points(points=moved, disagreement=d, floor=view.floor)
    return whole if view.floor is None else replace(whole, points=whole.above(view.floor))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bodies:
    """A union of polytopes, and a disagreement point.

    Attributes
    ----------
    parts : list of Body
    disagreement : tuple of Fraction
    """

    parts: list[Body]
    disagreement: Vector

    @property
    def what(self) -> str:
        """A description of the set."""
        return f"a union of {len(self.disagreement)} players"

    def top(self, weights: Vector) -> Vector | None:
        """Return a feasible point with the largest weights . x; None if there is none."""
        found = [top for one in self.parts if (top := one.top(weights)) is not None]
        return max(found, key=lambda x: sum(map(Fraction.__mul__, weights, x))) if found else None

    def ideal(self, floor: Vector | None = None) -> Vector | None:
        """Return each player's largest payoff over the feasible x >= floor, d by default; None if there are none."""
        found = [best for one in self.parts if (best := one.ideal(floor)) is not None]
        return _largest(found) if found else None

    def furthest(
        self, origin: Vector, step: Vector, *, below: bool = False, nearest: bool = False
    ) -> Fraction | None:
        """Return the largest t >= 0 with origin + t * step in the set, or the smallest; None if there is none."""
        each = (one.furthest(origin, step, below=below, nearest=nearest) for one in self.parts)
        found = [t for t in each if t is not None]
        return None if not found else min(found) if nearest else max(found)

    def contains(self, x: Vector) -> bool:
        """Say whether x is feasible."""
        return any(one.contains(x) for one in self.parts)

    def spans(self) -> Vector:
        """Return a size for each player."""
        return _largest([one.spans() for one in self.parts])


def bodies_of(claim: Claim) -> Bodies:
    """Return the union that a claim is about.

    Raises
    ------
    NotApplicable
        If one of its sets is given neither by points nor by inequalities.
    """
    d = tuple(Fraction(x) for x in claim.disagreement)
    parts = [part for one in claim.feasible.sets for part in _parts(replace(claim, feasible=one))]
    return Bodies(parts=parts, disagreement=d)


def _parts(claim: Claim) -> list[Body]:
    """Return the polytopes that make up one set of a union."""
    inner = unwrap(claim)
    claim = claim if inner is None else inner.claim
    if isinstance(claim.feasible, FreeDisposalHull):
        corners = claim.feasible.points[:, None]
        return [body_of(replace(claim, feasible=Polytope(one, free_disposal=True))) for one in corners]
    if isinstance(claim.feasible, Polytope | TransferableSurplus):
        return [body_of(claim)]
    raise NotApplicable(
        f"a union is certified where its sets are points, polytopes and surpluses; a {type(claim.feasible).__name__} "
        f"is none. Describe it as a Polytope."
    )


def _largest(vectors: Iterable[Vector]) -> Vector:
    return tuple(map(max, zip(*vectors, strict=True)))


Pair = tuple[int, int]
Corner = tuple[Fraction, Fraction]
Point = tuple[Fraction | int, Fraction | int]
Exact = Fraction | float | int
Halfplane = tuple[Corner, Fraction]
"""The x with a x0 + b x1 <= c, as ((a, b), c)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Polygon:
    """A polygon and a disagreement point in integers; payoffs are coordinates over `scale`.

    Attributes
    ----------
    vertices : list of pairs
        Counter-clockwise; no vertex lies on the segment between its neighbours.
    chain : list of pairs
        The strict Pareto frontier, from the best for player 1 to the best for player 0.
    """

    vertices: list[Pair]
    chain: list[Pair]
    disagreement: Pair
    scale: int
    free_disposal: bool

    def payoffs(self, x: Fraction | int, y: Fraction | int) -> tuple[Fraction, Fraction]:
        """Return the payoffs at a point in integer coordinates."""
        return Fraction(x) / self.scale, Fraction(y) / self.scale

    def ideal(self, floor: Point | None = None) -> Point | None:
        """Return each player's best coordinate over the feasible points >= floor (d by default); None if empty."""
        low_0, low_1 = floor or self.disagreement
        best_0 = _reach(self.chain, low_1)
        best_1 = _reach([(y, x) for x, y in self.chain[::-1]], low_0)
        if best_0 is None or best_1 is None or best_0 < low_0 or best_1 < low_1:
            return None
        return best_0, best_1

    def crossing(self, origin: Point, step: Point) -> tuple[Fraction, Fraction] | None:
        """Return the least and the largest t >= 0 with origin + t step feasible; None if the ray misses the set."""
        sides = self.sides()
        slack = tuple(Fraction(n_0 * (x - origin[0]) + n_1 * (y - origin[1])) for (x, y), (n_0, n_1) in sides)
        first, last = _times(slack, tuple(Fraction(n_0 * step[0] + n_1 * step[1]) for _, (n_0, n_1) in sides))
        last = first if last is None else last  # no upper bound: return the least t twice
        return None if last < first else (first, last)

    def contains(self, point: Point) -> bool:
        """Say whether a point is feasible."""
        return all(n_0 * (x - point[0]) + n_1 * (y - point[1]) >= 0 for (x, y), (n_0, n_1) in self.sides())

    def sides(self) -> list[tuple[Pair, Pair]]:
        """Return a point and an outward normal of each side."""
        if self.free_disposal:
            starts, ends = self.chain[1:], self.chain[:-1]
            extra = [(self.chain[-1], (1, 0)), (self.chain[0], (0, 1))]
        else:
            starts, ends = self.vertices, [*self.vertices[1:], self.vertices[0]]
            extra = []
            if len(starts) < 3:  # a segment or a point: add sides that bound it
                (a, b), (c, d) = starts[0], starts[-1]
                along = (c - a, d - b) if len(starts) == 2 else (1, 0)
                back = (-along[0], -along[1])
                extra = [((c, d), along), ((a, b), back)]
                extra += [((a, b), (0, 1)), ((a, b), (0, -1))] if len(starts) == 1 else []
        sides = [
            ((a, b), (d - b, a - c)) for (a, b), (c, d) in zip(starts, ends, strict=True) if (a, b) != (c, d)
        ]
        return sides + extra


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plane:
    """A polygon that answers the queries of `Solid` by its corners and sides."""

    polygon: Polygon

    @property
    def what(self) -> str:
        """A description of the set."""
        return f"a polygon of {len(self.polygon.vertices)} vertices"

    @property
    def disagreement(self) -> Vector:
        """The disagreement point."""
        return self.polygon.payoffs(*self.polygon.disagreement)

    def top(self, weights: Vector) -> Vector | None:
        """Return a feasible point that maximises weights . x: the mean of the maximisers if several points tie."""
        worth = [weights[0] * x + weights[1] * y for x, y in self.polygon.vertices]
        tied = [v for v, w in zip(self.polygon.vertices, worth, strict=True) if w == max(worth)]
        return tuple(
            Fraction(sum(column), len(tied) * self.polygon.scale) for column in zip(*tied, strict=True)
        )

    def ideal(self, floor: Vector | None = None) -> Vector | None:
        """Return each player's largest payoff over the feasible x >= floor, d by default; None if there are none."""
        found = self.polygon.ideal(None if floor is None else self._in_integers(floor))
        return None if found is None else self.polygon.payoffs(*found)

    def furthest(
        self, origin: Vector, step: Vector, *, below: bool = False, nearest: bool = False
    ) -> Fraction | None:
        """Return the largest t >= 0 with origin + t * step in the set, or the smallest; None if there is none."""
        shape = replace(self.polygon, free_disposal=True) if below else self.polygon
        times = shape.crossing(self._in_integers(origin), self._in_integers(step))
        return None if times is None else times[0 if nearest else 1]

    def contains(self, x: Vector) -> bool:
        """Say whether x is feasible."""
        return self.polygon.contains(self._in_integers(x))

    def spans(self) -> Vector:
        """Return a size for each player: the range of the corners, or 1."""
        columns = zip(*self.polygon.vertices, strict=True)
        return tuple(Fraction(max(c) - min(c), self.polygon.scale) or Fraction(1) for c in columns)

    def _in_integers(self, x: Sequence[Fraction]) -> Point:
        return x[0] * self.polygon.scale, x[1] * self.polygon.scale


def polygon_of(body: Body) -> Polygon:
    """Return a body of two players as a polygon; with inequalities or a floor, only the part above the floor or d.

    Raises
    ------
    OverflowError
        If this part has no upper bound.
    """
    if body.points is not None and body.floor is None:
        return from_pairs(body.points.tolist(), body.disagreement, free_disposal=body.free_disposal)
    floor = body.disagreement if body.floor is None else body.floor
    top = body.ideal(floor)
    if top is None:  # the set is empty: return a polygon without a point at or above d
        below = tuple(x - 1 for x in floor)
        beyond = tuple(map(max, body.disagreement, floor))
        return from_pairs([below], beyond, free_disposal=False)
    (low_0, low_1), (high_0, high_1) = floor, top
    corners = [(low_0, low_1), (high_0, low_1), (high_0, high_1), (low_0, high_1)]
    for normal, limit in _halfplanes(body):
        corners = clip(corners, normal, limit)
    return from_pairs(corners, body.disagreement, free_disposal=False)


def _halfplanes(body: Body) -> Iterable[Halfplane]:
    if body.points is None:
        assert body.matrix is not None
        assert body.limits is not None
        for (a, b), c in zip(body.matrix.tolist(), body.limits, strict=True):
            yield (a, b), c
        return
    whole = from_pairs(body.points.tolist(), body.disagreement, free_disposal=body.free_disposal)
    for (x, y), (a, b) in whole.sides():
        yield (Fraction(a), Fraction(b)), Fraction(a * x + b * y, whole.scale)


def from_pairs(
    points: Sequence[Sequence[Exact]], disagreement: Sequence[Exact], *, free_disposal: bool
) -> Polygon:
    """Return `polygon` of data already known to be finite pairs."""
    ratios = [value.as_integer_ratio() for row in (disagreement, *points) for value in row]
    scale = lcm(*(bottom for _, bottom in ratios))
    whole = [top * (scale // bottom) for top, bottom in ratios]
    d, *corners = zip(whole[::2], whole[1::2], strict=True)
    vertices = ring(corners)
    return Polygon(
        vertices=vertices, chain=pareto(vertices), disagreement=d, scale=scale, free_disposal=free_disposal
    )


def nash(problem: Polygon, weights: Sequence[Fraction] = (Fraction(1, 2), Fraction(1, 2))) -> Enclosure:
    """Return the Nash solution with weights that sum to one.

    Along each edge w0 log(x - d0) + w1 log(y - d1) is concave. So the walk down the frontier stops at the first vertex
    after which this sum falls, or inside the edge on which it is largest; there the first-order condition is linear in
    x. If some player cannot gain, the solution is the ideal point.
    """
    ideal = problem.ideal()
    if ideal is None:
        return settled(None, Status.EMPTY)
    if all(a > d for a, d in zip(ideal, problem.disagreement, strict=True)):
        return settled(problem.payoffs(*_product(problem, weights)), Status.OK)
    return settled(problem.payoffs(*ideal), Status.DEGENERATE)


def _product(problem: Polygon, weights: Sequence[Fraction]) -> Point:
    (d_0, d_1), (left, high) = problem.disagreement, problem.chain[0]
    w_0, w_1 = _proportion(weights)
    for right, low in problem.chain[1:]:
        width, fall = right - left, high - low
        if w_0 * (high - d_1) * width <= w_1 * (left - d_0) * fall:
            break
        if w_0 * (low - d_1) * width <= w_1 * (right - d_0) * fall:
            gain = Fraction(w_0 * ((high - d_1) * width + (left - d_0) * fall), (w_0 + w_1) * fall)
            return d_0 + gain, high - (d_0 + gain - left) * fall / width
        left, high = right, low
    return left, high


def _proportion(weights: Sequence[Fraction]) -> tuple[int, int]:
    (a, b), (c, d) = (w.as_integer_ratio() for w in weights)
    return a * d, c * b


def _reach(chain: Sequence[Pair], floor: Fraction | int) -> Fraction | None:
    """Return the largest x on a falling chain with y >= `floor`; None if there is no such x."""
    if chain[0][1] < floor:
        return None
    for (left, high), (right, low) in pairwise(chain):
        if low < floor:
            return left + (high - floor) * Fraction(right - left, high - low)
    return Fraction(chain[-1][0])
