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
from math import lcm
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
    r"""Maximise :math:`c \cdot x` over :math:`A x \le b,\ x \ge 0` in Fractions; None if nothing is feasible.

    The simplex method on a condensed tableau with integer pivoting. A least-index dual phase finds a feasible basis;
    the primal phase takes the steepest column and falls back to the least-index rule, which cannot cycle (Bland 1977).
    An objective without an upper bound raises OverflowError: callers pass bounded programs.
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
    """Solve a square linear system; None if it is singular."""
    rows = [integers(np.append(row, x))[0] for row, x in zip(matrix, right, strict=True)]
    work, pivots, scale = _eliminated(
        np.array(rows, dtype=object).reshape(len(rows), len(rows) + 1), len(rows)
    )
    return tuple(Fraction(x, scale) for x in work[:, -1]) if pivots == len(rows) else None


def rank(rows: Iterable[Iterable[int]]) -> int:
    """Return the rank of an integer matrix."""
    work = np.array([list(row) for row in rows], dtype=object)
    return _eliminated(work, work.shape[1])[1] if work.size else 0


def _eliminated(work: Integers, columns: int) -> tuple[Integers, int, int]:
    """Return a matrix after Gauss-Jordan steps in its first columns, their number, and the value of all pivots."""
    count, scale = 0, 1
    for column in range(columns):
        nonzero = np.flatnonzero(work[count:, column])
        if not nonzero.size:
            continue
        head, place = work[count + nonzero[0]], count + nonzero[0]
        head, work[place] = head.copy(), work[count]
        work = (work * head[column] - np.multiply.outer(work[:, column], head)) // scale
        work[count], count, scale = head, count + 1, head[column]
    return work, count, scale
