"""Global maximisation on an interval by values alone: brackets from a grid, each narrowed to neighbouring floats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bargaining._arrays import Floats

Objective = Callable[[Floats], Floats]

_WITHIN = 1e-3  # of the range: local maxima of the grid this far below the best are narrowed down
_TIE = 1e-12  # of the range: values this close count as equally good
_POINTS = 65  # of a bracket, which each round divides by 32
_ROUNDS = 12  # from a grid of thousands to neighbouring floats, also beside a jump


def peaks(objective: Objective, grid: Floats) -> Floats:
    """Return every maximiser found, in ascending order; of an interval of maximisers the first and last on the grid.

    Values at a smooth peak differ from the largest by rounding within about 1e-8 of the range, to which it is found.

    Parameters
    ----------
    objective : callable
        Vectorised; it may have kinks and jumps.
    grid : ndarray, shape (m,)
        Increasing points; a peak narrower than their spacing can be missed.
    """
    values = objective(grid)
    scale = max(float(np.ptp(values)), np.finfo(float).tiny)
    before, after = np.append(-np.inf, values[:-1]), np.append(values[1:], -np.inf)
    level = (values == before) & (values == after)  # inside an interval of equally good points
    rises = (values >= before) & (values >= after) & ~level & (values >= values.max() - _WITHIN * scale)
    places = np.array(sorted({_narrowed(objective, grid, int(n)) for n in np.flatnonzero(rises)}))
    heights = objective(places)
    ties: Floats = places[heights >= heights.max() - _TIE * scale]
    return ties


def _narrowed(objective: Objective, grid: Floats, n: int) -> float:
    """Return the best point between the neighbours of grid[n]."""
    low, best, high = grid[max(n - 1, 0)], grid[n], grid[min(n + 1, grid.size - 1)]
    for _ in range(_ROUNDS):
        points = np.unique(np.append(np.linspace(low, high, _POINTS), best))
        values = objective(points)
        k = int(np.flatnonzero(points == best)[0])
        k = int(values.argmax()) if values.max() > values[k] else k
        low, best, high = points[max(k - 1, 0)], points[k], points[min(k + 1, points.size - 1)]
    return float(best)


def shortfall(objective: Objective, x: float, low: float, high: float, *, count: int) -> float:
    """Return by how much one of many points of [low, high] is better than `x`, over the range of the objective.

    The points are spread evenly, and closer and closer to x.
    """
    if not low <= x <= high:
        return np.inf
    halves = 2.0 ** -np.arange(1, 41)  # down to 1e-12 of the interval
    even = low + (high - low) * (np.arange(count) + 0.5) / count
    close = np.clip(np.concatenate([x + (high - x) * halves, x - (x - low) * halves]), low, high)
    values = objective(np.concatenate([[x, low, high], even, close]))
    return float(values.max() - values[0]) / max(float(np.ptp(values)), np.finfo(float).tiny)
