"""The last feasible point along a ray: what Kalai-Smorodinsky, egalitarian and Gupta-Livne share."""

import numpy as np

from bargaining._arrays import Floats
from bargaining.division import Division, divide
from bargaining.errors import Status
from bargaining.problem import Problem

BEHIND = 1e-9  # of the range of gains: the ray meets the set only before its origin


def last_on_ray(problem: Problem, method: str, origin: Floats, direction: Floats, ideal: Floats) -> Division:
    """Return the last feasible point on origin + t * direction, t >= 0.

    The residual asks again how much further the ray goes from the answer, over the range of gains. EMPTY where the
    ray misses the set.
    """
    status = problem.gains_status(ideal)
    known = np.asarray(np.isfinite(ideal).all(axis=-1))
    step = np.where(known[..., None], direction, 0.0)
    moving = step.any(axis=-1)
    with np.errstate(all="ignore"):
        reach = (
            np.abs(step) / np.where(ideal > problem.disagreement, ideal - problem.disagreement, np.inf)
        ).max(-1)
        last = np.where(moving, problem.feasible.ray(origin, step), 0.0)
        t = np.maximum(last, 0.0)
        payoffs = origin + t[..., None] * step
        further = np.where(moving, problem.feasible.ray(payoffs, step), 0.0)
        residual = np.abs(further) * reach
        behind = np.isneginf(last) | (last * reach < -BEHIND)
    status = np.where(known & behind, Status.EMPTY, status).astype(np.int8)
    return divide(problem, method, payoffs, residual, status, ideal=ideal)
