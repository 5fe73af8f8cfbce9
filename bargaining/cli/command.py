"""Run a command line: parse it, execute it, and report an error in one line.

Three commands are defined here: `solve` solves what a file describes, `methods` lists solution concepts and protocols
by name, and `replicate` computes published numbers again.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from inspect import getdoc
from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill
from typing import TYPE_CHECKING, Any

from bargaining.cli.options import MISUSED, Add, add_output, deliver, parser, pick
from bargaining.descriptions import parse_description, read_description
from bargaining.errors import BargainingError
from bargaining.tables.table import Table

if TYPE_CHECKING:
    from bargaining.replications.museum import Replication


_SOLVE = """\
Solve a bargaining problem, a game or a repeated game described in a TOML or JSON file.
Nothing in the file is executed, its size, depth and digits are capped, and so is the time to solve it.
"""


def add_solve(commands: Any) -> argparse.ArgumentParser:
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
    command.set_defaults(run=run_solve)
    return command


def run_solve(options: argparse.Namespace) -> int:
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


Museum = Callable[[], Mapping[str, "Replication"]]

FOLDER = "BARGAINING_REPLICATION_DATA"


def theory_museum() -> Mapping[str, Replication]:
    """Return the replications that the library has."""
    from bargaining.replications.theory import museum

    return museum()


def add_replicate(commands: Any, *, museum: Museum = theory_museum) -> argparse.ArgumentParser:
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
    command.set_defaults(run=lambda options: run_replicate(options, museum()))
    return command


def run_replicate(options: argparse.Namespace, museum: Mapping[str, Replication]) -> int:
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


CHANGED = 1  # exit status: a stored table or a published number differs from the computed one
INTERRUPTED = 130  # exit status, as shells report an interrupt from the keyboard
THEORY: tuple[Add, ...] = (add_solve, add_methods, add_replicate)


def main(
    arguments: Sequence[str] | None = None, *, commands: Sequence[Add] = THEORY, examples: str = ""
) -> int:
    """Run the command line, by default on the arguments of this process, and return its exit status.

    Commands are functions that each add one to the parser, with `run`, a function of the options that returns the exit
    status; `examples` are further ones for the help. The status is 0, also if the output is cut off, as by ``| head``,
    or closed; 1 if a check found a difference; 2 if the request could not be met, with one line on standard error; 130
    after an interrupt.
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
