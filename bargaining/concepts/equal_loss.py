"""The equal-loss solution."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining._calls import suggesting
from bargaining.concepts._ray import last_of_line, off_ray
from bargaining.division import Division, Named, describe
from bargaining.problem import Problem, require_problem


@suggesting
def equal_loss(problem: Problem) -> Division:
    r"""Return the equal-loss solution: everyone falls short of their ideal payoff by the same amount.

    With :math:`a_i = \max\{x_i : x \in S, x \ge d\}` it is the point :math:`a - t(1, \dots, 1)` of S with the
    smallest t.

    Parameters
    ----------
    problem : Problem
        Any number of players; a batch is solved cell by cell.

    Returns
    -------
    Division
        `payoffs` of shape (..., n). It compares losses between players, so their units matter. With three or more
        players a player may get less than the disagreement payoff. EMPTY where the line misses S, which is possible
        only without free disposal.

    References
    ----------
    Chun, Y. (1988). The equal-loss principle for bargaining problems. *Economics Letters* 26(2), 103-106.
    doi:10.1016/0165-1765(88)90022-0

    Examples
    --------
    >>> from bargaining import Polytope, Problem, equal_loss
    >>> equal_loss(Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0])).payoffs
    array([3.2, 0.2])
    """
    require_problem(problem)
    return lose_alike(problem, describe("equal_loss"))


def lose_alike(problem: Problem, method: Named) -> Division:
    """Return the equal-loss solution under the name of `method`."""
    ideal = problem.ideal
    alike = np.ones_like(ideal)
    with np.errstate(all="ignore"):
        loss = np.asarray(problem.feasible.ray(ideal, alike))
    return last_of_line(problem, method, ideal, alike, loss, ideal, np.isneginf(loss), backwards=True)


def missed(problem: Problem, payoffs: Floats) -> Floats:
    """Return how far payoffs are from the last feasible point with equal losses, over the smallest ideal gain."""
    ideal = problem.ideal
    return off_ray(problem, payoffs, ideal, np.ones_like(ideal), ideal, backwards=True)
