"""The last feasible point along a ray: what Kalai-Smorodinsky, egalitarian, equal loss and Gupta-Livne share.

Thin polytopes magnify the rounding of the ray: if the ray meets a side at a small angle, one rounding moves the point
where it leaves the set by 1/angle roundings. Such answers are INACCURATE.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import EPS, Floats
from bargaining.concepts._pareto import units
from bargaining.division import Division, Named, divide
from bargaining.errors import Status
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.transform import Restricted
from bargaining.problem import Problem

BEHIND = 1e-9  # of the range of gains: the ray meets the set only before its origin
NARROW = 1e-9  # of the payoffs: what is missed by less may not be missed


def last_on_ray(
    problem: Problem, method: Named, origin: Floats, direction: Floats | None, ideal: Floats
) -> Division:
    """Return the last feasible point on origin + t * direction, t >= 0; without a direction, towards the ideal point.

    EMPTY where the ray misses the set, and so do rays beside it; INACCURATE where it misses the set narrowly.
    """
    known = np.asarray(np.isfinite(ideal).all(axis=-1))
    with np.errstate(invalid="ignore"):
        towards = ideal - origin if direction is None else direction
    step = towards if known.all() else np.where(known[..., None], towards, 0.0)
    moving, unit = np.abs(step).max(axis=-1) > 0, units(problem, ideal)
    with np.errstate(all="ignore"):
        last = np.where(moving, problem.feasible.ray(origin, step), 0.0)
        behind = np.isneginf(last) | (last * np.abs(step / unit).max(axis=-1) < -BEHIND)
    return last_of_line(problem, method, origin, step, np.maximum(last, 0.0), ideal, behind, unit=unit)


def last_of_line(
    problem: Problem,
    method: Named,
    origin: Floats,
    step: Floats,
    last: Floats,
    ideal: Floats,
    missed: NDArray[np.bool_],
    *,
    backwards: bool = False,
    unit: Floats | None = None,
) -> Division:
    """Return origin + last * step, EMPTY where the set is missed; a line may be followed `backwards`."""
    status = problem.gains_status(ideal)
    missed = np.asarray(missed & np.isfinite(ideal).all(axis=-1))
    if missed.any():
        beside = _beside(problem, origin, step, ideal)
        beside = beside if backwards else np.where(beside > -BEHIND, np.maximum(beside, 0.0), -np.inf)
        narrow = missed & np.isfinite(beside)
        last = np.where(narrow, beside, last)
        status = np.where(missed & ~narrow, Status.EMPTY, status).astype(np.int8)
    with np.errstate(all="ignore"):
        payoffs = origin + last[..., None] * step
    residual = off_ray(problem, payoffs, origin, step, ideal, backwards=backwards, unit=unit)
    return divide(problem, method, payoffs, np.where(missed, np.nan, residual), status, ideal=ideal)


def _beside(problem: Problem, origin: Floats, step: Floats, ideal: Floats) -> Floats:
    """Return how far lines go that are a little beside a line: the farthest of four; -inf if all miss a thin set.

    A line from a point of the set cannot miss it: it goes as far as that point at least.
    """
    n, last = origin.shape[-1], np.full(step.shape[:-1], -np.inf)
    if not may_be_thin(problem.feasible):
        return last
    size = NARROW * units(problem, np.where(np.isfinite(ideal), ideal, 0.0))
    aside = np.where(np.arange(n) % 2, -1.0, 1.0) * (1.0 - np.arange(n) / (2 * n))
    with np.errstate(all="ignore"):
        last = np.where(problem.feasible.contains(origin), 0.0, last)
        for way in (aside, -aside, aside[::-1], -aside[::-1]):
            last = np.fmax(last, problem.feasible.ray(origin + way * size, step))
    return last


def off_ray(
    problem: Problem,
    payoffs: Floats,
    origin: Floats,
    step: Floats,
    ideal: Floats,
    *,
    backwards: bool = False,
    unit: Floats | None = None,
) -> Floats:
    """Return how far payoffs are from the last feasible point on a ray: beside it, before its start, or along it.

    The distance along the ray is computed anew from the payoffs; in a set that may be thin, from a few roundings next
    to them. The unit is by default the ideal gains; NaN where payoffs, or values of the set, are NaN. A line may be
    followed `backwards`.
    """
    unit = units(problem, ideal) if unit is None else unit
    with np.errstate(all="ignore"):
        moved, share = payoffs - origin, np.abs(step / unit)
        t, reach = np.where(share[..., 0] > 0, moved[..., 0] / step[..., 0], 0.0), share[..., 0]
        for i in range(1, problem.players):  # read off whoever moves most
            t = np.where(share[..., i] > reach, moved[..., i] / step[..., i], t)
            reach = np.maximum(reach, share[..., i])
        beside = np.abs((moved - t[..., None] * step) / unit).max(axis=-1)
        further = np.where(reach > 0, further_on(problem, payoffs, step, ideal), 0.0)
        before = np.zeros_like(t) if backwards else -t * reach
        off: Floats = np.maximum(np.maximum(beside, before), np.abs(further) * reach)
    return off


def further_on(problem: Problem, payoffs: Floats, step: Floats, ideal: Floats) -> Floats:
    """Return how much further a ray goes from its last point: 0, but for rounding.

    In a set that may be thin the ray starts a few roundings from the point, one player up and the next one down: if the
    ray meets a side at a small angle, this changes where it leaves the set by many times as much.
    """
    if not may_be_thin(problem.feasible):
        return problem.feasible.ray(payoffs, step)
    n = payoffs.shape[-1]
    size = 4 * EPS * (np.abs(ideal) + np.abs(problem.disagreement))
    aside = np.where(np.arange(n) % 2, -1.0, 1.0) * (1.0 - np.arange(n) / (2 * n))
    further = problem.feasible.ray(payoffs + aside * size, step)
    if n <= 2:
        return further
    again = problem.feasible.ray(payoffs + aside[::-1] * size, step)
    return np.where(np.abs(again) > np.abs(further), again, further)


def may_be_thin(feasible: FeasibleSet) -> bool:
    """Say whether a set may be thin in a direction in which several players gain: a polytope without free disposal."""
    if isinstance(feasible, Restricted) and feasible.floor.ndim == 1:
        return may_be_thin(feasible.within)
    if not isinstance(feasible, Polytope) or feasible.free_disposal:
        return False
    return feasible.points is None or len(feasible.points) > 1
