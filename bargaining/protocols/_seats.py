"""Names of players in protocols: parameters given by name are put into the order of the problem's players."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from bargaining._arrays import Floats, by_player, real
from bargaining._names import Names, are_given, carried, ordered, place, unique_names
from bargaining.division import Division
from bargaining.errors import InvalidInput, Status
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.problem import Problem

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Talks = TypeVar("Talks")


UNLABELLED = {"label": False}
"""Metadata of the field with a protocol's player names, which is left out of its label."""


def take_seats(protocol: Any, *parameters: str, player: str = "", count: int | None = None) -> None:
    """Put parameters given by name into one order, that of `players` or else of the first one, and store the names.

    `count` is how many players there are, where the protocol knows.
    """
    given = {name: getattr(protocol, name) for name in parameters}
    names = protocol.players
    for value in given.values():
        names = carried(value) if names is None else names
    who = getattr(protocol, player) if player else None
    if names is None:
        return
    for name, value in given.items():
        if (labels := carried(value)) is not None and len(labels) == 1:
            raise InvalidInput(
                f"`{name}` must have an entry for each player; got one for {labels[0]} alone. Add the others'."
            )
    if count is None:
        count = len(names) if hasattr(names, "__len__") else 0
        if not count and hasattr(names, "__len__"):
            raise InvalidInput(f"`players` must name at least two players; got {names!r}.")
    known = unique_names(names, "players", count)
    for name, value in given.items():
        if carried(value) is not None:
            object.__setattr__(protocol, name, ordered(value, name, known))
    if player:
        object.__setattr__(protocol, player, place(who, player, known))
    object.__setattr__(protocol, "players", known)


def seated(protocol: Talks, problem: Problem, *parameters: str, player: str = "") -> Talks:
    """Return the protocol for a problem's players in their order: itself, unless its own names say otherwise."""
    own: Names | None = cast("Any", protocol).players
    theirs = problem.player_names
    if own is None and player and isinstance(who := getattr(protocol, player), str):
        if not are_given(theirs):
            raise InvalidInput(
                f"`{player}` names {who!r}, but the players have no names; give the problem or the protocol "
                "players=[...]."
            )
        return replace(cast("Any", protocol), **{player: place(who, player, theirs)})  # type: ignore[no-any-return]
    if own is None or own == theirs or not are_given(theirs):
        return protocol
    if set(own) != set(theirs):
        raise InvalidInput(f"`problem` must be between {', '.join(own)}; got {', '.join(theirs)}.")
    order = [own.index(name) for name in theirs]
    changed: dict[str, Any] = {"players": theirs}
    for name in parameters:
        value = getattr(protocol, name)
        if isinstance(value, list | tuple):
            changed[name] = [value[k] for k in order]
        elif isinstance(value, np.ndarray) and value.ndim:
            changed[name] = value[..., order]
    if player:
        changed[player] = order.index(getattr(protocol, player))
    return replace(cast("Any", protocol), **changed)  # type: ignore[no-any-return]


def pie(problem: Problem | None, names: Names | None, *sizes: ArrayLike | None) -> Problem:
    """Return the problem, by default that of sharing 1; it gets the protocol's names if it has none.

    Sizes are parameters whose last axis, if any, has an entry per player; two players where none has.
    """
    if problem is None:
        counts = [np.shape(size)[-1] for size in sizes if size is not None and np.ndim(size)]
        players = len(names) if names is not None else max(counts, default=2)
        return Problem(TransferableSurplus(1.0, players=players), np.zeros(players), players=names)
    unnamed = names is not None and isinstance(problem, Problem) and not are_given(problem.player_names)
    return Problem(problem.feasible, problem.disagreement, players=names) if unnamed else problem


def claims(division: Division, protocol: Callable[[Problem], Division], problem: Problem) -> NDArray[np.int8]:
    """Return the status with which a check begins: OK where there are payoffs to judge.

    A claim that there is no answer stands where the protocol finds none either, and is INACCURATE elsewhere.
    """
    claim = np.asarray(division.status)
    judged = (claim == Status.OK) | (claim == Status.INACCURATE) | (claim == Status.DEGENERATE)
    status = np.where(claim == Status.INACCURATE, Status.OK, claim)
    if not judged.all():
        same = claim == np.asarray(protocol(problem).status)
        status = np.where(judged | same, status, Status.INACCURATE)
    return status.astype(np.int8)


def batch_of(problem: Problem, **parameters: Floats) -> tuple[int, ...]:
    """Return the shape of the batch of a problem and of parameters whose last axis holds players."""
    shape = problem.batch_shape
    for name, value in parameters.items():
        try:
            shape = np.broadcast_shapes(shape, value.shape[:-1])
        except ValueError:
            raise InvalidInput(
                f"`{name}` must broadcast against a batch of shape {shape}; got one of shape {value.shape[:-1]}."
            ) from None
    return shape


def exits(outside: Any, players: int, states: int | None = None) -> tuple[Floats, NDArray[np.bool_]]:
    """Return payoffs of leaving, 0 for a player who may not, and who may leave; None or -inf: not she.

    With `states` both have a row for each state, and players may have the same payoffs in all of them.
    """
    if outside is None:
        outside = (None,) * players
    if not isinstance(outside, np.ndarray) or outside.dtype.hasobject:
        outside = np.array(outside, dtype=object)
        outside = np.where(np.equal(outside, None), -np.inf, outside)  # type: ignore[call-overload]
    array = real(outside, "outside", finite=False)
    if states is None:
        array = by_player(array if array.ndim else np.broadcast_to(array, (players,)), "outside", players)
    elif array.shape not in ((players,), (states, players)):
        raise InvalidInput(
            f"`outside` must have shape ({players},) or ({states}, {players}), players last; got {array.shape}."
        )
    else:
        array = np.broadcast_to(array, (states, players))
    if (array == np.inf).any():
        raise InvalidInput("`outside` must be finite; got inf. Give None for a player who may not leave.")
    may = np.isfinite(array)
    return real(np.where(may, array, 0.0), "outside", payoffs=True), may
