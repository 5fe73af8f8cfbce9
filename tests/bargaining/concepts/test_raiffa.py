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
