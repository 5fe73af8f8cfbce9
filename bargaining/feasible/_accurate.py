"""Slacks to rounding error: products and sums with what they round off (Ogita, Rump and Oishi 2005)."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats

SPLIT = 2.0**27 + 1  # parts a float into two of half the digits (Veltkamp)


def accurate_slack(row: Floats, limit: float, x: Floats) -> Floats:
    """Return limit - row . x for x of shape (n, ...), as if computed with twice the digits; plainly if those overflow.

    The row has entries of size one.
    """
    total, rest = np.broadcast_to(limit, x.shape[1:]), np.zeros(x.shape[1:])
    with np.errstate(over="ignore", invalid="ignore"):
        for a, v in zip(row, x, strict=True):
            product = a * v
            (a0, a1), (v0, v1) = _parts(a), _parts(v)
            rounded = a1 * v1 - (((product - a0 * v0) - a1 * v0) - a0 * v1)
            new = total - product
            back = new - total
            rest = rest + ((total - (new - back)) - (product + back) - rounded)
            total = new
    return np.where(np.isfinite(rest), total + np.where(np.isfinite(rest), rest, 0.0), total)


def _parts(x: Floats) -> tuple[Floats, Floats]:
    large = SPLIT * x
    high = large - (large - x)
    return high, x - high
