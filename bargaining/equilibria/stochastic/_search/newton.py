"""The vertices that a structure generates, by Newton: a small bilinear system, whatever the discount factors."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, chain, compress, pairwise
from math import inf
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import BOTTOM, CORNER, LEAVE, LEFT, RIGHT, TOP, VERTEX
from bargaining.equilibria._plane.minkowski import Boundary, Fan
from bargaining.equilibria._plane.model import Model
from bargaining.equilibria._plane.polygon import Point, Polygon, piece
from bargaining.equilibria.stochastic._search.directions import later, outward
from bargaining.equilibria.stochastic._search.structure import LARGEST, Structure, convex, pairs

_STEPS = 8
_ROUNDING = 2e-16
_SHORT = 1e-9
_HOLDS = {
    TOP: (True, False),
    BOTTOM: (True, False),
    RIGHT: (False, True),
    LEFT: (False, True),
    CORNER: (True, True),
    VERTEX: (False, False),
}
"""At which kinds each player's constraint binds."""
_WALKS = (TOP, BOTTOM, RIGHT, LEFT)


def newton(model: Model, structure: Structure) -> list[Polygon] | None:
    """Return the hulls of the vertices that solve the equations of a structure, by Newton from its own vertices.

    If players would not go along with a vertex that no constraint holds, the others are solved without it.
    None if the system is singular, too large or diverges, or nothing is left in a state.
    """
    while 0 < sum(map(len, structure.polygons)) <= LARGEST:
        system = _System(model, structure)
        vertices = system.solve()
        if vertices is None:
            return None
        stands, bounds = system.stands(vertices), [*pairwise(system.first)]
        every = [[*compress(vertices[low:high], stands[low:high])] for low, high in bounds]
        hulls = [convex(points) for points in every]
        if all(stands):
            return [polygon for polygon, _ in hulls]
        if any(high > low and not points for (low, high), points in zip(bounds, every, strict=True)):
            return None
        structure = Structure(
            [polygon for polygon, _ in hulls],
            [
                [[*compress(tags, stands[low:high])][k] for k in chosen]
                for (low, high), tags, (_, chosen) in zip(bounds, structure.tags, hulls, strict=True)
            ],
            [outward(model, polygon) for polygon, _ in hulls],
        )
    return None


class _Edge(NamedTuple):
    """A vertex whose continuation lies between two vertices of one state, where player i's constraint binds."""

    vertex: int
    row: int
    i: int
    start: int
    end: int
    source: Sequence[int]  # a vertex of each state


class _System:
    """The equations of K vertices; the unknowns are their 2K coordinates, vertex by vertex.

    They are `matrix z = constant`, but for continuations on edges.
    """

    def __init__(self, model: Model, structure: Structure) -> None:
        polygons, self.rows, self.tags = structure.polygons, model.rows, [*chain(*structure.tags)]
        self.first = [0, *accumulate(map(len, polygons))]
        self.start = np.array([*chain(*polygons)]).reshape(-1)
        self.lowest, self.threat = _lowest(polygons, self.first)
        self.matrix, self.constant = np.eye(self.start.size), self.start.copy()
        self.edges: list[_Edge] = []
        self.fan = Fan(polygons)
        self._walks, self._boundaries = self.fan.walks(), dict[int, Boundary]()
        for k, ((kind, row, _), angle) in enumerate(zip(self.tags, chain(*structure.angles), strict=True)):
            if kind != LEAVE:
                self._add(k, kind, row, later(model, angle))

    def _add(self, k: int, kind: int, row: int, angle: float) -> None:
        """Add the equations of one vertex."""
        rows, holds, edge = self.rows, _HOLDS[kind], None
        position = bisect_left(self.fan.angle, angle)
        needed = [self._hold(k, row, i) if holds[i] else inf for i in (0, 1)]
        if kind in _WALKS:
            position, edge = self._place(kind, row, needed[kind // 2])
        source = self.fan.at[position]
        for i in (0, 1):
            if not holds[i]:
                self.constant[2 * k + i] = rows.now[row][i]
                for s, share in rows.laws[rows.law[row]]:
                    self.matrix[2 * k + i, 2 * source[s] + i] -= rows.delta[i] * share
        if edge is not None and rows.delta[kind // 2] > 0.0:
            ahead = self.fan.at[min(position + 1, len(self.fan.owner))]
            self.edges.append(_Edge(k, row, kind // 2, source[edge], ahead[edge], source))

    def _hold(self, k: int, row: int, i: int) -> float:
        """Add that player i gets what her best deviation or leaving gives; return the continuation she needs."""
        rows = self.rows
        (reply, worth), own = rows.best(row, i, self.threat), rows.own[rows.state[row]][i]
        if own > worth:
            self.constant[2 * k + i] = own
            return rows.needed(row, i, own)
        self.constant[2 * k + i] = rows.now[reply][i]
        for s, share in rows.laws[rows.law[reply]]:
            self.matrix[2 * k + i, 2 * self.lowest[s][i] + i] -= rows.delta[i] * share
        return rows.needed(row, i, worth)

    def _place(self, walk: int, row: int, argument: float) -> tuple[int, int | None]:
        """Return where a boundary passes over an argument, and the state whose edge it follows there."""
        law = self.rows.law[row]
        if law not in self._boundaries:
            self._boundaries[law] = self.fan.boundary(self.rows.laws[law], self._walks)
        first, last = sorted(piece(self._boundaries[law].chains[walk], argument))
        if last - first > 1 and first == 0:  # the last edge ends where the first one starts
            first, last = last, last + 1
        return first, self.fan.owner[first] if last - first == 1 else None

    def solve(self) -> list[Point] | None:
        """Return the solution that Newton finds from the structure's own vertices, None if it finds none."""
        z = self.start.copy()
        for n in range(_STEPS):
            matrix, residual = self.linearise(z)
            if n and np.abs(residual).max() <= _ROUNDING:
                break
            try:
                step = np.linalg.solve(matrix, residual)
            except np.linalg.LinAlgError:
                return None
            z -= step
            size = float(np.abs(step).max())
            if size < 1e-10:
                break
            if not size < 1e3:
                return None
        return pairs(z)

    def stands(self, vertices: list[Point]) -> list[bool]:
        """Say which vertices stay where the players go along with them; of those held by constraints that is known."""
        rows, out = self.rows, []
        for (kind, row, _), vertex in zip(self.tags, vertices, strict=True):
            stands = True
            if kind == VERTEX:
                own = rows.own[rows.state[row]]
                needed = [max(own[i], rows.best(row, i, self.threat)[1]) for i in (0, 1)]
                stands = vertex[0] >= needed[0] - _SHORT and vertex[1] >= needed[1] - _SHORT
            out.append(stands)
        return out

    def linearise(self, z: Floats) -> tuple[Floats, Floats]:
        """Return the Jacobian and the residual of the equations."""
        matrix, residual, at = self.matrix.copy(), self.matrix @ z - self.constant, z.tolist()
        for k, row, i, p, q, source in self.edges:
            o = 1 - i
            width = at[2 * q + i] - at[2 * p + i]
            if abs(width) < 1e-15:
                continue
            law, d = self.rows.laws[self.rows.law[row]], self.rows.delta
            slope, base = d[o] * (at[2 * q + o] - at[2 * p + o]) / width, 0.0
            line = matrix[2 * k + o]
            for s, share in law:
                base += share * at[2 * source[s] + i]
                line[2 * source[s] + i] += slope * share
            beyond = (at[2 * k + i] - self.rows.now[row][i]) / d[i] - base
            residual[2 * k + o] -= slope * beyond
            line[2 * k + i] -= slope / d[i]
            for vertex, weight in ((q, beyond / width), (p, -beyond / width)):
                line[2 * vertex + o] -= d[o] * weight
                line[2 * vertex + i] += slope * weight
        return matrix, residual


def _lowest(polygons: list[Polygon], first: list[int]) -> tuple[list[tuple[int, int]], list[Point]]:
    """Return the vertices with each player's lowest payoffs in each state, and these payoffs."""
    lowest, threat = [], []
    for polygon, start in zip(polygons, first, strict=False):
        if polygon:
            xs, ys = [x for x, _ in polygon], [y for _, y in polygon]
            x, y = min(xs), min(ys)
            lowest.append((start + xs.index(x), start + ys.index(y)))
            threat.append((x, y))
        else:
            lowest.append((0, 0))
            threat.append((inf, inf))
    return lowest, threat
