r"""The frontier of a smooth two-player set that is slow to ask: interpolated between points asked for once.

The best points at the prices :math:`(\cos\theta, \sin\theta)` run along the frontier as :math:`\theta` goes from 0 to
:math:`\pi/2`. Where the frontier is smooth and curved they are smooth functions of :math:`\theta`, also where it ends
level or upright, and polynomials through a hundred of them are good to rounding. Elsewhere they are not, which the
set's own answers between the nodes show. A set that knows between which prices its best points move, as
`FeasibleSet` describes under ``moving_prices``, is asked at these only: a few points are then enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining.errors import InvalidInput
from bargaining.feasible._root import decreasing_root
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.frontier import Frontier

NODES = (48, 120)  # enough where the frontier is smooth, and where it is nearly kinked
FEW_NODES = (12, 24, 48)  # between prices that a set says its best points move smoothly at
CLOSE = 1e-13  # of the ideal gains: what is nearer is rounding
NOISY = 1e-11  # of the ideal gains: what sets may be off whose answers are iterations
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


def sampled(feasible: FeasibleSet, gains: Floats, moving: Floats | None = None) -> Followed | None:
    """Return the frontier of a set as a function with its slope; None if it is not smooth.

    Parameters
    ----------
    feasible : FeasibleSet
        A single convex set of two players.
    gains : ndarray, shape (2,)
        The units in which prices are taken and errors judged.
    moving : ndarray, shape (k, 2, 2), optional
        The first and the last prices of each smooth piece, in order from the best point for player 0. In between and
        beyond, the best point stays where it is. By default one piece, the whole frontier.
    """
    spans = [(0.0, np.pi / 2)] if moving is None else [tuple(_angles(piece * gains)) for piece in moving]
    pieces, worst = [], 0.0
    for first, last in spans:
        check = first + CHECKS * (last - first)
        truth = _best(feasible, gains, check)
        before = np.inf
        for count in NODES if moving is None else FEW_NODES:
            places = (1 - np.cos((2 * np.arange(count) + 1) * np.pi / (2 * count))) / 2
            nodes = first + (last - first) * places
            points = _polynomial(nodes, _best(feasible, gains, nodes))
            error = float((np.abs(points(check) - truth) / gains).max())
            if error <= CLOSE or (error <= NOISY and error > before / 4):  # more points bring no more digits
                break
            before = error
        if not error <= TOO_FAR:
            return None
        pieces.append(points)
        worst = max(worst, error)
    try:
        return _as_function(_in_turn(pieces, np.array(spans)), spans[0][0], spans[-1][1], gains, worst)
    except InvalidInput:
        return None


def _angles(prices: Floats) -> Floats:
    return np.asarray(np.arctan2(prices[..., 1], prices[..., 0]))


def _in_turn(pieces: list[Points], spans: Floats) -> Points:
    """Return one function of the angle: each piece within its span, its last point until the next begins."""
    if len(pieces) == 1:
        return pieces[0]

    def points(angles: Floats) -> Floats:
        place = np.maximum(np.searchsorted(spans[:, 0], angles, side="right") - 1, 0)
        at = np.clip(angles, spans[place, 0], spans[place, 1])
        found = np.empty((*np.shape(angles), 2))
        for k, piece in enumerate(pieces):
            found[place == k] = piece(at[place == k])
        return found

    return points


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


def _as_function(points: Points, first: float, last: float, gains: Floats, error: float) -> Followed:
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
