"""The tables of timing: the split along the path of r (T7, T7-answers), beliefs and delay (T8), and projects (T9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from bargaining import nash
from bargaining.tables.table import Table
from bargaining_models.negotiation.bluff import MOST, Claim, HoldOut, gain_over_giving_way
from bargaining_models.negotiation.deal import HAZARDS, Reading, readings
from bargaining_models.negotiation.pivot import Pivot, path_readings
from bargaining_models.negotiation.pivot_chain import PivotChain
from bargaining_models.negotiation.pivot_investment import Investment
from bargaining_models.negotiation.thresholds import first_crossing
from bargaining_models.paper.pivot_study import (
    HAZARD,
    OBSTINATE,
    POSTURES,
    PRIOR,
    PROGRAMME,
    ROUTES,
)
from bargaining_models.paper.study import LATEST, SHARES, Study, by_country, clean
from bargaining_models.us_canada.baseline import ROLES

NASH, WAR = "Nash", "Offers, outside option: war"
CHAIN_OFFERS: dict[str, dict[str, Any]] = {
    "Offers, inside option": {"in_use": True},
    **{f"Offers, breakdown {hazard:g} a year": {"hazard": hazard} for hazard in HAZARDS},
    WAR: {"walk_out": True},
}


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
    return study.table(
        "T7",
        rows,
        *residuals,
        timing=_timings(path_readings(ROLES)),
        closes=study.timing.fact("china_closure_rate"),
        reopens=study.timing.fact("china_reopening_rate"),
        projects=", ".join(
            f"{p.name} ({p.lead_time:g} years)" for p in study.timing.projects if p.name in PROGRAMME
        ),
    )


def _timings(shown: Iterable[Reading]) -> str:
    return "; ".join(f"{reading.name}: {reading.timing}" for reading in shown)


def _along(pivot: Pivot, reading: Reading, group: str) -> tuple[dict[str, Any], float]:
    last = float(pivot.growth.dates.max(initial=0.0))
    worse = pivot.value("agreement")([0.0, last]).sum(axis=-1) < pivot.value("war")([0.0, last]).sum(axis=-1)
    worse &= reading.name in (NASH, WAR)  # other readings do not compare an agreement with the war alone
    division = None if worse[0] else reading.divide(pivot)
    if division is None or not np.isfinite(division.delay):
        cells = ("today", "open", "wait_0", "wait_1")
        return dict.fromkeys(f"{group}_{cell}" for cell in cells) | {f"{group}_agree": "never"}, 0.0
    today, then = division.transfer_at([0.0, last])
    wait = division.waiting(last)
    agreement = "at once" if division.delay == 0 else f"after {division.delay:.3g} years"
    row: dict[str, Any] = {f"{group}_open": None if worse[1] else clean(then)}
    row[f"{group}_today"] = clean(today) if division.delay == 0 else None
    row |= {f"{group}_wait_{c}": None if last == 0 else clean(wait[c]) for c in (0, 1)}
    return row | {f"{group}_agree": agreement}, division.residual


def _chain_rows(name: str, chains: dict[bool, PivotChain]) -> Iterator[dict[str, Any]]:
    for reading in path_readings(ROLES):
        row: dict[str, Any] = {"path": name, "reading": reading.name}
        for route, group in ROUTES:
            chain = chains[route]
            if reading.name in CHAIN_OFFERS:
                found = chain.offers(**CHAIN_OFFERS[reading.name])
                found.division.raise_if_failed()
                transfer, agree = found.transfer, found.agree
            else:
                transfer = chain.nash()
                agree = ~np.isnan(transfer)
            for k, when in enumerate(("today", "open")):
                row[f"{group}_{when}"] = clean(transfer[k]) if agree[k] else None
            moves = np.asarray(chain.moves) > 0
            reached = np.linalg.matrix_power(np.eye(len(moves)) + moves, len(moves))[0] > 0
            row[f"{group}_agree"] = "at once" if agree[0] else "later" if (agree & reached).any() else "never"
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
    return study.table(
        "T7-answers",
        rows,
        *(answer.residual for _, answer in found),
        path=study.timing.main_path,
        share=study.timing.fact("us_replaceable"),
        rate=study.timing.fact("us_replacement_rate"),
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
    rows, residuals, more = [], [], set()
    for route, group in ROUTES:
        for posture in POSTURES:
            held = study.timing.hold_out(route, posture)
            more |= {f"r = {r:g}, route {group}" for r in SHARES[1:][held.demands[:, 0] >= MOST]}
            residuals.append(float(held.outcome.residual.max()))
            same = {
                "route": group,
                "posture": "terms of r = 0" if posture is None else f"{posture:.0%} of the surplus",
                "jump": _jump(study, route, posture),
            }
            rows += [same | row for row in _held_out(held)]
    return study.table(
        "T8-delay",
        rows,
        *residuals,
        obstinate=OBSTINATE[0],
        demands=f"at most {MOST:.0%}; the Nash terms ask for more than {MOST:.0%} at {'; '.join(sorted(more))}"
        if more
        else "",
        elsewhere=_elsewhere(study.latest, f"at the tariffs of {LATEST}, which already weigh on Canada"),
    )


def _elsewhere(study: Study, where: str) -> str:
    """In how many rows somebody would hold out in another study."""
    agreed = [route for route, _ in ROUTES if len(study.timing.claimed(route)) == len(SHARES) - 1]
    demands = np.concatenate(
        [study.timing.hold_out(route, posture).demands for route in agreed for posture in POSTURES]
    )
    held = (demands.max(axis=1) < 1.0) & (demands.sum(axis=1) > 1.0)
    closed = (
        ""
        if len(agreed) == len(ROUTES)
        else "; where the deal closes the route, r leaves no surplus at some r"
    )
    return (
        f"{where}, somebody holds out in {held.sum()} of {len(held)} rows; in the others both demands fit into the "
        f"surplus, or the US asks for more than all of it (up to {demands.max():.0%}){closed}"
    )


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


BROKEN = f"Offers, breakdown {HAZARD:g} a year"
CHOSEN = {"Nash": "nash", BROKEN: "broken", "Offers, outside option: war": "walk"}


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
        hazard=HAZARD,
        timing=_timings(one for one in path_readings(ROLES) if one.name in CHOSEN),
    )


def _worth(one: Investment) -> dict[str, Any]:
    along = {reading.name: reading for reading in path_readings(ROLES)}
    static = {reading.name: reading for reading in readings(ROLES)}
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
