"""Close in on the equilibrium payoffs from both sides, until the sides are as near as asked for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import Leave
from bargaining.equilibria._plane.polygon import beyond, hull
from bargaining.equilibria.repeated._monitored.data import Data
from bargaining.equilibria.repeated._monitored.inner import Automaton, apart, generated, settled, sides
from bargaining.equilibria.repeated._monitored.outer import Outer
from bargaining.equilibria.repeated._monitored.programs import MISSED

_START = 16  # directions to begin with
_REFINEMENTS = 40
_STEPS = 25  # how often the inner corners move before more half-planes are added
_COARSE = 1e-3  # the largest distance within which corners are merged, early on
_APART = (
    1.0 - 5e-13
)  # the cosine of the least angle between half-planes: corners of nearly parallel ones are ill defined
_CREDIBLE = 1e-11


class Found(NamedTuple):
    """Both sides, in the unit box.

    Attributes
    ----------
    inner : Automaton or None
        Play that gives the corners of a set which generates itself.
    outer : (k, 2) array
        Corners of a set that contains every equilibrium payoff; none if it is empty.
    gap : float
        How far the outer one reaches beyond the inner one.
    rounds, programs : int
        How often the half-planes moved, and how many programs were solved.
    """

    inner: Automaton | None
    outer: Floats
    gap: float
    rounds: int
    programs: int
    leaves: tuple[Leave, ...]


def search(data: Data, tolerance: float, budget: int, *, common: bool) -> Found:
    """Return both sides; outcomes of leaving that prove not to be credible are dropped, and the search done again."""
    leaves = tuple(data.leaves)
    while True:
        found = _close(data, leaves, tolerance, budget, common)
        kept = tuple(leave for leave in leaves if _credible(data, leave, found))
        if len(kept) == len(leaves):
            return found
        leaves, budget = kept, max(budget - found.programs, 1)


def _close(data: Data, leaves: tuple[Leave, ...], tolerance: float, budget: int, common: bool) -> Found:
    ends = np.array([leave.payoffs for leave in leaves]).reshape(-1, 2)
    outer = _around(data, ends, common)
    inner: Automaton | None = None
    gap = np.inf
    for _ in range(_REFINEMENTS):
        if not outer.shrink(budget):
            return Found(None, np.empty((0, 2)), 0.0, outer.rounds, outer.solved, leaves)
        assert outer.outline is not None
        edge = _points(outer.outline.corners)
        corners = _moved(outer, ends, gap, tolerance)
        reach = beyond(edge, _points(corners)) if len(corners) else np.inf
        if reach <= tolerance:
            inner, gap = _proved(outer, ends, corners, tolerance, inner, gap)
        if gap <= tolerance or outer.solved > budget:
            break
        gap = min(gap, reach) if inner is None else gap
        outer.extend(_new(outer, corners, reach))
    assert outer.outline is not None
    return Found(
        inner, outer.outline.corners, gap if inner is not None else np.inf, outer.rounds, outer.solved, leaves
    )


def _moved(outer: Outer, ends: Floats, gap: float, tolerance: float) -> Floats:
    """Return corners about where the operator leaves them, from the points where the half-planes touch its value."""
    wanted = gap if np.isfinite(gap) else 0.1
    merge = min(_COARSE, max(tolerance / 10.0, wanted / 1000.0))
    corners, before = _hull(outer.touching()[0]), np.inf
    for step in range(_STEPS):
        image = generated(outer.programs, ends, corners, merge)
        outer.solved += image.programs
        if not len(image.corners):
            break
        moved, corners = apart(corners, image.corners), image.corners
        if moved <= max(wanted, tolerance) / 20.0:
            break
        if step % 5 == 4:  # corners that are merged and found again go round and round
            merge, before = (merge / 5.0 if moved > 0.8 * before else merge), moved
    return corners


def _proved(
    outer: Outer, ends: Floats, corners: Floats, tolerance: float, inner: Automaton | None, gap: float
) -> tuple[Automaton | None, float]:
    """Return the best automaton whose rows are all met, and how far the half-planes reach beyond it.

    Rows are met with a little slack, so that no deviation pays; on a knife edge, where slack leaves less, up to
    rounding.
    """
    assert outer.outline is not None
    edge = _points(outer.outline.corners)
    patient = min(float(outer.programs.discounts.max()), 0.999) if len(outer.index) else 0.0
    steps = 10 + int(np.log(1e-3) / np.log(max(patient, 0.1)))  # distances fall by the discount factor a step
    for slack in (tolerance / 20.0, tolerance / 200.0, 0.0):
        found = settled(outer.programs, ends, corners, slack, steps)
        if found is not None:
            outer.solved += found.programs
        if found is None or found.excess > MISSED:
            continue
        reach = beyond(edge, _points(found.corners))
        if reach < gap or inner is None:
            inner, gap = found, reach
        if gap <= tolerance:
            break
    return inner, gap


def _around(data: Data, ends: Floats, common: bool) -> Outer:
    """Start from what is feasible: a hull for players of one patience, a box if they may trade over time."""
    turns = 2.0 * np.pi * np.arange(_START) / _START
    directions = np.round(np.column_stack([np.cos(turns), np.sin(turns)]), 15)
    points = np.vstack([data.payoffs, ends])
    if not common:
        low, high = points.min(axis=0), points.max(axis=0)
        points = np.array([[low[0], low[1]], [low[0], high[1]], [high[0], low[1]], [high[0], high[1]]])
    levels = (points @ directions.T).max(axis=0)
    return Outer(data.programs, ends, directions, levels, np.arange(len(data.payoffs)))


def _new(outer: Outer, corners: Floats, gap: float) -> Floats:
    """Return the normals of the sides of a polygon beyond which the half-planes still reach."""
    assert outer.outline is not None
    if len(corners) < 2:
        return np.empty((0, 2))
    normals = sides(corners)
    weights, faces = outer.outline.supports(normals)
    reach = (weights * outer.levels[faces]).sum(axis=1) - (normals * corners).sum(axis=1)
    new = (normals @ outer.directions.T).max(axis=1) < _APART
    return np.asarray(normals[new & (reach > (gap if np.isfinite(gap) else 0.0) / 20.0)])


def _credible(data: Data, leave: Leave, found: Found) -> bool:
    """Whether staying might give the leaver no more than leaving does."""
    if leave.leaver is None or not len(found.outer):
        return True
    i = leave.leaver
    direction = np.zeros((1, 2))
    direction[0, i] = -1.0
    least = generated(data.programs, np.empty((0, 2)), found.outer, 0.0, directions=direction)
    return bool(len(least.corners)) and least.corners[0, i] <= leave.payoffs[i] + _CREDIBLE


def _points(corners: Floats) -> list[tuple[float, float]]:
    return [(x, y) for x, y in corners.tolist()]


def _hull(points: Floats) -> Floats:
    return np.asarray(points[hull(_points(points))])
