r"""Proof, from outside, that sets which generate themselves are the largest ones.

The argument of the repeated game, for all states at once. Let :math:`K_s` generate themselves and let
:math:`W_s` contain the answer. Write :math:`X_s(e) = \{w : n_j w \le c_{sj} + e z_{sj}\}`, with one list of normals
for all states and speeds :math:`z > 0`, and let E be such that :math:`W_s \subseteq X_s(E)`. If the operator maps
:math:`X(e)` strictly inside :math:`X(e)` for every :math:`0 < e \le E`, nothing but K is left.

Along e each bound of `Bounds` is affine. The speeds solve :math:`z = 1 + \Phi(z)` by policy iteration.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._minkowski import Indices
from bargaining.equilibria._polygon import Polygon
from bargaining.equilibria._stochastic_bounds import (
    Bases,
    Bounds,
    Faces,
    faces_of,
    largest,
    lowest,
    moved,
    slope_matrix,
    support,
)
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
    faces = faces_of(candidate, outer if shape else [], bound)
    rows = np.flatnonzero(alive & ~model.transitions[:, ~np.array(filled)].any(axis=1))
    limit, moves = faces.offsets[model.state[rows]], faces.moves[model.state[rows]]
    far = reach(model, outer, np.maximum(bound, lowest(outer)), rows, faces.normals)
    pairs = np.argwhere((far > limit + 1e-14) & moves)
    if not len(pairs):
        return Verdict(True, 0.0)
    if len(pairs) > _PAIRS:
        return Verdict(False, inf)
    near = reach(model, candidate, np.maximum(bound, lowest(candidate)), rows, faces.normals)
    reached = np.argwhere((near >= limit - _TIE) & moves)
    return _attempt(Bounds.of(model, faces, rows), faces, pairs, reached, outer)


def _attempt(
    system: Bounds,
    faces: Faces,
    pairs: NDArray[np.intp],
    reached: NDArray[np.intp],
    outer: list[Polygon],
) -> Verdict:
    speed = _speeds(system, faces, reached[:, 0], reached[:, 1])
    if speed is None:
        return Verdict(False, inf)
    rows, directions = pairs[_doubtful(system, pairs, speed)].T
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
    return Verdict(False, near, moved(outer, faces, faces.offsets + near * speed))


def _doubtful(system: Bounds, pairs: NDArray[np.intp], speed: Floats) -> Mask:
    """Say which pairs the simplest bound, without any constraint, leaves open."""
    rows, directions = pairs.T
    state, d = system.state[rows], system.delta
    level = (system.faces.normals[directions] * system.now[:, rows].T).sum(axis=1)
    level += d * system.mean[rows, directions]
    slope = d * (system.transitions @ speed)[rows, directions]
    own = speed[state, directions]
    stays = level <= system.faces.offsets[state, directions] + _ROUNDING
    closed: Mask = stays & (slope <= own - _MARGIN * np.minimum(own, 1.0))
    return ~closed


def _speeds(system: Bounds, faces: Faces, some: Indices, directions: Indices) -> Floats | None:
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
        chosen = largest(where, slope)
        if reached is not None and (slope[chosen] <= (1 + 1e-9) * (reached - 1.0) + 1e-15).all():
            return speed
        matrix = slope_matrix(system, ours, some[chosen], chosen, basis[chosen], number)
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


def _unproved(
    system: Bounds,
    faces: Faces,
    rows: Indices,
    directions: Indices,
    bases: Bases,
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
