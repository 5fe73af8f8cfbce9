r"""Points that generate themselves by given recipes, solved for at once.

Point k is :math:`x_k = (1-\delta) g(a_k) + \delta \sum_j \lambda_{kj} x_j`, where the weights of its few points sum to
one and put the players whose floor binds exactly on it: as many equations as weights. The floors move with the lowest
points. Newton's method solves for all points; weights that are not negative and floors that hold then prove
that the points generate themselves.
"""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._symmetries import Orbits
from bargaining.equilibria.repeated._hyperplanes.profiles import Profiles
from bargaining.equilibria.repeated._hyperplanes.vertex_image import LEAVE, Recipes

_ITERATIONS = 8  # of Newton's method, which doubles the digits in each
_EXACT = 1e-14  # points generate themselves up to rounding
_EPSILON = np.finfo(float).eps  # of each unit of the inverse of a recipe's equations: their rounding
_MOST = 1e-12  # of that rounding: points nearly on a line have no bound of it
_ROUNDING = 1e-13  # of weights and payoffs that come from a linear system


def generating_points(profiles: Profiles, orbits: Orbits, recipes: Recipes) -> Floats | None:
    """Solve for the points, one of each orbit by its recipe; None if they do not generate themselves.

    Returns all of them. The threat to a player is her payoff at the point that is the lowest for her now.
    """
    system = _System(profiles, orbits, recipes)
    points = recipes.payoffs
    for _ in range(_ITERATIONS):
        solved = system.weights(points)
        if solved is None:
            return None
        inverse, weights = solved
        left = points - system.generated(points, weights)
        if np.abs(left).max() <= _EXACT + min(_EPSILON * np.abs(inverse).max(), _MOST):
            return system.all(points) if system.holds(points, weights) else None
        try:
            step = np.linalg.solve(system.slope(points, inverse, weights), left.ravel())
        except np.linalg.LinAlgError:
            return None
        points = points - step.reshape(points.shape)
        if not np.abs(points).max() <= 2.0:
            return None
    return None


def lotteries(profiles: Profiles, points: Floats, recipes: Recipes) -> Floats | None:
    """Return the weights of all points in the lottery that follows each, by its recipe, shape (m, m)."""
    system = _System(profiles, Orbits.single(points), recipes)
    solved = system.weights(points)
    if solved is None:
        return None
    out, (recipe, row) = np.zeros((len(points), len(points))), np.nonzero(system.mixed)
    np.add.at(out, (recipe, system.parents[recipe, row]), np.maximum(solved[1][recipe, row], 0.0))
    return out


class _System:
    """The equations of all recipes."""

    def __init__(self, profiles: Profiles, orbits: Orbits, recipes: Recipes) -> None:
        (count, n), chosen = orbits.rows.shape, orbits.chosen
        self.outside, self.threats = profiles.leaving, orbits.rows.argmin(axis=0)
        # The coordinate c of point k is the coordinate `origin[k, c]` of the unknown `slots[k]`.
        self.slots, self.origin = orbits.slots, profiles.group.players[orbits.by].argsort(axis=1)
        assert len(chosen) == len(recipes.payoffs)
        self.leave = recipes.profiles == LEAVE
        self.shares = np.where(self.leave[:, None], 0.0, profiles.discounts)
        self.now = np.where(
            self.leave[:, None],
            0.0 if profiles.leaving is None else profiles.leaving,
            profiles.now[recipes.profiles],
        )
        low = profiles.floors(np.zeros(n) if self.outside is None else self.outside)
        self.low = low[recipes.profiles]
        self.mixed = recipes.rows < count
        self.parents = np.where(self.mixed, recipes.rows, 0)
        self.players = np.where(self.mixed, 0, (recipes.rows - count) % n)
        self.signs = np.where(recipes.rows < count + n, -1.0, 1.0)

    def all(self, points: Floats) -> Floats:
        """Return the points of every orbit, from one of each."""
        return np.asarray(np.take_along_axis(points[self.slots], self.origin, axis=1))

    def floors(self, points: Floats) -> Floats:
        if self.outside is not None:
            return self.low
        return np.asarray(self.low + self.all(points)[self.threats, np.arange(self.threats.size)])

    def columns(self, points: Floats) -> Floats:
        """Return the points of each recipe as columns, zero where the row is a player."""
        return np.asarray(
            np.where(self.mixed[:, None, :], self.all(points)[self.parents].transpose(0, 2, 1), 0.0)
        )

    def weights(self, points: Floats) -> tuple[Floats, Floats] | None:
        """Return the inverse of each recipe's equations, and what it weights its rows by."""
        m, n = points.shape
        matrix = np.zeros((m, n + 1, n + 1))
        matrix[:, :n], matrix[:, n] = self.columns(points), self.mixed
        recipe, row = np.nonzero(~self.mixed)
        matrix[recipe, self.players[recipe, row], row] = self.signs[recipe, row]
        try:
            inverse = np.linalg.inv(matrix)
        except np.linalg.LinAlgError:
            return None
        return inverse, np.einsum("kij,kj->ki", inverse, np.hstack([self.floors(points), np.ones((m, 1))]))

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
        mine, parents = np.arange(n)[:, None], self.parents[recipe, row]
        yours = self.origin[parents][:, None, :]
        np.add.at(out, (recipe[:, None, None], mine, self.slots[parents][:, None, None], yours), moved)
        if self.outside is None:
            for i, threat in enumerate(self.threats):
                out[:, :, self.slots[threat], self.origin[threat, i]] -= self.shares * kept[:, :, i]
        each = np.arange(m)[:, None]
        out[each, np.arange(n), each, np.arange(n)] += 1.0
        return out.reshape(m * n, m * n)

    def holds(self, points: Floats, weights: Floats) -> bool:
        """Say whether every weight is a share and every floor holds."""
        low = self.floors(points)
        if self.outside is None:
            low = self.low + self.all(points).min(axis=0)
        shares = weights[self.mixed].min(initial=0.0) >= -_ROUNDING
        holds = (self.later(points, weights) >= low - _ROUNDING).all(axis=1)
        return bool(shares and (holds | self.leave).all())
