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

from dataclasses import dataclass
from math import inf

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.model import Mask, Model, Rows
from bargaining.equilibria._plane.polygon import Polygon

_ROUNDS = 100  # of policy improvement: each improves some state, and few states improve twice
_BETTER = 1e-15  # relative: smaller gains may be rounding
_ARRAYS = 60  # rows from which on arrays are faster
_MANY = 1000  # rows from which on it pays to find first which of them matter
_INSIDE = 1e-12  # of the unit box: a row that misses its constraints by less counts as incentive compatible
_HIGHER = 4  # rounds of bounding the largest payoffs
_SHRINKS = 0.9  # another round pays if no more than this share of the rows is left
_FEW = 4  # successors up to which a plain sum is faster than an array

Values = list[float]
Group = list[int]
"""Rows that differ only in the punished player's action; none if the punishment is an outcome of leaving."""


def threat_bound(model: Model, alive: Mask) -> Floats:
    """Return the bound, shape (S, 2); infinite in a state where nothing can be played and nobody may leave."""
    if len(alive) > _ARRAYS and (found := _swift(model, alive)) is not None:
        return found
    live = alive.tolist()
    return np.array([*zip(*(_bound(model, live, i) for i in (0, 1)), strict=True)])


def _bound(model: Model, live: list[bool], i: int) -> Values:
    gone = [[leave.payoffs[i] for leave in leaves] for leaves in model.leaves]
    parted, player = [min(payoffs, default=inf) for payoffs in gone], _Player.of(model, i)
    choices = _playable(model.rows, live, i, parted)
    punish, value = [groups[-1] if groups else [] for groups in choices], [0.0] * len(parted)
    for _ in range(_ROUNDS):
        value, worth = player.response(punish, parted, value)
        harsher = False
        for s, held in enumerate(value):
            worst = [max(player.own[s], *[worth[row] for row in group]) for group in choices[s]]
            least = min(worst, default=inf)
            if min(least, parted[s]) < held - _BETTER * (1.0 + abs(held)):
                punish[s], harsher = choices[s][worst.index(least)] if least < parted[s] else [], True
        if not harsher:
            break
    # Probabilities that sum to 1 only up to rounding can raise the value of patient players above all payoffs.
    most = max([*model.payoffs[i].tolist(), *player.own, *(payoff for payoffs in gone for payoff in payoffs)])
    some = [bool(groups) or part < inf for groups, part in zip(choices, parted, strict=True)]
    return [min(held, most) if filled else inf for filled, held in zip(some, value, strict=True)]


def _swift(model: Model, alive: Mask) -> Floats | None:
    """Return the bound by Newton steps on arrays; None if they do not converge, or nothing is left in some state."""
    count = len(model.states)
    bound = np.zeros((count, 2))
    for i, replies in enumerate(model.replies):
        gone = np.array([min([leave.payoffs[i] for leave in leaves], default=inf) for leaves in model.leaves])
        own, delta, value = model.own[:, i], model.discounts.item(i), np.zeros(count)
        live = np.flatnonzero(np.logical_or.reduceat(alive[replies.order], replies.starts))
        owner, first = np.unique(replies.state[live], return_index=True)
        if len(owner) < count:
            return None
        ends = np.append(replies.starts, len(replies.order))
        for _ in range(_ROUNDS):
            worth = model.now[i] + delta * (model.transitions @ value)
            best = replies.best(worth)[live]
            least = np.minimum.reduceat(best, first)
            worst = np.minimum(np.maximum(least, own), gone)
            if np.abs(worst - value).max() <= _BETTER * (1.0 + np.abs(value).max()):
                break
            matrix, known = np.eye(count), worst.copy()
            for s in np.flatnonzero(worst == least).tolist():
                g = live[first[s] + best[first[s] :].tolist().index(least[s])]
                rows = replies.order[ends[g] : ends[g + 1]]
                row = rows[worth[rows].argmax()]
                matrix[s] -= delta * model.transitions[row]
                known[s] = model.now[i, row]
            value = np.linalg.solve(matrix, known)
        else:
            return None
        bound[:, i] = value
    return bound


def thinned(model: Model, start: Polygon) -> Model:
    """Return the model without rows that no continuation in `start` sustains and that are nobody's best deviation.

    The remaining model has the same payoff sets. Models with few rows are not changed, nor are those in which a threat
    to leave must be credible, because there the rows at which players prefer to leave matter.
    """
    alone = any(leave.leaver is not None for leaves in model.leaves for leave in leaves)
    if len(model.live) <= _MANY or alone:
        return model
    live, left, bound = model.live, inf, np.zeros((0, 2))
    high = np.tile(np.max(start, axis=0), (len(model.states), 1))
    filled = [bool(leaves) for leaves in model.leaves]
    while (
        live.sum() < _SHRINKS * left
        and (np.bincount(model.state[live], minlength=len(filled)) + filled).all()
    ):
        left, bound = live.sum(), threat_bound(model, live)
        live = _reachable(model, bound, high, live)
    kept = live | _tempting(model, live, bound, high)
    kept[[span.start for span in model.states]] = True
    return model.only(kept, live)


def _reachable(model: Model, bound: Floats, high: Floats, alive: Mask) -> Mask:
    """Return the live rows that deter deviations if the largest payoffs follow.

    `high`, the most that each player gets in each state, is lowered in place.
    """
    need = np.maximum(model.deviations(bound), model.own[model.state].T) - _INSIDE
    rows, gone = np.flatnonzero(alive), np.full_like(high, -inf)
    for s, leaves in enumerate(model.leaves):
        gone[s] = np.max([(-inf, -inf), *(leave.payoffs for leave in leaves)], axis=0)
    for _ in range(_HIGHER):
        most = model.now[:, rows] + model.discounts * (model.transitions[rows] @ high).T
        stays = (most >= need[:, rows]).all(axis=0)
        rows, best = rows[stays], gone.copy()
        np.maximum.at(best, model.state[rows], most[:, stays].T)
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
    worth = model.values(middle)
    for i, replies in enumerate(model.replies):
        star = replies.argbest(worth[i])[replies.group]
        apart = np.abs(model.transitions - model.transitions[star]) @ half[:, i]
        faced = np.logical_or.reduceat(live[replies.order], replies.starts)[replies.group]
        kept |= faced & ((worth[i] + model.discounts[i] * apart >= worth[i, star] - _INSIDE) | (not finite))
        for column in model.transitions.T:
            if not column.all():
                leads = np.flatnonzero(faced & (column > 0.0))
                kept[leads[np.unique(replies.group[leads], return_index=True)[1]]] = True
    return kept


def _playable(rows: Rows, live: list[bool], i: int, parted: Values) -> list[list[Group]]:
    """Return, for each state, the groups with a live row and no reply into a state where nothing can be played."""
    choices: list[list[Group]] = [[] for _ in parted]
    for group in rows.groups[i]:
        if any(live[row] for row in group):
            choices[rows.state[group[0]]].append(group)
    while True:
        empty = {s for s, groups in enumerate(choices) if not groups and parted[s] == inf}
        if not empty:
            return choices
        lost = [any(s in empty for s, _ in law) for law in rows.laws]
        kept = [[g for g in groups if not any(lost[rows.law[row]] for row in g)] for groups in choices]
        if kept == choices:
            return choices
        choices = kept


@dataclass(frozen=True, slots=True)
class _Player:
    """The punished player: her current payoff in each row, her discount factor, and her payoff from leaving."""

    rows: Rows
    now: Values
    delta: float
    own: Values
    model: Model

    @classmethod
    def of(cls, model: Model, i: int) -> _Player:
        return cls(
            model.rows,
            model.now[i].tolist(),
            model.rows.delta[i],
            [pair[i] for pair in model.rows.own],
            model,
        )

    def response(self, punish: list[Group], parted: Values, value: Values) -> tuple[Values, Values]:
        """Return the values of her best replies to a fixed punishment, by policy iteration, and the rows' values."""
        policy: dict[int, int | None] = {}  # the row of her reply; None if she leaves
        constant = [part if part < inf else 0.0 for part in parted]
        value = [held if group else part for held, group, part in zip(value, punish, constant, strict=True)]
        for _ in range(_ROUNDS):
            worth, changed = self.worth(value), False
            for s, group in enumerate(punish):
                if not group:
                    continue
                row = max(group, key=worth.__getitem__)
                best, held = max(worth[row], self.own[s]), value[s]
                if s not in policy or best > held + _BETTER * (1.0 + abs(held)):
                    policy[s], changed = None if self.own[s] > worth[row] else row, True
            if not changed:
                break
            value = self._values(policy, constant)
        return value, worth

    def worth(self, value: Values) -> Values:
        """Return the value of each row, given the values of the following states."""
        after = [self.delta * sum([share * value[s] for s, share in law]) for law in self.rows.laws]
        return [now + after[law] for now, law in zip(self.now, self.rows.law, strict=True)]

    def _values(self, policy: dict[int, int | None], constant: Values) -> Values:
        """Return the values of her policy; where she has no choice they are constants."""
        law, now = [dict[int, float]() for _ in constant], constant.copy()
        for s, row in policy.items():
            now[s] = self.own[s] if row is None else self.now[row]
            if row is not None:
                law[s] = dict(self.rows.laws[self.rows.law[row]])
        return _solved(law, self.delta, now)


def _solved(law: list[dict[int, float]], delta: float, now: Values) -> Values:
    """Return x with x = now + delta P x; row s of P has the entries `law[s]`.

    As delta P is a contraction the diagonal of 1 - delta P dominates, and elimination needs no pivots.
    """
    if len(law) > _FEW:
        matrix = np.eye(len(law))
        for s, row in enumerate(law):
            for k, share in row.items():
                matrix[s, k] -= delta * share
        solution: Values = np.linalg.solve(matrix, np.array(now)).tolist()
        return solution
    lines = [
        [(s == k) - delta * row.get(k, 0.0) for k in range(len(law))] + [value]
        for s, (row, value) in enumerate(zip(law, now, strict=True))
    ]
    for k in range(len(lines)):
        pivot = lines[k] = [entry / lines[k][k] for entry in lines[k]]
        for s, line in enumerate(lines):
            if s != k and line[k]:
                lines[s] = [entry - line[k] * other for entry, other in zip(line, pivot, strict=True)]
    return [line[-1] for line in lines]
