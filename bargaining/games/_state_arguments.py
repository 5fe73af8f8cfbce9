"""Arguments of a stochastic game, checked state by state: messages name the state and the actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bargaining._arguments import is_sequence, listed
from bargaining._arrays import Floats, real
from bargaining._arrays import discounts as valid_discounts
from bargaining._names import Names, unique_names
from bargaining.errors import InvalidInput
from bargaining.games._transitions import Transitions, block, stack
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, between

Exits = Exit | Sequence[Exit | None] | None


def profile_name(game: Game, profile: Sequence[int]) -> str:
    """Return the names of the actions, joined by commas."""
    return ", ".join(own[action] for own, action in zip(game.actions, profile, strict=True))


def state_names(payoffs: Any, transitions: Any, states: Names | None) -> tuple[str, ...]:
    """Return the names of the states, having checked that payoffs and transitions go state by state."""
    for name, value in (("payoffs", payoffs), ("transitions", transitions)):
        if not is_sequence(value):
            raise InvalidInput(
                f"`{name}` must be a sequence with one entry a state; got a {type(value).__name__}."
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
    """Return the action names state by state: names for all states are strings two levels down."""
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
) -> Transitions:
    """Return all rows of probabilities, checked."""

    def words(s: int) -> Callable[[int], str]:
        def where(row: int) -> str:
            profile = [int(k) for k in np.unravel_index(row, games[s].shape)]
            return f"in state {names[s]} at actions ({profile_name(games[s], profile)})"

        return where

    return stack(
        [
            block(value, f"transitions[{s}]", games[s].shape, len(games), words(s))
            for s, value in enumerate(transitions)
        ]
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
