"""The command `bargaining`: the paper's tables and figures, and answers to problems written in a file."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bargaining import BargainingError, InvalidInput, __version__

if TYPE_CHECKING:
    from bargaining.tables import Table

ENDINGS = {".tex": "latex", ".md": "markdown", ".html": "html", ".csv": "csv", ".txt": "text"}
CHANGED = 1
MISUSED = 2
INTERRUPTED = 130

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
Nothing in the file is executed, and its size, depth and digits are capped.
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns
    -------
    int
        0; 1 if something was computed and is not as it should be; 2 if the request could not be met, with one line
        on standard error.
    """
    try:
        options = _parser().parse_args(arguments)
        done: int = options.run(options)
        sys.stdout.flush()
        return done
    except BrokenPipeError:  # the reader, as in `| head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CHANGED
    except (BargainingError, ImportError, OSError, UnicodeEncodeError) as error:
        print(f"bargaining: {_one_line(error)}", file=sys.stderr)
        return MISUSED
    except KeyboardInterrupt:
        print("bargaining: interrupted", file=sys.stderr)
        return INTERRUPTED


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, UnicodeEncodeError):
        return "the terminal cannot show these characters; write to a file with -o."
    return " ".join(str(error).split())


def table(options: argparse.Namespace) -> int:
    """Print or write one table of the paper."""
    from bargaining_models.paper.reproduce import stored, stored_names

    ready = options.name in stored_names() and not options.recompute
    _deliver([stored(options.name) if ready else _compute(options.name)], options)
    return 0


def figure(options: argparse.Namespace) -> int:
    """Compute one figure of the paper and write it."""
    from bargaining import save_figure
    from bargaining_models.paper.figures import FIGURES
    from bargaining_models.paper.study import Study

    draw = _pick(FIGURES, options.name, "figure")
    print(save_figure(draw(Study()), options.output or Path(f"{options.name}.pdf")))
    return 0


def catalogue(options: argparse.Namespace) -> int:
    """Print what there is."""
    from bargaining_models._answers import concepts
    from bargaining_models.paper.figures import FIGURES
    from bargaining_models.paper.reproduce import stored, stored_names
    from bargaining_models.paper.tables import TABLES

    captions = {
        name: stored(name).caption if name in stored_names() else "(not stored: computed when asked for)"
        for name in TABLES
    }
    _print_section("Tables (bargaining table NAME)", captions)
    _print_section(
        "Figures (bargaining figure NAME)", {name: _summary(draw) for name, draw in FIGURES.items()}
    )
    methods = {name: _summary(method) for name, method in concepts().items()}
    _print_section("Methods (bargaining solve FILE --method NAME)", methods)
    return 0


def _print_section(title: str, entries: Mapping[str, str]) -> None:
    width = max(map(len, entries))
    print(
        f"{title}\n" + "".join(f"  {name:{width}}  {text}".rstrip() + "\n" for name, text in entries.items())
    )


def _summary(function: Callable[..., Any]) -> str:
    first = (function.__doc__ or "").strip().partition("\n")[0]
    return re.sub(r"^F[0-9]+: ", "", first)


def reproduce(options: argparse.Namespace) -> int:
    """Compute tables again, and write, compare or store them."""
    from bargaining_models.paper.tables import TABLES

    if options.exact and not options.check:
        raise InvalidInput("`--exact` must come with `--check`.")
    if not (options.check or options.update):
        from bargaining_models.paper import __main__ as job

        return int(job.main([*options.names, "--output", str(options.output)]) > 0)
    for name in options.names:
        _pick(TABLES, name, "table")
    return _against_stored(options.names or list(TABLES), options)


def _against_stored(names: Sequence[str], options: argparse.Namespace) -> int:
    from bargaining_models.paper.reproduce import changes, store, stored
    from bargaining_models.paper.study import Study

    study, changed = Study(), 0
    for name in names:
        fresh = _compute(name, study)
        if options.update:
            print(store(fresh, name), flush=True)
            continue
        found = changes(fresh, stored(name), exact=options.exact)
        cells = len(fresh.rows) * len(fresh.columns)
        print(f"{name}: {cells} cells, {'CHANGED' if found else 'unchanged'}", flush=True)
        print("".join(f"  {change}\n" for change in found), end="")
        changed += bool(found)
    return CHANGED if changed else 0


def _compute(name: str, study: Any = None) -> "Table":
    from bargaining_models.paper.study import Study
    from bargaining_models.paper.tables import TABLES

    computed: Table = _pick(TABLES, name, "table")(study or Study())
    return computed


def _pick(known: Mapping[str, Callable[..., Any]], name: str, kind: str) -> Callable[..., Any]:
    """Return what is called `name`, or suggest what may have been meant."""
    if name in known:
        return known[name]
    close = get_close_matches(name.upper(), known, n=1) or [next(iter(known))]
    raise InvalidInput(
        f"there is no {kind} {name!r}; did you mean {close[0]}? `bargaining list` has them all."
    )


def solve(options: argparse.Namespace) -> int:
    """Solve what a file describes."""
    from bargaining import read_description
    from bargaining_models._answers import answers

    _deliver(answers(read_description(options.file), options.method), options)
    return 0


def _deliver(tables: "Sequence[Table]", options: argparse.Namespace) -> None:
    """Write tables to the file asked for, whole or not at all, or print them."""
    output: Path | None = options.output
    form = options.format or (_form_of(output) if output else "text")
    text = "\n".join(_written(one, form) for one in tables)
    if output is None:
        print(text, end="")
        return
    from bargaining._files import write_whole

    output.parent.mkdir(parents=True, exist_ok=True)
    write_whole(output, text.encode())


def _form_of(output: Path) -> str:
    if output.suffix not in ENDINGS:
        raise InvalidInput(
            f"`-o` must end in {', '.join(ENDINGS)}, or come with `--format`; got {output.name!r}."
        )
    return ENDINGS[output.suffix]


def _written(one: "Table", form: str) -> str:
    return f"{one}\n" if form == "text" else str(getattr(one, f"to_{form}")())


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, with where to read on."""

    def error(self, message: str) -> NoReturn:
        self.exit(MISUSED, f"{self.prog}: {message}. See `{self.prog} --help`.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="bargaining",
        description="The tables and figures of the paper, and answers to problems written down in a file.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"bargaining {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_table(commands)
    _add_figure(commands)
    commands.add_parser("list", help="say which tables, figures and methods there are").set_defaults(
        run=catalogue
    )
    _add_reproduce(commands)
    _add_solve(commands)
    return parser


def _add_table(commands: Any) -> None:
    text = "print or write a table of the paper"
    command = commands.add_parser(
        "table", help=text, description=f"{text.capitalize()}, from stored results unless told to compute."
    )
    command.add_argument("name", metavar="NAME", help="as in `bargaining list`")
    command.add_argument("--recompute", action="store_true", help="compute it now; takes up to a minute")
    _add_output(command)
    command.set_defaults(run=table)


def _add_figure(commands: Any) -> None:
    text = "compute a figure of the paper and write it"
    command = commands.add_parser("figure", help=text, description=f"{text.capitalize()}.")
    command.add_argument("name", metavar="NAME", help="as in `bargaining list`")
    command.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="ending in .pdf, .svg or .png (default: NAME.pdf)"
    )
    command.set_defaults(run=figure)


def _add_reproduce(commands: Any) -> None:
    text = "compute the paper again, or check that it still comes out the same"
    command = commands.add_parser(
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
    command.set_defaults(run=reproduce)


def _add_solve(commands: Any) -> None:
    command = commands.add_parser(
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
    _add_output(command)
    command.set_defaults(run=solve)


def _add_output(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-f", "--format", choices=list(ENDINGS.values()), help="(default: by the ending of FILE, or text)"
    )
    command.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write it here instead of printing it"
    )


if __name__ == "__main__":
    sys.exit(main())
