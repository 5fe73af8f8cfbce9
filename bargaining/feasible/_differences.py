"""Derivatives of functions on an interval, by differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bargaining._arrays import Floats

_STEP = 2.0**-5
_NODES = np.arange(-4, 5)
_COEFFICIENTS = np.linalg.inv(np.vander(_NODES.astype(float), increasing=True))


def difference(
    function: Callable[[Floats], Floats], x: Floats, low: Floats, high: Floats
) -> tuple[Floats, Floats]:
    """Return f'(x) and an estimate of its error.

    Of two steps, one of the size of the interval and one of the distance to its nearer end (where f may be as
    steep as a square root), the one that changes the answer less when it is halved.
    """
    wide = _STEP * (high - low)
    best = error = None
    for h in (wide, np.maximum(np.minimum(wide, np.minimum(x - low, high - x) / 64), wide * 2.0**-20)):
        slope = _nine_points(function, x, low, high, h / 2)
        change = np.abs(slope - _nine_points(function, x, low, high, h))
        if best is None or error is None:
            best, error = slope, change
        else:
            best, error = np.where(change < error, slope, best), np.minimum(change, error)
    assert best is not None
    assert error is not None
    return best, error


def _nine_points(
    function: Callable[[Floats], Floats], x: Floats, low: Floats, high: Floats, h: Floats
) -> Floats:
    """Differentiate the polynomial through nine points around x, moved inside [low, high] near its ends."""
    centre = np.clip(x, low + 4 * h, high - 4 * h)
    values = [function(np.asarray(centre + k * h)) for k in _NODES]
    s = (x - centre) / h
    slope = np.zeros(np.shape(s))
    for j in range(len(_NODES) - 1, 0, -1):
        slope = slope * s + j * sum(c * v for c, v in zip(_COEFFICIENTS[j], values, strict=True))
    return slope / h
