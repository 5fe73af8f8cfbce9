r"""The equilibrium conditions in exact hats, and their derivatives forwards and backwards.

Notation: `n` importer, `i` exporter, `j`, `k` sectors; hats are ratios to the base. The unknowns of a cell are the log
wages `w`, and, where sectors buy inputs, log prices `P` and outputs `Y`:

    z = (w (N), P (J N), Y / Y_base (J N))        with input-output links
    z = (w (N))                                   without: prices and outputs are explicit in wages

From them, in this order,

    c_ij   = va_ij w_i + sum_k io_ijk P_ik                           log unit cost
    S_nj   = sum_i weights_nij exp(-theta_j c_ij)                    weights = pi kappa^-theta
    r_nj   = sum_i weights_nij exp(-theta_j c_ij) / (1 + t_nij) / S_nj    part of spending that reaches sellers
    M_nj   = sum_k io_nkj Y_nk                                       intermediate demand
    I_n    = (w_n VA_n + D_n + T_n + sum_j (1 - r_nj) M_nj) / sum_j alpha_nj r_nj
    X_nj   = M_nj + alpha_nj I_n

and what they imply: prices `P' = -log(S) / theta` and outputs `Y'_ij = sum_n pi'_nij X_nj / (1 + t_nij)`. The
conditions are `P' = P`, `Y' = Y` and `sum_j va_ij Y'_ij = w_i VA_i`, the largest region's replaced by the numeraire
`sum_n w_n VA_n = sum_n VA_n` (Walras' law); `violations` has them all. The closed form of `I_n` is income with the
tariff revenue on its own spending solved out.

Arrays of a cell have the sector first: vectors (B, J, N), links (B, J, N importers, N exporters), so that a sum over
trade partners is a product of matrices. An `Economy` is the base equilibrium, with N regions and J sectors: shares,
tariffs and expenditures consistent with each other.

The conditions are solved for a batch of cells, each on its own. Broyden's good method (Broyden 1965; Kelley 1995,
algorithm brsol) starts from the inverse Jacobian of the base equilibrium, which all cells share: a step costs one
evaluation and one matrix-vector product. A cell that has not converged starts again with Newton's, whose steps in log
wages and prices are bounded. No operation mixes cells, so a cell's answer does not depend on its batch.

Welfare is differentiated backwards (the implicit function theorem): one solve with the Jacobian gives what a unit of
each condition is worth to a few functions, however many tariffs these are then differentiated in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining.authoring import Floats, Shown, record
from bargaining.errors import Unsolved


@record
class Economy(Shown):
    """An equilibrium written as shares and expenditures.

    Attributes
    ----------
    shares : (N, N, J) array
        `pi_nij`: share of exporter i in importer n's expenditure on sector j, at purchaser prices.
    tariffs : (N, N, J) array
        Ad valorem rates (0.25 is 25 percent) behind the shares.
    inputs : (N, J, J) array
        `io_ijk`: cost share of input k in the output of sector j of region i.
    added : (N, J) array
        `va_ij`: share of value added in output, one less the sum of the input shares.
    final : (N, J) array
        `alpha_nj`: share of sector j in final expenditure.
    elasticities : (J,) array
        `theta_j > 0`, the elasticity of trade flows to trade cost.
    factor : (N,) array
        `VA_n`: value added, in the unit of the flows.
    deficits : (N,) array
        `D_n`: imports less exports, net of tariffs, in the same unit.
    expenditures : (N, J) array
        `X_nj`: expenditure at purchaser prices, in the same unit.
    closure : {"fixed", "share"}
        Whether deficits stay what they are in units of world value added, or stay in proportion to the value added of
        their region: `d_n = D_n / VA_n` and `D'_n = d_n w_n VA_n - (w_n VA_n / V) sum_m d_m w_m VA_m`, V the world's.
    revenue_weights : (N,) array, or None
        What a dollar of tariff revenue counts to a government; by default 1, as any other income.
    income_weights : (N, J) array, or None
        What a dollar that factors earn in a sector counts to it; by default 1.
    """

    shares: Floats
    tariffs: Floats
    inputs: Floats
    added: Floats
    final: Floats
    elasticities: Floats
    factor: Floats
    deficits: Floats
    expenditures: Floats
    closure: str = "fixed"
    revenue_weights: Floats | None = None
    income_weights: Floats | None = None

    @property
    def income(self) -> Floats:
        """`I_n`: value added, tariff revenue and deficit, (N,)."""
        net = (self.shares / (1.0 + self.tariffs)).sum(axis=1)
        return np.asarray(self.factor + (self.expenditures * (1.0 - net)).sum(axis=1) + self.deficits)

    @property
    def flows(self) -> Floats:
        """Trade flows at producer prices, (N, N, J): importer, exporter, sector."""
        return np.asarray(self.shares * self.expenditures[:, None, :] / (1.0 + self.tariffs))


def limited(inputs: Floats, output: Floats, expenditures: Floats, absorbing: int, most: float) -> Floats:
    """Scale input shares so that intermediate use takes at most a part `most` of expenditure on an input.

    What is removed from a cost share is added to the share of sector `absorbing` in the same cost, so
    value added does not move. Structure of one year joined to totals of another can use more of an
    input than the region buys; final demand would then be negative.
    """
    use = np.asarray((inputs * output[:, :, None]).sum(axis=1))
    room = most * expenditures
    scale = np.where(use > room, room / np.where(use > 0.0, use, 1.0), 1.0)
    scale[:, absorbing] = 1.0
    cut = inputs * scale[:, None, :]
    cut[:, :, absorbing] += (inputs - cut).sum(axis=2)
    return cut


class System:
    """An economy in the form for the solver: sectors first, with the data that do not depend on the scenario."""

    def __init__(self, economy: Economy) -> None:
        self.economy = economy
        self.regions, self.sectors = economy.added.shape
        self.theta = economy.elasticities[:, None]
        self.shares = sectors_first(economy.shares)
        self.rates = sectors_first(economy.tariffs)
        self.added = np.ascontiguousarray(economy.added.T)
        self.final = np.ascontiguousarray(economy.final.T)
        self.factor = economy.factor
        self.world = economy.factor.sum()
        self.largest = int(np.argmax(economy.factor))
        self.paid = self.added / self.factor
        self.links = bool(economy.inputs.any())
        # The numbers of unknowns of a cell, and of those that are logs.
        self.size = self.regions * (1 + 2 * self.sectors * self.links)
        self.logs = self.regions * (1 + self.sectors * self.links)
        self.inputs = np.ascontiguousarray(economy.inputs)
        self.uses = np.ascontiguousarray(economy.inputs.transpose(0, 2, 1))
        output = np.ascontiguousarray(economy.flows.sum(axis=0).T)
        self.output = output
        # A sector without sales has none in any scenario; any scale will do for it.
        self.scale = np.where(output > 0.0, output, economy.factor)
        self.ratios = economy.deficits / economy.factor
        # What a dollar of revenue, and one of a sector's sales, counts to governments beyond the income that it is.
        revenue, incomes = economy.revenue_weights, economy.income_weights
        self.on_revenue = np.zeros(self.regions) if revenue is None else revenue - 1.0
        self.on_sales = np.zeros_like(self.added) if incomes is None else self.added * (incomes.T - 1.0)
        collected = self.on_revenue * (economy.income - economy.factor - economy.deficits)
        self.premium = (collected + (self.on_sales * output).sum(axis=0)) / economy.income

    def start(self, cells: int) -> Floats:
        """The unknowns of the base equilibrium, (B, M)."""
        z = np.zeros((cells, self.size))
        if self.links:
            z[:, self.logs :] = (self.output / self.scale).ravel()
        return z

    def cells(
        self, tariffs: Floats, costs: Floats | None = None, transfers: Floats | None = None, unit: int = -1
    ) -> Cells:
        """Put tariffs and hats of trade cost (B, N, N, J), and transfers (B, N), in the form the conditions use."""
        gross = 1.0 + sectors_first(tariffs)
        with np.errstate(all="ignore"):  # a closed link has log cost inf and weight 0
            kappa = np.log(gross / (1.0 + self.rates))
            if costs is not None:
                kappa += np.log(sectors_first(costs))
            weights = self.shares * np.exp(-self.theta[..., None] * kappa)
        received = np.zeros((len(tariffs), self.regions)) if transfers is None else transfers
        return Cells(gross=gross, weights=weights, net=weights / gross, transfers=received, unit=unit)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells(Shown):
    """Scenarios of B cells."""

    gross: Floats  # (B, J, N, N) one plus the tariff
    weights: Floats  # (B, J, N, N) pi kappa^-theta
    net: Floats  # (B, J, N, N) the same over one plus the tariff
    transfers: Floats  # (B, N) what each region receives, in the unit of the flows; sums to zero
    unit: int  # the region whose consumer prices the transfers are in; -1: units of world value added

    def take(self, part: slice | NDArray[Any]) -> Cells:
        """Return some of the cells."""
        arrays = {name: getattr(self, name)[part] for name in ("gross", "weights", "net", "transfers")}
        return replace(self, **arrays)

    def __len__(self) -> int:
        return len(self.gross)


def sectors_first(array: Floats) -> Floats:
    """From (..., importer, exporter, sector) to (..., sector, importer, exporter)."""
    return np.ascontiguousarray(np.moveaxis(array, -1, -3))


class Point:
    """All terms of the conditions at given unknowns of B cells; links are computed on demand."""

    def __init__(self, system: System, cells: Cells, z: Floats) -> None:
        self.system, self.cells, self.z = system, cells, z
        n, wide = system.regions, (-1, system.sectors, system.regions)
        wages = self.log_wages = z[:, :n]
        prices = self.prices = z[:, n : system.logs].reshape(wide) if system.links else None
        output = self.output = z[:, system.logs :].reshape(wide) * system.scale if system.links else None
        self.log_costs = system.added * wages[:, None]
        if prices is not None:
            self.log_costs = self.log_costs + _back(system.inputs, prices[..., None])[..., 0]
        self.seen = np.exp(-system.theta * self.log_costs)
        self.total: Floats = np.matmul(cells.weights, self.seen[..., None])[..., 0]
        self.reaches: Floats = np.matmul(cells.net, self.seen[..., None])[..., 0] / self.total
        self.log_prices = -np.log(self.total) / system.theta
        self.wages = np.exp(wages)
        self.earned = self.wages * system.factor
        income = self.earned + self.deficits + self.received
        kept = self.reaches
        if output is None:
            self.demand = None
        else:
            self.demand = _back(system.uses, output[..., None])[..., 0]
            income = income + np.einsum("bjn,bjn->bn", 1.0 - kept, self.demand)
        self.spread = np.einsum("jn,bjn->bn", system.final, kept)
        self.income = income / self.spread
        bought = system.final * self.income[:, None]
        self.expenditures = bought if self.demand is None else self.demand + bought
        per_seller = (self.expenditures / self.total)[..., None, :]
        self.sold = self.seen * np.matmul(per_seller, cells.net)[..., 0, :]

    def take(self, part: slice) -> Point:
        """Return the point of some of the cells, evaluated anew."""
        return Point(self.system, self.cells.take(part), self.z[part])

    @property
    def deficits(self) -> Floats:
        """`D'_n` in units of world value added, (B, N) or (N,)."""
        economy = self.system.economy
        if economy.closure == "fixed":
            return economy.deficits
        ratios, earned = self.system.ratios, self.earned
        spread = (ratios * earned).sum(axis=1, keepdims=True) / self.system.world
        return np.asarray(earned * (ratios - spread))

    @property
    def received(self) -> Floats:
        """Transfers in units of world value added, (B, N)."""
        cells = self.cells
        if cells.unit < 0:
            return cells.transfers
        level = (self.system.final[:, cells.unit] * self.log_prices[:, :, cells.unit]).sum(axis=1)
        return np.asarray(cells.transfers * np.exp(level)[:, None])

    @cached_property
    def shares(self) -> Floats:
        """`pi'_nij`, (B, J, N, N)."""
        return self.cells.weights * (self.seen[..., None, :] / self.total[..., None])

    @cached_property
    def net(self) -> Floats:
        """`pi'_nij / (1 + t_nij)`, (B, J, N, N)."""
        return self.cells.net * (self.seen[..., None, :] / self.total[..., None])

    @property
    def flows(self) -> Floats:
        """Trade at producer prices, (B, J, N, N)."""
        return np.asarray(self.net * self.expenditures[..., None])

    @property
    def labour(self) -> Floats:
        """The payments to the region's factors less their earnings, over base value added, (B, N)."""
        return np.asarray(np.einsum("jn,bjn->bn", self.system.paid, self.sold) - self.wages)

    def conditions(self) -> Floats:
        """The differences that vanish in equilibrium, (B, M), in the order of the unknowns."""
        labour = self.labour
        labour[:, self.system.largest] = 1.0 - self.earned.sum(axis=1) / self.system.world
        if self.prices is None or self.output is None:
            return labour
        cells = len(labour)
        prices = (self.log_prices - self.prices).reshape(cells, -1)
        goods = ((self.sold - self.output) / self.system.scale).reshape(cells, -1)
        return np.concatenate([labour, prices, goods], axis=1)

    def violations(self) -> Floats:
        """The largest relative violation of all the conditions, the dropped one too, (B,)."""
        cells = len(self.wages)
        parts = [self.labour / self.wages, (self.earned.sum(axis=1) / self.system.world - 1.0)[:, None]]
        if self.prices is not None and self.output is not None:
            larger = np.maximum(np.abs(self.output), np.abs(self.sold))
            apart = (self.sold - self.output) / np.where(larger > 0.0, larger, 1.0)
            parts += [np.expm1(self.log_prices - self.prices).reshape(cells, -1), apart.reshape(cells, -1)]
        return np.asarray(np.abs(np.concatenate(parts, axis=1)).max(axis=1))

    @property
    def makes_sense(self) -> NDArray[np.bool_]:
        """Whether incomes are positive, and spending and sales non-negative, (B,): subsidies may violate this."""
        nothing = -1e-9 * self.income.max(axis=1)[:, None, None]
        spent = (self.expenditures >= nothing).all(axis=(1, 2)) & (self.sold >= nothing).all(axis=(1, 2))
        return np.asarray(spent & (self.income > 0.0).all(axis=1))

    def log_welfare(self) -> Floats:
        """Log of the hat of real income, (B, N)."""
        system = self.system
        return np.asarray(
            np.log(self.income / system.economy.income) - (system.final * self.log_prices).sum(axis=1)
        )

    @property
    def objective(self) -> Floats:
        """Income as governments count it, (B, N)."""
        revenue = (self.expenditures * (1.0 - self.reaches)).sum(axis=1)
        earned = (self.system.on_sales * self.sold).sum(axis=1)
        return np.asarray(self.income + self.system.on_revenue * revenue + earned)

    def log_objective(self) -> Floats:
        """Log of what governments maximise, over base income, (B, N): real income, counted with their weights."""
        return np.asarray(self.log_welfare() + np.log(self.objective / self.income))


def pull(
    at: Point, prices: Floats, output: Floats, income: Floats | float = 0.0
) -> tuple[Floats, Floats, Floats]:
    """Differentiate F functions of implied prices, implied outputs and income backwards.

    Given are their derivatives in `P'` and `Y'`, (B, J, N, F), and in income, (B, N, F). Returned are those in the
    unknowns (B, M, F), in the log price index that a buyer faces (B, J, N, F), with all that follows from it, and in a
    unit of income received (B, N, F).
    """
    system = at.system
    theta, kept = system.theta[..., None], at.reaches[..., None]
    expenditures = at.expenditures[..., None]
    sold = np.matmul(at.net, output)
    money = (income + (system.final[..., None] * sold).sum(axis=1)) / at.spread[..., None]
    spending = theta * expenditures * (sold - kept * money[:, None]) + prices
    unit = at.cells.unit
    if unit >= 0:
        owed = (money * at.received[..., None]).sum(axis=1)
        spending[:, :, unit] += system.final[:, unit, None] * owed[:, None]
    costs = np.matmul(at.shares.swapaxes(2, 3), spending)
    costs += theta * np.matmul(at.net.swapaxes(2, 3), expenditures * money[:, None])
    costs -= theta * at.sold[..., None] * output
    parts = [(system.added[..., None] * costs).sum(axis=1) + earnings(at, money)]
    if system.links:
        demand = system.scale[..., None] * _back(system.inputs, sold + (1.0 - kept) * money[:, None])
        wide = (len(money), system.sectors * system.regions, -1)
        parts += [_back(system.uses, costs).reshape(wide), demand.reshape(wide)]
    return np.concatenate(parts, axis=1), spending, money


def _back(matrices: Floats, functions: Floats) -> Floats:
    """Apply one matrix a region, (N, J, J), to vectors or functions (B, J, N, F)."""
    return np.asarray(np.matmul(matrices, functions.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3))


def earnings(at: Point, money: Floats) -> Floats:
    """The derivatives in log wages, (B, N, F), of value added and deficits weighted by `money`."""
    system = at.system
    earned = at.earned[..., None]
    if system.economy.closure == "fixed":
        return np.asarray(earned * money)
    ratios = system.ratios[:, None]
    spread = (ratios * earned).sum(axis=1, keepdims=True) / system.world
    together = (earned * money).sum(axis=1, keepdims=True) / system.world
    return np.asarray(earned * (money * (1.0 + ratios - spread) - ratios * together))


def jacobian(at: Point) -> Floats:
    """The derivatives of the conditions, (B, M, M): an unknown in each row, a condition in each column."""
    system = at.system
    n, size = system.regions, system.regions * system.sectors
    region, cell = np.arange(n), np.arange(size if system.links else 0)
    prices, output = np.zeros((2, 1, size, system.size))
    output.reshape(system.sectors, n, -1)[:, region, region] = system.paid
    prices[0, cell, n + cell] = 1.0
    output[0, cell, n + len(cell) + cell] = 1.0 / system.scale.ravel()[: len(cell)]
    wide = (1, system.sectors, n, -1)
    matrix = pull(at, prices.reshape(wide), output.reshape(wide))[0]
    unknown = np.arange(system.size)
    matrix[:, region, region] -= at.wages
    matrix[:, unknown[n:], unknown[n:]] -= 1.0
    matrix[:, :, system.largest] = 0.0
    matrix[:, :n, system.largest] = -at.earned / system.world
    return matrix


CHUNK_ENTRIES = 45_000  # of an array of links: what a processor's cache holds
JACOBIAN_ENTRIES = 1_000_000  # 8 MB an array
TOLERANCE = 1e-13  # of excess demands: a few roundings of a sum over all links
BROYDEN_STEPS, NEWTON_STEPS = 30, 60  # where these do not converge, more do not help
LONGEST_STEP = 0.7  # of a log wage or price in Newton's method: in one step it doubles or halves at most
ROUNDING = 1e-11  # of excess demands: Newton's next steps converge, or end at rounding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Worth(Shown):
    """The values of one unit of each quantity to F functions in equilibrium.

    `output` (B, J, N, F): of each implied output; `spending` (B, J, N, F): of the log price index that a buyer faces,
    and all that follows; `money` (B, N, F): of income received. `matrix` (B, M, M): the Jacobian of the conditions.
    """

    output: Floats
    spending: Floats
    money: Floats
    matrix: Floats


def worth(at: Point, regions: Sequence[int] | NDArray[np.intp], *, weighted: bool = False) -> Worth:
    """Return what anything is worth to log real income of `regions` in equilibrium, or to their log objectives."""
    system, player = at.system, np.asarray(regions, dtype=int)
    n, function = system.regions, np.arange(len(player))
    income = np.zeros((len(at.wages), n, len(player)))
    income[:, player, function] = 1.0 / at.income[:, player]
    prices = np.zeros((len(income), system.sectors, n, len(player)))
    prices[:, :, player, function] = -system.final[:, player]
    sales, matrix = np.zeros_like(prices), jacobian(at)
    if weighted:  # revenue is income less what factors earn, deficits and transfers
        count = 1.0 / at.objective[:, player]
        income[:, player, function] = (1.0 + system.on_revenue[player]) * count
        sales[:, :, player, function] = system.on_sales[:, player] * count[:, None]
    gradient = pull(at, prices, sales, income)[0]
    if weighted:
        earned = np.zeros_like(income)
        earned[:, player, function] = system.on_revenue[player] * count
        gradient[:, :n] -= earnings(at, earned)
    unit = -solved(matrix, gradient)  # of each condition
    unit[:, system.largest] = 0.0  # that of the numeraire is about wages alone
    output = sales + system.paid[..., None] * unit[:, None, :n]
    if system.links:
        of_prices, of_output = np.split(unit[:, n:], 2, axis=1)
        prices = prices + of_prices.reshape(prices.shape)
        output = output + of_output.reshape(prices.shape) / system.scale[..., None]
    _, spending, money = pull(at, prices, output, income)
    return Worth(output=output, spending=spending, money=money, matrix=matrix)


def tariff_slopes(at: Point, units: Worth, own: NDArray[np.intp] | None = None) -> Floats:
    """Differentiate F functions in the rates of all links, (B, F, J, importers, exporters).

    With F regions `own`, the f-th function in the rates that the f-th of them sets, (B, F, J, exporters).
    """

    def links(array: Floats) -> Floats:
        return array[:, None] if own is None else array[:, :, own].swapaxes(1, 2)

    def buyers(array: Floats) -> Floats:
        array = array if own is None else array[..., own, np.arange(len(own))]
        return np.asarray(np.moveaxis(array, -1, 1)[..., None])

    output = np.moveaxis(units.output, -1, 1)
    output = output[..., None, :] if own is None else output
    lost = links((at.system.theta + 1.0)[:, None] * at.flows)
    slopes = links(at.shares) * buyers(units.spending) + lost * (buyers(units.money[:, None]) - output)
    return np.asarray(slopes / links(at.cells.gross))


def slopes(at: Point, units: Worth, wrt: str) -> Floats:
    """Differentiate F functions, (B, F, ...), in what a scenario is made of.

    "tariffs" (..., J, importers, exporters), hats of "costs" likewise, "transfers" (..., N), "elasticities" (..., J),
    the base held fixed. A log share of spending that rises by u, the index given, is -u/theta of a log cost; and at
    given costs and shares a log index -log(S)/theta falls by itself over theta.
    """
    if wrt == "tariffs":
        return tariff_slopes(at, units)
    if wrt == "transfers":
        unit, system = at.cells.unit, at.system
        level = 0.0 if unit < 0 else (system.final[:, unit] * at.log_prices[:, :, unit]).sum(axis=1)
        return np.asarray(np.moveaxis(units.money, -1, 1) * np.exp(level)[..., None, None])
    theta = at.system.theta
    spending, output = (np.moveaxis(array, -1, 1) for array in (units.spending, units.output))
    money = np.moveaxis(units.money, -1, 1)[:, :, None]
    moved = theta[..., None] * at.flows[:, None] * (money[..., None] - output[..., None, :])
    moved = at.shares[:, None] * spending[..., None] + moved
    base = at.system.shares
    with np.errstate(divide="ignore", invalid="ignore"):
        hats = -np.log(at.cells.weights / base) / theta[..., None]  # of costs and tariffs of links
    open_ = np.isfinite(hats)
    hats = np.where(open_, hats, 0.0)
    if wrt == "costs":
        gross = (1.0 + at.system.rates) / at.cells.gross
        return np.asarray(np.where(open_[:, None], moved * (np.exp(-hats) / gross)[:, None], 0.0))
    landed = np.where(open_, hats + at.log_costs[..., None, :], 0.0)
    through_shares = (moved * landed[:, None]).sum(axis=(-1, -2)) / theta[:, 0]
    sold = np.moveaxis(np.matmul(at.net, units.output), -1, 1)
    demand = theta * at.expenditures[:, None] * (sold - at.reaches[:, None] * money)
    index = ((spending - demand) * at.log_prices[:, None]).sum(axis=-1) / theta[:, 0]
    return np.asarray(through_shares - index)


def solved(matrices: Floats, right: Floats) -> Floats:
    """Solve `matrices @ x = right`, (B, M, M) and (B, M, K), cell by cell; NaN where a matrix is singular."""
    try:
        return np.asarray(np.linalg.solve(matrices, right))
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.full(right.shape, np.nan)
        pairs = zip(matrices[:, None], right[:, None], strict=True)
        return np.concatenate([solved(*pair) for pair in pairs])


class Solver:
    """Solves scenarios of one economy; it keeps the inverse Jacobian of the base."""

    def __init__(self, economy: Economy) -> None:
        self.system = System(economy)

    def solve(self, cells: Cells) -> Point:
        """Return the point that meets the conditions; of a cell that failed the last iterate."""
        z = np.empty((len(cells), self.system.size))
        size = max(1, CHUNK_ENTRIES // self.system.shares.size)
        with np.errstate(all="ignore"):  # a cell that fails is recognised by its residual
            for first in range(0, len(z), size):
                part = slice(first, first + size)
                z[part] = self._iterate(cells.take(part))
            at = Point(self.system, cells, z)
            if not self.system.links:
                return at
            # Gaps are relative to the base: an output that has nearly vanished is exact only as what is sold of it.
            z[:, self.system.logs :] = (at.sold / self.system.scale).reshape(len(z), -1)
            return Point(self.system, cells, z)

    def slopes(
        self, tariffs: Floats, costs: Floats | None, received: Floats | None, unit: int, z: Floats, wrt: str
    ) -> tuple[Floats, Floats]:
        """Differentiate log welfare in solved scenarios, see `slopes`; also bound the rounding error."""
        parts, doubts = [], []
        with np.errstate(all="ignore"):
            for at in chunks(Point(self.system, self.system.cells(tariffs, costs, received, unit), z)):
                units = worth(at, range(self.system.regions))
                parts.append(slopes(at, units, wrt))
                doubts.append(64 * np.finfo(float).eps * np.linalg.cond(units.matrix, 1))
        return np.concatenate(parts), np.concatenate(doubts)

    @cached_property
    def _steps(self) -> Floats:
        """Minus the inverse Jacobian at the base, (M, M)."""
        system = self.system
        base = Point(system, system.cells(system.economy.tariffs[None]), system.start(1))
        return np.asarray(-np.linalg.inv(jacobian(base)[0].T))

    def _iterate(self, cells: Cells) -> Floats:
        """Iterate all cells from the base; return where each came nearest."""
        z = self.system.start(len(cells))
        least, active, x = np.full(len(z), np.inf), np.arange(len(z)), z.copy()
        past: list[Floats] = []
        for k in range(BROYDEN_STEPS + NEWTON_STEPS):
            if k == BROYDEN_STEPS:  # anew, unless rounding alone is left
                x = np.where(least[active, None] > ROUNDING, self.system.start(1), z[active])
            at = Point(self.system, cells, x)
            gap = at.conditions()
            worst = np.abs(gap).max(axis=1)
            better = worst < least[active]
            z[active[better]], least[active[better]] = x[better], worst[better]
            # Newton's steps end where rounding stops them.
            rest = ~(worst <= TOLERANCE) & (better | (least[active] > ROUNDING) | (k <= BROYDEN_STEPS))
            if not rest.any():
                break
            if not rest.all():
                active, x, gap, cells, at = active[rest], x[rest], gap[rest], cells.take(rest), at.take(rest)
                past = [step[rest] for step in past]
            if k < BROYDEN_STEPS:
                step = broyden_step(np.matmul(self._steps, gap[:, :, None])[:, :, 0], past)
            else:
                step = -solved(jacobian(at).swapaxes(1, 2), gap[:, :, None])[:, :, 0]
                longest = np.abs(step[:, : self.system.logs]).max(axis=1, keepdims=True)
                step = step * (LONGEST_STEP / np.maximum(longest, LONGEST_STEP))
            x = x + step
        return z


def broyden_step(step: Floats, past: list[Floats]) -> Floats:
    r"""Correct the step (B, M) of a fixed Jacobian by those taken before it, and add it to them.

    By :math:`s_0, \dots, s_k` the step z becomes :math:`z + s_{j+1} (s_j \cdot z) / |s_j|^2` for one j < k after the
    other, and at last :math:`z / (1 - s_k \cdot z / |s_k|^2)`.
    """

    def multiple(before: Floats) -> Floats:
        return np.asarray((before * step).sum(axis=1, keepdims=True) / (before**2).sum(axis=1, keepdims=True))

    for before, after in pairwise(past):
        step = step + after * multiple(before)
    if past:
        step = step / (1.0 - multiple(past[-1]))
    past.append(step)
    return step


def chunks(at: Point, entries: int = 0) -> list[Point]:
    """Cut a point into parts of which Jacobians, and arrays of so many entries a cell, stay small."""
    size = max(1, JACOBIAN_ENTRIES // max(entries, at.system.size**2, at.system.shares.size))
    starts = range(0, len(at.wages), size)
    return [at] if len(starts) == 1 else [at.take(slice(first, first + size)) for first in starts]


def rebase(economy: Economy) -> Economy:
    """Solve `economy` under its own tariffs and deficits, and return the equilibrium as a new base."""
    solver = Solver(economy)
    at = solver.solve(solver.system.cells(economy.tariffs[None]))
    residual = float(at.violations()[0])
    if not residual <= 1e-10:
        raise Unsolved(
            f"No equilibrium was found from these figures at the deficits asked for (residual {residual:.3g}); "
            f"check the input shares, the deficits and the elasticities."
        )
    return replace(
        economy,
        shares=np.ascontiguousarray(np.moveaxis(at.shares[0], 0, -1)),
        expenditures=np.ascontiguousarray(at.expenditures[0].T),
        factor=at.wages[0] * economy.factor,
        deficits=np.broadcast_to(at.deficits + at.received, at.wages.shape)[0],
    )
