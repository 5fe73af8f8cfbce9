"""The nearest point of polytopes of three and more players against the conditions that define it."""

from dataclasses import replace
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining import Polytope, Problem, certify, yu
from bargaining.exact._concepts.bodies import body
from bargaining.exact._concepts.nearest_losses import least_sum, nearest_losses

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
    if proof.exact is None:  # somebody loses nothing
        return
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


@pytest.mark.parametrize("power", [1.25, 1.5, 2.5, 3.0, 7.0])
@pytest.mark.parametrize("form", ["points", "inequalities"])
def test_other_powers_are_enclosed_and_a_search_agrees(power: float, form: str) -> None:
    """On one facet with normal v losses are proportional to v^(1 / (p - 1)), in fifty digits."""
    normal, top = (55, 60, 66), (F(6), F(11, 2), F(5))
    sets = {
        "points": Polytope(np.diag([6, 5.5, 5]), free_disposal=True),
        "inequalities": Polytope.from_inequalities([normal, *np.eye(3)], [330, 6, 5.5, 5]),
    }
    problem = Problem(sets[form], [0, 0, 0])
    division = yu(problem, p=power)
    assert certify(division).holds
    found = nearest_losses(body(problem.feasible, [0.0] * 3), top, F(power), division.payoffs.tolist())
    assert found is not None
    x, misses = found
    assert max(misses) < F(1, 10**15)
    with mpmath.workdps(50):
        rates = [mpmath.mpf(v) ** (1 / (mpmath.mpf(power) - 1)) for v in normal]
        size = 660 / sum(v * r for v, r in zip(normal, rates, strict=True))
        losses = [float(size * r) for r in rates]
    for a, loss, v in zip(top, losses, x, strict=True):
        assert float(a - v) == pytest.approx(loss, rel=1e-14)
    assert not certify(replace(division, payoffs=division.payoffs + np.array([1e-6, 0, 0]))).holds


@given(st.data())
def test_the_least_sum_is_that_of_a_vertex_or_of_losses_at_zero(data: st.DataObject) -> None:
    """Brute force over mixtures never finds less; the bound of the certificate is what a worse point misses."""
    points = data.draw(points_of[3])
    problem = Problem(Polytope(points, free_disposal=True), [-1.0] * 3)
    ideal = tuple(F(max(column)) for column in zip(*points, strict=True))
    least = least_sum(body(problem.feasible, [-1.0] * 3), ideal)
    # With free disposal every x <= a: the largest sum is at a point.
    assert least == min(sum(a - v for a, v in zip(ideal, point, strict=True)) for point in points)
    division = yu(problem, p=1)
    assert certify(division).holds
    lower = division.payoffs - [1e-3, 0, 0]
    assert certify(replace(division, payoffs=lower)).bound > 1e-6


@given(st.floats(0, 3), st.floats(-3, 3), st.floats(1.05, 6))
def test_powers_are_as_convex_as_the_bound_says(t: float, s: float, p: float) -> None:
    """The inequalities that turn a gap into a distance of losses, on positive parts."""
    kept, excess = max(s, 0.0), 1e-12
    above = kept**p / p - t**p / p - t ** (p - 1) * (s - t)
    if p >= 2:
        assert above >= abs(kept - t) ** p / (p * (2 ** (p - 1) - 1)) - excess
    else:
        assert above >= (p - 1) / 2 * 3 ** (p - 2) * (kept - t) ** 2 - excess


def test_a_point_with_a_tiny_share_is_found() -> None:
    """The float answer hides that a further point has a share; its prices tell."""
    points = [
        [5, 4, 0],
        [2, 2, 0],
        [0, 0, 1],
        [4, 1, 5],
        [3, 5, 1],
        [3, 2, 3],
        [5, 2, 3],
        [0, 0, 4],
        [1, 4, 3],
    ]
    small = np.array(points) * 1e-4
    problem = Problem(Polytope(small, free_disposal=True), [1.11813997e-04, 6.58373648e-06, -3.11368763e-05])
    proof = certify(yu(problem, p=2))
    assert proof.exact is not None
    assert proof.holds
