"""The main job: compute every table and figure of the paper and write them to a folder."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from shutil import get_terminal_size

from bargaining.plots.plot import save_figure
from bargaining.tables.table import Table
from bargaining_models.paper.figures import FIGURES, shows
from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import TABLES, table

HEADLINE = "headline"
_WIDTH = 100  # of a table if there is no terminal
_APART = re.compile("T0|T5|T12|F4")
"""What shares little with the rest: a process of its own computes it if all is asked for."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute the tables and figures named, or all, and write them to a folder; then say what matters most.

    What is printed is the headline, or the only table asked for, and a line for each file or group of files.

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
            made |= other.result()[0]
    written = {name: made[name] for name in names if name in made}
    if shown is not None:
        width = get_terminal_size((_WIDTH, 0)).columns
        print(f"{shown.to_text(max(width, 20))}\n")
    _list(written, options.output)
    failed = len(names) - len(written)
    print(f"{len(written)} of {len(names)} in {options.output}")
    return failed


def _work(names: Sequence[str], folder: Path, quiet: bool) -> tuple[dict[str, str], Table | None]:
    """Write tables and figures; return what each shows, and the table to print."""
    from tqdm import tqdm

    study, written = Study(), dict[str, str]()
    shown: Table | None = None
    bar = tqdm(names, file=sys.stderr, leave=False, disable=quiet or None)  # None: on terminals only
    for name in bar:
        bar.set_description(name)
        try:
            made, written[name] = _make(study, name, folder)
        except Exception as error:  # one failure must not prevent the others
            tqdm.write(f"{name} failed: {error}", file=sys.stderr)
        else:
            if name == HEADLINE and len(names) > 1:
                shown = TABLES[name].at(study)  # at one date it is a screen wide
            elif len(names) == 1:
                shown = made
    return written, shown


def _list(written: Mapping[str, str], folder: Path) -> None:
    """Print a line for each table and figure: where it is and what it shows, as far as the terminal is wide."""
    width = get_terminal_size((_WIDTH, 0)).columns
    pad = max(map(len, written), default=0)
    for title, names in (("Tables, as .tex, .md and .csv", TABLES), ("Figures, as .pdf", FIGURES)):
        found = {name: text for name, text in written.items() if name in names}
        if found:
            print(f"{title}, in {folder}:")
            print("".join(f"{f'  {name:{pad}}  {text}'[:width].rstrip()}\n" for name, text in found.items()))


def _make(study: Study, name: str, folder: Path) -> tuple[Table | None, str]:
    """Write one table or figure; return the table, and what it shows in a line."""
    if name in FIGURES:
        save_figure(FIGURES[name](study), folder / f"{name}.pdf")
        return None, shows(name)
    made = table(study, name)
    made.save(folder, name)
    return made, made.caption


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
