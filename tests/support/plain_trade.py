"""The trade model as a plain program: one scenario at a time, NumPy and `scipy.optimize.root`.

It reads the CSV files itself and shares no code with `bargaining_models.trade`; it is the oracle of
its tests and the rival of its benchmark. Unknowns are log wages and log prices; expenditures come
from a linear system.
"""

import csv
from pathlib import Path

import numpy as np
from scipy.optimize import root

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


class PlainTrade:
    """A base with balanced trade made from a folder of figures, and scenarios from it."""

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
        final = spending - np.einsum("nkj,nk->nj", io, output)
        self.io, self.va, self.theta, self.tariff = io, 1 - io.sum(2), theta, tariff
        self.alpha = final / final.sum(1, keepdims=True)
        self.factor = (self.va * output).sum(1)
        self.share = flows * (1 + tariff) / spending[:, None, :]
        base = self.solve(tariff)
        self.share, self.factor = base["share"], base["wage"] * self.factor
        self.income, self.trade, self.spending = base["income"], base["trade"], base["spending"]

    def market(self, log_wage, log_price, tariff, cost):
        log_cost = self.va * log_wage[:, None] + np.einsum("nkj,nj->nk", self.io, log_price)
        kappa = cost * (1 + tariff) / (1 + self.tariff)
        term = self.share * (np.exp(log_cost)[None] * kappa) ** -self.theta
        share = term / term.sum(1, keepdims=True)
        net = share / (1 + tariff)
        shape = self.alpha.shape
        matrix = np.zeros(shape * 2)
        for i in range(shape[0]):
            matrix[i] += np.einsum("kj,nk->jnk", self.io[i], net[:, i])
            matrix[i, :, i, :] += np.outer(self.alpha[i], (tariff * net)[i].sum(0))
        size = shape[0] * shape[1]
        wage = np.exp(log_wage)
        earned = (self.alpha * (wage * self.factor)[:, None]).ravel()
        spending = np.linalg.solve(np.eye(size) - matrix.reshape(size, size), earned).reshape(shape)
        trade = net * spending[:, None, :]
        income = wage * self.factor + (tariff * trade).sum((1, 2))
        price = -np.log(term.sum(1)) / self.theta
        return {
            "share": share,
            "trade": trade,
            "income": income,
            "price": price,
            "wage": wage,
            "spending": spending,
        }

    def gap(self, unknown, tariff, cost):
        log_wage, log_price = np.split(unknown, [len(self.alpha)])
        log_price = log_price.reshape(self.alpha.shape)
        at = self.market(log_wage, log_price, tariff, cost)
        labour = ((self.va * at["trade"].sum(0)).sum(1) - at["wage"] * self.factor) / self.factor
        labour[-1] = (at["wage"] * self.factor).sum() / self.factor.sum() - 1
        return np.concatenate([labour, (at["price"] - log_price).ravel()])

    def solve(self, tariff, cost=1.0):
        unknowns = len(self.alpha) + self.alpha.size
        found = root(self.gap, np.zeros(unknowns), args=(tariff, cost), tol=1e-12)
        log_wage, log_price = np.split(found.x, [len(self.alpha)])
        log_price = log_price.reshape(self.alpha.shape)
        return self.market(log_wage, log_price, tariff, cost) | {
            "log_price": log_price,
            "gap": np.abs(found.fun).max(),
        }

    def welfare(self, tariff, cost=1.0):
        at = self.solve(tariff, cost)
        return 100 * (at["income"] / self.income / np.exp((self.alpha * at["log_price"]).sum(1)) - 1)
