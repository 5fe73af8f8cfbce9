r"""Derivatives of the ends of Raiffa's paths in their starts: variations along interim agreements.

*Below facets* the field is linear between events, at which another facet begins to bound some player's payoff. The
gains that remain satisfy :math:`g' = -G g`, so a change of the start is multiplied by :math:`e^{-G t}` along a piece of
length t, and by :math:`I - G/n` in a discrete step. The ideal point a(x) is continuous at events, so events add no
terms. If two facets bound the same player's payoff along a whole piece, there is a kink and no derivative.

*Below a frontier* y = f(x) of two players the variation of :math:`\dot x = a(x) - x` is integrated with the path
itself, in s = 1 - exp(-2t), with the slopes f' at either end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.concepts._pareto import pareto
from bargaining.concepts._raiffa_path import (
    ARRIVED,
    FacetSearch,
    Listed,
    PathSides,
    _Piece,
    distances_to,
    end_of_facet_path,
    end_of_path,
)
from bargaining.concepts.continuous_raiffa import FIRST, facets_of
from bargaining.division import Division
from bargaining.feasible.frontier import Frontier
from bargaining.feasible.polytope import Polytope
from bargaining.problem import Problem
from bargaining.statics.conditions import SMOOTH, TIE, local

STEPS = 4000  # of interim agreements
FLAT = 1e-10  # of the largest singular value: facets with smaller ones are one
LEFT = 1e-6  # of the path in s: the rest is straight to the square of that
SHARP = 1e-13  # tolerance of the integration, a step


def path_slopes(division: Division) -> tuple[Floats, Floats, NDArray[np.bool_]] | None:
    """Return how ends answer the disagreement point, (n, n, cells), relative errors, and in which cells that is known.

    None where there is neither a frontier nor a facet.
    """
    problem, name = division.problem, division.method
    assert problem is not None
    n = problem.players
    cells = int(np.prod(division.payoffs.shape[:-1]))
    d = np.ascontiguousarray(np.broadcast_to(problem.disagreement, division.payoffs.shape)).reshape(cells, n)
    best = np.broadcast_to(problem.ideal, division.payoffs.shape)
    ideal = best.reshape(cells, n)
    ends = division.payoffs.reshape(cells, n)
    edge = pareto(problem, best) if n == 2 and name == "continuous_raiffa" else None
    if isinstance(edge, np.ndarray):
        unit, rows = (one.reshape(cells, 2) for one in end_of_path(edge))
        again = end_of_path(edge[..., ::-1, ::-1])[1].reshape(cells, 2)  # with the players exchanged
        gains = ideal - d
        with np.errstate(all="ignore"):
            beside = np.abs(d + unit * gains - ends).max(axis=1) / gains.max(axis=1)
            beside += np.abs(rows + again[:, ::-1]).max(axis=1)
            slopes = (rows * gains).T[:, None] / (gains * [1, -1]).T
        return slopes, beside + TIE * 1e-4, (beside <= TIE) & (gains > 0).all(axis=1)
    if isinstance(problem.feasible, Frontier):
        if name != "continuous_raiffa" or problem.feasible.batch_shape:
            return None
        return _below_frontier(problem, d, ends)
    if not isinstance(problem.feasible, Polytope) or problem.feasible.batch_shape:
        return None
    good = np.isfinite(ideal).all(axis=1) & (ideal > d).all(axis=1)
    sides_of = facets_of(problem.feasible, d, d[good]) if good.any() else None
    if sides_of is None:
        return None
    slopes, error = np.full((n, n, cells), np.nan), np.full(cells, np.inf)
    for cell in np.flatnonzero(good).tolist():
        gains = ideal[cell] - d[cell]
        follow = _along if name == "continuous_raiffa" else _stepwise
        found = follow(lambda: sides_of(d[cell], gains))  # noqa: B023 - called at once
        if found is not None:
            end, carried = found
            slopes[:, :, cell] = carried * gains[:, None] / gains
            error[cell] = np.abs(d[cell] + end * gains - ends[cell]).max() / gains.max()
    return slopes, error + TIE * 1e-4, error <= TIE


def _rows(normals: Floats, nearest: NDArray[np.intp]) -> Floats:
    """Return G: how what is left to gain answers gains."""
    own = np.arange(normals.shape[1])
    rows: Floats = normals[nearest] / normals[nearest, own][:, None]
    return rows


def _rest(normals: Floats, nearest: NDArray[np.intp]) -> Floats:
    """Return what endless steps carry changes to: their part along all nearest facets, which no step changes."""
    left, sizes, right = np.linalg.svd(_rows(normals, nearest))
    met = int((sizes > FLAT * sizes[0]).sum())
    stay, lost = right[met:].T, left[:, met:].T
    return np.asarray(stay @ np.linalg.solve(lost @ stay, lost))


def _along(sides_of: Any) -> tuple[Floats, Floats] | None:
    """Return the end of the continuous path and what is carried to it, in gains over ideal gains; None at a kink."""
    sides: PathSides = sides_of()
    known = -1
    while len(sides.limits) > known:  # a facet found late may lie above an earlier path
        known, carried = len(sides.limits), _Carried(sides)
        end, _ = end_of_facet_path(sides, first=FIRST[0], carry=carried)
    return None if carried.kinked or not np.isfinite(end).all() else (end, carried.slopes)


class _Carried:
    """A change of the start, carried along a path."""

    def __init__(self, sides: PathSides) -> None:
        self.sides, self.kinked = sides, False
        self.slopes: Floats = np.eye(sides.normals.shape[1])

    def __call__(self, piece: _Piece | None, length: float, x: Floats, nearest: NDArray[np.intp]) -> None:
        from scipy.linalg import expm

        n = len(x)
        if piece is None:
            self.slopes = _rest(self.sides.normals, nearest) @ self.slopes
            slack = np.delete(self.sides.limits - self.sides.normals @ x, nearest)
            self.kinked |= len(set(nearest.tolist())) == 1 and bool((np.abs(slack) <= TIE).any())
            return
        near = TIE * float(piece.system[:n, n].max())  # of what is left to gain
        lead = [np.abs(piece.lead(y)[0] - piece.noise) <= near for y in (piece.x, (piece.x + x) / 2, x)]
        self.kinked |= bool(np.logical_and.reduce(lead).any())
        self.slopes = expm(piece.system[:n, :n] * length) @ self.slopes


def _stepwise(sides_of: Any) -> tuple[Floats, Floats] | None:
    """Return the same of the discrete path."""
    sides: Listed | FacetSearch = sides_of()
    n = sides.normals.shape[1]
    x, carried = np.zeros(n), np.eye(n)
    for _ in range(STEPS):
        sides.add(x)
        far = distances_to(sides.normals, sides.limits, x)
        nearest, gain = far.argmin(axis=0), far.min(axis=0)
        if gain.max() <= ARRIVED:
            return x, _rest(sides.normals, nearest) @ carried
        tied = far <= gain + TIE * gain.max()
        if gain.max() > 1e3 * ARRIVED and (tied.sum(axis=0) > 1).any():
            return None
        x = x + gain / n
        carried = carried - _rows(sides.normals, nearest) @ carried / n
    return None


def _below_frontier(problem: Problem, d: Floats, ends: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return the same as `path_slopes` for a frontier between two players."""
    from scipy.integrate import solve_ivp

    frontier = problem.feasible
    assert isinstance(frontier, Frontier)
    cells = len(d)
    gains = np.where(np.isfinite(ends).all(axis=1), np.abs(ends - d).max(axis=1), 1.0)
    gains = np.where(gains > 0, gains, 1.0)
    low, high = float(frontier.lower), float(frontier.upper)
    doubt = np.zeros(cells)

    def slope(x: Floats) -> Floats:
        if frontier.derivative is not None:
            return np.asarray(frontier.derivative(np.clip(x, low, high)), dtype=float)
        (_, first, _), error = local(frontier, np.clip(x, low, high), 1)
        doubt[:] = np.maximum(doubt, np.where(np.isfinite(error), error, 1.0))
        return first

    def field(x: Floats) -> tuple[Floats, Floats]:
        """Return what is left to gain, (cells, 2), and how it answers a change, (cells, 2, 2)."""
        best = np.asarray(frontier.ideal(x), dtype=float)
        fall = slope(x[:, 0])
        with np.errstate(divide="ignore", invalid="ignore"):
            back = np.where(best[:, 0] < high, 1 / slope(best[:, 0]), 0.0)
        answer = np.empty((cells, 2, 2))
        answer[:, 0], answer[:, 1] = np.array([-np.ones(cells), back]).T, np.array([fall, -np.ones(cells)]).T
        return best - x, np.nan_to_num(answer, posinf=0.0, neginf=0.0)

    def rate(s: float, z: Floats) -> Floats:
        z = z.reshape(cells, 6)
        left, answer = field(d + z[:, :2] * gains[:, None])
        moved = answer @ z[:, 2:].reshape(cells, 2, 2)
        return np.concatenate((left / gains[:, None], moved.reshape(cells, 4)), axis=1).ravel() / (
            2 * (1 - s)
        )

    start = np.concatenate((np.zeros((cells, 2)), np.tile(np.eye(2).ravel(), (cells, 1))), axis=1)
    found = solve_ivp(
        rate, (0.0, 1 - LEFT), start.ravel(), method="DOP853", rtol=SHARP, atol=SHARP, t_eval=[1 - LEFT]
    )
    if found.status != 0:
        return np.full((2, 2, cells), np.nan), np.full(cells, np.inf), np.zeros(cells, dtype=bool)
    z = found.y[:, -1].reshape(cells, 6)
    left, answer = field(d + z[:, :2] * gains[:, None])
    carried = z[:, 2:].reshape(cells, 2, 2)
    carried = carried + answer @ carried / 2
    beside = np.abs(d + z[:, :2] * gains[:, None] + left / 2 - ends).max(axis=1) / gains
    return np.moveaxis(carried, 0, -1), beside + doubt + 1e-12, (beside <= TIE) & (doubt < SMOOTH)
