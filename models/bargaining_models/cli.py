"""The command `bargaining`: the paper's tables and figures, and answers to problems written in a file."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bargaining import BargainingError, InvalidInput
from bargaining_models._limit import at_most
from bargaining_models._options import ENDINGS, MISUSED, parser

if TYPE_CHECKING:
    from bargaining.tables.table import Table

CHANGED = 1
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns
    -------
    int
        0; 1 if something was computed and is not as it should be; 2 if the request could not be met, with one line
        on standard error.
    """
    try:
        options = parser(RUNS).parse_args(arguments)
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


def _compute(name: str, study: Any = None) -> Table:
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

    with at_most(options.seconds, "Name fewer methods with `--method`, or allow more with `--seconds`."):
        tables = answers(read_description(options.file), options.method)
    _deliver(tables, options)
    return 0


def _deliver(tables: Sequence[Table], options: argparse.Namespace) -> None:
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


def _written(one: Table, form: str) -> str:
    return f"{one}\n" if form == "text" else str(getattr(one, f"to_{form}")())


RUNS = {"table": table, "figure": figure, "list": catalogue, "reproduce": reproduce, "solve": solve}


if __name__ == "__main__":
    sys.exit(main())
