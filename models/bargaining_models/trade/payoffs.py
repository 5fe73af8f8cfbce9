"""The players' payoffs at given rates, and their derivatives by each rate: one adjoint solve for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bargaining.authoring import Floats, Shown
from bargaining_models.trade.conditions import Point
from bargaining_models.trade.equilibrium import ACCURACY
from bargaining_models.trade.instruments import Rates
from bargaining_models.trade.solve import (
    TOLERANCE,
    Solver,
    chunks,
    own_tariff_slopes,
    settled,
    tariff_slopes,
    worth,
)

if TYPE_CHECKING:
    from bargaining_models.trade.model import TradeModel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers(Shown):
    """Log welfare of the players (B, n), and its derivatives.

    `slopes` (B, n, K): of each player in each rate. `money` (B, n, n): of each player in what each player receives, in
    units of world value added. NaN where there is no equilibrium.
    """

    log_welfare: Floats
    slopes: Floats
    money: Floats


class Payoffs:
    """The players' welfare as a function of their rates."""

    def __init__(self, model: TradeModel, rates: Rates) -> None:
        self.model, self.rates = model, rates
        self.solver: Solver = model.solver

    def take(self, scenarios: NDArray[np.intp]) -> Payoffs:
        """Return the payoffs in some of the scenarios, (B,), one for each row of rates."""
        if not self.rates.varied:
            return self
        taken = Payoffs(self.model, self.rates.take(scenarios))
        taken.solver = self.solver
        return taken

    def points(self, values: Floats, paid: Floats | None = None, *, tolerance: float = TOLERANCE) -> Point:
        """The equilibria at rates (B, K), and at what the players receive, (B, n)."""
        tariffs = self.rates.tariffs(values)
        costs = None if self.rates.costs is None else np.broadcast_to(self.rates.costs, tariffs.shape)
        received = None
        if paid is not None:
            received = np.zeros((len(values), len(self.model.regions)))
            received[:, self.rates.places] = paid
        return self.solver.solve(self.solver.system.cells(tariffs, costs, received), tolerance=tolerance)

    def log_welfare(
        self, values: Floats, paid: Floats | None = None, *, tolerance: float = TOLERANCE
    ) -> Floats:
        """Log welfare of the players, (B, n); NaN where there is no equilibrium."""
        return self._found(self.points(values, paid, tolerance=tolerance), max(10.0 * tolerance, ACCURACY))

    def _found(self, at: Point, accuracy: float = ACCURACY) -> Floats:
        with np.errstate(all="ignore"):
            good = (at.violations() <= accuracy) & at.makes_sense
            return np.where(good[:, None], at.log_welfare()[:, self.rates.places], np.nan)

    def all_slopes(self, values: Floats, paid: Floats | None = None) -> Answers:
        """Log welfare of all players, and its derivatives in all rates and payments."""
        at, places = self.points(values, paid), self.rates.places.tolist()
        slopes, money = [], []
        with np.errstate(all="ignore"):
            for some in chunks(at, len(places) * self.solver.system.shares.size):
                units = worth(some, places)
                slopes.append(self.rates.gather(tariff_slopes(some, units)))
                money.append(units.money[:, places].swapaxes(1, 2))
        return Answers(
            log_welfare=self._found(at), slopes=np.concatenate(slopes), money=np.concatenate(money)
        )

    def own_slopes(self, values: Floats, players: Sequence[int] | None = None) -> tuple[Floats, Floats]:
        """Log welfare of all players (B, n), and the derivative in each rate of its owner's, (B, K).

        With `players` only theirs are found, and the others' are 0.
        """
        at, rates = self.points(values), self.rates
        places = [int(p) for p in (rates.places if players is None else rates.places[list(players)])]
        slopes = []
        with np.errstate(all="ignore"):
            for some in chunks(at):
                units = worth(some, places)
                of_links = np.zeros_like(some.cells.gross)
                of_links[:, :, places] = own_tariff_slopes(some, units, places).swapaxes(1, 2)
                slopes.append(rates.gather(of_links))
        return self._found(at), np.concatenate(slopes)

    def based_at(self, values: Floats) -> Payoffs:
        """The same payoffs with the equilibrium at rates (K,) as the base, and log welfare counted from there."""
        at = self.points(values[None])
        moved = Payoffs(self.model, replace(self.rates, costs=None))  # the new base has them
        moved.solver = Solver(settled(at, self.rates.tariffs(values)))
        return moved
