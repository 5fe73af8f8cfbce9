"""The repeated and the stochastic game computed again by plain programs, from the definitions on the pages."""

from typing import Any

import numpy as np
import pytest

import plain_pivot as PLAIN
from bargaining_models.negotiation.capacity import Capacity
from bargaining_models.negotiation.pivot_game import PivotGame
from bargaining_models.negotiation.tariff_war import RATES, TariffGame
from bargaining_models.paper.pivot_game import BLOCKING
from bargaining_models.paper.study import SHARES, Study
from bargaining_models.us_canada.baseline import canada_capacity

NASH = (3, 3)
BLOCKED = {"closure": 0.2, "reopening": 0.53, "blocking": BLOCKING}
ONE = [np.ones((len(RATES), len(RATES), 1))]


# The repeated game: T6 and F1


@pytest.mark.slow
@pytest.mark.parametrize("leave", [False, True])
@pytest.mark.parametrize("discount", [0.1, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("r", SHARES.tolist())
def test_sets_of_tariff_payoffs_are_those_of_the_plain_operator(
    study: Study, r: float, discount: float, leave: bool
) -> None:
    game: TariffGame = study.tariff_games[r]
    border = game.leaving.own[None] if leave else None
    (found,) = PLAIN.payoff_sets([game.stage.payoffs], ONE, discount, border)
    own = game.payoff_set(discount, leave=leave)
    assert PLAIN.distance(found, own.vertices) < 1e-9
    np.testing.assert_allclose(found.min(axis=0), own.threat, atol=1e-9)


# The stochastic game: T10 and the sets


def plain_pivot(capacity: Capacity, **options: float) -> Any:
    highest = int(capacity.rates[1][0].argmax())
    return PLAIN.PlainPivot(capacity.flows, capacity.exit, capacity.capital, highest, **options)


@pytest.mark.dear("lasting-True")
@pytest.mark.parametrize("leave", [False, True])
@pytest.mark.parametrize(
    "options", [{}, pytest.param(BLOCKED, marks=pytest.mark.slow)], ids=["lasting", "blocked"]
)
def test_sets_by_state_are_those_of_the_plain_operator(
    study: Study, options: dict[str, float], leave: bool
) -> None:
    three = canada_capacity(study.baseline, levels=[0.0, 0.15, 0.30])
    game = plain_pivot(three, **options)
    border = game.after_leaving(0.6) if leave else None
    found = PLAIN.payoff_sets(game.games, game.chains, 0.6, border, moves=1e-8)
    own = PivotGame(capacity=three, **options)
    for one, other in zip(found, own.enforceable(0.6, leave=leave).sets, strict=True):
        assert PLAIN.distance(one, other.vertices) < 1e-5  # of a range of 100
        np.testing.assert_allclose(one.min(axis=0), other.threat, atol=1e-5)
