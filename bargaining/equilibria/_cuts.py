r"""Outer bounds on equilibrium payoffs of n players: half-spaces pushed in until the operator moves none.

The set :math:`\{w : Hw \le c\}` is mapped, profile by profile, to the payoffs
:math:`(1-\delta) g(a) + \delta w` with :math:`w \ge b(a)`. A bound on the best of them in a direction h is
any dual solution: :math:`y, z \ge 0` with :math:`H^\top y - z = \delta h` gives :math:`c \cdot y - b \cdot z`.
The duals do not depend on c or b, so each one found by a linear program is kept and serves every later
application of the operator, whatever the solver's tolerances. Everything is in the unit box.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.errors import Unsolved

_TINY = 1e-10  # of the payoff range: a smaller improvement is not worth a cut
_ROUNDS = 60
_STEPS = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Profiles:
    """The stage game in the unit box, one row a profile, and the right of all to leave for o."""

    payoffs: Floats  # (a, n)
    best: Floats  # (a, n) best deviation payoffs
    discounts: Floats  # (n,)
    outside: Floats | None  # (n,)

    def lowest(self, threat: Floats) -> Floats:
        """Return the least continuation that keeps everyone to each profile, shape (a, n)."""
        delta = self.discounts
        with np.errstate(divide="ignore", invalid="ignore"):
            gain = np.where(self.best > self.payoffs, (1 - delta) / delta * (self.best - self.payoffs), 0.0)
            low = threat + gain
            if self.outside is not None:
                short = self.outside - (1 - delta) * self.payoffs
                stay = np.where(delta > 0, short / delta, np.where(short > 0, np.inf, -np.inf))
                low = np.maximum(low, stay)
        return low


@dataclass(slots=True, eq=False)
class Cuts:
    """Half-spaces around the equilibrium payoffs, and the dual solutions that hold them."""

    profiles: Profiles
    directions: Floats  # (h, n), the axes first: e_0, ..., e_n-1, -e_0, ..., -e_n-1
    levels: Floats  # (h,)
    threat: Floats  # (n,)
    alive: NDArray[np.bool_]
    duals: list[Floats] = field(default_factory=list)  # per direction: rows (y, z)
    proofs: Floats = field(default_factory=lambda: np.empty((0, 0)))  # rows (y, z) that show profiles dead
    points: Floats = field(default_factory=lambda: np.empty((0, 0)))
    steps: int = 0
    settled: bool = False

    @classmethod
    def around(cls, profiles: Profiles, directions: Floats) -> Cuts:
        """Start from what is feasible: the hull of payoffs for a common discount factor, else their box."""
        n = profiles.discounts.size
        directions = np.vstack([np.eye(n), -np.eye(n), directions])
        if (profiles.discounts == profiles.discounts[0]).all():
            levels = (directions @ profiles.payoffs.T).max(axis=1)
        else:
            low, high = profiles.payoffs.min(axis=0), profiles.payoffs.max(axis=0)
            levels = np.where(directions > 0, directions * high, directions * low).sum(axis=1)
        if profiles.outside is not None:
            levels = np.maximum(levels, directions @ profiles.outside)
        cuts = cls(
            profiles, directions, levels, profiles.payoffs.min(axis=0), np.ones(len(profiles.payoffs), bool)
        )
        if profiles.outside is not None:
            cuts.threat = profiles.outside.copy()
        cuts.duals = [cuts._boxed(h) for h in directions]
        cuts.proofs = np.array([_dual(len(directions), n, {i: 1.0}, {i: 1.0}) for i in range(n)])
        return cuts

    def _boxed(self, direction: Floats) -> Floats:
        """Bound a direction by the axes alone."""
        n = direction.size
        pull = direction * self.profiles.discounts
        weights = {i if x > 0 else n + i: abs(x) for i, x in enumerate(pull)}
        return _dual(len(self.directions), n, weights, {})[None]

    def extend(self, directions: Floats) -> None:
        """Add half-spaces; what is known stays valid."""
        old, n = len(self.directions), self.threat.size
        more = len(directions)
        self.directions = np.vstack([self.directions, directions])
        reach = self.points @ directions.T
        box = np.where(directions > 0, directions * self.levels[:n], -directions * self.levels[n : 2 * n])
        feasible = (directions @ self.profiles.payoffs.T).max(axis=1)
        common = (self.profiles.discounts == self.profiles.discounts[0]).all()
        level = np.minimum(box.sum(axis=1), feasible) if common else box.sum(axis=1)
        if self.profiles.outside is not None:
            level = np.maximum(level, directions @ self.profiles.outside)
        self.levels = np.append(self.levels, np.maximum(level, reach.max(axis=0, initial=-np.inf)))
        widen = [np.insert(rows, [old] * more, 0.0, axis=1) for rows in self.duals]
        self.duals = widen + [self._boxed(h) for h in directions]
        self.proofs = np.insert(self.proofs, [old] * more, 0.0, axis=1)
        self.settled = False

    def reach(self, directions: Floats) -> Floats:
        """Return how far the half-spaces let payoffs go in other directions."""
        if not len(directions):
            return np.empty(0)
        count = len(directions)
        solutions, _ = _blocks([self.directions] * count, [self.levels] * count, list(-directions))
        return np.asarray((directions * np.array(solutions)).sum(axis=1))

    def shrink(self) -> bool:
        """Apply the operator until it moves nothing; say whether anything can be played or left."""
        for _ in range(_ROUNDS):
            best = self._iterate()
            if not self.alive.any():
                self.settled = True
                return self._left()
            if not (self._test() or self._solve(best)):
                self.settled = True
                break
        return True

    def _left(self) -> bool:
        """Keep only leaving, once nothing can be played; say whether that is an outcome."""
        outside = self.profiles.outside
        if outside is None:
            return False
        self.levels, self.points = self.directions @ outside, outside[None]
        return True

    def _iterate(self) -> NDArray[np.intp]:
        """Push every level down to the bound that the duals give, again and again."""
        n = self.threat.size
        owners = np.repeat(np.arange(len(self.duals)), [len(rows) for rows in self.duals])
        first = np.searchsorted(owners, np.arange(len(self.duals)))
        rows = np.concatenate(self.duals)
        now = self.directions @ ((1 - self.profiles.discounts) * self.profiles.payoffs).T
        while True:
            low = self.profiles.lowest(self.threat)
            self._bury(low)
            alive = np.flatnonzero(self.alive)
            if not alive.size:
                return alive
            values = (rows[:, :-n] @ self.levels)[:, None] - rows[:, -n:] @ low[alive].T
            bounds = np.minimum.reduceat(values, first, axis=0) + now[:, alive]
            best = bounds.argmax(axis=1)
            levels = bounds.max(axis=1)
            if self.profiles.outside is not None:
                levels = np.maximum(levels, self.directions @ self.profiles.outside)
            levels = np.minimum(levels, self.levels)
            moved = float((self.levels - levels).max())
            self.levels = levels
            self.steps += 1
            risen = self._raise()
            if max(moved, risen) <= 1e-13 or self.steps > _STEPS:
                chosen: NDArray[np.intp] = alive[best]
                return chosen

    def _bury(self, low: Floats) -> None:
        n = self.threat.size
        finite = np.where(np.isfinite(low), low, 1e9)
        lack = self.proofs[:, -n:] @ finite.T - (self.proofs[:, :-n] @ self.levels)[:, None]
        self.alive &= ~(lack > _TINY).any(axis=0)

    def _raise(self) -> float:
        """Raise the threat: nobody is held below her best reply to some live profile."""
        if self.profiles.outside is not None or not self.alive.any():
            return 0.0
        n = self.threat.size
        bound = np.maximum(-self.levels[n : 2 * n], self.profiles.best[self.alive].min(axis=0))
        risen = float((bound - self.threat).max())
        self.threat = np.maximum(self.threat, bound)
        self.levels[n : 2 * n] = np.minimum(self.levels[n : 2 * n], -self.threat)
        return max(risen, 0.0)

    def _test(self) -> int:
        """Look for proofs that live profiles are dead: the least relaxation t that lets them be played."""
        n, count = self.threat.size, len(self.directions)
        low = self.profiles.lowest(self.threat)
        fresh = 0
        block = np.vstack(
            [np.hstack([self.directions, -np.ones((count, 1))]), np.hstack([-np.eye(n), -np.ones((n, 1))])]
        )
        index = np.flatnonzero(self.alive)
        right = [np.append(self.levels, -low[a]) for a in index]
        _, multipliers = _blocks([block] * index.size, right, [np.append(np.zeros(n), 1.0)] * index.size)
        for a, dual in zip(index, multipliers, strict=True):
            row = self._repaired(dual[:count], np.zeros(n))
            if row[-n:] @ low[a] - row[:-n] @ self.levels > _TINY:
                self.proofs = np.vstack([self.proofs, row])
                fresh += 1
        return fresh

    def _solve(self, best: NDArray[np.intp]) -> int:
        """Solve for the best payoff in each direction by its best profile; keep the duals that improve a bound."""
        n, count = self.threat.size, len(self.directions)
        low = self.profiles.lowest(self.threat)
        pull = self.directions * self.profiles.discounts
        block = np.vstack([self.directions, -np.eye(n)])
        # A profile on the edge of feasibility may miss by rounding; the duals are valid whatever the bounds.
        right = [np.append(self.levels + 1e-9, 1e-9 - low[a]) for a in best]
        solutions, multipliers = _blocks([block] * count, right, list(-pull))
        now = (1 - self.profiles.discounts) * self.profiles.payoffs[best]
        points = now + self.profiles.discounts * np.array(solutions)
        self.points = np.clip(points, np.minimum(-self.levels[n : 2 * n], self.levels[:n]), self.levels[:n])
        fresh = 0
        for h, dual in enumerate(multipliers):
            row = self._repaired(dual[:count], pull[h])
            values = self.duals[h][:, :-n] @ self.levels - self.duals[h][:, -n:] @ low[best[h]]
            if row[:-n] @ self.levels - row[-n:] @ low[best[h]] < values.min() - _TINY:
                self.duals[h] = np.vstack([self.duals[h], row])
                fresh += 1
        return fresh

    def _repaired(self, multipliers: Floats, pull: Floats) -> Floats:
        """Return (y, z) with both non-negative and H'y - z = pull, by adding multiples of the axes."""
        n = pull.size
        y = np.maximum(multipliers, 0.0)
        z = self.directions.T @ y - pull
        y[:n] += np.maximum(-z, 0.0)
        return np.append(y, np.maximum(z, 0.0))


def _dual(count: int, n: int, y: dict[int, float], z: dict[int, float]) -> Floats:
    row = np.zeros(count + n)
    row[list(y)] = list(y.values())
    row[[count + i for i in z]] = list(z.values())
    return row


def _blocks(
    matrices: list[Floats], rights: list[Floats], costs: list[Floats]
) -> tuple[list[Floats], list[Floats]]:
    """Minimise each cost over its matrix @ x <= right, x free, in one call; return solutions and multipliers."""
    from scipy.optimize import linprog
    from scipy.sparse import block_diag

    matrix, right, cost = block_diag(matrices, format="csr"), np.concatenate(rights), np.concatenate(costs)
    for tolerance in (1e-10, 1e-7):  # the duals are repaired, so a loose solution costs sharpness, not truth
        options = {"primal_feasibility_tolerance": tolerance, "dual_feasibility_tolerance": tolerance}
        found: Any = linprog(
            cost, A_ub=matrix, b_ub=right, bounds=(None, None), method="highs", options=options
        )
        if found.x is not None and found.status == 0:
            break
    if found.x is None:
        raise Unsolved(f"A linear program over the continuations failed: {found.message}")
    widths, heights = [m.shape[1] for m in matrices], [m.shape[0] for m in matrices]
    solutions = np.split(found.x, np.cumsum(widths)[:-1])
    return solutions, np.split(-found.ineqlin.marginals, np.cumsum(heights)[:-1])
