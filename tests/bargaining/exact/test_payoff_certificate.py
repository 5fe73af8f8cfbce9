"""Certificates of payoff sets: they hold on what is right, and fail on what is not."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from bargaining.equilibria.payoff_set import payoff_set
from bargaining.equilibria.repeated.payoff_set import PayoffSet
from bargaining.errors import InvalidInput, Unsolved
from bargaining.exact.certify import certify
from bargaining.games.normal_form import Game
from bargaining.games.repeated import RepeatedGame
from drawn_games import exit_of, stage_game
from known_games import PRISONERS, PROFIT, THREE
from seeds import seeds


@pytest.mark.parametrize("discount", [Fraction(9, 10), Fraction(1, 7), Fraction(999, 1000), 0.3, 0.0])
def test_prisoners_are_exact(discount: object) -> None:
    proof = certify(payoff_set(RepeatedGame(PRISONERS, discount)))
    assert proof.holds
    assert proof.exact
    assert proof.bound < 1e-9
    assert all(isinstance(x, Fraction) for vertex in proof.vertices for x in vertex)
    assert "generate themselves, checked exactly" in proof.statement


def test_exact_vertices_of_the_prisoners() -> None:
    proof = certify(payoff_set(RepeatedGame(PRISONERS, Fraction(9, 10))))
    assert proof.vertices == ((3, 3), (Fraction(39, 4), 3), (9, 9), (3, Fraction(39, 4)))


def test_irrational_vertices_are_bracketed() -> None:
    found = payoff_set(RepeatedGame(THREE, Fraction(3, 10)))
    proof = certify(found)
    assert proof.holds
    assert not proof.exact
    assert proof.bound < 1e-9
    assert "tiny inset" in proof.statement


def test_cournot() -> None:
    proof = certify(payoff_set(RepeatedGame(Game(PROFIT, PROFIT.T), Fraction(3, 5))))
    assert proof.holds
    assert len(proof.vertices) == 15


@pytest.mark.parametrize("kind", ["none", "two-sided", "one-sided", "by leaver"])
@pytest.mark.parametrize("seed", seeds(4, 8))
def test_random_sets(seed: int, kind: str) -> None:
    for discount in (Fraction(3, 10), Fraction(9, 10)):
        found = payoff_set(RepeatedGame(stage_game(seed), discount, exit=exit_of(seed, kind)))
        assert certify(found).holds


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["none", "two-sided", "one-sided", "by leaver"])
@pytest.mark.parametrize("seed", range(50))
def test_many_random_sets(seed: int, kind: str) -> None:
    for discount in (Fraction(1, 10), Fraction(1, 2), Fraction(7, 10), Fraction(99, 100)):
        found = payoff_set(RepeatedGame(stage_game(seed), discount, exit=exit_of(seed, kind)))
        assert certify(found).holds


def test_a_payoff_set_that_is_too_small_is_not_certified() -> None:
    """Mutual defection for ever generates itself, but it is not all there is."""
    found = payoff_set(RepeatedGame(PRISONERS, Fraction(9, 10)))
    small = replace(found, vertices=found.vertices[:1])
    proof = certify(small)
    assert proof.inner
    assert not proof.holds
    assert proof.bound > 0.9  # of the range: cooperation lies so far from it


def test_a_payoff_set_that_is_too_large_is_not_certified() -> None:
    """Cooperation is no equilibrium below 1/7."""
    above = payoff_set(RepeatedGame(PRISONERS, Fraction(1, 7)))
    large = replace(above, game=RepeatedGame(PRISONERS, Fraction(1, 7) - Fraction(1, 10**20)))
    proof = certify(large)
    assert not proof.inner
    assert not proof.holds
    assert "Not proved from inside" in proof.statement


def test_vertices_that_were_moved_cost_their_distance() -> None:
    found = payoff_set(RepeatedGame(PRISONERS, Fraction(9, 10)))
    moved: PayoffSet = replace(found, vertices=found.vertices + np.array([[0, 0], [1e-3, 0], [0, 0], [0, 0]]))
    proof = certify(moved)
    assert proof.bound == pytest.approx(1e-3 / 9, rel=0.1)
    assert not proof.holds


def test_a_false_threat_costs_its_distance() -> None:
    found = payoff_set(RepeatedGame(PRISONERS, 0.9))
    proof = certify(replace(found, threat=found.threat - [0.9, 0.0]))
    assert not proof.holds
    assert proof.bound == pytest.approx(0.1)


def test_vertices_that_are_none_and_missing_ones_are_not_certified() -> None:
    found = payoff_set(RepeatedGame(PRISONERS, 0.9))
    more = np.vstack([found.vertices[:2], [[10.0, 10.0]], found.vertices[2:]])
    for forged in (replace(found, vertices=more), replace(found, vertices=found.vertices[1:])):
        proof = certify(forged)
        assert not proof.holds
        assert proof.bound > 0.1


@pytest.mark.parametrize(
    ("first", "second", "discounts"),
    [
        ([[4, 1], [0, 9]], [[5, 4], [7, 6]], [0.3, 0.6]),
        ([[1, 9, -2], [0, 8, 5], [-5, 0, -5]], [[7, 1, -2], [5, 8, -4], [2, 0, 5]], [0.75, 0.5]),
    ],
    ids=["vertices that the hull drops", "a profile that asks for the most"],
)
def test_unequal_patience_with_many_vertices(
    first: list[list[int]], second: list[list[int]], discounts: list[float]
) -> None:
    found = payoff_set(RepeatedGame(Game(first, second), discounts))
    proof = certify(found)
    assert proof.inner
    assert proof.holds != ("exactly" in found.reason)  # a knife edge is not proved from outside
    assert found.strategy(found.vertices.mean(axis=0)).regret == 0


def test_a_constraint_that_holds_in_floats_only_is_said() -> None:
    """The float 0.6 is below 3/5, so that the highest payoff of player 1 does not keep her to the last profile."""
    first, second = [[6, -5, -1], [8, 8, -4], [7, 7, 1]], [[0, 9, 9], [5, 0, -2], [9, -1, 3]]
    found = payoff_set(RepeatedGame(Game(first, second), [0.3, 0.6]))
    assert not certify(found).holds
    assert found.strategy(found.vertices.mean(axis=0)).regret == 0
    with pytest.raises(Unsolved, match=r"the nearest are 0\.\d+ away.*knife edge"):
        found.strategy([1, 6.6])
    exact = payoff_set(RepeatedGame(Game(first, second), [Fraction(3, 10), Fraction(3, 5)]))
    assert certify(exact).holds
    assert exact.strategy([1, 6.6]).regret == 0


def test_a_budget_that_is_spent_is_said() -> None:
    found = payoff_set(RepeatedGame(THREE, Fraction(3, 10)))
    for budget in (1, 2000):
        proof = certify(found, budget=budget)
        assert not proof.holds
        assert f"`budget` of {budget} units" in proof.statement
    with pytest.raises(Unsolved, match="`budget` of 1 units"):
        found.strategy(found.vertices[0], budget=1)
    with pytest.raises(InvalidInput, match="`budget` must be a whole number"):
        certify(found, budget=0)
    with pytest.raises(InvalidInput, match="`tolerance` must not be negative"):
        found.strategy(found.vertices[0], tolerance=-1.0)
