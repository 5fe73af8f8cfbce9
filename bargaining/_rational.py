"""Exact arithmetic: rationals in, and linear systems and small linear programs solved in integers.

Every float is a rational, so any finite data can be treated exactly. Floating-point solvers have
absolute tolerances; where a decision must be right (is this an equilibrium, which coalition is
tight) it is taken here. Integer pivoting keeps every entry of a tableau a minor of the data, so
numbers stay as short as they can be (Bareiss 1968).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, isqrt, lcm, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import ArrayLike, Floats, real

Integers = NDArray[Any]  # object arrays of int
Rationals = NDArray[Any]  # object arrays of Fraction


def rational(value: ArrayLike, name: str, *, ndim: int | None = None) -> Rationals:
    """Return `value` as an array of Fractions, each number taken at its exact value."""
    checked = real(value, name, ndim=ndim)
    return fractions(value if isinstance(value, np.ndarray) else np.asarray(value), checked.shape)


def fractions(array: NDArray[Any], shape: tuple[int, ...] | None = None) -> Rationals:
    """Return a finite array as Fractions without checking it."""
    flat = np.asarray(array).ravel()
    if flat.dtype.kind == "f":
        entries = flat.astype(np.float64).tolist()
    elif flat.dtype.kind in "iu":
        entries = flat.tolist()
    else:  # NumPy integers among objects would stay 64 bits wide inside a Fraction, and wrap around
        entries = [
            float(x) if isinstance(x, np.floating) else x.item() if isinstance(x, np.generic) else x
            for x in flat
        ]
    exact = np.empty(len(entries), dtype=object)
    exact[:] = [Fraction(x) for x in entries]
    return exact.reshape(np.shape(array) if shape is None else shape)


def floats(array: Any) -> Floats:
    """Return Fractions rounded once, to the nearest floats."""
    return np.asarray(array, dtype=object).astype(np.float64)


def integers(array: Rationals) -> tuple[Integers, int]:
    """Return integers and the common denominator they were multiplied by."""
    scale = lcm(*(x.denominator for x in array.ravel()))
    whole = np.empty(array.size, dtype=object)
    whole[:] = [x.numerator * (scale // x.denominator) for x in array.ravel()]
    return whole.reshape(array.shape), scale


def product(*factors: Rationals) -> Any:
    """Return the matrix product of arrays of Fractions, multiplied out in integers."""
    whole, scale = integers(factors[0])
    for factor in factors[1:]:
        more, denominator = integers(factor)
        whole, scale = whole @ more, scale * denominator
    if not isinstance(whole, np.ndarray):
        return Fraction(whole, scale)
    exact = np.empty(whole.size, dtype=object)
    exact[:] = [Fraction(entry, scale) for entry in whole.ravel()]
    return exact.reshape(whole.shape)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Program:
    """An optimal basic solution of a linear program, with the multipliers that prove it."""

    solution: tuple[Fraction, ...]
    multipliers: tuple[Fraction, ...]
    value: Fraction


def maximise(objective: Rationals, matrix: Rationals, bounds: Rationals) -> Program | None:
    r"""Maximise :math:`c \cdot x` over :math:`A x \le b,\ x \ge 0` in exact arithmetic.

    Parameters
    ----------
    objective : (n,) array of Fraction
        The weights c.
    matrix : (m, n) array of Fraction
        The matrix A.
    bounds : (m,) array of Fraction
        The right-hand sides b, of any sign.

    Returns
    -------
    Program or None
        A basic optimum, or None if nothing is feasible.

    Raises
    ------
    OverflowError
        If the objective has no upper bound. Callers pass bounded programs.

    Notes
    -----
    The simplex method on a condensed tableau with integer pivoting. A least-index dual phase finds a
    feasible basis; the primal phase takes the steepest column and falls back to the least-index rule,
    which cannot cycle (Bland 1977).
    """
    tableau = _Tableau(objective, matrix, bounds)
    if not tableau.make_feasible():
        return None
    tableau.optimise()
    return tableau.program()


class _Tableau:
    """basic_i + sum_j T_ij nonbasic_j = T_i,-1; the last row is the objective; T = entries / scale."""

    def __init__(self, objective: Rationals, matrix: Rationals, bounds: Rationals) -> None:
        rows, columns = matrix.shape
        self.entries: Integers = np.empty((rows + 1, columns + 1), dtype=object)
        self.row_scales = []
        for i in range(rows):
            self.entries[i], scale = integers(np.append(matrix[i], bounds[i]))
            self.row_scales.append(scale)
        self.entries[-1], self.objective_scale = integers(np.append(-objective, 0))
        self.scale = 1
        self.basic = list(range(columns, columns + rows))
        self.nonbasic = list(range(columns))

    def make_feasible(self) -> bool:
        """Pivot until every basic variable is non-negative, or show that it cannot be."""
        while True:
            short = [(self.basic[i], i) for i in range(len(self.basic)) if self.entries[i, -1] < 0]
            if not short:
                return True
            row = min(short)[1]
            ways = [(self.nonbasic[j], j) for j in range(len(self.nonbasic)) if self.entries[row, j] < 0]
            if not ways:
                return False
            self.pivot(row, min(ways)[1])

    def optimise(self) -> None:
        """Pivot until no column improves the objective."""
        patience = 4 * (len(self.basic) + len(self.nonbasic))
        while True:
            costs = self.entries[-1, :-1]
            better = [j for j in range(len(self.nonbasic)) if costs[j] < 0]
            if not better:
                return
            steepest = patience > 0
            column = min(better, key=lambda j: costs[j] if steepest else self.nonbasic[j])
            self.pivot(self._leaving(column), column)
            patience -= 1

    def _leaving(self, column: int) -> int:
        ratios = [
            (Fraction(self.entries[i, -1], self.entries[i, column]), self.basic[i], i)
            for i in range(len(self.basic))
            if self.entries[i, column] > 0
        ]
        if not ratios:
            raise OverflowError("the objective has no upper bound")
        return min(ratios)[2]

    def pivot(self, row: int, column: int) -> None:
        """Exchange a basic and a nonbasic variable."""
        entries, pivot = self.entries, self.entries[row, column]
        pivot_row, pivot_column = entries[row].copy(), entries[:, column].copy()
        entries = (entries * pivot - np.multiply.outer(pivot_column, pivot_row)) // self.scale
        entries[row], entries[:, column] = pivot_row, -pivot_column
        entries[row, column] = self.scale
        self.entries, self.scale = (entries, pivot) if pivot > 0 else (-entries, -pivot)
        self.basic[row], self.nonbasic[column] = self.nonbasic[column], self.basic[row]

    def program(self) -> Program:
        """Read the solution and the multipliers off the final tableau."""
        columns, rows = len(self.nonbasic), len(self.basic)
        solution, multipliers = [Fraction(0)] * columns, [Fraction(0)] * rows
        for i, variable in enumerate(self.basic):
            if variable < columns:
                solution[variable] = Fraction(self.entries[i, -1], self.scale)
        for j, variable in enumerate(self.nonbasic):
            if variable >= columns:
                row = variable - columns
                factor = Fraction(self.row_scales[row], self.objective_scale)
                multipliers[row] = Fraction(self.entries[-1, j], self.scale) * factor
        value = Fraction(self.entries[-1, -1], self.scale * self.objective_scale)
        return Program(solution=tuple(solution), multipliers=tuple(multipliers), value=value)


def solve(matrix: Rationals, right: Rationals) -> tuple[Fraction, ...] | None:
    """Solve a square linear system; None if it is singular.

    Notes
    -----
    An inverse modulo a prime gives the digits of the solution in its powers one by one; as many as Hadamard's bound of
    the determinants asks for say which fractions they are (Dixon 1982, *Numerische Mathematik* 40, 137-141).
    """
    work = np.array([integers(np.append(row, x))[0] for row, x in zip(matrix, right, strict=True)])
    work = work.astype(object).reshape(len(right), -1)
    rows, rest = work[:, :-1], work[:, -1]
    bound = prod(isqrt(sum(x * x for x in row)) + 1 for row in work.tolist())
    digits, power = 0 * rest, 1
    for prime in _PRIMES if len(rest) else ():
        inverse = _inverse(rows, prime)
        if inverse is not None:
            break
    else:
        return () if not len(rest) else None
    while power <= 2 * bound * bound:
        left = (rest % prime).astype(np.int64)
        parts = [
            inverse[:, k : k + _TERMS] @ left[k : k + _TERMS] % prime for k in range(0, len(left), _TERMS)
        ]
        digit = (np.sum(parts, axis=0) % prime).astype(object)
        rest = (rest - rows @ digit) // prime
        digits, power = digits + digit * power, power * prime
    out, common = list[Fraction](), 1
    for number in digits.tolist():
        top, bottom = _ratio(number * common % power, power, bound)
        common *= bottom
        out.append(Fraction(top, common))
    return tuple(out)


_PRIMES = 2**26 - 5, 2**26 - 27
_TERMS = 2**11  # products of smaller numbers that add up to less than 2^63


def _inverse(matrix: Integers, prime: int) -> NDArray[np.int64] | None:
    """Return the inverse modulo a prime; None if there is none."""
    size = len(matrix)
    work = np.hstack([(matrix % prime).astype(np.int64), np.eye(size, dtype=np.int64)])
    for k in range(size):
        pivots = np.flatnonzero(work[k:, k])
        if not pivots.size:
            return None
        work[[k, k + pivots[0]]] = work[[k + pivots[0], k]]
        work[k] = work[k] * pow(int(work[k, k]), -1, prime) % prime
        column = work[:, k].copy()
        column[k] = 0
        work = (work - np.outer(column, work[k])) % prime
    return work[:, size:]


def _ratio(number: int, modulus: int, bound: int) -> tuple[int, int]:
    """Return the fraction, with both parts within a bound, that is a number modulo another."""
    (a, s), (b, t) = (modulus, 0), (number, 1)
    while b > bound:
        q = a // b
        (a, s), (b, t) = (b, t), (a - q * b, s - q * t)
    # The remainder may also stand for a negative number.
    return (b, t) if t > 0 else (-b, -t)


def rank(rows: Iterable[Iterable[int]]) -> int:
    """Return the rank of an integer matrix."""
    work = [list(row) for row in rows]
    found = 0
    for column in range(len(work[0]) if work else 0):
        pivot = next((i for i in range(found, len(work)) if work[i][column]), None)
        if pivot is None:
            continue
        work[found], work[pivot] = work[pivot], work[found]
        head = work[found]
        for i in range(found + 1, len(work)):
            factor, lead = work[i][column], head[column]
            if factor:
                rest = [lead * x - factor * y for x, y in zip(work[i], head, strict=True)]
                common = gcd(*rest) or 1  # or else numbers double in length in each column
                work[i] = [x // common for x in rest]
        found += 1
    return found
