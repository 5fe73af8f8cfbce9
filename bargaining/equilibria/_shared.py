"""One structure for many exits: solved, checked and proved for all of them at once.

If all may leave, and get the same whoever does, the threat is known: it is what leaving pays. Exits of one game
then differ in the thresholds alone, and exits close to each other share a structure. Its fixed points, the check that
they generate themselves and, in `_shared_outer`, the proof from outside are those of one exit, in arrays with the
exits along the first axis. An exit for which any of that fails is left to be searched for by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._fixed_point import Search
from bargaining.equilibria._operator import (
    BOTTOM,
    LEAVE,
    LEFT,
    RIGHT,
    SLACK,
    STATIC,
    TOP,
    Block,
)
from bargaining.equilibria._polygon import MERGE, Polygon
from bargaining.equilibria._shared_outer import after, proved, thresholds

_STEPS = 4
_SOLVED = 1e-15
_FREE = {TOP: 1, BOTTOM: 1, RIGHT: 0, LEFT: 0}


def alike(found: Search, own: Floats, outer: Search) -> dict[int, Polygon]:
    """Return the largest fixed points of the exits that share a found structure, by number.

    Parameters
    ----------
    found : Search
        The finished search for one exit; its `root` holds every profile of the game.
    own : ndarray of shape (C, 2)
        What the others pay, in the unit box.
    outer : Search
        A finished search for a set that contains the set of every exit.
    """
    kinds = [kind for kind, _, _ in found.tags]
    if len(kinds) < 3 or kinds.count(LEAVE) != 1:
        return {}
    structure = _Structure.of(found, own)
    vertices = structure.solved()
    if vertices is None:
        return {}
    good = np.flatnonzero(structure.generates(vertices))
    if not good.size:
        return {}
    largest = good[proved(outer, own[good], vertices[good])]
    return {k: [(x, y) for x, y in vertices[k].tolist()] for k in largest.tolist()}


@dataclass(frozen=True, slots=True, eq=False)
class _Structure:
    """The equations of a structure, with vertices of shape (C, n, 2): coordinates that are known, and the others.

    Row r: coordinate `axis[r]` of the vertex `vertex[r]` comes from a continuation on an edge that runs in the
    direction `forward[r]` of the other coordinate, where that one is at its threshold `at[:, r]`.
    """

    block: Block
    kinds: NDArray[np.intp]
    least: Floats  # thresholds of each vertex, shape (C, n, 2)
    now: Floats  # shape (n, 2)
    start: Floats  # shape (C, n, 2)
    vertex: NDArray[np.intp]
    axis: NDArray[np.intp]
    forward: Floats
    at: Floats

    @classmethod
    def of(cls, found: Search, own: Floats) -> _Structure:
        kinds, profiles = np.array([tag[:2] for tag in found.tags]).T
        block = found.root.keep(profiles)
        least = thresholds(block, own).transpose(0, 2, 1)
        now = block.now.T
        start = now + block.discounts.item(0) * least
        start[:, kinds == STATIC] = block.payoffs[:, kinds == STATIC].T
        start[:, kinds == LEAVE] = own[:, None]
        vertex = np.array([k for k, kind in enumerate(kinds.tolist()) if kind in _FREE], dtype=np.intp)
        axis = np.array([_FREE[kind] for kind in kinds[vertex].tolist()], dtype=np.intp)
        # Counter-clockwise, x falls along the top and rises along the bottom, y rises along the right.
        forward = np.array([-1.0, 1.0, 1.0, -1.0])[kinds[vertex]]
        start[:, vertex, axis] = np.array(found.polygon)[vertex, axis]
        return cls(block, kinds, least, now, start, vertex, axis, forward, least[:, vertex, 1 - axis])

    def edges(self, points: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the ends of the edge that each continuation lies on, each of shape (C, rows)."""
        first = points[:, :, 1 - self.axis]
        second = first[:, after(first.shape[1])]
        low, high = np.minimum(first, second), np.maximum(first, second)
        miss = np.maximum(np.maximum(low - self.at[:, None], self.at[:, None] - high), 0.0)
        p = np.where((second - first) * self.forward > 0.0, miss, np.inf).argmin(axis=1)
        return p, (p + 1) % points.shape[1]

    def solved(self) -> Floats | None:
        """Return the vertices after Newton steps; None if a system is singular."""
        points, size = self.start.copy(), self.vertex.size
        delta, rows, cell = self.block.discounts.item(0), np.arange(size), np.arange(len(points))[:, None]
        unknown = np.full(points.shape[1:], size)
        unknown[self.vertex, self.axis] = rows
        i, o = self.axis, 1 - self.axis
        for _ in range(_STEPS if size else 0):
            p, q = self.edges(points)
            at_p, at_q = points[cell, p, i], points[cell, q, i]
            width, ahead = points[cell, q, o] - points[cell, p, o], self.at - points[cell, p, o]
            flat = np.abs(width) < 1e-15
            width[flat] = 1.0
            share, steep = np.where(flat, 0.0, ahead / width), np.where(flat, 0.0, (at_q - at_p) / width)
            residual = points[:, self.vertex, i] - self.now[self.vertex, i] - delta * (at_p + steep * ahead)
            if np.abs(residual).max() <= _SOLVED:
                break
            matrix = np.zeros((len(points), size, size + 1))  # a last column takes what is known
            matrix[:, rows, rows] = 1.0
            for end, weight in ((p, delta * (1.0 - share)), (q, delta * share)):
                matrix[cell, rows, unknown[end, i]] -= weight
                matrix[cell, rows, unknown[end, o]] += weight * steep
            try:
                step = np.linalg.solve(matrix[:, :, :size], residual[:, :, None])[:, :, 0]
            except np.linalg.LinAlgError:
                return None
            points[:, self.vertex, i] -= np.clip(step, -2.0, 2.0)
            moved = np.abs(step).max(axis=1)
            if ((moved < 1e-8) | (moved > 0.5)).all():
                break
        return points

    def generates(self, points: Floats) -> NDArray[np.bool_]:
        """Return for which exits the points are the vertices of a convex polygon that generates itself."""
        following = after(points.shape[1])
        edge = points[:, following] - points
        before = edge[:, following - 2]
        turn = before[:, :, 0] * edge[:, :, 1] - before[:, :, 1] * edge[:, :, 0]
        good = (turn > MERGE * np.abs(edge + before).sum(axis=2)).all(axis=1)
        good &= (np.abs(edge).sum(axis=2) > MERGE).all(axis=1)
        length = np.hypot(edge[:, :, 0], edge[:, :, 1])
        unit = edge / np.where(length > 0.0, length, 1.0)[:, :, None]
        played = self.kinds != LEAVE
        w = (points[:, played] - self.now[played]) / self.block.discounts.item(0)
        slack = (w - self.least[:, played]).reshape(len(points), -1)
        good &= slack.min(axis=1, initial=0.0) >= -2 * SLACK
        for points_inside in (points, w[:, self.kinds[played] != STATIC]):
            to = points_inside[:, :, None] - points[:, None]
            depth = unit[:, None, :, 0] * to[..., 1] - unit[:, None, :, 1] * to[..., 0]
            good &= depth.reshape(len(points), -1).min(axis=1, initial=0.0) >= -2 * SLACK
        return np.asarray(good)
