"""The best weighted product of gains: a fifth question, which a set may answer itself."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats, returned
from bargaining.errors import NotApplicable
from bargaining.feasible.base import FeasibleSet, is_convex


def best_product(feasible: FeasibleSet, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the point that maximises prod((x - origin)**weights) over x >= origin, and its residual.

    Parameters
    ----------
    feasible : FeasibleSet
        A set with a method ``product(origin, weights)`` answers in its own way; of any other the support is
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
    product = getattr(feasible, "product", None)
    if product is None:
        return _by_support(feasible, origin, weights)
    point, residual = product(origin, weights)
    if type(feasible).__module__.startswith("bargaining."):
        return np.asarray(point), np.asarray(residual)
    return returned(np.asarray(point), "product"), returned(
        np.asarray(residual), "product"
    )  # theirs to change


def _by_support(feasible: FeasibleSet, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
    from bargaining.feasible._decomposition import decompose
    from bargaining.feasible._tangent import follow_tangents

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

    Of a convex set a bound on the logarithm of what is missed: with prices w / (x - origin) the most that a feasible y
    at or above `origin` is worth beyond x. Of another one the logarithm itself. A set with a method of that name says
    it in its own way. NaN where x gives somebody with a weight no gain.
    """
    shape = np.broadcast_shapes(x.shape, origin.shape, weights.shape)
    x, origin, weights = (np.broadcast_to(a, shape) for a in (x, origin, weights))
    own = getattr(feasible, "short_of_product", None)
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
    """Return a best point at some prices; one of those at or above `origin` where there is no other bound."""
    from bargaining.feasible.transform import support_above

    point = np.asarray(feasible.support(prices)[1])
    if np.isfinite(point).all() and (prices > 0).all():
        return point
    return support_above(feasible, prices, origin)
