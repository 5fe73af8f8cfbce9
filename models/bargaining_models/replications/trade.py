"""How each published number about trade is computed; what is published is in the files beside this one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bargaining import egalitarian
from bargaining.replications.museum import Replication, read
from bargaining_models.trade import TradeModel

_UNION = """AUT BEL BGR CYP CZE DEU DNK ESP EST FIN FRA GBR GRC HRV HUN IRL ITA LTU LUX LVA MLT NLD POL PRT ROU SVK SVN
SWE"""


def _arrays(folder: Path | None, name: str) -> dict[str, Any]:
    assert folder is not None
    with np.load(folder / name) as file:
        return {key: file[key] for key in file.files}


def nafta(folder: Path | None) -> list[float]:
    """Caliendo and Parro's model with their data: their first-order sums, and the exact change of real income."""
    cp = _arrays(folder, "cp2015_nafta.npz")
    parts, exact = [], []
    for deficits in ("balanced", "fixed"):
        model = TradeModel.from_arrays(
            cp["F"], cp["T0"], cp["IO"], value_added=cp["VA"], final=cp["FC"], elasticities=cp["theta"],
            regions=cp["R"], sectors=cp["S"], deficits=deficits, unit="USD", year=1993,
        )  # fmt: skip
        after = model.solve(tariffs=cp["T1"]).to_xarray()
        sums = model.decomposition(tariffs=cp["T1"], method="discrete").to_xarray()
        path = model.decomposition(tariffs=cp["T1"]).to_xarray()
        for region in ("Mexico", "Canada", "USA"):
            here = sums.sel(region=region)
            parts += [here.total, here.terms_of_trade, here.volume, after.real_wage.sel(region=region)]
            exact.append(path.exact.sel(region=region))
    return [float(x) for x in (*parts, *exact)]


def _world(folder: Path | None) -> TradeModel:
    wiod = _arrays(folder, "wiod2014.npz")
    spending, tariffs = wiod["X"].swapaxes(0, 1), wiod["T"].swapaxes(0, 1)  # importer first
    return TradeModel.from_arrays(
        spending / (1 + tariffs),
        tariffs,
        elasticities=wiod["eps"],
        regions=wiod["C"],
        sectors=[f"s{k}" for k in range(16)],
    )


def tariff_war(folder: Path | None) -> list[float]:
    """The exact tariff war of 44 regions, averages of 43 and four countries."""
    world = _world(folder)
    war = world.nash_tariffs(sectors="all")
    listed = np.array(world.regions) != "ROW"
    numbers = [100 * war.rates[listed].mean(), war.percent[listed].mean()]
    for name in ("USA", "CHN", "CAN", "BRA"):
        numbers += [100 * war.of(name), war.percent[world.regions.index(name)]]
    return [float(x) for x in numbers]


def seven_regions(folder: Path | None) -> list[float]:
    """Brazil, China, the EU, India, Japan, the US and the rest: alone, at war, and after talks."""
    six = {name: [name] for name in ("BRA", "CHN", "IND", "JPN", "USA")} | {"EU": _UNION.split()}
    seven = _world(folder).aggregate(six, rest="ROW")
    alone = np.mean([seven.optimal_tariffs(name, sectors="all").rates[0] for name in seven.regions])
    war = seven.nash_tariffs(sectors="all")
    talks = seven.world_talks(sectors="all", disagreement=np.zeros(7), method=egalitarian)
    return [float(x) for x in (100 * alone, 100 * war.rates.mean(), war.percent.mean(), talks.gains.mean())]


def museum() -> dict[str, Replication]:
    """Return the replications about trade, by name."""
    return read(Path(__file__).parent, globals())
