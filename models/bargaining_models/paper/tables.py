"""The paper's tables as they were stored, and what a fresh computation gives differently.

The files in `reference/` are this project's own output. They answer one question, whether these tables can
be reproduced on another machine or after a change of the code; they are no evidence that a number is right, and
no test takes them for that.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import Any

from bargaining.authoring import file_name, write_whole
from bargaining.errors import InvalidInput
from bargaining.tables import typeset
from bargaining.tables.table import Column, Table
from bargaining_models.paper.bands import bands_table, spread_table
from bargaining_models.paper.claims import claims_table, counts_table, events_table
from bargaining_models.paper.divisions import (
    critical_discounts,
    figures,
    headline,
    leverage_bands,
    leverage_pairs,
    leverage_table,
    meanings,
    payments,
    payoffs,
    self_enforcing,
    splits,
)
from bargaining_models.paper.pivot_game import patience_table, sensitivity_table, terms_table
from bargaining_models.paper.study import LATEST, Study
from bargaining_models.paper.timing import answers, beliefs, delay, projects, splits_over_time

MAKERS: dict[str, Callable[[Study], Table]] = {
    "headline": headline,
    "data": figures,
    "T0": bands_table,
    "T0-structures": spread_table,
    "T1": lambda study: payoffs(study, "percent"),
    "T1-money": lambda study: payoffs(study, "money"),
    "T1-r": meanings,
    "T2": lambda study: splits(study, study.uncapped, "splits", "unlimited capacity, China route open"),
    "T2-capped": lambda study: splits(study, study.capped, "splits-capped", "capped, China route open"),
    "T2-closed": lambda study: splits(
        study, study.closed_route, "splits-closed", "unlimited capacity, China route closed by the agreement"
    ),
    "T4": claims_table,
    "T4-figures": lambda study: counts_table(study, rows),
    "T5": critical_discounts,
    "T6": self_enforcing,
    "T7": splits_over_time,
    "T7-answers": answers,
    "T8": beliefs,
    "T8-delay": delay,
    "T9": projects,
    "T10": terms_table,
    "T10-patience": patience_table,
    "T10-sensitivity": sensitivity_table,
    "T11": payments,
    "T12": events_table,
    "T13": leverage_table,
    "T13-bands": leverage_bands,
    "T13-pairs": leverage_pairs,
}
"""By name, what makes a table at the tariffs of a study alone."""
DATED = ("headline", "T1", "T5", "T10", "T13", "T13-bands")
"""Tables whose rows at the tariffs of the last date of the figures follow."""


def _made(name: str, study: Study) -> Table:
    made = study.once(MAKERS[name])
    return both_dates(made, study.latest.once(MAKERS[name])) if name in DATED else made


TABLES: dict[str, Callable[[Study], Table]] = {name: partial(_made, name) for name in MAKERS}


def table(study: Study, name: str) -> Table:
    """Return a table of the paper."""
    return TABLES[name](study)


def rows(study: Study, name: str) -> list[dict[str, Any]]:
    """Return the rows of a table at the tariffs of a study alone, each by column."""
    return study.once(MAKERS[name]).records()


def both_dates(first: Table, later: Table) -> Table:
    """Put the rows of a table at the tariffs of 2023 and of the last date below each other, the date in front."""
    notes = dict(note.split(": ", 1) for note in first.notes)
    for note in later.notes:
        name, text = note.split(": ", 1)
        if name not in notes or (notes[name] != text and name in ("Tariffs", "Capital", "r", "Markov")):
            notes[f"{name}, {LATEST[:4]}"] = text
    return replace(
        first,
        rows=tuple(
            (year, *row) for year, rows in (("2023", first.rows), (LATEST[:4], later.rows)) for row in rows
        ),
        columns=(Column("tariffs", title="Tariffs of"), *first.columns),
        notes=tuple(f"{name}: {text}" for name, text in notes.items()),
    )


REFERENCE = Path(__file__).parent / "reference"
NOTHING = "none", None
_ROUNDING = 1e-9  # of a cell's size: two floats this close may print apart where a digit turns


def stored_names() -> list[str]:
    """Return the names of the tables that are stored."""
    return sorted(path.stem for path in REFERENCE.glob("*.json"))


def stored(name: str, *, folder: Path = REFERENCE) -> Table:
    """Return a stored table, one of `stored_names()`, to the last bit; InvalidInput if there is none in the folder."""
    path = folder / f"{file_name(name, 'name')}.json"
    if not path.is_file():
        raise InvalidInput(f"`name` must be a stored table, {', '.join(stored_names())}; got {name!r}.")
    found = json.loads(path.read_text(encoding="utf-8"))
    columns = [Column(**column) for column in found.pop("columns")]
    return Table([[_cell(value) for value in row] for row in found.pop("rows")], columns=columns, **found)


def store(table: Table, name: str, *, folder: Path = REFERENCE) -> Path:
    """Write a table to the file that `stored` reads, one row of it a line."""
    path = folder / f"{file_name(name, 'name')}.json"
    write_whole(path, table.to_json().encode())
    return path


def changes(fresh: Table, reference: Table) -> list[str]:
    """Return what was and is printed where a table computed now differs from the one stored, in the table's words.

    A number has changed if it prints other digits than before; numbers closer than 1e-9 of their size, which may
    straddle a point of rounding, have not. Notes that name versions and residuals are not compared.
    """
    was, now = _printed(reference), _printed(fresh)
    changed = []
    for place in was | now:
        (then, old), (text, new) = was.get(place, NOTHING), now.get(place, NOTHING)
        if then != text and not _close(new, old):
            changed.append(f"{place}: stored {then}, now {text}")
    heads = [change for change in changed if change.startswith("column")]
    return [change for change in changed if not (heads and change.startswith("row"))]


def _printed(table: Table) -> dict[str, tuple[str, Any]]:
    """Return what a table prints at each place, and the value behind it."""
    heads, texts = [typeset.flat_heading(column) for column in table.columns], typeset.texts(table)
    notes = [note for note in table.notes if not note.startswith(("Version: ", "Largest residual: "))]
    front = min(next((k for k, column in enumerate(table.columns) if column.group), 1), 2)
    found: dict[str, tuple[str, Any]] = {"caption": (table.caption, None)}
    found |= {f"column {k}": (head, None) for k, head in enumerate(heads, 1)}
    found |= {f"note {k}": (note, None) for k, note in enumerate(notes, 1)}
    for n, row in enumerate(table.rows):
        labels = [
            shorten(f"{table.columns[k].heading} {texts[k][n]}", 60, placeholder="...") for k in range(front)
        ]
        for k, value in enumerate(row):
            others = [label for j, label in enumerate(labels) if j != k]
            found[" | ".join([f"row {n + 1}", *others, heads[k]])] = texts[k][n], value
    return found


def _close(now: Any, was: Any) -> bool:
    """Whether both are numbers, or intervals, that differ by float noise."""
    if isinstance(now, tuple) and isinstance(was, tuple):
        return all(map(_close, now, was))
    if not (isinstance(now, float | int) and isinstance(was, float | int)):
        return False
    return abs(now - was) <= _ROUNDING * max(abs(now), abs(was))


def _cell(value: Any) -> Any:
    """Return a cell from what JSON has instead of fractions and infinities; see `Table.to_json`."""
    match value:
        case list():
            return list(map(_cell, value))
        case {"fraction": text}:
            return Fraction(text)
        case {"number": text}:
            return float(text)
    return value
