"""What solving a trade model gives: welfare, prices and flows, with residual and status."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import choice
from bargaining._arrays import Floats
from bargaining.errors import Status, Unsolved
from bargaining_models.trade.conditions import Point, Scenarios, evaluate, violations
from bargaining_models.trade.economy import Economy

ACCURACY = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TradeEquilibrium:
    """Equilibria of a batch of scenarios; hats are ratios to the base.

    Attributes
    ----------
    welfare : (*batch, N) array
        Change of real income in percent, `100 (I_hat / prod_j P_hat_nj^alpha_nj - 1)`.
    wages : (*batch, N) array
        Hats of factor prices; world value added is the numeraire.
    prices : (*batch, N, J) array
        Hats of sectoral price indices.
    income : (*batch, N) array
        Hats of nominal income.
    flows : (*batch, N, N, J) array
        Trade at producer prices: importer, exporter, sector, in the unit of the figures.
    residual : (*batch) array
        Largest relative violation of all equilibrium conditions, recomputed from the answer.
    status : Status or int8 array of shape batch
        OK where the residual is at most 1e-10, INACCURATE above, FAILED (and NaN) where no point was found.
    regions, sectors : tuple of str
        Names along the axes.
    """

    welfare: Floats
    wages: Floats
    prices: Floats
    income: Floats
    flows: Floats
    residual: Floats
    status: Status | NDArray[np.int8]
    regions: tuple[str, ...]
    sectors: tuple[str, ...]

    def of(self, region: str) -> Floats:
        """Change of real income of one region in percent, shape batch."""
        return self.welfare[..., self.regions.index(choice(region, "region", self.regions))]

    def raise_if_failed(self) -> TradeEquilibrium:
        """Return self, or raise `Unsolved` if some scenario has no accurate equilibrium."""
        bad = np.asarray(self.status) != Status.OK
        if bad.any():
            worst = np.asarray(self.residual)[bad].flat[0]
            raise Unsolved(
                f"{int(bad.sum())} of {bad.size} scenarios have no equilibrium to 1e-10; the first has residual "
                f"{worst:.3g}. Move its tariffs or costs closer to the base."
            )
        return self


def pack(
    economy: Economy, cells: Scenarios, z: Floats, batch: tuple[int, ...], names: tuple[tuple[str, ...], ...]
) -> TradeEquilibrium:
    """Evaluate the unknowns of each cell, mark failures, and give all arrays the shape of the batch."""
    with np.errstate(all="ignore"):  # failed cells are marked, not warned about
        at = evaluate(economy, cells, z)
        residual = violations(economy, at)
        status = np.where(residual <= ACCURACY, Status.OK, Status.INACCURATE).astype(np.int8)
        status[~np.isfinite(residual)] = Status.FAILED
        return _shaped(economy, at, residual, status, batch, names)


def log_welfare(economy: Economy, at: Point) -> Floats:
    """Log of the hat of real income, (B, N)."""
    return np.asarray(np.log(at.income / economy.income) - (economy.final * at.log_prices).sum(axis=2))


def _shaped(
    economy: Economy,
    at: Point,
    residual: Floats,
    status: NDArray[np.int8],
    batch: tuple[int, ...],
    names: tuple[tuple[str, ...], ...],
) -> TradeEquilibrium:
    mark = np.where(status == Status.FAILED, np.nan, 1.0)

    def shaped(array: Floats) -> Floats:
        marked = array * mark.reshape(-1, *(1,) * (array.ndim - 1))
        return np.asarray(marked.reshape(batch + array.shape[1:]))

    return TradeEquilibrium(
        welfare=shaped(100.0 * np.expm1(log_welfare(economy, at))),
        wages=shaped(at.wages),
        prices=shaped(np.exp(at.log_prices)),
        income=shaped(at.income / economy.income),
        flows=shaped(at.net_shares * at.expenditures[:, :, None]),
        residual=residual.reshape(batch),
        status=status.reshape(batch) if batch else Status(int(status[0])),
        regions=names[0],
        sectors=names[1],
    )
