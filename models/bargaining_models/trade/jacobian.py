"""Derivatives of the equilibrium conditions: in the unknowns and in tariffs.

With `c` the unit costs and `S_nj = sum_i pi_nij (kappa_nij c_ij)^-theta_j`,

    d log c_ij = va_ij d log w_i + sum_k io_ijk d log P_ik
    -d log S_nj / theta_j = sum_i pi'_nij d log (kappa_nij c_ij)
    d pi'_nij = -theta_j pi'_nij (d log (kappa_nij c_ij) - sum_m pi'_nmj d log (kappa_nmj c_mj))

and all that follows is linear in shares, expenditures and wages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining_models.trade.conditions import Point
from bargaining_models.trade.economy import Economy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Derivatives:
    """Of the conditions, (B, M, M), and of income, (B, N, M), in the M unknowns."""

    conditions: Floats
    income: Floats


def jacobian(economy: Economy, at: Point) -> Derivatives:
    """Differentiate the conditions and income in the unknowns, exactly."""
    cells = len(at.wages)
    regions, sectors = economy.added.shape
    size = regions * sectors
    region = np.arange(regions)
    output = _output_slopes(economy, at)
    income = _income_slopes(economy, at)

    labour = (economy.added[:, :, None] * output.reshape(cells, regions, sectors, -1)).sum(axis=2)
    labour /= economy.factor[:, None]
    labour[:, region, region] -= at.wages
    labour[:, -1] = 0.0
    labour[:, -1, :regions] = -at.wages * economy.factor / economy.factor.sum()

    prices = np.zeros((cells, size, regions + 2 * size))
    prices[:, :, : regions + size] = np.matmul(_within_sectors(at.shares), _costs(economy))
    prices[:, :, regions : regions + size] -= np.eye(size)

    goods = np.matmul(economy.inputs.transpose(0, 2, 1), output.reshape(cells, regions, sectors, -1))
    goods += economy.final[:, :, None] * income[:, :, None]
    goods = goods.reshape(cells, size, -1) / economy.expenditures.reshape(-1, 1)
    goods[:, :, regions + size :] -= np.eye(size)
    return Derivatives(conditions=np.concatenate([labour, prices, goods], axis=1), income=income)


def tariff_slopes(economy: Economy, at: Point, tariffs: Floats, direction: Floats) -> tuple[Floats, Floats]:
    """Differentiate conditions (B, M) and income (B, N) in tariffs along `direction`, unknowns fixed."""
    cells = len(at.wages)
    relative = direction / (1.0 + tariffs)
    mean = (at.shares * relative).sum(axis=2)
    shares = -economy.elasticities * at.shares * (relative - mean[:, :, None])
    net = shares / (1.0 + tariffs) - at.net_shares * relative
    output = (net * at.expenditures[:, :, None]).sum(axis=1)
    revenue = -(net * at.expenditures[:, :, None]).sum(axis=(2, 3))
    labour = (economy.added * output).sum(axis=2) / economy.factor
    labour[:, -1] = 0.0
    use = np.matmul(output[:, :, None, :], economy.inputs)[:, :, 0]
    goods = (use + economy.final * revenue[:, :, None]) / economy.expenditures
    parts = (labour, mean.reshape(cells, -1), goods.reshape(cells, -1))
    return np.concatenate(parts, axis=1), revenue


def _output_slopes(economy: Economy, at: Point) -> Floats:
    """Output in the unknowns, (B, NJ, M)."""
    regions, _ = economy.added.shape
    sales = at.net_shares * at.expenditures[:, :, None]
    lost = (sales[:, :, :, None] * at.shares[:, :, None]).sum(axis=1)
    region = np.arange(regions)
    in_costs = economy.elasticities * lost
    in_costs[:, region, region] -= economy.elasticities * at.output
    in_demand = (at.net_shares * economy.expenditures[:, None]).transpose(0, 2, 1, 3)
    return np.concatenate(
        [np.matmul(_within_sectors(in_costs), _costs(economy)), _within_sectors(in_demand)], axis=2
    )


def _income_slopes(economy: Economy, at: Point) -> Floats:
    """Income in the unknowns, (B, N, M)."""
    cells = len(at.wages)
    regions, sectors = economy.added.shape
    region = np.arange(regions)
    net = at.net_shares.sum(axis=2)
    in_costs = (
        economy.elasticities * at.expenditures[:, :, None] * (at.net_shares - net[:, :, None] * at.shares)
    )
    slopes = np.zeros((cells, regions, regions * (1 + 2 * sectors)))
    split = regions * (1 + sectors)
    slopes[:, :, :split] = np.matmul(in_costs.reshape(cells, regions, -1), _costs(economy))
    slopes[:, region, region] += at.wages * economy.factor
    by_region = slopes[:, :, split:].reshape(cells, regions, regions, sectors)
    by_region[:, region, region] = economy.expenditures * (1.0 - net)
    slopes[:, :, split:] = by_region.reshape(cells, regions, -1)
    return slopes


def _costs(economy: Economy) -> Floats:
    """Log unit costs in log wages and log prices, (NJ, N + NJ)."""
    regions, sectors = economy.added.shape
    region = np.arange(regions)
    slopes = np.zeros((regions, sectors, regions + regions * sectors))
    slopes[region, :, region] = economy.added
    prices = slopes[:, :, regions:].reshape(regions, sectors, regions, sectors)
    prices[region, :, region] = economy.inputs
    slopes[:, :, regions:] = prices.reshape(regions, sectors, -1)
    return slopes.reshape(regions * sectors, -1)


def _within_sectors(array: Floats) -> Floats:
    """Put (B, N, N, J) on the blocks of a (B, NJ, NJ) matrix that stay in one sector."""
    cells, regions, _, sectors = array.shape
    matrix = np.zeros((cells, regions, sectors, regions, sectors))
    sector = np.arange(sectors)
    matrix[:, :, sector, :, sector] = array.transpose(3, 0, 1, 2)
    return matrix.reshape(cells, regions * sectors, regions * sectors)
