r"""Many small linear programs of one shape at once, by the dual simplex method.

Program p maximises :math:`q_p \cdot x` over a polyhedron :math:`\{x : N x \le r\}` in k variables. A basis is k rows B
of N; its multipliers y solve :math:`N_B^\top y = q` and are kept from falling below zero, so that
:math:`r_B \cdot y` is a bound *whatever the right-hand sides are*. A basis serves on when they change, and the
method goes on from it: the row that is violated most enters, and the ratio test says which one leaves.

A pull that is itself a normal leaves multipliers at zero. Ties are broken by a second, random pull that counts
only where the first is level, so that the method does not go round in circles.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._affine import once

Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]

_FEASIBLE = 1e-13  # a row counts as satisfied; more where rows of the basis are nearly parallel
_ROUNDING = 1e-15  # of a row, for each unit of the inverse of its basis
_LEVEL = 1e-12  # of multipliers
_PIVOT = 1e-8  # below it rows are too close to parallel to be in one basis
_EMPTY = 1e-10  # by which a row must be missed before a program counts as infeasible
_ENTRIES = 2_000_000  # of a table of programs and rows
_PIVOTS = 200  # a program; programs of few rows end after a few
_UPDATED = 12  # rows of a basis from which on its inverse is updated, not computed anew
_SMALL, _ROWS = 4, 50  # units of work of a pivot, whatever its rows, and rows that count as one more


class Polyhedra(Protocol):
    """The rows of all programs, by their owners."""

    def normals(self, owners: Indices, rows: Indices) -> Floats:
        """Return the normals of rows (p, m), shape (p, m, k)."""

    def rights(self, owners: Indices, rows: Indices) -> Floats:
        """Return the right-hand sides of rows (p, m)."""

    def violated(self, owners: Indices, points: Floats) -> tuple[Indices, Floats]:
        """Return the row that each of the points (p, k) violates most, and by how much."""


@dataclass(slots=True, eq=False)
class Bases:
    """One basis a program."""

    pulls: Floats  # (p, k)
    owners: Indices  # (p,)
    rows: Indices  # (p, k)
    inverses: Floats  # (p, k, k) of the rows' normals
    ties: Floats  # (p, k) second pulls

    @classmethod
    def at(cls, polyhedra: Polyhedra, pulls: Floats, owners: Indices, rows: Indices) -> Bases:
        """Start from rows whose multipliers are not negative."""
        basis = polyhedra.normals(owners, rows)
        shares = np.random.default_rng(0).uniform(1.0, 2.0, rows.shape)
        return cls(
            pulls,
            owners,
            rows,
            np.asarray(np.linalg.inv(basis), float),
            np.einsum("pji,pj->pi", basis, shares),
        )

    def take(self, chosen: Indices | Flags) -> Bases:
        """Return some of the programs."""
        return Bases(*(getattr(self, item.name)[chosen] for item in fields(self)))

    def joined(self, other: Bases) -> Bases:
        """Return the programs of both."""
        pairs = [(getattr(self, item.name), getattr(other, item.name)) for item in fields(self)]
        return Bases(*(np.concatenate(pair) for pair in pairs))

    def refresh(self, polyhedra: Polyhedra) -> None:
        """Compute the inverses anew where they were updated."""
        if self.rows.shape[1] > _UPDATED:
            with suppress(np.linalg.LinAlgError):
                self.inverses = np.asarray(np.linalg.inv(polyhedra.normals(self.owners, self.rows)), float)

    def multipliers(self) -> Floats:
        """Return y with N_B' y = q, shape (p, k)."""
        return np.asarray(np.einsum("pji,pj->pi", self.inverses, self.pulls))

    def points(self, polyhedra: Polyhedra) -> Floats:
        """Return where the rows of each basis meet, shape (p, k)."""
        return np.asarray(np.einsum("pij,pj->pi", self.inverses, polyhedra.rights(self.owners, self.rows)))

    def repaired(self, polyhedra: Polyhedra) -> tuple[Floats, Floats]:
        """Return non-negative multipliers, and the remainder of each pull."""
        weights = np.maximum(self.multipliers(), 0.0)
        normals = polyhedra.normals(self.owners, self.rows)
        return weights, self.pulls - np.einsum("pj,pji->pi", weights, normals)


def optimise(polyhedra: Polyhedra, bases: Bases) -> None:
    """Solve all programs, each of which has a solution."""
    left = np.arange(len(bases.rows))
    for _ in range(_PIVOTS):
        if not left.size:
            break
        left = left[~pivot(polyhedra, bases, left)[0]]
    bases.refresh(polyhedra)


def work(programs: int, rows: int) -> int:
    """Return how many units of a budget one pivot of each program is worth."""
    return programs * (_SMALL + rows // _ROWS)


def pivot(polyhedra: Polyhedra, bases: Bases, chosen: Indices) -> tuple[Flags, Flags]:
    """Let the row that each of the chosen programs violates most enter its basis.

    Returns which of them violate no row (or are stuck, by rounding), and which are infeasible: with no row to leave,
    the one that enters is a combination of the others which demands more than it allows.
    """
    part = bases.take(chosen)
    points, every = part.points(polyhedra), np.arange(chosen.size)
    parts = [
        polyhedra.violated(part.owners[some], points[some])
        for some in np.array_split(every, 1 + chosen.size * part.rows.shape[1] ** 2 // _ENTRIES)
    ]
    entering, by = (np.concatenate(each) for each in zip(*parts, strict=True))
    normal = polyhedra.normals(part.owners, entering[:, None])[:, 0]
    steps = np.einsum("pji,pj->pi", part.inverses, normal)
    leaving, blocked = _leaving(part, steps)
    exact = _FEASIBLE + _ROUNDING * np.abs(part.inverses).max(axis=(1, 2))
    done = (by <= exact) | blocked | (part.rows == entering[:, None]).any(axis=1)
    # A basis of nearly parallel rows misplaces its point; steps up to `_PIVOT` count as none but leave some room.
    missed = np.maximum(_EMPTY, exact) * (1.0 + np.abs(steps).sum(axis=1))
    empty = (by > missed + steps.shape[1] * np.maximum(steps, 0.0).sum(axis=1)) & blocked
    go = np.flatnonzero(~done)
    rows = part.rows[go]
    rows[np.arange(go.size), leaving[go]] = entering[go]
    if rows.shape[1] > _UPDATED:
        inverse, step = part.inverses[go], steps[go]
        size = np.arange(go.size), leaving[go]
        column = inverse[size[0], :, size[1]] / step[size][:, None]
        step[size] -= 1.0
        bases.rows[chosen[go]] = rows
        bases.inverses[chosen[go]] = inverse - column[:, :, None] * step[:, None, :]
        return done, empty
    basis = polyhedra.normals(part.owners[go], rows)
    regular = np.abs(np.linalg.det(basis)) > _FEASIBLE
    done[go[~regular]] = True
    go, rows, basis = chosen[go[regular]], rows[regular], basis[regular]
    bases.rows[go], bases.inverses[go] = rows, np.linalg.inv(basis)
    return done, empty


def _leaving(part: Bases, steps: Floats) -> tuple[Indices, Flags]:
    """Return the row whose multiplier is the first to reach zero; and where none falls."""
    multipliers, second = part.multipliers(), np.einsum("pji,pj->pi", part.inverses, part.ties)
    falls = steps > _PIVOT
    safe = np.where(falls, steps, 1.0)
    ratio = np.where(falls, np.where(multipliers > _LEVEL, multipliers, 0.0) / safe, np.inf)
    level = falls & (ratio <= ratio.min(axis=1, keepdims=True) + _LEVEL)
    blocked: Flags = np.logical_not(falls.any(axis=1))
    return np.where(level, second / safe, np.inf).argmin(axis=1), blocked


@dataclass(frozen=True, slots=True, eq=False)
class Continuations:
    """The continuations (Z, n) after the outcomes of each profile: within half-spaces, and within its constraints.

    The row k < K is a constraint; the row K + j Z + z is the half-space j after the outcome z.
    """

    directions: Floats  # (J, n)
    levels: Floats  # (S, J)
    ahead: Indices  # (N, Z)
    who: Indices  # (K,)
    weights: Floats  # (N, K, Z)
    needed: Floats  # (N, K)

    @classmethod
    def plain(cls, directions: Floats, levels: Floats) -> Continuations:
        """Return the points below half-spaces, without constraints, of one owner."""
        none = np.zeros((1, 0, 1))
        return cls(
            directions, levels[None], np.zeros((1, 1), np.intp), np.zeros(0, np.intp), none, none[..., 0]
        )

    def split(self, rows: Indices) -> tuple[Flags, Indices, Indices, Indices]:
        """Return which rows are constraints, which, and the half-spaces and outcomes of the others."""
        count, outcomes = len(self.who), self.ahead.shape[1]
        bound = rows < count
        face, after = np.divmod(np.where(bound, 0, rows - count), outcomes)
        return bound, np.where(bound, rows, 0), face, after

    def normals(self, owners: Indices, rows: Indices) -> Floats:
        """Return the normals of rows (p, m), shape (p, m, Z n)."""
        bound, k, face, after = self.split(rows)
        outcomes = self.ahead.shape[1]
        out = np.zeros((*rows.shape, outcomes, self.directions.shape[1]))
        p, m = np.nonzero(~bound)
        out[p, m, after[p, m]] = self.directions[face[p, m]]
        p, m = np.nonzero(bound)
        out[p, m, :, self.who[k[p, m]]] = -self.weights[owners[p], k[p, m]]
        return out.reshape(*rows.shape, outcomes * self.directions.shape[1])

    def rights(self, owners: Indices, rows: Indices) -> Floats:
        """Return the right-hand sides of rows (p, m)."""
        bound, k, face, after = self.split(rows)
        owner = owners[:, None]
        level = self.levels[self.ahead[owner, after], face]
        return np.asarray(np.where(bound, -self.needed[owner, k], level) if self.who.size else level)

    def violated(self, owners: Indices, points: Floats) -> tuple[Indices, Floats]:
        """Return the row that each of the points (p, Z n) violates most, and by how much."""
        later = points.reshape(len(points), self.ahead.shape[1], self.directions.shape[1])
        table = later @ self.directions.T
        table -= self.levels[self.ahead[owners]]  # (p, Z, J)
        flat = table.swapaxes(1, 2).reshape(len(points), -1)
        worst = flat.argmax(axis=1)
        by, rows = flat[np.arange(len(points)), worst], worst + len(self.who)
        if self.who.size:
            short = self.needed[owners] - np.einsum(
                "pkz,pzk->pk", self.weights[owners], later[:, :, self.who]
            )
            most = short.argmax(axis=1)
            far = short[np.arange(len(points)), most]
            by, rows = np.where(far > by, far, by), np.where(far > by, most, rows)
        return rows, by


def reach(directions: Floats, levels: Floats, others: Floats) -> Floats:
    """Return bounds on x in other directions below half-spaces, of which the axes and their opposites come first."""
    if not len(others):
        return np.empty(0)
    n, polyhedra = others.shape[1], Continuations.plain(directions, levels)
    rows = np.where(others > 0, np.arange(n), n + np.arange(n))
    bases = Bases.at(polyhedra, others, np.zeros(len(others), np.intp), rows)
    optimise(polyhedra, bases)
    weights, rest = bases.repaired(polyhedra)
    return np.asarray((weights * levels[bases.rows]).sum(axis=1) + np.maximum(rest, 0.0).sum(axis=1))


def distinct(directions: Floats, digits: int = 7) -> Floats:
    """Return each direction once, in the order given."""
    return np.asarray(directions[once(directions, digits)[0]])
