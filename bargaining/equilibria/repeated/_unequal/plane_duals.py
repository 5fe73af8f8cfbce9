"""Duals of linear programs in the plane: the farthest that one can go within a polygon and above two thresholds."""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria.repeated._unequal.halfplanes import Halfplanes

Index = NDArray[np.intp]


class Choices:
    """The duals of a linear program in the plane: two faces at a vertex, one face and one constraint, or both."""

    def __init__(self, polygon: Halfplanes, pull: Floats, b: Floats) -> None:
        self.polygon, self.pull, self.b = polygon, pull, b
        self.none = np.zeros(len(pull))
        self.found: list[tuple[Index, Index, Floats, Floats, Floats, Floats]] = [self._vertex()]
        for i in (0, 1):
            for sign in (1.0, -1.0):
                self._edges(i, sign)
        low = np.where((pull <= 0.0).all(axis=1), 1.0, np.nan)
        first, second = self.found[0][:2]
        self.found.append((first, second, self.none, self.none, -low * pull[:, 0], -low * pull[:, 1]))

    def best(self, caution: float) -> tuple[Index, Index, Floats, Floats, Floats, Floats]:
        """Return two faces, their weights, the weights of the two constraints, and the bound on the continuation."""
        levels = self.polygon.levels
        costs: list[Floats] = []
        weights: list[Floats] = []
        for first, second, y, x, *z in self.found:
            paid = [np.where(z[i] > 0.0, z[i] * self.b[i], 0.0 * z[i]) for i in (0, 1)]
            costs.append(y * levels[first] + x * levels[second] - paid[0] - paid[1])
            weights.append(y + x + z[0] + z[1])
        table = np.where(np.isnan(costs), inf, costs)
        burdened = np.where(np.isnan(costs), inf, np.array(costs) + caution * np.array(weights))
        chosen, pair = burdened.argmin(axis=0), np.arange(table.shape[1])
        first, second, y, x, *z = (
            np.stack([found[k] for found in self.found])[chosen, pair] for k in range(6)
        )
        return first, second, y, x, np.stack(z), table[chosen, pair]

    def _vertex(self) -> tuple[Index, Index, Floats, Floats, Floats, Floats]:
        normals = self.polygon.normals
        second = self.polygon.farthest(self.pull)
        first = (second - 1) % len(normals)
        p, q = normals[first], normals[second]
        turn, dot = _cross(p, q), (p * q).sum(axis=1)
        turn = np.where(turn > 0.0, turn, np.nan)  # faces back to back have no corner
        share, rest = (
            np.maximum(_cross(self.pull, q) / turn, 0.0),
            np.maximum(_cross(p, self.pull) / turn, 0.0),
        )
        # The sum of both shares is sharp also where the faces are almost parallel.
        total = (self.pull * (p + q)).sum(axis=1) / np.maximum(1.0 + dot, 0.01)
        share = np.where(dot > -0.99, np.minimum(share, total), share)
        rest = np.where(dot > -0.99, total - share, rest)
        return first, second, share, rest, self.none, self.none

    def _edges(self, i: int, sign: float) -> None:
        """Let constraint i bind, and take the face above it, or below, and its neighbours."""
        o, normals = 1 - i, self.polygon.normals
        faces = np.flatnonzero(sign * normals[:, o] > 0.0)
        breaks = np.flatnonzero(np.diff(faces) > 1)
        if breaks.size:
            faces = np.roll(faces, -int(breaks[0]) - 1)
        rising = (sign < 0.0) == (i == 0)
        corners = self.polygon.vertices[faces[1:], i]
        if not rising:
            faces, corners = faces[::-1], corners[::-1]
        place = np.searchsorted(np.maximum.accumulate(corners), self.b[i])
        for shift in (0, -1, 1):
            face = faces[np.clip(place + shift, 0, len(faces) - 1)]
            y = self.pull[:, o] / normals[face, o]
            z = y * normals[face, i] - self.pull[:, i]
            valid = (sign * self.pull[:, o] >= 0.0) & (z >= -1e-14)
            bind = np.where(valid, np.maximum(z, 0.0), np.nan)
            y = np.where(valid, y, 0.0)
            pair = (bind, self.none) if i == 0 else (self.none, bind)
            self.found.append((face, face, y, self.none, *pair))


def _cross(a: Floats, b: Floats) -> Floats:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
