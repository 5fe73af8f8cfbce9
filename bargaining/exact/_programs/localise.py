r"""Boxes around a saddle point, by cutting planes: Minty's inequality at spots close to a guess.

At spots :math:`x_k` a small step from a guess the operator is known in intervals, so that
:math:`T(x_k) \cdot (x^* - x_k) \le 0` are linear inequalities. For a direction c and any :math:`\lambda \ge 0`

.. math:: c \cdot x^* \le \sum_k \lambda_k T(x_k) \cdot x_k + \max_x \Big(c - \sum_k \lambda_k T(x_k)\Big) \cdot x,

the maximum being over the box known so far and over the intervals of T. :math:`\lambda` comes from a linear program
in floats; whatever it is, the bound holds, and is evaluated in integers. With steps of size t, an operator whose
entries err by e, and a box of radius R, the bound is about :math:`t + e R / t`: steps of :math:`\sqrt{e R}` take the
radius to :math:`2 \sqrt{e R}`, from 1 to 1e-7, 1e-11 and 1e-13. Every coordinate has a step of its own, as T bends by
its own along it. In between, Newton's method with the differences of T improves the guess.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.exact._programs.programs import Interval
from bargaining.exact._programs.saddle import Saddle, Spot

UNIT, SHARE = 1 << 160, 1 << 64  # of coordinates, and of multipliers
FIRST = 2.0**-20  # step before it is known how T bends
STEPS = 2.0**-50, 2.0**-6  # the shortest and the longest
ROUNDS = 8  # each takes the square root of the error: four reach rounding from any box
SETTLED = 1e-9  # in units: a step after which Newton's method is at its end
LEAST = 2  # rounds before one can be the last: the first ones say little of prices that are known well
WORTH = 0.6  # a round that leaves more of the prices' width is the last
CAP = 1e6  # cuts that are worse than the middle one by this much are alike
NARROW = 2e-13  # relative width at which prices are known well enough
FLAT = 1e-12  # of the largest singular value: directions that Newton's method leaves alone
NEAR, SMALLEST = 1e-6, 1e-100  # of its range: a decision close to its bound, and one that is on it
FIRM = 1e-6  # of T, in units: by which it holds a coordinate on its bound


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cuts:
    """What T is at spots around a guess, in units of the coordinates.

    Attributes
    ----------
    low, high : ndarray, shape (m, N)
        Integers, over `UNIT`: bounds of T.
    offset : ndarray, shape (m,)
        Integers, over `UNIT`: at least T . (x_k - x) for the guess x.
    places : ndarray, shape (m,)
        The coordinate in which the spot differs from the guess; -1 for the guess.
    steps : ndarray, shape (m,)
        By how much it differs, in floats; 1 for the guess.
    """

    low: np.ndarray
    high: np.ndarray
    offset: np.ndarray
    places: np.ndarray
    steps: Floats


def localise(saddle: Saddle, spot: Spot, box: Sequence[Interval]) -> list[Interval]:
    """Return a box within the given one that holds the coordinates of every saddle point that it holds.

    Parameters
    ----------
    saddle : Saddle
    spot : Spot
        Near one.
    box : sequence of tuple
        Bounds of decisions, prices and multipliers.
    """
    n, k = len(spot.prices), spot.z.size
    units, known = _units(saddle, spot), list(box)
    spot, cuts = _centred(saddle, spot, units)
    for count in range(ROUNDS):
        steps = None if cuts is None else _steps(cuts, _reach(known, spot, units))
        cuts = None if steps is None else _cuts(saddle, spot, units, steps)
        if cuts is None:
            break
        before = _widest(known, units, k, n)
        known = _shrunk(known, spot, units, cuts)
        now = _widest(known, units, k, n)
        if now <= NARROW or (now > WORTH * before and count >= LEAST):
            break
        spot = _improved(saddle, spot, units, cuts)
    return known


def _centred(saddle: Saddle, spot: Spot, units: list[Fraction]) -> tuple[Spot, Cuts | None]:
    """Return the spot to which Newton's method leads, and cuts around the one before it."""
    steps, last = np.full(len(units), FIRST), np.inf
    for _ in range(ROUNDS):
        cuts = _cuts(saddle, spot, units, steps)
        if cuts is None:
            break
        moved = _improved(saddle, spot, units, cuts)
        pairs = zip(moved.coordinates(), spot.coordinates(), units, strict=True)
        far, spot = max(float(abs(x - y) / u) for x, y, u in pairs), moved
        if far <= SETTLED or far > last:
            break
        last = far
    return spot, cuts


def _widest(box: Sequence[Interval], units: list[Fraction], first: int, count: int) -> float:
    """Return the largest width of the prices, in units."""
    return max(float((b - a) / u) for (a, b), u in list(zip(box, units, strict=True))[first : first + count])


def _units(saddle: Saddle, spot: Spot) -> list[Fraction]:
    """Return a power of two for each coordinate, about what it can change by."""
    inside = saddle.it.inside
    room = np.minimum(spot.z - inside.lower, inside.upper - spot.z)
    near = (room > SMALLEST * inside.width) & (room < NEAR * inside.width)
    width = np.where(near, room, inside.width)
    rows = saddle.gradients(spot.z) * width
    price = [float(q) for q in spot.prices]
    size = [
        *width,
        *(q if q > 0 else max(price) or 1.0 for q in price),
        *(1 / np.abs(rows).max(axis=1, initial=1e-300)),
    ]
    return [Fraction(2) ** int(np.clip(np.round(np.log2(s)), -900, 900)) for s in size]


def _cuts(saddle: Saddle, spot: Spot, units: list[Fraction], steps: Floats) -> Cuts | None:
    here = saddle.at(spot)
    if here is None:
        return None
    start = spot.coordinates()
    found = [(here, -1, Fraction(0))]
    for j, (x, unit, step) in enumerate(zip(start, units, steps, strict=True)):
        for sign in (1, -1):
            moved = spot.moved(j, _next(saddle, spot, j, x + sign * unit * Fraction(step), sign))
            move = moved.coordinates()[j] - x
            there = saddle.at(moved) if move else None
            if there is not None:
                found.append((there, j, move))
    bounds = [[(a * u, b * u) for (a, b), u in zip(t, units, strict=True)] for t, _, _ in found]
    places, moves = [j for _, j, _ in found], [m for _, _, m in found]
    shifts = [m / units[j] for j, m in zip(places, moves, strict=True)]
    offset = [
        0 if j < 0 else _up(max(t[j][0] * s, t[j][1] * s))
        for t, j, s in zip(bounds, places, shifts, strict=True)
    ]
    return Cuts(
        low=np.array([[_down(a) for a, _ in t] for t in bounds], dtype=object),
        high=np.array([[_up(b) for _, b in t] for t in bounds], dtype=object),
        offset=np.array(offset, dtype=object),
        places=np.array(places),
        steps=np.array([1.0 if j < 0 else float(s) for j, s in zip(places, shifts, strict=True)]),
    )


def _next(saddle: Saddle, spot: Spot, place: int, value: Fraction, sign: int) -> Fraction:
    """Return the number in its domain, another float than where it was if there is one."""
    inside = saddle.it.inside
    rounded = float(value)
    if place < spot.z.size:
        here = float(spot.z[place])
        rounded = float(np.nextafter(here, sign * np.inf)) if sign and rounded == here else rounded
        return Fraction(min(max(rounded, float(inside.lower[place])), float(inside.upper[place])))
    return max(Fraction(rounded), Fraction(0))


def _floats(cuts: Cuts) -> tuple[Floats, Floats]:
    """Return T's middle and its error."""
    middle = ((cuts.low + cuts.high) / (2 * UNIT)).astype(float)
    return middle, ((cuts.high - cuts.low) / (2 * UNIT)).astype(float)


def _steps(cuts: Cuts, reach: Floats) -> Floats:
    """Return the step for each coordinate at which what T bends by and what it errs by count alike."""
    _, error = _floats(cuts)
    doubt = error @ np.abs(reach).max(axis=1)
    offset = (cuts.offset / UNIT).astype(float)
    steps = np.full(len(reach), STEPS[1])
    for j, step, far, off in zip(cuts.places, cuts.steps, offset, doubt, strict=True):
        if j >= 0:
            bend = max(far / step**2, SMALLEST)
            steps[j] = min(steps[j], max(np.sqrt(off / bend), STEPS[0]))
    return steps


def _reach(box: Sequence[Interval], spot: Spot, units: list[Fraction]) -> Floats:
    """Return how far the box goes from the spot, down and up, in units."""
    places = zip(box, spot.coordinates(), units, strict=True)
    return np.array([[float((a - x) / u), float((b - x) / u)] for (a, b), x, u in places])


def _shrunk(box: Sequence[Interval], spot: Spot, units: list[Fraction], cuts: Cuts) -> list[Interval]:
    """Return the box that the cuts leave."""
    start = spot.coordinates()
    room = [(_down((a - x) / u), _up((b - x) / u)) for (a, b), x, u in zip(box, start, units, strict=True)]
    choose = _chooser(cuts, _reach(box, spot, units))
    found = []
    for j, ((a, b), x, u) in enumerate(zip(box, start, units, strict=True)):
        up, down = (_most(cuts, choose(j, sign), j, sign, room) for sign in (1, -1))
        found.append((max(a, x - u * Fraction(down, UNIT)), min(b, x + u * Fraction(up, UNIT))))
    return found


def _most(cuts: Cuts, shares: list[int], place: int, sign: int, room: list[tuple[int, int]]) -> int:
    """Return, over `UNIT`, at least what a coordinate can be above the spot's, or with sign -1 below it."""
    used = [k for k, share in enumerate(shares) if share]
    held = np.array([shares[k] for k in used], dtype=object)
    total = int(held @ cuts.offset[used]) * UNIT if used else 0
    low, high = (held @ ends[used] if used else [0] * len(room) for ends in (cuts.low, cuts.high))
    for v, (a, b) in enumerate(room):
        own = sign * SHARE * UNIT if v == place else 0
        total += max((own - t) * y for t in (low[v], high[v]) for y in (a, b))
    return -(-total // (SHARE * UNIT))


def _chooser(cuts: Cuts, reach: Floats) -> Callable[[int, int], list[int]]:
    """Return a function that finds the shares of the cuts which bound a coordinate best.

    What is held on its bound is bounded by the cut of the guess, and bounds the others' rests for nothing.
    """
    from scipy.optimize import linprog

    middle, error = _floats(cuts)
    pinned = _pinned(middle[0], reach)
    rows = np.flatnonzero(~pinned)
    used = np.flatnonzero((cuts.places < 0) | ~pinned[cuts.places])
    size = np.abs(middle[np.ix_(used, rows)]).max(axis=1, initial=0.0)
    used, size = used[size > 0], size[size > 0]
    table = (middle[np.ix_(used, rows)] / size[:, None]).T
    cost = ((cuts.offset / UNIT).astype(float) + error @ np.abs(reach).max(axis=1))[used] / size
    middling = max(float(np.median(cost)) if cost.size else 0.0, np.finfo(float).tiny)
    cost = np.clip(cost / middling, 0.0, CAP)
    eye = np.eye(len(rows))
    free = np.concatenate((-eye[:, reach[rows, 0] >= 0], eye[:, reach[rows, 1] <= 0]), axis=1)
    table, cost = np.concatenate((table, free), axis=1), np.append(cost, np.zeros(free.shape[1]))

    def choose(place: int, sign: int) -> list[int]:
        shares = [0] * len(middle)
        if pinned[place]:
            shares[0] = int(SHARE / abs(middle[0, place])) if middle[0, place] * sign > 0 else 0
            return shares
        target = sign * (rows == place)
        found = linprog(cost, A_eq=table, b_eq=target, bounds=(0, None), method="highs")
        for k, share, unit in zip(used, found.x if found.status == 0 else (), size, strict=False):
            shares[k] = int(Fraction(share / unit) * SHARE)
        return shares

    return choose


def _pinned(slope: Floats, reach: Floats) -> NDArray[np.bool_]:
    """Say which coordinates T holds on a bound."""
    return ((reach[:, 0] >= 0) & (slope > FIRM)) | ((reach[:, 1] <= 0) & (slope < -FIRM))


def _improved(saddle: Saddle, spot: Spot, units: list[Fraction], cuts: Cuts) -> Spot:
    """Return the spot after a step of Newton's method, with what lies on a bound held there."""
    middle, _ = _floats(cuts)
    start, here = spot.coordinates(), middle[0]
    free, columns = [], []
    for j in range(len(start)):
        rows = [k for k in range(1, len(middle)) if cuts.places[k] == j]
        if len(rows) == 2:
            free.append(j)
            columns.append((middle[rows[0]] - middle[rows[1]]) / (cuts.steps[rows[0]] - cuts.steps[rows[1]]))
    if not free:
        return spot
    step = np.linalg.lstsq(np.array(columns).T[free], -here[free], rcond=FLAT)[0]
    for j, move in zip(free, step.tolist(), strict=True):
        spot = spot.moved(j, _next(saddle, spot, j, start[j] + units[j] * Fraction(move), 0))
    return spot


def _down(x: Fraction) -> int:
    return x.numerator * UNIT // x.denominator


def _up(x: Fraction) -> int:
    return -(-x.numerator * UNIT // x.denominator)
