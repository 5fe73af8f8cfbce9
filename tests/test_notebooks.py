"""Notebooks are stored with what they show, small, and ready to run: their first code installs what is missing."""

import ast
import importlib.util
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
    assert len(BOOKS) >= 8
    assert [book.name for book in BOOKS if f"({book.name})" not in index] == []


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_what_they_show_is_stored_and_small(book: Path) -> None:
    first, *code = [cell for cell in _cells(book) if cell["cell_type"] == "code"]
    assert 'find_spec("bargaining") is None' in "".join(first["source"])
    assert first["outputs"] == []
    assert book.stat().st_size < 130_000
    for k, cell in enumerate(code, start=2):
        ast.parse("".join(cell["source"]))
        assert cell["execution_count"] == k
        assert [
            one
            for one in cell["outputs"]
            if one["output_type"] == "error" or "image/png" in one.get("data", {})
        ] == []
    assert sum(bool(cell["outputs"]) for cell in code) > len(code) / 2


def _words(cells: list[dict[str, Any]]) -> list[str]:
    """Return what the cells say in words; residuals and versions differ between machines."""
    said = []
    for output in (one for cell in cells if cell["cell_type"] == "code" for one in cell["outputs"]):
        text = output["text"] if "text" in output else output["data"]["text/plain"]
        said.append(re.sub(r"(Largest residual|Version).*", "", "".join(text)))
    return said


@pytest.mark.slow
@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_what_is_stored_is_what_they_show_now(book: Path) -> None:
    pytest.importorskip("nbclient")
    spec = importlib.util.spec_from_file_location("_notebooks", FOLDER.parent / "_notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert _words(module.run(book)["cells"]) == _words(_cells(book))


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
