"""Linear equations of a structure: a few sparse rows, for which a call of LAPACK costs more than the work."""

from __future__ import annotations

import numpy as np

_FEW = 9  # up to so many unknowns elimination in plain floats is the faster way
_SMALL = 1e-3  # below such a pivot rows had better be exchanged


def solved(matrix: list[list[float]], right: list[float]) -> list[float] | None:
    """Return the solution of square equations, None if they are singular."""
    solution = _eliminated(matrix, right) if len(right) <= _FEW else None
    if solution is None:
        try:
            solution = np.linalg.solve(np.array(matrix), np.array(right)).tolist()
        except np.linalg.LinAlgError:
            return None
    return solution


def _eliminated(matrix: list[list[float]], right: list[float]) -> list[float] | None:
    """Solve along the diagonal, None if a pivot is small."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for c, leading in enumerate(rows):
        pivot = leading[c]
        if not abs(pivot) > _SMALL:
            return None
        filled = [k for k in range(c + 1, size + 1) if leading[k]]
        for row in rows[c + 1 :]:
            if row[c]:
                factor = row[c] / pivot
                for k in filled:
                    row[k] -= factor * leading[k]
    solution = right[:]
    for c in range(size - 1, -1, -1):
        row = rows[c]
        value = row[size]
        for k in range(c + 1, size):
            if row[k]:
                value -= row[k] * solution[k]
        solution[c] = value / row[c]
    return solution
