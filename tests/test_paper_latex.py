"""Every table of the paper compiles as it is, and fits the page of LaTeX's narrowest class."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bargaining import Column, Table
from bargaining_models.paper.tables import stored, stored_names

PACKAGES = r"\usepackage[T1]{fontenc}\usepackage{textcomp,booktabs,siunitx,threeparttable,longtable,lscape}"
NEEDS_LATEX = pytest.mark.skipif(
    shutil.which("pdflatex") is None,
    reason="no pdflatex; install texlive-latex-base, texlive-latex-extra and texlive-science",
)
SENTENCE = "A sentence of many words that no column of a paper is wide enough to hold on one line. "


WIDE = {
    "text": Table([[SENTENCE * 3, SENTENCE, 0.5]] * 3, caption="Text", notes=[SENTENCE * 2]),
    "text and numbers": Table([[SENTENCE, *(0.12345 * k for k in range(6))]] * 3),
    "rows": Table(
        [[k, SENTENCE, k / 7] for k in range(60)],
        caption=SENTENCE,
        label="tab:long",
        notes=[SENTENCE * 3, "b"],
    ),
    "bare rows": Table([[k / 3 for k in range(3)]] * 41),
    "headings": Table(
        [[1 / 3] * 8], columns=[Column(f"a long heading {k}", unit="USD bn of 2023") for k in range(8)]
    ),
    "groups": Table(
        [[1 / 3] * 4],
        columns=[Column(str(k), group=f"A group with a heading of many words, {k // 2}") for k in range(4)],
    ),
    "exponents": Table([[-1.5e-300, 1e-12]] * 2),
    "turned": Table([["Nash", *(123.45 * k + 0.123 for k in range(14))]] * 3, caption="Wide", notes=["a"]),
    "turned long": Table(
        [[SENTENCE, *(123.45 * k + 0.123 for k in range(12))]] * 30, caption="Wide and long"
    ),
}
TABLES = [*stored_names(), *WIDE]


# Twenty rows at a time, a table over several pages would settle its widths in the second run only.
WHOLE = r"\setcounter{LTchunksize}{1000}"


def document(body: str) -> str:
    return rf"\documentclass{{article}}{PACKAGES}\begin{{document}}{WHOLE}{body}\end{{document}}"


def typeset(text: str, folder: Path) -> str:
    """Compile a document and return what LaTeX had to say."""
    (folder / "t.tex").write_text(text, encoding="utf-8")
    command = [
        "pdflatex",
        "-interaction=nonstopmode",
        "-halt-on-error",
        "-no-shell-escape",
        "-draftmode",
        "t.tex",
    ]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, errors="replace", check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def said(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what LaTeX had to say of each table that is asked for: on pages of its own, in one document."""
    items = [
        item
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path
    ]
    names = {item.callspec.params["name"] for item in items if request.fixturename in item.fixturenames}
    texts = {name: (WIDE[name] if name in WIDE else stored(name)).to_latex() for name in sorted(names)}
    body = "".join(rf"\typeout{{== {name}}}{text}\clearpage" for name, text in texts.items())
    log = typeset(document(body + r"\typeout{== end}"), tmp_path_factory.mktemp("latex"))
    _, *parts, _ = re.split(r"^== .*\n", log, flags=re.MULTILINE)
    return dict(zip(texts, parts, strict=True))


@NEEDS_LATEX
@pytest.mark.parametrize("name", TABLES)
def test_a_table_fits_the_page(name: str, said: dict[str, str]) -> None:
    complaints = r"^(?:Overfull|LaTeX Error|LaTeX Warning: Float too large).*"
    assert re.findall(complaints, said[name], flags=re.MULTILINE) == []


@NEEDS_LATEX
@pytest.mark.parametrize(
    "wide",
    [
        r"\rule{2\linewidth}{1pt}",
        r"\begin{longtable}{ll}" + r"a&b\\" * 60 + r"\rule{\linewidth}{1pt}&b\end{longtable}",
    ],
    ids=["a line", "the last row of a long table"],
)
def test_a_table_that_does_not_fit_is_seen(tmp_path: Path, wide: str) -> None:
    text = document(r"\typeout{== a}" + wide)
    assert re.search(r"^== a\n[^=]*^Overfull", typeset(text, tmp_path), flags=re.MULTILINE)


def test_what_fits_is_left_alone() -> None:
    text = Table([["Nash", 0.5]]).to_latex()
    assert r"\small" not in text
    assert r"\linewidth" not in text
    assert r"\begin{tabular}{@{}lS[table-format=1.1]@{}}" in text


def test_a_page_is_turned_only_if_it_must() -> None:
    assert "landscape" not in Table([[0.123] * 10]).to_latex()
    text = Table([[123.123] * 15]).to_latex()
    assert text.startswith("\\begin{landscape}\n")
    assert text.endswith("\\end{landscape}\n")


def test_the_head_of_a_long_table_is_repeated() -> None:
    text = Table([[k] for k in range(41)], columns=[Column("n", group="g")]).to_latex()
    assert text.count(r"\midrule") == text.count(r"\cmidrule") == 2
    assert text.index(r"\endfirsthead") < text.index(r"\endhead") < text.index("40 ")
