"""Games of other libraries, known by the attributes that these document: none of them is imported."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from bargaining._arrays import short
from bargaining.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What was found: payoffs, one array a player, and the names that there were."""

    payoffs: tuple[Any, ...]
    actions: list[list[str]] | None = None
    players: list[str] | None = None


def read(game: Any) -> Read:
    """Return the payoffs and names of a game of nashpy, quantecon, pygambit or OpenSpiel."""
    if hasattr(game, "payoff_matrices"):  # nashpy.Game
        return Read(payoffs=tuple(game.payoff_matrices))
    if hasattr(game, "payoff_profile_array"):  # quantecon.game_theory.NormalFormGame
        table = np.asarray(game.payoff_profile_array)
        return Read(payoffs=tuple(np.moveaxis(table, -1, 0)))
    if hasattr(game, "to_arrays") and hasattr(game, "players"):  # pygambit.Game
        return _gambit(game)
    if hasattr(game, "num_rows") and hasattr(game, "row_utility"):  # pyspiel.MatrixGame
        return _matrix_game(game)
    if hasattr(game, "player_utility") and hasattr(game, "shape"):  # pyspiel.TensorGame
        return _tensor_game(game)
    raise InvalidInput(
        "`game` must be a Game, or a game of nashpy, quantecon (NormalFormGame), pygambit or OpenSpiel (MatrixGame, "
        f"TensorGame); got {short(game)}. From arrays make Game(A, B), from Gambit's text Game.from_nfg(text)."
    )


def is_foreign(game: Any) -> bool:
    """Whether this is a game that `read` knows."""
    return any(
        hasattr(game, name)
        for name in ("payoff_matrices", "payoff_profile_array", "to_arrays", "row_utility", "player_utility")
    )


def _gambit(game: Any) -> Read:
    """Read exact payoffs, and labels where each differs from the others."""
    players = list(game.players)
    names = [str(one.label) for one in players]
    actions = [[str(each.label) for each in one.strategies] for one in players]
    return Read(
        payoffs=tuple(np.asarray(table) for table in game.to_arrays()),
        actions=actions if all(map(_distinct, actions)) else None,
        players=names if _distinct(names) else None,
    )


def _distinct(names: list[str]) -> bool:
    return all(names) and len(set(names)) == len(names)


def _matrix_game(game: Any) -> Read:
    rows, columns = range(game.num_rows()), range(game.num_cols())
    tables = (
        np.array([[each(r, c) for c in columns] for r in rows])
        for each in (game.row_utility, game.col_utility)
    )
    names = [[str(game.row_action_name(r)) for r in rows], [str(game.col_action_name(c)) for c in columns]]
    return Read(payoffs=tuple(tables), actions=names if all(map(_distinct, names)) else None)


def _tensor_game(game: Any) -> Read:
    shape = tuple(game.shape())
    profiles = [list(profile) for profile in product(*map(range, shape))]
    tables = [
        np.array([game.player_utility(player, profile) for profile in profiles]).reshape(shape)
        for player in range(len(shape))
    ]
    return Read(payoffs=tuple(tables))
