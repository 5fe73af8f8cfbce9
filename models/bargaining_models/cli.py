"""The command `bargaining`, with the commands of the library and those for the paper's tables and figures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bargaining._calls import needs
from bargaining.cli import command
from bargaining.cli.command import section
from bargaining.cli.options import add_output, deliver, pick, working

if TYPE_CHECKING:
    from bargaining import Table
    from bargaining.replications.museum import Replication

_EXAMPLES = """\
  bargaining list
  bargaining table T2 --format latex -o T2.tex
  bargaining negotiate --home Mexico --partner US
  bargaining figure F1 -o F1.pdf
  bargaining reproduce --check
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, see `bargaining.cli.command.main`."""
    theory = (one for one in command.THEORY if one is not command.add_replicate)
    return command.main(arguments, commands=(*theory, add_replicate, *PAPER), examples=_EXAMPLES)


def add_replicate(commands: Any) -> argparse.ArgumentParser:
    """Add `bargaining replicate`, with published numbers about trade."""
    return command.add_replicate(commands, museum=museum)


def museum() -> dict[str, Replication]:
    """Return all replications, by name."""
    from bargaining_models.replications import trade

    return {**command.theory_museum(), **trade.museum()}


def _add(commands: Any, run: Callable[..., int], text: str, more: str = "") -> argparse.ArgumentParser:
    """Add a command of the name of the function that runs it."""
    command: argparse.ArgumentParser = commands.add_parser(
        run.__name__, help=text, description=f"{text.capitalize()}{more or '.'}"
    )
    command.set_defaults(run=run)
    return command


def add_table(commands: Any) -> argparse.ArgumentParser:
    """Add `bargaining table`."""
    text = "print or write a table of the paper"
    command = _add(commands, table, text, ", from stored results unless told to compute.")
    command.add_argument("name", metavar="NAME", help="as in `bargaining list`")
    command.add_argument("--recompute", action="store_true", help="compute it now; takes up to a minute")
    add_output(command)
    return command


def _figures() -> dict[str, Any]:
    """Return what draws each figure, or say how to install what draws."""
    with needs("paper"):
        import matplotlib  # noqa: F401

        from bargaining_models.paper.figures import FIGURES
    return FIGURES


def table(options: argparse.Namespace) -> int:
    """Print or write one table of the paper."""
    from bargaining_models.paper.tables import stored, stored_names

    ready = options.name in stored_names() and not options.recompute
    deliver([stored(options.name) if ready else _compute(options.name)], options)
    return 0


def add_figure(commands: Any) -> argparse.ArgumentParser:
    """Add `bargaining figure`."""
    command = _add(commands, figure, "compute a figure of the paper and write it")
    command.add_argument("name", metavar="NAME", help="as in `bargaining list`")
    text = "ending in .pdf, .svg or .png (default: NAME.pdf)"
    command.add_argument("-o", "--output", type=Path, metavar="FILE", help=text)
    return command


def figure(options: argparse.Namespace) -> int:
    """Compute one figure of the paper and write it."""
    from bargaining import save_figure
    from bargaining_models.paper.study import Study

    draw = pick(_figures(), options.name, "figure", "bargaining list")
    with working(f"computing {options.name}"):
        drawn = draw(Study())
    print(save_figure(drawn, options.output or Path(f"{options.name}.pdf")))
    return 0


def add_negotiate(commands: Any) -> argparse.ArgumentParser:
    """Add `bargaining negotiate`."""
    text = "say what an alternative is worth in talks of two countries"
    command = _add(commands, negotiate, text, ", and what tariffs they agree on.")
    for name in ("home", "partner"):
        text = "a code or a name: MEX, Mexico"
        command.add_argument(f"--{name}", required=True, metavar="COUNTRY", help=text)
    command.add_argument("--alternative", metavar="COUNTRY", help="(default: China)")
    text = 'whose tariffs are in force; "base": those of the figures (default: the last known)'
    command.add_argument("--date", metavar="DAY", help=text)
    command.add_argument(
        "--r", type=float, nargs="+", default=[0.0, 0.10, 0.15], metavar="SHARE", help="redirectable shares"
    )
    command.add_argument("--data", metavar="NAME", help="icio2019, wiod2011, wiod2014 or a folder")
    text = "of elasticities, for bands and for how often there is no deal; 200 take a minute (default: none)"
    command.add_argument("--draws", type=int, default=0, metavar="N", help=text)
    text = "print instead what the partner can ask for not ending trade, by notion of leverage"
    command.add_argument("--notions", action="store_true", help=text)
    add_output(command)
    return command


def negotiate(options: argparse.Namespace) -> int:
    """Print or write the tables of a pair."""
    from bargaining_models.negotiation.page import IMPORTS, sheets

    given = {
        name: getattr(options, name) for name in ("alternative", "date", "r", "data", "draws", "notions")
    }
    with working("solving"):
        found = sheets(options.home, options.partner, **given, progress=sys.stderr.isatty())
    deliver(
        [sheet.table for sheet in found],
        options,
        [{"imports": IMPORTS, "numbers": sheet.numbers()} for sheet in found],
    )
    return 0


def add_list(commands: Any) -> argparse.ArgumentParser:
    """Add `bargaining list`."""
    command: argparse.ArgumentParser = commands.add_parser(
        "list", help="say which tables, figures and methods there are"
    )
    command.set_defaults(run=catalogue)
    return command


def catalogue(options: argparse.Namespace) -> int:
    """Print the names of tables, figures and methods."""
    from bargaining.cli.answers import concepts
    from bargaining_models.paper.figures import FIGURES, shows
    from bargaining_models.paper.tables import TABLES, stored, stored_names

    captions = {
        name: stored(name).caption if name in stored_names() else "(not stored: computed when asked for)"
        for name in TABLES
    }
    print(section("Tables (bargaining table NAME)", captions))
    print(section("Figures (bargaining figure NAME)", {name: shows(name) for name in FIGURES}))
    print(section("Methods (bargaining solve FILE --method NAME)", concepts()))
    return 0


def add_reproduce(commands: Any) -> argparse.ArgumentParser:
    """Add `bargaining reproduce`."""
    command = _add(
        commands,
        reproduce,
        "compute the paper again, or check that it still comes out the same",
        ". With --check the exit status is 1 if a digit changed. The stored tables are this project's own output: "
        "they show that results reproduce, not that they are right.",
    )
    command.add_argument("names", nargs="*", metavar="NAME", help="as in `bargaining list`; all by default")
    what = command.add_mutually_exclusive_group()
    text = "write nothing; compare every cell of the tables with the stored ones"
    what.add_argument("--check", action="store_true", help=text)
    text = "for maintainers: store the tables as they come out"
    what.add_argument("--update", action="store_true", help=text)
    folder = Path("build/paper")
    command.add_argument(
        "-o", "--output", type=Path, default=folder, metavar="FOLDER", help=f"(default: {folder})"
    )
    return command


def reproduce(options: argparse.Namespace) -> int:
    """Compute tables again, and write, compare or store them."""
    from bargaining_models.paper import __main__ as job
    from bargaining_models.paper.study import Study
    from bargaining_models.paper.tables import TABLES, changes, store, stored

    made = not (options.check or options.update)
    for name in options.names:
        pick(dict.fromkeys([*TABLES, *(_figures() if made else ())]), name, "table", "bargaining list")
    if made:
        return int(job.main([*options.names, "--output", str(options.output)]) > 0)
    names, study, changed = options.names or list(TABLES), Study(), 0
    for k, name in enumerate(names, 1):
        fresh = _compute(name, study, f" ({k} of {len(names)})")
        if options.update:
            print(store(fresh, name), flush=True)
            continue
        found = changes(fresh, stored(name))
        cells = len(fresh.rows) * len(fresh.columns)
        print(f"{name}: {cells} cells, {'CHANGED' if found else 'unchanged'}", flush=True)
        print("".join(f"  {change}\n" for change in found), end="")
        changed += bool(found)
    return command.CHANGED if changed else 0


def _compute(name: str, study: Any = None, place: str = "") -> Table:
    from bargaining_models.paper.study import Study
    from bargaining_models.paper.tables import TABLES, table

    pick(TABLES, name, "table", "bargaining list")
    with working(f"computing {name}{place}"):
        return table(study or Study(), name)


PAPER = (add_negotiate, add_table, add_figure, add_list, add_reproduce)


if __name__ == "__main__":
    sys.exit(main())
