"""The points that are the farthest in some directions: what prices continuations and bounds payoffs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats

Indices = NDArray[np.intp]

TABLE = 1_000_000
"""Entries of a table that is computed in one piece."""
_STEPS = 50  # from cone to cone: many meet where more than n faces do


class Cloud:
    """Points (V, n) in which the farthest is looked for."""

    __slots__ = ("points",)

    def __init__(self, points: Floats) -> None:
        self.points = points

    def farthest(self, directions: Floats, besides: Indices | None = None) -> tuple[Indices, Floats]:
        """Return which point is the farthest in each direction (..., n), and how far: two arrays (...).

        One point for each direction, `besides`, can be left out, if there are others.
        """
        found = [
            _in_table(part @ self.points.T, None if besides is None else besides[at])
            for at, part in _parts(directions, len(self.points))
        ]
        places, values = (np.concatenate(each) for each in zip(*found, strict=True))
        return places, values


def walked(
    at: Indices, beside: Indices, weigh: Callable[[Indices, Indices], Floats], least: float
) -> tuple[Indices, Floats]:
    """Return the cone in which each of some directions lies, and its weights (k, n), all at least `least`.

    From the cone `at`, which may be wrong where several corners are as far, one walks across the side that the lowest
    weight shows. Where there is no way the weights are those of the last cone.

    Parameters
    ----------
    at : (k,) array of int
    beside : (T, n) array of int
        The cone beyond each side of a cone; -1 if it is not known.
    weigh : callable
        Returns the weights (q, n) of directions (q,) in cones (q,).
    least : float
    """
    every = np.arange(len(at))
    at, weights = at.copy(), weigh(every, at)
    bad = np.flatnonzero(weights.min(axis=1) < least)
    for _ in range(_STEPS):
        to = beside[at[bad], weights[bad].argmin(axis=1)]
        bad, to = bad[to >= 0], to[to >= 0]
        if not bad.size:
            break
        at[bad], weights[bad] = to, weigh(bad, to)
        bad = bad[weights[bad].min(axis=1) < least]
    return at, weights


def _parts(directions: Floats, points: int) -> list[tuple[slice, Floats]]:
    size = max(1, TABLE * len(directions) // max(1, directions[..., 0].size * points))
    starts = range(0, max(1, len(directions)), size)
    return [(slice(k, k + size), directions[k : k + size]) for k in starts]


def _in_table(worth: Floats, besides: Indices | None) -> tuple[Indices, Floats]:
    if besides is not None:
        np.put_along_axis(worth, besides[..., None], -np.inf, axis=-1)
    return worth.argmax(axis=-1), worth.max(axis=-1)
