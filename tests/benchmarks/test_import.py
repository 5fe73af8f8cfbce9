"""`import bargaining` costs little more than the `import numpy` that every user pays anyway."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import bargaining


def _run(code: str, cache: Path) -> Callable[[], object]:
    """Run code in a fresh process that may keep compiled modules, as an installed package does."""
    environment = os.environ | {
        "PYTHONPATH": str(Path(bargaining.__file__).parents[1]),
        "PYTHONPYCACHEPREFIX": str(cache),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    return lambda: subprocess.run([sys.executable, "-c", code], env=environment, check=True)


@pytest.mark.benchmark
@pytest.mark.parametrize(
    ("statement", "slowest"),
    [
        ("import bargaining", 1.1),
        pytest.param(
            "from bargaining import *",
            1.35,
            marks=pytest.mark.xfail(reason="3 times: 170 modules, 140 data classes"),
        ),
    ],
)
def test_import_takes_little_longer_than_numpy(
    speedup: Callable[..., float], tmp_path: Path, statement: str, slowest: float
) -> None:
    assert 1 / speedup(statement, _run(statement, tmp_path), _run("import numpy", tmp_path)) < slowest
