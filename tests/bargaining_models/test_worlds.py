"""Worlds that are drawn: structures at the trade of 2023, figures in their places, and tables computed in them."""

from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

import bargaining_models
from bargaining import InvalidInput
from bargaining_models.negotiation.negotiation import Negotiation
from bargaining_models.paper import worlds
from bargaining_models.paper.study import LATEST, Study
from bargaining_models.parameters import load
from bargaining_models.trade import Environment
from bargaining_models.trade.folders import structure
from bargaining_models.uncertainty import Prior, uncertainty

DATA = Path(bargaining_models.__file__).parent / "data"


def test_icio_has_the_trade_of_2023() -> None:
    figures, found = load(), worlds.structured(load(), "ICIO 2019")
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
    whole, found = structure("icio2019"), worlds.structured(load(), "ICIO 2019")
    r, c, b = whole.regions.index("CAN"), whole.sectors.index("C"), whole.sectors.index("B")
    canada = found.regions.index("CAN")
    assert found.input_shares.values[canada, 2, 1] == pytest.approx(whole.inputs[r, c, b], rel=1e-12)
    services = [whole.sectors.index(s) for s in "FGHIJKLMNOPQRST"]
    assert found.input_shares.values[canada, 2, 4] == pytest.approx(
        whole.inputs[r, c, services].sum(), rel=1e-12
    )
    assert not worlds.structured(load(), "ICIO 2019, no links").input_shares.values.any()


def test_tariffs_of_a_day_collect_the_same() -> None:
    figures = load()
    found = worlds.tariffs_in(figures, "ICIO 2019", LATEST)
    assert isinstance(found, Environment)
    merged = found.tariffs(Study(worlds.structured(figures, "ICIO 2019")).baseline.model.data)
    before = Environment.shipped().at(LATEST).tariffs(Study(figures).baseline.model.data)
    goods = figures.flows.values * figures.goods
    five = worlds.structured(figures, "ICIO 2019")
    np.testing.assert_allclose(
        (merged * five.flows.values * five.goods).sum(axis=-1), (before * goods).sum(axis=-1), rtol=1e-9
    )


def test_drawn_figures_stand_in_their_places() -> None:
    given = {"china_closure_rate": 0.3, "capacity_cost_factor": 2.0, "capacity_lead_time_factor": 1.5}
    given |= {"redirect_cap_AGR": 0.45, "canola_access_cost": 3.0}
    figures, found = load(), worlds.drawn(load(), "WIOD 2011", given)
    assert found.fact("china_closure_rate").value == 0.3
    assert found.fact("tmx_cost").value == 2 * figures.fact("tmx_cost").value
    assert found.fact("tmx_lead_time").value == 1.5 * figures.fact("tmx_lead_time").value
    assert found.fact("canola_access_cost").value == 3.0
    assert found.caps.values[0] == 0.45
    assert list(found.elasticities) == [worlds.DRAWN]


def test_bad_worlds_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"`structure` must be one of .*ICIO 2019.*got 'GTAP'"):
        worlds.structured(load(), "GTAP")
    with pytest.raises(InvalidInput, match="positive spread"):
        Prior(name="closure", distribution="lognormal", parameters=[0.0, -0.1])
    with pytest.raises(
        InvalidInput, match=r"`(?:date|tariffs)` must not be before the first rate, 2024-12-31"
    ):
        Study(tariffs="2020-01-01").baseline  # noqa: B018 (it is computed)
    with pytest.raises(InvalidInput, match="`alternative`"):
        Negotiation(data="icio2019", home="Canada", partner="US", alternative="Atlantis")


def test_draws_that_fail_are_counted() -> None:
    def model(rate: float) -> dict[str, float]:
        if rate > 0.5:
            raise InvalidInput("`rate` must be low.")
        return {"worth": 1.0 / rate}

    prior = Prior(name="rate", distribution="uniform", parameters=[0.0, 1.0])
    found = uncertainty(model, {"rate": prior}, draws=40)
    rates = [np.random.default_rng([0, k, crc32(b"rate")]).random() for k in range(40)]
    np.testing.assert_array_equal(np.isnan(found.worth), np.array(rates) > 0.5)
    assert found.attrs["failed"] == sum(rate > 0.5 for rate in rates) > 5
    assert (found.message.values[np.array(rates) > 0.5] != "").all()
