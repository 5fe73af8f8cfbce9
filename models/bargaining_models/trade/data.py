"""The figures of a trading world: flows, tariffs, inputs and final demand with their names, checked before use.

Whatever the figures come as (arrays, xarray, pandas), `TradeData.from_arrays` arranges them, checks every balance, and
names file-free what does not fit: which balance, which region and sector, by how much, and what would change it.
Notation: `n` importer, `i` exporter, `j`, `k` sectors; `N` regions, `J` sectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining.authoring import Floats, Shown, choice, listed, real, record, scalar, whole, within
from bargaining.errors import InvalidInput, plain
from bargaining_models._figures import CELL, LINK, USE, named
from bargaining_models.trade.conditions import Economy, limited

HIGHEST = 3.0
"""Of a tariff, 300 percent; what is above was meant in percent."""
BALANCE = 1e-6
"""Of output or income: what published tables lose to the digits they are printed with."""
DEFICITS = ("balanced", "fixed", "share")


@record
class TradeData(Shown):
    """The data of a trade model, with names, unit, year and source.

    Attributes
    ----------
    regions, sectors : tuple of str
        Names along the axes, N regions and J sectors.
    goods : (J,) array of bool
        Which sectors are goods: "all goods" in a tariff means these.
    flows : (N, N, J) array
        Sales at producer prices, own sales included: importer, exporter, sector.
    tariffs : (N, N, J) array
        Ad valorem rates as fractions.
    inputs : (N, J, J) array
        Cost share of input k in the output of sector j: region, using sector, input sector.
    elasticities : (J,) array
        Trade elasticities.
    final : (N, J) array or None
        Final expenditure by sector; None where it is what is left of spending after inputs.
    gdp : (N,) array or None
        What 100 percent of real income is worth in money, if not base income.
    unit, source : str
    year : int or None
    """

    regions: tuple[str, ...]
    sectors: tuple[str, ...]
    goods: NDArray[np.bool_]
    flows: Floats
    tariffs: Floats
    inputs: Floats
    elasticities: Floats
    final: Floats | None = None
    gdp: Floats | None = None
    unit: str = ""
    year: int | None = None
    source: str = ""

    @classmethod
    def from_arrays(
        cls,
        flows: Any,
        tariffs: Any = 0.0,
        inputs: Any = None,
        *,
        elasticities: Any,
        regions: Sequence[str] | None = None,
        sectors: Sequence[str] | None = None,
        goods: Any = None,
        final: Any = None,
        value_added: Any = None,
        gdp: Any = None,
        unit: str = "",
        year: int | None = None,
        source: str = "",
    ) -> TradeData:
        """Arrange and check figures; the parameters are those of `TradeModel.from_arrays`."""
        for name, text in (("unit", unit), ("source", source)):
            if not isinstance(text, str):
                raise InvalidInput(f"`{name}` must be a string; got {type(text).__name__}.")
        regions, sectors = _names(flows, regions, sectors)
        axes = dict(zip(LINK, (regions, regions, sectors), strict=True))
        sold = _arranged(flows, "flows", axes)
        rates = _arranged(tariffs, "tariffs", axes)
        use_axes = dict(zip(USE, (regions, sectors, sectors), strict=True))
        cell_axes = dict(zip(CELL, (regions, sectors), strict=True))
        use = _arranged(0.0 if inputs is None else inputs, "inputs", use_axes)
        added = None if value_added is None else _arranged(value_added, "value_added", cell_axes)
        bought = None if final is None else _arranged(final, "final", cell_axes)
        for name, array, over in (
            ("flows", sold, axes),
            ("value_added", added, cell_axes),
            ("final", bought, cell_axes),
        ):
            if array is not None and (array < 0.0).any():
                where = _first(array < 0.0)
                raise InvalidInput(
                    f"`{name}` must not be negative; got {array[where]:.6g} for {named(where, over)}. "
                    f"Book it elsewhere or set it to 0."
                )
        check_rates(rates, regions, sectors)
        unit = unit or str(getattr(flows, "attrs", {}).get("unit", ""))
        given = getattr(flows, "attrs", {})
        data = cls(
            regions=regions,
            sectors=sectors,
            goods=_goods(goods, sectors),
            flows=sold,
            tariffs=rates,
            inputs=use,
            elasticities=_elasticities(elasticities, sectors),
            final=bought,
            gdp=None if gdp is None else _arranged(gdp, "gdp", {"region": regions}),
            unit=unit,
            year=year if year is not None else given.get("year"),
            source=source or str(given.get("source", "")),
        )
        data = data._with_shares(added)
        data._check_trade()
        if bought is not None:
            data._check_final()
        return data

    def _with_shares(self, added: Floats | None) -> TradeData:
        """Turn values of inputs into shares of output, if value added is given too; check that value added is left."""
        use = self.inputs.sum(axis=2)
        if added is not None:
            self._check_costs(use, added)
            cost = use + added
            return replace(self, inputs=np.asarray(self.inputs / np.where(cost > 0.0, cost, 1.0)[:, :, None]))
        if (use >= 1.0).any():
            where = _first(use >= 1.0)
            raise InvalidInput(
                f"`inputs` must be shares of output that leave value added; those of "
                f"{named(where, self._cells)} sum to {use[where]:.6g}. Lower them, or, if they are values, give "
                f"`value_added` too."
            )
        return self

    def _check_costs(self, use: Floats, added: Floats) -> None:
        """Sales must pay for inputs and value added; a sector without sales has no costs."""
        output = self.flows.sum(axis=0)
        gap, size = use + added - output, np.maximum(output, use + added)
        relative = np.where(output > 0.0, np.abs(gap) / np.where(size > 0.0, size, 1.0), 0.0)
        if relative.max() > BALANCE:
            where = tuple(int(k) for k in np.unravel_index(int(relative.argmax()), relative.shape))
            bad = int((relative > BALANCE).sum())
            raise InvalidInput(
                f"`value_added` and `inputs` must add up to output, the sales in `flows`: for "
                f"{named(where, self._cells)} they come to {(use + added)[where]:.6g} and sales to "
                f"{output[where]:.6g}, {100 * relative[where]:.3g}% apart ({bad} cells in all). "
                f"Set value added to sales less inputs, {(output - use)[where]:.10g} there, multiply inputs by "
                f"{((output - added) / np.where(use > 0, use, 1.0))[where]:.10g}, or add {gap[where]:.10g} to domestic "
                f"sales. If `inputs` are shares, leave `value_added` out."
            )

    @property
    def _cells(self) -> dict[str, tuple[str, ...]]:
        return dict(zip(CELL, (self.regions, self.sectors), strict=True))

    def _check_trade(self) -> None:
        """Every region must sell and buy at home and abroad, every sector must be sold by somebody."""
        trade = self.flows.sum(axis=2)
        abroad = trade - np.diag(np.diagonal(trade))
        alone = "{} has none, so that its prices are tied to nobody's"
        checks = [
            ("every region buy something; got nothing for {}", self.regions, trade.sum(axis=1)),
            ("every region sell something; got nothing for {}", self.regions, trade.sum(axis=0)),
            ("some trade in every sector; got none in {}", self.sectors, self.flows.sum(axis=(0, 1))),
        ]
        if len(self.regions) > 1:
            checks += [
                (f"imports for every region; {alone}", self.regions, abroad.sum(axis=1)),
                (f"exports for every region; {alone}", self.regions, abroad.sum(axis=0)),
            ]
        for message, names, total in checks:
            if not (total > 0.0).all():
                name = names[_first(~(total > 0.0))[0]]
                raise InvalidInput(f"`flows` must have {message.format(name)}. Drop it or merge it.")

    def _check_final(self) -> None:
        """Final expenditure must come to income: value added, tariff revenue and the trade deficit."""
        assert self.final is not None
        total = self.final.sum(axis=1)
        if not (total > 0.0).all():
            region = self.regions[_first(~(total > 0.0))[0]]
            raise InvalidInput(f"`final` must be positive somewhere in every region; got none for {region}.")
        if np.allclose(total, 1.0, rtol=0.0, atol=1e-9):
            return  # shares of expenditure do not determine its size
        income = self.value_added + self.revenue + self.deficits
        apart = np.abs(total - income) / income
        if apart.max() > BALANCE:
            k = int(apart.argmax())
            raise InvalidInput(
                f"`final` must come to income, value added plus tariff revenue plus imports less exports: for "
                f"{self.regions[k]} it sums to {total[k]:.6g} and income to {income[k]:.6g}, {100 * apart[k]:.3g}% "
                f"apart ({int((apart > BALANCE).sum())} regions in all). Multiply it by {income[k] / total[k]:.10g}, "
                f"or give its shares by sector, which sum to 1 in every region."
            )

    def with_terms(self, tariffs: Any, elasticities: Any) -> TradeData:
        """Return the same world under other tariffs and elasticities, as `from_arrays` takes them."""
        axes = dict(zip(LINK, (self.regions, self.regions, self.sectors), strict=True))
        rates = _arranged(tariffs, "tariffs", axes)
        check_rates(rates, self.regions, self.sectors)
        return replace(self, tariffs=rates, elasticities=_elasticities(elasticities, self.sectors))

    @property
    def value_added(self) -> Floats:
        """Sales less inputs, (N,)."""
        return np.asarray(((1.0 - self.inputs.sum(axis=2)) * self.flows.sum(axis=0)).sum(axis=1))

    @property
    def revenue(self) -> Floats:
        """Tariff revenue, (N,)."""
        return np.asarray((self.flows * self.tariffs).sum(axis=(1, 2)))

    @property
    def deficits(self) -> Floats:
        """Imports less exports at producer prices, (N,)."""
        return np.asarray(self.flows.sum(axis=(1, 2)) - self.flows.sum(axis=(0, 2)))

    def economy(
        self,
        deficits: str | ArrayLike = "balanced",
        *,
        limit: float | None = None,
        absorb: str | int | None = None,
    ) -> tuple[Economy, bool]:
        """Write the figures as shares, and say whether they are an equilibrium without changes.

        Parameters
        ----------
        deficits, limit, absorb
            As in `TradeModel.from_arrays`.
        """
        spending = (self.flows * (1.0 + self.tariffs)).sum(axis=1)
        output = self.flows.sum(axis=0)
        inputs = self._limited(spending, output, limit, absorb)
        demand = self.final
        if demand is None:
            demand = self._residual(spending, output, inputs)
        added = 1.0 - inputs.sum(axis=2)
        # If nothing is bought, use the home price; nobody pays it.
        own = np.eye(len(self.regions))[:, :, None]
        bought = spending[:, None, :] > 0.0
        shares = self.flows * (1.0 + self.tariffs) / np.where(bought, spending[:, None, :], 1.0)
        balance, closure = self._closure(deficits)
        economy = Economy(
            shares=np.where(bought, shares, own),
            tariffs=self.tariffs,
            inputs=inputs,
            added=added,
            final=demand / demand.sum(axis=1, keepdims=True),
            elasticities=self.elasticities,
            factor=(added * output).sum(axis=1),
            deficits=balance,
            expenditures=spending,
            closure=closure,
        )
        return economy, self.final is None and isinstance(deficits, str) and deficits != "balanced"

    def _closure(self, deficits: str | ArrayLike) -> tuple[Floats, str]:
        if isinstance(deficits, str):
            choice(deficits, "deficits", DEFICITS)
            if deficits == "balanced":
                return np.zeros(len(self.regions)), "fixed"
            return self.deficits, deficits
        array = real(deficits, "deficits")
        if array.shape != (len(self.regions),):
            raise InvalidInput(
                f"`deficits` must be one of {', '.join(map(repr, DEFICITS))}, or have one entry per region "
                f"({len(self.regions)}); got shape {array.shape}."
            )
        if abs(array.sum()) > 1e-9 * np.abs(array).max():
            raise InvalidInput(
                f"`deficits` must sum to zero over regions: one's deficit is another's surplus; got a sum of "
                f"{array.sum():.6g}. Subtract the mean."
            )
        return array - array.mean(), "fixed"

    def _limited(
        self, spending: Floats, output: Floats, limit: float | None, absorb: str | int | None
    ) -> Floats:
        if limit is None:
            return self.inputs
        most = scalar(limit, "limit")
        within(np.asarray(most), "limit", 0.0, 1.0, ends="()")
        if absorb is None:
            raise InvalidInput(
                "`absorb` must name the sector, services for instance, that takes up the input shares which `limit` "
                "removes from others; got None."
            )
        sector = (
            self.sectors.index(choice(absorb, "absorb", self.sectors))
            if isinstance(absorb, str)
            else whole(absorb, "absorb", 0, len(self.sectors) - 1)
        )
        return limited(self.inputs, output, spending, sector, most)

    def _residual(self, spending: Floats, output: Floats, inputs: Floats) -> Floats:
        demand = spending - (inputs * output[:, :, None]).sum(axis=1)
        bad = demand < -1e-9 * spending
        if bad.any():
            worst = int(np.argmin(np.where(bad, demand / np.where(spending > 0, spending, 1.0), 0.0)))
            region, sector = (int(k) for k in np.unravel_index(worst, demand.shape))
            short, use = demand[region, sector], spending[region, sector] - demand[region, sector]
            raise InvalidInput(
                f"`inputs` must leave final demand: {self.regions[region]} uses more {self.sectors[sector]} as an "
                f"input than it buys, {use:.6g} of {spending[region, sector]:.6g}, {short:.3g} is left "
                f"({int(bad.sum())} cells in all). Lower those input shares, give `final` (the base is then solved "
                f"for), or set `limit` (.9: inputs take 90% of spending at most) and the sector to `absorb` the rest."
            )
        demand = np.maximum(demand, 0.0)
        if not (demand.sum(axis=1) > 0.0).all():
            region = _first(~(demand.sum(axis=1) > 0.0))[0]
            raise InvalidInput(
                f"`inputs` must leave final demand; {self.regions[region]} has none at all. Lower its input shares."
            )
        return np.asarray(demand)

    def aggregate(
        self,
        regions: Mapping[str, Sequence[str]] | None = None,
        sectors: Mapping[str, Sequence[str]] | None = None,
        *,
        rest: str | None = None,
    ) -> TradeData:
        """Merge regions and sectors.

        Flows, value added and final demand add up; input shares keep the value of inputs. A tariff is what the
        merged rates collect over the trade that they fall on; those between regions that become one lapse. An
        elasticity is the mean over trade between regions.

        Parameters
        ----------
        regions, sectors : mapping from the new name to the old names, optional
            Names not mentioned stay as they are, at the end.
        rest : str, optional
            The name of a region made of all regions that are not mentioned.

        Raises
        ------
        InvalidInput
            If a name is unknown or used twice.
        """
        for name, groups in (("regions", regions), ("sectors", sectors)):
            if groups is not None and not isinstance(groups, Mapping):
                raise InvalidInput(f"`{name}` must map new names to lists of old ones; got {groups!r}.")
        if rest is not None and (not isinstance(rest, str) or rest in (regions or {})):
            raise InvalidInput(
                f"`rest` must be a name that no group of `regions` has; got {rest!r}. Take another name."
            )
        if not regions and not sectors and rest is None:
            return self
        rows, new_regions = _merge(regions, self.regions, "regions", rest)
        columns, new_sectors = _merge(sectors, self.sectors, "sectors", None)
        to_region, to_sector = np.eye(len(new_regions))[rows], np.eye(len(new_sectors))[columns]

        def links(array: Floats) -> Floats:
            return np.asarray(
                np.einsum("nij,na,ib,jc->abc", array, to_region, to_region, to_sector, optimize=True)
            )

        def cells(array: Floats) -> Floats:
            return np.asarray(to_region.T @ array @ to_sector, dtype=float)

        flows, output = links(self.flows), self.flows.sum(axis=0)
        counts = links(np.ones_like(self.flows))
        rates = np.where(
            flows > 0.0,
            links(self.flows * self.tariffs) / np.where(flows > 0.0, flows, 1.0),
            links(self.tariffs) / counts,
        )
        own = np.arange(len(new_regions))
        rates[own, own] = 0.0
        use = np.einsum(
            "njk,na,jb,kc->abc", self.inputs * output[:, :, None], to_region, to_sector, to_sector
        )
        made = cells(output)
        abroad = self.flows.sum(axis=(0, 1)) - np.einsum("nnj->j", self.flows)
        weights = np.where(to_sector @ (to_sector.T @ abroad) > 0.0, abroad, 1.0)
        mean = to_sector.T @ (weights * self.elasticities) / (to_sector.T @ weights)
        goods = to_sector.T @ self.goods
        mixed = (goods > 0.0) & (goods < to_sector.sum(axis=0))
        if mixed.any():
            name = new_sectors[_first(mixed)[0]]
            raise InvalidInput(f"`sectors` must not merge goods with others; {name} would. Keep them apart.")
        return replace(
            self,
            regions=new_regions,
            sectors=new_sectors,
            goods=np.asarray(goods > 0.0),
            flows=np.asarray(flows),
            tariffs=np.asarray(rates),
            inputs=np.asarray(use / np.where(made > 0.0, made, 1.0)[:, :, None]),
            elasticities=mean,
            final=None if self.final is None else np.asarray(cells(self.final)),
            gdp=None if self.gdp is None else np.asarray(to_region.T @ self.gdp),
        )


def _merge(
    groups: Mapping[str, Sequence[str]] | None, labels: tuple[str, ...], name: str, rest: str | None
) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """Say in which group each label is, and name the groups."""
    where: dict[str, int] = {}
    names: list[str] = []
    for group, members in (groups or {}).items():
        wanted = f"a mapping from new names such as {group!r} to lists of old ones"
        given = [] if isinstance(members, str) else listed(members, name, wanted)
        if not given:
            raise InvalidInput(
                f"`{name}` must map {group!r} to a list of names; got {members!r}. Write [{members!r}]."
            )
        for member in given:
            choice(member, name, labels)
            if member in where:
                raise InvalidInput(f"`{name}` must use each name once; {member!r} is in two groups.")
            where[member] = len(names)
        names.append(group)
    for label in labels:
        if label not in where:
            group = label if rest is None else rest
            if rest is None or rest not in names:
                names.append(group)
            where[label] = names.index(group)
    if len(set(names)) < len(names):
        twice = next(label for k, label in enumerate(names) if label in names[:k])
        raise InvalidInput(f"`{name}` must give groups different names; {twice!r} names two.")
    return np.array([where[label] for label in labels]), tuple(names)


def _names(
    flows: Any, regions: Sequence[str] | None, sectors: Sequence[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Take the names given, or those that the flows carry."""
    checked = []
    for name, labels, axis in (("regions", regions, "importer"), ("sectors", sectors, "sector")):
        if labels is None and hasattr(flows, "coords") and axis in flows.coords:
            labels = [str(label) for label in flows[axis].values]
        elif labels is None and hasattr(flows, "iloc"):
            labels = list(_rows(flows, "flows", LINK).index.unique(axis))
        elif labels is None:
            raise InvalidInput(
                f"`{name}` must be given, names along the axes of `flows`, unless these carry them."
            )
        entries = [None] if isinstance(labels, str) else listed(labels, name, "a list of strings")
        if not all(isinstance(label, str) and label for label in entries):
            raise InvalidInput(f"`{name}` must be a list of strings; got {labels!r}.")
        if len(set(entries)) < len(entries):
            twice = next(label for k, label in enumerate(entries) if label in entries[:k])
            raise InvalidInput(f"`{name}` must be unique; got {twice!r} twice.")
        checked.append(tuple(map(str, entries)))
    if "world" in checked[0]:
        raise InvalidInput("`regions` must not use 'world', the unit of transfers. Choose another name.")
    if "goods" in checked[1]:
        raise InvalidInput("`sectors` must not use 'goods', which stands for all goods. Choose another name.")
    return checked[0], checked[1]


def _arranged(value: Any, name: str, axes: Mapping[str, tuple[str, ...]]) -> Floats:
    """Return an array in the order of the names, one axis per entry of `axes`."""
    shape = tuple(len(labels) for labels in axes.values())
    if hasattr(value, "iloc") or hasattr(value, "coords"):
        array = _by_label(value, name, axes)
    else:
        array = _finite(value, name, axes)
        if array.ndim == 0:
            array = np.broadcast_to(array, shape)
            if tuple(axes) == LINK:  # one rate for all, none on a region's own sales
                array = array * (1.0 - np.eye(shape[0]))[:, :, None]
    if array.shape != shape:
        wanted = ", ".join(f"{axis} ({size})" for axis, size in zip(axes, shape, strict=True))
        raise InvalidInput(f"`{name}` must have the axes {wanted}; got shape {array.shape}.")
    return np.asarray(array, dtype=float)


def _finite(value: Any, name: str, axes: Mapping[str, tuple[str, ...]]) -> Floats:
    """Return numbers; raise an error that names an entry which is not finite."""
    try:
        raw = np.asarray(value) if not np.ma.isMaskedArray(value) else None
    except ValueError:  # ragged: `real` says so
        raw = None
    if raw is not None and raw.dtype.kind == "f" and raw.shape == tuple(map(len, axes.values())):
        bad = ~np.isfinite(raw)
        if bad.any():
            where = _first(bad)
            raise InvalidInput(
                f"`{name}` must be finite; got {raw[where]} for {named(where, axes)}. Drop or repair that entry."
            )
    return real(value, name)


def _rows(value: Any, name: str, axes: Iterable[str]) -> Any:
    """Return a series with a level of strings for each axis: of an xarray, a series, a table, or a frame."""
    axes = list(axes)
    if hasattr(value, "coords"):
        if set(value.dims) != set(axes):
            raise InvalidInput(
                f"`{name}` must have the dimensions {', '.join(axes)}; got {', '.join(map(str, value.dims))}."
            )
        value = value.to_series().rename("value")
    elif axes == list(CELL) and hasattr(value, "columns") and "value" not in value.columns:
        value = value.rename_axis(index="region", columns="sector").stack().rename("value")
    elif len(axes) == 1 and not hasattr(value, "columns"):
        value = value.rename_axis(axes[0])
    frame = value.to_frame("value") if hasattr(value, "to_frame") else value
    frame = frame.reset_index() if not set(axes) <= set(frame.columns) else frame
    missing = [column for column in (*axes, "value") if column not in frame.columns]
    if missing:
        raise InvalidInput(
            f"`{name}` must have the columns {', '.join((*axes, 'value'))}; {', '.join(missing)} missing from "
            f"{list(map(str, frame.columns))}."
        )
    frame = frame.dropna(subset="value")
    return frame.astype(dict.fromkeys(axes, str)).set_index(axes)["value"]


def _by_label(value: Any, name: str, axes: Mapping[str, tuple[str, ...]]) -> Floats:
    """Arrange what carries names; tariffs may leave a region's own sales out."""
    import pandas as pd

    if hasattr(value, "coords"):  # dimensions without labels are in the order of the names
        bare = set(axes) & set(value.dims) - set(value.coords)
        value = value.assign_coords({axis: list(axes[axis]) for axis in bare})
    rows = _rows(value, name, axes)
    for axis, labels in axes.items():
        unknown, lost = (sorted(a - b) for a, b in permutations((set(rows.index.unique(axis)), set(labels))))
        if (unknown or lost) and (len(axes) == 1 or hasattr(value, "coords")):
            raise InvalidInput(
                f"`{name}` must name the same {axis}s as the rest; missing {lost[:5]}, unknown {unknown[:5]}."
            )
        if unknown:
            raise InvalidInput(
                f"`{name}` has the {axis} {unknown[0]!r}, which the rest does not. Drop those rows."
            )
    every = pd.MultiIndex.from_product(list(axes.values()))
    places = every.get_indexer(rows.index if len(axes) > 1 else pd.MultiIndex.from_arrays([rows.index]))
    array = np.full(tuple(map(len, axes.values())), np.nan)
    if len(np.unique(places)) < len(places):
        counts = np.bincount(places, minlength=array.size).reshape(array.shape)
        raise InvalidInput(
            f"`{name}` must have one row a cell; {named(_first(counts > 1), axes)} has two. Add them up."
        )
    array.flat[places] = real(rows.to_numpy(), name)
    if tuple(axes) == LINK and name == "tariffs":
        own = np.arange(array.shape[0])
        array[own, own] = np.nan_to_num(array[own, own])
    absent = np.isnan(array)
    if absent.any():
        raise InvalidInput(
            f"`{name}` must have a row for every cell; {named(_first(absent), axes)} is missing "
            f"({int(absent.sum())} in all). Add it, with 0 if nothing is traded."
        )
    return np.asarray(array)


def _first(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    """Where a condition holds first."""
    return tuple(map(int, np.argwhere(mask)[0]))


def _goods(value: Any, sectors: tuple[str, ...]) -> NDArray[np.bool_]:
    """Which sectors are goods: a list of names or one True or False a sector; by default all."""
    if value is None:
        return np.asarray(np.ones(len(sectors), dtype=bool))
    entries = listed(value, "goods", "a list of sectors")
    if all(isinstance(entry, str) for entry in entries):
        for entry in entries:
            choice(entry, "goods", sectors)
        return np.asarray(np.array([sector in entries for sector in sectors]))
    if len(entries) == len(sectors) and all(isinstance(entry, bool | np.bool_) for entry in entries):
        return np.asarray(np.array(entries, dtype=bool))
    raise InvalidInput(
        f"`goods` must be names of sectors, or True or False for each of the {len(sectors)}; got {value!r}."
    )


def _elasticities(value: Any, sectors: tuple[str, ...]) -> Floats:
    """One positive number a sector, from one for all, a list, a mapping or a series."""
    if isinstance(value, Mapping):
        import pandas as pd

        value = pd.Series(dict(value))
    array = _arranged(value, "elasticities", {"sector": sectors})
    if not (array > 0.0).all():
        k = _first(~(array > 0.0))[0]
        raise InvalidInput(
            f"`elasticities` must be positive: they say how strongly trade responds to its cost; got "
            f"{array[k]:.6g} for {sectors[k]}. Drop the sign."
        )
    return array


def check_rates(
    rates: Floats,
    regions: tuple[str, ...],
    sectors: tuple[str, ...],
    name: str = "tariffs",
    *,
    highest: float = HIGHEST,
) -> None:
    """Refuse rates of -1 or less, rates above `highest`, and rates on own sales."""

    def first(bad: NDArray[np.bool_]) -> str:
        importer, exporter, sector = _first(bad)[-3:]
        return f" of {regions[importer]} on {regions[exporter]} {sectors[sector]}"

    if (low := rates <= -1.0).any():
        raise InvalidInput(
            f"`{name}` must be above -1, a subsidy of the whole price; got {plain(rates[low][0])}{first(low)}. "
            f"Give rates as fractions, 0.25 for 25 percent."
        )
    if (high := rates > highest).any():
        too_high(rates, name, first(high), highest=highest)
    own = np.diagonal(rates, axis1=-3, axis2=-2)
    if own.any():
        sector, region = (int(k) for k in np.argwhere(own)[0][-2:])
        raise InvalidInput(
            f"`{name}` must be 0 on a region's own sales; got {plain(own[..., sector, region].flat[0])} in "
            f"{regions[region]} {sectors[sector]}. Clear the diagonal."
        )


def too_high(rates: Floats, name: str, where: str = "", *, highest: float = HIGHEST) -> None:
    """Refuse a rate above `highest`."""
    rate = float(np.max(rates, initial=-1.0))
    if rate > highest:
        raise InvalidInput(
            f"`{name}` must be at most {highest:g}, {100 * highest:g} percent; got {plain(rate)}{where}. "
            f"Rates are fractions: is it a percentage? Divide it by 100: {rate / 100:g}."
        )
