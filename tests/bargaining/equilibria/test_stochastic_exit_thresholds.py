"""The payoffs of leaving that break a plan: against the repeated game, closed forms and plain iterations."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from bargaining.equilibria.repeated.critical_exit import critical_exit
from bargaining.equilibria.stochastic.thresholds import plan_exit_thresholds, plan_thresholds
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit
from bargaining.games.stochastic import StochasticGame
from known_games import PRISONERS, without_accuracy
from seeds import seeds
from state_sets import margin

COOPERATE = [(0, 0), (0, 0)]
DEFECT = [(1, 1), (1, 1)]
HALF = np.full((2, 2), 0.5)


# -- states that are alike are the repeated game -------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_random_games_whose_state_does_not_matter(seed):
    """Any number of players, who may differ in patience, and actions that move the state."""
    rng = np.random.default_rng(seed)
    players, states = 2 + seed % 2, 1 + seed % 3
    shape = (2,) * players
    stage = Game(*rng.integers(-3, 8, (players, *shape)))
    profile = tuple(rng.integers(0, 2, players).tolist())
    weights = [rng.integers(1, 5, (*shape, states)) for _ in range(states)]
    laws = [np.vectorize(Fraction)(w, w.sum(axis=-1, keepdims=True)) for w in weights]
    discounts = np.array([Fraction(int(k), 12) for k in rng.integers(1, 12, players)])
    game = StochasticGame([stage] * states, laws, discounts, exit=Exit([0] * players))
    expected = critical_exit(stage, profile, discounts)
    for i in range(players):
        found = plan_exit_thresholds(game, [profile] * states, i)
        broken = any(expected[j] < 0 for j in range(players) if j != i)
        if broken:  # by the others, whatever player i gets
            assert found.status is Status.EMPTY
        else:
            assert found.payoff == expected[i] == float(found.exact)
            assert found.intervals.tolist() == [[-np.inf, expected[i]]]
            assert found.proved


def test_an_impatient_player_who_gains_by_a_deviation():
    game = StochasticGame.from_chain(PRISONERS, HALF, 0, exit=Exit([0, 0]))
    found = plan_exit_thresholds(game, COOPERATE, 0)
    assert found.payoff == -np.inf == critical_exit(PRISONERS, (0, 0), 0)[0]
    assert found.status is Status.EMPTY
    assert not found.sustainable
    assert (found.binding.kind, found.binding.slack) == ("deviate", -1)


# -- closed forms --------------------------------------------------------------------------------------------


def test_parting_that_must_pay_enough_to_be_waited_for():
    r"""u = (0.36 + 0.096 x) / 0.136 for player 1; breaking the rules to part today gets 4.72 + 0.096 x."""
    game = StochasticGame.from_chain(
        PRISONERS,
        [[Fraction(9, 10), Fraction(1, 10)], [0, 1]],
        Fraction(24, 25),
        exit=Exit([[5, 5], [8, 3]]),
        states=["now", "later"],
    )
    found = plan_exit_thresholds(game, [(0, 0), None], 1, states="later", start="now")
    least = Fraction(28192, 82944)
    assert found.intervals[0] == pytest.approx([10 * float(least), np.inf], abs=1e-14)
    assert (found.payoff, found.exact, found.binding, found.bracket) == (np.inf, None, None, (np.inf, np.inf))
    today = plan_exit_thresholds(game, [(0, 0), None], 1, states=0, start=0)
    assert today.payoff < 5  # the plan breaks at 5 and 3
    value = (Fraction(36, 100) + Fraction(96, 1000) * 3) / Fraction(136, 1000)
    assert today.exact == (value - Fraction(4, 10) - Fraction(96, 1000) * 3) / Fraction(864, 1000)
    assert (today.binding.player, today.binding.kind, today.binding.slack) == (1, "deviate", 0)


def test_reversion_to_an_equilibrium_that_players_must_not_leave():
    """Nobody stays in mutual defection for 3 who gets more by leaving; 1/2 is patience enough at 3."""
    game = StochasticGame.from_chain(PRISONERS, HALF, 0.5, exit=Exit([0, 0]))
    found = plan_exit_thresholds(game, COOPERATE, 0, punishment=DEFECT)
    assert found.exact == 3
    assert found.binding.punishment
    assert found.binding.kind == "leave"
    better = plan_exit_thresholds(game, COOPERATE, 0, punishment=[None, None])
    assert better.exact == 8 == critical_exit(PRISONERS, (0, 0), 0.5)[0]


def test_a_punishment_that_is_no_equilibrium_sustains_nothing():
    game = StochasticGame.from_chain(PRISONERS, HALF, 0.5, exit=Exit([0, 0]))
    found = plan_exit_thresholds(game, COOPERATE, 0, punishment=[(0, 1), (0, 1)])
    assert found.status is Status.EMPTY
    assert (found.binding.kind, found.exact) == ("deviate", None)


def test_one_state_breaks_before_the_other():
    """Good times pay 9, hard times 4: the threat of leaving counts half from each; hard times bind."""
    hard = Game([[4, 0], [8, 1]], [[4, 8], [0, 1]])
    game = StochasticGame.from_chain([PRISONERS, hard], HALF, 0.75, exit=Exit([0, 0]))
    found = plan_exit_thresholds(game, COOPERATE, 0)
    # u(hard) = 1 + 0.75 * 6.5; the deviation 2 + 0.75 x: x = 6.5 - 4/3
    assert found.payoff == pytest.approx(6.5 - 4 / 3, abs=1e-15)
    assert (found.binding.state, found.binding.kind) == (1, "deviate")
    # in good times alone: 2 + 0.75 (x / 2 + 0) <= u(hard) and (10 / 4) + .375 x <= 9/4 + 0.75 * 6.5, x <= u(good)
    alone = plan_exit_thresholds(game, COOPERATE, 0, states=0)
    assert alone.payoff == pytest.approx(9 / 4 + 0.75 * 6.5, abs=1e-15)
    assert alone.binding.kind == "leave"


def test_a_plan_that_never_breaks():
    """Player 0 may not leave, and what she gets when player 1 does is no threat to anybody."""
    alone = Game([[1]], [[1]])
    game = StochasticGame.from_chain(alone, HALF, 0.5, exit=Exit([0, 0], who=[1]))
    found = plan_exit_thresholds(game, COOPERATE, 0)
    assert (found.payoff, found.binding, found.status) == (np.inf, None, Status.OK)
    assert found.intervals.tolist() == [[-np.inf, np.inf]]


# -- definitions, iterated -----------------------------------------------------------------------------------


def holds(stages, laws, leave, plan, discounts, rounds=400):
    """Whether the plan is an equilibrium path if deviations are followed by parting; worth summed over periods."""
    for i, d in enumerate(discounts):
        u = np.zeros(len(plan))
        for _ in range(rounds):
            u = np.array(
                [
                    leave[s][i] if a is None else (1 - d) * stages[s][a][i] + d * laws[s][a] @ u
                    for s, a in enumerate(plan)
                ]
            )
        for s, a in enumerate(plan):
            if a is None:
                continue
            others = [
                (1 - d) * stages[s][b][i] + d * laws[s][b] @ leave[:, i]
                for b in product((0, 1), repeat=2)
                if b[1 - i] == a[1 - i] and b != a
            ]
            if u[s] < max(*others, leave[s][i]) - 1e-12:
                return False
    return True


@pytest.mark.parametrize("seed", seeds(8, 24))
def test_random_plans_punished_by_parting(seed):
    """Three states, some of which the plan leaves, and unequal patience."""
    rng = np.random.default_rng(seed)
    stages = rng.integers(-3, 8, (3, 2, 2, 2)).astype(float)
    laws = rng.dirichlet(np.ones(3), (3, 2, 2))
    leave = rng.integers(-12, 2, (3, 2)).astype(float)
    discounts = rng.uniform(0.5, 0.9, 2)
    plan = [None if rng.random() < 0.3 else tuple(rng.integers(0, 2, 2).tolist()) for _ in range(3)]
    states = None if seed % 3 else [int(rng.integers(3))]
    i = seed % 2
    game = StochasticGame(list(stages), list(laws), discounts, exit=[Exit(o) for o in leave])
    found = plan_exit_thresholds(game, plan, i, states=states)
    ends = [end for end in found.intervals.ravel() if np.isfinite(end)]
    probes = [-50.0, 0.0, 50.0, *(end + step for end in ends for step in (-1e-6, 1e-6))]
    for x in probes:
        other = leave.copy()
        other[slice(None) if states is None else states, i] = x
        inside = any(low <= x <= high for low, high in found.intervals)
        assert holds(stages, laws, other, plan, discounts) == inside, (seed, x)


def test_half_open_doors_against_the_iteration():
    """In one of two states nobody may leave: the optimal punishment is looked for, and found twice alike."""
    assert check_against_sets(3) >= 1


@pytest.mark.slow
def test_many_half_open_doors_against_the_iteration():
    assert sum(check_against_sets(seed) for seed in range(30)) >= 10


def check_against_sets(seed):
    """Compare with the operator iterated plainly, on both sides of each end; return how many ends there are."""
    rng = np.random.default_rng(seed)
    stages = rng.integers(-3, 8, (2, 2, 2, 2)).astype(float)
    first = rng.integers(0, 13, (2, 2, 2)) / 12
    laws = np.stack([first, 1 - first], axis=-1)
    plan = [tuple(int(k) for k in np.unravel_index(g.sum(axis=-1).argmax(), (2, 2))) for g in stages]
    d, other = rng.uniform(0.3, 0.6), float(rng.integers(-4, 2))
    game = StochasticGame(list(stages), list(laws), d, exit=[None, Exit([0, other])])
    found = plan_exit_thresholds(game, plan, 0)
    assert not found.proved
    assert found.status is not Status.INACCURATE
    long = found.intervals[np.diff(found.intervals, axis=1)[:, 0] > 1e-3]
    ends = long[np.isfinite(long)]
    for x in (*np.linspace(-4, 7, 5), *(end + step for end in ends for step in (-1e-4, 1e-4))):
        least = margin(stages, laws, [None, (x, other)], plan, d)
        if abs(least) > 1e-7:
            assert (least > 0) == any(low <= x <= high for low, high in found.intervals), (seed, x, least)
    return len(ends)


def test_a_threat_to_leave_must_be_credible():
    """Player 0 alone may leave: at 3 or more she does rather than defect, the harsher threat being lost to player 1.

    The thresholds agree with those in the discount factor: at x = 4 that is 1/6.
    """
    game = StochasticGame.from_chain(PRISONERS, HALF, 0.5, exit=Exit([0, 4], who=[0]))
    found = plan_exit_thresholds(game, COOPERATE, 0)
    assert found.status is Status.OK
    for x in (1.0, 5.0, 8.01):
        there = plan_thresholds(
            StochasticGame.from_chain(PRISONERS, HALF, 0.5, exit=Exit([x, 4], who=[0])), COOPERATE
        )
        inside = any(low <= x <= high for low, high in found.intervals)
        assert inside == any(low <= 0.5 <= high for low, high in there.intervals), x
    assert found.payoff == pytest.approx(8, abs=1e-8)
    assert found.bracket[0] == found.payoff < found.bracket[1] <= found.payoff + 1e-8
    assert found.residual <= 1e-11


@pytest.mark.dear("1000000.0-0", "1-1000000.0")
@pytest.mark.parametrize(("size", "shift"), [(1e6, 0), (1e-6, 0), (1, 1e6)])
def test_units_change_nothing(size, shift):
    stage = Game(*(size * PRISONERS.payoffs[..., i] + shift for i in (0, 1)))
    game = StochasticGame.from_chain(stage, HALF, 0.5, exit=Exit(np.array([0, 4]) * size + shift, who=[0]))
    found = plan_exit_thresholds(game, COOPERATE, 0)
    assert found.payoff == pytest.approx(8 * size + shift, abs=1e-8 * size)


def test_inaccurate_sets_do_not_sustain_a_plan(monkeypatch):
    without_accuracy(monkeypatch)
    game = StochasticGame.from_chain(PRISONERS, HALF, 0.5, exit=Exit([0, 4], who=[0]))
    found = plan_exit_thresholds(game, COOPERATE, 0)
    assert found.status is Status.INACCURATE
    assert not found.sustainable


# -- bad arguments -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"game": PRISONERS}, "`game`"),
        ({"plan": [(0, 0)]}, "`plan`"),
        ({"player": 2}, "`player`"),
        ({"states": "elsewhere"}, "`states`"),
        ({"states": 1}, r"`states`.*nobody may in 1"),
        ({"start": 2}, "`start`"),
        ({"punishment": "grim"}, "`punishment`"),
        ({"tolerance": -1}, "`tolerance`"),
    ],
)
def test_bad_arguments(changes, name):
    game = StochasticGame.from_chain(PRISONERS, np.eye(2), 0.5, exit=[Exit([0, 0]), None])
    given = {"game": game, "plan": COOPERATE, "player": 0} | changes
    with pytest.raises(InvalidInput, match=name):
        plan_exit_thresholds(given.pop("game"), given.pop("plan"), given.pop("player"), **given)


def test_a_game_that_nobody_may_leave_has_no_threshold():
    with pytest.raises(InvalidInput, match="nobody may"):
        plan_exit_thresholds(StochasticGame.from_chain(PRISONERS, np.eye(2), 0.5), COOPERATE, 0)


def test_three_players_need_a_punishment_unless_all_may_leave():
    stage = Game(*np.zeros((3, 2, 2, 2)))
    two, all_three = (
        StochasticGame.from_chain(stage, [[1]], 0.5, exit=Exit([0, 0, 0], who=who)) for who in ([0, 1], None)
    )
    with pytest.raises(NotApplicable, match="two players"):
        plan_exit_thresholds(two, [(0, 0, 0)], 0)
    assert plan_exit_thresholds(all_three, [(0, 0, 0)], 0).exact == 0
