"""The Pareto frontier of two players above d, in gains over ideal gains: a chain of vertices or a curve.

In these units d is (0, 0), the ideal point (1, 1), and the frontier runs from (left, 1) to (1, low).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining.errors import NotApplicable, Unsolved
from bargaining.feasible._polygon import pareto_chain
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.frontier import Frontier
from bargaining.feasible.frontier import _difference as difference
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.problem import Problem

EPS = float(np.finfo(float).eps)
STRAIGHT = 64 * EPS  # sag of a chord, in gains over ideal gains, below which it is an edge
VERTICES = 64  # a frontier with more than these is treated as a curve


def convex_only(problem: Problem, method: str) -> None:
    """Refuse a set that is not convex: a set says so by having a method ``convex_hull()``."""
    if hasattr(problem.feasible, "convex_hull"):
        raise NotApplicable(
            f"{method} needs a convex set; a {type(problem.feasible).__name__} is not. Allow lotteries with its "
            f"`convex_hull()`, or use `nash_set` or `conley_wilkie`."
        )


def chain(problem: Problem, ideal: Floats) -> Floats | None:
    """Return the vertices of the frontier from (left, 1) to (1, low), shape (..., k, 2); None if it is curved.

    Vertices may repeat. Cells without an ideal point, or without a gain for both, hold the segment
    from (0, 1) to (1, 0).
    """
    feasible, d = problem.feasible, np.broadcast_to(problem.disagreement, ideal.shape)
    if isinstance(feasible, Frontier):
        return None
    if isinstance(feasible, TransferableSurplus):
        return np.broadcast_to(_SEGMENT, (*ideal.shape[:-1], 2, 2))
    usual = _usual(ideal, d)
    corners = _corners(feasible)
    if corners is not None:
        return np.where(
            usual[..., None, None],
            _clip(corners, d, np.where(usual[..., None], ideal, d + 1)),
            _stretched(len(corners)),
        )
    if feasible.batch_shape:
        return None
    traced = [
        _trace(feasible, d[cell], ideal[cell]) if usual[cell] else _SEGMENT
        for cell in np.ndindex(usual.shape)
    ]
    if any(one is None for one in traced):
        return None
    length = max(len(one) for one in traced if one is not None)
    padded = [
        np.concatenate((one, np.repeat(one[-1:], length - len(one), axis=0)))
        for one in traced
        if one is not None
    ]
    return np.array(padded).reshape(*usual.shape, length, 2)


_SEGMENT = np.array([[0.0, 1.0], [1.0, 0.0]])


def _stretched(length: int) -> Floats:
    return np.concatenate((np.repeat(_SEGMENT[:1], max(length - 1, 0), axis=0), _SEGMENT[1:]))


def _usual(ideal: Floats, d: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        gains = ideal - d
    usual: Floats = np.asarray((np.isfinite(gains) & (gains > 0)).all(axis=-1))
    return usual


def _corners(feasible: FeasibleSet) -> Floats | None:
    """Return the vertices of the whole frontier of a polygon; None where the set cannot name them."""
    if not isinstance(feasible, Polytope):
        return None
    try:
        return pareto_chain(feasible.vertices)
    except NotApplicable:
        return None


def _clip(corners: Floats, d: Floats, ideal: Floats) -> Floats:
    """Return a frontier's vertices in gains over ideal gains, those beyond d moved to the ends."""
    gains = (ideal - d)[..., None, :]
    unit = (corners - d[..., None, :]) / gains
    left, low = np.maximum(unit[..., :1, 0], 0.0), np.maximum(unit[..., -1:, 1], 0.0)
    before, after = unit[..., 0] <= left, unit[..., 1] <= low
    x = np.where(before, left, np.where(after, 1.0, unit[..., 0]))
    y = np.where(before, 1.0, np.where(after, low, unit[..., 1]))
    return np.stack((x, y), axis=-1)


def ends(feasible: FeasibleSet, d: Floats, ideal: Floats) -> tuple[Floats, Floats]:
    """Return the best points for player 1 and for player 0 among those that leave the other at least d."""
    top = feasible.ideal(np.stack((d[..., 0], ideal[..., 1]), axis=-1))[..., 0]
    right = feasible.ideal(np.stack((ideal[..., 0], d[..., 1]), axis=-1))[..., 1]
    # Asked at the very end of the set, rounding may say there is nothing there.
    top, right = (np.where(np.isfinite(x), x, d[..., i]) for i, x in enumerate((top, right)))
    first = np.stack((np.minimum(top, ideal[..., 0]), ideal[..., 1]), axis=-1)
    return first, np.stack((ideal[..., 0], np.minimum(right, ideal[..., 1])), axis=-1)


def _trace(feasible: FeasibleSet, d: Floats, ideal: Floats) -> Floats | None:
    """Find the vertices of one frontier by asking for the best point in the direction of each chord's normal.

    A chord whose middle is on the frontier is an edge; one that bulges gives a new point. On a polygon every answer
    is a vertex, so this ends; on a curve it does not, and stops at the limit.
    """
    gains = ideal - d
    points = list(ends(feasible, d, ideal))
    k = 0
    while k < len(points) - 1:
        a, b = points[k], points[k + 1]
        run, fall = (b[0] - a[0]) / gains[0], (a[1] - b[1]) / gains[1]
        if run <= STRAIGHT or fall <= STRAIGHT or feasible.ray(a + (b - a) / 2, gains) <= STRAIGHT:
            k += 1
            continue
        _, corner = feasible.support(np.array([fall, run]) / gains)
        if not (np.isfinite(corner).all() and a[0] < corner[0] < b[0] and b[1] < corner[1] < a[1]):
            return None
        points.insert(k + 1, corner)
        if len(points) > VERTICES:
            return None
    return np.asarray((np.array(points) - d) / gains)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """The frontier as a function of player 0's gain; arguments have the shape of the batch, or one more axis before.

    Attributes
    ----------
    function, slope : callable
        Player 1's gain and its derivative, both over ideal gains.
    steeper : callable or None
        The derivative plus its estimated error, if it is by differences.
    left, right : ndarray, shape (...)
        The interval, in [0, 1]: outside it the frontier is level or upright.
    """

    function: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]
    steeper: Callable[[Floats], Floats] | None
    left: Floats
    right: Floats

    def cell(self, index: tuple[int, ...]) -> "Curve":
        """Return the curve of one cell, with arguments of shape (m,)."""
        shape = self.left.shape
        if not shape:
            return self
        place = int(np.ravel_multi_index(index, shape))

        def only(whole: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
            def one(x: Floats) -> Floats:
                every = np.broadcast_to(
                    np.reshape(x, (*np.shape(x), *(1,) * len(shape))), (*np.shape(x), *shape)
                )
                return whole(every).reshape(*np.shape(x), -1)[..., place]

            return one

        return Curve(
            function=only(self.function),
            slope=only(self.slope),
            steeper=None if self.steeper is None else only(self.steeper),
            left=self.left[index],
            right=self.right[index],
        )


def curve(problem: Problem, ideal: Floats) -> Curve:
    """Return the frontier of two players as a curve; a set that has no function for it is asked for ideal points."""
    d = np.broadcast_to(problem.disagreement, ideal.shape)
    usual = _usual(ideal, d)[..., None]
    safe = np.where(usual, ideal, d + 1.0)
    gains = safe - d
    frontier = problem.feasible
    if not isinstance(frontier, Frontier):
        frontier = _as_frontier(frontier, d, safe)
    (d0, d1), (g0, g1) = (np.moveaxis(a, -1, 0) for a in (d, gains))
    low, high = np.broadcast_to(frontier.lower, d0.shape), np.broadcast_to(frontier.upper, d0.shape)

    def function(u: Floats) -> Floats:
        return np.asarray((frontier.function(np.clip(d0 + u * g0, low, high)) - d1) / g1)

    def slope(u: Floats) -> Floats:
        return np.asarray(frontier.slope(np.clip(d0 + u * g0, low, high)) * (g0 / g1))

    def steeper(u: Floats) -> Floats:
        x = np.clip(d0 + u * g0, low, high)
        derivative, error = difference(frontier.function, x, frontier.lower, frontier.upper)
        return np.asarray((derivative - error) * (g0 / g1))

    left = np.where(usual[..., 0], np.maximum(low - d0, 0.0) / g0, 0.0)
    return Curve(
        function=function,
        slope=slope,
        steeper=steeper if frontier.derivative is None else None,
        left=left,
        right=np.ones(d0.shape),
    )


def _as_frontier(feasible: FeasibleSet, d: Floats, ideal: Floats) -> Frontier:
    first, last = ends(feasible, d, ideal)

    def best_for_1(x: Floats) -> Floats:
        x = np.asarray(x, dtype=float)
        return feasible.ideal(np.stack((x, np.full(x.shape, -np.inf)), axis=-1))[..., 1]

    if not (first[..., 0] < last[..., 0]).all():
        raise Unsolved(
            "the frontier of the set is too short beside its payoffs to be followed; rescale the payoffs."
        )
    return Frontier(best_for_1, first[..., 0], last[..., 0])
