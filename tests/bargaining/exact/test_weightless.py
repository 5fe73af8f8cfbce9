"""Nash solutions of polytopes with players who have no weight: worked by hand, and against programs in floats."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.optimize import minimize

from bargaining import Polytope, Problem, certify, nash


@dataclass(frozen=True)
class Case:
    """Points, a disagreement point and weights, and the solution."""

    points: list[list[float]]
    d: list[float]
    weights: list[float]
    solution: list[float]


CASES = {
    "the others' best mixture leaves something": Case(
        [[4, 0, 2], [0, 4, 6]], [0, 0, 0], [0.5, 0.5, 0], [2, 2, 4]
    ),
    "unequal weights": Case([[4, 0, 2], [0, 4, 6]], [0, 0, 0], [0.25, 0.75, 0], [1, 3, 5]),
    "who has none is held to d": Case(
        [[4, 0, 0], [0, 4, 0], [0, 0, 3]], [0, 0, 1], [0.5, 0.5, 0], [4 / 3, 4 / 3, 1]
    ),
    "one counts, two divide an edge": Case(
        [[4, 0, 2], [4, 1, 1], [0, 4, 6]], [0, -1.5, -1], [1, 0, 0], [4, 0.75, 1.25]
    ),
    "one counts, two divide a face": Case([[2, 4, 0], [2, 0, 4], [0, 5, 5]], [0, 0, 0], [1, 0, 0], [2, 2, 2]),
    "two count, two are left": Case(
        [[4, 0, 2, 1], [0, 4, 6, 3], [1, 1, 9, 9]], [0, 0, 0, 0], [0.5, 0.5, 0, 0], [2, 2, 4, 2]
    ),
}


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_solutions_worked_by_hand_are_proved(name: str, free: bool) -> None:
    case = CASES[name]
    points = case.points if free else [*case.points, case.d]
    problem = Problem(Polytope(points, free_disposal=free), case.d)
    division = replace(nash(problem, weights=case.weights), payoffs=np.array(case.solution, dtype=float))
    assert certify(division).holds
    gains = problem.ideal - problem.disagreement
    for i in range(len(case.d)):
        moved = division.payoffs - 1e-9 * np.eye(len(case.d))[i]
        assert certify(replace(division, payoffs=moved)).bound >= 1e-9 / gains[i] * (1 - 1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_payoffs_of_those_who_count_agree_with_a_smooth_solver(seed: int) -> None:
    """Shares of random points, by SLSQP; player 2 is at times held to d."""
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 10, (7, 3)).astype(float)
    d = points.mean(axis=0) * [0.3, 0.3, 1.1]
    problem = Problem(Polytope(points, free_disposal=True), d)
    weights = np.array([0.4, 0.6, 0.0])

    def worth(shares: np.ndarray) -> float:
        return -float(weights[:2] @ np.log(np.maximum((shares @ points - d)[:2], 1e-6)))

    found = minimize(
        worth,
        np.full(7, 1 / 7),
        method="SLSQP",
        bounds=[(0, 1)] * 7,
        constraints=[
            {"type": "eq", "fun": lambda s: s.sum() - 1},
            {"type": "ineq", "fun": lambda s: s @ points[:, 2] - d[2]},
        ],
        options={"ftol": 1e-14, "maxiter": 500},
    )
    division = nash(problem, weights=weights)
    assert certify(division).holds
    np.testing.assert_allclose(division.payoffs[:2], (found.x @ points)[:2], atol=1e-4)


def test_what_ties_is_not_proved() -> None:
    """Of two points that are as good for player 0 and 1, mixtures give player 2 anything in between."""
    tied = Polytope([[2, 2, 0], [2, 2, 5], [5, 0, 0], [0, 5, 0]])
    division = nash(Problem(tied, [0, 0, -1]), weights=[0.5, 0.5, 0])
    assert certify(replace(division, payoffs=np.array([2.5, 2.5, 0.0]))).holds
    assert certify(replace(division, payoffs=np.array([2.0, 2.0, 5.0]))).bound > 0.1
