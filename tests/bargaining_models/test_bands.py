"""The headline with its uncertainty: what is stored is what draws say."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bargaining.errors import Unsolved
from bargaining_models.paper import bands as stored_bands
from bargaining_models.paper import draws
from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import stored
from bargaining_models.parameters import load

FEW = 1  # of each structure


@pytest.fixture(scope="module")
def drawn() -> dict[str, dict[str, Any]]:
    return {
        name: {s: stored_bands.draw(load(), name, FEW, s) for s in stored_bands.STRUCTURES}
        for name in stored_bands.ENVIRONMENTS
    }


def test_the_stored_draws_come_out_again(drawn: dict[str, dict[str, Any]]) -> None:
    rows = stored_bands.read_rows(stored_bands.FOLDER / stored_bands.SAMPLE)
    assert {row["environment"] for row in rows} == set(drawn)
    assert {row["structure"] for row in rows} == set(stored_bands.STRUCTURES)
    for row in rows:
        place = {name: row[name] for name in stored_bands.KEYS}
        found = drawn[row["environment"]][row["structure"]].transfer.sel(place).isel(draw=int(row["draw"]))
        assert float(found) == pytest.approx(float(row["value"]), rel=1e-7, abs=1e-7)


def test_bands_are_quantiles_of_the_draws(
    drawn: dict[str, dict[str, Any]], study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored_bands.store(drawn, study.parameters, tmp_path)
    monkeypatch.setattr(stored_bands, "FOLDER", tmp_path)
    table = stored_bands.bands_table(study)
    for cells in table.records():
        (date,) = (name for name in drawn if name.endswith(cells["environment"]))
        spoken = {text: name for name, text in stored_bands.LABELS.items()}
        what = spoken.get(cells["disagreement"], f"tariffs of {date}")
        of = [one.transfer.sel(disagreement=what, route=cells["route"]) for one in drawn[date].values()]
        first, later = (
            np.concatenate([one.sel(share=share).values for one in of]) for share in ("0", "0.15")
        )
        lost = 100 * (first - later) / np.abs(first)
        lost[np.isfinite(first) & ~np.isfinite(later)] = 100.0
        assert cells["none_0.15"] == pytest.approx(
            100 * (~np.isfinite(later[np.isfinite(first)])).mean(), abs=0.06
        )
        assert cells["transfer_0"] == pytest.approx(np.nanquantile(first, [0.05, 0.5, 0.95]), rel=1e-8)
        if cells["lost_0.15"] is None:
            assert np.nanquantile(first, 0.05) < 0 < np.nanquantile(first, 0.95)
        else:
            assert cells["lost_0.15"] == pytest.approx(np.nanquantile(lost, [0.05, 0.5, 0.95]), rel=1e-8)
    path = tmp_path / stored_bands.SAMPLE
    head, first_row, *others = path.read_text().splitlines()
    value = first_row.split(",")[6]
    path.write_text("\n".join([head, first_row.replace(value, "1.5"), *others]) + "\n")
    with pytest.raises(
        Unsolved, match=r"stored draws of the headline are no longer reproduced: 2023.*make uncertainty"
    ):
        stored_bands.bands_table(study)


def test_a_thousand_draws_are_stored() -> None:
    rows = stored_bands.read_rows(stored_bands.FOLDER / stored_bands.BANDS)
    assert {row["draws"] for row in rows} == {"1000"}
    assert all(float(row["low"]) <= float(row["median"]) <= float(row["high"]) for row in rows)
    assert all(row["unit"] and row["year"] and row["source"] for row in rows)


def test_closures_by_sector_are_counted_as_a_long_simulation_counts_them() -> None:
    """The part of the time, discounted, in which routes are open: chains of small steps, summed."""
    given = {
        "discount_rate": 0.06,
        "china_reopening_rate": 0.53,
        "china_closure_rate": 0.22,
        "china_closure_rate_other": 0.03,
    }
    step, years = 1e-3, 200.0
    open_parts = []
    for name in ("china_closure_rate", "china_closure_rate_other"):
        move = np.array([[1 - step * given[name], step * given[name]], [step * 0.53, 1 - step * 0.53]])
        state, path = np.array([1.0, 0.0]), []
        for _ in range(int(years / step)):
            path.append(state[0])
            state = state @ move
        open_parts.append(np.array(path))
    discounts = np.exp(-0.06 * step * np.arange(len(open_parts[0])))
    discounts /= discounts.sum()
    farm, other = open_parts
    expected = discounts @ np.stack([farm * other, farm * (1 - other), (1 - farm) * other], axis=-1)
    found = stored_bands.in_use({name: np.array(value) for name, value in given.items()})
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_what_is_paid_where_everything_is_drawn() -> None:
    """Against the definition: what is open decides a year's payment, capacity lies on a parabola."""
    gains = {
        "0": np.array([[20.0, 4.0]]),
        "0.1": np.array([[16.0, 4.0]]),
        "0.15": np.array([[15.0, 4.5]]),
        "farm": np.array([[19.0, 4.0]]),
        "other": np.array([[16.0, 4.5]]),
    }
    never = {"discount_rate": 0.05, "china_reopening_rate": 0.5, "china_closure_rate": 0.0}
    for share, payment in ((0.1, 6.0), (0.15, 5.25)):
        given = never | {"china_closure_rate_other": 0.0, "capacity": share}
        assert stored_bands.paid(gains, given) == pytest.approx(payment)
    # Others closed at once and for long: farm goods alone, in proportion to capacity.
    shut = never | {"china_closure_rate_other": 1e9, "china_reopening_rate": 1e-9, "capacity": 0.15}
    assert stored_bands.paid(gains, shut) == pytest.approx(7.5, abs=1e-4)
    # With its weight at 1 Canada has the whole surplus.
    assert stored_bands.paid(gains, never | {"china_closure_rate_other": 0.0, "capacity": 0.15}, 1.0) == -4.5


def test_structures_differ_as_they_should(drawn: dict[str, dict[str, Any]]) -> None:
    """Without links no sector buys from another; tariffs in force are those of the date in each."""
    for environment in stored_bands.ENVIRONMENTS:
        for name, (data, linked) in stored_bands.STRUCTURES.items():
            talks = stored_bands.talks_in(load(), environment, name)
            assert bool(talks.model.data.inputs.any()) == linked
            assert len(talks.model.sectors) == (11 if data == "wiod2011" else 5)
    assert not np.allclose(
        drawn["2023"]["WIOD 2011"].lost.values,
        drawn["2023"]["WIOD 2011, no links"].lost.values,
        equal_nan=True,
    )


def test_what_moves_the_headline_is_stored_and_shown(
    drawn: dict[str, dict[str, Any]], study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One draw a structure: what is drawn beside it, point by point from the definition; scenarios as published."""
    shipped, size = stored_bands.FOLDER, 32
    monkeypatch.setattr(stored_bands, "BASE_SAMPLE", size)
    stored_bands.store_causes(drawn, study.parameters, tmp_path)
    rows = {
        (row["environment"], row["structure"]): row
        for row in stored_bands.read_rows(tmp_path / "headline_structures.csv")
    }
    published = {
        (row["environment"], row["structure"]): row
        for row in stored_bands.read_rows(shipped / "headline_structures.csv")
    }
    assert set(rows) == set(published)
    for key in rows:
        if "elasticity" in key[1]:
            for name in ("transfer", "lost", "lost_high"):
                assert float(rows[key][name]) == pytest.approx(float(published[key][name]), rel=1e-7)
    capacity = stored_bands.capacities(study.parameters)
    u = {name: stored_bands.uniforms(name, size) for name in stored_bands.INPUTS}
    given = stored_bands.inputs_at(u, capacity)
    for environment, parts in drawn.items():
        war = {name: stored_bands.by_share(one, "tariff war", "open") for name, one in parts.items()}
        for name, gains in war.items():
            row = rows[environment, name]
            assert row["transfer_low"] == row["transfer_high"] == row["transfer"]
            ((canada, us),) = gains["0"]
            assert float(row["transfer"]) == pytest.approx((canada - us) / 2, rel=1e-8)
        transfers = []
        for k in range(size):
            canada, us = list(war.values())[int(4 * u["structure"][k])]["0"][0]
            weight = given["bargaining_weight_canada"][k]
            transfers.append(canada - weight * (canada + us) if canada + us > 0 else np.nan)
        low, median, high = np.nanquantile(transfers, [0.05, 0.5, 0.95])
        row = rows[environment, "all, everything drawn"]
        for name, value in (("transfer_low", low), ("transfer", median), ("transfer_high", high)):
            assert float(row[name]) == pytest.approx(value, rel=1e-8)
    monkeypatch.setattr(stored_bands, "FOLDER", tmp_path)
    for row in stored_bands.spread_table(study).records():
        key = row["environment"], row["structure"]
        assert row["transfer"] == float(rows[key]["transfer"])
        assert (row["transfer_band"] is None) == (key[1] != "all, everything drawn")


def test_the_command_draws_each_structure_alike_and_stores_all(
    drawn: dict[str, dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stored: list[Any] = []
    asked = []

    def draw(parameters: Any, environment: str, draws: int, structure: str, **options: Any) -> Any:
        asked.append((environment, structure, draws, options["checkpoint"].parent, options["workers"]))
        return drawn[environment][structure]

    monkeypatch.setattr(stored_bands, "draw", draw)
    monkeypatch.setattr(stored_bands, "store", lambda found, *_: stored.append(found))
    monkeypatch.setattr(stored_bands, "store_causes", lambda found, *_: stored.append(found))
    asking = ["--only", "headline", "--draws", "8", "--workers", "3", "--checkpoint", str(tmp_path)]
    assert draws.main(asking) == 0
    assert len(stored) == 2
    assert all(set(found) == set(drawn) and set(found["2023"]) == set(drawn["2023"]) for found in stored)
    assert asked == [(e, s, 2, tmp_path, 3) for e in drawn for s in stored_bands.STRUCTURES]
    assert "2023, ICIO 2019: 0 of 2 draws failed" in capsys.readouterr().out


def test_standard_errors_of_medians_are_stored() -> None:
    """Of normal numbers it is 1.25 standard deviations over the root of their number."""
    for row in stored_bands.read_rows(stored_bands.FOLDER / stored_bands.BANDS):
        if row["quantity"] == "transfer" and row["disagreement"] == "tariff war":
            spread = (float(row["high"]) - float(row["low"])) / 3.29
            assert float(row["error"]) == pytest.approx(1.25 * spread / np.sqrt(1000), rel=0.35)
    assert any("standard errors of the medians are at most USD 0.3 bn" in note for note in stored("T0").notes)
