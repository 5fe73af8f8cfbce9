"""What the tables and figures of the pivot game share, each game solved once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

from bargaining.equilibria.stochastic.markov import MarkovEquilibria
from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
from bargaining.equilibria.stochastic.stationary_profile import StationaryProfile
from bargaining_models.negotiation.pivot_game import PivotGame
from bargaining_models.negotiation.pivot_terms import Terms, builds_to, terms
from bargaining_models.negotiation.roles import Leave
from bargaining_models.us_canada.baseline import Baseline
from bargaining_models.us_canada.capacity import Capacity

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
        self._markov: dict[tuple[str, float], MarkovEquilibria] = {}
        self._sets: dict[tuple[str, float, bool], StochasticPayoffSets] = {}

    @cached_property
    def china(self) -> dict[str, float]:
        """The rates at which China closes and reopens its market."""
        facts = {"closure": "china_closure_rate", "reopening": "china_reopening_rate"}
        return {name: self.baseline.parameters.fact(fact).value for name, fact in facts.items()}

    @cached_property
    def capacity(self) -> Capacity:
        """Levels 0, 5, ..., 30 percent, the same in every sector."""
        return Capacity.solve(self.baseline)

    @cached_property
    def capped(self) -> Capacity:
        """The same levels up to each sector's cap."""
        return Capacity.solve(self.baseline, capped=True)

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

    @cached_property
    def coarse(self) -> Capacity:
        """Levels 0, 15 and 30 percent."""
        return Capacity.solve(self.baseline, levels=[0.0, 0.15, 0.30])

    @cached_property
    def set_games(self) -> dict[str, PivotGame]:
        """The alternatives of T10-sets, by name: all levels where the market stays open, three where it may close."""
        full = ("none", "lasting", "lasting, fast", "lasting, capped")
        return {name: self.games[name] for name in full} | {
            "three levels, lasting": PivotGame(capacity=self.coarse),
            "three levels, revocable": self.revocable(capacity=self.coarse),
            "three levels, revocable, fast": self.revocable(capacity=self.coarse, lead_time=FAST),
            "three levels, revocable, blocked": self.revocable(capacity=self.coarse, blocking=BLOCKING),
        }

    def revocable(self, **options: Any) -> PivotGame:
        """Return the game in which China may close its market, by default at the rates of the figures."""
        rates: dict[str, Any] = {"capacity": self.capacity, **self.china}
        return PivotGame(**rates | options)

    def terms(self, name: str, discount: float, *, leave: Leave) -> Terms:
        """Return the terms by state with transfers."""
        key = (name, discount, leave)
        if key not in self._terms:
            self._terms[key] = terms(self.games[name], discount, leave=leave)
        return self._terms[key]

    def markov(self, name: str, discount: float) -> MarkovEquilibria:
        """Return the Markov equilibria found."""
        key = (name, discount)
        if key not in self._markov:
            self._markov[key] = self.games[name].markov(discount)
        return self._markov[key]

    def war(self, name: str, discount: float) -> StationaryProfile:
        """Return the Markov equilibrium found first."""
        return self.markov(name, discount)[0]

    def sets(self, name: str, discount: float, *, leave: bool) -> StochasticPayoffSets:
        """Return what can be enforced without transfers."""
        key = (name, discount, leave)
        if key not in self._sets:
            self._sets[key] = self.set_games[name].enforceable(discount, leave=leave)
        return self._sets[key]

    def dearer(self, factor: float) -> Capacity:
        """Return the capacity at `factor` times the capital."""
        return replace(self.capacity, capital=factor * self.capacity.capital)

    @cached_property
    def tolerated_closure(self) -> float:
        """The largest rate of closure, to 0.001 a year, at which Canada builds 10 percent in the war."""
        return _largest(lambda rate: self.revocable(closure=rate), self.china["closure"])

    @cached_property
    def tolerated_capital(self) -> float:
        """The largest part of the capital, to 0.001, at which it does so although China closes as in the figures."""
        return _largest(lambda part: self.revocable(capacity=self.dearer(part)), 1.0)


def _largest(game: Callable[[float], PivotGame], high: float) -> float:
    """Return, to 0.001, the largest number from 0 to `high` at which Canada builds 10 percent in the war."""
    low = 0.0
    while high - low > 1e-3:
        pivot = game((low + high) / 2)
        built = builds_to(pivot, pivot.markov(PATIENT)[0]) >= WORTHWHILE
        low, high = ((low + high) / 2, high) if built else (low, (low + high) / 2)
    return low
