"""Stationary equilibrium of dividing a surplus by q votes of n: prices of votes and who is bought.

Let w_i be player i's reservation, the price of i's vote; K the sum of the q lowest prices and lam the q-th.
A proposer i pays the q - 1 cheapest others, in all K - min(w_i, lam), so with G = 1 - K

    V_i = p_i (G + min(w_i, lam)) + m_i w_i,   w_i = d_i V_i,

where m_i is the probability that another buys i's vote: 1 - p_i if w_i < lam, 0 if w_i > lam, and
anything between if w_i = lam. With mu = lam / G this reads

    m_i = clip(1 / d_i - p_i (1 + 1 / mu), 0, 1 - p_i),   sum m_i = q - 1,

one equation in one unknown that falls piecewise linearly in 1 / mu: solved exactly by sorting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.errors import Unsolved

Ints = NDArray[np.intp]

_SURE = 1e-12  # chances as near to 0 or to the largest possible are taken for these


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Votes:
    """Payoffs, prices, what a proposer gets, and the chance of being bought; unit surplus, (..., n)."""

    payoffs: Floats
    prices: Floats
    proposing: Floats
    bought: Floats


def unanimity(p: Floats, d: Floats, options: Floats) -> Votes:
    """Return the equilibrium in which every other vote is needed.

    With G the surplus over all reservations, w_i = max(o_i, a_i G), a_i = d_i p_i / (1 - d_i), and
    sum w_i + G = 1. The left side is the largest of the lines in G with each reservation read one way
    or the other, so G is the least of their roots; it is enough to look in the order of o_i / a_i.
    """
    a = d * p / (1 - d)
    least = np.maximum(options, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        order = np.argsort(np.where(least > 0, least / a, 0.0), axis=-1)
    slopes = np.take_along_axis(a, order, -1)
    fixed = np.take_along_axis(least, order, -1)
    none = np.zeros((*a.shape[:-1], 1))
    free = np.concatenate([none, np.cumsum(slopes, axis=-1)], axis=-1)
    bound = np.concatenate([np.cumsum(fixed[..., ::-1], axis=-1)[..., ::-1], none], axis=-1)
    gain = ((1 - bound) / (1 + free)).min(axis=-1, keepdims=True)
    prices = np.maximum(least, a * gain)
    payoffs = np.where(prices > a * gain, prices + p * gain, p * gain / (1 - d))
    return Votes(payoffs=payoffs, prices=prices, proposing=prices + gain, bought=1 - p)


def majority(p: Floats, d: Floats, quota: int) -> Votes:
    """Return the equilibrium in which `quota` votes are needed, the proposer's included."""
    if quota == 1:
        return Votes(payoffs=p, prices=d * p, proposing=np.ones_like(p), bought=np.zeros_like(p))
    steepness, bought = _mix(p, d, quota)
    cutoff = 1 / (steepness - 1)
    prices = np.minimum(d * p / (1 - d), np.maximum(cutoff, d * p * (1 + cutoff)))
    gain = 1 / (1 + np.sort(prices, axis=-1)[..., :quota].sum(axis=-1, keepdims=True))
    prices = prices * gain
    proposing = gain + np.minimum(prices, cutoff * gain)
    return Votes(payoffs=p * proposing + bought * prices, prices=prices, proposing=proposing, bought=bought)


def _mix(p: Floats, d: Floats, quota: int) -> tuple[Floats, Floats]:
    """Return the least t = 1 + 1 / mu at which the chances of being bought add up to quota - 1, and these.

    If more votes than needed are free (a player who never proposes or does not wait), t is infinite.
    """
    with np.errstate(divide="ignore"):
        inverse = 1 / d
        knots = np.sort(np.concatenate([1 + (1 - d) * inverse / p, inverse / p], axis=-1), axis=-1)

    def chances(t: Floats) -> Floats:
        with np.errstate(invalid="ignore"):
            here = np.clip(inverse - p * t, 0.0, 1 - p)
        return np.where((p == 0) | (d == 0), 1 - p, here)

    sums = np.stack([chances(knots[..., [k]]).sum(axis=-1) for k in range(knots.shape[-1])], axis=-1)
    reached = (sums <= quota - 1 + 1e-13) & np.isfinite(knots)
    k = np.maximum(reached.argmax(axis=-1), 1)[..., None]
    left, right = np.take_along_axis(knots, k - 1, -1), np.take_along_axis(knots, k, -1)
    more, less = np.take_along_axis(sums, k - 1, -1), np.take_along_axis(sums, k, -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        inside = left + np.minimum((more - (quota - 1)) / (more - less), 1.0) * (right - left)
        t = np.where(reached.any(axis=-1)[..., None], np.where(more > less, inside, left), np.inf)
        bought = chances(t)
    return t, bought * (quota - 1) / bought.sum(axis=-1, keepdims=True)


def miss(p: Floats, d: Floats, quota: int, votes: Votes) -> Floats:
    """Return the worst violation of the equilibrium conditions, costs recomputed by sorting the others' prices."""
    n = p.shape[-1]
    w, m = votes.prices, votes.bought
    others = [np.sort(w[..., [j for j in range(n) if j != i]], axis=-1) for i in range(n)]
    cost = np.stack([each[..., : quota - 1].sum(axis=-1) for each in others], axis=-1)
    ranked = np.sort(w, axis=-1)
    last = ranked[..., [quota - 1]]
    gaps = [
        np.abs(votes.payoffs - p * (1 - cost) - m * w),
        np.abs(w - d * votes.payoffs),
        np.abs(votes.proposing - (1 - cost)),
        np.minimum(np.maximum(last - w, 0), (1 - p) - m),  # cheaper than the cutoff: always bought
        np.minimum(np.maximum(w - last, 0), m),  # dearer: never
        np.maximum(m - (1 - p), -m),
        np.abs(m.sum(axis=-1, keepdims=True) - (quota - 1)) * last,
    ]
    worst: Floats = np.max([gap.max(axis=-1) for gap in gaps], axis=0)
    return worst


def coalitions(p: Floats, votes: Votes, quota: int) -> Floats:
    """Return, for one surplus, the chance that i's proposal buys j's vote: a mixture that gives `votes.bought`.

    Votes that every other proposer buys are bought by all, those that nobody does by none. Of the rest, whose prices
    tie, each proposer buys as many as are missing; which ones solves a transport problem that always has a solution.
    One who never proposes takes the cheapest votes too, and those with the lowest numbers where prices tie.
    """
    n = len(p)
    chances, wanted = np.eye(n), np.full(n, quota - 1)
    sure = (votes.bought >= 1 - p - _SURE) & (p < 1)
    tied = ~sure & (votes.bought > _SURE)
    by_price = np.argsort(votes.prices, kind="stable").tolist()
    by_chance = np.lexsort((votes.prices, ~tied, ~sure)).tolist()  # the same up to the rounding of prices
    for i in range(n):
        others = [j for j in (by_chance if p[i] > _SURE else by_price) if j != i]
        chances[i, others[: wanted[i]]] = 1.0
        wanted[i] -= int(sure[others].sum())
    if tied.any():
        chances[np.ix_(p > _SURE, tied)] = 0.0
        chances[np.diag_indices(n)] = 1.0
        _shared_out(p, votes.bought, wanted, np.flatnonzero(tied), chances)
    return chances


def _shared_out(p: Floats, bought: Floats, wanted: Ints, tied: Ints, chances: Floats) -> None:
    """Write the chances that tied votes are bought: so many by each proposer, and each so often."""
    from scipy.optimize import linprog

    rows = [i for i in range(len(p)) if p[i] > _SURE]
    pairs = [(i, j) for i in rows for j in tied.tolist() if i != j]
    matrix = np.zeros((len(rows) + len(tied), len(pairs)))
    for column, (i, j) in enumerate(pairs):
        matrix[rows.index(i), column] = 1.0
        matrix[len(rows) + int(np.searchsorted(tied, j)), column] = p[i]
    # A sum that rounding keeps from being met exactly may be missed, at a cost.
    size = len(matrix)
    missed = np.concatenate([matrix, np.eye(size), -np.eye(size)], axis=1)
    cost = np.append(np.zeros(len(pairs)), np.ones(2 * size))
    bounds = [(0, 1)] * len(pairs) + [(0, None)] * (2 * size)
    solution = linprog(cost, A_eq=missed, b_eq=[*wanted[rows], *bought[tied]], bounds=bounds)
    if solution.x is None or solution.fun > 1e-8:  # the violation that the program makes least
        raise Unsolved(
            f"No mixture of coalitions was found for votes bought with chances {bought.tolist()}; report this case."
        )
    for (i, j), share in zip(pairs, solution.x, strict=False):
        chances[i, j] = min(max(share, 0.0), 1.0) + 0.0  # no -0
