"""The paper's tables by name, and T4, which judges the claims by all the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from bargaining.tables.table import Column, Table
from bargaining_models.paper.bands import bands_table, shares_table, spread_table
from bargaining_models.paper.claims import NAMING_DATES, judges, verdicts, verdicts_at
from bargaining_models.paper.divisions import headline, meanings, payoffs, splits, thresholds
from bargaining_models.paper.events import events_table
from bargaining_models.paper.hidden_protection import hidden_table
from bargaining_models.paper.pivot_game import patience_table, sensitivity_table, terms_table
from bargaining_models.paper.pivot_game_sets import sets_table
from bargaining_models.paper.repeated import critical_discounts, self_enforcing
from bargaining_models.paper.study import LATEST, Study, words
from bargaining_models.paper.table_bands import BANDED, banded, stands
from bargaining_models.paper.timing import answers, beliefs, delay, projects, splits_over_time
from bargaining_models.paper.triangle import core, payments


def claims(study: Study) -> Table:
    """T4: the story's claims, where each holds, and what that depends on."""
    shown = [Column("claim", title="Claim"), Column("verdict", title="Verdict")]
    return _claims(study, [*shown, Column("assumption", title="Depends on")], "where they hold", "claims")


def claim_figures(study: Study) -> Table:
    """T4-figures: the numbers behind each verdict of T4, its probability, and the tables they are read off."""
    shown = [Column("claim", title="Claim"), Column("figures", title="Figures")]
    shown.append(Column("later", title=f"Verdict at the tariffs of {LATEST}"))
    return _claims(
        study,
        [*shown, Column("chance", title="Probability"), Column("tables", title="Tables")],
        "the figures that decide",
        "claim-figures",
    )


def _claims(study: Study, columns: list[Column], what: str, label: str) -> Table:
    found = [claim.as_row() for claim in verdicts(study, lambda name: table(study, name).records())]
    if any(column.name == "later" for column in columns):
        now = verdicts_at(study.latest, lambda name: table(study.latest, name).records())
        for row, verdict in zip(found, now, strict=True):
            row["later"] = "the same" if verdict in (None, row["verdict"]) else verdict
    for row, judge in zip(found, judges(), strict=True):
        said = stands(row["claim"], dated=judge in NAMING_DATES)
        row["chance"] = "; ".join(filter(None, [row["chance"], said]))
    kept = [column.name for column in columns]
    return Table(
        [[row[name] for name in kept] for row in found],
        columns=columns,
        caption=f"The claims of the story: {what}",
        label=f"tab:{label}",
        notes=study.notes(
            study.uncapped.war.residual.max(),
            Range="each verdict is over every row of the tables named in T4-figures: r, patience, years of war, "
            "protocols, routes; at the tariffs of 2023 if it names no others; at the latest: T4-figures",
            **words("War", "Nash", "Capped", "Route"),
            Words="leverage: what the US gets for free trade; a division, case or reading: a way to bargain in those "
            "tables; leaving, exit: closing the goods border for good; option: what a side may leave the talks for, "
            "which binds if it is better; offers: made in turn, without pause; patience: what a year counts in parts "
            "of the year before it; belief: the chance that the US gives to Canada's being able to do what it "
            "claims; Shapley value, nucleolus: two ways to divide what all three gain",
            Probability="in T4-figures: part of the worlds drawn for T1-bands in which the sentence, its figures "
            "aside, is the same, and what goes with that most; before it, where they can say, part of the draws of T0 "
            "in which the verdict for that date holds, in brackets the structure in which it holds least often",
        ),
    )


def table(study: Study, name: str) -> Table:
    """Return a table of the paper, made once in each study."""
    if name not in study.made:
        study.made[name] = TABLES[name](study)
    return study.made[name]


def elsewhere(study: Study, name: str, ending: str) -> Table:
    """A table at the tariffs of the last date of the figures, or where r is what is diverted."""
    where = study.latest if ending == "2026" else study.diverted
    # Thresholds are looked for in capacity, which alone goes as far as 1.
    made = thresholds(study, where.meaning) if (name, ending) == ("T3", "diverted") else table(where, name)
    words = f"tariffs of {LATEST}" if ending == "2026" else "r diverted from the US"
    return replace(made, caption=f"{made.caption}; {words}", label=f"{made.label}-{ending}")


TABLES: dict[str, Callable[[Study], Table]] = {
    "headline": headline,
    "T0": bands_table,
    "T0-structures": spread_table,
    "T0-sobol": shares_table,
    "T1": lambda study: payoffs(study, "percent"),
    "T1-money": lambda study: payoffs(study, "money"),
    "T1-r": meanings,
    "T2": lambda study: splits(study, study.uncapped, "splits", "unlimited capacity, China route open"),
    "T2-capped": lambda study: splits(study, study.capped, "splits-capped", "capped, China route open"),
    "T2-closed": lambda study: splits(
        study, study.closed_route, "splits-closed", "unlimited capacity, China route closed by the agreement"
    ),
    "T3": thresholds,
    "T4": claims,
    "T4-figures": claim_figures,
    "T5": critical_discounts,
    "T6": self_enforcing,
    "T7": splits_over_time,
    "T7-answers": answers,
    "T8": beliefs,
    "T8-delay": delay,
    "T9": projects,
    "T10": terms_table,
    "T10-sets": sets_table,
    "T10-patience": patience_table,
    "T10-sensitivity": sensitivity_table,
    "T11": payments,
    "T11-core": core,
    "T12": events_table,
    "T13": hidden_table,
}
NO_DATE = ("T0", "T0-structures", "T0-sobol", "T4", "T4-figures", "T8-delay", "T12")
"""Tables that have all dates in them or in a note; the others are shown at the latest tariffs too."""
DATED = [name for name in TABLES if name not in NO_DATE]
DIVERTED = [name for name in DATED if name not in ("T1-r", "T2-capped")]
"""Tables that are shown where r is what is diverted too; T1-r has both, and what is diverted has no caps by sector."""
for ending, names in (("2026", DATED), ("diverted", DIVERTED)):
    TABLES |= {f"{name}-{ending}": partial(elsewhere, name=name, ending=ending) for name in names}
TABLES |= {f"{name}-bands": partial(banded, name=name, make=table) for name in BANDED}
