"""All utilitarian points: the face of the feasible set where a weighted sum is largest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import ByPlayer, Floats, spread, weights_of
from bargaining._calls import suggesting
from bargaining.errors import NotApplicable
from bargaining.feasible._root import decreasing_root
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.frontier import Frontier
from bargaining.feasible.points import FreeDisposalHull, first_player_first, undominated
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.union import Union
from bargaining.problem import Problem, require_one_problem

EPS = float(np.finfo(float).eps)
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
