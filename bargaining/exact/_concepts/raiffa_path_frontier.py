r"""A box around the continuous Raiffa solution below a frontier that is known by its values only.

The premises: f falls, is concave, and is right to four units in the last place. The path satisfies x' = a(x) - x, with
the ideal point a0 = f⁻¹(x1), a1 = f(x0). It is integrated in floats, and the frontier is evaluated at up to half a
million points on each side of the path's end. Between two of these points f lies above the chord, within the triangle
whose other two sides extend the next chords.

The path is compared with a curve y. Between two points of time its speed v is linear plus a parabola. The parabola
cancels the curvature of the field along the chord of slope m, and that of f if f is a parabola itself. Let l be the sum
of the triangle's sides at the ends of the chord: then f is within 3/16 l of that parabola, or within l/8 if f' is known
and the triangle's sides are tangents. So the defect v + y - a(y) is known up to this error, the cube of a step, and
rounding. Its effect on the distance is bounded as for polytopes: with weights w and the distance ε w, ε' is at most (s
- 1) ε + δ, where s is the larger of (w_1/w_0)/|m| and |m| w_0/w_1 over the slopes m nearby.

When little is left to gain, the frontier between the players' best points is nearly straight. Let -m be the slope of
its chord and γ the height of its triangle. Then m x0 + x1 ends between its value on the chord and γ more. Below a
straight chord m x0 - x1 would be constant; here it changes at a speed of at most γ until the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from bargaining._arrays import Floats

Box = tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]

EPS = float(np.finfo(float).eps)
ULPS = 4 * EPS  # the premise about the user's functions, relative
ROUNDING = 32 * EPS  # relative error of about ten operations in floats, each half an ulp
CUBIC = 0.07  # of a step times a parabola's height: how far its integral differs from a line
AHEAD = 16  # the path is within this many nodes of the curve
SPARE = AHEAD + 2  # last nodes, used only to bound slopes
BACK = 500  # the last chord goes back by one node in this many
TAIL = 20  # units of time after which nothing is left at the rate 1
MORE = 1 + 1e-6  # covers the rounding of sums of many terms


def continuous_raiffa(frontier: Below) -> Box | None:
    """Return a box around the end of the path; None if none is proved."""
    with np.errstate(all="ignore"):
        track = track_of(frontier)
        if track.times.size < 2 * SPARE or not (np.diff(track.places) > 0).all():
            return None
        chords = _chords(frontier, track)
        speeds, gains, distance = _followed(frontier, track, chords)
        if not distance < 1 or not (speeds > 0).all():
            return None
        return _end(frontier, track, chords, (gains[:, -1], speeds[:, -1]), distance)


@dataclass(frozen=True, slots=True, eq=False)
class _Chords:
    """The chords of the pieces, up to the end of the curve, along the last axis, and bounds of the frontier from them.

    Attributes
    ----------
    slopes, runs : array
    sides : array
        An upper bound of the sum of the triangle's sides at the ends of a chord.
    steepest : array
        An upper bound of the frontier's steepness, some pieces ahead.
    room : array
        The distance up to which this bound is valid.
    noise : array
        The error of the values at the points.
    """

    slopes: Floats
    runs: Floats
    sides: Floats
    steepest: Floats
    room: Floats
    noise: Floats


def _chords(frontier: Below, track: Track) -> _Chords:
    runs, last = np.diff(track.places), track.times.size - 1 - SPARE
    slopes = np.diff(track.best) / runs
    steep = np.abs(np.concatenate((slopes[:, 1:], slopes[:, -1:], slopes[:, -1:]), axis=1))
    noise = ULPS * np.stack((steep[0] * np.abs(track.places[0]), np.abs(track.best[1])))
    blur = (noise[:, 1:] + noise[:, :-1]) / runs + ULPS * np.abs(slopes)
    if frontier.derivative is None:
        left = np.concatenate((np.zeros((2, 1)), slopes[:, : last - 1] + blur[:, : last - 1]), axis=1)
        right = (slopes - blur)[:, 1 : last + 1]
    else:
        tangents = frontier.tangents(track)
        left, right = tangents[:, :last] * (1 - ULPS), tangents[:, 1 : last + 1] * (1 + ULPS)
    return _Chords(
        slopes=slopes[:, : last + 1],
        runs=runs[:, : last + 1],
        sides=np.maximum(left - right, 0.0) * runs[:, :last],
        steepest=np.abs((slopes - blur)[:, AHEAD : last + AHEAD]),
        room=track.places[:, AHEAD : last + AHEAD] - track.places[:, 1 : last + 1],
        noise=noise[:, : last + 1],
    )


def _followed(frontier: Below, track: Track, chords: _Chords) -> tuple[Floats, Floats, float]:
    """Return the curve's speeds and gains, and the largest distance of the path from its end, over the last speeds."""
    last = track.times.size - 1 - SPARE
    d, steps = frontier.d[:, None], np.diff(track.times[: last + 1])
    places, best = track.places[:, : last + 1], track.best[:, : last + 1]

    def read(gains: Floats) -> Floats:
        return best + chords.slopes * ((d + gains)[::-1] - places)

    slopes = chords.slopes[:, :-1]
    speeds = read(track.gains[:, : last + 1]) - d - track.gains[:, : last + 1]
    turns = np.diff(speeds)
    share = 1 / 16 if frontier.derivative is None else 1 / 8  # the parabola's height over the sides' sum
    bumps = steps / 8 * (turns - slopes * turns[::-1]) + chords.sides * share
    gains = _sums(steps * ((speeds[:, 1:] + speeds[:, :-1]) / 2 + 2 / 3 * bumps))
    misses = np.abs(speeds + d + gains - read(gains)) + chords.noise
    sizes = np.abs(best) + np.abs(d) + np.abs(gains)
    misses += ROUNDING * (sizes + np.abs(chords.slopes) * sizes[::-1])
    off = _larger(np.abs((d + gains)[::-1] - places)) + steps * (np.abs(turns) / 8 + np.abs(bumps))[::-1]
    defects = _larger(misses) + chords.sides * (1 / 4 - share + 2 * off / chords.runs[:, :-1])
    defects += CUBIC * steps * (np.abs(bumps) + np.abs(slopes) * np.abs(bumps[::-1]))
    distances = _distances(speeds, defects, chords.steepest, steps, frontier.off)
    reach = distances[1:] * MORE * speeds[::-1, :-1] + off
    near = (reach <= chords.room).all()
    return speeds, gains, float(distances[-1]) * MORE if near else np.inf


def _distances(speeds: Floats, defects: Floats, steepest: Floats, steps: Floats, off: float) -> Floats:
    """Bound the path's distance from the curve at the nodes, relative to the speeds there."""
    weights = speeds[:, :-1]
    rates = ((steepest * weights[::-1] / weights).max(axis=0) - 1) * steps
    shrunk = (weights / speeds[:, 1:]).max(axis=0)
    growth = np.cumsum(rates + np.log(shrunk))
    new = (defects / weights).max(axis=0) * steps * np.exp(np.maximum(rates, 0.0)) * shrunk
    first = float((off / speeds[:, 0]).max())
    found = np.exp(growth) * (first + np.cumsum(new * np.exp(-growth)))
    # Between two nodes it is no larger than at either, up to the change of the speeds in between.
    return np.concatenate(([first], found * np.exp(np.abs(rates))))


def _sums(terms: Floats) -> Floats:
    """Return 0 and the cumulative sums, corrected by the rounding error of each addition (Knuth 1969)."""
    sums = np.concatenate((np.zeros((2, 1)), np.cumsum(terms, axis=1)), axis=1)
    moved = np.diff(sums)
    lost = (sums[:, :-1] - (sums[:, 1:] - moved)) + (terms - moved)
    sums[:, 1:] += np.cumsum(lost, axis=1)
    return sums


def _larger(values: Floats) -> Floats:
    """Return the larger of the values at the two ends of each piece."""
    return np.maximum(values[:, 1:], values[:, :-1])


def _end(
    frontier: Below, track: Track, chords: _Chords, ends: tuple[Floats, Floats], distance: float
) -> Box | None:
    """Return a box around the end of the path, from the chord between points before the end on both sides."""
    gains, speeds = ends
    last = chords.runs.shape[1] - 1
    at = last - max(last // BACK, AHEAD)
    places, best = track.places, track.best
    near = MORE * distance * speeds + ROUNDING * (np.abs(frontier.d) + np.abs(gains))
    apart = np.abs((frontier.d + gains)[::-1] - places[:, last]) + near[::-1]
    run, fall = best[0, at] - places[1, at], best[1, at] - places[0, at]
    slope = fall / run
    # at the start of either side
    steep = [_steepness(track, chords, i, at, wide) for i, wide in ((0, fall), (1, run))]
    if not (apart < places[:, last] - places[:, at]).all() or not steep[0] < 0:
        return None
    wrong = ULPS * (abs(best[1, at]) + abs(places[0, at]) + slope * (abs(best[0, at]) + abs(places[1, at])))
    height = MORE * (max(steep[1] - 1 / steep[0], 0.0) * run / 4 + 2 * wrong)
    drift = height * TAIL + 2 * max(slope * speeds[0], speeds[1]) * np.exp(-TAIL)
    return _crossing(slope, (places[1, at], best[1, at]), frontier.d, gains, near, height, drift * MORE)


def _steepness(track: Track, chords: _Chords, player: int, at: int, wide: float) -> float:
    """Bound from above the frontier's slope from a point on, by the slope of a chord about as wide before it."""
    places, best = track.places[player], track.best[player]
    first = max(int(np.searchsorted(places, places[at] - wide / 2)) - 1, 0)
    blur = chords.noise[player, first] + chords.noise[player, at] + ULPS * abs(best[at] - best[first])
    return float((best[at] - best[first] + blur) / (places[at] - places[first]))


def _crossing(
    slope: float, point: Sequence[float], d: Floats, gains: Floats, near: Floats, height: float, drift: float
) -> Box:
    """Return a box of the x with m x0 + x1 within a height of a chord, and m x0 - x1 within a drift of its value."""
    m, (p_0, p_1), (r_0, r_1) = Fraction(slope), map(Fraction, point), map(Fraction, near.tolist())
    x_0, x_1 = (Fraction(a) + Fraction(b) for a, b in zip(d.tolist(), gains.tolist(), strict=True))
    total = m * p_0 + p_1 - Fraction(height), m * p_0 + p_1 + Fraction(height)
    least, most = (m * x_0 - x_1 + sign * (m * r_0 + r_1 + Fraction(drift)) for sign in (-1, 1))
    return (
        ((total[0] + least) / (2 * m), (total[0] - most) / 2),
        ((total[1] + most) / (2 * m), (total[1] - least) / 2),
    )


Function = Callable[[Floats], Floats]

MANY = 2**19  # nodes, fewer in large batches
ENOUGH = 1e-14  # with larger rounding so many nodes are of no use
COARSE = 4001  # points of the path in floats from which the nodes are placed
LONGEST = 1e-4  # the longest step
SMALL = 3e-8  # of the gains: the path ends when less is left, with MANY points
LATE = 60.0  # a time at which exp(-t) is negligible
NEAR = 0.01  # of the distance of two points of the frontier: the largest error of a point's place
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
        Gains are about those at the ideal point.
    off : float
        A bound of the rounding of d to floats.
    nodes : int
        The largest number of points.
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
        """The rounding of payoffs, relative to the gains."""
        return EPS * float(((np.abs(self.d) + self.gains) / self.gains).max())

    def value(self, x: Floats) -> Floats:
        """Return player 1's best payoff."""
        return self.function(np.clip(x, self.low, self.high))

    def tangents(self, track: Track) -> Floats:
        """Return the slopes of each player's best payoff at the points of a track, from the derivative."""
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
        Points of the frontier: the other player's payoff, which is about hers in x, and this player's.
    """

    times: Floats
    gains: Floats
    places: Floats
    best: Floats


def track_of(frontier: Below) -> Track:
    """Integrate the path, and choose points that are denser where there is more to gain."""
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
    """Return times with distances in proportion to what is left to the power -2/3, which minimises the error."""
    width = coarse[1] - coarse[0]

    def counted(density: Floats) -> Floats:
        return np.concatenate(([0.0], np.cumsum((density[1:] + density[:-1]) / 2 * width)))

    density = np.maximum(left, left[-1] / 2) ** (2 / 3)
    density *= nodes / counted(density)[-1]
    count = counted(np.maximum(density, min(1 / LONGEST, nodes / coarse[-1])))
    return np.asarray(np.interp(np.linspace(0.0, count[-1], int(count[-1]) + 1), count, coarse))
