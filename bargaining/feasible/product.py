"""The best weighted product of gains; a set may have its own method for it."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats, returned
from bargaining.errors import NotApplicable
from bargaining.feasible.base import FeasibleSet, is_convex, known

EPS = float(np.finfo(float).eps)
ROUNDS = 200  # points of the set: a limit where rounding finds the same ones again


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
    if feasible.batch_shape != ():
        raise NotApplicable(
            f"A batch of {type(feasible).__name__} cannot maximise a product of gains: pass its sets one at a time, "
            f"or give the class a method `product(origin, weights)`."
        )
    shape = np.broadcast_shapes(origin.shape, weights.shape)
    d, w = (np.broadcast_to(a, shape).reshape(-1, shape[-1]) for a in (origin, weights))
    point, residual = np.empty(d.shape), np.empty(len(d))
    for k in range(len(d)):
        point[k], residual[k] = _decompose(feasible, d[k], w[k])
    return point.reshape(shape), residual.reshape(shape[:-1])


def _decompose(feasible: FeasibleSet, d: Floats, w: Floats) -> tuple[Floats, float]:
    """Maximise the product over the hull of support points, until none is worth more at the prices of the best.

    Where the frontier is smooth each round squares the error of the last.
    """
    from bargaining.feasible.polytope import Polytope

    ideal = np.asarray(feasible.ideal(d))
    nowhere: tuple[Floats, float] = np.full(d.shape, np.nan), np.nan
    if not (np.isfinite(ideal) & ((ideal - d > 16 * EPS * (np.abs(ideal) + np.abs(d))) | (w == 0))).all():
        return nowhere
    scale = np.where(ideal > d, ideal - d, 1.0)
    prices = [*np.eye(d.size), np.ones(d.size)]
    gains = np.array([(np.asarray(feasible.support(p / scale)[1]) - d) / scale for p in prices])
    gains = gains[np.isfinite(gains).all(axis=1)]
    best = nowhere
    for _ in range(ROUNDS if len(gains) else 0):
        x, left = Polytope(gains).product(np.zeros(d.size), w)
        gap = float(left)
        with np.errstate(all="ignore"):
            price = np.where(np.isfinite(gap) & (w > 0), w / x, np.nan)
        price = _prices(gains, price) if np.isnan(price).any() else price
        new = (np.asarray(feasible.support(price / scale)[1], dtype=float) - d) / scale
        if not np.isfinite(new).all():
            break
        worth = float(price @ new)
        gap = max(worth - 1.0, gap, 0.0)
        if np.isfinite(gap) and not gap >= best[1]:
            best = d + scale * x, gap
        if (worth - 1.0 if np.isfinite(gap) else worth) <= 4 * EPS or (gains == new).all(axis=1).any():
            break
        gains = np.vstack((gains, new))
    return best


def _prices(gains: Floats, fixed: Floats) -> Floats:
    """Return the prices at which the best of some gains is worth least; those that are not NaN are `fixed`.

    If none is, they add up to one: the best is worth nothing where not everybody can gain.
    """
    from bargaining.feasible._linear import LinearProgram, optimise

    (m, n), known = gains.shape, ~np.isnan(fixed)
    rows, right = (np.eye(n)[known], fixed[known]) if known.any() else (np.ones((1, n)), np.ones(1))
    found = optimise(
        LinearProgram(
            objective=np.append(np.zeros(n), -1.0),
            matrix=np.column_stack((np.vstack((rows, gains)), np.repeat([0.0, -1.0], [len(rows), m]))),
            limits=np.append(right, np.zeros(m)),
            lower=np.append(np.zeros(n), -np.inf),
            equalities=len(rows),
        )
    )
    return np.maximum(found.point[:n], 0.0)


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
