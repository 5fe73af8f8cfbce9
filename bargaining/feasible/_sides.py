"""A polytope by its sides {x : normal . (anchor - x) >= 0}: how far along a line, and inside or not."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats

EPS = float(np.finfo(float).eps)


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
    start, step = (np.moveaxis(x, -1, 0) for x in np.broadcast_arrays(start, step))
    if slacks is None:
        slacks = (_slack(normal, anchor, start) for normal, anchor in zip(normals, anchors, strict=True))
    return _last(normals, grain, start, step, slacks)


def _slack(normal: Floats, anchor: Floats, start: Floats) -> Floats:
    slack: Floats = normal[0] * (anchor[0] - start[0])
    for i in range(1, len(normal)):
        slack = slack + normal[i] * (anchor[i] - start[i])
    return slack


def _last(normals: Floats, grain: Floats, start: Floats, step: Floats, slacks: Iterable[Floats]) -> Floats:
    """Take one player after the other: faster over so short an axis, and sums do not depend on the batch."""
    reach, room = np.abs(step).max(axis=0), rounding(grain, start.T).T
    first, last = np.full(reach.shape, -np.inf), np.full(reach.shape, np.inf)
    flat, beyond = 4 * EPS * reach, np.zeros(reach.shape, dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for normal, slack in zip(normals, slacks, strict=True):
            speed = normal[0] * step[0]
            for i in range(1, len(normal)):
                speed = speed + normal[i] * step[i]
            time, ahead = slack / speed, speed > flat
            if ahead.all():
                last = np.minimum(last, time)
                continue
            behind = speed < -flat
            if behind.all():
                first = np.maximum(first, time)
                continue
            last = np.minimum(last, np.where(ahead, time, np.inf))
            first = np.maximum(first, np.where(behind, time, -np.inf))
            beyond = beyond | (~(ahead | behind) & (slack < -across(normal, room)))
        missed = first > last
        if missed.any():
            missed = missed & ~((first - last) * np.abs(step) <= 2 * room).all(axis=0)
        missed = missed | beyond
    return np.where(missed, -np.inf, last)


def within(
    normals: Floats, anchors: Floats, grain: Floats, x: Floats, tol: float, *, open_below: bool
) -> NDArray[np.bool_]:
    """Say whether unit coordinates lie within every side and in the unit box, up to `tol`."""
    rooms = rounding(grain, x)
    least = -np.inf if open_below else -np.maximum(tol, rooms)
    inside = np.array(every((x <= 1.0 + np.maximum(tol, rooms)) & (x >= least)))
    room = np.moveaxis(rooms, -1, 0)
    for normal, anchor in zip(normals, anchors, strict=True):
        inside &= gap(normal, anchor, x) >= -np.maximum(tol, across(normal, room))
    return inside


def rounding(grain: Floats, x: Floats) -> Floats:
    """Return the rounding errors of unit coordinates, player by player; large for a payoff that hardly varies."""
    room: Floats = grain + 16 * EPS * np.abs(x)
    return room


def across(normal: Floats, room: Floats) -> Floats:
    """Return the tolerances of coordinates, shape (n, ...), as a distance across a side."""
    total: Floats = np.abs(normal[0]) * room[0]
    for i in range(1, len(normal)):
        total = total + np.abs(normal[i]) * room[i]
    return total


def gap(normal: Floats, anchor: Floats, x: Floats) -> Floats:
    """Return normal . (anchor - x)."""
    total: Floats = normal[0] * (anchor[0] - x[..., 0])
    for i in range(1, len(normal)):
        total = total + normal[i] * (anchor[i] - x[..., i])
    return total


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
