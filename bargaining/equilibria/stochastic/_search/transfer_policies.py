"""Best joint and worst own values of a stochastic game over the profiles still allowed, by policy iteration.

One code for floats and for exact rationals: the exact run starts from the policies of the float run, so it
does little more than prove them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._rational import integers, solve
from bargaining.games.stochastic import StochasticGame

Policy = NDArray[np.intp]  # for each state a row of its profiles; PART; or NONE
PART, NONE = -1, -2  # what stands for leaving, and for nothing, in the place of a profile
Numbers = NDArray[Any]  # floats or Fractions


@dataclass(frozen=True, slots=True, eq=False)
class Sets:
    """What may still be played: profiles on the path, profiles once all stayed, and whether parting may be."""

    alive: list[NDArray[np.bool_]]
    usable: list[NDArray[np.bool_]]
    parting: NDArray[np.bool_]

    @property
    def dead(self) -> NDArray[np.bool_]:
        """States in which nothing can be sustained."""
        return np.array([not rows.any() for rows in self.alive]) & ~self.parting


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """A game in one kind of numbers, a row for each profile of each state."""

    shapes: tuple[tuple[int, ...], ...]
    payoffs: list[Numbers]
    follow: list[Numbers]
    discount: Any
    outside: Numbers  # (S, n); zero where nobody may leave
    who: list[tuple[int, ...]]
    exact: bool

    @property
    def tolerance(self) -> float:
        """By how much a policy must be better to replace another."""
        return 0 if self.exact else 1e-13 / (1.0 - float(self.discount))

    def ahead(self, state: int, payoffs: Numbers, worth: Numbers) -> Numbers:
        """Return (1 - d) payoff + d E[worth of the next state] for each profile of a state."""
        later = _expect(self.follow[state], worth) if self.exact else self.follow[state] @ worth
        both: Numbers = (1 - self.discount) * payoffs + self.discount * later
        return both

    def tempted(self, state: int, player: int, threat: Numbers) -> Numbers:
        """Return what a player gets by her best deviation from each profile of a state."""
        values = self.ahead(state, self.payoffs[state][:, player], threat)
        table = values.reshape(self.shapes[state])
        return np.broadcast_to(table.max(axis=player, keepdims=True), table.shape).ravel()

    def replies(self, state: int, row: int, player: int) -> NDArray[np.intp]:
        """Return the rows that a player can reach from one of them by herself."""
        shape = self.shapes[state]
        profile = list(np.unravel_index(row, shape))
        every = [np.full(shape[player], action) for action in profile]
        every[player] = np.arange(shape[player])
        return np.ravel_multi_index(tuple(every), shape)

    def values(self, payoffs: list[Any], rows: Policy, stopped: list[Any]) -> Numbers:
        """Return the values of a policy; where `rows` is negative the value is `stopped`."""
        size = len(rows)
        one = Fraction(1) if self.exact else 1.0
        matrix = np.full((size, size), 0 * one, dtype=object if self.exact else float)
        right = np.full(size, 0 * one, dtype=matrix.dtype)
        for s, row in enumerate(rows):
            matrix[s, s] = one
            if row < 0:
                right[s] = stopped[s]
            else:
                matrix[s] -= self.discount * self.follow[s][row]
                right[s] = (1 - self.discount) * payoffs[s][row]
        if not self.exact:
            return np.asarray(np.linalg.solve(matrix, right))
        return np.array(solve(matrix, right), dtype=object)


def _expect(rows: Numbers, worth: Numbers) -> Numbers:
    """Return the matrix product in Fractions, one row at a time: each has a denominator of its own."""
    whole, scale = integers(worth)
    out = np.empty(len(rows), dtype=object)
    for k, row in enumerate(rows):
        weights, denominator = integers(row)
        out[k] = Fraction(int(weights @ whole), denominator * scale)
    return out


def tables(game: StochasticGame, *, exact: bool) -> Tables:
    """Return the rows of a game; as floats they are mapped to lowest payoff 0 and one scale for all players."""
    n = game.players
    payoffs: list[Numbers] = [(g.exact if exact else g.payoffs).reshape(-1, n) for g in game.games]
    follow = [
        (game.exact_transition(s) if exact else game.transition(s)).reshape(-1, len(game))
        for s in range(len(game))
    ]
    zero = Fraction(0) if exact else 0.0
    outside = np.full((len(game), n), zero, dtype=object if exact else float)
    who: list[tuple[int, ...]] = []
    for s, leave in enumerate(game.exits):
        who.append(() if leave is None else leave.who)
        if leave is not None:
            outside[s] = (leave.exact if exact else leave.payoffs)[leave.who[0]]
    discount = game.exact_discounts[0] if exact else float(game.discounts[0])
    shapes = tuple(g.shape for g in game.games)
    return Tables(shapes, payoffs, follow, discount, outside, who, exact)


def scaled(data: Tables) -> tuple[Tables, NDArray[np.float64], float]:
    """Return float tables mapped to [0, 1], the lowest payoffs and the scale."""
    leaving = [s for s, who in enumerate(data.who) if who]
    table = np.concatenate([*data.payoffs, data.outside[leaving]])
    low = table.min(axis=0)
    scale = float(np.ptp(table, axis=0).max()) or 1.0
    moved = Tables(
        data.shapes,
        [(rows - low) / scale for rows in data.payoffs],
        data.follow,
        data.discount,
        np.where([[bool(who)] for who in data.who], (data.outside - low) / scale, 0.0),
        data.who,
        False,
    )
    return moved, low, scale


def best_joint(data: Tables, sets: Sets, policy: Policy | None) -> tuple[Numbers, Policy]:
    """Return the largest sum of payoffs in each state, and a policy that reaches it."""
    totals = [rows.sum(axis=1) for rows in data.payoffs]
    stop = data.outside.sum(axis=1)
    rows = _start(sets) if policy is None else policy.copy()
    while True:
        joint = data.values(
            totals, rows, [stop[s] if rows[s] == PART else 0 * stop[s] for s in range(len(rows))]
        )
        moved = False
        for s in np.flatnonzero(~sets.dead).tolist():
            row, value = _extreme(data.ahead(s, totals[s], joint), sets.alive[s], largest=True)
            if sets.parting[s] and (row == NONE or stop[s] > value):
                row, value = PART, stop[s]
            if value > joint[s] + data.tolerance:
                rows[s], moved = row, True
        if not moved:
            return joint, rows


def worst(data: Tables, sets: Sets, player: int, policy: Policy | None) -> tuple[Numbers, Policy]:
    """Return the lowest payoff of a player in each state, and the profiles that hold her to it.

    The others choose the profile, she replies: a game of perfect information. Policies of the others are
    improved, each against her best reply to it.
    """
    rows = _start(sets) if policy is None else policy.copy()
    for s in np.flatnonzero(sets.parting).tolist():
        if player in data.who[s]:
            rows[s] = PART
    replies = rows.copy()
    while True:
        threat, replies = _reply(data, player, rows, replies)
        moved = False
        for s in np.flatnonzero(~sets.dead).tolist():
            if sets.parting[s] and player in data.who[s]:
                continue
            row, value = _extreme(_held(data, s, player, threat), sets.alive[s], largest=False)
            own = data.outside[s, player]
            if sets.parting[s] and (row == NONE or own < value):
                row, value = PART, own
            if value < threat[s] - data.tolerance:
                rows[s], replies[s], moved = row, row, True
        if not moved:
            return threat, rows


def _held(data: Tables, state: int, player: int, threat: Numbers) -> Numbers:
    """Return what each profile of a state leaves to a player who replies best, leaving included."""
    held = data.tempted(state, player, threat)
    return np.maximum(held, data.outside[state, player]) if player in data.who[state] else held


def _reply(data: Tables, player: int, rows: Policy, replies: Policy) -> tuple[Numbers, Policy]:
    """Return the value of the player's best reply to the others' policy, and the rows it leads to."""
    own = [table[:, player] for table in data.payoffs]
    replies = replies.copy()
    while True:
        stopped = [
            data.outside[s, player] if replies[s] == PART else 0 * data.outside[s, player]
            for s in range(len(rows))
        ]
        value = data.values(own, replies, stopped)
        moved = False
        for s in np.flatnonzero(rows >= 0).tolist():
            reach = data.replies(s, int(rows[s]), player)
            gets = data.ahead(s, own[s], value)[reach]
            best = int(np.argmax(gets))
            row, most = int(reach[best]), gets[best]
            if player in data.who[s] and data.outside[s, player] > most:
                row, most = PART, data.outside[s, player]
            if most > value[s] + data.tolerance:
                replies[s], moved = row, True
        if not moved:
            return value, replies


def _start(sets: Sets) -> Policy:
    """Return some policy: a profile where one is alive, else parting."""
    first = [int(np.argmax(rows)) if rows.any() else PART for rows in sets.alive]
    return np.where(sets.dead, NONE, np.array(first))


def _extreme(values: Numbers, allowed: NDArray[np.bool_], *, largest: bool) -> tuple[int, Any]:
    index = np.flatnonzero(allowed)
    if not index.size:
        return NONE, None
    at = int(index[np.argmax(values[index]) if largest else np.argmin(values[index])])
    return at, values[at]
