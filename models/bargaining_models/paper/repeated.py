"""The enforceable agreements in the repeated tariff game: T5 and T6."""

from __future__ import annotations

from typing import Any

from bargaining.tables.table import Table
from bargaining_models.negotiation.roles import Leave
from bargaining_models.negotiation.tariff_war import RATES
from bargaining_models.paper.study import CASES, COUNTRIES, DISCOUNTS, Study, by_country, clean

GAME = f"each year both set one tariff on all goods of the other, of {len(RATES)} from 0 to {RATES[-1]:.0%}"


def critical_discounts(study: Study) -> Table:
    """T5: how patient each country must be for free trade to enforce itself, by redirectable share."""
    rows = [
        {"r": r}
        | by_country("optimal", game.critical_discount().by_player)
        | by_country("exit", game.critical_discount(leave=True).by_player)
        | by_country("war", game.critical_under_war())
        for r, game in study.tariff_games.items()
    ]
    return study.table("T5", rows, study.uncapped.war.residual.max(), game=GAME)


def self_enforcing(study: Study) -> Table:
    """T6: the Nash division of what the two can enforce by themselves, by patience and redirectable share."""
    rows, bounds = [], []
    for discount in DISCOUNTS:
        for r, game in study.tariff_games.items():
            row: dict[str, Any] = {"discount": discount, "r": r}
            bounds.append(game.payoff_set(discount).stats.bound)
            for leave, case in CASES:
                row |= by_country(case, game.self_enforcing(discount, leave=leave).raise_if_failed().payoffs)
            cases: dict[str, Leave] = {f"{case}_transfer": leave for leave, case in CASES}
            for name, who in (cases | {f"alone_{c}": (k,) for k, c in enumerate(COUNTRIES)}).items():
                paid = game.with_transfers(discount, leave=who).raise_if_failed()
                row[name] = clean(game.transfer(paid))
            rows.append(row)
    against = "free trade at r = 0"
    if study.tariffs is not None:
        canada, us = study.baseline.payoffs().percent
        against = f"the tariffs of 2023 ({against} of the two: Canada {canada:+.3f}, the US {us:+.3f})"
    return study.table("T6", rows, *bounds, game=GAME, against=against)
