"""The discrete Raiffa solution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import EPS, Floats
from bargaining._calls import suggesting
from bargaining.concepts._pareto import apart, outside, units
from bargaining.concepts.lexicographic import Ideal, lasting_gain
from bargaining.division import Division, describe, divide
from bargaining.feasible.transform import convex_only
from bargaining.problem import Problem, require_problem

LOWER = 4.0 ** np.arange(14)  # hairs by which points of a path are lowered: up to 1e-8 of the payoffs
ROUNDS = 50  # for each player: what is left shrinks by 1 - 1/n at least


@suggesting
def raiffa(problem: Problem) -> Division:
    r"""Return the discrete Raiffa solution: the limit of interim agreements, each the mean of the players' best.

    With :math:`a_i(x) = \max\{y_i : y \in S, y \ge x\}`, start from d and repeat

    .. math:: x \leftarrow x + \frac{a(x) - x}{n}

    until x is on the frontier. Each x is the expected outcome if a fair lottery decides who may choose an agreement
    that gives everyone at least the last x.

    Parameters
    ----------
    problem : Problem
        Any number of players; a batch is solved cell by cell. The set must be convex.

    Returns
    -------
    Division
        `payoffs` of shape (..., n). Pareto optimal also for three and more players.

    Raises
    ------
    NotApplicable
        If the set is not convex: the mean of agreements need not be feasible.

    Notes
    -----
    The remaining gains fall at least by the factor 1 - 1/n in a step, and usually much faster: on a smooth frontier of
    two players each step squares the error, on a straight one a single step is exact. `residual` is the remaining gains
    over ideal gains, plus the amount by which interim agreements had to be lowered to be feasible.

    References
    ----------
    Raiffa, H. (1953). Arbitration schemes for generalized two-person games. In *Contributions to the Theory of Games
    II*, Princeton University Press, 361-387.

    Anbarci, N. and Sun, C.-j. (2013). Robustness of intermediate agreements and bargaining solutions. *Games and
    Economic Behavior* 77(1), 367-376. doi:10.1016/j.geb.2012.11.001

    Examples
    --------
    >>> from bargaining import Frontier, Problem, raiffa
    >>> raiffa(Problem(Frontier(lambda x: 4 - x**2, 0, 2), [0, 0])).payoffs
    array([1.21594182, 2.5214855 ])
    """
    require_problem(problem)
    convex_only(problem.feasible, "raiffa")
    ideal = problem.ideal
    x, left = _limit(problem, ideal)
    payoffs = np.where(np.isfinite(ideal).all(axis=-1, keepdims=True), x, ideal)
    residual = left + outside(problem.feasible, payoffs, units(problem, ideal))
    return divide(problem, describe("raiffa"), payoffs, residual, problem.gains_status(ideal), ideal=ideal)


def missed(problem: Problem, payoffs: Floats) -> Floats:
    """Return how far payoffs are from the limit of the interim agreements, over ideal gains."""
    ideal = problem.ideal
    x, left = _limit(problem, ideal)
    unit = units(problem, ideal)
    return apart(payoffs, x, unit) + left + outside(problem.feasible, payoffs, unit)


def _limit(problem: Problem, ideal: Floats) -> tuple[Floats, Floats]:
    """Return the last agreement, and the remaining gains plus any infeasibility on the way, over ideal gains."""
    x, left = _agree(problem, ideal, np.asarray(np.isfinite(ideal).all(axis=-1)))
    with np.errstate(
        invalid="ignore"
    ):  # where everybody gets the ideal payoff up to rounding, that is the agreement
        rounding = 8 * EPS * (np.abs(ideal) + np.abs(problem.disagreement))
        x = np.where((np.abs(x - ideal) <= rounding).all(axis=-1, keepdims=True), ideal, x)
    return x, left


def _agree(problem: Problem, ideal: Floats, live: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return the same for the cells that are live.

    An interim agreement that rounding puts outside the set is lowered until it is inside. Gains at the last one are
    computed from just below it: on the frontier, rounding decides whether the side it lies on blocks a player.
    """
    x, n = np.array(np.broadcast_to(problem.disagreement, ideal.shape)), problem.players
    gains = np.where(live[..., None] & (ideal > x), ideal - x, np.inf)
    size = np.where(live[..., None], np.abs(ideal), 0.0)
    hair, tiny = 4 * EPS * (1.0 + (size / gains).max(axis=-1)), 4 * EPS * (size + np.abs(x))
    left, lowered = np.where(live, 1.0, np.nan), np.zeros(live.shape)
    best, again = ideal, problem.feasible.ideal
    for _ in range(ROUNDS * n):
        step = np.where(live[..., None], np.maximum(best - x, 0.0), 0.0)
        left = np.where(live, (step / gains).max(axis=-1), left)
        room = np.maximum(hair, lowered)
        if n > 2 and (last := live & ~(left > room)).any():
            rest = lasting_gain(again, x, 4 * tiny)
            left = np.where(last, (rest / gains).max(axis=-1), left)
            step = np.where(last[..., None], rest, step)
        live = live & (left > room)
        if not live.any():
            break
        x = np.where(live[..., None], x + step / n, x)
        best, inside = _best_above(again, x, tiny, live)
        if inside is not x:
            lowered = np.where(live, np.maximum(lowered, ((x - inside) / gains).max(axis=-1)), lowered)
            x = np.where(live[..., None], inside, x)
    return x, np.asarray(left + lowered)


def _best_above(best: Ideal, x: Floats, hair: Floats, live: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return each player's best payoff with nobody worse off than at x, and x, lowered if need be to be in the set.

    Rounding may put a point of a path slightly outside the set, where no feasible point is above it. Such a point is
    lowered by one hair, its rounding error, then by four and so on, until it is inside. The result is NaN if it never
    is, since an unknown gain is not a gain of zero, and in cells that are not live.
    """
    start = low = x if live.all() else np.where(live[..., None], x, 0.0)
    found = np.broadcast_to(best(low), x.shape)
    for size in (*LOWER, None):
        outside = live & (found < low - hair).any(axis=-1)
        if size is None or not outside.any():
            break
        low = np.where(outside[..., None], start - size * hair, low)
        found = np.where(outside[..., None], best(low), found)
    lost = ~live | outside
    if not lost.any():
        return found, low
    return np.where(lost[..., None], np.nan, found), np.where(live[..., None], low, x)
