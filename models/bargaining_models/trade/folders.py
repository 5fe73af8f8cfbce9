"""Trading worlds from a folder of CSV files, from a structure of this package, and from an inter-country table.

======================  =======================================================  =====================================
file                    key columns                                              value
======================  =======================================================  =====================================
`sectors.csv`           sector, goods (yes, no)                                  none
`trade_flows.csv`       exporter, sector, importer                               producer prices, own sales included
`input_shares.csv`      region, using_sector, input_sector                       share of gross output
`value_added.csv`       region, sector                                           in the unit of the flows
`final_demand.csv`      region, sector                                           in the unit of the flows
`tariffs.csv`           importer, exporter, sector (or `goods`)                  percent; absent rows are 0
`elasticities.csv`      set, sector                                              trade elasticity, positive
`regions.csv`           region                                                   GDP, in the unit of the flows
======================  =======================================================  =====================================

Every row also has `unit`, `year` and `source`; `sectors.csv` has `source`. Only the first two files are required. With
`value_added.csv` the values in `input_shares.csv` are those of inputs, not shares.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bargaining.authoring import Floats, choice, real
from bargaining.errors import InvalidInput
from bargaining_models._figures import (
    MOST,
    TAIL,
    elasticity_set,
    grouped,
    names,
    percent_rates,
    read,
    read_if_there,
    table,
)
from bargaining_models.trade.data import CELL, LINK, USE, TradeData

STRUCTURES = Path(__file__).parents[1] / "data" / "structures"
FILES = {
    "flows": "trade_flows.csv",
    "inputs": "input_shares.csv",
    "value_added": "value_added.csv",
    "final": "final_demand.csv",
}


def read_folder(folder: str | Path, *, tariffs: Any = None, elasticities: Any = None) -> TradeData:
    """Read a folder with the files described in this module; `TradeModel.from_folder` describes the options."""
    if not isinstance(folder, str | Path) or not Path(folder).is_dir():
        raise InvalidInput(f"`folder` must be a folder of CSV files; got {str(folder)!r}. Check the path.")
    root = Path(folder)
    rows = read(root, "sectors.csv", ("sector", "goods", "source"))
    sectors = names(rows, "sector")
    goods = np.array([row.one_of("goods", ("yes", "no")) == "yes" for row in rows])
    flow_rows = read(root, "trade_flows.csv", (*LINK, *TAIL))
    gdp_rows = read_if_there(root, "regions.csv", ("region",))
    sellers = tuple(dict.fromkeys(row.text("exporter") for row in flow_rows))
    regions = names(gdp_rows, "region") if gdp_rows else sellers
    link = dict(zip(LINK, (regions, regions, sectors), strict=True))
    use = dict(zip(USE, (regions, sectors, sectors), strict=True))
    cell = dict(zip(CELL, (regions, sectors), strict=True))
    flows = table(flow_rows, link, low=0.0, high=MOST)
    value_added = _cells(root, "value_added.csv", cell, flows.unit)
    inputs = read_if_there(root, "input_shares.csv", USE)
    unit = "share of gross output" if value_added is None else flows.unit
    if tariffs is None:
        tariffs = (
            np.nan_to_num(percent_rates(read_if_there(root, "tariffs.csv", LINK), regions, sectors, goods))
            / 100.0
        )
    gdp = None
    if gdp_rows:
        gdp = table(gdp_rows, {"region": regions}, low=1e-12, high=MOST, unit=flows.unit).values
    values = table(inputs, use, low=-MOST, high=MOST, unit=unit).values if inputs else None
    final = _cells(root, "final_demand.csv", cell, flows.unit)
    numbers = _elasticities(root, elasticities, sectors)
    try:
        return TradeData.from_arrays(
            flows.values,
            tariffs,
            values,
            elasticities=numbers,
            regions=regions,
            sectors=sectors,
            goods=goods,
            final=final,
            value_added=value_added,
            gdp=gdp,
            unit=flows.unit,
            year=flows.year,
            source=flows.source,
        )
    except InvalidInput as error:  # of figures that are well-formed but do not fit together
        raise InvalidInput(_in_files(str(error), root)) from None


def _in_files(message: str, root: Path) -> str:
    """Say which files of a folder hold the figures that a message is about."""
    about = [file for name, file in FILES.items() if f"`{name}`" in message and (root / file).exists()]
    return f"{', '.join(f'`{file}`' for file in about)}: {message}" if about else message


def structure(name: str, *, tariffs: Any = 0.0, elasticities: Any = 5.0) -> TradeData:
    """Return a structure of this package; `TradeModel.from_structure` describes the options."""
    known = ("wiod2011", *sorted(path.name for path in STRUCTURES.iterdir() if path.is_dir()))
    choice(name, "name", known)
    return _stored(name).with_terms(tariffs, elasticities)


@cache
def _stored(name: str) -> TradeData:
    """Read a structure once: nobody can change it."""
    folder = STRUCTURES.parent if name == "wiod2011" else STRUCTURES / name
    return read_folder(folder, tariffs=0.0, elasticities=5.0)


def from_icio(frame: Any, **options: Any) -> TradeData:
    """Make figures of an inter-country input-output table; `TradeModel.from_icio` describes them."""
    if not hasattr(frame, "iloc") or frame.index.nlevels != 2 or frame.columns.nlevels != 2:
        raise InvalidInput(
            "`frame` must be a pandas table with (region, sector) on its rows and (region, sector or final use) on "
            f"its columns; got {type(frame).__name__}."
        )
    sellers = [tuple(map(str, key)) for key in frame.index]
    buyers = [tuple(map(str, key)) for key in frame.columns]
    regions = tuple(dict.fromkeys(region for region, _ in sellers))
    sectors = tuple(dict.fromkeys(sector for _, sector in sellers))
    if len(set(sellers)) != len(regions) * len(sectors) or len(sellers) != len(set(sellers)):
        raise InvalidInput(
            f"`frame` must have one row for each of {len(regions)} regions and {len(sectors)} sectors; got "
            f"{len(sellers)} rows. Drop rows of totals, taxes and value added, and fill what is missing with 0."
        )
    strangers = sorted({region for region, _ in buyers} - set(regions))
    if strangers:
        raise InvalidInput(
            f"`frame` has columns of {strangers[:5]}, which sell nothing. Drop columns of totals."
        )
    values = real(frame.to_numpy(), "frame")
    rows = [sellers.index((region, sector)) for region in regions for sector in sectors]
    bought = values[rows].T.reshape(len(buyers), len(regions), len(sectors))
    home = np.array([[buyer == region for region in regions] for buyer, _ in buyers], dtype=float)
    firm = np.array([[kind == sector for sector in sectors] for _, kind in buyers], dtype=float)
    flows = np.tensordot(home, bought, (0, 0))
    use = np.einsum("bn,bk,bj->nkj", home, firm, bought.sum(axis=1), optimize=True)
    output = flows.sum(axis=0)
    shares = use / np.where(output > 0.0, output, 1.0)[:, :, None]
    return TradeData.from_arrays(
        flows, options.pop("tariffs", 0.0), shares, regions=regions, sectors=sectors, **options
    )


def _cells(root: Path, file: str, axes: dict[str, tuple[str, ...]], unit: str) -> Floats | None:
    rows = read_if_there(root, file, CELL)
    return table(rows, axes, low=0.0, high=MOST, unit=unit).values if rows else None


def _elasticities(root: Path, given: Any, sectors: tuple[str, ...]) -> Any:
    """The numbers given, or a set of `elasticities.csv`, the only one if none is named."""
    if given is not None and not isinstance(given, str):
        return given
    rows = read_if_there(root, "elasticities.csv", ("set", "sector"))
    if not rows:
        raise InvalidInput(
            "`elasticities` must be given, a number for all or one a sector: the folder has no `elasticities.csv`."
        )
    sets = grouped(rows, "set")
    if given is None:
        if len(sets) > 1:
            raise InvalidInput(
                f"`elasticities` must name one of the sets {', '.join(map(repr, sets))}; got None."
            )
        given = next(iter(sets))
    choice(given, "elasticities", tuple(sets))
    return elasticity_set(sets[given], sectors).values
