r"""Terms between a hub and two partners, pair by pair or all together, from the money of the four states.

The hub, player 0, may reach agreement U with player 1 and agreement C with player 2; 1 and 2 have nothing to agree
about. `money`, of shape (\*batch, 2, 2, 3), holds what all three have before lump sums, with axes: U in force or
not, C in force or not, player.

An agreement may help or harm the partner who has no part in it. Lump sums are paid within pairs, and what one pair
pays is sunk for the other. In the coalitional game all agreements inside a coalition are in force. A coalition with the
hub in it is worth the same whatever the others do. A partner on its own expects the other two to stand alone (the model
γ of Hart and Kurz).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining.authoring import Floats, Result, per_player, real, within
from bargaining.errors import InvalidInput, Status
from bargaining.games.coalitional import Allocation, CoalitionalGame

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


def unpaid(money: ArrayLike, *, weight: float = 0.5) -> Terms:
    """Return the terms if the second agreement is always in force, and nothing is paid for it.

    The hub and partner 1 reach the Nash solution of U, with their payoffs without U as the disagreement point. `weight`
    is the hub's.
    """
    states, w = _checked(money), _hub_weights(weight)
    return _terms(states, _pair(_state(states, 1, 1), _state(states, 0, 1), 1, w[0]))


def nash_in_nash(money: ArrayLike, *, weights: ArrayLike = 0.5) -> Terms:
    """Return the terms if each pair divides the surplus of its agreement, given the other agreement.

    Parameters
    ----------
    money : (*batch, 2, 2, 3) array_like
    weights : array_like of shape (2,), or one number
        The hub's bargaining weight in [0, 1] against partner 1 and against partner 2.

    Raises
    ------
    InvalidInput
        If `money` has another shape or is not finite, or a weight is outside [0, 1].

    Examples
    --------
    >>> money = [[[0, 0, 0], [6, 0, 0]], [[10, 0, 0], [12, 0, 0]]]  # 6 with C alone, 10 with U alone, 12 with both
    >>> nash_in_nash(money).transfers
    array([3., 1.])
    """
    states, w = _checked(money), _hub_weights(weights)
    both, alone = states[..., 1, 1, :], np.stack([states[..., 0, 1, :], states[..., 1, 0, :]], axis=-2)
    added = np.stack(
        [both[..., None, 0] - alone[..., 0], both[..., 1:] - _own(alone)]
    )  # by pair: hub, partner
    paid = (1 - w) * added[0] - w * added[1]
    payoffs = np.concatenate(
        [both[..., :1] - paid.sum(axis=-1, keepdims=True), both[..., 1:] + paid], axis=-1
    )
    gains = np.stack([added[0] - paid, payoffs[..., 1:] - _own(alone)])
    unequal = np.abs((1 - w) * gains[0] - w * gains[1]).max(axis=-1)
    return _terms(
        states, _Step(payoffs, _signed(states, 1, 1), unequal), least=gains.sum(axis=0).min(axis=-1)
    )


def renegotiated(money: ArrayLike) -> Terms:
    """Return the terms with equal gains in each pair, if the other pair renegotiates after a break-up.

    A partner whose agreement breaks up stays outside the agreement of the other two. Without externalities on outsiders
    these are the terms of the Shapley value (Stole and Zwiebel 1996).

    References
    ----------
    de Fontenay, C. C. and Gans, J. S. (2014). Bilateral bargaining with externalities. *Journal of Industrial
    Economics* 62(4), 756-788. doi:10.1111/joie.12064

    Examples
    --------
    >>> renegotiated([[[0, 0, 0], [6, 0, 0]], [[10, 0, 0], [12, 0, 0]]]).payoffs.round(3)
    array([6.667, 3.667, 1.667])
    """
    states = _checked(money)
    nothing, both = states[..., 0, 0, :], states[..., 1, 1, :]
    alone = np.stack([states[..., 0, 1, :], states[..., 1, 0, :]], axis=-2)  # without partner 1, without 2
    outside, other = _own(alone), _own(alone[..., ::-1, :])[..., ::-1]
    left = (
        alone[..., 0] + other + nothing[..., :1] - nothing[..., :0:-1]
    ) / 2  # the hub and the other gain alike
    hub = (both.sum(axis=-1) + (left - outside).sum(axis=-1)) / 3
    payoffs = np.concatenate([hub[..., None], hub[..., None] - left + outside], axis=-1)
    gains = np.stack([hub[..., None] - left, payoffs[..., 1:] - outside])
    missed = np.maximum(np.abs(gains[0] - gains[1]).max(axis=-1), np.abs((payoffs - both).sum(axis=-1)))
    least = np.minimum(gains.min(axis=0), left - nothing[..., :1]).min(axis=-1)
    return _terms(states, _Step(payoffs, _signed(states, 1, 1), missed), least=least)


def in_order(money: ArrayLike, *, first: int, weights: ArrayLike = 0.5) -> Terms:
    """Return the terms if the hub bargains with one partner and then, once, with the other.

    Each pair reaches its Nash solution, foreseeing what follows, or no agreement if the two would lose jointly.
    The first agreement is final, whatever the second pair does, and its lump sum is sunk by then.

    Parameters
    ----------
    money, weights
        As for `nash_in_nash`.
    first : int
        The partner who comes first, 1 or 2.

    References
    ----------
    Marx, L. M. and Shaffer, G. (2007). Rent shifting and the order of negotiations. *International Journal of
    Industrial Organization* 25(5), 1109-1125.

    Examples
    --------
    >>> money = [[[0, 0, 0], [6, 0, 0]], [[10, 0, 0], [12, 0, 0]]]
    >>> in_order(money, first=1).transfers, in_order(money, first=2).transfers
    (array([4., 1.]), array([3., 2.]))
    """
    states, w = _checked(money), _hub_weights(weights)
    if isinstance(first, bool) or not isinstance(first, int | np.integer) or first not in PARTNERS:
        raise InvalidInput(f"`first` must be 1 or 2, the partner who comes first; got {first!r}.")

    def then(signed: int) -> _Step:
        yes, no = (_state(states, *(signed, then)[:: 3 - 2 * first]) for then in (1, 0))
        return _pair(yes, no, 3 - first, w[2 - first])

    return _terms(states, _pair(then(1), then(0), first, w[first - 1]))


def exclusive(money: ArrayLike, *, weights: ArrayLike = 0.5) -> Terms:
    """Return the terms if the hub bargains with partner 1 first, and their agreement rules out one with partner 2.

    If they fail to agree, the hub goes on to partner 2, as in `in_order`.
    """
    states, w = _checked(money), _hub_weights(weights)
    refused = _pair(_state(states, 0, 1), _state(states, 0, 0), 2, w[1])
    return _terms(states, _pair(_state(states, 1, 0), refused, 1, w[0]))


def worths(money: ArrayLike) -> dict[tuple[int, ...], Floats]:
    """Return the worth of every coalition, each of shape batch.

    Raises
    ------
    InvalidInput
        If `money` has another shape or is not finite.

    References
    ----------
    Hart, S. and Kurz, M. (1983). Endogenous formation of coalitions. *Econometrica* 51(4), 1047-1064.
    doi:10.2307/1912051
    """
    states = _checked(money)
    nothing, second, first, both = (states[..., u, c, :] for u in (0, 1) for c in (0, 1))
    return {(player,): nothing[..., player] for player in range(3)} | {
        (0, 1): first[..., 0] + first[..., 1],
        (0, 2): second[..., 0] + second[..., 2],
        (1, 2): nothing[..., 1] + nothing[..., 2],
        (0, 1, 2): both.sum(axis=-1),
    }


def shapley(money: ArrayLike) -> Terms:
    """Return the terms by which each gets its average contribution over the orders of arrival.

    Examples
    --------
    >>> shapley([[[0, 0, 0], [6, 0, 0]], [[10, 0, 0], [12, 0, 0]]]).payoffs.round(3)
    array([6.667, 3.667, 1.667])
    """
    return _allocated(money, CoalitionalGame.shapley)


def nucleolus(money: ArrayLike) -> Terms:
    """Return the terms that minimise the largest complaint of a coalition, then the second largest.

    Raises
    ------
    NotApplicable
        If the three are worth more alone than together.

    Examples
    --------
    >>> nucleolus([[[0, 0, 0], [6, 0, 0]], [[10, 0, 0], [12, 0, 0]]]).payoffs
    array([8., 3., 1.])
    """
    return _allocated(money, CoalitionalGame.nucleolus)


@dataclass(frozen=True, slots=True)
class _Step:
    """Payoffs of all after some bargaining, which agreements are signed, and the violation of the definition."""

    payoffs: Floats
    signed: NDArray[np.bool_]
    missed: Floats


def _state(states: Floats, first: int, second: int) -> _Step:
    """Return a state before lump sums, with or without each agreement."""
    payoffs = states[..., first, second, :]
    return _Step(payoffs, _signed(states, first, second), np.zeros(payoffs.shape[:-1]))


def _signed(states: Floats, first: int, second: int) -> NDArray[np.bool_]:
    return np.broadcast_to(np.array([first, second], dtype=bool), (*states.shape[:-3], 2))


def _own(alone: Floats) -> Floats:
    """Return what partner 1 has in the first and partner 2 in the second of two states, (*batch, 2)."""
    return np.stack([alone[..., 0, 1], alone[..., 1, 2]], axis=-1)


def _pair(yes: _Step, no: _Step, partner: int, weight: float) -> _Step:
    """Let the hub and a partner share what they gain jointly by signing; where they would lose, they do not sign."""
    pair = [0, partner]
    joint = (yes.payoffs - no.payoffs)[..., pair].sum(axis=-1)
    payoffs = yes.payoffs.copy()
    payoffs[..., 0] = no.payoffs[..., 0] + weight * joint
    payoffs[..., partner] = yes.payoffs[..., pair].sum(axis=-1) - payoffs[..., 0]
    gains = (payoffs - no.payoffs)[..., pair]
    signs = joint >= 0.0
    missed = np.where(signs, np.abs((1 - weight) * gains[..., 0] - weight * gains[..., 1]), 0.0)
    return _Step(
        np.where(signs[..., None], payoffs, no.payoffs),
        np.where(signs[..., None], yes.signed, no.signed),
        np.max([missed, yes.missed, no.missed], axis=0),
    )


def _allocated(money: ArrayLike, value: Callable[[CoalitionalGame], Allocation]) -> Terms:
    """Return the terms by a value of the coalitional game, cell by cell."""
    states, worth = _checked(money), worths(money)
    batch = states.shape[:-3]
    payoffs = np.empty((*batch, 3))
    for cell in np.ndindex(batch):
        payoffs[cell] = value(CoalitionalGame((0, 1, 2), {who: x[cell] for who, x in worth.items()})).payoffs
    missed = np.abs((payoffs - states[..., 1, 1, :]).sum(axis=-1))
    return _terms(states, _Step(payoffs, _signed(states, 1, 1), missed))


def _terms(states: Floats, step: _Step, *, least: ArrayLike = 0.0) -> Terms:
    """Compute the lump sums; the terms are empty where the least gain of a pair or a player is negative."""
    size = np.abs(states).max(axis=(-3, -2, -1))
    residual = step.missed / np.where(size > 0.0, size, 1.0)
    agreed = (2 * step.signed[..., 0] + step.signed[..., 1])[..., None, None]
    before = np.take_along_axis(states.reshape(*states.shape[:-3], 4, 3), agreed, axis=-2)[..., 0, :]
    status = np.where(residual <= ACCURACY, Status.OK, Status.INACCURATE)
    return Terms(
        payoffs=step.payoffs,
        transfers=step.payoffs[..., 1:] - before[..., 1:],
        agreed=step.signed,
        residual=np.asarray(residual),
        status=np.where(np.asarray(least) < -ACCURACY * size, Status.EMPTY, status).astype(np.int8),
    )


def _checked(money: ArrayLike) -> Floats:
    """Return the money of the four states as an array, or raise an error."""
    states = real(money, "money", payoffs=True)
    if states.shape[-3:] != (2, 2, 3):
        raise InvalidInput(
            f"`money` must have last axes (2, 2, 3): first agreement or not, second or not, player; got shape "
            f"{states.shape}. Stack the money of the four states."
        )
    return states


def _hub_weights(weights: ArrayLike) -> Floats:
    """Return the hub's bargaining weight against each partner."""
    return within(per_player(weights, "weights", 2), "weights", 0.0, 1.0)
