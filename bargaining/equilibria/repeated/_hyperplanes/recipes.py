r"""Points that generate themselves by given recipes, solved for at once.

Point k is :math:`x_k = (1-\delta) g(a_k) + \delta \sum_z p(z) \sum_j \lambda_{kzj} x_j`, where the weights of its few
points after each outcome add up to one and put the constraints that bind exactly on their thresholds: as many equations
as weights. The thresholds move with the lowest points. Newton's method solves for all points; weights that are not
negative and constraints that hold then prove that the points generate themselves.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._affine import solution
from bargaining.equilibria._budget import Budget
from bargaining.equilibria._rows import Indices
from bargaining.equilibria.repeated._hyperplanes.image import Points, Recipes
from bargaining.equilibria.repeated._hyperplanes.profiles import Profiles

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
