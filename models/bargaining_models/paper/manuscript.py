"""The paper as a document: a text whose results are read off the stored tables, set by LaTeX."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import bargaining
from bargaining.authoring import write_whole
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.plots.plot import save_figure
from bargaining.tables.table import Table
from bargaining_models.negotiation.page import page
from bargaining_models.paper.figures import FIGURES
from bargaining_models.paper.study import LATEST, STRUCTURES, Study
from bargaining_models.paper.tables import stored
from bargaining_models.paper.timing import PRIOR

SOURCE = Path(__file__).with_name("manuscript.tex")
INCLUDED = ("data", "T0", "T0-structures", "T13", "headline", "T6", "T10-sensitivity", "T4")
DRAWN = ("F0", "F1", "F2", "F4")
SHORT = {
    "T4": ("claim", "verdict", "assumption"),
    "T6": ("discount", "r", "stay_transfer", "leave_transfer", "alone_Canada", "alone_US"),
}
"""Of which tables the paper shows these columns alone."""
UNBROKEN = ("T0",)
"""Tables whose cells fit on one line each in the paper, which is wider than LaTeX's narrowest class."""
UNSAID = ("Version: ", "Largest residual: ")
"""Notes that the paper has no room for at every table."""
_RUNS = 3  # of LaTeX, after which references and the widths of long tables are settled


def manuscript() -> str:
    """Return the LaTeX source of the paper, with the results in their places."""
    from jinja2 import Environment, StrictUndefined

    places = Environment(
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    places.filters["d"] = lambda value, digits: f"{value:.{digits}f}"
    return places.from_string(SOURCE.read_text(encoding="utf-8")).render(_numbers())


def cell(table: str, column: str, **where: Any) -> Any:
    """Return a number of a stored table: the one of this column in the only row where the others are as given."""
    (found,) = _rows(table, **where)
    return found[column]


def shown(name: str) -> Table:
    """Return a table as the paper shows it: some of its columns, and notes about those."""
    table = stored(name)
    names = SHORT.get(name, tuple(column.name for column in table.columns))
    left = UNSAID if name not in SHORT else (*UNSAID, "Payoffs: ", "Said by: ")
    return replace(
        table,
        rows=tuple(tuple(row[name] for name in names) for row in table.records()),
        columns=tuple(column for column in table.columns if column.name in names),
        notes=tuple(note for note in table.notes if not note.startswith(left)),
    )


def build(folder: Path, bibliography: Path) -> Path:
    """Write the tables, figures and text into a folder and set them; return the path of the PDF.

    The bibliography is a BibTeX file that has what the text cites. NotApplicable if there is no LaTeX, or it fails; the
    message says where its log is.
    """
    for program in ("pdflatex", "bibtex", "kpsewhich"):
        if shutil.which(program) is None:
            raise NotApplicable(f"`{program}` was not found. Install TeX Live with its science packages.")
    lost = missing_packages()
    if lost:
        raise NotApplicable(
            f"LaTeX lacks {', '.join(lost)}. Debian has them in texlive-latex-extra and texlive-science, other systems "
            f"in the full TeX Live."
        )
    if not bibliography.is_file():
        raise InvalidInput(
            f"`bibliography` must be a BibTeX file; there is no {bibliography}. The repository has docs/references.bib."
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name in INCLUDED:
        write_whole(folder / f"{name}.tex", _set(name).encode())
    study = Study()
    for name in DRAWN:
        save_figure(FIGURES[name](study), folder / f"{name}.pdf")
    write_whole(folder / "manuscript.tex", manuscript().encode())
    shutil.copyfile(bibliography, folder / "references.bib")
    latex = ("pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "manuscript")
    for command in (latex, ("bibtex", "manuscript"), *[latex] * _RUNS):
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode:
            raise NotApplicable(
                f"`{command[0]}` failed on the paper; its log is {folder / 'manuscript.log'}."
            )
    return folder / "manuscript.pdf"


def missing_packages() -> list[str]:
    """Return the LaTeX packages of the paper that are not installed."""
    loaded = re.findall(r"\\usepackage(?:\[[^]]*\])?\{([^}]*)\}", SOURCE.read_text(encoding="utf-8"))
    files = [f"{name}.sty" for names in loaded for name in names.split(",")]
    found = subprocess.run(
        ["kpsewhich", *files], capture_output=True, text=True, check=False
    ).stdout.splitlines()
    there = {Path(line).name for line in found}
    return [file.removesuffix(".sty") for file in files if file not in there]


def _set(name: str) -> str:
    """Return the LaTeX of a table; what runs over pages is set small."""
    text = shown(name).to_latex()
    if name in UNBROKEN:
        text = re.sub(r">\{\\raggedright\\arraybackslash\}p\{[^}]*\}", "l", text)
    return text.replace("\\begingroup\n", "\\begingroup\\footnotesize\\setlength{\\tabcolsep}{4pt}\n")


def _rows(table: str, **where: Any) -> list[dict[str, Any]]:
    kept = [
        row for row in stored(table).records() if all(row[name] == value for name, value in where.items())
    ]
    if where and len(kept) != 1:
        raise InvalidInput(f"{table} has {len(kept)} rows where {where}; name one.")
    return kept


def _numbers() -> dict[str, Any]:
    """Return the numbers that the text may name."""
    claims, cases = _rows("T4"), _rows("T8")
    delays = [row for row in _rows("T8-delay") if row["delay"]]
    trade = next(row for row in _rows("T4-figures") if row["claim"].startswith("Over 70%"))
    depends = cell("T4", "assumption", claim=trade["claim"])
    measures = [row for row in _rows("T12") if row["mover"] is not None and row["score"] != "not scored"]
    empty = [row for row in measures if row["happened"].startswith("no")]

    def lost(environment: str, disagreement: str, route: str, r: str) -> str:
        return f"{cell('T0', f'lost_{r}', environment=environment, disagreement=disagreement, route=route)[1]:.0f}"

    def diverted(r: str) -> str:
        (row,) = _rows("headline", tariffs="2023", route="open", reading="Nash")
        return f"{100.0 * (1.0 - row[f'diverted_{r}'] / row['0']):.0f}"

    pages = {"2023": page("CAN", "USA", date="base"), "2026": page("CAN", "USA", date=LATEST)}

    def on_page(year: str, table: int, row: int, column: str) -> float:
        """The number of a table of the page on Canada and the US."""
        return float(pages[year][table].records()[row][column])

    return {
        "version": bargaining.__version__,
        "page": on_page,
        "changes": [-row["change"] for row in pages["2026"][2].records()],
        "cell": cell,
        "lost": lost,
        "verdict": lambda claim: _plain(cell("T4", "verdict", claim=claim)),
        "diverted": diverted,
        "claims": claims,
        "cases": len(cases),
        "bluffs": sum(row["threshold"] > PRIOR for row in cases),
        "prior": PRIOR,
        "delays": f"{min(row['delay'] for row in delays):.1f} to {max(row['delay'] for row in delays):.1f}",
        "delay_cost": f"{max(row['cost'] for row in delays):.1f}",
        "china": f"{max(row['part'] for row in _rows('T11') if row['r'] > 0):.0f}",
        "empty": empty,
        "named": sum(row["score"] == "hit" for row in empty),
        "share": trade["2023_size"][1],
        "later_share": float(depends.rpartition("%")[0].rpartition(" ")[2]),
        "events": _note("T12", "Hits"),
        "answers": _note("T12", "Answers"),
        "benchmark": _note("T12", "Benchmark").replace("of", "Of", 1),
        "structures": [
            row["transfer"]
            for row in _rows("T0-structures")
            if row["environment"] == "2023" and row["structure"] in STRUCTURES
        ],
        "times": _paid("US tariff only") / _paid("tariff war"),
    }


def _paid(disagreement: str) -> float:
    where = {"environment": "2023", "disagreement": disagreement, "route": "open"}
    return float(cell("T0", "transfer_0", **where)[1])


def _note(table: str, name: str) -> str:
    (text,) = (note for note in stored(table).notes if note.startswith(f"{name}: "))
    return _plain(text.removeprefix(f"{name}: ").rstrip("."))


def _plain(text: str) -> str:
    """Return a string of a table in LaTeX: with escaped percent signs, and opening and closing quotes."""
    for quote in ("``", "''"):
        text = text.replace('"', quote, 1)
    return text.replace("%", r"\%")


def main(arguments: Sequence[str] | None = None) -> int:
    """Set the paper and say where it is."""
    parser = argparse.ArgumentParser(prog="python -m bargaining_models.paper.manuscript", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("build/paper"))
    parser.add_argument("--bibliography", type=Path, default=Path("docs/references.bib"))
    options = parser.parse_args(arguments)
    print(build(options.output, options.bibliography))
    return 0


if __name__ == "__main__":
    sys.exit(main())
