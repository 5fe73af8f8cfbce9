"""Bound the equilibrium payoffs of three and more players from both sides.

The steps are those for two players with moving corners (see `search`), with half-spaces instead of half-planes. The
hulls are computed as for the bounds of games with observed actions.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria.repeated._hyperplanes.inner import sturdy
from bargaining.equilibria.repeated._hyperplanes.refinement import fresh, gap
from bargaining.equilibria.repeated._monitored.data import Data
from bargaining.equilibria.repeated._monitored.inner import (
    Automaton,
    Promises,
    apart,
    extreme,
    generated,
    grown,
    settled,
)
from bargaining.equilibria.repeated._monitored.outer import Outer
from bargaining.equilibria.repeated._monitored.programs import MISSED, NOBODY
from bargaining.equilibria.repeated._monitored.search import Found, numbered, preferred

_MOVES = 40  # how often corners move before more half-spaces are added
_FEW = 100  # corners up to which slack smaller than their moves is tried
_STEPS = 10  # of the corners towards a fixed point under tighter rows
_WIDEST = 0.1  # the largest slack tried
_GROWTH = 40  # steps of a growing set
_NEARLY = 1.2  # times the half-spaces' distance from moving corners is close enough for now
_FARTHER = 2.0  # times as far beyond a set with slack as beyond the corners is too far
_APART = 100.0  # points closer than this distance over so much are merged
_LEAST = 1e-11  # the least slack with which sets grow
_BETWEEN = 1e-3  # the largest distance within which corners are merged, at first


def close(
    data: Data, directions: Floats, tolerance: float, budget: int, refinements: int, *, common: bool
) -> tuple[Outer, Found]:
    """Return half-spaces around the equilibrium payoffs, and both sides in the form for two players."""
    ends = np.array([leave.payoffs for leave in data.leaves]).reshape(-1, directions.shape[1])
    outer = _around(data, ends, directions, common)
    inner: Automaton | None = None
    best, near = np.inf, np.inf
    for left in range(refinements, -1, -1):
        if not outer.shrink(budget):
            return outer, _found(data, outer, None, 0.0)
        touching = outer.touching(outer.directions, np.arange(len(outer.levels)))
        points = touching.points[touching.owners != NOBODY]
        corners, moved = _moved(outer, ends, points, near, tolerance, budget)
        hull = sturdy(corners) if len(corners) else None
        hulls = [each for each in (hull, sturdy(points) if len(points) else None) if each is not None]
        if hull is not None:
            reach = gap(outer, hull)
            near = min(near, reach)
            found = _rested(outer, ends, corners, moved, reach, tolerance, budget)
            if found is not None and _gap(outer, found) < best:
                inner = numbered(outer, found)
        best = np.inf if inner is None else _gap(outer, inner)
        if best <= tolerance or outer.solved > budget or not left:
            break
        new = fresh(outer, hulls)
        if not len(new):
            break
        outer.extend(new)
    return outer, _found(data, outer, inner, best)


def _found(data: Data, outer: Outer, inner: Automaton | None, best: float) -> Found:
    cuts = [*outer.cuts, outer.cut()] if len(outer.index) and outer.outline is not None else outer.cuts
    corners = np.empty((0, data.low.size)) if outer.outline is None else outer.outline.corners
    return Found(inner, corners, best, outer.rounds, outer.solved, tuple(data.leaves), tuple(cuts))


def _gap(outer: Outer, inner: Automaton) -> float:
    return _away(outer, inner.payoffs)


def _moved(
    outer: Outer, ends: Floats, points: Floats, near: float, tolerance: float, budget: int
) -> tuple[Floats, float]:
    """Return approximately fixed corners of the operator, and how far it still moves them."""
    wanted = near if np.isfinite(near) else 0.1
    merge = min(_BETWEEN, max(tolerance / 10.0, wanted / 100.0))
    corners, moved = points[extreme(points, merge)] if len(points) else points, np.inf
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
    outer: Outer, ends: Floats, corners: Floats, moved: float, reach: float, tolerance: float, budget: int
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
        found = settled(outer.programs, ends, corners, slack, steps, merge=0.25, known=outer.known)
        if found is not None:
            outer.solved += found.programs
            if found.excess <= (0.0 if slack else MISSED):
                used = slack
                if _gap(outer, found) > tolerance:
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
    start = Promises(found.payoffs, found.owners, found.lotteries @ found.payoffs)
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
    return Outer(data.programs, ends, rows, (points @ rows.T).max(axis=0), np.arange(len(data.payoffs)))
