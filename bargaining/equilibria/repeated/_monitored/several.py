"""Bound the equilibrium payoffs of three and more players from both sides.

The steps are those for two players with moving corners (see `search`), with half-spaces instead of half-planes. The
hulls are computed as for the bounds of games with observed actions.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria.repeated._hyperplanes.cloud import Cloud
from bargaining.equilibria.repeated._hyperplanes.inner import Hull, sturdy
from bargaining.equilibria.repeated._hyperplanes.refinement import fresh, gap, unknown
from bargaining.equilibria.repeated._monitored.data import Data
from bargaining.equilibria.repeated._monitored.flat import Flat
from bargaining.equilibria.repeated._monitored.inner import (
    Automaton,
    apart,
    extreme,
    generated,
    grown,
    settled,
)
from bargaining.equilibria.repeated._monitored.outer import Outer
from bargaining.equilibria.repeated._monitored.programs import MISSED, NOBODY, STILL, Promises
from bargaining.equilibria.repeated._monitored.search import Found, numbered, preferred, search

_MOVES = 40  # how often corners move before more half-spaces are added
_FEW = 100  # corners up to which slack smaller than their moves is tried
_STEPS = 10  # of the corners towards a fixed point under tighter rows
_WIDEST = 0.1  # the largest slack tried
_GROWTH = 40  # steps of a growing set
_NEARLY = 1.2  # times the half-spaces' distance from moving corners is close enough for now
_FARTHER = 2.0  # times as far beyond a set with slack as beyond the corners is too far
_APART = 100.0  # points closer than this distance over so much are merged
_LEAST = 1e-11  # the least slack with which sets grow
_OUTER = 0.5  # share of the budget after which inner sets are looked for at every step
_CHEAP = 40  # half-spaces up to which inner sets are looked for at every step
_RESTED = 20.0  # a step that moves levels by less than this share of what the tolerance allows is the last
_PATIENT = 0.999  # the discount factor up to which that share depends on patience
_PULLS = 100  # directions of continuations added at a time, or half as many as there are half-spaces
_LITTLE = 0.01  # of what the best half-space matters: no others are added
_MOST = 0.9  # of the tolerance: what both sides of a flat set may leave in its own coordinates
_LAST = 5  # rounds in which the half-spaces of flat sets are moved, whatever the budget
_BETWEEN = 1e-3  # the largest distance within which corners are merged, at first


def close(
    data: Data,
    directions: Floats,
    tolerance: float,
    budget: int,
    refinements: int,
    *,
    common: bool,
) -> tuple[Outer, Found]:
    """Return half-spaces around the equilibrium payoffs, and both sides in the form for two players.

    Half-spaces of round sets are also added where continuations are pulled.
    """
    ends = np.array([leave.payoffs for leave in data.leaves]).reshape(-1, directions.shape[1])
    outer = _around(data, ends, directions, common)
    inner: Automaton | None = None
    best, near, still = np.inf, np.inf, STILL
    if directions.shape[1] > 2:
        still = tolerance * (1.0 - min(float(data.programs.discounts.max()), _PATIENT)) / _RESTED
    for left in range(refinements, -1, -1):
        if not outer.shrink(budget, still):
            return outer, _found(data, outer, None, 0.0)
        flat = _flat(outer) if common else None
        if flat is not None:
            return outer, _flattened(data, outer, flat, directions, tolerance, budget, refinements, still)
        touching = outer.touching(outer.directions, np.arange(len(outer.directions)))
        points = touching.points[touching.owners != NOBODY]
        touched = sturdy(points) if len(points) else None
        pulled, error = outer.directions[:0], 0.0
        many = touched is not None and directions.shape[1] > 2 and len(touched.points) > _FEW
        if touched is not None and len(outer.index) and many:
            pulled, error = _pulled(outer, touched, _LITTLE)
        hulls = [] if touched is None else [touched]
        last = error <= tolerance or not left or outer.solved > budget * _OUTER
        if last or len(outer.levels) <= _CHEAP:  # good directions for the next
            corners, moved = _moved(outer, ends, points, near, tolerance, budget)
            hull = sturdy(corners) if len(corners) else None
            if hull is not None:
                hulls = [hull, *hulls]
                reach = gap(outer, hull)
                near = min(near, reach)
                found = None
                if last or len(corners) <= _FEW:  # more corners do not rest, but show where sides are
                    found = _rested(outer, ends, corners, moved, reach, tolerance, budget, grows=last)
                if found is not None and _gap(outer, found) < best:
                    inner = numbered(outer, found)
        best = np.inf if inner is None else _gap(outer, inner)
        if best <= tolerance or outer.solved > budget or not left:
            break
        new = unknown(outer, np.vstack([fresh(outer, hulls), pulled]))
        if not len(new):
            break
        outer.extend(new)
    return outer, _found(data, outer, inner, best)


def _flat(outer: Outer) -> Flat | None:
    """Return coordinates of the affine hull of what can be played, if it is flat."""
    if outer.directions.shape[1] == 2 or not len(outer.index):
        return None
    return Flat.of(np.vstack([outer.programs.now / (1.0 - outer.programs.discounts), outer.leaves]))


def _flattened(
    data: Data,
    outer: Outer,
    flat: Flat,
    directions: Floats,
    tolerance: float,
    budget: int,
    refinements: int,
    still: float,
) -> Found:
    """Find both sides of a flat set in fewer coordinates, and take over its half-spaces."""
    within, near = flat.data(outer.programs, outer.leaves), _MOST * tolerance / flat.size
    left = max(budget - outer.solved, 1)
    if len(flat.axes) == 2:
        found = search(within, near, left, common=True)
    else:
        rows = directions @ flat.axes.T
        rows = rows[np.linalg.norm(rows, axis=1) > _LEAST]
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        found = close(within, rows, near, left, refinements, common=True)[1]
    outer.solved += found.programs
    inner = None
    if found.inner is not None:
        inner = numbered(outer, replace(found.inner, payoffs=flat.outside(found.inner.payoffs)))
    normals = unknown(outer, flat.normals(found.cuts[-1].directions))
    if len(found.outer):
        points = flat.outside(found.outer)
        around = outer.around(points, _LEAST)
        around.extend(normals)
        around.touch(points, _LEAST)
        outer.adopt(around)
    else:
        outer.extend(normals)
    if not outer.shrink(max(budget, outer.solved + _LAST * outer.multipliers[:, :, 0].size), still):
        return _found(data, outer, None, 0.0)
    return _found(data, outer, inner, np.inf if inner is None else _gap(outer, inner))


def _pulled(outer: Outer, touched: Hull, little: float = 0.0) -> tuple[Floats, float]:
    """Return directions in which profiles that determine levels pull continuations, where it matters most.

    There the outer set reaches beyond the points that touch it. This error is passed on to the levels that depend on
    it; directions that matter less than a share of what the best one does are left out. Also return the largest total
    error of a level.
    """
    functions, pulls = outer.determining()
    size, flat = len(pulls), pulls.reshape(-1, pulls.shape[-1])
    local = np.maximum(outer.reach(flat) - Cloud(touched.points).farthest(flat)[1], 0.0).reshape(size, -1)
    error, weights = functions.passed_on(local.sum(axis=1))
    worth = (weights[:, None] * local).ravel()
    order = np.argsort(-worth, kind="stable")
    order = order[worth[order] > max(STILL, little * worth.max())][: max(_PULLS, size // 2)]
    return flat[order] / np.linalg.norm(flat[order], axis=1, keepdims=True), float(error.max())


def _found(data: Data, outer: Outer, inner: Automaton | None, best: float) -> Found:
    corners = np.empty((0, data.low.size)) if outer.outline is None else outer.outline.corners
    return Found(inner, corners, best, outer.rounds, outer.solved, tuple(data.leaves), outer.proof())


def _gap(outer: Outer, inner: Automaton) -> float:
    return _away(outer, inner.payoffs)


def _moved(
    outer: Outer, ends: Floats, points: Floats, near: float, tolerance: float, budget: int
) -> tuple[Floats, float]:
    """Return approximately fixed corners of the operator, and how far it still moves them."""
    wanted = near if np.isfinite(near) else 0.1
    merge = min(_BETWEEN, max(tolerance / 10.0, wanted / 100.0))
    corners, moved = points, np.inf
    if len(points):
        kept = extreme(points, merge)
        corners = points[kept]
    known = outer.known
    for _ in range(_MOVES):
        if not len(corners) or outer.solved > budget:
            break
        image = generated(outer.programs, ends, corners, merge, known=known)
        outer.solved, known = outer.solved + image.programs, image.known
        if not len(image.corners):
            return image.corners, 0.0
        moved, corners = apart(corners, image.corners), image.corners
        if moved <= max(wanted / 20.0, tolerance / 20.0):
            break
    return corners, moved


def _rested(
    outer: Outer,
    ends: Floats,
    corners: Floats,
    moved: float,
    reach: float,
    tolerance: float,
    budget: int,
    *,
    grows: bool,
) -> Automaton | None:
    """Return an automaton without a profitable deviation, found with a little slack; on a knife edge up to rounding.

    Corners of a round set keep moving by the distance that their hull cuts off; slack of that size offsets it. Sets
    with slack grow. Less is tried where the half-spaces still reach beyond the set by much more than `reach`, by which
    they do beyond the corners.
    """
    best: Automaton | None = None
    near, used = np.inf, _WIDEST
    for slack in (tolerance / 20.0, tolerance / 200.0, 0.0, moved, 2.0 * moved, 4.0 * moved):
        if outer.solved > budget or not slack < used or (slack < moved / 4.0 and len(corners) > _FEW):
            continue
        steps = _STEPS if slack or moved > tolerance else _MOVES  # without slack, corners must rest
        found = settled(
            outer.programs,
            ends,
            corners,
            slack,
            steps,
            merge=0.25,
            known=outer.known,
        )
        if found is not None:
            outer.solved += found.programs
            if found.excess <= (0.0 if slack else MISSED):
                used = slack
                if grows and _gap(outer, found) > tolerance:
                    found = _grown(outer, ends, found, max(tolerance, _NEARLY * reach), tolerance)
                best, near = preferred(found, _gap(outer, found), best, near, tolerance)
                if near <= max(tolerance, _FARTHER * reach):
                    break
    return best


def _grown(outer: Outer, ends: Floats, found: Automaton, enough: float, tolerance: float) -> Automaton:
    """Return a larger automaton, grown from this one until the half-spaces reach beyond it by at most `enough`."""
    slack = min(tolerance / 20.0, -found.excess / 2.0)
    if slack <= _LEAST:
        return found
    start = Promises(found.payoffs, found.owners, found.continuations)
    more = grown(
        outer.programs,
        ends,
        start,
        slack,
        enough / _APART,
        outer.known,
        partial(_away, outer),
        enough,
        _GROWTH,
    )
    outer.solved += more.programs
    return more if more.excess <= 0.0 and _gap(outer, more) < _gap(outer, found) else found


def _away(outer: Outer, points: Floats) -> float:
    hull = sturdy(points)
    return np.inf if hull is None else gap(outer, hull)


def _around(data: Data, ends: Floats, directions: Floats, common: bool) -> Outer:
    """Start from the feasible payoffs: their hull if discount factors are equal, else their box."""
    n = directions.shape[1]
    rows = np.vstack([np.eye(n), -np.eye(n), directions])
    points = np.vstack([data.payoffs, ends])
    if not common:
        ends_of = np.stack([points.min(axis=0), points.max(axis=0)])
        points = ends_of[np.indices((2,) * n).reshape(n, -1).T, np.arange(n)]
    levels, index = (points @ rows.T).max(axis=0), np.arange(len(data.payoffs))
    return Outer(data.programs, ends, rows, levels, index)
