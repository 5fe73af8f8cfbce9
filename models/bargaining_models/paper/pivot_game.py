"""The pivot as a stochastic game: terms (T10), by patience (T10-patience), and by each assumption (T10-sensitivity)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, cached_property
from itertools import product
from typing import Any

from bargaining.equilibria.stochastic.markov import StationaryProfile
from bargaining.tables.table import Table
from bargaining_models.negotiation.capacity import Capacity
from bargaining_models.negotiation.pivot_game import LEAD_TIME, PivotGame, waiting
from bargaining_models.paper.study import CASES, COUNTRIES, Study, by_country
from bargaining_models.us_canada.baseline import (
    CANADA_TARIFFS,
    ESCALATION,
    REPEATED,
    US_TARIFFS,
    canada_capacity,
)

PATIENCE = (0.6, 0.9, 0.95)  # a year, from low to high
PATIENT = 0.95  # the 5 percent a year of the other tables
FAST = 1.0  # years a step, the least that the game takes
BLOCKING = 0.5  # assumption: the partner's highest tariff halves the chance
WORTHWHILE = 0.10  # the lower end of "10-15% of key exports"
DISCOUNTS = (0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)  # closer near one
SAME_RATE = 1e-3  # rates nearer than that are one, as `_variants` needs it
SHOWN = ("lasting", "revocable", "lasting, capped", "revocable, capped")
LIFE = 25.0  # assumption: years until capacity falls by a level, of pipelines and ports
RUNNING = 0.03  # assumption: what it costs to run a year, as a part of its capital


class PivotGameStudy:
    """The pivot game under several alternatives: `terms` with transfers, and the `war`, of each by name."""

    def __init__(self, study: Study) -> None:
        self.baseline = study.baseline
        self.terms = cache(lambda name, discounts, *, leave: self.games[name].terms(discounts, leave=leave))
        self.war = cache(lambda name, discounts: self.games[name].war(discounts))

    @cached_property
    def china(self) -> dict[str, float]:
        """The rates at which China closes and reopens its market."""
        facts = {"closure": "china_closure_rate", "reopening": "china_reopening_rate"}
        return {name: self.baseline.parameters.fact(fact).value for name, fact in facts.items()}

    @cached_property
    def capacity(self) -> Capacity:
        """Levels 0, 5, ..., 30 percent, the same in every sector."""
        return canada_capacity(self.baseline)

    @cached_property
    def capped(self) -> Capacity:
        """The same levels up to each sector's cap."""
        return canada_capacity(self.baseline, capped=True)

    @cached_property
    def games(self) -> dict[str, PivotGame]:
        """The alternatives, by name."""
        return {
            "none": PivotGame(capacity=self.capacity.at(0)),
            "lasting": PivotGame(capacity=self.capacity),
            "lasting, fast": PivotGame(capacity=self.capacity, lead_time=FAST),
            "revocable": self.revocable(),
            "revocable, fast": self.revocable(lead_time=FAST),
            "revocable, blocked": self.revocable(blocking=BLOCKING),
            "lasting, capped": PivotGame(capacity=self.capped),
            "revocable, capped": self.revocable(capacity=self.capped),
        }

    def revocable(self, **options: Any) -> PivotGame:
        """Return the game in which China may close its market, by default at the rates of the figures."""
        given: dict[str, Any] = {"capacity": self.capacity, **self.china}
        return PivotGame(**given | options)


def terms_table(study: Study) -> Table:
    """T10: the terms before anything is built, what Canada builds and what waiting is worth, by alternative."""
    own, rows, wars = study.once(PivotGameStudy), list[dict[str, Any]](), list[float]()
    for discount, (name, pivot) in product(PATIENCE, own.games.items()):
        row: dict[str, Any] = {"discount": discount, "alternative": name}
        for leave, case in CASES:
            found = own.terms(name, discount, leave=leave)
            row |= by_country(case, found.payoffs[0]) | {f"{case}_transfer": found.transfer[0]}
        war, agreed = own.war(name, discount), own.terms(name, discount, leave=False)
        if len(pivot.states) > 1:
            row |= {"war": 100 * pivot.builds_to(war), "agreed": 100 * pivot.builds_to(agreed.agreement)}
        row["right"] = row["leave_Canada"] - row["stay_Canada"]
        alone = [own.terms(name, discount, leave=(k,)).transfer[0] for k in range(len(COUNTRIES))]
        delay = waiting(war, agreed.payoffs, discount)[0]
        rows.append(row | by_country("alone", alone) | by_country("wait", delay))
        wars.append(war.regret)
    return _table(study, "T10", rows, own.games, *wars)


def patience_table(study: Study) -> Table:
    """T10-patience: how far Canada builds and what it pays, by discount factor."""
    games = {name: study.once(PivotGameStudy).games[name] for name in SHOWN}
    rows: list[dict[str, Any]] = [{"discount": discount} for discount in DISCOUNTS]
    for row, (name, pivot) in product(rows, games.items()):
        agreed, war = pivot.terms(row["discount"]), pivot.war(row["discount"])
        row |= {f"{name}_war": _reached(pivot, war), f"{name}_deal": _reached(pivot, agreed.agreement)}
        row[f"{name}_transfer"] = agreed.transfer[0]
    return _table(study, "T10-patience", rows, games)


def sensitivity_table(study: Study) -> Table:
    """T10-sensitivity: the revocable alternative with one assumption changed at a time."""
    variants, rows = dict(_variants(study)), []
    for changed, pivot in variants.items():
        fought, bare = pivot.war(PATIENT), PivotGame(capacity=pivot.capacity.at(0)).terms(PATIENT)
        stay, leave = (pivot.terms(PATIENT, leave=leave) for leave in (False, True))
        paid = {"bare": bare.transfer[0], "stay": stay.transfer[0], "leave": leave.transfer[0]}
        right = leave.payoffs[0, 0] - stay.payoffs[0, 0]
        row = {"changed": changed, "war": _reached(pivot, fought), "deal": _reached(pivot, stay.agreement)}
        delay = by_country("wait", waiting(fought, stay.payoffs, PATIENT)[0])
        rows.append(row | paid | {"right": right} | delay)
    return _table(study, "T10-sensitivity", rows, variants, patient=PATIENT, escalation=ESCALATION)


def _variants(study: Study) -> Iterator[tuple[str, PivotGame]]:
    """Yield what is changed, and the game."""
    game = study.once(PivotGameStudy)
    yield "nothing", game.revocable()
    for name, verb in (("closure", "closes"), ("reopening", "reopens")):
        for factor in (0.5, 2.0):
            rate = game.china[name] * factor
            yield f"China {verb} at rate {rate:g}", game.revocable(**{name: rate})
    for factor in (0.5, 2.0):
        yield f"a level takes {LEAD_TIME * factor:g} years", game.revocable(lead_time=LEAD_TIME * factor)
    for blocking in (BLOCKING / 2, BLOCKING, 1.0):
        yield f"escalation blocks {blocking:.0%}", game.revocable(blocking=blocking)
    for factor, word in ((0.5, "half the capital"), (2.0, "twice the capital")):
        yield word, game.revocable(capacity=replace(game.capacity, capital=factor * game.capacity.capital))
    yield f"capacity lasts {LIFE:g} years a level", game.revocable(wear=1.0 / LIFE)
    yield f"running costs {RUNNING:.0%} of capital", game.revocable(running=RUNNING)
    milder = canada_capacity(study.baseline, partner_tariffs=(*US_TARIFFS[:-1], 0.25))
    yield "US up to 25%", game.revocable(capacity=milder)
    # A rate this close to the Nash rate earns the same but for rounding, and adds nothing to threaten with.
    rate = study.baseline.war().rates[0]
    highest = () if abs(rate - 0.10) < SAME_RATE else (0.10,)
    milder = canada_capacity(study.baseline, home_tariffs=(*CANADA_TARIFFS[:-1], *highest))
    yield "Canada up to 10%", game.revocable(capacity=milder)
    yield "nothing is built after leaving", game.revocable(build_after_leaving=False)
    for name in study.sets[1:]:
        other = canada_capacity(study.baseline_with(name))
        yield f"elasticities {name}", game.revocable(capacity=other)


def _reached(pivot: PivotGame, profile: StationaryProfile) -> int:
    return round(100 * pivot.builds_to(profile))


def _table(
    study: Study,
    name: str,
    rows: list[dict[str, Any]],
    games: dict[str, PivotGame],
    *residuals: float,
    **more: Any,
) -> Table:
    """Return a table with the notes that the tables of the pivot game share."""
    own = study.once(PivotGameStudy)
    capital, rates = own.capacity.capital, dict[str, Any](own.china)
    return study.table(
        name,
        rows,
        *(pivot.capacity for pivot in games.values()),
        *residuals,
        lead=LEAD_TIME,
        fast=FAST,
        blocking=BLOCKING,
        **rates,
        repeated=REPEATED,
        first=capital[0],
        last=capital[-1],
        against="" if study.tariffs else " against free trade at r = 0",
        **more,
    )
