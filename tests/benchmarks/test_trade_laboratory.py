"""Trade at the size of published studies against `scipy.optimize.root` on the system reduced to log wages."""

from time import process_time

import numpy as np
import pytest
from scipy.optimize import root

from bargaining_models.trade import TradeModel
from bargaining_models.trade.tariff_nash import Payoffs, rates_of
from plain_economy import PlainEconomy, drawn, rates

REGIONS, SECTORS = 44, 16


@pytest.fixture(scope="module")
def model():
    flows, tariffs, _, theta = drawn(0, REGIONS, SECTORS, links=False)
    return TradeModel.from_arrays(
        flows,
        tariffs,
        elasticities=theta,
        regions=[f"r{k}" for k in range(REGIONS)],
        sectors=[f"s{k}" for k in range(SECTORS)],
    )


def in_wages(model, tariffs):
    """The labour conditions of an economy without inputs and deficits, as a function of log wages alone."""
    base = model.economy
    kappa = ((1 + tariffs) / (1 + base.tariffs)) ** -base.elasticities

    def gap(wage):
        term = base.shares * kappa * np.exp(-base.elasticities * wage[:, None])
        share = term / term.sum(axis=1, keepdims=True)
        net = share / (1 + tariffs)
        earned = np.exp(wage) * base.factor
        income = earned / (base.final * net.sum(axis=1)).sum(axis=1)
        sold = (net * (base.final * income[:, None])[:, None]).sum(axis=(0, 2))
        gap = sold / base.factor - np.exp(wage)
        gap[-1] = earned.sum() / base.factor.sum() - 1
        return gap

    return gap


@pytest.mark.benchmark
def test_an_equilibrium_of_44_countries(model, speedup):
    """At most twice what the plain program takes."""
    tariffs = rates(np.random.default_rng(1), model.economy.shares.shape, high=0.5)
    gap = in_wages(model, tariffs)
    plain = root(gap, np.zeros(REGIONS), tol=1e-12)
    np.testing.assert_allclose(model.solve(tariffs=tariffs).wages, np.exp(plain.x), rtol=1e-9)
    ratio = speedup(
        "44 x 16 without inputs, one scenario",
        lambda: model.solve(tariffs=tariffs),
        lambda: root(gap, np.zeros(REGIONS), tol=1e-12),
        clock=process_time,
    )
    assert ratio >= 0.5


@pytest.mark.benchmark
def test_own_slopes_of_44_countries(model, speedup):
    """One adjoint solve against a difference for each."""
    payoffs = Payoffs(model, rates_of(model, None, sectors="all"))
    values = np.full((1, REGIONS), 0.2)
    ratio = speedup(
        "44 own slopes and their equilibrium (the rival: 44 equilibria)",
        lambda: payoffs.own_slopes(values),
        lambda: payoffs.log_objective(values + 1e-5 * np.eye(REGIONS)),
        rounds=3,
        clock=process_time,
    )
    assert ratio >= 5


@pytest.mark.benchmark
def test_nash_tariffs_of_44_countries(model, speedup, capsys):
    """With their deviations over a grid: no longer than 150 equilibria of the plain program."""
    gap = in_wages(model, rates(np.random.default_rng(1), model.economy.shares.shape, high=0.5))
    found = model.nash_tariffs(sectors="all", starts=["formula"])
    assert found.marginal < 1e-9
    ratio = speedup(
        "Nash tariffs of 44 countries (the rival: one equilibrium)",
        lambda: model.nash_tariffs(sectors="all", starts=["formula"]),
        lambda: root(gap, np.zeros(REGIONS), tol=1e-12),
        rounds=1,
        clock=process_time,
    )
    with capsys.disabled():
        print(f"as long as {1 / ratio:.0f} equilibria of the plain program")
    assert ratio >= 1 / 150


@pytest.mark.benchmark
def test_the_structure_of_20_by_20(speedup):
    """With input-output links, against the plain program in wages and prices at a quarter of the size."""
    model = TradeModel.from_structure("icio2019")
    tariffs = 0.1 * (1 - np.eye(20))[:, :, None] * np.ones(20)
    small = drawn(2, 10, 10)
    plain = PlainEconomy(small[0], small[1], small[2] / 4, small[3])
    ratio = speedup(
        "20 x 20 with links (the rival: 10 x 10)",
        lambda: model.solve(tariffs=tariffs),
        lambda: plain.solve(small[1] * 1.5),
        rounds=1,
        clock=process_time,
    )
    assert ratio >= 6
