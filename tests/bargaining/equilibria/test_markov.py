"""Stationary equilibria against the definition, stage equilibria, Shapley's values and enumeration."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog

from bargaining.equilibria.stage.equilibria import stage_equilibria
from bargaining.equilibria.stochastic.markov import markov_equilibria, stationary_profile
from bargaining.errors import InvalidInput, Status
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit
from bargaining.games.stochastic import StochasticGame
from known_games import PRISONERS

CHICKEN = Game([[0, 7], [2, 6]], [[0, 2], [7, 6]])


def draw(seed, shapes, discounts, *, exits=False):
    """Draw integer payoffs and transitions for states of these shapes; some states can be left by some."""
    rng = np.random.default_rng([seed, len(shapes)])
    n, payoffs, chain, leave = len(shapes[0]), [], [], []
    for shape in shapes:
        payoffs.append(rng.integers(-3, 4, (*shape, n)))
        counts = rng.integers(0, 3, (*shape, len(shapes)))
        counts[..., 0] += 1
        chain.append(counts / counts.sum(axis=-1, keepdims=True))
        who = np.flatnonzero(rng.random(n) < 0.7)
        leave.append(Exit(rng.integers(-3, 2, n), who=who.tolist()) if exits and who.size else None)
    return StochasticGame(payoffs, chain, discounts, exit=leave)


def best_gain(game, profile):
    """Return the most anybody gains in average payoff by any strategy, by value iteration on the definition."""
    worst = 0.0
    for i in range(game.players):
        d = game.discounts[i]
        follow, optimal = np.zeros(len(game)), np.zeros(len(game))
        for _ in range(int(40 / (1 - d))):
            now, best = np.empty(len(game)), np.empty(len(game))
            for s, own in enumerate(profile.strategies):
                tables = []
                for value in (follow, optimal):
                    table = (1 - d) * game.games[s].payoffs[..., i] + d * game.transition(s) @ value
                    for j in reversed(range(game.players)):
                        if j != i:
                            table = np.moveaxis(table, j, -1) @ own[j]
                    tables.append(table)
                leave = game.exits[s]
                now[s], best[s] = own[i] @ tables[0], tables[1].max()
                if leave is not None:
                    now[s] = opened(leave, profile.leave[s], i, now[s], None)
                    best[s] = max(opened(leave, profile.leave[s], i, best[s], k) for k in (0, 1))
            follow, optimal = now, best
        np.testing.assert_allclose(follow, profile.values[:, i], atol=1e-9)
        worst = max(worst, (optimal - follow).max())
    return worst


def opened(leave, chance, i, stays, choice):
    """Return what i gets as the period opens, leaving by `chance` or as chosen (0 stay, 1 leave)."""
    total, n = 0.0, leave.players
    for act in product((0, 1), repeat=n):
        odds = 1.0
        for k in range(n):
            p = chance[k] if (k != i or choice is None) else float(choice and i in leave.who)
            odds *= p if act[k] else 1 - p
        gone = [k for k in range(n) if act[k]]
        total += odds * (leave.payoffs[gone, i].mean() if gone else stays)
    return total


@pytest.mark.dear("shapes3-True")
@pytest.mark.parametrize("exits", [False, True])
@pytest.mark.parametrize(
    "shapes", [[(2, 2)] * 3, [(2, 2), (3, 2), (1, 4)], [(3, 3)] * 2, [(2, 2, 2), (1, 2, 3)], [(4,)] * 3]
)
def test_nobody_gains_by_the_definition(shapes, exits):
    for seed in range(3):
        discounts = [0.5, 0.0, np.linspace(0.3, 0.8, len(shapes[0]))][seed]
        game = draw(seed, shapes, discounts, exits=exits)
        found = markov_equilibria(game)
        assert found.status == Status.OK
        assert not found.complete
        assert found[0].regret <= 1e-12
        assert best_gain(game, found[0]) < 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_one_state_gives_a_stage_equilibrium(seed):
    payoffs = np.random.default_rng(seed).random((2, 3, 3))
    stage = stage_equilibria(Game(*payoffs))
    game = StochasticGame([Game(*payoffs)], [[1]], 0.7)
    found = markov_equilibria(game, starts=5, rng=seed)
    assert stage.complete
    assert stage.finite
    for profile in found:
        gaps = [
            max(np.abs(x - y).max() for x, y in zip(profile.strategies[0], other, strict=True))
            for other in stage.profiles
        ]
        assert min(gaps) < 1e-9
        np.testing.assert_allclose(profile.values[0], stage.payoffs[np.argmin(gaps)], atol=1e-9)


def test_many_starts_find_different_equilibria_once_each():
    game = StochasticGame([CHICKEN], [[1]], 0.9)
    found = markov_equilibria(game, starts=12, rng=1)
    again = markov_equilibria(game, starts=12, rng=1)
    pure = [tuple(profile.values[0].tolist()) for profile in found if profile.pure()]
    assert sorted(pure) == [(2.0, 7.0), (7.0, 2.0)]
    assert (found.starts, found.failed) == (12, 0)
    np.testing.assert_array_equal([p.values for p in found], [p.values for p in again])


@pytest.mark.dear("1", "0")
@pytest.mark.parametrize("seed", range(3))
def test_zero_sum_games_have_the_values_of_shapley(seed):
    """Shapley (1953): the value is the fixed point of the values of matrix games."""
    rng = np.random.default_rng(seed)
    first, chain, d = rng.uniform(-1, 1, (3, 2, 3)), rng.dirichlet(np.ones(3), (3, 2, 3)), 0.6
    game = StochasticGame([np.stack([a, -a], axis=-1) for a in first], chain, d)
    found = markov_equilibria(game)
    value = np.zeros(3)
    for _ in range(60):
        value = np.array(
            [matrix_value((1 - d) * a + d * p @ value) for a, p in zip(first, chain, strict=True)]
        )
    np.testing.assert_allclose(found[0].values, np.stack([value, -value], axis=1), atol=1e-8)


def matrix_value(table):
    rows, columns = table.shape
    above = np.column_stack([-table.T, np.ones(columns)])
    one = np.append(np.ones(rows), 0.0)[None]
    found = linprog(
        -np.append(np.zeros(rows), 1.0),
        above,
        np.zeros(columns),
        one,
        [1.0],
        [(0, None)] * rows + [(None, None)],
    )
    return -found.fun


def test_one_player_solves_a_decision_problem():
    game = draw(5, [(3,), (2,), (3,)], 0.9)
    best = np.full(3, -np.inf)
    for policy in product(*(range(game.shape(s)[0]) for s in range(3))):
        step = np.array([game.transition(s)[a] for s, a in enumerate(policy)])
        gets = np.array([game.games[s].payoffs[a, 0] for s, a in enumerate(policy)])
        best = np.maximum(best, np.linalg.solve(np.eye(3) - 0.9 * step, 0.1 * gets))
    np.testing.assert_allclose(markov_equilibria(game)[0].values[:, 0], best, atol=1e-12)


def test_when_to_leave():
    """Alone with a flow of 1 that breaks for good with chance 1/2, leave for 0.8 when it has broken.

    V(good) = 0.1 + 0.9 (V(good) + 0.8) / 2, so V(good) = 0.46 / 0.55, more than 0.8.
    """
    game = StochasticGame([[[1.0]], [[0.0]]], [[0.5, 0.5], [0, 1]], 0.9, exit=Exit([0.8]))
    found = markov_equilibria(game)[0]
    np.testing.assert_allclose(found.values[:, 0], [0.46 / 0.55, 0.8], rtol=1e-14)
    assert found.leave.tolist() == [[0.0], [1.0]]
    np.testing.assert_allclose(found.chain, [[0.5, 0.5], [0, 0]])


def test_leaving_together_is_an_equilibrium():
    game = StochasticGame([PRISONERS], [[1]], 0.9, exit=Exit([0, 0]))
    together = stationary_profile(game, [[[0, 1], [0, 1]]], leave=[1, 1])
    assert together.regret == 0
    assert together.values.tolist() == [[0, 0]]
    alone = stationary_profile(game, [[[0, 1], [0, 1]]], leave=[1, 0])
    assert alone.regret == pytest.approx(3 / 10)


def test_regret_counts_both_decisions_of_a_period():
    """Player 0 leaves for 0, and would cooperate if he stayed; staying and defecting gives 10.

    Staying to cooperate gains 9, defecting rather than cooperating 1, on a range of 10. With a discount factor of 0
    this is all there is to gain.
    """
    game = StochasticGame([PRISONERS], [[1]], 0.0, exit=Exit([0, 0], who=[0]))
    found = stationary_profile(game, [[[1, 0], [1, 0]]], leave=[1, 0])
    assert found.regret == pytest.approx(1.0, rel=1e-12)
    assert best_gain(game, found) == pytest.approx(10.0)


def period_gain(game, profile):
    """Return the largest gain by a deviation in one period, in present value over the range, from the definition."""
    worst = 0.0
    for i in range(game.players):
        d, rows = game.discounts[i], [stage.payoffs[..., i].ravel() for stage in game.games]
        rows += [right.payoffs[list(right.who), i] for right in game.exits if right is not None]
        unit = (np.ptp(np.concatenate(rows)) or 1.0) * (1 - d)
        for s, own in enumerate(profile.strategies):
            table = (1 - d) * game.games[s].payoffs[..., i] + d * game.transition(s) @ profile.values[:, i]
            for j in reversed(range(game.players)):
                if j != i:
                    table = np.moveaxis(table, j, -1) @ own[j]
            gains, leave = [table.max() - own[i] @ table], game.exits[s]
            if leave is not None:
                now = opened(leave, profile.leave[s], i, own[i] @ table, None)
                gains += [opened(leave, profile.leave[s], i, table.max(), k) - now for k in (0, 1)]
            worst = max(worst, *(gain / unit for gain in gains))
    return worst


@pytest.mark.parametrize("seed", range(5))
def test_regret_is_the_gain_of_a_period_and_bounds_that_of_any_deviation(seed):
    shapes = [[(2, 2), (3, 2)], [(2, 2, 2), (2, 1, 2)]][seed % 2]
    game, rng = draw(seed, shapes, 0.6, exits=True), np.random.default_rng(seed)
    strategies = [
        [np.eye(k)[rng.integers(k)] if seed % 3 else rng.dirichlet(np.ones(k)) for k in shape]
        for shape in shapes
    ]
    leave = [
        [rng.integers(2) if right and i in right.who else 0 for i in range(game.players)]
        for right in game.exits
    ]
    found = stationary_profile(game, strategies, leave=leave)
    assert found.regret == pytest.approx(period_gain(game, found), rel=1e-9, abs=1e-12)
    assert best_gain(game, found) <= found.regret * span(game) + 1e-9


def span(game):
    """Return the largest range of a player's payoffs."""
    rows = [stage.payoffs.reshape(-1, game.players) for stage in game.games]
    rows += [right.payoffs[list(right.who)] for right in game.exits if right is not None]
    return np.ptp(np.concatenate(rows), axis=0).max()


@pytest.mark.parametrize("discount", [0.0, 0.5, 0.99, 0.9999])
def test_patience(discount):
    for seed in range(3):
        assert markov_equilibria(draw(seed, [(2, 2), (2, 3)], discount))[0].regret <= 1e-12


@pytest.mark.parametrize(("scale", "offset"), [(1e-6, 0.0), (1e6, 0.0), (1e12, 0.0), (1.0, 1e3)])
def test_scale_and_offset(scale, offset):
    game = draw(1, [(2, 2), (3, 2)], 0.8)
    moved = StochasticGame(
        [scale * g.payoffs + offset for g in game.games], [game.transition(s) for s in range(2)], 0.8
    )
    one, other = markov_equilibria(game)[0], markov_equilibria(moved)[0]
    np.testing.assert_allclose(other.values, scale * one.values + offset, rtol=1e-10, atol=1e-10 * scale)


def test_nothing_to_choose():
    same = StochasticGame([np.full((2, 2, 2), 3.0)], [[1]], 0.9)
    assert markov_equilibria(same)[0].values.tolist() == [[3.0, 3.0]]
    forced = StochasticGame([[[[1, 2]]], [[[3, 4]]]], [[0, 1], [1, 0]], 0.5)
    np.testing.assert_allclose(markov_equilibria(forced)[0].values, [[5 / 3, 8 / 3], [7 / 3, 10 / 3]])


def test_starts_may_be_given():
    game = StochasticGame([CHICKEN], [[1]], 0.9)
    near = [[[0.99, 0.01], [0.01, 0.99]]]
    assert markov_equilibria(game, starts=[near])[0].values.tolist() == [[7.0, 2.0]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"starts": 0}, "`starts` must be 1 to 100000; got 0"),
        ({"starts": 1.5}, "`starts`"),
        ({"starts": [5]}, "`strategies` must be a list of strategies by state and player; got 5"),
        ({"starts": []}, "at least one"),
        ({"starts": [[[[1, 0], [0, 1]]]]}, "positive probability"),
        ({"starts": [[[[0.5, 0.4], [0, 1]]]]}, "row in state first"),
    ],
)
def test_errors(arguments, message):
    game = StochasticGame([CHICKEN], [[1]], 0.9, states=["first"], players=["row", "column"])
    with pytest.raises(InvalidInput, match=message):
        markov_equilibria(game, **arguments)


def test_strategies_are_checked():
    game = StochasticGame([CHICKEN], [[1]], 0.9)
    with pytest.raises(InvalidInput, match="one entry a state"):
        stationary_profile(game, [])
    with pytest.raises(
        InvalidInput, match=r"`strategies\[0\]` must be a list of strategies by player; got 5"
    ):
        stationary_profile(game, [5])
    with pytest.raises(InvalidInput, match="one entry a player"):
        stationary_profile(game, [[[1, 0]]])
    with pytest.raises(InvalidInput, match="may not leave"):
        stationary_profile(game, [[[1, 0], [1, 0]]], leave=[1, 0])
