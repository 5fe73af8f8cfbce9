"""Names of regions and sectors turned into places in arrays, and the checks on scenario arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining.authoring import Floats, choice, real, within
from bargaining.errors import InvalidInput
from bargaining_models.trade.data import check_rates
from bargaining_models.trade.economy import Economy


def place(name: str, kind: str, labels: tuple[str, ...], *, besides: tuple[str, ...] = ()) -> int:
    """Return where `name` stands among `labels`; `kind` is "region" or "sector".

    `besides` are other words that would have been allowed, for the message.
    """
    choice(name, kind, (*besides, *labels))
    return labels.index(name)


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


def scenario(
    economy: Economy,
    tariffs: ArrayLike | None,
    costs: ArrayLike | None,
    names: tuple[tuple[str, ...], tuple[str, ...]],
    *,
    transfers: ArrayLike | Mapping[tuple[str, str], ArrayLike] | None = None,
    unit: str = "world",
) -> tuple[tuple[int, ...], Floats, Floats | None, Floats | None, int, dict[tuple[int, ...], str]]:
    """Check and broadcast tariffs, costs and transfers.

    Returns the shape of the batch, the three in a row, the last two None where not given, the region whose prices the
    transfers are in, or -1, and why cells of the batch fail whose transfers leave somebody no income: these are NaN.
    """
    shape = economy.shares.shape
    rates = _scenario_array(economy.tariffs if tariffs is None else tariffs, "tariffs", shape)
    hats = None if costs is None else _scenario_array(costs, "costs", shape)
    check_rates(rates, *names)
    if hats is not None and not (hats > 0.0).all():
        raise InvalidInput(
            f"`costs` must be positive hats, 1 for no change; got {hats.min():.17g}. Raise it."
        )
    received = None if transfers is None else received_by(transfers, names[0])
    parts = {"tariffs": rates.shape[:-3]}
    if hats is not None:
        parts["costs"] = hats.shape[:-3]
    if received is not None:
        parts["transfers"] = received.shape[:-1]
    try:
        batch = np.broadcast_shapes(*parts.values())
    except ValueError:
        listed = " and ".join(f"`{name}`" for name in parts)
        raise InvalidInput(
            f"{listed} must have batch axes that broadcast; got {' and '.join(str(s) for s in parts.values())}. "
            f"Insert axes of length 1."
        ) from None
    where = -1 if unit == "world" else place(unit, "unit", names[0], besides=("world",))
    rates = np.broadcast_to(rates, batch + shape).reshape(-1, *shape)
    if hats is not None:
        hats = np.broadcast_to(hats, batch + shape).reshape(-1, *shape)
    refused: dict[tuple[int, ...], str] = {}
    if received is not None:
        whole = np.broadcast_to(received, batch + received.shape[-1:])
        poor = ~(economy.income + whole > 0.0)
        if poor.any() and received.ndim == 1:
            raise InvalidInput(f"{_too_much(received, economy, names[0])}. Lower it.")
        refused = {
            tuple(map(int, cell)): _too_much(whole[tuple(cell)], economy, names[0])
            for cell in np.argwhere(poor.any(axis=-1))
        }
        received = np.where(poor.any(axis=-1, keepdims=True), np.nan, whole).reshape(-1, whole.shape[-1])
    return batch, rates, hats, received, where, refused


def received_by(
    transfers: ArrayLike | Mapping[tuple[str, str], ArrayLike], regions: tuple[str, ...]
) -> Floats:
    """Return what each region receives, (*batch, N), from that array or from (payer, receiver) to an amount."""
    if isinstance(transfers, Mapping):
        amounts = {key: real(value, f"transfers[{key!r}]") for key, value in transfers.items()}
        received = np.zeros((*common_shape(amounts), len(regions)))
        for key, amount in amounts.items():
            if isinstance(key, str) or len(key) != 2 or key[0] == key[1]:
                raise InvalidInput(
                    f"`transfers` must be keyed by two regions, (payer, receiver); got {key!r}."
                )
            payer, receiver = (place(name, "region", regions) for name in key)
            received[..., payer] -= amount
            received[..., receiver] += amount
    else:
        received = real(transfers, "transfers")
        if received.shape[-1:] != (len(regions),):
            raise InvalidInput(
                f"`transfers` must have one entry per region on its last axis ({len(regions)}), what it receives; "
                f"got shape {received.shape}."
            )
        total, size = received.sum(axis=-1), np.abs(received).max(axis=-1)
        if (np.abs(total) > 1e-9 * size).any():
            worst = total.flat[int(np.argmax(np.abs(total)))]
            raise InvalidInput(
                f"`transfers` must sum to zero over regions; got a sum of {worst:.6g}. Somebody has to pay."
            )
    return received


def _too_much(received: Floats, economy: Economy, regions: tuple[str, ...]) -> str:
    """Say who pays more than its income, of transfers (N,)."""
    region = int(np.argmax(~(economy.income + received > 0.0)))
    return (
        f"`transfers` must leave every region an income; got a payment of {-received[region]:.6g} by "
        f"{regions[region]}, whose income is {economy.income[region]:.6g}"
    )


def _scenario_array(value: ArrayLike, name: str, shape: tuple[int, ...]) -> Floats:
    """Return tariffs or costs with the last axes of the model; costs may be infinite."""
    array = real(value, name, finite=name != "costs")
    if array.ndim < 3 or array.shape[-3:] != shape:
        raise InvalidInput(
            f"`{name}` must have last axes {shape}: importer, exporter, sector; got shape {array.shape}. "
            f"Build it with the methods of the model."
        )
    return array


def common_shape(arrays: Mapping[Any, Floats]) -> tuple[int, ...]:
    """Return the shape that a collection of batches broadcasts to."""
    try:
        return np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        shapes = {key: array.shape for key, array in arrays.items()}
        raise InvalidInput(f"Batches must broadcast; got shapes {shapes}. Insert axes of length 1.") from None
