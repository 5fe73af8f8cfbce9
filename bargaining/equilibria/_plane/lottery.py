"""Convex combinations of points in the plane, in rationals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from bargaining.equilibria._plane.polygon import hull as vertices
from bargaining.equilibria.automaton import Lottery as Lottery
from bargaining.equilibria.automaton import Pair as Pair
from bargaining.equilibria.automaton import Payoffs as Payoffs
from bargaining.feasible._polygon import area, clip

_AXES = (Fraction(-1), Fraction(0)), (Fraction(0), Fraction(-1))


def lotteries(vertices: tuple[Pair, ...], point: Pair) -> Iterator[Lottery]:
    """Yield probabilities of at most three vertices with this mean, fewest first."""
    for k, vertex in enumerate(vertices):
        if vertex == point:
            yield ((k, Fraction(1)),)
    n = len(vertices)
    for k in range(n):
        share = _share(vertices[k - 1], vertices[k], point)
        if share is not None:
            yield (((k - 1) % n, 1 - share), (k, share))
    for k in range(2, n):
        weights = _weights(vertices[0], vertices[k - 1], vertices[k], point)
        if weights is not None:
            yield ((0, weights[0]), (k - 1, weights[1]), (k, weights[2]))


def convex_lottery(vertices: Sequence[Pair], point: Pair) -> Lottery | None:
    """Return the lottery over three vertices in strictly convex position, or fewer; None if there is none.

    The triangle with the first vertex that holds the point is found by bisection.
    """
    if len(vertices) < 3:
        return next(lotteries(tuple(vertices), point), None)
    low, high = 1, len(vertices) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if area(vertices[0], vertices[middle], point) >= 0:
            low = middle
        else:
            high = middle
    weights = _weights(vertices[0], vertices[low], vertices[high], point)
    if weights is None:
        return None
    return tuple((k, share) for k, share in zip((0, low, high), weights, strict=True) if share)


def nearest(vertices: tuple[Pair, ...], point: Pair) -> Lottery:
    """Return a lottery over vertices with this mean, or with the nearest possible one."""
    lottery = next(lotteries(vertices, point), None)
    if lottery is not None:
        return lottery
    near = min(range(len(vertices)), key=lambda k: _square(vertices[k], point))
    best: tuple[Fraction, Lottery] = (_square(vertices[near], point), ((near, Fraction(1)),))
    for k, q in enumerate(vertices):
        p = vertices[k - 1]
        dx, dy = q[0] - p[0], q[1] - p[1]
        if dx or dy:
            share = ((point[0] - p[0]) * dx + (point[1] - p[1]) * dy) / (dx * dx + dy * dy)
            share = min(max(share, Fraction(0)), Fraction(1)).limit_denominator(2**60)
            at = (p[0] + share * dx, p[1] + share * dy)
            # Prefer a vertex to a point that is hardly nearer.
            if _square(at, point) < best[0] - Fraction(1, 2**80):
                best = _square(at, point), (((k - 1) % len(vertices), 1 - share), (k, share))
    return tuple((k, share) for k, share in best[1] if share)


def _square(p: Pair, q: Pair) -> Fraction:
    return (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2


def _share(p: Pair, q: Pair, point: Pair) -> Fraction | None:
    """Return t with point = (1 - t) p + t q, 0 <= t <= 1."""
    dx, dy, ax, ay = q[0] - p[0], q[1] - p[1], point[0] - p[0], point[1] - p[1]
    if ax * dy != ay * dx or not (dx or dy):
        return None
    t = ax / dx if dx else ay / dy
    return t if 0 <= t <= 1 else None


def _weights(p: Pair, q: Pair, r: Pair, point: Pair) -> tuple[Fraction, Fraction, Fraction] | None:
    whole = area(p, q, r)
    if not whole:
        return None
    b, c = area(p, point, r) / whole, area(p, q, point) / whole
    return (1 - b - c, b, c) if b >= 0 and c >= 0 and b + c <= 1 else None


def above(polygon: list[Pair], i: int, bound: Fraction) -> list[Pair]:
    """Return the part of a convex polygon where coordinate i is at least `bound`."""
    return clip(polygon, _AXES[i], -bound)


def below(polygon: list[Pair], i: int, bound: Fraction) -> list[Pair]:
    """Return the part of a convex polygon where coordinate i is at most `bound`."""
    x, y = _AXES[i]
    return clip(polygon, (-x, -y), bound)


def hull(points: Sequence[Pair]) -> list[int]:
    """Return which points are the vertices of their convex hull, counter-clockwise, exactly."""
    return vertices(points, merge=0)
