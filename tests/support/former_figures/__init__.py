"""The figures as they were before the corrections of November 2026: flows, base tariffs, elasticities.

Numbers that programs of others computed from these figures test the solver for as long as the figures are kept; that
the figures themselves are right is tested elsewhere.
"""

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import bargaining_models
from bargaining_models.parameters import Parameters, load

HERE = Path(__file__).parent
PACKAGE = Path(bargaining_models.__file__).parent / "data"


def copied(folder):
    """Write the figures to a folder and return it."""
    for path in [*PACKAGE.glob("*.csv"), *HERE.glob("*.csv")]:
        shutil.copy(path, folder)
    elasticities = Path(folder) / "elasticities.csv"
    text = elasticities.read_text(encoding="utf-8")
    elasticities.write_text(text.replace("cp,AUTO,1.4,", "cp,AUTO,8,"), encoding="utf-8")
    return Path(folder)


@cache
def former() -> Parameters:
    """Read them."""
    with TemporaryDirectory() as folder:
        return load(copied(folder))
