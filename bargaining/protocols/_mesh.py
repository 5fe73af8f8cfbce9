"""Pieces of time on which functions are polynomials to the accuracy wanted; kinks lie between pieces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.errors import Unsolved

DEGREE = 15
"""Degree of the polynomial on a piece."""
_LEVELS = 11
_ROUNDS = 4
_CROWD = 4000

Mask = NDArray[np.bool_]
Functions = Callable[[Floats], Floats]
"""Times of any shape to values of shape (..., K)."""


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """Gauss-Legendre nodes on [-1, 1] and what is linear in the values there."""

    nodes: Floats
    weights: Floats
    coefficients: Floats
    """Values to Legendre coefficients."""
    derivative: Floats
    """Values to the derivative's values."""
    remaining: Floats
    """Values to the integrals from each node to 1."""
    ends: Floats
    """Values to the values at -1 and 1."""


@cache
def rule(count: int = DEGREE + 1) -> Rule:
    """Return the rule with `count` nodes."""
    nodes, weights = legendre.leggauss(count)
    order = np.arange(count)
    basis = legendre.legvander(nodes, count - 1)
    coefficients = (order[:, None] + 0.5) * weights * basis.T
    unit = np.eye(count)
    slopes = np.stack([legendre.legval(nodes, legendre.legder(row)) for row in unit], axis=1)
    areas = np.stack([-legendre.legval(nodes, legendre.legint(row, lbnd=1)) for row in unit], axis=1)
    ends = legendre.legvander(np.array([-1.0, 1.0]), count - 1) @ coefficients
    return Rule(nodes, weights, coefficients, slopes @ coefficients, areas @ coefficients, ends)


def times(a: Floats, b: Floats, nodes: Floats) -> Floats:
    """Return the nodes moved to each piece [a, b], shape (..., count)."""
    return (a + b)[..., None] / 2 + (b - a)[..., None] / 2 * nodes


def mesh(functions: Functions, edges: Floats, tolerance: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
    """Split [edges[0], edges[-1]] into pieces on which the functions are resolved.

    A piece is resolved when the last coefficients and the misfit at its ends are within
    `tolerance(start of the piece)`, one bound per function. Pieces that cutting does not resolve
    hold a kink or a jump: it is located, and the splitting starts afresh with an edge there.

    Returns
    -------
    edges, kinks : numpy.ndarray
        The ends of the pieces, and the kinks found.
    """
    kinks = np.array([])
    leaves = edges
    for _ in range(_ROUNDS):
        base = np.unique(np.concatenate([edges, kinks]))
        leaves, stuck = _quarter(functions, base, tolerance)
        found = [_locate(functions, a, b) for a, b in _clusters(stuck)]
        new = np.array([t for t in found if not np.isclose(t, kinks, rtol=1e-9, atol=1e-9).any()])
        kinks = np.unique(np.concatenate([kinks, new]))
        if not len(new):
            break
    return leaves, kinks[(kinks > edges[0]) & (kinks < edges[-1])]


def _quarter(
    functions: Functions, edges: Floats, tolerance: Callable[[Floats], Floats]
) -> tuple[Floats, list[tuple[float, float]]]:
    """Quarter pieces until resolved; return all edges and the pieces that never were."""
    a, b = edges[:-1], edges[1:]
    inner = [edges]
    for _ in range(_LEVELS):
        bad = ~_resolved(functions, a, b, tolerance)
        a, b = a[bad], b[bad]
        if not len(a):
            break
        if len(a) > _CROWD:
            raise Unsolved(
                f"The functions of time are too rough between t = {a[0]:.6g} and t = {b[-1]:.6g}: no polynomials of "
                f"degree {DEGREE} follow them. Smooth them, or give `kinks`."
            )
        cuts = np.stack([a, 0.75 * a + 0.25 * b, (a + b) / 2, 0.25 * a + 0.75 * b, b], axis=-1)
        inner.append(cuts.ravel())
        a, b = cuts[:, :-1].ravel(), cuts[:, 1:].ravel()
    stuck = sorted(zip(a.tolist(), b.tolist(), strict=True))
    return np.unique(np.concatenate(inner)), stuck


def _resolved(functions: Functions, a: Floats, b: Floats, tolerance: Callable[[Floats], Floats]) -> Mask:
    """Say of each piece whether a polynomial stands for every function, ends included."""
    points = rule()
    inside = times(a, b, points.nodes)
    ends = np.stack([np.nextafter(a, b), np.nextafter(b, a)], axis=-1)
    values = functions(np.concatenate([inside, ends], axis=-1))
    inner, outer = values[..., :-2, :], values[..., -2:, :]
    tail = np.abs(points.coefficients[-3:] @ inner).max(axis=-2)
    misfit = np.abs(points.ends @ inner - outer).max(axis=-2)
    fits: Mask = (np.maximum(tail, misfit / 10) <= tolerance(a)).all(axis=-1)
    return fits


def _clusters(stuck: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Join pieces that touch."""
    joined: list[tuple[float, float]] = []
    for a, b in stuck:
        if joined and a <= joined[-1][1]:
            joined[-1] = (joined[-1][0], b)
        else:
            joined.append((a, b))
    return joined


def _locate(functions: Functions, a: float, b: float) -> float:
    """Return where in a tiny [a, b] a function jumps, else where the lines from both sides meet."""
    width = b - a
    left, start, end, right = functions(np.array([max(a - width, 0.0), a, b, b + width]))
    before, after = (start - left) / width, (right - end) / width
    steep = (np.abs(before) + np.abs(after)) * width + 1e-12 * (np.abs(start) + np.abs(end))
    jumps = np.abs(end - start) > 10 * steep
    if jumps.any():
        return _section(functions, a, b, int(np.argmax(jumps)))
    turn = before - after
    k = int(np.argmax(np.abs(turn) / (np.abs(before) + np.abs(after) + 1e-300)))
    meet = (a + b) / 2 if turn[k] == 0 else (end[k] - start[k] + before[k] * a - after[k] * b) / turn[k]
    return float(np.clip(meet, a, b))


def _section(functions: Functions, a: float, b: float, k: int) -> float:
    """Return the first float on the far side of a jump of function k."""
    low, high = functions(np.array([a, b]))[:, k]
    while True:
        grid = np.unique(np.linspace(a, b, 65))
        if len(grid) <= 2:
            return b
        values = functions(grid)[:, k]
        far = int(np.argmax(np.abs(values - low) > np.abs(values - high)))
        if (grid[far - 1], grid[far]) == (a, b):
            return b
        a, b = float(grid[far - 1]), float(grid[far])
