"""How Nash tariffs answer what they are set under, against worlds solved in fifty digits that share no code."""

from collections.abc import Callable, Sequence
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from bargaining import InvalidInput, sensitivity
from bargaining_models.parameters import load
from bargaining_models.trade import TradeModel

FLOWS = np.array([[80.0, 20.0, 7.0], [25.0, 175.0, 12.0], [9.0, 10.0, 140.0]])
REGIONS = ["A", "B", "C"]
STEP = "1e-15"


def model_of(n: int) -> TradeModel:
    return TradeModel.from_arrays(
        FLOWS[:n, :n, None], elasticities=4, regions=REGIONS[:n], sectors=["all"], deficits="balanced"
    )


class World:
    """Regions with one sector and no inputs, in fifty digits: shares, incomes and welfare in exact hats."""

    def __init__(self, model: TradeModel) -> None:
        self.n = len(model.regions)
        self.shares = [[mp.mpf(float(x)) for x in row] for row in model.economy.shares[:, :, 0]]
        self.made = [mp.mpf(float(x)) for x in model.economy.factor]
        self.theta, self.given = mp.mpf(4), mp.zeros(self.n)
        self.hats = mp.ones(self.n)

    def at(self, w: Sequence[Any], tau: Any) -> tuple[list[Any], list[Any], Any]:
        """Return sales over what is made, log real incomes, and shares, at wages."""
        n = range(self.n)
        cost = [
            [self.shares[i][j] * (w[j] * self.hats[i, j] * (1 + tau[i, j])) ** -self.theta for j in n]
            for i in n
        ]
        total = [sum(row) for row in cost]
        now = [[cost[i][j] / total[i] for j in n] for i in n]
        income = [w[i] * self.made[i] / sum(now[i][j] / (1 + tau[i, j]) for j in n) for i in n]
        sold = [sum(now[i][j] / (1 + tau[i, j]) * income[i] for i in n) / (w[j] * self.made[j]) for j in n]
        real = [mp.log(income[i] / self.made[i]) + mp.log(total[i]) / self.theta for i in n]
        return sold, real, now

    def solved(self, rates: Sequence[Any]) -> tuple[list[Any], Any]:
        """Return log real incomes and shares where the first regions tax all others at uniform rates."""
        tau = self.given.copy()
        for i, rate in enumerate(rates):
            for j in range(self.n):
                tau[i, j] = rate if i != j else 0
        start = tuple([mp.mpf(1)] * (self.n - 1))
        wages = mp.findroot(lambda *w: [one - 1 for one in self.at((1, *w), tau)[0][1:]], start, tol=1e-60)
        return self.at((1, *wages), tau)[1:]

    def war(self) -> list[Any]:
        """Return the rates of two who tax all others, each the best reply."""

        def off(*rates: Any) -> list[Any]:
            out = []
            for i in (0, 1):
                ends = []
                for sign in (1, -1):
                    moved = list(rates)
                    moved[i] += sign * mp.mpf(STEP)
                    ends.append(self.solved(moved)[0][i])
                out.append((ends[0] - ends[1]) / (2 * mp.mpf(STEP)))
            return out

        return list(mp.findroot(off, (mp.mpf("0.3"), mp.mpf("0.3")), tol=1e-40))


def slopes(model: TradeModel, move: Callable[[World, Any], None], h: Any) -> Any:
    ends = []
    for sign in (1, -1):
        world = World(model)
        move(world, sign * h)
        ends.append(world.war())
    return np.array([float((a - b) / (2 * h)) for a, b in zip(*ends, strict=True)])


Move = Callable[[World, Any], None]


def patience(world: World, h: Any) -> None:
    world.theta += h


def cost(i: int, j: int) -> Move:
    def move(world: World, h: Any) -> None:
        world.hats[i, j] += h

    return move


def tariff(i: int, j: int) -> Move:
    def move(world: World, h: Any) -> None:
        world.given[i, j] += h

    return move


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 3])
def test_nash_tariffs_answer_what_they_are_set_under(n: int) -> None:
    """The rates themselves, and their derivatives in an elasticity, in costs and in the tariffs of a third region."""
    model = model_of(n)
    found = model.nash_tariffs(["A", "B"])
    with mp.workdps(50):
        np.testing.assert_allclose(found.rates, [float(x) for x in World(model).war()], rtol=0, atol=1e-11)
        h = mp.mpf("1e-9")
        of = {name: sensitivity(found, wrt=name) for name in ("elasticities", "costs", "tariffs")}
        cases = [(of["elasticities"][:, 0], patience), (of["costs"][:, 0, 1, 0], cost(0, 1))]
        if n == 3:
            cases += [(of["costs"][:, 2, 0, 0], cost(2, 0)), (of["tariffs"][:, 2, 1, 0], tariff(2, 1))]
        for ours, move in cases:
            np.testing.assert_allclose(ours, slopes(model, move, h), rtol=0, atol=1e-10)
    set_here = ~np.eye(n, dtype=bool)[:2]
    # The players' own rates take their place.
    assert np.abs(of["tariffs"].values[:, :2][:, set_here]).max() == 0
    assert all(float(one.error.max()) < 1e-8 for one in of.values())


def test_rates_that_are_added_fall_as_much_as_what_they_are_added_to_rises() -> None:
    """With sectors that buy inputs; and rates that are differentiated are those of other tariffs, solved anew."""
    model = TradeModel.from_parameters(load())
    war = model.nash_tariffs(["USA", "CAN"], by="partner", against="players", base="add")
    slopes = sensitivity(war, wrt="tariffs")
    here = slopes.sel(
        importer="USA",
        exporter="CAN",
        sector=[s for s, one in zip(model.sectors, model.goods, strict=True) if one],
    )
    np.testing.assert_allclose(here.sum("sector"), [-1, 0], atol=1e-9)
    other = {"importer": "CHN", "exporter": "USA", "sector": model.sectors[0]}
    ends = []
    for h in (1e-4, -1e-4):
        given = model.economy.tariffs + h * (
            model.tariffs({("CHN", "USA", model.sectors[0]): 1.0}) - model.economy.tariffs > 0
        )
        ends.append(
            model.nash_tariffs(["USA", "CAN"], by="partner", against="players", base="add", given=given).rates
        )
    np.testing.assert_allclose(slopes.sel(other), (ends[0] - ends[1]) / 2e-4, rtol=0, atol=1e-7)
    with pytest.raises(InvalidInput, match="`wrt` must be"):
        sensitivity(war, wrt="prices")
    with pytest.raises(InvalidInput, match="`order` must be 1 for TariffEquilibrium"):
        sensitivity(war, wrt="elasticities", order=2)
