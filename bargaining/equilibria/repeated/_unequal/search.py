r"""The payoff set of players who differ in patience, from half-planes that contain it.

The operator is applied to the polygon; its image gives new faces, every orbit of faces is followed twice as far as
before, and the levels of all are lowered to their fixed point. So the number of steps grows with the
logarithm of the number of faces, which may be thousands, where plain iteration adds one face an orbit a step.

Where a step changes little, a vertex is coming to rest on an edge: the image without it gives the face that it rests
on. And bounds are taken from where the orbits lead, not only from the polygon of the moment, which each step
improves by one face of an orbit.

*Proof.* Levels stay above those of the largest fixed point throughout. At the end every face j is moved in by
:math:`z_j = e_j + F'_j(z)`, where the polygon reaches beyond its image by :math:`e_j` at the ends of that face, and a
little is added for rounding: if the smaller polygon lies inside its own image it generates itself. The distance
between the two is the bound.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import FINE, LEAVE
from bargaining.equilibria._plane.polygon import Point, Polygon, apart, hull, lowest
from bargaining.equilibria.repeated._search.fixed_point import Search
from bargaining.equilibria.repeated._search.operator import Block, apply
from bargaining.equilibria.repeated._unequal.edges import Edges
from bargaining.equilibria.repeated._unequal.halfplanes import extended, normals_around, reach
from bargaining.equilibria.repeated._unequal.images import excess_of, image_of, lacks, sourced
from bargaining.equilibria.repeated._unequal.insets import FINEST, ROOM, Bounded, inside
from bargaining.equilibria.repeated._unequal.levels import Levels
from bargaining.equilibria.repeated._unequal.rows import Astray

if TYPE_CHECKING:
    from bargaining.equilibria.repeated._search.rationals import Rationals

_PLAIN = 16
_PROVED = 1e-9
_FEW = 60  # up to so many vertices the structure can be solved exactly, so the outer set is given
_SAME = 4e-15
_STAGES = 120
_ROUNDS = 3
_STUCK = 0.9
_SLOW, _WEAK = (
    0.5,
    6,
)  # after so many stages in a row that leave more of the excess than this, faces are added
_RESTING = (
    2.0,
    30.0,
    400.0,
    5000.0,
)  # how far beyond an edge a vertex may come to rest on it, over the excess
_LARGE = 0.1
_STILL = 1e-12
_ROUNDED = 2e-13
_EDGE = 2e-12
_COARSEST = 2e-10  # times the impatience of the more patient player: what dropping a face may add
_FACES = 12_000


def run(search: Search, data: Rationals) -> None:
    """Finish a search for the set of players who differ in patience: a few plain steps, then half-planes.

    Where these prove too little, payoffs that are known exactly are tried in place of the profiles that give them.
    """
    while search.iterations < _PLAIN and not search.stopped:
        _step(search)
    if search.stopped:
        return
    found = bounded(search.block, search.own, search.polygon)
    if found.bound > _PROVED:
        found = _with_edges(search, data, found)
    _take(search, found)


def _with_edges(search: Search, data: Rationals, found: Bounded) -> Bounded:
    """Return what is found with the edges that are known exactly, if that is closer; else what was found before."""
    edges = Edges.of(data, found.block)
    if edges is None:
        return found
    closer = bounded(edges.block, search.own, search.polygon, few=0)
    steps = found.steps + closer.steps
    if closer.bound < found.bound and edges.hold(closer.polygon):
        return closer._replace(tags=edges.tagged(closer.tags), steps=steps)
    return found._replace(steps=steps)


def close(search: Search) -> None:
    """Prove by half-planes what plain steps close in on too slowly, if that can be done; for any patience."""
    found = bounded(search.block, search.own, search.polygon)
    if found.bound <= _PROVED:
        _take(search, found)
    else:
        search.solves += found.steps


def _take(search: Search, found: Bounded) -> None:
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


def bounded(block: Block, own: Point, polygon: Polygon, *, few: int = _FEW) -> Bounded:
    """Shrink a polygon that contains the largest fixed point as far as can be.

    Parameters
    ----------
    block : Block
        The profiles that can still be played; both players have positive discount factors.
    own : Point
        What each player gets by leaving, minus infinity if she may not.
    polygon : Polygon
        A set that contains the largest fixed point.
    few : int
        Up to so many vertices the outer set is given if that is close enough.

    Returns
    -------
    Bounded
        No vertices if nothing is left.
    """
    best: Bounded | None = None
    steps = 0
    for patient in (False, True):
        levels, excess, taken = _shrunk(block, own, polygon, patient=patient)
        steps += taken
        if levels is None:
            return _left(block, steps)
        found = _found(levels, excess, few)
        if best is None or found.bound < best.bound:
            best = found
        if best.bound <= _PROVED:
            break
        polygon = levels.points
    assert best is not None
    return best._replace(steps=steps)


def _found(levels: Levels, excess: float, few: int) -> Bounded:
    """Return a set inside that generates itself if it is close enough, else the image of the outer one."""
    points, tags = image_of(levels, merge=FINE)
    inner = inside(levels, np.array(points))
    bound = inf if inner is None else inner.bound
    if inner is not None and bound <= _PROVED and (excess > _EDGE or len(points) > few):
        return inner
    # A knife edge: any smaller set loses what just meets a constraint.
    bound = min(bound, _off(levels, excess))
    return Bounded(points, sourced(levels.points, points, tags), bound, 0, levels.block)


def _shrunk(block: Block, own: Point, polygon: Polygon, *, patient: bool) -> tuple[Levels | None, float, int]:
    """Return faces that hardly move in any more, how far beyond its image their polygon reaches, and the steps.

    Who is patient adds faces after the first step that changes little, and goes on until nothing changes.
    """
    image, tol = np.array(polygon), min(FINE, _COARSEST * (1.0 - block.discounts.max().item()))
    known, steps, best, weak = image[:0], 0, inf, 0
    closest: tuple[float, float, Levels | None] = inf, inf, None
    most = 1 if patient else _WEAK
    for _ in range(_STAGES):
        normals = normals_around(image, known)
        levels = Levels(block, own, normals, reach(image, normals), tol)
        taken = _lowered(levels, ahead=weak >= most)
        steps += abs(taken)
        if taken < 0:
            return None, 0.0, steps
        block, image = levels.block, np.array(image_of(levels, merge=FINEST)[0])
        if not len(image):
            return None, 0.0, steps
        excess = excess_of(levels, image)
        closest = min(closest, (_off(levels, excess), excess, levels), key=lambda each: each[:2])
        if excess <= _ROUNDED and levels.rows is not None and (not patient or _close(levels, image, ROOM)):
            break
        weak = weak + 1 if excess > _SLOW * best else 0
        if weak and excess < 1e3 * tol:
            tol = max(tol / 4.0, FINEST)
        if len(levels.kept) > _FACES:
            break
        if tol <= FINEST and excess <= _EDGE and (not patient or excess > _STUCK * best):
            break
        best = min(best, excess)
        known = _added(levels, image, excess) if weak >= most else levels.polygon.normals
        known = extended(known, block.discounts.ravel())
    return closest[2], closest[1], steps


def _lowered(levels: Levels, *, ahead: bool) -> int:
    """Lower the levels until they are still, and return the steps; less than zero if nothing can be played."""
    for step in range(1, _ROUNDS + 1):
        if not levels.look():
            return -step
        if levels.lower(ahead=ahead) < _STILL:
            break
    levels.prune()
    return step


def _added(levels: Levels, image: Floats, excess: float) -> Floats:
    """Return the normals of the faces, of the image, and of the image without vertices hardly beyond its edges.

    Such a vertex may come to rest on the edge, at a rate of its own: each step cuts off a share of what is left, by
    another face. The edge that it will rest on is a face whose level is found at once.
    """
    known = normals_around(image, levels.polygon.normals)
    for height in excess * np.array(_RESTING):
        if height < _LARGE:
            known = normals_around(np.array(image_of(levels, merge=height)[0]), known)
    return known


def _off(levels: Levels, excess: float) -> float:
    """Return how far a polygon that reaches so far beyond its image may be off; infinity if that is not known."""
    return (
        inf
        if levels.rows is None or excess > _EDGE
        else max(excess, 0.0) * (1.0 + levels.speeds.max().item())
    )


def _close(levels: Levels, image: Floats, room: float) -> bool:
    """Whether faces moved in by no more than that make up for what the polygon reaches beyond its image."""
    if levels.rows is None:
        return False
    try:
        return bool(levels.rows.slopes(lacks(levels, image)).max() <= room)
    except Astray:
        return False


def _left(block: Block, steps: int) -> Bounded:
    """Return what is left once nothing can be played: leaving."""
    leaves = [leave.payoffs for leave in block.leaves]
    corners = hull(leaves)
    tags = [(LEAVE, -1, block.leaves[k].number) for k in corners]
    return Bounded([leaves[k] for k in corners], tags, 0.0, steps, block)
