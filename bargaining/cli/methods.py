"""`bargaining methods`: the solution concepts and protocols by name."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from shutil import get_terminal_size
from textwrap import fill
from typing import Any


def add(commands: Any) -> argparse.ArgumentParser:
    """Add the command."""
    command: argparse.ArgumentParser = commands.add_parser(
        "methods", help="list the solution concepts and protocols that `solve` knows"
    )
    command.set_defaults(run=run)
    return command


def run(options: argparse.Namespace) -> int:
    """Print the concepts and the protocols, a line each."""
    from bargaining.cli.answers import concepts, protocols

    print(section("Concepts (bargaining solve FILE --method NAME)", concepts()))
    print(section("Protocols (in FILE, with their parameters: see `bargaining solve --help`)", protocols()))
    return 0


def section(title: str, entries: Mapping[str, Callable[..., Any] | str]) -> str:
    """Return a title and a line for each entry: its name and the first line of its docstring, or its text."""
    width = max(map(len, entries))
    texts = {name: it if isinstance(it, str) else summary(it) for name, it in entries.items()}
    lines = [title, *(f"  {name:{width}}  {text}".rstrip() for name, text in texts.items())]
    if sys.stdout.isatty():
        columns, aside = get_terminal_size().columns, " " * min(width + 4, 12)
        lines = [fill(line, columns, subsequent_indent=aside) for line in lines]
    return "\n".join([*lines, ""])


def summary(function: Callable[..., Any]) -> str:
    """Return the first line of a docstring."""
    return (function.__doc__ or "").strip().partition("\n")[0]
