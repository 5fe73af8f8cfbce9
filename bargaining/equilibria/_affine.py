r"""Levels that are maxima of affine functions of each other: policy iteration, and what its answers prove.

Sets of payoffs are bounded by faces j at levels :math:`x_j`. How far a row reaches in the direction of a face is at
most an affine function of all levels, whatever these are (weak duality), with slopes M that are not negative. Let F(x)
be the largest over the rows of the least known bound. F is convex and increasing, and the levels v of the payoff sets
satisfy v <= F(v).

**Lemma.** Let v <= u and F(x) <= x <= u, and F(u) < u wherever x < u. Then v <= x. For the least t with
:math:`v \le x_t = x + t (u - x)` is 0: otherwise :math:`v_j = (x_t)_j` at some j with :math:`x_j < u_j`, but
:math:`v_j \le F_j(x_t) \le (1 - t) x_j + t F_j(u) < (x_t)_j`.

So a fixed point is believed if a point u above the known levels is found at which all bounds lie below it. The
candidates are :math:`u = x + t \zeta` with the *speeds* :math:`\zeta = (I - M)^{-1} 1` for the slopes M of the binding
bounds. No discount factor enters. A policy chooses one bound for each face; its fixed point solves linear equations,
and a better policy is found there. A few steps are enough (Hoffman and Karp 1966).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import whole
from bargaining._arrays import Floats, scalar
from bargaining.errors import InvalidInput

ACCURACY = 1e-9
"""The default accuracy: the distance between the inner and the outer set, as a share of the payoff range."""

WORK = 300_000_000
"""The default budget in units of work: some twenty seconds, or a minute for round sets of three players."""

_FINEST = 1e-12  # as a share of the payoff range: the rounding of floats, added up over the steps of a search


@dataclass(slots=True)
class Budget:
    """The remaining budget of work."""

    left: float = WORK

    def spend(self, units: int) -> bool:
        """Subtract units, and say whether any remain."""
        self.left -= units
        return self.left > 0

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.left <= 0


@dataclass(frozen=True, slots=True)
class Effort:
    """The required accuracy and the units of work that it may cost."""

    tolerance: float = ACCURACY
    units: int = WORK

    @classmethod
    def of(cls, tolerance: float | None, budget: int | None) -> Effort:
        """Check both; None stands for the default."""
        near = ACCURACY if tolerance is None else scalar(tolerance, "tolerance")
        if not _FINEST <= near < 1.0:
            raise InvalidInput(
                f"`tolerance` must lie in [{_FINEST:g}, 1), as a share of the payoff range: floats tell nothing finer; "
                f"got {near:.6g}."
            )
        return cls(near, WORK if budget is None else whole(budget, "budget", 1))

    def budget(self) -> Budget:
        """Return a budget of that size."""
        return Budget(self.units)


Indices = NDArray[np.intp]


def once(rows: Floats, digits: int) -> tuple[Indices, Indices]:
    """Return where rows that differ in these digits occur first, in order, and the number of each row among them."""
    keys = rows.round(digits)
    order = np.lexsort(keys.T)  # equal rows stay in their order, and no records are made as by `np.unique`
    new = np.ones(len(rows), bool)
    new[1:] = (keys[order[1:]] != keys[order[:-1]]).any(axis=1)
    first, number = order[new], np.empty(len(rows), np.intp)
    number[order] = np.cumsum(new) - 1
    back = np.argsort(first)
    return first[back], np.argsort(back)[number]


TABLE = 1_000_000
"""Entries of a table that is computed in one piece."""


def farthest(points: Floats, directions: Floats) -> tuple[Indices, Floats]:
    """Return which of the points (V, n) is the farthest in each direction (d, n), and how far."""
    parts = np.array_split(directions, 1 + len(directions) * len(points) // TABLE)
    worth = [(part @ points.T).argmax(axis=1) for part in parts]
    places = np.concatenate(worth)
    return places, (points[places] * directions).sum(axis=1)


Sparse = Any  # a sparse matrix, which scipy does not annotate

_POLICIES = 30  # of policy iteration, which ends after a handful unless rounding decides
_SPEEDS = 5  # choices of the bounds that bind at u
_STILL = 1e-14  # of the unit box: F(x) - x that is rounding
_FIXED = 1e-10  # of the unit box: F(x) - x that the rounding of a linear system can cause
_ROUNDING = 3e-16  # of the unit box: without it levels that are exact would cut off points by rounding
_LARGE = 0.5  # levels with at least this share of the largest error are to be improved


class Diverging(Exception):
    """The chosen bounds have no fixed point, or not above the one of the payoff sets."""


class Functions(Protocol):
    """The bounds of all levels."""

    def largest(self, levels: Floats) -> tuple[Floats, Indices]:
        """Return F at some levels, and the functions that attain it."""

    def constants(self, chosen: Indices) -> Floats:
        """Return the constants of one function for each level."""

    def solved(self, chosen: Indices, right: Floats) -> Floats:
        """Solve x = right + M x for the slopes M of one function for each level; raise Diverging if nothing does."""


def fixed_point(functions: Functions, levels: Floats, steps: int = 1) -> Floats:
    """Return levels that hold if these do: the fixed point of F if it may be believed, else after steps to F."""
    limit = attracting(functions, levels)
    for _ in range(steps if limit is None else 1):
        before, levels = levels, np.minimum(levels, functions.largest(levels)[0])
        if (before - levels).max() <= _STILL:
            break
    if limit is None:
        return levels
    x, speeds = limit
    residual = max(float((functions.largest(x)[0] - x).max()), 0.0) + _ROUNDING
    return np.minimum(x + residual * speeds, levels)


def attracting(functions: Functions, levels: Floats) -> tuple[Floats, Floats] | None:
    """Return a fixed point of F and the speeds that prove it from levels that hold; None if there is none."""
    best = functions.largest(levels)[1]
    with suppress(Diverging):
        for _ in range(_POLICIES):
            x = functions.solved(best, functions.constants(best))
            value, other = functions.largest(x)
            better = value > x + _STILL
            if not better.any() or (best[better] == other[better]).all():
                return None if (value > x + _FIXED).any() else _believed(functions, x, levels, best)
            best = np.where(value > x + _STILL / 10, other, best)
    return None


def _believed(functions: Functions, x: Floats, levels: Floats, best: Indices) -> tuple[Floats, Floats] | None:
    """Return a fixed point with speeds along which all bounds stay below, up to levels that hold; None if not."""
    for _ in range(_SPEEDS):
        speeds = functions.solved(best, np.ones_like(x))
        if speeds.min() <= 0.0:
            return None
        u = beyond(x, levels, speeds)
        value, other = functions.largest(u)
        if (value < u).all():
            return x, speeds
        best = np.where(value < u, best, other)
    return None


def beyond(x: Floats, levels: Floats, speeds: Floats) -> Floats:
    """Return the first point, from x on at some speeds, above levels."""
    return np.asarray(x + max(float(((levels - x) / speeds).max()) * 1.001, 1e-12) * speeds)


class Affine(NamedTuple):
    """Functions of the levels: a constant and a few slopes each; every level has some."""

    faces: Indices  # (p,) the level that each bounds
    constant: Floats  # (p,)
    weights: Floats  # (p, k)
    columns: Indices  # (p, k)

    def at(self, levels: Floats) -> Floats:
        """Return their values."""
        return np.asarray(self.constant + (self.weights * levels[self.columns]).sum(axis=1))

    def and_at_least(self, levels: Floats) -> Affine:
        """Add a constant for every level that is finite."""
        faces = np.flatnonzero(np.isfinite(levels))
        none = np.zeros((faces.size, self.weights.shape[1]))
        more = Affine(faces, levels[faces], none, none.astype(np.intp))
        return Affine(*(np.concatenate(pair) for pair in zip(self, more, strict=True)))

    def largest(self, levels: Floats) -> tuple[Floats, Indices]:
        values = self.at(levels)
        order = np.lexsort((values, self.faces))
        along, last = self.faces[order], np.ones(order.size, bool)
        last[:-1] = along[1:] > along[:-1]
        return values[order[last]], order[last]

    def constants(self, chosen: Indices) -> Floats:
        return self.constant[chosen]

    def matrix(self, chosen: Indices, size: int) -> Sparse:
        """Return the slopes of functions, at most one a level, as a matrix."""
        from scipy.sparse import csc_matrix

        weights = self.weights[chosen]
        rows = np.repeat(self.faces[chosen], weights.shape[1])
        return csc_matrix((weights.ravel(), (rows, self.columns[chosen].ravel())), shape=(size, size))

    def solved(self, chosen: Indices, right: Floats) -> Floats:
        return solution(self.matrix(chosen, right.size), right)

    def passed_on(self, chosen: Indices, errors: Floats) -> Floats:
        """Return how much errors of some functions, one a level, matter for the levels that are off the most.

        Errors are passed on to all levels that depend on theirs. The weights are those in the sum of the totals that
        are larger than half the largest. If there is no fixed point, they are one.
        """
        with suppress(Diverging):
            slopes = self.matrix(chosen, errors.size)
            total = solution(slopes, errors)
            return solution(slopes.T, (total > total.max() * _LARGE).astype(float))
        return np.ones(errors.size)


def solution(slopes: Sparse, right: Floats) -> Floats:
    """Solve x = right + slopes x, with one step of refinement; raise Diverging if nothing does."""
    from scipy.sparse import csc_matrix, identity
    from scipy.sparse.linalg import splu

    try:
        factors = splu(csc_matrix(identity(slopes.shape[0], format="csc") - slopes))
    except RuntimeError:
        raise Diverging from None
    x = factors.solve(right)
    x = x + factors.solve(right + slopes @ x - x)  # without the rounding of the matrix
    if not np.isfinite(x).all():
        raise Diverging
    return np.asarray(x)
