"""Three and more players: optimality by the vertices alone, closed forms, players who cannot gain or have no weight."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining import Polytope, Problem, Status, egalitarian, kalai_smorodinsky, nash, utilitarian

EYE = np.eye(3)


@st.composite
def clouds(draw: st.DrawFn, *, players: int | None = None) -> np.ndarray:
    """Return integer points around one that everybody prefers to the origin."""
    n = draw(st.integers(3, 5)) if players is None else players
    rows = draw(st.lists(st.lists(st.integers(-3, 9), min_size=n, max_size=n), min_size=0, max_size=8))
    return np.array([[draw(st.integers(1, 5)) for _ in range(n)], *rows], dtype=float)


weights = st.lists(st.integers(1, 9), min_size=5, max_size=5)


@given(clouds(), weights, st.booleans())
def test_no_vertex_lies_beyond_the_gradient_of_the_nash_product(
    points: np.ndarray, raw: list[int], free: bool
) -> None:
    w = np.array(raw[: points.shape[1]]) / sum(raw[: points.shape[1]])
    division = nash(Problem(Polytope(points, free_disposal=free), np.zeros(len(w))), weights=w)
    assert division.status == Status.OK
    assert ((w / division.payoffs) @ points.T).max() <= 1 + 1e-12
    assert division.problem.feasible.contains(division.payoffs)


@given(clouds(players=3), st.booleans())
def test_ks_and_egalitarian_are_the_last_points_of_their_rays(points: np.ndarray, free: bool) -> None:
    problem = Problem(Polytope(points, free_disposal=free), np.zeros(3))
    # Best mixtures of two points are not enough for three players: the exact solver decides.
    ideal = [_exact_ideal(points, i) for i in range(3)]
    np.testing.assert_allclose(problem.ideal, ideal, rtol=1e-13)
    for method, direction in ((kalai_smorodinsky, np.array(ideal)), (egalitarian, np.ones(3))):
        division = method(problem)
        t = _exact_last(points, direction, free=free)
        if t is None:
            assert division.status == Status.EMPTY
        else:
            np.testing.assert_allclose(division.payoffs, float(t) * direction, rtol=1e-12, atol=1e-12)


def _exact_ideal(points: np.ndarray, i: int) -> float:
    from bargaining._rational import fractions, maximise

    rows = np.concatenate((-points.T, np.ones((1, len(points))), -np.ones((1, len(points)))))
    found = maximise(fractions(points[:, i]), fractions(rows), fractions(np.array([0, 0, 0, 1, -1.0])))
    assert found is not None
    return float(found.value)


def _exact_last(points: np.ndarray, direction: np.ndarray, *, free: bool) -> Fraction | None:
    from bargaining._rational import fractions, maximise

    rows = np.column_stack((-points.T, direction))
    rows = rows if free else np.concatenate((rows, -rows))
    total = np.append(np.ones(len(points)), 0.0)
    rows = np.concatenate((rows, [total, -total]))
    limits = np.append(np.zeros(len(rows) - 2), [1.0, -1.0])
    found = maximise(fractions(np.eye(len(total))[-1]), fractions(rows), fractions(limits))
    return None if found is None else found.value


def test_ks_without_free_disposal_may_give_nothing() -> None:
    # Roth (1979): on the hull of 0, (1, 0, 1) and (0, 1, 1) the ray to the ideal (1, 1, 1) leaves at once.
    points = [[0, 0, 0], [1, 0, 1], [0, 1, 1]]
    np.testing.assert_allclose(kalai_smorodinsky(Problem(Polytope(points), [0, 0, 0])).payoffs, 0, atol=1e-15)
    hull = Problem(Polytope(points, free_disposal=True), [0, 0, 0])
    np.testing.assert_allclose(kalai_smorodinsky(hull).payoffs, 0.5, rtol=1e-14)


@pytest.mark.parametrize("players", [3, 5, 10])
def test_points_and_inequalities_agree(players: int) -> None:
    rng = np.random.default_rng(players)
    top, room = rng.uniform(1, 5, players), 0.4
    vertices = np.concatenate((np.zeros((1, players)), np.diag(top)))
    plane = Polytope.from_inequalities(np.concatenate((-np.eye(players), [1 / top])), [0.0] * players + [1.0])
    d, w = -room * top / players, rng.dirichlet(np.ones(players))
    for method in (
        lambda p: nash(p, weights=w),
        kalai_smorodinsky,
        egalitarian,
        lambda p: utilitarian(p, weights=w),
    ):
        first, second = (method(Problem(s, d)).raise_if_failed() for s in (Polytope(vertices), plane))
        np.testing.assert_allclose(first.payoffs, second.payoffs, rtol=1e-12, atol=1e-13)


def test_weight_zero_is_held_at_what_the_others_leave() -> None:
    simplex = Polytope(np.concatenate((np.zeros((1, 3)), EYE)))
    np.testing.assert_allclose(
        nash(Problem(simplex, [0, 0, 0.2]), weights=[0.5, 0.5, 0]).payoffs, [0.4, 0.4, 0.2], rtol=1e-13
    )
    # On a cube the others' best agreement leaves the third player a choice: all of it.
    cube = Polytope([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    division = nash(Problem(cube, [0, 0, 0]), weights=[0.5, 0.5, 0])
    assert division.status == Status.OK
    np.testing.assert_allclose(division.payoffs, [1, 1, 1], rtol=1e-12)


def test_players_who_cannot_gain_stay_and_the_others_go_on() -> None:
    # Player 2 gets at most what she has; the others divide a pie of 1 - 0.2.
    flat = Polytope(np.concatenate((np.zeros((1, 3)), EYE[:2])))
    division = nash(Problem(flat, [0.2, 0, 0]), weights=[0.25, 0.25, 0.5])
    assert division.status == Status.DEGENERATE
    np.testing.assert_allclose(division.payoffs, [0.6, 0.4, 0], rtol=1e-12, atol=1e-14)
    # The same where the third is held by the frontier and not by the set: d on an edge of a cut cube.
    cut = Polytope.from_inequalities(np.concatenate((EYE, -EYE, [[1, 1, 0]])), [1, 1, 1, 0, 0, 0, 1.5])
    division = nash(Problem(cut, [0.2, 0.1, 1.0]))
    assert division.status == Status.DEGENERATE
    np.testing.assert_allclose(division.payoffs, [0.8, 0.7, 1], rtol=1e-12)


@pytest.mark.parametrize("method", [nash, kalai_smorodinsky, egalitarian])
@pytest.mark.parametrize(
    ("d", "status"),
    [((2, 2, 2), Status.EMPTY), ((1, 0, 0), Status.DEGENERATE), ((1 / 3, 1 / 3, 1 / 3), Status.DEGENERATE)],
)
def test_nothing_to_gain(method: object, d: tuple[float, ...], status: Status) -> None:
    simplex = np.concatenate((np.zeros((1, 3)), EYE))
    for feasible in (
        Polytope(simplex),
        Polytope(EYE, free_disposal=True),
        Polytope.from_inequalities(np.concatenate((-EYE, [[1, 1, 1]])), [0, 0, 0, 1]),
    ):
        division = method(Problem(feasible, d))
        assert division.status == status
        if status == Status.DEGENERATE:
            np.testing.assert_allclose(division.payoffs, d, atol=1e-14)


def test_no_upper_bound_is_a_status() -> None:
    half = Polytope.from_inequalities([[1, 1, 0]], [1])
    for method in (nash, kalai_smorodinsky, utilitarian):
        division = method(Problem(half, [0, 0, 0]))
        assert division.status == Status.UNBOUNDED
        assert np.isnan(division.payoffs).all()
    pie = Polytope.from_inequalities([[1, 1, 1]], [1])  # unbounded, but not for the rational
    np.testing.assert_allclose(
        kalai_smorodinsky(Problem(pie, [0, 0, 0.1])).payoffs, [0.3, 0.3, 0.4], rtol=1e-13
    )
    np.testing.assert_allclose(nash(Problem(pie, [0, 0, 0.1])).payoffs, [0.3, 0.3, 0.4], rtol=1e-13)


def test_degenerate_sets_in_more_dimensions() -> None:
    point, segment = Polytope([[1, 2, 3], [1, 2, 3]]), Polytope([[1, 0, 0], [0, 1, 1], [0.5, 0.5, 0.5]])
    np.testing.assert_allclose(nash(Problem(point, [0, 0, 0])).payoffs, [1, 2, 3])
    np.testing.assert_allclose(kalai_smorodinsky(Problem(point, [0, 0, 0])).payoffs, [1, 2, 3])
    # max (1 - t) t^2 on the segment
    np.testing.assert_allclose(nash(Problem(segment, [0, 0, 0])).payoffs, [1 / 3, 2 / 3, 2 / 3], rtol=1e-12)
    assert len(segment.vertices) == 2
    plane = Polytope(EYE)  # without the origin: a triangle in space
    np.testing.assert_allclose(egalitarian(Problem(plane, [0, 0, 0])).payoffs, 1 / 3, rtol=1e-14)
    assert egalitarian(Problem(plane, [0, 0, 0.5])).status == Status.OK
    assert kalai_smorodinsky(Problem(plane, [0.5, 0.5, 0.5])).status == Status.EMPTY
