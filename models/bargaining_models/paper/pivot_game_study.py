"""The alternatives of the pivot game, each with its terms solved once."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

from bargaining.equilibria.stochastic.stationary_profile import StationaryProfile
from bargaining_models.negotiation.capacity import Capacity
from bargaining_models.negotiation.pivot_game import PivotGame, Terms
from bargaining_models.negotiation.roles import Leave
from bargaining_models.us_canada.baseline import Baseline
from bargaining_models.us_canada.capacity import canada_capacity

PATIENCE = (0.6, 0.9, 0.95)  # a year, from low to high
PATIENT = 0.95  # the 5 percent a year of the other tables
FAST = 1.0  # years a step, the least that the game takes
BLOCKING = 0.5  # assumption: the partner's highest tariff halves the chance
WORTHWHILE = 0.10  # the lower end of "10-15% of key exports"


class PivotGameStudy:
    """The pivot game under several alternatives.

    Parameters
    ----------
    baseline : Baseline
        The outcomes of the trade model.
    """

    def __init__(self, baseline: Baseline) -> None:
        self.baseline = baseline
        self._terms: dict[tuple[str, float, Leave], Terms] = {}
        self._war: dict[tuple[str, float], StationaryProfile] = {}

    @cached_property
    def china(self) -> dict[str, float]:
        """The rates at which China closes and reopens its market."""
        facts = {"closure": "china_closure_rate", "reopening": "china_reopening_rate"}
        return {name: self.baseline.parameters.fact(fact).value for name, fact in facts.items()}

    @cached_property
    def capacity(self) -> Capacity:
        """Levels 0, 5, ..., 30 percent, the same in every sector."""
        return canada_capacity(self.baseline)

    @cached_property
    def capped(self) -> Capacity:
        """The same levels up to each sector's cap."""
        return canada_capacity(self.baseline, capped=True)

    @cached_property
    def games(self) -> dict[str, PivotGame]:
        """The alternatives, by name."""
        return {
            "none": PivotGame(capacity=self.capacity.at(0)),
            "lasting": PivotGame(capacity=self.capacity),
            "lasting, fast": PivotGame(capacity=self.capacity, lead_time=FAST),
            "revocable": self.revocable(),
            "revocable, fast": self.revocable(lead_time=FAST),
            "revocable, blocked": self.revocable(blocking=BLOCKING),
            "lasting, capped": PivotGame(capacity=self.capped),
            "revocable, capped": self.revocable(capacity=self.capped),
        }

    def revocable(self, **options: Any) -> PivotGame:
        """Return the game in which China may close its market, by default at the rates of the figures."""
        rates: dict[str, Any] = {"capacity": self.capacity, **self.china}
        return PivotGame(**rates | options)

    def terms(self, name: str, discounts: float, *, leave: Leave = False) -> Terms:
        """Return the terms by state with transfers."""
        key = (name, discounts, leave)
        if key not in self._terms:
            self._terms[key] = self.games[name].terms(discounts, leave=leave)
        return self._terms[key]

    def war(self, name: str, discounts: float) -> StationaryProfile:
        """Return the Markov equilibrium found first."""
        key = (name, discounts)
        if key not in self._war:
            self._war[key] = self.games[name].war(discounts)
        return self._war[key]

    def dearer(self, factor: float) -> Capacity:
        """Return the capacity at `factor` times the capital."""
        return replace(self.capacity, capital=factor * self.capacity.capital)
