"""The best weighted product of gains: a fifth question, which a set may answer itself."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats, returned
from bargaining.errors import NotApplicable
from bargaining.feasible.base import FeasibleSet


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
