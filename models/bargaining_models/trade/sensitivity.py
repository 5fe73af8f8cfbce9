"""How welfare answers a small change of tariffs, by the implicit function theorem."""

import numpy as np

from bargaining._arrays import Floats
from bargaining_models.trade.conditions import Scenarios, evaluate
from bargaining_models.trade.economy import Economy
from bargaining_models.trade.equilibrium import log_welfare
from bargaining_models.trade.jacobian import jacobian, tariff_slopes
from bargaining_models.trade.solve import directions, jacobian_cells, take


def marginal_welfare(economy: Economy, cells: Scenarios, z: Floats, direction: Floats) -> Floats:
    """Differentiate welfare in percent along `direction` (N, N, J) at the equilibria `z`, (B, N)."""
    size = jacobian_cells(economy)
    parts = [
        _marginal(economy, take(cells, slice(k, k + size)), z[k : k + size], direction)
        for k in range(0, len(z), size)
    ]
    return np.concatenate(parts)


def _marginal(economy: Economy, cells: Scenarios, z: Floats, direction: Floats) -> Floats:
    at = evaluate(economy, cells, z)
    slopes = jacobian(economy, at)
    gap, revenue = tariff_slopes(economy, at, cells.tariffs, direction)
    moved = directions(slopes.conditions, gap)
    income = (slopes.income * moved[:, None]).sum(axis=2) + revenue
    regions, sectors = economy.added.shape
    prices = moved[:, regions : regions * (1 + sectors)].reshape(-1, regions, sectors)
    level = 100.0 * np.exp(log_welfare(economy, at))
    return np.asarray(level * (income / at.income - (economy.final * prices).sum(axis=2)))
