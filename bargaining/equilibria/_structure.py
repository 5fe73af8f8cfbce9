"""The fixed point of a structure, by Newton.

A *structure* says for every vertex which profile generates it and which constraint binds there. Given the
structure a coordinate at which a constraint binds is known from the threat, and the other one lies on an
edge of the polygon itself: a small system, bilinear in the vertices, whose cost does not depend on the
discount factors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._operator import BOTTOM, LEAVE, LEFT, RIGHT, STATIC, TOP, VERTEX, Block, Tag
from bargaining.equilibria._polygon import Chains, Point, Polygon, lowest, piece

_FREE = {TOP: (1,), BOTTOM: (1,), RIGHT: (0,), LEFT: (0,), VERTEX: (0, 1)}

Affine = tuple[float, int, float]
"""A coordinate `constant + slope * unknowns[k]`, as (constant, k, slope); k is -1 if it is constant."""


class _Row(NamedTuple):
    """One equation: the free coordinate i of a continuation between vertices p and q at the other's threshold."""

    i: int
    p: int
    q: int
    threshold: Affine
    now: float
    delta: float


def newton(
    block: Block, polygon: Polygon, tags: list[Tag], bound: Point, *, steps: int = 6
) -> Polygon | None:
    """Return the vertices after Newton steps from `polygon` for the fixed point of its structure.

    Parameters
    ----------
    block : Block
        The block of every profile of the game.
    polygon : Polygon
        Vertices, the k-th of them generated as `tags[k]` says.
    bound : Point
        A lower bound of the threat; it is the threat wherever no vertex lies below it.
    steps : int
        The most steps to take; they end when one moves nothing.

    Returns
    -------
    Polygon or None
        The vertices, perhaps no longer convex; None if the system is singular or diverges.
    """
    system = _System(block, polygon, tags, bound)
    unknowns = system.start
    if not unknowns:
        return system.vertices(unknowns)
    for _ in range(steps):
        jacobian, residual = system.linearise(unknowns)
        try:
            step = np.linalg.solve(jacobian, residual).tolist()
        except np.linalg.LinAlgError:
            return None
        unknowns = [u - s for u, s in zip(unknowns, step, strict=True)]
        size = max(map(abs, step))
        if size < 1e-9:
            break
        if not size < 1e3:
            return None
    return system.vertices(unknowns)


class _System:
    """The equations: unknown free coordinates, and every coordinate of a vertex as affine in one of them."""

    def __init__(self, block: Block, polygon: Polygon, tags: list[Tag], bound: Point) -> None:
        self.block, self.polygon, self.tags = block, polygon, tags
        free = [(k, i) for k, tag in enumerate(tags) for i in _FREE.get(tag[0], ())]
        self.position = {where: n for n, where in enumerate(free)}
        self.start = [polygon[k][i] for k, i in free]
        self.threat = [self._threat(bound, i) for i in (0, 1)]
        self.table = [(self._coordinate(k, 0), self._coordinate(k, 1)) for k in range(len(tags))]
        chains = Chains(polygon)
        self.rows = [self._row(chains, k, i) for k, i in free]

    def _threat(self, bound: Point, i: int) -> Affine:
        low = lowest(self.polygon)[i]
        if bound[i] >= low - 1e-15:
            return bound[i], -1, 0.0
        k = min(range(len(self.polygon)), key=lambda k: self.polygon[k][i])
        if (k, i) in self.position:
            return 0.0, self.position[k, i], 1.0
        kind, profile, _ = self.tags[k]
        floor = self.block.floor
        if kind in (STATIC, LEAVE) or (
            floor is not None and floor.item(i, profile) > low + self.block.gain.item(i, profile)
        ):
            return low, -1, 0.0
        # The constraint binds at the player's own worst point: she gets her best deviation payoff there.
        return self.block.best.item(i, profile), -1, 0.0

    def _threshold(self, profile: int, i: int) -> Affine:
        constant, unknown, slope = self.threat[i]
        constant += self.block.gain.item(i, profile)
        if self.block.floor is not None:
            floor = self.block.floor.item(i, profile)
            if floor > (constant if unknown < 0 else constant + slope * self.start[unknown]):
                return floor, -1, 0.0
        return constant, unknown, slope

    def _coordinate(self, k: int, i: int) -> Affine:
        unknown = self.position.get((k, i))
        if unknown is not None:
            return 0.0, unknown, 1.0
        kind, profile, _ = self.tags[k]
        if kind in (STATIC, LEAVE):
            return self.polygon[k][i], -1, 0.0
        delta = self.block.discounts.item(i)
        constant, unknown, slope = self._threshold(profile, i)
        return self.block.now.item(i, profile) + delta * constant, unknown, delta * slope

    def _row(self, chains: Chains, k: int, i: int) -> _Row:
        kind, profile, source = self.tags[k]
        now, delta = self.block.now.item(i, profile), self.block.discounts.item(i)
        if kind == VERTEX:
            return _Row(i, source, source, (0.0, -1, 0.0), now, delta)
        threshold = self._threshold(profile, 1 - i)
        constant, unknown, slope = threshold
        at = constant if unknown < 0 else constant + slope * self.start[unknown]
        chain = (chains.top, chains.bottom, chains.right, chains.left)[kind]
        return _Row(i, *piece(chain, at), threshold, now, delta)

    def vertices(self, unknowns: list[float]) -> Polygon:
        """Return the polygon at these values of the unknowns."""
        padded = [*unknowns, 0.0]
        return [(a + s * padded[k], b + t * padded[n]) for (a, k, s), (b, n, t) in self.table]

    def linearise(self, unknowns: list[float]) -> tuple[Floats, Floats]:
        """Return the Jacobian and the residual of the equations; a last column takes what is constant."""
        points, padded, size = self.vertices(unknowns), [*unknowns, 0.0], len(unknowns)
        matrix = [[0.0] * (size + 1) for _ in unknowns]
        residual = []
        for n, (i, p, q, (constant, unknown, slope), now, delta) in enumerate(self.rows):
            o = 1 - i
            width = points[q][o] - points[p][o]
            at = constant + slope * padded[unknown]
            share = steep = 0.0
            if abs(width) >= 1e-15:
                share, steep = (at - points[p][o]) / width, (points[q][i] - points[p][i]) / width
            residual.append(unknowns[n] - now - delta * (points[p][i] + steep * (at - points[p][o])))
            row = matrix[n]
            row[n] += 1.0
            row[unknown] -= delta * steep * slope
            for vertex, weight in ((p, delta * (1.0 - share)), (q, delta * share)):
                _, k, s = self.table[vertex][i]
                row[k] -= weight * s
                _, k, s = self.table[vertex][o]
                row[k] += weight * steep * s
        return np.array(matrix)[:, :size], np.array(residual)
