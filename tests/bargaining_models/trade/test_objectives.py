"""Governments that count some dollars more, against best replies computed from the flows of equilibria."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from bargaining import nash
from bargaining.errors import InvalidInput, NotApplicable
from bargaining_models.negotiation import Negotiation
from bargaining_models.parameters import load
from bargaining_models.trade import TradeModel

REVENUE = {"USA": 1.5, "CAN": 1.2}
INCOMES = {"USA": {"METAL": 1.3, "AUTO": 0.8}}


def counted(model, answer, revenue=REVENUE, incomes=INCOMES):
    """What governments maximise, percent of base income, from incomes, prices and flows."""

    def real(income, flows, tariffs, price):
        values = []
        for n, region in enumerate(model.regions):
            collected = (tariffs[n] * flows[n]).sum()
            value = income[n] + (revenue.get(region, 1.0) - 1.0) * collected
            for sector, weight in incomes.get(region, {}).items():
                j = model.sectors.index(sector)
                value += (weight - 1.0) * model.economy.added[n, j] * flows[:, n, j].sum()
            values.append(value / price[n])
        return np.array(values)

    base, first = model.economy, model.economy.income
    price = answer.income / (1.0 + answer.welfare / 100.0)
    now = real(answer.income * first, answer.flows, answer.tariffs, price)
    return 100.0 * (now - real(first, base.flows, base.tariffs, np.ones(len(first)))) / first


@pytest.fixture(scope="module")
def model():
    return TradeModel.from_parameters(load()).with_objectives(REVENUE, INCOMES)


@pytest.mark.parametrize("paid", [None, {("CAN", "USA"): 20.0}])
def test_the_objective_is_what_its_definition_says(model, paid):
    tariffs = model.tariffs({("USA", "CAN"): 0.25, ("CHN", "USA"): 0.1})
    answer = model.solve(tariffs=tariffs, transfers=paid)
    assert answer.objective == pytest.approx(counted(model, answer), abs=1e-10)
    assert np.abs(answer.objective - answer.welfare)[:2].min() > 1e-3
    talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China")
    plain, counting = (repr(talks.on(one).war()) for one in (talks.model, model))
    assert "real income" in plain
    assert "objective" in counting
    assert answer.objective[2:] == pytest.approx(answer.welfare[2:], abs=1e-12)


def test_tariffs_of_a_war_are_best_replies_by_the_definition(model):
    war = model.nash_tariffs(["USA", "CAN"], against="players")
    assert war.ok
    for k, (own, other) in enumerate([("USA", "CAN"), ("CAN", "USA")]):

        def loss(rate, own=own, other=other, k=k):
            tariffs = np.array(war.tariffs)
            n, i = model.regions.index(own), model.regions.index(other)
            tariffs[n, i, model.goods] = rate
            return -counted(model, model.solve(tariffs=tariffs))[n]

        best = minimize_scalar(loss, bounds=(0.0, 1.0), method="bounded", options={"xatol": 1e-9})
        assert best.x == pytest.approx(war.rates[k], abs=1e-6)


def test_weights_of_one_change_nothing_and_figures_keep_weights(model):
    plain = TradeModel.from_parameters(load())
    ones = plain.with_objectives({"USA": 1.0}, {"USA": {"METAL": 1.0}})
    first, second = (one.nash_tariffs(["USA", "CAN"], against="players") for one in (plain, ones))
    assert first.rates == pytest.approx(second.rates, abs=1e-12)
    anew = model.with_data(model.data).nash_tariffs(["USA", "CAN"], against="players")
    assert anew.rates == pytest.approx(model.nash_tariffs(["USA", "CAN"], against="players").rates, abs=1e-10)


def test_a_taste_for_revenue_turns_a_war_into_a_gain_and_doubles_the_payment():
    talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China")
    paid, gain = [], []
    for weight in (1.0, 1.1, 1.5):
        deal = talks.on(talks.model.with_objectives({"USA": weight})).deal()
        paid.append(float(deal.transfer(nash(deal.problem()))))
        gain.append(float(deal.war.money[1] - deal.agreement.money[1]))
    assert gain[0] < 0.0 < gain[1]
    assert paid[2] / paid[0] == pytest.approx(2.22, abs=0.01)


def test_weights_that_cannot_be_are_refused(model):
    with pytest.raises(InvalidInput, match=r"`revenue\['USA'\]` must lie in"):
        model.with_objectives({"USA": -1.0})
    with pytest.raises(InvalidInput, match="STEEL"):
        model.with_objectives(incomes={"USA": {"STEEL": 2.0}})
    with pytest.raises(InvalidInput, match=r"`incomes\['USA'\]` must be a mapping"):
        model.with_objectives(incomes={"USA": 2.0})
    with pytest.raises(InvalidInput, match=r"`revenue\['USA'\]`"):
        model.with_objectives({"USA": [1.0, 2.0]})
    with pytest.raises(NotApplicable, match="aggregate first"):
        model.aggregate({"NA": ["USA", "CAN"]})
    with pytest.raises(NotApplicable, match="with_objectives"):
        model.bargained_tariffs(["USA", "CAN"])
