"""Rows of numbers that are the same up to some digits, or the farthest in a direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats

Indices = NDArray[np.intp]


def once(rows: Floats, digits: int) -> tuple[Indices, Indices]:
    """Return where rows that differ in these digits occur first, in order, and the number of each row among them."""
    keys = rows.round(digits)
    order = np.lexsort(keys.T)  # equal rows stay in their order, and no records are made as by `np.unique`
    new = np.ones(len(rows), bool)
    new[1:] = (keys[order[1:]] != keys[order[:-1]]).any(axis=1)
    first, number = order[new], np.empty(len(rows), np.intp)
    number[order] = np.cumsum(new) - 1
    back = np.argsort(first)
    return first[back], np.argsort(back)[number]


TABLE = 1_000_000
"""Entries of a table that is computed in one piece."""


def farthest(points: Floats, directions: Floats) -> tuple[Indices, Floats]:
    """Return which of the points (V, n) is the farthest in each direction (d, n), and how far."""
    parts = np.array_split(directions, 1 + len(directions) * len(points) // TABLE)
    worth = [(part @ points.T).argmax(axis=1) for part in parts]
    places = np.concatenate(worth)
    return places, (points[places] * directions).sum(axis=1)
