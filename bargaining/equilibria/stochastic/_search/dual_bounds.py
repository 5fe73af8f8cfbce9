r"""Bounds of the operator's value on outer sets, as functions of the levels of their faces.

Outer sets are :math:`X_s = \{w : n_j w \le c_{sj}\}`, with one list of normals for all states. A continuation of a row
lies in :math:`\{w : n_j w \le \sum_{s'} P(s') c_{s'j}\}` and above the thresholds, which fall no faster than the
payoffs of the best deviations. The farthest payoff in a direction is a linear program whose right-hand side is affine
in c, so each dual basis gives an upper bound affine in c, increasing, and valid for all c.

`sharpened` finds smaller sets that contain the largest fixed point, whatever the discount factor. Outer sets
:math:`X_s(c) = \{w : n_j w \le c_{sj}\}` stay outer when c falls to T(c), the largest over rows of the least of their
bounds (see `Bounds`). Choose the basis with the least bound at c for each row and direction: this gives a map that is
at least T and is a maximum of affine functions. If it contracts, its fixed point (see `_affine`) is also an upper
bound. This is strategy iteration for a game between bases and rows: its speed does not depend on the discount factor,
while iterates of T converge at the rate of the discount factor.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import cos, inf, pi, sin
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Affine, Astray, fixed_point, largest
from bargaining.equilibria._plane.minkowski import Fan, Indices
from bargaining.equilibria._plane.model import Mask, Model
from bargaining.equilibria._plane.polygon import Polygon, hull
from bargaining.feasible._polygon import clip

_ROUNDING = 1e-15  # of a weight: large terms nearly cancel along a steep face
_STEEP = 1e4  # weights up to which the margin of a proof is much larger than the rounding of floats
_SAME_ANGLE = 1e-12  # radians: faces closer than this differ by rounding only
TIE = 1e-11  # short of a face: rows this close reach it up to the error of the vertices
_TIED = 1e-12  # bounds of one pair closer than this differ by rounding only
_AXES = [(-1.0, 0.0), (0.0, -1.0), (1.0, 0.0), (0.0, 1.0)]


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Faces `normals[j] . w <= offsets[s, j]`, the lower face of each player first."""

    normals: Floats  # (J, 2)
    offsets: Floats  # (S, J)
    moves: Mask  # (S, J): false where a threat is known


def normals_of(polygons: list[Polygon]) -> Floats:
    """Return the axes and the outward normals of all edges, each once."""
    angles = [
        angle for angle in Fan(polygons).angle if abs(angle - pi / 2 * round(2 * angle / pi)) > _SAME_ANGLE
    ]
    distinct = [angle for before, angle in pairwise([-inf, *angles]) if angle - before > 1e-13]
    return np.array(_AXES + [(sin(angle), -cos(angle)) for angle in distinct])


def faces_of(candidate: list[Polygon], outer: list[Polygon], bound: Floats) -> Faces:
    normals = normals_of(candidate + outer)
    offsets = support(candidate, normals)
    known = np.isfinite(bound) & (bound >= -offsets[:, :2] - 1e-15)
    moves = np.ones(offsets.shape, dtype=bool)
    np.logical_not(known, out=moves[:, :2])
    np.copyto(offsets[:, :2], -bound, where=known)
    moves[[s for s, polygon in enumerate(candidate) if not polygon]] = False
    return Faces(normals, offsets, moves)


def support(polygons: list[Polygon], normals: Floats) -> Floats:
    """Return the support of each polygon in each direction, shape (S, J); zero for an empty one."""
    return np.array(
        [(np.array(p) @ normals.T).max(axis=0) if p else np.zeros(len(normals)) for p in polygons]
    )


def at_most(model: Model, polygons: list[Polygon], threat: Floats, rows: Indices, normals: Floats) -> Floats:
    """Return bounds, shape (R, J), of the supports of rows in some directions: without constraints, and in a box.

    The box extends from the payoff of each player's best deviation to her largest payoff; if it is empty the bound is
    minus infinity.
    """
    now, after, delta = model.now[:, rows].T, model.transitions[rows], model.discounts[:, 0]
    high = now + delta * (after @ support(polygons, np.eye(2)))
    low = np.maximum(model.deviations(threat)[:, rows].T, model.own[model.state[rows]]) - model.slack
    none: Mask = np.asarray((low > high + TIE).any(axis=1))
    low[none] = 0.0
    free = now @ normals.T + after @ support(polygons, delta * normals)
    box = high @ np.maximum(normals, 0.0).T + low @ np.minimum(normals, 0.0).T
    return np.where(none[:, None], -inf, np.minimum(free, box))


def reaching(model: Model, polygons: list[Polygon], threat: Floats, alive: Mask) -> Mask:
    """Say which of the rows `alive` might go to some face of the polygons or beyond it."""
    normals, rows, out = normals_of(polygons), np.flatnonzero(alive), np.zeros_like(alive)
    most = at_most(model, polygons, threat, rows, normals)
    out[rows] = (most >= support(polygons, normals)[model.state[rows]] - TIE).any(axis=1)
    return out


def lowest(polygons: list[Polygon]) -> Floats:
    """Return each player's lowest payoff in each state, shape (S, 2); infinite where there is none."""
    return np.array([np.min(p, axis=0) if p else np.full(2, inf) for p in polygons])


class Around(NamedTuple):
    """Two faces for each direction, with the non-negative weights whose sum gives the direction: shape (2, J) each."""

    faces: Indices
    weights: Floats


def enclosing(normals: Floats, directions: Floats) -> Around:
    """Return the faces on both sides of each direction; the axes are among the normals."""
    angle = np.arctan2(normals[:, 1], normals[:, 0])
    order = np.argsort(angle, kind="stable")
    turns = np.diff(angle[order], prepend=angle[order[-1]] - 2 * np.pi)
    order = order[turns > _SAME_ANGLE]
    after = np.searchsorted(angle[order], np.arctan2(directions[:, 1], directions[:, 0])) % len(order)
    faces = np.stack([order[after - 1], order[after]])
    (a, b), (c, d) = normals[faces[0]].T, normals[faces[1]].T
    x, y = directions.T
    one, other = np.maximum(x * d - y * c, 0.0), np.maximum(a * y - b * x, 0.0)
    some = directions.any(axis=1)
    # for nearly equal faces weights are inaccurate, but any split between them will do
    share = one / np.where(some, one + other, 1.0)
    mixed = share[:, None] * normals[faces[0]] + (1.0 - share)[:, None] * normals[faces[1]]
    size = (directions**2).sum(axis=1) / np.where(some, (directions * mixed).sum(axis=1), 1.0)
    weights = size * np.stack([share, 1.0 - share])
    return Around(faces, weights)


class Bases(NamedTuple):
    """Upper bounds of the supports of rows: shape (pairs, bases) each; infinite where there is no such basis.

    The slope is `weight * P[row] @ speed[:, face] + cuts[0] * ... + cuts[1] * ...`, see `Bounds.slopes`. The first
    basis of a pair may have a second face, `beside`, its number and weight of shape (pairs,), where the players
    differ in patience.
    """

    level: Floats
    weight: Floats
    face: Indices
    cuts: tuple[Floats, Floats]
    beside: tuple[Indices, Floats] | None = None

    def of(self, pairs: Mask | Indices) -> Bases:
        """Return the bounds of some pairs."""
        first, second = self.cuts
        beside = None if self.beside is None else (self.beside[0][pairs], self.beside[1][pairs])
        cuts = first[pairs], second[pairs]
        return Bases(self.level[pairs], self.weight[pairs], self.face[pairs], cuts, beside)

    def only(self, basis: Indices) -> Bases:
        """Return one bound for each pair."""
        at = np.arange(len(basis))[:, None], basis[:, None]
        first, second = self.cuts
        beside = None if self.beside is None else (self.beside[0], np.where(basis == 0, self.beside[1], 0.0))
        return Bases(self.level[at], self.weight[at], self.face[at], (first[at], second[at]), beside)


@dataclass(frozen=True, eq=False)
class Bounds:
    """The data of the dual bounds of some rows."""

    faces: Faces
    numbers: Indices  # (R,): of the rows in the game
    discounts: Floats  # (2,)
    common: bool
    now: Floats  # (2, R)
    needed: Floats  # (2, R): the lowest continuations
    transitions: Floats  # (R, S)
    punish: tuple[Floats, Floats]  # (R, S): the transitions after each player's best deviation
    state: Indices  # (R,)
    mean: Floats  # (R, J): offsets of the continuations
    replies: Indices  # (2, R): the best deviations
    leaves: Mask  # (2, R): whether leaving is better than these
    strict: bool  # whether to use only weights for which the error of the bounds in floats is at most 1e-11

    @classmethod
    def of(
        cls,
        model: Model,
        faces: Faces,
        rows: Indices,
        *,
        lows: Floats | None = None,
        strict: bool = False,
    ) -> Bounds:
        """Take rows that can be played, and the lowest payoffs: those of the lower faces unless others are given."""
        worth = model.values(-faces.offsets[:, :2] if lows is None else lows)
        discounts = model.discounts[:, 0]
        state, now, transitions = model.state[rows], model.now[:, rows], model.transitions[rows]
        replies = np.stack([model.replies[i].argbest(worth[i])[model.replies[i].group[rows]] for i in (0, 1)])
        best, own = np.stack([worth[i, replies[i]] for i in (0, 1)]), model.own[state].T
        leaves, mean = own >= best, transitions @ faces.offsets
        with np.errstate(divide="ignore", invalid="ignore"):
            needed = (np.where(leaves, own, best) - now) / model.discounts
        punish = [np.where(leaves[i, :, None], 0.0, model.transitions[replies[i]]) for i in (0, 1)]
        for i in np.flatnonzero(discounts == 0.0).tolist():
            # She does not care for continuations: any inside her lower face will do.
            needed[i], punish[i] = -mean[:, i], transitions
        return cls(
            faces=faces,
            numbers=rows,
            discounts=discounts,
            common=model.common,
            now=now,
            needed=needed,
            transitions=transitions,
            punish=(punish[0], punish[1]),
            state=state,
            mean=mean,
            replies=replies,
            leaves=leaves,
            strict=strict,
        )

    @property
    def least(self) -> float:
        """The tolerance for a non-negative weight."""
        return 0.0 if self.strict else -1e-12

    @cached_property
    def around(self) -> Around:
        """The faces on both sides of the direction of continuations that belongs to each direction of payoffs."""
        return enclosing(self.faces.normals, self.discounts * self.faces.normals)

    @cached_property
    def unbound(self) -> Floats:
        """The bounds at which no constraint binds, shape (R, J)."""
        out: Floats = self.now.T @ self.faces.normals.T + self.onward(self.mean)
        return out

    def onward(self, mean: Floats) -> Floats:
        """Return the contribution of continuations in each direction if they reach as far as `mean`, shape (R, J)."""
        if self.common:
            out: Floats = self.discounts.item(0) * mean
        else:
            (first, second), weights = self.around.faces, self.around.weights
            out = weights[0] * mean[:, first] + weights[1] * mean[:, second]
        return out

    def bases(self, rows: Indices, directions: Indices) -> Bases:
        """Return the bounds for pairs of a row and a direction: no constraint, one constraint, or both bind."""
        normals, needed = self.faces.normals, self.needed[:, rows]
        n, number, shape = normals[directions], len(normals), (len(rows), 2 * len(normals) + 2)
        start, after = (n * self.now[:, rows].T).sum(axis=1), self.discounts * n
        by_face, by_cut, usable = self._along_faces(after)
        bound = start[:, None] + by_face * self.mean[rows] - by_cut * needed[:, :, None]
        bound += _ROUNDING * (by_face + by_cut)  # large terms nearly cancel along a steep face
        level, weight, cuts = np.empty(shape), np.zeros(shape), np.zeros((2, *shape))
        face = np.zeros(shape, dtype=np.intp)
        for i in (0, 1):
            along = slice(1 + i * number, 1 + (i + 1) * number)
            level[:, along] = np.where(usable[i], bound[i], inf)
            weight[:, along], cuts[i, :, along], face[:, along] = by_face[i], by_cut[i], np.arange(number)
        both = (after <= -self.least).all(axis=1)
        level[:, -1] = np.where(both, start + (after * needed.T).sum(axis=1), inf)
        cuts[:, :, -1] = np.where(both, -after.T, 0.0)
        level[:, 0] = self.unbound[rows, directions]
        if self.common:
            weight[:, 0], face[:, 0], beside = self.discounts.item(0), directions, None
        else:
            faces, weights = self.around.faces[:, directions], self.around.weights[:, directions]
            weight[:, 0], face[:, 0], beside = weights[0], faces[0], (faces[1], weights[1])
        return Bases(level, weight, face, (cuts[0], cuts[1]), beside)

    def _along_faces(self, after: Floats) -> tuple[Floats, Floats, Mask]:
        """Return the weights of each face and of player i's constraint where these two bind, shape (2, pairs, J)."""
        n, normals = after.T[:, :, None], self.faces.normals.T[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            by_face = n[::-1] / normals[::-1]
            by_cut = by_face * normals - n
        usable = np.isfinite(by_face) & (by_face > 0.0) & (by_cut >= self.least)
        if self.strict:
            usable &= (by_face < _STEEP) & (by_cut < _STEEP)
        return np.where(usable, by_face, 0.0), np.where(usable, by_cut, 0.0), usable

    def slopes(self, rows: Indices, bases: Bases, speed: Floats) -> Floats:
        """Return the slopes of the bounds at these speeds, shape (S, J)."""
        mean = self.transitions @ speed
        slope: Floats = bases.weight * mean[rows[:, None], bases.face]
        if bases.beside is not None:
            slope[:, 0] += bases.beside[1] * mean[rows, bases.beside[0]]
        for i in (0, 1):
            slope += bases.cuts[i] * (self.punish[i] @ speed[:, i])[rows][:, None]
        return slope

    def lack(self, rows: Indices) -> tuple[Indices, Floats]:
        """Return the faces with a non-negative normal, and by how much the thresholds lie beyond each of them."""
        n = self.faces.normals
        over = np.flatnonzero((n >= 0.0).all(axis=1))
        return over, np.asarray(self.needed[:, rows].T @ n[over].T - self.mean[rows][:, over])

    def functions(self, rows: Indices, bases: Bases, faces: Indices, constant: Floats) -> Affine:
        """Return bounds, one for each pair, as functions of the moves of the faces of all states, state by state."""
        states, number = self.faces.offsets.shape
        start, ahead = number * np.arange(states), self.transitions[rows]
        parts = [(bases.weight * ahead, bases.face)]
        if bases.beside is not None:
            parts.append((bases.beside[1][:, None] * ahead, bases.beside[0][:, None]))
        parts += [(bases.cuts[i] * self.punish[i][rows], np.full((len(rows), 1), i)) for i in (0, 1)]
        weights, columns = ([part[k] for part in parts] for k in (0, 1))
        return Affine(faces, constant, np.hstack(weights), np.hstack([start + column for column in columns]))

    def blocked(self, rows: Indices, speed: Floats) -> Floats:
        """Return the excess e up to which each row cannot be played; zero if it can be played at once."""
        n, (over, lack) = self.faces.normals, self.lack(rows)
        ease = (self.transitions[rows] @ speed)[:, over]
        for i in (0, 1):
            ease = ease + n[over, i] * (self.punish[i] @ speed[:, i])[rows][:, None]
        out: Floats = np.where(lack > 1e-12, lack / np.maximum(ease, 1e-300), 0.0).max(axis=1)
        return out


def attraction(system: Bounds, some: Indices, directions: Indices, bases: Bases) -> Floats | None:
    """Solve z = 1 + Phi(z) over the pairs that reach their face at e = 0; None if the faces do not attract.

    If several bounds of a pair tie there, the slowest one counts.
    """
    states, number = system.faces.offsets.shape
    least = bases.level.min(axis=1)
    reached = least >= system.faces.offsets[system.state[some], directions] - TIE
    some, directions, bases, least = (
        some[reached],
        directions[reached],
        bases.of(reached),
        least[reached, None],
    )
    pair, basis = np.nonzero(bases.level <= least + _TIED)
    where = (system.state[some] * number + directions)[pair]
    functions = system.functions(some[pair], bases.of(pair).only(basis), where, np.ones(len(pair)))

    def steepest(speed: Floats) -> Affine:
        slope = functions.slopes(speed)
        single = largest(pair, -slope)
        return functions.take(single[largest(where[single], slope[single])])

    speed = system.faces.moves.astype(float).ravel()
    with suppress(Astray):
        return fixed_point(steepest, speed, speed, positive=True).reshape(states, number)
    return None


def moved(model: Model, outer: list[Polygon], faces: Faces, offsets: Floats) -> list[Polygon]:
    """Return the part of `outer` within the faces at these offsets, shape (S, J), up to rounding.

    `outer` lacks what the vertices dropped so far add up to: a face that passed it by less would leave nothing of a
    thin set, or its wrong end.
    """
    out, margin = [], _STILL if model.common else model.slack / 2
    for polygon, row in zip(outer, offsets.tolist(), strict=True):
        for (x, y), offset in zip(faces.normals.tolist(), row, strict=True):
            polygon = clip(polygon, (x, y), offset + margin)
        out.append([polygon[k] for k in hull(polygon)])
    return out


_STRATEGIES = 20  # times that the bases are chosen anew; each gains less than the last
_STILL = 1e-13  # of the unit box: added to every face, as it exceeds the rounding
_WORTH = 1e-9  # of the unit box: smaller moves of all faces cost more than they save
_STANDS = 1e-11  # smaller moves of a face do not affect the others


def sharpened(
    model: Model, outer: list[Polygon], bound: Floats, alive: Mask, limit: int
) -> list[Polygon] | None:
    """Return smaller outer sets with the same faces; None if nothing is gained or over `limit` bounds are needed."""
    if not model.discounts.any():
        return None
    rows, start = model.playable(outer, alive), outer
    for _ in range(_STRATEGIES):
        faces = faces_of(outer, [], bound)
        pairs = np.argwhere(faces.moves[model.state[rows]])
        if not len(pairs) or 2 * len(pairs) * len(faces.normals) > limit:
            break
        floor = _left(model, faces.normals) - faces.offsets
        change = _fall(Bounds.of(model, faces, rows), pairs[:, 0], pairs[:, 1], floor)
        if change is None or change.min() > -(_WORTH if model.common else max(_WORTH / 100, model.slack)):
            break
        outer = moved(model, outer, faces, faces.offsets + np.minimum(change, 0.0))
    return None if outer is start else outer


def _left(model: Model, normals: Floats) -> Floats:
    """Return the support of the outcomes of leaving, shape (S, J)."""
    reach = np.full((len(model.leaves), len(normals)), -np.inf)
    for s, leaves in enumerate(model.leaves):
        for leave in leaves:
            reach[s] = np.maximum(reach[s], normals @ leave.payoffs)
    return reach


def _fall(system: Bounds, rows: Indices, directions: Indices, floor: Floats) -> Floats | None:
    """Return by how much each face can move with the bases that are now the least; None if they do not contract."""
    offsets, (states, number) = system.faces.offsets, floor.shape
    bases = system.bases(rows, directions)
    single = bases.only(bases.level.argmin(axis=1))
    where = system.state[rows] * number + directions
    gap = single.level[:, 0] - offsets.ravel()[where]
    chosen = largest(where, gap)
    if np.maximum(gap[chosen], floor.ravel()[where[chosen]]).min() > -_STANDS:
        return np.zeros_like(offsets)

    every = system.functions(rows, single, where, gap)

    def change(constant: Floats, floor: Floats, *, positive: bool = False) -> Floats:
        """Solve x = max(floor, max over rows of constant + slope x) for the faces of the pairs."""
        functions = every._replace(constant=constant)

        def highest(moves: Floats) -> Affine:
            value = functions.at(moves)
            chosen = functions.largest(value)
            return functions.take(chosen[value[chosen] >= floor[where[chosen]]])

        elsewhere = np.zeros(states * number)
        elsewhere[where] = floor[where]
        return fixed_point(highest, np.zeros(states * number), elsewhere, positive=positive)

    with suppress(Astray):
        change(np.ones(len(rows)), np.full(floor.size, -np.inf), positive=True)
        return change(gap, floor.ravel()).reshape(states, number)
    return None
