"""The Kalai-Smorodinsky solution."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining._calls import suggesting
from bargaining.concepts._ray import last_on_ray, off_ray
from bargaining.division import Division, describe
from bargaining.problem import Problem, require_problem


@suggesting
def kalai_smorodinsky(problem: Problem) -> Division:
    r"""Return the Kalai-Smorodinsky solution: gains in proportion to each player's ideal gain.

    With :math:`a_i = \max\{x_i : x \in S, x \ge d\}` it is the last feasible point on the ray from d to a.

    Parameters
    ----------
    problem : Problem
        Any number of players; a batch is solved cell by cell.

    Returns
    -------
    Division
        `payoffs` of shape (..., n). With free disposal it is Pareto optimal for two players, and only weakly Pareto
        optimal for three and more (Roth 1979). Without free disposal the ray may leave the set at a point where
        everyone could still gain. `lexicographic_kalai_smorodinsky` goes on from there.

    References
    ----------
    Kalai, E. and Smorodinsky, M. (1975). Other solutions to Nash's bargaining problem. *Econometrica* 43(3), 513-518.
    doi:10.2307/1914280

    Roth, A. E. (1979a). An impossibility result concerning n-person bargaining games. *International Journal of Game
    Theory* 8(3), 129-132. doi:10.1007/BF01770063

    Examples
    --------
    >>> from bargaining import Frontier, Problem, kalai_smorodinsky
    >>> kalai_smorodinsky(Problem(Frontier(lambda x: 4 - x**2, 0, 2), [0, 0])).payoffs
    array([1.23606798, 2.47213595])
    """
    require_problem(problem)
    return last_on_ray(problem, describe("kalai_smorodinsky"), problem.disagreement, None, problem.ideal)


def missed(problem: Problem, payoffs: Floats) -> Floats:
    """Return how far payoffs are from the last feasible point on the ray to the ideal point, over ideal gains."""
    ideal = problem.ideal
    with np.errstate(invalid="ignore"):
        step = ideal - problem.disagreement
    return off_ray(problem, payoffs, problem.disagreement, step, ideal)
