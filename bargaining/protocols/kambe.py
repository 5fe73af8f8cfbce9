"""The limit of bargaining between reputations as commitment becomes improbable (Kambe 1999)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arrays import Floats, per_player, within
from bargaining.protocols import _concession


def kambe_limit(rates: ArrayLike, *, exponents: ArrayLike = (1.0, 1.0)) -> Floats:
    r"""Return the division as the probabilities of commitment vanish and every demand can be made.

    With priors :math:`z_i = z^{k_i}` and :math:`z \to 0`, a player is not the one to concede at 0 iff
    its demand satisfies :math:`k_i r_i (1-a_j) \le k_j r_j (1-a_i)`. So i secures

    .. math:: x_i = \frac{k_j r_j}{k_1 r_1 + k_2 r_2}

    by demanding it, whatever the other demands, and the two add up to the pie.

    Parameters
    ----------
    rates : array_like, shape (*batch, 2)
        Discount rates, not both zero.
    exponents : array_like, shape (*batch, 2), default (1, 1)
        The positive :math:`k_i`; equal ones give Rubinstein's division :math:`r_j/(r_1+r_2)`.

    Returns
    -------
    ndarray, shape (*batch, 2)

    References
    ----------
    Kambe, S. (1999). Bargaining with imperfect commitment. *Games and Economic Behavior* 28(2), 217-237.
    doi:10.1006/game.1998.0700

    Abreu, D. and Gul, F. (2000). Bargaining and reputation. *Econometrica* 68(1), 85-117. doi:10.1111/1468-0262.00094

    Examples
    --------
    >>> kambe_limit((0.1, 0.05)).round(7).tolist()
    [0.3333333, 0.6666667]
    """
    speed = _concession.checked_rates(rates) * within(
        per_player(exponents, "exponents", 2), "exponents", 0.0, np.inf, ends="()"
    )
    return np.asarray(speed[..., ::-1] / speed.sum(axis=-1, keepdims=True))
