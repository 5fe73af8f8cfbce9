r"""Sets that generate themselves, next to a set that nearly does.

The vertices of the set go to the farthest payoffs that it generates in their directions, again and again. If each
stays where it is, the set generates itself. Near the end the same profiles and floors decide round after round: the
points that these generate are solved for, and count if their weights and floors prove it.
"""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._budget import Budget
from bargaining.equilibria.repeated._hyperplanes.inner import SLACK, Hull
from bargaining.equilibria.repeated._hyperplanes.profiles import Profiles
from bargaining.equilibria.repeated._hyperplanes.recipes import generating_points
from bargaining.equilibria.repeated._hyperplanes.vertex_image import image

_ROUNDS = 40
_EVERY = 4  # rounds after which the points are solved for in any case
_SLOWER = 0.3  # and what is left of the move before if it is worth solving for them earlier
_NEAR = 3.0  # how far they may lie, in what all further moves would add up to


def sustained(profiles: Profiles, points: Floats, budget: Budget) -> tuple[Hull | None, bool]:
    """Return the hull of points next to these and whether they generate themselves, which ends the search."""
    hull, before, patience = sturdy(points), np.inf, 1.0 - profiles.discounts.max()
    for trial in range(_ROUNDS):
        if hull is None or not budget.spend(len(hull.points) * len(profiles.payoffs)):
            break
        found = image(profiles, hull.points, _pointing(hull))
        if not len(found.payoffs):
            break
        move = float(np.abs(found.payoffs - hull.points[found.directions]).max())
        if len(found.payoffs) == len(hull.points):
            if move <= SLACK:
                return hull, True
            if move < _SLOWER * before or trial % _EVERY == _EVERY - 1:
                solved = generating_points(profiles, hull.points.argmin(axis=0), found)
                if solved is not None and np.abs(solved - found.payoffs).max() <= _NEAR * move / patience:
                    return sturdy(solved), True
                before = move
        hull = sturdy(found.payoffs)
    return hull, False


def sturdy(points: Floats) -> Hull | None:
    """Return the hull of points, leaving out neighbours as near as it takes to find one in floats."""
    for digits in (14, 10, 9, 8, 7, 6):
        kept = np.unique(points.round(digits), axis=0, return_index=True)[1]
        hull = Hull.of(points[np.sort(kept)])
        if hull is not None:
            return hull
    return None


def _pointing(hull: Hull) -> Floats:
    """Return a direction in which each vertex is the farthest: the middle of the normals of its faces."""
    if not len(hull.faces):
        n = hull.points.shape[1]
        return np.full((1, n), n**-0.5)
    local = (hull.points - hull.centre) @ hull.basis.T
    meets = local @ hull.faces[:, :-1].T + hull.faces[:, -1] > -1e-9
    middle = meets @ hull.faces[:, :-1]
    return np.asarray(middle / np.linalg.norm(middle, axis=1, keepdims=True) @ hull.basis)
