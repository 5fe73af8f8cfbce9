"""What two players can get if a proposer may prefer that her offer is refused: bounds that close in on it.

A refusal may be worth more than any agreement to both, where leaving, a breakdown or the flow of disagreement lies
beyond the frontier; then the highest and lowest offers of `_offers` are no equilibria. Let player k's equilibrium
payoffs lie in [l_k, h_k] in turns of j. A refusal of i's offer then gives k between w_k(l_k) and w_k(h_k) if talks go
on. Whoever may leave does so if this is certainly worth less than o, and stays if it is certainly worth more; otherwise
both are possible. Let the bounds of a refusal thus be [r_k, R_k], and e_i(v) the most that i gets where j gets v. Then

    i's own payoff lies in [max(e_i(R_j), r_i), max(e_i(r_j), R_i)]:

j accepts what is better than R_j and refuses what is worse than r_j, and either is a deviation of i's. Player j gets at
least r_j, and at most what is left if i gets the least, or R_j. The offer is certainly accepted if e_i(R_j) > R_i, and
certainly refused if e_i(r_j) < r_i. All equilibria, stationary or not, stay within the bounds. So if these meet, which
they do unless a decision remains open, equilibrium payoffs are unique, and the bounds are these payoffs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.protocols._offers import ROUNDING, Mask, Talks

# Each round shrinks bounds by the discount factor times the chance of no breakdown: enough for .98.
_ROUNDS = 2000


class Refusals(NamedTuple):
    """The turns of both players, the proposer on the first axis."""

    payoffs: Floats
    """Payoffs where known, (2, ..., 2)."""
    chances: Floats
    """1 for what certainly becomes of an offer: it is accepted, it ends the talks, or talks go on, (2, ..., 3)."""
    known: Mask
    """Whether payoffs are unique, (...)."""

    @property
    def agreed(self) -> Mask:
        """Whether the offers of both are certainly accepted, (...)."""
        return np.asarray((self.chances[..., 0] == 1).all(axis=0))


def refusals(talks: Talks, leaver: str, wanted: Mask) -> Refusals:
    """Return what each turn gives where bounds of all equilibrium payoffs meet; they move until those `wanted` stay."""
    ends = [talks.ideal, talks.disagreement]
    ends.append(np.where(talks.breakdown[..., None] > 0, talks.breakdown_payoffs, talks.disagreement))
    ends.append(np.where(talks.may_leave.any(axis=-1, keepdims=True), talks.outside, talks.disagreement))
    low, high = np.stack([talks.floor] * 2), np.stack([np.max(ends, axis=0)] * 2)
    chances = np.zeros((*low.shape[:-1], 3))
    for _ in range(_ROUNDS if wanted.any() else 0):
        before = low.copy(), high.copy()
        for i in (0, 1):
            one, other, chances[i] = _turn(talks, leaver, i, low[1 - i], high[1 - i])
            low[i], high[i] = np.maximum(low[i], one), np.minimum(high[i], other)
        if all(((a == b) | ~wanted[..., None]).all() for a, b in zip(before, (low, high), strict=True)):
            break
    near = high - low <= ROUNDING * (talks.ideal - talks.floor)
    known = near.all(axis=(0, -1)) & (chances.sum(axis=-1) == 1).all(axis=0)
    return Refusals((low + high) / 2, chances, np.asarray(known))


def _turn(talks: Talks, leaver: str, i: int, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats]:
    """Return bounds of what i's turn gives, from those of j's turn, and what certainly becomes of i's offer."""
    j, slack = 1 - i, talks.slack[..., i]
    low, high = talks.waits(low), talks.waits(high)
    left, waited = np.zeros(low.shape[:-1], bool), np.ones(low.shape[:-1], bool)
    for name, k in (("proposer", i), ("responder", j)):
        if leaver not in (name, "both"):
            continue
        leaves = talks.may_leave[..., k] & (low[..., k] <= talks.outside[..., k] + talks.slack[..., k])
        stays = ~talks.may_leave[..., k] | (high[..., k] >= talks.outside[..., k] - talks.slack[..., k])
        left, waited = left | (leaves & ~stays), waited & ~leaves
        worst, best = (np.where(leaves[..., None], talks.outside, end) for end in (low, high))
        low = np.where(stays[..., None], np.minimum(worst, low), worst)
        high = np.where(stays[..., None], np.maximum(best, high), best)
        low[..., k] = np.where(leaves, talks.outside[..., k], low[..., k])
    least, most = talks.best(i, high[..., j]), talks.best(i, low[..., j])
    least, most = (np.where(np.isfinite(end), end, -np.inf) for end in (least, most))
    accepted, refused = least > high[..., i] + slack, most < low[..., i] - slack
    own = np.maximum(least, low[..., i]), np.maximum(most, high[..., i])
    given = talks.best(j, own[1]), talks.best(j, own[0])
    others = (
        np.where(accepted, np.fmax(low[..., j], given[0]), low[..., j]),
        np.where(refused, high[..., j], np.fmax(high[..., j], given[1])),
    )
    lowest, highest = (
        np.stack([a, b] if i == 0 else [b, a], axis=-1) for a, b in zip(own, others, strict=True)
    )
    return lowest, highest, np.stack([accepted, refused & left, refused & waited], axis=-1)
