"""Solutions with the mistakes people make: the kit must catch each with the examples of the default profile."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bargaining import (
    AlternatingOffers,
    Division,
    Frontier,
    Polytope,
    Problem,
    Status,
    TransferableSurplus,
    egalitarian,
    kalai_smorodinsky,
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


# -- right, but for one kind of problem ------------------------------------------------------------------------


def wrong_for_three(problem: Problem) -> Division:
    """Nash, with a third player who counts for half."""
    weights = [0.5, 0.5] if problem.players == 2 else [0.4, 0.4, 0.2]
    return answer(problem, nash(problem, weights=weights).payoffs)


def wrong_on_curves(problem: Problem) -> Division:
    """Kalai-Smorodinsky, but on a frontier a straight line between its ends is taken for it."""
    feasible = problem.feasible
    if isinstance(feasible, Frontier):
        ends = np.array([feasible.lower, feasible.upper], dtype=float)
        corners = np.stack([ends, feasible.function(ends)], axis=-1)
        return answer(
            problem,
            kalai_smorodinsky(Problem(Polytope(corners, free_disposal=True), problem.disagreement)).payoffs,
        )
    return kalai_smorodinsky(problem)


def wrong_on_sums(problem: Problem) -> Division:
    """Equal gains, but an amount of money is split evenly whatever the players have."""
    if isinstance(problem.feasible, TransferableSurplus):
        return answer(problem, np.full(problem.players, problem.feasible.total / problem.players))
    return egalitarian(problem)


def wrong_by_inequalities(problem: Problem) -> Division:
    """Equal gains, but of several inequalities the first alone is read."""
    feasible = problem.feasible
    if isinstance(feasible, Polytope) and feasible.points is None:
        return answer(problem, problem.disagreement + (problem.ideal - problem.disagreement).min())
    return egalitarian(problem)


def wrong_on_thin_sets(problem: Problem) -> Division:
    """Nash, but a set a hundred times as wide as high counts as flat."""
    gains = problem.ideal - problem.disagreement
    if gains.max() > 100 * gains.min():
        return answer(problem, np.where(gains == gains.max(), problem.ideal, problem.disagreement))
    return nash(problem)


def wrong_near_the_frontier(problem: Problem) -> Division:
    """Nash, but gains of a fiftieth of the payoffs count as none."""
    gains = problem.ideal - problem.disagreement
    small = (gains < np.abs(problem.ideal).max() / 50).all()
    return answer(problem, problem.disagreement) if small else nash(problem)


def wrong_on_the_boundary(problem: Problem) -> Division:
    """Nash, but a disagreement point on the boundary of the set counts as one from which nobody can gain."""
    d, step = problem.disagreement, 1e-6 * np.eye(problem.players) * (problem.ideal - problem.disagreement)
    inside = all(problem.feasible.contains(d - step[i]) for i in range(problem.players))
    return nash(problem) if inside else answer(problem, d)


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
WRONG_SOMEWHERE = [
    Wrong(wrong_for_three, "nash"),
    Wrong(wrong_on_curves, "kalai_smorodinsky"),
    Wrong(wrong_on_sums, "egalitarian"),
    Wrong(wrong_by_inequalities, "egalitarian"),
    Wrong(wrong_on_thin_sets, "nash"),
    Wrong(wrong_near_the_frontier, "nash"),
    Wrong(wrong_on_the_boundary, "nash"),
]


def search(wrong: Wrong, problems: st.SearchStrategy[Problem], axioms: tuple[str, ...]) -> None:
    @settings(phases=[Phase.generate], max_examples=100, derandomize=True)  # as Hypothesis has it; not shrunk
    @given(problem=problems)
    def drawn(problem: Problem) -> None:
        check_axioms(wrong.method, problem, axioms=axioms)

    drawn()


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.method.__name__)
def test_a_mistake_is_caught(wrong: Wrong) -> None:
    with pytest.raises(AxiomsBroken, match="wrong breaks "):
        search(wrong, problems(players=2, kinds=["points"]), proven(wrong.claims))


@pytest.mark.parametrize("wrong", WRONG_SOMEWHERE, ids=lambda wrong: wrong.method.__name__)
def test_a_mistake_about_one_kind_of_problem_is_caught_by_default(wrong: Wrong) -> None:
    axioms = ["feasibility", "weak_pareto", "symmetry", "homogeneity", "midpoint_domination"]
    with pytest.raises(AxiomsBroken, match="wrong breaks "):
        search(wrong, problems(), tuple(axiom for axiom in axioms if axiom in proven(wrong.claims)))


@pytest.mark.parametrize(
    ("wrong", "axiom"),
    [(global_ideal, "independence_of_nonrational_alternatives"), (averaged_vertices, "weak_pareto")],
)
def test_the_problem_shown_is_small(wrong: Callable[[Problem], Division], axiom: str) -> None:
    with pytest.raises(AxiomsBroken) as caught:
        Check(axiom=AXIOMS[axiom], problems=problems(players=2, kinds=["points"], scale="one"))(wrong)
    (violation,) = caught.value.violations
    problem = violation.problems[0]
    assert isinstance(problem.feasible, Polytope)
    assert len(problem.feasible.vertices) <= 3
    assert np.abs(problem.feasible.vertices).max() <= 4
