"""Tariffs in force on a day: what everybody charges everybody, third countries included.

An environment is a list of dated rates. On a day, each link has the rate of the latest row that is not after it;
links without a row keep the rate of the model's base. The day of the last row is the last known day: what is in force
later is not known, and is taken to be the same only where that is asked for. Payoffs are compared within one
environment: it is in force under an agreement, in a war and without either.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bargaining.authoring import Floats, Shown, choice, flag, scalar
from bargaining.errors import InvalidInput, with_article
from bargaining_models._figures import Row, read
from bargaining_models.trade.data import TradeData, check_rates
from bargaining_models.trade.links import link

if TYPE_CHECKING:
    from bargaining_models.trade.model import TradeModel

FOLDER = Path(__file__).parent.parent / "data" / "tariffs"
STRUCTURES = ("wiod2011", "icio2019", "wiod2014")
VARIANTS = ("adjusted", "tracker")
COLUMNS = ("date", "importer", "exporter", "sector", "value", "unit", "source")
SCALED = "sectors scaled"
"""In the source of a rate by sector that is that of another day, scaled to the total of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate(Shown):
    """One rate from a date on: the tariff itself, as a fraction, on a sector or on all goods (`goods`)."""

    date: datetime.date
    importer: str
    exporter: str
    sector: str
    rate: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment(Shown):
    """Dated tariffs of everybody on everybody.

    Attributes
    ----------
    rows : tuple of Rate
        In the order of their dates.
    day : datetime.date or None
        The day that was asked for; None: all days, and the last known one where rates are needed.
    until : datetime.date or None
        The last known day, where `day` is later.

    Examples
    --------
    >>> env = Environment.from_rates({("USA", "CHN"): 0.228, ("USA", "ROW"): 0.1035}, date="2026-08-19")
    >>> from bargaining_models.parameters import load
    >>> from bargaining_models.trade import TradeModel
    >>> model = TradeModel.from_parameters(load())
    >>> war = model.nash_tariffs(["USA", "CAN"], against="players", given=env.at("2026-08-19"))
    >>> war.rates.round(4)
    array([0.1635, 0.0992])
    """

    rows: tuple[Rate, ...]
    day: datetime.date | None = None
    until: datetime.date | None = None

    def __post_init__(self) -> None:
        """Check that there is a rate, and none twice."""
        if not self.rows:
            raise InvalidInput("`rates` must hold at least one rate; got none.")
        known: set[tuple[object, ...]] = set()
        for row in self.rows:
            key = (row.date, row.importer, row.exporter, row.sector)
            if key in known:
                raise InvalidInput(
                    f"`rates` must hold one of each day and link; got that of {row.importer} on {row.exporter}, "
                    f"{row.sector}, of {row.date.isoformat()} twice. Drop one."
                )
            known.add(key)

    def __repr__(self) -> str:
        return f"Environment({self.words})"

    @classmethod
    def from_csv(cls, path: str | Path) -> Environment:
        """Read rows of date, importer, exporter, sector (or `goods`), value, unit (percent) and source.

        Raises
        ------
        InvalidInput
            If a column, date, number, unit or source is missing or wrong; the message names file, row and column.
        """
        if not isinstance(path, str | Path):
            raise InvalidInput(f"`path` must be the path of a CSV file; got {path!r}.")
        file = Path(path)
        rows = [_rate(row) for row in read(file.parent, file.name, COLUMNS)]
        return cls(rows=tuple(sorted(rows, key=lambda row: row.date)))

    @classmethod
    def shipped(cls, structure: str = "wiod2011", variant: str = "adjusted") -> Environment:
        """Read the tariffs of this package: US rates by partner, Canada's on the US and China's on Canada.

        The totals of US rates by partner are known on 26 days, rates by sector on ten of them; on the others those of
        the nearest day with the same measures are scaled to the total of the day.

        Parameters
        ----------
        structure : {"wiod2011", "icio2019", "wiod2014"}
            The regions and sectors: the 4 by 9 goods sectors of this package, the 20 economies by ISIC sections, or
            15 of which one is the EU.
        variant : {"adjusted", "tracker"}
            "tracker" is the published series of US rates, "adjusted" the same series with five faults corrected, which
            `SOURCES.md` in the data folder lists.

        Examples
        --------
        >>> env = Environment.shipped()
        >>> env.dates[0].isoformat(), env.dates[-1].isoformat(), len(env.dates)
        ('2024-12-31', '2026-08-19', 32)
        >>> print(env.at("2025-04-10").words)
        tariffs of 10 April 2025, in force since 9 April 2025, sectors scaled
        """
        choice(structure, "structure", STRUCTURES)
        choice(variant, "variant", VARIANTS)
        return _stored(structure, variant)

    @classmethod
    def from_rates(
        cls, rates: Mapping[tuple[str, ...], float], *, date: str | datetime.date, source: str = "given"
    ) -> Environment:
        """Make an environment of one date from (importer, exporter) or (importer, exporter, sector) to a fraction."""
        day = _day(date)
        rows = []
        if not isinstance(rates, Mapping):
            raise InvalidInput(f"`rates` must be a mapping from links to rates; got {with_article(rates)}.")
        for key, rate in rates.items():
            if not isinstance(key, tuple) or len(key) not in (2, 3):
                raise InvalidInput(
                    f"`rates` must be keyed by (importer, exporter) or (importer, exporter, sector); got {key!r}."
                )
            sector = key[2] if len(key) == 3 else "goods"
            rows.append(
                Rate(
                    date=day,
                    importer=key[0],
                    exporter=key[1],
                    sector=sector,
                    rate=scalar(rate, f"rates[{key!r}]"),
                    source=source,
                )
            )
        return cls(rows=tuple(rows))

    @property
    def dates(self) -> tuple[datetime.date, ...]:
        """The days on which something changes."""
        return tuple(sorted({row.date for row in self.rows}))

    def at(self, date: str | datetime.date | None = None, *, latest: bool = False) -> Environment:
        """Return what is in force on a day, by default the last known one.

        Parameters
        ----------
        date : str or datetime.date, optional
        latest : bool
            Whether the last known rates may stand for those of a later day; `words` then says so.

        Raises
        ------
        InvalidInput
            If the day is before the first row, after the last known day, or is no date.

        Examples
        --------
        >>> Environment.shipped().at("2031-01-01", latest=True).words
        'tariffs of 19 August 2026, the last known, for 1 January 2031'
        """
        known = ", ".join(one.isoformat() for one in self.dates)
        if date is None and self.until is not None:
            return self  # the last known rates for a later day: so they stay
        last = self.until or self.day or self.dates[-1]
        day = last if date is None else _day(date)
        if day < self.dates[0]:
            raise InvalidInput(
                f"`date` must not be before the first rate, {self.dates[0].isoformat()}; got {day.isoformat()}. "
                f"Rates change on {known}."
            )
        if day > last and not flag(latest, "latest"):
            raise InvalidInput(
                f"`date` must not be after {last.isoformat()}, the last day for which rates are known; got "
                f"{day.isoformat()}. Take the last known rates with `.at({day.isoformat()!r}, latest=True)`, which "
                f"says so wherever they are used."
            )
        rows = tuple(row for row in self.rows if row.date <= day)
        return replace(self, rows=rows, day=day, until=last if day > last else None)

    @property
    def words(self) -> str:
        """Which tariffs these are, for notes and labels."""
        if self.day is None:
            return f"tariffs of {len(self.dates)} day{'s' * (len(self.dates) > 1)}"
        if self.until is not None:
            return f"tariffs of {in_words(self.until)}, the last known, for {in_words(self.day)}"
        since = "" if self.since == self.day else f", in force since {in_words(self.since)}"
        current = {(row.importer, row.exporter, row.sector): row for row in self.rows}  # rows are in order
        scaled = f", {SCALED}" if any(SCALED in row.source for row in current.values()) else ""
        return f"tariffs of {in_words(self.day)}{since}{scaled}"

    @property
    def since(self) -> datetime.date:
        """The day of the latest rate in force."""
        return self.dates[-1]

    def names(self, world: TradeModel | TradeData) -> bool:
        """Whether a model has all regions and sectors of the rows."""
        return all(
            {row.importer, row.exporter} <= set(world.regions) and row.sector in (*world.sectors, "goods")
            for row in self.rows
        )

    def tariffs(self, model: TradeModel | TradeData) -> Floats:
        """The tariffs of all links of a model, (N, N, J): those of its base, replaced where a row says so.

        They are those of the last known day unless another was chosen with `at`. A row on all goods comes before rows
        on sectors of the same day.

        Raises
        ------
        InvalidInput
            If a row names an unknown region or sector, or a rate is above 300 percent.
        """
        tariffs = np.array(model.tariffs if isinstance(model, TradeData) else model.economy.tariffs)
        for row in sorted(self.rows, key=lambda row: (row.date, row.sector != "goods")):
            key = (row.importer, row.exporter) + (() if row.sector == "goods" else (row.sector,))
            try:
                importer, exporter, sectors = link(key, model.regions, model.sectors, model.goods)
            except InvalidInput as error:
                raise InvalidInput(
                    f"{error} It is in the rate of {row.importer} on {row.exporter}, {row.sector}, of "
                    f"{row.date.isoformat()} ({row.source})."
                ) from None
            tariffs[importer, exporter, sectors] = row.rate
        check_rates(tariffs, model.regions, model.sectors)
        return np.asarray(tariffs)


@cache
def _stored(structure: str, variant: str) -> Environment:
    """Read the tariffs of this package once: nobody can change them."""
    return Environment.from_csv(FOLDER / f"{structure}_{variant}.csv")


def _rate(row: Row) -> Rate:
    if row.text("unit") != "percent":
        row.fail("unit", f"must be 'percent'; got {row.text('unit')!r}. Convert the value.")
    try:
        day = datetime.date.fromisoformat(row.text("date"))
    except ValueError:
        row.fail("date", f"must be a date such as 2026-08-19; got {row.text('date')!r}. Correct the cell.")
    return Rate(
        date=day,
        importer=row.text("importer"),
        exporter=row.text("exporter"),
        sector=row.text("sector"),
        rate=row.number_in("value", -99.0, 1e6) / 100.0,
        source=row.text("source"),
    )


def in_words(day: datetime.date) -> str:
    """Return a day as it is written in a sentence."""
    return f"{day.day} {day:%B %Y}"


def _day(date: str | datetime.date) -> datetime.date:
    if isinstance(date, datetime.datetime):
        return date.date()
    if isinstance(date, datetime.date):
        return date
    try:
        return datetime.date.fromisoformat(date)
    except (TypeError, ValueError):
        raise InvalidInput(f"`date` must be a date such as '2026-08-19'; got {date!r}.") from None
