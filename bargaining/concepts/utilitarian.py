"""The utilitarian solution."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import ByPlayer, Floats, spread, weights_of
from bargaining._calls import suggesting
from bargaining.concepts._pareto import EPS, outside
from bargaining.division import Division, describe, divide
from bargaining.errors import Status
from bargaining.feasible.polytope import Polytope
from bargaining.problem import Problem, require_problem


@suggesting
def utilitarian(problem: Problem, *, weights: ByPlayer | None = None) -> Division:
    r"""Return a utilitarian point: the feasible payoffs with the largest weighted sum.

    .. math:: \arg\max_{x \in S} \sum_i w_i x_i

    Parameters
    ----------
    problem : Problem
        Any number of players; a batch is solved cell by cell. The disagreement point does not matter.
    weights : array_like, shape (n,) or (..., n), optional
        Weights, of which only the ratios count; equal by default.

    Returns
    -------
    Division
        `payoffs` of shape (..., n). If several points tie, the answer is their middle: the midpoint of an
        edge, the mean of a face's vertices, the equal division of a `TransferableSurplus`. With free disposal and a
        weight of 0, of those that nobody can improve on. UNBOUNDED where the sum is unbounded.

    Raises
    ------
    InvalidInput
        If a weight is negative, all are 0, or they are not one per player.

    Examples
    --------
    >>> from bargaining import Polytope, Problem, utilitarian
    >>> utilitarian(Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0])).payoffs
    array([4., 0.])
    """
    require_problem(problem)
    w = weights_of(weights, problem.player_names)
    label = describe("utilitarian", weights=w, weights_sum=weights)
    w = spread(w, "weights", (*problem.batch_shape, problem.players))
    value, payoffs = problem.feasible.support(w)
    span = _spans(problem, payoffs)
    status = np.where(np.isposinf(value), Status.UNBOUNDED, Status.OK).astype(np.int8)
    residual = _short(problem, w, payoffs, value, span)
    return divide(problem, label, payoffs, residual, status, ideal=problem.disagreement + span)


def missed(problem: Problem, payoffs: Floats, *, weights: ByPlayer | None = None) -> Floats:
    """Return by how much payoffs miss the largest weighted sum, or feasibility, over the weighted range of payoffs."""
    w = np.broadcast_to(weights_of(weights, problem.player_names), payoffs.shape)
    span = _spans(problem, payoffs)
    short = _short(problem, w, payoffs, problem.feasible.support(w)[0], span)
    return short + outside(problem.feasible, payoffs, span)


def _short(problem: Problem, w: Floats, payoffs: Floats, value: Floats, span: Floats) -> Floats:
    """Return by how much the best sum, or the sum at another point of the set, exceeds that of the payoffs."""
    with np.errstate(invalid="ignore"):
        short = np.abs((w * payoffs).sum(axis=-1) - value) / _range(w, span)
        points = problem.feasible.points if isinstance(problem.feasible, Polytope) else None
        if points is not None:
            short = np.maximum(short, _missed_point(points, w, payoffs))
        elif problem.players == 2:
            short = np.maximum(short, _missed(problem, w, payoffs, span))
    return np.asarray(short)


def _spans(problem: Problem, point: Floats) -> Floats:
    """Return the ranges of payoffs, or of gains for two players; without either, the size of payoffs."""
    size = np.abs(point) + np.abs(problem.disagreement)
    size = np.where(np.isfinite(size) & (size > 0), size, 1.0)
    if isinstance(problem.feasible, Polytope) and problem.feasible.points is not None:
        span = np.ptp(problem.feasible.points, axis=0)
        return np.where(span > 0, span, size)
    if problem.players != 2:
        return size
    with np.errstate(invalid="ignore"):
        span = problem.ideal - problem.disagreement
    return np.where(np.isfinite(span) & (span > 0), span, size)


def _missed_point(points: Floats, w: Floats, point: Floats) -> Floats:
    """Return by how much the best of the points exceeds the answer, over the change between the two.

    This detects an error in a small payoff even if another payoff is large and equal at both points.
    """
    room = 16 * EPS * (np.abs(points).max(axis=0) + np.abs(point))
    short = np.zeros(point.shape[:-1])
    for other in points:
        away = np.where(np.abs(other - point) <= room, 0.0, other - point)
        gain, change = (w * away).sum(axis=-1), (w * np.abs(away)).sum(axis=-1)
        more = gain > (w * room * (away != 0)).sum(axis=-1)
        short = np.maximum(short, np.where(more, gain / np.where(more, change, 1.0), 0.0))
    return np.where(np.isnan(point).any(axis=-1), np.nan, short)


def _missed(problem: Problem, w: Floats, point: Floats, span: Floats) -> Floats:
    """Return by how much nearby points of the frontier exceed the answer, over the weighted range of gains."""
    up = np.broadcast_to(np.array([0.0, 1.0]), point.shape)
    gain = np.zeros(point.shape[:-1])
    for step in (0.25, -0.25, 2.0**-5, -(2.0**-5), 2.0**-10, -(2.0**-10), 2.0**-18, -(2.0**-18)):
        aside = np.stack((point[..., 0] + step * span[..., 0], point[..., 1]), axis=-1)
        rise = problem.feasible.ray(aside, up)
        gain = np.fmax(gain, w[..., 0] * step * span[..., 0] + w[..., 1] * rise)
    return np.asarray(gain / _range(w, span))


def _range(w: Floats, span: Floats) -> Floats:
    """Return the weighted range of payoffs, which is positive also where the product of two small floats is not."""
    return np.asarray(np.maximum((w * span).sum(axis=-1), np.nextafter(0.0, 1.0)))
