"""All pairs at once: Newton's method on their first-order conditions, where the gains are smooth.

Pair k's condition is F_k = w g_1' g_2 + (1 - w) g_2' g_1 = 0, with derivatives by differences over a small part of the
scale on which its gains change. It is asked at all points that a derivative of the system needs, and for all starts,
in one call a pair. What it finds is only a candidate: kinks, bounds and second peaks are seen by looking at values.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria.pairs.deal import Pairs

_STEPS = 12  # Newton's method has converged, or will not
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
    for step in range(1, _STEPS + 1):
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
