"""Deals whose gains are minima of lines, with exact Nash solutions by enumeration of their pieces, in rationals."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import log

import numpy as np

from bargaining import BilateralDeal

Line = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Lines:
    """A concave gain: the smallest of a + b x + c . contracts over its lines (a, b, c)."""

    lines: tuple[tuple[float, float, tuple[float, ...]], ...]

    def __call__(self, x, contracts):
        """Return the gain in floats, at one contract or at many."""
        return np.minimum.reduce(
            [
                a + b * x + sum(c * y for c, y in zip(rest, contracts, strict=True))
                for a, b, rest in self.lines
            ]
        )

    def given(self, contracts: list[Fraction]) -> list[Line]:
        """Return intercepts and slopes in x, the other contracts given."""
        return [
            (Fraction(a) + sum(Fraction(c) * y for c, y in zip(rest, contracts, strict=True)), Fraction(b))
            for a, b, rest in self.lines
        ]


@dataclass(frozen=True)
class ExactDeal:
    """A pair with gains made of lines, contracts from 0 to `upper`."""

    first: Lines
    second: Lines
    upper: float
    weight: float

    def in_floats(self) -> BilateralDeal:
        """Return the deal as the library takes it."""
        return BilateralDeal(
            gains=lambda x, contracts: (self.first(x, contracts), self.second(x, contracts)),
            lower=0.0,
            upper=self.upper,
            weight=self.weight,
        )

    def nash(self, contracts: list[Fraction]) -> Fraction | None:
        """Return the exact solution, the others' contracts given; the own entry is ignored."""
        first, second = self.first.given(contracts), self.second.given(contracts)
        return nash(first, second, Fraction(self.weight), Fraction(0), Fraction(self.upper))


def drawn(rng: np.random.Generator, count: int, *, width: float | None = None) -> list[ExactDeal]:
    """Draw deals with kinks, narrow zones, ends and units from 1e-6 to 1e6, which depend a little on each other."""
    units = 10.0 ** rng.integers(-6, 7, count)
    return [_deal(rng, k, units, width) for k in range(count)]


def _deal(rng: np.random.Generator, k: int, units: np.ndarray, width: float | None) -> ExactDeal:
    kind = str(rng.choice(["kinks", "narrow", "ends"]))
    if width is None:
        width = {
            "kinks": rng.uniform(0.3, 1.5),
            "narrow": 10.0 ** -rng.uniform(1, 5),
            "ends": rng.uniform(1, 3),
        }[kind]
        if kind == "ends":
            rising = [[(0.5, 1.0), (1.0, 0.5)], [(1.0, rng.uniform(0.01, 0.3))]]
            falling = [[(1.2, -0.2)], [(2.0, -1.0), (1.7, -0.5)]]
            shapes = rising if rng.random() < 0.5 else falling
            return _scaled(rng, k, units, shapes, width)
    middle = rng.uniform(0.1, 0.9)
    shapes = [_pieces(rng, 1, middle - width / 2, width), _pieces(rng, -1, middle + width / 2, width)]
    return _scaled(rng, k, units, shapes, width)


def _pieces(rng: np.random.Generator, sign: int, zero: float, width: float) -> list[tuple[float, float]]:
    """Return lines whose minimum is 0 at `zero` and rises from there, ever more slowly, in one direction."""
    slopes = sign * np.sort(rng.uniform(0.05, 2, int(rng.integers(1, 4))))[::-1]
    lines, x = [(-slopes[0] * zero, slopes[0])], zero
    for slope in slopes[1:]:
        x += sign * rng.uniform(0.05, 0.6) * abs(width)
        a, b = lines[-1]
        lines.append((a + b * x - slope * x, slope))
    return lines


def _scaled(rng: np.random.Generator, k: int, units: np.ndarray, shapes: list, width: float) -> ExactDeal:
    gains = []
    for lines in shapes:
        unit = 10.0 ** rng.integers(-6, 7)
        cross = rng.uniform(-0.1, 0.1, len(units)) * min(abs(width), 0.5) * (np.arange(len(units)) != k)
        rest = tuple(float(c * unit / u) for c, u in zip(cross, units, strict=True))
        gains.append(Lines(tuple((float(a * unit), float(b * unit / units[k]), rest) for a, b in lines)))
    weight = float(rng.choice([0.5, 0.01, 0.99, rng.uniform(0.05, 0.95)]))
    return ExactDeal(*gains, upper=float(units[k]), weight=weight)


def at(lines: list[tuple[Fraction, Fraction]], x: Fraction) -> Fraction:
    """Return the smallest of some lines at x."""
    return min(a + b * x for a, b in lines)


def nash(
    first: list[Line], second: list[Line], weight: Fraction, low: Fraction, high: Fraction
) -> Fraction | None:
    """Return the contract with the largest weighted product, or None if none leaves both a gain.

    Kinks, crossings with zero and bounds cut the range into intervals on which both gains are lines; on each
    the product's slope changes sign where w b1 (a2 + b2 x) + (1 - w) b2 (a1 + b1 x) does.
    """
    cuts = {low, high}
    for lines in (first, second):
        for i, (a, b) in enumerate(lines):
            cuts |= {-a / b} if b else set()
            cuts |= {(a2 - a) / (b - b2) for a2, b2 in lines[:i] if b != b2}
    cuts = sorted(x for x in cuts if low <= x <= high)
    points = list(cuts)
    for left, right in pairwise(cuts):
        middle = (left + right) / 2
        (a1, b1), (a2, b2) = (
            min(lines, key=lambda line: line[0] + line[1] * middle) for lines in (first, second)
        )
        if b1 * b2:
            points.append(min(max(-(weight * b1 * a2 + (1 - weight) * b2 * a1) / (b1 * b2), left), right))
    best, most = None, None
    for x in points:
        gains = at(first, x), at(second, x)
        if min(gains) > 0:
            height = weight * log_of(gains[0]) + (1 - weight) * log_of(gains[1])
            if most is None or height > most:
                best, most = x, height
    return best


def log_of(value: Fraction) -> Fraction:
    """Return the logarithm, to the accuracy of floats, of a fraction of any size."""
    return Fraction(log(value.numerator) - log(value.denominator))
