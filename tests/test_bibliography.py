"""The bibliography: entries are complete, pages and docstrings cite from it alone, and nothing in it is unused."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import bibliography
from bibliography import ROOT

ENTRIES = bibliography.entries()
UNNUMBERED = {"hwang2017", "lashkaripour2021"}  # journals whose volumes are not divided
TEXTBOOKS = {
    "fudenberg1991", "mailath2006", "muthoo1999", "myerson1991", "osborne1990", "peters1992", "roth1979b",
    "thomson1994",
}  # fmt: skip
# Pages that rest on no textbook of game theory:
COMPUTATION = {"trade-model", "tariff-games"}
PAGES = sorted(page for page in (ROOT / "docs" / "theory").glob("*.md") if page.stem != "index")
SECTION = re.compile(r"^ *References\n *-{5,}\n(.*?)(?=\n\s*\n *[A-Z][A-Za-z ]+\n *-{4,}|\Z)", re.M | re.S)


def joined(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


@cache
def docstrings() -> dict[str, str]:
    """Return the docstrings of every module, one text a file."""
    found = {}
    for name, module in bibliography.MODULES.items():
        texts, ahead = [], [ast.parse(module.read_text("utf-8"))]
        for node in ahead:
            texts.append(ast.get_docstring(node))
            ahead += [part for part in node.body if isinstance(part, ast.ClassDef | ast.FunctionDef)]
        found[name] = "\n\n\n".join(text for text in texts if text)
    return found


@pytest.mark.parametrize("key", ENTRIES)
def test_an_entry_is_complete(key: str) -> None:
    entry = ENTRIES[key]
    missing = bibliography.FIELDS[entry["kind"]] - set(entry)
    assert missing <= ({"number"} if key in UNNUMBERED else set())
    assert len({"doi", "isbn", "nodoi"} & set(entry)) == 1, "a DOI, an ISBN, or why there is none"
    assert re.fullmatch(r"\d{4}[ab]?", entry["year"])
    assert re.fullmatch(r"10\.\d{4,}/\S+", entry.get("doi", "10.1000/1"))
    assert re.fullmatch(r"\d+(--\d+)?", entry.get("pages", "1"))
    assert key.rstrip("ab").endswith(entry["year"][:4])


def test_what_was_compared_is_a_part_of_the_entry() -> None:
    for key, entry in ENTRIES.items():
        parts = set(entry.get("checked", "title").replace("authors", "author").split(", "))
        assert parts <= set(entry) - {"checked", "kind"}, key


def test_the_page_says_what_nobody_has_compared() -> None:
    page = joined((ROOT / "docs" / "bibliography.md").read_text("utf-8"))
    remembered = sorted(
        f"{bibliography.people(entry)} ({entry['year']})"
        for entry in ENTRIES.values()
        if "checked" not in entry
    )
    compared = len(ENTRIES) - len(remembered)
    assert f"Of its {len(ENTRIES)} entries {compared} have been compared" in page
    assert f"The other {len(remembered)} are given as remembered" in page
    assert f"{'; '.join(remembered)}." in page


def test_no_two_entries_share_an_identifier() -> None:
    identifiers = [entry[name] for entry in ENTRIES.values() for name in ("doi", "isbn") if name in entry]
    assert len(identifiers) == len(set(identifiers))


def test_pages_cite_what_is_there() -> None:
    assert {key: pages for key, pages in bibliography.cited().items() if key not in ENTRIES} == {}


def test_nothing_is_unused() -> None:
    text = joined("\n".join(docstrings().values()))
    cited = bibliography.cited()
    assert [
        key for key in ENTRIES if key not in cited and bibliography.written(ENTRIES[key]) not in text
    ] == []


@pytest.mark.parametrize(
    "module",
    [name for name, module in bibliography.MODULES.items() if SECTION.search(module.read_text("utf-8"))],
)
def test_references_of_docstrings_are_those_of_the_bibliography(module: str) -> None:
    known = [bibliography.written(entry) for entry in ENTRIES.values()]
    for section in SECTION.findall(docstrings()[module]):
        for paragraph in re.split(r"\n\s*\n", section.split("\n\n\n")[0].strip()):
            text = re.sub(r"^\.\. \[\d+\] ", "", joined(paragraph))
            assert any(text.startswith(entry) for entry in known), (
                f"not as docs/references.bib has it: {text}"
            )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_of_theory_names_its_sources_and_a_textbook(page: Path) -> None:
    head, _, sources = page.read_text("utf-8").partition("\n## Sources\n")
    assert "```{bibliography}" in sources
    keys = {key.strip() for keys in bibliography.CITED.findall(head + sources) for key in keys.split(",")}
    assert keys & TEXTBOOKS or page.stem in COMPUTATION
