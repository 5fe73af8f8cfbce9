"""Piecewise linear frontiers of two players and the exact answer of every concept, in rationals or fifty digits.

It shares no code with the library: a frontier is its list of corners, which are rationals, and each concept is found
from its definition, edge by edge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

import mpmath
import numpy as np

mp = mpmath.mp.clone()
mp.dps = 50
Point = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Kinked:
    """The frontier that falls by `slopes[0]` from (lower, top), and by one more of the slopes after each kink."""

    lower: float
    upper: float
    top: float
    kinks: tuple[float, ...]
    slopes: tuple[float, ...]  # the first, then by how much each kink makes it steeper
    d: tuple[float, float]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        y = self.top - self.slopes[0] * (x - self.lower)
        for kink, more in zip(self.kinks, self.slopes[1:], strict=True):
            y = y - more * np.maximum(x - kink, 0)
        return y

    def derivative(self, x: np.ndarray) -> np.ndarray:
        s = -self.slopes[0] + 0 * x
        for kink, more in zip(self.kinks, self.slopes[1:], strict=True):
            s = s - more * (x > kink)
        return s


@lru_cache(maxsize=1000)
def corners_of(case: Kinked) -> list[Point]:
    """Return the corners from the best for player 1 to the best for player 0, at or above d."""
    ends = [Fraction(case.lower), *map(Fraction, case.kinks), Fraction(case.upper)]
    corners = [(ends[0], Fraction(case.top))]
    slope = Fraction(0)
    for more, end in zip(case.slopes, ends[1:], strict=True):
        slope += Fraction(more)
        x, y = corners[-1]
        corners.append((end, y - slope * (end - x)))
    d0, d1 = map(Fraction, case.d)
    return _cut_low(_cut_left(corners, d0), d1)


@lru_cache(maxsize=1000)
def _in_digits(case: Kinked) -> list[tuple[mpmath.mpf, mpmath.mpf]]:
    return [(_mp(x), _mp(y)) for x, y in corners_of(case)]


def _cut_left(corners: list[Point], d0: Fraction) -> list[Point]:
    kept = [p for p in corners if p[0] >= d0]
    for (a, b), (c, e) in pairwise(corners):
        if a < d0 < c:
            kept.insert(0, (d0, b + (e - b) * (d0 - a) / (c - a)))
    return kept


def _cut_low(corners: list[Point], d1: Fraction) -> list[Point]:
    return [(x, y) for y, x in reversed(_cut_left([(y, x) for x, y in reversed(corners)], d1))]


def draw(rng: np.random.Generator, kinks: int | None = None) -> Kinked:
    """Draw a frontier with one to three kinks and a disagreement point below it, perhaps far below player 1's worst."""
    count = int(rng.integers(1, 4)) if kinks is None else kinks
    lower = float(rng.choice([0.0, -1.5, 0.25]))
    places = lower + np.sort(rng.choice(np.arange(1, 64), count, replace=False) / 64) + rng.uniform(0, 1 / 64)
    slopes = 10.0 ** rng.uniform(-1.3, 0.7, count + 1)
    top = float(rng.choice([1.0, 3.0, 10.0]))
    plain = Kinked(lower, lower + 1, top, tuple(map(float, places)), tuple(map(float, slopes)), (lower, -1e9))
    fall = top - float(plain(np.asarray(lower + 1)))
    share = rng.uniform(0, 0.6, 2)
    d1 = top - fall * float(rng.choice([1 - share[1], 1.0, 1 + share[1], 3.0]))
    d0 = lower + float(rng.choice([0.0, share[0]]))
    # Both are to have a gain.
    return replace(plain, d=(d0, min(d1, float(plain(np.asarray(d0))) - 0.3 * fall)))


def ideal(case: Kinked) -> Point:
    corners = corners_of(case)
    return corners[-1][0], corners[0][1]


def _edges(case: Kinked) -> list[tuple[Point, Point]]:
    return list(pairwise(corners_of(case)))


def nash(case: Kinked, w: Fraction = Fraction(1, 2)) -> Point:
    d0, d1 = map(Fraction, case.d)
    best, size = None, mp.mpf("-inf")
    for (a, b), (c, e) in _edges(case):
        rate = (b - e) / (c - a)
        # On the line y = b - rate (x - a) the first-order condition is linear.
        x = d0 + w * ((b - d1) / rate + (a - d0))
        x = min(max(x, a), c)
        y = b - rate * (x - a)
        if x > d0 and y > d1:
            value = _mp(w) * mp.log(_mp(x - d0)) + _mp(1 - w) * mp.log(_mp(y - d1))
            if value > size:
                best, size = (x, y), value
    assert best is not None
    return best


def on_line(case: Kinked, start: Point, step: Point) -> Point:
    """Return the last point of the frontier, walls included, on a line that rises for somebody."""
    corners = corners_of(case)
    low = (corners[-1][0], min(corners[-1][1], *map(Fraction, case.d)) - 100)
    left = (min(corners[0][0], Fraction(case.d[0])), corners[0][1])
    best = None
    for (a, b), (c, e) in zip([left, *corners], [*corners, low], strict=True):
        across = step[0] * (e - b) - step[1] * (c - a)
        if across == 0:
            continue
        t = ((a - start[0]) * (e - b) - (b - start[1]) * (c - a)) / across
        x, y = start[0] + t * step[0], start[1] + t * step[1]
        if min(a, c) <= x <= max(a, c) and min(b, e) <= y <= max(b, e) and (best is None or t > best[0]):
            best = (t, (x, y))
    assert best is not None
    return best[1]


def kalai_smorodinsky(case: Kinked) -> Point:
    d, a = tuple(map(Fraction, case.d)), ideal(case)
    return on_line(case, d, (a[0] - d[0], a[1] - d[1]))


def egalitarian(case: Kinked, w: Fraction = Fraction(1, 2)) -> Point:
    return on_line(case, tuple(map(Fraction, case.d)), (w, 1 - w))


def lexicographic_egalitarian(case: Kinked) -> Point:
    """At the wall that ends the frontier player 1 goes on alone."""
    x, y = egalitarian(case)
    corner = corners_of(case)[-1]
    return (x, max(y, corner[1])) if x == corner[0] else (x, y)


def equal_loss(case: Kinked) -> Point:
    return on_line(case, ideal(case), (Fraction(1), Fraction(1)))


def gupta_livne(case: Kinked, reference: Point) -> Point:
    a = ideal(case)
    return on_line(case, reference, (a[0] - reference[0], a[1] - reference[1]))


def dictatorial(case: Kinked, player: int) -> Point:
    d, a = tuple(map(Fraction, case.d)), ideal(case)
    return (a[0], d[1]) if player == 0 else (d[0], a[1])


def utilitarian(case: Kinked, w: Fraction = Fraction(1, 2)) -> Point:
    """Over all of the set, not only what lies above d."""
    return max(corners_of(replace(case, d=(case.lower, -1e9))), key=lambda p: w * p[0] + (1 - w) * p[1])


def yu(case: Kinked, p: float) -> Point:
    a = ideal(case)
    if p == 1:
        return max(corners_of(case), key=lambda q: q[0] + q[1])
    best, size = None, mp.inf
    for (x0, y0), (x1, y1) in _edges(case):
        run, fall = _mp(x1 - x0), _mp(y0 - y1)
        u, v = _mp(a[0] - x0), _mp(a[1] - y0)

        def slope(t: mpmath.mpf, run=run, fall=fall, u=u, v=v) -> mpmath.mpf:  # of the sum of powers, over p
            return -run * mp.power(u - t * run, p - 1) + fall * mp.power(v + t * fall, p - 1)

        t = _root(slope, mp.mpf(0), mp.mpf(1))
        value = mp.power(max(u - t * run, 0), p) + mp.power(max(v + t * fall, 0), p)
        if value < size:
            best, size = (_mp(x0) + t * run, _mp(y0) - t * fall), value
    return best


def perles_maschler(case: Kinked) -> Point:
    edges = _edges(case)
    lengths = [mp.sqrt(_mp((x1 - x0) * (y0 - y1))) for (x0, y0), (x1, y1) in edges]
    left = mp.fsum(lengths) / 2
    for ((x0, y0), (x1, y1)), length in zip(edges, lengths, strict=True):
        if left <= length:
            share = left / length
            return _mp(x0) + share * _mp(x1 - x0), _mp(y0) - share * _mp(y0 - y1)
        left -= length
    raise AssertionError


def raiffa(case: Kinked) -> Point:
    x, y = map(_mp, map(Fraction, case.d))
    for _ in range(100):
        x, y = (x + _best(case, y, 0)) / 2, (y + _best(case, x, 1)) / 2
    return x, y


def continuous_raiffa(case: Kinked) -> Point:
    """x' = a(x) - x: below a pair of edges a linear system, followed in fifty digits from corner to corner."""
    at = [*map(_mp, map(Fraction, case.d))]
    late = mp.mpf(60)
    while True:
        (c, e), (a, b) = _line(case, at[1], 0), _line(case, at[0], 1)  # a_0 = c + e x_1, a_1 = a + b x_0
        speed = c + e * at[1] - at[0], a + b * at[0] - at[1]
        if max(map(abs, speed)) < mp.mpf("1e-40"):
            return at[0], at[1]
        follow = _path(at, speed, (e, b))
        times = []
        for i in (0, 1):
            ahead = [corner[i] for corner in _in_digits(case) if corner[i] > at[i]]
            limit = min(ahead, default=mp.inf)
            if follow(late)[i] > limit:
                times.append((_when(follow, i, limit, late), i, limit))
        if not times:
            return follow(mp.mpf(200))
        t, i, limit = min(times)
        at = [*follow(t)]
        at[i] = limit


def _when(follow: Callable, i: int, limit: mpmath.mpf, late: mpmath.mpf) -> mpmath.mpf:
    return _root(lambda t: follow(t)[i] - limit, mp.mpf(0), late)


def _path(at: list, speed: tuple, slopes: tuple) -> Callable[[mpmath.mpf], tuple[mpmath.mpf, mpmath.mpf]]:
    """Return the path as a function of time: speeds v obey v0' = -v0 + e v1, v1' = -v1 + b v0."""
    e, b = slopes
    root = mp.sqrt(b * e)

    def grown(k: mpmath.mpf, t: mpmath.mpf) -> mpmath.mpf:  # the integral of exp((k - 1) t)
        return t if k == 1 else (mp.exp((k - 1) * t) - 1) / (k - 1)

    def follow(t: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf]:
        up, down = grown(root, t), grown(-root, t)
        even, odd = (up + down) / 2, (up - down) / (2 * root) if root else 1 - (1 + t) * mp.exp(-t)
        return (at[0] + speed[0] * even + e * speed[1] * odd, at[1] + speed[1] * even + b * speed[0] * odd)

    return follow


def _line(case: Kinked, at: mpmath.mpf, player: int) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Return the best payoff of a player as a line in the other's, just above the other's payoff `at`."""
    corners = [(p[1 - player], p[player]) for p in _in_digits(case)]
    if player == 0:
        corners = corners[::-1]
    if at < corners[0][0]:
        return corners[0][1], mp.mpf(0)
    for (x0, y0), (x1, y1) in pairwise(corners):
        if at < x1:
            slope = (y1 - y0) / (x1 - x0)
            return y0 - slope * x0, slope
    return corners[-1][1], mp.mpf(0)


def _best(case: Kinked, at: mpmath.mpf, player: int) -> mpmath.mpf:
    constant, slope = _line(case, at, player)
    return constant + slope * at


def _root(rising: Callable[[mpmath.mpf], mpmath.mpf], low: mpmath.mpf, high: mpmath.mpf) -> mpmath.mpf:
    if rising(low) >= 0:
        return low
    if rising(high) <= 0:
        return high
    for _ in range(150):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2


def _mp(value: Fraction) -> mpmath.mpf:
    return (
        mp.mpf(value.numerator) / mp.mpf(value.denominator) if isinstance(value, Fraction) else mp.mpf(value)
    )
