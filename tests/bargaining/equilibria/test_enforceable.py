"""How far payoff sets are from their definition, measured from vertices: sets found, sets moved, sets cut down."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from bargaining import Exit, Game, RepeatedGame, StochasticGame, certify, payoff_set, stochastic_payoff_sets
from bargaining.equilibria.repeated.payoff_set import PayoffSet
from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
from bargaining.errors import NotApplicable, Status
from drawn_games import KINDS, exit_of, stage_game, stochastic_game
from known_games import PRISONERS
from seeds import seeds

GAMES = [
    RepeatedGame(PRISONERS, 0.9),
    RepeatedGame(PRISONERS, 0.3),
    RepeatedGame(PRISONERS, (0.6, 0.7)),
    RepeatedGame(PRISONERS, 0.5, exit=Exit([3, 5])),
    RepeatedGame(PRISONERS, (0.7, 0.4), exit=Exit([4, 2], who=[0])),
    RepeatedGame(PRISONERS, 0.2),
]


def outward(vertices: np.ndarray, k: int, by: float) -> np.ndarray:
    """The vertices, one of them moved away from their middle."""
    moved, away = vertices.copy(), vertices[k] - vertices.mean(axis=0)
    length = np.hypot(*away)
    moved[k] += by * (away / length if length else np.array([1.0, 0.0]))
    return moved


@pytest.mark.parametrize("game", GAMES, ids=str)
def test_a_vertex_that_is_moved_is_not_enforceable(game: RepeatedGame) -> None:
    found = payoff_set(game)
    assert found.ok
    assert 0.0 <= found.residual < 1e-12
    for k in range(0, len(found.vertices), 1 + len(found.vertices) // 6):
        moved = outward(found.vertices, k, 1e-3 * found.scale)
        wrong = replace(found, vertices=moved, threat=moved.min(axis=0))
        assert wrong.residual > 1e-5
        assert np.ptp(game.discounts) or not certify(wrong, budget=300_000).holds


@pytest.mark.parametrize("game", GAMES[:5], ids=str)
def test_a_set_that_lacks_a_vertex_gives_more_than_it_holds(game: RepeatedGame) -> None:
    found = payoff_set(game)
    for k in range(0, len(found.vertices), 1 + len(found.vertices) // 3):
        fewer = np.delete(found.vertices, k, axis=0)
        wrong = replace(found, vertices=fewer, threat=fewer.min(axis=0))
        if found.excess(found.vertices[k]) == 0.0 and wrong.excess(found.vertices[k]) > 1e-3:
            assert wrong.residual > 1e-6
            assert np.ptp(game.discounts) or not certify(wrong, budget=300_000).holds


def test_patience_hides_little() -> None:
    """Who is patient gains little by a deviation, in payoffs of a period each; it is told all the same."""
    for delta in (0.99, 0.999, 0.9999):
        found = payoff_set(RepeatedGame(PRISONERS, delta))
        moved = outward(found.vertices, 2, 1e-3 * found.scale)
        assert replace(found, vertices=moved).residual > 0.05 * (1 - delta) * 1e-3


def test_a_threat_that_is_another_is_told() -> None:
    found = payoff_set(RepeatedGame(PRISONERS, 0.9))
    assert replace(found, threat=found.threat - 0.009).residual == pytest.approx(1e-3)


def test_it_is_a_share_of_the_payoff_range() -> None:
    wrongs = []
    for scale, shift in ((1, 0), (1000, 0), (Fraction(1, 64), 5)):
        first, second = (np.array(rows, dtype=object) for rows in ([[9, 1], [10, 3]], [[9, 10], [1, 3]]))
        found = payoff_set(RepeatedGame(Game(first * scale + shift, second * scale + shift), 0.3))
        wrongs.append(replace(found, vertices=outward(found.vertices, 1, 1e-3 * found.scale)).residual)
    np.testing.assert_allclose(wrongs, wrongs[0], rtol=1e-6)


@pytest.mark.dear("1-none", "1-two-sided", "1-one-sided")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", seeds(2, 12))
def test_sets_that_are_found_meet_their_definition(seed: int, kind: str) -> None:
    found: PayoffSet = payoff_set(
        RepeatedGame(stage_game(seed), (0.3, 0.6, 0.9)[seed % 3], exit=exit_of(seed, kind))
    )
    assert found.residual < 1e-12
    for unequal in (False, True):
        sets: StochasticPayoffSets = stochastic_payoff_sets(stochastic_game(seed, kind, unequal=unequal))
        assert sets.residual < 1e-9  # the tolerance they are asked for
        assert sets.residual == max(some.residual for some in sets.sets)


def test_states_are_measured_with_one_another() -> None:
    exits = [Exit([1, 1]), Exit([2, 3])]
    found = stochastic_payoff_sets(StochasticGame([PRISONERS] * 2, [[0.9, 0.1], [0, 1]], 0.6, exit=exits))
    state = found.sets[0]
    moved = outward(state.vertices, 0, 1e-3 * state.scale)
    wrong = replace(found, sets=(replace(state, vertices=moved), *found.sets[1:]))
    assert wrong.residual > 1e-5
    with pytest.raises(NotApplicable, match="needs the sets of all states"):
        _ = replace(state, _whole=None).residual


def test_a_stage_equilibrium_alone_is_a_fixed_point_but_not_what_players_can_do() -> None:
    """Defection for ever needs no more than itself; what else holds against that threat lies outside."""
    found = payoff_set(RepeatedGame(PRISONERS, 0.1))
    assert found.residual < 1e-15
    patient = payoff_set(RepeatedGame(PRISONERS, 0.9))
    alone = replace(patient, vertices=np.array([[3.0, 3.0]]))
    assert alone.residual == 0.0
    assert not certify(alone).holds


def test_a_state_without_equilibrium_cannot_be_gone_to() -> None:
    pennies = Game([[1, -1], [-1, 1]], [[-1, 1], [1, -1]])
    game = StochasticGame([PRISONERS, pennies], [[0.5, 0.5], [0.0, 1.0]], 0.3)
    found = stochastic_payoff_sets(game)
    assert [some.status for some in found.sets] == [Status.EMPTY, Status.EMPTY]
    assert found.residual == 0.0
    some = replace(found.sets[0], vertices=np.array([[3.0, 3.0]]), threat=np.array([3.0, 3.0]))
    assert replace(found, sets=(some, found.sets[1])).residual == np.inf
