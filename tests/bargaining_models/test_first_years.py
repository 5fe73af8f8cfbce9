"""The war in which factors stay in their sectors, against the conditions of that economy solved from scratch."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar, root

from bargaining_models.negotiation import Negotiation
from bargaining_models.negotiation.tariff_war import first_years
from bargaining_models.parameters import load
from bargaining_models.trade import TradeModel
from bargaining_models.trade.conditions import Economy

FLOWS = np.array(
    [
        [[50.0, 30.0], [12.0, 4.0], [8.0, 6.0]],
        [[9.0, 11.0], [70.0, 60.0], [5.0, 9.0]],
        [[7.0, 8.0], [6.0, 9.0], [90.0, 80.0]],
    ]
)
THETA = np.array([4.0, 6.0])


def real_incomes(tariffs: np.ndarray, economy: Economy) -> np.ndarray:
    """Real income over that of the base, by region, with one factor price for each region and sector."""
    earned = economy.added * economy.flows.sum(axis=0)  # no inputs: all of output
    shares, final = economy.shares, economy.final

    def state(logs: np.ndarray) -> tuple[np.ndarray, ...]:
        wages = np.exp(logs).reshape(earned.shape)
        cost = wages[None] * (1.0 + tariffs) / (1.0 + economy.tariffs)
        total = (shares * cost**-THETA).sum(axis=1)
        bought = shares * cost**-THETA / total[:, None]
        collected = (bought * tariffs / (1.0 + tariffs)).sum(axis=1)
        income = ((wages * earned).sum(axis=1) + economy.deficits) / (1.0 - (final * collected).sum(axis=1))
        sold = (bought / (1.0 + tariffs) * (final * income[:, None])[:, None]).sum(axis=0)
        price = np.prod(total ** (-final / THETA), axis=1)
        return sold - wages * earned, wages * earned, income / price

    def gaps(logs: np.ndarray) -> np.ndarray:
        apart, paid, _ = state(logs)
        return np.append(apart.ravel()[1:], paid.sum() - earned.sum())

    found = root(gaps, np.zeros(earned.size), tol=1e-12)
    assert np.abs(gaps(found.x)).max() < 1e-8
    return np.asarray(state(found.x)[2] / economy.income)


def test_each_rate_is_best_by_the_conditions_themselves() -> None:
    model = TradeModel.from_arrays(
        FLOWS, elasticities=THETA, regions=["home", "partner", "rest"], sectors=["farm", "steel"]
    )
    talks = Negotiation(model, home="home", partner="partner")
    found = first_years(talks)
    for own in (0, 1):

        def payoff(rate: float, own: int = own) -> float:
            rates = np.array(found.rates)
            rates[own] = rate
            return float(real_incomes(talks.tariffs_at(rates), model.economy)[own])

        best = minimize_scalar(
            lambda t: -payoff(t), bounds=(0.0, 1.0), method="bounded", options={"xatol": 1e-8}
        )
        assert found.rates[own] == pytest.approx(best.x, abs=1e-5)
        money = (payoff(found.rates[own]) - 1.0) * talks.worth()[own]
        assert found.war[own] == pytest.approx(money, abs=1e-7)
    assert found.rates == pytest.approx(talks.war().rates, abs=0.1)
    assert np.abs(found.rates - talks.war().rates).min() > 1e-3


def test_a_war_in_its_first_years_costs_canada_more_and_the_us_nothing() -> None:
    """By an independent program: 12.6 instead of 8.1 at the tariffs of 2023, and the US gains from the war."""
    talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China")
    found = first_years(talks)
    home, partner = found.agreement - found.war
    assert round((home - partner) / 2.0, 1) == 12.6
    assert partner < 0.0
