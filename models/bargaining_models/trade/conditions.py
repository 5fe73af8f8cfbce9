"""The equilibrium conditions in exact hats.

The unknowns of a cell are `z = (log w_hat (N), log P_hat (NJ), X' / X (NJ))`. The conditions, as
differences that vanish in equilibrium and are relative to the base, are

    labour   sum_j va_nj Y'_nj / VA_n - w_n              (the last: 1 - sum_n w_n VA_n / sum_n VA_n)
    prices   -(1/theta_j) log sum_i pi_nij (kappa_nij c_ij)^-theta_j - log P_nj
    goods    (sum_k io_nkj Y'_nk + alpha_nj I'_n - X'_nj) / X_nj

in the order of the unknowns. One labour condition is dropped for the numeraire, by Walras' law; the
recomputed residual (`violations`) has them all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining_models.trade.economy import Economy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scenarios:
    """Tariffs of B cells and `pi kappa^-theta`, both (B, N, N, J)."""

    tariffs: Floats
    weights: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Point:
    """What the conditions are made of, at the unknowns of B cells."""

    wages: Floats
    log_prices: Floats
    log_costs_of_living: Floats
    shares: Floats
    net_shares: Floats
    expenditures: Floats
    output: Floats
    income: Floats


def scenarios(economy: Economy, tariffs: Floats, costs: Floats | None) -> Scenarios:
    """Put tariffs and hats of trade cost (None: unchanged) in the form the conditions use."""
    kappa = (1.0 + tariffs) / (1.0 + economy.tariffs)
    if costs is not None:
        kappa = kappa * costs
    return Scenarios(tariffs=tariffs, weights=economy.shares * kappa ** (-economy.elasticities))


def start(economy: Economy, cells: int) -> Floats:
    """The unknowns of the base equilibrium, (B, N + 2NJ)."""
    regions, sectors = economy.added.shape
    z = np.zeros((cells, regions * (1 + 2 * sectors)))
    z[:, regions * (1 + sectors) :] = 1.0
    return z


def evaluate(economy: Economy, cells: Scenarios, z: Floats) -> Point:
    """Everything the conditions need, from the unknowns (B, N + 2NJ)."""
    regions, sectors = economy.added.shape
    split = regions * (1 + sectors)
    log_wages = z[:, :regions]
    log_prices = z[:, regions:split].reshape(-1, regions, sectors)
    expenditures = economy.expenditures * z[:, split:].reshape(-1, regions, sectors)
    log_costs = (
        economy.added * log_wages[:, :, None] + np.matmul(economy.inputs, log_prices[..., None])[..., 0]
    )
    terms = cells.weights * np.exp(-economy.elasticities * log_costs)[:, None]
    total = _over_exporters(terms)
    shares = terms / total[:, :, None]
    net_shares = shares / (1.0 + cells.tariffs)
    wages = np.exp(log_wages)
    revenue = (expenditures * (1.0 - _over_exporters(net_shares))).sum(axis=2)
    return Point(
        wages=wages,
        log_prices=log_prices,
        log_costs_of_living=-np.log(total) / economy.elasticities,
        shares=shares,
        net_shares=net_shares,
        expenditures=expenditures,
        output=_over_importers(net_shares * expenditures[:, :, None]),
        income=wages * economy.factor + revenue + economy.deficits,
    )


def _over_exporters(array: Floats) -> Floats:
    """Sum (B, N, N, J) over exporters, in a fixed order whatever the batch."""
    total = array[:, :, 0].copy()
    for exporter in range(1, array.shape[2]):
        total += array[:, :, exporter]
    return total


def _over_importers(array: Floats) -> Floats:
    total = array[:, 0].copy()
    for importer in range(1, array.shape[1]):
        total += array[:, importer]
    return total


def conditions(economy: Economy, at: Point) -> Floats:
    """The differences that vanish in equilibrium, (B, N + 2NJ)."""
    cells = len(at.wages)
    labour = (economy.added * at.output).sum(axis=2) / economy.factor - at.wages
    labour[:, -1] = 1.0 - (at.wages * economy.factor).sum(axis=1) / economy.factor.sum()
    use = np.matmul(at.output[:, :, None, :], economy.inputs)[:, :, 0]
    demand = use + economy.final * at.income[:, :, None]
    prices = at.log_costs_of_living - at.log_prices
    goods = (demand - at.expenditures) / economy.expenditures
    return np.concatenate([labour, prices.reshape(cells, -1), goods.reshape(cells, -1)], axis=1)


def violations(economy: Economy, at: Point) -> Floats:
    """The largest relative violation of all the conditions, the dropped one too, (B,)."""
    labour = (economy.added * at.output).sum(axis=2) / (at.wages * economy.factor) - 1.0
    numeraire = (at.wages * economy.factor).sum(axis=1) / economy.factor.sum() - 1.0
    use = np.matmul(at.output[:, :, None, :], economy.inputs)[:, :, 0]
    goods = (use + economy.final * at.income[:, :, None]) / at.expenditures - 1.0
    prices = np.expm1(at.log_costs_of_living - at.log_prices)
    parts = (labour, prices.reshape(len(labour), -1), goods.reshape(len(labour), -1), numeraire[:, None])
    return np.asarray(np.abs(np.concatenate(parts, axis=1)).max(axis=1))
