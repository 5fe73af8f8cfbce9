"""Convex polygons in the plane as lists of vertices, counter-clockwise from the lowest of the leftmost.

Every shape is a polygon here: no vertex is the empty set, one a point, two a segment.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bargaining._arrays import Floats
from bargaining.feasible._polygon import N, ring

Point = tuple[float, float]
Polygon = list[Point]

MERGE = 1e-14
"""Distance, in the unit box, below which a vertex counts as lying on its neighbours' edge."""


def hull(points: Sequence[tuple[N, N]], *, merge: float = MERGE) -> list[int]:
    """Return which points are the vertices of their convex hull, in order; exactly of fractions, with `merge` 0.

    The chain is exact up to the rounding of one cross product. Near-duplicates that remain are then dropped, but a
    vertex only if it lies *between* its neighbours, so that a thin set keeps its ends. Of points
    that coincide the first is kept.
    """
    first = dict(zip(points[::-1], range(len(points) - 1, -1, -1), strict=True))
    around = ring(first)
    cycle = [first[point] for point in around]
    return simplify(points, cycle, merge=merge) if merge else cycle


def simplify(points: Sequence[tuple[N, N]], cycle: list[int], *, merge: float) -> list[int]:
    """Drop, from a convex cycle of indices, each that lies between its neighbours up to `merge`."""
    i, unchanged = 0, 0
    while len(cycle) > 1 and unchanged < len(cycle):
        n = len(cycle)
        i %= n
        o, q = points[cycle[i - 1]], points[cycle[i]]
        if abs(q[0] - o[0]) + abs(q[1] - o[1]) <= merge:
            del cycle[i if cycle[i] > cycle[i - 1] else i - 1]
            i, unchanged = i - 1, 0
        elif n > 2 and _between(o, q, points[cycle[(i + 1) % n]], merge):
            del cycle[i]
            i, unchanged = i - 1, 0
        else:
            i, unchanged = i + 1, unchanged + 1
    return cycle


def _between(o: tuple[N, N], q: tuple[N, N], p: tuple[N, N], merge: float) -> bool:
    ax, ay, bx, by = q[0] - o[0], q[1] - o[1], p[0] - q[0], p[1] - q[1]
    if ax * bx + ay * by < 0:
        return False
    return ax * by - ay * bx <= merge * (abs(ax + bx) + abs(ay + by))


def beyond(polygon: Polygon, other: Polygon) -> float:
    """Return how far the farthest vertex of the polygon lies from another one, of any shape."""
    return float(distances(np.array(polygon), np.array(other)).max())


def distances(points: Floats, at: Floats) -> Floats:
    """Return how far points (k, 2) lie from the polygon with the vertices (m, 2), of any shape."""
    edges = np.roll(at, -1, axis=0) - at
    to = points[:, None] - at
    square = (edges**2).sum(axis=1)
    share = np.clip((edges * to).sum(axis=2) / np.where(square > 0.0, square, 1.0), 0.0, 1.0)
    distance = np.hypot(*(to - share[:, :, None] * edges).transpose(2, 0, 1)).min(axis=1)
    if len(at) > 2:
        distance[(edges[:, 0] * to[:, :, 1] - edges[:, 1] * to[:, :, 0] >= 0.0).all(axis=1)] = 0.0
    return np.asarray(distance)
