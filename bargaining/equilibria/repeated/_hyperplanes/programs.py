r"""Many small linear programs over the same half-spaces at once, by the dual simplex method.

Program p maximises :math:`q_p \cdot x` over :math:`\{x : N x \le r\}` in k variables, where r belongs to its owner. A
basis is k rows B of N; its multipliers y solve :math:`N_B^\top y = q` and are kept from falling below zero, so that
:math:`r_B \cdot y` is a bound *whatever the right-hand sides are*. A basis serves on when they change, and the
method goes on from it: the row that is violated most enters, and the ratio test says which one leaves.

A pull that is itself a normal leaves multipliers at zero. Ties are broken by a second, random pull that counts
only where the first is level, so that the method does not go round in circles.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats

Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]

_FEASIBLE = 1e-13  # a row counts as satisfied; more where rows of the basis are nearly parallel
_ROUNDING = 1e-15  # of a row, for each unit of the inverse of its basis
_LEVEL = 1e-12  # of multipliers
_PIVOT = 1e-8  # below it rows are too close to parallel to be in one basis
_EMPTY = 1e-10  # by which a row must be missed before a program counts as infeasible
_ENTRIES = 2_000_000  # of a table of programs and rows
_PIVOTS = 100  # a program; programs of few rows end after a few
_SMALL, _ROWS = 4, 50  # units of work of a pivot, whatever its rows, and rows that count as one more


@dataclass(slots=True, eq=False)
class Bases:
    """One basis a program."""

    pulls: Floats  # (p, k)
    owners: Indices  # (p,) whose right-hand sides
    rows: Indices  # (p, k)
    inverses: Floats  # (p, k, k) of the rows' normals
    ties: Floats  # (p, k) second pulls

    @classmethod
    def at(cls, normals: Floats, pulls: Floats, owners: Indices, rows: Indices) -> Bases:
        """Start from rows whose multipliers are not negative."""
        basis = normals[rows]
        shares = np.random.default_rng(0).uniform(1.0, 2.0, rows.shape)
        inverses: Floats = np.asarray(np.linalg.inv(basis), float)
        return cls(pulls, owners, rows, inverses, np.einsum("pji,pj->pi", basis, shares))

    def take(self, chosen: Indices | Flags) -> Bases:
        """Return some of the programs."""
        return Bases(*(getattr(self, item.name)[chosen] for item in fields(self)))

    def joined(self, other: Bases) -> Bases:
        """Return the programs of both."""
        pairs = [(getattr(self, item.name), getattr(other, item.name)) for item in fields(self)]
        return Bases(*(np.concatenate(pair) for pair in pairs))

    def multipliers(self) -> Floats:
        """Return y with N_B' y = q, shape (p, k)."""
        return np.asarray(np.einsum("pji,pj->pi", self.inverses, self.pulls))

    def points(self, rights: Floats) -> Floats:
        """Return where the rows of each basis meet, shape (p, k)."""
        return np.asarray(np.einsum("pij,pj->pi", self.inverses, rights[self.owners[:, None], self.rows]))

    def repaired(self, normals: Floats) -> tuple[Floats, Floats]:
        """Return non-negative multipliers, and the remainder of each pull."""
        weights = np.maximum(self.multipliers(), 0.0)
        return weights, self.pulls - np.einsum("pj,pji->pi", weights, normals[self.rows])


def reach(normals: Floats, levels: Floats, directions: Floats) -> Floats:
    """Return bounds on x in other directions below half-spaces, of which the axes and their opposites come first."""
    if not len(directions):
        return np.empty(0)
    n = directions.shape[1]
    rows = np.where(directions > 0, np.arange(n), n + np.arange(n))
    bases = Bases.at(normals, directions, np.zeros(len(directions), np.intp), rows)
    optimise(normals, levels[None], bases)
    weights, rest = bases.repaired(normals)
    return np.asarray((weights * levels[bases.rows]).sum(axis=1) + np.maximum(rest, 0.0).sum(axis=1))


def optimise(normals: Floats, rights: Floats, bases: Bases) -> None:
    """Solve all programs, each of which has a solution."""
    left = np.arange(len(bases.rows))
    for _ in range(_PIVOTS):
        if not left.size:
            break
        left = left[~pivot(normals, rights, bases, left)[0]]


def work(programs: int, rows: int) -> int:
    """Return how many units of a budget one pivot of each program is worth."""
    return programs * (_SMALL + rows // _ROWS)


def pivot(normals: Floats, rights: Floats, bases: Bases, chosen: Indices) -> tuple[Flags, Flags]:
    """Let the row that each of the chosen programs violates most enter its basis.

    Returns which of them were optimal (or stuck, by rounding), and which are infeasible: with no row to leave, the
    one that enters is a combination of the others which demands more than it allows.
    """
    part = bases.take(chosen)
    entering, by = _violated(normals, rights, part)
    steps = np.einsum("pji,pj->pi", part.inverses, normals[entering])
    leaving, blocked = _leaving(part, steps)
    exact = _FEASIBLE + _ROUNDING * np.abs(part.inverses).max(axis=(1, 2))
    done = (by <= exact) | blocked
    # A basis of nearly parallel rows misplaces its point; steps up to `_PIVOT` count as none but leave some room.
    missed = np.maximum(_EMPTY, exact) * (1.0 + np.abs(steps).sum(axis=1))
    empty = (by > missed + steps.shape[1] * np.maximum(steps, 0.0).sum(axis=1)) & blocked
    go = np.flatnonzero(~done)
    rows = part.rows[go]
    rows[np.arange(go.size), leaving[go]] = entering[go]
    regular = np.abs(np.linalg.det(normals[rows])) > _FEASIBLE
    done[go[~regular]] = True
    go, rows = chosen[go[regular]], rows[regular]
    bases.rows[go], bases.inverses[go] = rows, np.linalg.inv(normals[rows])
    return done, empty


def _violated(normals: Floats, rights: Floats, part: Bases) -> tuple[Indices, Floats]:
    """Return the row that each basis violates most, and by how much."""
    points, count = part.points(rights), len(part.rows)
    worst, by = np.empty(count, np.intp), np.empty(count)
    for group in np.array_split(np.arange(count), 1 + count * len(normals) // _ENTRIES):
        table = points[group] @ normals.T
        table -= rights[part.owners[group]]
        worst[group] = table.argmax(axis=1)
        by[group] = table[np.arange(group.size), worst[group]]
    return worst, by


def _leaving(part: Bases, steps: Floats) -> tuple[Indices, Flags]:
    """Return the row whose multiplier is the first to reach zero; and where none falls."""
    multipliers, second = part.multipliers(), np.einsum("pji,pj->pi", part.inverses, part.ties)
    falls = steps > _PIVOT
    safe = np.where(falls, steps, 1.0)
    ratio = np.where(falls, np.where(multipliers > _LEVEL, multipliers, 0.0) / safe, np.inf)
    level = falls & (ratio <= ratio.min(axis=1, keepdims=True) + _LEVEL)
    leaving: Indices = np.where(level, second / safe, np.inf).argmin(axis=1)
    blocked: Flags = ~np.any(falls, axis=1)
    return leaving, blocked
