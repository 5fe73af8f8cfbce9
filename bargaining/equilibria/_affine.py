r"""Levels that are maxima of affine functions of each other: policy iteration, and what its answers prove.

Sets of payoffs are bounded by faces j at levels :math:`x_j`. How far a profile p goes in the direction of a face is the
value of a linear program whose right-hand side is affine in the levels, so that every dual basis bounds it by
:math:`q_p + M_p x` with :math:`M_p \ge 0`, whatever the levels are. So the operator is bounded by

.. math:: \Phi_j(x) = \max_p \min_{\text{bases}} \{q_p + M_p x\},

and only a fixed point is needed. *Levels* are the greatest fixed point below known levels,
:math:`x = \min\{\Phi(x), c\}`. *Speeds* :math:`z = 1 + \max M z` say how fast each face has to move with the others;
they exist only if the functions contract. A policy chooses one function for each face; its fixed point solves linear
equations, and a better policy is found there. A few steps are enough, whatever the discount factors.

Iterates of :math:`\min\{\Phi, c\}` from c fall to a fixed point below c, the only one if some z > 0 has
:math:`M_p z < z_h` for all functions that can bind between the two. A violation by rounding, :math:`\Phi(x) - x \le e`,
then changes the fixed point by at most :math:`e z`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._rows import Indices

Sparse = Any  # a sparse matrix, which scipy does not annotate

_POLICIES = 60  # steps, which end after a handful unless rounding decides
_ITERATES = 200  # plain ones, where the functions do not contract
_STILL = 1e-14  # of the levels: a smaller step counts as none
_FIXED = 1e-10  # of the levels: violation of a policy's equations that rounding can cause
_MARGIN = 0.5  # of the 1 in z = 1 + max M z that must be left after rounding
_LARGE = 0.5  # levels with at least this share of the largest error are to be improved
_FACTORISED = 500  # unknowns up to which factors of a sparse matrix do not fill up
_GRADIENT, _GRADIENTS = 1e-9, 500  # of a residual: what conjugate gradients leave, in at most so many steps
_REFINED, _RESIDUAL = 5, 3e-15  # times that the residual is solved for again, until it is rounding


class Diverging(Exception):
    """Levels do not contract under some policy, so that they must be lowered step by step."""


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
        """Return the rates of change of the functions if the levels move at some speeds."""
        return np.asarray((self.weights * speeds[self.columns]).sum(axis=1))

    def and_at_least(self, levels: Floats) -> Affine:
        """Add a constant for every level that is finite."""
        faces = np.flatnonzero(np.isfinite(levels))
        none = np.zeros((faces.size, self.weights.shape[1]))
        more = Affine(faces, levels[faces], none, none.astype(np.intp))
        return Affine(*(np.concatenate(pair) for pair in zip(self, more, strict=True)))

    def largest(self, values: Floats) -> Indices:
        """Return, for each face in order that has any, the function with the largest of the given values."""
        order = np.lexsort((values, self.faces))
        along, last = self.faces[order], np.ones(order.size, bool)
        last[:-1] = along[1:] > along[:-1]
        return np.asarray(order[last])

    def take(self, chosen: Indices | NDArray[np.bool_]) -> Affine:
        """Return some of them."""
        return Affine(self.faces[chosen], self.constant[chosen], self.weights[chosen], self.columns[chosen])

    def best(self, levels: Floats) -> Affine:
        """Return the function of the highest value for each level that has any."""
        return self.take(self.largest(self.at(levels)))

    def matrix(self, size: int) -> Sparse:
        """Return the slopes of functions, at most one a level, as a matrix."""
        from scipy.sparse import csc_matrix

        rows = np.repeat(self.faces, self.weights.shape[1])
        return csc_matrix((self.weights.ravel(), (rows, self.columns.ravel())), shape=(size, size))

    def passed_on(self, errors: Floats) -> tuple[Floats, Floats]:
        """Return what errors of the functions, one a level, add up to, and their weights in the largest totals.

        Errors are passed on to all levels that depend on theirs. The weights are those in the sum of the totals that
        are larger than half the largest. If there is no fixed point, the totals are the errors, with weights of one.
        """
        try:
            solve = _solver(self.matrix(errors.size))
            total = solve(errors)
            return total, solve((total > total.max() * _LARGE).astype(float), "T")
        except RuntimeError:
            return errors, np.ones(errors.size)


def solution(slopes: Sparse, right: Floats) -> Floats:
    """Solve x = right + slopes x; if there is no solution, return what is given."""
    try:
        return _solver(slopes)(right)
    except RuntimeError:
        return right


def _solver(slopes: Sparse) -> Callable[..., Floats]:
    """Return a function that solves x = right + slopes x, or with the transpose; a RuntimeError if nothing does.

    Factors of large matrices fill up: many unknowns are found by stabilised biconjugate gradients, unless these do not
    come to rest.
    """
    from scipy.sparse import csc_matrix, identity
    from scipy.sparse.linalg import bicgstab, splu

    matrix = csc_matrix(identity(slopes.shape[0], format="csc") - slopes)
    factors = [splu(matrix)] if slopes.shape[0] <= _FACTORISED else []

    def solve(right: Floats, trans: str = "N") -> Floats:
        if right.ndim > 1:
            return np.stack([solve(column, trans) for column in right.T], axis=1)
        rows, moves = (matrix.T.tocsr(), slopes.T) if trans == "T" else (matrix.tocsr(), slopes)
        found = np.zeros_like(right)
        for _ in range(0 if factors else _REFINED):
            left = right + moves @ found - found  # without the rounding of the matrix
            if np.abs(left).max() <= _RESIDUAL * np.abs(found).max():
                return found
            found = found + bicgstab(rows, left, rtol=_GRADIENT, atol=0.0, maxiter=_GRADIENTS)[0]
        if not factors:
            factors.append(splu(matrix))
        found = factors[0].solve(right, trans)
        return np.asarray(found + factors[0].solve(right + moves @ found - found, trans))

    return solve


def _fixed_point(functions: Affine, cap: Floats, levels: Floats, *, capped: bool) -> Floats:
    """Solve for the functions that are the best at the levels, until these are the same.

    Levels without a function are at the cap; if `capped`, so are those that functions take above it. On a knife edge
    rounding alone can take a level below its true value, and the consequences may be large.
    """
    still = False
    for _ in range(_POLICIES):
        policy, size = functions.best(levels), 1.0 + np.abs(levels).max(initial=0.0)
        policy = policy.take(policy.at(levels) < cap[policy.faces]) if capped else policy
        image = cap.copy()
        image[policy.faces] = policy.at(levels)
        if np.abs(image - levels).max(initial=0.0) <= (_FIXED if still else _STILL) * size:
            return levels
        if still:
            break
        right = cap.copy()
        right[policy.faces] = policy.constant
        try:
            after = _solver(policy.matrix(cap.size))(right)
        except RuntimeError:
            raise Diverging from None
        if not np.isfinite(after).all() or not (capped or (after >= 0.0).all()):
            break
        before, levels = levels, np.minimum(after, cap) if capped else after
        still = bool(np.abs(levels - before).max() <= _STILL * size)
    raise Diverging


def speeds_of(functions: Affine, levels: Floats, start: Floats) -> Floats | None:
    """Solve z = 1 + max M z over the functions that can bind between two levels; None if they do not contract."""
    part = functions.take(functions.at(start) >= levels[functions.faces])
    part, ones = part._replace(constant=np.ones(part.faces.size)), np.ones(levels.size)
    with suppress(Diverging):
        found = _fixed_point(part, ones, ones, capped=False)
        if (part.slopes(found) <= found[part.faces] - _MARGIN).all():
            return found
    return None


def settled(functions: Affine, start: Floats) -> Floats:
    """Return the limit, not above the start, of the iterates from there; or the last iterate if it is not reached."""
    with suppress(Diverging):
        levels = _fixed_point(functions, start, start, capped=True)
        moving = speeds_of(functions, levels, start)
        if moving is not None:
            left = (_image(functions, levels, start) - levels).max(initial=0.0) + 1e-15
            return np.asarray(np.minimum(start, levels + left / _MARGIN * moving))
    levels = start
    for _ in range(_ITERATES):
        after = np.minimum(levels, _image(functions, levels, start))
        still = (levels - after).max() <= _STILL
        levels = after
        if still:
            break
    return levels


def _image(functions: Affine, levels: Floats, start: Floats) -> Floats:
    policy, image = functions.best(levels), start.copy()
    image[policy.faces] = policy.at(levels)
    return np.minimum(image, start)
