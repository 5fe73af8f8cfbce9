"""The claims of the story that the triangle bears on: what China's market costs, and with whom to sign first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bargaining.authoring import Floats
from bargaining_models.negotiation.thresholds import first_crossing
from bargaining_models.negotiation.triangle import (
    ALTERNATIVE,
    PARTNER,
    gain_from_the_clause,
    paid_to_alternative,
)
from bargaining_models.negotiation.triangle_terms import in_order, nash_in_nash
from bargaining_models.paper.claim import Claim
from bargaining_models.us_canada.deal import CANADA_WEIGHT
from bargaining_models.us_canada.triangle import Triangle, triangle_readings

if TYPE_CHECKING:
    from bargaining_models.paper.study import Study

SHOWN = np.array([0.10, 0.15])
BY_SECTOR = "cp"  # the elasticities that differ by sector
NAMED = {
    "At once": "at once",
    "China first": "China first",
    "Bargaining again": "bargaining again",
    "Shapley value": "Shapley value",
}


def triangle_verdicts(study: Study) -> list[Claim]:
    """Return the claims that the triangle judges, computed from `study`."""
    triangle = Triangle.at(study.baseline, r=SHOWN)
    return [paid(study, triangle), china_first(triangle)]


def paid(study: Study, triangle: Triangle) -> Claim:
    """China's market is itself political: China has to be paid to open it."""
    found = {reading.name: reading.divide(triangle.money) for reading in triangle_readings()}
    most = max(float(triangle.part_of_alternative(terms).max()) for terms in found.values())
    payments = [f"{text} {_both(found[name].transfers[:, 1])}" for name, text in NAMED.items()]
    weighed = nash_in_nash(triangle.money, weights=[0.5, CANADA_WEIGHT]).transfers[:, 1]
    other = paid_to_alternative(Triangle.at(study.baseline_with(BY_SECTOR), r=SHOWN))
    begins = first_crossing(study.wide_triangle, paid_to_alternative).value
    clause = first_crossing(study.wide_triangle, gain_from_the_clause).value
    lost = -triangle.clause(in_order(triangle.money, first=PARTNER))
    return Claim(
        claim="China's market is itself political: China has to be paid to open it",
        verdict=(
            "fails where all bargain at once: China would pay Canada at every r"
            if begins is None
            else f"holds from r = {begins:.2f}"
        )
        + f"; under no reading does China take more than {most:.0%} of what the route is worth",
        figures=f"{_shown()}, paid to China, USD bn a year: {', '.join(payments)}; at once with China's weight "
        f"{1 - CANADA_WEIGHT:g} {_both(weighed)}, with elasticities {BY_SECTOR} {_both(other)}; a free route is worth "
        f"{_both(triangle.route_worth())} to Canada; at once China is paid if its market costs it more than "
        f"{_both(triangle.free_up_to())}, and keeps it closed above {_both(triangle.signed_up_to())}; to rule the "
        f"route out costs Canada and the US {_both(lost)} together, and pays "
        + ("at no r" if clause is None else f"from r = {clause:.2f}"),
        assumption="the route is a lower cost of trade, from which China's buyers gain too; China bargains over money",
    )


def china_first(triangle: Triangle) -> Claim:
    """Canada should sign with China first."""
    ahead, behind = (in_order(triangle.money, first=partner) for partner in (ALTERNATIVE, PARTNER))
    change = ahead.payoffs - behind.payoffs
    at_once = nash_in_nash(triangle.money).payoffs[:, 0] - ahead.payoffs[:, 0]
    lowers, pays = bool(change[:, 1].max() < 0), bool(change[:, 0].min() > 0)
    return Claim(
        claim="Canada should sign with China first",
        verdict=("holds: the US gets less" if lowers else "holds: China gets less")
        if pays
        else (
            "fails: the US gets less, but China takes more than that"
            if lowers
            else "fails: the US gets no less"
        ),
        figures=f"{_shown()}, China first instead of the US first, USD bn a year: the US has "
        f"{_both(change[:, 1])}, China {_both(change[:, 2])}, Canada {_both(change[:, 0])}; Canada pays the US "
        f"{_both(ahead.transfers[:, 0])} instead of {_both(behind.transfers[:, 0])}; with both at once Canada has "
        f"{_both(at_once)} more than with China first",
        assumption="each pair bargains once, what it agrees stands, and its payment is sunk for the second pair",
    )


def _shown() -> str:
    return f"r = {SHOWN[0]:.2f} ({SHOWN[1]:.2f})"


def _both(values: Floats) -> str:
    first, second = (f"{value:.2f}" for value in values)
    return f"{first} ({second})"
