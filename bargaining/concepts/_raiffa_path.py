r"""The path x' = a(x) - x below a chain of vertices, in closed form from edge to edge.

With x0 below an edge of slope -b and x1 beside an edge of slope -1/a, the ideal payoffs are linear, and the distances
u = v - x from the point v where the two lines meet obey u0' = -u0 - a u1, u1' = -u1 - b u0. With r = sqrt(a b)

.. math:: u_0(t) = e^{-t} (u_0 \cosh rt - a u_1 \sinh(rt)/r), \qquad
          u_1(t) = e^{-t} (u_1 \cosh rt - b u_0 \sinh(rt)/r),

until x0 or x1 passes a vertex, which is the root of a decreasing function. Once no edge lies between the two, the time
to the vertex that parts them is known in closed form, and on one and the same edge the path ends half way to the ideal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.feasible._root import decreasing_root

EPS = float(np.finfo(float).eps)
TOUCH = 8 * EPS  # distance of two vertices, in gains over ideal gains, below which they are one

Cells = NDArray[np.bool_]


def end_of_path(corners: Floats) -> Floats:
    """Return where the path from (0, 0) ends.

    Parameters
    ----------
    corners : ndarray, shape (..., k, 2)
        From (left, 1) to (1, low), both in [0, 1]; vertices may repeat.
    """
    shape = (*corners.shape[:-2], 1, 2)
    start, stop = np.broadcast_to([0.0, 1.0], shape), np.broadcast_to([1.0, 0.0], shape)
    chain = np.concatenate((start, corners, stop), axis=-2).reshape(-1, corners.shape[-2] + 2, 2)
    x, end = np.zeros((len(chain), 2)), np.full((len(chain), 2), np.nan)
    live = np.arange(len(chain))
    for _ in range(2 * chain.shape[1]):
        pair = _edges(chain[live], x[live])
        found = _arrive(pair, x[live])
        done = ~np.isnan(found).any(axis=1)
        end[live[done]] = found[done]
        live = live[~done]
        if not live.size:
            break
        x[live] = _advance(tuple(a[~done] for a in pair), x[live])
    return end.reshape(*corners.shape[:-2], 2)


Pair = tuple[
    Floats, ...
]  # right end of the edge above x0, top of the edge beside x1, slopes b and a, 1 where one edge


def _edges(chain: Floats, x: Floats) -> Pair:
    """Return the edge above x0 and the edge beside x1."""
    rows = np.arange(len(chain))
    above = np.minimum((chain[..., 0] <= x[:, :1]).sum(axis=1) - 1, chain.shape[1] - 2)
    beside = np.maximum((chain[..., 1] > x[:, 1:]).sum(axis=1) - 1, 0)
    left, right = chain[rows, above], chain[rows, above + 1]
    top, bottom = chain[rows, beside], chain[rows, beside + 1]
    with np.errstate(all="ignore"):
        b = (left[:, 1] - right[:, 1]) / (right[:, 0] - left[:, 0])
        a = (bottom[:, 0] - top[:, 0]) / (top[:, 1] - bottom[:, 1])
    straight = (above >= beside) | (a * b >= 1 - 4 * EPS)
    return right, top, b, a, straight.astype(float)


def _arrive(pair: Pair, x: Floats) -> Floats:
    """Return where the path ends, if no vertex or just one parts the edges; NaN elsewhere."""
    right, top, b, a, straight = pair
    best = np.stack(
        (top[:, 0] + a * (top[:, 1] - x[:, 1]), right[:, 1] + b * (right[:, 0] - x[:, 0])), axis=1
    )
    end = np.where(straight[:, None] > 0, x + (best - x) / 2, np.nan)
    one = (straight == 0) & ((top[:, 0] - right[:, 0] <= TOUCH) & (right[:, 1] - top[:, 1] <= TOUCH))
    if one.any():
        end[one] = _past_one_vertex(right[one], x[one], b[one], a[one])
    return end


def _past_one_vertex(vertex: Floats, x: Floats, b: Floats, a: Floats) -> Floats:
    """Return where the path ends when a single vertex parts the edges: on one of them, or at the vertex itself."""
    u = np.maximum(vertex - x, 0.0)
    r = np.sqrt(a * b)
    with np.errstate(all="ignore"):
        over = _left_at_crossing(u[:, 0] / (a * u[:, 1]), r) * u[:, 1]
        up = _left_at_crossing(u[:, 1] / (b * u[:, 0]), r) * u[:, 0]
    over, up = np.nan_to_num(over), np.nan_to_num(up)
    first = b * u[:, 0] ** 2 < a * u[:, 1] ** 2
    second = b * u[:, 0] ** 2 > a * u[:, 1] ** 2
    right = np.stack((vertex[:, 0] + a * over / 2, vertex[:, 1] - over / 2), axis=1)
    left = np.stack((vertex[:, 0] - up / 2, vertex[:, 1] + b * up / 2), axis=1)
    return np.where(first[:, None], right, np.where(second[:, None], left, vertex))


def _left_at_crossing(time: Floats, r: Floats) -> Floats:
    """Return the share of the other distance that is left when the first is used up, at tanh(r t) / r = time."""
    wave = r * time
    ratio = np.where(wave > 0, np.arctanh(np.minimum(wave, 1.0)) / np.where(wave > 0, wave, 1.0), 1.0)
    share: Floats = np.sqrt(np.maximum(1 - wave**2, 0.0)) * np.exp(-time * ratio)
    return share


def _advance(pair: Pair, x: Floats) -> Floats:
    """Return x when the first of x0 and x1 passes the end of its edge, which several edges part."""
    right, top, b, a, _ = pair
    across, down = top[:, 0] - right[:, 0], right[:, 1] - top[:, 1]
    beyond0 = (across - a * down) / (1 - a * b)
    beyond1 = down - b * beyond0
    u0, u1 = beyond0 + right[:, 0] - x[:, 0], beyond1 + top[:, 1] - x[:, 1]
    r = np.sqrt(a * b)

    def moved(t: Floats) -> tuple[Floats, Floats]:
        # cosh(r t) and sinh(r t) / r, times exp(-t): each alone leaves the floats where the edges are short.
        wave, slow = r * t, np.exp(-(1 - a * b) / (1 + r) * t)
        cosine = slow * (1 + np.exp(-2 * wave)) / 2
        sine = np.where(wave > 0, -slow * np.expm1(-2 * wave) / np.where(r > 0, 2 * r, 1.0), t * slow)
        return u0 * cosine - a * u1 * sine, u1 * cosine - b * u0 * sine

    def short(t: Floats) -> Floats:
        v0, v1 = moved(t)
        return np.minimum(v0 - beyond0, v1 - beyond1)

    with np.errstate(all="ignore"):
        latest = np.minimum((right[:, 0] - x[:, 0]) / across, (top[:, 1] - x[:, 1]) / down)
        t, _ = decreasing_root(short, np.zeros(len(x)), latest)
        v0, v1 = moved(t)
        rest0, rest1 = v0 - beyond0, v1 - beyond1
    crossed = rest0 <= rest1
    new0 = np.where(crossed, right[:, 0], np.clip(right[:, 0] - rest0, x[:, 0], right[:, 0]))
    new1 = np.where(crossed, np.clip(top[:, 1] - rest1, x[:, 1], top[:, 1]), top[:, 1])
    return np.stack((new0, new1), axis=1)
