"""The nearest point of polytopes of three and more players against the conditions that define it."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bargaining import Polytope, Problem, certify, yu

F = Fraction

points_of = {
    n: st.lists(st.tuples(*[st.integers(0, 12)] * n), min_size=n + 1, max_size=9, unique=True) for n in (3, 4)
}


@given(st.data())
def test_the_square_is_answered_in_fractions_that_no_point_beats(data: st.DataObject) -> None:
    """x is nearest if and only if no point of the set is better than x at the prices max(a - x, 0)."""
    n = data.draw(st.integers(3, 4))
    points = data.draw(points_of[n])
    problem = Problem(Polytope(points, free_disposal=True), np.full(n, -1.0))
    division = yu(problem, p=2)
    proof = certify(division)
    assert proof.holds
    assert proof.exact is not None
    ideal = [F(max(column)) for column in zip(*points, strict=True)]
    prices = [max(a - x, F(0)) for a, x in zip(ideal, proof.exact, strict=True)]
    worth = sum(q * x for q, x in zip(prices, proof.exact, strict=True))
    assert all(sum(q * F(v) for q, v in zip(prices, point, strict=True)) <= worth for point in points)


def test_the_nearest_point_of_a_facet_has_a_closed_form() -> None:
    """On n . x = 1 the loss to an ideal with n . a = 3 is 2 n / |n|^2."""
    ideal = (F(6), F(11, 2), F(5))
    normal = [1 / a for a in ideal]
    share = 2 / sum(v * v for v in normal)
    division = yu(Problem(Polytope(np.diag([6, 5.5, 5]), free_disposal=True), [0, 0, 0]), p=2)
    assert certify(division).exact == tuple(a - share * v for a, v in zip(ideal, normal, strict=True))


@given(st.data())
def test_the_least_sum_is_that_of_a_point(data: st.DataObject) -> None:
    """With free disposal every x <= a, so the largest sum is at a point; a worse point misses it by what is proved."""
    points = data.draw(points_of[3])
    ideal = np.max(points, axis=0)
    problem = Problem(Polytope(points, free_disposal=True), [-1.0] * 3)
    division = yu(problem, p=1)
    best = np.array(min(points, key=lambda point: (ideal - point).sum()), dtype=float)
    assert certify(replace(division, payoffs=best)).bound == 0
    assert certify(division).holds
    assert certify(replace(division, payoffs=division.payoffs - [1e-3, 0, 0])).bound > 1e-6
