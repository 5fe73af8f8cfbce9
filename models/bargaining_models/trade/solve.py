"""Solve the equilibrium conditions for a batch of cells, each cell on its own.

Broyden's good method (Broyden 1965; Kelley 1995, section 7.3) started from the inverse Jacobian of
the base equilibrium, which all cells share: a step costs one evaluation and one matrix-vector product. A cell
that has not converged is solved again by Newton's method with its own Jacobian, halving steps
that do not lower the largest violation. No operation mixes cells, so a cell's answer does not depend on its batch.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.errors import Unsolved
from bargaining_models.trade.conditions import Scenarios, conditions, evaluate, start, violations
from bargaining_models.trade.economy import Economy
from bargaining_models.trade.jacobian import jacobian

CHUNK_ENTRIES = 45_000
BROYDEN_STEPS = 30
NEWTON_STEPS = 60
HALVINGS = 12
JACOBIAN_ENTRIES = 1_000_000
TOLERANCE = 1e-13


def solve(economy: Economy, cells: Scenarios, inverse: Floats) -> Floats:
    """Return the unknowns (B, M) that meet the conditions, or the last iterate of a cell that failed.

    Parameters
    ----------
    economy : Economy
        The base equilibrium.
    cells : Scenarios
        Tariffs and weights of B cells.
    inverse : (M, M) array
        Inverse Jacobian of the conditions at the base, `base_inverse`.
    """
    z = np.empty((len(cells.tariffs), len(inverse)))
    size = max(1, CHUNK_ENTRIES // economy.shares.size)  # what a processor's cache holds
    for first in range(0, len(z), size):
        part = slice(first, first + size)
        z[part] = _solve_chunk(economy, take(cells, part), inverse)
    return z


def base_inverse(economy: Economy) -> Floats:
    """Invert the Jacobian at the base equilibrium, (M, M)."""
    unchanged = Scenarios(tariffs=economy.tariffs[None], weights=economy.shares[None])
    at = evaluate(economy, unchanged, start(economy, 1))
    return np.linalg.inv(jacobian(economy, at).conditions[0])


def rebase(economy: Economy) -> Economy:
    """Solve `economy` with deficits at zero and describe the answer as a base of its own."""
    balanced = replace(economy, deficits=np.zeros_like(economy.deficits))
    unchanged = Scenarios(tariffs=economy.tariffs[None], weights=economy.shares[None])
    at = evaluate(balanced, unchanged, solve(balanced, unchanged, base_inverse(balanced)))
    residual = float(violations(balanced, at)[0])
    if not residual <= 1e-10:
        raise Unsolved(
            f"No equilibrium with balanced trade was found from these figures (residual {residual:.3g}); "
            f"check the input shares and the elasticities."
        )
    return replace(
        balanced, shares=at.shares[0], expenditures=at.expenditures[0], factor=at.wages[0] * economy.factor
    )


def _solve_chunk(economy: Economy, cells: Scenarios, inverse: Floats) -> Floats:
    with np.errstate(all="ignore"):  # a cell that fails is found by its residual
        z, solved = _broyden(economy, cells, inverse)
        hard = np.flatnonzero(~solved)
        size = jacobian_cells(economy)
        for first in range(0, len(hard), size):
            some = hard[first : first + size]
            z[some] = _newton(economy, take(cells, some))
    return z


def _broyden(economy: Economy, cells: Scenarios, inverse: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Iterate all cells from the base; say which converged."""
    z = start(economy, len(cells.tariffs))
    solved = np.zeros(len(z), dtype=bool)
    left = np.arange(len(z))
    at = z.copy()
    steps: list[Floats] = []
    squares: list[Floats] = []
    for _ in range(BROYDEN_STEPS):
        gap = conditions(economy, evaluate(economy, cells, at))
        step = _broyden_step(np.matmul(inverse, -gap[:, :, None])[:, :, 0], steps, squares)
        at = at + step
        worst = np.abs(gap).max(axis=1)
        keep = worst > TOLERANCE
        if not keep.all():
            done = ~keep & np.isfinite(worst)
            z[left[done]], solved[left[done]] = at[done], True
            left, at, step, cells = left[keep], at[keep], step[keep], take(cells, keep)
            steps, squares = [s[keep] for s in steps], [s[keep] for s in squares]
        if not len(left):
            break
        steps.append(step)
        squares.append(_dot(step, step))
    return z, solved


def _broyden_step(step: Floats, steps: list[Floats], squares: list[Floats]) -> Floats:
    """Correct the base step by the rank-one updates of all earlier steps (Kelley 1995, algorithm brsol)."""
    for old, square, new in zip(steps[:-1], squares[:-1], steps[1:], strict=True):
        step = step + _dot(old, step) / square * new
    if steps:
        step = step / (1.0 - _dot(steps[-1], step) / squares[-1])
    return step


def _newton(economy: Economy, cells: Scenarios) -> Floats:
    """Newton's method from the base with each cell's own Jacobian, halving steps that do not help."""
    z = start(economy, len(cells.tariffs))
    left = np.arange(len(z))
    for _ in range(NEWTON_STEPS):
        some = take(cells, left)
        at = evaluate(economy, some, z[left])
        gap = conditions(economy, at)
        step = directions(jacobian(economy, at).conditions, gap[:, :, None])[:, :, 0]
        better, moved = _halve(economy, some, z[left], step, np.abs(gap).max(axis=1))
        z[left] = better
        left = left[moved]
        if not len(left):
            break
    return z


def _halve(
    economy: Economy, cells: Scenarios, z: Floats, step: Floats, worst: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """Take the longest of `step`, `step / 2`, ... that lowers the largest violation; say which cells moved."""
    z = z.copy()
    moved = np.zeros(len(z), dtype=bool)
    left = np.flatnonzero(worst > 0.0)
    for halving in range(HALVINGS):
        if not len(left):
            break
        trial = z[left] + step[left] / 2.0**halving
        gap = conditions(economy, evaluate(economy, take(cells, left), trial))
        good = np.abs(gap).max(axis=1) < worst[left]
        z[left[good]], moved[left[good]] = trial[good], True
        left = left[~good]
    return z, moved


def directions(matrices: Floats, gaps: Floats) -> Floats:
    """Solve `matrices @ x = -gaps`, (B, M, M) and (B, M, K), cell by cell; NaN where a matrix is singular."""
    try:
        return np.asarray(np.linalg.solve(matrices, -gaps))
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.full_like(gaps, np.nan)
        pairs = zip(matrices[:, None], gaps[:, None], strict=True)
        return np.concatenate([directions(matrix, gap) for matrix, gap in pairs])


def jacobian_cells(economy: Economy) -> int:
    """How many cells' Jacobians to hold at once."""
    regions, sectors = economy.added.shape
    unknowns: int = regions * (1 + 2 * sectors)
    return max(1, JACOBIAN_ENTRIES // unknowns**2)


def _dot(a: Floats, b: Floats) -> Floats:
    return np.asarray((a * b).sum(axis=1, keepdims=True))


def take(cells: Scenarios, part: slice | NDArray[np.intp] | NDArray[np.bool_]) -> Scenarios:
    """Return some of the cells."""
    return Scenarios(tariffs=cells.tariffs[part], weights=cells.weights[part])
