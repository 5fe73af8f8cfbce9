"""Self-generating sets, found from the way in which a set that contains them is generated.

The image of a polygon says how its vertices are generated: from which other vertices, and where constraints bind. The
points that generate themselves in this way solve a system of equations. They usually are equilibrium payoffs, but not
all of them. The set that they generate is larger, by hundreds of vertices where orbits are long, and so on until
nothing is added. If the solution of the equations loses points of the previous set, the image of that set is used
instead: the operator is monotone, so a set inside its image grows. A set that is just self-generating contains a
slightly smaller one that is self-generating with slack for rounding.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._budget import Budget
from bargaining.equilibria._plane.kinds import STATIC, VERTEX, Tag
from bargaining.equilibria._plane.polygon import MERGE, Point, Polygon, hull, lowest
from bargaining.equilibria.repeated._search.operator import Block, snap
from bargaining.equilibria.repeated._unequal.halfplanes import (
    FINEST,
    Halfplanes,
    apart_by,
    farthest,
    normals_around,
    outward,
    reach,
)
from bargaining.equilibria.repeated._unequal.levels import Levels
from bargaining.equilibria.repeated._unequal.recipes import Image, Recipes, Ways, image, pairs, solved

# at discount factors up to .98 longer orbits move by less than rounding
_PERIODS = tuple(2**k for k in range(11))
_ROUNDS = 40  # with the right structure a set takes one or two dozen; with a wrong one growth is slow
_SLOW, _CREEPING = 0.5, 14  # this many rounds in a row may fail to halve the growth
_HOPELESS = 12  # rounds after which a set that is not self-generating is given up
_COARSE = 3e-4  # vertices that matter less than this share of the last growth are left out for now
_ENOUGH = 4.0  # the largest growth at the end, as a multiple of what dropped vertices may matter


def threats(points: Floats, bound: Point) -> Point:
    """Return the lowest payoffs, or a lower bound of all threats."""
    x, y = points.min(axis=0).tolist()
    return max(bound[0], x), max(bound[1], y)


def grown(
    block: Block, bound: Point, start: Floats, merge: float, inner: Recipes | None, budget: Budget
) -> Recipes | None:
    """Return a set equal to its image, or else the last set found; None if none was found.

    Parameters
    ----------
    block : Block
        The profiles that can be played.
    bound : Point
        Payoffs below all threats.
    start : ndarray of shape (n, 2)
        A polygon that contains the set.
    merge : float
        Vertices closer than this to the chord of their neighbours are left out.
    inner : Recipes, optional
        A self-generating set to start from instead.
    budget : Budget
        The limit on the work.
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
    """Return the hull of two self-generating sets, which is self-generating too."""
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
    """Return the hull of a self-generating set, its image, and another self-generating set."""
    every = np.concatenate([points, found.points, *([new.points] if new is not None and new.holds else [])])
    corners = every[hull(pairs(every), merge=FINEST)]
    return Recipes(block, bound, corners, [None] * len(corners), True)


def image_of(levels: Levels, *, merge: float = MERGE) -> tuple[Polygon, list[Tag]]:
    """Return the image of a polygon under the operator; sources are numbers of the polygon's vertices."""
    return mapped(levels.block, np.array(levels.points), levels.threat, merge=merge)


def mapped(block: Block, points: Floats, threat: Point, *, merge: float) -> tuple[Polygon, list[Tag]]:
    """Return the image of a polygon under the operator, in which known payoffs are exact."""
    found = image(Ways(block, points, threat), merge=merge)
    polygon, tags = pairs(found.points), found.tags(block)
    snap(block, polygon, tags)
    _rest(block, polygon, tags)
    return polygon, tags


def _rest(block: Block, polygon: Polygon, tags: list[Tag]) -> None:
    """Replace vertices that are, up to rounding, payoffs of a profile played for ever."""
    place = {k: at for at, k in enumerate(block.index.tolist())}
    for n, ((x, y), (_, k, _)) in enumerate(zip(polygon, tags, strict=True)):
        if k >= 0:
            g, h = block.payoffs.item(0, place[k]), block.payoffs.item(1, place[k])
            if abs(x - g) + abs(y - h) <= MERGE:
                polygon[n], tags[n] = (g, h), (STATIC, k, -1)


def sourced(points: Polygon, polygon: Polygon, tags: list[Tag]) -> list[Tag]:
    """Return the tags, in which each vertex of the continuations is replaced by the nearest vertex of the image."""
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


_NEAR = 1e-8  # between a vertex and its counterpart in the image, which is the same up to dropped vertices
# the first is 200 times the rounding of floats in the unit box
_INSETS = tuple(2.0**-k for k in range(42, 32, -1))


class Bounded(NamedTuple):
    """A polygon, how its vertices are generated, and how far it may be from the largest fixed point.

    If it is close enough, the polygon is self-generating; otherwise it contains every equilibrium payoff.
    """

    polygon: Polygon
    tags: list[Tag]
    bound: float  # infinite if no inner set was shown to be self-generating
    steps: int
    block: Block  # the profiles that can be played
    low: Point  # the lowest payoffs, without slack for rounding


def inside(inner: Recipes, own: Point, outer: Halfplanes, tolerance: float) -> Bounded | None:
    """Return a slightly smaller set that is self-generating with slack in its constraints; or None.

    Parameters
    ----------
    inner : Recipes
        A set that generates itself.
    own : Point
        Each player's payoff from leaving, minus infinity if she may not leave.
    outer : Halfplanes
        A set that contains every equilibrium payoff.
    tolerance : float
        The largest distance between the two sets.
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
        if far > tolerance:  # and more slack only increases the distance
            return None
        normals = normals_around(after, after[:0])
        if (reach(points, normals) <= reach(after, normals)).all():
            before = [(x, y) for x, y in points.tolist()]
            return Bounded(polygon, sourced(before, polygon, tags), far, 0, block, lowest(polygon))
    return None
