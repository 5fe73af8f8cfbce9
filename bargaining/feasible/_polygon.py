"""Convex hulls in the plane, with orientation tests that are never wrong.

A vertex is dropped only if it lies between its neighbours, so a thin set keeps its ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from bargaining._arrays import Floats

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


def hull(points: Floats) -> Floats:
    """Return the vertices of the convex hull, counter-clockwise from the lowest x0; one or two if degenerate.

    Parameters
    ----------
    points : ndarray, shape (m, 2)
        Any points, with repetitions.

    References
    ----------
    Andrew, A. M. (1979). Another efficient algorithm for convex hulls in two dimensions. *Information Processing
    Letters* 9(5), 216-219. doi:10.1016/0020-0190(79)90072-3
    """
    ordered: list[Point] = sorted({(float(x), float(y)) for x, y in points})
    if len(ordered) <= 2:
        return np.array(ordered)
    lower, upper = _half(ordered), _half(ordered[::-1])
    return np.array(lower[:-1] + upper[:-1])


def _half(ordered: Sequence[Point]) -> list[Point]:
    kept: list[Point] = []
    for point in ordered:
        while len(kept) >= 2 and turn(kept[-2], kept[-1], point) <= 0:
            kept.pop()
        kept.append(point)
    return kept


def pareto_chain(vertices: Floats) -> Floats:
    """Return the vertices from the best for player 1 to the best for player 0: the strict Pareto frontier.

    Parameters
    ----------
    vertices : ndarray, shape (m, 2)
        A convex polygon, counter-clockwise.
    """
    top = max(range(len(vertices)), key=lambda k: (vertices[k, 1], vertices[k, 0]))
    right = max(range(len(vertices)), key=lambda k: (vertices[k, 0], vertices[k, 1]))
    order = np.arange(right, top + 1 if top >= right else top + len(vertices) + 1) % len(vertices)
    return vertices[order[::-1]]
