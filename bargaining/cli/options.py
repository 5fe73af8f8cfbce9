"""The parser of the command `bargaining`, and the options that several commands share."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from bargaining._names import meant
from bargaining._version import __version__
from bargaining.errors import InvalidInput

Add = Callable[[Any], argparse.ArgumentParser]
"""Adds one command to the subparsers and returns its parser."""

T = TypeVar("T")

MISUSED = 2  # exit status of a command line that is not understood, as of argparse

_EXAMPLES = """\
examples:
  bargaining methods
  bargaining solve cake.toml --method nash egalitarian
  bargaining solve - --format json < cake.toml
{}
Each command has a --help of its own.
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, with where to read on."""

    def error(self, message: str) -> NoReturn:
        self.exit(MISUSED, f"{self.prog}: {message}.{self._meant(message)} See `{self.prog} --help`.\n")

    def _meant(self, message: str) -> str:
        """Return the question whether a word that is known was meant, if the complaint is of one that is not."""
        if found := re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message):
            return meant(found[1], re.findall(r"[\w.-]+", found[2]))
        if found := re.search(r"unrecognized arguments: (--?[\w-]+)", message):
            return meant(found[1], _options(self))
        return ""


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the options of a parser and of the commands below it."""
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action.choices, Mapping):
            for command in action.choices.values():
                yield from _options(command)


def parser(commands: Sequence[Add], examples: str = "") -> argparse.ArgumentParser:
    """Return the parser of a command line with these commands."""
    whole = _Parser(
        prog="bargaining",
        description="Answers to bargaining problems and games written in a file, and the tables of the paper.",
        epilog=_EXAMPLES.format(examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"bargaining {__version__}")
    subparsers = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in commands:
        add(subparsers)
    return whole


def pick(known: Mapping[str, T], name: str, kind: str, lister: str) -> T:
    """Return what is called `name`, or suggest what may have been meant.

    Parameters
    ----------
    known : mapping
        What there is.
    name, kind : str
        What was asked for, and what it was to be: "table", "method".
    lister : str
        The command that lists them.
    """
    if name in known:
        return known[name]
    raise InvalidInput(f"there is no {kind} {name!r}.{meant(name, known)} `{lister}` has them all.")


def add_output(command: argparse.ArgumentParser) -> None:
    """Add what says where a table goes and in which form."""
    from bargaining.cli.printing import ENDINGS

    command.add_argument(
        "-f", "--format", choices=[*ENDINGS.values()], help="(default: by the ending of FILE, or text)"
    )
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="write it here instead of printing it; several tables go to FILE-1, FILE-2, ... where one file "
        "cannot hold them",
    )
