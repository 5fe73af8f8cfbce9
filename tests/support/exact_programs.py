"""Linear programs in rationals by the simplex method, for oracles: it shares no code with the library."""

from __future__ import annotations

from fractions import Fraction

Row = list[Fraction]


def best(objective: Row, matrix: list[Row], limits: Row) -> Fraction | None:
    """Return max objective . y subject to matrix y <= limits, y >= 0; None if nothing is feasible."""
    m, n = len(matrix), len(objective)
    # Basic variables are slacks; one artificial column lowers all rows that start infeasible.
    table = [[*row, *(Fraction(int(i == k)) for k in range(m)), Fraction(-1), b]
             for i, (row, b) in enumerate(zip(matrix, limits, strict=True))]  # fmt: skip
    basis = [n + k for k in range(m)]
    artificial = n + m
    if min(limits) < 0:
        lowest = min(range(m), key=lambda k: limits[k])
        _pivot(table, basis, lowest, artificial)
        _improve(table, basis, [Fraction(0)] * artificial + [Fraction(-1)], allowed=artificial + 1)
        if artificial in basis:
            row = basis.index(artificial)
            if table[row][-1] > 0:
                return None
            _pivot(table, basis, row, next(j for j in range(artificial) if table[row][j]))
    costs = [*objective, *[Fraction(0)] * (m + 1)]
    _improve(table, basis, costs, allowed=artificial)
    return sum((costs[j] * row[-1] for j, row in zip(basis, table, strict=True)), Fraction(0))


def _improve(table: list[Row], basis: list[int], costs: Row, *, allowed: int) -> None:
    """Pivot by Bland's rule, which does not go round in circles."""
    while True:
        reduced = (
            (j, costs[j] - sum(costs[b] * row[j] for b, row in zip(basis, table, strict=True)))
            for j in range(allowed)
            if j not in basis
        )
        entering = next((j for j, gain in reduced if gain > 0), None)
        if entering is None:
            return
        ratios = [(row[-1] / row[entering], basis[k], k) for k, row in enumerate(table) if row[entering] > 0]
        if not ratios:
            raise ArithmeticError("unbounded")
        _pivot(table, basis, min(ratios)[2], entering)


def _pivot(table: list[Row], basis: list[int], row: int, column: int) -> None:
    size = table[row][column]
    table[row] = [x / size for x in table[row]]
    for k, other in enumerate(table):
        if k != row and other[column]:
            factor = other[column]
            table[k] = [x - factor * y for x, y in zip(other, table[row], strict=True)]
    basis[row] = column
