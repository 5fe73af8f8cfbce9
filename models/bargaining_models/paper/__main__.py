"""The main job: compute every table and figure of the paper and write them to a folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bargaining.plots.plot import save_figure
from bargaining_models.paper.figures import FIGURES
from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import TABLES


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute the tables and figures named, or all; print the tables and write everything to a folder.

    Returns
    -------
    int
        How many failed; those that did not are in place.
    """
    options = _parser().parse_args(arguments)
    from tqdm import tqdm

    study, failed = Study(), 0
    names = options.names or [*TABLES, *FIGURES]
    for name in tqdm(names, file=sys.stderr, disable=options.quiet):
        try:
            text = _make(study, name, options.output)
        except Exception as error:  # one failure must not cost the others
            failed += 1
            print(f"{name} failed: {error}", file=sys.stderr)
        else:
            tqdm.write(text, file=sys.stdout)
    print(f"{len(names) - failed} of {len(names)} in {options.output}")
    return failed


def _make(study: Study, name: str, folder: Path) -> str:
    """Write one table or figure and return what to print."""
    if name in FIGURES:
        return f"{name}. {save_figure(FIGURES[name](study), folder / f'{name}.pdf')}\n"
    table = TABLES[name](study)
    table.save(folder, name)
    return f"{name}. {table}\n"


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
