"""Solve a model at every point of a grid."""

from __future__ import annotations

import inspect
import io
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from sys import version_info
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from bargaining._arguments import flag, function
from bargaining._arrays import short
from bargaining._calls import needs, suggesting
from bargaining._version import version as library_version
from bargaining.errors import InvalidInput, Unsolved
from bargaining.sweeps._cells import Chunk, Folder, Grid, Task, open_folder, read_folder, read_grid

if TYPE_CHECKING:
    import xarray as xr


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
    from bargaining.sweeps._cells import dataset

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
    from bargaining.sweeps._cells import dataset

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
