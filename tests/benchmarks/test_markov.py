"""Stationary equilibria of random stochastic games, against the homotopies of sgamesolver."""

import numpy as np
import pytest

from bargaining.equilibria.stochastic.markov import markov_equilibria, stationary_profile
from bargaining.games.stochastic import StochasticGame

DISCOUNT = 0.95


def rival_solver(monkeypatch):
    """Return sgamesolver, if it can be imported here; the name that NumPy 2 dropped is lent to it."""
    monkeypatch.setattr(np, "NaN", np.nan, raising=False)
    try:
        import sgamesolver
    except (ImportError, ValueError, AttributeError) as error:  # the others: compiled for another NumPy
        pytest.skip(f"sgamesolver is not importable here: {error}")
    return sgamesolver


def draw(seed, states, players, actions):
    rng = np.random.default_rng(seed)
    payoffs = rng.random((states, *(actions,) * players, players))
    return list(payoffs), list(rng.dirichlet(np.ones(states), payoffs.shape[:-1]))


def follow(rival, homotopy, game):
    """Return the rival's strategies, made to sum to one, or None where it gives up."""
    path = getattr(rival.homotopy, homotopy)(game)
    path.solver_setup()
    path.solver.verbose = 0
    try:
        path.solve()
    except (ValueError, ArithmeticError, np.linalg.LinAlgError):
        return None
    if path.equilibrium is None:
        return None
    strategies = np.clip(path.equilibrium.strategies, 0, None)
    return list(strategies / strategies.sum(axis=-1, keepdims=True))


@pytest.mark.benchmark
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("homotopy", ["LogTracing", "QRE"])
@pytest.mark.parametrize(("states", "players", "actions"), [(2, 2, 2), (5, 2, 3), (3, 3, 3), (20, 2, 4)])
def test_faster_and_closer_than_sgamesolver(monkeypatch, speedup, capsys, homotopy, states, players, actions):
    rival = rival_solver(monkeypatch)
    data = [draw(seed, states, players, actions) for seed in range(5)]
    games = [StochasticGame(*one, DISCOUNT) for one in data]
    theirs = [rival.SGame([np.moveaxis(g, -1, 0) for g in pay], chain, DISCOUNT) for pay, chain in data]
    found = [markov_equilibria(game)[0] for game in games]
    peers = [follow(rival, homotopy, game) for game in theirs]
    gaps = [
        stationary_profile(game, peer).regret
        for game, peer in zip(games, peers, strict=True)
        if peer is not None
    ]
    ratio = speedup(
        f"{states} states, {players} players, {actions} actions, {homotopy}",
        lambda: [markov_equilibria(game) for game in games],
        lambda: [follow(rival, homotopy, game) for game in theirs],
        rounds=3,
    )
    with capsys.disabled():
        print(f"regret {max(p.regret for p in found):.0e}, rival {max(gaps):.0e} ({len(gaps)} of 5 solved)")
    assert max(profile.regret for profile in found) <= 1e-12
    assert ratio > 3
