"""Finished chunks as a labelled Dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bargaining.errors import Status
from bargaining.sweeps._cells import FAILED, MESSAGES, PLAYERS, SPECIAL, Chunk, Grid, padded, widest

_STATUS = {
    "flag_values": [int(status) for status in Status],
    "flag_meanings": " ".join(status.name for status in Status),
}


def dataset(grid: Grid, chunks: Mapping[int, Chunk], about: Mapping[str, str]) -> xr.Dataset:
    """Put chunks together, by the cell each begins at, with the names and units of the grid.

    Cells without a chunk are PENDING. Arrays whose shape differs from chunk to chunk are padded with NaN.
    """
    ordered = sorted(chunks.items())
    shapes: dict[str, tuple[int, ...]] = {}
    for _, chunk in ordered:
        for name in (name for name in chunk if name not in SPECIAL):
            shape = chunk[name].shape[1:]
            shapes[name] = widest([shape, shapes.get(name, shape)])
    values: dict[str, NDArray[Any]] = {
        name: np.full((grid.cells, *shape), np.nan) for name, shape in shapes.items()
    }
    status = np.full(grid.cells, Status.PENDING, np.int8)
    messages = np.full(grid.cells, "", dtype=object)
    for start, chunk in ordered:
        here = slice(start, start + len(chunk["status"]))
        status[here] = chunk["status"]
        for name in shapes.keys() & chunk.keys():
            values[name][here] = padded(chunk[name], shapes[name], batch=1)
        if FAILED in chunk:
            messages[here][chunk[FAILED]] = chunk[MESSAGES]
    players = (shapes.get("payoffs") or (None,))[-1]
    axes = [axis.name for axis in grid.axes]
    units = {axis.name: {"units": axis.unit} if axis.unit else {} for axis in grid.axes}
    variables: dict[str, Any] = {}
    for name, shape in shapes.items():
        dims = [*axes, *_extra_axes(name, shape, players, {*axes, *shapes})]
        variables[name] = dims, values[name].reshape(*grid.shape, *shape)
    variables["status"] = axes, status.reshape(grid.shape), _STATUS
    variables["message"] = axes, messages.reshape(grid.shape)
    data = xr.Dataset(
        variables, coords={axis.name: (axis.name, axis.values, units[axis.name]) for axis in grid.axes}
    )
    if players is not None:
        named = {
            tuple(map(str, chunk.get(PLAYERS, ())))
            for _, chunk in ordered
            if (chunk["status"] != Status.FAILED).any()
        }
        names = next(iter(named)) if len(named) == 1 else ()
        data["player"] = list(names) if len(names) == players else np.arange(players)
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
