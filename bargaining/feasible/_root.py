"""Roots of decreasing functions, cell by cell: the one numerical loop behind smooth frontiers.

Secant steps are followed by a proof: opposite signs a few units in the last place on either side. Cells without a proof
go through the regula falsi of Anderson and Björck (1973), always inside its bracket, with a bisection whenever three
steps have not halved it. A jump through zero counts as a root, which is what a kink of a frontier needs. No cell's path
depends on another cell's.

References
----------
Anderson, N. and Björck, Å. (1973). A new high order method of regula falsi type for computing a root of an equation.
*BIT* 13(3), 253-264. doi:10.1007/BF01951936
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats

SECANT_STEPS = 9  # they more than double the digits in two steps; where they do not, a bracket takes over
BRACKET_STEPS = 200  # every third halves at worst: 66 halvings leave an ulp of any bracket 2^66 ulps wide
ULP = 2.0**-52  # the spacing of floats at one
STEEP = 8.0  # times the value at the lower end: an upper end that is further from zero is no help in the first step
# Of the bracket, a move after which a cell stays: the next error is its power 1.6, below rounding.
ARRIVED = 2.0**-36


def decreasing_root(g: Callable[[Floats], Any], low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Return where `g` passes from positive to negative on [low, high], and the width of the proof.

    Parameters
    ----------
    g : callable
        Weakly decreasing in each cell; takes and returns arrays of the batch's shape.
    low, high : ndarray
        Ends of the interval, `low <= high`.

    Returns
    -------
    root : ndarray
        The crossing; `low` where g is nowhere positive and `high` where it is nowhere negative.
    width : ndarray
        Width of the last interval on whose ends g was seen with opposite signs; 0 at the ends of the interval
        and NaN where g is NaN.
    """
    with np.errstate(all="ignore"):
        a, b = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
        ga, gb = (np.asarray(g(x), dtype=float) for x in (a, b))
        inside = (ga > 0) & (gb < 0)
        corner = np.where(ga <= 0, a, b), np.where(np.isnan(ga) | np.isnan(gb), np.nan, 0.0)
        if not inside.any():
            return corner
        root = _secant(g, a, b, ga, gb)
        # A proof: opposite signs a few units in the last place on either side.
        hair = 8 * ULP * np.maximum(np.abs(a), np.abs(b))
        left, right = np.maximum(root - hair, a), np.minimum(root + hair, b)
        width = np.where((g(left) >= 0) & (g(right) <= 0), right - left, 0.0)
        missed = inside & ~(width > 0)
        if missed.any():
            root = np.array(root)
            only = _only(g, root, missed)
            root[missed], width[missed] = _shrink(only, a[missed], b[missed], ga[missed], gb[missed])
    return np.where(inside, root, corner[0]), np.where(inside, width, corner[1])


def _secant(g: Callable[[Floats], Any], a: Floats, b: Floats, ga: Floats, gb: Floats) -> Floats:
    """Return a candidate per cell, without a proof: a cell that arrives stays where it is.

    The first step is from the middle along the line through an end: the upper one if the zero is there.
    """
    x = a + (b - a) / 2
    gx = np.asarray(g(x), dtype=float)
    above = (gx > 0) & (gb >= -STEEP * ga)
    old, g_old, arrived = np.where(above, b, a), np.where(above, gb, ga), np.zeros(x.shape, dtype=bool)
    for step in range(SECANT_STEPS):
        if step:
            gx = np.asarray(g(x), dtype=float)
        slope = gx - g_old
        new = np.where(arrived | (slope == 0), x, np.clip(x - (x - old) * gx / slope, a, b))
        arrived = np.abs(new - x) <= ARRIVED * (b - a)
        old, g_old, x = x, gx, new
        if arrived.all():
            break
    return x


def _only(
    g: Callable[[Floats], Floats], everywhere: Floats, cells: NDArray[np.bool_]
) -> Callable[[Floats], Floats]:
    """Return `g` as a function of the chosen cells alone."""

    def restricted(x: Floats) -> Floats:
        point = np.array(everywhere)
        point[cells] = x
        return np.asarray(g(point), dtype=float)[cells]

    return restricted


def _shrink(
    g: Callable[[Floats], Floats], a: Floats, b: Floats, ga: Floats, gb: Floats | float = -np.inf
) -> tuple[Floats, Floats]:
    """Shrink the brackets [a, b] until each is as narrow as floats allow."""
    live = np.ones(a.shape, dtype=bool)
    tolerance = 2 * ULP * np.maximum(np.abs(a), np.abs(b))
    nudge = 0.45 * tolerance
    x, before, last = a, b - a, np.zeros(a.shape, dtype=np.int8)
    for step in range(BRACKET_STEPS):
        x = b - gb * ((b - a) / (gb - ga))
        x = np.where(np.isfinite(x), x, a + (b - a) / 2)
        if step % 3 == 2:
            x = np.where(2 * (b - a) > before, a + (b - a) / 2, x)
            before = b - a
        # At least a hair inside either end: once the near end has arrived, the far one follows in a step.
        x = np.minimum(np.maximum(x, a + nudge), b - nudge)
        gx = g(x)
        up, down = live & (gx >= 0), live & (gx <= 0)
        # The retained end's value is scaled down when the same end moves twice (Anderson and Björck's factor).
        gb = np.where(up & (last == 1), gb * _factor(gx, ga), gb)
        ga = np.where(down & (last == -1), ga * _factor(gx, gb), ga)
        a, ga = np.where(up, x, a), np.where(up, gx, ga)
        b, gb = np.where(down, x, b), np.where(down, gx, gb)
        last = up.astype(np.int8) - down
        live = live & (b - a > tolerance) & (up | down)
        if not live.any():
            break
    return a + (b - a) / 2, np.where(live, np.nan, b - a)


def _factor(new: Floats, old: Floats) -> Floats:
    ratio = 1 - new / old
    return np.where(ratio > 0, ratio, 0.5)
