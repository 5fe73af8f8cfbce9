"""The Nash solution of two players on a set known only by its support: a root in the direction of prices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bargaining._arrays import Floats

EPS = float(np.finfo(float).eps)
STEPS = 120

Oracle = Callable[[Floats], tuple[float, Floats]]
Offer = tuple[float, Floats, float]  # a price, the best gains there, and how much higher a price they ask for


def follow_tangents(oracle: Oracle, origin: Floats, weights: Floats) -> tuple[Floats, float]:
    """Return the best weighted product of gains and the duality gap; NaN where not both can gain.

    Gains are measured in those of each player's best point. At prices (p, 1 - p) the set's best point x(p) asks in turn
    for the price p* = w0 / g0 / (w0 / g0 + w1 / g1), and p*(x(p)) - p falls in p, with jumps where x(p) runs along an
    edge. The bracket is cut in turn at the normal of the chord between its two points, which finds an edge in
    finitely many steps, and at the secant, which closes in on a smooth frontier.
    """
    ends = oracle(np.array([0.0, 1.0]))[1], oracle(np.array([1.0, 0.0]))[1]
    scale = np.array([ends[1][0], ends[0][1]]) - origin
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        return np.full(2, np.nan), np.nan
    room = 16 * EPS * (1.0 + float((np.abs([*ends, origin]).max(axis=0) / scale).max()))

    def ask(p: float) -> Offer:
        gain = (oracle(np.array([p, 1.0 - p]) / scale)[1] - origin) / scale
        return p, gain, _asked(gain, weights) - p

    low, high = _bracket(ask, room)
    best = _on_chord(low[1], high[1], weights)
    if not (best > room).all():
        return np.full(2, np.nan), np.nan
    prices = weights / best / scale
    value = oracle(prices)[0] - float(prices @ origin)
    return origin + scale * best, max(value - 1.0, 0.0)


def _bracket(ask: Callable[[float], Offer], room: float) -> tuple[Offer, Offer]:
    """Return the two offers next to each other between which the price asked passes the price paid."""
    low, high = ask(0.0), ask(1.0)
    for step in range(STEPS):
        (p, a, more), (q, b, less) = low, high
        if not (more > 0 > less and q - p > 2 * EPS):
            break
        middle = (_chord(a, b), (q * more - p * less) / (more - less), None, (p + q) / 2)[step % 4]
        chord = middle is None or step % 4 == 0
        price = min(max(_chord(a, b) if middle is None else middle, p + EPS), q - EPS)
        found = ask(price)
        if chord and _beyond(found[1], a, b, price) <= room:
            break
        if found[2] == 0:
            return found, found
        low, high = (found, high) if found[2] > 0 else (low, found)
    return low, high


def _asked(gain: Floats, weights: Floats) -> float:
    if gain[0] <= 0:
        return 1.0
    if gain[1] <= 0:
        return 0.0
    first, second = weights / gain
    return float(first / (first + second))


def _chord(a: Floats, b: Floats) -> float:
    """Return the price at which both points are worth the same."""
    run, fall = b[0] - a[0], a[1] - b[1]
    return float(fall / (run + fall)) if run + fall > 0 else 0.5


def _beyond(gain: Floats, a: Floats, b: Floats, price: float) -> float:
    normal = np.array([price, 1.0 - price])
    return float(normal @ gain - max(normal @ a, normal @ b))


def _on_chord(a: Floats, b: Floats, weights: Floats) -> Floats:
    """Return the best product on the segment from a to b, which falls."""
    run, fall = b[0] - a[0], a[1] - b[1]
    if not (run > 0 and fall > 0):
        return a if a.min() > b.min() else b
    # The line divides its own surplus by the weights.
    t = (weights[0] * (a[0] + a[1] * run / fall) - a[0]) / run
    t = min(max(t, 0.0), 1.0)
    return np.asarray(a + t * (b - a))
