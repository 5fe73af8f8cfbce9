"""The solution of a trade model: welfare, prices and flows, with residual and status."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining.authoring import Floats, Result, choice, owning
from bargaining.errors import InvalidInput, Status, Unsolved
from bargaining_models.trade.conditions import Point

if TYPE_CHECKING:
    import xarray as xr

ACCURACY = 1e-10  # the residual that OK promises


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
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
