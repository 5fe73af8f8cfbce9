"""The parser of the command `bargaining`, and the options that several commands share.

Tables go to the terminal, wrapped to its width, or to files. On a terminal a line says what is being computed, until
the work is done. Work that may take too long, such as solving an arbitrary file, has a time limit.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TypeVar

import bargaining
from bargaining._files import put
from bargaining._names import meant
from bargaining.errors import InvalidInput
from bargaining.tables.table import Table

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
    """A parser whose error messages are one line, with a pointer to the help."""

    def error(self, message: str) -> NoReturn:
        self.exit(MISUSED, f"{self.prog}: {message}. See `{self.prog} --help`.\n")


def parser(commands: Sequence[Add], examples: str = "") -> argparse.ArgumentParser:
    """Return the parser of a command line with these commands."""
    whole = _Parser(
        prog="bargaining",
        description="Answers to bargaining problems and games written in a file, and the tables of the paper.",
        epilog=_EXAMPLES.format(examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"bargaining {bargaining.__version__}")
    subparsers = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in commands:
        add(subparsers)
    return whole


def pick(known: Mapping[str, T], name: str, kind: str, lister: str) -> T:
    """Return the entry called `name`, or suggest a similar one and the command that lists them."""
    if name in known:
        return known[name]
    raise InvalidInput(f"there is no {kind} {name!r}.{meant(name, known)} `{lister}` has them all.")


def add_output(command: argparse.ArgumentParser) -> None:
    """Add the options for the place and the format of a table."""

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


ENDINGS = {
    ".tex": "latex",
    ".md": "markdown",
    ".html": "html",
    ".csv": "csv",
    ".json": "json",
    ".txt": "text",
}


def deliver(
    tables: Sequence[Table], options: argparse.Namespace, more: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Write tables to the given file, each file whole or not at all, or print them; JSON has `more` of each too."""
    output: Path | None = options.output
    form = options.format or (_form_of(output) if output else "text")
    if output is None:
        print(_joined(tables, form, more), end="")
        return
    if form == "csv" and len(tables) > 1:
        for k, table in enumerate(tables, 1):
            path = output.with_stem(f"{output.stem}-{k}")
            put(path, table.to_csv().encode(), "-o", make=True)
            print(path)
        return
    put(output, _joined(tables, form, more).encode(), "-o", make=True)


def _joined(tables: Sequence[Table], form: str, more: Sequence[Mapping[str, Any]]) -> str:
    if form == "json":
        found = [json.loads(table.to_json()) for table in tables]
        for one, own in zip(found, more, strict=False):
            one |= own
        return json.dumps(found[0] if len(found) == 1 else found, ensure_ascii=False, indent=1) + "\n"
    if form == "text":
        return "\n".join(f"{table}\n" for table in tables)
    return "\n".join(str(getattr(table, f"to_{form}")()) for table in tables)


def _form_of(output: Path) -> str:
    if output.suffix not in ENDINGS:
        raise InvalidInput(
            f"`-o` must end in {', '.join(ENDINGS)}, or come with `--format`; got {output.name!r}."
        )
    return ENDINGS[output.suffix]


@contextmanager
def working(what: str) -> Iterator[None]:
    """Say on standard error, if it is a terminal, that this is being worked on, until it is done."""
    shown = sys.stderr.isatty()
    if shown:
        print(f"{what} ...", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        if shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


AGAIN = 0.1  # seconds between tries: an exception while garbage is collected is lost


@contextmanager
def at_most(seconds: float, advice: str) -> Iterator[None]:
    """Raise TimeoutError with `advice` if the work takes longer; without effect on Windows and in a thread."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"no answer within {seconds:g} seconds. {advice}")

    before = signal.signal(signal.SIGALRM, late)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
