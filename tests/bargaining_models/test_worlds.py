"""Worlds that are drawn: structures at the trade of 2023, figures in their places, and tables computed in them."""

import csv
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from scipy.stats import norm

import bargaining_models
from bargaining import InvalidInput
from bargaining_models.paper import study
from bargaining_models.paper.study import LATEST, Study
from bargaining_models.paper.tables import rows
from bargaining_models.parameters import load
from bargaining_models.trade import Environment
from bargaining_models.trade.folders import structure
from plain_trade import PlainTrade

DATA = Path(bargaining_models.__file__).parent / "data"


def test_icio_has_the_trade_of_2023() -> None:
    figures, found = load(), study.structured(load(), "ICIO 2019")
    np.testing.assert_allclose(found.flows.values.sum(axis=-1), figures.flows.values.sum(axis=-1))
    made = [figures.sectors.index(s) for s in ("FOOD", "WOOD", "PETR", "CHEM", "METAL", "OMAN", "AUTO")]
    np.testing.assert_allclose(found.flows.values[..., 2], figures.flows.values[..., made].sum(axis=-1))
    # What tariffs collect does not change, whoever is merged; nor does what the caps let through.
    for one in (lambda p: p.tariffs, lambda p: p.schedules["us_2025_26"]):
        np.testing.assert_allclose(
            (one(found).values * found.flows.values).sum(axis=-1),
            (one(figures).values * figures.flows.values).sum(axis=-1),
        )
    us, canada = (figures.regions.index(code) for code in ("USA", "CAN"))
    through = [(p.caps.values * p.flows.values[us, canada]).sum() for p in (figures, found)]
    assert through[0] == pytest.approx(through[1])


def test_icio_has_the_input_shares_of_its_own_file() -> None:
    """By hand for Canada's manufacturing: inputs from mining over output, straight from the table of 2019."""
    whole, found = structure("icio2019"), study.structured(load(), "ICIO 2019")
    r, c, b = whole.regions.index("CAN"), whole.sectors.index("C"), whole.sectors.index("B")
    canada = found.regions.index("CAN")
    assert found.input_shares.values[canada, 2, 1] == pytest.approx(whole.inputs[r, c, b], rel=1e-12)
    services = [whole.sectors.index(s) for s in "FGHIJKLMNOPQRST"]
    assert found.input_shares.values[canada, 2, 4] == pytest.approx(
        whole.inputs[r, c, services].sum(), rel=1e-12
    )
    assert not study.structured(load(), "ICIO 2019, no links").input_shares.values.any()


def test_tariffs_of_a_day_collect_the_same() -> None:
    figures = load()
    found = study.tariffs_in(figures, "ICIO 2019", LATEST)
    assert isinstance(found, Environment)
    merged = found.tariffs(Study(study.structured(figures, "ICIO 2019")).baseline.model.data)
    before = Environment.shipped().at(LATEST).tariffs(Study(figures).baseline.model.data)
    goods = figures.flows.values * figures.goods
    five = study.structured(figures, "ICIO 2019")
    np.testing.assert_allclose(
        (merged * five.flows.values * five.goods).sum(axis=-1), (before * goods).sum(axis=-1), rtol=1e-9
    )


def test_drawn_figures_stand_in_their_places() -> None:
    given = {"china_closure_rate": 0.3, "capacity_cost_factor": 2.0, "capacity_lead_time_factor": 1.5}
    given |= {"redirect_cap_AGR": 0.45, "canola_access_cost": 3.0}
    figures, found = load(), study.drawn(load(), "WIOD 2011", given)
    assert found.fact("china_closure_rate").value == 0.3
    assert found.fact("tmx_cost").value == 2 * figures.fact("tmx_cost").value
    assert found.fact("tmx_lead_time").value == 1.5 * figures.fact("tmx_lead_time").value
    assert found.fact("canola_access_cost").value == 3.0
    assert found.caps.values[0] == 0.45
    assert list(found.elasticities) == [study.DRAWN]


def test_bad_worlds_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"`structure` must be one of .*ICIO 2019.*got 'GTAP'"):
        study.structured(load(), "GTAP")
    with pytest.raises(
        InvalidInput, match=r"`(?:date|tariffs)` must not be before the first rate, 2024-12-31"
    ):
        Study(tariffs="2020-01-01").baseline  # noqa: B018 (it is computed)


# An independent program: plain trade at elasticities drawn again by hand.


def elasticities_by_hand(draw: int) -> Any:
    """As documented: one normal that all sectors share, .2 of the variance of the logs, and one of each its own."""
    with (DATA / "elasticity_priors.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["structure"] == "wiod2011"]
    normal = norm.ppf(np.random.default_rng([0, draw, crc32(b"elasticities")]).random(1 + len(rows)))
    spread = np.array([float(row["spread"]) for row in rows])
    logs = spread * (np.sqrt(0.2) * normal[0] + np.sqrt(0.8) * normal[1:])
    return np.array([float(row["value"]) for row in rows]) * np.exp(logs)


def test_cells_of_a_draw_are_those_of_an_independent_program() -> None:
    """T1's war and exit, and the Nash transfer of T2, in a world at drawn elasticities."""
    draw, r = 0, 0.15
    theta = elasticities_by_hand(draw)
    model = PlainTrade(DATA, theta)
    goods, regions, sectors = slice(0, 9), load().regions, load().sectors
    us, canada, china = (regions.index(code) for code in ("USA", "CAN", "CHN"))
    cost = np.ones_like(model.tariff)
    base = model.flows
    cost[china, canada, goods] = (1 + r * base[us, canada, goods] / base[china, canada, goods]) ** (
        -1 / theta[goods]
    )
    free = model.tariff.copy()
    assert sectors[:9] == ("AGR", "MIN", "FOOD", "WOOD", "PETR", "CHEM", "METAL", "OMAN", "AUTO")
    peace = model.welfare(free)

    def of(tariff: Any, route: Any) -> Any:
        return (model.welfare(tariff, route) - peace)[[canada, us]]

    drawn = study.DrawnStudy(load(), "WIOD 2011", {"elasticities": theta})
    rates = drawn.baseline.war(r=r).rates
    war = free.copy()
    war[canada, us, goods], war[us, canada, goods] = rates
    for place, (importer, exporter) in enumerate(
        ((canada, us), (us, canada))
    ):  # neither gains by another rate
        step, found = 1e-3, []
        for sign in (-1, 1):
            moved = war.copy()
            moved[importer, exporter, goods] += sign * step
            found.append(of(moved, cost)[place])
        here = of(war, cost)[place]
        assert here > max(found)
        assert abs(found[1] - found[0]) / (2 * step) < 1e-3 * (2 * here - sum(found)) / step**2
    cells = {"agreement": of(free, cost), "war": of(war, cost)}
    shut = cost.copy()
    shut[canada, us, goods] = shut[us, canada, goods] = 1e6
    cells["exit"] = of(free, shut)
    at = {(row["capacity"], row["r"]): row for row in rows(drawn, "T1")}["unlimited", r]
    for outcome, values in cells.items():
        for name, value in zip(("Canada", "US"), values, strict=True):
            close = 1e-6 if outcome != "exit" else 1e-3  # what is closed there costs a million here
            assert at[f"{outcome}_{name}"] == pytest.approx(value, abs=close)
    money = model.income[[canada, us]] / 100
    gain = (cells["agreement"] - cells["war"]) * money
    (row,) = (row for row in rows(drawn, "T2") if (row["reading"], row["r"]) == ("Nash", r))
    assert row["transfer"] == pytest.approx((gain[0] - gain[1]) / 2, rel=1e-6)
