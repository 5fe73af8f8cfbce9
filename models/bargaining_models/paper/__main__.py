"""The main job: compute every table and figure of the paper and write them to a folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill

from bargaining.plots.plot import save_figure
from bargaining.tables.table import Table
from bargaining_models.negotiation.page import page
from bargaining_models.paper.claims import OBJECTIVES
from bargaining_models.paper.figures import FIGURES
from bargaining_models.paper.manuscript import cell
from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import TABLES, stored, table

_WIDTH = 100  # of a table if there is no terminal


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute the tables and figures named, or all, and write them to a folder; return how many failed.

    What is printed is where the files are, and the page on Canada and the US, or the only table asked for.
    """
    from tqdm import tqdm

    known = [*TABLES, *FIGURES]
    parser = argparse.ArgumentParser(prog="python -m bargaining_models.paper", description=__doc__)
    text = f"of {', '.join(known)}; all by default"
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *known], help=text)
    folder = Path("build/paper")
    parser.add_argument("-o", "--output", type=Path, default=folder, help=f"folder (default: {folder})")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar")
    options = parser.parse_args(arguments)
    names, study, shown = options.names or known, Study(), dict[str, Table | None]()
    bar = tqdm(names, file=sys.stderr, leave=False, disable=options.quiet or None)  # None: on terminals only
    for name in bar:
        bar.set_description(name)
        try:
            shown[name] = _make(study, name, options.output)
        except Exception as error:  # one failure must not prevent the others
            tqdm.write(f"{name} failed: {error}", file=sys.stderr)
    print(
        f"{len(shown)} of {len(names)} in {options.output}: tables as .tex, .md and .csv, figures as .pdf. "
        "`bargaining list` says what they show."
    )
    only = shown.get(names[0]) if len(names) == 1 else None
    for last in [only] if only is not None else page("Canada", "US") if "headline" in shown else []:
        print(f"\n{last.to_text(max(get_terminal_size((_WIDTH, 0)).columns, 20))}")
    if "headline" in shown and len(names) > 1:
        print(fill(closing(), get_terminal_size((_WIDTH, 0)).columns, break_on_hyphens=False))
    return len(names) - len(shown)


def closing() -> str:
    """Say what each of the story's projects takes of what the US gets, and how right the models were (T9, T12)."""
    paid = cell("headline", "0", tariffs="2023", route="open", reading="Nash")
    taken: dict[str, list[float]] = {name: [] for name in OBJECTIVES}
    for row in stored("T9").records():
        if row["project"] in taken:
            taken[row["project"]].append(100.0 * row["nash_leverage"] / paid)
    parts = ", ".join(f"{name} {min(part):.2g} to {max(part):.2g}%" for name, part in taken.items())
    hits, answers = (
        next(note for note in stored("T12").notes if note.startswith(f"{name}: "))
        for name in ("Hits", "Answers")
    )
    return (
        f"What each project takes of what the US gets in a war (2023, route open or closed): {parts}; pork still pays "
        f"China 25%, and terms for minerals do not exist yet. Events foreseen: {hits.partition(': ')[2]} {answers}"
    )


def _make(study: Study, name: str, folder: Path) -> Table | None:
    """Write one table or figure; return the table."""
    if name in FIGURES:
        save_figure(FIGURES[name](study), folder / f"{name}.pdf")
        return None
    made = table(study, name)
    made.save(folder, name)
    return made


if __name__ == "__main__":
    sys.exit(main())
