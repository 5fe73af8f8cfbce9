"""Continuous Raiffa: against a Taylor series in 30 digits, a solver with events, and closed forms.

The answer promises 1e-6 of the ideal gains; where the path is smooth or straight it is better.
"""

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from bargaining import Frontier, NotApplicable, Polytope, Problem, Status, TransferableSurplus
from bargaining.concepts.continuous_raiffa import continuous_raiffa
from bargaining.feasible.points import FreeDisposalHull
from drawn_sets import chain, steps


def parabola_by_taylor_series() -> list[float]:
    """Follow x' = a(x) - x on x1 = 4 - x0^2 up to t = 9, then half of the rest: it errs by its square."""
    with mpmath.workdps(25):
        path = mpmath.odefun(lambda t, x: [mpmath.sqrt(4 - x[1]) - x[0], 4 - x[0] ** 2 - x[1]], 0, [0, 0])
        x, y = path(9)
        return [float((x + mpmath.sqrt(4 - y)) / 2), float((y + 4 - x**2) / 2)]


def test_parabola() -> None:
    expected = parabola_by_taylor_series()
    np.testing.assert_allclose(expected, [1.1765897, 2.6156366], atol=5e-8)  # the table's digits
    for slope in (lambda x: -2 * x, None):
        division = continuous_raiffa(Problem(Frontier(lambda x: 4 - x**2, 0, 2, derivative=slope), [0, 0]))
        np.testing.assert_allclose(division.payoffs, expected, rtol=1e-12)
        assert division.status == Status.OK


def by_events(corners: np.ndarray) -> np.ndarray:
    """Integrate below a chain numerically, stopping at every vertex passed so that no step feels a kink."""
    from scipy.integrate import solve_ivp

    x = np.concatenate(([0.0], corners[:, 0], [1.0]))
    y = np.concatenate(([1.0], corners[:, 1], [0.0]))

    def line(at: float, u: np.ndarray, v: np.ndarray) -> tuple[float, float, float]:
        k = int(np.clip(np.searchsorted(u, at + 1e-14, side="right") - 1, 0, len(u) - 2))
        while u[k + 1] <= u[k]:
            k += 1
        return u[k + 1], v[k + 1], (v[k + 1] - v[k]) / (u[k + 1] - u[k])

    state = np.zeros(2)
    for _ in range(4 * len(x)):
        end0, at0, slope0 = line(state[0], x, y)
        end1, at1, slope1 = line(state[1], y[::-1], x[::-1])

        def rate(_: float, s: np.ndarray, p: tuple = (at1, slope1, end1, at0, slope0, end0)) -> list[float]:
            return [p[0] + p[1] * (s[1] - p[2]) - s[0], p[3] + p[4] * (s[0] - p[5]) - s[1]]

        events = [lambda _, s, e=end0: s[0] - e, lambda _, s, e=end1: s[1] - e]
        for event in events:
            event.terminal = True
        found = solve_ivp(rate, [0, 60], state, method="DOP853", rtol=3e-14, atol=1e-15, events=events)
        state = found.y[:, -1]
        if found.status == 0:
            return state
        state = np.where([len(e) > 0 for e in found.t_events], [end0, end1], state)
    raise AssertionError


PROMISED = 1e-6


@given(steps, st.integers(0, 3), st.integers(0, 3))
def test_polygons_by_a_solver_with_events(pairs: list[tuple[int, int]], left: int, low: int) -> None:
    corners = chain(pairs)
    start = np.array([left, low]) / 10
    unit = start + corners / corners.max(axis=0) * (1 - start)
    unit[-1, 0] = unit[0, 1] = 1.0
    division = continuous_raiffa(Problem(Polytope(unit, free_disposal=True), [0, 0])).raise_if_failed()
    np.testing.assert_allclose(division.payoffs, by_events(unit), atol=PROMISED)


def test_one_vertex_in_closed_form() -> None:
    # Below the kink (3/5, 4/5): u' = -M u. The first component vanishes at tanh(rt)/r = u0/(a u1).
    vertex = sp.Matrix([sp.Rational(3, 5), sp.Rational(4, 5)])
    b, a = (1 - vertex[1]) / vertex[0], (1 - vertex[0]) / vertex[1]
    t = sp.symbols("t", positive=True)
    path = (-sp.Matrix([[1, a], [b, 1]]) * t).exp() * vertex
    first, second = (sp.lambdify(t, u, "mpmath") for u in path)
    with mpmath.workdps(30):
        rises_first = b * vertex[0] ** 2 > a * vertex[1] ** 2
        when = mpmath.findroot(second if rises_first else first, 0.5)
        rest = first(when) if rises_first else second(when)
        if rises_first:
            expected = [vertex[0] - rest / 2, vertex[1] + b * rest / 2]
        else:
            expected = [vertex[0] + a * rest / 2, vertex[1] - rest / 2]
    kinked = Polytope([[0, 1], [0.6, 0.8], [1, 0]], free_disposal=True)
    division = continuous_raiffa(Problem(kinked, [0, 0]))
    np.testing.assert_allclose(division.payoffs, np.array(expected, dtype=float), rtol=PROMISED)


def test_a_path_that_ends_in_the_vertex() -> None:
    symmetric = Polytope([[0, 5], [3, 3], [5, 0]], free_disposal=True)
    np.testing.assert_array_equal(continuous_raiffa(Problem(symmetric, [0, 0])).payoffs, [3, 3])
    box = Polytope([[2, 1]], free_disposal=True)
    np.testing.assert_array_equal(continuous_raiffa(Problem(box, [0, 0])).payoffs, [2, 1])


def test_surplus_is_divided_equally() -> None:
    division = continuous_raiffa(Problem(TransferableSurplus(10, players=4), [0, 1, 2, 3]))
    np.testing.assert_allclose(division.payoffs, [1, 2, 3, 4], rtol=1e-14)


ROWS = np.array([[1.0, 2, 1], [2, 1, 1], [1, 1, 3], [0, 1, 2]])
LIMITS = np.array([4.0, 4, 5, 3])


def test_three_players_below_facets() -> None:
    # The ideal point below rows of a non-negative matrix is a minimum of linear functions.
    from scipy.integrate import solve_ivp
    from scipy.spatial import HalfspaceIntersection

    def rate(_: float, x: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return ((LIMITS - ROWS @ x)[:, None] / ROWS).min(axis=0)

    found = solve_ivp(rate, [0, 60], np.zeros(3), method="RK45", rtol=1e-10, atol=1e-13, max_step=0.02)
    sides = np.column_stack((np.vstack((ROWS, -np.eye(3))), np.append(-LIMITS, np.zeros(3))))
    corners = HalfspaceIntersection(sides, np.full(3, 0.1)).intersections
    division = continuous_raiffa(Problem(Polytope(corners), [0, 0, 0])).raise_if_failed()
    np.testing.assert_allclose(division.payoffs, found.y[:, -1], atol=PROMISED)
    order = [2, 0, 1]
    turned = continuous_raiffa(Problem(Polytope(corners[:, order]), [0, 0, 0])).payoffs
    np.testing.assert_allclose(turned, division.payoffs[order], atol=PROMISED)


MIXED = np.array([[1.0, 2, 1], [2, 1, -1], [-1, 1, 3], [0, -1, 2], [3, 1, 0]])


@pytest.mark.parametrize(("rows", "limits"), [(ROWS, LIMITS), (MIXED, np.array([4.0, 4, 5, 3, 6]))])
def test_inequalities_that_bound_from_above_only(rows: np.ndarray, limits: np.ndarray) -> None:
    # Above d the set is the hull of its corners there. Neither set has a list of vertices of its own.
    from scipy.spatial import HalfspaceIntersection

    sides = np.column_stack((np.vstack((rows, -np.eye(3))), np.append(-limits, np.zeros(3))))
    corners = HalfspaceIntersection(sides, np.full(3, 0.1)).intersections
    feasible = Polytope.from_inequalities(rows, limits)
    with pytest.raises(NotApplicable):
        feasible.vertices  # noqa: B018
    division = continuous_raiffa(Problem(feasible, [0, 0, 0])).raise_if_failed()
    expected = continuous_raiffa(Problem(Polytope(corners), [0, 0, 0])).payoffs
    np.testing.assert_allclose(division.payoffs, expected, atol=PROMISED)
    batch = continuous_raiffa(Problem(feasible, [[0.1, 0.2, 0], [0, 0, 0], [9, 9, 9]]))
    assert batch.status.tolist() == [Status.OK, Status.OK, Status.EMPTY]
    np.testing.assert_allclose(batch.payoffs[1], expected, atol=PROMISED)


def test_five_players_end_on_the_frontier() -> None:
    # Nobody can gain at the end, and a player whose payoffs count double gets double: the path has no units.
    points = np.concatenate((np.eye(5), np.random.default_rng(0).random((6, 5))))
    division = continuous_raiffa(Problem(Polytope(points, free_disposal=True), np.zeros(5))).raise_if_failed()
    left = Problem(Polytope(points, free_disposal=True), division.payoffs).ideal - division.payoffs
    np.testing.assert_allclose(left, 0, atol=1e-12)
    units = np.array([1, 2, 4, 8, 16])
    scaled = continuous_raiffa(Problem(Polytope(points * units, free_disposal=True), np.zeros(5))).payoffs
    np.testing.assert_allclose(scaled, division.payoffs * units, rtol=PROMISED)


def test_three_players_agree_in_two_representations() -> None:
    # Facets on the one hand, linear programs and extrapolated steps on the other.
    edge = Polytope([[0, 0, 0], [1, 0, 1], [0, 1, 1]])
    np.testing.assert_allclose(continuous_raiffa(Problem(edge, [0, 0, 0])).payoffs, [0.5, 0.5, 1], atol=1e-12)

    class Sphere:
        """The part of the unit ball above the origin, and everything below it."""

        players, batch_shape = 3, ()

        def support(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            size = np.linalg.norm(weights, axis=-1)
            return size, weights / size[..., None]

        def ray(self, origin: np.ndarray, direction: np.ndarray) -> np.ndarray:
            low, high = np.full(origin.shape[:-1], -9.0), np.full(origin.shape[:-1], 9.0)
            for _ in range(80):
                middle = (low + high) / 2
                within = self.contains(origin + middle[..., None] * direction, tol=0.0)
                low, high = np.where(within, middle, low), np.where(within, high, middle)
            return low

        def ideal(self, floor: np.ndarray) -> np.ndarray:
            square = np.maximum(floor, 0) ** 2
            rest = 1 - (square.sum(axis=-1, keepdims=True) - square)
            return np.where(rest >= 0, np.sqrt(np.maximum(rest, 0)), -np.inf)

        def contains(self, x: np.ndarray, *, tol: float = 1e-12) -> np.ndarray:
            return np.asarray((np.maximum(x, 0) ** 2).sum(axis=-1) <= 1 + tol)

    even = continuous_raiffa(Problem(Sphere(), [0, 0, 0]))
    np.testing.assert_allclose(even.payoffs, 3**-0.5, rtol=1e-12)
    uneven = continuous_raiffa(Problem(Sphere(), [0.5, 0.2, 0])).raise_if_failed()
    assert (uneven.payoffs**2).sum() == pytest.approx(1, abs=1e-12)
    assert uneven.payoffs[0] > uneven.payoffs[1] > uneven.payoffs[2]


def test_the_path_satisfies_its_equation_from_any_agreement_on_it() -> None:
    # Starting half way changes nothing: what is agreed in the meantime is a new disagreement point.
    frontier = Frontier(lambda x: 4 - x**2, 0, 2)
    whole = continuous_raiffa(Problem(frontier, [0, 0])).payoffs
    with mpmath.workdps(20):
        path = mpmath.odefun(lambda t, x: [mpmath.sqrt(4 - x[1]) - x[0], 4 - x[0] ** 2 - x[1]], 0, [0, 0])
        half_way = [float(x) for x in path(0.5)]
    np.testing.assert_allclose(continuous_raiffa(Problem(frontier, half_way)).payoffs, whole, rtol=1e-12)


@pytest.mark.parametrize(
    ("players", "count"),
    [(5, 16), *(pytest.param(*large, marks=pytest.mark.slow) for large in [(6, 11), (3, 110)])],
)
def test_many_players_or_points(players: int, count: int) -> None:
    rng = np.random.default_rng(players)
    points = rng.dirichlet(np.ones(players), count) ** 0.6
    problem = Problem(Polytope(points, free_disposal=True), np.zeros(players))
    division = continuous_raiffa(problem).raise_if_failed()
    left = Problem(problem.feasible, division.payoffs).ideal - division.payoffs
    np.testing.assert_allclose(left, 0, atol=1e-12)
    order = rng.permutation(players)
    turned = continuous_raiffa(problem.relabel(order)).raise_if_failed()
    np.testing.assert_allclose(turned.payoffs, division.payoffs[order], atol=PROMISED)
    units = 10.0 ** rng.integers(-12, 13, players)
    scaled = continuous_raiffa(problem.rescale(units)).raise_if_failed()
    np.testing.assert_allclose(scaled.payoffs / units, division.payoffs, atol=PROMISED)


def test_not_applicable_without_lotteries() -> None:
    with pytest.raises(NotApplicable, match="needs a convex set"):
        continuous_raiffa(Problem(FreeDisposalHull([[1, 2], [2, 1]]), [0, 0]))


@pytest.mark.dear("0.0")
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_who_cannot_gain_stays_and_the_others_go_on(offset: float) -> None:
    """Players 0 and 1 divide as they would alone: the path towards (2, 1) below x0 / 2 + x1 = 1 is straight."""
    points = np.array([[0, 0, 0], [2, 0, 0], [0, 1, 0]]) + offset
    alone = continuous_raiffa(Problem(Polytope(points[:, :2]), points[0, :2]))
    for problem in (
        Problem(Polytope(points), points[0]),
        Problem(Polytope(points, free_disposal=True), points[0]),
        Problem(Polytope(points), points[0]).relabel([1, 2, 0]).relabel([2, 0, 1]),
    ):
        division = continuous_raiffa(problem)
        assert division.status == Status.DEGENERATE
        np.testing.assert_allclose(
            division.payoffs - offset, [1, 0.5, 0], rtol=1e-12, atol=1e-15 * (1 + offset)
        )
        np.testing.assert_allclose(division.payoffs[:2], alone.payoffs, rtol=1e-12)
    batch = continuous_raiffa(Problem(Polytope(points), points[0] - [[0, 0, 0], [0, 0, 0.5], [1, 1, -1]]))
    assert batch.status.tolist() == [Status.DEGENERATE, Status.OK, Status.EMPTY]
    np.testing.assert_allclose(batch.payoffs[:2] - offset, [[1, 0.5, 0]] * 2, atol=PROMISED)
