"""Levels that hold all payoffs because affine bounds of the levels, in rationals, push them there from far outside."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bargaining._arrays import Floats

_ROUNDED = 1e-12  # of the terms of a sum: floats are a hundred times as good
_PAD = Fraction(1, 10**11)  # how far faces are moved out, in their own speeds
_ZERO = Fraction(0)

Bound = tuple[Fraction, list[tuple[int, Fraction]]]
"""alpha, and beta as pairs of a half-plane and its weight."""


def levels_proved(
    bounds: list[list[Bound]], start: Floats, near: Floats, speeds: Floats, *, pad: Fraction = _PAD
) -> list[Fraction] | None:
    """Return levels a little above `near` that contain every payoff below `start`; None if bounds do not prove it."""
    given, z = ([Fraction(x) for x in array.tolist()] for array in (near, speeds))
    over = (value_of(each, given) - given[j] for j, some in enumerate(bounds) for each in some)
    out = 2 * max(_ZERO, *over) + pad
    levels = [level + out * each for level, each in zip(given, z, strict=True)]
    return levels if contracts(bounds, [Fraction(x) for x in start.tolist()], levels, z) else None


def value_of(bound: Bound, levels: list[Fraction]) -> Fraction:
    """Return a bound at some levels."""
    return bound[0] + sum((weight * levels[k] for k, weight in bound[1]), _ZERO)


class Rough:
    """Bounds in floats, with the most that rounding can hide: they show which ones need not be computed exactly."""

    def __init__(self, bounds: list[list[Bound]]) -> None:
        from scipy.sparse import csr_matrix

        every = [bound for some in bounds for bound in some]
        self.ends = np.cumsum([0, *(len(some) for some in bounds)]).tolist()
        self.owners = np.repeat(np.arange(len(bounds)), [len(some) for some in bounds])
        self.constants = np.array([float(constant) for constant, _ in every])
        entries = [(k, face, float(weight)) for k, (_, beta) in enumerate(every) for face, weight in beta]
        rows, columns, weights = zip(*entries, strict=True) if entries else ((), (), ())
        self.weights = csr_matrix((weights, (rows, columns)), (len(every), len(bounds)), dtype=float)

    def of(self, face: int) -> slice:
        """Return which bounds are those of a level."""
        return slice(self.ends[face], self.ends[face + 1])

    def between(self, levels: list[Fraction], *, own: bool = False) -> tuple[Floats, Floats]:
        """Return numbers between which the bounds lie at some levels; with `own`, each one's own level lies."""
        x = np.array([float(level) for level in levels])
        values, size = self.constants + self.weights @ x, np.abs(self.constants) + self.weights @ np.abs(x)
        if own:
            values, size = x[self.owners], np.abs(x[self.owners])
        return values - _ROUNDED * (1.0 + size), values + _ROUNDED * (1.0 + size)


def contracts(bounds: list[list[Bound]], start: list[Fraction], x: list[Fraction], z: list[Fraction]) -> bool:
    """Whether all bounds at levels x + e z, none above the start, lie below x + e z for every e > 0, and at e = 0."""
    most = max((s - level) / each for s, level, each in zip(start, x, z, strict=True))
    rough = Rough(bounds)
    clear = rough.between(start)[1] < rough.between(x, own=True)[0]
    for j, some in enumerate(bounds):
        for bound, below in zip(some, clear[rough.of(j)].tolist(), strict=True):
            if below or value_of(bound, start) <= x[j]:
                continue
            over = value_of(bound, x) - x[j]
            faster = sum((weight * z[k] for k, weight in bound[1]), _ZERO) - z[j]
            if over > 0 or over + max(most, _ZERO) * faster > 0 or (over == 0 and faster >= 0):
                return False
    return True
