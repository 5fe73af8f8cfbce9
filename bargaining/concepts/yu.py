r"""The Yu (compromise) solutions: the feasible point nearest to the ideal in a p-norm.

The gradient of the norm, :math:`w_i = \max(a_i - x_i, 0)^{p-1}`, is a price vector; at the nearest point no other is
worth more.
"""

from __future__ import annotations

import numpy as np

from bargaining._arrays import EPS, Floats, scalar
from bargaining._calls import suggesting
from bargaining.concepts._pareto import both_gain, outside, units, vertices
from bargaining.concepts.equal_loss import lose_alike
from bargaining.concepts.equal_loss import missed as short_of_equal_loss
from bargaining.concepts.lexicographic import raise_together, short_of_lexicographic
from bargaining.division import Division, describe, divide
from bargaining.errors import InvalidInput
from bargaining.feasible._root import decreasing_root
from bargaining.feasible.base import FeasibleSet, known
from bargaining.feasible.frontier import Frontier
from bargaining.feasible.polytope import STEEPEST, Polytope
from bargaining.feasible.program import ConvexProgram
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.feasible.transform import (
    Image,
    Restricted,
    convex_only,
    set_of_cell,
    support_above,
    without_low_floors,
)
from bargaining.problem import Problem, require_problem

NOISE = 8 * EPS  # of slopes
ASIDE = 2.0**-34  # of prices: beside an edge, of which sets give the middle where prices tie up to rounding
ROUNDS = 200  # support points of a set that knows no more
ENOUGH = 1e-13  # of the losses: a smaller gap is not sought


@suggesting
def yu(problem: Problem, *, p: float) -> Division:
    r"""Return the Yu solution: the feasible point nearest to the ideal one.

    .. math:: \min_{x \in S} \Big(\sum_i \max(a_i - x_i, 0)^p\Big)^{1/p}, \qquad
              a_i = \max\{x_i : x \in S, x \ge d\}.

    Parameters
    ----------
    problem : Problem
        Any number of players; a batch is solved cell by cell. The set must be convex.
    p : float
        At least 1. With 1 only the sum of losses counts, and the point is utilitarian among the x <= a, unless a point
        that gives somebody more than the ideal payoff has a smaller sum of losses. With infinity the largest loss is
        minimised first, then the second largest and so on; for two players this is the equal-loss solution.

    Returns
    -------
    Division
        `payoffs` of shape (..., n). It compares losses between players, so their units matter. With p = 1 several
        points may be nearest: the answer is the middle of an edge or face where its corners can be listed, and any of
        them elsewhere. With p = inf and three or more players many points can share the least largest loss; the one
        returned is Pareto optimal, and on a polytope the limit as p grows.
        `residual` is the violation of the first-order condition, whose prices are the gradient of the norm, and of
        feasibility; on a round norm the payoffs are within about its square root of the nearest point.

    Raises
    ------
    InvalidInput
        If `p` is below 1.
    NotApplicable
        If the set is not convex.

    References
    ----------
    Yu, P.-L. (1973). A class of solutions for group decision problems. *Management Science* 19(8), 936-946.
    doi:10.1287/mnsc.19.8.936

    Examples
    --------
    >>> from bargaining import Frontier, Problem, yu
    >>> frontier = Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x)
    >>> yu(Problem(frontier, [0, 0]), p=2).payoffs
    array([0.83512235, 3.30257066])
    """
    require_problem(problem)
    power = scalar(p, "p", finite=False)
    if not power >= 1:
        raise InvalidInput(f"`p` must be at least 1; got {power:g}. Smaller powers are not norms.")
    convex_only(problem.feasible, "yu")
    label = describe("yu", p=power)
    even = isinstance(problem.feasible, TransferableSurplus) and (problem.players > 2 or np.isinf(power))
    if (even and power > 1) or (np.isinf(power) and problem.players == 2):
        return lose_alike(problem, label)
    ideal = problem.ideal
    status = problem.gains_status(ideal)
    if np.isinf(power):
        loss = np.where(np.isfinite(ideal), ideal - problem.disagreement, 0.0).max(axis=-1, keepdims=True)
        return raise_together(problem, label, np.ones_like(ideal), ideal, start=ideal - loss)
    payoffs, residual = _nearest_point(problem, ideal, power)
    return divide(problem, label, payoffs, residual, status, ideal=ideal)


def _nearest_point(problem: Problem, ideal: Floats, power: float) -> tuple[Floats, Floats]:
    """Return the nearest point for a finite power, and by how much it misses the first-order condition."""
    d = np.broadcast_to(problem.disagreement, ideal.shape)
    gaining = np.isfinite(ideal) & (ideal > d)
    chain = vertices(problem, ideal) if problem.players == 2 else None
    feasible = without_low_floors(problem.feasible, d)
    if chain is not None or isinstance(feasible, Frontier):
        usual = np.asarray(gaining.all(axis=-1))
        gains, safe = (np.where(usual[..., None], x, 1.0) for x in (ideal - d, ideal))
        if isinstance(feasible, Frontier):
            point, residual = _on_frontier(feasible, np.where(usual[..., None], d, 0.0), safe, power)
        elif chain is not None:
            units = gains / gains.max(axis=-1, keepdims=True)  # losses are compared in one unit
            noise = NOISE * (1.0 + np.maximum(np.abs(safe), np.abs(d)) / gains)
            unit, residual = _on_chain(chain, units, power, noise)
            point = ideal - (1.0 - unit) * gains
        return np.where(usual[..., None], point, ideal), residual
    if problem.players == 2 and not _of_decisions(problem.feasible):
        return _between_prices(problem.feasible, d, ideal, power)
    point, residual = np.array(ideal), np.full(ideal.shape[:-1], np.nan)
    usual = np.asarray(np.isfinite(ideal).all(axis=-1) & gaining.any(axis=-1))
    for cell in map(tuple, np.argwhere(usual)):
        part = set_of_cell(problem.feasible, cell, usual.shape)
        ones, free = np.ones(problem.players), np.full(problem.players, -np.inf)
        point[cell], gap = _least(part, ideal[cell], ones, free, min(power, STEEPEST))
        residual[cell] = gap / (ideal[cell] - d[cell]).max()
    return point, residual


def _least(
    feasible: FeasibleSet, ideal: Floats, weights: Floats, floor: Floats, power: float
) -> tuple[Floats, float]:
    """Return the x >= floor with the least sum of powers of weighted losses, and an error of the weighted losses."""
    if isinstance(feasible, TransferableSurplus):
        feasible = Polytope.from_inequalities(np.ones((1, feasible.players)), np.atleast_1d(feasible.total))
    if isinstance(feasible, ConvexProgram | Polytope):
        point, gap = feasible.least_powers(ideal, weights, floor, power)
        return np.asarray(point), float(gap)
    if isinstance(feasible, Restricted):
        return _least(feasible.within, ideal, weights, np.maximum(floor, feasible.floor), power)
    if isinstance(feasible, Image):
        least = feasible.inside(ideal), feasible.back(weights * feasible.scale), feasible.inside(floor)
        point, gap = _least(feasible.within, *least, power)
        return feasible.outside(point), gap
    return _by_support(feasible, ideal, weights, floor, power)


def _by_support(
    feasible: FeasibleSet, ideal: Floats, weights: Floats, floor: Floats, power: float
) -> tuple[Floats, float]:
    """Return the same for a set known by its best points: of their hull, until none is worth more at its prices.

    For the sum of losses the best point with the largest sum is tried, if it gives nobody more than the ideal payoff.
    """
    first = _best_within_reach(feasible, ideal, weights)
    if power == 1:
        good = (first >= floor).all() and (first <= ideal + 64 * EPS * (1.0 + np.abs(ideal))).all()
        return (first, 0.0) if good else (np.full(ideal.shape, np.nan), np.nan)
    points = first[None]
    best: tuple[Floats, float] = first, np.inf
    for _ in range(ROUNDS):
        x, _ = Polytope(points, free_disposal=True).least_powers(ideal, weights, floor, power)
        loss = weights * np.maximum(ideal - x, 0.0)
        if not loss.any():
            return x, 0.0
        prices = weights * (loss / loss.max()) ** (power - 1)
        new = _best_within_reach(feasible, ideal, prices)
        gap = float(prices @ (new - x)) / float((prices / weights).sum())
        best = (x, max(gap, 0.0)) if gap < best[1] else best
        if not np.isfinite(gap) or gap <= ENOUGH * loss.max() or (points == new).all(axis=1).any():
            break
        points = np.vstack((points, new))
    return best


def _best_within_reach(feasible: FeasibleSet, ideal: Floats, prices: Floats) -> Floats:
    """Return the set's best point at given prices; in an unbounded set, among points that may be nearest.

    Everyone loses t at the equal-loss point, so at the nearest point nobody loses more than n t.
    """
    point = np.asarray(feasible.support(prices)[1])
    if np.isfinite(point).all():
        return point
    loss = max(-float(feasible.ray(ideal, np.ones(ideal.shape))), 0.0)
    return support_above(feasible, prices, ideal - (len(ideal) + 1) * loss)


def _of_decisions(feasible: FeasibleSet) -> bool:
    """Say whether a set is a convex program, perhaps within others."""
    within = known(feasible, "within")
    return isinstance(feasible, ConvexProgram) or (within is not None and _of_decisions(within))


def missed(problem: Problem, payoffs: Floats, *, p: float) -> Floats:
    """Return by how much payoffs violate the first-order condition, or feasibility, over the largest ideal gain.

    The prices are the gradient of the norm: losses to the power of p - 1. At these prices no feasible point is worth
    more.
    """
    ideal, n = problem.ideal, problem.players
    unit, known = units(problem, ideal), np.isfinite(payoffs).all(axis=-1)
    if np.isinf(p):
        if n == 2 or isinstance(problem.feasible, TransferableSurplus):
            return short_of_equal_loss(problem, payoffs)
        ones, start = np.ones_like(ideal), ideal - (ideal - problem.disagreement).max(axis=-1, keepdims=True)
        return short_of_lexicographic(problem, payoffs, start, ones, ideal)
    size, short = unit.max(axis=-1), np.full(known.shape, np.nan)
    if p == 1:  # only the sum counts, of losses below the ideal point
        point, doubt = _nearest_point(problem, ideal, 1.0)
        lost, least = (np.maximum(ideal - x, 0.0).sum(axis=-1) / size for x in (payoffs, point))
        short = np.maximum(lost - least + doubt, 0.0)
        return np.asarray(short + outside(problem.feasible, payoffs, unit))
    for cell in map(tuple, np.argwhere(known)):
        loss = np.maximum(ideal[cell] - payoffs[cell], 0.0)
        prices = (loss / max(float(loss.max()), np.finfo(float).tiny)) ** (p - 1)
        best = _best_within_reach(problem.feasible, ideal[cell], prices)
        short[cell] = max(float(prices @ (best - payoffs[cell])), 0.0) / float(prices.sum()) / size[cell]
    return short + outside(problem.feasible, payoffs, unit)


def _weights(fall: Floats, run: Floats, power: float, noise: Floats | float) -> tuple[Floats, Floats]:
    """Return weights, adding up to one, of the losses that are equal at the best point of a line of that slope.

    `noise` is the relative error of the slope that rounding can make.
    """
    with np.errstate(all="ignore"):
        steep = np.log(fall) - np.log(run)
        tilt = np.where(np.abs(steep) <= noise, 0.0, steep * (np.inf if power == 1 else 1 / (power - 1)))
        return 1 / (1 + np.exp(tilt)), 1 / (1 + np.exp(-tilt))


def _on_frontier(feasible: Frontier, d: Floats, ideal: Floats, power: float) -> tuple[Floats, Floats]:
    """Return the nearest point of a frontier, and by how much it misses the first-order condition."""
    size = (ideal - d).max(axis=-1)

    def condition(x: Floats, y: Floats, slope: Floats) -> Floats:
        fall = np.maximum(-slope, 0.0)
        if power == 1:
            return np.asarray(2 / (1 + fall) - 1)  # the fall may be infinite
        w0, w1 = _weights(fall, np.ones_like(fall), power, NOISE)
        return np.asarray((w0 * (ideal[..., 0] - x) - w1 * (ideal[..., 1] - y)) / size)

    low, high = (np.clip(x[..., 0], feasible.lower, feasible.upper) for x in (d, ideal))
    x, _ = feasible.balance(condition, low, high)
    missed = feasible.off_balance(condition, x, low, high)
    return np.stack((x, feasible.function(x)), axis=-1), missed


def _between_prices(feasible: FeasibleSet, d: Floats, ideal: Floats, power: float) -> tuple[Floats, Floats]:
    """Return the nearest point of a set of two players known by its best points, and by how much it may be missed.

    At the angle of its prices the best point has losses of which these are the gradient; along an edge the best point
    jumps there, and the nearest point is between its ends.
    """
    usual = both_gain(ideal, d)
    gains, safe = (np.where(usual[..., None], x, 1.0) for x in (ideal - d, ideal))
    units = gains / gains.max(axis=-1, keepdims=True)

    def best(angle: Floats) -> Floats:
        prices = np.stack((np.cos(angle), np.sin(angle)), axis=-1) / gains
        point = np.asarray(feasible.support(prices)[1])
        if np.isnan(point).any():  # unbounded at some prices
            point = Restricted(feasible, d).support(prices)[1]
        loss = (safe - point) / gains  # beyond d the frontier ends at one player's ideal payoff
        for end in np.eye(2):
            loss = np.where((loss * end).max(axis=-1, keepdims=True) > 1.0, end, loss)
        return loss

    def slack(angle: Floats) -> Floats:
        pull = np.maximum(best(angle) * units, 0.0) ** (power - 1) * units
        return np.asarray(np.cos(angle) * pull[..., 1] - np.sin(angle) * pull[..., 0])

    end = np.full(usual.shape, np.pi / 2)
    angle, _ = decreasing_root(slack, 0 * end, end)
    ends = [1.0 - best(np.clip(angle + side * ASIDE, 0.0, np.pi / 2)) for side in (1, -1)]
    unit, residual = _on_chain(np.stack(ends, axis=-2), units, power, NOISE * np.ones_like(units))
    return np.where(usual[..., None], ideal - (1.0 - unit) * gains, ideal), residual


def _on_chain(corners: Floats, units: Floats, power: float, noise: Floats) -> tuple[Floats, Floats]:
    """Return the nearest point of a chain of vertices: on each edge the equal weighted losses are a linear equation.

    `noise` holds the rounding errors of the vertices.
    """
    steps = np.diff(corners, axis=-2)
    run, fall = steps[..., 0] * units[..., None, 0], -steps[..., 1] * units[..., None, 1]
    with np.errstate(divide="ignore"):
        w0, w1 = _weights(fall, run, power, (noise[..., None, :] / np.abs(steps)).sum(axis=-1))
    loss0, loss1 = ((1 - corners[..., :-1, i]) * units[..., None, i] for i in (0, 1))
    with np.errstate(all="ignore"):
        share = np.clip((w0 * loss0 - w1 * loss1) / (w0 * run + w1 * fall), 0.0, 1.0)
    if power == 1:
        share = np.where(w0 == w1, 0.5, share)
    share = np.where((run > 0) & (fall > 0), share, np.where(run > 0, 1.0, 0.0))
    point = corners[..., 0, :] + (share[..., None] * steps).sum(axis=-2)
    loss0, loss1 = ((1 - point[..., None, i]) * units[..., None, i] for i in (0, 1))
    if power == 1:
        missed = ((1 - corners) * units[..., None, :]).sum(axis=-1).min(axis=-1) - (loss0 + loss1)[..., 0]
        return point, np.abs(missed)
    # Edges before the point must have been passed, those after it not, and on its own edge the losses must be equal.
    excess = np.where((run > 0) & (fall > 0), w0 * loss0 - w1 * loss1, 0.0)
    excess = np.where(
        share == 1, np.minimum(excess, 0.0), np.where(share == 0, np.maximum(excess, 0.0), excess)
    )
    # An edge cannot be missed by more than its length: one that rounding made has any slope.
    return point, np.minimum(np.abs(excess), run + fall).max(axis=-1, initial=0.0)
