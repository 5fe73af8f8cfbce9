"""Which numbers of the paper's tables plain programs compute again, and by which program.

A program takes a plain `World` and a row of a table, and returns the row's numbers by column; `plain_tables` has them.
The page on reproducing the paper shows `matrix()`, and the tests compare every number that is listed here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

import plain_tables as plain
from bargaining_models.paper.tables import TABLES, stored

Row = Mapping[str, Any]
LATEST = "2026-08-19"
CLOSE = 2e-6  # of a number, or of 1 if it is smaller; the plain tariff war is found by differences
DOLLARS = ("nash_dollar", "broken_dollar", "walk_dollar")  # of a charge that is far below a billion
KINKS = 2e-5  # where walking out binds for a part of a step


@dataclass(frozen=True)
class Program:
    """What computes the rows of a table again, and how close it comes; `coarse` has columns that come less close.

    `asked` has columns of numbers that say what a row is.
    """

    cells: Callable[[Any, Row], dict[str, Any]]
    close: float = CLOSE
    asked: tuple[str, ...] = ()
    coarse: Mapping[str, float] = field(default_factory=dict)


@cache
def world_at(day: str | None, elasticities: str = "uniform5", *, diverted: bool = False) -> Any:
    listed = plain.rows_of(plain.DATA / "elasticities.csv", set=elasticities)
    kind = plain.Diverted if diverted else plain.World
    return kind(plain.DATA, day=day, theta=np.array([float(row["value"]) for row in listed]))


def world_of(row: Row) -> Any:
    """The plain world of a row of a table."""
    return world_at(LATEST if row.get("tariffs") == LATEST[:4] else None)


def keys_of(table: Any) -> list[str]:
    """The columns that say what a row is: those in front that are text, or r, or patience."""
    names = []
    for k, column in enumerate(table.columns):
        if column.name not in ("r", "discount") and not isinstance(table.rows[0][k], str):
            break
        names.append(column.name)
    return names


def kept(world: Any, name: str, make: Callable[[], Any]) -> Any:
    """What is made once in each world."""
    if name not in world.known:
        world.known[name] = make()
    return world.known[name]


# Rows


def headline(world: Any, row: Row) -> dict[str, Any]:
    route, elsewhere = row["route"] == "open", world_at(world.day, diverted=True)
    paid = {f"{r:g}": plain.division(world, row["reading"], r, route=route)["transfer"] for r in plain.SHARES}
    for r in (0.05, 0.1, 0.15):
        paid[f"diverted_{r:g}"] = plain.division(elsewhere, row["reading"], r, route=route)["transfer"]
    return paid


def payoffs(world: Any, row: Row, *, money: bool = False) -> dict[str, Any]:
    return plain.outcomes(world, row["r"], row["capacity"] == "capped", money)


def split(world: Any, row: Row, **options: bool) -> dict[str, Any]:
    return plain.division(world, row["reading"], row["r"], **options)


def programme(world: Any, route: bool) -> Any:
    chosen = [plain.projects(world)[name] for name in plain.PROGRAMME]
    dates = sorted({lead for lead, _, _ in chosen})
    shares = [
        sum(plain.by_sector(world, share) for lead, _, share in chosen if lead <= date)
        + plain.by_sector(world, {})
        for date in (0.0, *dates)
    ]
    return plain.steps(world, dates, shares, route)


PATHS: dict[str, Callable[[Any, bool], Any]] = {
    "none": lambda w, route: plain.steps(w, [], [0.0], route),
    "15% in 1 year": lambda w, route: plain.steps(w, [1.0], [0.0, 0.15], route),
    "15% in 5 years": lambda w, route: plain.steps(w, [5.0], [0.0, 0.15], route),
    "15% in 7 years": lambda w, route: plain.steps(w, [7.0], [0.0, 0.15], route),
    "15% steadily over 5 years": lambda w, route: plain.line(w, 5.0, 0.15, route),
    "30% in 5 years": lambda w, route: plain.steps(w, [5.0], [0.0, 0.30], route),
    "projects": programme,
}


def path_row(world: Any, row: Row) -> dict[str, Any]:
    """A row of T7; the dates of agreements, which are text, have a test of their own."""
    cells: dict[str, Any] = {}
    path, reading = row["path"], row["reading"]
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


def answer(world: Any, row: Row) -> dict[str, Any]:
    case = row["route"] == "open", row["breakdown"]
    return dict(kept(world, f"answers {case}", lambda: plain.answers(world, *case))[row["answer"]])


def claim(world: Any, row: Row) -> dict[str, Any]:
    return plain.claim_cells(world, row["route"] == "open", row["war"], row["claim"])


def delay(world: Any, row: Row) -> dict[str, Any]:
    route = row["route"] == "open"
    insists = None if "terms" in row["posture"] else 0.85
    out = kept(world, f"jump {route, insists}", lambda: plain.jump(world, route, insists))
    return plain.held_out(world, row["r"], route, insists) | {"jump": out}


def project(world: Any, row: Row) -> dict[str, Any]:
    return plain.project_cells(world, row["project"], row["route"] == "open")


def pivots(world: Any) -> Any:
    return kept(world, "pivots", lambda: plain.pivots(world))


def changed(world: Any, row: Row) -> dict[str, Any]:
    games = kept(world, "sensitivity", lambda: plain.sensitivity(world))
    return plain.changed(*games[row["changed"]]())


def triangle(world: Any, row: Row) -> dict[str, Any]:
    found = kept(world, f"triangle {row['r']}", lambda: plain.triangle_cells(world, row["r"]))
    return dict(found[row["reading"]])


def leverage(world: Any, row: Row) -> dict[str, Any]:
    k = [one["notion"] for one in stored("T13").records()].index(row["notion"])
    first, steady, reserve = (
        kept(world, f"leverage {r, shut}", lambda r=r, shut=shut: plain.leverage_terms(world, r, shut))[k]
        for r, shut in ((0.0, False), (0.15, False), (0.15, True))
    )
    lost = [None if paid is None or first <= 0.0 else 100 * (1 - paid / first) for paid in (steady, reserve)]
    return {"payment": first, "open_1": lost[0], "contingent_1": lost[1]}


PROGRAMS = {
    "headline": Program(headline),
    "T1": Program(payoffs),
    "T1-money": Program(lambda world, row: payoffs(world, row, money=True)),
    "T1-r": Program(lambda world, row: plain.meaning(world, row["meaning"] == "diverted", row["r"])),
    "T2": Program(split, 1e-5),
    "T2-capped": Program(lambda world, row: split(world, row, capped=True), 1e-5),
    "T2-closed": Program(lambda world, row: split(world, row, route=False), 1e-5),
    "T5": Program(lambda world, row: plain.patience(world, row["r"], row), 1e-5),
    "T6": Program(lambda world, row: plain.self_enforcing(world, row["discount"], row["r"])),
    "T7": Program(path_row, KINKS),
    "T7-answers": Program(answer, asked=("breakdown",)),
    "T8": Program(claim, asked=("war", "claim")),
    "T8-delay": Program(delay, 1e-5),
    "T9": Program(project, coarse={"built": 1e-2} | dict.fromkeys(DOLLARS, 1e-4)),
    "T10": Program(lambda world, row: plain.terms(pivots(world)[row["alternative"]], row["discount"])),
    "T10-patience": Program(lambda world, row: plain.by_patience(pivots(world), row["discount"])),
    "T10-sensitivity": Program(changed),
    "T11": Program(triangle, 1e-5),
    "T13": Program(leverage, 1e-5),
}

ELSEWHERE = {
    "data": "figures, as they are in the files of the package",
    "T0": "quantiles of a thousand draws; of each date and structure the first is computed again, cell by cell",
    "T0-structures": "the same",
    "T4": "text, written by hand",
    "T4-figures": "counts of rows of the other tables, which a test counts again",
    "T12": "every gain and answer",
    "T13-bands": "quantiles of a hundred draws of the table before",
    "T13-pairs": "losses of the same kind are tested in drawn worlds",
}
"""What there is for tables of which no row is computed again here."""
WHOLE = ("T12",)  # of those, the ones of which all numbers are


def numbers(name: str) -> dict[str, int]:
    """How many numbers each column of a stored table has."""
    table = stored(name)
    first = len(keys_of(table))
    columns = [column.name for column in table.columns]
    kinds = (int, float, tuple)
    count = [sum(isinstance(row[k], kinds) for row in table.rows) for k in range(len(columns))]
    program = PROGRAMS.get(name)
    asked = program.asked if program else ()
    found = dict(list(zip(columns, count, strict=True))[first:])
    return {column: n for column, n in found.items() if n and column not in asked}


def matrix() -> list[str]:
    """A line for each table, in Markdown: its numbers, how many a plain program gives, and what else there is."""
    lines = ["| table | numbers | computed again | what else |", "|---|---|---|---|"]
    total, again = 0, 0
    for name in TABLES:
        count = numbers(name)
        if name in PROGRAMS:
            done, rest = sum(count.values()), ""
        else:
            done, rest = sum(count.values()) if name in WHOLE else 0, ELSEWHERE[name]
        total, again = total + sum(count.values()), again + done
        lines.append(f"| {name} | {sum(count.values())} | {done} | {rest} |")
    return [*lines, f"| all | {total} | {again} |  |"]
