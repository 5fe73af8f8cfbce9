"""Perfect public equilibria by plain iteration: a linear program of scipy for each profile and direction."""

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, kron


def iterate(payoffs, chances, discount, *, leaving=None, directions=64, rounds=400, tolerance=1e-9):
    """Return levels c of {v : directions v <= c}, which contains all equilibrium payoffs, and the directions.

    Parameters
    ----------
    payoffs : (*actions, n) array
    chances : (*actions, S) array
    discount : float
    leaving : n floats, optional
        What all get if anybody leaves.
    directions : int or (F, n) array
        How many, evenly spread in the plane, or which ones.
    """
    n = payoffs.shape[-1]
    if np.ndim(directions) == 0:
        turns = 2 * np.pi * np.arange(directions) / directions
        directions = np.column_stack([np.cos(turns), np.sin(turns)])
    normals = np.asarray(directions, float)
    points = payoffs.reshape(-1, n) if leaving is None else np.vstack([payoffs.reshape(-1, n), leaving])
    levels = (points @ normals.T).max(axis=0)
    for _ in range(rounds):
        values = np.full(len(normals), -np.inf) if leaving is None else normals @ np.asarray(leaving, float)
        for profile in np.ndindex(*payoffs.shape[:-1]):
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
    """Return what a profile gives at most in each direction with continuations below the levels.

    The programs of all directions have the same constraints; they are solved as one, each in variables of its own.
    """
    signals, n, d, many = chances.shape[-1], payoffs.shape[-1], discount, len(normals)
    p, g = chances[profile], payoffs[profile]
    rows, limits = [np.kron(np.eye(signals), normals)], [np.tile(levels, signals)]
    for player in range(n):
        for action in range(payoffs.shape[player]):
            other = (*profile[:player], action, *profile[player + 1 :])
            row = np.zeros((signals, n))
            row[:, player] = d * (chances[other] - p)
            rows.append(row.ravel()[None])
            limits.append([(1 - d) * (g[player] - payoffs[other][player]) + 1e-11])
        if leaving is not None:
            row = np.zeros((signals, n))
            row[:, player] = -d * p
            rows.append(row.ravel()[None])
            limits.append([(1 - d) * g[player] - leaving[player] + 1e-11])
    matrix, right = np.vstack(rows), np.tile(np.concatenate(limits), many)
    cost = -d * (p[:, None] * normals[:, None, :]).reshape(many, -1)
    every = kron(eye_array(many), csr_array(matrix), format="csr")
    found = linprog(cost.ravel(), A_ub=every, b_ub=right, bounds=(None, None))
    if found.status == 2:
        return np.full(many, -np.inf)
    assert found.status == 0, found.message
    return (1 - d) * normals @ g - (cost * found.x.reshape(many, -1)).sum(axis=1)


def kept_to(game, chances, profile, weights, most, slack=0.0):
    """Return rows and limits on claims (n, S): their weighted sum after each signal, and that nobody deviates."""
    rows, limits = (
        [np.outer(weights, signal) for signal in np.eye(chances.shape[-1])],
        [most] * chances.shape[-1],
    )
    for i in range(game.players):
        for b in range(game.shape[i]):
            other = (*profile[:i], b, *profile[i + 1 :])
            rows.append(np.outer(np.eye(game.players)[i], chances[other] - chances[profile]))
            limits.append(game.payoffs[profile][i] - game.payoffs[other][i] + slack)
    return [row.ravel() for row in rows], limits


def kept_for_ever(game, chances, discount, profile, threat, floors):
    """Whether continuations above the threats, together at most what the profile is worth, sustain it: one program."""
    n, signals, p = game.players, chances.shape[-1], chances[profile]
    gain, rows, limits = game.payoffs[profile], [], []
    for y in range(signals):
        rows.append(np.append(np.tile(np.eye(signals)[y], n), -1))
        limits.append(0.0)
    rows.append(np.append(np.tile(-discount * p, n), 1))
    limits.append((1 - discount) * gain.sum())
    for i in range(n):
        of_i = np.kron(np.eye(n)[i], np.ones(signals))
        for b in range(game.shape[i]):
            other = (*profile[:i], b, *profile[i + 1 :])
            rows.append(np.append(of_i * np.tile(discount * (chances[other] - p), n), 0))
            limits.append((1 - discount) * (gain - game.payoffs[other])[i])
        if floors is not None and np.isfinite(floors[i]):
            rows.append(np.append(of_i * np.tile(-discount * p, n), 0))
            limits.append((1 - discount) * gain[i] - floors[i])
    bounds = [(low, None) for low in threat for _ in range(signals)] + [(None, None)]
    found = linprog(np.append(np.zeros(n * signals), -1.0), rows, limits, bounds=bounds)
    return found.status == 0 and -found.fun >= sum(threat) - 1e-9
