"""Tables that go into a paper unchanged, and the comparison of several methods on one problem."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral, Real
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bargaining._arguments import function, is_sequence, listed, whole
from bargaining._arrays import fill, record, short
from bargaining._calls import suggesting
from bargaining._digits import significant
from bargaining._files import file_name, path_of, put
from bargaining._names import are_given
from bargaining._rich import Shown
from bargaining._version import version
from bargaining.errors import BargainingError, InvalidInput, Status, with_article
from bargaining.tables import typeset

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


Cell: TypeAlias = float | int | str | bool | Fraction | tuple[float, ...] | None
"""A number, an interval, a number with its band (low, middle, high), a string, a truth value, a fraction, or None."""

Record: TypeAlias = Mapping[str, Any]


@record(kw_only=False, eq=True)
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


__all__ = ["Column", "Table", "compare"]


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Table:
    """A table of results that prints as LaTeX, Markdown, HTML, CSV and plain text.

    Numbers are written with significant digits, so that 1e-12 never prints as 0.000; numbers that do not
    exist (None or NaN) print as the word `missing`. Ties are rounded to the even digit. Two runs give the same bytes.

    Parameters
    ----------
    rows : list of dict, 2-d data, DataFrame, DataArray or Dataset
        One entry per row. A list of dicts may leave keys out. A DataFrame gives its named index
        first; two levels of columns become groups and headings. A Dataset gives one row per cell of
        its grid with units from the attribute `units`; an axis called `player`, or one that not
        every variable has, becomes grouped columns. Its `status` is shown only where some cell is
        not OK, and its largest `residual` becomes a note.
    columns : sequence of str or Column, optional
        Which columns to show, in order. Every column of `rows` if None.
    caption, label : str, optional
        The caption, and the LaTeX label.
    notes : mapping of str to str or number, or sequence of str, optional
        Notes under the table, such as data and their year, method, residual, version, source. What a Dataset says of
        itself follows; a key of yours replaces its.
    digits : int, default 4
        Significant digits.
    missing : str, default "none"
        The text for a number that does not exist, such as a threshold that is never reached.

    Raises
    ------
    InvalidInput
        If a cell is not a number, an interval, text or None, if rows differ in length, if a column
        is not in the rows, or if `digits` or `label` is malformed.

    Notes
    -----
    LaTeX needs the packages booktabs, siunitx and threeparttable. A table that is too wide for the page is set smaller,
    with wrapped headings and text, or else on a landscape page (package lscape); one that is too long breaks across
    pages (longtable). All text is escaped: no text can become a LaTeX command, HTML or a spreadsheet formula. Numbers
    in the CSV have full precision.

    Examples
    --------
    >>> from bargaining import Column, Table
    >>> rows = [{"r": 0.0, "share": 0.5, "critical": 1 / 7}, {"r": 0.15, "share": 0.55252, "critical": None}]
    >>> table = Table(rows, columns=["r", Column("share", unit="of the pie"), "critical"],
    ...               caption="The split", notes={"Method": "Nash", "Residual": 2.2e-16})
    >>> print(table)
    The split
       r       share  critical
          of the pie
    ----  ----------  --------
    0         0.5000    0.1429
    0.15      0.5525      none
    Method: Nash.
    Residual: 2.20e-16.
    """

    rows: tuple[tuple[Any, ...], ...]
    columns: tuple[Column, ...]
    caption: str
    label: str
    notes: tuple[str, ...]
    digits: int
    missing: str

    @suggesting
    def __init__(
        self,
        rows: Iterable[Mapping[str, Any] | Sequence[Any]] | pd.DataFrame | xr.DataArray | xr.Dataset,
        *,
        columns: Sequence[str | Column] | None = None,
        caption: str = "",
        label: str = "",
        notes: Mapping[str, str | float] | Sequence[str] = (),
        digits: int = 4,
        missing: str = "none",
    ) -> None:
        if columns is not None:
            columns = [
                column if isinstance(column, Column) else text_of(column, "columns")
                for column in listed(columns, "columns", "a list of names and Columns")
            ]
        found, records, found_notes = read(rows, columns)
        shown = choose(found, columns)
        if isinstance(notes, Mapping):
            own = {str(key).casefold() for key in notes}
            found_notes = {key: note for key, note in found_notes.items() if key.casefold() not in own}
        values = {
            "rows": tuple(
                tuple(cell(row.get(c.name), k, c.name) for c in shown) for k, row in enumerate(records)
            ),
            "columns": shown,
            "caption": text_of(caption, "caption"),
            "label": label_of(label),
            "notes": note_lines(notes) + note_lines(found_notes),
            "digits": whole(digits, "digits", 1, 17),
            "missing": text_of(missing, "missing"),
        }
        fill(self, **values)

    def __str__(self) -> str:
        return self.to_text(get_terminal_size().columns if sys.stdout.isatty() else None)

    __repr__ = __str__

    def to_text(self, width: int | None = None) -> str:
        """Return the table in plain text.

        Parameters
        ----------
        width : int, optional
            The maximal characters per line: long words and notes are wrapped, and columns that do not fit go into
            blocks under each other. By default there is no limit; `print` uses the width of the terminal.

        Examples
        --------
        >>> from bargaining import Table
        >>> wide = Table([["Canada", 1.25, 3.5]], columns=["country", "tariff", "revenue"])
        >>> print(wide.to_text(20))
        country  tariff
        -------  ------
        Canada     1.25
        <BLANKLINE>
        country  revenue
        -------  -------
        Canada       3.5
        """
        return typeset.plain(self, None if width is None else whole(width, "width", 20))

    def records(self) -> list[dict[str, Any]]:
        """Return a dict for each row, its cells by the names of the columns.

        Examples
        --------
        >>> from bargaining import Table
        >>> Table([{"r": 0.1, "transfer": 6.8}]).records()
        [{'r': 0.1, 'transfer': 6.8}]
        """
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]

    def to_frame(self) -> pd.DataFrame:
        """Return the cells as a pandas DataFrame, with a column for each column's name.

        Examples
        --------
        >>> from bargaining import Column, Table
        >>> Table([{"r": 0.1, "transfer": 6.8}], columns=["r", Column("transfer", unit="USD bn")]).to_frame()
             r  transfer
        0  0.1       6.8
        """
        import pandas as pd

        return pd.DataFrame(self.rows, columns=[column.name for column in self.columns])

    def to_json(self) -> str:
        """Return the table as data: columns with their units, cells in full precision, notes.

        A fraction is written as ``{"fraction": "1/3"}``, an infinite number as ``{"number": "-inf"}``, an interval or
        band as a list of numbers, None as null.
        """
        return typeset.as_json(self)

    def to_latex(self) -> str:
        """Return a `table` environment, or a `longtable` if there is more than a page holds."""
        return typeset.latex(self)

    def to_markdown(self) -> str:
        """Return a pipe table with the caption above and the notes below."""
        return typeset.markdown(self)

    def to_html(self) -> str:
        """Return a table element followed by its notes."""
        return typeset.html(self)

    def to_csv(self) -> str:
        """Return the cells in full precision, units in the header; None is an empty field.

        A column with intervals or bands becomes two or three: low, high, and between them the number itself.
        """
        return typeset.csv(self)

    def save(
        self, folder: str | Path, name: str, *, endings: Sequence[str] = ("tex", "md", "csv")
    ) -> tuple[Path, ...]:
        """Write the table into `folder`, one file per ending, each whole or not at all.

        Parameters
        ----------
        folder : path
            Made if it does not exist.
        name : str
            The file name without ending.
        endings : sequence of {"tex", "md", "csv", "html"}
            The kinds of file.

        Returns
        -------
        tuple of Path
            The files written.
        """
        kinds = {"tex": self.to_latex, "md": self.to_markdown, "csv": self.to_csv, "html": self.to_html}
        endings = listed(endings, "endings", "a list of names")
        if unknown := [each for each in endings if not isinstance(each, str) or each not in kinds]:
            raise InvalidInput(f"`endings` must be among {', '.join(kinds)}; got {unknown[0]!r}.")
        folder = path_of(folder, "folder")
        texts = {folder / f"{file_name(name, 'name')}.{ending}": kinds[ending]() for ending in endings}
        for path, text in texts.items():
            put(path, text.encode(), "folder", make=True)
        return tuple(texts)

    def _repr_html_(self) -> str:
        return self.to_html()

    def _repr_latex_(self) -> str | None:
        try:
            return self.to_latex()
        except (ImportError, InvalidInput):  # A notebook has the table in HTML, whatever LaTeX cannot set.
            return None


@suggesting
def compare(
    methods: Mapping[str, Any] | Iterable[Callable[..., Any]], problem: Any, *, digits: int = 4
) -> Table:
    """Put concepts and protocols side by side on one problem, or on several.

    Parameters
    ----------
    methods : mapping of str to callable, or iterable of callable
        Each takes the problem and returns a `Division`. The keys of a mapping name the rows;
        otherwise a row is named after its method.
    problem : Problem, or mapping of str to Problem
        One problem, not a batch; or several with names. A `Game`, or a set of payoffs, is replaced by its problem.
    digits : int, default 4
        Significant digits.

    Returns
    -------
    Table
        One row per method with the payoff of every player. For a protocol with ``.equilibria`` and
        several equilibrium payoffs it shows the interval [lowest, highest]. For a method that does not apply
        it shows "none", with the reason in a note.

    Raises
    ------
    InvalidInput
        If `problem` is a batch, no method is given, or one does not return a `Division`.

    Examples
    --------
    >>> from bargaining import Polytope, Problem, compare, egalitarian, nash
    >>> table = compare([nash, egalitarian], Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0]))
    >>> [row[:3] for row in table.rows]
    [('nash', 2.0, 0.5), ('egalitarian', 0.8, 0.8)]
    >>> print(compare([nash, egalitarian], {name: Problem(Polytope([[4, 0], [0, b]]), [0, 0]) for name, b in
    ...     (("low", 1), ("high", 4))}))
                           payoff of player
    problem  method         0            1
    -------  -----------  ---  -----------
    low      nash         2            0.5
    low      egalitarian  0.8          0.8
    high     nash         2            2
    high     egalitarian  2            2
    Largest residual: ...
    Version: bargaining ...
    """
    if hasattr(methods, "feasible") or (callable(methods) and not isinstance(methods, Iterable)):
        raise InvalidInput(
            f"`methods` must be a list of functions, and come before the problem; got {with_article(methods)}. "
            "Write compare([nash], problem)."
        )
    several = isinstance(problem, Mapping)
    problems = {name: _problem(one) for name, one in (problem if several else {"": problem}).items()}
    if isinstance(methods, Mapping):
        named = list(methods.items())
    else:
        named = [("", method) for method in listed(methods, "methods", "a list of functions")]
    for _, method in named:
        if isinstance(method, str):
            raise InvalidInput(
                f"`methods` must hold functions, not their names; got {method!r}. Write compare([{method}], problem)."
            )
        function(method, "methods")
    if not named:
        raise InvalidInput("`methods` must hold at least one method; got none.")
    outcomes = [
        (label, *_outcome(name or _name(method), method, one))
        for label, one in problems.items()
        for name, method in named
    ]
    if not outcomes:
        raise InvalidInput("`problem` must hold at least one problem; got none.")
    players = range(max(len(payoffs) for _, _, payoffs, _, _ in outcomes))
    known = {tuple(getattr(one, "player_names", ())) for one in problems.values()}
    names = list(known.pop()) if len(known) == 1 else []
    names = names or [str(k) for k in players]
    group = f"payoff{'' if are_given(names) else ' of player'}"
    residuals = [residual for *_, residual, _ in outcomes if residual is not None]
    worst = [f"Largest residual: {significant(max(residuals), 3)}"] if residuals else []
    return Table(
        [
            [
                *([label] if several else []),
                name,
                *(payoffs[k] if k < len(payoffs) else None for k in players),
            ]
            for label, name, payoffs, _, _ in outcomes
        ],
        columns=[
            *([Column("problem")] if several else []),
            Column("method"),
            *(Column(names[k], group=group) for k in players),
        ],
        notes=[
            *(f"{label}: {note}" if several else note for label, *_, note in outcomes if note),
            *worst,
            f"Version: bargaining {version()}",
        ],
        digits=digits,
    )


def _problem(problem: Any) -> Any:
    if callable(getattr(problem, "problem", None)) and not isinstance(problem, type):
        return problem.problem()
    if is_sequence(problem):
        raise InvalidInput(
            f"`problem` must be one problem, or a mapping of names to problems; got {with_article(problem)}. Write "
            'compare(methods, {"low": low, "high": high}).'
        )
    if shape := getattr(problem, "batch_shape", ()):
        raise InvalidInput(f"`problem` must be a single problem; got a batch of shape {shape}. Use `sweep`.")
    return problem


def _outcome(
    name: str, method: Callable[..., Any], problem: Any
) -> tuple[str, Sequence[float | tuple[float, float] | None], float | None, str]:
    """Return the name, a payoff or interval per player, the residual, and a note if one is needed."""
    try:
        division = method(problem)
        ranges = method.equilibria(problem) if hasattr(method, "equilibria") else None
    except BargainingError as error:
        return name, (), None, f"{name}: {error}"
    if not hasattr(division, "payoffs"):
        raise InvalidInput(
            f"`methods` must return a Division; {name} returned {short(division)}. "
            'Return Division(payoffs=..., status=Status.OK, method="...", residual=0.0, problem=problem).'
        )
    payoffs = [float(payoff) for payoff in division.payoffs]
    status = Status(int(division.status))
    note = "" if status is Status.OK else f"{name}: {status.name.lower()}. {status.advice}"
    residual = float(division.residual)
    known = residual if math.isfinite(residual) else None
    return name, payoffs if ranges is None else [_one_or_range(*ends) for ends in ranges], known, note


def _one_or_range(low: float, high: float) -> float | tuple[float, float]:
    """An interval, or its only point up to float noise."""
    return float(low) if high - low <= 1e-12 * max(abs(low), abs(high)) else (float(low), float(high))


def _name(method: Callable[..., Any]) -> str:
    bare = getattr(method, "func", method)
    return str(getattr(bare, "__name__", type(bare).__name__))
