"""Convex combinations of points in the plane, in rationals."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from bargaining.equilibria.automaton import Lottery as Lottery
from bargaining.equilibria.automaton import Pair as Pair
from bargaining.equilibria.automaton import Payoffs as Payoffs
from bargaining.feasible._polygon import area, clip, ring

_AXES = (Fraction(-1), Fraction(0)), (Fraction(0), Fraction(-1))


def convex_lottery(vertices: Sequence[Pair], point: Pair) -> Lottery | None:
    """Return the lottery over three vertices in strictly convex position, or fewer; None if there is none.

    The triangle with the first vertex that holds the point is found by bisection.
    """
    low, high = 1, len(vertices) - 1
    if high < 1:
        return ((0, Fraction(1)),) if point in vertices else None
    if high == 1:
        share, at = _projection(vertices[0], vertices[1], point)
        return _lottery({0: 1 - share, 1: share}) if at == point else None
    while high - low > 1:
        middle = (low + high) // 2
        if area(vertices[0], vertices[middle], point) >= 0:
            low = middle
        else:
            high = middle
    p, q, r = vertices[0], vertices[low], vertices[high]
    whole = area(p, q, r)
    b, c = area(p, point, r) / whole, area(p, q, point) / whole
    return _lottery({0: 1 - b - c, low: b, high: c}) if b >= 0 and c >= 0 and b + c <= 1 else None


def nearest(vertices: Sequence[Pair], point: Pair) -> Lottery:
    """Return a lottery over vertices with this mean, or with the nearest possible one."""
    lottery = convex_lottery(vertices, point)
    if lottery is not None:
        return lottery
    near = min(range(len(vertices)), key=lambda k: _square(vertices[k], point))
    best, out = _square(vertices[near], point), {near: Fraction(1)}
    for k, q in enumerate(vertices):
        share, at = _projection(vertices[k - 1], q, point)
        # Prefer a vertex to a point that is hardly nearer.
        if _square(at, point) < best - Fraction(1, 2**80):
            best, out = _square(at, point), {(k - 1) % len(vertices): 1 - share, k: share}
    return _lottery(out)


def _lottery(shares: dict[int, Fraction]) -> Lottery:
    return tuple((k, share) for k, share in shares.items() if share)


def _square(p: Pair, q: Pair) -> Fraction:
    return (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2


def _projection(p: Pair, q: Pair, point: Pair) -> tuple[Fraction, Pair]:
    """Return the point nearest to another on the segment from p to q, and its share of the way."""
    dx, dy = q[0] - p[0], q[1] - p[1]
    share = ((point[0] - p[0]) * dx + (point[1] - p[1]) * dy) / (dx * dx + dy * dy or 1)
    share = min(max(share, Fraction(0)), Fraction(1))
    return share, (p[0] + share * dx, p[1] + share * dy)


def between(polygon: list[Pair], i: int, least: Fraction | None, most: Fraction | None) -> list[Pair]:
    """Return the part of a convex polygon where coordinate i lies between bounds."""
    x, y = _AXES[i]
    polygon = polygon if least is None else clip(polygon, (x, y), -least)
    return polygon if most is None else clip(polygon, (-x, -y), most)


def hull(points: Sequence[Pair]) -> list[int]:
    """Return which points are the vertices of their convex hull, counter-clockwise, exactly."""
    first = dict(zip(points[::-1], range(len(points) - 1, -1, -1), strict=True))
    return [first[point] for point in ring(first)]
