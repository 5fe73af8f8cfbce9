"""The main job: compute every table and figure of the paper and write them to a folder."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from shutil import get_terminal_size

from bargaining.plots.plot import save_figure
from bargaining.tables.table import Table
from bargaining_models.paper.figures import FIGURES
from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import TABLES, table

HEADLINE = "headline"
_WIDTH = 100  # of a table if there is no terminal
_APART = re.compile("T0|T5|T12|F4")
"""What shares little with the rest: a process of its own computes it if all is asked for."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute the tables and figures named, or all, and write them to a folder; then say what matters most.

    What is printed is the headline, or the only table asked for, and where the files are.

    Returns
    -------
    int
        How many failed; those that did not are in place.
    """
    options = _parser().parse_args(arguments)
    names = options.names or [*TABLES, *FIGURES]
    shares = [[name for name in names if bool(_APART.search(name)) == apart] for apart in (False, True)]
    if options.names:
        made, shown = _work(names, options.output, options.quiet)
    else:
        with ProcessPoolExecutor(1) as pool:
            other = pool.submit(_work, shares[1], options.output, True)
            made, shown = _work(shares[0], options.output, options.quiet)
            made += other.result()[0]
    if shown is not None:
        width = get_terminal_size((_WIDTH, 0)).columns
        print(f"{shown.to_text(max(width, 20))}\n")
    print(
        f"{len(made)} of {len(names)} in {options.output}: tables as .tex, .md and .csv, figures as .pdf. "
        "`bargaining list` says what they show."
    )
    return len(names) - len(made)


def _work(names: Sequence[str], folder: Path, quiet: bool) -> tuple[list[str], Table | None]:
    """Write tables and figures; return which, and the table to print."""
    from tqdm import tqdm

    study, written = Study(), list[str]()
    shown: Table | None = None
    bar = tqdm(names, file=sys.stderr, leave=False, disable=quiet or None)  # None: on terminals only
    for name in bar:
        bar.set_description(name)
        try:
            made = _make(study, name, folder)
        except Exception as error:  # one failure must not prevent the others
            tqdm.write(f"{name} failed: {error}", file=sys.stderr)
        else:
            written.append(name)
            if name == HEADLINE and len(names) > 1:
                shown = TABLES[name].at(study)  # at one date it is a screen wide
            elif len(names) == 1:
                shown = made
    return written, shown


def _make(study: Study, name: str, folder: Path) -> Table | None:
    """Write one table or figure; return the table."""
    if name in FIGURES:
        save_figure(FIGURES[name](study), folder / f"{name}.pdf")
        return None
    made = table(study, name)
    made.save(folder, name)
    return made


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bargaining_models.paper", description=__doc__)
    known = [*TABLES, *FIGURES]
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        choices=[[], *known],
        help=f"of {', '.join(known)}; all by default",
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("build/paper"), help="folder (default: build/paper)"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar")
    return parser


if __name__ == "__main__":
    sys.exit(main())
