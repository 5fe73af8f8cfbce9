"""The Nash bargaining solution, weighted."""

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arrays import distribution
from bargaining.division import ACCURACY, Division, describe, divide, solved
from bargaining.errors import Status
from bargaining.feasible.product import best_product
from bargaining.problem import Problem


def nash(problem: Problem, *, weights: ArrayLike | None = None) -> Division:
    r"""Return the Nash solution: the feasible point with the largest weighted product of gains.

    .. math:: \arg\max_{x \in S,\ x \ge d} \prod_i (x_i - d_i)^{w_i}, \qquad \sum_i w_i = 1.

    Parameters
    ----------
    problem : Problem
        Any number of players; a batch is solved cell by cell.
    weights : array_like, shape (n,) or (..., n), optional
        Bargaining weights that sum to one; equal by default. A player of weight 0 is held to what the others' best
        agreement leaves.

    Returns
    -------
    Division
        `payoffs` of shape (..., n). Where not everyone can gain (DEGENERATE) those who cannot stay at
        `disagreement`.

    Raises
    ------
    InvalidInput
        If `weights` is not a distribution over the players.

    References
    ----------
    J. F. Nash (1950), "The bargaining problem", Econometrica 18. E. Kalai (1977), "Nonsymmetric Nash solutions and
    replications of 2-person bargaining", Int. J. of Game Theory 6.

    Examples
    --------
    >>> from bargaining import Frontier, Problem, nash
    >>> problem = Problem(Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x), [0, 0])
    >>> nash(problem, weights=[0.25, 0.75]).payoffs
    array([0.75592895, 3.42857143])
    """
    w = distribution(weights, "weights", problem.players)
    label = describe("nash", weights=weights)
    point, residual = best_product(problem.feasible, problem.disagreement, w)
    if residual.max() <= ACCURACY:
        return solved(problem, label, point, residual)
    ideal = problem.ideal
    status = problem.gains_status(ideal)
    payoffs = np.where((status == Status.OK)[..., None], point, ideal)
    return divide(problem, label, payoffs, np.where(status == Status.OK, residual, 0.0), status, ideal=ideal)
