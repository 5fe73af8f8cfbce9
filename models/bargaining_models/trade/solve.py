"""Solve the equilibrium conditions for a batch of cells, each cell on its own.

Broyden's good method (Broyden 1965; Kelley 1995, section 7.3) started from the inverse Jacobian of
the base equilibrium, which all cells share: a step costs one evaluation and one matrix-vector product. A cell
that has not converged is solved again in log wages alone: at each vector of wages prices are iterated to their fixed
point (a contraction, as cost shares of inputs sum to less than one), outputs solve a linear system, and the wages take
damped Newton steps. No operation mixes cells, so a cell's answer does not depend on its batch.

Linearised at a point the conditions have prices and outputs solved out, and welfare is differentiated through them.
Prices at given wages depend on nothing but prices, and outputs at given wages and prices on nothing but outputs. So the
Jacobian has two square blocks of size JN and, once these are eliminated, one of size N: the labour conditions in log
wages. All runs backwards: what one unit of each condition does to a few functions costs one solve with each
block, however many tariffs the functions are then differentiated in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bargaining.authoring import Floats, Shown
from bargaining.errors import Unsolved
from bargaining_models.trade.conditions import (
    Cells,
    Economy,
    Point,
    System,
    output_matrix,
    price_matrix,
    pull,
    push,
)

# Log wages, and with links log prices and outputs, of solved scenarios; see `System.split`.
Unknowns = tuple[Floats, Floats | None, Floats | None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Worth(Shown):
    """The values of one unit of each quantity to F functions in equilibrium.

    `output` (B, J, N, F): of each implied output, prices and outputs solved out; `spending` (B, J, N, F): of the log
    price index that a buyer faces, and all that follows; `money` (B, N, F): of income received.
    """

    output: Floats
    spending: Floats
    money: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reduced(Shown):
    """The labour conditions in log wages.

    Attributes
    ----------
    matrix : (B, N, N) array
        Their Jacobian, with the numeraire in the last row.
    output, price : (B, J, N, N) array
        What one unit of each implied output and price index does to the labour conditions, wages held.
    welfare : Worth
        What one unit of anything does to the log welfare of the regions asked for, wages adjusted.
    """

    matrix: Floats
    output: Floats
    price: Floats
    welfare: Worth


def reduced(at: Point, regions: Sequence[int] = ()) -> Reduced:
    """Solve prices and outputs out of the labour conditions, and all three out of the log welfare of `regions`."""
    system = at.system
    n, cells = system.regions, len(at.wages)
    region, player = np.arange(n), np.asarray(regions, dtype=int)
    last = n + np.arange(len(player))
    output = np.zeros((1, system.sectors, n, n + len(player)))
    price, income = np.zeros_like(output), np.zeros((cells, n, n + len(player)))
    output[:, :, region, region] = system.added / system.factor
    price[:, :, player, last] = -system.final[:, player]
    income[:, player, last] = 1.0 / at.income[:, player]
    if system.links:
        wide, shape = (cells, system.sectors * n, -1), (cells, *output.shape[1:])
        if len(player):  # income is used up by demand for outputs
            output = output + pull(at, 0.0 * price, 0.0 * output, income)[2]
        output = np.broadcast_to(output, shape).reshape(wide)
        output = solved(output_matrix(at).swapaxes(1, 2), output).reshape(shape)
        right = pull(at, 0.0 * price, output, income)[1] + price
        price = solved(price_matrix(at).swapaxes(1, 2), right.reshape(wide)).reshape(shape)
    wages, _, _, spending, money = pull(at, price, output, income)
    matrix = wages[..., :n].swapaxes(1, 2).copy()
    matrix[:, region, region] -= at.wages
    matrix[:, -1] = -at.earned / system.world
    # One unit of a labour condition moves wages; the dropped condition and the numeraire are worth nothing.
    moved = -solved(matrix.swapaxes(1, 2), wages[..., n:])
    moved[:, -1] = 0.0

    def with_wages(array: Floats) -> Floats:
        through = np.matmul(array[..., :n], moved[:, None] if array.ndim == 4 else moved)
        return np.asarray(array[..., n:] + through)

    return Reduced(
        matrix=matrix,
        output=output[..., :n],
        price=price[..., :n],
        welfare=Worth(output=with_wages(output), spending=with_wages(spending), money=with_wages(money)),
    )


def tariff_slopes(at: Point, worth: Worth) -> Floats:
    """Differentiate F functions in the rates of all links, (B, F, J, importers, exporters)."""
    spending, output = (np.moveaxis(array, -1, 1) for array in (worth.spending, worth.output))
    money = np.moveaxis(worth.money, -1, 1)[:, :, None]
    lost = (at.system.theta + 1.0)[:, None] * at.flows
    gain = money[..., None] - output[..., None, :]
    slopes = at.shares[:, None] * spending[..., None] + lost[:, None] * gain
    return np.asarray(slopes / at.cells.gross[:, None])


def slopes(at: Point, worth: Worth, wrt: str) -> Floats:
    """Differentiate F functions, (B, F, ...), in what a scenario is made of.

    "tariffs" (..., J, importers, exporters), hats of "costs" likewise, "transfers" (..., N), "elasticities" (..., J),
    the base held fixed. A log share of spending that rises by u, the index given, is -u/theta of a log cost; and at
    given costs and shares a log index -log(S)/theta falls by itself over theta.
    """
    if wrt == "tariffs":
        return tariff_slopes(at, worth)
    if wrt == "transfers":
        unit, system = at.cells.unit, at.system
        level = 0.0 if unit < 0 else (system.final[:, unit] * at.log_prices[:, :, unit]).sum(axis=1)
        return np.asarray(np.moveaxis(worth.money, -1, 1) * np.exp(level)[..., None, None])
    theta = at.system.theta
    spending, output = (np.moveaxis(array, -1, 1) for array in (worth.spending, worth.output))
    money = np.moveaxis(worth.money, -1, 1)[:, :, None]
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
    sold = np.moveaxis(np.matmul(at.net, worth.output), -1, 1)
    demand = theta * at.expenditures[:, None] * (sold - at.reaches[:, None] * money)
    index = ((spending - demand) * at.log_prices[:, None]).sum(axis=-1) / theta[:, 0]
    return np.asarray(through_shares - index)


def own_tariff_slopes(at: Point, worth: Worth, regions: Sequence[int]) -> Floats:
    """Differentiate the f-th function in the rates that the f-th of `regions` sets, (B, F, J, exporters)."""
    player = np.asarray(regions, dtype=int)
    own = np.arange(len(player))
    spending = worth.spending[:, :, player, own].transpose(0, 2, 1)
    money = worth.money[:, player, own]
    output = np.moveaxis(worth.output, -1, 1)
    shares = at.shares[:, :, player].swapaxes(1, 2)
    flows = at.flows[:, :, player].swapaxes(1, 2)
    gross = at.cells.gross[:, :, player].swapaxes(1, 2)
    lost = (at.system.theta + 1.0) * flows
    return np.asarray((shares * spending[..., None] + lost * (money[:, :, None, None] - output)) / gross)


def solved(matrices: Floats, right: Floats) -> Floats:
    """Solve `matrices @ x = right`, (B, M, M) and (B, M, K), cell by cell; NaN where a matrix is singular."""
    try:
        return np.asarray(np.linalg.solve(matrices, right))
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.full(right.shape, np.nan)
        pairs = zip(matrices[:, None], right[:, None], strict=True)
        return np.concatenate([solved(matrix, some) for matrix, some in pairs])


CHUNK_ENTRIES = 45_000  # of an array of links: what a processor's cache holds
JACOBIAN_ENTRIES = 1_000_000  # 8 MB an array
TOLERANCE = 1e-13  # of excess demands: a few roundings of a sum over all links
BROYDEN_STEPS = 30  # after which Newton takes over
SLOW_STEPS, SLOW = 9, 1e-6  # after so many steps with so large a gap, Newton's method gets there sooner
NEWTON_STEPS = 60  # damped; more do not help where these fail
HALVINGS = 12  # of a step: 1/4096 of it is none
LONGEST_STEP = 0.7  # of a log wage, so that in one step a wage doubles or halves at most
PRICE_STEPS = 500  # to rounding even where value added is a fifteenth of output
DENSE = 1_000  # up to so many unknowns, one product with the inverse beats several with its blocks


class Linear:
    """The conditions linearised at the one cell of a point."""

    def __init__(self, at: Point) -> None:
        self.at, self.reduced = at, reduced(at)

    @cached_property
    def _blocks(self) -> tuple[Floats, Floats]:
        """Inverses of the blocks of prices and outputs."""
        return np.linalg.inv(price_matrix(self.at)[0]), np.linalg.inv(output_matrix(self.at)[0])

    @cached_property
    def _by_condition(self) -> tuple[Floats, Floats]:
        """The effect of a gap in each price and output condition on the labour conditions, (JN, N)."""
        system = self.at.system
        paid = np.zeros_like(self.reduced.output[0])
        paid[:, np.arange(system.regions), np.arange(system.regions)] = system.added / system.factor
        shape = (-1, system.regions)
        return self.reduced.price[0].reshape(shape), (self.reduced.output[0] - paid).reshape(shape)

    def steps(self, gaps: Floats) -> Floats:
        """Newton steps for gaps in the conditions, (M, K): first wages, then prices, then outputs."""
        at, system, matrix = self.at, self.at.system, self.reduced.matrix[0]
        n, size = system.regions, system.regions * system.sectors
        if not system.links:
            return -np.linalg.solve(matrix, gaps)
        labour, prices, output = gaps[:n], gaps[n : n + size], gaps[n + size :]
        output = output * system.scale.reshape(-1, 1)
        by_price, by_output = self._by_condition
        moved = by_price.T @ prices + by_output.T @ output
        moved[-1] = 0.0  # the numeraire is about wages alone
        wages = -np.linalg.solve(matrix, labour + moved)
        price_block, output_block = self._blocks
        index, _ = push(at, wages[None], None)
        prices = price_block @ (prices + index.reshape(size, -1))
        _, sold = push(at, wages[None], prices.reshape(1, system.sectors, n, -1))
        output = output_block @ (output + sold.reshape(size, -1)) / system.scale.reshape(-1, 1)
        return np.concatenate([wages, prices, output])


class Solver:
    """Solves scenarios of one economy, whose linearised base it keeps."""

    def __init__(self, economy: Economy) -> None:
        self.system = System(economy)

    def at(self, cells: Cells, z: Floats) -> Point:
        """Everything the conditions are made of at the unknowns (B, M)."""
        return Point(self.system, cells, *self.system.split(z))

    def solve(self, cells: Cells, *, tolerance: float = TOLERANCE) -> Point:
        """Return the point that meets the conditions; of a cell that failed the last iterate.

        A larger `tolerance` of the violations, relative to the base, is for values that need not be exact.
        """
        z = np.empty((len(cells), self.system.size))
        size = max(1, CHUNK_ENTRIES // self.system.shares.size)  # what a processor's cache holds
        for first in range(0, len(z), size):
            part = slice(first, first + size)
            z[part] = self._solve_chunk(cells.take(part), tolerance)
        with np.errstate(all="ignore"):
            return self.at(cells, z)

    def slopes(
        self,
        tariffs: Floats,
        costs: Floats | None,
        received: Floats | None,
        unit: int,
        unknowns: Unknowns,
        wrt: str,
    ) -> tuple[Floats, Floats]:
        """Differentiate log welfare in solved scenarios, see `slopes`; also bound the rounding error."""
        parts, doubts = [], []
        size = max(1, JACOBIAN_ENTRIES // max(self.system.shares.size, self.system.size) ** 2)
        with np.errstate(all="ignore"):
            at = Point(self.system, self.system.cells(tariffs, costs, received, unit), *unknowns)
            for first in range(0, len(at.wages), size):
                some = at.take(slice(first, first + size))
                found = reduced(some, range(self.system.regions))
                parts.append(slopes(some, found.welfare, wrt))
                doubts.append(64 * np.finfo(float).eps * np.linalg.cond(found.matrix))
        return np.concatenate(parts), np.concatenate(doubts)

    def _solve_chunk(self, cells: Cells, tolerance: float) -> Floats:
        with np.errstate(all="ignore"):  # a cell that fails is found by its residual
            z, done = self._broyden(cells, tolerance)
            hard = np.flatnonzero(~done)
            unknowns = self.system.regions * self.system.sectors
            size = max(1, JACOBIAN_ENTRIES // unknowns**2)
            for first in range(0, len(hard), size):
                some = hard[first : first + size]
                z[some] = self._newton(cells.take(some), z[some], tolerance)
        return z

    @cached_property
    def _base(self) -> Linear:
        economy = self.system.economy
        return Linear(self.at(self.system.cells(economy.tariffs[None]), self.system.start(1)))

    @cached_property
    def _steps(self) -> Floats:
        """Minus the inverse Jacobian at the base, (M, M)."""
        return self._base.steps(np.eye(self.system.size))

    def _newton_from_base(self, gaps: Floats) -> Floats:
        """Newton steps with the Jacobian of the base for the gaps (B, M) of some cells, each on its own."""
        if self.system.size <= DENSE:
            return np.asarray(np.matmul(self._steps, gaps[:, :, None])[:, :, 0])
        return np.stack([self._base.steps(gap[:, None])[:, 0] for gap in gaps])

    def _broyden(self, cells: Cells, tolerance: float) -> tuple[Floats, NDArray[np.bool_]]:
        """Iterate all cells from the base; return where each came to, or came nearest, and which converged."""
        z = self.system.start(len(cells))
        done = np.zeros(len(z), dtype=bool)
        least = np.full(len(z), np.inf)
        left, at = np.arange(len(z)), z.copy()
        past = _Broyden(len(z), self.system.size)
        for k in range(BROYDEN_STEPS):
            gap = self.at(cells, at).conditions()
            worst = np.abs(gap).max(axis=1)
            better = (worst < least[left]) & ~done[left]
            z[left[better]], least[left[better]] = at[better], worst[better]
            at = at + past.step(self._newton_from_base(gap))
            new = (worst <= tolerance) & ~done[left]
            z[left[new]], done[left[new]] = at[new], True
            keep = ~done[left]
            if k == SLOW_STEPS and self.system.size <= DENSE:
                keep &= worst <= SLOW
            if not keep.any():
                break
            if 2 * np.count_nonzero(keep) <= len(keep) or k == SLOW_STEPS:
                left, at, cells = left[keep], at[keep], cells.take(keep)
                past.keep(keep)
        return z, done

    def _newton(self, cells: Cells, z: Floats, tolerance: float) -> Floats:
        """Damped Newton steps in log wages from `z`, prices and outputs solved for at each; the unknowns (B, M)."""
        z, gap = self._inner(cells, z)
        left = np.arange(len(z))
        for _ in range(NEWTON_STEPS):
            some = cells.take(left)
            matrix = reduced(self.at(some, z[left])).matrix
            step = -solved(matrix, gap[left][:, :, None])[:, :, 0]
            longest = np.abs(step).max(axis=1, keepdims=True)
            step *= LONGEST_STEP / np.maximum(longest, LONGEST_STEP)
            z[left], gap[left], moved = self._halve(some, z[left], gap[left], step)
            least = 0.0 if tolerance <= TOLERANCE else tolerance
            left = left[moved & (np.abs(gap[left]).max(axis=1) > least)]
            if not len(left):
                break
        return z

    def _inner(self, cells: Cells, z: Floats) -> tuple[Floats, Floats]:
        """Solve prices and outputs at the wages in `z`; return the unknowns, and the gaps of the labour conditions."""
        system = self.system
        n, size = system.regions, system.regions * system.sectors
        if system.links:
            z = z.copy()
            left, some = np.arange(len(z)), cells
            for _ in range(PRICE_STEPS):
                wages, prices, _ = system.split(z[left])
                assert prices is not None
                new = system.implied_prices(some, wages, prices).reshape(len(left), -1)
                keep = np.abs(new - z[left, n : n + size]).max(axis=1) > 1e-15
                z[left, n : n + size] = new
                if not keep.any():
                    break
                if not keep.all():
                    left, some = left[keep], some.take(keep)
            z[:, n + size :] = 0.0
            at = self.at(cells, z)
            output = solved(output_matrix(at), at.sold.reshape(len(z), size, 1))[:, :, 0]
            z[:, n + size :] = output / system.scale.ravel()
        return z, self.at(cells, z).conditions()[:, :n]

    def _halve(
        self, cells: Cells, z: Floats, gap: Floats, step: Floats
    ) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Take the longest of `step`, `step / 2`, ... that lowers the largest gap; return which cells moved."""
        z, gap = z.copy(), gap.copy()
        worst = np.abs(gap).max(axis=1)
        moved = np.zeros(len(z), dtype=bool)
        left = np.flatnonzero(worst > 0.0)
        for halving in range(HALVINGS):
            if not len(left):
                break
            trial = z[left].copy()
            trial[:, : step.shape[1]] += step[left] / 2.0**halving
            trial, new = self._inner(cells.take(left), trial)
            good = np.abs(new).max(axis=1) < worst[left]
            z[left[good]], gap[left[good]], moved[left[good]] = trial[good], new[good], True
            left = left[~good]
        return z, gap, moved


class _Broyden:
    """Rank-one corrections of a step of Newton's method with a fixed Jacobian (Kelley 1995, algorithm brsol).

    With the steps taken so far s_0, ..., s_k, the step z of the fixed Jacobian becomes z + sum_j c_j s_(j+1), j <
    k, where |s_j|^2 c_j = s_j . (z + sum_(l < j) c_l s_(l+1)): a triangular system. The correction by s_k is a
    division.
    """

    def __init__(self, cells: int, size: int) -> None:
        self._steps = np.empty((cells, BROYDEN_STEPS, size))
        self._squares = np.empty((cells, BROYDEN_STEPS, 1))
        self._system = np.broadcast_to(np.eye(BROYDEN_STEPS), (cells, BROYDEN_STEPS, BROYDEN_STEPS)).copy()
        self._taken = 0

    def step(self, step: Floats) -> Floats:
        """Correct the step of each cell by its earlier steps, and remember it."""
        k = self._taken
        if k:
            along = np.matmul(self._steps[:, :k], step[:, :, None]) / self._squares[:, :k]
            last = along[:, -1]
            if k > 1:
                c = solved(self._system[:, : k - 1, : k - 1], along[:, :-1])
                step = step + np.matmul(c.swapaxes(1, 2), self._steps[:, 1:k])[:, 0]
                last = (self._steps[:, k - 1] * step).sum(axis=1, keepdims=True) / self._squares[:, k - 1]
            step = step / (1.0 - last)
        self._steps[:, k] = step
        products = np.matmul(self._steps[:, : k + 1], step[:, :, None])
        self._squares[:, k] = products[:, k]
        self._system[:, k, :k] = -products[:, 1:, 0] / products[:, k]
        self._taken = k + 1
        return step

    def keep(self, cells: NDArray[np.bool_]) -> None:
        """Forget all but some cells."""
        self._steps, self._squares, self._system = (
            self._steps[cells],
            self._squares[cells],
            self._system[cells],
        )


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
