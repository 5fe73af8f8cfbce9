r"""The coalitional game of a hub and two partners, its values and its core.

`money`, of shape (\*batch, 2, 2, 3), is that of `triangle_terms`. All agreements inside a coalition are in force. A
coalition with the hub in it is worth the same whatever the others do, because without the hub they have nothing to
agree about. What a partner has on its own depends on the other two: `outsiders` says whether it expects them to stand
alone, or to agree (the models γ and δ of Hart and Kurz).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining.authoring import Floats, choice, real
from bargaining.errors import Status
from bargaining.games.coalitional import Allocation, CoalitionalGame
from bargaining_models.negotiation._triangle_states import ACCURACY, Terms, checked, each, four, size

OUTSIDERS = ("alone", "agree")


def worths(money: ArrayLike, *, outsiders: str = "alone") -> dict[tuple[int, ...], Floats]:
    """Return the worth of every coalition, each of shape batch.

    Parameters
    ----------
    money : (*batch, 2, 2, 3) array_like
    outsiders : {"alone", "agree"}
        The behaviour of the other two that a partner on its own expects.

    Raises
    ------
    InvalidInput
        If `money` has another shape or is not finite, or `outsiders` is neither.

    References
    ----------
    Hart, S. and Kurz, M. (1983). Endogenous formation of coalitions. *Econometrica* 51(4), 1047-1064.
    doi:10.2307/1912051
    """
    choice(outsiders, "outsiders", OUTSIDERS)
    nothing, second, first, both = four(checked(money))
    left_1, left_2 = (nothing, nothing) if outsiders == "alone" else (second, first)
    return {
        (0,): nothing[..., 0],
        (1,): left_1[..., 1],
        (2,): left_2[..., 2],
        (0, 1): first[..., 0] + first[..., 1],
        (0, 2): second[..., 0] + second[..., 2],
        (1, 2): nothing[..., 1] + nothing[..., 2],
        (0, 1, 2): both.sum(axis=-1),
    }


def shapley(money: ArrayLike, *, outsiders: str = "alone") -> Terms:
    """Return the terms by which each gets its average contribution over the orders of arrival.

    Examples
    --------
    >>> shapley([[[0, 0, 0], [6, 0, 0]], [[10, 0, 0], [12, 0, 0]]]).payoffs.round(3)
    array([6.667, 3.667, 1.667])
    """
    return _allocated(money, outsiders, CoalitionalGame.shapley)


def nucleolus(money: ArrayLike, *, outsiders: str = "alone") -> Terms:
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
    return _allocated(money, outsiders, CoalitionalGame.nucleolus)


def _allocated(money: ArrayLike, outsiders: str, value: Callable[[CoalitionalGame], Allocation]) -> Terms:
    def solve(cell: Floats) -> tuple[Floats, float, int]:
        payoffs = value(CoalitionalGame((0, 1, 2), worths(cell, outsiders=outsiders))).payoffs
        return payoffs, abs(float(payoffs.sum() - cell[1, 1].sum())), Status.OK

    return each(checked(money), solve)


def core_margin(money: ArrayLike, *, outsiders: str = "alone") -> Floats:
    """Return by how much the three together beat the best balanced collection of coalitions: the core is empty below 0.

    Notes
    -----
    Of three players the minimal balanced collections are all alone, a pair and the third, and the three pairs with
    weight a half each (Bondareva 1963, Shapley 1967).
    """
    v = worths(money, outsiders=outsiders)
    alone = v[0,] + v[1,] + v[2,]
    pairs = [v[0, 1] + v[2,], v[0, 2] + v[1,], v[1, 2] + v[0,], (v[0, 1] + v[0, 2] + v[1, 2]) / 2]
    return np.asarray(v[0, 1, 2] - np.max([alone, *pairs], axis=0))


def core_transfers(money: ArrayLike, *, outsiders: str = "alone") -> Floats:
    """Return the least and the largest lump sum from the hub to each partner in the core.

    Returns
    -------
    (*batch, 2, 2) array
        Partner, then least and largest; NaN where the core is empty.

    Notes
    -----
    In a non-empty core of three players i has at least v(i) and what the pairs with i in them leave it, at most
    v(N) less what the other two have together or alone, and each such payoff is reached.
    """
    v = worths(money, outsiders=outsiders)
    bounds = []
    for own, other in ((1, 2), (2, 1)):
        least = np.maximum(v[own,], v[0, own] + v[1, 2] - v[0, 1, 2])
        largest = v[0, 1, 2] - np.maximum(v[0, other], v[0,] + v[other,])
        bounds.append(np.stack([least, largest], axis=-1) - checked(money)[..., 1, 1, own, None])
    found = np.stack(bounds, axis=-2)
    empty = core_margin(money, outsiders=outsiders) < -_rounding(money)
    return np.where(empty[..., None, None], np.nan, found)


def complaint(money: ArrayLike, payoffs: ArrayLike, *, outsiders: str = "alone") -> Floats:
    """Return the largest that a coalition has more on its own than in the payoffs, (*batch): the core is at most 0."""
    x = real(payoffs, "payoffs")
    v = worths(money, outsiders=outsiders)
    return np.asarray(np.max([v[who] - x[..., list(who)].sum(axis=-1) for who in v if len(who) < 3], axis=0))


def superadditive(money: ArrayLike, *, outsiders: str = "alone") -> NDArray[np.bool_]:
    """Say where disjoint coalitions never lose by joining, (*batch)."""
    v = worths(money, outsiders=outsiders)
    gains = [v[i, j] - v[i,] - v[j,] for i, j in ((0, 1), (0, 2), (1, 2))]
    gains += [v[0, 1, 2] - v[i, j] - v[k,] for i, j, k in ((0, 1, 2), (0, 2, 1), (1, 2, 0))]
    return np.asarray(np.min(gains, axis=0) >= -_rounding(money))


def convex(money: ArrayLike, *, outsiders: str = "alone") -> NDArray[np.bool_]:
    """Say where a player adds more the larger the coalition it joins, (*batch)."""
    v = worths(money, outsiders=outsiders)
    shared = ((0, (0, 1), (0, 2)), (1, (0, 1), (1, 2)), (2, (0, 2), (1, 2)))
    gains = [v[0, 1, 2] + v[i,] - v[one] - v[other] for i, one, other in shared]
    joint = [v[i, j] - v[i,] - v[j,] for i, j in ((0, 1), (0, 2), (1, 2))]
    return np.asarray(np.min([*gains, *joint], axis=0) >= -_rounding(money))


def _rounding(money: ArrayLike) -> Floats:
    """Return the rounding error of sums of the money, (*batch)."""
    return ACCURACY * size(checked(money))
