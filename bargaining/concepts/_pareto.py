"""The Pareto frontier of two players above d, in gains over ideal gains: a chain of vertices or a function.

In these units d is (0, 0), the ideal point (1, 1), and the frontier runs from (left, 1) to (1, low).

*Residuals* say by how much payoffs violate a definition, computed from values alone; all concepts share their parts.
Each concept has a function `missed(problem, payoffs, ...)` that takes any payoffs, not only its own answer, and returns
the largest violation of its definition over the range of gains. It is never negative, and NaN where it is unknown.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats, exceeds
from bargaining.errors import NotApplicable
from bargaining.feasible._polygon import pareto_chain
from bargaining.feasible.base import FeasibleSet, disposes_freely, known
from bargaining.feasible.frontier import Frontier
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.feasible.transform import Image, above, set_of_cell, without_low_floors
from bargaining.problem import Problem

# Tolerances from rounding up; the first with which the set contains a point says how far outside the point is.
TOLERANCES = (1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-6, 1e-4, 1e-2)


def units(problem: Problem, ideal: Floats) -> Floats:
    """Return the units of violations: ideal gains, and for a player without one the largest of the others'."""
    d = np.broadcast_to(problem.disagreement, ideal.shape)
    with np.errstate(invalid="ignore"):
        gain: Floats = ideal - d
        real = np.isfinite(gain) & exceeds(ideal, d)
    if real.all():
        return gain
    most = np.where(real, gain, 0.0).max(axis=-1, keepdims=True)
    size = np.maximum(np.abs(d).max(axis=-1, keepdims=True), np.finfo(float).tiny)
    return np.where(real, gain, np.where(most > 0, most, size))


def apart(x: Floats, y: Floats, unit: Floats) -> Floats:
    """Return the largest difference of two payoff vectors; NaN where one of them is NaN."""
    with np.errstate(all="ignore"):
        difference: Floats = (np.abs(x - y) / unit).max(axis=-1)
    return difference


def outside(feasible: FeasibleSet, x: Floats, unit: Floats) -> Floats:
    """Return how far payoffs are from being feasible; NaN where they are NaN.

    With free disposal this is the amount by which all gains must be reduced. For another set it is the smallest
    tolerance, relative to the size of the set, with which the payoffs count as feasible, or infinity.
    """
    known = np.asarray(np.isfinite(x).all(axis=-1))
    at = np.where(known[..., None], x, 0.0)
    with np.errstate(all="ignore"):
        further = np.asarray(feasible.ray(at, unit))
    short = np.where(further < 0, -further, 0.0)
    if disposes_freely(feasible):
        return np.where(known & ~np.isnan(further), short, np.nan)
    inside = np.asarray(feasible.contains(at))
    far = np.where(inside, 0.0, np.inf)
    for tolerance in TOLERANCES if not inside.all() else ():
        inside = feasible.contains(at, tol=tolerance)
        far = np.where(inside & np.isinf(far), tolerance, far)
    return np.where(known, np.maximum(far, np.where(np.isfinite(short), short, 0.0)), np.nan)


SEGMENT = np.array([[0.0, 1.0], [1.0, 0.0]])


def both_gain(ideal: Floats, d: Floats) -> NDArray[np.bool_]:
    """Say of each cell whether there is an ideal point that gives both players a gain."""
    return np.asarray((np.isfinite(ideal) & (ideal > d)).all(axis=-1))


def vertices(problem: Problem, ideal: Floats) -> Floats | None:
    """Return the vertices of the frontiers of polygons and surpluses, shape (..., k, 2); None for other sets.

    Vertices may repeat. In cells without an ideal point, or without a gain for both, the frontier is the segment from
    (0, 1) to (1, 0).
    """
    d = np.broadcast_to(problem.disagreement, ideal.shape)
    feasible, usual = without_low_floors(problem.feasible, d), both_gain(ideal, d)
    whole = feasible
    while isinstance(whole, Image):
        whole = whole.within
    if isinstance(whole, TransferableSurplus):
        return np.broadcast_to(SEGMENT, (*usual.shape, 2, 2))
    if not isinstance(feasible, Polytope):
        return None
    gains = np.where(usual[..., None], ideal - d, 1.0)
    if feasible.points is not None:
        chains = pareto_chain(feasible.vertices)
    else:
        try:
            each = [
                _chain(set_of_cell(feasible, cell, usual.shape), d[cell] - gains[cell])
                if usual[cell]
                else d[cell] + SEGMENT
                for cell in np.ndindex(usual.shape)
            ]
        except NotApplicable:
            return None
        length = max(map(len, each), default=2)
        padded = [np.concatenate((one, np.repeat(one[-1:], length - len(one), axis=0))) for one in each]
        chains = np.array(padded).reshape(*usual.shape, length, 2)
    unit = (chains - d[..., None, :]) / gains[..., None, :]
    left, low = np.maximum(unit[..., :1, 0], 0.0), np.maximum(unit[..., -1:, 1], 0.0)
    before, after = unit[..., 0] <= left, unit[..., 1] <= low
    x = np.where(before, left, np.where(after, 1.0, unit[..., 0]))
    y = np.where(before, 1.0, np.where(after, low, unit[..., 1]))
    # Vertices a rounding error apart may be out of order.
    ordered = np.stack((np.maximum.accumulate(x, axis=-1), np.minimum.accumulate(y, axis=-1)), axis=-1)
    stretched = np.concatenate((np.repeat(SEGMENT[:1], ordered.shape[-2] - 1, axis=0), SEGMENT[1:]))
    return np.where(usual[..., None, None], ordered, stretched[-ordered.shape[-2] :])


def _chain(feasible: FeasibleSet, floor: Floats) -> Floats:
    """Return the frontier of a polygon, of one that is unbounded below that of the part above a floor."""
    part = above(feasible, floor)
    assert isinstance(part, Polytope)
    return pareto_chain(part.vertices)


def function(
    problem: Problem, ideal: Floats, cell: tuple[int, ...]
) -> tuple[Callable[[Floats], Floats], float]:
    """Return player 1's best gain as a function of player 0's in a cell where both can gain, and where it begins.

    It takes gains of shape (m,). A set that is no `Frontier` is asked how far it goes straight up.
    """
    d = np.broadcast_to(problem.disagreement, ideal.shape)
    feasible, best, batch = without_low_floors(problem.feasible, d), ideal[cell], ideal.shape[:-1]
    refuse = known(feasible, "whole_frontier")
    if refuse is not None:
        refuse(d[cell])
    place: tuple[slice | int, ...] = (slice(None), *cell)
    gains = best - d[cell]

    def value(u: Floats) -> Floats:
        x = (d[cell][0] + u * gains[0]).reshape(-1, *(1,) * len(batch))
        x = np.broadcast_to(x, (u.size, *batch))
        if isinstance(feasible, Frontier):
            y = feasible.values(np.clip(x, feasible.lower, feasible.upper))[place]
            return np.asarray((y - d[cell][1]) / gains[1])
        start = np.stack((x, np.broadcast_to(best[1], x.shape)), axis=-1)
        rise = feasible.ray(start, np.array([0.0, gains[1]]))[place]
        return np.where(np.isfinite(rise), 1.0 + rise, 1.0)  # no line rises where the frontier is level

    ends = feasible.ideal(np.where(np.arange(2) == 1, ideal, d))[cell]
    left = (ends[0] - d[cell][0]) / gains[0]
    return value, float(left) if 0 <= left < 1 else 0.0
