"""Common inputs of the tables, so that each trade equilibrium is solved once."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

import bargaining
from bargaining.tables.table import Column, Table
from bargaining_models.negotiation.deal import Deal
from bargaining_models.negotiation.headline import GRID, clean
from bargaining_models.negotiation.tariff_war import TariffGame
from bargaining_models.negotiation.triangle import Triangle
from bargaining_models.parameters import Parameters, load
from bargaining_models.trade import Environment
from bargaining_models.us_canada.baseline import Baseline, check_unit

SHARES = np.array([0.0, 0.05, 0.10, 0.15, 0.20, 0.30])  # from none to twice the share of the headline
COUNTRIES = ("Canada", "US")
CASES = ((False, "stay"), (True, "leave"))  # whether either may leave, and what its columns begin with
DISCOUNTS = (0.1, 0.3, 0.9)  # low, middling and high patience
LATEST = "2026-08-19"
"""The last date of the tariffs; section 338 as proclaimed."""
MEANT = {
    "uniform5": "uniform5: 5 in every sector (1% higher costs take 5% of trade)",
    "uniform4": "uniform4: 4 in every sector",
    "cp": "cp: those of Caliendo and Parro (2015)",
}
ELASTICITIES = tuple(MEANT)
CAPACITY = (
    "capacity of a new route to China by which, at fixed prices and spending, Canada would sell it more goods, by r "
    "times what it sells the US"
)
T = TypeVar("T")
DIVERTED = np.array([0.0, 0.05, 0.10, 0.15])
"""Parts of its exports of goods to the US that Canada diverts."""


class Study:
    """The outcomes behind the paper, at one set of figures and elasticities.

    Parameters
    ----------
    parameters : Parameters, optional
        By default the figures of this package.
    elasticities : str, default "uniform5"
        The elasticity set of the headline tables.
    tariffs : str, optional
        The day whose tariffs are in force, third countries' in every outcome; by default those of the base of 2023, and
        the schedules of December 2025 between the two while they talk.

    Attributes
    ----------
    sets : tuple of str
        The elasticity sets between which tables compare.
    """

    sets: tuple[str, ...] = ELASTICITIES

    def __init__(
        self,
        parameters: Parameters | None = None,
        *,
        elasticities: str = "uniform5",
        tariffs: str | None = None,
    ) -> None:
        self.parameters, self.own = load() if parameters is None else parameters, parameters is not None
        check_unit(self.parameters)  # the tables name it
        self.elasticities = elasticities
        self.tariffs, self.force = tariffs, cast("Environment | str | None", tariffs)
        self.made: dict[Any, Any] = {}
        self._baselines = cache(lambda name: self._baseline(name))
        self._wide = cache(lambda name, capped: Deal.at(self.baseline_with(name), r=GRID, capped=capped))

    def once(self, make: Callable[[Study], T]) -> T:
        """Return what is made of this study, made once: a table, or inputs of several."""
        if make not in self.made:
            self.made[make] = make(self)
        return cast("T", self.made[make])

    def baseline_with(self, elasticities: str) -> Baseline:
        """Return the outcomes under another elasticity set."""
        return self._baselines(elasticities)

    def _baseline(self, elasticities: str, meaning: str = "capacity") -> Baseline:
        return Baseline.from_parameters(
            self.parameters, elasticities=elasticities, tariffs=self.force, meaning=meaning
        )

    @property
    def baseline(self) -> Baseline:
        """The outcomes under the headline elasticities."""
        return self.baseline_with(self.elasticities)

    @cached_property
    def latest(self) -> Study:
        """The same at the tariffs of the last date of the figures, the variant `adjusted`."""
        return Study(self.parameters if self.own else None, elasticities=self.elasticities, tariffs=LATEST)

    @cached_property
    def diverted(self) -> Deal:
        """The deal over parts of its exports of goods to the US that Canada diverts."""
        return Deal.at(self._baseline(self.elasticities, "diverted"), r=DIVERTED)

    @cached_property
    def uncapped(self) -> Deal:
        """The deal over the grid of r, every sector redirecting the same share."""
        return Deal.at(self.baseline, r=SHARES)

    @cached_property
    def capped(self) -> Deal:
        """The deal over the grid of r, each sector up to its capacity."""
        return Deal.at(self.baseline, r=SHARES, capped=True)

    @cached_property
    def closed_route(self) -> Deal:
        """The deal over the grid of r when an agreement ends the China route."""
        return self.uncapped.without_route()

    @cached_property
    def tariff_games(self) -> dict[float, TariffGame]:
        """The repeated tariff game at each r of the grid, capacity unlimited."""
        return {float(r): TariffGame.at(self.baseline, r=float(r)) for r in SHARES}

    @cached_property
    def triangle(self) -> Triangle:
        """The triangle over the grid of r, in which the China route is an agreement too."""
        return Triangle.of(self.uncapped)

    def thresholds_deal(self, elasticities: str, capped: bool, route_survives: bool) -> Deal:
        """Return the deal over the whole interval of r, on which thresholds are looked for."""
        deal = self._wide(elasticities, capped)
        return deal if route_survives else deal.without_route()

    @property
    def zero(self) -> str:
        """What payoffs are counted from, where that is not free trade under the tariffs in force."""
        if self.tariffs is None:
            return ""
        peace = self.baseline.payoffs().money
        return (
            "payoffs are changes against the tariffs of 2023; free trade of the two at r = 0 is worth "
            f"{peace[0]:+.1f} to Canada, {peace[1]:+.1f} to the US (USD bn)"
        )

    @cached_property
    def sold(self) -> str:
        """What Canada sells by r."""
        us, china = self.baseline.exports(self.baseline.payoffs(r=SHARES)).T
        growth = zip(SHARES[1:], us[1:], us[1:] / us[0] - 1, china[1:], china[1:] / china[0] - 1, strict=True)
        return (
            f"goods sold to the US and China, USD bn: {us[0]:.0f} and {china[0]:.0f} at r = 0; "
            + "; ".join(f"{a:.0f} ({da:+.1%}) and {b:.0f} ({db:+.0%}) at {r:g}" for r, a, da, b, db in growth)
        )

    def meant(self, name: str) -> str:
        """Say what an elasticity set is; of figures of one's own that is just its name."""
        return name if self.own else MEANT.get(name, name)

    def table(
        self,
        name: str,
        rows: Iterable[Mapping[str, Any]],
        *solved: Any,
        more: Mapping[str, str] | None = None,
        **said: Any,
    ) -> Table:
        """Return the table that `tables.toml` specifies under a name, with these rows.

        A number that is NaN is a missing cell, and one below the solver's rounding errors is 0.

        Parameters
        ----------
        name : str
        rows : iterable of mapping from column to value
        *solved
            Answers, each with a residual, or residuals: how exact the numbers are.
        more : mapping, optional
            Computed notes, that go where the specification has an asterisk.
        **said
            What stands in braces there; a note that comes to nothing is left out.
        """
        spec = specified(name)
        said = {"zero": self.zero, "latest": LATEST, "meanwhile": self.baseline.roles.meanwhile, **said}
        notes: dict[str, str] = {}
        for note, text in spec["notes"].items():
            notes |= (more or {}) if note == "*" else {note.format(**said): text.format(**said)}
        lines = spec["columns"].format(**said).strip().splitlines()
        columns = [Column(*(part.strip() for part in line.split("|"))) for line in lines]
        rows = list(rows)
        filled = {name for row in rows for name in row}
        columns = [column for column in columns if column.name in filled]
        residuals = [float(np.nanmax(getattr(one, "residual", one))) for one in solved]
        kept = self.notes(*residuals, **notes).items()
        return Table(
            [{column.name: _cell(row.get(column.name)) for column in columns} for row in rows],
            columns=columns,
            caption=spec["caption"].format(**said),
            label=spec["label"].format(**said),
            digits=spec.get("digits", 3),
            notes={note: text for note, text in kept if text != "" and note not in spec.get("without", ())},
        )

    def notes(self, *residuals: float, **more: str) -> dict[str, str | float]:
        """Return the notes every table carries: figures, elasticities, accuracy, version."""
        return {
            "Data": "trade flows and GDP of 2023, input-output structure of 2011 (sources in the package's SOURCES.md)"
            + ", but some figures of your own" * self.own,
            "Elasticities": self.meant(self.elasticities),
            "Tariffs": "of all on all, the base of 2023; while they talk, of the two, December 2025"
            if self.tariffs is None
            else f"of all on all, in force on {self.tariffs}, US rates adjusted for steel and for claims of CUSMA, "
            "the agreement of the US, Canada and Mexico",
            "r": f"{CAPACITY}. Under free trade, {self.sold}",
            **more,
            "Largest residual": max(residuals, default=0.0),
            "Version": bargaining.__version__,
        }


@cache
def specified(name: str) -> dict[str, Any]:
    """Return the entry of a table in `tables.toml`, with the notes that it shares with others written out."""
    file = tomllib.loads(Path(__file__).with_name("tables.toml").read_text(encoding="utf-8"))
    spec = dict(file[name])
    shared = (file[spec["like"]]["notes"] if "like" in spec else {}) | file["words"]
    return spec | {"notes": {note: text or shared.get(note, "") for note, text in spec["notes"].items()}}


def _cell(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return None if np.isnan(value) else clean(value)


def by_country(case: str, values: Iterable[float]) -> dict[str, float]:
    """Return the cells of a case for Canada and the US."""
    return {f"{case}_{country}": value for country, value in zip(COUNTRIES, values, strict=True)}
