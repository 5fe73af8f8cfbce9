"""The outside option that breaks a profile."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bargaining._arrays import ArrayLike, Floats
from bargaining._arrays import discounts as valid_discounts
from bargaining._calls import suggesting
from bargaining._names import ordered
from bargaining._rational import fractions
from bargaining.equilibria.repeated._patience import Path
from bargaining.games.normal_form import Game, Profile, require_game


@suggesting
def critical_exit(game: Game, profile: Profile, discounts: ArrayLike) -> Floats:
    r"""Return the outside option of each player above which a profile cannot be played for ever.

    When all may leave and get o, the profile a is sustained if and only if for each player

    .. math:: o_i \le g_i(a) - \frac{1 - \delta_i}{\delta_i}\, [c_i(a) - g_i(a)].

    Parameters
    ----------
    game : Game
        The stage game.
    profile : sequence of int or str, or mapping from players to them
        The actions a, one per player.
    discounts : array_like of shape (*batch, n), or one number
        Discount factors in [0, 1).

    Returns
    -------
    ndarray of shape (*batch, n)
        The right-hand side; minus infinity for an impatient player (discount factor 0) who gains by deviating.

    Notes
    -----
    As in `critical_discount`, leaving is how deviations are punished: a lower outside option is a harsher
    punishment, so only a rise of o can break cooperation.

    Examples
    --------
    >>> from bargaining import Game, critical_exit
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> critical_exit(prisoners, (0, 0), 0.2)
    array([5., 5.])
    """
    require_game(game)
    path = Path.of(game, game.profile(profile), None)
    patience = valid_discounts(discounts, game.player_names)
    given = ordered(discounts, "discounts", game.player_names)
    exact = fractions(np.asarray(given) if np.ndim(given) else np.full(game.players, given))
    limits = np.empty(patience.shape)
    for index in np.ndindex(patience.shape):
        delta, gain = exact[index], path.deviation[index[-1]] - path.payoffs[index[-1]]
        if gain and not delta:
            limits[index] = -np.inf
        else:
            limits[index] = _rounded(path.payoffs[index[-1]] - (gain * (1 - delta) / delta if gain else 0))
    return limits


def _rounded(value: Fraction) -> float:
    """Return the nearest float; minus infinity below all of them."""
    try:
        return float(value)
    except OverflowError:
        return -np.inf
