"""Linear equations of a structure: a few sparse rows, for which a call of LAPACK costs more than the work."""

from __future__ import annotations

import numpy as np

_FEW = 6  # up to so many unknowns elimination in plain floats is the faster way
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
    for c, leading in enumerate(rows):
        if not abs(leading[c]) > _SMALL:
            return None
        for row in rows[c + 1 :]:
            if row[c]:
                factor = row[c] / leading[c]
                for k in range(c + 1, len(leading)):
                    row[k] -= factor * leading[k]
    solution = right[:]
    for c in range(len(rows) - 1, -1, -1):
        value = rows[c][-1]
        for k in range(c + 1, len(rows)):
            value -= rows[c][k] * solution[k]
        solution[c] = value / rows[c][c]
    return solution
