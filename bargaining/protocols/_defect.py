"""How far a path of payoffs is from the defining equations of continuous offers, evaluated afresh."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import legendre

from bargaining._arrays import Floats
from bargaining.protocols._mesh import rule, times
from bargaining.protocols._regimes import Regime, Trajectory, cross
from bargaining.protocols._terms import HAZARD, OUTSIDE, PIE, Terms

_NODES = 24


def defect(terms: Terms, path: Trajectory) -> float:
    """Return the defects of all pieces, discounted to t = 0 and added up, over the pie at 0.

    The functions are evaluated at 24 new nodes a piece, and everything is computed from these.
    """
    fresh, half = rule(_NODES), (path.b - path.a)[:, None] / 2
    values = terms(times(path.a, path.b, fresh.nodes))
    coefficients = rule().coefficients @ path.payoffs
    x = legendre.legvander(fresh.nodes, coefficients.shape[1] - 1) @ coefficients
    end = coefficients.sum(axis=1)
    inside = _inside(terms, path, values, half, x, end)
    slowest = np.where(path.regimes[:, None] == Regime.DELAY, terms.rates.min(), terms.rates.mean())
    passed = half[:, 0] * ((slowest + values[..., HAZARD]) @ fresh.weights)
    weights = np.exp(-np.concatenate([[0.0], np.cumsum(passed)[:-1]]))
    passing = np.append(_passing(terms, path, end), 0.0)
    return float(weights @ (inside + passing)) / float(values[0, 0, PIE])


def _passing(terms: Terms, path: Trajectory, end: Floats) -> Floats:
    """Return how far payoffs at the end of each piece are from what those just after imply."""
    limits = terms(np.nextafter(path.b[:-1], path.a[:-1]))
    return np.array(
        [
            np.abs(_before(terms, path.starts[k + 1], limits[k], path.regimes[k]) - end[k]).max()
            for k in range(len(limits))
        ]
    )


def _before(terms: Terms, after: Floats, end: Floats, regime: int) -> Floats:
    """Return payoffs just before a moment; an option that just binds ends a wait the other would prefer."""
    payoffs = cross(terms, after, end, 1e-11 * float(end[PIE]))
    if regime in (Regime.FIRST_BOUND, Regime.SECOND_BOUND) and payoffs.sum() > end[PIE]:
        i = int(regime) - int(Regime.FIRST_BOUND)
        payoffs[1 - i] = end[PIE] - payoffs[i]
    return payoffs


def _inside(terms: Terms, path: Trajectory, v: Floats, half: Floats, x: Floats, end: Floats) -> Floats:
    """Return the worst defect inside each piece, by regime."""
    rho = terms.rates + v[..., [HAZARD]]
    slope = (rule(_NODES).derivative @ v[..., [PIE, 4, 5]]) / half[..., None]
    lost = (rho * x - v[..., 2:4]).sum(axis=-1) - slope[..., 0]
    cost = rho * v[..., OUTSIDE] - slope[..., 1:] - v[..., 2:4]
    gap = x.sum(axis=-1) - v[..., PIE]
    delayed = [
        _miss(rho[..., i], v[..., 2 + i], x[..., i], path.starts[:, i], end[:, i], half) for i in range(2)
    ]
    push = (terms.rates[1] - terms.rates[0]) / 2 * v[..., PIE] + v[..., 2] - v[..., 3]
    y, first, last = (z[..., 0] - z[..., 1] for z in (x, path.starts, end))
    agreed = _miss(rho.mean(axis=-1), push, y, first, last, half)
    by_regime = {
        Regime.DELAY: [*delayed, (-gap).max(axis=-1)],
        Regime.AGREE: [agreed / 2, np.abs(gap).max(axis=-1), (-lost * half).max(axis=-1)],
    }
    for i, regime in enumerate((Regime.FIRST_BOUND, Regime.SECOND_BOUND)):
        holds = np.maximum(-cost[..., i], lost / 2 - cost[..., i]) * half
        off = np.abs(x[..., i] - v[..., OUTSIDE][..., i]) + np.abs(gap)
        by_regime[regime] = [np.maximum(holds, off).max(axis=-1)]
    short = [(v[..., OUTSIDE][..., i] - x[..., i]).max(axis=-1) for i in terms.may_leave]
    worst = np.zeros(len(path.regimes))
    for regime, gaps in by_regime.items():
        here = path.regimes == regime
        worst[here] = np.maximum(0.0, np.max([*gaps, *short], axis=0))[here]
    return worst


def _miss(rate: Floats, push: Floats, z: Floats, first: Floats, last: Floats, half: Floats) -> Floats:
    """Return the worst of |z(t) - (z(b) + int_t^b exp(..) push) exp(-..)| at the nodes and at a."""
    fresh = rule(_NODES)
    growth = np.exp(half * (rate @ fresh.remaining.T))
    fed = growth * push
    nodes = (last[:, None] + half * (fed @ fresh.remaining.T)) / growth
    whole = np.exp(half[:, 0] * (rate @ fresh.weights))
    start = (last + half[:, 0] * (fed @ fresh.weights)) / whole
    miss: Floats = np.maximum(np.abs(z - nodes).max(axis=-1), np.abs(first - start))
    return miss
