"""Raise everybody together; freeze those who are blocked; go on with the others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.concepts._comprehensive import comprehensive, ideal_of
from bargaining.division import Division, Named, divide
from bargaining.feasible.base import FeasibleSet
from bargaining.problem import Problem

Ideal = Callable[[Floats], Floats]

HAIR = 16 * float(np.finfo(float).eps)
LASTING = 4.0  # a gain this many times what a hair buys is none of rounding's making
ROUNDS = 50


def raise_together(problem: Problem, method: Named, direction: Floats, ideal: Floats) -> Division:
    """Return the lexicographic maximum of gains measured in `direction`: the least gain first.

    Parameters
    ----------
    direction : ndarray, shape (..., n)
        Non-negative; a player with an entry of 0 is frozen from the start.
    """
    status = problem.gains_status(ideal)
    known = np.asarray(np.isfinite(ideal).all(axis=-1))[..., None]
    step = np.where(known, direction, 0.0)
    x = np.array(np.broadcast_to(problem.disagreement, ideal.shape))
    gains = np.where(known & (ideal > x), ideal - x, np.inf)
    hair = HAIR * (np.abs(x) + np.where(known, np.abs(ideal), 0.0))
    feasible, free = comprehensive(problem.feasible), step > 0
    best = ideal_of(feasible)
    for _ in range(problem.players):
        moving = np.where(free, step, 0.0)
        x = x + _furthest(feasible, best, x, moving, hair)[..., None] * moving
        free = free & (_lasting_gain(best, x, hair) > 0)
        if not free.any():
            break
    left = np.where(step > 0, _lasting_gain(best, x, hair) / gains, 0.0).max(axis=-1)
    residual = np.where(feasible.contains(x), left, np.inf)
    return divide(problem, method, np.where(known, x, ideal), residual, status, ideal=ideal)


def _furthest(feasible: FeasibleSet, best: Ideal, x: Floats, step: Floats, hair: Floats) -> Floats:
    """Return how far x can be raised along `step` with some feasible point at least as good for everyone.

    In a set with free disposal that is where the ray leaves it. In another the ray may leave early: as long as each who
    moves can gain with nobody worse off, the mean of what they would choose gives all of them a gain.
    """
    moving = step > 0
    some, count = np.asarray(moving.any(axis=-1)), np.maximum(moving.sum(axis=-1), 1)
    far: Floats = np.where(some, feasible.ray(x, np.where(some[..., None], step, 1.0)), 0.0)
    far = np.maximum(far, 0.0)
    for _ in range(ROUNDS * x.shape[-1]):
        gain = _lasting_gain(best, x + far[..., None] * step, hair)
        with np.errstate(divide="ignore", invalid="ignore"):
            least = np.where(moving, gain / step, np.inf).min(axis=-1)
        more = some & (least > 0)
        if not more.any():
            break
        far = np.where(more, far + least / count, far)
    return far


def _lasting_gain(best: Ideal, x: Floats, hair: Floats) -> Floats:
    """Return what each could gain with nobody worse off than at x; 0 where rounding alone explains it.

    The point x is a hair inside or outside the set, so the question is asked one and two hairs below it. The gain of
    one who is blocked is in proportion to the hair; any other gain hardly changes.
    """
    near, far = best(x - hair) - x, best(x - 2 * hair) - x
    with np.errstate(invalid="ignore"):
        lasts = (near > hair) & (near > LASTING * (far - near))
    gain: NDArray[np.float64] = np.where(lasts & np.isfinite(near), near, 0.0)
    return gain
