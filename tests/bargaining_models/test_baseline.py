from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import bargaining_models
from bargaining.errors import InvalidInput, Status
from bargaining_models.parameters import load
from bargaining_models.trade import tariff_nash
from bargaining_models.us_canada.baseline import Baseline
from plain_trade import PlainTrade

SHARES = [0.0, 0.15, 0.3, 1.0]
CANADA, US = 0, 1


@pytest.fixture(scope="module", params=["uniform5", "cp"])
def baseline(request):
    return Baseline.from_parameters(elasticities=request.param)


@pytest.fixture(scope="module")
def baseline5():
    return Baseline.from_parameters()


@pytest.fixture(scope="module")
def war(baseline):
    return baseline.war(r=SHARES)


def test_agreement_is_the_base(baseline):
    outcome = baseline.payoffs()
    np.testing.assert_allclose(outcome.percent, 0.0, atol=1e-10)


def test_no_deviation_from_the_war_pays(baseline, war):
    rates = np.concatenate([np.linspace(-0.5, 1.0, 76), [2.0, 3.0]])[:, None]
    us = baseline.payoffs(rates, war.rates[:, CANADA], r=SHARES).percent[..., US]
    canada = baseline.payoffs(war.rates[:, US], rates, r=SHARES).percent[..., CANADA]
    assert (us <= war.percent[:, US] + 1e-12).all()
    assert (canada <= war.percent[:, CANADA] + 1e-12).all()
    assert war.regret.max() <= 1e-12
    assert war.marginal.max() <= 1e-10
    assert war.unique.all()
    assert (war.status == Status.OK).all()


def test_war_rates_are_optimal_in_a_plain_program(baseline5):
    """A bounded minimiser on a program that shares no code; it is good to the square root of rounding."""
    plain = PlainTrade(Path(bargaining_models.__file__).parent / "data", baseline5.model.economy.elasticities)
    war = baseline5.war()

    def loss(rate, own):
        tariff = plain.tariff.copy()
        tariff[1, 0, :9] += rate if own == CANADA else war.rates[CANADA]
        tariff[0, 1, :9] += rate if own == US else war.rates[US]
        return -plain.welfare(tariff)[1 if own == CANADA else 0]

    for own in (CANADA, US):
        best = minimize_scalar(
            loss, bounds=(0.0, 0.3), args=(own,), method="bounded", options={"xatol": 1e-6}
        )
        assert best.x == pytest.approx(war.rates[own], abs=1e-4)
        assert -best.fun == pytest.approx(war.percent[own], abs=1e-9)


def test_war_does_not_depend_on_the_batch(baseline5):
    together = baseline5.war(r=np.reshape(SHARES, (2, 2)))
    for k, r in np.ndenumerate(np.reshape(SHARES, (2, 2))):
        alone = baseline5.war(r=r)
        assert alone.status is Status.OK
        for name in ("rates", "percent", "money", "residual", "marginal", "regret", "unique"):
            np.testing.assert_array_equal(getattr(together, name)[k], getattr(alone, name))


def test_war_that_no_start_leads_to_fails_in_its_cell(baseline5, monkeypatch):
    monkeypatch.setattr(tariff_nash, "NEWTON_STEPS", 0)
    war = baseline5.war(r=[0.0, 0.1])
    assert (war.status == Status.FAILED).all()
    assert np.isnan(war.rates).all()
    assert np.isnan(war.percent).all()
    assert not war.unique.any()


def test_war_that_stops_early_says_so(baseline5, monkeypatch):
    monkeypatch.setattr(tariff_nash, "BROYDEN_STEPS", 1)
    monkeypatch.setattr(tariff_nash, "NOTHING", 1.0)
    war = baseline5.war()
    assert war.status is Status.INACCURATE
    assert war.marginal > 1e-8
    assert not war.unique


def test_leaving_is_the_limit_of_prohibitive_tariffs(baseline):
    left = baseline.leave(r=[0.0, 0.2])
    shut = baseline.tariffs_at(np.array([1e9, 1e9]))
    routes = baseline.route([0.0, 0.2])
    taxed = baseline.model.solve(tariffs=shut, costs=routes, highest=np.inf).welfare[:, baseline.places]
    np.testing.assert_allclose(left.percent, taxed, rtol=0, atol=1e-8)
    assert (left.percent < baseline.war(r=[0.0, 0.2]).percent).all()


def test_schedules_add_up(baseline5):
    rates = {"METAL": 0.3236, "AUTO": 0.121, "MIN": 0.006763, "PETR": 0.005401, "WOOD": 0.02803}
    rates |= {"AGR": 0.01802, "FOOD": 0.01699, "CHEM": 0.02027, "OMAN": 0.08211}
    model = baseline5.model
    links = {("USA", "CAN", sector): rate for sector, rate in rates.items()}
    direct = model.solve(tariffs=model.tariffs(links))
    np.testing.assert_allclose(
        baseline5.schedule("us_2025_26").equilibrium.welfare, direct.welfare, atol=1e-12
    )
    reply = {("CAN", "USA", "METAL"): 0.098, ("CAN", "USA", "AUTO"): 0.052}
    both = baseline5.schedule("us_2025_26", "canada_2025_26", r=[0.0, 0.1])
    direct = model.solve(tariffs=model.tariffs(links | reply))
    np.testing.assert_allclose(both.equilibrium.welfare[0], direct.welfare, atol=1e-12)


def test_stage_payoffs_are_the_payoffs_of_each_pair(baseline5):
    us, canada = [0.0, 0.1, 0.3], [0.0, 0.2]
    stage = baseline5.stage_payoffs(us, canada, r=[0.0, 0.3], capped=True)
    assert stage.shape == (2, 2, 3, 2)
    for row, s in enumerate(canada):
        for column, t in enumerate(us):
            pair = baseline5.payoffs(t, s, r=[0.0, 0.3], capped=True)
            np.testing.assert_array_equal(stage[:, row, column], pair.percent)


def test_caps_bound_the_route(baseline5):
    caps = dict(zip(baseline5.model.sectors, baseline5.parameters.caps.values, strict=True))
    goods = [j for j, good in zip(baseline5.model.sectors, baseline5.model.goods, strict=True) if good]
    capped = baseline5.payoffs(0.25, r=0.12, capped=True)
    by_sector = baseline5.payoffs(0.25, r={j: min(0.12, caps[j]) for j in goods})
    np.testing.assert_array_equal(capped.percent, by_sector.percent)
    assert capped.percent[CANADA] < baseline5.payoffs(0.25, r=0.12).percent[CANADA]
    # Beyond the largest cap nothing moves.
    np.testing.assert_array_equal(*baseline5.payoffs(0.25, r=[0.3, 1.0], capped=True).percent)


def test_outcomes_by_name(baseline5):
    outcomes = baseline5.outcomes(r=[0.0, 0.1], capped=True)
    assert list(outcomes) == [
        "agreement",
        "2025-26 schedule",
        "US 25 percent",
        "US 100 percent",
        "tariff war",
        "exit",
    ]
    canada = np.array([outcome.percent[:, CANADA] for outcome in outcomes.values()])
    np.testing.assert_array_equal(canada.argmax(axis=0), 0)
    np.testing.assert_array_equal(canada.argmin(axis=0), len(canada) - 1)
    np.testing.assert_array_equal(
        outcomes["exit"].percent, baseline5.leave(r=[0.0, 0.1], capped=True).percent
    )


def test_figures_without_canada_are_refused():
    with pytest.raises(InvalidInput, match="`region` must be one of"):
        Baseline.from_parameters(replace(load(), regions=("USA", "MEX", "CHN", "ROW")))


BAD_CALLS = [
    (lambda b: b.payoffs(-1.0), "`partner_tariff`, of the US on Canada, must be above -1.*got -1"),
    (lambda b: b.payoffs(0.1, [-2.0]), "`home_tariff`, of Canada on the US, must be above -1.*got -2"),
    (lambda b: b.payoffs(np.nan), "`partner_tariff` must be finite"),
    (lambda b: b.payoffs(True), "`partner_tariff` must be real numbers"),
    (lambda b: b.payoffs(r=1.01), r"`r` must lie in \[0, 1\]; got 1.01"),
    (lambda b: b.war(r=[0.0, -0.1]), r"`r` must lie in \[0, 1\]; got -0.1"),
    (lambda b: b.leave(r=np.inf), "`r` must be finite"),
    (lambda b: b.payoffs(r={"GRAIN": 0.1}), "`sector` must be one of .* got 'GRAIN'"),
    (lambda b: b.payoffs(r={"SERV": 0.1}), "must name goods sectors; got 'SERV'"),
    (lambda b: b.payoffs([0.1, 0.2], r=[0.1, 0.2, 0.3]), "must broadcast"),
    (lambda b: b.payoffs(r=0.1, capped="no"), "`capped` must be True or False; got 'no'"),
    (lambda b: b.payoffs(r=0.1, route=None), "`route` must be True or False"),
    (lambda b: b.schedule("us_2030"), "`names` must be one of 'us_2025_26'.*got 'us_2030'"),
    (lambda b: b.stage_payoffs(0.1, [0.1]), "`partner_rates` must be one list of numbers"),
    (lambda b: b.stage_payoffs([0.1], [-1.5]), "`home_rates`, of Canada on the US, must be above -1"),
]


@pytest.mark.parametrize(("call", "message"), BAD_CALLS)
def test_bad_arguments_are_named(baseline5, call, message):
    with pytest.raises(InvalidInput, match=message):
        call(baseline5)
