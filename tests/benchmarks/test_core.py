"""The closed form against bare NumPy, the frontier against SciPy's vectorised root finder."""

import statistics
import time
from collections.abc import Callable

import numpy as np
import pytest

from bargaining import Frontier, Problem, TransferableSurplus, nash

pytestmark = pytest.mark.benchmark
CELLS = 1_000_000


def ratio(ours: Callable[[], object], rival: Callable[[], object], repeats: int = 7) -> float:
    """Return how many times faster ours is in processor time: the median over pairs timed in turn, after a warm-up."""
    ours(), rival()
    pairs = []
    for _ in range(repeats):
        start = time.process_time()
        rival()
        middle = time.process_time()
        ours()
        pairs.append((middle - start) / (time.process_time() - middle))
    return statistics.median(pairs)


def test_a_million_surpluses_against_the_bare_expression() -> None:
    rng = np.random.default_rng(0)
    total, d = rng.uniform(5, 9, CELLS), rng.uniform(0, 2, (CELLS, 2))

    def bare() -> np.ndarray:
        half = (total - d[:, 0] - d[:, 1]) / 2
        return d + half[:, None]

    def ours() -> np.ndarray:
        return nash(Problem(TransferableSurplus(total), d)).payoffs

    np.testing.assert_allclose(ours(), bare(), rtol=1e-13)
    speed = ratio(ours, bare)
    print(f"\nnash on a million surpluses: {speed:.2f} of the bare NumPy expression's speed")
    assert speed >= 0.4


def test_a_million_frontiers_against_find_root() -> None:
    from scipy.optimize.elementwise import find_root

    top = np.random.default_rng(0).uniform(1, 9, CELLS)

    def rival() -> np.ndarray:
        bracket = (np.zeros(CELLS), np.sqrt(top))
        return find_root(lambda x, c: 0.5 * (c - x * x) + 0.5 * (-2 * x) * x, bracket, args=(top,)).x

    def ours() -> np.ndarray:
        frontier = Frontier(lambda x: top - x * x, 0, np.sqrt(top), derivative=lambda x: -2 * x)
        return nash(Problem(frontier, [0, 0])).payoffs[:, 0]

    np.testing.assert_allclose(ours(), rival(), rtol=1e-12)
    speed = ratio(ours, rival, repeats=7)
    print(f"\nnash on a million frontiers: {speed:.1f} times scipy.optimize.elementwise.find_root")
    assert speed >= 1.1


def test_one_frontier_against_brentq() -> None:
    from scipy.optimize import brentq

    problem = Problem(Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x), [0, 0])

    def rival() -> float:
        return float(brentq(lambda x: 0.5 * (4 - x * x) + 0.5 * (-2 * x) * x, 0, 2, xtol=1e-15, rtol=1e-15))

    def many(f: Callable[[], object]) -> Callable[[], None]:
        return lambda: [f() for _ in range(200)] and None

    speed = ratio(many(lambda: nash(problem)), many(rival))
    print(f"\none frontier, checked and packed: {speed:.2f} of bare brentq's speed")
    assert speed >= 1 / 40
