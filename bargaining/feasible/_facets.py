"""Facets of a convex hull in a few dimensions, flat sets included."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from bargaining._arrays import Floats

FEW = (4, 200)  # more dimensions or points than this may have too many facets to be worth finding
NONE = 1e-13  # entry of a normal of size one that is rounding: across the unit box it is worth no more
FLAT = 1e-13  # thickness, of the unit box, below which a set has none


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Facets:
    """The sides {x : normal . (anchor - x) >= 0} of a polytope in the unit box."""

    normals: Floats
    anchors: Floats


def facets(unit: Floats, *, open_below: bool, few: tuple[int, int] = FEW) -> Facets | None:
    """Return the facets of the hull of points, or None where a linear program is the better way.

    Parameters
    ----------
    unit : ndarray, shape (m, n)
        Points of the unit box.
    open_below : bool
        Whether everything below the hull belongs to the set.
    few : tuple of int
        The most dimensions and points.
    """
    m, n = unit.shape
    if n > few[0] or m > few[1]:
        return None
    if open_below:
        unit = np.unique(
            np.concatenate([np.where(keep, unit, -1.0) for keep in product((True, False), repeat=n)]), axis=0
        )
    normals = _normals(unit)
    if normals is None:
        return None
    if open_below:  # the other facets belong to the points that were let down
        normals = normals[(normals > -1e-9).all(axis=1)]
        normals = np.where(normals > NONE, normals, 0.0)
    # An anchor is a point that the side touches, so that no point lies beyond it.
    return Facets(normals=normals, anchors=unit[np.argmax(unit @ normals.T, axis=0)])


def _normals(unit: Floats) -> Floats | None:
    """Return outward normals, of largest entry one; a flat set has both normals of its plane."""
    centre = unit.mean(axis=0)
    _, sizes, axes = np.linalg.svd(unit - centre, full_matrices=True)
    rank = int((sizes > FLAT * max(1.0, np.sqrt(len(unit)))).sum())
    across = axes[rank:]
    along = _inside((unit - centre) @ axes[:rank].T)
    if along is None:
        return None
    normals = np.concatenate((along @ axes[:rank], across, -across))
    return np.asarray(normals / np.abs(normals).max(axis=1, keepdims=True))


def _inside(points: Floats) -> Floats | None:
    """Return the outward normals of a set that fills its space."""
    from scipy.spatial import ConvexHull, QhullError

    rank = points.shape[1]
    if rank <= 1:
        return np.array([[1.0], [-1.0]])[: 2 * rank, :rank]
    try:
        return np.unique(
            ConvexHull(points / points.std(axis=0)).equations[:, :-1] / points.std(axis=0), axis=0
        )
    except QhullError:
        return None
