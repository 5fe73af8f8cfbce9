"""The conditions linearised at a point, with prices and outputs solved out, and welfare differentiated through them.

Prices at given wages depend on nothing but prices, and outputs at given wages and prices on nothing but outputs. So the
Jacobian has two square blocks of size JN and, once these are eliminated, one of size N: the labour conditions in log
wages. All runs backwards: what one unit of each condition does to a few functions costs one solve with each
block, however many tariffs the functions are then differentiated in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bargaining.authoring import Floats, Shown
from bargaining_models.trade.conditions import Point, output_matrix, price_matrix, pull


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Worth(Shown):
    """What one unit of anything is worth to F functions in equilibrium.

    `output` and `price` (B, J, N, F): of each implied output and price index, prices and outputs solved out;
    `spending` (B, J, N, F): of the log price index that a buyer faces, and all that follows; `money` (B, N, F): of
    income received.
    """

    output: Floats
    price: Floats | None
    spending: Floats
    money: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reduced(Shown):
    """The labour conditions in log wages.

    Attributes
    ----------
    matrix : (B, N, N) array
        Their Jacobian, with the numeraire in the last row.
    conditions : Worth
        What one unit of anything does to the labour conditions, F = N, wages held.
    welfare : Worth or None
        What it does to the log welfare of the regions asked for, wages adjusted.
    """

    matrix: Floats
    conditions: Worth
    welfare: Worth | None


def reduced(at: Point, regions: Sequence[int] = ()) -> Reduced:
    """Solve prices and outputs out of the labour conditions, and all three out of the log welfare of `regions`."""
    system = at.system
    n, cells = system.regions, len(at.wages)
    region, player = np.arange(n), np.asarray(regions, dtype=int)
    last = n + np.arange(len(player))
    output = np.zeros((1, system.sectors, n, n + len(player)))
    output[:, :, region, region] = system.added / system.factor
    price = income = None
    if len(player):
        price = np.zeros_like(output)
        price[:, :, player, last] = -system.final[:, player]
        income = np.zeros((cells, n, n + len(player)))
        income[:, player, last] = 1.0 / at.income[:, player]
    if system.links:
        wide, shape = (cells, system.sectors * n, -1), (cells, *output.shape[1:])
        if income is not None:
            output = output + _present(pull(at, None, None, income).output)
        output = np.broadcast_to(output, shape).reshape(wide)
        output = solved(output_matrix(at).swapaxes(1, 2), output).reshape(shape)
        right = _present(pull(at, None, output, income).prices)
        right = right if price is None else right + price
        price = solved(price_matrix(at).swapaxes(1, 2), right.reshape(wide)).reshape(shape)
    pulled = pull(at, price, output, income)
    matrix = pulled.wages[..., :n].swapaxes(1, 2).copy()
    matrix[:, region, region] -= at.wages
    matrix[:, -1] = -at.earned / system.world
    conditions = Worth(
        output=output[..., :n],
        price=None if price is None else price[..., :n],
        spending=pulled.spending[..., :n],
        money=pulled.money[..., :n],
    )
    welfare = None
    if len(player):
        # One unit of a labour condition moves wages; the dropped condition and the numeraire are worth nothing.
        wages = -solved(matrix.swapaxes(1, 2), pulled.wages[..., n:])
        wages[:, -1] = 0.0

        def with_wages(array: Floats) -> Floats:
            through = np.matmul(array[..., :n], wages[:, None] if array.ndim == 4 else wages)
            return np.asarray(array[..., n:] + through)

        welfare = Worth(
            output=with_wages(output),
            price=None if price is None else with_wages(price),
            spending=with_wages(pulled.spending),
            money=with_wages(pulled.money),
        )
    return Reduced(matrix=matrix, conditions=conditions, welfare=welfare)


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


def _present(array: Floats | None) -> Floats:
    assert array is not None
    return array
