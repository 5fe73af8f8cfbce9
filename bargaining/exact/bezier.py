"""Paths of linear systems as Bézier curves in integers over powers of two: the polynomial of a power series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import comb

import numpy as np

from bargaining._rational import Integers
from bargaining.exact.answers import Basis

COARSE = 40  # binary digits of a step


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """The path from a point in powers of time, player by player: x(t) = sum of terms_j t^j, over 2^bits.

    Attributes
    ----------
    terms : (n, m + 1) array of int
    bits : int
    """

    terms: Integers
    bits: int

    @property
    def degree(self) -> int:
        """The power at which the series ends."""
        return int(self.terms.shape[1]) - 1

    def longest(self, digits: int, farthest: int) -> int:
        """Return a step, over 2^bits, after which what the series leaves out is 2^-digits of the first power."""
        powers = [
            (first.bit_length() - digits - last.bit_length()) / place
            for row in self.terms
            for place in (self.degree - 1, self.degree)
            if (first := int(row[1])) and (last := int(row[place]))
        ]
        most = min(powers, default=0.0)
        step = min(int(2.0 ** min(most, 8.0) * 2**COARSE), farthest << COARSE)
        return step << (self.bits - COARSE)

    def shortened(self, step: int) -> Integers:
        """Return the terms of powers of a share s of a step."""
        power, powers = 1 << self.bits, []
        for _ in range(self.degree + 1):
            powers.append(power)
            power = power * step >> self.bits
        scaled: Integers = self.terms * np.array(powers, dtype=object) >> self.bits
        return scaled

    def controls(self, step: int, bits: int) -> Integers:
        """Return the control points after a step, homogeneous and rounded to 2^-bits."""
        terms = self.shortened(step)
        rest = (terms << self.degree) // _binomials(self.degree)
        columns = []
        for _ in range(self.degree + 1):  # the differences at one control point give those at the next
            columns.append(rest[:, 0])
            rest = rest[:, :-1] + rest[:, 1:]
        points = np.stack(columns, axis=1) >> (self.bits + self.degree - bits)
        return np.concatenate((np.full((1, self.degree + 1), 1 << bits, dtype=object), points))


def series(bases: Sequence[Basis | None], point: Integers, degree: int, bits: int) -> Series:
    """Return the path of x' = g(x) from a homogeneous point, where bases give g; others' payoffs stay."""
    scale = int(point[0])
    terms = [(point[1:] << bits) // scale]
    for j in range(degree):
        here = np.concatenate(([1 << bits], terms[0])) if j == 0 else np.concatenate(([0], terms[-1]))
        terms.append(
            np.array(
                [0 if b is None else int(b.gain @ here) // (b.size * (j + 1)) for b in bases], dtype=object
            )
        )
    return Series(np.stack(terms, axis=1), bits)


def first_above(terms: Sequence[int], limit: int, bits: int) -> int:
    """Return an s in [0, 1], over 2^bits, beyond which a polynomial passes a limit that it is within at 0.

    False position, in which the value at an end that stays counts half (Dowell and Jarratt 1971).
    """

    def over(s: int) -> int:
        value = 0
        for term in reversed(terms):
            value = (value * s >> bits) + term
        return value - limit

    low, high = 0, 1 << bits
    below, above, last = min(over(low), -1), over(high), 0
    if above <= 0:
        return high
    while high - low > 1:
        middle = min(max(low + (high - low) * below // (below - above), low + 1), high - 1)
        value = over(middle)
        if value <= 0:
            low, below, above = middle, min(value, -1), max(above // 2, 1) if last < 0 else above
        else:
            high, above, below = middle, value, min(-(-below // 2), -1) if last > 0 else below
        last = value if value else -1
    return low


@cache
def _binomials(degree: int) -> Integers:
    return np.array([comb(degree, j) for j in range(degree + 1)], dtype=object)
