"""The least sum of losses: of points that attain it over inequalities the middle, over decisions any."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.feasible.base import FeasibleSet, known
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.program import ConvexProgram
from bargaining.feasible.transform import Relabelled, Rescaled, Restricted

EPS = float(np.finfo(float).eps)


def least_sum_of_losses(matrix: Floats, limits: Floats, ideal: Floats) -> tuple[Floats, float]:
    r"""Return x with the least :math:`\sum_i \max(a_i - x_i, 0)` and how much another point is better.

    The least sum is that of the linear program of maximising :math:`\sum_i z_i` over :math:`z \le x`,
    :math:`z \le a` and x in the set. An x <= a that attains it is preferred, of several the middle one; there need be
    none where payoffs cannot be thrown away.
    """
    n = len(ideal)
    unit, none = np.eye(n), np.zeros((n, n))
    rows = np.block([[matrix, np.zeros_like(matrix)], [-unit, unit], [none, unit]])
    both = Polytope.from_inequalities(rows, np.concatenate((limits, np.zeros(n), ideal)))
    point, counted = np.split(both.support(np.repeat([0.0, 1.0], n))[1], 2)
    least = float((ideal - counted).sum())
    within = _middle(matrix, limits, ideal, least)
    if within is not None and _loss(within, ideal) - least <= 64 * EPS * (np.abs(ideal).sum() + least):
        point = within
    return point, max(_loss(point, ideal) - least, 0.0)


def of_decisions(feasible: FeasibleSet) -> bool:
    """Say whether a set is a convex program, perhaps within others."""
    within = known(feasible, "within")
    return isinstance(feasible, ConvexProgram) or (within is not None and of_decisions(within))


def least_over_decisions(
    feasible: FeasibleSet, ideal: Floats, power: float = 1.0
) -> tuple[Floats, float] | None:
    """Return the same for a convex program, perhaps within others, and any power; None for another set."""
    return _over_decisions(feasible, ideal, power, np.ones(ideal.size), np.full(ideal.size, -np.inf))


def _over_decisions(
    feasible: FeasibleSet, ideal: Floats, power: float, weights: Floats, floor: Floats
) -> tuple[Floats, float] | None:
    """Return the least sum of powers of weighted losses among the x >= floor."""
    if isinstance(feasible, ConvexProgram) and power > 1:
        return feasible.least_powers(ideal, weights, floor, power)
    if isinstance(feasible, ConvexProgram):
        return feasible.least_losses(ideal, weights, floor)
    if isinstance(feasible, Restricted):
        return _over_decisions(feasible.within, ideal, power, weights, np.maximum(floor, feasible.floor))
    if isinstance(feasible, Relabelled):
        back = np.argsort(feasible.order)
        found = _over_decisions(feasible.within, ideal[back], power, weights[back], floor[back])
        return None if found is None else (found[0][feasible.order], found[1])
    if isinstance(feasible, Rescaled):
        a, b = feasible.scale, feasible.shift
        found = _over_decisions(feasible.within, (ideal - b) / a, power, weights * a, (floor - b) / a)
        return None if found is None else (np.minimum(found[0] * a + b, ideal), found[1])
    return None


def _loss(point: Floats, ideal: Floats) -> float:
    return float(np.maximum(ideal - point, 0.0).sum())


def _middle(matrix: Floats, limits: Floats, ideal: Floats, least: float) -> Floats | None:
    """Return the middle of the vertices with the largest sum among x <= a; None if nothing is feasible there."""
    unit, ones = np.eye(len(ideal)), np.ones(len(ideal))
    rows, right = np.concatenate((matrix, unit)), np.concatenate((limits, ideal))
    try:
        capped = Polytope.from_inequalities(rows, right)
    except InvalidInput:
        return None
    point = capped.support(ones)[1]
    # Nobody loses more than all together: the points sought lie well above this floor.
    floor = ideal - 2 * max(least, float((ideal - point).max()))
    try:
        part = Polytope.from_inequalities(np.concatenate((rows, -unit)), np.concatenate((right, -floor)))
        corners = part.vertices
    except (InvalidInput, NotApplicable):
        return np.asarray(point)
    sums = (corners - point).sum(axis=1)
    tied = sums >= -64 * EPS * (np.abs(corners).max(axis=0).sum() + np.abs(point).sum())
    return np.asarray(corners[tied].mean(axis=0) if tied.sum() > 1 else point)
