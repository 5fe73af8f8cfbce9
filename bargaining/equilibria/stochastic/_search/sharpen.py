r"""Smaller sets that contain the largest fixed point, whatever the discount factor.

Outer sets :math:`X_s(c) = \{w : n_j w \le c_{sj}\}` stay outer when c falls to T(c), the largest over rows of the
least of their bounds (see `Bounds`). One basis for each row and direction, the least at c, gives a map that is no
smaller and is a maximum of affine functions: where it contracts, its fixed point, found by policy iteration over
the rows, bounds the answer as well. That is strategy iteration for a game between bases and rows: iterating T
itself closes in at the rate of the discount factor, this does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.minkowski import Indices
from bargaining.equilibria._plane.model import Mask, Model
from bargaining.equilibria._plane.polygon import Polygon
from bargaining.equilibria.stochastic._search.bounds import (
    Bases,
    Bounds,
    faces_of,
    largest,
    moved,
    slope_matrix,
)

_ROUNDS = 50
_STRATEGIES = 20
_STILL = 1e-13
_WORTH = 1e-9
_STANDS = 1e-11  # a move of a face that no others need follow


def sharpened(
    model: Model, outer: list[Polygon], bound: Floats, alive: Mask, limit: int
) -> list[Polygon] | None:
    """Return smaller outer sets, by the faces they have; None if that gains nothing or takes over `limit` bounds."""
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
        if change is None or change.min() > -(_WORTH if model.common else _WORTH / 100):
            break
        outer = moved(outer, faces, faces.offsets + np.minimum(change, 0.0) + _STILL)
    return None if outer is start else outer


def _left(model: Model, normals: Floats) -> Floats:
    """Return how far the outcomes of leaving reach, shape (S, J)."""
    reach = np.full((len(model.leaves), len(normals)), -np.inf)
    for s, leaves in enumerate(model.leaves):
        for leave in leaves:
            reach[s] = np.maximum(reach[s], normals @ leave.payoffs)
    return reach


def _fall(system: Bounds, rows: Indices, directions: Indices, floor: Floats) -> Floats | None:
    """Return by how much each face can be moved with the bases that are least now; None if they do not contract."""
    offsets = system.faces.offsets
    bases = system.bases(rows, directions)
    least = bases.level.argmin(axis=1)[:, None]
    level, weight, first, second = (
        np.take_along_axis(array, least, axis=1) for array in (bases.level, bases.weight, *bases.cuts)
    )
    face = np.take_along_axis(bases.face, least, axis=1)
    beside = (
        None if bases.beside is None else (bases.beside[0], np.where(least[:, 0] == 0, bases.beside[1], 0.0))
    )
    policy = _Policy(system, Bases(level, weight, face, (first, second), beside), rows, directions)
    gap = level[:, 0] - offsets[system.state[rows], directions]
    if policy.highest(gap, floor).min() > -_STANDS:
        return np.zeros_like(offsets)
    speed = policy.solve(np.ones(len(rows)), np.full(offsets.shape, -np.inf))
    if speed is None or speed.min() < 0.0:
        return None
    return policy.solve(gap, floor)


@dataclass(frozen=True, slots=True, eq=False)
class _Policy:
    """One bound for each pair of a row and a direction, of which each face takes the largest."""

    system: Bounds
    bases: Bases
    rows: Indices
    directions: Indices

    @property
    def where(self) -> Indices:
        """The number of each pair's face among all faces of all states."""
        out: Indices = self.system.state[self.rows] * len(self.system.faces.normals) + self.directions
        return out

    def highest(self, values: Floats, floor: Floats) -> Floats:
        """Return the largest value of each face, `floor` at least, of the faces that some pair has."""
        chosen = largest(self.where, values)
        out: Floats = np.maximum(values[chosen], floor.ravel()[self.where[chosen]])
        return out

    def solve(self, constant: Floats, floor: Floats) -> Floats | None:
        """Return the change x of all faces with x = max(floor, max over rows of constant + slope x), shape (S, J)."""
        states, number = floor.shape
        where = self.where
        chosen = largest(where, constant)
        faces, least = where[chosen], floor.ravel()[where[chosen]]
        change, value = np.zeros((states, number)), constant
        for _ in range(_ROUNDS):
            stands = value[chosen] >= least
            matrix = slope_matrix(
                self.system, self.bases, self.rows[chosen], chosen, np.zeros_like(chosen), number
            )
            known = np.where(stands, constant[chosen], least)
            try:
                x = np.linalg.solve(np.eye(len(faces)) - stands[:, None] * matrix[:, faces], known)
            except np.linalg.LinAlgError:
                return None
            change.ravel()[faces] = x
            value = constant + self.system.slopes(self.rows, self.bases, change)[:, 0]
            chosen = largest(where, value)
            if (np.maximum(value[chosen], least) <= x + _STILL * (1.0 + np.abs(x))).all():
                return change
        return None
