"""The triangle, in which China bargains too: who pays whom (T11), and what the core allows (T11-core)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining.authoring import Floats
from bargaining.tables.table import Column, Table
from bargaining_models.negotiation.thresholds import first_crossing
from bargaining_models.negotiation.triangle import core_exists
from bargaining_models.negotiation.triangle_coalitions import (
    OUTSIDERS,
    complaint,
    convex,
    core_transfers,
    superadditive,
)
from bargaining_models.negotiation.triangle_terms import Terms
from bargaining_models.paper.study import NOISE, SHARES, Study, clean, words
from bargaining_models.us_canada.triangle import COUNTRIES, Triangle, triangle_readings

PARTNERS = ("US", "China")
TITLES = dict(zip(COUNTRIES, ("Canada", *PARTNERS), strict=True))
EXPECTED = dict(zip(OUTSIDERS, ("Others stand alone", "Others agree"), strict=True))
PAYMENT_COLUMNS = [
    Column("reading", title="Who bargains when"),
    Column("r"),
    *(Column(name, title=f"to {name}", unit="USD bn", group="Canada pays") for name in PARTNERS),
    *(Column(name, title=title, unit="USD bn", group="Payoff") for name, title in TITLES.items()),
    Column("part", title="China's part", unit="%"),
    Column("clause", title="Ruling China out", unit="USD bn"),
]
CORE_COLUMNS = [
    Column("r"),
    *(
        Column(f"{name}_{partner}", title=f"to {partner}", unit="USD bn", group=title)
        for name, title in EXPECTED.items()
        for partner in PARTNERS
    ),
    Column("unpaid", title="unpaid up to", unit="USD bn", group="China's cost"),
    Column("opens", title="opens up to", unit="USD bn", group="China's cost"),
]


def payments(study: Study) -> Table:
    """T11: what Canada pays the US and China, by who bargains when and by redirectable share."""
    triangle = study.triangle
    found = {reading: reading.divide(triangle.money) for reading in triangle_readings()}
    return study.table(
        [row for reading, terms in found.items() for row in _payment_rows(triangle, reading.name, terms)],
        columns=PAYMENT_COLUMNS,
        caption="What Canada pays for both agreements, by who bargains when and by redirectable share r",
        label="tab:triangle",
        notes=study.notes(
            triangle.residual.max(),
            *(float(terms.residual.max()) for terms in found.values()),
            Timing="; ".join(f"{reading.name}: {reading.timing}" for reading in found),
            **study.zero,
            Agreements="free trade with the US, or else the tariff war; the China route of share r, or none; yearly "
            "lump sums; where pairs bargain, both of a pair gain alike from its agreement",
            Values="Shapley: what a country adds, on average over all orders in which the three may come together; "
            "nucleolus: whichever country or pair gains least by the others' being there gains as much as possible",
            **words("War"),
            **{
                "r = 0": "China is paid for what a war would divert to it",
                "China's part": "of what a route that is open whatever is agreed and costs nothing is worth to Canada",
                "Ruling China out": "what Canada and the US have more, together, under free trade with no China route",
            },
        ),
    )


def _payment_rows(triangle: Triangle, name: str, terms: Terms) -> Iterator[dict[str, Any]]:
    part, clause = 100 * triangle.part_of_alternative(terms), triangle.clause(terms)
    for k, r in enumerate(SHARES):
        yield {
            "reading": name,
            "r": float(r),
            **{partner: clean(x) for partner, x in zip(PARTNERS, terms.transfers[k], strict=True)},
            **{country: clean(x) for country, x in zip(COUNTRIES, terms.payoffs[k], strict=True)},
            "part": None if np.isnan(part[k]) else clean(part[k]),
            "clause": clean(clause[k]),
        }


def core(study: Study) -> Table:
    """T11-core: the lump sums that no coalition objects to, and what opening its market may cost China."""
    triangle = study.triangle
    allowed = {name: core_transfers(triangle.money, outsiders=name) for name in OUTSIDERS}
    costs = {"unpaid": triangle.free_up_to(), "opens": triangle.signed_up_to()}
    return study.table(
        [
            {"r": float(r)}
            | {f"{name}_{p}": _range(x[k, i]) for name, x in allowed.items() for i, p in enumerate(PARTNERS)}
            | {name: clean(cost[k]) for name, cost in costs.items()}
            for k, r in enumerate(SHARES)
        ],
        columns=CORE_COLUMNS,
        caption="What Canada pays in the core, and what its market may cost China, by redirectable share r",
        label="tab:triangle-core",
        notes=study.notes(triangle.residual.max(), **_core_notes(study), **words("War")),
    )


def _core_notes(study: Study) -> dict[str, str]:
    triangle = study.triangle
    money, begins = triangle.money, first_crossing(triangle, core_exists).value
    divided = {reading.name: reading.divide(money).payoffs for reading in triangle_readings()}
    notes = {
        "Core": "the yearly lump sums that leave no country, and no pair, less than it would have without the rest, "
        "with free trade between Canada and the US or else the tariff war, and the China route of share r or none",
        "Superadditive, convex": "those who join have no less together; a country adds the more, the more have joined",
        "Others": "what the US or China, alone, expects the other two to do; if to stand alone, the core is not empty "
        + ("at no r" if begins is None else f"from r = {begins:.3f}"),
        "China's cost": "of its market beyond the trade model, a year, up to which it is paid nothing, and up to which "
        "it opens the route, both pairs bargaining at once",
    }
    for name, title in EXPECTED.items():
        objected = {
            reading: _shares((SHARES > 0) & (complaint(money, payoffs, outsiders=name) > NOISE))
            for reading, payoffs in divided.items()
        }
        notes[title] = (
            f"superadditive at {_shares(superadditive(money, outsiders=name))}, convex at "
            f"{_shares(convex(money, outsiders=name))}; above r = 0 these are outside the core: "
            + ", ".join(f"{reading} at {where}" for reading, where in objected.items() if where != "no r")
        )
    return notes


def _shares(which: NDArray[np.bool_]) -> str:
    if which.all():
        return "every r"
    return f"r = {', '.join(f'{r:g}' for r in SHARES[which])}" if which.any() else "no r"


def _range(bounds: Floats) -> tuple[float, float] | None:
    return None if np.isnan(bounds[0]) else (clean(bounds[0]), clean(bounds[1]))
