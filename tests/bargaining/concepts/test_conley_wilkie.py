"""Conley-Wilkie: the published example, what it is on convex sets, and its axioms."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bargaining import Frontier, Polytope, Problem, Status, TransferableSurplus, nash
from bargaining.concepts.conley_wilkie import conley_wilkie
from bargaining.concepts.nash import nash_set
from bargaining.feasible.points import FreeDisposalHull

points = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=6).map(
    lambda rows: np.array(rows, dtype=float)
)


def test_two_points() -> None:
    # On the segment 2 x + 3 y = 11 the product is largest at (11/4, 11/6); the ray there meets y = 1 at (3/2, 1).
    problem = Problem(FreeDisposalHull([[4, 1], [1, 3]]), [0, 0])
    np.testing.assert_array_equal(nash_set(problem), [[4, 1]])
    np.testing.assert_allclose(
        nash(Problem(problem.feasible.convex_hull(), [0, 0])).payoffs, [11 / 4, 11 / 6], rtol=1e-14
    )
    division = conley_wilkie(problem)
    np.testing.assert_allclose(division.payoffs, [1.5, 1], rtol=1e-14)
    assert division.status == Status.OK


def test_on_convex_sets_it_is_nash() -> None:
    sets = (
        TransferableSurplus(5),
        Polytope([[0, 3], [2, 2], [3, 0]]),
        Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x),
        Polytope([[3, 0, 0], [0, 2, 0], [0, 0, 1]]),
    )
    for feasible in sets:
        problem = Problem(feasible, np.zeros(feasible.players))
        np.testing.assert_allclose(
            conley_wilkie(problem).payoffs, nash(problem).payoffs, rtol=1e-12, atol=1e-14
        )


@given(points, st.integers(1, 9), st.integers(1, 9))
def test_weakly_efficient_and_scale_invariant(rows: np.ndarray, s0: int, s1: int) -> None:
    problem = Problem(FreeDisposalHull(rows), [0, 0])
    x = conley_wilkie(problem).raise_if_failed().payoffs
    assert problem.feasible.contains(x, tol=1e-12)
    assert not problem.feasible.contains(x + 1e-6)
    scaled = Problem(FreeDisposalHull(rows * [s0, s1]), [0, 0])
    np.testing.assert_allclose(conley_wilkie(scaled).payoffs, x * [s0, s1], rtol=1e-12)


def test_three_players() -> None:
    problem = Problem(FreeDisposalHull([[3, 0, 0], [0, 3, 0], [0, 0, 3], [1, 1, 0.5]]), [0, 0, 0])
    target = nash(Problem(problem.feasible.convex_hull(), [0, 0, 0])).payoffs
    np.testing.assert_allclose(target, [1, 1, 1], rtol=1e-12)
    np.testing.assert_allclose(conley_wilkie(problem).payoffs, [0.5, 0.5, 0.5], rtol=1e-12)
