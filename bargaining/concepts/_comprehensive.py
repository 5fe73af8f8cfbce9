"""A set with free disposal added: the maximal and ideal points are the same, and it is faster to compute with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.feasible._hull import facets
from bargaining.feasible._sides import some
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.polytope import Polytope, batch_of, sets_of
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.feasible.transform import Relabelled, Rescaled, set_of_cell
from bargaining.problem import Problem

Ideal = Callable[[Floats], Floats]
"""Takes a floor and returns each player's best payoff above it."""
Limit = Callable[[Problem, Floats], tuple[Floats, Floats]]
"""Takes a problem and its ideal point and returns payoffs, and by how much they may be off."""

LOWER = 4.0 ** np.arange(14)  # hairs by which points of a path are lowered: up to 1e-8 of the payoffs
LASTING = 4.0  # a gain this many times what a hair buys is not caused by rounding
FEW = (5, 200)  # dimensions and points: a path below facets saves thousands of programs


def set_by_set(limit: Limit) -> Limit:
    """Compute the end of a path and its error for the polytopes of a batch one after the other."""

    @wraps(limit)
    def whole(problem: Problem, ideal: Floats) -> tuple[Floats, Floats]:
        feasible, batch = problem.feasible, ideal.shape[:-1]
        if not (isinstance(feasible, Polytope) and feasible.batch_shape):
            return limit(problem, ideal)
        d = np.broadcast_to(problem.disagreement, ideal.shape)
        x = np.empty(ideal.shape)
        missed = np.empty(batch)
        for cell in np.ndindex(batch):
            x[cell], missed[cell] = limit(Problem(set_of_cell(feasible, cell, batch), d[cell]), ideal[cell])
        return x, missed

    return whole


def comprehensive(feasible: FeasibleSet) -> FeasibleSet:
    """Return a polytope of points with free disposal; other sets as they are."""
    if not isinstance(feasible, Polytope) or feasible.free_disposal:
        return feasible
    if feasible.batch_shape:
        return batch_of(np.vectorize(comprehensive, otypes=[object])(sets_of(feasible)))
    points = _points_of(feasible)
    return feasible if points is None else Polytope(points, free_disposal=True)


def _points_of(feasible: Polytope) -> Floats | None:
    """Return points of which a polytope is the hull, perhaps more than its vertices; None if it has no vertices."""
    try:
        return feasible.vertices if feasible.points is None else feasible.points
    except NotApplicable:
        return None


def ideal_of(feasible: FeasibleSet) -> Ideal:
    """Return the ideal point as a function of points of the set.

    With free disposal player i's best is straight along axis i, and a ray along the sides is quicker than a program.
    """
    open_below = comprehensive(feasible)
    if feasible.players <= 2 or not isinstance(open_below, Polytope) or not open_below.disposes_freely:
        return feasible.ideal
    return lambda x: x + along_axes(open_below, x)


def along_axes(feasible: FeasibleSet, x: Floats) -> Floats:
    """Return how far each player alone can be raised from x without leaving the set."""
    axes = np.eye(feasible.players)
    if feasible.batch_shape or x.ndim == 1:
        return np.stack([feasible.ray(x, axis) for axis in axes], axis=-1)
    return feasible.ray(x[..., None, :], axes)


def best_above(best: Ideal, x: Floats, hair: Floats, live: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return each player's best payoff with nobody worse off than at x, and x, lowered if need be to be in the set.

    Rounding may put a point of a path slightly outside the set, where no feasible point is above it or a ray along an
    axis misses the set. Such a point is lowered by one hair, then by four and so on, until it is inside. The result is
    NaN if it never is, since an unknown gain is not a gain of zero.

    Parameters
    ----------
    best : callable
        The ideal point as a function of the floor.
    x, hair : ndarray, shape (..., n)
        Points, and the rounding errors of their payoffs.
    live : ndarray of bool, shape (...)
        Cells to compute; NaN in the others.
    """
    start = low = x if live.all() else np.where(live[..., None], x, 0.0)
    found = np.broadcast_to(best(low), x.shape)
    for size in (*LOWER, None):
        outside = live & some(found < low - hair)
        if size is None or not outside.any():
            break
        low = np.where(outside[..., None], start - size * hair, low)
        found = np.where(outside[..., None], best(low), found)
    lost = ~live | outside
    if not lost.any():
        return found, low
    return np.where(lost[..., None], np.nan, found), np.where(live[..., None], low, x)


def lasting_gain(best: Ideal, x: Floats, hair: Floats) -> Floats:
    """Return what each could gain with nobody worse off than at x; 0 where rounding alone explains it, NaN if unknown.

    A point near the frontier may be slightly inside or outside the set, so gains are computed one and two hairs below
    it. The gain of a blocked player is proportional to the hair; any other gain hardly changes.
    """
    near, far = best(x - hair) - x, best(x - 2 * hair) - x
    with np.errstate(invalid="ignore"):
        lasts = (near > hair) & (near > LASTING * (far - near))
        gain: Floats = np.where(lasts, near, 0.0)
    return np.where(np.isfinite(near) & np.isfinite(far), gain, np.nan)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sides:
    """The facets {x : normal . (anchor - x) >= 0} of a set with free disposal, in payoffs."""

    normals: Floats
    anchors: Floats


def sides_of(feasible: FeasibleSet) -> Sides | None:
    """Return the facets of a polytope with free disposal; None where it is no polytope or they cannot be listed."""
    if not isinstance(feasible, Polytope):
        return None
    if feasible.inequalities is not None and (feasible.inequalities[0] >= 0).all():
        return _as_given(*feasible.inequalities)
    points = _points_of(feasible)
    return None if points is None else _listed(points, open_below=True)


def inequalities_of(feasible: FeasibleSet) -> tuple[Floats, Floats] | None:
    """Return A and b of a set {x : A x <= b}; None where it is none or its facets cannot be listed."""
    if isinstance(feasible, TransferableSurplus) and not feasible.batch_shape:
        return np.ones((1, feasible.players)), np.atleast_1d(feasible.total)
    if isinstance(feasible, Rescaled | Relabelled):
        inner = inequalities_of(feasible.within)
        if inner is None:
            return None
        matrix, limits = inner
        if isinstance(feasible, Relabelled):
            return matrix[:, feasible.order], limits
        return matrix / feasible.scale, limits + (matrix / feasible.scale) @ feasible.shift
    if not isinstance(feasible, Polytope):
        return None
    if feasible.points is None:
        return feasible.inequalities
    sides = _listed(feasible.points, open_below=feasible.free_disposal)
    return None if sides is None else (sides.normals, (sides.normals * sides.anchors).sum(axis=1))


def _listed(points: Floats, *, open_below: bool) -> Sides | None:
    lowest = points.min(axis=0)
    span = points.max(axis=0) - lowest
    span = np.where(span > 0, span, 1.0)
    found = facets((points - lowest) / span, open_below=open_below, few=FEW)
    if found is None:
        return None
    normals = np.where(np.abs(found.normals) > 1e-12, found.normals, 0.0)
    return Sides(normals=normals / span, anchors=lowest + span * found.anchors)


def sides_above(feasible: FeasibleSet, floor: Floats) -> Sides | None:
    """Return the facets above a floor of a set of inequalities, bounded or not."""
    if not isinstance(feasible, Polytope) or feasible.inequalities is None:
        return None
    matrix, limits = feasible.inequalities
    try:
        part = Polytope.from_inequalities(
            np.concatenate((matrix, -np.eye(len(floor)))), np.concatenate((limits, -floor))
        )
    except InvalidInput:
        return None
    return sides_of(part)


def _as_given(matrix: Floats, limits: Floats) -> Sides:
    """Return inequalities without a negative entry: everything below is feasible already."""
    size = matrix.max(axis=1, keepdims=True)
    kept = size[:, 0] > 0
    normals, limits = matrix[kept] / size[kept], limits[kept] / size[kept, 0]
    squares = (normals**2).sum(axis=1, keepdims=True)
    return Sides(normals=normals, anchors=normals * (limits[:, None] / squares))
