"""Notebooks are stored as they are written: without outputs, and ready to run. `make docs` runs them."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
BOOKS = sorted(FOLDER.glob("*.ipynb"))


def _cells(book: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(book.read_text(encoding="utf-8"))["cells"]
    return cells


def test_all_are_in_the_index() -> None:
    index = (FOLDER / "index.md").read_text(encoding="utf-8")
    assert len(BOOKS) >= 4
    assert [book.name for book in BOOKS if f"({book.name})" not in index] == []


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_nothing_computed_is_stored(book: Path) -> None:
    for cell in _cells(book):
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
            ast.parse("".join(cell["source"]))


def test_the_lecture_says_from_which_share_walking_out_counts() -> None:
    from bargaining_models.negotiation import Negotiation
    from bargaining_models.negotiation.deal import Deal, readings
    from bargaining_models.parameters import load

    text = "".join("".join(cell["source"]) for cell in _cells(FOLDER / "the-negotiation.ipynb"))
    found = re.search(r"Walking out into a tariff war\nbegins to count at about r = (0\.\d+)", text)
    assert found is not None
    at = float(found[1])
    schedules = ["us_2025_26", "canada_2025_26"]
    talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China", status_quo=schedules)
    deal = Deal.at(talks, r=[0.0, at - 0.01, at + 0.01], route_survives=False)
    (walk_out,) = (one for one in readings(talks.roles) if one.name == "Offers, outside option: war")
    paid = deal.transfer(walk_out.divide(deal))
    assert paid[1] == pytest.approx(paid[0])
    assert paid[2] < paid[0] - 0.1


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_it_is_a_notebook(book: Path) -> None:
    whole = json.loads(book.read_text(encoding="utf-8"))
    assert (whole["nbformat"], whole["nbformat_minor"]) == (4, 5)
    assert whole["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in whole["cells"]]
    assert len(set(ids)) == len(ids)
    assert whole["cells"][0]["source"][0].startswith("# ")
