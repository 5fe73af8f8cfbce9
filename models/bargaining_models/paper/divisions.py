"""The headline, outcomes (T1), divisions (T2), the repeated game (T5, T6), the triangle (T11) and leverage (T13)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np

from bargaining import Division, Table, nash
from bargaining.authoring import Floats
from bargaining.errors import Status
from bargaining_models.negotiation import Negotiation
from bargaining_models.negotiation.deal import Deal, Reading, readings
from bargaining_models.negotiation.headline import NOISE
from bargaining_models.negotiation.roles import Diversion, Leave, in_a_sentence
from bargaining_models.negotiation.tariff_war import RATES
from bargaining_models.negotiation.triangle import triangle_readings
from bargaining_models.paper.study import (
    CASES,
    COUNTRIES,
    DISCOUNTS,
    DIVERTED,
    SHARES,
    Study,
    by_country,
    specified,
)
from bargaining_models.uncertainty import LEVELS, elasticity_priors, uncertainty
from bargaining_models.us_canada.baseline import ROLES

GAME = f"each year both set one tariff on all goods of the other, of {len(RATES)} from 0 to {RATES[-1]:.0%}"
PARTNERS = ("US", "China")
OUTCOMES = ("agreement", "status_quo", "war", "exit")
NONE = (
    "both have more by going on as they are than by an agreement; no share of the surplus where there is none over "
    "the war"
)
SAME_AS_NASH = ("Kalai-Smorodinsky", "Egalitarian")  # where any transfer is possible


def headline(study: Study) -> Table:
    """The transfer by reading and redirectable share, the China route open or closed under the agreement."""
    shown = [reading for reading in readings(ROLES) if reading.name not in SAME_AS_NASH]
    routes = {
        "open": (study.uncapped, study.diverted),
        "closed": (study.closed_route, study.diverted.without_route()),
    }
    rows, solved = [], list[Any]([study.uncapped.war])
    for route, deals in routes.items():
        for reading in shown:
            row: dict[str, Any] = {"route": route, "reading": reading.name}
            for deal, shares, prefix in zip(deals, (SHARES, DIVERTED), ("", "diverted_"), strict=True):
                division = reading.divide(deal)
                solved.append(division)
                paid = zip(shares, deal.transfer(division), strict=True)
                row |= {f"{prefix}{r:g}": transfer for r, transfer in paid}
            rows.append(row)
    return study.table("headline", rows, *solved, timing=_timings(shown))


def figures(study: Study) -> Table:
    """The figures behind the tables, by sector of goods: trade, capacity, elasticities and tariffs."""
    own, prior, deal = study.parameters, elasticity_priors(), study.latest.baseline
    us, canada, china = (own.regions.index(name) for name in ("USA", "CAN", "CHN"))
    rows = [
        {
            "sector": name,
            "sold": own.flows.values[us, canada, j],
            "china": own.flows.values[china, canada, j],
            "bought": own.flows.values[canada, us, j],
            "cap": 100.0 * own.caps.values[j],
            "elasticity": prior.median[j],
            "spread": prior.spread[j],
            "tariff": 100.0 * deal.standing[us, canada, j],
            "answer": 100.0 * deal.standing[canada, us, j],
        }
        for j, name in enumerate(own.sectors)
        if own.goods[j]
    ]
    return study.table("data", rows)


def payoffs(study: Study, measure: str) -> Table:
    """T1: what each outcome is worth, by redirectable share, with and without capacity caps."""
    zero = getattr(study.uncapped.agreement, measure)[0]
    deals = {"unlimited": study.uncapped, "capped": study.capped}
    rows = []
    for (caps, deal), (k, r) in product(deals.items(), enumerate(SHARES)):
        row: dict[str, Any] = {"capacity": caps, "r": float(r)}
        for outcome in OUTCOMES:
            row |= by_country(outcome, getattr(getattr(deal, outcome), measure)[k] - zero)
        rows.append(row)
    percent = measure == "percent"
    return study.table(
        "T1",
        rows,
        *(getattr(deal, name) for deal in deals.values() for name in OUTCOMES),
        measure=measure,
        what="percent of real income" if percent else "USD bn of 2023 a year",
        unit="%" if percent else study.uncapped.agreement.unit,
        times="" if percent else ", times income in the base",
    )


def meanings(study: Study) -> Table:
    """T1-r: what a share r means for what Canada sells, and the capacity that it takes to divert as much."""
    base = study.baseline
    diverts = Diversion(base.model, base.roles, base.free).capacity(DIVERTED)
    rows: list[dict[str, Any]] = []
    solved = []
    for meaning, shares, capacity in (("capacity", SHARES, SHARES), ("diverted", DIVERTED, diverts)):
        deal = Deal.at(base, r=capacity)
        paid = {
            name: some.transfer(nash(some.problem()))
            for name, some in (("open", deal), ("closed", deal.without_route()))
        }
        sold = dict(zip(("US", "China"), base.exports(deal.agreement).T, strict=True))
        columns = {"r": shares, "capacity": capacity, **sold, **paid}
        columns |= {f"{name}_change": 100 * (flows / flows[0] - 1) for name, flows in sold.items()}
        rows += [
            {"meaning": meaning} | {name: x[k] for name, x in columns.items()} for k in range(len(shares))
        ]
        solved.append(deal.war)
    return study.table("T1-r", rows, *solved)


def splits(study: Study, deal: Deal, label: str, variant: str) -> Table:
    """T2: how the money of an agreement is divided, under each reading of the alternative."""
    divisions = {reading.name: _solved(reading.divide(deal)) for reading in readings(ROLES)}
    alike: dict[str, list[str]] = {}  # each division that differs from those before it, and who divides alike
    for name, division in divisions.items():
        same = [
            k for k in alike if np.allclose(divisions[k].payoffs, division.payoffs, 0, NOISE, equal_nan=True)
        ]
        alike.setdefault(same[0] if same else name, []).extend([name] if same else [])
    rows = []
    for name in alike:
        payoff, transfer = divisions[name].payoffs[:, 0], deal.transfer(divisions[name])
        change = payoff - payoff[0]
        moved = np.where(np.abs(change) < NOISE, np.nan, change)
        columns = {
            "r": SHARES,
            "payoff": payoff - deal.agreement.money[0, 0],
            "gain": payoff - deal.war.money[:, 0],
            "share": 100 * deal.share(divisions[name]),
            "transfer": transfer,
            "change": change,
            "from_threat": 100 * (transfer[0] - transfer) / moved,
        }
        rows += [
            {"reading": name} | {title: x[k] for title, x in columns.items()} for k in range(len(SHARES))
        ]
    return study.table(
        "T2",
        rows,
        *divisions.values(),
        deal.war,
        more={
            f"Not shown, as {name}": f"the divisions of {' and '.join(others)} are the same at every r"
            for name, others in alike.items()
            if others
        },
        label=label,
        variant=variant,
        timing=_timings(readings(ROLES)),
        capped=specified("T4")["notes"]["Capped"] if deal.capped else "",
        talks=f"r is in use under {study.baseline.roles.meanwhile} too"
        if deal.route_survives
        else "while talks last, r is in use only where it is the inside option",
        none=NONE if any(np.isnan(division.payoffs).any() for division in divisions.values()) else "",
    )


def _solved(division: Division) -> Division:
    """Return a division with the status OK or EMPTY; raise an error for any other status."""
    if np.isin(division.status, (Status.OK, Status.EMPTY)).all():
        return division
    return division.raise_if_failed()


def _timings(shown: Iterable[Reading]) -> str:
    """Return each timing once, after the readings that share it; what offers have in common is said of the first."""
    names: dict[str, list[str]] = {}
    for reading in shown:
        names.setdefault(reading.timing, []).append(reading.name)
    said = "; ".join(f"{' / '.join(shared)}: {timing}" for timing, shared in names.items())
    before, common, after = said.partition(": offers alternate without delay")
    again = common + after.partition(",")[0]
    return before + common + (after.replace(again, ": such offers") if common else "")


def critical_discounts(study: Study) -> Table:
    """T5: how patient each country must be for free trade to enforce itself, by redirectable share."""
    rows = [
        {"r": r}
        | by_country("optimal", game.critical_discount().by_player)
        | by_country("exit", game.critical_discount(leave=True).by_player)
        | by_country("war", game.critical_under_war())
        for r, game in study.tariff_games.items()
    ]
    return study.table("T5", rows, study.uncapped.war, game=GAME)


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
                row[name] = game.transfer(paid)
            rows.append(row)
    against = "free trade at r = 0"
    if study.tariffs is not None:
        canada, us = study.baseline.payoffs().percent
        against = f"the tariffs of 2023 ({against} of the two: Canada {canada:+.3f}, the US {us:+.3f})"
    return study.table("T6", rows, *bounds, game=GAME, against=against)


def payments(study: Study) -> Table:
    """T11: what Canada pays the US and China, by who bargains when and by redirectable share."""
    triangle, rows = study.triangle, []
    found = {reading: reading.divide(triangle.money) for reading in triangle_readings(ROLES)}
    for reading, terms in found.items():
        columns = dict(
            zip((*PARTNERS, *ROLES.countries), (*terms.transfers.T, *terms.payoffs.T), strict=True)
        )
        columns |= {"r": SHARES, "clause": triangle.clause(terms)}
        columns["part"] = 100 * triangle.part_of_alternative(terms)
        rows += [
            {"reading": reading.name} | {name: x[k] for name, x in columns.items()}
            for k in range(len(SHARES))
        ]
    timing = "; ".join(f"{reading.name}: {reading.timing}" for reading in found)
    return study.table("T11", rows, triangle, *found.values(), timing=timing)


SHARE = 0.15  # that of the headline
DRAWS = 100  # the ends of a band rest on five: two digits
NUMBERS = ("payment", "open_1", "contingent_1")
PAIRS = (
    ("CAN", "USA", "CHN"),
    ("MEX", "USA", "CHN"),
    ("KOR", "CHN", "USA"),
    ("AUS", "CHN", "USA"),
    ("CHN", "USA", None),
)
"""Target, hegemon and rival."""


def leverage_table(study: Study) -> Table:
    """T13: what the US can ask of Canada, and what the alternative takes of it."""
    talks = study.baseline
    threat = talks.threat()
    said: dict[str, Any] = {"loss": threat.loss, "cost": threat.cost, "patience": threat.patience}
    return study.table("T13", talks.leverage([SHARE]).records(), threat, **said)


def leverage_bands(study: Study) -> Table:
    """T13-bands: the same over drawn elasticities; percent is missing where a draw has no payment to be lost."""
    talks = study.baseline
    data, first = talks.model.data, talks.leverage([SHARE])

    def drawn(elasticities: Floats) -> dict[str, Any]:
        model = talks.model.with_data(data.with_terms(data.tariffs, elasticities))
        rows = talks.on(model).leverage([SHARE]).records()
        return {name: np.array([row[name] for row in rows], dtype=float) for name in NUMBERS}

    found = uncertainty(drawn, {"elasticities": elasticity_priors()}, draws=DRAWS)
    rows = []
    for k, row in enumerate(first.records()):
        ends = {name: np.quantile(found[name].values[:, k], LEVELS) for name in NUMBERS}
        bands = {name: None if np.isnan(band).any() else tuple(band.tolist()) for name, band in ends.items()}
        rows.append({"notion": row["notion"], "formula": row["formula"]} | bands)
    failed = int(np.isnan(found["payment"].values).any(axis=1).sum())
    return study.table("T13-bands", rows, draws=DRAWS, failed=failed)


def leverage_pairs(study: Study) -> Table:
    """T13-pairs: the same payments for other targets and hegemons, and what an open route takes of them."""
    rows: dict[str, dict[str, Any]] = {}
    residuals, names = list[Any](), dict[str, Any]()
    for home, partner, other in PAIRS:
        talks = Negotiation(data="icio2019", home=home, partner=partner, alternative=other)
        names[home] = f"{in_a_sentence(partner)} of {in_a_sentence(home)}"
        residuals.append(talks.threat().residual)
        for row in talks.leverage([SHARE] if other else [0.0]).records():
            cells = {home: row["payment"], f"lost_{home}": row.get("open_1")}
            rows.setdefault(row["notion"], {"notion": row["notion"], "formula": row["formula"]}).update(cells)
    return study.table("T13-pairs", rows.values(), *residuals, **names)
