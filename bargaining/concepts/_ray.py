"""The last feasible point along a ray: what Kalai-Smorodinsky, egalitarian and Gupta-Livne share."""

import numpy as np

from bargaining._arrays import Floats
from bargaining.division import Division, divide
from bargaining.errors import Status
from bargaining.feasible._sides import every, largest
from bargaining.problem import Problem

BEHIND = 1e-9  # of the range of gains: the ray meets the set only before its origin


def last_on_ray(problem: Problem, method: str, origin: Floats, direction: Floats, ideal: Floats) -> Division:
    """Return the last feasible point on origin + t * direction, t >= 0.

    The residual asks again how much further the ray goes from the answer, over the range of gains. EMPTY where the
    ray misses the set.
    """
    status = problem.gains_status(ideal)
    known = np.asarray(every(np.isfinite(ideal)))
    step = direction if known.all() else np.where(known[..., None], direction, 0.0)
    moving = largest(step) > 0
    with np.errstate(all="ignore"):
        gain = ideal - problem.disagreement
        reach = largest(step / np.where(gain > 0, gain, np.inf))
        last = np.where(moving, problem.feasible.ray(origin, step), 0.0)
        t = np.maximum(last, 0.0)
        payoffs = origin + t[..., None] * step
        further = np.where(moving, problem.feasible.ray(payoffs, step), 0.0)
        residual = np.abs(further) * reach
        behind = np.isneginf(last) | (last * reach < -BEHIND)
    status = np.where(known & behind, Status.EMPTY, status).astype(np.int8)
    return divide(problem, method, payoffs, residual, status, ideal=ideal)
