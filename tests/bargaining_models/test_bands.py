"""The headline with its uncertainty: what is stored is what draws say."""

from pathlib import Path

import numpy as np
import pytest

from bargaining.errors import Unsolved
from bargaining_models.paper import bands as stored_bands
from bargaining_models.paper.study import Study
from bargaining_models.parameters import load

FEW = 2  # of the draws that are stored one by one


@pytest.fixture(scope="module")
def drawn() -> dict[str, object]:
    return {name: stored_bands.draw(load(), name, FEW) for name in stored_bands.ENVIRONMENTS}


def test_the_stored_draws_come_out_again(drawn: dict[str, object]) -> None:
    rows = stored_bands._read(stored_bands.FOLDER / stored_bands.SAMPLE)
    assert {row["environment"] for row in rows} == set(drawn)
    for row in rows:
        if int(row["draw"]) >= FEW:
            continue
        place = {name: row[name] for name in stored_bands.KEYS}
        found = drawn[row["environment"]].transfer.sel(place).isel(draw=int(row["draw"]))  # type: ignore[attr-defined]
        assert float(found) == pytest.approx(float(row["value"]), rel=1e-7, abs=1e-7)


def test_bands_are_quantiles_of_the_draws(
    drawn: dict[str, object], study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_bands, "SAMPLED", FEW)
    stored_bands.store(drawn, tmp_path)  # type: ignore[arg-type]
    monkeypatch.setattr(stored_bands, "FOLDER", tmp_path)
    table = stored_bands.bands_table(study)
    names = [column.name for column in table.columns]
    for row in table.rows:
        cells = dict(zip(names, row, strict=True))
        route = next(key for key, text in stored_bands.ROUTES.items() if text == cells["route"])
        place = {"disagreement": cells["disagreement"], "route": route}
        of = drawn[cells["environment"]].transfer.sel(place)  # type: ignore[attr-defined,index]
        first, later = of.sel(share="0").values, of.sel(share="0.15").values
        lost = 100 * (first - later) / np.abs(first)
        assert cells["transfer_0"] == pytest.approx(np.median(first), rel=1e-8)
        assert cells["lost_0.15"] == pytest.approx(np.nanmedian(lost), rel=1e-8)
        assert cells["lost_0.15_band"] == pytest.approx(np.nanquantile(lost, [0.05, 0.95]), rel=1e-8)
    path = tmp_path / stored_bands.SAMPLE
    head, first_row, *others = path.read_text().splitlines()
    value = first_row.split(",")[5]
    path.write_text("\n".join([head, first_row.replace(value, "1.5"), *others]) + "\n")
    with pytest.raises(
        Unsolved, match=r"stored draws of the headline are no longer reproduced: 2023.*make uncertainty"
    ):
        stored_bands.bands_table(study)


def test_a_thousand_draws_are_stored() -> None:
    rows = stored_bands._read(stored_bands.FOLDER / stored_bands.BANDS)
    assert {row["draws"] for row in rows} == {"1000"}
    assert all(float(row["low"]) <= float(row["median"]) <= float(row["high"]) for row in rows)
    assert all(row["unit"] and row["year"] and row["source"] for row in rows)
