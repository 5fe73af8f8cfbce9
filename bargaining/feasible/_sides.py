"""A polytope by its sides {x : normal . (anchor - x) >= 0}: how far along a line, and inside or not."""

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats

EPS = float(np.finfo(float).eps)


def last_along(normals: Floats, anchors: Floats, grain: float, start: Floats, step: Floats) -> Floats:
    """Return the largest t with start + t * step within every side; -inf where the line misses.

    Parameters
    ----------
    normals, anchors : ndarray, shape (k, n)
        Outward normals of size one, and a point of each side.
    grain : float
        Rounding errors of coordinates of size one.
    start, step : ndarray, shape (..., n)
        In unit coordinates.
    """
    shape = np.broadcast_shapes(start.shape, step.shape)[:-1]
    first, last = np.full(shape, -np.inf), np.full(shape, np.inf)
    reach, room = largest(step), grain * np.maximum(1.0, largest(start))
    flat = 4 * EPS * reach
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for normal, anchor in zip(normals, anchors, strict=True):
            slack, speed = gap(normal, anchor, start), dot(normal, step)
            time = slack / speed
            last = np.where(speed > flat, np.minimum(last, time), last)
            first = np.where(speed < -flat, np.maximum(first, time), first)
            first = np.where((abs(speed) <= flat) & (slack < -room), np.inf, first)
        missed = (first > last) & ~((first - last) * reach <= 2 * room)
    return np.where(missed, -np.inf, last)


def within(normals: Floats, anchors: Floats, grain: float, x: Floats, tol: float) -> NDArray[np.bool_]:
    """Say whether unit coordinates lie within every side, up to `tol`."""
    room = -np.maximum(tol, grain * np.maximum(1.0, largest(x)))
    inside = np.ones(x.shape[:-1], dtype=bool)
    for normal, anchor in zip(normals, anchors, strict=True):
        inside &= gap(normal, anchor, x) >= room
    return inside


def dot(normal: Floats, x: Floats) -> Floats:
    """Return normal . x, summed in the order of the players."""
    total: Floats = normal[0] * x[..., 0]
    for i in range(1, len(normal)):
        total = total + normal[i] * x[..., i]
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
