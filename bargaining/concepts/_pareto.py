"""The Pareto frontier of two players above d, in gains over ideal gains: a chain of vertices or a curve.

In these units d is (0, 0), the ideal point (1, 1), and the frontier runs from (left, 1) to (1, low).
"""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.concepts._sampled import Followed, sampled
from bargaining.errors import InvalidInput, NotApplicable, Unsolved
from bargaining.feasible._polygon import pareto_chain
from bargaining.feasible.base import FeasibleSet, known
from bargaining.feasible.frontier import Frontier
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.feasible.transform import set_of_cell
from bargaining.problem import Problem

EPS = float(np.finfo(float).eps)
STRAIGHT = 64 * EPS  # sag of a chord, in gains over ideal gains, below which it is an edge
MANY, VERTICES = 12, 64  # a frontier with more vertices is treated as a curve, at once if it is a smooth one


def pareto(problem: Problem, ideal: Floats) -> Floats | Followed:
    """Return the vertices of the frontier from (left, 1) to (1, low), shape (..., k, 2); a function if it is curved.

    Vertices may repeat. Cells without an ideal point, or without a gain for both, hold the segment
    from (0, 1) to (1, 0). A set that shows neither vertices nor a function is asked for its vertices; if they seem to
    have no end, for a hundred points between which it is interpolated; and if that shows it is not smooth, for an ideal
    point at every argument.
    """
    feasible, d = problem.feasible, np.broadcast_to(problem.disagreement, ideal.shape)
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
    """Return the vertices of a frontier of edges, shape (k, 2); None where the set cannot name them.

    Of a set of inequalities that goes on for ever they are those of the part above what is well below each cell's d,
    shape (..., k, 2).
    """
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
    """Return the vertices of the frontier of the part of a set of inequalities above what is well below a point."""
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
    # Asked at the very end of the set, rounding may say there is nothing there.
    top, right = (np.where(np.isfinite(x), x, d[..., i]) for i, x in enumerate((top, right)))
    first = np.stack((np.minimum(top, ideal[..., 0]), ideal[..., 1]), axis=-1)
    return first, np.stack((ideal[..., 0], np.minimum(right, ideal[..., 1])), axis=-1)


def _trace(feasible: FeasibleSet, d: Floats, ideal: Floats) -> Floats | Followed | None:
    """Find the vertices of one frontier by asking for the best point in the direction of each chord's normal.

    A chord whose middle is on the frontier is an edge; one that bulges gives a new point. On a polygon every answer
    is a vertex, so this ends; on a curve it does not.
    """
    gains = ideal - d
    moving = known(feasible, "moving_prices")
    if moving is not None and len(pieces := moving(d)):
        followed = sampled(feasible, gains, pieces)
        if followed is None:
            raise Unsolved(
                "the frontier of the set could not be followed from one best point to the other: it is not smooth and "
                "concave between the prices that the set names."
            )
        return followed
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
            "the frontier of the set is too short beside its payoffs to be followed; rescale the payoffs."
        )
    frontier = Frontier(best_for_1, first[..., 0], last[..., 0])
    return Followed(frontier=frontier, ideal=feasible.ideal)
