"""From a stretch of cells to arrays: one call for all of them, or one call for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining.errors import InvalidInput, Status
from bargaining.sweeps._grid import Grid

Chunk = dict[str, NDArray[Any]]
"""`status` (cells,), every number (cells, ...), and, if cells failed, their messages and places."""

MESSAGES, FAILED = " messages", " failed"
SPECIAL = ("status", MESSAGES, FAILED)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """What a worker needs to compute any stretch of cells."""

    model: Callable[..., Any]
    method: Callable[[Any], Any]
    grid: Grid
    vectorized: bool

    def __call__(self, stretch: tuple[int, int]) -> tuple[int, Chunk]:
        """Compute the cells `start` to `stop - 1`; return `start` with their numbers."""
        start, stop = stretch
        columns = self.grid.columns(start, stop)
        if self.vectorized:
            try:
                return start, self._together(columns, stop - start)
            except Exception:
                pass  # The cells are tried again one by one, and keep their own messages.
        return start, _gather([self._alone(columns, k) for k in range(stop - start)])

    def _together(self, columns: dict[str, NDArray[Any]], cells: int) -> Chunk:
        numbers, status = measure(self.method(self.model(**columns)))
        chunk = {name: _per_cell(name, array, cells) for name, array in numbers.items()}
        return chunk | {"status": np.broadcast_to(np.asarray(status, np.int8), (cells,))}

    def _alone(self, columns: dict[str, NDArray[Any]], k: int) -> tuple[dict[str, NDArray[Any]], int, str]:
        """Return the numbers, the status and the message of one cell."""
        try:
            if self.vectorized:
                chunk = self._together({name: values[k : k + 1] for name, values in columns.items()}, 1)
                return {n: a[0] for n, a in chunk.items() if n not in SPECIAL}, int(chunk["status"][0]), ""
            point = {name: values[k].item() for name, values in columns.items()}
            numbers, status = measure(self.method(self.model(**point)))
            return numbers, int(np.asarray(status)), ""
        except Exception as error:  # One failing cell must not stop the others.
            return {}, Status.FAILED, f"{type(error).__name__}: {error}"


def measure(result: Any) -> tuple[dict[str, NDArray[Any]], Any]:
    """Return the numbers in a result by name, and its status.

    A mapping gives its entries, a `Division` its payoffs and residual, another dataclass its numeric
    fields, anything else with `to_dict` the numeric entries of that; a bare number is called `value`.
    """
    strict = isinstance(result, Mapping)
    if strict:
        entries = dict(result)
    elif hasattr(result, "payoffs") and hasattr(result, "residual"):
        entries = {name: getattr(result, name) for name in ("payoffs", "residual", "status")}
    elif is_dataclass(result) and not isinstance(result, type):
        entries = {field.name: getattr(result, field.name) for field in fields(result)}
    elif hasattr(result, "to_dict"):
        entries = dict(result.to_dict())
    else:
        entries, strict = {"value": result}, True
    status = entries.pop("status", Status.OK)
    numbers = {
        str(name): array
        for name, value in entries.items()
        if (array := _numeric(name, value, strict)) is not None
    }
    if not numbers:
        raise InvalidInput(f"`method` must return numbers; got {result!r}, which has none.")
    return numbers, status


def _numeric(name: str, value: Any, strict: bool) -> NDArray[np.float64] | None:
    try:
        array = np.asarray(np.nan if value is None and strict else value)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind in "biuf":
        return array.astype(np.float64)
    if strict:
        raise InvalidInput(f"`method` must return numbers; got {value!r} for {name!r}.")
    return None


def _per_cell(name: str, array: NDArray[Any], cells: int) -> NDArray[Any]:
    if array.ndim == 0:
        return np.broadcast_to(array, (cells,))
    if array.shape[0] != cells:
        raise InvalidInput(
            f"a vectorized model and method must return {cells} cells on the first axis; `{name}` has {array.shape}."
        )
    return array


def _gather(results: list[tuple[dict[str, NDArray[Any]], int, str]]) -> Chunk:
    """Stack the cells; where shapes differ, the shorter are padded with NaN."""
    names = dict.fromkeys(name for numbers, _, _ in results for name in numbers)
    chunk = {name: stack([numbers.get(name) for numbers, _, _ in results], name) for name in names}
    chunk["status"] = np.array([status for _, status, _ in results], np.int8)
    if failed := [k for k, (_, _, message) in enumerate(results) if message]:
        chunk[FAILED] = np.array(failed, np.int64)
        chunk[MESSAGES] = np.array([results[k][2] for k in failed], dtype=np.str_)
    return chunk


def stack(arrays: list[NDArray[Any] | None], name: str) -> NDArray[np.float64]:
    """Stack arrays of one number of axes along a new first axis; what is missing is NaN."""
    shape = widest([array.shape for array in arrays if array is not None], name)
    out = np.full((len(arrays), *shape), np.nan)
    for k, array in enumerate(arrays):
        if array is not None:
            place: tuple[int | slice, ...] = (k, *(slice(size) for size in array.shape))
            out[place] = array
    return out


def widest(shapes: list[tuple[int, ...]], name: str) -> tuple[int, ...]:
    """Return the smallest shape that holds all of `shapes`."""
    if len({len(shape) for shape in shapes}) > 1:
        raise InvalidInput(
            f"`method` must return `{name}` with one number of axes in every cell; got {sorted(set(shapes))}."
        )
    return tuple(map(max, zip(*shapes, strict=True)))
