r"""The Pareto frontier of two players above d, in gains over ideal gains: a chain of vertices or a curve.

In these units d is (0, 0), the ideal point (1, 1), and the frontier runs from (left, 1) to (1, low).

If a smooth set is slow to evaluate, some of its points are computed once and interpolated. The best points at the
prices :math:`(\cos\theta, \sin\theta)` run along the frontier as :math:`\theta` goes from 0 to :math:`\pi/2`. Where the
frontier is smooth and curved they are smooth functions of :math:`\theta`, even if it ends horizontally or vertically,
and polynomials through a hundred of them are accurate up to rounding. Elsewhere polynomials are inaccurate, which
points of the set between the nodes show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining.errors import InvalidInput, NotApplicable, Unsolved
from bargaining.feasible._polygon import pareto_chain
from bargaining.feasible._root import decreasing_root
from bargaining.feasible._slopes import Condition
from bargaining.feasible.base import FeasibleSet, known
from bargaining.feasible.frontier import Frontier
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.feasible.transform import set_of_cell, without_low_floors
from bargaining.problem import Problem

EPS = float(np.finfo(float).eps)
STRAIGHT = 64 * EPS  # sag of a chord, in gains over ideal gains, below which it is an edge
MANY, VERTICES = 12, 64  # a frontier with more vertices is treated as a curve, at once if it is a smooth one


def pareto(problem: Problem, ideal: Floats) -> Floats | Followed:
    """Return the vertices of the frontier from (left, 1) to (1, low), shape (..., k, 2); a function if it is curved.

    Vertices may repeat. In cells without an ideal point, or without a gain for both, the result is the segment from (0,
    1) to (1, 0). If a set has neither a list of vertices nor a function, its vertices are traced; if there are too
    many, a hundred points are interpolated; and if the frontier is not smooth, an ideal point is computed at every
    argument.
    """
    d = np.broadcast_to(problem.disagreement, ideal.shape)
    feasible = without_low_floors(problem.feasible, d)
    if isinstance(feasible, TransferableSurplus):
        return np.broadcast_to(_SEGMENT, (*ideal.shape[:-1], 2, 2))
    usual = both_gain(ideal, d)
    corners = vertices_by_cell(feasible, d, usual)
    if corners is None and isinstance(feasible, Frontier):
        return Followed(frontier=feasible, ideal=feasible.ideal)
    if corners is not None:
        return np.where(
            usual[..., None, None],
            _clip(corners, d, np.where(usual[..., None], ideal, beyond(d))),
            _stretched(corners.shape[-2]),
        )
    safe = np.where(usual[..., None], ideal, beyond(d))
    if feasible.batch_shape:
        return _asked_each_time(feasible, d, safe)
    traced: list[Floats] = []
    for cell in np.ndindex(usual.shape):
        one = _trace(feasible, d[cell], ideal[cell]) if usual[cell] else _SEGMENT
        if one is None:
            return _asked_each_time(feasible, d, safe)
        if isinstance(one, Followed):
            return one
        traced.append(one)
    return _padded(traced, usual.shape)


_SEGMENT = np.array([[0.0, 1.0], [1.0, 0.0]])


def _padded(chains: list[Floats], shape: tuple[int, ...]) -> Floats:
    """Return chains as one array: the last vertices of the shorter ones repeat."""
    length = max((len(one) for one in chains), default=2)
    padded = [np.concatenate((one, np.repeat(one[-1:], length - len(one), axis=0))) for one in chains]
    return np.array(padded).reshape(*shape, length, 2)


def _stretched(length: int) -> Floats:
    return np.concatenate((np.repeat(_SEGMENT[:1], max(length - 1, 0), axis=0), _SEGMENT[1:]))


def beyond(d: Floats) -> Floats:
    """Return a point above d: an ideal point for cells that have none."""
    return d + np.maximum(1.0, np.abs(d))


def both_gain(ideal: Floats, d: Floats) -> Floats:
    """Say of each cell whether there is an ideal point that gives both players a gain."""
    with np.errstate(invalid="ignore"):
        gains = ideal - d
    usual: Floats = np.asarray((np.isfinite(gains) & (gains > 0)).all(axis=-1))
    return usual


def vertices_by_cell(feasible: FeasibleSet, d: Floats, usual: Floats) -> Floats | None:
    """Return the vertices of a frontier of edges, shape (k, 2); None where the set cannot list them.

    For an unbounded set of inequalities they are those of the part above a point well below each cell's d,
    shape (..., k, 2).
    """
    feasible = without_low_floors(feasible, d)
    if isinstance(feasible, Frontier):
        return feasible.corners()
    if not isinstance(feasible, Polytope):
        return None
    if feasible.batch_shape:
        each = [
            vertices_by_cell(set_of_cell(feasible, cell, usual.shape), d[cell], usual[cell])
            for cell in np.ndindex(usual.shape)
        ]
        chains = [chain for chain in each if chain is not None]
        return _padded(chains, usual.shape) if len(chains) == len(each) else None
    try:
        return pareto_chain(feasible.vertices)
    except NotApplicable:
        chains = []
    for cell in np.ndindex(usual.shape):
        chain = _above(feasible, d[cell]) if usual[cell] else d[cell] + _SEGMENT
        if chain is None:
            return None
        chains.append(chain)
    return _padded(chains, usual.shape)


def _above(feasible: Polytope, lowest: Floats) -> Floats | None:
    """Return the frontier's vertices of a set of inequalities, cut off well below a point."""
    if feasible.inequalities is None:
        return None
    matrix, limits = feasible.inequalities
    room = feasible.ideal(lowest) - lowest
    if not (np.isfinite(room) & (room > 0)).all():
        return None
    try:
        part = Polytope.from_inequalities(
            np.concatenate((matrix, -np.eye(2))), np.concatenate((limits, room - lowest))
        )
        return pareto_chain(part.vertices)
    except (InvalidInput, NotApplicable):
        return None


def _clip(corners: Floats, d: Floats, ideal: Floats) -> Floats:
    """Return a frontier's vertices in gains over ideal gains, those beyond d moved to the ends."""
    gains = (ideal - d)[..., None, :]
    unit = (corners - d[..., None, :]) / gains
    left, low = np.maximum(unit[..., :1, 0], 0.0), np.maximum(unit[..., -1:, 1], 0.0)
    before, after = unit[..., 0] <= left, unit[..., 1] <= low
    x = np.where(before, left, np.where(after, 1.0, unit[..., 0]))
    y = np.where(before, 1.0, np.where(after, low, unit[..., 1]))
    # Vertices a rounding error apart may be out of order.
    return np.stack((np.maximum.accumulate(x, axis=-1), np.minimum.accumulate(y, axis=-1)), axis=-1)


def ends(feasible: FeasibleSet, d: Floats, ideal: Floats) -> tuple[Floats, Floats]:
    """Return the best points for player 1 and for player 0 among those that leave the other at least d."""
    top = feasible.ideal(np.stack((d[..., 0], ideal[..., 1]), axis=-1))[..., 0]
    right = feasible.ideal(np.stack((ideal[..., 0], d[..., 1]), axis=-1))[..., 1]
    # At the very end of the set, rounding may say that no point is feasible.
    top, right = (np.where(np.isfinite(x), x, d[..., i]) for i, x in enumerate((top, right)))
    first = np.stack((np.minimum(top, ideal[..., 0]), ideal[..., 1]), axis=-1)
    return first, np.stack((ideal[..., 0], np.minimum(right, ideal[..., 1])), axis=-1)


def _trace(feasible: FeasibleSet, d: Floats, ideal: Floats) -> Floats | Followed | None:
    """Find the vertices of one frontier from the best points in the directions of the chords' normals.

    If no point lies beyond a chord, the chord is an edge; otherwise the best point is a new vertex. On a polygon this
    ends; on a curve it does not.
    """
    gains = ideal - d
    refuse = known(feasible, "whole_frontier")
    if refuse is not None:
        refuse(d)
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
        smooth = sampled(feasible, gains) if len(points) == MANY else None
        if smooth is not None or len(points) > VERTICES:
            return smooth
    return np.asarray((np.array(points) - d) / gains)


def _asked_each_time(feasible: FeasibleSet, d: Floats, ideal: Floats) -> Followed:
    first, last = ends(feasible, d, ideal)

    def best_for_1(x: Floats) -> Floats:
        x = np.asarray(x, dtype=float)
        best = feasible.ideal(np.stack((x, np.full(x.shape, -np.inf)), axis=-1))[..., 1]
        return np.where(np.isfinite(best), best, last[..., 1])  # rounding may put the very end outside

    if not (first[..., 0] < last[..., 0]).all():
        raise Unsolved(
            "the frontier of the set is too short relative to its payoffs to be followed; rescale the payoffs."
        )
    frontier = Frontier(best_for_1, first[..., 0], last[..., 0])
    return Followed(frontier=frontier, ideal=feasible.ideal)


NODES = (48, 120)  # enough where the frontier is smooth, and where it is nearly kinked
CLOSE = 1e-13  # of the ideal gains: what is nearer is rounding
NOISY = 1e-11  # of the ideal gains: the possible error of sets that are evaluated by iteration
TOO_FAR = 1e-9  # of the ideal gains: a fit that is farther off is not used
CHECKS = np.array([0.07, 0.19, 0.31, 0.46, 0.58, 0.73, 0.88])  # of the angles, between nodes

Points = Callable[[Floats], Floats]
"""Takes angles, or floors, and returns points; players are the last axis."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Followed:
    """The frontier of a set of two players as a function, its ideal points, and the largest error seen."""

    frontier: Frontier
    ideal: Points
    error: float = 0.0


def sampled(feasible: FeasibleSet, gains: Floats) -> Followed | None:
    """Return the frontier of a set as a function with its slope; None if it is not smooth.

    Parameters
    ----------
    feasible : FeasibleSet
        A single convex set of two players.
    gains : ndarray, shape (2,)
        The units in which prices are taken and errors judged.
    """
    check, before = CHECKS * np.pi / 2, np.inf
    truth = _best(feasible, gains, check)
    for count in NODES:
        nodes = (1 - np.cos((2 * np.arange(count) + 1) * np.pi / (2 * count))) * np.pi / 4
        points = _polynomial(nodes, _best(feasible, gains, nodes))
        error = float((np.abs(points(check) - truth) / gains).max())
        if error <= CLOSE or (error <= NOISY and error > before / 4):  # more points bring no more digits
            break
        before = error
    try:
        return _as_function(points, gains, error) if error <= TOO_FAR else None
    except InvalidInput:
        return None


def _best(feasible: FeasibleSet, gains: Floats, angles: Floats) -> Floats:
    return np.asarray(feasible.support(np.stack((np.cos(angles), np.sin(angles)), axis=-1) / gains)[1])


def _polynomial(nodes: Floats, values: Floats) -> Points:
    """Return the polynomial through points at Chebyshev's nodes, by the barycentric formula (Salzer 1972)."""
    k = np.arange(len(nodes))
    weights = (-1.0) ** k * np.sin((2 * k + 1) * np.pi / (2 * len(nodes)))

    def points(angles: Floats) -> Floats:
        away = np.asarray(angles)[..., None] - nodes
        hit = away == 0
        with np.errstate(divide="ignore", invalid="ignore"):
            share = weights / away
        share = np.where(hit.any(axis=-1, keepdims=True), hit, share)
        return np.asarray(np.matmul(share, values) / share.sum(axis=-1, keepdims=True))

    return points


def _as_function(points: Points, gains: Floats, error: float) -> Followed:
    first, last = 0.0, np.pi / 2
    end = points(np.array([first, last]))

    def angle(i: int, x: Floats) -> Floats:
        low, high = np.full(x.shape, first), np.full(x.shape, last)
        sign = 1.0 if i == 0 else -1.0
        return decreasing_root(lambda t: sign * (points(t)[..., i] - x) / gains[i], low, high)[0]

    def function(x: Floats) -> Floats:
        return np.asarray(points(angle(0, np.asarray(x, dtype=float)))[..., 1])

    def slope(x: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            return np.asarray(-gains[1] / gains[0] / np.tan(angle(0, np.asarray(x, dtype=float))))

    def ideal(floor: Floats) -> Floats:
        best = np.stack((points(angle(1, floor[..., 1]))[..., 0], function(floor[..., 0])), axis=-1)
        return np.where(
            (best >= floor - 1e-12 * gains).all(axis=-1, keepdims=True), np.maximum(best, floor), -np.inf
        )

    return Followed(
        frontier=Frontier(function, end[1, 0], end[0, 0], derivative=slope), ideal=ideal, error=error
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """The frontier as a function of player 0's gain; arguments have the shape of the batch, or one more axis before.

    Attributes
    ----------
    function : callable
        Player 1's gain over the ideal gain.
    balance : callable
        Takes a condition on player 0's gain, player 1's gain and the derivative, and returns where it crosses zero.
    off_balance : callable
        Takes a condition and a gain of player 0, and returns how far from zero the condition is there.
    left, right : ndarray, shape (...)
        The interval, in [0, 1]: outside it the frontier is level or upright.
    noise : ndarray, shape (..., 2)
        The rounding errors of both players' gains.
    error : float
        The error of the function.
    """

    function: Callable[[Floats], Floats]
    balance: Callable[[Condition], Floats]
    off_balance: Callable[[Condition, Floats], Floats]
    left: Floats
    right: Floats
    noise: Floats
    error: float = 0.0

    def cell(self, index: tuple[int, ...]) -> Curve:
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
            balance=self.balance,
            off_balance=self.off_balance,
            left=self.left[index],
            right=self.right[index],
            noise=self.noise[index],
            error=self.error,
        )


def curve(followed: Followed, problem: Problem, ideal: Floats) -> Curve:
    """Return a frontier as a curve in gains over ideal gains."""
    d = np.broadcast_to(problem.disagreement, ideal.shape)
    usual = both_gain(ideal, d)[..., None]
    safe = np.where(usual, ideal, beyond(d))
    gains = safe - d
    frontier = followed.frontier
    (d0, d1), (g0, g1) = (np.moveaxis(a, -1, 0) for a in (d, gains))
    low, high = np.broadcast_to(frontier.lower, d0.shape), np.broadcast_to(frontier.upper, d0.shape)

    def at(u: Floats) -> Floats:
        return np.asarray(np.clip(d0 + u * g0, low, high))

    def function(u: Floats) -> Floats:
        return np.asarray((frontier.function(at(u)) - d1) / g1)

    def in_payoffs(condition: Condition) -> Condition:
        return lambda x, y, slope: condition((x - d0) / g0, (y - d1) / g1, slope * (g0 / g1))

    left = np.where(usual[..., 0], np.maximum(low - d0, 0.0) / g0, 0.0)
    first, last = at(left), at(np.ones(d0.shape))
    return Curve(
        function=function,
        balance=lambda condition: (frontier.balance(in_payoffs(condition), first, last)[0] - d0) / g0,
        off_balance=lambda condition, u: frontier.off_balance(in_payoffs(condition), at(u), first, last),
        left=left,
        right=np.ones(d0.shape),
        noise=2 * EPS * (np.abs(d) + np.abs(safe)) / gains,
        error=followed.error,
    )
