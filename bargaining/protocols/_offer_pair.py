"""The pair of offers of an infinite horizon, and how far it misses the conditions that define it."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.protocols._offers import Mask, Talks, after_refusal, extreme_pair, settle

ROUNDING = 1e-12


def offer_pair(talks: Talks, leaver: str) -> tuple[Floats, Floats, Mask, Mask]:
    """Return the offers, how far they miss their conditions, where they are not unique, and where nobody makes them.

    If only responders may leave, concavity makes the highest and the lowest payoffs coincide: one pair is enough, and
    each offer leaves the responder indifferent, or takes all that is feasible. Nobody makes offers where both would
    rather be refused: waiting for a breakdown is then worth more to the two than an agreement.
    """
    if leaver == "responder":
        high0, low1 = _without_cancellation(talks, *extreme_pair(talks, leaver, None, 0))
        many = np.asarray(np.zeros(high0.shape, dtype=bool))
    else:
        low, high, _ = settle(talks, leaver)
        high0, low1 = high[..., 0], low[..., 1]
        many = np.asarray(((high - low) > 1e-9 * (talks.ideal - talks.floor)).any(axis=-1))
    x = np.stack((high0, talks.best(1, high0)), axis=-1)
    y = np.stack((talks.best(0, low1), low1), axis=-1)
    if leaver != "responder":
        return np.stack((x, y)), np.zeros(high0.shape), many, np.zeros(high0.shape, dtype=bool)
    misses, refusals = zip(
        *(_conditions(talks, i, *((x, y) if i == 0 else (y, x))) for i in (0, 1)), strict=True
    )
    idle = (refusals[0] > ROUNDING) & (refusals[1] > ROUNDING)
    residual = np.maximum(np.maximum(*misses), np.where(idle, 0.0, np.maximum(*refusals)))
    return np.stack((x, y)), residual, many, idle


def _without_cancellation(talks: Talks, x0: Floats, y1: Floats) -> tuple[Floats, Floats]:
    """Return the two proposers' payoffs to full accuracy where a surplus is shared and no option binds.

    A refusal is worth a_i + b_i v with b_i = (1 - p) delta_i. The offers x_0 = T - a_1 - b_1 y_1 and
    y_1 = T - a_0 - b_0 x_0 differ by so little where b is close to 1 that a root of their difference loses
    digits; solved for x_0, with 1 - b_0 b_1 from 1 - delta, nothing cancels.
    """
    if not isinstance(talks.feasible, TransferableSurplus):
        return x0, y1
    total, p = talks.feasible.total, talks.breakdown[..., None]
    delta, d = talks.discounts, talks.disagreement
    rest = p + (1 - p) * (1 - delta)  # 1 - b
    b, a = (1 - p) * delta, p * talks.breakdown_payoffs + (1 - p) * (1 - delta) * d
    exact = (total * rest[..., 1] - a[..., 1] + b[..., 1] * a[..., 0]) / (
        rest[..., 0] + b[..., 0] * rest[..., 1]
    )
    answer = total - a[..., 0] - b[..., 0] * exact
    own = np.stack([exact, answer], axis=-1)
    waiting = np.stack([talks.wait(i, own[..., i]) for i in (0, 1)], axis=-1)
    free = (own > talks.floor) & (own < talks.ideal) & ~(talks.may_leave & (talks.outside > waiting))
    here = np.asarray(free.all(axis=-1))
    return np.where(here, exact, x0), np.where(here, answer, y1)


def _conditions(talks: Talks, i: int, offer: Floats, answer: Floats) -> tuple[Floats, Floats]:
    """Return how far i's offer is from what the responder needs, and what i would gain by having it refused.

    Both over the range of gains; `answer` is the other's offer, which follows a refusal unless somebody leaves.
    """
    j, span = 1 - i, talks.ideal - talks.floor
    needed = after_refusal(talks, "responder", None, i, answer[..., j], worst=True)
    short = needed - offer[..., j]
    generous = offer[..., i] >= talks.ideal[..., i]  # nothing more to take: giving more is no violation
    goes = talks.may_leave[..., j] & (talks.outside[..., j] > talks.wait(j, answer[..., j]))
    refused = np.where(goes, talks.outside[..., i], talks.wait(i, answer[..., i]))
    gain = np.maximum(refused - offer[..., i], 0.0)
    return np.maximum(np.where(generous, short, np.abs(short)), 0.0) / span[..., j], gain / span[..., i]
