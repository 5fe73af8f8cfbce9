"""The triangle, in which China bargains too: who pays whom (T11)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bargaining.tables.table import Column, Table
from bargaining_models.negotiation.triangle_terms import Terms
from bargaining_models.paper.study import SHARES, Study, clean, words
from bargaining_models.us_canada.triangle import COUNTRIES, Triangle, triangle_readings

PARTNERS = ("US", "China")
TITLES = dict(zip(COUNTRIES, ("Canada", *PARTNERS), strict=True))
PAYMENT_COLUMNS = [
    Column("reading", title="Who bargains when"),
    Column("r"),
    *(Column(name, title=f"to {name}", unit="USD bn", group="Canada pays") for name in PARTNERS),
    *(Column(name, title=title, unit="USD bn", group="Payoff") for name, title in TITLES.items()),
    Column("part", title="China's part", unit="%"),
    Column("clause", title="Ruling China out", unit="USD bn"),
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
