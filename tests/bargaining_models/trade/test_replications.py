"""Published studies, through public names, from data that are not shipped (see tests/support/replication_data.py)."""

import re
from pathlib import Path

import numpy as np
import pytest

from bargaining_models.trade import TradeModel
from replication_data import replication_data

# Caliendo and Parro (2015): welfare, terms of trade, volume of trade, real wages, percent, with trade balanced (their
# table 2) and with the deficits of 1993.
NAFTA = {
    "balanced": {
        "Mexico": (1.31, -0.41, 1.72, 1.72),
        "Canada": (-0.06, -0.11, 0.04, 0.32),
        "USA": (0.08, 0.04, 0.04, 0.11),
    },
    "fixed": {
        "Mexico": (1.17, -0.41, 1.59, 1.64),
        "Canada": (-0.04, -0.08, 0.04, 0.33),
        "USA": (0.08, 0.05, 0.04, 0.12),
    },
}
# Of an independent program: exact real income, and the two parts along the path.
EXACT = {
    "balanced": {
        "Mexico": (0.0073, -0.6797, 0.6871),
        "Canada": (-0.1101, -0.1090, -0.0011),
        "USA": (0.0741, 0.0586, 0.0155),
    },
    "fixed": {
        "Mexico": (-0.0451, -0.6718, 0.6267),
        "Canada": (-0.0821, -0.0795, -0.0027),
        "USA": (0.0758, 0.0607, 0.0151),
    },
}


@pytest.mark.parametrize("deficits", ["balanced", "fixed"])
def test_nafta(deficits):
    cp = replication_data("cp2015_nafta")
    model = TradeModel.from_arrays(
        cp["F"], cp["T0"], cp["IO"], value_added=cp["VA"], final=cp["FC"], elasticities=cp["theta"],
        regions=cp["R"], sectors=cp["S"], deficits=deficits, unit="USD", year=1993,
    )  # fmt: skip
    after = model.solve(tariffs=cp["T1"]).to_xarray()
    parts = model.decomposition(tariffs=cp["T1"], method="discrete").to_xarray()
    for region, published in NAFTA[deficits].items():
        here = parts.sel(region=region)
        ours = (here.total, here.terms_of_trade, here.volume, after.real_wage.sel(region=region))
        np.testing.assert_allclose([float(x) for x in ours], published, rtol=0, atol=0.005 + 1e-4)

    path = model.decomposition(tariffs=cp["T1"])
    exact = path.to_xarray()
    for region, expected in EXACT[deficits].items():
        here = exact.sel(region=region)
        np.testing.assert_allclose(
            [here.exact, here.terms_of_trade, here.volume], expected, rtol=0, atol=5.1e-5
        )
    assert np.abs(path.residual).max() < 1e-9

    bloc = ["Mexico", "Canada", "USA"]
    inside = model.data.regions.index
    before = model.economy.flows
    for region, growth in zip(bloc, (118.28, 11.11, 40.52), strict=True) if deficits == "balanced" else ():
        n, others = inside(region), [inside(other) for other in bloc if other != region]
        ratio = after.flows.values[n, others].sum() / before[n, others].sum()
        assert 100 * (ratio - 1) == pytest.approx(growth, abs=0.0051)


def test_the_page_on_world_tariff_wars(capsys):
    """What the page shows, run block by block, prints what the page says."""
    replication_data("wiod2014")
    page = Path(__file__).parents[3] / "docs" / "replications" / "world-tariff-wars.md"
    blocks = re.findall(r"```text\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    setup, war, war_printed, regions, regions_printed = blocks
    known = {}
    exec(setup, known)
    for code, printed in ((war, war_printed), (regions, regions_printed)):
        exec(code, known)
        assert capsys.readouterr().out == printed
