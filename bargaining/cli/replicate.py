"""`bargaining replicate`: published numbers, computed again."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bargaining.cli.options import add_output, deliver, pick
from bargaining.tables.table import Table

if TYPE_CHECKING:
    from bargaining.replications.museum import Replication

Museum = Callable[[], Mapping[str, "Replication"]]

FOLDER = "BARGAINING_REPLICATION_DATA"
CHANGED = 1  # exit status: a published number differs from the computed one


def theory() -> Mapping[str, Replication]:
    """Return the replications that the library has."""
    from bargaining.replications.theory import museum

    return museum()


def add(commands: Any, *, museum: Museum = theory) -> argparse.ArgumentParser:
    """Add the command, with a museum: the replications by name."""
    text = "compute published numbers again, and show the two side by side"
    command: argparse.ArgumentParser = commands.add_parser(
        "replicate", help=text, description=f"{text.capitalize()}; without a name, say what there is."
    )
    command.add_argument("names", metavar="NAME", nargs="*", help="which tables; all of them with --check")
    command.add_argument(
        "--check", action="store_true", help="say only what does not agree, with exit status 1"
    )
    command.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help=f"data that may not be shipped (default: the folder that {FOLDER} names)",
    )
    add_output(command)
    command.set_defaults(run=lambda options: run(options, museum()))
    return command


def run(options: argparse.Namespace, museum: Mapping[str, Replication]) -> int:
    """Show, list or check."""
    folder = options.data or (Path(os.environ[FOLDER]) if os.environ.get(FOLDER) else None)
    chosen = [pick(museum, name, "replication", "bargaining replicate") for name in options.names]
    if options.check:
        return check(chosen or list(museum.values()), folder, named=bool(chosen))
    deliver([one.table(folder) for one in chosen] or [catalogue(museum)], options)
    return 0


def catalogue(museum: Mapping[str, Replication]) -> Table:
    """Return a table of what there is."""
    rows = [
        {"name": name, "numbers": len(one.numbers), "title": one.title, "needs": one.data or None}
        for name, one in museum.items()
    ]
    return Table(rows, caption="Published numbers that can be computed again", missing="")


def check(chosen: list[Replication], folder: Path | None, *, named: bool) -> int:
    """Print the numbers that do not agree, and how many do; skip replications without data unless they were named."""
    wrong, count = [], 0
    for one in chosen:
        if one.data and not named and (folder is None or not (folder / one.data).exists()):
            print(f"{one.name}: skipped, needs {one.data}", file=sys.stderr)
            continue
        wrong += one.wrong(folder)
        count += len(one.numbers)
    for line in wrong:
        print(line)
    print(f"{count - len(wrong)} of {count} published numbers agree, or differ as is said")
    return CHANGED if wrong else 0
