"""Contracts of all pairs at once, and of one pair.

*All pairs* are solved for by Newton's method on their first-order conditions, where the gains are smooth. Pair k's
condition is F_k = w g_1' g_2 + (1 - w) g_2' g_1 = 0, with derivatives by differences over a small part of the scale on
which its gains change. It is evaluated at all points that a derivative of the system needs, and for all starts, in one
call per pair. The result is only a candidate: kinks, bounds and second peaks are seen when each contract is compared
with its pair's Nash solution.

*One pair* needs only values of its two gains. For concave gains the contracts that give both a gain form an interval,
and the logarithm of the weighted product,

    N(x) = w ln g_1(x) + (1 - w) ln g_2(x),

is concave on it. The interval is found by maximising the smaller gain; if this is not positive, chords of the
gains bound it from above, which proves that there is nothing to agree on. The peak of N is bracketed by the
highest of a few points, again and again. As soon as the gains are smooth in the bracket, the peak is the
root of w g_1' g_2 + (1 - w) g_2' g_1 of their interpolants; if they never are, it is a kink, found to the next float.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
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
    count, size = starts.shape
    x, change, found = starts.copy(), scale.copy(), np.full(starts.shape, np.nan)
    slopes, steps, own = np.zeros((count, size, size)), [0] * count, np.arange(size)
    left = np.arange(count)
    for step in range(1, _NEWTON_STEPS + 1):
        room = np.minimum(x - pairs.lower, pairs.upper - x) / 4
        h = np.minimum(_OWN * change, room)
        fine = np.logical_and.reduce(h > 1e-6 * change, axis=1)
        condition, jacobian, now = _conditions(pairs, x, h, np.minimum(_OTHERS * change, room))
        diagonal = jacobian[:, own, own]
        # NaN, where a gain was not positive, is not below 0 either.
        fine &= np.logical_and.reduce(diagonal < 0, axis=1) & np.isfinite(jacobian.sum(axis=(1, 2)))
        if not fine.all():
            left, x, now = left[fine], x[fine], now[fine]
            condition, jacobian, diagonal = condition[fine], jacobian[fine], diagonal[fine]
            if not len(left):
                break
        try:
            move = np.linalg.solve(jacobian, -condition[..., None])[..., 0]
        except np.linalg.LinAlgError:
            break
        length = np.maximum.reduce(np.abs(move / now), axis=1)
        x = x + move / np.maximum(length / _FURTHEST, 1.0)[:, None]
        change = now
        inside = np.logical_and.reduce((x > pairs.lower) & (x < pairs.upper), axis=1)
        done = inside & (length <= _DONE)
        for row in np.flatnonzero(done).tolist():
            start = int(left[row])
            found[start], steps[start] = x[row], step
            slopes[start] = -jacobian[row] / diagonal[row][:, None]
            slopes[start, own, own] = 0.0
        going = inside & ~done
        if not going.any():
            break
        left, x, change = left[going], x[going], change[going]
    return found, slopes, steps


@lru_cache(maxsize=32)
def _pattern(size: int) -> tuple[Floats, Floats]:
    """Return by how many steps each column moves pair k's own contract, and each contract, (k, l, 1, columns)."""
    columns = 4 + 4 * size
    own, others = np.zeros((size, size, 1, columns)), np.zeros((size, size, 1, columns))
    for k in range(size):
        own[k, k, 0, :4] = [-2, -1, 1, 2]
        own[k, k, 0, 4::2], own[k, k, 0, 5::2] = -1, 1
        for each in range(size):
            others[k, each, 0, 4 + 4 * each : 6 + 4 * each] = -1
            others[k, each, 0, 6 + 4 * each : 8 + 4 * each] = 1
    return own, others


def _conditions(pairs: Pairs, x: Floats, h: Floats, s: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the conditions, (s, k), their derivatives, (s, k, k), and the scale on which gains change, (s, k)."""
    count, size = x.shape
    own, others = _pattern(size)
    # Of pair k, contract l, start, column.
    points = x.T[:, :, None] + own * h.T[:, None, :, None] + others * s.T[:, :, None]
    gains = pairs.gains(points.reshape(size, size, -1)).reshape(size, 2, count, -1)
    below2, below, above, above2 = (gains[..., column] for column in range(4))
    width = 12 * h.T[:, None]
    level = (4 * (below + above) - below2 - above2) / 6
    slope = (8 * (above - below) - (above2 - below2)) / width
    w = pairs.weights[:, :, None]
    weighed = w * slope
    condition = weighed[:, 0] * level[:, 1] + weighed[:, 1] * level[:, 0]
    low, high = gains[..., 4::2], gains[..., 5::2]
    rise, sums = w[..., None] * (high - low), high + low
    each = rise[:, 0] * sums[:, 1] + rise[:, 1] * sums[:, 0]
    jacobian = (each[..., 1::2] - each[..., ::2]) / (8 * h.T[..., None] * s)
    change = np.minimum.reduce(np.abs(level / slope), axis=1)
    jacobian[np.minimum.reduce(gains, axis=(1, 3)) <= 0] = np.nan
    return condition.T, jacobian.transpose(1, 0, 2), np.minimum(change.T, pairs.ranges)


Both = Callable[[Floats], Floats]
"""From contracts, (m,), to the gains of the two, (2, m)."""

_SCAN = 33  # contracts looked at in the whole range
_NODES = 13  # and in a bracket, where smooth gains of ordinary curvature are interpolated to rounding
_LEVELS = 80  # brackets, each a quarter of the last: from any range to the next float
_SMOOTH = 2e-14  # what the last coefficients of an interpolant of smooth gains leave, over the largest
_EPS = float(np.finfo(float).eps)

_ANGLES = np.arange(_NODES) * np.pi / (_NODES - 1)
_POINTS = -np.cos(_ANGLES)
_COSINES = np.cos(np.outer(np.arange(_NODES), np.pi - _ANGLES))
_ENDS = np.where(np.arange(_NODES) % (_NODES - 1) == 0, 0.5, 1.0)
_COEFFICIENTS = 2 / (_NODES - 1) * _ENDS[:, None] * _COSINES * _ENDS  # from values at the points, ascending


class Nothing(NamedTuple):
    """Where the smaller gain is largest, and not positive."""

    best: float
    proven: bool
    """Whether no contract can leave both a gain if gains are concave, which these values do not contradict."""


def log_product(weights: Floats, gains: Floats) -> Floats:
    """Return the logarithm of the weighted product, -inf where not both gain."""
    both = (gains > 0).all(axis=0)
    logs = np.log(np.where(both, gains, 1.0))
    return np.where(both, np.tensordot(weights, logs, 1), -np.inf)


def peak(both: Both, weights: Floats, low: float, high: float) -> float | Nothing:
    """Return the contract in [low, high] with the largest product of gains, or that there is none."""
    nodes = np.linspace(low, high, _SCAN)
    gains = both(nodes)
    if not (gains > 0).all(axis=0).any():
        found = zone(both, nodes, gains)
        if isinstance(found, Nothing):
            return found
        nodes, gains = found
    for _ in range(_LEVELS):
        top = int(np.argmax(log_product(weights, gains)))
        a, b = float(nodes[max(top - 1, 0)]), float(nodes[min(top + 1, len(nodes) - 1)])
        best = float(nodes[top])
        if b - a <= 4 * _EPS * max(abs(a), abs(b)):
            break
        nodes = np.clip((a + b) / 2 + (b - a) / 2 * _POINTS, a, b)
        gains = both(nodes)
        if (root := _stationary(gains, weights, (a, b), (low, high))) is not None:
            return root
    return best


def zone(both: Both, nodes: Floats, gains: Floats) -> tuple[Floats, Floats] | Nothing:
    """Return contracts and gains some of which are positive for both, or where the smaller gain is largest."""
    scale = np.maximum(np.abs(gains).max(axis=1, keepdims=True), np.finfo(float).tiny)
    proven = True
    for _ in range(_LEVELS):
        least = (gains / scale).min(axis=0)
        if (gains > 0).all(axis=0).any():
            return nodes, gains
        proven = proven and all(map(_concave, [nodes] * 2, gains / scale))
        top = int(np.argmax(least))
        if proven and _bound(nodes, least, top) <= 0:
            break
        a, b = float(nodes[max(top - 1, 0)]), float(nodes[min(top + 1, len(nodes) - 1)])
        if b - a <= 4 * _EPS * max(abs(a), abs(b)):
            break
        nodes = np.linspace(a, b, _NODES)
        gains = both(nodes)
    return Nothing(float(nodes[top]), proven)


def _concave(nodes: Floats, values: Floats) -> bool:
    """Say whether no value lies below the chord of its neighbours by more than rounding."""
    rises = np.diff(values)
    slopes = rises / np.diff(nodes)
    rounding = 8 * _EPS * np.abs(values).max() / np.diff(nodes).min()
    return bool((np.diff(slopes) <= rounding).all())


def _bound(nodes: Floats, values: Floats, top: int) -> float:
    """Return the most that a concave function with these values can be, beside the highest of them.

    Between two nodes it lies below the chords that end there, extended.
    """
    most = float(values[top])
    for left in (top - 1, top):
        if not 0 <= left < len(nodes) - 1:
            continue
        a, b = nodes[left], nodes[left + 1]
        lines = []
        if left > 0:
            lines.append((a, values[left], (values[left] - values[left - 1]) / (a - nodes[left - 1])))
        if left + 2 < len(nodes):
            lines.append((b, values[left + 1], (values[left + 2] - values[left + 1]) / (nodes[left + 2] - b)))
        heights = [
            [max(v + s * (x - at), values[left], values[left + 1]) for at, v, s in lines] for x in (a, b)
        ]
        if not lines:
            return np.inf
        if len(lines) == 1:
            most = max(most, heights[0][0], heights[1][0])
            continue
        (p, v, s), (q, w, t) = lines
        cross = (w - t * q - v + s * p) / (s - t) if s > t else a
        most = max(most, v + s * (min(max(cross, a), b) - p))
    return most


def _stationary(
    gains: Floats, weights: Floats, bracket: tuple[float, float], limits: tuple[float, float]
) -> float | None:
    """Return the peak between the brackets if the gains are smooth there: where the product's slope changes sign.

    At a limit where the product falls inwards that is the limit itself.
    """
    from numpy.polynomial.chebyshev import chebder, chebval

    coefficients = _COEFFICIENTS @ gains.T
    tail = np.abs(coefficients[-2:]).max(axis=0)
    if (tail > _SMOOTH * np.abs(gains).max(axis=1)).any():
        return None
    one, two = coefficients.T
    first, second = chebder(one), chebder(two)

    def slope(t: float) -> float:
        return float(
            weights[0] * chebval(t, first) * chebval(t, two)
            + weights[1] * chebval(t, second) * chebval(t, one)
        )

    # Rounding can put a peak just beside the bracket; beyond a limit it may not lie.
    (a, b), ends = bracket, [-1.05, 1.05]
    for side, (at, limit) in enumerate(zip(bracket, limits, strict=True)):
        if at == limit:
            ends[side] = 2.0 * side - 1
            if slope(ends[side]) * ends[side] >= 0:
                return limit
    if not slope(ends[0]) > 0 > slope(ends[1]):
        return None
    from scipy.optimize import brentq

    root = brentq(slope, *ends, xtol=1e-16, rtol=8.9e-16)
    return float(min(max((a + b) / 2 + (b - a) / 2 * root, limits[0]), limits[1]))
