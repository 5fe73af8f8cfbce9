"""Gradients by differences: Ridders' extrapolation of central ones, with steps that stay within the bounds.

C. J. F. Ridders (1982), "Accurate computation of F'(x) and F'(x) F''(x)", Advances in Engineering Software 4.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arrays import Floats

LEVELS = 8  # steps: the last is a 27th of the first, where rounding weighs as much as it gained
SHRINK = 1.6  # of the step from level to level: between Ridders' 1.4 and 2, fewest calls for 13 digits
NEAR = 0.5  # of the way to the nearer bound, where functions such as roots and logarithms may end
EDGE = 1e-7  # of the width of the bounds: on one, differences are taken this much further in


def differences(
    function: Callable[[Floats], ArrayLike], lower: Floats, upper: Floats, width: Floats
) -> Callable[[Floats], Floats]:
    """Return the Jacobian of a function of decisions, shape (p, k), which is asked at points within the bounds only."""

    def jacobian(z: Floats) -> Floats:
        at = np.clip(z, lower + EDGE * width, upper - EDGE * width)
        room = np.minimum(NEAR * np.minimum(at - lower, upper - at), 0.1 * width)
        return np.stack([_slope(function, at, k, float(room[k])) for k in range(z.size)], axis=-1)

    return jacobian


def _slope(function: Callable[[Floats], ArrayLike], z: Floats, k: int, step: float) -> Floats:
    """Return the derivative in one coordinate, for each value of the function the extrapolation that moved least."""
    row: list[Floats] = []
    best, least = np.empty(0), np.empty(0)
    for level in range(LEVELS):
        ahead, behind = z.copy(), z.copy()
        ahead[k], behind[k] = z[k] + step, z[k] - step
        sides = [np.asarray(function(at), dtype=float) for at in (ahead, behind)]
        new = [(sides[0] - sides[1]) / (ahead[k] - behind[k])]
        for order in range(level):
            factor = SHRINK ** (2 * (order + 1))
            new.append((factor * new[-1] - row[order]) / (factor - 1))
            moved = np.maximum(np.abs(new[-1] - new[-2]), np.abs(new[-1] - row[order]))
            if not best.size:
                best, least = new[-1], moved
            best = np.where(moved < least, new[-1], best)
            least = np.minimum(moved, least)
        row, step = new, step / SHRINK
    return best
