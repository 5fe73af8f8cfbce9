"""Projects Canada could build: the share of its exports to the US each redirects to China, date and cost."""

from __future__ import annotations

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

    def value(name: str) -> float:
        return parameters.fact(name).value

    def project(name: str, lead: str, cost: float, sector: str, worth: float) -> Project:
        """Make a project that adds sales worth so much a year, USD bn, to what a sector can redirect."""
        sector = sector if sector in parameters.sectors else "MAN"  # where all manufacturing is one
        exports = float(sold_to_us(parameters)[parameters.sectors.index(sector)])
        return Project(
            name=name, lead_time=value(f"{lead}_lead_time"), cost=cost, share={sector: worth / exports}
        )

    cad = value("cad_per_usd")
    canola = value("canola_redirectable") * value("canola_to_us") / cad
    later = value("lng_expansion_cost_share") * value("lng_canada_cost")
    barrels = DAYS * value("crude_price") / 1e6  # a year of a thousand a day
    drag, pumps, pipe = (value(f"tmx_{name}") * barrels for name in _PIPELINE)
    # A year of a billion cubic feet a day; a foot is taken as a thousand Btu.
    gas = value("lng_canada_capacity_gas") / value("lng_canada_capacity") * DAYS * value("gas_price") / 1e3
    cedar, phase_2 = (value(name) * gas for name in ("cedar_lng", "lng_canada_expansion"))
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
