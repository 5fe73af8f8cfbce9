"""What is asked of a problem before anything is solved."""

import inspect
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import bargaining
from bargaining import (
    AlternatingOffers,
    ContinuousOffers,
    Game,
    InvalidInput,
    NashDemandGame,
    Problem,
    RandomProposer,
    RepeatedGame,
    TransferableSurplus,
    nash,
    payoff_set,
)

PROBLEM = "problem: 'Problem'"  # a first parameter of this type
CONCEPTS = [
    public
    for public in (getattr(bargaining, name) for name in bargaining.__all__)
    if inspect.isfunction(public)
    and str(next(iter(inspect.signature(public).parameters.values()), "")) == PROBLEM
]
GIVEN = {"yu": {"p": 2}, "dictatorial": {"player": 0}, "gupta_livne": {"reference": [0, 0]}}
PROTOCOLS = [
    AlternatingOffers(0.9),
    AlternatingOffers(0.9).equilibria,
    ContinuousOffers(0.1),
    RandomProposer(None, 0.9),
    NashDemandGame(),
    NashDemandGame().equilibria,
]


def test_every_concept_is_found() -> None:
    assert len(CONCEPTS) >= 16


@pytest.mark.parametrize("concept", CONCEPTS, ids=lambda concept: concept.__name__)
@pytest.mark.parametrize("given", [TransferableSurplus(1.0), [[0, 0], [1, 0]]], ids=["set", "list"])
def test_concepts_ask_for_a_problem(concept: Callable[..., object], given: object) -> None:
    with pytest.raises(InvalidInput, match=r"`problem` must be a Problem; got a \w+\. .*Problem\(feasible, "):
        concept(given, **GIVEN.get(concept.__name__, {}))


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: str(protocol)[:30])
def test_protocols_ask_for_a_problem(protocol: Callable[..., object]) -> None:
    with pytest.raises(InvalidInput, match="`problem` must be a Problem; got a TransferableSurplus"):
        protocol(TransferableSurplus(1.0))


def test_points_mean_the_lotteries_over_them():
    points = [[0, 0], [4, 0], [0, 1]]
    for given_as in (points, np.array(points), pd.DataFrame(points)):
        assert nash(Problem(given_as, [0, 0])).payoffs.tolist() == [2.0, 0.5]
    assert Problem(pd.DataFrame(points, columns=["Ann", "Bob"]), [0, 0]).player_names == ("Ann", "Bob")


class Disc:
    """The points at most so far from 0, as somebody may write a feasible set: what it knows is set when it is made."""

    def __init__(self, radius: float) -> None:
        self.radius, self.players, self.batch_shape = radius, 2, ()

    def support(self, weights):
        return self.radius * np.hypot(*weights), self.radius * weights / np.hypot(*weights)

    def ray(self, origin, direction):
        a, b, c = direction @ direction, origin @ direction, origin @ origin - self.radius**2
        return (np.sqrt(b * b - a * c) - b) / a

    def ideal(self, floor):
        return np.sqrt(self.radius**2 - floor[::-1] ** 2)

    def contains(self, x, *, tol=1e-9):
        return np.hypot(*np.moveaxis(x, -1, 0)) <= self.radius + tol


def test_a_feasible_set_may_learn_its_players_when_it_is_made():
    np.testing.assert_allclose(nash(Problem(Disc(5.0), [0, 0])).payoffs, 5 / np.sqrt(2), rtol=1e-8)
    empty = Disc(1.0)
    del empty.players
    with pytest.raises(InvalidInput, match="`feasible` must answer support"):
        Problem(empty, [0, 0])


def test_games_and_payoff_sets_know_over_what_they_bargain():
    stage = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]], players=["Ann", "Bob"])
    assert Problem(stage).disagreement.tolist() == [3.0, 3.0]
    assert Problem(stage, [0, 1]).disagreement.tolist() == [0.0, 1.0]
    assert Problem(stage).player_names == ("Ann", "Bob")
    assert Problem(stage, players=["a", "b"]).player_names == ("a", "b")
    found = payoff_set(RepeatedGame(stage, 0.9))
    assert Problem(found).disagreement.tolist() == found.threat.tolist()
    assert (
        nash(Problem(found, {"Bob": 3.0, "Ann": 3.0})).payoffs.tolist()
        == nash(found.problem()).payoffs.tolist()
    )


def test_the_threat_of_a_game_is_its_minmax_in_mixed_actions():
    pennies = Game([[1, -1], [-1, 1]], [[-1, 1], [1, -1]])
    assert pennies.problem().disagreement == pytest.approx([0.0, 0.0])


def test_a_missing_disagreement_point_is_said():
    with pytest.raises(InvalidInput, match=r"`disagreement` must say .* Problem\(feasible, \[0, 0\]\)"):
        Problem(TransferableSurplus(1.0))


def test_a_surplus_has_as_many_players_as_the_disagreement_point():
    three = Problem(TransferableSurplus(90), {"a": 0, "b": 30, "c": 0})
    assert three.player_names == ("a", "b", "c")
    assert nash(three).payoffs.tolist() == [20, 50, 20]
    assert Problem(TransferableSurplus(90), [[0, 30, 0], [0, 0, 0]]).players == 3
    with pytest.raises(InvalidInput, match=r"one entry per player on its last axis \(2\)"):
        Problem(TransferableSurplus(90, players=2), [0, 30, 0])
