"""The lexicographic solutions, against successive linear programs written out here."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining import (
    Frontier,
    NotApplicable,
    Polytope,
    Problem,
    Status,
    TransferableSurplus,
    kalai_smorodinsky,
)
from bargaining.concepts.lexicographic import lexicographic_egalitarian, lexicographic_kalai_smorodinsky
from bargaining.feasible.points import FreeDisposalHull


def leximin(points: np.ndarray, d: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Raise the least of (x - d) / direction over mixtures of points, freeze who cannot do better, and go on."""
    levels = np.full(len(d), np.nan)
    while np.isnan(levels).any():
        free = np.isnan(levels)
        floor = np.where(free, 0.0, levels) * direction
        best = most(points - d, np.where(free, direction, 0.0), floor)
        floor = np.where(free, best, levels) * direction
        for i in np.flatnonzero(free):
            if most(points - d, direction * (np.arange(len(d)) == i), floor) <= 1e-8:
                levels[i] = best
    return d + levels * direction


def most(gains: np.ndarray, step: np.ndarray, floor: np.ndarray) -> float:
    """Return the largest t such that some mixture of the gains is at least floor + t step."""
    from scipy.optimize import linprog

    m = len(gains)
    found = linprog(
        np.append(np.zeros(m), -1.0),
        A_ub=np.column_stack((-gains.T, step)),
        b_ub=-floor + 1e-10,
        A_eq=np.append(np.ones(m), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0, None)] * m + [(None, None)],
    )
    assert found.status == 0, found.message
    return float(-found.fun)


boxes = st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=1, max_size=6).map(
    lambda rows: np.array(rows, dtype=float) + 1
)


@given(boxes, st.booleans())
def test_three_players_by_linear_programs(points: np.ndarray, disposal: bool) -> None:
    problem = Problem(Polytope(points, free_disposal=disposal), [0, 0, 0])
    for method, direction in (
        (lexicographic_egalitarian, np.ones(3)),
        (lexicographic_kalai_smorodinsky, points.max(axis=0)),
    ):
        if method is lexicographic_kalai_smorodinsky:
            direction = problem.ideal
        division = method(problem).raise_if_failed()
        np.testing.assert_allclose(division.payoffs, leximin(points, np.zeros(3), direction), atol=1e-6)
        assert problem.feasible.contains(division.payoffs, tol=1e-11)


def test_the_example_of_three_players() -> None:
    for disposal in (True, False):
        problem = Problem(Polytope([[0, 0, 0], [1, 0, 1], [0, 1, 1]], free_disposal=disposal), [0, 0, 0])
        np.testing.assert_allclose(
            kalai_smorodinsky(problem).payoffs, [0.5, 0.5, 0.5] if disposal else [0, 0, 0], atol=1e-15
        )
        for method in (lexicographic_kalai_smorodinsky, lexicographic_egalitarian):
            np.testing.assert_allclose(method(problem).payoffs, [0.5, 0.5, 1], rtol=1e-14)


def test_the_freezing_goes_on_round_by_round() -> None:
    stairs = Polytope([[1, 2, 3, 4]], free_disposal=True)
    division = lexicographic_egalitarian(Problem(stairs, [0, 0, 0, 0]))
    np.testing.assert_allclose(division.payoffs, [1, 2, 3, 4], rtol=1e-14)
    tilted = Polytope.from_inequalities([[1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1]], [1, 4, 1])
    division = lexicographic_egalitarian(Problem(tilted, [0, 0, 0, 0]))
    np.testing.assert_allclose(division.payoffs, [0.5, 0.5, 3, 1], rtol=1e-13)


@pytest.mark.parametrize("slope", [1e-7, 1e-6, 1e-3, 1.0])
def test_a_hair_inside_is_not_a_gain(slope: float) -> None:
    # Nearly level: a rounding error of player 1's payoff would buy player 0 a great deal. Nobody is unblocked by it.
    gentle = Polytope([[0, 1], [1, 1 - slope]], free_disposal=True)
    problem = Problem(gentle, [0, 0])
    np.testing.assert_allclose(
        lexicographic_kalai_smorodinsky(problem).payoffs, kalai_smorodinsky(problem).payoffs, rtol=1e-13
    )
    level = Polytope([[0, 1], [1, 1], [2, 1 - slope]], free_disposal=True)
    even = lexicographic_egalitarian(Problem(level, [0, 0]))
    np.testing.assert_allclose(even.payoffs, [1, 1], rtol=1e-13)


def test_what_is_level_is_used() -> None:
    upright = Polytope([[1, 0], [1, 3], [0, 4]], free_disposal=True)
    np.testing.assert_allclose(
        lexicographic_egalitarian(Problem(upright, [0, 0])).payoffs, [1, 3], rtol=1e-14
    )
    frontier = Frontier(lambda x: np.minimum(4 - x, 9.0), 3, 4)
    np.testing.assert_allclose(
        lexicographic_egalitarian(Problem(frontier, [0, 0])).payoffs, [3, 1], rtol=1e-13
    )


def test_weights_and_those_who_cannot_gain() -> None:
    pie = Problem(TransferableSurplus(8, players=3), [0, 0, 0])
    np.testing.assert_allclose(
        lexicographic_egalitarian(pie, weights=[0.5, 0.25, 0.25]).payoffs, [4, 2, 2], rtol=1e-14
    )
    np.testing.assert_allclose(
        lexicographic_egalitarian(pie, weights=[0.5, 0.5, 0]).payoffs, [4, 4, 0], rtol=1e-14
    )
    flat = Problem(Polytope([[0, 0, 2], [4, 0, 2], [0, 2, 2]], free_disposal=True), [0, 0, 2])
    for method in (lexicographic_egalitarian, lexicographic_kalai_smorodinsky):
        division = method(flat)
        assert division.status == Status.DEGENERATE
        assert division.payoffs[2] == 2
    np.testing.assert_allclose(division.payoffs, [2, 1, 2], rtol=1e-14)


def test_not_applicable_without_lotteries() -> None:
    for method in (lexicographic_egalitarian, lexicographic_kalai_smorodinsky):
        with pytest.raises(NotApplicable, match="needs a convex set"):
            method(Problem(FreeDisposalHull([[1, 2], [2, 1]]), [0, 0]))


def test_who_has_no_weight_stays_where_he_is_though_he_could_gain() -> None:
    division = lexicographic_egalitarian(
        Problem(Polytope([[1, 1]], free_disposal=True), [0, 0]), weights=[1, 0]
    )
    assert division.status == Status.OK
    assert division.payoffs.tolist() == [1, 0]
    assert division.residual == 0
