"""The same set with free disposal: it has the same maximal points and the same ideal points, and is quicker to ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.feasible._facets import facets
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.feasible.transform import Relabelled, Rescaled

FEW = (5, 200)  # dimensions and points: a path below facets saves thousands of programs


def comprehensive(feasible: FeasibleSet) -> FeasibleSet:
    """Return a polytope of points with free disposal; other sets as they are."""
    if not isinstance(feasible, Polytope) or feasible.free_disposal:
        return feasible
    try:
        return Polytope(feasible.vertices, free_disposal=True)
    except NotApplicable:
        return feasible


def ideal_of(feasible: FeasibleSet) -> Callable[[Floats], Floats]:
    """Return the ideal point as a function of points of the set.

    With free disposal player i's best is straight along axis i, and a ray along the sides is quicker than a program.
    """
    open_below = comprehensive(feasible)
    if feasible.players <= 2 or not isinstance(open_below, Polytope) or not open_below.free_disposal:
        return feasible.ideal
    axes = np.eye(feasible.players)

    def along_axes(x: Floats) -> Floats:
        far = open_below.ray(x[..., None, :], axes)
        ideal: Floats = x + far
        return ideal

    return along_axes


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
    try:
        points = feasible.vertices
    except NotApplicable:
        return None
    return _listed(points, open_below=True)


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
    """Return the facets that matter above a floor, of a set of inequalities that goes on for ever or is bounded."""
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
