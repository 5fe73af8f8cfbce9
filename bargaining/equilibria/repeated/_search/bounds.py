"""Affine bounds of how far a profile can pass a face: the dual bases of a linear program in the plane."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import inf, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining.equilibria._plane.kinds import SLACK
from bargaining.equilibria._plane.polygon import Chain, Chains, Point, Polygon, lowest
from bargaining.equilibria.repeated._search.operator import Block, binding

_EPSILON = 2.0**-52


@dataclass(frozen=True, slots=True)
class Faces:
    """Faces `normal . w <= offset`, the lower face of each player first; `moves` is false if a threat is known."""

    normals: list[Point]
    offsets: list[float]
    moves: list[bool]
    upper: list[int]  # faces that bound the upper right
    after: list[int]  # the face of the edge that starts at each vertex of the candidate
    many: bool  # whether there are faces beside the candidate's own

    def met(self, chain: Chain, at: float, forward: int) -> list[int]:
        """Return the faces of a chain next to an argument: one, or two around a vertex.

        The chain runs counter-clockwise if `forward` is 0, clockwise if it is 1.
        """
        arguments, _, vertices = chain
        last = len(vertices) - 1
        if not last:
            return [0, 1, 2, 3]
        if len(self.after) < 3:
            return self.after
        k = min(max(bisect_right(arguments, at), 1), last)
        out = [self.after[vertices[k - 1 + forward]]]
        if k < last and arguments[k] - at <= 1e-12:
            out.append(self.after[vertices[k + forward]])
        if k > 1 and at - arguments[k - 1] <= 1e-12:
            out.append(self.after[vertices[k - 2 + forward]])
        return out


_AXES: dict[Point, int] = {(-1.0, 0.0): 0, (0.0, -1.0): 1, (1.0, 0.0): 2, (0.0, 1.0): 3}


def faces_of(candidate: Polygon, outer: Polygon, bound: Point) -> Faces:
    xs, ys = [x for x, _ in candidate], [y for _, y in candidate]
    normals = list(_AXES)
    offsets = [-min(xs), -min(ys), max(xs), max(ys)]
    after = []
    for (x, y), (px, py) in zip(candidate, candidate[1:] + candidate[:1], strict=True):
        # No hypot: Python rounds it in a way of its own, and the compiled twin gives the same bits.
        length = sqrt((px - x) * (px - x) + (py - y) * (py - y))
        a, b = ((py - y) / length, (x - px) / length) if length > 0.0 else (-1.0, 0.0)
        # An edge along an axis is a face already, and one that does not move where the threat is known.
        after.append(_AXES.get((a, b), len(normals)))
        if after[-1] == len(normals):
            normals.append((a, b))
            offsets.append(max(a * x + b * y, a * px + b * py))
    for (x, y), (px, py) in zip(outer, outer[1:] + outer[:1], strict=True):
        length = sqrt((px - x) * (px - x) + (py - y) * (py - y))
        if length > 0.0:
            a, b = (py - y) / length, (x - px) / length
            normals.append((a, b))
            offsets.append(max([a * p + b * q for p, q in candidate]))
    moves = [True] * len(normals)
    for i in (0, 1):
        if bound[i] >= -offsets[i] - 1e-15:
            moves[i], offsets[i] = False, -bound[i]
    upper = [k for k, (a, b) in enumerate(normals) if a >= 0.0 and b >= 0.0]
    return Faces(normals, offsets, moves, upper, after, bool(outer))


def reachable(
    block: Block, faces: Faces, outer: Polygon, bound: Point, beyond: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which profiles can pass which faces, of those given, with some continuation in `outer`."""
    face, profile = beyond.nonzero()
    low, delta = lowest(outer), block.discounts.item(0)
    b = block.thresholds((max(bound[0], low[0]), max(bound[1], low[1])))
    w, feasible = binding(Chains(outer), b)
    normals, points = np.array(faces.normals), np.array(outer)
    height, n, g = normals @ points.T, normals.take(face, axis=0).T, block.payoffs.take(profile, axis=1)
    level = np.where(feasible, 0.0, -inf).take(profile, axis=1) + (n[:, None] * w.take(profile, axis=2)).sum(
        axis=0
    )
    farthest = height.argmax(axis=1)
    top = points[farthest].T.take(face, axis=1)
    free = (top >= b.take(profile, axis=1) - SLACK).all(axis=0)
    best = np.where(free, height.max(axis=1).take(face), level.max(axis=0))
    offsets = np.array(faces.offsets).take(face)
    out = (1.0 - delta) * (n * g).sum(axis=0) + delta * best > offsets + 1e-14
    reach = np.zeros(beyond.shape, dtype=bool)
    reach[face[out], profile[out]] = True
    return reach


Bound = tuple[float, int, float, Point]
"""An upper bound `level + e * slope` of how far a profile goes, as (level, face, weight, threats).

The slope is the sum of three speeds: the face's with the weight, and those of the two threats with theirs.
"""


def slope(bound: Bound, speed: list[float]) -> float:
    """Return how fast a bound grows."""
    _, face, weight, (first, second) = bound
    return weight * speed[face] + first * speed[0] + second * speed[1]


class Cut(NamedTuple):
    """A profile at e = 0: its lowest continuations, whether they move with the threats, and what rules it out."""

    at: Point
    moves: Point
    now: Point
    delta: float
    blocks: list[Bound]  # faces that the lowest continuations lie beyond, with their ease in e


class Pair(NamedTuple):
    """A face and the cut of a profile that might pass it: its bounds, and the least of their levels."""

    face: int
    cut: Cut
    bounds: list[Bound]
    least: float


def cut_of(block: Block, faces: Faces, k: int) -> Cut:
    """Return where the constraints of the profile `k` cut the faces."""
    (x, moves_x), (y, moves_y) = _threshold(block, faces, 0, k), _threshold(block, faces, 1, k)
    blocks: list[Bound] = []
    for face in faces.upper:
        (p, q), offset = faces.normals[face], faces.offsets[face]
        lack = p * x + q * y - offset
        if lack > 1e-12:
            blocks.append((lack, face, 1.0, (p * moves_x, q * moves_y)))
    now = block.now.item(0, k), block.now.item(1, k)
    return Cut((x, y), (moves_x, moves_y), now, block.discounts.item(0), blocks)


def pair_of(faces: Faces, chains: Chains, j: int, cut: Cut, *, every: bool = False) -> Pair:
    """Collect the dual bases: one constraint and one face, or both constraints.

    With one constraint binding the face that matters is the one that its line meets; `every` other one is used
    where the profile has nothing to continue with at e = 0, or where that face proves nothing. A multiplier below
    zero by rounding counts for what it may add in the unit box, and so does the rounding of a large one.
    """
    (a, b), ((x, y), moves, now, delta, blocks) = faces.normals[j], cut
    base = a * now[0] + b * now[1]
    bounds: list[Bound] = []
    if a <= 1e-12 and b <= 1e-12:
        p, q, off = min(a, 0.0), min(b, 0.0), max(a, 0.0) + max(b, 0.0)
        level = base + delta * (p * x + q * y + off)
        bounds.append((level, 0, 0.0, (-delta * p * moves[0], -delta * q * moves[1])))
    if every or blocks or faces.many:
        across = along = list(range(len(faces.normals)))
    else:
        across = faces.met(*((chains.top, x, 1) if b > 0.0 else (chains.bottom, x, 0)))
        along = faces.met(*((chains.right, y, 0) if a > 0.0 else (chains.left, y, 1)))
    _mix(bounds, faces, across, (b, a), 0, cut, base)
    _mix(bounds, faces, along, (a, b), 1, cut, base)
    return Pair(j, cut, bounds, min(bounds)[0] if bounds else -inf)


def _mix(
    bounds: list[Bound], faces: Faces, meeting: list[int], direction: Point, i: int, cut: Cut, base: float
) -> None:
    """Add how far continuations go between each face and the constraint of player i, unless a multiplier is negative.

    The direction is given as its free coordinate and the constrained one.
    """
    (free, bound), at, move, delta = direction, cut.at[i], cut.moves[i], cut.delta
    for face in meeting:
        normal, offset = faces.normals[face], faces.offsets[face]
        o = normal[1 - i]
        if not (free * o > 0.0 or (free == 0.0 and o != 0.0)):
            continue
        by_face = free / o
        by_cut = by_face * normal[i] - bound
        if by_cut < 0.0:
            if by_cut < -1e-12:
                continue
            off, by_cut = -by_cut, 0.0
        else:
            off = 0.0
        off += _EPSILON * (by_face * abs(offset) + by_cut * abs(at))
        level = base + delta * (by_face * offset - by_cut * at + off)
        threat = delta * by_cut * move
        bounds.append((level, face, delta * by_face, (0.0, threat) if i else (threat, 0.0)))


def _threshold(block: Block, faces: Faces, i: int, k: int) -> tuple[float, float]:
    """Return the lowest continuation of player i in profile k at e = 0, and whether it moves with the threat."""
    b = block.gain.item(i, k) - faces.offsets[i]
    if block.floor is not None and block.floor.item(i, k) >= b:
        return block.floor.item(i, k), 0.0
    return b, float(faces.moves[i])
