"""Tables that go into a paper unchanged, and the comparison of several methods on one problem."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from bargaining._arguments import function, is_sequence, listed, whole
from bargaining._arrays import fill, short
from bargaining._calls import suggesting
from bargaining._digits import significant
from bargaining._files import file_name, path_of, put
from bargaining._names import are_given
from bargaining._version import version
from bargaining.errors import BargainingError, InvalidInput, Status, with_article
from bargaining.tables import latex, typeset
from bargaining.tables.records import (
    Column,
    cell,
    choose,
    label_of,
    note_lines,
    read,
    text_of,
)

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

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
        return latex.latex(self)

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
    methods: Mapping[str, Any] | Iterable[Callable[..., Any]],
    problem: Any,
    *,
    digits: int = 4,
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
