r"""A tariff war in its first years, when factors stay in their sectors.

A region whose factors cannot move is as many small regions, one a sector, that trade with each other at no cost and no
tariff: they buy at the same prices, and spend in the same proportions, so that together they buy what the region buys.
The trade model of these small regions is solved as it stands; a region's payoff is the sum of their real incomes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bargaining.authoring import Floats
from bargaining.errors import Unsolved
from bargaining_models.trade.conditions import Economy
from bargaining_models.trade.solve import Solver

if TYPE_CHECKING:
    from bargaining_models.negotiation.negotiation import Negotiation

STEP = 1e-4  # of a rate: the error of a central difference is far below what a payoff shows
DEVIATIONS = np.expm1(np.linspace(np.log(0.8), np.log(3.0), 12))
REGRET = 1e-6  # of base income
LARGEST = 50
"""The most small regions: their number is squared, and squared again, in the time that a solution takes."""


class FirstYears(NamedTuple):
    """The war and the agreement: `rates` (2,), `war` and `agreement` (2,), money of home and the partner a year."""

    rates: Floats
    war: Floats
    agreement: Floats


def first_years(negotiation: Negotiation, r: float = 0.0) -> FirstYears:
    """Return the tariff war of a negotiation, and free trade, where factors cannot leave their sectors.

    Both choose one rate on all goods of the other at once, knowing `r`, as in `Negotiation.war`. The base is the same:
    there wages are equal across sectors.

    Raises
    ------
    Unsolved
        If no rates were found of which each is best against the other.

    Examples
    --------
    >>> from bargaining_models.negotiation import Negotiation
    >>> from bargaining_models.parameters import load
    >>> talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China")
    >>> found = first_years(talks)
    >>> gains = found.agreement - found.war
    >>> found.rates.round(3), gains.round(1), (float(gains[0] - gains[1]) / 2).__round__(1)  # Canada pays 12.6
    (array([0.102, 0.152]), array([24.2, -1. ]), 12.6)
    """
    from scipy.optimize import root

    economy = negotiation.model.economy
    regions, sectors = economy.added.shape
    solver = Solver(by_sector(economy))
    costs = _repeated(negotiation.route(r), sectors)

    def payoffs(rates: Floats) -> Floats:
        """Real incomes of home and the partner over those in the base, (B, 2)."""
        tariffs = _repeated(negotiation.tariffs_at(rates), sectors)
        at = solver.solve(solver.system.cells(tariffs, np.broadcast_to(costs, tariffs.shape)))
        good = at.violations() <= 1e-8
        income = at.income.reshape(-1, regions, sectors).sum(axis=2) / economy.income
        prices = np.exp((at.system.final * at.log_prices).sum(axis=1)).reshape(-1, regions, sectors)[..., 0]
        return np.where(good[:, None], (income / prices)[:, negotiation.places], np.nan)

    def conditions(rates: Floats) -> Floats:
        up, down = np.split(payoffs(rates + STEP * np.vstack([np.eye(2), -np.eye(2)])), 2)
        return np.diag(up - down) / (2.0 * STEP)

    found = root(conditions, negotiation.war().rates, tol=1e-9)
    tried = np.repeat(found.x[None], 2 * len(DEVIATIONS), axis=0)
    own = np.repeat([0, 1], len(DEVIATIONS))
    tried[np.arange(len(tried)), own] = np.tile(DEVIATIONS, 2)
    war, agreement, *others = payoffs(np.vstack([found.x, np.zeros(2), tried]))
    gains = np.array(others)[np.arange(len(tried)), own] - war[own]
    if not (np.abs(found.fun).max() <= REGRET and gains.max() <= REGRET):
        raise Unsolved(
            "No tariffs were found of which each is best against the other. Take `Negotiation.war`."
        )
    return FirstYears(found.x, *((value - 1.0) * negotiation.worth() for value in (war, agreement)))


def by_sector(economy: Economy) -> Economy:
    """Return the economy of small regions (N J,), each with the factors of one sector of a region.

    Revenue is spread like value added; what one of them spends beyond its income is a deficit within the region.
    """
    regions, sectors = economy.added.shape
    output = economy.flows.sum(axis=0)
    factor = economy.added * output
    income = factor * (economy.income / economy.factor)[:, None]
    used = economy.inputs * output[:, :, None]
    spending = used + income[:, :, None] * economy.final[:, None]  # region, own sector, sector
    own = np.eye(sectors) * economy.shares[:, :, None]  # importer, exporter, own sector, sector
    shares = np.repeat(own.reshape(regions, -1, sectors), sectors, axis=0)
    tariffs = _repeated(economy.tariffs, sectors)
    spent = spending.reshape(-1, sectors)
    revenue = (spent * (1.0 - (shares / (1.0 + tariffs)).sum(axis=1))).sum(axis=1)
    return Economy(
        shares=shares,
        tariffs=tariffs,
        inputs=np.repeat(economy.inputs, sectors, axis=0),
        added=np.repeat(economy.added, sectors, axis=0),
        final=np.repeat(economy.final, sectors, axis=0),
        elasticities=economy.elasticities,
        factor=factor.ravel(),
        deficits=income.ravel() - factor.ravel() - revenue,
        expenditures=spent,
    )


def _repeated(links: Floats, sectors: int) -> Floats:
    """Give what holds on links of regions, (*batch, N, N, J), to those of their small regions."""
    return np.repeat(np.repeat(links, sectors, axis=-3), sectors, axis=-2)
