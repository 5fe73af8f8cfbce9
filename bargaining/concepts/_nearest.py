r"""The feasible point nearest to the ideal in a p-norm, for any number of players, from the set's support alone.

The norm is minimised over mixtures of the points found so far; its gradient, :math:`w_i = \max(a_i - x_i, 0)^{p-1}`, is
a price vector; the set's best point at these prices either proves that nothing is nearer or joins the points. For p = 2
this is Wolfe's (1976) algorithm, which ends after finitely many steps on a polytope.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bargaining._arrays import Floats

Oracle = Callable[[Floats], Floats]
"""Takes non-negative prices and returns a best point of the set."""

EPS = float(np.finfo(float).eps)
ROUNDS = 200  # points found: a limit where rounding finds the same ones again
NEWTON = 60  # steps at p = 2 or so
PER_POWER = 4  # far from the optimum a step takes the largest loss down by about 1/p of it
MOST = 2000  # steps, however large p is
NEAR = 1e-15  # of the losses: a shorter step changes nothing
DEPENDENT = 1e-13  # of the largest singular value: smaller ones are rounding


def nearest(oracle: Oracle, ideal: Floats, power: float) -> tuple[Floats, float]:
    """Return the point that minimises sum(max(ideal - x, 0)**power), and the gap of its first-order condition.

    Parameters
    ----------
    oracle : callable
        The support of the set.
    ideal : ndarray, shape (n,)
        With losses of size about one.
    power : float
        Above 1.
    """
    n = len(ideal)
    points = oracle(np.ones(n))[None]
    if not np.isfinite(points).all():
        return np.full(n, np.nan), np.nan
    shares = np.ones(1)
    best, least = points[0], np.inf
    for _ in range(ROUNDS):
        points, shares = _over_mixtures(points, shares, ideal, power)
        x = shares @ points
        if (x >= ideal).all():
            return x, 0.0
        prices, _ = _prices(x, ideal, power)
        new = oracle(prices)
        if not np.isfinite(new).all():
            break
        gap = float(prices @ (new - x)) / float(prices.sum())
        if not gap >= least:
            best, least = x, gap
        if gap <= 4 * EPS or (np.abs(points - new).max(axis=1) <= EPS).any():
            break
        points, shares = np.concatenate((points, new[None])), np.append(shares, 0.0)
    return best, max(least, 0.0)


def _prices(x: Floats, ideal: Floats, power: float) -> tuple[Floats, Floats]:
    """Return the gradient of the norm and its derivative, over the largest loss."""
    loss = np.maximum(ideal - x, 0.0)
    unit = loss / max(float(loss.max()), np.finfo(float).tiny)
    # Nothing bends where there is no loss; just before, a power below 2 bends without bound.
    bend = np.where(loss > 0, (power - 1) * np.maximum(unit, 1e-12) ** (power - 2), 0.0)
    return unit ** (power - 1), bend / max(float(loss.max()), np.finfo(float).tiny)


def _over_mixtures(points: Floats, shares: Floats, ideal: Floats, power: float) -> tuple[Floats, Floats]:
    """Return the points that the nearest mixture needs, and their shares."""
    while True:
        target = _over_plane(points, shares, ideal, power)
        if (target >= -EPS).all():
            keep = target > EPS
            return points[keep], target[keep] / target[keep].sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(target < 0, shares / (shares - target), np.inf)
        shares = shares + min(1.0, float(reach.min())) * (target - shares)
        keep = np.arange(len(shares)) != int(np.argmin(reach))
        points, shares = points[keep], np.maximum(shares[keep], 0.0)
        shares = shares / shares.sum()


def _over_plane(points: Floats, shares: Floats, ideal: Floats, power: float) -> Floats:
    """Return shares, of either sign, of the nearest point of the plane through some points: Newton's method.

    Each step is a least-squares problem, the shortest where points depend on each other: the shares stay bounded.
    """
    base, along = points[0], points[1:] - points[0]
    mix = shares[1:].copy()
    for _ in range(min(NEWTON + int(PER_POWER * power), MOST) if len(along) else 0):
        x = base + mix @ along
        prices, bend = _prices(x, ideal, power)
        root = np.sqrt(np.maximum(bend, np.finfo(float).tiny))
        step = np.linalg.lstsq((along * root).T, prices / root, rcond=DEPENDENT)[0]
        size = _damped(base, along, mix, step, ideal, power)
        mix = mix + size * step
        if size == 0 or np.abs(step @ along).max() <= NEAR:
            break
    return np.append(1 - mix.sum(), mix)


def _damped(base: Floats, along: Floats, mix: Floats, step: Floats, ideal: Floats, power: float) -> float:
    """Return the share of a Newton step after which the norm still falls along it, or the step is all but gone."""
    size = 1.0
    for _ in range(50):
        prices, _ = _prices(base + (mix + size * step) @ along, ideal, power)
        before, _ = _prices(base + mix @ along, ideal, power)
        if (along @ prices) @ step >= -0.5 * abs((along @ before) @ step):
            return size
        size /= 2
    return 0.0
