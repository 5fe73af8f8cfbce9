"""Where a condition on the slope of a concave function passes zero, from the function's values alone.

Secant steps with rough slopes come near it. From there on slopes are as accurate as values allow, and a bracket is cut
in turn at the secant of the condition, which closes in where the function is smooth, and where the tangents of its ends
meet: if one kink lies between them, that is the kink. A kink is the answer if the condition is positive with the slope
to its left and negative with the one to its right. No cell's path depends on another cell's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.feasible._differences import Slopes, Values, slopes
from bargaining.feasible._root import ULP, secant

Condition = Callable[[Floats, Floats, Floats], Floats]
"""Takes x, the function there and a slope; increases in the slope and, along the function, decreases in x."""
Cells = NDArray[np.bool_]

ROUGH = 2.0**-20  # step of the rough slopes, of the interval: truncation and rounding cost about the same
WIDER = 64.0  # by how much the search for the other end of a bracket grows at a time
STEPS = 150
SHARP = 1e-11  # errors of a kink's slopes, of their difference, with which it is where it seems to be, to rounding
CLEAR = 1e-12  # relative error of a slope with which a condition that is zero up to this error is zero


def balance(
    condition: Condition, values: Values, low: Floats, high: Floats, domain: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """Return where `condition` passes zero on [low, high], and the width of the proof.

    Parameters
    ----------
    condition : callable
    values : callable
        The concave function, for arguments with one more axis before.
    low, high : ndarray, shape (...)
    domain : pair of ndarray, shape (...)
        Where the function is defined.

    Returns
    -------
    x : ndarray, shape (...)
        `low` where the condition is nowhere positive, `high` where it is nowhere negative.
    width : ndarray, shape (...)
        Of the last interval at whose ends the condition was seen with opposite signs, 0 where it was seen to be zero
        up to the errors of slopes; NaN where neither was found.
    """
    shape = np.shape(low)
    low, high, *ends = np.broadcast_arrays(low, high, *domain)
    low, high, first, last = (np.atleast_1d(np.asarray(a, dtype=float)) for a in (low, high, *ends))
    with np.errstate(all="ignore"):
        x, width = _closed(_Look(condition, values, low, high, first, last))
    return x.reshape(shape)[()], width.reshape(shape)[()]


def off_balance(condition: Condition, x: Floats, y: Floats, at: Slopes) -> Floats:
    """Return by how much a condition misses zero with every slope at x, plus what the errors of slopes make of it."""
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
    """Return the condition; where the function has no such side, infinity with the slope's sign."""
    none = np.isinf(slope)
    return np.where(none, slope, condition(x, y, np.where(none, 0.0, slope)))


class _Look:
    """What can be seen at some points: the function, a slope, and the condition, for those cells that still search."""

    def __init__(
        self, condition: Condition, values: Values, low: Floats, high: Floats, first: Floats, last: Floats
    ) -> None:
        self.condition, self.values = condition, values
        self.low, self.high, self.first, self.last = low, high, first, last

    def rough(self, x: Floats) -> Floats:
        """Return the condition by one wide difference."""
        step = (self.last - self.first) * ROUGH
        nodes = np.stack((np.maximum(x - step, self.first), np.minimum(x + step, self.last), x))
        before, after, here = self.values(nodes)
        return self.condition(x, here, (after - before) / (nodes[1] - nodes[0]))

    def sharp(self, x: Floats, live: Cells) -> Floats:
        """Return the function, a slope and the condition, 0 where that is what it is; shape (3, live cells)."""

        def asked(nodes: Floats) -> Floats:
            whole = np.repeat(x[None], len(nodes), axis=0)
            whole[:, live] = nodes
            return self.values(whole)[:, live]

        here = np.array(self.values(x[None])[0])

        def judged(slope: Floats) -> Floats:
            whole = np.zeros(x.shape)
            whole[live] = slope
            return self.condition(x, here, whole)[live]

        at = slopes(asked, x[live], self.first[live], self.last[live])
        at = at.within(x[live] > self.low[live], x[live] < self.high[live])
        slope, error = at.best()
        value = judged(slope)
        doubt = np.maximum(np.abs(judged(slope + error) - value), np.abs(judged(slope - error) - value))
        before, after = (
            np.where(np.isinf(s), s, judged(np.where(np.isinf(s), 0.0, s))) for s in (at.left, at.right)
        )
        kink = at.left > at.right
        zero = np.where(
            kink,
            (at.vague <= SHARP) & (before >= 0) & (after <= 0),
            (np.abs(value) <= doubt) & (error <= CLEAR * np.abs(slope)),
        )
        return np.stack((here[live], slope, np.where(zero, 0.0, value)))


def _closed(look: _Look) -> tuple[Floats, Floats]:
    """Close brackets around the points sought."""
    low, high = look.low, look.high
    x = secant(look.rough, low, high, look.rough(low))[0]
    x = np.where(np.isfinite(x), x, low + (high - low) / 2)
    a, b, width, live = low, high, np.full(x.shape, np.nan), np.ones(x.shape, dtype=bool)
    # The function, its slope and the condition at the ends; NaN where they were not asked for.
    at_a, at_b = np.full((3, *x.shape), np.nan), np.full((3, *x.shape), np.nan)
    reach, before = (look.last - look.first) * ROUGH, high - low
    for step in range(STEPS):
        seen = np.full((3, *x.shape), np.nan)
        seen[:, live] = look.sharp(x, live)
        up, down, zero = seen[2] > 0, seen[2] < 0, seen[2] == 0
        a, b = np.where(up, x, a), np.where(down, x, b)
        at_a, at_b = np.where(up, seen, at_a), np.where(down, seen, at_b)
        closed = b - a <= 2 * ULP * np.maximum(np.abs(a), np.abs(b))
        width = np.where(live & zero, 0.0, np.where(live & closed, b - a, width))
        live = live & (up | down) & ~closed
        if not live.any():
            break
        new = _next(step, a, b, at_a, at_b)
        if step % 3 == 2:
            new, before = np.where(2 * (b - a) > before, a + (b - a) / 2, new), b - a
        new = np.where(np.isnan(at_b[2]), np.minimum(a + reach, high), new)
        new = np.where(np.isnan(at_a[2]), np.maximum(b - reach, low), new)
        reach = reach * WIDER
        x = np.where(live, new, x)
    return x, width


def _next(step: int, a: Floats, b: Floats, at_a: Floats, at_b: Floats) -> Floats:
    """Return where the secant of the condition is zero, or where the tangents meet: a hair inside the bracket."""
    apart = b - a
    if step % 2 == 0:
        new = b - at_b[2] * (apart / (at_b[2] - at_a[2]))
    else:
        new = a + (at_b[0] - at_a[0] - at_b[1] * apart) / (at_a[1] - at_b[1])
    new = np.where(np.isfinite(new), new, a + apart / 2)
    hair = 0.9 * ULP * np.maximum(np.abs(a), np.abs(b))
    return np.minimum(np.maximum(new, a + hair), b - hair)
