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

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from bargaining.authoring import Floats, write_whole
from bargaining.errors import Status, Unsolved
from bargaining.tables.table import Table
from bargaining_models.negotiation import Negotiation
from bargaining_models.negotiation.draws import HeadlineDraw, headline_draws
from bargaining_models.paper.study import Study
from bargaining_models.paper.worlds import STRUCTURES, elasticities, structured, tariffs_in
from bargaining_models.parameters import Parameters
from bargaining_models.trade import Environment
from bargaining_models.uncertainty import LEVELS, AnyPrior, priors
from bargaining_models.us_canada.baseline import CANADA, CHINA, FARM, US
from bargaining_models.us_canada.projects import sold_to_us

if TYPE_CHECKING:
    import xarray as xr

FOLDER = Path(__file__).parent.parent / "data" / "draws"
BANDS, SAMPLE = "headline_bands.csv", "headline_sample.csv"
SPREAD, SOBOL = "headline_structures.csv", "headline_sobol.csv"
KEYS = ("disagreement", "route", "share")
SAMPLED = 1
"""How many draws of each structure are stored one by one."""
TRIED = 1  # in each environment and structure, whenever the table is asked for
ENVIRONMENTS = {"2023": None, "19 August 2026": "2026-08-19"}
SHARES = (0.10, 0.15)  # of exports that can be redirected, as in the headline
INPUTS = (
    "structure", "elasticities", "capacity", "china_closure_rate", "china_closure_rate_other", "china_reopening_rate",
    "breakdown_rate", "discount_rate", "bargaining_weight_canada",
)  # fmt: skip
DRAWN = {
    "china_closure_rate": "China closes: farm goods",
    "china_closure_rate_other": "China closes: other goods",
    "china_reopening_rate": "China reopens",
    "breakdown_rate": "breakdown of talks",
    "discount_rate": "discount rate",
    "bargaining_weight_canada": "Canada's weight",
}
"""What T0-sobol calls those whose name does not say it."""
BASE_SAMPLE = 4096  # of Saltelli's design, a power of two; sampling error of an index is a percent or two
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
    return Negotiation(
        data=structured(parameters, structure),
        home=CANADA,
        partner=US,
        alternative=CHINA,
        tariffs=tariffs_in(parameters, structure, ENVIRONMENTS[environment]),
    )


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
    for part, chosen in (("farm", True), ("other", False)):
        shares[part] = {s: SHARES[-1] for s in goods if (s in FARM) == chosen}
    seed = 1 + list(STRUCTURES).index(structure)
    return headline_draws(talks, given, draws=draws, shares=shares, seed=seed, **options)


def pooled(found: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Put the draws of all structures after each other; `structure` says which each is of."""
    import xarray as xr

    parts = [one[["transfer", "lost", "gains", "status"]] for one in found.values()]
    names = np.repeat(list(found), [one.sizes["draw"] for one in parts])
    whole = xr.concat(parts, dim="draw").assign_coords(draw=np.arange(len(names)), structure=("draw", names))
    return whole.assign_attrs(draws=len(names), failed=sum(one.attrs["failed"] for one in found.values()))


def capacities(parameters: Parameters) -> Floats:
    """Quantiles of the total capacity of all goods, drawn by sector, in steps of 1/4096 of probability.

    It is taken to be the same share in every sector, the mean by exports to the US of the shares drawn.
    """
    exports = sold_to_us(parameters) * parameters.goods
    shares = np.zeros(BASE_SAMPLE)
    for name, sold in zip(parameters.sectors, exports / exports.sum(), strict=True):
        if f"redirect_cap_{name}" in priors():
            shares += sold * priors()[f"redirect_cap_{name}"].quantile(uniforms(name, BASE_SAMPLE))
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


def everything_drawn(
    found: Mapping[str, xr.Dataset], capacity: Floats
) -> tuple[Callable[[Floats], tuple[Floats, Floats]], Callable[[Floats], tuple[Floats, Floats]]]:
    """Return two functions of points in the unit cube, by `INPUTS`: what is paid at r = 0 and with the alternative.

    The first is about the war; the second about talks that break down into it at a rate drawn, with the tariffs of the
    day until then, where the draws have them.
    """
    structures = list(found)
    war, day = "tariff war", [d for d in next(iter(found.values())).disagreement.values if "tariffs of" in d]
    cells = {name: [by_share(found[s], name, "open") for s in structures] for name in (war, *day)}
    count = min(one.sizes["draw"] for one in found.values())

    def outcome(points: Floats, mixed: bool) -> tuple[Floats, Floats]:
        u = dict(zip(INPUTS, points.T, strict=True))
        s = np.minimum((u["structure"] * len(structures)).astype(int), len(structures) - 1)
        e = np.minimum((u["elasticities"] * count).astype(int), count - 1)
        given = inputs_at(u, capacity)
        gains = {name: np.stack([one[name] for one in cells[war]])[s, e] for name in cells[war][0]}
        if mixed and day:
            rho, rate = given["discount_rate"], given["breakdown_rate"]
            part = (rate / (rho + rate))[:, None]
            gains = {
                name: part * gains[name] + (1 - part) * np.stack([one[name] for one in cells[day[0]]])[s, e]
                for name in gains
            }
        weight = given["bargaining_weight_canada"]
        return _transfer(gains["0"], weight), paid(gains, given, weight)

    return lambda points: outcome(points, False), lambda points: outcome(points, True)


def sobol(function: Callable[[Floats], Floats], names: Sequence[str], size: int) -> dict[str, Floats]:
    """First-order and total Sobol indices of a function on the unit cube, by SALib."""
    from SALib.analyze import sobol as analyse
    from SALib.sample import sobol as sample

    problem = {"num_vars": len(names), "names": list(names), "bounds": [[0.0, 1.0]] * len(names)}
    points = sample.sample(problem, size, calc_second_order=False, seed=0)
    values = function(np.clip(points, 1e-12, 1 - 1e-12))
    found = analyse.analyze(problem, values, calc_second_order=False, seed=0)
    return {"first": np.asarray(found["S1"]), "total": np.asarray(found["ST"])}


def bands_table(study: Study) -> Table:
    """T0: the transfer, and the part of it that a share r takes away, with the spread over elasticities."""
    _try_again(study.parameters)
    rows = read_rows(FOLDER / BANDS)
    shown: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["environment"], row["disagreement"], row["route"])
        line = shown.setdefault(
            key, {"environment": key[0][-4:], "disagreement": LABELS.get(key[1], DAY), "route": key[2]}
        )
        line[f"{row['quantity']}_{row['share']}"] = tuple(
            float(row[end]) for end in ("low", "median", "high")
        )
        line[f"none_{row['share']}"] = round(100.0 * (1.0 - float(row["agree"])), 1)
    for line in shown.values():
        if line["transfer_0"][0] < 0.0 < line["transfer_0"][2]:  # percent of what may be nothing
            line |= {name: None for name in line if name.startswith("lost_")}
    often = [
        f"{line[name]:.2g}% at {name.removeprefix('none_').replace('0.1', '.10').replace('r', '.02')} "
        f"({line['environment']}, {line['disagreement']}, {line['route']})"
        for line in shown.values()
        for name in ("none_0", "none_r", "none_0.1")
        if line[name]
    ]
    draws, failed = int(rows[0]["draws"]), max(int(row["failed"]) for row in rows)
    return study.table(
        "T0",
        shown.values(),
        draws=draws,
        each=draws // len(STRUCTURES),
        failed=failed,
        sold=study.sold,
        dates=" or in force on ".join(ENVIRONMENTS),
        error=max(float(row["error"]) for row in rows if row["quantity"] == "transfer"),
        points=max(
            float(row["error"])
            for row in rows
            if row["quantity"] == "lost" and row["disagreement"] != "goods border closed"
        ),
        few="in " + ", ".join(often) if often else "never",
    )


def spread_table(study: Study) -> Table:
    """T0-structures: the headline in each structure, and what moves it."""
    rows = [
        {
            "environment": row["environment"],
            "structure": row["structure"],
            "transfer": float(row["transfer"]),
            "transfer_band": _band(row, "transfer"),
            "lost": float(row["lost"]),
            "lost_band": _band(row, "lost"),
        }
        for row in read_rows(FOLDER / SPREAD)
    ]
    return study.table("T0-structures", rows)


def _band(row: Mapping[str, str], quantity: str) -> tuple[float, float] | None:
    low, high = (float(row[f"{quantity}_{end}"]) for end in ("low", "high"))
    return None if low == high else (low, high)


def shares_table(study: Study) -> Table:
    """T0-sobol: what moves the transfer, as shares of its variance."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for row in read_rows(FOLDER / SOBOL):
        line = rows.setdefault((row["environment"], row["input"]), {"environment": row["environment"]})
        line["input"] = DRAWN.get(row["input"], row["input"])
        line[f"{row['quantity']}_{row['index']}"] = round(100.0 * float(row["value"]), 1)
    return study.table("T0-sobol", rows.values(), base=BASE_SAMPLE)


def store(
    found: Mapping[str, Mapping[str, xr.Dataset]], parameters: Parameters, folder: Path = FOLDER
) -> None:
    """Write the bands, and the first draws one by one."""
    capacity = capacities(parameters)
    whole = {name: pooled(parts) for name, parts in found.items()}
    banded = [row for name, drawn in whole.items() for row in _band_rows(name, drawn, capacity)]
    single = [
        row
        for name, parts in found.items()
        for s, drawn in parts.items()
        for row in _single_rows(name, s, drawn)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, list[dict[str, Any]]] = {BANDS: banded, SAMPLE: single}
    for name, rows in files.items():
        write_rows(folder / name, rows)


def store_causes(
    found: Mapping[str, Mapping[str, xr.Dataset]], parameters: Parameters, folder: Path = FOLDER
) -> None:
    """Write what the draws say of structures, scenarios and inputs; the latter takes SALib."""
    capacity = capacities(parameters)
    spread, causes = [], []
    for environment, parts in found.items():
        alone, mixed = everything_drawn(parts, capacity)
        points = np.stack([uniforms(name, BASE_SAMPLE) for name in INPUTS], axis=-1)
        listed = {
            name: (one.transfer.sel(share="0").sel(WAR).values, one.lost.sel(share="0.15").sel(WAR).values)
            for name, one in parts.items()
        }
        for name, (talks, theta) in scenarios(parameters, environment).items():
            model = HeadlineDraw(negotiation=talks, shares=(SHARES[-1],), disagreements=("war",))
            one = model(elasticities=theta)
            listed[name] = one["transfer"][0, 0, :1], one["lost"][0, 0, 1:]
        first, later = mixed(points)
        listed["all, everything drawn"] = alone(points)[0], 100.0 * (first - later) / np.abs(first)
        for name, both in listed.items():
            row: dict[str, Any] = {"environment": environment, "structure": name}
            for quantity, values in zip(("transfer", "lost"), both, strict=True):
                low, median, high = np.nanquantile(np.ma.filled(values, np.nan), LEVELS)
                row |= {
                    quantity: f"{median:.10g}",
                    f"{quantity}_low": f"{low:.10g}",
                    f"{quantity}_high": f"{high:.10g}",
                }
            spread.append(row | tail("USD bn; percent"))

        for quantity, function in (
            ("transfer", lambda points, alone=alone: alone(points)[0]),
            ("with", lambda points, mixed=mixed: mixed(points)[1]),
            ("lost", lambda points, mixed=mixed: np.subtract(*mixed(points))),
        ):
            for index, values in sobol(function, INPUTS, BASE_SAMPLE).items():
                for name, value in zip(INPUTS, values.tolist(), strict=True):
                    cell = {"environment": environment, "input": name, "quantity": quantity, "index": index}
                    causes.append(cell | {"value": f"{value:.6g}", **tail("share of variance")})
    write_rows(folder / SPREAD, spread)
    write_rows(folder / SOBOL, causes)


def scenarios(parameters: Parameters, environment: str) -> dict[str, tuple[Negotiation, Floats]]:
    """Cases of their own: low elasticities, and the tariffs as the published tracker has them."""
    talks = talks_in(parameters, environment, "WIOD 2011")
    sectors, day = len(talks.model.sectors), ENVIRONMENTS[environment]
    found = {"elasticity 2, WIOD 2011": (talks, np.full(sectors, 2.0))}
    if day is None:
        return found
    given: dict[str, Any] = {"data": parameters, "home": CANADA, "partner": US, "alternative": CHINA}
    other = Negotiation(**given, tariffs=Environment.shipped(variant="tracker").at(day))
    five = np.full(sectors, 5.0)
    return found | {"adjusted, elasticity 5": (talks, five), "tracker, elasticity 5": (other, five)}


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows to a file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())


def _band_rows(environment: str, drawn: xr.Dataset, capacity: Floats) -> Iterator[dict[str, Any]]:
    """The transfer at share 0, and the part of it lost at the other shares and with drawn capacity and closures."""
    solved = drawn.status.values == Status.OK
    given = inputs_at({name: uniforms(name, len(solved)) for name in INPUTS}, capacity)
    shown = ["0", "r", *(f"{share:g}" for share in SHARES), "drawn"]
    for disagreement, route, share in product(
        drawn.disagreement.values.tolist(), drawn.route.values.tolist(), shown
    ):
        quantity, unit = ("transfer", "USD bn") if share == "0" else ("lost", "percent")
        cell = {"disagreement": disagreement, "route": route, "share": share}
        if share == "drawn":
            gains = by_share(drawn, disagreement, route)
            first = _transfer(gains["0"], 0.5)
            values = 100.0 * (first - paid(gains, given)) / np.abs(first)
        else:
            values = drawn[quantity].sel(cell).values
        agreed = np.isfinite(values)[solved].mean()
        if quantity == "lost":  # without a deal nothing is paid
            values = np.where(np.isfinite(values), values, 100.0)
        known = values[solved & np.isfinite(values)]
        low, median, high = np.quantile(known, LEVELS).tolist()
        around = 0.5 + np.array([-0.5, 0.5]) / np.sqrt(len(known))  # a standard error to each side
        error = float(np.ptp(np.quantile(known, around))) / 2.0
        yield (
            {"environment": environment}
            | cell
            | {
                "quantity": quantity,
                "median": f"{median:.10g}",
                "low": f"{low:.10g}",
                "high": f"{high:.10g}",
                "error": f"{error:.3g}",
                "agree": f"{agreed:.6g}",
                "draws": drawn.attrs["draws"],
                "failed": drawn.attrs["failed"],
                **tail(unit),
            }
        )


def _single_rows(environment: str, structure: str, drawn: xr.Dataset) -> Iterator[dict[str, Any]]:
    for number, *labels in product(range(SAMPLED), *(drawn[name].values.tolist() for name in KEYS)):
        cell = dict(zip(KEYS, labels, strict=True))
        value = float(drawn.transfer.sel(cell).isel(draw=number))
        if np.isfinite(value):
            row = {"environment": environment, "structure": structure, "draw": number} | cell
            yield row | {"value": f"{value:.12g}", **tail("USD bn")}


def tail(unit: str, what: str = "headline") -> dict[str, str]:
    """The last columns of a file of draws."""
    return {
        "unit": unit,
        "year": "2026",
        "source": f"derived: draws of this package's {what}, make uncertainty",
    }


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read the rows of a file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def same(rows: Iterable[Mapping[str, str]], now: Callable[[Mapping[str, str]], float], what: str) -> None:
    """Raise an error if a stored draw comes out otherwise now."""
    for row in rows:
        then, value = float(row["value"]), now(row)
        alike = abs(value - then) <= ACCURACY * max(abs(then), 1.0) or (np.isnan(then) and np.isnan(value))
        if not alike:
            place = ", ".join(text for name, text in row.items() if name not in ("value", *tail("")))
            raise Unsolved(
                f"The stored draws of {what} are no longer reproduced: {place} was {then:.10g} and is {value:.10g}. "
                "Draw them all anew: make uncertainty."
            )


def _try_again(parameters: Parameters) -> None:
    """Solve the first stored draw of each structure again."""
    found = {
        (name, structure): draw(parameters, name, TRIED, structure).transfer
        for name, structure in product(ENVIRONMENTS, STRUCTURES)
    }

    def now(row: Mapping[str, str]) -> float:
        cells = found[row["environment"], row["structure"]]
        return float(cells.sel(draw=int(row["draw"]), **{name: row[name] for name in KEYS}))

    same((row for row in read_rows(FOLDER / SAMPLE) if int(row["draw"]) < TRIED), now, "the headline")
