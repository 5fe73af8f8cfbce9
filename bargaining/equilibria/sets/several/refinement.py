"""Half-spaces added where the outer set reaches far beyond the inner one, until the two meet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Budget, Indices, farthest, once
from bargaining.equilibria.sets.several.inner import (
    Hull,
    Hulls,
    Play,
    Points,
    absorbing,
    continued,
    effort,
    enlarged,
    hulls_of,
    joined,
    played,
    settled,
    stacked,
    sustained,
)
from bargaining.equilibria.sets.several.outer import Around, Outer
from bargaining.equilibria.sets.several.profiles import Profiles, Symmetries
from bargaining.equilibria.sets.several.programs import distinct

_MOST = 100  # normals that one set adds at a time
_WORTH = 1e-10  # a normal beyond which the outer set reaches less far is not worth a half-space
_CLOSED = 600  # and directions with all images of them
_POINTS = 11  # digits of points that are the same
_EASY = 0.1  # one minus a discount factor: more patient players are approached by less patient ones
_IMPATIENT = 0.5  # the most of it there, for any player
_LEAP = 1.5  # by how much it falls until the set of less patient players is computed again
_STEP = 0.95  # and by how much while its equations are solved again
_FEW = 2  # refinements that are tried before
_SAME = 7  # digits of normals that count as the same
_APART = 1e-7  # normals closer than this count as the same
_COARSE = 0.3  # the expected gap below which an inner set is looked for
_CLOSER = 5.0  # by how much less until one is looked for again
_VERTICES = 400  # of a growing set
_LATER = 0.05  # of the farthest reach: what waits where sets are round
_PULLS = 40  # directions of continuations at a time
_LOOSEST = 0.05  # slack that leaves little of a set
_ROOMS = 1e-3, 3e-2, 1.0, 10.0  # times the gap and the patience: by which thresholds are raised
_SLACKS = 0.05, 0.25, 1.0  # times the gap: the same where sets are round
_FINE, _COARSEST = 1e-7, 1e-3  # of the unit box: no gap is taken to be smaller, or larger, there
_WIDER = 10.0  # times the tolerance, up to the coarsest gap, where no inner set is found
_GROWTH = 60  # steps of a growing set


@dataclass(slots=True, eq=False)
class Several:
    """Both sides in the unit box: half-spaces, and the automaton whose payoffs span the inner sets."""

    outer: Outer
    play: Play | None
    hulls: Hulls | None
    gap: float

    @classmethod
    def of(cls, outer: Outer, play: Play | None) -> Several:
        """Measure the gap: infinite without inner sets."""
        hulls = None if play is None else hulls_of(play.points)
        return cls(outer, play, hulls, np.inf if hulls is None else _error(outer, hulls))

    @property
    def inner(self) -> list[Hull | None]:
        """The hull of each state, None where there is none."""
        return [(self.hulls or {}).get(s) for s in range(len(self.outer.levels))]


def bounded(
    profiles: Profiles, directions: Floats, refinements: int, tolerance: float, budget: Budget
) -> Several:
    """Bound the payoffs of every state from both sides, and refine the bounds where their error is largest.

    Sets of patient players are also looked for next to those of less patient ones. Behind signals a fine tolerance may
    lose the inner set; it is then looked for at a wider one.
    """
    still = 1e-13 if profiles.limits is None else tolerance * (1.0 - profiles.discounts.max()) / 20.0
    outer = Outer.around(profiles, directions, budget, max(still, 1e-13))
    if not outer.shrink():
        return Several(outer, None, None, 0.0)
    found = list[Several]()
    few, alone, play = min(refinements, _FEW), len(outer.levels) == 1, None
    if profiles.limits is None and profiles.discounts.max() > 1.0 - _EASY and few:
        found.append(_closed(outer.copied(), few, tolerance))
        if found[-1].gap > tolerance and found[-1].outer.filled.any():
            near = _carried_on(outer, few, tolerance)
            if near is not None:
                play = sustained(profiles, near, budget)[1]
                found.append(_closed(outer.copied(), refinements, tolerance, near, play))
    if all(one.gap > tolerance for one in found) and (play is None or alone):
        found.append(_closed(outer, refinements, tolerance))
    best = min(reversed(found), key=lambda one: one.gap)
    lost = profiles.limits is not None and best.hulls is None and best.outer.filled.any()
    if lost and tolerance < _COARSEST and not budget.spent:
        wider = min(_WIDER * tolerance, _COARSEST)
        best = min(best, bounded(profiles, directions, refinements, wider, budget), key=lambda one: one.gap)
    return best if best.outer.filled.any() else Several(best.outer, None, None, 0.0)


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
            hulls = _closed(around, refinements, tolerance, hulls).hulls or hulls
        goal = max(times / _LEAP, 1.0)
        while hulls is not None and times > goal:
            times = max(times * _STEP, goal)
            more = replace(profiles, discounts=1.0 - times * wait)
            after = continued(less, more, hulls, outer.budget)
            if after is None:
                after, play = sustained(more, hulls_of(stacked(hulls)), outer.budget)
                if play is None:
                    break
            less, hulls = more, after
        times = goal
    return hulls


def _closed(
    outer: Outer, refinements: int, tolerance: float, near: Hulls | None = None, play: Play | None = None
) -> Several:
    """Refine the outer sets, and look for inner ones, also next to those that are given."""
    profiles = outer.profiles
    if near is not None:
        outer.extend(_added(outer, [near]))
        if not outer.shrink():
            return Several.of(outer, None)
        play = sustained(profiles, hulls_of(stacked(near)), outer.budget)[1] or play
    best, wanted, patience = Several.of(outer, play), _COARSE, 1.0 - float(profiles.discounts.max())
    for left in range(refinements, -1, -1):
        touching = hulls_of(_touching(outer), 0.0 if profiles.limits is None else tolerance * patience / 10.0)
        error = np.inf if touching is None else _error(outer, touching) / patience
        last = not left or outer.budget.spent
        ready = profiles.limits is None or last or error <= max(wanted, tolerance)
        wanted = min(wanted, error / _CLOSER) if ready else wanted
        near = None
        larger = None if best.hulls is None or not ready else _larger(outer, best)
        if touching is not None and ready:
            near, best = _inside(outer, touching, larger, best, tolerance)
            if last and best.play is None and len(outer.levels) == 1:
                start = absorbing(profiles)
                best = best if start is None else grown(outer, start, tolerance, 0.0)
        if best.hulls is not None and refinements and best.gap <= tolerance:
            return best
        added = _added(outer, [touching, near, best.hulls])
        if profiles.limits is not None and touching is not None:
            known = np.full(outer.levels.shape, -np.inf)
            for s, hull in touching.items():
                known[s] = _farthest(hull, outer.directions)
            pulls = unknown(outer.of(0), outer.pulls(known))
            added = np.vstack([added, pulls[:_PULLS]])
        if not left or not len(added) or outer.budget.spent:
            break
        outer.extend(added)
        if not outer.shrink():
            return Several.of(outer, None)
        best = Several.of(outer, best.play)
    return best


def _inside(
    outer: Outer, touching: Hulls, larger: Hulls | None, best: Several, tolerance: float
) -> tuple[Hulls | None, Several]:
    """Look for automata next to the points that touch the outer sets, or next to a larger set than the best."""
    profiles, alive, budget = outer.profiles, outer.alive, outer.budget
    near: Hulls | None = None
    for hulls in (touching, larger):
        few = hulls is not None and (profiles.limits is None or len(stacked(hulls).rows) <= _MOST)
        if few and not budget.spent:
            near, play = sustained(profiles, hulls, budget, alive)
            if play is not None and play.excess <= 1e-12:
                best = min(best, Several.of(outer, play), key=lambda one: one.gap)
                near = best.hulls
            if best.gap <= tolerance:
                return near, best
    patience, error = 1.0 - float(profiles.discounts.max()), _error(outer, touching)
    if profiles.limits is None or best.gap <= error / patience:
        return near, best
    if best.play is not None:
        best = grown(outer, best.play, tolerance, 0.0)
        if best.gap <= max(tolerance, error / patience):
            return near, best
    slack = max(tolerance, error) / 20.0
    while slack < _LOOSEST and not budget.spent:
        play = settled(profiles, touching, budget, slack, alive)
        if play is not None:
            best = min(best, grown(outer, play, tolerance, patience * slack / 10.0), key=lambda one: one.gap)
            break
        slack *= 4.0
    return near, best


def grown(outer: Outer, play: Play, tolerance: float, slack: float) -> Several:
    """Grow a set that generates itself by what it generates beyond its faces, until the outer set is near."""
    best, profiles = Several.of(outer, play), outer.profiles
    least = max(tolerance * (1.0 - profiles.discounts.max()) / 10.0, _WORTH)
    pace = float(profiles.discounts.max())
    for step in range(_GROWTH):
        if best.gap <= tolerance or best.hulls is None or best.gap * pace ** (_GROWTH - step) > tolerance:
            break
        count = sum(len(hull.points) for hull in best.hulls.values())
        if count > _VERTICES or not outer.budget.spend(effort(profiles, count, count)):
            break
        normals, state = [], []
        for s, hull in best.hulls.items():
            own = np.vstack(
                [distinct(hull.normals()), hull.pointing(), outer.directions[: 2 * hull.points.shape[1]]]
            )
            beyond = outer.of(s).reach(own) - _farthest(hull, own)
            far = max(least, best.gap / 5.0)
            own = own[np.argsort(-beyond, kind="stable")][: np.count_nonzero(beyond > far)][:_MOST]
            normals.append(own)
            state.append(np.full(len(own), s))
        near = max(least, best.gap / 30.0)
        more = enlarged(profiles, play, np.vstack(normals), np.concatenate(state), near, slack, outer.alive)
        if len(more.owners) == len(play.owners) or more.excess > max(play.excess, 1e-12):
            break
        play, best = more, Several.of(outer, more)
    return best


def loosened(profiles: Profiles, found: Several, budget: Budget) -> Iterator[tuple[Play, bool]]:
    """Yield automata near the inner sets whose constraints hold with room, and say whether they do."""
    if found.hulls is None or found.play is None:
        return
    near = min(max(found.gap, _FINE), _COARSEST) * (1.0 - float(profiles.discounts.max()))
    if found.play.excess < -_FINE * near:
        yield found.play, True
    for share in _ROOMS:
        tight = profiles.tightened(share * near, stacked(found.hulls).rows)
        play = sustained(tight, hulls_of(stacked(found.hulls)), budget)[1]
        if play is not None:
            yield played(profiles, play.state, play.owners, play.lotteries), True
    for share in _SLACKS if profiles.limits is not None else ():
        play = settled(profiles, hulls_of(stacked(found.hulls)), budget, share * max(found.gap, _FINE))
        if play is not None:
            yield play, True
    yield found.play, False


def _added(outer: Outer, families: list[Hulls | None]) -> Floats:
    """Return missing normals of the faces of each state's hulls, see `fresh`."""
    known, share = [hulls for hulls in families if hulls is not None], 0.0
    if outer.profiles.limits is not None:
        share = _LATER
    each = [
        fresh(outer.of(s), [hulls[s] for hulls in known if s in hulls], outer.profiles.symmetries, share)
        for s in np.flatnonzero(outer.filled).tolist()
    ]
    return distinct(np.vstack(each))


def _reaching(outer: Outer, hulls: Hulls) -> tuple[Indices, Indices]:
    """Return the states and directions in which the outer sets reach farthest beyond hulls, `_MOST` at most."""
    beyond = np.full(outer.levels.shape, -np.inf)
    for s, hull in hulls.items():
        beyond[s] = outer.levels[s] - _farthest(hull, outer.directions)
    order = np.argsort(-beyond, axis=None, kind="stable")[:_MOST]
    state, face = np.divmod(order[beyond.ravel()[order] > _WORTH], len(outer.directions))
    return state, face


def _larger(outer: Outer, best: Several) -> Hulls | None:
    """Return hulls with what they generate beyond themselves where the outer sets reach farthest beyond them."""
    assert best.play is not None
    assert best.hulls is not None
    state, face = _reaching(outer, best.hulls)
    if not state.size:
        return None
    more = enlarged(outer.profiles, best.play, outer.directions[face], state, _WORTH, 0.0, outer.alive)
    return hulls_of(more.points) if len(more.owners) > len(best.play.owners) else None


def _error(outer: Outer, inner: Hulls) -> float:
    filled = np.flatnonzero(outer.filled).tolist()
    return max(gap(outer.of(s), inner[s]) if s in inner else np.inf for s in filled)


def _touching(outer: Outer) -> Points:
    points = outer.touching()
    return joined({s: points[s][once(points[s], _POINTS)[0]] for s in np.flatnonzero(outer.filled).tolist()})


def gap(outer: Around, inner: Hull) -> float:
    """Return how far the outer set reaches beyond the inner one: in its own directions, and beyond the inner faces."""
    normals = distinct(inner.normals())
    own = outer.levels - _farthest(inner, outer.directions)
    return float(
        max(own.max(initial=0.0), (outer.reach(normals) - _farthest(inner, normals)).max(initial=0.0))
    )


def fresh(outer: Around, hulls: list[Hull], symmetries: Symmetries, share: float = 0.0) -> Floats:
    """Return missing normals of faces, those beyond which the outer set reaches farthest.

    Those beyond which it reaches less than a share of how far it does anywhere are left for later. One normal of each
    orbit stands for all.
    """
    chosen = [np.empty((0, outer.directions.shape[1]))]
    for hull in hulls:
        normals, first, _ = symmetries.orbits(hull.normals(), _SAME)
        normals, many = normals[np.unique(first)], np.unique(first, return_counts=True)[1]
        beyond = outer.reach(normals) - _farthest(hull, normals)
        order = np.argsort(-beyond, kind="stable")
        order = order[beyond[order] > max(_WORTH, share * beyond.max(initial=0.0))]
        chosen.append(normals[order[np.cumsum(many[order]) - many[order] < _CLOSED][:_MOST]])
    return unknown(outer, np.vstack(chosen))


def unknown(outer: Around, normals: Floats) -> Floats:
    """Return each normal that the outer set lacks once."""
    from scipy.spatial import KDTree

    new = distinct(normals)
    if not len(new):
        return new
    return np.asarray(new[KDTree(outer.directions).query(new, p=np.inf)[0] > _APART])


def _farthest(inner: Hull, directions: Floats) -> Floats:
    return farthest(inner.points, directions)[1]
