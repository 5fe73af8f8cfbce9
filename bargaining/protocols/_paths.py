"""Numbers or functions of time, made safe to evaluate at many times at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arrays import Floats, real
from bargaining.errors import InvalidInput

OfTime = float | Callable[[float], float]
"""A constant, or a function of time; functions that accept arrays are faster."""


@dataclass(frozen=True, slots=True)
class Path:
    """One checked function of time."""

    name: str
    value: float | Callable[..., ArrayLike]
    vectorised: bool
    negative: bool = True

    @property
    def constant(self) -> bool:
        """Whether it is a number."""
        return not callable(self.value)

    def __call__(self, times: Floats) -> Floats:
        """Return the values at these times, in their shape."""
        if not callable(self.value):
            return np.full(times.shape, self.value)
        flat = times.ravel()
        with np.errstate(all="ignore"):  # what is not finite is reported with its time
            raw = self.value(flat) if self.vectorised else [self._single(t) for t in flat.tolist()]
        values = np.asarray(raw, dtype=np.float64)
        self._check(values, flat)
        return values.reshape(times.shape)

    def _single(self, time: float) -> ArrayLike:
        assert callable(self.value)
        try:
            return self.value(time)
        except ArithmeticError as error:
            raise InvalidInput(f"`{self.name}` has no value at t = {time:.17g}: {error}.") from None

    def _check(self, values: Floats, times: Floats) -> None:
        bad = ~np.isfinite(values)
        if not self.negative:
            bad |= values < 0
        if bad.any():
            k = int(np.argmax(bad))
            wanted = "finite" if self.negative else "finite and not negative"
            raise InvalidInput(
                f"`{self.name}` must be {wanted} at every time; got {values[k]:.17g} at t = {times[k]:.17g}. "
                f"Repair the function there."
            )


def path(value: object, name: str, *, negative: bool = True) -> Path:
    """Return a checked path from a number or a function of time."""
    if not callable(value):
        number = real(value, name)  # type: ignore[arg-type]
        if number.ndim:
            raise InvalidInput(f"`{name}` must be a number or a function of time; got shape {number.shape}.")
        if not negative and number < 0:
            raise InvalidInput(f"`{name}` must not be negative; got {float(number):.17g}.")
        return Path(name, float(number), True, negative)
    return Path(name, value, _takes_arrays(value, name), negative)


def _takes_arrays(function: Callable[..., ArrayLike], name: str) -> bool:
    """Say whether the function maps an array of times as it maps each of them."""
    times = np.array([0.0, 0.7310585786300049, 2.5])
    single = np.array([_number(function, t, name) for t in times.tolist()])
    try:
        together = np.asarray(function(times), dtype=np.float64)
    except Exception:  # whatever a scalar function raises on an array
        return False
    return together.shape == times.shape and np.array_equal(together, single, equal_nan=True)


def _number(function: Callable[..., ArrayLike], time: float, name: str) -> float:
    value = function(time)
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InvalidInput(
            f"`{name}` must return a number at each time; got {value!r} at t = {time:g}."
        ) from None


def pair(value: object, name: str, *, optional: bool = False) -> tuple[Path | None, Path | None]:
    """Return two paths, one per player, from a pair of numbers or functions; None: no entry."""
    entries = (None, None) if value is None else value
    if callable(entries) or not isinstance(entries, tuple | list | np.ndarray) or len(entries) != 2:
        raise InvalidInput(
            f"`{name}` must be a pair, one number or function of time per player; got {value!r}."
        )
    first, second = (None if each is None else path(each, name) for each in entries)
    if not optional and value is not None and (first is None or second is None):
        raise InvalidInput(f"`{name}` must have an entry for each player; got {value!r}. Give 0 for none.")
    return first, second
