"""One structure for many exits: solved, checked and proved for all of them at once.

If all may leave, and get the same whoever does, the threat is known: it is what leaving pays. Exits of one game
then differ in the thresholds alone, and exits close to each other share a structure. Its fixed points, the
check that they generate themselves and the proof from outside are those of `_structure` and `_outer`, in arrays
with the exits along the first axis. An exit for which any of that fails is left to be searched for by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    Leave,
    binding,
)
from bargaining.equilibria._outer import verdict
from bargaining.equilibria._polygon import MERGE, Chains, Polygon

_STEPS = 4
_ROUNDING = 1e-13
_MARGIN = 1e-3
_TINY = 1e-12
_FREE = {TOP: 1, BOTTOM: 1, RIGHT: 0, LEFT: 0}


def _after(count: int) -> NDArray[np.intp]:
    """Return the number of the next vertex."""
    return np.arange(1, count + 1) % count


def _thresholds(block: Block, own: Floats) -> Floats:
    """Return the lowest continuations at exits that pay `own`, of shape (C, 2): shape (C, 2, profiles)."""
    threat = own[:, :, None]
    return np.maximum(block.gain + threat, _floor(block, own))


def _floor(block: Block, own: Floats) -> Floats:
    """Return the continuations at which staying is worth as much as leaving."""
    floor: Floats = (own[:, :, None] - block.now) / block.discounts
    return floor


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
    proved = _proved(outer, own[good], vertices[good])
    return {k: [(x, y) for x, y in vertices[k].tolist()] for k in good[proved].tolist()}


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
        least = _thresholds(block, own).transpose(0, 2, 1)
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
        second = first[:, _after(first.shape[1])]
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
        after = _after(points.shape[1])
        edge = points[:, after] - points
        before = edge[:, after - 2]
        turn = before[:, :, 0] * edge[:, :, 1] - before[:, :, 1] * edge[:, :, 0]
        good = (turn > MERGE * np.abs(edge + before).sum(axis=2)).all(axis=1)
        good &= (np.abs(edge).sum(axis=2) > MERGE).all(axis=1)
        length = np.hypot(edge[:, :, 0], edge[:, :, 1])
        unit = edge / np.where(length > 0.0, length, 1.0)[:, :, None]
        played = self.kinds != LEAVE
        w = (points[:, played] - self.now[played]) / self.block.discounts.item(0)
        good &= (w >= self.least[:, played] - 2 * SLACK).all(axis=(1, 2))
        for points_inside in (points, w[:, self.kinds[played] != STATIC]):
            to = points_inside[:, :, None] - points[:, None]
            depth = unit[:, None, :, 0] * to[..., 1] - unit[:, None, :, 1] * to[..., 0]
            good &= (depth >= -2 * SLACK).all(axis=(1, 2))
        return np.asarray(good)


@dataclass(frozen=True, slots=True, eq=False)
class _Faces:
    """Faces `normals . w <= offsets` of candidates, shape (C, F); `speeds` blow them up from their middle."""

    normals: Floats
    offsets: Floats
    speeds: Floats
    reach: Floats  # how far they must move, shape (C,), to hold the outer set

    @classmethod
    def of(cls, points: Floats, corners: Floats) -> _Faces:
        """Return the sides, and the upper sides of the box around them."""
        edge = points[:, _after(points.shape[1])] - points
        edge /= np.hypot(edge[:, :, 0], edge[:, :, 1])[:, :, None]
        outward = np.stack([edge[:, :, 1], -edge[:, :, 0]], axis=-1)
        normals = np.concatenate([np.broadcast_to(np.eye(2), (len(points), 2, 2)), outward], axis=1)
        offsets = (normals @ points.transpose(0, 2, 1)).max(axis=2)
        speeds = offsets - (normals @ points.mean(axis=1)[:, :, None])[:, :, 0]
        reach = (((normals @ corners.T).max(axis=2) - offsets) / speeds).max(axis=1, initial=0.0)
        return cls(normals, offsets, speeds, reach)


def _proved(outer: Search, own: Floats, points: Floats) -> NDArray[np.bool_]:
    """Return for which exits the points, which generate themselves, are all that is left of the outer set.

    No profile may pass a face with any continuation in the outer set, or one that does must stay inside the faces
    however far they are moved out. What that leaves open is tried by itself, with other speeds.
    """
    chains, corners = Chains(outer.polygon), np.array(outer.polygon)
    least = _thresholds(outer.block, own.min(axis=0)[None])[0]
    playable = binding(chains, least)[1]
    block = outer.block.keep(playable[0] | playable[2])
    faces, b = _Faces.of(points, corners), _thresholds(block, own).transpose(1, 0, 2)
    cell, face, profile = _passing(block, chains, corners, b, faces)
    inside, lost = _attracted(block, b[:, cell, profile], faces, cell, face, profile)
    proved, fixed = np.ones(len(points), dtype=bool), np.ones(len(points), dtype=bool)
    proved[cell[~inside]], fixed[cell[lost]] = False, False
    for k in np.flatnonzero(fixed & ~proved).tolist():
        leave = (own.item(k, 0), own.item(k, 1))
        one = replace(block, floor=_floor(block, own[k, None])[0], leaves=(Leave(leave),))
        candidate = [(x, y) for x, y in points[k].tolist()]
        proved[k] = verdict(one, candidate, outer.polygon, leave, leaves=[leave]).proved
    return proved


Triples = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]


def _passing(block: Block, chains: Chains, corners: Floats, thresholds: Floats, faces: _Faces) -> Triples:
    """Return the exits, faces and profiles where the profile passes the face with a continuation in the outer set."""
    delta = block.discounts.item(0)
    # First what the box from the lowest threshold to the highest continuation allows.
    sides = np.concatenate([(1.0 - delta) * faces.normals, delta * np.minimum(faces.normals, 0.0)], axis=2)
    corner = np.concatenate([block.payoffs, thresholds.min(axis=1)])
    room = faces.offsets - delta * (np.maximum(faces.normals, 0.0) @ np.array(chains.high)) + 1e-14
    room[faces.normals.min(axis=2) == -1.0] = np.inf  # nobody stays for less than leaving pays
    row, profile = np.nonzero(sides.reshape(-1, 4) @ corner > room.reshape(-1, 1))
    cell, face = np.divmod(row, room.shape[1])
    n, g = faces.normals[cell, face].T, block.payoffs[:, profile]
    out = n[0] * g[0] + n[1] * g[1] > faces.offsets[cell, face] + 1e-14
    cell, face, profile = cell[out], face[out], profile[out]
    b, n, g = thresholds[:, cell, profile], faces.normals[cell, face].T, block.payoffs[:, profile]
    w, feasible = binding(chains, b)
    level = np.where(feasible, n[0] * w[0] + n[1] * w[1], -np.inf).max(axis=0, initial=-np.inf)
    top = corners[(faces.normals @ corners.T).argmax(axis=2)[cell, face]].T
    level = np.where((top >= b - SLACK).all(axis=0), n[0] * top[0] + n[1] * top[1], level)
    height, offset = n[0] * g[0] + n[1] * g[1], faces.offsets[cell, face] + 1e-14
    out = (1.0 - delta) * height + delta * level > offset
    return cell[out], face[out], profile[out]


def _attracted(
    block: Block,
    b: Floats,
    faces: _Faces,
    cell: NDArray[np.intp],
    face: NDArray[np.intp],
    profile: NDArray[np.intp],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which profiles stay inside their face, however far all faces move out, and which never do.

    With constraint i binding and one face, the farthest payoff is at most `level + e * slope`: the thresholds do
    not move, as the threat is known. A bound that is good from `start` on is enough if another one is good
    before, or if until then the faces leave the profile nothing to continue with.
    """
    delta, k = block.discounts.item(0), np.arange(cell.size)
    normals, offsets, speeds = faces.normals[cell], faces.offsets[cell], faces.speeds[cell]
    n, b = normals[k, face], b.T
    offset, own, far = offsets[k, face, None], speeds[k, face, None], faces.reach[cell, None]
    base = (n * block.now[:, profile].T).sum(axis=1, keepdims=True)
    lack = normals[:, :, 0] * b[:, :1] + normals[:, :, 1] * b[:, 1:] - offsets
    stop = np.where((normals >= 0.0).all(axis=2) & (lack > _TINY), lack / speeds, 0.0).max(axis=1)
    start, least = np.full(cell.size, np.inf), np.full(cell.size, np.inf)
    blocked = stop > 0.0
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
        least = np.minimum(least, np.where(valid, excess, np.inf).min(axis=1))
    inside = (start == 0.0) | (stop > 1.001 * start) | (stop >= far[:, 0]) | (far[:, 0] <= _ROUNDING)
    return inside, (least > _ROUNDING) & ~blocked
