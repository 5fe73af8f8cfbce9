r"""The path from given strategies to a stationary equilibrium: a logarithmic barrier game, followed by arclength.

Let every player weigh present values by t and, by 1 - t, a logarithmic reward
:math:`\sum_a \nu_a \log \sigma_a` that keeps her off the faces of the simplex; :math:`\nu`, the prior, is one in each
decision state. Her first-order
condition, multiplier eliminated, is

.. math:: H_a(\sigma, t) = \sigma_a \big[t (W - Q_a) + 1 - t\big] - (1 - t) \nu_a = 0,

with W the worth of the state and Q_a the one-shot value of the action. At t = 0 the only solution is the
prior; at t = 1 every action is unused or a best reply. Summed over actions H says that probabilities sum
to one. For almost every prior the solutions with 0 <= t < 1 are smooth curves inside the simplex; the one
that starts at the prior cannot come back to t = 0, so it comes as close to t = 1 as one likes. Near its end the
actions used are read off, and their losses W - Q are solved for zero by Newton's method.

A state in which somebody may leave becomes two: the choice to leave or stay, which takes no time, and the
stage game. So a decision state e is worth to player i, on average,

    W_i(e) = r_i(e, a) + d_i(e) sum_f P(f | e, a) W_i(f)

with d = discount and r = (1 - d) payoff in a stage game, d = 1 in a choice to leave, and rows of P that are empty after
leaving. Losses are present values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.games.stochastic import StochasticGame


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Decision states with the same numbers of actions: what each profile gives the players, and what follows."""

    states: NDArray[np.intp]  # (G,)
    table: Floats  # (G, a_1, ..., a_n, n + E): r, then P
    own: list[NDArray[np.intp]]  # per player (G, a_i): where in the flat strategy

    def average(self, table: Floats, strategy: Floats, kept: tuple[int, ...]) -> Floats:
        """Average over the actions of all players but those kept."""
        for k in reversed(range(len(self.own))):
            if k not in kept:
                shape = table.shape
                rows = table.reshape(shape[0], prod(shape[1 : k + 1]), shape[k + 1], -1)
                rows = strategy[self.own[k]][:, None, None, :] @ rows
                table = rows.reshape(shape[: k + 1] + shape[k + 2 :])
        return table


class Worth(NamedTuple):
    """The average values of a stationary strategy."""

    worth: Floats  # (n, E): W
    loss: Floats  # (N,): W - Q, in present values
    chain: Floats  # (E, E): the chances of the next decision state
    follow: list[Floats]  # per player (N_i, E): the same, given each of her actions
    inverse: list[Floats]  # per player: (I - d P)^-1


@dataclass(frozen=True, slots=True, eq=False)
class Arrays:
    """The decision states of a stochastic game."""

    groups: list[Group]
    entry: NDArray[np.intp]  # (S,): where a period opens in each state of the game
    block: NDArray[np.intp]  # (N,): decision state times n plus player
    discounts: Floats  # (n,)
    patience: Floats  # (n, E): d
    mine: list[NDArray[np.intp]]  # per player: where her actions are in a flat strategy, group by group

    @property
    def first(self) -> NDArray[np.intp]:
        """Where each block starts in a flat strategy."""
        return np.flatnonzero(np.diff(self.block, prepend=-1))

    def normalise(self, strategy: Floats) -> Floats:
        """Return the strategy divided by its sum in every block."""
        return strategy / np.bincount(self.block, strategy)[self.block]

    def evaluate(self, strategy: Floats) -> Worth:
        """Return the values of a strategy and of one-shot deviations.

        Values of patient players are close to each other. They are solved for once more, less the lowest of them, so
        that their differences keep their digits.
        """
        (n, count), loss = self.patience.shape, np.empty(len(strategy))
        given = [[group.average(group.table, strategy, (i,)) for group in self.groups] for i in range(n)]
        total = np.empty((count, n + count))
        for group, rows in zip(self.groups, given[0], strict=True):
            total[group.states] = (strategy[group.own[0]][:, None, :] @ rows)[:, 0]
        chain, worth, follow, inverse = total[:, n:], list[Floats](), list[Floats](), list[Floats]()
        for i, patience in enumerate(self.patience):
            same = i > 0 and self.discounts[i] == self.discounts[0]
            inverse.append(inverse[0] if same else np.linalg.inv(np.eye(count) - patience[:, None] * chain))
            level = (inverse[i] @ total[:, i]).min()
            above = inverse[i] @ (total[:, i] - level * (1.0 - patience * chain.sum(axis=1)))
            rows, mine = np.concatenate([each.reshape(-1, n + count) for each in given[i]]), self.mine[i]
            state, ahead = self.block[mine] // n, rows[:, n:]
            value = rows[:, i] + patience[state] * (ahead @ above)
            value -= level * (1.0 - patience[state] * ahead.sum(axis=1))
            loss[mine] = (above[state] - value) / (1.0 - self.discounts[i])
            worth.append(above + level)
            follow.append(ahead)
        return Worth(np.array(worth), loss, chain, follow, inverse)

    def slope(self, strategy: Floats, value: Worth) -> Floats:
        """Return the derivative of the loss by the strategy, (N, N)."""
        (n, count), size = value.worth.shape, len(strategy)
        jacobian, moved = np.zeros((size, size)), np.zeros((n, count, size))
        for group in self.groups:
            patience = self.patience[:, group.states].T.reshape(-1, *(1,) * n, n)
            ahead = group.table[..., :n] + patience * (group.table[..., n:] @ value.worth.T)
            for i, j in combinations(range(n), 2):
                pair = group.average(ahead, strategy, (i, j))
                for me, other, gets in ((i, j, pair[..., i]), (j, i, pair[..., j].swapaxes(1, 2))):
                    own, others = group.own[me], group.own[other]
                    jacobian[own[:, :, None], others[:, None, :]] = -gets
                    moved[me, group.states[:, None], others] = (strategy[own][:, None, :] @ gets)[:, 0]
        for i, mine in enumerate(self.mine):
            later, state = 1.0 - self.discounts[i], self.block[mine] // n
            moved[i, state, mine] = value.worth[i, state] - later * value.loss[mine]
            ahead = value.inverse[i] @ moved[i]
            follow = self.patience[i, state][:, None] * (value.follow[i] @ ahead)
            jacobian[mine] = (jacobian[mine] + ahead[state] - follow) / later
        return jacobian


def compile_game(game: StochasticGame, *, scaled: bool = True) -> Arrays:
    """Return the arrays of a game, with each player's payoffs mapped to [1, 2] if scaled."""
    n, low, unit = game.players, np.zeros(game.players), np.ones(game.players)
    if scaled:
        rows = [stage.payoffs.reshape(-1, n) for stage in game.games]
        rows += [right.payoffs[list(right.who)] for right in game.exits if right is not None]
        low, unit = np.concatenate(rows).min(axis=0), np.ptp(np.concatenate(rows), axis=0)
        unit[unit == 0] = 1.0
        low = low - unit
    leaving = [s for s, right in enumerate(game.exits) if right is not None]
    count, entry = len(game) + len(leaving), np.arange(len(game))
    entry[leaving] = np.arange(len(game), count)
    tables: list[tuple[Floats, Floats]] = []
    for s, stage in enumerate(game.games):
        table = np.zeros((*stage.shape, n + count))
        table[..., :n] = (1.0 - game.discounts) * (stage.payoffs - low) / unit
        table[..., n + entry] = game.transition(s)
        tables.append((table, game.discounts))
    for s in leaving:
        right = game.exits[s]
        assert right is not None
        table = np.zeros((*(1 + (i in right.who) for i in range(n)), n + count))
        for act in np.ndindex(*table.shape[:-1]):
            gone = np.flatnonzero(act)  # each of those who leave together is equally likely to be the leaver
            table[act][:n] = ((right.payoffs[gone] - low) / unit).mean(axis=0) if gone.size else 0.0
            table[act][n + s] = not gone.size
        tables.append((table, np.ones(n)))
    shapes = [table.shape[:-1] for table, _ in tables]
    sizes: NDArray[np.intp] = np.array(shapes).ravel()
    offset = np.cumsum(sizes) - sizes
    groups = []
    for shape in dict.fromkeys(shapes):
        states = np.array([e for e, each in enumerate(shapes) if each == shape])
        own = [offset[states * n + i][:, None] + np.arange(shape[i]) for i in range(n)]
        groups.append(Group(states, np.stack([tables[e][0] for e in states]), own))
    return Arrays(
        groups=groups,
        entry=entry,
        block=np.repeat(np.arange(len(sizes)), sizes),
        discounts=game.discounts,
        patience=np.stack([patience for _, patience in tables], axis=1),
        mine=[np.concatenate([group.own[i].ravel() for group in groups]) for i in range(n)],
    )


REGRET = 1e-12  # that an equilibrium promises, over the range of payoffs
_NEAR = 0.99  # the weight from which on the equilibrium is tried for
# Largest relative error of a point: a path that is lost is followed once more, closer.
_TUBES = (0.05, 0.005, 0.0005)
_CORRECTIONS = 3  # of Newton after a step; one that needs more was too long
_HOPELESS = 1.5  # an error not worth correcting
_SMALLEST = 1e-10  # step at which the path is given up: rounding hides a curve that bends more sharply
_STEPS = 3000  # of a path: a bound on the time that one start takes
_ROUNDS = 25  # of Newton on one support, which needs five
# Of probability to loss: the guess of what is used, then bolder and more timid ones.
_RATIOS = (1.0, 1e-2, 1e2, 1e-4, 1e4)


class Point(NamedTuple):
    """A point of the path, and the derivative of H there, by strategy and weight."""

    place: Floats  # the strategy, then the weight
    slack: Floats  # t (W - Q) + 1 - t, positive on the path; it vanishes where an action is used
    residual: Floats
    slope: Floats  # (N, N + 1)
    error: float  # of the products sigma [...], relative to (1 - t) nu

    def solve(self, border: Floats, right: Floats) -> Floats:
        """Solve with the derivative and one more row."""
        return np.asarray(np.linalg.solve(np.vstack([self.slope, border]), right))


def equilibrium(arrays: Arrays, prior: Floats) -> Floats | None:
    """Return the equilibrium to which the path from a prior leads; if the path is lost, one nearby is followed."""
    draw = np.random.default_rng(0)
    for tube in _TUBES:
        tried, point = set[bytes](), None
        for point in _path(arrays, prior, tube):
            if point.place[-1] >= _NEAR:
                used = _support(arrays, point, 1.0)
                if (
                    used.tobytes() not in tried
                    and (found := refine(arrays, point.place[:-1], used)) is not None
                ):
                    return found
                tried.add(used.tobytes())
        if point is not None and point.place[-1] >= _NEAR:
            for ratio in _RATIOS[1:]:
                if (found := refine(arrays, point.place[:-1], _support(arrays, point, ratio))) is not None:
                    return found
        prior = arrays.normalise(prior * draw.uniform(0.9, 1.1, prior.size))
    return None


def _point(arrays: Arrays, prior: Floats, place: Floats) -> Point:
    strategy, weight = place[:-1], place[-1]
    value = arrays.evaluate(strategy)
    slack, aim = weight * value.loss + (1.0 - weight), (1.0 - weight) * prior
    residual = strategy * slack - aim
    error = float(np.abs(residual / aim).max()) if slack.min() > 0 else np.inf
    slope = (weight * strategy)[:, None] * arrays.slope(strategy, value) + np.diag(slack)
    slope = np.column_stack([slope, strategy * (value.loss - 1.0) + prior])
    return Point(place, slack, residual, slope, error)


def _path(arrays: Arrays, prior: Floats, tube: float) -> Iterator[Point]:
    """Yield points ever further along the path; it ends when t is 1 to rounding, or when it is lost."""
    point, step = _point(arrays, prior, np.append(prior, 0.0)), 0.3
    ahead = last = np.eye(len(prior) + 1)[-1]
    for _ in range(_STEPS):
        ahead = point.solve(ahead, last)
        ahead /= np.linalg.norm(ahead)
        rest = 1.0 - point.place[-1]  # of the way to t = 1, of which a twentieth is left
        step = min(step, 0.95 * rest / ahead[-1]) if ahead[-1] > 0.0 else step
        while (found := _correct(arrays, prior, point, step * ahead, tube)) is None:
            step /= 3.0
            if step <= _SMALLEST * rest:
                return
        point, step = found, 2.0 * step
        yield point
        if 1.0 - point.place[-1] < _SMALLEST:
            return


def _correct(arrays: Arrays, prior: Floats, point: Point, step: Floats, tube: float) -> Point | None:
    """Return to the path on the plane across a step along the tangent, by Newton's method."""
    guess, last = point.place + step, np.inf
    for _ in range(_CORRECTIONS):
        if not 0.0 < guess[-1] < 1.0:
            break
        guess[:-1] = np.where(guess[:-1] > 0.0, guess[:-1], 0.1 * point.place[:-1])
        found = _point(arrays, prior, guess)
        if found.error < tube:
            return found
        if found.error > min(_HOPELESS, last):
            break
        last = found.error
        guess = guess - found.solve(step / np.linalg.norm(step), np.append(found.residual, 0.0))
    return None


def _support(arrays: Arrays, point: Point, ratio: float) -> NDArray[np.bool_]:
    """Guess the actions used: probability large against the loss, and never none in a block."""
    strategy = point.place[:-1]
    best = np.maximum.reduceat(strategy, arrays.first)[arrays.block]
    return np.asarray((strategy > ratio * point.slack) | (strategy == best))


def regret(arrays: Arrays, strategy: Floats) -> float:
    """Return the largest gain by a deviation in one period, as a present value over the range of payoffs.

    Where a player may leave, a period holds two decisions: to stay, and then what to do. Who deviates at both gains
    what staying gains her, and what acting otherwise gains her if nobody else leaves. No deviation, however long,
    raises an average payoff by more: with R for the largest gain of a period and d for the discount factor she gains
    no more than R + d R + ... from any period on.
    """
    gain, n = -arrays.evaluate(strategy).loss, len(arrays.discounts)
    best = np.maximum.reduceat(gain, arrays.first).reshape(-1, n)  # by a deviation at one decision
    first = arrays.first.reshape(-1, n)  # of each block; that of a choice to leave is to stay
    for s, e in enumerate(arrays.entry.tolist()):
        for i in range(n if e != s else 0):
            others = np.delete(strategy[first[e]], i).prod()
            best[e, i] = max(best[e, i], gain[first[e, i]] + others * max(best[s, i], 0.0))
    return float(max(0.0, best.max()))


def refine(arrays: Arrays, strategy: Floats, used: NDArray[np.bool_]) -> Floats | None:
    """Return the equilibrium that uses these actions alone, by Newton's method from a strategy nearby.

    Where several actions of a block are used their losses W - Q must vanish; that they sum to one follows.
    None if there is no equilibrium of the promised accuracy.
    """
    strategy = best = arrays.normalise(np.where(used, strategy, 0.0))
    mixed = np.flatnonzero(used & (np.bincount(arrays.block, used)[arrays.block] > 1))
    least = np.inf
    for _ in range(_ROUNDS if mixed.size else 0):
        value = arrays.evaluate(strategy)
        error = float(np.abs(value.loss[mixed]).max())
        if not error < least:
            break
        best, least, strategy = strategy, error, strategy.copy()
        # The shortest of the least-squares solutions, since equilibria may form a continuum.
        slope = arrays.slope(strategy, value)[np.ix_(mixed, mixed)]
        strategy[mixed] -= np.linalg.lstsq(slope, value.loss[mixed], rcond=1e-10)[0]
        if np.abs(strategy[mixed]).max() > 2.0:
            break
    best = arrays.normalise(np.maximum(best, 0.0)) if best.min() >= -1e-9 else best
    return best if best.min() >= 0.0 and regret(arrays, best) <= REGRET else None
