r"""The greatest fixed point of the largest of affine functions, by policy iteration, with its proof.

Let :math:`\Phi_h(c) = \max_p \{q_p + M_p c\}` over the functions p of level h, with :math:`M_p \ge 0`, and let
the iterates of :math:`\min\{\Phi, c^0\}` start from :math:`c^0`. They fall to a fixed point below it, and there is
only one if some z > 0 has :math:`M_p z < z_h` for all functions that count between the two. Such a z solves
:math:`z = 1 + \max_p M_p z`. What rounding leaves, :math:`\Phi(c) - c \le e`, is then worth no more than
:math:`e z`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria.repeated._hyperplanes.programs import Indices

_POLICIES = 40
_ITERATES = 200
_STILL = 1e-14
_FIXED = 1e-10
_MARGIN = 0.5  # of the 1 in z = 1 + max M z that must be left after rounding


class Affine(NamedTuple):
    """Functions of the levels: a constant and a few slopes each."""

    faces: Indices  # (p,) the level that each bounds
    constant: Floats  # (p,)
    weights: Floats  # (p, k)
    columns: Indices  # (p, k)

    def at(self, levels: Floats) -> Floats:
        """Return their values."""
        return self.constant + self.slopes(levels)

    def slopes(self, speeds: Floats) -> Floats:
        """Return how they change if the levels move at some speeds."""
        return np.asarray((self.weights * speeds[self.columns]).sum(axis=1))

    def and_at_least(self, levels: Floats) -> Affine:
        """Add a constant for every level."""
        none = np.zeros((levels.size, self.weights.shape[1]))
        faces, constant = np.append(self.faces, np.arange(levels.size)), np.append(self.constant, levels)
        columns = np.vstack([self.columns, none.astype(np.intp)])
        return Affine(faces, constant, np.vstack([self.weights, none]), columns)

    def best(self, levels: Floats) -> Indices:
        """Return the function of the highest value for each level that has any."""
        return self.largest(self.at(levels))

    def largest(self, values: Floats) -> Indices:
        """Return the one of the largest of given values."""
        order = np.lexsort((values, self.faces))
        last = np.append(np.diff(self.faces[order]) > 0, np.ones(min(1, order.size), bool))
        return np.asarray(order[last])

    def take(self, chosen: Indices) -> Affine:
        """Return some of them."""
        return Affine(self.faces[chosen], self.constant[chosen], self.weights[chosen], self.columns[chosen])

    def solved(self, chosen: Indices, elsewhere: Floats) -> Floats | None:
        """Return the levels that equal the chosen functions, and what they are elsewhere; None if there are none."""
        matrix, right, part = np.eye(elsewhere.size), elsewhere.copy(), self.take(chosen)
        rows = np.repeat(part.faces, part.weights.shape[1])
        np.subtract.at(matrix, (rows, part.columns.ravel()), part.weights.ravel())
        right[part.faces] = part.constant
        try:
            found: Floats = np.asarray(np.linalg.solve(matrix, right), float)
        except np.linalg.LinAlgError:
            return None
        return found if np.isfinite(found).all() else None


def settled(functions: Affine, start: Floats) -> Floats:
    """Return levels, none above the start, at which the iterates from there end; else where they have come to."""
    levels = _fixed_point(functions, start)
    speeds = None if levels is None else speeds_of(functions, levels, start)
    if levels is not None and speeds is not None:
        left = (_image(functions, levels, start) - levels).max(initial=0.0) + 1e-15
        return np.asarray(np.minimum(start, levels + left / _MARGIN * speeds))
    levels = start
    for _ in range(_ITERATES):
        after = np.minimum(levels, _image(functions, levels, start))
        still = (levels - after).max() <= _STILL
        levels = after
        if still:
            break
    return levels


def _image(functions: Affine, levels: Floats, start: Floats) -> Floats:
    values = functions.at(levels)
    best = functions.largest(values)
    image = start.copy()
    image[functions.faces[best]] = values[best]
    return np.minimum(image, start)


def _fixed_point(functions: Affine, start: Floats) -> Floats | None:
    """Solve for the largest functions, or the start where they are above it, until these are the same."""
    levels = start
    for _ in range(_POLICIES):
        values = functions.at(levels)
        best = functions.largest(values)
        found = functions.solved(best[values[best] < start[functions.faces[best]]], start)
        if found is None:
            return None
        found = np.minimum(found, start)
        if np.abs(found - levels).max() <= _STILL:
            return found if np.abs(_image(functions, found, start) - found).max() <= _FIXED else None
        levels = found
    return None


def speeds_of(functions: Affine, levels: Floats, start: Floats) -> Floats | None:
    """Solve z = 1 + max M z over the functions that count between two levels; None if they do not contract."""
    part = functions.take(np.flatnonzero(functions.at(start) >= levels[functions.faces]))
    speeds = np.ones(levels.size)
    for _ in range(_POLICIES):
        steep = part.largest(part.slopes(speeds))
        found = part._replace(constant=np.ones(part.faces.size)).solved(steep, np.ones(levels.size))
        if found is None or not (found > 0.0).all():
            return None
        speeds = found
        if (part.slopes(speeds) <= speeds[part.faces] - _MARGIN).all():
            return speeds
    return None
