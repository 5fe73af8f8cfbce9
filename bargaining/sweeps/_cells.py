"""A grid and its cells in a fixed order, the computation of ranges of cells, and finished chunks in a folder.

Each chunk is one file, written under another name and renamed, and there is a manifest. The name of a chunk's file
contains the hash of the sweep's identity, so two sweeps that share a folder by mistake never read each other's numbers;
two runs of one sweep on one machine write the same bytes.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from hashlib import blake2b, sha256
from math import prod
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bargaining._arrays import short
from bargaining._files import path_of, write_whole
from bargaining._names import are_given
from bargaining.errors import InvalidInput, Status

_STATUS = {
    "flag_values": [int(status) for status in Status],
    "flag_meanings": " ".join(status.name for status in Status),
}


def dataset(grid: Grid, chunks: Mapping[int, Chunk], about: Mapping[str, str]) -> xr.Dataset:
    """Put chunks together, by the cell each begins at, with the names and units of the grid.

    Cells without a chunk are PENDING. Arrays whose shape differs from chunk to chunk are padded with NaN.
    """
    whole = join(dict(sorted(chunks.items())), grid.cells)
    messages = np.full(grid.cells, "", dtype=object)
    if FAILED in whole:
        messages[whole[FAILED]] = whole[MESSAGES]
    shapes = {name: array.shape[1:] for name, array in whole.items() if name not in SPECIAL}
    players = (shapes.get("payoffs") or (None,))[-1]
    axes = [axis.name for axis in grid.axes]
    units = {axis.name: {"units": axis.unit} if axis.unit else {} for axis in grid.axes}
    variables: dict[str, Any] = {}
    for name, shape in shapes.items():
        dims = [*axes, *_extra_axes(name, shape, players, {*axes, *shapes})]
        variables[name] = dims, whole[name].reshape(*grid.shape, *shape)
    variables["status"] = axes, whole["status"].reshape(grid.shape), _STATUS
    variables["message"] = axes, messages.reshape(grid.shape)
    data = xr.Dataset(
        variables, coords={axis.name: (axis.name, axis.values, units[axis.name]) for axis in grid.axes}
    )
    if players is not None:
        names = list(map(str, whole.get(PLAYERS, ())))
        data["player"] = names if len(names) == players else np.arange(players)
    data.attrs = dict(about)
    return data


def _extra_axes(name: str, shape: Sequence[int], players: int | None, taken: Iterable[str]) -> list[str]:
    """Name the axes that a variable has beyond the grid; players are always the last."""
    axes = [f"{name}_{k}" for k in range(len(shape))]
    while set(axes) & set(taken):
        axes = [f"{axis}_" for axis in axes]
    if players is not None and shape and shape[-1] == players:
        axes[-1] = "player"
    return axes


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
        """The number of values of each axis."""
        return tuple(axis.values.size for axis in self.axes)

    @property
    def cells(self) -> int:
        """The number of cells."""
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
    """Return values of one kind as an array: NumPy would mix numbers with strings, and read masked entries."""
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


Chunk = dict[str, NDArray[Any]]
"""`status` (cells,), every number (cells, ...), and, if cells have messages, those and their places."""

_MANIFEST = "manifest.json"
_DIGEST = 16  # bytes of a hash: enough that no two parts share one by chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """The finished chunks of one sweep."""

    path: Path
    key: str

    def load(self, start: int) -> Chunk | None:
        """Return the chunk that begins at cell `start`, or None where it is absent or damaged."""
        try:
            content = self._file(start).read_bytes()
        except FileNotFoundError:
            return None
        archive, digest = content[:-_DIGEST], content[-_DIGEST:]
        if digest != _digest(archive):
            return None
        try:
            with np.load(io.BytesIO(archive), allow_pickle=False) as stored:
                return {name[1:]: stored[name] for name in stored.files}
        except Exception:  # Not written by `store`: a pickle, say, which is not opened.
            return None

    def store(self, start: int, chunk: Chunk) -> None:
        """Write a finished chunk."""
        # The dot keeps any name apart from the arguments of savez.
        named: dict[str, Any] = {f".{name}": np.ascontiguousarray(array) for name, array in chunk.items()}
        buffer = io.BytesIO()
        np.savez(buffer, **named)
        archive = buffer.getvalue()
        write_whole(self._file(start), archive + _digest(archive), durable=False)

    def _file(self, start: int) -> Path:
        return self.path / f"{self.key}-{start:012d}.npz"


def _digest(archive: bytes) -> bytes:
    """Return the checksum that follows the archive in its file, by which damaged files are recognised."""
    return blake2b(archive, digest_size=_DIGEST).digest()


def open_folder(path: str | Path, grid: Grid, about: Mapping[str, Any], size: int) -> Folder:
    """Make the folder, or check that it holds the sweep of `grid` that `about` describes, in chunks of `size` cells.

    Raises
    ------
    InvalidInput
        If the folder holds another sweep; the message shows what differs.
    OSError
        If the folder cannot be made or written: chunks that were finished are safe.
    """
    path = path_of(path, "checkpoint").absolute()
    wanted = json.loads(
        json.dumps(
            {"grid": {axis.name: _entry(axis) for axis in grid.axes}, **about, "cells per chunk": size}
        )
    )
    if path.exists() and not path.is_dir():
        raise InvalidInput(f"`checkpoint` must be a folder; {str(path)!r} is a file.")
    path.mkdir(parents=True, exist_ok=True)
    if _read_manifest(path / _MANIFEST) is None:
        write_whole(path / _MANIFEST, json.dumps(wanted, indent=1, ensure_ascii=False).encode())
    stored = _read_manifest(path / _MANIFEST) or {}
    if stored != wanted:
        raise InvalidInput(
            f"`checkpoint` holds another sweep: {'; '.join(_differences(stored, wanted))}. "
            f"Use another folder, or delete {str(path)!r}; `open_sweep` reads what it holds."
        )
    return Folder(path=path, key=_key(wanted))


def read_folder(path: str | Path) -> tuple[Folder, Grid, dict[str, Any]]:
    """Return a folder that holds a sweep, its grid and its manifest, whatever this library's version now is.

    Raises
    ------
    InvalidInput
        If `path` holds no checkpoint that can be read.
    """
    path = path_of(path, "path").absolute()
    manifest = _read_manifest(path / _MANIFEST)
    try:
        axes = [
            Axis(name=name, values=np.array(entry["values"], dtype=entry["type"]), unit=entry["unit"])
            for name, entry in manifest["grid"].items()
        ]
        whole = all(axis.values.ndim == 1 and axis.values.size for axis in axes) and all(
            isinstance(one, str)
            for one in (manifest["model"], manifest["method"], manifest["versions"]["bargaining"])
        )
        grid, whole = Grid(axes=tuple(axes)), whole and int(manifest["cells per chunk"]) > 0
        folder = Folder(path=path, key=_key(manifest))
    except Exception:  # Neither file need be what it was; what a damaged array raises depends on the place.
        whole = False
    if not whole:
        raise InvalidInput(f"`path` must be a folder that `sweep` made as a checkpoint; got {str(path)!r}.")
    return folder, grid, manifest


def _key(identity: Mapping[str, Any]) -> str:
    return sha256(
        json.dumps(identity, indent=1, ensure_ascii=False).encode("utf-8", "surrogatepass")
    ).hexdigest()[:12]


def _entry(axis: Axis) -> dict[str, Any]:
    return {"values": axis.values.tolist(), "type": axis.values.dtype.str, "unit": axis.unit}


def _read_manifest(path: Path) -> Any:
    """Return the manifest, or None if there is no readable one."""
    try:
        stored = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return stored if isinstance(stored, dict) else None


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Say what differs, one clause for each entry."""
    was, now = _flat(old), _flat(new)
    return [
        f"{name} was {_short(was.get(name))} and is now {_short(now.get(name))}"
        for name in was | now
        if was.get(name) != now.get(name)
    ]


def _flat(entry: Any, name: str = "") -> dict[str, Any]:
    """Return nested entries by their joined names."""
    if not isinstance(entry, dict):
        return {name: entry}
    parts = (_flat(value, f"{name} {key}".strip()) for key, value in entry.items())
    return {inner: value for part in parts for inner, value in part.items()}


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return "absent" if value is None else text if len(text) <= 120 else f"{text[:80]}...{text[-30:]}"


MESSAGES, FAILED, PLAYERS = " messages", " failed", " players"
SPECIAL = ("status", MESSAGES, FAILED, PLAYERS)
_OK = (Status.OK, Status.DEGENERATE)
_LAST = int(max(Status))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """The work of one process: how to compute a range of cells."""

    model: Callable[..., Any]
    method: Callable[[Any], Any]
    grid: Grid
    vectorized: bool

    def __call__(self, stretch: tuple[int, int]) -> tuple[int, Chunk]:
        """Compute the cells `start` to `stop - 1`; return `start` with their numbers."""
        start, stop = stretch
        return start, self._computed(start, stop)

    def _computed(self, start: int, stop: int) -> Chunk:
        columns = self.grid.columns(start, stop)
        if self.vectorized:
            try:
                return self._read(self.method(self.model(**columns)), stop - start)
            except Exception:
                pass  # The cells are tried again one by one, and keep their own messages.
        return join({k: self._alone(columns, k) for k in range(stop - start)}, stop - start)

    def _alone(self, columns: dict[str, NDArray[Any]], k: int) -> Chunk:
        """Return one cell."""
        try:
            if self.vectorized:
                part = {name: values[k : k + 1] for name, values in columns.items()}
                return self._read(self.method(self.model(**part)), 1)
            point = {name: values[k].item() for name, values in columns.items()}
            return self._read(self.method(self.model(**point)), None)
        except Exception as error:  # One failing cell must not stop the others.
            return _ends(np.array([Status.FAILED], np.int8), {0: f"{type(error).__name__}: {error}"})

    def _read(self, result: Any, cells: int | None) -> Chunk:
        """Return the numbers of a result of so many cells, or of one cell without an axis of cells if None."""
        numbers, status, checked = measure(result)
        if twice := numbers.keys() & {*(axis.name for axis in self.grid.axes), "message", "player"}:
            raise InvalidInput(
                f"`method` must not name a number like a parameter, `message` or `player`; got {min(twice)!r}."
            )
        ends = _statuses(status)
        if cells is None and ends.size != 1:
            raise InvalidInput(f"`method` must return one status; got {short(ends.tolist())}.")
        ends = ends.reshape(1).copy() if cells is None else np.broadcast_to(ends, (cells,)).copy()
        numbers = {name: _by_cell(name, number, cells) for name, number in numbers.items()}
        ends, messages = _judged({name: numbers[name] for name in numbers if name in checked}, ends)
        names = getattr(result, "player_names", ())
        named = isinstance(names, tuple) and are_given(names)
        players: Chunk = {PLAYERS: np.array(names, dtype=np.str_)} if named and names else {}
        return (
            {name: number.filled(np.nan) for name, number in numbers.items()}
            | _ends(ends, messages)
            | players
        )


Number = np.ma.MaskedArray[Any, Any]
"""A result of a method under one name; numbers that do not exist are masked."""


def _by_cell(name: str, number: Number, cells: int | None) -> Number:
    """Return one entry a cell; a single number is given to all. None stands for one cell, without an axis."""
    if cells is None:
        return number.reshape(1, *number.shape)
    if number.ndim and number.shape[0] != cells:
        raise InvalidInput(
            f"a vectorized model and method must return {cells} cells on the first axis; `{name}` has {number.shape}."
        )
    shape = (cells, *number.shape[1:])
    return np.ma.array(
        np.broadcast_to(number.data, shape), mask=np.broadcast_to(np.ma.getmaskarray(number), shape)
    )


def measure(result: Any) -> tuple[dict[str, Number], Any, set[str]]:
    """Return the numbers in a result by name, its status, and the names of the numbers that must be finite.

    A mapping gives its entries, a `Division` its payoffs and residual, another dataclass its public
    numeric fields, anything else with `to_dict` the numeric entries of that; a bare number is called `value`.
    """
    strict = isinstance(result, Mapping)
    if strict:
        entries = dict(result)
    elif hasattr(result, "payoffs") and hasattr(result, "residual"):
        entries = {name: getattr(result, name) for name in ("payoffs", "residual", "status")}
    elif is_dataclass(result) and not isinstance(result, type):
        public = [field.name for field in fields(result) if not field.name.startswith("_")]
        entries = {name: getattr(result, name) for name in public}
    elif hasattr(result, "to_dict"):
        entries = dict(result.to_dict())
    else:
        entries, strict = {"value": result}, True
    # A result of this library says itself where a number may be infinite; its payoffs may not.
    ours = type(result).__module__.partition(".")[0].startswith("bargaining")
    status = entries.pop("status", Status.OK)
    given = {str(name): _number(name, value, strict) for name, value in entries.items()}
    numbers = {name: number for name, number in given.items() if number is not None}
    if not numbers:
        raise InvalidInput(f"`method` must return numbers; got {short(result)}, which has none.")
    return numbers, status, {"payoffs"} if ours else set(numbers)


def _number(name: str, value: Any, strict: bool) -> Number | None:
    """Return real numbers, with None and masked entries as absent; None for an entry that is not a number."""
    masked = np.ma.getmaskarray(value) if np.ma.is_masked(value) else np.False_
    try:
        array = np.asarray(value)
    except ValueError:  # Rows of unequal length.
        array = np.asarray("")
    absent = np.broadcast_to(masked, array.shape)
    if strict and array.dtype.kind == "O":
        absent = absent | np.array([one is None for one in array.flat], dtype=bool).reshape(array.shape)
        if all(isinstance(one, Real | Decimal) for one in array[~absent].flat):
            array = np.array([0.0 if one is None else float(one) for one in array.flat]).reshape(array.shape)
    if array.dtype.kind in "biuf":
        return np.ma.array(array.astype(np.float64), mask=absent)
    if strict:
        raise InvalidInput(f"`method` must return real numbers; got {short(value)} for {name!r}.")
    return None


def _statuses(status: Any) -> NDArray[np.int8]:
    """Return statuses that are among those of `Status`."""
    if type(status) is Status:
        return np.array(status, np.int8)
    array = np.asarray(status)
    known = array.dtype.kind in "iu" and array.size and array.min() >= 0 and array.max() <= _LAST
    if not known:
        raise InvalidInput(
            f"`method` must return a status from 0 to {_LAST}, as in `Status`; got {short(status)}."
        )
    return array.astype(np.int8)


def _judged(numbers: dict[str, Number], status: NDArray[np.int8]) -> tuple[NDArray[np.int8], dict[int, str]]:
    """Return the status of each cell, and a message where a number contradicts it.

    A cell is not OK with a number that is NaN (it is FAILED) or infinite (UNBOUNDED).
    """
    messages: dict[int, str] = {}
    for name, number in numbers.items():
        flat = number.reshape(len(status), -1) if number.size else np.ma.zeros((len(status), 1))
        wrong = ~np.isfinite(flat.data) & ~np.ma.getmaskarray(flat)
        if not wrong.any():
            continue
        wrong &= np.isin(status, _OK)[:, None]
        for k in np.flatnonzero(wrong.any(axis=1)).tolist():
            found = flat.data[k][wrong[k]]
            value = found[np.argmax(np.isnan(found))]
            status[k] = Status.FAILED if np.isnan(value) else Status.UNBOUNDED
            messages[k] = f"`{name}` is {value}; return None for a number that does not exist."
    return status, messages


def _ends(status: NDArray[np.int8], messages: Mapping[int, str]) -> Chunk:
    """Return statuses and messages as a chunk stores them: most cells have no message."""
    ends: Chunk = {"status": status}
    if messages:
        ends[FAILED] = np.array(sorted(messages), np.int64)
        ends[MESSAGES] = np.array([messages[k] for k in sorted(messages)], dtype=np.str_)
    return ends


def join(parts: Mapping[int, Chunk], cells: int) -> Chunk:
    """Join chunks, by the cell each begins at, to one of so many cells; cells without a chunk are PENDING.

    Where shapes differ, the smaller are padded with NaN, after axes of length 1 in front of those with fewer axes.
    """
    whole: Chunk = {}
    for name in dict.fromkeys(name for part in parts.values() for name in part if name not in SPECIAL):
        arrays = {start: part[name] for start, part in parts.items() if name in part}
        axes = max(array.ndim for array in arrays.values())
        for start, array in arrays.items():
            arrays[start] = array.reshape(len(array), *[1] * (axes - array.ndim), *array.shape[1:])
        shape = map(max, zip(*(array.shape[1:] for array in arrays.values()), strict=True))
        whole[name] = np.full((cells, *shape), np.nan)
        for start, array in arrays.items():
            whole[name][(slice(start, start + len(array)), *map(slice, array.shape[1:]))] = array
    status, messages = np.full(cells, Status.PENDING, np.int8), dict[int, str]()
    for start, part in parts.items():
        status[start : start + len(part["status"])] = part["status"]
        if FAILED in part:
            messages |= zip((start + part[FAILED]).tolist(), map(str, part[MESSAGES]), strict=True)
    named = {
        tuple(part.get(PLAYERS, ())) for part in parts.values() if (part["status"] != Status.FAILED).any()
    }
    players = named.pop() if len(named) == 1 else ()
    return whole | _ends(status, messages) | ({PLAYERS: np.array(players, dtype=np.str_)} if players else {})
