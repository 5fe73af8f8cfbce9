"""How welfare answers a small change of tariffs, by the implicit function theorem."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining_models.trade.conditions import Scenarios, evaluate
from bargaining_models.trade.economy import Economy
from bargaining_models.trade.equilibrium import log_welfare
from bargaining_models.trade.jacobian import jacobian, tariff_slopes
from bargaining_models.trade.solve import directions, jacobian_cells, take


def marginal_welfare(economy: Economy, cells: Scenarios, z: Floats, along: Floats) -> Floats:
    """Differentiate welfare in percent along K directions (K, N, N, J) at the equilibria `z`, (B, K, N)."""
    size = jacobian_cells(economy)
    parts = [
        _marginal(economy, take(cells, slice(k, k + size)), z[k : k + size], along)
        for k in range(0, len(z), size)
    ]
    return np.concatenate(parts)


def _marginal(economy: Economy, cells: Scenarios, z: Floats, along: Floats) -> Floats:
    at = evaluate(economy, cells, z)
    slopes = jacobian(economy, at)
    parts = [tariff_slopes(economy, at, cells.tariffs, direction) for direction in along]
    gaps = np.stack([gap for gap, _ in parts], axis=2)
    revenue = np.stack([revenue for _, revenue in parts], axis=1)
    moved = directions(slopes.conditions, gaps).transpose(0, 2, 1)
    regions, sectors = economy.added.shape
    prices = moved[:, :, regions : regions * (1 + sectors)].reshape(len(z), -1, regions, sectors)
    income = (slopes.income[:, None] * moved[:, :, None]).sum(axis=3) + revenue
    level = 100.0 * np.exp(log_welfare(economy, at))
    return np.asarray(level[:, None] * (income / at.income[:, None] - (economy.final * prices).sum(axis=3)))
