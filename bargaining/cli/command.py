"""Run a command line: parse it, execute it, and report an error in one line.

One command is defined here: `methods` lists solution concepts and protocols by name.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from shutil import get_terminal_size
from textwrap import fill
from typing import Any

from bargaining.cli import replicate, solve
from bargaining.cli.options import MISUSED, Add, parser
from bargaining.errors import BargainingError


def add_methods(commands: Any) -> argparse.ArgumentParser:
    """Add the command."""
    command: argparse.ArgumentParser = commands.add_parser(
        "methods", help="list the solution concepts and protocols that `solve` knows"
    )
    command.set_defaults(run=run_methods)
    return command


def run_methods(options: argparse.Namespace) -> int:
    """Print the concepts and the protocols, a line each."""
    from bargaining.cli.answers import concepts, concepts_with_parameters, protocols

    print(section("Concepts (bargaining solve FILE --method NAME)", concepts()))
    print(section('Concepts with a parameter (in FILE: {name = "yu", p = 2})', concepts_with_parameters()))
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
    """Return the first line of a docstring, as a title."""
    line = (function.__doc__ or "").strip().partition("\n")[0].removeprefix("Return ")
    return line[:1].upper() + line[1:]


CHANGED = 1  # exit status: a stored table differs from the computed one
INTERRUPTED = 130  # exit status, as shells report an interrupt from the keyboard
THEORY: tuple[Add, ...] = (solve.add, add_methods, replicate.add)


def main(
    arguments: Sequence[str] | None = None, *, commands: Sequence[Add] = THEORY, examples: str = ""
) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was typed after the name of the command; by default that of this process.
    commands : sequence of callable
        Each adds a command to the parser, with `run`, a function of the options that returns the exit status.
    examples : str
        Further examples for the help.

    Returns
    -------
    int
        0, also if the output is cut off, as by ``| head``, or closed; 1 if a check found a difference; 2 if the request
        could not be met, with one line on standard error; 130 after an interrupt.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the shell, as by >&-
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - open as long as the process
    try:
        try:
            options = parser(commands, examples).parse_args(arguments)
            done: int = options.run(options)
        finally:  # --help and --version exit from within
            sys.stdout.flush()
        return done
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (BargainingError, ImportError, OSError, UnicodeEncodeError) as error:
        print(f"bargaining: {_one_line(error)}", file=sys.stderr)
        return MISUSED
    except KeyboardInterrupt:
        print("bargaining: interrupted", file=sys.stderr)
        return INTERRUPTED


def _one_line(error: Exception) -> str:
    """Return a message without control characters, whatever it quotes."""
    line = _message(error)
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in line)


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, UnicodeEncodeError):
        return "the terminal cannot show these characters; write to a file with -o."
    return " ".join(str(error).split())
