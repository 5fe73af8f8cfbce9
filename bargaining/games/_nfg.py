"""Games as text in Gambit's .nfg format: read with payoffs or outcomes, written with payoffs.

Nothing in a file is executed; its size, its digits and the number of its profiles are limited before arrays are made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
_DECIMAL = r"(?:[0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,3})?"
_NUMBER = re.compile(rf"[+-]?(?:[0-9]{{1,400}}/[0-9]{{1,400}}|{_DECIMAL})")
"""A fraction or a decimal; long ones would take long to make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A game as a file describes it: names, and one array of payoffs for each player."""

    players: tuple[str, ...]
    actions: tuple[tuple[str, ...], ...]
    payoffs: tuple[NDArray[Any], ...]


def read(text: str) -> Table:
    """Return the game that a string describes."""
    words = _Words(text)
    words.expect("NFG")
    words.expect("1")
    if words.take() not in ("R", "D"):
        words.fail('must begin like NFG 1 R "title"')
    words.text("title")
    players = tuple(words.texts("the players' names"))
    if not players:
        words.fail("must name at least one player")
    actions = _actions(words, len(players))
    shape = tuple(map(len, actions))
    if prod(shape) * len(players) > _PAYOFFS:
        words.fail(f"must have at most {_PAYOFFS} payoffs, and has {prod(shape) * len(players)}")
    if words.peek()[:1] == '"':
        words.take()  # a comment
    rows = (
        _outcomes(words, len(players), prod(shape))
        if words.peek() == "{"
        else [[words.number() for _ in players] for _ in range(prod(shape))]
    )
    if words.peek():
        words.fail(f"goes on after the last payoff with {words.peek()!r}")
    columns = zip(*rows, strict=True)
    # The first player's action moves fastest: axes in reverse, then turned.
    payoffs = tuple(_array(column).reshape(shape[::-1]).T for column in columns)
    return Table(players=players, actions=actions, payoffs=payoffs)


class _Words:
    """The words of a string, one after the other."""

    def __init__(self, text: str) -> None:
        self._left = (match.group() for match in _TOKEN.finditer(text))
        self._next = next(self._left, "")

    def peek(self) -> str:
        return self._next

    def take(self) -> str:
        word, self._next = self._next, next(self._left, "")
        return word

    def expect(self, word: str) -> None:
        if self.peek() != word:
            self.fail(
                f"must have {word!r}, and has {short(self.peek())}" if self.peek() else "ends too early"
            )
        self.take()

    def text(self, what: str) -> str:
        word = self.take()
        if word[:1] != '"' or len(word) < len('""'):
            self.fail(f"must have {what} in quotes, and has {short(word)}")
        return re.sub(r"\\(.)", r"\1", word[1:-1])

    def texts(self, what: str) -> Iterator[str]:
        self.expect("{")
        while self.peek() != "}":
            yield self.text(what)
        self.take()

    def number(self) -> Fraction:
        word = self.take()
        if not _NUMBER.fullmatch(word):
            self.fail(f"must have a number, and has {short(word)}" if word else "ends too early")
        try:
            return Fraction(word)
        except ZeroDivisionError:
            self.fail(f"must not divide by zero, and has {word}")

    def count(self) -> int:
        word = self.take()
        if not re.fullmatch("[0-9]{1,9}", word):
            self.fail(f"must have a whole number, and has {short(word)}")
        return int(word)

    def fail(self, what: str) -> NoReturn:
        raise InvalidInput(f"`source` {what}: it is no game in Gambit's .nfg format.")


def _actions(words: _Words, players: int) -> tuple[tuple[str, ...], ...]:
    """Return names of the actions, given as lists of names or as numbers of actions."""
    words.expect("{")
    found: list[tuple[str, ...]] = []
    while words.peek() != "}":
        if words.peek() == "{":
            found.append(tuple(words.texts("the actions' names")))
        else:
            count = words.count()
            if count > _PAYOFFS:
                words.fail(f"must have at most {_PAYOFFS} payoffs")
            found.append(tuple(str(k + 1) for k in range(count)))
    words.take()
    if len(found) != players or not all(found):
        words.fail(f"must have actions for each of {players} players, and has {len(found)}")
    return tuple(found)


def _outcomes(words: _Words, players: int, profiles: int) -> list[list[Fraction]]:
    """Return the payoffs of each profile, which refers to an outcome; in outcome 0 all payoffs are 0."""
    words.expect("{")
    known = [[Fraction(0)] * players]
    while words.peek() != "}":
        words.expect("{")
        words.text("an outcome's name")
        known.append([words.number() for _ in range(players)])
        words.expect("}")
    words.take()
    places = [words.count() for _ in range(profiles)]
    if max(places) >= len(known):
        words.fail(f"must name outcomes 0 to {len(known) - 1}, and names {max(places)}")
    return [known[place] for place in places]


def _array(column: Sequence[Fraction]) -> NDArray[Any]:
    """Return integers and exactly representable numbers as floats, the others as Fractions."""
    try:
        floats = [float(entry) for entry in column]
    except OverflowError:
        raise InvalidInput("`source` must hold payoffs that fit in a float. Rescale them.") from None
    if all(Fraction(value) == entry for value, entry in zip(floats, column, strict=True)):
        return np.array(floats)
    out = np.empty(len(column), dtype=object)
    out[:] = column
    return out


def written(
    title: str, players: Sequence[str], actions: Sequence[Sequence[str]], payoffs: Sequence[Any]
) -> str:
    """Return the text of a game, one line for each combination of the others' actions."""
    shape = [len(own) for own in actions]
    flat = [np.asarray(own).T.ravel().tolist() for own in payoffs]
    cells = [" ".join(_number(own[k]) for own in flat) for k in range(prod(shape))]
    lines = [" ".join(cells[k : k + shape[0]]) for k in range(0, len(cells), shape[0])]
    names = "\n".join(f"{{ {' '.join(map(_quoted, own))} }}" for own in actions)
    head = f"NFG 1 R {_quoted(title)} {{ {' '.join(map(_quoted, players))} }}"
    return "\n".join([head, "", "{", names, "}", '""', "", *lines, ""])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _number(value: Any) -> str:
    """Return a fraction unchanged, and a float as the shortest decimal that converts back to it."""
    return (
        str(value)
        if isinstance(value, int | Fraction)
        else format(Decimal(repr(float(value))).normalize(), "f")
    )
