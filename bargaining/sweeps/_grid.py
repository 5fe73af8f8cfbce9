"""A grid: named axes of values with units, and its cells in a fixed order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import short
from bargaining.errors import InvalidInput

_RESERVED = ("player", "status", "message", "payoffs", "residual")
_KINDS = {"i": "numbers", "u": "numbers", "f": "numbers", "b": "truth values", "U": "text"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Axis:
    """One parameter of the model: its name, its values and their unit."""

    name: str
    values: NDArray[Any]
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """The product of its axes; the last axis varies fastest."""

    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each axis has."""
        return tuple(axis.values.size for axis in self.axes)

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return prod(self.shape)

    def columns(self, start: int, stop: int) -> dict[str, NDArray[Any]]:
        """Return the parameters of the cells `start` to `stop - 1`, one array per axis."""
        places = np.unravel_index(np.arange(start, stop), self.shape)
        return {axis.name: axis.values[place] for axis, place in zip(self.axes, places, strict=True)}


def read_grid(grid: Mapping[str, Any]) -> Grid:
    """Check a user's grid: a mapping of names to values, to (values, unit), or to labelled arrays."""
    if not isinstance(grid, Mapping) or not grid:
        raise InvalidInput(f"`grid` must map parameter names to 1-d values; got {grid!r}.")
    return Grid(axes=tuple(_axis(name, values) for name, values in grid.items()))


def _axis(name: str, given: Any) -> Axis:
    if not isinstance(name, str) or not name.isidentifier() or name in _RESERVED:
        raise InvalidInput(
            f"`grid` must have parameter names as keys, none of {', '.join(_RESERVED)}; got {name!r}."
        )
    values, unit = _unit(given)
    array = _one_kind(values, f"grid[{name!r}]")
    if array.ndim != 1 or array.size == 0:
        raise InvalidInput(f"`grid[{name!r}]` must be 1-d and not empty; got shape {array.shape}.")
    if array.dtype.kind not in "iufbU":
        raise InvalidInput(f"`grid[{name!r}]` must be real numbers or text; got type {array.dtype}.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InvalidInput(f"`grid[{name!r}]` must be finite; got {array[~np.isfinite(array)][0]}.")
    array = array.copy()
    array.flags.writeable = False
    return Axis(name=name, values=array, unit=unit)


def _one_kind(values: Any, name: str) -> NDArray[Any]:
    """Return values of one kind as an array: NumPy makes text of numbers beside text, and reads what is masked."""
    if np.ma.is_masked(values):
        raise InvalidInput(f"`{name}` must not have masked entries; got {short(values)}. Drop them.")
    if not isinstance(values, np.ndarray) and isinstance(values, Sequence):
        kinds = {_KINDS.get(np.asarray(value).dtype.kind, "other") for value in values}
        if len(kinds) > 1:
            raise InvalidInput(
                f"`{name}` must be of one kind; got {' and '.join(sorted(kinds))}: {short(values)}."
            )
    try:
        return np.asarray(values)
    except (ValueError, TypeError):
        raise InvalidInput(f"`{name}` must be 1-d values; got {short(values)}.") from None


def _unit(given: Any) -> tuple[Any, str]:
    if hasattr(given, "attrs") and hasattr(given, "dims"):
        return given.values, str(given.attrs.get("units", ""))
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], str):
        values, unit = given
        if isinstance(values, Sequence | np.ndarray) and not isinstance(values, str):
            return values, unit
    return given, ""
