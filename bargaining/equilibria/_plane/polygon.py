"""Convex polygons in the plane as lists of vertices, counter-clockwise from the lowest of the leftmost.

Every shape is a polygon here: no vertex is the empty set, one a point, two a segment.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import hypot, inf

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.feasible._polygon import N, clip, ring

Point = tuple[float, float]
Polygon = list[Point]

_SHAPED = 9  # from so many vertices on a polygon says more than as many directions
_MANY = 2000  # points from which fixed directions find as much as a guess does

_TABLE = 2_000_000  # entries of a table of points and directions, 16 MB

MERGE = 1e-14
"""Distance, in the unit box, below which a vertex counts as lying on its neighbours' edge."""


def hull(points: Sequence[tuple[N, N]], *, merge: float = MERGE, given: int = 0) -> list[int]:
    """Return which points are the vertices of their convex hull, in order; exactly of fractions, with `merge` 0.

    The chain is exact up to the rounding of one cross product. Near-duplicates that remain are then dropped, but a
    vertex only if it lies *between* its neighbours, so that a thin set keeps its ends. Of points
    that coincide the first is kept, and of the first `given` points all that are vertices and do not coincide.
    """
    first = dict(zip(points[::-1], range(len(points) - 1, -1, -1), strict=True))
    around = ring(first)
    cycle = [first[point] for point in around]
    return (
        cycle
        if len(cycle) < 2 or _turns(around, merge)
        else simplify(points, cycle, merge=merge, given=given)
    )


def corners(cycle: Polygon) -> list[int]:
    """Return what `hull` does, fast for points that are the vertices of a convex polygon in order already."""
    if _turns(cycle, MERGE) == 2:  # it winds once
        first = cycle.index(min(cycle))
        return [*range(first, len(cycle)), *range(first)]
    return hull(cycle)


def _turns(cycle: list[tuple[N, N]], merge: float) -> int:
    """Return how often a cycle turns back along the first axis, 0 if it is not strictly convex."""
    if len(cycle) < 3:
        return 0
    turns, (ox, oy), (qx, qy) = 0, cycle[-2], cycle[-1]
    ax, ay = qx - ox, qy - oy
    for x, y in cycle:
        bx, by = x - qx, y - qy
        if ax * by - ay * bx <= merge * (abs(ax + bx) + abs(ay + by)) or abs(bx) + abs(by) <= merge:
            return 0
        if (ax < 0) != (bx < 0):
            turns += 1
        qx, qy, ax, ay = x, y, bx, by
    return turns


def simplify(points: Sequence[tuple[N, N]], cycle: list[int], *, merge: float, given: int = 0) -> list[int]:
    """Drop, from a convex cycle of indices, each that is not given and lies between its neighbours up to `merge`."""
    i, unchanged = 0, 0
    while len(cycle) > 1 and unchanged < len(cycle):
        n = len(cycle)
        i %= n
        o, q = points[cycle[i - 1]], points[cycle[i]]
        if abs(q[0] - o[0]) + abs(q[1] - o[1]) <= merge:
            del cycle[i if cycle[i] > cycle[i - 1] else i - 1]
            i, unchanged = i - 1, 0
        elif n > 2 and cycle[i] >= given and _between(o, q, points[cycle[(i + 1) % n]], merge):
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


def outline(
    points: Floats, like: Polygon | None = None, *, least: int = 48, merge: float = MERGE
) -> list[int]:
    """Return the hull of an array of shape (2, N): vertices as indices, found fast when N is large.

    `like` is a polygon whose shape the hull may share: it points to a first guess of the vertices, unless it has few
    or the points are so many that fixed directions find as much. This ring of extreme points grows by the farthest
    point beyond each of its edges, and what lies inside it is forgotten.
    """
    if points.shape[1] <= least:
        return hull(list(zip(*points.tolist(), strict=True)), merge=merge)
    guided = like is not None and len(like) >= _SHAPED and points.shape[1] <= _MANY
    directions = _pointing(like) if like is not None and guided else _DIRECTIONS
    everything = np.arange(points.shape[1])
    ring = _ring(points, {*_beyond(points, directions, None, everything, merge)[1].tolist()}, merge)
    outside, tried = everything, set(ring)
    while len(ring) > 2 and outside.size > least:
        outside, far = _beyond(points, *_edges(points, ring), outside, merge)
        if not outside.size:
            return ring
        if outside.size > least:
            farthest = {*far.tolist()}
            if farthest <= tried:  # what is left lies along the edges, and matters only past their ends
                along = (points[:, ring[1:] + ring[:1]] - points[:, ring]).T @ points[:, outside]
                ends = np.concatenate([along.argmin(axis=1), along.argmax(axis=1)])
                return _ring(points, {*ring, *outside[ends].tolist()}, merge)
            tried |= farthest
            ring = _ring(points, {*ring, *farthest}, merge)
    return _ring(points, {*ring, *outside.tolist()}, merge)


def _edges(points: Floats, ring: list[int]) -> tuple[Floats, Floats]:
    """Return the outward normal of each edge of a ring, and how far the ring goes along it."""
    corner = list(zip(*points[:, ring].tolist(), strict=True))
    edges = []
    for (x, y), (p, q) in zip(corner, corner[1:] + corner[:1], strict=True):
        length = hypot(p - x, q - y)
        a, b = (q - y) / length, (x - p) / length
        edges.append((a, b, a * x + b * y))
    edge = np.array(edges)
    return edge[:, :2], edge[:, 2:]


def _beyond(
    points: Floats, normals: Floats, levels: Floats | None, which: NDArray[np.intp], merge: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return those of some points that lie beyond a line, and the farthest in the direction of each; in blocks."""
    step, kept = max(_TABLE // len(normals), 1), []
    best, farthest = np.full(len(normals), -np.inf), np.full(len(normals), -1)
    for first in range(0, which.size, step):
        part = which[first : first + step]
        height = normals @ (points if part.size == points.shape[1] else points[:, part])
        if levels is not None:
            height -= levels
            beyond = np.flatnonzero((height > merge / 8).any(axis=0))
            if not beyond.size:
                continue
            part = part[beyond]
            height = height[:, beyond]
            kept.append(part)
        k = height.argmax(axis=1)
        top = height[np.arange(len(normals)), k]
        farthest, best = np.where(top > best, part[k], farthest), np.maximum(top, best)
    return np.concatenate(kept) if kept else which[:0], farthest


def _pointing(polygon: Polygon) -> Floats:
    """Return, for each vertex, a direction in which it is the farthest: the middle of its two edges' normals."""
    out = []
    for k, (x, y) in enumerate(polygon):
        (ox, oy), (px, py) = polygon[k - 1], polygon[(k + 1) % len(polygon)]
        a, b = hypot(x - ox, y - oy) or 1.0, hypot(px - x, py - y) or 1.0
        out.append(((y - oy) / a + (py - y) / b, (ox - x) / a + (x - px) / b))
    return np.array(out)


def _ring(points: Floats, kept: set[int], merge: float) -> list[int]:
    order = list(kept)
    corners = hull(list(zip(*points[:, order].tolist(), strict=True)), merge=merge)
    return [order[k] for k in corners]


_DIRECTIONS = np.stack([f(np.arange(16) * (np.pi / 8)) for f in (np.cos, np.sin)], axis=1)


class Chains:
    """The boundary as four functions: lowest and highest y at x, leftmost and rightmost x at y.

    Each chain is (arguments, values, vertices): the increasing arguments, the other coordinate, and which
    vertices of the polygon these are.
    """

    __slots__ = ("bottom", "high", "left", "low", "right", "top")

    def __init__(self, polygon: Polygon) -> None:
        xs, ys = [p[0] for p in polygon], [p[1] for p in polygon]
        n = len(polygon)
        if n < 3:
            self._segment(xs, ys)
            return
        self.low, self.high = (min(xs), min(ys)), (max(xs), max(ys))
        # Counter-clockwise, an edge along an extreme runs from its first vertex to its last.
        west, south = _span(xs, self.low[0], n), _span(ys, self.low[1], n)
        east, north = _span(xs, self.high[0], n), _span(ys, self.high[1], n)
        xs, ys, order = xs + xs, ys + ys, [*range(n)] * 2  # a walk past the end goes on from the start
        low, right = _walk(west[1], east[0], n), _walk(south[1], north[0], n)
        top, left = _walk(east[1], west[0], n), _walk(north[1], south[0], n)
        self.bottom, self.right = (xs[low], ys[low], order[low]), (ys[right], xs[right], order[right])
        self.top = xs[top][::-1], ys[top][::-1], order[top][::-1]
        self.left = ys[left][::-1], xs[left][::-1], order[left][::-1]

    def _segment(self, xs: list[float], ys: list[float]) -> None:
        ends = range(len(xs))
        self.low, self.high = (min(xs), min(ys)), (max(xs), max(ys))
        across = sorted(ends, key=xs.__getitem__) if self.low[0] < self.high[0] else []
        along = sorted(ends, key=ys.__getitem__) if self.low[1] < self.high[1] else []
        self.bottom = chain(xs, ys, across or [min(ends, key=ys.__getitem__)])
        self.top = chain(xs, ys, across or [max(ends, key=ys.__getitem__)])
        self.left = chain(ys, xs, along or [min(ends, key=xs.__getitem__)])
        self.right = chain(ys, xs, along or [max(ends, key=xs.__getitem__)])


def _span(values: list[float], extreme: float, n: int) -> tuple[int, int]:
    first = last = values.index(extreme)
    while values[first - 1] == extreme and (first - 1) % n != last:
        first = (first - 1) % n
    while values[(last + 1) % n] == extreme and (last + 1) % n != first:
        last = (last + 1) % n
    return first, last


Chain = tuple[list[float], list[float], list[int]]


def _walk(start: int, stop: int, n: int) -> slice:
    return slice(start, stop + 1 if start <= stop else stop + n + 1)


def chain(arguments: list[float], values: list[float], walk: list[int]) -> Chain:
    """Return a boundary along some vertices, increasing in the arguments."""
    return [arguments[k] for k in walk], [values[k] for k in walk], walk


def piece(chain: Chain, argument: float) -> tuple[int, int]:
    """Return the two vertices between which the chain passes over `argument` (the same one at a single point)."""
    arguments, _, vertices = chain
    if len(vertices) == 1:
        return vertices[0], vertices[0]
    k = min(max(bisect_right(arguments, argument), 1), len(vertices) - 1)
    return vertices[k - 1], vertices[k]


def lowest(polygon: Polygon) -> Point:
    """Return the smallest coordinates, infinite of an empty polygon."""
    return min([x for x, _ in polygon], default=inf), min([y for _, y in polygon], default=inf)


def cut(polygon: Polygon, normal: Point, bound: float) -> Polygon:
    """Return what `clip` does, each vertex once."""
    out = clip(polygon, normal, bound)
    return [out[k] for k in hull(out)]


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


def off(outer: Polygon, inner: Polygon | None = None) -> float:
    """Return how far a set may reach beyond one that it contains: `inner`, or else no farther than it is wide."""
    if not outer:
        return 0.0
    if inner:
        return beyond(outer, inner)
    xs, ys = zip(*outer, strict=True)
    return hypot(max(xs) - min(xs), max(ys) - min(ys))


def apart(one: Polygon, other: Polygon) -> float:
    """Return the largest distance between matching vertices; infinity if there are not equally many."""
    n = len(one)
    if n != len(other) or n == 0:
        return 0.0 if n == len(other) else np.inf
    x, y = one[0]
    far = [abs(x - p) + abs(y - q) for p, q in other]
    shift = far.index(min(far))
    pairs = zip(one, other[shift:] + other[:shift], strict=True)
    return max([max(abs(x - p), abs(y - q)) for (x, y), (p, q) in pairs])
