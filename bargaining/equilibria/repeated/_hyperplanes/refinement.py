"""Half-spaces added where the outer set reaches far beyond the inner one, until the two meet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._symmetries import Group
from bargaining.equilibria.repeated._hyperplanes.cloud import Cloud
from bargaining.equilibria.repeated._hyperplanes.inner import (
    Hull,
    continued,
    from_stage,
    self_generating,
    sturdy,
    sustained,
)
from bargaining.equilibria.repeated._hyperplanes.outer_faces import Outer

_MOST = 100  # normals that one set adds at a time
_WORTH = 1e-10  # a normal beyond which the outer set reaches less far is not worth a half-space
_POINTS = 11  # digits of points that are the same
_EASY = 0.1  # one minus a discount factor: more patient players are approached by less patient ones
_IMPATIENT = 0.5  # the most of it there, for any player
_LEAP = 1.5  # by how much it falls until the set of less patient players is computed again
_STEP = 0.95  # and by how much while its equations are solved again
_FEW = 2  # refinements that are tried before
_APART = 1e-7  # normals closer than this count as the same


@dataclass(slots=True, eq=False)
class Several:
    """Both sides in the unit box: half-spaces, and the inner hulls of the states that have any."""

    outer: Outer
    inner: list[Hull | None]
    gap: float


class Faces(Protocol):
    """Half-spaces around a set."""

    levels: Floats

    @property
    def directions(self) -> Floats:
        """The normals."""

    def reach(self, directions: Floats) -> Floats:
        """Return bounds on payoffs in other directions."""


def refined(outer: Outer, refinements: int, tolerance: float) -> tuple[Outer, Hull | None]:
    """Refine the outer set of a game of one state where its error is largest.

    Returns it and the nearest inner set, if any was found. Sets of patient players are also looked for next to those of
    less patient ones.
    """
    found, few = [], min(refinements, _FEW)
    if 1.0 - outer.profiles.discounts.max() < _EASY and few:
        found.append(_closed(_copied(outer), few, tolerance))
        if _apart(*found[-1]) > tolerance and found[-1][0].filled.all():
            near = _carried_on(outer, few, tolerance)
            found.append(_closed(_copied(outer), refinements, tolerance, near))
            if near is not None and np.ptp(outer.profiles.discounts) == 0.0:
                found.append((found[-1][0], near))  # what generates itself does so with more patience
    if all(_apart(*sides) > tolerance for sides in found):
        found.append(_closed(outer, refinements, tolerance))
    outer, inner = min(reversed(found), key=lambda sides: _apart(*sides))
    return outer, _grown(outer, tolerance) if inner is None and outer.filled.all() else inner


def _copied(outer: Outer) -> Outer:
    return outer.narrowed(len(outer.directions), outer.directions[:0])


def _apart(outer: Outer, inner: Hull | None) -> float:
    return np.inf if inner is None else _error(outer, inner)


def _carried_on(outer: Outer, refinements: int, tolerance: float) -> Hull | None:
    """Return an inner set of less patient players, carried on towards the patience of these as far as it goes.

    The profile and lottery that generate each point often stay the same, while the points move.
    """
    profiles, wait, hull = outer.profiles, 1.0 - outer.profiles.discounts, None
    times, enough = min(_EASY / wait.min(), _IMPATIENT / wait.max()), outer.budget.left / 2
    while times > 1.0 and outer.budget.left > enough:
        less = replace(profiles, discounts=1.0 - times * wait)
        around = Outer.around(less, outer.directions[2 * wait.size :], outer.budget)
        if around.shrink():
            hull = _closed(around, refinements, tolerance, hull)[1] or hull
        goal = max(times / _LEAP, 1.0)
        while hull is not None and times > goal:
            times = max(times * _STEP, goal)
            more = replace(profiles, discounts=1.0 - times * wait)
            after = continued(less, more, hull)
            if after is None:
                after, proved = sustained(more, hull.points, outer.budget)
                if not proved:
                    break
            less, hull = more, after
        times = goal
    return hull


def _closed(
    outer: Outer, refinements: int, tolerance: float, near: Hull | None = None
) -> tuple[Outer, Hull | None]:
    """Refine the outer set, and look for inner ones, also next to one that is given."""
    inner, given, group = None, len(outer.directions), outer.profiles.group
    if near is not None:
        outer.extend(fresh(outer.of(0), [near], group))
        if not outer.shrink():
            return outer, None
        near, proved = sustained(outer.profiles, near.points, outer.budget)
        inner = near if proved else None
    for left in range(refinements, -1, -1):
        if outer.budget.spent:
            break
        touching = _touching(outer)
        near, proved = sustained(outer.profiles, touching, outer.budget)
        if near is not None and proved and (inner is None or _error(outer, near) < _error(outer, inner)):
            inner = near
        if inner is not None and refinements:
            if _error(outer, inner) <= tolerance:
                return outer, inner
            cleared = _cleared(outer, inner, given)
            if not left or _error(cleared, inner) <= tolerance:
                return cleared, inner
        hulls = [hull for hull in (sturdy(touching), near, inner) if hull is not None]
        added = fresh(outer.of(0), hulls, group)
        if not left or not len(added):
            break
        outer.extend(added)
        if not outer.shrink():
            return outer, None
    return outer, inner


def _cleared(outer: Outer, inner: Hull, given: int) -> Outer:
    """Return the outer set, held by the given directions and the inner faces alone if they hold it as well.

    Normals that came close to these faces before they were known hold nothing then, and nearly parallel ones make
    for poor bases.
    """
    few = outer.narrowed(given, distinct(inner.normals()))
    few.shrink()
    return few if _error(few, inner) <= _error(outer, inner) else outer


def _error(outer: Outer, inner: Hull) -> float:
    return gap(outer.of(0), inner, outer.profiles.group)


def _touching(outer: Outer) -> Floats:
    return outer.profiles.group.orbits(outer.touching()[0, outer.orbits.chosen], _POINTS).rows


def gap(outer: Faces, inner: Hull, group: Group | None = None) -> float:
    """Return how far the outer set reaches beyond the inner one: in its own directions, and beyond the inner faces.

    With a group both sets are symmetric: one face of each orbit tells.
    """
    normals = distinct(inner.normals())
    if group is not None:
        normals = group.folded(normals)
    own = outer.levels - _farthest(inner, outer.directions)
    return float(
        max(own.max(initial=0.0), (outer.reach(normals) - _farthest(inner, normals)).max(initial=0.0))
    )


def _grown(outer: Outer, tolerance: float) -> Hull | None:
    """Return the larger of a set grown from the stage equilibria and one from shrunk points, if there is any."""
    profiles, directions, enough = outer.profiles, outer.directions, max(tolerance, _WORTH)
    still = from_stage(profiles, directions, enough, outer.budget)
    shrunk = self_generating(profiles, _touching(outer), directions, enough, outer.budget)
    found = [hull for hull in (still, shrunk) if hull is not None]
    return min(found, key=lambda hull: _error(outer, hull), default=None)


def fresh(outer: Faces, hulls: list[Hull], group: Group | None = None, most: int = _MOST) -> Floats:
    """Return missing normals of the hulls' faces, those beyond which the outer set reaches farthest, `most` of a hull.

    With a group whole orbits of normals count, one of each is returned.
    """
    chosen = [np.empty((0, outer.directions.shape[1]))]
    for hull in hulls:
        normals = distinct(hull.normals())
        many = np.ones(len(normals), np.intp)  # that each stands for
        if group is not None:
            orbits = group.orbits(normals)
            normals, many = orbits.rows[orbits.chosen], np.bincount(orbits.slots)
        beyond = outer.reach(normals) - _farthest(hull, normals)
        order = np.argsort(-beyond, kind="stable")
        order = order[beyond[order] > _WORTH]
        chosen.append(normals[order[np.cumsum(many[order]) - many[order] < most]])
    return unknown(outer, np.vstack(chosen))


def unknown(outer: Faces, normals: Floats) -> Floats:
    """Return each normal that the outer set lacks once."""
    from scipy.spatial import KDTree

    new = distinct(normals)
    return np.asarray(new[KDTree(outer.directions).query(new, p=np.inf)[0] > _APART])


def distinct(normals: Floats) -> Floats:
    """Return each normal once, in the order given."""
    first = np.unique(normals.round(7), axis=0, return_index=True)[1]
    return np.asarray(normals[np.sort(first)])


def _farthest(inner: Hull, directions: Floats) -> Floats:
    return Cloud(inner.points).farthest(directions)[1]
