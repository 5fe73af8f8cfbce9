"""Tariffs of everybody on everybody on a day, and what they change in a negotiation."""

import csv
from pathlib import Path

import numpy as np
import pytest

import bargaining_models
from bargaining import InvalidInput
from bargaining_models.negotiation import Negotiation
from bargaining_models.negotiation.deal import Deal
from bargaining_models.paper.tables import stored
from bargaining_models.parameters import load
from bargaining_models.trade import Environment, TradeModel
from bargaining_models.us_canada.baseline import Baseline
from former_figures import former
from plain_trade import PlainTrade

DATA = Path(bargaining_models.__file__).parent / "data"
LAST = "2026-08-19"
PAIR = {"home": "Canada", "partner": "US"}


def rates_on(day, structure, variant="adjusted"):
    """The rates of the last date of each link that is not after the day, read with the csv module alone."""
    with (DATA / "tariffs" / f"{structure}_{variant}.csv").open(newline="", encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["date"])
    return {
        (row["importer"], row["exporter"], row["sector"]): float(row["value"]) / 100
        for row in rows
        if row["date"] <= day
    }


@pytest.fixture(scope="module")
def talks():
    return Negotiation(data=load(), alternative="China", tariffs=LAST, **PAIR)


def test_the_us_gains_from_the_war_of_august_2026_where_it_loses_at_the_rates_of_2023(talks):
    """US rates on China and others of August 2026 turn the sign. Checked in a program that shares no code."""
    before = Negotiation(data=load(), **PAIR)
    war, peace = before.war(), before.payoffs()
    assert round(float(war.percent[1] - peace.percent[1]), 3) == -0.008
    war, peace = talks.war(), talks.payoffs()
    gain = float(war.percent[1] - peace.percent[1])
    assert 0.014 < gain < 0.017
    # One rate on all goods of China and one on all others gives what was found elsewhere with the former figures.
    one = {("USA", "CHN"): 0.228, ("USA", "ROW"): 0.1035}
    flat = Negotiation(data=former(), tariffs=Environment.from_rates(one, date=LAST), **PAIR)
    assert float(flat.war().percent[1] - flat.payoffs().percent[1]) == pytest.approx(0.01443, abs=5.1e-6)
    plain, rates = PlainTrade(DATA, 5.0), rates_on(LAST, "wiod2011")
    regions, sectors = load().regions, load().sectors
    tariff = plain.tariff.copy()
    for (importer, exporter, sector), rate in rates.items():
        if {importer, exporter} != {"USA", "CAN"}:
            tariff[regions.index(importer), regions.index(exporter), sectors.index(sector)] = rate
    at_peace = plain.welfare(tariff)
    tariff[1, 0, :9], tariff[0, 1, :9] = war.rates
    np.testing.assert_allclose(peace.percent, at_peace[[1, 0]], atol=1e-9)
    lost = plain.welfare(tariff)[[1, 0]] - at_peace[[1, 0]]
    np.testing.assert_allclose(war.percent - peace.percent, lost, atol=1e-9)
    # The dated tables of the paper say the same, in percent and in the money of the Nash division.
    where = ("2026", 0.0, "unlimited")
    (row,) = (row for row in stored("T1").records() if (row["tariffs"], row["r"], row["capacity"]) == where)
    np.testing.assert_allclose([row["war_Canada"], row["war_US"]], lost, atol=1e-8)
    where = ("2026", "open", "Nash")
    (row,) = (
        row for row in stored("headline").records() if (row["tariffs"], row["route"], row["reading"]) == where
    )
    money = lost * plain.income[[1, 0]] / 100
    assert row["0"] == pytest.approx((money[1] - money[0]) / 2, abs=1e-6)


@pytest.mark.parametrize(
    ("day", "since"),
    [("2026-08-19", "2026-08-19"), ("2026-08-18", "2026-07-31"), ("2025-04-10", "2025-04-09")],
)
def test_the_latest_rates_are_in_force(day, since):
    talks = Negotiation(data=load(), tariffs=day, **PAIR)
    assert talks.environment is not None
    assert talks.environment.since.isoformat() == since
    model = talks.model
    for (importer, exporter, sector), rate in rates_on(day, "wiod2011").items():
        place = model.regions.index(importer), model.regions.index(exporter), model.sectors.index(sector)
        assert talks.standing[place] == rate
        assert talks.free[place] == (0.0 if {importer, exporter} == {"USA", "CAN"} else rate)
    untouched = model.regions.index("ROW")
    np.testing.assert_array_equal(talks.standing[untouched], model.economy.tariffs[untouched])


# Averages of US rates on Canada, China and others at imports of 2024 (github.com/tradewartracker/trade-war-redux-2025,
# adjusted as SOURCES.md says), and what Canada loses by the tariffs of the day, USD bn, in a program of its own.
DAYS = {
    "2025-03-05": ((19.3, 30.9, 6.4), 31.0),
    "2025-03-10": ((1.5, 30.9, 1.8), None),  # goods of the agreement are exempt from 7 March
    "2025-04-10": ((4.6, 139.2, 12.7), 7.0),
    "2025-04-12": ((4.6, 110.6, 11.5), None),
    "2025-05-20": ((4.6, 37.9, 11.2), None),
    "2025-10-20": ((6.9, 42.1, 16.5), None),
    "2026-08-19": ((8.0, 22.8, 10.4), None),
}


@pytest.mark.parametrize("day", DAYS)
def test_a_day_has_its_own_tariffs_and_not_those_of_three_days_in_march(day):
    """Rates of 4 March 2025 ruled until June: 20 percent on Canada, 31 on China, and a loss of 31 on 10 April."""
    averages, lost = DAYS[day]
    talks = Negotiation(data=load(), tariffs=day, **PAIR)
    flows, goods = talks.model.economy.flows, talks.model.goods
    for exporter, average in zip(("CAN", "CHN", "ROW"), averages, strict=True):
        link = talks.model.regions.index("USA"), talks.model.regions.index(exporter)
        rate = (talks.standing[link] * flows[link])[goods].sum() / flows[link][goods].sum()
        assert 100 * rate == pytest.approx(average, rel=0.09)  # at the trade of 2023 in place of that of 2024
    if lost is not None:
        cost = talks.payoffs().money - talks.status_quo().money
        assert cost[0] == pytest.approx(lost, rel=0.03)


def test_canada_and_china_change_their_rates_on_days_of_their_own():
    model = TradeModel.from_parameters(load())
    metal, farm = (model.sectors.index(name) for name in ("METAL", "AGR"))
    us, canada, china = (model.regions.index(name) for name in ("USA", "CAN", "CHN"))
    for before, after, link in [
        ("2025-03-12", "2025-03-13", (canada, us, metal)),
        ("2025-08-13", "2025-08-14", (china, canada, farm)),
        ("2025-12-25", "2025-12-26", (canada, us, metal)),
    ]:
        first, then = (Environment.shipped().at(day).tariffs(model)[link] for day in (before, after))
        assert then > first + 0.02
    first, then = (Environment.shipped().at(day).tariffs(model) for day in ("2026-02-28", "2026-03-01"))
    assert then[china, canada, farm] < first[china, canada, farm] - 0.2


def test_no_day_after_the_last_known_one_without_a_word():
    with pytest.raises(
        InvalidInput, match="`tariffs` must not be after 2026-08-19, the last day for which rates"
    ):
        Negotiation(data=load(), tariffs="2031-01-01", **PAIR)
    shipped = Environment.shipped()
    later = Negotiation(data=load(), tariffs=shipped.at("2031-01-01", latest=True), **PAIR)
    last = shipped.at("2031-01-01", latest=True)
    assert last.at().words == last.words
    for day in ("2030-01-01", "2031-01-01"):
        with pytest.raises(InvalidInput, match="`date` must not be after 2026-08-19"):
            last.at(day)
    np.testing.assert_array_equal(later.standing, Negotiation(data=load(), tariffs=LAST, **PAIR).standing)
    assert "Tariffs: tariffs of 19 August 2026, the last known, for 1 January 2031" in str(
        later.headline([0.0])
    )
    assert Negotiation(data=load(), tariffs=shipped, **PAIR).environment.words == "tariffs of 19 August 2026"
    spring = Negotiation(data=load(), tariffs="2025-04-10", **PAIR)
    assert "in force since 9 April 2025, sectors scaled" in str(spring.headline([0.0]))


@pytest.mark.parametrize(
    "call",
    [
        lambda: Negotiation(data=load(), **PAIR).payoffs(25),
        lambda: Negotiation(data=load(), **PAIR).unanswered(25),
        lambda: TradeModel.from_parameters(load()).tariffs({("USA", "CAN"): 25}),
        lambda: Environment.from_rates({("USA", "CAN"): 25}, date=LAST).tariffs(
            TradeModel.from_parameters(load())
        ),
    ],
)
def test_a_rate_in_percent_is_refused(call):
    with pytest.raises(
        InvalidInput, match=r"must be at most 3, 300 percent; got 25.* Divide it by 100: 0.25"
    ):
        call()


def test_the_published_series_can_be_had_beside_the_adjusted_one():
    metal = load().sectors.index("METAL")
    found = [
        Negotiation(data=load(), tariffs=Environment.shipped(variant=v).at("2025-12-31"), **PAIR)
        for v in ("adjusted", "tracker")
    ]
    adjusted, tracker = (one.standing[0, 1] for one in found)
    # Steel and aluminium themselves are missing from the tracker's lists.
    assert adjusted[metal] > tracker[metal]
    flows = load().flows.values[0, 1] * load().goods
    assert (adjusted * flows).sum() < (tracker * flows).sum()  # which takes too much as outside the agreement


def test_the_case_of_canada_can_be_dated(talks):
    case = Baseline.from_parameters(tariffs=LAST)
    np.testing.assert_array_equal(case.war().money, talks.war().money)
    np.testing.assert_array_equal(case.status_quo().money, talks.status_quo().money)
    assert "2025-26" not in " ".join([*case.outcomes(), case.roles.meanwhile])
    deal = Deal.at(case, r=[0.0, 0.15])
    assert (deal.status_quo.money[:, 0] < deal.agreement.money[:, 0]).all()


def test_the_status_quo_is_what_is_in_force(talks):
    model = talks.model
    by_hand = model.solve(tariffs=Environment.shipped().at(LAST).tariffs(model))
    np.testing.assert_array_equal(talks.status_quo().equilibrium.welfare, by_hand.welfare)
    assert talks.roles.status_quo == "tariffs of 19 August 2026"
    assert "the tariffs of 19 August 2026" in talks.roles.meanwhile


def test_merged_regions_have_the_rate_that_their_trade_pays():
    """The US on three members of the EU, and on all others, against sums over rows of the file."""
    union = ["DEU", "FRA", "ITA"]
    talks = Negotiation(data="icio2019", home={"EU3": union}, partner="US", tariffs=LAST)
    whole = TradeModel.from_structure("icio2019")
    rates, us = rates_on(LAST, "icio2019"), whole.regions.index("USA")

    def collected(members, sector):
        flows = [whole.data.flows[us, whole.regions.index(m), whole.sectors.index(sector)] for m in members]
        paid = [rates.get(("USA", m, sector), rates.get(("USA", m, "goods"))) for m in members]
        return np.dot(flows, paid) / np.sum(flows)

    model = talks.model
    place = {name: k for k, name in enumerate(model.regions)}
    for sector in "ABC":
        j = model.sectors.index(sector)
        assert talks.standing[place["USA"], place["EU3"], j] == pytest.approx(collected(union, sector))
        rest = [r for r in whole.regions if r not in ("USA", *union)]
        assert talks.standing[place["USA"], place["ROW"], j] == pytest.approx(collected(rest, sector))
    first = Negotiation(data="icio2019", home={"EU3": union}, partner="US", tariffs="2024-12-31")
    np.testing.assert_array_equal(first.status_quo().percent.round(9), 0.0)  # the base, at the end of 2024


@pytest.mark.parametrize("structure", ["wiod2011", "icio2019", "wiod2014"])
@pytest.mark.parametrize("variant", ["adjusted", "tracker"])
def test_every_row_has_unit_year_and_source(structure, variant):
    with (DATA / "tariffs" / f"{structure}_{variant}.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["unit"] for row in rows} == {"percent"}
    assert all(row["year"] == row["date"][:4] for row in rows)
    assert all(row["source"].startswith(("derived", "assumption", "no measure")) for row in rows)
    assert len({(r["date"], r["importer"], r["exporter"], r["sector"]) for r in rows}) == len(rows)
    days = {row["date"] for row in rows if row["importer"] == "USA"}
    assert len(days) == (
        26 if variant == "adjusted" else 24
    )  # none of 4 March and 1 August 2025 in the tracker
    world = (
        TradeModel.from_parameters(load())
        if structure == "wiod2011"
        else TradeModel.from_structure(structure)
    )
    assert Environment.shipped(structure, variant).names(world)


WRONG = {
    "`tariffs` must not be before the first rate, 2024-12-31; got 2020-01-01. Rates change on 2024-12-31, 2025-02-04": {
        "tariffs": "2020-01-01"
    },
    "`tariffs` must be a date such as": {"tariffs": "August"},
    "`tariffs` must have one number for each importer": {"tariffs": np.zeros((2, 2, 2))},
}


@pytest.mark.parametrize(("message", "options"), WRONG.items(), ids=WRONG)
def test_wrong_dates_are_named(message, options):
    with pytest.raises(InvalidInput, match=message):
        Negotiation(data=load(), **PAIR, **options)


def test_a_date_needs_regions_that_the_package_knows():
    model = TradeModel.from_arrays(
        [[[80.0], [20.0]], [[25.0], [175.0]]], elasticities=4, regions=["here", "there"], sectors=["all"]
    )
    with pytest.raises(
        InvalidInput, match="`tariffs` cannot be a date where the regions or sectors are none"
    ):
        Negotiation(model, home="here", partner="there", tariffs=LAST)
