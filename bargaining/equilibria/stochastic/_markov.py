r"""The path from given strategies to a stationary equilibrium: a logarithmic barrier game, followed by arclength.

Let every player weigh present values by t and, by 1 - t, a logarithmic reward
:math:`\sum_a \nu_a \log \sigma_a` that keeps her off the faces of the simplex; :math:`\nu`, the prior, is one in each
decision state. Her first-order
condition, multiplier eliminated, is

.. math:: H_a(\sigma, t) = \sigma_a \big[t (W - Q_a) + 1 - t\big] - (1 - t) \nu_a = 0,

with W the worth of the state and Q_a the one-shot value of the action. At t = 0 the only solution is the
prior; at t = 1 every action is unused or a best reply. Summed over actions H says that probabilities sum
to one. For almost every prior the solutions with 0 <= t < 1 are smooth curves inside the simplex; the one
that starts at the prior cannot come back to t = 0, so it comes as close to t = 1 as one likes.

The last steps, from the neighbourhood of a stationary equilibrium to the equilibrium and its proof, are `refined`.

A stochastic game as arrays for stationary strategies: present values, one-shot values and their slopes.

A state in which somebody may leave becomes two: the choice to leave or stay, which takes no time, and the
stage game. So a decision state e is worth to player i

    W_i(e) = r_i(e, a) + d_i(e) sum_f P(f | e, a) W_i(f)

with d = discount in a stage game, d = 1 in a choice to leave, and rows of P that are empty after leaving.
Payoffs are mapped to [1, 2] player by player, and W is a present value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.games.repeated import Exit
from bargaining.games.stochastic import StochasticGame


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
        """Return the value of each profile to each player, (n, G, a_1, ..., a_n), given the values of states."""
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
class Piece:
    """The effects of a stationary strategy in the states of a group, and their derivatives by each action."""

    group: Group
    own: list[Floats]  # per player (G, a_i): the strategies
    chance: Floats  # (G, E): of the states that follow
    follow: list[Floats]  # per player (G, a_i, E): the same, given the player's action
    mine: list[Floats]  # per player (G, a_i): Q
    pairs: dict[tuple[int, int], Floats]  # (G, a_i, a_j): what i gets given two actions; both orders

    def moves(self, i: int, j: int) -> Floats:
        """Return how the worth to i of the states moves with the actions of j, what follows given: (G, a_j)."""
        return self.mine[i] if i == j else (self.own[i][:, None, :] @ self.pairs[i, j])[:, 0]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The present values of a stationary strategy."""

    worth: Floats  # (E, n): W
    actions: Floats  # (N,): one-shot value of each action, Q
    loss: Floats  # (N,): W - Q
    pieces: list[Piece]  # for the slopes; empty if not asked for
    inverses: list[Floats]  # (I - d P)^-1 for each player


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
        """Return the values of a strategy and of one-shot deviations, and the inputs of the slopes of the loss."""
        n, reward = self.players, np.empty((self.players, self.decisions))
        parts = list[tuple[Group, list[Floats], Floats, Floats]]()
        for group in self.groups:
            own = [strategy[index] for index in group.index]
            first = average(group.both, own, (0,))
            total = (own[0][:, None, :] @ first)[:, 0]
            reward[:, group.states] = total[:, :n].T
            parts.append((group, own, first[..., n:], total[:, n:]))
        inverses = self._inverses([(group, chance) for group, _, _, chance in parts])
        worth = np.stack([inverses[i] @ reward[i] for i in range(n)], axis=1)
        actions, pieces = np.empty(self.size), list[Piece]()
        for group, own, first, chance in parts:
            values = group.ahead(worth)
            if slope:
                follow = [first, *(average(group.follow, own, (i,)) for i in range(1, n))]
                piece = Piece(group, own, chance, follow, *_given_others(values, own))
                pieces.append(piece)
                mine = piece.mine
            else:
                mine = [average(values[i], own, (i,)) for i in range(n)]
            for i in range(n):
                actions[group.index[i]] = mine[i]
        return Evaluation(worth, actions, worth.ravel()[self.block] - actions, pieces, inverses)

    def _inverses(self, steps: list[tuple[Group, Floats]]) -> list[Floats]:
        """Return (I - d P)^-1 for each player, given the transition probabilities of each group."""
        chain = np.zeros((self.decisions, self.decisions))
        for group, chance in steps:
            chain[group.states] = chance
        first, *_ = each = [
            None
            if i and self.discounts[i] == self.discounts[0]
            else np.linalg.inv(np.eye(self.decisions) - self.patience[i][:, None] * chain)
            for i in range(self.players)
        ]
        assert first is not None
        return [first if inverse is None else inverse for inverse in each]

    def slope(self, value: Evaluation) -> Floats:
        """Return the derivative of the loss by the strategy, (N, N)."""
        jacobian, table = np.empty((self.size, self.size)), np.zeros((self.decisions, self.size))
        for i in range(self.players):
            for piece in value.pieces:
                for j in range(self.players):
                    table.reshape(-1)[piece.group.own[j]] = piece.moves(i, j)
            moved = value.inverses[i] @ table
            for piece in value.pieces:
                group = piece.group
                later = group.discount[i][:, None, None] * (piece.follow[i] @ moved)
                jacobian[group.index[i]] = moved[group.states][:, None, :] - later
        entries = jacobian.reshape(-1)
        for piece in value.pieces:
            index = piece.group.index
            for (i, j), pair in piece.pairs.items():
                entries[index[i][:, :, None] * self.size + index[j][:, None, :]] -= pair
        return jacobian


def _given_others(values: Floats, own: list[Floats]) -> tuple[list[Floats], dict[tuple[int, int], Floats]]:
    """Return the value of each action, and of each pair of actions of two players to both of them."""
    n, pairs = len(own), dict[tuple[int, int], Floats]()
    mine = list(values)
    for i in range(n):
        for j in range(n):
            if j != i:
                pair = average(values[i], own, (i, j))
                pairs[i, j] = pair if i < j else pair.transpose(0, 2, 1)
                mine[i] = (pairs[i, j] @ own[j][:, :, None])[..., 0]
    return mine, pairs


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
        own, later, weights = ([each[e] for e in members] for each in (rewards, follows, patience))
        reward = np.ascontiguousarray(np.moveaxis(np.stack(own), -1, 0))
        follow = np.stack(later)
        together = _together(reward, follow)
        flat = tuple(members[:, None] * offset[-1] + at for at in index)
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


_CORRECTIONS = 3  # of Newton after a step; one that needs more was too long
_FIRST = 0.3  # step to begin with
_HOPELESS = 1.5  # an error not worth correcting
_SMALLEST = 1e-10  # step at which the path is given up: rounding hides a curve that bends more sharply
_STEPS = 3000  # of a path: a bound on the time that one start takes


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A point of the path and the derivative of H there, by strategy and weight."""

    place: Floats  # the strategy, then the weight
    slack: Floats  # t (W - Q) + 1 - t, positive on the path; it vanishes where an action is used
    residual: Floats
    slope: Floats  # (N, N + 1)
    error: float  # of the products sigma [...], relative to (1 - t) nu

    @property
    def strategy(self) -> Floats:
        """The strategy."""
        return self.place[:-1]

    @property
    def weight(self) -> float:
        """The weight t."""
        return float(self.place[-1])

    def solved(self, border: Floats, right: Floats) -> Floats:
        """Solve with the derivative and one more row."""
        return np.asarray(np.linalg.solve(np.vstack([self.slope, border]), right))


def _point(arrays: Arrays, prior: Floats, place: Floats) -> Point:
    strategy, weight = place[:-1], float(place[-1])
    value = arrays.evaluate(strategy, slope=True)
    slack = weight * value.loss + (1.0 - weight)
    aim = (1.0 - weight) * prior
    residual = strategy * slack - aim
    error = float(np.abs(residual / aim).max()) if slack.min() > 0 else np.inf
    slope = (weight * strategy)[:, None] * arrays.slope(value) + np.diag(slack)
    return Point(
        place, slack, residual, np.column_stack([slope, strategy * (value.loss - 1.0) + prior]), error
    )


def path(arrays: Arrays, prior: Floats, *, tube: float) -> Iterator[Point]:
    """Yield points ever further along the path; it ends when t is 1 to rounding, or when it is lost.

    Parameters
    ----------
    arrays : Arrays
        The game.
    prior : ndarray of shape (N,)
        Positive probabilities.
    tube : float
        The largest relative error of a point; small is careful.
    """
    point, step, last = _point(arrays, prior, np.append(prior, 0.0)), _FIRST, np.eye(arrays.size + 1)[-1]
    ahead = last
    for _ in range(_STEPS):
        ahead = point.solved(ahead, last)
        ahead /= np.linalg.norm(ahead)
        rest = 1.0 - point.weight  # of the way to t = 1, of which a twentieth is left
        step = min(step, 0.95 * rest / ahead[-1]) if ahead[-1] > 0.0 else step
        while (found := _correct(arrays, prior, point, step * ahead, tube)) is None:
            step /= 3.0
            if step <= _SMALLEST * rest:
                return
        point, step = found, 2.0 * step
        yield point
        if 1.0 - point.weight < _SMALLEST:
            return


def _correct(arrays: Arrays, prior: Floats, point: Point, step: Floats, tube: float) -> Point | None:
    """Return to the path on the plane across a step along the tangent, by Newton's method."""
    guess, last = point.place + step, np.inf
    for _ in range(_CORRECTIONS):
        if not 0.0 < guess[-1] < 1.0:
            break
        guess[:-1] = np.where(guess[:-1] > 0.0, guess[:-1], 0.1 * point.strategy)
        found = _point(arrays, prior, guess)
        if found.error < tube:
            return found
        if found.error > min(_HOPELESS, last):
            break
        last = found.error
        guess = guess - found.solved(step / np.linalg.norm(step), np.append(found.residual, 0.0))
    return None


REGRET = 1e-12  # that an equilibrium promises, over the range of payoffs
_ROUNDS = 25  # of Newton on one support, which needs five
# Of probability to loss: the guess of what is used, then bolder and more timid ones.
_RATIOS = (1.0, 1e-2, 1e2, 1e-4, 1e4)


def regret(arrays: Arrays, strategy: Floats) -> float:
    """Return the largest gain by a deviation in one period, as a present value over the range of payoffs.

    Where a player may leave, a period holds two decisions: to stay, and then what to do. Who deviates at both gains
    what staying gains her, and what acting otherwise gains her if nobody else leaves. No deviation, however long,
    raises an average payoff by more: with R for the largest gain of a period and d for the discount factor she gains
    no more than R + d R + ... from any period on.
    """
    worth = arrays.evaluate(strategy, slope=False).worth
    loss = arrays.anchored(worth).evaluate(strategy, slope=False).loss
    n, gain = arrays.players, -loss
    # of each block; that of a choice to leave is to stay
    first = np.flatnonzero(np.diff(arrays.block, prepend=-1))
    best = np.maximum.reduceat(gain, first).reshape(-1, n)  # by a deviation at one decision
    stage = np.arange(len(arrays.entry))
    opened = np.flatnonzero(arrays.entry != stage)
    for s, e in zip(stage[opened], arrays.entry[opened], strict=True):
        stay = strategy[first[e * n : (e + 1) * n]]
        for i in range(n):
            others = np.delete(stay, i).prod()
            both = gain[first[e * n + i]] + others * max(best[s, i], 0.0)
            best[e, i] = max(best[e, i], both)
    return float(max(0.0, best.max()))


def supports(arrays: Arrays, point: Point) -> Iterator[NDArray[np.bool_]]:
    """Yield guesses of the actions used: probability large against the loss; never none in a block."""
    best = np.zeros(arrays.decisions * arrays.players)
    np.maximum.at(best, arrays.block, point.strategy)
    most = point.strategy == best[arrays.block]
    for ratio in _RATIOS:
        yield (point.strategy > ratio * point.slack) | most


def refine(arrays: Arrays, strategy: Floats, used: NDArray[np.bool_]) -> Floats | None:
    """Return the equilibrium that uses these actions alone, by Newton's method from a strategy nearby.

    Where several actions of a block are used their losses W - Q must vanish; that they sum to one follows.
    None if there is no equilibrium of the promised accuracy.
    """
    strategy = arrays.normalise(np.where(used, strategy, 0.0))
    counts = np.bincount(arrays.block, used)
    mixed = np.flatnonzero(used & (counts[arrays.block] > 1))
    if mixed.size:
        found = _newton(arrays, strategy, mixed)
        if found is None:
            return None
        strategy = found
    return strategy if regret(arrays, strategy) <= REGRET else None


def _newton(arrays: Arrays, strategy: Floats, mixed: NDArray[np.intp]) -> Floats | None:
    arrays = arrays.anchored(arrays.evaluate(strategy, slope=False).worth)
    best, least = strategy, np.inf
    for _ in range(_ROUNDS):
        value = arrays.evaluate(strategy, slope=True)
        error = float(np.abs(value.loss[mixed]).max())
        if not error < least:
            break
        best, least = strategy, error
        strategy = strategy.copy()
        # The shortest of the least-squares solutions, since equilibria may form a continuum.
        strategy[mixed] -= np.linalg.lstsq(
            arrays.slope(value)[np.ix_(mixed, mixed)], value.loss[mixed], rcond=1e-10
        )[0]
        if np.abs(strategy[mixed]).max() > 2.0:
            break
    if best.min() < -1e-9:
        return None
    return arrays.normalise(np.maximum(best, 0.0))
