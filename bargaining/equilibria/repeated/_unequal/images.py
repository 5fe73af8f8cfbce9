"""What the operator makes of a polygon bounded by half-planes, and how far the polygon reaches beyond it."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import BOTTOM, CORNER, LEAVE, LEFT, STATIC, VERTEX, Tag
from bargaining.equilibria._plane.polygon import MERGE, Chains, Polygon, hull
from bargaining.equilibria.repeated._search.operator import Block, binding, snap
from bargaining.equilibria.repeated._unequal.halfplanes import farthest, normals_around, outward, reach
from bargaining.equilibria.repeated._unequal.levels import Levels


def image_of(levels: Levels, *, merge: float = MERGE) -> tuple[Polygon, list[Tag]]:
    """Return what the operator makes of the polygon; sources are numbers of its vertices."""
    block, b = levels.block, levels.thresholds
    w, feasible = binding(Chains(levels.points), b)
    where = np.flatnonzero(feasible)
    vertex, profile = np.nonzero(levels.unbound())
    columns = [np.array(leave.payoffs)[:, None] for leave in block.leaves]
    columns.append(block.now[:, where % b.shape[1]] + block.discounts * w.reshape(2, -1)[:, where])
    columns.append(block.now[:, profile] + block.discounts * np.array(levels.points)[vertex].T)
    points = list(zip(*np.concatenate(columns, axis=1).tolist(), strict=True))
    corners, tags = hull(points, merge=merge, given=len(block.leaves)), []
    for k in corners:
        if k < len(block.leaves):
            tags.append((LEAVE, -1, block.leaves[k].number))
            continue
        k -= len(block.leaves)
        if k < where.size:
            kind, at = divmod(where.item(k), b.shape[1])
            o = 1 if kind == BOTTOM else 0
            corner = kind in (BOTTOM, LEFT) and w.item(o, kind, at) == b.item(o, at)
            tags.append((CORNER if corner else kind, block.index.item(at), -1))
        else:
            tags.append((VERTEX, block.index.item(profile.item(k - where.size)), vertex.item(k - where.size)))
    image = [points[k] for k in corners]
    snap(block, image, tags)
    _rest(block, image, tags)
    return image, tags


def _rest(block: Block, image: Polygon, tags: list[Tag]) -> None:
    """Replace vertices that are a profile played for ever but for rounding."""
    place = {k: at for at, k in enumerate(block.index.tolist())}
    for n, ((x, y), (_, k, _)) in enumerate(zip(image, tags, strict=True)):
        if k >= 0:
            g, h = block.payoffs.item(0, place[k]), block.payoffs.item(1, place[k])
            if abs(x - g) + abs(y - h) <= MERGE:
                image[n], tags[n] = (g, h), (STATIC, k, -1)


def sourced(points: Polygon, image: Polygon, tags: list[Tag]) -> list[Tag]:
    """Return the tags with vertices of the continuations replaced by those of the image next to them."""
    near = farthest(np.array(image), outward(np.array(points))).tolist()
    return [(kind, k, near[n]) if kind == VERTEX else (kind, k, n) for kind, k, n in tags]


def excess_of(levels: Levels, image: Floats) -> float:
    """Return how far the polygon reaches beyond its image."""
    normals = normals_around(image, image[:0])
    return float((levels.polygon.support(normals) - reach(image, normals)).max())


def lacks(levels: Levels, image: Floats) -> Floats:
    """Return how far the polygon reaches beyond its image at either end of each face."""
    normals = normals_around(image, image[:0])
    vertex = levels.polygon.farthest(normals)
    lack, edges = np.zeros(len(levels.levels)), len(levels.kept)
    excess = (normals * levels.polygon.vertices[vertex]).sum(axis=1) - reach(image, normals)
    for k in (vertex, vertex - 1):
        np.maximum.at(lack, levels.kept[k % edges], excess)
    return lack
