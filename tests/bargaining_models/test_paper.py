"""The main job: every table, twice the same bytes, and a failure that costs nothing else."""

from pathlib import Path

import pytest

from bargaining.tables.table import Table
from bargaining_models.paper import __main__ as job
from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import TABLES

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
