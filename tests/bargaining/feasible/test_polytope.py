"""Polytopes from points and from inequalities: vertices, exact copies, the four questions, bad input."""

from collections.abc import Callable
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from bargaining import (
    AlternatingOffers,
    ContinuousOffers,
    InvalidInput,
    NotApplicable,
    Polytope,
    Problem,
    certify,
    nash,
    perles_maschler,
)
from bargaining._rational import solve
from every_concept import but

clouds = st.integers(3, 4).flatmap(
    lambda n: st.lists(st.lists(st.integers(-4, 4), min_size=n, max_size=n), min_size=1, max_size=9).map(
        lambda rows: np.array(rows, dtype=float)
    )
)


@given(clouds)
def test_extreme_points_are_those_of_qhull(points: np.ndarray) -> None:
    spread = np.unique(
        np.concatenate((points, 9 * np.eye(points.shape[1]), -9 * np.eye(points.shape[1]))), axis=0
    )
    expected = {tuple(v) for v in spread[ConvexHull(spread).vertices]}
    assert {tuple(v) for v in Polytope(spread).vertices} == expected


@pytest.mark.parametrize("players", [2, 3, 4])
def test_inequalities_give_back_their_vertices(players: int) -> None:
    points = np.random.default_rng(players).uniform(-1, 1, (4 * players, players))
    hull = ConvexHull(points)
    rows, limits = hull.equations[:, :-1], -hull.equations[:, -1]
    for scale, offset in ((1.0, 0.0), (1e-12, 0.0), (1e12, 3.0)):
        found = Polytope.from_inequalities(rows / scale, limits + rows @ np.full(players, offset)).vertices
        found = np.array(sorted(found.tolist())) / scale - offset
        np.testing.assert_allclose(found, sorted(points[hull.vertices].tolist()), atol=1e-12)


def meeting_points(rows: np.ndarray, limits: np.ndarray) -> set[tuple[Fraction, ...]]:
    """Return the points of the set in which as many independent rows meet as there are players, in rationals."""
    players = rows.shape[1]
    exact = [[Fraction(x) for x in row] for row in np.column_stack((rows, limits)).tolist()]
    found = set()
    for few in combinations(exact, players):
        matrix = np.array([row[:-1] for row in few], dtype=object)
        point = solve(matrix, np.array([row[-1] for row in few], dtype=object))
        if point is not None and all(
            sum(a * x for a, x in zip(row, point, strict=False)) <= row[-1] for row in exact
        ):
            found.add(point)
    return found


@pytest.mark.parametrize("players", [2, 3, 4])
def test_flat_sets_of_inequalities_have_their_vertices(players: int) -> None:
    """One or more equations, each as two inequalities, in a box that further inequalities cut."""
    box, ends = np.concatenate((np.eye(players), -np.eye(players))), np.repeat([1.0, 0.0], players)
    for seed in range(60 // players**2):
        rng = np.random.default_rng(seed)
        equal = rng.integers(-9, 10, (int(rng.integers(1, players + 1)), players)) / 8
        equal = equal[equal.any(axis=1)]
        inside = rng.integers(0, 5, players) / 4
        cut = rng.integers(1, 9, (2, players)) / 8
        rows = np.concatenate((equal, -equal, cut, box))
        limits = np.concatenate(
            (equal @ inside, -equal @ inside, cut @ inside + rng.integers(0, 3, 2) / 8, ends)
        )
        expected = meeting_points(rows, limits)
        if expected:
            found = Polytope.from_inequalities(rows, limits).vertices
            apart = np.abs(found - np.array(list(expected), dtype=float)[:, None]).max(axis=2)
            assert len(found) == len(expected)
            assert apart.min(axis=0).max() < 1e-10


def test_one_point_a_thin_set_and_rows_that_leave_a_ray() -> None:
    only = Polytope.from_inequalities([[1, 1, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1]], [0, 0, 0, 0])
    assert str(only.vertices.tolist()) == "[[0.0, 0.0, 0.0]]"
    rows = np.array([[1, 1, 1], [-1, -1, -1], [-1, 0, 0], [0, -1, 0], [0, 0, -1.0]])
    for thickness in (0, 2.0**-40):
        thin = Polytope.from_inequalities(rows, [1, thickness - 1, 0, 0, 0])
        assert (thin.inequalities is None) == (thickness == 0)
        assert thin.contains([0.5, 0.25, 0.25 - thickness / 2])
        assert not Polytope.from_inequalities(rows[:-1], [1, -1, 0, 0]).contains([1, 1, 1])


def test_sets_without_a_list_of_vertices() -> None:
    for rows, limits in (([[1, 1]], [1]), ([[1, 1, 1]], [1]), ([[1, 0], [-1, 0], [0, 1]], [1, -1, 0])):
        with pytest.raises(NotApplicable, match="unbounded or flat"):
            _ = Polytope.from_inequalities(rows, limits).vertices


def test_below_two_lines_is_a_chain_with_free_disposal() -> None:
    below = Polytope.from_inequalities([[1, 0], [0, 1], [1, 1]], [3, 2, 4])
    assert below.free_disposal
    np.testing.assert_allclose(below.ideal(np.array([-np.inf, 1.5])), [2.5, 2])
    assert below.contains(np.array([-1e9, 2.0]))
    assert np.isposinf(below.support(np.array([1.0, -1.0]))[0])
    assert below.support(np.array([1.0, 1.0]))[0] == pytest.approx(4)


def test_fractions_are_kept() -> None:
    third = Fraction(1, 3)
    assert Polytope([[third, 0], [0, third]]).exact == ((third, 0), (0, third))
    assert Polytope([[1, 0], [0, 1]]).exact is None  # floats hold them
    assert Polytope([[2**60 + 1, 0], [0, 1]]).exact == ((2**60 + 1, 0), (0, 1))
    assert Polytope([[0.5, 0], [0, 1]]).exact is None


BAD = [
    (lambda: Polytope.from_inequalities([[1, 0]], [1, 2]), "`b` must have one entry per row"),
    (lambda: Polytope.from_inequalities([[1, 0], [-1, 0]], [0, -1]), "`b` must leave some payoffs feasible"),
    (lambda: Polytope.from_inequalities([[1, 1, 0], [-1, -1, 0]], [1, -1 - 1e-6]), "`b` must leave some"),
    (lambda: Polytope.from_inequalities([[0, 0]], [-1]), "row 0 says 0 <= -1"),
    (lambda: Polytope.from_inequalities([[0, 0]], [1]), "every row is zero"),
    (lambda: Polytope.from_inequalities([[1, float("inf")]], [1]), "`A` must be finite"),
    (lambda: Polytope.from_inequalities([1, 2], [1]), "`A` must have 2 axes"),
    (lambda: Polytope([[1e308, 0, 0], [-1e308, 1, 0]]), "rescale"),
    (lambda: Polytope([[5e-324, 0], [0, 1]]), "at least 1e-290"),
    (lambda: Polytope(np.zeros((3, 0))), "`points` must not be empty"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_input_is_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        make()
    assert message in str(caught.value)


def test_a_set_of_inequalities_that_is_open_below_has_no_vertices_far_below() -> None:
    pie = Polytope.from_inequalities([[1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]], [6, 4, 4, 4])
    assert sorted(pie.vertices.round(12).tolist()) == sorted(
        [4, 4, -2][i:] + [4, 4, -2][:i] for i in range(3)
    )
    plane = Polytope.from_inequalities([[1, 2], [1, 0], [0, 1]], [6, 4, 2.5])
    assert plane.free_disposal
    np.testing.assert_allclose(
        plane.vertices[np.argsort(plane.vertices[:, 0])], [[1, 2.5], [4, 1]], rtol=1e-15
    )
    # A vertex that is far below by itself stays.
    slow = Polytope.from_inequalities([[1e3, 1e-3], [1, 0], [0, 1]], [1, 1, 1])
    assert slow.vertices[:, 1].min() == pytest.approx((1 - 1e3) / 1e-3, rel=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_the_middle_of_ties_is_that_of_the_vertices(offset: float) -> None:
    # A cube without one corner: the best face is a triangle, a point, an edge, another triangle.
    rows, limits = np.array([[1, 1, 1], *np.eye(3), *-np.eye(3)]), np.array([2, 1, 1, 1, 0, 0, 0])
    cut = Polytope.from_inequalities(rows, limits + rows @ np.full(3, offset))
    for weights, middle in (
        ([1, 1, 1], [2 / 3, 2 / 3, 2 / 3]),
        ([2, 2, 1], [1, 1, 0]),
        ([2, 1, 1], [1, 0.5, 0.5]),
        ([1, 0, 0], [1, 1 / 3, 1 / 3]),
    ):
        value, point = cut.support(np.array(weights, dtype=float))
        np.testing.assert_allclose(point - offset, middle, rtol=0, atol=1e-14 * (1 + 100 * offset))
        assert value == pytest.approx(np.dot(weights, point), rel=1e-15)
        same = Polytope(cut.vertices - offset).support(np.array(weights, dtype=float))[1]
        np.testing.assert_allclose(same, middle, atol=1e-9)


METHODS = but("perles_maschler", "lexicographic_kalai_smorodinsky", "gupta_livne", "dictatorial", "yu 1")


@pytest.mark.dear("3-True", "3-False")
@pytest.mark.parametrize("disposal", [False, True])
@pytest.mark.parametrize("players", [2, 3])
def test_a_batch_is_solved_as_its_polytopes_are(players: int, disposal: bool) -> None:
    rng = np.random.default_rng(players)
    points = rng.integers(0, 20, (3, 6, players)).astype(float)
    points[:, 0] = 0.0
    whole = Polytope(points, free_disposal=disposal)
    methods = METHODS if players == 3 else [*METHODS, perles_maschler, ContinuousOffers(0.05)]
    for method in [*methods, AlternatingOffers([0.9, 0.8, 0.7][:players])]:
        found = method(Problem(whole, np.full(players, 0.5)))
        for k, corners in enumerate(points):
            alone = method(Problem(Polytope(corners, free_disposal=disposal), np.full(players, 0.5)))
            np.testing.assert_array_equal(found.payoffs[k], alone.payoffs)
            assert found.status[k] == alone.status


def test_a_batch_of_polytopes_broadcasts_against_the_disagreement() -> None:
    heights = np.array([1.0, 2.0, 4.0])
    triangles = Polytope([[[0, 0], [4, 0], [0, h]] for h in heights])
    threats = np.stack([np.linspace(0, 1, 5), np.zeros(5)], axis=-1)[:, None]
    found = nash(Problem(triangles, threats))
    assert found.payoffs.shape == (5, 3, 2)
    own = (4 + threats[..., 0]) / 2  # the middle of what is left to the right of the threat
    np.testing.assert_allclose(found.payoffs[..., 0], np.broadcast_to(own, (5, 3)), atol=1e-14)
    np.testing.assert_allclose(found.payoffs[..., 1], heights * (1 - own / 4), atol=1e-14)
    assert certify(found, cell=(1, 2)).holds
    moved = nash(Problem(triangles, [0, 0]).relabel([1, 0]).rescale([2, 1], [0, 3]))
    np.testing.assert_allclose(moved.payoffs, [[1, 5], [2, 5], [4, 5]], atol=1e-14)


def test_a_batch_of_inequalities() -> None:
    pies = Polytope.from_inequalities([[1, 1]], [[1.0], [2.0], [3.0]])
    np.testing.assert_allclose(
        nash(Problem(pies, [0, 0])).payoffs, [[0.5, 0.5], [1, 1], [1.5, 1.5]], atol=1e-14
    )
    with pytest.raises(InvalidInput, match="`b` must broadcast against `A`"):
        Polytope.from_inequalities(np.ones((2, 1, 2)), np.ones((3, 1)))


def test_a_polytope_of_a_batch() -> None:
    third, seventh = Fraction(1, 3), Fraction(1, 7)
    both = Polytope([[[third, 0], [0, seventh]], [[1, 0], [0, 1]]])
    assert both.batch_shape == (2,)
    assert both.at((0,)).exact == ((third, 0), (0, seventh))
    assert repr(both) == "<Polytope of 2 players, batch of shape (2,)>"
    with pytest.raises(NotApplicable, match=r"at\(\(0,\)\)\.vertices"):
        _ = both.vertices
    with pytest.raises(NotApplicable, match="Take one by `at`"):
        both.support_above([1, 1], [0, 0])
    with pytest.raises(InvalidInput, match="index"):
        both.at((2,))
