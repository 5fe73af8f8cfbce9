"""Checks of array arguments: array-likes become finite float arrays of the right shape, which callers cannot change.

Every public function passes its arguments through here once, before any arithmetic. Players are
always the last axis; leading axes are a batch.

Arrays that an object keeps are copied into memory that cannot be made writeable again, so that answers do not change
when the caller changes an array.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import wraps
from itertools import chain
from typing import Any, TypeAlias, TypeVar, cast, dataclass_transform, overload

import numpy as np
from numpy import typing as npt
from numpy.typing import NDArray

from bargaining._calls import advice
from bargaining._names import Names, numbered, ordered, titles
from bargaining.errors import InvalidInput, plain
from bargaining.errors import short as short

Floats = NDArray[np.float64]
ArrayLike: TypeAlias = "npt.ArrayLike | Fraction | Sequence[ArrayLike]"
"""What becomes an array of numbers; unlike NumPy's it may be in fractions."""
ByPlayer: TypeAlias = "ArrayLike | Mapping[str, Any]"
"""One number for all players, one for each, or numbers by players' names."""

Entries: TypeAlias = Any
"""A field that takes an array-like and holds an array: no type of a dataclass says both."""
Kind = TypeVar("Kind", bound=np.generic)
Frozen = TypeVar("Frozen")
Made = TypeVar("Made")

_FLOAT = np.dtype(np.float64)
_NUMBERS = {float, int, np.float64, np.int64, Fraction}
_LISTS = {list, tuple}
_PERCENT = 100.0  # above it a number is no percentage either
_DEEPEST = 64  # axes that NumPy allows
_ATOMS = {float, int, str, bool, type(None), Fraction}

EPS = float(np.finfo(float).eps)
LARGEST = 1e300
"""The largest payoff: sums, differences and weighted sums of a few stay well below the largest float."""
SMALLEST = 1e-290
"""The smallest gain that does not count as zero: products of relative roundings stay above the subnormal floats."""


def owned(array: NDArray[Kind]) -> NDArray[Kind]:
    """Return an array in memory that nobody can write: itself if it is one, or a copy.

    The memory is that of a `bytes` object, which NumPy never lets become writeable; views of it are known by that.
    """
    root: Any = array
    while type(root) is np.ndarray:
        root = root.base
    if type(root) is bytes or (type(root) is memoryview and isinstance(root.obj, _Sealed)):
        return array
    if array.dtype.kind == "O":
        copied = np.array(array, subok=False)
        copied.flags.writeable = False
        return copied
    return np.ndarray(array.shape, array.dtype, array.tobytes())


class _Sealed(np.ndarray[Any, Any]):
    """Memory that only this module can still reach."""


def sealed(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take over an array that the library has made and nobody else holds: `owned`, without a copy."""
    memory: Any = array.view(_Sealed)
    return np.asarray(memoryview(memory).toreadonly())


def own(value: Any, depth: int = 0) -> Any:
    """Return a value that shares no memory with the one given, where it is an array or a collection of them."""
    if depth > _DEEPEST:
        raise InvalidInput(f"Lists must not be nested more than {_DEEPEST} deep; got {short(value)}.")
    if isinstance(value, np.ndarray):
        return owned(value) if type(value) is np.ndarray else value.copy()
    if type(value) is tuple:
        nested = any(type(entry) not in _ATOMS for entry in value)
        return tuple(own(entry, depth + 1) for entry in value) if nested else value
    if type(value) is list:
        return tuple(own(entry, depth + 1) for entry in value)
    if type(value) is dict:
        return {name: own(entry, depth + 1) for name, entry in value.items()}
    return value


def fill(made: Made, **values: Any) -> Made:
    """Set fields of a frozen instance that is being made, and return it."""
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


@overload
def record(kind: type[Frozen], /) -> type[Frozen]: ...
@overload
def record(
    *, kw_only: bool = True, eq: bool = False, init: bool = True, repr: bool = True, slots: bool = True
) -> Callable[[type[Frozen]], type[Frozen]]: ...
@dataclass_transform(frozen_default=True, kw_only_default=True, eq_default=False, field_specifiers=(field,))
def record(kind: Any = None, /, **options: bool) -> Any:
    """Make a frozen dataclass whose instances own their arrays, also after they were copied or unpickled.

    Arrays become read-only copies, lists tuples and dicts copies; private fields may hold lists and dicts of their own.
    Fields have slots and are given by keyword, and two instances are equal only if they are one; options as for
    `dataclass` say otherwise.
    """
    if kind is None:
        return lambda kind: _owning(dataclass(**_RECORD | options)(kind))
    return _owning(dataclass(**_RECORD)(kind))


_RECORD = {"frozen": True, "slots": True, "kw_only": True, "eq": False}


def _owning(kind: type[Frozen]) -> type[Frozen]:
    """Let the instances of a dataclass settle their fields when they are made."""
    names = tuple(one.name for one in fields(kind))  # type: ignore[arg-type]
    given = kind.__init__

    @wraps(given)
    def init(self: Any, *arguments: Any, **options: Any) -> None:
        try:
            given(self, *arguments, **options)
        except TypeError as error:
            if (better := advice(error, given, kind.__name__)) is None:
                raise
            raise better from None
        settle(self)

    def settle(self: Any) -> None:
        for name in names:
            value = getattr(self, name)
            if type(value) in _ATOMS or (name[0] == "_" and isinstance(value, list | dict)):
                continue
            kept = own(value)
            if kept is not value:
                object.__setattr__(self, name, kept)

    def restore(self: Any, state: Iterable[Any]) -> None:
        settle(fill(self, **{one.name: value for one, value in zip(fields(self), state, strict=True)}))

    methods = {"__init__": init, "__setstate__": restore}
    for name, method in methods.items():
        setattr(kind, name, method)
    return kind


def real(
    value: ArrayLike, name: str, *, ndim: int | None = None, finite: bool = True, payoffs: bool = False
) -> Floats:
    """Return `value` as a float array that nobody can write, or say what is wrong with it.

    Parameters
    ----------
    value : array_like
        Numbers. Booleans, strings, complex numbers, masked entries, ragged lists and empty arrays are rejected.
    name : str
        The argument's name, for the message.
    ndim : int, optional
        The number of axes required.
    finite : bool, default True
        Whether infinities are rejected. NaN always is.
    payoffs : bool, default False
        Whether entries are payoffs, whose sums must not overflow: above `LARGEST` they are rejected.

    Raises
    ------
    InvalidInput
        If `value` is not an array of real numbers of the required kind.
    """
    array = owned(_numbers(value, name))
    if array.size == 0:
        raise InvalidInput(f"`{name}` must not be empty; got an array of shape {array.shape}.")
    if ndim is not None and array.ndim != ndim:
        wanted = ("be a single number", "be one list of numbers")[ndim] if ndim < 2 else f"have {ndim} axes"
        raise InvalidInput(f"`{name}` must {wanted}; got shape {array.shape}.")
    # A sum of squares is finite unless an entry is not (or it overflows): one pass without a mask.
    if not np.isfinite(np.vdot(array, array)):
        bad = ~np.isfinite(array) if finite else np.isnan(array)
        if bad.any():
            where = tuple(int(k) for k in np.argwhere(bad)[0])
            wanted = "finite" if finite else "not NaN"
            at = f" at index {where}" if where else ""
            raise InvalidInput(
                f"`{name}` must be {wanted}; got {array[where]}{at}. Drop or repair that entry."
            )
        if payoffs and (np.abs(array) > LARGEST).any():
            where = tuple(int(k) for k in np.argwhere(np.abs(array) > LARGEST)[0])
            raise InvalidInput(
                f"`{name}` must hold payoffs of size {LARGEST:g} at most; got {array[where]:g}: rescale the payoffs."
            )
    return array


def returned(value: Any, name: str) -> Floats:
    """Return what a user's function returned, as a copy in floats: the function may overwrite its array later."""
    return np.array(_numbers(value, name, "return"))


def _numbers(value: ArrayLike, name: str, verb: str = "be") -> Floats:
    """Return numbers as floats; the memory may be the caller's."""
    if type(value) is not np.ndarray:
        _refuse_hidden(value, name, verb)
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidInput(
            f"`{name}` must {verb} an array of numbers; got {short(value)} ({error})."
        ) from None
    if array.dtype == _FLOAT:
        return array
    if array.ndim > 32:
        raise InvalidInput(f"`{name}` must {verb} an array of 32 axes at most; got {array.ndim}.")
    if array.dtype.kind == "O":
        array = _from_objects(array, name, verb)
    if array.dtype.kind not in "iuf":
        advice = "Take its real part." if array.dtype.kind == "c" else "Convert it to float first."
        raise InvalidInput(
            f"`{name}` must {verb} real numbers; got {short(value)} of type {array.dtype}. {advice}"
        )
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return array.astype(np.float64)
    return array.astype(np.float64)


def _refuse_hidden(value: Any, name: str, verb: str) -> None:
    """Refuse masked entries, and truth values among numbers: NumPy would read them as data."""
    level: Any = value if type(value) in _LISTS else (value,)
    for _ in range(_DEEPEST):
        kinds = set(map(type, level))
        if kinds <= _NUMBERS:
            return
        if not kinds <= _LISTS:
            for entry in level:
                if type(entry) is bool or getattr(entry, "dtype", None) == np.bool_:
                    raise InvalidInput(
                        f"`{name}` must {verb} real numbers; got {short(entry)}. Convert it to float first."
                    )
                if "numpy.ma" in sys.modules and np.ma.is_masked(entry):
                    raise InvalidInput(
                        f"`{name}` must {verb} numbers throughout; got masked entries in {short(entry)}. "
                        f"Fill them or leave them out."
                    )
        level = list(chain.from_iterable(entry for entry in level if type(entry) in _LISTS))


def _from_objects(array: NDArray[Any], name: str, verb: str) -> Floats:
    """Accept exact rationals and large integers; refuse every other object."""
    from numbers import Rational

    for entry in array.flat:
        if isinstance(entry, bool) or not isinstance(entry, Rational | float | np.floating | np.integer):
            raise InvalidInput(
                f"`{name}` must {verb} real numbers; got {short(entry)}, of type {type(entry).__name__}. "
                "Pass a number or a Fraction."
            )
    try:
        return array.astype(np.float64)
    except OverflowError:
        raise InvalidInput(f"`{name}` must fit in a float; got {short(array)}. Rescale it.") from None


def by_cell(function: Callable[..., Any], *arrays: Floats, entries: int | None = None) -> Any:
    """Return the numbers, or arrays of so many entries, that a function of one cell returns at the cells of a batch."""
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    rows = (np.broadcast_to(array, shape).reshape(-1, shape[-1]) for array in arrays)
    found = np.array([function(*cell) for cell in zip(*rows, strict=True)])
    return found.reshape(shape[:-1] if entries is None else (*shape[:-1], entries))


def exceeds(x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Say where payoffs are larger than others by more than rounding."""
    larger: NDArray[np.bool_] = x - y > 16 * EPS * (np.abs(x) + np.abs(y))
    return larger


def scalar(value: ArrayLike, name: str, *, finite: bool = True) -> float:
    """Return `value` as one float."""
    array = real(value, name, finite=finite)
    if array.ndim:
        raise InvalidInput(f"`{name}` must be a single number; got shape {array.shape}.")
    return float(array)


def per_player(value: ByPlayer, name: str, players: int | Names, *, payoffs: bool = False) -> Floats:
    """Return `value` with players as its last axis; a bare scalar is given to every player.

    Players are given by their names, or by how many they are; labelled data come in their order.
    """
    count = players if isinstance(players, int) else len(players)
    if type(value) is not np.ndarray:
        value = ordered(value, name, numbered(count) if isinstance(players, int) else players)
    array = real(cast("ArrayLike", value), name, payoffs=payoffs)
    if array.ndim == 0:
        array = np.broadcast_to(array, (count,))
    return by_player(array, name, count)


def by_player(array: Floats, name: str, players: int) -> Floats:
    """Check that an array has `players` as its last axis."""
    if array.shape[-1:] != (players,):
        raise InvalidInput(
            f"`{name}` must have one entry per player on its last axis ({players}); got shape {array.shape}."
        )
    return array


def spread(array: Floats, name: str, shape: tuple[int, ...]) -> Floats:
    """Return an array broadcast to a shape: that of a batch, with players last."""
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise InvalidInput(
            f"`{name}` must broadcast against the batch {shape[:-1]} with {shape[-1]} entries on the last axis; got "
            f"shape {array.shape}."
        ) from None


def within(
    array: Floats, name: str, lower: float, upper: float, *, ends: str = "[]", players: Names | None = None
) -> Floats:
    """Check that every entry lies between `lower` and `upper`; `ends` says which ends are included."""
    below = array < lower if ends[0] == "[" else array <= lower
    above = array > upper if ends[1] == "]" else array >= upper
    bad = below | above
    if bad.any():
        where = tuple(int(k) for k in np.argwhere(bad)[0])
        player = f" at index {where}" if where else ""
        cure = _of_share(float(array[where]), name) if (lower, upper) == (0.0, 1.0) else ""
        if array.ndim == 1:
            player = f" for {titles(players or numbered(len(array)))[where[-1]]}"
        raise InvalidInput(
            f"`{name}` must lie in {ends[0]}{lower:g}, {upper:g}{ends[1]}; got {plain(array[where])}{player}.{cure}"
        )
    return array


def _of_share(value: float, name: str) -> str:
    """Return a suggestion for a number that should lie between 0 and 1."""
    if value == 1.0:
        return " For the limit take a number just below, such as 0.999."
    if name.startswith("discount") and 1.0 < value < 2.0:
        return f" Is it 1 plus an interest rate? Then take 1 / {value:g} = {1 / value:.3g}."
    return f" A percentage? Divide it by 100: {value / 100:g}." if 1.0 < value <= _PERCENT else ""


def discounts(value: ByPlayer, players: int | Names, *, name: str = "discounts") -> Floats:
    """Return per-period discount factors in [0, 1), one per player."""
    names = None if isinstance(players, int) else players
    return within(per_player(value, name, players), name, 0.0, 1.0, ends="[)", players=names)


def weights_of(value: ByPlayer | None, players: Names) -> Floats:
    """Return weights of players, none negative and some positive, over their sum; None gives equal ones."""
    if value is None:
        return np.full(len(players), 1.0 / len(players))
    if isinstance(value, int | float):
        raise InvalidInput(
            f"`weights` must have one entry per player ({len(players)}); got the number {value!r}. "
            f"Write weights={_for_two(value, len(players))}."
        )
    array = within(
        per_player(value, "weights", players, payoffs=True), "weights", 0.0, np.inf, players=players
    )
    total = array.sum(axis=-1)
    if not (total >= SMALLEST).all():
        raise InvalidInput(
            f"`weights` must add up to more than {SMALLEST:g}; got {total.min():g}. Leave them out for equal weights."
        )
    return _divided(array, total)


def _divided(array: Floats, total: Floats) -> Floats:
    """Return entries over their sums; as they are where these are 1 as near as rounding tells."""
    near = np.abs(total - 1.0) <= array.shape[-1] * np.finfo(float).eps
    return array if near.all() else np.asarray(array / total[..., None])


def _for_two(value: float, players: int) -> str:
    """Return the weights that a single number may have meant."""
    rest = 1 - value if 0 < value < 1 else 1
    return str([value, *[round(rest / (players - 1), 12)] * (players - 1)])


def distribution(value: ByPlayer | None, name: str, players: int | Names) -> Floats:
    """Return non-negative weights that sum to one on the last axis; None gives equal weights."""
    count = players if isinstance(players, int) else len(players)
    if value is None:
        return np.full(count, 1.0 / count)
    names = None if isinstance(players, int) else players
    array = within(per_player(value, name, players), name, 0.0, 1.0, players=names)
    total = array.sum(axis=-1)
    missed = np.abs(total - 1.0)
    if (missed > 1e-9).any():
        raise InvalidInput(
            f"`{name}` must sum to 1 over players; got a sum of {plain(total.flat[np.argmax(missed)])}. "
            f"Divide by the sum."
        )
    return _divided(array, total)
