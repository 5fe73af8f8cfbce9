r"""The coalitional game of a hub and two partners, and its values.

`money`, of shape (\*batch, 2, 2, 3), is that of `triangle_terms`. All agreements inside a coalition are in force. A
coalition with the hub in it is worth the same whatever the others do, because without the hub they have nothing to
agree about. What a partner has on its own depends on the other two: `outsiders` says whether it expects them to stand
alone, or to agree (the models γ and δ of Hart and Kurz).
"""

from __future__ import annotations

from collections.abc import Callable

from numpy.typing import ArrayLike

from bargaining.authoring import Floats, choice
from bargaining.errors import Status
from bargaining.games.coalitional import Allocation, CoalitionalGame
from bargaining_models.negotiation._triangle_states import Terms, checked, each, four

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
