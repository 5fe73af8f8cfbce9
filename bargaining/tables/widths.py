"""How a table is fitted into a page: type size, folded headings, and widths for columns of text.

Widths are estimates in points, made for a text width of 345 points, the narrowest of LaTeX's standard
classes, or the 550 of its page turned on its side; five points is what a character takes on average in ten-point type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

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
        For each column how many characters a line of its heading may have; 0 for any number.
    shares : tuple of float
        For each column the part of the line's width it gets; 0 where it takes what it needs.
    turned : bool
        Whether the page is turned on its side.
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
    """Return the largest setting in which a table fits the page, upright if it can, or the smallest there is.

    Parameters
    ----------
    cells : sequence of sequences of str
        What each column prints.
    headings : sequence of pairs of str
        What stands over each column: its title and its unit.
    numeric : sequence of bool
        Which columns are numbers; the others may be folded.
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
                    return Fit(size=size, gap=gap, folds=tuple(folds), shares=shares, turned=page > _UPRIGHT)
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
    """Return what the columns of text get of the space that numbers leave, 0 if all they need; None if too little."""
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
