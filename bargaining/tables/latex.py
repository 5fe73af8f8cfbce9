"""A table as LaTeX; escaping is pylatexenc's work, and markup that of pandas."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bargaining._optional import needs
from bargaining.errors import InvalidInput
from bargaining.tables.typeset import NUMBER, headings, is_numeric, runs, styler, texts
from bargaining.tables.widths import Fit, characters, fit, folded, lines

if TYPE_CHECKING:
    from bargaining.tables.table import Table

_LINES, _TURNED_LINES = 40, 16  # more do not fit one page, with headings and notes


def latex(table: Table) -> str:
    """Write a `table` environment, or a `longtable` that may break across pages if there are many lines."""
    encode = _encoder()
    fitted, tabular = _tabular(table, encode)
    title = rf"\caption{{{encode(table.caption)}}}" if table.caption else ""
    title += rf"\label{{{table.label}}}" if table.label else ""
    notes = [encode(note) for note in table.notes]
    form = _long if lines(texts(table), fitted) > (_TURNED_LINES if fitted.turned else _LINES) else _floating
    written = form(fitted, tabular, title, notes)
    if fitted.turned:
        written = [r"\begin{landscape}", *written, r"\end{landscape}"]
    return "\n".join(line for line in written if line) + "\n"


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
    """Brace what siunitx must not read as a number, and what LaTeX would read as an option of a row."""
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
