r"""Polytopes in exact arithmetic, with the queries that the concepts need.

Every float is a rational number, so answers are exact for float data too. A polytope is the set of payoffs :math:`x = o
+ B s` over the :math:`s \ge 0` with :math:`A s \le b`. If it is given by points, o is one of them and s are the shares
of the others; if by inequalities, s has the positive and the negative parts of x. Queries are linear programs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from bargaining._rational import Rationals, fractions, maximise
from bargaining.exact.certify import Claim, Number
from bargaining.feasible._polygon import clip, pareto, ring
from bargaining.feasible.surplus import TransferableSurplus

Vector = tuple[Fraction, ...]
Pair = tuple[Fraction, Fraction]
ZERO, ONE = Fraction(0), Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Body:
    """A polytope and a disagreement point.

    Attributes
    ----------
    origin : (n,) array of Fraction
        The vector o.
    basis : (n, m) array of Fraction
        The matrix B.
    rows, limits : (k, m) and (k,) arrays of Fraction
        The matrix A and the vector b.
    disagreement : tuple of Fraction
    points : list of tuple of Fraction, or None
        The points that the set is given by.
    halfspaces : (matrix, bounds), or None
        The inequalities that the set is given by.
    free_disposal : bool
        Whether everything below a mixture of the points is feasible.
    """

    origin: Rationals
    basis: Rationals
    rows: Rationals
    limits: Rationals
    disagreement: Vector
    points: list[Vector] | None
    halfspaces: tuple[Rationals, Rationals] | None
    free_disposal: bool

    @property
    def what(self) -> str:
        """A description of the set."""
        n = len(self.disagreement)
        return "a polygon" if n == 2 else f"a polytope of {n} players"

    def most(self, weights: Iterable[Fraction | int], floor: Vector | None = None) -> Fraction | None:
        """Return the largest weights . x over the feasible x >= floor; None if there is no such x.

        Raises
        ------
        OverflowError
            If the maximum is infinite.
        """
        x = self._best(weights, floor)
        return None if x is None else dot(weights, x)

    def top(self, weights: Vector) -> Vector | None:
        """Return a feasible point with the largest weights . x; None if nothing is feasible."""
        return self._best(weights, None)

    def _best(self, weights: Iterable[Fraction | int], floor: Vector | None) -> Vector | None:
        rows, limits = self.rows, self.limits
        if floor is not None:
            rows = np.concatenate((rows, -self.basis))
            limits = np.concatenate((limits, self.origin - vector(floor)))
        found = maximise(vector(weights) @ self.basis, rows, limits)
        return None if found is None else tuple(self.origin + self.basis @ vector(found.solution))

    def ideal(self, floor: Vector | None = None) -> Vector | None:
        """Return each player's largest payoff over the feasible x >= floor, d by default; None if there are none."""
        low = self.disagreement if floor is None else floor
        best = [self.most(row, low) for row in np.eye(len(low), dtype=int).tolist()]
        return None if None in best else tuple(x for x in best if x is not None)

    def furthest(
        self, origin: Vector, step: Vector, *, below: bool = False, nearest: bool = False
    ) -> Fraction | None:
        """Return the largest t >= 0 with origin + t * step in the set, or the smallest; None if there is none.

        With `below`, a point of the ray also counts if some feasible point is at least as good for everyone.
        """
        above = np.column_stack((vector(step), -self.basis))
        room = self.origin - vector(origin)
        rows = [np.column_stack((np.full(len(self.rows), ZERO), self.rows)), above]
        limits = [self.limits, room]
        if not below:
            rows, limits = [*rows, -above], [*limits, -room]
        goal = np.full(above.shape[1], ZERO)
        goal[0] = -ONE if nearest else ONE
        found = maximise(goal, np.concatenate(rows), np.concatenate(limits))
        return None if found is None else found.solution[0]

    def contains(self, x: Vector) -> bool:
        """Say whether x is feasible."""
        return self.furthest(x, (ZERO,) * len(x), nearest=True) is not None

    def spans(self) -> Vector:
        """Return a size for each player: the range of the points, or 1."""
        columns = zip(*(self.points or [self.disagreement]), strict=True)
        return tuple(max(c) - min(c) or ONE for c in columns)

    def frontier(self, ideal: Vector) -> list[Pair]:
        """Return the corners of two players' Pareto frontier at or above d, the best for player 1 first.

        Parameters
        ----------
        ideal : tuple of Fraction
            The ideal point.
        """
        low = self.disagreement
        (left, down), (right, up) = low, ideal
        corners: list[Pair] = [(left, down), (right, down), (right, up), (left, up)]
        if self.halfspaces is not None:
            for (a, b), limit in zip(self.halfspaces[0].tolist(), self.halfspaces[1], strict=True):
                corners = clip(corners, (a, b), limit)
        else:
            pairs: list[Pair] = [(x, y) for x, y in self.points or []]
            if self.free_disposal:
                first, last = (min(c) for c in zip(*pairs, low, strict=True))
                pairs += [(first, last), (first, max(y for _, y in pairs)), (max(x for x, _ in pairs), last)]
            corners = clip(clip(ring(pairs), (-ONE, ZERO), -left), (ZERO, -ONE), -down)
        return pareto(ring(corners))


def body_of(claim: Claim) -> Body:
    """Return the polytope, or the surplus, that a claim is about."""
    n, feasible = len(claim.payoffs), claim.feasible
    if isinstance(feasible, TransferableSurplus):
        matrix, limits = fractions(np.ones((1, n))), vector([claim.at_cell(feasible.total)])
    elif feasible.inequalities is not None:
        matrix, limits = fractions(feasible.inequalities[0]), fractions(feasible.inequalities[1])
    else:
        known = feasible.points if feasible.exact is None else np.array(feasible.exact, dtype=object)
        return mixtures(fractions(known), claim.disagreement, free_disposal=feasible.free_disposal)
    unit = fractions(np.eye(n))
    return Body(
        origin=np.full(n, ZERO),
        basis=np.concatenate((unit, -unit), axis=1),
        rows=np.concatenate((matrix, -matrix), axis=1),
        limits=limits,
        disagreement=tuple(vector(claim.disagreement)),
        points=None,
        halfspaces=(matrix, limits),
        free_disposal=False,
    )


def mixtures(points: Rationals, disagreement: Sequence[Number], *, free_disposal: bool) -> Body:
    """Return the mixtures of points, shape (m, n), with everything below them if there is free disposal."""
    n = points.shape[1]
    basis = (points[1:] - points[0]).T
    rows = np.full((1, len(points) - 1), ONE)
    if free_disposal:
        basis = np.concatenate((basis, -fractions(np.eye(n))), axis=1)
        rows = np.concatenate((rows, np.full((1, n), ZERO)), axis=1)
    return Body(
        origin=points[0],
        basis=basis,
        rows=rows,
        limits=vector([1]),
        disagreement=tuple(vector(disagreement)),
        points=[tuple(row) for row in points.tolist()],
        halfspaces=None,
        free_disposal=free_disposal,
    )


def dot(x: Iterable[Fraction | int], y: Iterable[Fraction]) -> Fraction:
    """Return the sum of products."""
    return sum((a * b for a, b in zip(x, y, strict=True)), ZERO)


def difference(x: Vector, y: Vector) -> Vector:
    """Return x - y."""
    return tuple(a - b for a, b in zip(x, y, strict=True))


def vector(values: Iterable[Any]) -> Rationals:
    """Return a vector of Fractions."""
    listed = [Fraction(v) for v in values]
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return array
