"""The least losses over decisions: closed forms, linear programs, duality by hand, conditions in many digits."""

import numpy as np
import pytest
from mpmath import mp
from scipy.optimize import linprog

from bargaining import ConvexProgram, Problem, Status, yu
from seeds import seeds


def ball(units: np.ndarray, offset: float) -> ConvexProgram:
    """Everything below the unit ball, in other units."""
    return ConvexProgram(
        lambda z: units * (z + offset),
        lambda z: np.diag(units),
        lower=np.full(units.size, -2.0),
        upper=np.full(units.size, 2.0),
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


def test_losses_count_in_the_units_of_the_problem() -> None:
    # max min(x0, a0) + 10 x1 + x2 where a0 = a2 binds for neither: x is proportional to (1, 10, 1).
    problem = Problem(ball(np.ones(3), 0.0), [0, 0, 0]).rescale([1, 10, 1], [5, 0, -5])
    division = yu(problem, p=1).raise_if_failed()
    expected = np.array([1, 100, 1]) / np.sqrt(102) + [5, 0, -5]
    np.testing.assert_allclose(division.payoffs, expected, rtol=1e-12)


@pytest.mark.parametrize("seed", seeds(5, 12))
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


def nearest_on_the_sphere(units: list[float], p: float) -> list[float]:
    """The z with |z| = 1 and the least sum of (c (1 - z))^p, from c^p (1 - z)^(p - 1) = price z, to twenty digits."""
    with mp.workdps(30):

        def part(c: float, price: mp.mpf) -> mp.mpf:
            low, high = mp.mpf(0), mp.mpf(1)
            for _ in range(70):
                z = (low + high) / 2
                low, high = (z, high) if mp.mpf(c) ** p * (1 - z) ** (p - 1) > price * z else (low, z)
            return low

        least, most = mp.mpf(10) ** -8, mp.mpf(10) ** 8
        for _ in range(75):
            price = mp.sqrt(least * most)
            long = sum(part(c, price) ** 2 for c in units) > 1
            least, most = (price, most) if long else (least, price)
        return [float(part(c, least)) for c in units]


@pytest.mark.dear(
    "6.0-units1",
    "6.0-units0",
    "2.0-units1",
    "3.0-units0",
    "3.0-units1",
    "1.25-units0",
    "2.0-units2",
    "3.0-units2",
    "6.0-units3",
    "2.0-units3",
    "1.25-units2",
    "1.25-units3",
)
@pytest.mark.parametrize("units", [[1.0, 1.0], [1.0, 3.0], [1.0, 2.0, 0.5], [1.0, 1.0, 1.0, 4.0]])
@pytest.mark.parametrize("p", [1.25, 2.0, 3.0, 6.0])
def test_powers_of_losses_by_their_conditions(units: list[float], p: float) -> None:
    expected, c = np.array(nearest_on_the_sphere(units, p)), np.array(units)
    for scale, offset in ((1.0, 0.0), (1e-12, 0.0), (1e12, -3.0), (1.0, 1e3)):
        problem = Problem(ball(scale * c, offset), scale * c * offset)
        division = yu(problem, p=p).raise_if_failed()
        assert division.residual <= 1e-12 + 64 * np.finfo(float).eps * abs(offset)
        found = division.payoffs / (scale * c) - offset
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 + 4e-15 * abs(offset))
    seen = problem.rescale(2 * np.ones(c.size), np.arange(c.size)).relabel(np.arange(c.size)[::-1])
    moved = (yu(seen, p=p).raise_if_failed().payoffs[::-1] - np.arange(c.size)) / (2 * c) - offset
    np.testing.assert_allclose(moved, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 4.0])
def test_powers_of_losses_above_a_floor(p: float) -> None:
    """With x1 >= 9/10 held, the ideal payoffs of the others are alike, and so are their losses."""
    problem = Problem(ball(np.ones(3), 0.0), [0, 0.9, 0]).restrict()
    division = yu(problem, p=p).raise_if_failed()
    np.testing.assert_allclose(division.payoffs, [np.sqrt(0.095), 0.9, np.sqrt(0.095)], rtol=1e-12)
