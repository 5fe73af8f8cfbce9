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

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats

SECANT_STEPS = 9  # they more than double the digits in two steps; where they do not, a bracket takes over
BRACKET_STEPS = 200  # every third halves at worst: 66 halvings leave an ulp of any bracket 2^66 ulps wide
ULP = 2.0**-52  # the spacing of floats at one
STEEP = 8.0  # times the value at the lower end: an upper end that is further from zero is no help in the first step
ARRIVED = (
    2.0**-36
)  # of the bracket, a move after which a cell stays: the next error is its power 1.6, below rounding
BLOCK = (
    2**13
)  # entries done together: a dozen arrays of them fit in a core's cache, which saves most of the time


def decreasing_root(g: Callable[[Floats], Floats], low: Floats, high: Floats) -> tuple[Floats, Floats]:
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
        ga, gb = np.asarray(g(a), dtype=float), np.asarray(g(b), dtype=float)
        inside = (ga > 0) & (gb < 0)
        if not inside.any():
            return np.where(ga <= 0, a, b), np.where(np.isnan(ga) | np.isnan(gb), np.nan, 0.0)
        root, width = secant(g, a, b, ga, gb)
        missed = inside & ~(width > 0)
        if missed.any():
            root, width = np.array(root), np.array(width)
            root[missed], width[missed] = _shrink(
                _only(g, root, missed), a[missed], b[missed], ga[missed], gb[missed]
            )
        if not inside.all():
            corner, none = np.where(ga <= 0, a, b), np.where(np.isnan(ga) | np.isnan(gb), np.nan, 0.0)
            root, width = np.where(inside, root, corner), np.where(inside, width, none)
    return root, width


def secant(
    g: Callable[[Floats], Floats], a: Floats, b: Floats, ga: Floats, gb: Floats | float = -np.inf
) -> tuple[Floats, Floats]:
    """Return a candidate per cell and the width of its proof, 0 where there is none; `gb` may be left out."""
    small, old = ARRIVED * (b - a), a + (b - a) / 2
    g_old = g(old)
    x = by_blocks(_first, old, g_old, a, b, ga, gb, small)
    for _ in range(SECANT_STEPS):
        if all((np.abs(new - last) <= least).all() for new, last, least in blocks(x, old, small)):
            break
        gx = g(x)
        old, g_old, x = x, gx, by_blocks(_next, x, old, gx, g_old, a, b, small)
    left, right = by_blocks(_before, x, a, b), by_blocks(_after, x, a, b)
    return x, by_blocks(_proved, left, right, g(left), g(right))


def _proved(left: Floats, right: Floats, before: Floats, after: Floats) -> Floats:
    return np.where((before >= 0) & (after <= 0), right - left, 0.0)


def _before(x: Floats, a: Floats, b: Floats) -> Floats:
    return np.maximum(x - 8 * ULP * np.maximum(np.abs(a), np.abs(b)), a)


def _after(x: Floats, a: Floats, b: Floats) -> Floats:
    return np.minimum(x + 8 * ULP * np.maximum(np.abs(a), np.abs(b)), b)


def _first(x: Floats, gx: Floats, a: Floats, b: Floats, ga: Floats, gb: Floats, small: Floats) -> Floats:
    """Return where the line through the middle and an end is zero: the upper end if the zero is there."""
    above = (gx > 0) & (gb >= -STEEP * ga)
    return _next(x, np.where(above, b, a), gx, np.where(above, gb, ga), a, b, small)


def _next(x: Floats, old: Floats, gx: Floats, g_old: Floats, a: Floats, b: Floats, small: Floats) -> Floats:
    """Return where the line through the last two points is zero, within [a, b]; an arrived cell stays where it is."""
    slope = gx - g_old
    slope += slope == 0
    step = x - old
    moving = np.abs(step) > small
    step *= gx
    step /= slope
    step *= moving
    return np.minimum(np.maximum(x - step, a), b)


def blocks(*arrays: Floats | float) -> Iterator[tuple[Any, ...]]:
    """Cut arrays that broadcast together into pieces that fit in the cache; single numbers stay whole."""
    if max(map(np.size, arrays)) <= BLOCK:
        yield arrays
        return
    shape = np.broadcast_shapes(*map(np.shape, arrays))
    flat = [np.broadcast_to(a, shape).reshape(-1) for a in arrays]
    for start in range(0, math.prod(shape), BLOCK):
        yield tuple([a[start : start + BLOCK] for a in flat])


def by_blocks(f: Callable[..., Floats], *arrays: Floats | float) -> Floats:
    """Return an elementwise function of arrays that broadcast together, evaluated block by block."""
    if max(map(np.size, arrays)) <= BLOCK:
        return f(*arrays)
    out, start = np.empty(np.broadcast_shapes(*map(np.shape, arrays))), 0
    for part in blocks(*arrays):
        out.reshape(-1)[start : start + BLOCK] = f(*part)
        start += BLOCK
    return out


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
