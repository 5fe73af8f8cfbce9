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
from bargaining_models._figures import CELL, LINK, MOST, USE, Folder
from bargaining_models.trade.data import TradeData

STRUCTURES = Path(__file__).parents[1] / "data" / "structures"
FILES = {
    "flows": "trade_flows.csv",
    "inputs": "input_shares.csv",
    "value_added": "value_added.csv",
    "final": "final_demand.csv",
}


def read_folder(folder: str | Path, *, tariffs: Any = None, elasticities: Any = None) -> TradeData:
    """Read a folder with the files described in this module; `TradeModel.from_folder` describes the options."""
    own = Folder(folder)
    unit = own.flows.unit
    added = own.table("value_added.csv", CELL, unit=unit)
    use = own.table(
        "input_shares.csv", USE, low=-MOST, unit="share of gross output" if added is None else unit
    )
    final = own.table("final_demand.csv", CELL, unit=unit)
    gdp = own.table("regions.csv", ("region",), low=1e-12, unit=unit)
    listed = own.rows("tariffs.csv", LINK) if tariffs is None else []
    if tariffs is None:
        tariffs = own.rates(listed).values / 100.0 if listed else 0.0
    if elasticities is None or isinstance(elasticities, str):
        elasticities = _chosen(own, elasticities)
    inputs, value_added, bought, worth = (
        None if part is None else part.values for part in (use, added, final, gdp)
    )
    try:
        return TradeData.from_arrays(
            own.flows.values,
            tariffs,
            inputs,
            elasticities=elasticities,
            regions=own.regions,
            sectors=own.sectors,
            goods=own.goods,
            final=bought,
            value_added=value_added,
            gdp=worth,
            unit=unit,
            year=own.flows.year,
            source=own.flows.source,
        )
    except InvalidInput as error:  # of figures that are well-formed but do not fit together
        raise InvalidInput(_in_files(str(error), own.root)) from None


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


def _chosen(own: Folder, name: str | None) -> Floats:
    """Return a set of `elasticities.csv`, the only one if none is named."""
    sets = own.elasticities()
    if not sets:
        raise InvalidInput(
            "`elasticities` must be given, a number for all or one a sector: the folder has no `elasticities.csv`."
        )
    if name is None and len(sets) > 1:
        raise InvalidInput(
            f"`elasticities` must name one of the sets {', '.join(map(repr, sets))}; got None."
        )
    return sets[choice(next(iter(sets)) if name is None else name, "elasticities", tuple(sets))].values
