r"""Levels that are maxima of affine functions of each other: policy iteration, and what its answers prove.

Sets of payoffs are bounded by faces j at levels :math:`x_j`. How far a profile p goes in the direction of a face is the
value of a linear program whose right-hand side is affine in the levels, so that every dual basis bounds it by
:math:`q_p + M_p x` with :math:`M_p \ge 0`, whatever the levels are. So the operator is bounded by

.. math:: \Phi_j(x) = \max_p \min_{\text{bases}} \{q_p + M_p x\},

and only a fixed point is needed. *Levels* are the greatest fixed point below known levels,
:math:`x = \min\{\Phi(x), c\}`, or the least moves above given ones,
:math:`x = \max\{\Phi(x), c\}`. *Speeds* :math:`z = 1 + \max M z` say how fast each face has to move with the others;
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

Indices = NDArray[np.intp]
Sparse = Any  # a sparse matrix, which scipy does not annotate

_POLICIES = 60  # steps, which end after a handful unless rounding decides
_ITERATES = 200  # plain ones, where the functions do not contract
_STILL = 1e-14  # of the levels: a smaller step counts as none
_FIXED = 1e-10  # of the levels: violation of a policy's equations that rounding can cause
_MARGIN = 0.5  # of the 1 in z = 1 + max M z that must be left after rounding
_SHARE = 0.03  # of the first step: at this size of a step the iteration may stop if other steps follow
_LARGE = 0.5  # levels with at least this share of the largest error are to be improved
_DENSE = 100  # unknowns up to which a dense matrix is the faster one
_FACTORISED = 500  # and up to which factors of a sparse one are
_GRADIENT, _GRADIENTS = 1e-9, 500  # of a residual: what conjugate gradients leave, in at most so many steps
_REFINED, _RESIDUAL = 5, 3e-15  # times that the residual is solved for again, until it is rounding
ROUGHLY = 1e-8
"""Of a solution: the residual where one only shows the way."""


class Astray(Exception):
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

    def joined(self, more: Affine) -> Affine:
        """Return these functions and more."""
        return Affine(*(np.concatenate(pair) for pair in zip(self, more, strict=True)))

    def and_at_least(self, levels: Floats) -> Affine:
        """Add a constant for every level that is finite."""
        faces = np.flatnonzero(np.isfinite(levels))
        none = np.zeros((faces.size, self.weights.shape[1]))
        return self.joined(Affine(faces, levels[faces], none, none.astype(np.intp)))

    def best(self, levels: Floats) -> Affine:
        """Return the function of the highest value for each level that has any."""
        return self.take(self.largest(self.at(levels)))

    def largest(self, values: Floats) -> Indices:
        """Return for each level the function with the largest of the given values."""
        return largest(self.faces, values)

    def take(self, chosen: Indices | NDArray[np.bool_]) -> Affine:
        """Return some of them."""
        return Affine(self.faces[chosen], self.constant[chosen], self.weights[chosen], self.columns[chosen])

    def still(self, at: NDArray[np.bool_], level: Floats | float) -> Affine:
        """Return the functions, some of them constant."""
        constant = self.constant.copy()
        constant[at] = level
        return self._replace(constant=constant, weights=np.where(at[:, None], 0.0, self.weights))

    def solved(self, elsewhere: Floats) -> Floats:
        """Return the levels that equal the functions, at most one per face; other levels are given.

        Astray if there are none.
        """
        right = elsewhere.copy()
        right[self.faces] = self.constant
        rows, size = np.repeat(self.faces, self.weights.shape[1]), elsewhere.size
        if size > _DENSE:
            found = _sparse(rows, self.columns.ravel(), self.weights.ravel(), right)
        else:
            matrix = np.eye(size)
            np.subtract.at(matrix, (rows, self.columns.ravel()), self.weights.ravel())
            try:
                found = np.asarray(np.linalg.solve(matrix, right), float)
            except np.linalg.LinAlgError as singular:
                raise Astray from singular
        if not np.isfinite(found).all():
            raise Astray
        levels = elsewhere.copy()
        levels[self.faces] = found[self.faces]
        return levels

    def passed_on(self, errors: Floats) -> tuple[Floats, Floats]:
        """Return what errors of the functions, one for each level, add up to, and their weights: see `passed_on`."""
        from scipy.sparse import csc_matrix

        rows, columns = np.repeat(self.faces, self.weights.shape[1]), self.columns.ravel()
        return passed_on(
            csc_matrix((self.weights.ravel(), (rows, columns)), shape=(errors.size,) * 2), errors
        )


def passed_on(slopes: Sparse, errors: Floats, least: float = np.inf) -> tuple[Floats, Floats]:
    """Return what errors add up to, and their weights in the largest totals.

    Errors are passed on to all levels that depend on theirs. The weights are those in the sum of the totals that are
    larger than half the largest, or than `least`. If there is no fixed point, the totals are the errors, with weights
    of one.
    """
    try:
        solve = _solver(slopes, ROUGHLY)
        total = solve(errors)
        return total, solve((total > min(total.max() * _LARGE, least)).astype(float), "T")
    except RuntimeError:
        return errors, np.ones(errors.size)


def solution(slopes: Sparse, right: Floats, within: float = _RESIDUAL) -> Floats:
    """Solve x = right + slopes x, up to a share of the solution; if there is none, return what is given."""
    try:
        return _solver(slopes, within)(right)
    except RuntimeError:
        return right


def _solver(slopes: Sparse, within: float) -> Callable[..., Floats]:
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
            if np.abs(left).max() <= within * np.abs(found).max():
                return found
            found = found + bicgstab(rows, left, rtol=_GRADIENT, atol=0.0, maxiter=_GRADIENTS)[0]
        if not factors:
            factors.append(splu(matrix))
        found = factors[0].solve(right, trans)
        return np.asarray(found + factors[0].solve(right + moves @ found - found, trans))

    return solve


def _sparse(rows: Indices, columns: Indices, weights: Floats, right: Floats) -> Floats:
    """Solve x = right + weights x."""
    from scipy.sparse import csc_matrix

    slopes = csc_matrix((weights, (rows, columns)), shape=(right.size, right.size))
    try:
        return _solver(slopes, _RESIDUAL)(right)
    except RuntimeError as singular:
        raise Astray from singular


def largest(faces: Indices, values: Floats) -> Indices:
    """Return, for each face in order, the index of its largest value."""
    order = np.lexsort((values, faces))
    along, last = faces[order], np.ones(order.size, bool)
    last[:-1] = along[1:] > along[:-1]
    return np.asarray(order[last])


def fixed_point(
    improved: Callable[[Floats], Affine],
    levels: Floats,
    elsewhere: Floats,
    *,
    most: Floats | float = np.inf,
    positive: bool = False,
) -> Floats:
    """Solve for the functions that are the best at the levels, until these are the same.

    Parameters
    ----------
    improved : callable
        Returns the policy that is the best at some levels: one function a face at most.
    levels : ndarray
        Where to start.
    elsewhere : ndarray
        The levels of the faces for which there is none.
    most : ndarray or float
        Bounds at which levels are cut off. On a knife edge rounding alone can take a level below its true value, and
        the consequences may be large.
    positive : bool
        Whether levels below zero show that the functions do not contract.

    Raises
    ------
    Astray
        If no policy is found to be the best at its own levels.
    """
    still = False
    for _ in range(_POLICIES):
        policy, size = improved(levels), 1.0 + np.abs(levels).max(initial=0.0)
        image = elsewhere.copy()
        image[policy.faces] = policy.at(levels)
        if np.abs(image - levels).max(initial=0.0) <= (_FIXED if still else _STILL) * size:
            return levels
        if still:
            break
        before, levels = levels, np.minimum(policy.solved(elsewhere), most)
        still = bool(np.abs(levels - before).max() <= _STILL * size)
        if positive and not (levels >= 0.0).all():
            break
    raise Astray


def greatest(functions: Affine, cap: Floats, levels: Floats) -> tuple[Floats, Affine]:
    """Return the greatest fixed point below a cap, found from given levels, and the functions that determine it.

    Where the functions reach the cap, the level is the cap.
    """

    def improved(levels: Floats) -> Affine:
        policy = functions.best(levels)
        return policy.take(policy.at(levels) < cap[policy.faces])

    found = fixed_point(improved, levels, cap, most=cap)
    return found, improved(found)


def speeds(functions: Affine, elsewhere: Floats) -> Floats:
    """Return z, the largest of each face's functions of z, none below zero; Astray if the functions do not contract."""
    return fixed_point(functions.best, elsewhere, elsewhere, positive=True)


def speeds_of(functions: Affine, levels: Floats, start: Floats) -> Floats | None:
    """Solve z = 1 + max M z over the functions that can bind between two levels; None if they do not contract."""
    part = functions.take(functions.at(start) >= levels[functions.faces])
    with suppress(Astray):
        found = speeds(part._replace(constant=np.ones(part.faces.size)), np.ones(levels.size))
        if (part.slopes(found) <= found[part.faces] - _MARGIN).all():
            return found
    return None


def settled(functions: Affine, start: Floats) -> Floats:
    """Return the limit, not above the start, of the iterates from there; or the last iterate if it is not reached."""
    with suppress(Astray):
        levels, _ = greatest(functions, start, start)
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


def lowered(functions: Affine, start: Floats, enough: float) -> Floats:
    """Iterate from levels downwards until a step is smaller than `enough` or a share of the first.

    If many levels contract fast, this costs less than one sparse solution.
    """
    order = np.argsort(functions.faces, kind="stable")
    every, levels = functions.take(order), start.copy()
    first = np.flatnonzero(np.diff(every.faces, prepend=-1))
    faces = every.faces[first]
    for step in range(_ITERATES if first.size else 0):
        values = every.constant + np.einsum("pk,pk->p", every.weights, levels[every.columns])
        image = np.minimum(levels[faces], np.maximum.reduceat(values, first))
        by = float((levels[faces] - image).max())
        levels[faces] = image
        enough = max(enough, _SHARE * by) if not step else enough
        if by <= enough:
            break
    return levels


def _image(functions: Affine, levels: Floats, start: Floats) -> Floats:
    policy, image = functions.best(levels), start.copy()
    image[policy.faces] = policy.at(levels)
    return np.minimum(image, start)
