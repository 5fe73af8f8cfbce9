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
from math import prod

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.games.repeated import Exit
from bargaining.games.stochastic import StochasticGame

_Pair = tuple[NDArray[np.intp], Floats]  # where in the flat (N, N) slopes, and what to take off there
_Piece = tuple["Group", list[Floats], list[Floats]]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Decision states with the same numbers of actions, stacked."""

    states: NDArray[np.intp]  # (G,)
    reward: Floats  # (n, G, a_1, ..., a_n)
    follow: Floats  # (G, a_1, ..., a_n, E)
    both: Floats  # (G, a_1, ..., a_n, n + E): rewards, then chances
    discount: Floats  # (n, G)
    index: tuple[NDArray[np.intp], ...]  # per player (G, a_i): where in the flat strategy
    own: tuple[NDArray[np.intp], ...]  # per player (G, a_i): where in a flat (E, N) table, own state in rows

    def ahead(self, worth: Floats) -> Floats:
        """Return what each profile is worth to each player, (n, G, a_1, ..., a_n), given what states are."""
        later = (worth.T @ self.follow.reshape(-1, len(worth)).T).reshape(self.reward.shape)
        total: Floats = self.reward + self._by_state(self.discount) * later
        return total

    def less(self, level: Floats) -> Group:
        """Return the group with the present values `level` (n,) taken off every player's worth."""
        reward = self.reward - level.reshape(-1, *(1,) * (self.reward.ndim - 1)) * self._share()
        return replace(self, reward=reward, both=_together(reward, self.follow))

    def _share(self) -> Floats:
        """Return 1 - d times the chance that play goes on, (n, G, a_1, ..., a_n)."""
        ends: Floats = 1.0 - self._by_state(self.discount) * self.follow.sum(axis=-1)
        return ends

    def _by_state(self, array: Floats) -> Floats:
        return array.reshape(*array.shape, *(1,) * len(self.index))


def _together(reward: Floats, follow: Floats) -> Floats:
    return np.concatenate([np.moveaxis(reward, 0, -1), follow], axis=-1)


def average(array: Floats, strategies: list[Floats], keep: tuple[int, ...]) -> Floats:
    """Average an array (G, a_1, ..., a_n, ...) over the actions of all players but those kept."""
    for player in reversed(range(len(strategies))):
        if player not in keep:
            weights, shape = strategies[player], array.shape
            rows = array.reshape(len(weights), prod(shape[1 : player + 1]), shape[player + 1], -1)
            array = (weights[:, None, None, :] @ rows).reshape(shape[: player + 1] + shape[player + 2 :])
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
    decisions: int
    players: int
    entry: NDArray[np.intp]  # (S,): where a period opens in each state of the game
    block: NDArray[np.intp]  # (N,): decision state times n plus player
    discounts: Floats  # (n,)
    patience: Floats  # (n, E): the discount factor from each decision state to the next

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
        return replace(self, groups=tuple(group.less(level) for group in self.groups))

    def evaluate(self, strategy: Floats, *, slope: bool) -> Evaluation:
        """Return the worth of a strategy, of one-shot deviations from it, and the slopes of the loss."""
        n, pieces = self.players, list[_Piece]()
        step, reward = np.empty((self.decisions, self.decisions)), np.empty((n, self.decisions))
        for group in self.groups:
            own = [strategy[index] for index in group.index]
            first = average(group.both, own, (0,))
            total = (own[0][:, None, :] @ first)[:, 0]
            step[group.states], reward[:, group.states] = total[:, n:], total[:, :n].T
            rest = [average(group.follow, own, (i,)) for i in range(1, n)] if slope else []
            pieces.append((group, own, [first[..., n:], *rest]))
        inverse = self._inverses(step)
        worth = np.stack([inverse[i] @ reward[i] for i in range(n)], axis=1)
        actions = np.empty(self.size)
        table = np.zeros((n, self.decisions, self.size)) if slope else np.empty((0, 0, 0))
        pairs: list[_Pair] = []
        for group, own, _ in pieces:
            for i, values in enumerate(group.ahead(worth)):
                if slope:
                    mine, more = self._pairs(group, values, own, i, table)
                    pairs += more
                else:
                    mine = average(values, own, (i,))
                actions[group.index[i]] = mine
        loss = worth.ravel()[self.block] - actions
        jacobian = self._slopes(pieces, pairs, inverse, table) if slope else np.empty((0, 0))
        return Evaluation(worth, actions, loss, jacobian)

    def _inverses(self, step: Floats) -> list[Floats]:
        """Return (I - d P)^-1 for each player; equally patient players share it."""
        inverses: list[Floats] = []
        for i in range(self.players):
            if i > 0 and self.discounts[i] == self.discounts[0]:
                inverses.append(inverses[0])
                continue
            system = -self.patience[i][:, None] * step
            system.flat[:: self.decisions + 1] += 1.0
            inverses.append(np.asarray(np.linalg.inv(system)))
        return inverses

    def _pairs(
        self, group: Group, values: Floats, own: list[Floats], i: int, table: Floats
    ) -> tuple[Floats, list[_Pair]]:
        """Return what i's actions are worth, and how that moves with the actions of each other player.

        `table` receives how the worth of the state moves with every action in it, what follows given.
        """
        out = list[_Pair]()
        mine = values
        for j in range(self.players):
            if j == i:
                continue
            pair = average(values, own, (i, j))
            pair = pair if i < j else pair.transpose(0, 2, 1)
            mine = (pair @ own[j][:, :, None])[..., 0]
            table[i].reshape(-1)[group.own[j]] = (own[i][:, None, :] @ pair)[:, 0]
            out.append((group.index[i][:, :, None] * self.size + group.index[j][:, None, :], pair))
        table[i].reshape(-1)[group.own[i]] = mine
        return mine, out

    def _slopes(
        self, pieces: list[_Piece], pairs: list[_Pair], inverse: list[Floats], table: Floats
    ) -> Floats:
        jacobian = np.empty((self.size, self.size))
        for i in range(self.players):
            moved = inverse[i] @ table[i]
            for group, _, follow in pieces:
                later = group.discount[i][:, None, None] * (follow[i] @ moved)
                jacobian[group.index[i]] = moved[group.states][:, None, :] - later
        entries = jacobian.reshape(-1)
        for at, pair in pairs:
            entries[at] -= pair
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
    return _grouped(rewards, follows, discounts, entry, game.discounts)


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
    patience: list[Floats],
    entry: NDArray[np.intp],
    discounts: Floats,
) -> Arrays:
    n, decisions = len(discounts), len(rewards)
    shapes = [reward.shape[:-1] for reward in rewards]
    counts: NDArray[np.intp] = np.array(shapes).ravel()
    offset = np.concatenate([[0], np.cumsum(counts)])
    groups = []
    for shape in dict.fromkeys(shapes):
        members = np.array([e for e in range(decisions) if shapes[e] == shape])
        index = tuple(offset[members * n + i][:, None] + np.arange(shape[i]) for i in range(n))
        own, after, weights = ([each[e] for e in members] for each in (rewards, follows, patience))
        reward, follow = np.ascontiguousarray(np.moveaxis(np.stack(own), -1, 0)), np.stack(after)
        flat = tuple(members[:, None] * offset[-1] + at for at in index)
        together = _together(reward, follow)
        groups.append(Group(members, reward, follow, together, np.stack(weights, axis=1), index, flat))
    return Arrays(
        groups=tuple(groups),
        size=int(offset[-1]),
        decisions=decisions,
        players=n,
        entry=entry,
        block=np.repeat(np.arange(decisions * n), counts),
        discounts=discounts,
        patience=np.stack(patience, axis=1),
    )
