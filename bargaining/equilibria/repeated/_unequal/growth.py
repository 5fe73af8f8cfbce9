"""Sets that generate themselves, found from the way in which a set that contains them is generated.

The image of a polygon says how its vertices are generated, from one another and where constraints bind; the points
that generate themselves in that way are solved for. They are most often equilibrium payoffs, though not all. What
they generate in turn holds more, vertices by the hundred where orbits are long, until nothing is added. If the
points that are solved for lose what was there, what the operator makes of the set is taken instead: it is monotone,
so that a set inside its image grows.
"""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._budget import Budget
from bargaining.equilibria._plane.polygon import Point, hull
from bargaining.equilibria.repeated._search.operator import Block
from bargaining.equilibria.repeated._unequal.halfplanes import FINEST, normals_around, reach
from bargaining.equilibria.repeated._unequal.recipes import Recipes, solved
from bargaining.equilibria.repeated._unequal.ways import Image, Ways, image, pairs

_PERIODS = tuple(
    2**k for k in range(11)
)  # longer orbits move by less than rounding at discount factors up to .98
_ROUNDS = 40  # a set with the right structure takes a dozen or two; with another one it creeps
_SLOW, _CREEPING = 0.5, 14  # so many rounds in a row may fail to halve what is added
_HOPELESS = 12  # rounds after which a set that does not generate itself will not
_COARSE = 3e-4  # vertices that matter less than that share of what was added last are left out for now
_ENOUGH = 4.0  # times what vertices may matter that are left out: what a set may grow by at the end


def threats(points: Floats, bound: Point) -> Point:
    """Return the lowest payoffs, or what is known to be below all threats."""
    x, y = points.min(axis=0).tolist()
    return max(bound[0], x), max(bound[1], y)


def grown(
    block: Block, bound: Point, start: Floats, merge: float, inner: Recipes | None, budget: Budget
) -> Recipes | None:
    """Return a set that generates itself and is all that it generates, or what was found last; None if nothing was.

    Parameters
    ----------
    block : Block
        The profiles that can be played.
    bound : Point
        Payoffs below all threats.
    start : ndarray of shape (n, 2)
        A polygon that contains the set.
    merge : float
        Vertices nearer than that to the chord of their neighbours are left out.
    inner : Recipes, optional
        A set that generates itself, to start from instead.
    budget : Budget
        The work that may be done.
    """
    points, keys, best, coarse = start, None, inner, merge
    least, slow = np.inf, 0
    if inner is not None:
        points, keys = inner.points, inner.keys if inner.block is block else None
    for n in range(_ROUNDS):
        known = best is not None
        ways = Ways(block, points, threats(points, bound), periods=_PERIODS if known else (1,), inner=known)
        budget.spend(len(points) * int(ways.ends[-1]))
        if budget.spent:
            break
        found = image(ways, merge=coarse)
        if not len(found) or (n >= _HOPELESS and not known):
            break
        normals = normals_around(found.points, found.points[:0])
        more = float((reach(found.points, normals) - reach(points, normals)).max())
        least, slow = (more, 0) if more < _SLOW * least else (least, slow + 1)
        if slow > _CREEPING:
            break
        new = solved(points, keys, found, block, bound, near=10.0 * coarse)
        if new is not None and new.holds and (best is None or _lost(points, new.points) <= _ENOUGH * coarse):
            best = new
        elif known:
            best = _with(block, bound, points, found, new)
        if best is not None:
            points, keys = best.points, best.keys
            if more <= _ENOUGH * merge and known:
                break
        elif new is None:
            break
        else:
            points, keys = new.points, new.keys
        coarse = max(merge, _COARSE * more)
    return best


def joined(block: Block, bound: Point, one: Recipes | None, other: Recipes) -> Recipes:
    """Return the hull of two sets that generate themselves, which does so too."""
    if one is None or _lost(one.points, other.points) <= FINEST:
        return other
    every = np.concatenate([one.points, other.points])
    corners = every[hull(pairs(every), merge=FINEST)]
    return Recipes(block, bound, corners, [None] * len(corners), True)


def _lost(points: Floats, after: Floats) -> float:
    """Return how far a polygon reaches beyond a later one."""
    normals = normals_around(after, points[:0])
    return float((reach(points, normals) - reach(after, normals)).max())


def _with(block: Block, bound: Point, points: Floats, found: Image, new: Recipes | None) -> Recipes:
    """Return the hull of a set that generates itself, what it generates, and another set that generates itself."""
    every = np.concatenate([points, found.points, *([new.points] if new is not None and new.holds else [])])
    corners = every[hull(pairs(every), merge=FINEST)]
    return Recipes(block, bound, corners, [None] * len(corners), True)
