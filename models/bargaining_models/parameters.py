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
`tariffs.csv`           importer, exporter, sector (or `goods`)                base tariff, percent; absent rows are 0
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
from bargaining_models._figures import LINK, MOST, USE, Figures, Folder, Named, Row, grouped, names, read

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
    own = Folder(Path(__file__).parent / "data" if folder is None else folder)
    tariffs = own.rows("tariffs.csv", LINK, required=True)
    schedules = grouped(own.rows("tariff_schedules.csv", ("schedule", *LINK)), "schedule")
    share = "share of gross output"
    return Parameters(
        regions=own.regions,
        sectors=own.sectors,
        goods=own.goods,
        absorbing=_absorbing(read(own.root, "sectors.csv", ("sector", "absorbing"))),
        gdp=own.table("regions.csv", ("region",), required=True, low=1e-12, unit=own.flows.unit),
        flows=own.flows,
        input_shares=own.table("input_shares.csv", USE, required=True, high=1.0, unit=share),
        tariffs=own.rates(tariffs),
        elasticities=own.elasticities(required=True),
        caps=own.table("redirect_caps.csv", ("sector",), required=True, high=1.0),
        schedules=Named({name: own.rates(rows) for name, rows in schedules.items()}),
        facts=facts(own.rows("facts.csv", FACT)),
    )


def _absorbing(rows: list[Row]) -> int:
    absorbing = [k for k, row in enumerate(rows) if row.one_of("absorbing", ("yes", "no")) == "yes"]
    if len(absorbing) != 1:
        rows[absorbing[1] if absorbing else -1].fail(
            "absorbing", f"exactly one sector must say 'yes'; got {len(absorbing)}. Mark services alone."
        )
    return absorbing[0]
