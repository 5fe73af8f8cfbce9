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

from dataclasses import dataclass
from math import inf

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.model import Mask, Model, Rows

_ROUNDS = 100  # of improving policies: each improves some state, and few states improve twice
_BETTER = 1e-15  # relative: a gain that rounding alone can make is none
_MANY = 1000  # rows from which on an array is faster
_FEW = 4  # successors up to which a plain sum is faster than an array

Values = list[float]
Group = list[int]
"""Rows that differ in the action of the one who is punished; none if the punishment is that somebody leaves."""


def threat_bound(model: Model, alive: Mask) -> Floats:
    """Return the bound, shape (S, 2); infinite in a state where nothing can be played and nobody may leave."""
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
    # Probabilities that sum to 1 up to rounding can lift the value of patient players beyond every payoff.
    most = max([*model.payoffs[i].tolist(), *player.own, *(payoff for payoffs in gone for payoff in payoffs)])
    some = [bool(groups) or part < inf for groups, part in zip(choices, parted, strict=True)]
    return [min(held, most) if filled else inf for filled, held in zip(some, value, strict=True)]


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
    """The one who is punished: what each row gives her now, her patience, and what she gets by leaving."""

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
        """Return the values of her best replies to a fixed punishment, by policy iteration, and what rows are worth."""
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
        """Return what each row is worth if these values follow."""
        if len(self.now) > _MANY:
            ahead = (self.model.laws @ np.array(value))[self.model.law]
            return (np.array(self.now) + self.delta * ahead).tolist()  # type: ignore[no-any-return]
        after = [self.delta * sum([share * value[s] for s, share in law]) for law in self.rows.laws]
        return [now + after[law] for now, law in zip(self.now, self.rows.law, strict=True)]

    def _values(self, policy: dict[int, int | None], constant: Values) -> Values:
        """Return the values of her policy, and constants where she has no choice."""
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
