r"""Points that generate themselves by given recipes, solved for at once.

Point k is :math:`x_k = (1-\delta) g(a_k) + \delta \sum_j \lambda_{kj} x_j`, where the weights of its few points in each
state sum to the state's probability and put the players whose floor binds exactly on it: as many equations as weights.
The floors move with the lowest points. Newton's method solves for all points; weights that are not negative and floors
that hold then prove that the points generate themselves.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._budget import Budget
from bargaining.equilibria.repeated._hyperplanes.profiles import Profiles
from bargaining.equilibria.repeated._hyperplanes.vertex_image import LEAVE, Points, Recipes

_ITERATIONS = 8  # of Newton's method, which doubles the digits in each
_EXACT = 1e-14  # points generate themselves up to rounding
_EPSILON = np.finfo(float).eps  # of each unit of the inverse of a recipe's equations: their rounding
_MOST = 1e-12  # of that rounding: points nearly on a line have no bound of it
_UNIT = 6000  # of the cube of the number of unknowns: one unit of work
_ROUNDING = 1e-13  # of weights and payoffs that come from a linear system


def generating_points(profiles: Profiles, near: Points, recipes: Recipes, budget: Budget) -> Floats | None:
    """Solve for the points, each by its recipe; None if they do not generate themselves.

    The threat to a player is her payoff at the point of a state that is the lowest for her now.
    """
    system = _System(profiles, near, recipes)
    points = recipes.payoffs
    for _ in range(_ITERATIONS):
        solved = system.weights(points)
        if solved is None:
            return None
        inverse, weights = solved
        left = points - system.generated(points, weights)
        if np.abs(left).max() <= _EXACT + min(_EPSILON * np.abs(inverse).max(), _MOST):
            return points if system.holds(points, weights) else None
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


def lotteries(profiles: Profiles, near: Points, recipes: Recipes, points: Floats) -> Floats | None:
    """Return the weights of all points in the lotteries that follow each, by its recipe, shape (m, m).

    The recipes, and the points that threaten, are those found near these points.
    """
    system = _System(profiles, near, recipes)
    solved = system.weights(points)
    if solved is None:
        return None
    out, (recipe, row) = np.zeros((len(points), len(points))), np.nonzero(system.mixed)
    np.add.at(out, (recipe, system.parents[recipe, row]), np.maximum(solved[1][recipe, row], 0.0))
    return out


class _System:
    """The equations of all recipes."""

    def __init__(self, profiles: Profiles, points: Points, recipes: Recipes) -> None:
        (count, n), state = points.rows.shape, points.state
        self.profiles, self.state, self.played = profiles, state, recipes.profiles
        self.leave = recipes.profiles == LEAVE
        self.shares = np.where(self.leave[:, None], 0.0, profiles.discounts)
        self.now = np.where(self.leave[:, None], profiles.gone[state], profiles.now[recipes.profiles])
        self.laws, self.here = profiles.laws[recipes.profiles][:, points.states], points.here
        # The threat to player i in state s, if not to leave, is her payoff at the point `threats[s, i]`.
        least = profiles.thresholds(profiles.threat(*points))
        ends = np.append(points.first, count)
        self.threats = np.stack(
            [low + points.rows[low:high].argmin(axis=0) for low, high in pairwise(ends.tolist())]
        )
        # Floors move with the threats in the states that may follow the best deviation, shape (m, n, S).
        after = profiles.laws[least.replies[recipes.profiles]][:, :, points.states]
        moves = least.moves[recipes.profiles][:, :, None] & ~profiles.leaves[points.states]
        self.chances = after * moves
        self.low = profiles.floors(least)[recipes.profiles] - self.threatened(points.rows)
        self.mixed = recipes.rows < count
        self.parents = np.where(self.mixed, recipes.rows, 0)
        self.players = np.where(self.mixed, 0, (recipes.rows - count) % n)
        self.signs = np.where(recipes.rows < count + n, -1.0, 1.0)

    def threatened(self, rows: Floats) -> Floats:
        """Return what the threats contribute to each floor."""
        lowest = rows[self.threats, np.arange(rows.shape[1])]
        return np.asarray(np.einsum("kis,si->ki", self.chances, lowest))

    def floors(self, points: Floats) -> Floats:
        """Return the floors of each recipe while the same points threaten."""
        return np.asarray(self.low + self.threatened(points))

    def columns(self, points: Floats) -> Floats:
        """Return the points of each recipe as columns, zero where the row is a player."""
        return np.asarray(np.where(self.mixed[:, None, :], points[self.parents].transpose(0, 2, 1), 0.0))

    def weights(self, points: Floats) -> tuple[Floats, Floats] | None:
        """Return the inverse of each recipe's equations, and what it weights its rows by."""
        m, n = points.shape
        matrix = np.zeros((m, *[n + self.laws.shape[1]] * 2))
        matrix[:, :n] = self.columns(points)
        matrix[:, n:] = (self.here[self.parents] * self.mixed[:, :, None]).transpose(0, 2, 1)
        recipe, row = np.nonzero(~self.mixed)
        matrix[recipe, self.players[recipe, row], row] = self.signs[recipe, row]
        try:
            inverse = np.linalg.inv(matrix)
        except np.linalg.LinAlgError:
            return None
        return inverse, np.einsum("kij,kj->ki", inverse, np.hstack([self.floors(points), self.laws]))

    def later(self, points: Floats, weights: Floats) -> Floats:
        shares = np.where(self.mixed, weights, 0.0)
        return np.asarray(np.einsum("kij,kj->ki", self.columns(points), shares))

    def generated(self, points: Floats, weights: Floats) -> Floats:
        return np.asarray(self.now + self.shares * self.later(points, weights))

    def slope(self, points: Floats, inverse: Floats, weights: Floats) -> Floats:
        """Return the derivative of what the recipes leave: weights move so that floors that bind go on to."""
        m, n = points.shape
        kept = self.columns(points) @ inverse[:, :, :n]  # what a move of the floors does to the continuation
        out = np.zeros((m, n, m, n))
        recipe, row = np.nonzero(self.mixed)
        moved = -self.shares[recipe, :, None] * weights[recipe, row, None, None] * (np.eye(n) - kept)[recipe]
        mine, yours, parents = np.arange(n)[:, None], np.arange(n), self.parents[recipe, row]
        np.add.at(out, (recipe[:, None, None], mine, parents[:, None, None], yours), moved)
        for (s, i), threat in np.ndenumerate(self.threats):
            falls = self.shares * kept[:, :, i] * self.chances[:, i, s, None]
            out[:, :, threat, i] -= falls
        each = np.arange(m)[:, None]
        out[each, np.arange(n), each, np.arange(n)] += 1.0
        return out.reshape(m * n, m * n)

    def holds(self, points: Floats, weights: Floats) -> bool:
        """Say whether every weight is a share and every floor holds."""
        threat = self.profiles.threat(points, self.state)
        low = self.profiles.floors(self.profiles.thresholds(threat))[self.played]
        shares = weights[self.mixed].min(initial=0.0) >= -_ROUNDING
        holds = (self.later(points, weights) >= low - _ROUNDING).all(axis=1)
        return bool(shares and (holds | self.leave).all())
