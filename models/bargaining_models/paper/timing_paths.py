"""The split along the path of r, by protocol (T7), and what the US can answer (T7-answers)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bargaining.tables.table import Column, Table
from bargaining_models.negotiation.pivot import PathReading, Pivot, path_readings
from bargaining_models.negotiation.pivot_chain import PivotChain
from bargaining_models.paper.pivot_study import PROGRAMME, RATE_NOTE, ROUTE_NOTE, ROUTES
from bargaining_models.paper.study import Study, clean
from bargaining_models.us_canada.baseline import ROLES
from bargaining_models.us_canada.deal import HAZARDS

CHAIN_OFFERS: dict[str, dict[str, Any]] = {
    "Offers, inside option": {"in_use": True},
    **{f"Offers, breakdown {hazard:g} a year": {"hazard": hazard} for hazard in HAZARDS},
    "Offers, outside option: war": {"walk_out": True},
}
ANSWER_COLUMNS = [
    Column("route", title="China route"),
    Column("hazard", title="breakdown", unit="a year"),
    Column("answer", title="The US answers"),
    Column("transfer", title="Canada to US", unit="USD bn"),
    Column("canada", title="Canada", unit="USD bn"),
    Column("us", title="US", unit="USD bn"),
]


def splits_over_time(study: Study) -> Table:
    """T7: what Canada pays if they agree today, by the path that r will take and by protocol."""
    rows, residuals = [], [study.timing.curve_error, float(study.timing.deals[True].war.residual.max())]
    for name, pivots in study.timing.paths.items():
        for reading in path_readings(ROLES):
            row: dict[str, Any] = {"path": name, "reading": reading.name}
            for route, group in ROUTES:
                more, residual = _along(pivots[route], reading, group)
                row |= more
                residuals.append(residual)
            rows.append(row)
    for name, chains in study.timing.chains.items():
        rows += list(_chain_rows(name, chains))
    return Table(
        rows,
        columns=_path_columns(),
        caption="The transfer from Canada to the US a year by the path of the redirectable share r",
        label="tab:timing",
        digits=3,
        notes=study.notes(
            *residuals,
            Timing="; ".join(f"{reading.name}: {reading.timing}" for reading in path_readings(ROLES)),
            Paths=f"'in n years': capacity opens at that date; 'at rate': it opens at that rate; r grows whatever the "
            f"two do; projects: {', '.join(_programme(study))}",
            Route=ROUTE_NOTE,
            Waiting="gain of the country if talks begin only when the last capacity opens",
            **RATE_NOTE,
        ),
    )


def _path_columns() -> list[Column]:
    columns = [Column("path", title="r grows by"), Column("reading", title="The alternative is")]
    for _, group in ROUTES:
        title = f"China route {group}"
        columns += [
            Column(f"{group}_today", title="agreed today", unit="USD bn", group=title),
            Column(f"{group}_open", title="once open", unit="USD bn", group=title),
            Column(f"{group}_wait_0", title="Canada waits", unit="USD bn", group=title),
            Column(f"{group}_wait_1", title="US waits", unit="USD bn", group=title),
            Column(f"{group}_agree", title="agreement", group=title),
        ]
    return columns


def _programme(study: Study) -> list[str]:
    return [f"{p.name} ({p.lead_time:g} years)" for p in study.timing.projects if p.name in PROGRAMME]


def _along(pivot: Pivot, reading: PathReading, group: str) -> tuple[dict[str, Any], float]:
    division = reading.divide(pivot)
    last = float(pivot.growth.dates.max(initial=0.0))
    today, then = division.transfer_at([0.0, last])
    wait = division.waiting(last)
    if not np.isfinite(division.delay):
        cells = ("today", "open", "wait_0", "wait_1")
        return dict.fromkeys(f"{group}_{cell}" for cell in cells) | {f"{group}_agree": "never"}, 0.0
    agreement = "at once" if division.delay == 0 else f"after {division.delay:.3g} years"
    row: dict[str, Any] = {f"{group}_open": clean(then)}
    row[f"{group}_today"] = clean(today) if division.delay == 0 else None
    row |= {f"{group}_wait_{c}": None if last == 0 else clean(wait[c]) for c in (0, 1)}
    return row | {f"{group}_agree": agreement}, division.residual


def _chain_rows(name: str, chains: dict[bool, PivotChain]) -> Iterator[dict[str, Any]]:
    for reading in path_readings(ROLES):
        row: dict[str, Any] = {"path": name, "reading": reading.name}
        for route, group in ROUTES:
            chain, agreed = chains[route], True
            if reading.name in CHAIN_OFFERS:
                found = chain.offers(**CHAIN_OFFERS[reading.name])
                found.division.raise_if_failed()
                transfer, agreed = found.transfer, bool(found.agree[0])
            else:
                transfer = chain.nash()
            row |= {f"{group}_today": clean(transfer[0]), f"{group}_open": clean(transfer[1])}
            row |= {f"{group}_agree": "at once" if agreed else "later"}
        yield row


def answers(study: Study) -> Table:
    """T7-answers: what the US gets by rushing, waiting or replacing its suppliers while the alternative grows."""
    cases = [(route, group, hazard) for route, group in ROUTES for hazard in HAZARDS]
    found = [(case, answer) for case in cases for answer in study.timing.answers(case[0], case[2])]
    rows = [
        {
            "route": group,
            "hazard": hazard,
            "answer": answer.name,
            "transfer": answer.transfer,
            "canada": answer.payoffs[0],
            "us": answer.payoffs[1],
        }
        for (_, group, hazard), answer in found
    ]
    return Table(
        rows,
        columns=ANSWER_COLUMNS,
        caption=f"The US answers to {study.timing.main_path}: money a year against free trade at r = 0",
        label="tab:timing-answers",
        digits=3,
        notes=study.notes(
            *(answer.residual for _, answer in found),
            Replacing=_replacing(study),
            Timing=f"offers without pause under {study.baseline.roles.meanwhile}, the tariff war after a breakdown",
            Route=ROUTE_NOTE,
            **RATE_NOTE,
        ),
    )


def _replacing(study: Study) -> str:
    share, rate = study.timing.fact("us_replaceable"), study.timing.fact("us_replacement_rate")
    return (
        f"US buyers replace {share:.0%} of their goods imports from Canada for good (assumption), "
        f"at rate {rate:g} a year while talks last, or before talks begin"
    )
