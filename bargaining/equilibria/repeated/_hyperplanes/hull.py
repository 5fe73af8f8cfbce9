"""The convex hull of points, of any dimension."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._rows import farthest, once

_TABLE = 10_000_000  # entries, some 100 MB, of a table of faces and points


class Hull:
    """The convex hull of points, of any dimension: half-spaces within its affine hull."""

    __slots__ = ("basis", "centre", "faces", "places", "points")

    centre: Floats
    basis: Floats  # rows: the directions of the affine hull
    faces: Floats  # rows (normal, offset): normal @ x + offset <= 0 in these coordinates
    points: Floats  # the vertices
    places: NDArray[np.intp]  # where they are among the points given

    def __init__(self, points: Floats, merge: float = 0.0) -> None:
        self.centre = points.mean(axis=0)
        spread = points - self.centre
        _, size, axes = np.linalg.svd(spread, full_matrices=False)
        self.basis = axes[size > 1e-8]
        local = spread @ self.basis.T
        if len(self.basis) > 1:
            from scipy.spatial import ConvexHull, QhullError

            try:
                hull = ConvexHull(local, qhull_options=f"Qt W{merge}" if merge else None)
            except QhullError:  # turned, many points on one face are no longer on one by rounding
                if len(self.basis) < points.shape[1]:
                    raise
                self.basis = np.eye(points.shape[1])
                hull = ConvexHull(spread)
            self.places, self.faces = hull.vertices.astype(np.intp), hull.equations
        elif len(self.basis) == 1:
            low, high = int(local.argmin()), int(local.argmax())
            self.places = np.array([low, high])
            self.faces = np.array([[-1.0, local[low, 0]], [1.0, -local[high, 0]]])
        else:
            self.places, self.faces = np.array([0]), np.empty((0, 1))
        self.points = points[self.places]

    @classmethod
    def of(cls, points: Floats, merge: float = 0.0) -> Hull | None:
        """Return the hull, leaving out points no farther out than `merge`, or neighbours too near for floats."""
        from scipy.spatial import QhullError

        for digits in (14, 10, 9, 8, 7, 6) if len(points) else ():
            kept = once(points, digits)[0]
            try:
                hull = cls(points[kept], merge)
            except QhullError:
                continue
            hull.places = kept[hull.places]
            return hull
        return None

    def outside(self, points: Floats) -> Floats:
        """Return the distance of each point from the affine hull, or beyond a face."""
        spread = points - self.centre
        local = spread @ self.basis.T
        off = np.abs(spread - local @ self.basis).max(axis=1)
        if not len(self.faces):
            return np.asarray(off)
        beyond = farthest(self.faces, np.column_stack([local, np.ones(len(local))]))[1]
        return np.asarray(np.maximum(off, beyond))

    def normals(self) -> Floats:
        """Return the outward normals of the faces in the whole space, and both ways off a hull that is flat."""
        off = np.linalg.qr(self.basis.T, mode="complete")[0][:, len(self.basis) :].T
        return np.vstack([self.faces[:, :-1] @ self.basis, off, -off])

    def pointing(self) -> Floats:
        """Return a direction in which each vertex is the farthest: the middle of the normals of its faces."""
        if not len(self.faces):
            n = self.points.shape[1]
            return np.full((1, n), n**-0.5)
        local = (self.points - self.centre) @ self.basis.T
        middle = np.zeros_like(local)
        for faces in np.array_split(self.faces, 1 + len(self.faces) * len(local) // _TABLE):
            middle += (local @ faces[:, :-1].T + faces[:, -1] > -1e-9) @ faces[:, :-1]
        return np.asarray(middle / np.linalg.norm(middle, axis=1, keepdims=True) @ self.basis)
