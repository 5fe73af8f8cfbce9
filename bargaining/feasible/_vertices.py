"""From inequalities to vertices and from points to the extreme ones among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bargaining._arrays import Floats
from bargaining._rational import fractions, maximise
from bargaining.feasible._polygon import hull, turn

if TYPE_CHECKING:
    from bargaining.feasible._halfspaces import Halfspaces

NEAR = 1e-9
FARTHER = 4
SAME = 1e-12  # rounding errors of a vertex found twice


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Corners:
    """The vertices of a set, and whether everything below them belongs to it."""

    points: Floats
    open_below: bool


def corners(shape: Halfspaces) -> Corners | None:
    """Return the vertices of a set of inequalities; None if it is flat, or unbounded in another way than below."""
    found = unit_corners(shape.matrix, shape.limits)
    if found is None:
        return None
    points = shape.origin + shape.span * found.points
    # Where a row bounds one player alone they are on it exactly: a side tilted by rounding is no longer level.
    for i, level in shape.levels():
        near = np.abs(points[:, i] - level) <= SAME * (np.abs(level) + shape.span[i])
        points[near, i] = level
    return Corners(points=points, open_below=found.open_below)


def unit_corners(matrix: Floats, limits: Floats) -> Corners | None:
    """Return the vertices of {u : matrix u <= limits}, which has the origin well inside, or None."""
    n = matrix.shape[1]
    if not (limits > NEAR * np.abs(matrix).max(axis=1)).all():
        return None
    below = bool(
        (matrix >= 0).all() and all((np.delete(matrix, i, axis=1) == 0).all(axis=1).any() for i in range(n))
    )
    unit = _open_below(matrix, limits) if below else _intersections(matrix, limits)
    return None if unit is None else Corners(points=unit, open_below=below)


def _open_below(matrix: Floats, limits: Floats) -> Floats | None:
    """Return the vertices of a set with everything below it: of those of the set closed far below, the others.

    A vertex where the set was closed lies below another point. If others lie nearly as far, the set is closed farther.
    """
    n = matrix.shape[1]
    far = 1e3 * max(1.0, float(np.abs(limits).max())) / float(matrix[matrix > 0].min())
    for _ in range(FARTHER):
        closed = np.concatenate((matrix, -np.eye(n))), np.append(limits, np.full(n, far))
        unit = _intersections(*closed)
        if unit is None:
            return None
        lowest = unit.min(axis=1)
        kept = lowest > -0.9 * far
        if kept.any() and (lowest[kept] > -1e-3 * far).all():
            return np.asarray(unit[kept])
        far *= 1e4
    return None


def _intersections(matrix: Floats, limits: Floats) -> Floats | None:
    """Return the vertices of a set around the origin: the facets of the hull of its polar's points."""
    from scipy.spatial import ConvexHull, QhullError

    polar = matrix / limits[:, None]
    n = polar.shape[1]
    if n == 1:
        ends = [polar.min(), polar.max()]
        return None if ends[0] >= 0 or ends[1] <= 0 else np.array([[1 / ends[0]], [1 / ends[1]]])
    if n == 2:
        ring = hull(polar)
        corner = [(float(x), float(y)) for x, y in ring]
        if len(ring) < 3 or any(turn(corner[k - 1], corner[k], (0.0, 0.0)) <= 0 for k in range(len(ring))):
            return None
        found = [_meet(np.array([ring[k - 1], ring[k]])) for k in range(len(ring))]
    else:
        try:
            sides = ConvexHull(polar)
        except QhullError:
            return None
        if (sides.equations[:, -1] >= -1e-12).any():
            return None
        near = [-side[:-1] / side[-1] for side in np.unique(sides.equations, axis=0)]
        found = [_meet(polar[polar @ p >= 1 - NEAR]) for p in near]
    # A side of the polar that does not leave the origin inside belongs to no vertex: the set is unbounded there.
    if any(p is None or (polar @ p > 1 + NEAR).any() for p in found):
        return None
    kept: list[Floats] = []
    for p in found:
        if p is not None and not any(np.abs(p - q).max() <= SAME * np.abs(p).max() for q in kept):
            kept.append(p)
    return np.array(kept)


def _meet(rows: Floats) -> Floats | None:
    """Return the point on all these rows, or None where they have none or many in common."""
    point, _, rank, _ = np.linalg.lstsq(rows, np.ones(len(rows)), rcond=1e-13)
    return np.asarray(point) if rank == rows.shape[1] else None


def extreme(points: Floats) -> Floats:
    """Return the points that are not mixtures of the others, decided exactly."""
    exact = fractions(points)
    kept = list(range(len(points)))
    for k in range(len(points)):
        others = [j for j in kept if j != k]
        if not others:
            break
        # A mixture of the others equals the point: maximise its total weight subject to both inequalities.
        columns = exact[others].T
        rows = np.concatenate((columns, -columns, [[1] * len(others)]))
        right = np.concatenate((exact[k], -exact[k], [1]))
        found = maximise(fractions(np.ones(len(others))), rows, right)
        if found is not None and found.value == 1:
            kept.remove(k)
    return points[kept]
