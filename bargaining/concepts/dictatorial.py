"""The dictatorial solutions: a benchmark in which one player gets all gains."""

from __future__ import annotations

import numpy as np

from bargaining._arguments import player_index
from bargaining._arrays import Floats
from bargaining._calls import suggesting
from bargaining.concepts._pareto import apart, outside, units
from bargaining.division import Division, describe, divide
from bargaining.errors import Status
from bargaining.problem import Problem, require_problem


@suggesting
def dictatorial(problem: Problem, *, player: int) -> Division:
    r"""Return the best payoff for one player, with the others at their disagreement payoffs.

    The point :math:`(a_i, d_{-i})` with :math:`a_i = \max\{x_i : x \in S, x \ge d\}` for the dictator i.

    Parameters
    ----------
    problem : Problem
        Any number of players; a batch is solved cell by cell.
    player : int
        The dictator.

    Returns
    -------
    Division
        `payoffs` of shape (..., n). Weakly Pareto optimal. EMPTY where the point is not feasible, which is possible
        only in a set without free disposal.

    Raises
    ------
    InvalidInput
        If `player` is not one of the players.

    Examples
    --------
    >>> from bargaining import Problem, TransferableSurplus, dictatorial
    >>> dictatorial(Problem(TransferableSurplus(10), [1, 3]), player=1).payoffs
    array([1., 9.])
    """
    require_problem(problem)
    i = player_index(player, "player", problem.player_names)
    ideal = problem.ideal
    status = problem.gains_status(ideal)
    payoffs = np.array(np.broadcast_to(problem.disagreement, ideal.shape))
    payoffs[..., i] = ideal[..., i]
    known = np.asarray(np.isfinite(ideal).all(axis=-1))
    inside = problem.feasible.contains(np.where(known[..., None], payoffs, 0.0))
    status = np.where(known & ~inside, Status.EMPTY, status).astype(np.int8)
    residual = np.where(inside, _missed(problem, payoffs, i, ideal), np.nan)
    return divide(problem, describe("dictatorial", player=i), payoffs, residual, status, ideal=ideal)


def missed(problem: Problem, payoffs: Floats, *, player: int) -> Floats:
    """Return how far payoffs are from the best for a player with the others at d, over ideal gains."""
    ideal = problem.ideal
    return _missed(problem, payoffs, player, ideal) + outside(
        problem.feasible, payoffs, units(problem, ideal)
    )


def _missed(problem: Problem, payoffs: Floats, player: int, ideal: Floats) -> Floats:
    """Follow the player's axis from d: from the answer, rounding may say that the line misses the set."""
    d = np.broadcast_to(problem.disagreement, payoffs.shape)
    own = np.broadcast_to(np.eye(problem.players)[player], payoffs.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        best = d + problem.feasible.ray(d, own)[..., None] * own
        return apart(payoffs, np.where(own > 0, best, d), units(problem, ideal))
