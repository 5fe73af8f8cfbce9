"""`bargaining solve`: solve a problem or a game that a file describes."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from inspect import getdoc
from pathlib import Path
from typing import Any

from bargaining.cli.options import add_output
from bargaining.descriptions import parse_description, read_description

_SOLVE = """\
Solve a bargaining problem, a game or a repeated game described in a TOML or JSON file.
Nothing in the file is executed, its size, depth and digits are capped, and so is the time to solve it.
"""


def add(commands: Any) -> argparse.ArgumentParser:
    """Add the command; its help on files is that of `read_description`."""
    notes = (getdoc(read_description) or "").rpartition("Notes\n-----\n")[2]
    command: argparse.ArgumentParser = commands.add_parser(
        "solve",
        help="solve a problem or a game described in a TOML or JSON file",
        description=_SOLVE,
        epilog=notes.partition("\n\nExamples\n")[0].replace("``", "`").replace("::", ":"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="ending in .toml or .json, at most 100 kB; - reads standard input",
    )
    command.add_argument(
        "--method",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="concepts, as in `bargaining methods`",
    )
    command.add_argument(
        "--weights",
        nargs="+",
        metavar="W",
        help="one a player, as in --weights 1/3 2/3, for the concepts that take weights",
    )
    command.add_argument(
        "--seconds", type=_positive, default=60.0, metavar="N", help="give up after so long (default: 60)"
    )
    add_output(command)
    command.set_defaults(run=run)
    return command


def run(options: argparse.Namespace) -> int:
    """Solve what a file describes."""
    from bargaining.cli.answers import answers, weights_of
    from bargaining.cli.options import at_most, deliver, working
    from bargaining.errors import InvalidInput

    file, methods, weights = _sort(options.file, options.method, options.weights or [])
    if file is None:
        raise InvalidInput("`FILE` is missing: name a .toml or .json file, or - for standard input.")
    described = parse_description(sys.stdin.buffer.read(100_001)) if file == "-" else read_description(file)
    with (
        working(f"solving {described.title}"),
        at_most(options.seconds, "Name fewer methods with `--method`, or allow more with `--seconds`."),
    ):
        tables = answers(described, methods, weights=weights_of(weights))
    deliver(tables, options)
    return 0


def _sort(
    file: str | None, methods: Sequence[str], weights: Sequence[str]
) -> tuple[str | None, list[str], list[str]]:
    """Find the file after `--method` or `--weights`, whose last word may be the file."""
    lists = [list(methods), list(weights)]
    for words in lists:
        if file is None and words and (words[-1] == "-" or Path(words[-1]).suffix in (".toml", ".json")):
            file = words.pop()
    return file, lists[0], lists[1]


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a positive number; got {text!r}")
    return value
