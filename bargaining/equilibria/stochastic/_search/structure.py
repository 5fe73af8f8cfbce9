r"""The fixed point of a structure in all states at once, by Newton's method.

A *structure* says for every vertex of every state which profile generates it and where its continuation lies: if a
constraint binds, on an edge of the continuation set, along which the vertex of one state changes and those of the
others are fixed; otherwise at one vertex of each state, the farthest in the direction of the vertex itself. So the
vertices solve a small bilinear system, and the cost does not depend on the discount factors.

Payoffs farthest in the direction n are followed by continuations farthest in the direction :math:`(\delta_i n_i)`: this
is the same direction if the players are equally patient, and closer to the axis of the patient player otherwise.
Directions are stored as angles turned by 90 degrees to the left.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, chain, compress, pairwise
from math import atan2, cos, inf, pi, sin
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import BOTTOM, CORNER, LEAVE, LEFT, RIGHT, TOP, VERTEX
from bargaining.equilibria._plane.minkowski import Boundary, Fan
from bargaining.equilibria._plane.model import Model
from bargaining.equilibria._plane.operator import Image, Tag
from bargaining.equilibria._plane.polygon import Point, Polygon, hull, outline, piece

_END = 1e-3  # radians from an axis: continuations of closer directions have the direction of the axis
_TURN = 2 * pi


def later(model: Model, angle: float) -> float:
    """Return the direction in which continuations are the farthest if payoffs are the farthest in this direction."""
    if model.common:
        return angle
    across, along = model.rows.delta
    turned = atan2(across * sin(angle), along * cos(angle))
    return turned if turned > -pi / 2 else turned + _TURN


def directions(model: Model, image: Image, source: list[Polygon]) -> list[list[float]]:
    """Return, for each vertex, a direction in which it is the farthest.

    A polygon of one vertex takes the direction of the continuation that generates it, a vertex of the sum over
    `source`.
    """
    out = [outward(model, polygon) for polygon in image.polygons]
    single = [s for s, polygon in enumerate(image.polygons) if len(polygon) == 1]
    if single:
        angle = Fan(source).angle
        for s in single:
            kind, _, position = image.tags[s][0]
            if kind == VERTEX and angle:
                around = angle[max(position - 1, 0) : position + 1]
                out[s][0] = sum(around) / len(around)
    return out


def outward(model: Model, polygon: Polygon) -> list[float]:
    """Return a direction for each vertex: the middle of those in which it is the farthest, or that of `_lean`."""
    if len(polygon) < 2:
        return [0.0] * len(polygon)
    angles = [atan2(q - y, p - x) for (x, y), (p, q) in zip(polygon, [*polygon[1:], polygon[0]], strict=True)]
    out = []
    for before, angle in zip([angles[-1], *angles[:-1]], angles, strict=True):
        width = (angle - before) % _TURN
        chosen = before + width * (0.5 if model.common else _lean(model, before, width))
        out.append((chosen + pi / 2) % _TURN - pi / 2)
    return out


def _lean(model: Model, before: float, width: float) -> float:
    """Return a share of a range of angles: near the end to which directions turn over time.

    The weight of the patient player's payoffs grows over time. From the middle of a wide range the direction would turn
    to the vertex itself, as if the profile were played for ever. That is right only if the range contains an axis of
    the patient player.
    """
    middle = before + width / 2
    turn = (later(model, middle) - middle + pi) % _TURN - pi
    share = 1.0 - _END if turn > 0.0 else _END
    axis = 0.0 if model.rows.delta[0] < model.rows.delta[1] else pi / 2
    for end in (axis, axis + pi):
        ahead = (end - before) % _TURN
        if ahead < width:
            share = ahead / width
    return share


_FEW = 48  # points up to which the hull is computed without NumPy
LARGEST = 600  # with more vertices solving the system does not pay


class Structure(NamedTuple):
    """Polygons, how each vertex is generated, and a direction in which it is the farthest.

    The direction is an angle turned by 90 degrees to the left, so that it can be compared with the angles of edges:
    edges with smaller angles come before the vertex.
    """

    polygons: list[Polygon]
    tags: list[list[Tag]]
    angles: list[list[float]]


def settled(model: Model, image: Image, source: list[Polygon], threat: Floats) -> Structure | None:
    """Return the structure of `image`, the operator's value at `source`, with solved payoffs of unconstrained vertices.

    Vertices at which a constraint binds do not change. Any other vertex is continued with the vertices that are the
    farthest in its own direction; the payoffs solve a linear system. The vertex is dropped if its profile is not
    incentive compatible.
    """
    if not 0 < sum(map(len, image.polygons)) <= LARGEST:
        return None
    rows, fan, angle = model.rows, Fan(image.polygons), [*chain(*directions(model, image, source))]
    tags, lows = [*chain(*image.tags)], pairs(threat)
    moving = [k for k, tag in enumerate(tags) if tag[0] == VERTEX]
    sources = [fan.at[bisect_left(fan.angle, later(model, angle[k]))] for k in moving]
    z = _played_out(model, fan.vertices, moving, [tags[k][1] for k in moving], sources)
    stands = []
    for k, at in zip(moving, sources, strict=True):
        row = tags[k][1]
        x, y = rows.thresholds(row, lows)
        onward = [sum([share * z[at[s]][i] for s, share in rows.laws[row]]) for i in (0, 1)]
        if onward[0] >= x - model.slack and onward[1] >= y - model.slack:
            stands.append(k)
    return _gathered(model, image, fan, z, angle, stands)


def _played_out(
    model: Model, vertices: list[Point], moving: list[int], played: list[int], sources: list[tuple[int, ...]]
) -> list[Point]:
    """Return the vertices, in which the moving ones have the payoffs of their rows followed by their sources."""
    if not moving:
        return vertices
    rows, place = model.rows, {k: n for n, k in enumerate(moving)}
    matrix, known = np.zeros((len(moving), len(moving))), []
    for n, (row, at) in enumerate(zip(played, sources, strict=True)):
        x = y = 0.0
        for s, share in rows.laws[row]:
            if at[s] in place:
                matrix[n, place[at[s]]] += share
            else:
                p, q = vertices[at[s]]
                x, y = x + share * p, y + share * q
        (nx, ny), (dx, dy) = rows.now[row], rows.delta
        known.append((nx + dx * x, ny + dy * y))
    right, each = np.array(known), np.eye(len(moving))
    if model.common:
        solved = np.linalg.solve(each - rows.delta[0] * matrix, right).tolist()
    else:
        solved = [np.linalg.solve(each - rows.delta[i] * matrix, right[:, i]).tolist() for i in (0, 1)]
        solved = list(zip(*solved, strict=True))
    out = list(vertices)
    for k, (x, y) in zip(moving, solved, strict=True):
        out[k] = x, y
    return out


def plain(model: Model, image: Image, source: list[Polygon]) -> Structure:
    """Return the structure of `image`, the operator's value at `source`, without changes."""
    return Structure(image.polygons, image.tags, directions(model, image, source))


def _gathered(
    model: Model, image: Image, fan: Fan, z: list[Point], angle: list[float], stands: list[int]
) -> Structure:
    """Return the hulls of the vertices at which constraints bind and of those that are incentive compatible without."""
    out = Structure([], [], [])
    tags = [*chain(*image.tags)]
    for (low, high), held in zip(pairwise(fan.first), image.held, strict=True):
        free = [k for k in stands if low <= k < high]
        polygon, chosen = convex(held.points + [z[k] for k in free])
        every = held.tags + [tags[k] for k in free]
        angles = outward(model, polygon)
        if len(chosen) == 1 and chosen[0] >= len(held.tags):
            angles[0] = angle[free[chosen[0] - len(held.tags)]]
        out.polygons.append(polygon)
        out.tags.append([every[k] for k in chosen])
        out.angles.append(angles)
    return out


def convex(vertices: list[Point]) -> tuple[Polygon, list[int]]:
    chosen = hull(vertices) if len(vertices) <= _FEW else outline(np.array(vertices).T)
    return [vertices[k] for k in chosen], chosen


def pairs(flat: Floats) -> list[Point]:
    return [(x, y) for x, y in flat.reshape(-1, 2).tolist()]


_STEPS = 8  # of Newton's method: each doubles the digits, or the structure is wrong
_ROUNDING = 2e-16  # of the unit box: a smaller step counts as zero
_SHORT = 1e-9  # a shorter edge may be rounding: no constraint is solved for on it
_HOLDS = {
    TOP: (True, False),
    BOTTOM: (True, False),
    RIGHT: (False, True),
    LEFT: (False, True),
    CORNER: (True, True),
    VERTEX: (False, False),
}
"""The kinds of vertices at which each player's constraint binds."""
_WALKS = (TOP, BOTTOM, RIGHT, LEFT)


def newton(model: Model, structure: Structure) -> list[Polygon] | None:
    """Return the hulls of the vertices that solve the equations of a structure, by Newton's method from its vertices.

    If a vertex at which no constraint binds is not incentive compatible, the others are solved without it. None if the
    system is singular, too large or diverges, or nothing is left in a state.
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
    source: Sequence[int]  # one vertex of each state


class _System:
    """The equations of K vertices; the unknowns are their 2K coordinates, vertex by vertex.

    They are `matrix z = constant`, except for continuations on edges.
    """

    def __init__(self, model: Model, structure: Structure) -> None:
        polygons, self.rows, self.tags = structure.polygons, model.rows, [*chain(*structure.tags)]
        self.first = [0, *accumulate(map(len, polygons))]
        self.start = np.array([*chain(*polygons)]).reshape(-1)
        self.lowest, self.threat = _lowest(polygons, self.first)
        self.matrix, self.constant = np.eye(self.start.size), self.start.copy()
        self.edges: list[_Edge] = []
        self.fan = Fan(polygons)
        self._walks, self._boundaries = self.fan.walks(), dict[tuple[tuple[int, float], ...], Boundary]()
        # the equation, the player, the row whose law weighs, and a vertex of each state
        self._follows: list[tuple[int, int, int, Sequence[int]]] = []
        for k, ((kind, row, _), angle) in enumerate(zip(self.tags, chain(*structure.angles), strict=True)):
            if kind != LEAVE:
                self._add(k, kind, row, later(model, angle))
        if self._follows:
            at, who, played, vertices = map(np.array, zip(*self._follows, strict=True))
            shares = model.discounts[who] * model.transitions[played]
            np.subtract.at(self.matrix, (at[:, None], 2 * vertices + who[:, None]), shares)

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
                self._follows.append((2 * k + i, i, row, source))
        if edge is not None and rows.delta[kind // 2] > 0.0:
            ahead = self.fan.at[min(position + 1, len(self.fan.owner))]
            self.edges.append(_Edge(k, row, kind // 2, source[edge], ahead[edge], source))

    def _hold(self, k: int, row: int, i: int) -> float:
        """Add that player i gets what her best deviation or leaving gives; return the continuation she needs."""
        rows = self.rows
        (reply, worth), own = rows.best(row, i, self.threat), rows.own[rows.state.item(row)][i]
        if own > worth:
            self.constant[2 * k + i] = own
            return rows.needed(row, i, own)
        self.constant[2 * k + i] = rows.now[reply][i]
        self._follows.append((2 * k + i, i, reply, self.lowest[i]))
        return rows.needed(row, i, worth)

    def _place(self, walk: int, row: int, argument: float) -> tuple[int, int | None]:
        """Return where a boundary passes an argument, and the state whose edge it follows there."""
        law = tuple(self.rows.laws[row])
        if law not in self._boundaries:
            self._boundaries[law] = self.fan.boundary(self.rows.laws[row], self._walks)
        first, last = sorted(piece(self._boundaries[law].chains[walk], argument))
        if last - first > 1 and first == 0:  # the last edge ends where the first one starts
            first, last = last, last + 1
        return first, self.fan.owner[first] if last - first == 1 else None

    def solve(self) -> list[Point] | None:
        """Return the solution that Newton's method finds from the structure's own vertices; None if it finds none."""
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
        """Say which vertices are incentive compatible; those at which constraints bind are so by construction."""
        rows, out = self.rows, []
        for (kind, row, _), vertex in zip(self.tags, vertices, strict=True):
            stands = True
            if kind == VERTEX:
                own = rows.own[rows.state.item(row)]
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
            law, d = self.rows.laws[row], self.rows.delta
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


def _lowest(polygons: list[Polygon], first: list[int]) -> tuple[tuple[list[int], list[int]], list[Point]]:
    """Return, for each player, the vertices with her lowest payoffs in each state, and these payoffs by state."""
    lowest: tuple[list[int], list[int]] = [], []
    threat = []
    for polygon, start in zip(polygons, first, strict=False):
        if polygon:
            xs, ys = [x for x, _ in polygon], [y for _, y in polygon]
            x, y = min(xs), min(ys)
            lowest[0].append(start + xs.index(x))
            lowest[1].append(start + ys.index(y))
            threat.append((x, y))
        else:
            lowest[0].append(0)
            lowest[1].append(0)
            threat.append((inf, inf))
    return lowest, threat
