"""What Canada could build: how much of its exports to the US each project can send to China, when, and for how much."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining_models.parameters import Parameters
from bargaining_models.us_canada.baseline import CANADA, US

DAYS = 365.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project that adds to the redirectable share.

    Attributes
    ----------
    name : str
    lead_time : float
        Years from the decision to use.
    cost : float
        Capital, USD bn, spent at the decision.
    share : mapping from sector to float
        What it adds to the redirectable share of a sector's exports to the US.
    """

    name: str
    lead_time: float
    cost: float
    share: Mapping[str, float]


def projects(parameters: Parameters) -> tuple[Project, ...]:
    """Return the projects of the figures, by lead time.

    Volumes become shares of the exports of the base year at the prices of `facts.csv`; all capacity is
    taken to be at the disposal of China, which is an assumption.

    Examples
    --------
    >>> from bargaining_models.parameters import load
    >>> for project in projects(load()):
    ...     print(project.name, project.lead_time, {s: round(x, 3) for s, x in project.share.items()})
    canola access 1.0 {'FOOD': 0.077}
    drag-reducing agents 1.0 {'MIN': 0.018}
    Cedar LNG 4.5 {'MIN': 0.003}
    pumping stations 5.0 {'MIN': 0.075}
    second expansion 5.0 {'MIN': 0.123}
    LNG Canada phase 2 6.75 {'MIN': 0.013}
    """
    figures = _Figures(parameters)
    value, gas = (
        figures.value,
        figures.value("lng_canada_capacity_gas") / figures.value("lng_canada_capacity"),
    )
    cad = value("cad_per_usd")
    canola = value("canola_redirectable") * value("canola_to_us") / cad
    return tuple(
        Project(
            name=name,
            lead_time=value(lead),
            cost=cost,
            share={sector: worth / figures.exports(sector)},
        )
        for name, lead, cost, sector, worth in (
            ("canola access", "canola_access_lead_time", value("canola_access_cost") / cad, "FOOD", canola),
            (
                "drag-reducing agents",
                "tmx_drag_lead_time",
                value("tmx_drag_cost") / cad,
                "MIN",
                figures.crude(value("tmx_drag_added")),
            ),
            (
                "Cedar LNG",
                "cedar_lng_lead_time",
                value("cedar_lng_cost"),
                "MIN",
                figures.gas(value("cedar_lng") * gas),
            ),
            (
                "pumping stations",
                "tmx_optimisation_lead_time",
                value("tmx_optimisation_cost") / cad,
                "MIN",
                figures.crude(value("tmx_optimisation_added")),
            ),
            (
                "second expansion",
                "tmx_lead_time",
                value("tmx_cost") / cad,
                "MIN",
                figures.crude(value("tmx_added_capacity")),
            ),
            (
                "LNG Canada phase 2",
                "lng_canada_lead_time",
                value("lng_expansion_cost_share") * value("lng_canada_cost") / cad,
                "MIN",
                figures.gas(value("lng_canada_expansion") * gas),
            ),
        )
    )


@dataclass(frozen=True, slots=True)
class _Figures:
    """Volumes and exports in USD bn a year."""

    parameters: Parameters

    def value(self, name: str) -> float:
        return self.parameters.fact(name).value

    def crude(self, thousand_barrels_a_day: float) -> float:
        return thousand_barrels_a_day * DAYS * self.value("crude_price") / 1e6

    def gas(self, billion_cubic_feet_a_day: float) -> float:
        """A cubic foot is taken as a thousand Btu."""
        return billion_cubic_feet_a_day * DAYS * self.value("gas_price") / 1e3

    def exports(self, sector: str) -> float:
        importer, exporter = (self.parameters.regions.index(name) for name in (US, CANADA))
        return float(self.parameters.flows.values[importer, exporter, self.parameters.sectors.index(sector)])


def together(chosen: tuple[Project, ...]) -> tuple[Floats, dict[str, Floats]]:
    """Return the dates at which projects begun today open, and the share by sector before and from each on."""
    dates = np.unique([project.lead_time for project in chosen])
    sectors = dict.fromkeys(sector for project in chosen for sector in project.share)
    built = [[project for project in chosen if project.lead_time <= date] for date in (0.0, *dates.tolist())]
    return dates, {
        sector: np.array([sum(project.share.get(sector, 0.0) for project in some) for some in built])
        for sector in sectors
    }
