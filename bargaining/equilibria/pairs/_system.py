"""Contracts of all pairs at once, and of one pair.

*All pairs* are solved for by Newton's method on their first-order conditions, where the gains are smooth. Pair k's
condition is F_k = w g_1' g_2 + (1 - w) g_2' g_1 = 0, with derivatives by differences over a small part of the scale on
which its gains change. The result is only a candidate: kinks, bounds and second peaks are seen when each contract is
compared with its pair's Nash solution.

*One pair* needs only values of its two gains. For concave gains the contracts that give both a gain form an interval,
and the logarithm of the weighted product, N(x) = w ln g_1(x) + (1 - w) ln g_2(x), is concave on it. A bracket is
narrowed to the neighbours of the highest of a few points: of the smaller gain until both gain somewhere, then of N. As
soon as the gains are smooth in the bracket, the peak is the root of w g_1' g_2 + (1 - w) g_2' g_1 of their
interpolants; if they never are, it is a kink, found to the next float.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria.pairs.deal import Pairs

_NEWTON_STEPS = 12  # Newton's method has converged, or will not
_OWN = 1e-3  # of the scale of the gains: a fourth-order difference is good to 1e-12 and rounds at 1e-13
_OTHERS = 1e-4  # differences to both sides are good to 1e-8 and round at 1e-9
_DONE = 1e-9  # of that scale: the step after one so short is rounding
_FURTHEST = 0.5  # of a range: a longer step leaves what the slopes know


def newton(pairs: Pairs, starts: Floats, scale: Floats) -> tuple[Floats, Floats, list[int]]:
    """Return contracts near each start, how the pairs' solutions depend on each other there, and the steps taken.

    Parameters
    ----------
    starts : ndarray, shape (s, k)
        Contracts that leave every pair a gain.
    scale : ndarray, shape (s, k)
        Over how much of a contract the gains change.

    Returns
    -------
    contracts : ndarray, shape (s, k)
        NaN where the method did not settle between the bounds.
    slopes : ndarray, shape (s, k, k)
        Of pair k's Nash solution in the contract of pair l; 0 where k = l.
    steps : list of int
    """
    (count, size), own = starts.shape, np.arange(starts.shape[1])
    contracts, slopes, steps = np.full(starts.shape, np.nan), np.zeros((count, size, size)), [0] * count
    sides = np.hstack([np.zeros((size, 1)), -np.eye(size), np.eye(size)])
    x, change, rows = starts, scale, np.arange(count)
    for step in range(1, _NEWTON_STEPS + 1):
        room = np.minimum(x - pairs.lower, pairs.upper - x) / 4
        h, side = np.minimum(_OWN * change, room), np.minimum(_OTHERS * change, room)
        columns = x[:, :, None] + side[:, :, None] * sides
        conditions, now = _conditions(pairs, columns.swapaxes(0, 1), h.T[:, :, None])
        now, (here, below, above) = now.T, np.split(conditions.swapaxes(0, 1), [1, 1 + size], axis=2)
        jacobian = (above - below) / (2 * side[:, None])
        # NaN, where a gain was not positive, is not below 0 either.
        fine = (h > 1e-6 * change).all(axis=1) & (jacobian[:, own, own] < 0).all(axis=1)
        fine &= np.isfinite(jacobian).all(axis=(1, 2))
        rows, x, now, jacobian = rows[fine], x[fine], now[fine], jacobian[fine]
        try:
            move = np.linalg.solve(jacobian, -here[fine])[..., 0]
        except np.linalg.LinAlgError:
            break
        length = np.abs(move / now).max(axis=1, initial=0.0)
        x = x + move / np.maximum(length / _FURTHEST, 1.0)[:, None]
        inside = ((x > pairs.lower) & (x < pairs.upper)).all(axis=1)
        for row in np.flatnonzero(inside & (length <= _DONE)):
            contracts[rows[row]], steps[rows[row]] = x[row], step
            slopes[rows[row]] = np.eye(size) - jacobian[row] / jacobian[row, own, own, None]
        going = inside & (length > _DONE)
        rows, x, change = rows[going], x[going], now[going]
        if not len(rows):
            break
    return contracts, slopes, steps


def _conditions(pairs: Pairs, x: Floats, h: Floats) -> tuple[Floats, Floats]:
    """Return the conditions at contracts x, (k, s, c), and the scale on which gains change at the first c, (k, s)."""
    size = len(pairs)
    steps = np.eye(size)[:, :, None, None, None] * (h[..., None] * [-2, -1, 1, 2])
    gains = pairs.gains((x[..., None] + steps).reshape(size, size, -1))
    gains = np.moveaxis(gains.reshape(size, 2, *x.shape[1:], 4), -1, 0)
    level = (4 * (gains[1] + gains[2]) - gains[0] - gains[3]) / 6
    slope = (8 * (gains[2] - gains[1]) - (gains[3] - gains[0])) / (12 * h[:, None])
    rising = pairs.weights[:, :, None, None] * slope
    condition = rising[:, 0] * level[:, 1] + rising[:, 1] * level[:, 0]
    condition[(gains <= 0).any(axis=(0, 2))] = np.nan
    change = np.abs(level[..., 0] / slope[..., 0]).min(axis=1)
    return condition, np.minimum(change, pairs.ranges[:, None])


Both = Callable[[Floats], Floats]
"""From contracts, (m,), to the gains of the two, (2, m)."""

_SCAN = 33  # contracts looked at in the whole range
_NODES = 13  # and in a bracket, where smooth gains of ordinary curvature are interpolated to rounding
_LEVELS = 80  # brackets, each a quarter of the last: from any range to the next float
_NARROW = 1e-6  # of the range: rounding hides the curvature within
_SMOOTH = 2e-14  # what the last coefficients of an interpolant of smooth gains leave, over the largest
_EPS = float(np.finfo(float).eps)

_ANGLES = np.arange(_NODES) * np.pi / (_NODES - 1)
_POINTS = -np.cos(_ANGLES)
_COSINES = np.cos(np.outer(np.arange(_NODES), np.pi - _ANGLES))
_ENDS = np.where(np.arange(_NODES) % (_NODES - 1) == 0, 0.5, 1.0)
_COEFFICIENTS = 2 / (_NODES - 1) * _ENDS[:, None] * _COSINES * _ENDS  # from values at the points, ascending


class Reply(NamedTuple):
    """The contract with the largest product of gains; where there is nothing to gain, of the largest smaller gain."""

    contract: float
    agree: bool
    concave: bool
    """Whether the gains seen may be those of concave functions: then no contract is missed where they do not agree."""


def reply(both: Both, weights: Floats, low: float, high: float) -> Reply:
    """Return what a pair agrees on in [low, high]."""
    nodes = np.linspace(low, high, _SCAN)
    gains, agree, concave = both(nodes), False, True
    scale = np.maximum(np.abs(gains).max(axis=1, keepdims=True), np.finfo(float).tiny)
    for _ in range(_LEVELS):
        positive = (gains > 0).all(axis=0)
        agree = agree or bool(positive.any())
        if agree:
            heights = np.where(positive, weights @ np.log(np.where(positive, gains, 1.0)), -np.inf)
        else:
            narrow = nodes[-1] - nodes[0] <= _NARROW * (high - low)
            concave = concave and (narrow or all(_concave(nodes, each) for each in gains / scale))
            heights = (gains / scale).min(axis=0)
        top = int(np.argmax(heights))
        a, b = float(nodes[max(top - 1, 0)]), float(nodes[min(top + 1, len(nodes) - 1)])
        best = float(nodes[top])
        if b - a <= 4 * _EPS * max(abs(a), abs(b)):
            break
        # Even steps have the highest point among them, so that what leaves both a gain is not lost again.
        steps = _POINTS if agree else np.linspace(-1.0, 1.0, _NODES)
        nodes = np.clip((a + b) / 2 + (b - a) / 2 * steps, a, b)
        gains = both(nodes)
        if agree and (root := _stationary(gains, weights, (a, b), (low, high))) is not None:
            return Reply(root, agree, concave)
    return Reply(best, agree, concave)


def _concave(nodes: Floats, values: Floats) -> bool:
    """Say whether no value, at most 1, lies below the chord of its neighbours by more than rounding."""
    slopes = np.diff(values) / np.diff(nodes)
    return bool((np.diff(slopes) <= 32 * _EPS / np.diff(nodes).min()).all())


def _stationary(
    gains: Floats, weights: Floats, bracket: tuple[float, float], limits: tuple[float, float]
) -> float | None:
    """Return the peak between the brackets if the gains are smooth there: where the product's slope changes sign.

    At a limit where the product falls inwards that is the limit itself.
    """
    from numpy.polynomial.chebyshev import chebder, chebmul, chebval
    from scipy.optimize import brentq

    coefficients = _COEFFICIENTS @ gains.T
    if (np.abs(coefficients[-2:]).max(axis=0) > _SMOOTH * np.abs(gains).max(axis=1)).any():
        return None
    first, second = coefficients.T
    series = weights[0] * chebmul(chebder(first), second) + weights[1] * chebmul(chebder(second), first)

    def slope(t: float) -> float:
        return float(chebval(t, series))

    # Rounding can put a peak just beside the bracket; beyond a limit it may not lie.
    (a, b), ends = bracket, [-1.05, 1.05]
    for side, (at, limit) in enumerate(zip(bracket, limits, strict=True)):
        if at == limit:
            ends[side] = 2.0 * side - 1
            if slope(ends[side]) * ends[side] >= 0:
                return limit
    if not slope(ends[0]) > 0 > slope(ends[1]):
        return None
    root = brentq(slope, *ends, xtol=1e-16, rtol=8.9e-16)
    return float(min(max((a + b) / 2 + (b - a) / 2 * root, limits[0]), limits[1]))
