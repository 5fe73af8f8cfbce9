"""The discrete Raiffa solution of polytopes against steps whose ideal points have a formula."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining import Polytope, Problem, Status, certify, raiffa
from bargaining.exact._concepts import rays
from bargaining.exact._concepts.bodies import body

F = Fraction
Rows = list[list[int]]


def by_formula(rows: Rows, limits: list[int], n: int, rounds: int) -> tuple[list[Fraction], list[Fraction]]:
    """Where nothing is negative, player i's best above x is the least of (b - sum of the others' a x) / a_i."""
    x = [F(0)] * n

    def ideal() -> list[Fraction]:
        return [
            min(
                (b - sum(a * v for j, (a, v) in enumerate(zip(row, x, strict=True)) if j != i)) / F(row[i])
                for row, b in zip(rows, limits, strict=True)
                if row[i]
            )
            for i in range(n)
        ]

    for _ in range(rounds):
        x = [v + (a - v) / n for v, a in zip(x, ideal(), strict=True)]
    return x, ideal()


rows_of = {
    n: st.lists(st.lists(st.integers(1, 9), min_size=n, max_size=n), min_size=1, max_size=4)
    for n in (2, 3, 4)
}


@given(st.data())
def test_the_box_holds_what_the_formula_says(data: st.DataObject) -> None:
    n = data.draw(st.integers(3, 4))
    rows = data.draw(rows_of[n])
    limits = data.draw(st.lists(st.integers(5, 40), min_size=len(rows), max_size=len(rows)))
    problem = Problem(Polytope.from_inequalities(rows, limits), np.zeros(n))
    found = rays.raiffa(body(problem.feasible, [0.0] * n))
    low, high = by_formula(rows, limits, n, 40)
    assert found.low is not None
    assert found.high is not None
    assert all(a <= y for a, y in zip(low, found.high, strict=True))
    assert all(x <= b for x, b in zip(found.low, high, strict=True))
    assert max(b - a for a, b in zip(found.low, found.high, strict=True)) < F(1, 10**14)


def test_a_step_that_lands_gives_fractions() -> None:
    """Below one facet a single step lands; the triangle of unit vectors is shared equally."""
    pie = Problem(Polytope.from_inequalities([[1, 2, 3]], [6]), [0, 0, 0])
    assert certify(raiffa(pie)).exact == (2, 1, F(2, 3))
    assert (
        certify(raiffa(Problem(Polytope(np.vstack((np.eye(3), np.zeros(3)))), [0, 0, 0]))).exact
        == (F(1, 3),) * 3
    )


def test_a_half_plane_of_two_players_is_no_polygon_and_certified() -> None:
    wedge = Polytope.from_inequalities([[1, 1], [1, 3]], [4, 9])
    division = raiffa(Problem(wedge, [0, 0]))
    assert certify(division).holds
    assert certify(raiffa(Problem(Polytope.from_inequalities([[1, 1]], [4]), [0, 0]))).exact == (2, 2)


def test_who_cannot_gain_stays_and_the_others_go_on() -> None:
    """With nothing for player 2 the other two share by themselves; a third of the way each time."""
    flat = Problem(Polytope([[0, 0, 0], [2, 0, 0], [0, 1, 0]], free_disposal=True), [0, 0, 0])
    division = raiffa(flat)
    assert division.status == Status.DEGENERATE
    proof = certify(division)
    assert proof.bound < 1e-12
    np.testing.assert_allclose(division.payoffs, [1, 0.5, 0])


def test_the_statuses_are_certified() -> None:
    solid = Polytope(np.vstack((np.eye(3), np.zeros(3))))
    assert "EMPTY" in certify(raiffa(Problem(solid, [1, 1, 1]))).statement
    tall = Polytope.from_inequalities([[1, 0, 0], [0, 1, 0]], [1, 1])
    assert "UNBOUNDED" in certify(raiffa(Problem(tall, [0, 0, 0]))).statement


def test_long_fractions_are_held_between_short_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """With hardly any digits allowed, the box must still hold the answer of the exact steps."""
    rows, limits = [[1, 2, 4], [5, 1, 2], [2, 7, 1]], [9, 11, 13]
    it = body(Polytope.from_inequalities(rows, limits), [0.0] * 3)
    exact = rays.raiffa(it)
    monkeypatch.setattr(rays, "LONG", 20)
    monkeypatch.setattr(rays, "KEPT", 60)
    rough = rays.raiffa(it)
    assert rough.low is not None
    assert rough.high is not None
    assert exact.low is not None
    assert exact.high is not None
    assert rough.low != exact.low
    for a, b, x, y in zip(rough.low, rough.high, exact.low, exact.high, strict=True):
        assert a <= y
        assert x <= b
        assert b - a < F(1, 2**40)
