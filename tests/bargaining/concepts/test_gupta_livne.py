"""Gupta-Livne: closed form, the special case r = d, and references that cannot be."""

import numpy as np
import pytest
import sympy as sp

from bargaining import (
    Frontier,
    InvalidInput,
    Polytope,
    Problem,
    Status,
    TransferableSurplus,
    kalai_smorodinsky,
)
from bargaining.concepts.gupta_livne import gupta_livne

PARABOLA = Problem(Frontier(lambda x: 4 - x**2, 0, 2), [0, 0])


def test_parabola() -> None:
    t = sp.symbols("t", positive=True)
    (share,) = sp.solve(4 - (1 + t) ** 2 - (1 + 3 * t), t)  # from (1, 1) towards (2, 4)
    expected = [float(1 + share), float(1 + 3 * share)]
    np.testing.assert_allclose(expected, [1.3722813, 2.1168440], atol=5e-8)  # the table's digits
    np.testing.assert_allclose(gupta_livne(PARABOLA, reference=[1, 1]).payoffs, expected, rtol=1e-14)


def test_from_the_disagreement_point_it_is_kalai_smorodinsky() -> None:
    for feasible in (Polytope([[0, 3], [2, 2], [3, 0]]), TransferableSurplus(5), PARABOLA.feasible):
        problem = Problem(feasible, [0.1, 0.2])
        np.testing.assert_allclose(
            gupta_livne(problem, reference=problem.disagreement).payoffs,
            kalai_smorodinsky(problem).payoffs,
            rtol=1e-14,
        )


def test_a_reference_on_the_frontier_is_the_answer() -> None:
    division = gupta_livne(PARABOLA, reference=[1, 3])
    np.testing.assert_allclose(division.payoffs, [1, 3], rtol=1e-14)
    assert division.status == Status.OK


def test_many_references() -> None:
    references = np.array([[1, 1], [0, 0], [3, 3], [-1, 0], [0.5, 2]])
    batch = gupta_livne(Problem(PARABOLA.feasible, np.zeros((5, 2))), reference=references)
    assert batch.status.tolist() == [Status.OK, Status.OK, Status.EMPTY, Status.EMPTY, Status.OK]
    np.testing.assert_array_equal(batch.payoffs[4], gupta_livne(PARABOLA, reference=[0.5, 2]).payoffs)
    assert np.isnan(batch.payoffs[2:4]).all()


def test_three_players() -> None:
    problem = Problem(TransferableSurplus(9, players=3), [0, 0, 0])
    # a = (9, 9, 9) and r = (1, 2, 0): r + t (8, 7, 9) adds up to 9 at t = 1/4.
    np.testing.assert_allclose(gupta_livne(problem, reference=[1, 2, 0]).payoffs, [3, 3.75, 2.25])


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ([1, 1, 1], "`reference` must have one entry per player"),
        ([np.nan, 1], "`reference` must be finite"),
        (np.zeros((3, 2)), "`reference` must broadcast"),
    ],
)
def test_bad_references(reference: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        gupta_livne(PARABOLA, reference=reference)
