"""Rows of numbers that are the same up to some digits."""

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
