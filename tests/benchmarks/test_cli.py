"""A table of the paper is there at once from the store, and within a minute computed afresh; both in cold processes."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import pytest

import bargaining
import bargaining_models

_FOLDERS = [str(Path(package.__file__).parents[1]) for package in (bargaining, bargaining_models)]
_ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(_FOLDERS)}


def run(code: str) -> Callable[[], object]:
    return lambda: subprocess.run(
        [sys.executable, "-c", code], env=_ENVIRONMENT, check=True, capture_output=True
    )


def command(*arguments: str) -> Callable[[], object]:
    return run(f"from bargaining_models.cli import main; raise SystemExit(main({list(arguments)!r}))")


@pytest.mark.benchmark
@pytest.mark.parametrize(
    ("form", "rival", "slowest"), [("text", "import numpy", 4.0), ("latex", "import pandas", 4.0)]
)
def test_a_stored_table_costs_little_more_than_its_imports(
    speedup: Callable[..., float], form: str, rival: str, slowest: float
) -> None:
    assert 1 / speedup(f"stored T2 as {form}", command("table", "T2", "-f", form), run(rival)) < slowest


@pytest.mark.benchmark
def test_storing_pays(speedup: Callable[..., float]) -> None:
    stored, computed = command("table", "T2"), command("table", "T2", "--recompute")
    assert speedup("stored T2 against computed T2", stored, computed, rounds=2) > 2


@pytest.mark.benchmark
@pytest.mark.parametrize(("more", "limit"), [((), 2.0), (("--recompute",), 60.0)], ids=["stored", "computed"])
def test_a_table_in_a_cold_process(more: tuple[str, ...], limit: float) -> None:
    start = perf_counter()
    command("table", "T2", *more)()
    assert perf_counter() - start < limit
