"""Mechanisms for two hundred types a side against one sparse program, and a fair one against a conic solver."""

from collections.abc import Callable
from time import process_time

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, hstack, kron, vstack

from bargaining import BayesianProblem, harsanyi_selten, second_best

pytestmark = pytest.mark.benchmark
Speedup = Callable[..., float]


def uniform(n: int) -> tuple[np.ndarray, BayesianProblem]:
    types = (np.arange(n) + 0.5) / n
    return types, BayesianProblem.trade(types, types)


def neighbours(types: np.ndarray) -> tuple[csr_array, csr_array]:
    """Rows <= 0 over (q, U, W) of neighbours' incentives, and the budget: equally likely types on both sides."""
    n = len(types)
    means = kron(eye_array(n), np.full((1, n), 1 / n)), kron(np.full((1, n), 1 / n), eye_array(n))
    step = csr_array(np.diff(np.eye(n), axis=0))
    gap = np.diff(types)[0]
    rows = []
    for mean, sign, place in zip(means, (1, -1), (0, 1), strict=True):
        up, down = gap * mean.tocsr()[1:], gap * mean.tocsr()[:-1]
        none = csr_array((n - 1, n))
        rents = [sign * step, none] if place == 0 else [none, sign * step]  # of neighbours
        rows.append(hstack([down if sign > 0 else up, *(-part for part in rents)]))
        rows.append(hstack([-up if sign > 0 else -down, *rents]))
    surplus = np.subtract.outer(types, types).ravel()[None] / n**2
    budget = hstack([csr_array(-surplus), csr_array(np.full((1, 2 * n), 1 / n))])
    return csr_array(vstack(rows)), csr_array(budget)


def test_two_hundred_types_against_one_program(speedup: Speedup) -> None:
    types, problem = uniform(200)

    def rival() -> float:
        n = len(types)
        matrix = vstack(neighbours(types), format="csr")
        cost = np.append(np.zeros(n * n), np.full(2 * n, -1 / n))
        bounds = np.append(np.ones(n * n), np.full(2 * n, np.inf))
        ends = np.column_stack((np.zeros(cost.size), bounds))
        return -linprog(cost, A_ub=matrix, b_ub=np.zeros(matrix.shape[0]), bounds=ends, method="highs-ds").fun

    def ours() -> float:
        return float(second_best(problem).payoffs.sum())

    assert ours() == pytest.approx(rival(), abs=1e-9)
    assert speedup("second best, 200 types", ours, rival, rounds=3, clock=process_time) >= 1 / 5


def test_a_fair_mechanism_against_a_conic_solver(speedup: Speedup) -> None:
    cp = pytest.importorskip("cvxpy")
    types, problem = uniform(10)

    def rival() -> float:
        n, (matrix, budget) = len(types), neighbours(types)
        q, gains = cp.Variable(n * n, nonneg=True), cp.Variable(2 * n)
        z = cp.hstack([q, gains])
        cp.Problem(cp.Maximize(cp.sum(cp.log(gains))), [matrix @ z <= 0, budget @ z <= 0, q <= 1]).solve(
            solver=cp.CLARABEL
        )
        return float(gains.value.sum() / n)

    def ours() -> float:
        return float(harsanyi_selten(problem).payoffs.sum())

    assert ours() == pytest.approx(rival(), abs=1e-6)
    assert speedup("Harsanyi-Selten, 10 types", ours, rival, rounds=3, clock=process_time) >= 1 / 3
