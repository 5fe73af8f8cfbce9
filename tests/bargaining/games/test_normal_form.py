"""Games in normal form: what follows from the arrays alone."""

from fractions import Fraction

import numpy as np
import pytest

from bargaining.errors import InvalidInput
from bargaining.games.normal_form import Game
from known_games import PENNIES, PRISONERS

ROCK = [[0, -1, 1], [1, 0, -1], [-1, 1, 0]]


def test_prisoners() -> None:
    assert PRISONERS.players == 2
    assert PRISONERS.shape == (2, 2)
    assert PRISONERS.deviations()[..., 0].tolist() == [[10, 3], [10, 3]]
    assert PRISONERS.deviations()[..., 1].tolist() == [[10, 10], [3, 3]]
    assert PRISONERS.pure_equilibria().tolist() == [[1, 1]]
    assert PRISONERS.minmax().tolist() == [3, 3]
    assert PRISONERS.minmax(mixed=True).tolist() == [3, 3]


def test_equilibria_are_pure_and_mixed() -> None:
    chicken = Game([[0, 7], [2, 6]], [[0, 2], [7, 6]])
    found = chicken.equilibria()
    assert found.complete
    assert chicken.pure_equilibria().tolist() == [[0, 1], [1, 0]]
    third = (Fraction(1, 3), Fraction(2, 3))
    assert set(found.exact) == {((0, 1), (1, 0)), ((1, 0), (0, 1)), (third, third)}


def test_mixing_lowers_the_minmax() -> None:
    assert PENNIES.minmax().tolist() == [1, 1]
    np.testing.assert_allclose(PENNIES.minmax(mixed=True), [0, 0], atol=1e-14)
    np.testing.assert_allclose(Game(ROCK, np.negative(ROCK)).minmax(mixed=True), [0, 0], atol=1e-14)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_mixed_minmax_is_proved_from_both_sides(scale: float) -> None:
    """No mixture of the other holds her lower (checked by her mixed security level), at any scale."""
    from scipy.optimize import linprog

    rng = np.random.default_rng(0)
    for _ in range(20):
        payoffs = rng.normal(size=(4, 5))
        value = Game(payoffs * scale + scale, payoffs).minmax(mixed=True)[0] / scale - 1
        shift = 1 - payoffs.min()
        dual = linprog(np.ones(4), A_ub=-(payoffs + shift).T, b_ub=-np.ones(5), method="highs")
        assert value == pytest.approx(1 / dual.fun - shift, abs=1e-9)


def test_three_players_are_punished_by_the_others_together() -> None:
    """The others hold player 0 to 0 in pure actions, to -1/2 by mixing with correlation."""
    payoffs = np.zeros((2, 2, 2))
    payoffs[0, 0, 0], payoffs[1, 0, 0] = -1, 0
    payoffs[0, 1, 1], payoffs[1, 1, 1] = 0, -1
    payoffs[:, 0, 1] = payoffs[:, 1, 0] = 5
    game = Game(payoffs, np.zeros((2, 2, 2)), np.zeros((2, 2, 2)))
    assert game.minmax().tolist() == [0, 0, 0]
    np.testing.assert_allclose(game.minmax(mixed=True), [-0.5, 0, 0], atol=1e-14)


def test_numbers_are_kept_as_given() -> None:
    third = Fraction(1, 3)
    game = Game([[third, 1]], [[2**60, 2**60 + 1]])
    assert game.exact[0, 0].tolist() == [third, 2**60]
    assert game.payoffs[0, 0, 1] == game.payoffs[0, 1, 1]
    assert game.pure_equilibria().tolist() == [[0, 1]]
    assert game.exact_best((0, 0), 1) == 2**60 + 1
    assert game.exact_payoff((0, 0), 0) == third
    assert Game([[0.1]], [[0.1]]).exact[0, 0, 0] == Fraction(0.1)


def test_later_changes_to_the_input_do_not_reach_the_game() -> None:
    payoffs = np.zeros((2, 2))
    game = Game(payoffs, payoffs)
    payoffs[0, 0] = 7
    assert game.payoffs.max() == 0
    assert game.exact.max() == 0
    with pytest.raises(ValueError, match="read-only"):
        game.payoffs[0, 0, 0] = 1


def test_feasible_set_and_problem() -> None:
    problem = PRISONERS.problem([3, 3])
    assert problem.feasible.contains(np.array([9.5, 5.0]), tol=1e-12)
    assert not PRISONERS.feasible().contains(np.array([10.0, 10.0]), tol=1e-12)


def test_action_names() -> None:
    assert Game([[1, 2]], [[3, 4]]).actions == (("0",), ("0", "1"))
    assert Game([[1, 2]], [[3, 4]], actions=["a", "bc"]).actions == (("a",), ("b", "c"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Game(), "one array per player; got none"),
        (lambda: Game([[1, 2]], [[1]]), "arrays of one shape"),
        (lambda: Game([1, 2], [3, 4]), "one axis per player"),
        (lambda: Game([[1, np.nan]], [[1, 2]]), r"`payoffs\[0\]` must be finite"),
        (
            lambda: Game([[1e308, -1e308]], [[1, 2]]),
            r"`payoffs\[0\]` must hold payoffs of size 1e\+300 at most",
        ),
        (lambda: Game([[1, 2]], [["a", "b"]]), r"`payoffs\[1\]` must be real numbers"),
        (lambda: Game([[]], [[]]), "must not be empty"),
        (
            lambda: Game([[1, 2]], [[3, 4]], actions=["a", "b"]),
            "`actions` must name the actions of every player",
        ),
        (lambda: PRISONERS.profile((0, 2)), "action 2 for player 1, who has 0 to 1"),
        (lambda: PRISONERS.profile((0,)), "one action index per player"),
        (lambda: Game([[1, 2]], [[3, 4]], actions=5), "`actions` must be a list of lists of names; got 5"),
        (lambda: Game([[1, 2]], [[3, 4]], actions=[5, 5]), r"`actions\[0\]` must be a list of names; got 5"),
        (lambda: PRISONERS.profile((0.0, 1.0)), "one action index per player"),
        (lambda: PRISONERS.profile((True, False)), "one action index per player"),
        (lambda: PRISONERS.profile([[0, 1], [1]]), "one action index per player"),  # type: ignore[list-item]
        (lambda: PRISONERS.profile(np.array(0)), "one action index per player"),
    ],
)
def test_bad_input(make: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        make()  # type: ignore[operator]
