"""A convex set in the plane, given by half-planes: its corners, and its support as a weighted sum of levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria.repeated._monitored.programs import Indices

_FLAT = 1e-12  # the least sine of the angle between the normals of two half-planes that meet in a corner
_SAME = 1e-9  # normals that differ by less are equal
_TIED = 1e-15  # half-planes that miss the set by less than this touch it
_BEYOND = 1e-6  # the intersection is empty if a corner lies farther than this beyond a half-plane


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """The half-planes that touch the set, in the order of their angles, and its corners.

    Attributes
    ----------
    faces : (F,) array of int
        The numbers of the half-planes.
    angles : (F,) array
    corners : (F, 2) array
        Corner k is where half-planes k and k + 1 meet; neighbours may coincide.
    inverses : (F, 2, 2) array
        A row vector times this matrix gives its coordinates in the normals of half-planes k and k + 1.
    """

    faces: Indices
    angles: Floats
    corners: Floats
    inverses: Floats

    @classmethod
    def of(cls, directions: Floats, levels: Floats) -> Outline | None:
        """Return the outline of the set {x : directions x <= levels}; None if it is empty."""
        angles = angles_of(directions)
        order = np.lexsort((levels, angles))
        order = order[np.append(True, np.diff(angles[order]) > _SAME)]
        while True:
            n, c = directions[order], levels[order]
            before, after = np.roll(np.arange(len(order)), 1), np.roll(np.arange(len(order)), -1)
            span = _cross(n[before], n[after])
            implied = (_cross(n, n[after]) * c[before] + _cross(n[before], n) * c[after]) / np.where(
                span > _FLAT, span, 1.0
            )
            touches = (span <= _FLAT) | (implied >= c - _TIED)
            if touches.all():
                break
            order = order[touches]
        pairs = np.stack([n, n[after]], axis=1)  # rows: the normals
        if not (np.linalg.det(pairs) > 0.0).all():
            return None
        inverses = np.linalg.inv(pairs)
        corners = (inverses @ np.stack([c, c[after]], axis=1)[:, :, None])[:, :, 0]
        if (corners @ directions.T > levels + _BEYOND).any():
            return None
        return cls(order, angles[order], corners, inverses)

    def supports(self, pulls: Floats) -> tuple[Floats, Indices]:
        """Write directions (..., 2) as sums of two normals with weights (..., 2); also return these half-planes.

        The support of the set is the sum of the levels with these weights.
        """
        at = np.searchsorted(self.angles, angles_of(pulls), side="right") - 1
        weights = np.maximum((pulls[..., None, :] @ self.inverses[at])[..., 0, :], 0.0)
        return weights, self.faces[np.stack([at, (at + 1) % len(self.faces)], axis=-1)]


def angles_of(directions: Floats) -> Floats:
    """Return angles in [-pi, pi)."""
    angles = np.arctan2(directions[..., 1], directions[..., 0])
    return np.asarray(np.where(angles > np.pi - _SAME, angles - 2.0 * np.pi, angles))


def _cross(one: Floats, other: Floats) -> Floats:
    return np.asarray(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0])
