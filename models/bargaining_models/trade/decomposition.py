r"""The sources of a change of real income: terms of trade, volume of trade, trade costs, payments.

In equilibrium, exactly, with flows at producer prices, `E_inj` the sales of n to i and `c` unit costs,

.. math::

    I_n\, d\ln W_n = \sum_{ij} (E_{inj}\, d\ln c_{nj} - F_{nij}\, d\ln c_{ij})
        + \sum_{ij} t_{nij} F_{nij} (d\ln F_{nij} - d\ln c_{ij})
        - \sum_{ij} (1 + t_{nij}) F_{nij}\, d\ln d_{nij} + dD_n + dT_n,

the terms of trade, the volume of trade, trade costs, and deficits and payments, in this order.
(Caliendo and Parro 2015, equation 17, write it for tariffs.) It follows from `I dlnP = sum X dlnP - sum Y dlnc +
wVA dlnw`, `X dlnP = sum F ((1 + t) (dlnc + dlnd) + dt)` and `dI = wVA dlnw + sum (F dt + t dF) + dD + dT`. For a
change that is not small there are two ways to use it; `Decomposition` says what each gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.polynomial import legendre

from bargaining.authoring import Floats, Result, owning
from bargaining.errors import Status
from bargaining_models.trade.conditions import Point, Solver, sectors_first

if TYPE_CHECKING:
    import xarray as xr

ACCURACY = 1e-6  # percent: what a path of too few steps leaves
METHODS = ("path", "discrete")


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decomposition(Result):
    r"""Changes of real income by where they come from, in percent.

    Attributes
    ----------
    terms_of_trade : (*batch, N, J) array
        By sector: what exports gain in price less what imports do.
    volume : (*batch, N, J) array
        By sector: tariffs times what imports grow in volume.
    cost : (*batch, N, J) array
        By sector: what trade costs save.
    payment : (*batch, N) array
        What the trade deficit and transfers add.
    exact : (*batch, N) array
        The change of real income itself.
    method : {"path", "discrete"}
        How a change that is not small was decomposed.
    residual : (*batch, N) array
        What the parts leave of `100 ln(1 + exact / 100)`: the error of "path" up to rounding, and what the
        approximation misses of the others.
    regions, sectors : tuple of str

    Notes
    -----
    "discrete", as published, takes the weights of the base and `c_hat - 1`, `F_hat - 1` for the logs. It leaves out
    that weights change on the way: when a tariff falls to zero, it values all the growth
    of imports at the rate of the base. "path" integrates along the straight line from the tariffs of the base to
    the new ones (trade costs in logs) and adds up exactly, whatever the path; how the sum divides depends on the
    path.
    """

    terms_of_trade: Floats
    volume: Floats
    cost: Floats
    payment: Floats
    exact: Floats
    method: str
    residual: Floats
    regions: tuple[str, ...]
    sectors: tuple[str, ...]

    @property
    def status(self) -> Any:
        """FAILED without an equilibrium; INACCURATE where "path" leaves more than 1e-6 percent; of shape batch."""
        found = np.isfinite(self.exact).all(axis=-1)
        left = np.nan_to_num(np.abs(self.residual)).max(axis=-1)
        rough = (left > ACCURACY) & (self.method == "path")
        status = np.where(found, np.where(rough, Status.INACCURATE, Status.OK), Status.FAILED).astype(np.int8)
        return status if status.ndim else Status(int(status))

    @property
    def total(self) -> Floats:
        """The sum of the parts, (*batch, N): with "path" it is `100 ln(1 + exact / 100)`."""
        return np.asarray((self.terms_of_trade + self.volume + self.cost).sum(axis=-1) + self.payment)

    def to_xarray(self) -> xr.Dataset:
        """Return the parts by region, `sector` summed over, and by sector (names that end in `_by_sector`)."""
        import xarray as xr

        batch = tuple(f"scenario_{k}" for k in range(self.exact.ndim - 1))
        parts = {"terms_of_trade": self.terms_of_trade, "volume": self.volume, "cost": self.cost}
        regions = {name: part.sum(axis=-1) for name, part in parts.items()}
        regions |= {"payment": self.payment, "total": self.total, "exact": self.exact}
        sectors = {f"{name}_by_sector": part for name, part in parts.items()}
        unit = {"unit": "percent"}
        return xr.Dataset(
            {name: ((*batch, "region"), part, unit) for name, part in regions.items()}
            | {name: ((*batch, "region", "sector"), part, unit) for name, part in sectors.items()},
            coords={"region": list(self.regions), "sector": list(self.sectors)},
            attrs={"method": self.method},
        )


def decompose(
    solver: Solver,
    tariffs: Floats,
    costs: Floats | None,
    transfers: Floats | None,
    unit: int,
    *,
    method: str,
    steps: int,
) -> tuple[tuple[Floats, Floats, Floats, Floats], Point]:
    """Decompose the way from the base to each of B scenarios, as `System.cells` takes them.

    Returns the four parts, not yet in percent, sectors before regions, and the point at the end.
    """
    system, base = solver.system, solver.system.economy.tariffs
    end = solver.solve(system.cells(tariffs, costs, transfers, unit))
    with np.errstate(all="ignore"):  # scenarios that failed are marked by their status
        if method != "path":
            start = Point(system, system.cells(base[None]), system.start(1))
            hats = np.ones_like(base) if costs is None else costs
            paid = end.deficits + end.received - start.deficits
            dearer = np.expm1(end.log_costs - start.log_costs)
            return _parts(start, dearer, end.flows - start.flows, sectors_first(hats - 1.0), paid), end
        nodes, weights = legendre.leggauss(steps)
        through = np.linalg.inv(
            legendre.legvander(nodes, steps - 1)
        )  # the polynomial through values at nodes
        slopes = 2.0 * legendre.legval(nodes, legendre.legder(through)).T
        nodes, weights = (nodes + 1.0) / 2.0, weights / 2.0
        line = nodes[:, None, None, None]
        parts = []
        for k in range(len(tariffs)):
            hats = np.ones_like(base) if costs is None else costs[k]
            received = None if transfers is None else nodes[:, None] * transfers[k]
            way = solver.solve(system.cells(base + line * (tariffs[k] - base), hats**line, received, unit))
            dearer, sold, paid = (
                np.tensordot(slopes, change, 1)
                for change in (way.log_costs, way.flows, np.asarray(way.deficits + way.received))
            )
            along = _parts(way, dearer, sold, sectors_first(np.log(hats))[None], paid)
            parts.append([np.tensordot(weights, part, 1) for part in along])
    return tuple(np.stack(part) for part in zip(*parts, strict=True)), end  # type: ignore[return-value]


def _parts(
    at: Point, costs: Floats, flows: Floats, trade_costs: Floats, paid: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """The parts with the weights of a point, (B, J, N) and (B, N).

    Of changes of log unit costs (B, J, N), flows and log trade costs (B, J, N, N), and of what is received (B, N).
    """
    income, rates = at.income[:, None], at.cells.gross - 1.0
    bought = np.matmul(at.flows, costs[..., None])[..., 0]
    terms = (at.sold * costs - bought) / income
    volume = (rates * (flows - at.flows * costs[..., None, :])).sum(axis=3) / income
    saved = -(at.cells.gross * at.flows * trade_costs).sum(axis=3) / income
    return terms, volume, np.broadcast_to(saved, terms.shape), paid / at.income
