"""The players' payoffs at given rates, and their derivatives by each rate: one adjoint solve for all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bargaining.authoring import Floats
from bargaining_models.trade.conditions import Point
from bargaining_models.trade.equilibrium import ACCURACY
from bargaining_models.trade.instruments import Rates
from bargaining_models.trade.solve import TOLERANCE, Solver, chunks, settled, tariff_slopes, worth

if TYPE_CHECKING:
    from bargaining_models.trade.model import TradeModel


class Payoffs:
    """What n players maximise as a function of their K rates: real income, counted with the weights of the model."""

    def __init__(self, model: TradeModel, rates: Rates, solver: Solver | None = None) -> None:
        self.model, self.rates, self.solver = model, rates, solver or model.solver

    def take(self, scenarios: NDArray[np.intp]) -> Payoffs:
        """Return the payoffs in some of the scenarios, (B,), one for each row of rates."""
        return Payoffs(self.model, self.rates.take(scenarios), self.solver)

    def points(self, values: Floats, paid: Floats | None = None, *, tolerance: float = TOLERANCE) -> Point:
        """The equilibria at rates (B, K), and at what the players receive, (B, n)."""
        tariffs = self.rates.tariffs(values)
        costs = None if self.rates.costs is None else np.broadcast_to(self.rates.costs, tariffs.shape)
        received = None
        if paid is not None:
            received = np.zeros((len(values), len(self.model.regions)))
            received[:, self.rates.places] = paid
        return self.solver.solve(self.solver.system.cells(tariffs, costs, received), tolerance=tolerance)

    def log_objective(self, values: Floats, *, tolerance: float = TOLERANCE) -> Floats:
        """Log objectives of the players, (B, n); NaN where there is no equilibrium."""
        return self._objective(self.points(values, tolerance=tolerance), max(10.0 * tolerance, ACCURACY))

    def _objective(self, at: Point, accuracy: float = ACCURACY) -> Floats:
        with np.errstate(all="ignore"):
            good = (at.violations() <= accuracy) & at.makes_sense
            return np.where(good[:, None], at.log_objective()[:, self.rates.places], np.nan)

    def all_slopes(self, values: Floats, paid: Floats | None = None) -> tuple[Floats, Floats, Floats]:
        """Log objectives of the players (B, n), and their derivatives.

        Those in all rates, (B, n, K), and in what each player receives, (B, n, n), in units of world value added.
        """
        at, places = self.points(values, paid), self.rates.places
        slopes, money = [], []
        with np.errstate(all="ignore"):
            for part in chunks(at, len(places) * self.solver.system.shares.size):
                units = worth(part, places, weighted=True)
                slopes.append(self.rates.gather(tariff_slopes(part, units)))
                money.append(units.money[:, places].swapaxes(1, 2))
        return self._objective(at), np.concatenate(slopes), np.concatenate(money)

    def own_slopes(self, values: Floats) -> tuple[Floats, Floats]:
        """Log objectives of the players (B, n), and the derivative in each rate of its owner's, (B, K)."""
        at, places = self.points(values), self.rates.places
        slopes = []
        with np.errstate(all="ignore"):
            for part in chunks(at):
                of_links = np.zeros_like(part.cells.gross)
                of_links[:, :, places] = tariff_slopes(
                    part, worth(part, places, weighted=True), places
                ).swapaxes(1, 2)
                slopes.append(self.rates.gather(of_links))
        return self._objective(at), np.concatenate(slopes)

    def based_at(self, values: Floats) -> Payoffs:
        """The same payoffs with the equilibrium at rates (K,) as the base, near which others are solved sooner."""
        solver = Solver(settled(self.points(values[None]), self.rates.tariffs(values)))
        return Payoffs(self.model, replace(self.rates, costs=None), solver)  # the new base has the costs
