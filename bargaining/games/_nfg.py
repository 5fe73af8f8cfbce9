"""Games as text in Gambit's .nfg format: read with payoffs or outcomes, written with payoffs.

Nothing in a file is executed; its size, its digits and the number of its profiles are limited before arrays are made.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import prod
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import short
from bargaining.errors import InvalidInput

LARGEST = 20_000_000
"""Bytes of the largest text that is read: about a million profiles of two players."""
_PAYOFFS = 4_000_000  # 32 MB of floats, and still possible as exact numbers
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}"]|[^\s,{}"]+')
_TEXT = re.compile(r'".*"', re.DOTALL)
_COUNT = re.compile("[0-9]{1,9}")
_DECIMAL = r"(?:[0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,3})?"
_NUMBER = re.compile(rf"[+-]?(?:[0-9]{{1,400}}/[0-9]{{1,400}}|{_DECIMAL})")
"""A fraction or a decimal; long ones would take long to make."""


def read(text: str) -> tuple[list[str], list[list[str]], list[NDArray[Any]]]:
    """Return the game that a string describes: names of players and of actions, and an array of payoffs for each."""
    words = _Words(text)
    words.expect("NFG")
    words.expect("1")
    if words.take() not in ("R", "D"):
        _fail('must begin like NFG 1 R "title"')
    words.text("title")
    players = words.braced(lambda: words.text("the players' names"))
    if not players:
        _fail("must name at least one player")
    actions = words.braced(words.actions)
    if len(actions) != len(players) or not all(actions):
        _fail(f"must have actions for each of {len(players)} players, and has {len(actions)}")
    shape = [len(own) for own in actions]
    if prod(shape) * len(players) > _PAYOFFS:
        _fail(f"must have at most {_PAYOFFS} payoffs, and has {prod(shape) * len(players)}")
    if words.next[:1] == '"':
        words.take()  # a comment
    if words.next == "{":
        outcomes = [[Fraction(0)] * len(players), *words.braced(lambda: words.outcome(len(players)))]
        places = [words.count() for _ in range(prod(shape))]
        if max(places) >= len(outcomes):
            _fail(f"must name outcomes 0 to {len(outcomes) - 1}, and names {max(places)}")
        rows = [outcomes[place] for place in places]
    else:
        rows = [[words.number() for _ in players] for _ in range(prod(shape))]
    if words.next:
        _fail(f"goes on after the last payoff with {words.next!r}")
    # The first player's action moves fastest: axes in reverse, then turned.
    return players, actions, [_array(column).reshape(shape[::-1]).T for column in zip(*rows, strict=True)]


def _fail(what: str) -> NoReturn:
    raise InvalidInput(f"`source` {what}: it is no game in Gambit's .nfg format.")


class _Words:
    """The words of a string, one after the other; `next` is empty at the end."""

    def __init__(self, text: str) -> None:
        self._left = (match.group() for match in _TOKEN.finditer(text))
        self.next = next(self._left, "")

    def take(self, form: re.Pattern[str] | None = None, what: str = "") -> str:
        """Return the next word, which must have this form."""
        word, self.next = self.next, next(self._left, "")
        if form and not form.fullmatch(word):
            _fail(f"must have {what}, and has {short(word)}" if word else "ends too early")
        return word

    def expect(self, word: str) -> None:
        self.take(re.compile(re.escape(word)), repr(word))

    def braced(self, entry: Any) -> list[Any]:
        """Return the entries between curly brackets."""
        self.expect("{")
        entries = []
        while self.next != "}":
            entries.append(entry())
        self.take()
        return entries

    def text(self, what: str) -> str:
        return re.sub(r"\\(.)", r"\1", self.take(_TEXT, f"{what} in quotes")[1:-1])

    def count(self) -> int:
        return int(self.take(_COUNT, "a whole number"))

    def number(self) -> Fraction:
        word = self.take(_NUMBER, "a number")
        try:
            return Fraction(word)
        except ZeroDivisionError:
            _fail(f"must not divide by zero, and has {word}")

    def actions(self) -> list[str]:
        """Return the names of a player's actions, given as a list of names or as their number."""
        if self.next == "{":
            return self.braced(lambda: self.text("the actions' names"))
        if (count := self.count()) > _PAYOFFS:
            _fail(f"must have at most {_PAYOFFS} payoffs")
        return [str(k + 1) for k in range(count)]

    def outcome(self, players: int) -> list[Fraction]:
        """Return the payoffs of a named outcome."""
        self.expect("{")
        self.text("an outcome's name")
        payoffs = [self.number() for _ in range(players)]
        self.expect("}")
        return payoffs


def _array(column: Sequence[Fraction]) -> NDArray[Any]:
    """Return integers and exactly representable numbers as floats, the others as Fractions."""
    exact = np.array(column, dtype=object)
    try:
        floats = exact.astype(float)
    except OverflowError:
        raise InvalidInput("`source` must hold payoffs that fit in a float. Rescale them.") from None
    return floats if all(map(Fraction.__eq__, column, floats.tolist())) else exact


def written(
    title: str, players: Sequence[str], actions: Sequence[Sequence[str]], payoffs: Sequence[Any]
) -> str:
    """Return the text of a game, one line for each combination of the others' actions."""
    count = len(actions[0])
    flat = [map(_number, np.asarray(own).T.ravel().tolist()) for own in payoffs]
    cells = [" ".join(cell) for cell in zip(*flat, strict=True)]
    lines = [" ".join(cells[k : k + count]) for k in range(0, len(cells), count)]
    head = f"NFG 1 R {_quoted(title)} {_list(players)}"
    return "\n".join([head, "", "{", *map(_list, actions), "}", '""', "", *lines, ""])


def _list(names: Sequence[str]) -> str:
    return f"{{ {' '.join(map(_quoted, names))} }}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _number(value: Any) -> str:
    """Return a fraction unchanged, and a float as the shortest decimal that converts back to it."""
    exact = isinstance(value, int | Fraction)
    return str(value) if exact else format(Decimal(repr(float(value))).normalize(), "f")
