"""Solve a model at every point of a grid; finished chunks may be kept in a folder.

Each chunk is one file, written under another name and renamed, and there is a manifest. The name of a chunk's file
contains the hash of the sweep's identity, so two sweeps that share a folder by mistake never read each other's numbers;
two runs of one sweep on one machine write the same bytes.
"""

from __future__ import annotations

import inspect
import io
import json
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from hashlib import blake2b, sha256
from math import prod
from numbers import Real
from pathlib import Path
from sys import version_info
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import flag, function
from bargaining._arrays import short
from bargaining._calls import needs, suggesting
from bargaining._files import path_of, write_whole
from bargaining._names import are_given
from bargaining._version import version as library_version
from bargaining.errors import InvalidInput, Status, Unsolved

if TYPE_CHECKING:
    import xarray as xr


_STATUS = {
    "flag_values": [int(status) for status in Status],
    "flag_meanings": " ".join(status.name for status in Status),
}


def dataset(grid: Grid, chunks: Mapping[int, Chunk], about: Mapping[str, str]) -> xr.Dataset:
    """Put chunks together, by the cell each begins at, with the names and units of the grid.

    Cells without a chunk are PENDING. Arrays whose shape differs from chunk to chunk are padded with NaN.
    """
    import xarray as xr

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

    InvalidInput if it holds another sweep; the message shows what differs.
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
    """Return a folder that holds a sweep, its grid and its manifest, whatever this library's version now is."""
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


Mapper = Callable[[Callable[[tuple[int, int]], Any], Iterable[tuple[int, int]]], Iterable[Any]]
"""Anything called like the built-in `map`: `pool.imap_unordered`, `executor.map`."""

_CHUNKS = 1000  # of a sweep: progress is visible, and little is lost by an interruption
_WORKERS = {-1, *range(1, 10_001)}  # more processes than that no machine runs
_VECTORIZED_CELLS = 2**16  # together: their arrays of a few numbers each stay in megabytes


Model = TypeVar("Model", bound=Callable[..., Any])


@suggesting
def vectorized(model: Model) -> Model:
    """Mark a model that takes arrays: one call returns a batch, one entry per cell.

    Parameters
    ----------
    model : callable
        Takes one array of shape (cells,) per parameter and returns what the method takes, with the
        cells on its first axis; the method must answer such a batch cell by cell.

    Returns
    -------
    callable
        The same object, with the attribute `vectorized`. A class of models may set it itself.

    Examples
    --------
    >>> from bargaining import sweep, vectorized
    >>> share = vectorized(lambda r: 0.5 + 0.35 * r)
    >>> sweep(share, {"r": [0.0, 0.1]}, lambda array: array)["value"].values
    array([0.5  , 0.535])
    """
    function(model, "model")
    try:
        model.vectorized = True  # type: ignore[attr-defined]
    except (AttributeError, TypeError):
        raise InvalidInput(
            f"`model` must take attributes; got {model!r}. Wrap it in a function, or set `vectorized` in its class."
        ) from None
    return model


@suggesting
def sweep(
    model: Callable[..., Any],
    grid: Mapping[str, Any],
    method: Callable[[Any], Any],
    *,
    workers: int | Mapper = 1,
    checkpoint: str | Path | None = None,
    version: str | None = None,
    progress: bool = False,
) -> xr.Dataset:
    """Solve `model` by `method` at every point of a grid.

    Parameters
    ----------
    model : callable
        Takes the parameters that `grid` names and returns what `method` takes: a problem, a game,
        anything. It must depend on its parameters alone. One marked by `vectorized` takes arrays.
    grid : mapping of str to 1-d values
        The values of each parameter: numbers or strings, `(values, unit)`, or a labelled array with the
        attribute `units`. Every combination is one cell.
    method : callable
        Returns a `Division` (its payoffs, residual and status are kept), another result that contains numbers,
        a mapping of names to numbers or arrays, or one number; None, or a masked entry, means a
        number that does not exist. Arrays whose shape differs from cell to cell are padded with NaN,
        after axes of length 1 are added in front of those with fewer axes.
    workers : int or callable, default 1
        Processes on this machine (-1 for one per core), run by joblib and so by whatever backend
        `joblib.parallel_config` sets; or a function called like `map`, such as `pool.imap_unordered` or
        `executor.map`.
    checkpoint : path, optional
        A folder that keeps finished chunks. The same call again computes only what is missing; a
        call with another grid, model, method or version is refused. `open_sweep` reads what is finished.
    version : str, optional
        A version of the model and the method, used instead of their source: another string
        means another sweep. If the source cannot be read, an error asks for a version.
    progress : bool, default False
        Whether to show a progress bar.

    Returns
    -------
    xarray.Dataset
        One axis per parameter, and the axis `player` where a result has one number per player; its coordinates are
        the players' names, or their numbers.
        `status` is the status of each cell, and `message` explains a status that the method did not return itself:
        a cell that raised an error is FAILED, and its numbers are NaN; one that returned NaN is
        FAILED, and one that returned an infinite number UNBOUNDED.

    Raises
    ------
    InvalidInput
        If the grid is malformed or does not fit the model, `checkpoint` holds another sweep, or the source of the
        model or the method cannot be read and there is no `version`.
    OSError
        If `checkpoint` cannot be written; chunks finished before are safe.

    Notes
    -----
    On one machine the numbers are the same to the last bit, whatever the workers, the chunks and the interruptions; on
    another processor, or with another library for linear algebra, the last bits may differ.

    A checkpoint identifies a model and a method by their source, by what a `functools.partial` or an object holds,
    and by the versions of Python, NumPy, SciPy and this library; another version of the library does not continue it.
    Helpers that the source calls, global constants and closures are not seen. Give a `version`, and change it, if
    they change.

    Examples
    --------
    >>> from bargaining import sweep
    >>> data = sweep(lambda total, r: (total - r) / 2, {"total": ([1.0, 2.0], "bn US$"), "r": [0.0, 0.5]},
    ...              lambda half: {"payoffs": [half, half]})
    >>> data["payoffs"].sel(total=2.0, player=0).values
    array([1.  , 0.75])
    >>> data["total"].attrs["units"], bool((data["status"] == 0).all())
    ('bn US$', True)
    """
    if callable(grid) and isinstance(method, Mapping):
        raise InvalidInput(
            "`grid` must come before `method`; got them the other way round. Write sweep(model, grid, method)."
        )
    for name, value in (("model", model), ("method", method)):
        function(value, name)
    flag(progress, "progress")
    cells = read_grid(grid)
    _check_names(model, cells)
    batched = bool(getattr(model, "vectorized", False))
    task = Task(model=model, method=method, grid=cells, vectorized=batched)
    size = _VECTORIZED_CELLS if batched else -(-cells.cells // _CHUNKS)
    return _sweep(task, size, workers=workers, checkpoint=checkpoint, version=version, progress=progress)


@suggesting
def open_sweep(path: str | Path) -> xr.Dataset:
    """Open the checkpoint of a sweep, finished or not, without its model.

    Parameters
    ----------
    path : path
        The folder that was given to `sweep` as `checkpoint`.

    Returns
    -------
    xarray.Dataset
        As from `sweep`; cells that have not been computed yet are PENDING, and their numbers NaN.

    Raises
    ------
    InvalidInput
        If `path` is no such folder.

    Notes
    -----
    A checkpoint can be opened even if the model, this library or the machine has changed since; the
    attributes say which versions made it. The sweep may still be running.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from bargaining import open_sweep, sweep
    >>> folder = mkdtemp()
    >>> data = sweep(lambda r: 2 * r, {"r": [0.0, 0.5]}, float, checkpoint=folder, version="1")
    >>> open_sweep(folder)["value"].values
    array([0., 1.])
    """
    folder, grid, manifest = read_folder(path)
    starts = range(0, grid.cells, manifest["cells per chunk"])
    about = _about(manifest["model"], manifest["method"], manifest["versions"]["bargaining"])
    return dataset(grid, _load_all(folder, starts), about)


def _sweep(
    task: Task,
    size: int,
    *,
    workers: int | Mapper,
    checkpoint: str | Path | None,
    progress: bool,
    version: str | None = None,
) -> xr.Dataset:
    """Sweep in chunks of `size` cells."""
    starts = range(0, task.grid.cells, size)
    folder, chunks = None, dict[int, Chunk]()
    if checkpoint is not None:
        folder = open_folder(checkpoint, task.grid, _identity(task, version), size)
        chunks = _load_all(folder, starts)
    missing = [(k, min(k + size, task.grid.cells)) for k in starts if k not in chunks]
    with _bar(len(starts), len(chunks), progress) as advance:
        for start, chunk in _results(task, missing, workers):
            if folder is not None:
                folder.store(start, chunk)
            chunks[start] = chunk
            advance()
    if lacking := len(starts) - len(chunks):
        raise InvalidInput(
            f"`workers` must call the function that it is given for every argument, like `map`; {name_of(workers)} "
            f"left out {lacking} of {len(starts)}."
        )
    about = _about(name_of(task.model), name_of(task.method), library_version())
    return dataset(task.grid, chunks, about)


def _load_all(folder: Folder, starts: Iterable[int]) -> dict[int, Chunk]:
    """Return the chunks that a folder holds."""
    return {start: chunk for start in starts if (chunk := folder.load(start)) is not None}


def _about(model: str, method: str, version: str) -> dict[str, str]:
    return {"model": model, "method": method, "version": f"bargaining {version}"}


def _check_names(model: Callable[..., Any], grid: Grid) -> None:
    """Check that the grid names the parameters of the model."""
    try:
        inspect.signature(model).bind(**{axis.name: None for axis in grid.axes})
    except TypeError as error:
        raise InvalidInput(
            f"`grid` must name the parameters of the model {name_of(model)}; {error}."
        ) from None
    except ValueError:  # A built-in without a signature.
        return


def _identity(task: Task, version: str | None) -> dict[str, Any]:
    """Return what must be equal, besides the grid, for a checkpoint to be continued."""
    from importlib import metadata

    if version is not None and (not isinstance(version, str) or not version):
        raise InvalidInput(f"`version` must be a string that is not empty; got {version!r}.")
    about: dict[str, Any] = {}
    for argument, part in (("model", task.model), ("method", task.method)):
        about[argument] = name_of(part)
        if version is None:
            about[f"{argument} source"] = _source_hash(part, argument)
    versions = {
        "bargaining": library_version(),
        "numpy": np.__version__,
        "scipy": metadata.version("scipy"),
        "python": f"{version_info.major}.{version_info.minor}",
    }
    return about | ({} if version is None else {"version": version}) | {"versions": versions}


def name_of(function: Any) -> str:
    """Return `module.name` of a function, or of the class of another callable."""
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


class _SourcePickler(pickle.Pickler):
    """Pickles functions and classes by their source; compiled ones by their name."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, FunctionType):
            return str, (inspect.getsource(value),)
        if isinstance(value, type):
            try:
                return str, (inspect.getsource(value),)
            except (OSError, TypeError):
                return NotImplemented
        return NotImplemented


def _source_hash(function: Any, argument: str) -> str:
    """Return a hash of the source of a function, and of the values that it holds if it is another callable."""
    buffer = io.BytesIO()
    pickler = _SourcePickler(buffer)
    pickler.fast = True  # or else the bytes would depend on which equal values are one object
    try:
        pickler.dump(function)
    except Exception as error:  # whatever an object raises that cannot be pickled
        raise InvalidInput(
            f"`version` must be given with `checkpoint` here: the source of the {argument} {name_of(function)} cannot "
            f'be read ({error}). Write version="1", and another string when the {argument} changes.'
        ) from None
    return sha256(buffer.getvalue()).hexdigest()[:16]


def _results(
    task: Task, missing: Sequence[tuple[int, int]], workers: int | Mapper
) -> Iterator[tuple[int, Chunk]]:
    """Compute the missing stretches; a worker that cannot start or is killed ends the sweep with advice."""
    from concurrent.futures.process import BrokenProcessPool

    try:
        yield from _run(task, missing, workers)
    except BrokenProcessPool:
        raise Unsolved(
            "`workers`: a worker process was killed, perhaps for want of memory. Chunks in the checkpoint "
            "are safe: call again, with fewer workers, to go on."
        ) from None
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        if "pickle" not in str(error) and "local object" not in str(error):
            raise
        raise InvalidInput(
            f"`workers` cannot send the model and the method to other processes ({error}). Define both at the top "
            "of a module, or give a number of workers."
        ) from None


def _run(
    task: Task, missing: Sequence[tuple[int, int]], workers: int | Mapper
) -> Iterable[tuple[int, Chunk]]:
    """Compute the missing stretches, here, in other processes or by the caller's `map`."""
    if callable(workers):
        return _mapped(task, missing, workers)
    if isinstance(workers, bool) or not isinstance(workers, int | np.integer) or workers not in _WORKERS:
        raise InvalidInput(f"`workers` must be positive, -1, or a function like `map`; got {short(workers)}.")
    if workers == 1 or len(missing) < 2:
        return map(task, missing)
    from joblib import Parallel, delayed

    unordered = Parallel(n_jobs=workers, return_as="generator_unordered")
    results: Iterable[tuple[int, Chunk]] = unordered(delayed(task)(stretch) for stretch in missing)
    return results


def _mapped(task: Task, missing: Sequence[tuple[int, int]], workers: Mapper) -> Iterator[tuple[int, Chunk]]:
    """Compute the missing stretches by the caller's `map`, in any order."""
    starts = {start for start, _ in missing}
    found = workers(task, missing) if missing else ()
    if not isinstance(found, Iterable):
        raise InvalidInput(
            f"`workers` must return results one by one, like `map`; {name_of(workers)} returned {short(found)}."
        )
    for one in found:
        match one:
            case (int(start), dict() as chunk) if start in starts:
                yield start, chunk
            case _:
                raise InvalidInput(
                    "`workers` must return what the function that it is given returns, like `map`; "
                    f"{name_of(workers)} returned {short(one)}."
                )


@contextmanager
def _bar(total: int, done: int, progress: bool) -> Iterator[Callable[[], object]]:
    if not progress:
        yield lambda: None
        return
    with needs("paper"):
        from tqdm.auto import tqdm
    with tqdm(total=total, initial=done, unit="chunk") as bar:
        yield bar.update
