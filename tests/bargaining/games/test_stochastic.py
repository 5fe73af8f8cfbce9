"""Stochastic games as data: what is accepted, what is said about it, and what is refused."""

from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from bargaining.errors import InvalidInput
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame
from bargaining.games.stochastic import StochasticGame
from known_games import PRISONERS

CHAIN = [[0.9, 0.1], [0.2, 0.8]]
MOVED = [[[0.9, 0.1], [0.5, 0.5]], [[0.5, 0.5], [0.25, 0.75]]]


def test_states_keep_their_own_actions():
    game = StochasticGame([PRISONERS, np.zeros((1, 3, 2))], [MOVED, [0, 1]], [0.9, 0.8])
    assert (len(game), game.players, game.shape(0), game.shape(1)) == (2, 2, (2, 2), (1, 3))
    np.testing.assert_array_equal(game.transition(0), MOVED)
    np.testing.assert_array_equal(game.transition(1), np.broadcast_to([0, 1], (1, 3, 2)))
    assert game.exogenous.tolist() == [False, True]
    assert repr(game) == "<StochasticGame, 2 states, 2 players, 7 profiles>"


def test_sparse_and_dense_are_the_same_game():
    rows = np.array(MOVED).reshape(4, 2)
    dense = StochasticGame([PRISONERS] * 2, [MOVED, [0, 1]], 0.9)
    thin = StochasticGame([PRISONERS] * 2, [sparse.csr_array(rows), sparse.coo_array([[0, 1]])], 0.9)
    for state in (0, 1):
        np.testing.assert_array_equal(dense.transition(state), thin.transition(state))
    np.testing.assert_array_equal(dense.exact_transition(0), thin.exact_transition(0))
    chain = StochasticGame.from_chain(PRISONERS, sparse.csr_array(CHAIN), 0.9)
    np.testing.assert_array_equal(chain.transition(1)[1, 0], CHAIN[1])


def test_rationals_are_kept():
    third = Fraction(1, 3)
    game = StochasticGame.from_chain(PRISONERS, [[third, 1 - third], [0, 1]], third)
    assert game.exact_transition(0)[0, 1].tolist() == [third, 1 - third]
    assert game.exact_discounts.tolist() == [third, third]
    rounded = StochasticGame.from_chain(PRISONERS, CHAIN, 0.9)
    assert rounded.exact_transition(0)[0, 0].sum() == 1
    assert rounded.games[0].exact[0, 0, 0] == 9


def test_probabilities_that_nearly_sum_to_one_are_divided_by_their_sum():
    game = StochasticGame.from_chain(PRISONERS, [[0.5 + 4e-10, 0.5], [0, 1]], 0.9)
    np.testing.assert_allclose(game.transition(0)[0, 0], [0.5 + 2e-10, 0.5 - 2e-10], rtol=0, atol=1e-16)
    assert game.exact_transition(0)[0, 0].sum() == 1


def test_where_the_chain_can_go():
    game = StochasticGame.from_chain(PRISONERS, [[0.5, 0.5, 0], [0, 1, 0], [0, 0.5, 0.5]], 0.9)
    assert game.absorbing.tolist() == [False, True, False]
    assert game.unreachable == (0, 2)
    assert StochasticGame([PRISONERS], [[1]], 0.9).unreachable == ()


def test_exit_by_state():
    each = StochasticGame.from_chain(PRISONERS, CHAIN, 0.9, exit=Exit([[0, 0], [5, 2]], who=[1]))
    np.testing.assert_array_equal(each.exit_own, [[-np.inf, 0], [-np.inf, 2]])
    some = StochasticGame.from_chain(PRISONERS, CHAIN, 0.9, exit=[None, Exit([5, 2])])
    np.testing.assert_array_equal(some.exit_own, [[-np.inf, -np.inf], [5, 2]])
    all_alike = StochasticGame.from_chain(PRISONERS, CHAIN, 0.9, exit=Exit([5, 2]))
    np.testing.assert_array_equal(all_alike.exit_own, [[5, 2], [5, 2]])


def test_names():
    game = StochasticGame.from_chain(
        Game([[9, 1], [10, 3]], [[9, 10], [1, 3]], actions=[["c", "d"], ["C", "D"]]),
        CHAIN,
        0.9,
        states=["low", "high"],
        players=["Ann", "Bob"],
    )
    assert (game.states, game.player_names) == (("low", "high"), ("Ann", "Bob"))
    assert game.profile_name(1, (1, 0)) == "d, C"
    shared = StochasticGame([PRISONERS] * 2, CHAIN, 0.9, actions=[["c", "d"], ["C", "D"]])
    own = StochasticGame([PRISONERS] * 2, CHAIN, 0.9, actions=[[["c", "d"]] * 2, [["e", "f"]] * 2])
    assert shared.games[1].actions == (("c", "d"), ("C", "D"))
    assert own.profile_name(1, (0, 1)) == "e, f"


def test_from_functions():
    game = StochasticGame.from_functions(
        [(0, "free"), (1, "capped")],
        lambda state: [["wait", "build"] if state[0] == 0 else ["wait"], ["tax"]],
        lambda state, profile: (state[0] - (profile[0] == "build"), 1),
        lambda state, profile: {(1, "capped"): 1} if state[0] or profile[0] == "build" else [1, 0],
        0.9,
        exit=lambda state: Exit([0, 0]) if state[0] else None,
    )
    assert game.states == ("(0, 'free')", "(1, 'capped')")
    assert game.games[0].payoffs[:, 0].tolist() == [[0, 1], [-1, 1]]
    assert game.transition(0)[:, 0].tolist() == [[1, 0], [0, 1]]
    assert game.exits[0] is None
    assert game.absorbing.tolist() == [False, True]


def test_a_repeated_game_is_one_state():
    repeated = RepeatedGame(PRISONERS, Fraction(1, 7), exit=Exit([2, 1]))
    game = StochasticGame.from_repeated(repeated)
    assert game.games[0] is PRISONERS
    assert game.exact_discounts.tolist() == [Fraction(1, 7)] * 2
    np.testing.assert_array_equal(game.exit_own, [[2, 1]])
    with pytest.raises(InvalidInput, match="at\\(index\\)"):
        StochasticGame.from_repeated(RepeatedGame(PRISONERS, [[0.5, 0.5], [0.6, 0.6]]))
    with pytest.raises(InvalidInput, match="`game`"):
        StochasticGame.from_repeated(PRISONERS)


def build(payoffs=None, transitions=None, discounts=0.9, **more):
    payoffs = [PRISONERS] * 2 if payoffs is None else payoffs
    return StochasticGame(payoffs, CHAIN if transitions is None else transitions, discounts, **more)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"transitions": [MOVED, [0.5, 0.4]], "states": ["a", "b"]},
            "in state b at actions \\(0, 0\\) they sum to 0.9",
        ),
        (
            {
                "transitions": [[[[1, 0], [1, 0]], [[1, 0], [0.7, 0]]], [0, 1]],
                "actions": [["c", "d"], ["C", "D"]],
            },
            "in state 0 at actions \\(d, D\\) they sum to 0.7",
        ),
        ({"transitions": [[1.5, -0.5], [0, 1]]}, "state 1 follows with -0.5"),
        ({"transitions": [[np.nan, 1], [0, 1]]}, r"`transitions\[0\]` must be finite"),
        ({"transitions": [[1, 0, 0], [0, 1]]}, r"`transitions\[0\]` must have shape"),
        ({"transitions": [sparse.csr_array((3, 2)), [0, 1]]}, r"\(4, 2\) or \(1, 2\)"),
        ({"transitions": [sparse.csr_array((4, 2)), [0, 1]]}, "sum to 0"),
        ({"transitions": [[1, 0]]}, "one entry a state each; got 2 and 1"),
        ({"transitions": sparse.csr_array(CHAIN)}, "`transitions` must be a sequence"),
        ({"payoffs": PRISONERS}, "`payoffs` must be a sequence"),
        ({"payoffs": np.array(0.5)}, "`payoffs` must be a sequence"),
        (
            {"payoffs": StochasticGame([PRISONERS], [[1]], 0)},
            "`payoffs` must be a sequence .* got a StochasticGame",
        ),
        ({"payoffs": []}, "one entry a state"),
        ({"payoffs": [PRISONERS, np.zeros((2, 2, 3))]}, r"state 1 has \(2, 2, 3\)"),
        ({"payoffs": [PRISONERS, np.zeros((2, 2, 2, 3))]}, "same players in every state; state 1 has 3"),
        ({"payoffs": [PRISONERS, [[[1, np.inf]]]]}, r"`payoffs\[1\]` must be finite"),
        ({"discounts": 1}, "`discounts` must lie in"),
        ({"discounts": [[0.9, 0.9]]}, "has no batch"),
        ({"exit": 5}, "`exit` must be a list of Exit or None; got 5"),
        ({"exit": [Exit([0, 0])]}, "`exit` must have one entry a state"),
        ({"exit": [None, Exit([0, 0, 0])]}, "state 1 has 3"),
        ({"exit": [None, (0, 0)]}, "in state 1"),
        ({"exit": Exit([[0, 0]] * 3)}, "got a batch"),
        ({"states": ["a", "a"]}, "`states` must be 2 different names"),
        ({"states": 5}, "`states` must be a list of names; got 5"),
        ({"players": 5}, "`players` must be a list of names; got 5"),
        ({"players": ["a"]}, "`players` must be 2 different names"),
        ({"actions": [["c", "d"]]}, "`actions` must name"),
        ({"actions": [[["c", "d"]] * 2]}, "`actions` must have one entry a state"),
        ({"actions": 3}, "`actions` must be sequences"),
        ({"actions": [[1, 2], [3]]}, r"`actions\[0\]` must be a list of names; got 1"),
    ],
)
def test_what_is_wrong_is_said(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        build(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"states": []}, "`states`"),
        ({"states": [1, 1]}, "`states`"),
        ({"states": 5}, "`states` must be a list of states; got 5"),
        ({"states": [[0], [1]]}, "`states` must be hashable"),
        ({"payoff": 5}, "`payoff` must be a function of a state and the actions; got 5"),
        ({"transition": 5}, "`transition` must be a function of a state and the actions; got 5"),
        ({"actions": 5}, "`actions` must be a list of lists of actions; got 5"),
        ({"payoff": lambda state, profile: 1}, "`payoff` must return 2 numbers; in state 0"),
        ({"transition": lambda state, profile: {5: 1}}, "leads to 5"),
        ({"transition": lambda state, profile: [1]}, "in state 0 at \\(0, 0\\)"),
        (
            {"transition": lambda state, profile: {state: None}},
            "`transition` must return real numbers; got None",
        ),
        ({"transition": lambda state, profile: {state: [1]}}, "`transition` must return a number for each"),
        ({"actions": [[0], []]}, "`actions`"),
    ],
)
def test_functions_are_checked(arguments, message):
    valid = {
        "states": [0, 1],
        "actions": [[0], [0, 1]],
        "payoff": lambda state, profile: profile,
        "transition": lambda state, profile: {state: 1},
        "discounts": 0.9,
    }
    assert len(StochasticGame.from_functions(**valid)) == 2
    with pytest.raises(InvalidInput, match=message):
        StochasticGame.from_functions(**{**valid, **arguments})


def test_a_chain_needs_games():
    with pytest.raises(InvalidInput, match="`game` must be a list of Game; got 5"):
        StochasticGame.from_chain(5, [[1]], 0.9)


def test_a_chain_must_be_square():
    with pytest.raises(InvalidInput, match="square"):
        StochasticGame.from_chain(PRISONERS, [[0.5, 0.5]], 0.9)
