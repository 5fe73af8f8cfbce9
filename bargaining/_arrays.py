"""The boundary: array-likes in; finite, shaped, read-only float arrays out.

Every public function passes its arguments through here once, before any arithmetic. Players are
always the last axis; leading axes are a batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining.errors import InvalidInput

Floats = NDArray[np.float64]

LARGEST = 1e300
"""The largest payoff: sums, differences and weighted sums of a few stay well below the largest float."""
SMALLEST = 1e-290
"""The smallest gain that is not taken for nothing: products of relative roundings stay above the subnormal floats."""


def real(
    value: ArrayLike, name: str, *, ndim: int | None = None, finite: bool = True, payoffs: bool = False
) -> Floats:
    """Return `value` as a read-only float array, or say what is wrong with it.

    Parameters
    ----------
    value : array_like
        Numbers. Booleans, strings, complex numbers, ragged lists and empty arrays are rejected.
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
    array = _as_array(value, name)
    if array.size == 0:
        raise InvalidInput(f"`{name}` must not be empty; got an array of shape {array.shape}.")
    if ndim is not None and array.ndim != ndim:
        raise InvalidInput(f"`{name}` must have {ndim} axes; got {array.ndim}, shape {array.shape}.")
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
    array = array.view()
    array.flags.writeable = False
    return array


def _as_array(value: ArrayLike, name: str) -> Floats:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"`{name}` must be an array of numbers; got {short(value)} ({error}).") from None
    if array.dtype.kind == "O":
        array = _from_objects(array, name)
    if array.dtype.kind not in "iuf":
        raise InvalidInput(
            f"`{name}` must be real numbers; got {short(value)} of type {array.dtype}. Convert it to float first."
        )
    with np.errstate(over="ignore"):
        return array.astype(np.float64, copy=False)


def _from_objects(array: NDArray[Any], name: str) -> Floats:
    """Accept exact rationals and large integers; refuse every other object."""
    from numbers import Rational

    for entry in array.flat:
        if isinstance(entry, bool) or not isinstance(entry, Rational | float | np.floating | np.integer):
            raise InvalidInput(
                f"`{name}` must be real numbers; got {short(entry)}, a {type(entry).__name__}."
            )
    try:
        return array.astype(np.float64)
    except OverflowError:
        raise InvalidInput(f"`{name}` must fit in a float; got {short(array)}. Rescale it.") from None


def short(value: object) -> str:
    """Return a value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def by_cell(array: Floats) -> Floats:
    """Return a batch as one row a cell, players last."""
    return array.reshape(-1, array.shape[-1])


def scalar(value: ArrayLike, name: str, *, finite: bool = True) -> float:
    """Return `value` as one float."""
    array = real(value, name, finite=finite)
    if array.ndim:
        raise InvalidInput(f"`{name}` must be a single number; got shape {array.shape}.")
    return float(array)


def per_player(value: ArrayLike, name: str, players: int, *, payoffs: bool = False) -> Floats:
    """Return `value` with `players` as its last axis; a bare scalar is given to every player."""
    array = real(value, name, payoffs=payoffs)
    if array.ndim == 0:
        array = np.broadcast_to(array, (players,))
    return by_player(array, name, players)


def by_player(array: Floats, name: str, players: int) -> Floats:
    """Check that an array has `players` as its last axis."""
    if array.shape[-1:] != (players,):
        raise InvalidInput(
            f"`{name}` must have one entry per player on its last axis ({players}); got shape {array.shape}."
        )
    return array


def within(array: Floats, name: str, low: float, high: float, *, ends: str = "[]") -> Floats:
    """Check that every entry lies between `low` and `high`; `ends` says which ends are included."""
    below = array < low if ends[0] == "[" else array <= low
    above = array > high if ends[1] == "]" else array >= high
    bad = below | above
    if bad.any():
        where = tuple(int(k) for k in np.argwhere(bad)[0])
        player = f" for player {where[-1]}" if array.ndim == 1 else (f" at index {where}" if where else "")
        raise InvalidInput(
            f"`{name}` must lie in {ends[0]}{low:g}, {high:g}{ends[1]}; got {array[where]:.17g}{player}."
        )
    return array


def discounts(value: ArrayLike, players: int, *, name: str = "discounts") -> Floats:
    """Return per-period discount factors in [0, 1), one per player."""
    return within(per_player(value, name, players), name, 0.0, 1.0, ends="[)")


def distribution(value: ArrayLike | None, name: str, players: int) -> Floats:
    """Return non-negative weights that sum to one on the last axis; None gives equal weights."""
    if value is None:
        return np.full(players, 1.0 / players)
    array = within(per_player(value, name, players), name, 0.0, 1.0)
    total = array.sum(axis=-1)
    missed = np.abs(total - 1.0)
    if (missed > 1e-9).any():
        raise InvalidInput(
            f"`{name}` must sum to 1 over players; got a sum of {total.flat[np.argmax(missed)]:.17g}. "
            f"Divide by the sum."
        )
    if (missed <= players * np.finfo(float).eps).all():  # as near as the rounding of the sum tells
        return array
    shares: Floats = array / total[..., None]
    return shares
