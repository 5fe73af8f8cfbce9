"""What r means in the notes of every table, and the tables where it is what is diverted, from the definition."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bargaining_models
from bargaining import InvalidInput
from bargaining_models.negotiation.pivot_chain import PivotChain, open_and_close
from bargaining_models.negotiation.routes import Diversion
from bargaining_models.paper.pivot_study import HAZARD
from bargaining_models.paper.reproduce import stored, stored_names
from bargaining_models.paper.study import SHARES, Study
from bargaining_models.paper.tables import DIVERTED, NO_DATE, TABLES
from bargaining_models.us_canada.capacity import merit_order
from bargaining_models.us_canada.deal import Deal
from bargaining_models.us_canada.projects import projects
from plain_trade import PlainTrade

SOLD = re.compile(r"(\d+) \(([-+\d.]+)%\) and (\d+) \(([-+\d]+)%\) at ([\d.]+)[;.]")


@pytest.fixture(scope="module")
def plain() -> PlainTrade:
    return PlainTrade(Path(bargaining_models.__file__).parent / "data", 5.0)


def along(plain: PlainTrade, capacity: float) -> Any:
    """Hats of the cost of the route from Canada to China at which, at fixed prices, it sells more by that part."""
    cost, sold = np.ones_like(plain.flows), plain.flows[:, 1, :9]
    cost[2, 1, :9] = (1 + capacity * sold[0] / sold[2]) ** -0.2
    return cost


def exports(plain: PlainTrade, capacity: float) -> Any:
    """Canada's exports of goods to the US and to China under free trade."""
    return plain.solve(plain.tariff, along(plain, capacity))["flows"][[0, 2], 1, :9].sum(axis=-1)


def rows_of(name: str, *keys: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {tuple(row[key] for key in keys): row for row in stored(name).records()}


def test_every_table_says_what_its_r_means_in_exports() -> None:
    for name in stored_names():
        (note,) = (note for note in stored(name).notes if note.startswith("r: "))
        assert "goods sold to the US and China, USD bn: " in note, name
        assert [float(found[-1]) for found in SOLD.findall(note)] == SHARES[1:].tolist(), name
        assert ("that a new route to China diverts" in note) == name.endswith("-diverted")


EXPLAINED = {
    "capped": "than its ports, pipelines and plants can carry|what its ports, pipelines and plants can carry",
    "war": "the one rate that is best for it",
    "route": "closed: an agreement with the US|China route of share r|a new route to China",
    "discount factor": "what a year counts in parts of the year before it",
    "may leave": "clos(e|ing) the goods border for good",
    "exit": "no goods trade between the two|close the border for good|exit: closing the goods border",
    "nash": "Nash solution|Nash division: |Nash-in-Nash",
    "revocable": "China closes at rate",
    r"(?<!t11-)core": "leave no country, and no pair, less",
    "nucleolus": "gains as much as possible|two ways to divide what all three gain",
}
"""What notes say where a caption, a heading or a cell has a word of the models."""


def test_a_table_explains_the_words_that_it_uses() -> None:
    for name in stored_names():
        table = stored(name)
        heads = [word for column in table.columns for word in (column.heading, column.group or "")]
        cells = [cell for row in table.rows for cell in row if isinstance(cell, str)]
        used, notes = " ".join([table.caption, *heads, *cells]).lower(), " ".join(table.notes)
        for word, meanings in EXPLAINED.items():
            if re.search(rf"\b{word}\b", used):
                assert re.search(meanings, notes), (name, word)


@pytest.mark.parametrize("name", ["T2", "T2-diverted"])
def test_exports_of_the_note_are_those_of_a_plain_program(plain: PlainTrade, name: str) -> None:
    (note,) = (note for note in stored(name).notes if note.startswith("r: "))
    capacities = {
        row["r"]: row["capacity"] for row in stored("T1-r").records() if row["meaning"] == "diverted"
    }
    first = exports(plain, 0.0)
    for us, less, china, more, r in SOLD.findall(note):
        if float(r) in capacities:
            now = exports(plain, float(r) if name == "T2" else capacities[float(r)])
            assert [float(us), float(china)] == pytest.approx(now, abs=0.5)
            assert [float(less), float(more)] == pytest.approx(100 * (now / first - 1), abs=0.5)


def test_every_table_has_the_latest_date_too() -> None:
    for name in NO_DATE:
        assert "2026" in str(stored(name)), name
    assert {name.removesuffix("-2026") for name in TABLES if name.endswith("-2026")} | {*NO_DATE} == {
        name for name in TABLES if not name.endswith(("-2026", "-bands", "-diverted"))
    }


def test_a_table_of_the_other_meaning_is_that_of_its_capacity(plain: PlainTrade) -> None:
    """One meaning is the other at another r: transfers, patience and thresholds, through the capacity of T1-r."""
    capacities = {row["r"]: row for row in stored("T1-r").records() if row["meaning"] == "diverted"}
    headline = rows_of("headline-diverted", "route", "reading")
    for r, row in capacities.items():
        for route in ("open", "closed"):
            assert headline[route, "Nash"][f"{r:g}"] == pytest.approx(row[route], abs=1e-8, nan_ok=True)
    thresholds, diverted = (rows_of(name, "question") for name in ("T3", "T3-diverted"))
    sold = exports(plain, 0.0)[0]
    for key, row in thresholds.items():
        for name in ("uniform5_False", "uniform5_True"):
            value = row[name]
            if value is None or "capped" in name:
                assert (diverted[key][name] is None) == (value is None)
            elif name == "uniform5_False":
                lost = 1.0 - exports(plain, value)[0] / sold
                assert diverted[key][name] == pytest.approx(lost, abs=1e-7)
    assert 0.2 < capacities[0.05]["capacity"] < 0.3
    patience, other = rows_of("T5", "r"), rows_of("T5-diverted", "r")
    for name in ("exit_Canada", "exit_US", "war_Canada", "war_US"):
        assert other[0.0,][name] == pytest.approx(patience[0.0,][name], abs=1e-5)
        low, high = sorted(patience[r,][name] for r in (0.2, 0.3))
        assert low < other[0.05,][name] < high


def test_paths_of_the_other_meaning_end_where_its_static_table_is() -> None:
    headline = rows_of("headline-diverted", "route", "reading")
    for (path, reading), row in rows_of("T7-diverted", "path", "reading").items():
        if path in ("15% in 1 year", "15% in 7 years", "15% steadily over 5 years", "15% at rate 0.2 a year"):
            static = headline["open", reading]["0.15"]
            assert row["open_open"] == pytest.approx(static, rel=1e-6)
            assert headline["closed", reading]["0.15"] is None
            assert (row["closed_open"], row["closed_agree"]) == (None, "never")


def test_a_project_diverts_what_it_carries(plain: PlainTrade, study: Study) -> None:
    """The capacity is bisected for in a plain program; China trade is what the route adds, from the day it opens."""
    (pumps,) = (one for one in projects(study.parameters) if one.name == "pumping stations")
    us, canada = (study.parameters.regions.index(name) for name in ("USA", "CAN"))
    sold = study.parameters.flows.values[us, canada]
    part = sold[study.parameters.sectors.index("MIN")] / sold[study.parameters.goods].sum()
    wanted = 1.0 - pumps.share["MIN"] * part
    low, high, first = 0.0, 1.0, exports(plain, 0.0)[0]
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if exports(plain, middle)[0] / first > wanted else (low, middle)
    gain = plain.welfare(plain.tariff, along(plain, low)) - plain.welfare(plain.tariff, along(plain, 0.0))
    row = rows_of("T9-diverted", "project", "route")["pumping stations", "open"]
    expected = np.exp(-0.05 * row["lead"]) * gain[1] * plain.income[1] / 100
    assert row["trade"] == pytest.approx(expected, abs=1e-6)


def test_levels_diverted_cost_the_capacity_that_they_take(study: Study) -> None:
    game = study.diverted.pivot_game
    capacities = [row["capacity"] for row in stored("T1-r").records() if row["meaning"] == "diverted"]
    spent = np.diff(merit_order(study.parameters, 100 * np.array(capacities)))
    np.testing.assert_allclose(game.capacity.capital, spent, rtol=1e-7)
    assert not any("capped" in name for name in game.games)
    words = " ".join(stored("T10-diverted").notes)
    assert f"USD {spent[0]:.1f} bn for the first level, {spent[-1]:.1f} for the last" in words
    none = [row for row in stored("T10").records() if row["alternative"] == "none"]
    assert none == [row for row in stored("T10-diverted").records() if row["alternative"] == "none"]


def test_shares_by_sector_divert_only_if_they_are_alike(study: Study) -> None:
    base = study.baseline
    diversion = Diversion(base.model, base.roles, base.free)
    goods = [s for s, good in zip(base.model.sectors, base.model.goods, strict=True) if good]
    alike = diversion.hats(dict.fromkeys(goods, np.array([0.05, 0.1])))
    np.testing.assert_array_equal(alike, diversion.hats(np.array([0.05, 0.1])))
    with pytest.raises(InvalidInput, match="must be one share for all goods"):
        diversion.hats(dict.fromkeys(goods[1:], 0.1))


def test_where_the_war_is_better_they_part_on_a_chain_too(study: Study) -> None:
    """The route opens at .2 a year for good; a deal that closes it is worth less than the war from today on."""
    deal = Deal.at(study.diverted.baseline, r=[0.0, 0.15, 0.0]).without_route()
    chain = PivotChain(deal=deal, moves=open_and_close(opening=0.2))
    war, talks = deal.war.money.sum(axis=1), deal.talks.money.sum()
    assert deal.total[0] < (0.05 * war[0] + 0.2 * war[1]) / 0.25  # the annuity: r A = r f + q (A' - A)
    assert np.isnan(chain.nash()).tolist() == [True, True, False]
    found = chain.offers(walk_out=True)
    assert found.agree.tolist() == [False, False, True]
    assert np.isnan(found.transfer).tolist() == [True, True, False]
    assert found.payoffs[1].sum() == pytest.approx(war[1], abs=1e-9)
    later = (0.05 * talks + 0.2 * war[1]) / 0.25  # they talk until it is open, and leave at the next offer
    late = (war[1] - talks) * 0.8 * 0.05 / 24
    assert found.payoffs[0].sum() == pytest.approx(later - late, abs=2e-3)
    assert chain.offers(hazard=HAZARD).agree.tolist() == [False, False, True]


def test_what_can_be_shown_in_both_meanings_is() -> None:
    shown = {name for name in TABLES if any(c.name == "r" for c in stored(name).columns)}
    shown = {name for name in shown if not name.endswith(("-2026", "-bands", "-diverted"))}
    # T1-r has both; caps are of capacity, which T2-diverted says; T8-delay says in a note what it would be.
    assert shown - {*DIVERTED} == {"T1-r", "T2-capped", "T8-delay"}
    assert "T2-capped is not shown" in " ".join(stored("T2-diverted").notes)
    assert [note for note in stored("T8-delay").notes if note.startswith("Diverted: ")]
