"""A polytope of two players as a polygon, in exact arithmetic: what inequalities, or a floor, leave of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from bargaining.exact import polygons
from bargaining.exact._concepts.bodies import Body, Vector
from bargaining.exact.polygons import Point, Polygon

Pair = tuple[Fraction, Fraction]
Halfplane = tuple[Fraction, Fraction, Fraction]
"""The x with a x0 + b x1 <= c."""


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
        return polygons.from_pairs(body.points.tolist(), body.disagreement, free_disposal=body.free_disposal)
    floor = body.disagreement if body.floor is None else body.floor
    top = body.ideal(floor)
    if top is None:  # a point that nothing is at or above answers for the empty set
        below = tuple(x - 1 for x in floor)
        beyond = tuple(map(max, body.disagreement, floor))
        return polygons.from_pairs([below], beyond, free_disposal=False)
    (low_0, low_1), (high_0, high_1) = floor, top
    corners = [(low_0, low_1), (high_0, low_1), (high_0, high_1), (low_0, high_1)]
    for halfplane in _halfplanes(body):
        corners = _cut(corners, halfplane)
    return polygons.from_pairs(corners, body.disagreement, free_disposal=False)


def _halfplanes(body: Body) -> Iterable[Halfplane]:
    if body.points is None:
        assert body.matrix is not None
        assert body.limits is not None
        for (a, b), c in zip(body.matrix.tolist(), body.limits, strict=True):
            yield a, b, c
        return
    whole = polygons.from_pairs(body.points.tolist(), body.disagreement, free_disposal=body.free_disposal)
    for (x, y), (a, b) in whole.sides():
        yield Fraction(a), Fraction(b), Fraction(a * x + b * y, whole.scale)


def _cut(corners: list[Pair], halfplane: Halfplane) -> list[Pair]:
    """Return the corners of what a halfplane leaves of a convex polygon (Sutherland and Hodgman 1974)."""
    a, b, c = halfplane
    kept = []
    for k, here in enumerate(corners):
        before = corners[k - 1]
        slack, last = (c - a * x - b * y for x, y in (here, before))
        if (slack > 0 > last) or (slack < 0 < last):
            share = last / (last - slack)
            kept.append(tuple(p + share * (q - p) for p, q in zip(before, here, strict=True)))
        if slack >= 0:
            kept.append(here)
    return kept  # type: ignore[return-value]
