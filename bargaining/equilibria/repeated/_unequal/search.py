r"""The payoff set of players who differ in patience, between a self-generating set and half-planes.

*From inside.* The image of an outer set shows how its vertices are generated from one another. The points that are
self-generating in this way solve a system of equations; then they grow to all that they generate (see `growth`).

*From outside.* The faces of the inner set, and further faces of outer sets, are lowered to the fixed point of their
levels by policy iteration (see `levels`). The duals are those that are optimal at the inner set. If it is the largest,
the levels end at its faces; so the work hardly depends on patience.

*If they do not meet*, the operator is applied to the outer set. Its image gives new faces, every orbit of faces is
followed twice as far as before, and all levels are lowered. If a step changes little, a vertex is converging to an
edge: the image without this vertex gives the face of the edge. Bounds also use duals at the limits of the orbits,
because each step improves the current polygon by only one face of an orbit. After 1, 2, 4, ... steps the inner set is
computed again. If a small gap is left in the end, the operator alone is applied until it closes.

*Proof.* Levels are always at least those of the largest fixed point. The inner set is either self-generating, or every
face j is moved inwards by :math:`z_j = e_j + F'_j(z)`, plus a little for rounding, where :math:`e_j` is how far the
polygon reaches beyond its image at the ends of face j: if the smaller polygon lies inside its own image, it is
self-generating. The distance between the outer and the inner set is the bound.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Astray
from bargaining.equilibria._budget import ACCURACY, Budget
from bargaining.equilibria._plane.brinks import SENSITIVE, on_a_brink
from bargaining.equilibria._plane.kinds import FINE, LEAVE, STATIC
from bargaining.equilibria._plane.polygon import Point, Polygon, apart, hull, lowest, off
from bargaining.equilibria.repeated._search.operator import Block, apply
from bargaining.equilibria.repeated._search.search import Search
from bargaining.equilibria.repeated._unequal.edges import Edges
from bargaining.equilibria.repeated._unequal.growth import (
    Bounded,
    excess_of,
    grown,
    image_of,
    inside,
    joined,
    lacks,
    mapped,
    sourced,
    threats,
)
from bargaining.equilibria.repeated._unequal.halfplanes import (
    FINEST,
    apart_by,
    extended,
    normals_around,
    reach,
    unit,
)
from bargaining.equilibria.repeated._unequal.levels import Levels
from bargaining.equilibria.repeated._unequal.recipes import Recipes, pairs

if TYPE_CHECKING:
    from bargaining.equilibria._plane.rationals import Rationals

# applications of the operator: at first, and if no self-generating set is found
_PLAIN, _LONG = 16, 1000
_FEW = 60  # up to this many vertices the structure can be solved exactly, so it needs no slack for rounding
_SAME = 4e-15  # polygons that differ by rounding alone
_STAGES = 120  # of adding faces; the levels reached by then are bounds
_ROUNDS = 3  # in which a stage lowers levels: the next stage lowers them too
_STUCK = 0.9  # of the least excess so far: a stage that leaves more counts as no progress
_SLOWER = 0.6  # of the gap: if growth leaves more, the next stage of the outer set comes first
# faces are added after this many stages in a row that leave more than this share of the excess
_SLOW, _WEAK = 0.5, 6
# a vertex this far beyond an edge, over the excess, may converge to the edge
_RESTING = 2.0, 30.0, 400.0, 5000.0
_NEARLY = 1e-6  # of the unit box: sets so close are the same, and the outer one has not converged yet
# applications at a time, and the share of the gap that may not be left after them; at a factor of .999 it is 91%
_MANY, _HARDLY = 100, 0.97
_LARGE = 0.1  # of the unit box: a polygon with so large an excess shows no such edge
_STILL = 1e-12  # levels that move less have converged
_ROOM = 2e-10  # between the inner and the outer set, if vertices are not solved for
_ROUNDED = 2e-13  # an excess that is rounding
_EDGE = 2e-12  # from so small an excess the polygon's error can be bounded
_COARSEST = 2e-10  # times the impatience of the more patient player: the largest effect of dropping a face
_FACES = 12_000  # with more a stage takes minutes
_SHARE = 1e-2  # of the tolerance: how much vertices that the inner set at first leaves out may matter
_FAILED = 3  # tilts in a row, each a tenth of the one before, that may bring the faces no closer
_SYSTEM = 1000  # the cost of solving for the level of a face, in profiles tried in a direction
_PROOFS = 4  # rounds in which levels are lowered with the duals at one inner set


def run(search: Search, data: Rationals) -> None:
    """Finish a search for players with different discount factors: a few plain steps, then half-planes.

    Payoffs that are known exactly replace the profiles that require a player's largest payoff.
    """
    block = search.block
    _finish(search, data)
    if search.polygon and search.bound <= search.tolerance:
        needed = block.thresholds(search.threat)
        if on_a_brink(needed, np.ones((needed.shape[1], 1)), [search.polygon]):
            search.note = SENSITIVE


def _finish(search: Search, data: Rationals) -> None:
    plain(search)
    if search.budget.spent and not search.stopped:
        search.give_up(None)
    if search.stopped:
        return
    tolerance, budget = search.tolerance, search.budget
    steps, exact = 0, True
    while exact and (edges := Edges.of(data, search.block)) is not None:
        found = bounded(edges.block, search.own, search.polygon, tolerance=tolerance, budget=budget)
        steps += found.steps
        if found.bound <= tolerance and (not found.polygon or edges.hold([found.low])):
            _take(search, found._replace(tags=edges.tagged(found.tags), steps=steps))
            search.note = SENSITIVE
            return
        kept = _reachable(search.block, found) if found.bound <= tolerance else np.array(True)
        exact = not kept.all()
        if exact:
            search.block = search.block.keep(kept)
    found = bounded(search.block, search.own, search.polygon, exact=exact, tolerance=tolerance, budget=budget)
    if found.bound == inf:  # no inner set, perhaps because nothing will be left
        plain(search, _LONG)
        if search.stopped:
            search.solves += found.steps + steps
            return
    _take(search, found._replace(steps=found.steps + steps))


def plain(search: Search, times: int = _PLAIN) -> None:
    """Apply the operator a few times."""
    while search.iterations < times and not search.stopped and not search.budget.spent:
        _step(search)


def _reachable(block: Block, found: Bounded) -> NDArray[np.bool_]:
    """Return the profiles that the highest payoffs and the threats of an outer set do not rule out."""
    low = np.array(found.low) - found.bound - FINE
    least = block.thresholds((low.item(0), low.item(1)))
    return np.asarray(
        (least <= np.array(found.polygon).max(axis=0)[:, None] + found.bound + FINE).all(axis=0)
    )


def close(search: Search) -> None:
    """If plain steps converge too slowly, prove the set by half-planes if possible; for any discount factors."""
    found = bounded(
        search.block, search.own, search.polygon, tolerance=search.tolerance, budget=search.budget
    )
    if found.bound <= search.tolerance:
        _take(search, found)
    else:
        search.solves += found.steps


def _take(search: Search, found: Bounded) -> None:
    search.solves += found.steps
    search.polygon, search.tags, search.bound = found.polygon, found.tags, found.bound
    if found.bound > search.tolerance and search.budget.spent:
        search.give_up(None)
    if found.bound < inf:
        search.stopped = search.stopped or "moved all faces in until they hold a set that generates itself"
        search.bound, search.attained = found.bound, True
    else:
        search.stopped = (
            search.stopped or "moved all faces in, but no set inside was found to generate itself"
        )
        search.bound, search.attained = off(search.polygon), False
    _end(search)


def _step(search: Search) -> None:
    low, bound = lowest(search.polygon), search.block.threat_bound(search.own)
    image = apply(search.block, search.polygon, (max(low[0], bound[0]), max(low[1], bound[1])))
    search.iterations += 1
    search.budget.spend(len(search.polygon) * len(image.alive))
    same = image.alive.all() and apart(image.polygon, search.polygon) <= _SAME
    search.block = search.block.keep(image.alive)
    points = [*search.polygon]
    search.polygon, search.tags = image.polygon, image.tags
    if same:
        search.tags = sourced(points, image.polygon, image.tags)
        search.bound, search.stopped = 0.0, "the operator maps the set to itself"
    _end(search)


def _end(search: Search) -> None:
    """Record the threat, or that nothing is left."""
    if search.polygon:
        search.threat = lowest(search.polygon)
    else:
        search.bound, search.stopped = 0.0, "nothing is left"


def bounded(
    block: Block,
    own: Point,
    polygon: Polygon,
    *,
    few: int = _FEW,
    exact: bool = True,
    tolerance: float = ACCURACY,
    budget: Budget | None = None,
) -> Bounded:
    """Find the largest fixed point between an outer and an inner set.

    Parameters
    ----------
    block : Block
        The profiles that can still be played; both players have positive discount factors.
    own : Point
        What each player gets by leaving, minus infinity if she may not.
    polygon : Polygon
        A set that contains the largest fixed point.
    few : int
        A set with more vertices is replaced by a slightly smaller one, with a margin for rounding, if possible.
    exact : bool
        Whether to accept a set that is self-generating up to rounding. This is wrong if players differ in patience and
        a profile requires a player's largest payoff (see `edges`).
    tolerance : float
        The distance between the two sets at which the search stops, as a share of the payoff range.
    budget : Budget, optional
        The limit on the work, in profiles tried in a direction.

    Returns
    -------
    Bounded
        No vertices if nothing is left.
    """
    if not block.index.size:
        return _left(block, 0)
    chase = _Chase(block, own, np.array(polygon), exact, tolerance, Budget() if budget is None else budget)
    return chase.run(few)


class _Chase:
    """Half-planes that contain every equilibrium payoff, and the largest self-generating set found inside."""

    def __init__(
        self, block: Block, own: Point, points: Floats, exact: bool, tolerance: float, budget: Budget
    ) -> None:
        self.block, self.own, self.points, self.exact = block, own, points, exact
        self.tolerance, self.budget = tolerance, budget
        self.inner = _known(block, own)
        self.tried: Recipes | None = None  # the inner set that was last compared with the outer one
        self.gap = inf
        self.levels: Levels | None = None  # the levels at which the gap was measured
        self.steps = 0
        self.empty = False

    def run(self, few: int) -> Bounded:
        """Return the set between the two."""
        try:
            for patient in (False, True):
                if self._shrunk(patient=patient) or self.empty or self.budget.spent:
                    break
        except Astray:  # rounding makes these faces useless: keep the earlier result
            pass
        if self.empty:
            return _left(self.block, self.steps)
        found = self._found(few)
        return found._replace(steps=self.steps, low=self._sharp(found.low))

    def _sharp(self, low: Point) -> Point:
        """Return the lowest payoffs, exactly where they are those of a profile played for ever."""
        bound, far = self.block.threat_bound(self.own), self.gap + FINE
        known = _known(self.block, self.own, (low[0] + far, low[1] + far))
        sure = low if known is None else lowest(pairs(known.points))
        x, y = (bound[i] if abs(bound[i] - low[i]) <= FINE else min(low[i], sure[i]) for i in (0, 1))
        return x, y

    def _found(self, few: int) -> Bounded:
        """Return the inner set if it is close enough, with slack for rounding if it has many vertices.

        Otherwise return the outer set, and how far it reaches beyond the inner one.
        """
        if self.inner is not None and self.levels is not None and self.tolerance < self.gap <= _NEARLY:
            self._followed(self.inner, self.levels)
        if self.inner is not None and self.levels is not None and self.gap <= self.tolerance:
            inset = None
            if len(self.inner.points) > few:
                inset = inside(self.inner, self.own, self.levels.polygon, self.tolerance)
            exact = self._exact(self.inner)
            return exact if inset is None else inset._replace(low=exact.low)
        if self.levels is not None:
            polygon, tags = image_of(self.levels, merge=FINE)
            # A knife edge: any smaller set loses a continuation that just meets a constraint.
            far = self.gap
            if far > _NEARLY:
                far = min(far, _off(self.levels, excess_of(self.levels, np.array(polygon))))
            return Bounded(
                polygon,
                sourced(self.levels.points, polygon, tags),
                far,
                0,
                self.levels.block,
                lowest(polygon),
            )
        threat = threats(self.points, self.block.threat_bound(self.own))
        polygon, tags = mapped(self.block, self.points, threat, merge=FINE)
        before = [(x, y) for x, y in self.points.tolist()]
        return Bounded(polygon, sourced(before, polygon, tags), self.gap, 0, self.block, lowest(polygon))

    def _followed(self, inner: Recipes, levels: Levels) -> None:
        """Apply the operator to the outer set while it comes closer to the inner one, until it is close enough.

        Just before a set collapses its corners depend on one another so much that faces of fixed directions do not
        follow them any farther; the operator, which lets faces turn, does, slowly.
        """
        points, bound = np.array(levels.points), self.block.threat_bound(self.own)
        while self.tolerance < self.gap and not self.budget.spent:
            for _ in range(_MANY):
                self.budget.spend(len(points) * self.block.index.size)
                points = np.array(mapped(self.block, points, threats(points, bound), merge=FINEST)[0])
                if not len(points):  # a knife edge was lost to rounding
                    return
            closer = self._faces(points, points[:0], FINEST)
            try:
                closer.prune()
            except Astray:
                return
            before, gap = self.gap, apart_by(closer.polygon, inner.points)
            if gap < before:
                self.gap, self.levels = gap, closer
            if gap > _HARDLY * before:
                break

    def _exact(self, inner: Recipes) -> Bounded:
        """Return the image of the inner set, which contains it and differs only by vertices that hardly matter."""
        threat = threats(inner.points, self.block.threat_bound(self.own))
        polygon, tags = mapped(self.block, inner.points, threat, merge=FINE)
        before = [(x, y) for x, y in inner.points.tolist()]
        return Bounded(polygon, sourced(before, polygon, tags), self.gap, 0, self.block, lowest(polygon))

    def _shrunk(self, *, patient: bool) -> bool:
        """Lower faces until they hardly move, or return true once the outer and the inner set are close enough.

        For patient players faces are added after the first step that changes little, and it goes on until nothing
        changes.
        """
        image, tol = self.points, min(FINE, _COARSEST * (1.0 - self.block.discounts.max().item()))
        known, best, weak = image[:0], inf, 0
        closest: tuple[float, float, Levels | None] = inf, inf, None
        most = 1 if patient else _WEAK
        for stage in range(_STAGES):
            if stage & (stage - 1) == 0 and not patient and self._look():
                return True
            if self.budget.spent:
                break
            levels = self._faces(image, known, tol)
            if not self._lowered(levels, ahead=weak >= most):
                self.empty = True
                return False
            self.block, image = levels.block, np.array(image_of(levels, merge=FINEST)[0])
            if not len(image):
                self.empty = True
                return False
            self.points = np.array(levels.points)
            excess = excess_of(levels, image)
            closest = min(closest, (_off(levels, excess), excess, levels), key=lambda each: each[:2])
            if (
                excess <= _ROUNDED
                and levels.rows is not None
                and (not patient or _close(levels, image, _ROOM))
            ):
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
            known = extended(known, self.block.discounts.ravel())
        return self._settled(closest[2])

    def _settled(self, levels: Levels | None) -> bool:
        """Record the closest outer set, and say whether it is close enough to an inner one."""
        if levels is None:
            return False
        self.points = np.array(levels.points)
        gap = inf if self.inner is None or not self.exact else apart_by(levels.polygon, self.inner.points)
        if self.levels is None or gap < self.gap or self.gap > self.tolerance:
            self.gap, self.levels = min(gap, self.gap), levels
        return self.gap <= self.tolerance or self._look()

    def _faces(self, image: Floats, known: Floats, tol: float) -> Levels:
        """Return the faces of an image, and others, at the levels known so far."""
        normals = normals_around(image, known)
        levels = reach(image, normals)
        if self.inner is None:
            return Levels(self.block, self.own, normals, levels, tol)
        least = reach(self.inner.points, normals)
        return Levels(self.block, self.own, normals, np.maximum(levels, least), tol, least)

    def _lowered(self, levels: Levels, *, ahead: bool) -> bool:
        """Lower the levels until they converge; say whether anything can be played."""
        for _ in range(_ROUNDS):
            self.steps += 1
            self.budget.spend(len(levels.levels) * (levels.block.index.size + _SYSTEM))
            if not levels.look():
                return False
            if levels.lower(ahead=ahead) < _STILL:
                break
        levels.prune()
        return True

    def _look(self) -> bool:
        """Compute the inner set, and lower its faces; say whether the two sets are close enough."""
        if not self.exact:
            return False
        merge = max(_SHARE * self.tolerance, FINEST)
        bound = self.block.threat_bound(self.own)
        found = grown(self.block, bound, self.points, merge, None, self.budget)
        gap = inf
        while found is not None:
            self.inner = joined(self.block, bound, self.inner, found)
            if (
                self.tried is not None
                and len(self.tried.points) == len(self.inner.points)
                and np.abs(self.tried.points - self.inner.points).max() <= FINE
            ):
                return False
            self.tried = self.inner
            self._compare(self.inner)
            tilt, failed = self.gap, 0
            few = len(self.inner.points) <= _FEW
            while self.tolerance < self.gap and failed < _FAILED and few and not self.budget.spent:
                before = self.gap
                self._compare(self.inner, tilt)
                failed = 0 if self.gap < 0.5 * before else failed + 1
                tilt = min(0.1 * tilt, self.gap)
            if self.gap <= self.tolerance:
                return True
            if self.gap > _SLOWER * gap or merge <= FINEST or self.budget.spent:
                return False  # more vertices would not help
            gap, merge = self.gap, max(0.1 * merge, FINEST)
            found = grown(self.block, bound, self.points, merge, self.inner, self.budget)
        return False

    def _compare(self, inner: Recipes, tilt: float = 0.0) -> None:
        """Lower the faces of the inner set as far as possible, and measure the distance between the two sets.

        With a tilt, each edge gets two faces, one through either end. An edge whose ends move at different speeds
        rotates, and a single face along it would have to move at the speed of the faster end.
        """
        normals = normals_around(inner.points, self.points[:0])
        if tilt:
            across = np.stack([-normals[:, 1], normals[:, 0]], axis=1)
            normals = normals_around(
                self.points[:1], unit(np.concatenate([normals + tilt * across, normals - tilt * across]))
            )
        least = reach(inner.points, normals)
        levels = Levels(
            self.block, self.own, normals, np.maximum(reach(self.points, normals), least), FINEST, least
        )
        for _ in range(_PROOFS):
            self.steps += 1
            self.budget.spend(len(normals) * (self.block.index.size + _SYSTEM))
            if not levels.look():
                raise Astray
            before = levels.levels
            levels.lower(seen=levels.guessed(least + 1e-14))
            if (before - levels.levels).max() <= _STILL:
                break
        levels.prune()
        gap = apart_by(levels.polygon, inner.points)
        if gap < self.gap:
            self.gap, self.levels = gap, levels
            self.points = np.array(levels.points)


def _known(block: Block, own: Point, threat: Point = (inf, inf)) -> Recipes | None:
    """Return the payoffs of stage equilibria played for ever, and outcomes of leaving; None if there are none.

    Also of profiles that are equilibria if played for ever under threats that are known to be credible.
    """
    held = (block.best <= block.payoffs) | (block.payoffs >= block.thresholds(threat))
    still = held.all(axis=0) & (block.payoffs >= np.array(own)[:, None]).all(axis=0)
    places = np.flatnonzero(still)
    leaves = [leave.payoffs for leave in block.leaves]
    points = [*map(tuple, block.payoffs.T[places].tolist()), *leaves]
    if not points:
        return None
    keys = [(STATIC, k, -1, 1) for k in places.tolist()] + [(LEAVE, -1, k, 1) for k in range(len(leaves))]
    corners = hull(points, merge=0.0)
    chosen = np.array(points).reshape(-1, 2)[corners]
    return Recipes(block, block.threat_bound(own), chosen, [keys[k] for k in corners], True)


def _added(levels: Levels, image: Floats, excess: float) -> Floats:
    """Return the normals of the faces, of the image, and of the image without vertices that hardly leave an edge.

    Such a vertex may converge to the edge, at its own rate: each step cuts off a share of the rest, by another face.
    The edge to which it converges is a face whose level is found at once.
    """
    known = normals_around(image, levels.polygon.normals)
    for height in excess * np.array(_RESTING):
        if height < _LARGE:
            known = normals_around(np.array(image_of(levels, merge=height)[0]), known)
    return known


def _off(levels: Levels, excess: float) -> float:
    """Bound the error of a polygon that reaches this far beyond its image; infinite if no bound is known."""
    return (
        inf
        if levels.rows is None or excess > _EDGE
        else max(excess, 0.0) * (1.0 + levels.speeds.max().item())
    )


def _close(levels: Levels, image: Floats, room: float) -> bool:
    """Whether the excess of the polygon over its image can be offset by inward moves of the faces up to this size."""
    if levels.rows is None:
        return False
    try:
        return bool(levels.drawn_in(lacks(levels, image)).max() <= room)
    except Astray:
        return False


def _left(block: Block, steps: int) -> Bounded:
    """Return the outcomes of leaving if no profile can be played."""
    leaves = [leave.payoffs for leave in block.leaves]
    corners = hull(leaves)
    tags = [(LEAVE, -1, block.leaves[k].number) for k in corners]
    return Bounded([leaves[k] for k in corners], tags, 0.0, steps, block, lowest(leaves))
