"""The plain economy of a folder of figures, as the models of the package use them: the rival of their benchmark.

It reads the CSV files itself and shares no code with `bargaining_models`.
"""

import csv
from pathlib import Path

import numpy as np

from plain_economy import PlainEconomy

GOODS = 9  # the first nine sectors
REGIONS, SECTORS = 4, 11


def column(folder, file, axes, **only):
    """Arrange the `value` column of a file; names take the order in which they first appear."""
    with open(Path(folder) / file, newline="", encoding="utf-8") as handle:
        rows = [r for r in csv.DictReader(handle) if all(r[k] == v for k, v in only.items())]
    orders = [list(dict.fromkeys(r[axis] for r in rows)) for axis in axes]
    array = np.zeros([len(order) for order in orders])
    for r in rows:
        array[tuple(order.index(r[axis]) for order, axis in zip(orders, axes, strict=True))] = float(
            r["value"]
        )
    return array


class PlainTrade(PlainEconomy):
    """A base with balanced trade made from a folder of figures, and scenarios from it."""

    accuracy = 1e-12  # what its tests need: the rival of a benchmark does no more

    def __init__(self, folder, theta):
        regions = column(folder, "regions.csv", ["region"])
        assert len(regions) == REGIONS
        flows = column(folder, "trade_flows.csv", ["exporter", "sector", "importer"]).transpose(2, 0, 1)
        io = column(folder, "input_shares.csv", ["region", "using_sector", "input_sector"])
        tariff = np.zeros((REGIONS, REGIONS, SECTORS))
        with open(Path(folder) / "tariffs.csv", newline="", encoding="utf-8") as handle:
            names = ["USA", "CAN", "CHN", "ROW"]
            for r in csv.DictReader(handle):
                tariff[names.index(r["importer"]), names.index(r["exporter"]), :GOODS] = (
                    float(r["value"]) / 100
                )
        self.base(flows, io, tariff, theta)

    @classmethod
    def of(cls, flows, io, tariff, theta):
        """The same from arrays, of any number of regions and sectors."""
        made = cls.__new__(cls)
        made.base(flows, io.copy(), tariff, theta)
        return made

    def base(self, flows, io, tariff, theta):
        """Balance trade; the last sector makes up for inputs that would take more than 90% of what is spent."""
        spending = (flows * (1 + tariff)).sum(1)
        output = flows.sum(0)
        for n, j in np.ndindex(len(spending), spending.shape[1] - 1):
            use = io[n, :, j] @ output[n]
            if use > 0.9 * spending[n, j]:
                cut = io[n, :, j] * (1 - 0.9 * spending[n, j] / use)
                io[n, :, j] -= cut
                io[n, :, -1] += cut
        super().__init__(flows, tariff, io, theta)
