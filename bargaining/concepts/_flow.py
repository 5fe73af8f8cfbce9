"""The path x' = a(x) - x from the origin in gains over ideal gains, for any convex set: extrapolated midpoint steps.

Every cell has its own step, so no cell's path depends on another's. An error is judged by two orders of extrapolation
(Gragg 1965; Bulirsch and Stoer 1966); at a kink of the set steps shrink until they no longer feel it. The path never
quite arrives; but where x + (a(x) - x)/n is on the frontier, the frontier between the players' best points is straight
by concavity, and the path ends just there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bargaining._arrays import Floats

Rate = Callable[[Floats], Floats]
"""Takes and returns gains of shape (..., n)."""

EPS = float(np.finfo(float).eps)
SUBSTEPS = (2, 4, 6, 8, 10, 12)  # even numbers, as the error of midpoints is even in the step
ORDER = 2 * len(SUBSTEPS) - 1  # of the error in the step
TOLERANCE = 1e-14  # a step: some hundred steps stay below 1e-12
ROUNDS = 600  # steps: a limit where rounding keeps a path from arriving
SHORTEST = 1e-15  # of a step: at a kink no shorter one is more exact


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
