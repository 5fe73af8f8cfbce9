"""Timing: the split along the path of r (T7, T7-answers), beliefs and delay (T8), and projects (T9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, cached_property, partial
from itertools import product
from typing import Any

import numpy as np

from bargaining import nash
from bargaining.tables.table import Table
from bargaining_models.negotiation.bluff import MOST, Claim, HoldOut, gain_over_giving_way
from bargaining_models.negotiation.capacity import together
from bargaining_models.negotiation.deal import BREAKDOWNS, Deal, Reading, readings
from bargaining_models.negotiation.headline import clean, first_crossing
from bargaining_models.negotiation.negotiation import Share
from bargaining_models.negotiation.pivot import (
    Growth,
    Investment,
    Pivot,
    PivotChain,
    PivotDivision,
    line,
    open_and_close,
    partner_answers,
    path_readings,
    without_suppliers,
)
from bargaining_models.paper.study import SHARES, Study, by_country
from bargaining_models.us_canada.baseline import ROLES, Baseline
from bargaining_models.us_canada.baseline import projects as projects_of

SHARE, LARGE = 0.15, 0.30  # that of the headline, and twice that
YEARS = 5.0  # until capacity opens, unless another date is named
BREAKDOWN = 0.5  # a year, as in `deal.BREAKDOWNS`
PRIOR = 0.3  # assumption: that home can redirect the share
OBSTINATE = (0.05, 0.05)  # assumption: chances that home, or the partner, never gives way
POSTURES = (None, 0.85)  # the Nash terms of r = 0; a part of the surplus
ROUTES = ((True, "open"), (False, "closed"))
PROGRAMME = ("canola access", "drag-reducing agents", "Cedar LNG", "pumping stations", "LNG Canada phase 2")
Routes = dict[bool, Deal]
NASH, WAR = "Nash", "Offers, outside option: war"
BROKEN = f"Offers, breakdown {BREAKDOWN:g} a year"
CHOSEN = {NASH: "nash", BROKEN: "broken", WAR: "walk"}


class PivotStudy:
    """The models of timing on one baseline, each by whether the route survives an agreement.

    Parameters
    ----------
    study : Study
    """

    main_path = f"{SHARE:.0%} in {YEARS:g} years"
    lasting_chain = f"{SHARE:.0%} at rate {1 / YEARS:g} a year"
    revocable_chain = f"{lasting_chain}, revocable by China"

    def __init__(self, study: Study) -> None:
        self.baseline, self.projects = study.baseline, projects_of(study.parameters)
        self.deals: Routes = {True: study.uncapped, False: study.closed_route}
        self.deals_at = cache(lambda share: self._deals([0.0, share]))

    def fact(self, name: str) -> float:
        """Return a figure."""
        return self.baseline.parameters.fact(name).value

    def _deals(self, r: Share) -> Routes:
        deal = Deal.at(self.baseline, r=r)
        return {True: deal, False: deal.without_route()}

    @cached_property
    def investments(self) -> dict[str, dict[bool, Investment]]:
        """Each project and the deal, by name and route."""
        solved = [Investment.solve(self.baseline, project) for project in self.projects]
        return {one.project.name: {True: one, False: one.without_route()} for one in solved}

    @cached_property
    def paths(self) -> dict[str, dict[bool, Pivot]]:
        """Talks along each path, by name and route."""
        opening, shares = together(tuple(p for p in self.projects if p.name in PROGRAMME))

        def grow(deals: Routes, growth: Callable[[Deal], Growth]) -> dict[bool, Pivot]:
            return {route: Pivot(growth=growth(deal)) for route, deal in deals.items()}

        def step(share: float, *dates: float) -> dict[bool, Pivot]:
            stages = (0, int(np.argmin(np.abs(SHARES - share))))[: 1 + len(dates)]
            return grow(self.deals, lambda deal: Growth.in_steps(deal, dates, stages=stages))

        return {
            "none": step(0.0),
            f"{SHARE:.0%} in 1 year": step(SHARE, 1.0),
            self.main_path: step(SHARE, YEARS),
            f"{SHARE:.0%} in 7 years": step(SHARE, 7.0),
            f"{SHARE:.0%} steadily over {YEARS:g} years": grow(
                self._deals(line(SHARE)), lambda deal: Growth.in_a_line(deal, YEARS)
            ),
            f"{LARGE:.0%} in {YEARS:g} years": step(LARGE, YEARS),
            "projects": grow(self._deals(shares), lambda deal: Growth.in_steps(deal, opening)),
        }

    @cached_property
    def chains(self) -> dict[str, dict[bool, PivotChain]]:
        """Talks while the alternative opens at random, for good or revocably, by name and route."""
        closing, reopening = self.fact("china_closure_rate"), self.fact("china_reopening_rate")
        moves = {
            self.lasting_chain: open_and_close(opening=1 / YEARS),
            self.revocable_chain: open_and_close(opening=1 / YEARS, closing=closing, reopening=reopening),
        }
        deals = self._deals([0.0, SHARE, 0.0])
        return {
            name: {route: PivotChain(deal=deal, moves=rates) for route, deal in deals.items()}
            for name, rates in moves.items()
        }

    def answers(self, route: bool, breakdown: float) -> dict[str, tuple[PivotDivision, float]]:
        """Return the outcome of each response of the US to the main path."""
        deal = Deal.at(self._replaced, r=[0.0, SHARE], route_survives=route)
        return partner_answers(
            self.paths[self.main_path][route],
            Pivot(growth=Growth.in_steps(deal, [YEARS])),
            breakdown=breakdown,
            replacing=self.fact("us_replacement_rate"),
            wait=YEARS,
        )

    @cached_property
    def _replaced(self) -> Baseline:
        """The outcomes when US buyers have turned away from Canada."""
        return without_suppliers(self.baseline, self.fact("us_replaceable"))


def splits_over_time(study: Study) -> Table:
    """T7: what Canada pays if they agree today, by the path that r will take and by protocol."""
    own, rows = study.once(PivotStudy), []
    residuals: list[Any] = [study.uncapped.war]
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
        return {"agree": "never"}, 0.0
    row: dict[str, Any] = dict(zip(("today", "open"), division.transfer_at([0.0, last]), strict=True))
    row["agree"] = "at once"
    if division.delay > 0:
        row |= {"today": None, "agree": f"after {division.delay:.3g} years"}
    if worse[1]:
        row["open"] = None
    if last > 0:
        row |= {f"wait_{c}": gain for c, gain in enumerate(division.waiting(last))}
    return row, division.residual


def _chained(chain: PivotChain, reading: Reading) -> tuple[dict[str, Any], float]:
    found, moves = reading.divide(chain).raise_if_failed(), np.asarray(chain.moves) > 0
    reached = np.linalg.matrix_power(np.eye(len(moves)) + moves, len(moves))[0] > 0
    paid = np.where(found.agree, found.transfer, np.nan)
    when = "at once" if found.agree[0] else "later" if (found.agree & reached).any() else "never"
    return {"today": paid[0], "open": paid[1], "agree": when}, found.residual


def answers(study: Study) -> Table:
    """T7-answers: what the US gets by rushing, waiting or replacing its suppliers while the alternative grows."""
    rows, solved, own = [], [], study.once(PivotStudy)
    for (route, group), breakdown in product(ROUTES, BREAKDOWNS):
        for answer, (division, start) in own.answers(route, breakdown).items():
            canada, us = division.payoffs + division.waiting(start)
            row = {"route": group, "breakdown": breakdown, "answer": answer}
            rows.append(row | {"transfer": division.paid(start), "canada": canada, "us": us})
            solved.append(division)
    facts: dict[str, Any] = {"share": own.fact("us_replaceable"), "rate": own.fact("us_replacement_rate")}
    return study.table("T7-answers", rows, *solved, path=own.main_path, **facts)


def beliefs(study: Study) -> Table:
    """T8: how sure of Canada's alternative the US must be to concede, and what makes a claim credible."""
    rows, own = [], study.once(PivotStudy)
    short = own.fact("called_bluff_war")
    for (route, group), war in product(ROUTES, (short, 3 * short)):
        deal = own.deals[route]
        for share in SHARES[1:][(deal.total > deal.war.money.sum(axis=-1))[1:]]:
            claim = Claim(deal=own.deals_at(float(share))[route], war=war)
            row = {"route": group, "war": war, "claim": float(share), "threshold": claim.threshold}
            row |= {"weak": claim.terms[1], "strong": claim.terms[0], "ratio": claim.dearest_ratio}
            row |= {"stake_strong": claim.stakes[0], "stake_weak": claim.stakes[1]}
            if 0 < claim.threshold < 1:
                talks = claim.talks(PRIOR)
                row |= {"bluff": talks.claim[1], "call": 1 - talks.concede}
            rows.append(row)
    return study.table("T8", rows, study.uncapped.war, prior=PRIOR)


def delay(study: Study) -> Table:
    """T8-delay: what holding out costs when either side may be unable to give way."""
    rows: list[dict[str, Any]] = []
    solved = []
    for (route, group), posture in product(ROUTES, POSTURES):
        deal = study.once(PivotStudy).deals[route]
        terms = float(deal.transfer(nash(deal.problem()))[0])
        margin = partial(gain_over_giving_way, partner_demand=posture, transfer=terms)
        jump = first_crossing(study.thresholds_deal(study.elasticities, False, route), margin).value
        says = "terms of r = 0" if posture is None else f"{posture:.0%} of the surplus"
        held = HoldOut(deal=deal, priors=OBSTINATE, partner_demand=posture)
        solved.append(held.outcome)
        for k, share in enumerate(SHARES[1:]):
            canada, us = held.demands[k]
            row = {
                "route": group,
                "posture": says,
                "r": float(share),
                "canada": canada,
                "us": us,
                "jump": jump,
            }
            row |= by_country("payoff", held.payoffs[k]) | {"cost": held.cost[k], "out": bool(held.jumps[k])}
            rows.append(row | {"delay": float(held.outcome.delay[k])})
    return study.table("T8-delay", rows, *solved, obstinate=OBSTINATE[0], most=MOST)


def projects(study: Study) -> Table:
    """T9: which project buys the most leverage for each dollar it costs a year."""
    rows: list[dict[str, Any]] = []
    along = {reading.name: reading for reading in path_readings(ROLES) if reading.name in CHOSEN}
    investments = study.once(PivotStudy).investments
    for (name, pair), (route, group) in product(investments.items(), ROUTES):
        one = pair[route]
        lead, charge = one.project.lead_time, one.charge
        row = {"project": name, "route": group, "lead": lead, "cost": one.project.cost, "charge": charge}
        for title, key in CHOSEN.items():
            leverage = clean(one.leverage(along[title]))
            row |= {f"{key}_leverage": leverage, f"{key}_dollar": leverage / charge}
        row |= {"at_once": one.gain(along[BROKEN]), "first": one.gain(along[BROKEN], start=lead)}
        built = 100 * one.part_built(readings(ROLES)[0])
        rows.append(row | {"trade": one.route_trade(), "built": built})
    wars = [pair[True].deal.war for pair in investments.values()]
    return study.table("T9", rows, *wars, breakdown=BREAKDOWN, timing=_timings(along.values()))
