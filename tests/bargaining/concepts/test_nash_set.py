"""The whole argmax of the Nash product on sets that are not convex."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining import (
    Frontier,
    InvalidInput,
    Polytope,
    Problem,
    Status,
    TransferableSurplus,
    Union,
    Unsolved,
    nash,
)
from bargaining.concepts.nash import nash_set
from bargaining.feasible.points import FreeDisposalHull


@given(st.lists(st.tuples(st.integers(-3, 9), st.integers(-3, 9)), min_size=1, max_size=9))
def test_two_players_by_integer_products(rows: list[tuple[int, int]]) -> None:
    gains = {p: p[0] * p[1] for p in rows if min(p) > 0}
    best = sorted((p for p in gains if gains[p] == max(gains.values())), reverse=True)
    found = nash_set(Problem(FreeDisposalHull(rows), [0, 0]))
    assert [tuple(x) for x in found] == best


@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=9),
    st.sampled_from([1e-12, 1.0, 1e12]),
    st.sampled_from([0.0, 1e6]),
)
def test_three_players_at_any_scale(rows: list[tuple[int, int, int]], scale: float, offset: float) -> None:
    products = {p: p[0] * p[1] * p[2] for p in rows}
    best = sorted((p for p in products if products[p] == max(products.values())), reverse=True)
    unit = np.array([scale, 1.0, 1.0])
    problem = Problem(FreeDisposalHull((np.array(rows) + offset) * unit), offset * unit)
    found = nash_set(problem) / unit - offset
    assert [tuple(x) for x in found.round(6)] == best


def test_weights() -> None:
    problem = Problem(FreeDisposalHull([[8, 1], [2, 2], [1, 4]]), [0, 0])
    np.testing.assert_array_equal(nash_set(problem), [[8, 1]])
    np.testing.assert_array_equal(nash_set(problem, weights=[0.25, 0.75]), [[1, 4]])  # 8, 2*8, 4^3
    np.testing.assert_array_equal(nash_set(problem, weights=[0.4, 0.6]), [[8, 1], [1, 4]])  # 8^2, 4^3
    np.testing.assert_array_equal(nash_set(problem, weights=[1, 0]), [[8, 1]])


@given(
    st.lists(st.tuples(st.integers(-3, 9), st.integers(-3, 9)), min_size=1, max_size=9), st.integers(-2, 2)
)
def test_a_player_without_weight_need_not_gain(rows: list[tuple[int, int]], offset: int) -> None:
    harmless = [(y, x) for x, y in rows if x >= 0 and y > 0]
    feasible = FreeDisposalHull(np.array(rows) + offset)
    problem = Problem(feasible, [offset, offset])
    for one in (problem, Problem(Union([feasible]), [offset, offset])):
        found = nash(one, weights=[0, 1])
        if harmless and max(x for _, x in harmless) > 0:
            y, x = max(harmless)
            assert found.status == Status.OK
            assert found.payoffs.tolist() == [x + offset, y + offset]
    if harmless:
        y, x = max(harmless)
        assert nash_set(problem, weights=[0, 1]).tolist() == [[x + offset, y + offset]]


def test_nash_takes_the_first() -> None:
    problem = Problem(FreeDisposalHull([[1, 4], [4, 1], [2, 2]]), [0, 0])
    np.testing.assert_array_equal(nash_set(problem), [[4, 1], [2, 2], [1, 4]])
    division = nash(problem)
    np.testing.assert_array_equal(division.payoffs, [4, 1])
    assert division.status == Status.OK


def test_convex_sets_have_one() -> None:
    for feasible in (TransferableSurplus(2), Polytope([[2, 0], [0, 2]]), Frontier(lambda x: 2 - x, 0, 2)):
        np.testing.assert_allclose(nash_set(Problem(feasible, [0, 0])), [[1, 1]])


def test_no_one_or_not_everyone_gains() -> None:
    assert nash_set(Problem(FreeDisposalHull([[3, 0], [0, 3]]), [0, 0])).shape == (0, 2)
    assert nash_set(Problem(TransferableSurplus(1), [0.5, 0.5])).shape == (0, 2)
    with pytest.raises(Unsolved, match="EMPTY"):
        nash_set(Problem(TransferableSurplus(1), [1, 1]))


def test_bad_input() -> None:
    with pytest.raises(InvalidInput, match="`problem` must be one problem"):
        nash_set(Problem(TransferableSurplus([1, 2]), [0, 0]))
    with pytest.raises(InvalidInput, match="`weights`"):
        nash_set(Problem(TransferableSurplus(1), [0, 0]), weights=[-1, 1])
