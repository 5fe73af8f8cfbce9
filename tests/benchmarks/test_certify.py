"""A certificate on a ten-sided polygon: against sympy's rationals, and against the solver it checks on."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import sympy as sp

from bargaining import Polytope, Problem, nash
from bargaining.exact.certify import certify

pytestmark = pytest.mark.benchmark
Speedup = Callable[..., float]


def _ten_sides() -> Problem:
    angles = np.linspace(0, 2 * np.pi, 10, endpoint=False) + 0.1
    return Problem(Polytope(np.stack((3 * np.cos(angles), 7 * np.sin(angles)), axis=1)), [0.1, 0.2])


def _in_sympy(problem: Problem) -> tuple[sp.Rational, sp.Rational]:
    """The Nash solution in exact rationals: hull, then the first-order condition edge by edge."""
    corners = sp.convex_hull(
        *(sp.Point(*map(sp.Rational, v)) for v in problem.feasible.vertices.tolist())
    ).vertices
    d_0, d_1 = map(sp.Rational, problem.disagreement.tolist())
    best, where = sp.Integer(0), None
    for a, b in pairwise([*corners, corners[0]]):
        t = sp.Symbol("t")
        gain_0, gain_1 = a.x + t * (b.x - a.x) - d_0, a.y + t * (b.y - a.y) - d_1
        for root in sp.solve(sp.diff(gain_0 * gain_1, t), t):
            s = min(max(root, sp.Integer(0)), sp.Integer(1))
            gains = gain_0.subs(t, s), gain_1.subs(t, s)
            if min(gains) > 0 and gains[0] * gains[1] > best:
                best, where = gains[0] * gains[1], (gains[0] + d_0, gains[1] + d_1)
    assert where is not None
    return where


def test_a_ten_sided_polygon_against_sympy(speedup: Speedup) -> None:
    problem = _ten_sides()
    division = nash(problem)
    assert [sp.Rational(x) for x in certify(division).exact or ()] == list(_in_sympy(problem))
    ratio = speedup("certify against sympy", lambda: certify(division), lambda: _in_sympy(problem), rounds=3)
    assert ratio >= 8


def test_a_ten_sided_polygon_against_a_conic_solver(speedup: Speedup) -> None:
    """A proof costs less than finding the answer, to five digits, with a conic solver built afresh."""
    cp = pytest.importorskip("cvxpy")
    problem = _ten_sides()
    division = nash(problem)
    vertices, d = problem.feasible.vertices, problem.disagreement

    def rival() -> np.ndarray:
        mix = cp.Variable(len(vertices), nonneg=True)
        product = cp.sum(cp.log(vertices.T @ mix - d))
        cp.Problem(cp.Maximize(product), [cp.sum(mix) == 1]).solve(solver=cp.CLARABEL)
        return np.asarray(vertices.T @ mix.value)

    np.testing.assert_allclose(rival(), division.payoffs, rtol=1e-4)
    ratio = speedup("certify against cvxpy", lambda: certify(division), rival, rounds=9)
    assert ratio >= 4
