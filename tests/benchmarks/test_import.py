"""`import bargaining` costs little more than the `import numpy` that every user pays anyway."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import bargaining

_ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(bargaining.__file__).parents[1])}


def _run(code: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, "-c", code], env=_ENVIRONMENT, check=True)


@pytest.mark.benchmark
@pytest.mark.parametrize(
    ("statement", "slowest"), [("import bargaining", 1.1), ("from bargaining import *", 1.35)]
)
def test_import_takes_little_longer_than_numpy(
    speedup: Callable[..., float], statement: str, slowest: float
) -> None:
    assert 1 / speedup(statement, _run(statement), _run("import numpy")) < slowest
