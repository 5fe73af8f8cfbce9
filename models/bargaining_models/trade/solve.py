"""Solve the equilibrium conditions for a batch of cells, each cell on its own, and differentiate welfare in them.

Broyden's good method (Broyden 1965; Kelley 1995, algorithm brsol) starts from the inverse Jacobian of the base
equilibrium, which all cells share: a step costs one evaluation and one matrix-vector product. A cell that has not
converged starts again with Newton's, whose steps in log wages and prices are bounded. No operation mixes cells, so a
cell's answer does not depend on its batch.

Welfare is differentiated backwards (the implicit function theorem): one solve with the Jacobian gives what a unit of
each condition is worth to a few functions, however many tariffs these are then differentiated in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bargaining.authoring import Floats, Shown
from bargaining.errors import Unsolved
from bargaining_models.trade.conditions import Cells, Economy, Point, System, earnings, jacobian, pull

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
    unit = -solved_backwards(system, matrix, gradient)  # of each condition
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


def solved_backwards(system: System, matrix: Floats, right: Floats) -> Floats:
    """Solve `matrix @ x = right` with a `jacobian`: outputs, on which prices do not depend, prices, and wages last."""
    if not system.links:
        return solved(matrix, right)
    wage, price, output = slice(system.regions), slice(system.regions, system.logs), slice(system.logs, None)
    right = np.concatenate([right, -matrix[:, :, wage]], axis=2)  # where wages' conditions stay unknown
    outputs = solved(matrix[:, output, output], right[:, output])
    prices = solved(matrix[:, price, price], right[:, price] - matrix[:, price, output] @ outputs)
    rest = right[:, wage] - matrix[:, wage, price] @ prices - matrix[:, wage, output] @ outputs
    parts = np.split(np.concatenate([prices, outputs], axis=1), [-system.regions], axis=2)
    wages = -solved(rest[..., -system.regions :], rest[..., : -system.regions])
    return np.concatenate([wages, parts[0] + parts[1] @ wages], axis=1)


class Solver:
    """Solves scenarios of one economy; it keeps the inverse Jacobian of the base."""

    def __init__(self, economy: Economy) -> None:
        self.system = System(economy)

    def solve(self, cells: Cells, *, tolerance: float = TOLERANCE) -> Point:
        """Return the point that meets the conditions; of a cell that failed the last iterate.

        A larger `tolerance` of the violations, relative to the base, is for values that need not be exact.
        """
        z = np.empty((len(cells), self.system.size))
        size = max(1, CHUNK_ENTRIES // self.system.shares.size)
        with np.errstate(all="ignore"):  # a cell that fails is recognised by its residual
            for first in range(0, len(z), size):
                part = slice(first, first + size)
                z[part] = self._iterate(cells.take(part), tolerance)
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

    def _iterate(self, cells: Cells, tolerance: float) -> Floats:
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
            rest = ~(worst <= tolerance) & (better | (least[active] > ROUNDING) | (k <= BROYDEN_STEPS))
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
    return settled(at, economy.tariffs)


def settled(at: Point, tariffs: Floats) -> Economy:
    """Describe the first cell of an equilibrium, found under `tariffs` (N, N, J), as a base of its own."""
    economy = at.system.economy
    return replace(
        economy,
        shares=np.ascontiguousarray(np.moveaxis(at.shares[0], 0, -1)),
        tariffs=tariffs,
        expenditures=np.ascontiguousarray(at.expenditures[0].T),
        factor=at.wages[0] * economy.factor,
        deficits=np.broadcast_to(at.deficits + at.received, at.wages.shape)[0],
    )
