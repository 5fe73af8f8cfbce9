r"""Inner bounds on equilibrium payoffs of n players: finite sets of points that generate themselves.

If every point of Z is a payoff that some profile generates with lotteries over Z, its hull consists of equilibrium
payoffs (Abreu, Pearce & Stacchetti 1990), and so does the hull of Z and whatever Z generates. Everything is in the unit
box.

Points that generate themselves by given recipes, solved for at once.

Point k is :math:`x_k = (1-\delta) g(a_k) + \delta \sum_z p(z) \sum_j \lambda_{kzj} x_j`, where the weights of its few
points after each outcome add up to one and put the constraints that bind exactly on their thresholds: as many equations
as weights. The thresholds move with the lowest points. Newton's method solves for all points; weights that are not
negative and constraints that hold then prove that the points generate themselves.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Budget, Indices, once, solution
from bargaining.equilibria.repeated._hyperplanes.image import Hull, Points, Recipes, image
from bargaining.equilibria.repeated._hyperplanes.profiles import Mask, Profiles
from bargaining.equilibria.repeated._hyperplanes.programs import distinct, work

_ITERATIONS = 8  # of Newton's method, which doubles the digits in each
_EXACT = 1e-14  # points generate themselves up to rounding
_EPSILON = np.finfo(float).eps  # of each unit of the inverse of a recipe's equations: their rounding
_MOST = 1e-12  # of that rounding: points nearly on a line have no bound of it
_UNIT = 6000  # of the cube of the number of unknowns: one unit of work
_ROUNDING = 1e-13  # of weights and payoffs that come from a linear system
_LARGEST = 2400  # unknowns that are solved for


class Play(NamedTuple):
    """The payoffs of an automaton with fixed lotteries, so that continuation payoffs are exact.

    Attributes
    ----------
    payoffs : (m, n) array
        The payoffs of each state of the automaton.
    state : (m,) array of int
        The states of the game.
    owners : (m,) array of int
        The profile played, or -1 - l where the outcome l of leaving ends the game.
    lotteries : sparse (m Z, m) matrix
        The chance of each state after each outcome: row ``state * Z + outcome``.
    excess : float
        The largest gain from a deviation, negative if every deviation that changes something loses.
    """

    payoffs: Floats
    state: Indices
    owners: Indices
    lotteries: Any
    excess: float

    @property
    def points(self) -> Points:
        """The payoffs, with their states."""
        return Points(self.payoffs, self.state)


class System:
    """The equations of the recipes of points, each generated from the points `near`."""

    def __init__(self, profiles: Profiles, near: Points, recipes: Recipes) -> None:
        self.profiles, self.near = profiles, near
        self.leave, count = recipes.profiles < 0, profiles.who.size
        self.owners = owners = np.where(self.leave, 0, recipes.profiles)
        ends = np.vstack([profiles.gone[::-1], profiles.now])  # from -L on
        self.now = ends[recipes.profiles + len(profiles.leaves)]
        self.shares = np.where(self.leave[:, None], 0.0, profiles.discounts)
        mixed = recipes.rows >= 2 * count
        self.mixed = mixed & ~self.leave[:, None]
        self.point, self.after = np.divmod(np.maximum(recipes.rows - 2 * count, 0), profiles.ahead.shape[1])
        self.loose = np.where(mixed, 0, recipes.rows % max(count, 1))
        self.signs = np.where(recipes.rows < count, -1.0, 1.0)  # slack, or payoffs that are missing
        self.chances = np.take_along_axis(profiles.chances[owners], self.after, axis=1) * self.mixed
        self.weights = profiles.weights[owners[:, None], :, self.after].swapaxes(1, 2)  # (m, K, K + Z)
        self.played = recipes.profiles
        # The threat to player i in state s, if not to leave, is her payoff at the point `threats[s, i]`.
        least = profiles.thresholds(profiles.threat(*near))
        moving = ~profiles.left[profiles.ahead[least.replies]] & least.moves[:, :, None]
        self.falls = np.where(moving, profiles.chances[least.replies], 0.0)[owners]  # (m, K, Z)
        threats = np.zeros(profiles.outside.shape, np.intp)
        for s in np.unique(near.state).tolist():
            own = np.flatnonzero(near.state == s)
            threats[s] = own[near.rows[own].argmin(axis=0)]
        self.threats = threats[profiles.ahead[least.replies], profiles.who[:, None]][owners]  # (m, K, Z)
        self.fixed = profiles.floors(least)[owners] - self._threatened(near.rows)

    def _threatened(self, points: Floats) -> Floats:
        """Return what the threats contribute to each threshold."""
        return np.asarray((self.falls * points[self.threats, self.profiles.who[:, None]]).sum(axis=2))

    def solve(self, points: Floats) -> tuple[Floats, Floats] | None:
        """Return the inverse of each recipe's equations, and the weights of its rows."""
        profiles, m, count = self.profiles, len(self.owners), self.profiles.who.size
        size = self.mixed.shape[1]
        matrix = np.zeros((m, size, size))
        own = points[self.point][:, :, profiles.who].swapaxes(1, 2)  # (m, K, K + Z)
        matrix[:, :count] = np.where(self.mixed[:, None], self.weights * own, 0.0)
        matrix[:, count:] = (self.after[:, None] == np.arange(size - count)[:, None]) & self.mixed[:, None]
        k, row = np.nonzero(~self.mixed)
        matrix[k, self.loose[k, row], row] = self.signs[k, row]
        matrix[self.leave] = np.eye(size)
        right = np.ones((m, size))
        right[:, :count] = self.fixed + self._threatened(points)
        try:
            inverse = np.linalg.inv(matrix)
        except np.linalg.LinAlgError:
            return None
        return np.asarray(inverse, float), np.where(self.mixed, np.einsum("kij,kj->ki", inverse, right), 0.0)

    def generated(self, points: Floats, weights: Floats) -> Floats:
        """Return what the points generate with some weights."""
        later = np.einsum("kc,kci->ki", weights * self.chances, points[self.point])
        return np.asarray(self.now + self.shares * later)

    def slope(self, points: Floats, inverse: Floats, weights: Floats) -> Floats:
        """Return the derivative of what the recipes leave: weights move so that constraints that bind go on to."""
        (m, n), count, who = points.shape, self.profiles.who.size, self.profiles.who
        gives = np.where(self.mixed[:, None], (self.shares[:, :, None] * self.chances[:, None]), 0.0)
        pays = gives * points[self.point].swapaxes(1, 2)
        moves = (pays @ inverse)[:, :, :count]  # what a move of the thresholds does, (m, n, K)
        moves[self.leave] = 0.0
        blocks = np.zeros((m, self.mixed.shape[1], n, n))
        blocks[..., np.arange(n), np.arange(n)] = gives.swapaxes(1, 2)
        lost = np.einsum("mik,mkc->mcik", moves, self.weights)  # (m, K + Z, n, K)
        for k, i in enumerate(who.tolist()):
            blocks[..., i] -= lost[..., k]
        blocks *= weights[:, :, None, None]
        out, players = np.eye(m * n).reshape(m, n, m, n), np.arange(n)
        each, row = np.nonzero(self.mixed)
        at = each[:, None, None], players[:, None], self.point[each, row][:, None, None], players
        np.subtract.at(out, at, blocks[each, row])
        own, c, z = np.nonzero(self.falls)
        at = own[:, None], players, self.threats[own, c, z][:, None], who[c][:, None]
        np.subtract.at(out, at, moves[own, :, c] * self.falls[own, c, z][:, None])
        return out.reshape(m * n, m * n)

    def later(self, points: Floats, weights: Floats) -> Floats:
        """Return the continuations, (m, Z, n)."""
        after = self.after[:, None] == np.arange(self.profiles.ahead.shape[1])[:, None]
        return np.asarray((after * weights[:, None]) @ points[self.point])

    def holds(self, points: Floats, weights: Floats) -> bool:
        """Say whether every weight is a share and every constraint holds."""
        low = self.profiles.floors(self.profiles.thresholds(self.profiles.threat(points, self.near.state)))
        spare = self.profiles.slack(self.owners, self.later(points, weights), low)
        return bool(weights.min(initial=0.0) >= -_ROUNDING and (spare[~self.leave] >= -_ROUNDING).all())

    def lotteries(self, weights: Floats) -> Any:
        """Return the chances of the points near after each outcome of each recipe, a sparse (m Z, points) matrix."""
        from scipy.sparse import csr_matrix

        shape = len(weights) * self.profiles.ahead.shape[1], len(self.near.rows)
        shares = np.maximum(weights, 0.0)
        k, row = np.nonzero(shares)
        places = k * self.profiles.ahead.shape[1] + self.after[k, row]
        total = np.bincount(places, shares[k, row], shape[0])
        return csr_matrix((shares[k, row] / total[places], (places, self.point[k, row])), shape)


def played(profiles: Profiles, state: Indices, owners: Indices, lotteries: Any) -> Play:
    """Return the payoffs of an automaton, and by how much its deviations gain."""
    from scipy.sparse import csr_matrix

    count, outcomes = len(owners), profiles.ahead.shape[1]
    stays = owners >= 0
    profile = np.where(stays, owners, 0)
    chances = (profiles.chances[profile] * stays[:, None]).ravel()
    every = np.arange(chances.size)
    expected = csr_matrix((chances, (every // outcomes, every)), (count, chances.size)) @ lotteries
    payoffs = np.vstack([profiles.gone[::-1], profiles.now])[owners + len(profiles.leaves)]
    for delta in np.unique(profiles.discounts).tolist():
        own = profiles.discounts == delta
        payoffs[:, own] = solution(delta * expected, payoffs[:, own])
    later = np.asarray(lotteries @ payoffs).reshape(count, outcomes, -1)
    bare = profiles.tightened(1.0, payoffs)
    spare = profiles.slack(profile, later, profiles.thresholds(profiles.threat(payoffs, state)).needed)
    tied = np.broadcast_to(np.asarray(bare.raised) == 0.0, profiles.weights.shape[:2])[profile]
    spare = np.where(tied & (spare >= -_ROUNDING), np.inf, spare)[stays]
    return Play(payoffs, state, owners, lotteries, -float(spare.min(initial=np.inf)))


def generating_points(
    profiles: Profiles, near: Points, recipes: Recipes, budget: Budget
) -> tuple[Floats, Floats, bool] | None:
    """Solve for the points, each by its recipe, and their weights; also say whether they generate themselves.

    The threat to a player is her payoff at the point of a state that is the lowest for her now.
    """
    system, points = System(profiles, near, recipes), recipes.payoffs
    if points.size > _LARGEST:
        return None
    for _ in range(_ITERATIONS):
        solved = system.solve(points)
        if solved is None:
            return None
        inverse, weights = solved
        left = points - system.generated(points, weights)
        if np.abs(left).max() <= _EXACT + min(_EPSILON * np.abs(inverse).max(), _MOST):
            return points, weights, system.holds(points, weights)
        if not budget.spend(points.size**3 // _UNIT):
            return None
        try:
            step = np.linalg.solve(system.slope(points, inverse, weights), left.ravel())
        except np.linalg.LinAlgError:
            return None
        points = points - step.reshape(points.shape)
        if not np.abs(points).max() <= 2.0:
            return None
    return None


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
