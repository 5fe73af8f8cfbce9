"""Batches on a set that goes on for ever: no cell's answer depends on another's."""

from collections.abc import Callable

import numpy as np
import pytest

from bargaining import Polytope, Problem, Status
from every_concept import but

METHODS = but("utilitarian", "equal_loss", "gupta_livne", "conley_wilkie", "dictatorial")
BESIDE = Polytope.from_inequalities([[1.9, 0.7], [0.3, 2.9], [1.1, 1.3], [1, -4]], [1, 1, 0.9, 1])


@pytest.mark.dear("raiffa")
@pytest.mark.parametrize("method", METHODS)
def test_a_cell_far_below_changes_nothing(method: Callable) -> None:
    ideal = BESIDE.ideal(np.zeros(2))
    d = np.array([[0.02, 0.02], [-1e3, -1e3], [0.2, 0.1], ideal, [ideal[0], 0.0], [9.0, 9.0]])
    batch = method(Problem(BESIDE, d))
    assert batch.status.tolist()[:3] == [Status.OK] * 3
    assert batch.status[3] == batch.status[5] == Status.EMPTY
    for k in range(len(d)):
        one = method(Problem(BESIDE, d[k]))
        assert one.status == batch.status[k]
        np.testing.assert_array_equal(one.payoffs, batch.payoffs[k])
