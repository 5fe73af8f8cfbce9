"""The paper's tables by name: one row of `TABLES` each, with what makes it and whether it has both dates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bargaining.authoring import Shown
from bargaining.tables.table import Column, Table
from bargaining_models.paper.bands import bands_table, shares_table, spread_table
from bargaining_models.paper.claims import claims_table, counts_table
from bargaining_models.paper.divisions import (
    critical_discounts,
    headline,
    meanings,
    payments,
    payoffs,
    self_enforcing,
    splits,
    thresholds,
)
from bargaining_models.paper.events import events_table
from bargaining_models.paper.pivot_game import patience_table, sensitivity_table, terms_table
from bargaining_models.paper.study import LATEST, Study
from bargaining_models.paper.timing import answers, beliefs, delay, projects, splits_over_time


@dataclass(frozen=True, slots=True)
class Spec(Shown):
    """What makes a table at one date, and whether rows at the tariffs of the last date of the figures follow."""

    make: Callable[[Study], Table]
    dated: bool = False

    def __call__(self, study: Study) -> Table:
        """Return the table."""
        made = self.at(study)
        return both_dates(made, self.at(study.latest)) if self.dated else made

    def at(self, study: Study) -> Table:
        """Return it at the tariffs of a study alone, made once in each study."""
        return study.once(self.make)


TABLES = {
    "headline": Spec(headline, dated=True),
    "T0": Spec(bands_table),
    "T0-structures": Spec(spread_table),
    "T0-sobol": Spec(shares_table),
    "T1": Spec(lambda study: payoffs(study, "percent"), dated=True),
    "T1-money": Spec(lambda study: payoffs(study, "money")),
    "T1-r": Spec(meanings),
    "T2": Spec(lambda study: splits(study, study.uncapped, "splits", "unlimited capacity, China route open")),
    "T2-capped": Spec(lambda study: splits(study, study.capped, "splits-capped", "capped, China route open")),
    "T2-closed": Spec(
        lambda study: splits(
            study,
            study.closed_route,
            "splits-closed",
            "unlimited capacity, China route closed by the agreement",
        )
    ),
    "T3": Spec(thresholds),
    "T4": Spec(claims_table),
    "T4-figures": Spec(lambda study: counts_table(study, rows)),
    "T5": Spec(critical_discounts, dated=True),
    "T6": Spec(self_enforcing),
    "T7": Spec(splits_over_time),
    "T7-answers": Spec(answers),
    "T8": Spec(beliefs),
    "T8-delay": Spec(delay),
    "T9": Spec(projects),
    "T10": Spec(terms_table, dated=True),
    "T10-patience": Spec(patience_table),
    "T10-sensitivity": Spec(sensitivity_table),
    "T11": Spec(payments),
    "T12": Spec(events_table),
}


def table(study: Study, name: str) -> Table:
    """Return a table of the paper."""
    return TABLES[name](study)


def rows(study: Study, name: str) -> list[dict[str, Any]]:
    """Return the rows of a table at the tariffs of a study alone, each by column."""
    return TABLES[name].at(study).records()


def both_dates(first: Table, later: Table) -> Table:
    """Put the rows of a table at the tariffs of 2023 and of the last date below each other, the date in front."""
    notes = dict(note.split(": ", 1) for note in first.notes)
    for note in later.notes:
        name, text = note.split(": ", 1)
        if name not in notes or (notes[name] != text and name in ("Tariffs", "Capital", "r", "Markov")):
            notes[f"{name}, {LATEST[:4]}"] = text
    return replace(
        first,
        rows=tuple(
            (year, *row) for year, rows in (("2023", first.rows), (LATEST[:4], later.rows)) for row in rows
        ),
        columns=(Column("tariffs", title="Tariffs of"), *first.columns),
        notes=tuple(f"{name}: {text}" for name, text in notes.items()),
    )
