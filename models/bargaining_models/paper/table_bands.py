"""Bands of the paper's tables: every cell's median and [5, 95] over worlds drawn as for the headline.

A draw is a world: a structure, elasticities by sector, caps, prices, costs and lead times of projects, and the rates at
which China closes and opens its market, each from its prior. In each world the table's own function runs. The
elasticities are those of the headline's first draws. The same worlds say how often each verdict of T4 stands.

The draws take half an hour, so that bands are stored with the figures. Whoever asks for a table of them gets them after
its part of one draw was computed again and came out as stored; `python -m bargaining_models.paper.table_bands` draws
all anew.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bargaining.authoring import Shown
from bargaining.errors import BargainingError, Status
from bargaining.tables.table import Column, Table
from bargaining_models.paper import bands
from bargaining_models.paper.bands import ENVIRONMENTS, FOLDER, read_rows, same, tail, write_rows
from bargaining_models.paper.claims import judges
from bargaining_models.paper.reproduce import stored
from bargaining_models.paper.study import Study
from bargaining_models.paper.worlds import DRAWN, STRUCTURES, DrawnStudy, table_priors
from bargaining_models.parameters import Parameters, load
from bargaining_models.uncertainty import LEVELS, uncertainty

if TYPE_CHECKING:
    import xarray as xr

Make = Callable[[Study, str], Table]
Key = tuple[Any, ...]
BANDED = ("headline", "T1", "T2", "T3", "T5", "T7", "T9", "T10")
KEYS = ("r", "discount")  # columns of numbers that say what a row is; columns of text in front do too
BANDS, SAMPLE, CHANCES = "table_bands.csv", "table_sample.csv", "table_chances.csv"
SAMPLED = (("2023", "WIOD 2011"), ("19 August 2026", "ICIO 2019"))
"""Whose first draw is stored cell by cell."""
PARTS = {"all": tuple(name for name in BANDED if name != "T5"), "T5": ("T5",)}
"""What is drawn together; the verdicts of T4 with the first."""
JUDGED = "all"
CAPPED = ("T2-capped", "T3", "T10")  # tables that depend on caps by sector
WIDE = 12  # with more columns of numbers headings must be short
CLEAR = 3.0  # standard errors of a correlation of zero, as the largest of thirty is looked at
BINARY = ("the data of ICIO", "links between industries")
ONE_WORLD = (
    "Data", "Elasticities", "Tariffs", "Zero", "Capital", "A year of war", "Markov", "Not shown", "Linear", "Largest",
)  # fmt: skip
"""Notes on the figures of one world, which tables of bands do not have."""
HEADLINE = "headline"  # drawn on its own, for T0: `bands`
DRAWS = {HEADLINE: 1000, "all": 80, "T5": 80}


@dataclass(frozen=True, kw_only=True, eq=False)
class WorldDraw(Shown):
    """The cells of some tables, and whether verdicts stand, as a function of what is drawn.

    Parameters
    ----------
    parameters : Parameters
    structure, environment : str
    tables : tuple of str
    make : callable
        From a study and a name to a table.
    judged : bool
        Whether verdicts are formed too.
    """

    parameters: Parameters
    structure: str
    environment: str
    tables: tuple[str, ...]
    make: Make
    judged: bool = False

    def __call__(self, **given: Any) -> Mapping[str, Any]:
        """Compute one draw; a table that cannot be solved is masked and counted in `failed`."""
        study = DrawnStudy(self.parameters, self.structure, given, tariffs=ENVIRONMENTS[self.environment])
        found: dict[str, Any] = {}
        for name in self.tables:
            try:
                values = cells_of(self.make(study, name), name)
            except BargainingError:
                values = None
            found[f"{name}_failed"] = float(values is None)
            found[name] = np.ma.masked_invalid(
                [
                    np.nan if values is None else values.get(key, np.nan)
                    for key in layout(name, self.environment)
                ]
            )
        if self.judged:
            found["verdicts"] = np.ma.masked_invalid(list(self._verdicts(study)))
        return found

    def _verdicts(self, study: Study) -> Iterator[float]:
        """Whether each verdict has the form that it has in T4; NaN where it could not be formed."""
        for judge, form in zip(judges(), forms(), strict=True):
            try:
                found = judge(study, lambda name: self.make(study, name).records())
            except (
                BargainingError,
                TypeError,
                ValueError,
                ZeroDivisionError,
            ):  # a number that it needs is missing
                yield np.nan
            else:
                yield float(form_of(found.verdict) == form)


def form_of(verdict: str) -> str:
    """Return a verdict without its figures.

    Examples
    --------
    >>> form_of("holds in 34 of 36 divisions, by 8% to 100%") == form_of("holds in 33 of 36 divisions, by 7%")
    True
    """
    return re.sub(r"#( to #| of #|, #)*", "#", re.sub(r"[+-]?\d[\d.]*%?", "#", verdict))


@cache
def forms() -> tuple[str, ...]:
    """The forms of the verdicts in the stored T4."""
    return tuple(form_of(row["verdict"]) for row in stored("T4").records())


def keys_of(table: Table) -> list[str]:
    """The columns that say what a row is: those in front that are text, or in `KEYS`."""
    names = []
    for k, column in enumerate(table.columns):
        if column.name not in KEYS and not isinstance(table.rows[0][k], str):
            break
        names.append(column.name)
    return names


def columns_of(table: Table) -> list[Column]:
    """The columns of numbers; of elasticity sets, which are drawn, only one."""
    first = len(keys_of(table))
    shown = [
        c
        for k, c in enumerate(table.columns)
        if k >= first and not any(isinstance(row[k], str) for row in table.rows)
    ]
    sets = [c for c in shown if c.name.startswith(f"{Study.sets[0]}_")]
    return [
        replace(c, name=c.name.replace(Study.sets[0], DRAWN), group="Elasticities drawn") for c in sets
    ] or shown


@cache
def layout(name: str, environment: str) -> tuple[Key, ...]:
    """Row and column of each cell that has a band: those of the stored table, at 2023 where none is stored later."""
    try:
        table = stored(f"{name}-2026" if ENVIRONMENTS[environment] else name)
    except BargainingError:
        table = stored(name)
    keys, columns = keys_of(table), columns_of(table)
    return tuple((*(row[key] for key in keys), c.name) for row in table.records() for c in columns)


def cells_of(table: Table, name: str) -> dict[Key, float]:
    """The numbers of a table by row and column; NaN where there is none."""
    keys = keys_of(stored(name))
    return {
        (*(row[key] for key in keys), column): np.nan if value is None else float(value)
        for row in table.records()
        for column, value in row.items()
        if column not in keys and not isinstance(value, str | tuple)
    }


def draw_tables(
    parameters: Parameters,
    environment: str,
    structure: str,
    part: str,
    make: Make,
    draws: int,
    **options: Any,
) -> xr.Dataset:
    """Draw a part of the tables in one structure at the tariffs of one date; see `uncertainty` for the options."""
    model = WorldDraw(
        parameters=parameters,
        structure=structure,
        environment=environment,
        tables=PARTS[part],
        make=make,
        judged=part == JUDGED,
    )
    return uncertainty(model, table_priors(structure, parameters), draws=draws, **options)


def band_rows(environment: str, part: str, found: Mapping[str, xr.Dataset]) -> Iterator[dict[str, Any]]:
    """The bands of a part's cells over the draws of all structures."""
    for name in PARTS[part]:
        solved = np.concatenate([one["status"].values == Status.OK for one in found.values()])
        failed = np.concatenate([one[f"{name}_failed"].values for one in found.values()]) != 0.0
        good = solved & ~failed
        values = np.concatenate([one[name].values for one in found.values()])[good]
        units = {c.name: c.unit for c in columns_of(stored(name))}
        for key, column in zip(layout(name, environment), values.T, strict=True):
            known = column[np.isfinite(column)]
            if name == "T3":  # no threshold is one beyond all shares
                low, median, high = np.quantile(
                    np.where(np.isfinite(column), column, np.inf), LEVELS, method="inverted_cdf"
                )
            else:
                low, median, high = np.quantile(known, LEVELS) if len(known) else [np.nan] * 3
            yield {
                "environment": environment,
                "table": name,
                "row": row_text(key),
                "column": key[-1],
                "median": f"{median:.10g}",
                "low": f"{low:.10g}",
                "high": f"{high:.10g}",
                "known": f"{len(known) / max(len(column), 1):.6g}",
                "draws": len(good),
                "failed": int((~good).sum()),
                **tail(units[key[-1]] or "as in the table", "tables"),
            }


def row_text(key: Key) -> str:
    """The columns that identify the row of a cell, as one string."""
    return " | ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in key[:-1])


def sample_rows(environment: str, part: str, found: xr.Dataset) -> Iterator[dict[str, Any]]:
    """The cells of the first draw."""
    for name in PARTS[part]:
        for key, value in zip(layout(name, environment), found[name].values[0], strict=True):
            yield {
                "environment": environment,
                "table": name,
                "row": row_text(key),
                "column": key[-1],
                "value": f"{value:.12g}",
                **tail("as in the table", "tables"),
            }


def chance_rows(environment: str, found: Mapping[str, xr.Dataset]) -> Iterator[dict[str, Any]]:
    """How often each verdict stands, and which input sets the draws where it does apart from the others."""
    holds = np.concatenate([one["verdicts"].values for one in found.values()])
    inputs = _inputs(found)
    for row, column in zip(stored("T4-figures").records(), holds.T, strict=True):
        known = np.isfinite(column)
        capped = any(name in row["tables"] for name in CAPPED)
        own = {name: x[known] for name, x in inputs.items() if capped or "redirect cap" not in name}
        yield {
            "environment": environment,
            "claim": row["claim"],
            "value": f"{column[known].mean() if known.any() else np.nan:.6g}",
            "turns": _turning(column[known], own),
            "draws": len(column),
            "failed": int((~known).sum()),
            **tail("share of draws", "tables"),
        }


def _inputs(found: Mapping[str, xr.Dataset]) -> dict[str, Any]:
    """What was drawn: structure and links as zero or one, the mean elasticity of goods, and all numbers."""
    names = [n for n in next(iter(found.values())).data_vars if str(n).startswith("input_")]
    given: dict[str, Any] = {}
    for name in names:
        parts = [one[name].values for one in found.values()]
        if parts[0].ndim > 1:
            parts = [np.log(part[:, :-2]).mean(axis=1) for part in parts]
        given[str(name).removeprefix("input_").replace("_", " ")] = np.concatenate(parts)
    sizes = [one.sizes["draw"] for one in found.values()]
    for word, chosen in (
        (BINARY[0], [STRUCTURES[s][0] == "icio2019" for s in found]),
        (BINARY[1], [STRUCTURES[s][1] for s in found]),
    ):
        given[word] = np.repeat(np.array(chosen, dtype=float), sizes)
    return given


def _turning(holds: Any, inputs: Mapping[str, Any]) -> str:
    """The input most correlated with whether the verdict holds, if this is clear; empty if it always or never holds."""
    if len(holds) < 3 or holds.min() == holds.max():
        return ""
    found = {
        name: float(np.corrcoef(holds, np.argsort(np.argsort(x)) if len(set(x.tolist())) > 2 else x)[0, 1])
        for name, x in inputs.items()
        if x.min() < x.max()
    }
    name = max(found, key=lambda one: abs(found[one]))
    if abs(found[name]) < CLEAR / np.sqrt(len(holds)):
        return "with no single input"
    high = "" if name in BINARY else "high " if name.endswith("s") else "a high "
    return f"{'more' if found[name] > 0 else 'less'} often with {high}{name}"


def banded(study: Study, name: str, make: Make) -> Table:
    """A table's bands at both dates, each cell the median and [5, 95]."""
    check(study.parameters, name, make)
    rows = [row for row in read_rows(FOLDER / BANDS) if row["table"] == name]
    base = stored(name)
    keys, columns = keys_of(base), columns_of(base)
    shown: dict[tuple[str, str], dict[str, Any]] = {}
    for environment in ENVIRONMENTS:
        for key in layout(name, environment):
            line = {"environment": environment[-4:]} | dict(zip(keys, key[:-1], strict=True))
            shown.setdefault((environment, row_text(key)), line)
    for row in rows:
        triple = tuple(round(float(row[end]), 3) for end in ("low", "median", "high"))
        # No number, or no threshold, in any draw or nearly all:
        nowhere = np.isnan(triple).any() or triple[0] == np.inf
        shown[row["environment"], row["row"]][row["column"]] = None if nowhere else triple
    kept = [line for line in shown.values() if len(line) > len(keys) + 1]
    draws, failed = int(rows[0]["draws"]), max(int(row["failed"]) for row in rows)
    least = min((float(row["known"]) for row in rows if float(row["known"])), default=1.0)
    given = {c.name: c for c in base.columns}
    notes = {
        "Cells": f"median [5th percentile, 95th] over worlds drawn, to .001; tariffs of {' and '.join(ENVIRONMENTS)}",
        "Draws": f"{draws} at each date, {failed} unsolved: elasticities; structure (WIOD 2011, ICIO 2019, with and "
        "without links); caps, prices, costs and lead times of projects; China's rates; what the US can replace; not "
        "what rows and columns name; figures in the notes below are those of the table without bands",
        "Accuracy": "standard errors of ends are about a tenth of a band's width, at most .17",
    }
    if name == "T3":
        notes["Cells"] += "; ∞: at no r up to 1"
    elif least < 1.0:
        notes["Known"] = (
            f"bands are over draws that have the number, {100 * least:.2g}% of them where they are fewest"
        )
    return Table(
        kept,
        columns=[
            Column("environment", title="Date" if len(columns) > WIDE else "Tariffs"),
            *(given[key] for key in keys),
            *columns,
        ],
        caption=f"{base.caption}: medians and bands",
        label=f"{base.label}-bands",
        digits=2,
        notes=[
            *(f"{key}: {text}." for key, text in notes.items()),
            *(one for one in base.notes if not one.startswith(ONE_WORLD)),
        ],
    )


def check(parameters: Parameters, name: str, make: Make) -> None:
    """Compute the stored sample of a table again at one date; raise an error if it differs."""
    environment, structure = SAMPLED[BANDED.index(name) % len(SAMPLED)]
    model = WorldDraw(
        parameters=parameters, structure=structure, environment=environment, tables=(name,), make=make
    )
    found = uncertainty(model, table_priors(structure, parameters), draws=1)
    now = {
        row_text(k) + k[-1]: v for k, v in zip(layout(name, environment), found[name].values[0], strict=True)
    }
    kept = (r for r in read_rows(FOLDER / SAMPLE) if (r["environment"], r["table"]) == (environment, name))
    same(kept, lambda row: now.get(row["row"] + row["column"], np.nan), name)


def stands(claim: str, *, dated: bool = False) -> str:
    """The share of drawn worlds in which a verdict of T4 is the same up to figures, by date, and what turns it.

    Where the claim names its dates (`dated`), only those worlds count that are drawn at the first of them.
    """
    rows = [row for row in read_rows(FOLDER / CHANCES) if row["claim"] == claim]
    texts = []
    for row in rows[:1] if dated else rows:
        turns = f" ({row['turns']})" if row["turns"] else ""
        texts.append(f"{float(row['value']):.0%} at the tariffs of {row['environment']}{turns}")
    return f"the sentence stands in {'; '.join(texts)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw everything again and store it."""
    from bargaining_models.paper.tables import table

    parser = argparse.ArgumentParser(
        prog="python -m bargaining_models.paper.table_bands", description=__doc__
    )
    parser.add_argument("--only", choices=(HEADLINE, "tables"), help="by default both")
    parser.add_argument("--draws", type=int, help="of each part; by default as stored")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--checkpoint", type=Path, default=Path("build/draws"), help="folder to resume from")
    parser.add_argument("--store", type=Path, default=FOLDER, help="folder to write to")
    options = parser.parse_args(arguments)
    figures = load()
    found: dict[str, dict[str, dict[str, xr.Dataset]]] = {}
    parts = [part for part in DRAWS if options.only in (None, HEADLINE if part == HEADLINE else "tables")]
    for part, environment, structure in product(parts, ENVIRONMENTS, STRUCTURES):
        each = max((options.draws or DRAWS[part]) // len(STRUCTURES), 1)
        folder = options.checkpoint / f"{part}-{environment}-{structure}-{each}".replace(" ", "-")
        given: dict[str, Any] = {"workers": options.workers, "checkpoint": folder, "progress": True}
        drawn = (
            bands.draw(figures, environment, each, structure, **given)
            if part == HEADLINE
            else draw_tables(figures, environment, structure, part, table, each, version="1", **given)
        ).load()
        found.setdefault(part, {}).setdefault(environment, {})[structure] = drawn
        print(f"{part}, {environment}, {structure}: {drawn.attrs['failed']} of {each} draws failed")
    if HEADLINE in found:
        headline = found.pop(HEADLINE)
        bands.store(headline, figures, options.store)
        bands.store_causes(headline, figures, options.store)
    cases = [(part, date, drawn) for part, dates in found.items() for date, drawn in dates.items()]
    files = {
        BANDS: [row for part, date, drawn in cases for row in band_rows(date, part, drawn)],
        SAMPLE: [
            row
            for part, date, drawn in cases
            for where, structure in SAMPLED
            if where == date
            for row in sample_rows(date, part, drawn[structure])
        ],
        CHANCES: [row for part, date, drawn in cases if part == JUDGED for row in chance_rows(date, drawn)],
    }
    for name, rows in files.items():
        if rows:
            write_rows(options.store / name, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
