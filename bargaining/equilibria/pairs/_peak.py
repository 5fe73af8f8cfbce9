"""The Nash solution of one pair, from values of its two gains alone.

For concave gains the contracts that give both a gain form an interval,
and the logarithm of the weighted product,

    N(x) = w ln g_1(x) + (1 - w) ln g_2(x),

is concave on it. The interval is found by maximising the smaller gain; if this is not positive, chords of the
gains bound it from above, which proves that there is nothing to agree on. The peak of N is bracketed by the
highest of a few points, again and again. As soon as the gains are smooth in the bracket, the peak is the
root of w g_1' g_2 + (1 - w) g_2' g_1 of their interpolants; if they never are, it is a kink, found to the next float.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats

Both = Callable[[Floats], Floats]
"""From contracts, (m,), to the gains of the two, (2, m)."""

_SCAN = 33  # contracts looked at in the whole range
_NODES = 13  # and in a bracket, where smooth gains of ordinary curvature are interpolated to rounding
_LEVELS = 80  # brackets, each a quarter of the last: from any range to the next float
_SMOOTH = 2e-14  # what the last coefficients of an interpolant of smooth gains leave, over the largest
_EPS = float(np.finfo(float).eps)

_ANGLES = np.arange(_NODES) * np.pi / (_NODES - 1)
_POINTS = -np.cos(_ANGLES)
_COSINES = np.cos(np.outer(np.arange(_NODES), np.pi - _ANGLES))
_ENDS = np.where(np.arange(_NODES) % (_NODES - 1) == 0, 0.5, 1.0)
_COEFFICIENTS = 2 / (_NODES - 1) * _ENDS[:, None] * _COSINES * _ENDS  # from values at the points, ascending


class Nothing(NamedTuple):
    """Where the smaller gain is largest, and not positive."""

    best: float
    proven: bool
    """Whether no contract can leave both a gain if gains are concave, which these values do not contradict."""


def log_product(weights: Floats, gains: Floats) -> Floats:
    """Return the logarithm of the weighted product, -inf where not both gain."""
    both = (gains > 0).all(axis=0)
    logs = np.log(np.where(both, gains, 1.0))
    return np.where(both, np.tensordot(weights, logs, 1), -np.inf)


def peak(both: Both, weights: Floats, low: float, high: float) -> float | Nothing:
    """Return the contract in [low, high] with the largest product of gains, or that there is none."""
    nodes = np.linspace(low, high, _SCAN)
    gains = both(nodes)
    if not (gains > 0).all(axis=0).any():
        found = zone(both, nodes, gains)
        if isinstance(found, Nothing):
            return found
        nodes, gains = found
    for _ in range(_LEVELS):
        top = int(np.argmax(log_product(weights, gains)))
        a, b = float(nodes[max(top - 1, 0)]), float(nodes[min(top + 1, len(nodes) - 1)])
        best = float(nodes[top])
        if b - a <= 4 * _EPS * max(abs(a), abs(b)):
            break
        nodes = np.clip((a + b) / 2 + (b - a) / 2 * _POINTS, a, b)
        gains = both(nodes)
        if (root := _stationary(gains, weights, (a, b), (low, high))) is not None:
            return root
    return best


def zone(both: Both, nodes: Floats, gains: Floats) -> tuple[Floats, Floats] | Nothing:
    """Return contracts and gains some of which are positive for both, or where the smaller gain is largest."""
    scale = np.maximum(np.abs(gains).max(axis=1, keepdims=True), np.finfo(float).tiny)
    proven = True
    for _ in range(_LEVELS):
        least = (gains / scale).min(axis=0)
        if (gains > 0).all(axis=0).any():
            return nodes, gains
        proven = proven and all(map(_concave, [nodes] * 2, gains / scale))
        top = int(np.argmax(least))
        if proven and _bound(nodes, least, top) <= 0:
            break
        a, b = float(nodes[max(top - 1, 0)]), float(nodes[min(top + 1, len(nodes) - 1)])
        if b - a <= 4 * _EPS * max(abs(a), abs(b)):
            break
        nodes = np.linspace(a, b, _NODES)
        gains = both(nodes)
    return Nothing(float(nodes[top]), proven)


def _concave(nodes: Floats, values: Floats) -> bool:
    """Say whether no value lies below the chord of its neighbours by more than rounding."""
    rises = np.diff(values)
    slopes = rises / np.diff(nodes)
    rounding = 8 * _EPS * np.abs(values).max() / np.diff(nodes).min()
    return bool((np.diff(slopes) <= rounding).all())


def _bound(nodes: Floats, values: Floats, top: int) -> float:
    """Return the most that a concave function with these values can be, beside the highest of them.

    Between two nodes it lies below the chords that end there, extended.
    """
    most = float(values[top])
    for left in (top - 1, top):
        if not 0 <= left < len(nodes) - 1:
            continue
        a, b = nodes[left], nodes[left + 1]
        lines = []
        if left > 0:
            lines.append((a, values[left], (values[left] - values[left - 1]) / (a - nodes[left - 1])))
        if left + 2 < len(nodes):
            lines.append((b, values[left + 1], (values[left + 2] - values[left + 1]) / (nodes[left + 2] - b)))
        heights = [
            [max(v + s * (x - at), values[left], values[left + 1]) for at, v, s in lines] for x in (a, b)
        ]
        if not lines:
            return np.inf
        if len(lines) == 1:
            most = max(most, heights[0][0], heights[1][0])
            continue
        (p, v, s), (q, w, t) = lines
        cross = (w - t * q - v + s * p) / (s - t) if s > t else a
        most = max(most, v + s * (min(max(cross, a), b) - p))
    return most


def _stationary(
    gains: Floats, weights: Floats, bracket: tuple[float, float], limits: tuple[float, float]
) -> float | None:
    """Return the peak between the brackets if the gains are smooth there: where the product's slope changes sign.

    At a limit where the product falls inwards that is the limit itself.
    """
    from numpy.polynomial.chebyshev import chebder, chebval

    coefficients = _COEFFICIENTS @ gains.T
    tail = np.abs(coefficients[-2:]).max(axis=0)
    if (tail > _SMOOTH * np.abs(gains).max(axis=1)).any():
        return None
    one, two = coefficients.T
    first, second = chebder(one), chebder(two)

    def slope(t: float) -> float:
        return float(
            weights[0] * chebval(t, first) * chebval(t, two)
            + weights[1] * chebval(t, second) * chebval(t, one)
        )

    # Rounding can put a peak just beside the bracket; beyond a limit it may not lie.
    (a, b), ends = bracket, [-1.05, 1.05]
    for side, (at, limit) in enumerate(zip(bracket, limits, strict=True)):
        if at == limit:
            ends[side] = 2.0 * side - 1
            if slope(ends[side]) * ends[side] >= 0:
                return limit
    if not slope(ends[0]) > 0 > slope(ends[1]):
        return None
    from scipy.optimize import brentq

    root = brentq(slope, *ends, xtol=1e-16, rtol=8.9e-16)
    return float(min(max((a + b) / 2 + (b - a) / 2 * root, limits[0]), limits[1]))
