"""The negotiation between Canada and the US, with China as Canada's alternative, on the figures of this package.

Strategies are tariffs: one rate of the US on all Canadian goods and one of Canada on all US goods, added to the base
tariffs (zero between the two). Canada is home and player 0, the US the partner and player 1.

Capacity that Canada could build has payoffs at each level, as in `negotiation.capacity`, and costs. Capital comes from
the projects of the figures, cheapest first. A *point* is one percent of Canada's goods exports to the US in the base
year, whatever the sector.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from bargaining.authoring import Floats, choice, real, within
from bargaining.errors import InvalidInput
from bargaining_models.negotiation import Negotiation, Roles
from bargaining_models.negotiation.capacity import LEVELS, NASH, Capacity, Project, increasing
from bargaining_models.parameters import Parameters, load
from bargaining_models.trade import Environment

CANADA, US, CHINA = "CAN", "USA", "CHN"
PLAYERS = (CANADA, US)
FARM = ("AGR", "FOOD")
"""Sectors of farm and sea products, for which China has closed its market."""
SCHEDULES = ("us_2025_26", "canada_2025_26")
"""What is in force while they talk."""
WORDS = {"status_quo": "2025-26 schedule", "meanwhile": "the tariffs of 2025-26"}
ROLES = Roles.among((CANADA, US, CHINA), home=CANADA, partner=US, alternative=CHINA).calling(**WORDS)


class Baseline(Negotiation):
    """The negotiation on a trade model with regions CAN, USA and CHN, and the figures that it came from.

    Examples
    --------
    >>> baseline = Baseline.from_parameters()
    >>> baseline.payoffs(0.25).percent.round(2)
    array([-1.69,  0.02])
    >>> war = baseline.war(r=[0, 0.15])
    >>> war.percent.round(3)
    array([[-0.858, -0.008],
           [-0.466, -0.012]])
    >>> war.rates.round(3)
    array([[0.102, 0.129],
           [0.102, 0.123]])
    >>> bool(war.unique.all())
    True
    >>> baseline.leave().money.round(0), baseline.leave().unit
    (array([-89., -78.]), 'USD bn of 2023')
    """

    __slots__ = ()
    parameters: Parameters

    @classmethod
    def from_parameters(
        cls,
        parameters: Parameters | None = None,
        *,
        elasticities: str = "uniform5",
        tariffs: str | datetime.date | Environment | None = None,
        meaning: str = "capacity",
    ) -> Baseline:
        """Build the trade model from figures, by default those of this package.

        Parameters
        ----------
        parameters : Parameters, optional
        elasticities : str
            The name of a set of the figures.
        tariffs : str, date or Environment, optional
            The tariffs in force on a day, as for any `Negotiation`: those of third countries in every outcome, and
            those of the two on each other while they talk. By default those of the base, and the schedules of 2025-26
            while they talk.
        meaning : str
            Of r, as for any `Negotiation`.

        Raises
        ------
        InvalidInput
            If the figures lack one of the three regions or the elasticities, or the day is before the first.
        """
        figures = load() if parameters is None else parameters
        for region in (CANADA, US, CHINA):
            choice(region, "region", figures.regions)
        listed = tariffs is None and all(name in figures.schedules for name in SCHEDULES)
        found = cls(
            data=figures,
            elasticities=elasticities,
            home=CANADA,
            partner=US,
            alternative=CHINA,
            tariffs=tariffs,
            agreement="base",
            status_quo=SCHEDULES if listed else None,
            meaning=meaning,
        )
        return found if tariffs is not None else found.calling(**WORDS)


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


ESCALATION = 0.35
"""The highest rate of the lists: that of the US on goods outside CUSMA from August 2025."""
CANADA_TARIFFS: tuple[float | str, ...] = (0.0, 0.02, "canada_2025_26", NASH, ESCALATION)
US_TARIFFS: tuple[float | str, ...] = (0.0, 0.02, "us_2025_26", NASH, ESCALATION)
REPEATED = "second expansion"


def canada_capacity(
    baseline: Baseline,
    *,
    levels: ArrayLike = LEVELS,
    capped: bool = False,
    home_tariffs: Sequence[float | str] = CANADA_TARIFFS,
    partner_tariffs: Sequence[float | str] = US_TARIFFS,
    capital: ArrayLike | None = None,
) -> Capacity:
    """Solve the trade model at every level of capacity, in USD bn a year; see `Capacity.solve` for the arguments.

    Canada is home. By default capital is that of `merit_order`.

    Examples
    --------
    >>> capacity = canada_capacity(Baseline.from_parameters(), levels=[0, 0.15, 0.30])
    >>> capacity.flows[1:3, 0, 0].round(2)  # free trade at levels 0.15 and 0.30: Canada, US
    array([[ 6.16,  0.3 ],
           [11.88,  0.71]])
    >>> capacity.capital.round(1)
    array([ 96.2, 114.4])
    """
    shares, figures = increasing(levels), baseline.parameters
    if capital is None and len(shares) > 1:
        capital = np.diff(merit_order(figures, points(figures, shares, capped=capped)))
    return Capacity.solve(
        baseline,
        levels=levels,
        capped=capped,
        capital=capital,
        home_tariffs=home_tariffs,
        partner_tariffs=partner_tariffs,
    )


def points(parameters: Parameters, levels: ArrayLike, *, capped: bool = False) -> Floats:
    """Return what levels redirect in percent of all goods exports from Canada to the US, caps counted.

    Examples
    --------
    >>> from bargaining_models.parameters import load
    >>> points(load(), [0.15, 0.30], capped=True).round(1)
    array([10.4, 12.2])
    """
    shares = within(real(levels, "levels"), "levels", 0.0, 1.0)[..., None]
    exports = sold_to_us(parameters) * parameters.goods
    redirected = np.minimum(shares, parameters.caps.values) if capped else shares
    return np.asarray(100.0 * (redirected * exports).sum(axis=-1) / exports.sum())


def merit_order(parameters: Parameters, added: ArrayLike) -> Floats:
    """Return the capital for a number of points, USD bn, by the cheapest projects of the figures.

    Once the projects cheaper than the second expansion of Trans Mountain are used up, capacity costs as much per point
    as that expansion: an assumption, as no project is that large.

    Examples
    --------
    >>> from bargaining_models.parameters import load
    >>> merit_order(load(), [1, 3, 5, 10]).round(1)
    array([ 0.7,  4.7, 19.9, 58.1])
    """
    prices = sorted((p.cost / size(parameters, p), size(parameters, p), p.name) for p in projects(parameters))
    dearest = next(price for price, _, name in prices if name == REPEATED)
    cheaper = np.array([[price, points] for price, points, _ in prices if price < dearest])
    ends, paid = (np.append(0.0, np.cumsum(x)) for x in (cheaper[:, 1], cheaper.prod(axis=1)))
    wanted = within(real(added, "added"), "added", 0.0, np.inf)
    return np.asarray(np.interp(wanted, ends, paid) + dearest * np.maximum(wanted - ends[-1], 0.0))


def size(parameters: Parameters, project: Project) -> float:
    """Return what a project can redirect in points."""
    shares = [project.share.get(sector, 0.0) for sector in parameters.sectors]
    exports = sold_to_us(parameters)
    return float(100.0 * (shares @ exports) / exports[parameters.goods].sum())
