"""Raiffa and Perles-Maschler on polygons: iteration in floats, quadrature, and each other."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from bargaining import Polytope
from bargaining.errors import Status
from bargaining.exact import polygons
from bargaining.exact._concepts.bodies import Plane, settled
from bargaining.exact._concepts.rays import perles_maschler, pieces, raiffa

F = Fraction
TRIANGLE: Any = [[0, 0], [4, 0], [0, 1]]


def in_radicals(problem: Any) -> tuple[sp.Expr, ...]:
    """The same point in square roots, by sympy."""
    edges, status = pieces(problem)
    if status != Status.OK or len(edges) < 2:
        return tuple(sp.Rational(x) for x in edges[0])
    lengths = [sp.sqrt(sp.Rational(abs((c - a) * (d - b)))) for (a, b), (c, d) in pairwise(edges)]
    left = sum(lengths) / 2
    for (a, b), length in zip(pairwise(edges), lengths, strict=True):
        if sp.simplify(left - length) <= 0:
            share = sp.radsimp(left / length)
            return tuple(
                sp.expand(sp.Rational(p) + share * sp.Rational(q - p)) for p, q in zip(a, b, strict=True)
            )
        left -= length
    raise AssertionError


@st.composite
def shapes(draw: st.DrawFn) -> tuple[Any, Any]:
    """Draw up to seven corners and a disagreement point inside their hull, with free disposal."""
    corner = st.tuples(st.integers(0, 12), st.integers(0, 12))
    points = draw(st.lists(corner, min_size=2, max_size=7))
    low = [min(p[k] for p in points) for k in (0, 1)]
    return [list(p) for p in points], [F(low[0]) - F(1, 3), F(low[1]) - F(1, 7)]


def test_the_triangle() -> None:
    shape = polygons.polygon(TRIANGLE, [0, 0])
    assert raiffa(Plane(polygon=shape)) == settled((F(2), F(1, 2)), Status.OK)
    assert in_radicals(shape) == (2, sp.Rational(1, 2))
    assert polygons.equal_loss(shape).payoffs == (F(16, 5), F(1, 5))
    assert polygons.gupta_livne(shape, [F(1, 2), F(1, 2)]).payoffs == (F(16, 11), F(7, 11))
    assert polygons.dictatorial(shape, 1).payoffs == (F(0), F(1))


@given(shapes())
def test_raiffa_is_where_the_steps_lead(shape: tuple[Any, Any]) -> None:
    """Sixty steps in floats, with the ideal points of the numerical set."""
    points, d = shape
    found = raiffa(Plane(polygon=polygons.polygon(points, d, free_disposal=True)))
    low, high = found.low, found.high
    assert low is not None
    assert high is not None
    numerical, here = Polytope(points, free_disposal=True), np.array(d, dtype=float)
    for _ in range(60):
        here = (here + numerical.ideal(here)) / 2
    np.testing.assert_allclose(np.array(low, dtype=float), here, rtol=1e-12, atol=1e-12)
    assert all(0 <= b - a < F(1, 10**20) for a, b in zip(low, high, strict=True))


@given(shapes())
def test_perles_maschler_halves_the_length(shape: tuple[Any, Any]) -> None:
    """Measure sqrt(-dx dy) in floats along the frontier, and agree with the radicals."""
    points, d = shape
    problem = polygons.polygon(points, d, free_disposal=True)
    box, radicals = perles_maschler(problem), in_radicals(problem)
    assert box.low is not None
    assert box.high is not None
    assert all(0 <= b - a < F(1, 10**60) for a, b in zip(box.low, box.high, strict=True))
    answer = np.array(box.low, dtype=float)
    np.testing.assert_allclose([float(r) for r in radicals], answer, rtol=1e-13, atol=1e-13)
    chain = np.array(problem.chain, dtype=float) / problem.scale
    # The flat ends that free disposal adds have no length.
    corners = np.array([[float(d[0]), chain[0, 1]], *chain, [chain[-1, 0], float(d[1])]])
    before = sum(_length(a, b) for a, b in _cut(corners, answer[0]))
    total = sum(_length(a, b) for a, b in pairwise(corners))
    assert before == pytest.approx(total / 2, abs=1e-7 * max(total, 1))


def _length(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(abs((b[0] - a[0]) * (b[1] - a[1]))))


def _cut(corners: np.ndarray, x: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """The pieces of the frontier to the left of x."""
    pieces = []
    for a, b in pairwise(corners):
        if b[0] <= x:
            pieces.append((a, b))
        elif a[0] < x:
            share = (x - a[0]) / (b[0] - a[0])
            pieces.append((a, a + share * (b - a)))
    return pieces


def test_many_corners_approach_the_smooth_frontier() -> None:
    """On x1 = 4 - x0² sqrt(-dx dy) integrates to x0^1.5, so the half is at 2^(1/3); chords of it converge."""
    nodes = [F(k, 200) for k in range(401)]
    points: Any = [[x, 4 - x * x] for x in nodes]
    shape = polygons.polygon(points, [0, 0], free_disposal=True)
    box = perles_maschler(shape)
    assert box.low is not None
    assert float(box.low[0]) == pytest.approx(2 ** (1 / 3), abs=2e-5)
    expected = brentq(lambda x: x**1.5 - 2**0.5, 0, 2)
    assert float(box.low[0]) == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize(
    ("d", "status", "point"),
    [
        ([F(5), F(0)], Status.EMPTY, None),
        ([F(2), F(1, 2)], Status.DEGENERATE, (F(2), F(1, 2))),
        ([F(4), F(-1)], Status.DEGENERATE, (F(4), F(0))),
    ],
)
def test_disagreement_points_off_the_interior(d: Any, status: Status, point: Any) -> None:
    shape = polygons.polygon(TRIANGLE, d)
    found, box = raiffa(Plane(polygon=shape)), perles_maschler(shape)
    assert found == settled(point, status)
    assert (box.low, box.high, box.status) == (point, point, status)


def test_a_box_is_reached_in_the_limit() -> None:
    square = polygons.polygon([[1, 1]], [0, 0], free_disposal=True)
    assert raiffa(Plane(polygon=square)) == settled((F(1), F(1)), Status.OK)
    assert perles_maschler(square).low == (F(1), F(1))


@given(shapes())
def test_equal_loss_loses_equally_and_goes_no_further(shape: tuple[Any, Any]) -> None:
    points, d = shape
    problem = polygons.polygon(points, d, free_disposal=True)
    ideal, found = problem.ideal(), polygons.equal_loss(problem).payoffs
    assert ideal is not None
    assert found is not None
    lost = [F(a) / problem.scale - x for a, x in zip(ideal, found, strict=True)]
    assert lost[0] == lost[1] >= 0
    beyond = Polytope(points, free_disposal=True)
    x = np.array(found, dtype=float)
    assert beyond.contains(x)
    assert lost[0] == 0 or not beyond.contains(x + 1e-6)
