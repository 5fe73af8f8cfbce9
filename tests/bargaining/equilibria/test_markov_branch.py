"""Branches of stationary equilibria: known folds, parity, and agreement with solving afresh."""

import numpy as np
import pytest

from bargaining.equilibria.stochastic.markov import markov_equilibria, stationary_profile
from bargaining.equilibria.stochastic.markov_branch import equilibrium_branch
from bargaining.errors import InvalidInput
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit
from bargaining.games.stochastic import StochasticGame


def single(first, second, discount=0.9):
    return StochasticGame([Game(first, second)], [[1]], discount)


def between(seed, states=2, players=2):
    """Return the straight line between two random games."""
    rng = np.random.default_rng(seed)
    shape = (2,) * players
    payoffs = rng.random((2, states, *shape, players))
    chain = rng.dirichlet(np.ones(states), (2, states, *shape))

    def family(t):
        return StochasticGame((1 - t) * payoffs[0] + t * payoffs[1], (1 - t) * chain[0] + t * chain[1], 0.9)

    return family


def test_a_mixed_equilibrium_moves():
    """In [[p, -1], [-1, 1]] against its negative with p = 1 the column plays 2 / (p + 3) on the first."""
    branch = equilibrium_branch(lambda p: single([[p, -1], [-1, 1]], [[-1, 1], [1, -1]]), 1, 3)
    assert branch.ended == "stop"
    assert branch.folds == branch.changes == ()
    for p, profile in zip(branch.parameters, branch.profiles, strict=True):
        np.testing.assert_allclose(profile.strategies[0][1][0], 2 / (p + 3), atol=1e-12)
        assert profile.regret <= 1e-12


def test_a_fold_where_two_equilibria_meet():
    """Both at the first place (worth p) and the mixed equilibrium meet, and end, at p = 0."""

    def places(p):
        return single([[p, 0], [0, 1]], [[p + 0.5, 0], [0, 1]])

    branch = equilibrium_branch(places, 2, -1, profile=stationary_profile(places(2), [[[1, 0], [1, 0]]]))
    assert branch.ended == "start"
    assert len(branch.folds) == 1
    assert branch.parameters[branch.folds[0]] == pytest.approx(0, abs=1e-10)
    strict, mixed = branch.at(1.0)
    assert strict.pure()
    np.testing.assert_allclose(mixed.strategies[0][0], [1 / 2.5, 1.5 / 2.5], atol=1e-12)
    np.testing.assert_allclose(mixed.strategies[0][1], [0.5, 0.5], atol=1e-12)
    assert branch.at(-0.5) == ()


@pytest.mark.dear("1-2-2")
@pytest.mark.parametrize(
    ("seed", "states", "players"),
    [(0, 2, 2), (1, 2, 2), (2, 3, 2), (4, 1, 2), pytest.param(3, 2, 3, marks=pytest.mark.slow)],
)
def test_branches_reach_the_other_end_and_turn_in_pairs(seed, states, players):
    family = between(seed, states, players)
    branch = equilibrium_branch(family, 0, 1)
    assert branch.ended in ("stop", "start")
    assert len(branch.folds) % 2 == (branch.ended == "start")
    assert max(profile.regret for profile in branch.profiles) <= 1e-12
    assert branch.parameters[-1] == (1 if branch.ended == "stop" else 0)
    inner = branch.at(0.37)
    assert len(inner) % 2 == (branch.ended == "stop")
    assert all(profile.regret <= 1e-12 for profile in inner)


def test_the_branch_of_a_unique_equilibrium_is_what_solving_afresh_finds():
    def family(t):
        return single([[3 + t, -1], [0, 1 + t]], [[-1, 1 + 2 * t], [2, -1]])

    branch = equilibrium_branch(family, 0, 1)
    for t in (0.0, 0.25, 0.8, 1.0):
        (profile,) = branch.at(t)
        np.testing.assert_allclose(profile.values, markov_equilibria(family(t))[0].values, atol=1e-11)


def test_the_option_to_leave_binds_at_a_threshold():
    """A flow of 1/2 against an option worth t: stay below 1/2, leave above."""
    branch = equilibrium_branch(lambda t: StochasticGame([[[0.5], [0.2]]], [[1]], 0.9, exit=Exit([t])), 0, 1)
    assert branch.ended == "stop"
    np.testing.assert_allclose(branch.parameters[list(branch.changes)], 0.5, atol=1e-9)
    np.testing.assert_allclose(branch.values[:, 0, 0], np.maximum(branch.parameters, 0.5), atol=1e-9)
    assert branch.profiles[-1].leave.tolist() == [[1.0]]


def test_errors():
    family = between(0)
    with pytest.raises(InvalidInput, match="`family`"):
        equilibrium_branch(family(0), 0, 1)
    with pytest.raises(InvalidInput, match="`points` must be a whole number, at least 1; got None"):
        equilibrium_branch(family, 0, 1, points=None)
    with pytest.raises(InvalidInput, match="`stop`"):
        equilibrium_branch(family, 1, 1)
    with pytest.raises(InvalidInput, match="must return a StochasticGame"):
        equilibrium_branch(lambda t: t, 0, 1)
    half = stationary_profile(family(0), [[[0.5, 0.5]] * 2] * 2)
    with pytest.raises(InvalidInput, match="must be an equilibrium"):
        equilibrium_branch(family, 0, 1, profile=half)
