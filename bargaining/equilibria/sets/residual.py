"""The violation by payoff sets of their definition, computed from the vertices and the game alone.

By definition each set is what is generated with the sets as continuations and their lowest payoffs as punishments. So
every vertex has to lie in the image of the sets, whose thresholds may be missed by a rounding error; and nothing that
is generated with thresholds met by more than a rounding error may lie outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.polygon import distances
from bargaining.equilibria.sets.fan import hull, of_polygons
from bargaining.equilibria.sets.image import Image
from bargaining.equilibria.sets.rows import Scaled
from bargaining.games.stochastic import StochasticGame

_ROOM = 1e-10  # of the unit box: thresholds that are met or missed by less may count as either


def residuals(game: StochasticGame, sets: Sequence[Floats], threats: Sequence[Floats]) -> list[float]:
    """Return how far the set of each state violates its definition, given the other sets.

    Parameters
    ----------
    game : StochasticGame
        Two players.
    sets : sequence of ndarray of shape (m, 2)
        The vertices of each state.
    threats : sequence of ndarray of shape (2,)
        The stated lowest payoffs of each.

    Returns
    -------
    list of float
        As a share of the payoff range, not negative; infinity if nothing can generate a set.
    """
    scaled = Scaled.of(game)
    points = [(np.asarray(some) - scaled.low) / scaled.size for some in sets]
    points = [some[hull(some)] for some in points]
    empty = np.array([not len(some) for some in points])
    rows = scaled.rows
    lost = np.asarray((rows.law[:, empty] > 0.0).any(axis=1))
    one, other = (lost[table].any(axis=1) for table in rows.deviations)
    barred = lost | one | other
    around = of_polygons([some if len(some) else np.zeros((1, 2)) for some in points], rows.discounts)
    most, least = (
        [some.points for some in Image(replace(rows, barred=barred, margin=room), *around, ~barred).recipes()]
        for room in (_ROOM, -_ROOM)
    )
    out = []
    for claimed, threat, above, below in zip(points, threats, most, least, strict=True):
        if not len(claimed):
            out.append(inf if len(below) else 0.0)
            continue
        wrong = np.abs((threat - scaled.low) / scaled.size - claimed.min(axis=0))
        unplayed = distances(claimed, above) if len(above) else [inf]
        beyond = distances(below, claimed) if len(below) else [0.0]
        out.append(float(max(*wrong, *unplayed, *beyond)))
    return out
