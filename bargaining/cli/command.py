"""Run a command line: parse it, do it, and say in one line what went wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from bargaining.cli import completion, methods, replicate, solve
from bargaining.cli.options import MISUSED, Add, parser
from bargaining.errors import BargainingError

CHANGED = 1  # exit status: a stored table is not what comes out now
INTERRUPTED = 130  # exit status, as shells report an interrupt from the keyboard
THEORY: tuple[Add, ...] = (solve.add, methods.add, replicate.add, completion.add)


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
        Further lines for the examples that the help gives.

    Returns
    -------
    int
        0, also if the reader has seen enough, as in ``| head``; 1 if something was computed and is not as it should
        be; 2 if the request could not be met, with one line on standard error; 130 after an interrupt.
    """
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
    """Return a message without signs that a terminal would obey, whatever it quotes."""
    line = _message(error)
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in line)


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, UnicodeEncodeError):
        return "the terminal cannot show these characters; write to a file with -o."
    return " ".join(str(error).split())
