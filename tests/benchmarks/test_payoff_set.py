"""Payoff sets against quantecon's Abreu-Sannikov algorithm, warm and cold, and against our own scaling claims."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pytest

from bargaining.equilibria.payoff_set import payoff_set
from bargaining.games.normal_form import Game
from bargaining.games.repeated import RepeatedGame
from known_games import PROFIT

pytestmark = pytest.mark.benchmark

PRISONERS = (np.array([[9.0, 1], [10, 3]]), np.array([[9.0, 10], [1, 3]]))
THREE = (
    np.array([[16.0, 3, 0], [21, 10, -1], [9, 5, -5]]),
    np.array([[9.0, 13, 3], [1, 4, 0], [0, -4, -15]]),
)
COURNOT = (PROFIT, PROFIT.T)


def uniform(size: int) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.random.default_rng(0).random((2, size, size))
    return first, second


CELLS: list[tuple[str, Any, float, float]] = [
    ("prisoners", PRISONERS, 0.9, 4),
    ("prisoners", PRISONERS, 0.3, 0.4),
    ("three actions", THREE, 0.3, 0.25),
    *[("Cournot 15x15", COURNOT, discount, times) for discount, times in ((0.3, 2), (0.6, 3), (0.8, 5))],
    *[("uniform 20x20", uniform(20), discount, times) for discount, times in ((0.3, 2), (0.6, 5), (0.8, 10))],
    *[("uniform 50x50", uniform(50), discount, 10) for discount in (0.6, 0.8)],
    *[("uniform 100x100", uniform(100), discount, 10) for discount in (0.6, 0.8)],
]


OURS_FROM_THE_START = """
start = perf_counter()
from bargaining import Game, RepeatedGame, payoff_set
payoff_set(RepeatedGame(Game(*PAYOFFS), 0.6))
"""
THE_RIVALS_FIRST_CALL = """
import numpy
from quantecon.game_theory import NormalFormGame, Player, RepeatedGame
first, second = numpy.array(PAYOFFS)
game = RepeatedGame(NormalFormGame((Player(first), Player(numpy.ascontiguousarray(second.T)))), 0.6)
start = perf_counter()
game.equilibrium_payoffs(method="AS")
"""


@pytest.mark.parametrize(
    ("name", "payoffs", "discount", "times"),
    CELLS,
    ids=[f"{name}-{discount}" for name, _, discount, _ in CELLS],
)
def test_faster_than_quantecon(
    name: str, payoffs: Any, discount: float, times: float, speedup: Callable[..., float]
) -> None:
    theory = pytest.importorskip("quantecon.game_theory")
    first, second = payoffs
    players = theory.Player(first), theory.Player(np.ascontiguousarray(second.T))
    rival = theory.RepeatedGame(theory.NormalFormGame(players), discount)
    ours = RepeatedGame(Game(first, second), discount)
    rounds = 5 if first.size > 1000 else 40
    ratio = speedup(
        f"{name}, discount {discount}",
        lambda: payoff_set(ours),
        lambda: rival.equilibrium_payoffs(method="AS"),
        rounds=rounds,
        clock=process_time,
    )
    assert ratio > times


@pytest.mark.parametrize(
    ("name", "payoffs"),
    [("prisoners", PRISONERS), ("Cournot 15x15", COURNOT), ("uniform 100x100", uniform(100))],
)
def test_ten_times_faster_than_the_first_call_of_quantecon(name: str, payoffs: Any, tmp_path: Path) -> None:
    """In new processes: ours from before its import on; the rival's first call alone, which compiles."""
    pytest.importorskip("quantecon.game_theory")
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    lists = [payoff.tolist() for payoff in payoffs]
    ours, rival = (
        min(seconds_in_a_new_process(f"PAYOFFS = {lists}{work}", environment) for _ in range(times))
        for work, times in ((OURS_FROM_THE_START, 3), (THE_RIVALS_FIRST_CALL, 1))
    )
    print(f"\n{name}, cold: {ours:.3g} s, rival {rival:.3g} s, {rival / ours:.3g} times as fast")
    assert ours * 10 < rival


def seconds_in_a_new_process(work: str, environment: dict[str, str]) -> float:
    """Return what lies between `start` and the end of some lines of Python."""
    script = f"from time import perf_counter\n{work}\nprint(perf_counter() - start)"
    done = subprocess.run(
        [sys.executable, "-"], input=script, env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def test_agrees_with_quantecon_where_it_converges() -> None:
    """Its sets have an error of about 1e-5; it raises on segments, points and some empty sets."""
    theory = pytest.importorskip("quantecon.game_theory")
    from scipy.spatial import QhullError

    compared = 0
    for seed in range(40):
        first, second = np.random.default_rng(seed).random((2, 3, 3))
        for discount in (0.3, 0.6):
            players = theory.Player(first), theory.Player(np.ascontiguousarray(second.T))
            try:
                peer = theory.RepeatedGame(theory.NormalFormGame(players), discount).equilibrium_payoffs(
                    method="AS"
                )
            except (QhullError, ValueError):
                continue
            found = payoff_set(RepeatedGame(Game(first, second), discount))
            assert max(found.excess(point) for point in peer.points) < 1e-4
            compared += 1
    assert compared > 20


@pytest.mark.parametrize(
    ("name", "payoffs"),
    [("prisoners", PRISONERS), ("Cournot 15x15", COURNOT), ("uniform 50x50", uniform(50))],
)
def test_patience_is_cheap(name: str, payoffs: Any, speedup: Callable[..., float]) -> None:
    patient, less = (RepeatedGame(Game(*payoffs), discount) for discount in (0.999, 0.9))
    ratio = speedup(
        f"{name}, 0.999 against 0.9", lambda: payoff_set(patient), lambda: payoff_set(less), rounds=20
    )
    assert ratio > 1 / 3
