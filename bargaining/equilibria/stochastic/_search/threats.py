r"""A lower bound of the punishments in each state, from the profiles that can still be played.

No player's payoff is below the minimum, over live profiles, of her payoff from the best deviation, if the bound
itself follows as the punishment:

.. math:: x_i(s) = \min_a \max_b\, (1-\delta_i) g_i(s, b, a_{-i})
          + \delta_i \sum_{s'} P(s' \mid s, b, a_{-i})\, x_i(s').

This is a zero-sum game in which the punishers move first. Policy iteration (Hoffman and Karp) solves it for any
discount factors. Leaving adds choices: a player who may leave gets at least her option, and an outcome of leaving may
itself be the punishment.
"""

from __future__ import annotations

from itertools import accumulate
from math import inf

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.minkowski import Indices
from bargaining.equilibria._plane.model import Mask, Model, Replies
from bargaining.equilibria._plane.polygon import Polygon

_ROUNDS = 100  # of policy improvement: each improves some state, and few states improve twice
_BETTER = 1e-15  # relative: smaller gains may be rounding
_MANY = 1000  # rows from which on it pays to find first which of them matter
_FEW = 200  # rows up to which applying the operator costs less than to find which of them matter
_INSIDE = 1e-12  # of the unit box: a row that misses its constraints by less counts as incentive compatible
_HIGHER = 4  # rounds of bounding the largest payoffs
_SHRINKS = 0.9  # another round pays if no more than this share of the rows is left


def threat_bound(model: Model, alive: Mask, known: Floats | None = None) -> Floats:
    """Return the bound, shape (S, 2); infinite in a state where nothing can be played and nobody may leave.

    `known` is the bound when more rows were alive, which often holds still.
    """
    start = np.zeros((len(model.states), 2)) if known is None else np.where(np.isfinite(known), known, 0.0)
    return np.stack([_bound(model, alive, i, start[:, i]) for i in (0, 1)], axis=1)


def _bound(model: Model, alive: Mask, i: int, value: Floats) -> Floats:
    replies, now, delta, own = model.replies[i], model.now[i], model.discounts.item(i), model.own[:, i]
    gone = np.array([min([leave.payoffs[i] for leave in leaves], default=inf) for leaves in model.leaves])
    live = _playable(model, replies, alive, gone)
    owner, count = replies.state[live], len(gone)
    first = np.ones(len(owner), bool)
    first[1:] = owner[1:] > owner[:-1]
    starts = np.flatnonzero(first)
    some, floor, least = owner[starts], own[owner], np.full(count, inf)
    punish, constant = np.full(count, -1), np.where(gone < inf, gone, 0.0)  # -1: an outcome of leaving
    filled = gone < inf
    filled[some] = True
    for step in range(_ROUNDS):
        worst = np.maximum(replies.best(now + delta * (model.transitions @ value)).take(live), floor)
        if len(some):
            least[some] = np.minimum.reduceat(worst, starts)
        less = value - np.minimum(least, gone)
        harsher = filled & ((less if step else np.abs(less)) > _BETTER * (1.0 + np.abs(value)))
        if not harsher.any():
            break
        harshest = np.full(count, -1)
        harshest[some] = live[np.lexsort((worst, owner))[starts]]
        punish = np.where(harsher if step else filled, np.where(least < gone, harshest, -1), punish)
        value = _response(model, replies, i, punish, np.where(punish < 0, constant, value))
    # Probabilities that sum to 1 only up to rounding can raise the value of patient players above all payoffs.
    most = max([model.payoffs[i].max(), own.max(), *gone[gone < inf].tolist()])
    return np.where(filled, np.minimum(value, most), inf)


def _playable(model: Model, replies: Replies, alive: Mask, gone: Floats) -> Indices:
    """Return the groups with a live row and no reply into a state where nothing can be played."""
    live = np.logical_or.reduceat(alive.take(replies.order), replies.starts)
    while (empty := (gone == inf) & (np.bincount(replies.state[live], minlength=len(gone)) == 0)).any():
        lost = np.asarray(model.transitions[:, empty].any(axis=1))[replies.order]
        kept = live & ~np.logical_or.reduceat(lost, replies.starts)
        if (kept == live).all():
            break
        live = kept
    return np.flatnonzero(live)


def _response(model: Model, replies: Replies, i: int, punish: Indices, value: Floats) -> Floats:
    """Return the values of player i's best replies to one group of rows a state, by policy iteration.

    In states without one the values are given.
    """
    states, delta, unit = np.flatnonzero(punish >= 0), model.discounts.item(i), np.eye(len(value))
    if not states.size:
        return value
    groups = [replies.rows(group) for group in punish[states].tolist()]
    sizes, rows, own = [*map(len, groups)], np.concatenate(groups), model.own[states, i]
    starts, now, law = [0, *accumulate(sizes[:-1])], model.now[i, rows], delta * model.transitions[rows]
    policy, known = np.zeros((states.size, len(value))), value.copy()
    for step in range(_ROUNDS):
        worth = now + law @ value
        best = np.maximum.reduceat(worth, starts)
        held = value[states]
        better = (np.maximum(best, own) > held + _BETTER * (1.0 + np.abs(held))) | (step == 0)
        if not better.any():
            break
        star = [k + int(np.argmax(worth[k : k + size])) for k, size in zip(starts, sizes, strict=True)]
        stays = own <= best
        policy[better] = np.where(stays[:, None], law[star], 0.0)[better]
        known[states[better]] = np.where(stays, now[star], own)[better]
        matrix = unit.copy()
        matrix[states] -= policy
        value = np.asarray(np.linalg.solve(matrix, known), dtype=float)
    return value


def thinned(model: Model, start: Polygon) -> tuple[Model, Floats | None]:
    """Leave out rows that no continuation in `start` sustains and that are nobody's best deviation.

    Returned are the model of the other rows, which has the same payoff sets, and a bound of the threats if one was
    needed. Models with few rows are not changed, nor are those in which a threat to leave must be credible, because
    there the rows at which players prefer to leave matter.
    """
    alone = any(leave.leaver is not None for leaves in model.leaves for leave in leaves)
    if len(model.live) <= _MANY or alone:
        return model, None
    high, left, bound = np.tile(np.max(start, axis=0), (len(model.states), 1)), inf, None
    filled = [bool(leaves) for leaves in model.leaves]
    while len(model.live) > _FEW and model.live.sum() < _SHRINKS * left:
        if not (np.bincount(model.state[model.live], minlength=len(filled)) + filled).all():
            break
        left, bound = model.live.sum(), threat_bound(model, model.live, bound)
        live = _reachable(model, bound, high, model.live)
        kept = live | _tempting(model, live, bound, high)
        kept[[span.start for span in model.states]] = True
        model = model.only(kept, live)
    return model, bound


def _reachable(model: Model, bound: Floats, high: Floats, alive: Mask) -> Mask:
    """Return the live rows that deter deviations if the largest payoffs follow.

    `high`, the most that each player gets in each state, is lowered in place.
    """
    need = np.maximum(model.deviations(bound), model.own.T.take(model.state, axis=1)) - _INSIDE
    rows, gone = np.arange(len(alive)), np.full_like(high, -inf)
    for s, leaves in enumerate(model.leaves):
        gone[s] = np.max([(-inf, -inf), *(leave.payoffs for leave in leaves)], axis=0)
    now, after, stays = model.now, model.transitions, alive
    for _ in range(_HIGHER):
        most = now + model.discounts * (high.T @ after.T)
        kept = np.flatnonzero(stays & (most >= need).all(axis=0))
        rows, after = rows[kept], after.take(kept, axis=0)
        now, need, most = (each.take(kept, axis=1) for each in (now, need, most))
        stays, state, best = np.ones(len(kept), dtype=bool), model.state[rows], gone.copy()
        first = np.flatnonzero(np.diff(state, prepend=-1))
        if first.size:
            best[state[first]] = np.maximum(gone[state[first]], np.maximum.reduceat(most, first, axis=1).T)
        high[:] = np.minimum(high, np.where(np.isfinite(best), best, high))
    left = np.zeros_like(alive)
    left[rows] = True
    return left


def _tempting(model: Model, live: Mask, bound: Floats, high: Floats) -> Mask:
    """Return rows that may be somebody's best deviation from a live row, for any threats between these limits.

    Compared with the best row at the middle threats, another row can be better only through the difference of the
    transition laws. For each state to which some row of a group may lead, one row of the group is kept: if this state
    has no payoffs, no other row of the group can be played.
    """
    kept, finite = np.zeros_like(live), bool(np.isfinite(bound).all())
    bound = np.minimum(bound, high)
    middle, half = (bound + high) / 2, np.maximum(high - bound, 0.0) / 2
    for i, (replies, worth) in enumerate(zip(model.replies, model.values(middle), strict=True)):
        star, delta, after = replies.argbest(worth), model.discounts.item(i), half[:, i]
        faced = np.logical_or.reduceat(live.take(replies.order), replies.starts).take(replies.group)
        # Two laws are no farther apart than if they led to different states.
        close = worth >= (worth.take(star) - 2.0 * delta * after.max() - _INSIDE).take(replies.group)
        rows = np.flatnonzero(faced & close if finite else faced)
        best = star.take(replies.group.take(rows))
        apart = np.abs(model.transitions.take(rows, axis=0) - model.transitions.take(best, axis=0)) @ after
        kept[rows[(worth.take(rows) + delta * apart >= worth.take(best) - _INSIDE) | (not finite)]] = True
        for column in model.transitions.T:
            if not column.all():
                leads = np.flatnonzero(faced & (column > 0.0))
                kept[leads[np.unique(replies.group[leads], return_index=True)[1]]] = True
    return kept
