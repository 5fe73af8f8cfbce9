"""Exact concepts on polygons against their definitions, checked in rationals by other means."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining._rational import maximise, rational
from bargaining.errors import InvalidInput, Status
from bargaining.exact import polygons

F = Fraction
TRIANGLE = [[0, 0], [4, 0], [0, 1]]


@dataclass(frozen=True)
class Known:
    """A published or hand-computed answer."""

    concept: str
    points: Any
    expected: tuple[Fraction, Fraction]
    free_disposal: bool = False


KNOWN = [
    Known("nash", TRIANGLE, (F(2), F(1, 2))),
    Known("kalai_smorodinsky", TRIANGLE, (F(2), F(1, 2))),
    Known("egalitarian", TRIANGLE, (F(4, 5), F(4, 5))),
    # The hull of (4, 1) and (1, 3) with free disposal: 3y + 2x = 11, Nash where 2x = 3y.
    Known("nash", [[4, 1], [1, 3]], (F(11, 4), F(11, 6)), free_disposal=True),
    Known("kalai_smorodinsky", [[1, 1]], (F(1), F(1)), free_disposal=True),
]


@pytest.mark.parametrize("case", KNOWN, ids=lambda c: f"{c.concept}-{len(c.points)}")
def test_known_answers(case: Known) -> None:
    problem = polygons.polygon(case.points, [0, 0], free_disposal=case.free_disposal)
    found = getattr(polygons, case.concept)(problem)
    assert found.payoffs == case.expected
    assert found.status == Status.OK


rationals = st.fractions(min_value=-3, max_value=3, max_denominator=9)


@st.composite
def problems(draw: st.DrawFn) -> tuple[Any, Any, bool]:
    """Draw 1-8 points and a disagreement point below a strict mixture of them, so everyone can gain."""
    points = draw(st.lists(st.lists(rationals, min_size=2, max_size=2), min_size=1, max_size=8))
    weights = draw(st.lists(st.integers(1, 5), min_size=len(points), max_size=len(points)))
    middle = [sum(w * p[k] for w, p in zip(weights, points, strict=True)) / sum(weights) for k in (0, 1)]
    below = draw(st.lists(st.fractions(F(1, 9), 2, max_denominator=9), min_size=2, max_size=2))
    return points, [m - b for m, b in zip(middle, below, strict=True)], draw(st.booleans())


def _feasible(points: Any, x: tuple[Fraction, ...], *, free_disposal: bool) -> bool:
    """Ask the exact simplex whether x is a mixture of the points, or below one."""
    rows = rational(points, "points").T
    matrix = np.concatenate((rows, -rows, np.ones((1, len(points)), int), -np.ones((1, len(points)), int)))
    bounds = [*([F(100)] * 2 if free_disposal else x), *(-c for c in x), F(1), F(-1)]
    exact = rational(np.array(bounds, dtype=object), "bounds")
    return maximise(rational(np.zeros(len(points)), "c"), rational(matrix, "A"), exact) is not None


@given(problems(), st.integers(1, 9))
def test_nash_meets_the_optimality_condition(problem: tuple[Any, Any, bool], tenths: int) -> None:
    """sum w_i (v_i - d_i) / (x_i - d_i) <= 1 at every vertex v: no feasible direction raises the product."""
    points, d, free_disposal = problem
    weights = F(tenths, 10), 1 - F(tenths, 10)
    found = polygons.nash(polygons.polygon(points, d, free_disposal=free_disposal), weights)
    assert found.status == Status.OK
    x = found.payoffs
    assert x is not None
    assert _feasible(points, x, free_disposal=free_disposal)
    for point in points:
        assert sum(w * (v - e) / (y - e) for w, v, y, e in zip(weights, point, x, d, strict=True)) <= 1


@given(problems(), st.integers(1, 9))
def test_rays_end_at_the_frontier(problem: tuple[Any, Any, bool], tenths: int) -> None:
    """Kalai-Smorodinsky and egalitarian against the exact simplex: the longest step along the ray."""
    points, d, free_disposal = problem
    shape = polygons.polygon(points, d, free_disposal=free_disposal)
    ideal = [_best(points, d, k) for k in (0, 1)]
    weights = F(tenths, 10), 1 - F(tenths, 10)
    for found, step in (
        (polygons.kalai_smorodinsky(shape), tuple(a - e for a, e in zip(ideal, d, strict=True))),
        (polygons.egalitarian(shape, weights), weights),
    ):
        longest = _longest(points, d, step, free_disposal=free_disposal)
        if longest is None:
            assert found.status == Status.EMPTY
        else:
            assert found.payoffs == tuple(e + longest * s for e, s in zip(d, step, strict=True))


def _rows(points: Any) -> tuple[np.ndarray, list[Fraction]]:
    """Rows that make columns 0..m-1 mixing weights."""
    ones = np.ones(len(points), dtype=int)
    return np.array([ones, -ones]), [F(1), F(-1)]


def _longest(points: Any, d: Any, step: tuple[Fraction, ...], *, free_disposal: bool) -> Fraction | None:
    mix, bounds = _rows(points)
    columns = rational(points, "points").T
    rows: Any = [[*-columns[k], step[k]] for k in (0, 1)]  # d + t step <= mixture
    rights = [-e for e in d]
    if not free_disposal:
        rows += [[-entry for entry in row] for row in rows]
        rights += list(d)
    matrix = np.array([*rows, *([*row, 0] for row in mix)], dtype=object)
    goal = np.array([*([F(0)] * len(points)), F(1)], dtype=object)
    found = maximise(goal, rational(matrix, "A"), rational(np.array([*rights, *bounds], dtype=object), "b"))
    return None if found is None else found.value


def _best(points: Any, d: Any, player: int) -> Fraction:
    mix, bounds = _rows(points)
    columns = rational(points, "points").T
    matrix = np.array([*(-columns), *mix], dtype=object)
    low = min(point[player] for point in points)  # the simplex wants a bounded, non-negative objective
    goal = np.array([point[player] - low for point in points], dtype=object)
    right = np.array([*(-e for e in d), *bounds], dtype=object)
    found = maximise(goal, rational(matrix, "A"), rational(right, "b"))
    assert found is not None
    return Fraction(found.value + low)


def test_a_thin_set_keeps_its_ends() -> None:
    tiny = F(1, 10**30)
    points: Any = [[0, 1], [F(1, 2), F(1, 2) + tiny], [1, 0], [F(1, 4), F(3, 4)]]
    shape = polygons.polygon(points, [0, 0])
    assert polygons.nash(shape).payoffs == (F(1, 2), F(1, 2) + tiny)


@dataclass(frozen=True)
class Edge:
    """A disagreement point outside the set, on it, or best for someone."""

    d: Any
    concept: str
    status: Status
    payoffs: tuple[Fraction, Fraction] | None


EDGES = [
    Edge([F(5), F(0)], "nash", Status.EMPTY, None),
    Edge([F(2), F(2)], "kalai_smorodinsky", Status.EMPTY, None),
    Edge([F(2), F(1, 2)], "nash", Status.DEGENERATE, (F(2), F(1, 2))),
    Edge([F(2), F(1, 2)], "kalai_smorodinsky", Status.DEGENERATE, (F(2), F(1, 2))),
    Edge([F(4), F(-1)], "nash", Status.DEGENERATE, (F(4), F(0))),
    Edge([F(-1), F(-1)], "egalitarian", Status.OK, (F(4, 5), F(4, 5))),
    Edge([F(-1), F(3, 2)], "egalitarian", Status.EMPTY, None),
    # From (1, -2) the ray of equal gains enters the triangle at (3, 0) and leaves it at (16/5, 1/5).
    Edge([F(1), F(-2)], "egalitarian", Status.OK, (F(16, 5), F(1, 5))),
    # From (3, -2) it passes to the right of the triangle.
    Edge([F(3), F(-2)], "egalitarian", Status.EMPTY, None),
]


@pytest.mark.parametrize("case", EDGES, ids=lambda c: f"{c.concept}-{c.d[0]}-{c.d[1]}")
def test_disagreement_points_off_the_interior(case: Edge) -> None:
    found = getattr(polygons, case.concept)(polygons.polygon(TRIANGLE, case.d))
    assert (found.status, found.payoffs) == (case.status, case.payoffs)


def test_a_reference_or_a_dictate_that_is_not_feasible() -> None:
    d: Any = [F(-1), F(1, 4)]
    shape = polygons.polygon(TRIANGLE, d)
    assert polygons.dictatorial(shape, 0).payoffs == (F(3), F(1, 4))
    assert polygons.dictatorial(shape, 1).status == Status.EMPTY  # (-1, 1) is left of the triangle
    comprehensive = polygons.polygon(TRIANGLE, [4, -1], free_disposal=True)
    assert polygons.dictatorial(comprehensive, 0).payoffs == (F(4), F(-1))
    assert polygons.gupta_livne(shape, [9, 9]).status == Status.EMPTY
    assert polygons.gupta_livne(shape, [1, F(1, 8)]).status == Status.EMPTY


@pytest.mark.parametrize("points", [[[1, 2]], [[1, 2], [1, 2]], [[0, 2], [2, 0]], [[0, 0], [1, 1], [2, 2]]])
def test_points_and_segments(points: Any) -> None:
    """Flat sets: the egalitarian ray hits a segment only where they cross."""
    found = polygons.egalitarian(polygons.polygon(points, [0, 0]))
    expected = {1: None, 2: (F(1), F(1)), 3: (F(2), F(2))}[len(np.unique(points, axis=0))]
    assert found.payoffs == expected


def test_weights_of_nothing_and_everything() -> None:
    shape = polygons.polygon(TRIANGLE, [1, 0])
    assert polygons.nash(shape, (F(0), F(1))).payoffs == (F(1), F(3, 4))
    assert polygons.nash(shape, (F(1), F(0))).payoffs == (F(4), F(0))


def test_floats_are_taken_at_their_exact_value() -> None:
    found = polygons.nash(polygons.polygon([[0.1, 0.0], [0.0, 0.3]], [0.0, 0.0], free_disposal=True))
    assert found.payoffs == (F(0.1) / 2, F(0.3) / 2)


@pytest.mark.parametrize(
    ("points", "d", "message"),
    [
        ([[0, 0, 0]], [0, 0], "must be pairs"),
        ([[0, 0]], [0, 0, 0], "must be pairs"),
        ([[0, np.nan]], [0, 0], "`points` must be finite"),
        ([0, 1], [0, 0], "`points` must have 2 axes"),
        ([[0, 1]], [np.inf, 0], "`disagreement` must be finite"),
        ([[True, False]], [0, 0], "`points` must be real numbers"),
    ],
)
def test_bad_data_are_refused(points: Any, d: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        polygons.polygon(points, d)
