r"""One application of the equilibrium operator of a stochastic game: a polygon of continuations for each state.

In state s the profile a followed by :math:`w \in C(s, a) = \sum_{s'} P(s' \mid s, a) V_{s'}` gives
:math:`v_i = (1-\delta_i) g_i(s, a) + \delta_i w_i`. It is stable if :math:`v_i` is at least what player i gets
by her best deviation b, which also moves the state,

.. math:: D_i(s, a) = \max_b\, (1-\delta_i) g_i(s, b, a_{-i})
          + \delta_i \sum_{s'} P(s' \mid s, b, a_{-i})\, P_i(s'),

and at least :math:`o_i(s)` if she may leave there. Everything is in the unit box; a *row* is one profile of one
state, in the order of the states.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._minkowski import Fan, Indices, Sums
from bargaining.equilibria._operator import BOTTOM, CORNER, FINE, LEAVE, LEFT, SLACK, VERTEX, Leave
from bargaining.equilibria._polygon import MERGE, Polygon, outline

Mask = NDArray[np.bool_]

Tag = tuple[int, int, int]
"""How a vertex is generated: (kind, row, source), the kinds being those of the repeated game.

The source is the position of a vertex along the edges of the continuation set, the number of an exit in its
state, or -1.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Replies:
    """One player's replies: rows of one group differ in her action alone."""

    group: Indices  # (N,)
    state: Indices  # the state of each group
    order: Indices  # the rows, group by group
    starts: Indices  # where each group begins

    def best(self, worth: Floats) -> Floats:
        """Return the largest worth in each group."""
        best: Floats = np.maximum.reduceat(worth[self.order], self.starts)
        return best

    def argbest(self, worth: Floats) -> Indices:
        """Return the row of the largest worth in each group."""
        rows = np.flatnonzero(worth == self.best(worth)[self.group])[::-1]
        out = np.empty(len(self.starts), dtype=np.intp)
        out[self.group[rows]] = rows
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A stochastic game in the unit box; N rows, S states, players first."""

    states: list[slice]  # the rows of each state
    state: Indices  # (N,)
    payoffs: Floats  # (2, N)
    now: Floats  # (2, N): (1 - discount) * payoffs
    transitions: Floats  # (N, S)
    laws: Floats  # (U, S): the transitions that differ
    law: Indices  # (N,)
    replies: tuple[Replies, Replies]
    discounts: Floats  # (2, 1)
    own: Floats  # (S, 2): what leaving gives, minus infinity to one who may not
    leaves: list[list[Leave]]
    common: bool

    def values(self, threat: Floats) -> Floats:
        """Return what each row gives with every player's lowest payoffs to follow, shape (2, N)."""
        known = np.logical_and(*np.isfinite(threat).T)
        worth: Floats = (
            self.now + self.discounts * (self.transitions @ np.where(known[:, None], threat, 0.0)).T
        )
        if not known.all():
            worth[:, self.transitions[:, ~known].any(axis=1)] = np.inf
        return worth

    def deviations(self, threat: Floats) -> Floats:
        """Return the best-deviation payoffs D, shape (2, N)."""
        worth = self.values(threat)
        return np.stack([self.replies[i].best(worth[i])[self.replies[i].group] for i in (0, 1)])

    def thresholds(self, rows: Indices, deviations: Floats, least: Floats, *, staying: bool) -> Floats:
        """Return the lowest continuations that keep each player to each of the rows, shape (2, R).

        `least` are the lowest continuations there are; `staying` adds that nobody prefers to leave.
        """
        now, needed = self.now[:, rows], deviations[:, rows]
        if staying:
            needed = np.maximum(needed, self.own[self.state[rows]].T)
        with np.errstate(divide="ignore", invalid="ignore"):
            impatient = np.where(needed > now + SLACK, np.inf, -np.inf)
            b = np.where(self.discounts > 0.0, (needed - now) / self.discounts, impatient)
        return np.maximum(b, least)


class Held(NamedTuple):
    """Payoffs of one state at which a constraint binds or somebody leaves, and how each is generated."""

    points: Floats  # (n, 2)
    tags: list[Tag]


class Image(NamedTuple):
    """The operator's value.

    `polygons` and how each vertex is generated, rows that can be played, and for each state all payoffs that
    do not come from a vertex of the continuations.
    """

    polygons: list[Polygon]
    tags: list[list[Tag]]
    alive: Mask
    held: list[Held]


class _Continuations(NamedTuple):
    """Payoffs of the extreme continuations of some rows: those with a constraint that binds, and vertices."""

    rows: Indices
    bound: Floats  # (2, 4, R): payoffs
    feasible: Mask  # (4, R)
    corner: Mask  # (2, R): whether BOTTOM or LEFT is where both constraints bind
    free: tuple[Indices, Indices]  # pairs of a row (by its order here) and a position
    loose: Floats  # (2, F): their payoffs

    def alive(self) -> Mask:
        """Return which of the rows can be played."""
        out: Mask = np.logical_or.reduce(self.feasible, axis=0)
        out[self.free[0]] = True
        return out


def apply(model: Model, polygons: list[Polygon], threat: Floats, alive: Mask) -> Image:
    """Return, for each state, the hull of all payoffs that a live row gives with continuations in `polygons`.

    `threat`, of shape (S, 2), is each player's lowest payoff in each state; infinite where there is none.
    """
    filled = np.array([bool(polygon) for polygon in polygons])
    rows = np.flatnonzero(alive & ~model.transitions[:, ~filled].any(axis=1))
    fan = Fan(polygons)
    sums = fan.sums(model.laws)
    deviations = model.deviations(threat)
    found = _continuations(model, sums, rows, deviations, staying=True)
    after = np.zeros_like(alive)
    after[rows] = found.alive()
    images = [_hull(model, found, s, polygons[s]) for s in range(len(model.states))]
    polygons, tags, held = map(list, zip(*images, strict=True))
    return Image(polygons, tags, after, held)


def reach(model: Model, polygons: list[Polygon], threat: Floats, rows: Indices, normals: Floats) -> Floats:
    """Return how far the payoffs of each of `rows` go in each direction, shape (R, J)."""
    sums = Fan(polygons).sums(model.laws)
    found = _continuations(model, sums, rows, model.deviations(threat), staying=True)
    out = np.full((len(rows), len(normals)), -np.inf)
    for kind in range(4):
        here = found.feasible[kind]
        out[here] = np.maximum(out[here], found.bound[:, kind, here].T @ normals.T)
    if found.free[0].size:
        starts = np.flatnonzero(np.append(True, np.diff(found.free[0]) > 0))
        held = found.free[0][starts]
        out[held] = np.maximum(out[held], np.maximum.reduceat(found.loose.T @ normals.T, starts, axis=0))
    return out


def _continuations(
    model: Model, sums: Sums, rows: Indices, deviations: Floats, *, staying: bool
) -> _Continuations:
    law = model.law[rows]
    low, high = (extent[:, law] for extent in sums.extent())
    b = model.thresholds(rows, deviations, low, staying=staying)
    x, y = b
    w = np.empty((2, 4, rows.size))
    for kind in range(4):
        axis = kind // 2
        crossing = sums.cross(kind, law, b[axis])
        w[axis, kind], w[1 - axis, kind] = b[axis], crossing.value
    corner = np.stack([w[1, BOTTOM] <= y, w[0, LEFT] <= x])
    np.maximum(w[1, BOTTOM], y, out=w[1, BOTTOM])
    np.maximum(w[0, LEFT], x, out=w[0, LEFT])
    feasible = np.empty((4, rows.size), dtype=bool)
    feasible[0] = feasible[1] = (x <= high[0] + SLACK) & (w[1, 0] >= y - SLACK)
    feasible[2] = feasible[3] = (y <= high[1] + SLACK) & (w[0, 2] >= x - SLACK)
    now = model.now[:, rows]
    w[:, ~feasible] = 0.0
    bound = now[:, None, :] + model.discounts[:, :, None] * w
    inside = (sums.points[0][law] >= x[:, None] - SLACK) & (sums.points[1][law] >= y[:, None] - SLACK)
    row, vertex = np.nonzero(inside)
    loose = now[:, row] + model.discounts * sums.points[:, law[row], vertex]
    return _Continuations(rows, bound, feasible, corner, (row, vertex), loose)


def credible(model: Model, polygons: list[Polygon], threat: Floats) -> list[list[Leave]]:
    """Return the outcomes of leaving that are credible in each state: staying might give the leaver no more."""
    if all(leave.leaver is None for leaves in model.leaves for leave in leaves):
        return model.leaves
    filled = np.array([bool(polygon) for polygon in polygons])
    rows = np.flatnonzero(~model.transitions[:, ~filled].any(axis=1))
    sums = Fan(polygons).sums(model.laws)
    stayed = _continuations(model, sums, rows, model.deviations(threat), staying=False)
    return [
        [
            leave
            for leave in leaves
            if leave.leaver is None
            or _least(stayed, model.states[s], leave.leaver) <= leave.payoffs[leave.leaver] + SLACK
        ]
        for s, leaves in enumerate(model.leaves)
    ]


def _least(stayed: _Continuations, span: slice, player: int) -> float:
    """Return the least that any row of one state gives a player."""
    low, high = np.searchsorted(stayed.rows, [span.start, span.stop])
    first, last = np.searchsorted(stayed.free[0], [low, high])
    bound = stayed.bound[player, :, low:high][stayed.feasible[:, low:high]]
    return float(np.append(bound, stayed.loose[player, first:last]).min(initial=np.inf))


def _hull(model: Model, found: _Continuations, s: int, like: Polygon) -> tuple[Polygon, list[Tag], Held]:
    """Return the polygon of one state, how its vertices are generated, and the payoffs held by constraints."""
    span = model.states[s]
    low, high = np.searchsorted(found.rows, [span.start, span.stop])
    kinds, where = np.nonzero(found.feasible[:, low:high])
    first, last = np.searchsorted(found.free[0], [low, high])
    exits = np.array([leave.payoffs for leave in model.leaves[s]]).reshape(-1, 2).T
    bound = found.bound[:, kinds, low + where]
    points = np.concatenate([bound, found.loose[:, first:last], exits], axis=1)
    corners = outline(points, like, merge=MERGE if model.common else FINE)
    rows, free = found.rows[low + where], found.free[0][first:last]
    corner = np.where(kinds == BOTTOM, found.corner[0, low + where], found.corner[1, low + where])
    named = np.where(((kinds == BOTTOM) | (kinds == LEFT)) & corner, CORNER, kinds)
    fixed = [(kind, row, -1) for kind, row in zip(named.tolist(), rows.tolist(), strict=True)]
    left = [(LEAVE, -1, leave.number) for leave in model.leaves[s]]
    tags: list[Tag] = []
    for k in corners:
        n = k - len(fixed)
        if n < 0:
            tags.append(fixed[k])
        elif n < len(free):
            tags.append((VERTEX, found.rows.item(free.item(n)), found.free[1].item(int(first) + n)))
        else:
            tags.append(left[n - len(free)])
    polygon: Polygon = list(zip(*points[:, corners].tolist(), strict=True))
    return polygon, tags, Held(np.concatenate([bound, exits], axis=1).T, fixed + left)
