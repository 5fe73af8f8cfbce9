r"""Convex polygons with thousands of faces, as half-planes `normal . w <= level` in the order of their angles.

If players differ in patience, the faces of their payoff set come in orbits: where a profile is played with any
continuation, :math:`v = (I - D) g + D w`, a face with the normal n is mapped to one with the normal :math:`D^{-1} n`.
Therefore normals are stored and never recomputed from vertices, which would lose digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats

AXES = np.array([[-1.0, 0.0], [0.0, -1.0], [1.0, 0.0], [0.0, 1.0]])
FINEST = 1e-15  # vertices closer to an edge than this lie on it, up to rounding
_ALIKE = 1e-14  # normals closer than this are equal, up to rounding
# Sines below which half-planes meet so flatly that rounding moves their corner far; a step back that is more than that.
_PARALLEL, _BACKWARDS = 1e-5, 1e-14
_STEEPEST = 1e-14  # normals closer to an axis than this get no face


@dataclass(frozen=True, slots=True, eq=False)
class Halfplanes:
    """A bounded polygon: every face has an edge, and vertex k lies between faces k - 1 and k."""

    normals: Floats
    levels: Floats
    vertices: Floats
    angles: Floats

    @classmethod
    def of(cls, normals: Floats, levels: Floats) -> Halfplanes:
        """Return the polygon of half-planes none of which is redundant.

        Neighbours may be almost parallel; then a vertex is accurate across its edges, not along them.
        """
        before, level = np.roll(normals, 1, axis=0), np.roll(levels, 1)
        along = before + normals
        across = np.stack([-along[:, 1], along[:, 0]], axis=1)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # see `closed`
            x = (level + levels) / (along**2).sum(axis=1)
            y = (levels - level) / ((normals - before) * across).sum(axis=1)
            vertices = x[:, None] * along + y[:, None] * across
        return cls(normals, levels, vertices, angles(normals))

    def inverted(self) -> NDArray[np.bool_]:
        """Say which edges run backwards as rounding moved a corner of almost parallel half-planes beyond the next."""
        turn = np.roll(self.normals, 1, axis=0) * self.normals[:, ::-1]
        parallel = np.abs(turn[:, 0] - turn[:, 1]) < _PARALLEL
        return np.asarray(self.backwards() & (parallel | np.roll(parallel, -1)))

    def backwards(self) -> NDArray[np.bool_]:
        """Say which edges run backwards."""
        edge = np.roll(self.vertices, -1, axis=0) - self.vertices
        forward = self.normals[:, 0] * edge[:, 1] - self.normals[:, 1] * edge[:, 0]
        return np.asarray(forward < -_BACKWARDS)

    def closed(self) -> bool:
        """Whether there are faces on all sides and every vertex is finite: opposite faces have no corner."""
        low, high = self.normals.min(axis=0, initial=0.0), self.normals.max(axis=0, initial=0.0)
        return bool((low < 0.0).all() and (high > 0.0).all() and np.isfinite(self.vertices).all())

    def farthest(self, directions: Floats) -> NDArray[np.intp]:
        """Return the number of the vertex farthest in each direction."""
        found: NDArray[np.intp] = np.searchsorted(self.angles, angles(directions)) % len(self.angles)
        return found

    def support(self, directions: Floats) -> Floats:
        """Return how far the polygon reaches in each direction."""
        return np.asarray((directions * self.vertices[self.farthest(directions)]).sum(axis=1))


def angles(vectors: Floats) -> Floats:
    """Return angles that increase from -pi, the angle of (-1, 0)."""
    found = np.arctan2(vectors[:, 1], vectors[:, 0])
    return np.where((vectors[:, 1] == 0.0) & (vectors[:, 0] < 0.0), -np.pi, found)


def unit(vectors: Floats) -> Floats:
    """Return vectors of length 1; those of length 0 stay."""
    length = np.hypot(vectors[:, 0], vectors[:, 1])[:, None]
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0.0)


def sides(points: Floats) -> Floats:
    """Return the edges of a polygon, counter-clockwise, turned to the outside."""
    edge = np.roll(points, -1, axis=0) - points
    return np.stack([edge[:, 1], -edge[:, 0]], axis=1)


def normals_around(points: Floats, known: Floats) -> Floats:
    """Return the axes, the `known` normals, and the other normals of a polygon's edges."""
    edge = sides(points)
    length = np.hypot(edge[:, 0], edge[:, 1])
    own = unit(edge[length > 0.0])
    known = np.concatenate([AXES, known])
    known = known[np.argsort(angles(known), kind="stable")]
    place = np.searchsorted(angles(known), angles(own))
    near = [np.abs(known[k % len(known)] - own).max(axis=1) for k in (place, place - 1)]
    fresh = np.minimum(*near) > _ALIKE * (1.0 + 1.0 / length[length > 0.0])
    rest = np.concatenate([known, own[fresh]])
    rest = rest[(np.abs(rest) > _STEEPEST).all(axis=1)]
    rest = rest[np.argsort(angles(rest), kind="stable")]
    if len(rest):
        rest = rest[np.append(True, np.abs(np.diff(rest, axis=0)).max(axis=1) > _ALIKE)]
    every = np.concatenate([AXES, rest])
    return np.asarray(every[np.argsort(angles(every), kind="stable")])


def farthest(points: Floats, directions: Floats) -> NDArray[np.intp]:
    """Return which vertex of a polygon, counter-clockwise, is the farthest in each direction."""
    angle = angles(sides(points))
    first = int(angle.argmin())
    place = np.searchsorted(np.roll(angle, -first), angles(directions)) + first
    around = np.stack([(place + k) % len(points) for k in (-1, 0, 1)])
    height = (directions * points[around]).sum(axis=2)
    found: NDArray[np.intp] = np.take_along_axis(around, height.argmax(axis=0)[None], axis=0)[0]
    return found


def reach(points: Floats, directions: Floats) -> Floats:
    """Return how far a polygon reaches in each direction."""
    return np.asarray((directions * points[farthest(points, directions)]).sum(axis=1))


def outward(points: Floats) -> Floats:
    """Return, for each vertex of a polygon, a direction in which it is the farthest."""
    normal = unit(sides(points))
    return np.asarray(normal + np.roll(normal, 1, axis=0))


def apart_by(outer: Halfplanes, inner: Floats) -> float:
    """Bound the distance by which a polygon reaches beyond another one inside it.

    In a direction between two neighbouring normals, of either polygon, the distance is a weighted sum of those at the
    two.
    """
    normals = normals_around(inner, outer.normals)
    gap = outer.support(normals) - reach(inner, normals)
    half = (
        1.0 + (normals * np.roll(normals, -1, axis=0)).sum(axis=1)
    ) / 2.0  # the squared cosine of half the angle
    return float((np.maximum(gap, np.roll(gap, -1)) / np.sqrt(np.maximum(half, 0.5))).max())


def pruned(normals: Floats, levels: Floats, tol: float) -> NDArray[np.intp]:
    """Return which half-planes to keep: without any of the others the polygon grows there by at most `tol`."""
    count = len(normals)
    after, before = [*range(1, count), 0], [count - 1, *range(count - 1)]
    vectors, level = normals.tolist(), levels.tolist()
    kept, k, unchanged = [True] * count, 0, 0
    while unchanged < count and count > 3:
        a, b = before[k], after[k]
        if _redundant(vectors[a], vectors[k], vectors[b], level[a], level[k], level[b], tol):
            kept[k], after[a], before[b] = False, b, a
            k, count, unchanged = a, count - 1, -1
        else:
            k, unchanged = b, unchanged + 1
    return np.flatnonzero(kept)


def _redundant(
    before: list[float],
    at: list[float],
    after: list[float],
    low: float,
    level: float,
    high: float,
    tol: float,
) -> bool:
    """Whether the corner of two half-planes reaches past one between them by no more than `tol`."""
    (ax, ay), (x, y), (bx, by) = before, at, after
    turn, dot = ax * by - ay * bx, ax * bx + ay * by
    if turn <= 0.0:
        return False
    share = (x * by - y * bx) / turn
    if dot > -0.99:
        # The sum of both shares is accurate even if the half-planes are almost parallel.
        total = (x * (ax + bx) + y * (ay + by)) / (1.0 + dot)
        share = min(max(share, 0.0), total)
        return share * low + (total - share) * high - level <= tol
    return share * low + (ax * y - ay * x) / turn * high - level <= tol


def extended(normals: Floats, discounts: Floats) -> Floats:
    """Return the normals, the next normal of every orbit, and orbits that end here extended to twice their length."""
    inner = normals[(np.abs(normals) > _STEEPEST).all(axis=1)]
    if not len(inner) or not discounts.all():
        return normals
    source = following(inner, inner * discounts, 1e-13)
    length = _orbits(source.tolist())
    ends = np.setdiff1d(np.arange(len(inner)), source)
    out = [normals, unit(inner / discounts)]
    for k in ends.tolist():
        powers = np.arange(2, length[k] + 1)[:, None]
        logs = np.log(np.abs(inner[k])) - powers * np.log(discounts)
        if len(powers):
            out.append(unit(np.sign(inner[k]) * np.exp(logs - logs.max(axis=1, keepdims=True))))
    return np.concatenate(out)


def following(normals: Floats, vectors: Floats, tol: float) -> NDArray[np.intp]:
    """Return, for each vector, the number of the normal with its direction up to `tol`; -1 if there is none."""
    wanted = unit(vectors)
    place = np.searchsorted(angles(normals), angles(wanted))
    found = np.full(len(wanted), -1)
    for k in ((place - 1) % len(normals), place % len(normals)):
        found = np.where(np.abs(normals[k] - wanted).max(axis=1) <= tol, k, found)
    return found


def _orbits(source: list[int]) -> list[int]:
    """Return the number of normals on the path back from each normal along `source`, including itself."""
    length = [0] * len(source)
    for start in range(len(source)):
        path: list[int] = []
        k = start
        while k >= 0 and not length[k] and k not in path[-1:]:
            path.append(k)
            k = source[k]
        steps = length[k] if k >= 0 else 0
        for passed in reversed(path):
            steps += 1
            length[passed] = steps
    return length
