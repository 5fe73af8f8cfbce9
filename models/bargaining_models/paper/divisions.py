"""Payoffs of the outcomes and divisions of the deal: the headline table, T1 and T2."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bargaining import Column, Division, Table, nash
from bargaining.authoring import Floats
from bargaining.errors import Status
from bargaining_models.negotiation.routes import Diversion
from bargaining_models.paper.study import COUNTRIES, NOISE, SHARES, Study, clean
from bargaining_models.us_canada.deal import Deal, readings

OUTCOMES = (
    ("agreement", "Free trade"),
    ("status_quo", "Status quo"),
    ("war", "Tariff war"),
    ("exit", "Exit"),
)
DIVERTED = np.array([0.0, 0.05, 0.10, 0.15])
SAME_AS_NASH = ("Kalai-Smorodinsky", "Egalitarian")  # where any transfer is possible


def headline(study: Study) -> Table:
    """The transfer by reading and redirectable share, the China route open or closed under the agreement."""
    deals = {"open": study.uncapped, "closed": study.closed_route}
    shown = [reading for reading in readings() if reading.name not in SAME_AS_NASH]
    divisions = [
        (route, deal, reading, reading.divide(deal)) for route, deal in deals.items() for reading in shown
    ]
    rows = [
        {"route": route, "reading": reading.name}
        | {f"{r:g}": clean(transfer) for r, transfer in zip(SHARES, deal.transfer(division), strict=True)}
        for route, deal, reading, division in divisions
    ]
    columns = [Column("route", title="China route"), Column("reading", title="The alternative is")]
    return Table(
        rows,
        columns=columns + [Column(f"{r:g}", title=f"r = {r:g}") for r in SHARES],
        caption="What Canada pays the US for free trade, USD bn a year (negative: the US pays)",
        label="tab:headline",
        digits=3,
        notes=study.notes(
            *(float(np.max(division.residual)) for *_, division in divisions),
            study.uncapped.war.residual.max(),
            Payment="a level sum every year, for tariffs of the base year between the two, which are zero",
            Route="whether an agreement leaves the China route open or closes it",
            Timing="how the sum is agreed: T2 and T2-closed; with transfers Kalai-Smorodinsky and egalitarian "
            "divide as Nash does",
        ),
    )


def payoffs(study: Study, measure: str) -> Table:
    """T1: what each outcome is worth, by redirectable share, with and without capacity caps."""
    zero = getattr(study.uncapped.agreement, measure)[0]
    rows = [
        {"capacity": caps, "r": float(r)}
        | {
            f"{outcome}_{country}": clean(getattr(getattr(deal, outcome), measure)[k, c] - zero[c])
            for outcome, _ in OUTCOMES
            for c, country in enumerate(COUNTRIES)
        }
        for caps, deal in (("unlimited", study.uncapped), ("capped", study.capped))
        for k, r in enumerate(SHARES)
    ]
    what = "percent of real income" if measure == "percent" else "USD bn of 2023 a year"
    return Table(
        rows,
        columns=_outcome_columns("%" if measure == "percent" else study.uncapped.agreement.unit),
        caption=f"What each outcome is worth, {what}, by redirectable share r",
        label=f"tab:payoffs-{measure}",
        notes=study.notes(
            *(
                getattr(d, name).residual.max()
                for d in (study.uncapped, study.capped)
                for name, _ in OUTCOMES
            ),
            Payoffs="change of real income against free trade at r = 0"
            + ("" if measure == "percent" else ", times income in the base"),
            Outcomes=f"free trade between the two; status quo, {study.baseline.roles.meanwhile} (weighted by what "
            "claims CUSMA); the Nash equilibrium in tariffs; goods trade between the two closed",
        ),
    )


def meanings(study: Study) -> Table:
    """T1-r: what a share r means for what Canada sells, and the capacity that it takes to divert as much."""
    base = study.baseline
    diverts = Diversion(base.model, base.roles, base.free).capacity(DIVERTED)
    rows: list[dict[str, Any]] = []
    residuals = []
    for meaning, shares, capacity in (("capacity", SHARES, SHARES), ("diverted", DIVERTED, diverts)):
        deal = Deal.at(base, r=capacity)
        paid = [some.transfer(nash(some.problem())) for some in (deal, deal.without_route())]
        sold = dict(zip(("US", "China"), base.exports(deal.agreement).T, strict=True))
        residuals.append(deal.war.residual.max())
        for k, r in enumerate(shares):
            row: dict[str, Any] = {"meaning": meaning, "r": float(r), "capacity": clean(capacity[k])}
            for name, flows in sold.items():
                row |= {name: float(flows[k]), f"{name}_change": clean(100 * (flows[k] / flows[0] - 1))}
            rows.append(
                row
                | {
                    name: None if np.isnan(found[k]) else clean(found[k])
                    for name, found in zip(("open", "closed"), paid, strict=True)
                }
            )
    columns = [Column("meaning", title="r is"), Column("r"), Column("capacity", title="capacity")]
    for name in sold:
        columns.append(Column(name, title="sold", unit="USD bn", group=f"Goods to {name}"))
        columns.append(Column(f"{name}_change", title="change", unit="%", group=f"Goods to {name}"))
    columns += [
        Column(name, title=name, unit="USD bn", group="Canada pays, route") for name in ("open", "closed")
    ]
    return Table(
        rows,
        columns=columns,
        caption="What r means: Canada's exports of goods under free trade, and the Nash transfer",
        label="tab:meanings",
        digits=3,
        notes=study.notes(
            *residuals,
            Capacity="the cut of the cost of the route to China at which, at fixed prices and spending, Canada would "
            "sell China more by that part of what it sells the US; all other tables have r in this sense",
            Diverted="the capacity at which exports to the US fall by r, the tariffs unchanged",
            Transfer="none where both have more by the war than by an agreement that closes the route",
        ),
    )


def _outcome_columns(unit: str) -> list[Column]:
    columns = [Column("capacity"), Column("r")]
    for outcome, title in OUTCOMES:
        columns += [Column(f"{outcome}_{c}", title=c, unit=unit, group=title) for c in COUNTRIES]
    return columns


SPLIT_COLUMNS = [
    Column("reading", title="Concept or protocol"),
    Column("r"),
    Column("payoff", title="payoff", unit="USD bn", group="Canada"),
    Column("gain", title="gain on war", unit="USD bn", group="Canada"),
    Column("share", title="share of surplus", unit="%", group="Canada"),
    Column("transfer", title="Canada to US", unit="USD bn", group="Transfer"),
    Column("change", title="change of payoff", unit="USD bn", group="From r = 0"),
    Column("from_threat", title="due to threat", unit="%", group="From r = 0"),
]


def diverted(study: Study) -> Table:
    """T2-diverted: T2 where r is the part of exports to the US that is in fact diverted."""
    base, shares = study.baseline, np.delete(DIVERTED, 1)
    deal = Deal.at(base, r=Diversion(base.model, base.roles, base.free).capacity(shares))
    made = splits(study, deal, "splits-diverted", "r diverted from the US, China route open", shares=shares)
    note = (
        "r: part of its exports of goods to the US that Canada diverts; the capacity that takes is in T1-r."
    )
    return replace(made, notes=tuple(note if one.startswith("r: ") else one for one in made.notes))


def splits(study: Study, deal: Deal, label: str, variant: str, shares: Floats = SHARES) -> Table:
    """T2: how the money of an agreement is divided, under each reading of the alternative."""
    divisions = {reading.name: _solved(reading.divide(deal)) for reading in readings()}
    alike = {name: [] for name in divisions} if study.repeats else _alike(divisions)
    return Table(
        [row for name in alike for row in _split_rows(deal, name, divisions[name], shares)],
        columns=SPLIT_COLUMNS,
        caption=f"The division of an agreement by redirectable share r: {variant}",
        label=f"tab:{label}",
        notes=study.notes(
            *(float(np.nanmax(division.residual)) for division in divisions.values()),
            deal.war.residual.max(),
            Timing=_timings(),
            **{
                f"As {name}": f"{', '.join(others)}: the same division at every r"
                for name, others in alike.items()
                if others
            },
            Talks=f"r is in use under {study.baseline.roles.meanwhile} too"
            if deal.route_survives
            else "r is not in use while talks last, except where it is the inside option",
            Payoffs="change of real income against free trade at r = 0, times income in the base",
            Surplus="what free trade adds to the tariff war at the same r, both countries together",
            **{
                "Due to threat": "the part of the change of Canada's payoff that is a smaller transfer; the rest is "
                "China trade that raises income by itself"
            },
            **{"Discount rate": "5 percent a year for both"},
            **(
                {"None": "both have more by going on as they are than by an agreement"}
                if any(np.isnan(division.payoffs).any() for division in divisions.values())
                else {}
            ),
        ),
    )


def _solved(division: Division) -> Division:
    """Return a division with the status OK or EMPTY; raise an error for any other status."""
    if np.isin(division.status, (Status.OK, Status.EMPTY)).all():
        return division
    return division.raise_if_failed()


def _alike(divisions: Mapping[str, Division]) -> dict[str, list[str]]:
    """Return each reading whose division differs from those before it, with the readings that divide alike."""
    alike: dict[str, list[str]] = {}
    for name, division in divisions.items():
        same = (
            k
            for k in alike
            if np.allclose(divisions[k].payoffs, division.payoffs, rtol=0, atol=NOISE, equal_nan=True)
        )
        first = next(same, None)
        if first is None:
            alike[name] = []
        else:
            alike[first].append(name)
    return alike


def _split_rows(deal: Deal, reading: str, division: Division, shares: Floats) -> Iterator[dict[str, Any]]:
    transfer, share = deal.transfer(division), deal.share(division)
    payoff = division.payoffs[:, 0]
    change, conceded = payoff - payoff[0], transfer[0] - transfer
    for k, r in enumerate(shares):
        row = {
            "payoff": payoff[k] - deal.agreement.money[0, 0],
            "gain": payoff[k] - deal.war.money[k, 0],
            "share": 100 * share[k],
            "transfer": transfer[k],
            "change": change[k],
            "from_threat": np.nan if abs(change[k]) < NOISE else 100 * conceded[k] / change[k],
        }
        known = {name: None if np.isnan(value) else clean(value) for name, value in row.items()}
        yield {"reading": reading, "r": float(r)} | known


def _timings() -> str:
    """Return each timing once, after the readings that share it."""
    names: dict[str, list[str]] = {}
    for reading in readings():
        names.setdefault(reading.timing, []).append(reading.name)
    return "; ".join(f"{' / '.join(shared)}: {timing}" for timing, shared in names.items())
