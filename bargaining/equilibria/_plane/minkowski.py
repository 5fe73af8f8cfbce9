r"""Weighted Minkowski sums of convex polygons, many at once, in linear time.

The boundary of :math:`\sum_s p_s V_s` runs through the edges of all :math:`V_s`, shortened by their weights, in
the order of their angles. The order does not depend on the weights: edges are sorted once, and every weighted
sum is one running total over them, in an array for many sums or in plain floats for one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate
from math import atan2, pi
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._plane.polygon import Point, Polygon, chain

Indices = NDArray[np.intp]

Law = list[tuple[int, float]]
"""Weights that are not zero, and the polygons they belong to."""

_HALF = pi / 2


class Fan:
    """The edges of several polygons by angle, from -90 degrees (excluded) to 270 degrees.

    Attributes
    ----------
    vertices : list of Point
        All vertices, polygon by polygon.
    first : list of int
        Where each polygon's vertices begin, and where the last one's end.
    angle : list of float
        The angles of the M edges.
    owner : list of int
        The polygon of each edge.
    edges : list of Point
    at : list of tuple
        Which vertex of each polygon the boundary of a sum stands on after 0, ..., M edges.
    """

    __slots__ = ("angle", "at", "edges", "first", "owner", "vertices")

    def __init__(self, polygons: list[Polygon]) -> None:
        self.first = [0, *accumulate(map(len, polygons))]
        self.vertices = [vertex for polygon in polygons for vertex in polygon] or [(0.0, 0.0)]
        last = len(self.vertices) - 1
        stand, edges = [], []
        for s, polygon in enumerate(polygons):
            start, angles, steps = _turned(polygon)
            stand.append(min(self.first[s] + start, last))  # an empty polygon has no weight
            edges += [(angle, s, step) for angle, step in zip(angles, steps, strict=True)]
        edges.sort(key=lambda edge: edge[0])
        self.angle = [angle for angle, _, _ in edges]
        self.owner = [s for _, s, _ in edges]
        self.edges = [step for _, _, step in edges]
        self.at = [tuple(stand)]
        for s in self.owner:
            ahead = stand[s] + 1
            stand[s] = ahead if ahead < self.first[s + 1] else self.first[s]
            self.at.append(tuple(stand))

    def sums(self, weights: Floats) -> Sums:
        """Return the boundaries of the weighted sums, a row of `weights`, shape (U, S), for each."""
        start = weights @ np.array([self.vertices[k] for k in self.at[0]])
        steps = np.zeros((2, len(weights), len(self.edges) + 1))
        edges = np.array(self.edges).reshape(-1, 2)
        np.multiply(weights[:, self.owner], edges.T[:, None, :], out=steps[:, :, 1:])
        steps[:, :, 0] = start.T
        return Sums(np.cumsum(steps, axis=2), [np.array(walk, dtype=np.intp) for walk in self.walks()])

    def boundary(self, law: Law, walks: list[list[int]]) -> Boundary:
        """Return the boundary of one weighted sum; `walks` are those of this fan."""
        shares, x, y = dict(law), 0.0, 0.0
        for s, share in law:
            p, q = self.vertices[self.at[0][s]]
            x, y = x + share * p, y + share * q
        xs, ys = [x], [y]
        for s, (dx, dy) in zip(self.owner, self.edges, strict=True):
            if s in shares:
                share = shares[s]
                x, y = x + share * dx, y + share * dy
            xs.append(x)
            ys.append(y)
        return Boundary(xs, ys, walks)

    def walks(self) -> list[list[int]]:
        """Return the positions along the highest, lowest, rightmost and leftmost boundary, arguments increasing."""
        angle, count = self.angle, len(self.angle)
        bottom = [*range(bisect_left(angle, _HALF) + 1)]
        top = [*range(bisect_right(angle, _HALF), bisect_left(angle, 3 * _HALF) + 1)]
        right = [*range(bisect_right(angle, 0.0), bisect_left(angle, pi) + 1)]
        left = [*range(bisect_right(angle, pi), count), *range(bisect_left(angle, 0.0) + 1)]
        return [top[::-1], bottom, right, left[::-1]]


def _turned(polygon: Polygon) -> tuple[int, Iterable[float], list[Point]]:
    """Return the vertex at which a polygon's edges have the lowest angle, and the angles and edges from there on."""
    if len(polygon) < 2:
        return 0, [], []
    x, y = polygon[0]
    angles, edges = [], []
    for p, q in [*polygon[1:], polygon[0]]:
        dx, dy = p - x, q - y
        angle = atan2(dy, dx)
        angles.append(angle if angle > -_HALF else angle + 2 * pi)
        edges.append((dx, dy))
        x, y = p, q
    start = angles.index(min(angles))
    return start, accumulate(angles[start:] + angles[:start], max), edges[start:] + edges[:start]


class Boundary:
    """The boundary of one sum, in plain floats.

    Attributes
    ----------
    x, y : list of float
        The points, of which some may coincide.
    low, high : Point
        The smallest and the largest coordinates.
    chains : tuple of Chain
        The highest, lowest, rightmost and leftmost boundary.
    """

    __slots__ = ("chains", "high", "low", "x", "y")

    def __init__(self, x: list[float], y: list[float], walks: list[list[int]]) -> None:
        self.x, self.y = x, y
        self.low, self.high = (min(x), min(y)), (max(x), max(y))
        top, bottom, right, left = walks
        self.chains = (chain(x, y, top), chain(x, y, bottom), chain(y, x, right), chain(y, x, left))


class Sums(NamedTuple):
    """Boundaries of sums: points of shape (2, U, M + 1), of which some may coincide."""

    points: Floats
    walks: list[Indices]

    def cross(self, walk: int, rows: Indices, argument: Floats) -> Floats:
        """Return where boundary number `walk` of the sum `rows[k]` passes over `argument[k]`, clipped to its ends."""
        along = self.walks[walk]
        axis = 0 if walk < 2 else 1
        x = self.points[axis][:, along][rows]
        k = np.minimum(np.maximum((x <= argument[:, None]).sum(axis=1), 1), max(len(along) - 1, 1))
        before, after = k - 1, np.minimum(k, len(along) - 1)
        here = np.arange(len(rows))
        start, width = x[here, before], x[here, after] - x[here, before]
        y = self.points[1 - axis]
        share = np.where(width > 0.0, argument - start, 0.0) / np.where(width > 0.0, width, 1.0)
        share = np.minimum(np.maximum(share, 0.0), 1.0)
        base = y[rows, along[before]]
        out: Floats = base + share * (y[rows, along[after]] - base)
        return out
