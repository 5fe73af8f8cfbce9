"""The tables of timing: the split along the path of r (T7, T7-answers), beliefs and delay (T8), and projects (T9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

import numpy as np

from bargaining import nash
from bargaining.tables.table import Table
from bargaining_models.negotiation.bluff import MOST, Claim, HoldOut, gain_over_giving_way
from bargaining_models.negotiation.deal import BREAKDOWNS, Reading, readings
from bargaining_models.negotiation.pivot import Pivot, path_readings
from bargaining_models.negotiation.pivot_chain import PivotChain
from bargaining_models.negotiation.pivot_investment import Investment
from bargaining_models.negotiation.thresholds import first_crossing
from bargaining_models.paper.pivot_study import (
    BREAKDOWN,
    OBSTINATE,
    POSTURES,
    PRIOR,
    PROGRAMME,
    ROUTES,
)
from bargaining_models.paper.study import SHARES, Study, by_country, clean
from bargaining_models.us_canada.baseline import ROLES

NASH, WAR = "Nash", "Offers, outside option: war"
BROKEN = f"Offers, breakdown {BREAKDOWN:g} a year"
CHOSEN = {NASH: "nash", BROKEN: "broken", WAR: "walk"}


def splits_over_time(study: Study) -> Table:
    """T7: what Canada pays if they agree today, by the path that r will take and by protocol."""
    own, rows = study.timing, []
    residuals = [float(own.deals[True].war.residual.max())]
    for name, talks in (own.paths | own.chains).items():
        for reading in path_readings(ROLES):
            row: dict[str, Any] = {"path": name, "reading": reading.name}
            for route, group in ROUTES:
                one = talks[route]
                cells, residual = _along(one, reading) if isinstance(one, Pivot) else _chained(one, reading)
                row |= {f"{group}_{cell}": value for cell, value in cells.items()}
                residuals.append(residual)
            rows.append(row)
    return study.table(
        "T7",
        rows,
        *residuals,
        timing=_timings(path_readings(ROLES)),
        closes=own.fact("china_closure_rate"),
        reopens=own.fact("china_reopening_rate"),
        projects=", ".join(f"{p.name} ({p.lead_time:g} years)" for p in own.projects if p.name in PROGRAMME),
    )


def _timings(shown: Iterable[Reading]) -> str:
    return "; ".join(f"{reading.name}: {reading.timing}" for reading in shown)


def _along(pivot: Pivot, reading: Reading) -> tuple[dict[str, Any], float]:
    last = float(pivot.growth.dates.max(initial=0.0))
    worse = pivot.value("agreement")([0.0, last]).sum(axis=-1) < pivot.value("war")([0.0, last]).sum(axis=-1)
    worse &= reading.name in (NASH, WAR)  # other readings do not compare an agreement with the war alone
    division = None if worse[0] else reading.divide(pivot)
    if division is None or not np.isfinite(division.delay):
        return dict.fromkeys(("today", "open", "wait_0", "wait_1")) | {"agree": "never"}, 0.0
    today, then = division.transfer_at([0.0, last])
    row: dict[str, Any] = {
        "today": clean(today) if division.delay == 0 else None,
        "open": None if worse[1] else clean(then),
        "agree": "at once" if division.delay == 0 else f"after {division.delay:.3g} years",
    }
    wait = division.waiting(last)
    return row | {f"wait_{c}": None if last == 0 else clean(wait[c]) for c in (0, 1)}, division.residual


def _chained(chain: PivotChain, reading: Reading) -> tuple[dict[str, Any], float]:
    found = reading.divide(chain).raise_if_failed()
    moves = np.asarray(chain.moves) > 0
    reached = np.linalg.matrix_power(np.eye(len(moves)) + moves, len(moves))[0] > 0
    cells: dict[str, Any] = {
        name: clean(found.transfer[k]) if found.agree[k] else None for k, name in enumerate(("today", "open"))
    }
    when = "at once" if found.agree[0] else "later" if (found.agree & reached).any() else "never"
    return cells | {"agree": when}, found.residual


def answers(study: Study) -> Table:
    """T7-answers: what the US gets by rushing, waiting or replacing its suppliers while the alternative grows."""
    rows, residuals, own = [], [], study.timing
    for (route, group), breakdown in product(ROUTES, BREAKDOWNS):
        for answer, (division, start) in own.answers(route, breakdown).items():
            canada, us = division.payoffs + division.waiting(start)
            row = {"route": group, "breakdown": breakdown, "answer": answer}
            rows.append(row | {"transfer": division.paid(start), "canada": canada, "us": us})
            residuals.append(division.residual)
    return study.table(
        "T7-answers",
        rows,
        *residuals,
        path=own.main_path,
        share=own.fact("us_replaceable"),
        rate=own.fact("us_replacement_rate"),
    )


def beliefs(study: Study) -> Table:
    """T8: how sure of Canada's alternative the US must be to concede, and what makes a claim credible."""
    rows = [
        {"route": group, "war": war, "claim": float(share)}
        | _claim(study.timing.claim(route, float(share), war))
        for route, group in ROUTES
        for war in study.timing.wars
        for share in study.timing.claimed(route)
    ]
    return study.table("T8", rows, study.timing.deals[True].war.residual.max(), prior=PRIOR)


def _claim(claim: Claim) -> dict[str, Any]:
    row = {
        "weak": claim.terms[1],
        "strong": claim.terms[0],
        "threshold": claim.threshold,
        "stake_strong": claim.stakes[0],
        "stake_weak": claim.stakes[1],
        "ratio": claim.dearest_ratio,
    }
    if 0 < claim.threshold < 1:
        talks = claim.talks(PRIOR)
        row |= {"bluff": talks.claim[1], "call": clean(1 - talks.concede)}
    return row


def delay(study: Study) -> Table:
    """T8-delay: what holding out costs when either side may be unable to give way."""
    rows, residuals = [], []
    for (route, group), posture in product(ROUTES, POSTURES):
        held = study.timing.hold_out(route, posture)
        residuals.append(float(held.outcome.residual.max()))
        same = {
            "route": group,
            "posture": "terms of r = 0" if posture is None else f"{posture:.0%} of the surplus",
            "jump": _jump(study, route, posture),
        }
        rows += [same | row for row in _held_out(held)]
    return study.table("T8-delay", rows, *residuals, obstinate=OBSTINATE[0], most=MOST)


def _held_out(held: HoldOut) -> Iterator[dict[str, Any]]:
    for k, share in enumerate(SHARES[1:]):
        yield {
            "r": float(share),
            "canada": held.demands[k, 0],
            "us": held.demands[k, 1],
            **by_country("payoff", held.payoffs[k]),
            "delay": float(held.outcome.delay[k]),
            "cost": held.cost[k],
            "out": bool(held.jumps[k]),
        }


def _jump(study: Study, route: bool, posture: float | None) -> float | None:
    static = study.timing.deals[route]
    terms = float(static.transfer(nash(static.problem()))[0])
    deal = study.thresholds_deal(study.elasticities, False, route)
    return first_crossing(
        deal, lambda at: gain_over_giving_way(at, partner_demand=posture, transfer=terms)
    ).value


def projects(study: Study) -> Table:
    """T9: which project buys the most leverage for each dollar it costs a year."""
    investments = study.timing.investments
    return study.table(
        "T9",
        [
            {"project": name, "route": group} | _worth(pair[route])
            for name, pair in investments.items()
            for route, group in ROUTES
        ],
        max(float(pair[True].deal.war.residual.max()) for pair in investments.values()),
        breakdown=BREAKDOWN,
        timing=_timings(one for one in path_readings(ROLES) if one.name in CHOSEN),
    )


def _worth(one: Investment) -> dict[str, Any]:
    along = {reading.name: reading for reading in path_readings(ROLES)}
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
        "at_once": one.gain(along[BROKEN]),
        "first": one.gain(along[BROKEN], start=one.project.lead_time),
        "built": clean(100 * one.part_built(readings(ROLES)[0])),
    }
