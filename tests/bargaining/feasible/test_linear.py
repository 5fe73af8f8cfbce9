"""Linear programs of size one: how each ends, against what can be seen."""

import numpy as np
import pytest

from bargaining import Status
from bargaining.feasible._facets import LinearProgram, optimise

NOTHING = [[1.0, 1.0], [-1.0, -1.0]], [1.0, -2.0]  # z0 + z1 is at most 1 and at least 2
OPEN = [[1.0, -1.0]], [1.0]
CLOSED = [[1.0, 2.0], [3.0, 1.0]], [4.0, 7.0]


@pytest.mark.parametrize(
    ("rows", "objective", "lower", "status", "value"),
    [
        (NOTHING, [1, 1], 0.0, Status.EMPTY, -np.inf),
        (NOTHING, [0, 0], 0.0, Status.EMPTY, -np.inf),
        (NOTHING, [1, 1], -np.inf, Status.EMPTY, -np.inf),
        (OPEN, [1, 1], 0.0, Status.UNBOUNDED, np.inf),
        (OPEN, [1, 0], -np.inf, Status.UNBOUNDED, np.inf),
        (OPEN, [1, -1], 0.0, Status.OK, 1.0),
        (CLOSED, [1, 1], 0.0, Status.OK, 3.0),
        (CLOSED, [1, -1], 0.0, Status.OK, 7 / 3),
        (CLOSED, [0, 0], 0.0, Status.OK, 0.0),
    ],
)
def test_how_a_program_ends(rows, objective, lower, status, value) -> None:
    matrix, limits = (np.array(a) for a in rows)
    program = LinearProgram(
        objective=np.array(objective, dtype=float), matrix=matrix, limits=limits, lower=np.full(2, lower)
    )
    found = optimise(program)
    assert found.status is status
    assert found.value == pytest.approx(value, rel=1e-15)
    assert np.isnan(found.point).all() == (status is not Status.OK)
    if status is Status.OK:
        assert (matrix @ found.point <= limits + 1e-15).all()


def test_rows_that_hold_with_equality_come_first() -> None:
    program = LinearProgram(
        objective=np.array([1.0, 0.0]),
        matrix=np.array([[1.0, 1.0], [1.0, 0.0]]),
        limits=np.array([1.0, 0.25]),
        lower=np.zeros(2),
        equalities=1,
    )
    np.testing.assert_array_equal(optimise(program).point, [0.25, 0.75])
