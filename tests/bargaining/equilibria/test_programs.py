"""Linear programs solved many at a time, and fixed points of affine bounds, against scipy and plain iteration."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import csc_matrix

from bargaining.equilibria._affine import Affine, Diverging, fixed_point, solution
from bargaining.equilibria.sets.several.programs import Bases, Continuations, optimise, pivot


def boxed(normals, rights, n, pulls, owners):
    """Normals with the unit box in front, and bases that lie in it."""
    box = np.vstack([np.eye(n), -np.eye(n)])
    rows = np.where(pulls > 0, np.arange(n), n + np.arange(n))
    normals = np.vstack([box, normals])
    sides = np.broadcast_to(np.repeat([1.0, 0.0], n), (len(rights), 2 * n))
    states, none = len(rights), np.zeros((len(rights), 0, 1))
    rights, ahead = np.hstack([sides, rights]), np.arange(states)[:, None]
    polyhedra = Continuations(normals, rights, ahead, np.zeros(0, int), none, none[..., 0])
    return polyhedra, Bases.at(polyhedra, pulls, owners, rows)


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("ties", [False, True])
def test_many_programs_agree_with_one_at_a_time(n, ties):
    rng = np.random.default_rng(n)
    normals = rng.integers(-2, 3, (12, n)).astype(float) if ties else rng.normal(size=(12, n))
    rights = normals @ np.full(n, 0.5) + rng.integers(1, 3, (4, 12)) / 4
    pulls, owners = np.vstack([normals[:8], rng.normal(size=(20, n))]), np.arange(28) % 4
    polyhedra, bases = boxed(normals, rights, n, pulls, owners)
    optimise(polyhedra, bases)
    weights, rest = bases.repaired(polyhedra)
    normals, rights = polyhedra.directions, polyhedra.levels
    np.testing.assert_allclose(rest, 0, atol=1e-12)
    for p, pull in enumerate(pulls):
        best = -linprog(-pull, A_ub=normals, b_ub=rights[owners[p]], bounds=(None, None)).fun
        assert weights[p] @ rights[owners[p], bases.rows[p]] == pytest.approx(best, abs=1e-9)
        assert pull @ bases.points(polyhedra)[p] == pytest.approx(best, abs=1e-9)


def test_a_program_without_a_solution_is_shown_to_have_none():
    """x + y <= 1/2 and x + y >= 3/4 in the unit box."""
    polyhedra, bases = boxed(
        np.array([[1.0, 1.0], [-1.0, -1.0]]),
        np.array([[0.5, -0.75], [0.75, -0.5]]),
        2,
        np.eye(2),
        np.array([0, 1]),
    )
    left, empty = np.arange(2), np.zeros(2, bool)
    while left.size:
        done, none = pivot(polyhedra, bases, left)
        empty[left[none]] = True
        left = left[~done]
    assert empty.tolist() == [True, False]


@pytest.mark.parametrize("rate", [0.5, 0.9])
def test_the_fixed_point_is_where_iterates_end(rate):
    rng = np.random.default_rng(0)
    weights = rng.random((30, 3))
    weights *= rate / weights.sum(axis=1, keepdims=True)
    functions = Affine(np.arange(30) % 6, rng.normal(size=30), weights, rng.integers(0, 6, (30, 3)))
    start = np.full(6, 30.0)
    levels = start
    for _ in range(1000):
        values = functions.at(levels)
        levels = np.minimum(start, [values[functions.faces == h].max() for h in range(6)])
    found = fixed_point(functions, start)
    np.testing.assert_allclose(found, levels, atol=1e-12)
    assert (found >= levels - 1e-15).all()


def test_functions_that_do_not_contract_leave_what_iterates_reach():
    """x -> 2 x - 1 falls from 1/2 for ever, and stays at 1, where it does not attract."""
    function = Affine(np.array([0]), np.array([-1.0]), np.array([[2.0]]), np.array([[0]]))
    assert fixed_point(function, np.array([1.0]), 200) == pytest.approx(1.0)
    assert fixed_point(function, np.array([0.5]), 200) < -1e6


def test_errors_are_passed_on_to_all_levels_that_depend_on_theirs():
    """Level 0 is half of level 1, which is half of itself; level 2 depends on neither, and its error is small."""
    functions = Affine(np.arange(3), np.zeros(3), np.array([[0.5], [0.5], [0.0]]), np.array([[1], [1], [0]]))
    targets = functions.passed_on(np.arange(3), np.array([1.0, 2.0, 1.0]))  # which add up to 3, 4 and 1
    np.testing.assert_allclose(targets, [1, 3, 0])  # the first two are large: 3 + 4 = 1 x 1 + 3 x 2
    endless = functions._replace(weights=np.ones((3, 1)))
    np.testing.assert_array_equal(endless.passed_on(np.arange(3), np.array([1.0, 2.0, 1.0])), [1, 1, 1])


@pytest.mark.parametrize("radius", [0.3, 0.999, 30.0])
def test_many_unknowns_are_found_as_exactly_as_by_dense_factors(radius):
    rng, size = np.random.default_rng(0), 700
    dense = np.where(rng.random((size, size)) < 0.01, rng.random((size, size)), 0.0)
    dense *= radius / dense.sum(axis=1, keepdims=True).max()
    slopes, right = csc_matrix(dense), rng.random((size, 2))
    matrix = np.eye(size) - dense
    np.testing.assert_allclose(
        solution(slopes, right), np.linalg.solve(matrix, right), atol=1e-12, rtol=1e-12
    )
    with pytest.raises(Diverging):
        solution(csc_matrix(np.eye(size)), right)  # x = right + x
