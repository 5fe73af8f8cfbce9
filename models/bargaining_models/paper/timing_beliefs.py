"""Is the alternative real, and who gives way: beliefs at which the US concedes (T8), delay (T8-delay)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bargaining import nash
from bargaining.tables.table import Column, Table
from bargaining_models.negotiation.bluff import MOST, Claim, HoldOut, gain_over_giving_way
from bargaining_models.negotiation.thresholds import first_crossing
from bargaining_models.paper.pivot_study import OBSTINATE, POSTURES, PRIOR, RATE_NOTE, ROUTE_NOTE, ROUTES
from bargaining_models.paper.study import COUNTRIES, LATEST, SHARES, Study, clean

CLAIM_COLUMNS = [
    Column("route", title="China route"),
    Column("war", title="war", unit="years"),
    Column("claim", title="r claimed"),
    Column("weak", title="weak", unit="USD bn", group="Transfer"),
    Column("strong", title="strong", unit="USD bn", group="Transfer"),
    Column("threshold", title="belief to concede"),
    Column("stake_strong", title="strong", unit="USD bn", group="A concession is worth"),
    Column("stake_weak", title="weak", unit="USD bn", group="A concession is worth"),
    Column("ratio", title="cost ratio of a step"),
    Column("bluff", title="weak claims", group=f"Belief {PRIOR:g}"),
    Column("call", title="US calls", group=f"Belief {PRIOR:g}"),
]
CLAIM_NOTES = {
    "Timing": "Canada claims r or keeps silent; the US concedes the Nash terms at r, or calls: then the tariff "
    "war for the years given (assumption) and the true terms; silence brings the terms of r = 0",
    "Strong, weak": "a Canada that can redirect the share claimed, one that can redirect nothing; only it knows which",
    "Belief to concede": "the chance that Canada is strong from which the US concedes; 0: the US concedes whatever it "
    "believes, since the call costs it more than it could gain; then there is nothing to bluff about",
    "Cost ratio of a step": "the most that a visible step may cost a strong Canada for each dollar that it costs a "
    "weak one, if the step is to prove anything; a step that costs both the same has 1",
    f"Belief {PRIOR:g}": "how often a weak Canada claims, and the US calls, if that is the chance of a strong one",
}
DELAY_COLUMNS = [
    Column("route", title="China route"),
    Column("posture", title="The US insists on"),
    Column("r"),
    Column("canada", title="Canada", group="Demands, of the surplus"),
    Column("us", title="US", group="Demands, of the surplus"),
    Column("payoff_Canada", title="Canada", unit="USD bn", group="Payoff if able"),
    Column("payoff_US", title="US", unit="USD bn", group="Payoff if able"),
    Column("delay", title="delay", unit="years", group="On average"),
    Column("cost", title="lost by both", unit="USD bn", group="On average"),
    Column("out", title="Canada walks out"),
    Column("jump", title="walks out from r"),
]
DELAY_NOTES = {
    "Timing": "demands are on the table and each country never gives way with probability "
    f"{OBSTINATE[0]:g} (assumption); both may give way at any moment; Canada may walk out into the tariff war",
    "Surplus": "what free trade adds to the tariffs of 2025-26; Canada insists on the Nash terms at r",
    "Payoff if able": "what a country that can give way expects, against free trade at r = 0, payment included; what "
    "one that cannot has is not in it",
    "On average": "over countries that can and that cannot give way: the delay where they agree at all, what is lost "
    "by delay, impasse and war",
    "Jump": "the smallest r at which the tariff war beats giving way; there the US posture loses all effect",
}


def beliefs(study: Study) -> Table:
    """T8: how sure of Canada's alternative the US must be to concede, and what makes a claim credible."""
    rows = [
        {"route": group, "war": war, "claim": float(share)}
        | _claim(study.timing.claim(route, float(share), war))
        for route, group in ROUTES
        for war in study.timing.wars
        for share in SHARES[1:]
    ]
    return Table(
        rows,
        columns=CLAIM_COLUMNS,
        caption="Is the alternative real? Beliefs at which the US concedes to a claim",
        label="tab:beliefs",
        digits=3,
        notes=study.notes(
            study.timing.deals[True].war.residual.max(), **CLAIM_NOTES, Route=ROUTE_NOTE, **RATE_NOTE
        ),
    )


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
    return Table(
        rows,
        columns=DELAY_COLUMNS,
        caption="Holding out: payoffs, delay and cost when either country may be unable to give way",
        label="tab:delay",
        digits=3,
        notes=study.notes(
            *residuals,
            **DELAY_NOTES,
            **(
                {"Capped": f"the Nash terms ask for more than {MOST:.0%} at {'; '.join(sorted(more))}"}
                if more
                else {}
            ),
            Dates=_later(study),
            Route=ROUTE_NOTE,
            **RATE_NOTE,
        ),
    )


def _later(study: Study) -> str:
    """In how many rows somebody would hold out at the latest tariffs."""
    demands = np.concatenate(
        [study.latest.timing.hold_out(route, posture).demands for route, _ in ROUTES for posture in POSTURES]
    )
    held = (demands.max(axis=1) < 1.0) & (demands.sum(axis=1) > 1.0)
    return (
        f"at the tariffs of {LATEST}, which already weigh on Canada, somebody holds out in {held.sum()} of {len(held)} "
        f"rows; in the others both demands fit into the surplus, or the US asks for more than all of it (up to "
        f"{demands.max():.0%})"
    )


def _held_out(held: HoldOut) -> Iterator[dict[str, Any]]:
    for k, share in enumerate(SHARES[1:]):
        yield {
            "r": float(share),
            "canada": held.demands[k, 0],
            "us": held.demands[k, 1],
            **{f"payoff_{country}": float(held.payoffs[k, i]) for i, country in enumerate(COUNTRIES)},
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
