"""Payoffs of two agreements of a hub in the four states, and the terms of a bargain over them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining.authoring import Floats, Result, per_player, real, within
from bargaining.errors import InvalidInput, Status

PARTNERS = (1, 2)
ACCURACY = 1e-10  # of the residual, relative


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terms(Result):
    """The agreements in force, the payments and the payoffs.

    Attributes
    ----------
    payoffs : (*batch, 3) array
        After lump sums, in the unit of the money.
    transfers : (*batch, 2) array
        What the hub pays partner 1 and partner 2; negative if the partner pays.
    agreed : (*batch, 2) array of bool
        Which agreements are in force.
    residual : (*batch) array
        Largest violation of the definition, relative to the largest money of the cell.
    status : (*batch) int8 array
        OK; EMPTY where a pair prefers having no agreement; INACCURATE where the residual exceeds 1e-10.
    """

    payoffs: Floats
    transfers: Floats
    agreed: NDArray[np.bool_]
    residual: Floats
    status: NDArray[np.int8]


def terms(
    states: Floats,
    payoffs: Floats,
    residual: Floats,
    *,
    agreed: NDArray[np.bool_] | None = None,
    status: ArrayLike = Status.OK,
) -> Terms:
    """Compute the lump sums from the payoffs and from the agreements in force, by default both."""
    signed = np.ones((*payoffs.shape[:-1], 2), dtype=bool) if agreed is None else agreed
    state = (2 * signed[..., 0] + signed[..., 1])[..., None, None]
    before = np.take_along_axis(states.reshape(*payoffs.shape[:-1], 4, 3), state, axis=-2)[..., 0, :]
    accurate = np.where(residual <= ACCURACY, Status.OK, Status.INACCURATE)
    return Terms(
        payoffs=payoffs,
        transfers=payoffs[..., 1:] - before[..., 1:],
        agreed=signed,
        residual=np.asarray(residual),
        status=np.maximum(np.asarray(status), accurate).astype(np.int8),
    )


def each(states: Floats, solve: Callable[[Floats], tuple[Floats, float, int]]) -> Terms:
    """Solve cell by cell: payoffs, the violation in money, and the status."""
    batch = states.shape[:-3]
    payoffs, violation, status = zip(*map(solve, states.reshape(-1, 2, 2, 3)), strict=True)
    return terms(
        states,
        np.reshape(payoffs, (*batch, 3)),
        np.reshape(violation, batch) / size(states),
        status=np.reshape(status, batch),
    )


def checked(money: ArrayLike) -> Floats:
    """Return the money of the four states as an array, or raise an error."""
    states = real(money, "money", payoffs=True)
    if states.shape[-3:] != (2, 2, 3):
        raise InvalidInput(
            f"`money` must have last axes (2, 2, 3): first agreement or not, second or not, player; got shape "
            f"{states.shape}. Stack the money of the four states."
        )
    return states


def hub_weights(weights: ArrayLike) -> Floats:
    """Return the hub's bargaining weight against each partner."""
    return within(per_player(weights, "weights", 2), "weights", 0.0, 1.0)


def four(states: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the states with no agreement, only the second, only the first, and both."""
    return states[..., 0, 0, :], states[..., 0, 1, :], states[..., 1, 0, :], states[..., 1, 1, :]


def size(states: Floats) -> Floats:
    """Return the largest money of each cell."""
    largest = np.abs(states).max(axis=(-3, -2, -1))
    return np.asarray(np.where(largest > 0, largest, 1.0))
