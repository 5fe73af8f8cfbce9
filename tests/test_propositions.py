"""The propositions of the pages: labels, sources and tests exist, and no claim stands outside of them."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

import bibliography
from propositions import (
    BASES,
    PAGES,
    ROOT,
    TESTS,
    Proposition,
    propositions,
    unsupported,
    unsupported_docstrings,
)

FOUND = propositions()
LABELS = [proposition.options["label"] for proposition in FOUND]
REFERENCE = re.compile(r"\{numref\}`([^`]+)`")


def test_labels_are_unique() -> None:
    assert [label for label, times in Counter(LABELS).items() if times > 1] == []


@pytest.mark.parametrize("proposition", FOUND, ids=LABELS)
def test_a_proposition_says_how_it_is_known(proposition: Proposition) -> None:
    (basis,) = (name for name in BASES if name in proposition.options)
    text = proposition.options[basis]
    assert "**Hypotheses.**" in proposition.body
    assert "**Conclusion.**" in proposition.body
    assert basis == "cited" or "place" not in proposition.options
    if basis == "cited":
        place = proposition.options.get("place", "abstract")
        assert re.search(r"(?:theorem|page|proposition) \d|abstract", place)
        assert not re.search(r"theorem \d", text), "Numbers stand in the option `place`."
        keys = {key for keys in bibliography.CITED.findall(text) for key in keys.split(",")}
        assert keys
        assert keys <= set(bibliography.entries())
    if basis == "tested":
        assert TESTS.search(text)
    for path, function in TESTS.findall(text):
        names = {
            node.name
            for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8")))
            if hasattr(node, "name")
        }
        assert not function or function in names


def test_references_lead_somewhere() -> None:
    pages = {page.name: REFERENCE.findall(page.read_text("utf-8")) for page in PAGES}
    assert {
        page: set(labels) - set(LABELS) for page, labels in pages.items() if set(labels) - set(LABELS)
    } == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_claims_stand_in_propositions_or_refer_to_one(page: Path) -> None:
    assert list(unsupported(page)) == [], "State it in a proposition, or refer to one by {numref}."


def test_claims_of_docstrings_refer_to_propositions() -> None:
    assert list(unsupported_docstrings()) == [], (
        "State it in a proposition of a page, and refer to it as proposition `label`."
    )


def test_references_of_docstrings_lead_somewhere() -> None:
    found = {
        label
        for module in bibliography.MODULES.values()
        for label in re.findall(r"\bpropositions?\s+`([a-z0-9-]+)`", module.read_text("utf-8"))
    }
    assert found
    assert found - set(LABELS) == set()
