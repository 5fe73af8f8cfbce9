"""A table as plain text, Markdown, HTML and CSV; other libraries do the escaping and the markup."""

from __future__ import annotations

import csv as _csv
import io
import json
import math
import re
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from html import escape
from itertools import groupby, zip_longest
from textwrap import fill, wrap
from typing import TYPE_CHECKING, Any

from bargaining import _digits

if TYPE_CHECKING:
    from bargaining.tables.table import Table

NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?:e(-?)(\d+))?")


def texts(table: Table) -> list[list[str]]:
    """Return every cell as it prints, before any escaping, column by column.

    In neighbouring columns of one group, trailing zeros are added in all or in none.
    """
    columns = _columns(table)
    digits = [column.digits or table.digits for column in table.columns]
    padded = [_digits.rounds(_numbers(cells), size) for cells, size in zip(columns, digits, strict=True)]
    grouped = {c.group for c, pad in zip(table.columns, padded, strict=True) if pad and c.group}
    return [
        _column(cells, size, pad or column.group in grouped, table.missing)
        for column, cells, size, pad in zip(table.columns, columns, digits, padded, strict=True)
    ]


def _column(cells: Sequence[Any], digits: int, pad: bool, missing: str) -> list[str]:
    numbers = iter(_digits.column(_numbers(cells), digits, pad=pad))
    return [next(numbers) if _is_number(cell) else _words(cell, digits, missing) for cell in cells]


def _numbers(cells: Sequence[Any]) -> list[float]:
    return [cell for cell in cells if _is_number(cell)]


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _words(cell: Any, digits: int, missing: str) -> str:
    if cell is None:
        return missing
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, tuple):
        *ends, high = _digits.column(cell, digits, pad=_digits.rounds(cell, digits))
        return f"{' '.join(ends[1:])} [{ends[0]}, {high}]".lstrip()
    return str(cell)


def is_numeric(table: Table, k: int) -> bool:
    """Whether column `k` aligns as numbers."""
    return any(_is_number(row[k]) for row in table.rows)


def plain(table: Table, width: int | None = None) -> str:
    """Lay the table out for a terminal of `width` characters, or without a limit.

    If it is too wide, notes and long words are wrapped first; then the columns are put into blocks under each other,
    each with the first columns, which identify the rows.
    """
    numeric = [is_numeric(table, k) for k in range(len(table.columns))]
    body = [_aligned(cells) if n else cells for cells, n in zip(texts(table), numeric, strict=True)]
    room = width or sys.maxsize
    blocks = [_block(table, body, numeric, range(len(numeric)))]
    if _wide(blocks[0][1:]) > room:
        longest = _longest_line(table, body, numeric, room)
        body = [c if n else [fill(text, longest) for text in c] for c, n in zip(body, numeric, strict=True)]
        blocks = _blocks(table, body, numeric, room)
    head = wrap(table.caption, room)
    spoken = [line for text in table.notes for line in wrap(text, room, subsequent_indent="  ")]
    return "\n".join([*head, "\n\n".join("\n".join(lines) for lines in blocks), *spoken])


def _wide(lines: Sequence[str]) -> int:
    return max(map(len, lines))


def _longest_line(table: Table, body: Sequence[Sequence[str]], numeric: Sequence[bool], room: int) -> int:
    """Return how long the lines of a folded text may be: what other columns leave, or a third of the room."""
    widths = [_wide([column.heading, *cells]) for column, cells in zip(table.columns, body, strict=True)]
    long = [not n and width > room // 4 for n, width in zip(numeric, widths, strict=True)]
    taken = sum(w for w, folded in zip(widths, long, strict=True) if not folded) + 2 * (len(widths) - 1)
    share = (room - taken) // max(sum(long), 1)
    return share if share >= room // 4 else max(room // 3, 16)


def _blocks(
    table: Table, body: Sequence[Sequence[str]], numeric: Sequence[bool], room: int
) -> list[list[str]]:
    """Part the columns into blocks that fit, as many columns in each as do."""
    front = next((k for k, column in enumerate(table.columns) if column.group), 1)
    keys = list(range(min(front, 3, len(numeric) - 1)))
    while keys and _wide(_block(table, body, numeric, keys)[1:]) > room // 2:
        keys.pop()
    parts = [list(keys)]
    for k in range(len(keys), len(numeric)):
        if len(parts[-1]) > len(keys) and _wide(_block(table, body, numeric, [*parts[-1], k])[1:]) > room:
            parts.append(list(keys))
        parts[-1].append(k)
    return [_block(table, body, numeric, shown) for shown in parts]


def _block(
    table: Table, body: Sequence[Sequence[str]], numeric: Sequence[bool], shown: Sequence[int]
) -> list[str]:
    """Return the lines of some columns; the texts of a row may have several lines.

    The first line, of groups, may be longer by the spaces around a name than the columns are wide.
    """
    columns = [table.columns[k] for k in shown]
    units = (
        [[column.unit] for column in columns] if any(column.unit for column in columns) else [[]] * len(shown)
    )
    cells = [[c.heading, *unit, *body[k]] for c, unit, k in zip(columns, units, shown, strict=True)]
    widths = [_wide([line for text in column for line in text.split("\n")]) for column in cells]
    lines = _group_line([column.group for column in columns], widths)
    rows = list(zip(*cells, strict=True))
    rows.insert(1 + len(units[0]), tuple("-" * width for width in widths))
    for row in rows:
        for line in zip_longest(*(text.split("\n") for text in row), fillvalue=""):
            parts = zip(line, widths, shown, strict=True)
            lines.append("  ".join(t.rjust(w) if numeric[k] else t.ljust(w) for t, w, k in parts).rstrip())
    return lines


def runs(groups: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return each group with the first of its neighbouring columns and the one after its last."""
    runs, start = [], 0
    for group, members in groupby(groups):
        runs.append((group, start, start := start + len(list(members))))
    return runs


def _group_line(groups: Sequence[str], widths: list[int]) -> list[str]:
    """Return the line of group headings, if any; widen the last column of a group that needs it."""
    if not any(groups):
        return []
    parts = []
    for group, start, stop in runs(groups):
        space = sum(widths[start:stop]) + 2 * (stop - start - 1)
        if (lack := len(group) - space) > 0:
            widths[stop - 1] += lack
        parts.append((f" {group} " if group else "").center(max(space, len(group)), "-" if group else " "))
    return ["  ".join(parts).rstrip()]


def _aligned(column: list[str]) -> list[str]:
    """Pad numbers on the right so that their points stand under each other."""
    tails = [
        len(text) - len(text.split(".")[0].split("e")[0]) if NUMBER.fullmatch(text) else 0 for text in column
    ]
    return [
        t + " " * (max(tails) - n) if NUMBER.fullmatch(t) else t for t, n in zip(column, tails, strict=True)
    ]


def markdown(table: Table) -> str:
    """Write a pipe table."""
    heads = [_markdown_escape(flat_heading(column)) for column in table.columns]
    body = [[_markdown_escape(text) for text in row] for row in zip(*texts(table), strict=True)]
    rules = ["---:" if is_numeric(table, k) else ":---" for k in range(len(heads))]
    lines = [f"| {' | '.join(row)} |" for row in [heads, rules, *body]]
    caption = [f"**{_markdown_escape(table.caption)}**", ""] if table.caption else []
    notes = ["", *(f"{_markdown_escape(note)}  " for note in table.notes)] if table.notes else []
    return "\n".join([*caption, *lines, *notes]) + "\n"


def _markdown_escape(text: str) -> str:
    """Escape text so that it is no markup: no list, entity or link, nor a definition of one, which would vanish."""
    plain = re.sub(r"[\\`*_<>|$#~]|\](?=[(:])|&(?=\w+;)|^[-+](?= )", r"\\\g<0>", text)
    return re.sub(r"^\d+(?=[.)] )", r"\g<0>\\", plain)


def flat_heading(column: Any) -> str:
    """Return the heading of a column in one line: group, heading and unit."""
    group = f"{column.group}: " if column.group else ""
    return f"{group}{column.heading}" + (f" ({column.unit})" if column.unit else "")


def as_json(table: Table) -> str:
    """Write the table as data: its columns, and its cells in full precision, one row a line."""
    head = {key: getattr(table, key) for key in ("caption", "label", "digits", "missing")}
    fields = [f'"{key}": {_dumped(value)}' for key, value in head.items()]
    parts = {
        "notes": table.notes,
        "columns": [asdict(column) for column in table.columns],
        "rows": [list(map(_datum, row)) for row in table.rows],
    }
    fields += [f'"{key}": [\n' + ",\n".join(map(_dumped, lines)) + "\n]" for key, lines in parts.items()]
    return "{\n" + ",\n".join(fields) + "\n}\n"


def _datum(cell: Any) -> Any:
    """Return a cell in terms that JSON has: it knows neither fractions nor infinities."""
    if isinstance(cell, tuple):
        return list(map(_datum, cell))
    if isinstance(cell, Fraction):
        return {"fraction": str(cell)}
    return {"number": str(cell)} if isinstance(cell, float) and math.isinf(cell) else cell


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def csv(table: Table) -> str:
    """Write the cells in full precision."""
    out = io.StringIO(newline="")
    writer = _csv.writer(out, lineterminator="\n")
    sizes = [
        max((len(cell) for cell in cells if isinstance(cell, tuple)), default=1) for cells in _columns(table)
    ]
    heads = [
        f"{flat_heading(column)}{part}"
        for column, size in zip(table.columns, sizes, strict=True)
        for part in {1: [""], 2: [" low", " high"], 3: [" low", "", " high"]}[size]
    ]
    writer.writerow(map(_inert, heads))
    for row in table.rows:
        parts = (_parts(cell, size) for cell, size in zip(row, sizes, strict=True))
        writer.writerow([_exact(part) for cell in parts for part in cell])
    return out.getvalue()


def _columns(table: Table) -> list[list[Any]]:
    return [[row[k] for row in table.rows] for k in range(len(table.columns))]


def _parts(cell: Any, size: int) -> list[Any]:
    """Return the low and the high end of a cell, or also the number between; one number is all of these."""
    if isinstance(cell, tuple):
        return list(cell) if len(cell) == size else [cell[0], None, cell[1]]
    return [cell] * size


def _exact(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return _inert(cell)
    return str(cell) if isinstance(cell, bool | Fraction) else repr(cell)


def _inert(text: str) -> str:
    """Prevent a spreadsheet from running text as a formula, also if it reads full-width characters as plain ones."""
    return f"'{text}" if unicodedata.normalize("NFKC", text).startswith(("=", "+", "-", "@")) else text


def html(table: Table) -> str:
    """Write a table element, then the notes."""
    sides = [f"text-align: {'right' if is_numeric(table, k) else 'left'}" for k in range(len(table.columns))]
    groups, *levels = headings(table)
    head = [_cells("th", level, sides) for level in levels if any(level) or level is levels[0]]
    if any(groups):
        spans = [(group, f'colspan="{stop - start}"') for group, start, stop in runs(groups)]
        head.insert(0, "".join(f"<th {span}>{escape(group)}</th>" for group, span in spans))
    body = [_cells("td", row, sides) for row in zip(*texts(table), strict=True)]
    lines = [
        '<table class="bargaining">',
        *([f"<caption>{escape(table.caption)}</caption>"] if table.caption else []),
        "<thead>",
        *(f"<tr>{row}</tr>" for row in head),
        "</thead>\n<tbody>",
        *(f"<tr>{row}</tr>" for row in body),
        "</tbody>\n</table>",
        *(f"<p>{escape(note)}</p>" for note in table.notes),
    ]
    return "\n".join(lines) + "\n"


def _cells(tag: str, row: Sequence[str], sides: Sequence[str]) -> str:
    cells = zip(row, sides, strict=True)
    return "".join(f'<{tag} style="{side}">{escape(text)}</{tag}>' for text, side in cells)


def headings(table: Table) -> list[list[str]]:
    """Return the headings of the columns, level by level: groups, headings and units."""
    units = [f"({column.unit})" if column.unit else "" for column in table.columns]
    return [[column.group for column in table.columns], [column.heading for column in table.columns], units]
