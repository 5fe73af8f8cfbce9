"""Nash solutions of random programs: each is found to rounding, and no decision drawn at random is worth more."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import pytest

from bargaining import ConvexProgram, Problem, Status, dictatorial, kalai_smorodinsky, nash
from bargaining.feasible._concave import Vector


@dataclass(frozen=True)
class Case:
    """Utilities of a decision z, in units and from a zero of their own, and decisions that meet the constraints."""

    utilities: Vector
    jacobian: Vector
    constraints: dict[str, Any]
    floor: np.ndarray
    decisions: np.ndarray

    def moved(self, units: np.ndarray, offset: float) -> Problem:
        program = ConvexProgram(
            lambda z: units * (self.utilities(z) + offset),
            lambda z: units[:, None] * self.jacobian(z),
            **self.constraints,
        )
        return Problem(program, units * (self.floor + offset))


def goods(rng: np.random.Generator, n: int, value: Callable, slope: Callable) -> Case:
    """Return an exchange economy: everybody values every good by a function of the own amount, n amounts in all."""
    g = int(rng.integers(1, 4))
    a, supply = rng.uniform(0.05, 1, (n, g)), rng.uniform(1, 3, g)

    def jacobian(z: np.ndarray) -> np.ndarray:
        slopes = np.zeros((n, n, g))
        slopes[np.arange(n), np.arange(n)] = a * slope(z.reshape(n, g))
        return slopes.reshape(n, -1)

    bounds = {"lower": np.zeros(n * g), "upper": np.full(n * g, 9.0), "matrix": np.tile(np.eye(g), n)}
    return Case(
        lambda z: (a * value(z.reshape(n, g))).sum(axis=1),
        jacobian,
        {**bounds, "limits": supply},
        (a * value(np.zeros((n, g)))).sum(axis=1) + rng.uniform(0, 0.05, n),
        (rng.dirichlet(np.ones(n), (2000, g)).transpose(0, 2, 1) * supply).reshape(2000, -1),
    )


def economy(rng: np.random.Generator, n: int) -> Case:
    near = rng.choice([1.0, 0.1])
    return goods(rng, n, lambda c: np.log(near + c), lambda c: 1 / (near + c))


def power(rng: np.random.Generator, n: int) -> Case:
    p = rng.uniform(0.2, 0.9)
    return goods(rng, n, lambda c: c**p, lambda c: p * c ** (p - 1))


def linear(rng: np.random.Generator, n: int) -> Case:
    k = int(rng.integers(2, 7))
    worth, matrix = rng.integers(-3, 10, (n, k)), rng.integers(0, 5, (int(rng.integers(1, 5)), k))
    limits = rng.integers(2, 9, len(matrix))
    drawn = rng.exponential(0.5, (2000, k))
    return Case(
        lambda z: worth @ z,
        lambda z: worth,
        {"lower": np.zeros(k), "upper": np.full(k, 5.0), "matrix": matrix, "limits": limits},
        worth @ np.full(k, 0.1) - rng.uniform(0.05, 1, n),
        drawn[(drawn @ matrix.T <= limits).all(axis=1) & (drawn <= 5).all(axis=1)],
    )


def distances(rng: np.random.Generator, n: int) -> Case:
    k = int(rng.integers(1, 4))
    best, radius, drawn = rng.normal(size=(n, k)), rng.uniform(0.2, 2), rng.normal(size=(2000, k))
    return Case(
        lambda z: 4 - ((z - best) ** 2).sum(axis=1),
        lambda z: -2 * (z - best),
        {
            "lower": np.full(k, -np.inf),
            "upper": np.full(k, np.inf),
            "constraints": lambda z: [z @ z - radius**2],
            "constraint_jacobian": lambda z: [2 * z],
        },
        4 - (best**2).sum(axis=1) - rng.uniform(0, 1, n),
        drawn[np.linalg.norm(drawn, axis=1) <= radius],
    )


FAMILIES = (economy, power, linear, distances)


@pytest.mark.dear("seeds0-economy", "seeds0-power")
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seeds", [range(12), pytest.param(range(12, 430), marks=pytest.mark.slow)])
def test_the_nash_solution_is_found_to_rounding(family: Callable, seeds: range) -> None:
    for seed in seeds:
        rng = np.random.default_rng([seed, FAMILIES.index(family)])
        n = int(rng.integers(2, 6))
        case = family(rng, n)
        units = 10.0 ** rng.integers(-6, 7, n) if seed % 3 == 0 else np.full(n, rng.choice([1e-6, 1, 1e6]))
        problem = case.moved(units, float(rng.choice([0, 10, 1e3])))
        w = np.maximum(rng.dirichlet(np.full(n, rng.choice([0.3, 2.0]))), 1e-6)
        w /= w.sum()
        division = nash(problem, weights=w)
        assert division.status == Status.OK, (seed, division)
        others = np.array([np.asarray(case.utilities(z)) for z in case.decisions])
        gains = division.gains / units
        prices, rounding = w / gains, 1e-15 * (8 + np.abs(problem.disagreement / units)) / gains
        missed = (others - case.floor) @ prices - 1 - np.abs(others - case.floor) @ (prices * rounding)
        assert missed.max(initial=0.0) <= 1e-11, (seed, division)


def one_good(power: float, units: np.ndarray) -> ConvexProgram:
    """Return the divisions of one unit of a good that everybody values by a power of it, in a unit of their own."""
    return ConvexProgram(
        lambda z: units * z**power,
        lambda z: np.diag(units * power * z ** (power - 1)),
        lower=np.zeros(units.size),
        upper=np.full(units.size, 2.0),
        matrix=np.ones((1, units.size)),
        limits=[1],
    )


@pytest.mark.dear("0.25", "0.2")
@pytest.mark.parametrize("power", [0.5, 0.25, 0.2])
def test_claims_that_next_to_nothing_meets(power: float) -> None:
    # A claim of 0.01 takes 1e-10 of the good if the fifth root is its value: utilities rise by 1e8 per unit there.
    claims = np.array([0.3, 0.01, 0.4, 0.02])
    problem, taken = Problem(one_good(power, np.ones(4)), claims), claims ** (1 / power)
    np.testing.assert_allclose(problem.ideal, (1 - taken.sum() + taken) ** power, rtol=1e-12)
    division = dictatorial(problem, player=0)
    assert division.status == Status.OK
    np.testing.assert_array_equal(division.payoffs[1:], claims[1:])


@pytest.mark.dear("units0-claims0-0.1", "units0-claims1-0.1", "units1-claims0-0.1")
@pytest.mark.parametrize("power", [0.1, 0.2, 0.3, 0.9])
@pytest.mark.parametrize("claims", [(0.03, 0.05), (1e-3, 0.2)])
@pytest.mark.parametrize("units", [(1.0, 1.0), (1e6, 1e-6)])
def test_claims_that_are_met_beside_a_bound_where_slopes_are_infinite(
    power: float, claims: tuple[float, float], units: tuple[float, float]
) -> None:
    """Player 1's claim takes as little as 1e-30 of the good, and player 0's ideal leaves her no more than that.

    Kalai-Smorodinsky and Nash (nearly all the weight on player 0) leave one equation each, solved in thirty digits.
    """
    w = np.array([1 - 1e-3, 1e-3])
    with mpmath.workdps(40):
        p, (d, e) = mpmath.mpf(power), map(mpmath.mpf, claims)
        gains = (1 - e ** (1 / p)) ** p - d, (1 - d ** (1 / p)) ** p - e
        share = mpmath.findroot(
            lambda t: (d + t * gains[0]) ** (1 / p) + (e + t * gains[1]) ** (1 / p) - 1,
            (0.3, 1),
            solver="anderson",
        )
        # Her gain y takes (e + y)^(1/p) of the good: the first-order condition, free of fractions.
        more = mpmath.findroot(
            lambda y: (
                w[0].item() * y * p * (1 - (e + y) ** (1 / p)) ** (p - 1) * (e + y) ** (1 / p - 1) / p
                - w[1].item() * ((1 - (e + y) ** (1 / p)) ** p - d)
            ),
            (mpmath.mpf("1e-12"), gains[1] * (1 - mpmath.mpf("1e-30"))),
            solver="bisect",
            maxsteps=400,
        )
        expected = [d + share * gains[0], e + share * gains[1]], [(1 - (e + more) ** (1 / p)) ** p, e + more]
        fair, product = (np.array([float(x) for x in pair]) for pair in expected)
    problem = Problem(one_good(power, np.array(units)), np.array(units) * claims)
    for division, payoffs in ((kalai_smorodinsky(problem), fair), (nash(problem, weights=w), product)):
        np.testing.assert_allclose(division.raise_if_failed().payoffs / units, payoffs, rtol=1e-12)
