"""The paper's tables by name, and T4, which judges the claims by all the others."""

from __future__ import annotations

from collections.abc import Callable

from bargaining.tables.table import Column, Table
from bargaining_models.paper.bands import bands_table
from bargaining_models.paper.claims import verdicts
from bargaining_models.paper.divisions import headline, payoffs, splits
from bargaining_models.paper.events import events_table
from bargaining_models.paper.pivot_game import terms_table
from bargaining_models.paper.pivot_game_sensitivity import patience_table, sensitivity_table
from bargaining_models.paper.pivot_game_sets import sets_table
from bargaining_models.paper.repeated import critical_discounts, self_enforcing
from bargaining_models.paper.study import Study
from bargaining_models.paper.timing_beliefs import beliefs, delay
from bargaining_models.paper.timing_paths import answers, splits_over_time
from bargaining_models.paper.timing_projects import projects
from bargaining_models.paper.triangle import core, payments
from bargaining_models.paper.turning_points import thresholds


def claims(study: Study) -> Table:
    """T4: the story's claims, the model's verdicts, the figures, and what they hang on."""
    columns = [
        Column("claim", title="Claim"),
        Column("verdict", title="Verdict"),
        Column("figures", title="Figures"),
        Column("assumption", title="Hangs on"),
    ]
    return Table(
        [claim.as_row() for claim in verdicts(study)],
        columns=columns,
        caption="The claims of the story and what the model says",
        label="tab:claims",
        notes=study.notes(study.uncapped.war.residual.max()),
    )


TABLES: dict[str, Callable[[Study], Table]] = {
    "headline": headline,
    "T0": bands_table,
    "T1": lambda study: payoffs(study, "percent"),
    "T1-money": lambda study: payoffs(study, "money"),
    "T2": lambda study: splits(study, study.uncapped, "splits", "unlimited capacity, China route open"),
    "T2-capped": lambda study: splits(study, study.capped, "splits-capped", "capped, China route open"),
    "T2-closed": lambda study: splits(
        study, study.closed_route, "splits-closed", "unlimited capacity, China route closed by the agreement"
    ),
    "T3": thresholds,
    "T4": claims,
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
}
