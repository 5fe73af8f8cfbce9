"""From a stretch of cells to arrays: one call for all of them, or one call for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import short
from bargaining._names import are_given
from bargaining._platform import made_on
from bargaining.errors import InvalidInput, Status
from bargaining.sweeps._checkpoint import Chunk, Folder
from bargaining.sweeps._grid import Grid

MESSAGES, FAILED, PLATFORM, PLAYERS = " messages", " failed", " platform", " players"
SPECIAL = ("status", MESSAGES, FAILED, PLATFORM, PLAYERS)
_OK = (Status.OK, Status.DEGENERATE)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """What a worker needs to compute any stretch of cells, and where it puts them if it can reach the place."""

    model: Callable[..., Any]
    method: Callable[[Any], Any]
    grid: Grid
    vectorized: bool
    folder: Folder | None = None

    def __call__(self, stretch: tuple[int, int]) -> tuple[int, Chunk | None]:
        """Compute the cells `start` to `stop - 1`; return `start` with their numbers, or with None once stored.

        A worker that sees the checkpoint stores its chunk itself, so that neither a `map` that waits for all
        chunks nor one that gives them in order can lose one that is finished.
        """
        start, stop = stretch
        chunk = self._computed(start, stop) | {PLATFORM: np.array([made_on()])}
        if self.folder is None or not self.folder.is_here():
            return start, chunk
        self.folder.store(start, chunk)
        return start, None

    def _computed(self, start: int, stop: int) -> Chunk:
        columns = self.grid.columns(start, stop)
        if self.vectorized:
            try:
                return self._together(columns, stop - start)
            except Exception:
                pass  # The cells are tried again one by one, and keep their own messages.
        return _gather([self._alone(columns, k) for k in range(stop - start)])

    def _together(self, columns: dict[str, NDArray[Any]], cells: int) -> Chunk:
        result = self.method(self.model(**columns))
        numbers, status = self._measured(result)
        for name, number in numbers.items():
            if number.values.ndim and number.values.shape[0] != cells:
                raise InvalidInput(
                    f"a vectorized model and method must return {cells} cells on the first axis; "
                    f"`{name}` has {number.values.shape}."
                )
        spread = {name: number.spread(cells) for name, number in numbers.items()}
        ended, messages = _judged(spread, np.broadcast_to(status, (cells,)).copy())
        chunk = {name: number.values for name, number in spread.items()}
        return chunk | _ends(ended, messages) | _called(_players(result))

    def _alone(self, columns: dict[str, NDArray[Any]], k: int) -> Cell:
        """Return one cell."""
        try:
            if self.vectorized:
                chunk = self._together({name: values[k : k + 1] for name, values in columns.items()}, 1)
                message = str(chunk[MESSAGES][0]) if FAILED in chunk else ""
                found = {n: a[0] for n, a in chunk.items() if n not in SPECIAL}
                return Cell(found, int(chunk["status"][0]), message, tuple(chunk.get(PLAYERS, ())))
            point = {name: values[k].item() for name, values in columns.items()}
            result = self.method(self.model(**point))
            numbers, status = self._measured(result)
            if status.size != 1:
                raise InvalidInput(f"`method` must return one status; got {short(status.tolist())}.")
            ended, messages = _judged(
                {n: number.alone() for n, number in numbers.items()}, status.reshape(1).copy()
            )
            found = {name: number.values for name, number in numbers.items()}
            return Cell(found, int(ended[0]), messages.get(0, ""), _players(result))
        except Exception as error:  # One failing cell must not stop the others.
            return Cell({}, Status.FAILED, f"{type(error).__name__}: {error}", ())

    def _measured(self, result: Any) -> tuple[dict[str, Number], NDArray[np.int8]]:
        numbers, status = measure(result)
        if twice := numbers.keys() & {*(axis.name for axis in self.grid.axes), "message", "player"}:
            raise InvalidInput(
                f"`method` must not name a number like a parameter, `message` or `player`; got {min(twice)!r}."
            )
        return numbers, _statuses(status)


class Cell(NamedTuple):
    """What came of one cell: numbers, the status, the message, and the names of the players where they have any."""

    numbers: dict[str, NDArray[Any]]
    status: int
    message: str
    players: tuple[str, ...]


def _players(result: Any) -> tuple[str, ...]:
    names = getattr(result, "player_names", ())
    return tuple(names) if isinstance(names, tuple) and are_given(names) else ()


def _called(players: tuple[str, ...]) -> Chunk:
    """Return the names of the players, as a chunk keeps them: most have none."""
    return {PLAYERS: np.array(players, dtype=np.str_)} if players else {}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Number:
    """What a method returned under one name; what does not exist is NaN, and known to be absent."""

    values: NDArray[np.float64]
    absent: NDArray[np.bool_] | None = None
    checked: bool = True

    def spread(self, cells: int) -> Number:
        """Return one entry a cell; a single number is given to all."""
        if self.values.ndim:
            return self
        absent = None if self.absent is None else np.broadcast_to(self.absent, (cells,))
        return Number(values=np.broadcast_to(self.values, (cells,)), absent=absent, checked=self.checked)

    def alone(self) -> Number:
        """Return the number of a single cell as a batch of one."""
        absent = None if self.absent is None else self.absent[None]
        return Number(values=self.values[None], absent=absent, checked=self.checked)


def measure(result: Any) -> tuple[dict[str, Number], Any]:
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
    # A result of this library says itself where a number may be infinite; its payoffs may not.
    ours = type(result).__module__.partition(".")[0].startswith("bargaining")
    status = entries.pop("status", Status.OK)
    numbers = {
        str(name): number
        for name, value in entries.items()
        if (number := _number(name, value, strict, not ours or name == "payoffs")) is not None
    }
    if not numbers:
        raise InvalidInput(f"`method` must return numbers; got {short(result)}, which has none.")
    return numbers, status


def _number(name: str, value: Any, strict: bool, checked: bool) -> Number | None:
    """Return real numbers, with None and masked entries as absent; None for what a result holds besides numbers."""
    absent = np.ma.getmaskarray(value) if np.ma.is_masked(value) else None
    try:
        array = np.asarray(value)
    except ValueError:  # Rows of unequal length.
        array = np.asarray("")
    if strict and array.dtype.kind == "O":
        none = np.array([one is None for one in array.flat]).reshape(array.shape)
        absent = none if absent is None else none | absent
        if all(isinstance(one, Real | Decimal) for one in array[~absent].flat):
            array = np.array([0.0 if one is None else float(one) for one in array.flat]).reshape(array.shape)
    if array.dtype.kind in "biuf":
        values = array.astype(np.float64)
        if absent is not None:
            values[absent] = np.nan
        return Number(values=values, absent=absent, checked=checked)
    if strict:
        raise InvalidInput(f"`method` must return real numbers; got {short(value)} for {name!r}.")
    return None


def _statuses(status: Any) -> NDArray[np.int8]:
    """Return statuses that are among those of `Status`."""
    array = np.asarray(status)
    known = array.dtype.kind in "iu" and array.size and array.min() >= 0 and array.max() <= max(Status)
    if not known:
        raise InvalidInput(
            f"`method` must return a status from 0 to {int(max(Status))}, as in `Status`; got {short(status)}."
        )
    return array.astype(np.int8)


def _judged(numbers: dict[str, Number], status: NDArray[np.int8]) -> tuple[NDArray[np.int8], dict[int, str]]:
    """Return the status of each cell, and a message where a number contradicts it.

    A cell is not OK with a number that is NaN (it is FAILED) or infinite (UNBOUNDED).
    """
    messages: dict[int, str] = {}
    for name, number in numbers.items():
        flat = number.values.reshape(len(status), -1) if number.values.size else np.zeros((len(status), 1))
        wrong = ~np.isfinite(flat)
        if not number.checked or not wrong.any():
            continue
        if number.absent is not None:
            wrong &= ~number.absent.reshape(wrong.shape)
        wrong &= np.isin(status, _OK)[:, None]
        for k in np.flatnonzero(wrong.any(axis=1)).tolist():
            found = flat[k][wrong[k]]
            value = found[np.argmax(np.isnan(found))]
            status[k] = Status.FAILED if np.isnan(value) else Status.UNBOUNDED
            messages[k] = f"`{name}` is {value}; return None for a number that does not exist."
    return status, messages


def _ends(status: NDArray[np.int8], messages: Mapping[int, str]) -> Chunk:
    """Return how cells ended, as a chunk keeps it: most have no message."""
    ends: Chunk = {"status": status}
    if messages:
        ends[FAILED] = np.array(sorted(messages), np.int64)
        ends[MESSAGES] = np.array([messages[k] for k in sorted(messages)], dtype=np.str_)
    return ends


def _gather(results: list[Cell]) -> Chunk:
    """Stack the cells; where shapes differ, the smaller are padded with NaN."""
    names = dict.fromkeys(name for cell in results for name in cell.numbers)
    chunk: Chunk = {}
    for name in names:
        arrays = [cell.numbers.get(name) for cell in results]
        shape = widest(array.shape for array in arrays if array is not None)
        chunk[name] = np.stack([padded(array, shape) for array in arrays])
    messages = {k: cell.message for k, cell in enumerate(results) if cell.message}
    named = {cell.players for cell in results if cell.status != Status.FAILED}
    players = named.pop() if len(named) == 1 else ()
    return chunk | _ends(np.array([cell.status for cell in results], np.int8), messages) | _called(players)


def widest(shapes: Any) -> tuple[int, ...]:
    """Return the smallest shape that holds all of `shapes`; one with fewer axes gets more, of length 1, in front."""
    shapes = list(shapes)
    axes = max(map(len, shapes))
    return tuple(map(max, zip(*((1,) * (axes - len(shape)) + shape for shape in shapes), strict=True)))


def padded(array: NDArray[Any] | None, shape: tuple[int, ...], *, batch: int = 0) -> NDArray[np.float64]:
    """Return an array in a wider shape, behind `batch` axes that stay; what is missing is NaN."""
    if array is None:
        return np.full(shape, np.nan)
    lead, own = array.shape[:batch], array.shape[batch:]
    own = (1,) * (len(shape) - len(own)) + own
    if own == shape:
        return array.reshape(lead + own)
    out: NDArray[np.float64] = np.full(lead + shape, np.nan)
    place: tuple[Any, ...] = (..., *map(slice, own))
    out[place] = array.reshape(lead + own)
    return out
