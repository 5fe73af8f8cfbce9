"""Symmetries against every renaming of players and actions, by the definition."""

from itertools import permutations, product

import numpy as np
import pytest

from bargaining.equilibria._symmetries import Group, symmetries
from bargaining.games.monitoring import Monitoring
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame
from known_games import public_good
from symmetric_games import CASES, played, symmetric


def by_definition(payoffs):
    """The permutations of players with which some relabeling of actions leaves all payoffs alone."""
    shape, n = payoffs.shape[:-1], payoffs.shape[-1]
    found = set()
    for order in permutations(range(n)):
        if any(shape[k] != shape[i] for i, k in enumerate(order)):
            continue
        for actions in product(*(list(permutations(range(size))) for size in shape)):
            if all(
                payoffs[played(order, actions, a)][order[i]] == payoffs[(*a, i)]
                for a in product(*map(range, shape))
                for i in range(n)
            ):
                found.add(order)
                break
    return found


@pytest.mark.parametrize(("n", "size", "order", "actions"), CASES)
@pytest.mark.parametrize("seed", range(3))
def test_all_are_found(n, size, order, actions, seed):
    payoffs = symmetric(np.random.default_rng(seed), n, size, order, actions)
    known = by_definition(payoffs)
    found = symmetries(RepeatedGame(Game(*np.moveaxis(payoffs, -1, 0)), 0.5))
    assert order in known
    assert {one.key for one in found} == known
    assert found[0].key == tuple(range(n))
    flat = payoffs.reshape(-1, n)
    for one in found:
        np.testing.assert_array_equal(flat[one.profiles], one.moved(flat))
    keys = {one.key for one in found}
    assert all(one.after(other).key in keys for one in found for other in found)


def test_rounding_is_no_difference_and_a_billionth_is():
    """Sums of profits in another order differ in the last digit."""
    outputs = np.linspace(0, 0.7, 5)
    a, b, c = outputs[np.indices((5, 5, 5))]
    profits = [a * (1 - (a + b + c)), b * (1 - (b + c + a)), c * (1 - (c + b + a))]
    assert (profits[0] != profits[1].transpose(1, 0, 2)).any()
    assert len(symmetries(RepeatedGame(Game(*profits), 0.5))) == 6
    profits[1] = profits[1].copy()
    profits[1][2, 3, 2] += 1e-9
    assert [one.key for one in symmetries(RepeatedGame(Game(*profits), 0.5))] == [(0, 1, 2), (2, 1, 0)]


@pytest.mark.parametrize("n", [2, 4, 5])
def test_patience_and_leaving_tell_players_apart(n):
    game, apart = public_good(n, 0.6), np.full(n, 0.5)
    apart[0] = 0.4
    assert len(symmetries(RepeatedGame(game, 0.5))) == {2: 2, 4: 24, 5: 120}[n]
    assert len(symmetries(RepeatedGame(game, apart))) == {2: 1, 4: 6, 5: 24}[n]
    assert len(symmetries(RepeatedGame(game, 0.5, exit=Exit(apart)))) == {2: 1, 4: 6, 5: 24}[n]
    assert len(symmetries(RepeatedGame(game, 0.5, exit=Exit([0.1] * n, who=[1])))) == {2: 1, 4: 6, 5: 24}[n]
    assert len(symmetries(RepeatedGame(game, 0.5, exit=Exit([0.1] * n)))) == {2: 2, 4: 24, 5: 120}[n]


def test_signals_are_renamed_with_the_players():
    """Each partner has a report of her own: exchanging the partners exchanges two signals."""
    game = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]])
    worked = 1 - np.indices((2, 2))
    first, second = 0.2 + 0.6 * worked
    chances = np.stack(
        [first * second, first * (1 - second), (1 - first) * second, (1 - first) * (1 - second)], axis=-1
    )
    one, other = symmetries(RepeatedGame(game, 0.5, monitoring=Monitoring(chances)))
    assert (one.key, other.key) == ((0, 1), (1, 0))
    assert other.signals.tolist() == [0, 2, 1, 3]
    flat = chances.reshape(4, 4)
    np.testing.assert_allclose(flat[other.profiles][:, other.signals], flat, atol=1e-15)
    chances[0, 1] += [0.01, -0.01, 0, 0]
    assert len(symmetries(RepeatedGame(game, 0.5, monitoring=Monitoring(chances)))) == 1


def test_players_with_other_actions_and_actions_that_look_alike():
    assert len(symmetries(RepeatedGame(Game(np.zeros((2, 3)), np.zeros((2, 3))), 0.5))) == 1
    assert len(symmetries(RepeatedGame(Game(*np.zeros((3, 8, 8, 8))), 0.5))) == 6


@pytest.mark.parametrize("players", [2, 3, 4])
@pytest.mark.parametrize("seed", range(5))
def test_rows_are_sorted_into_orbits(players, seed):
    """Against sets of tuples: all permutations, or the rotations alone; rows with many ties."""
    rows = np.random.default_rng(seed).integers(-1, 2, (20, players)) / 3.0
    rows[rows == 0.0] *= -1.0
    every = list(permutations(range(players)))
    orders = np.array(
        every if seed % 2 else [[(k + i) % players for i in range(players)] for k in range(players)]
    )
    group = Group(orders, np.zeros((len(orders), 1), np.intp))

    def orbit(row):
        images = [[0.0] * players for _ in orders]
        for image, order in zip(images, orders, strict=True):
            for i, k in enumerate(order):
                image[k] = row[i] + 0.0
        return frozenset(map(tuple, images))

    known = list(dict.fromkeys(orbit(row) for row in rows.tolist()))
    folded = [tuple(row) for row in (group.folded(rows) + 0.0).tolist()]
    assert sorted(folded) == sorted(max(each) for each in known)
    found = group.orbits(rows)
    assert len(found.rows) == sum(map(len, known))
    assert {tuple(row) for row in (found.rows + 0.0).tolist()} == set().union(*known)
    given = list(dict.fromkeys(tuple(row) for row in (rows + 0.0).tolist()))
    assert [tuple(row) for row in (found.rows[: len(given)] + 0.0).tolist()] == given
    assert [orbit(row) for row in found.rows[found.chosen].tolist()] == known
    moved = group.moved(found.rows[found.first], found.by)
    np.testing.assert_array_equal(moved, found.rows)
