"""All Nash solutions of a problem that need not be convex."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import ByPlayer, Floats, spread, weights_of
from bargaining._calls import suggesting
from bargaining.concepts.nash import nash
from bargaining.errors import Status
from bargaining.feasible.points import FreeDisposalHull, best_products, first_player_first
from bargaining.feasible.transform import Restricted
from bargaining.feasible.union import Union
from bargaining.problem import Problem, require_one_problem

SAME = 1e-9  # of the gains: solutions of two sets that are one


@suggesting
def nash_set(problem: Problem, *, weights: ByPlayer | None = None) -> Floats:
    r"""Return every feasible point with the largest weighted product of gains.

    .. math:: \arg\max_{x \in S,\ x \ge d} \prod_i (x_i - d_i)^{w_i}, \qquad \sum_i w_i = 1.

    On a convex set with positive weights there is one. Without lotteries several agreements can tie, and all of them
    are solutions.

    Parameters
    ----------
    problem : Problem
        Any number of players, one cell.
    weights : array_like, shape (n,), optional
        Bargaining weights, of which only the ratios count; equal by default.

    Returns
    -------
    ndarray, shape (k, n)
        The solutions, one per row, the best for player 0 first; no rows if some player with a weight cannot gain.

    Raises
    ------
    InvalidInput
        If `problem` is a batch, whose cells may have different numbers of solutions.
    Unsolved
        If the set, or one of a union, is convex and its Nash solution could not be computed.

    Notes
    -----
    Products tie if they differ by no more than rounding. A change of the players' scales multiplies all products by the
    same number, so the set of solutions is scale invariant.

    References
    ----------
    Kaneko, M. (1980). An extension of the Nash bargaining problem and the Nash social welfare function. *Theory and
    Decision* 12(2), 135-148. doi:10.1007/BF00154358

    Examples
    --------
    >>> from bargaining import FreeDisposalHull, Problem, nash_set
    >>> nash_set(Problem(FreeDisposalHull([[4, 1], [1, 4], [1.5, 1.5]]), [0, 0]))
    array([[4., 1.],
           [1., 4.]])
    """
    require_one_problem(problem)
    w = spread(weights_of(weights, problem.player_names), "weights", (problem.players,))
    feasible = problem.feasible.within if isinstance(problem.feasible, Restricted) else problem.feasible
    if isinstance(feasible, FreeDisposalHull):
        points = feasible.points
        return np.array(points[best_products(points, problem.disagreement, w)])
    if isinstance(feasible, Union):
        return _of_union(feasible, problem.disagreement, w)
    division = nash(problem, weights=weights).raise_if_failed()
    everyone = (division.gains > 0) | (w == 0)
    return division.payoffs[None] if everyone.all() else division.payoffs[:0].reshape(0, problem.players)


def _of_union(union: Union, d: Floats, w: Floats) -> Floats:
    """Return the best of the solutions of all sets, without repetitions."""
    each = [Problem(one, d) for one in union.sets]
    some = [one for one in each if one.gains_status(one.ideal) == Status.OK]
    found = np.concatenate([np.empty((0, d.size)), *(nash_set(one, weights=w) for one in some)])
    if not len(found):
        return found
    best = found[best_products(found, d, w)]
    best = first_player_first(best)
    gains = best - d
    again = [any((np.abs(gains[:k] - one) <= SAME * np.abs(one)).all(axis=1)) for k, one in enumerate(gains)]
    return np.array(best[~np.array(again)])
