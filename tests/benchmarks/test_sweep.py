"""What a sweep costs beyond the solutions in it: cutting, naming, storing and resuming."""

from itertools import count
from pathlib import Path

import numpy as np
import pytest
from joblib import Parallel, delayed

from bargaining.concepts.nash import nash
from bargaining.equilibria.payoff_set import payoff_set
from bargaining.equilibria.repeated.payoff_set import PayoffSet
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.games.normal_form import Game
from bargaining.games.repeated import RepeatedGame
from bargaining.problem import Problem
from bargaining.sweeps.sweep import sweep, vectorized


@vectorized
def pies(r, h):
    """A pie of 1 with an option worth h r to player 0."""
    return Problem(TransferableSurplus(1.0), np.stack([h * r, 0.0 * r], axis=-1))


@pytest.mark.benchmark
def test_a_checkpointed_sweep_of_a_million_cells_against_the_bare_call(speedup, tmp_path):
    grid = {"r": np.linspace(0.0, 0.3, 1000), "h": np.linspace(0.1, 0.9, 1000)}
    r, h = (axis.ravel() for axis in np.meshgrid(*grid.values(), indexing="ij"))
    fresh = count()
    ratio = speedup(
        "a checkpointed sweep of a million cells against one vectorized call",
        lambda: sweep(pies, grid, nash, checkpoint=tmp_path / str(next(fresh))),
        lambda: nash(pies(r, h)),
    )
    assert ratio >= 0.05


@pytest.mark.benchmark
def test_a_resume_of_a_thousand_chunks_against_reading_the_files(speedup, tmp_path):
    def resume() -> None:
        sweep(lambda k: {"payoffs": [k, k]}, {"k": np.arange(1000)}, dict, checkpoint=tmp_path)

    resume()
    files = sorted(tmp_path.glob("*.npz"))
    assert len(files) == 1000
    ratio = speedup("a resume of 1,000 chunks against reading them with NumPy", resume, lambda: read(files))
    assert ratio >= 0.5


def read(files: list[Path]) -> None:
    for path in files:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            for name in stored.files:
                stored[name]


SEEDS = range(300)
DISCOUNTS = (0.6, 0.8)


def random_game(seed: int, discount: float) -> RepeatedGame:
    return RepeatedGame(Game(*np.random.default_rng(seed).uniform(size=(2, 30, 30))), discount)


def ends(found: PayoffSet) -> dict[str, float]:
    return {"low": found.threat[0], "high": found.vertices[:, 0].max(initial=-1.0)}


def swept(workers: int) -> object:
    grid = {"seed": list(SEEDS), "discount": list(DISCOUNTS)}
    return sweep(random_game, grid, lambda game: ends(payoff_set(game)), workers=workers)


def by_hand(seeds: range) -> list[dict[str, float]]:
    return [ends(payoff_set(random_game(seed, discount))) for seed in seeds for discount in DISCOUNTS]


def in_bare_processes() -> object:
    return Parallel(n_jobs=2)(delayed(by_hand)(SEEDS[k::20]) for k in range(20))


@pytest.mark.benchmark
def test_two_workers_of_a_sweep_against_two_bare_processes(speedup):
    """What the cutting and sharing costs, on a busy machine too."""
    ratio = speedup("two workers of a sweep against two bare processes", lambda: swept(2), in_bare_processes)
    assert ratio >= 0.8


@pytest.mark.benchmark
def test_two_workers_against_one_on_payoff_sets(speedup):
    free = speedup(
        "two bare processes against one on 600 payoff sets, which shows whether two cores are free",
        in_bare_processes,
        lambda: by_hand(SEEDS),
        rounds=3,
    )
    ratio = speedup(
        "two workers against one on 600 payoff sets", lambda: swept(2), lambda: swept(1), rounds=3
    )
    if free < 1.7:
        pytest.skip(f"two bare processes are only {free:.2f} times as fast as one: no two cores are free")
    assert ratio >= 1.6
