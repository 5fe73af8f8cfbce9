"""The paper's tables as they were stored, and what a fresh computation gives differently.

The files in `reference/` are this project's own output. They answer one question, whether these tables can
be reproduced on another machine or after a change of the code; they are no evidence that a number is right, and
no test takes them for that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from bargaining.authoring import Shown, file_name, write_whole
from bargaining.errors import InvalidInput
from bargaining.tables import typeset
from bargaining.tables.table import Column, Table

REFERENCE = Path(__file__).parent / "reference"
_ROUNDING = 1e-9  # of a cell's size: two floats this close may print apart where a digit turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Shown):
    """A cell, or a heading, that is no longer what it was.

    Attributes
    ----------
    where : str
        The row and the column, in the words of the table.
    stored, fresh : str
        What was printed then and now.
    """

    where: str
    stored: str
    fresh: str

    def __str__(self) -> str:
        return f"{self.where}: stored {self.stored}, now {self.fresh}"


def stored_names() -> list[str]:
    """Return the names of the tables that are stored."""
    return sorted(path.stem for path in REFERENCE.glob("*.json"))


def stored(name: str, *, folder: Path = REFERENCE) -> Table:
    """Return a stored table, to the last bit.

    Parameters
    ----------
    name : str
        As in `stored_names()`.
    folder : path, optional
        Where to look; by default where this package keeps them.

    Raises
    ------
    InvalidInput
        If no such table is stored.
    """
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


def changes(fresh: Table, reference: Table, *, exact: bool = False) -> list[Change]:
    """Compare two tables heading by heading and cell by cell.

    Parameters
    ----------
    fresh, reference : Table
        The table computed now, and the one stored.
    exact : bool, default False
        By default a number has changed if it prints other digits than before; numbers closer than 1e-9 of
        their size, which may straddle a point of rounding, have not. If true every bit counts.

    Returns
    -------
    list of Change
        Empty if nothing changed. Of notes those that name versions and residuals are not compared.
    """
    heads = [
        Change(where=f"column {k + 1}", stored=was, fresh=now)
        for k, (was, now) in enumerate(zip(*_padded(_heads(reference), _heads(fresh)), strict=True))
        if was != now
    ]
    if reference.caption != fresh.caption:
        heads.insert(0, Change(where="caption", stored=reference.caption, fresh=fresh.caption))
    said, now_said = (
        [note for note in table.notes if not note.startswith(("Version: ", "Largest residual: "))]
        for table in (reference, fresh)
    )
    heads += [
        Change(where=f"note {k + 1}", stored=was, fresh=now)
        for k, (was, now) in enumerate(zip(*_padded(said, now_said), strict=True))
        if was != now
    ]
    if len(reference.rows) != len(fresh.rows):
        sizes = [f"{len(table.rows)} rows" for table in (reference, fresh)]
        heads.insert(0, Change(where="length", stored=sizes[0], fresh=sizes[1]))
    if len(reference.columns) != len(fresh.columns) or len(reference.rows) != len(fresh.rows):
        return heads
    return heads + list(_changed_cells(fresh, reference, exact))


def _changed_cells(fresh: Table, reference: Table, exact: bool) -> Iterator[Change]:
    printed, before = typeset.texts(fresh), typeset.texts(reference)
    for row, (new, old) in enumerate(zip(fresh.rows, reference.rows, strict=True)):
        for column, (now, was) in enumerate(zip(new, old, strict=True)):
            texts = (before[column][row], printed[column][row])
            if repr(now) == repr(was) or (not exact and (texts[0] == texts[1] or _close(now, was))):
                continue
            stored, fresh_text = texts if texts[0] != texts[1] else (repr(was), repr(now))
            yield Change(where=_where(reference, before, row, column), stored=stored, fresh=fresh_text)


def _close(now: Any, was: Any) -> bool:
    """Whether both are numbers, or intervals, that differ by float noise."""
    if isinstance(now, tuple) and isinstance(was, tuple):
        return all(map(_close, now, was))
    if not (isinstance(now, float | int) and isinstance(was, float | int)):
        return False
    return abs(now - was) <= _ROUNDING * max(abs(now), abs(was))


def _where(table: Table, printed: list[list[str]], row: int, column: int) -> str:
    """Name a cell by the heading of its row (the first columns, which have no group) and its column."""
    front = next((k for k, c in enumerate(table.columns) if c.group), 1)
    labels = [f"{table.columns[k].heading} {printed[k][row]}" for k in range(min(front, 2)) if k != column]
    return " | ".join([f"row {row + 1}", *(_short(label) for label in labels), _heads(table)[column]])


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _heads(table: Table) -> list[str]:
    return [typeset.flat_heading(column) for column in table.columns]


def _padded(first: list[str], second: list[str]) -> tuple[list[str], list[str]]:
    """Make two lists equally long; what one of them lacks is "none"."""
    length = max(len(first), len(second))
    return first + ["none"] * (length - len(first)), second + ["none"] * (length - len(second))


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
