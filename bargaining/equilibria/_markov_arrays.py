"""A stochastic game as arrays for stationary strategies: present values, one-shot values and their slopes.

A state in which somebody may leave becomes two: the choice to leave or stay, which takes no time, and the
stage game. So a decision state e is worth to player i

    W_i(e) = r_i(e, a) + d_i(e) sum_f P(f | e, a) W_i(f)

with d = discount in a stage game, d = 1 in a choice to leave, and rows of P that are empty after leaving.
Payoffs are mapped to [1, 2] player by player, and W is a present value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.games.repeated import Exit
from bargaining.games.stochastic import StochasticGame

_Pair = tuple[NDArray[np.intp], NDArray[np.intp], Floats]
_Piece = tuple["Group", list[Floats], list[Floats]]

_LETTERS = "abcdefghijklmnopqrstuvwxy"


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Decision states with the same numbers of actions, stacked."""

    states: NDArray[np.intp]  # (G,)
    reward: Floats  # (G, a_1, ..., a_n, n)
    follow: Floats  # (G, a_1, ..., a_n, E)
    discount: Floats  # (G, n)
    index: tuple[NDArray[np.intp], ...]  # per player (G, a_i): where in the flat strategy

    def average(self, array: Floats, strategies: list[Floats], keep: tuple[int, ...]) -> Floats:
        """Average over the actions of all players but those kept."""
        axes = "z" + _LETTERS[: len(strategies)]
        for player in reversed(range(len(strategies))):
            if player not in keep:
                letter = _LETTERS[player]
                left = axes.replace(letter, "")
                array = np.einsum(f"{axes}...,z{letter}->{left}...", array, strategies[player])
                axes = left
        return array


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a stationary strategy is worth, in present values."""

    worth: Floats  # (E, n): W
    actions: Floats  # (N,): one-shot value of each action, Q
    loss: Floats  # (N,): W - Q
    slope: Floats  # (N, N): derivative of the loss; empty if not asked for


@dataclass(frozen=True, slots=True, eq=False)
class Arrays:
    """The decision states of a stochastic game."""

    groups: tuple[Group, ...]
    size: int
    states: int
    decisions: int
    players: int
    entry: NDArray[np.intp]  # (S,): where a period opens in each state of the game
    block: NDArray[np.intp]  # (N,): decision state times n plus player
    low: Floats
    range: Floats
    discounts: Floats

    def uniform(self) -> Floats:
        """Return the strategy that gives every action the same probability."""
        return 1.0 / np.bincount(self.block)[self.block]

    def normalise(self, strategy: Floats) -> Floats:
        """Return the strategy divided by its sum in every block."""
        total = np.bincount(self.block, strategy)
        return strategy / total[self.block]

    def anchored(self, worth: Floats) -> Arrays:
        """Return the arrays with a constant taken off each player's payoffs, so that worth starts at one.

        Present values of patient players are large and differ little; anchored, the differences keep their
        digits.
        """
        level = worth.min(axis=0) - 1.0
        groups = []
        for group in self.groups:
            n = self.players
            stays = group.follow.sum(axis=-1)[..., None]
            share = 1.0 - group.discount.reshape(-1, *(1,) * n, n) * stays
            groups.append(replace(group, reward=group.reward - level * share))
        return replace(self, groups=tuple(groups))

    def payoffs(self, worth: Floats) -> Floats:
        """Return average payoffs in the game's own units, (S, n), from present values."""
        return self.low + self.range * (worth[self.entry] * (1.0 - self.discounts) - 1.0)

    def evaluate(self, strategy: Floats, *, slope: bool) -> Evaluation:
        """Return the worth of a strategy, of one-shot deviations from it, and the slopes of the loss."""
        n, pieces = self.players, list[_Piece]()
        step, reward = np.zeros((self.decisions, self.decisions)), np.empty((self.decisions, n))
        discount = np.empty((self.decisions, n))
        for group in self.groups:
            own = [strategy[index] for index in group.index]
            follow = [group.average(group.follow, own, (i,)) for i in range(n)]
            step[group.states] = (own[0][:, None, :] @ follow[0])[:, 0]
            reward[group.states] = group.average(group.reward, own, ())
            discount[group.states] = group.discount
            pieces.append((group, own, follow))
        inverse = self._inverses(step, discount)
        worth = np.stack([inverse[i] @ reward[:, i] for i in range(n)], axis=1)
        actions = np.empty(self.size)
        table = np.zeros((n, self.decisions, self.size)) if slope else np.empty((0, 0, 0))
        pairs: list[_Pair] = []
        for group, own, _ in pieces:
            ahead = group.reward + group.discount.reshape(-1, *(1,) * n, n) * (group.follow @ worth)
            for i in range(n):
                values = ahead[..., i]
                actions[group.index[i]] = group.average(values, own, (i,))
                if slope:
                    pairs += self._pairs(group, values, own, i, table)
        if slope:
            for group, _, _ in pieces:
                for i in range(n):
                    table[i][group.states[:, None], group.index[i]] = actions[group.index[i]]
        loss = worth.ravel()[self.block] - actions
        jacobian = self._slopes(pieces, pairs, inverse, table) if slope else np.empty((0, 0))
        return Evaluation(worth, actions, loss, jacobian)

    def _inverses(self, step: Floats, discount: Floats) -> list[Floats]:
        """Return (I - d P)^-1 for each player; equally patient players share it."""
        inverses: list[Floats] = []
        for i in range(self.players):
            shared = i > 0 and self.discounts[i] == self.discounts[0]
            system = np.eye(self.decisions) - discount[:, i : i + 1] * step
            inverses.append(inverses[0] if shared else np.asarray(np.linalg.inv(system)))
        return inverses

    def _pairs(self, group: Group, values: Floats, own: list[Floats], i: int, table: Floats) -> list[_Pair]:
        """Return how the value of i's actions moves with the actions of each other player in the state."""
        out = []
        for j in range(self.players):
            if j == i:
                continue
            pair = group.average(values, own, (i, j))
            pair = pair if i < j else pair.transpose(0, 2, 1)
            table[i][group.states[:, None], group.index[j]] = (own[i][:, None, :] @ pair)[:, 0]
            out.append((group.index[i][:, :, None], group.index[j][:, None, :], pair))
        return out

    def _slopes(
        self, pieces: list[_Piece], pairs: list[_Pair], inverse: list[Floats], table: Floats
    ) -> Floats:
        jacobian = np.empty((self.size, self.size))
        for i in range(self.players):
            moved = inverse[i] @ table[i]
            for group, _, follow in pieces:
                later = group.discount[:, i, None, None] * (follow[i] @ moved)
                jacobian[group.index[i]] = moved[group.states][:, None, :] - later
        for rows, columns, pair in pairs:
            jacobian[rows, columns] -= pair
        return jacobian


def compile_game(game: StochasticGame) -> Arrays:
    """Return the arrays of a game."""
    states, n = len(game), game.players
    leaving = [s for s in range(states) if game.exits[s] is not None]
    decisions = states + len(leaving)
    entry = np.arange(states)
    entry[leaving] = np.arange(states, decisions)
    low, spread = _units(game)
    rewards, follows, discounts = [], [], []
    for s, stage in enumerate(game.games):
        rewards.append(1.0 + (stage.payoffs - low) / spread)
        follow = np.zeros((*stage.shape, decisions))
        follow[..., entry] = game.transition(s)
        follows.append(follow)
        discounts.append(game.discounts)
    for s in leaving:
        reward, follow = _choice(game.exits[s], s, decisions, low, spread, game.discounts)
        rewards.append(reward)
        follows.append(follow)
        discounts.append(np.ones(n))
    return _grouped(rewards, follows, discounts, states, entry, low, spread, game.discounts)


def _units(game: StochasticGame) -> tuple[Floats, Floats]:
    """Return the lowest payoff and the range of payoffs of each player, exit included."""
    n = game.players
    rows = [stage.payoffs.reshape(-1, n) for stage in game.games]
    rows += [leave.payoffs[list(leave.who)] for leave in game.exits if leave is not None]
    table = np.concatenate(rows)
    low, spread = table.min(axis=0), np.ptp(table, axis=0)
    return low, np.where(spread > 0, spread, 1.0)


def _choice(
    leave: Exit | None, state: int, decisions: int, low: Floats, spread: Floats, discounts: Floats
) -> tuple[Floats, Floats]:
    """Return the choice to stay (action 0) or to leave (action 1) of those who may leave."""
    assert leave is not None
    n = leave.players
    shape = tuple(2 if i in leave.who else 1 for i in range(n))
    worth = (1.0 + (leave.payoffs - low) / spread) / (1.0 - discounts)
    reward, follow = np.zeros((*shape, n)), np.zeros((*shape, decisions))
    for profile in product(*map(range, shape)):
        leavers = [i for i in range(n) if profile[i]]
        if leavers:
            reward[profile] = worth[leavers].mean(axis=0)
        else:
            follow[(*profile, state)] = 1.0
    return reward, follow


def _grouped(
    rewards: list[Floats],
    follows: list[Floats],
    discounts: list[Floats],
    states: int,
    entry: NDArray[np.intp],
    low: Floats,
    spread: Floats,
    patience: Floats,
) -> Arrays:
    n, decisions = len(patience), len(rewards)
    shapes = [reward.shape[:-1] for reward in rewards]
    counts: NDArray[np.intp] = np.array(shapes).ravel()
    offset = np.concatenate([[0], np.cumsum(counts)])
    groups = []
    for shape in dict.fromkeys(shapes):
        members = np.array([e for e in range(decisions) if shapes[e] == shape])
        index = tuple(offset[members * n + i][:, None] + np.arange(shape[i]) for i in range(n))
        groups.append(
            Group(
                members,
                np.stack([rewards[e] for e in members]),
                np.stack([follows[e] for e in members]),
                np.stack([discounts[e] for e in members]),
                index,
            )
        )
    return Arrays(
        groups=tuple(groups),
        size=int(offset[-1]),
        states=states,
        decisions=decisions,
        players=n,
        entry=entry,
        block=np.repeat(np.arange(decisions * n), counts),
        low=low,
        range=spread,
        discounts=patience,
    )
