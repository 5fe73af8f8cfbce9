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

from bargaining import Problem, TransferableSurplus, nash
from bargaining.authoring import Floats, Result, per_player, real, within
from bargaining.equilibria.pairs.lump_sums import lump_sum_nash_in_nash
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
    _, second, _, both = _four(states)
    step = _pair(both, second, 1, w[0])
    agreed = np.stack([step.agreed, np.ones_like(step.agreed)], axis=-1)
    return _terms(states, step.payoffs, step.residual, agreed=agreed)


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

    def solve(cell: Floats) -> tuple[Floats, float, int]:
        found = lump_sum_nash_in_nash(
            lambda pairs: cell[int((0, 1) in pairs), int((0, 2) in pairs)], [(0, 1), (0, 2)], weights=w
        )
        added = cell[1, 1] - np.stack([cell[0, 1], cell[1, 0]])
        hub, partner = added[:, 0] - found.transfers, added[[0, 1], PARTNERS] + found.transfers
        return found.payoffs, float(np.abs((1 - w) * hub - w * partner).max()), int(found.status)

    return _each(states, solve)


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
    nothing, second, first, both = _four(states)
    # without partner 1, without 2
    hub_left = np.stack([_alike(second, nothing, 2), _alike(first, nothing, 1)])
    outside = np.stack([second[..., 1], first[..., 2]])
    hub = (both.sum(axis=-1) + (hub_left - outside).sum(axis=0)) / 3
    payoffs = np.stack([hub, *(hub - hub_left + outside)], axis=-1)
    gains = np.stack([hub - hub_left, np.moveaxis(payoffs[..., 1:], -1, 0) - outside])
    unequal = np.abs(gains[0] - gains[1]).max(axis=0)
    missed = np.maximum(unequal, np.abs(payoffs.sum(axis=-1) - both.sum(axis=-1)))
    least = np.minimum(gains.min(axis=(0, 1)), (hub_left - nothing[..., 0]).min(axis=0))
    empty = least < -ACCURACY * _size(states)
    return _terms(states, payoffs, missed / _size(states), status=np.where(empty, Status.EMPTY, Status.OK))


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
    nothing, with_2, with_1, both = _four(states)
    mine, other = (with_1, with_2) if first == 1 else (with_2, with_1)
    last = 3 - first
    signed, refused = _pair(both, mine, last, w[last - 1]), _pair(other, nothing, last, w[last - 1])
    return _foreseeing(states, signed, refused, first, w[first - 1])


def exclusive(money: ArrayLike, *, weights: ArrayLike = 0.5) -> Terms:
    """Return the terms if the hub bargains with partner 1 first, and their agreement rules out one with partner 2.

    If they fail to agree, the hub goes on to partner 2, as in `in_order`.
    """
    states, w = _checked(money), _hub_weights(weights)
    nothing, second, first, _ = _four(states)
    none = np.zeros(first.shape[:-1])
    ruled_out = _Step(first, none.astype(bool), none)
    return _foreseeing(states, ruled_out, _pair(second, nothing, 2, w[1]), 1, w[0])


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
    nothing, second, first, both = _four(_checked(money))
    return {
        (0,): nothing[..., 0],
        (1,): nothing[..., 1],
        (2,): nothing[..., 2],
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
    """The result of one pair's bargaining: payoffs of all, whether the pair agrees, and the error."""

    payoffs: Floats
    agreed: NDArray[np.bool_]
    residual: Floats


def _pair(agree: Floats, refuse: Floats, partner: int, weight: float) -> _Step:
    """Let the hub and a partner divide their payoffs if they agree, with those if they refuse as disagreement point."""
    pair = [0, partner]
    problem = Problem(TransferableSurplus(agree[..., pair].sum(axis=-1)), refuse[..., pair])
    found = nash(problem, weights=[weight, 1 - weight])
    agreed = np.isin(found.status, (Status.OK, Status.DEGENERATE))
    payoffs = agree.copy()
    payoffs[..., pair] = found.payoffs
    return _Step(np.where(agreed[..., None], payoffs, refuse), agreed, np.where(agreed, found.residual, 0.0))


def _foreseeing(states: Floats, signed: _Step, refused: _Step, partner: int, weight: float) -> Terms:
    """Let the first pair bargain, foreseeing what follows if it signs or refuses."""
    step = _pair(signed.payoffs, refused.payoffs, partner, weight)
    agreed = [step.agreed, np.where(step.agreed, signed.agreed, refused.agreed)]
    return _terms(
        states,
        step.payoffs,
        np.max([step.residual, signed.residual, refused.residual], axis=0),
        agreed=np.stack(agreed if partner == 1 else agreed[::-1], axis=-1),
    )


def _alike(agree: Floats, refuse: Floats, partner: int) -> Floats:
    """Return the hub's payoff if it and a partner gain equally by agreeing."""
    return np.asarray((agree[..., 0] + agree[..., partner] + refuse[..., 0] - refuse[..., partner]) / 2)


def _allocated(money: ArrayLike, value: Callable[[CoalitionalGame], Allocation]) -> Terms:
    def solve(cell: Floats) -> tuple[Floats, float, int]:
        payoffs = value(CoalitionalGame((0, 1, 2), worths(cell))).payoffs
        return payoffs, abs(float(payoffs.sum() - cell[1, 1].sum())), Status.OK

    return _each(_checked(money), solve)


def _terms(
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


def _each(states: Floats, solve: Callable[[Floats], tuple[Floats, float, int]]) -> Terms:
    """Solve cell by cell: payoffs, the violation in money, and the status."""
    batch = states.shape[:-3]
    payoffs, violation, status = zip(*map(solve, states.reshape(-1, 2, 2, 3)), strict=True)
    return _terms(
        states,
        np.reshape(payoffs, (*batch, 3)),
        np.reshape(violation, batch) / _size(states),
        status=np.reshape(status, batch),
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


def _four(states: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the states with no agreement, only the second, only the first, and both."""
    return states[..., 0, 0, :], states[..., 0, 1, :], states[..., 1, 0, :], states[..., 1, 1, :]


def _size(states: Floats) -> Floats:
    """Return the largest money of each cell."""
    largest = np.abs(states).max(axis=(-3, -2, -1))
    return np.asarray(np.where(largest > 0, largest, 1.0))
