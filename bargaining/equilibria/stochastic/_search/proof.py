r"""Proof from outside that self-generating sets are the largest ones.

The argument is that for repeated games, for all states at once. Let the sets :math:`K_s` be self-generating and let
:math:`W_s` contain the largest fixed point. Write :math:`X_s(e) = \{w : n_j w \le c_{sj} + e z_{sj}\}`, with one list
of normals for all states and speeds :math:`z > 0`, and let E be such that :math:`W_s \subseteq X_s(E)`. If the operator
maps :math:`X(e)` strictly inside :math:`X(e)` for every :math:`0 < e \le E`, K is the largest fixed point.

Each bound of `Bounds` is affine in e. The speeds solve :math:`z = 1 + \Phi(z)`, see `attraction`.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._budget import Budget
from bargaining.equilibria._plane.minkowski import Indices
from bargaining.equilibria._plane.model import Mask, Model
from bargaining.equilibria._plane.operator import reach
from bargaining.equilibria._plane.polygon import Polygon
from bargaining.equilibria.stochastic._search.dual_bounds import (
    TIE,
    Bases,
    Bounds,
    at_most,
    attraction,
    faces_of,
    lowest,
    moved,
    support,
)

_ROUNDING = 1e-13  # of the unit box: an excess that rounding alone can cause
_MARGIN = 1e-3  # by how much a bound must fall behind its face: far more than the rounding of slopes
_FEW = 400  # pairs up to which bounds cost less than computing how far rows reach
_BOUNDS = 10_000_000  # numbers in memory at a time: 80 MB an array
_POLICIES = 6  # rounds in which speeds are compared with all bounds
_PAIRS = 20_000  # pairs beyond which a proof costs more than applying the operator


class Verdict(NamedTuple):
    """The result of a proof: whether it holds, the excess left unproved, and smaller outer sets if it found them."""

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
    budget: Budget | None = None,
) -> Verdict:
    """Return whether `candidate` is the largest fixed point in `outer`.

    Parameters
    ----------
    model : Model
        The game; some player has a discount factor above 0.
    candidate, outer : list of Polygon
        Self-generating sets, and sets known to contain the largest fixed point.
    bound : ndarray of shape (S, 2)
        Lower bounds of the threats.
    alive : ndarray of bool
        The rows that can still be played.
    shape : bool
        Whether the faces of `outer` are used in addition to those of the candidate: a finer, slower check.
    budget : Budget, optional
        The budget: each computation of a bound of a row at a face that it may reach costs a unit.
    """
    if not model.discounts.any() or any(bool(p) != bool(q) for p, q in zip(candidate, outer, strict=True)):
        return Verdict(False, inf)
    faces, rows = faces_of(candidate, outer if shape else [], bound), model.playable(candidate, alive)
    system = Bounds.of(model, faces, rows)
    reaching = _reaching(model, system, candidate, bound, rows)
    some, directions = np.nonzero(reaching)
    if budget is not None:
        budget.spend(_POLICIES * len(some) * (2 * len(faces.normals) + 2))
    bases = system.bases(some, directions)
    speed = attraction(system, some, directions, bases)
    if speed is not None:
        pairs = _doubtful(system, speed)
        if np.count_nonzero(pairs) <= _FEW:
            known = None if (pairs & ~reaching).any() else bases.of(pairs[reaching])
            result = _ranged(model, system, np.argwhere(pairs), speed, outer, known)
            if result.proved:
                return result
    threat = np.maximum(bound, lowest(outer))
    most = at_most(model, outer, threat, rows, faces.normals)
    beyond = (most > faces.offsets[system.state]) & faces.moves[system.state]
    some = np.flatnonzero(beyond.any(axis=1))
    far = reach(model, outer, threat, rows[some], faces.normals)
    beyond[some] &= far > faces.offsets[system.state[some]] + 1e-14
    if not beyond.any():
        return Verdict(True, 0.0)
    count = np.count_nonzero(pairs & beyond) if speed is not None else 0
    if speed is None or count > _PAIRS or 2 * count * len(faces.normals) > _BOUNDS:
        return Verdict(False, inf)
    return _ranged(model, system, np.argwhere(pairs & beyond), speed, outer)


def _reaching(model: Model, system: Bounds, candidate: list[Polygon], bound: Floats, rows: Indices) -> Mask:
    """Say which rows may reach which faces at e = 0, shape (R, J)."""
    faces = system.faces
    limit = faces.offsets[system.state] - TIE
    pairs: Mask = faces.moves[system.state] & (system.unbound >= limit)
    if np.count_nonzero(pairs) > _FEW:
        threat = np.maximum(bound, lowest(candidate))
        pairs &= at_most(model, candidate, threat, rows, faces.normals) >= limit
        some = np.flatnonzero(pairs.any(axis=1))
        near = reach(model, candidate, threat, rows[some], faces.normals)
        pairs[some] &= near >= limit[some]
    return pairs


def _ranged(
    model: Model,
    system: Bounds,
    pairs: NDArray[np.intp],
    speed: Floats,
    outer: list[Polygon],
    bases: Bases | None = None,
) -> Verdict:
    """Check pairs of a row and a face on the range of e that covers the outer sets, for given speeds."""
    if not len(pairs):
        return Verdict(True, 0.0)
    faces, (rows, directions) = system.faces, pairs.T
    gap = support(outer, faces.normals) - faces.offsets
    far = float((gap[faces.moves] / speed[faces.moves]).max(initial=0.0))
    if far <= _ROUNDING:
        return Verdict(True, far)
    bases = bases or system.bases(rows, directions)
    near = float(_unproved(system, rows, directions, bases, speed, far).max())
    if near == 0.0:
        return Verdict(True, 0.0)
    if near >= 0.9 * far:
        return Verdict(False, near)
    return Verdict(False, near, moved(model, outer, faces, faces.offsets + near * speed))


def _doubtful(system: Bounds, speed: Floats) -> Mask:
    """Say which pairs of a row and a face the bound without constraints does not settle, shape (R, J)."""
    own = speed[system.state]
    grows = system.onward(system.transitions @ speed) > own - _MARGIN * np.minimum(own, 1.0)
    open_: Mask = (system.unbound > system.faces.offsets[system.state] + _ROUNDING) | grows
    return open_ & system.faces.moves[system.state]


def _unproved(
    system: Bounds, rows: Indices, directions: Indices, bases: Bases, speed: Floats, far: float
) -> Floats:
    """Return, pair by pair, the smallest excess above which it stays inside its face; zero if it does up to `far`."""
    state = system.state[rows]
    offset, own = system.faces.offsets[state, directions][:, None], speed[state, directions][:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        excess, growth = bases.level - offset, system.slopes(rows, bases, speed) - own
        beyond = excess + far * growth <= -_MARGIN * far * np.minimum(own, 1.0)
        if (beyond & (excess <= _ROUNDING)).any(axis=1).all():
            return np.zeros(len(rows))
        start = np.where(beyond, np.where(excess <= _ROUNDING, 0.0, -excess / growth), inf).min(axis=1)
        short = ~beyond & (excess < 0.0) & (growth > 0.0)
        stop = np.where(short, -0.999 * excess / growth, 0.0).max(axis=1)
    revival = system.blocked(rows, speed)
    done = (start == 0.0) | (np.maximum(stop, revival) > 1.001 * start) | (revival >= far)
    return np.where(done, 0.0, start)
