"""Derivatives of 100,000 weighted Nash splits, against their solution."""

from collections.abc import Callable
from time import process_time

import numpy as np
import pytest

from bargaining import Frontier, Problem, nash, sensitivity

CELLS = 100_000
RNG = np.random.default_rng(0)
SHARE = RNG.uniform(0.2, 0.8, CELLS)
D = RNG.uniform(0, 0.5, (CELLS, 2))
ARC = Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x)


@pytest.mark.benchmark
def test_derivatives_of_many_splits(speedup: Callable[..., float]) -> None:
    def split() -> object:
        return nash(Problem(ARC, D), weights=np.stack([SHARE, 1 - SHARE], axis=-1))

    answer = split()
    ours = sensitivity(answer, wrt="disagreement")
    a, d0 = SHARE, D[:, 0]
    # a (4 - x^2 - d1) = 2 (1 - a) x (x - d0), differentiated
    x = answer.payoffs[:, 0]
    exact = np.stack([2 * (1 - a) * x, -a]) / (2 * a * x + 2 * (1 - a) * (2 * x - d0))
    assert np.abs(ours.values[:, 0].T - exact).max() < 1e-9

    def work() -> object:
        return sensitivity(answer, wrt="disagreement")

    # two entries, each with at most 75 solutions
    assert speedup("derivatives, against the solution", work, split, clock=process_time) > 1 / 150
