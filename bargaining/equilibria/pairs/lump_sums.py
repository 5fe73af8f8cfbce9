"""Nash-in-Nash with lump sums: each pair divides the surplus of its agreement, given the other agreements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import function, is_sequence, listed, player_index
from bargaining._arrays import Floats, real, record, within
from bargaining._calls import suggesting
from bargaining._names import Names, carried, ordered, unique_names
from bargaining._rational import Rationals, floats, rational
from bargaining._rich import Result
from bargaining.errors import InvalidInput, Status


@record
class LumpSums(Result):
    """Transfers that split each pair's joint gain from its agreement, the other agreements given.

    Attributes
    ----------
    payoffs : ndarray of shape (n,)
        Each player's payoff after all transfers.
    transfers : ndarray of shape (k,)
        The payment from the first to the second player of each pair.
    surplus : ndarray of shape (k,)
        The joint gain of each pair from its own agreement.
    exact : tuple of Fraction
        The transfers in exact arithmetic.
    status : Status
        OK, or EMPTY if some pair would rather have no agreement (its surplus is negative).
    player_names : tuple of str
        The names of the players, or their numbers.
    """

    payoffs: Floats
    transfers: Floats
    surplus: Floats
    exact: tuple[Fraction, ...]
    status: Status
    player_names: tuple[str, ...]
    _by_player: ClassVar = ("payoffs",)


def _pair(value: Any) -> tuple[int | str, int | str]:
    if (
        not is_sequence(value)
        or len(value) != 2
        or not all(isinstance(i, int | np.integer | str) for i in value)
    ):
        raise InvalidInput(f"`pairs` must hold pairs of players, (0, 1) say; got {value!r}.")
    first, second = (i if isinstance(i, str) else int(i) for i in value)
    return first, second


def _shares(weights: ArrayLike, count: int) -> Rationals:
    """Return the weight of the first of each pair, as given."""
    within(real(weights, "weights"), "weights", 0.0, 1.0)
    given = rational(weights, "weights")
    if given.shape not in ((), (count,)):
        raise InvalidInput(f"`weights` must be one number, or one a pair ({count}); got shape {given.shape}.")
    return np.broadcast_to(given, (count,))


@suggesting
def lump_sum_nash_in_nash(
    payoffs: Callable[[frozenset[tuple[Any, Any]]], ArrayLike | Mapping[str, Any]],
    pairs: Iterable[tuple[int | str, int | str]],
    *,
    weights: ArrayLike = 0.5,
    players: Names | None = None,
) -> LumpSums:
    r"""Return the Nash-in-Nash transfers of a network of agreements.

    If :math:`\pi(E)` are the payoffs before transfers when the agreements E are in force, pair
    :math:`e = (i, j)` divides :math:`\Delta_i + \Delta_j`, with :math:`\Delta = \pi(E) - \pi(E \setminus e)`:
    i pays :math:`(1 - w)\Delta_i - w \Delta_j` and keeps the share w.

    Parameters
    ----------
    payoffs : callable
        Payoffs of all players before transfers, given the frozenset of pairs that agree, as they are in `pairs`.
    pairs : iterable of pairs of players
        The agreements of the network E, between players given by number or name.
    weights : array_like of shape (k,), or one number
        The bargaining weight of the first of each pair, in [0, 1].
    players : sequence of str, optional
        Names of the players, in the order of their payoffs; by default the labels of the payoffs.

    Returns
    -------
    LumpSums

    References
    ----------
    Collard-Wexler, A., Gowrisankaran, G. and Lee, R. S. (2019). "Nash-in-Nash" bargaining: a microfoundation for
    applied work. *Journal of Political Economy* 127(1), 163-195. doi:10.1086/700729

    Examples
    --------
    >>> from bargaining import lump_sum_nash_in_nash
    >>> worth = {0: 0, 1: 6, 2: 10, 3: 12}  # by the bits 1 (with China) and 2 (with the US)
    >>> def payoffs(agreed):
    ...     return [worth[((0, 2) in agreed) + 2 * ((0, 1) in agreed)], 0, 0]
    >>> lump_sum_nash_in_nash(payoffs, [(0, 1), (0, 2)]).payoffs
    array([8., 3., 1.])
    """
    function(payoffs, "payoffs", "the agreements in force")
    network = [_pair(pair) for pair in listed(pairs, "pairs", "a list of pairs of players")]
    if not network or len(set(network)) < len(network):
        raise InvalidInput(f"`pairs` must be one or more different pairs of players; got {network!r}.")
    everything = frozenset(network)
    first: Any = payoffs(everything)
    known = carried(first) if players is None else tuple(listed(players, "players", "a list of names"))
    base = rational(first if known is None else ordered(first, "payoffs", known), "payoffs", ndim=1)
    names = unique_names(known, "players", base.size)
    places = []
    for pair in network:
        i, j = (player_index(who, "pairs", names) for who in pair)
        if i == j:
            raise InvalidInput(f"`pairs` must join two players; got {pair!r}.")
        places.append((i, j))
    shares = _shares(weights, len(network))
    final: NDArray[Any] = base.copy()
    transfers, surplus = [], []
    for pair, (i, j), share in zip(network, places, shares, strict=True):
        without = rational(ordered(payoffs(everything - {pair}), "payoffs", names), "payoffs", ndim=1)
        if without.size != base.size:
            raise InvalidInput(
                f"`payoffs` must have an entry for each of {base.size} players, whoever agrees; got {without.size} "
                f"without {pair!r}."
            )
        gain = base[[i, j]] - without[[i, j]]
        transfers.append((1 - share) * gain[0] - share * gain[1])
        surplus.append(gain[0] + gain[1])
        final[i] -= transfers[-1]
        final[j] += transfers[-1]
    return LumpSums(
        payoffs=floats(final),
        transfers=floats(transfers),
        surplus=floats(surplus),
        exact=tuple(transfers),
        status=Status.OK if min(surplus) >= 0 else Status.EMPTY,
        player_names=names,
    )
