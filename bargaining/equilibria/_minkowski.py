r"""Weighted Minkowski sums of convex polygons, many at once, in linear time.

The boundary of :math:`\sum_s p_s V_s` runs through the edges of all :math:`V_s`, shortened by their weights, in
the order of their angles. The order does not depend on the weights: edges are sorted once, and every weighted
sum is one running total over them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._polygon import Polygon

Indices = NDArray[np.intp]

_HALF = np.pi / 2


class Fan:
    """The edges of several polygons by angle, from -90 degrees (excluded) to 270 degrees.

    Attributes
    ----------
    vertices : ndarray of shape (K, 2)
        All vertices, polygon by polygon.
    first : ndarray of shape (S + 1,)
        Where each polygon's vertices begin.
    owner : ndarray of shape (M,)
        The polygon of each edge.
    angle : ndarray of shape (M,)
    at : ndarray of shape (M + 1, S)
        Which vertex of each polygon the boundary of a sum stands on after so many edges.
    """

    __slots__ = ("angle", "at", "edges", "first", "owner", "vertices")

    def __init__(self, polygons: list[Polygon]) -> None:
        sizes = [len(polygon) for polygon in polygons]
        self.first = np.concatenate([[0], np.cumsum(sizes)])
        self.vertices = np.array([vertex for polygon in polygons for vertex in polygon]).reshape(-1, 2)
        follows = np.arange(1, len(self.vertices) + 1)
        starts = np.zeros(len(sizes), dtype=np.intp)
        ends = self.first.tolist()
        for low, high in pairwise(ends):
            if high > low:
                follows[high - 1] = low
        edges = self.vertices[follows] - self.vertices
        angle = np.arctan2(edges[:, 1], edges[:, 0])
        angle[angle <= -_HALF] += 2 * np.pi
        for s, (low, high) in enumerate(pairwise(ends)):
            if high > low + 1:
                starts[s] = start = angle[low:high].argmin()
                if start:
                    turned = np.concatenate([angle[low + start : high], angle[low : low + start]])
                    angle[low:high] = np.maximum.accumulate(turned)
                    edges[low:high] = np.concatenate([edges[low + start : high], edges[low : low + start]])
        owner = np.repeat(np.arange(len(sizes)), sizes)
        real = np.flatnonzero(np.array(sizes)[owner] > 1)
        order = real[np.argsort(angle[real], kind="stable")]
        self.owner, self.edges, self.angle = owner[order], edges[order], angle[order]
        passed = np.zeros((len(order) + 1, len(sizes)), dtype=np.intp)
        passed[np.arange(1, len(order) + 1), self.owner] = 1
        stand = self.first[:-1] + (starts + np.cumsum(passed, axis=0)) % np.maximum(sizes, 1)
        if not len(self.vertices):  # an empty polygon has no weight
            self.vertices = np.zeros((1, 2))
        self.at = np.minimum(stand, len(self.vertices) - 1)

    def sums(self, weights: Floats) -> Sums:
        """Return the boundaries of the weighted sums, a row of `weights`, shape (U, S), for each."""
        start = weights @ self.vertices[self.at[0]]
        steps = np.zeros((2, len(weights), len(self.edges) + 1))
        np.multiply(weights[:, self.owner], self.edges.T[:, None, :], out=steps[:, :, 1:])
        steps[:, :, 0] = start.T
        return Sums(np.cumsum(steps, axis=2), self._walks())

    def _walks(self) -> list[Indices]:
        """Return the positions along the highest, lowest, rightmost and leftmost boundary, arguments increasing."""
        turn, count = self.angle.searchsorted, len(self.angle)
        bottom = np.arange(int(turn(_HALF, "left")) + 1)
        top = np.arange(int(turn(_HALF, "right")), int(turn(3 * _HALF, "left")) + 1)[::-1]
        right = np.arange(int(turn(0.0, "right")), int(turn(np.pi, "left")) + 1)
        left = np.concatenate(
            [np.arange(int(turn(np.pi, "right")), count), np.arange(int(turn(0.0, "left")) + 1)]
        )
        return [top, bottom, right, left[::-1]]


class Crossing(NamedTuple):
    """Where a boundary passes over an argument: the other coordinate and the two positions around it."""

    value: Floats
    low: Indices
    high: Indices


class Sums(NamedTuple):
    """Boundaries of sums: points of shape (2, U, M + 1), of which some may coincide."""

    points: Floats
    walks: list[Indices]

    def cross(self, walk: int, rows: Indices, argument: Floats) -> Crossing:
        """Return where boundary number `walk` of the sum `rows[k]` passes over `argument[k]`, clipped to its ends."""
        along = self.walks[walk]
        axis = 0 if walk < 2 else 1
        x = self.points[axis][:, along][rows]
        k = np.minimum(np.maximum((x <= argument[:, None]).sum(axis=1), 1), max(len(along) - 1, 1))
        before, after = k - 1, np.minimum(k, len(along) - 1)
        here = np.arange(len(rows))
        start, width = x[here, before], x[here, after] - x[here, before]
        low, high = along[before], along[after]
        y = self.points[1 - axis]
        share = np.where(width > 0.0, argument - start, 0.0) / np.where(width > 0.0, width, 1.0)
        share = np.minimum(np.maximum(share, 0.0), 1.0)
        base = y[rows, low]
        return Crossing(base + share * (y[rows, high] - base), low, high)
