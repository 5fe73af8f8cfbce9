"""The continuous Raiffa solution."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining._calls import suggesting
from bargaining.concepts._comprehensive import Sides, best_above, ideal_of, set_by_set, sides_above, sides_of
from bargaining.concepts._missed import apart, outside, units
from bargaining.concepts._pareto import Followed, pareto
from bargaining.concepts._raiffa_path import (
    FacetSearch,
    Listed,
    PathSides,
    distances_to,
    end_of_facet_path,
    end_of_flow,
    end_of_path,
    end_of_smooth_flow,
)
from bargaining.division import Division, describe, divide
from bargaining.feasible.base import FeasibleSet, known
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.transform import convex_only, without_low_floors
from bargaining.problem import Problem, require_problem

EPS = float(np.finfo(float).eps)
FEW = (4, 100)  # players and points: with more, facets are looked for on the way
FIRST = (1 / 16, 1 / 23)  # the step after an event, of the two paths below facets
STEPS = ((0.5, 0.2), (2.0, 0.7))  # the first and the longest, of the two integrations
PLAIN = (0.125,) * 16 + (0.25,) * 24  # until what is left to gain is 1e-7 of what it was
EVERY, ON = 4, 1e-9  # steps between looks at the frontier; gains, over ideal gains, that are left on it
COARSE = 2.0**-11  # in ideal gains: what the plain integration can be off where the path passes facets

Facets = Callable[[Floats, Floats], PathSides]
"""Takes d and the ideal gains, and returns the facets in gains over ideal gains."""


@suggesting
def continuous_raiffa(problem: Problem) -> Division:
    r"""Return the continuous Raiffa solution: interim agreements move continuously towards their current ideal point.

    With :math:`a_i(x) = \max\{y_i : y \in S, y \ge x\}` it is the limit of

    .. math:: \dot x = a(x) - x, \qquad x(0) = d.

    Parameters
    ----------
    problem : Problem
        Any number of players; a batch is solved cell by cell. The set must be convex.

    Returns
    -------
    Division
        `payoffs` of shape (..., n). Pareto optimal also for three and more players. Players who cannot gain stay at
        `disagreement`, and the others go on (DEGENERATE).

    Raises
    ------
    NotApplicable
        If the set is not convex.

    Notes
    -----
    Below a polygon of two players the path has a closed form between edges, and is followed twice, with the players
    exchanged. Elsewhere it is integrated twice, with different steps, to 1e-14 a step. `residual` is the largest of
    three numbers: the difference between the two ends, the remaining gains there, and the excess over 5e-4 of the
    distance to the end of a plain integration with fixed steps. For a set with ``ideal_slopes`` the path is computed at
    Gauss nodes instead, and `residual` is the change of the end with their number. Along the path the gains of any two
    players are in the ratio of their ideal gains from the interim agreement.

    References
    ----------
    Raiffa, H. (1953). Arbitration schemes for generalized two-person games. In *Contributions to the Theory of Games
    II*, Princeton University Press, 361-387.

    Livne, Z. A. (1989). Axiomatic characterizations of the Raiffa and the Kalai-Smorodinsky solutions to the
    bargaining problem. *Operations Research* 37(6), 972-980. doi:10.1287/opre.37.6.972

    Peters, H. and van Damme, E. (1991). Characterizing the Nash and Raiffa bargaining solutions by disagreement point
    axioms. *Mathematics of Operations Research* 16(3), 447-461. doi:10.1287/moor.16.3.447

    Examples
    --------
    >>> from bargaining import Frontier, Problem, continuous_raiffa
    >>> continuous_raiffa(Problem(Frontier(lambda x: 4 - x**2, 0, 2), [0, 0])).payoffs
    array([1.17658972, 2.61563663])
    """
    require_problem(problem)
    convex_only(problem.feasible, "continuous_raiffa")
    ideal = problem.ideal
    payoffs, residual = _limit(problem, ideal)
    residual = residual + outside(problem.feasible, payoffs, units(problem, ideal))
    status = problem.gains_status(ideal)
    return divide(problem, describe("continuous_raiffa"), payoffs, residual, status, ideal=ideal)


def missed(problem: Problem, payoffs: Floats) -> Floats:
    """Return how far payoffs are from the end of the path of interim agreements, over ideal gains."""
    ideal = problem.ideal
    x, doubt = _limit(problem, ideal)
    unit = units(problem, ideal)
    return apart(payoffs, x, unit) + doubt + outside(problem.feasible, payoffs, unit)


@set_by_set
def _limit(problem: Problem, ideal: Floats) -> tuple[Floats, Floats]:
    """Return the end of the path, and its error: the distance to another computation, or the remaining gains."""
    d = np.broadcast_to(problem.disagreement, ideal.shape)
    gaining = np.isfinite(ideal) & (ideal > d)
    usual = np.asarray(gaining.all(axis=-1))
    some = np.asarray(np.isfinite(ideal).all(axis=-1) & ~usual & (gaining.sum(axis=-1) > 1))
    edge = pareto(problem, ideal) if problem.players == 2 else None
    facets = facets_of(problem.feasible, d, d[usual]) if problem.players > 2 and usual.any() else None
    if isinstance(edge, np.ndarray):
        unit, residual = _along_chain(edge)
    elif facets is not None:
        unit, residual = _along_facets(facets, d, ideal, usual)
    else:
        unit, residual = _along_flow(problem, ideal, usual, edge)
    if some.any():
        less, miss = _along_flow(problem, ideal, some, None)
        unit, residual = np.where(some[..., None], less, unit), np.where(some, miss, residual)
    with np.errstate(invalid="ignore"):
        return np.where((usual | some)[..., None], d + unit * (ideal - d), ideal), residual


def facets_of(feasible: FeasibleSet, d: Floats, floors: Floats) -> Facets | None:
    """Return the facets of the set with free disposal, or of its part above all the disagreement points.

    Floors of the set that are nowhere above d do not count, as the path never asks for less than d.
    For few points, or for inequalities, they are listed once; for many points, each path finds those it passes below.
    """
    feasible = without_low_floors(feasible, d)
    points = feasible.points if isinstance(feasible, Polytope) else None
    if points is not None and (feasible.players > FEW[0] or len(points) > FEW[1]):
        return lambda d, gains: FacetSearch((points - d) / gains)
    known = sides_of(feasible)
    known = known if known is not None else sides_above(feasible, floors.min(axis=0))
    return None if known is None else lambda d, gains: _listed(known, d, gains)


def _listed(sides: Sides, d: Floats, gains: Floats) -> Listed:
    normals = sides.normals * gains
    size = normals.max(axis=1, keepdims=True)
    return Listed(normals / size, (sides.normals * (sides.anchors - d)).sum(axis=1) / size[:, 0])


def _along_chain(corners: Floats) -> tuple[Floats, Floats]:
    end, other = end_of_path(np.array([corners, corners[..., ::-1, ::-1]]))[0]
    other = other[..., ::-1]
    plain = _plainly(partial(_left_below_chain, *_lines(corners)), np.zeros(end.shape))
    return end, np.maximum(np.abs(end - other).max(axis=-1), _beside(end, plain))


def _lines(corners: Floats) -> tuple[Floats, Floats]:
    """Return for each edge's line a player's payoff where the other gets 0, and the cost of one unit for her."""
    chain = np.moveaxis(corners, -2, 0)
    step = np.abs(chain[1:] - chain[:-1])
    normals = np.stack((step[..., 1], step[..., 0]))
    level = (normals[0] * chain[:-1, ..., 0] + normals[1] * chain[:-1, ..., 1])[None]
    with np.errstate(all="ignore"):
        most = np.where(normals > 0, level / normals, 1.0)
        cost = np.where(normals > 0, normals[::-1] / normals, 0.0)
    return most, cost


def _left_below_chain(most: Floats, cost: Floats, x: Floats) -> Floats:
    """Return how much each player could gain below the edges, and below 1."""
    batch = range(x.ndim - 1)
    other = x.transpose(len(batch), *batch)[::-1, None]
    best = (most - cost * other).min(axis=1, initial=1.0)
    return np.asarray(best.transpose(*(axis + 1 for axis in batch), 0) - x)


def _along_facets(
    facets: Facets, d: Floats, ideal: Floats, usual: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    end, residual = np.full(ideal.shape, np.nan), np.full(usual.shape, np.nan)
    for cell in map(tuple, np.argwhere(usual)):
        sides, known = facets(d[cell], ideal[cell] - d[cell]), -1
        while len(sides.limits) > known:  # a facet found late may lie above an earlier path
            known = len(sides.limits)
            (end[cell], left), (other, _) = (end_of_facet_path(sides, first=h) for h in FIRST)
        plain = _plainly(partial(_left_below, sides), np.zeros(ideal.shape[-1]))
        residual[cell] = max(float(np.abs(end[cell] - other).max()), left, float(_beside(end[cell], plain)))
    return end, residual


def _left_below(sides: PathSides, x: Floats) -> Floats:
    """Return how much each player could gain below the facets."""
    left: Floats = distances_to(sides.normals, sides.limits, x).min(axis=0)
    return left


def _plainly(rate: Callable[[Floats], Floats], x: Floats) -> Floats:
    """Return the end of the path from x, in fixed steps: coarse but robust."""

    def more(x: Floats) -> Floats:
        return np.fmax(rate(x), 0.0)  # no gains remain where rounding puts x outside

    for k, h in enumerate(PLAIN):
        first = more(x)
        jump: Floats = x + first / x.shape[-1]
        if k % EVERY == 0 and (more(jump) <= ON).all():
            return jump  # the frontier is straight between the players' best points, and so is the path to it
        second = more(x + h / 2 * first)
        third = more(x + h / 2 * second)
        x = x + h / 6 * (first + 2 * second + 2 * third + more(x + h * third))
    for _ in range(4):  # close to the frontier the rest is a straight line
        x = x + more(x) / x.shape[-1]
    return x


def _beside(x: Floats, plain: Floats) -> Floats:
    """Return by how much the end of a plain integration differs, beyond the error of that integration."""
    return np.asarray(np.maximum(np.abs(x - plain).max(axis=-1) - COARSE, 0.0))


def _along_flow(
    problem: Problem, ideal: Floats, usual: NDArray[np.bool_], edge: Followed | None
) -> tuple[Floats, Floats]:
    d = np.broadcast_to(problem.disagreement, ideal.shape)
    moving = usual[..., None] & (ideal > d)
    gains = np.where(moving, ideal - d, 1.0)
    ideal_at, error = (ideal_of(problem.feasible), 0.0) if edge is None else (edge.ideal, edge.error)

    size = np.where(moving, np.maximum(np.abs(ideal), np.abs(d)), 0.0)

    def rate(x: Floats) -> Floats:
        at = d + x * gains
        best, _ = best_above(ideal_at, at, 4 * EPS * size, np.broadcast_to(usual, at.shape[:-1]))
        return np.where(moving, (best - d) / gains - x, 0.0)

    slopes = known(problem.feasible, "ideal_slopes")
    if slopes is not None and not usual.shape and usual and edge is None:

        def ask(x: Floats) -> tuple[Floats, Floats]:
            best, answer = slopes(d + x * gains)
            return (best - d) / gains - x, answer * gains / gains[:, None] - np.eye(len(gains))

        path_end, doubt = end_of_smooth_flow(ask, rate, len(gains))
        return path_end, np.asarray(doubt)

    # Both integrations at once, along a leading axis.
    first, longest = (
        np.broadcast_to(np.reshape(h, (2, *(1,) * usual.ndim)), (2, *usual.shape)) for h in STEPS
    )
    noise = EPS * (size / gains).max(axis=-1)
    (end, other), (left, _) = end_of_flow(
        rate, np.zeros((2, *ideal.shape)), first=first, longest=longest, noise=noise
    )
    beside = _beside(end, _plainly(rate, np.zeros(ideal.shape)))
    return end, np.maximum(np.maximum(np.abs(end - other).max(axis=-1), left), beside) + error
