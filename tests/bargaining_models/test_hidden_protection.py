"""Hidden protection against linear programs in floats, closed forms by hand, and the trade model's own figures."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

import plain_tables as plain
from bargaining import InvalidInput, trigger_strategy
from bargaining_models.negotiation.hidden_protection import HiddenProtection
from bargaining_models.paper.figures import FIGURES
from bargaining_models.paper.hidden_protection import PATIENCE
from bargaining_models.paper.reproduce import changes, stored
from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import TABLES


@pytest.fixture(scope="module")
def talks():
    return Study().baseline


@pytest.mark.parametrize(
    ("noise", "reports"),
    [
        (0.05, "one"),
        pytest.param(0.1, "one", marks=pytest.mark.slow),
        pytest.param(0.1, "each", marks=pytest.mark.slow),
    ],
)
def test_a_plain_program_agrees(talks, noise, reports):
    """Payoffs from the table of rates, chances from scipy, linear programs in floats."""
    game = HiddenProtection.at(talks, r=0.15, noise=noise, reports=reports)
    war = talks.war(r=0.15).rates
    payoffs = np.empty((3, 3, 2))
    for a, b in np.ndindex(3, 3):
        rates = [[0.0, 0.05, war[0]][a], [0.0, 0.05, war[1]][b]]
        payoffs[a, b] = talks.stage_payoffs([rates[1]], [rates[0]], r=0.15)[0, 0] / 100 * talks.worth()
    np.testing.assert_allclose(game.stage.payoffs, payoffs, atol=1e-6)
    seen = plain.reports(game.imports, noise)[reports]
    for discount in (0.9, 0.3):
        best = plain.most_kept(payoffs, seen, discount)
        assert game.enforced(discount) == pytest.approx(best, abs=2e-4)
    assert game.critical_discount() == pytest.approx(plain.keeps_paid(payoffs, seen), abs=1e-4)


def test_imports_are_the_trade_models(talks):
    game = HiddenProtection.at(talks, r=0.15)
    free = talks.outcome(talks.free, talks.route(0.15))
    assert game.imports[0, 0, 1] == pytest.approx(talks.exports(free)[0], rel=1e-12)
    assert (game.imports[1, :, 0] < game.imports[0, :, 0]).all()  # who protects buys less
    assert (game.imports[:, 1, 1] < game.imports[:, 0, 1]).all()


def test_bad_luck_by_hand(talks):
    """With one report on both, each must lose her gain over the change in the chance of an alarm."""
    one, each = (HiddenProtection.at(talks, noise=0.05, reports=name) for name in ("one", "each"))
    luck, p = one.bad_luck(PATIENCE), one.monitoring.probabilities
    stage = one.stage.payoffs
    gains = [stage[1, 0, 0] - stage[0, 0, 0], stage[0, 1, 1] - stage[0, 0, 1]]
    worse = [p[1, 0, 1] - p[0, 0, 1], p[0, 1, 1] - p[0, 0, 1]]
    lost = sum(gain / more for gain, more in zip(gains, worse, strict=True))
    assert luck.alarms == pytest.approx(p[0, 0, 1])
    assert luck.burnt == pytest.approx(p[0, 0, 1] * lost)
    # It is also the best agreement:
    assert one.enforced(PATIENCE) == pytest.approx(stage[0, 0].sum() - luck.burnt)
    # Wars that are too short by less than a year leave more than burning money does, those a year longer less.
    short, long = (
        sum(
            trigger_strategy(
                one.stage, (0, 0), (2, 2), PATIENCE, monitoring=one.monitoring, signals=[1], periods=years
            ).payoffs
        )
        for years in (int(luck.war), int(luck.war) + 1)
    )
    assert short > one.enforced(PATIENCE) > long
    assert (each.bad_luck(PATIENCE).burnt, each.bad_luck(PATIENCE).war) == (0, 0)
    assert each.bad_luck(PATIENCE).alarms == pytest.approx(1 - each.monitoring.probabilities[0, 0, 0])
    assert each.enforced(PATIENCE) == pytest.approx(stage[0, 0].sum())


def test_without_payments_the_war_must_be_bad_enough(talks):
    """At the discount factor found some chance of war after an alarm deters; just below it none does."""
    game = HiddenProtection.at(talks, noise=0.05, reports="one")
    d, p, g = game.without_payments(), game.monitoring.probabilities, game.stage.payoffs

    def deters(d):
        # Of war after an alarm; after an open tariff it is certain.
        chance = np.linspace(0, 1, 100_001)[:, None]
        risk = d * p[0, 0, 1] * chance
        value = ((1 - d) * g[0, 0] + risk * g[2, 2]) / (1 - d + risk)
        hides = np.array([g[1, 0, 0], g[0, 1, 1]])
        opens = np.array([g[2, 0, 0], g[0, 2, 1]])
        later = d * np.array([p[1, 0, 1], p[0, 1, 1]]) * chance
        kept = value + 1e-9 >= (1 - d) * hides + later * g[2, 2] + (d - later) * value
        return (kept & (value + 1e-9 >= (1 - d) * opens + d * g[2, 2])).all(axis=1).any()

    assert deters(d + 1e-4)
    assert not deters(d - 1e-4)
    assert d > game.critical_discount()


def test_at_three_percent_nothing_is_left_to_keep_if_nobody_can_go_further(talks):
    """The US gains even if both protect: only the open war, or money, makes free trade worth keeping to it."""
    stage = HiddenProtection.at(talks, barrier=0.03).stage.payoffs
    assert stage[1, 1, 1] > stage[0, 0, 1] + 0.8
    assert stage[2, 2, 1] < stage[0, 0, 1]


def test_a_better_report_never_hurts(talks):
    values = [HiddenProtection.at(talks, noise=noise).critical_discount() for noise in (0.05, 0.1, 0.2)]
    assert values == sorted(values)


def test_chances_are_distributions_and_answers_exact(talks):
    for reports in ("each", "one"):
        game = HiddenProtection.at(talks, reports=reports)
        assert (game.monitoring.exact.sum(axis=-1) == 1).all()
        assert isinstance(game.joint().critical_discount((0, 0)), Fraction)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"barrier": 0.0}, "`barrier`"),
        ({"noise": -1.0}, "`noise`"),
        ({"noise": np.nan}, "`noise`"),
        ({"reports": "two"}, "`reports`"),
    ],
)
def test_what_is_wrong_is_named(talks, wrong, match):
    with pytest.raises(InvalidInput, match=match):
        HiddenProtection.at(talks, **wrong)


@pytest.mark.parametrize("discount", [1, -0.5, np.nan, "0.9"])
def test_what_is_no_discount_factor_is_named(talks, discount):
    with pytest.raises(InvalidInput, match="`discount` must"):
        HiddenProtection.at(talks, noise=0.05, reports="one").bad_luck(discount)


def test_who_has_no_patience_fears_no_war(talks):
    assert HiddenProtection.at(talks, noise=0.05, reports="one").bad_luck(0).war == np.inf


@pytest.mark.slow
def test_the_table_and_the_figure_come_out():
    study = Study()
    assert not changes(TABLES["T13"](study), stored("T13"))
    assert len(FIGURES["F6"](study).axes) == 2


def test_the_stored_rows_say_what_the_text_says():
    rows = stored("T13").records()
    assert "assumptions" in stored("T13").caption
    for row in rows:
        assert row["each_paid"] <= row["one_paid"]
        assert row["each_leave"] < row["each_paid"]
        assert 86 <= row["kept"] <= 97
        assert row["named"] >= row["half"] >= 0
    for one, other in pairwise(rows):
        if one["r"] < other["r"]:  # a stronger alternative
            assert other["each_paid"] < one["each_paid"]
            assert other["each_unpaid"] <= one["each_unpaid"]
