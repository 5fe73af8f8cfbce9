"""The Conley-Wilkie extension of the Nash solution to sets that are not convex."""

from __future__ import annotations

import numpy as np

from bargaining.concepts._ray import last_on_ray
from bargaining.concepts.nash import nash
from bargaining.division import Division, describe, named
from bargaining.feasible.base import is_convex
from bargaining.feasible.lotteries import with_lotteries
from bargaining.problem import Problem, require_problem


def conley_wilkie(problem: Problem) -> Division:
    r"""Return the Conley-Wilkie solution: towards the Nash solution of the convex hull, as far as feasible.

    The last point of S on the segment from d to the Nash solution of :math:`(\operatorname{conv} S, d)`.

    Parameters
    ----------
    problem : Problem
        Any number of players; a batch is solved cell by cell. A feasible set with a method ``convex_hull()`` is not
        convex; every other one is, and then the answer is that of `nash`.

    Returns
    -------
    Division
        `payoffs` of shape (..., n). Weakly Pareto optimal only.

    References
    ----------
    J. P. Conley and S. Wilkie (1996), "An extension of the Nash bargaining solution to nonconvex problems",
    Games and Economic Behavior 13.

    Examples
    --------
    >>> from bargaining import Problem
    >>> from bargaining import FreeDisposalHull
    >>> conley_wilkie(Problem(FreeDisposalHull([[4, 1], [1, 3]]), [0, 0])).payoffs
    array([1.5, 1. ])
    """
    require_problem(problem)
    label = describe("conley_wilkie")
    if is_convex(problem.feasible):
        return named(nash(problem), label)
    target = nash(Problem(with_lotteries(problem.feasible), problem.disagreement))
    gains = np.where(np.isfinite(target.payoffs), target.gains, 0.0)
    return last_on_ray(problem, label, problem.disagreement, gains, problem.ideal)
