"""What must hold whatever the problem: scale, offset, relabelling, batches, certificates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining import Polytope, Problem, certify, kalai_smorodinsky, nash
from drawn_sets import SCALES, chains


@given(
    chains, st.integers(1, 9), st.sampled_from(SCALES), st.sampled_from(SCALES), st.sampled_from([1.0, -1e6])
)
def test_after_a_move_that_rounds_the_data_the_answer_is_that_of_the_rounded_data(
    chain: np.ndarray, weight: int, s0: float, s1: float, offset: float
) -> None:
    # Rounded vertices a unit apart at an offset of a million turn an edge by 1e-10 and the answer by more.
    scale = np.array([s0, s1])
    moved = Problem(Polytope(scale * (chain + offset), free_disposal=True), scale * offset)
    for method in (lambda p: nash(p, weights=[weight / 10, 1 - weight / 10]), kalai_smorodinsky):
        assert certify(method(moved)).holds


@given(chains, st.integers(1, 9))
def test_nash_is_the_best_product_and_ks_is_on_its_ray(chain: np.ndarray, weight: int) -> None:
    w = np.array([weight, 10 - weight]) / 10
    problem = Problem(Polytope(chain, free_disposal=True), [0, 0])
    x = nash(problem, weights=w).payoffs
    assert problem.feasible.contains(x)
    # The gradient hyperplane supports the set: no vertex lies beyond it (exact optimality for a concave product).
    assert ((w / x) @ chain.T).max() <= 1 + 1e-12
    ks = kalai_smorodinsky(problem)
    ratios = ks.payoffs / problem.ideal
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-13)
    assert abs(problem.feasible.ray(ks.payoffs, problem.ideal)) <= 1e-13
