"""All utilitarian points: ties on polygons, on frontiers with a straight piece, on points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining import (
    Frontier,
    InvalidInput,
    NotApplicable,
    Polytope,
    Problem,
    TransferableSurplus,
    utilitarian,
)
from bargaining.concepts.utilitarian import optimal_face
from bargaining.feasible.points import FreeDisposalHull


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=9),
    st.booleans(),
)
def test_three_players_by_integer_sums(rows: list[tuple[int, int, int]], disposal: bool) -> None:
    problem = Problem(Polytope(np.array(rows), free_disposal=disposal), [0, 0, 0])
    face = optimal_face(problem)
    largest = max(map(sum, rows))
    assert {tuple(x) for x in face} <= {p for p in rows if sum(p) == largest}
    # Every other point that ties is a mixture of those.
    for tie in (p for p in rows if sum(p) == largest):
        assert Polytope(face).contains(np.array(tie, dtype=float), tol=1e-9)
    assert Polytope(face).contains(utilitarian(problem).payoffs, tol=1e-9)


def test_an_edge_and_a_vertex() -> None:
    problem = Problem(Polytope([[0, 0], [3, 0], [2, 1], [0, 3]]), [0, 0])
    np.testing.assert_array_equal(optimal_face(problem), [[3, 0], [0, 3]])
    np.testing.assert_array_equal(utilitarian(problem).payoffs, [1.5, 1.5])
    np.testing.assert_array_equal(optimal_face(problem, weights=[0.6, 0.4]), [[3, 0]])


def test_free_disposal_adds_no_extreme_points() -> None:
    wall = [[4, 0], [4, 2], [0, 3]]
    np.testing.assert_array_equal(
        optimal_face(Problem(Polytope(wall), [0, 0]), weights=[1, 0]), [[4, 2], [4, 0]]
    )
    below = Problem(Polytope(wall, free_disposal=True), [0, 0])
    np.testing.assert_array_equal(optimal_face(below, weights=[1, 0]), [[4, 2]])


@pytest.mark.parametrize("exact", [True, False])
def test_a_frontier_with_a_straight_piece(exact: bool) -> None:
    # Slope -1 on [1, 2], curved before and after.
    def height(x: np.ndarray) -> np.ndarray:
        return np.where(x < 1, 3 - x**2 / 2, np.where(x < 2, 3.5 - x, 1.5 - (x - 2) - (x - 2) ** 2))

    def slope(x: np.ndarray) -> np.ndarray:
        return np.where(x < 1, -x, np.where(x < 2, -1.0, -1 - 2 * (x - 2)))

    frontier = Frontier(height, 0, 2.5, derivative=slope if exact else None)
    face = optimal_face(Problem(frontier, [0, 0]))
    np.testing.assert_allclose(face, [[2, 1.5], [1, 2.5]], atol=1e-12 if exact else 0.05)
    smooth = Frontier(lambda x: 4 - x**2, 0, 2, derivative=(lambda x: -2 * x) if exact else None)
    np.testing.assert_allclose(optimal_face(Problem(smooth, [0, 0])), [[0.5, 3.75]], rtol=1e-9)
    np.testing.assert_allclose(optimal_face(Problem(smooth, [0, 0]), weights=[1, 0]), [[2, 0]], atol=1e-12)


def test_points_that_cannot_be_mixed() -> None:
    problem = Problem(FreeDisposalHull([[4, 1], [1, 4], [2, 2]]), [0, 0])
    np.testing.assert_array_equal(optimal_face(problem), [[4, 1], [1, 4]])


def test_inequalities() -> None:
    pie = Polytope.from_inequalities([[1, 1, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1]], [6, 0, 0, 0])
    face = optimal_face(Problem(pie, [0, 0, 0]))
    np.testing.assert_allclose(face, 6 * np.eye(3), atol=1e-12)


def test_what_has_no_extreme_points() -> None:
    with pytest.raises(NotApplicable, match="unbounded along it"):
        optimal_face(Problem(TransferableSurplus(1), [0, 0]))
    with pytest.raises(NotApplicable, match="unbounded along it"):
        optimal_face(Problem(TransferableSurplus(1), [0, 0]).rescale([1, 2], [0, 0]), weights=[2 / 3, 1 / 3])
    np.testing.assert_allclose(
        optimal_face(Problem(TransferableSurplus(6), [1, 2]).restrict()), [[4, 2], [1, 5]]
    )
    with pytest.raises(NotApplicable, match="no upper bound"):
        optimal_face(Problem(Polytope.from_inequalities([[1, 0]], [1]), [0, 0]))
    with pytest.raises(InvalidInput, match="one problem"):
        optimal_face(Problem(Polytope([[1, 0], [0, 1]]), [[0, 0], [0, 0.5]]))


def test_a_set_known_by_its_answers_alone() -> None:
    tie = Problem(Polytope([[0, 3], [3, 0], [0, 0]]), [0, 1])
    np.testing.assert_allclose(optimal_face(tie.restrict()), [[2, 1], [0, 3]], atol=1e-12)
    np.testing.assert_allclose(optimal_face(tie.restrict(), weights=[0.6, 0.4]), [[2, 1]], atol=1e-12)
    solid = Problem(Polytope([[3, 0, 0], [0, 3, 0], [0, 0, 3]]), [0, 0, 0]).restrict()
    with pytest.raises(NotApplicable, match="no list of extreme points"):
        optimal_face(solid)
