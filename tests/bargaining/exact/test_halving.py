"""Perles-Maschler and equal loss on polygons: quadrature along the frontier, radicals, and each other."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from bargaining import Polytope, Problem, certify, perles_maschler
from bargaining.exact import polygons

F = Fraction
TRIANGLE: Any = [[0, 0], [4, 0], [0, 1]]


@st.composite
def shapes(draw: st.DrawFn) -> tuple[Any, Any]:
    """Draw up to seven corners and a disagreement point below all of them."""
    corner = st.tuples(st.integers(0, 12), st.integers(0, 12))
    points = draw(st.lists(corner, min_size=2, max_size=7))
    low = [min(p[k] for p in points) for k in (0, 1)]
    return [list(p) for p in points], [F(low[0]) - F(1, 4), F(low[1]) - F(1, 8)]


def test_the_triangle() -> None:
    shape = polygons.polygon(TRIANGLE, [0, 0])
    assert polygons.equal_loss(shape).payoffs == (F(16, 5), F(1, 5))
    assert polygons.gupta_livne(shape, [F(1, 2), F(1, 2)]).payoffs == (F(16, 11), F(7, 11))
    assert polygons.dictatorial(shape, 1).payoffs == (F(0), F(1))


@given(shapes())
def test_perles_maschler_halves_the_length(shape: tuple[Any, Any]) -> None:
    """Measure sqrt(-dx dy) in floats along the frontier of the hull; what is proved to be the answer halves it."""
    points, d = shape
    division = perles_maschler(Problem(Polytope(points, free_disposal=True), [float(x) for x in d]))
    proof = certify(division)
    assert proof.holds
    assert proof.bound < 1e-13
    flat = [*points, [float(d[0]), max(y for _, y in points)], [max(x for x, _ in points), float(d[1])]]
    ends = [*flat, [float(x) for x in d]]
    corners = np.array(ends)[ConvexHull(ends).vertices]
    x, y = (corners - [float(v) for v in d]).T
    chain = corners[(x > 0) | (y >= y.max())]
    chain = chain[np.lexsort((-chain[:, 1], chain[:, 0]))]
    steps = [(a, b) for a, b in pairwise(chain) if b[0] > a[0] and b[1] < a[1]]
    total = sum(np.sqrt((b[0] - a[0]) * (a[1] - b[1])) for a, b in steps)
    before = 0.0
    for a, b in steps:
        share = np.clip((division.payoffs[0] - a[0]) / (b[0] - a[0]), 0, 1)
        before += share * np.sqrt((b[0] - a[0]) * (a[1] - b[1]))
    assert before == pytest.approx(total / 2, abs=1e-9 * max(total, 1))


def test_many_corners_approach_the_smooth_frontier() -> None:
    """On x1 = 4 - x0² sqrt(-dx dy) integrates to x0^1.5, so the half is at 2^(1/3); chords of it converge."""
    nodes = np.linspace(0, 2, 101)
    problem = Problem(Polytope(np.stack((nodes, 4 - nodes**2), axis=1), free_disposal=True), [0, 0])
    division = perles_maschler(problem)
    assert certify(division).holds
    x = 2 ** (1 / 3)
    smooth = replace(division, payoffs=np.array([x, 4 - x * x]))
    assert 0 < certify(smooth).bound < 1e-4


@given(shapes())
def test_equal_loss_loses_equally_and_goes_no_further(shape: tuple[Any, Any]) -> None:
    points, d = shape
    problem = polygons.polygon(points, d, free_disposal=True)
    ideal, payoffs = problem.ideal(), polygons.equal_loss(problem).payoffs
    assert ideal is not None
    assert payoffs is not None
    lost = [a - x for a, x in zip(ideal, payoffs, strict=True)]
    assert lost[0] == lost[1] >= 0
    beyond = Polytope(points, free_disposal=True)
    x = np.array(payoffs, dtype=float)
    assert beyond.contains(x)
    assert lost[0] == 0 or not beyond.contains(x + 1e-6)
