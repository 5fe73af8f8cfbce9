"""Common inputs of the tables and figures of the pivot game, with each game solved once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from bargaining.authoring import Floats
from bargaining.equilibria.stochastic.stationary_profile import StationaryProfile
from bargaining_models.negotiation.capacity import LEVELS, Capacity
from bargaining_models.negotiation.pivot_game import Choice, PivotGame, State
from bargaining_models.negotiation.pivot_terms import Terms, terms, war
from bargaining_models.negotiation.roles import Leave
from bargaining_models.uncertainty import priors
from bargaining_models.us_canada.baseline import FARM, Baseline
from bargaining_models.us_canada.capacity import canada_capacity

PATIENCE = (0.6, 0.9, 0.95)  # a year, from low to high
PATIENT = 0.95  # the 5 percent a year of the other tables
FAST = 1.0  # years a step, the least that the game takes
BLOCKING = 0.5  # assumption: the partner's highest tariff halves the chance
LIFE = 25.0  # assumption: years until capacity falls by a level, of pipelines and ports
RUNNING = 0.03  # assumption: what it costs to run a year, as a part of its capital
CLOSURES = ("china_closure_rate", "china_closure_rate_other")  # of farm goods, of others
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

    levels = LEVELS

    @cached_property
    def capacity(self) -> Capacity:
        """Levels 0, 5, ..., 30 percent, the same in every sector."""
        return canada_capacity(self.baseline, levels=self.levels)

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

    def closing_by_sector(self) -> SectorPivot:
        """Return the game in which China closes its market for farm goods and for others at rates of their own."""
        rates = {name: float(priors()[name].quantile(0.5)) for name in CLOSURES}
        return SectorPivot(
            capacity=by_sector(self.baseline, self.capacity),
            closure=rates[CLOSURES[0]],
            other_closure=rates[CLOSURES[1]],
            reopening=self.china["reopening"],
        )

    def terms(self, name: str, discount: float, *, leave: Leave) -> Terms:
        """Return the terms by state with transfers."""
        key = (name, discount, leave)
        if key not in self._terms:
            self._terms[key] = terms(self.games[name], discount, leave=leave)
        return self._terms[key]

    def war(self, name: str, discount: float) -> StationaryProfile:
        """Return the Markov equilibrium found first."""
        key = (name, discount)
        if key not in self._war:
            self._war[key] = war(self.games[name], discount)
        return self._war[key]

    def dearer(self, factor: float) -> Capacity:
        """Return the capacity at `factor` times the capital."""
        return replace(self.capacity, capital=factor * self.capacity.capital)


@dataclass(frozen=True, kw_only=True, eq=False)
class SectorPivot(PivotGame):
    """The pivot game where the alternative closes its market for farm goods, and for all others, each on its own.

    Parameters
    ----------
    capacity : Capacity
        Its last rows are those of each level above 0 with one market shut, as `by_sector` puts them together.
    closure : float
        Rate per year for farm goods.
    other_closure : float
        The same for other goods.

    Notes
    -----
    Both markets reopen at the same rate. Building goes on, and comes to its end, while both are open.
    """

    other_closure: float

    def __post_init__(self) -> None:
        super().__post_init__()
        words = ("farm closed", "others closed", "closed")
        states = [state for state in self.states if state.open]
        built = states[1:]
        for shut, word in enumerate(words, start=1):
            states += [ShutState(state.level, False, f"{state.name}, {word}", shut) for state in built]
        object.__setattr__(self, "states", tuple(states))

    def _row(self, state: State) -> int:
        levels = len(self.capacity.levels)
        shut = getattr(state, "shut", 0)
        if not shut:
            return state.level
        return levels if shut == BOTH else levels * shut + 1 + state.level

    def _market(self, state: State, home: Choice, partner: Choice | None) -> dict[State, float]:
        shut, opens = getattr(state, "shut", 0), self._opens(home, partner) if state.open else 0.0
        again = -np.expm1(-self.reopening)
        rates = (self.closure, self.other_closure)
        stays = [
            1.0 - again if shut & bit else -np.expm1(-rate) for bit, rate in zip((1, 2), rates, strict=True)
        ]
        if not state.level:
            stays = [0.0, 0.0]
        moves: dict[State, float] = {}
        for after in range(BOTH + 1):
            chance = 1.0
            for bit, closed in zip((1, 2), stays, strict=True):
                chance *= closed if after & bit else 1.0 - closed
            if chance:
                found = next(
                    s for s in self.states if s.level == state.level and getattr(s, "shut", 0) == after
                )
                moves[found] = chance
        if opens:
            both = self.states[state.level]
            moves[self.states[state.level + 1]] = opens * moves[both]
            moves[both] *= 1.0 - opens
        return moves


@dataclass(frozen=True, slots=True)
class ShutState(State):
    """A level of capacity with a market shut: 1 that of farm goods, 2 that of others, 3 both."""

    shut: int


BOTH = 3  # how `ShutState.shut` numbers it


def by_sector(baseline: Baseline, capacity: Capacity) -> Capacity:
    """Return capacity with rows for each level in use for other goods alone, and for farm goods alone."""
    model = baseline.model
    farm = np.array([sector in FARM for sector in model.sectors])
    parts = [
        canada_capacity(
            baseline.with_caps(np.where(used & model.goods, 1.0, 0.0)), capped=True, capital=capacity.capital
        )
        for used in (~farm, farm)
    ]
    rows = [slice(None), *[slice(0, len(capacity.levels))] * 2]

    def together(arrays: list[Floats]) -> Floats:
        return np.concatenate([array[row] for array, row in zip(arrays, rows, strict=True)])

    all_three = [capacity, *parts]
    return replace(
        capacity,
        flows=together([one.flows for one in all_three]),
        exit=together([one.exit for one in all_three]),
        rates=(together([one.rates[0] for one in all_three]), together([one.rates[1] for one in all_three])),
    )
