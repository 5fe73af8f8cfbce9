"""A batch of reputational games against a Python loop over the closed forms."""

import math
import time

import numpy as np
import pytest

from bargaining.protocols.reputation import ReputationalBargaining

GAMES = 100_000


def closed_form(demands, rates, priors):
    """Solve one game in scalar arithmetic: rates, horizon, first concessions and payoffs."""
    a1, a2 = demands
    r1, r2 = rates
    z1, z2 = priors
    conflict = a1 + a2 - 1
    l1, l2 = r2 * (1 - a1) / conflict, r1 * (1 - a2) / conflict
    horizon = min(-math.log(z1) / l1, -math.log(z2) / l2)
    f1, f2 = 1 - z1 * math.exp(l1 * horizon), 1 - z2 * math.exp(l2 * horizon)
    return l1, l2, horizon, f1, f2, f2 * conflict + 1 - a2, f1 * conflict + 1 - a1


def seconds(work):
    start = time.process_time()
    work()
    return time.process_time() - start


@pytest.mark.benchmark
def test_a_batch_of_games_against_a_loop():
    rng = np.random.default_rng(0)
    demands, rates = rng.uniform(0.55, 0.95, (GAMES, 2)), rng.uniform(0.01, 0.3, (GAMES, 2))
    priors = rng.uniform(0.001, 0.5, (GAMES, 2))
    lists = [x.tolist() for x in (demands, rates, priors)]

    def loop(games):
        return [closed_form(*game) for game in zip(*games, strict=True)]

    payoffs = np.array(loop(lists))[:, 5:]
    assert np.abs(ReputationalBargaining(demands, rates, priors)().payoffs - payoffs).max() < 1e-13
    # Side by side in short rounds: a shared machine slows down and speeds up for seconds at a time.
    rounds = []
    for _ in range(7):
        ours = min(seconds(lambda: ReputationalBargaining(demands, rates, priors)()) for _ in range(10))
        rounds.append((ours, seconds(lambda: loop((demands, rates, priors))), seconds(lambda: loop(lists))))
    ours, rows, plain = np.median(rounds, axis=0)
    ratio, ratio_lists = np.median([(r / o, p / o) for o, r, p in rounds], axis=0)
    print(
        f"\n{GAMES} games: ours {ours * 1e3:.1f} ms, loop over the arrays' rows {rows * 1e3:.0f} ms "
        f"({ratio:.0f} times), over plain lists {plain * 1e3:.0f} ms ({ratio_lists:.0f} times)"
    )
    assert ratio > 10
