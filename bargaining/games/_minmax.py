"""The value of a matrix game by linear programming, polished on the active set."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.errors import Unsolved


def mixed_minmax(payoffs: Floats) -> float:
    r"""Return :math:`\min_y \max_a \sum_b A_{ab} y_b`, rows replying to a mixture of columns.

    Notes
    -----
    Payoffs are mapped to [0, 1] first. The solver's tolerances are absolute and loose, so its answer only
    names the actions in use; the mixtures then solve the indifference conditions on them. Both mixtures are
    kept only if they prove the value from both sides.
    """
    upper = payoffs.max(axis=0).min()
    if payoffs.min(axis=1).max() == upper:
        return float(upper)
    low, scale = payoffs.min(), np.ptp(payoffs)
    unit = (payoffs - low) / scale
    columns, rows = _mixtures(unit)
    candidates = [(columns, rows), *_polished(unit, columns, rows)]
    bounds = [((rows @ unit).min(), (unit @ columns).max()) for columns, rows in candidates]
    below, above = min(bounds, key=lambda bound: bound[1] - bound[0])
    if above - below > 1e-7:
        raise Unsolved(
            f"The mixed minmax is only known to lie in [{below:.9g}, {above:.9g}] of the payoff range."
        )
    return float(low + scale * (below + above) / 2)


def _mixtures(unit: Floats) -> tuple[Floats, Floats]:
    from scipy.optimize import linprog

    rows, columns = unit.shape
    cost = np.append(np.zeros(columns), 1.0)
    result = linprog(
        cost,
        A_ub=np.hstack([unit, -np.ones((rows, 1))]),
        b_ub=np.zeros(rows),
        A_eq=np.append(np.ones(columns), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0, None)] * columns + [(None, None)],
        method="highs",
    )
    if result.x is None:
        raise Unsolved(f"The linear program for the mixed minmax failed: {result.message}")
    return _simplex(result.x[:-1]), _simplex(-result.ineqlin.marginals)


def _simplex(weights: Floats) -> Floats:
    positive = np.maximum(weights, 0.0)
    return np.asarray(positive / positive.sum())


def _polished(unit: Floats, columns: Floats, rows: Floats) -> list[tuple[Floats, Floats]]:
    used_columns, used_rows = np.flatnonzero(columns > 1e-7), np.flatnonzero(rows > 1e-7)
    support = unit[np.ix_(used_rows, used_columns)]
    pair = []
    for matrix, used, size in ((support, used_columns, columns.size), (support.T, used_rows, rows.size)):
        count, width = matrix.shape
        system = np.vstack([np.hstack([matrix, -np.ones((count, 1))]), np.append(np.ones(width), 0.0)])
        weights = np.linalg.lstsq(system, np.append(np.zeros(count), 1.0), rcond=None)[0][:-1]
        full = np.zeros(size)
        full[used] = np.maximum(weights, 0.0)
        pair.append(full / full.sum() if full.sum() > 0 else np.full(size, 1.0 / size))
    return [(pair[0], pair[1])]
