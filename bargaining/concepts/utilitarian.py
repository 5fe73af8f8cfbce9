"""The utilitarian solution."""

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arrays import distribution
from bargaining.division import Division, describe, divide
from bargaining.errors import Status
from bargaining.problem import Problem


def utilitarian(problem: Problem, *, weights: ArrayLike | None = None) -> Division:
    r"""Return a utilitarian point: the feasible payoffs with the largest weighted sum.

    .. math:: \arg\max_{x \in S} \sum_i w_i x_i

    Parameters
    ----------
    problem : Problem
        Any number of players; a batch is solved cell by cell. The disagreement point does not matter.
    weights : array_like, shape (n,) or (..., n), optional
        Weights that sum to one; equal by default.

    Returns
    -------
    Division
        `payoffs` of shape (..., n). Where several points tie it is the middle of them: of an
        edge its midpoint, of a `TransferableSurplus` the equal division of the total. UNBOUNDED where the sum is.

    Raises
    ------
    InvalidInput
        If `weights` is not a distribution over the players.

    Examples
    --------
    >>> from bargaining import Polytope, Problem, utilitarian
    >>> utilitarian(Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0])).payoffs
    array([4., 0.])
    """
    w = np.broadcast_to(
        distribution(weights, "weights", problem.players), (*problem.batch_shape, problem.players)
    )
    value, payoffs = problem.feasible.support(w)
    with np.errstate(invalid="ignore"):
        residual = np.abs((w * payoffs).sum(axis=-1) - value) / np.abs(w * payoffs).sum(axis=-1)
    status = np.where(np.isposinf(value), Status.UNBOUNDED, Status.OK).astype(np.int8)
    label = describe("utilitarian", weights=weights)
    return divide(problem, label, payoffs, np.nan_to_num(residual), status, ideal=payoffs + 1.0)
