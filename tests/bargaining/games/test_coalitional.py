"""Coalitional games against closed forms, brute force and published allocations."""

from fractions import Fraction
from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.optimize import linprog

from bargaining.errors import InvalidInput, NotApplicable
from bargaining.games.coalitional import CoalitionalGame

C, U, N = "Canada", "US", "China"


def triangle(canada_china, everyone):
    return CoalitionalGame([C, U, N], {(C, U): 10, (C, N): canada_china, (C, U, N): everyone})


def random_game(rng, players, *, low=-4, high=12):
    values = {
        names: int(rng.integers(low, high))
        for size in range(1, players)
        for names in combinations(range(players), size)
    }
    alone = sum(values[(i,)] for i in range(players))
    values[tuple(range(players))] = alone + int(rng.integers(0, 15))
    return CoalitionalGame(range(players), values)


@pytest.mark.parametrize(
    ("game", "shapley", "nucleolus"),
    [
        (triangle(6, 12), (Fraction(20, 3), Fraction(11, 3), Fraction(5, 3)), (8, 3, 1)),
        (
            triangle(3, 11),
            (Fraction(35, 6), Fraction(13, 3), Fraction(5, 6)),
            (Fraction(13, 2), 4, Fraction(1, 2)),
        ),
    ],
)
def test_three_countries(game, shapley, nucleolus):
    assert game.shapley().exact == shapley
    assert game.nucleolus().exact == nucleolus
    np.testing.assert_array_equal(game.nucleolus().payoffs, np.array(nucleolus, dtype=float))


def test_an_option_never_used_still_moves_the_shapley_value():
    base, more = triangle(3, 11).shapley(), triangle(4, 11).shapley()
    assert more.exact[0] - base.exact[0] == Fraction(1, 6)


@pytest.mark.parametrize(
    ("estate", "expected"), [(100, (Fraction(100, 3),) * 3), (200, (50, 75, 75)), (300, (50, 100, 150))]
)
def test_the_talmud_divides_an_estate_by_the_nucleolus(estate, expected):
    """Aumann & Maschler (1985): claims 100, 200, 300."""
    claims = {1: 100, 2: 200, 3: 300}

    def worth(coalition):
        return max(0, estate - sum(claim for name, claim in claims.items() if name not in coalition))

    assert CoalitionalGame([1, 2, 3], worth).nucleolus().exact == expected


def test_shapley_is_the_average_over_orders_of_arrival():
    rng = np.random.default_rng(1)
    for players in (2, 3, 4, 5):
        game = random_game(rng, players)
        total = [Fraction(0)] * players
        orders = list(permutations(range(players)))
        for order in orders:
            for k, player in enumerate(order):
                before = game.worth(order[:k]) if k else Fraction(0)
                total[player] += game.worth(order[: k + 1]) - before
        assert game.shapley().exact == tuple(x / len(orders) for x in total)


def test_the_nucleolus_beats_every_nearby_imputation_lexicographically():
    rng = np.random.default_rng(2)
    for players in (2, 3, 3, 4, 4, 5):
        game = random_game(rng, players)
        alone = [game.worth([i]) for i in range(players)]
        best = game.nucleolus().exact
        assert sum(best) == game.worth(range(players))
        assert all(x >= own for x, own in zip(best, alone, strict=True))

        def sorted_excesses(x, game=game, players=players):
            return sorted(
                (
                    game.worth(s) - sum(x[i] for i in s)
                    for size in range(1, players)
                    for s in combinations(range(players), size)
                ),
                reverse=True,
            )

        least = sorted_excesses(best)
        for _ in range(200):
            giver, taker = rng.choice(players, 2, replace=False)
            step = min(Fraction(int(rng.integers(1, 40)), 20), best[giver] - alone[giver])
            moved = list(best)
            moved[giver] -= step
            moved[taker] += step
            assert sorted_excesses(moved) >= least


def test_two_players_split_the_gain_equally():
    game = CoalitionalGame(["a", "b"], {"a": 1, "b": 2, ("a", "b"): 7})
    assert game.nucleolus().exact == game.shapley().exact == (3, 4)


def test_the_least_core_agrees_with_a_float_program():
    rng = np.random.default_rng(3)
    for players in (2, 3, 4):
        for _ in range(10):
            game = random_game(rng, players)
            coalitions = [s for size in range(1, players) for s in combinations(range(players), size)]
            rows = [[-float(i in s) for i in range(players)] + [-1.0] for s in coalitions]
            found = linprog(
                [0.0] * players + [1.0],
                A_ub=rows,
                b_ub=[-float(game.worth(s)) for s in coalitions],
                A_eq=[[1.0] * players + [0.0]],
                b_eq=[float(game.worth(range(players)))],
                bounds=[(None, None)] * (players + 1),
            )
            assert float(game.least_core()) == pytest.approx(found.fun, abs=1e-8)
            assert game.core_is_empty() == (game.least_core() > 0)


def test_the_core():
    game = triangle(6, 12)
    assert not game.core_is_empty()
    assert game.nucleolus().in_core
    assert game.in_core([8, 3, 1])
    assert not game.in_core([8, 3, 2])  # divides more than there is
    assert not game.in_core([1, 8, 3])
    majority = CoalitionalGame("abc", lambda s: int(len(s) >= 2))
    assert majority.core_is_empty()
    assert majority.least_core() == Fraction(1, 3)
    assert majority.nucleolus().exact == (Fraction(1, 3),) * 3


def test_a_positive_map_of_the_worths_maps_the_values():
    rng = np.random.default_rng(4)
    game = random_game(rng, 4)
    shift = [Fraction(3), Fraction(-1), Fraction(10**6), Fraction(1, 7)]
    for scale in (Fraction(1, 10**12), Fraction(10**12)):
        moved = CoalitionalGame(
            range(4), lambda s, scale=scale: scale * game.worth(s) + sum(shift[i] for i in s)
        )
        for name in ("shapley", "nucleolus"):
            expected = [scale * x + b for x, b in zip(getattr(game, name)().exact, shift, strict=True)]
            assert list(getattr(moved, name)().exact) == expected


@pytest.mark.parametrize(
    ("players", "worth", "message"),
    [
        (["a"], {}, "`players`"),
        (5, {}, "`players` must be a list of names; got 5"),
        ([["a"], ["b"]], {}, "`players` must be hashable"),
        (["a", "b"], 5, "`worth` must be a mapping or a function of coalitions; got 5"),
        (["a", "a"], {}, "must differ"),
        (["a", "b"], {("a", "c"): 1}, "`worth` must name players among"),
        (["a", "b"], {("a", "b"): 1, ("b", "a"): 2}, "twice"),
        (["a", "b"], {("a", "b"): float("nan")}, "worth"),
        (["a", "b"], {("a", "b"): "3"}, "worth"),
        (["a", "b"], {(): 3}, "empty coalition"),
    ],
)
def test_bad_games_are_refused(players, worth, message):
    with pytest.raises(InvalidInput, match=message):
        CoalitionalGame(players, worth)


def test_an_array_is_no_coalition():
    with pytest.raises(InvalidInput, match="`coalition` must name players among"):
        CoalitionalGame(["a", "b"], {"a": 1}).worth(np.eye(2))


def test_no_imputation_no_nucleolus():
    with pytest.raises(NotApplicable, match="alone"):
        CoalitionalGame(["a", "b"], {"a": 3, "b": 3, ("a", "b"): 5}).nucleolus()
