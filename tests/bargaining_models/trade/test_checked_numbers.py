"""Numbers of programs that share no code with this package, where no other test has them yet."""

import numpy as np
import pytest
from scipy.optimize import brentq

from bargaining import nash
from bargaining_models.negotiation import Negotiation
from bargaining_models.trade import Environment, TariffPayoffs
from six_blocs import blocs, project


@pytest.mark.parametrize(
    ("other", "members", "paid"),
    [("MEX", ["MEX"], 5.011), ("EU3", ["DEU", "FRA", "ITA"], 1.738), ("CAN", ["CAN"], 3.289)],
)
def test_what_others_pay_the_us(other, members, paid):
    """The even split about the war, dollar for dollar by GDP, from zero rates on each other."""
    deal = Negotiation(blocs({other: members}), home=other, partner="USA", money="gdp").deal()
    assert float(deal.transfer(nash(deal.problem()))) == pytest.approx(paid, abs=5.1e-4)


def test_the_environment_of_august_2026_moves_the_split_and_the_sign_of_the_war():
    """At 3.716 points more on the rest of the world the US is as well off in the war with Canada as without."""
    model = project()

    def talks(on_china, on_rest):
        given = Environment.from_rates({("USA", "CHN"): on_china, ("USA", "ROW"): on_rest}, date="2026-08-19")
        return Negotiation(model, home="Canada", partner="US", tariffs=given.at("2026-08-19"), money="gdp")

    deal = talks(0.228, 0.1035).deal()
    assert float(deal.transfer(nash(deal.problem()))) == pytest.approx(14.650, abs=5.1e-4)
    base = model.economy.tariffs[0, 2:, model.goods][0]

    def gain(more):
        at = talks(base[0], base[1] + more)
        return float(at.war().percent[1] - at.payoffs().percent[1])

    assert 100 * brentq(gain, 0.02, 0.06, xtol=1e-9) == pytest.approx(3.716, abs=5.1e-4)


def test_the_frontier_of_the_us_and_canada():
    model = project()
    war = model.nash_tariffs(["USA", "CAN"], against="players")
    payoffs, d = TariffPayoffs(model, ["USA", "CAN"]), war.percent[:2]
    ideal = payoffs.ideal(d)
    np.testing.assert_allclose(ideal, [0.065473, 0.107205], rtol=0, atol=5.1e-7)
    ends = [payoffs.optimum_at(point).multipliers for point in ([ideal[0], d[1]], [d[0], ideal[1]])]
    np.testing.assert_allclose([-a / b for a, b in ends], [-14.9, -11.5], rtol=0, atol=0.05)
    deal = model.bargained_tariffs(["USA", "CAN"], disagreement=war)
    assert np.prod(1 + deal.rates) == pytest.approx(0.977, abs=5e-4)
    closed = model.solve(costs=model.closed([("USA", "CAN"), ("CAN", "USA")]))
    np.testing.assert_allclose(closed.welfare[:2], [-0.27958, -4.19338], rtol=0, atol=5.1e-6)


@pytest.mark.parametrize(("other", "least"), [("CAN", (0.82271, 0.26256)), ("MEX", (0.93110, 0.25593))])
def test_patience_in_six_blocs(other, least):
    us, them = Negotiation(blocs(), home="USA", partner=other).critical_discounts()
    np.testing.assert_allclose([us, them], least, rtol=0, atol=5.1e-6)


def test_a_war_whose_rates_lie_below_those_in_force():
    """The US and China of six blocs: as additions the rates of their war are cuts."""
    six = blocs()
    itself = six.nash_tariffs(["USA", "CHN"], against="players")
    np.testing.assert_allclose(itself.rates, [0.0979, 0.1109], rtol=0, atol=5.1e-5)
    added = six.nash_tariffs(["USA", "CHN"], against="players", base="add")
    np.testing.assert_allclose(added.rates, [-0.0121, -0.0091], rtol=0, atol=5.1e-5)
    assert (added.gains > 0).all()


@pytest.mark.parametrize(("share", "hat"), [(0.10, 0.701932), (0.15, 0.641733)])
def test_the_cost_of_a_route_that_diverts_a_share_of_exports(share, hat):
    """One change of costs for all goods from Canada to China, at which Canada sells that much less to the US."""
    model = project()
    us, canada, china = (model.regions.index(name) for name in ("USA", "CAN", "CHN"))

    def sold(cost):
        costs = np.ones_like(model.economy.shares)
        costs[china, canada, model.goods] = cost
        return model.solve(costs=costs).flows[us, canada, model.goods].sum()

    found = brentq(lambda cost: sold(cost) / sold(1.0) - (1 - share), 0.5, 1.0, xtol=1e-12)
    assert found == pytest.approx(hat, abs=5.1e-7)
