"""Hidden protection: how much of free trade survives that each side sees imports only (T13)."""

from __future__ import annotations

from typing import Any

from bargaining.tables.table import Column, Table
from bargaining_models.negotiation.hidden_protection import HiddenProtection, Reports
from bargaining_models.paper.study import LEAVING, Study, clean, words

SHARES = (0.0, 0.15, 0.30)  # none, that of the headline, and twice as much
ASSUMED = ((0.05, 0.05), (0.05, 0.1), (0.05, 0.2), (0.03, 0.1), (0.1, 0.1))
"""Pairs of a covert barrier and noise: the middle case, and each assumption moved down and up alone."""
PATIENCE = 0.9  # a year: high, as in T6
REPORTS: dict[Reports, str] = {"each": "A report on each", "one": "One report on both"}
_HALF = 0.5  # of the noise, which an inspection leaves


def hidden_table(study: Study) -> Table:
    """T13: what noise leaves of free trade, how long wars last on the path, and what inspection is worth."""
    rows = [_row(study, barrier, noise, r) for barrier, noise in ASSUMED for r in SHARES]
    columns = [
        Column("barrier", title="barrier", unit="%", group="Assumed"),
        Column("noise", title="noise", unit="%", group="Assumed"),
        Column("r"),
    ]
    for name, title in REPORTS.items():
        columns += [
            Column(f"{name}_paid", title="patience", group=title),
            Column(f"{name}_leave", title="if either may leave", group=title),
            Column(f"{name}_unpaid", title="without payments", group=title),
            Column(f"{name}_alarms", title="alarms a year", unit="%", group=title),
        ]
    columns += [
        Column("burnt", title="burnt a year", unit="USD bn", group="Free trade on one report"),
        Column("war", title="war as costly", unit="years", group="Free trade on one report"),
        Column("kept", title="kept on one report", unit="%", group="Best agreement"),
        Column("named", title="who it was", unit="USD bn", group="Worth of inspection"),
        Column("half", title="half the noise", unit="USD bn", group="Worth of inspection"),
    ]
    return study.table(
        rows,
        columns=columns,
        caption="Hidden protection: what is left of free trade if each side sees imports only. Barrier and noise are "
        "assumptions, given with ranges",
        label="tab:hidden-protection",
        notes=study.notes(
            study.uncapped.war.residual.max(),
            Game="each year both keep free trade, protect covertly (a barrier like a tariff whose rents stay at "
            "home) or openly (the tariff of the war); each sees only its imports, log-normal with this noise; a "
            "report on them is low, an alarm, below the middle of what keeping and protecting make likely",
            Patience="discount factor (what a year counts in parts of the year before it) that free trade needs if "
            "money can be paid; without payments war follows alarms; 1: never; if either may leave: "
            + LEAVING,
            **words("War"),
            Path=f"at a discount factor of {PATIENCE:g} nobody cheats: alarms are bad luck; fines go to the other if "
            "there are two reports, else money is burnt or a war fought; the best agreement may let one protect; "
            "percent of the gain over war; war as costly: years of war after an alarm that cost as much as burnt money",
            Inspection="what it is worth to both to learn who protected, or to halve the noise",
        ),
    )


def _row(study: Study, barrier: float, noise: float, r: float) -> dict[str, Any]:
    row: dict[str, Any] = {"barrier": 100 * barrier, "noise": 100 * noise, "r": r}
    games = {
        name: HiddenProtection.at(study.baseline, r=r, barrier=barrier, noise=noise, reports=name)
        for name in REPORTS
    }
    for name, game in games.items():
        row |= {
            f"{name}_paid": game.critical_discount(),
            f"{name}_leave": game.critical_discount(leave=True),
            f"{name}_unpaid": game.without_payments(),
            f"{name}_alarms": 100 * game.bad_luck(PATIENCE).alarms,
        }
    each, one = games["each"].enforced(PATIENCE), games["one"].enforced(PATIENCE)
    sharper = HiddenProtection.at(study.baseline, r=r, barrier=barrier, noise=_HALF * noise, reports="one")
    luck, total = games["one"].bad_luck(PATIENCE), games["one"].stage.payoffs.sum(axis=-1)
    return row | {
        "kept": 100 * (one - total[2, 2]) / (total[0, 0] - total[2, 2]),
        "burnt": luck.burnt,
        "war": luck.war,
        "named": clean(each - one),
        "half": clean(sharper.enforced(PATIENCE) - one),
    }
