"""Global maximisation on an interval: brackets from a grid, each refined to a stationary point or a kink."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bargaining._arrays import Floats

Objective = Callable[[Floats], Floats]

# Local maxima of the grid within this part of the range of the best are refined.
_NEAR = 1e-3
# The slope at 0 from five values at 0, 1, ..., 4.
_ONE_SIDED = np.array([-25.0, 48.0, -36.0, 16.0, -3.0]) / 12
# Neighbouring floats whose values differ by more, relative to the fall beside a peak, are two sides of a jump.
_JUMP = 1e-3
# Values this close, relative to the range, count as equally good.
_TIE = 1e-12


def peaks(objective: Objective, grid: Floats) -> Floats:
    """Return every maximiser found, in ascending order.

    Of an interval of maximisers these are the first and the last on the grid.

    Parameters
    ----------
    objective : callable
        Vectorised; smooth but for kinks and jumps.
    grid : ndarray, shape (m,)
        Increasing points; a peak narrower than their spacing can be missed.
    """
    values = objective(grid)
    scale = max(float(np.ptp(values)), np.finfo(float).tiny)
    before, after = np.append(-np.inf, values[:-1]), np.append(values[1:], -np.inf)
    level = (values == before) & (values == after)  # inside an interval of equally good points
    rises = (values >= before) & (values >= after) & ~level & (values >= values.max() - _NEAR * scale)
    found = np.array(sorted({_refined(objective, grid, int(n)) for n in np.flatnonzero(rises)}))
    heights = objective(found)
    ties: Floats = found[heights >= heights.max() - _TIE * scale]
    return ties


def shortfall(objective: Objective, x: float, low: float, high: float, *, count: int) -> float:
    """Return how far `x` is from the best point of [low, high], by values and slopes, over the range of the objective.

    By values: by how much one of many points, evenly spread or closer and closer to x, is better. By slopes: how fast
    the objective rises on either side of x, relative to its range.
    """
    if not low <= x <= high:
        return np.inf
    halves = 2.0 ** -np.arange(1, 41)  # down to 1e-12 of the interval
    even = low + (high - low) * (np.arange(count) + 0.5) / count
    near = np.clip(np.concatenate([x + (high - x) * halves, x - (x - low) * halves]), low, high)
    values = objective(np.concatenate([[x, low, high], even, near]))
    scale = max(float(np.ptp(values)), np.finfo(float).tiny)
    return max(float(values.max() - values[0]) / scale, _slope_miss(objective, x, low, high, scale))


def _slope_miss(objective: Objective, x: float, low: float, high: float, scale: float) -> float:
    """Return how fast the objective rises to the right or to the left of x, per range: by steps of any length.

    Long steps pass kinks, or bends beside a limit, and short ones drown in rounding; the least rise counts.
    """
    size, worst = high - low, 0.0
    lengths = np.outer([size, min(high - x, x - low)], [1e-2, 1e-3, 1e-4]).ravel()
    for sign, room in ((1, high - x), (-1, x - low)):
        if room <= 1e-9 * size:  # an end of the interval
            continue
        rises = []
        for length in lengths[lengths > 1e-9 * size]:
            step = min(length, room) / 4
            values = objective(x + sign * step * np.arange(5))
            rises.append(float(values @ _ONE_SIDED) / step * size / scale)
        worst = max(worst, min(rises))
    return worst


def _refined(objective: Objective, grid: Floats, n: int) -> float:
    """Return the best point between the neighbours of grid[n]."""
    from scipy.optimize import brentq, minimize_scalar

    low, high = float(grid[max(n - 1, 0)]), float(grid[min(n + 1, grid.size - 1)])

    def height(x: float) -> float:
        return float(objective(np.array([x]))[0])

    found = minimize_scalar(
        lambda x: -height(x), bounds=(low, high), method="bounded", options={"xatol": 1e-9 * (high - low)}
    )
    near = float(found.x)
    step = 0.2 * min(near - low, high - near)
    if step > 0 and _slope(objective, near - step, step) > 0 > _slope(objective, near + step, step):
        root = brentq(lambda x: _slope(objective, x, step), near - step, near + step, xtol=1e-300, rtol=1e-14)
        # Golden section stops where rounding hides the differences; the root of the slope does not.
        if height(root) >= height(near) - 1e-14 * abs(height(near)):
            near = float(root)
    best = max((float(grid[n]), near), key=height)
    for end in (low, high):
        best = _edge(height, best, end)
    return best


def _edge(height: Callable[[float], float], best: float, end: float) -> float:
    """Return the point at which the objective jumps down between the best point and an end, if it does, or the best."""
    fall = height(best) - height(end)
    least = max(_JUMP * fall, 1e-12 * abs(height(best)))  # the rounding of what has no jump
    if fall <= least:
        return best
    near, far = best, end
    while (middle := (near + far) / 2) not in (near, far):
        if height(middle) >= height(near):
            near = middle
        else:
            far = middle
    return near if height(near) - height(far) > least else best


def _slope(objective: Objective, x: float, step: float) -> float:
    """Return the derivative by the five-point difference within `step` of x."""
    h = step / 2
    values = objective(np.array([x - 2 * h, x - h, x + h, x + 2 * h]))
    return float(values @ np.array([1, -8, 8, -1]) / (12 * h))
