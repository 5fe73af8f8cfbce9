"""The paper as a document: its numbers are those of the tables, what it cites and refers to is there, and it sets."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from bargaining.errors import InvalidInput, NotApplicable
from bargaining_models.paper import manuscript as paper
from bargaining_models.paper.figures import FIGURES
from bargaining_models.paper.tables import stored

BIBLIOGRAPHY = Path(__file__).parents[2] / "docs" / "references.bib"


@pytest.fixture(scope="module")
def text() -> str:
    return paper.manuscript()


def test_no_place_is_left_open(text: str) -> None:
    assert not re.search(r"<<|>>|<%|nan|None", text)


def test_numbers_are_those_of_the_tables(text: str) -> None:
    shown = stored("headline")
    (row,) = (row for row in shown.rows if [*row[:3]] == ["2023", "open", "Nash"])
    assert rf"pay the United States \usd{{{row[3]:.1f}}}" in text
    for name, column, value in (
        ("US up to 25%", "bare", "would pay 5.7"),
        ("Canada up to 10%", "bare", "would pay 17.5"),
    ):
        assert f"{paper.cell('T10-sensitivity', column, changed=name):.1f}" == value.rpartition(" ")[2]
        assert value in text


SAID = {
    *("2011", "2019", "2023", "2024", "2025", "2026", "19"),  # dates, and years of figures
    *(".01", ".02", ".04", ".10", ".15", "10", "15", "0", "1"),  # r, and what the story says of it
    *("5", "95"),  # an elasticity, and the ends of bands
    *("70", "338"),  # a claim, and a section of the law
    "2",  # in equations, and an elasticity
    *(".05", ".5", ".9", ".95", "25", "35"),  # assumptions: obstinacy, breakdown, patience, highest tariffs
}


def test_results_are_read_from_tables() -> None:
    """Numbers that are written in the text are dates, assumptions and claims; the others come from places."""
    body = paper.SOURCE.read_text(encoding="utf-8").partition(r"\begin{document}")[2]
    body = re.sub(r"<<.*?>>", "", body, flags=re.DOTALL)
    body = re.sub(r"\\(?:label|ref|input|cite[tp]|includegraphics\[.*?\])\{.*?\}|T4-figures", "", body)
    assert set(re.findall(r"\d*\.?\d+", body)) <= SAID


def test_columns_left_out_are_not_explained() -> None:
    table = paper.shown("T6")
    assert [column.name for column in table.columns] == list(paper.SHORT["T6"])
    assert not [note for note in table.notes if note.startswith(("Payoffs", "Version", "Largest"))]
    assert table.rows[0][2] == stored("T6").records()[0]["stay_transfer"]


def test_what_is_cited_and_referred_to_is_there(text: str) -> None:
    known = set(re.findall(r"^@\w+\{(\w+),", BIBLIOGRAPHY.read_text(encoding="utf-8"), flags=re.MULTILINE))
    cited = {key for keys in re.findall(r"\\cite[tp]\{([^}]*)\}", text) for key in keys.split(",")}
    assert cited
    assert cited <= known
    labels = {stored(name).label for name in paper.INCLUDED} | set(re.findall(r"\\label\{(.*?)\}", text))
    assert set(re.findall(r"\\ref\{(.*?)\}", text)) <= labels
    assert set(re.findall(r"\\input\{(.*?)\}", text)) == set(paper.INCLUDED)
    assert set(re.findall(r"\\includegraphics\[.*?\]\{(.*?)\}", text)) == set(paper.DRAWN) <= set(FIGURES)


def test_a_cell_is_of_one_row() -> None:
    with pytest.raises(InvalidInput, match=r"T11 has 6 rows where .*'Nucleolus'"):
        paper.cell("T11", "China", reading="Nucleolus")


def test_what_the_paper_needs_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None)
    with pytest.raises(NotApplicable, match="`pdflatex` was not found"):
        paper.build(tmp_path, BIBLIOGRAPHY)
    monkeypatch.setattr(shutil, "which", lambda program: program)
    known = SimpleNamespace(stdout="/usr/share/amsmath.sty\n/usr/share/hyperref.sty\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: known)
    with pytest.raises(NotApplicable, match=r"lacks textcomp, booktabs, siunitx, .* natbib, geometry\."):
        paper.build(tmp_path, BIBLIOGRAPHY)
    monkeypatch.setattr(paper, "missing_packages", list)
    with pytest.raises(InvalidInput, match="`bibliography` must be a BibTeX file"):
        paper.build(tmp_path, tmp_path / "absent.bib")


def test_the_command_says_where_the_paper_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked: list[Path] = []

    def build(folder: Path, bibliography: Path) -> Path:
        asked.extend((folder, bibliography))
        return folder / "manuscript.pdf"

    monkeypatch.setattr(paper, "build", build)
    assert paper.main(["-o", str(tmp_path), "--bibliography", str(BIBLIOGRAPHY)]) == 0
    assert asked == [tmp_path, BIBLIOGRAPHY]
    assert capsys.readouterr().out.strip() == str(tmp_path / "manuscript.pdf")


def test_a_set_table_keeps_to_its_columns() -> None:
    """What runs over pages is set small, and headings of columns that must not break are on one line."""
    for name in paper.INCLUDED:
        text = paper._set(name)
        assert "\\begingroup\n\\footnotesize" not in text
        assert ("raggedright" in text) <= (name not in paper.UNBROKEN)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bibtex") is None, reason="no LaTeX")
def test_the_paper_is_set(tmp_path: Path) -> None:
    made = paper.build(tmp_path, BIBLIOGRAPHY)
    log = made.with_suffix(".log").read_text(encoding="utf-8", errors="replace")
    assert made.stat().st_size > 100_000
    assert not re.search(r"undefined|Overfull|multiply defined", log)
