"""README's table and picture are what the library computes."""

import importlib.util
import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
SCRIPT = ROOT / "docs" / "_readme.py"

pytestmark = pytest.mark.skipif(not README.exists(), reason="tests run outside the checkout")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("_readme", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_headline_table_is_current(script: ModuleType) -> None:
    shown = README.read_text(encoding="utf-8").split(script.BEGIN)[1].split(script.END)[0]
    assert shown == script.headline()
    assert shown.count("**") == 2 * 3 * len(script.ROWS)


@pytest.mark.parametrize("shade", ["light", "dark"])
def test_picture_is_the_one_that_is_drawn(script: ModuleType, shade: str, tmp_path: Path) -> None:
    """Word for word with the matplotlib that drew it; with another, its numbers are the same to what a pixel shows."""
    stored = (ROOT / "docs" / "_static" / f"payoff-sets-{shade}.svg").read_text(encoding="utf-8")
    drawn = script.draw(tmp_path / "picture.svg", shade).read_text(encoding="utf-8")
    if f"Matplotlib v{version('matplotlib')}," in stored:
        assert drawn == stored
    for split in ("18, 18", "24, 12"):
        assert split in stored
        assert split in drawn
    assert len(stored) < 50_000


def test_links_lead_somewhere() -> None:
    """Where a wheel is tested the models are not beside the pages."""
    links = re.findall(r'\]\(([^)#:]+)\)|(?:src|srcset)="([^"]+)"', README.read_text(encoding="utf-8"))
    paths = [first or second for first, second in links]
    assert len(paths) > 5
    copied = [path for path in paths if not path.startswith("models/") or (ROOT / "models").exists()]
    assert [path for path in copied if not (ROOT / path).exists()] == []


def test_the_oldest_and_the_newest_python_are_named() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = project["requires-python"].removeprefix(">=")
    assert f"Python {oldest} or newer" in README.read_text(encoding="utf-8")
    assert f"Programming Language :: Python :: {oldest}" in project["classifiers"]
