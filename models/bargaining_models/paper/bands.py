"""The headline with its uncertainty: leverage lost, median and [5, 95], by what happens without an agreement.

Elasticities are drawn in each of four structures, WIOD 2011 and ICIO 2019 with and without what industries buy from
each other, at the trade of 2023; each structure is as likely. Capacity, the rates at which China closes and reopens its
markets, the discount rate, breakdown and weights are drawn for each of these solutions: given the solution they act by
formulas.

A thousand draws take minutes, so their bands are stored with the figures. Whoever asks for the table gets them after a
draw of each structure was solved again and came out as stored.
`python -m bargaining_models.paper.draws` draws all anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
import pandas as pd

from bargaining.authoring import Floats, write_whole
from bargaining.errors import Status, Unsolved
from bargaining.tables.table import Table
from bargaining_models.negotiation import Negotiation
from bargaining_models.negotiation.draws import HeadlineDraw, headline_draws
from bargaining_models.paper.study import STRUCTURES, Study, elasticities, structured, tariffs_in
from bargaining_models.parameters import Parameters
from bargaining_models.trade import Environment
from bargaining_models.uncertainty import LEVELS, AnyPrior, priors
from bargaining_models.us_canada.baseline import CANADA, CHINA, FARM, US, sold_to_us

if TYPE_CHECKING:
    import xarray as xr

FOLDER = Path(__file__).parent.parent / "data" / "draws"
BANDS, SAMPLE = "headline_bands.csv", "headline_sample.csv"
SPREAD = "headline_structures.csv"
KEYS = ("disagreement", "route", "share")
ENDS = ("low", "median", "high")
ENVIRONMENTS = {"2023": None, "19 August 2026": "2026-08-19"}
SHARES = (0.10, 0.15)  # of exports that can be redirected, as in the headline
INPUTS = (
    "structure", "elasticities", "capacity", "china_closure_rate", "china_closure_rate_other", "china_reopening_rate",
    "breakdown_rate", "discount_rate", "bargaining_weight_canada",
)  # fmt: skip
BASE_SAMPLE = 4096  # of what is drawn beside structure and elasticities
ACCURACY = 1e-7  # relative: figures of two processors may differ by less
WAR = {"disagreement": "tariff war", "route": "open"}
DAY = "day's tariffs"
LABELS = {
    "tariff war": "tariff war",
    "best US tariff, unanswered": "US tariff only",
    "best US tariff, answered in kind": "matched tariff",
    "goods border closed": "closed border",
}
"""What T0 calls the outcomes without an agreement; the tariffs of a day are `DAY`."""


def talks_in(parameters: Parameters, environment: str, structure: str) -> Negotiation:
    """Return the negotiation at the tariffs of a date, on one structure."""
    return _talks(
        structured(parameters, structure), tariffs_in(parameters, structure, ENVIRONMENTS[environment])
    )


def _talks(data: Parameters, tariffs: Any) -> Negotiation:
    return Negotiation(data=data, home=CANADA, partner=US, alternative=CHINA, tariffs=tariffs)


def draw(
    parameters: Parameters, environment: str, draws: int, structure: str = "WIOD 2011", **options: Any
) -> xr.Dataset:
    """Draw elasticities, and the share that stands for the arrangement of January 2026, in one environment.

    Each structure has a random stream of its own.
    """
    talks = talks_in(parameters, environment, structure)
    given: dict[str, AnyPrior] = {
        "elasticities": elasticities(structure),
        "r": priors()["r_january_arrangement"],
    }
    goods = [s for s, good in zip(talks.model.sectors, talks.model.goods, strict=True) if good]
    shares: dict[str, Any] = {f"{share:g}": share for share in SHARES}
    shares["farm"] = {s: SHARES[-1] for s in goods if s in FARM}
    shares["other"] = {s: SHARES[-1] for s in goods if s not in FARM}
    seed = 1 + list(STRUCTURES).index(structure)
    return headline_draws(talks, given, draws=draws, shares=shares, seed=seed, **options)


def pooled(found: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Put the draws of all structures after each other."""
    import xarray as xr

    whole = xr.concat([one[["transfer", "lost", "gains", "status"]] for one in found.values()], dim="draw")
    return whole.assign_attrs(
        draws=whole.sizes["draw"], failed=sum(one.attrs["failed"] for one in found.values())
    )


def capacities(parameters: Parameters) -> Floats:
    """Quantiles of the total capacity of all goods, drawn by sector, in steps of 1/4096 of probability.

    It is taken to be the same share in every sector, the mean by exports to the US of the shares drawn.
    """
    exports, known = sold_to_us(parameters) * parameters.goods, priors()
    shares = np.zeros(BASE_SAMPLE)
    for sector, sold in zip(parameters.sectors, exports / exports.sum(), strict=True):
        if (name := f"redirect_cap_{sector}") in known:
            shares += sold * known[name].quantile(uniforms(sector, BASE_SAMPLE))
    return np.sort(shares)


def uniforms(name: str, size: int) -> Floats:
    """Numbers in (0, 1) from a separate stream for each name."""
    return np.random.default_rng(crc32(name.encode())).random(size)


def inputs_at(u: Mapping[str, Floats], capacity: Floats) -> dict[str, Floats]:
    """The draws other than structure and elasticities, given numbers in (0, 1) by name."""
    found = {name: priors()[name].quantile(u[name]) for name in INPUTS[3:]}
    return found | {"capacity": np.quantile(capacity, u["capacity"])}


def in_use(given: Mapping[str, Floats]) -> tuple[Floats, Floats, Floats]:
    r"""Discounted share of the time in which both routes are open, only that of farm goods, or only that of the others.

    The routes open and close independently; both are open today. Open at t with probability a + (1 - a) exp(-k t), with
    closure rate l, reopening rate m, k = l + m and a = m / k; of a product of two such the annuity is a sum of four
    terms.
    """
    rho, reopen = given["discount_rate"], given["china_reopening_rate"]
    rates = [given[name] + reopen for name in ("china_closure_rate", "china_closure_rate_other")]
    always = [reopen / rate for rate in rates]
    kept = [rho / (rho + rate) for rate in rates]
    farm, other = (a + (1.0 - a) * k for a, k in zip(always, kept, strict=True))
    (a, b), (k, m) = always, kept
    both = a * b + a * (1 - b) * m + (1 - a) * b * k + (1 - a) * (1 - b) * rho / (rho + sum(rates))
    return both, farm - both, other - both


def paid(gains: Mapping[str, Floats], given: Mapping[str, Floats], weight: Any = 0.5) -> Floats:
    """The level yearly transfer where capacity and closures are as drawn; each year's is that of what is open.

    Between the shares that were solved the transfer is a parabola in capacity through 0, .10 and .15.
    """
    at = {name: _transfer(gains[name], weight) for name in ("0", "0.1", "0.15", "farm", "other")}
    c, (low, high) = given["capacity"], SHARES
    first, second = at["0.1"] - at["0"], at["0.15"] - at["0"]
    all_open = first * c * (c - high) / (low * (low - high)) + second * c * (c - low) / (high * (high - low))
    both, farm, other = in_use(given)
    parts = farm * (at["farm"] - at["0"]) + other * (at["other"] - at["0"])
    return np.asarray(at["0"] + both * all_open + parts * c / high)


def _transfer(gains: Floats, weight: Any) -> Floats:
    """What Canada pays if it has `weight` of the surplus; NaN where there is none."""
    surplus = gains[..., 0] + gains[..., 1]
    return np.asarray(np.where(surplus > 0.0, gains[..., 0] - weight * surplus, np.nan))


def by_share(drawn: xr.Dataset, disagreement: str, route: str) -> dict[str, Floats]:
    """The gains of the two by share, each (draws, 2)."""
    cells = drawn.gains.sel(disagreement=disagreement, route=route)
    return {name: cells.sel(share=name).values for name in drawn.share.values.tolist()}


def drawn_payments(
    found: Mapping[str, xr.Dataset], capacity: Floats, points: Floats, *, mixed: bool = False
) -> tuple[Floats, Floats]:
    """What is paid at r = 0 and with the alternative, at points of the unit cube by `INPUTS`.

    It is about the war, or, `mixed`, about talks that break down into it at a rate drawn, with the tariffs of the day
    until then, where the draws have them.
    """
    count = min(one.sizes["draw"] for one in found.values())
    u = dict(zip(INPUTS, points.T, strict=True))
    s, e = (
        np.minimum((u[name] * size).astype(int), size - 1)
        for name, size in (("structure", len(found)), ("elasticities", count))
    )
    given = inputs_at(u, capacity)

    def gains_of(disagreement: str) -> dict[str, Floats]:
        cells = [by_share(one.isel(draw=slice(count)), disagreement, "open") for one in found.values()]
        return {share: np.stack([one[share] for one in cells])[s, e] for share in cells[0]}

    gains = gains_of("tariff war")
    day = [name for name in next(iter(found.values())).disagreement.values if "tariffs of" in name]
    if mixed and day:
        rho, rate = given["discount_rate"], given["breakdown_rate"]
        part, talks = (rate / (rho + rate))[:, None], gains_of(day[0])
        gains = {share: part * war + (1 - part) * talks[share] for share, war in gains.items()}
    weight = given["bargaining_weight_canada"]
    return _transfer(gains["0"], weight), paid(gains, given, weight)


def bands_table(study: Study) -> Table:
    """T0: the transfer, and the part of it that a share r takes away, with the spread over elasticities."""
    _try_again(study.parameters)
    rows = read_rows(FOLDER / BANDS)
    shown: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        date, disagreement, route = (
            row["environment"][-4:],
            LABELS.get(row["disagreement"], DAY),
            row["route"],
        )
        line = shown.setdefault(
            (date, disagreement, route), {"environment": date, "disagreement": disagreement, "route": route}
        )
        line[f"{row['quantity']}_{row['share']}"] = tuple(float(row[end]) for end in ENDS)
        line[f"none_{row['share']}"] = round(100.0 * (1.0 - float(row["agree"])), 1)
    for line in shown.values():
        if line["transfer_0"][0] < 0.0 < line["transfer_0"][2]:  # percent of what may be nothing
            line |= {name: None for name in line if name.startswith("lost_")}
    often = [
        f"{line[f'none_{share}']:.2g}% at {said} ({', '.join(where)})"
        for where, line in shown.items()
        for share, said in (("0", "0"), ("r", ".02"), ("0.1", ".10"))
        if line[f"none_{share}"]
    ]

    def error(quantity: str) -> float:
        """The largest standard error of a median; a transfer that may be nothing has no percent."""
        return max(
            float(row["error"])
            for row in rows
            if row["quantity"] == quantity
            and (quantity == "transfer" or row["disagreement"] != "goods border closed")
        )

    draws = int(rows[0]["draws"])
    return study.table(
        "T0",
        shown.values(),
        draws=draws,
        each=draws // len(STRUCTURES),
        failed=max(int(row["failed"]) for row in rows),
        sold=study.sold,
        dates=" or in force on ".join(ENVIRONMENTS),
        error=error("transfer"),
        points=error("lost"),
        few="in " + ", ".join(often) if often else "never",
    )


def spread_table(study: Study) -> Table:
    """T0-structures: the headline in each structure, and what moves it."""
    rows = []
    for row in read_rows(FOLDER / SPREAD):
        line: dict[str, Any] = {name: row[name] for name in ("environment", "structure")}
        for quantity in ("transfer", "lost"):
            low, high = (float(row[f"{quantity}_{end}"]) for end in ("low", "high"))
            line |= {quantity: float(row[quantity]), f"{quantity}_band": None if low == high else (low, high)}
        rows.append(line)
    return study.table("T0-structures", rows)


def store(
    found: Mapping[str, Mapping[str, xr.Dataset]], parameters: Parameters, folder: Path = FOLDER
) -> None:
    """Write the bands, and the first draws one by one."""
    capacity = capacities(parameters)
    bands = [row for name, parts in found.items() for row in _band_rows(name, pooled(parts), capacity)]
    sample = [
        row
        for environment, parts in found.items()
        for structure, drawn in parts.items()
        for row in _single_rows(environment, structure, drawn)
    ]
    write_rows(folder / BANDS, bands)
    write_rows(folder / SAMPLE, sample)


def store_causes(
    found: Mapping[str, Mapping[str, xr.Dataset]], parameters: Parameters, folder: Path = FOLDER
) -> None:
    """Write what the draws say of structures and scenarios."""
    capacity = capacities(parameters)
    at = np.stack([uniforms(name, BASE_SAMPLE) for name in INPUTS], axis=-1)
    spread = []
    for environment, parts in found.items():
        drawn = partial(drawn_payments, parts, capacity)
        listed = {
            name: (one.transfer.sel(share="0").sel(WAR).values, one.lost.sel(share="0.15").sel(WAR).values)
            for name, one in parts.items()
        }
        for name, (talks, theta) in scenarios(parameters, environment).items():
            model = HeadlineDraw(negotiation=talks, shares=(SHARES[-1],), disagreements=("war",))
            one = model(elasticities=theta)
            listed[name] = one["transfer"][0, 0, :1], one["lost"][0, 0, 1:]
        first, later = drawn(at, mixed=True)
        listed["all, everything drawn"] = drawn(at)[0], 100.0 * (first - later) / np.abs(first)
        for name, both in listed.items():
            row: dict[str, Any] = {"environment": environment, "structure": name}
            for quantity, values in zip(("transfer", "lost"), both, strict=True):
                low, median, high = np.nanquantile(np.ma.filled(values, np.nan), LEVELS)
                row |= {quantity: median, f"{quantity}_low": low, f"{quantity}_high": high}
            spread.append(row | tail("USD bn; percent"))
    write_rows(folder / SPREAD, spread)


def scenarios(parameters: Parameters, environment: str) -> dict[str, tuple[Negotiation, Floats]]:
    """Cases of their own: low elasticities, and the tariffs as the published tracker has them."""
    talks, day = talks_in(parameters, environment, "WIOD 2011"), ENVIRONMENTS[environment]
    one = np.ones(len(talks.model.sectors))
    found = {"elasticity 2, WIOD 2011": (talks, 2.0 * one)}
    if day is not None:
        other = _talks(parameters, Environment.shipped(variant="tracker").at(day))
        found |= {"adjusted, elasticity 5": (talks, 5.0 * one), "tracker, elasticity 5": (other, 5.0 * one)}
    return found


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows to a file, numbers in ten digits."""
    text = pd.DataFrame(list(rows)).to_csv(index=False, float_format="%.10g", lineterminator="\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.encode())


def _band_rows(environment: str, drawn: xr.Dataset, capacity: Floats) -> Iterator[dict[str, Any]]:
    """The transfer at share 0, and the part of it lost at the other shares and with drawn capacity and closures."""
    solved = drawn.status.values == Status.OK
    given = inputs_at({name: uniforms(name, len(solved)) for name in INPUTS}, capacity)
    for disagreement, route, share in product(
        drawn.disagreement.values.tolist(),
        drawn.route.values.tolist(),
        ("0", "r", *map(str, SHARES), "drawn"),
    ):
        cell = {"disagreement": disagreement, "route": route, "share": share}
        quantity = "transfer" if share == "0" else "lost"
        if share == "drawn":
            gains = by_share(drawn, disagreement, route)
            first = _transfer(gains["0"], 0.5)
            values = 100.0 * (first - paid(gains, given)) / np.abs(first)
        else:
            values = drawn[quantity].sel(cell).values
        agreed = np.isfinite(values)
        if quantity == "lost":  # without a deal nothing is paid
            values = np.where(agreed, values, 100.0)
        known = values[solved & np.isfinite(values)]
        around = 0.5 + np.array([-0.5, 0.5]) / np.sqrt(len(known))  # a standard error to each side
        low, median, high, *error = np.quantile(known, [*LEVELS, *around]).tolist()
        yield {
            "environment": environment,
            **cell,
            "quantity": quantity,
            "median": median,
            "low": low,
            "high": high,
            "error": f"{np.ptp(error) / 2.0:.3g}",
            "agree": f"{agreed[solved].mean():.6g}",
            "draws": drawn.attrs["draws"],
            "failed": drawn.attrs["failed"],
            **tail("USD bn" if share == "0" else "percent"),
        }


def _single_rows(environment: str, structure: str, drawn: xr.Dataset) -> Iterator[dict[str, Any]]:
    for labels in product(*(drawn[name].values.tolist() for name in KEYS)):
        cell = dict(zip(KEYS, labels, strict=True))
        value = float(drawn.transfer.sel(cell).isel(draw=0))
        if np.isfinite(value):
            row = {"environment": environment, "structure": structure, "draw": 0} | cell
            yield row | {"value": f"{value:.12g}", **tail("USD bn")}


def tail(unit: str, what: str = "headline") -> dict[str, str]:
    """The last columns of a file of draws."""
    source = f"derived: draws of this package's {what}, make uncertainty"
    return {"unit": unit, "year": "2026", "source": source}


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read the rows of a file."""
    return pd.read_csv(path, dtype=str, keep_default_na=False).to_dict("records")  # type: ignore[return-value]


def _try_again(parameters: Parameters) -> None:
    """Solve the first draw of each structure again, or raise an error where it is not as stored."""
    found = {
        (name, structure): draw(parameters, name, 1, structure).transfer.isel(draw=0)
        for name, structure in product(ENVIRONMENTS, STRUCTURES)
    }
    for row in read_rows(FOLDER / SAMPLE):
        where = {name: row[name] for name in KEYS}
        then, now = float(row["value"]), float(found[row["environment"], row["structure"]].sel(where))
        if not abs(now - then) <= ACCURACY * max(abs(then), 1.0):
            place = ", ".join([row["environment"], row["structure"], *where.values()])
            raise Unsolved(
                f"The stored draws of the headline are no longer reproduced: {place} was {then:.10g} and is "
                f"{now:.10g}. Draw them all anew: make uncertainty."
            )
