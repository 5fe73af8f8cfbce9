"""Certificates of the concepts that only a sum decides: payoffs that tie pass, and those beyond the set do not."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from bargaining import Polytope, Problem, TransferableSurplus, certify, utilitarian, yu
from bargaining.division import Division
from bargaining.feasible.base import FeasibleSet

CONVEX = [
    Polytope([[3, 6], [8, 5], [8, 8]]),
    Polytope([[2, 2], [8, 8]], free_disposal=True),
    Polytope.from_inequalities([[1, 0], [0, 1]], [8, 8]),
]
CASES = [*((one, utilitarian) for one in CONVEX), *((one, partial(yu, p=1)) for one in CONVEX)]


@pytest.mark.parametrize("shift", [1e-3, -1e-3, 1e-9, -1e-9])
@pytest.mark.parametrize(("feasible", "method"), CASES)
def test_payoffs_beyond_the_set_are_no_answer_though_their_sum_is_right(
    feasible: FeasibleSet, method: Callable[[Problem], Division], shift: float
) -> None:
    division = method(Problem(feasible, [3, 1]))
    np.testing.assert_allclose(division.payoffs, [8, 8])
    assert certify(division).holds
    assert not certify(replace(division, payoffs=division.payoffs + np.array([shift, -shift]))).holds


@pytest.mark.parametrize("players", [2, 3])
def test_losses_are_not_made_good_by_more_than_the_ideal(players: int) -> None:
    division = yu(Problem(TransferableSurplus(10, players=players), 0), p=1)
    others = [0.0] * (players - 2)
    for payoffs, right in (
        ([8.0, 2.0], True),
        ([11.0, -1.0], False),
        ([5.0, 5.1], False),
        ([5.0, 4.9], False),
    ):
        assert certify(replace(division, payoffs=np.array(payoffs + others))).holds is right
