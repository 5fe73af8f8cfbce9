"""A game whose stage game depends on a state that the players' actions may change, with a right to leave."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from copy import copy
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import function, index, is_sequence, listed
from bargaining._arrays import ArrayLike, ByPlayer, Floats, fill, real, record, returned
from bargaining._arrays import discounts as valid_discounts
from bargaining._names import Names, are_given, ordered, unique_names
from bargaining._rational import Rationals, fractions
from bargaining._rich import Shown, counted
from bargaining.errors import InvalidInput, with_article
from bargaining.games.normal_form import Game, Profile, profile_name
from bargaining.games.repeated import Exit, RepeatedGame, between, require_repeated

Exits = Exit | Sequence[Exit | None] | None

_TOLERANCE = 1e-9  # tolerance for sums of probabilities: the error of probabilities printed with six decimals


@record(init=False, repr=False)
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
    _chances: tuple[tuple[Floats, NDArray[Any]], ...]
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
        names = _state_names(payoffs, transitions, states)
        games = _games_by_state(payoffs, names, actions)
        who = _players_of(games, players)
        fill(self, games=games, states=names, player_names=who, discounts=_discounts_of(discounts, who))
        fill(self, exits=_exits_by_state(exit, names, who))
        fill(self, _chances=tuple(_chances_of(value, s, self) for s, value in enumerate(transitions)))
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
        chain = _chain_by_state(transition)
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
        payoffs, chain, names = _tabulate(grid, actions, payoff, transition)
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
        return np.broadcast_to(self._chances[state][0], (*shape, len(self)))

    def exact_transition(self, state: int) -> Rationals:
        """Return `transition(state)` as Fractions that sum to one: the numbers given over their sum."""
        shape = self.shape(state)
        exact = fractions(self._chances[state][1])
        return np.broadcast_to(exact / exact.sum(axis=-1, keepdims=True), (*shape, len(self)))

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
        other = fill(copy(self), discounts=_discounts_of(discounts, self.player_names))
        return fill(other, _given=np.array(ordered(discounts, "discounts", self.player_names)))

    @property
    def exogenous(self) -> NDArray[np.bool_]:
        """Whether transitions do not depend on actions, one entry per state."""
        return np.array(
            [bool((chances == chances.reshape(-1, len(self))[0]).all()) for chances, _ in self._chances]
        )

    @property
    def absorbing(self) -> NDArray[np.bool_]:
        """Whether the state, once entered, never changes, one entry a state."""
        return np.asarray(~self._moves().any(axis=1))

    @property
    def unreachable(self) -> tuple[int, ...]:
        """The states that no other state leads to: they matter only if play starts there."""
        return tuple(np.flatnonzero(~self._moves().any(axis=0)).tolist()) if len(self) > 1 else ()

    def _moves(self) -> NDArray[np.bool_]:
        """Return whether a state may be followed by another state, shape (S, S)."""
        after = np.array([(chances > 0).reshape(-1, len(self)).any(axis=0) for chances, _ in self._chances])
        return np.asarray(after & ~np.eye(len(self), dtype=bool))

    def profile_name(self, state: int, profile: Profile) -> str:
        """Return a profile in words, for messages and tables: the actions' names, joined by commas."""
        game = self.games[index(state, "state", "state", len(self))]
        return profile_name(game, game.profile(profile))


def require_stochastic(game: Any) -> None:
    """Raise an error if `game` is not a `StochasticGame`."""
    if not isinstance(game, StochasticGame):
        cure = " It is one of a single state: StochasticGame.from_repeated(game)."
        cure = cure if isinstance(game, RepeatedGame) else ""
        raise InvalidInput(f"`game` must be a StochasticGame; got {type(game).__name__}.{cure}")


def _chances_of(value: Any, state: int, game: StochasticGame) -> tuple[Floats, NDArray[Any]]:
    """Check the transitions of one state; return its probabilities of the next state, and the numbers as given.

    They have shape (a_1, ..., a_n, S), or (S,) where one row is for every profile.
    """
    stage, states, name = game.games[state], len(game), f"transitions[{state}]"
    allowed = [(*stage.shape, states), (states,)]
    if hasattr(value, "tocsr"):
        allowed, value = [(stage.payoffs[..., 0].size, states), (1, states)], value.toarray()
    chances, given = real(value, name), np.asarray(value)
    if chances.shape not in allowed:
        wanted = " or ".join(map(str, allowed))
        raise InvalidInput(f"`{name}` must have shape {wanted}, the next state last; got {chances.shape}.")
    shape = (*stage.shape, states) if chances.size == stage.payoffs[..., 0].size * states else (states,)
    chances, given = chances.reshape(shape), given.reshape(shape)
    total = np.asarray(chances.sum(axis=-1))

    def where(profile: tuple[int, ...]) -> str:
        played = profile_name(stage, profile or (0,) * stage.players)
        return f"in state {game.states[state]} at actions ({played})"

    for *profile, following in np.argwhere(chances < 0)[:1].tolist():
        raise InvalidInput(
            f"`transitions` must be probabilities; {where(tuple(profile))} state {following} "
            f"follows with {chances[*profile, following]:g}."
        )
    for profile in np.argwhere(np.abs(total - 1.0) > _TOLERANCE)[:1].tolist():
        raise InvalidInput(
            f"`transitions` must sum to 1 over the next state; {where(tuple(profile))} they sum to "
            f"{total[*profile]:.10g}. Add what is missing or divide by the sum."
        )
    return chances / total[..., None], given


def _state_names(payoffs: Any, transitions: Any, states: Names | None) -> tuple[str, ...]:
    """Return the names of the states, after checking that payoffs and transitions have one entry per state."""
    for name, value in (("payoffs", payoffs), ("transitions", transitions)):
        if not is_sequence(value):
            raise InvalidInput(
                f"`{name}` must be a sequence with one entry a state; got {with_article(value)}."
            )
    if not len(payoffs) or len(payoffs) != len(transitions):
        raise InvalidInput(
            f"`payoffs` and `transitions` must have one entry a state each; got {len(payoffs)} and {len(transitions)}."
        )
    return unique_names(states, "states", len(payoffs))


def _games_by_state(
    payoffs: Sequence[Any], names: tuple[str, ...], actions: Sequence[Any] | None
) -> tuple[Game, ...]:
    """Return the stage games, for the same players in every state."""
    games: list[Game] = []
    for s, (entry, own) in enumerate(zip(payoffs, _action_names(actions, len(payoffs)), strict=True)):
        if isinstance(entry, Game):
            who = entry.player_names if entry.has_names else None
            games.append(entry if own is None else Game(*entry._given, actions=own, players=who))
            continue
        shape = real(entry, f"payoffs[{s}]").shape
        if len(shape) < 2 or shape[-1] != len(shape) - 1:
            raise InvalidInput(
                f"`payoffs` must have shape (a_1, ..., a_n, n) in every state, players last; "
                f"state {names[s]} has {shape}."
            )
        games.append(Game(*np.moveaxis(np.asarray(entry), -1, 0), actions=own))
    for name, game in zip(names, games, strict=True):
        if game.players != games[0].players:
            raise InvalidInput(
                f"`payoffs` must be for the same players in every state; state {name} has {game.players}, "
                f"state {names[0]} has {games[0].players}."
            )
    return tuple(games)


def _action_names(actions: Sequence[Any] | None, states: int) -> Sequence[Any]:
    """Return the action names of each state; names that are strings at the second level are for all states."""
    if actions is None:
        return [None] * states
    try:
        shared = all(isinstance(name, str) for own in actions for name in own)
    except TypeError:
        raise InvalidInput(f"`actions` must be sequences of names; got {actions!r}.") from None
    if not shared and len(actions) != states:
        raise InvalidInput(f"`actions` must have one entry a state ({states}); got {len(actions)}.")
    return [actions] * states if shared else actions


def _players_of(games: Sequence[Game], players: Names | None) -> tuple[str, ...]:
    """Return the names given, or else those of the stage games, which must agree."""
    named = {game.player_names: None for game in games if game.has_names}
    if players is None and len(named) > 1:
        raise InvalidInput(
            f"`payoffs` must be games between the same players in every state; got {' and '.join(map(str, named))}."
        )
    given = next(iter(named), None) if players is None else players
    return unique_names(given, "players", games[0].players)


def _exits_by_state(
    value: Any, names: tuple[str, ...], player_names: tuple[str, ...]
) -> tuple[Exit | None, ...]:
    """Return the right to leave in each state."""
    states, players = len(names), len(player_names)
    if isinstance(value, Exit) and value.batch_shape:
        if value.batch_shape != (states,):
            raise InvalidInput(
                f"`exit` must hold one row of payoffs, or one a state ({states}); got a batch {value.batch_shape}."
            )
        value = [value.at((s,)) for s in range(states)]
    each = (
        [value] * states
        if value is None or isinstance(value, Exit)
        else listed(value, "exit", "a list of Exit or None")
    )
    if len(each) != states:
        raise InvalidInput(f"`exit` must have one entry a state ({states}); got {len(each)}.")
    for name, leave in zip(names, each, strict=True):
        if leave is not None and not (isinstance(leave, Exit) and not leave.batch_shape):
            raise InvalidInput(f"`exit` must be a single Exit or None in state {name}; got {leave!r}.")
        if leave is not None and leave.players != players:
            raise InvalidInput(
                f"`exit` must have payoffs for {players} players; state {name} has {leave.players}."
            )
    return tuple(None if leave is None else between(leave, player_names) for leave in each)


def _chain_by_state(transition: Any) -> list[Any]:
    """Return the rows of a square matrix, one a state."""
    rows = transition.toarray() if hasattr(transition, "tocsr") else transition
    shape = real(rows, "transition", ndim=2).shape
    if shape[0] != shape[1]:
        raise InvalidInput(f"`transition` must be square, a row for each state; got shape {shape}.")
    return list(np.asarray(rows))


def _discounts_of(discounts: Any, names: Names) -> Floats:
    """Return the discount factor of every player; a stochastic game has no batch."""
    players, valid = len(names), valid_discounts(discounts, names)
    if valid.ndim > 1:
        raise InvalidInput(
            f"`discounts` must have one entry per player ({players}); got shape {valid.shape}. "
            "A stochastic game has no batch: build one for each row."
        )
    return valid


def _tabulate(
    states: Sequence[Hashable],
    actions: Callable[[Any], Sequence[Sequence[Any]]] | Sequence[Sequence[Any]],
    payoff: Callable[[Any, tuple[Any, ...]], Any],
    transition: Callable[[Any, tuple[Any, ...]], Any],
) -> tuple[list[NDArray[Any]], list[NDArray[Any]], list[list[list[str]]]]:
    """Return the payoffs, the probabilities of the next state and the names of the actions, one entry a state."""
    function(payoff, "payoff", "a state and the actions")
    function(transition, "transition", "a state and the actions")
    if not all(isinstance(state, Hashable) for state in states):
        raise InvalidInput(f"`states` must be hashable; got {states!r}. Write lists as tuples.")
    index = {state: k for k, state in enumerate(states)}
    if len(index) < len(states) or not states:
        raise InvalidInput(f"`states` must be different from each other, one at least; got {states!r}.")
    payoffs, chain, names = [], [], []
    for state in states:
        given = listed(
            actions(state) if callable(actions) else actions, "actions", "a list of lists of actions"
        )
        own = [listed(choices, "actions", "a list of lists of actions") for choices in given]
        shape = tuple(map(len, own))
        profiles = list(product(*own))
        if not profiles:
            raise InvalidInput(
                f"`actions` must give every player an action; state {state} has {shape} of them."
            )
        values = [payoff(state, profile) for profile in profiles]
        for value in values:
            if returned(value, "payoff").shape != (len(shape),):
                raise InvalidInput(
                    f"`payoff` must return {len(shape)} numbers; in state {state} it returned {value!r}."
                )
        payoffs.append(np.array(values).reshape(*shape, len(shape)))
        rows = [
            _row(transition(state, profile), index, f"in state {state} at {profile}") for profile in profiles
        ]
        chain.append(np.array(rows).reshape(*shape, len(states)))
        names.append([[str(action) for action in choices] for choices in own])
    return payoffs, chain, names


def _row(value: Any, index: Mapping[Any, int], where: str) -> list[Any]:
    """Return the probabilities of the next state as a list over the grid."""
    if not isinstance(value, Mapping):
        row = np.asarray(value).ravel().tolist()
        if len(row) != len(index):
            raise InvalidInput(
                f"`transition` must return a mapping or {len(index)} numbers; {where} it returned {value!r}."
            )
        return row
    row = [0] * len(index)
    for following, probability in value.items():
        if following not in index:
            raise InvalidInput(
                f"`transition` must lead to one of `states`; {where} it leads to {following!r}."
            )
        if returned(probability, "transition").ndim:
            raise InvalidInput(
                f"`transition` must return a number for each next state; {where} it returned {value!r}."
            )
        row[index[following]] += probability
    return row
