"""Sets that generate themselves a little inside a polygon that holds all that do."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import Tag
from bargaining.equilibria._plane.polygon import Polygon, beyond
from bargaining.equilibria.repeated._search.operator import Block
from bargaining.equilibria.repeated._unequal.halfplanes import normals_around, reach
from bargaining.equilibria.repeated._unequal.images import excess_of, image_of, lacks, sourced
from bargaining.equilibria.repeated._unequal.levels import Levels
from bargaining.equilibria.repeated._unequal.rows import Astray

FINEST = 1e-15
ROOM = 2e-10
_SMALLEST, _LARGEST = 1e-13, 4e-12
_INSETS = 2.0 ** (np.arange(24) // 2)
_ROUNDING = 2e-15
_TABLE = 500_000


class Bounded(NamedTuple):
    """A polygon, how its vertices are generated, and how far it may be off.

    It generates itself if it is close enough to all that is possible; else it holds every payoff.
    """

    polygon: Polygon
    tags: list[Tag]
    bound: float  # infinite if nothing inside was shown to generate itself
    steps: int
    block: Block  # the profiles that can be played


def inside(levels: Levels, image: Floats) -> Bounded | None:
    """Return a set that generates itself with room to spare: the image of a smaller polygon; or None."""
    rows = levels.rows
    if rows is None:
        return None
    played = np.flatnonzero(rows.profile >= 0)
    least = max(_SMALLEST, min(_LARGEST, ROOM / (1.0 + levels.speeds.max())))
    slack = lacks(levels, np.array(image_of(levels, merge=FINEST)[0])) + least
    for share in _INSETS.tolist():
        try:
            moved = levels.settled - share * rows.slopes(slack)
            inner = Levels(levels.block, levels.own, levels.normals, moved, share * least / 16.0)
            found = _generating(inner, image, share * least / 4.0)
        except Astray:
            return None
        if found is not None:
            return found
        # Duals that tie in the larger set do not in the smaller one: the steeper ones count.
        rows = rows.joined(inner.duals(rows.face[played], rows.profile[played]))
    return None


def _generating(levels: Levels, outer: Floats, merge: float) -> Bounded | None:
    """Return the image of a polygon that lies within it, or else of what does; Astray if nothing is left."""
    for _ in range(2):
        with np.errstate(divide="ignore", invalid="ignore"):
            levels.prune()
        points, tags = image_of(levels, merge=merge) if levels.polygon.closed() else ([], [])
        if not points:
            raise Astray
        if excess_of(levels, np.array(points)) <= _ROUNDING:
            return Bounded(
                points, sourced(levels.points, points, tags), _distance(outer, points), 0, levels.block
            )
        levels = _cut(levels, np.array(points))
    return None


def _cut(levels: Levels, image: Floats) -> Levels:
    """Return what lies within the image: outcomes that are given may lie on edges that the faces only come close to."""
    normals = normals_around(image, levels.normals)
    least = np.minimum(levels.polygon.support(normals), reach(image, normals))
    return Levels(levels.block, levels.own, normals, least, levels.tol)


def _distance(image: Floats, points: Polygon) -> float:
    """Return how far the image reaches beyond a polygon; in portions, as there may be thousands of vertices."""
    portions = np.array_split(image, 1 + len(image) * len(points) // _TABLE)
    return max(beyond([(x, y) for x, y in portion.tolist()], points) for portion in portions)
