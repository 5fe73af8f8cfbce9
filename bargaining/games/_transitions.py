"""Checks of the arguments of a stochastic game, state by state, and tables of those given as functions.

Transitions have one sparse row for each state and action profile. Messages name the state and the actions.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from fractions import Fraction
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import function, is_sequence, listed
from bargaining._arrays import Floats, real, returned
from bargaining._arrays import discounts as valid_discounts
from bargaining._names import Names, unique_names
from bargaining._rational import Rationals, fractions
from bargaining.errors import InvalidInput, with_article
from bargaining.games.normal_form import Game, profile_name
from bargaining.games.repeated import Exit, between

Where = Callable[[int], str]  # the number of a row within its state -> "in state ... at actions ..."

_TOLERANCE = 1e-9  # tolerance for sums of probabilities: the error of probabilities printed with six decimals


class Rows(NamedTuple):
    """The transitions of one state: a row for each profile, in the order of the arrays."""

    chances: Any
    """Probabilities of the next states, each row summing to one: a sparse array."""
    given: NDArray[Any]
    """Its data as they were given."""

    def exact(self) -> Rationals:
        """Return the rows as Fractions that sum to one: the numbers given over their sum."""
        out = np.full(self.chances.shape, Fraction(0), dtype=object)
        out[self.chances.tocoo().row, self.chances.indices] = fractions(self.given)
        rationals: Rationals = out / out.sum(axis=1, keepdims=True)
        return rationals

    def alike(self) -> bool:
        """Whether all rows are equal."""
        first = self.chances[np.zeros(self.chances.shape[0], dtype=np.intp)]
        return not abs(self.chances - first).max() > 0


def moves(states: Sequence[Rows]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the pairs of a state and another state that may follow, one for each profile after which it may."""
    parts = [rows.chances.tocoo() for rows in states]
    origin = np.repeat(np.arange(len(states)), [part.nnz for part in parts])
    target = np.concatenate([part.col for part in parts])
    moving = (np.concatenate([part.data for part in parts]) > 0) & (origin != target)
    return origin[moving], target[moving]


def rows_of(value: Any, name: str, shape: tuple[int, ...], states: int, where: Where) -> Rows:
    """Check the transitions of one state and return them row by row.

    Parameters
    ----------
    value : array_like of shape (a_1, ..., a_n, S) or (S,), or sparse matrix of shape (profiles, S) or (1, S)
        Probabilities of the next state; one row alone is for every profile.
    name : str
        The argument, for messages.
    shape : tuple of int
        The number of actions of each player in this state.
    states : int
        The number of states, S.
    where : callable
        Says in words which state and actions a row belongs to.
    """
    from scipy.sparse import csr_array

    size = int(np.prod(shape))
    if hasattr(value, "tocsr"):
        _check(value.shape, ((size, states), (1, states)), name)
        matrix = csr_array(value, copy=True)
        matrix.sum_duplicates()
        given = matrix.data
        if matrix.nnz:
            real(given, name)
        matrix = matrix.astype(np.float64)
    else:
        checked = real(value, name)
        _check(checked.shape, ((*shape, states), (states,)), name)
        matrix = csr_array(checked.reshape(-1, states))
        given = np.asarray(value).reshape(matrix.shape)[matrix.nonzero()]
    owner, chances = matrix.tocoo().row, matrix.data
    if (chances < 0).any():
        entry = int(np.argmax(chances < 0))
        raise InvalidInput(
            f"`transitions` must be probabilities; {where(int(owner[entry]))} state {matrix.indices[entry]} "
            f"follows with {chances[entry]:g}."
        )
    total = np.bincount(owner, chances, minlength=matrix.shape[0])
    off = np.abs(total - 1.0) > _TOLERANCE
    if off.any():
        row = int(np.argmax(off))
        raise InvalidInput(
            f"`transitions` must sum to 1 over the next state; {where(row)} they sum to {total[row]:.10g}. "
            "Add what is missing or divide by the sum."
        )
    matrix.data = chances / total[owner]
    repeats = size // matrix.shape[0]
    return Rows(matrix[np.arange(size) // repeats], np.tile(given, repeats))


def _check(shape: tuple[int, ...], allowed: tuple[tuple[int, ...], ...], name: str) -> None:
    if tuple(shape) not in allowed:
        wanted = " or ".join(map(str, allowed))
        raise InvalidInput(f"`{name}` must have shape {wanted}, the next state last; got {tuple(shape)}.")


Exits = Exit | Sequence[Exit | None] | None


def state_names(payoffs: Any, transitions: Any, states: Names | None) -> tuple[str, ...]:
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


def games_by_state(
    payoffs: Sequence[Any], names: tuple[str, ...], actions: Sequence[Any] | None
) -> tuple[Game, ...]:
    """Return the stage games, for the same players in every state."""
    own = _action_names(actions, len(payoffs))
    games = tuple(_game(entry, s, names[s], own[s]) for s, entry in enumerate(payoffs))
    for name, game in zip(names, games, strict=True):
        if game.players != games[0].players:
            raise InvalidInput(
                f"`payoffs` must be for the same players in every state; state {name} has {game.players}, "
                f"state {names[0]} has {games[0].players}."
            )
    return games


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


def _game(entry: Any, state: int, name: str, actions: Any) -> Game:
    if isinstance(entry, Game):
        if actions is None:
            return entry
        return Game(*entry._given, actions=actions, players=entry.player_names if entry.has_names else None)
    table = real(entry, f"payoffs[{state}]")
    if table.ndim < 2 or table.shape[-1] != table.ndim - 1:
        raise InvalidInput(
            f"`payoffs` must have shape (a_1, ..., a_n, n) in every state, players last; "
            f"state {name} has {table.shape}."
        )
    given = np.asarray(entry)
    return Game(*(given[..., i] for i in range(table.shape[-1])), actions=actions)


def players_of(games: Sequence[Game], players: Names | None) -> tuple[str, ...]:
    """Return the names given, or else those of the stage games, which must agree."""
    named = {game.player_names: None for game in games if game.has_names}
    if players is None and len(named) > 1:
        raise InvalidInput(
            f"`payoffs` must be games between the same players in every state; got {' and '.join(map(str, named))}."
        )
    given = next(iter(named), None) if players is None else players
    return unique_names(given, "players", games[0].players)


def exits_by_state(
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


def transitions_by_state(
    transitions: Sequence[Any], games: tuple[Game, ...], names: tuple[str, ...]
) -> tuple[Rows, ...]:
    """Return the rows of probabilities of each state, checked."""

    def words(s: int) -> Where:
        def where(row: int) -> str:
            profile = [int(k) for k in np.unravel_index(row, games[s].shape)]
            return f"in state {names[s]} at actions ({profile_name(games[s], profile)})"

        return where

    return tuple(
        rows_of(value, f"transitions[{s}]", games[s].shape, len(games), words(s))
        for s, value in enumerate(transitions)
    )


def chain_by_state(transition: Any) -> list[Any]:
    """Return the rows of a square matrix, one a state."""
    if hasattr(transition, "tocsr"):
        matrix = transition.tocsr()
        shape, rows = matrix.shape, [matrix[[k]] for k in range(matrix.shape[0])]
    else:
        shape, rows = real(transition, "transition", ndim=2).shape, list(np.asarray(transition))
    if shape[0] != shape[1]:
        raise InvalidInput(f"`transition` must be square, a row for each state; got shape {shape}.")
    return rows


def discounts_of(discounts: Any, names: Names) -> Floats:
    """Return the discount factor of every player; a stochastic game has no batch."""
    players, valid = len(names), valid_discounts(discounts, names)
    if valid.ndim > 1:
        raise InvalidInput(
            f"`discounts` must have one entry per player ({players}); got shape {valid.shape}. "
            "A stochastic game has no batch: build one for each row."
        )
    return valid


def tabulate(
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
        payoffs.append(_payoffs([payoff(state, profile) for profile in profiles], shape, state))
        rows = [_row(transition(state, profile), index, state, profile) for profile in profiles]
        chain.append(np.array(rows).reshape(*shape, len(states)))
        names.append([[str(action) for action in choices] for choices in own])
    return payoffs, chain, names


def _payoffs(rows: list[Any], shape: tuple[int, ...], state: Any) -> NDArray[Any]:
    """Return the payoffs of all profiles of a state as one array."""
    players = len(shape)
    for row in rows:
        if returned(row, "payoff").shape != (players,):
            raise InvalidInput(
                f"`payoff` must return {players} numbers; in state {state} it returned {row!r}."
            )
    if not rows:
        raise InvalidInput(f"`actions` must give every player an action; state {state} has {shape} of them.")
    return np.array(rows).reshape(*shape, players)


def _row(value: Any, index: Mapping[Any, int], state: Any, profile: tuple[Any, ...]) -> list[Any]:
    """Return the probabilities of the next state as a list over the grid."""
    if not isinstance(value, Mapping):
        row = list(np.asarray(value).ravel().tolist())
        if len(row) != len(index):
            raise InvalidInput(
                f"`transition` must return a mapping or {len(index)} numbers; in state {state} at {profile} "
                f"it returned {value!r}."
            )
        return row
    row = [0] * len(index)
    for following, probability in value.items():
        if following not in index:
            raise InvalidInput(
                f"`transition` must lead to one of `states`; in state {state} at {profile} it leads to {following!r}."
            )
        if returned(probability, "transition").ndim:
            raise InvalidInput(
                f"`transition` must return a number for each next state; in state {state} at {profile} "
                f"it returned {value!r}."
            )
        row[index[following]] += probability
    return row
