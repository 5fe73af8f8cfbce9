"""Interval arithmetic to any precision, for the numbers that are not rational."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import isqrt
from typing import Any

BITS = 400  # binary digits: bounds are a hundred decimal digits finer than any tolerance


def square_root(x: Fraction, bits: int) -> tuple[Fraction, Fraction]:
    """Return rationals around a square root; their relative distance is 2^-bits or less."""
    shift = bits + max(0, x.denominator.bit_length() - x.numerator.bit_length())
    low = isqrt((x.numerator << 2 * shift) // x.denominator)
    return Fraction(low, 1 << shift), Fraction(low + 1, 1 << shift)


def intervals(bits: int) -> Any:
    """Return a context of intervals with `bits` binary digits of its own."""
    from mpmath.ctx_iv import MPIntervalContext  # type: ignore[import-untyped]

    context = MPIntervalContext()
    context.prec = bits
    return context


def ends(interval: Any) -> tuple[Fraction, Fraction]:
    """Return the ends of an interval as Fractions."""
    return _exactly(interval.a), _exactly(interval.b)


def enclosed_power(base: Fraction, exponent: Fraction) -> tuple[Fraction, Fraction]:
    """Return rationals around a power of a non-negative number; 0 to a negative power counts as 0."""
    if exponent.denominator == 1 and (base > 0 or exponent >= 0):
        return base**exponent.numerator, base**exponent.numerator
    if base == 0:
        return Fraction(0), Fraction(0)
    iv = intervals(BITS)
    logarithm = iv.log(iv.mpf(base.numerator) / base.denominator)
    return ends(iv.exp(logarithm * exponent.numerator / exponent.denominator))


def log_of_product(factors: Iterable[tuple[Fraction, Fraction]]) -> tuple[Fraction, Fraction]:
    """Return rationals around the logarithm of a product of positive numbers, each to a power given with it."""
    iv = intervals(BITS)
    total = iv.mpf(0)
    for factor, power in factors:
        total += (
            iv.log(iv.mpf(factor.numerator) / factor.denominator)
            * iv.mpf(power.numerator)
            / power.denominator
        )
    return ends(total)


def _exactly(end: Any) -> Fraction:
    sign, mantissa, exponent, _ = end._mpi_[0]
    value = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
    return -value if sign else value
