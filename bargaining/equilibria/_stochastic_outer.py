r"""Proof, from outside, that sets which generate themselves are the largest ones.

The argument of the repeated game, for all states at once. Let :math:`K_s` generate themselves and let
:math:`W_s` contain the answer. Write :math:`X_s(e) = \{w : n_j w \le c_{sj} + e z_{sj}\}`, with one list of normals
for all states and speeds :math:`z > 0`, and let E be such that :math:`W_s \subseteq X_s(E)`. If the operator maps
:math:`X(e)` strictly inside :math:`X(e)` for every :math:`0 < e \le E`, nothing but K is left.

A continuation of a row lies in :math:`\{w : n_j w \le \sum_{s'} P(s') (c_{s'j} + e z_{s'j})\}` and above the
thresholds, which fall no faster than their best deviation at :math:`e = 0` says. The farthest payoff in a
direction is a linear program whose right-hand side is affine in e, so each dual basis gives an affine upper bound
for all e. The speeds solve :math:`z = 1 + \Phi(z)` by policy iteration.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._minkowski import Fan, Indices
from bargaining.equilibria._polygon import Polygon, cut
from bargaining.equilibria._stochastic_operator import Mask, Model, reach

_ROUNDING = 1e-13
_MARGIN = 1e-3
_TIE = 1e-11
_ROUNDS = 25
_PAIRS = 20_000  # pairs beyond which a proof is dearer than applying the operator


class Verdict(NamedTuple):
    """What a proof gave: whether it holds, the excess left unproved, and smaller outer sets if it found them."""

    proved: bool
    excess: float
    outer: list[Polygon] | None = None


def verdict(
    model: Model,
    candidate: list[Polygon],
    outer: list[Polygon],
    bound: Floats,
    alive: Mask,
    *,
    shape: bool = False,
) -> Verdict:
    """Return whether `candidate` is all that is left of `outer`.

    Parameters
    ----------
    model : Model
        Both players equally patient.
    candidate, outer : list of Polygon
        Sets that generate themselves, and sets known to contain the largest fixed point.
    bound : ndarray of shape (S, 2)
        Lower bounds of the threats.
    alive : ndarray of bool
        The rows that can still be played.
    shape : bool
        Whether the faces of `outer` are used beside those of the candidate: a finer, dearer check.
    """
    filled = [bool(polygon) for polygon in candidate]
    if not model.common or not model.discounts.all() or filled != [bool(polygon) for polygon in outer]:
        return Verdict(False, inf)
    faces = _faces(candidate, outer if shape else [], bound)
    rows = np.flatnonzero(alive & ~model.transitions[:, ~np.array(filled)].any(axis=1))
    limit, moves = faces.offsets[model.state[rows]], faces.moves[model.state[rows]]
    far = reach(model, outer, np.maximum(bound, _lowest(outer)), rows, faces.normals)
    pairs = np.argwhere((far > limit + 1e-14) & moves)
    if not len(pairs):
        return Verdict(True, 0.0)
    if len(pairs) > _PAIRS:
        return Verdict(False, inf)
    near = reach(model, candidate, np.maximum(bound, _lowest(candidate)), rows, faces.normals)
    reached = np.argwhere((near >= limit - _TIE) & moves)
    return _attempt(_Bounds.of(model, faces, rows), faces, pairs, reached, outer)


@dataclass(frozen=True, slots=True, eq=False)
class _Faces:
    """Faces `normals[j] . w <= offsets[s, j]`, the lower face of each player first."""

    normals: Floats  # (J, 2)
    offsets: Floats  # (S, J)
    moves: Mask  # (S, J): false where a threat is known


def _faces(candidate: list[Polygon], outer: list[Polygon], bound: Floats) -> _Faces:
    angle = Fan(candidate + outer).angle
    angle = angle[np.concatenate([[True], np.diff(angle) > 1e-13])] if len(angle) else angle
    axes = np.array([[-1.0, 0.0], [0.0, -1.0], [1.0, 0.0], [0.0, 1.0]])
    normals = np.concatenate([axes, np.stack([np.sin(angle), -np.cos(angle)], axis=1)])
    offsets = support(candidate, normals)
    moves = np.ones(offsets.shape, dtype=bool)
    known = bound >= -offsets[:, :2] - 1e-15
    moves[:, :2] = ~known
    offsets[:, :2] = np.where(known, -bound, offsets[:, :2])
    moves[[s for s, polygon in enumerate(candidate) if not polygon]] = False
    return _Faces(normals, offsets, moves)


def support(polygons: list[Polygon], normals: Floats) -> Floats:
    """Return how far each polygon reaches in each direction, shape (S, J); zero for an empty one."""
    return np.array(
        [(np.array(p) @ normals.T).max(axis=0) if p else np.zeros(len(normals)) for p in polygons]
    )


def _lowest(polygons: list[Polygon]) -> Floats:
    return np.array([np.min(p, axis=0) if p else np.full(2, inf) for p in polygons])


class _Bases(NamedTuple):
    """Upper bounds of how far rows go: shape (pairs, bases) each; infinite where there is no such basis.

    The slope is `weight * P[row] @ speed[:, face] + cuts[0] * ... + cuts[1] * ...`, see `_Bounds.slopes`.
    """

    level: Floats
    weight: Floats
    face: Indices
    cuts: tuple[Floats, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class _Bounds:
    """What the dual bounds of some rows are made of."""

    faces: _Faces
    delta: float
    now: Floats  # (2, R)
    needed: Floats  # (2, R): the lowest continuations
    transitions: Floats  # (R, S)
    punish: tuple[Floats, Floats]  # (R, S): the transitions after each player's best deviation
    state: Indices  # (R,)
    mean: Floats  # (R, J): offsets of the continuations

    @classmethod
    def of(cls, model: Model, faces: _Faces, rows: Indices) -> _Bounds:
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
        return cls(
            faces=faces,
            delta=delta,
            now=model.now[:, rows],
            needed=needed,
            transitions=model.transitions[rows],
            punish=(punish[0], punish[1]),
            state=model.state[rows],
            mean=model.transitions[rows] @ faces.offsets,
        )

    def bases(self, rows: Indices, directions: Indices) -> _Bases:
        """Return the bounds for pairs of a row and a direction: no constraint, one, or both of them bind."""
        normals, d = self.faces.normals, self.delta
        n = normals[directions]
        base = (n * self.now[:, rows].T).sum(axis=1)
        b = self.needed[:, rows]
        count, number = len(rows), len(normals)
        free = base + d * self.mean[rows, directions]
        levels, weights = [free[:, None]], [np.ones((count, 1))]
        faces = [directions[:, None]]
        cuts: tuple[list[Floats], list[Floats]] = ([np.zeros((count, 1))], [np.zeros((count, 1))])
        for i, o in ((0, 1), (1, 0)):
            with np.errstate(divide="ignore", invalid="ignore"):
                by_face = n[:, o, None] / normals[:, o]
                by_cut = by_face * normals[:, i] - n[:, i, None]
            usable = np.isfinite(by_face) & (by_face > 0.0) & (by_cut >= -1e-12)
            by_face, by_cut = np.where(usable, by_face, 0.0), np.where(usable, by_cut, 0.0)
            level = base[:, None] + d * (by_face * self.mean[rows] - by_cut * b[i][:, None])
            levels.append(np.where(usable, level, inf))
            weights.append(by_face)
            faces.append(np.broadcast_to(np.arange(number), (count, number)))
            cuts[i].append(by_cut)
            cuts[o].append(np.zeros((count, number)))
        both = (n <= 1e-12).all(axis=1)
        levels.append(np.where(both, base + d * (n * b.T).sum(axis=1), inf)[:, None])
        weights.append(np.zeros((count, 1)))
        faces.append(np.zeros((count, 1), dtype=np.intp))
        for i in (0, 1):
            cuts[i].append(np.where(both, -n[:, i], 0.0)[:, None])
        stack = np.concatenate
        return _Bases(
            stack(levels, axis=1),
            stack(weights, axis=1),
            stack(faces, axis=1),
            (stack(cuts[0], axis=1), stack(cuts[1], axis=1)),
        )

    def doubtful(self, rows: Indices, directions: Indices, speed: Floats) -> NDArray[np.intp]:
        """Return the pairs that the simplest bound, without any constraint, leaves open."""
        state, d = self.state[rows], self.delta
        n = self.faces.normals[directions]
        level = (n * self.now[:, rows].T).sum(axis=1) + d * self.mean[rows, directions]
        slope = d * (self.transitions @ speed)[rows, directions]
        own = speed[state, directions]
        holds = (level <= self.faces.offsets[state, directions] + _ROUNDING) & (
            slope <= own - _MARGIN * np.minimum(own, 1.0)
        )
        return np.stack([rows[~holds], directions[~holds]], axis=1)

    def slopes(self, rows: Indices, bases: _Bases, speed: Floats) -> Floats:
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


def _attempt(
    system: _Bounds,
    faces: _Faces,
    pairs: NDArray[np.intp],
    reached: NDArray[np.intp],
    outer: list[Polygon],
) -> Verdict:
    speed = _speeds(system, faces, reached[:, 0], reached[:, 1])
    if speed is None:
        return Verdict(False, inf)
    rows, directions = system.doubtful(pairs[:, 0], pairs[:, 1], speed).T
    if not len(rows):
        return Verdict(True, 0.0)
    bases = system.bases(rows, directions)
    gap = support(outer, faces.normals) - faces.offsets
    far = float((gap[faces.moves] / speed[faces.moves]).max(initial=0.0))
    if far <= _ROUNDING:
        return Verdict(True, far)
    near = float(_unproved(system, faces, rows, directions, bases, speed, far).max())
    if near == 0.0:
        return Verdict(True, 0.0)
    if near >= 0.9 * far:
        return Verdict(False, near)
    return Verdict(False, near, _moved(outer, faces, speed, near))


def _moved(outer: list[Polygon], faces: _Faces, speed: Floats, distance: float) -> list[Polygon]:
    """Return the part of `outer` within the faces moved out by `distance`."""
    out = []
    for s, polygon in enumerate(outer):
        for (x, y), offset, z in zip(
            faces.normals.tolist(), faces.offsets[s].tolist(), speed[s].tolist(), strict=True
        ):
            polygon = cut(polygon, (x, y), offset + distance * z) if polygon else polygon
        out.append(polygon)
    return out


def _speeds(system: _Bounds, faces: _Faces, some: Indices, directions: Indices) -> Floats | None:
    """Solve z = 1 + Phi(z) over the pairs that reach their face at e = 0; None if K does not attract."""
    states, number = faces.offsets.shape
    speed = faces.moves.astype(float)
    if not some.size:
        return speed
    bases = system.bases(some, directions)
    least = bases.level.min(axis=1, keepdims=True)
    ours = bases._replace(level=np.where(bases.level <= least + 1e-12, 0.0, inf))
    where = system.state[some] * number + directions
    free = np.zeros(states * number, dtype=bool)
    free[where] = True
    reached = None
    for _ in range(_ROUNDS):
        slope = system.slopes(some, ours, speed) + ours.level
        basis = slope.argmin(axis=1)
        slope = slope[np.arange(len(some)), basis]
        chosen = _argmax(where, slope)
        if reached is not None and (slope[chosen] <= (1 + 1e-9) * (reached - 1.0) + 1e-15).all():
            return speed
        matrix = _matrix(system, ours, some[chosen], chosen, basis[chosen], number)
        fixed = np.where(free, 0.0, speed.ravel())
        try:
            reached = np.linalg.solve(np.eye(len(chosen)) - matrix[:, free], 1.0 + matrix @ fixed)
        except np.linalg.LinAlgError:
            return None
        if reached.min() <= 0.0:
            return None
        fixed[free] = reached
        speed = fixed.reshape(states, number)
    return None


def _argmax(where: Indices, values: Floats) -> Indices:
    """Return, for each face in order, the pair with the largest value."""
    order = np.lexsort((values, where))
    last = np.flatnonzero(np.append(np.diff(where[order]) != 0, True))
    chosen: Indices = order[last]
    return chosen


def _matrix(
    system: _Bounds, bases: _Bases, rows: Indices, pairs: Indices, basis: Indices, number: int
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


def _unproved(
    system: _Bounds,
    faces: _Faces,
    rows: Indices,
    directions: Indices,
    bases: _Bases,
    speed: Floats,
    far: float,
) -> Floats:
    """Return, pair by pair, the smallest excess above which it stays inside its face; zero if it does up to `far`."""
    state = system.state[rows]
    offset, own = faces.offsets[state, directions][:, None], speed[state, directions][:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        excess, growth = bases.level - offset, system.slopes(rows, bases, speed) - own
        beyond = excess + far * growth <= -_MARGIN * far * np.minimum(own, 1.0)
        start = np.where(beyond, np.where(excess <= _ROUNDING, 0.0, -excess / growth), inf).min(axis=1)
        short = ~beyond & (excess < 0.0) & (growth > 0.0)
        stop = np.where(short, -0.999 * excess / growth, 0.0).max(axis=1)
    revival = system.blocked(rows, speed)
    done = (start == 0.0) | (np.maximum(stop, revival) > 1.001 * start) | (revival >= far)
    return np.where(done, 0.0, start)
