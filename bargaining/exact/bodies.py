"""Polytopes of any number of players in exact arithmetic: the questions that the concepts ask, as rational programs.

Every float is a rational, so float data are answered exactly too. Points are mixed, and inequalities are met, by
variables of their own; what is feasible is then {x : x >= floor} within a small linear program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from bargaining._rational import Rationals, fractions, maximise
from bargaining.errors import Status
from bargaining.feasible.polytope import Polytope

Vector = tuple[Fraction, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Body:
    """A polytope and a disagreement point.

    Attributes
    ----------
    points : (m, n) array of Fraction, or None
        Whose mixtures are the set, if it is given by points.
    matrix, limits : (k, n) and (k,) arrays of Fraction, or None
        The inequalities, if it is given by these.
    disagreement : tuple of Fraction
    free_disposal : bool
        Whether everything below a mixture of the points is feasible.
    """

    points: Rationals | None
    matrix: Rationals | None
    limits: Rationals | None
    disagreement: Vector
    free_disposal: bool

    def most(self, weights: Sequence[Fraction | int], floor: Vector) -> Fraction | None:
        """Return the largest weights . x over the feasible x >= floor; None if there is no such x.

        Raises
        ------
        OverflowError
            If there is no largest.
        """
        w, low = _vector(weights), _vector(floor)
        if self.points is not None:
            rows, right = self._mixtures()
            rows, right = np.concatenate((rows, -self.points.T)), np.concatenate((right, -low))
            found = maximise(self.points @ w, rows, right)
            return None if found is None else found.value
        assert self.matrix is not None
        found = maximise(w, self.matrix, self.limits - self.matrix @ low)
        return None if found is None else found.value + w @ low

    def best(self, weights: Vector) -> Fraction:
        """Return the largest weights . x over the whole set.

        Raises
        ------
        OverflowError
            If there is no largest.
        """
        w = _vector(weights)
        if self.points is not None:
            return Fraction(max(self.points @ w))
        assert self.matrix is not None
        assert self.limits is not None
        found = maximise(
            np.concatenate((w, -w)), np.concatenate((self.matrix, -self.matrix), axis=1), self.limits
        )
        assert found is not None
        return found.value

    def ideal(self, floor: Vector | None = None) -> Vector | None:
        """Return each player's largest payoff over the feasible x >= floor, d by default; None if there are none."""
        low = self.disagreement if floor is None else floor
        n = len(low)
        best = [self.most([int(i == j) for j in range(n)], low) for i in range(n)]
        return None if None in best else tuple(x for x in best if x is not None)

    def furthest(
        self, origin: Vector, step: Vector, *, below: bool = False, nearest: bool = False
    ) -> Fraction | None:
        """Return the largest t >= 0 with origin + t * step in the set, or the smallest; None if there is none.

        With `below`, some feasible point need only be at least as good for everyone.
        """
        start, move = _vector(origin), _vector(step)
        sign = -1 if nearest else 1
        if self.points is not None:
            rows, right = self._mixtures()
            rows = np.concatenate((np.zeros((len(rows), 1), dtype=object) + Fraction(0), rows), axis=1)
            above = np.concatenate((move[:, None], -self.points.T), axis=1)
            rows, right = np.concatenate((rows, above)), np.concatenate((right, -start))
            if not (below or self.free_disposal):
                rows, right = np.concatenate((rows, -above)), np.concatenate((right, start))
            target = _vector([sign] + [0] * len(self.points))
        else:
            assert self.matrix is not None
            more = self.matrix if below else self.matrix[:, :0]
            rows = np.concatenate(((self.matrix @ move)[:, None], more), axis=1)
            right, target = self.limits - self.matrix @ start, _vector([sign] + [0] * more.shape[1])
        found = maximise(target, rows, right)
        return None if found is None else found.solution[0]

    def contains(self, x: Vector) -> bool:
        """Say whether x is feasible."""
        return self.furthest(x, (Fraction(0),) * len(x), nearest=True) is not None

    def spans(self) -> Vector:
        """Return a size for each player: the range of the points, or 1."""
        if self.points is None:
            return (Fraction(1),) * len(self.disagreement)
        return tuple(max(c) - min(c) or Fraction(1) for c in self.points.T.tolist())

    def _mixtures(self) -> tuple[Rationals, Rationals]:
        """Say that shares add up to one."""
        ones = fractions(np.ones((1, len(self.points) if self.points is not None else 0)))
        return np.concatenate((ones, -ones)), _vector([1, -1])


def body(feasible: Polytope, disagreement: Sequence[float]) -> Body:
    """Return a polytope as it holds its data, with a disagreement point."""
    d = tuple(Fraction(x) for x in disagreement)
    if feasible.inequalities is not None:
        matrix, limits = (fractions(a) for a in feasible.inequalities)
        return Body(points=None, matrix=matrix, limits=limits, disagreement=d, free_disposal=False)
    given = feasible.points if feasible.exact is None else np.array(feasible.exact, dtype=object)
    assert given is not None
    points = fractions(given)
    return Body(points=points, matrix=None, limits=None, disagreement=d, free_disposal=feasible.free_disposal)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactPoint:
    """An exact answer, or None, and how it ended."""

    payoffs: Vector | None
    status: Status


def along(body: Body, origin: Vector, step: Vector, *, nearest: bool = False) -> Vector | None:
    """Return the last, or the nearest, feasible point of a ray."""
    t = body.furthest(origin, step, nearest=nearest)
    return None if t is None else tuple(o + t * p for o, p in zip(origin, step, strict=True))


def lexicographic(body: Body, direction: Vector) -> Vector:
    """Return the point that raises everybody together in a direction, freezing who is blocked."""
    x, free = list(body.disagreement), [p > 0 for p in direction]
    while any(free):
        step = tuple(p if f else Fraction(0) for p, f in zip(direction, free, strict=True))
        t = body.furthest(tuple(x), step, below=True)
        assert t is not None
        x = [v + t * p for v, p in zip(x, step, strict=True)]
        for i in range(len(x)):
            if free[i]:
                most = body.most([int(i == j) for j in range(len(x))], tuple(x))
                free[i] = most is not None and most > x[i]
    return tuple(x)


def _vector(values: Any) -> Rationals:
    found = np.empty(len(values), dtype=object)
    found[:] = [Fraction(v) for v in values]
    return found
