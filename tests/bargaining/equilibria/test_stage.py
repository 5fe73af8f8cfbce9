"""Stage equilibria against known games, an enumeration of supports that shares no code, and nashpy itself."""

import warnings
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest
from sympy import Matrix, Rational

from bargaining.equilibria.stage.equilibria import stage_equilibria
from bargaining.errors import InvalidInput, NotApplicable
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


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1.0, 1e8, 3e9, 1e12])
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


def test_zero_sum_values():
    """Every equilibrium of a zero-sum game pays the value."""
    rng = np.random.default_rng(9)
    for _ in range(10):
        matrix = rng.integers(-5, 6, (3, 4))
        found = stage_equilibria(Game(matrix, -matrix))
        assert len(set(found.exact_payoffs)) == 1


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


def test_three_players_have_pure_equilibria_only():
    rng = np.random.default_rng(3)
    game = Game(*rng.integers(0, 4, (3, 2, 3, 2)))
    found = stage_equilibria(game)
    pure = [tuple(int(np.argmax(own)) for own in profile) for profile in found.profiles]
    assert sorted(pure) == sorted(map(tuple, game.pure_equilibria().tolist()))
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
    nothing = Game(*(np.stack([sign * pennies] * 2, axis=-1) for sign in (1, -1)), np.zeros((2, 2, 2)))
    with pytest.raises(NotApplicable):
        stage_equilibria(nothing).worst()


def test_bad_arguments():
    with pytest.raises(InvalidInput, match="`game`"):
        stage_equilibria(np.eye(2))
    with pytest.raises(InvalidInput, match="`method`"):
        stage_equilibria(Game(np.eye(2), np.eye(2)), method="magic")
    with pytest.raises(NotApplicable, match="two players"):
        stage_equilibria(Game(*np.zeros((3, 2, 2, 2))), method="vertices")
