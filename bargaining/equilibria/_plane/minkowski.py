"""Weighted Minkowski sums of convex polygons in linear time.

The boundary of a weighted sum runs through the edges of all polygons, shortened by their weights, in the order of their
angles. The order does not depend on the weights: edges are sorted once for all sums.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from math import atan2, pi

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.polygon import Point, Polygon

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

    def sum(self, weights: Floats) -> Floats:
        """Return the boundary of a weighted sum, shape (M + 1, 2): points along all edges; some may coincide."""
        start = weights @ np.array([self.vertices[k] for k in self.at[0]])
        steps = weights[self.owner][:, None] * np.array(self.edges).reshape(-1, 2)
        return np.cumsum(np.vstack([start, steps]), axis=0)


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
