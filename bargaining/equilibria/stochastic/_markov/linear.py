"""Newton's steps for strategies: dense where decision states are few, sparse where they are many.

The worth W of the states is a function of the strategy, so the derivative of the loss W - Q by the strategy is
full: whatever is done in one state matters in all. With W kept among the unknowns, and its equations

    W_i(e) - r_i(e, s) - d_i(e) sum_f P(f | e, s) W_i(f) = 0

among the equations, the same system has few entries: a state is tied to those that may follow it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria.stochastic._markov.arrays import Arrays, Evaluation

# On the diagonal of sparse systems: SuperLU can crash on singular ones. Newton's limit does not depend on it.
_REGULAR = 1e-10

Bordered = Callable[[Floats, Floats], Floats]
"""Solves with a matrix of N rows and N + 1 columns and one more row, the first argument."""


def bordered(arrays: Arrays, value: Evaluation, *, scale: Floats, diagonal: Floats, last: Floats) -> Bordered:
    """Return how to solve with the columns `scale * slope of the loss + diagonal`, `last` and a further row."""
    if arrays.sparse:
        return _sparse(arrays, value, scale, diagonal, last)
    size = arrays.size
    matrix = np.empty((size, size + 1))
    np.multiply(arrays.slope(value), scale[:, None], out=matrix[:, :-1])
    matrix.flat[:: size + 2] += diagonal
    matrix[:, -1] = last
    return lambda border, right: np.asarray(np.linalg.solve(np.vstack([matrix, border]), right))


def _sparse(arrays: Arrays, value: Evaluation, scale: Floats, diagonal: Floats, last: Floats) -> Bordered:
    """Eliminate the last column from a factored sparse system, with one step of refinement."""
    from scipy.sparse.linalg import splu

    size = arrays.size
    matrix = augmented(arrays, value, scale, diagonal)
    column = np.zeros(matrix.shape[0])
    column[:size] = last
    factor = None

    def solve(border: Floats, right: Floats) -> Floats:
        nonlocal factor
        if factor is None:
            lu = splu(matrix)
            factor = lu, lu.solve(column)
        lu, beside = factor
        bottom = border[-1] - border[:-1] @ beside[:size]

        def step(above: Floats, below: float) -> tuple[Floats, float]:
            first = lu.solve(above)
            end = (below - border[:-1] @ first[:size]) / bottom
            return first - end * beside, float(end)

        above = np.zeros(matrix.shape[0])
        above[:size] = right[:-1]
        inner, end = step(above, right[-1])
        more, further = step(
            above - matrix @ inner - end * column, right[-1] - border[:-1] @ inner[:size] - border[-1] * end
        )
        return np.append((inner + more)[:size], end + further)

    return solve


def augmented(arrays: Arrays, value: Evaluation, scale: Floats, diagonal: Floats) -> Any:
    """Return the matrix over strategies and worths, (N + E n, N + E n), in sparse columns."""
    from scipy.sparse import csc_array

    n, size = arrays.players, arrays.size
    total = size + arrays.decisions * n
    rows, columns, entries = [np.arange(size)], [np.arange(size)], [diagonal]

    def add(row: NDArray[np.intp], column: NDArray[np.intp], entry: Floats) -> None:
        rows.append(np.broadcast_to(row, entry.shape).ravel())
        columns.append(np.broadcast_to(column, entry.shape).ravel())
        entries.append(entry.ravel())

    add(np.arange(size), size + arrays.block, scale)
    add(np.arange(size, total), np.arange(size, total), np.ones(total - size))
    for piece in value.pieces:
        group = piece.group
        assert group.after is not None
        for i in range(n):
            at, worth = group.index[i], size + group.states * n + i
            discount, after = group.discount[i], size + group.after * n + i
            weight = scale[at]
            add(
                at[:, :, None],
                after[:, None, :],
                -weight[..., None] * discount[:, None, None] * piece.follow[i],
            )
            add(worth[:, None], after, -discount[:, None] * piece.chance)
            for j in range(n):
                add(worth[:, None], group.index[j], -piece.moves(i, j))
                if j != i:
                    add(at[:, :, None], group.index[j][:, None, :], -weight[..., None] * piece.pairs[i, j])
    where = np.concatenate(rows), np.concatenate(columns)
    return csc_array((np.concatenate(entries), where), shape=(total, total))


def step(arrays: Arrays, value: Evaluation, mixed: NDArray[np.intp]) -> Floats | None:
    """Return Newton's step for the losses of some actions, whose probabilities alone move.

    Dense, it is the shortest least-squares solution where there are several, since equilibria may form a continuum.
    Sparse, a little is added to the diagonal; None if that leaves the system singular.
    """
    if not arrays.sparse:
        system = arrays.slope(value)[np.ix_(mixed, mixed)]
        return np.asarray(np.linalg.lstsq(system, value.loss[mixed], rcond=1e-10)[0])
    from scipy.sparse.linalg import splu

    matrix = augmented(arrays, value, np.ones(arrays.size), np.full(arrays.size, _REGULAR))
    kept = np.concatenate([mixed, np.arange(arrays.size, matrix.shape[0])])
    right = np.zeros(len(kept))
    right[: len(mixed)] = value.loss[mixed]
    try:
        found = splu(matrix[kept][:, kept].tocsc()).solve(right)[: len(mixed)]
    except RuntimeError:  # what SuperLU raises for a singular matrix
        return None
    return np.asarray(found) if np.isfinite(found).all() else None
