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

from math import inf, isfinite

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
    members, own = model.rows.groups[i], [pair[i] for pair in model.rows.own]
    leaving = [min((k.payoffs[i] for k in leaves), default=inf) for leaves in model.leaves]
    groups, empty = _playable(model, alive, i, np.isfinite(leaving))
    choices: list[list[int]] = [[] for _ in leaving]
    for group, s in zip(groups.tolist(), model.replies[i].state[groups].tolist(), strict=True):
        choices[s].append(group)
    punish = [some[-1] if some else _PART for some in choices]
    law, value = model.discounts[i, 0] * model.transitions, np.zeros(len(leaving))
    for _ in range(_ROUNDS):
        replies = [members[group] if group != _PART else None for group in punish]
        value = _response(model.now[i], law, replies, own, leaving, value)
        worth = (model.now[i] + law @ value).tolist()
        changed = False
        for s, held in enumerate(value.tolist()):
            best = {g: max(own[s], *[worth[row] for row in members[g]]) for g in choices[s]}
            group = min(best, key=best.__getitem__, default=_PART)
            least = best.get(group, inf)
            if min(least, leaving[s]) < held - _BETTER * (1.0 + abs(held)):
                punish[s], changed = _PART if leaving[s] <= least else group, True
        if not changed:
            break
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


def _response(
    now: Floats,
    law: Floats,
    punish: list[list[int] | None],
    own: list[float],
    leaving: list[float],
    value: Floats,
) -> Floats:
    """Return the values of the best replies to a fixed punishment, by policy iteration."""
    constant = np.array([past if isfinite(past) else 0.0 for past in leaving])
    value = np.where([rows is None for rows in punish], constant, value)
    matrix, policy = np.eye(len(punish)), set[int]()
    for _ in range(_ROUNDS):
        changed, worth = False, (now + law @ value).tolist()
        for s, (rows, held) in enumerate(zip(punish, value.tolist(), strict=True)):
            if rows is None:
                continue
            row = max(rows, key=worth.__getitem__)
            if s in policy and max(worth[row], own[s]) <= held + _BETTER * (1.0 + abs(held)):
                continue
            changed, leaves = True, own[s] > worth[row]
            policy.add(s)
            matrix[s] = 0.0 if leaves else -law[row]
            matrix[s, s] += 1.0
            constant[s] = own[s] if leaves else now[row]
        if not changed:
            break
        value = np.asarray(np.linalg.solve(matrix, constant), dtype=np.float64)
    return value
