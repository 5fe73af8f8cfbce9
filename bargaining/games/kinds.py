"""The kinds of games whose equilibrium payoffs can be computed, one row each.

`payoff_set`, `certify`, `plot`, `read_description` and the command `bargaining solve` use this table. How games and
results print is decided by `Shown`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

Named = str | type | Callable[..., Any]
"""A class or function, or its ``"module:name"``, imported on use, so that a row may refer to a higher layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GameKind:
    """The entry of one kind of game; functions and classes may be named as "module:name"."""

    game: Named  # the class of the games
    payoffs: Named  # the function of a game, with the keywords `tolerance` and `budget` if these may be given
    result: Named  # the class of its results
    certificate: Named | None = None  # the function of a result, with `tolerance` and `budget`
    picture: Named | None = None  # the function of a result and axes that draws it
    table: str = ""  # the table of a TOML or JSON file that describes a game; none if empty
    reader: Named = (
        ""  # makes a game from that table, a mapping, and from the stage game in the table `game` or None
    )
    answers: Named | None = None  # the tables of `bargaining solve` for a game, methods by name and a title


_REPEATED = GameKind(
    game="bargaining.games.repeated:RepeatedGame",
    payoffs="bargaining.equilibria.repeated.payoff_set:repeated_payoff_set",
    result="bargaining.equilibria.repeated.payoff_set:PayoffSet",
    certificate="bargaining.exact.set_certificate:certify_sets",
    table="repeated",
    reader="bargaining.descriptions:repeated_game",
    answers="bargaining.cli.answers:repeated_answers",
)
_STOCHASTIC = GameKind(
    game="bargaining.games.stochastic:StochasticGame",
    payoffs="bargaining.equilibria.stochastic.payoff_sets:stochastic_payoff_sets",
    result="bargaining.equilibria.stochastic.payoff_sets:StochasticPayoffSets",
    certificate=_REPEATED.certificate,
)
_KINDS = [
    _REPEATED,
    replace(_REPEATED, result="bargaining.equilibria.repeated.public:PublicPayoffSet", table=""),
    replace(_REPEATED, result="bargaining.equilibria.payoff_set:PayoffBounds", table=""),
    _STOCHASTIC,
    replace(_STOCHASTIC, result="bargaining.equilibria.payoff_set:StochasticPayoffBounds"),
]


def register(kind: GameKind) -> None:
    """Add a kind of game; a later row takes precedence over an earlier one.

    Examples
    --------
    >>> from bargaining import payoff_set
    >>> class Ultimatum:
    ...     pie = 3.0
    >>> register(GameKind(game=Ultimatum, payoffs=lambda game: (game.pie, 0.0), result=tuple))
    >>> payoff_set(Ultimatum())
    (3.0, 0.0)
    >>> forget(Ultimatum)
    """
    _KINDS.insert(0, kind)


def forget(game: type) -> None:
    """Drop the rows of a class of games."""
    _KINDS[:] = [kind for kind in _KINDS if _name(kind.game) != _name(game)]


def kind_of(item: Any, role: str) -> GameKind | None:
    """Return the row of an object's class, given as `game` or `result`; None if there is none."""
    names = {f"{each.__module__}:{each.__qualname__}" for each in type(item).__mro__}
    return next((kind for kind in _KINDS if _name(getattr(kind, role)) in names), None)


def described() -> dict[str, GameKind]:
    """Return the rows of games that a file can describe, by the name of the table."""
    return {kind.table: kind for kind in reversed(_KINDS) if kind.table}


def known(role: str, ability: str = "game") -> list[str]:
    """Return the names of the classes of all rows, or of those that have an ability, such as "certificate"."""
    named = [getattr(kind, role) for kind in _KINDS if getattr(kind, ability)]
    return list(dict.fromkeys(_name(each).rpartition(":")[2] for each in named))


def loaded(named: Named) -> Any:
    """Return the class or function that a row refers to."""
    if not isinstance(named, str):
        return named
    module, _, name = named.partition(":")
    return getattr(import_module(module), name)


def _name(named: Any) -> str:
    return named if isinstance(named, str) else f"{named.__module__}:{named.__qualname__}"
