"""The Nash bargaining solution, weighted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import EPS, ByPlayer, Floats, exceeds, spread, weights_of
from bargaining._calls import suggesting
from bargaining.concepts._pareto import outside, units
from bargaining.division import ACCURACY, Division, describe, divide, solved
from bargaining.errors import Status
from bargaining.feasible.base import best_product, is_convex, short_of_product
from bargaining.feasible.points import FreeDisposalHull, best_products, first_player_first
from bargaining.feasible.transform import Restricted
from bargaining.feasible.union import Union
from bargaining.problem import Problem, require_one_problem, require_problem


@suggesting
def nash(problem: Problem, *, weights: ByPlayer | None = None) -> Division:
    r"""Return the Nash solution: the feasible point with the largest weighted product of gains.

    .. math:: \arg\max_{x \in S,\ x \ge d} \prod_i (x_i - d_i)^{w_i}, \qquad \sum_i w_i = 1.

    Parameters
    ----------
    problem : Problem
        Any number of players; a batch is solved cell by cell.
    weights : array_like, shape (n,) or (..., n), optional
        Bargaining weights, of which only the ratios count; equal by default. Players of weight 0 get what the others'
        best agreement leaves; if there are several, they divide it with equal weights.

    Returns
    -------
    Division
        `payoffs` of shape (..., n). Where not everyone can gain (DEGENERATE), players who cannot gain stay at
        `disagreement`, and the others bargain with their weights in the same proportions. On a set without lotteries
        each player may be able to gain, but not all at once. Every product is then 0, and the answer is the best
        individually rational agreement for player 0 (DEGENERATE too). `residual` is the duality gap max sum(w (y - d) /
        (x - d)) - 1 over feasible y, or the interval that brackets the first-order condition.

    Raises
    ------
    InvalidInput
        If a weight is negative, all are 0, or they are not one per player.

    References
    ----------
    Nash, J. F. (1950). The bargaining problem. *Econometrica* 18(2), 155-162. doi:10.2307/1907266

    Kalai, E. (1977a). Nonsymmetric Nash solutions and replications of 2-person bargaining. *International Journal of
    Game Theory* 6(3), 129-133. doi:10.1007/BF01774658

    Examples
    --------
    >>> from bargaining import Frontier, Problem, nash
    >>> problem = Problem(Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x), [0, 0])
    >>> nash(problem, weights=[0.25, 0.75]).payoffs
    array([0.75592895, 3.42857143])
    """
    require_problem(problem)
    w = weights_of(weights, problem.player_names)
    label = describe("nash", weights=w, weights_sum=weights)
    point, residual = best_product(problem.feasible, problem.disagreement, w)
    if residual.max() <= ACCURACY and w.min() > 0:
        return solved(problem, label, point, residual)
    ideal = problem.ideal
    status = problem.gains_status(ideal)
    if np.isnan(residual).any() and not is_convex(problem.feasible):
        # Without lotteries each may be able to gain, but not all together: every product is 0.
        alone = (status == Status.OK) & np.isnan(residual)
        status = np.where(alone, Status.DEGENERATE, status).astype(np.int8)
        residual = np.where(alone, 0.0, residual)
        ideal = np.where(alone[..., None], point, ideal)
    payoffs = np.where((status == Status.OK)[..., None], point, ideal)
    residual = np.where(status == Status.OK, residual, 0.0)
    if problem.players > 2 and problem.feasible.batch_shape == ():
        payoffs, residual = _those_who_can(problem, w, payoffs, residual, status, ideal)
    return divide(problem, label, payoffs, residual, status, ideal=ideal)


def missed(problem: Problem, payoffs: Floats, *, weights: ByPlayer | None = None) -> Floats:
    """Return by how much payoffs miss the best weighted product, or feasibility, over the range of gains.

    Of players without a weight only that they get no less than their disagreement payoff.
    """
    w = weights_of(weights, problem.player_names)
    unit = units(problem, problem.ideal)
    short = short_of_product(problem.feasible, payoffs, problem.disagreement, w)
    below = np.maximum((problem.disagreement - payoffs) / unit, 0.0).max(axis=-1)
    return np.asarray(np.maximum(short, below) + outside(problem.feasible, payoffs, unit))


def _those_who_can(
    problem: Problem, w: Floats, payoffs: Floats, residual: Floats, status: NDArray[np.int8], ideal: Floats
) -> tuple[Floats, Floats]:
    """Solve for the players who can gain, if some cannot; then for those without weight, given the others' payoffs."""
    d, w = (np.broadcast_to(a, payoffs.shape) for a in (problem.disagreement, w))
    payoffs, residual = np.array(payoffs), np.array(residual)
    with np.errstate(invalid="ignore"):
        can = exceeds(ideal, d)
    some = (status == Status.DEGENERATE) & (can.sum(axis=-1) > 1) & (np.where(can, w, 0.0).sum(axis=-1) > 0)
    if some.any():
        share = np.where(can, w, 0.0)[some]
        share /= share.sum(axis=-1, keepdims=True)
        payoffs[some], residual[some] = best_product(problem.feasible, d[some], share)
        payoffs[some] = np.where(can[some], payoffs[some], d[some])
    rest = can & (w == 0)
    left = (residual <= ACCURACY) & rest.any(axis=-1) & ((status == Status.OK) | some)
    if left.any():
        # The others' payoffs are unique; a hair below them is a floor that rounding cannot make infeasible.
        hair = 16 * EPS * (np.abs(ideal) + np.abs(d))[left]
        floor = np.where(w[left] > 0, payoffs[left] - hair, d[left])
        equal = rest[left] / rest[left].sum(axis=-1, keepdims=True)
        point, miss = best_product(problem.feasible, floor, equal)
        better = miss <= ACCURACY
        payoffs[left] = np.where(better[:, None] & (w[left] == 0), np.maximum(point, d[left]), payoffs[left])
    return payoffs, residual


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
