"""The main job: compute every table of the paper and write it to a folder."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import TABLES


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute the tables named, or all; print them and write .tex, .md and .csv.

    Returns
    -------
    int
        The number of tables that failed; those that did not are in place.
    """
    options = _parser().parse_args(arguments)
    from tqdm import tqdm

    study, failed = Study(), 0
    names = options.tables or list(TABLES)
    for name in tqdm(names, desc="tables", file=sys.stderr, disable=options.quiet):
        try:
            table = TABLES[name](study)
            table.save(options.output, name)
        except Exception as error:  # one table's failure must not cost the others
            failed += 1
            print(f"{name} failed: {error}", file=sys.stderr)
        else:
            tqdm.write(f"{name}. {table}\n", file=sys.stdout)
    print(f"{len(names) - failed} of {len(names)} tables in {options.output}")
    return failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bargaining_models.paper", description=__doc__)
    parser.add_argument(
        "tables",
        nargs="*",
        metavar="TABLE",
        choices=[[], *TABLES],
        help=f"of {', '.join(TABLES)}; default all",
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("build/paper"), help="folder (default: build/paper)"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar")
    return parser


if __name__ == "__main__":
    sys.exit(main())
