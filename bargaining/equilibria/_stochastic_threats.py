r"""A lower bound of the punishments in each state, from the profiles that can still be played.

Nobody is held below the least, over live profiles, of what her best deviation gives if punished by the bound
itself:

.. math:: x_i(s) = \min_a \max_b\, (1-\delta_i) g_i(s, b, a_{-i})
          + \delta_i \sum_{s'} P(s' \mid s, b, a_{-i})\, x_i(s').

A zero-sum game in which the punishers move first: solved by policy iteration (Hoffman and Karp), whatever the
discount factor. Leaving adds a choice: one who may leave gets her option at least, and an outcome of leaving may
itself be the punishment.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._minkowski import Indices
from bargaining.equilibria._stochastic_model import Mask, Model

_PART = -1  # the punishment is that somebody leaves
_ROUNDS = 100
_BETTER = 1e-15


def threat_bound(model: Model, alive: Mask) -> Floats:
    """Return the bound, shape (S, 2); infinite in a state where nothing can be played and nobody may leave."""
    return np.stack([_bound(model, alive, i) for i in (0, 1)], axis=1)


def _bound(model: Model, alive: Mask, i: int) -> Floats:
    replies, states = model.replies[i], len(model.states)
    leaving = np.array([min((k.payoffs[i] for k in leaves), default=np.inf) for leaves in model.leaves])
    groups, empty = _playable(model, alive, i, np.isfinite(leaving))
    punish = np.full(states, _PART)
    punish[replies.state[groups]] = groups
    value = np.zeros(states)
    bounds = [*replies.starts.tolist(), len(replies.order)]
    members = [replies.order[low:high] for low, high in pairwise(bounds)]
    for _ in range(_ROUNDS):
        value = _response(model, i, [members[g] if g != _PART else None for g in punish], leaving, value)
        worth = model.now[i] + model.discounts[i, 0] * (model.transitions @ value)
        best = np.maximum(replies.best(worth)[groups], model.own[replies.state[groups], i])
        change = _improvement(best, groups, replies.state[groups], leaving, value)
        if not change:
            break
        for s, group in change.items():
            punish[s] = group
    # Probabilities that sum to 1 up to rounding can lift the value of patient players beyond every payoff.
    gone = [leave.payoffs[i] for leaves in model.leaves for leave in leaves]
    value = np.minimum(value, np.concatenate([model.payoffs[i], model.own[:, i], gone]).max())
    value[empty] = np.inf
    return np.asarray(value)


def _playable(model: Model, alive: Mask, i: int, may_part: Mask) -> tuple[Indices, Mask]:
    """Return the groups with a live row and no reply into an empty state, and the states that are empty."""
    replies = model.replies[i]
    live = np.zeros(len(replies.state), dtype=bool)
    live[replies.group[alive]] = True
    empty = ~may_part
    while True:
        empty[replies.state[live]] = False
        lost = live & replies.best(model.transitions[:, empty].any(axis=1).astype(float)).astype(bool)
        if not lost.any():
            return np.flatnonzero(live), empty
        live &= ~lost
        empty = ~may_part


def _improvement(
    best: Floats, groups: Indices, state: Indices, leaving: Floats, value: Floats
) -> dict[int, int]:
    """Return, state by state, a punishment that holds the player below her value."""
    change = {}
    bounds = np.searchsorted(state, np.arange(len(value) + 1))
    for s, (low, high) in enumerate(pairwise(bounds.tolist())):
        k = low + int(best[low:high].argmin()) if high > low else _PART
        least = best[k] if high > low else np.inf
        if min(least, leaving[s]) < value[s] - _BETTER * (1.0 + abs(value[s])):
            change[s] = _PART if leaving[s] <= least else int(groups[k])
    return change


def _response(model: Model, i: int, punish: list[Indices | None], leaving: Floats, value: Floats) -> Floats:
    """Return the values of the best replies to a fixed punishment, by policy iteration."""
    states, delta = len(punish), model.discounts[i, 0]
    constant = np.where(np.isfinite(leaving), leaving, 0.0)
    matrix = np.eye(states)
    policy: dict[int, int] = {}
    value = np.where([rows is None for rows in punish], constant, value)
    for _ in range(_ROUNDS):
        changed = False
        for s, rows in enumerate(punish):
            if rows is None:
                continue
            worth = np.append(model.now[i, rows] + delta * (model.transitions[rows] @ value), model.own[s, i])
            k = int(worth.argmax())
            if s in policy and worth[k] <= value[s] + _BETTER * (1.0 + abs(value[s])):
                continue
            changed, policy[s] = True, k
            matrix[s] = 0.0
            matrix[s, s], constant[s] = 1.0, worth[-1]
            if k < len(rows):
                matrix[s] -= delta * model.transitions[rows[k]]
                constant[s] = model.now[i, rows[k]]
        if not changed:
            break
        value = np.asarray(np.linalg.solve(matrix, constant), dtype=np.float64)
    return value
