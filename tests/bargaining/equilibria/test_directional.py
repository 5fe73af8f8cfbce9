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


# -- leapfrogging: counts of Iskhakov, Rust and Schjerning ---------------------------------------------------

PRICE, PATIENCE = 8.3, math.exp(-0.05)  # of the technology at cost 1 + c = 1; as in their program, setup.m


def plan_of(levels):
    """Return the costs, what the best technology costs at each level, and who earns what a period."""
    cost = np.linspace(5, 0, levels)
    price = PRICE / (1 + cost)

    def earned(i, j):
        return np.array([max(cost[j] - cost[i], 0.0), max(cost[i] - cost[j], 0.0)])

    return price, earned


def leapfrogging(levels):
    """Two firms of costs i and j may buy the best technology, k, which improves by a level a period until it is 0."""
    price, earned = plan_of(levels)
    states = [(i, j, k) for k in range(levels) for i in range(k + 1) for j in range(k + 1)]
    number = {state: s for s, state in enumerate(states)}
    payoffs, laws = [], np.zeros((len(states), 2, 2, len(states)))
    for s, (i, j, k) in enumerate(states):
        payoffs.append([[earned(i, j) - price[k] * np.array([a, b]) for b in (0, 1)] for a in (0, 1)])
        for a, b in product((0, 1), repeat=2):
            laws[s, a, b, number[k if a else i, k if b else j, min(k + 1, levels - 1)]] = 1
    return StochasticGame(payoffs, [*laws], PATIENCE)


def last(levels):
    """Return the values of all equilibria of each state at the last technology, which stays until somebody buys it."""
    price, earned = plan_of(levels)
    z = levels - 1
    values = {(z, z): [np.zeros(2)]}
    for i in range(z):  # one firm alone can gain: it buys at once or never
        for state, me in (((i, z), 0), ((z, i), 1)):
            wait = earned(*state) / (1 - PATIENCE)
            buy = earned(*state) - price[z] * (np.arange(2) == me)
            values[state] = [max(wait, buy, key=lambda value: value[me])]
    for i, j in product(range(z), repeat=2):
        alone = {(1, 0): values[z, j][0], (0, 1): values[i, z][0], (1, 1): values[z, z][0]}
        values[i, j] = ended(earned(i, j), price[z], alone)
    return values


def ended(now, price, alone):
    """Return the values of all equilibria of a state that stays until somebody buys, given those of what follows."""

    def worth(me, act, other):
        """Return what a firm gets by one action for ever, if the other one buys with a chance in every period."""
        mine, theirs = ((1, 0), (0, 1)) if me == 0 else ((0, 1), (1, 0))
        if act:
            return now[me] - price + PATIENCE * ((1 - other) * alone[mine][me] + other * alone[1, 1][me])
        return (now[me] + PATIENCE * other * alone[theirs][me]) / (1 - PATIENCE * (1 - other))

    found = [
        np.array([worth(0, a, b), worth(1, b, a)])
        for a, b in product((0, 1), repeat=2)
        if worth(0, a, b) > worth(0, 1 - a, b) and worth(1, b, a) > worth(1, 1 - b, a)
    ]
    roots = []
    for me in (0, 1):
        grid = np.array([0, 0.5, 1])
        gain = [(worth(me, 1, y) - worth(me, 0, y)) * (1 - PATIENCE * (1 - y)) for y in grid]
        every = np.roots(np.polyfit(grid, gain, 2))
        roots.append([y.real for y in every if abs(y.imag) < 1e-12 and 1e-12 < y.real < 1 - 1e-12])
    return found + [np.array([worth(0, 1, y), worth(1, 1, x)]) for y in roots[0] for x in roots[1]]


def bought(now, price, after):
    """Return the values of a state that is left at once, for many cases, of shape (N, 5, 2), and which there are."""
    pay = {
        (a, b): now - price * np.array([a, b]) + PATIENCE * after[a, b] for a, b in product((0, 1), repeat=2)
    }
    gains = [
        [pay[1, b][:, 0] - pay[0, b][:, 0] for b in (0, 1)],
        [pay[a, 1][:, 1] - pay[a, 0][:, 1] for a in (0, 1)],
    ]
    values = [pay[a, b] for a, b in product((0, 1), repeat=2)]
    signs = [
        ((gains[0][b] > 0) == bool(a)) & ((gains[1][a] > 0) == bool(b)) for a, b in product((0, 1), repeat=2)
    ]
    signs.append((gains[0][0] * gains[0][1] < 0) & (gains[1][0] * gains[1][1] < 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        y, x = (some[0] / (some[0] - some[1]) for some in gains)
    first = pay[0, 0][:, 0] + y * (pay[0, 1] - pay[0, 0])[:, 0]
    second = pay[0, 0][:, 1] + x * (pay[1, 0] - pay[0, 0])[:, 1]
    values.append(np.stack([first, second], axis=1))
    return np.stack(values, axis=1), np.stack(signs, axis=1)


def following(held, pair, k, own):
    """Return what follows if neither, one or both of a pair buy the technology k."""
    i, j = pair
    return {(0, 0): own, (1, 0): held[k, j], (0, 1): held[i, k], (1, 1): held[k, k]}


def counted(levels):
    """Count the equilibria of `leapfrogging`, in floats: cases of the costs that others lead to, product by product.

    From (i, j) at technology k play leads to i or k, j or k at the next one. So the pairs whose worse cost is k matter
    to all better ones there, and nowhere later; the pair of the highest costs is counted last of all.
    """
    (price, earned), values, total = plan_of(levels), last(levels), 0
    hubs = [(i, j) for i, j in product(range(levels - 1), repeat=2) if max(i, j) == levels - 2]
    for chosen in product(*(values[pair] for pair in hubs)):
        held = {pair: value[None] for pair, value in zip(hubs, chosen, strict=True)}
        open_ = {
            (i, j): (np.array(values[i, j])[None], np.ones((1, len(values[i, j])), bool))
            for i, j in product(range(levels - 2), repeat=2)
        }
        top = [(value[None], np.ones(1, bool)) for value in values[0, 0]]
        for k in range(levels - 2, 0, -1):
            case, picked = np.arange(len(next(iter(held.values())))), {}
            for pair, (some, there) in open_.items():
                if pair != (0, 0):
                    row, at = np.nonzero(there[case])
                    picked = {other: value[row] for other, value in picked.items()}
                    case = case[row]
                    picked[pair] = some[case, at]
            held = {pair: value[case] for pair, value in held.items()} | picked
            longer = []
            for some, there in top:
                found, live = bought(earned(0, 0), price[k], following(held, (0, 0), k, some[case]))
                live &= there[case][:, None]
                total += int(live.sum()) if k == 1 else 0
                longer += [(found[:, m], live[:, m]) for m in range(5) if live[:, m].any()]
            top = longer
            open_ = {
                pair: bought(earned(*pair), price[k], following(held, pair, k, held[pair]))
                for pair in product(range(k), repeat=2)
                if pair != (0, 0)
            }
            held = {pair: held[pair] for pair in picked}
    return total


def test_two_firms_leapfrog_in_as_many_ways_as_a_count_finds():
    assert counted(4) == 46_707
    found = directional_equilibria(leapfrogging(3))
    assert found.complete
    assert len(found) == counted(3) == 127
    assert max(one.regret for one in found) <= 1e-12


@pytest.mark.slow
def test_five_levels_have_as_many_equilibria_as_the_program_of_the_authors_names():
    """The comment on `esrmax` in setup.m of github.com/fediskhakov/RLS: "set equal to 192736405 for n=5"."""
    assert counted(5) == 192_736_405
