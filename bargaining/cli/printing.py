"""Where the tables of a command go: to the terminal, folded to its width, or to files."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from bargaining._files import put
from bargaining.errors import InvalidInput
from bargaining.tables.table import Table

ENDINGS = {
    ".tex": "latex",
    ".md": "markdown",
    ".html": "html",
    ".csv": "csv",
    ".json": "json",
    ".txt": "text",
}


def deliver(tables: Sequence[Table], options: argparse.Namespace) -> None:
    """Write tables to the file asked for, each file whole or not at all, or print them."""
    output: Path | None = options.output
    form = options.format or (_form_of(output) if output else "text")
    if output is None:
        print(_joined(tables, form), end="")
        return
    if form == "csv" and len(tables) > 1:
        for k, table in enumerate(tables, 1):
            path = output.with_stem(f"{output.stem}-{k}")
            put(path, table.to_csv().encode(), "-o", make=True)
            print(path)
        return
    put(output, _joined(tables, form).encode(), "-o", make=True)


def _joined(tables: Sequence[Table], form: str) -> str:
    if form == "json":
        found = [json.loads(table.to_json()) for table in tables]
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
