"""The pivot as a stochastic game: terms (T10), by patience (T10-patience), and by each assumption (T10-sensitivity)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from bargaining.authoring import Floats
from bargaining.equilibria.stochastic.stationary_profile import StationaryProfile
from bargaining.tables.table import Table
from bargaining_models.negotiation.pivot_game import LEAD_TIME, PivotGame
from bargaining_models.negotiation.pivot_terms import builds_to, dominance, settles, terms, waiting, war
from bargaining_models.paper.pivot_game_study import (
    BLOCKING,
    FAST,
    LIFE,
    PATIENCE,
    PATIENT,
    RUNNING,
    SectorPivot,
)
from bargaining_models.paper.study import CASES, COUNTRIES, Study, by_country, clean
from bargaining_models.us_canada.capacity import (
    CANADA_TARIFFS,
    ESCALATION,
    REPEATED,
    US_TARIFFS,
    canada_capacity,
)


def terms_table(study: Study) -> Table:
    """T10: the terms before anything is built, what Canada builds and what waiting is worth, by alternative."""
    rows = [_row(study, discount, name) for discount in PATIENCE for name in study.pivot_game.games]
    late = [
        f"{' and '.join(who)} ({name}, {discount:g})"
        for discount in PATIENCE
        for name in study.pivot_game.games
        if (who := waits(study, name, discount))
    ]
    return study.table(
        "T10",
        rows,
        *_residuals(study),
        **_said(study, ((game, d) for game in study.pivot_game.games.values() for d in PATIENCE)),
        late=f"later: {', '.join(late)}; all others at once"
        if late
        else "each country would agree at once in every row",
    )


def _row(study: Study, discount: float, name: str) -> dict[str, Any]:
    pivot, war = study.pivot_game.games[name], study.pivot_game.war(name, discount)
    row: dict[str, Any] = {"discount": discount, "alternative": name}
    for leave, case in CASES:
        found = study.pivot_game.terms(name, discount, leave=leave)
        row |= by_country(case, found.payoffs[0]) | {f"{case}_transfer": clean(found.transfer[0])}
    alone = [study.pivot_game.terms(name, discount, leave=(k,)).transfer[0] for k in range(len(COUNTRIES))]
    row |= by_country("alone", alone)
    agreed = study.pivot_game.terms(name, discount, leave=False)
    if len(pivot.states) > 1:
        row["war"], row["agreed"] = (100 * builds_to(pivot, profile) for profile in (war, agreed.agreement))
    wait = waiting(war, agreed.payoffs, discount)[0]
    row["right"] = clean(row["leave_Canada"] - row["stay_Canada"])
    return row | by_country("wait", wait)


def waits(study: Study, name: str, discount: float) -> list[str]:
    """Return the countries that would let the war last, today, if they could choose the date of the agreement."""
    war = study.pivot_game.war(name, discount)
    agreed = study.pivot_game.terms(name, discount, leave=False).payoffs
    return [country for i, country in enumerate(COUNTRIES) if not settles(war, agreed, discount, player=i)[0]]


def _residuals(study: Study) -> list[float]:
    found = [study.pivot_game.war(name, d).regret for d in PATIENCE for name in study.pivot_game.games]
    return [*(game.capacity.residual for game in study.pivot_game.games.values()), *found]


def _said(study: Study, games: Iterable[tuple[PivotGame, float]]) -> dict[str, Any]:
    """Return what the notes that the tables of the pivot game share say."""
    least = min(dominance(pivot, discount) for pivot, discount in games)
    capital = study.pivot_game.capacity.capital
    return {
        "lead": LEAD_TIME,
        "fast": FAST,
        "blocking": BLOCKING,
        **study.pivot_game.china,
        "repeated": REPEATED,
        "first": capital[0],
        "last": capital[-1],
        "against": "" if study.tariffs else " against free trade at r = 0",
        "others": f", which beat all others of the lists by USD {least:.2g} bn a year or more whatever follows, so "
        "that there is no other Markov equilibrium, ties in building aside"
        if least > 0
        else "; there may be others",
    }


DISCOUNTS = (0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)  # closer near one
SAME_RATE = 1e-3  # rates nearer than that are one, as `_variants` needs it
SHOWN = ("lasting", "revocable", "lasting, capped", "revocable, capped")


def patience_table(study: Study) -> Table:
    """T10-patience: how far Canada builds and what it pays, by discount factor."""
    games = {name: study.pivot_game.games[name] for name in SHOWN}
    return study.table(
        "T10-patience",
        [_patience_row(games, discount) for discount in DISCOUNTS],
        *(game.capacity.residual for game in games.values()),
        **_said(study, ((game, discount) for game in games.values() for discount in DISCOUNTS)),
    )


def _patience_row(games: dict[str, PivotGame], discount: float) -> dict[str, Any]:
    row: dict[str, Any] = {"discount": discount}
    for name, pivot in games.items():
        agreed = terms(pivot, discount)
        row[f"{name}_war"] = _percent(builds_to(pivot, war(pivot, discount)))
        row[f"{name}_deal"] = _percent(builds_to(pivot, agreed.agreement))
        row[f"{name}_transfer"] = clean(agreed.transfer[0])
    return row


def sensitivity_table(study: Study) -> Table:
    """T10-sensitivity: the revocable alternative with one assumption changed at a time."""
    variants = dict(_variants(study))
    rows = [_changed_row(changed, pivot) for changed, pivot in variants.items()]
    settle: dict[str, list[str]] = {}
    for row in rows:
        settle.setdefault(row.pop("settles"), []).append(row["changed"])
    told = (
        f"{who} ({'every row' if len(where) == len(rows) else ', '.join(where)})"
        for who, where in settle.items()
    )
    return study.table(
        "T10-sensitivity",
        rows,
        *(pivot.capacity.residual for pivot in variants.values()),
        **_said(study, ((pivot, PATIENT) for pivot in variants.values())),
        patient=PATIENT,
        settle="; ".join(told),
        apart="; ".join(
            f"China closes its market for farm goods at rate {game.closure:.2g} a year, for others at "
            f"{game.other_closure:.2g} (medians of ten years)"
            for game in variants.values()
            if isinstance(game, SectorPivot)
        ),
        escalation=ESCALATION,
    )


def _variants(study: Study) -> Iterator[tuple[str, PivotGame]]:
    """Yield what is changed, and the game."""
    game = study.pivot_game
    china = game.china
    yield "nothing", game.revocable()
    for name, verb in (("closure", "closes"), ("reopening", "reopens")):
        for factor in (0.5, 2.0):
            yield (
                f"China {verb} at rate {china[name] * factor:g}",
                game.revocable(**{name: china[name] * factor}),
            )
    yield "two markets close apart", game.closing_by_sector()
    for factor in (0.5, 2.0):
        yield f"a level takes {LEAD_TIME * factor:g} years", game.revocable(lead_time=LEAD_TIME * factor)
    for blocking in (BLOCKING / 2, BLOCKING, 1.0):
        yield f"escalation blocks {blocking:.0%}", game.revocable(blocking=blocking)
    for factor, word in ((0.5, "half the capital"), (2.0, "twice the capital")):
        yield word, game.revocable(capacity=game.dearer(factor))
    yield f"capacity lasts {LIFE:g} years a level", game.revocable(wear=1.0 / LIFE)
    yield f"running costs {RUNNING:.0%} of capital", game.revocable(running=RUNNING)
    levels = game.levels
    milder = canada_capacity(study.baseline, levels=levels, partner_tariffs=(*US_TARIFFS[:-1], 0.25))
    yield "US up to 25%", game.revocable(capacity=milder)
    # A rate this close to the Nash rate earns the same but for rounding, and adds nothing to threaten with.
    rate = study.baseline.war().rates[0]
    highest = () if abs(rate - 0.10) < SAME_RATE else (0.10,)
    milder = canada_capacity(study.baseline, levels=levels, home_tariffs=(*CANADA_TARIFFS[:-1], *highest))
    yield "Canada up to 10%", game.revocable(capacity=milder)
    yield "nothing is built after leaving", game.revocable(build_after_leaving=False)
    for name in study.sets[1:]:
        yield (
            f"elasticities {name}",
            game.revocable(capacity=canada_capacity(study.baseline_with(name), levels=levels)),
        )


def _changed_row(changed: str, pivot: PivotGame) -> dict[str, Any]:
    fought = war(pivot, PATIENT)
    stay, leave = (terms(pivot, PATIENT, leave=leave) for leave in (False, True))
    bare = terms(PivotGame(capacity=pivot.capacity.at(0)), PATIENT)
    wait = waiting(fought, stay.payoffs, PATIENT)[0]
    return {
        "changed": changed,
        "war": _percent(builds_to(pivot, fought)),
        "deal": _percent(builds_to(pivot, stay.agreement)),
        "bare": clean(bare.transfer[0]),
        "stay": clean(stay.transfer[0]),
        "leave": clean(leave.transfer[0]),
        "right": clean(leave.payoffs[0, 0] - stay.payoffs[0, 0]),
        **by_country("wait", wait),
        "settles": _at_once(fought, stay.payoffs),
    }


def _at_once(war: StationaryProfile, agreed: Floats) -> str:
    who = [c for i, c in enumerate(COUNTRIES) if settles(war, agreed, PATIENT, player=i)[0]]
    return "both" if len(who) == len(COUNTRIES) else who[0] if who else "neither"


def _percent(share: float) -> int:
    return round(100 * share)
