"""Common inputs of the tables, so that each trade equilibrium is solved once, and worlds to judge claims in.

A world is another structure, with figures drawn from their priors. A structure is a set of figures like those of the
package. ICIO 2019 gives what industries buy from each other; it has all manufacturing in one sector, so that trade of
2023 is added up to its sectors. Where no industry buys from another everything is sold to final buyers.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

import bargaining
from bargaining.authoring import Floats, choice
from bargaining.errors import InvalidInput
from bargaining.tables.table import Column, Table
from bargaining_models._figures import Figures, Named
from bargaining_models.negotiation.deal import Deal
from bargaining_models.negotiation.headline import GRID, clean
from bargaining_models.negotiation.tariff_war import TariffGame
from bargaining_models.negotiation.triangle import Triangle
from bargaining_models.parameters import Parameters, load
from bargaining_models.trade import Environment, TradeModel
from bargaining_models.trade.folders import structure
from bargaining_models.uncertainty import AnyPrior, ElasticityPrior, elasticity_priors, priors
from bargaining_models.us_canada.baseline import Baseline, check_unit, sold_to_us

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

        A number that is NaN is a missing cell, and one below the solver's rounding errors is 0. `solved` are answers,
        each with a residual, or residuals: how exact the numbers are. `more` are computed notes, that go where the
        specification has an asterisk; `said` stands in braces there, and a note that comes to nothing is left out.
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


STRUCTURES = {
    "WIOD 2011": ("wiod2011", True),
    "WIOD 2011, no links": ("wiod2011", False),
    "ICIO 2019": ("icio2019", True),
    "ICIO 2019, no links": ("icio2019", False),
}
"""The data, and whether industries buy from each other in it."""
MERGED = {
    "AGR": (("AGR",), "A"),
    "MIN": (("MIN",), "B"),
    "MAN": (("FOOD", "WOOD", "PETR", "CHEM", "METAL", "OMAN", "AUTO"), "C"),
    "UTIL": (("UTIL",), "DE"),
    "SERV": (("SERV",), "FGHIJKLMNOPQRST"),
}
"""Sectors of trade in 2023, and sections of ICIO, by the sector that both make up."""
FACTS = (
    "china_closure_rate", "china_reopening_rate", "canola_redirectable", "crude_price", "gas_price",
    "canola_access_cost", "us_replaceable", "us_replacement_rate",
)  # fmt: skip
FACTORS = {"capacity_cost_factor": "cost", "capacity_lead_time_factor": "lead_time"}
"""Published costs and lead times of projects are drawn times a factor; access to canola's market has a prior alone."""
DRAWN = "drawn"
LEAST = 1e-3  # of elasticities that are drawn, and of prices and costs


def world_priors(name: str, parameters: Parameters) -> dict[str, AnyPrior]:
    """What is drawn in a structure where claims are judged: by the name that `drawn` takes it under."""
    known = priors()
    caps = {k: known[k] for k in (f"redirect_cap_{s}" for s in parameters.sectors) if k in known}
    return {"elasticities": elasticities(name)} | {k: known[k] for k in (*FACTS, *FACTORS)} | caps


def elasticities(name: str) -> ElasticityPrior:
    """The prior over elasticities by sector of a structure."""
    source = STRUCTURES[choice(name, "structure", tuple(STRUCTURES))][0]
    found = elasticity_priors(source)
    if source == "wiod2011":
        return found
    places = [found.sectors.index(sections[0]) for _, sections in MERGED.values()]
    return replace(found, sectors=tuple(MERGED), median=found.median[places], spread=found.spread[places])


def structured(parameters: Parameters, name: str) -> Parameters:
    """Return the figures in one of `STRUCTURES`."""
    source, linked = STRUCTURES[choice(name, "structure", tuple(STRUCTURES))]
    found = parameters if source == "wiod2011" else _merged(parameters)
    if linked:
        return found
    shares = found.input_shares
    return replace(found, input_shares=replace(shares, values=np.zeros_like(shares.values)))


def drawn(parameters: Parameters, name: str, given: Mapping[str, Floats | float]) -> Parameters:
    """Return the figures of a structure, with drawn figures in place of the stored ones."""
    facts = dict(parameters.facts)
    for key, fact in facts.items():
        value = max(float(given.get(key, fact.value)), 0.0) if key in FACTS else fact.value
        for factor, ending in FACTORS.items():
            if key.endswith(f"_{ending}") and key not in FACTS:
                value *= float(given.get(factor, 1.0))
        facts[key] = replace(fact, value=value)
    published = zip(parameters.sectors, parameters.caps.values, strict=True)
    caps = [given.get(f"redirect_cap_{sector}", cap) for sector, cap in published]
    own = replace(parameters.caps, values=np.array(caps, dtype=float))
    found = structured(replace(parameters, facts=Named(facts), caps=own), name)
    uniform = found.elasticities["uniform5"]
    theta = np.maximum(given.get("elasticities", uniform.values), LEAST)
    return replace(found, elasticities=Named({DRAWN: replace(uniform, values=theta)}))


def tariffs_in(parameters: Parameters, name: str, day: str | None) -> Environment | str | None:
    """Return the tariffs of a day by the sectors of a structure: what they collect on the trade of 2023."""
    if day is None or STRUCTURES[name][0] == "wiod2011":
        return day
    return _merged_tariffs(parameters, day)


class DrawnStudy(Study):
    """The outcomes behind the tables in a world that was drawn, one draw of it.

    Parameters
    ----------
    parameters : Parameters
        The figures that draws begin from.
    structure : str
        Of `STRUCTURES`.
    given : mapping
        What was drawn, by name, as for `drawn`.
    tariffs : str, optional
        As for `Study`.
    """

    sets = (DRAWN,)

    def __init__(
        self,
        parameters: Parameters,
        structure: str,
        given: Mapping[str, Floats | float],
        *,
        tariffs: str | None = None,
    ) -> None:
        super().__init__(drawn(parameters, structure, given), elasticities=DRAWN, tariffs=tariffs)
        self.force = tariffs_in(parameters, structure, tariffs)


def _groups(parameters: Parameters) -> Floats:
    """Which sectors of trade in 2023 make up which of `MERGED`, (J, K)."""
    unknown = set(parameters.sectors) ^ {s for old, _ in MERGED.values() for s in old}
    if unknown:
        raise InvalidInput(
            f"`parameters` must have the sectors of this package to be put into ICIO's; these differ: "
            f"{', '.join(sorted(unknown))}."
        )
    return np.array([[s in old for old, _ in MERGED.values()] for s in parameters.sectors], dtype=float)


def _mean(values: Floats, weights: Floats, to: Floats) -> Floats:
    """Return the mean of numbers by sector in each group of them, by weights; plain where these are 0."""
    total = weights @ to
    weighted = (values * weights) @ to / np.where(total > 0.0, total, 1.0)
    return np.asarray(np.where(total > 0.0, weighted, values @ to / to.sum(axis=0)))


def _merged(parameters: Parameters) -> Parameters:
    """Trade of 2023 by the sectors of `MERGED`, with the input shares of ICIO."""
    to, flows = _groups(parameters), parameters.flows.values
    trade = flows.sum(axis=(0, 1))
    *named, rest = parameters.regions
    whole = structure("icio2019").aggregate(
        {name: [name] for name in named}, {name: list(old) for name, (_, old) in MERGED.items()}, rest=rest
    )
    places = [
        [whole.regions.index(name) for name in parameters.regions],
        *[list(map(whole.sectors.index, MERGED))] * 2,
    ]

    def by(figures: Figures, weights: Floats) -> Figures:
        return replace(figures, values=_mean(figures.values, weights, to))

    return replace(
        parameters,
        sectors=tuple(MERGED),
        goods=np.asarray(parameters.goods @ to > 0.0),
        absorbing=len(MERGED) - 1,
        flows=replace(parameters.flows, values=flows @ to),
        input_shares=replace(parameters.input_shares, values=np.array(whole.inputs[np.ix_(*places)])),
        tariffs=by(parameters.tariffs, flows),
        schedules=Named({name: by(one, flows) for name, one in parameters.schedules.items()}),
        caps=by(parameters.caps, sold_to_us(parameters)),
        elasticities=Named({name: by(one, trade) for name, one in parameters.elasticities.items()}),
    )


@cache
def _merged_tariffs(parameters: Parameters, day: str) -> Environment:
    rates = Environment.shipped().at(day).tariffs(TradeModel.from_parameters(parameters).data)
    merged = _mean(rates, parameters.flows.values, _groups(parameters))
    goods = parameters.goods @ _groups(parameters) > 0.0
    listed: dict[tuple[str, ...], float] = {
        (importer, exporter, sector): float(merged[i, j, k])
        for i, importer in enumerate(parameters.regions)
        for j, exporter in enumerate(parameters.regions)
        for k, sector in enumerate(MERGED)
        if i != j and goods[k]
    }
    return Environment.from_rates(listed, date=day, source="tariffs of the package by the trade of 2023")
