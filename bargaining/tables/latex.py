"""A table as LaTeX; pylatexenc does the escaping.

A table is fitted to a page by type size, wrapped headings, and widths for columns of text. Widths are estimates in
points for a text width of 345 points, the narrowest of LaTeX's standard classes, or 550 in landscape;
a character takes five points on average in ten-point type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import product
from math import ceil
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bargaining._calls import needs
from bargaining.errors import InvalidInput
from bargaining.tables.typeset import NUMBER, headings, is_numeric, runs, texts

if TYPE_CHECKING:
    from bargaining.tables.table import Table

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
