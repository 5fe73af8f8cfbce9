"""Roots of decreasing functions and slopes of concave ones, cell by cell: the numerics of smooth frontiers.

*Roots* are found by the regula falsi of Anderson and Björck (1973), with a bisection whenever three steps have not
halved the bracket. No cell's path depends on another cell's.

*Slopes* on either side of a point come from values alone. The differences :math:`(f(x) - f(x - h))/h` for steps that
are halved again and again are extrapolated to a step of zero (Richardson), with an error for each extrapolation; the
one with the smallest is taken. If the slopes of both sides agree, the function is smooth, and central differences, in
powers of :math:`h^2`, are tried too; if they do not, there is a kink, and each side has its own slope.

References
----------
Anderson, N. and Björck, Å. (1973). A new high order method of regula falsi type for computing a root of an equation.
*BIT* 13(3), 253-264. doi:10.1007/BF01951936
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import EPS, Floats

STEPS = 200  # every third halves at worst: 66 halvings leave an ulp of any bracket 2^66 ulps wide


def decreasing_root(g: Callable[[Floats], Any], low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Return where `g` passes from positive to negative on [low, high], and the width of the proof.

    `g` is weakly decreasing in each cell, from and to arrays of the batch's shape. The root is `low` where g is nowhere
    positive and `high` where it is nowhere negative. A jump through zero counts, which is what a kink of a frontier
    needs. The width is that of the last interval on whose ends g was seen with opposite signs; 0 at the ends of the
    interval and NaN where g is NaN.
    """
    with np.errstate(all="ignore"):
        a, b = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
        ga, gb = (np.asarray(g(x), dtype=float) for x in (a, b))
        root, width = np.where(ga <= 0, a, b), np.where(np.isnan(ga) | np.isnan(gb), np.nan, 0.0)
        inside = (ga > 0) & (gb < 0)
        if inside.any():
            middle, gap = _shrunk(g, a, b, ga, gb, inside)
            root, width = np.where(inside, middle, root), np.where(inside, gap, width)
    return root, width


def _shrunk(
    g: Callable[[Floats], Any], a: Floats, b: Floats, ga: Floats, gb: Floats, live: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Return the middles and widths of brackets [a, b] once they are as narrow as floats allow."""
    tolerance = 2 * EPS * np.maximum(np.abs(a), np.abs(b))
    nudge = 0.45 * tolerance
    before, last = b - a, np.zeros(live.shape, dtype=np.int8)
    for step in range(STEPS):
        x = b - gb * ((b - a) / (gb - ga))
        x = np.where(np.isfinite(x), x, a + (b - a) / 2)
        if step % 3 == 2:
            x = np.where(2 * (b - a) > before, a + (b - a) / 2, x)
            before = b - a
        # At least a hair inside either end: once the near end has arrived, the far one follows in a step.
        x = np.minimum(np.maximum(x, a + nudge), b - nudge)
        gx = np.asarray(g(x), dtype=float)
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


STEP = 2.0**-2  # the widest step, of the interval; each next one is half as long
LEVELS = (
    47  # steps: near a kink, or where a slope grows without bound, only the shortest are on one side of it
)
ORDERS = 7  # of extrapolation: each order takes wider steps, over which the function must be smooth
LOOSE, FEW = 0.01, 8  # of the slopes of so many chords: with a larger error there is no slope
AGREE = 4.0  # how many times their errors the slopes of both sides may differ on a smooth piece

Values = Callable[[Floats], Floats]
"""Takes arguments on a new first axis and returns the function there."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slopes:
    """The slopes to the left and to the right of some points, and their errors: infinite where there is no such side.

    The slopes of a concave function fall at a kink, so `left` is at least `right`. Where it is smooth they are equal.
    """

    left: Floats
    right: Floats
    left_error: Floats
    right_error: Floats

    def best(self) -> tuple[Floats, Floats]:
        """Return the more accurate of the two slopes, and its error."""
        first = self.left_error < self.right_error
        return np.where(first, self.left, self.right), np.where(first, self.left_error, self.right_error)

    @property
    def vague(self) -> Floats:
        """The errors of the slopes at a kink over their difference: the relative uncertainty of its position."""
        left = np.where(np.isinf(self.left), 0.0, self.left_error)
        right = np.where(np.isinf(self.right), 0.0, self.right_error)
        with np.errstate(invalid="ignore", divide="ignore"):
            vague: Floats = (left + right) / (self.left - self.right)
        return vague

    def within(self, more: NDArray[np.bool_], less: NDArray[np.bool_]) -> Slopes:
        """Return the slopes of the function on an interval: infinite at its left and its right end."""
        return Slopes(
            left=np.where(more, self.left, np.inf),
            right=np.where(less, self.right, -np.inf),
            left_error=np.where(more, self.left_error, np.inf),
            right_error=np.where(less, self.right_error, np.inf),
        )


def extrapolate(
    quotients: Floats, noise: Floats, power: int, orders: int | None = None
) -> tuple[Floats, Floats]:
    """Return the limits of difference quotients (levels, ...) whose steps halve, and their errors.

    Quotients differ from the limit by a series in the step to the `power`; of all extrapolations, of so many `orders`
    at most, that one is taken that differs least from those with one level or one order less, rounding included. The
    errors are infinite where there is none.
    """
    best, error = np.full_like(quotients[0], np.nan), np.full_like(quotients[0], np.inf)
    row: list[Any] = []
    for k, quotient in enumerate(quotients):
        last, row = row[:orders], [quotient]
        for j, coarser in enumerate(last):
            row.append(row[j] + (row[j] - coarser) / (2.0 ** (power * (j + 1)) - 1.0))
            off = np.fmax(np.abs(row[-1] - row[j]), np.abs(row[-1] - coarser)) + noise[k]
            better = off < error
            best, error = np.where(better, row[-1], best), np.where(better, off, error)
    return best, error


def slopes(values: Values, x: Floats, low: Floats, high: Floats) -> Slopes:
    """Return the slopes of a concave function on either side of points x of [low, high], within which it is asked."""
    x, low, high = (np.asarray(a, dtype=float) for a in np.broadcast_arrays(x, low, high))
    unit: Floats = np.exp2(np.floor(np.log2(high - low)))  # powers of two: hardly any x + h is rounded
    h = STEP * 0.5 ** np.arange(LEVELS)[:, *(None,) * x.ndim] * unit
    beside = np.stack((x - h, x + h))
    inside = (beside >= low) & (beside <= high)
    y = values(np.concatenate((*np.where(inside, beside, x), x[None])))
    with np.errstate(all="ignore"):
        sides = np.where(inside, (y[:-1].reshape(beside.shape) - y[-1]) / (beside - x), np.nan)
        steep = np.fmax.reduce(np.where(np.isfinite(sides), np.abs(sides), 0.0), axis=(0, 1))
        noise = EPS * (np.abs(y[-1]) + np.abs(x) * steep) / h
        (left, left_error), (right, right_error), (middle, middle_error) = (
            extrapolate(part, noise, power, ORDERS)
            for part, power in ((sides[0], 1), (sides[1], 1), (sides.mean(axis=0), 2))
        )
        # Where differences do not settle the slope grows without bound: it is beyond that of every chord.
        most = LOOSE * np.fmax.reduce(np.abs(sides[:, :FEW]), axis=(0, 1))
        left = np.where(left_error > most, np.fmin.reduce(sides[0]), left)
        right = np.where(right_error > most, np.fmax.reduce(sides[1]), right)
        left_error, right_error = (np.where(e > most, np.inf, e) for e in (left_error, right_error))
        smooth = np.abs(left - right) <= AGREE * (left_error + right_error)
        smooth |= (np.isnan(left) & (x > low)) | (np.isnan(right) & (x < high))  # too close to an end
    slope, error = Slopes(left=left, right=right, left_error=left_error, right_error=right_error).best()
    slope, error = (np.where(middle_error < error, a, b) for a, b in ((middle, slope), (middle_error, error)))
    return Slopes(
        left=np.where(smooth, slope, left),
        right=np.where(smooth, slope, right),
        left_error=np.where(smooth, error, left_error),
        right_error=np.where(smooth, error, right_error),
    ).within(x > low, x < high)


Condition = Callable[[Floats, Floats, Floats], Floats]
"""Takes x, the function there and a slope; increases in the slope and, along the function, decreases in x."""


def off_balance(condition: Condition, x: Floats, y: Floats, at: Slopes) -> Floats:
    """Return the distance of a condition from zero with every slope at x, plus the effect of the errors of slopes."""
    with np.errstate(all="ignore"):
        before, after = _bound(condition, x, y, at.left), _bound(condition, x, y, at.right)
        missed = np.maximum(np.maximum(after, -before), 0.0)
        slope, error = at.best()
        doubt = np.abs(condition(x, y, slope + error) - condition(x, y, slope - error)) / 2
        inside = (at.left > at.right) & (missed == 0)
        # A kink beside x spoils the slope to its side by its distance over the step, which is a quarter at most.
        vague = np.where(np.isinf(before - after), 0.0, np.abs(before - after) * at.vague / 4)
        return np.asarray(missed + np.where(inside, vague, doubt))


def _bound(condition: Condition, x: Floats, y: Floats, slope: Floats) -> Floats:
    """Return the condition; at an end of the interval, infinity with the slope's sign."""
    none = np.isinf(slope)
    return np.where(none, slope, condition(x, y, np.where(none, 0.0, slope)))
