"""Yu solutions: cubic in closed form, brute force, the norms' limits, more than two players."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from bargaining import Frontier, InvalidInput, NotApplicable, Polytope, Problem, Status, TransferableSurplus
from bargaining.concepts.equal_loss import equal_loss
from bargaining.concepts.yu import yu
from bargaining.feasible.points import FreeDisposalHull
from seeds import seeds

PARABOLA = Problem(Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x), [0, 0])
TRIANGLE = Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0])


def test_parabola_in_closed_form() -> None:
    x = sp.symbols("x", real=True)
    distance = (2 - x) ** 2 + (4 - (4 - x**2)) ** 2
    (best,) = [r for r in sp.Poly(sp.diff(distance, x), x).nroots(30) if sp.im(r) == 0]
    expected = [float(best), float(4 - best**2)]
    np.testing.assert_allclose(expected, [0.8351223, 3.3025707], atol=6e-8)  # the table's digits
    for slope in (lambda x: -2 * x, None):
        division = yu(Problem(Frontier(lambda x: 4 - x**2, 0, 2, derivative=slope), [0, 0]), p=2)
        np.testing.assert_allclose(division.payoffs, expected, rtol=1e-12)
        assert division.status == Status.OK


@pytest.mark.parametrize("p", [1.25, 1.5, 2.0, 3.0, 7.0])
def test_the_equal_weighted_losses_of_the_triangle(p: float) -> None:
    # On x + 4 y = 4 the losses from (4, 1) have l0 + 4 l1 = 4, and l0^(p-1) = l1^(p-1)/4 at the least norm.
    l0, l1 = sp.symbols("l0 l1", positive=True)
    q = sp.nsimplify(1 / (p - 1))
    solution = sp.solve([l0 - l1 * sp.Rational(1, 4) ** q, l0 + 4 * l1 - 4], [l0, l1])
    division = yu(TRIANGLE, p=p)
    np.testing.assert_allclose(
        division.payoffs, [4 - float(solution[l0]), 1 - float(solution[l1])], rtol=1e-13, atol=1e-14
    )
    assert division.residual <= 1e-14


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=7),
    st.sampled_from([1.0, 1.1, 1.5, 2.0, 4.0, 30.0, np.inf]),
)
def test_nothing_on_a_fine_grid_is_nearer(rows: list[tuple[int, int]], p: float) -> None:
    corners = np.array([*rows, (10, 0), (0, 10)], dtype=float)
    problem = Problem(Polytope(corners), [0, 0])
    division = yu(problem, p=p).raise_if_failed()
    shares = np.linspace(0, 1, 201)[:, None, None, None]
    grid = (shares * corners[:, None] + (1 - shares) * corners).reshape(-1, 2)
    losses = np.linalg.norm(problem.ideal - grid[(grid >= 0).all(axis=1)], ord=p, axis=1)
    assert np.linalg.norm(problem.ideal - division.payoffs, ord=p) <= losses.min() * (1 + 1e-12)
    assert problem.feasible.contains(division.payoffs, tol=1e-12)


def test_the_ends_of_the_family() -> None:
    for problem in (PARABOLA, TRIANGLE):
        np.testing.assert_array_equal(yu(problem, p=np.inf).payoffs, equal_loss(problem).payoffs)
    np.testing.assert_allclose(yu(PARABOLA, p=1).payoffs, [0.5, 3.75], rtol=1e-14)
    np.testing.assert_allclose(yu(PARABOLA, p=1 + 1e-9).payoffs, [0.5, 3.75], rtol=1e-8)
    np.testing.assert_allclose(yu(PARABOLA, p=1e9).payoffs, [1, 3], rtol=1e-8)
    np.testing.assert_allclose(yu(TRIANGLE, p=1).payoffs, [4, 0])


def test_the_middle_of_ties_among_what_nobody_refuses() -> None:
    tie = Problem(Polytope([[0, 3], [3, 0], [0, 0]]), [0, 1])
    np.testing.assert_allclose(yu(tie, p=1).payoffs, [1, 2])
    np.testing.assert_allclose(yu(Problem(TransferableSurplus(5), [1, 0]), p=1).payoffs, [3, 2])


@pytest.mark.parametrize("players", [3, 4, 5])
@pytest.mark.parametrize("p", [1.3, 2.0, 5.0])
def test_more_players_by_another_optimiser(players: int, p: float) -> None:
    from scipy.optimize import minimize

    rng = np.random.default_rng(players)
    points = rng.uniform(0, 1, (9, players))
    problem = Problem(Polytope(points, free_disposal=True), np.zeros(players))
    division = yu(problem, p=p).raise_if_failed()
    a = problem.ideal
    best = minimize(
        lambda m: np.linalg.norm(np.maximum(a - m @ points, 0), p),
        np.full(9, 1 / 9),
        bounds=[(0, 1)] * 9,
        constraints=[{"type": "eq", "fun": lambda m: m.sum() - 1}],
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    ours = np.linalg.norm(np.maximum(a - division.payoffs, 0), p)
    assert ours <= best.fun * (1 + 1e-10)
    assert problem.feasible.contains(division.payoffs, tol=1e-11)


def test_more_players_in_closed_form() -> None:
    pie = Problem(TransferableSurplus(10, players=4), [0, 1, 2, 3])
    np.testing.assert_allclose(yu(pie, p=3).payoffs, [1, 2, 3, 4], rtol=1e-14)
    # The foot of the perpendicular from (3, 2, 1) has x2 < 0, where the frontier is x0/3 + x1/2 = 1. On the edge
    # x2 = 0 the losses (12/13, 18/13, 1) are prices between those of the two sides, (1/3, 1/2, 1) and (1/3, 1/2, 0).
    simplex = Problem(Polytope([[3, 0, 0], [0, 2, 0], [0, 0, 1]], free_disposal=True), [0, 0, 0])
    np.testing.assert_allclose(yu(simplex, p=2).payoffs, [27 / 13, 8 / 13, 0], rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(yu(simplex, p=1).payoffs, [3, 0, 0], atol=1e-14)


@pytest.mark.parametrize("seed", seeds(4, 12))
def test_least_sum_on_inequalities_by_a_program_in_losses(seed: int) -> None:
    # min sum(t), t >= a - x, t >= 0, A x <= b: the definition. Most of these sets go on for ever in some direction.
    from scipy.optimize import linprog

    rng = np.random.default_rng(seed)
    n = 3 + seed % 2
    rows = np.concatenate((rng.integers(-2, 4, (n + seed, n)), np.eye(n)))
    limits = np.concatenate((rng.integers(1, 6, n + seed), np.full(n, 5)))
    problem = Problem(Polytope.from_inequalities(rows, limits), np.zeros(n))
    division = yu(problem, p=1).raise_if_failed()
    a, unit = problem.ideal, np.eye(n)
    least = linprog(
        np.repeat([0, 1], n),
        np.block([[rows, np.zeros_like(rows)], [-unit, -unit]]),
        np.concatenate((limits, -a)),
        bounds=[(None, None)] * n + [(0, None)] * n,
    ).fun
    assert np.maximum(a - division.payoffs, 0).sum() == pytest.approx(least, rel=1e-9, abs=1e-9)
    assert problem.feasible.contains(division.payoffs)


def test_the_middle_of_ties_on_inequalities() -> None:
    # x0 + x1 + x2 <= 3, x0 <= 1: with everyone above 0 the points that tie are an edge of a triangle and its inside.
    pie = Polytope.from_inequalities([[1, 1, 1], *np.eye(3), *-np.eye(3)], [3, 2, 3, 3, 0, 0, 0])
    corners = np.array([[2, 1, 0], [2, 0, 1], [0, 3, 0], [0, 0, 3]])
    np.testing.assert_allclose(yu(Problem(pie, [0, 0, 0]), p=1).payoffs, corners.mean(axis=0), rtol=1e-13)
    edge = Polytope.from_inequalities([[1, 2, 2], *np.eye(3), *-np.eye(3)], [6, 1, 3, 3, 0, 0, 0])
    np.testing.assert_allclose(yu(Problem(edge, [0, 0, 0]), p=1).payoffs, [1, 1.25, 1.25], rtol=1e-13)


def test_bad_input() -> None:
    for p in (0.5, -np.inf, float("nan"), [2, 3], True, "2"):
        with pytest.raises(InvalidInput, match="`p` must"):
            yu(PARABOLA, p=p)
    with pytest.raises(NotApplicable, match="needs a convex set"):
        yu(Problem(FreeDisposalHull([[1, 2], [2, 1]]), [0, 0]), p=2)


@pytest.mark.dear("35-100.0")
@pytest.mark.parametrize("p", [1.5, 2.0, 3.0, 100.0])
@pytest.mark.parametrize("seed", [1, 28, 35])
def test_many_players_where_the_best_points_lie_far_below_the_ideal(p: float, seed: int) -> None:
    # At some prices the best point gives a player more than the ideal payoff, and others far less than d.
    from scipy.optimize import linprog

    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(3, 6)), int(rng.integers(3, 8))
    matrix = rng.uniform(0.2, 3, (m, n))
    problem = Problem(Polytope.from_inequalities(matrix, np.ones(m)), np.full(n, 0.01))
    division = yu(problem, p=p)
    assert division.ok or p == 100
    assert division.residual <= 1e-10
    assert (matrix @ division.payoffs <= 1 + 1e-10).all()
    loss = np.maximum(problem.ideal - division.payoffs, 0.0)
    prices = (loss / loss.max()) ** (p - 1)
    best = linprog(-prices, A_ub=matrix, b_ub=np.ones(m), bounds=[(None, None)] * n)
    assert best.status == 0
    assert -best.fun <= prices @ division.payoffs + 1e-9


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, 8.0])
def test_a_surplus_in_other_units(p: float) -> None:
    """Losses weigh as the prices do: with q = p / (p - 1) they are proportional to prices ** (q - 1)."""
    scale, shift = np.array([1.0, 0.5, 2.0]), np.array([3.0, -1.0, 0.0])
    whole = Problem(TransferableSurplus(6.0, players=3), [0, 1, 0])
    prices, best = 1 / scale, scale * (6 - np.array([1.0, 0.0, 1.0])) + shift
    share = prices ** (1 / (p - 1)) if p > 1 else (prices == prices.max()).astype(float)
    missing = prices @ (best - shift) - 6
    expected = best - share * missing / (prices @ share)
    for order in ([0, 1, 2], [2, 0, 1]):
        division = yu(whole.rescale(scale, shift).relabel(order), p=p)
        assert division.status == Status.OK
        np.testing.assert_allclose(division.payoffs, expected[order], rtol=1e-12)


def least_losses_in_turn(matrix: np.ndarray, limits: np.ndarray, ideal: np.ndarray) -> np.ndarray:
    """Lower the largest loss by a linear program, fix whoever cannot lose less, and go on with the others."""
    from scipy.optimize import linprog

    n = len(ideal)
    fixed = np.full(n, np.nan)
    while np.isnan(fixed).any():
        free = np.isnan(fixed)
        rows = np.concatenate(
            (np.column_stack((matrix, np.zeros(len(matrix)))), np.column_stack((-np.eye(n), -1.0 * free)))
        )
        right = np.concatenate((limits, np.where(free, -ideal, fixed - ideal)))
        first = linprog(np.eye(n + 1)[-1], A_ub=rows, b_ub=right, bounds=[(None, None)] * (n + 1))
        for i in np.flatnonzero(free):
            others = np.concatenate((limits, np.where(free, first.fun, fixed) - ideal))
            alone = linprog(-np.eye(n)[i], A_ub=rows[:, :n], b_ub=others, bounds=[(None, None)] * n)
            if ideal[i] + alone.fun >= first.fun - 1e-9:
                fixed[i] = first.fun
    return ideal - fixed


def test_the_largest_loss_then_the_second_largest() -> None:
    lopsided = Problem(Polytope([[1, 0, 0], [0, 1, 0], [0, 0, 0.1]], free_disposal=True), [0, 0, 0])
    np.testing.assert_allclose(yu(lopsided, p=np.inf).raise_if_failed().payoffs, [0.5, 0.5, 0], atol=1e-15)
    rng = np.random.default_rng(0)
    apart = 0
    for n in (3, 3, 3, 4, 4):
        matrix = rng.uniform(0, 3, (4, n)) * (rng.random((4, n)) < 0.6)  # sides that are level for some
        matrix[-1] = 0.2
        problem = Problem(Polytope.from_inequalities(matrix, np.ones(4)), np.full(n, 0.01))
        division = yu(problem, p=np.inf).raise_if_failed()
        np.testing.assert_allclose(
            division.payoffs, least_losses_in_turn(matrix, np.ones(4), problem.ideal), rtol=1e-7
        )
        apart += np.abs(division.payoffs - equal_loss(problem).payoffs).max() > 1e-3
    assert apart


@pytest.mark.parametrize("p", [1, 1.5, 2, 8])
@pytest.mark.parametrize("free_disposal", [False, True])
def test_two_of_three_who_can_gain_share_what_there_is(p: float, free_disposal: bool) -> None:
    # The ideal point (3, 3, 0) is not feasible; losses are equal at (1.5, 1.5, 0).
    problem = Problem(Polytope([[3, 0, 0], [0, 3, 0]], free_disposal=free_disposal), [0, 0, 0])
    division = yu(problem, p=p)
    assert division.status == Status.DEGENERATE
    assert division.residual <= 1e-12
    np.testing.assert_allclose(division.payoffs, [1.5, 1.5, 0], atol=1e-9)


def test_the_limit_of_large_powers_on_a_polytope() -> None:
    rng = np.random.default_rng(3)
    for n in (3, 4):
        problem = Problem(Polytope(rng.random((6, n)), free_disposal=True), np.zeros(n))
        limit = yu(problem, p=np.inf).raise_if_failed().payoffs
        off = [np.abs(yu(problem, p=p).raise_if_failed().payoffs - limit).max() for p in (16, 128)]
        assert off[1] < 0.02
        assert off[1] < 0.2 * off[0] + 1e-12
