"""The equations of a structure, and their solution by Newton.

A *structure* says for every vertex which profile generates it and which constraint binds there. Given the
structure a coordinate at which a constraint binds is known from the threat, and the other one lies on an
edge of the polygon itself: a small system, bilinear in the vertices, whose cost does not depend on the
discount factors. Steps are solved for in plain floats if they are few, as a call of LAPACK costs more than the work.
"""

from __future__ import annotations

from math import inf, sqrt

import numpy as np

from bargaining.equilibria import _compiled
from bargaining.equilibria._plane.kinds import (
    BOTTOM,
    CORNER,
    LEAVE,
    LEFT,
    RIGHT,
    SLACK,
    STATIC,
    TOP,
    VERTEX,
    Tag,
)
from bargaining.equilibria._plane.polygon import Chains, Point, Polygon, beyond, corners, lowest, piece
from bargaining.equilibria.repeated._search.operator import Block

_FREE = {TOP: (1,), BOTTOM: (1,), RIGHT: (0,), LEFT: (0,), VERTEX: (0, 1)}

Affine = tuple[float, int, float]
"""A coordinate `constant + slope * unknowns[k]`, as (constant, k, slope); k is -1 if it is constant."""

_Row = tuple[int, int, int, Affine, float, float]
"""One equation: the free coordinate i of a continuation between vertices p and q at the other's threshold.

As (i, p, q, threshold, now, discount).
"""


def generates(block: Block, polygon: Polygon, tags: list[Tag], bound: Point) -> bool:
    """Whether each vertex comes from its profile with a continuation in the polygon that meets the constraints."""
    low = lowest(polygon)
    x, y = max(bound[0], low[0]), max(bound[1], low[1])
    now, gain, floor = block.now.item, block.gain.item, block.floor
    first, second = block.discounts.item(0), block.discounts.item(1)
    sides = []
    if len(polygon) > 2:
        for (p, q), (r, s) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
            length = sqrt(
                (r - p) * (r - p) + (s - q) * (s - q)
            )  # no hypot: the compiled twin gives the same bits
            a, b = (q - s) / length, (r - p) / length
            sides.append((a, b, a * p + b * q - 2 * SLACK))
    for (v0, v1), (kind, k, _) in zip(polygon, tags, strict=True):
        if kind == LEAVE:
            continue
        w = u, v = (v0 - now(0, k)) / first, (v1 - now(1, k)) / second
        least, other = x + gain(0, k), y + gain(1, k)
        if floor is not None:
            least, other = max(least, floor.item(0, k)), max(other, floor.item(1, k))
        if u < least - 2 * SLACK or v < other - 2 * SLACK:
            return False
        if not sides:
            if beyond([w], polygon) > 2 * SLACK:
                return False
        elif kind != STATIC:
            for a, b, c in sides:
                if a * u + b * v < c:
                    return False
    return True


class System:
    """The equations: unknown free coordinates, and every coordinate of a vertex as affine in one of them."""

    def __init__(self, block: Block, polygon: Polygon, tags: list[Tag], bound: Point) -> None:
        self.block, self.polygon, self.tags = block, polygon, tags
        self.deltas = block.discounts.item(0), block.discounts.item(1)
        self.free = [(k, i) for k, tag in enumerate(tags) for i in _FREE.get(tag[0], ())]
        self.start = [polygon[k][i] for k, i in self.free]
        low = lowest(polygon)
        self.threat = self._threat(bound, low, 0), self._threat(bound, low, 1)
        self.rows: list[_Row] = []
        chains = Chains(polygon)
        self.table = [
            self._coordinates(chains, tag, vertex) for tag, vertex in zip(tags, polygon, strict=True)
        ]

    def _floor(self, i: int, profile: int) -> float:
        return -inf if self.block.floor is None else self.block.floor.item(i, profile)

    def _threat(self, bound: Point, lows: Point, i: int) -> Affine:
        low = lows[i]
        if bound[i] >= low - 1e-15:
            return bound[i], -1, 0.0
        k = min(
            range(len(self.polygon)),
            key=lambda k: (self.polygon[k][i], self.tags[k][0] not in (STATIC, LEAVE)),
        )
        if (k, i) in self.free:
            return 0.0, self.free.index((k, i)), 1.0
        kind, profile, _ = self.tags[k]
        if kind in (STATIC, LEAVE):
            return low, -1, 0.0
        floor = self._floor(i, profile)
        if floor > low + self.block.gain.item(i, profile):
            # Staying is worth as much as leaving there.
            return self.block.now.item(i, profile) + self.deltas[i] * floor, -1, 0.0
        # The constraint binds at the player's own worst point: she gets her best deviation payoff there.
        return self.block.best.item(i, profile), -1, 0.0

    def _threshold(self, profile: int, i: int) -> Affine:
        constant, unknown, slope = self.threat[i]
        constant = constant + self.block.gain.item(i, profile)
        floor = self._floor(i, profile)
        if floor > (constant if unknown < 0 else constant + slope * self.start[unknown]):
            return floor, -1, 0.0
        return constant, unknown, slope

    def _coordinates(self, chains: Chains, tag: Tag, vertex: Point) -> tuple[Affine, Affine]:
        """Return the coordinates of a vertex, with a row for each that is unknown."""
        kind, profile, source = tag
        if kind in (STATIC, LEAVE):
            return (vertex[0], -1, 0.0), (vertex[1], -1, 0.0)
        if kind == CORNER:
            x, y = self._threshold(profile, 0), self._threshold(profile, 1)
            return self._continued(profile, 0, x), self._continued(profile, 1, y)
        if kind == VERTEX:
            nowhere = 0.0, -1, 0.0
            return self._row(profile, 0, source, source, nowhere), self._row(
                profile, 1, source, source, nowhere
            )
        i = _FREE[kind][0]
        threshold = constant, unknown, slope = self._threshold(profile, 1 - i)
        at = constant if unknown < 0 else constant + slope * self.start[unknown]
        p, q = piece((chains.top, chains.bottom, chains.right, chains.left)[kind], at)
        free, bound = self._row(profile, i, p, q, threshold), self._continued(profile, 1 - i, threshold)
        return (bound, free) if i else (free, bound)

    def _continued(self, profile: int, i: int, threshold: Affine) -> Affine:
        """Return the payoff of a player whose continuation is at her threshold."""
        (constant, unknown, slope), delta = threshold, self.deltas[i]
        return self.block.now.item(i, profile) + delta * constant, unknown, delta * slope

    def _row(self, profile: int, i: int, p: int, q: int, threshold: Affine) -> Affine:
        """Add the equation of the next unknown."""
        self.rows.append((i, p, q, threshold, self.block.now.item(i, profile), self.deltas[i]))
        return 0.0, len(self.rows) - 1, 1.0

    def vertices(self, unknowns: list[float]) -> Polygon:
        """Return the polygon at these values of the unknowns."""
        padded = [*unknowns, 0.0]
        return [(a + s * padded[k], b + t * padded[n]) for (a, k, s), (b, n, t) in self.table]

    def linearise(self, unknowns: list[float]) -> tuple[list[list[float]], list[float]]:
        """Return the Jacobian and the residual of the equations."""
        points, padded, size = self.vertices(unknowns), [*unknowns, 0.0], len(unknowns)
        # A last column takes what is constant.
        matrix: list[list[float]] = [[0.0] * (size + 1) for _ in unknowns]
        residual = []
        for n, (i, p, q, (constant, unknown, slope), now, delta) in enumerate(self.rows):
            o, at_p, at_q, row = 1 - i, points[p], points[q], matrix[n]
            width = at_q[o] - at_p[o]
            ahead = constant + slope * padded[unknown] - at_p[o]
            share = steep = 0.0
            if abs(width) >= 1e-15:
                share, steep = ahead / width, (at_q[i] - at_p[i]) / width
            residual.append(unknowns[n] - now - delta * (at_p[i] + steep * ahead))
            row[n] += 1
            row[unknown] -= delta * steep * slope
            for ends, weight in ((self.table[p], delta * (1 - share)), (self.table[q], delta * share)):
                _, k, s = ends[i]
                row[k] -= weight * s
                _, k, s = ends[o]
                row[k] += weight * steep * s
            row.pop()
        return matrix, residual


_FEW = 9  # up to so many unknowns elimination in plain floats is the faster way
_SMALL = 1e-3  # below such a pivot rows had better be exchanged
_SINGULAR = 1e-12  # and below this one rounding is most of what is left


def solved(matrix: list[list[float]], right: list[float]) -> list[float] | None:
    """Return the solution of square equations, None if they are singular."""
    solution = _eliminated(matrix, right) if len(right) <= _FEW else None
    if solution is None:
        try:
            solution = np.linalg.solve(np.array(matrix), np.array(right)).tolist()
        except np.linalg.LinAlgError:
            return None
    return solution


def _eliminated(matrix: list[list[float]], right: list[float]) -> list[float] | None:
    """Eliminate, exchanging a row with a small pivot for a better one below; None if there is none to speak of."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for c in range(size):
        if not abs(rows[c][c]) > _SMALL:
            best = max(range(c, size), key=lambda r: abs(rows[r][c]))
            rows[c], rows[best] = rows[best], rows[c]
        leading = rows[c]
        pivot = leading[c]
        if not abs(pivot) > _SINGULAR:
            return None
        filled = [k for k in range(c + 1, size + 1) if leading[k]]
        for row in rows[c + 1 :]:
            if row[c]:
                factor = row[c] / pivot
                for k in filled:
                    row[k] -= factor * leading[k]
    solution = right[:]
    for c in range(size - 1, -1, -1):
        row = rows[c]
        value = row[size]
        for k in range(c + 1, size):
            if row[k]:
                value -= row[k] * solution[k]
        solution[c] = value / row[c]
    return solution


_ROUNDING = 2e-16  # of the unit box: a residual that small is none


def newton(
    block: Block, polygon: Polygon, tags: list[Tag], bound: Point, *, steps: int = 6
) -> tuple[Polygon, list[Tag]] | None:
    """Return the fixed point of a structure, by Newton steps from `polygon`.

    A vertex that falls inside the hull of the others tells that the structure is another one: it is dropped,
    and the structure that is left is solved in turn.

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
    tuple of Polygon and list of Tag, or None
        The vertices, and how each is generated; None if a system is singular or diverges.
    """
    if _compiled.kernel is not None:
        found = _compiled.kernel.newton(block, polygon, tags, bound, steps)
        if found is not None:
            return found or None
    while True:
        count = len(polygon)
        solved = _descended(System(block, polygon, tags, bound), steps)
        if solved is None:
            return None
        vertices, order = solved
        polygon, tags = [vertices[k] for k in order], [tags[k] for k in order]
        if len(order) == count:
            return polygon, tags


def _descended(system: System, steps: int) -> tuple[Polygon, list[int]] | None:
    """Take Newton steps, and say which vertices are corners; one step if another falls inside: then more are wasted."""
    unknowns = system.start
    for n in range(steps if unknowns else 0):
        matrix, residual = system.linearise(unknowns)
        if n and max(map(abs, residual)) <= _ROUNDING:
            break
        step = solved(matrix, residual)
        if step is None:
            return None
        unknowns = [u - s for u, s in zip(unknowns, step, strict=True)]
        size = max(map(abs, step))
        if not size < 1e3:
            return None
        if size < 1e-8:
            break
        if n == 0:
            vertices = system.vertices(unknowns)
            order = corners(vertices)
            if len(order) < len(vertices):
                return vertices, order
    vertices = system.vertices(unknowns)
    return vertices, corners(vertices)
