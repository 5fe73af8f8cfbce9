"""The figures behind the models: every value has a unit, year and source.

`load()` reads the files of this package; `load(folder)` reads a folder of your own with the same
files. The regions are those of `regions.csv`, the sectors those of `sectors.csv`, in their order.

======================  =====================================================  ========================================
file                    key columns                                            value
======================  =====================================================  ========================================
`regions.csv`           region                                                 GDP, in the unit of the flows
`sectors.csv`           sector, goods (yes, no), absorbing (yes for one)       none: no unit and year
`trade_flows.csv`       exporter, sector, importer                             producer prices, domestic sales included
`input_shares.csv`      region, using_sector, input_sector                     share of gross output
`tariffs.csv`           importer, exporter, sector (or `goods`)                base tariff, percent
`elasticities.csv`      set, sector                                            trade elasticity, positive
`redirect_caps.csv`     sector                                                 largest share of exports
`tariff_schedules.csv`  schedule, importer, exporter, sector (or `goods`)      percent added to the base tariff
`facts.csv`             name, description                                      single figures
======================  =====================================================  ========================================

Every row also has `unit`, `year` and `source`. The last two files may be absent from your folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bargaining.authoring import Shown
from bargaining.errors import InvalidInput
from bargaining_models._figures import (
    MOST,
    TAIL,
    Figures,
    Named,
    Row,
    elasticity_set,
    figures,
    grouped,
    names,
    percent_rates,
    read,
    read_if_there,
    table,
)

FACT = ("name", "description")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact(Shown):
    """One figure with its description, unit, year and source."""

    name: str
    description: str
    value: float
    unit: str
    year: int
    source: str

    @property
    def assumed(self) -> bool:
        """Whether the figure is an assumption rather than a published number."""
        return self.source.startswith("assumption")


def facts(rows: list[Row]) -> Mapping[str, Fact]:
    """Read `facts.csv`."""
    names(rows, "name", most=10_000)
    texts = (*FACT, "unit", "source")
    found = [
        Fact(
            **{name: row.text(name) for name in texts},
            value=row.number_in("value", -MOST, MOST),
            year=row.year(),
        )
        for row in rows
    ]
    return Named({fact.name: fact for fact in found})


__all__ = ["Fact", "Figures", "Parameters", "load"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parameters(Shown):
    """All figures of a folder.

    Attributes
    ----------
    regions, sectors : tuple of str
        Names along the axes, N regions and J sectors.
    goods : (J,) array of bool
        Which sectors are goods.
    absorbing : int
        The sector, services, that takes up input shares removed from others.
    gdp : Figures
        (N,): region.
    flows : Figures
        (N, N, J): importer, exporter, sector.
    input_shares : Figures
        (N, J, J): region, using sector, input sector.
    tariffs : Figures
        (N, N, J): importer, exporter, sector; percent.
    elasticities : mapping from set to Figures
        (J,): sector.
    caps : Figures
        (J,): sector; 0 for sectors that are not goods.
    schedules : mapping from schedule to Figures
        (N, N, J): importer, exporter, sector; percent added to the base tariff.
    facts : mapping from name to Fact

    Examples
    --------
    >>> parameters = load()
    >>> parameters.flows.unit, parameters.flows.year
    ('USD bn', 2023)
    >>> parameters.gdp.source
    'World Bank WDI, GDP at current prices'
    >>> round(parameters.export_share("CAN", "USA"), 3)
    0.743
    """

    regions: tuple[str, ...]
    sectors: tuple[str, ...]
    goods: NDArray[np.bool_]
    absorbing: int
    gdp: Figures
    flows: Figures
    input_shares: Figures
    tariffs: Figures
    elasticities: Mapping[str, Figures]
    caps: Figures
    schedules: Mapping[str, Figures]
    facts: Mapping[str, Fact]

    def fact(self, name: str) -> Fact:
        """Return a single figure by name."""
        if name not in self.facts:
            raise InvalidInput(
                f"`name` must be a figure of `facts.csv`; got {name!r}. See `parameters.facts`."
            )
        return self.facts[name]

    def export_share(self, exporter: str, importer: str) -> float:
        """Share of `importer` in the goods exports of `exporter`, from the flows."""
        for argument, name in (("exporter", exporter), ("importer", importer)):
            if name not in self.regions:
                raise InvalidInput(f"`{argument}` must be one of {', '.join(self.regions)}; got {name!r}.")
        out, to = self.regions.index(exporter), self.regions.index(importer)
        exports = self.flows.values[:, out, self.goods].sum(axis=1)
        return float(exports[to] / (exports.sum() - exports[out]))


def load(folder: str | Path | None = None) -> Parameters:
    """Read and check every file of a folder.

    Parameters
    ----------
    folder : str or Path, optional
        A folder of your own with the files described at the top of this module; by default the figures
        of this package.

    Raises
    ------
    InvalidInput
        If a file, column, row, cell, unit or source is missing or wrong; the message names file, row and column.

    Examples
    --------
    >>> load().elasticities["cp"].values
    array([8.  , 8.  , 2.62, 8.  , 8.  , 2.8 , 5.1 , 6.5 , 1.4 , 5.  , 5.  ])
    """
    folder = Path(__file__).parent / "data" if folder is None else folder
    if not isinstance(folder, str | Path) or not Path(folder).is_dir():
        raise InvalidInput(f"`folder` must be a folder of CSV files; got {str(folder)!r}. Check the path.")
    root = Path(folder)
    regions_file = read(root, "regions.csv", ("region", *TAIL))
    regions = names(regions_file, "region")
    sectors, goods, absorbing = _sectors(root)
    flow_axes = {"importer": regions, "exporter": regions, "sector": sectors}
    flows = table(read(root, "trade_flows.csv", (*flow_axes, *TAIL)), flow_axes, low=0.0, high=MOST)
    input_axes = {"region": regions, "using_sector": sectors, "input_sector": sectors}
    sets = grouped(read(root, "elasticities.csv", ("set", "sector", *TAIL)), "set")
    schedules = grouped(read_if_there(root, "tariff_schedules.csv", ("schedule", *flow_axes)), "schedule")

    def rates(rows: list[Row], *, complete: bool = False) -> Figures:
        values = percent_rates(rows, regions, sectors, goods)
        absent = np.isnan(values) & goods & ~np.eye(len(regions), dtype=bool)[:, :, None]
        if complete and absent.any():
            importer, exporter, sector = (int(k) for k in np.argwhere(absent)[0])
            Row(rows[-1].file, rows[-1].number + 1, {}).fail(
                "importer",
                f"a row for {regions[importer]} on {regions[exporter]} {sectors[sector]} is missing. "
                f"Add it, with sector 'goods' for all goods.",
            )
        return figures(np.nan_to_num(values), tuple(flow_axes), rows)

    return Parameters(
        regions=regions,
        sectors=sectors,
        goods=goods,
        absorbing=absorbing,
        gdp=table(regions_file, {"region": regions}, low=1e-12, high=MOST, unit=flows.unit),
        flows=flows,
        input_shares=_input_shares(read(root, "input_shares.csv", (*input_axes, *TAIL)), input_axes),
        tariffs=rates(read(root, "tariffs.csv", (*flow_axes, *TAIL)), complete=True),
        elasticities=Named({name: elasticity_set(some, sectors) for name, some in sets.items()}),
        caps=_caps(read(root, "redirect_caps.csv", ("sector", *TAIL)), sectors, goods),
        schedules=Named({name: rates(some) for name, some in schedules.items()}),
        facts=facts(read_if_there(root, "facts.csv", FACT)),
    )


def _sectors(root: Path) -> tuple[tuple[str, ...], NDArray[np.bool_], int]:
    rows = read(root, "sectors.csv", ("sector", "goods", "absorbing", "source"))
    sectors = names(rows, "sector")
    for row in rows:
        row.text("source")
        if row.text("sector") == "goods":
            row.fail("sector", "'goods' stands for all goods sectors. Choose another name.")
    goods = np.array([row.one_of("goods", ("yes", "no")) == "yes" for row in rows])
    absorbing = [k for k, row in enumerate(rows) if row.one_of("absorbing", ("yes", "no")) == "yes"]
    if len(absorbing) != 1:
        rows[absorbing[1] if absorbing else -1].fail(
            "absorbing", f"exactly one sector must say 'yes'; got {len(absorbing)}. Mark services alone."
        )
    goods.flags.writeable = False
    return sectors, goods, absorbing[0]


def _input_shares(rows: list[Row], axes: Mapping[str, tuple[str, ...]]) -> Figures:
    shares = table(rows, axes, low=0.0, high=1.0, unit="share of gross output")
    total = shares.values.sum(axis=2)
    if (total >= 1.0).any():
        region, using = (int(k) for k in np.argwhere(total >= 1.0)[0])
        name, sector = axes["region"][region], axes["using_sector"][using]
        row = next(r for r in reversed(rows) if (r.text("region"), r.text("using_sector")) == (name, sector))
        row.fail(
            "value",
            f"input shares of {name} {sector} must leave value added; they sum to {total[region, using]:.6g}. "
            f"Lower them.",
        )
    return shares


def _caps(rows: list[Row], sectors: tuple[str, ...], goods: NDArray[np.bool_]) -> Figures:
    caps = table(rows, {"sector": sectors}, low=0.0, high=1.0)
    for row in rows:
        if not goods[sectors.index(row.text("sector"))] and float(row.text("value")) > 0.0:
            row.fail("value", "must be 0 for a sector that is not goods. Set it to 0.")
    return caps
