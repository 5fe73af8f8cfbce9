"""The Conley-Wilkie extension of the Nash solution to sets that are not convex."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining._calls import suggesting
from bargaining.concepts._ray import last_on_ray, off_ray
from bargaining.concepts.nash import missed as short_of_nash
from bargaining.concepts.nash import nash
from bargaining.division import Division, describe, divide, named
from bargaining.errors import Status
from bargaining.feasible.base import is_convex
from bargaining.feasible.transform import with_lotteries
from bargaining.problem import Problem, require_problem


@suggesting
def conley_wilkie(problem: Problem) -> Division:
    r"""Return the Conley-Wilkie solution: towards the Nash solution of the convex hull, as far as feasible.

    The last point of S on the segment from d to the Nash solution of :math:`(\operatorname{conv} S, d)`.

    Parameters
    ----------
    problem : Problem
        Any number of players; a batch is solved cell by cell. Sets with a method ``convex_hull()`` count as not convex.
        All others count as convex, and the answer is that of `nash`.

    Returns
    -------
    Division
        `payoffs` of shape (..., n). Weakly Pareto optimal only.

    References
    ----------
    Conley, J. P. and Wilkie, S. (1996). An extension of the Nash bargaining solution to nonconvex problems. *Games
    and Economic Behavior* 13(1), 26-38. doi:10.1006/game.1996.0023

    Examples
    --------
    >>> from bargaining import FreeDisposalHull, Problem, conley_wilkie
    >>> conley_wilkie(Problem(FreeDisposalHull([[4, 1], [1, 3]]), [0, 0])).payoffs
    array([1.5, 1. ])
    """
    require_problem(problem)
    label = describe("conley_wilkie")
    if is_convex(problem.feasible):
        return named(nash(problem), label)
    ideal, target = problem.ideal, _target(problem)
    gains = np.where(np.isfinite(target.payoffs), target.gains, 0.0)
    division = last_on_ray(problem, label, problem.disagreement, gains, ideal)
    lost = ~np.asarray(target.ok) & np.isin(division.status, (Status.OK, Status.DEGENERATE))
    if not lost.any():
        return division
    # If the hull's Nash solution was not found there is no segment; if it is inaccurate, so is the answer.
    residual = np.where(lost, np.maximum(division.residual, target.residual), division.residual)
    known = np.isfinite(target.payoffs).all(axis=-1)
    payoffs = np.where((lost & ~known)[..., None], np.nan, division.payoffs)
    status = np.where(lost, Status.OK, division.status).astype(np.int8)
    return divide(problem, label, payoffs, residual, status, ideal=ideal)


def missed(problem: Problem, payoffs: Floats) -> Floats:
    """Return how far payoffs are from the last feasible point towards the hull's Nash solution, over ideal gains."""
    if is_convex(problem.feasible):
        return short_of_nash(problem, payoffs)
    target = _target(problem)
    short = off_ray(problem, payoffs, problem.disagreement, target.gains, problem.ideal)
    return np.asarray(np.maximum(short, target.residual))


def _target(problem: Problem) -> Division:
    return nash(Problem(with_lotteries(problem.feasible), problem.disagreement))
