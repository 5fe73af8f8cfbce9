"""Convex polygons in the plane, over floats, integers or fractions, each with the same few lines.

A vertex of a hull is dropped only if it lies between its neighbours, so a thin set keeps its ends. Integers and
fractions are exact; for floats `turn` is an orientation test that is never wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np

from bargaining._arrays import Floats

N = TypeVar("N", float, Fraction)
Vertex = TypeVar("Vertex", bound=tuple[Any, Any])
Point = tuple[float, float]

# Relative error of the float orientation test (Shewchuk 1997, section 4.1): beyond it the sign is certain.
_CERTAIN = (3.0 + 16.0 * 2.0**-53) * 2.0**-53


def turn(a: Point, b: Point, c: Point) -> int:
    """Return 1 where a, b, c turn left, -1 where they turn right, 0 where they are collinear: exactly."""
    left, right = (b[0] - a[0]) * (c[1] - a[1]), (b[1] - a[1]) * (c[0] - a[0])
    area = left - right
    if abs(area) > _CERTAIN * (abs(left) + abs(right)):
        return 1 if area > 0 else -1
    if left == right == 0 and (a in (b, c) or b == c):
        return 0
    (ax, ay), (bx, by), (cx, cy) = ((Fraction(p[0]), Fraction(p[1])) for p in (a, b, c))
    exact = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    return (exact > 0) - (exact < 0)


def area(a: Vertex, b: Vertex, c: Vertex) -> Any:
    """Return twice the area of a triangle: positive where a, b, c turn left."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def ring(points: Iterable[Vertex], turns: Callable[[Vertex, Vertex, Vertex], Any] = area) -> list[Vertex]:
    """Return the vertices of the convex hull, counter-clockwise from the lowest of the leftmost (Andrew 1979).

    Points are pairs, with repetitions; `turns` is positive where three of them turn left.

    References
    ----------
    Andrew, A. M. (1979). Another efficient algorithm for convex hulls in two dimensions. *Information Processing
    Letters* 9(5), 216-219. doi:10.1016/0020-0190(79)90072-3
    """
    ordered, around = sorted(set(points)), list[Vertex]()
    if len(ordered) < 3:
        return ordered
    for half in (ordered, ordered[::-1]):
        kept: list[Vertex] = []
        for point in half:
            while len(kept) >= 2 and not turns(kept[-2], kept[-1], point) > 0:
                kept.pop()
            kept.append(point)
        around += kept[:-1]
    return around


def clip(polygon: list[tuple[N, N]], normal: tuple[N, N], bound: N) -> list[tuple[N, N]]:
    """Return the part of a convex polygon where `normal . x <= bound`; vertices may come twice.

    References
    ----------
    Sutherland, I. E. and Hodgman, G. W. (1974). Reentrant polygon clipping. *Communications of the ACM* 17(1), 32-42.
    doi:10.1145/360767.360802
    """
    height = [normal[0] * x + normal[1] * y - bound for x, y in polygon]
    if not polygon or max(height) <= 0:
        return polygon
    out: list[tuple[N, N]] = []
    for k, (q, h) in enumerate(zip(polygon, height, strict=True)):
        o, g = polygon[k - 1], height[k - 1]
        if g * h < 0:
            t = g / (g - h)
            out.append((o[0] + t * (q[0] - o[0]), o[1] + t * (q[1] - o[1])))
        if h <= 0:
            out.append(q)
    return out


def pareto(vertices: Sequence[Vertex]) -> list[Vertex]:
    """Return the strict Pareto frontier of counter-clockwise vertices, from player 1's best to player 0's best."""
    right = max(range(len(vertices)), key=lambda k: vertices[k])
    around = [*vertices[right:], *vertices[:right]]
    top = max(range(len(around)), key=lambda k: (around[k][1], around[k][0]))
    return around[top::-1]


def hull(points: Floats) -> Floats:
    """Return what `ring` does of an array of shape (m, 2), with orientation tests that are never wrong."""
    return np.array(ring([(x, y) for x, y in points.tolist()], turn))


def pareto_chain(vertices: Floats) -> Floats:
    """Return what `pareto` does of an array of shape (m, 2)."""
    return np.array(pareto([(x, y) for x, y in vertices.tolist()]))
