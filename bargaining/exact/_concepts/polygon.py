"""Polygons in exact arithmetic: rationals in, Fractions out.

Every float is a rational, so float data are answered exactly too. Coordinates are scaled to integers
once, and everything after that is a comparison of integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import lcm

from bargaining.errors import Status
from bargaining.exact._concepts.bodies import Body, Enclosure, Vector, settled
from bargaining.feasible._polygon import clip, pareto, ring

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
        Counter-clockwise, none between its neighbours.
    chain : list of pairs
        The strict Pareto frontier, from the best for player 1 to the best for player 0.
    """

    vertices: list[Pair]
    chain: list[Pair]
    disagreement: Pair
    scale: int
    free_disposal: bool

    def payoffs(self, x: Fraction | int, y: Fraction | int) -> tuple[Fraction, Fraction]:
        """Return a point of the plane of integers as payoffs."""
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
        """Return the first and the last t >= 0 with origin + t step feasible; None where the ray misses the set."""
        first, last = Fraction(0), None
        for (x, y), (n_0, n_1) in self.sides():
            slack, speed = n_0 * (x - origin[0]) + n_1 * (y - origin[1]), n_0 * step[0] + n_1 * step[1]
            if speed > 0:
                last = Fraction(slack) / speed if last is None else min(last, Fraction(slack) / speed)
            elif speed < 0:
                first = max(first, Fraction(slack) / speed)
            elif slack < 0:
                return None
        last = first if last is None else last  # a ray that never leaves ends where it enters
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
            if len(starts) < 3:  # a segment, or a point: close it along itself
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
    """A polygon that answers what the concepts ask of a set in rationals, by its corners and sides."""

    polygon: Polygon

    @property
    def what(self) -> str:
        """What it is."""
        return f"a polygon of {len(self.polygon.vertices)} vertices"

    @property
    def disagreement(self) -> Vector:
        """The disagreement point."""
        return self.polygon.payoffs(*self.polygon.disagreement)

    def top(self, weights: Vector) -> Vector | None:
        """Return a feasible point with the largest weights . x, the middle of points that tie."""
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
    """Return a body of two players as a polygon; where it is given by inequalities, only what is at or above d.

    Raises
    ------
    OverflowError
        If that has no upper bound.
    """
    if body.points is not None and body.floor is None:
        return from_pairs(body.points.tolist(), body.disagreement, free_disposal=body.free_disposal)
    floor = body.disagreement if body.floor is None else body.floor
    top = body.ideal(floor)
    if top is None:  # a point that nothing is at or above answers for the empty set
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

    On the line through an edge w0 log(x - d0) + w1 log(y - d1) is concave, so the walk down the frontier stops
    at the first vertex beyond which it falls, or inside the edge on which it turns; there the first-order
    condition is linear in x. Where not everyone can gain it is the ideal point.
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
    """Return the largest x on a falling chain where y is at least `floor`; None if it never is."""
    if chain[0][1] < floor:
        return None
    for (left, high), (right, low) in pairwise(chain):
        if low < floor:
            return left + (high - floor) * Fraction(right - left, high - low)
    return Fraction(chain[-1][0])
