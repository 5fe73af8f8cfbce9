"""Ideal points seen from interim agreements: gains that rounding alone does not explain."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.feasible._sides import some
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.polytope import Polytope, batch_of, sets_of

Ideal = Callable[[Floats], Floats]
"""Takes a floor and returns each player's best payoff above it."""

LOWER = 4.0 ** np.arange(14)  # hairs by which points of a path are lowered: up to 1e-8 of the payoffs
LASTING = 4.0  # a gain this many times what a hair buys is not caused by rounding


def comprehensive(feasible: FeasibleSet) -> FeasibleSet:
    """Return a polytope of points with free disposal, which has the same ideal points; other sets as they are."""
    if not isinstance(feasible, Polytope) or feasible.free_disposal:
        return feasible
    if feasible.batch_shape:
        return batch_of(np.vectorize(comprehensive, otypes=[object])(sets_of(feasible)))
    return feasible if feasible.points is None else Polytope(feasible.points, free_disposal=True)


def best_above(best: Ideal, x: Floats, hair: Floats, live: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return each player's best payoff with nobody worse off than at x, and x, lowered if need be to be in the set.

    Rounding may put a point of a path slightly outside the set, where no feasible point is above it. Such a point is
    lowered by one hair, then by four and so on, until it is inside. The result is NaN if it never is, since an unknown
    gain is not a gain of zero.

    Parameters
    ----------
    best : callable
        The ideal point as a function of the floor.
    x, hair : ndarray, shape (..., n)
        Points, and the rounding errors of their payoffs.
    live : ndarray of bool, shape (...)
        Cells to compute; NaN in the others.
    """
    start = low = x if live.all() else np.where(live[..., None], x, 0.0)
    found = np.broadcast_to(best(low), x.shape)
    for size in (*LOWER, None):
        outside = live & some(found < low - hair)
        if size is None or not outside.any():
            break
        low = np.where(outside[..., None], start - size * hair, low)
        found = np.where(outside[..., None], best(low), found)
    lost = ~live | outside
    if not lost.any():
        return found, low
    return np.where(lost[..., None], np.nan, found), np.where(live[..., None], low, x)


def lasting_gain(best: Ideal, x: Floats, hair: Floats) -> Floats:
    """Return what each could gain with nobody worse off than at x; 0 where rounding alone explains it, NaN if unknown.

    A point near the frontier may be slightly inside or outside the set, so gains are computed one and two hairs below
    it. The gain of a blocked player is proportional to the hair; any other gain hardly changes.
    """
    near, far = best(x - hair) - x, best(x - 2 * hair) - x
    with np.errstate(invalid="ignore"):
        lasts = (near > hair) & (near > LASTING * (far - near))
        gain: Floats = np.where(lasts, near, 0.0)
    return np.where(np.isfinite(near) & np.isfinite(far), gain, np.nan)
