"""Notebooks are stored as they are written: without outputs, and ready to run. `make docs` runs them."""

import ast
import json
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


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_it_is_a_notebook(book: Path) -> None:
    whole = json.loads(book.read_text(encoding="utf-8"))
    assert (whole["nbformat"], whole["nbformat_minor"]) == (4, 5)
    assert whole["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in whole["cells"]]
    assert len(set(ids)) == len(ids)
    assert whole["cells"][0]["source"][0].startswith("# ")
