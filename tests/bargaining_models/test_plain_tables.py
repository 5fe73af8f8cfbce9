"""Every row of the paper's tables that a plain program computes again, at both dates, and the stored draws.

`recomputed` has the programs. They read the figures themselves, have their own trade model, tariff war, games and
bargaining, and share no code with the package.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import plain_tables as plain
from bargaining_models.paper import bands
from bargaining_models.paper.study import STRUCTURES
from bargaining_models.paper.tables import TABLES, stored
from recomputed import ELSEWHERE, LATEST, PATHS, PROGRAMS, matrix, numbers, world_at, world_of

FAST = ("T2", "T2-closed", "T8", "T11")
DAYS = {"2023": None, "19 August 2026": LATEST}
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "reproduce-the-paper.md"


def near(found: Any, value: Any, close: float) -> bool:
    """Whether two numbers, or ends of ranges, agree, or neither is one; a draw stores what is none as NaN."""
    if isinstance(value, tuple):
        return found is not None and all(near(*pair, close) for pair in zip(found, value, strict=True))
    missing = [one is None or bool(np.isnan(one)) for one in (found, value)]
    if any(missing) or np.isinf(value):
        return all(missing) or found == value
    return abs(found - value) <= close * max(1.0, abs(value))


def same(name: str, found: dict[str, Any], row: dict[str, Any]) -> None:
    """Compare all that a program gives with a row of a table."""
    program, wrong = PROGRAMS[name], {}
    for column, value in found.items():
        if not near(value, row[column], program.coarse.get(column, program.close)):
            wrong[column] = value, row[column]
    assert not wrong, (name, row, wrong)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in FAST else pytest.mark.slow) for name in PROGRAMS]
)
def test_rows_are_those_of_a_plain_program(name: str) -> None:
    for row in stored(name).records():
        found = PROGRAMS[name].cells(world_of(row), row)
        assert set(numbers(name)) <= set(found)  # nothing is left out
        same(name, found, row)


@pytest.mark.slow
def test_dates_of_agreement() -> None:
    """What T7 says in words."""
    world = world_at(None)
    for row in stored("T7").records():
        for group in ("open", "closed"):
            if row["path"] not in PATHS:
                continue
            talks = "quo" if group == "open" else "idle"
            path = PATHS[row["path"]](world, group == "open")
            when, said = (plain.path_cells(path, row["reading"], "quo", talks)["when"], row[f"{group}_agree"])
            if said in ("at once", "never"):
                assert when == {"at once": 0.0, "never": np.inf}[said]
            else:
                assert when == pytest.approx(float(said.split()[1]), abs=0.02)


# The stored draws


@pytest.mark.slow
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("date", DAYS)
def test_the_first_draw_of_the_first_table(date: str, structure: str) -> None:
    """T0 in the first world of each structure: what Canada pays by disagreement, route and share."""
    source, links = STRUCTURES[structure]
    theta, january = plain.draw_by_hand(plain.DATA, 0, source, 1 + list(STRUCTURES).index(structure))
    world = plain.World(plain.DATA, day=DAYS[date], theta=theta, icio=source == "icio2019", links=links)
    rows = [
        row
        for row in bands.read_rows(bands.FOLDER / bands.SAMPLE)
        if (row["environment"], row["structure"]) == (date, structure)
    ]
    assert len(rows) >= 48
    for row in rows:
        share = plain.share_of(world, row["share"], january)
        found = plain.drawn_payment(world, row["disagreement"], row["route"] == "open", share)
        assert near(found, float(row["value"]), 1e-5), (row, found)


# What the page says


def test_the_page_lists_what_is_computed_again() -> None:
    assert set(ELSEWHERE) <= set(TABLES)
    assert "\n".join(matrix()) in PAGE.read_text(encoding="utf-8")
