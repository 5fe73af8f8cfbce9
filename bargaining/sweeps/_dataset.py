"""Finished chunks as a labelled Dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from bargaining.errors import Status
from bargaining.sweeps._cells import FAILED, MESSAGES, PLAYERS, SPECIAL, Chunk, Grid, join

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
