r"""The payoff set of players who differ in patience, from half-planes that contain it.

The operator is applied to the polygon; its image gives new faces, every orbit of faces is followed twice as far as
before, and the levels of all are lowered to their fixed point. So the number of steps grows with the
logarithm of the number of faces, which may be thousands, where plain iteration adds one face an orbit a step.

*Proof.* Levels stay above those of the largest fixed point throughout. At the end all faces are moved in, each in
proportion to its speed :math:`z = 1 + F'(z)`: if the smaller polygon lies inside its own image it generates itself.
The distance between the two is the bound.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._face_levels import Astray, Levels
from bargaining.equilibria._fixed_point import Search
from bargaining.equilibria._halfplanes import (
    extended,
    farthest,
    normals_around,
    outward,
    reach,
)
from bargaining.equilibria._operator import (
    BOTTOM,
    CORNER,
    FINE,
    LEAVE,
    LEFT,
    STATIC,
    VERTEX,
    Block,
    Tag,
    apply,
    binding,
    snap,
)
from bargaining.equilibria._polygon import MERGE, Chains, Point, Polygon, apart, beyond, hull, lowest

_PLAIN = 16
_PROVED = 1e-9
_FEW = 60  # up to so many vertices the structure can be solved exactly, so the outer set is given
_SAME = 4e-15
_STAGES = 120
_ROUNDS = 3
_STILL = 1e-12
_ENOUGH = 1e-11
_ROUNDED = 2e-13
_FINEST = 1e-15
_EDGE = 2e-12
_TABLE = 500_000
_COARSEST = 2e-10  # times the impatience of the more patient player: what dropping a face may add
_FACES = 12_000
_SMALLEST, _LARGEST = 1e-13, 4e-12
_ROOM = 2e-10
_INSETS = 2.0 ** (np.arange(24) // 2)
_ROUNDING = 2e-15


def run(search: Search) -> None:
    """Finish a search for the set of players who differ in patience: a few plain steps, then half-planes."""
    while search.iterations < _PLAIN and not search.stopped:
        _step(search)
    if search.stopped:
        return
    found = bounded(search.block, search.own, search.polygon)
    search.solves += found.steps
    search.polygon, search.tags, search.bound = found.polygon, found.tags, found.bound
    search.stopped = "moved all faces in until they hold a set that generates itself"
    if found.bound == inf:
        search.stopped = "moved all faces in, but no set inside was found to generate itself"
    _end(search)


def _step(search: Search) -> None:
    low, bound = lowest(search.polygon), search.block.threat_bound(search.own)
    image = apply(search.block, search.polygon, (max(low[0], bound[0]), max(low[1], bound[1])))
    search.iterations += 1
    same = image.alive.all() and apart(image.polygon, search.polygon) <= _SAME
    search.block = search.block.keep(image.alive)
    points = [*search.polygon]
    search.polygon, search.tags = image.polygon, image.tags
    if same:
        search.tags = sourced(points, image.polygon, image.tags)
        search.bound, search.stopped = 0.0, "the operator maps the set to itself"
    _end(search)


def _end(search: Search) -> None:
    """Note the threat, or that nothing is left."""
    if search.polygon:
        search.threat = lowest(search.polygon)
    else:
        search.bound, search.stopped = 0.0, "nothing is left"


class Bounded(NamedTuple):
    """A polygon, how its vertices are generated, and how far it may be off.

    It generates itself if it is close enough to all that is possible; else it holds every payoff.
    """

    polygon: Polygon
    tags: list[Tag]
    bound: float  # infinite if nothing inside was shown to generate itself
    steps: int


def bounded(block: Block, own: Point, polygon: Polygon) -> Bounded:
    """Shrink a polygon that contains the largest fixed point as far as can be.

    Parameters
    ----------
    block : Block
        The profiles that can still be played; both players have positive discount factors.
    own : Point
        What each player gets by leaving, minus infinity if she may not.
    polygon : Polygon
        A set that contains the largest fixed point.

    Returns
    -------
    Bounded
        No vertices if nothing is left.
    """
    levels, excess, steps = _shrunk(block, own, polygon)
    if levels is None:
        return _left(block, steps)
    points, tags = image_of(levels, merge=FINE)
    inside = _inside(levels, np.array(points), excess)
    bound = inf if inside is None else inside.bound
    if inside is not None and bound <= _PROVED and (excess > _EDGE or len(points) > _FEW):
        return inside._replace(steps=steps)
    if (
        levels.rows is not None and excess <= _EDGE
    ):  # a knife edge: any smaller set loses what just meets a constraint
        bound = min(bound, excess * (1.0 + levels.speeds.max().item()))
    return Bounded(points, sourced(levels.points, points, tags), bound, steps)


def _shrunk(block: Block, own: Point, polygon: Polygon) -> tuple[Levels | None, float, int]:
    """Return faces that no more move in, how far beyond its image their polygon reaches, and the steps."""
    image, tol = np.array(polygon), min(FINE, _COARSEST * (1.0 - block.discounts.max().item()))
    known, steps, best = image[:0], 0, inf
    for _ in range(_STAGES):
        normals = normals_around(image, known)
        levels = Levels(block, own, normals, reach(image, normals), tol)
        for _ in range(_ROUNDS):
            steps += 1
            if not levels.look():
                return None, 0.0, steps
            if levels.lower() < _STILL:
                break
        levels.prune()
        block, image = levels.block, np.array(image_of(levels)[0])
        excess = _excess(levels, image)
        if levels.rows is not None and excess <= max(_ROUNDED, _ENOUGH / (1.0 + levels.speeds.max())):
            break
        if best / 2.0 < excess < 1e3 * tol:
            tol /= 4.0
        if len(levels.kept) > _FACES or (tol < _FINEST and excess <= _EDGE):
            break
        best = min(best, excess)
        known = extended(levels.polygon.normals, block.discounts.ravel())
    return levels, excess, steps


def _excess(levels: Levels, image: Floats) -> float:
    """Return how far the polygon reaches beyond its image."""
    normals = normals_around(image, image[:0])
    return float((levels.polygon.support(normals) - reach(image, normals)).max())


def _distance(image: Floats, points: Polygon) -> float:
    """Return how far the image reaches beyond a polygon; in portions, as there may be thousands of vertices."""
    portions = np.array_split(image, 1 + len(image) * len(points) // _TABLE)
    return max(beyond([(x, y) for x, y in portion.tolist()], points) for portion in portions)


def _left(block: Block, steps: int) -> Bounded:
    """Return what is left once nothing can be played: leaving."""
    leaves = [leave.payoffs for leave in block.leaves]
    corners = hull(leaves)
    tags = [(LEAVE, -1, block.leaves[k].number) for k in corners]
    return Bounded([leaves[k] for k in corners], tags, 0.0, steps)


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
    corners, tags = hull(points, merge=merge), []
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


def _inside(levels: Levels, image: Floats, excess: float) -> Bounded | None:
    """Return a set that generates itself with room to spare: the image of a smaller polygon; or None."""
    rows = levels.rows
    if rows is None:
        return None
    speeds, played = levels.speeds, np.flatnonzero(rows.profile >= 0)
    least = max(_SMALLEST, min(_LARGEST, _ROOM / (1.0 + speeds.max())), excess / 4.0)
    for inset in (least * _INSETS).tolist():
        moved = levels.settled - inset * speeds
        inner = Levels(levels.block, levels.own, levels.normals, moved, inset / 16.0)
        inner.prune()
        points, tags = image_of(inner, merge=inset / 4.0)
        if not points:
            return None
        if _excess(inner, np.array(points)) <= _ROUNDING:
            return Bounded(points, sourced(inner.points, points, tags), _distance(image, points), 0)
        # Duals that tie in the larger set do not in the smaller one: the steeper ones count.
        rows = rows.joined(inner.duals(rows.face[played], rows.profile[played]))
        try:
            speeds = rows.slopes()
        except Astray:
            return None
    return None
