"""All Markov equilibria of directional games against exhaustive search, paths, and cases by hand."""

import math
from itertools import product

import numpy as np
import pytest
from scipy.optimize import brentq

from bargaining import (
    Exit,
    Game,
    StochasticGame,
    directional_equilibria,
    markov_equilibria,
    stage_equilibria,
    stationary_profile,
)
from bargaining.errors import InvalidInput, NotApplicable

COORDINATION = Game([[2, 0], [0, 1]], [[1, 0], [0, 2]])


def drawn(seed, staying):
    """Draw three states of two by two actions; the chance of staying depends on the profile if `staying`."""
    rng = np.random.default_rng(seed)
    payoffs = rng.normal(size=(3, 2, 2, 2))
    laws = rng.random((3, 2, 2, 3))
    laws[1, ..., 0] = laws[2, ..., :2] = 0
    if not staying:
        laws[0, ..., 0] = laws[1, ..., 1] = 0
    laws /= laws.sum(axis=-1, keepdims=True)
    return StochasticGame([*payoffs], [*laws], [0.8, 0.6])


def crossings(difference):
    """Return where a function of a probability changes its sign, inside."""
    grid = np.linspace(0, 1, 801)
    values = [difference(y) for y in grid]
    return [
        brentq(difference, one, other, xtol=1e-14)
        for one, other, left, right in zip(grid, grid[1:], values, values[1:], strict=False)
        if left * right < 0
    ]


def exhaustive(game):
    """Return the values of all equilibria, shape (k, 3, 2): every support of every state, in floats."""
    found = [np.zeros((3, 2))]
    for s in (2, 1, 0):
        longer = []
        for values in found:
            law = game.transition(s)
            now = (1 - game.discounts) * game.games[s].payoffs + game.discounts * (
                np.delete(law, s, axis=-1) @ np.delete(values, s, axis=0)
            )
            stay = 1 - game.discounts * law[..., s, None]
            local = []
            for a, b in product((0, 1), repeat=2):
                v = now[a, b] / stay[a, b]
                if (now[:, b, 0] <= stay[:, b, 0] * v[0] + 1e-12).all() and (
                    now[a, :, 1] <= stay[a, :, 1] * v[1] + 1e-12
                ).all():
                    local.append(v)

            def worth(i, row, other, now=now, stay=stay):
                n, d = (np.moveaxis(part[..., i], i, 0)[row] for part in (now, stay))
                return ((1 - other) * n[0] + other * n[1]) / ((1 - other) * d[0] + other * d[1])

            mixes = [crossings(lambda other, i=i: worth(i, 0, other) - worth(i, 1, other)) for i in (0, 1)]
            local += [np.array([worth(0, 0, y), worth(1, 0, x)]) for y in mixes[0] for x in mixes[1]]
            for v in local:
                longer.append(values.copy())
                longer[-1][s] = v
        found = longer
    return np.array(found)


@pytest.mark.parametrize(
    "seed", [seed if seed < 5 else pytest.param(seed, marks=pytest.mark.slow) for seed in range(50)]
)
def test_all_equilibria_of_small_games_are_those_of_exhaustive_search(seed):
    game = drawn(seed, staying=bool(seed % 3))
    ours, known = directional_equilibria(game), exhaustive(game)
    assert ours.complete
    assert len(ours) == len(known)
    assert len(ours) % 2 == 1  # as in almost every game
    values = np.array([one.values for one in ours])
    for one in known:
        assert np.abs(values - one).max(axis=(1, 2)).min() < 1e-9
    assert max(one.regret for one in ours) <= 1e-12


@pytest.mark.parametrize("seed", range(2))
def test_paths_end_in_equilibria_of_the_list(seed):
    game = drawn(seed, staying=True)
    values = np.array([one.values for one in directional_equilibria(game)])
    for one in markov_equilibria(game, starts=3, rng=1):
        assert np.abs(values - one.values).max(axis=(1, 2)).min() < 1e-8


def test_pure_equilibria_of_larger_stages_are_all_listed():
    rng = np.random.default_rng(3)
    laws = rng.random((2, 3, 2, 2))
    laws[1, ..., 0] = 0
    laws /= laws.sum(axis=-1, keepdims=True)
    game = StochasticGame([*rng.normal(size=(2, 3, 2, 2))], [*laws], 0.7)
    ours = [one for one in directional_equilibria(game) if one.pure()]
    count = 0
    for first, second in product(product(range(3), range(2)), repeat=2):
        strategies = [[np.eye(3)[a], np.eye(2)[b]] for a, b in (first, second)]
        count += stationary_profile(game, strategies).regret <= 1e-12
    assert len(ours) == count
    assert not directional_equilibria(game).complete


def test_three_players_and_numbers_that_multiply():
    alone = StochasticGame([COORDINATION] * 3, [[0, 1, 0], [0, 0, 1], [0, 0, 1]], 0.5)
    assert len(stage_equilibria(COORDINATION)) == 3
    found = directional_equilibria(alone)
    assert (len(found), found.complete) == (27, True)
    few = directional_equilibria(alone, limit=5)
    assert (len(few), few.complete) == (5, False)
    majority = Game(*np.array([[[3, 0], [0, 0]], [[0, 0], [0, 3]]] * 3).reshape(3, 2, 2, 2))
    three = StochasticGame([majority, majority], [[0, 1], [0, 1]], 0.5)
    assert directional_equilibria(three)[0].values.shape == (2, 3)


def test_a_game_without_direction_is_refused_by_the_states_that_lead_to_each_other():
    circle = StochasticGame(
        [COORDINATION] * 3, [[0, 1, 0], [0.5, 0, 0.5], [0, 0, 1]], 0.5, states=["a", "b", "c"]
    )
    with pytest.raises(InvalidInput, match="a -> b -> a"):
        directional_equilibria(circle)
    with pytest.raises(NotApplicable, match="leav"):
        directional_equilibria(StochasticGame([COORDINATION], [[1]], 0.5, exit=Exit([1, 1])))
    with pytest.raises(InvalidInput, match="`limit`"):
        directional_equilibria(circle, limit=0)


def test_infinitely_many_equilibria_are_not_called_complete():
    level = Game([[1, 1], [1, 1]], [[1, 1], [1, 1]])
    assert not directional_equilibria(StochasticGame([level], [[1]], 0.5)).complete


def leapfrogging(levels):
    """Two firms of costs i and j may buy the best technology, k, which improves by a level a period until it is 0.

    Iskhakov, Rust and Schjerning: costs from 5 to 0, the price 8.3 / (1 + c) and exp(-.05) are those of their setup.m.
    """
    cost = np.linspace(5, 0, levels)
    price = 8.3 / (1 + cost)
    states = [(i, j, k) for k in range(levels) for i in range(k + 1) for j in range(k + 1)]
    number = {state: s for s, state in enumerate(states)}
    payoffs, laws = [], np.zeros((len(states), 2, 2, len(states)))
    for s, (i, j, k) in enumerate(states):
        earned = np.maximum([cost[j] - cost[i], cost[i] - cost[j]], 0.0)
        payoffs.append([[earned - price[k] * np.array([a, b]) for b in (0, 1)] for a in (0, 1)])
        for a, b in product((0, 1), repeat=2):
            laws[s, a, b, number[k if a else i, k if b else j, min(k + 1, levels - 1)]] = 1
    return StochasticGame(payoffs, [*laws], math.exp(-0.05))


@pytest.mark.parametrize(("levels", "count"), [(3, 127), pytest.param(4, 46_707, marks=pytest.mark.slow)])
def test_two_firms_leapfrog_in_as_many_ways_as_two_other_programs_counted(levels, count):
    found = directional_equilibria(leapfrogging(levels), limit=50_000)
    assert found.complete
    assert len(found) == count
    assert max(one.regret for one in found) <= 1e-12
