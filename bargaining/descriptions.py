"""Problems and games written down in a TOML or JSON file, which may come from anybody.

A file contains numbers, fractions in quotes and words from a fixed list. Nothing in it is executed, it cannot refer to
other files, and its size, depth and digits are limited before it is parsed.
"""

from __future__ import annotations

import json
import re
import tomllib
from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

from bargaining._arguments import choice, player_index
from bargaining._calls import suggesting
from bargaining._files import content_of, path_of
from bargaining._names import meant, ordered
from bargaining._rich import Shown
from bargaining.errors import InvalidInput
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.games.kinds import described, loaded
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame
from bargaining.problem import Problem

__all__ = ["Description", "MethodCall", "parse_description", "read_description"]

_BYTES = 100_000  # a file beyond is not one description written by hand
_DEPTH = 12  # brackets: payoffs of as many players as fit nest less deeply
_DIGITS = 40  # of a number: a fraction of two such is exact, and its arithmetic still quick
_PLAYERS = 20  # beyond it a table of two actions each has a million entries
_TEXT = 200  # characters of a title: one or two lines
_NAME = 60  # characters of a name: it goes into heads of tables
_DOTS = 4  # of a key: no description nests further
_FRACTION = re.compile(r"-?[0-9]+(/[0-9]+)?")
_BARE = re.compile(r"[=\[,:]\s*(-?[0-9]+/[0-9]+)")
_LONG = re.compile(rf"[0-9_]{{{_DIGITS + 1},}}|0[box][0-9A-Fa-f_]{{{_DIGITS + 1},}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodCall(Shown):
    """A concept or a protocol by name, and the parameters it is given.

    Attributes
    ----------
    name : str
        As in `bargaining methods`.
    parameters : mapping
        Numbers, fractions, words, truth values and lists of them, by name.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Description(Shown):
    """What a file describes.

    Attributes
    ----------
    title : str
        The title, or the name of the file.
    subject : Problem, Game or RepeatedGame
        What is to be solved; other kinds of games have tables of their own.
    calls : tuple of MethodCall
        What to apply to it; empty if the file does not say.

    Examples
    --------
    >>> from bargaining import Description, Problem, TransferableSurplus
    >>> from bargaining.descriptions import MethodCall
    >>> pie = Problem(TransferableSurplus(1), [0, 0])
    >>> Description(title="Pie", subject=pie, calls=(MethodCall(name="nash"),)).methods
    ('nash',)
    """

    title: str
    subject: Problem | Game | RepeatedGame
    calls: tuple[MethodCall, ...] = ()

    @property
    def methods(self) -> tuple[str, ...]:
        """The names of what to apply."""
        return tuple(call.name for call in self.calls)


@suggesting
def read_description(path: str | Path) -> Description:
    """Read a problem, a game or a repeated game from a .toml or .json file.

    Parameters
    ----------
    path : path
        A regular file of at most 100 kB.

    Returns
    -------
    Description

    Raises
    ------
    InvalidInput
        If the file is not a regular file, is too large or too deep, is not TOML or JSON, or does not
        follow the schema, which has at most 20 players; the message names the entry.

    Notes
    -----
    The tables and their entries, one of `problem` and `game` being required::

        title = "Cake"                         # optional
        methods = ["nash", {name = "nash", weights = ["1/3", "2/3"]},  # optional: concepts and protocols
                   {name = "AlternatingOffers", discounts = 0.9, outside = [0.3, 0]}]

        [problem]
        disagreement = [0, "1/5"]              # payoffs without an agreement, or {Ann = 0, Bob = "1/5"}
        total = 1                              # an amount to share, or
        points = [[0, 1], [1, 0]]              # corners of what can be agreed on
        players = ["Canada", "US"]             # optional: names, which the tables use
        free_disposal = true                   # optional, with `points`

        [game]
        payoffs = [[[9, 1], [10, 3]], [[9, 10], [1, 3]]]    # one array per player
        players = ["Canada", "US"]             # optional
        actions = [["free", "tariff"], ["free", "tariff"]]  # optional: names of each player's actions

        [repeated]                             # optional, with `game`
        discounts = [0.9, 0.9]                 # per period, or one number for all
        exit = [5, 3]                          # optional: payoffs after somebody leaves
        who = [0]                              # optional: who may leave, by number or name

    What has an entry per player may be given by name, parameters of methods too:
    ``discounts = {US = 0.9, Canada = 0.8}``.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from bargaining import read_description
    >>> path = Path(mkdtemp()) / "cake.toml"
    >>> _ = path.write_text('[problem]\\ndisagreement = [0, "1/5"]\\ntotal = 1\\n')
    >>> read_description(path).subject.disagreement
    array([0. , 0.2])
    """
    path = path_of(path, "path")
    if path.suffix not in (".toml", ".json"):
        raise InvalidInput(f"`path` must end in .toml or .json; got {path.name!r}.")
    content = content_of(path, "path", "must be a file", _BYTES + 1)
    return _described(content, path.suffix[1:], path.name, path.stem)


def parse_description(
    content: bytes, *, form: str | None = None, name: str = "standard input"
) -> Description:
    """Read a description from bytes, such as those of standard input.

    Parameters
    ----------
    content : bytes
        What a file for `read_description` would hold.
    form : {"toml", "json"}, optional
        By default JSON if the first character is a brace, else TOML.
    name : str
        What messages call it.

    Returns
    -------
    Description

    Raises
    ------
    InvalidInput
        As for `read_description`.

    Examples
    --------
    >>> parse_description(b'{"problem": {"disagreement": [0, "1/5"], "total": 1}}').subject.disagreement
    array([0. , 0.2])
    """
    found = form or ("json" if content.removeprefix(BOM_UTF8).lstrip()[:1] == b"{" else "toml")
    return _described(content, choice(found, "form", ("toml", "json")), name, "Problem")


def _described(content: bytes, form: str, name: str, title: str) -> Description:
    kinds = described()
    data = _table(_parse(content, form, name), "the file", ("title", "methods", "problem", "game", *kinds))
    further = [kind for kind in kinds if kind in data]
    if ("problem" in data) == ("game" in data or bool(further)):
        raise InvalidInput(f"{name!r} must have one of the tables `problem` and `game`; got {_keys(data)}.")
    if len(further) > 1:
        raise InvalidInput(f"{name!r} must describe one game; got the tables {' and '.join(further)}.")
    stage = _game(data["game"]) if "game" in data else None
    subject: Any = _problem(data["problem"]) if "problem" in data else stage
    for kind in further:
        subject = loaded(kinds[kind].reader)(data[kind], stage)
    calls = _list(data.get("methods", []), "methods", ', as in ["nash"]')
    title = data.get("title", title)
    if not isinstance(title, str) or len(title) > _TEXT or not title.isprintable():
        raise InvalidInput(f"`title` must be one line of at most {_TEXT} characters; got {_short(title)}.")
    return Description(title=title, subject=subject, calls=tuple(map(_call, calls)))


def _call(given: Any) -> MethodCall:
    """Read one entry of `methods`: a name, or a table with a name and parameters."""
    entries = {"name": given} if isinstance(given, str) else given
    if not isinstance(entries, Mapping) or not _is_word(entries.get("name")):
        raise InvalidInput(
            '`methods` must hold names or tables with a name, as in "nash" or {name = "nash", weights = [1, 2]}; '
            f"got {_short(given)}."
        )
    rest = {name: value for name, value in entries.items() if name != "name"}
    if odd := [name for name in rest if not _is_word(name)]:
        raise InvalidInput(f"`methods` must name parameters by words; got {_short(odd[0])}.")
    parameters = {
        name: value if isinstance(value, bool) or _is_word(value) else _by_player(value, name)
        for name, value in rest.items()
    }
    return MethodCall(name=entries["name"], parameters=parameters)


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and value.isidentifier() and value.isascii()


def _game(given: Any) -> Game:
    game = _table(given, "game", ("payoffs", "players", "actions"), required=("payoffs",))
    payoffs = _list(_numbers(game["payoffs"], "game.payoffs"), "game.payoffs", " with one array per player")
    _check_players(len(payoffs), "game.payoffs")
    actions = game.get("actions")
    if actions is not None:
        lists = enumerate(_list(actions, "game.actions", " of names per player"))
        actions = [_names(own, f"game.actions[{player}]") for player, own in lists]
    return Game(*payoffs, actions=actions, players=_names(game.get("players"), "game.players"))


def repeated_game(given: Any, stage: Game | None) -> RepeatedGame:
    """Read the table `repeated`, which goes with a game."""
    if stage is None:
        raise InvalidInput("a file with the table `repeated` must have the table `game`, which it repeats.")
    entries = _table(given, "repeated", ("discounts", "exit", "who"), required=("discounts",))
    if "who" in entries and "exit" not in entries:
        raise InvalidInput("`repeated.who` must come with `repeated.exit`, the payoffs after leaving.")
    leaving, names = None, stage.player_names
    if "exit" in entries:
        who = None
        if "who" in entries:
            leavers = _list(entries["who"], "repeated.who", " of players, as in [0]")
            who = [player_index(player, "repeated.who", names) for player in leavers]
        payoffs = ordered(_by_player(entries["exit"], "repeated.exit"), "repeated.exit", names)
        leaving = Exit(payoffs, who=who)
    return RepeatedGame(stage, _by_player(entries["discounts"], "repeated.discounts"), exit=leaving)


def _names(given: Any, name: str) -> list[str] | None:
    """Return names that a terminal can show."""
    if given is None:
        return None
    names = _list(given, name, ' of names, as in ["Canada", "US"]')
    if bad := [n for n in names if not isinstance(n, str) or not 0 < len(n) <= _NAME or not n.isprintable()]:
        raise InvalidInput(f"`{name}` must be names of 1 to {_NAME} characters; got {_short(bad[0])}.")
    return names


def _problem(given: Any) -> Problem:
    allowed = ("disagreement", "total", "points", "free_disposal", "players")
    entries = _table(given, "problem", allowed, required=allowed[:1])
    if ("total" in entries) == ("points" in entries):
        raise InvalidInput(f"`problem` must have one of `total` and `points`; got {_keys(entries)}.")
    d, players = entries["disagreement"], _names(entries.get("players"), "problem.players")
    if isinstance(d, dict) and d:
        if players is not None and sorted(players) != sorted(d):
            raise InvalidInput(f"`problem.disagreement` must be for the players {players}; got {_keys(d)}.")
        players = players or _names(list(d), "problem.disagreement") or []
        d = [d[name] for name in players]
    d = _list(_numbers(d, "problem.disagreement"), "problem.disagreement", ", one number per player")
    _check_players(len(d), "problem.disagreement")
    free = entries.get("free_disposal", False)
    if not isinstance(free, bool):
        raise InvalidInput(f"`problem.free_disposal` must be true or false; got {_short(free)}.")
    if "total" in entries:
        pie = TransferableSurplus(_numbers(entries["total"], "problem.total"), players=len(d))
        return Problem(pie, d, players=players)
    hull = Polytope(_numbers(entries["points"], "problem.points"), free_disposal=free)
    return Problem(hull, d, players=players)


def _list(given: Any, name: str, wanted: str) -> list[Any]:
    if not isinstance(given, list):
        raise InvalidInput(f"`{name}` must be a list{wanted}; got {_short(given)}.")
    return given


def _check_players(players: int, name: str) -> None:
    if players > _PLAYERS:
        raise InvalidInput(f"`{name}` must have at most {_PLAYERS} players; got {players}.")


def _parse(content: bytes, form: str, name: str) -> Any:
    """Return the data in a file after checking all that could make parsing costly."""
    if len(content) > _BYTES:
        raise InvalidInput(f"{name!r} must be at most {_BYTES // 1000} kB; it is longer.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput(f"{name!r} must be text in UTF-8; it is not.") from None
    _check_text(text)
    try:
        if form == "toml":
            return tomllib.loads(text)
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_twins)
    except (ValueError, RecursionError) as error:
        bare = _BARE.search(re.sub(r'"[^"\n]*"', '""', text))
        cure = f' Write fractions in quotes: "{bare[1]}".' if bare else ""
        raise InvalidInput(f"{name!r} must be valid {form.upper()}; {_short(str(error))}.{cure}") from None


def _check_text(text: str) -> None:
    """Refuse long numbers, deep brackets and long dotted keys, wherever they stand.

    A dotted key of a thousand parts would cost the parser gigabytes. A key in quotes may hold any sign,
    so one that goes on after its quote is refused too; the rest is cut at signs no bare key can have.
    """
    if long := _LONG.search(text):
        raise InvalidInput(f"numbers must have at most {_DIGITS} digits; got {_short(long.group())}.")
    bare = re.split(r"[,=\[\]{}\n#\"']", re.sub(r"[ \t\r]+", "", text))
    if re.search(r"[\"'][ \t]*\.", text) or max(part.count(".") for part in bare) > _DOTS:
        raise InvalidInput(
            f"keys must be bare words with at most {_DOTS} dots; no string may begin with a dot."
        )
    depth = 0
    for sign in re.findall(r"[\[\]{}]", text):
        depth += 1 if sign in "[{" else -1
        if depth > _DEPTH:
            raise InvalidInput(f"brackets must nest at most {_DEPTH} deep.")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"numbers must be finite; got {name}")


def _no_twins(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError(f"entries must have different names; got {sorted(name for name, _ in pairs)}")
    return table


def _table(
    given: Any, name: str, allowed: Sequence[str], *, required: Sequence[str] = ()
) -> Mapping[str, Any]:
    """Return a table that has only entries the schema knows."""
    if not isinstance(given, Mapping):
        raise InvalidInput(f"`{name}` must be a table; got {_short(given)}.")
    if unknown := [key for key in given if key not in allowed]:
        raise InvalidInput(
            f"`{name}` must have entries among {', '.join(allowed)}; got {_short(unknown[0])}."
            f"{meant(str(unknown[0]), allowed)}"
        )
    if lacking := [key for key in required if key not in given]:
        raise InvalidInput(f"`{name}` must have `{lacking[0]}`; got {_keys(given)}.")
    return given


def _numbers(given: Any, name: str) -> Any:
    """Return numbers, or nested lists of them, with fractions in quotes made exact."""
    if isinstance(given, list):
        return [_numbers(entry, name) for entry in given]
    if isinstance(given, int | float) and not isinstance(given, bool):
        return given
    if isinstance(given, str) and _FRACTION.fullmatch(given):
        try:
            return Fraction(given)
        except ZeroDivisionError:
            raise InvalidInput(f"`{name}` must not divide by zero; got {given!r}.") from None
    raise InvalidInput(f'`{name}` must be numbers, or fractions in quotes like "1/3"; got {_short(given)}.')


def _by_player(given: Any, name: str) -> Any:
    """Return numbers, or a table of them by the names of the players."""
    if not isinstance(given, dict):
        return _numbers(given, name)
    _names(list(given), name)
    return {player: _numbers(entry, f"{name}.{player}") for player, entry in given.items()}


def _keys(table: Mapping[str, Any]) -> str:
    return ", ".join(map(_short, table)) or "none"


def _short(value: object) -> str:
    """Return a value as a message shows it; text with signs that a terminal would obey, by its repr."""
    text = value if isinstance(value, str) and value.isprintable() else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
