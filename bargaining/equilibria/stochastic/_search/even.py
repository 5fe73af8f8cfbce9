r"""The proof from outside for a handful of rows, in plain floats: all faces move out at the same speed.

It is the argument of `outer` with speeds of 1, for all e up to the size of the unit box, and with those
bounds alone that are tight at e = 0: no constraint binds; both do; or one does, and the continuation lies on the
face that its line meets. A linear program has more to offer, but this is often enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import hypot, inf
from typing import NamedTuple

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import BOTTOM, LEFT, RIGHT, TOP
from bargaining.equilibria._plane.minkowski import Boundary, Fan
from bargaining.equilibria._plane.model import Mask, Model, Rows
from bargaining.equilibria._plane.polygon import Point, Polygon, piece

_ROUNDING = 1e-13
_TINY = 1e-15  # large terms nearly cancel along a steep face
_MARGIN = 1e-3
_FAR = 1.5  # faces moved out so far hold the unit box
_AXES = [(-1.0, 0.0), (0.0, -1.0), (1.0, 0.0), (0.0, 1.0)]


def proved_evenly(model: Model, candidate: list[Polygon], bound: Floats, alive: Mask) -> bool:
    """Return whether it is plain that sets which generate themselves are the largest in the unit box.

    The parameters are those of `verdict`; no state may be empty. That nothing is shown says nothing.
    """
    if not model.common or not 0.0 < model.rows.delta[0] < 1.0 - _MARGIN or not all(candidate):
        return False
    system = _System(model.rows, _Faces(candidate, bound.tolist()))
    return all(not live or system.stays(row) for row, live in enumerate(alive.tolist()))


class _Faces:
    """The faces of the candidates, those of all states together, the axes first.

    Attributes
    ----------
    normals : list of Point
    offsets : list of list of float
    moves : list of list of bool
        State by state; a lower face does not move if a threat is known.
    of_edge : list of int
        The face of each edge of `fan`.
    """

    def __init__(self, candidate: list[Polygon], bound: list[list[float]]) -> None:
        self.fan, self.normals, self.of_edge = Fan(candidate), _AXES.copy(), list[int]()
        before = -inf
        for angle, (x, y) in zip(self.fan.angle, self.fan.edges, strict=True):
            if angle - before > 1e-13:
                size = hypot(x, y)
                self.normals.append((y / size, -x / size))
            self.of_edge.append(len(self.normals) - 1)
            before = angle
        self.offsets = [[max([a * x + b * y for x, y in p]) for a, b in self.normals] for p in candidate]
        self.moves = [[True] * len(self.normals) for _ in candidate]
        for offsets, moves, least in zip(self.offsets, self.moves, bound, strict=True):
            for i in (0, 1):
                if least[i] >= -offsets[i] - 1e-15:
                    offsets[i], moves[i] = -least[i], False


class _Mean(NamedTuple):
    """The continuations of one law: how far they reach in the direction of each face, and their boundary at e = 0."""

    offsets: list[float]
    boundary: Boundary


class _System:
    """What the bounds of all rows are made of."""

    def __init__(self, rows: Rows, faces: _Faces) -> None:
        self.rows, self.faces, self.delta = rows, faces, rows.delta[0]
        self.threat, walks = [(-offsets[0], -offsets[1]) for offsets in faces.offsets], faces.fan.walks()
        self.means = []
        for law in rows.laws:
            columns = zip(*([share * offset for offset in faces.offsets[s]] for s, share in law), strict=True)
            self.means.append(_Mean([*map(sum, columns)], faces.fan.boundary(law, walks)))

    def stays(self, row: int) -> bool:
        """Whether a row stays inside each face while they move."""
        state, (x, y), mean = self.rows.state[row], self.rows.now[row], self.means[self.rows.law[row]]
        normals, offsets, moves = self.faces.normals, self.faces.offsets[state], self.faces.moves[state]
        cuts: list[tuple[float, float]] = []
        for (a, b), offset, moving, reach in zip(normals, offsets, moves, mean.offsets, strict=True):
            beyond = a * x + b * y - offset
            if moving and beyond + self.delta * reach > _ROUNDING:
                cuts = cuts or [self._cut(row, 0), self._cut(row, 1)]
                if not any(self._holds(beyond, *some) for some in self._bounds((a, b), mean, cuts)):
                    return False
        return True

    def _holds(self, beyond: float, level: float, slope: float) -> bool:
        """Whether a bound of the continuations keeps a row inside a face which its payoffs now are `beyond`."""
        excess = beyond + self.delta * level
        return excess <= _ROUNDING and excess + _FAR * (self.delta * slope - 1.0) <= -_MARGIN * _FAR

    def _cut(self, row: int, i: int) -> tuple[float, float]:
        """Return the continuation that player i needs, and how fast it falls."""
        rows = self.rows
        (reply, worth), own = rows.best(row, i, self.threat), rows.own[rows.state[row]][i]
        if own >= worth:
            return rows.needed(row, i, own), 0.0
        falls = sum([share * self.faces.moves[s][i] for s, share in rows.laws[rows.law[reply]]])
        return rows.needed(row, i, worth), falls

    def _bounds(
        self, normal: Point, mean: _Mean, cuts: list[tuple[float, float]]
    ) -> Iterator[tuple[float, float]]:
        """Yield bounds of how far continuations go in a direction, and their slopes."""
        a, b = normal
        (x, falls), (y, drops) = cuts
        if a <= 0.0 and b <= 0.0:
            yield a * x + b * y, -a * falls - b * drops
        for i, walk in ((0, TOP if b > 0.0 else BOTTOM), (1, RIGHT if a > 0.0 else LEFT)):
            first, last = sorted(piece(mean.boundary.chains[walk], cuts[i][0]))
            if first == last:
                continue
            # The last edge ends where the first one starts.
            face = self.faces.of_edge[first if last - first == 1 else last]
            along, other = self.faces.normals[face][i], self.faces.normals[face][1 - i]
            if normal[1 - i] * other > 0.0:
                by_face = normal[1 - i] / other
                by_cut = by_face * along - normal[i]
                if by_cut >= 0.0:
                    level = by_face * mean.offsets[face] - by_cut * cuts[i][0]
                    yield level + _TINY * (by_face + by_cut), by_face + by_cut * cuts[i][1]
