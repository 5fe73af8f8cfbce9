"""A stochastic game on a grid of states: payoffs and transitions tabulated from functions."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import function, listed
from bargaining._arrays import returned
from bargaining.errors import InvalidInput


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
        row[index[following]] += probability
    return row
