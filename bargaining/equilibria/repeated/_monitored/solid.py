"""The outline of half-spaces in three and more dimensions: corners, and directions as combinations of normals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._rows import once
from bargaining.equilibria.repeated._hyperplanes.cloud import Cloud, walked
from bargaining.equilibria.repeated._monitored.outline import Outline
from bargaining.equilibria.repeated._monitored.programs import EXACT, Indices

_ROOM = 1e-6  # an inner ball of this radius suffices for floats to find the corners
_EMPTY = -1e-7  # half-spaces that miss each other by this much have an empty intersection
_PADS = (1e-8, 1e-7, 1e-6)  # by which half-spaces with a smaller ball are moved out first
_FLAT = 1e-14  # the least determinant of normals that meet in a corner
_NEGATIVE = -1e-12  # a weight below this shows that a direction lies in another cone
_PLANE = 1e-9  # half-spaces that face each other this near hold a plane between them
_STEEP = 1e-6  # the sine of the angle between a half-space and the plane, from which it cuts the plane
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
    def of(cls, directions: Floats, levels: Floats) -> Solid | Sheet | None:
        """Return the outline of the set {x : directions x <= levels}; None if it is empty."""
        n = directions.shape[1]
        # Levels without a fixed point fall beyond floats.
        if (levels[:n] + levels[n : 2 * n]).min() < 2.0 * _EMPTY:
            return None
        inside, radius = _ball(directions, levels)
        if radius < _EMPTY:
            return None
        found = (None if radius > _ROOM else Sheet.of(directions, levels)) or cls._hull(
            directions, levels, inside, radius
        )
        if found is not None:
            return replace(found, faces=np.union1d(found.faces, np.arange(2 * n)))
        signs = np.indices((2,) * n).reshape(n, -1).T  # the box around the set
        meets = np.arange(n) + n * signs
        tops = levels[meets] * (1 - 2 * signs)
        beside = np.arange(1 << n)[:, None] ^ (1 << np.arange(n))[::-1]
        return cls(
            np.arange(len(directions)), tops, Cloud(tops), meets, np.linalg.inv(directions[meets]), beside
        )

    @classmethod
    def within(cls, directions: Floats, levels: Floats) -> Solid | None:
        """Return the same if no half-space need be along an axis; None also if floats do not find the corners."""
        inside, radius = _ball(directions, levels)
        return None if radius < _EMPTY else cls._hull(directions, levels, inside, radius)

    @classmethod
    def _hull(cls, directions: Floats, levels: Floats, inside: Floats, radius: float) -> Solid | None:
        from scipy.spatial import ConvexHull, QhullError

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
                meets, place = dual.simplices[good].astype(np.intp), np.where(good, good.cumsum() - 1, -1)
                return cls(
                    np.unique(meets),
                    _once(tops),
                    Cloud(tops),
                    meets,
                    np.linalg.inv(normals[good]),
                    place[dual.neighbors[good]],
                )
        return None

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


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """The outline of half-spaces whose intersection is flat, between k pairs that face each other.

    Attributes
    ----------
    faces : (F,) array of int
        The numbers of the half-spaces that touch the set.
    corners : (V, n) array
    within : Outline or Solid
        The outline in the plane, or in the space of n - k dimensions, that they leave.
    axes : (n - k, n) array
        Orthonormal directions of the plane.
    cuts : (C,) array of int
        The numbers of the half-spaces that cut the plane.
    steep : (C,) array
        The sine of their angles with it.
    normals : (C, n) array
    off : (k, n) array
        Directions that span those off the plane.
    pairs : (k, 2) array of int
        The half-spaces in each of these directions, and against it.
    """

    faces: Indices
    corners: Floats
    within: Outline | Solid
    axes: Floats
    cuts: Indices
    steep: Floats
    normals: Floats
    off: Floats
    pairs: Indices

    @classmethod
    def of(cls, directions: Floats, levels: Floats) -> Sheet | None:
        """Return the outline of a flat set; None if no pairs of half-spaces hold it in a plane, or if it is empty."""
        pairs = _facing(directions, levels)
        if not len(pairs):
            return None
        off, count = directions[pairs[:, 0]], len(pairs)
        axes = np.linalg.svd(off)[2][count:]
        inside = directions @ axes.T
        steep = np.linalg.norm(inside, axis=1)
        cuts = np.flatnonzero(steep > _STEEP)
        ends = np.stack([levels[pairs[:, 0]], -levels[pairs[:, 1]]])  # how far the set lies off the origin
        slant = (directions[cuts] @ np.linalg.pinv(off))[:, None] * ends  # (C, 2, k)
        room = levels[cuts] - slant.min(axis=1).sum(axis=1)
        outline = Outline.of if len(axes) == 2 else Solid.within
        within = outline(inside[cuts] / steep[cuts, None], room / steep[cuts])
        if within is None:
            return None
        sides = np.indices((2,) * count).reshape(count, -1).T
        base = ends[sides, np.arange(count)] @ np.linalg.pinv(off).T
        return cls(
            np.unique(np.concatenate([pairs.ravel(), cuts[within.faces]])),
            _once((base[:, None] + within.corners @ axes).reshape(-1, len(axes) + count)),
            within,
            axes,
            cuts,
            steep[cuts],
            directions[cuts],
            off,
            pairs,
        )

    def supports(self, pulls: Floats) -> tuple[Floats, Indices]:
        """Write directions as sums of normals, as `Solid` does: those that meet in the plane, and those off it."""
        shape, n = pulls.shape, pulls.shape[-1]
        flat = pulls.reshape(-1, n)
        weights, at = self.within.supports(flat @ self.axes.T)
        weights = weights / self.steep[at]
        rest = (flat - (weights[..., None] * self.normals[at]).sum(axis=1)) @ np.linalg.pinv(self.off)
        faces = np.hstack([self.cuts[at], np.where(rest >= 0.0, self.pairs[:, 0], self.pairs[:, 1])])
        return np.hstack([weights, np.abs(rest)]).reshape(shape), faces.reshape(shape)


AnyOutline = Outline | Solid | Sheet


def _facing(directions: Floats, levels: Floats) -> Indices:
    """Return pairs of half-spaces between which nothing but a plane is left, independent ones."""
    from scipy.spatial import KDTree

    apart, other = KDTree(directions).query(-directions)
    width = np.where(apart < _FLAT, levels + levels[other], np.inf)
    pairs = np.empty((0, 2), np.intp)
    for k in np.flatnonzero(width <= _PLANE).tolist():
        more = np.vstack([pairs, [k, other[k]]])
        if np.linalg.matrix_rank(directions[more[:, 0]], tol=_STEEP) == len(more):
            pairs = more
    return pairs[: directions.shape[1] - 2]


def _once(points: Floats) -> Floats:
    return np.asarray(points[once(points, 12)[0]])


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
