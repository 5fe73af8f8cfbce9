"""The repeated tariff game: what is enforced is an equilibrium, and the linear formulas come out of the same code."""

from fractions import Fraction

import numpy as np
import pytest

from bargaining import Game, InvalidInput, critical_discount
from bargaining_models.linear_tariffs import LinearTariffs
from bargaining_models.negotiation.tariff_war import TariffGame
from bargaining_models.us_canada.baseline import Baseline


@pytest.fixture(scope="module")
def game(baseline: Baseline) -> TariffGame:
    return TariffGame.at(baseline, r=0.1)


def test_free_trade_is_enforced_from_the_critical_discount_on(game: TariffGame) -> None:
    critical = game.critical_discount()
    kept = game.stage.payoffs[game.free_trade]
    lower, upper = critical.discount - 1e-4, critical.discount + 1e-4
    assert not _sustains(game, kept, lower)
    assert _sustains(game, kept, upper)


def test_each_country_needs_the_punishment_of_its_own_patience(game: TariffGame) -> None:
    critical = game.critical_discount()
    kept, breach = (x[game.free_trade] for x in (game.stage.payoffs, game.stage.deviations()))
    assert critical.by_player.max() == pytest.approx(critical.discount, abs=1e-9)
    for country, need in enumerate(critical.by_player):
        for discount, holds in ((need + 1e-6, True), (need - 1e-6, False)):
            after = (1 - discount) * breach + discount * game.payoff_set(discount).threat
            assert (kept[country] >= after[country]) == holds


def _sustains(game: TariffGame, kept: np.ndarray, discount: float) -> bool:
    """Check the definition: no gain from one breach, against the worst punishment at this discount factor."""
    breach = game.stage.deviations()[game.free_trade]
    threat = game.payoff_set(discount).threat
    return bool((kept >= (1 - discount) * breach + discount * threat).all())


def test_the_right_to_leave_makes_the_exit_the_threat(game: TariffGame) -> None:
    np.testing.assert_allclose(game.payoff_set(0.5, leave=True).threat, game.leaving.own, rtol=1e-12)


def test_self_enforcing_division_lies_in_the_set_and_above_the_threat(game: TariffGame) -> None:
    for leave in (False, True):
        found = game.payoff_set(0.3, leave=leave)
        division = game.self_enforcing(0.3, leave=leave).raise_if_failed()
        assert found.contains(division.payoffs)
        assert (division.gains > 0).all()


def test_transfers_reach_the_largest_joint_payoff(game: TariffGame) -> None:
    division = game.with_transfers(0.9)
    joint = (game.stage.payoffs * game.gdp / 100).sum(axis=-1).max()
    assert division.payoffs.sum() == pytest.approx(joint, rel=1e-9)


def test_free_trade_must_be_among_the_rates(baseline: Baseline) -> None:
    with pytest.raises(InvalidInput, match="`rates` must hold 0"):
        TariffGame.at(baseline, rates=[0.1, 0.2])


def stage_game(model: LinearTariffs, war: np.ndarray) -> Game:
    """Free trade or the Nash tariff, for each."""
    payoffs = model.welfare(np.stack(np.meshgrid([0.0, war[0]], [0.0, war[1]], indexing="ij"), axis=-1))
    return Game(payoffs[..., 0], payoffs[..., 1])


@pytest.mark.parametrize("share", [Fraction(0), Fraction(1, 10), Fraction(3, 10)])
def test_the_same_code_gives_the_linear_models_formulas(share: Fraction) -> None:
    # With only free trade and the Nash tariffs to choose from, the harshest punishment is the war for ever.
    model = LinearTariffs(exports=[1.0, 0.65]).redirect(float(share))
    war = model.nash_tariffs()
    game = stage_game(model, war)
    found = critical_discount(game, (0, 0))
    np.testing.assert_allclose(found.by_player, model.critical_discounts(), rtol=1e-9)


def test_the_right_to_leave_of_one_alone_changes_nothing(game: TariffGame) -> None:
    # Staying pays each at least what it can have against the other's worst rate, and that is more than leaving pays, so
    # that neither would ever leave alone.
    own = game.stage.payoffs
    sure = [own[..., 0].max(axis=0).min(), own[..., 1].max(axis=1).min()]
    assert (game.leaving.own < sure).all()
    for discount in (0.1, 0.3):
        neither = game.with_transfers(discount).payoffs
        for player in (0, 1):
            np.testing.assert_allclose(
                game.with_transfers(discount, leave=(player,)).payoffs, neither, atol=1e-9
            )
        assert np.abs(game.with_transfers(discount, leave=True).payoffs - neither).max() > 0.4


@pytest.mark.parametrize("leave", [0, 1, "home", (2,), (True,), [0], None])
def test_who_may_leave_is_said_in_one_way(game: TariffGame, leave: object) -> None:
    with pytest.raises(InvalidInput, match="`leave` must be True, False or a tuple"):
        game.with_transfers(0.3, leave=leave)  # type: ignore[arg-type]
    assert game.with_transfers(0.3, leave=np.True_).payoffs[0] > game.with_transfers(0.3).payoffs[0]  # type: ignore[arg-type]
