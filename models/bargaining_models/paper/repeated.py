"""The enforceable agreements in the repeated tariff game: T5 and T6."""

from __future__ import annotations

from typing import Any

from bargaining.tables.table import Column, Table
from bargaining_models.paper.study import ALONE, CASES, COUNTRIES, DISCOUNTS, LEAVING, Study, clean, words
from bargaining_models.us_canada.tariff_war import RATES, TariffGame

GAME = f"each year both set one tariff on all goods of the other, of {len(RATES)} from 0 to {RATES[-1]:.0%}"
PUNISHMENTS = {
    "optimal": "Harshest punishment",
    "exit": "Either may leave",
    "war": "Tariff war for ever",
}


def critical_discounts(study: Study) -> Table:
    """T5: how patient each country must be for free trade to enforce itself, by redirectable share."""
    rows = [_critical_row(study, r, game) for r, game in study.tariff_games.items()]
    columns = [Column("r")] + [
        Column(f"{case}_{country}", title=country, group=title)
        for case, title in PUNISHMENTS.items()
        for country in COUNTRIES
    ]
    return study.table(
        rows,
        columns=columns,
        caption="The discount factor per year that each country needs to keep free trade",
        label="tab:critical-discounts",
        notes=study.notes(
            study.uncapped.war.residual.max(),
            Game=GAME,
            **words("Free trade", "Discount factor", "War"),
            Cells="the least discount factor at which no country gains by breaking free trade once; 1 or more: however "
            "patient, never",
            Punishment="what follows for a country that breaks it; harshest: its lowest payoff in any equilibrium at "
            "that discount factor; either may leave: the border closed for good",
            **{
                "Either may leave": LEAVING,
                ALONE: "if one country alone may leave, nothing changes",
            },
        ),
    )


def _critical_row(study: Study, r: float, game: TariffGame) -> dict[str, float]:
    cases = {
        "optimal": game.critical_discount().by_player,
        "exit": game.critical_discount(leave=True).by_player,
        "war": game.critical_under_war(),
    }
    row = {"r": r}
    for case, values in cases.items():
        row |= {f"{case}_{country}": float(v) for country, v in zip(COUNTRIES, values, strict=True)}
    return row


def self_enforcing(study: Study) -> Table:
    """T6: the Nash division of what the two can enforce by themselves, by patience and redirectable share."""
    rows, bounds = [], []
    for discount in DISCOUNTS:
        for r, game in study.tariff_games.items():
            row: dict[str, Any] = {"discount": discount, "r": r}
            bounds.append(game.payoff_set(discount).stats.bound)
            for leave, case, _ in CASES:
                division = game.self_enforcing(discount, leave=leave).raise_if_failed()
                row |= {f"{case}_{c}": float(x) for c, x in zip(COUNTRIES, division.payoffs, strict=True)}
                paid = game.with_transfers(discount, leave=leave).raise_if_failed()
                row[f"{case}_transfer"] = clean(game.transfer(paid))
            for k, country in enumerate(COUNTRIES):
                paid = game.with_transfers(discount, leave=(k,)).raise_if_failed()
                row[f"alone_{country}"] = clean(game.transfer(paid))
            rows.append(row)
    columns = [Column("discount", title="discount factor"), Column("r")]
    for _, case, title in CASES:
        columns += [Column(f"{case}_{c}", title=c, unit="%", group=title) for c in COUNTRIES]
        columns.append(Column(f"{case}_transfer", title="transfer", unit="USD bn", group=title))
    columns += [Column(f"alone_{c}", title=f"{c} alone", unit="USD bn", group=ALONE) for c in COUNTRIES]
    return study.table(
        rows,
        columns=columns,
        caption="Self-enforcing agreements: the Nash division of the equilibrium payoffs of the repeated tariff game",
        label="tab:self-enforcing",
        notes=study.notes(
            *bounds,
            **{
                "Game": f"{GAME}; what is agreed must be an equilibrium for ever",
                **words("Discount factor"),
                "Nash division": "the largest product of both gains over the lowest payoff that each can be held to "
                "by an equilibrium at that discount factor",
                "Payoffs": f"percent of real income against {_zero(study)}, without transfers",
                "Transfer": "what Canada pays the US where money may be paid every year, against free trade at r",
                "Either may leave": LEAVING,
                ALONE: "the transfer where only the country named may",
            },
        ),
    )


def _zero(study: Study) -> str:
    """The zero of payoffs in percent."""
    if study.tariffs is None:
        return "free trade at r = 0"
    canada, us = study.baseline.payoffs().percent
    return f"the tariffs of 2023 (free trade of the two at r = 0: Canada {canada:+.3f}, the US {us:+.3f})"
