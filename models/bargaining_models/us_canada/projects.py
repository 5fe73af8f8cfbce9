"""Projects Canada could build: the share of its exports to the US each redirects to China, date and cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bargaining.authoring import Floats
from bargaining.errors import InvalidInput
from bargaining_models.negotiation.projects import Project
from bargaining_models.parameters import Parameters
from bargaining_models.us_canada.baseline import CANADA, US

DAYS = 365.0  # of a year
UNIT = "USD bn"
_PIPELINE = ("drag_added", "optimisation_added", "added_capacity")


def projects(parameters: Parameters) -> tuple[Project, ...]:
    """Return the projects of the figures, by lead time.

    Volumes become shares of the exports of the base year at the prices of `facts.csv`; all capacity is
    taken to be at the disposal of China, which is an assumption.

    Examples
    --------
    >>> from bargaining_models.parameters import load
    >>> for project in projects(load()):
    ...     print(project.name, project.lead_time, {s: round(x, 3) for s, x in project.share.items()})
    canola access 1.0 {'FOOD': 0.042}
    drag-reducing agents 1.0 {'MIN': 0.018}
    Cedar LNG 4.5 {'MIN': 0.003}
    pumping stations 5.0 {'MIN': 0.075}
    second expansion 5.0 {'MIN': 0.123}
    LNG Canada phase 2 6.75 {'MIN': 0.013}
    """
    check_unit(parameters)
    figures = _Figures(parameters)
    value = figures.value
    cad = value("cad_per_usd")
    gas = value("lng_canada_capacity_gas") / value("lng_canada_capacity")
    canola = value("canola_redirectable") * value("canola_to_us") / cad
    later = value("lng_expansion_cost_share") * value("lng_canada_cost")
    drag, pumps, pipe = (figures.crude(value(f"tmx_{name}")) for name in _PIPELINE)
    cedar, phase_2 = (figures.gas(value(name) * gas) for name in ("cedar_lng", "lng_canada_expansion"))
    project = figures.project
    return (
        project("canola access", "canola_access", value("canola_access_cost") / cad, "FOOD", canola),
        project("drag-reducing agents", "tmx_drag", value("tmx_drag_cost") / cad, "MIN", drag),
        project("Cedar LNG", "cedar_lng", value("cedar_lng_cost"), "MIN", cedar),
        project("pumping stations", "tmx_optimisation", value("tmx_optimisation_cost") / cad, "MIN", pumps),
        project("second expansion", "tmx", value("tmx_cost") / cad, "MIN", pipe),
        project("LNG Canada phase 2", "lng_canada", later / cad, "MIN", phase_2),
    )


def sold_to_us(parameters: Parameters) -> Floats:
    """Return what the US buys of Canada by sector, (J,), in the unit of the flows."""
    importer, exporter = (parameters.regions.index(name) for name in (US, CANADA))
    return np.asarray(parameters.flows.values[importer, exporter])


def check_unit(parameters: Parameters) -> None:
    """Raise InvalidInput unless flows are in the unit to which prices and costs of `facts.csv` are converted."""
    if parameters.flows.unit != UNIT:
        raise InvalidInput(
            f"`parameters` must be in {UNIT}; got flows in {parameters.flows.unit}. Convert them, and GDP."
        )


@dataclass(frozen=True, slots=True)
class _Figures:
    """Volumes and exports in USD bn a year."""

    parameters: Parameters

    def project(self, name: str, lead: str, cost: float, sector: str, worth: float) -> Project:
        """Make a project that adds sales worth so much a year to what a sector can redirect."""
        sector = sector if sector in self.parameters.sectors else "MAN"  # where all manufacturing is one
        share = {sector: worth / self.exports(sector)}
        return Project(name=name, lead_time=self.value(f"{lead}_lead_time"), cost=cost, share=share)

    def value(self, name: str) -> float:
        return self.parameters.fact(name).value

    def crude(self, thousand_barrels_a_day: float) -> float:
        return thousand_barrels_a_day * DAYS * self.value("crude_price") / 1e6

    def gas(self, billion_cubic_feet_a_day: float) -> float:
        """A cubic foot is taken as a thousand Btu."""
        return billion_cubic_feet_a_day * DAYS * self.value("gas_price") / 1e3

    def exports(self, sector: str) -> float:
        return float(sold_to_us(self.parameters)[self.parameters.sectors.index(sector)])
