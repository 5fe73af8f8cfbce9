"""Many exits at once: structures, their fixed points and the check that these generate themselves, in arrays.

If all may leave, and get the same whoever does, the threat is known: it is what leaving pays, the lowest corner of
every set. Exits of one game then differ in the thresholds alone, and the vertices of all sets are generated in a few
ways. The operator is applied with these ways only, the hull of what they give is a structure, and Newton
steps find its fixed point, until it is one of the operator so restricted. The proof from outside, in `shared_outer`,
is with all profiles: it does not rely on where a structure comes from. An exit for which any of that fails is left to
be searched for by itself.

The exits lie along the first axis. Sets with fewer vertices than others repeat what leaving pays at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import LEAVE, LEFT, SLACK, STATIC, VERTEX, Tag
from bargaining.equilibria._plane.polygon import MERGE
from bargaining.equilibria.repeated._search.fixed_point import Search
from bargaining.equilibria.repeated._search.operator import Block
from bargaining.equilibria.repeated._search.shared_outer import Flags, Numbers, after, proved, thresholds

_ROUNDS = 6  # of solving and looking whose structure holds
_STEPS = 6  # of Newton's method, from the answer beside it
_SOLVED = 1e-15  # of the unit box: what is left is rounding
_AXIS = np.array([1, 1, 0, 0, 0, 0, 0])  # the coordinate that a binding constraint leaves free, by kind
# Counter-clockwise, x falls along the top and rises along the bottom, y rises along the right.
_FORWARD = np.array([-1.0, 1.0, 1.0, -1.0, 0.0, 0.0, 0.0])
_NONE = 9.0  # more than every angle


class Shared(NamedTuple):
    """The largest fixed points that were found: vertices in the unit box, and how each is generated."""

    exits: Numbers  # shape (F,)
    points: Floats  # shape (F, n, 2)
    kinds: Numbers  # shape (F, n)
    profiles: Numbers  # shape (F, n)


def together(outer: Search, own: Floats, tags: Iterable[Tag]) -> Shared:
    """Return the largest fixed points of the exits where these are generated in known ways.

    Parameters
    ----------
    outer : Search
        A finished search for a set that contains the set of every exit; its `root` holds every profile of the game.
    own : ndarray of shape (C, 2)
        What leaving pays the players, in the unit box.
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
    """The edge from `start` to `end` that each continuation lies on, its share of the way, and its free coordinate."""

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
    idle: Flags  # whether the profile's own payoffs meet its constraints, so that only these matter
    least: Floats  # thresholds, shape (C, N, 2)
    now: Floats  # shape (C, N, 2)
    known: Floats  # payoffs, but for the coordinate that is free, shape (C, N, 2)

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
        """Return which ways generate the vertices of fixed points, and the vertices; where none is found, -1."""
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
        """Return the payoffs that the ways give with continuations in polygons, and which of them may be used."""
        image, (cell, way, axis) = self.known.copy(), self._free()
        free = self.now[cell, way, axis] + self.delta * self._met(points).value
        image[cell, way, axis] = np.where(self.kinds <= LEFT, free, image[cell, way, axis])
        return image, self._sustained(points, image) & ~self.idle

    def solved(self, start: Floats) -> Floats | None:
        """Return the vertices that these ways give with continuations among them, after Newton steps.

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
        """Return for which exits the points are the vertices of a convex polygon that generates itself."""
        edge = points[:, after(points.shape[1])] - points
        long = np.abs(edge).sum(axis=2) > MERGE
        before, edge, others = edge[:, :-1], edge[:, 1:], self.kinds[:, 1:] != LEAVE
        turn = before[:, :, 0] * edge[:, :, 1] - before[:, :, 1] * edge[:, :, 0]
        sharp = long[:, 1:] & (turn > MERGE * np.abs(edge + before).sum(axis=2))
        good = (long[:, 0] | ~others.any(axis=1)) & (sharp | ~others).all(axis=1)
        good &= (points >= points[:, :1] - MERGE).all(axis=(1, 2))
        return np.asarray(good & self._sustained(points, points).all(axis=1))

    def _free(self) -> tuple[Numbers, Numbers, Numbers]:
        """Return the indices of the coordinates that are free, which broadcast to shape (C, N)."""
        exits, ways = self.kinds.shape
        return np.arange(exits)[:, None], np.arange(ways), _AXIS[self.kinds]

    def _met(self, points: Floats) -> _Met:
        """Return where continuations at the thresholds that bind lie on the edges of polygons."""
        (cell, way, axis), forward = self._free(), _FORWARD[self.kinds]
        at, o = self.least[cell, way, 1 - axis], 1 - axis
        # What an edge misses; one that runs backwards misses by half its width at least.
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
        """Return which payoffs come from continuations, in polygons or the same, that meet the constraints."""
        w = (payoffs - self.now) / self.delta
        inside = (self.kinds >= STATIC) | _inside(points, w)
        return np.asarray(inside & (w >= self.least - 2 * SLACK).all(axis=2))


def _inside(points: Floats, w: Floats) -> Flags:
    """Return which of some points lie in polygons."""
    edge = points[:, after(points.shape[1])] - points
    length = np.hypot(edge[:, :, 0], edge[:, :, 1])
    x, y = np.moveaxis(edge / np.where(length > 0.0, length, 1.0)[:, :, None], 2, 0)[..., None]
    offset = x * points[:, :, None, 1] - y * points[:, :, None, 0]
    depth = x * w[:, None, :, 1] - y * w[:, None, :, 0] - offset
    return np.asarray(depth.min(axis=1) >= -2 * SLACK)


def _corners(points: Floats, usable: Flags) -> Numbers:
    """Return the numbers of the corners of hulls, from the first point, the lowest in both coordinates, shape (C, n).

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
