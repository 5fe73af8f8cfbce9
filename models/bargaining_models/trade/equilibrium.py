r"""The solution of a trade model: welfare, prices and flows, with residual and status.

*The sources of a change of real income.* In equilibrium, exactly, with flows at producer prices, `E_inj` the sales of n
to i and `c` unit costs,

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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import ArrayLike, NDArray

from bargaining.authoring import Floats, Result, choice, record
from bargaining.errors import InvalidInput, Status, Unsolved
from bargaining_models.trade.conditions import Point, Solver, sectors_first

if TYPE_CHECKING:
    import xarray as xr


ACCURACY = 1e-10  # the residual that OK promises


@record
class TradeEquilibrium(Result):
    """Equilibria of a batch of scenarios; hats are ratios to the base.

    Attributes
    ----------
    welfare : (*batch, N) array
        Change of real income in percent, `100 (I_hat / prod_j P_hat_nj^alpha_nj - 1)`.
    objective : (*batch, N) array
        Change of what governments maximise, in percent of real income in the base: of real income, unless the model
        has weights, see `TradeModel.with_objectives`.
    wages : (*batch, N) array
        Hats of factor prices; world value added is the numeraire.
    real_wages : (*batch, N) array
        Change of the wage over consumer prices in percent.
    prices : (*batch, N, J) array
        Hats of sectoral price indices.
    income : (*batch, N) array
        Hats of nominal income.
    revenue : (*batch, N) array
        Tariff revenue, in the unit of the figures.
    expenditures : (*batch, N, J) array
        Spending at purchaser prices, in the unit of the figures.
    flows : (*batch, N, N, J) array
        Trade at producer prices: importer, exporter, sector, in the unit of the figures.
    tariffs : (*batch, N, N, J) array
        The ad valorem rates of the scenario.
    residual : (*batch) array
        Largest relative violation of all equilibrium conditions, recomputed from the answer.
    status : Status or int8 array of shape batch
        OK where the residual is at most 1e-10, INACCURATE above, FAILED (and NaN) where no point was found.
    regions, sectors : tuple of str
        Names along the axes.
    unit : str
        Of flows, expenditures and revenue, at base prices; empty where the figures do not say.
    refused : tuple of (tuple of int, str)
        The scenarios of a batch that could not be tried, and why; their status is FAILED.
    """

    welfare: Floats
    objective: Floats
    wages: Floats
    real_wages: Floats
    prices: Floats
    income: Floats
    revenue: Floats
    expenditures: Floats
    flows: Floats
    tariffs: Floats
    residual: Floats
    status: Status | NDArray[np.int8]
    regions: tuple[str, ...]
    sectors: tuple[str, ...]
    unit: str = ""
    refused: tuple[tuple[tuple[int, ...], str], ...] = ()
    _slopes_of: Callable[[str], tuple[Floats, Floats]] | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return f"TradeEquilibrium(real income, %: {by_name(self.welfare, self.regions)}; {said(self.status)})"

    def of(self, region: str) -> Floats:
        """Change of real income of one region in percent, shape batch."""
        return self.welfare[..., self.regions.index(choice(region, "region", self.regions))]

    @property
    def shares(self) -> Floats:
        """Share of each exporter in an importer's spending on a sector at purchaser prices, (*batch, N, N, J)."""
        spending = self.flows * (1.0 + self.tariffs)
        total = self.expenditures[..., :, None, :]
        return np.asarray(np.divide(spending, total, out=np.zeros_like(spending), where=total != 0.0))

    def raise_if_failed(self) -> TradeEquilibrium:
        """Return self, or raise `Unsolved` if some scenario has no accurate equilibrium."""
        bad = np.asarray(self.status) != Status.OK
        if bad.any():
            if self.refused:
                cell, reason = self.refused[0]
                raise Unsolved(
                    f"{int(bad.sum())} of {bad.size} scenarios have no equilibrium; in scenario {cell} of the batch "
                    f"{reason}"
                )
            worst = np.asarray(self.residual)[bad].flat[0]
            raise Unsolved(
                f"{int(bad.sum())} of {bad.size} scenarios have no equilibrium to 1e-10; the first has residual "
                f"{worst:.3g}. Move its tariffs or costs closer to the base."
            )
        return self

    def _slopes(self, wrt: str) -> tuple[Floats, Floats, dict[str, list[str] | None]]:
        """Return derivatives of welfare, in percent, their error by rounding, and their axes: what `sensitivity` asks.

        They are taken at the equilibrium by the implicit function theorem, with the base held fixed.
        """
        if self._slopes_of is None:
            raise InvalidInput(
                "`result` must come from `TradeModel.solve`, which keeps what derivatives are made of."
            )
        choice(wrt, "wrt", ("tariffs", "costs", "transfers", "elasticities"))
        made, doubt = self._slopes_of(wrt)
        own: dict[str, list[str] | None] = {"receiver": list(self.regions)} if wrt == "transfers" else {}
        if wrt in ("tariffs", "costs"):
            made = np.moveaxis(made, 2, -1)
            own = {"importer": list(self.regions), "exporter": list(self.regions)}
        if wrt != "transfers":
            own["sector"] = list(self.sectors)
        batch, rest = np.shape(self.residual), made.shape[2:]
        level = 100.0 + self.welfare.reshape(*self.welfare.shape, *(1,) * len(rest))
        percent = level * made.reshape(*self.welfare.shape, *rest)
        size = np.abs(percent).max(axis=tuple(range(len(batch), percent.ndim)), keepdims=True)
        error = np.broadcast_to(doubt.reshape(*batch, *(1,) * (1 + len(rest))) * size, percent.shape)
        axes: dict[str, list[str] | None] = {
            f"cell_{k}" if len(batch) > 1 else "cell": None for k in range(len(batch))
        }
        return percent, error, axes | {"region": list(self.regions)} | own

    def to_xarray(
        self, dims: Sequence[str] | None = None, coords: Mapping[str, ArrayLike] | None = None
    ) -> xr.Dataset:
        """Return everything with names on the axes, ready to select from and to plot.

        Parameters
        ----------
        dims : sequence of str, optional
            Names of the batch axes; by default `scenario`, or `scenario_0`, `scenario_1`, ...
        coords : mapping from dimension to (k,) array_like, optional
            Labels along the batch axes, the rates for instance.

        Returns
        -------
        xarray.Dataset
            `real_income` and `real_wage` (percent), `wage`, `income` and `price` (hats), `flows`, `expenditure` and
            `revenue` (in the unit of the figures), `share`, `tariff`, `residual` and `status`.

        Examples
        --------
        >>> from bargaining_models.parameters import load
        >>> from bargaining_models.trade import TradeModel
        >>> model = TradeModel.from_parameters(load())
        >>> rates = [0.0, 0.1, 0.25]
        >>> answer = model.solve(tariffs=model.tariffs({("USA", "CAN"): rates}))
        >>> data = answer.to_xarray(["us_tariff"], {"us_tariff": rates})
        >>> data.real_income.sel(region="CAN", us_tariff=0.25).round(2).item()
        -1.69
        >>> data.flows.sel(importer="USA", exporter="CAN").sum("sector").dims
        ('us_tariff',)
        """
        import xarray as xr

        batch = np.shape(self.residual)
        if dims is None:
            names = ("scenario",) if len(batch) == 1 else tuple(f"scenario_{k}" for k in range(len(batch)))
        else:
            names = tuple(dims)
        if len(names) != len(batch):
            raise InvalidInput(
                f"`dims` must name the {len(batch)} batch axes, of lengths {batch}; got {list(names)}."
            )
        link, cell = ("importer", "exporter", "sector"), ("region", "sector")
        axes: dict[str, tuple[tuple[str, ...], Any, str]] = {
            "real_income": (("region",), self.welfare, "percent"),
            "real_wage": (("region",), self.real_wages, "percent"),
            "wage": (("region",), self.wages, "ratio to the base"),
            "income": (("region",), self.income, "ratio to the base"),
            "revenue": (("region",), self.revenue, self.unit),
            "price": (cell, self.prices, "ratio to the base"),
            "expenditure": (cell, self.expenditures, self.unit),
            "flows": (link, self.flows, self.unit),
            "share": (link, self.shares, "share of expenditure"),
            "tariff": (link, self.tariffs, "fraction"),
            "residual": ((), self.residual, ""),
            "status": ((), np.asarray(self.status), ""),
        }
        labels: dict[str, Any] = {
            "region": list(self.regions),
            "importer": list(self.regions),
            "exporter": list(self.regions),
            "sector": list(self.sectors),
        }
        return xr.Dataset(
            {name: ((*names, *more), array, {"unit": unit}) for name, (more, array, unit) in axes.items()},
            coords=labels | dict(coords or {}),
        )


def by_name(values: Floats, names: Sequence[str], digits: int = 3) -> str:
    """Write numbers after their names, to some decimals; of a batch its shape."""
    if values.ndim > 1:
        return f"{', '.join(names)} in a batch of shape {values.shape[:-1]}"
    pairs = zip(names, values.tolist(), strict=True)
    return ", ".join(f"{name} {round(value, digits) + 0.0:.{digits}f}" for name, value in pairs)


def said(status: Any) -> str:
    """Write a status; of a batch how many have which."""
    found, count = np.unique(np.asarray(status), return_counts=True)
    if np.ndim(status) == 0:
        return str(Status(int(found[0])))
    return ", ".join(f"{n} {Status(int(one))}" for one, n in zip(found, count, strict=True))


def pack(
    at: Point, tariffs: Floats, batch: tuple[int, ...], names: tuple[tuple[str, ...], ...], unit: str
) -> TradeEquilibrium:
    """Give the results the shape of the batch, and mark the cells that failed."""
    with np.errstate(all="ignore"):  # failed cells are marked, not warned about
        residual = at.violations()
        welfare = at.log_welfare()
        found = np.isfinite(residual) & np.isfinite(welfare).all(axis=1) & at.makes_sense
        status = np.where(residual <= ACCURACY, Status.OK, Status.INACCURATE).astype(np.int8)
        status[~found] = Status.FAILED
        mark = np.where(found, 1.0, np.nan)

        def shaped(array: Floats) -> Floats:
            marked = array * mark.reshape(-1, *(1,) * (array.ndim - 1))
            return np.asarray(marked.reshape(batch + array.shape[1:]))

        def links(array: Floats) -> Floats:
            return shaped(np.moveaxis(array, 1, -1))

        economy, final = at.system.economy, at.system.final
        living = (final * at.log_prices).sum(axis=1)
        return TradeEquilibrium(
            welfare=shaped(100.0 * np.expm1(welfare)),
            objective=shaped(100.0 * (np.expm1(at.log_objective()) - at.system.premium)),
            wages=shaped(at.wages),
            real_wages=shaped(100.0 * np.expm1(at.log_wages - living)),
            prices=shaped(np.exp(at.log_prices).swapaxes(1, 2)),
            income=shaped(at.income / economy.income),
            revenue=shaped((at.expenditures * (1.0 - at.reaches)).sum(axis=1)),
            expenditures=shaped(at.expenditures.swapaxes(1, 2)),
            flows=links(at.flows),
            tariffs=np.asarray(tariffs.reshape(batch + tariffs.shape[1:])),
            residual=residual.reshape(batch),
            status=status.reshape(batch) if batch else Status(int(status[0])),
            regions=names[0],
            sectors=names[1],
            unit=unit,
        )


PATH = 1e-6  # percent: what a path of too few steps leaves
METHODS = ("path", "discrete")


@record
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
        rough = (left > PATH) & (self.method == "path")
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
