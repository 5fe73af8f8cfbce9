r"""The Yu (compromise) solutions: the feasible point nearest to the ideal in a p-norm, from support points of the set.

The norm is minimised over mixtures of the points found so far; its gradient, :math:`w_i = \max(a_i - x_i, 0)^{p-1}`, is
a price vector. The best point of the set at these prices either proves that no point is nearer, or is added to the
points. For p = 2 this is Wolfe's (1976) algorithm, which ends after finitely many steps on a polytope. For p = 1
several points can have the least sum of losses. On a set of inequalities the middle of them is taken, on a convex
program any of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats, scalar
from bargaining._calls import suggesting
from bargaining.concepts._comprehensive import inequalities_of
from bargaining.concepts._missed import outside, units
from bargaining.concepts._pareto import Curve, Followed, curve, pareto
from bargaining.concepts.equal_loss import lose_alike
from bargaining.concepts.equal_loss import missed as short_of_equal_loss
from bargaining.concepts.lexicographic import raise_together, short_of_lexicographic
from bargaining.division import ACCURACY, Division, describe, divide
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.feasible.base import FeasibleSet, known
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.program import ConvexProgram
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.feasible.transform import (
    Relabelled,
    Rescaled,
    Restricted,
    convex_only,
    set_of_cell,
    support_above,
)
from bargaining.problem import Problem, require_problem

EPS = float(np.finfo(float).eps)
NOISE = 8 * EPS  # of slopes
BESIDE = 2.0 ** -np.arange(28.0)  # of the way to either end of a curve: points at which losses are compared


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
        points may be nearest: the answer is the middle of an edge, and any of them on a `ConvexProgram` of three and
        more players. With p = inf and three or more players many points can share the least largest loss; the one
        returned is Pareto optimal, and on a polytope the limit as p grows.
        `residual` is the violation of the first-order condition, whose prices are the gradient of the norm; on a curve
        it is also by how much the loss is smaller at another point of the curve, near or far.

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
    if power == 1 and problem.players > 2:
        residual = np.maximum(residual, _more_lost(problem, ideal, payoffs))
    return divide(problem, label, payoffs, residual, status, ideal=ideal)


def _nearest_point(problem: Problem, ideal: Floats, power: float) -> tuple[Floats, Floats]:
    """Return the nearest point for a finite power, and by how much it misses the first-order condition."""
    d = np.broadcast_to(problem.disagreement, ideal.shape)
    usual = np.asarray((np.isfinite(ideal) & (ideal > d)).all(axis=-1))
    gains = np.where(usual[..., None], ideal - d, 1.0)
    if problem.players > 2:  # some who can gain may share what others cannot: their losses have a unit, too
        usual = np.asarray(np.isfinite(ideal).all(axis=-1) & (ideal > d).any(axis=-1))
        own = np.where(usual[..., None], ideal - d, 1.0)
        gains = np.where(own > 0, own, own.max(axis=-1, keepdims=True))
    if problem.players == 2 and not of_decisions(problem.feasible):
        unit, residual = _two_players(problem, ideal, gains, power)
    else:
        unit, residual = _many_players(problem, np.where(usual[..., None], ideal, d), gains, power, usual)
    return np.where(usual[..., None], ideal - (1.0 - unit) * gains, ideal), residual


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
        lost = np.maximum(ideal - payoffs, 0.0).sum(axis=-1) / size
        short = np.maximum(lost - _least_lost(problem, ideal, payoffs, size), 0.0)
        return np.asarray(short + outside(problem.feasible, payoffs, unit))
    for cell in map(tuple, np.argwhere(known)):
        loss = np.maximum(ideal[cell] - payoffs[cell], 0.0)
        prices = (loss / max(float(loss.max()), np.finfo(float).tiny)) ** (p - 1)
        best = _best_within_reach(problem.feasible, ideal[cell])(prices)
        short[cell] = max(float(prices @ (best - payoffs[cell])), 0.0) / float(prices.sum()) / size[cell]
    return short + outside(problem.feasible, payoffs, unit)


def _least_lost(problem: Problem, ideal: Floats, payoffs: Floats, size: Floats) -> Floats:
    """Return the least sum of losses, over a size; for two players at points of the frontier, some near payoffs."""
    edge = pareto(problem, ideal) if problem.players == 2 and not of_decisions(problem.feasible) else None
    if edge is None:
        point, doubt = _nearest_point(problem, ideal, 1.0)
        return np.asarray(np.maximum(ideal - point, 0.0).sum(axis=-1) / size - doubt)
    gains = units(problem, ideal)
    if isinstance(edge, Followed):
        frontier = curve(edge, problem, ideal)
        u = np.clip((payoffs - problem.disagreement)[..., 0] / gains[..., 0], frontier.left, frontier.right)
        return np.asarray(_least_beside(frontier, gains / size[..., None], 1.0, u))
    return np.asarray(((1 - edge) * gains[..., None, :]).sum(axis=-1).min(axis=-1) / size)


def _more_lost(problem: Problem, ideal: Floats, payoffs: Floats) -> Floats:
    """Return by how much the sum of losses exceeds that at points between these payoffs and those with the largest sum.

    Both the largest sum over all players and that over players with losses are tried, since a player who gets more than
    the ideal payoff has no loss.
    """
    with np.errstate(invalid="ignore"):
        losers = np.where((ideal > payoffs).any(axis=-1, keepdims=True), ideal > payoffs, True)
        best = np.stack([problem.feasible.support(w)[1] for w in (np.ones_like(ideal), losers * 1.0)])
        points = payoffs + BESIDE.reshape(-1, *(1,) * best.ndim) * (best - payoffs)
        more = np.maximum(ideal - payoffs, 0.0).sum(axis=-1) - np.maximum(ideal - points, 0.0).sum(axis=-1)
    known = np.where(np.isfinite(more), more, 0.0).max(axis=(0, 1), initial=0.0)
    return np.asarray(known / units(problem, ideal).max(axis=-1))


def _least_beside(frontier: Curve, units: Floats, power: float, u: Floats) -> Floats:
    """Return the least norm of losses among points of a curve on both sides of a point, far and closer and closer."""
    share = BESIDE.reshape(-1, *(1,) * np.ndim(u))
    beside = [u + (end - u) * share for end in (frontier.left, frontier.right)]
    least: Floats = _norm(frontier, units, power, np.concatenate(beside)).min(axis=0)
    return least


def _norm(frontier: Curve, units: Floats, power: float, u: Floats) -> Floats:
    losses = [np.maximum(1 - x, 0.0) * units[..., i] for i, x in enumerate((u, frontier.function(u)))]
    most = np.maximum(np.maximum(*losses), np.finfo(float).tiny)
    norm: Floats = most * sum((loss / most) ** power for loss in losses) ** (1 / power)
    return norm


def _weights(fall: Floats, run: Floats, power: float, noise: Floats | float) -> tuple[Floats, Floats]:
    """Return weights, adding up to one, of the losses that are equal at the best point of a line of that slope.

    `noise` is the relative error of the slope that rounding can make.
    """
    with np.errstate(all="ignore"):
        steep = np.log(fall) - np.log(run)
        tilt = np.where(np.abs(steep) <= noise, 0.0, steep * (np.inf if power == 1 else 1 / (power - 1)))
        return 1 / (1 + np.exp(tilt)), 1 / (1 + np.exp(-tilt))


def _two_players(problem: Problem, ideal: Floats, gains: Floats, power: float) -> tuple[Floats, Floats]:
    units = gains / gains.max(axis=-1, keepdims=True)  # losses are compared in one unit
    edge = pareto(problem, ideal)
    if isinstance(edge, Followed):
        return _on_curve(curve(edge, problem, ideal), units, power)
    d = np.broadcast_to(problem.disagreement, ideal.shape)
    with np.errstate(invalid="ignore"):
        places = np.where(np.isfinite(ideal), np.maximum(np.abs(ideal), np.abs(d)), 0.0) / gains
    return _on_chain(edge, units, power, NOISE * (1.0 + places))


def _on_curve(frontier: Curve, units: Floats, power: float) -> tuple[Floats, Floats]:
    """Return the nearest point of a curve, and by how much it misses the first-order condition."""

    def condition(u: Floats, v: Floats, slope: Floats) -> Floats:
        run, fall = units[..., 0], np.maximum(-slope, 0.0) * units[..., 1]
        if power == 1:
            return np.asarray(2 * run / (run + fall) - 1)  # the fall may be infinite
        w0, w1 = _weights(fall, run, power, NOISE)
        return np.asarray(w0 * (1 - u) * units[..., 0] - w1 * (1 - v) * units[..., 1])

    u = np.clip(frontier.balance(condition), frontier.left, frontier.right)
    more = _norm(frontier, units, power, u) - _least_beside(frontier, units, power, u)
    off = np.maximum(frontier.off_balance(condition, u), more)
    return np.stack((u, frontier.function(u)), axis=-1), off + frontier.error


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


def _many_players(
    problem: Problem, ideal: Floats, gains: Floats, power: float, usual: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    unit, residual = np.full(ideal.shape, np.nan), np.full(usual.shape, np.nan)
    if power == 1:
        return _least_sum(problem.feasible, ideal, gains, usual)
    for cell in map(tuple, np.argwhere(usual)):
        size = gains[cell].max()
        losses, residual[cell] = _least(
            set_of_cell(problem.feasible, cell, usual.shape), ideal[cell], size, power
        )
        unit[cell] = 1 - losses * size / gains[cell]
    return unit, residual


def _least(feasible: FeasibleSet, ideal: Floats, size: float, power: float) -> tuple[Floats, float]:
    """Return the losses at the nearest point, in units of a size, and the gap of its first-order condition."""
    found = least_over_decisions(feasible, ideal, power)
    if found is not None and found[1] <= ACCURACY * size + 64 * EPS * np.abs(ideal).max():
        return (ideal - found[0]) / size, found[1] / size
    best = _best_within_reach(feasible, ideal)
    point, gap = nearest(lambda prices: (best(prices) - ideal) / size, np.zeros(ideal.size), power)
    return -point, gap


def _best_within_reach(feasible: FeasibleSet, ideal: Floats) -> Callable[[Floats], Floats]:
    """Return the set's best point at given prices; in an unbounded set, among points that may be nearest.

    Everyone loses t at the equal-loss point, so at the nearest point nobody loses more than n t.
    """

    def best(prices: Floats) -> Floats:
        point = feasible.support(prices)[1]
        if np.isfinite(point).all():
            return np.asarray(point)
        alike = np.ones(ideal.shape)
        loss = np.maximum(-feasible.ray(ideal, alike), 0.0)
        return support_above(feasible, prices, ideal - (len(ideal) + 1) * loss)

    return best


def _least_sum(
    feasible: FeasibleSet, ideal: Floats, gains: Floats, usual: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Solve a program in losses; without one, return a point below the ideal point with the largest sum.

    For a list of points this is the middle of those that tie, if it gives nobody more than the ideal payoff.
    """
    point, missed = np.full(ideal.shape, np.nan), np.full(usual.shape, np.nan)
    for cell in map(tuple, np.argwhere(usual)):
        found = least_over_decisions(feasible, ideal[cell])
        if found is not None:
            point[cell], missed[cell] = found
    todo = usual & np.isnan(point).any(axis=-1)
    if todo.any() and not (isinstance(feasible, Polytope) and feasible.inequalities is not None):
        best = np.array(feasible.support(np.ones(ideal.shape))[1])
        within = todo & np.asarray((best <= ideal + 64 * EPS * (np.abs(ideal) + gains)).all(axis=-1))
        point[within], missed[within], todo = best[within], 0.0, todo & ~within
    listed = inequalities_of(feasible) if todo.any() else None
    for cell in map(tuple, np.argwhere(todo)):
        if listed is not None:
            point[cell], missed[cell] = least_sum_of_losses(*listed, ideal[cell])
        elif known(feasible, "support_above") is not None:
            one = set_of_cell(feasible, cell, usual.shape)
            point[cell], missed[cell] = _least_with_caps(one, ideal[cell], gains[cell]), 0.0
    return 1 - (ideal - point) / gains, missed / gains.max(axis=-1)


def _least_with_caps(feasible: FeasibleSet, ideal: Floats, gains: Floats) -> Floats:
    """Return a point with the least sum of losses of a set that can compute its best points above floors.

    Players who would get more than the ideal payoff at the largest sum are held at it, and the sum of the others is
    maximised. If several players are held, each cap must bind: without it alone the player would not get less.
    """
    above = known(feasible, "support_above")
    hair = ACCURACY * gains

    def best(held: NDArray[np.bool_]) -> Floats:
        return np.asarray(above(np.where(held, 0.0, 1.0), np.where(held, ideal, -np.inf)))

    held = np.zeros(len(ideal), dtype=bool)
    point = best(held)
    for _ in range(2 * len(ideal)):
        over = ~held & (point > ideal + hair)
        if over.all() or not np.isfinite(point).all():
            break
        held = held | over
        few = held.sum() > 1 and not over.any()
        freed = [
            k
            for k in np.flatnonzero(held)
            if few and best(held & (np.arange(len(held)) != k))[k] < ideal[k] - hair[k]
        ]
        if not (over.any() or freed):
            break
        held[freed] = False
        point = best(held)
    return np.where(over.any(), np.nan, point)


Oracle = Callable[[Floats], Floats]
"""Takes non-negative prices and returns a best point of the set."""

ROUNDS = 200  # points found: a limit where rounding finds the same ones again
NEWTON = 60  # steps at p = 2 or so
PER_POWER = 4  # far from the optimum a step takes the largest loss down by about 1/p of it
MOST = 2000  # steps, however large p is
NEAR = 1e-15  # of the losses: a shorter step changes nothing
DEPENDENT = 1e-13  # of the largest singular value: smaller ones are rounding


def nearest(oracle: Oracle, ideal: Floats, power: float) -> tuple[Floats, float]:
    """Return the point that minimises sum(max(ideal - x, 0)**power), and the gap of its first-order condition.

    Parameters
    ----------
    oracle : callable
        The support of the set.
    ideal : ndarray, shape (n,)
        With losses of size about one.
    power : float
        Above 1.
    """
    n = len(ideal)
    points = oracle(np.ones(n))[None]
    if not np.isfinite(points).all():
        return np.full(n, np.nan), np.nan
    shares = np.ones(1)
    best, least = points[0], np.inf
    for _ in range(ROUNDS):
        points, shares = _over_mixtures(points, shares, ideal, power)
        x = shares @ points
        if (x >= ideal).all():
            return x, 0.0
        prices, _ = _prices(x, ideal, power)
        new = oracle(prices)
        if not np.isfinite(new).all():
            break
        gap = float(prices @ (new - x)) / float(prices.sum())
        if not gap >= least:
            best, least = x, gap
        if gap <= 4 * EPS or (np.abs(points - new).max(axis=1) <= EPS).any():
            break
        points, shares = np.concatenate((points, new[None])), np.append(shares, 0.0)
    return best, max(least, 0.0)


def _prices(x: Floats, ideal: Floats, power: float) -> tuple[Floats, Floats]:
    """Return the gradient of the norm and its derivative, over the largest loss."""
    loss = np.maximum(ideal - x, 0.0)
    unit = loss / max(float(loss.max()), np.finfo(float).tiny)
    # Nothing bends where there is no loss; just before, a power below 2 bends without bound.
    bend = np.where(loss > 0, (power - 1) * np.maximum(unit, 1e-12) ** (power - 2), 0.0)
    return unit ** (power - 1), bend / max(float(loss.max()), np.finfo(float).tiny)


def _over_mixtures(points: Floats, shares: Floats, ideal: Floats, power: float) -> tuple[Floats, Floats]:
    """Return the points that the nearest mixture needs, and their shares."""
    while True:
        target = _over_plane(points, shares, ideal, power)
        if (target >= -EPS).all():
            keep = target > EPS
            return points[keep], target[keep] / target[keep].sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(target < 0, shares / (shares - target), np.inf)
        shares = shares + min(1.0, float(reach.min())) * (target - shares)
        keep = np.arange(len(shares)) != int(np.argmin(reach))
        points, shares = points[keep], np.maximum(shares[keep], 0.0)
        shares = shares / shares.sum()


def _over_plane(points: Floats, shares: Floats, ideal: Floats, power: float) -> Floats:
    """Return shares, of either sign, of the nearest point of the plane through some points: Newton's method.

    Each step is a least-squares problem, the shortest where points depend on each other: the shares stay bounded.
    """
    base, along = points[0], points[1:] - points[0]
    mix = shares[1:].copy()
    for _ in range(min(NEWTON + int(PER_POWER * power), MOST) if len(along) else 0):
        x = base + mix @ along
        prices, bend = _prices(x, ideal, power)
        root = np.sqrt(np.maximum(bend, np.finfo(float).tiny))
        step = np.linalg.lstsq((along * root).T, prices / root, rcond=DEPENDENT)[0]
        size = _damped(base, along, mix, step, ideal, power)
        mix = mix + size * step
        if size == 0 or np.abs(step @ along).max() <= NEAR:
            break
    return np.append(1 - mix.sum(), mix)


def _damped(base: Floats, along: Floats, mix: Floats, step: Floats, ideal: Floats, power: float) -> float:
    """Return the share of a Newton step after which the norm still falls along it, or the step is all but gone."""
    size = 1.0
    for _ in range(50):
        prices, _ = _prices(base + (mix + size * step) @ along, ideal, power)
        before, _ = _prices(base + mix @ along, ideal, power)
        if (along @ prices) @ step >= -0.5 * abs((along @ before) @ step):
            return size
        size /= 2
    return 0.0


def least_sum_of_losses(matrix: Floats, limits: Floats, ideal: Floats) -> tuple[Floats, float]:
    r"""Return x with the least :math:`\sum_i \max(a_i - x_i, 0)` and how much another point is better.

    The least sum is that of the linear program of maximising :math:`\sum_i z_i` over :math:`z \le x`,
    :math:`z \le a` and x in the set. An x <= a that attains it is preferred, of several the middle one; there need be
    none where payoffs cannot be thrown away.
    """
    n = len(ideal)
    unit, none = np.eye(n), np.zeros((n, n))
    rows = np.block([[matrix, np.zeros_like(matrix)], [-unit, unit], [none, unit]])
    both = Polytope.from_inequalities(rows, np.concatenate((limits, np.zeros(n), ideal)))
    point, counted = np.split(both.support(np.repeat([0.0, 1.0], n))[1], 2)
    least = float((ideal - counted).sum())
    within = _middle(matrix, limits, ideal, least)
    if within is not None and _loss(within, ideal) - least <= 64 * EPS * (np.abs(ideal).sum() + least):
        point = within
    return point, max(_loss(point, ideal) - least, 0.0)


def of_decisions(feasible: FeasibleSet) -> bool:
    """Say whether a set is a convex program, perhaps within others."""
    within = known(feasible, "within")
    return isinstance(feasible, ConvexProgram) or (within is not None and of_decisions(within))


def least_over_decisions(
    feasible: FeasibleSet, ideal: Floats, power: float = 1.0
) -> tuple[Floats, float] | None:
    """Return the same for a convex program, perhaps within others, and any power; None for another set."""
    return _over_decisions(feasible, ideal, power, np.ones(ideal.size), np.full(ideal.size, -np.inf))


def _over_decisions(
    feasible: FeasibleSet, ideal: Floats, power: float, weights: Floats, floor: Floats
) -> tuple[Floats, float] | None:
    """Return the least sum of powers of weighted losses among the x >= floor."""
    if isinstance(feasible, ConvexProgram) and power > 1:
        return feasible.least_powers(ideal, weights, floor, power)
    if isinstance(feasible, ConvexProgram):
        return feasible.least_losses(ideal, weights, floor)
    if isinstance(feasible, Restricted):
        return _over_decisions(feasible.within, ideal, power, weights, np.maximum(floor, feasible.floor))
    if isinstance(feasible, Relabelled):
        back = np.argsort(feasible.order)
        found = _over_decisions(feasible.within, ideal[back], power, weights[back], floor[back])
        return None if found is None else (found[0][feasible.order], found[1])
    if isinstance(feasible, Rescaled):
        a, b = feasible.scale, feasible.shift
        found = _over_decisions(feasible.within, (ideal - b) / a, power, weights * a, (floor - b) / a)
        return None if found is None else (np.minimum(found[0] * a + b, ideal), found[1])
    return None


def _loss(point: Floats, ideal: Floats) -> float:
    return float(np.maximum(ideal - point, 0.0).sum())


def _middle(matrix: Floats, limits: Floats, ideal: Floats, least: float) -> Floats | None:
    """Return the middle of the vertices with the largest sum among x <= a; None if nothing is feasible there."""
    unit, ones = np.eye(len(ideal)), np.ones(len(ideal))
    rows, right = np.concatenate((matrix, unit)), np.concatenate((limits, ideal))
    try:
        capped = Polytope.from_inequalities(rows, right)
    except InvalidInput:
        return None
    point = capped.support(ones)[1]
    # Nobody loses more than all together: the points sought lie well above this floor.
    floor = ideal - 2 * max(least, float((ideal - point).max()))
    try:
        part = Polytope.from_inequalities(np.concatenate((rows, -unit)), np.concatenate((right, -floor)))
        corners = part.vertices
    except (InvalidInput, NotApplicable):
        return np.asarray(point)
    sums = (corners - point).sum(axis=1)
    tied = sums >= -64 * EPS * (np.abs(corners).max(axis=0).sum() + np.abs(point).sum())
    return np.asarray(corners[tied].mean(axis=0) if tied.sum() > 1 else point)
