"""Solve the equilibrium conditions for a batch of cells, each cell on its own.

Newton steps with the inverse Jacobian of the base equilibrium, which all cells share (the chord method, Kelley 1995,
section 5.4): a step costs one evaluation and one matrix-vector product. A cell that has not converged is solved again
in log wages alone: at each vector of wages prices are iterated to their fixed point (a contraction, as cost shares of
inputs sum to less than one), outputs solve a linear system, and the wages take damped Newton steps. No operation mixes
cells, so a cell's answer does not depend on its batch.

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
    welfare : Worth
        What one unit of anything does to the log welfare of the regions asked for, wages adjusted.
    """

    matrix: Floats
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
CHORD_STEPS = 100  # after which Newton takes over
SLOW_STEPS, SLOW = 20, 1e-3  # after so many steps with so large a gap, Newton's method gets there sooner
NEWTON_STEPS = 60  # damped; more do not help where these fail
HALVINGS = 12  # of a step: 1/4096 of it is none
LONGEST_STEP = 0.7  # of a log wage, so that in one step a wage doubles or halves at most
PRICE_STEPS = 500  # to rounding even where value added is a fifteenth of output
DIFFERENCE = 1e-5  # of the unknowns, which are logs and ratios


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
        unknowns: Unknowns,
    ) -> tuple[Floats, Floats]:
        """Differentiate log welfare in the tariffs of solved scenarios, and bound the rounding error."""
        parts, doubts = [], []
        size = max(1, JACOBIAN_ENTRIES // max(self.system.shares.size, self.system.size) ** 2)
        with np.errstate(all="ignore"):
            at = Point(self.system, self.system.cells(tariffs, costs, received), *unknowns)
            for first in range(0, len(at.wages), size):
                some = at.take(slice(first, first + size))
                found = reduced(some, range(self.system.regions))
                parts.append(tariff_slopes(some, found.welfare))
                doubts.append(64 * np.finfo(float).eps * np.linalg.cond(found.matrix))
        return np.concatenate(parts), np.concatenate(doubts)

    def _solve_chunk(self, cells: Cells, tolerance: float) -> Floats:
        with np.errstate(all="ignore"):  # a cell that fails is found by its residual
            z, done = self._chord(cells, tolerance)
            hard = np.flatnonzero(~done)
            unknowns = self.system.regions * self.system.sectors
            size = max(1, JACOBIAN_ENTRIES // unknowns**2)
            for first in range(0, len(hard), size):
                some = hard[first : first + size]
                z[some] = self._newton(cells.take(some), z[some], tolerance)
        return z

    @cached_property
    def _steps(self) -> Floats:
        """Minus the inverse Jacobian at the base, (M, M), by differences: it only has to point the way."""
        system, base = self.system, self.system.economy.tariffs
        start, moves, rows = system.start(1), DIFFERENCE * np.eye(system.size), []
        size = max(1, CHUNK_ENTRIES // system.shares.size)
        for first in range(0, system.size, size):
            part = moves[first : first + size]
            cells = system.cells(np.broadcast_to(base, (len(part), *base.shape)))
            ahead, back = (self.at(cells, start + step).conditions() for step in (part, -part))
            rows.append((ahead - back) / (2.0 * DIFFERENCE))
        return np.asarray(-np.linalg.inv(np.concatenate(rows).T), dtype=float)

    def _chord(self, cells: Cells, tolerance: float) -> tuple[Floats, NDArray[np.bool_]]:
        """Iterate all cells from the base; return where those that converged came to, and which did.

        To full accuracy a cell goes on while its gap still halves: a region that trades little with the world feels a
        rounding of the world's gap.
        """
        z = self.system.start(len(cells))
        done, last = np.zeros(len(z), dtype=bool), np.full(len(z), np.inf)
        left, at = np.arange(len(z)), z.copy()
        for k in range(CHORD_STEPS):
            gap = self.at(cells, at).conditions()
            worst = np.abs(gap).max(axis=1)
            at = at + np.matmul(self._steps, gap[:, :, None])[:, :, 0]
            new = (worst <= tolerance) & ((worst >= last / 2.0) | (tolerance > TOLERANCE))
            z[left[new]], done[left[new]] = at[new], True
            keep = ~new & ((k != SLOW_STEPS) | (worst <= SLOW))
            if not keep.any():
                break
            left, at, last = left[keep], at[keep], worst[keep]
            if not keep.all():
                cells = cells.take(keep)
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
        deficits=np.broadcast_to(at.deficits + at.cells.transfers, at.wages.shape)[0],
    )
