"""The free-disposal hull of points: the four questions, against brute force over the points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining import (
    InvalidInput,
    Polytope,
    Problem,
    Status,
    egalitarian,
    equal_loss,
    kalai_smorodinsky,
    nash,
)
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.points import FreeDisposalHull, undominated

rows = st.lists(
    st.tuples(st.integers(-6, 6), st.integers(-6, 6), st.integers(-6, 6)), min_size=1, max_size=9
).map(lambda points: np.array(points, dtype=float))
triples = st.tuples(st.integers(-4, 4), st.integers(-4, 4), st.integers(-4, 4))


@given(rows)
def test_dominated_points_are_dropped(points: np.ndarray) -> None:
    kept = undominated(points)
    for p in points:
        assert any((q >= p).all() for q in kept)
    for i, p in enumerate(kept):
        assert not any((q >= p).all() for j, q in enumerate(kept) if j != i)


@given(rows, triples)
def test_contains(points: np.ndarray, x: tuple[int, int, int]) -> None:
    inside = any((p >= x).all() for p in points)
    assert FreeDisposalHull(points).contains(np.array(x, dtype=float)) == inside


@given(rows, triples, triples)
def test_ray(points: np.ndarray, origin: tuple[int, int, int], direction: tuple[int, int, int]) -> None:
    hull, o, p = FreeDisposalHull(points), np.array(origin, float), np.array(direction, float)
    t = hull.ray(o, p)
    # Brute force: the set of feasible t has its largest element where some player hits some point's payoff.
    times = [(v[i] - o[i]) / p[i] for v in points for i in range(3) if p[i]]
    feasible = [s for s in times if hull.contains(o + s * p)]
    if np.isposinf(t):
        assert hull.contains(o + 1e6 * p)
    elif np.isneginf(t):
        assert not feasible
    else:
        assert t == pytest.approx(max(feasible), abs=1e-12)
        assert not hull.contains(o + (t + 1e-3) * p)


@given(rows, triples)
def test_ideal(points: np.ndarray, floor: tuple[int, int, int]) -> None:
    reached = points[(points >= floor).all(axis=1)]
    ideal = FreeDisposalHull(points).ideal(np.array(floor, dtype=float))
    expected = reached.max(axis=0) if len(reached) else np.full(3, -np.inf)
    np.testing.assert_array_equal(ideal, expected)


@given(rows, st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)))
def test_support(points: np.ndarray, weights: tuple[int, int, int]) -> None:
    value, where = FreeDisposalHull(points).support(np.array(weights, dtype=float))
    assert value == (points @ weights).max()
    assert where @ weights == value
    assert any((where == p).all() for p in points)
    assert np.isposinf(FreeDisposalHull(points).support(np.array([1.0, -1.0, 0.0]))[0])


def test_questions_take_batches() -> None:
    hull = FreeDisposalHull([[4, 1], [1, 3]])
    assert isinstance(hull, FeasibleSet)
    d = np.array([[0, 0], [2, 0], [0, 2], [2, 2]])
    np.testing.assert_array_equal(hull.ideal(d.astype(float)), [[4, 3], [4, 1], [1, 3], [-np.inf, -np.inf]])
    batch = kalai_smorodinsky(Problem(hull, d))
    assert batch.status.tolist() == [Status.OK, Status.OK, Status.OK, Status.EMPTY]
    for k in range(4):
        np.testing.assert_array_equal(kalai_smorodinsky(Problem(hull, d[k])).payoffs, batch.payoffs[k])


def test_solutions_along_rays() -> None:
    problem = Problem(FreeDisposalHull([[4, 1], [1, 3]]), [0, 0])
    np.testing.assert_allclose(kalai_smorodinsky(problem).payoffs, [4 / 3, 1])  # towards (4, 3), y = 1 binds
    np.testing.assert_allclose(egalitarian(problem).payoffs, [1, 1])
    np.testing.assert_allclose(equal_loss(problem).payoffs, [2, 1])
    np.testing.assert_array_equal(nash(problem).payoffs, [4, 1])


def test_each_can_gain_but_not_together() -> None:
    cliffs = FreeDisposalHull([[3, 0], [0, 5]])
    division = nash(Problem(cliffs, [0, 0]))
    assert division.status == Status.DEGENERATE  # every product is 0: the best for player 0
    np.testing.assert_array_equal(division.payoffs, [3, 0])
    batch = nash(Problem(cliffs, [[0, 0], [-1, -1], [0, 1], [4, 4]]))
    assert batch.status.tolist() == [Status.DEGENERATE, Status.OK, Status.DEGENERATE, Status.EMPTY]
    np.testing.assert_array_equal(batch.payoffs[:3], [[3, 0], [0, 5], [0, 5]])
    three = nash(Problem(FreeDisposalHull([[3, 0, 0], [0, 5, 5]]), [0, 0, 0]))
    assert three.status == Status.DEGENERATE
    np.testing.assert_array_equal(three.payoffs, [3, 0, 0])


def test_convex_hull() -> None:
    hull = FreeDisposalHull([[4, 1], [1, 3], [0, 0]]).convex_hull()
    assert isinstance(hull, Polytope)
    assert hull.free_disposal
    assert hull.contains(np.array([2.5, 2.0]))


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "`points` must not be empty"),
        ([1, 2], "`points` must have 2 axes"),
        ([[1, np.inf]], "`points` must be finite"),
        ([[1e308, 0], [-1e308, 1]], "rescale the payoffs"),
    ],
)
def test_bad_points(points: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        FreeDisposalHull(points)


def test_of_one_player_who_does_not_care_the_middle_is_best() -> None:
    assert [x.tolist() for x in Polytope([[1.0], [4.0]]).support([0.0])] == [0, [2.5]]
