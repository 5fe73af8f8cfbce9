"""Public signals: what makes a distribution, how signals are built, and what they tell apart."""

from fractions import Fraction

import numpy as np
import pytest

from bargaining import Game, InvalidInput, Monitoring, RepeatedGame, full_rank, joint_payoffs

PRISONERS = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]], actions=["CD", "CD"])
ONE_REPORT = Monitoring([[[0.9, 0.1], [0.5, 0.5]], [[0.5, 0.5], [0.25, 0.75]]])


def test_fractions_stay_exact_and_floats_add_up():
    third = Fraction(1, 3)
    exact = Monitoring([[[third, 2 * third]] * 2] * 2)
    assert exact.exact[0, 0].tolist() == [third, 2 * third]
    assert Monitoring([[[0.1, 0.2, 0.7]] * 2] * 2).exact.sum(axis=-1).tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize(
    ("chances", "message"),
    [
        ([[[0.5, 0.4]] * 2] * 2, r"profile \(0, 0\) add up to 0.9"),
        ([[[1.5, -0.5]] * 2] * 2, r"profile \(0, 0\) has the chance -0.5"),
        ([[[Fraction(1, 3), Fraction(1, 3)]] * 2] * 2, "add up to 0.66"),
        ([0.5, 0.5], "one axis per player"),
        ([[[np.nan, 1.0]] * 2] * 2, "`probabilities`"),
    ],
)
def test_what_is_no_distribution_is_named(chances, message):
    with pytest.raises(InvalidInput, match=message):
        Monitoring(chances)


def test_a_signal_of_other_actions_is_refused():
    """Chances given by name for work and shirk would be those of shirk and work in a game that lists these first."""
    payoffs = [[2, -1], [3, 0]], [[2, 3], [-1, 0]]
    one, named = (Game(*payoffs, actions=names) for names in (None, [["work", "shirk"]] * 2))
    other = Game(*np.array(payoffs)[:, ::-1, ::-1], actions=[["shirk", "work"]] * 2)
    signal = Monitoring.noisy(named, Fraction(9, 10))
    assert RepeatedGame(one, 0.9, monitoring=signal).monitoring is signal
    assert joint_payoffs(named, monitoring=Monitoring.noisy(one, 0.9)).steps
    for refused in (lambda: RepeatedGame(other, 0.9, monitoring=signal), lambda: full_rank(other, signal)):
        with pytest.raises(
            InvalidInput, match=r"the game has shirk, work, it work, shirk\. Make it of this game"
        ):
            refused()


def test_floats_beside_fractions_are_rounded_numbers_too():
    """.1 + .2 + .7 is not 1 in floats; where one table has floats and the other does not, it was refused."""
    rough, third = [[0.1, 0.2, 0.7]], [Fraction(1, 3), Fraction(2, 3)]
    beside = Monitoring.product([rough, [[1, 0], [0, 1]]])
    assert beside.exact.sum(axis=-1).tolist() == [[1, 1]]
    assert Monitoring([third, [0.1, 0.9]]).exact[0].tolist() == third
    with pytest.raises(InvalidInput, match=r"add up to 1\.000000000000001\. Divide"):
        Monitoring([[Fraction(1, 2), Fraction(10**15 + 2, 2 * 10**15)]])
    with pytest.raises(InvalidInput, match=r"add up to 1e\+300\. Divide"):
        Monitoring([[1e308, 1e308]])


def test_every_part_must_be_a_distribution():
    """What is wrong in one table must not be hidden by the other."""
    for wrong in ([[[2.0, 0.0]], [[0.5, 0.0]]], [[[1.5, -0.5]], [[-0.5, 1.5]]]):
        with pytest.raises(InvalidInput, match=r"`probabilities`.*profile \(0,\)"):
            Monitoring.product(wrong)


def test_names_must_fit():
    with pytest.raises(InvalidInput, match="2 different names"):
        Monitoring([[[0.5, 0.5]] * 2] * 2, signals=["a", "a"])
    with pytest.raises(InvalidInput, match="the game's 2 x 2 actions"):
        RepeatedGame(PRISONERS, 0.9, monitoring=Monitoring([[[1], [1], [1]]]))


def test_perfect_none_and_what_is_between():
    assert Monitoring.perfect(PRISONERS).is_perfect
    assert Monitoring.none(PRISONERS).is_uninformative
    assert not ONE_REPORT.is_perfect
    rare = Fraction(1, 10**400)  # not zero, although its float is
    assert not Monitoring([[1 - rare, rare], [0, 1]]).is_perfect
    assert not ONE_REPORT.is_uninformative


def test_mistakes_are_independent():
    seen = Monitoring.noisy(PRISONERS, Fraction(9, 10))
    assert seen.signals == ("CC", "CD", "DC", "DD")
    assert seen.exact[0, 1].tolist() == [
        Fraction(9, 100),
        Fraction(81, 100),
        Fraction(1, 100),
        Fraction(9, 100),
    ]


def test_garbling_multiplies():
    blurred = ONE_REPORT.garbled([[0.9, 0.1], [0.2, 0.8]])
    assert blurred.probabilities[0, 0] == pytest.approx([0.9 * 0.9 + 0.1 * 0.2, 0.9 * 0.1 + 0.1 * 0.8])
    with pytest.raises(InvalidInput, match="2 rows"):
        ONE_REPORT.garbled([[1.0]])


def test_rank_tells_who_can_be_told_apart():
    """One report of two values cannot: two rows for each player, rank 2 of 3; a report on each can."""
    assert ONE_REPORT.full_rank((0, 0), 0).holds
    both = ONE_REPORT.pairwise_full_rank((0, 0), (0, 1))
    assert (both.rank, both.full, both.holds) == (2, 3, False)
    assert Monitoring.noisy(PRISONERS, 0.9).pairwise_full_rank((0, 0), (0, 1)).holds
    assert not Monitoring.none(PRISONERS).full_rank((0, 0), 0).holds
    with pytest.raises(InvalidInput, match="each once"):
        ONE_REPORT.pairwise_full_rank((0, 0), (0, 0))


def test_expected_payoffs():
    sales = [[3, -7], [5, 1]]
    game = ONE_REPORT.expected(sales, sales)
    assert game.payoffs[0, 0] == pytest.approx([2, 2])
    assert game.payoffs[0, 1] == pytest.approx([-2, 3])
    with pytest.raises(InvalidInput, match=r"`payoffs\[1\]` must have shape \(2, 2\)"):
        ONE_REPORT.expected(sales, [[1]])


def test_chances_are_given_by_name() -> None:
    game = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]], actions=[["work", "shirk"]] * 2, players=["Ann", "Bob"])
    one = {"bad": Fraction(1, 2), "good": Fraction(1, 2)}
    chances = {("work", "work"): {"good": Fraction(9, 10), "bad": Fraction(1, 10)}, ("work", "shirk"): one}
    whole = {**chances, ("shirk", "work"): one, ("shirk", "shirk"): {"bad": 1}}
    report = Monitoring.of(game, whole)
    assert report.signals == ("good", "bad")
    assert report.exact[0, 0].tolist() == [Fraction(9, 10), Fraction(1, 10)]
    assert report.probabilities[1, 1].tolist() == [0, 1]
    assert report.full_rank({"Bob": "work", "Ann": "work"}, "Ann") == report.full_rank((0, 0), 0)
    with pytest.raises(InvalidInput, match="every profile; shirk, work is not there"):
        Monitoring.of(game, chances)
    with pytest.raises(InvalidInput, match=r"Monitoring\.of\(game, chances\)"):
        Monitoring(whole)
    with pytest.raises(InvalidInput, match=r"For an array write Monitoring\(array\)"):
        Monitoring.of(game, np.ones((2, 2, 2)) / 2)
