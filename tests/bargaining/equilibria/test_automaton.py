"""Automata: every vertex is attained, nobody gains by a single deviation, and the table says what is played."""

import copy
import pickle
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from bargaining.equilibria.automaton import Automaton, State
from bargaining.equilibria.payoff_set import payoff_set
from bargaining.errors import InvalidInput, Unsolved
from bargaining.exact.certify import certify
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame
from bargaining.games.stochastic import StochasticGame
from drawn_games import exit_of, stage_game
from known_games import THREE, refuses_bad_simulations

PRISONERS = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]], actions=["CD", "CD"])


def check_every_vertex(repeated: RepeatedGame) -> None:
    found = payoff_set(repeated)
    for vertex in found.vertices:
        automaton = found.strategy(vertex)
        assert automaton.regret == 0
        np.testing.assert_allclose(automaton.payoffs, vertex, rtol=0, atol=1e-11)
    if len(found.vertices):
        middle = found.vertices.mean(axis=0)
        assert found.strategy(middle).regret == 0
        np.testing.assert_allclose(found.strategy(middle).payoffs, middle, rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    "again", [lambda found: pickle.loads(pickle.dumps(found)), copy.deepcopy], ids=["pickled", "copied"]
)
@pytest.mark.parametrize("discounts", [0.5, [0.5, 0.4]], ids=["equal", "unequal"])
def test_a_set_can_be_sent_to_another_process_after_it_was_used(
    discounts: Any, again: Callable[[Any], Any]
) -> None:
    repeated = RepeatedGame(PRISONERS, discounts, exit=Exit([2, 1]))
    alone, states = payoff_set(repeated), payoff_set(StochasticGame.from_repeated(repeated))
    used = alone.strategy(alone.vertices[0]), states["0"].strategy(alone.vertices[0])
    proofs = certify(alone), certify(states)
    alone, states = again(alone), again(states)
    assert str(alone.strategy(alone.vertices[0])) == str(used[0])
    assert str(states["0"].strategy(alone.vertices[0])) == str(used[1])
    assert (certify(alone).statement, certify(states).statement) == (proofs[0].statement, proofs[1].statement)


@pytest.mark.parametrize("kind", ["none", "two-sided", "one-sided", "by leaver"])
@pytest.mark.parametrize("seed", range(5))
def test_every_vertex_is_attained_without_regret(seed: int, kind: str) -> None:
    for discount in (Fraction(3, 10), Fraction(4, 5)):
        check_every_vertex(RepeatedGame(stage_game(seed), discount, exit=exit_of(seed, kind)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["none", "two-sided", "one-sided", "by leaver"])
@pytest.mark.parametrize("seed", range(200))
def test_every_vertex_of_many_sets(seed: int, kind: str) -> None:
    for discount in (Fraction(3, 10), Fraction(9, 10)):
        check_every_vertex(RepeatedGame(stage_game(seed), discount, exit=exit_of(seed, kind)))


@pytest.mark.parametrize("discounts", [[0.3, 0.6], [0, 0.5], 0.0, 0.999])
def test_other_patience(discounts: object) -> None:
    check_every_vertex(RepeatedGame(PRISONERS, discounts))


@pytest.mark.dear("vertices without room", "a threat for ever")
@pytest.mark.parametrize(
    ("seed", "size", "discounts"),
    [(0, 2, [0.5, 0.8]), (11, 2, [0.5, 0.8]), (43, 3, [0.8, 0.85])],
    ids=["vertices without room", "a profile for ever beside a threat", "a threat for ever"],
)
def test_floats_and_other_patience(seed: int, size: int, discounts: list[float]) -> None:
    """Vertices that lie just where they may: rationals are found a little inside, with room for rounding."""
    first, second = np.random.default_rng(seed).normal(size=(2, size, size))
    found = payoff_set(RepeatedGame(Game(first, second), discounts))
    for vertex in found.vertices[::12]:
        automaton = found.strategy(vertex)
        assert automaton.regret == 0
        np.testing.assert_allclose(automaton.payoffs, vertex, rtol=0, atol=1e-9)


def test_a_threat_with_irrational_payoffs() -> None:
    """The punishment of player 0 solves a quadratic: the vertices are met up to a tiny inset, without regret."""
    check_every_vertex(RepeatedGame(THREE, Fraction(3, 10)))


def test_exact_payoffs() -> None:
    found = payoff_set(RepeatedGame(PRISONERS, Fraction(9, 10)))
    assert found.strategy([9.75, 3]).exact_payoffs == (Fraction(39, 4), 3)
    assert found.strategy([8, 8]).exact_payoffs == (8, 8)
    third = Fraction(10, 3)
    assert found.strategy([third, third]).exact_payoffs == (third, third)


def test_grim_trigger_by_hand() -> None:
    """Cooperate until somebody defects; the gain of a defection is 1 - 6 d/(1 - d), times 1 - d."""
    cooperate = State(
        profile=(0, 0), following=((0, Fraction(1)),), punishment=(1, 1), payoffs=(Fraction(9),) * 2
    )
    defect = State(
        profile=(1, 1), following=((1, Fraction(1)),), punishment=(1, 1), payoffs=(Fraction(3),) * 2
    )
    for discount in (Fraction(1, 7), Fraction(1, 10)):
        automaton = Automaton(
            game=RepeatedGame(PRISONERS, discount), states=(cooperate, defect), start=((0, Fraction(1)),)
        )
        assert automaton.payoffs.tolist() == [9, 9]
        assert automaton.regret == max(0, (1 - discount) * 1 - discount * 6)


def test_values_are_recomputed_and_not_believed() -> None:
    boast = State(
        profile=(1, 1), following=((0, Fraction(1)),), punishment=(0, 0), payoffs=(Fraction(100),) * 2
    )
    automaton = Automaton(game=RepeatedGame(PRISONERS, 0.5), states=(boast,), start=((0, Fraction(1)),))
    assert automaton.payoffs.tolist() == [3, 3]
    assert automaton.regret == 0


def test_regret_counts_leaving_and_staying() -> None:
    """Staying at (3, 3) while one could leave for 5 costs 2; both leaving costs nothing."""
    stay = State(profile=(1, 1), following=((0, Fraction(1)),), punishment=(0, 0), payoffs=(Fraction(3),) * 2)
    leave = State(profile=None, leavers=(0, 1), payoffs=(Fraction(5), Fraction(0)))
    repeated = RepeatedGame(PRISONERS, Fraction(1, 2), exit=Exit([5, 0]))
    assert Automaton(game=repeated, states=(stay,), start=((0, Fraction(1)),)).regret == 2
    assert Automaton(game=repeated, states=(leave,), start=((0, Fraction(1)),)).regret == 0
    alone = State(profile=None, leavers=(0,), stayed=1, payoffs=(Fraction(1), Fraction(0)))
    inside = State(
        profile=(1, 1),
        following=((1, Fraction(1)),),
        punishment=(1, 1),
        payoffs=(Fraction(3),) * 2,
        challenged=True,
    )
    repeated = RepeatedGame(PRISONERS, Fraction(1, 2), exit=Exit([1, 0], who=[0]))
    assert Automaton(game=repeated, states=(alone, inside), start=((0, Fraction(1)),)).regret == 2


def test_a_threat_to_leave_is_carried_out_only_if_credible() -> None:
    found = payoff_set(RepeatedGame(PRISONERS, Fraction(1, 2), exit=Exit([4, 0], who=[0])))
    automaton = found.strategy([4, 0])
    assert automaton.states[automaton.start[0][0]].leavers == (0,)
    assert automaton.states[automaton.start[0][0]].stayed is not None
    assert automaton.regret == 0
    assert "0 leaves (else" in str(automaton)


def test_simulation() -> None:
    automaton = payoff_set(RepeatedGame(PRISONERS, 0.9)).strategy([9, 9])
    calm = automaton.simulate(5, 0)
    assert calm.profiles.tolist() == [[0, 0]] * 5
    assert calm.payoffs.tolist() == [[9, 9]] * 5
    slip = automaton.simulate(5, 0, deviations={1: (1, 1)})
    assert slip.profiles.tolist() == [[0, 0], [0, 1], [1, 1], [1, 1], [1, 1]]
    assert slip.payoffs[1].tolist() == [1, 10]


def test_simulated_averages_come_close_to_the_payoffs() -> None:
    automaton = payoff_set(RepeatedGame(THREE, 0.3)).strategy([10, 5])
    weights, rng = 0.7 * 0.3 ** np.arange(25), np.random.default_rng(0)
    draws = np.array([weights @ automaton.simulate(25, rng).payoffs for _ in range(500)])
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - [10, 5]) < 4 * error).all()
    assert (error < 0.5).all()


def test_after_leaving_nothing_is_played() -> None:
    automaton = payoff_set(RepeatedGame(PRISONERS, 0.5, exit=Exit([20, 20]))).strategy([20, 20])
    history = automaton.simulate(3, 0)
    assert history.profiles.tolist() == [[-1, -1]] * 3
    assert history.payoffs.tolist() == [[20, 20]] * 3
    assert "0 and 1 leave" in str(automaton)


def test_table_and_graph() -> None:
    automaton = payoff_set(RepeatedGame(PRISONERS, 0.9)).strategy([9, 9])
    assert str(automaton).splitlines() == [
        "start: 0",
        "state  play  payoffs  next  if 0 deviates  if 1 deviates",
        "0      C, C  9, 9     0     1              1",
        "1      D, D  3, 3     1     1              1",
    ]
    assert (0, 1, "player 0 deviates") in automaton.edges()
    assert automaton.to_dot().startswith("digraph automaton {")
    assert '0 [label="0: C, C"];' in automaton.to_dot()


def test_a_target_outside_says_how_far() -> None:
    found = payoff_set(RepeatedGame(PRISONERS, 0.9))
    with pytest.raises(InvalidInput, match=r"which is 1\.41421 away"):
        found.strategy([10, 10])
    with pytest.raises(InvalidInput, match="one number per player"):
        found.strategy([1, 2, 3])


def test_what_rounding_moves_off_a_segment_belongs_to_it() -> None:
    """One action each, so that payoffs have no range: the segment between playing on and leaving."""
    leave = Exit.by_leaver([[2, -0.3], [0.57, 0]])
    found = payoff_set(RepeatedGame(Game([[2]], [[2]]), 0.5, exit=leave))
    assert found.vertices.tolist() == [[1.285, -0.15], [2, 2]]
    for share in np.linspace(0, 1, 11):
        point = share * found.vertices[0] + (1 - share) * found.vertices[1]
        assert found.contains(point, tol=0)
        assert np.abs(found.strategy(point).payoffs - point).max() < 1e-15


def test_a_knife_edge_in_floats_is_said() -> None:
    """The float nearest to 1/7 is below 1/7: cooperation is kept in the set but not in exact arithmetic."""
    below = np.nextafter(1 / 7, 0)
    found = payoff_set(RepeatedGame(PRISONERS, below))
    assert found.contains([9, 9])
    with pytest.raises(Unsolved, match="knife edge"):
        found.strategy([9, 9])
    check_every_vertex(RepeatedGame(PRISONERS, Fraction(1, 7)))


def test_a_knife_edge_of_a_player_without_patience_is_passed_by() -> None:
    """No vertex gives player 1 the 2 that rounding lets her be promised; one hardly inside does without."""
    game = Game([[0, 2], [0, 0]], [[2, 2 - 1e-13], [0, 2]])
    found = payoff_set(RepeatedGame(game, (0, 0.8), exit=Exit([1, 1], who=[1])))
    automaton = found.strategy(found.vertices[0])
    assert automaton.regret == 0
    np.testing.assert_allclose(automaton.payoffs, found.vertices[0], rtol=0, atol=1e-9)


def test_bad_simulation() -> None:
    automaton = payoff_set(RepeatedGame(PRISONERS, 0.9)).strategy([9, 9])
    assert automaton.simulate(1).payoffs.tolist() == [[9, 9]]
    refuses_bad_simulations(automaton)
