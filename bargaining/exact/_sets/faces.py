"""The faces of inner sets of all states, moved out: no equilibrium payoff lies between them and outer sets."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._plane.lottery import Pair
from bargaining.equilibria._plane.minkowski import Indices
from bargaining.equilibria._plane.operator import reach as far_of
from bargaining.equilibria._plane.repair import floats
from bargaining.equilibria.stochastic._search.dual_bounds import TIE, Bounds, Faces, attraction, normals_of
from bargaining.exact._sets.lines import Lines
from bargaining.exact._sets.outward import Outward

Sets = tuple[tuple[Pair, ...], ...]

MARGIN = 1e-10
"""Floats decide only what is clear by this much; every float computed here errs by far less."""

_USELESS = Fraction(1, 10**6)
_FINE = Fraction(1, 10**11)
_ENOUGH = Fraction(1, 10**10)
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
        self.normals = normals_of(
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
        every, state = np.arange(len(rows)), model.state[rows]
        beyond = Bounds.of(model, Faces(self.normals, outer, self.moves), rows, lows=threat)
        blocked = np.flatnonzero((beyond.lack(every)[1] > MARGIN).any(axis=1))
        levels = far_of(model, self.outward.polygons, threat, rows, self.normals)
        close = (levels > self.floats[state] - MARGIN) & np.take(self.moves, state, axis=0)
        close[blocked] = False
        pairs = np.argwhere(close)
        faces = Faces(self.normals, self.floats, self.moves)
        bounds = Bounds.of(model, faces, rows, lows=lows, strict=True)
        if len(pairs) > _PAIRS:
            return None
        self.outward.work.spend(len(pairs) * (2 * len(self.normals) + 2))
        idle = np.flatnonzero((bounds.lack(every)[1] > TIE).any(axis=1))
        some, directions = pairs[~np.isin(pairs[:, 0], idle)].T
        speed = attraction(bounds, some, directions, bounds.bases(some, directions))
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

    def _near(
        self, bounds: Bounds, pairs: Indices, most: Floats, speed: Floats, far: Fraction
    ) -> Fraction | None:
        """Return the least e such that every pair stays strictly inside its face up to `far`; None if one does not.

        From the outer sets no pair goes farther than `most`, so it is inside as soon as its face is beyond that.
        """
        bases = bounds.bases(pairs[:, 0], pairs[:, 1])
        state = bounds.state[pairs[:, 0]]
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


def _candidates(excess: Floats, growth: Floats, far: float) -> list[int]:
    """Return the bases that may be the lowest for some e up to `far`: the lowest at e = 0, and along a grid."""
    least = excess.min()
    ties = np.flatnonzero(excess <= least + TIE)
    out = dict.fromkeys(ties[np.argsort(growth[ties])][:4].tolist())
    for power in range(14):
        with np.errstate(invalid="ignore"):
            out[int(np.nanargmin(excess + far * 10.0**-power * growth))] = None
    return list(out)
