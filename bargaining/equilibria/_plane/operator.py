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

from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import BOTTOM, CORNER, LEAVE, LEFT, SLACK, VERTEX, Leave
from bargaining.equilibria._plane.minkowski import Fan, Indices, Sums
from bargaining.equilibria._plane.model import Mask, Model
from bargaining.equilibria._plane.polygon import Point, Polygon, outline

_CROWD = 100  # payoffs at which constraints bind from which on those that others surround are left out
_SPARE = 4  # times as many laws as rows from which on those of the rows are picked out

Tag = tuple[int, int, int]
"""How a vertex is generated: (kind, row, source), the kinds being those of the repeated game.

The source is the position of a vertex along the edges of the continuation set, the number of an exit in its
state, or -1.
"""


class Held(NamedTuple):
    """Payoffs of one state at which a constraint binds or somebody leaves, and how each is generated.

    Of many those that others surround are left out.
    """

    points: list[Point]
    tags: list[Tag]


class Image(NamedTuple):
    """The operator's value.

    `polygons` and how each vertex is generated, rows that can be played, and for each state the payoffs that
    do not come from a vertex of the continuations.
    """

    polygons: list[Polygon]
    tags: list[list[Tag]]
    alive: Mask
    held: list[Held]


class _Bound(NamedTuple):
    """Some rows, their laws, the continuations they need, and their payoffs where a constraint binds."""

    rows: Indices
    law: Indices
    floor: Floats  # (2, R): the lowest continuations
    payoffs: Floats  # (2, 4, R)
    feasible: Mask  # (4, R): whether the constraint can bind and the rest be met
    corner: Mask  # (2, R): whether BOTTOM or LEFT is where both constraints bind


class _Free(NamedTuple):
    """Payoffs of vertices of the continuations at which no constraint binds, in the order of the rows."""

    row: Indices  # (F,): the place of the row among those asked for
    position: Indices  # (F,)
    payoffs: Floats  # (2, F)


def apply(model: Model, polygons: list[Polygon], threat: Floats, alive: Mask) -> Image:
    """Return, for each state, the hull of all payoffs that a live row gives with continuations in `polygons`.

    `threat`, of shape (S, 2), is each player's lowest payoff in each state; infinite where there is none.
    """
    rows = model.playable(polygons, alive)
    needed = model.thresholds(rows, model.deviations(threat), staying=True)
    laws, law = _laws(model, rows)
    sums = Fan(polygons).sums(laws)
    leader = _leaders(model, rows, needed)
    kept = np.flatnonzero(leader == np.arange(len(rows)))
    bound = _bound(model, sums, rows[kept], law[kept], needed[:, kept])
    free = _free(model, sums, bound)
    played = np.zeros(len(rows), dtype=bool)
    played[kept] = bound.feasible.any(axis=0)
    played[kept[free.row]] = True
    after = np.zeros_like(alive)
    after[rows] = played[leader]
    images = [_hull(model, bound, free, s, like) for s, like in enumerate(polygons)]
    polygons, tags, held = map(list, zip(*images, strict=True))
    return Image(polygons, tags, after, held)


def reach(model: Model, polygons: list[Polygon], threat: Floats, rows: Indices, normals: Floats) -> Floats:
    """Return the support of the payoffs of `rows` in each direction, shape (R, J), constraints binding or not."""
    fan, needed = Fan(polygons), model.thresholds(rows, model.deviations(threat), staying=True)
    laws, law = _laws(model, rows)
    sums = fan.sums(laws)
    bound = _bound(model, sums, rows, law, needed)
    after = normals if model.common else model.discounts[:, 0] * normals
    turned = np.arctan2(after[:, 0], -after[:, 1])
    turned[turned <= -np.pi / 2] += 2 * np.pi
    far = sums.points[:, :, np.searchsorted(np.array(fan.angle), turned)]
    x, y = bound.floor[:, :, None] - model.slack
    meets = (far[0][law] >= x) & (far[1][law] >= y)
    most = (far * (model.discounts * normals.T)[:, None]).sum(axis=0)[law] + model.now[:, rows].T @ normals.T
    out: Floats = np.where(meets, most, -np.inf)
    for kind in range(4):
        here = np.flatnonzero(bound.feasible[kind])
        out[here] = np.maximum(out[here], bound.payoffs[:, kind, here].T @ normals.T)
    return out


def _laws(model: Model, rows: Indices) -> tuple[Floats, Indices]:
    """Return the laws of some rows, and the number of each row's among them: of these alone if they are few."""
    law = model.law[rows]
    if len(model.laws) <= _SPARE * len(rows):
        return model.laws, law
    used, place = np.unique(law, return_inverse=True)
    return model.laws[used], place


def _leaders(model: Model, rows: Indices, needed: Floats) -> Indices:
    """Return, for each row, one with the same payoffs and no tighter constraints: itself if none is found."""
    each = np.arange(len(rows))
    if model.twins is None or not len(rows):
        return each
    twin = model.twins[rows]
    order = np.lexsort((needed[1], needed[0], twin))
    first = np.append(True, np.diff(twin[order]) > 0)
    leader = np.empty_like(each)
    leader[order] = order[first][np.cumsum(first) - 1]
    return np.where(needed[1, leader] <= needed[1], leader, each)


def _bound(model: Model, sums: Sums, rows: Indices, law: Indices, needed: Floats) -> _Bound:
    slack = model.slack
    low, high = sums.points.min(axis=2)[:, law], sums.points.max(axis=2)[:, law]
    floor = x, y = np.maximum(needed, low)
    w = np.empty((2, 4, rows.size))
    for kind in range(4):
        axis = kind // 2
        w[axis, kind], w[1 - axis, kind] = floor[axis], sums.cross(kind, law, floor[axis])
    corner = np.stack([w[1, BOTTOM], w[0, LEFT]]) <= needed[::-1] + SLACK
    np.copyto(w[1, BOTTOM], y, where=corner[0])
    np.copyto(w[0, LEFT], x, where=corner[1])
    binds = needed >= low - slack
    feasible = np.empty((4, rows.size), dtype=bool)
    feasible[0] = feasible[1] = binds[0] & (x <= high[0] + slack) & (w[1, 0] >= y - slack)
    feasible[2] = feasible[3] = binds[1] & (y <= high[1] + slack) & (w[0, 2] >= x - slack)
    w[:, ~feasible] = 0.0
    payoffs = model.now[:, None, rows] + model.discounts[:, :, None] * w
    return _Bound(rows, law, floor, payoffs, feasible, corner)


def _free(model: Model, sums: Sums, bound: _Bound) -> _Free:
    law, (x, y) = bound.law, bound.floor[:, :, None] - model.slack
    row, position = np.nonzero((sums.points[0][law] >= x) & (sums.points[1][law] >= y))
    payoffs = model.now[:, bound.rows[row]] + model.discounts * sums.points[:, law[row], position]
    return _Free(row, position, payoffs)


def credible(model: Model, polygons: list[Polygon], threat: Floats) -> list[list[Leave]]:
    """Return the outcomes of leaving that are credible in each state: some continuation gives the leaver no more."""
    if all(leave.leaver is None for leaves in model.leaves for leave in leaves):
        return model.leaves
    rows = model.playable(polygons, model.live)
    sums = Fan(polygons).sums(model.laws)
    bound = _bound(
        model, sums, rows, model.law[rows], model.thresholds(rows, model.deviations(threat), staying=False)
    )
    free = _free(model, sums, bound)
    least = np.full((2, len(model.states)), np.inf)
    for i in (0, 1):
        np.minimum.at(least[i], model.state[rows[free.row]], free.payoffs[i])
        for kind in range(4):
            here = bound.feasible[kind]
            np.minimum.at(least[i], model.state[rows[here]], bound.payoffs[i, kind, here])
    return [
        [
            leave
            for leave in leaves
            if leave.leaver is None or least[leave.leaver, s] <= leave.payoffs[leave.leaver] + model.slack
        ]
        for s, leaves in enumerate(model.leaves)
    ]


def _hull(model: Model, bound: _Bound, free: _Free, s: int, like: Polygon) -> tuple[Polygon, list[Tag], Held]:
    """Return the polygon of one state, how its vertices are generated, and the payoffs that are held."""
    span = model.states[s]
    low, high = np.searchsorted(bound.rows, [span.start, span.stop])
    first, last = np.searchsorted(free.row, [low, high])
    kinds, where = np.nonzero(bound.feasible[:, low:high])
    where += low
    points = bound.payoffs[:, kinds, where]
    if kinds.size > _CROWD:
        outer = outline(points)
        kinds, where, points = kinds[outer], where[outer], points[:, outer]
    corner = np.where(kinds == BOTTOM, bound.corner[0, where], (kinds == LEFT) & bound.corner[1, where])
    named, rows = np.where(corner, CORNER, kinds).tolist(), bound.rows[where].tolist()
    held = Held(
        [*zip(*points.tolist(), strict=True), *(leave.payoffs for leave in model.leaves[s])],
        [
            *((kind, row, -1) for kind, row in zip(named, rows, strict=True)),
            *((LEAVE, -1, leave.number) for leave in model.leaves[s]),
        ],
    )
    count, given = len(held.tags), np.array(held.points).reshape(-1, 2).T
    every = np.concatenate([given, free.payoffs[:, first:last]], axis=1)
    corners = outline(every, like, merge=model.merge)
    tags = [
        held.tags[k]
        if k < count
        else (VERTEX, bound.rows.item(free.row[first + k - count]), free.position.item(first + k - count))
        for k in corners
    ]
    return list(zip(*every[:, corners].tolist(), strict=True)), tags, held
