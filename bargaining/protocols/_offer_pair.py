"""The pair of offers of an infinite horizon, and how far it misses the conditions that define it."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.protocols._offers import Mask, Talks, extreme_pair, settle

ROUNDING = 1e-12


def offer_pair(talks: Talks, leaver: str) -> tuple[Floats, Mask]:
    """Return the offers, first proposer on the first axis, and where they are not unique.

    If only responders may leave, concavity makes the highest and the lowest payoffs coincide: one pair is enough, and
    each offer leaves the responder indifferent, or takes all that is feasible.
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
    return np.stack((x, y)), many


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


def idle(talks: Talks, offers: Floats) -> Mask:
    """Say where nobody makes an offer: waiting for a breakdown is worth more to the two than an agreement."""
    refused = []
    for i in (0, 1):
        goes = talks.may_leave[..., 1 - i] & (talks.outside > _waiting(talks, i, offers))[..., 1 - i]
        held = np.where(goes, talks.outside[..., i], _waiting(talks, i, offers)[..., i])
        refused.append((held - offers[i][..., i]) / (talks.ideal - talks.floor)[..., i] > ROUNDING)
    return np.asarray(refused[0] & refused[1])


def _waiting(talks: Talks, i: int, offers: Floats) -> Floats:
    """Return what a refusal of i's offer is worth to both if nobody leaves."""
    return np.stack([talks.wait(k, offers[1 - i][..., k]) for k in (0, 1)], axis=-1)


def pair_miss(talks: Talks, leaver: str, offers: Floats) -> Floats:
    """Return the most that a player gains by one deviation from these offers, over the range of gains.

    A refusal is followed by the other's offer, or by whoever may leave doing so: by whatever of these those who
    choose it would choose. Each offer must then be the best that the other accepts, and no worse than a refusal.
    """
    plays = {"responder": ["responder leaves"], "proposer": ["proposer leaves"]}
    plays["both"] = plays["responder"] + plays["proposer"]
    rounds = [
        np.min(
            [np.maximum(*_after(talks, leaver, i, each, offers)) for each in ("wait", *plays[leaver])], axis=0
        )
        for i in (0, 1)
    ]
    return np.asarray(np.maximum(*rounds))


def _after(talks: Talks, leaver: str, i: int, play: str, offers: Floats) -> tuple[Floats, Floats]:
    """Return how far i's offer misses if a refusal is followed by this play, and what another play would gain.

    The gain includes what the proposer would have from a refusal instead of the offer.
    """
    j, span, o, may = 1 - i, talks.ideal - talks.floor, talks.outside, talks.may_leave
    waiting = _waiting(talks, i, offers)
    responder = may[..., j] & (leaver != "proposer")
    proposer = may[..., i] & (leaver != "responder")
    better = (o - waiting) / span  # what leaving adds to waiting
    would = proposer & (better[..., i] >= 0)
    if play == "wait":
        gains = [np.where(may_go, better[..., k], 0.0) for may_go, k in ((proposer, i), (responder, j))]
        held, tempted = waiting, np.maximum(*gains)
    elif play == "proposer leaves":
        held, tempted = o, np.where(proposer, -better[..., i], np.inf)
    else:
        held, tempted = o, np.where(responder, np.where(would, 0.0, -better[..., j]), np.inf)
    offer, most = offers[i], talks.best(i, held[..., j])
    short = held[..., j] - offer[..., j]
    generous = offer[..., i] >= talks.ideal[..., i]  # nothing more to take: giving more is no violation
    off = np.where(generous, np.maximum(short, 0.0), np.abs(short)) / span[..., j]
    miss = np.maximum(off, np.abs(most - offer[..., i]) / span[..., i])
    return miss, np.maximum(np.maximum(tempted, (held[..., i] - offer[..., i]) / span[..., i]), 0.0)
