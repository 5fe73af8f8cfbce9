r"""The pivot as a game: capacity is built, revoked and held back while the two countries set tariffs for ever.

Timing of a year that opens in state s, a level of capacity and whether the alternative's market is open:

1. Both see s and a public signal. With the right to leave, each decides whether to close the goods border for good.
2. Both choose simultaneously a tariff from a list; home also decides whether to build towards the next level, if the
   market is open and there is one.
3. The year's incomes are those of the trade model at these tariffs and at the level in use: r, or 0 while the market is
   closed. Building costs home the capital of the step over its lead time, every year that it goes on.
4. The alternative closes an open market (if there is capacity) with probability :math:`1 - e^{-h}`, h the rate of
   closure. Otherwise what home builds opens with probability 1 over the lead time, or less by the part `blocking` if
   the partner set its highest tariff in that year. A closed market opens again, with the capacity it had, with
   probability :math:`1 - e^{-k}`, k the rate of reopening.
5. Capacity falls by a level with probability :math:`1 - e^{-w}`, w the rate of wear, 0 by default.

So a step takes its lead time and costs its capital on average. A year counts :math:`\delta` times the year before it,
for both. Payoffs are averages, :math:`(1 - \delta) \sum_t \delta^t g_t`, in money a year: level yearly flows.

Leaving closes the border, not the route to the alternative: afterwards that market closes and reopens as before, and
home builds if this is profitable for itself. With `build_after_leaving` false the share in use stays what it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from bargaining.authoring import Floats, Shown, real, within
from bargaining.equilibria.payoff_set import payoff_set
from bargaining.equilibria.stochastic.markov import MarkovEquilibria, markov_equilibria
from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
from bargaining.equilibria.stochastic.transfers import (
    StochasticTransferEquilibrium,
    stochastic_transfer_equilibrium,
)
from bargaining.errors import InvalidInput, Unsolved
from bargaining.games.repeated import Exit
from bargaining.games.stochastic import StochasticGame
from bargaining_models.negotiation.capacity import Capacity
from bargaining_models.negotiation.roles import Leave, who_leaves

LEAD_TIME = 5.0
"""Default of the years that a step takes."""


@dataclass(frozen=True, slots=True)
class State(Shown):
    """A level of capacity, by its number, and whether the alternative's market is open."""

    level: int
    open: bool
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Choice(Shown):
    """A tariff, by its number in the list, and whether home builds."""

    tariff: int
    build: bool
    name: str

    def __str__(self) -> str:
        return f"{self.name}, build" if self.build else self.name


@dataclass(frozen=True, kw_only=True, eq=False)
class PivotGame(Shown):
    """The stochastic game of tariffs and capacity.

    Parameters
    ----------
    capacity : Capacity
        Yearly payoffs at every level, and the costs of the levels.
    lead_time : float, default 5
        Years from one level to the next while home builds, on average; at least 1, infinite if nothing can be
        built.
    closure : float, default 0
        Rate per year at which the alternative closes its market, 0 or more.
    reopening : float, default 0
        Rate per year at which it opens again, 0 or more.
    blocking : float, default 0
        The share by which the partner's highest tariff reduces the probability of completion, in [0, 1].
    build_after_leaving : bool, default True
        Whether the capacity goes on changing once the border is closed.
    wear : float, default 0
        Rate per year at which capacity falls by a level, 0 or more.
    running : float, default 0
        Home's yearly cost of existing capacity, as a share of its capital, 0 or more.

    Attributes
    ----------
    states : tuple of State
        The levels with the alternative's market open, then, if it may close, those above 0 with it closed.

    Examples
    --------
    A step of 5 percent, a market that the alternative may close, and a tariff war for ever:

    >>> from bargaining_models.negotiation import Negotiation
    >>> from bargaining_models.parameters import load
    >>> talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China")
    >>> capacity = Capacity.solve(talks, levels=[0, 0.05], capital=17.6)
    >>> pivot = PivotGame(capacity=capacity, closure=0.2, reopening=0.5)
    >>> [state.name for state in pivot.states]
    ['0%', '5%', '5%, closed']
    >>> pivot.markov(0.95)[0].values.round(1).tolist()  # Canada, US: USD bn a year
    [[-17.3, -2.3], [-16.1, -2.4], [-16.4, -2.3]]
    """

    capacity: Capacity
    lead_time: float = LEAD_TIME
    closure: float = 0.0
    reopening: float = 0.0
    blocking: float = 0.0
    build_after_leaving: bool = True
    wear: float = 0.0
    running: float = 0.0
    states: tuple[State, ...] = field(init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.capacity, Capacity):
            raise InvalidInput(
                f"`capacity` must be a Capacity; got {type(self.capacity).__name__}. Make one with `Capacity.solve`."
            )
        within(real(self.lead_time, "lead_time", ndim=0, finite=False), "lead_time", 1.0, np.inf)
        for name in ("closure", "reopening", "wear", "running"):
            within(real(getattr(self, name), name, ndim=0), name, 0.0, np.inf, ends="[)")
        within(real(self.blocking, "blocking", ndim=0), "blocking", 0.0, 1.0)
        if not isinstance(self.build_after_leaving, bool):
            raise InvalidInput(
                f"`build_after_leaving` must be True or False; got {self.build_after_leaving!r}."
            )
        levels = self.capacity.levels
        words = [f"{100 * level:.6g}%" for level in levels]
        closing = [k for k in range(len(levels)) if levels[k] > 0 and self.closure > 0]
        states = [State(k, True, word) for k, word in enumerate(words)]
        states += [State(k, False, f"{words[k]}, closed") for k in closing]
        object.__setattr__(self, "states", tuple(states))

    @property
    def in_use(self) -> Floats:
        """The share that home can redirect in each state, shape (S,): 0 while the alternative's market is closed."""
        return np.array([self.capacity.levels[s.level] if s.open else 0.0 for s in self.states])

    def game(self, discount: float, *, leave: Leave = False) -> StochasticGame:
        """Return the stochastic game at a discount factor per year, with or without the right to leave.

        `leave` is True if either may leave, or lists the players who may: 0 for home, 1 for the partner.
        """
        who = who_leaves(leave)
        if (discount, who) in self._games:
            return self._games[discount, who]
        game = self._kept.with_discounts(discount)
        if who:
            after = [Exit(own, who=who) for own in self.after_leaving(discount)]
            chain = [game.transition(s) for s in range(len(game))]
            names = self.capacity.roles.names[:2]
            game = StochasticGame(game.games, chain, discount, exit=after, states=game.states, players=names)
        self._games[discount, who] = game
        return self._games[discount, who]

    def enforceable(self, discount: float, *, leave: Leave = False) -> StochasticPayoffSets:
        """Return the enforceable payoffs from each state on, without transfers, in money a year."""
        return payoff_set(self.game(discount, leave=leave))

    def with_transfers(self, discount: float, *, leave: Leave = False) -> StochasticTransferEquilibrium:
        """Return the enforceable payoffs if money may be paid every year."""
        return stochastic_transfer_equilibrium(self.game(discount, leave=leave))

    def markov(self, discount: float, *, starts: int = 1) -> MarkovEquilibria:
        """Return equilibria that depend only on the state, without agreements. There may be others."""
        return markov_equilibria(self.game(discount), starts=starts, rng=0)

    def after_leaving(self, discount: float) -> Floats:
        """Return each country's payoff a year from each state on once the border is closed, shape (S, 2).

        Raises
        ------
        Unsolved
            If home's best plan of building is not found.
        """
        closed = np.array([self.capacity.exit[self._row(state)] for state in self.states])
        if not self.build_after_leaving:
            return closed
        if discount in self._alone:
            return self._alone[discount]
        own = dict(zip(self.states, closed, strict=True))
        alone = StochasticGame.from_functions(
            self.states,
            lambda state: [self._home(state)[:: len(self.capacity.names[0])], [None]],
            lambda state, profile: own[state] - [self._spending(state, profile[0]), 0.0],
            lambda state, profile: self._moves(state, profile[0], None),
            discount,
        )
        found = markov_equilibria(alone)
        if not len(found):
            home = self.capacity.roles.said[0]
            raise Unsolved(f"The best plan of {home} after leaving was not found at `discount` {discount:g}.")
        self._alone[discount] = found[0].values
        return found[0].values

    @cached_property
    def _kept(self) -> StochasticGame:
        """The game that nobody may leave, whose payoffs, moves and names are used at every discount factor."""
        return StochasticGame.from_functions(
            self.states,
            lambda state: [self._home(state), self._choices(1)],
            lambda state, profile: self._flow(state, *profile),
            lambda state, profile: self._moves(state, *profile),
            0.0,
            players=self.capacity.roles.names[:2],
        )

    @cached_property
    def _games(self) -> dict[tuple[float, tuple[int, ...]], StochasticGame]:
        """The games made so far, by discount factor and who may leave."""
        return {}

    @cached_property
    def _alone(self) -> dict[float, Floats]:
        """What `after_leaving` found so far, by discount factor."""
        return {}

    @cached_property
    def escalation(self) -> int:
        """The highest of the partner's tariffs, by its number."""
        return int(self.capacity.rates[1][0].argmax())

    def _row(self, state: State) -> int:
        return state.level if state.open else len(self.capacity.levels)

    def _choices(self, player: int, *, build: bool = False) -> list[Choice]:
        return [Choice(k, build, name) for k, name in enumerate(self.capacity.names[player])]

    def _home(self, state: State) -> list[Choice]:
        """Return home's tariffs, and again with building where it can build."""
        can_build = state.open and state.level < len(self.capacity.capital)
        return self._choices(0) + (self._choices(0, build=True) if can_build else [])

    def _spending(self, state: State, home: Choice) -> float:
        capital = self.capacity.capital
        kept = self.running * float(capital[: state.level].sum())
        return kept + (float(capital[state.level]) / self.lead_time if home.build else 0.0)

    def _flow(self, state: State, home: Choice, partner: Choice) -> Floats:
        flow = self.capacity.flows[self._row(state), home.tariff, partner.tariff]
        return np.asarray(flow - [self._spending(state, home), 0.0])

    def _moves(self, state: State, home: Choice, partner: Choice | None) -> dict[State, float]:
        """Return where the year ends: the market and what is built, and then wear."""
        worn = -np.expm1(-self.wear) if state.level else 0.0
        moves: dict[State, float] = {}
        for after, chance in self._market(state, home, partner).items():
            falls = worn if after.level else 0.0
            moves[after] = moves.get(after, 0.0) + (1.0 - falls) * chance
            if falls:
                below = self._at(after.level - 1, after.open)
                moves[below] = moves.get(below, 0.0) + falls * chance
        return moves

    def _at(self, level: int, is_open: bool) -> State:
        """The state of a level; a market that never closes there is open."""
        found = [state for state in self.states if state.level == level]
        return next((state for state in found if state.open == is_open), found[0])

    def _market(self, state: State, home: Choice, partner: Choice | None) -> dict[State, float]:
        if not state.open:
            reopens = -np.expm1(-self.reopening)
            return {self._at(state.level, True): reopens, state: 1.0 - reopens}
        closes = -np.expm1(-self.closure) if self.capacity.levels[state.level] > 0 else 0.0
        opens = self._opens(home, partner)
        moves = {state: (1.0 - closes) * (1.0 - opens)}
        if opens > 0:
            moves[self.states[state.level + 1]] = (1.0 - closes) * opens
        if closes > 0:
            moves[self._at(state.level, False)] = closes
        return moves

    def _opens(self, home: Choice, partner: Choice | None) -> float:
        """The chance that what home builds opens, if the market stays open."""
        opens = 1.0 / self.lead_time if home.build else 0.0
        blocked = partner is not None and partner.tariff == self.escalation
        return opens * (1.0 - self.blocking) if blocked else opens
