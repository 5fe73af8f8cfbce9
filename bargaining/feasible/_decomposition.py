"""The best weighted product of gains over a set known only by its support: simplicial decomposition.

The product is maximised over the hull of the points found so far; its gradient w / (x - d) is a price vector; the
set's best point at these prices either proves optimality or joins the points (von Hohenbalken 1977). On a polytope
this ends after finitely many points. Should the points found not yet let everyone gain, prices that show it ask for
one that does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bargaining._arrays import Floats
from bargaining.errors import Status
from bargaining.feasible._interior import maximise_product
from bargaining.feasible._linear import LinearProgram, optimise

EPS = float(np.finfo(float).eps)
ROUNDS = 200  # each adds a best point of the set to those that are mixed: a bound against cycles of rounding
MANY = 20  # points per player beyond which idle ones are dropped
CLOSED = 2 * EPS  # duality gap, over the product, that rounding leaves
GOOD = 1e-12  # the accuracy that divisions promise
SETTLE = 4  # steps of Newton from a good mixture: each doubles its digits
HEAVY = 1e3  # weight of the row that keeps a mixture's total at one

Oracle = Callable[[Floats], tuple[float, Floats]]
"""Takes prices and returns the best value over the set and where; inf, NaN where there is no bound."""


def over_mixtures(gains: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Maximise the product of mixtures of vectors of gains.

    Parameters
    ----------
    gains : ndarray, shape (cells, m, n)
        What m points give over the disagreement point.
    weights : ndarray, shape (cells, n)

    Returns
    -------
    mixture : ndarray, shape (cells, m)
        Non-negative and adding up to one; NaN where no mixture gives everyone with a weight a gain.
    prices : ndarray, shape (cells, n)
        w / gain, and the multiplier of `gain >= 0` for a player of weight 0.
    residual : ndarray, shape (cells,)
        max over points of prices . gains, less one, or the loss of a player of weight 0 over its scale; NaN where
        no mixture lets everyone with a weight gain, inf where that is not known.
    """
    best, size = gains.max(axis=1), np.abs(gains).max(axis=1)
    scale = np.where((weights > 0) & (best > 0), best, np.where(size > 0, size, 1.0))
    unit = gains / scale[:, None, :]
    prices, mixture = maximise_product(weights, unit, np.ones(unit.shape[:2]))
    mixture, prices, residual = _measured(weights, unit, mixture, prices)
    for k in np.flatnonzero(residual > GOOD):
        cell = slice(k, k + 1)
        multipliers, again = maximise_product(
            weights[cell], unit[cell], np.ones((1, unit.shape[1])), polish=False
        )
        for tried in (again, _settle(weights[k], unit[k], again[0])[None]):
            better = _measured(weights[cell], unit[cell], tried, multipliers)
            if better[2] < residual[k]:
                mixture[k], prices[k], residual[k] = (a[0] for a in better)
    return mixture, prices / scale, residual


def _measured(
    weights: Floats, unit: Floats, mixture: Floats, prices: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return a mixture that adds up to one, its prices and its residual."""
    with np.errstate(all="ignore"):
        mixture = np.maximum(mixture, 0.0)
        mixture /= mixture.sum(axis=1, keepdims=True)
        gain = np.matmul(mixture[:, None, :], unit)[:, 0]
        prices = np.where(weights > 0, weights / gain, np.maximum(prices, 0.0))
        gap = np.maximum(np.matmul(unit, prices[:, :, None])[:, :, 0].max(axis=1) - 1.0, 0.0)
        loss = np.where(weights > 0, 0.0, -gain).max(axis=1)
        found = ((gain > 0) | (weights == 0)).all(axis=1) & np.isfinite(gap)
    none = np.isnan(mixture).any(axis=1)
    return mixture, prices, np.where(found, np.maximum(gap, loss), np.where(none, np.nan, np.inf))


def _settle(weights: Floats, unit: Floats, mixture: Floats) -> Floats:
    """Take Newton steps from a good mixture where many optima or idle points blur which ones count.

    The quadratic model of the logarithms is a least-squares problem in non-negative mixtures (Wang 2007).
    """
    from scipy.optimize import nnls

    root, total = np.sqrt(weights), np.full((1, len(unit)), HEAVY)
    if not root.all():
        return mixture
    for _ in range(SETTLE):
        gain = mixture @ unit
        if not (np.isfinite(gain).all() and (gain > 0).all()):
            break
        try:
            mixture = nnls(np.concatenate(((unit * (root / gain)).T, total)), np.append(2 * root, HEAVY))[0]
        except RuntimeError:
            break
        mixture /= mixture.sum()
    return mixture


def decompose(
    oracle: Oracle, origin: Floats, weights: Floats, start: Floats | None = None, *, floored: bool = False
) -> tuple[Floats, float]:
    """Maximise the product of gains over a set given by its support, for one cell.

    Parameters
    ----------
    oracle : callable
        The support of the set.
    origin, weights : ndarray, shape (n,)
        Where gains are measured from; weights that sum to one.
    start : ndarray, shape (k, n), optional
        Points of the set.
    floored : bool, default False
        Whether every point of the set gives everyone at least `origin`: then players of weight 0 need no price.

    Returns
    -------
    point : ndarray, shape (n,)
    residual : float
        The duality gap; NaN where not everyone with a weight can gain, or the set has no bound.
    """
    best: tuple[Floats, float] = np.full(origin.shape, np.nan), np.nan
    points = oracle(np.ones_like(weights))[1][None] if start is None else start
    counted = (weights > 0) | (not floored)
    ask = np.zeros_like(weights)
    for _ in range(ROUNDS):
        gains = (points - origin)[:, counted]
        mixture, prices, inner = (a[0] for a in over_mixtures(gains[None], weights[None, counted]))
        ask[counted] = prices if np.isfinite(inner) else _no_gain(gains)
        if not (ask >= 0).all():
            break
        value, found = oracle(ask)
        value -= float(ask @ origin)
        if np.isfinite(inner):
            gap = max(value - 1.0, float(inner), 0.0)
            best = best if gap >= best[1] else (mixture @ points, gap)
        worthless = 16 * EPS * float(ask @ (np.abs(found) + np.abs(origin)))
        closed = value - 1.0 <= CLOSED if np.isfinite(inner) else value <= worthless
        if closed or not np.isfinite(value) or (points == found).all(axis=1).any():
            break
        keep = (mixture > 0) | (not np.isfinite(inner) or len(points) < MANY * origin.size)
        points = np.concatenate((points[keep], found[None]))
    return best


def _no_gain(gains: Floats) -> Floats:
    """Return prices at which the best of the points is worth least: a proof where that is nothing."""
    size = np.abs(gains).max(axis=0)
    scale = np.where(size > 0, size, 1.0)
    unit = gains / scale
    m, n = unit.shape
    # Maximise -v over prices in the simplex with unit @ prices <= v.
    matrix = np.zeros((m + 1, n + 1))
    matrix[0, :n], matrix[1:, :n], matrix[1:, n] = 1.0, unit, -1.0
    found = optimise(
        LinearProgram(
            objective=np.append(np.zeros(n), -1.0),
            matrix=matrix,
            limits=np.append(1.0, np.zeros(m)),
            lower=np.append(np.zeros(n), -np.inf),
            equalities=1,
        )
    )
    if found.status != Status.OK:
        return np.full(n, np.nan)
    return np.asarray(np.maximum(found.point[:n], 0.0) / scale)
