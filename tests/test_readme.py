"""The README's headline table is the one that the library computes."""

from pathlib import Path

import pytest

from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import TABLES

README = Path(__file__).parent.parent / "README.md"


@pytest.mark.skipif(not README.exists(), reason="tests run outside the checkout")
def test_headline_table_is_current() -> None:
    text = README.read_text(encoding="utf-8")
    shown = text.split("tests/test_readme.py -->\n")[1].split("<!-- /headline -->")[0].strip()
    assert shown == TABLES["headline"](Study()).to_markdown().strip()
