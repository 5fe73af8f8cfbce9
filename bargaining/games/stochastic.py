"""A game whose stage game depends on a state that the players' actions may change, with a right to leave."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import index, listed
from bargaining._arrays import ArrayLike, ByPlayer, Floats, fill, owning
from bargaining._names import Names, are_given, ordered
from bargaining._rational import Rationals, fractions
from bargaining._rich import SHOWN, Card, Shown, brief, counted
from bargaining.errors import InvalidInput
from bargaining.games._transitions import (
    Exits,
    Rows,
    chain_by_state,
    discounts_of,
    exits_by_state,
    games_by_state,
    moves,
    players_of,
    state_names,
    tabulate,
    transitions_by_state,
)
from bargaining.games.normal_form import Game, Profile, profile_name
from bargaining.games.repeated import Exit, RepeatedGame, require_repeated


@owning
@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class StochasticGame(Shown):
    r"""A stage game for each state, with perfect monitoring, and the transition probabilities of the state.

    In state s the players choose a profile a at once, get :math:`g_i(s, a)`, and the state of the next period
    is :math:`s'` with probability :math:`P(s' \mid s, a)`. Player i values a stream of stage payoffs by its
    average :math:`(1-\delta_i)\sum_t \delta_i^t g_i(s_t, a_t)`.

    Parameters
    ----------
    payoffs : sequence of Game or array_like, one a state
        An array has shape (a_1, ..., a_n, n), players last; each state may have its own numbers of actions.
    transitions : sequence of array_like or sparse matrix, one a state
        Shape (a_1, ..., a_n, S), the next state last, or (S,) if actions do not matter. A sparse matrix has
        shape (profiles, S), profiles in the order of the arrays, or (1, S).
    discounts : array_like of shape (n,), or one number
        Discount factor per period, each in [0, 1); one number is given to every player.
    exit : Exit or sequence of Exit or None, optional
        The right to leave, for each state; one `Exit` holds in every state, unless its batch is (S,): then
        each state has its own. Its payoffs are averages from the period of leaving on.
    states : sequence of str, optional
        Names of the states; their numbers by default.
    actions : sequence, optional
        Names of each player's actions, either one sequence a state or one for all states; by default those of
        the games.
    players : sequence of str, optional
        Names of the players; by default those of the games, or else their numbers.

    Attributes
    ----------
    games : tuple of Game
        The stage game of each state.
    discounts : ndarray of shape (n,)
    exits : tuple of Exit or None
        One a state.
    states, player_names : tuple of str

    Raises
    ------
    InvalidInput
        If a shape is wrong, or in some state and at some actions the probabilities are not a distribution;
        the message names them.

    Examples
    --------
    Cooperation is worth more in good times, and defection makes them end:

    >>> from bargaining import Game, StochasticGame
    >>> good, bad = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]]), Game([[4, 0], [5, 1]], [[4, 5], [0, 1]])
    >>> worsens = [[[0.9, 0.1], [0.5, 0.5]], [[0.5, 0.5], [0.2, 0.8]]]
    >>> game = StochasticGame([good, bad], [worsens, [0.3, 0.7]], 0.9, states=["good", "bad"])
    >>> game
    <StochasticGame, 2 states, 2 players, 8 profiles>
    >>> game.transition(0)[1, 1], game.exogenous
    (array([0.2, 0.8]), array([False,  True]))
    """

    games: tuple[Game, ...]
    discounts: Floats
    exits: tuple[Exit | None, ...]
    states: tuple[str, ...]
    player_names: tuple[str, ...]
    _transitions: tuple[Rows, ...]
    _given: NDArray[Any]

    def __init__(
        self,
        payoffs: Sequence[Game | ArrayLike],
        transitions: Sequence[Any],
        discounts: ByPlayer,
        *,
        exit: Exits = None,  # noqa: A002 (the field's word)
        states: Names | None = None,
        actions: Sequence[Any] | None = None,
        players: Names | None = None,
    ) -> None:
        names = state_names(payoffs, transitions, states)
        games = games_by_state(payoffs, names, actions)
        who = players_of(games, players)
        fill(self, games=games, states=names, player_names=who, discounts=discounts_of(discounts, who))
        fill(self, exits=exits_by_state(exit, names, who))
        fill(self, _transitions=transitions_by_state(transitions, games, names))
        fill(self, _given=np.array(ordered(discounts, "discounts", who)))

    @classmethod
    def from_chain(
        cls,
        game: Game | Sequence[Game],
        transition: Any,
        discounts: ByPlayer,
        *,
        exit: Exits = None,  # noqa: A002
        states: Names | None = None,
        players: Names | None = None,
    ) -> StochasticGame:
        """Return the game whose state follows an exogenous Markov chain.

        Parameters
        ----------
        game : Game or sequence of Game
            The stage game, one for all states or one a state.
        transition : array_like or sparse matrix of shape (S, S)
            Row s holds the probabilities of the state after s.
        discounts, exit, states, players
            As for `StochasticGame`.

        Examples
        --------
        An outside option that strengthens for good:

        >>> from bargaining import Exit, Game, StochasticGame
        >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
        >>> StochasticGame.from_chain(prisoners, [[0.9, 0.1], [0, 1]], 0.3, exit=Exit([[1, 1], [8, 3]])).absorbing
        array([False,  True])
        """
        chain = chain_by_state(transition)
        games = [game] * len(chain) if isinstance(game, Game) else listed(game, "game", "a list of Game")
        return cls(games, chain, discounts, exit=exit, states=states, players=players)

    @classmethod
    def from_functions(
        cls,
        states: Sequence[Hashable],
        actions: Callable[[Any], Sequence[Sequence[Any]]] | Sequence[Sequence[Any]],
        payoff: Callable[[Any, tuple[Any, ...]], ArrayLike],
        transition: Callable[[Any, tuple[Any, ...]], Mapping[Any, Any] | ArrayLike],
        discounts: ByPlayer,
        *,
        exit: Callable[[Any], Exit | None] | Exits = None,  # noqa: A002
        players: Names | None = None,
    ) -> StochasticGame:
        """Return the game on a grid of states whose payoffs and transitions are given by functions.

        Parameters
        ----------
        states : sequence of hashable
            The grid: numbers, tuples, strings, ...
        actions : sequence of sequences, or function of the state
            The actions of each player, any objects.
        payoff : function of (state, profile)
            Returns n numbers; `profile` is a tuple of the players' actions.
        transition : function of (state, profile)
            Returns a mapping from next states to probabilities, or S numbers.
        discounts, players
            As for `StochasticGame`.
        exit : function of the state, or as for `StochasticGame`
            The right to leave.

        Examples
        --------
        A stock that both harvest; what is left grows by one, up to three:

        >>> from bargaining import StochasticGame
        >>> game = StochasticGame.from_functions(
        ...     range(4),
        ...     lambda stock: [range(stock // 2 + 1)] * 2,
        ...     lambda stock, taken: taken,
        ...     lambda stock, taken: {min(stock - sum(taken) + 1, 3): 1},
        ...     0.9,
        ... )
        >>> [game.shape(s) for s in range(4)]
        [(1, 1), (1, 1), (2, 2), (2, 2)]
        """
        grid = listed(states, "states", "a list of states")
        payoffs, chain, names = tabulate(grid, actions, payoff, transition)
        exits, labels = [*map(exit, grid)] if callable(exit) else exit, [*map(str, grid)]
        return cls(payoffs, chain, discounts, exit=exits, states=labels, actions=names, players=players)

    @classmethod
    def from_repeated(cls, game: RepeatedGame) -> StochasticGame:
        """Return a repeated game as a stochastic game of one state.

        Raises
        ------
        InvalidInput
            If `game` is a batch; take one of it with `game.at(index)`.
        """
        require_repeated(game)
        game.require_seen("StochasticGame.from_repeated")
        if game.batch_shape:
            raise InvalidInput(
                f"`game` must be a single game; got a batch {game.batch_shape}. Use `game.at(index)`."
            )
        return cls([game.game], [[1]], game._given, exit=game.exit)

    def __repr__(self) -> str:
        leave = ", with exit" if any(self.exits) else ""
        profiles = sum(len(game.payoffs.reshape(-1, self.players)) for game in self.games)
        names = self.player_names
        who = f"between {' and '.join(names)}" if are_given(names) else f"{self.players} players"
        return f"<StochasticGame, {counted(len(self.games), 'state')}, {who}, {counted(profiles, 'profile')}{leave}>"

    def _card(self) -> Card:
        """Return a row for each state."""
        rows = [
            [name, " x ".join(map(str, game.shape)), "no" if leave is None else f"by {brief(leave.who)}"]
            for name, game, leave in islice(
                zip(self.states, self.games, self.exits, strict=True), SHOWN * SHOWN
            )
        ]
        return Card(
            title=f"Stochastic game of {counted(len(self.games), 'state')}",
            heads=["state", "actions", "exit"],
            rows=rows,
            notes=[
                f"players {', '.join(self.player_names)}",
                f"discount factors {brief(self.discounts)}",
            ],
        )

    def __len__(self) -> int:
        return len(self.games)

    @property
    def players(self) -> int:
        """The number of players."""
        return self.games[0].players

    def shape(self, state: int) -> tuple[int, ...]:
        """Return the number of actions of each player in a state."""
        return self.games[index(state, "state", "state", len(self))].shape

    def transition(self, state: int) -> Floats:
        """Return the probabilities of the next state, shape (a_1, ..., a_n, S)."""
        shape = self.shape(state)
        return np.asarray(self._transitions[state].chances.toarray().reshape(*shape, len(self)))

    def exact_transition(self, state: int) -> Rationals:
        """Return `transition(state)` as Fractions that sum to one: the numbers given over their sum."""
        shape = self.shape(state)
        return self._transitions[state].exact().reshape(*shape, len(self))

    def transition_matrix(self) -> Any:
        """Return all probabilities as a sparse array: a row for each profile of state 0, then of state 1, ..."""
        from scipy.sparse import vstack

        return vstack([rows.chances for rows in self._transitions], format="csr")

    def _repeated(self) -> RepeatedGame:
        """Return a game of one state as a repeated game, with the discount factors as they were given."""
        return RepeatedGame(self.games[0], self._given, exit=self.exits[0])

    @property
    def exact_discounts(self) -> Rationals:
        """The discount factors as `Fraction`, shape (n,)."""
        return np.broadcast_to(fractions(self._given), (self.players,))

    @property
    def exit_own(self) -> Floats:
        """Each player's payoff from leaving in each state, shape (S, n); minus infinity where she may not leave."""
        nobody = np.full(self.players, -np.inf)
        return np.array([nobody if leave is None else leave.own for leave in self.exits])

    def with_discounts(self, discounts: ByPlayer) -> StochasticGame:
        """Return the same game with other discount factors.

        Parameters
        ----------
        discounts : array_like of shape (n,), or one number
            As for `StochasticGame`.

        Examples
        --------
        >>> from bargaining import Game, StochasticGame
        >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
        >>> StochasticGame.from_chain(prisoners, [[0.5, 0.5], [0, 1]], 0.3).with_discounts(0.9).discounts
        array([0.9, 0.9])
        """
        other = fill(copy(self), discounts=discounts_of(discounts, self.player_names))
        return fill(other, _given=np.array(ordered(discounts, "discounts", self.player_names)))

    @property
    def exogenous(self) -> NDArray[np.bool_]:
        """Whether transitions do not depend on actions, one entry per state."""
        return np.array([rows.alike() for rows in self._transitions])

    @property
    def absorbing(self) -> NDArray[np.bool_]:
        """Whether the state, once entered, never changes, one entry a state."""
        left, _ = moves(self._transitions)
        return np.isin(np.arange(len(self)), left, invert=True)

    @property
    def unreachable(self) -> tuple[int, ...]:
        """The states that no other state leads to: they matter only if play starts there."""
        _, entered = moves(self._transitions)
        return tuple(np.setdiff1d(np.arange(len(self)), entered).tolist()) if len(self) > 1 else ()

    def profile_name(self, state: int, profile: Profile) -> str:
        """Return a profile in words, for messages and tables: the actions' names, joined by commas."""
        game = self.games[index(state, "state", "state", len(self))]
        return profile_name(game, game.profile(profile))


def require_stochastic(game: Any) -> None:
    """Raise an error if `game` is not a `StochasticGame`."""
    if not isinstance(game, StochasticGame):
        cure = (
            " It is one of a single state: StochasticGame.from_repeated(game)."
            if isinstance(game, RepeatedGame)
            else ""
        )
        raise InvalidInput(f"`game` must be a StochasticGame; got {type(game).__name__}.{cure}")
