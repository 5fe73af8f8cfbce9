r"""Bounds of equilibrium payoffs in given directions, for players with different discount factors.

Let all payoff sets lie in :math:`\{w : n_j w \le c_j\}`; the levels c include the threats :math:`P_i`, as levels of the
lower faces. The support of a profile a in the direction :math:`n_j` is a linear program over continuations :math:`w \ge
b(a)`; any :math:`y, z \ge 0` with :math:`\sum_k y_k n_k - z = D n_j` bound it by

.. math:: n_j (I - D) g(a) + y c - z\, b(a), \qquad b_i(a) = P_i + \frac{1-\delta_i}{\delta_i} (c_i(a) - g_i(a)).

With one such dual for each pair that matters, the levels h of any fixed point V of the operator satisfy :math:`h \le
F(h)`, where F is a maximum of affine functions with non-negative weights. Let c be the largest fixed point of the
smaller of F and the present levels. Then :math:`h \le c` if F contracts, that is, if some z > 0 exceeds the linear part
of every row of F at z. Policy iteration finds c and z; each step is one sparse linear system, whatever the discount
factors. Better duals at c then give another F. Any duals bound V, so one may use those that are optimal at a guess of
V: if the guess is right, so is c. `Choices` has all duals of a program in the plane: two faces at a vertex, one face
and one constraint, or two constraints.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from math import inf

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Affine, Astray, Indices, greatest, speeds
from bargaining.equilibria._plane.kinds import SLACK
from bargaining.equilibria._plane.polygon import Chains, Point, hull
from bargaining.equilibria.repeated._search.operator import Block, binding
from bargaining.equilibria.repeated._unequal.halfplanes import AXES, Halfplanes, following, pruned
from bargaining.equilibria.repeated._unequal.recipes import pairs

Index = NDArray[np.intp]


class Choices:
    """The duals of a linear program in the plane: two faces at a vertex, one face and one constraint, or both."""

    def __init__(self, polygon: Halfplanes, pull: Floats, b: Floats) -> None:
        self.polygon, self.pull, self.b = polygon, pull, b
        self.none = np.zeros(len(pull))
        self.found: list[tuple[Index, Index, Floats, Floats, Floats, Floats]] = [self._vertex()]
        for i in (0, 1):
            for sign in (1.0, -1.0):
                self._edges(i, sign)
        low = np.where((pull <= 0.0).all(axis=1), 1.0, np.nan)
        first, second = self.found[0][:2]
        self.found.append((first, second, self.none, self.none, -low * pull[:, 0], -low * pull[:, 1]))

    def best(self, caution: float) -> tuple[Index, Index, Floats, Floats, Floats, Floats]:
        """Return two faces, their weights, the weights of the two constraints, and the bound on the continuation."""
        levels = self.polygon.levels
        costs: list[Floats] = []
        weights: list[Floats] = []
        for first, second, y, x, *z in self.found:
            paid = [np.where(z[i] > 0.0, z[i] * self.b[i], 0.0 * z[i]) for i in (0, 1)]
            costs.append(y * levels[first] + x * levels[second] - paid[0] - paid[1])
            weights.append(y + x + z[0] + z[1])
        table = np.where(np.isnan(costs), inf, costs)
        burdened = np.where(np.isnan(costs), inf, np.array(costs) + caution * np.array(weights))
        chosen, pair = burdened.argmin(axis=0), np.arange(table.shape[1])
        first, second, y, x, *z = (
            np.stack([found[k] for found in self.found])[chosen, pair] for k in range(6)
        )
        return first, second, y, x, np.stack(z), table[chosen, pair]

    def _vertex(self) -> tuple[Index, Index, Floats, Floats, Floats, Floats]:
        normals = self.polygon.normals
        second = self.polygon.farthest(self.pull)
        first = (second - 1) % len(normals)
        p, q = normals[first], normals[second]
        turn, dot = _cross(p, q), (p * q).sum(axis=1)
        turn = np.where(turn > 0.0, turn, np.nan)  # opposite faces have no corner
        share = np.maximum(_cross(self.pull, q) / turn, 0.0)
        rest = np.maximum(_cross(p, self.pull) / turn, 0.0)
        # The sum of both shares is accurate even if the faces are almost parallel.
        total = (self.pull * (p + q)).sum(axis=1) / np.maximum(1.0 + dot, 0.01)
        share = np.where(dot > -0.99, np.minimum(share, total), share)
        rest = np.where(dot > -0.99, total - share, rest)
        return first, second, share, rest, self.none, self.none

    def _edges(self, i: int, sign: float) -> None:
        """Let constraint i bind, and return the face that its line meets above, or below, with its neighbours."""
        o, normals = 1 - i, self.polygon.normals
        faces = np.flatnonzero(sign * normals[:, o] > 0.0)
        breaks = np.flatnonzero(np.diff(faces) > 1)
        if breaks.size:
            faces = np.roll(faces, -int(breaks[0]) - 1)
        rising = (sign < 0.0) == (i == 0)
        corners = self.polygon.vertices[faces[1:], i]
        if not rising:
            faces, corners = faces[::-1], corners[::-1]
        place = np.searchsorted(np.maximum.accumulate(corners), self.b[i])
        for shift in (0, -1, 1):
            face = faces[np.clip(place + shift, 0, len(faces) - 1)]
            y = self.pull[:, o] / normals[face, o]
            z = y * normals[face, i] - self.pull[:, i]
            valid = (sign * self.pull[:, o] >= 0.0) & (z >= -1e-14)
            bind = np.where(valid, np.maximum(z, 0.0), np.nan)
            y = np.where(valid, y, 0.0)
            pair = (bind, self.none) if i == 0 else (self.none, bind)
            self.found.append((face, face, y, self.none, *pair))


def _cross(a: Floats, b: Floats) -> Floats:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])


_SAFE = 5e-14  # times their speed: levels are kept this far above the fixed point, because of rounding
_CAUTION = (0.0, 1e-9, 1e-6, 1e-3)  # penalties on a dual's weight where optimal duals fail
_ALIKE = 4e-16  # directions closer than this differ by rounding only
_TIED = 1e-12  # a row that misses a level by less counts as reaching it
_ROUNDS = 25  # of policy iteration; levels that have not converged are too high, never too low


@dataclass(slots=True, eq=False)
class Levels:
    """Faces and their levels; after `look`, also the polygon they bound and the supports of the profiles."""

    block: Block
    own: Point
    normals: Floats
    levels: Floats
    tol: float
    inner: Floats | None = None  # levels that equilibria attain, if some are known
    low: list[int] = field(init=False)
    kept: Indices = field(init=False)
    polygon: Halfplanes = field(init=False)
    points: list[Point] = field(init=False)
    threat: Point = (0.0, 0.0)
    moves: tuple[bool, bool] = (True, True)
    thresholds: Floats = field(init=False)
    values: Floats = field(init=False)  # how far each profile goes in each direction, shape (faces, profiles)
    fixed: Floats = field(init=False)  # the same for outcomes of leaving
    settled: Floats = field(init=False)  # the fixed point of F
    rows: Affine | None = None  # the duals at it, one for each face; None before it was found
    speeds: Floats = field(init=False)  # how fast each level moves with all others, 0 where it is constant

    def __post_init__(self) -> None:
        self.low = [int(np.flatnonzero((self.normals == AXES[i]).all(axis=1))[0]) for i in (0, 1)]

    def prune(self) -> None:
        """Keep the faces that matter for the polygon; raise Astray if rounding leaves no bounded polygon."""
        self.kept = pruned(self.normals, self.levels, self.tol)
        while True:
            self.polygon = Halfplanes.of(self.normals[self.kept], self.levels[self.kept])
            if not self.polygon.closed():
                raise Astray
            if not (inverted := self.polygon.inverted()).any():
                break
            self.kept = self.kept[~inverted]
        self.points = pairs(self.polygon.vertices)
        self.points = [self.points[k] for k in hull(self.points, merge=0.0)]
        bound = self.block.threat_bound(self.own)
        lows = [-self.levels.item(k) for k in self.low]
        self.threat = max(lows[0], bound[0]), max(lows[1], bound[1])
        self.moves = lows[0] > bound[0] + 1e-15, lows[1] > bound[1] + 1e-15
        self.thresholds = self.block.thresholds(self.threat)

    def look(self) -> bool:
        """Compute how far each profile goes, and drop profiles without continuations; say whether any is left."""
        while True:
            self.prune()
            w, feasible = binding(Chains(self.points), self.thresholds)
            alive = feasible[0] | feasible[2] | self.unbound().any(axis=0)
            if alive.all() or not alive.any():
                break
            self.block = self.block.keep(alive)
        pull = self.normals * self.block.discounts.T
        top = self.polygon.vertices[self.polygon.farthest(pull)]
        level = np.full((len(pull), alive.size), -inf)
        for kind in range(4):
            np.maximum(level, np.where(feasible[kind], pull @ w[:, kind], -inf), out=level)
        free = (top[:, :, None] >= self.thresholds - SLACK).all(axis=1)
        level = np.where(free, (pull * top).sum(axis=1)[:, None], level)
        self.values = self.normals @ self.block.now + level
        leaves = np.array([leave.payoffs for leave in self.block.leaves]).reshape(-1, 2)
        self.fixed = (self.normals @ leaves.T).max(axis=1, initial=-inf)
        return bool(alive.any())

    def unbound(self) -> NDArray[np.bool_]:
        return np.asarray((np.array(self.points)[:, :, None] >= self.thresholds - SLACK).all(axis=1))

    def lower(self, *, seen: Levels | None = None, ahead: bool = False) -> float:
        """Lower the levels to the fixed point for the present duals; return the largest change.

        With `seen`, use the duals that are optimal at the levels of `seen` instead. With `ahead`, lower the levels
        further with the duals at extrapolated levels (see `_foreseen`).
        """
        before = self.levels
        for caution in _CAUTION if seen is None else _CAUTION[:1]:
            with suppress(Astray):
                self.settled, self.speeds, self.rows = self._solved(self if seen is None else seen, caution)
                self._cap(self.settled, self.speeds)
                break
        if ahead:
            with suppress(Astray):
                settled, speeds, _ = self._solved(self._foreseen(), 0.0)
                self._cap(settled, speeds)
        self._cap(np.maximum(self.values.max(axis=1), self.fixed), np.zeros(len(self.levels)))
        return float((before - self.levels).max())

    def _cap(self, settled: Floats, speeds: Floats) -> None:
        self.levels = np.minimum(self.levels, settled + _SAFE * (1.0 + speeds))
        if self.inner is not None:
            self.levels = np.maximum(self.levels, self.inner)

    def _foreseen(self) -> Levels:
        """Return the same faces at the levels to which the orbits of faces lead; raise Astray if these leave nothing.

        Step by step, the profile that is behind one face of an orbit comes to be behind the next face, and lowers it.
        Here all these steps are taken at once. Duals that are the best at such levels bound the set as any duals do.
        """
        pull = self.normals * self.block.discounts.T
        length, source = np.hypot(pull[:, 0], pull[:, 1]), following(self.normals, pull, _ALIKE)
        levels, profile = self.levels, self.values.argmax(axis=1)
        later = (source >= 0) & (source != np.arange(len(source)))
        for _ in range(len(levels)):
            own = profile[source]
            level = (self.normals * self.block.now[:, own].T).sum(axis=1) + length * levels[source]
            lower = later & (level < levels - _SAFE)
            if not lower.any():
                break
            levels, profile = np.where(lower, level, levels), np.where(lower, own, profile)
        return self.guessed(levels)

    def guessed(self, levels: Floats) -> Levels:
        """Return the same faces at other levels, to compute duals there; raise Astray if these leave nothing."""
        guess = Levels(self.block, self.own, self.normals, levels, self.tol)
        guess.prune()
        if guess.polygon.backwards().any():
            raise Astray
        return guess

    def active(self) -> tuple[Indices, Indices]:
        """Return faces and the profiles that go farthest in their directions, except where leaving goes farthest."""
        face, profile = np.arange(len(self.levels)), self.values.argmax(axis=1)
        played = self.values[face, profile] >= self.fixed
        return face[played], profile[played]

    def _solved(self, seen: Levels, caution: float) -> tuple[Floats, Floats, Affine]:
        """Return the fixed point of F, the speeds, and the duals at the fixed point.

        The duals are the best ones at the levels `seen`. Pairs of a face and a profile are added once they turn out to
        matter.
        """
        used = np.zeros(self.values.shape, dtype=bool)
        none = np.empty((0, 4))
        rows = Affine(np.empty(0, np.intp), np.empty(0), none, none.astype(np.intp)).and_at_least(self.fixed)
        levels = self.levels
        face, profile = self.active()
        for _ in range(_ROUNDS):
            used[face, profile] = True
            rows = rows.joined(seen.duals(face, profile, caution))
            levels, policy = greatest(rows, self.levels, levels)
            held = np.ones(len(levels), dtype=bool)
            held[policy.faces] = False
            missed = (self.values > levels[:, None] + 1e-15) & ~used & ~held[:, None]
            if not missed.any():
                moving = self._attracted(rows, levels, held)
                return levels, moving, policy.and_at_least(np.where(held, levels, -inf))
            face, profile = np.nonzero(missed)
        raise Astray

    def _attracted(self, rows: Affine, levels: Floats, held: NDArray[np.bool_]) -> Floats:
        """Return speeds z that prove that V lies within the levels; raise Astray if none are found.

        Let X(e) be the polygon with all levels, but those held, moved out by e z, and let V lie within X(E). If every
        row stays below X(e) for all e from 0 to E, then what V generates, which is V itself, lies within X(0). A row
        that reaches a level has to contract. One that falls short of it by s may expand by less than s up to E.
        """
        still = held[rows.faces]
        rows = rows.still(still, levels[rows.faces[still]])
        short = levels[rows.faces] - rows.at(levels)
        tight = short <= _TIED
        if len(np.unique(rows.faces[tight])) < len(levels):  # rounding dominates: the weights are large
            raise Astray
        while True:
            unit = rows.take(tight)._replace(constant=np.where(still[tight], 0.0, 1.0))
            moving = speeds(unit, np.zeros(len(levels)))
            far = self.levels[~held] - levels[~held]
            ease = float((far / moving[~held]).max(initial=0.0))
            over = ~tight & (ease * (rows.slopes(moving) - moving[rows.faces]) >= short)
            if not over.any():
                return moving
            tight |= over

    def duals(self, face: Indices, profile: Indices, caution: float = 0.0) -> Affine:
        """Return the optimal dual of each pair of a face and a profile, as a row of F.

        With caution, a dual with smaller weights is taken if it is worse by no more than that for every unit of weight
        that it saves.
        """
        pull, b = (self.normals * self.block.discounts.T)[face], self.thresholds[:, profile]
        choices = Choices(self.polygon, pull, b)
        first, second, y, x, z, cost = choices.best(caution)
        # the preceding face of the orbit, even if it is redundant
        straight = following(self.normals, pull, _ALIKE)
        length = np.hypot(pull[:, 0], pull[:, 1])
        level = length * self.levels[straight]
        same = (straight >= 0) & (z == 0.0).all(axis=0) & (level <= cost + _SAFE)
        first = np.where(same, straight, self.kept[first])
        y, x = np.where(same, length, y), np.where(same, 0.0, x)
        constant = (self.normals[face] * self.block.now[:, profile].T).sum(axis=1)
        weights = []
        for i in (0, 1):
            gain, floor = self.block.gain[i, profile], self.block.floor
            tied = np.full(face.size, self.moves[i])
            if floor is not None:
                tied &= floor[i, profile] < gain + self.threat[i]
            constant = constant - np.where(z[i] > 0.0, z[i] * np.where(tied, gain, b[i]), 0.0)
            weights.append(np.where(tied, z[i], 0.0))
        second = self.kept[second]
        low = (np.full(face.size, k) for k in self.low)
        columns = np.stack([first, second, *low], axis=1)
        rows = Affine(face, constant, np.stack([y, x, *weights], axis=1), columns)
        for i in (0, 1):
            if not self.moves[i]:  # a lowest payoff that is a best-reply payoff cannot be lower
                rows = rows.still(face == self.low[i], -self.threat[i])
        return rows

    def drawn_in(self, moved: Floats) -> Floats:
        """Return inward moves of the levels, each a given amount more than its row implies; or raise Astray."""
        assert self.rows is not None
        moves = (self.rows.weights > 0.0).any(axis=1)
        unit = self.rows._replace(constant=np.where(moves, moved[self.rows.faces], 0.0))
        return speeds(unit, np.zeros(len(moved)))
