"""Inequalities that the disagreement point meets up to rounding: nobody whom they bound can gain."""

import numpy as np
import pytest

from bargaining import Polytope, Problem, Status
from every_concept import only

CONCEPTS = only(
    *("nash", "kalai_smorodinsky", "egalitarian", "lexicographic_egalitarian"),
    *("lexicographic_kalai_smorodinsky", "raiffa"),
).values()
ROWS = [
    ([[1, 2]], [1, -2]),
    ([[2, 1, 2], [2, 0, 0], [1, 2, 1]], [0, 1, -2]),
    ([[1, 1, 1], [3, 0, 1], [3, 3, 1]], [1, 3, -1]),
    ([[1, 2, 2], [2, 1, 1], [1, 1, 2], [3, 3, 2]], [4, 1, 2]),
]


@pytest.mark.parametrize("method", CONCEPTS, ids=lambda method: method.__name__)
@pytest.mark.parametrize("scale", [1e-6, 1 / 3, 1.0, 1e6])
@pytest.mark.parametrize(("rows", "d"), ROWS, ids=len)
def test_on_a_row_that_bounds_everyone_nobody_gains(rows, d, scale: float, method) -> None:
    matrix, point = np.array(rows, dtype=float), np.array(d) * scale
    limits = matrix @ point + scale * (np.arange(len(rows)) > 0)
    division = method(Problem(Polytope.from_inequalities(matrix, limits), point))
    assert division.status == Status.DEGENERATE
    np.testing.assert_allclose(division.payoffs, point, rtol=1e-13, atol=1e-13 * scale)
