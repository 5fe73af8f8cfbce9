"""A table as plain text, Markdown, HTML, CSV and LaTeX; other libraries do the escaping.

A table in LaTeX is fitted to a page by type size, wrapped headings, and widths for columns of text. Widths are
estimates in points for a text width of 345 points, the narrowest of LaTeX's standard classes, or 550 in landscape; a
character takes five points on average in ten-point type.
"""

from __future__ import annotations

import csv as _csv
import io
import json
import math
import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import asdict
from fractions import Fraction
from html import escape
from itertools import groupby, product, zip_longest
from math import ceil
from textwrap import fill, wrap
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bargaining import _digits
from bargaining._calls import needs
from bargaining.errors import InvalidInput

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


_UPRIGHT, _TURNED = 345.0, 550.0  # points: the text width of LaTeX's article, upright and turned
_LINES = {_UPRIGHT: 40, _TURNED: 16}  # more do not fit one page, with headings and few notes
_CHARACTER = 5.0  # points: a character of ten-point type on average
_READABLE = 12  # characters that a column of text keeps
_MARGIN = 1.2  # characters: a minus sign is wider than a digit
# Command, width of a character over that in ten points (small type is wider than its height says), half a gap, a line.
_SIZES = (
    ("", 1.0, 6.0, 12.0),
    (r"\small", 0.93, 5.0, 11.0),
    (r"\footnotesize", 0.87, 4.0, 9.5),
    (r"\scriptsize", 0.8, 2.0, 8.0),
)
_NOTE_LINE, _NOTE_CHARACTER, _ABOVE = 9.5, 4.2, 95.0  # points: of notes, and what caption and headings take


def latex(table: Table) -> str:
    """Write a `table` environment, or a `longtable` that may break across pages if there are many lines."""
    encode = _encoder()
    fitted, tabular = _tabular(table, encode)
    title = rf"\caption{{{encode(table.caption)}}}" if table.caption else ""
    title += rf"\label{{{table.label}}}" if table.label else ""
    notes = [encode(note) for note in table.notes]
    form = _long if _breaks(table, fitted) else _floating
    written = form(fitted, tabular, title, notes)
    if fitted.page > _UPRIGHT:
        written = [r"\begin{landscape}", *written, r"\end{landscape}"]
    return "\n".join(line for line in written if line) + "\n"


def _breaks(table: Table, fitted: Fit) -> bool:
    """Whether the lines and the notes do not fit one page."""
    count = sum(
        max(
            len(wrap(text, chars) if chars else []) or 1 for text, chars in zip(row, fitted.room, strict=True)
        )
        for row in zip(*texts(table), strict=True)
    )
    height = _TURNED if fitted.page == _UPRIGHT else _UPRIGHT
    below = _NOTE_LINE * sum(ceil(len(note) * _NOTE_CHARACTER / fitted.page) for note in table.notes)
    return count > _LINES[fitted.page] or count * fitted.line + below > height - _ABOVE


def _floating(fitted: Fit, tabular: list[str], title: str, notes: list[str]) -> list[str]:
    opening = [r"\begin{tablenotes}[flushleft]\footnotesize"]
    closing = [r"\end{tablenotes}"]
    return [
        r"\begin{table}",
        r"\centering",
        fitted.setting,
        r"\begin{threeparttable}",
        title,
        *tabular,
        *((opening + [rf"\item[] {note}" for note in notes] + closing) if notes else []),
        r"\end{threeparttable}",
        r"\end{table}",
    ]


def _long(fitted: Fit, tabular: list[str], title: str, notes: list[str]) -> list[str]:
    middle = tabular.index(r"\midrule")
    head, body = tabular[1 : middle + 1], tabular[middle + 1 : -2]
    return [
        r"\begingroup",
        fitted.setting + r"\setlength{\LTcapwidth}{\linewidth}",
        tabular[0].replace("tabular", "longtable", 1),
        rf"{title}\\" if title else "",
        *head,
        r"\endfirsthead",
        *head,
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
        *body,
        r"\end{longtable}",
        *(rf"{{\footnotesize\noindent {note}\par}}" for note in notes),
        r"\endgroup",
    ]


def _tabular(table: Table, encode: Callable[[str], str]) -> tuple[Fit, list[str]]:
    """Return how the table is set, and the lines of its `tabular`."""
    columns, levels = texts(table), headings(table)
    numeric = [is_numeric(table, k) for k in range(len(columns))]
    forms = [_format(column) for column in columns]
    needed = [
        max([_room(form) if n else 1, *map(len, column)])
        for column, form, n in zip(columns, forms, numeric, strict=True)
    ]
    fitted = _fit(needed, levels, numeric)
    folds = fitted.folds or (0,) * len(columns)
    heads = [
        [_heading(text, fold, encode) for text, fold in zip(level, folds, strict=True)]
        for level in levels[1:]
        if any(level) or level is levels[1]
    ]
    layout = [
        f"S[table-format={form}]" if n else _text_column(share)
        for form, n, share in zip(forms, numeric, fitted.shares, strict=True)
    ]
    body = [
        [_dressed(encode(text), n) for text, n in zip(row, numeric, strict=True)]
        for row in zip(*columns, strict=True)
    ]
    return fitted, [
        rf"\begin{{tabular}}{{@{{}}{''.join(layout)}@{{}}}}",
        r"\toprule",
        *_group_lines(levels[0], folds, encode),
        *(_row([f"{{{text}}}" for text in level]) for level in heads),
        r"\midrule",
        *map(_row, body),
        r"\bottomrule",
        r"\end{tabular}",
    ]


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _group_lines(groups: Sequence[str], folds: Sequence[int], encode: Callable[[str], str]) -> list[str]:
    """Return the headings over several columns, if there are any, and the rules under them."""
    if not any(groups):
        return []
    cells, rules = [], ""
    for group, start, stop in runs(groups):
        width = sum(folds[start:stop]) + 2 * (stop - start - 1) if any(folds) else 0
        text, count = _heading(group, width, encode), stop - start
        cells.append(rf"\multicolumn{{{count}}}{{c}}{{{text}}}" if count > 1 else f"{{{text}}}")
        rules += rf"\cmidrule(lr){{{start + 1}-{stop}}}" if group else ""
    return [_row(cells), rules]


def _heading(text: str, fold: int, encode: Callable[[str], str]) -> str:
    """Break a heading into lines between words; a fold of 0 leaves it whole."""
    folded = wrap(text, fold, break_long_words=False, break_on_hyphens=False) if fold and text else [text]
    parts = [encode(line) for line in folded]
    if len(parts) == 1:
        return parts[0]
    stacked = r"\\".join(parts)
    return rf"\begin{{tabular}}[b]{{@{{}}c@{{}}}}{stacked}\end{{tabular}}"


def _text_column(share: float) -> str:
    return rf">{{\raggedright\arraybackslash}}p{{{share:g}\linewidth}}" if share else "l"


def _encoder() -> Callable[[str], str]:
    with needs("paper"):
        from pylatexenc.latexencode import UnicodeToLatexEncoder
    encoder = UnicodeToLatexEncoder(unknown_char_policy="fail", unknown_char_warning=False)

    def encode(text: str) -> str:
        try:
            return str(encoder.unicode_to_latex(text))
        except ValueError:
            raise InvalidInput(
                f"`rows`, headings and notes must have characters that LaTeX can set; got {text!r}."
            ) from None

    return encode


def _dressed(text: str, numeric: bool) -> str:
    """Put cells into braces that siunitx must not read as numbers, or LaTeX as the option of a row."""
    bare = NUMBER.fullmatch(text) is not None if numeric else not text.startswith(("[", "*"))
    return text if bare else f"{{{text}}}"


def _format(column: Sequence[str]) -> str:
    """Return the siunitx format that has room for every number, as in -2.4e-3."""
    found = [match.groups(default="") for text in column if (match := NUMBER.fullmatch(text))]
    sign, whole, part, lower, power = (
        (list(field) for field in zip(*found, strict=True)) if found else ([""],) * 5
    )
    size = f"{max(sign)}{max(map(len, whole)) or 1}.{max(map(len, part))}"
    return size + (f"e{max(lower)}{max(map(len, power))}" if any(power) else "")


def _room(form: str) -> int:
    """Return how many characters wide the numbers of a siunitx format are, with the signs that it adds."""
    sizes = [int(digits) for digits in re.findall(r"[0-9]+", form)]
    return sum(sizes) + 1 + form.startswith("-") + sizes[1] // 5 + 4 * (len(sizes) > 2)


class Fit(NamedTuple):
    """How a table is set: type, height of a line, page width, and each column's share of it, 0 for its own width."""

    setting: str
    line: float
    page: float
    folds: tuple[int, ...]  # characters of the lines of headings, if they are folded
    shares: tuple[float, ...]
    room: tuple[int, ...]  # characters on a line of wrapped text, 0 elsewhere


def _fit(needed: Sequence[int], levels: Sequence[Sequence[str]], numeric: Sequence[bool]) -> Fit:
    """Return the largest setting in which a table fits the page, portrait if possible, or else the smallest.

    At first headings and texts are whole. Then headings are folded between words, and texts share what numbers leave.
    """
    number, pages = np.array(numeric), (_UPRIGHT, _TURNED)
    settings = [(_UPRIGHT, _SIZES[0], len), *((*s, _longest_word) for s in product(pages, _SIZES))]
    for page, type_size, extent in settings:
        size, scale, gap, line = type_size
        folding = extent is not len
        heads = np.array([max(map(extent, pair)) for pair in zip(*levels[1:], strict=True)])
        least = np.where(number | (not folding), needed, np.minimum(needed, _READABLE))
        least = np.maximum(least, heads + (folding & ~number))
        for group, start, stop in runs(levels[0]):
            least[stop - 1] += max(0, extent(group) - least[start:stop].sum() - 2 * (stop - start - 1))
        want = np.maximum(least, needed)
        room = (page - 2 * gap * (len(needed) - 1)) / (scale * _CHARACTER) - _MARGIN * number.sum()
        width, spare = want.astype(float), room - least.sum()
        if want.sum() > room and spare >= 0:
            width = least + spare * (want - least) / (want - least).sum()
        if width.sum() <= room + 1e-9:
            break
    short = width < want
    shares = np.where(short, np.floor(1000 * width * scale * _CHARACTER / page) / 1000, 0.0)
    return Fit(
        setting=rf"{size}\setlength{{\tabcolsep}}{{{gap:g}pt}}" if size else "",
        line=line,
        page=page,
        folds=tuple(map(int, width)) if folding else (),
        shares=tuple(shares.tolist()),
        room=tuple(np.where(short, width, 0).astype(int).tolist()),
    )


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=0)
