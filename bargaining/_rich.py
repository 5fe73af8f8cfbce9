"""How results look: one line at a prompt, a small table in a notebook.

A class that derives from `Shown` gets a line and a table of its fields, and defines `_card` where it has something
better to show. Tables need no other package.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from fractions import Fraction
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from bargaining._digits import significant
from bargaining._names import Names, are_given
from bargaining.errors import NotApplicable, Status, Unsolved

DIGITS = 6  # significant digits shown: enough to tell answers apart, few enough for a line
SHOWN = 10
"""How many rows of a batch, and how many actions of a game, a table shows."""
_LINE = 120  # characters of a line at a prompt
_ENTRY = 60  # characters of one entry: two fit in a line
_SIZE = 12  # the most numbers of an array that are shown


class Shown:
    """Base of results: they show as a table in a notebook, and with `line`, the default, print as one line.

    Where players have names, `player_names`, the fields that `_by_player` lists show the entry of each under its name.
    """

    __slots__ = ()
    _by_player: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, *, line: bool = True, **options: Any) -> None:
        super().__init_subclass__(**options)
        if line:
            cls.__repr__ = cls.__repr__  # type: ignore[method-assign]  # A dataclass would else write its own.

    def __repr__(self) -> str:
        return line(self)

    def _repr_html_(self) -> str:
        return self._card().html()

    def _card(self) -> Card:
        """Return what a notebook shows."""
        rows = [[name, brief(value, limit=2 * _LINE)] for name, value in entries(self)]
        return Card(title=type(self).__name__, heads=["", "value"], rows=rows)


class Result(Shown):
    """Base of results with a `status`: one, or an array of them with an entry for each cell or state."""

    __slots__ = ()
    status: Any

    @property
    def ok(self) -> bool | NDArray[np.bool_]:
        """Whether the answer meets its definition, cell by cell: the status is OK or DEGENERATE."""
        status = np.asarray(self.status)
        good = (status == Status.OK) | (status == Status.DEGENERATE)
        return good if good.ndim else bool(good)

    def raise_if_failed(self) -> Self:
        """Return self, or raise with the advice of the first cell that has no answer.

        Raises
        ------
        Unsolved
            If a status is neither OK nor DEGENERATE.
        """
        bad = ~np.asarray(self.ok)
        if bad.any():
            cell = tuple(int(k) for k in np.argwhere(bad)[0])
            status = Status(int(np.asarray(self.status)[cell]))
            where = f" in cell {cell} (and {int(bad.sum()) - 1} more)" if cell else ""
            try:
                residual = getattr(self, "residual", None)
            except NotApplicable:
                residual = None
            size = "" if residual is None else f", residual {np.broadcast_to(residual, bad.shape)[cell]:.2g}"
            name = getattr(self, "method", type(self).__name__)
            reason = getattr(self, "reason", "") or status.advice
            raise Unsolved(f"{name}: {status.name}{where}{size}. {reason}")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A table with a title, and with notes below it."""

    title: str
    heads: Sequence[str]
    rows: Iterable[Sequence[str]]
    notes: Sequence[str] = ()

    def text(self) -> str:
        """Return the card in plain text: its columns, and the notes below."""
        table = [list(self.heads), *map(list, self.rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
        return "\n".join([*lines, *self.notes])

    def html(self) -> str:
        """Return the card in HTML; whatever is text is escaped."""
        from html import escape

        head = "".join(f"<th>{escape(text)}</th>" for text in self.heads)
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>\n" for row in self.rows
        )
        notes = f"<p>{escape('; '.join(self.notes))}</p>\n" if self.notes else ""
        return (
            f'<table class="bargaining">\n<caption>{escape(self.title)}</caption>\n<thead><tr>{head}</tr></thead>\n'
            f"<tbody>\n{body}</tbody>\n</table>\n{notes}"
        )


def table(title: str, rows: Iterable[Shown]) -> Card:
    """Return a card with a row for each of some results of one class: its public fields, but the players' names."""
    every = [{k: brief(value) for k, value in entries(row) if k != "player_names"} for row in rows]
    heads = [name.replace("_", " ") for name in every[0]] if every else []
    return Card(title=title, heads=heads, rows=[list(row.values()) for row in every])


def entries(result: Any) -> list[tuple[str, Any]]:
    """Return the public fields of a dataclass, or else its public attributes, with their values."""
    if is_dataclass(result):
        names = [field.name for field in fields(result)]
    else:
        names = list(vars(result)) if hasattr(result, "__dict__") else []
    return [(name, _named(result, name)) for name in names if not name.startswith("_")]


def _named(result: Any, field: str) -> Any:
    """Return a field; under the names of the players where it has an entry for each."""
    value = getattr(result, field)
    if field == "status" and isinstance(value, np.ndarray):
        return [Status(int(one)) for one in value.flat]
    if field not in getattr(result, "_by_player", ()) or not are_given(result.player_names):
        return value
    last = [
        value[..., k] if isinstance(value, np.ndarray) else value[k] for k in range(len(result.player_names))
    ]
    return dict(zip(result.player_names, last, strict=True))


def line(result: Any) -> str:
    """Return a result as one line; what does not fit is left out."""
    parts: list[str] = []
    for name, value in entries(result):
        part = f"{name}={brief(value)}"
        if sum(map(len, parts)) + len(part) > _LINE:
            parts.append("...")
            break
        parts.append(part)
    return f"{type(result).__name__}({', '.join(parts)})"


def brief(value: Any, *, limit: int = _ENTRY) -> str:
    """Return any value in a few words: small ones in full, of large ones the kind and the size."""
    if isinstance(value, Enum):
        return value.name
    if value is None or isinstance(value, bool | np.bool_):
        return str(value)
    if isinstance(value, Fraction):
        return str(value) if len(str(value)) <= 2 * DIGITS else number(float(value))
    if isinstance(value, float | np.floating):
        return number(value)
    if isinstance(value, np.integer):
        return str(value)
    if isinstance(value, np.ndarray):
        return _array(value, limit)
    if hasattr(value, "dims") and hasattr(value, "sizes"):
        sizes = ", ".join(f"{name}: {size}" for name, size in value.sizes.items())
        return f"<{type(value).__name__} {sizes}>"
    if isinstance(value, Mapping) and not isinstance(value, Shown):
        return _some((f"{_word(key)}: {brief(one)}" for key, one in value.items()), "{}", len(value), limit)
    if isinstance(value, list | tuple | set | frozenset):
        return _some(map(brief, value), "()" if isinstance(value, tuple) else "[]", len(value), limit)
    if isinstance(value, Shown):
        return f"<{type(value).__name__}>"
    return _word(value, limit)


def _word(value: Any, limit: int = _ENTRY) -> str:
    if hasattr(value, "columns") and hasattr(value, "shape"):
        return f"<{type(value).__name__} {' x '.join(map(str, value.shape))}>"
    # old ufuncs have the second alone
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if callable(value) and name:
        return str(name)
    text = " ".join(repr(value).split())
    if " object at 0x" in text:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def _array(array: Any, limit: int) -> str:
    if array.ndim == 0:
        return brief(array.item())
    if array.size <= _SIZE:
        return _some(
            map(brief, array if array.dtype.kind != "O" else array.tolist()), "[]", len(array), limit
        )
    return f"<array of shape {array.shape}>"


def _some(texts: Iterable[str], brackets: str, count: int, limit: int) -> str:
    """Return entries in brackets, or how many there are where they are too many."""
    text = ", ".join(texts) if count <= _SIZE else ""
    return (
        f"{brackets[0]}{text}{brackets[1]}" if len(text) <= limit and count <= _SIZE else f"<{count} entries>"
    )


def listing(array: Any) -> str:
    """Return an array as a list that can be pasted, or its shape where it is large."""
    return str(array.tolist()) if array.size <= _SIZE else f"<array of shape {array.shape}>"


def counted(count: int, word: str) -> str:
    """Return how many there are of something: "1 state", "2 vertices"."""
    if count == 1:
        return f"1 {word}"
    return f"{count} {word[:-2]}ices" if word.endswith("ex") else f"{count} {word}s"


def number(value: Any, digits: int = DIGITS) -> str:
    """Return a number with its significant digits; NaN is none."""
    return "none" if np.isnan(value) else significant(float(value), digits, pad=False)


def point(values: Iterable[Any], names: Names = ()) -> str:
    """Return payoffs in round brackets, each after the name of its player where there are names."""
    texts = list(map(number, values))
    if are_given(names):
        texts = [f"{name} {text}" for name, text in zip(names, texts, strict=True)]
    return f"({', '.join(texts)})"


def point_latex(values: Iterable[Any]) -> str:
    """Return payoffs as a formula, without the signs around it."""
    formulas: list[str] = []
    for value in values:
        mantissa, _, exponent = number(value).partition("e")
        formulas.append(rf"{mantissa} \times 10^{{{exponent}}}" if exponent else mantissa)
    joined = r",\ ".join(formulas)
    return f"({joined})"
