"""The claims of the story about timing, beliefs and investment, each judged by a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bargaining_models.paper.claim import Claim
from bargaining_models.paper.pivot_study import HAZARD, PRIOR, SHARE, YEARS

if TYPE_CHECKING:
    from bargaining_models.paper.study import Study

HOURS = 8766.0  # a year
ROUTES = ((True, "open"), (False, "closed by the deal"))


def timing_verdicts(study: Study) -> list[Claim]:
    """Return the claims that the models of timing judge, computed from `study`."""
    return [
        by_the_hour(study),
        construction(study),
        bluff(study),
        envoy(study),
        political(study),
        decoupling(study),
    ]


def by_the_hour(study: Study) -> Claim:
    """US leverage erodes by the hour."""
    parts, figures, gains = [], [], []
    for route, name in ROUTES:
        talks = study.timing.paths[study.timing.steady_path][route].offers(hazard=HAZARD)
        never = study.timing.paths["none"][route].offers(hazard=HAZARD).transfer
        first, later, last = talks.transfer_at([0.0, 1.0, YEARS])
        parts.append((never - first) / (never - last))
        gains.append(talks.waiting(1.0)[0])
        figures.append(
            f"route {name}: {never:.2f} with no alternative, {first:.2f} today, {last:.2f} when done; "
            f"USD {1e6 * (first - later) / HOURS:.0f} thousand a year per hour"
        )
    falls = min(parts) < 1
    priced = f"{min(parts):.0%} to {max(parts):.0%} of it is gone at the table today"
    return Claim(
        claim="US leverage erodes by the hour",
        verdict=(f"holds in part: the terms improve with time, but {priced}" if falls else "fails")
        + (", and waiting costs Canada" if max(gains) < 0 else ", and waiting pays Canada"),
        figures=f"{SHARE:.0%} steadily over {YEARS:g} years, transfer USD bn: "
        + "; ".join(figures)
        + f"; waiting a year is worth USD {gains[0]:+.2f} ({gains[1]:+.2f}) bn a year to Canada",
        assumption="both know the path; offers without pause, the tariff war after a breakdown",
    )


def construction(study: Study) -> Claim:
    """A viable alternative under construction."""
    figures, parts = [], []
    for route, name in ROUTES:
        at = study.timing.paths[study.timing.main_path][route].offers(hazard=HAZARD)
        never = study.timing.paths["none"][route].offers(hazard=HAZARD).transfer
        today, done = at.transfer_at([0.0, YEARS])
        parts.append((never - today) / (never - done))
        figures.append(f"route {name}: {never:.2f}, {today:.2f} while it is built, {done:.2f} once open")
    walk = study.timing.paths[study.timing.main_path][False].offers(walk_out=True).transfer
    bare = study.timing.paths["none"][False].offers(walk_out=True).transfer
    moves = (
        "also as a right to walk out"
        if walk < bare - 1e-9
        else "not as a right to walk out that does not bind"
    )
    return Claim(
        claim="A viable alternative under construction already counts",
        verdict=f"holds where it is what follows a stall or a breakdown, {moves}"
        if min(parts) > 0
        else "fails",
        figures=f"{SHARE:.0%} in {YEARS:g} years, transfer USD bn: "
        + "; ".join(figures)
        + f"; {min(parts):.0%} to {max(parts):.0%} of the effect comes before the first shipment",
        assumption="the date is known and cannot be called off; 5 percent a year",
    )


def bluff(study: Study) -> Claim:
    """They called our bluff."""
    years, more = study.timing.wars
    claim = study.timing.claim(True, SHARE, years)
    short, long = claim.threshold, study.timing.claim(True, SHARE, more).threshold
    greedy = study.timing.claim(True, 2 * SHARE, years).threshold
    talks = claim.talks(PRIOR)
    return Claim(
        claim="They called our bluff",
        verdict=f"holds for a US that gives the alternative less than {short:.0%}, though most claims it calls are true"
        if short > PRIOR and talks.belief > 0.5
        else f"holds for a US that gives the alternative less than {short:.0%}",
        figures=f"claim of {SHARE:.0%}, tested by {years:g} year(s) of tariff war: the US concedes from belief "
        f"{short:.2f} on ({long:.2f} if tested by {more:g}); at belief {PRIOR:g} a weak Canada claims with probability "
        f"{talks.claim[1]:.2f}, a claim is true with {talks.belief:.2f} and called with {1 - talks.concede:.2f}; "
        f"a claim of {2 * SHARE:.0%} needs {greedy:.2f}",
        assumption="how long a called claim takes to be tested; Nash terms once it is",
    )


def envoy(study: Study) -> Claim:
    """The envoy makes it credible."""
    years = study.timing.wars[0]
    ratios = [study.timing.claim(route, SHARE, years).dearest_ratio for route, _ in ROUTES]
    stakes = study.timing.claim(True, SHARE, years).stakes
    return Claim(
        claim="The envoy makes it credible",
        verdict="fails for a visit, which costs a bluffer no more; holds for a contract that a bluffer cannot use"
        if max(ratios) < 1
        else "holds: even a step that costs both alike",
        figures=f"being believed is worth USD {stakes[0]:.2f} bn a year to a strong Canada, {stakes[1]:.2f} to a "
        f"bluffer; a step proves something only if it costs the strong less than {ratios[0]:.2f} ({ratios[1]:.2f} if "
        f"the deal closes the route) of what it costs the bluffer; one that costs a bluffer USD {stakes[1]:.2f} bn a "
        "year proves all",
        assumption=f"a called claim is tested by a tariff war of {years:g} year(s)",
    )


def political(study: Study) -> Claim:
    """China's market is itself political."""
    figures, parts = [], []
    for route, name in ROUTES:
        lasting, revocable = (
            study.timing.chains[chain][route].offers(hazard=HAZARD).transfer[0]
            for chain in (study.timing.lasting_chain, study.timing.revocable_chain)
        )
        never = study.timing.paths["none"][route].offers(hazard=HAZARD).transfer
        parts.append((revocable - lasting) / (never - lasting))
        figures.append(f"route {name}: {never:.2f} without, {lasting:.2f} lasting, {revocable:.2f} revocable")
    closing, reopening = (study.timing.fact(f"china_{name}_rate") for name in ("closure", "reopening"))
    return Claim(
        claim="China's market is itself political",
        verdict=f"holds: the risk takes {max(parts):.0%} of the leverage or less, and leaves the rest"
        if min(parts) > 0 and max(parts) < 1
        else "fails",
        figures=f"opens at rate {1 / YEARS:g}, closes at {closing:g}, reopens at {reopening:g} a year; transfer today, "
        "USD bn: " + "; ".join(figures),
        assumption="closures come at a constant rate, whatever the US and Canada agree",
    )


def decoupling(study: Study) -> Claim:
    """The US may answer by decoupling."""
    answers = study.timing.answers(True, HAZARD)
    us = np.array([answer.payoffs[1] for answer in answers])
    best = int(us.argmax())
    listed = ", ".join(
        f"{answer.name} {answer.payoffs[1]:+.2f} ({answer.payoffs[0]:+.2f})" for answer in answers
    )
    return Claim(
        claim="The US may answer by decoupling",
        verdict=f"fails: the US does best to {answers[best].name}; replacing Canada costs it leverage and income"
        if best == 0
        else f"holds: the US does best to {answers[best].name}",
        figures=f"US (Canada), USD bn a year, answering {study.timing.main_path}: {listed}",
        assumption=f"US buyers can replace {study.timing.fact('us_replaceable'):.0%} of what they buy from Canada",
    )
