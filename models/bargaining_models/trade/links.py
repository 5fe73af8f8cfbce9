"""Names of regions and sectors turned into places in arrays, and the checks on scenario arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining.authoring import Floats, choice, listed, real, within
from bargaining.errors import InvalidInput, plain
from bargaining_models.trade.conditions import Economy
from bargaining_models.trade.data import HIGHEST, check_rates


def place(name: str, argument: str, labels: tuple[str, ...], *, besides: tuple[str, ...] = ()) -> int:
    """Return where `name` stands among `labels`; `argument` is what gives it, or "region" or "sector" where a key does.

    `besides` are other words that would have been allowed, for the message.
    """
    choice(name, argument, (*besides, *labels))
    return labels.index(name)


def rate_on(label: tuple[str, ...], labels: Sequence[tuple[str, ...]], rates: Floats) -> float:
    """Return the rate on the flow of this label."""
    if label not in labels:
        shown = ", ".join(" on ".join(known) for known in labels[:8])
        raise InvalidInput(f"`label` must be one of {shown}, ...; got {' on '.join(map(str, label))}.")
    return float(rates[labels.index(label)])


def distinct(names: Iterable[str], name: str, kind: str, labels: tuple[str, ...]) -> list[int]:
    """Return where different names stand among `labels`; `name` is the argument, `kind` is "region" or "sector"."""
    wanted = "sectors" if kind == "sector" else "regions"
    if isinstance(names, str):
        raise InvalidInput(f"`{name}` must be a list of {wanted}; got {names!r}.")
    found = [place(entry, name, labels) for entry in listed(names, name, f"a list of {wanted}")]
    if len(set(found)) < len(found):
        twice = next(labels[at] for k, at in enumerate(found) if at in found[:k])
        raise InvalidInput(f"`{name}` must be different {wanted}; got {twice!r} twice.")
    return found


def sectors_of(labels: tuple[str, ...], goods: NDArray[np.bool_], sectors: str | Sequence[str]) -> list[int]:
    """Return the places of "goods", of "all" sectors or of those named."""
    if isinstance(sectors, str):
        choice(sectors, "sectors", ("goods", "all"))
        return list(np.flatnonzero(goods)) if sectors == "goods" else list(range(len(labels)))
    return distinct(sectors, "sectors", "sector", labels)


def in_pairs(given: Iterable[tuple[str, str]], name: str, regions: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the entries of a list of pairs of regions."""
    if isinstance(given, str):
        raise InvalidInput(f"`{name}` must be a list of pairs of regions; got {given!r}.")
    pairs = []
    for pair in listed(given, name, "a list of pairs of regions"):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise InvalidInput(f"`{name}` must be pairs of regions; got {pair!r}.")
        pairs.append((choice(pair[0], name, regions), choice(pair[1], name, regions)))
    return pairs


def link(
    key: tuple[str, ...], regions: tuple[str, ...], sectors: tuple[str, ...], goods: NDArray[np.bool_]
) -> tuple[int, int, NDArray[np.intp]]:
    """Return importer, exporter and sectors of `(importer, exporter)`, all goods, or `(..., sector)`."""
    if not isinstance(key, tuple | list) or len(key) not in (2, 3):
        raise InvalidInput(
            f"A link must be (importer, exporter) or (importer, exporter, sector); got {key!r}."
        )
    importer, exporter = place(key[0], "region", regions), place(key[1], "region", regions)
    if importer == exporter:
        raise InvalidInput(f"A link must join two regions; got {key!r}. Name another exporter.")
    if len(key) == 2:
        return importer, exporter, np.flatnonzero(goods)
    return importer, exporter, np.array([place(key[2], "sector", sectors)])


def caps_by_sector(value: ArrayLike, sectors: tuple[str, ...]) -> Floats:
    """Return the largest share of each sector."""
    caps = real(value, "caps")
    if caps.shape != (len(sectors),):
        raise InvalidInput(f"`caps` must have one entry per sector ({len(sectors)}); got shape {caps.shape}.")
    return within(caps, "caps", 0.0, 1.0)


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
    highest: float = HIGHEST,
) -> tuple[tuple[int, ...], Floats, Floats | None, Floats | None, int, dict[tuple[int, ...], str]]:
    """Check and broadcast tariffs, costs and transfers.

    Returns the shape of the batch, the three in a row, the last two None where not given, the region whose prices the
    transfers are in, or -1, and why some cells of the batch cannot be tried: these are NaN.
    """
    shape = economy.shares.shape
    given = {"tariffs": _scenario_array(economy.tariffs if tariffs is None else tariffs, "tariffs", shape)}
    checks: dict[str, Callable[[Floats], None]] = {
        "tariffs": lambda rates: check_rates(rates, *names, highest=highest),
        "costs": _check_hats,
        "transfers": lambda received: _check_incomes(received, economy, names[0]),
    }
    if costs is not None:
        given["costs"] = _scenario_array(costs, "costs", shape)
    if transfers is not None:
        given["transfers"] = received_by(transfers, names[0])
    parts = {name: array.shape[: -1 if name == "transfers" else -3] for name, array in given.items()}
    try:
        batch = np.broadcast_shapes(*parts.values())
    except ValueError:
        listed = " and ".join(f"`{name}`" for name in parts)
        raise InvalidInput(
            f"{listed} must have batch axes that broadcast; got {' and '.join(str(s) for s in parts.values())}. "
            f"Insert axes of length 1."
        ) from None
    where = (
        -1 if isinstance(unit, str) and unit == "world" else place(unit, "unit", names[0], besides=("world",))
    )
    rows = {}
    for name, array in given.items():
        last = array.shape[len(parts[name]) :]
        rows[name] = np.broadcast_to(array, batch + last).reshape(-1, *last)
    refused: dict[tuple[int, ...], str] = {}
    try:
        for name, array in given.items():
            checks[name](array)
    except InvalidInput:  # of some cells or of all
        rows = {name: array.copy() for name, array in rows.items()}
        for k, cell in enumerate(np.ndindex(batch)):
            for name, array in rows.items():
                try:
                    checks[name](array[k])
                except InvalidInput as refusal:
                    refused[cell], array[k] = str(refusal), np.nan
        if len(refused) == len(rows["tariffs"]):
            raise
    return batch, rows["tariffs"], rows.get("costs"), rows.get("transfers"), where, refused


def _check_hats(hats: Floats) -> None:
    if not (hats > 0.0).all():
        raise InvalidInput(
            f"`costs` must be positive hats, 1 for no change; got {plain(hats.min())}. Raise it."
        )


def _check_incomes(received: Floats, economy: Economy, regions: tuple[str, ...]) -> None:
    poor = ~(economy.income + received > 0.0)
    if poor.any():
        *_, region = first = tuple(int(k) for k in np.argwhere(poor)[0])
        raise InvalidInput(
            f"`transfers` must leave every region an income; got a payment of {-received[first]:.6g} by "
            f"{regions[region]}, whose income is {economy.income[region]:.6g}. Lower it."
        )


def received_by(
    transfers: ArrayLike | Mapping[tuple[str, str], ArrayLike], regions: tuple[str, ...]
) -> Floats:
    """Return what each region receives, (*batch, N), from that array or from (payer, receiver) to an amount."""
    if isinstance(transfers, Mapping):
        amounts = {key: real(value, f"transfers[{key!r}]") for key, value in transfers.items()}
        received = np.zeros((*common_shape(amounts), len(regions)))
        for key, amount in amounts.items():
            if not isinstance(key, tuple) or len(key) != 2 or key[0] == key[1]:
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
