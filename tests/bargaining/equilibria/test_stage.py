"""Stage equilibria against known games, an enumeration of supports that shares no code, and nashpy itself."""

import warnings
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest
from sympy import Matrix, Rational

from bargaining.equilibria.stage.equilibria import stage_equilibria
from bargaining.errors import NotApplicable
from bargaining.games.normal_form import Game

HALF, THIRD = Fraction(1, 2), Fraction(1, 3)


def by_supports(first, second):
    """Equilibria of a nondegenerate game: equal supports, indifference solved by sympy."""
    first, second = np.vectorize(Fraction, otypes=[object])([first, second])
    rows, columns = first.shape
    found = set()
    for size in range(1, min(rows, columns) + 1):
        for own, other in product(combinations(range(rows), size), combinations(range(columns), size)):
            y = indifferent(first[np.ix_(own, other)], other, columns)
            x = indifferent(second[np.ix_(own, other)].T, own, rows)
            if x is None or y is None:
                continue
            a, b = first @ y, x @ second
            if max(a) == a[own[0]] and max(b) == b[other[0]]:
                found.add((tuple(x), tuple(y)))
    return found


def indifferent(block, support, count):
    size = len(support)
    system = Matrix(size + 1, size + 1, lambda i, j: Rational(0))
    for i, j in product(range(size), repeat=2):
        system[i, j] = Rational(block[i, j].numerator, block[i, j].denominator)
    for k in range(size):
        system[k, size], system[size, k] = -1, 1
    if system.det() == 0:
        return None
    solution = list(system.LUsolve(Matrix([0] * size + [1])))[:-1]
    if any(weight <= 0 for weight in solution):
        return None
    full = np.full(count, Fraction(0), dtype=object)
    for action, weight in zip(support, solution, strict=True):
        full[action] = Fraction(int(weight.p), int(weight.q))
    return full


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([[9, 1], [10, 3]], [[9, 10], [1, 3]], [((0, 1), (0, 1))]),
        ([[1, -1], [-1, 1]], [[-1, 1], [1, -1]], [((HALF, HALF), (HALF, HALF))]),
        (
            [[3, 0], [0, 2]],
            [[2, 0], [0, 3]],
            [((0, 1), (0, 1)), ((Fraction(3, 5), Fraction(2, 5)), (Fraction(2, 5), Fraction(3, 5))),
             ((1, 0), (1, 0))],
        ),
        (
            [[0, -1, 1], [1, 0, -1], [-1, 1, 0]],
            [[0, 1, -1], [-1, 0, 1], [1, -1, 0]],
            [((THIRD,) * 3, (THIRD,) * 3)],
        ),
    ],
    ids=["prisoners", "pennies", "sexes", "rock-paper-scissors"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["vertices", "nashpy"])
def test_known_games(first, second, expected, method):
    found = stage_equilibria(Game(first, second), method=method)
    assert list(found.exact) == expected
    assert found.complete == (method == "vertices")
    assert set(found.regret) == {0}


@pytest.mark.dear("size2-integer", "size2-uniform")
@pytest.mark.parametrize("kind", ["uniform", "integer"])
@pytest.mark.parametrize("size", [(2, 2), (3, 3), (3, 4)])
def test_agrees_with_an_enumeration_of_supports(kind, size):
    rng = np.random.default_rng(sum(size))
    for _ in range(3):
        draw = rng.random((2, *size)) if kind == "uniform" else rng.integers(-(10**6), 10**6, (2, *size))
        draw = draw.tolist()
        found = stage_equilibria(Game(*draw))
        assert found.complete
        assert found.finite
        assert len(found) % 2 == 1
        assert set(found.exact) == by_supports(*draw)


def test_finds_what_nashpy_misses_and_everything_it_finds():
    nashpy = pytest.importorskip("nashpy")
    missed = 0
    for seed in (1, 2, 18, 26, 34):
        draw = np.random.default_rng(seed).random((2, 4, 4))
        found = stage_equilibria(Game(*draw))
        assert len(found) % 2 == 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            peers = list(nashpy.Game(*draw).support_enumeration())
        missed += len(peers) < len(found)
        for x, y in peers:
            distance = [max(abs(p[0] - x).max(), abs(p[1] - y).max()) for p in found.profiles]
            assert min(distance) < 1e-9
    assert missed > 0


def test_the_candidates_of_nashpy_are_proved_and_all_are_extreme_equilibria():
    rng = np.random.default_rng(5)
    for draw in (*rng.random((3, 2, 4, 4)), *rng.integers(0, 4, (8, 2, 3, 3))):
        game = Game(*draw)
        some, everything = stage_equilibria(game, method="nashpy"), stage_equilibria(game)
        assert set(some.exact) <= set(everything.exact)
        assert len(some) > 0
        assert not some.complete
        assert some.finite is None
        assert set(some.regret) == set(everything.regret) == {0}


def test_a_degenerate_game_lists_extreme_equilibria_and_components():
    # The row player is indifferent against the first column: a segment of equilibria, and one more.
    found = stage_equilibria(Game([[1, 0], [1, 2]], [[1, 0], [0, 2]]))
    assert found.complete
    assert not found.finite
    segment = [(tuple(p), tuple(q)) for p, q in found.exact if q == (1, 0)]
    assert set(segment) == {((1, 0), (1, 0)), ((Fraction(2, 3), THIRD), (1, 0))}
    assert sorted(map(len, found.components)) == [1, 2]


def test_every_profile_is_an_equilibrium_when_all_payoffs_are_equal():
    found = stage_equilibria(Game(np.ones((3, 2)), np.zeros((3, 2))))
    assert len(found) == 6
    assert len(found.components) == 1
    assert found.complete
    assert not found.finite


@pytest.mark.parametrize("scale", [1e-12, 3e9])
def test_scale_and_offset_change_nothing(scale):
    first, second = np.array([[4, 1, 3], [2, 5, 0], [3, 3, 3]]), np.array([[1, 4, 2], [3, 0, 5], [2, 2, 1]])
    base = stage_equilibria(Game(first, second))
    factor = Fraction(scale)
    moved = Game(
        np.array([[factor * int(u) + 10**6 for u in row] for row in first], dtype=object),
        np.array([[factor * int(u) for u in row] for row in second], dtype=object),
    )
    for method in ("vertices", "nashpy"):
        assert (
            stage_equilibria(moved, method=method).exact
            == stage_equilibria(Game(first, second), method=method).exact
        )
    payoffs = stage_equilibria(moved).exact_payoffs
    assert payoffs == tuple((factor * u + 10**6, factor * v) for u, v in base.exact_payoffs)


def test_a_game_too_large_to_enumerate_falls_back_to_candidates():
    draw = np.random.default_rng(0).random((2, 14, 14))
    found = stage_equilibria(Game(*draw))
    assert found.method == "nashpy"
    assert not found.complete
    assert len(found) >= 1
    assert set(found.regret) == {0}
    with pytest.raises(NotApplicable, match="too large"):
        stage_equilibria(Game(*draw), method="vertices")


def test_dominance_keeps_large_games_complete():
    quantities = np.linspace(0, 6, 31)
    price = np.maximum(6 - quantities[:, None] - quantities, 0)
    profit = (price - 0.6) * quantities[:, None]
    found = stage_equilibria(Game(profit, profit.T))
    assert found.complete
    assert [tuple(int(np.argmax(own)) for own in pair) for pair in found.profiles] == [(9, 9)]


def mixed_by_hand(payoffs):
    """Equilibria of a 2 x 2 x 2 game in which two or three players mix, from a quadratic and from two lines."""

    def gain(
        i, *others
    ):  # what action 1 gains player i over action 0, from the chances of the others' action 1
        u = np.moveaxis(payoffs[..., i], i, -1) @ [-1.0, 1.0]
        return float(np.array([1 - others[0], others[0]]) @ u @ np.array([1 - others[1], others[1]]))

    def lines(i):  # a + b y + c z + d y z
        a, b, c = gain(i, 0, 0), gain(i, 1, 0), gain(i, 0, 1)
        return a, b - a, c - a, gain(i, 1, 1) - b - c + a

    a, b, c = lines(0), lines(1), lines(2)  # of (q, r), (p, r), (p, q)
    r = np.poly1d([1.0, 0.0])
    top = [-b[0] - b[2] * r, -a[0] - a[2] * r]  # p and q as fractions of polynomials in r
    low = [b[1] + b[3] * r, a[1] + a[3] * r]
    poly = c[0] * low[0] * low[1] + c[1] * top[0] * low[1] + c[2] * top[1] * low[0] + c[3] * top[0] * top[1]
    found = [
        (top[0](t) / low[0](t), top[1](t) / low[1](t), t)
        for t in np.roots(poly).real[np.isreal(np.roots(poly))].tolist()
    ]
    for i in range(3):
        j, k = (x for x in range(3) if x != i)
        for fixed in (0.0, 1.0):
            # j is indifferent at a chance of k, and k at one of j, given i's action
            pair = []
            for me, other in ((j, k), (k, j)):
                at = [
                    gain(me, *(fixed if x == i else end for x in range(3) if x != me)) for end in (0.0, 1.0)
                ]
                pair.append((other, at[0] / (at[0] - at[1])))
            chances = dict(pair) | {i: fixed}
            others = [chances[x] for x in range(3) if x != i]
            if (gain(i, *others) > 0) == (fixed == 1.0):
                found.append(tuple(chances[x] for x in range(3)))
    return {tuple(round(float(x), 6) for x in place) for place in found if all(0 <= x <= 1 for x in place)}


def test_three_players_with_two_actions_mix_as_by_hand():
    rng = np.random.default_rng(3)
    irrational = 0
    for _ in range(30):
        game = Game(*rng.random((3, 2, 2, 2)))
        found = stage_equilibria(game)
        assert found.complete
        assert found.finite
        assert len(found) % 2 == 1
        places = {
            tuple(round(float(own[1]), 6) for own in profile)
            for profile in found.profiles
            if any(0 < own[1] < 1 for own in profile)
        }
        assert places == mixed_by_hand(game.payoffs)
        assert max(found.regret) <= Fraction(1, 10**12)
        irrational += sum(regret > 0 for regret in found.regret)
    assert irrational > 10


def test_the_game_of_three_players_with_nine_equilibria():
    """McKelvey and McLennan: as many regular equilibria as a game of 2 x 2 x 2 actions can have."""
    payoffs = np.zeros((2, 2, 2, 3))
    payoffs[0, 0, 0], payoffs[1, 1, 0], payoffs[0, 1, 1], payoffs[1, 0, 1] = (
        (9, 8, 12), (9, 8, 2), (3, 4, 6), (3, 4, 4),
    )  # fmt: skip
    found = stage_equilibria(Game(*np.moveaxis(payoffs, -1, 0)))
    assert (len(found), found.complete, found.method) == (9, True, "supports")
    assert sum(max(max(own) for own in profile) == 1 for profile in found.exact) >= 4


@pytest.mark.dear("shape0", "shape3")
@pytest.mark.parametrize("shape", [(3, 3, 3), (2, 2, 2, 2), (3, 2, 4), (2, 2, 2, 2, 2)])
def test_more_players_and_actions(shape):
    found = stage_equilibria(Game(*np.random.default_rng(sum(shape)).random((len(shape), *shape))))
    assert found.complete
    assert len(found) % 2 == 1
    assert max(found.regret) <= Fraction(1, 10**12)
    assert all(sum(own) == 1 and min(own) >= 0 for profile in found.exact for own in profile)


def test_supports_agree_with_vertices_where_both_apply():
    rng = np.random.default_rng(8)
    for size in [(2, 2), (3, 3), (2, 4)]:
        game = Game(*rng.integers(-(10**6), 10**6, (2, *size)))
        one, other = stage_equilibria(game, method="supports"), stage_equilibria(game)
        assert one.complete
        assert len(one) == len(other)
        for profile in other.profiles:
            assert min(np.abs(np.concatenate(profile) - np.concatenate(p)).max() for p in one.profiles) < 1e-9


def test_what_is_degenerate_or_too_large_is_not_called_complete():
    rng = np.random.default_rng(3)
    constant = stage_equilibria(Game(*np.zeros((3, 2, 2, 2))))
    assert not constant.complete
    assert len(constant) >= 8
    assert constant.finite is None
    large = stage_equilibria(Game(*rng.random((3, 6, 6, 6))), budget=50)
    assert not large.complete
    assert len(large) >= 1
    assert max(large.regret) <= Fraction(1, 10**12)
    game = Game(*rng.integers(0, 4, (3, 2, 3, 2)))
    pure = stage_equilibria(game, method="pure")
    actions = [tuple(int(np.argmax(own)) for own in profile) for profile in pure.profiles]
    assert sorted(actions) == sorted(map(tuple, game.pure_equilibria().tolist()))
    shares = np.indices((2, 2, 2)).sum(axis=0)
    dilemma = [2 * (3 - shares) + 3 * np.indices((2, 2, 2))[i] for i in range(3)]
    assert stage_equilibria(Game(*dilemma)).complete  # dominance leaves one profile


def test_one_player_chooses_a_best_action():
    found = stage_equilibria(Game([3, 5, 5]))
    assert found.exact == (((0, 0, 1),), ((0, 1, 0),))
    assert found.complete
    assert not found.finite
    assert found.worst() == (5,)


def test_worst_needs_an_equilibrium():
    pennies = np.array([[1, -1], [-1, 1]])
    game = Game(*(np.stack([sign * pennies] * 2, axis=-1) for sign in (1, -1)), np.zeros((2, 2, 2)))
    with pytest.raises(NotApplicable):
        stage_equilibria(game, method="pure").worst()
    assert stage_equilibria(game).worst() == (0, 0, 0)


def test_bad_arguments():
    with pytest.raises(NotApplicable, match="two players"):
        stage_equilibria(Game(*np.zeros((3, 2, 2, 2))), method="vertices")


def test_an_equilibrium_that_floats_do_not_reach_is_not_kept_quiet(monkeypatch):
    """A candidate with a regret between rounding and a real one: the list is not called complete."""
    game = Game(*np.random.default_rng(3).random((3, 2, 2, 2)))
    assert stage_equilibria(game).complete
    monkeypatch.setattr("bargaining.equilibria.stage.equilibria._REGRET", Fraction(-1))
    assert not stage_equilibria(game).complete
