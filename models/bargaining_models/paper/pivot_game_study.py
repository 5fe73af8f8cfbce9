"""What the tables and figures of the pivot game share, each game solved once."""

from functools import cached_property

from bargaining.equilibria._markov_profile import StationaryProfile
from bargaining.equilibria.markov import MarkovEquilibria
from bargaining.equilibria.stochastic_set import StochasticPayoffSets
from bargaining_models.us_canada.baseline import Baseline
from bargaining_models.us_canada.capacity import Capacity
from bargaining_models.us_canada.pivot_game import LEAD_TIME, PivotGame
from bargaining_models.us_canada.pivot_terms import Terms, builds_to, terms

PATIENCE = (0.6, 0.9, 0.95)
PATIENT = 0.95  # the 5 percent a year of the other tables
FAST = 1.0
BLOCKING = 0.5
STEP = 0.15
STARTS = 4
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
        self._terms: dict[tuple[str, float, bool], Terms] = {}
        self._markov: dict[tuple[str, float], MarkovEquilibria] = {}
        self._sets: dict[tuple[str, float, bool], StochasticPayoffSets] = {}
        self._lasting: dict[bool, StochasticPayoffSets] = {}

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
    def coarse(self) -> Capacity:
        """Levels 0, 15 and 30 percent."""
        return Capacity.solve(self.baseline, levels=[0.0, STEP, 2 * STEP])

    @cached_property
    def games(self) -> dict[str, PivotGame]:
        """The alternatives of T10, by name."""
        return {
            **self._alternatives(self.capacity),
            "revocable, blocked": self.revocable(blocking=BLOCKING),
            "lasting, capped": PivotGame(capacity=self.capped),
            "revocable, capped": self._revocable(self.capped),
        }

    @cached_property
    def coarse_games(self) -> dict[str, PivotGame]:
        """The alternatives of T10-sets, by name."""
        return self._alternatives(self.coarse)

    def revocable(self, *, closure: float | None = None, blocking: float = 0.0) -> PivotGame:
        """Return the game in which China may close its market, by default at the rate of the figures."""
        return self._revocable(self.capacity, closure=closure, blocking=blocking)

    def terms(self, name: str, discount: float, *, leave: bool) -> Terms:
        """Return the terms by state with transfers."""
        key = (name, discount, leave)
        if key not in self._terms:
            self._terms[key] = terms(self.games[name], discount, leave=leave)
        return self._terms[key]

    def markov(self, name: str, discount: float) -> MarkovEquilibria:
        """Return the Markov equilibria found."""
        key = (name, discount)
        if key not in self._markov:
            self._markov[key] = self.games[name].markov(discount, starts=STARTS)
        return self._markov[key]

    def war(self, name: str, discount: float) -> StationaryProfile:
        """Return the Markov equilibrium found first."""
        return self.markov(name, discount)[0]

    def sets(self, name: str, discount: float, *, leave: bool) -> StochasticPayoffSets:
        """Return what can be enforced without transfers, with the levels of `coarse`."""
        key = (name, discount, leave)
        if key not in self._sets:
            self._sets[key] = self.coarse_games[name].enforceable(discount, leave=leave)
        return self._sets[key]

    def lasting_sets(self, *, leave: bool) -> StochasticPayoffSets:
        """Return the same for the lasting alternative of T10, with all levels, at the patience of 5 percent a year."""
        if leave not in self._lasting:
            self._lasting[leave] = self.games["lasting"].enforceable(PATIENT, leave=leave)
        return self._lasting[leave]

    @cached_property
    def tolerated_closure(self) -> float:
        """The largest rate of closure, to 0.001 a year, at which Canada builds 10 percent in the war."""
        low, high = 0.0, self.china["closure"]
        while high - low > 1e-3:
            middle = (low + high) / 2
            pivot = self.revocable(closure=middle)
            built = builds_to(pivot, pivot.markov(PATIENT)[0]) >= WORTHWHILE
            low, high = (middle, high) if built else (low, middle)
        return low

    def _alternatives(self, capacity: Capacity) -> dict[str, PivotGame]:
        return {
            "none": PivotGame(capacity=capacity.at(0)),
            "lasting": PivotGame(capacity=capacity),
            "lasting, fast": PivotGame(capacity=capacity, lead_time=FAST),
            "revocable": self._revocable(capacity),
            "revocable, fast": self._revocable(capacity, lead_time=FAST),
        }

    def _revocable(
        self,
        capacity: Capacity,
        *,
        closure: float | None = None,
        lead_time: float = LEAD_TIME,
        blocking: float = 0.0,
    ) -> PivotGame:
        return PivotGame(
            capacity=capacity,
            lead_time=lead_time,
            closure=self.china["closure"] if closure is None else closure,
            reopening=self.china["reopening"],
            blocking=blocking,
        )
