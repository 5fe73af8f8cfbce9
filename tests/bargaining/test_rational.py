"""Exact linear systems and programs against floats and against their own certificates."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from bargaining._rational import floats, fractions, maximise, rank, solve


def test_programs_are_optimal_by_their_multipliers_and_feasible_when_a_float_solver_says_so():
    rng = np.random.default_rng(0)
    infeasible = 0
    for _ in range(100):
        rows, columns = rng.integers(1, 7, 2)
        matrix = np.vstack([rng.integers(-4, 5, (rows, columns)), np.ones((1, columns), dtype=int)])
        bounds = np.append(rng.integers(-3, 9, rows), 10)
        objective = rng.integers(-3, 5, columns)
        found = maximise(fractions(objective), fractions(matrix), fractions(bounds))
        peer = linprog(-objective, A_ub=matrix, b_ub=bounds)
        if found is None:
            infeasible += 1
            assert peer.status == 2
            continue
        primal, dual = np.array(found.solution, dtype=object), np.array(found.multipliers, dtype=object)
        assert min(primal) >= 0
        assert min(dual) >= 0
        assert min(fractions(bounds) - matrix @ primal) >= 0
        assert min(dual @ matrix - objective) >= 0
        assert dual @ fractions(bounds) == objective @ primal == found.value
    assert infeasible > 10


def test_a_cycling_program_ends():
    """Beale (1955): the steepest column cycles on it without a safeguard."""
    matrix = np.array([["1/4", -60, "-1/25", 9], ["1/2", -90, "-1/50", 3], [0, 0, 1, 0]], dtype=object)
    objective = np.array(["3/4", -150, "1/50", -6], dtype=object)
    found = maximise(fractions(objective), fractions(matrix), fractions(np.array([0, 0, 1])))
    assert found.value == Fraction(1, 20)


def test_solve_is_exact_and_names_singular_systems():
    rng = np.random.default_rng(1)
    matrix, right = rng.random((8, 8)), rng.random(8)
    answer = np.array(solve(fractions(matrix), fractions(right)), dtype=object)
    assert list(fractions(matrix) @ answer) == list(fractions(right))
    np.testing.assert_allclose(floats(answer), np.linalg.solve(matrix, right), rtol=1e-10)
    assert solve(fractions(np.ones((2, 2))), fractions(np.ones(2))) is None


def _peer(matrix, right):
    """Solve a system by SymPy; None if it is singular."""
    whole = [[QQ(x.numerator, x.denominator) for x in row] for row in np.column_stack([matrix, right])]
    reduced, pivots = DomainMatrix(whole, (len(right), len(right) + 1), QQ).rref()
    if pivots != tuple(range(len(right))):
        return None
    column = reduced.to_list()
    return tuple(Fraction(int(row[-1].numerator), int(row[-1].denominator)) for row in column)


def _system(kind, size, rng):
    """Return a system of one kind, in Fractions."""
    matrix, right = rng.integers(-9, 10, (size, size)), fractions(rng.integers(-9, 10, size))
    if kind == "sparse":  # often singular, and seldom in one piece
        matrix = matrix * (rng.random((size, size)) < 4 / size)
    if kind == "rational":
        return fractions(matrix) / (1 + fractions(rng.integers(0, 2**40, (size, size)))), right
    if kind == "triangular":
        order = rng.permutation(size)
        matrix = (np.triu(matrix, 1) + np.diag(1 + abs(np.diag(matrix))))[order][:, order]
    if kind == "ill-conditioned":
        return np.array([[Fraction(1, i + j + 1) for j in range(size)] for i in range(size)]), right
    if kind == "chances":
        chances = rng.dirichlet(np.ones(size), size) * (rng.random((size, size)) < 0.3)
        return fractions(np.eye(size)) - Fraction(0.9) * fractions(chances), right
    if kind == "long":
        return fractions(rng.random((size, size))) ** 9, right
    return fractions(matrix), right


@pytest.mark.parametrize(
    "kind", ["whole", "sparse", "rational", "triangular", "ill-conditioned", "chances", "long"]
)
def test_large_systems_are_solved_as_by_sympy(kind):
    rng, singular = np.random.default_rng(2), 0
    for size in {"sparse": [20] * 12, "rational": [12]}.get(kind, [12, 20]):
        matrix, right = _system(kind, size, rng)
        answer = solve(matrix, right)
        if kind in ("rational", "long"):  # SymPy takes seconds
            assert list(matrix @ np.array(answer)) == list(right)
        else:
            assert answer == _peer(matrix, right)
        singular += answer is None
    assert (0 < singular < 12) == (kind == "sparse")


def test_rank():
    assert rank([[1, 1, 0], [0, 1, 1], [1, 2, 1]]) == 2
    assert rank([[0, 0], [0, 0]]) == 0


def test_numpy_integers_among_fractions_do_not_wrap_around():
    row = fractions(np.array([Fraction(1, 3), np.int64(2**40)], dtype=object))
    assert row[1] * row[1] == 2**80
