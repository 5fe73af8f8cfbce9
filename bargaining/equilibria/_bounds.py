"""Affine bounds of how far a profile can pass a face: the dual bases of a linear program in the plane."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import hypot, inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining.equilibria._operator import SLACK, Block, binding
from bargaining.equilibria._polygon import Chain, Chains, Point, Polygon, lowest

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

    def met(self, chain: Chain, at: float) -> list[int]:
        """Return the faces of a chain next to an argument: one, or two around a vertex."""
        arguments, _, vertices = chain
        if len(vertices) == 1:
            return [0, 1, 2, 3]
        k = min(max(bisect_right(arguments, at), 1), len(vertices) - 1)
        pieces = [k - 1]
        if k < len(vertices) - 1 and arguments[k] - at <= 1e-12:
            pieces.append(k)
        if k > 1 and at - arguments[k - 1] <= 1e-12:
            pieces.append(k - 2)
        forward = (vertices[1] - vertices[0]) % len(self.after) == 1 if len(self.after) > 2 else None
        if forward is None:
            return [self.after[0], self.after[1]]
        return [self.after[vertices[piece] if forward else vertices[piece + 1]] for piece in pieces]


def faces_of(candidate: Polygon, outer: Polygon, bound: Point) -> Faces:
    normals: list[Point] = [(-1.0, 0.0), (0.0, -1.0), (1.0, 0.0), (0.0, 1.0)]
    after = []
    for polygon in (candidate, outer):
        for k, (x, y) in enumerate(polygon):
            px, py = polygon[k + 1 - len(polygon)]
            length = hypot(px - x, py - y)
            if polygon is candidate:
                after.append(len(normals) if length > 0.0 else 0)
            if length > 0.0:
                normals.append(((py - y) / length, (x - px) / length))
    offsets = [max([a * x + b * y for x, y in candidate]) for a, b in normals]
    moves = [True] * len(normals)
    for i in (0, 1):
        if bound[i] >= -offsets[i] - 1e-15:
            moves[i], offsets[i] = False, -bound[i]
    upper = [k for k, (a, b) in enumerate(normals) if a >= 0.0 and b >= 0.0]
    return Faces(normals, offsets, moves, upper, after, bool(outer))


def reachable(block: Block, faces: Faces, outer: Polygon, bound: Point) -> NDArray[np.bool_]:
    """Return which profiles can pass which faces with some continuation in `outer`, shape (faces, profiles)."""
    normals, offsets = np.array(faces.normals), np.array(faces.offsets)[:, None]
    points, delta, low = np.array(outer).T, block.discounts.item(0), lowest(outer)
    b = block.thresholds((max(bound[0], low[0]), max(bound[1], low[1])))
    w, feasible = binding(Chains(outer), b)
    level = (
        np.where(feasible.ravel(), normals @ w.reshape(2, -1), -inf).reshape(len(normals), 4, -1).max(axis=1)
    )
    height = normals @ points
    best = height.argmax(axis=1)
    free = (points[:, best, None] >= b[:, None, :] - SLACK).all(axis=0)
    level = np.where(free, height[np.arange(len(best)), best, None], level)
    reach: NDArray[np.bool_] = (1.0 - delta) * (normals @ block.payoffs) + delta * level > offsets + 1e-14
    return reach


class Bound(NamedTuple):
    """An upper bound `level + e * slope` of how far a profile goes; the slope is a weighted sum of three speeds."""

    level: float
    face: int
    weight: float
    threats: Point

    def slope(self, speed: list[float]) -> float:
        return self.weight * speed[self.face] + self.threats[0] * speed[0] + self.threats[1] * speed[1]


class Pair(NamedTuple):
    """A profile and a face it might pass: its bounds, and the faces that rule it out, with their ease in e."""

    face: int
    bounds: list[Bound]
    blocks: list[Bound]


def pair_of(block: Block, faces: Faces, chains: Chains, j: int, k: int, *, every: bool = False) -> Pair:
    """Collect the dual bases: one constraint and one face, or both constraints; `k` is the profile.

    With one constraint binding the face that matters is the one that its line meets; `every` other one is used
    where the profile has nothing to continue with at e = 0, or where that face proves nothing. A multiplier below
    zero by rounding counts for what it may add in the unit box, and so does the rounding of a large one.
    """
    delta, n = block.discounts.item(0), faces.normals[j]
    x, moves_x = _threshold(block, faces, 0, k)
    y, moves_y = _threshold(block, faces, 1, k)
    base = n[0] * block.now.item(0, k) + n[1] * block.now.item(1, k)
    bounds = []
    if n[0] <= 1e-12 and n[1] <= 1e-12:
        low, off = [min(a, 0.0) for a in n], sum(max(a, 0.0) for a in n)
        level = base + delta * (low[0] * x + low[1] * y + off)
        bounds.append(Bound(level, 0, 0.0, (-delta * low[0] * moves_x, -delta * low[1] * moves_y)))
    blocks = []
    for at in faces.upper:
        (p, q), offset = faces.normals[at], faces.offsets[at]
        if p * x + q * y - offset > 1e-12:
            blocks.append(Bound(p * x + q * y - offset, at, 1.0, (p * moves_x, q * moves_y)))
    every = every or bool(blocks) or faces.many
    for i, (b, moves) in enumerate(((x, moves_x), (y, moves_y))):
        chain = ((chains.bottom, chains.top), (chains.left, chains.right))[i][n[1 - i] > 0.0]
        for face in range(len(faces.normals)) if every else faces.met(chain, b):
            bound = _mixed(faces, face, n, i, b, moves, base, delta)
            if bound is not None:
                bounds.append(bound)
    return Pair(j, bounds, blocks)


def _mixed(
    faces: Faces, face: int, n: Point, i: int, b: float, moves: float, base: float, delta: float
) -> Bound | None:
    """Return the bound of one face and the constraint of player i, None if a multiplier is negative."""
    a, o = faces.normals[face][i], faces.normals[face][1 - i]
    if not (n[1 - i] * o > 0.0 or (n[1 - i] == 0.0 and o != 0.0)):
        return None
    by_face = n[1 - i] / o
    by_cut = by_face * a - n[i]
    if by_cut < -1e-12:
        return None
    offset, off, by_cut = faces.offsets[face], max(-by_cut, 0.0), max(by_cut, 0.0)
    off += _EPSILON * (by_face * abs(offset) + by_cut * abs(b))
    speed = delta * by_cut * moves
    threats = (speed, 0.0) if i == 0 else (0.0, speed)
    return Bound(base + delta * (by_face * offset - by_cut * b + off), face, delta * by_face, threats)


def _threshold(block: Block, faces: Faces, i: int, k: int) -> tuple[float, float]:
    """Return the lowest continuation of player i in profile k at e = 0, and whether it moves with the threat."""
    b = block.gain.item(i, k) - faces.offsets[i]
    if block.floor is not None and block.floor.item(i, k) >= b:
        return block.floor.item(i, k), 0.0
    return b, float(faces.moves[i])
