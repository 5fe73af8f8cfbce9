"""Critical discount factors under imperfect monitoring: closed forms, transfers, and who cannot be told apart."""

from fractions import Fraction

import numpy as np
import pytest

from bargaining import (
    Exit,
    Game,
    Monitoring,
    NotApplicable,
    RepeatedGame,
    critical_discount,
    joint_payoffs,
    payoff_set,
)
from known_games import PARTNERS, report
from public_programs import kept_for_ever

F = Fraction


CLEAR = report("9/10", "1/2", "1/4")


@pytest.mark.parametrize("transfers", [False, True])
def test_grim_punishment_by_hand(transfers):
    """A bad report costs x with 4/10 x d = 1 - d; x is at most 7/4 (5/4 where leaving pays 1/2): d = 10/17 and 2/3."""
    kwargs = {"monitoring": CLEAR, "punishment": "stage", "transfers": transfers}
    found = critical_discount(PARTNERS, (0, 0), **kwargs)
    assert found.exact == F(10, 17)
    assert found.threat == pytest.approx([0, 0], abs=1e-12)
    leave = Exit([F(1, 2), F(1, 2)])
    assert critical_discount(PARTNERS, (0, 0), exit=leave, **kwargs).exact == F(2, 3)
    assert critical_discount(PARTNERS, (1, 1), **kwargs).exact == 0


@pytest.mark.parametrize(("alone", "least"), [(1.5, F(10, 13)), (1.75, F(10, 13)), (1.76, None)])
def test_who_leaves_first_gains_while_grim_players_stay(alone, least):
    """Both leave a stage equilibrium of 0, which gives each 1, the mean of being first and second.

    A deviation gains 1 and makes a bad report likelier by 4/10. In units of q = d x / (1 - d), with x the chance that
    players leave after it, it is deterred if 4/10 q >= 1 + 1/10 q. With the least q, 10/3, players who stay get
    1 + 1 / (1 + 1/10 q) = 7/4, and would rather leave for more.
    """
    leave = Exit.by_leaver([[alone, 2 - alone], [2 - alone, alone]])
    found = critical_discount(PARTNERS, (0, 0), monitoring=CLEAR, punishment="stage", exit=leave)
    assert found.exact == least
    assert found.sustainable is (least is not None)


@pytest.mark.parametrize("seed", range(6))
def test_grim_punishment_against_a_scan(seed):
    """Chances of punishment on a grid: none holds just below the answer, and certain punishment holds at it."""
    rng = np.random.default_rng(seed)
    gain = [F(int(k), 4) for k in rng.integers(1, 5, 2)]
    game = Game([[2, -1], [2 + gain[0], 0]], [[2, 2 + gain[1]], [-1, 0]])
    p, q, r = sorted((F(int(k), 20) for k in rng.choice(np.arange(1, 20), 3, replace=False)), reverse=True)
    found = critical_discount(game, (0, 0), monitoring=report(p, q, r), punishment="stage")

    def holds(d, x):  # punish with chance x after the bad signal
        value = [(1 - d) * 2 / (1 - d + d * (1 - p) * x)] * 2
        return all((1 - d) * gain[i] <= d * (p - q) * x * value[i] for i in (0, 1))

    if found.exact is None:
        assert not any(holds(F(99, 100), F(k, 50)) for k in range(51))
        return
    d = found.exact
    assert holds(d, F(1))
    assert not any(holds(d - F(1, 10**6), F(k, 50)) for k in range(51))


@pytest.mark.slow
def test_optimal_punishment_by_the_payoff_set():
    """To the prisoner who works alone, and where leaving is the threat: payoff sets at the ends of the bracket."""
    for leave, expected in ((None, None), (Exit([F(1, 2), F(1, 2)]), 2 / 3)):
        found = critical_discount(PARTNERS, (0, 0), monitoring=CLEAR, exit=leave)
        assert expected is None or found.bracket[0] <= expected <= found.bracket[1]
    alone = critical_discount(PARTNERS, (0, 1), monitoring=CLEAR)
    assert critical_discount(PARTNERS, (0, 0), monitoring=CLEAR).discount < alone.discount
    above = payoff_set(RepeatedGame(PARTNERS, alone.bracket[1] + 5e-4, monitoring=CLEAR), tolerance=1e-4)
    below = payoff_set(RepeatedGame(PARTNERS, alone.bracket[0] - 5e-4, monitoring=CLEAR), tolerance=1e-4)
    assert 1 in above._found.play.owners
    assert 1 not in below._found.play.owners


def test_with_transfers_it_is_the_joint_payoffs_one():
    assert critical_discount(PARTNERS, (0, 0), monitoring=CLEAR, transfers=True).exact == F(10, 17)
    seen = critical_discount(PARTNERS, (0, 0), transfers=True)
    assert seen.exact == F(1, 3)
    three = Game(
        [[[3, 0], [0, 0]], [[0, 0], [0, 1]]],
        [[[3, 0], [0, 0]], [[0, 0], [0, 1]]],
        [[[2, 5], [0, 0]], [[0, 0], [0, 1]]],
    )
    assert critical_discount(three, (0, 0, 0), transfers=True).exact is not None


def test_an_irrational_one_is_not_called_exact():
    """The threats fall as more is at stake, so the threshold is the root of a quadratic equation."""
    payoffs = [
        [[[3, 2], [3, 4]], [[0, 2], [5, 1]]],
        [[[2, 3], [3, 3]], [[1, 5], [3, 2]]],
        [[[1, 5], [4, 5]], [[1, 4], [0, 1]]],
    ]
    times = [
        [[[7, 1, 0], [1, 5, 6]], [[9, 6, 0], [9, 6, 7]]],
        [[[5, 8, 4], [2, 7, 7]], [[7, 1, 6], [7, 0, 3]]],
    ]
    signal = Monitoring(
        np.vectorize(lambda k, n: F(int(k), int(n)), otypes=[object])(times, np.sum(times, -1)[..., None])
    )
    game = Game(*payoffs)
    found = critical_discount(game, (0, 1, 0), monitoring=signal, transfers=True)
    assert found.exact is None
    joint = joint_payoffs(game, monitoring=signal)
    for discount, kept in ((found.discount - 1e-5, False), (found.discount + 1e-5, True)):
        threat = np.array(joint.at(discount).threat)
        assert kept_for_ever(game, signal.probabilities, discount, (0, 1, 0), threat, None) == kept


def test_who_looks_like_a_worker_can_never_be_kept_to_work():
    blind = Monitoring.none(PARTNERS)
    for kwargs in (
        {},
        {"punishment": "stage"},
        {"transfers": True},
        {"transfers": True, "punishment": "stage"},
    ):
        found = critical_discount(PARTNERS, (0, 0), monitoring=blind, **kwargs)
        assert not found.sustainable
        assert found.discount == np.inf


def test_actions_that_are_seen_are_answered_as_before():
    perfect = Monitoring.perfect(PARTNERS)
    assert (
        critical_discount(PARTNERS, (0, 0), monitoring=perfect).exact
        == critical_discount(PARTNERS, (0, 0)).exact
    )


def test_refusals():
    with pytest.raises(NotApplicable, match="one player alone"):
        critical_discount(PARTNERS, (0, 0), monitoring=CLEAR, exit=Exit([1, 1], who=[0]))
    three = Game(*np.zeros((3, 2, 2, 2)))
    with pytest.raises(NotApplicable, match="two players"):
        critical_discount(three, (0, 0, 0), monitoring=Monitoring.none(three))
