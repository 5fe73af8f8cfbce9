"""Read published numbers, compute them again, and show the two side by side.

A file `NAME.toml` contains a title, the source, the place of the numbers in it, where we saw them, a description, and
the numbers as printed: `rows`, each a label and its numbers under `columns`, and then `numbers`, each with a label. A
number's third entry says why ours differs (by default the file's `why`), and a fourth gives our number. `data` names a
file that may not be shipped, and `obtain` describes its contents. A decimal is accurate to half a unit of its last
digit, a fraction or an integer is exact; `within` widens both.

Numbers are computed by the function of the file's name; or, if the file lists `games`, by `equilibria` from the
`payoffs` of each: the chances in the equilibria with the `supports` named, then the `counts` of "all" or "mixed" ones.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from bargaining.errors import InvalidInput
from bargaining.tables.table import Column, Table

Computed = Callable[[Path | None], Sequence[float | Fraction]]
"""Takes the folder of data that may not be shipped, and returns the numbers in the order of the file."""

_EXACT = 1e-12  # tolerance for fractions and integers: rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """One published number."""

    of: str
    printed: str
    why: str = ""
    ours: str = ""

    @property
    def value(self) -> float:
        """The number."""
        return float(Fraction(self.printed))

    def allows(self, value: float, within: float) -> bool:
        """Say whether a computed number agrees with the printed one, or with the number given as ours."""
        text = self.ours or self.printed
        return abs(value - float(Fraction(text))) <= max(within, _half_unit(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Replication:
    """A published table or figure: its numbers, its source, and the function that computes it again."""

    name: str
    title: str
    source: str
    where: str
    seen: str
    about: str
    numbers: tuple[Printed, ...]
    within: float
    data: str
    obtain: str
    compute: Computed

    def computed(self, folder: Path | None = None) -> tuple[float, ...]:
        """Return our numbers, in the order of `numbers`; InvalidInput if data are needed that the folder has not."""
        if self.data and (folder is None or not (folder / self.data).exists()):
            raise InvalidInput(
                f"{self.name} needs {self.data}, which may not be shipped: name its folder by --data. "
                f"It holds {self.obtain}."
            )
        try:
            return tuple(map(float, self.compute(folder)))
        except (BadZipFile, EOFError, KeyError, OSError, ValueError) as error:
            if not self.data:
                raise
            why = f"{type(error).__name__}: {error}"
            raise InvalidInput(f"{self.data} must hold {self.obtain}; it cannot be used: {why}.") from None

    def table(self, folder: Path | None = None) -> Table:
        """Return published, ours and the difference, a row each."""
        rows = []
        for one, ours in zip(self.numbers, self.computed(folder), strict=True):
            row = {"number": one.of, "published": one.printed, "ours": ours, "difference": ours - one.value}
            rows.append(row | {"why they differ": one.why})
        columns = [
            Column("number"),
            Column("published"),
            Column("ours", digits=9),
            Column("difference", digits=2),
        ]
        if any(one.why for one in self.numbers):
            columns.append(Column("why they differ"))
        notes = {"Source": self.source, "There": self.where, "Seen": self.seen}
        return Table(rows, columns=columns, caption=self.title, notes=notes)

    def wrong(self, folder: Path | None = None) -> list[str]:
        """Return the numbers that do not agree, a line each."""
        found = self.computed(folder)
        if len(found) != len(self.numbers):
            return [f"{self.name}: {len(self.numbers)} numbers are published, {len(found)} were computed"]
        return [
            f"{self.name}: {one.of} is {one.ours or one.printed}, we find {ours:.10g}"
            for one, ours in zip(self.numbers, found, strict=True)
            if not one.allows(ours, self.within)
        ]


def read(folder: Path, functions: Mapping[str, Any]) -> dict[str, Replication]:
    """Return the replications of a folder by name, each with its function, which is called once."""
    found = {}
    for path in sorted(folder.glob("*.toml")):
        held = tomllib.loads(path.read_text(encoding="utf-8"))
        numbers = []
        columns, why = held.pop("columns", []), held.pop("why", "")
        for row in held.pop("rows", []):
            label, _, cells = row.partition(" | ")
            cells = zip(columns, cells.split(), strict=False)
            numbers += [Printed(of=f"{label}, {column}", printed=cell) for column, cell in cells]
        for of, printed, *differs in held.pop("numbers", []):
            reason, ours = differs or ["", ""]
            numbers.append(Printed(of=of, printed=printed, why=reason or why * bool(ours), ours=ours))
        games = held.pop("games", ())
        compute = functions["equilibria"](games) if games else functions[path.stem.replace("-", "_")]
        rest: dict[str, Any] = {"within": 0.0, "data": "", "obtain": ""} | held
        found[path.stem] = Replication(name=path.stem, numbers=tuple(numbers), compute=cache(compute), **rest)
    return found


def page(museum: Mapping[str, Replication]) -> str:
    """Return a page in Markdown: the replications with their sources, and the numbers that differ with the reason."""
    count = sum(len(one.numbers) for one in museum.values())
    lines, rows = [], []
    whys: dict[str, int] = {}
    for name, one in museum.items():
        lines.append(f"- {one.title} (`{name}`, {len(one.numbers)} numbers): {one.source.rstrip('.')}.")
        if one.data:
            lines.append(f"  Needs data that may not be shipped, `{one.data}`: {one.obtain}.")
        for number in one.numbers:
            if number.why:
                mark = whys.setdefault(number.why, len(whys) + 1)
                rows.append(f"| {name} | {number.of} | {number.printed} | {number.ours} | {mark} |")
    lines += ["", "## Numbers that differ", "", "| table | number | published | ours | reason |"]
    lines += ["|:---|:---|---:|---:|---:|", *rows, "", *(f"{mark}. {why}." for why, mark in whys.items())]
    return "\n".join([f"{len(museum)} tables and {count} numbers; {len(rows)} differ.", "", *lines, ""])


def _half_unit(text: str) -> float:
    """Return half a unit of the last digit of a decimal, but no less than rounding may leave."""
    rounding = _EXACT * max(1.0, abs(float(Fraction(text))))
    return max(0.500001 * 10.0 ** -len(text.partition(".")[2]), rounding) if "." in text else rounding
