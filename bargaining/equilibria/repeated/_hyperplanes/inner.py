r"""Inner bounds on equilibrium payoffs of n players: finite sets of points that generate themselves.

If every point of Z is a payoff that some profile generates with lotteries over Z, its hull consists of equilibrium
payoffs (Abreu, Pearce & Stacchetti 1990), and so does the hull of Z and whatever Z generates. Everything is in the unit
box.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._budget import Budget
from bargaining.equilibria._rows import Indices, once
from bargaining.equilibria.repeated._hyperplanes.hull import Hull
from bargaining.equilibria.repeated._hyperplanes.image import Points, Recipes, image
from bargaining.equilibria.repeated._hyperplanes.profiles import Mask, Profiles
from bargaining.equilibria.repeated._hyperplanes.programs import distinct, work
from bargaining.equilibria.repeated._hyperplanes.recipes import Play, System, generating_points, played

SLACK = 1e-12
"""A point this far outside a set, in shares of the payoff range, counts as inside."""

_MOVES = 40  # of the points; those that come to rest do so in far fewer
_EVERY = 4  # rounds after which the points are solved for in any case
_SLOWER = 0.3  # and what is left of the move before if it is worth solving for them earlier
_DIGITS = 11  # of points that are the same
_TOTAL = 100.0  # the weight of the condition that chances add up to one; payoffs are in the unit box
_PIVOTS = 20  # of a program behind signals
_VERTICES = 1000  # of a hull that does not come to rest
_NEAR = 3.0  # how far they may lie, in what all further moves would add up to

Hulls = dict[int, Hull]
"""The hull of each state that has payoffs, in the order of the states."""


def hulls_of(points: Points, merge: float = 0.0) -> Hulls | None:
    """Return the hulls, None if the points of some state are too close to degenerate for floats."""
    each = {s: Hull.of(points.rows[points.state == s], merge) for s in np.unique(points.state).tolist()}
    found = {s: hull for s, hull in each.items() if hull is not None}
    return found if len(found) == len(each) else None


def stacked(hulls: Hulls) -> Points:
    """Return the vertices of all hulls."""
    return joined({s: hull.points for s, hull in hulls.items()})


def joined(rows: dict[int, Floats]) -> Points:
    """Return the points of all states, given by state."""
    return Points(np.vstack([*rows.values()]), np.repeat([*rows], [*map(len, rows.values())]))


def effort(profiles: Profiles, directions: int, points: int) -> int:
    """Return the units of work of an image in some directions."""
    pivots = 1 if profiles.limits is None else _PIVOTS
    return work(directions * len(profiles.payoffs), points) * pivots


def sustained(
    profiles: Profiles, hulls: Hulls | None, budget: Budget, alive: Mask | None = None
) -> tuple[Hulls | None, Play | None]:
    """Return hulls of points next to the vertices of these, and how they generate themselves; None if unknown.

    The points are replaced by those that their hull generates, each the farthest where a vertex is, until they come to
    rest, or until recipes are seen to sustain points next to them.
    """
    before, patience = np.inf, 1.0 - profiles.discounts.max()
    for trial in range(_MOVES):
        if hulls is None:
            break
        points = stacked(hulls)
        if not budget.spend(effort(profiles, len(points.rows), len(points.rows))):
            break
        found = image(profiles, points, pointing(hulls), points.state, alive)
        state = points.state[found.directions]
        if np.unique(state).size < len(hulls):
            return None, None
        move = float(np.abs(found.payoffs - points.rows[found.directions]).max())
        slow = move <= SLACK or move < _SLOWER * before or trial % _EVERY == _EVERY - 1
        if slow and len(found.payoffs) == len(points.rows):
            play = generating(profiles, points, found, budget, move / patience)
            if play is not None:
                return hulls_of(play.points), play
            before = move
        hulls = hulls_of(joined({s: _once(found.payoffs[state == s]) for s in hulls}))
    return hulls, None


def generating(
    profiles: Profiles, points: Points, found: Recipes, budget: Budget, near: float
) -> Play | None:
    """Return the automaton of points that recipes generate exactly, if it lies as near as all moves may add up to."""
    both = generating_points(profiles, points, found, budget)
    if both is None or not both[2] or np.abs(both[0] - found.payoffs).max() > _NEAR * near + SLACK:
        return None
    lotteries = System(profiles, points, found).lotteries(both[1])
    return played(profiles, points.state, found.profiles, lotteries)


def settled(
    profiles: Profiles, hulls: Hulls | None, budget: Budget, slack: float, alive: Mask | None = None
) -> Play | None:
    """Return an automaton next to hulls whose constraints hold, found with constraints tighter by some slack.

    The hull of a round set is replaced by the hull of what it generates in the normals of its faces and between them,
    until it moves by little; the slack is to offset what is left.
    """
    if hulls is None:
        return None
    tight = profiles.tightened(slack, stacked(hulls).rows)
    axes = np.vstack([np.eye(profiles.discounts.size), -np.eye(profiles.discounts.size)])
    for _ in range(_MOVES):
        points = stacked(hulls)
        around = {
            s: np.vstack([distinct(hull.normals()), hull.pointing(), axes]) for s, hull in hulls.items()
        }
        along = joined(around)
        if len(points.rows) > _VERTICES or not budget.spend(
            effort(profiles, len(along.rows), len(points.rows))
        ):
            return None
        found = image(tight, points, along.rows, along.state, alive)
        state = along.state[found.directions]
        if np.unique(state).size < len(hulls):
            return None
        after, chosen = dict[int, Hull](), []
        for s in hulls:
            own = np.flatnonzero(state == s)
            own = own[once(found.payoffs[own], _DIGITS)[0]]
            hull = Hull.of(found.payoffs[own], slack / 4.0)
            if hull is None:
                return None
            after[s] = hull
            chosen.append(own[hull.places])
        moved = max(
            max(hull.outside(after[s].points).max(), after[s].outside(hull.points).max())
            for s, hull in hulls.items()
        )
        hulls = after
        if moved <= slack:
            play = _written(profiles, tight, points, found.take(np.concatenate(chosen)), stacked(hulls))
            if play is not None and play.excess <= 0.0:
                return play
        if moved <= slack / 100.0:
            break
    return None


def _written(
    profiles: Profiles, tight: Profiles, points: Points, recipes: Recipes, after: Points
) -> Play | None:
    """Return the automaton of points that recipes generate from others, which are written as lotteries over them."""
    from scipy.sparse import csr_matrix

    system = System(tight, points, recipes)
    solved = system.solve(points.rows)
    if solved is None:
        return None
    lotteries = system.lotteries(solved[1]) @ _mixtures(points, after)
    return played(profiles, after.state, recipes.profiles, csr_matrix(lotteries))


def _mixtures(points: Points, after: Points) -> Any:
    """Write points as lotteries over others of the same state, or those nearest to them, a sparse matrix."""
    from scipy.optimize import nnls
    from scipy.sparse import csr_matrix

    rows, columns, shares = list[int](), list[int](), list[float]()
    for k, (point, s) in enumerate(zip(points.rows, points.state.tolist(), strict=True)):
        own = np.flatnonzero(after.state == s)
        weights = nnls(np.vstack([after.rows[own].T, np.full(own.size, _TOTAL)]), np.append(point, _TOTAL))[0]
        some = np.flatnonzero(weights)
        rows += [k] * some.size
        columns += own[some].tolist()
        shares += (weights[some] / weights.sum()).tolist()
    return csr_matrix((shares, (rows, columns)), (len(points.rows), len(after.rows)))


def condensed(profiles: Profiles, play: Play) -> Play:
    """Return the automaton of the vertices alone, over which all lotteries are written; the same if that fails."""
    from scipy.sparse import csr_matrix

    hulls = hulls_of(play.points)
    if hulls is None:
        return play
    order = _vertices(play, hulls)
    outcomes = profiles.ahead.shape[1]
    rows = (order[:, None] * outcomes + np.arange(outcomes)).ravel()
    lotteries = play.lotteries[rows] @ _mixtures(play.points, Points(play.payoffs[order], play.state[order]))
    few = played(profiles, play.state[order], play.owners[order], csr_matrix(lotteries))
    return few if few.excess <= max(play.excess / 2.0, SLACK) else play


def _vertices(play: Play, hulls: Hulls) -> Indices:
    """Return which points of an automaton are the vertices of hulls."""
    return np.concatenate([np.flatnonzero(play.state == s)[hull.places] for s, hull in hulls.items()])


def _once(points: Floats) -> Floats:
    return np.asarray(points[once(points, _DIGITS)[0]])


def pointing(hulls: Hulls) -> Floats:
    """Return a direction for each vertex in which it is the farthest."""
    return np.vstack([hull.pointing() for hull in hulls.values()])


def continued(less: Profiles, more: Profiles, hulls: Hulls, budget: Budget) -> Hulls | None:
    """Solve for what generates itself for more patient players as the points of hulls do for less patient ones."""
    points = stacked(hulls)
    found = image(less, points, pointing(hulls), points.state)
    if len(found.payoffs) < len(points.rows):
        return None
    solved = generating_points(more, points, found, budget)
    return hulls_of(Points(solved[0], points.state)) if solved is not None and solved[2] else None


def absorbing(profiles: Profiles) -> Play | None:
    """Return the stage equilibria of a game of one state, each for ever, and the outcomes of leaving; None if none."""
    stage, every = profiles.payoffs, np.arange(len(profiles.payoffs))
    later = np.repeat(stage[:, None], profiles.ahead.shape[1], axis=1)
    if profiles.limits is None:
        replies = profiles.thresholds(np.zeros(profiles.outside.shape)).replies
        stays = np.take_along_axis(stage, replies, axis=0) <= stage
        good = stays.all(axis=1) & (stage >= profiles.outside).all(axis=1)
    else:
        good = (profiles.slack(every, later, profiles.limits) >= -1e-11).all(axis=1)
    rows = np.flatnonzero(good)
    owners = np.append(-1 - np.arange(len(profiles.leaves)), rows).astype(np.intp)
    if not owners.size:
        return None
    return played(profiles, np.zeros(owners.size, np.intp), owners, _own(owners, profiles.ahead.shape[1]))


def _own(owners: Indices, outcomes: int) -> Any:
    """Return the lotteries of states that last for ever."""
    from scipy.sparse import csr_matrix

    count = len(owners)
    rows = np.arange(count * outcomes)
    return csr_matrix((np.ones(rows.size), (rows, rows // outcomes)), (rows.size, count))


def enlarged(
    profiles: Profiles,
    play: Play,
    directions: Floats,
    state: Indices,
    least: float,
    slack: float,
    alive: Mask | None,
) -> Play:
    """Return an automaton with the points, farther out by more than the least, that it generates in some directions."""
    from scipy.sparse import csr_matrix, vstack

    hulls = hulls_of(play.points)
    if hulls is None:
        return play
    order = _vertices(play, hulls)
    points = Points(play.payoffs[order], play.state[order])
    tight = profiles.tightened(slack, points.rows) if slack else profiles
    found = image(tight, points, directions, state, alive)
    new = state[found.directions]
    out = np.zeros(len(new))
    for s, hull in hulls.items():
        out[new == s] = hull.outside(found.payoffs[new == s])
    chosen = np.flatnonzero((out > least) & (found.profiles >= 0))
    chosen = chosen[once(found.payoffs[chosen], _DIGITS)[0]]
    if not chosen.size:
        return play
    found, new = found.take(chosen), new[chosen]
    system = System(tight, points, found)
    solved = system.solve(points.rows)
    if solved is None or solved[1].min() < -1e-9:
        return play
    more, old = system.lotteries(solved[1]), play.lotteries
    wide = len(play.owners) + len(chosen)
    old = csr_matrix((old.data, old.indices, old.indptr), (old.shape[0], wide))
    more = csr_matrix((more.data, order[more.indices], more.indptr), (more.shape[0], wide))
    return played(
        profiles,
        np.append(play.state, new),
        np.append(play.owners, found.profiles),
        vstack([old, more], format="csr"),
    )
