"""Solve a model at every point of a grid."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from platform import python_version
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bargaining._optional import needs
from bargaining._version import __version__
from bargaining.errors import InvalidInput, Status, Unsolved
from bargaining.sweeps._cells import FAILED, MESSAGES, SPECIAL, Chunk, Task, widest
from bargaining.sweeps._checkpoint import open_folder
from bargaining.sweeps._fingerprint import fingerprint, name_of
from bargaining.sweeps._grid import Axis, Grid, read_grid

if TYPE_CHECKING:
    import xarray as xr

Mapper = Callable[[Callable[[tuple[int, int]], tuple[int, Chunk]], Iterable[tuple[int, int]]], Iterable[Any]]
"""Anything called like the built-in `map`: `pool.map`, `executor.map`."""

_CHUNKS = 1000
_VECTORIZED_CELLS = 2**16
_LISTED = 1000
_STATUS = {
    "flag_values": [int(status) for status in Status],
    "flag_meanings": " ".join(status.name for status in Status),
}


Model = TypeVar("Model", bound=Callable[..., Any])


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
    >>> share = vectorized(lambda r: 0.5 + 0.35 * r)
    >>> sweep(share, {"r": [0.0, 0.1]}, lambda array: array)["value"].values
    array([0.5  , 0.535])
    """
    try:
        model.vectorized = True  # type: ignore[attr-defined]
    except (AttributeError, TypeError):
        raise InvalidInput(
            f"`model` must take attributes; got {model!r}. Wrap it in a function, or set `vectorized` in its class."
        ) from None
    return model


def sweep(
    model: Callable[..., Any],
    grid: Mapping[str, Any],
    method: Callable[[Any], Any],
    *,
    workers: int | Mapper = 1,
    checkpoint: str | Path | None = None,
    progress: bool = False,
) -> xr.Dataset:
    """Solve `model` by `method` at every point of a grid.

    Parameters
    ----------
    model : callable
        Takes the parameters that `grid` names and returns what `method` takes: a problem, a game,
        anything. It must depend on its parameters alone. One marked by `vectorized` takes arrays.
    grid : mapping of str to 1-d values
        The values of each parameter: numbers or text, `(values, unit)`, or a labelled array with the
        attribute `units`. Every combination is one cell.
    method : callable
        Returns a `Division` (its payoffs, residual and status are kept), another result with numbers
        in it, a mapping of names to numbers or arrays, or one number; None stands for a number that
        does not exist. Arrays whose shape differs from cell to cell are padded with NaN.
    workers : int or callable, default 1
        Processes on this machine (-1 for one per core), run by joblib and so by whatever backend
        `joblib.parallel_config` sets; or a function called like `map`, such as `executor.map`.
    checkpoint : path, optional
        A folder that keeps finished chunks. The same call again computes only what is missing; a
        call with another grid, model, method or version is refused.
    progress : bool, default False
        Whether to show a progress bar.

    Returns
    -------
    xarray.Dataset
        One axis per parameter, and the axis `player` where a result has one number per player.
        `status` says how each cell ended; `message` what went wrong in those that raised an error:
        they are FAILED, and their numbers NaN.

    Raises
    ------
    InvalidInput
        If the grid is malformed or does not fit the model, or `checkpoint` holds another sweep.
    OSError
        If `checkpoint` cannot be written; chunks finished before are safe.

    Notes
    -----
    The numbers are the same to the last bit whatever the workers, the chunks and the interruptions.
    A checkpoint knows a model by its name, its code and the values it holds; of the functions that it
    calls it knows the names only, so start another folder after changing one of those.

    Examples
    --------
    >>> data = sweep(lambda total, r: (total - r) / 2, {"total": ([1.0, 2.0], "bn US$"), "r": [0.0, 0.5]},
    ...              lambda half: {"payoffs": [half, half]})
    >>> data["payoffs"].sel(total=2.0, player=0).values
    array([1.  , 0.75])
    >>> data["total"].attrs["units"], bool((data["status"] == 0).all())
    ('bn US$', True)
    """
    cells = read_grid(grid)
    _check_names(model, cells)
    batched = bool(getattr(model, "vectorized", False))
    task = Task(model=model, method=method, grid=cells, vectorized=batched)
    size = _VECTORIZED_CELLS if batched else -(-cells.cells // _CHUNKS)
    return _sweep(task, size, workers=workers, checkpoint=checkpoint, progress=progress)


def _sweep(
    task: Task, size: int, *, workers: int | Mapper, checkpoint: str | Path | None, progress: bool
) -> xr.Dataset:
    """Sweep in chunks of `size` cells."""
    stretches = [(k, min(k + size, task.grid.cells)) for k in range(0, task.grid.cells, size)]
    folder = None if checkpoint is None else open_folder(checkpoint, _manifest(task, size), len(stretches))
    chunks: dict[int, Chunk] = {}
    if folder is not None:
        chunks = {start: chunk for start, _ in stretches if (chunk := folder.load(start)) is not None}
    missing = [stretch for stretch in stretches if stretch[0] not in chunks]
    with _bar(len(stretches), len(chunks), progress) as advance:
        for start, chunk in _results(task, missing, workers):
            if folder is not None:
                folder.store(start, chunk)
            chunks[start] = chunk
            advance()
    return _dataset(task, [chunks[start] for start, _ in stretches])


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


def _manifest(task: Task, size: int) -> dict[str, Any]:
    """Return what a checkpoint must agree on."""
    from importlib.metadata import version

    return {
        "grid": {axis.name: _axis_entry(axis) for axis in task.grid.axes},
        "model": name_of(task.model),
        "model code": fingerprint(task.model),
        "method": name_of(task.method),
        "method code": fingerprint(task.method),
        "cells per chunk": size,
        "versions": {
            "bargaining": __version__,
            "numpy": np.__version__,
            "scipy": version("scipy"),
            "python": python_version(),
        },
    }


def _axis_entry(axis: Axis) -> dict[str, Any]:
    listed = axis.values[[0, -1]] if axis.values.size > _LISTED else axis.values
    digest = sha256(f"{axis.values.dtype}".encode() + axis.values.tobytes()).hexdigest()[:16]
    return {"values": listed.tolist(), "size": axis.values.size, "hash": digest, "unit": axis.unit}


def _results(
    task: Task, missing: Sequence[tuple[int, int]], workers: int | Mapper
) -> Iterator[tuple[int, Chunk]]:
    """Compute the missing stretches; a killed worker process ends the sweep with advice."""
    from concurrent.futures.process import BrokenProcessPool

    try:
        yield from _run(task, missing, workers)
    except BrokenProcessPool:
        raise Unsolved(
            "`workers`: a worker process was killed, perhaps for want of memory. Chunks in the checkpoint "
            "are safe: call again, with fewer workers, to go on."
        ) from None


def _run(
    task: Task, missing: Sequence[tuple[int, int]], workers: int | Mapper
) -> Iterable[tuple[int, Chunk]]:
    """Compute the missing stretches, here, in other processes or by the caller's `map`."""
    if callable(workers):
        results: Iterable[tuple[int, Chunk]] = workers(task, missing)
        return results
    if isinstance(workers, bool) or not isinstance(workers, int | np.integer) or workers == 0 or workers < -1:
        raise InvalidInput(f"`workers` must be positive, -1, or a function like `map`; got {workers!r}.")
    if workers == 1 or len(missing) < 2:
        return map(task, missing)
    with needs("paper"):
        from joblib import Parallel, delayed
    unordered = Parallel(n_jobs=workers, return_as="generator_unordered")
    results = unordered(delayed(task)(stretch) for stretch in missing)
    return iter(results)


@contextmanager
def _bar(total: int, done: int, progress: bool) -> Iterator[Callable[[], object]]:
    if not progress:
        yield lambda: None
        return
    with needs("paper"):
        from tqdm.auto import tqdm
    with tqdm(total=total, initial=done, unit="chunk") as bar:
        yield bar.update


def _dataset(task: Task, chunks: Sequence[Chunk]) -> xr.Dataset:
    """Put the chunks together, with the names and units of the grid."""
    import xarray as xr

    names = dict.fromkeys(name for chunk in chunks for name in chunk if name not in SPECIAL)
    numbers = {name: _joined(name, chunks, task.grid.cells) for name in names}
    axes = {
        axis.name: (axis.name, axis.values, {"units": axis.unit} if axis.unit else {})
        for axis in task.grid.axes
    }
    if twice := names.keys() & {*axes, "message", "player"}:
        raise InvalidInput(
            f"`method` must not name a number like a parameter, `message` or `player`; got {min(twice)!r}."
        )
    players = numbers["payoffs"].shape[-1] if numbers.get("payoffs", np.empty(0)).ndim > 1 else None
    shape, dims = task.grid.shape, [axis.name for axis in task.grid.axes]
    variables = {
        name: ([*dims, *_extra_axes(name, array.shape[1:], players)], array.reshape(shape + array.shape[1:]))
        for name, array in numbers.items()
    }
    data = xr.Dataset(variables, coords=axes)
    data["status"] = (dims, np.concatenate([chunk["status"] for chunk in chunks]).reshape(shape), _STATUS)
    data["message"] = (dims, _messages(task, chunks).reshape(shape))
    if players is not None:
        data["player"] = np.arange(players)
    data.attrs = {"model": name_of(task.model), "method": name_of(task.method)}
    data.attrs["version"] = f"bargaining {__version__}"
    return data


def _joined(name: str, chunks: Sequence[Chunk], cells: int) -> NDArray[np.float64]:
    """Return one variable over all cells; where a chunk lacks it or is narrower, NaN."""
    shape = widest([chunk[name].shape[1:] for chunk in chunks if name in chunk], name)
    out = np.full((cells, *shape), np.nan)
    start = 0
    for chunk in chunks:
        stop = start + chunk["status"].size
        if name in chunk:
            out[(slice(start, stop), *map(slice, chunk[name].shape[1:]))] = chunk[name]
        start = stop
    return out


def _extra_axes(name: str, shape: tuple[int, ...], players: int | None) -> list[str]:
    """Name the axes that a variable has beyond the grid; players are always the last."""
    axes = [f"{name}_{k}" for k in range(len(shape))]
    if players is not None and shape and shape[-1] == players:
        axes[-1] = "player"
    return axes


def _messages(task: Task, chunks: Sequence[Chunk]) -> NDArray[np.object_]:
    messages = np.full(task.grid.cells, "", dtype=object)
    start = 0
    for chunk in chunks:
        if FAILED in chunk:
            messages[start + chunk[FAILED]] = chunk[MESSAGES]
        start += chunk["status"].size
    return messages
