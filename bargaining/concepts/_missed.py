"""By how much payoffs violate a definition, computed from values alone: the parts of the residuals of all concepts.

Each concept has a function `missed(problem, payoffs, ...)` that takes any payoffs, not only its own answer, and returns
the largest violation of its definition over the range of gains. It is never negative, and NaN where it is unknown.
"""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.feasible.base import FeasibleSet, disposes_freely
from bargaining.problem import Problem

EPS = float(np.finfo(float).eps)
# Tolerances from rounding up; the first with which the set contains a point says how far outside the point is.
TOLERANCES = (1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-6, 1e-4, 1e-2)


def units(problem: Problem, ideal: Floats) -> Floats:
    """Return the units of violations: ideal gains, and for a player without one the largest of the others'."""
    d = np.broadcast_to(problem.disagreement, ideal.shape)
    with np.errstate(invalid="ignore"):
        gain: Floats = ideal - d
        real = np.isfinite(gain) & (gain > 16 * EPS * (np.abs(ideal) + np.abs(d)))
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
