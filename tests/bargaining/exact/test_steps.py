"""The discrete Raiffa solution of polytopes against steps whose ideal points have a formula."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining import Polytope, Problem, Status, certify, raiffa

F = Fraction
Rows = list[list[int]]


def by_formula(rows: Rows, limits: list[int], n: int, rounds: int) -> list[float]:
    """Where nothing is negative, player i's best above x is the least of (b - sum of the others' a x) / a_i."""
    x = [F(0)] * n
    for _ in range(rounds):
        ideal = [
            min(
                (b - sum(a * v for j, (a, v) in enumerate(zip(row, x, strict=True)) if j != i)) / F(row[i])
                for row, b in zip(rows, limits, strict=True)
            )
            for i in range(n)
        ]
        x = [v + (a - v) / n for v, a in zip(x, ideal, strict=True)]
    return [float(v) for v in x]


rows_of = {
    n: st.lists(st.lists(st.integers(1, 9), min_size=n, max_size=n), min_size=1, max_size=4) for n in (2, 3)
}


@given(st.data())
def test_what_is_proved_is_what_the_formula_says(data: st.DataObject) -> None:
    n = data.draw(st.integers(2, 3))
    rows = data.draw(rows_of[n])
    limits = data.draw(st.lists(st.integers(5, 40), min_size=len(rows), max_size=len(rows)))
    division = raiffa(Problem(Polytope.from_inequalities(rows, limits), np.zeros(n)))
    exact = np.array(by_formula(rows, limits, n, 100))
    assert certify(replace(division, payoffs=exact)).bound < 1e-13
    assert certify(division).holds
    assert certify(replace(division, payoffs=exact * (1 - 1e-6))).bound > 1e-8


def test_a_step_that_lands_gives_fractions() -> None:
    """Below one facet a single step lands; the triangle of unit vectors is shared equally."""
    pie = Problem(Polytope.from_inequalities([[1, 2, 3]], [6]), [0, 0, 0])
    assert certify(raiffa(pie)).exact == (2, 1, F(2, 3))
    triangle = Problem(Polytope(np.vstack((np.eye(3), np.zeros(3)))), [0, 0, 0])
    assert certify(raiffa(triangle)).exact == (F(1, 3),) * 3
    half_plane = Problem(Polytope.from_inequalities([[1, 1]], [4]), [0, 0])
    assert certify(raiffa(half_plane)).exact == (2, 2)


def test_who_cannot_gain_stays_and_the_others_go_on() -> None:
    """With nothing for player 2 the other two share by themselves; a third of the way each time."""
    flat = Problem(Polytope([[0, 0, 0], [2, 0, 0], [0, 1, 0]], free_disposal=True), [0, 0, 0])
    division = raiffa(flat)
    assert division.status == Status.DEGENERATE
    assert certify(division).bound < 1e-12
    np.testing.assert_allclose(division.payoffs, [1, 0.5, 0])


@pytest.mark.parametrize(
    ("feasible", "d", "status"),
    [
        (Polytope(np.vstack((np.eye(3), np.zeros(3)))), [1, 1, 1], "EMPTY"),
        (Polytope.from_inequalities([[1, 0, 0], [0, 1, 0]], [1, 1]), [0, 0, 0], "UNBOUNDED"),
    ],
)
def test_the_statuses_are_certified(feasible: Polytope, d: list[float], status: str) -> None:
    assert status in certify(raiffa(Problem(feasible, d))).statement
