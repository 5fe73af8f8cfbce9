"""Half-spaces added where the outer set reaches far beyond the inner one, until the two meet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._budget import Budget
from bargaining.equilibria._rows import Indices, once
from bargaining.equilibria.repeated._hyperplanes.cloud import Cloud
from bargaining.equilibria.repeated._hyperplanes.inner import (
    Hull,
    Hulls,
    continued,
    from_stage,
    hulls_of,
    joined,
    self_generating,
    stacked,
    sustained,
)
from bargaining.equilibria.repeated._hyperplanes.outer_faces import Outer
from bargaining.equilibria.repeated._hyperplanes.profiles import Profiles
from bargaining.equilibria.repeated._hyperplanes.vertex_image import Points, continuing, image

_MOST = 100  # normals that one set adds at a time
_WORTH = 1e-10  # a normal beyond which the outer set reaches less far is not worth a half-space
_POINTS = 11  # digits of points that are the same
_EASY = 0.1  # one minus a discount factor: more patient players are approached by less patient ones
_IMPATIENT = 0.5  # the most of it there, for any player
_LEAP = 1.5  # by how much it falls until the set of less patient players is computed again
_STEP = 0.95  # and by how much while its equations are solved again
_FEW = 2  # refinements that are tried before
_APART = 1e-7  # normals closer than this count as the same


class Pair(NamedTuple):
    """Both sides, and how far the outer sets reach beyond the inner ones."""

    outer: Outer
    inner: Hulls | None
    gap: float

    @classmethod
    def of(cls, outer: Outer, inner: Hulls | None) -> Pair:
        """Measure the gap: infinite without inner sets."""
        return cls(outer, inner, np.inf if inner is None else _error(outer, inner))


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


def bounded(
    profiles: Profiles, directions: Floats, refinements: int, tolerance: float, budget: Budget
) -> Several:
    """Bound the payoffs of every state from both sides, and refine the bounds where their error is largest.

    Sets of patient players are also looked for next to those of less patient ones.
    """
    outer = Outer.around(profiles, directions, budget)
    nothing: list[Hull | None] = [None] * len(outer.levels)
    if not outer.shrink():
        return Several(outer, nothing, 0.0)
    found = _refined(outer, refinements, tolerance)
    if not found.outer.filled.any():
        return Several(found.outer, nothing, 0.0)
    hulls = found.inner or {}
    return Several(found.outer, [hulls.get(s) for s in range(len(nothing))], found.gap)


def _refined(outer: Outer, refinements: int, tolerance: float) -> Pair:
    found, near = list[Pair](), None
    few, alone = min(refinements, _FEW), len(outer.levels) == 1
    if outer.profiles.discounts.max() > 1.0 - _EASY and few:
        found.append(_closed(_copied(outer), few, tolerance))
        if found[-1].gap > tolerance and found[-1].outer.filled.any():
            near = _carried_on(outer, few, tolerance)
            if near is not None:
                found.append(_closed(_copied(outer), refinements, tolerance, near))
                if alone and np.ptp(outer.profiles.discounts) == 0.0:
                    found.append(Pair.of(found[-1].outer, near))  # generates itself with more patience, too
    if all(one.gap > tolerance for one in found) and (near is None or alone):
        found.append(_closed(outer, refinements, tolerance))
    best = min(reversed(found), key=lambda one: one.gap)
    if best.inner is None and alone and best.outer.filled.all():
        grown = _grown(best.outer, tolerance)
        return best if grown is None else Pair.of(best.outer, {0: grown})
    return best


def _copied(outer: Outer) -> Outer:
    return outer.narrowed(len(outer.directions), outer.directions[:0])


def _carried_on(outer: Outer, refinements: int, tolerance: float) -> Hulls | None:
    """Return inner sets of less patient players, carried on towards the patience of these as far as they go.

    The profile and lottery that generate each point often stay the same, while the points move. In a game of several
    states the sets of less patient players need not generate themselves: they only show where to look.
    """
    profiles, wait, hulls = outer.profiles, 1.0 - outer.profiles.discounts, None
    times, enough = min(_EASY / wait.min(), _IMPATIENT / wait.max()), outer.budget.left / 2
    while times > 1.0 and outer.budget.left > enough:
        less = replace(profiles, discounts=1.0 - times * wait)
        around = Outer.around(less, outer.directions[2 * wait.size :], outer.budget)
        if around.shrink():
            hulls = _closed(around, refinements, tolerance, hulls).inner or hulls
        goal = max(times / _LEAP, 1.0)
        while hulls is not None and times > goal:
            times = max(times * _STEP, goal)
            more = replace(profiles, discounts=1.0 - times * wait)
            after = continued(less, more, hulls, outer.budget)
            if after is None:
                after, proof = sustained(more, hulls_of(stacked(hulls)), outer.budget)
                if proof is None:
                    break
            less, hulls = more, after
        times = goal
    return hulls


def _closed(outer: Outer, refinements: int, tolerance: float, near: Hulls | None = None) -> Pair:
    """Refine the outer sets, and look for inner ones, also next to those that are given."""
    inner, given = None, len(outer.directions)
    if near is not None:
        outer.extend(_added(outer, [near]))
        if not outer.shrink():
            return Pair.of(outer, None)
        near, proof = sustained(outer.profiles, hulls_of(stacked(near)), outer.budget)
        inner = near if proof else None
    best = Pair.of(outer, inner)
    for left in range(refinements, -1, -1):
        if outer.budget.spent:
            break
        touching, near = hulls_of(_touching(outer)), None
        larger = None if best.inner is None else _larger(outer, best.inner)
        for hulls in (touching, larger):
            if hulls is not None:
                near, proof = sustained(outer.profiles, hulls, outer.budget)
                if proof:
                    best = min(best, Pair.of(outer, near), key=lambda one: one.gap)
        if best.inner is not None and refinements:
            if best.gap <= tolerance:
                return best
            cleared = _cleared(best, given)
            if not left or cleared.gap <= tolerance:
                return cleared
        added = _added(outer, [touching, near, best.inner])
        if not left or not len(added):
            break
        outer.extend(added)
        if not outer.shrink():
            return Pair.of(outer, None)
        best = Pair.of(outer, best.inner)
    return best


def _added(outer: Outer, families: list[Hulls | None]) -> Floats:
    """Return missing normals of the faces of each state's hulls, see `fresh`, and of sums of the sets of several."""
    known = [hulls for hulls in families if hulls is not None]
    each = [
        fresh(outer.of(s), [hulls[s] for hulls in known if s in hulls])
        for s in np.flatnonzero(outer.filled).tolist()
    ]
    if len(outer.levels) > 1 and known:
        each.append(unknown(outer.of(0), _crossing(outer, known[-1])))
    return distinct(np.vstack(each))


def _reaching(outer: Outer, hulls: Hulls) -> tuple[Indices, Indices]:
    """Return the states and directions in which the outer sets reach farthest beyond hulls, `_MOST` at most."""
    beyond = np.full(outer.levels.shape, -np.inf)
    for s, hull in hulls.items():
        beyond[s] = outer.levels[s] - _farthest(hull, outer.directions)
    order = np.argsort(-beyond, axis=None, kind="stable")[:_MOST]
    state, face = np.divmod(order[beyond.ravel()[order] > _WORTH], len(outer.directions))
    return state, face


def _larger(outer: Outer, hulls: Hulls) -> Hulls | None:
    """Return hulls with what they generate beyond themselves where the outer sets reach farthest beyond them."""
    state, face = _reaching(outer, hulls)
    found = image(outer.profiles, stacked(hulls), outer.directions[face], state)
    new = {s: found.payoffs[state[found.directions] == s] for s in hulls}
    new = {s: some[hulls[s].outside(some) > _WORTH] for s, some in new.items() if len(some)}
    if not any(map(len, new.values())):
        return None
    return hulls_of(
        joined({s: np.vstack([hull.points, *([new[s]] if s in new else [])]) for s, hull in hulls.items()})
    )


def _crossing(outer: Outer, hulls: Hulls) -> Floats:
    """Return normals of faces of means of the successors' hulls, on which levels depend that reach beyond the hulls.

    Where an edge of one hull crosses an edge of another, the mean has a face that none of them has.
    """
    (part, places), (state, face) = outer.best(), _reaching(outer, hulls)
    played = np.isin(state * len(outer.directions) + face, places)
    state, face = state[played], face[played]
    owners = part.owners[np.searchsorted(places, state * len(outer.directions) + face)]
    found = continuing(outer.profiles, stacked(hulls), outer.directions[face], owners)
    size = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray((found / np.where(size > 0.0, size, 1.0))[size[:, 0] > _WORTH])


def _cleared(best: Pair, given: int) -> Pair:
    """Return the outer sets, held by the given directions and the inner faces alone if they hold them as well.

    Normals that came close to these faces before they were known hold nothing then, and nearly parallel ones make
    for poor bases.
    """
    outer, inner, _ = best
    assert inner is not None
    few = outer.narrowed(given, distinct(np.vstack([hull.normals() for hull in inner.values()])))
    few.shrink()
    return min(Pair.of(few, inner), best, key=lambda one: one.gap)


def _error(outer: Outer, inner: Hulls) -> float:
    filled = np.flatnonzero(outer.filled).tolist()
    return max(gap(outer.of(s), inner[s]) if s in inner else np.inf for s in filled)


def _touching(outer: Outer) -> Points:
    points = outer.touching()
    return joined({s: points[s][once(points[s], _POINTS)[0]] for s in np.flatnonzero(outer.filled).tolist()})


def gap(outer: Faces, inner: Hull) -> float:
    """Return how far the outer set reaches beyond the inner one: in its own directions, and beyond the inner faces."""
    normals = distinct(inner.normals())
    own = outer.levels - _farthest(inner, outer.directions)
    return float(
        max(own.max(initial=0.0), (outer.reach(normals) - _farthest(inner, normals)).max(initial=0.0))
    )


def _grown(outer: Outer, tolerance: float) -> Hull | None:
    """Return the larger of a set grown from the stage equilibria and one from shrunk points, if there is any."""
    profiles, directions, enough = outer.profiles, outer.directions, max(tolerance, _WORTH)
    still = from_stage(profiles, directions, enough, outer.budget)
    shrunk = self_generating(profiles, _touching(outer).rows, directions, enough, outer.budget)
    found = [hull for hull in (still, shrunk) if hull is not None]
    return min(found, key=lambda hull: _error(outer, {0: hull}), default=None)


def fresh(outer: Faces, hulls: list[Hull]) -> Floats:
    """Return missing normals of faces, those beyond which the outer set reaches farthest, `_MOST` of a hull."""
    chosen = [np.empty((0, outer.directions.shape[1]))]
    for hull in hulls:
        normals = distinct(hull.normals())
        beyond = outer.reach(normals) - _farthest(hull, normals)
        order = np.argsort(-beyond, kind="stable")
        chosen.append(normals[order[beyond[order] > _WORTH][:_MOST]])
    return unknown(outer, np.vstack(chosen))


def unknown(outer: Faces, normals: Floats) -> Floats:
    """Return each normal that the outer set lacks once."""
    from scipy.spatial import KDTree

    new = distinct(normals)
    return np.asarray(new[KDTree(outer.directions).query(new, p=np.inf)[0] > _APART])


def distinct(normals: Floats) -> Floats:
    """Return each normal once, in the order given."""
    return np.asarray(normals[once(normals, 7)[0]])


def _farthest(inner: Hull, directions: Floats) -> Floats:
    return Cloud(inner.points).farthest(directions)[1]
