"""The outline of half-spaces in three and more dimensions: corners, and directions as combinations of normals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria.repeated._hyperplanes.cloud import Cloud, walked
from bargaining.equilibria.repeated._monitored.programs import EXACT, Indices

_ROOM = 1e-6  # an inner ball of this radius suffices for floats to find the corners
_EMPTY = -1e-7  # half-spaces that miss each other by this much have an empty intersection
_PADS = (1e-8, 1e-7, 1e-6)  # by which half-spaces with a smaller ball are moved out first
_FLAT = 1e-14  # the least determinant of normals that meet in a corner
_NEGATIVE = -1e-12  # a weight below this shows that a direction lies in another cone
_TIED = 16  # corners tried for a direction if no way leads to the one whose cone it lies in


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """The half-spaces that touch the set, and its corners.

    The first 2n half-spaces are those along the axes and against them.

    Attributes
    ----------
    faces : (F,) array of int
        The numbers of the half-spaces, including those along the axes.
    corners : (V, n) array
    cloud : Cloud of T points
        The corners again; a corner where more than n half-spaces meet occurs several times.
    meets : (T, n) array of int
        The half-spaces whose normals span the directions in which each of these corners is the farthest.
    inverses : (T, n, n) array
        A row vector times this matrix gives its coordinates in these normals.
    beside : (T, n) array of int
        The corner that has all of these half-spaces but the one, or -1 if floats cannot tell it.
    """

    faces: Indices
    corners: Floats
    cloud: Cloud
    meets: Indices
    inverses: Floats
    beside: Indices

    @classmethod
    def of(cls, directions: Floats, levels: Floats) -> Solid | None:
        """Return the outline of the set {x : directions x <= levels}; None if it is empty."""
        from scipy.spatial import ConvexHull, QhullError

        n = directions.shape[1]
        # Levels without a fixed point fall beyond floats.
        if (levels[:n] + levels[n : 2 * n]).min() < 2.0 * _EMPTY:
            return None
        inside, radius = _ball(directions, levels)
        if radius < _EMPTY:
            return None
        pads = (0.0, *_PADS) if radius > _ROOM else tuple(each - min(radius, 0.0) for each in _PADS)
        for pad in () if np.isnan(radius) else pads:
            try:
                dual = ConvexHull(directions / (levels + pad - directions @ inside)[:, None])
            except QhullError:
                continue
            normals = directions[dual.simplices]
            good = (np.abs(np.linalg.det(normals)) > _FLAT) & (dual.equations[:, -1] < 0.0)
            if good.any():
                tops = inside - dual.equations[good, :-1] / dual.equations[good, -1:]
                meets = dual.simplices[good].astype(np.intp)
                faces = np.union1d(meets.ravel(), np.arange(2 * n))
                place = np.where(good, good.cumsum() - 1, -1)
                return cls(
                    faces,
                    _once(tops),
                    Cloud(tops),
                    meets,
                    np.linalg.inv(normals[good]),
                    place[dual.neighbors[good]],
                )
        signs = np.indices((2,) * n).reshape(n, -1).T  # the box around the set
        meets = np.arange(n) + n * signs
        tops = levels[meets] * (1 - 2 * signs)
        beside = np.arange(1 << n)[:, None] ^ (1 << np.arange(n))[::-1]
        return cls(
            np.arange(len(directions)), tops, Cloud(tops), meets, np.linalg.inv(directions[meets]), beside
        )

    def supports(self, pulls: Floats) -> tuple[Floats, Indices]:
        """Write directions (..., n) as sums of normals with weights (..., n); also return these half-spaces.

        The support of the set is at most the sum of the levels with these weights, up to the part of the direction that
        they do not cover.
        """
        shape, n = pulls.shape, pulls.shape[-1]
        flat = pulls.reshape(-1, n)
        at, weights = walked(
            self.cloud.farthest(flat)[0],
            self.beside,
            lambda rows, cones: np.asarray((flat[rows][:, None] @ self.inverses[cones])[:, 0]),
            _NEGATIVE,
        )
        bad = np.flatnonzero(weights.min(axis=1) < _NEGATIVE)
        if bad.size:
            count = min(_TIED, len(self.cloud.points))
            near = np.argpartition(-flat[bad] @ self.cloud.points.T, count - 1, axis=1)[:, :count]
            tried = np.einsum("qi,qkij->qkj", flat[bad], self.inverses[near])
            best = tried.min(axis=2).argmax(axis=1)
            rows = np.arange(bad.size)
            weights[bad], at[bad] = tried[rows, best], near[rows, best]
        return np.maximum(weights, 0.0).reshape(shape), self.meets[at].reshape(shape)


def _once(points: Floats) -> Floats:
    return np.asarray(points[np.sort(np.unique(points.round(12), axis=0, return_index=True)[1])])


def _ball(directions: Floats, levels: Floats) -> tuple[Floats, float]:
    """Return the centre and radius of the largest ball inside; the radius is negative if the set is empty.

    It is NaN if no solver finds the ball, as happens where the set is a segment.
    """
    from scipy.optimize import linprog

    for method in ("highs", "highs-ipm"):
        found = linprog(
            np.append(np.zeros(directions.shape[1]), -1.0),
            A_ub=np.hstack([directions, np.linalg.norm(directions, axis=1)[:, None]]),
            b_ub=levels,
            bounds=(None, None),
            method=method,
            options=EXACT,
        )
        if found.x is not None:
            return np.asarray(found.x[:-1]), float(found.x[-1])
    return levels[: directions.shape[1]], np.nan
