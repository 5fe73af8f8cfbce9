"""How a table is fitted into a page: type size, folded headings, and widths for columns of text.

Widths are estimates in points, made for a text width of 345 points, the narrowest of LaTeX's standard
classes; five points is what a character takes on average in ten-point type.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

_PAGE = 345.0
_CHARACTER = 5.0
_NUMBER_MARGIN = 6.0  # a minus sign is wider than a digit
_UNIT = 10  # characters; a unit of no more, as (USD bn), is kept on a line
_READABLE = 20  # characters; a column of text is not made narrower to spare a size
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
    """

    size: str = ""
    gap: float = 6.0
    folds: tuple[int, ...]
    shares: tuple[float, ...]


def fit(
    cells: Sequence[Sequence[str]],
    headings: Sequence[Sequence[str]],
    numeric: Sequence[bool],
    groups: Sequence[tuple[str, int, int]] = (),
) -> Fit:
    """Return the largest setting in which a table fits the page, or the smallest there is.

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
    titles = [max(map(len, texts)) for texts in headings]
    folds = [
        max(need, _longest_word(title), _longest_word(unit) if len(unit) > _UNIT else len(unit))
        for need, (title, unit) in zip(needed, headings, strict=True)
    ]
    whole = [max(pair) for pair in zip(needed, titles, strict=True)]
    for text, start, stop in groups:
        whole[stop - 1] += max(0, len(text) - _characters(whole[start:stop]))
        folds[stop - 1] += max(0, _longest_word(text) - _characters(folds[start:stop]))
    none = (0.0,) * len(numeric)
    if _total(whole, numeric, 1.0, 6.0) <= _PAGE:
        return Fit(folds=(0,) * len(numeric), shares=none)
    for size, scale, gap in _SIZES:
        if _total(folds, numeric, scale, gap) <= _PAGE:
            return Fit(size=size, gap=gap, folds=tuple(folds), shares=none)
        shares = _shares(folds, numeric, scale, gap)
        if shares is not None:
            return Fit(size=size, gap=gap, folds=tuple(folds), shares=shares)
    size, _, gap = _SIZES[-1]
    return Fit(size=size, gap=gap, folds=tuple(folds), shares=none)


def folded(text: str, characters: int) -> list[str]:
    """Break a heading into lines between words; 0 characters leave it whole."""
    return (
        wrap(text, characters, break_long_words=False, break_on_hyphens=False)
        if characters and text
        else [text]
    )


def _characters(widths: Sequence[int]) -> int:
    """Return how many characters fit over columns side by side."""
    return sum(widths) + 2 * (len(widths) - 1)


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=0)


def _total(widths: Sequence[int], numeric: Sequence[bool], scale: float, gap: float) -> float:
    margins = _NUMBER_MARGIN * sum(numeric)
    return scale * (_CHARACTER * sum(widths) + margins) + 2 * gap * (len(widths) - 1)


def _shares(
    widths: Sequence[int], numeric: Sequence[bool], scale: float, gap: float
) -> tuple[float, ...] | None:
    """Return what the columns of text get of the space that numbers leave, if that can be read."""
    text = [0 if number else width for width, number in zip(widths, numeric, strict=True)]
    rest = [width if number else 0 for width, number in zip(widths, numeric, strict=True)]
    left = _PAGE - _total(rest, numeric, scale, gap)
    least = [scale * _CHARACTER * min(width, _READABLE) for width in text]
    if not any(text) or left < sum(least):
        return None
    spare, wish = (
        left - sum(least),
        [scale * _CHARACTER * width - low for width, low in zip(text, least, strict=True)],
    )
    points = [low + spare * more / max(sum(wish), 1e-9) for low, more in zip(least, wish, strict=True)]
    return tuple(int(1000 * point / _PAGE) / 1000 for point in points)
