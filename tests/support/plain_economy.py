"""Trade in exact hats as a plain program: any regions and sectors, deficits and payments, `scipy.optimize.root`.

It is written from the equations, sector by sector, and shares no code with `bargaining_models.trade`. Unknowns are
log wages and log prices; expenditures solve a linear system. Welfare is in percent.
"""

import numpy as np
from scipy.optimize import root


class PlainEconomy:
    """A base equilibrium made from flows, and scenarios from it.

    `deficits` is "balanced", "fixed" or "share", or an array of deficits in the unit of the flows.
    """

    accuracy = 1e-13  # of the roots

    def __init__(self, flows, tariffs, inputs, theta, *, deficits="balanced", final=None):
        self.n, _, self.j = flows.shape
        output, spending = flows.sum(0), (flows * (1 + tariffs)).sum(1)
        self.io, self.theta, self.tariff = inputs, np.asarray(theta, float), tariffs
        self.va = 1 - inputs.sum(2)
        left = spending - np.einsum("nkj,nk->nj", inputs, output) if final is None else final
        self.alpha = left / left.sum(1, keepdims=True)
        self.factor = (self.va * output).sum(1)
        self.world = self.factor.sum()
        self.share = np.where(
            spending[:, None] > 0,
            flows * (1 + tariffs) / np.where(spending > 0, spending, 1)[:, None],
            np.eye(self.n)[:, :, None],
        )
        observed = flows.sum((1, 2)) - flows.sum((0, 2))
        self.by_share = isinstance(deficits, str) and deficits == "share"
        if isinstance(deficits, str):
            self.deficit = np.zeros(self.n) if deficits == "balanced" else observed
        else:
            self.deficit = np.asarray(deficits, float)
        self.ratio = self.deficit / self.factor
        base = self.solve(tariffs)
        self.share, self.factor = base["share"], base["wage"] * self.factor
        self.deficit, self.ratio = base["deficit"], base["deficit"] / self.factor
        self.income, self.flows, self.spending = base["income"], base["flows"], base["spending"]

    def market(self, log_wage, log_price, tariff, cost=1.0, paid=0.0, unit=None):
        wage = np.exp(log_wage)
        earned = wage * self.factor
        log_cost = self.va * log_wage[:, None] + np.einsum("ijk,ik->ij", self.io, log_price)
        kappa = cost * (1 + tariff) / (1 + self.tariff)
        term = self.share * (np.exp(log_cost)[None] * kappa) ** -self.theta
        price = -np.log(term.sum(1)) / self.theta
        share = term / term.sum(1, keepdims=True)
        net = share / (1 + tariff)
        deficit = self.deficit
        if self.by_share:
            deficit = self.ratio * earned - earned / self.world * (self.ratio * earned).sum()
        level = 1.0 if unit is None else np.exp(self.alpha[unit] @ price[unit])
        got = earned + deficit + paid * level
        # Spending: inputs of all outputs, final shares of income with tariff revenue.
        size = self.n * self.j
        matrix = np.zeros((self.n, self.j, self.n, self.j))
        for n in range(self.n):
            matrix[n] += np.einsum("kj,mk->jmk", self.io[n], net[:, n])
            matrix[n, :, n, :] += np.outer(self.alpha[n], (tariff * net)[n].sum(0))
        right = (self.alpha * got[:, None]).ravel()
        spending = np.linalg.solve(np.eye(size) - matrix.reshape(size, size), right).reshape(self.n, self.j)
        flows = net * spending[:, None]
        return {
            "share": share,
            "flows": flows,
            "spending": spending,
            "wage": wage,
            "price": price,
            "income": got + (tariff * flows).sum((1, 2)),
            "deficit": deficit,
            "revenue": (tariff * flows).sum((1, 2)),
        }

    def gap(self, unknown, *scenario):
        log_wage, log_price = unknown[: self.n], unknown[self.n :].reshape(self.n, self.j)
        at = self.market(log_wage, log_price, *scenario)
        labour = (self.va * at["flows"].sum(0)).sum(1) / self.factor - at["wage"]
        labour[0] = (at["wage"] * self.factor).sum() / self.world - 1
        return np.concatenate([labour, (at["price"] - log_price).ravel()])

    def solve(self, tariff, cost=1.0, paid=0.0, unit=None):
        scenario = (tariff, cost, paid, unit)
        start = np.zeros(self.n * (1 + self.j))
        found = root(self.gap, start, args=scenario, tol=self.accuracy)
        if np.abs(found.fun).max() > 1e-8:  # far from the base: halfway there first
            half = (
                (1 + tariff) ** 0.5 * (1 + self.tariff) ** 0.5 - 1,
                np.sqrt(cost),
                np.asarray(paid) / 2,
                unit,
            )
            start = root(self.gap, start, args=half, tol=self.accuracy).x
            found = root(self.gap, start, args=scenario, tol=self.accuracy)
        log_wage, log_price = found.x[: self.n], found.x[self.n :].reshape(self.n, self.j)
        return self.market(log_wage, log_price, *scenario) | {"gap": np.abs(found.fun).max()}

    def welfare(self, tariff, cost=1.0, paid=0.0, unit=None):
        at = self.solve(tariff, cost, paid, unit)
        return 100 * (at["income"] / self.income / np.exp((self.alpha * at["price"]).sum(1)) - 1)


def drawn(seed, regions=3, sectors=2, *, links=True):
    """Draw flows, tariffs, inputs and elasticities of a small world that leave final demand everywhere."""
    rng = np.random.default_rng(seed)
    flows = rng.uniform(1, 10, (regions, regions, sectors))
    own = np.arange(regions)
    flows[own, own] += rng.uniform(20, 60, (regions, sectors))
    tariffs = rng.uniform(0, 0.3, flows.shape)
    tariffs[own, own] = 0
    inputs = (
        rng.uniform(0.05, 0.3, (regions, sectors, sectors))
        if links
        else np.zeros((regions, sectors, sectors))
    )
    return flows, tariffs, inputs, rng.uniform(2, 8, sectors)


def model_of(data, **options):
    """The same world as a `TradeModel`, regions r0, r1, ..., sectors s0, s1, ..."""
    from bargaining_models.trade import TradeModel

    flows, tariffs, inputs, theta = data
    n, _, j = flows.shape
    return TradeModel.from_arrays(
        flows,
        tariffs,
        inputs,
        elasticities=theta,
        regions=[f"r{k}" for k in range(n)],
        sectors=[f"s{k}" for k in range(j)],
        **options,
    )


def rates(rng, shape, high=0.6):
    """Draw rates on every link, none on own sales."""
    tariffs = rng.uniform(0, high, shape)
    own = np.arange(shape[-3])
    tariffs[..., own, own, :] = 0
    return tariffs
