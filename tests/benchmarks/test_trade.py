"""A batch of a thousand tariff pairs, and a draw of the headline, against plain programs of the same model."""

from pathlib import Path
from time import process_time

import numpy as np
import pytest

import bargaining_models
from bargaining_models.negotiation import Negotiation
from bargaining_models.negotiation.draws import HeadlineDraw
from bargaining_models.parameters import load
from bargaining_models.trade import TradeModel
from plain_trade import GOODS, REGIONS, SECTORS, PlainTrade

PAIRS, PLAIN = 1000, 10
FOLDER = Path(bargaining_models.__file__).parent / "data"


@pytest.mark.benchmark
@pytest.mark.parametrize("elasticities", ["uniform5", "cp"])
def test_a_thousand_tariff_pairs(elasticities, speedup, capsys):
    model = TradeModel.from_parameters(load(), elasticities=elasticities)
    plain = PlainTrade(FOLDER, model.economy.elasticities)
    rates = np.random.default_rng(0).uniform(0.0, 0.5, (2, PAIRS))
    pairs = {("USA", "CAN"): rates[0], ("CAN", "USA"): rates[1]}
    answer = model.solve(tariffs=model.tariffs(pairs))
    assert answer.residual.max() <= 1e-10
    few = model.tariffs(pairs)[:PLAIN]
    np.testing.assert_allclose(answer.welfare[:PLAIN], [plain.welfare(t) for t in few], rtol=0, atol=1e-9)

    ratio = speedup(
        f"{PAIRS} pairs, {elasticities} (the rival solves {PLAIN})",
        lambda: model.solve(tariffs=model.tariffs(pairs)),
        lambda: [plain.solve(t) for t in few],
    )
    each = ratio * PAIRS / PLAIN
    with capsys.disabled():
        print(f"an equilibrium: {each:.0f} times as fast")
    assert each >= 15


US, CANADA, CHINA = 0, 1, 2
SHARES = (0.0, 0.10, 0.15)
START = np.array([0.1, 0.13])  # of Canada, of the US: near the war of the figures
STEP = 1e-4  # of a rate: equilibria to 1e-13 leave 1e-9 of a slope
SETTLED, ROUNDING = 1e-8, 1e-13  # of slopes, percent per unit of a rate; of the conditions of an equilibrium


def broyden(function, unknown, value, inverse, done):
    """Take Broyden's good steps until no entry of the function is above `done`."""
    for _ in range(60):
        if np.abs(value).max() <= done:
            return unknown
        step = -inverse @ value
        unknown, before = unknown + step, value
        value = function(unknown)
        moved = inverse @ (value - before)
        inverse = inverse + np.outer(step - moved, step @ inverse) / (step @ moved)
    raise AssertionError("no root")


def plain_headline(theta, gdp):
    """What Canada pays the US in the even split about the war, by share: a base, three wars, three splits.

    An equilibrium takes Broyden steps from the base, whose inverse Jacobian differences give once. The slope of a
    region's welfare in its own rate is a central difference of two equilibria, and the two rates of a war take Broyden
    steps to where both slopes are zero.
    """
    goods, shape = GOODS, (REGIONS, SECTORS)
    size = shape[0] * (1 + shape[1])

    class Program(PlainTrade):
        def inverse(self):
            gap = self.gap(np.zeros(size), self.tariff, 1.0)
            moved = [self.gap(row, self.tariff, 1.0) for row in 1e-7 * np.eye(size)]
            return np.linalg.inv((np.array(moved) - gap).T / 1e-7)

        def solve(self, tariff, cost=1.0, *rest):
            start = np.zeros(size)
            known = self.known if hasattr(self, "known") else self.inverse()
            gap = self.gap(start, tariff, cost)
            found = broyden(lambda z: self.gap(z, tariff, cost), start, gap, known, ROUNDING)
            prices = found[shape[0] :].reshape(shape)
            return self.market(found[: shape[0]], prices, tariff, cost, *rest) | {"price": prices}

    base = Program(FOLDER, theta)
    base.known = base.inverse()

    def both(rates, cost):
        tariff = base.tariff.copy()
        tariff[CANADA, US, :goods], tariff[US, CANADA, :goods] = rates
        return base.welfare(tariff, cost)[[CANADA, US]]

    def slopes(rates, cost):
        ends = [(both(rates + move, cost), both(rates - move, cost)) for move in STEP * np.eye(2)]
        return np.array([(up - down)[k] for k, (up, down) in enumerate(ends)]) / (2 * STEP)

    rates, inverse, paid = START, None, []
    for r in SHARES:
        cost = np.ones((shape[0], *shape))
        more = r * base.flows[US, CANADA, :goods] / base.flows[CHINA, CANADA, :goods]
        cost[CHINA, CANADA, :goods] = (1 + more) ** (-1 / base.theta[:goods])
        here = slopes(rates, cost)
        if inverse is None:
            moved = [slopes(rates + row, cost) - here for row in 1e-3 * np.eye(2)]
            inverse = np.linalg.inv(np.array(moved).T / 1e-3)
        rates = broyden(lambda rates, cost=cost: slopes(rates, cost), rates, here, inverse, SETTLED)
        gains = (both(np.zeros(2), cost) - both(rates, cost)) * gdp[[CANADA, US]] / 100
        paid.append((gains[0] - gains[1]) / 2)
    return np.array(paid)


@pytest.mark.benchmark
def test_a_draw_of_the_headline(speedup):
    """At most 1.5 times as long as the plain program, which tries no deviations."""
    talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China", money="gdp")
    draw = HeadlineDraw(negotiation=talks, shares=SHARES[1:], disagreements=("war",))
    theta, gdp = np.linspace(3.0, 8.0, 11), load().gdp.values
    paid = draw(theta)["transfer"][0, 0]
    np.testing.assert_allclose(paid, plain_headline(theta, gdp), rtol=0, atol=1e-6)
    ratio = speedup(
        "a draw of the headline: base, three wars, three splits",
        lambda: draw(theta),
        lambda: plain_headline(theta, gdp),
        clock=process_time,
    )
    assert ratio >= 1 / 1.5
