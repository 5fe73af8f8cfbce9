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
for both: `discounts` is that one factor wherever a method takes it. Payoffs are averages,
:math:`(1 - \delta) \sum_t \delta^t g_t`, in money a year: level yearly flows.

Leaving closes the border, not the route to the alternative: afterwards that market closes and reopens as before, and
home builds if this is profitable for itself. With `build_after_leaving` false the share in use stays what it was.

The terms from a state on are the Nash division of the enforceable payoffs from there, with the lowest payoff to which
each can be held as the disagreement point. If they do not agree for a year, they play a stationary profile (the tariff
war, in which home builds or not) and agree in the state that follows. With terms N, and the profile's values V and
chain P, the gain from a year's delay is

.. math:: (1 - \delta) g + \delta P N - N = V + \delta P (N - V) - N

to each country, g being the profile's flows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining import Method, nash
from bargaining.authoring import Floats, Result, Shown, player_index, real, record, within
from bargaining.equilibria.payoff_set import payoff_set
from bargaining.equilibria.stochastic.markov import (
    MarkovEquilibria,
    StationaryProfile,
    markov_equilibria,
    stationary_profile,
)
from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
from bargaining.equilibria.stochastic.transfers import (
    StochasticTransferEquilibrium,
    stochastic_transfer_equilibrium,
)
from bargaining.errors import InvalidInput, Status, Unsolved
from bargaining.games.repeated import Exit
from bargaining.games.stochastic import StochasticGame
from bargaining_models.negotiation.capacity import NASH, Capacity
from bargaining_models.negotiation.roles import Leave, who_leaves

LEAD_TIME = 5.0
"""Default of the years that a step takes."""
_TIE = 1e-12  # of the values: a plan that is better by less is no better


@dataclass(frozen=True, slots=True)
class State(Shown):
    """A level of capacity, by its number, and whether the alternative's market is open."""

    level: int
    open: bool
    name: str

    def __str__(self) -> str:
        return self.name


@record
class Terms(Result):
    """Each country's payoff from each state on, in money a year.

    Attributes
    ----------
    payoffs : ndarray, shape (S, 2)
        Home and the partner.
    transfer : ndarray, shape (S,)
        Home's average payment to the partner a year: its income along the best agreement less its payoff.
    agreement : StationaryProfile
        The profile with the largest joint payoff: tariffs and building by state.
    """

    payoffs: Floats
    transfer: Floats
    agreement: StationaryProfile

    @property
    def status(self) -> Status:
        """OK: where sets or plans are not found, there are no terms."""
        return Status.OK


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
    >>> talks = Negotiation(data="wiod2011", home="Canada", partner="US", alternative="China")
    >>> capacity = Capacity.solve(talks, levels=[0, 0.05], capital=17.6)
    >>> pivot = PivotGame(capacity=capacity, closure=0.2, reopening=0.5)
    >>> [state.name for state in pivot.states]
    ['0%', '5%', '5%, closed']
    >>> pivot.war(0.95).values.round(1).tolist()  # Canada, US: USD bn a year
    [[-17.3, -2.3], [-16.1, -2.4], [-16.4, -2.3]]

    Capacity for 15 percent that takes five years, and stays, moves the terms before it is there:

    >>> capacity = Capacity.solve(talks, levels=[0, 0.15], capital=93.9)
    >>> PivotGame(capacity=capacity.at(0)).terms(0.95).transfer.round(2)
    array([8.76])
    >>> PivotGame(capacity=capacity).terms(0.95).transfer.round(2)
    array([7.02, 6.56])
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
        levels = [(k, level, f"{100 * level:.6g}%") for k, level in enumerate(self.capacity.levels.tolist())]
        states = [State(k, True, word) for k, _, word in levels]
        if self.closure > 0:
            states += [State(k, False, f"{word}, closed") for k, level, word in levels if level > 0]
        object.__setattr__(self, "states", tuple(states))

    # Games and what they enforce.

    def game(self, discounts: float, *, leave: Leave = False) -> StochasticGame:
        """Return the stochastic game at a discount factor per year, with or without the right to leave.

        `leave` is True if either may leave, or lists the players who may: 0 for home, 1 for the partner.
        """
        game, who = self._stay.with_discounts(discounts), who_leaves(leave)
        if not who:
            return game
        after = [Exit(own, who=who) for own in self.after_leaving(discounts)]
        chain = [game.transition(s) for s in range(len(game))]
        names = self.capacity.roles.names[:2]
        return StochasticGame(game.games, chain, discounts, exit=after, states=game.states, players=names)

    def enforceable(self, discounts: float, *, leave: Leave = False) -> StochasticPayoffSets:
        """Return the enforceable payoffs from each state on, without transfers, in money a year."""
        return payoff_set(self.game(discounts, leave=leave))

    def with_transfers(self, discounts: float, *, leave: Leave = False) -> StochasticTransferEquilibrium:
        """Return the enforceable payoffs if money may be paid every year."""
        return stochastic_transfer_equilibrium(self.game(discounts, leave=leave))

    def markov(self, discounts: float, *, starts: int = 1) -> MarkovEquilibria:
        """Return equilibria that depend only on the state, without agreements. There may be others."""
        return markov_equilibria(self.game(discounts), starts=starts, rng=0)

    def after_leaving(self, discounts: float) -> Floats:
        """Return each country's payoff a year from each state on once the border is closed, shape (S, 2).

        Raises
        ------
        Unsolved
            If home's best plan of building is not found.
        """
        closed = self.capacity.exit[self._rows]
        if not self.build_after_leaving:
            return closed
        alone = self._game(closed[:, None, None], np.ones(1), (("closed",), ("closed",)), discounts)
        found = markov_equilibria(alone)
        if not len(found):
            home = self.capacity.roles.said[0]
            raise Unsolved(
                f"The best plan of {home} after leaving was not found at `discounts` {discounts:g}."
            )
        return found[0].values

    # Terms and the war.

    def terms(self, discounts: float, *, leave: Leave = False, method: Method = nash) -> Terms:
        """Return the terms by state where money may be paid every year."""
        game = self.game(discounts, leave=leave)
        found = stochastic_transfer_equilibrium(game)
        payoffs = np.array(
            [method(found.problem(s)).raise_if_failed().payoffs for s in range(len(self.states))]
        )
        strategies = [
            [np.eye(count)[max(own, 0)] for own, count in zip(profile, game.shape(s), strict=True)]
            for s, profile in enumerate(found.profile.tolist())
        ]
        parted, who = np.any(found.profile < 0, axis=1), who_leaves(leave)
        leaves = parted[:, None] * np.isin([0, 1], who).astype(float) if who else None
        best = self._idle_in_ties(stationary_profile(game, strategies, leave=leaves), discounts, [1.0, 1.0])
        return Terms(payoffs=payoffs, transfer=best.values[:, 0] - payoffs[:, 0], agreement=best)

    def war(self, discounts: float) -> StationaryProfile:
        """Return the Markov equilibrium found first; in it home does not build where that brings it nothing.

        Raises
        ------
        Unsolved
            If none is found.
        """
        found = self.markov(discounts)
        if not len(found):
            raise Unsolved(f"No Markov equilibrium was found at `discounts` {discounts:g}.")
        return self._idle_in_ties(found[0], discounts, [1.0, 0.0])

    def dominance(self, discounts: float) -> float:
        r"""Return the least margin by which the Nash rates beat every other tariff of their lists, money in the year.

        If it is above 0, both set them in every state of every Markov equilibrium, which is then unique but for ties in
        what home builds (proposition `pivot-game-war`): Home's tariff never moves the state, the partner's one only
        where it blocks.

        Raises
        ------
        InvalidInput
            If the Nash rate is not on both lists.

        Notes
        -----
        *Home*: the least gain from its Nash rate over another tariff, over states and the partner's tariffs. *The
        partner*: the same, given home's Nash rate. A tariff of the partner that blocks delays a step with a probability
        of blocking / L or less, L the lead time, and from any state on the partner gets no less than m, its lowest flow
        at Nash rates, and no more than M, its highest against home's; so the delay gains it at most
        :math:`(M - m) \delta / (1 - \delta)` blocking / L in the year's money, which is taken off.
        """
        for names in self.capacity.names:
            if NASH not in names:
                raise InvalidInput(
                    f"`capacity` must have {NASH!r} on both lists of tariffs; got {', '.join(names)}."
                )
        home, partner = (names.index(NASH) for names in self.capacity.names)
        flows = self.capacity.flows
        more = flows[:, home, None, :, 0] - flows[..., 0]
        against = flows[:, home, :, 1]
        less = against[:, [partner]] - against
        blocks = np.arange(against.shape[1]) == self.escalation
        delay = discounts / (1.0 - discounts) * self.blocking / self.lead_time
        less -= np.where(blocks != blocks[partner], delay * (against.max() - against[:, partner].min()), 0.0)
        return float(min(np.delete(more, home, axis=1).min(), np.delete(less, partner, axis=1).min()))

    def builds(self, profile: StationaryProfile) -> Floats:
        """Return the probability that home builds in each state, shape (S,)."""
        tariffs = len(self.capacity.names[0])
        return np.array([own[0][tariffs:].sum() for own in profile.strategies])

    def builds_to(self, profile: StationaryProfile) -> float:
        """Return the share that home reaches from the first state on if nothing is revoked."""
        levels, built = self.capacity.levels, self.builds(profile) > 0.5
        return float(levels[np.argmin(np.append(built[: len(levels) - 1], False))])

    # The parts of the game.

    @cached_property
    def _stay(self) -> StochasticGame:
        """The game that nobody may leave; its payoffs, moves and names hold at every discount factor."""
        names = self.capacity.names
        opens = 1.0 - self.blocking * (np.arange(len(names[1])) == self.escalation)
        return self._game(self.capacity.flows[self._rows], opens, names, 0.0)

    @property
    def escalation(self) -> int:
        """The highest of the partner's tariffs, by its number."""
        return int(self.capacity.rates[1][0].argmax())

    @property
    def _rows(self) -> list[int]:
        """Where each state stands in the flows."""
        return [state.level if state.open else len(self.capacity.levels) for state in self.states]

    def _game(
        self, flows: Floats, opens: Floats, names: tuple[tuple[str, ...], ...], discounts: float
    ) -> StochasticGame:
        """Return the game with flows (S, C, U, 2) before spending, and home's choice of building where it can build.

        `opens`, (U,), is the part of the probability of completion that each action of the partner leaves.
        """
        capital, payoffs, chain, actions = self.capacity.capital, list[Floats](), list[Floats](), list[Any]()
        steps = np.append(capital, 0.0) / self.lead_time
        for flow, state in zip(flows, self.states, strict=True):
            builds = (0, 1) if state.open and state.level < len(capital) else (0,)
            upkeep = self.running * capital[: state.level].sum()
            payoffs.append(np.concatenate([flow - [upkeep + k * steps[state.level], 0.0] for k in builds]))
            moves = [self._moves(state, k * opens / self.lead_time) for k in builds]
            chain.append(np.repeat(moves, len(flow), axis=0))
            home = [f"{name}, build" if k else name for k in builds for name in names[0]]
            actions.append([home, names[1]])
        states, players = [state.name for state in self.states], self.capacity.roles.names[:2]
        return StochasticGame(payoffs, chain, discounts, states=states, actions=actions, players=players)

    def _moves(self, state: State, opens: Floats) -> Floats:
        """Return where the year ends, (U, S): the market and what is built, and then wear.

        A market that never closes is open.
        """
        level, moves = state.level, np.zeros((len(opens), len(self.states)))
        places = {(other.level, other.open): k for k, other in enumerate(self.states)}
        switches = -np.expm1(-self.closure if state.open else -self.reopening)
        switches *= self.capacity.levels[level] > 0
        worn = -np.expm1(-self.wear) if level else 0.0
        ends = [(level, not state.open, switches), (level, state.open, (1.0 - switches) * (1.0 - opens))]
        ends += [(level + 1, True, (1.0 - switches) * opens)] if opens.any() else []
        for reached, is_open, chance in ends:
            for after, part in ((reached, 1.0 - worn), (reached - 1, worn)):
                if part > 0.0:
                    moves[:, places.get((after, is_open), places.get((after, True)))] += chance * part
        return moves

    def _idle_in_ties(
        self, profile: StationaryProfile, discounts: float, weights: list[float]
    ) -> StationaryProfile:
        """Let home not build wherever building changes the payoffs, summed with weights, by rounding alone.

        So it is beyond the caps of all sectors: there a level costs nothing and changes nothing.
        """
        game, tariffs, tied = self.game(discounts), len(self.capacity.names[0]), False
        strategies = [list(own) for own in profile.strategies]
        for s, (own, other) in enumerate(profile.strategies):
            if own[tariffs:].any():
                later = discounts * game.transition(s) @ profile.values
                worth = ((1.0 - discounts) * game.games[s].payoffs + later) @ weights @ other
                change = np.diff(worth.reshape(2, tariffs), axis=0)[0]
                same = np.abs(change) <= _TIE * np.abs(profile.values).max()
                idle, built = own.reshape(2, tariffs)
                strategies[s][0] = np.concatenate([idle + same * built, ~same * built])
                tied |= bool(same @ built)
        if not tied:
            return profile
        leave = profile.leave if profile.leave.any() else None
        return stationary_profile(game, strategies, leave=leave)


def waiting(profile: StationaryProfile, agreed: Floats, discounts: float) -> Floats:
    """Return each country's gain if they agree a year later, shape (S, 2), money a year."""
    later = profile.values + discounts * profile.chain @ (agreed - profile.values)
    return np.asarray(later - agreed)


def settles(
    profile: StationaryProfile, agreed: Floats, discounts: float, *, player: int
) -> NDArray[np.bool_]:
    r"""Return in which states a country would settle if it could choose the date, shape (S,).

    Solves :math:`X = \max(N, (1 - \delta) g + \delta P X)` by policy iteration; in case of ties it settles.
    """
    i = player_index(player, "player", 2)
    own, values, chain = agreed[:, i], profile.values[:, i], discounts * profile.chain
    flow = values - chain @ values
    stop = np.ones(len(own), dtype=bool)
    while True:
        going = np.where(stop[:, None], 0.0, chain)
        worth = np.linalg.solve(np.eye(len(own)) - going, np.where(stop, own, flow))
        better = flow + chain @ worth - own > _TIE * np.abs(own).max()
        if (stop == ~better).all():
            return stop
        stop = ~better
