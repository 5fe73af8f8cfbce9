r"""Stationary (Markov perfect) equilibria of stochastic games, found along a path and checked by their regret.

Let every player weigh present values by t and, by 1 - t, a logarithmic reward :math:`\sum_a \nu_a \log \sigma_a`;
:math:`\nu`, the prior, is one in each decision state. Her first-order condition, multiplier eliminated, is

.. math:: H_a(\sigma, t) = \sigma_a \big[t (W - Q_a) + 1 - t\big] - (1 - t) \nu_a = 0,

with W the worth of the state and Q_a the one-shot value of the action. At t = 0 the only solution is the prior; at t =
1 every action is unused or a best reply. For almost every prior the solutions with 0 <= t < 1 are smooth curves inside
the simplex, and the one that starts at the prior comes as close to t = 1 as one likes. Near its end the actions used
are read off, and their losses W - Q are solved for zero by Newton's method.

A state in which somebody may leave becomes two: the choice to leave or stay, which takes no time, and the stage game. A
decision state e is worth to player i, on average,

    W_i(e) = r_i(e, a) + d_i(e) sum_f P(f | e, a) W_i(f)

with d = discount and r = (1 - d) payoff in a stage game, d = 1 in a choice to leave, and rows of P that are empty after
leaving. Losses are present values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter
from itertools import combinations
from math import isqrt, prod
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import generator, listed, whole
from bargaining._arrays import Floats, per_player, real, record, scalar, short, spread, within
from bargaining._calls import suggesting
from bargaining._names import ordered, place, titles
from bargaining._rational import Rationals, floats
from bargaining._rich import Result, Shown
from bargaining.equilibria.stage.equilibria import stage_equilibria
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.games.normal_form import Game
from bargaining.games.stochastic import StochasticGame, require_stochastic


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


class _Point(NamedTuple):
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


def _point(arrays: Arrays, prior: Floats, place: Floats) -> _Point:
    strategy, weight = place[:-1], place[-1]
    value = arrays.evaluate(strategy)
    slack, aim = weight * value.loss + (1.0 - weight), (1.0 - weight) * prior
    residual = strategy * slack - aim
    error = float(np.abs(residual / aim).max()) if slack.min() > 0 else np.inf
    slope = (weight * strategy)[:, None] * arrays.slope(strategy, value) + np.diag(slack)
    slope = np.column_stack([slope, strategy * (value.loss - 1.0) + prior])
    return _Point(place, slack, residual, slope, error)


def _path(arrays: Arrays, prior: Floats, tube: float) -> Iterator[_Point]:
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


def _correct(arrays: Arrays, prior: Floats, point: _Point, step: Floats, tube: float) -> _Point | None:
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


def _support(arrays: Arrays, point: _Point, ratio: float) -> NDArray[np.bool_]:
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


@record
class StationaryProfile(Shown):
    r"""Strategies that depend only on the state, and their payoffs.

    Attributes
    ----------
    strategies : tuple of tuple of ndarray
        Entry `[s][i]` holds player i's probabilities of her actions in state s.
    leave : ndarray of shape (S, n)
        Probability with which each player leaves at the start of a period in each state; 0 where she may not.
    values : ndarray of shape (S, n)
        Average payoff of each player from the start of a period in each state.
    regret : float
        The largest gain by deviating for one period, in any state, as a present value over the player's range of
        payoffs. A player who may leave decides twice in a period, whether to stay and then what to do, and may deviate
        at both. No deviation, however long, raises an *average* payoff by more. An equilibrium has regret zero, up to
        rounding.
    chain : ndarray of shape (S, S)
        Probability that the next period starts in each state; a row sums to one less the probability of exit.
    player_names : tuple of str
        The names of the players, or their numbers.
    """

    strategies: tuple[tuple[Floats, ...], ...]
    leave: Floats
    values: Floats
    regret: float
    chain: Floats
    player_names: tuple[str, ...]
    _game: StochasticGame | None = field(default=None, repr=False)
    _by_player: ClassVar = ("leave", "values")

    def pure(self, *, tol: float = 1e-9) -> bool:
        """Say whether nobody randomises."""
        tol = scalar(tol, "tol")
        certain = [own.max() > 1 - tol for state in self.strategies for own in state]
        return all(certain) and bool((np.abs(self.leave - 0.5) > 0.5 - tol).all())


def _stationary(game: StochasticGame, arrays: Arrays, vector: Floats) -> StationaryProfile:
    """Return the profile that a vector stands for."""
    n, states = game.players, len(game)
    pieces = np.split(vector, arrays.first[1:])
    leave = np.zeros((states, n))
    for s, e in enumerate(arrays.entry.tolist()):
        if e != s:
            leave[s] = [own[1:].sum() for own in pieces[e * n : (e + 1) * n]]
    value = compile_game(game, scaled=False).evaluate(vector)
    return StationaryProfile(
        strategies=tuple(tuple(pieces[s * n : (s + 1) * n]) for s in range(states)),
        leave=leave,
        values=value.worth[:, arrays.entry].T,
        regret=regret(arrays, vector),
        chain=(1.0 - leave).prod(axis=1)[:, None] * value.chain[:states][:, arrays.entry],
        player_names=game.player_names,
        _game=game,
    )


def _flat(game: StochasticGame, strategies: Sequence[Sequence[Any]], leave: ArrayLike | None) -> Floats:
    """Return strategies as one vector, or raise an error that names the state and the player."""
    by_state = listed(strategies, "strategies", "a list of strategies by state and player")
    if len(by_state) != len(game):
        raise InvalidInput(f"`strategies` must have one entry a state ({len(game)}); got {len(by_state)}.")
    pieces = []
    for s, given in enumerate(by_state):
        by_player = ordered(given, f"strategies[{s}]", game.player_names)
        own = listed(by_player, f"strategies[{s}]", "a list of strategies by player")
        if len(own) != game.players:
            raise InvalidInput(
                f"`strategies` must have one entry a player ({game.players}) in state {game.states[s]}; "
                f"got {len(own)}."
            )
        pieces += [_mixed(own[i], game, s, i) for i in range(game.players)]
    return np.concatenate(pieces + _leaving(game, leave))


def _mixed(value: Any, game: StochasticGame, state: int, player: int) -> Floats:
    where = f"of {titles(game.player_names)[player]} in state {game.states[state]}"
    names = game.games[state].actions[player]
    if isinstance(value, str):
        value = np.eye(len(names))[place(value, "strategies", names, f"action {where}")]
    elif isinstance(value, Mapping):
        played = {place(name, "strategies", names, f"action {where}"): share for name, share in value.items()}
        value = [played.get(k, 0) for k in range(len(names))]
    weights = within(real(value, "strategies"), "strategies", 0.0, 1.0)
    count = game.shape(state)[player]
    if weights.shape != (count,) or abs(weights.sum() - 1.0) > 1e-9:
        raise InvalidInput(
            f"`strategies` {where} must be {count} probabilities that sum to 1; got {weights.tolist()}."
        )
    probabilities: Floats = weights / weights.sum()
    return probabilities


def _leaving(game: StochasticGame, leave: ArrayLike | None) -> list[Floats]:
    states, n = len(game), game.players
    chance = np.zeros((states, n)) if leave is None else per_player(leave, "leave", game.player_names)
    chance = spread(within(chance, "leave", 0.0, 1.0), "leave", (states, n))
    pieces = []
    for s, right in enumerate(game.exits):
        who = () if right is None else right.who
        for i in range(n):
            if i not in who and chance[s, i] > 0:
                raise InvalidInput(
                    f"`leave` must be 0 for {titles(game.player_names)[i]} in state {game.states[s]}, "
                    f"who may not leave; got {chance[s, i]:g}."
                )
            if right is not None:
                pieces.append(np.array([1.0 - chance[s, i], chance[s, i]]) if i in who else np.ones(1))
    return pieces


_STARTS = 100_000  # paths that one call may follow: hours of work
_SAME = 1e-7  # of probabilities: equilibria that close are one found twice


@record
class MarkovEquilibria(Result):
    """The stationary equilibria found, each with its regret.

    Attributes
    ----------
    profiles : tuple of StationaryProfile
        Different equilibria, in the order found; every regret is at most 1e-12.
    complete : bool
        Whether these are all; always false in results of `markov_equilibria`, since there may be others.
    starts : int
        The number of starting points.
    failed : int
        How many of them led to no equilibrium of that accuracy.
    status : Status
        OK, or FAILED if none was found.
    """

    profiles: tuple[StationaryProfile, ...]
    complete: bool
    starts: int
    failed: int
    status: Status

    def __len__(self) -> int:
        return len(self.profiles)

    def __getitem__(self, index: int) -> StationaryProfile:
        return self.profiles[index]

    def __iter__(self) -> Iterator[StationaryProfile]:
        return iter(self.profiles)


@suggesting
def markov_equilibria(
    game: StochasticGame,
    *,
    starts: int | Sequence[Sequence[Sequence[ArrayLike]]] = 1,
    rng: np.random.Generator | int | None = None,
) -> MarkovEquilibria:
    r"""Return stationary equilibria of a stochastic game, in behaviour strategies.

    A strategy profile :math:`\sigma` that depends on the state alone is a (Markov perfect) equilibrium if in
    every state every action used is a best reply to what follows:

    .. math:: \sigma_i(a_i \mid s) > 0 \Rightarrow Q_i(s, a_i) = \max_b Q_i(s, b), \qquad
              Q_i(s, a_i) = E_\sigma\Big[(1-\delta_i) g_i(s, a) + \delta_i \sum_{s'} P(s' \mid s, a) V_i(s')\Big],

    where V are the payoffs of :math:`\sigma` itself.

    Parameters
    ----------
    game : StochasticGame
        Any number of players; discount factors may differ. A game of one player is a Markov decision problem.
    starts : int or sequence of strategies, default 1
        The number of strategies to start from: first the uniform one, then random ones; or the strategies themselves,
        with positive probabilities.
    rng : numpy.random.Generator or int, optional
        Draws the random strategies.

    Returns
    -------
    MarkovEquilibria

    Raises
    ------
    InvalidInput
        If `starts` is neither a positive number nor strategies inside the simplex.

    Notes
    -----
    *Timing.* In a state with a right to leave, those who may leave decide simultaneously whether to; if all stay, they
    act. The choice to leave is a separate decision, which must be a best reply even if others leave with certainty.
    That all leave together is an equilibrium wherever two may.

    *Method.* A path of a logarithmic barrier game (Dang, Herings and Li 2022), from the starting strategies until the
    weight of the game is 1; there the indifference conditions of the supports are solved by Newton's method. A strategy
    is listed only if its regret, recomputed from one-shot deviations, is at most 1e-12.

    *How many.* Generic games have an odd number of stationary equilibria (Herings and Peeters 2004). Paths from almost
    every start end in one of the k + 1 of 2k + 1 whose index is +1; the others, such as the mixed equilibrium of a
    coordination game, are as a rule found only from starts that share a symmetry of the game. `stage_equilibria` lists
    all of a game of one state.

    References
    ----------
    Dang, C., Herings, P. J.-J. and Li, P. (2022). An interior-point differentiable path-following method to compute
    stationary equilibria in stochastic games. *INFORMS Journal on Computing* 34(3), 1403-1418.
    doi:10.1287/ijoc.2021.1139

    Herings, P. J.-J. and Peeters, R. J. A. P. (2004). Stationary equilibria in stochastic games: structure,
    selection, and computation. *Journal of Economic Theory* 118(1), 32-60.

    Examples
    --------
    Working raises the chance of good times, in which work is worth more:

    >>> from bargaining import Game, StochasticGame, markov_equilibria
    >>> bad, good = Game([[0, -1], [1, 0]], [[0, 1], [-1, 0]]), Game([[6, 3], [7, 4]], [[6, 7], [3, 4]])
    >>> rises = [[[0.2, 0.8], [0.6, 0.4]], [[0.6, 0.4], [0.9, 0.1]]]
    >>> game = StochasticGame([bad, good], [rises, rises], 0.9, actions=[["work", "shirk"]] * 2)
    >>> found = markov_equilibria(game)
    >>> [own.tolist() for own in found[0].strategies[0]], found[0].values.round(4).tolist()
    ([[1.0, 0.0], [1.0, 0.0]], [[4.32, 4.32], [4.92, 4.92]])
    """
    require_stochastic(game)
    arrays = compile_game(game)
    priors = _priors(game, arrays, starts, rng)
    found: list[Floats] = []
    failed = 0
    for prior in priors:
        strategy = equilibrium(arrays, prior)
        if strategy is None:
            failed += 1
        elif all(np.abs(strategy - other).max() > _SAME for other in found):
            found.append(strategy)
    return MarkovEquilibria(
        profiles=tuple(_stationary(game, arrays, strategy) for strategy in found),
        complete=False,
        starts=len(priors),
        failed=failed,
        status=Status.OK if found else Status.FAILED,
    )


@suggesting
def stationary_profile(
    game: StochasticGame, strategies: Sequence[Sequence[ArrayLike]], *, leave: ArrayLike | None = None
) -> StationaryProfile:
    """Return the payoffs of given stationary strategies, and the largest gain from deviating.

    Parameters
    ----------
    game : StochasticGame
        Any number of players.
    strategies : sequence over states of sequences over players of array_like, str or mapping
        Probabilities of the actions, in their order or by name; the name of an action means that action with certainty.
        Players may be given by name too.
    leave : array_like of shape (S, n) or (n,), optional
        Probability of leaving, for each state and player; nobody leaves by default.

    Returns
    -------
    StationaryProfile

    Examples
    --------
    >>> from bargaining import Game, StochasticGame, stationary_profile
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> game = StochasticGame([prisoners], [[1]], 0.9)
    >>> found = stationary_profile(game, [[[1, 0], [1, 0]]])
    >>> found.values.tolist(), round(found.regret, 10)
    ([[9.0, 9.0]], 0.1111111111)
    """
    require_stochastic(game)
    return _stationary(game, compile_game(game), _flat(game, strategies, leave))


def continue_profile(profile: StationaryProfile, game: StochasticGame) -> StationaryProfile | None:
    """Return the equilibrium of another game, of the same shape, that uses the same actions; None if there is none.

    Newton's method begins at the strategies of `profile`.
    """
    arrays = compile_game(game)
    strategy = _flat(game, profile.strategies, profile.leave)
    refined = refine(arrays, strategy, strategy > _SAME)
    return None if refined is None else _stationary(game, arrays, refined)


def _priors(game: StochasticGame, arrays: Arrays, starts: Any, rng: Any) -> list[Floats]:
    if isinstance(starts, int | np.integer) and not isinstance(starts, bool):
        if not 1 <= starts <= _STARTS:
            raise InvalidInput(f"`starts` must be 1 to {_STARTS}; got {short(starts)}.")
        draw = generator(rng)
        more = [arrays.normalise(draw.exponential(size=len(arrays.block)) + 1e-3) for _ in range(starts - 1)]
        return [arrays.normalise(np.ones(len(arrays.block))), *more]
    given = listed(starts, "starts", "a list of strategies, or a number")
    if not given:
        raise InvalidInput("`starts` must hold at least one profile of strategies; got none.")
    half = [
        [0.5 * (right is not None and i in right.who) for i in range(game.players)] for right in game.exits
    ]
    priors = [_flat(game, strategies, half) for strategies in given]
    if min(prior.min() for prior in priors) <= 0:
        raise InvalidInput(
            "`starts` must give every action a positive probability; got a zero. Mix in a little of every action."
        )
    return priors


_BITS = 200  # accuracy of the square roots in mixed strategies

Strategies = tuple[tuple[Fraction, ...], ...]
Values = tuple[Fraction, ...]
Local = tuple[list[tuple[Strategies, Values]], bool]
"""The equilibria of one state, given the values that follow, each with its values; and whether these are all."""


@suggesting
def directional_equilibria(game: StochasticGame, *, limit: int = 10_000) -> MarkovEquilibria:
    r"""Return all stationary equilibria of a stochastic game in which no state is reached again once it is left.

    Given the values of the states that may follow, play in a state is a game of its own. All its equilibria are
    computed, from the last states backwards, for each combination of equilibria in the states that follow.

    Parameters
    ----------
    game : StochasticGame
        Any number of players, who cannot leave. A state may follow itself, but no two states may lead to each
        other, whatever is played.
    limit : int, default 10,000
        The largest number of equilibria to keep: their number multiplies from state to state.

    Returns
    -------
    MarkovEquilibria
        `complete` says whether these are all. It is false if the limit was reached, if some state has infinitely many
        equilibria, or if the probability of staying in a state depends on actions and the state has more than two
        players or more than two actions each: then its pure equilibria are listed. `starts` and `failed` are 0.

    Raises
    ------
    InvalidInput
        If two states may lead to each other.
    NotApplicable
        If somebody may leave; make leaving an action that leads to a state of its own.

    Notes
    -----
    Let p(a) be the probability of staying in state s and :math:`N_i(a) = (1-\delta_i) g_i(a) + \delta_i \sum_{s' \ne s}
    P(s' \mid a) V_i(s')`. If p is constant, the equilibria are those of the stage game with payoffs N, with the values
    :math:`N_i / (1 - \delta_i p)`. Otherwise action r, played for ever, gives :math:`N_{ir}(y) / (1 - \delta_i p_r(y))`
    against a mixture y, and a player with two actions uses both if these are equal: a quadratic equation in y.
    All computations are in rationals; square roots are computed to 200 bits.

    References
    ----------
    Iskhakov, F., Rust, J. and Schjerning, B. (2016). Recursive lexicographical search: finding all Markov perfect
    equilibria of finite state directional dynamic games. *Review of Economic Studies* 83(2), 658-703.
    doi:10.1093/restud/rdv046

    Examples
    --------
    Two firms may each build a plant or wait; only one plant is profitable. A firm that builds alone has it for good:

    >>> from bargaining import Game, StochasticGame, directional_equilibria
    >>> before = Game([[0, 0], [0, 0]], [[0, 0], [0, 0]])
    >>> after = [Game([[one]], [[other]]) for one, other in ((3, 0), (0, 3), (-1, -1))]
    >>> builds = [[[1, 0, 0, 0], [0, 0, 1, 0]], [[0, 1, 0, 0], [0, 0, 0, 1]]]
    >>> stays = [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    >>> found = directional_equilibria(StochasticGame([before, *after], [builds, *stays], 0.5))
    >>> found.complete, sorted(one.values[0].round(4).tolist() for one in found)
    (True, [[0.0, 0.0], [0.0, 1.5], [1.5, 0.0]])
    """
    require_stochastic(game)
    whole(limit, "limit", 1)
    if any(right is not None for right in game.exits):
        raise NotApplicable(
            "`game` must give nobody the right to leave here; make leaving an action that leads to a state of its own."
        )
    laws = [game.exact_transition(s) for s in range(len(game))]
    order, arrays = _order(game, laws), compile_game(game)
    solved: dict[tuple[Any, ...], Local] = {}
    found: list[dict[int, tuple[Strategies, Values]]] = [{}]
    complete = True
    for s in order:
        ahead = [k for k in range(len(game)) if k != s and laws[s][..., k].any()]
        longer = []
        for chosen in found:
            after = {k: chosen[k][1] for k in ahead}
            key = (s, *(after[k] for k in ahead))
            if key not in solved:
                solved[key] = _state(game, s, laws[s], after)
            local, every = solved[key]
            complete &= every
            longer += [{**chosen, s: one} for one in local]
        complete &= len(longer) <= limit
        found = longer[:limit]
    profiles = []
    for chosen in found:
        vector = np.concatenate([floats(own) for s in range(len(game)) for own in chosen[s][0]])
        profiles.append(_stationary(game, arrays, vector))
    profiles = [one for one in profiles if one.regret <= REGRET]
    return MarkovEquilibria(
        profiles=tuple(profiles),
        complete=complete and len(profiles) == len(found),
        starts=0,
        failed=0,
        status=Status.OK if profiles else Status.FAILED,
    )


def _order(game: StochasticGame, laws: list[Rationals]) -> list[int]:
    """Return the states in an order such that each comes after all states to which it may lead."""
    leads = {s: {k for k in range(len(game)) if k != s and law[..., k].any()} for s, law in enumerate(laws)}
    try:
        return list(TopologicalSorter(leads).static_order())
    except CycleError as error:
        circle = " -> ".join(game.states[s] for s in reversed(error.args[1]))
        raise InvalidInput(
            "`game` must be directional: no state may be reached again once it is left; but these lead to each "
            f"other: {circle}. For such games see `markov_equilibria`."
        ) from None


def _state(game: StochasticGame, s: int, law: Rationals, after: dict[int, Values]) -> Local:
    """Return the equilibria of one state, given the values of those that may follow."""
    delta, stay = game.exact_discounts, law[..., s]
    worth, left = (1 - delta) * game.games[s].exact, 1 - delta * stay[..., None]
    for k, values in after.items():
        worth = worth + law[..., k, None] * (delta * np.array(values, object))
    constant = bool((stay == stay.flat[0]).all())
    for_ever = Game(*np.moveaxis(worth / left, -1, 0))
    found = stage_equilibria(for_ever, method="auto" if constant else "pure")
    local = [*zip(found.exact, found.exact_payoffs, strict=True)]
    if constant or game.shape(s) != (2, 2):
        return local, bool(constant and found.complete and found.finite)
    mixed, every = _mixture(worth, left)
    return local + mixed, every


def _mixture(worth: Rationals, left: Rationals) -> Local:
    """Return the equilibria of two players in which both mix their two actions, and whether there are no others."""
    roots: list[list[Fraction]] = []
    every = True
    for i in (0, 1):  # the other player's mixture that makes player i indifferent
        n, d = (np.moveaxis(part[..., i], i, 0) for part in (worth, left))
        (a, b), (e, f) = ((n[r, 0], n[r, 1] - n[r, 0]) for r in (0, 1))
        (g, h), (k, m) = ((d[r, 0], d[r, 1] - d[r, 0]) for r in (0, 1))
        # (a + b y)(k + m y) = (e + f y)(g + h y)
        some = _roots(b * m - f * h, a * m + b * k - e * h - f * g, a * k - e * g)
        every &= some is not None and 0 not in some and 1 not in some
        roots.append([y for y in some or [] if 0 < y < 1])
    out: list[tuple[Strategies, Values]] = []
    for y in roots[0]:
        for x in roots[1]:
            values = []
            for i, other in ((0, y), (1, x)):
                n, d = (np.moveaxis(part[..., i], i, 0)[0] for part in (worth, left))
                values.append((n[0] + other * (n[1] - n[0])) / (d[0] + other * (d[1] - d[0])))
            out.append((((1 - x, x), (1 - y, y)), tuple(values)))
    return out, every


def _roots(a: Fraction, b: Fraction, c: Fraction) -> list[Fraction] | None:
    """Return the distinct roots of a y^2 + b y + c; None if every number is a root."""
    if not a:
        return ([-c / b] if b else []) if b or c else None
    square = b * b - 4 * a * c
    if square < 0:
        return []
    # sqrt(p / q) = sqrt(p q) / q, exact if it is rational
    root = Fraction(isqrt(square.numerator * square.denominator << 2 * _BITS), square.denominator << _BITS)
    return sorted({(-b - root) / (2 * a), (-b + root) / (2 * a)})
