"""Payoff sets of stochastic games whose players differ in patience: what must lie in them, and when a search ends."""

from itertools import product

import numpy as np
import pytest

from bargaining.equilibria.payoff_set import payoff_set
from bargaining.errors import Status
from bargaining.exact.certify import certify
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame
from bargaining.games.stochastic import StochasticGame
from known_games import PRISONERS
from polygons import hausdorff
from seeds import seeds

HARD_TIMES = Game([[4, 0], [8, 1]], [[4, 8], [0, 1]])


def drawn(seed, *, high=18):
    """Two states, two actions each, actions move the state; the stage payoffs, laws and discount factors."""
    rng = np.random.default_rng(seed)
    stages = [rng.integers(-3, 8, (2, 2, 2)) for _ in range(2)]
    discounts = rng.integers(4, high, 2) / 20
    laws = [rng.dirichlet(np.ones(2), (2, 2)) for _ in range(2)]
    return stages, laws, discounts


def stationary_equilibria(stages, laws, discounts):
    """The payoffs, shape (states, 2), of every pure profile a state that nobody gains by leaving once."""
    for plan in product(product((0, 1), repeat=2), repeat=2):
        now = np.array([stages[s][i][plan[s]] for s in (0, 1) for i in (0, 1)]).reshape(2, 2)
        moves = np.array([laws[s][plan[s]] for s in (0, 1)])
        values = np.stack(
            [np.linalg.solve(np.eye(2) - d * moves, (1 - d) * now[:, i]) for i, d in enumerate(discounts)],
            axis=1,
        )
        gains = [
            (1 - d) * stages[s][i][other] + d * laws[s][other] @ values[:, i] - values[s, i]
            for s in (0, 1)
            for i, d in enumerate(discounts)
            for other in [tuple(1 - a if k == i else a for k, a in enumerate(plan[s]))]
        ]
        if max(gains) <= 1e-13:
            yield values


@pytest.mark.parametrize("drawn_from", [range(20), pytest.param(range(20, 60), marks=pytest.mark.slow)])
def test_stationary_equilibria_are_in_the_sets(drawn_from):
    """Many games have no other equilibrium: sets cut down to one point that lies on a knife edge must not vanish."""
    count = 0
    for seed in drawn_from:
        stages, laws, discounts = drawn(seed)
        game = StochasticGame([np.moveaxis(stage, 0, -1) for stage in stages], laws, discounts)
        equilibria = list(stationary_equilibria(stages, laws, discounts))
        if not equilibria or seed % 4 == 0 or len(equilibria) > 2:
            continue
        found, count = payoff_set(game), count + 1
        for values in equilibria:
            for some, value in zip(found.values(), values, strict=True):
                assert some.status is not Status.EMPTY, seed
                assert some.contains(value), seed
    assert count > len(drawn_from) / 3


@pytest.mark.dear("1")
@pytest.mark.parametrize("seed", [1, 2, 3, 10, 12])
def test_certificates_prove_the_sets_from_both_sides(seed):
    stages, laws, discounts = drawn(seed)
    game = StochasticGame([np.moveaxis(stage, 0, -1) for stage in stages], laws, discounts)
    proof = certify(payoff_set(game), tolerance=1e-10)
    assert proof.holds, proof.statement


@pytest.mark.dear("1")
@pytest.mark.parametrize("seed", seeds(4, 8))
def test_states_that_are_alike_are_the_repeated_game(seed):
    rng = np.random.default_rng(seed)
    stage, discounts = Game(*rng.integers(-3, 8, (2, 2, 2))), rng.integers(4, 18, 2) / 20
    leave = [None, Exit(rng.integers(-2, 5, 2)), Exit(rng.integers(-2, 5, 2), who=[seed % 2])][seed % 3]
    game = StochasticGame(
        [stage] * 2, [rng.dirichlet(np.ones(2), (2, 2)) for _ in (0, 1)], discounts, exit=leave
    )
    expected = payoff_set(RepeatedGame(stage, discounts, exit=leave))
    for some in payoff_set(game).values():
        assert some.status is (Status.OK if len(expected.vertices) else Status.EMPTY)
        assert hausdorff(some.vertices, expected.vertices) < 1e-8


@pytest.mark.dear("discounts1", "discounts0", "discounts2")
@pytest.mark.parametrize("discounts", [(0.999, 0.5), (0.5, 0.999), (0.9, 0.5), (0, 0.999)])
def test_one_very_patient_player_is_solved(discounts):
    game = StochasticGame.from_chain([PRISONERS, HARD_TIMES], np.full((2, 2), 0.5), discounts)
    found = payoff_set(game)
    assert found.ok
    assert found.stats.iterations < 200
    swapped = StochasticGame.from_chain([PRISONERS, HARD_TIMES], np.full((2, 2), 0.5), discounts[::-1])
    for some, other in zip(found.values(), payoff_set(swapped).values(), strict=True):
        assert hausdorff(some.vertices, other.vertices[:, ::-1][::-1]) < 1e-8
