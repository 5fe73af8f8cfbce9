"""The corners of a concave function of straight pieces, from its values.

A concave function that meets a chord between its ends is straight along it, so that nodes on a line prove a piece. Two
neighbouring pieces have a corner where their lines meet if the function goes through that point.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from bargaining._arrays import Floats

NODES = 257  # a piece that holds three of them is found
NOISE = 8 * float(np.finfo(float).eps)  # of the values: what rounding may take off a line


def corners(function: Callable[[Floats], Floats], low: float, high: float) -> Floats | None:
    """Return the corners and the ends of a concave function on an interval, shape (k, 2); None if it has other pieces.

    Parameters
    ----------
    function : callable
        Elementwise; falls.
    """
    x = np.linspace(low, high, NODES)
    y = function(x)
    noise = NOISE * (np.abs(y).max() + np.abs(x).max() / (high - low) * float(y[0] - y[-1]))
    pieces = _pieces(x, y, noise)
    if not pieces or pieces[0][0] != 0 or pieces[-1][1] != NODES - 1:
        return None
    found = [(x[0], y[0])]
    for (a, b), (c, d) in pairwise(pieces):
        if c - b > 1:
            return None
        found.append(_meet(x[[a, b, c, d]], y[[a, b, c, d]]))
    found.append((x[-1], y[-1]))
    points = np.array(found)
    if not (np.diff(points[:, 0]) > 0).all():
        return None
    return points if (np.abs(function(points[:, 0]) - points[:, 1]) <= noise).all() else None


def _pieces(x: Floats, y: Floats, noise: float) -> list[tuple[int, int]]:
    """Return the first and the last node of each straight piece; none if some node that seems to be on one is not."""
    straight = np.abs(y[:-2] - 2 * y[1:-1] + y[2:]) <= noise
    edges = np.flatnonzero(np.diff(np.concatenate(([False], straight, [False])).astype(np.int8)))
    pieces = [(int(a), int(b) + 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    for a, b in pieces:
        line = y[a] + (y[b] - y[a]) * ((x[a : b + 1] - x[a]) / (x[b] - x[a]))
        if (np.abs(y[a : b + 1] - line) > noise).any():
            return []
    return pieces


def _meet(x: Floats, y: Floats) -> tuple[float, float]:
    """Return where the line through the first two points meets the line through the last two."""
    first, last = (y[1] - y[0]) / (x[1] - x[0]), (y[3] - y[2]) / (x[3] - x[2])
    beyond = (y[2] - y[1] - last * (x[2] - x[1])) / (first - last) if first > last else 0.0
    return float(x[1] + beyond), float(y[1] + first * beyond)
