"""What inequalities, or a floor, leave of a plane set: a polygon in exact arithmetic."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from bargaining.exact import polygons
from bargaining.exact._concepts.bodies import Body
from bargaining.exact.polygons import Polygon

Pair = tuple[Fraction, Fraction]
Halfplane = tuple[Fraction, Fraction, Fraction]
"""The x with a x0 + b x1 <= c."""


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
