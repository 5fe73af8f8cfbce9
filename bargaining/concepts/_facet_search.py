r"""The facets that matter at a point of the hull of points with free disposal, found when first needed.

Player i's best beside a point x of the hull is the least value of a linear program's dual,

.. math:: \min_{p \ge 0,\ p_i = 1}\ \max_k\ p \cdot (v_k - x),

whose solution p is the normal of a facet above x. Listing all facets takes a time exponential in the number of players.
"""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.errors import Status
from bargaining.feasible._linear import LinearProgram, optimise

NONE = 1e-14  # entries of a normal below this are rounding
CLOSE = 1e-13  # facets that differ by less from what was found are the same


class FacetSearch:
    """The facets {y : normals y = limits} found so far of the hull of points of size one, shape (m, n)."""

    def __init__(self, points: Floats) -> None:
        self.points = points
        self.normals, self.limits = np.empty((0, points.shape[1])), np.empty(0)

    def add(self, x: Floats) -> bool:
        """Find the facets above x that are not known, one for each player at most; say whether there were any."""
        before = len(self.limits)
        for i in range(len(x)):
            slack = self.limits - self.normals @ x
            with np.errstate(divide="ignore", invalid="ignore"):
                far = np.where(self.normals[:, i] > 0, slack / self.normals[:, i], np.inf)
            least = float(far.min(initial=np.inf))
            if np.isfinite(least) and self._reached(x, i, int(np.argmin(far)), least):
                continue
            normal = self._above(x, i)
            if normal is None:
                continue
            limit = float((self.points @ normal).max())
            if limit - normal @ x < normal[i] * (least - CLOSE):
                self.normals = np.concatenate((self.normals, normal[None]))
                self.limits = np.append(self.limits, limit)
        return len(self.limits) > before

    def _reached(self, x: Floats, i: int, known: int, far: float) -> bool:
        """Say whether a mixture of the points of a facet gives everyone x, and player i `far` more."""
        from scipy.optimize import nnls

        normal = self.normals[known]
        tight = self.points[self.limits[known] - self.points @ normal <= CLOSE]
        wasted = np.eye(len(x))[normal == 0]
        columns = np.concatenate(
            (np.column_stack((tight, np.ones(len(tight)))), np.pad(-wasted, ((0, 0), (0, 1))))
        )
        try:
            return bool(nnls(columns.T, np.append(x + far * np.eye(len(x))[i], 1.0))[1] <= CLOSE)
        except RuntimeError:
            return False

    def _above(self, x: Floats, i: int) -> Floats | None:
        """Return the normal of a facet at player i's best beside x, of largest entry one; None if x is outside."""
        gains = self.points - x
        free = np.append(np.delete(gains, i, axis=1).T, -np.ones((1, len(gains))), axis=0).T
        found = optimise(
            LinearProgram(
                objective=np.append(np.zeros(len(x) - 1), -1.0),
                matrix=free,
                limits=-gains[:, i],
                lower=np.append(np.zeros(len(x) - 1), -np.inf),
            )
        )
        if found.status != Status.OK:
            return None
        normal = np.insert(found.point[:-1], i, 1.0)
        normal = normal / normal.max()
        return np.where(normal > NONE, normal, 0.0)
