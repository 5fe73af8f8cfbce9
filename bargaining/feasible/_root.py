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
from dataclasses import dataclass
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
# entries done together: a dozen arrays of them fit in the cache, and a call costs little beside their arithmetic
BLOCK = 2**15


def decreasing_root(
    g: Callable[[Floats], Any], low: Floats, high: Floats, *, rule: Blockwise | None = None
) -> tuple[Floats, Floats]:
    """Return where `g` passes from positive to negative on [low, high], and the width of the proof.

    Parameters
    ----------
    g : callable
        Weakly decreasing in each cell; takes and returns arrays of the batch's shape.
    low, high : ndarray
        Ends of the interval, `low <= high`.
    rule : Blockwise, optional
        Makes the decreasing function of x and the arrays that `g` then returns, `rule(x, *g(x))`; it saves passes over
        large batches.

    Returns
    -------
    root : ndarray
        The crossing; `low` where g is nowhere positive and `high` where it is nowhere negative.
    width : ndarray
        Width of the last interval on whose ends g was seen with opposite signs; 0 at the ends of the interval
        and NaN where g is NaN.
    """
    with np.errstate(all="ignore"):
        a, b, asked = np.asarray(low, dtype=float), np.asarray(high, dtype=float), _Asked(g, rule)
        ga, gb = asked(a), asked(b)
        inside = (ga > 0) & (gb < 0)
        if not inside.any():
            return np.where(ga <= 0, a, b), np.where(np.isnan(ga) | np.isnan(gb), np.nan, 0.0)
        root = _secant(asked, a, b, ga, gb)
        left, right = by_blocks(_around, root, a, b)
        width = asked.then(_proved, right, left, asked(left))
        missed = inside & ~(width > 0)
        if missed.any():
            root, width = np.array(root), np.array(width)
            root[missed], width[missed] = _shrink(
                _only(asked, root, missed), a[missed], b[missed], ga[missed], gb[missed]
            )
        if not inside.all():
            corner, none = np.where(ga <= 0, a, b), np.where(np.isnan(ga) | np.isnan(gb), np.nan, 0.0)
            root, width = np.where(inside, root, corner), np.where(inside, width, none)
    return root, width


@dataclass(frozen=True, slots=True, eq=False)
class Blockwise:
    """An elementwise function whose last arguments are known, called block by block."""

    function: Callable[..., Any]
    last: tuple[Floats | float, ...] = ()

    def __call__(self, *first: Floats | float) -> Any:
        """Return the function, or the several that it returns."""
        return by_blocks(self.function, *first, *self.last)


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """A function of x, of which further elementwise steps go over each block while it is in the cache."""

    g: Callable[[Floats], Any]
    rule: Blockwise | None

    def __call__(self, x: Floats) -> Floats:
        return np.asarray(self.g(x) if self.rule is None else self.rule(x, *self.g(x)), dtype=float)

    def then(self, step: Callable[..., Any], x: Floats, *more: Floats | float) -> Any:
        """Return `step(g(x), x, *more)`."""
        if self.rule is None:
            return by_blocks(step, self(x), x, *more)
        function, known = self.rule.function, (*self.g(x), *self.rule.last)

        def both(x: Floats, *rest: Floats) -> Any:
            return step(function(x, *rest[: len(known)]), x, *rest[len(known) :])

        return by_blocks(both, x, *known, *more)


def _secant(g: _Asked, a: Floats, b: Floats, ga: Floats, gb: Floats | float) -> Floats:
    """Return a candidate per cell, without a proof."""
    x: Floats
    old, small = a + (b - a) / 2, ARRIVED * (b - a)
    g_old, x, arrived = g.then(_first, old, a, b, ga, gb, small)
    for _ in range(SECANT_STEPS):
        if arrived.all():
            break
        gx, new, arrived = g.then(_next, x, old, g_old, arrived, a, b, small)
        old, g_old, x = x, gx, new
    return x


def _around(x: Floats, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return the ends of an interval around x that is a few units in the last place wide."""
    hair = 8 * ULP * np.maximum(np.abs(a), np.abs(b))
    return np.maximum(x - hair, a), np.minimum(x + hair, b)


def _proved(after: Floats, right: Floats, left: Floats, before: Floats) -> Floats:
    """Return the width of an interval where values at its ends have opposite signs, else 0."""
    return np.where((before >= 0) & (after <= 0), right - left, 0.0)


def _first(
    gx: Floats, x: Floats, a: Floats, b: Floats, ga: Floats, gb: Floats | float, small: Floats
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Take the step from the middle along the line through an end: the upper one if the zero is there."""
    above = (gx > 0) & (gb >= -STEEP * ga)
    return _next(gx, x, np.where(above, b, a), np.where(above, gb, ga), np.False_, a, b, small)


def _next(
    gx: Floats,
    x: Floats,
    old: Floats,
    g_old: Floats,
    arrived: NDArray[np.bool_] | np.bool_,
    a: Floats,
    b: Floats,
    small: Floats,
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return g(x), where the line through the last two points is zero within [a, b], and whether this has arrived.

    A cell that had arrived stays where it is, and so does one without a slope.
    """
    slope = gx - g_old
    step = x - old
    step *= gx
    step /= slope
    new = np.minimum(np.maximum(x - step, a), b)
    stays = arrived | (slope == 0)
    if stays.any():
        new = np.where(stays, x, new)
    return gx, new, np.abs(new - x) <= small


def blocks(*arrays: Floats | float) -> Iterator[tuple[Any, ...]]:
    """Cut arrays that broadcast together into pieces that fit in the cache; single numbers stay whole."""
    if max(map(np.size, arrays)) <= BLOCK:
        yield arrays
        return
    shape = np.broadcast_shapes(*map(np.shape, arrays))
    flat = [(a, None) if np.ndim(a) == 0 else (None, np.broadcast_to(a, shape).reshape(-1)) for a in arrays]
    for start in range(0, math.prod(shape), BLOCK):
        here = slice(start, start + BLOCK)
        yield tuple([one if many is None else many[here] for one, many in flat])


def by_blocks(f: Callable[..., Any], *arrays: Floats | float) -> Any:
    """Return an elementwise function of arrays that broadcast together, evaluated block by block.

    If the function returns several arrays, so does this.
    """
    if max(map(np.size, arrays)) <= BLOCK:
        return f(*arrays)
    shape, whole = np.broadcast_shapes(*map(np.shape, arrays)), []
    start = 0
    for part in blocks(*arrays):
        found = f(*part)
        pieces = found if isinstance(found, tuple) else (found,)
        if not start:
            whole = [np.empty(math.prod(shape), piece.dtype) for piece in pieces]
        for out, piece in zip(whole, pieces, strict=True):
            out[start : start + BLOCK] = piece
        start += BLOCK
    whole = [out.reshape(shape) for out in whole]
    return tuple(whole) if isinstance(found, tuple) else whole[0]


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
