"""Many exits from one game at once: common parts are computed once, in arrays.

If all may leave, with the same payoffs whoever leaves, the threat is known: it is the payoffs of leaving, the lowest
corner of every set. Then the exits of a game differ only in the thresholds, and the vertices of all sets are generated
in a few ways. The operator restricted to these ways is applied, the hull of its values is a structure, and Newton steps
find the fixed point of this structure, until it is a fixed point of the restricted operator. The proof from outside
uses all profiles: it does not depend on the origin of a structure. An exit for which any of these steps fails is solved
separately.

The exits lie along the first axis. Sets with fewer vertices than others repeat the payoffs of leaving at the end.

In general the operator is smaller if leaving pays more, and larger if leaving has more outcomes. With the outcomes of
all exits and each player's lowest payoff from leaving it is larger than for any single exit. So its largest fixed point
contains every exit's set: each search and each proof starts from it, with the few profiles that can still be played.
The vertices of most sets are generated in the same ways as those of a few sets, and these ways are tried first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._budget import Effort
from bargaining.equilibria._plane.kinds import LEAVE, LEFT, SLACK, STATIC, VERTEX, Leave, Tag, is_open
from bargaining.equilibria._plane.polygon import MERGE, Chains, Polygon, hull
from bargaining.equilibria.payoff_polygon import Stats
from bargaining.equilibria.repeated._search.operator import Block, binding
from bargaining.equilibria.repeated._search.scaled import IMPATIENT, Answer, Scaled
from bargaining.equilibria.repeated._search.search import Search
from bargaining.games.repeated import Exit, RepeatedGame

_ROUNDING = 1e-13  # of an excess, in the unit box
_MARGIN = 1e-3  # of a speed: bounds that fall more slowly count as constant
_TINY = 1e-12  # a thinner set has no interior point from which to measure speeds
_CHUNK = 12  # exits that are checked together

Numbers = NDArray[np.intp]
Flags = NDArray[np.bool_]


def after(count: int) -> Numbers:
    """Return the number of the next vertex."""
    return np.arange(1, count + 1) % count


def thresholds(block: Block, profiles: Numbers, own: Floats) -> Floats:
    """Return the lowest continuations after some profiles, shape (..., 2, profiles), at exits that pay `own`."""
    gain, now = block.gain.take(profiles, axis=1), block.now.take(profiles, axis=1)
    return np.maximum(gain + own, (own - now) / block.discounts)


class _Outer(NamedTuple):
    """A set that contains the set of every exit."""

    chains: Chains
    corners: Floats

    @classmethod
    def of(cls, polygon: Polygon) -> _Outer:
        return cls(Chains(polygon), np.array(polygon))

    @property
    def high(self) -> Floats:
        """The highest coordinates, shape (2, 1)."""
        return np.array(self.chains.high)[:, None]

    def farthest(self, n: Floats, b: Floats) -> Floats:
        """Return the support of the continuations above thresholds b in directions n, of shape (2, m)."""
        top = self.corners.T.take((self.corners @ n).argmax(axis=0), axis=1)
        w, feasible = binding(self.chains, b)
        level = np.where(feasible, n[0] * w[0] + n[1] * w[1], -np.inf).max(axis=0, initial=-np.inf)
        far: Floats = np.where((top >= b - SLACK).all(axis=0), n[0] * top[0] + n[1] * top[1], level)
        return far


@dataclass(frozen=True, slots=True, eq=False)
class _Faces:
    """Faces `normals . w <= offsets` of candidates, shape (C, F); `speeds` scale them from their middle."""

    normals: Floats
    offsets: Floats
    speeds: Floats
    reach: Floats  # how far they must move, shape (C,), to contain the part of the outer set above `own`

    @classmethod
    def of(cls, points: Floats, own: Floats, outer: _Outer) -> _Faces:
        """Return the sides, and the upper sides of the box around them; the side at a repeated vertex does not bind."""
        edge = points[:, after(points.shape[1])] - points
        length = np.hypot(edge[:, :, 0], edge[:, :, 1])
        edge /= np.where(length > 0.0, length, 1.0)[:, :, None]
        outward = np.stack([edge[:, :, 1], -edge[:, :, 0]], axis=-1)
        normals = np.concatenate([np.broadcast_to(np.eye(2), (len(points), 2, 2)), outward], axis=1)
        offsets = (normals @ points.transpose(0, 2, 1)).max(axis=2)
        speeds = offsets - (normals @ points.mean(axis=1)[:, :, None])[:, :, 0]
        speeds[speeds <= _TINY] = 1.0
        far = outer.farthest(normals.reshape(-1, 2).T, own.repeat(offsets.shape[1], axis=0).T)
        reach = ((far.reshape(offsets.shape) - offsets) / speeds).max(axis=1, initial=0.0)
        return cls(normals, offsets, speeds, reach)


class _Pairs(NamedTuple):
    """Triples of an exit, a face and a profile, shape (m,), with the lowest continuations, shape (2, m)."""

    exit: Numbers
    face: Numbers
    profile: Numbers
    b: Floats


def proved(outer: Search, own: Floats, points: Floats, structures: Numbers) -> Flags:
    """Return for which exits the hull of the points, which is self-generating, is the largest fixed point.

    No profile may pass a face with any continuation in the outer set, or one that does must stay inside the faces
    however far they are moved out.

    Parameters
    ----------
    outer : Search
        A finished search for a set that contains the set of every exit.
    own : ndarray of shape (C, 2)
        The payoffs of leaving.
    points : ndarray of shape (C, n, 2)
        Vertices, the last of which may be repeated.
    structures : ndarray of int of shape (C, n)
        A number for the way in which each vertex is generated. Exits with equal numbers are checked together.
    """
    alone = np.ones(len(points), dtype=bool)
    if len(points):
        around = _Outer.of(outer.polygon)
        faces = _Faces.of(points, own, around)
        pairs = _passing(outer.block, around, own, faces, structures)
        alone[pairs.exit[~_attracted(outer.block, faces, pairs)]] = False
    return alone


def _passing(block: Block, outer: _Outer, own: Floats, faces: _Faces, structures: Numbers) -> _Pairs:
    """Return the pairs where the profile passes the face with a continuation in the outer set."""
    delta = block.discounts.item(0)
    cell, face, profile = _candidates(block, outer, own, faces, structures)
    n = np.stack([faces.normals[:, :, i][cell, face] for i in (0, 1)])
    offset = faces.offsets[cell, face] + 1e-14
    height = (n * block.payoffs.take(profile, axis=1)).sum(axis=0)
    # nobody stays for less than the payoff of leaving
    out = np.flatnonzero((height > offset) & (n.min(axis=0) > -1.0))
    cell, face, profile, n = cell[out], face[out], profile[out], n[:, out]
    b = thresholds(block, profile, own.T.take(cell, axis=1))
    missing = offset[out] - (1.0 - delta) * height[out]
    # First with continuations in the box from the lowest threshold to the highest continuation.
    out = np.flatnonzero(delta * (n * np.where(n > 0.0, outer.high, b)).sum(axis=0) > missing)
    out = out[delta * outer.farthest(n[:, out], b[:, out]) > missing[out]]
    return _Pairs(cell[out], face[out], profile[out], b[:, out])


def _candidates(
    block: Block, outer: _Outer, own: Floats, faces: _Faces, structures: Numbers
) -> tuple[Numbers, Numbers, Numbers]:
    """Return exits, faces and profiles: all for which the profile may pass the face, and perhaps some others.

    A few exits of one structure are looked at together, with the largest coefficients of a face's normals, the smallest
    of its offsets, and payoffs between the lowest and the highest at any of these exits: what does not pass then passes
    at none of them. Coordinates that a face bounds from below are measured from what leaving pays, as the face moves
    with it; in the unit box nothing is negative. The continuations are first those of the box, then those that the
    lowest payoff from leaving allows.
    """
    exits = np.lexsort(structures.T)
    changed = (structures[exits[1:]] != structures[exits[:-1]]).any(axis=1)
    starts = np.flatnonzero(np.r_[True, changed] | (np.arange(exits.size) % _CHUNK == 0))
    sizes, delta = np.diff(starts, append=exits.size), block.discounts.item(0)
    normals, own = faces.normals[exits], own[exits]
    flattest, best = np.maximum.reduceat(normals, starts), np.maximum.reduceat(own, starts)[:, :, None]
    lowest = np.minimum.reduceat(own, starts)
    below = flattest <= 0.0
    up, down, steep = flattest * ~below, flattest * below, np.minimum.reduceat(normals, starts) * below
    moving = (normals * below.repeat(sizes, axis=0)) @ own[:, :, None]
    offsets = np.minimum.reduceat(faces.offsets[exits, :, None] - moving, starts) + 1e-14
    ahead = block.payoffs - best
    height = _sum([up, down, steep], [block.payoffs, np.maximum(ahead, 0.0), np.minimum(ahead, 0.0)])
    least = (1.0 - delta) * np.maximum(block.best - best, 0.0)
    farthest = _sum([up, down], [block.now + delta * outer.high, least])
    passing = np.flatnonzero((height > offsets) & (farthest > offsets))
    group, face, profile = np.unravel_index(passing, height.shape)
    n, b = flattest[group, face].T, thresholds(block, profile, lowest.T.take(group, axis=1))
    base = (n * block.now.take(profile, axis=1)).sum(axis=0) - (down @ best)[group, face, 0]
    out = np.flatnonzero(base + delta * outer.farthest(n, b) > offsets[group, face, 0])
    group, face, profile = group[out], face[out], profile[out]
    pair, place = np.nonzero(np.arange(_CHUNK) < sizes[group, None])
    return exits[starts[group[pair]] + place], face[pair], profile[pair]


def _sum(weights: list[Floats], values: list[Floats]) -> Floats:
    """Return a sum of products of matrices, shape (groups, faces, profiles), as one product, which saves memory."""
    shape = np.broadcast_shapes(*(value.shape for value in values))
    total: Floats = np.concatenate(weights, axis=2) @ np.concatenate(
        [np.broadcast_to(value, shape) for value in values], axis=1
    )
    return total


def _attracted(block: Block, faces: _Faces, pairs: _Pairs) -> Flags:
    """Return which profiles stay inside their face, however far all faces move out.

    If constraint i and one face bind, the farthest payoff is at most `level + e * slope`, as the threat is known and
    thresholds do not move. Such a bound may hold from some `start` on only. That is enough if another bound holds
    before, or if until then the faces leave the profile no continuation.
    """
    delta, (cell, face, profile, b), k = block.discounts.item(0), pairs, np.arange(pairs.exit.size)
    normals, offsets, speeds = faces.normals[cell], faces.offsets[cell], faces.speeds[cell]
    n, b = normals[k, face], b.T
    offset, own, far = offsets[k, face, None], speeds[k, face, None], faces.reach[cell, None]
    base = (n * block.now[:, profile].T).sum(axis=1, keepdims=True)
    lack = normals[:, :, 0] * b[:, :1] + normals[:, :, 1] * b[:, 1:] - offsets
    stop = np.where((normals >= 0.0).all(axis=2) & (lack > _TINY), lack / speeds, 0.0).max(axis=1)
    start = np.full(cell.size, np.inf)
    for i in (0, 1):
        with np.errstate(divide="ignore", invalid="ignore"):
            by_face = delta * n[:, 1 - i, None] / normals[:, :, 1 - i]
            by_cut = by_face * normals[:, :, i] - delta * n[:, i, None]
            excess = base + by_face * offsets - by_cut * b[:, i, None] - offset
            growth = by_face * speeds - own
            valid = (by_face >= 0.0) & (by_cut >= 0.0) & np.isfinite(excess)
            late = valid & (excess + far * growth <= -_MARGIN * far * np.minimum(own, 1.0))
            from_ = np.where(late, np.where(excess <= _ROUNDING, 0.0, excess / -growth), np.inf)
            until = np.where(valid & (excess < 0.0) & (growth > 0.0), -0.999 * excess / growth, 0.0)
        start, stop = np.minimum(start, from_.min(axis=1)), np.maximum(stop, until.max(axis=1))
    return np.asarray(
        (start == 0.0) | (stop > 1.001 * start) | (stop >= far[:, 0]) | (far[:, 0] <= _ROUNDING)
    )


_ROUNDS = 6  # of solving and checking the structure
_STEPS = 6  # of Newton's method
_SOLVED = 1e-15  # of the unit box: a smaller residual is rounding
_AXIS = np.array([1, 1, 0, 0, 0, 0, 0])  # the coordinate left free by a binding constraint, by kind
# Counter-clockwise, x falls along the top and rises along the bottom, y rises along the right.
_FORWARD = np.array([-1.0, 1.0, 1.0, -1.0, 0.0, 0.0, 0.0])
_NONE = 9.0  # larger than every angle


class Shared(NamedTuple):
    """The largest fixed points that were found: vertices in the unit box, and how each is generated."""

    exits: Numbers  # shape (F,)
    points: Floats  # shape (F, n, 2)
    kinds: Numbers  # shape (F, n)
    profiles: Numbers  # shape (F, n)


def together(outer: Search, own: Floats, tags: Iterable[Tag]) -> Shared:
    """Return the largest fixed points of those exits whose vertices are generated in known ways.

    Parameters
    ----------
    outer : Search
        A finished search for a set that contains the set of every exit; its `root` holds every profile of the game.
    own : ndarray of shape (C, 2)
        The players' payoffs from leaving, in the unit box.
    tags : iterable of Tag
        The ways in which vertices may be generated.
    """
    ways = _Ways.of(outer.root, own, tags)
    order, points = ways.fixed(np.repeat(np.array(outer.polygon)[None], len(own), axis=0))
    exits = np.flatnonzero(order[:, 0] == 0)
    n = np.count_nonzero((order[exits] > 0).any(axis=0)) + 1
    order, points = order[exits, :n], points[exits, :n]
    largest = proved(outer, own[exits], points, order)
    order = order[largest]
    return Shared(exits[largest], points[largest], ways.kinds[0, order], ways.profiles[0, order])


class _Met(NamedTuple):
    """The edge from `start` to `end` on which each continuation lies, its share of it, and its free coordinate."""

    start: Numbers
    end: Numbers
    share: Floats
    steep: Floats  # the slope of the edge
    value: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Ways:
    """Ways to generate a vertex, shape (C, N); leaving is the first."""

    delta: float
    kinds: Numbers
    profiles: Numbers
    idle: Flags  # whether the stage payoffs meet the profile's constraints, so that only they matter
    least: Floats  # thresholds, shape (C, N, 2)
    now: Floats  # shape (C, N, 2)
    known: Floats  # payoffs, except for the free coordinate, shape (C, N, 2)

    @classmethod
    def of(cls, block: Block, own: Floats, tags: Iterable[Tag]) -> _Ways:
        found = {(kind, profile) for kind, profile, _ in tags if kind not in (LEAVE, VERTEX)}
        kinds, profiles = np.array([(LEAVE, -1), *sorted(found)]).T
        chosen, delta = block.keep(profiles), block.discounts.item(0)
        payoffs, static = chosen.payoffs.T, kinds == STATIC
        least = thresholds(block, profiles, own[:, :, None]).transpose(0, 2, 1)
        now = np.repeat(chosen.now.T[None], len(own), axis=0)
        least[:, 0], now[:, 0] = own, (1.0 - delta) * own
        known = now + delta * least
        known[:, 0], known[:, static] = own, payoffs[static]
        idle = (payoffs >= least - SLACK).all(axis=2) & (kinds < STATIC)
        kinds, profiles = (np.repeat(row[None], len(own), axis=0) for row in (kinds, profiles))
        return cls(delta, kinds, profiles, idle, least, now, known)

    def at(self, index: Any) -> _Ways:
        """Return the ways of some exits; with a second index, some of their ways."""
        arrays = self.kinds, self.profiles, self.idle, self.least, self.now, self.known
        return _Ways(self.delta, *(array[index] for array in arrays))

    def fixed(self, polygons: Floats) -> tuple[Numbers, Floats]:
        """Return which ways generate the vertices of fixed points, and the vertices; -1 where none is found."""
        order: Numbers = np.full(self.kinds.shape, -1)
        left = np.arange(len(order))
        points = self.known[:, :1].repeat(order.shape[1], axis=1)
        image, usable = self.image(polygons)
        for _ in range(_ROUNDS):
            which = _corners(image, usable)
            structure = self.at((left[:, None], which))
            solved = structure.solved(image[np.arange(left.size)[:, None], which])
            if solved is None:
                break
            good = structure.generate(solved)
            image, usable = self.at(left).image(solved)
            good &= (_inside(solved, image) | ~usable).all(axis=1)
            done, n = left[good], which.shape[1]
            order[done], order[done, :n], points[done, :n] = 0, which[good], solved[good]
            left, image, usable = left[~good], image[~good], usable[~good]
            if not left.size:
                break
        return order, points

    def image(self, points: Floats) -> tuple[Floats, Flags]:
        """Return the payoffs that the ways give with continuations in polygons, and which of them are feasible."""
        image, (cell, way, axis) = self.known.copy(), self._free()
        free = self.now[cell, way, axis] + self.delta * self._met(points).value
        image[cell, way, axis] = np.where(self.kinds <= LEFT, free, image[cell, way, axis])
        return image, self._sustained(points, image) & ~self.idle

    def solved(self, start: Floats) -> Floats | None:
        """Return the vertices that these ways generate from each other, after Newton steps.

        It is None if a system is singular.
        """
        points, (cell, way, axis), free = start.copy(), self._free(), self.kinds <= LEFT
        for _ in range(_STEPS):
            met = self._met(points)
            residual = points[cell, way, axis] - self.now[cell, way, axis] - self.delta * met.value
            residual[~free] = 0.0
            if np.abs(residual).max() <= _SOLVED:
                break
            matrix = np.repeat(np.eye(axis.shape[1])[None], len(axis), axis=0)
            for end, weight in ((met.start, 1.0 - met.share), (met.end, met.share)):
                along = np.where(axis[cell, end] == axis, weight, -weight * met.steep)
                matrix[cell, way, end] -= np.where(free & free[cell, end], self.delta * along, 0.0)
            try:
                step = np.linalg.solve(matrix, residual[:, :, None])[:, :, 0]
            except np.linalg.LinAlgError:
                return None
            points[cell, way, axis] -= np.clip(step, -2.0, 2.0)
            moved = np.abs(step).max(axis=1)
            if ((moved < 1e-8) | (moved > 0.5)).all():
                break
        return points

    def generate(self, points: Floats) -> Flags:
        """Return for which exits the points are the vertices of a convex, self-generating polygon."""
        edge = points[:, after(points.shape[1])] - points
        long = np.abs(edge).sum(axis=2) > MERGE
        before, edge, others = edge[:, :-1], edge[:, 1:], self.kinds[:, 1:] != LEAVE
        turn = before[:, :, 0] * edge[:, :, 1] - before[:, :, 1] * edge[:, :, 0]
        sharp = long[:, 1:] & (turn > MERGE * np.abs(edge + before).sum(axis=2))
        good = (long[:, 0] | ~others.any(axis=1)) & (sharp | ~others).all(axis=1)
        good &= (points >= points[:, :1] - MERGE).all(axis=(1, 2))
        return np.asarray(good & self._sustained(points, points).all(axis=1))

    def _free(self) -> tuple[Numbers, Numbers, Numbers]:
        """Return indices of the free coordinates, which broadcast to shape (C, N)."""
        exits, ways = self.kinds.shape
        return np.arange(exits)[:, None], np.arange(ways), _AXIS[self.kinds]

    def _met(self, points: Floats) -> _Met:
        """Return where on the edges of polygons the continuations with binding thresholds lie."""
        (cell, way, axis), forward = self._free(), _FORWARD[self.kinds]
        at, o = self.least[cell, way, 1 - axis], 1 - axis
        # How far an edge misses the threshold; one that runs backwards misses by at least half its width.
        along = np.where(o[:, None] == 0, points[:, :, None, 0], points[:, :, None, 1]) * forward[:, None]
        behind = along - (at * forward)[:, None]
        p = np.maximum(behind, -behind[:, after(points.shape[1])]).argmin(axis=1)
        q = (p + 1) % points.shape[1]
        at_p, at_q = points[cell, p, axis], points[cell, q, axis]
        width, ahead = points[cell, q, o] - points[cell, p, o], at - points[cell, p, o]
        flat = np.abs(width) < 1e-15
        width[flat] = 1.0
        share, steep = np.where(flat, 0.0, ahead / width), np.where(flat, 0.0, (at_q - at_p) / width)
        return _Met(p, q, share, steep, at_p + steep * ahead)

    def _sustained(self, points: Floats, payoffs: Floats) -> Flags:
        """Return which payoffs have continuations, in polygons or equal to them, that meet the constraints."""
        w = (payoffs - self.now) / self.delta
        inside = (self.kinds >= STATIC) | _inside(points, w)
        return np.asarray(inside & (w >= self.least - 2 * SLACK).all(axis=2))


def _inside(points: Floats, w: Floats) -> Flags:
    """Return which points lie in the polygons."""
    edge = points[:, after(points.shape[1])] - points
    length = np.hypot(edge[:, :, 0], edge[:, :, 1])
    x, y = np.moveaxis(edge / np.where(length > 0.0, length, 1.0)[:, :, None], 2, 0)[..., None]
    offset = x * points[:, :, None, 1] - y * points[:, :, None, 0]
    depth = x * w[:, None, :, 1] - y * w[:, None, :, 0] - offset
    return np.asarray(depth.min(axis=1) >= -2 * SLACK)


def _corners(points: Floats, usable: Flags) -> Numbers:
    """Return the numbers of the corners of hulls, shape (C, n), from the first point, the lowest in both coordinates.

    The hull is wrapped: the next corner is the point at the smallest angle, measured from the south-east,
    the farthest of those on one edge. Where others have more corners the first is repeated.
    """
    x, y = np.ascontiguousarray(np.moveaxis(points, 2, 0))
    cell, last = np.arange(len(points)), np.zeros((len(points), 1))
    order: Numbers = np.zeros(usable.shape, dtype=np.intp)
    for k in range(1, order.shape[1]):
        corner = order[:, k - 1]
        right, up = x - x[cell, corner, None], y - y[cell, corner, None]
        u, v = right - up, right + up
        size = np.abs(u) + np.abs(v)
        seen = usable & (size > 2 * MERGE)
        ratio = u / np.where(seen, size, 1.0)
        angle = np.where(v >= 0.0, 1.0 - ratio, 3.0 + ratio)
        angle[~seen | (angle < last)] = _NONE
        last = angle.min(axis=1, keepdims=True)
        farthest = np.where((angle - last) * size <= MERGE, size, 0.0).argmax(axis=1)
        order[:, k] = np.where((last[:, 0] < _NONE) & ((corner > 0) | (k == 1)), farthest, 0)
        if not order[:, k].any():
            break
    return order[:, : np.count_nonzero(order.any(axis=0)) + 1]


_APART = 24, 6, 1  # in each turn one in this many of the remaining exits is solved separately
_MANY = 8  # at least this many times as many exits are tried together
_NEIGHBOURS = 8  # neighbouring games that share an outer set
_STOPPED = "the fixed point of ways that generate a neighbour's vertices is proved to be the largest"


def sweep(cells: Sequence[RepeatedGame], limit: int, effort: Effort) -> list[Answer]:
    """Return the answer of each cell; cells have the same game and discount factors and different exits."""
    exits = [cell.exit for cell in cells if cell.exit is not None]
    base = Scaled.of(cells[0], beside=exits)
    plain = base.block.common and not cells[0].has_fractions
    if plain and base.block.discounts.item(0) > IMPATIENT and all(map(is_open, exits)):
        return _shared(base, cells, exits, limit, effort)
    scaled = [base.leaving(cell, leave) for cell, leave in zip(cells, exits, strict=True)]
    if not base.block.common:
        return [one.back(one.solve(limit, effort)) for one in scaled]
    return _chunks(scaled, limit, effort)


def _shared(
    base: Scaled, cells: Sequence[RepeatedGame], exits: list[Exit], limit: int, effort: Effort
) -> list[Answer]:
    """Solve a few cells separately, and the others together, in the ways that generate the vertices of the few."""
    given = np.array([leaving.payoffs[0] for leaving in exits])
    out: dict[int, Answer] = {}
    tags: set[Tag] = set()
    left = list(range(len(exits)))
    for apart in _APART:
        for k in left[::apart]:
            one = base.leaving(cells[k], exits[k])
            search = one.solve(limit, effort)
            out[k] = one.back(search)
            tags.update(search.tags)
        left = [k for k in left if k not in out]
        for first in range(0, len(left), _MANY * apart):
            out |= _together(base, given, left[first : first + _MANY * apart], tags, limit, effort)
        left = [k for k in left if k not in out]
    return [out[k] for k in range(len(exits))]


def _together(
    base: Scaled, given: Floats, numbers: list[int], tags: set[Tag], limit: int, effort: Effort
) -> dict[int, Answer]:
    """Return the answers, by number, for those of the given exits whose vertices are generated in known ways."""
    own = (given[numbers] - base.low) / base.size
    whole = _union(base, own, [Leave((x, y)) for x, y in own.tolist()], limit, effort, None)
    exits, points, kinds, profiles = together(whole, own, tags)
    threats, leaves = given[numbers][exits], kinds == LEAVE
    vertices = base.low + base.size * points
    vertices[kinds == STATIC] = base.payoffs.T[profiles[kinds == STATIC]]
    vertices = np.where(np.abs(points - own[exits, None]) < 1e-14, threats[:, None], vertices)
    vertices.flags.writeable = threats.flags.writeable = False
    how = np.stack([kinds, profiles, leaves - 1], axis=2).tolist()
    sizes = 1 + np.count_nonzero(~leaves, axis=1)
    stats = Stats(iterations=0, solves=1, stopped=_STOPPED, bound=0.0)
    rows = zip(exits.tolist(), sizes.tolist(), vertices, how, threats, strict=True)
    return {
        numbers[k]: Answer(points[:n], tuple(map(tuple, tags[:n])), threat, base.span, stats)
        for k, n, points, tags, threat in rows
    }


def _chunks(scaled: list[Scaled], limit: int, effort: Effort) -> list[Answer]:
    """Search for each cell inside a set that contains those of its neighbours; try the last structure first."""
    whole = _around(scaled, limit, effort, None)
    out = []
    for k in range(0, len(scaled), _NEIGHBOURS):
        chunk = scaled[k : k + _NEIGHBOURS]
        within, like = _around(chunk, limit, effort, whole), None
        for one in chunk:
            like = one.solve(limit, effort, within=within, like=like)
            out.append(one.back(like))
    return out


def _around(scaled: list[Scaled], limit: int, effort: Effort, within: Search | None) -> Search:
    """Search for a set that contains the set of each cell."""
    own = np.array([one.own for one in scaled])
    leaves = [leave for one in scaled for leave in one.block.leaves]
    return _union(scaled[0], own, leaves, limit, effort, within)


def _union(
    like: Scaled,
    own: Floats,
    leaves: Sequence[Leave],
    limit: int,
    effort: Effort,
    within: Search | None,
) -> Search:
    """Search with every outcome of leaving, and with each player's lowest payoff from leaving."""
    x, y = own.min(axis=0).tolist()
    payoffs = [leave.payoffs for leave in leaves]
    outcomes = tuple(Leave(payoffs[k]) for k in hull(payoffs))
    block = replace(like.block, floor=like.staying(np.array([x, y])), leaves=outcomes)
    search = replace(like, block=block, own=(x, y)).search(block, within)
    search.budget = effort.budget()
    search.run(limit)
    return search
