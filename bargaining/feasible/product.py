"""The best weighted product of gains: a fifth question, which a set may answer itself."""

import numpy as np

from bargaining._arrays import Floats
from bargaining.errors import NotApplicable
from bargaining.feasible.base import FeasibleSet


def best_product(feasible: FeasibleSet, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the point that maximises prod((x - origin)**weights) over x >= origin, and its residual.

    Parameters
    ----------
    feasible : FeasibleSet
        A set with a method ``product(origin, weights)`` answers in its own way.
    origin, weights : ndarray, shape (..., n)
        Where gains are measured from; weights that sum to one.

    Returns
    -------
    point : ndarray, shape (..., n)
        Meaningful where some feasible point gives every player more than `origin`.
    residual : ndarray, shape (...)
        Violation of the optimality conditions, free of scale; NaN where not every player with a positive weight
        is given a gain.
    """
    product = getattr(feasible, "product", None)
    if product is None:
        raise NotApplicable(f"{type(feasible).__name__} cannot maximise a product of gains.")
    point, residual = product(origin, weights)
    return np.asarray(point), np.asarray(residual)
