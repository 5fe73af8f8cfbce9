"""Thresholds of stationary plans against the repeated game, closed forms and a plain iteration of the operator."""

import numpy as np
import pytest

from bargaining.equilibria.repeated.critical_discount import critical_discount
from bargaining.equilibria.stochastic.thresholds import plan_thresholds
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit
from bargaining.games.stochastic import StochasticGame
from known_games import PENNIES, PRISONERS, without_accuracy
from state_sets import margin

HARD_TIMES = Game([[4, 0], [8, 1]], [[4, 8], [0, 1]])
COOPERATE = [(0, 0), (0, 0)]
DEFECT = [(1, 1), (1, 1)]


# -- states that are alike are the repeated game -------------------------------------------------------------


@pytest.mark.dear("2-leave4-0.16666666666666666")
@pytest.mark.parametrize(
    ("leave", "expected"),
    [
        (None, 1 / 7),
        (Exit([0, 0]), 1 / 10),
        (Exit([5, 5]), 1 / 5),
        (Exit([8, 8]), 1 / 2),
        (Exit([4, 4], who=[0]), 1 / 6),
    ],
)
@pytest.mark.parametrize("states", [1, 2])
def test_prisoners_whose_state_does_not_matter(leave, expected, states):
    game = StochasticGame.from_chain(
        [PRISONERS] * states, np.full((states, states), 1 / states), 0, exit=leave
    )
    found = plan_thresholds(game, COOPERATE[:states])
    assert found.status is Status.OK
    assert found.discount == pytest.approx(expected, abs=2e-10)
    np.testing.assert_allclose(found.intervals, [[expected, 1]], rtol=0, atol=2e-10)
    assert found.bracket[0] < found.bracket[1] <= found.bracket[0] + 1e-10
    assert (found.binding.kind, found.binding.action) == ("deviate", 1)
    assert found.residual <= 1e-11


@pytest.mark.dear("0")
@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(k, marks=pytest.mark.slow) for k in (2, 4))])
def test_random_games_whose_state_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    stage = Game(*rng.integers(-3, 8, (2, 3, 3)))
    best = np.unravel_index(stage.payoffs.sum(axis=-1).argmax(), (3, 3))
    profile = tuple(int(k) for k in best)
    laws = [rng.dirichlet(np.ones(2), (3, 3)) for _ in range(2)]
    found = plan_thresholds(StochasticGame([stage, stage], laws, 0), [profile] * 2)
    expected = critical_discount(stage, profile)
    np.testing.assert_allclose(found.intervals, expected.intervals, rtol=0, atol=1e-9)
    assert found.sustainable == expected.sustainable


# -- closed forms --------------------------------------------------------------------------------------------


def test_prisoners_in_good_and_hard_times():
    r"""States drawn afresh: what cooperation adds on average, 9/2, must cover the larger temptation, 4, of hard times.

    (1 - d) 4 <= d (6 + 3) / 2, so d = 8/17.
    """
    game = StochasticGame.from_chain([PRISONERS, HARD_TIMES], np.full((2, 2), 0.5), 0)
    found = plan_thresholds(game, COOPERATE)
    assert found.discount == pytest.approx(8 / 17, abs=2e-10)
    assert (found.binding.state, found.binding.kind, found.binding.action) == (1, "deviate", 1)
    assert plan_thresholds(game, COOPERATE, punishment=DEFECT).discount == pytest.approx(8 / 17, abs=2e-10)
    less = plan_thresholds(game, [(0, 0), (1, 1)])  # (1 - d) 1 <= d 6 / 2
    assert less.discount == pytest.approx(1 / 4, abs=2e-10)
    assert less.binding.state == 0


def test_an_option_that_strengthens_for_good():
    """Cooperate now, part later: u = 9 - 8.7 d over 1 - 0.9 d for player 1, and a deviation gets 10 - 8.8 d."""
    game = StochasticGame.from_chain(PRISONERS, [[0.9, 0.1], [0, 1]], 0, exit=Exit([[1, 1], [8, 3]]))
    found = plan_thresholds(game, [(0, 0), None])
    assert found.discount == pytest.approx(np.roots([7.92, -9.1, 1]).min(), abs=2e-10)
    assert (found.binding.player, found.binding.state) == (1, 0)


def test_patience_may_hurt():
    """The option of today is now (5, 5): a deviation gets 10 - 5.2 d, more than the plan at either root."""
    game = StochasticGame.from_chain(
        PRISONERS, [[0.9, 0.1], [0, 1]], 0, exit=Exit([[5, 5], [8, 3]]), states=["now", "later"]
    )
    found = plan_thresholds(game, [(0, 0), None], start="now")
    np.testing.assert_allclose(found.intervals, [np.sort(np.roots([4.68, -5.5, 1]))], rtol=0, atol=2e-10)
    assert found.discount == np.inf
    assert found.sustainable
    assert found.status is Status.OK
    assert found.bracket[1] == found.intervals[0, 1] < found.bracket[0]


def test_who_may_leave_does_not_stay_for_less():
    """Defection is an equilibrium of every day, but who may leave for 4 rather than live in it does."""
    game = StochasticGame.from_chain(PRISONERS, [[0.5, 0.5], [0, 1]], 0, exit=[None, Exit([4, 2])])
    assert plan_thresholds(game, DEFECT).status is Status.EMPTY
    assert plan_thresholds(game, DEFECT).binding.kind == "leave"
    found = plan_thresholds(game, [(1, 1), None])
    assert (found.discount, found.bracket, found.binding) == (0, (0, 0), None)


def test_where_the_plan_never_goes_does_not_matter():
    """Hard times that last, in which cooperation needs d = 4/7, are never reached from good times that last."""
    game = StochasticGame.from_chain([PRISONERS, HARD_TIMES], np.eye(2), 0, states=["good", "hard"])
    assert plan_thresholds(game, COOPERATE, start="good").discount == pytest.approx(1 / 7, abs=2e-10)
    for start in (None, 1, ["good", "hard"]):
        assert plan_thresholds(game, COOPERATE, start=start).discount == pytest.approx(4 / 7, abs=2e-10)


def test_three_players_punish_by_a_given_equilibrium_or_by_parting():
    """Together 6 each; alone 3 + 4; all defect 3: (7 - 6) / (7 - 3). Parting for 5: (7 - 6) / (7 - 5)."""
    shares = np.indices((2, 2, 2)).sum(axis=0)
    stage = Game(*(2 * (3 - shares) + 3 * np.indices((2, 2, 2))[i] for i in range(3)))
    keep, cheat = [(0, 0, 0)] * 2, [(1, 1, 1)] * 2
    plain = StochasticGame.from_chain(stage, [[0.5, 0.5], [0, 1]], 0)
    assert plan_thresholds(plain, keep, punishment=cheat).discount == pytest.approx(1 / 4, abs=2e-10)
    leave = StochasticGame.from_chain(stage, [[0.5, 0.5], [0, 1]], 0, exit=Exit([5, 5, 5]))
    assert plan_thresholds(leave, keep, punishment=[None] * 2).discount == pytest.approx(1 / 2, abs=2e-10)
    with pytest.raises(NotApplicable, match="two players"):
        plan_thresholds(plain, keep)


def test_a_punishment_that_is_no_equilibrium_sustains_nothing():
    game = StochasticGame.from_chain(PRISONERS, np.full((2, 2), 0.5), 0)
    found = plan_thresholds(game, COOPERATE, punishment=[(0, 1), (1, 0)])
    assert found.status is Status.EMPTY
    assert found.binding.punishment
    assert found.discount == np.inf
    assert found.bracket == (np.inf, np.inf)


def test_leaving_together_is_refused_where_the_one_left_behind_gets_more():
    game = StochasticGame.from_chain(PRISONERS, [[1]], 0, exit=Exit.by_leaver([[4, 6], [6, 4]]))
    found = plan_thresholds(game, [None], punishment=[None])
    assert found.status is Status.EMPTY
    assert found.binding.kind == "stay"
    assert found.binding.slack == pytest.approx(-1)


def test_a_deviation_that_may_lead_to_a_state_without_an_equilibrium():
    law = [[[1, 0], [0.5, 0.5]], [[1, 0], [1, 0]]]
    game = StochasticGame([PRISONERS, PENNIES], [law, [0, 1]], 0)
    found = plan_thresholds(game, COOPERATE, start=0)
    assert found.status is Status.EMPTY
    assert found.binding.slack == -np.inf
    assert not found.sustainable


def test_one_action_each_is_kept_to_by_everybody():
    game = StochasticGame.from_chain(Game([[1]], [[2]]), [[1]], 0)
    found = plan_thresholds(game, [(0, 0)])
    assert (found.discount, found.binding, found.residual) == (0, None, 0)


def test_inaccurate_sets_do_not_sustain_a_plan(monkeypatch):
    without_accuracy(monkeypatch)
    game = StochasticGame.from_chain(PRISONERS, np.full((2, 2), 0.5), 0)
    found = plan_thresholds(game, COOPERATE)
    assert found.status is Status.INACCURATE
    assert not found.sustainable


@pytest.mark.dear("1000000.0-0", "1-1000000.0")
@pytest.mark.parametrize(("size", "shift"), [(1e6, 0), (1e-6, 0), (1, 1e6)])
def test_units_change_nothing(size, shift):
    stages = [
        Game(*(size * stage.payoffs[..., i] + shift for i in (0, 1))) for stage in (PRISONERS, HARD_TIMES)
    ]
    game = StochasticGame.from_chain(stages, np.full((2, 2), 0.5), 0)
    assert plan_thresholds(game, COOPERATE).discount == pytest.approx(8 / 17, abs=1e-8)


# -- a plain iteration of the operator -----------------------------------------------------------------------


def check_against_iteration(seed):
    """Compare on a grid of discount factors up to 0.6; return how many thresholds lie there."""
    rng = np.random.default_rng(seed)
    stages = rng.integers(-3, 8, (2, 2, 2, 2)).astype(float)
    first = rng.integers(0, 13, (2, 2, 2)) / 12
    laws = np.stack([first, 1 - first], axis=-1)
    leave = [None, tuple(rng.integers(-2, 4, 2).tolist()) if seed % 2 else None]
    plan = [tuple(int(k) for k in np.unravel_index(g.sum(axis=-1).argmax(), (2, 2))) for g in stages]
    exits = [None if o is None else Exit(o) for o in leave]
    found = plan_thresholds(StochasticGame(list(stages), list(laws), 0, exit=exits), plan)
    for d in np.arange(0.04, 0.6, 0.08):
        least = margin(stages, laws, leave, plan, d)
        if abs(least) > 1e-7:
            assert (least > 0) == any(low <= d < high for low, high in found.intervals), (seed, d, least)
    # Others are points where players are indifferent.
    long = found.intervals[np.ptp(found.intervals, axis=1) > 1e-3]
    inside = long[(long > 0) & (long < 0.6)]
    for d in inside:
        signs = [margin(stages, laws, leave, plan, d + step) >= -1e-9 for step in (-1e-4, 1e-4)]
        assert sum(signs) == 1, (seed, d)
    return len(inside)


@pytest.mark.parametrize("drawn", [[3], pytest.param([3, 11], marks=pytest.mark.slow)])
def test_random_games_against_the_iteration(drawn):
    assert sum(map(check_against_iteration, drawn)) >= len(drawn)


@pytest.mark.slow
def test_many_random_games_against_the_iteration():
    assert sum(check_against_iteration(seed) for seed in range(40)) >= 10


# -- bad arguments -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"game": PRISONERS}, "`game`"),
        ({"plan": [(0, 0)]}, "`plan`"),
        ({"plan": "CC"}, "`plan`"),
        ({"plan": np.array(0)}, "`plan` must hold one profile a state"),
        ({"plan": [(0, 0), (0, 2)]}, r"`plan\[1\]`"),
        ({"start": "elsewhere"}, "`start`"),
        ({"start": 2}, "`start`"),
        ({"start": []}, "`start`"),
        ({"start": object()}, "`start` must be a list of states"),
        ({"start": np.zeros((2, 0))}, "`start` must name states"),
        ({"punishment": "grim"}, "`punishment`"),
        ({"punishment": [(1, 1)]}, "`punishment`"),
        ({"tolerance": 0}, "`tolerance`"),
    ],
)
def test_bad_arguments(changes, name):
    given = {"game": StochasticGame.from_chain(PRISONERS, np.eye(2), 0), "plan": COOPERATE} | changes
    with pytest.raises(InvalidInput, match=name):
        plan_thresholds(given.pop("game"), given.pop("plan"), **given)


def test_a_plan_parts_only_where_two_may_leave():
    alone = StochasticGame.from_chain(PRISONERS, np.eye(2), 0, exit=[None, Exit([1, 1], who=[0])])
    for plan in ([None, (0, 0)], [(0, 0), None]):
        with pytest.raises(NotApplicable, match="fewer than two players"):
            plan_thresholds(alone, plan)
