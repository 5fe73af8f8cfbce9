"""The continuous Raiffa path of polygons, held in boxes: against a closed form, and against an integrator."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from bargaining import Polytope, Problem, Status, certify, continuous_raiffa
from bargaining.exact._concepts.bodies import Enclosure, body
from bargaining.exact._concepts.raiffa_path_polytope import continuous_raiffa as box_of

F = Fraction


def boxed(corners: list[list[Fraction | int]]) -> Enclosure:
    return box_of(body(Polytope(corners), [0, 0]))


def test_one_vertex_has_a_closed_form() -> None:
    """From (0, 0) below (0, 5/2), (2, 2), (3, 0) player 0 passes the vertex first, when tanh(r t) / r = u0 / (a u1)."""
    box = boxed([[0, 0], [3, 0], [2, 2], [0, F(5, 2)]])
    with mpmath.workdps(60):
        a, b, u_0, u_1 = mpmath.mpf(1) / 2, mpmath.mpf(1) / 4, 2, 2
        r = mpmath.sqrt(a * b)
        t = mpmath.atanh(r * u_0 / (a * u_1)) / r
        left = mpmath.exp(-t) * (u_1 * mpmath.cosh(r * t) - b * u_0 * mpmath.sinh(r * t) / r)
        end = 2 + a * left / 2, 2 - left / 2
        assert box.low is not None
        assert box.high is not None
        for low, x, high in zip(box.low, end, box.high, strict=True):
            assert (
                mpmath.mpf(low.numerator) / low.denominator
                <= x
                <= mpmath.mpf(high.numerator) / high.denominator
            )
            assert high - low < F(1, 10**40)


def test_straight_frontiers_are_answered_in_fractions() -> None:
    triangle = Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0])
    assert certify(continuous_raiffa(triangle)).exact == (2, F(1, 2))
    square = Problem(Polytope([[0, 0], [1, 0], [1, 1], [0, 1]]), [0, 0])
    assert certify(continuous_raiffa(square)).exact == (1, 1)


def test_a_path_into_a_vertex_never_arrives_and_is_enclosed() -> None:
    """The symmetric path ends at the vertex in the middle."""
    for corners in ([[0, 3], [2, 2], [3, 0]], [[0, 4], [2, 3.5], [3, 3], [3.5, 2], [4, 0]]):
        division = continuous_raiffa(Problem(Polytope([*corners, [0, 0]]), [0, 0]))
        proof = certify(division)
        assert proof.bound < 1e-14
        assert division.payoffs.tolist() == pytest.approx([corners[len(corners) // 2][0]] * 2, rel=1e-12)


@st.composite
def chains(draw: st.DrawFn) -> list[list[Fraction]]:
    """Return the corners of a falling concave chain, from sorted slopes."""
    slopes = sorted(draw(st.sets(st.fractions(F(1, 8), 8, max_denominator=8), min_size=2, max_size=5)))
    runs = draw(st.lists(st.integers(1, 6), min_size=len(slopes), max_size=len(slopes)))
    x, y = F(0), sum((s * r for s, r in zip(slopes, runs, strict=True)), F(0))
    corners = [[x, y]]
    for slope, run in zip(slopes, runs, strict=True):
        x, y = x + run, y - slope * run
        corners.append([x, y])
    return corners


def integrated(corners: list[list[Fraction]]) -> np.ndarray:
    """Follow x' = a(x) - x by Runge and Kutta until a step of half the ideal gains ends on the frontier."""
    xs, ys = np.array(corners, dtype=float).T

    def rate(_: float, v: np.ndarray) -> np.ndarray:
        return np.array([np.interp(v[1], ys[::-1], xs[::-1]), np.interp(v[0], xs, ys)]) - v

    path = solve_ivp(rate, (0, 40), [0.0, 0.0], method="RK45", rtol=1e-8, atol=1e-10)
    return np.asarray(path.y[:, -1])


@given(chains())
def test_an_integrator_ends_in_the_box(corners: list[list[Fraction]]) -> None:
    box = boxed([*corners, [0, 0]])
    assert box.low is not None
    assert box.high is not None
    end = integrated(corners)
    size = np.array([float(corners[-1][0]), float(corners[0][1])])
    for low, high, x, s in zip(box.low, box.high, end, size, strict=True):
        assert high - low <= F(1, 10**20) * F(s)
        assert float(low) - 1e-5 * s <= x <= float(high) + 1e-5 * s


@given(chains(), st.integers(0, 10))
def test_another_point_of_the_frontier_does_not_hold(corners: list[list[Fraction]], place: int) -> None:
    problem = Problem(Polytope(np.array([*corners, [0, 0]], dtype=float)), [0, 0])
    division = continuous_raiffa(problem)
    (x, y), (u, v) = list(pairwise(corners))[place % (len(corners) - 1)]
    share = F(place + 1, 12)
    other = np.array([float(x + share * (u - x)), float(y + share * (v - y))])
    off = float(np.abs((other - division.payoffs) / problem.ideal).max())
    if off > 1e-10:
        assert certify(replace(division, payoffs=other)).bound >= off * (1 - 1e-9)


def test_half_planes_and_statuses() -> None:
    wedge = Problem(Polytope.from_inequalities([[1, 1], [1, 3]], [4, 9]), [0, 0])
    assert certify(continuous_raiffa(wedge)).holds
    low = Problem(Polytope([[0, 0], [1, 0], [0, 1]]), [2, 2])
    assert "EMPTY" in certify(continuous_raiffa(low)).statement
    edge = continuous_raiffa(Problem(Polytope([[0, 0], [1, 0], [0, 1]]), [0.5, 0.5]))
    assert edge.status == Status.DEGENERATE
    assert certify(edge).bound < 1e-12
