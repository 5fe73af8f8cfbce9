"""Payoff sets are the largest of their kind: drawn games against plain iteration of the operator from outside."""

import numpy as np
import pytest

from bargaining import Exit, Game, RepeatedGame, Status, StochasticGame, payoff_set
from bargaining.equilibria._affine import Effort
from bargaining.equilibria.sets.answer import solved
from drawn_games import KINDS, exit_of, stage_game, stochastic_game
from plain_iteration import plain_iteration
from polygons import hausdorff

CLOSE = 1e-8  # of the payoff range: plain iteration stops where steps are a thousandth of it

DECEPTIVE = [2967, 3824, 4492, 5287, 7424, 7533, 10071, 10779, 11806, 13240, 13543, 13928, 14024, 15079]
"""Games in which a smaller set generates itself, which is the answer if the proof that it is the largest is skipped."""


def drawn(number: int, *, unequal: bool = False) -> RepeatedGame:
    """A game of small integers; every fourth block of sixteen has an exit of another kind."""
    rng = np.random.default_rng([43, number])
    shape, high = [(2, 2), (2, 2), (2, 3), (3, 3)][number % 4], [3, 6, 11, 31][number // 4 % 4]
    payoffs = rng.integers(-high // 2, high, (2, *shape))
    leave = None
    match KINDS[number // 16 % 4]:
        case "two-sided":
            leave = Exit(rng.integers(-high // 2, high, 2))
        case "one-sided":
            leave = Exit(rng.integers(-high // 2, high, 2), who=[int(rng.integers(2))])
        case "by leaver":
            leave = Exit.by_leaver(rng.integers(-high // 2, high, (2, 2)))
    patience = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    discount = float(rng.choice(patience))
    discounts = [discount, float(rng.choice(patience)) if unequal else discount]
    return RepeatedGame(Game(*payoffs), discounts, exit=leave)


def check(game: StochasticGame) -> None:
    """Compare each state's set with the limit of plain iteration; the answer must not be INACCURATE."""
    found = payoff_set(game)
    payoffs = np.concatenate([stage.payoffs.reshape(-1, 2) for stage in game.games])
    for some, limit in zip(found.values(), plain_iteration(game), strict=True):
        assert some.status is (Status.OK if len(limit) else Status.EMPTY)
        if len(limit):
            assert hausdorff(some.vertices, limit) <= CLOSE * np.ptp(payoffs, axis=0).max()


def blocks(few: int, many: int) -> list:
    """Numbers of blocks of cases; all but the first few are slow."""
    return [pytest.param(k, marks=[pytest.mark.slow] * (k >= few)) for k in range(many)]


def check_engine(number: int) -> None:
    """Compare the set that the engine for all games finds, where equally patient players have a faster search."""
    game = StochasticGame.from_repeated(drawn(number))
    ((state,), *_), (limit,) = solved(game, Effort()), plain_iteration(game)
    assert state["status"] is (Status.OK if len(limit) else Status.EMPTY)
    if len(limit):
        assert (
            hausdorff(state["vertices"], limit)
            <= CLOSE * np.ptp(game.games[0].payoffs.reshape(-1, 2), axis=0).max()
        )


@pytest.mark.parametrize("number", DECEPTIVE)
def test_the_engine_does_not_return_smaller_sets_either(number: int) -> None:
    check_engine(number)


@pytest.mark.parametrize("block", blocks(1, 40))
def test_repeated_games_by_the_engine(block: int) -> None:
    for number in range(50 * block, 50 * block + 50):
        check_engine(number)


@pytest.mark.parametrize("number", DECEPTIVE)
def test_smaller_sets_that_generate_themselves_are_not_returned(number: int) -> None:
    check(StochasticGame.from_repeated(drawn(number)))


@pytest.mark.parametrize("block", blocks(5, 100))
def test_repeated_games(block: int) -> None:
    for number in range(50 * block, 50 * block + 50):
        check(StochasticGame.from_repeated(drawn(number)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("discounts", [[0, 0.5], [0.6, 0]])
def test_a_player_who_does_not_wait(discounts: list[float], kind: str) -> None:
    for seed in range(4):
        repeated = RepeatedGame(stage_game(seed), discounts, exit=exit_of(seed, kind))
        check(StochasticGame.from_repeated(repeated))


@pytest.mark.parametrize("block", blocks(1, 80))
def test_stochastic_games(block: int) -> None:
    for seed in range(3 * block, 3 * block + 3):
        for kind in KINDS:
            check(stochastic_game(seed, kind))
