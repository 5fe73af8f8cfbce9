"""A polytope by its sides {x : normal . (anchor - x) >= 0}: how far along a line, and inside or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats

EPS = float(np.finfo(float).eps)
BLOCK = 4096  # numbers worked on together: what is computed on the way stays in the processor's cache


def last_along(
    normals: Floats,
    anchors: Floats,
    grain: Floats,
    start: Floats,
    step: Floats,
    *,
    slacks: Iterable[Floats] | None = None,
) -> Floats:
    """Return the largest t with start + t * step within every side; -inf where the line misses.

    Parameters
    ----------
    normals, anchors : ndarray, shape (k, n)
        Outward normals of size one, and a point of each side.
    grain : ndarray, shape (n,)
        Rounding errors of coordinates of size one, player by player.
    start, step : ndarray, shape (..., n)
        In unit coordinates.
    slacks : iterable of ndarray, shape (...), optional
        normal . (anchor - start) of each side, where they are known better than from coordinates.
    """
    start, step = (players_first(x) for x in np.broadcast_arrays(start, step))
    rest = () if slacks is None else iter(slacks)
    reach, room = np.abs(step).max(axis=0), rounding(grain, start.T).T
    first, last = np.full(reach.shape, -np.inf), np.full(reach.shape, np.inf)
    flat, beyond = 4 * EPS * reach, np.zeros(reach.shape, dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for some_normals, some_anchors in _several(normals, anchors, reach):
            speed = _sum_of_players(some_normals, step)
            if slacks is None:
                slack = _sum_of_players(some_normals, [*map(np.subtract, some_anchors, start)])
            else:
                slack = np.array([*islice(rest, len(speed))])
            time, ahead = slack / speed, speed > flat
            if ahead.all():
                last = np.minimum(last, _folded(np.minimum, time))
                continue
            behind = speed < -flat
            if behind.all():
                first = np.maximum(first, _folded(np.maximum, time))
                continue
            last = np.minimum(last, _folded(np.minimum, np.where(ahead, time, np.inf)))
            first = np.maximum(first, _folded(np.maximum, np.where(behind, time, -np.inf)))
            still = ~(ahead | behind)
            if still.any():
                out = still & (slack < -across(some_normals, room))
                beyond = beyond | _folded(np.logical_or, out)
        missed = first > last
        if missed.any():
            missed = missed & ~((first - last) * np.abs(step) <= 2 * room).all(axis=0)
        missed = missed | beyond
    return np.where(missed, -np.inf, last)


def players_first(x: Floats) -> Floats:
    """Return a view of payoffs with players as the first axis."""
    return x if x.ndim == 1 else x.transpose(-1, *range(x.ndim - 1))


def _several(normals: Floats, anchors: Floats, cells: NDArray[Any]) -> Iterator[tuple[Floats, Floats]]:
    """Yield sides, shape (n, k, ...), as many at once as make a block with these cells: all of them for one cell."""
    few = max(1, BLOCK // max(1, cells.size))
    shape = (normals.shape[1], -1, *(1,) * cells.ndim)
    for k in range(0, len(normals), few):
        yield normals[k : k + few].T.reshape(shape), anchors[k : k + few].T.reshape(shape)


def _sum_of_players(weights: Floats, x: Sequence[Floats] | Floats) -> Floats:
    """Take one player after the other: faster over so short an axis, and sums do not depend on the batch."""
    total: Floats = weights[0] * x[0]
    for i in range(1, len(weights)):
        total = total + weights[i] * x[i]
    return total


def _folded(ufunc: np.ufunc, values: NDArray[Any]) -> NDArray[Any]:
    """Return what is left of the first axis, that of the sides."""
    left: NDArray[Any] = values[0] if len(values) == 1 else ufunc.reduce(values, axis=0)
    return left


def within(
    normals: Floats,
    anchors: Floats,
    grain: Floats,
    x: Floats,
    tol: float,
    *,
    open_below: bool,
    boxed: bool = True,
) -> NDArray[np.bool_]:
    """Say whether unit coordinates lie within every side and, of a `boxed` set, in the unit box, up to `tol`."""
    rooms = rounding(grain, x)
    least = -np.inf if open_below else -np.maximum(tol, rooms)
    inside = np.array(every((x <= 1.0 + np.maximum(tol, rooms)) & (x >= least)) | (not boxed))
    start, room = players_first(x), players_first(rooms)
    for normal, anchor in _several(normals, anchors, inside):
        gap = _sum_of_players(normal, [*map(np.subtract, anchor, start)])
        inside &= _folded(np.logical_and, gap >= -np.maximum(tol, across(normal, room)))
    return inside


def rounding(grain: Floats, x: Floats) -> Floats:
    """Return the rounding errors of unit coordinates, player by player; large for a payoff that hardly varies."""
    room: Floats = grain + 16 * EPS * np.abs(x)
    return room


def across(normal: Floats, room: Floats) -> Floats:
    """Return the tolerances of coordinates, shape (n, ...), as a distance across a side."""
    return _sum_of_players(np.abs(normal), room)


def largest(x: Floats) -> Floats:
    """Return the largest size over players: a reduction over so short an axis is slow."""
    most: Floats = np.abs(x[..., 0])
    for i in range(1, x.shape[-1]):
        most = np.maximum(most, np.abs(x[..., i]))
    return most


def every(holds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say where something holds for all players."""
    result: NDArray[np.bool_] = holds[..., 0]
    for i in range(1, holds.shape[-1]):
        result = result & holds[..., i]
    return result


def some(holds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say where something holds for a player."""
    result: NDArray[np.bool_] = holds[..., 0]
    for i in range(1, holds.shape[-1]):
        result = result | holds[..., i]
    return result


def best_points(unit: Floats, scaled: Floats, grain: Floats) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return which of some points has the best weighted sum, and which tie with it up to rounding, on a new first axis.

    Sums are compared by differences of points, so that payoffs that are large but equal at both points do not hide the
    others: a dominated point does not tie with the point that dominates it.

    Parameters
    ----------
    unit : ndarray, shape (m, n)
        Points in unit coordinates.
    scaled : ndarray, shape (..., n)
        Weights in these.
    grain : ndarray, shape (n,)
        Rounding errors of the coordinates.
    """
    best = np.zeros(scaled.shape[:-1], dtype=np.intp)
    for k in range(1, len(unit)):
        best = np.where(_sum(scaled, unit[k] - unit[best]) > 0, k, best)
    tied = np.empty((len(unit), *best.shape), dtype=bool)
    first = unit[best]
    for k, point in enumerate(unit):
        away = point - first
        room = np.where(away != 0, grain * np.abs(scaled), 0.0).sum(axis=-1)
        tied[k] = _sum(scaled, away) >= -room
    return best, tied


def _sum(weights: Floats, x: Floats) -> Floats:
    total: Floats = weights[..., 0] * x[..., 0]
    for i in range(1, x.shape[-1]):
        total = total + weights[..., i] * x[..., i]
    return total
