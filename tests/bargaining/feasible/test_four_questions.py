"""The four questions, against brute force on points of the set, and the bad input each set refuses."""

import pickle
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
    nash,
)
from bargaining.feasible._polygon import hull, pareto_chain, turn
from bargaining.feasible._root import decreasing_root
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


def test_ties_end_in_the_middle_of_the_edge_although_rounding_left_a_vertex_on_it() -> None:
    points = [[0.0, 1.2], [2.0, 0.0], [1.9, 0.4], [1.5000000000000002, 0.8], [1.4, 0.9]]
    assert len(Polytope(points, free_disposal=True).vertices) == 5
    _, where = Polytope(points, free_disposal=True).support(np.array([0.5, 0.5]))
    np.testing.assert_allclose(where, [1.65, 0.65], rtol=1e-15)


def test_far_agreements_do_not_blur_the_best_product_of_small_gains() -> None:
    wide = Polytope([[0, 26], [9, 25], [11, 24], [19, 15], [20, 9], [21, 0]], free_disposal=True)
    point, residual = wide.product(np.array([18.0, 16.0]), np.array([0.5, 0.5]))
    # On the edge 8 y = 291 - 9 x the gains are 1 / 18 and 1 / 16.
    np.testing.assert_allclose(point - [18, 16], [1 / 18, 1 / 16], rtol=1e-12)
    assert residual <= 1e-12


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


def test_a_thin_set_keeps_its_ends() -> None:
    thin = np.array([[0, 0], [1, 1e-17], [2, 0], [1, -1e-17], [0.5, 0]])
    assert {tuple(v) for v in hull(thin)} == {(0, 0), (2, 0), (1, 1e-17), (1, -1e-17)}
    assert turn((0, 0), (1, 1), (3, 3)) == 0
    assert turn((0, 0), (1e-30, 1e-30), (1, 1 + 2**-52)) == 1


def test_the_pareto_chain_falls() -> None:
    chain = pareto_chain(hull(np.array([[0.0, 0], [2, 0], [2, 1], [1, 2], [0, 2]])))
    np.testing.assert_array_equal(chain, [[1, 2], [2, 1]])


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


def test_anything_that_answers_the_questions_is_a_set() -> None:
    for feasible in (TransferableSurplus(1), Polytope([[1, 1]]), Frontier(lambda x: -x, 0, 1)):
        assert isinstance(feasible, FeasibleSet)
    assert not isinstance(object(), FeasibleSet)


def test_root_of_a_jump_and_of_a_flat() -> None:
    low, high = np.zeros(3), np.ones(3)
    at = np.array([0.3, 0.5, 0.9])
    root, width = decreasing_root(lambda x: np.where(x < at, 1.0, -3.0), low, high)
    np.testing.assert_allclose(root, at, rtol=1e-15)
    assert (width < 1e-15).all()
    root, _ = decreasing_root(lambda x: (at - x) ** 9, low, high)
    assert ((at - root) ** 9 == 0).all() or np.allclose(root, at, atol=1e-6)


def test_cells_of_a_large_batch_are_solved_as_they_are_alone() -> None:
    rng = np.random.default_rng(0)
    shape = (3, 63)
    at, falls, jump = rng.uniform(-0.2, 1.2, shape), rng.uniform(0.1, 9, shape), rng.uniform(-0.5, 2, shape)

    def roots(*cells: slice) -> tuple[np.ndarray, np.ndarray]:
        zero, fall, drop = at[cells], falls[cells], np.maximum(jump[cells], 0.0)

        def g(x: np.ndarray) -> np.ndarray:
            return np.expm1(fall * (zero - x)) + np.where(x < 0.7, drop, -drop)

        return decreasing_root(g, np.zeros(zero.shape), np.ones(zero.shape))

    root, width = roots()
    assert (width <= 17 * 2.0**-52).all()
    smooth = jump <= 0
    np.testing.assert_allclose(root[smooth], np.clip(at[smooth], 0, 1), atol=1e-14)
    for cells in ((slice(1, 2), slice(5, 9)), (slice(0, 3), slice(-40, None))):
        np.testing.assert_array_equal(roots(*cells), (root[cells], width[cells]))


BAD = [
    (lambda: Polytope([]), "`points` must not be empty"),
    (lambda: Polytope([1.0, 2.0]), "`points` must have one row per point"),
    (lambda: Polytope([[1.0, float("nan")]]), "`points` must be finite; got nan at index (0, 1)"),
    (lambda: Polytope([[True, False]]), "`points` must be real numbers"),
    (lambda: Polytope([["a", "b"]]), "`points` must be real numbers"),
    (lambda: Polytope([[1.0, 2.0], [1.0]]), "`points` must be an array of numbers"),
    (lambda: Polytope([[1e308, 0], [-1e308, 1]]), "rescale"),
    (lambda: TransferableSurplus(float("inf")), "`total` must be finite"),
    (lambda: TransferableSurplus(1.0, players=0), "`players` must be a positive integer"),
    (lambda: TransferableSurplus(1.0, players=True), "`players` must be a positive integer"),
    (lambda: TransferableSurplus(1 + 2j), "`total` must be real numbers"),
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


def test_a_frontier_goes_to_other_processes_with_its_problem() -> None:
    division = nash(Problem(Frontier(np.cos, 0.0, 1.0), [0.0, 0.0]))
    again = pickle.loads(pickle.dumps(division))
    assert (again.payoffs == division.payoffs).all()
    assert (again.status, again.method, again.residual) == (
        division.status,
        division.method,
        division.residual,
    )
    assert (nash(again.problem).payoffs == division.payoffs).all()


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


@pytest.mark.parametrize("players", [10**6 + 1, 10**9, 2**70, 10**400])
def test_a_surplus_is_for_a_million_players_at_most(players: int) -> None:
    with pytest.raises(InvalidInput, match="`players` must be at most 1,000,000"):
        TransferableSurplus(1.0, players=players)
