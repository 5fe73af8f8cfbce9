"""The Perles-Maschler (superadditive) solution.

It halves an integral, which is the limit of sums over the chords of the frontier: values alone are needed. If two sums
disagree, the frontier may have a kink, and it is cut into intervals halved until they agree.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from bargaining._arrays import EPS, Floats
from bargaining._calls import suggesting
from bargaining.concepts._pareto import apart, both_gain, function, vertices
from bargaining.division import Division, describe, divide
from bargaining.errors import NotApplicable
from bargaining.feasible._root import decreasing_root
from bargaining.feasible.transform import convex_only
from bargaining.problem import Problem, require_problem

PROMISED = 1e-7  # difference of the two parts that OK allows


@suggesting
def perles_maschler(problem: Problem) -> Division:
    r"""Return the Perles-Maschler solution: the point that halves the frontier, measured free of both scales.

    Two points start at the ends of the frontier above d, the best for player 0 and the best for player 1, and move
    towards each other so that the product of the rates at which the players concede is always the same for both. Where
    they meet,

    .. math:: \int \sqrt{-dx_0\, dx_1}

    is the same along either part of the frontier. A straight piece has the length :math:`\sqrt{|\Delta_0 \Delta_1|}`; a
    horizontal or vertical one has length 0.

    Parameters
    ----------
    problem : Problem
        Two players; a batch is solved cell by cell. The set must be convex.

    Returns
    -------
    Division
        `payoffs` of shape (..., 2).

    Raises
    ------
    NotApplicable
        If there are not two players, or the set is not convex.

    Notes
    -----
    On polygons the sum is exact up to rounding; the length of an edge that is nearly level magnifies it. On a curve
    the integral is the limit of sums over chords, which is extrapolated; it allows infinite slopes at the ends and
    kinks anywhere. `residual` is what the last halvings of intervals changed plus what rounding can, relative to the
    whole; OK allows 1e-7.

    It is the superadditive solution: what is agreed about two problems together is at least the sum of what is agreed
    about each. Superadditivity, symmetry, Pareto optimality, scale invariance and continuity characterise it among
    problems whose frontier is more than a point; where a frontier shrinks to a point it is discontinuous
    (proposition `perles-maschler-characterisation`). With three players no solution has them all
    (proposition `perles-maschler-three`).

    References
    ----------
    Perles, M. A. and Maschler, M. (1981). The super-additive solution for the Nash bargaining game. *International
    Journal of Game Theory* 10(3-4), 163-193. doi:10.1007/BF01755963

    Perles, M. A. (1982). Non-existence of super-additive solutions for 3-person games. *International Journal of Game
    Theory* 11(3-4), 151-161.

    Examples
    --------
    >>> from bargaining import Frontier, Problem, perles_maschler
    >>> frontier = Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x)
    >>> perles_maschler(Problem(frontier, [0, 0])).payoffs
    array([1.25992105, 2.41259895])
    """
    require_problem(problem)
    if problem.players != 2:
        raise NotApplicable(
            f"perles_maschler is for two players; got {problem.players}. With more, no symmetric, Pareto optimal, "
            f"scale invariant and continuous solution is superadditive (Perles 1982)."
        )
    convex_only(problem.feasible, "perles_maschler")
    ideal = problem.ideal
    status = problem.gains_status(ideal)
    chain = vertices(problem, ideal)
    unit, residual = _on_curves(problem, ideal) if chain is None else _on_chain(chain)
    d = problem.disagreement
    with np.errstate(invalid="ignore"):
        payoffs = np.where(np.asarray((ideal > d).all(axis=-1))[..., None], d + unit * (ideal - d), ideal)
    label = describe("perles_maschler")
    return divide(problem, label, payoffs, residual, status, ideal=ideal, accuracy=PROMISED)


def missed(problem: Problem, payoffs: Floats) -> Floats:
    """Return by how much the parts of the frontier to either side differ, or how far payoffs are from its middle."""
    ideal = problem.ideal
    with np.errstate(all="ignore"):
        gains = (payoffs - problem.disagreement) / (ideal - problem.disagreement)
    chain = vertices(problem, ideal)
    if chain is not None:
        return _imbalance(chain, gains)
    unit, doubt = _on_curves(problem, ideal)
    return apart(gains, unit, np.ones(2)) + doubt


def _on_chain(corners: Floats) -> tuple[Floats, Floats]:
    """Return the point of a chain of vertices that halves the sum of its edges' lengths."""
    steps = np.diff(corners, axis=-2)
    lengths = np.sqrt(np.maximum(-steps[..., 0] * steps[..., 1], 0.0))
    after = np.cumsum(lengths, axis=-1)
    if lengths.shape[-1] == 0:
        return corners[..., 0, :], np.zeros(corners.shape[:-2])
    half = after[..., -1:] / 2
    k = np.minimum((after < half).sum(axis=-1, keepdims=True), lengths.shape[-1] - 1)
    length, end = np.take_along_axis(lengths, k, axis=-1), np.take_along_axis(after, k, axis=-1)
    share = np.where(length > 0, (half - (end - length)) / np.where(length > 0, length, 1.0), 0.0)
    start, step = (
        np.take_along_axis(a, k[..., None], axis=-2)[..., 0, :] for a in (corners[..., :-1, :], steps)
    )
    point = start + share * step
    return point, _imbalance(corners, point)


def _imbalance(corners: Floats, point: Floats) -> Floats:
    """Return how much the parts of a chain to either side of a point differ in length, as a share of how far it goes.

    A chain that is no longer than rounding has imbalance 0. The position of the point on its edge is computed from the
    longer side of the edge, since along the other side rounding may be as large as the edge. The distance of the point
    from the chain is added.
    """
    steps, beyond = np.diff(corners, axis=-2), point[..., None, :] - corners[..., :-1, :]
    along = np.argmax(np.abs(steps), axis=-1, keepdims=True)
    step, reached = (np.take_along_axis(a, along, axis=-1)[..., 0] for a in (steps, beyond))
    share = np.clip(np.where(step == 0, 0.0, reached / np.where(step == 0, 1.0, step)), 0.0, 1.0)
    lengths = np.sqrt(np.maximum(-steps[..., 0] * steps[..., 1], 0.0))
    one, other = (share * lengths).sum(axis=-1), ((1 - share) * lengths).sum(axis=-1)
    whole = one + other
    away = np.abs(corners[..., 0, :] + (share[..., None] * steps).sum(axis=-2) - point).max(axis=-1)
    far = np.abs(corners[..., -1, :] - corners[..., 0, :]).max(axis=-1)
    imbalance: Floats = far * np.abs(one - other) / np.where(whole > 0, whole, 1.0) + away
    return imbalance


def _on_curves(problem: Problem, ideal: Floats) -> tuple[Floats, Floats]:
    """Return the points of curves that halve the integral, cell by cell, and by how much they may not."""
    d = np.broadcast_to(problem.disagreement, ideal.shape)
    point, doubt = np.full(ideal.shape, 0.5), np.zeros(ideal.shape[:-1])
    for cell in map(tuple, np.argwhere(both_gain(ideal, d))):
        value, left = function(problem, ideal, cell)
        grain = 2 * EPS * (np.abs(d[cell]) + np.abs(ideal[cell])) / (ideal[cell] - d[cell])
        x, doubt[cell] = _halve(value, left, 1.0, grain)
        point[cell] = x, value(np.atleast_1d(x))[0]
    return point, doubt


Function = Callable[[Floats], Floats]
"""Takes arguments of shape (m,) and returns a concave function there."""

CHORDS = 16  # of an interval
AGREED = 1e-14  # of the length: where two sums of chords differ by less they are both right
DEPTH = 60  # halvings of an interval around a kink, to the spacing of floats
LEAVES = 2000  # intervals: what needs more is not piecewise smooth


def _sums(function: Function, lows: Floats, highs: Floats, grain: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the integrals over some intervals, how two extrapolations differ, and what rounding of x and f(x) adds.

    The lengths sqrt(run * fall) of twice as many chords are added up again and again, and extrapolated (Romberg).
    """
    x = lows + (highs - lows) * np.linspace(0, 1, CHORDS + 1)[:, None]
    y = function(x.ravel()).reshape(x.shape)
    run, fall = np.diff(x, axis=0), np.maximum(-np.diff(y, axis=0), 0.0)
    noise = np.sqrt((run + grain[0]) * (fall + grain[1])) - np.sqrt(run * fall)
    table = []
    for stride in (16, 8, 4, 2, 1):
        sides = np.diff(x[::stride], axis=0), np.maximum(-np.diff(y[::stride], axis=0), 0.0)
        table.append(np.sqrt(sides[0] * sides[1]).sum(axis=0))
    for order in range(1, len(table)):
        coarse = table[0]
        table = [b + (b - a) / (4**order - 1) for a, b in pairwise(table)]
    return np.asarray(table[0]), np.abs(table[0] - coarse), noise.sum(axis=0)


def _halve(function: Function, low: float, high: float, grain: Floats) -> tuple[float, float]:
    """Return where the integral is halved, by halving intervals until their sums agree; errors are added up."""
    lows, highs = np.array([low]), np.array([high])
    whole, *_ = _sums(function, lows, highs, grain)
    size, error, count = float(whole.sum()), 0.0, 0
    done: list[Floats] = []
    for depth in range(DEPTH):
        middle = lows + (highs - lows) / 2
        lows, highs = np.stack((lows, middle), axis=1).ravel(), np.stack((middle, highs), axis=1).ravel()
        halves, change, noise = _sums(function, lows, highs, grain)
        change, noise = (pairs[::2] + pairs[1::2] for pairs in (change, noise))
        off = np.maximum(
            np.abs(halves[::2] + halves[1::2] - whole), change
        )  # around a kink one alone may be 0
        settled = (off <= AGREED * size + noise) | (depth == DEPTH - 1) | (count > LEAVES)
        error += float((off + noise)[settled].sum())
        leaf = np.repeat(settled, 2)
        done.append(np.stack((lows, highs, halves))[:, leaf])
        count += int(leaf.sum())
        lows, highs, whole = lows[~leaf], highs[~leaf], halves[~leaf]
        if settled.all():
            break
    leaves = np.concatenate(done, axis=1)
    lows, highs, parts = leaves[:, np.argsort(leaves[0], kind="stable")]
    before = np.concatenate(([0.0], np.cumsum(parts)))
    k = int(np.clip(np.searchsorted(before, before[-1] / 2) - 1, 0, len(parts) - 1))
    rest = before[-1] / 2 - before[k]
    x, _ = decreasing_root(
        lambda x: rest - _sums(function, lows[k : k + 1], np.reshape(x, 1), grain)[0][0],
        np.asarray(lows[k]),
        np.asarray(highs[k]),
    )
    return float(x), error / before[-1]
