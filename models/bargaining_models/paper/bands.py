"""The headline with its uncertainty: leverage lost, median and [5, 95], by what happens without an agreement.

A thousand draws take minutes, so their bands are stored with the figures. Whoever asks for the table gets them after a
few of the draws were solved again and came out as stored. `python -m bargaining_models.paper.bands` draws all anew.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bargaining.authoring import write_whole
from bargaining.errors import Status, Unsolved
from bargaining.tables.table import Column, Table
from bargaining_models.negotiation import Negotiation
from bargaining_models.negotiation.draws import headline_draws
from bargaining_models.paper.study import Study
from bargaining_models.parameters import Parameters, load
from bargaining_models.uncertainty import AnyPrior, bands, elasticity_priors, priors
from bargaining_models.us_canada.baseline import CANADA, CHINA, US

if TYPE_CHECKING:
    import xarray as xr

FOLDER = Path(__file__).parent.parent / "data" / "draws"
BANDS, SAMPLE = "headline_bands.csv", "headline_sample.csv"
KEYS = ("disagreement", "route", "share")
DRAWS, SAMPLED = 1000, 4
"""How many draws there are, and how many are stored one by one."""
TRIED = 1  # in each environment, whenever the table is asked for
ENVIRONMENTS = {"2023": None, "19 August 2026": "2026-08-19"}
SHARES = (0.10, 0.15)  # of exports that can be redirected, as in the headline
ACCURACY = 1e-7  # relative: figures of two processors may differ by less
ROUTES = {"open": "stays open", "closed": "closed by the deal"}


def draw(parameters: Parameters, environment: str, draws: int, **options: Any) -> xr.Dataset:
    """Draw elasticities, and the share that stands for the arrangement of January 2026, in one environment."""
    day = ENVIRONMENTS[environment]
    talks = Negotiation(data=parameters, home=CANADA, partner=US, alternative=CHINA, tariffs=day)
    given: dict[str, AnyPrior] = {"elasticities": elasticity_priors(), "r": priors()["r_january_arrangement"]}
    return headline_draws(talks, given, draws=draws, shares=SHARES, **options)


def bands_table(study: Study) -> Table:
    """T0: the transfer, and the part of it that a share r takes away, with the spread over elasticities."""
    _try_again(study.parameters)
    rows = _read(FOLDER / BANDS)
    shown: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["environment"], row["disagreement"], row["route"])
        line = shown.setdefault(key, {"environment": key[0], "disagreement": key[1], "route": ROUTES[key[2]]})
        line[f"{row['quantity']}_{row['share']}"] = float(row["median"])
        line[f"{row['quantity']}_{row['share']}_band"] = (float(row["low"]), float(row["high"]))
    columns = [
        Column("environment", title="Tariffs of"),
        Column("disagreement", title="Without an agreement"),
        Column("route", title="China route"),
    ]
    for name, title, unit in (
        ("transfer_0", "Canada pays the US", "USD bn"),
        ("lost_r", "Lost at r = .02", "%"),
        ("lost_0.1", "Lost at r = .10", "%"),
        ("lost_0.15", "Lost at r = .15", "%"),
    ):
        columns.append(Column(name, title="median", unit=unit, group=title))
        columns.append(Column(f"{name}_band", title="[5, 95]", unit=unit, group=title))
    draws, failed = int(rows[0]["draws"]), max(int(row["failed"]) for row in rows)
    least = 100.0 * min(float(row["agree"]) for row in rows)
    notes = study.notes(
        Elasticities=f"{draws} draws by sector, lognormal over published estimates, the same in every row; {failed} "
        "could not be solved",
        Rows="what happens without an agreement; tariffs of all on all are those of the year or day",
        **{
            "China route": "whether an agreement leaves it open",
            "r": "capacity of a new route to China, as a cut of its cost: at fixed prices and spending Canada would "
            "sell China more, by r times what it sells the US; .02, the arrangement of January 2026, is drawn too, "
            "from .01 to .04",
            "Division": "Nash, dollar for dollar",
            "Not agreed": f"in at most {100 - least:.2g}% of the draws of a cell; these are left out of its bands",
            "Accuracy": "in every draw each rate that is best meets its first-order condition to 1e-8",
        },
    )
    del notes["Largest residual"]
    return Table(
        list(shown.values()),
        columns=columns,
        caption="What Canada pays the US a year for free trade, and how much of it Canada's alternative takes away",
        label="tab:bands",
        digits=2,
        notes=notes,
    )


def store(found: Mapping[str, xr.Dataset], folder: Path = FOLDER) -> None:
    """Write the bands, and the first draws one by one."""
    banded = [row for name, drawn in found.items() for row in _band_rows(name, drawn)]
    single = [row for name, drawn in found.items() for row in _single_rows(name, drawn)]
    folder.mkdir(parents=True, exist_ok=True)
    for path, rows in ((folder / BANDS, banded), (folder / SAMPLE, single)):
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(path, text.getvalue().encode())


def _band_rows(environment: str, drawn: xr.Dataset) -> Iterator[dict[str, Any]]:
    """The transfer at share 0, and what is lost of it at the others."""
    banded, solved = bands(drawn), drawn.status.values == Status.OK
    for disagreement, route, share in product(*(drawn[name].values.tolist() for name in KEYS)):
        quantity, unit = ("transfer", "USD bn") if share == "0" else ("lost", "percent")
        cell = {"disagreement": disagreement, "route": route, "share": share}
        low, median, high = banded[quantity].sel(cell).values.tolist()
        agreed = np.isfinite(drawn[quantity].sel(cell).values[solved]).mean()
        yield (
            {"environment": environment}
            | cell
            | {
                "quantity": quantity,
                "median": f"{median:.10g}",
                "low": f"{low:.10g}",
                "high": f"{high:.10g}",
                "agree": f"{agreed:.6g}",
                "draws": drawn.attrs["draws"],
                "failed": drawn.attrs["failed"],
                **_tail(unit),
            }
        )


def _single_rows(environment: str, drawn: xr.Dataset) -> Iterator[dict[str, Any]]:
    for number, *labels in product(range(SAMPLED), *(drawn[name].values.tolist() for name in KEYS)):
        cell = dict(zip(KEYS, labels, strict=True))
        value = float(drawn.transfer.sel(cell).isel(draw=number))
        if np.isfinite(value):
            row = {"environment": environment, "draw": number} | cell
            yield row | {"value": f"{value:.12g}", **_tail("USD bn")}


def _tail(unit: str) -> dict[str, str]:
    return {
        "unit": unit,
        "year": "2026",
        "source": "derived: draws of this package's headline, make uncertainty",
    }


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _try_again(parameters: Parameters) -> None:
    """Solve the first stored draws again, or say that they no longer come out."""
    kept = [row for row in _read(FOLDER / SAMPLE) if int(row["draw"]) < TRIED]
    for environment in ENVIRONMENTS:
        found = draw(parameters, environment, TRIED).transfer
        for row in kept:
            if row["environment"] == environment:
                place = {name: row[name] for name in KEYS}
                now, then = float(found.sel(draw=int(row["draw"]), **place)), float(row["value"])
                if not abs(now - then) <= ACCURACY * max(abs(then), 1.0):
                    raise Unsolved(
                        f"The stored draws of the headline are no longer reproduced: {environment}, {place}, draw "
                        f"{row['draw']} was {then:.10g} and is {now:.10g}. Draw them all anew: make uncertainty."
                    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw everything anew and store it."""
    parser = argparse.ArgumentParser(prog="python -m bargaining_models.paper.bands", description=__doc__)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--checkpoint", type=Path, default=Path("build/draws"), help="folder to resume from")
    options = parser.parse_args(arguments)
    figures, found = load(), {}
    for environment in ENVIRONMENTS:
        folder = options.checkpoint / f"{environment.replace(' ', '-')}-{options.draws}"
        found[environment] = draw(
            figures, environment, options.draws, workers=options.workers, checkpoint=folder, progress=True
        ).load()
        print(f"{environment}: {found[environment].attrs['failed']} of {options.draws} draws failed")
    store(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
