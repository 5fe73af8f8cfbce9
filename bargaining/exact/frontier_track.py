"""The continuous Raiffa path below a frontier in floats, and the points of the frontier that it is read from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats

Function = Callable[[Floats], Floats]

MANY = 2**19  # nodes, unless a batch makes them too many
ENOUGH = 1e-14  # the rounding beyond which so many nodes are no use
COARSE = 4001
EPS = float(np.finfo(float).eps)
LONGEST = 1e-4  # the longest step
SMALL = 3e-8  # of the gains: where the path is taken to its end, with as many points as that
LATE = 60.0
NEAR = 0.01  # of the distance of two points of the frontier: how far one may be from where it is wanted
STRIDE = 0.1  # the longest step of the integration in floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Below:
    """A frontier, flat before `low` and upright after `high`, and d, in the frontier's own units.

    Attributes
    ----------
    function, inverse : callable
        f, and about its inverse; of arrays of one axis.
    derivative : callable or None
        f', if it is known.
    low, high : float
    d, gains : (2,) array
        Gains are about those of the ideal point.
    off : float
        How far d itself can be from its floats.
    nodes : int
        How many points may be taken.
    """

    function: Function
    inverse: Function
    derivative: Function | None
    low: float
    high: float
    d: Floats
    gains: Floats
    off: float
    nodes: int = MANY

    @property
    def rounding(self) -> float:
        """What payoffs are rounded by, over the gains."""
        return EPS * float(((np.abs(self.d) + self.gains) / self.gains).max())

    def value(self, x: Floats) -> Floats:
        """Return player 1's best."""
        return self.function(np.clip(x, self.low, self.high))

    def tangents(self, track: Track) -> Floats:
        """Return the slopes of either player's best at the points of a track, from the derivative."""
        assert self.derivative is not None
        far, near = track.best[0], np.clip(track.places[1], self.low, self.high)
        across, down = 1 / self.derivative(far), self.derivative(near)
        upright, flat = track.places[0] < self.value(far), track.places[1] < self.low
        return np.stack((np.where(upright, 0.0, across), np.where(flat, 0.0, down)))


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """The path in floats, and points of the frontier from which a(x) is read: for each player, along the first axis.

    Attributes
    ----------
    times : (k,) array
    gains : (2, k) array
        x - d.
    places, best : (2, k) array
        Points of the frontier: about the other player's payoff in x, and this player's.
    """

    times: Floats
    gains: Floats
    places: Floats
    best: Floats


def track_of(frontier: Below) -> Track:
    """Integrate the path, and take points that are the denser the more there is to gain."""
    from scipy.interpolate import PchipInterpolator

    d, (last, path) = frontier.d[:, None], _integrated(frontier)
    coarse = np.linspace(0.0, last, COARSE)
    x = d + path(coarse)
    best = np.stack((frontier.inverse(x[1]), frontier.value(x[0])))
    nodes = min(frontier.nodes, int(MANY * (ENOUGH / frontier.rounding) ** 0.5))
    times = _times(coarse, ((best - x) / frontier.gains[:, None]).max(axis=0), nodes)
    gains = path(times)
    own, height = d + gains
    far = PchipInterpolator(coarse, best[0])(times)
    beside = frontier.value(far)
    wrong = np.abs(beside - height) > NEAR * np.gradient(height)
    if wrong.any():  # at a kink
        far[wrong] = frontier.inverse(height[wrong])
        beside[wrong] = frontier.value(far[wrong])
    upright = (far >= frontier.high) & (height < beside)
    places = np.stack((np.where(upright, height, beside), own))
    return Track(times, gains, places, np.stack((far, frontier.value(own))))


def _integrated(frontier: Below) -> tuple[float, Function]:
    """Return the time at which little is left to gain, and the gains at any time until then."""
    from scipy.integrate import solve_ivp

    def field(_: float, gains: Floats) -> Floats:
        x = frontier.d + gains
        best: Floats = np.concatenate((frontier.inverse(x[1:]), frontier.value(x[:1])))
        return best - x

    small: float = max(SMALL * MANY / frontier.nodes, frontier.rounding**0.5)

    def left(time: float, gains: Floats) -> float:
        most: float = (field(time, gains) / frontier.gains).max()
        return most - small

    left.terminal = True  # type: ignore[attr-defined]
    path = solve_ivp(
        field,
        (0.0, LATE),
        np.zeros(2),
        method="DOP853",
        rtol=1e-12,
        atol=1e-16 * frontier.gains.min(),
        dense_output=True,
        events=left,
        max_step=STRIDE,
    )
    return float(path.t[-1]), path.sol


def _times(coarse: Floats, left: Floats, nodes: int) -> Floats:
    """Return points of time as far apart as what is left to the power -2/3: errors of steps squared add up to least."""
    width = coarse[1] - coarse[0]

    def counted(density: Floats) -> Floats:
        return np.concatenate(([0.0], np.cumsum((density[1:] + density[:-1]) / 2 * width)))

    density = np.maximum(left, left[-1] / 2) ** (2 / 3)
    density *= nodes / counted(density)[-1]
    count = counted(np.maximum(density, min(1 / LONGEST, nodes / coarse[-1])))
    return np.asarray(np.interp(np.linspace(0.0, count[-1], int(count[-1]) + 1), count, coarse))
