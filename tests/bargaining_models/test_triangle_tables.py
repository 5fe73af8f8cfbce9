"""The tables and claims of the triangle: they agree with the deal and with each other, and verdicts follow figures."""

import pytest

from bargaining.tables.table import Table
from bargaining_models.negotiation.triangle import triangle_readings
from bargaining_models.paper.study import SHARES, Study
from bargaining_models.paper.tables import TABLES
from bargaining_models.us_canada.baseline import ROLES
from table_records import records


@pytest.fixture(scope="module")
def tables(study: Study) -> dict[str, Table]:
    return {name: TABLES[name].at(study) for name in ("headline", "T11")}


def test_notes_say_where_the_numbers_come_from(tables: dict[str, Table]) -> None:
    notes = " ".join(tables["T11"].notes)
    for words in ("2023", "uniform5", "residual", "Version"):
        assert words in notes
    residual = next(note for note in tables["T11"].notes if note.startswith("Largest residual"))
    assert float(residual.split(": ")[1].rstrip(".")) < 1e-10


def test_a_route_that_is_free_is_the_deal(tables: dict[str, Table]) -> None:
    (headline,) = (r for r in records(tables["headline"]) if (r["route"], r["reading"]) == ("open", "Nash"))
    for row in records(tables["T11"]):
        expected = headline[f"{row['r']:g}"]
        if row["reading"] in ("Route free", "At once", "China first"):
            assert row["US"] == pytest.approx(expected, rel=1e-12)
        if row["reading"] == "Route free":
            assert row["China"] == 0
            assert row["part"] in (0, None)


def test_rows_add_up(tables: dict[str, Table]) -> None:
    rows = records(tables["T11"])
    assert len(rows) == len(SHARES) * len(triangle_readings(ROLES))
    free = {row["r"]: row for row in rows if row["reading"] == "Route free"}
    for row in rows:
        together = row["CAN"] + row["USA"] + row["CHN"]
        if row["reading"] == "US first, China ruled out":
            assert (row["China"], row["CHN"]) == (0, 0)
            assert row["CAN"] == pytest.approx(-row["US"], abs=1e-9)
        else:
            all_of = free[row["r"]]
            assert together == pytest.approx(all_of["CAN"] + all_of["USA"] + all_of["CHN"], abs=1e-9)
            assert row["CHN"] - row["China"] == pytest.approx(all_of["CHN"], abs=1e-9)
            assert row["USA"] - row["US"] == pytest.approx(all_of["USA"] - all_of["US"], abs=1e-9)
        assert row["clause"] == pytest.approx(-row["CAN"] - row["USA"], abs=1e-9)
