"""Transfer equilibria against published numbers and set iteration."""

from fractions import Fraction

import numpy as np
import pytest

from bargaining import Monitoring, payoff_bounds, symmetric_payoffs
from bargaining.equilibria.repeated.joint import transfer_equilibrium
from bargaining.errors import NotApplicable, Status, Unsolved
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame
from known_games import PRISONERS, THREE


def iterate(game, discount, outside=None, who=()):
    """Apply the definition to the continuations {w >= v, sum w <= U} until the set stays."""
    g = game.payoffs.reshape(-1, game.players)
    c = game.deviations().reshape(-1, game.players)
    n = game.players
    joint, threat = g.sum(axis=1).max(), g.min(axis=0)
    if outside is not None and len(who) > 1:
        joint = max(joint, sum(outside))
    for _ in range(2000):
        best, worst = -np.inf, np.full(n, np.inf)
        for gets, tempts in zip(g, c, strict=True):
            floor = (1 - discount) * tempts + discount * threat
            for i in who:
                floor[i] = max(floor[i], outside[i])
            low = np.maximum(threat, (floor - (1 - discount) * gets) / discount)
            if low.sum() > joint + 1e-12:
                continue
            best = max(best, (1 - discount) * gets.sum() + discount * joint)
            worst = np.minimum(worst, (1 - discount) * gets + discount * low)
        if outside is not None and len(who) > 1:
            best = max(best, sum(outside))
            worst = np.array([outside[i] if i in who else min(worst[i], outside[i]) for i in range(n)])
        if not np.isfinite(best):
            return None
        if abs(best - joint) + abs(worst - threat).max() < 1e-12:
            break
        joint, threat = best, worst
    return joint, threat


@pytest.mark.parametrize(
    ("game", "discount", "outside", "joint", "threat"),
    [
        (PRISONERS, 0.15, None, 18, (3, 3)),
        (PRISONERS, 0.14, None, 6, (3, 3)),
        (PRISONERS, 0.5, (5, 3), 18, (5, 3)),
        (THREE, 0.3, None, 25, (0, 0)),
        (THREE, 0.1, None, 14, (10, 4)),
    ],
)
def test_known_games(game, discount, outside, joint, threat):
    leave = None if outside is None else Exit(outside)
    found = transfer_equilibrium(RepeatedGame(game, discount, exit=leave))
    assert found.joint == joint
    assert tuple(found.threat) == threat
    assert found.status == Status.OK


def test_the_critical_value_is_met():
    """Cooperation needs (1 - d) 2 <= d (18 - 6): d >= 1/7."""
    seventh = Fraction(1, 7)
    at = transfer_equilibrium(RepeatedGame(PRISONERS, np.array([seventh, seventh])))
    below = transfer_equilibrium(RepeatedGame(PRISONERS, 1 / 7 - 1e-11))
    assert at.joint == 18
    assert below.joint == 6


@pytest.mark.parametrize("shape", [(2, 2), (3, 3), (2, 2, 2)])
@pytest.mark.parametrize("leaving", [False, True])
def test_agrees_with_set_iteration(shape, leaving):
    rng = np.random.default_rng(len(shape) + shape[0] + leaving)
    for discount in (0.2, 0.6):
        for _ in range(3):
            game = Game(*rng.integers(-6, 7, (len(shape), *shape)))
            outside = tuple(rng.integers(-6, 3, len(shape)).tolist()) if leaving else None
            who = tuple(range(len(shape))) if leaving else ()
            leave = Exit(outside) if leaving else None
            found = transfer_equilibrium(RepeatedGame(game, discount, exit=leave))
            expected = iterate(game, discount, outside, who)
            if expected is None:
                assert found.status == Status.EMPTY
                assert np.isnan(found.joint)
                continue
            assert found.joint == pytest.approx(expected[0], abs=1e-7)
            np.testing.assert_allclose(found.threat, expected[1], atol=1e-7)


def test_an_exit_below_the_punishment_is_a_new_punishment():
    found = transfer_equilibrium(RepeatedGame(PRISONERS, 0.12, exit=Exit([0, 0])))
    assert (found.joint, tuple(found.threat)) == (18, (0, 0))
    assert (found.punishments == -1).all()


def test_one_sided_exit_is_a_threat_only_if_it_is_credible():
    """At 0.12 the actions sustain only (3, 3): leaving for 2 is no threat, leaving for 4 is."""
    idle = transfer_equilibrium(RepeatedGame(PRISONERS, 0.12, exit=Exit([2, 0], who=[0])))
    assert (idle.joint, tuple(idle.threat)) == (6, (3, 3))
    credible = transfer_equilibrium(RepeatedGame(PRISONERS, 0.12, exit=Exit([4, 0], who=[0])))
    # Player 1 can now be held to 0: L = 2 and the pledge is (12/88) (18 - 4) < 2, so only parting is left.
    assert (credible.joint, tuple(credible.threat)) == (4, (4, 0))
    enough = transfer_equilibrium(RepeatedGame(PRISONERS, 0.13, exit=Exit([4, 0], who=[0])))
    assert (enough.joint, tuple(enough.threat)) == (18, (4, 0))


def test_leaving_can_be_the_best_there_is():
    found = transfer_equilibrium(RepeatedGame(PRISONERS, 0.9, exit=Exit([12, 12])))
    assert (found.joint, tuple(found.threat)) == (24, (12, 12))
    assert (found.profile == -1).all()


def test_batches_agree_with_single_games():
    outside = np.array([[0, 0], [5, 3], [8, 8], [12, 12]])
    batch = transfer_equilibrium(RepeatedGame(PRISONERS, 0.3, exit=Exit(outside)))
    assert batch.threat.shape == (4, 2)
    for k, pair in enumerate(outside):
        one = transfer_equilibrium(RepeatedGame(PRISONERS, 0.3, exit=Exit(pair)))
        assert batch.joint[k] == one.joint
        np.testing.assert_array_equal(batch.threat[k], one.threat)
        np.testing.assert_array_equal(batch.profile[k], one.profile)


@pytest.mark.parametrize(("scale", "offset"), [(1e-12, 0.0), (1e12, 0.0), (1.0, 2.0**20)])
def test_scale_and_offset(scale, offset):
    moved = Game(*(scale * THREE.payoffs[..., i] + offset for i in range(2)))
    found = transfer_equilibrium(RepeatedGame(moved, 0.3))
    assert found.joint == pytest.approx(25 * scale + 2 * offset, rel=1e-14)


def test_errors():
    pennies = Game([[1, -1], [-1, 1]], [[-1, 1], [1, -1]])
    nothing = transfer_equilibrium(RepeatedGame(pennies, 0.9))
    assert nothing.status == Status.EMPTY
    assert np.isnan(nothing.joint)
    with pytest.raises(Unsolved):
        nothing.problem()
    with pytest.raises(NotApplicable, match="same for all"):
        transfer_equilibrium(RepeatedGame(PRISONERS, [0.5, 0.6]))
    with pytest.raises(NotApplicable, match="who leaves"):
        transfer_equilibrium(RepeatedGame(PRISONERS, 0.5, exit=Exit.by_leaver([[1, 2], [3, 4]])))


def test_one_player_takes_the_best():
    alone = Game([1, 2])
    for leave, worth in ((None, 2), (Exit([3]), 3)):
        found = transfer_equilibrium(RepeatedGame(alone, 0.5, exit=leave))
        assert (found.joint, tuple(found.threat)) == (worth, (worth,))
    assert symmetric_payoffs(alone).at(0.5).highest == 2
    with pytest.raises(NotApplicable, match="two players or more"):
        payoff_bounds(RepeatedGame(alone, 0.5, monitoring=Monitoring([[0.5, 0.5], [0.2, 0.8]])))
