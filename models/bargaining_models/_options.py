"""The options of the command `bargaining`, and its help."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from bargaining import __version__

Run = Callable[[argparse.Namespace], int]

ENDINGS = {".tex": "latex", ".md": "markdown", ".html": "html", ".csv": "csv", ".txt": "text"}
MISUSED = 2

_EXAMPLES = """\
examples:
  bargaining list
  bargaining table T2 --format latex -o T2.tex
  bargaining figure F1 -o F1.pdf
  bargaining reproduce --check
  bargaining solve cake.toml --method nash egalitarian

Each command has a --help of its own.
"""

_SOLVE = """\
Solve a bargaining problem, a game or a repeated game described in a TOML or JSON file.
Nothing in the file is executed, its size, depth and digits are capped, and so is the time to solve it.
"""

_SCHEMA = """\
the file, for a problem:
  [problem]
  disagreement = [0, "1/5"]           # fractions in quotes
  total = 1                           # or: points = [[0, 1], [1, 0]]

for a game, and for a repeated one with the right to leave:
  [game]
  payoffs = [[[9, 1], [10, 3]], [[9, 10], [1, 3]]]

  [repeated]
  discounts = 0.9
  exit = [2, 1]                       # optional

Before the tables: title = "Cake" and methods = ["nash"], both optional.
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, with where to read on."""

    def error(self, message: str) -> NoReturn:
        self.exit(MISUSED, f"{self.prog}: {message}. See `{self.prog} --help`.\n")


def parser(runs: Mapping[str, Run]) -> argparse.ArgumentParser:
    """Return the parser of the command line; `runs` has what each command calls."""
    whole = _Parser(
        prog="bargaining",
        description="The tables and figures of the paper, and answers to problems written down in a file.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"bargaining {__version__}")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, options in {
        "table": _table_options,
        "figure": _figure_options,
        "list": _list_options,
        "reproduce": _reproduce_options,
        "solve": _solve_options,
    }.items():
        options(commands).set_defaults(run=runs[name])
    return whole


def _table_options(commands: Any) -> argparse.ArgumentParser:
    text = "print or write a table of the paper"
    command: argparse.ArgumentParser = commands.add_parser(
        "table", help=text, description=f"{text.capitalize()}, from stored results unless told to compute."
    )
    command.add_argument("name", metavar="NAME", help="as in `bargaining list`")
    command.add_argument("--recompute", action="store_true", help="compute it now; takes up to a minute")
    _add_output(command)
    return command


def _figure_options(commands: Any) -> argparse.ArgumentParser:
    text = "compute a figure of the paper and write it"
    command: argparse.ArgumentParser = commands.add_parser(
        "figure", help=text, description=f"{text.capitalize()}."
    )
    command.add_argument("name", metavar="NAME", help="as in `bargaining list`")
    command.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="ending in .pdf, .svg or .png (default: NAME.pdf)"
    )
    return command


def _list_options(commands: Any) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        "list", help="say which tables, figures and methods there are"
    )
    return command


def _reproduce_options(commands: Any) -> argparse.ArgumentParser:
    text = "compute the paper again, or check that it still comes out the same"
    command: argparse.ArgumentParser = commands.add_parser(
        "reproduce",
        help=text,
        description=f"{text.capitalize()}. With --check the exit status is 1 if a digit changed. The stored tables "
        "are this project's own output: they show that results reproduce, not that they are right.",
    )
    command.add_argument("names", nargs="*", metavar="NAME", help="as in `bargaining list`; all by default")
    what = command.add_mutually_exclusive_group()
    what.add_argument(
        "--check",
        action="store_true",
        help="write nothing; compare every cell of the tables with the stored ones",
    )
    what.add_argument(
        "--update", action="store_true", help="for maintainers: store the tables as they come out"
    )
    command.add_argument(
        "--exact", action="store_true", help="with --check: compare every bit, not what prints"
    )
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("build/paper"),
        metavar="FOLDER",
        help="(default: build/paper)",
    )
    return command


def _solve_options(commands: Any) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        "solve",
        help="solve a problem or a game described in a TOML or JSON file",
        description=_SOLVE,
        epilog=_SCHEMA,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("file", type=Path, metavar="FILE", help="ending in .toml or .json, at most 100 kB")
    command.add_argument(
        "--method",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="concepts, as in `bargaining list`",
    )
    command.add_argument(
        "--seconds", type=_positive, default=60.0, metavar="N", help="give up after so long (default: 60)"
    )
    _add_output(command)
    return command


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a positive number; got {text!r}")
    return value


def _add_output(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-f", "--format", choices=list(ENDINGS.values()), help="(default: by the ending of FILE, or text)"
    )
    command.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write it here instead of printing it"
    )
