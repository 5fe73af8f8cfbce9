"""Leverage by notion (T13): what the US can ask of Canada for not ending trade, its bands, and other pairs."""

from __future__ import annotations

from typing import Any

import numpy as np

from bargaining import Table
from bargaining.authoring import Floats
from bargaining_models.negotiation import Negotiation
from bargaining_models.negotiation.roles import in_a_sentence
from bargaining_models.paper.study import Study
from bargaining_models.uncertainty import LEVELS, elasticity_priors, uncertainty

SHARE = 0.15  # that of the headline
DRAWS = 100  # the ends of a band rest on five: two digits
NUMBERS = ("payment", "open_1", "contingent_1")
PAIRS = (
    ("CAN", "USA", "CHN"),
    ("MEX", "USA", "CHN"),
    ("KOR", "CHN", "USA"),
    ("AUS", "CHN", "USA"),
    ("CHN", "USA", None),
)
"""Target, hegemon and rival."""


def leverage_table(study: Study) -> Table:
    """T13: what the US can ask of Canada, and what the alternative takes of it."""
    talks = study.baseline
    threat = talks.threat()
    said: dict[str, Any] = {"loss": threat.loss, "cost": threat.cost, "patience": threat.patience}
    return study.table("T13", talks.leverage([SHARE]).records(), threat, **said)


def leverage_bands(study: Study) -> Table:
    """T13-bands: the same over drawn elasticities; percent is missing where a draw has no payment to be lost."""
    talks = study.baseline
    data, first = talks.model.data, talks.leverage([SHARE])

    def drawn(elasticities: Floats) -> dict[str, Any]:
        model = talks.model.with_data(data.with_terms(data.tariffs, elasticities))
        rows = talks.on(model).leverage([SHARE]).records()
        return {name: np.array([row[name] for row in rows], dtype=float) for name in NUMBERS}

    found = uncertainty(drawn, {"elasticities": elasticity_priors()}, draws=DRAWS)
    rows = []
    for k, row in enumerate(first.records()):
        ends = {name: np.quantile(found[name].values[:, k], LEVELS) for name in NUMBERS}
        bands = {name: None if np.isnan(band).any() else tuple(band.tolist()) for name, band in ends.items()}
        rows.append({"notion": row["notion"], "formula": row["formula"]} | bands)
    failed = int(np.isnan(found["payment"].values).any(axis=1).sum())
    return study.table("T13-bands", rows, draws=DRAWS, failed=failed)


def leverage_pairs(study: Study) -> Table:
    """T13-pairs: the same payments for other targets and hegemons, and what an open route takes of them."""
    rows: dict[str, dict[str, Any]] = {}
    residuals, names = list[Any](), dict[str, Any]()
    for home, partner, other in PAIRS:
        talks = Negotiation(data="icio2019", home=home, partner=partner, alternative=other)
        names[home] = f"{in_a_sentence(partner)} of {in_a_sentence(home)}"
        residuals.append(talks.threat().residual)
        for row in talks.leverage([SHARE] if other else [0.0]).records():
            cells = {home: row["payment"], f"lost_{home}": row.get("open_1")}
            rows.setdefault(row["notion"], {"notion": row["notion"], "formula": row["formula"]}).update(cells)
    return study.table("T13-pairs", rows.values(), *residuals, **names)
