"""The tables of timing: the split along the path of r (T7), beliefs and delay (T8), leverage by project (T9)."""

from collections.abc import Iterator
from typing import Any

from bargaining import nash
from bargaining.tables import Column, Table
from bargaining_models.paper.pivot_study import HAZARD, OBSTINATE, POSTURES, PRIOR, PROGRAMME
from bargaining_models.paper.study import NOISE, SHARES, Study
from bargaining_models.us_canada.bluff import gain_over_giving_way
from bargaining_models.us_canada.deal import HAZARDS, readings
from bargaining_models.us_canada.pivot import PathReading, Pivot, path_readings
from bargaining_models.us_canada.pivot_chain import PivotChain
from bargaining_models.us_canada.thresholds import first_crossing

ROUTES = ((True, "open"), (False, "closed"))
CHAIN_OFFERS: dict[str, dict[str, Any]] = {
    "Offers, inside option": {"in_use": True},
    **{f"Offers, breakdown {hazard:g} a year": {"hazard": hazard} for hazard in HAZARDS},
    "Offers, outside option: war": {"walk_out": True},
}
RATE_NOTE = {"Discount rate": "5 percent a year for both; sums are level yearly flows from today"}
ROUTE_NOTE = "whether an agreement leaves the China route open or closes it"


def splits_over_time(study: Study) -> Table:
    """T7: what Canada pays if they agree today, by the path that r will take and by protocol."""
    rows, residuals = [], [study.timing.curve_error]
    for name, pivots in study.timing.paths.items():
        for reading in path_readings():
            row: dict[str, Any] = {"path": name, "reading": reading.name}
            for route, group in ROUTES:
                more, residual = _along(pivots[route], reading, group)
                row |= more
                residuals.append(residual)
            rows.append(row)
    for name, chains in study.timing.chains.items():
        rows += list(_chain_rows(name, chains))
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
    return Table(
        rows,
        columns=columns,
        caption="The transfer from Canada to the US a year by the path of the redirectable share r",
        label="tab:timing",
        digits=3,
        notes=study.notes(
            *residuals,
            study.timing.deals[True].war.residual.max(),
            Timing="; ".join(f"{reading.name}: {reading.timing}" for reading in path_readings()),
            Paths=f"'in n years': capacity opens at that date; 'at rate': it opens at that rate; r grows whatever the "
            f"two do; projects: {', '.join(_programme(study))}",
            Route=ROUTE_NOTE,
            Waiting="gain of the country if talks begin only when the last capacity opens",
            **RATE_NOTE,
        ),
    )


def _programme(study: Study) -> list[str]:
    return [f"{p.name} ({p.lead_time:g} years)" for p in study.timing.projects if p.name in PROGRAMME]


def _along(pivot: Pivot, reading: PathReading, group: str) -> tuple[dict[str, Any], float]:
    division = reading.divide(pivot)
    last = float(pivot.growth.dates.max(initial=0.0))
    today, then = division.transfer_at([0.0, last])
    wait = division.waiting(last)
    agreement = "at once" if division.delay == 0 else f"after {division.delay:.3g} years"
    row: dict[str, Any] = {f"{group}_open": _clean(then)}
    row[f"{group}_today"] = _clean(today) if division.delay == 0 else None
    row |= {f"{group}_wait_{c}": None if last == 0 else _clean(wait[c]) for c in (0, 1)}
    return row | {f"{group}_agree": agreement}, division.residual


def _chain_rows(name: str, chains: dict[bool, PivotChain]) -> Iterator[dict[str, Any]]:
    for reading in path_readings():
        row: dict[str, Any] = {"path": name, "reading": reading.name}
        for route, group in ROUTES:
            chain, agreed = chains[route], True
            if reading.name in CHAIN_OFFERS:
                found = chain.offers(**CHAIN_OFFERS[reading.name])
                found.division.raise_if_failed()
                transfer, agreed = found.transfer, bool(found.agree[0])
            else:
                transfer = chain.nash()
            row |= {f"{group}_today": _clean(transfer[0]), f"{group}_open": _clean(transfer[1])}
            row |= {f"{group}_agree": "at once" if agreed else "later"}
        yield row


def answers(study: Study) -> Table:
    """T7-answers: what the US gets by rushing, waiting or replacing its suppliers while the alternative grows."""
    rows, residuals = [], []
    for route, group in ROUTES:
        for hazard in HAZARDS:
            for answer in study.timing.answers(route, hazard):
                residuals.append(answer.residual)
                rows.append(
                    {
                        "route": group,
                        "hazard": hazard,
                        "answer": answer.name,
                        "transfer": answer.transfer,
                        "canada": answer.payoffs[0],
                        "us": answer.payoffs[1],
                    }
                )
    replaced = study.timing.fact("us_replaceable")
    return Table(
        rows,
        columns=[
            Column("route", title="China route"),
            Column("hazard", title="breakdown", unit="a year"),
            Column("answer", title="The US answers"),
            Column("transfer", title="Canada to US", unit="USD bn"),
            Column("canada", title="Canada", unit="USD bn"),
            Column("us", title="US", unit="USD bn"),
        ],
        caption=f"The US answers to {study.timing.main_path}: money a year against free trade at r = 0",
        label="tab:timing-answers",
        digits=3,
        notes=study.notes(
            *residuals,
            Replacing=f"US buyers replace {replaced:.0%} of their goods imports from Canada for good (assumption), "
            f"at rate {study.timing.fact('us_replacement_rate'):g} a year while talks last, or before talks begin",
            Timing="offers without pause under the tariffs of 2025-26, the tariff war after a breakdown",
            Route=ROUTE_NOTE,
            **RATE_NOTE,
        ),
    )


def beliefs(study: Study) -> Table:
    """T8: how sure of Canada's alternative the US must be to concede, and what makes a claim credible."""
    rows = []
    for route, group in ROUTES:
        for war in study.timing.wars:
            for share in SHARES[1:]:
                claim = study.timing.claim(route, float(share), war)
                row = {
                    "route": group,
                    "war": war,
                    "claim": float(share),
                    "weak": claim.terms[1],
                    "strong": claim.terms[0],
                    "threshold": claim.threshold,
                    "stake_strong": claim.stakes[0],
                    "stake_weak": claim.stakes[1],
                    "ratio": claim.dearest_ratio,
                }
                if 0 < claim.threshold < 1:
                    talks = claim.talks(PRIOR)
                    row |= {"bluff": talks.claim[1], "call": _clean(1 - talks.concede)}
                rows.append(row)
    return Table(
        rows,
        columns=[
            Column("route", title="China route"),
            Column("war", title="war", unit="years"),
            Column("claim", title="r claimed"),
            Column("weak", title="weak", unit="USD bn", group="Transfer"),
            Column("strong", title="strong", unit="USD bn", group="Transfer"),
            Column("threshold", title="belief to concede"),
            Column("stake_strong", title="strong", unit="USD bn", group="A concession is worth"),
            Column("stake_weak", title="weak", unit="USD bn", group="A concession is worth"),
            Column("ratio", title="dearest step"),
            Column("bluff", title="weak claims", group=f"Belief {PRIOR:g}"),
            Column("call", title="US calls", group=f"Belief {PRIOR:g}"),
        ],
        caption="Is the alternative real? Beliefs at which the US concedes to a claim",
        label="tab:beliefs",
        digits=3,
        notes=study.notes(
            study.timing.deals[True].war.residual.max(),
            Timing="Canada claims r or keeps silent; the US concedes the Nash terms at r, or calls: then the tariff "
            "war for the years given (assumption) and the true terms; silence brings the terms of r = 0",
            **{
                "Belief to concede": "0: the US concedes whatever it believes, since the call costs it more than it "
                "could gain; then there is nothing to bluff about",
                "Dearest step": "what a visible step may cost a strong Canada for each dollar it costs a weak one, "
                "if it is to prove anything; a step that costs both alike has 1",
            },
            Route=ROUTE_NOTE,
            **RATE_NOTE,
        ),
    )


def delay(study: Study) -> Table:
    """T8-delay: what holding out costs when either side may be unable to give way."""
    rows, residuals = [], []
    for route, group in ROUTES:
        for posture in POSTURES:
            held = study.timing.hold_out(route, posture)
            outcome = held.outcome
            residuals.append(float(outcome.residual.max()))
            jump = _jump(study, route, posture)
            rows += [
                {
                    "route": group,
                    "posture": "terms of r = 0" if posture is None else f"{posture:.0%} of the surplus",
                    "r": float(share),
                    "canada": held.demands[k, 0],
                    "us": held.demands[k, 1],
                    "transfer": held.transfer[k],
                    "delay": float(outcome.delay[k]),
                    "cost": held.cost[k],
                    "out": bool(held.jumps[k]),
                    "jump": jump,
                }
                for k, share in enumerate(SHARES[1:])
            ]
    return Table(
        rows,
        columns=[
            Column("route", title="China route"),
            Column("posture", title="The US insists on"),
            Column("r"),
            Column("canada", title="Canada", group="Demands, of the surplus"),
            Column("us", title="US", group="Demands, of the surplus"),
            Column("transfer", title="Canada to US", unit="USD bn"),
            Column("delay", title="delay", unit="years"),
            Column("cost", title="lost by both", unit="USD bn"),
            Column("out", title="Canada walks out"),
            Column("jump", title="walks out from r"),
        ],
        caption="Holding out: expected terms, delay and cost when either country may be unable to give way",
        label="tab:delay",
        digits=3,
        notes=study.notes(
            *residuals,
            Timing="demands are on the table and each country never gives way with probability "
            f"{OBSTINATE[0]:g} (assumption); both may give way at any moment; Canada may walk out into the tariff war",
            Surplus="what free trade adds to the tariffs of 2025-26; Canada insists on the Nash terms at r",
            Jump="the smallest r at which the tariff war beats giving way; there the US posture loses all effect",
            Route=ROUTE_NOTE,
            **RATE_NOTE,
        ),
    )


def _jump(study: Study, route: bool, posture: float | None) -> float | None:
    static = study.timing.deals[route]
    terms = float(static.transfer(nash(static.problem()))[0])
    deal = study.thresholds_deal(study.elasticities, False, route)
    return first_crossing(deal, lambda at: gain_over_giving_way(at, us_demand=posture, transfer=terms)).value


def projects(study: Study) -> Table:
    """T9: which project buys the most leverage for each dollar it costs a year."""
    static = {reading.name: reading for reading in readings()}
    chosen = {
        "Nash": "nash",
        f"Offers, breakdown {HAZARD:g} a year": "broken",
        "Offers, outside option: war": "walk",
    }
    along = {reading.name: reading for reading in path_readings()}
    rows = []
    for name, investments in study.timing.investments.items():
        for route, group in ROUTES:
            one = investments[route]
            row: dict[str, Any] = {
                "project": name,
                "route": group,
                "lead": one.project.lead_time,
                "cost": one.project.cost,
                "charge": one.charge,
                "trade": _clean(one.china_trade()),
            }
            for title, key in chosen.items():
                leverage = _clean(one.leverage(along[title]))
                row |= {f"{key}_leverage": leverage, f"{key}_dollar": leverage / one.charge}
            broken = along[f"Offers, breakdown {HAZARD:g} a year"]
            row |= {"at_once": one.talk_at_once(broken), "first": one.build_first(broken)}
            row["built"] = _clean(100 * one.part_built(static["Nash"]))
            rows.append(row)
    columns = [
        Column("project"),
        Column("route", title="China route"),
        Column("lead", title="lead time", unit="years"),
        Column("cost", title="capital", unit="USD bn"),
        Column("charge", title="a year", unit="USD bn"),
        Column("trade", title="China trade", unit="USD bn"),
    ]
    for title, key in chosen.items():
        columns += [
            Column(f"{key}_leverage", title="leverage", unit="USD bn", group=title),
            Column(f"{key}_dollar", title="per dollar", group=title),
        ]
    columns += [
        Column("at_once", title="talk at once", unit="USD bn", group="Net worth to Canada"),
        Column("first", title="build first", unit="USD bn", group="Net worth to Canada"),
        Column("built", title="built for leverage", unit="%"),
    ]
    return Table(
        rows,
        columns=columns,
        caption="What each project does to the transfer agreed today, and for each dollar it costs a year",
        label="tab:projects",
        digits=3,
        notes=study.notes(
            max(float(pair[True].deal.war.residual.max()) for pair in study.timing.investments.values()),
            Projects="capacity, cost and lead time from the figures, some of them assumptions; all capacity is "
            "taken to be at China's disposal; capital is sunk today",
            Leverage="by how much the transfer agreed today is smaller because the project will open",
            Worth=f"what Canada gains net of the charge, offers with breakdown {HAZARD:g} a year: talks today, or when "
            "the project opens",
            Built="part of the project that leverage alone would pay for, about the Nash terms and in use at once",
            Route=ROUTE_NOTE,
            **RATE_NOTE,
        ),
    )


def _clean(value: float) -> float:
    """Return 0 for a rounding error of the solver."""
    return 0.0 if abs(value) < NOISE else float(value)
