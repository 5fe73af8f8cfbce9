"""The main job: every table, twice the same bytes, and a failure that costs nothing else."""

from pathlib import Path

import numpy as np
import pytest

import bargaining_models
from bargaining import nash
from bargaining.tables.table import Table
from bargaining_models.paper import __main__ as job
from bargaining_models.paper.study import SHARES, Study
from bargaining_models.paper.tables import TABLES
from plain_trade import PlainTrade

FAST = ["T1", "T2", "T2-closed"]


def test_two_runs_give_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for run in ("first", "second"):
        assert job.main([*FAST, "--output", str(tmp_path / run), "--quiet"]) == 0  # each run solves afresh
    files = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert files == sorted(f"{name}.{ending}" for name in FAST for ending in ("tex", "md", "csv"))
    for name in files:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
    said = capsys.readouterr()
    assert said.err == ""


def test_the_job_says_where_the_files_are_and_ends_with_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert job.main(["headline", "T1", "--output", str(tmp_path)]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0].startswith(f"2 of 2 in {tmp_path}: tables as .tex, .md and .csv")
    assert lines[2].startswith("What Canada pays the US a year for free trade")
    assert sum(line.startswith("tariff war") for line in lines) == 1  # no columns in blocks below each other
    assert max(len(line.replace(str(tmp_path), "")) for line in lines) <= 100
    assert len(lines) < 66
    assert said.err == ""  # no debris of a progress bar where there is no terminal


def test_one_failing_table_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(study: Study) -> Table:
        raise RuntimeError("no such figure")

    monkeypatch.setitem(TABLES, "T1", broken)
    assert job.main(["T1", "T1-money", "--output", str(tmp_path), "--quiet"]) == 1
    assert (tmp_path / "T1-money.csv").exists()
    assert not (tmp_path / "T1.csv").exists()
    assert "T1 failed: no such figure" in capsys.readouterr().err


def test_an_unknown_table_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        job.main(["T99"])
    assert "T99" in capsys.readouterr().err


def test_what_r_means_is_what_is_sold(study: Study) -> None:
    rows = TABLES["T1-r"](study).records()
    deal = study.uncapped
    us, canada, china = (study.parameters.regions.index(name) for name in ("USA", "CAN", "CHN"))
    flows = deal.agreement.equilibrium.flows[..., study.parameters.goods].sum(axis=-1)
    for k, row in enumerate(rows[: len(SHARES)]):
        assert row["r"] == row["capacity"] == SHARES[k]
        assert row["US"] == pytest.approx(flows[k, us, canada], rel=1e-12)
        assert row["China"] == pytest.approx(flows[k, china, canada], rel=1e-12)
        assert row["open"] == pytest.approx(deal.transfer(nash(deal.problem()))[k], abs=1e-9)
    for row in rows[len(SHARES) :]:
        assert row["US_change"] == pytest.approx(-100 * row["r"], abs=1e-7)
    # In a plain program that shares no code: what the capacity diverts, and the transfer at the rates of the war.
    plain = PlainTrade(Path(bargaining_models.__file__).parent / "data", 5.0)
    for row in rows[-2:]:
        cost = np.ones_like(plain.flows)
        sold = plain.flows[:, 1, :9]  # by Canada
        cost[2, 1, :9] = (1 + row["capacity"] * sold[0] / sold[2]) ** -0.2
        free, war = plain.tariff, plain.tariff.copy()
        found = plain.solve(free, cost)
        assert found["flows"][0, 1, :9].sum() / sold[0].sum() == pytest.approx(1 - row["r"], abs=1e-8)
        war[1, 0, :9], war[0, 1, :9] = study.baseline.war(r=row["capacity"]).rates
        lost = (plain.welfare(free, cost) - plain.welfare(war, cost))[:2] * plain.income[:2] / 100
        assert row["open"] == pytest.approx((lost[1] - lost[0]) / 2, abs=1e-6)
    assert rows[-1]["closed"] is None
