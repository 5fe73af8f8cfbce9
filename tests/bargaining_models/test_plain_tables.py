"""Tables of thresholds, timing, claims, projects and the triangle, at both dates and in drawn worlds, computed again.

What is stored is compared with `plain_tables`, which reads the figures itself, has its own trade model, tariff war and
bargaining, and shares no code with the package.
"""

from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bargaining_models
import plain_tables as plain
from bargaining_models.paper import table_bands
from bargaining_models.paper.reproduce import stored
from plain_pivot import payoff_sets

DATA = Path(bargaining_models.__file__).parent / "data"
DATES = {"": None, "-2026": "2026-08-19"}
WORLDS = {"2023": ("wiod2011", None), "19 August 2026": ("icio2019", "2026-08-19")}
PATHS: dict[str, Callable[[Any, bool], Any]] = {
    "none": lambda w, route: plain.steps(w, [], [0.0], route),
    "15% in 1 year": lambda w, route: plain.steps(w, [1.0], [0.0, 0.15], route),
    "15% in 5 years": lambda w, route: plain.steps(w, [5.0], [0.0, 0.15], route),
    "15% in 7 years": lambda w, route: plain.steps(w, [7.0], [0.0, 0.15], route),
    "15% steadily over 5 years": lambda w, route: plain.line(w, 5.0, 0.15, route),
    "30% in 5 years": lambda w, route: plain.steps(w, [5.0], [0.0, 0.30], route),
    "projects": lambda w, route: programme(w, route),
}
CLOSE = 2e-6  # USD bn; the plain tariff war is found by differences
KINKS = 2e-5  # where walking out binds for a part of a step


def programme(world: Any, route: bool) -> Any:
    chosen = [plain.projects(world)[name] for name in plain.PROGRAMME]
    dates = sorted({lead for lead, _, _ in chosen})
    shares = [
        sum(plain.by_sector(world, share) for lead, _, share in chosen if lead <= date)
        + plain.by_sector(world, {})
        for date in (0.0, *dates)
    ]
    return plain.steps(world, dates, shares, route)


@cache
def world_at(day: str | None) -> Any:
    return plain.World(DATA, day=day)


@cache
def drawn_world(date: str) -> Any:
    """The first draw of a date, whose cells are stored."""
    structure, day = WORLDS[date]
    given = plain.draw_by_hand(DATA, 0, structure)
    return plain.World(
        DATA, day=day, theta=given.pop("elasticities"), icio=structure == "icio2019", given=given
    )


def stored_draw(date: str, name: str) -> dict[tuple[str, str], float]:
    rows = table_bands.read_rows(table_bands.FOLDER / table_bands.SAMPLE)
    return {
        (row["row"], row["column"]): float(row["value"])
        for row in rows
        if (row["environment"], row["table"]) == (date, name)
    }


def near(found: float | None, value: float | None, close: float = CLOSE) -> bool:
    """Whether two numbers agree, or neither is one; a draw stores what is none as NaN."""
    missing = [one is None or bool(np.isnan(one)) for one in (found, value)]
    if any(missing):
        return all(missing)
    assert found is not None
    assert value is not None
    return abs(found - value) <= close * max(1.0, abs(value))


def path_row(world: Any, path: str, reading: str) -> dict[str, Any]:
    """A row of T7 by column, without what is text."""
    cells: dict[str, Any] = {}
    for route, group in ((True, "open"), (False, "closed")):
        if path in PATHS:
            found = plain.path_cells(PATHS[path](world, route), reading, "quo", "quo" if route else "idle")
            moves, never = path != "none", not np.isfinite(found["when"])
            cells |= {
                f"{group}_today": found["today"] if found["when"] == 0 else None,
                f"{group}_open": None if never else found["open"],
                **{f"{group}_wait_{k}": found["wait"][k] if moves and not never else None for k in (0, 1)},
            }
        else:
            rates = world.facts["china_closure_rate"], world.facts["china_reopening_rate"]
            risk = rates if "revocable" in path else (0.0, 0.0)
            today, later = plain.chain_cells(world, 0.15, 0.2, *risk, route, reading)
            cells |= {f"{group}_today": today, f"{group}_open": later}
            cells |= {f"{group}_wait_0": None, f"{group}_wait_1": None}
    return cells


def same_cells(found: dict[str, Any], row: dict[str, Any], close: float = CLOSE) -> None:
    wrong = {key: (value, row[key]) for key, value in found.items() if not near(value, row[key], close)}
    assert not wrong, wrong


# The tables at both dates


@pytest.mark.slow
@pytest.mark.parametrize("date", DATES)
def test_thresholds(date: str) -> None:
    world, rows = world_at(DATES[date]), stored(f"T3{date}").records()
    for capped in (False, True):
        for row, value in zip(rows, plain.thresholds(world, capped), strict=True):
            assert near(value, row[f"uniform5_{capped}"], 1e-5), (row["question"], value)


@pytest.mark.slow
@pytest.mark.parametrize("date", DATES)
def test_paths(date: str) -> None:
    for row in stored(f"T7{date}").records():
        found = path_row(world_at(DATES[date]), row["path"], row["reading"])
        same_cells(found, row, KINKS)
        for group in ("open", "closed"):
            if row["path"] in PATHS:
                route = group == "open"
                when = plain.path_cells(
                    PATHS[row["path"]](world_at(DATES[date]), route),
                    row["reading"],
                    "quo",
                    "quo" if route else "idle",
                )["when"]
                said = row[f"{group}_agree"]
                if said in ("at once", "never"):
                    assert when == {"at once": 0.0, "never": np.inf}[said]
                else:
                    assert when == pytest.approx(float(said.split()[1]), abs=0.02)


@pytest.mark.parametrize("date", [pytest.param("", marks=pytest.mark.slow), "-2026"])
def test_claims(date: str) -> None:
    world, rows = world_at(DATES[date]), stored(f"T8{date}").records()
    for row in rows:
        found = plain.claim_cells(world, row["route"] == "open", row["war"], row["claim"])
        same_cells(found, row)


@pytest.mark.slow
@pytest.mark.parametrize("date", DATES)
def test_projects(date: str) -> None:
    for row in stored(f"T9{date}").records():
        found = plain.project_cells(world_at(DATES[date]), row["project"], row["route"] == "open")
        same_project(found, row)


def same_project(found: dict[str, Any], row: dict[str, Any]) -> None:
    assert near(found.pop("built"), row["built"], 1e-2)  # a grid of parts
    dollars = [key for key in found if key.endswith("_dollar")]
    for key in dollars:  # a dollar a year is far below a billion
        assert found.pop(key) == pytest.approx(row[key], rel=1e-4, abs=CLOSE / found["charge"])
    same_cells(found, row)


@pytest.mark.parametrize("date", [pytest.param("", marks=pytest.mark.slow), "-2026"])
def test_triangle(date: str) -> None:
    rows = stored(f"T11{date}").records()
    for r in plain.SHARES:
        found = plain.triangle_cells(world_at(DATES[date]), r)
        for row in (row for row in rows if row["r"] == r):
            same_cells(found[row["reading"]], row, 1e-5)


# The stored draws


@pytest.mark.slow
@pytest.mark.parametrize("date", WORLDS)
def test_thresholds_of_a_draw(date: str) -> None:
    cells, world = stored_draw(date, "T3"), drawn_world(date)
    for capped in (False, True):
        values = plain.thresholds(world, capped)
        for row, value in zip(stored("T3").records(), values, strict=True):
            stored_value = cells[row["question"], f"{table_bands.DRAWN}_{capped}"]
            assert near(value, stored_value, 1e-5), (row["question"], capped, value, stored_value)


@pytest.mark.slow
@pytest.mark.parametrize("date", WORLDS)
def test_paths_of_a_draw(date: str) -> None:
    cells, world = stored_draw(date, "T7"), drawn_world(date)
    for row in stored("T7").records():
        found = path_row(world, row["path"], row["reading"])
        own = {column: cells[f"{row['path']} | {row['reading']}", column] for column in found}
        same_cells(found, own, KINKS)


@pytest.mark.slow
@pytest.mark.parametrize("date", WORLDS)
def test_projects_of_a_draw(date: str) -> None:
    cells, world = stored_draw(date, "T9"), drawn_world(date)
    for row in stored("T9").records():
        found = plain.project_cells(world, row["project"], row["route"] == "open")
        same_project(found, {column: cells[f"{row['project']} | {row['route']}", column] for column in found})


@pytest.mark.slow
@pytest.mark.parametrize("date", WORLDS)
def test_patience_of_a_draw(date: str) -> None:
    """T5: who breaks free trade has its best reply once, and then what punishes it: the war, exit, or the harshest."""
    world, r = drawn_world(date), 0.15
    cells = {column: value for (row, column), value in stored_draw(date, "T5").items() if row == f"{r:g}"}
    cost, money = world.cost(r), world.model.income[[plain.CAN, plain.USA]] / 100
    rates = np.linspace(0.0, 0.48, 25)
    flows = np.empty((25, 25, 2))
    for (k, own), (n, other) in product(enumerate(rates), enumerate(rates)):
        tariff = world.free.copy()
        tariff[plain.CAN, plain.USA, : world.goods] += own
        tariff[plain.USA, plain.CAN, : world.goods] += other
        flows[k, n] = world.money(tariff, cost)[:2] / money
    kept, breach = flows[0, 0], np.array([flows[:, 0, 0].max(), flows[0, :, 1].max()])
    for case in ("war", "exit"):
        needed = (breach - kept) / (breach - world.of(case, r)[:2] / money)
        np.testing.assert_allclose([cells[f"{case}_Canada"], cells[f"{case}_US"]], needed, atol=1e-6)
    sold = plain.column(DATA, "trade_flows.csv", ["exporter", "sector", "importer"])[:, : plain.GOODS].sum(
        axis=1
    )
    ratio = sold[plain.USA, plain.CAN] / (sold[plain.CAN, plain.USA] * (1 - r))
    linear = [cells["linear_Canada"], cells["linear_US"]]
    np.testing.assert_allclose(linear, [0.6 * ratio**2, 0.6 / ratio**2], rtol=1e-9)
    one = [np.ones((25, 25, 1))]
    for who, country in enumerate(("Canada", "US")):
        found = cells[f"optimal_{country}"]
        for patience, enough in ((found - 2e-4, False), (found + 2e-4, True)):
            (worst,) = (some.min(axis=0) for some in payoff_sets([flows], one, patience, moves=1e-9))
            gain = (1 - patience) * (breach - kept)[who] - patience * (kept - worst)[who]
            assert (gain <= 0) == enough
