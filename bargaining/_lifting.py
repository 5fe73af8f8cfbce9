"""Large linear systems of integers, solved exactly by lifting a solution modulo a prime.

Let C be the inverse of A modulo p. Then x = C b mod p is the last digit, in base p, of the solution of A x = b, and
(b - A x) / p is an integer right-hand side for the digits before it (Dixon 1982). By Cramer's rule and Hadamard's
inequality numerators and denominators are bounded, so that finitely many digits determine them. Each digit takes two
products of a matrix and a vector in floats, where elimination needs integers as long as the answer throughout.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats

Integers = NDArray[Any]  # object arrays of int

_FLOAT = 53  # integers up to two to this are exact in floats
_PRIMES = 3  # a determinant that all of these primes divide is most likely zero
_FIRST = 16  # digits after which the answer is first read off: it may be shorter than its bound


def lifted(matrix: Integers, right: Integers) -> tuple[Fraction, ...] | None:
    """Solve a square linear system of integers; None if several primes divide the determinant, as they divide zero."""
    size = len(right)
    for prime in _primes(isqrt((1 << _FLOAT) // size)):
        inverse = _inverse((matrix % prime).astype(np.float64), prime)
        if inverse is not None:
            break
    else:
        return None
    width = _FLOAT - (size * prime).bit_length()
    parts = _parts(matrix, width)
    longest = sum(int(sum(x * x for x in row)).bit_length() for row in np.column_stack([matrix, right])) + 1
    enough = longest // (prime.bit_length() - 1) + 1
    digits: list[Integers] = []
    rest = right
    while True:
        for _ in range(min(max(len(digits), _FIRST), enough - len(digits))):
            digit = inverse @ (rest % prime).astype(np.float64) % prime
            digits.append(digit)
            moved = (parts @ digit).astype(np.int64).astype(object)
            total = moved[-1]
            for more in moved[-2::-1]:
                total = (total << width) + more
            rest = (rest - total) // prime
        found = _read(_joined(digits, prime), prime ** len(digits))
        if found is not None:
            values, scale = found
            if (matrix @ values == right * scale).all():
                return tuple(Fraction(value, scale) for value in values)


def _primes(below: int) -> Iterator[int]:
    """Yield the largest primes below a number."""
    found = 0
    while found < _PRIMES:
        below -= 1
        if all(below % k for k in range(2, isqrt(below) + 1)):
            found += 1
            yield below


def _inverse(work: Floats, prime: int) -> Floats | None:
    """Return the inverse of a matrix modulo a prime; None if it has none."""
    size = len(work)
    order = np.arange(size)
    for k in range(size):
        below = np.flatnonzero(work[k:, k])
        if not below.size:
            return None
        row = k + below[0]
        work[[k, row]], order[[k, row]] = work[[row, k]], order[[row, k]]
        turned = float(pow(int(work[k, k]), -1, prime))
        work[k, k] = 1.0
        work[k] = work[k] * turned % prime
        column = work[:, k].copy()
        column[k] = 0.0
        work[:, k] = 0.0
        work[k, k] = turned
        others = np.flatnonzero(column)
        work[others] = (work[others] - np.multiply.outer(column[others], work[k])) % prime
    inverse = np.empty_like(work)
    inverse[:, order] = work
    return inverse


def _parts(matrix: Integers, width: int) -> Floats:
    """Return integers cut into parts of some bits, the lowest first."""
    left: Integers = abs(matrix)
    signs, parts = np.where(matrix < 0, -1.0, 1.0), []
    while left.any():
        parts.append((left & ((1 << width) - 1)).astype(np.float64) * signs)
        left = left >> width
    return np.array(parts)


def _joined(digits: list[Any], prime: int) -> Integers:
    """Return the numbers with these digits in base `prime`, the last first."""
    level: list[Integers] = [digit.astype(np.int64).astype(object) for digit in digits]
    base = prime
    while len(level) > 1:
        odd = level[len(level) // 2 * 2 :]
        level = [low + base * high for low, high in zip(level[::2], level[1::2], strict=False)] + odd
        base *= base
    return level[0]


def _read(residues: Integers, modulus: int) -> tuple[Integers, int] | None:
    """Return short numerators and a common denominator of the fractions with these residues; None if there are none.

    A fraction is the only one whose numerator and denominator are at most the root of half the modulus.
    """
    longest, scale = isqrt(modulus // 2), 1
    values: Integers = np.empty_like(residues)
    for k, residue in enumerate(residues):
        value = residue * scale % modulus
        if longest < value < modulus - longest:
            below, above, one, other = modulus, value, 0, 1
            while above > longest:
                times, rest = divmod(below, above)
                below, above, one, other = above, rest, other, one - times * other
            scale *= abs(other)
            if scale > longest:
                return None
            values[:k] *= abs(other)
            value = above if other > 0 else -above
        values[k] = value if value <= longest else value - modulus
    return values, scale
