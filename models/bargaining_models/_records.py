"""Figures that stand alone: facts, published estimates and announced tariff measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bargaining_models._figures import Named, Row, names

FACT = ("name", "description")
ESTIMATE = ("institution", "scenario", "region", "horizon")
MEASURE = ("imposer", "target", "product", "start", "end", "authority", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One figure with what it is, its unit, year and source."""

    name: str
    description: str
    value: float
    unit: str
    year: int
    source: str

    @property
    def assumed(self) -> bool:
        """Whether the figure is an assumption rather than a published number."""
        return self.source.startswith("assumption")


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A published estimate of what tariffs do to a region, to compare results with."""

    institution: str
    scenario: str
    region: str
    horizon: str
    value: float
    unit: str
    year: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A tariff measure as it was announced; `end` is empty while it is in force."""

    imposer: str
    target: str
    product: str
    start: str
    end: str
    authority: str
    note: str
    value: float
    unit: str
    year: int
    source: str


def facts(rows: list[Row]) -> Mapping[str, Fact]:
    """Read `facts.csv`."""
    found = names(rows, "name", most=10_000)
    return Named(
        {
            name: Fact(
                name=name,
                description=row.text("description"),
                value=row.number_in("value", -1e15, 1e15),
                unit=row.text("unit"),
                year=row.year(),
                source=row.text("source"),
            )
            for name, row in zip(found, rows, strict=True)
        }
    )


def estimates(rows: list[Row]) -> tuple[Estimate, ...]:
    """Read `macro_estimates.csv`."""
    return tuple(
        Estimate(
            institution=row.text("institution"),
            scenario=row.text("scenario"),
            region=row.text("region"),
            horizon=row.text("horizon"),
            value=row.number_in("value", -100.0, 1e6),
            unit=row.text("unit"),
            year=row.year(),
            source=row.text("source"),
        )
        for row in rows
    )


def measures(rows: list[Row]) -> tuple[Measure, ...]:
    """Read `tariff_measures.csv`."""
    return tuple(
        Measure(
            imposer=row.text("imposer"),
            target=row.text("target"),
            product=row.text("product"),
            start=row.text("start"),
            end=row.cells["end"],
            authority=row.text("authority"),
            note=row.cells["note"],
            value=row.number_in("value", -100.0, 1e6),
            unit=row.text("unit"),
            year=row.year(),
            source=row.text("source"),
        )
        for row in rows
    )
