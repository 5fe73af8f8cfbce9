"""Half-spaces added where the outer set reaches far beyond the inner one, until the two meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._symmetries import Group
from bargaining.equilibria.repeated._hyperplanes.cloud import Cloud
from bargaining.equilibria.repeated._hyperplanes.inner import (
    Hull,
    from_stage,
    self_generating,
    sturdy,
    sustained,
)
from bargaining.equilibria.repeated._hyperplanes.outer_faces import Outer

_MOST = 100  # normals that one set adds at a time
_WORTH = 1e-10  # a normal beyond which the outer set reaches less far is not worth a half-space
_POINTS = 11  # digits of points that are the same
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

    Returns it and the nearest inner set, if any was found.
    """
    inner, given, group = None, len(outer.directions), outer.profiles.group
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
    return outer, _grown(outer, tolerance) if inner is None else inner


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
