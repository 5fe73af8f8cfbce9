"""Nash equilibrium of the game in which each of two sides chooses one tariff rate on the other's goods.

From each end of a grid of the second side's rates, the sides play best responses in turn (roots of
their marginal welfare next to the best point of the grid); Newton's method on both first-order conditions
then finds the equilibrium. If best responses are monotone, every equilibrium lies
between the limits from the two ends, so that one limit from both means one equilibrium. One end may lead nowhere, as
where a rate of 500 percent leaves no trade to tax; then the other one counts, and if neither leads anywhere the sides
start from a rate of 0. The result is checked against deviations over a finer grid.

`bargaining_models.trade.tariff_nash` is for any number of players and rates, in one scenario. This one is for two
rates in a whole batch of scenarios, and says of each whether best responses lead to one point. The two share no code
but the trade model's slopes; `test_both_solvers_of_tariff_wars_agree` compares them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bargaining.authoring import Floats
from bargaining.errors import Status
from bargaining_models.trade import TradeModel

# Even steps in log(1 + rate): from a subsidy of a fifth to a tariff that ends nearly all trade.
GRID = np.expm1(np.linspace(np.log(0.8), np.log(6.0), 17))
# for regrets of equilibria that are searched for
FINE_GRID = np.expm1(np.linspace(np.log(0.8), np.log(6.0), 61))
COARSE_GRID = GRID[::4]  # for regrets of draws
ROUGH = 1e-3  # of a rate: Newton's method goes on from there
SETTLED = 1e-9  # of marginal welfare, percent per unit of the rate
DIFFERENCE = 1e-4  # of rates, for slopes of marginal welfare
NEWTON_STEPS = 10  # limit of Newton's method
SAME = 1e-8  # rates from both ends of the grid
ACCURACY = 1e-8  # of marginal welfare and regret, which `TariffWar` promises


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """A player: the place of its region, and what one unit of its rate adds to tariffs, (N, N, J)."""

    region: int
    direction: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TariffNash:
    """Equilibrium rates and what certifies them, one row a scenario.

    Attributes
    ----------
    rates : (B, 2) array
    marginal : (B,) array
        Largest absolute marginal welfare of a side in its own rate, percent per unit of the rate.
    regret : (B,) array
        Largest gain of a side, in percent, from any rate on a fine grid.
    unique : (B,) array of bool
        Whether best responses converge to the same rates from both ends of the grid.
    status : (B,) int8 array
        OK, INACCURATE (marginal or regret above 1e-8) or FAILED (rates are NaN).
    """

    rates: Floats
    marginal: Floats
    regret: Floats
    unique: NDArray[np.bool_]
    status: NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TariffGame:
    """The game on a trade model: two sides, each with one rate, added to the tariffs `base`, always in force."""

    model: TradeModel
    sides: tuple[Side, Side]
    base: Floats

    def tariffs(self, rates: Floats) -> Floats:
        """Add rates (..., 2) to the tariffs in force, (..., N, N, J)."""
        added = [rates[..., k, None, None, None] * side.direction for k, side in enumerate(self.sides)]
        return np.asarray(self.base + added[0] + added[1])

    def welfare(self, rates: Floats, costs: Floats) -> Floats:
        """Welfare of the two sides in percent, (..., 2)."""
        answer = self.model.solve(tariffs=self.tariffs(rates), costs=costs)
        return np.asarray(answer.welfare[..., [side.region for side in self.sides]])

    def slopes(self, rates: Floats, costs: Floats) -> Floats:
        """Marginal welfare of each side in its own rate, (..., 2)."""
        along = np.stack([side.direction for side in self.sides])
        slopes = self.model.marginal_welfare(along, tariffs=self.tariffs(rates), costs=costs)
        return np.stack([slopes[..., k, side.region] for k, side in enumerate(self.sides)], axis=-1)

    def over_grid(self, own: int, grid: Floats, other: Floats, costs: Floats) -> Floats:
        """Welfare of side `own` over a grid of its rates against each of the rates `other`, (B, G)."""
        rates = np.empty((len(other), len(grid), 2))
        rates[..., own], rates[..., 1 - own] = grid, other[:, None]
        return np.asarray(self.welfare(rates, costs[:, None])[..., own])

    def best_response(
        self, own: int, other: Floats, costs: Floats, *, tolerance: float | None = None
    ) -> Floats:
        """Return the best rate of side `own` against each of the rates `other`, (B,).

        It is the root of marginal welfare next to the best point of the grid, to `tolerance` (by default
        to rounding); NaN if the best point is an end of the grid.
        """
        from scipy.optimize import elementwise

        best = self.over_grid(own, GRID, other, costs).argmax(axis=1)
        inside = np.flatnonzero((best > 0) & (best < len(GRID) - 1))
        answer = np.full(len(other), np.nan)
        if not len(inside):
            return answer

        def slope(rate: Floats, cell: Floats) -> Floats:
            rates, k = np.empty((len(rate), 2)), cell.astype(int)
            rates[:, own], rates[:, 1 - own] = rate, other[k]
            return np.asarray(self.slopes(rates, costs[k])[:, own])

        found = elementwise.find_root(
            slope,
            (GRID[best[inside] - 1], GRID[best[inside] + 1]),
            args=(inside.astype(float),),
            tolerances={"xatol": tolerance},
        )
        answer[inside] = np.where(found.success, found.x, np.nan)
        return answer

    def equilibrium(self, costs: Floats) -> TariffNash:
        """Find the equilibrium for each row of `costs` (B, N, N, J), each on its own."""
        cells = len(costs)
        ends = np.repeat([GRID[0], GRID[-1]], cells)
        both = self._rest(ends, np.concatenate([costs, costs]))
        low, high = both[:cells], both[cells:]
        rates = np.where(np.isfinite(low).all(axis=1, keepdims=True), low, high)
        lost = np.flatnonzero(np.isnan(rates).any(axis=1))
        if len(lost):
            rates[lost] = self._rest(np.zeros(len(lost)), costs[lost])
        found = np.flatnonzero(np.isfinite(rates).all(axis=1))
        marginal, regret = np.full(cells, np.nan), np.full(cells, np.nan)
        status = np.full(cells, Status.FAILED, dtype=np.int8)
        if len(found):
            marginal[found] = np.abs(self.slopes(rates[found], costs[found])).max(axis=1)
            regret[found] = self._regret(rates[found], costs[found])
            worst = np.maximum(marginal, regret)
            status[worst <= ACCURACY], status[worst > ACCURACY] = Status.OK, Status.INACCURATE
        rates[status == Status.FAILED] = np.nan
        return TariffNash(
            rates=rates,
            marginal=marginal,
            regret=regret,
            unique=np.asarray((np.abs(low - high) < SAME).all(axis=1)),
            status=status,
        )

    def near(self, costs: Floats, start: Floats) -> TariffNash:
        """Find the equilibrium for each row of `costs` by Newton's method from rates `start` (2,), and certify it.

        Deviations are tried on a few rates from -20 to 500 percent; `unique` is not looked at, and False. Rows that
        Newton's method does not settle are searched as in `equilibrium`.
        """
        rates = np.broadcast_to(start, (len(costs), 2)).copy()
        marginal = np.full(len(costs), np.inf)
        for _ in range(NEWTON_STEPS):
            here, moved = self._newton_step(rates, costs)
            marginal = np.abs(here).max(axis=1)
            if not (marginal > SETTLED).any():
                break
            rates = np.clip(np.nan_to_num(moved), GRID[0], GRID[-1])
        regret = self._regret(rates, costs, COARSE_GRID)
        good = np.maximum(marginal, regret) <= ACCURACY
        found = TariffNash(
            rates=rates,
            marginal=marginal,
            regret=regret,
            unique=np.zeros(len(costs), dtype=bool),
            status=np.full(len(costs), Status.OK, dtype=np.int8),
        )
        if not good.all():
            again = self.equilibrium(costs[~good])
            for name in ("rates", "marginal", "regret", "unique", "status"):
                getattr(found, name)[~good] = getattr(again, name)
        return found

    def best_near(self, own: int, costs: Floats, start: float) -> Floats:
        """Best rates of side `own` if the other sets none, (B,), by Newton's method from `start`.

        Where that does not settle, or another of a few rates is better, as `best_response` finds them.
        """
        rates, nudge, marginal = np.zeros((len(costs), 2)), np.zeros(2), np.full(len(costs), np.inf)
        rates[:, own], nudge[own] = start, DIFFERENCE
        for _ in range(NEWTON_STEPS):
            here, there = self.slopes(rates + np.stack([0.0 * nudge, nudge])[:, None], costs)[..., own]
            marginal = np.abs(here)
            if not (marginal > SETTLED).any():
                break
            with np.errstate(all="ignore"):
                moved = rates[:, own] - here * DIFFERENCE / (there - here)
            rates[:, own] = np.clip(np.nan_to_num(moved), GRID[0], GRID[-1])
        best = self.over_grid(own, COARSE_GRID, rates[:, 1 - own], costs).max(axis=1)
        fine = (marginal <= ACCURACY) & (self.welfare(rates, costs)[:, own] >= best - ACCURACY)
        if not fine.all():
            rates[~fine, own] = self.best_response(own, np.zeros(int((~fine).sum())), costs[~fine])
        return np.asarray(rates[:, own])

    def _rest(self, second: Floats, costs: Floats) -> Floats:
        """The limit of best responses, (B, 2), if the second starts from the rates `second`; NaN if there is none.

        One round of best responses, then Newton's method on the two first-order conditions.
        """
        rates = np.column_stack([second, second])
        known = np.arange(len(rates))
        for own in (0, 1):
            if not len(known):
                break
            rates[known, own] = self.best_response(own, rates[known, 1 - own], costs[known], tolerance=ROUGH)
            known = known[np.isfinite(rates[known, own])]
        rates[np.setdiff1d(np.arange(len(rates)), known)] = np.nan
        for _ in range(NEWTON_STEPS):
            if not len(known):
                break
            here, moved = self._newton_step(rates[known], costs[known])
            inside = ((moved > GRID[0]) & (moved < GRID[-1])).all(axis=1)
            rates[known] = np.where(inside[:, None], moved, np.nan)
            known = known[inside & (np.abs(here).max(axis=1) > SETTLED)]
        return rates

    def _newton_step(self, rates: Floats, costs: Floats) -> tuple[Floats, Floats]:
        """Marginal welfare, and the rates after a step with its slopes differenced; NaN where they are singular."""
        steps = np.array([[0.0, 0.0], [DIFFERENCE, 0.0], [0.0, DIFFERENCE]])
        here, first, second = self.slopes(rates + steps[:, None], costs)
        (a, c), (b, d) = ((side - here).T / DIFFERENCE for side in (first, second))
        step = np.stack([d * here[:, 0] - b * here[:, 1], a * here[:, 1] - c * here[:, 0]], axis=-1)
        with np.errstate(all="ignore"):
            return here, rates - step / (a * d - b * c)[:, None]

    def _regret(self, rates: Floats, costs: Floats, grid: Floats = FINE_GRID) -> Floats:
        """Gain of the best deviation on a grid, at least 0."""
        here = self.welfare(rates, costs)
        best = [self.over_grid(own, grid, rates[:, 1 - own], costs).max(axis=1) for own in (0, 1)]
        return np.asarray(np.maximum(np.stack(best, axis=1) - here, 0.0).max(axis=1))
