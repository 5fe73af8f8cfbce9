"""Worlds in which claims are judged again: another structure, and figures drawn from their priors.

A structure is a set of figures like those of the package. ICIO 2019 gives what industries buy from each other; it has
all manufacturing in one sector, so that trade of 2023 is added up to its sectors. Where no industry buys from another
everything is sold to final buyers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np

from bargaining.authoring import Floats, choice
from bargaining.errors import InvalidInput
from bargaining_models._figures import Figures, Named
from bargaining_models.paper.study import Study
from bargaining_models.parameters import Parameters
from bargaining_models.trade import Environment, TradeModel
from bargaining_models.trade.folders import structure
from bargaining_models.uncertainty import AnyPrior, ElasticityPrior, elasticity_priors, priors
from bargaining_models.us_canada.baseline import sold_to_us

STRUCTURES = {
    "WIOD 2011": ("wiod2011", True),
    "WIOD 2011, no links": ("wiod2011", False),
    "ICIO 2019": ("icio2019", True),
    "ICIO 2019, no links": ("icio2019", False),
}
"""The data, and whether industries buy from each other in it."""
MERGED = {
    "AGR": (("AGR",), "A"),
    "MIN": (("MIN",), "B"),
    "MAN": (("FOOD", "WOOD", "PETR", "CHEM", "METAL", "OMAN", "AUTO"), "C"),
    "UTIL": (("UTIL",), "DE"),
    "SERV": (("SERV",), "FGHIJKLMNOPQRST"),
}
"""Sectors of trade in 2023, and sections of ICIO, by the sector that both make up."""
FACTS = (
    "china_closure_rate", "china_reopening_rate", "canola_redirectable", "crude_price", "gas_price",
    "canola_access_cost", "us_replaceable", "us_replacement_rate",
)  # fmt: skip
FACTORS = {"capacity_cost_factor": "cost", "capacity_lead_time_factor": "lead_time"}
"""Published costs and lead times of projects are drawn times a factor; access to canola's market has a prior alone."""
DRAWN = "drawn"
LEAST = 1e-3  # of elasticities that are drawn, and of prices and costs


def world_priors(name: str, parameters: Parameters) -> dict[str, AnyPrior]:
    """What is drawn in a structure where claims are judged: by the name that `drawn` takes it under."""
    known = priors()
    caps = {k: known[k] for k in (f"redirect_cap_{s}" for s in parameters.sectors) if k in known}
    return {"elasticities": elasticities(name)} | {k: known[k] for k in (*FACTS, *FACTORS)} | caps


def elasticities(name: str) -> ElasticityPrior:
    """The prior over elasticities by sector of a structure."""
    source = STRUCTURES[choice(name, "structure", tuple(STRUCTURES))][0]
    found = elasticity_priors(source)
    if source == "wiod2011":
        return found
    places = [found.sectors.index(sections[0]) for _, sections in MERGED.values()]
    return replace(found, sectors=tuple(MERGED), median=found.median[places], spread=found.spread[places])


def structured(parameters: Parameters, name: str) -> Parameters:
    """Return the figures in one of `STRUCTURES`."""
    source, linked = STRUCTURES[choice(name, "structure", tuple(STRUCTURES))]
    found = parameters if source == "wiod2011" else _merged(parameters)
    if linked:
        return found
    shares = found.input_shares
    return replace(found, input_shares=replace(shares, values=np.zeros_like(shares.values)))


def drawn(parameters: Parameters, name: str, given: Mapping[str, Floats | float]) -> Parameters:
    """Return the figures of a structure, with drawn figures in place of the stored ones."""
    facts = dict(parameters.facts)
    for key, fact in facts.items():
        value = max(float(given.get(key, fact.value)), 0.0) if key in FACTS else fact.value
        for factor, ending in FACTORS.items():
            if key.endswith(f"_{ending}") and key not in FACTS:
                value *= float(given.get(factor, 1.0))
        facts[key] = replace(fact, value=value)
    published = zip(parameters.sectors, parameters.caps.values, strict=True)
    caps = [given.get(f"redirect_cap_{sector}", cap) for sector, cap in published]
    own = replace(parameters.caps, values=np.array(caps, dtype=float))
    found = structured(replace(parameters, facts=Named(facts), caps=own), name)
    uniform = found.elasticities["uniform5"]
    theta = np.maximum(given.get("elasticities", uniform.values), LEAST)
    return replace(found, elasticities=Named({DRAWN: replace(uniform, values=theta)}))


def tariffs_in(parameters: Parameters, name: str, day: str | None) -> Environment | str | None:
    """Return the tariffs of a day by the sectors of a structure: what they collect on the trade of 2023."""
    if day is None or STRUCTURES[name][0] == "wiod2011":
        return day
    return _merged_tariffs(parameters, day)


class DrawnStudy(Study):
    """The outcomes behind the tables in a world that was drawn, one draw of it.

    Parameters
    ----------
    parameters : Parameters
        The figures that draws begin from.
    structure : str
        Of `STRUCTURES`.
    given : mapping
        What was drawn, by name, as for `drawn`.
    tariffs : str, optional
        As for `Study`.
    """

    sets = (DRAWN,)

    def __init__(
        self,
        parameters: Parameters,
        structure: str,
        given: Mapping[str, Floats | float],
        *,
        tariffs: str | None = None,
    ) -> None:
        super().__init__(drawn(parameters, structure, given), elasticities=DRAWN, tariffs=tariffs)
        self.force = tariffs_in(parameters, structure, tariffs)


def _groups(parameters: Parameters) -> Floats:
    """Which sectors of trade in 2023 make up which of `MERGED`, (J, K)."""
    unknown = set(parameters.sectors) ^ {s for old, _ in MERGED.values() for s in old}
    if unknown:
        raise InvalidInput(
            f"`parameters` must have the sectors of this package to be put into ICIO's; these differ: "
            f"{', '.join(sorted(unknown))}."
        )
    return np.array([[s in old for old, _ in MERGED.values()] for s in parameters.sectors], dtype=float)


def _mean(values: Floats, weights: Floats, to: Floats) -> Floats:
    """Return the mean of numbers by sector in each group of them, by weights; plain where these are 0."""
    total = weights @ to
    weighted = (values * weights) @ to / np.where(total > 0.0, total, 1.0)
    return np.asarray(np.where(total > 0.0, weighted, values @ to / to.sum(axis=0)))


def _merged(parameters: Parameters) -> Parameters:
    """Trade of 2023 by the sectors of `MERGED`, with the input shares of ICIO."""
    to, flows = _groups(parameters), parameters.flows.values
    trade = flows.sum(axis=(0, 1))
    *named, rest = parameters.regions
    whole = structure("icio2019").aggregate(
        {name: [name] for name in named}, {name: list(old) for name, (_, old) in MERGED.items()}, rest=rest
    )
    places = [
        [whole.regions.index(name) for name in parameters.regions],
        *[list(map(whole.sectors.index, MERGED))] * 2,
    ]

    def by(figures: Figures, weights: Floats) -> Figures:
        return replace(figures, values=_mean(figures.values, weights, to))

    return replace(
        parameters,
        sectors=tuple(MERGED),
        goods=np.asarray(parameters.goods @ to > 0.0),
        absorbing=len(MERGED) - 1,
        flows=replace(parameters.flows, values=flows @ to),
        input_shares=replace(parameters.input_shares, values=np.array(whole.inputs[np.ix_(*places)])),
        tariffs=by(parameters.tariffs, flows),
        schedules=Named({name: by(one, flows) for name, one in parameters.schedules.items()}),
        caps=by(parameters.caps, sold_to_us(parameters)),
        elasticities=Named({name: by(one, trade) for name, one in parameters.elasticities.items()}),
    )


@cache
def _merged_tariffs(parameters: Parameters, day: str) -> Environment:
    rates = Environment.shipped().at(day).tariffs(TradeModel.from_parameters(parameters).data)
    merged = _mean(rates, parameters.flows.values, _groups(parameters))
    goods = parameters.goods @ _groups(parameters) > 0.0
    listed: dict[tuple[str, ...], float] = {
        (importer, exporter, sector): float(merged[i, j, k])
        for i, importer in enumerate(parameters.regions)
        for j, exporter in enumerate(parameters.regions)
        for k, sector in enumerate(MERGED)
        if i != j and goods[k]
    }
    return Environment.from_rates(listed, date=day, source="tariffs of the package by the trade of 2023")
