"""The pivot as a stochastic game: terms (T10), by patience (T10-patience), and by each assumption (T10-sensitivity)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from bargaining.authoring import Floats
from bargaining.equilibria.stochastic.stationary_profile import StationaryProfile
from bargaining.tables.table import Column, Table
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
from bargaining_models.paper.study import ALONE, CASES, COUNTRIES, LEAVING, Study, clean, words
from bargaining_models.us_canada.capacity import CANADA_TARIFFS, ESCALATION, REPEATED, US_TARIFFS, Capacity


def terms_table(study: Study) -> Table:
    """T10: the terms before anything is built, what Canada builds and what waiting is worth, by alternative."""
    rows = [_row(study, discount, name) for discount in PATIENCE for name in study.pivot_game.games]
    columns = [Column("discount", title="discount factor"), Column("alternative")]
    for _, case, title in CASES:
        columns += [Column(f"{case}_{c}", title=c, group=title) for c in COUNTRIES]
        columns.append(Column(f"{case}_transfer", title="transfer", group=title))
    columns += [
        Column("right", title="to Canada", group=CASES[1][2]),
        *(Column(f"alone_{c}", title=f"{c} alone", group=ALONE) for c in COUNTRIES),
        Column("war", title="war", unit="%", group="Builds to"),
        Column("agreed", title="deal", unit="%", group="Builds to"),
        *(Column(f"wait_{c}", title=c, group="A year of war") for c in COUNTRIES),
    ]
    return study.table(
        rows,
        columns=columns,
        caption="The pivot game with transfers: terms from the start, before any capacity is built, USD bn a year",
        label="tab:pivot-game",
        notes=study.notes(
            *_residuals(study),
            **notes(study),
            **study.zero,
            **{
                "Transfer": "what Canada pays the US a year, on average, when the largest sum that both can enforce is "
                "divided so that both gain alike over the least that each can be held to",
                "To Canada": "what the right to leave adds to Canada's payoff",
                "Either may leave": LEAVING,
                ALONE: "the transfer where only the country named may",
                "Builds to": BUILDS,
                "A year of war": _waiting_note(study),
            },
            Markov=markov_note((game, d) for game in study.pivot_game.games.values() for d in PATIENCE),
        ),
    )


def _row(study: Study, discount: float, name: str) -> dict[str, Any]:
    pivot, war = study.pivot_game.games[name], study.pivot_game.war(name, discount)
    row: dict[str, Any] = {"discount": discount, "alternative": name}
    for leave, case, _ in CASES:
        found = study.pivot_game.terms(name, discount, leave=leave)
        row |= {f"{case}_{c}": clean(x) for c, x in zip(COUNTRIES, found.payoffs[0], strict=True)}
        row[f"{case}_transfer"] = clean(found.transfer[0])
    for k, country in enumerate(COUNTRIES):
        row[f"alone_{country}"] = clean(study.pivot_game.terms(name, discount, leave=(k,)).transfer[0])
    agreed = study.pivot_game.terms(name, discount, leave=False)
    if len(pivot.states) > 1:
        row["war"], row["agreed"] = (100 * builds_to(pivot, profile) for profile in (war, agreed.agreement))
    wait = waiting(war, agreed.payoffs, discount)[0]
    row["right"] = clean(row["leave_Canada"] - row["stay_Canada"])
    return row | {f"wait_{country}": clean(x) for country, x in zip(COUNTRIES, wait, strict=True)}


def waits(study: Study, name: str, discount: float) -> list[str]:
    """Return the countries that would let the war last, today, if they could choose the date of the agreement."""
    war = study.pivot_game.war(name, discount)
    agreed = study.pivot_game.terms(name, discount, leave=False).payoffs
    return [country for i, country in enumerate(COUNTRIES) if not settles(war, agreed, discount, player=i)[0]]


def _residuals(study: Study) -> list[float]:
    found = [study.pivot_game.war(name, d).regret for d in PATIENCE for name in study.pivot_game.games]
    return [*(game.capacity.residual for game in study.pivot_game.games.values()), *found]


def _waiting_note(study: Study) -> str:
    late = [
        f"{' and '.join(who)} ({name}, {d:g})"
        for d in PATIENCE
        for name in study.pivot_game.games
        if (who := waits(study, name, d))
    ]
    return (
        "what each country gains if the war and the building of a Markov equilibrium last for a year and the terms of "
        "the state then reached are agreed, neither leaving; free to choose the date, "
        + (
            f"later: {', '.join(late)}; all others at once"
            if late
            else "each country would agree at once in every row"
        )
    )


def markov_note(games: Iterable[tuple[PivotGame, float]]) -> str:
    """Say what the Markov equilibria of games and discount factors are, and whether there are others."""
    least = min(dominance(pivot, discount) for pivot, discount in games)
    return (
        "of the war (what each does depends on capacity and on China's market alone): Nash tariffs in every state"
        + (
            f", which beat all others of the lists by USD {least:.2g} bn a year or more whatever follows, so that "
            "there is no other Markov equilibrium, ties in building aside"
            if least > 0
            else "; there may be others"
        )
    )


def notes(study: Study) -> dict[str, str]:
    """Return the assumptions that the tables of the pivot game share."""
    china, capacity = study.pivot_game.china, study.pivot_game.capacity
    return {
        "Timing": "every year each sets one tariff of five (0, 2, 35 percent, the schedule of 2025-26, the Nash "
        "rate, which is best against the other's) and Canada builds the next level of r or not; with the right to "
        "leave either may first close the goods border for good",
        "Levels": "0, 5, ..., 30 percent; capped: in no sector more than its ports, pipelines and plants can carry",
        **words("Discount factor", "War"),
        "Alternative": f"none: nothing can be built; lasting: China never closes; a level takes {LEAD_TIME:g} years "
        f"({FAST:g} if fast) on average; revocable: China closes at "
        f"rate {china['closure']:g} and reopens at rate {china['reopening']:g} a year (assumptions); blocked: the "
        f"highest US tariff cuts the chance that what is built is completed by {BLOCKING:.0%} (assumption)",
        "Capital": f"the cheapest projects of the figures, beyond them at the price of the {REPEATED} (assumption): "
        f"USD {capacity.capital[0]:.1f} bn for the first level, {capacity.capital[-1]:.1f} for the last",
        "Payoffs": f"level yearly flows{'' if study.tariffs else ' against free trade at r = 0'}, building paid",
    }


BUILDS = (
    "the share r that Canada reaches if nothing is revoked: in the war, in which nothing is agreed, and in the deal, "
    "the agreement with the largest joint payoff"
)
DISCOUNTS = (0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)  # closer near one
SAME_RATE = 1e-3  # rates nearer than that are one, as `_variants` needs it
SHOWN = ("lasting", "revocable", "lasting, capped", "revocable, capped")


def patience_table(study: Study) -> Table:
    """T10-patience: how far Canada builds and what it pays, by discount factor."""
    columns = [Column("discount", title="discount factor")]
    games = {name: study.pivot_game.games[name] for name in SHOWN if name in study.pivot_game.games}
    for name in games:
        columns += [
            Column(f"{name}_war", title="war", unit="%", group=name.capitalize()),
            Column(f"{name}_deal", title="deal", unit="%", group=name.capitalize()),
            Column(f"{name}_transfer", title="transfer", group=name.capitalize()),
        ]
    return study.table(
        [_patience_row(games, discount) for discount in DISCOUNTS],
        columns=columns,
        caption="The pivot game by patience: the share that Canada reaches, and what it pays from the start",
        label="tab:pivot-game-patience",
        notes=study.notes(
            *(game.capacity.residual for game in games.values()),
            **notes(study),
            **{"War, deal": BUILDS},
            Transfer="what Canada pays the US, USD bn a year, on average, where neither may leave and both gain "
            "alike over the least that each can be held to",
            Markov=markov_note((game, discount) for game in games.values() for discount in DISCOUNTS),
        ),
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
    return study.table(
        rows,
        columns=_changed_columns(),
        caption="The pivot game with a revocable alternative, one assumption changed at a time, USD bn a year",
        label="tab:pivot-game-sensitivity",
        notes=study.notes(
            *(pivot.capacity.residual for pivot in variants.values()),
            **notes(study)
            | {
                "Discount factor": f"what a year counts in parts of the year before it: {PATIENT:g}",
                "Transfer": "what Canada pays the US a year, on average, where both gain alike over the least that "
                "each can be held to; no alternative: if nothing can be built",
                "To Canada": "what the right to leave adds to Canada's payoff",
                "Builds to": BUILDS,
                "A year of war": "what each gains if the war lasts a year more and the terms are agreed then",
                "Settle at once": "; ".join(
                    f"{who} ({'every row' if len(where) == len(rows) else ', '.join(where)})"
                    for who, where in settle.items()
                )
                + " if free to choose the date, as all is known and money can be paid",
                **_apart(variants),
                "Highest tariff": f"up to {ESCALATION:.0%} in the other rows: what each can threaten with",
                "Markov": markov_note((pivot, PATIENT) for pivot in variants.values()),
            },
        ),
    )


def _apart(variants: dict[str, PivotGame]) -> dict[str, str]:
    game = next((one for one in variants.values() if isinstance(one, SectorPivot)), None)
    if game is None:
        return {}
    words = f"farm goods at rate {game.closure:.2g} a year, for others at {game.other_closure:.2g}"
    return {"Apart": f"China closes its market for {words} (medians of ten years)"}


def _changed_columns() -> list[Column]:
    return [
        Column("changed", title=""),
        Column("war", title="war", unit="%", group="Builds to"),
        Column("deal", title="deal", unit="%", group="Builds to"),
        Column("bare", title="no alternative", group="Transfer, neither may leave"),
        Column("stay", title="from the start", group="Transfer, neither may leave"),
        Column("leave", title="transfer", group="Either may leave"),
        Column("right", title="to Canada", group="Either may leave"),
        *(Column(f"wait_{c}", title=c, group="A year of war") for c in COUNTRIES),
    ]


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
    milder = Capacity.solve(study.baseline, levels=levels, partner_tariffs=(*US_TARIFFS[:-1], 0.25))
    yield "US up to 25%", game.revocable(capacity=milder)
    # A rate this close to the Nash rate earns the same but for rounding, and adds nothing to threaten with.
    rate = study.baseline.war().rates[0]
    highest = () if abs(rate - 0.10) < SAME_RATE else (0.10,)
    milder = Capacity.solve(study.baseline, levels=levels, home_tariffs=(*CANADA_TARIFFS[:-1], *highest))
    yield "Canada up to 10%", game.revocable(capacity=milder)
    yield "nothing is built after leaving", game.revocable(build_after_leaving=False)
    for name in study.sets[1:]:
        yield (
            f"elasticities {name}",
            game.revocable(capacity=Capacity.solve(study.baseline_with(name), levels=levels)),
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
        **{f"wait_{country}": clean(x) for country, x in zip(COUNTRIES, wait, strict=True)},
        "settles": _at_once(fought, stay.payoffs),
    }


def _at_once(war: StationaryProfile, agreed: Floats) -> str:
    who = [c for i, c in enumerate(COUNTRIES) if settles(war, agreed, PATIENT, player=i)[0]]
    return "both" if len(who) == len(COUNTRIES) else who[0] if who else "neither"


def _percent(share: float) -> int:
    return round(100 * share)
