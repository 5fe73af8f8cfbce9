"""The continuous Raiffa path of polytopes, in boxes: against closed forms, matrix exponentials and an integrator."""

from dataclasses import replace
from fractions import Fraction
from itertools import permutations

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from bargaining import Polytope, Problem, Status, TransferableSurplus, certify, continuous_raiffa
from bargaining.exact._concepts import raiffa_path_polytope
from bargaining.exact._concepts.bodies import body
from bargaining.exact._concepts.raiffa_path_polytope import continuous_raiffa as boxed
from bargaining.exact._concepts.raiffa_path_polytope import first_above, series

F = Fraction
Box = tuple[tuple[Fraction, ...], tuple[Fraction, ...]]


def box_of(problem: Problem) -> Box:
    found = boxed(body(problem.feasible, problem.disagreement.tolist()))
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def test_a_cap_on_one_player_has_a_closed_form() -> None:
    """Below x0 + x1 + x2 <= 4, x0 <= 1 the cap goes at e^-t = 2/5, where x = (3, 15/2, 15/2)/5; then all gain 2/15."""
    problem = Problem(Polytope.from_inequalities([[1, 1, 1], [1, 0, 0]], [4, 1]), [0, 0, 0])
    for low, exact, high in zip(
        box_of(problem)[0], (F(11, 15), F(49, 30), F(49, 30)), box_of(problem)[1], strict=True
    ):
        assert low <= exact <= high
        assert high - low < F(1, 10**30)
    assert certify(continuous_raiffa(problem)).holds


@pytest.mark.dear("height0")
@pytest.mark.parametrize("height", [F(1), F(1000)])
def test_a_cylinder_over_a_polygon_is_the_polygon(height: Fraction) -> None:
    """A third player whose payoff costs nobody anything changes nothing."""
    corners = [[0, 0], [3, 0], [2, 2], [0, F(5, 2)]]
    tall = [[*c, h] for c in corners for h in (0, height)]
    low, high = box_of(Problem(Polytope(np.array(tall, dtype=float)), [0, 0, 0]))
    flat = box_of(Problem(Polytope(corners), [0, 0]))
    for a, b, c, d in zip(low, *flat, high, strict=False):
        assert max(a, b) <= min(c, d)
        assert d - a < F(1, 10**14)
    assert low[2] <= height <= high[2]
    assert high[2] - low[2] < height / 10**14


def test_straight_paths_end_at_rationals() -> None:
    cases = [
        (
            Problem(Polytope([[3, 0, 0], [0, 2, 0], [0, 0, 1]], free_disposal=True), [0, 0, 0]),
            (1, F(2, 3), F(1, 3)),
        ),
        (Problem(Polytope.from_inequalities(np.eye(4), [1, 2, 3, 4]), [0] * 4), (1, 2, 3, 4)),
        (
            Problem(Polytope([[2, 2, 2], [3, 0, 0], [0, 3, 0], [0, 0, 3]], free_disposal=True), [0, 0, 0]),
            (2, 2, 2),
        ),
        (Problem(TransferableSurplus(10, players=3), [1, 0, 0]), (4, 3, 3)),
    ]
    for problem, exact in cases:
        proof = certify(continuous_raiffa(problem))
        assert proof.exact == exact
        assert proof.holds


def test_a_symmetric_path_along_a_ridge_stays_there() -> None:
    """Two facets answer everybody all along, and from (0, 0, 1/2) on the last player is ahead of two equals."""
    tent = Polytope([[2.5, 2.5, 2.5], *permutations([4, 2, 1])], free_disposal=True)
    low, high = box_of(Problem(tent, [0, 0, 0.5]))
    assert max(h - x for x, h in zip(low, high, strict=True)) < F(1, 10**14)
    assert abs(low[0] - low[1]) < F(1, 10**14)
    assert low[2] > low[0]


def exponentials(matrix: np.ndarray, limits: np.ndarray) -> list[mpmath.mpf]:
    """Follow the path from 0 below {x : A x <= b}, A > 0, in 50 digits, event by event."""
    n = matrix.shape[1]
    a = [[mpmath.mpf(int(v)) for v in row] for row in matrix]
    b = [mpmath.mpf(int(v)) for v in limits]

    def far(x: list[mpmath.mpf], i: int, k: int) -> mpmath.mpf:
        return (b[k] - sum(a[k][j] * x[j] for j in range(n))) / a[k][i]

    x, time = [mpmath.mpf(0)] * n, mpmath.mpf(0)
    near = [min(range(len(b)), key=lambda k, i=i: far(x, i, k)) for i in range(n)]
    while len(set(near)) > 1:
        system = mpmath.matrix(n + 1, n + 1)
        for i, k in enumerate(near):
            system[i, n] = far(x, i, k)
            for j in range(n):
                system[i, j] = -a[k][j] / a[k][i]

        def at(t: mpmath.mpf, system: mpmath.matrix = system, x: list[mpmath.mpf] = x) -> list[mpmath.mpf]:
            moved = mpmath.expm(system * t)
            return [v + moved[i, n] for i, v in enumerate(x)]

        def ahead(t: mpmath.mpf, near: list[int] = near) -> list[tuple[mpmath.mpf, int, int]]:
            there = at(t)
            gaps = [
                (far(there, i, k) - far(there, i, near[i]), i, k)
                for i in range(n)
                for k in range(len(b))
                if k != near[i]
            ]
            return sorted(gaps, key=lambda gap: gap[0])

        early, late = mpmath.mpf(0), mpmath.mpf(1) / 16
        while ahead(late)[0][0] > 0:
            early, late = late, late + mpmath.mpf(1) / 16
        for _ in range(170):
            middle = (early + late) / 2
            early, late = (early, middle) if ahead(middle)[0][0] < 0 else (middle, late)
        _, player, facet = ahead(late)[0]
        x, near, time = at(late), [facet if i == player else k for i, k in enumerate(near)], time + late
    return [v + far(x, i, near[i]) / n for i, v in enumerate(x)]


@pytest.mark.dear("3", "6")
@pytest.mark.parametrize("seed", [3, 5, 6])
def test_matrix_exponentials_in_fifty_digits_end_in_the_box(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, limits = rng.integers(1, 9, (4, 3)), rng.integers(20, 40, 4)
    low, high = box_of(Problem(Polytope.from_inequalities(matrix, limits), [0, 0, 0]))
    with mpmath.workdps(50):
        for a, x, b in zip(low, exponentials(matrix, limits), high, strict=True):
            assert b - a < F(1, 10**30)
            assert abs(x - mpmath.mpf(a.numerator) / a.denominator) < mpmath.mpf(10) ** -30


@st.composite
def bodies(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Return a matrix of non-negative integers, no row or column empty, and limits."""
    n, k = draw(st.integers(3, 4)), draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(st.integers(0, 4), min_size=n, max_size=n), min_size=k, max_size=k))
    limits = draw(st.lists(st.integers(4, 16), min_size=k, max_size=k))
    return np.array(
        [[v + (j == i % n) for j, v in enumerate(row)] for i, row in enumerate(rows)]
        + np.eye(n, dtype=int).tolist()
    ), np.array([*limits, *[5] * n])


@settings(max_examples=15)
@given(bodies())
@example((np.array([[2, 0, 0], [3, 3, 3], [2, 2, 5], *np.eye(3, dtype=int)]), np.array([6, 14, 14, 5, 5, 5])))
def test_an_integrator_ends_in_the_box(data: tuple[np.ndarray, np.ndarray]) -> None:
    matrix, limits = data
    n = matrix.shape[1]
    low, high = box_of(Problem(Polytope.from_inequalities(matrix, limits), np.zeros(n)))

    def rate(_: float, x: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(matrix > 0, (limits - matrix @ x)[:, None] / matrix, np.inf).min(axis=0)

    # Many kinks: a method of high order once was off by 1.04e-6 at 1e-9; this one is within 6e-10 of 1e-13's answers.
    path = solve_ivp(rate, (0, 40), np.zeros(n), method="LSODA", rtol=1e-10, atol=1e-12)
    for a, x, b in zip(low, path.y[:, -1], high, strict=True):
        assert b - a <= F(1, 10**13)
        assert float(a) - 1e-8 <= x <= float(b) + 1e-8


@pytest.mark.dear("4")
@pytest.mark.parametrize("n", [3, 4])
def test_what_is_a_billionth_off_does_not_hold(n: int) -> None:
    points = np.random.default_rng(n).integers(0, 64, (8, n)) / 64
    division = continuous_raiffa(Problem(Polytope(points, free_disposal=True), np.zeros(n)))
    proof = certify(division)
    assert proof.holds
    assert proof.bound < 1e-12
    for i in range(n):
        along = np.eye(n)[i] - np.eye(n)[i - 1]
        moved = certify(replace(division, payoffs=division.payoffs + 1e-9 * along))
        assert not moved.holds
        assert moved.bound >= 9e-10


def test_other_units_and_names_and_floors() -> None:
    points = np.random.default_rng(1).integers(0, 16, (9, 3)) / 16
    problem = Problem(Polytope(points, free_disposal=True), [0, 0, 0.125])
    low, high = box_of(problem)
    division = continuous_raiffa(problem)
    scale, shift, order = np.array([2, 8, 0.5]), np.array([1, -3, 0]), [2, 0, 1]
    for other, payoffs in (
        (problem.rescale(scale, shift), division.payoffs * scale + shift),
        (problem.relabel(order), division.payoffs[order]),
        (problem.restrict(), division.payoffs),
    ):
        assert certify(replace(division, problem=other, payoffs=payoffs)).holds
        assert not certify(replace(division, problem=other, payoffs=payoffs + 1e-9 * np.eye(3)[0])).holds
    turned = box_of(Problem(Polytope(points[:, [2, 0, 1]], free_disposal=True), [0.125, 0, 0]))
    for a, b, c, d in zip(
        low, turned[0][1:] + turned[0][:1], turned[1][1:] + turned[1][:1], high, strict=True
    ):
        assert max(a, b) <= min(c, d)


def test_few_digits_make_a_wide_box_that_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    """With too few digits the path is lost on the way, and what is still possible is said."""
    points = np.random.default_rng(3).integers(0, 64, (10, 3)) / 64
    problem = Problem(Polytope(points), points.mean(axis=0) - 0.1)
    low, high = box_of(problem)
    widths = []
    for digits in (16, 26, 40):
        monkeypatch.setattr(raiffa_path_polytope, "DIGITS", digits)
        monkeypatch.setattr(raiffa_path_polytope, "MOST", digits)
        box = box_of(problem)
        for a, b, c, d in zip(box[0], low, high, box[1], strict=True):
            assert a <= b
            assert c <= d
        widths.append(max(h - x for x, h in zip(*box, strict=True)))
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > F(1, 10**3)
    monkeypatch.setattr(raiffa_path_polytope, "PIECES", 2)
    box = box_of(problem)
    assert all(a <= b and c <= d for a, b, c, d in zip(box[0], low, high, box[1], strict=True))


def test_statuses_and_players_who_cannot_gain() -> None:
    simplex = Polytope(np.vstack((np.zeros(3), np.eye(3))))
    low = continuous_raiffa(Problem(simplex, [1, 1, 1]))
    assert "EMPTY" in certify(low).statement
    on_frontier = continuous_raiffa(Problem(simplex, [0.5, 0.25, 0.25]))
    assert on_frontier.status == Status.DEGENERATE
    assert certify(on_frontier).exact == (F(1, 2), F(1, 4), F(1, 4))
    tower = Problem(Polytope.from_inequalities([[1, 1, 0], [1, 0, 0]], [2, 1]), [0, 0, 0])
    assert "UNBOUNDED" in certify(continuous_raiffa(tower)).statement
    flat = body(Polytope([[0, 0, 0], [1, 0, 0], [0, 1, 0]]), [0, 0, 0])
    assert boxed(flat).low == boxed(flat).high == (F(1, 2), F(1, 2), 0)
    assert boxed(flat).status == Status.DEGENERATE


def test_a_polynomial_passes_a_limit() -> None:
    """x - 1/2, x^2 - 1/4, and one that goes down before it comes up, all over 2^64."""
    one = 1 << 64
    for terms, where in (([-one // 2, one], 0.5), ([-one // 4, 0, one], 0.5), ([0, -one // 2, one], 0.5)):
        assert first_above(terms, 0, 64) / one == pytest.approx(where, abs=1e-15)
    assert first_above([-one, one // 2], 0, 64) == one


def test_control_points_hold_the_curve() -> None:
    """x' = 1 - x from 0, whose control points rise from 0 to 1 - 1/e and lie above the curve of that concave path."""
    from bargaining.exact._concepts.raiffa_path_polytope import Basis

    basis = Basis(gain=np.array([1, -1], dtype=object), size=1, needs=np.empty((0, 2), dtype=object))
    path = series([basis], np.array([1, 0], dtype=object), 30, 200)
    points = path.controls(1 << 200, 150)
    heights = [F(int(v), 1 << 150) for v in points[1]]
    assert heights[0] == 0
    assert float(heights[-1]) == pytest.approx(1 - np.exp(-1), abs=1e-15)
    for k, height in enumerate(heights):
        assert 1 - np.exp(-k / 30) <= float(height) + 1e-15
