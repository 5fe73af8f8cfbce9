"""Solutions with the mistakes people make: the kit must catch each with the examples of the default profile."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import Phase, given, settings

from bargaining import (
    AlternatingOffers,
    Division,
    Polytope,
    Problem,
    Status,
    nash,
    utilitarian,
)
from bargaining.axioms import AXIOMS
from bargaining.testing import AxiomsBroken, Check, check_axioms, problems, proven


def answer(problem: Problem, payoffs: np.ndarray) -> Division:
    return Division(
        payoffs=np.array(payoffs), status=Status.OK, method="wrong", residual=0.0, problem=problem
    )


def frontier(problem: Problem) -> np.ndarray:
    """Return the vertices from which nobody can gain at nobody's expense."""
    feasible = problem.feasible
    assert isinstance(feasible, Polytope)
    return np.array([v for v in feasible.vertices if np.allclose(feasible.ideal(v), v)])


def sign_slip(problem: Problem) -> Division:
    """Nash with (x + d) where (x - d) belongs."""
    return answer(problem, nash(Problem(problem.feasible, -np.abs(problem.disagreement))).payoffs)


def unweighted_weight(problem: Problem) -> Division:
    """Nash in which the exponent of one gain was forgotten: x0 - d0 squared, x1 - d1 not."""
    return answer(problem, nash(problem, weights=[2 / 3, 1 / 3]).payoffs)


def global_ideal(problem: Problem) -> Division:
    """Kalai-Smorodinsky towards ideal payoffs over all agreements, also those somebody would refuse."""
    assert isinstance(problem.feasible, Polytope)
    step = problem.feasible.vertices.max(axis=0) - problem.disagreement
    return answer(problem, problem.disagreement + problem.feasible.ray(problem.disagreement, step) * step)


def first_mover(problem: Problem) -> Division:
    """Alternating offers with the rent of the first proposer left in, taken for the Nash solution."""
    return answer(problem, AlternatingOffers([0.9, 0.9])(problem).payoffs)


def absolute_tolerance(problem: Problem) -> Division:
    """Nash by bisection that stops at an interval of 1e-6, whatever the unit."""
    right = nash(problem).payoffs
    low, high = problem.disagreement[0], problem.ideal[0]
    for _ in range(60):
        if high - low > 1e-6:
            middle = (low + high) / 2
            low, high = (middle, high) if middle < right[0] else (low, middle)
    floor = np.array([low, problem.disagreement[1]])
    return answer(problem, [low, problem.feasible.ideal(floor)[1]])


def averaged_vertices(problem: Problem) -> Division:
    """The mean of the efficient vertices, which lies below the frontier."""
    return answer(problem, frontier(problem).mean(axis=0))


def best_vertex(problem: Problem) -> Division:
    """The vertex with the largest product of gains: no mixing, and two losses make a profit."""
    corners = frontier(problem)
    product = (corners - problem.disagreement).prod(axis=1)
    return answer(problem, corners[np.argmax(product)])


def forgotten_disagreement(problem: Problem) -> Division:
    """Nash over the origin."""
    return answer(problem, nash(Problem(problem.feasible, np.minimum(problem.disagreement, 0.0))).payoffs)


def added_option(problem: Problem) -> Division:
    """What disagreement pays, added to the split of the whole."""
    return answer(
        problem, forgotten_disagreement(problem).payoffs + np.maximum(problem.disagreement, 0.0) / 2
    )


def coarse_grid(problem: Problem) -> Division:
    """Nash on a grid of 101 payoffs of player 0."""
    d, ideal = problem.disagreement, problem.ideal
    x = np.linspace(d[0], ideal[0], 101)
    y = np.array([problem.feasible.ideal(np.array([z, d[1]]))[1] for z in x])
    best = np.argmax((x - d[0]) * (y - d[1]))
    return answer(problem, [x[best], y[best]])


def split_difference(problem: Problem) -> Division:
    """Half of each player's ideal gain, wherever the frontier is."""
    return answer(problem, (problem.disagreement + problem.ideal) / 2)


def normalised_sum(problem: Problem) -> Division:
    """The largest sum of gains over ideal gains, taken for a monotone solution."""
    gains = problem.ideal - problem.disagreement
    weights = (1 / gains) / (1 / gains).sum()
    return answer(problem, utilitarian(problem, weights=weights).payoffs)


@dataclass(frozen=True)
class Wrong:
    method: Callable[[Problem], Division]
    claims: str  # the solution it is meant to be


WRONG = [
    Wrong(sign_slip, "nash"),
    Wrong(unweighted_weight, "nash"),
    Wrong(global_ideal, "kalai_smorodinsky"),
    Wrong(first_mover, "nash"),
    Wrong(absolute_tolerance, "nash"),
    Wrong(averaged_vertices, "perles_maschler"),
    Wrong(best_vertex, "nash"),
    Wrong(forgotten_disagreement, "nash"),
    Wrong(added_option, "egalitarian"),
    Wrong(coarse_grid, "nash"),
    Wrong(split_difference, "raiffa"),
    Wrong(normalised_sum, "kalai_smorodinsky"),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.method.__name__)
def test_a_mistake_is_caught(wrong: Wrong) -> None:
    @settings(phases=[Phase.generate])  # seen, if not yet shrunk
    @given(problem=problems())
    def search(problem: Problem) -> None:
        check_axioms(wrong.method, problem, axioms=proven(wrong.claims))

    with pytest.raises(AxiomsBroken, match="wrong breaks "):
        search()


@pytest.mark.parametrize(
    ("wrong", "axiom"),
    [(global_ideal, "independence_of_nonrational_alternatives"), (averaged_vertices, "weak_pareto")],
)
def test_the_problem_shown_is_small(wrong: Callable[[Problem], Division], axiom: str) -> None:
    with pytest.raises(AxiomsBroken) as caught:
        Check(axiom=AXIOMS[axiom], problems=problems())(wrong)
    (violation,) = caught.value.violations
    problem = violation.problems[0]
    assert isinstance(problem.feasible, Polytope)
    assert len(problem.feasible.vertices) <= 3
    assert np.abs(problem.feasible.vertices).max() <= 4
