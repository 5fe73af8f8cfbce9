"""What `bargaining solve` says of a problem, a game or a repeated game, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from inspect import Parameter, signature
from typing import Any

import bargaining
from bargaining import (
    Column,
    Description,
    Division,
    Game,
    InvalidInput,
    Method,
    Problem,
    RepeatedGame,
    Table,
    compare,
)

_LISTED = 8


def concepts() -> dict[str, Method]:
    """Return the solution concepts that need nothing but a problem, by name."""
    found = {}
    for name, module in bargaining._EXPORTS.items():
        if module.startswith("bargaining.concepts."):
            function = getattr(bargaining, name)
            form = signature(function)
            asked = [p for p in form.parameters.values() if p.default is Parameter.empty]
            if len(asked) == 1 and form.return_annotation in (Division, "Division"):
                found[name] = function
    return found


def answers(description: Description, methods: Sequence[str] = ()) -> list[Table]:
    """Return the tables that answer a description.

    Parameters
    ----------
    description : Description
        A problem gives one row a concept. A game gives its equilibria, and what each player can secure or threaten
        to; concepts that are named divide over the hull of its payoffs, from what each player can secure. A repeated
        game gives the corners of its payoff set, and the concepts divide over that set, from its threat.
    methods : sequence of str, optional
        Concepts by name; by default those of the description, or else all that the subject admits.

    Raises
    ------
    InvalidInput
        If a method is not known.
    NotApplicable
        If the subject has no answer of this kind.
    """
    named = _pick(methods or description.methods)
    subject = description.subject
    if isinstance(subject, Problem):
        return [replace(compare(named or concepts(), subject), caption=description.title)]
    if isinstance(subject, RepeatedGame):
        return _repeated(subject, named or concepts(), description.title)
    return _game(subject, named, description.title)


def _pick(names: Sequence[str]) -> dict[str, Method]:
    known = concepts()
    if unknown := [name for name in names if name not in known]:
        raise InvalidInput(f"`methods` must be among {', '.join(known)}; got {unknown[0]!r}.")
    return {name: known[name] for name in names}


def _repeated(game: RepeatedGame, methods: Mapping[str, Method], title: str) -> list[Table]:
    from bargaining import payoff_set

    found = payoff_set(game)
    corners = Table(
        [{f"{k}": float(x) for k, x in enumerate(vertex)} for vertex in found.vertices],
        columns=[Column(f"{k}", group="payoff of player") for k in range(game.players)],
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
        [*(_mixture(strategy) for strategy in profile), *map(float, payoffs)]
        for profile, payoffs in zip(found.exact, found.payoffs, strict=True)
    ]
    groups = [
        (group, player)
        for group in ("strategy of player", "payoff of player")
        for player in range(game.players)
    ]
    return Table(
        rows,
        columns=[Column(f"{group} {player}", title=f"{player}", group=group) for group, player in groups],
        caption=f"{title}: equilibria",
        notes={
            "Strategies": "probabilities of the actions, in order"
            if max(game.payoffs.shape[:-1]) <= _LISTED
            else f"action: probability; all probabilities in order where there are at most {_LISTED} actions",
            "Complete": "yes, in extreme equilibria; the others mix these"
            if found.complete
            else "not proved",
            "Largest regret": str(max(found.regret, default="none")),
            "Version": f"bargaining {bargaining.__version__}",
        },
    )


def _mixture(strategy: Sequence[Any]) -> str:
    """List all probabilities, or of many actions those that are played."""
    if len(strategy) <= _LISTED:
        return ", ".join(map(str, strategy))
    return ", ".join(f"{action}: {chance}" for action, chance in enumerate(strategy) if chance)


def _levels(game: Game, title: str) -> Table:
    """What each player can secure, and what two of them get by threatening."""
    rows: list[list[Any]] = [
        ["minmax, pure actions", *map(float, game.minmax())],
        ["minmax, mixed actions", *map(float, game.minmax(mixed=True))],
    ]
    if game.players == 2:
        matrices = game.payoffs[..., 0], game.payoffs[..., 1]
        rows += [
            ["variable threats", *map(float, bargaining.variable_threats(*matrices).payoffs)],
            ["coco value (money can be paid)", *map(float, bargaining.coco_value(*matrices).payoffs)],
        ]
    return Table(
        rows,
        columns=[Column("value"), *(Column(f"{k}", group="payoff of player") for k in range(game.players))],
        caption=f"{title}: what each player can secure, and what threats are worth",
        notes={"Version": f"bargaining {bargaining.__version__}"},
    )
