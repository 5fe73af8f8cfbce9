"""The tables that `bargaining solve` prints for a problem, a game or a repeated game."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from inspect import Parameter, isclass, isfunction, signature
from typing import Any

import bargaining
from bargaining import (
    Column,
    Description,
    Division,
    Game,
    InvalidInput,
    Method,
    NotApplicable,
    Problem,
    RepeatedGame,
    Table,
    compare,
)
from bargaining._arrays import short
from bargaining._names import are_given
from bargaining._rich import brief
from bargaining.cli.options import pick
from bargaining.descriptions import MethodCall
from bargaining.games.kinds import kind_of, loaded

# As many digits as in files; a power of ten without limit would fill the memory.
_WEIGHT = re.compile(
    r"[+-]?(\d{1,40}(/\d{1,40})?|(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,2})?)", re.ASCII
)
_EXAMPLES = {"p": "2", "player": "0", "reference": "[0.5, 0.5]"}
"""Parameters as a file writes them; the others are discount factors and probabilities."""
_LISTED = 8  # more probabilities in a row would be unreadable


def concepts() -> dict[str, Method]:
    """Return the solution concepts that need only a problem, by name."""
    return {name: item for name, item in _solutions() if not _required(item)}


def concepts_with_parameters() -> dict[str, Method]:
    """Return the solution concepts that need a parameter, which a file gives, by name."""
    return {name: item for name, item in _solutions() if _required(item)}


def protocols() -> dict[str, Any]:
    """Return the protocols that divide a problem, by name; each is called with its parameters first."""
    return {name: item for name, item in _defined_in("protocols") if _divides(item)}


def weights_of(texts: Sequence[str]) -> list[Fraction] | None:
    """Read weights given on the command line, as in ``1/3 2/3``; None if there are none."""
    try:
        if all(map(_WEIGHT.fullmatch, texts)):
            return [Fraction(text) for text in texts] or None
    except ZeroDivisionError:
        pass
    raise InvalidInput(
        f"`--weights` must be numbers or fractions of at most 40 digits, one a player; got {short(list(texts))}."
    )


def _defined_in(room: str) -> Iterator[tuple[str, Any]]:
    for name, module in bargaining._EXPORTS.items():
        if module.startswith(f"bargaining.{room}."):
            yield name, getattr(bargaining, name)


def _solutions() -> Iterator[tuple[str, Any]]:
    for name, item in _defined_in("concepts"):
        if _is_concept(item):
            yield name, item


def _is_concept(item: Any) -> bool:
    return isfunction(item) and signature(item).return_annotation in (Division, "Division")


def _divides(item: Any) -> bool:
    """Whether this is a protocol that divides a problem."""
    return isclass(item) and "__call__" in vars(item) and "problem" in signature(item.__call__).parameters


def _named(name: str) -> Any:
    """Return a concept or a protocol, importing others only if there is none of that name, to suggest one."""
    if bargaining._EXPORTS.get(name, "").startswith(("bargaining.concepts.", "bargaining.protocols.")):
        item = getattr(bargaining, name)
        if _is_concept(item) or _divides(item):
            return item
    known = {**concepts(), **concepts_with_parameters(), **protocols()}
    return pick(known, name, "method", "bargaining methods")


def _required(item: Any) -> list[str]:
    """Return the parameters that must be given beside the problem."""
    form = signature(item).parameters.items()
    return [name for name, p in form if p.default is Parameter.empty and name != "problem"]


def answers(
    description: Description, methods: Sequence[str] = (), *, weights: Sequence[Fraction] | None = None
) -> list[Table]:
    """Return the tables that answer a description.

    For a problem there is one row per concept. For a game there are its equilibria, and the payoffs that each player
    can secure or get by threats; concepts that are named are applied to the hull of its payoffs, with the secured
    payoffs as disagreement point. For a repeated game there are the corners of its payoff set, and the concepts are
    applied to that set, with its threat as disagreement point. Concepts are by default those that the description
    names, or else all that apply; weights are for those that take them and have none there.
    """
    calls = [MethodCall(name=name) for name in methods] or list(description.calls)
    subject = description.subject
    players = getattr(subject, "player_names", ())
    if weights is not None and players and len(weights) != len(players):
        raise InvalidInput(
            f"`--weights` must be one number a player ({len(players)}); got {len(weights)}. Give all, as in "
            f"--weights {' '.join(['1/2', '1/2', *['1'] * (len(players) - 2)])}."
        )
    named = dict(_method(call, weights) for call in calls)
    if isinstance(subject, Game):
        return _game(subject, named, description.title)
    named = named or dict(_method(MethodCall(name=name), weights) for name in concepts())
    if isinstance(subject, Problem):
        return [replace(compare(named, subject), caption=description.title)]
    kind = kind_of(subject, "game")
    if kind is None or kind.answers is None:
        raise NotApplicable(f"There is no answer to print for a {type(subject).__name__}.")
    tables: list[Table] = loaded(kind.answers)(subject, named, description.title)
    return tables


def _method(call: MethodCall, weights: Sequence[Fraction] | None) -> tuple[str, Method]:
    """Return a method with its parameters, and the heading of its row."""
    item = _named(call.name)
    given = dict(call.parameters)
    takes = signature(item).parameters
    if weights is not None and "weights" in takes and "weights" not in given:
        given["weights"] = weights
    if unknown := [name for name in given if name not in takes or name == "problem"]:
        others = ", ".join(name for name in takes if name != "problem") or "none"
        raise InvalidInput(f"`methods` gives {call.name} a parameter {unknown[0]!r}; it takes {others}.")
    label = call.name + (f"({', '.join(f'{k}={_shown(v)}' for k, v in given.items())})" if given else "")
    if missing := [name for name in _required(item) if name not in given]:
        example = _EXAMPLES.get(missing[0], "0.9")
        raise InvalidInput(
            f"`methods` must give {call.name} its `{missing[0]}`, as in "
            f'{{name = "{call.name}", {missing[0]} = {example}}} in the file.'
        )
    if _divides(item):
        return label, item(**given)
    return label, partial(item, **given) if given else item


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {_shown(one)}' for name, one in value.items())}}}"
    return f"[{', '.join(map(_shown, value))}]" if isinstance(value, list) else str(value)


def repeated_answers(game: RepeatedGame, methods: Mapping[str, Method], title: str) -> list[Table]:
    """Return the corners of the payoff set, and divisions of that set."""
    from bargaining import payoff_set

    found = payoff_set(game)
    corners = Table(
        [dict(zip(game.player_names, map(float, vertex), strict=True)) for vertex in found.vertices],
        columns=_payoffs_of(game),
        caption=f"{title}: corners of the set of equilibrium payoffs",
        notes={
            "Payoffs": "average per period in subgame-perfect equilibrium, with a public signal before every period",
            "Threat": ", ".join(f"{x:.6g}" for x in found.threat) if len(found.vertices) else "none",
            "Status": f"{found.status.name.lower()}. {found.reason}".strip(),
            "Error at most": found.stats.bound,
            "Version": f"bargaining {bargaining.__version__}",
        },
    )
    if not len(found.vertices):
        return [corners]
    division = compare(methods, found.problem())
    return [corners, replace(division, caption=f"{title}: divisions of that set, from its threat")]


def _game(game: Game, methods: Mapping[str, Method], title: str) -> list[Table]:
    tables = [_equilibria(game, title), _levels(game, title)]
    if methods:
        divided = compare(methods, game.problem(game.minmax()))
        tables.append(
            replace(
                divided,
                caption=f"{title}: divisions of the hull of its payoffs, from the minmax in pure actions",
            )
        )
    return tables


def _equilibria(game: Game, title: str) -> Table:
    from bargaining import stage_equilibria

    found = stage_equilibria(game)
    rows = [
        [
            *(_mixture(strategy, own) for strategy, own in zip(profile, game.actions, strict=True)),
            *map(float, payoffs),
        ]
        for profile, payoffs in zip(found.exact, found.payoffs, strict=True)
    ]
    of_player = "" if are_given(game.player_names) else " of player"
    groups = [(f"{group}{of_player}", name) for group in ("strategy", "payoff") for name in game.player_names]
    return Table(
        rows,
        columns=[Column(f"{group} {player}", title=player, group=group) for group, player in groups],
        caption=f"{title}: equilibria",
        notes={
            "Strategies": _spelled(game),
            "Complete": "not proved"
            if not found.complete
            else "yes"
            if found.finite
            else "yes, in extreme equilibria; the others mix these",
            "Largest regret": brief(max(found.regret)) if found.regret else "none",
            "Version": f"bargaining {bargaining.__version__}",
        },
    )


def _spelled(game: Game) -> str:
    """Say how `_mixture` writes a strategy."""
    if any(map(are_given, game.actions)):
        return "the action played, or action: probability"
    if max(game.shape) <= _LISTED:
        return "probabilities of the actions, in order"
    return f"action: probability; all probabilities in order where there are at most {_LISTED} actions"


def _mixture(strategy: Sequence[Any], actions: Sequence[str]) -> str:
    """List all probabilities; for many actions, or actions with names, only those that are positive."""
    if len(strategy) <= _LISTED and not are_given(actions):
        return ", ".join(map(brief, strategy))
    played = [(action, chance) for action, chance in zip(actions, strategy, strict=True) if chance]
    if are_given(actions) and len(played) == 1:
        return played[0][0]
    return ", ".join(f"{action}: {brief(chance)}" for action, chance in played)


def _payoffs_of(game: Game | RepeatedGame) -> list[Column]:
    """Return a column for the payoff of each player."""
    group = "payoff" if are_given(game.player_names) else "payoff of player"
    return [Column(name, group=group) for name in game.player_names]


def _levels(game: Game, title: str) -> Table:
    """The payoffs that each player can secure, and those of two players in the solution with threats."""
    rows: list[list[Any]] = [
        ["minmax, pure actions", *map(float, game.minmax())],
        ["minmax, mixed actions", *map(float, game.minmax(mixed=True))],
    ]
    if game.players == 2:
        rows += [
            ["variable threats", *map(float, bargaining.variable_threats(game).payoffs)],
            ["coco value (money can be paid)", *map(float, bargaining.coco_value(game).payoffs)],
        ]
    return Table(
        rows,
        columns=[Column("value"), *_payoffs_of(game)],
        caption=f"{title}: what each player can secure, and what threats are worth",
        notes={"Version": f"bargaining {bargaining.__version__}"},
    )
