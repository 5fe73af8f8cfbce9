"""Read one CSV file of figures, every row with value, unit, year and source.

Nothing in a file is executed; a cell is text or a plain decimal number. Every error message names the
file, the row (the header is row 1) and the column.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np

from bargaining.authoring import Floats, Shown
from bargaining.errors import InvalidInput

T = TypeVar("T")

# Room for the flows and inputs of a hundred regions and sectors; a file beyond is not one of figures like these.
MAX_BYTES = 200_000_000
MOST = 1e15  # of a figure: beyond it the unit is not what the column says
MAX_LINES = 2_000_000  # of a file: what is larger is to be aggregated first
MAX_NAMES = 500  # of regions or sectors: more are a misread column
TAIL = ("value", "unit", "year", "source")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Figures(Shown):
    """An array of figures with axes, unit, year and source.

    Attributes
    ----------
    values : ndarray
        Read-only.
    axes : tuple of str
        The names of the axes.
    unit : str
    year : int
        The latest year on the rows.
    source : str
        The sources on the rows, each once, joined by "; ". One that begins with "assumption:" or
        "derived" is no published figure.
    """

    values: Floats
    axes: tuple[str, ...]
    unit: str
    year: int
    source: str


class Named(Mapping[str, T]):
    """A read-only mapping from names; unlike `MappingProxyType` it can be pickled."""

    def __init__(self, items: Mapping[str, T]) -> None:
        self._items = dict(items)

    def __getitem__(self, name: str) -> T:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"Named({self._items!r})"


@dataclass(frozen=True, slots=True)
class Row(Shown):
    """One row of a file, its cells stripped."""

    file: str
    number: int
    cells: Mapping[str, str]

    def fail(self, column: str, message: str) -> NoReturn:
        """Raise, naming file, row and column."""
        raise InvalidInput(f"`{self.file}`, row {self.number}, column `{column}`: {message}")

    def text(self, column: str) -> str:
        """Return a cell that may not be empty."""
        value = self.cells[column]
        if not value:
            self.fail(column, "must not be empty. Fill the cell.")
        return value

    def one_of(self, column: str, allowed: Sequence[str]) -> str:
        """Return a cell that is one of `allowed`."""
        value = self.text(column)
        if value not in allowed:
            self.fail(column, f"must be one of {_listed(allowed)}; got {_short(value)}. Correct the cell.")
        return value

    def number_in(self, column: str, low: float, high: float) -> float:
        """Return a cell that is a plain decimal number in [low, high]."""
        text = self.text(column)
        if not _NUMBER.fullmatch(text):
            self.fail(column, f"must be a plain decimal number; got {_short(text)}. Correct the cell.")
        value = float(text)
        if not low <= value <= high or not np.isfinite(value):
            self.fail(column, f"must lie in [{low:g}, {high:g}]; got {text}. Correct the cell.")
        return value

    def year(self) -> int:
        """Return the year of the row."""
        return int(self.number_in("year", 1900, 2100))


def read(folder: Path, file: str, columns: Sequence[str]) -> list[Row]:
    """Read the rows of a file that must have `columns` in its header; other columns are ignored."""
    lines = _lines(folder, file, columns)
    header = [name.strip() for name in lines[0]] if lines else []
    for column in columns:
        if header.count(column) != 1:
            Row(file, 1, {}).fail(
                column, f"the header must name it once; got {_listed(header)}. Fix the header."
            )
    rows = []
    for number, cells in enumerate(lines[1:], 2):
        if len(cells) != len(header) and any(cell.strip() for cell in cells):
            Row(file, number, {}).fail(
                header[min(len(cells), len(header) - 1)],
                f"the row must have {len(header)} cells; got {len(cells)}. Check the commas and quotes.",
            )
        row = Row(file, number, dict(zip(header, (cell.strip() for cell in cells), strict=False)))
        rows += [row] if any(row.cells.values()) else []
    if not rows:
        raise InvalidInput(f"`{file}`, row 2: the file has a header and no rows. Add the figures.")
    return rows


def grouped(rows: Iterable[Row], column: str) -> dict[str, list[Row]]:
    """Return the rows by their entry of a column."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.text(column), []).append(row)
    return groups


def _lines(folder: Path, file: str, columns: Sequence[str]) -> list[list[str]]:
    path = folder / file
    if not path.is_file():
        raise InvalidInput(
            f"`{file}` is missing from {str(folder)!r}; add it with the columns {_listed(columns)}."
        )
    with path.open("rb") as opened:
        content = opened.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise InvalidInput(f"`{file}` must be at most {MAX_BYTES} bytes; it is longer. Aggregate it.")
    if (lines := sum(content.count(end) for end in (b"\n", b"\r")) - content.count(b"\r\n")) > MAX_LINES:
        raise InvalidInput(f"`{file}` must have at most {MAX_LINES} lines; got {lines}. Aggregate it.")
    try:
        text = content.decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"`{file}` must be UTF-8 text; byte {error.start} is not. Save it as UTF-8."
        ) from None
    except csv.Error as error:
        raise InvalidInput(f"`{file}` must be comma-separated values: {error}. Fix the quoting.") from None


def names(rows: Iterable[Row], column: str, *, most: int = MAX_NAMES) -> tuple[str, ...]:
    """Return the entries of a column that must not repeat, at most `most` of them."""
    found: dict[str, None] = {}
    for row in rows:
        name = row.text(column)
        if name in found:
            row.fail(column, f"{_short(name)} is there already. Drop one of the rows.")
        if len(found) == most:
            row.fail(column, f"at most {most} names are allowed. Aggregate.")
        found[name] = None
    return tuple(found)


def table(
    rows: Sequence[Row],
    axes: Mapping[str, Sequence[str]],
    *,
    low: float,
    high: float,
    unit: str | None = None,
) -> Figures:
    """Arrange rows into an array with one axis per key column, each cell given exactly once.

    `axes` maps the key columns to names, in the order of the array's axes. Values lie in [low, high] and have the unit
    required, or any one.
    """
    shape = tuple(len(labels) for labels in axes.values())
    places = {column: {name: k for k, name in enumerate(labels)} for column, labels in axes.items()}
    values = np.full(shape, np.nan)
    for row in rows:
        where = tuple(places[column][row.one_of(column, labels)] for column, labels in axes.items())
        if not np.isnan(values[where]):
            row.fail(next(iter(axes)), f"{named(where, axes)} is there already. Drop one of the rows.")
        values[where] = row.number_in("value", low, high)
    absent = np.argwhere(np.isnan(values))
    if len(absent):
        where = tuple(int(k) for k in absent[0])
        last = rows[-1]
        Row(last.file, last.number + 1, {}).fail(
            next(iter(axes)), f"a row for {named(where, axes)} is missing ({len(absent)} in all). Add it."
        )
    if unit is not None and rows[0].text("unit") != unit:
        rows[0].fail("unit", f"must be {unit!r}; got {_short(rows[0].text('unit'))}. Convert the values.")
    return figures(values, tuple(axes), rows)


def figures(values: Floats, axes: tuple[str, ...], rows: Sequence[Row]) -> Figures:
    """Return a read-only array with the one unit, the latest year and the sources of its rows."""
    unit = rows[0].text("unit")
    for row in rows:
        if row.text("unit") != unit:
            row.fail(
                "unit",
                f"must be {unit!r} as in row {rows[0].number}; got {_short(row.text('unit'))}. Convert it.",
            )
    source = "; ".join(dict.fromkeys(row.text("source") for row in rows))
    values.flags.writeable = False
    return Figures(values=values, axes=axes, unit=unit, year=max(row.year() for row in rows), source=source)


def named(where: tuple[int, ...], axes: Mapping[str, Sequence[str]]) -> str:
    """Return the axes and labels of a cell: "region CAN, sector AGR"."""
    return ", ".join(f"{column} {labels[k]}" for k, (column, labels) in zip(where, axes.items(), strict=True))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(_short(name) for name in names[:20])
    return shown if len(names) <= 20 else f"{shown}, ... ({len(names)} in all)"


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


LINK = ("importer", "exporter", "sector")
USE = ("region", "using_sector", "input_sector")
CELL = ("region", "sector")


class Folder:
    """The figures of a folder of CSV files, arranged by its regions and sectors.

    Parameters
    ----------
    folder : str or Path
        With `sectors.csv` and `trade_flows.csv`; the regions are those of `regions.csv`, or else those that export.
    """

    def __init__(self, folder: str | Path) -> None:
        if not isinstance(folder, str | Path) or not Path(folder).is_dir():
            raise InvalidInput(
                f"`folder` must be a folder of CSV files; got {str(folder)!r}. Check the path."
            )
        self.root = Path(folder)
        rows = read(self.root, "sectors.csv", ("sector", "goods", "source"))
        self.sectors = names(rows, "sector")
        for row in rows:
            row.text("source")
            if row.text("sector") == "goods":
                row.fail("sector", "'goods' stands for all goods sectors. Choose another name.")
        self.goods = np.array([row.one_of("goods", ("yes", "no")) == "yes" for row in rows])
        self.goods.flags.writeable = False
        known = self.rows("regions.csv", ("region",))
        sellers = known or self.rows("trade_flows.csv", LINK, required=True)
        self.regions = names(known, "region") if known else tuple(grouped(sellers, "exporter"))
        self.labels = dict.fromkeys(("region", *LINK[:2]), self.regions)
        self.labels |= dict.fromkeys(("sector", *USE[1:]), self.sectors)
        self.flows = self.table("trade_flows.csv", LINK, required=True)

    def rows(self, file: str, columns: Sequence[str], *, required: bool = False) -> list[Row]:
        """Return the rows of a file with these columns and the usual last ones; none if it may be absent, and is."""
        wanted = required or (self.root / file).exists()
        return read(self.root, file, (*columns, *TAIL)) if wanted else []

    def table(self, file: str, keys: tuple[str, ...], *, required: bool = False, **limits: Any) -> Any:
        """Return the figures of a file, one for each cell; None if the file may be absent, and is."""
        rows = self.rows(file, keys, required=required)
        return self.arranged(rows, keys, **limits) if rows else None

    def arranged(self, rows: list[Row], keys: tuple[str, ...], **limits: Any) -> Figures:
        """Return the figures of some rows, see `table`."""
        return table(rows, {key: self.labels[key] for key in keys}, **{"low": 0.0, "high": MOST, **limits})

    def elasticities(self, *, required: bool = False) -> Mapping[str, Figures]:
        """Return the sets of trade elasticities."""
        sets = grouped(self.rows("elasticities.csv", ("set", "sector"), required=required), "set")
        limits = {"low": 1e-3, "high": 1e3, "unit": "elasticity"}
        return Named({name: self.arranged(rows, ("sector",), **limits) for name, rows in sets.items()})

    def rates(self, rows: list[Row]) -> Figures:
        """Return rates in percent (N, N, J), `goods` standing for all goods, 0 for links without a row."""
        values = np.full((len(self.regions), len(self.regions), len(self.sectors)), np.nan)
        for row in rows:
            importer, exporter = (row.one_of(key, self.regions) for key in LINK[:2])
            if importer == exporter:
                row.fail("exporter", "must differ from the importer: own sales bear no tariff. Drop the row.")
            if row.text("unit") != "percent":
                row.fail("unit", f"must be 'percent'; got {row.text('unit')!r}. Convert the value.")
            name = row.one_of("sector", (*self.sectors, "goods"))
            where = self.goods if name == "goods" else np.array(self.sectors) == name
            link = self.regions.index(importer), self.regions.index(exporter), where
            if not np.isnan(values[link]).all():
                row.fail("sector", f"{importer} on {exporter} {name} is there already. Drop a row.")
            values[link] = row.number_in("value", -99.0, 1e6)
        return figures(np.nan_to_num(values), LINK, rows)
