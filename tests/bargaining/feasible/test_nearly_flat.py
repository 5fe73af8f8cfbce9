"""Sets in which all agreements pay one player the same but for rounding: that says nothing about the others."""

import numpy as np
import pytest

from bargaining import Polytope, Problem, Status, kalai_smorodinsky, nash

THIRD = 0.1 + 0.2  # not quite 0.3
SETS = {
    "segment": Polytope([[-3, 0.3], [-1, THIRD]]),
    "segment and below": Polytope([[-3, 0.3], [-1, THIRD]], free_disposal=True),
    "triangle": Polytope([[-3, 0.3], [-1, THIRD], [-2, THIRD]]),
    "space": Polytope([[-3, 0.3, 1], [-1, THIRD, 0], [-2, 0.3, 3]]),
    "space and below": Polytope([[-3, 0.3, 1], [-1, THIRD, 0], [-2, 0.3, 3]], free_disposal=True),
    "many players": Polytope([[-3, 0.3, 1, 1, 1], [-1, THIRD, 1, 1, 1]]),
    "inequalities": Polytope.from_inequalities(
        [[1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1]], [-1, THIRD, -0.3, 1]
    ),
}


def at(first: float, second: float, players: int) -> np.ndarray:
    return np.array([first, second] + [-5.0] * (players - 2))


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("second", [0.0, 0.3, -1e9])
def test_what_player_0_cannot_get_is_not_feasible(name: str, second: float) -> None:
    feasible = SETS[name]
    d = at(-0.5, second, feasible.players)
    assert np.isneginf(feasible.ideal(d)).all()
    assert not feasible.contains(d)
    assert nash(Problem(feasible, d)).status == Status.EMPTY


@pytest.mark.parametrize("name", SETS)
def test_everyone_gains_from_below(name: str) -> None:
    feasible = SETS[name]
    payoffs = nash(Problem(feasible, at(-4, 0, feasible.players))).raise_if_failed().payoffs
    assert payoffs[1] == pytest.approx(0.3, abs=1e-15)
    assert feasible.contains(payoffs)


@pytest.mark.parametrize("name", [name for name in SETS if SETS[name].players == 2])
def test_of_two_players_the_one_with_a_choice_gets_the_best(name: str) -> None:
    for method in (nash, kalai_smorodinsky):
        payoffs = method(Problem(SETS[name], [-2, 0])).raise_if_failed().payoffs
        assert payoffs == pytest.approx([-1, 0.3], abs=1e-15)


def test_a_ray_does_not_reach_what_is_beyond_a_segment() -> None:
    assert SETS["segment"].ray(np.array([5.0, 0.0]), np.array([1.0, 1.0])) == -np.inf
    assert SETS["segment"].ray(np.array([-2.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(0.3, abs=1e-15)
