"""Which project buys the most leverage for each dollar it costs a year: T9."""

from __future__ import annotations

from typing import Any

from bargaining.tables.table import Column, Table
from bargaining_models.negotiation.pivot import path_readings
from bargaining_models.negotiation.pivot_investment import Investment
from bargaining_models.paper.pivot_study import HAZARD, RATE_NOTE, ROUTE_NOTE, ROUTES
from bargaining_models.paper.study import Study, clean
from bargaining_models.us_canada.baseline import ROLES
from bargaining_models.us_canada.deal import readings

BROKEN = f"Offers, breakdown {HAZARD:g} a year"
CHOSEN = {"Nash": "nash", BROKEN: "broken", "Offers, outside option: war": "walk"}
NOTES = {
    "Projects": "capacity, cost and lead time from the figures, some of them assumptions; all capacity is "
    "taken to be at China's disposal; capital is sunk today",
    "A year": "5 percent of the capital; China trade: what the project adds to Canada's income under free trade",
    "Leverage": "by how much the transfer agreed today is smaller because the project will open",
    "Worth": f"what Canada gains net of the charge, offers with breakdown {HAZARD:g} a year: talks today, or when "
    "the project opens",
    "Built": "part of the project that leverage alone would pay for, about the Nash terms and in use at once",
}


def projects(study: Study) -> Table:
    """T9: which project buys the most leverage for each dollar it costs a year."""
    investments = study.timing.investments
    return Table(
        [
            {"project": name, "route": group} | _worth(pair[route])
            for name, pair in investments.items()
            for route, group in ROUTES
        ],
        columns=_columns(),
        caption="What each project does to the transfer agreed today, and for each dollar it costs a year",
        label="tab:projects",
        digits=3,
        notes=study.notes(
            max(float(pair[True].deal.war.residual.max()) for pair in investments.values()),
            **NOTES,
            Route=ROUTE_NOTE,
            **RATE_NOTE,
        ),
    )


def _worth(one: Investment) -> dict[str, Any]:
    along = {reading.name: reading for reading in path_readings(ROLES)}
    static = {reading.name: reading for reading in readings()}
    row: dict[str, Any] = {
        "lead": one.project.lead_time,
        "cost": one.project.cost,
        "charge": one.charge,
        "trade": clean(one.route_trade()),
    }
    for title, key in CHOSEN.items():
        leverage = clean(one.leverage(along[title]))
        row |= {f"{key}_leverage": leverage, f"{key}_dollar": leverage / one.charge}
    return row | {
        "at_once": one.talk_at_once(along[BROKEN]),
        "first": one.build_first(along[BROKEN]),
        "built": clean(100 * one.part_built(static["Nash"])),
    }


def _columns() -> list[Column]:
    columns = [
        Column("project"),
        Column("route", title="China route"),
        Column("lead", title="lead time", unit="years"),
        Column("cost", title="capital", unit="USD bn"),
        Column("charge", title="a year", unit="USD bn"),
        Column("trade", title="China trade", unit="USD bn"),
    ]
    for title, key in CHOSEN.items():
        columns += [
            Column(f"{key}_leverage", title="leverage", unit="USD bn", group=title),
            Column(f"{key}_dollar", title="per dollar", group=title),
        ]
    return [
        *columns,
        Column("at_once", title="talk at once", unit="USD bn", group="Net worth to Canada"),
        Column("first", title="build first", unit="USD bn", group="Net worth to Canada"),
        Column("built", title="built", unit="%"),
    ]
