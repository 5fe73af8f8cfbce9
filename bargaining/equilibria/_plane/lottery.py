"""Convex combinations of points in the plane, and sums of polygons of continuations, in rationals."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import inf
from typing import NamedTuple

from bargaining.equilibria._plane.rationals import Law
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


class Sum(NamedTuple):
    """A weighted sum of polygons: its vertices, and which vertex of each state's polygon they stand on."""

    vertices: tuple[Pair, ...]
    at: list[dict[int, int]]

    def lottery(self, point: Pair) -> dict[int, Lottery] | None:
        """Return, for each next state, a lottery over its vertices; None if the point lies outside."""
        found = convex_lottery(self.vertices, point)
        if found is None:
            return None
        out: dict[int, Lottery] = {}
        for s in self.at[0] if self.at else ():
            shares: dict[int, Fraction] = {}
            for k, share in found:
                vertex = self.at[k][s]
                shares[vertex] = shares.get(vertex, Fraction(0)) + share
            out[s] = tuple((vertex, share) for vertex, share in shares.items() if share)
        return out


class Sums:
    """Weighted sums of convex polygons given counter-clockwise: their edges are sorted by angle once."""

    def __init__(self, polygons: Sequence[tuple[Pair, ...]]) -> None:
        self.polygons = polygons
        # The leftmost of the lowest vertices.
        self.start = [
            min(range(len(polygon)), key=lambda k: (polygon[k][1], polygon[k][0]), default=-1)
            for polygon in polygons
        ]
        edges = [
            ((polygon[k][0] - polygon[k - 1][0], polygon[k][1] - polygon[k - 1][1]), s, k)
            for s, polygon in enumerate(polygons)
            for k in range(len(polygon))
            if len(polygon) > 1
        ]
        self.edges = sorted([(_angle(edge), edge, s, k) for edge, s, k in edges], key=lambda each: each[0])

    def of(self, law: Law) -> Sum:
        """Return the sum weighted by a law; no vertex of it if a state that may follow has none."""
        if any(not self.polygons[s] for s in law):
            return Sum((), [])
        stand = {s: self.start[s] for s in law}
        x, y = (sum((p * self.polygons[s][stand[s]][i] for s, p in law.items()), Fraction(0)) for i in (0, 1))
        vertices, at = [(x, y)], [dict(stand)]
        last: tuple[bool, Fraction | float] | None = None
        for angle, direction, s, k in self.edges:
            if s not in law:
                continue
            x, y = x + law[s] * direction[0], y + law[s] * direction[1]
            stand[s] = k
            if last == angle:
                vertices[-1], at[-1] = (x, y), dict(stand)
            else:
                vertices.append((x, y))
                at.append(dict(stand))
            last = angle
        if len(vertices) > 1:  # the last step returns to the first vertex
            vertices.pop()
            at.pop()
        return Sum(tuple(vertices), at)


def _angle(d: Pair) -> tuple[bool, Fraction | float]:
    """Return what orders directions by their angle from 0 to 360 degrees."""
    return d[1] < 0 or (d[1] == 0 and d[0] < 0), -d[0] / d[1] if d[1] else -inf
