"""Repeated games and the right to leave, as data."""

from fractions import Fraction

import numpy as np
import pytest

from bargaining.errors import InvalidInput
from bargaining.games.repeated import Exit, RepeatedGame
from known_games import PRISONERS


def test_one_discount_factor_is_given_to_everybody() -> None:
    repeated = RepeatedGame(PRISONERS, Fraction(1, 3))
    assert repeated.discounts.shape == (2,)
    assert repeated.exact_discounts.tolist() == [Fraction(1, 3)] * 2
    assert repeated.batch_shape == ()


def test_exit_by_leaver() -> None:
    leave = Exit.by_leaver([[4, Fraction(1, 3)], [1, 3]], who=[1])
    assert leave.own.tolist() == [-np.inf, 3]
    assert leave.exact[0, 1] == Fraction(1, 3)
    assert Exit([4, 2]).payoffs.tolist() == [[4, 2], [4, 2]]


def test_batches_broadcast_and_are_taken_apart() -> None:
    options = np.arange(6.0).reshape(3, 2)
    repeated = RepeatedGame(PRISONERS, [[[0.5, 0.6]], [[0.7, 0.8]]], exit=Exit(options, who=[0]))
    assert repeated.batch_shape == (2, 3)
    cell = repeated.at((1, 2))
    assert cell.discounts.tolist() == [0.7, 0.8]
    assert cell.exit is not None
    assert cell.exit.who == (0,)
    assert cell.exit.payoffs[0].tolist() == [4, 5]
    assert cell.batch_shape == ()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RepeatedGame(PRISONERS, 1), r"`discounts` must lie in \[0, 1\); got 1"),
        (lambda: RepeatedGame(PRISONERS, -0.1), "got -0.1"),
        (lambda: RepeatedGame(PRISONERS, [0.5, np.nan]), "`discounts` must be finite"),
        (lambda: RepeatedGame(PRISONERS, [0.5, 0.5, 0.5]), "one entry per player"),
        (lambda: RepeatedGame([[1]], 0.5), "`game` must be a Game"),
        (lambda: RepeatedGame(PRISONERS, 0.5, exit=[1, 2]), r"Exit\(payoffs\)"),
        (lambda: RepeatedGame(PRISONERS, 0.5, exit=Exit([1, 2, 3])), "payoffs for 2 players; got 3"),
        (
            lambda: RepeatedGame(PRISONERS, np.full((2, 2), 0.5), exit=Exit(np.zeros((3, 2)))),
            "must broadcast",
        ),
        (lambda: Exit(3), "one entry per player; got the number 3"),
        (
            lambda: Exit([1, 2], who=0),
            r"`who` must be a list of players; got 0. For one player pass \[player\]",
        ),
        (lambda: Exit([1, 2], who=np.array(0)), "`who` must be a list of players"),
        (lambda: Exit([1, np.inf]), "`payoffs` must be finite"),
        (lambda: Exit([1, -1e308]), r"`payoffs` must hold payoffs of size 1e\+300 at most"),
        (lambda: Exit([1, 2], who=[]), "at least one player"),
        (lambda: Exit([1, 2], who=[2]), "`who` must be a player, 0 to 1; got 2"),
        (lambda: Exit.by_leaver([1, 2]), "must be square"),
    ],
)
def test_bad_input(make: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        make()  # type: ignore[operator]
