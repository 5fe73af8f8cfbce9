"""The utilitarian solution, and the face of all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import EPS, ByPlayer, Floats, spread, weights_of
from bargaining._calls import suggesting
from bargaining.concepts._pareto import outside
from bargaining.division import Division, describe, divide
from bargaining.errors import NotApplicable, Status
from bargaining.feasible._root import decreasing_root
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.frontier import Frontier
from bargaining.feasible.points import FreeDisposalHull, first_player_first, undominated
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.union import Union
from bargaining.problem import Problem, require_one_problem, require_problem

DIFFERENCES = 1e-11  # relative error of slopes from values
SHORT = 1e-6  # of the interval: a shorter face counts as a point


@suggesting
def optimal_face(problem: Problem, *, weights: ByPlayer | None = None) -> Floats:
    r"""Return the extreme points of the set of utilitarian points.

    .. math:: \arg\max_{x \in S} \sum_i w_i x_i

    `utilitarian` returns one point of it, the middle; every mixture of these points is as good.

    Parameters
    ----------
    problem : Problem
        One cell. The disagreement point does not matter; for individually rational points only, use
        ``problem.restrict()``.
    weights : array_like, shape (n,), optional
        Weights, of which only the ratios count; equal by default.

    Returns
    -------
    ndarray, shape (k, n)
        One extreme point per row, the best for player 0 first; a single row where the solution is unique. On a
        `FreeDisposalHull` the points themselves, which cannot be mixed; on a `Union` those of each set, which can be
        mixed only within that set.

    Raises
    ------
    InvalidInput
        If `problem` is a batch, whose cells may have faces of different sizes, or a weight is negative, or all are 0.
    NotApplicable
        If the sum has no upper bound, the face has no extreme points, or the set cannot list them.

    Notes
    -----
    Sums tie if they differ by no more than rounding. On a `Frontier` without a derivative the ends of a straight piece
    are found from slopes by differences: to 1e-11 at a kink, to about 1e-5 of the interval where the slope
    changes smoothly. A face shorter than 1e-6 of the interval counts as a point.

    Examples
    --------
    >>> from bargaining import Polytope, Problem, optimal_face
    >>> optimal_face(Problem(Polytope([[0, 0], [3, 0], [2, 1], [0, 3]]), [0, 0]))
    array([[3., 0.],
           [0., 3.]])
    """
    require_one_problem(problem)
    w = spread(weights_of(weights, problem.player_names), "weights", (problem.players,))
    feasible = problem.feasible
    if not np.isfinite(feasible.support(w)[0]):
        raise NotApplicable("the weighted sum has no upper bound on the set; bound the set from above.")
    if isinstance(feasible, Frontier):
        return _of_frontier(feasible, w)
    if isinstance(feasible, FreeDisposalHull):
        return undominated(feasible.points[_tied(feasible.points, w)])
    if isinstance(feasible, Union):
        return _of_union(feasible, problem.disagreement, w)
    if isinstance(feasible, Polytope):
        points = feasible.vertices
        points = points[_tied(points, w)]
        return undominated(points) if feasible.free_disposal else first_player_first(points)
    if problem.players == 2:
        return _along_tangent(feasible, w)
    raise NotApplicable(
        f"a {type(feasible).__name__} of {problem.players} players has no list of extreme points; describe the set as "
        f"a Polytope."
    )


def _of_union(union: Union, d: Floats, w: Floats) -> Floats:
    """Return the points of the sets whose best sum is the best of all."""
    best = np.array([one.support(w)[1] for one in union.sets])
    faces = [
        optimal_face(Problem(one, d), weights=w)
        for one, tied in zip(union.sets, _tied(best, w), strict=True)
        if tied
    ]
    return first_player_first(np.unique(np.concatenate(faces), axis=0))


def _along_tangent(feasible: FeasibleSet, w: Floats) -> Floats:
    """Return how far a set of two players goes along its tangent, either way from a best point."""
    point = feasible.support(w)[1]
    size = np.abs(point).max() + np.finfo(float).tiny
    step = np.array([w[1], -w[0]]) * size
    far = np.array([feasible.ray(point, step), feasible.ray(point, -step)])
    if np.isposinf(far).any():
        raise NotApplicable(
            "the face has no extreme points, because the set is unbounded along it; take the individually rational "
            "part: `problem.restrict()`."
        )
    far = np.maximum(far, 0.0)
    if far.sum() <= SHORT:
        return np.asarray(point)[None]
    return np.stack((point + far[0] * step, point - far[1] * step))


def _tied(points: Floats, w: Floats) -> NDArray[np.bool_]:
    """Say which points are as good as the best, up to rounding."""
    origin = points.min(axis=0)
    sums = (w * (points - origin)).sum(axis=1)
    size = np.abs(w * points).sum(axis=1).max() + np.abs(w * origin).sum()
    tied: NDArray[np.bool_] = sums >= sums.max() - 4 * EPS * size
    return tied


def _of_frontier(feasible: Frontier, w: Floats) -> Floats:
    """Return the ends of the interval on which the slope is that of the weights."""
    low, high = float(feasible.lower), float(feasible.upper)
    fall = float(feasible.function(feasible.lower) - feasible.function(feasible.upper))
    slack = (w[0] * (high - low) + w[1] * fall) / (high - low)
    slack *= 64 * EPS if feasible.derivative is not None else DIFFERENCES

    def excess(x: Floats) -> Floats:
        return np.asarray(w[0] + w[1] * feasible.slope(x) - np.array([slack, -slack]))

    (first, last), _ = decreasing_root(excess, np.full(2, low), np.full(2, high))
    ends = (
        np.array([last, first])
        if last - first > SHORT * (high - low)
        else np.ravel(feasible.support(w)[1][0])
    )
    return np.stack((ends, feasible.function(ends)), axis=-1)


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
