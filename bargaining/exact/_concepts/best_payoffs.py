"""What everybody can still get beside many points at once, in integers: linear programs answered from their bases.

An optimal basis says how a player's best payoff depends on the point as long as a few linear forms stay non-negative,
and is above it elsewhere. It is found by solving the program once and then only evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bargaining._rational import Integers, Rationals, integers, maximise, solve
from bargaining.exact._concepts.bodies import Body, Vector, vector

Places = NDArray[np.intp]

SHORT = 24  # binary digits


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """A player's gain g = gain . (1, x) / size beside the points x with needs (1, x) >= 0, and at most g elsewhere.

    Attributes
    ----------
    gain : (n + 1,) array of int
    size : int
    needs : (k, n + 1) array of int
    """

    gain: Integers
    size: int
    needs: Integers

    def answers(self, points: Integers) -> NDArray[np.bool_]:
        """Say of each homogeneous point whether the gain is attained there."""
        met: NDArray[np.bool_] = np.asarray(self.needs @ points >= 0, dtype=bool)
        return np.logical_and.reduce(met, axis=0)  # type: ignore[no-any-return]

    def agrees(self, other: Basis) -> bool:
        """Say whether two bases give the same gains everywhere."""
        return bool((self.gain * other.size == other.gain * self.size).all())


class Answers:
    """The gains of the players of a body, in units of their own above an origin."""

    def __init__(self, body: Body, units: Vector) -> None:
        self.players = len(units)
        matrix, table, self.objectives = _program(body, units)
        rows = _whole(np.concatenate((matrix, table), axis=1))
        self.matrix, self.table = rows[:, : -self.players - 1], rows[:, -self.players - 1 :]
        self.bases: list[list[Basis]] = [[] for _ in units]

    def at(self, player: int, points: Integers, first: Basis | None = None) -> list[Basis | None]:
        """Return a basis that answers at each homogeneous point; None where nothing is at or above it."""
        found: list[Basis | None] = [None] * points.shape[1]
        known = [b for b in self.bases[player][::-1] if b is not first]
        left = np.arange(points.shape[1])
        for basis in known if first is None else [first, *known]:
            left = _filled(found, left, basis, points)
        while left.size:
            made = self._found(player, points[:, left[0]])
            if made is None:
                left = left[1:]
                continue
            self.bases[player].append(made)
            left = _filled(found, left, made, points)
        return found

    def _found(self, player: int, point: Integers) -> Basis | None:
        """Return a basis that answers at a homogeneous point, that of a point of few digits nearby if it does."""
        short = point >> max(int(point[0]).bit_length() - SHORT, 0)
        near = self._solved(player, short) if short[0] < point[0] else None
        return near if near is not None and near.answers(point[:, None])[0] else self._solved(player, point)

    def _solved(self, player: int, point: Integers) -> Basis | None:
        """Return an optimal basis beside a homogeneous point."""
        right = np.empty(len(self.table), dtype=object)
        right[:] = [Fraction(v, point[0]) for v in (self.table @ point).tolist()]
        objective, base = self.objectives[player]
        program = maximise(objective, self.matrix, right)
        if program is None:
            return None
        columns = self.matrix.shape[1]
        used = [b for b in program.basis if b < columns]
        slack = [b - columns for b in program.basis if b >= columns]
        tight = [i for i in range(len(self.table)) if i not in set(slack)]
        values = _solutions(self.matrix[np.ix_(tight, used)], self.table[tight])
        rest = self.table[slack] - self.matrix[np.ix_(slack, used)] @ values
        gain, size = integers(objective[used] @ values + base)
        return Basis(gain=gain, size=size, needs=_whole(np.concatenate((values, rest))))


def _filled(found: list[Basis | None], left: Places, basis: Basis, points: Integers) -> Places:
    """Enter a basis where it answers, of the places left, and return the others."""
    if not left.size:
        return left
    good = basis.answers(points[:, left])
    for k in left[good]:
        found[k] = basis
    rest: Places = left[~good]
    return rest


def _program(body: Body, units: Vector) -> tuple[Rationals, Rationals, list[tuple[Rationals, Rationals]]]:
    """Return a matrix, bounds as functions of (1, x), and each player's objective and what to add to it.

    Above the disagreement point in the given units: points are mixed, or inequalities met by what is above x.
    """
    n, size = len(units), vector(units)
    d, eye = vector(body.disagreement), vector([0] * n * n).reshape(n, n)
    eye[np.diag_indices(n)] = Fraction(1)
    zero, ones = eye[0] * 0, vector([1] * n)
    if body.points is None:
        assert body.matrix is not None
        assert body.limits is not None
        matrix = body.matrix * size
        table = np.concatenate(((body.limits - body.matrix @ d)[:, None], -matrix), axis=1)
        return matrix, table, [(e, vector([0, *zero])) for e in eye]
    points = (body.points - d) / size
    one = vector([1] * len(points))[None]
    matrix = np.concatenate((one, -one, -points.T))
    fixed, moving = (
        np.concatenate((ones[:1], -ones[:1], zero)),
        np.concatenate((zero[None], zero[None], -eye)),
    )
    if body.floor is not None:
        low = (vector(body.floor) - d) / size
        matrix = np.concatenate((matrix, -points.T))
        fixed, moving = np.concatenate((fixed, -low)), np.concatenate((moving, eye * 0))
    table = np.concatenate((fixed[:, None], moving), axis=1)
    return matrix, table, [(points[:, i], vector([0, *-eye[i]])) for i in range(n)]


def _solutions(matrix: Rationals, table: Integers) -> Rationals:
    """Solve a square system for every column of a table."""
    columns = []
    for right in table.T:
        found = solve(matrix, vector(right))
        assert found is not None
        columns.append(vector(found))
    return np.stack(columns, axis=1)


def _whole(table: Rationals) -> Integers:
    """Scale every row to integers."""
    rows = [integers(row)[0] for row in table]
    return np.stack(rows) if rows else table
