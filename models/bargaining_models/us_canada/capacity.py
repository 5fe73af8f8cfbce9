"""Capacity that Canada could build: payoffs at each level, as in `negotiation.capacity`, and costs.

Capital comes from the projects of the figures, cheapest first. A *point* is one percent of Canada's goods exports to
the US in the base year, whatever the sector.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from bargaining.authoring import Floats, real, within
from bargaining_models.negotiation.capacity import LEVELS, NASH, Capacity, increasing
from bargaining_models.negotiation.projects import Project
from bargaining_models.parameters import Parameters
from bargaining_models.us_canada.baseline import Baseline
from bargaining_models.us_canada.projects import projects, sold_to_us

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
