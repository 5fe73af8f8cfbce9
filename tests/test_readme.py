"""The README's headline table is the one that the library computes."""

import re
from pathlib import Path

import pytest

from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import TABLES

README = Path(__file__).parent.parent / "README.md"
RESIDUAL = re.compile(r"(?<=^Largest residual: )\S+(?=\.  $)", re.MULTILINE)


@pytest.mark.skipif(not README.exists(), reason="tests run outside the checkout")
def test_headline_table_is_current() -> None:
    """All but the digits of the residual: rounding depends on the processor."""
    text = README.read_text(encoding="utf-8")
    shown = text.split("tests/test_readme.py -->\n")[1].split("<!-- /headline -->")[0].strip()
    computed = TABLES["headline"](Study()).to_markdown().strip()
    assert RESIDUAL.sub("", shown) == RESIDUAL.sub("", computed)
    for table in (shown, computed):
        (residual,) = RESIDUAL.findall(table)
        assert 0 < float(residual) < 1e-14
