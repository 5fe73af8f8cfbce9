r"""How far the operator can reach from outer sets, as functions of where their faces lie.

Outer sets are :math:`X_s = \{w : n_j w \le c_{sj}\}`, with one list of normals for all states. A continuation of
a row lies in :math:`\{w : n_j w \le \sum_{s'} P(s') c_{s'j}\}` and above the thresholds, which fall no faster
than their best deviation says. The farthest payoff in a direction is a linear program whose right-hand side is
affine in c, so each dual basis gives an upper bound affine in c, increasing, and valid for all c.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._minkowski import Fan, Indices
from bargaining.equilibria._polygon import Polygon, cut
from bargaining.equilibria._stochastic_model import Mask, Model

_ROUNDING = 1e-15


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Faces `normals[j] . w <= offsets[s, j]`, the lower face of each player first."""

    normals: Floats  # (J, 2)
    offsets: Floats  # (S, J)
    moves: Mask  # (S, J): false where a threat is known


def faces_of(candidate: list[Polygon], outer: list[Polygon], bound: Floats) -> Faces:
    angle = np.array(Fan(candidate + outer).angle)
    angle = angle[np.concatenate([[True], np.diff(angle) > 1e-13])] if len(angle) else angle
    axes = np.array([[-1.0, 0.0], [0.0, -1.0], [1.0, 0.0], [0.0, 1.0]])
    normals = np.concatenate([axes, np.stack([np.sin(angle), -np.cos(angle)], axis=1)])
    offsets = support(candidate, normals)
    moves = np.ones(offsets.shape, dtype=bool)
    known = np.isfinite(bound) & (bound >= -offsets[:, :2] - 1e-15)
    moves[:, :2] = ~known
    offsets[:, :2] = np.where(known, -bound, offsets[:, :2])
    moves[[s for s, polygon in enumerate(candidate) if not polygon]] = False
    return Faces(normals, offsets, moves)


def support(polygons: list[Polygon], normals: Floats) -> Floats:
    """Return how far each polygon reaches in each direction, shape (S, J); zero for an empty one."""
    return np.array(
        [(np.array(p) @ normals.T).max(axis=0) if p else np.zeros(len(normals)) for p in polygons]
    )


def lowest(polygons: list[Polygon]) -> Floats:
    return np.array([np.min(p, axis=0) if p else np.full(2, inf) for p in polygons])


class Bases(NamedTuple):
    """Upper bounds of how far rows go: shape (pairs, bases) each; infinite where there is no such basis.

    The slope is `weight * P[row] @ speed[:, face] + cuts[0] * ... + cuts[1] * ...`, see `Bounds.slopes`.
    """

    level: Floats
    weight: Floats
    face: Indices
    cuts: tuple[Floats, Floats]

    def of(self, pairs: Mask) -> Bases:
        """Return the bounds of some pairs."""
        first, second = self.cuts
        return Bases(self.level[pairs], self.weight[pairs], self.face[pairs], (first[pairs], second[pairs]))


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """What the dual bounds of some rows are made of."""

    faces: Faces
    delta: float
    now: Floats  # (2, R)
    needed: Floats  # (2, R): the lowest continuations
    transitions: Floats  # (R, S)
    punish: tuple[Floats, Floats]  # (R, S): the transitions after each player's best deviation
    state: Indices  # (R,)
    mean: Floats  # (R, J): offsets of the continuations
    unbound: Floats  # (R, J): the bounds at which no constraint binds

    @classmethod
    def of(cls, model: Model, faces: Faces, rows: Indices) -> Bounds:
        known = np.where(np.array(model.transitions.any(axis=0))[:, None], -faces.offsets[:, :2], 0.0)
        worth = model.values(known)
        needed, punish = np.empty((2, len(rows))), []
        delta = model.discounts.item(0)
        for i in (0, 1):
            reply = model.replies[i].argbest(worth[i])[model.replies[i].group[rows]]
            own = model.own[model.state[rows], i]
            leaves = own >= worth[i, reply]
            needed[i] = (np.where(leaves, own, worth[i, reply]) - model.now[i, rows]) / delta
            punish.append(np.where(leaves[:, None], 0.0, model.transitions[reply]))
        mean, now = model.transitions[rows] @ faces.offsets, model.now[:, rows]
        return cls(
            faces=faces,
            delta=delta,
            now=now,
            needed=needed,
            transitions=model.transitions[rows],
            punish=(punish[0], punish[1]),
            state=model.state[rows],
            mean=mean,
            unbound=now.T @ faces.normals.T + delta * mean,
        )

    def bases(self, rows: Indices, directions: Indices) -> Bases:
        """Return the bounds for pairs of a row and a direction: no constraint, one, or both of them bind."""
        n, none = self.faces.normals[directions], np.zeros((len(rows), 1))
        start = (n * self.now[:, rows].T).sum(axis=1)[:, None]
        free = start + self.delta * self.mean[rows, directions][:, None]
        parts = [
            Bases(free, np.ones((len(rows), 1)), directions[:, None], (none, none)),
            self._along_a_face(0, rows, n, start),
            self._along_a_face(1, rows, n, start),
            self._at_both(rows, n, start),
        ]
        levels, weights, faces, cuts = zip(*parts, strict=True)
        first, second = (np.concatenate(some, axis=1) for some in zip(*cuts, strict=True))
        stack = np.concatenate
        return Bases(stack(levels, axis=1), stack(weights, axis=1), stack(faces, axis=1), (first, second))

    def _along_a_face(self, i: int, rows: Indices, n: Floats, start: Floats) -> Bases:
        """Return the bounds at which player i's constraint and one face of the continuations bind."""
        normals, o = self.faces.normals, 1 - i
        with np.errstate(divide="ignore", invalid="ignore"):
            by_face = n[:, o, None] / normals[:, o]
            by_cut = by_face * normals[:, i] - n[:, i, None]
        usable = np.isfinite(by_face) & (by_face > 0.0) & (by_cut >= -1e-12)
        by_face, by_cut = np.where(usable, by_face, 0.0), np.where(usable, by_cut, 0.0)
        level = start + self.delta * (by_face * self.mean[rows] - by_cut * self.needed[i, rows][:, None])
        level += _ROUNDING * (by_face + by_cut)  # of two large terms that nearly cancel, along a steep face
        cuts = (by_cut, np.zeros_like(by_cut)) if i == 0 else (np.zeros_like(by_cut), by_cut)
        faces = np.broadcast_to(np.arange(len(normals)), by_face.shape)
        return Bases(np.where(usable, level, inf), by_face, faces, cuts)

    def _at_both(self, rows: Indices, n: Floats, start: Floats) -> Bases:
        """Return the bounds at which both constraints bind."""
        usable = np.all(n <= 1e-12, axis=1, keepdims=True)
        level = start + self.delta * (n * self.needed[:, rows].T).sum(axis=1)[:, None]
        cuts = np.where(usable, -n[:, :1], 0.0), np.where(usable, -n[:, 1:], 0.0)
        return Bases(np.where(usable, level, inf), np.zeros_like(level), np.zeros(level.shape, np.intp), cuts)

    def slopes(self, rows: Indices, bases: Bases, speed: Floats) -> Floats:
        """Return the slopes of the bounds at these speeds, shape (S, J)."""
        mean = self.transitions @ speed
        slope = bases.weight * mean[rows[:, None], bases.face]
        for i in (0, 1):
            slope += bases.cuts[i] * (self.punish[i] @ speed[:, i])[rows][:, None]
        return self.delta * slope

    def blocked(self, rows: Indices, speed: Floats) -> Floats:
        """Return the excess up to which each row cannot be played at all; zero if it can at once."""
        n = self.faces.normals
        over = np.flatnonzero((n >= 0.0).all(axis=1))
        lack = self.needed[:, rows].T @ n[over].T - self.mean[rows][:, over]
        ease = (self.transitions[rows] @ speed)[:, over]
        for i in (0, 1):
            ease = ease + n[over, i] * (self.punish[i] @ speed[:, i])[rows][:, None]
        out: Floats = np.where(lack > 1e-12, lack / np.maximum(ease, 1e-300), 0.0).max(axis=1)
        return out


def largest(where: Indices, values: Floats) -> Indices:
    """Return, for each face in order, the pair with the largest value."""
    order = np.lexsort((values, where))
    last = np.flatnonzero(np.append(np.diff(where[order]) != 0, True))
    chosen: Indices = order[last]
    return chosen


def slope_matrix(
    system: Bounds, bases: Bases, rows: Indices, pairs: Indices, basis: Indices, number: int
) -> Floats:
    """Return the slopes of chosen bounds as a matrix over all speeds, shape (chosen, S * J)."""
    count, states = len(rows), system.transitions.shape[1]
    each = np.arange(count)
    out = np.zeros((count, states, number))
    out[each, :, bases.face[pairs, basis]] = bases.weight[pairs, basis][:, None] * system.transitions[rows]
    for i in (0, 1):
        out[:, :, i] += bases.cuts[i][pairs, basis][:, None] * system.punish[i][rows]
    flat: Floats = system.delta * out.reshape(count, -1)
    return flat


def moved(outer: list[Polygon], faces: Faces, offsets: Floats) -> list[Polygon]:
    """Return the part of `outer` within the faces at these offsets, shape (S, J)."""
    out = []
    for polygon, row in zip(outer, offsets.tolist(), strict=True):
        for (x, y), offset in zip(faces.normals.tolist(), row, strict=True):
            polygon = cut(polygon, (x, y), offset) if polygon else polygon
        out.append(polygon)
    return out
