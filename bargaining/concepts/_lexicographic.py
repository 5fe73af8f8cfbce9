"""Raise everybody together; freeze those who are blocked; go on with the others."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.concepts._comprehensive import Ideal, comprehensive, ideal_of, lasting_gain
from bargaining.concepts._missed import outside, units
from bargaining.division import Division, Named, divide
from bargaining.feasible.base import FeasibleSet
from bargaining.problem import Problem

HAIR = 16 * float(np.finfo(float).eps)  # of payoffs: what rounding may move a level face by
ROUNDS = 50  # for each player: a limit for sets whose answers disagree with each other


def raise_together(
    problem: Problem, method: Named, direction: Floats, ideal: Floats, *, start: Floats | None = None
) -> Division:
    """Return the lexicographic maximum of gains measured in `direction`: the least gain first.

    Parameters
    ----------
    direction : ndarray, shape (..., n)
        Non-negative; a player with an entry of 0 is frozen from the start.
    start : ndarray, shape (..., n), optional
        Where gains are measured from, at most as good for everyone as some feasible point: by default the disagreement
        point.
    """
    status = problem.gains_status(ideal)
    known = np.asarray(np.isfinite(ideal).all(axis=-1))[..., None]
    step = np.where(known, direction, 0.0)
    d = np.broadcast_to(problem.disagreement, ideal.shape)
    x = np.array(d if start is None else np.where(known, start, d))
    hair = HAIR * (np.abs(x) + np.where(known, np.abs(ideal), 0.0))
    feasible, free = comprehensive(problem.feasible), step > 0
    best = ideal_of(feasible)
    for _ in range(problem.players):
        moving = np.where(free, step, 0.0)
        x = x + _furthest(feasible, best, x, moving, hair)[..., None] * moving
        free = free & (lasting_gain(best, x, hair) > 0)
        if not free.any():
            break
    residual = short_of_lexicographic(problem, x, d if start is None else start, step, ideal)
    return divide(problem, method, np.where(known, x, ideal), residual, status, ideal=ideal)


def short_of_lexicographic(
    problem: Problem, x: Floats, start: Floats, direction: Floats, ideal: Floats
) -> Floats:
    """Return by how much payoffs are not the lexicographic maximum of gains from `start`, over ideal gains.

    In a convex set they are if nobody can gain at the expense only of players who gain more, down to the own level.
    That is asked from just below these levels, of the set with free disposal; what rounding explains does not count.
    """
    feasible, unit = comprehensive(problem.feasible), units(problem, ideal)
    best, counted = ideal_of(feasible), direction > 0
    known = np.asarray(np.isfinite(x).all(axis=-1))
    x = np.where(known[..., None], x, 0.0)
    hair = HAIR * (np.abs(x) + np.abs(np.where(np.isfinite(ideal), ideal, 0.0)))
    away = outside(feasible, x, unit)
    short = np.where(counted, 0.0, np.abs(x - start) / unit).max(axis=-1)
    with np.errstate(all="ignore"):
        level = (x - start + hair) / direction  # rounding may hide a gain that is small beside the payoff
        for i in range(x.shape[-1]):
            floor = np.where(counted, np.minimum(x, start + direction * level[..., i : i + 1]), x)
            floor[..., i] = x[..., i]
            gain = lasting_gain(best, floor, hair)[..., i] / unit[..., i]
            gain = np.where(np.isnan(gain) & (away > 0), 0.0, gain)  # nothing is above a point outside
            short = np.maximum(short, np.where(counted[..., i], gain, 0.0))
    return np.where(known, np.maximum(short, away), np.nan)


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
        gain = lasting_gain(best, x + far[..., None] * step, hair)
        with np.errstate(divide="ignore", invalid="ignore"):
            least = np.where(moving, gain / step, np.inf).min(axis=-1)
        more = some & (least > 0)
        if not more.any():
            break
        far = np.where(more, far + least / count, far)
    return far
