"""On which face of a polytope a point in floats lies: the points it mixes, or the inequalities that bind there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining._rational import Rationals, floats

HEAVY = 1e3  # weight of the row that keeps a mixture's total at one, beside rows of the unit box
IDLE = 1e-9  # a share, or a slack, that is nothing: a thousand times the accuracy of divisions


def shares_of(points: Floats, target: Floats, *, free: bool) -> Floats | None:
    """Return the shares of the mixture that is, or comes closest to, a point, or is above it; None if none is found."""
    from scipy.optimize import nnls

    below = -np.eye(len(target)) if free else np.empty((len(target), 0))
    total = HEAVY * np.append(np.ones(len(points)), np.zeros(below.shape[1]))
    try:
        found: Floats = nnls(np.vstack((np.hstack((points.T, below)), total)), np.append(target, HEAVY))[0]
    except RuntimeError:
        return None
    return found[: len(points)]


def binding(
    rows: Rationals, room: Rationals, x: Rationals, prices: Floats, size: float
) -> tuple[Rationals, Rationals, Floats] | None:
    """Return the rows a x <= b that bind and have a multiplier, their b and the multipliers; None if none do.

    The largest entry of each row becomes one; `size` is that of the numbers that x is made of, whose rounding its
    slacks have.
    """
    from scipy.optimize import nnls

    largest = np.array([max(abs(a) for a in row) or 1 for row in rows], dtype=object)
    rows, room = rows / largest[:, None], room / largest
    near: NDArray[np.intp] = np.flatnonzero(np.abs(floats(room - rows @ x)) <= IDLE + 1e-13 * size)
    if not near.size:
        return None
    try:
        multipliers = nnls(floats(rows[near]).T, prices)[0]
    except RuntimeError:
        return None
    used = multipliers > IDLE * multipliers.max()
    return rows[near[used]], room[near[used]], multipliers[used]
