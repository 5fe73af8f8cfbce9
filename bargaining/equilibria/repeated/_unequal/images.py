"""What the operator makes of a polygon bounded by half-planes, and how far the polygon reaches beyond it."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import STATIC, VERTEX, Tag
from bargaining.equilibria._plane.polygon import MERGE, Point, Polygon
from bargaining.equilibria.repeated._search.operator import Block, snap
from bargaining.equilibria.repeated._unequal.halfplanes import farthest, normals_around, outward, reach
from bargaining.equilibria.repeated._unequal.levels import Levels
from bargaining.equilibria.repeated._unequal.ways import Ways, image, pairs


def image_of(levels: Levels, *, merge: float = MERGE) -> tuple[Polygon, list[Tag]]:
    """Return what the operator makes of the polygon; sources are numbers of its vertices."""
    return mapped(levels.block, np.array(levels.points), levels.threat, merge=merge)


def mapped(block: Block, points: Floats, threat: Point, *, merge: float) -> tuple[Polygon, list[Tag]]:
    """Return what the operator makes of a polygon, payoffs that are known by heart as they are."""
    found = image(Ways(block, points, threat), merge=merge)
    polygon, tags = pairs(found.points), found.tags(block)
    snap(block, polygon, tags)
    _rest(block, polygon, tags)
    return polygon, tags


def _rest(block: Block, polygon: Polygon, tags: list[Tag]) -> None:
    """Replace vertices that are a profile played for ever but for rounding."""
    place = {k: at for at, k in enumerate(block.index.tolist())}
    for n, ((x, y), (_, k, _)) in enumerate(zip(polygon, tags, strict=True)):
        if k >= 0:
            g, h = block.payoffs.item(0, place[k]), block.payoffs.item(1, place[k])
            if abs(x - g) + abs(y - h) <= MERGE:
                polygon[n], tags[n] = (g, h), (STATIC, k, -1)


def sourced(points: Polygon, polygon: Polygon, tags: list[Tag]) -> list[Tag]:
    """Return the tags with vertices of the continuations replaced by those of the image next to them."""
    near = farthest(np.array(polygon), outward(np.array(points))).tolist()
    return [(kind, k, near[n]) if kind == VERTEX else (kind, k, n) for kind, k, n in tags]


def excess_of(levels: Levels, polygon: Floats) -> float:
    """Return how far the polygon reaches beyond its image."""
    normals = normals_around(polygon, polygon[:0])
    return float((levels.polygon.support(normals) - reach(polygon, normals)).max())


def lacks(levels: Levels, polygon: Floats) -> Floats:
    """Return how far the polygon reaches beyond its image at either end of each face."""
    normals = normals_around(polygon, polygon[:0])
    vertex = levels.polygon.farthest(normals)
    lack, edges = np.zeros(len(levels.levels)), len(levels.kept)
    excess = (normals * levels.polygon.vertices[vertex]).sum(axis=1) - reach(polygon, normals)
    for k in (vertex, vertex - 1):
        np.maximum.at(lack, levels.kept[k % edges], excess)
    return lack
