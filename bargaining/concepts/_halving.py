"""Where the integral of a positive function is halved: quadrature that bears infinite slopes and kinks.

All cells of a batch share the nodes of a double-exponential rule (Takahasi and Mori 1974), which is exact to rounding
where the function is smooth inside the interval, whatever it does at the ends. A cell with a kink inside shows by two
rules that disagree, and is integrated again over intervals halved until they agree.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from bargaining._arrays import Floats
from bargaining.feasible._root import decreasing_root

Density = Callable[[Floats], Floats]
"""Takes arguments of shape (m, *batch) and returns the function there."""
Lengths = Callable[[Floats, Floats], Floats]
"""Takes the ends of some intervals of one cell and returns the integrals over them."""
Rule = tuple[Floats, Floats, Floats]

EPS = float(np.finfo(float).eps)
STEPS = 60  # halvings: the digits of a float, and a few
DEPTH = 60  # halvings of an interval around a kink, to the spacing of floats
AGREED = 1e-15  # of the length: where two rules differ by less they are both right
LEAVES = 2000  # intervals: what needs more is not piecewise smooth
BLOCK = 2**18  # numbers in a pass
NEAR = 1e-8  # of the interval from its upper end, within which an infinite slope follows a power law


def _rule(step: float) -> Rule:
    """Return nodes on (0, 1), their distances from 1, and weights."""
    t = np.arange(-4.0, 4.0 + step / 2, step)
    reach = np.pi * np.sinh(t)
    weights = step * np.pi * np.cosh(t) / ((1 + np.exp(reach)) * (1 + np.exp(-reach)))
    return 1 / (1 + np.exp(-reach)), 1 / (1 + np.exp(reach)), weights


COARSE, FINE = _rule(1 / 16), _rule(1 / 32)


def _lobatto(count: int) -> tuple[Floats, Floats]:
    """Return the nodes and weights of Gauss' rule on [-1, 1] with both ends among the nodes."""
    basis = np.polynomial.legendre.Legendre.basis(count - 1)
    nodes = np.concatenate(([-1.0], np.sort(basis.deriv().roots().real), [1.0]))
    return nodes, 2 / (count * (count - 1) * basis(nodes) ** 2)


LOBATTO = _lobatto(15)  # without the ends, a kink between an end and the first node would go unseen


def integrate(density: Density, low: Floats, high: Floats, *, rule: Rule = COARSE) -> Floats:
    """Return the integral of a density over [low, high], cell by cell.

    Floats do not resolve the last bit before an end where the density is infinite; there it is extrapolated as a power
    of the distance.
    """
    width, total = high - low, np.zeros(low.shape)
    with np.errstate(all="ignore"):
        at, before = density(high - NEAR * width), density(high - 4 * NEAR * width)
        power = np.where(at > 1.05 * before, np.log(at / before) / np.log(4.0), 0.0)
        column = (-1, *(1,) * low.ndim)
        rows = max(1, BLOCK // max(1, low.size))
        for start in range(0, len(rule[0]), rows):
            near, far, weights = (part[start : start + rows].reshape(column) for part in rule)
            values = density(np.where(near < 0.5, low + width * near, high - width * far))
            if far[-1] < NEAR and power.any():
                values = np.where((far < NEAR) & (power > 0), at * (NEAR / far) ** power, values)
            for term in np.where(np.isfinite(values), weights * values, 0.0):  # in an order free of the batch
                total = total + term
    whole: Floats = width * total
    return whole


def halve(density: Density, other: Density, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Return where the integral is halved, and how far that is in doubt, over the whole.

    The doubt is by how much the halves differ by a finer rule with the `other` density, which is off by the error of
    the first if there is one, and by how much these differ from what was used.
    """
    a, b, x = low, high, low + (high - low) / 2
    live = np.ones(low.shape, dtype=bool)
    for _ in range(STEPS):
        left, right = integrate(density, low, x), integrate(density, x, high)
        live = live & (np.abs(right - left) > 4 * EPS * (left + right))
        if not live.any():
            break
        a, b = np.where(left < right, x, a), np.where(left > right, x, b)
        with np.errstate(all="ignore"):
            new = x + (right - left) / (2 * density(x))
        x = np.where(live, np.where((new > a) & (new < b), new, a + (b - a) / 2), x)
    with np.errstate(all="ignore"):
        again = integrate(other, low, x, rule=FINE), integrate(other, x, high, rule=FINE)
        drift = np.abs(again[0] - left) + np.abs(again[1] - right)
        return x, (np.abs(again[0] - again[1]) + drift) / (left + right)


def halve_with_kinks(
    lengths: Lengths, low: float, high: float, *, agreed: float = AGREED
) -> tuple[float, float]:
    """Return the same for one cell, by intervals halved until they agree; the doubt is the sum of what is open.

    The last bit before the upper end, where the density may be infinite, is a geometric series.
    """
    near = high - NEAR * (high - low)
    lows, highs, parts, error = _leaves(lengths, low, near, agreed)
    lows, highs = np.append(lows, near), np.append(highs, high)
    parts = np.append(parts, _last(lengths, near, high))
    before = np.concatenate(([0.0], np.cumsum(parts)))
    half = before[-1] / 2
    k = int(np.clip(np.searchsorted(before, half) - 1, 0, len(parts) - 1))
    rest = half - before[k]
    x, _ = decreasing_root(
        lambda x: rest - lengths(lows[k : k + 1], np.reshape(x, 1))[0],
        np.asarray(lows[k]),
        np.asarray(highs[k]),
    )
    return float(x), error / before[-1]


def _last(lengths: Lengths, near: float, high: float) -> float:
    """Return the integral up to an end near which the density is a power of the distance."""
    width = high - near
    once, twice = lengths(high - width * np.array([2.0, 4.0]), high - width * np.array([1.0, 2.0]))
    return float(once / (twice / once - 1)) if twice > once > 0 else 0.0


def _leaves(lengths: Lengths, low: float, high: float, agreed: float) -> tuple[Floats, Floats, Floats, float]:
    """Return intervals in order, their integrals, and the sum of what halving each last changed."""
    lows, highs = np.array([low]), np.array([high])
    whole = lengths(lows, highs)
    size, error, done, count = float(whole.sum()), 0.0, [], 0
    for depth in range(DEPTH):
        middle = lows + (highs - lows) / 2
        lows, highs = np.stack((lows, middle), axis=1).ravel(), np.stack((middle, highs), axis=1).ravel()
        halves = lengths(lows, highs)
        off = np.abs(halves[::2] + halves[1::2] - whole)
        settled = (off <= agreed * size) | (middle <= lows[::2]) | (middle >= highs[1::2])
        settled |= (depth == DEPTH - 1) | (count > LEAVES)
        error += float(off[settled].sum())
        leaf = np.repeat(settled, 2)
        done.append(np.stack((lows, highs, halves))[:, leaf])
        count += int(leaf.sum())
        lows, highs, whole = lows[~leaf], highs[~leaf], halves[~leaf]
        if settled.all():
            break
    leaves = np.concatenate(done, axis=1)
    lows, highs, parts = leaves[:, np.argsort(leaves[0], kind="stable")]
    return lows, highs, parts, error


def by_density(density: Density) -> Lengths:
    """Return the integrals of a density by Lobatto's rule; nodes where it is infinite are dropped."""
    nodes, weights = LOBATTO

    def lengths(lows: Floats, highs: Floats) -> Floats:
        half = (highs - lows)[:, None] / 2
        with np.errstate(all="ignore"):
            values = density((lows[:, None] + half + half * nodes).ravel()).reshape(len(lows), -1)
        whole: Floats = (np.where(np.isfinite(values), values, 0.0) * weights * half).sum(axis=1)
        return whole

    return lengths


def by_chords(function: Density, *, levels: int = 5) -> Lengths:
    """Return the integrals of sqrt(-f') from f alone: sums of sqrt(width * fall) of chords, extrapolated (Romberg)."""
    shares = np.arange(2 ** (levels - 1) + 1) / 2 ** (levels - 1)

    def lengths(lows: Floats, highs: Floats) -> Floats:
        x = lows[:, None] + (highs - lows)[:, None] * shares
        y = function(x.ravel()).reshape(x.shape)
        table = []
        for stride in (2**k for k in reversed(range(levels))):
            across, down = np.diff(x[:, ::stride], axis=1), -np.diff(y[:, ::stride], axis=1)
            table.append(np.sqrt(np.maximum(across * down, 0.0)).sum(axis=1))
        for order in range(1, levels):
            table = [b + (b - a) / (4**order - 1) for a, b in pairwise(table)]
        return np.asarray(table[0])

    return lengths
