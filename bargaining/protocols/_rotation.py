"""Stationary equilibrium of alternating offers among three and more players, who propose in turn.

Player j, who proposes next but m after k, gets from refusing k's offer, with w_j as for two players,

    V_j^k = max{o_j, w_j(V_j^{k+1})},    V_j^j = x_j,

and the proposer k gets the most that leaves the others these reservations: x_k = max{y_k : y in S, y_j = V_j^k}. Of the
many subgame-perfect equilibria with three or more players (Shaked's example) this is the stationary one.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.errors import NotApplicable
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.protocols._offers import Talks

STEPS = 60
DONE = 4 * float(np.finfo(float).eps)


def rotation(talks: Talks) -> tuple[Floats, Floats]:
    """Return the offers, first proposer on the first axis, and how far they miss their equations.

    Cell by cell: Newton's method on x_k, k = 0, ..., n - 1, whose equations are piecewise linear for a transferable
    surplus and then solved in a few exact steps.
    """
    n, shape = talks.ideal.shape[-1], talks.ideal.shape[:-1]
    offers, residual = np.full((n, *shape, n), np.nan), np.full(shape, np.nan)
    for cell in np.ndindex(*shape):
        scale = (talks.ideal - talks.floor)[cell]
        if np.isfinite(scale).all() and (scale > 0).all():
            # An equal part of each ideal gain is feasible, so that every proposer has room.
            own = _newton(talks, cell, talks.floor[cell] + scale / n, scale)
            offers[(slice(None), *cell)] = _offers(talks, cell, own)
            residual[cell] = np.abs((np.diagonal(_offers(talks, cell, own)) - own) / scale).max()
    return offers, residual


def _newton(talks: Talks, cell: tuple[int, ...], start: Floats, scale: Floats) -> Floats:
    """Solve x_k = best_k(x) from x = `start`."""
    own, n = start, len(start)

    def miss(x: Floats) -> Floats:
        return (np.diagonal(_offers(talks, cell, x)) - x) / scale

    for _ in range(STEPS):
        now = miss(own)
        if np.abs(now).max() <= DONE:
            break
        step = 2.0**-20 * scale
        slopes = np.stack(
            [(now - miss(own - step * (np.arange(n) == k))) * 2.0**20 for k in range(n)], axis=1
        )
        try:
            move = np.linalg.solve(slopes, -now) * scale
        except np.linalg.LinAlgError:
            break
        size = 1.0
        while not np.abs(miss(own + size * move)).max() < np.abs(now).max():
            size /= 2
            if size < 2.0**-20:
                return own
        own = own + size * move
    return own


def _offers(talks: Talks, cell: tuple[int, ...], own: Floats) -> Floats:
    """Return each proposer's best offer, on the first axis, if each player's own next proposal is worth `own`."""
    n = len(own)
    held = np.empty((n, n))
    for j in range(n):
        value = own[j]
        for m in range(1, n):
            value = refusal(talks, cell, j, value)
            held[(j - m) % n, j] = value
        held[j, j] = talks.floor[(*cell, j)]
    room = _one(talks, cell).ray(held, np.eye(n))
    return held + np.diag(room)


def _one(talks: Talks, cell: tuple[int, ...]) -> FeasibleSet:
    """Return the feasible set of one cell."""
    feasible = talks.feasible
    if not feasible.batch_shape:
        return feasible
    if not isinstance(feasible, TransferableSurplus):
        raise NotApplicable(
            "More than two players bargain over a batch of surpluses or over one set of another kind."
        )
    total = np.broadcast_to(feasible.total, talks.ideal.shape[:-1])[cell]
    return TransferableSurplus(total, players=feasible.players)


def refusal(talks: Talks, cell: tuple[int, ...], j: int, value: float) -> float:
    """Return what refusing is worth to j in one cell, if the next period is worth `value`."""
    d, p = talks.disagreement[(*cell, j)], talks.breakdown[cell]
    waiting = p * talks.breakdown_payoffs[(*cell, j)] + (1 - p) * (
        d + talks.discounts[(*cell, j)] * (value - d)
    )
    return float(max(talks.outside[(*cell, j)], waiting) if talks.may_leave[(*cell, j)] else waiting)


def finite_rotation(talks: Talks, rounds: int) -> tuple[Floats, Floats]:
    """Return the payoffs of `rounds` offers by backward induction, first proposer on the first axis, and zeros."""
    n, shape = talks.ideal.shape[-1], talks.ideal.shape[:-1]
    payoffs: NDArray[np.float64] = np.empty((n, *shape, n))
    for cell in np.ndindex(*shape):
        p = talks.breakdown[cell]
        last = p * talks.breakdown_payoffs[cell] + (1 - p) * talks.disagreement[cell]
        now, recent, left = np.tile(last, (n, 1)), deque[Floats](maxlen=n), rounds
        while left > 0:
            recent.append(now)
            held = np.array(
                [
                    [_held(talks, cell, j, now[(k + 1) % n], final=left == rounds) for j in range(n)]
                    for k in range(n)
                ]
            )
            held[np.arange(n), np.arange(n)] = talks.floor[cell]
            now, left = held + np.diag(_one(talks, cell).ray(held, np.eye(n))), left - 1
            if len(recent) == n and np.array_equal(now, recent[0]):
                left %= n  # from here on every n-th round is the same
        payoffs[(slice(None), *cell)] = now
    return payoffs, np.zeros(shape)


def _held(talks: Talks, cell: tuple[int, ...], j: int, following: Floats, *, final: bool) -> float:
    """Return j's reservation: after the last offer only leaving is better than the end."""
    if not final:
        return refusal(talks, cell, j, following[j])
    end = following[j]
    return float(max(talks.outside[(*cell, j)], end) if talks.may_leave[(*cell, j)] else end)
