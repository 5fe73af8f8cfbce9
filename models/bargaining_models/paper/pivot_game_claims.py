"""The claims of the story that the pivot game bears on: would Canada build, and what does it change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bargaining_models.negotiation.pivot_terms import builds_to, settles, waiting
from bargaining_models.paper.claim import Claim
from bargaining_models.paper.pivot_game_study import BLOCKING, PATIENT, WORTHWHILE

if TYPE_CHECKING:
    from bargaining_models.paper.study import Study


def strategic_verdicts(study: Study) -> list[Claim]:
    """Return the claims that the pivot game judges, computed from `study`."""
    return [credible(study), early(study), leaving(study), escalation(study)]


def credible(study: Study) -> Claim:
    """Canada can credibly redirect 10-15%: it would build that much by its own choice."""
    game = study.pivot_game
    reached = {
        name: builds_to(game.games[name], game.war(name, PATIENT)) for name in ("lasting", "revocable")
    }
    transfer = {name: _transfer(study, name) for name in ("none", "lasting", "revocable")}
    holds = [r >= WORTHWHILE for r in reached.values()]
    return Claim(
        claim="Canada can credibly redirect 10-15% of its exports",
        verdict="holds: in the war Canada builds that much even if China may close its market"
        if all(holds)
        else "holds for a market that stays open, fails for one that China closes as often as it has"
        if holds[0]
        else "fails: Canada would not build it",
        figures=f"in the war Canada builds to {reached['lasting']:.0%} if the market stays open and to "
        f"{reached['revocable']:.0%} at closures of {game.china['closure']:g} a year; to {WORTHWHILE:.0%} if they come "
        f"at {game.tolerated_closure:.2f} a year or less, or if capacity costs {game.tolerated_capital:.0%} of what is "
        f"assumed; transfer before anything is built, USD bn: {transfer['none']:.2f} with no "
        f"alternative, {transfer['lasting']:.2f} lasting, {transfer['revocable']:.2f} revocable",
        assumption="capacity beyond the cheap projects costs what the second expansion of Trans Mountain did; 5 "
        "percent a year; each level takes 5 years",
    )


def early(study: Study) -> Claim:
    """The US should settle before the alternative is there."""
    game = study.pivot_game
    figures, chosen = [], []
    for name in ("none", "lasting", "lasting, fast", "revocable"):
        war, agreed = game.war(name, PATIENT), game.terms(name, PATIENT, leave=False).payoffs
        gain = waiting(war, agreed, PATIENT)[0]
        chosen.append([bool(settles(war, agreed, PATIENT, player=k)[0]) for k in (0, 1)])
        figures.append(f"{name} {gain[1]:+.2f} ({gain[0]:+.2f})")
    both = np.array(chosen)
    return Claim(
        claim="The US must settle before the alternative is built",
        verdict="holds for both sides, and no more than with no alternative: today's terms price in what will be built"
        if both.all()
        else "holds: Canada would rather build first"
        if both[:, 1].all()
        else "fails: the US would wait",
        figures=f"a year of war first is worth to the US (Canada), USD bn a year: {', '.join(figures)}",
        assumption="transfers every year; both know what Canada will build and what it costs",
    )


def leaving(study: Study) -> Claim:
    """The right to leave is leverage."""
    game = study.pivot_game
    gains = {
        name: float(
            np.subtract(*(game.terms(name, PATIENT, leave=leave).payoffs[0, 0] for leave in (True, False)))
        )
        for name in ("none", "revocable", "lasting")
    }
    left = game.terms("lasting", PATIENT, leave=True)
    bare = game.terms("none", PATIENT, leave=True)
    falls = bare.transfer[0] - left.transfer[0], _transfer(study, "none") - _transfer(study, "lasting")
    return Claim(
        claim="The right to walk away is leverage while the alternative is built",
        verdict="holds for a Canada with no alternative; the better the alternative, the less it adds"
        if gains["none"] > gains["revocable"] > gains["lasting"]
        else "fails",
        figures="worth to Canada, USD bn a year: "
        + ", ".join(f"{gain:+.2f} {name}" for name, gain in gains.items())
        + f"; a lasting alternative lowers the transfer by {falls[0]:.2f} where either may leave, by {falls[1]:.2f} "
        "where neither may",
        assumption="a closed border hurts both about alike and replaces tariffs as the harshest punishment",
    )


def escalation(study: Study) -> Claim:
    """The US may answer by escalation that holds back what Canada builds."""
    game = study.pivot_game
    free, blocked = (game.terms(name, PATIENT, leave=False) for name in ("revocable", "revocable, blocked"))
    threats = [
        float(game.games[name].with_transfers(PATIENT).threat[0, 0])
        for name in ("revocable", "revocable, blocked")
    ]
    won = float(blocked.transfer[0] - free.transfer[0])
    lost = _transfer(study, "none") - float(free.transfer[0])
    used = any(own[1][-1] > 0 for own in game.war("revocable, blocked", PATIENT).strategies)
    return Claim(
        claim="The US may answer by escalation that holds Canada back",
        verdict=("holds" if used else "holds as a threat, which is never carried out")
        + f": it wins back {won / lost:.0%} of the leverage lost"
        if won > 0
        else "fails",
        figures=f"transfer, USD bn a year: {free.transfer[0]:.2f}, {blocked.transfer[0]:.2f} if escalation blocks; "
        f"Canada can be held to {threats[0]:.2f} and {threats[1]:.2f}",
        assumption=f"a US tariff of 35 percent cuts the chance of completion by {BLOCKING:.0%}",
    )


def _transfer(study: Study, name: str) -> float:
    return float(study.pivot_game.terms(name, PATIENT, leave=False).transfer[0])
