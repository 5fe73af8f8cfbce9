"""The least sum of losses of three and more players over decisions: closed forms, linear programs, duality by hand."""

import numpy as np
import pytest
from scipy.optimize import linprog

from bargaining import ConvexProgram, Polytope, Problem, Status, yu


def ball(units: np.ndarray, offset: float) -> ConvexProgram:
    """Everything below the unit ball, in other units."""
    return ConvexProgram(
        lambda z: units * (z + offset),
        lambda z: np.diag(units),
        lower=np.full(3, -2.0),
        upper=np.full(3, 2.0),
        constraints=lambda z: [z @ z - 1],
        constraint_jacobian=lambda z: [2 * z],
    )


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("offset", [0.0, -3.0, 1e3])
def test_who_has_a_low_ideal_payoff_gets_it(scale: float, offset: float) -> None:
    # With d = (0, 9/10, 0) the ideal payoffs of players 0 and 2 lie below the utilitarian 3^(-1/2).
    problem = Problem(ball(np.full(3, scale), offset), scale * (np.array([0, 0.9, 0]) + offset))
    low = np.sqrt(1 - 0.81)
    expected = np.array([low, np.sqrt(1 - 2 * low**2), low])
    for case, order in (
        (problem, [0, 1, 2]),
        (problem.relabel([1, 0, 2]), [1, 0, 2]),
        (problem.restrict(), [0, 1, 2]),
    ):
        if case.feasible is not problem.feasible and order == [0, 1, 2]:
            continue  # above d the second player has nine tenths at least: see below
        division = yu(case, p=1)
        assert division.status == Status.OK
        assert division.residual <= 1e-12
        error = division.payoffs / scale - offset - expected[order]
        np.testing.assert_allclose(error, 0, atol=1e-13 + 4e-16 * abs(offset) * 10)


def test_above_a_floor() -> None:
    # x1 >= 9/10 leaves x0^2 + x2^2 <= 0.19, of which equal parts have the largest sum.
    problem = Problem(ball(np.ones(3), 0.0), [0, 0.9, 0]).restrict()
    division = yu(problem, p=1).raise_if_failed()
    np.testing.assert_allclose(division.payoffs, [np.sqrt(0.095), 0.9, np.sqrt(0.095)], rtol=1e-12)


def test_losses_count_in_the_units_of_the_problem() -> None:
    # max min(x0, a0) + 10 x1 + x2 where a0 = a2 binds for neither: x is proportional to (1, 10, 1).
    problem = Problem(ball(np.ones(3), 0.0), [0, 0, 0]).rescale([1, 10, 1], [5, 0, -5])
    division = yu(problem, p=1).raise_if_failed()
    expected = np.array([1, 100, 1]) / np.sqrt(102) + [5, 0, -5]
    np.testing.assert_allclose(division.payoffs, expected, rtol=1e-12)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_linear_utilities_by_a_program_in_losses(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(3, 6)), int(rng.integers(2, 6))
    worth, matrix = rng.integers(-3, 10, (n, k)), rng.integers(0, 5, (3, k))
    limits = rng.integers(2, 9, 3)
    program = ConvexProgram(
        lambda z: scale * worth @ z,
        lambda z: scale * worth,
        lower=np.zeros(k),
        upper=np.full(k, 5.0),
        matrix=matrix,
        limits=limits,
    )
    problem = Problem(program, scale * (worth @ np.full(k, 0.1) - rng.uniform(0.05, 1, n)))
    division = yu(problem, p=1)
    assert division.status == Status.OK
    a, unit = problem.ideal / scale, np.eye(n)
    least = linprog(
        np.repeat([0, 1], [k, n]),
        np.block([[matrix, np.zeros((3, n))], [-worth, -unit]]),
        np.concatenate((limits, -a)),
        bounds=[(0, 5)] * k + [(0, None)] * n,
    ).fun
    lost = np.maximum(a - division.payoffs / scale, 0).sum()
    assert lost == pytest.approx(least, rel=1e-9, abs=1e-9)
    assert program.contains(division.payoffs)


def test_a_simplex_of_shares_is_a_polytope() -> None:
    # Shares of one pie with values 9, 3, 3, and a third player whose claim bars the largest sum.
    value, d = np.array([9.0, 3.0, 3.0]), [0, 0, 2]
    shares = ConvexProgram(
        lambda z: value * z,
        lambda z: np.diag(value),
        lower=np.zeros(3),
        upper=np.ones(3),
        matrix=np.ones((1, 3)),
        limits=[1],
    )
    ours, theirs = (yu(Problem(s, d), p=1) for s in (shares, Polytope(np.diag(value), free_disposal=True)))
    np.testing.assert_allclose(ours.payoffs.sum(), theirs.payoffs.sum(), rtol=1e-13)
    assert (ours.payoffs <= ours.problem.ideal + 1e-12).all()
