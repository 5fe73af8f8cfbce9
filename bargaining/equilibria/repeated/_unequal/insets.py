"""Sets that generate themselves with room for rounding, a little inside one that just does."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bargaining.equilibria._plane.kinds import Tag
from bargaining.equilibria._plane.polygon import Point, Polygon, lowest
from bargaining.equilibria.repeated._search.operator import Block
from bargaining.equilibria.repeated._unequal.growth import threats
from bargaining.equilibria.repeated._unequal.halfplanes import Halfplanes, apart_by, normals_around, reach
from bargaining.equilibria.repeated._unequal.images import mapped, sourced
from bargaining.equilibria.repeated._unequal.recipes import Recipes, solved
from bargaining.equilibria.repeated._unequal.ways import Ways, image

_NEAR = 1e-8  # of vertices that stand for one another in a set and its image, which are the same but for those left out
_INSETS = tuple(
    2.0**-k for k in range(42, 32, -1)
)  # from 200 times what floats of the unit box may be off by


class Bounded(NamedTuple):
    """A polygon, how its vertices are generated, and how far it may be off.

    It generates itself if it is close enough to all that is possible; else it holds every payoff.
    """

    polygon: Polygon
    tags: list[Tag]
    bound: float  # infinite if nothing inside was shown to generate itself
    steps: int
    block: Block  # the profiles that can be played
    low: Point  # the lowest payoffs, without room for rounding


def inside(inner: Recipes, own: Point, outer: Halfplanes, tolerance: float) -> Bounded | None:
    """Return what a set generates that lies a little within it: its vertices follow points well inside; or None.

    Parameters
    ----------
    inner : Recipes
        A set that generates itself.
    own : Point
        What each player gets by leaving, minus infinity if she may not.
    outer : Halfplanes
        A set that holds every payoff.
    tolerance : float
        How far the two may be apart.
    """
    block = inner.block
    bound = block.threat_bound(own)
    for inset in _INSETS:
        ways = Ways(block, inner.points, threats(inner.points, bound))
        found = solved(
            inner.points, None, image(ways, merge=inset / 16.0), block, bound, near=_NEAR, inset=inset
        )
        if found is None:
            continue
        points = found.points
        polygon, tags = mapped(block, points, threats(points, bound), merge=inset / 16.0)
        after = np.array(polygon)
        if not polygon:
            continue
        far = apart_by(outer, after)
        if far > tolerance:  # and farther with more
            return None
        normals = normals_around(after, after[:0])
        if (reach(points, normals) <= reach(after, normals)).all():
            before = [(x, y) for x, y in points.tolist()]
            return Bounded(polygon, sourced(before, polygon, tags), far, 0, block, lowest(polygon))
    return None
