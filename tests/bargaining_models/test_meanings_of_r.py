"""What r means in the notes of every table, and the tables where it is what is diverted, from the definition."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bargaining_models
from bargaining import InvalidInput
from bargaining_models.negotiation.deal import Deal
from bargaining_models.negotiation.pivot import PivotChain, open_and_close
from bargaining_models.negotiation.roles import Diversion
from bargaining_models.paper.study import SHARES, Study
from bargaining_models.paper.tables import stored, stored_names
from bargaining_models.paper.timing import BREAKDOWN
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
    for name in set(stored_names()) - {"T13-pairs"}:  # which has other countries' trade, and says so
        (note,) = (note for note in stored(name).notes if note.startswith("r: "))
        assert "goods sold to the US and China, USD bn: " in note, name
        assert [float(found[-1]) for found in SOLD.findall(note)] == SHARES[1:].tolist(), name
        assert re.search(
            "capacity of a new route to China|a new route to China, with lower trade costs", note
        )


EXPLAINED = {
    "capped": "than its ports, pipelines and plants can carry|what its ports, pipelines and plants can carry",
    "war": "the one rate that is best for it",
    "route": "closed: an agreement with the US|China route of share r|a new route to China",
    "discount factor": "what a year counts in parts of the year before it",
    "may leave": "clos(e|ing) the goods border for good",
    "exit": "no goods trade between the two|close the border for good|exit: closing the goods border",
    "nash": "Nash solution|Nash division: |Nash-in-Nash",
    "revocable": "China closes at rate",
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


def test_exports_of_the_note_are_those_of_a_plain_program(plain: PlainTrade) -> None:
    (note,) = (note for note in stored("T2").notes if note.startswith("r: "))
    first = exports(plain, 0.0)
    for us, less, china, more, r in SOLD.findall(note):
        now = exports(plain, float(r))
        assert [float(us), float(china)] == pytest.approx(now, abs=0.5)
        assert [float(less), float(more)] == pytest.approx(100 * (now / first - 1), abs=0.5)


def test_the_first_table_has_both_meanings() -> None:
    """What is diverted is the capacity of T1-r."""
    headline = rows_of("headline", "tariffs", "route", "reading")
    for row in stored("T1-r").records():
        if row["meaning"] == "diverted" and row["r"] > 0:
            for route in ("open", "closed"):
                paid = headline["2023", route, "Nash"][f"diverted_{row['r']:g}"]
                assert paid == pytest.approx(row[route], abs=1e-8, nan_ok=True)


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
    deal = Deal.at(study.diverted.negotiation, r=[0.0, 0.15, 0.0]).without_route()
    chain = PivotChain(deal=deal, moves=open_and_close(opening=0.2))
    war, talks = deal.war.money.sum(axis=1), deal.talks.money.sum()
    assert deal.total[0] < (0.05 * war[0] + 0.2 * war[1]) / 0.25  # the annuity: r A = r f + q (A' - A)
    assert np.isnan(chain.nash().transfer).tolist() == [True, True, False]
    found = chain.offers(walk_out=True)
    assert found.agree.tolist() == [False, False, True]
    assert np.isnan(found.transfer).tolist() == [True, True, False]
    assert found.payoffs[1].sum() == pytest.approx(war[1], abs=1e-9)
    later = (0.05 * talks + 0.2 * war[1]) / 0.25  # they talk until it is open, and leave at the next offer
    late = (war[1] - talks) * 0.8 * 0.05 / 24
    assert found.payoffs[0].sum() == pytest.approx(later - late, abs=2e-3)
    assert chain.offers(breakdown=BREAKDOWN).agree.tolist() == [False, False, True]
