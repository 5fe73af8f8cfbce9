"""The faces of inner sets of all states, moved out: no equilibrium payoff lies between them and outer sets."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._plane.lottery import Pair
from bargaining.equilibria._plane.operator import reach as far_of
from bargaining.equilibria._plane.polygon import Polygon
from bargaining.equilibria._plane.repair import floats
from bargaining.exact._sets.bounds import Bases, Bounds, Indices
from bargaining.exact._sets.lines import Lines
from bargaining.exact._sets.outward import Outward

Sets = tuple[tuple[Pair, ...], ...]

MARGIN = 1e-10
"""Floats decide only what is clear by this much; every float computed here errs by far less."""

_AXES = np.array([[-1.0, 0.0], [0.0, -1.0], [1.0, 0.0], [0.0, 1.0]])

_USELESS = Fraction(1, 10**6)
_FINE = Fraction(1, 10**11)
_ENOUGH = Fraction(1, 10**10)
_TIE = 1e-11
_ROUNDS = 40
_EXACT = 16  # units that a bound costs more in rationals
_LATE = 32  # steps before the first attempt where there are many faces
_PAIRS = 30_000


def reach(outward: Outward, sets: Sets) -> Fraction | None:
    """Return how far beyond the faces of inner sets an equilibrium payoff may lie, None if nothing is proved.

    The outer sets are made smaller until the faces hold them; at the end they are what lies within the faces.
    """
    filled, best = [bool(vertices) for vertices in sets], None
    for step in range(outward.steps):
        due = step & (step - 1) == 0 and (outward.model.common or step >= _LATE)
        if outward.filled == filled and (due or step == outward.steps - 1):
            for shape in (False, True):
                distance = _attempt(outward, sets, shape=shape)
                if distance is not None:
                    best = distance if best is None else min(best, distance)
                if best is not None and best < _ENOUGH:
                    return best
        if not outward.advance():
            break
    return best


def _attempt(outward: Outward, sets: Sets, *, shape: bool) -> Fraction | None:
    """Move the faces in as long as that makes the outer sets much smaller; return the distance if it vanishes."""
    last: Fraction | None = None
    while True:
        family = Family(outward, sets, shape=shape)
        found = family.reach()
        if found is None:
            return None
        near, speed = found
        outward.within(family.normals, family.floats + float(near) * speed + MARGIN)
        distance = near * Fraction(float(speed.max(initial=0.0)))
        if distance < _FINE or near > family.far / 2 or (last is not None and near > last / 2):
            return distance if distance < _USELESS else None
        last = near


class Family:
    """The faces of inner sets, one list of directions for all states, to be moved out at speeds of their own.

    With `shape` the directions of the outer sets' faces are used beside those of the inner ones.
    """

    def __init__(self, outward: Outward, sets: Sets, *, shape: bool = False) -> None:
        self.outward, self.data, self.model = outward, outward.data, outward.model
        self.far = Fraction(0)  # the e at which the faces hold the outer sets
        self.normals = _directions(
            [floats(vertices) for vertices in sets] + (outward.polygons if shape else [])
        )
        self.exact = [(Fraction(x), Fraction(y)) for x, y in self.normals.tolist()]
        self.offsets = [
            [max((a * x + b * y for x, y in vertices), default=Fraction(0)) for a, b in self.exact]
            for vertices in sets
        ]
        self.moves: NDArray[np.bool_] = np.zeros((len(sets), len(self.exact)), dtype=bool)
        self.moves[[s for s, vertices in enumerate(sets) if vertices]] = True
        for i, bound in enumerate(outward.exact_bound()):
            for s, value in enumerate(bound):
                if value is not None and value >= -self.offsets[s][i] - Fraction(1, 10**12):
                    self.offsets[s][i], self.moves[s, i] = -value, False
        self.lows = [
            [-row[i] if vertices else None for row, vertices in zip(self.offsets, sets, strict=True)]
            for i in (0, 1)
        ]
        self.floats = np.array([[float(c) for c in row] for row in self.offsets])

    def reach(self) -> tuple[Fraction, Floats] | None:
        """Return the e at which the faces hold every equilibrium payoff, and the speeds; None if none is proved."""
        if not all(map(self._holds, range(len(self.offsets)))):
            return None
        outer, model = self._outer(), self.model
        lows = np.where(np.array(self.outward.filled)[:, None], -self.floats[:, :2], np.inf)
        threat = self.outward.threat() - MARGIN
        rows = self._rows(threat)
        beyond = Bounds(model, self.normals, outer, threat, rows)
        state = model.state[rows]
        blocked = np.asarray((beyond.lack(np.arange(len(rows))) > MARGIN).any(axis=1))
        levels = far_of(model, self.outward.polygons, threat, rows, self.normals)
        close = (levels > self.floats[state] - MARGIN) & np.take(self.moves, state, axis=0)
        pairs = np.argwhere(close & ~blocked[:, None])
        bounds = Bounds(model, self.normals, self.floats, lows, rows)
        if len(pairs) > _PAIRS:
            return None
        self.outward.work.spend(len(pairs) * (2 * len(self.normals) + 2))
        speed = self._speeds(bounds, pairs)
        if speed is None:
            return None
        gap = (outer - self.floats)[self.moves] / speed[self.moves]
        self.far = far = Fraction(float(gap.max(initial=0.0)) + MARGIN)
        near = self._near(bounds, pairs, levels[tuple(pairs.T)] + MARGIN, speed, far)
        return None if near is None else (max(near, Fraction(1, 2**60)), speed)

    def _holds(self, s: int) -> bool:
        """Whether the faces of a state hold the outcomes of leaving that are given."""
        return all(
            a * x + b * y <= c
            for x, y in self.outward.leaves[s]
            for (a, b), c in zip(self.exact, self.offsets[s], strict=True)
        )

    def _outer(self) -> Floats:
        """Return how far the outer sets reach in each direction, rounded up."""
        return np.array(
            [
                (np.array(polygon) @ self.normals.T).max(axis=0) + MARGIN
                if polygon
                else np.zeros(len(self.normals))
                for polygon in self.outward.polygons
            ]
        )

    def _rows(self, threat: Floats) -> Indices:
        """Return the rows that can be played: no player is led to, or can move to, a state without equilibrium."""
        outward, model = self.outward, self.model
        rows = model.playable(outward.polygons, outward.alive)
        deviations = model.deviations(threat)[:, rows]
        impatient = (model.discounts == 0.0) & (
            np.maximum(deviations, model.own[model.state[rows]].T) > model.now[:, rows] + MARGIN
        )
        kept: Indices = rows[np.isfinite(deviations).all(axis=0) & ~impatient.any(axis=0)]
        return kept

    def _speeds(self, bounds: Bounds, pairs: Indices) -> Floats | None:
        """Solve z = 1 + Phi(z) over the pairs that reach their face at e = 0: a guess that the proof then checks."""
        speed = self.moves.astype(float)
        bases = bounds.bases(pairs[:, 0], pairs[:, 1])
        state = self.model.state[bounds.rows[pairs[:, 0]]]
        least = bases.level.min(axis=1)
        playable = (bounds.lack(pairs[:, 0]) <= _TIE).all(axis=1)
        here = np.flatnonzero((least >= self.floats[state, pairs[:, 1]] - _TIE) & playable)
        if not here.size:
            return speed
        ties = np.where(bases.level[here] <= least[here, None] + _TIE, 0.0, np.inf)
        ours = Bases(*(_taken(field, here) for field in bases))  # type: ignore[arg-type]
        at, number = pairs[here, 0], len(self.normals)
        where = state[here] * number + pairs[here, 1]
        last: Floats | None = None
        for _ in range(_ROUNDS):
            slope = bounds.slopes(at, ours, speed) + ties
            basis = slope.argmin(axis=1)
            slope = slope[np.arange(len(at)), basis]
            order = np.lexsort((slope, where))
            chosen = order[np.flatnonzero(np.append(np.diff(where[order]) != 0, True))]
            if last is not None and (slope[chosen] <= (1 + 1e-9) * (last - 1.0) + 1e-13).all():
                return speed
            last = self._solved(bounds, ours, at, chosen, basis, where)
            if last is None:
                return None
            speed.ravel()[where[chosen]] = last
        return None

    def _solved(
        self, bounds: Bounds, bases: Bases, at: Indices, chosen: Indices, basis: Indices, where: Indices
    ) -> Floats | None:
        """Return the speeds of the faces that are reached by chosen bases; None if they have no bound."""
        count, number = len(chosen), len(self.normals)
        matrix = np.zeros((count, *self.floats.shape))
        for k, pair in enumerate(chosen.tolist()):
            row, b = at[pair], basis[pair]
            for i in (0, 1):
                matrix[k, :, bases.face[i][pair, b]] += bases.weight[i][pair, b] * bounds.transitions[row]
                matrix[k, :, i] += bases.cut[i][pair, b] * bounds.punish[i][row]
        flat = matrix.reshape(count, -1) * self.moves.ravel()
        fixed = self.moves.astype(float).ravel()
        fixed[where[chosen]] = 0.0
        try:
            speed = np.linalg.solve(np.eye(count) - flat[:, where[chosen]], 1.0 + flat @ fixed)
        except np.linalg.LinAlgError:
            return None
        return speed if np.isfinite(speed).all() and speed.min() > 0.0 and number else None

    def _near(
        self, bounds: Bounds, pairs: Indices, most: Floats, speed: Floats, far: Fraction
    ) -> Fraction | None:
        """Return the least e such that every pair stays strictly inside its face up to `far`; None if one does not.

        From the outer sets no pair goes farther than `most`, so it is inside as soon as its face is beyond that.
        """
        bases = bounds.bases(pairs[:, 0], pairs[:, 1])
        state = self.model.state[bounds.rows[pairs[:, 0]]]
        offset, own = self.floats[state, pairs[:, 1]], speed[state, pairs[:, 1]]
        last = np.minimum((most - offset) / own + MARGIN, float(far))
        with np.errstate(invalid="ignore"):
            excess = bases.level - offset[:, None]
            growth = bounds.slopes(pairs[:, 0], bases, speed) - own[:, None]
            clear = (excess <= -MARGIN) & (excess + last[:, None] * growth <= -MARGIN)
        exact = [[Fraction(z) for z in row] for row in speed.tolist()]
        lines = Lines(self.data, self.exact, self.offsets, self.lows, exact)
        near = Fraction(0)
        for n in np.flatnonzero(~clear.any(axis=1)).tolist():
            place, j = pairs[n].tolist()
            self.outward.work.spend(_EXACT * len(self.normals))
            upto = Fraction(last.item(n))
            start = lines.start(bounds, place, j, _candidates(excess[n], growth[n], last.item(n)), upto)
            near = max(near, upto if start is None else start)
        return near if near < far else None


def normals_of(polygon: Polygon) -> Floats:
    """Return the axes and the outward normals of a polygon's edges."""
    normals = [tuple(axis) for axis in _AXES.tolist()]
    for k, (x, y) in enumerate(polygon):
        dx, dy = x - polygon[k - 1][0], y - polygon[k - 1][1]
        length = float(np.hypot(dx, dy))
        if length > 1e-12:
            normal = (dy / length, -dx / length)
            if all(abs(normal[0] - a) + abs(normal[1] - b) > 1e-12 for a, b in normals[:4]):
                normals.append(normal)
    return np.array(normals)


def _taken(field: Floats | tuple[Floats, Floats], rows: Indices) -> Floats | tuple[Floats, Floats]:
    return (field[0][rows], field[1][rows]) if isinstance(field, tuple) else field[rows]


def _candidates(excess: Floats, growth: Floats, far: float) -> list[int]:
    """Return the bases that may be the lowest for some e up to `far`: the lowest at e = 0, and along a grid."""
    least = excess.min()
    ties = np.flatnonzero(excess <= least + _TIE)
    out = dict.fromkeys(ties[np.argsort(growth[ties])][:4].tolist())
    for power in range(14):
        with np.errstate(invalid="ignore"):
            out[int(np.nanargmin(excess + far * 10.0**-power * growth))] = None
    return list(out)


def _directions(polygons: list[Polygon]) -> Floats:
    """Return the axes and the outward normals of all edges."""
    normals = [normals_of(polygon) for polygon in polygons if polygon]
    axes = normals[0][:4]
    rest = np.concatenate([some[4:] for some in normals])
    angle = np.arctan2(rest[:, 1], rest[:, 0])
    order = np.argsort(angle)
    kept = order[np.append(True, np.diff(angle[order]) > 1e-13)] if len(order) else order
    return np.concatenate([axes, rest[kept]])
