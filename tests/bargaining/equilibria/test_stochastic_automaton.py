"""Automata of stochastic games: every vertex is attained, nobody gains by a single deviation, the table is right."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from matplotlib.figure import Figure

from bargaining.equilibria.automaton import Node, StochasticAutomaton
from bargaining.equilibria.stochastic.payoff_sets import stochastic_payoff_sets
from bargaining.errors import InvalidInput, NotApplicable, Unsolved
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame
from bargaining.games.stochastic import StochasticGame
from bargaining.plots.plot import plot
from drawn_games import KINDS, stochastic_game
from known_games import PENNIES

PRISONERS = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]], actions=["CD", "CD"])
ALWAYS = Fraction(1)


# -- every vertex is attained --------------------------------------------------------------------------------


def worth_by_hand(automaton: StochasticAutomaton) -> np.ndarray:
    """The values of the nodes, by playing for so long that nothing is left, in floats."""
    game = automaton.game
    values = np.zeros((len(automaton.nodes), 2))
    for _ in range(400):
        values = np.array([_one_step(game, node, values) for node in automaton.nodes])
    return values


def _one_step(game: StochasticGame, node: Node, values: np.ndarray) -> np.ndarray:
    if node.profile is None:
        exits = game.exits[node.state]
        assert exits is not None
        return exits.payoffs[list(node.leavers)].mean(axis=0)
    law = game.transition(node.state)[node.profile]
    after = sum(
        float(law[s]) * float(share) * values[n] for s, drawn in node.following.items() for n, share in drawn
    )
    return (1 - game.discounts) * game.games[node.state].payoffs[node.profile] + game.discounts * after


def gain_by_hand(automaton: StochasticAutomaton) -> float:
    """The most that anybody gains by one other action, or by one other decision to leave."""
    game, values, best = automaton.game, worth_by_hand(automaton), 0.0
    for k, node in enumerate(automaton.nodes):
        leave = game.exits[node.state]
        for i in (0, 1):
            options = []
            if node.profile is not None:
                for action in range(game.shape(node.state)[i]):
                    profile = list(node.profile)
                    profile[i] = action
                    if action != node.profile[i]:
                        law = game.transition(node.state)[tuple(profile)]
                        after = sum(p * values[node.punishment[i][s], i] for s, p in enumerate(law) if p)
                        now = game.games[node.state].payoffs[(*profile, i)]
                        options.append((1 - game.discounts[i]) * now + game.discounts[i] * after)
                if leave is not None and i in leave.who and not node.challenged:
                    options.append(leave.payoffs[i, i])
            else:
                assert leave is not None
                leavers = set(node.leavers) ^ {i}
                if i in leave.who and leavers:
                    options.append(leave.payoffs[sorted(leavers), i].mean())
                elif not leavers:
                    assert node.stayed is not None
                    options.append(values[node.stayed, i])
            best = max(best, *(option - values[k, i] for option in options), 0.0)
    return best


def check_every_vertex(game: StochasticGame, *, by_hand: bool = False, step: int = 1) -> int:
    """Attain every vertex, or one in `step`, and the middle, of every state; return how many."""
    found, count = stochastic_payoff_sets(game), 0
    for s, some in enumerate(found.sets):
        points = (
            [*some.vertices[::step], *some.vertices.mean(axis=0, keepdims=True)] if len(some.vertices) else []
        )
        for point in points:
            automaton = some.strategy(point)
            assert automaton.regret == 0
            assert {automaton.nodes[k].state for k, _ in automaton.start} == {s}
            np.testing.assert_allclose(automaton.payoffs, point, rtol=0, atol=1e-9 * some.scale)
            if by_hand:
                assert gain_by_hand(automaton) < 1e-10 * some.scale
                values = worth_by_hand(automaton)
                start = sum(float(share) * values[k] for k, share in automaton.start)
                np.testing.assert_allclose(start, point, atol=1e-10 * some.scale)
        count += len(points)
    return count


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_every_vertex_is_attained_without_regret(seed: int, kind: str) -> None:
    check_every_vertex(stochastic_game(seed, kind))


@pytest.mark.parametrize("kind", KINDS)
def test_values_and_regret_by_hand(kind: str) -> None:
    assert check_every_vertex(stochastic_game(6, kind), by_hand=True) > 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4, 54))
def test_every_vertex_of_many_sets(seed: int, kind: str) -> None:
    check_every_vertex(stochastic_game(seed, kind), by_hand=seed % 5 == 0)


def test_vertices_that_rounding_sets_apart_are_one() -> None:
    """Two vertices of the second state come out 5e-13 of the range apart, on an edge of lowest payoffs."""
    for some in stochastic_payoff_sets(stochastic_game(41, "none")).sets:
        assert some.contains(some.vertices.mean(axis=0))


def test_segments() -> None:
    """Two common interests: the sets are segments on the diagonal."""
    common = [Game([[k + 2, 0], [0, 1]], [[k + 2, 0], [0, 1]]) for k in (0, 3)]
    game = StochasticGame.from_chain(
        common, [[Fraction(1, 2)] * 2, [Fraction(1, 3), Fraction(2, 3)]], Fraction(4, 5)
    )
    assert [len(some.vertices) for some in stochastic_payoff_sets(game).sets] == [2, 2]
    assert check_every_vertex(game, by_hand=True) == 6


def test_points() -> None:
    game = StochasticGame(
        [np.array([[[1, 5]]]), np.array([[[4, -2]]])], [[0.7, 0.3], [0.2, 0.8]], Fraction(9, 10)
    )
    assert check_every_vertex(game, by_hand=True) == 4


def test_only_leaving() -> None:
    exits = [Exit([20, 20]), Exit([19, 19.5])]
    game = StochasticGame.from_chain(PRISONERS, [[0.5, 0.5]] * 2, 0.9, exit=exits)
    assert check_every_vertex(game) == 4


@pytest.mark.dear("discounts0")
@pytest.mark.parametrize("discounts", [[Fraction(1, 2), Fraction(3, 5)], [0, Fraction(3, 5)], 0, 0.99])
def test_other_patience(discounts: object) -> None:
    chain = [[Fraction(9, 10), Fraction(1, 10)], [Fraction(1, 5), Fraction(4, 5)]]
    game = StochasticGame.from_chain(PRISONERS, chain, discounts, exit=[None, Exit([5, 2])])  # type: ignore[arg-type]
    assert check_every_vertex(game, step=9) > 0


def test_one_state_is_the_repeated_game() -> None:
    game = StochasticGame.from_repeated(RepeatedGame(PRISONERS, Fraction(9, 10), exit=Exit([4, 0], who=[0])))
    assert check_every_vertex(game, by_hand=True) > 0


# -- automata written by hand --------------------------------------------------------------------------------


def grim(discount: Fraction, exits: list[Exit | None] | None = None) -> StochasticAutomaton:
    """Cooperate until somebody defects; the state does not matter, but moves every period."""
    game = StochasticGame.from_chain([PRISONERS, PRISONERS], [[0, 1], [1, 0]], discount, exit=exits)

    def node(state: int, profile: tuple[int, int], follows: int, payoff: int) -> Node:
        other = 1 - state
        return Node(
            state=state,
            profile=profile,
            following={other: ((follows, ALWAYS),)},
            punishment=({other: 2 + other}, {other: 2 + other}),
            payoffs=(Fraction(payoff),) * 2,
        )

    nodes = (node(0, (0, 0), 1, 9), node(1, (0, 0), 0, 9), node(0, (1, 1), 3, 3), node(1, (1, 1), 2, 3))
    return StochasticAutomaton(game=game, nodes=nodes, start=((0, ALWAYS),))


@pytest.mark.parametrize("discount", [Fraction(1, 7), Fraction(1, 10)])
def test_grim_trigger_by_hand(discount: Fraction) -> None:
    """A defection gains 1 today and loses 6 for ever."""
    automaton = grim(discount)
    assert automaton.exact_payoffs == (9, 9)
    assert automaton.regret == max(0, (1 - discount) - 6 * discount)


def test_regret_counts_leaving() -> None:
    """Who may leave for 5 in the second state gains 2 there when mutual defection should go on."""
    automaton = grim(Fraction(1, 2), [None, Exit([5, 0], who=[0])])
    assert automaton.regret == 2


def test_regret_counts_staying() -> None:
    """Player 0 leaves for 1 in a state in which staying would give 3."""
    stay = Node(
        state=0,
        profile=(1, 1),
        following={0: ((1, ALWAYS),)},
        punishment=({0: 1}, {0: 1}),
        payoffs=(Fraction(3),) * 2,
        challenged=True,
    )
    leave = Node(state=0, profile=None, leavers=(0,), stayed=1, payoffs=(Fraction(1), Fraction(0)))
    game = StochasticGame([PRISONERS], [[1]], Fraction(1, 2), exit=[Exit([1, 0], who=[0])])
    assert StochasticAutomaton(game=game, nodes=(leave, stay), start=((0, ALWAYS),)).regret == 2


def test_an_automaton_that_does_not_say_where_to_go() -> None:
    automaton = grim(Fraction(1, 2))
    lost = replace(automaton, nodes=tuple(replace(node, punishment=({}, {})) for node in automaton.nodes))
    with pytest.raises(
        InvalidInput, match="`punishment` must name a node of state 1 that follows if player 0"
    ):
        lost.regret  # noqa: B018
    leave = replace(automaton.nodes[0], profile=None, leavers=(0,))
    with pytest.raises(InvalidInput, match="`leavers` must be empty in state 0"):
        replace(automaton, nodes=(leave, *automaton.nodes[1:])).regret  # noqa: B018
    game = StochasticGame([PRISONERS], [[1]], Fraction(1, 2), exit=[Exit([1, 0], who=[0])])
    alone = StochasticAutomaton(
        game=game, nodes=(replace(leave, payoffs=(Fraction(1), Fraction(0))),), start=((0, ALWAYS),)
    )
    with pytest.raises(InvalidInput, match="`stayed` must name the node"):
        alone.regret  # noqa: B018


# -- playing, reading, drawing -------------------------------------------------------------------------------


def strengthening() -> StochasticGame:
    chain = [[Fraction(1, 2), Fraction(1, 2)], [0, 1]]
    return StochasticGame.from_chain(
        PRISONERS, chain, Fraction(1, 2), exit=Exit([[1, 1], [8, 3]]), states=["now", "then"]
    )


def test_table_and_graph() -> None:
    automaton = stochastic_payoff_sets(strengthening())["now"].strategy([9, 9])
    assert str(automaton).splitlines() == [
        "start: 0",
        "node  state  play           payoffs  next           if 0 deviates  if 1 deviates",
        "0     now    C, C           9, 9     now 0, then 1  now 2, then 3  now 2, then 3",
        "1     then   C, C           9, 9     then 1         then 3         then 3",
        "2     now    0 and 1 leave  1, 1",
        "3     then   0 and 1 leave  8, 3",
    ]
    assert (0, 1, "1/2") in automaton.edges()
    assert (0, 3, "player 0 deviates") in automaton.edges()
    assert '1 [label="1: then: C, C"];' in automaton.to_dot()
    ax = plot(automaton, ax=Figure().add_subplot())
    assert sum("then: C, C" in text.get_text() for text in ax.texts) == 1


def test_simulation() -> None:
    automaton = stochastic_payoff_sets(strengthening())["now"].strategy([9, 9])
    calm = automaton.simulate(6, 0)
    assert calm.profiles.tolist() == [[0, 0]] * 6
    assert calm.payoffs.tolist() == [[9, 9]] * 6
    assert calm.states[0] == 0
    assert (np.diff(calm.states) >= 0).all()
    slip = automaton.simulate(4, 0, deviations={1: (1, 1)})
    assert slip.profiles.tolist() == [[0, 0], [0, 1], [-1, -1], [-1, -1]]
    assert slip.payoffs[1].tolist() == [1, 10]
    assert slip.payoffs[2].tolist() in ([1, 1], [8, 3])
    assert slip.states[2] == slip.states[3]


def test_simulated_averages_come_close_to_the_payoffs() -> None:
    game = stochastic_game(2, "none")
    found = stochastic_payoff_sets(game).at(0)
    target = found.vertices.mean(axis=0)
    automaton, discount = found.strategy(target), float(game.discounts[0])
    weights, rng = (1 - discount) * discount ** np.arange(30), np.random.default_rng(0)
    draws = np.array([weights @ automaton.simulate(30, rng).payoffs for _ in range(400)])
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - target) < 4 * error + 1e-9).all()
    assert (error < 0.1 * found.scale).all()


def test_a_target_outside_says_how_far() -> None:
    found = stochastic_payoff_sets(strengthening())["now"]
    with pytest.raises(InvalidInput, match=r"of state now; got \[10.0, 10.0\], which is 1\.41421 away"):
        found.strategy([10, 10])
    with pytest.raises(InvalidInput, match="one number per player"):
        found.strategy([1, 2, 3])
    with pytest.raises(NotApplicable, match="the sets of all states"):
        replace(found, _whole=None).strategy([9, 9])


def test_a_state_without_equilibrium_has_no_strategy() -> None:
    game = StochasticGame([PRISONERS, PENNIES], [[1, 0], [0, 1]], 0.5)
    found = stochastic_payoff_sets(game)
    with pytest.raises(NotApplicable, match="There is no equilibrium"):
        found.at(1).strategy([0, 0])
    assert found.at(0).strategy([9, 9]).regret == 0


def test_a_knife_edge_in_floats_is_said() -> None:
    """The float below 1/7: cooperation is kept in the set but not in exact arithmetic."""
    below = np.nextafter(1 / 7, 0)
    game = StochasticGame.from_chain([PRISONERS, PRISONERS], [[0, 1], [1, 0]], below)
    found = stochastic_payoff_sets(game)
    assert found.at(0).contains([9, 9])
    with pytest.raises(Unsolved, match="knife edge"):
        found.at(0).strategy([9, 9])
    assert (
        check_every_vertex(StochasticGame.from_chain([PRISONERS] * 2, [[0, 1], [1, 0]], Fraction(1, 7))) > 0
    )
