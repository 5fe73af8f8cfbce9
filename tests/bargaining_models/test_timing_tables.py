"""The tables and figures of timing: they agree with the static ones, and the claims rest on their numbers."""

import numpy as np
import pytest

from bargaining.tables.table import Table
from bargaining_models.negotiation.deal import readings
from bargaining_models.paper.figures import FIGURES
from bargaining_models.paper.pivot_study import SHARE
from bargaining_models.paper.study import SHARES, Study
from bargaining_models.paper.tables import TABLES
from bargaining_models.us_canada.baseline import ROLES
from table_records import records

NAMES = ("T7", "T7-answers", "T8", "T8-delay", "T9")


@pytest.fixture(scope="module")
def tables(study: Study) -> dict[str, Table]:
    return {name: TABLES[name](study) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_notes_say_protocol_data_and_accuracy(tables: dict[str, Table], name: str) -> None:
    notes = " ".join(tables[name].notes)
    for words in ("2023", "uniform5", "residual", "Version", "Route", "Discount rate"):
        assert words in notes
    assert "Timing" in notes or "Leverage" in notes


def test_every_answer_is_accurate(tables: dict[str, Table]) -> None:
    for table in tables.values():
        residual = next(note for note in table.notes if note.startswith("Largest residual"))
        assert float(residual.split(": ")[1].rstrip(".")) < 1e-8


def test_without_growth_the_path_table_is_the_static_one(study: Study, tables: dict[str, Table]) -> None:
    rows = [row for row in records(tables["T7"]) if row["path"] == "none"]
    static = {reading.name: reading for reading in readings(ROLES)}
    for row in rows:
        for group, deal in (("open", study.uncapped), ("closed", study.closed_route)):
            expected = deal.transfer(static[row["reading"]].divide(deal))[0]
            assert row[f"{group}_today"] == pytest.approx(expected, rel=1e-8)


def test_once_open_the_path_table_is_the_static_one(study: Study, tables: dict[str, Table]) -> None:
    static = {reading.name: reading for reading in readings(ROLES)}
    k = list(SHARES).index(SHARE)
    for row in records(tables["T7"]):
        if row["path"] not in ("15% in 1 year", "15% in 7 years", study.timing.lasting_chain):
            continue
        deal = study.closed_route
        expected = deal.transfer(static[row["reading"]].divide(deal))[k]
        assert row["closed_open"] == pytest.approx(expected, rel=1e-6)


def test_the_programme_of_projects_moves_the_terms_less_than_a_uniform_share(
    tables: dict[str, Table],
) -> None:
    rows = {(row["path"], row["reading"]): row["open_today"] for row in records(tables["T7"])}
    for reading in ("Nash", "Offers, inside option"):
        assert rows["none", reading] > rows["projects", reading] > rows["15% in 7 years", reading]


def test_the_us_answers_in_the_table_add_up_to_no_more_than_agreeing_today(tables: dict[str, Table]) -> None:
    rows = records(tables["T7-answers"])
    for route in ("open", "closed"):
        for hazard in (0.5, 0.05):
            together = {
                row["answer"]: row["canada"] + row["us"]
                for row in rows
                if (row["route"], row["hazard"]) == (route, hazard)
            }
            assert together["rush"] == pytest.approx(max(together.values()), rel=1e-9)
            assert together["replace first"] == min(together.values())


def test_leverage_by_project_is_cheapest_by_drag_reducing_agents(tables: dict[str, Table]) -> None:
    rows = [row for row in records(tables["T9"]) if row["route"] == "open"]
    by_dollar = sorted(rows, key=lambda row: -row["nash_dollar"])
    assert [row["project"] for row in by_dollar[:3]] == [
        "drag-reducing agents",
        "pumping stations",
        "canola access",
    ]
    for row in records(tables["T9"]):
        assert row["nash_dollar"] == pytest.approx(row["nash_leverage"] / row["charge"])
        assert row["first"] < row["at_once"]


def test_beliefs_are_probabilities_and_rise_with_the_claim(tables: dict[str, Table]) -> None:
    rows = records(tables["T8"])
    for route in ("open", "closed"):
        for war in {row["war"] for row in rows}:
            found = [row["threshold"] for row in rows if (row["route"], row["war"]) == (route, war)]
            assert all(0 <= belief < 1 for belief in found)
            assert (np.diff(found) >= 0).all()


def test_delay_is_lost_by_both_and_ends_at_the_jump(study: Study, tables: dict[str, Table]) -> None:
    for row in records(tables["T8-delay"]):
        assert row["cost"] > 0
        deal = study.timing.deals[row["route"] == "open"]
        k = int(np.argmin(np.abs(SHARES - row["r"])))
        gain = deal.total[k] - deal.talks.money.sum()
        # Those who can give way lose what holding out costs them, and no more than all of the surplus.
        assert deal.talks.money.sum() <= row["payoff_Canada"] + row["payoff_US"] <= deal.total[k]
        assert row["canada"] + row["us"] > 1
        assert gain > row["cost"]
        if row["out"]:
            assert row["delay"] == 0
            assert row["jump"] <= row["r"]
        else:
            assert row["delay"] > 0
            assert row["jump"] is None or row["jump"] > row["r"]


@pytest.mark.parametrize("name", ["F2", "F3"])
def test_figures_draw_every_path(study: Study, name: str) -> None:
    figure = FIGURES[name](study)
    first, second = figure.axes
    for ax in (first, second):
        assert len(ax.lines) == (len(study.timing.paths) if name == "F2" else 6)
        assert ax.get_xlabel()
        for line in ax.lines:
            values = np.asarray(line.get_ydata(), dtype=float)
            assert np.isfinite(values).all()
            assert np.ptp(values) > 0 or name == "F2"
    if name == "F3":
        assert all(0 <= float(y) <= 1.0 for line in first.lines for y in line.get_ydata())
