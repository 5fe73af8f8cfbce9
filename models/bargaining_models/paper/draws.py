"""Draw the headline, and the worlds in which claims are counted, all anew, and store what the tables need of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bargaining_models.paper import bands, claims
from bargaining_models.paper.study import LATEST, STRUCTURES
from bargaining_models.paper.tables import rows
from bargaining_models.parameters import load

if TYPE_CHECKING:
    import xarray as xr

DRAWS = {"headline": 1000, "claims": 80}
DATES = {"headline": tuple(bands.ENVIRONMENTS), "claims": ("2023", LATEST)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw everything again, or a part, and store it."""
    parser = argparse.ArgumentParser(prog="python -m bargaining_models.paper.draws", description=__doc__)
    parser.add_argument("--only", choices=tuple(DRAWS), help="by default both")
    parser.add_argument("--draws", type=int, help="of each part; by default as stored")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--checkpoint", type=Path, default=Path("build/draws"), help="folder to resume from")
    parser.add_argument("--store", type=Path, default=bands.FOLDER, help="folder to write to")
    options = parser.parse_args(arguments)
    figures = load()
    for part in DRAWS if options.only is None else (options.only,):
        found: dict[str, dict[str, xr.Dataset]] = {date: {} for date in DATES[part]}
        each = max((options.draws or DRAWS[part]) // len(STRUCTURES), 1)
        for date, structure in product(found, STRUCTURES):
            folder = options.checkpoint / f"{part}-{date}-{structure}-{each}".replace(" ", "-")
            given: dict[str, Any] = {"workers": options.workers, "checkpoint": folder, "progress": True}
            drawn = (
                bands.draw(figures, date, each, structure, **given)
                if part == "headline"
                else claims.draw_claims(figures, date, structure, rows, each, version="2", **given)
            ).load()
            found[date][structure] = drawn
            print(f"{part}, {date}, {structure}: {drawn.attrs['failed']} of {each} draws failed")
        if part == "claims":
            claims.store_counts(found, options.store)
        else:
            bands.store(found, figures, options.store)
            bands.store_causes(found, figures, options.store)
    return 0


if __name__ == "__main__":
    sys.exit(main())
