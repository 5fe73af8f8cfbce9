"""Checks of arguments other than arrays: names, counts, lists, functions and random generators."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from bargaining._arrays import short
from bargaining._names import Names, meant, numbered, place
from bargaining.errors import InvalidInput, with_article

Kind = TypeVar("Kind")


def choice(value: str, name: str, allowed: Sequence[str]) -> str:
    """Return `value` if it is one of `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise InvalidInput(
            f"`{name}` must be one of {', '.join(map(repr, allowed))}; got {short(value)}.{meant(value, allowed)}"
        )
    return value


def whole(value: int, name: str, least: int, most: int | None = None) -> int:
    """Return `value` as a whole number that is not below `least`, nor above `most`."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | np.integer)
        or value < least
        or (most is not None and value > most)
    ):
        limit = "" if most is None else f" and at most {most}"
        raise InvalidInput(f"`{name}` must be a whole number, at least {least}{limit}; got {short(value)}.")
    return int(value)


def is_sequence(value: Any) -> bool:
    """Whether `value` is a list, a tuple, an array with axes or alike, and not text."""
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def generator(rng: Any) -> np.random.Generator:
    """Return `rng` if it is a generator, or the generator that it seeds."""
    known = np.random.Generator | np.random.BitGenerator | np.random.SeedSequence | np.random.RandomState
    number = isinstance(rng, int | np.integer) and not isinstance(rng, bool) and rng >= 0
    if rng is not None and not number and not isinstance(rng, known):
        raise InvalidInput(
            f"`rng` must be a Generator, a seed (a whole number, at least 0) or None; got {short(rng)}."
        )
    return np.random.default_rng(rng)


def function(value: Any, name: str, what: str = "") -> Callable[..., Any]:
    """Return `value` if it can be called; `what` says what its arguments are."""
    if not callable(value):
        wanted = f"a function of {what}" if what else "callable"
        raise InvalidInput(f"`{name}` must be {wanted}; got {short(value)}.")
    called: Callable[..., Any] = value
    return called


def answer_of(value: Any, name: str, kind: type[Kind], *, problem: bool = False) -> Kind:
    """Return `value` if it is an answer of that kind, with its problem if that is required."""
    if not isinstance(value, kind) or (problem and getattr(value, "problem", None) is None):
        kept = " with the problem that it answers" if problem else ""
        raise InvalidInput(
            f"`{name}` must be a {kind.__name__}, an answer of this protocol{kept}; got {short(value)}."
        )
    return value


def listed(value: Any, name: str, wanted: str) -> list[Any]:
    """Return the entries of a list, or the letters of a string; a mapping is refused. `wanted` says what it must be."""
    if isinstance(value, Iterable) and not isinstance(value, bytes | Mapping):
        try:
            return list(value)
        except TypeError:  # an array without axes
            pass
    raise InvalidInput(f"`{name}` must be {wanted}; got {short(value)}.")


def player_index(value: int | str, name: str, players: int | Names) -> int:
    """Return the index of a player given by number or name."""
    return place(value, name, numbered(players) if isinstance(players, int) else players)


def index(value: int, name: str, what: str, count: int) -> int:
    """Return `value` as the number of one of `count` things."""
    if type(value) is int and 0 <= value < count:  # at once, as batches ask for each of their cells
        return value
    if isinstance(value, str):
        raise InvalidInput(f"`{name}` must be a {what}, 0 to {count - 1}; got {short(value)}.")
    return place(value, name, numbered(count), what)


def cell(value: Any, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the index of one cell of a batch."""
    given = tuple(value) if isinstance(value, tuple | list) else ()
    if len(given) != len(shape) or not isinstance(value, tuple | list):
        raise InvalidInput(f"`{name}` must name one cell of the batch {shape}; got {short(value)}.")
    return tuple(index(k, name, "cell along its axis", m) for k, m in zip(given, shape, strict=True))


def flag(value: Any, name: str) -> bool:
    """Return `value` if it is true or false."""
    if not isinstance(value, bool | np.bool_):
        raise InvalidInput(f"`{name}` must be True or False; got {short(value)}.")
    return bool(value)


def instance(value: Any, name: str, kind: type[Kind]) -> Kind:
    """Return `value` if it is an object of that class."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise InvalidInput(f"`{name}` must be {article} {kind.__name__}; got {with_article(value)}.")
    return value
