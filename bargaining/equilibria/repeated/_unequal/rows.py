"""Largest affine functions of the levels of faces: their fixed points, and how fast these move, by policy iteration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats

_POLICIES = 60

Index = NDArray[np.intp]


class Astray(Exception):
    """The levels do not contract under some policy, so that they must be lowered step by step."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Affine functions of the levels, each an upper bound for one face unless another row is higher."""

    face: Index
    profile: Index  # whose payoffs it bounds, -1 for the outcomes of leaving
    first: Index
    y: Floats
    second: Index
    x: Floats
    threat: Floats  # the weights of the two lower faces
    other: Floats
    constant: Floats
    low: list[int]

    @classmethod
    def fixed(cls, levels: Floats) -> Rows:
        """Return constants, for the faces where they are finite."""
        face = np.flatnonzero(np.isfinite(levels))
        none, zero = np.zeros(face.size, dtype=np.intp), np.zeros(face.size)
        return cls(face, none - 1, none, zero, none, zero, zero, zero, levels[face], [0, 0])

    def joined(self, more: Rows) -> Rows:
        """Return these rows and more."""
        return self._mapped(lambda name: np.concatenate([getattr(self, name), getattr(more, name)]), more.low)

    def only(self, policy: Index) -> Rows:
        """Return the rows of a policy."""
        return self._mapped(lambda name: getattr(self, name)[policy], self.low)

    def _mapped(self, change: Callable[[str], Any], low: list[int]) -> Rows:
        return Rows(**{each.name: change(each.name) for each in fields(self) if each.name != "low"}, low=low)

    def still(self, at: NDArray[np.bool_], level: Floats | float) -> Rows:
        """Return the rows, some of them constant."""
        y, x, threat, other = (np.where(at, 0.0, w) for w in (self.y, self.x, self.threat, self.other))
        constant = self.constant.copy()
        constant[at] = level
        return replace(self, y=y, x=x, threat=threat, other=other, constant=constant)

    def slopes(self, slack: Floats) -> Floats:
        """Return speeds z = slack + max of all rows' weighted sums of z, 0 where every row is constant."""
        moves = self.y + self.x + self.threat + self.other > 0.0
        return self.speeds(np.where(moves, slack[self.face], 0.0))

    def speeds(self, slack: Floats) -> Floats:
        """Return the largest of each face's rows of slack + weighted sums of what is returned.

        There are such speeds, none of them negative, only if the rows contract: Astray if they do not.
        """
        unit, policy, speeds = replace(self, constant=slack), None, np.zeros(int(self.face.max()) + 1)
        for _ in range(_POLICIES):
            better = unit.best(speeds, policy)
            if policy is not None and (better == policy).all():
                return speeds
            policy = better
            speeds = unit.only(policy).solved()
            if not (speeds >= 0.0).all():
                break
        raise Astray

    def sums(self, speeds: Floats) -> Floats:
        """Return the rows' weighted sums."""
        moved = self.y * speeds[self.first] + self.x * speeds[self.second]
        return np.asarray(moved + self.threat * speeds[self.low[0]] + self.other * speeds[self.low[1]])

    def values(self, levels: Floats) -> Floats:
        """Return the rows' values."""
        return self.constant + self.sums(levels)

    def best(self, levels: Floats, policy: Index | None) -> Index:
        """Return the highest row of each face; the one it had if no other is higher but for rounding."""
        value = self.values(levels)
        order = np.lexsort((value, self.face))
        ends = np.append(self.face[order][1:] != self.face[order][:-1], True)
        chosen: Index = order[ends]
        return chosen if policy is None else np.where(value[chosen] > value[policy] + 1e-14, chosen, policy)

    def solved(self) -> Floats:
        """Return the levels that equal the rows, one a face in their order; Astray if there are none."""
        from scipy.sparse import csc_matrix, identity
        from scipy.sparse.linalg import splu

        count = len(self.face)
        faces = [self.first, self.second, *(np.full(count, k) for k in self.low)]
        weights = np.concatenate([self.y, self.x, self.threat, self.other])
        entries = weights, (np.tile(np.arange(count), 4), np.concatenate(faces))
        matrix = csc_matrix(entries, shape=(count, count))
        try:
            factors = splu(csc_matrix(identity(count, format="csc") - matrix))
        except RuntimeError as singular:
            raise Astray from singular
        levels = factors.solve(self.constant)
        levels += factors.solve(self.constant + matrix @ levels - levels)
        if not np.isfinite(levels).all():
            raise Astray
        return np.asarray(levels)
