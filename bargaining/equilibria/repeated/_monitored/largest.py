r"""The largest self-generating polygon with given normals: one linear program, however patient the players are.

Corner k of the polygon :math:`\{n_j x \le c_j\}` lies where sides k and k + 1 meet, so it is linear in the levels c. A
profile is played there and continuations :math:`w_k(y)` follow. The conditions that they generate the corner, that no
deviation pays, and that they lie in the polygon are all linear in (c, w). So is the distance of the polygon from the
half-planes that contain all equilibrium payoffs, which is minimised. Only those sides that matter constrain the
continuations.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria.repeated._monitored.outline import Outline
from bargaining.equilibria.repeated._monitored.programs import EXACT, Indices, Programs

_NEAREST = 8  # sides that bound a continuation at first
_ROUNDS = 12  # in which half-planes that a solution violates are added
_BEYOND = 1e-10  # by which continuations may leave the polygon; the next step corrects it
_MEAN = 0.1  # the weight of the mean of all levels, relative to the largest gap


class Rows(NamedTuple):
    """Rows of a sparse matrix: (row, column, value) triples, and the right-hand sides."""

    rows: Indices
    columns: Indices
    values: Floats
    right: Floats

    @classmethod
    def of(cls, columns: Indices, values: Floats, right: Floats) -> Rows:
        """Build R rows from (R, k) columns and values."""
        rows = np.repeat(np.arange(len(columns)), columns.shape[1])
        return cls(rows, columns.ravel(), values.ravel(), right)

    def below(self, other: Rows) -> Rows:
        """Append other rows."""
        return Rows(
            np.append(self.rows, other.rows + len(self.right)),
            np.append(self.columns, other.columns),
            np.append(self.values, other.values),
            np.append(self.right, other.right),
        )


def largest(
    programs: Programs,
    ends: Floats,
    normals: Floats,
    levels: Floats,
    outline: Outline,
    owners: Indices,
    continuations: Floats,
) -> tuple[Floats, Floats] | None:
    """Return the corners (F, 2) of the polygon and the continuations after each signal there, (F, S, 2).

    None if no polygon with these normals and profiles is self-generating.

    Parameters
    ----------
    programs : Programs
        With the slack required at the corners.
    ends : (L, 2) array
        Outcomes of leaving.
    normals, levels : (F, 2) and (F,) arrays
        Half-planes that contain all equilibrium payoffs, in the order of their angles.
    outline : Outline
        The outline of these half-planes.
    owners : (F,) array of int
        The profile at each corner, or -1 - k where outcome k of leaving ends the game.
    continuations : (F, S, 2) array
        A guess of the continuations after each signal there.
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix

    count, signals = len(normals), programs.chances.shape[1]
    played = np.flatnonzero(owners >= 0)
    size = count + played.size * signals * 2 + 1
    place = count + np.arange(size - count - 1).reshape(played.size, signals, 2)
    here, after = np.arange(count), np.roll(np.arange(count), -1)
    equal = _corners(programs, ends, outline, owners, played, place, after)
    fixed = _deviations(programs, owners[played], place)
    for side in (np.roll(here, 1), np.roll(here, -2)):  # the sides keep their order
        at = (normals[side][:, None] @ outline.inverses)[:, 0]
        columns = np.stack([here, after, side], axis=1)
        fixed = fixed.below(Rows.of(columns, np.column_stack([at, -np.ones(count)]), np.zeros(count)))
    gaps = Rows.of(np.stack([here, np.full(count, size - 1)], axis=1), -np.ones((count, 2)), -levels)
    fixed = fixed.below(gaps)
    goal = np.zeros(size)
    goal[:count], goal[-1] = -_MEAN / count, 1.0
    bounds = np.full((size, 2), [-np.inf, np.inf])
    bounds[:count, 1], bounds[-1, 0] = levels, 0.0
    slack = levels - continuations[played] @ normals.T  # (p, S, F)
    taken = slack <= np.partition(slack, min(_NEAREST, count - 1), axis=2)[:, :, [min(_NEAREST, count - 1)]]
    for _ in range(_ROUNDS):
        p, y, side = np.nonzero(taken)
        columns = np.column_stack([place[p, y], side])
        within = Rows.of(columns, np.column_stack([normals[side], -np.ones(len(side))]), np.zeros(len(side)))
        every = fixed.below(within)
        found = linprog(
            goal,
            A_ub=csr_matrix((every.values, (every.rows, every.columns)), shape=(len(every.right), size)),
            b_ub=every.right,
            A_eq=csr_matrix((equal.values, (equal.rows, equal.columns)), shape=(len(equal.right), size)),
            b_eq=equal.right,
            bounds=bounds,
            method="highs",
            options=EXACT,
        )
        if found.x is None or found.status != 0:
            return None
        chosen = found.x[:count]
        over = found.x[place] @ normals.T - chosen > _BEYOND
        if not (over & ~taken).any():
            break
        taken |= over
    pair = np.stack([chosen, chosen[after]], axis=1)
    later = continuations.copy()
    later[played] = found.x[place]
    return np.asarray((outline.inverses @ pair[:, :, None])[:, :, 0]), later


def _corners(
    programs: Programs,
    ends: Floats,
    outline: Outline,
    owners: Indices,
    played: Indices,
    place: Indices,
    after: Indices,
) -> Rows:
    """Return the equations of the corners: stage payoffs and continuations, or the payoffs of leaving."""
    out = Rows(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0), np.empty(0))
    left = np.flatnonzero(owners < 0)
    for i in (0, 1):
        profile = owners[played]
        later = -programs.discounts[i] * programs.chances[profile]
        columns = np.column_stack([played, after[played], place[:, :, i]])
        values = np.hstack([outline.inverses[played, i], later])
        out = out.below(Rows.of(columns, values, programs.now[profile, i]))
        if left.size:
            columns = np.column_stack([left, after[left]])
            out = out.below(Rows.of(columns, outline.inverses[left, i], ends[-1 - owners[left], i]))
    return out


def _deviations(programs: Programs, owners: Indices, place: Indices) -> Rows:
    out = Rows(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0), np.empty(0))
    for k, view in enumerate(programs.views):
        seen = np.flatnonzero(view)
        values = programs.weights[owners, k][:, :, None] * view[seen]
        shape = len(owners), values[0].size if len(owners) else 0
        columns = place[:, :, seen].reshape(shape)
        out = out.below(Rows.of(columns, values.reshape(shape), programs.limits[owners, k]))
    return out
