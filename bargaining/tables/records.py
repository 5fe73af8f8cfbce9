"""The contents of a table: rows read from lists, frames and datasets into checked cells."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np

from bargaining._arguments import listed, whole
from bargaining._arrays import owning
from bargaining._digits import significant
from bargaining._rich import Shown
from bargaining.errors import InvalidInput, Status, with_article

Cell: TypeAlias = float | int | str | bool | Fraction | tuple[float, ...] | None
"""A number, an interval, a number with its band (low, middle, high), a string, a truth value, a fraction, or None."""

Record: TypeAlias = Mapping[str, Any]


@owning
@dataclass(frozen=True, slots=True)
class Column(Shown):
    """One column of a `Table`: which entry of a row it shows, and its heading.

    Parameters
    ----------
    name : str
        The key of the column in the rows.
    title : str, optional
        The printed heading; `name` if empty.
    unit : str, optional
        The unit, printed under the heading.
    group : str, optional
        A heading shared with the neighbouring columns of the same group.
    digits : int, optional
        Significant digits; those of the table if None.

    Examples
    --------
    >>> from bargaining import Column
    >>> Column("transfer", title="Canada to US", unit="USD bn").heading
    'Canada to US'
    """

    name: str
    title: str = ""
    unit: str = ""
    group: str = ""
    digits: int | None = None

    def __post_init__(self) -> None:
        for field in ("name", "title", "unit", "group"):
            object.__setattr__(self, field, text_of(getattr(self, field), field))
        if self.digits is not None:
            whole(self.digits, "digits", 1, 17)

    @property
    def heading(self) -> str:
        """The title, or the name where there is none."""
        return self.title or self.name


def read(
    rows: Any, columns: Sequence[str | Column] | None
) -> tuple[tuple[Column, ...], list[Record], dict[str, str | float]]:
    """Return the columns found in `rows`, its rows as mappings, and its notes by their names."""
    kind = {
        base.__name__ for base in type(rows).__mro__ if base.__module__.split(".")[0] in ("pandas", "xarray")
    }
    if "Dataset" in kind:
        return _from_dataset(rows)
    if "DataArray" in kind:
        if rows.ndim not in (1, 2):
            raise InvalidInput(
                f"`rows` must have one or two axes as a DataArray; got {rows.ndim}. "
                'Write Table(array.to_dataset(name="value")).'
            )
        rows = rows.to_pandas() if rows.ndim > 1 else rows.to_series()
    if kind & {"Series", "DataArray"}:
        rows = rows.to_frame() if rows.ndim == 1 else rows
    if kind & {"DataFrame", "Series", "DataArray"}:
        return *_from_frame(rows), {}
    return *_from_lists(rows, columns), {}


def _from_lists(rows: Any, columns: Sequence[str | Column] | None) -> tuple[tuple[Column, ...], list[Record]]:
    if isinstance(rows, str | bytes | Mapping) or not isinstance(rows, Iterable):
        raise InvalidInput(
            "`rows` must be a list of dicts, 2-d data, a DataFrame or a Dataset; "
            f"got {with_article(rows)}.{' Write Table(answer.to_frame()).' * hasattr(rows, 'to_frame')}"
        )
    given = list(rows)
    if all(isinstance(row, Mapping) for row in given):
        names = dict.fromkeys(str(name) for row in given for name in row)
        if not names and columns:
            names = dict.fromkeys(column.name if isinstance(column, Column) else column for column in columns)
        return tuple(Column(name) for name in names), [{str(k): v for k, v in row.items()} for row in given]
    cells = [listed(row, "rows", "a list of dicts or of lists of cells") for row in given]
    width = len(columns) if columns else max(map(len, cells))
    for k, row in enumerate(given):
        if isinstance(row, str) or len(cells[k]) != width:
            raise InvalidInput(f"`rows` must have {width} cells each, one per column; row {k} is {row!r}.")
    found = choose((), columns) if columns else tuple(Column(str(k)) for k in range(width))
    return found, [{column.name: value for column, value in zip(found, row, strict=True)} for row in cells]


def _from_frame(frame: Any) -> tuple[tuple[Column, ...], list[Record]]:
    named = [name for name in frame.index.names if name is not None]
    found = [Column(str(name)) for name in named]
    over = "" if frame.columns.name is None else str(frame.columns.name)
    for key in frame.columns:
        levels = key if isinstance(key, tuple) else (over, key)
        group, title = ": ".join(str(level) for level in levels[:-1]), _title(levels[-1])
        found.append(Column(f"{group} {title}".strip(), title=title, group=group))
    names = [column.name for column in found]
    if twice := {*map(str, named)} & {*map(str, frame.columns)}:
        raise InvalidInput(
            f"`rows` must call its index unlike its columns; got {min(twice)!r} for both. Rename one of them."
        )
    body = frame.reset_index(level=named) if named else frame
    return tuple(found), [
        dict(zip(names, row, strict=True)) for row in body.itertuples(index=False, name=None)
    ]


def _from_dataset(dataset: Any) -> tuple[tuple[Column, ...], list[Record], dict[str, str | float]]:
    variables = {
        name: v for name, v in dataset.data_vars.items() if name not in ("status", "residual", "message")
    }
    if not variables:
        raise InvalidInput(
            "`rows` must be a Dataset with at least one variable besides its status; got none."
        )
    shared = [d for d in dataset.dims if d != "player" and all(d in v.dims for v in variables.values())]
    found = [Column(str(d), unit=_unit(dataset[d])) for d in shared]
    cells = np.meshgrid(*(dataset[d].values for d in shared), indexing="ij")
    parts = {str(d): values.ravel() for d, values in zip(shared, cells, strict=True)}
    for name, variable in variables.items():
        across = [d for d in variable.dims if d not in shared]
        unit = _unit(variable)
        stacked = variable.transpose(*shared, *across).values
        for place in np.ndindex(*stacked.shape[len(shared) :]):
            titles = [_title(dataset[d].values[k]) for d, k in zip(across, place, strict=True)]
            column = Column(
                " ".join([str(name), *titles]),
                title=", ".join(titles),
                unit=unit,
                group=str(name) if titles else "",
            )
            found.append(column)
            parts[column.name] = stacked[(..., *place)].ravel()
    if (states := _statuses(dataset, shared)) is not None:
        found.append(Column("status"))
        parts["status"] = states
    length = math.prod(dataset.sizes[d] for d in shared)
    records: list[Record] = [{name: values[k] for name, values in parts.items()} for k in range(length)]
    return tuple(found), records, _dataset_notes(dataset)


def _unit(variable: Any) -> str:
    """Return the unit to print; a pure number, "1", has none."""
    unit = str(variable.attrs.get("units", ""))
    return "" if unit == "1" else unit


def _title(label: Any) -> str:
    return f"{label:.12g}" if isinstance(label, float) else str(label)


def _statuses(dataset: Any, shared: Sequence[Any]) -> Any:
    """The status of each row in words, or None where all are OK."""
    if "status" not in dataset or not (dataset["status"].values != Status.OK).any():
        return None
    given = dataset["status"]
    if more := [str(d) for d in given.dims if d not in shared]:
        raise InvalidInput(
            f"`rows` must have a `status` for each row; it differs along {more[0]}, which some variable lacks. Drop "
            "the status, or that variable."
        )
    each = given.expand_dims({d: dataset.sizes[d] for d in shared if d not in given.dims})
    codes = each.transpose(*shared).values.ravel()
    if odd := {*codes.tolist()} - {*Status}:
        raise InvalidInput(f"`rows` must have a `status` as in `Status`; got {min(odd)}.")
    return np.array([Status(int(code)).name for code in codes], dtype=object)


def _dataset_notes(dataset: Any) -> dict[str, str | float]:
    """Return what a dataset says of itself; the name of a function without one, as <lambda>, says nothing."""
    carried: dict[str, str | float] = {
        key.capitalize(): dataset.attrs[key]
        for key in ("data", "model", "method", "source")
        if isinstance(dataset.attrs.get(key), str) and "<" not in dataset.attrs[key]
    }
    if "residual" in dataset and np.isfinite(dataset["residual"].values).any():
        carried["Largest residual"] = float(np.nanmax(dataset["residual"].values))
    if isinstance(dataset.attrs.get("version"), str):
        carried["Version"] = dataset.attrs["version"]
    return carried


def choose(found: Sequence[Column], columns: Sequence[str | Column] | None) -> tuple[Column, ...]:
    """Return the columns to show: the given ones, completed from `found` where only a name is given."""
    if columns is None:
        chosen = tuple(found)
    else:
        known = {column.name: column for column in found}
        chosen = tuple(c if isinstance(c, Column) else known.get(c, Column(c)) for c in columns)
        if found and (unknown := [column.name for column in chosen if column.name not in known]):
            raise InvalidInput(f"`columns` must be among {', '.join(known)}; got {unknown[0]!r}.")
    names = [column.name for column in chosen]
    if not names:
        raise InvalidInput("`rows` must have at least one column; got none. Name them in `columns`.")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(f"`columns` must have different names; got {twice!r} twice.")
    return chosen


def cell(value: Any, row: int, name: str) -> Cell:
    """Return a checked cell; NaN is None."""
    if value is None or isinstance(value, Fraction):
        return value
    if isinstance(value, np.ndarray) and not value.ndim:
        return None if np.ma.is_masked(value) else cell(value.item(), row, name)
    if isinstance(value, str):
        return text_of(value, "rows")
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Status):
        return value.name
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return None if math.isnan(value) else float(value)
    if isinstance(value, np.ndarray | tuple | list) and len(value) in (2, 3):
        ends = [cell(end, row, name) for end in value]
        if all(isinstance(end, int | float) for end in ends):
            return tuple(ends)  # type: ignore[arg-type]
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    raise InvalidInput(
        f"`rows` must hold numbers, two or three of them together, text or None; "
        f"got {value!r} in row {row}, column {name!r}."
    )


def text_of(value: str, name: str) -> str:
    """Return one line of text without control characters."""
    if not isinstance(value, str):
        raise InvalidInput(f"`{name}` must be text; got {value!r}.")
    line = " ".join(value.split())
    if not line.isprintable():
        raise InvalidInput(f"`{name}` must be printable text; got {value!r}.")
    return line


def label_of(value: str) -> str:
    """Return a LaTeX label."""
    if not isinstance(value, str) or (value and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9:._-]*", value)):
        raise InvalidInput(f"`label` must be letters, digits and the signs : . _ -; got {value!r}.")
    return value


def note_lines(notes: Mapping[str, Any] | Sequence[str]) -> tuple[str, ...]:
    """Return the notes as sentences; numbers are given three significant digits."""
    if isinstance(notes, str):
        raise InvalidInput(f"`notes` must be a mapping or a list of texts; got the text {notes!r}.")
    if not isinstance(notes, Mapping):
        return tuple(
            _sentence(text_of(note, "notes"))
            for note in listed(notes, "notes", "a mapping or a list of texts")
        )
    return tuple(f"{text_of(key, 'notes')}: {_sentence(_note(value))}" for key, value in notes.items())


def _note(value: Any) -> str:
    if isinstance(value, Real) and not isinstance(value, Integral):
        with suppress(OverflowError):  # a fraction beyond floats is written in full, as a whole number is
            return significant(float(value), 3)
    return text_of(str(value) if isinstance(value, Real) else value, "notes")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
