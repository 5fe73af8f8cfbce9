"""The pivot as a stochastic game: the terms with transfers (T10)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bargaining.tables.table import Column, Table
from bargaining_models.negotiation.pivot_game import LEAD_TIME, PivotGame
from bargaining_models.negotiation.pivot_terms import builds_to, dominance, settles, waiting
from bargaining_models.paper.pivot_game_study import BLOCKING, FAST, PATIENCE
from bargaining_models.paper.study import ALONE, COUNTRIES, LEAVING, Study, clean
from bargaining_models.us_canada.capacity import REPEATED

CASES = ((False, "stay", "Neither may leave"), (True, "leave", "Either may leave"))


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
    return Table(
        rows,
        columns=columns,
        caption="The pivot game with transfers: terms from the start, before any capacity is built, USD bn a year",
        label="tab:pivot-game",
        digits=3,
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
                "Builds to": "the share that Canada reaches if nothing is revoked: in the war (Markov), and in the "
                "agreement with the largest joint payoff (deal)",
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
    return [study.pivot_game.capacity.residual, study.pivot_game.capped.residual, *found]


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
    return "Nash tariffs in every state" + (
        f", which beat all others of the lists by USD {least:.2g} bn a year or more whatever follows, so that there is "
        "no other Markov equilibrium, ties in building aside"
        if least > 0
        else "; there may be others"
    )


def notes(study: Study) -> dict[str, str]:
    """Return the assumptions that the tables of the pivot game share."""
    china, capacity = study.pivot_game.china, study.pivot_game.capacity
    return {
        "Timing": "every year each sets one tariff of five (0, 2, 35 percent, the schedule of 2025-26, the Nash rate) "
        "and Canada builds the next level or not; with the right to leave either may first close the goods border "
        "for good",
        "Levels": "0, 5, ..., 30 percent of every sector's exports to the US, or up to its cap",
        "Discount factor": "what a year counts in parts of the year before it",
        "Alternative": f"none: nothing can be built; lasting: China never closes; a level takes {LEAD_TIME:g} years "
        f"({FAST:g} if fast) on average; revocable: China closes at "
        f"rate {china['closure']:g} and reopens at rate {china['reopening']:g} a year (assumptions); blocked: the "
        f"highest US tariff cuts the chance of completion by {BLOCKING:.0%} (assumption)",
        "Capital": f"the cheapest projects of the figures, beyond them at the price of the {REPEATED} (assumption): "
        f"USD {capacity.capital[0]:.1f} bn for the first level, {capacity.capital[-1]:.1f} for the last",
        "Payoffs": f"level yearly flows{'' if study.tariffs else ' against free trade at r = 0'}, building paid",
    }
