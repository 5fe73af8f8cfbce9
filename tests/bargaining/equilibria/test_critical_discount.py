"""Critical discount factors against closed forms and a plain set iteration."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from bargaining.equilibria.repeated.critical_discount import (
    critical_discount,
    critical_discounts,
    critical_exit,
)
from bargaining.equilibria.stage.equilibria import stage_equilibria
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit
from known_games import PRISONERS
from polygons import clip, hull


def threat(game, discount, *, rounds=400):
    """Iterate the operator of equilibrium payoffs on polygons; return the lowest payoffs of the last one."""
    g, c = game.payoffs.reshape(-1, 2), game.deviations().reshape(-1, 2)
    polygon = hull(g)
    for _ in range(rounds):
        low = polygon.min(axis=0)
        points = []
        for gets, tempts in zip(g, c, strict=True):
            part = polygon
            for axis in (0, 1):
                part = (
                    clip(part, axis, low[axis] + (1 - discount) / discount * (tempts - gets)[axis])
                    if len(part)
                    else part
                )
            points.extend((1 - discount) * gets + discount * part)
        if not points:
            return None
        polygon = hull(np.array(points))
    return polygon.min(axis=0)


def test_prisoners_dilemma():
    found = critical_discount(PRISONERS, (0, 0))
    assert found.exact == Fraction(1, 7)
    assert found.proved
    assert found.monotone
    np.testing.assert_array_equal(found.by_player, [1 / 7, 1 / 7])
    np.testing.assert_array_equal(found.intervals, [[1 / 7, 1.0]])
    assert critical_discount(PRISONERS, (0, 0), punishment="stage").exact == Fraction(1, 7)


@pytest.mark.dear("15-0.6666666666666666")
@pytest.mark.parametrize(("seed", "root"), [(2, 7 / 19), (44, 1 / 3), (15, 2 / 3)])
def test_each_player_needs_the_punishments_of_the_same_patience(seed, root):
    """The root at the threats of `discount` is not enough where less patience makes the threats weaker."""
    game = Game(*np.random.default_rng(seed).integers(-3, 8, (2, 3, 3)))
    profile = np.unravel_index(game.payoffs.sum(axis=-1).argmax(), (3, 3))
    profile = tuple(int(k) for k in profile)
    found = critical_discount(game, profile)
    player = int(found.by_player.argmax())
    gets, tempted = game.payoffs[profile][player], game.deviations()[profile][player]
    assert (tempted - gets) / (tempted - found.threat[player]) == pytest.approx(root)
    assert found.by_player[player] == pytest.approx(found.discount, abs=1e-9)
    assert keeps(game, profile, found.by_player[player] + 1e-7, player)
    assert not keeps(game, profile, found.by_player[player] - 1e-7, player)


def keeps(game, profile, discount, player=slice(None)):
    low = threat(game, discount)
    gain = (game.deviations()[profile] - game.payoffs[profile])[player]
    return low is not None and np.all(
        (1 - discount) * gain <= discount * (game.payoffs[profile] - low)[player] + 1e-9
    )


@pytest.mark.parametrize(("outside", "expected"), [(0, "1/10"), (2, "1/8"), (5, "1/5"), (8, "1/2")])
def test_exit_moves_the_critical_value_both_ways(outside, expected):
    found = critical_discount(PRISONERS, (0, 0), exit=Exit([outside, outside]))
    assert found.exact == Fraction(expected) == Fraction(1, 10 - outside)
    assert found.punishment == "exit"
    at_it = float(found.exact)
    limits = critical_exit(PRISONERS, (0, 0), [found.exact] * 2)
    np.testing.assert_allclose(limits, outside, atol=1e-14)
    assert critical_exit(PRISONERS, (0, 0), at_it + 1e-6)[0] > outside


def test_each_player_has_an_own_critical_exit():
    limits = critical_exit(PRISONERS, (0, 0), [[0.5, 0.2], [0.0, 0.9]])
    np.testing.assert_allclose(limits, [[8, 5], [-np.inf, 9 - 1 / 9]])
    np.testing.assert_array_equal(critical_exit(PRISONERS, (1, 1), 0.0), [3, 3])


def test_an_exit_better_than_cooperation_breaks_it_at_any_patience():
    found = critical_discount(PRISONERS, (0, 0), exit=Exit([9.5, 0]))
    assert not found.sustainable
    assert found.discount == np.inf
    edge = critical_discount(PRISONERS, (0, 0), exit=Exit([9, 9]))
    assert edge.discount == 1
    assert not edge.sustainable


def test_stage_reversion_when_players_may_leave():
    """A poor exit is no punishment for who reverts to the stage equilibrium; a good one replaces it."""
    poor = critical_discount(PRISONERS, (0, 0), exit=Exit([0, 0]), punishment="stage")
    good = critical_discount(PRISONERS, (0, 0), exit=Exit([5, 2]), punishment="stage")
    assert poor.exact == Fraction(1, 7)
    assert good.exact == Fraction(1, 5)
    np.testing.assert_array_equal(good.threat, [5, 2])
    np.testing.assert_array_equal(good.by_player, [1 / 5, 1 / 8])
    # Whoever leaves first is drawn, and may pay the other less than the stage equilibrium.
    drawn = critical_discount(PRISONERS, (0, 0), exit=Exit.by_leaver([[4, 1], [1, 5]]), punishment="stage")
    np.testing.assert_array_equal(drawn.threat, [2.5, 3])
    # Player 1 would leave for 9.5, whatever it gets if player 0 does.
    exit_ = Exit.by_leaver([[4, 0], [0, 9.5]])
    assert not critical_discount(PRISONERS, (0, 0), exit=exit_, punishment="stage").sustainable


def test_who_leaves_the_stage_equilibrium_leaves_in_equilibrium():
    """Players join those who leave, or stay, if that is better for them: else the punishment is not credible."""
    # Player 0 leaves (3, 5) for 4; then player 1 gets 1, or 1.5.
    game = Game([[3, 5], [0, 7]], [[5, 3], [9, 6]])
    joined = critical_discount(game, (1, 1), exit=Exit.by_leaver([[4, 1], [1, 2]]), punishment="stage")
    np.testing.assert_array_equal(joined.threat, [2.5, 1.5])
    assert joined.exact == critical_discount(game, (1, 1), exit=Exit.by_leaver([[4, 1], [1, 2]])).exact
    circle = Exit.by_leaver([[4, 1], [5, 2]])  # player 0 stays once player 1 joins, who stays when alone
    with pytest.raises(NotApplicable, match="their choices go in circles"):
        critical_discount(game, (1, 1), exit=circle, punishment="stage")
    rng, compared = np.random.default_rng(4), 0
    while compared < 8:
        drawn = Game(*rng.integers(0, 10, (2, 2, 2)))
        profile = np.unravel_index(drawn.payoffs.sum(axis=-1).argmax(), (2, 2))
        if len(stage_equilibria(drawn)) != 1 or not len(drawn.pure_equilibria()):
            continue
        leave = Exit.by_leaver(rng.integers(-1, 8, (2, 2)))
        try:
            static = critical_discount(drawn, profile, exit=leave, punishment="stage")
        except NotApplicable:
            continue
        if 0 < static.discount < 1:
            compared += 1
            assert critical_discount(drawn, profile, exit=leave).discount <= static.discount + 1e-9


@pytest.mark.parametrize(("outside", "expected"), [(0, "1/7"), (2, "1/7"), (4, "1/6"), (5, "1/5")])
def test_one_sided_exit(outside, expected):
    """Leaving for less than the stage equilibrium is not credible; for more it sets the floor."""
    found = critical_discount(PRISONERS, (0, 0), exit=Exit([outside, outside], who=[0]))
    assert found.exact == Fraction(expected)
    assert not found.monotone
    assert not found.proved
    assert found.bracket[1] == pytest.approx(float(found.exact), abs=1e-9)


def test_a_profile_below_the_minmax_is_never_sustained():
    found = critical_discount(PRISONERS, (0, 1))
    assert not found.sustainable
    assert found.discount == np.inf


def test_optimal_punishment_is_never_weaker_than_reversion_to_a_pure_equilibrium():
    rng = np.random.default_rng(3)
    compared = 0
    for _ in range(40):
        game = Game(*rng.integers(-5, 6, (2, 2, 3)))
        if len(stage_equilibria(game)) != 1 or not len(game.pure_equilibria()):
            continue
        for profile in ((0, 0), (1, 2)):
            optimal = critical_discount(game, profile)
            static = critical_discount(game, profile, punishment="stage")
            assert optimal.discount <= static.discount + 1e-9
            compared += 0 < optimal.discount < 1
    assert compared > 1


@pytest.mark.parametrize(
    ("seed", "profile", "expected"),
    [(0, (0, 0), "33/61"), (6, (2, 1), "5/7"), (17, (2, 1), "1/4"), (22, (0, 0), "7/18")],
)
def test_thresholds_of_the_punishment_itself(seed, profile, expected):
    """Where the punishment needs patience of its own; checked by plain iteration on either side."""
    rng = np.random.default_rng(0)
    for _ in range(seed + 1):
        game = Game(*rng.integers(-9, 10, (2, 3, 3)))
    found = critical_discount(game, profile)
    assert found.exact == Fraction(expected)
    assert not found.proved
    assert keeps(game, profile, float(found.exact) + 1e-3)
    assert not keeps(game, profile, float(found.exact) - 1e-2)


@pytest.mark.parametrize(("scale", "offset"), [(1e-6, 0), (1e6, 0), (1, 10**6)])
def test_scale_and_offset(scale, offset):
    first, second = (scale * PRISONERS.payoffs[..., i] + offset for i in range(2))
    moved = Game(first, second)
    assert critical_discount(moved, (0, 0)).discount == pytest.approx(1 / 7, rel=1e-9)
    one = critical_discount(moved, (0, 0), exit=Exit([scale * 4 + offset] * 2, who=[0]))
    assert one.discount == pytest.approx(1 / 6, rel=1e-9)


def test_three_players():
    shares = np.indices((2, 2, 2)).sum(axis=0)
    game = Game(*(2 * (3 - shares) + 3 * np.indices((2, 2, 2))[i] for i in range(3)))
    # Together 6 each; alone 3 + 4; all defect 3: (7 - 6) / (7 - 3)
    assert critical_discount(game, (0, 0, 0), punishment="stage").exact == Fraction(1, 4)
    assert critical_discount(game, (0, 0, 0), exit=Exit([4, 4, 5])).exact == Fraction(1, 2)
    with pytest.raises(NotApplicable, match="two players"):
        critical_discount(game, (0, 0, 0))


def test_bad_arguments():
    with pytest.raises(InvalidInput, match="`exit`"):
        critical_discount(PRISONERS, (0, 0), exit=Exit([[1, 1], [2, 2]]))


def test_a_wider_bracket_is_asked_for():
    """Bisected for, the answer lies within the tolerance above the finest one."""
    game = Game(*np.random.default_rng(2).integers(-3, 8, (2, 3, 3)))
    profile = tuple(int(k) for k in np.unravel_index(game.payoffs.sum(axis=-1).argmax(), (3, 3)))
    fine, coarse = critical_discount(game, profile), critical_discount(game, profile, tolerance=1e-3)
    assert (coarse.by_player >= fine.by_player - 1e-9).all()
    assert (coarse.by_player <= fine.by_player + 1e-3).all()
    assert not np.array_equal(coarse.by_player, fine.by_player)


def test_a_bracket_wider_than_asked_for_is_inaccurate():
    """In a one-sided exit there is no formula: the status compares the bracket with the tolerance."""
    fine, coarse = (
        critical_discount(PRISONERS, (0, 0), exit=Exit([4, 2], who=[0]), tolerance=tolerance)
        for tolerance in (1e-9, 1e-3)
    )
    assert 0 < fine.residual <= 1e-9 < coarse.residual <= 1e-3
    assert fine.status is coarse.status is Status.OK
    with pytest.raises(Unsolved, match=r"CriticalDiscount: INACCURATE, residual 0\.001"):
        replace(fine, bracket=(fine.discount - 1e-3, fine.discount)).raise_if_failed()


def test_many_profiles_and_exits_are_those_of_each():
    game = Game(*np.random.default_rng(3).integers(0, 9, (2, 3, 3)))
    profiles = np.indices((3, 3)).reshape(2, -1).T
    leave = Exit(np.random.default_rng(4).integers(0, 6, (4, 1, 2)))
    for exit_ in (None, leave):
        for punishment in ("optimal", "stage"):
            found = critical_discounts(game, profiles, exit=exit_, punishment=punishment)
            assert found.shape == ((9,) if exit_ is None else (4, 9))
            for (*row, k), cell in np.ndenumerate(found):
                own = None if exit_ is None else exit_.at((*row, 0))
                alone = critical_discount(game, tuple(profiles[k].tolist()), exit=own, punishment=punishment)
                for name in ("discount", "exact", "bracket", "proved", "punishment"):
                    assert getattr(cell, name) == getattr(alone, name), name
                np.testing.assert_array_equal(cell.threat, alone.threat)
    assert critical_discounts(game, [[0, 0], ["1", "2"]]).shape == (2,)
    assert critical_discounts(game, profiles.reshape(3, 3, 2)).shape == (3, 3)
    assert critical_discounts(game, profiles[0]).shape == ()


@pytest.mark.parametrize(
    ("profiles", "exit_", "message"),
    [
        ([], None, "`profiles` must"),
        ([(0, 0, 0)], None, r"`profiles\[0\]` must hold one action"),
        ([(0, 0), (0, 7)], None, r"`profiles\[1\]` has action 7"),
        (np.zeros((0, 2), int), None, "`profiles` must"),
        (
            np.zeros((3, 2), int),
            Exit(np.zeros((2, 2))),
            r"`profiles`, \(3,\), must broadcast against `exit`, batch \(2,\)",
        ),
    ],
)
def test_batches_of_profiles_that_do_not_fit(profiles, exit_, message):
    with pytest.raises(InvalidInput, match=message):
        critical_discounts(Game([[9, 1], [10, 3]], [[9, 10], [1, 3]]), profiles, exit=exit_)
