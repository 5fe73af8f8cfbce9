"""Bands of tables are quantiles over worlds; one world is computed anew and comes out as stored."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from bargaining.errors import Unsolved
from bargaining_models.paper import table_bands
from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import table
from bargaining_models.parameters import load

CLAIMS = len(table_bands.forms())


def worlds(_: Any, environment: str, structure: str, part: str, *__: Any, **options: Any) -> xr.Dataset:
    """Two made-up draws of all that a part has."""
    rng = np.random.default_rng([len(environment), len(structure), len(part)])
    found: dict[str, Any] = {"status": ("draw", np.zeros(2, dtype=int))}
    for name in table_bands.PARTS[part]:
        cells = rng.normal(size=(2, len(table_bands.layout(name, environment))))
        found |= {name: (("draw", f"cell of {name}"), cells), f"{name}_failed": ("draw", np.zeros(2))}
    found["verdicts"] = ("draw", "claim"), np.tile([[0.0], [1.0]], CLAIMS)
    found["input_crude_price"] = "draw", np.array([60.0, 70.0]) + rng.random()
    found["input_elasticities"] = ("draw", "sector"), rng.uniform(2, 8, (2, 5))
    return xr.Dataset(found, attrs={"failed": 0})


def test_bands_are_quantiles_over_all_structures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(table_bands, "draw_tables", worlds)
    asking = ["--only", "tables", "--draws", "8", "--store", str(tmp_path), "--checkpoint", str(tmp_path)]
    assert table_bands.main(asking) == 0
    assert "T5, 2023, ICIO 2019: 0 of 2 draws failed" in capsys.readouterr().out
    rows = table_bands.read_rows(tmp_path / table_bands.BANDS)
    for environment in table_bands.ENVIRONMENTS:
        for part, names in table_bands.PARTS.items():
            drawn = [worlds(None, environment, s, part) for s in table_bands.STRUCTURES]
            for name in names:
                own = [row for row in rows if (row["environment"], row["table"]) == (environment, name)]
                values = np.concatenate([one[name].values for one in drawn])
                assert len(own) == values.shape[1]
                method = "inverted_cdf" if name == "T3" else "linear"
                bands = np.quantile(values, [0.05, 0.5, 0.95], axis=0, method=method).T
                said = [[float(row[end]) for end in ("low", "median", "high")] for row in own]
                np.testing.assert_allclose(said, bands, rtol=1e-9)
    chances = table_bands.read_rows(tmp_path / table_bands.CHANCES)
    assert len(chances) == CLAIMS * len(table_bands.ENVIRONMENTS)
    assert {(row["value"], row["turns"]) for row in chances} <= {
        ("0.5", "more often with a high crude price"),
        ("0.5", "with no single input"),
    }
    monkeypatch.setattr(table_bands, "FOLDER", tmp_path)
    monkeypatch.setattr(table_bands, "check", lambda *_: None)
    study = Study()
    for name in table_bands.BANDED:
        shown = table_bands.banded(study, name, table)
        cells = sum(isinstance(cell, tuple) for row in shown.rows for cell in row)
        assert cells == sum(row["table"] == name for row in rows)
    assert "50% at the tariffs of 2023" in table_bands.stands(chances[0]["claim"])


def test_the_input_that_turns_a_verdict_is_named() -> None:
    u = np.linspace(0, 1, 40)
    noise = np.random.default_rng(1).random(40)
    holds = (u > 0.5).astype(float)
    assert table_bands._turning(holds, {"gas price": u, "noise": noise}) == "more often with a high gas price"
    assert table_bands._turning(1 - holds, {"caps": u, "noise": noise}) == "less often with high caps"
    assert (
        table_bands._turning(holds, {table_bands.BINARY[0]: holds})
        == f"more often with {table_bands.BINARY[0]}"
    )
    assert table_bands._turning(holds, {"noise": noise}) == "with no single input"
    assert table_bands._turning(np.ones(40), {"gas price": u}) == ""


@pytest.mark.parametrize("name", ["headline", "T1"])
def test_a_world_comes_out_as_stored(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table_bands.check(load(), name, table)
    kept = table_bands.read_rows(table_bands.FOLDER / table_bands.SAMPLE)
    for row in kept:
        row["value"] = str(float(row["value"]) + 1e-3)
    table_bands.write_rows(tmp_path / table_bands.SAMPLE, kept)
    monkeypatch.setattr(table_bands, "FOLDER", tmp_path)
    with pytest.raises(Unsolved, match=rf"stored draws of {name} are no longer reproduced.*make uncertainty"):
        table_bands.check(load(), name, table)
