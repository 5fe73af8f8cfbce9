"""Stationary strategies, as users write them and as one vector, and their payoffs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import listed
from bargaining._arrays import Floats, owning, per_player, real, scalar, spread, within
from bargaining._names import ordered, place, titles
from bargaining._rich import Shown
from bargaining.equilibria.stochastic._markov.arrays import Arrays
from bargaining.equilibria.stochastic._markov.path import regret
from bargaining.errors import InvalidInput
from bargaining.games.stochastic import StochasticGame


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
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


def stationary(game: StochasticGame, arrays: Arrays, vector: Floats) -> StationaryProfile:
    """Return the profile that a vector stands for."""
    n, states = game.players, len(game)
    pieces = np.split(vector, np.flatnonzero(np.diff(arrays.block)) + 1)
    leave = np.zeros((states, n))
    for s in np.flatnonzero(arrays.entry >= states):
        for i in range(n):
            leave[s, i] = pieces[arrays.entry[s] * n + i][1:].sum()
    strategies = tuple(tuple(pieces[s * n : (s + 1) * n]) for s in range(states))
    values, chain = _worth(game, strategies, leave)
    return StationaryProfile(
        strategies=strategies,
        leave=leave,
        values=values,
        regret=regret(arrays, vector),
        chain=chain,
        player_names=game.player_names,
        _game=game,
    )


def _worth(
    game: StochasticGame, strategies: tuple[tuple[Floats, ...], ...], leave: Floats
) -> tuple[Floats, Floats]:
    """Return average payoffs, and the probability of each state in the next period."""
    gains, rows = [], []
    for s, own in enumerate(strategies):
        stage, row = game.games[s].payoffs, game.transition(s)
        for strategy in own:
            stage, row = np.tensordot(strategy, stage, axes=1), np.tensordot(strategy, row, axes=1)
        stays = np.prod(1.0 - leave[s])
        gains.append(stays * (1.0 - game.discounts) * stage + _parting(game, s, leave[s]))
        rows.append(stays * row)
    chain, gain = np.array(rows), np.array(gains)
    systems = np.eye(len(game)) - game.discounts[:, None, None] * chain
    return np.linalg.solve(systems, gain.T[..., None])[..., 0].T, chain


def _parting(game: StochasticGame, state: int, chance: Floats) -> Floats:
    """Return the expected payoffs from exit: each of those who leave together is equally likely to be the leaver."""
    total, right = np.zeros(game.players), game.exits[state]
    for act in product((False, True), repeat=game.players) if right is not None else ():
        gone = np.array(act)
        if right is not None and gone.any():
            total += np.prod(np.where(gone, chance, 1.0 - chance)) * right.payoffs[gone].mean(axis=0)
    return total


def flat(game: StochasticGame, strategies: Sequence[Sequence[Any]], leave: ArrayLike | None) -> Floats:
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
