"""Discrete Raiffa: the iteration in other arithmetic, on other representations, for more players."""

from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining import Frontier, NotApplicable, Polytope, Problem, Status, TransferableSurplus
from bargaining.concepts.raiffa import raiffa
from bargaining.feasible.points import FreeDisposalHull
from exact_programs import best


def test_parabola_by_iterating_in_fifty_digits() -> None:
    with mpmath.workdps(50):
        x, y = mpmath.mpf(0), mpmath.mpf(0)
        for _ in range(12):
            x, y = (x + mpmath.sqrt(4 - y)) / 2, (y + 4 - x**2) / 2
        expected = [float(x), float(y)]
    np.testing.assert_allclose(expected, [1.2159418, 2.5214855], atol=5e-8)  # the table's digits
    for slope in (lambda x: -2 * x, None):
        division = raiffa(Problem(Frontier(lambda x: 4 - x**2, 0, 2, derivative=slope), [0, 0]))
        np.testing.assert_allclose(division.payoffs, expected, rtol=1e-13)
        assert division.status == Status.OK


def test_triangle() -> None:
    np.testing.assert_array_equal(
        raiffa(Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0])).payoffs, [2, 0.5]
    )


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=6))
def test_polygons_by_iterating_in_fractions(pairs: list[tuple[int, int]]) -> None:
    steps = sorted(pairs, key=lambda s: Fraction(s[1], s[0]))
    points = [(Fraction(0), Fraction(sum(s[1] for s in steps)))]
    for run, fall in steps:
        points.append((points[-1][0] + run, points[-1][1] - fall))

    def height(chain: list[tuple[Fraction, Fraction]], at: Fraction) -> Fraction:
        for (a, b), (c, d) in pairwise(chain):
            if at <= c:
                return b + (d - b) * (at - a) / (c - a)
        raise AssertionError

    x, y = Fraction(0), Fraction(0)
    mirror = [(b, a) for a, b in points[::-1]]
    for _ in range(60):
        x, y = (x + height(mirror, y)) / 2, (y + height(points, x)) / 2
        x, y = Fraction(round(x * 2**80), 2**80), Fraction(round(y * 2**80), 2**80)  # keep them short
        x, y = min(x, points[-1][0]), min(y, height(points, x))
    for disposal in (True, False):
        shape = Polytope([[float(a), float(b)] for a, b in points] + [[0, 0]], free_disposal=disposal)
        np.testing.assert_allclose(
            raiffa(Problem(shape, [0, 0])).payoffs, [float(x), float(y)], rtol=1e-13, atol=1e-13
        )


def test_every_interim_agreement_is_feasible_and_none_is_left() -> None:
    rng = np.random.default_rng(2)
    for players in (2, 3, 4):
        points = rng.uniform(0, 1, (8, players))
        problem = Problem(Polytope(points), np.zeros(players))
        division = raiffa(problem).raise_if_failed()
        assert problem.feasible.contains(division.payoffs, tol=1e-12)
        np.testing.assert_allclose(
            problem.feasible.ideal(division.payoffs - 1e-13), division.payoffs, atol=1e-11
        )
        # The first agreement, the mean of the best, is dominated by the last.
        assert (division.payoffs >= problem.ideal / players - 1e-12).all()


def test_three_players_without_free_disposal() -> None:
    # Where Kalai-Smorodinsky stays at 0, the interim agreements reach the best for player 2.
    edge = Polytope([[0, 0, 0], [1, 0, 1], [0, 1, 1]])
    np.testing.assert_allclose(raiffa(Problem(edge, [0, 0, 0])).payoffs, [0.5, 0.5, 1], rtol=1e-13)
    four = raiffa(Problem(TransferableSurplus(10, players=4), [0, 1, 2, 3]))
    np.testing.assert_array_equal(four.payoffs, [1, 2, 3, 4])


def test_not_applicable_without_lotteries() -> None:
    with pytest.raises(NotApplicable, match="`convex_hull\\(\\)`"):
        raiffa(Problem(FreeDisposalHull([[1, 2], [2, 1]]), [0, 0]))


def by_programs_in_rationals(matrix: np.ndarray, limits: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Iterate in rationals, each player's best by the simplex method; payoffs are rounded down to 2**-90."""
    rows = [[Fraction(a) for a in row] for row in matrix.tolist()]
    right, x = [Fraction(b) for b in limits.tolist()], [Fraction(v) for v in d.tolist()]
    n = len(x)
    for _ in range(400):
        slack = [
            b - sum(a * v for a, v in zip(row, x, strict=True)) for row, b in zip(rows, right, strict=True)
        ]
        gains = [best([Fraction(int(i == j)) for j in range(n)], rows, slack) for i in range(n)]
        assert None not in gains
        if max(gains) < Fraction(1, 10**16):
            return np.array([float(v) for v in x])
        x = [Fraction((v + g / n) * 2**90 // 1, 2**90) for v, g in zip(x, gains, strict=True)]
    raise AssertionError


@pytest.mark.parametrize(
    "seed", [251, pytest.param(260, marks=pytest.mark.slow), pytest.param(1313, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("copies", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_an_interim_agreement_on_a_side_does_not_end_the_talks(seed: int, copies: int) -> None:
    # Rounding puts an interim agreement on, or just outside, a side that one player is not bound by; of a ray along
    # that player's payoff nothing seemed to be left then.
    rng = np.random.default_rng(seed)
    m = int(rng.integers(3, 8))
    matrix = rng.uniform(0.2, 3, (m, 4))
    matrix = np.where(rng.random((m, 4)) < 0.2, -0.3 * matrix, matrix)
    matrix, limits = np.concatenate((matrix, -np.eye(4))), np.concatenate((np.ones(m), np.zeros(4)))
    d = np.full(4, 0.01)
    for copy in range(copies):
        jitter = np.random.default_rng(copy).uniform(-1e-9, 1e-9, m) if copy else np.zeros(m)
        right = limits + np.concatenate((jitter, np.zeros(4)))
        problem = Problem(Polytope.from_inequalities(matrix, right), d)
        division = raiffa(problem).raise_if_failed()
        exact = by_programs_in_rationals(matrix, right, d)
        assert (np.abs(division.payoffs - exact) <= 1e-11 * (problem.ideal - d)).all()
