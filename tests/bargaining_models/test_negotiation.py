"""Any three roles on any trade model, under their own names."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bargaining_models
from bargaining import InvalidInput, Status, nash
from bargaining_models.negotiation import Negotiation, Roles
from bargaining_models.negotiation.bluff import Claim
from bargaining_models.negotiation.capacity import Capacity
from bargaining_models.negotiation.deal import Deal, readings
from bargaining_models.negotiation.draws import headline_draws
from bargaining_models.negotiation.page import CLOSURE, IMPORTS, page, sheets
from bargaining_models.negotiation.pivot import path_readings
from bargaining_models.negotiation.pivot_game import PivotGame
from bargaining_models.negotiation.triangle import Triangle, triangle_readings
from bargaining_models.trade import TradeModel
from bargaining_models.uncertainty import elasticity_priors
from bargaining_models.us_canada.baseline import Baseline
from former_figures import former
from six_blocs import blocs

COUNTRIES = re.compile(r"Canad|\bUSA?\b|Chin|\bCAN\b|\bCHN\b")
SECTORS = {"goods": ["A", "B", "C"], "services": list("DEFGHIJKLMNOPQRST")}


@pytest.fixture(scope="module")
def model() -> TradeModel:
    return TradeModel.from_parameters(former())


@pytest.fixture(scope="module")
def talks(model: TradeModel) -> Negotiation:
    return Negotiation(model, home="Canada", partner="US", alternative="China")


@pytest.fixture(scope="module")
def three() -> TradeModel:
    """Three countries of no name that anybody knows, one good."""
    flows = [[[80.0], [20.0], [9.0]], [[25.0], [175.0], [14.0]], [[6.0], [18.0], [140.0]]]
    return TradeModel.from_arrays(
        flows, elasticities=4, regions=["Lilliput", "Blefuscu", "Laputa"], sectors=["all"], unit="sprugs"
    )


def test_the_case_of_canada_is_the_general_one(talks: Negotiation) -> None:
    """The generic negotiation, from the model and everyday names, has the payoffs of the case to the last bit."""
    case = Baseline.from_parameters(former())
    for outcome in ("war", "leave", "payoffs"):
        np.testing.assert_array_equal(
            getattr(talks, outcome)(r=0.15).money, getattr(case, outcome)(r=0.15).money
        )
    np.testing.assert_array_equal(
        case.status_quo().money, case.schedule("us_2025_26", "canada_2025_26").money
    )
    np.testing.assert_array_equal(talks.status_quo().money, talks.payoffs().money)


def test_who_is_home_does_not_matter_to_what_happens(model: TradeModel, talks: Negotiation) -> None:
    turned = Negotiation(model, home="US", partner="Canada")
    np.testing.assert_allclose(turned.war().rates, talks.war().rates[::-1], atol=1e-9)
    np.testing.assert_allclose(
        turned.payoffs(0.1, 0.2).money, talks.payoffs(0.2, 0.1).money[::-1], rtol=1e-12
    )
    np.testing.assert_allclose(turned.leave().percent, talks.leave().percent[::-1], rtol=1e-10)


def test_a_rate_is_the_tariff_itself_where_the_base_has_one(model: TradeModel) -> None:
    """The base has the US charge China 11 percent; rates of a war do not come on top of it."""
    pair = Negotiation(model, home="China", partner="US")
    base = model.economy.tariffs[0, 2, model.goods]
    assert (base == 0.11).all()
    rates = model.economy.tariffs.copy()
    rates[0, 2, model.goods] = 0.25
    rates[2, 0, model.goods] = 0.0
    np.testing.assert_array_equal(pair.payoffs(0.25).equilibrium.welfare, model.solve(tariffs=rates).welfare)
    np.testing.assert_array_equal(pair.status_quo().equilibrium.welfare, model.solve().welfare)
    rivals = model.nash_tariffs(["CHN", "USA"], against="players", base="replace")
    np.testing.assert_allclose(pair.war().rates, rivals.rates, atol=1e-8)


def test_every_text_has_the_names_of_the_roles(three: TradeModel) -> None:
    talks = Negotiation(three, home="Lilliput", partner="Blefuscu", alternative="Laputa")
    roles, deal = talks.roles, Deal.at(talks, r=[0.0, 0.3])
    texts = [text for one in readings(roles) for text in (one.name, one.timing)]
    texts += [text for one in path_readings(roles) for text in (one.name, one.timing)]
    texts += [text for one in triangle_readings(roles) for text in (one.name, one.timing)]
    texts += [deal.agreement.unit, *talks.outcomes()]
    game = PivotGame(capacity=Capacity.solve(talks, levels=[0.0, 0.3], capital=1.0)).game(0.9)
    texts += game.player_names
    with pytest.raises(InvalidInput) as refused:
        Claim(deal=Deal.at(talks, r=[0.3, 0.0]), war=1.0)
    with pytest.raises(InvalidInput) as closed:
        Triangle.of(deal.without_route())
    texts += [str(refused.value), str(closed.value)]
    assert not [text for text in texts if COUNTRIES.search(text)]
    assert "Laputa first" in texts
    assert "Blefuscu 25 percent" in texts
    assert list(game.player_names) == ["Lilliput", "Blefuscu"]
    assert "must bring Lilliput better terms" in str(refused.value)
    assert "route to Laputa" in str(closed.value)


def test_names_can_be_changed(talks: Negotiation) -> None:
    renamed = talks.calling(home="Ottawa", partner="the White House", meanwhile="the tariffs of the day")
    assert renamed.roles.names == ("Ottawa", "White House", "China")
    assert talks.roles.names == ("Canada", "US", "China")
    assert "Nash, Ottawa's weight 0.4" in [one.name for one in readings(renamed.roles)]
    np.testing.assert_array_equal(renamed.payoffs(0.1).money, talks.payoffs(0.1).money)


def test_regions_are_merged_into_roles() -> None:
    """Germany, France and Italy as one, against merging them by hand."""
    union = {"EU3": ["DEU", "FRA", "ITA"]}
    talks = Negotiation(data="icio2019", home="Canada", partner=union)
    by_hand = TradeModel.from_structure("icio2019", regions={"CAN": ["CAN"], **union}, rest="ROW")
    assert talks.model.regions == by_hand.regions == ("CAN", "EU3", "ROW")
    assert talks.roles.names == ("Canada", "EU3")
    np.testing.assert_array_equal(talks.model.economy.shares, by_hand.economy.shares)
    rates = by_hand.tariffs({("EU3", "CAN"): 0.1})
    np.testing.assert_array_equal(
        talks.payoffs(0.1).equilibrium.welfare, by_hand.solve(tariffs=rates).welfare
    )
    assert talks.unit == "USD bn of 2019"


BAD: dict[str, Callable[[TradeModel], Any]] = {
    "`partner` must not be 'CAN', which is `home`": lambda m: Negotiation(m, home="Canada", partner="CAN"),
    "`alternative` must not be 'USA', which is `partner`. Choose another of CAN, CHN, ROW": lambda m: (
        Negotiation(m, home="Canada", partner="US", alternative="United States")
    ),
    "`partner` must be a region of the model, USA, CAN, CHN, ROW; got 'Mexico'": lambda m: Negotiation(
        m, home="Canada", partner="Mexico"
    ),
    "`home` must be a region of the model.*got 'Canda'. Did you mean Canada": lambda m: Negotiation(
        m, home="Canda", partner="US"
    ),
    "`home` must be a region of the model.*got 'Atlantis'": lambda m: Negotiation(
        data="icio2019", home="Atlantis", partner="US"
    ),
    "`model` or `data` must be given": lambda m: Negotiation(home="Canada", partner="US"),
    "`model` must be a TradeModel; got Parameters": lambda m: Negotiation(
        former(),  # type: ignore[arg-type]
        home="Canada",
        partner="US",
    ),
    "`data` must be a TradeModel": lambda m: Negotiation(data="icio2020", home="Canada", partner="US"),
    "Roles must not share regions; 'CAN' is in": lambda m: Negotiation(
        m, home={"both": ["CAN", "USA"]}, partner="Canada"
    ),
    "`partner` must be a list of the regions of 'EU'; got 1": lambda m: Negotiation(
        m, home="Canada", partner={"EU": 1}
    ),
    "`partner` must be a region of the model": lambda m: Negotiation(m, home="Canada", partner=None),
    "`partner` must give 'EU' a list of regions": lambda m: Negotiation(
        m, home="Canada", partner={"EU": "DEU"}
    ),
    "`status_quo` must be a list of schedules": lambda m: Negotiation(
        m, home="Canada", partner="US", status_quo="us_2025_26"
    ),
    "`alternative` must be named where Canada can sell elsewhere": lambda m: Negotiation(
        m, home="Canada", partner="US"
    ).war(r=0.1),
    "`capped` must be False": lambda m: Negotiation(
        m, home="Canada", partner="US", alternative="China"
    ).payoffs(r=0.1, capped=True),
    "`meaning` must be one of": lambda m: Negotiation(m, home="Canada", partner="US", meaning="r"),
    "`capital` must be given": lambda m: Capacity.solve(
        Negotiation(m, home="Canada", partner="US", alternative="China"), levels=[0.0, 0.1]
    ),
}


@pytest.mark.parametrize(("message", "call"), BAD.items(), ids=BAD)
def test_bad_roles_are_named(model: TradeModel, message: str, call: Callable[[TradeModel], Any]) -> None:
    with pytest.raises(InvalidInput, match=message):
        call(model)


def test_roles_find_everyday_names() -> None:
    regions = ("USA", "GBR", "KOR", "Elbonia")
    roles = Roles.among(regions, home="Elbonia", partner="Britain", alternative="South Korea")
    assert roles.countries == ("Elbonia", "GBR", "KOR")
    assert roles.said == ("Elbonia", "the UK", "Korea")


def test_patience_that_free_trade_needs(talks: Negotiation) -> None:
    found = talks.critical_discounts(r=[0.0, 0.15])
    # An independent program.
    np.testing.assert_allclose(found[0], (0.25777, 0.85394), rtol=0, atol=5.1e-6)
    # A year of the best breach and the war for ever are worth just as much as the agreement.
    for own, kept in enumerate((0.0, 0.05)):
        delta = talks.critical_discounts(kept, kept)[own]
        grid = np.linspace(-0.2, 1.0, 1201)
        stage = talks.stage_payoffs(*((grid, [kept])[:: 1 if own else -1]))[..., own]
        best, war = stage.max(), talks.war().percent[own]
        agreed = talks.payoffs(kept, kept).percent[own]
        assert (1 - delta) * best + delta * war == pytest.approx(agreed, abs=2e-5)


def test_rates_worse_than_the_war_are_kept_at_no_patience(talks: Negotiation) -> None:
    """No discount factor in [0, 1] makes a year of breach and the war for ever worth no more than the agreement."""
    war, discounts = talks.war(), np.linspace(0.0, 1.0, 101)
    for partner, home in ((0.3, 0.0), (0.5, 0.5), (0.2, 0.05), (0.05, 0.02)):
        found, agreed = talks.critical_discounts(partner, home), talks.payoffs(partner, home).percent
        grid = np.linspace(-0.2, 1.0, 601)
        best = (
            talks.stage_payoffs([partner], grid)[..., 0].max(),
            talks.stage_payoffs(grid, [home])[..., 1].max(),
        )
        for own in (0, 1):
            keeps = (1 - discounts) * best[own] + discounts * war.percent[own] <= agreed[own]
            np.testing.assert_array_equal(keeps, discounts >= found[own])
    np.testing.assert_array_equal(
        talks.critical_discounts(*war.rates[::-1]), 0.0
    )  # a breach of the war gains nothing


def test_rates_may_be_whole_numbers(talks: Negotiation) -> None:
    np.testing.assert_array_equal(talks.critical_discounts(0, 0), talks.critical_discounts())


def test_a_war_that_newton_leaves_from_both_ends_is_not_ok_and_no_error() -> None:
    """Deficits in proportion to value added: no finite rates settle, and the last search leaves the grid."""
    model = TradeModel.from_arrays(
        [[[3.2989], [2.635]], [[1.1188], [17.128]]],
        [[[0.0], [0.0]], [[0.1927], [0.0]]],
        elasticities=7.5897,
        regions=["A", "B"],
        sectors=["all"],
        deficits="share",
    )
    war = Negotiation(model, home="B", partner="A").war()
    assert war.status == Status.FAILED or max(war.marginal, war.regret) > 1e-8
    assert war.status != Status.OK


EVEN, UNEVEN = [[8.6, 0.9], [1.7, 9.4]], [[32.709, 0.572], [0.613, 0.845]]


@pytest.mark.parametrize(
    ("flows", "tariffs", "elasticity"),
    [
        (EVEN, (0.0, 0.0), 4.1),
        (EVEN, (0.0, 0.0), 7.6),
        (EVEN, (0.0, 0.0), 12.8),
        (UNEVEN, (0.0935, 0.2771), 11.3),
    ],
)
def test_war_of_two_countries_by_formula(
    flows: list[list[float]], tariffs: tuple[float, float], elasticity: float
) -> None:
    """One good: t = 1 / (theta s), s the other's own part of what it buys, at producer prices (Johnson 1953)."""
    rates = np.zeros((2, 2, 1))
    rates[0, 1], rates[1, 0] = tariffs
    model = TradeModel.from_arrays(
        np.array(flows)[..., None], rates, elasticities=elasticity, regions=["A", "B"], sectors=["x"]
    )
    war = Negotiation(model, home="A", partner="B").war()
    assert war.status == Status.OK
    sold = war.equilibrium.flows[..., 0]
    own = np.diag(sold) / sold.sum(axis=1)
    np.testing.assert_allclose(war.rates, 1.0 / (elasticity * own[::-1]), rtol=1e-9)
    assert war.unique


def test_who_gains_from_the_war_keeps_no_agreement() -> None:
    """The US prefers its war with Mexico to free trade: above 1."""
    talks = Negotiation(blocs({"MEX": ["MEX"]}), home="MEX", partner="USA")
    mexico, us = talks.critical_discounts()
    assert us == pytest.approx(1.02415, abs=5.1e-6)
    assert talks.war().percent[1] > talks.payoffs().percent[1]
    assert 0 < mexico < 1


def test_money_by_income_or_by_gdp(model: TradeModel, talks: Negotiation, three: TradeModel) -> None:
    by_gdp = Negotiation(model, home="Canada", partner="US", alternative="China", money="gdp")
    by_income = talks
    assert talks.money == "income"
    np.testing.assert_array_equal(by_income.worth("CAN"), model.economy.income[[model.regions.index("CAN")]])
    np.testing.assert_array_equal(by_income.war().money, by_income.war().percent / 100.0 * by_income.worth())
    np.testing.assert_array_equal(by_gdp.war().percent, talks.war().percent)
    # GDP of the US is 2.4 percent above income in the model.
    assert by_gdp.worth("USA")[0] / by_income.worth("USA")[0] == pytest.approx(27843 / 27201, rel=1e-4)
    assert Negotiation(three, home="Lilliput", partner="Blefuscu").money == "income"
    with pytest.raises(InvalidInput, match="`money` cannot be 'gdp'"):
        Negotiation(three, home="Lilliput", partner="Blefuscu", money="gdp")
    with pytest.raises(InvalidInput, match="`money` must be one of 'income', 'gdp'"):
        Negotiation(model, home="Canada", partner="US", money="dollars")


def test_two_alone_have_nobody_to_sell_to_with_the_border_closed() -> None:
    """No share of exports is known where there are none; and rates and shares that cannot be are named."""
    two = TradeModel.from_arrays(
        [[[80.0], [20.0]], [[25.0], [175.0]]], elasticities=4, regions=["A", "B"], sectors=["all"]
    )
    talks = Negotiation(data=two, home="A", partner="B")
    assert "tariff war" in str(talks.headline())
    with pytest.raises(InvalidInput, match=r"`tariffs` must be above -1, a subsidy .* got -1 of A on A all"):
        Negotiation(two, home="A", partner="B", tariffs=-np.ones((2, 2, 1)))
    with pytest.raises(
        InvalidInput, match=r"`method` must be a concept such as bargaining\.nash; got 'nash'"
    ):
        talks.headline(method="nash")  # type: ignore[arg-type]


def test_a_share_above_one_is_named_by_its_place(talks: Negotiation) -> None:
    for call in (talks.headline, lambda r: talks.war(r=r)):
        with pytest.raises(InvalidInput, match=r"`r` must lie in \[0, 1\]; got 2 at index \(1, 0\)"):
            call([0.0, 2.0])


def test_two_who_do_not_trade_have_nothing_to_negotiate() -> None:
    flows = [[[80.0], [0.0], [9.0]], [[25.0], [175.0], [14.0]], [[6.0], [18.0], [140.0]]]
    some = TradeModel.from_arrays(flows, elasticities=4, regions=["A", "B", "C"], sectors=["all"])
    with pytest.raises(InvalidInput, match="A buys none from B, so that a tariff would fall on nothing"):
        Negotiation(some, home="A", partner="B")


def test_the_european_union_is_named_by_its_members() -> None:
    with pytest.raises(
        InvalidInput,
        match=r"`home` must be a region .* Take data='wiod2014', or .* home=\{'EU3': \['DEU', 'FRA', 'ITA'\]\}",
    ):
        Negotiation(data="icio2019", home="EU", partner="US")
    with pytest.raises(InvalidInput, match=r"got 'Germny'\. Did you mean Germany\?"):
        Negotiation(data="icio2019", home="Germny", partner="US")


def test_what_users_call_is_in_the_package() -> None:
    assert {"load", "Negotiation", "TradeModel", "Environment", "LinearTariffs"} <= set(
        dir(bargaining_models)
    )
    assert all(hasattr(bargaining_models, name) for name in bargaining_models.__all__)
    with pytest.raises(AttributeError, match="Did you mean TradeModel"):
        bargaining_models.TradeModl  # noqa: B018


def test_results_name_countries_and_round(talks: Negotiation, model: TradeModel) -> None:
    """Every result has a status that prints its name, `ok` and `raise_if_failed`, and says whose numbers these are."""
    war = talks.war(r=[0, 0.15])
    rivals = model.nash_tariffs(["USA", "CAN"], against="players")
    bargained = model.bargained_tariffs(["USA", "CAN"])
    parts = model.decomposition(tariffs=model.tariffs({("USA", "CAN"): 0.25}))
    assert parts.ok
    for found in (war, talks.leave(), talks.deal(0.1), rivals, bargained, model.solve()):
        assert np.all(found.ok)
        assert np.ndim(found.status) or str(found.status) == "OK"
        found.raise_if_failed()
        assert re.search(r"\b(US|USA)\b.*\bOK\b", repr(found)), repr(found)
        assert not re.search(r"\d\.\d{5}", repr(found)), repr(found)


# By independent programs: points of tariff that Canada accepts; USD bn paid where a dollar of revenue counts 1, 1.1 and
# 1.5, deficits stay, elasticities are 2 and factors stay in their sectors; below which chance of the hard type no deal.
@pytest.mark.parametrize(
    ("date", "accepted", "paid", "least"),
    [
        ("base", (3.1, 2.7, 2.4), (8.1, 10.1, 17.9, 9.2, 10.1, 15.2, 12.6), "0.61"),
        (None, (5.8, 5.3, 5.1), (14.8, 17.3, 26.9, 16.7, 18.3, 22.1, 20.0), "0.77"),
    ],
)
def test_the_page_of_canada_and_the_us(
    date: str | None, accepted: tuple[float, ...], paid: tuple[float, ...], least: str
) -> None:
    leverage, agreed, assumptions = page("Canada", "US", date=date)
    tariffs = [row["capacity_partner"] for row in agreed.records()]
    assert [round(rate, 1) for rate in tariffs] == pytest.approx(accepted, abs=0.11)
    assert [row["capacity_home"] for row in agreed.records()] == pytest.approx([0, 0, 0], abs=1e-9)
    sold = leverage.records()[0]
    assert sold["diverted_change_2"] == pytest.approx(-15)
    assert -4 < sold["capacity_change_2"] < -3
    assert [round(row["paid"], 1) for row in assumptions.records()] == pytest.approx(paid, abs=0.051)
    (unknown,) = [note for note in assumptions.notes if note.startswith("Type unknown")]
    assert f"if its chance is below {least};" in unknown
    # half of the soft type's gains over the hard type's: 1 - .408 (2023), 1 - .413 (2026), by hand
    assert "in the neutral solution 0.59, in the best procedure 0.00." in unknown
    gains = [row["war"] > 0 for row in assumptions.records()]
    assert gains[:3] == [date is None, True, True]
    assert gains[-1]


def test_every_number_of_the_page_comes_from_the_call_beside_it() -> None:
    """The calls, which a reader may copy, run here as they stand."""
    found, solved, most = sheets("Canada", "US", date="2025-04-10", r=[0, 0.1], draws=4), {}, {}
    for sheet in found:
        numbers = sheet.numbers()
        shown = [
            cell[1] if isinstance(cell, tuple) else cell
            for row in sheet.table.records()
            for name, cell in row.items()
            if name != "r" and not name.startswith("none") and not isinstance(cell, str | None)
        ]
        assert sorted(x["value"] for x in numbers) == sorted(shown)
        for x in numbers:
            start, _, end = x["call"].rpartition("; ")
            if start not in solved:
                exec(f"{IMPORTS}; {start}", space := {})
                solved[start] = space
            assert eval(end, solved[start]) == pytest.approx(x["value"], rel=1e-9, abs=1e-9)
            assert x["unit"] in ("USD bn", "%")
            assert "10 April 2025" in x["date"]
            assert Path(x["definition"]).suffix == ".md"
            most |= {k: max(x[k], most.get(k, 0)) for k in ("draws", "error", "no deal") if k in x}
            assert "draws" not in x or x["band"][0] <= x["value"] <= x["band"][1]
    assert most["draws"] == 4
    assert 0 < most["error"] < 50
    leverage = found[0].table
    (war,) = [row for row in leverage.records() if row["what"] == "tariff war"]
    for meaning in ("capacity", "diverted"):
        assert f"{-war[f'{meaning}_change_1']:.0f}% of it" in leverage.caption


def test_bands_of_the_page_count_draws_without_a_deal() -> None:
    """Each draw again by the negotiation's own deal; a draw without one counts as all leverage lost."""
    bands = page("Canada", "US", r=[0, 0.15], draws=12)[3].records()
    talks = Negotiation(
        data="wiod2011",
        home="CAN",
        partner="USA",
        alternative="CHN",
        tariffs="2026-08-19",
        meaning="capacity",
    )
    priors = {"elasticities": elasticity_priors(), "deficits": CLOSURE}
    drawn = headline_draws(talks, priors, draws=12, disagreements=("status quo",))
    paid = []
    for theta, closure in zip(
        drawn["input_elasticities"].values, drawn["input_deficits"].values, strict=True
    ):
        data = talks.model.data.with_terms(talks.model.data.tariffs, theta)
        kind = ("balanced", "fixed", "share")[int(closure)]
        one = talks.on(TradeModel.from_data(data, deficits=kind, limit=0.9, absorb="SERV"))
        first, later = one.deal([0.0, 0.15]), one.deal([0.0, 0.15], route_survives=False)
        row = first.transfer(nash(first.problem("status quo")))
        paid.append((row[0], row[1], later.transfer(nash(later.problem("status quo")))[1]))
    open_, closed = [row for row in bands if row["what"] == "tariffs of 19 August 2026"]
    first, kept, lost = np.array(paid).T
    assert len(set(drawn["input_deficits"].values)) == 3
    assert open_["paid"] == pytest.approx(np.quantile(first, (0.05, 0.5, 0.95)))
    for row, later in ((open_, kept), (closed, lost)):
        changes = np.where(np.isnan(later), 100.0, 100.0 * (1.0 - later / first))
        assert row["lost_1"][1] == pytest.approx(np.median(changes))
        assert row["none_1"] == pytest.approx(100.0 * np.isnan(later).mean())
    assert closed["none_1"] > open_["none_1"] == 0.0
    with pytest.raises(InvalidInput, match="`draws` must be 0 for `data` other than wiod2011 and icio2019"):
        page("Canada", "US", data="folder", draws=5)


def test_the_page_of_other_pairs() -> None:
    tables = page("MEX", "USA", date="2025-04-10", r=[0, 0.1])
    assert any("tariffs of 10 April 2025" in note for note in tables[0].notes)
    alone = page("UK", "China", r=[0])
    assert "route" not in alone[0].caption
    assert [column.name for column in alone[2].columns] == ["what", "war", "paid"]
    with pytest.raises(InvalidInput, match="`date` must be left out for UK and China"):
        page("UK", "China", date="2025-04-10")
