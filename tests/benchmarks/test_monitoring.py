"""Payoff sets under imperfect public monitoring against linear programs of scipy, and against their own size."""

from collections.abc import Callable
from time import process_time

import numpy as np
import pytest
from scipy.optimize import linprog

from bargaining import Game, Monitoring, RepeatedGame, Status, payoff_bounds, payoff_set
from known_games import PARTNERS, ROUND

pytestmark = pytest.mark.benchmark

REPORT = Monitoring([[[0.9, 0.1], [0.5, 0.5]], [[0.5, 0.5], [0.25, 0.75]]])
CALLS = 2000  # of linprog: what a plain program of outer and inner iterations makes of the dilemma


def programs() -> None:
    """Solve linear programs of 4 variables and 48 rows, as many as a plain iteration takes."""
    rng = np.random.default_rng(0)
    turns = 2 * np.pi * np.arange(24) / 24
    normals = np.column_stack([np.cos(turns), np.sin(turns)])
    rows = np.zeros((48, 4))
    rows[:24, :2] = rows[24:, 2:] = normals
    for cost in rng.normal(size=(CALLS, 4)):
        linprog(cost, A_ub=rows, b_ub=np.ones(48), bounds=(None, None))


@pytest.mark.parametrize(("discount", "tolerance", "share"), [(0.8, 2e-6, 0.1), (0.9, 1e-5, 0.5)])
def test_the_dilemma_of_one_report(
    speedup: Callable[..., float], discount: float, tolerance: float, share: float
) -> None:
    repeated = RepeatedGame(PARTNERS, discount, monitoring=REPORT)
    assert payoff_set(repeated, tolerance=tolerance).gap <= tolerance
    faster = speedup(
        f"one report, {discount}",
        lambda: payoff_set(repeated, tolerance=tolerance),
        programs,
        rounds=3,
        clock=process_time,
    )
    assert faster >= 1 / share


def test_great_patience_costs_little(speedup: Callable[..., float]) -> None:
    """At most four times what a discount factor of .9 takes."""
    patient, less = (RepeatedGame(PARTNERS, discount, monitoring=REPORT) for discount in (0.99, 0.9))
    faster = speedup(
        "discount factors .99 and .9",
        lambda: payoff_set(patient, tolerance=1e-5),
        lambda: payoff_set(less, tolerance=1e-5),
        rounds=2,
        clock=process_time,
    )
    assert faster >= 1 / 4


def test_three_actions_and_eight_signals() -> None:
    rng = np.random.default_rng(0)
    game = Game(*rng.integers(0, 9, (2, 3, 3)).astype(float))
    monitoring = Monitoring(rng.dirichlet(np.ones(8), (3, 3)))
    start = process_time()
    found = payoff_set(RepeatedGame(game, 0.6, monitoring=monitoring), tolerance=1e-2)
    assert found.status in (Status.OK, Status.EMPTY)
    assert process_time() - start < 20


def test_three_contributors() -> None:
    """Their set is round in three dimensions: what half-spaces cut off falls only as one over their number."""
    start = process_time()
    found = payoff_bounds(ROUND, tolerance=3e-2)
    assert found.status is Status.OK
    assert process_time() - start < 30
