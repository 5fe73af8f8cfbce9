"""The path x' = a(x) - x from the origin in gains over ideal gains, for any convex set.

`end_of_flow` takes extrapolated midpoint steps. Every cell has its own step, so no cell's path depends on another's. An
error is judged by two orders of extrapolation (Gragg 1965; Bulirsch and Stoer 1966); at a kink of the set steps shrink
until they no longer feel it. The path never quite arrives; but where x + (a(x) - x)/n is on the frontier, the frontier
between the players' best points is straight by concavity, and the path ends just there.

`end_of_smooth_flow` is for sets that know how a(x) answers x. What is left to gain shrinks as exp(-n t) at the end, so
that in s = 1 - exp(-n t) the path is smooth up to its end at s = 1, which it reaches: x' = (a(x) - x)/(n (1 - s)).
Polynomials with this derivative at Gauss nodes, found by Newton's method at all nodes at once, need some dozen nodes in
all; an interval on which more nodes move the end is cut in two.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.polynomial import legendre

from bargaining._arrays import Floats

Rate = Callable[[Floats], Floats]
"""Takes and returns gains of shape (..., n)."""

EPS = float(np.finfo(float).eps)
SUBSTEPS = (2, 4, 6, 8, 10, 12)  # even numbers, as the error of midpoints is even in the step
ORDER = 2 * len(SUBSTEPS) - 1  # of the error in the step
TOLERANCE = 1e-14  # a step: some hundred steps stay below 1e-12
ROUNDS = 600  # steps: a limit where rounding keeps a path from arriving
SHORTEST = 1e-15  # of a step: at a kink no shorter one is more exact
NODES = (6, 10, 16)  # of an interval: each half as many again, so that two ends alike are no accident
SETTLED = 1e-12  # of an end, between two numbers of nodes
DIGITS = 1e-2  # by which more nodes must come nearer, or there is a kink: it is found by cutting
NEWTON_STEPS = 12  # from a straight guess, or from fewer nodes
KINK = 2.0**-20  # of an interval: a kink within moves the end by the square of its length


def end_of_flow(
    rate: Rate, start: Floats, *, first: Floats, longest: Floats, noise: Floats
) -> tuple[Floats, Floats]:
    """Return where the path ends, and what is left to gain there; NaN where it was not reached.

    Parameters
    ----------
    rate : callable
        a(x) - x; arguments may have one more axis before.
    start : ndarray, shape (..., n)
    first, longest : ndarray, shape (...)
        The first and the longest step of each cell.
    noise : ndarray, shape (...)
        Rounding errors of the rate.
    """
    n, allowed = start.shape[-1], TOLERANCE + 8 * noise
    x, step = np.array(start), first
    now = rate(x)
    end, left = np.full(x.shape, np.nan), np.full(step.shape, np.nan)
    live = np.asarray(np.isfinite(now).all(axis=-1))
    for _ in range(ROUNDS):
        jump = np.where(live[..., None], x + now / n, start)
        rest = np.abs(rate(jump)).max(axis=-1)
        arrived = live & (rest <= 4 * allowed)
        end, left = np.where(arrived[..., None], jump, end), np.where(arrived, rest, left)
        live = live & ~arrived
        if not live.any():
            break
        new, error = _extrapolate(rate, x, now, step)
        good = live & ((error <= allowed) | (step <= SHORTEST))
        x = np.where(good[..., None], new, x)
        now = np.where(good[..., None], rate(x), now)
        with np.errstate(divide="ignore", invalid="ignore"):
            seen = np.maximum(error - 4 * EPS, 0.0)  # rounding of x says nothing about the step
            factor = np.clip(0.9 * (allowed / seen) ** (1 / ORDER), 0.2, 3.0)
        step = np.where(live, np.minimum(step * np.where(np.isfinite(factor), factor, 0.2), longest), step)
    return end, left


def _extrapolate(rate: Rate, x: Floats, now: Floats, step: Floats) -> tuple[Floats, Floats]:
    """Return x after one step, and how much the last order and the last substeps changed it."""
    older: list[Floats] = []
    rows: list[Floats] = []
    for k, end in enumerate(_midpoints(rate, x, now, step)):
        row = [end]
        for j in range(1, k + 1):
            ratio = (SUBSTEPS[k] / SUBSTEPS[k - j]) ** 2 - 1
            row.append(row[j - 1] + (row[j - 1] - rows[j - 1]) / ratio)
        older, rows = rows, row
    # One of the two alone can be small by chance when a kink falls within the step.
    change = np.maximum(np.abs(rows[-1] - rows[-2]), np.abs(rows[-1] - older[-1])).max(axis=-1)
    return rows[-1], change


def _midpoints(rate: Rate, x: Floats, now: Floats, step: Floats) -> Floats:
    """Return x after one step by the midpoint rule, for each number of substeps; all move together."""
    h = step[..., None] / np.reshape(SUBSTEPS, (-1, *(1,) * x.ndim))
    before, here = np.broadcast_to(x, np.broadcast_shapes(h.shape, x.shape)), x + h * now
    ends = np.empty(here.shape)
    for count in range(1, SUBSTEPS[-1] + 1):
        move = h * rate(here)
        if count == SUBSTEPS[-len(here)]:
            ends[-len(here)] = (before[0] + here[0] + move[0]) / 2
            before, here, move, h = before[1:], here[1:], move[1:], h[1:]
        before, here = here, before + 2 * move
    return ends


Asked = Callable[[Floats], tuple[Floats, Floats]]
"""Takes gains (m, n); returns a(x) - x and its derivatives in x, (m, n, n)."""


def end_of_smooth_flow(ask: Asked, rate: Rate, players: int) -> tuple[Floats, float]:
    """Return where the path from the origin ends, and its error; NaN where the conditions could not be solved.

    The error adds up by how much the ends of intervals move with the number of nodes, how far what `ask` says at some
    nodes is from `rate`, and what is left to gain at the end.
    """
    x, begin, length, error = np.zeros(players), 0.0, 1.0, 0.0
    while 1.0 - begin > KINK:
        length = min(length, 1.0 - begin)
        found = _interval(ask, x, begin, length)
        if length > KINK and (found is None or found[3] > SETTLED):
            length /= 2.0
            continue
        if found is None:
            return np.full(players, np.nan), np.nan
        x, at, gain, moved = found
        some = [0, len(at) // 2, -1]
        error += moved + float(np.abs(rate(at[some]) - gain[some]).max())
        begin, length = begin + length, 2.0 * length
    return x, error + float(np.abs(rate(x)).max())


def _interval(
    ask: Asked, x: Floats, begin: float, length: float
) -> tuple[Floats, Floats, Floats, float] | None:
    """Return the end of the path over an interval of s, the nodes, what is left to gain there, and the error."""
    first = ask(x[None])[0][0]
    slopes = first[None] / (len(x) * (1.0 - begin))  # in Legendre polynomials
    end, moved = x + length * slopes[0], np.inf
    for count in NODES:
        nodes, weights = legendre.leggauss(count)
        inverse = np.linalg.inv(legendre.legvander(nodes, count - 1))
        onwards = (
            length / 2.0 * _integrals(nodes, count) @ inverse
        )  # from derivatives at nodes to the way gone
        at = x + length / 2.0 * _integrals(nodes, len(slopes)) @ slopes
        left = len(x) * (1.0 - begin - length * (nodes + 1.0) / 2.0)
        solved = _at_nodes(ask, x, at, onwards, left)
        if solved is None:
            return None
        at, gain = solved
        slopes, before, earlier = inverse @ (gain / left[:, None]), end, moved
        end = x + length / 2.0 * weights @ (gain / left[:, None])
        moved = float(np.abs(end - before).max())
        if moved <= SETTLED or moved > DIGITS * earlier:
            break
    return end, at, gain, moved


def _at_nodes(
    ask: Asked, x: Floats, at: Floats, onwards: Floats, left: Floats
) -> tuple[Floats, Floats] | None:
    """Solve at = x + onwards @ derivative(at) by Newton's method; the nodes and what is left to gain there."""
    count, n = at.shape
    least = np.inf
    for _ in range(NEWTON_STEPS):
        gain, answer = ask(at)
        if not (np.isfinite(gain).all() and np.isfinite(answer).all()):
            return None
        gap = at - x - onwards @ (gain / left[:, None])
        size = float(np.abs(gap).max())
        if size <= 4 * EPS or (size <= SETTLED and size >= least / 2.0):
            return at, gain
        least = min(least, size)
        change = np.einsum("ij,jkl->ikjl", onwards, answer / left[:, None, None])
        matrix = np.eye(count * n) - change.reshape(count * n, -1)
        at = at - np.linalg.solve(matrix, gap.ravel()).reshape(at.shape)
    return None


def _integrals(places: Floats, count: int) -> Floats:
    """Return the integrals of the first Legendre polynomials from -1 to some places, (p, count)."""
    values = legendre.legvander(places, count)
    degrees = np.arange(1, count)
    rest = (values[:, 2:] - values[:, :-2]) / (2.0 * degrees + 1.0)
    return np.concatenate([(places + 1.0)[:, None], rest], axis=1)
