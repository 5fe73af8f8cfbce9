"""Finished chunks as a labelled Dataset: in memory if they are small, else read from their folder when needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from bargaining.errors import Status
from bargaining.sweeps._cells import (
    FAILED,
    MESSAGES,
    PLATFORM,
    PLAYERS,
    SPECIAL,
    Chunk,
    Folder,
    Grid,
    padded,
    widest,
)

_KEPT = 2**27
"""The most bytes of numbers that a sweep with a folder keeps in memory: a sweep of 1e8 cells then needs no more
than one of 1e7, and a small one is not read twice."""
_BLOCK = 2**20
"""How many cells are read at once: enough to make Python's own work small beside NumPy's."""
_STATUS = {
    "flag_values": [int(status) for status in Status],
    "flag_meanings": " ".join(status.name for status in Status),
}


class Finished:
    """The chunks of one sweep that are finished, with the shape of every number in them."""

    def __init__(self, grid: Grid, size: int, folder: Folder | None) -> None:
        self.grid, self.size, self.folder, self.cells = grid, size, folder, grid.cells
        self.starts: set[int] = set()
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._places: dict[str, tuple[int, int]] = {}
        self.platforms: dict[str, int] = {}
        self.named: set[tuple[str, ...]] = set()
        self._chunks: dict[int, Chunk] | None = {}
        self._last: tuple[tuple[int, str], NDArray[Any]] | None = None
        self._bytes = 0

    @property
    def in_memory(self) -> bool:
        """Whether all of it is in memory."""
        return self._chunks is not None

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every number in a cell, in the order of the grid, in which chunks need not come."""
        return {name: self._shapes[name] for name in sorted(self._shapes, key=self._places.__getitem__)}

    def add(self, start: int, chunk: Chunk) -> None:
        """Add a finished chunk; once there are too many for memory, only the folder is used."""
        self.starts.add(start)
        for k, name in enumerate(name for name in chunk if name not in SPECIAL):
            shape = chunk[name].shape[1:]
            if self._shapes.setdefault(name, shape) != shape:
                self._shapes[name] = widest([shape, self._shapes[name]])
            self._places[name] = min(self._places.get(name, (start, k)), (start, k))
        if (chunk["status"] != Status.FAILED).any():
            self.named.add(tuple(map(str, chunk.get(PLAYERS, ()))))
        made_on = str(chunk[PLATFORM][0])
        self.platforms[made_on] = self.platforms.get(made_on, 0) + 1
        if self._chunks is not None:
            self._chunks[start] = chunk
            self._bytes += sum(array.nbytes for array in chunk.values())
            if self.folder is not None and self._bytes > _KEPT:
                self._chunks = None

    def column(self, start: int, name: str) -> NDArray[Any]:
        """Return one number, status or message in the chunk that begins at cell `start`."""
        last = self._last  # Read once: threads may share this.
        if last is None or last[0] != (start, name):
            self._last = last = (start, name), self._column(start, name)
        return last[1]

    def _column(self, start: int, name: str) -> NDArray[Any]:
        cells = min(self.size, self.cells - start)
        chunk = self._chunk(start, (FAILED, MESSAGES) if name == "message" else (name,))
        if name == "message":
            messages = np.full(cells, "", dtype=object)
            if FAILED in chunk:
                messages[chunk[FAILED]] = chunk[MESSAGES]
            return messages
        if name == "status":
            return chunk["status"] if chunk else np.full(cells, Status.PENDING, np.int8)
        shape = self._shapes[name]
        return padded(chunk[name], shape, batch=1) if name in chunk else np.full((cells, *shape), np.nan)

    def _chunk(self, start: int, names: tuple[str, ...]) -> Chunk:
        if start not in self.starts:
            return {}
        if self._chunks is not None:
            return self._chunks[start]
        assert self.folder is not None
        if (chunk := self.folder.read(start, names)) is None:
            raise OSError(
                f"the cells from {start} on cannot be read from {str(self.folder.path)!r} any more: bring the file "
                "back, or call `sweep` again to compute them"
            )
        return chunk


class _Cells(BackendArray):  # type: ignore[misc, unused-ignore]
    """One variable of a sweep, read chunk by chunk when needed."""

    def __init__(self, finished: Finished, name: str, shape: tuple[int, ...], dtype: Any) -> None:
        self.finished, self.name, self.dtype = finished, name, np.dtype(dtype)
        self.shape = (*finished.grid.shape, *shape)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """Return the entries selected by integers, slices and index lists, each along its own axis."""
        grid, size = self.finished.grid, self.finished.size
        picks = [np.atleast_1d(np.arange(length)[k]) for length, k in zip(self.shape, key, strict=True)]
        lengths, within = [pick.size for pick in picks[: len(grid.shape)]], picks[len(grid.shape) :]
        out = np.empty((prod(lengths), *(pick.size for pick in within)), self.dtype)
        all_of_it = all(map(np.array_equal, within, map(np.arange, self.shape[len(lengths) :])))
        inner: tuple[Any, ...] = () if all_of_it else (slice(None), *np.ix_(*within))
        for low in range(0, len(out), _BLOCK):
            block = out[low : low + _BLOCK]
            places = np.unravel_index(np.arange(low, low + len(block)), lengths)
            cells = np.ravel_multi_index([p[k] for p, k in zip(picks, places, strict=False)], grid.shape)
            order = np.argsort(cells, kind="stable")
            chunks = cells[order] // size
            edges = np.flatnonzero(np.diff(chunks, prepend=-1, append=-1)).tolist()
            for first, last in pairwise(edges):
                here, start = order[first:last], int(chunks[first]) * size
                rows = self.finished.column(start, self.name)[cells[here] - start]
                block[here] = rows[inner] if inner else rows
        kept = [pick.size for pick, k in zip(picks, key, strict=True) if not isinstance(k, int | np.integer)]
        return out.reshape(kept)


def dataset(finished: Finished, about: Mapping[str, str]) -> xr.Dataset:
    """Put the chunks together, with the names and units of the grid; cells without a chunk are PENDING."""
    grid, shapes = finished.grid, finished.shapes
    payoffs = shapes.get("payoffs", ())
    players = payoffs[-1] if payoffs else None
    axes = [axis.name for axis in grid.axes]
    units = {axis.name: {"units": axis.unit} if axis.unit else {} for axis in grid.axes}
    dims = {name: _extra_axes(name, shape, players, {*axes, *shapes}) for name, shape in shapes.items()}
    variables = {
        name: ([*axes, *dims[name]], _lazy(finished, name, shape, np.float64))
        for name, shape in shapes.items()
    }
    data = xr.Dataset(
        variables, coords={axis.name: (axis.name, axis.values, units[axis.name]) for axis in grid.axes}
    )
    data["status"] = (axes, _lazy(finished, "status", (), np.int8), _STATUS)
    data["message"] = (axes, _lazy(finished, "message", (), object))
    if players is not None:
        names = next(iter(finished.named)) if len(finished.named) == 1 else ()
        data["player"] = list(names) if len(names) == players else np.arange(players)
    data.attrs = {**about, "platform": "; ".join(sorted(finished.platforms))}
    return data.load() if finished.in_memory else data


def _lazy(finished: Finished, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
    return indexing.LazilyIndexedArray(_Cells(finished, name, shape, dtype))


def _extra_axes(name: str, shape: Sequence[int], players: int | None, taken: Iterable[str]) -> list[str]:
    """Name the axes that a variable has beyond the grid; players are always the last."""
    axes = [f"{name}_{k}" for k in range(len(shape))]
    while set(axes) & set(taken):
        axes = [f"{axis}_" for axis in axes]
    if players is not None and shape and shape[-1] == players:
        axes[-1] = "player"
    return axes
