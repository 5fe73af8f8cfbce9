r"""The path x' = a(x) - x below the facets of a polytope: linear from event to event, in any dimension.

Below the facets {y : N y = c}, N >= 0, player i's distance to the ideal payoff is the least of
:math:`(c_k - N_k x)/N_{ki}` over the facets k. While the same facet k(i) is nearest for each i, the distances
g = a(x) - x obey g' = -G g with rows :math:`G_i = N_{k(i)}/N_{k(i) i}`, so x(t) is an integral of a matrix exponential.
An event is the first time at which another facet becomes the nearest for somebody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats

Places = NDArray[np.intp]

NOISE = 8 * float(np.finfo(float).eps)  # of a slack, in gains over ideal gains
ARRIVED = 1e-13  # of the ideal gains: what is left of them is rounding
EVENTS = 5000  # facets passed: a limit for a path that rounding keeps from arriving
LONGEST = 1.0  # of time: gains shrink by a factor e at most in a step
CHECKS = 8  # of a step: between two of them a distance has one lowest point at most


class PathSides(Protocol):
    """The facets of a set with free disposal, in gains over ideal gains; all of them, or those found so far.

    Attributes
    ----------
    normals : ndarray, shape (m, n)
        Non-negative outward normals N, of largest entry one.
    limits : ndarray, shape (m,)
        The right-hand sides c, positive.
    """

    @property
    def normals(self) -> Floats: ...
    @property
    def limits(self) -> Floats: ...

    def add(self, x: Floats) -> bool:
        """Find the facets above x that are not known; say whether there were any."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """All the facets of a set."""

    normals: Floats
    limits: Floats

    def add(self, x: Floats) -> bool:
        """Find nothing."""
        return False


def end_of_facet_path(sides: PathSides, *, first: float) -> tuple[Floats, float]:
    """Return where the path from 0 ends, in gains over ideal gains, and what is left to gain there.

    Where a facet not known lies above the end of a step, the step is taken again with it. Between the ends
    the facets are concave: one that is the nearest at both is the nearest on the line between them.

    Parameters
    ----------
    sides : PathSides
    first : float
        The step after an event; two integrations that differ in it have different errors.
    """
    n = sides.normals.shape[1]
    x, step = np.zeros(n), first
    sides.add(x)
    for _ in range(EVENTS):
        normals, limits = sides.normals, sides.limits
        distances = _distances(normals, limits, x)
        gain = distances.min(axis=0)
        jump = x + gain / n
        left = np.abs(_distances(normals, limits, jump).min(axis=0)).max()
        if left <= ARRIVED / 50 or gain.max() <= ARRIVED:
            return jump, float(left)
        piece = _Piece(normals, limits, x, gain, _nearest(normals, distances, gain))
        ahead, met = piece.follow(step)
        if sides.add(ahead):
            continue
        x = ahead
        step = first if met else min(2 * step, LONGEST)
    return np.full(n, np.nan), np.nan


def _distances(normals: Floats, limits: Floats, x: Floats) -> Floats:
    """Return how far each player can go up to each facet."""
    slack = limits - normals @ x
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(normals > 0, slack[:, None] / normals, np.inf)


def _noise(normals: Floats, nearest: Places) -> Floats:
    """Return the differences of distances that rounding can make."""
    with np.errstate(divide="ignore"):
        each = NOISE / normals
    noise: Floats = np.where(normals > 0, each + each[nearest, np.arange(len(nearest))], 0.0)
    return noise


def _nearest(normals: Floats, distances: Floats, gain: Floats) -> Places:
    """Return each player's nearest facet; of several, the one that comes nearer fastest."""
    with np.errstate(divide="ignore", invalid="ignore"):
        speed = np.where(normals > 0, (normals @ gain)[:, None] / normals, 0.0)
    tied = distances <= gain + 2 * _noise(normals, np.argmin(distances, axis=0))
    nearest: Places = np.argmax(np.where(tied, speed, -np.inf), axis=0)
    return nearest


class _Piece:
    """The path while the nearest facets stay the same: (x(t) - x, 1) = exp(system t) (0, 1)."""

    def __init__(self, normals: Floats, limits: Floats, x: Floats, gain: Floats, nearest: Places) -> None:
        self.normals, self.limits, self.x = normals, limits, x
        self.nearest, self.own, self.noise = nearest, np.arange(len(x)), _noise(normals, nearest)
        self.system = np.zeros((len(x) + 1, len(x) + 1))
        self.system[:-1, :-1] = -normals[nearest] / normals[nearest, self.own][:, None]
        self.system[:-1, -1] = gain

    def follow(self, step: float) -> tuple[Floats, bool]:
        """Return x after a step, or at the first event within it; and whether there was one."""
        from scipy.linalg import expm

        jump, state, early = expm(self.system * (step / CHECKS)), np.append(0 * self.x, 1.0), 0.0
        lead, speed = self.lead(self.x)
        self.noise -= np.minimum(lead, 0.0)  # of facets that tie at the start none is passed there
        for late in step * np.arange(1, CHECKS + 1) / CHECKS:
            state, before = jump @ state, speed
            lead, speed = self.lead(self.x + state[:-1])
            last = late if lead.min() < 0 else self.dip(before, speed, early, late)
            if last is not None:
                return self.at(self.crossing(early, last)), True
            early = late
        return self.x + state[:-1], False

    def at(self, t: float) -> Floats:
        """Return x(t)."""
        from scipy.linalg import expm

        moved: Floats = self.x + expm(self.system * t)[:-1, -1]
        return moved

    def lead(self, x: Floats) -> tuple[Floats, Floats]:
        """Return how much farther other facets are than the nearest, up to rounding, and how fast that changes."""
        distances = _distances(self.normals, self.limits, x)
        gain = distances[self.nearest, self.own]
        with np.errstate(divide="ignore", invalid="ignore"):
            pace = np.where(self.normals > 0, -(self.normals @ gain)[:, None] / self.normals, 0.0)
            lead, speed = distances - gain + self.noise, pace - pace[self.nearest, self.own]
        lead[self.nearest, self.own] = np.inf
        return lead, speed

    def crossing(self, early: float, late: float) -> float:
        """Return when another facet becomes the nearest for somebody, after `early` and no later than `late`."""
        return _zero(lambda t: float(self.lead(self.at(t))[0].min()), early, late)

    def dip(self, before: Floats, after: Floats, early: float, late: float) -> float | None:
        """Return a time between two checks at which another facet is nearest for a moment; None if none is."""
        for place in map(tuple, np.argwhere((before < 0) & (after > 0))):

            def speed(t: float, place: tuple[int, ...] = place) -> float:
                return float(self.lead(self.at(t))[1][place])

            lowest = _zero(speed, early, late)
            if self.lead(self.at(lowest))[0][place] < 0:
                return lowest
        return None


def _zero(function: Callable[[float], float], early: float, late: float) -> float:
    """Return where a function changes its sign; the end nearer to that if, by rounding, it does not."""
    from scipy.optimize import brentq

    first, last = function(early), function(late)
    if (first > 0) == (last > 0):
        return early if abs(first) < abs(last) else late
    return float(brentq(function, early, late, xtol=1e-15, rtol=1e-14))
