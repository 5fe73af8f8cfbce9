"""The four questions, against brute force on points of the set, and the bad input each set refuses."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining import (
    ConvexProgram,
    FreeDisposalHull,
    Frontier,
    InvalidInput,
    Polytope,
    Problem,
    TransferableSurplus,
    Union,
)
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.transform import Image, Restricted

points = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=9).map(
    lambda rows: np.array(rows, dtype=float)
)


@given(points, st.tuples(st.integers(-5, 5), st.integers(-5, 5)))
def test_support_of_a_polygon_is_the_best_of_its_points(rows: np.ndarray, weights: tuple[int, int]) -> None:
    value, where = Polytope(rows).support(np.array(weights, dtype=float))
    assert value == pytest.approx((rows @ weights).max(), abs=1e-12)
    assert Polytope(rows).contains(where)
    assert where @ np.array(weights) == pytest.approx(value, abs=1e-12)


@given(points, st.lists(st.integers(0, 10), min_size=9, max_size=9))
def test_a_polygon_contains_mixtures_of_its_points(rows: np.ndarray, mixture: list[int]) -> None:
    weights = np.array(mixture[: len(rows)]) + 1.0
    inside = weights @ rows / weights.sum()
    assert Polytope(rows).contains(inside, tol=1e-12)
    beyond = rows.max(axis=0) + 1
    assert not Polytope(rows).contains(beyond)
    assert not Polytope(rows, free_disposal=True).contains(beyond)
    assert Polytope(rows, free_disposal=True).contains(inside - 100)


@given(points, st.tuples(st.integers(-9, 9), st.integers(-9, 9)), st.booleans())
def test_ideal_is_the_best_over_the_rational_part(
    rows: np.ndarray, floor: tuple[int, int], free: bool
) -> None:
    # Brute force: the best for i over x_j >= floor_j lies on a segment between two points, where x_j = floor_j.
    ideal = Polytope(rows, free_disposal=free).ideal(np.array(floor, dtype=float))
    best = []
    for i in (0, 1):
        j = 1 - i
        candidates = [p[i] for p in rows if p[j] >= floor[j]]
        for p in rows:
            for q in rows:
                if p[j] < floor[j] <= q[j]:
                    t = (floor[j] - p[j]) / (q[j] - p[j])
                    candidates.append(p[i] + t * (q[i] - p[i]))
        best.append(max(candidates, default=-np.inf))
    if best[0] < floor[0] - 1e-12 or best[1] < floor[1] - 1e-12:
        assert np.isneginf(ideal).all()
    else:
        np.testing.assert_allclose(ideal, best, atol=1e-11)


@given(points, st.tuples(st.integers(-9, 9), st.integers(-9, 9)))
def test_a_ray_ends_on_the_boundary(rows: np.ndarray, step: tuple[int, int]) -> None:
    polygon, direction = Polytope(rows), np.array(step, dtype=float)
    origin = rows.mean(axis=0)
    t = polygon.ray(origin, direction)
    if not direction.any():
        assert np.isposinf(t)
        return
    assert polygon.contains(origin + t * direction, tol=1e-11)
    assert not polygon.contains(origin + (t + 1e-6) * direction, tol=1e-11)
    outside = rows.max(axis=0) + np.array([1.0, 2.0])
    assert np.isneginf(polygon.ray(outside, np.array([1.0, 0.0])))


@pytest.mark.parametrize("slope", [lambda x: -2 * x, None], ids=["slope", "differences"])
def test_frontier_answers(slope: Callable | None) -> None:
    parabola = Frontier(lambda x: 4 - x**2, 0, 2, derivative=slope)
    value, where = parabola.support(np.array([1.0, 1.0]))
    assert value == pytest.approx(4.25, rel=1e-13)
    np.testing.assert_allclose(where, [0.5, 3.75], rtol=1e-11)
    assert np.isposinf(parabola.support(np.array([1.0, -1.0]))[0])
    np.testing.assert_allclose(parabola.ideal(np.array([1.0, 0.0])), [2, 3])
    assert np.isneginf(parabola.ideal(np.array([1.0, 3.1]))).all()
    assert parabola.ray(np.array([0.0, 0.0]), np.array([0.0, 2.0])) == pytest.approx(2)
    assert parabola.ray(np.array([1.0, 1.0]), np.array([-1.0, 0.0])) == pytest.approx(1)
    assert parabola.ray(np.array([1.0, 1.0]), np.array([-0.5, -1.0])) == pytest.approx(2)
    assert parabola.ray(np.array([2.0, 4.0]), np.array([1.0, 1.0])) == pytest.approx(-1)
    assert np.isneginf(parabola.ray(np.array([3.0, 0.0]), np.array([0.0, 1.0])))
    assert np.isneginf(parabola.ray(np.array([0.0, 5.0]), np.array([1.0, 0.0])))


def test_surplus_answers() -> None:
    pie = TransferableSurplus(6.0, players=3)
    np.testing.assert_allclose(pie.ideal(np.array([1.0, 2.0, 0.0])), [4, 5, 3])
    assert np.isneginf(pie.ideal(np.array([3.0, 2.0, 2.0]))).all()
    assert pie.ray(np.zeros(3), np.array([1.0, 2.0, 0.0])) == pytest.approx(2)
    assert np.isposinf(pie.ray(np.zeros(3), np.array([1.0, -2.0, 0.0])))
    assert pie.support(np.full(3, 0.5))[0] == pytest.approx(3)
    assert np.isposinf(pie.support(np.array([1.0, 2.0, 1.0]))[0])


BAD = [
    (lambda: Polytope([1.0, 2.0]), "`points` must have one row per point"),
    (lambda: Polytope([[1.0, float("nan")]]), "`points` must be finite; got nan at index (0, 1)"),
    (lambda: Polytope([[1e308, 0], [-1e308, 1]]), "rescale"),
    (lambda: TransferableSurplus(1.0, players=0), "`players` must be a positive integer"),
    (lambda: Frontier(lambda x: x**2, 0, 1), "`function` must be decreasing"),
    (lambda: Frontier(lambda x: [2, 3], 0, 1), "`function` must return a number for each entry"),
    (
        lambda: Frontier(lambda x: 2 - x, 0, 1, derivative=lambda x: [-1, -1]),
        "`derivative` must return a number for each entry",
    ),
    (lambda: Frontier(lambda x: (x - 2) ** 2, 0, 1), "`function` must be concave"),
    (lambda: Frontier(lambda x: -x, 1, 1), "`lower` must be below `upper`; got 1 and 1"),
    (lambda: Frontier(lambda x: -1 / x, 0, 1), "`function` must be finite"),
    (lambda: Frontier("4 - x**2", 0, 1), "`function` must be callable"),
    (lambda: Frontier(lambda x: {}[float(x)], 0, 1), None),
    (lambda: Problem({1, 2}, [0, 0]), "`feasible` must answer support, ray, ideal and contains"),
    (
        lambda: Problem(TransferableSurplus(1, players=2), [0, 0, 0]),
        "`disagreement` must have one entry per player",
    ),
    (lambda: Problem(TransferableSurplus([1, 2]), np.zeros((3, 2))), "`disagreement` must broadcast"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_input_is_named(make: Callable[[], object], message: str | None) -> None:
    if message is None:  # an error inside the user's own function is the user's to see
        with pytest.raises(KeyError):
            make()
        return
    with np.errstate(divide="ignore"), pytest.raises(InvalidInput) as caught:
        make()
    assert message in str(caught.value)


SETS = [
    Polytope([[0, 0], [4, 0], [0, 4]]),
    Polytope.from_inequalities([[1, 1], [-1, 0], [0, -1]], [4, 0, 0]),
    Frontier(lambda x: 4 - x, 0, 4),
    TransferableSurplus(4),
    FreeDisposalHull([[1, 3], [3, 1]]),
    ConvexProgram(lambda z: z, lambda z: np.eye(2), lower=[0, 0], upper=[4, 4], matrix=[[1, 1]], limits=[4]),
    Union([Polytope([[0, 0], [4, 0]]), Polytope([[0, 0], [0, 4]])]),
]


@pytest.mark.parametrize("feasible", SETS, ids=lambda one: type(one).__name__)
def test_questions_are_asked_in_lists_or_arrays(feasible: FeasibleSet) -> None:
    scale, shift = np.array([2.0, 3.0]), np.ones(2)
    for one in (
        feasible,
        Image(feasible, scale, shift),
        Image(feasible, np.ones(2), np.zeros(2), np.array([1, 0])),
        Restricted(feasible, np.zeros(2)),
    ):
        for name, asked in (
            ("support", [[1, 1]]),
            ("ray", [[0, 0], [1, 2]]),
            ("ideal", [[0, 1]]),
            ("contains", [[[1, 1], [9, 9]]]),
        ):
            ask = getattr(one, name)
            arrays = [np.array(value, dtype=float) for value in asked]
            assert repr(ask(*asked)) == repr(ask(*arrays))
        assert one.contains(x=[1, 1], tol=1e-9) == one.contains(np.array([1.0, 1.0]), tol=1e-9)
        with pytest.raises(InvalidInput, match=r"`x` must have one entry per player on its last axis \(2\)"):
            one.contains([1, 2, 3])
        with pytest.raises(InvalidInput, match="`weights` must be real numbers; got 'ab'"):
            one.support("ab")
        with pytest.raises(InvalidInput, match="`direction` must have one entry per player"):
            one.ray([0, 0], direction=1)


def test_a_ray_that_moves_payoffs_between_players_never_leaves_a_surplus() -> None:
    pie = TransferableSurplus(1.0)
    along = [
        pie.ray(np.array(start), np.array([1.0, -1.0])) for start in ([0.2, 0.2], [0.5, 0.5], [0.6, 0.6])
    ]
    assert along == [np.inf, np.inf, -np.inf]
