"""The paper's tables by name, and T4, which judges the claims by all the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from bargaining.tables.table import Column, Table
from bargaining_models.paper.bands import bands_table, shares_table, spread_table
from bargaining_models.paper.claims import verdicts, verdicts_at
from bargaining_models.paper.divisions import diverted, headline, meanings, payoffs, splits
from bargaining_models.paper.events import events_table
from bargaining_models.paper.hidden_protection import hidden_table
from bargaining_models.paper.pivot_game import terms_table
from bargaining_models.paper.pivot_game_sensitivity import patience_table, sensitivity_table
from bargaining_models.paper.pivot_game_sets import sets_table
from bargaining_models.paper.repeated import critical_discounts, self_enforcing
from bargaining_models.paper.study import LATEST, Study
from bargaining_models.paper.table_bands import BANDED, banded, stands
from bargaining_models.paper.timing_beliefs import beliefs, delay
from bargaining_models.paper.timing_paths import answers, splits_over_time
from bargaining_models.paper.timing_projects import projects
from bargaining_models.paper.triangle import core, payments
from bargaining_models.paper.turning_points import thresholds


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
    for row in found:
        row["chance"] = "; ".join(filter(None, [row["chance"], stands(row["claim"])]))
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


def later(study: Study, name: str) -> Table:
    """A table at the tariffs of the last date of the figures."""
    made = table(study.latest, name)
    caption = f"{made.caption}; tariffs of {study.latest.tariffs}"
    return replace(made, caption=caption, label=f"{made.label}-2026")


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
    "T2-diverted": diverted,
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
DATED = (
    "T1", "T1-money", "T2", "T2-closed", "T3", "T5", "T6", "T7", "T8", "T9", "T10", "T10-patience",
    "T10-sensitivity", "T10-sets", "T11",
)  # fmt: skip
"""Tables that are shown at the latest tariffs too."""
TABLES |= {f"{name}-2026": partial(later, name=name) for name in DATED}
TABLES |= {f"{name}-bands": partial(banded, name=name, make=table) for name in BANDED}
