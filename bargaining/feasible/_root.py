"""Roots of decreasing functions and slopes of concave ones, cell by cell: the numerics of smooth frontiers.

*Roots* are found by the regula falsi of Anderson and Björck (1973), with a bisection whenever three steps have not
halved the bracket. No cell's path depends on another cell's.

*Slopes* on either side of a point come from values alone. The differences :math:`(f(x) - f(x - h))/h` for steps that
are halved again and again are extrapolated to a step of zero (Richardson). Different numbers of steps are tried: many
wide ones where the function is smooth over a long interval, those on one side of a kink, two on a straight piece. The
error of each extrapolation is estimated from the changes by the last step and the last order, and from the rounding of
values; the one with the smallest error is taken. If the slopes of both sides agree, the function is smooth, and central
differences, in powers of :math:`h^2`, are tried too; if they do not, there is a kink, and each side has its own slope.

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

    Parameters
    ----------
    g : callable
        Weakly decreasing in each cell; takes and returns arrays of the batch's shape.
    low, high : ndarray
        Ends of the interval, `low <= high`.

    Returns
    -------
    root : ndarray
        The crossing; `low` where g is nowhere positive and `high` where it is nowhere negative. A jump through zero
        counts, which is what a kink of a frontier needs.
    width : ndarray
        Width of the last interval on whose ends g was seen with opposite signs; 0 at the ends of the interval
        and NaN where g is NaN.
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


WIDE = 0.5 ** np.arange(2.0, 13.0)  # steps tried first, of the interval rounded down to a power of two
# where these are inconclusive: near a kink, or where the slope grows without bound
NARROW = 0.5 ** np.arange(7, 49)
ORDERS = 7  # of extrapolation: each order takes wider steps, over which the function must be smooth
GOOD = 2e-13  # relative error that narrower steps, whose rounding is worse, would hardly improve on
AGREE = 4.0  # how many times their errors the slopes of both sides may differ on a smooth piece
BLOCK = 512  # cells extrapolated together: the tables stay in the processor's cache

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

    def joined(self, where: NDArray[np.bool_]) -> Slopes:
        """Return one slope for both sides where they differ by no more than their errors explain."""
        with np.errstate(invalid="ignore"):
            same = np.abs(self.left - self.right) <= AGREE * (self.left_error + self.right_error)
        (slope, error), same = self.best(), same & where
        return Slopes(
            left=np.where(same, slope, self.left),
            right=np.where(same, slope, self.right),
            left_error=np.where(same, error, self.left_error),
            right_error=np.where(same, error, self.right_error),
        )

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


def slopes(values: Values, x: Floats, low: Floats, high: Floats) -> Slopes:
    """Return the slopes of a concave function on either side of points of an interval.

    Parameters
    ----------
    values : callable
        The function, asked within the interval only.
    x, low, high : ndarray, shape (...)
    """
    x, low, high = (np.asarray(a, dtype=float) for a in np.broadcast_arrays(x, low, high))
    unit: Floats = np.exp2(np.floor(np.log2(high - low)))  # powers of two: hardly any x + h is rounded
    found = _extrapolated(values, x, low, high, WIDE[:, *(None,) * x.ndim] * unit)
    slope, error = found.best()
    unknown = (np.isnan(found.left) & (x > low)) | (np.isnan(found.right) & (x < high))  # close to an end
    doubt = ~(error <= GOOD * np.abs(slope)) | unknown
    if doubt.any():
        near = _extrapolated(values, x, low, high, NARROW[:, *(None,) * x.ndim] * unit)
        found = _closer(found, near, doubt)
        if unknown.any():
            found = found.joined(unknown)
    return found.within(x > low, x < high)


def _closer(one: Slopes, other: Slopes, where: NDArray[np.bool_]) -> Slopes:
    """Return, for each side, the slope with the smaller error."""
    left, right = where & (other.left_error < one.left_error), where & (other.right_error < one.right_error)
    return Slopes(
        left=np.where(left, other.left, one.left),
        right=np.where(right, other.right, one.right),
        left_error=np.where(left, other.left_error, one.left_error),
        right_error=np.where(right, other.right_error, one.right_error),
    )


def _extrapolated(values: Values, x: Floats, low: Floats, high: Floats, h: Floats) -> Slopes:
    """Return the slopes from steps h, wide ones first, shape (m, ...); those that leave the interval do not count."""
    m, before, after = len(h), x - h, x + h
    kept = (before >= low), (after <= high)
    nodes = np.concatenate((np.where(kept[0], before, x), np.where(kept[1], after, x), x[None]))
    y = values(nodes)
    nodes, y = nodes.reshape(len(nodes), -1), y.reshape(len(y), -1)
    inside = np.concatenate(kept).reshape(2 * m, -1)
    found = np.empty((4, x.size))
    for start in range(0, x.size, BLOCK):
        cells = slice(start, start + BLOCK)
        _both_sides(nodes[:, cells], y[:, cells], inside[:, cells], m, found[:, cells])
    left, right, left_error, right_error = found.reshape(4, *x.shape)
    return Slopes(left=left, right=right, left_error=left_error, right_error=right_error)


def _both_sides(nodes: Floats, y: Floats, inside: NDArray[np.bool_], m: int, found: Floats) -> None:
    with np.errstate(all="ignore"):
        step, rise = nodes[:-1] - nodes[-1], y[:-1] - y[-1]
        left, right = step[:m], step[m:]
        # Backward, forward and central differences; steps of the last count by their squares.
        table = np.stack((rise[:m] / left, rise[m:] / right, (rise[m:] - rise[:m]) / (right - left)))
        table[0][~inside[:m]] = table[1][~inside[m:]] = np.nan
        table[2][~(inside[:m] & inside[m:])] = np.nan
        steep = np.fmax.reduce(np.abs(table[:2]), axis=(0, 1))
        noise = EPS * (np.abs(y).max(axis=0) + np.abs(nodes[-1] * np.where(np.isfinite(steep), steep, 0.0)))
        # A concave function's slope lies between those of its chords to the right and those to the left.
        least = np.fmax.reduce(table[1] - 2 * noise / right, axis=0, initial=-np.inf)
        most = np.fmin.reduce(table[0] - 2 * noise / left, axis=0, initial=np.inf)
        powers = np.stack((-left, right, -left * right))
        limit, error = _limits(table, powers, noise / np.stack((-left, right, right - left)), least, most)
        smooth = np.abs(limit[0] - limit[1]) <= AGREE * (error[0] + error[1])
        error[2] = np.where(smooth, error[2], np.inf)
        first = np.argmin(error, axis=0)[None]
        best, lowest = (np.take_along_axis(a, first, axis=0)[0] for a in (limit, error))
        found[:2], found[2:] = np.where(smooth, best, limit[:2]), np.where(smooth, lowest, error[:2])


def _limits(
    table: Floats, powers: Floats, noise: Floats, least: Floats, most: Floats
) -> tuple[Floats, Floats]:
    """Return the limits of three tables of differences, shape (3, m, cells), and their errors."""
    rows, errors = [], []
    for k in range(1, ORDERS + 1):
        share = powers[:, k:] / (powers[:, :-k] - powers[:, k:])
        new = table[:, 1:] + (table[:, 1:] - table[:, :-1]) * share
        noise = noise[:, 1:] + (noise[:, 1:] + noise[:, :-1]) * share
        rows.append(new)
        errors.append(np.maximum(np.abs(new - table[:, 1:]), np.abs(new - table[:, :-1])) + noise)
        table = new
    every, off = np.concatenate(rows, axis=1), np.concatenate(errors, axis=1)
    off[~((every + off >= least) & (every - off <= most))] = np.inf
    best = np.argmin(off, axis=1)[:, None]
    return np.take_along_axis(every, best, axis=1)[:, 0], np.take_along_axis(off, best, axis=1)[:, 0]


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
