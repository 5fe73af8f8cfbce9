"""A table as LaTeX; pylatexenc does the escaping, and pandas the markup.

A table is fitted to a page by type size, wrapped headings, and widths for columns of text. Widths are estimates in
points for a text width of 345 points, the narrowest of LaTeX's standard classes, or 550 in landscape;
a character takes five points on average in ten-point type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from textwrap import wrap
from typing import TYPE_CHECKING

from bargaining._optional import needs
from bargaining.errors import InvalidInput
from bargaining.tables.typeset import NUMBER, headings, is_numeric, runs, styler, texts

if TYPE_CHECKING:
    from bargaining.tables.table import Table

_LINES, _TURNED_LINES = 40, 16  # more do not fit one page, with headings and few notes
# Points: a line in each size, a line and a character of the notes, and what caption and headings take.
_LINE = {"": 12.0, r"\small": 11.0, r"\footnotesize": 9.5, r"\scriptsize": 8.0}
_NOTE_LINE, _NOTE_CHARACTER, _ABOVE = 9.5, 4.2, 95.0


def latex(table: Table) -> str:
    """Write a `table` environment, or a `longtable` that may break across pages if there are many lines."""
    encode = _encoder()
    fitted, tabular = _tabular(table, encode)
    title = rf"\caption{{{encode(table.caption)}}}" if table.caption else ""
    title += rf"\label{{{table.label}}}" if table.label else ""
    notes = [encode(note) for note in table.notes]
    form = _long if _breaks(lines(texts(table), fitted), fitted, table.notes) else _floating
    written = form(fitted, tabular, title, notes)
    if fitted.turned:
        written = [r"\begin{landscape}", *written, r"\end{landscape}"]
    return "\n".join(line for line in written if line) + "\n"


def _breaks(count: int, fitted: Fit, notes: Sequence[str]) -> bool:
    """Whether so many lines and the notes do not fit one page."""
    width, height = (_TURNED, _UPRIGHT) if fitted.turned else (_UPRIGHT, _TURNED)
    below = _NOTE_LINE * sum(ceil(len(note) * _NOTE_CHARACTER / width) for note in notes)
    return (
        count > (_TURNED_LINES if fitted.turned else _LINES)
        or count * _LINE[fitted.size] + below > height - _ABOVE
    )


def _floating(fitted: Fit, tabular: list[str], title: str, notes: list[str]) -> list[str]:
    opening = [r"\begin{tablenotes}[flushleft]\footnotesize"]
    closing = [r"\end{tablenotes}"]
    return [
        r"\begin{table}",
        r"\centering",
        _setting(fitted),
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
        _setting(fitted) + r"\setlength{\LTcapwidth}{\linewidth}",
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


def _setting(fitted: Fit) -> str:
    return rf"{fitted.size}\setlength{{\tabcolsep}}{{{fitted.gap:g}pt}}" if fitted.size else ""


def _tabular(table: Table, encode: Callable[[str], str]) -> tuple[Fit, list[str]]:
    """Return how the table is set, and the lines of its `tabular`."""
    columns, levels = texts(table), headings(table)
    numeric = [is_numeric(table, k) for k in range(len(columns))]
    titles = list(zip(*levels[1:], strict=True))
    forms = [_format(column) for column in columns]
    rooms = [
        [*column, _room(form)] if n else column
        for column, form, n in zip(columns, forms, numeric, strict=True)
    ]
    fitted = fit(rooms, titles, numeric, runs(levels[0]))
    heads = [_groups(levels[0], fitted, encode)] + [
        [_heading(text, fold, encode) for text, fold in zip(level, fitted.folds, strict=True)]
        for level in levels[1:]
    ]
    body = [
        [_dressed(encode(text), n) for text in column] for column, n in zip(columns, numeric, strict=True)
    ]
    layout = [
        f"S[table-format={form}]" if n else _text_column(share)
        for form, n, share in zip(forms, numeric, fitted.shares, strict=True)
    ]
    written = styler(body, heads).to_latex(
        column_format=f"@{{}}{''.join(layout)}@{{}}", hrules=True, siunitx=True, multicol_align="c"
    )
    return fitted, _with_group_rules(written.rstrip().split("\n"), levels[0])


def _groups(groups: Sequence[str], fitted: Fit, encode: Callable[[str], str]) -> list[str]:
    """Fold each group's heading to the width of its columns, where headings are folded at all."""
    heads: list[str] = []
    for group, start, stop in runs(groups):
        fold = characters(fitted.folds[start:stop])
        heads += [_heading(group, fold if fitted.folds[start] else 0, encode)] * (stop - start)
    return heads


def _heading(text: str, fold: int, encode: Callable[[str], str]) -> str:
    parts = [encode(line) for line in folded(text, fold)]
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


def _room(form: str) -> str:
    """Return a string as wide as the numbers of a siunitx format."""
    sizes = [int(digits) for digits in re.findall(r"[0-9]+", form)]
    exponent = 4 if len(sizes) > 2 else 0  # a sign of multiplication, a ten, a sign
    groups = (sizes[1] + 1) // 5  # thin spaces, between every three digits from the fifth on
    return "0" * (form.startswith("-") + 1 + sum(sizes) + exponent + groups)


def _with_group_rules(lines: list[str], groups: Sequence[str]) -> list[str]:
    """Put a rule under each group of columns, below the first row of headings."""
    rules = [rf"\cmidrule(lr){{{start + 1}-{stop}}}" for group, start, stop in runs(groups) if group]
    return [*lines[:3], "".join(rules), *lines[3:]] if rules else lines


_UPRIGHT, _TURNED = 345.0, 550.0  # points: the text width of LaTeX's article, upright and turned
_CHARACTER = 5.0  # points: a character of ten-point type on average
_NUMBER_MARGIN = 6.0  # a minus sign is wider than a digit
# How much may be squeezed before the type gets smaller than \\scriptsize: the longest unit that is kept on a line, as
# (USD bn), and how many characters a column of text keeps.
_SQUEEZES = ((10, 20), (0, 12), (0, 6))
# Command, width of a character over that in ten points (small type is wider than its height says), half a gap.
_SIZES = (("", 1.0, 6.0), (r"\small", 0.93, 5.0), (r"\footnotesize", 0.87, 4.0), (r"\scriptsize", 0.8, 2.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How to set a table.

    Attributes
    ----------
    size : str
        A LaTeX command, or nothing for the size of the text around.
    gap : float
        Half the space between columns, in points.
    folds : tuple of int
        For each column the maximal characters per line of its heading; 0 for no limit.
    shares : tuple of float
        For each column its share of the line's width; 0 for its natural width.
    turned : bool
        Whether the page is landscape.
    """

    size: str = ""
    gap: float = 6.0
    folds: tuple[int, ...]
    shares: tuple[float, ...]
    turned: bool = False


def fit(
    cells: Sequence[Sequence[str]],
    headings: Sequence[Sequence[str]],
    numeric: Sequence[bool],
    groups: Sequence[tuple[str, int, int]] = (),
) -> Fit:
    """Return the largest setting in which a table fits the page, portrait if possible, or else the smallest setting.

    Parameters
    ----------
    cells : sequence of sequences of str
        The printed cells of each column.
    headings : sequence of pairs of str
        The heading of each column: its title and its unit.
    numeric : sequence of bool
        Which columns are numbers; the others may be wrapped.
    groups : sequence of (str, int, int)
        Headings over several columns: the text, the first column, and the one after the last.
    """
    needed = [max(map(len, column), default=1) for column in cells]
    whole = [max(need, *map(len, texts)) for need, texts in zip(needed, headings, strict=True)]
    _widen(whole, [(len(text), start, stop) for text, start, stop in groups])
    none = (0.0,) * len(numeric)
    if _total(whole, numeric, 1.0, 6.0) <= _UPRIGHT:
        return Fit(folds=(0,) * len(numeric), shares=none)
    for page in (_UPRIGHT, _TURNED):
        for unit_length, readable in _SQUEEZES:
            folds = _folds(needed, headings, numeric, unit_length)
            _widen(folds, [(_longest_word(text), start, stop) for text, start, stop in groups])
            for size, scale, gap in _SIZES:
                shares = _shares(needed, folds, numeric, (page, scale, gap, readable))
                if shares is not None:
                    room = (int(share * page / (_CHARACTER * scale)) for share in shares)
                    # A heading of text may be as long as what is below it.
                    wide = [
                        fold if number else max(fold, chars or need)
                        for fold, number, chars, need in zip(folds, numeric, room, needed, strict=True)
                    ]
                    return Fit(size=size, gap=gap, folds=tuple(wide), shares=shares, turned=page > _UPRIGHT)
    size, _, gap = _SIZES[-1]
    return Fit(size=size, gap=gap, folds=tuple(folds), shares=none, turned=True)


def _folds(
    needed: Sequence[int], headings: Sequence[Sequence[str]], numeric: Sequence[bool], unit_length: int
) -> list[int]:
    """Return the fewest characters that each column must be wide; units up to a length are kept whole."""
    units = [_longest_word(unit) if len(unit) > unit_length else len(unit) for _, unit in headings]
    return [
        max(need if number else 1, _longest_word(title), unit)
        for need, number, (title, _), unit in zip(needed, numeric, headings, units, strict=True)
    ]


def _widen(widths: list[int], groups: Sequence[tuple[int, int, int]]) -> None:
    """Widen the last column of each group that is narrower than its heading."""
    for length, start, stop in groups:
        widths[stop - 1] += max(0, length - characters(widths[start:stop]))


def lines(cells: Sequence[Sequence[str]], fitted: Fit) -> int:
    """Return how many lines the body of a table takes, about."""
    scale = next(scale for size, scale, _ in _SIZES if size == fitted.size)
    page = _TURNED if fitted.turned else _UPRIGHT
    room = [share * page / (_CHARACTER * scale) for share in fitted.shares]
    return sum(
        max(
            len(wrap(text, max(int(size), 1))) if size and text else 1
            for text, size in zip(row, room, strict=True)
        )
        for row in zip(*cells, strict=True)
    )


def folded(text: str, characters: int) -> list[str]:
    """Break a heading into lines between words; 0 characters leave it whole."""
    return (
        wrap(text, characters, break_long_words=False, break_on_hyphens=False)
        if characters and text
        else [text]
    )


def characters(widths: Sequence[int]) -> int:
    """Return how many characters fit over columns side by side."""
    return sum(widths) + 2 * (len(widths) - 1)


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=0)


def _total(widths: Sequence[int], numeric: Sequence[bool], scale: float, gap: float) -> float:
    margins = _NUMBER_MARGIN * sum(numeric)
    return scale * (_CHARACTER * sum(widths) + margins) + 2 * gap * (len(widths) - 1)


def _shares(
    needed: Sequence[int],
    folds: Sequence[int],
    numeric: Sequence[bool],
    setting: tuple[float, float, float, int],
) -> tuple[float, ...] | None:
    """Return the shares of text columns in the remaining width, 0 for natural width; None if there is too little."""
    page, scale, gap, readable = setting
    rest = [fold if number else 0 for fold, number in zip(folds, numeric, strict=True)]
    left = page - _total(rest, numeric, scale, gap)
    wish = [
        0.0 if number else scale * _CHARACTER * max(need, fold + 1)
        for need, fold, number in zip(needed, folds, numeric, strict=True)
    ]
    if sum(wish) <= left:
        return (0.0,) * len(wish)
    least = [
        min(want, scale * _CHARACTER * max(readable, fold + 1))
        for want, fold in zip(wish, folds, strict=True)
    ]
    if sum(least) > left or not any(wish):
        return None
    spare, more = left - sum(least), [want - low for want, low in zip(wish, least, strict=True)]
    points = [low + spare * extra / max(sum(more), 1e-9) for low, extra in zip(least, more, strict=True)]
    return tuple(
        int(1000 * point / page) / 1000 if point < want else 0.0
        for point, want in zip(points, wish, strict=True)
    )
