"""The triangle, in which China bargains too: who pays whom (T11)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bargaining.tables.table import Table
from bargaining_models.negotiation.triangle import Triangle, triangle_readings
from bargaining_models.negotiation.triangle_terms import Terms
from bargaining_models.paper.study import SHARES, Study, clean
from bargaining_models.us_canada.baseline import ROLES

PARTNERS = ("US", "China")


def payments(study: Study) -> Table:
    """T11: what Canada pays the US and China, by who bargains when and by redirectable share."""
    triangle = study.triangle
    found = {reading: reading.divide(triangle.money) for reading in triangle_readings(ROLES)}
    return study.table(
        "T11",
        [row for reading, terms in found.items() for row in _payment_rows(triangle, reading.name, terms)],
        triangle.residual.max(),
        *(float(terms.residual.max()) for terms in found.values()),
        timing="; ".join(f"{reading.name}: {reading.timing}" for reading in found),
    )


def _payment_rows(triangle: Triangle, name: str, terms: Terms) -> Iterator[dict[str, Any]]:
    part, clause = 100 * triangle.part_of_alternative(terms), triangle.clause(terms)
    for k, r in enumerate(SHARES):
        yield {
            "reading": name,
            "r": float(r),
            **{partner: clean(x) for partner, x in zip(PARTNERS, terms.transfers[k], strict=True)},
            **{country: clean(x) for country, x in zip(ROLES.countries, terms.payoffs[k], strict=True)},
            "part": None if np.isnan(part[k]) else clean(part[k]),
            "clause": clean(clause[k]),
        }
