"""Names of regions and sectors turned into places in arrays, and the checks on scenario arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import choice
from bargaining._arrays import Floats, real, within
from bargaining.errors import InvalidInput
from bargaining_models.trade.conditions import Scenarios, scenarios
from bargaining_models.trade.economy import Economy


def place(name: str, kind: str, labels: tuple[str, ...]) -> int:
    """Return where `name` stands among `labels`; `kind` is "region" or "sector"."""
    return labels.index(choice(name, kind, labels))


def link(
    key: tuple[str, ...], regions: tuple[str, ...], sectors: tuple[str, ...], goods: NDArray[np.bool_]
) -> tuple[int, int, NDArray[np.intp]]:
    """Return importer, exporter and sectors of `(importer, exporter)`, all goods, or `(..., sector)`."""
    if isinstance(key, str) or len(key) not in (2, 3):
        raise InvalidInput(
            f"A link must be (importer, exporter) or (importer, exporter, sector); got {key!r}."
        )
    importer, exporter = place(key[0], "region", regions), place(key[1], "region", regions)
    if importer == exporter:
        raise InvalidInput(f"A link must join two regions; got {key!r}. Name another exporter.")
    if len(key) == 2:
        return importer, exporter, np.flatnonzero(goods)
    return importer, exporter, np.array([place(key[2], "sector", sectors)])


def per_sector(value: ArrayLike, name: str, sectors: tuple[str, ...]) -> Floats:
    """Return one number per sector."""
    array = real(value, name)
    if array.shape != (len(sectors),):
        raise InvalidInput(
            f"`{name}` must have one entry per sector ({len(sectors)}); got shape {array.shape}."
        )
    return array


def shares_by_sector(
    share: ArrayLike | Mapping[str, ArrayLike], sectors: tuple[str, ...], goods: NDArray[np.bool_]
) -> Floats:
    """Return redirectable shares by sector, (*batch, J), zero outside goods."""
    if not isinstance(share, Mapping):
        uniform = within(real(share, "share"), "share", 0.0, 1.0)
        return np.asarray(uniform[..., None] * goods)
    given = {
        place(name, "sector", sectors): within(real(value, f"share[{name!r}]"), f"share[{name!r}]", 0.0, 1.0)
        for name, value in share.items()
    }
    shares = np.zeros((*common_shape(given), len(sectors)))
    for sector, value in given.items():
        if not goods[sector]:
            raise InvalidInput(
                f"`share` must name goods sectors; got {sectors[sector]!r}, which is not one. Leave it out."
            )
        shares[..., sector] = value
    return shares


def scenario_cells(
    economy: Economy,
    tariffs: ArrayLike | None,
    costs: ArrayLike | None,
    names: tuple[tuple[str, ...], tuple[str, ...]],
) -> tuple[tuple[int, ...], Scenarios]:
    """Check and broadcast tariffs and costs; return the batch shape and the cells in a row."""
    shape = economy.shares.shape
    rates = _scenario_array(economy.tariffs if tariffs is None else tariffs, "tariffs", shape)
    hats = _scenario_array(np.ones(shape) if costs is None else costs, "costs", shape)
    _check_rates(rates, *names)
    if not (hats > 0.0).all():
        raise InvalidInput(
            f"`costs` must be positive hats, 1 for no change; got {hats.min():.17g}. Raise it."
        )
    try:
        batch = np.broadcast_shapes(rates.shape[:-3], hats.shape[:-3])
    except ValueError:
        raise InvalidInput(
            f"`tariffs` and `costs` must have batch axes that broadcast; got {rates.shape[:-3]} and "
            f"{hats.shape[:-3]}. Insert axes of length 1."
        ) from None
    rates = np.broadcast_to(rates, batch + shape).reshape(-1, *shape)
    if costs is None:
        return batch, scenarios(economy, rates, None)
    return batch, scenarios(economy, rates, np.broadcast_to(hats, batch + shape).reshape(-1, *shape))


def _scenario_array(value: ArrayLike, name: str, shape: tuple[int, ...]) -> Floats:
    """Return tariffs or costs with the last axes of the model; costs may be infinite."""
    array = real(value, name, finite=name != "costs")
    if array.ndim < 3 or array.shape[-3:] != shape:
        raise InvalidInput(
            f"`{name}` must have last axes {shape}: importer, exporter, sector; got shape {array.shape}. "
            f"Build it with the methods of the model."
        )
    return array


def _check_rates(rates: Floats, regions: tuple[str, ...], sectors: tuple[str, ...]) -> None:
    """Refuse rates of -1 or less and rates on own sales."""
    if (rates <= -1.0).any():
        importer, exporter, sector = (int(k) for k in np.argwhere(rates <= -1.0)[0][-3:])
        raise InvalidInput(
            f"`tariffs` must be above -1, a subsidy of the whole price; got {rates[rates <= -1.0][0]:.17g} of "
            f"{regions[importer]} on {regions[exporter]} {sectors[sector]}. "
            f"Give rates as fractions, 0.25 for 25 percent."
        )
    own = np.diagonal(rates, axis1=-3, axis2=-2)
    if own.any():
        sector, region = (int(k) for k in np.argwhere(own)[0][-2:])
        raise InvalidInput(
            f"`tariffs` must be 0 on a region's own sales; got {own[..., sector, region].flat[0]:.17g} in "
            f"{regions[region]} {sectors[sector]}. Clear the diagonal."
        )


def common_shape(arrays: Mapping[Any, Floats]) -> tuple[int, ...]:
    """Return the shape that a collection of batches broadcasts to."""
    try:
        return np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        shapes = {key: array.shape for key, array in arrays.items()}
        raise InvalidInput(f"Batches must broadcast; got shapes {shapes}. Insert axes of length 1.") from None
