"""The best weighted product of gains; a set may have its own method for it.

For two players on a set known only by its support function, the answer is a root in the direction of prices.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bargaining._arrays import Floats, returned
from bargaining.errors import NotApplicable
from bargaining.feasible.base import FeasibleSet, is_convex, known

EPS = float(np.finfo(float).eps)
STEPS = 120  # at worst: every fourth halves the prices between the two ends, thirty times

Oracle = Callable[[Floats], tuple[float, Floats]]
Offer = tuple[float, Floats, float]  # a price, the best gains there, and their implied price less this price


def follow_tangents(oracle: Oracle, origin: Floats, weights: Floats) -> tuple[Floats, float]:
    """Return the best weighted product of gains and the duality gap; NaN where not both can gain.

    Gains are measured in units of those at each player's best point. At prices (p, 1 - p) the set's best point x(p)
    with gains g implies the price p* = w0 / g0 / (w0 / g0 + w1 / g1), and p*(x(p)) - p falls in p, with jumps where
    x(p) moves along an edge. The bracket is cut alternately at the normal of the chord between its two points, which
    finds an edge in finitely many steps, and at the secant, which converges on a smooth frontier.
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
    """Return two neighbouring points between which the implied price minus the price changes its sign."""
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
    """Return the best product on the segment from a to b, which slopes downwards."""
    run, fall = b[0] - a[0], a[1] - b[1]
    if not (run > 0 and fall > 0):
        return a if a.min() > b.min() else b
    # The line divides its own surplus by the weights.
    t = (weights[0] * (a[0] + a[1] * run / fall) - a[0]) / run
    t = min(max(t, 0.0), 1.0)
    return np.asarray(a + t * (b - a))


def best_product(feasible: FeasibleSet, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the point that maximises prod((x - origin)**weights) over x >= origin, and its residual.

    Parameters
    ----------
    feasible : FeasibleSet
        If it has a method ``product(origin, weights)``, this is used; otherwise the support function is
        followed, cell by cell.
    origin, weights : ndarray, shape (..., n)
        Where gains are measured from; weights that sum to one.

    Returns
    -------
    point : ndarray, shape (..., n)
        Meaningful where some feasible point gives every player more than `origin`.
    residual : ndarray, shape (...)
        Violation of the optimality conditions, free of scale; NaN where not every player with a positive weight
        is given a gain.

    Raises
    ------
    NotApplicable
        If the set is a batch and has no method ``product``.
    """
    product = known(feasible, "product")
    if product is None:
        return _by_support(feasible, origin, weights)
    point, residual = product(origin, weights)
    if type(feasible).__module__.startswith("bargaining."):
        return np.asarray(point), np.asarray(residual)
    # theirs to change
    return returned(np.asarray(point), "product"), returned(np.asarray(residual), "product")


def _by_support(feasible: FeasibleSet, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
    from bargaining.feasible._linear import decompose

    if feasible.batch_shape != ():
        raise NotApplicable(
            f"A batch of {type(feasible).__name__} cannot maximise a product of gains: pass its sets one at a time, "
            f"or give the class a method `product(origin, weights)`."
        )

    def oracle(prices: Floats) -> tuple[float, Floats]:
        value, point = feasible.support(prices)
        return float(value), np.asarray(point, dtype=float)

    shape = np.broadcast_shapes(origin.shape, weights.shape)
    d, w = (np.broadcast_to(a, shape).reshape(-1, shape[-1]) for a in (origin, weights))
    point, residual = np.empty(d.shape), np.empty(len(d))
    for k in range(len(d)):
        smooth = shape[-1] == 2 and (w[k] > 0).all()
        solve = follow_tangents if smooth else decompose
        point[k], residual[k] = solve(oracle, d[k], w[k])
    return point.reshape(shape), residual.reshape(shape[:-1])


def short_of_product(feasible: FeasibleSet, x: Floats, origin: Floats, weights: Floats) -> Floats:
    """Return by how much payoffs fall short of the best weighted product of gains over `origin`.

    For a convex set this is a bound on the difference of logarithms: the most by which a feasible y at or above
    `origin` is worth more than x at the prices w / (x - origin). For another set it is the difference of logarithms. A
    set may have its own method of this name. NaN where x gives somebody with a weight no gain.
    """
    shape = np.broadcast_shapes(x.shape, origin.shape, weights.shape)
    x, origin, weights = (np.broadcast_to(a, shape) for a in (x, origin, weights))
    own = known(feasible, "short_of_product")
    if own is not None:
        return np.asarray(own(x, origin, weights))
    if not is_convex(feasible):
        best, gap = best_product(feasible, origin, weights)
        with np.errstate(all="ignore"):
            terms = np.where(weights > 0, weights * np.log((best - origin) / (x - origin)), 0.0)
        return np.asarray(np.maximum(terms.sum(axis=-1), 0.0) + gap)
    missed = np.full(shape[:-1], np.nan)
    for cell in np.ndindex(shape[:-1]):
        gain, w = x[cell] - origin[cell], weights[cell]
        if (gain[w > 0] > 0).all():
            prices = np.where(w > 0, w / np.where(w > 0, gain, 1.0), 0.0)
            missed[cell] = max(
                float(prices @ (_best_above(feasible, prices, origin[cell]) - origin[cell])) - 1.0, 0.0
            )
    return missed


def _best_above(feasible: FeasibleSet, prices: Floats, origin: Floats) -> Floats:
    """Return a best point at some prices; if the sum is unbounded, a best point at or above `origin`."""
    from bargaining.feasible.transform import support_above

    point = np.asarray(feasible.support(prices)[1])
    if np.isfinite(point).all() and (prices > 0).all():
        return point
    return support_above(feasible, prices, origin)
