"""Perfect public equilibria by plain iteration: a linear program of scipy for each profile and direction."""

import numpy as np
from scipy.optimize import linprog


def iterate(payoffs, chances, discount, *, leaving=None, directions=64, rounds=400, tolerance=1e-9):
    """Return levels c of {v : directions v <= c}, which contains all equilibrium payoffs, and the directions.

    Parameters
    ----------
    payoffs : (m, n, 2) array
    chances : (m, n, S) array
    discount : float
    leaving : pair of float, optional
        What both get if either leaves.
    """
    turns = 2 * np.pi * np.arange(directions) / directions
    normals = np.column_stack([np.cos(turns), np.sin(turns)])
    points = payoffs.reshape(-1, 2) if leaving is None else np.vstack([payoffs.reshape(-1, 2), leaving])
    levels = (points @ normals.T).max(axis=0)
    for _ in range(rounds):
        values = np.full(directions, -np.inf) if leaving is None else normals @ np.asarray(leaving, float)
        for profile in np.ndindex(*payoffs.shape[:2]):
            values = np.maximum(values, best(payoffs, chances, discount, leaving, profile, normals, levels))
        after = np.minimum(levels, values)
        if not np.isfinite(after).all():
            return normals, None
        done = np.abs(levels - after).max() < tolerance
        levels = after
        if done:
            break
    return normals, levels


def best(payoffs, chances, discount, leaving, profile, normals, levels):
    """Return what a profile gives at most in each direction with continuations below the levels."""
    signals, d = chances.shape[2], discount
    p, g = chances[profile], payoffs[profile]
    rows, limits = [], []
    for y in range(signals):
        block = np.zeros((len(normals), signals, 2))
        block[:, y] = normals
        rows.append(block.reshape(len(normals), -1))
        limits.append(levels)
    for player in (0, 1):
        for action in range(payoffs.shape[player]):
            other = (action, profile[1]) if player == 0 else (profile[0], action)
            row = np.zeros((signals, 2))
            row[:, player] = d * (chances[other] - p)
            rows.append(row.ravel()[None])
            limits.append([(1 - d) * (g[player] - payoffs[other][player]) + 1e-11])
        if leaving is not None:
            row = np.zeros((signals, 2))
            row[:, player] = -d * p
            rows.append(row.ravel()[None])
            limits.append([(1 - d) * g[player] - leaving[player] + 1e-11])
    matrix, right = np.vstack(rows), np.concatenate(limits)
    out = np.full(len(normals), -np.inf)
    for k, n in enumerate(normals):
        cost = -(d * p[:, None] * n).ravel()
        found = linprog(cost, A_ub=matrix, b_ub=right, bounds=(None, None))
        if found.status == 2:
            return out
        assert found.status == 0, found.message
        out[k] = (1 - d) * n @ g - found.fun
    return out
