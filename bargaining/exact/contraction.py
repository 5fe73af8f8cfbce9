"""Levels that hold all payoffs because affine bounds of the levels, in rationals, push them there from far outside."""

from __future__ import annotations

from fractions import Fraction

from bargaining._arrays import Floats

_PAD = Fraction(1, 10**11)  # how far faces are moved out, in their own speeds
_ZERO = Fraction(0)

Bound = tuple[Fraction, list[tuple[int, Fraction]]]
"""alpha, and beta as pairs of a half-plane and its weight."""


def levels_proved(
    bounds: list[list[Bound]], start: Floats, near: Floats, speeds: Floats, *, pad: Fraction = _PAD
) -> list[Fraction] | None:
    """Return levels a little above `near` that contain every payoff below `start`; None if bounds do not prove it."""
    given, z, far = ([Fraction(x) for x in array.tolist()] for array in (near, speeds, start))
    over = (value_of(each, given) - given[j] for j, some in enumerate(bounds) for each in some)
    out = 2 * max(_ZERO, *over) + pad
    levels = [level + out * each for level, each in zip(given, z, strict=True)]
    return levels if contracts(bounds, far, levels, z) else None


def value_of(bound: Bound, levels: list[Fraction]) -> Fraction:
    """Return a bound at some levels."""
    return bound[0] + sum((weight * levels[k] for k, weight in bound[1]), _ZERO)


def contracts(bounds: list[list[Bound]], start: list[Fraction], x: list[Fraction], z: list[Fraction]) -> bool:
    """Whether all bounds at levels x + e z, none above the start, lie below x + e z for every e > 0, and at e = 0."""
    most = max(_ZERO, *((s - level) / each for s, level, each in zip(start, x, z, strict=True)))
    for j, some in enumerate(bounds):
        for bound in some:
            if value_of(bound, start) <= x[j]:
                continue
            over, faster = value_of(bound, x) - x[j], value_of((-z[j], bound[1]), z)
            if over > 0 or over + most * faster > 0 or (over == 0 and faster >= 0):
                return False
    return True
