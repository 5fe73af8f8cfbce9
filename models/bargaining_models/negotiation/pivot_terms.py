r"""Results of the pivot game: the terms by state, when each country would settle, and expected play over the years.

The terms from a state on are the Nash division of the enforceable payoffs from there, with the lowest payoff to which
each can be held as the disagreement point. If they do not agree for a year, they play a stationary profile (the tariff
war, in which home builds or not) and agree in the state that follows. With terms N, and the profile's values V and
chain P, the gain from a year's delay is

.. math:: (1 - \delta) g + \delta P N - N = V + \delta P (N - V) - N

to each country, g being the profile's flows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bargaining import Method, nash
from bargaining.authoring import Floats, Result, Shown, owning, player_index
from bargaining.equilibria.stochastic.markov import stationary_profile
from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
from bargaining.equilibria.stochastic.stationary_profile import StationaryProfile
from bargaining.errors import InvalidInput, Status, Unsolved
from bargaining_models.negotiation.capacity import NASH
from bargaining_models.negotiation.pivot_game import PivotGame
from bargaining_models.negotiation.roles import Leave, who_leaves

_TIE = 1e-12  # of the values: a plan that is better by less is no better


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terms(Result):
    """Each country's payoff from each state on, in USD bn a year.

    Attributes
    ----------
    payoffs : ndarray, shape (S, 2)
        home and the partner.
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


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PivotPath(Shown):
    """Expected play over the years, from a state on.

    Attributes
    ----------
    r : ndarray, shape (T,)
        The share in use.
    rates : ndarray, shape (T, 2)
        home's and the partner's tariff, fractions.
    payoffs : ndarray, shape (T, 2)
        Income of the year, building paid, USD bn.
    builds : ndarray, shape (T,)
        The probability that home builds.
    """

    r: Floats
    rates: Floats
    payoffs: Floats
    builds: Floats


def terms(pivot: PivotGame, discount: float, *, leave: Leave = False, method: Method = nash) -> Terms:
    """Return the terms by state where money may be paid every year.

    Examples
    --------
    Capacity for 15 percent that takes five years, and stays, moves the terms before it is there:

    >>> from bargaining_models.negotiation.capacity import Capacity
    >>> from bargaining_models.negotiation import Negotiation
    >>> from bargaining_models.parameters import load
    >>> talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China")
    >>> capacity = Capacity.solve(talks, levels=[0, 0.15], capital=93.9)
    >>> terms(PivotGame(capacity=capacity.at(0)), 0.95).transfer.round(2)
    array([8.76])
    >>> terms(PivotGame(capacity=capacity), 0.95).transfer.round(2)
    array([7.02, 6.56])
    """
    found = pivot.with_transfers(discount, leave=leave)
    divisions = [method(found.problem(s)).raise_if_failed() for s in range(len(pivot.states))]
    payoffs = np.array([division.payoffs for division in divisions])
    game = pivot.game(discount, leave=leave)
    parted = np.any(found.profile < 0, axis=1)
    strategies = [
        [np.eye(count)[max(own, 0)] for own, count in zip(profile, game.shape(s), strict=True)]
        for s, profile in enumerate(found.profile.tolist())
    ]
    who = who_leaves(leave)
    leaves = parted[:, None] * np.isin([0, 1], who).astype(float) if who else None
    agreement = _idle_in_ties(pivot, stationary_profile(game, strategies, leave=leaves), discount, [1.0, 1.0])
    return Terms(payoffs=payoffs, transfer=agreement.values[:, 0] - payoffs[:, 0], agreement=agreement)


def war(pivot: PivotGame, discount: float) -> StationaryProfile:
    """Return the Markov equilibrium found first; in it home does not build where that brings it nothing.

    Raises
    ------
    Unsolved
        If none is found.
    """
    found = pivot.markov(discount)
    if not len(found):
        raise Unsolved(f"No Markov equilibrium was found at `discount` {discount:g}.")
    return _idle_in_ties(pivot, found[0], discount, [1.0, 0.0])


def _idle_in_ties(
    pivot: PivotGame, profile: StationaryProfile, discount: float, counts: list[float]
) -> StationaryProfile:
    """Let home not build wherever building changes the payoffs, weighted by `counts`, by rounding alone.

    So it is beyond the caps of all sectors: there a level costs nothing and changes nothing.
    """
    game, tariffs, tied = pivot.game(discount), len(pivot.capacity.names[0]), False
    strategies = [list(own) for own in profile.strategies]
    for s, (own, other) in enumerate(profile.strategies):
        if own[tariffs:].any():
            later = discount * game.transition(s) @ profile.values
            worth = ((1.0 - discount) * game.games[s].payoffs + later) @ counts @ other
            same = (
                np.abs(np.diff(worth.reshape(2, tariffs), axis=0)[0]) <= _TIE * np.abs(profile.values).max()
            )
            idle, built = own.reshape(2, tariffs)
            strategies[s][0] = np.concatenate([idle + same * built, ~same * built])
            tied |= bool(same @ built)
    if not tied:
        return profile
    leave = profile.leave if profile.leave.any() else None
    return stationary_profile(game, strategies, leave=leave)


def divisions(sets: StochasticPayoffSets, *, method: Method = nash) -> Floats:
    """Return the division of the enforceable payoffs without transfers in each state, shape (S, 2)."""
    return np.array([method(some.problem()).raise_if_failed().payoffs for some in sets.sets])


def builds(pivot: PivotGame, profile: StationaryProfile) -> Floats:
    """Return the probability that home builds in each state, shape (S,)."""
    tariffs = len(pivot.capacity.names[0])
    return np.array([own[0][tariffs:].sum() for own in profile.strategies])


def builds_to(pivot: PivotGame, profile: StationaryProfile) -> float:
    """Return the share that home reaches from the first state on if nothing is revoked."""
    level, last = 0, len(pivot.capacity.levels) - 1
    likely = builds(pivot, profile)
    while level < last and likely[level] > 0.5:
        level += 1
    return float(pivot.capacity.levels[level])


def dominance(pivot: PivotGame, discount: float) -> float:
    r"""Return the least margin by which the Nash rates beat every other tariff of their lists, USD bn in the year.

    If it is above 0, both set them in every state of every Markov equilibrium, which is then unique but for ties in
    what home builds (proposition `pivot-game-war`): Home's tariff never moves the state, the partner's one only where
    it blocks.

    Raises
    ------
    InvalidInput
        If the Nash rate is not on both lists.

    Notes
    -----
    *Home*: the least gain from its Nash rate over another tariff, over states and the partner's tariffs. *The
    partner*: the same, given home's Nash rate. A tariff of the partner that blocks delays a step with a probability
    of blocking / L or less, L the lead time, and from any state on the partner gets no less than m, its lowest flow at
    Nash rates, and no more than M, its highest against home's; so the delay gains it at most
    :math:`(M - m) \delta / (1 - \delta)` blocking / L in the year's money, which is taken off.
    """
    for names in pivot.capacity.names:
        if NASH not in names:
            raise InvalidInput(
                f"`pivot` must have {NASH!r} on both lists of tariffs; got {', '.join(names)}."
            )
    home, partner = (names.index(NASH) for names in pivot.capacity.names)
    flows = pivot.capacity.flows
    more = flows[:, home, None, :, 0] - flows[..., 0]
    against = flows[:, home, :, 1]
    less = against[:, [partner]] - against
    blocks = np.arange(against.shape[1]) == pivot.escalation
    delay = discount / (1.0 - discount) * pivot.blocking / pivot.lead_time
    less -= np.where(blocks != blocks[partner], delay * (against.max() - against[:, partner].min()), 0.0)
    return float(min(np.delete(more, home, axis=1).min(), np.delete(less, partner, axis=1).min()))


def waiting(profile: StationaryProfile, agreed: Floats, discount: float) -> Floats:
    """Return each country's gain if they agree a year later, shape (S, 2), money a year."""
    later = profile.values + discount * profile.chain @ (agreed - profile.values)
    return np.asarray(later - agreed)


def settles(profile: StationaryProfile, agreed: Floats, discount: float, *, player: int) -> NDArray[np.bool_]:
    r"""Return in which states a country would settle if it could choose the date, shape (S,).

    Solves :math:`X = \max(N, (1 - \delta) g + \delta P X)` by policy iteration; in case of ties it settles.
    """
    i = player_index(player, "player", 2)
    own, kept, chain = agreed[:, i], profile.values[:, i], discount * profile.chain
    flow = kept - chain @ kept
    stop = np.ones(len(own), dtype=bool)
    while True:
        going = np.where(stop[:, None], 0.0, chain)
        worth = np.linalg.solve(np.eye(len(own)) - going, np.where(stop, own, flow))
        better = flow + chain @ worth - own > _TIE * np.abs(own).max()
        if (stop == ~better).all():
            return stop
        stop = ~better


def path(pivot: PivotGame, profile: StationaryProfile, discount: float, *, years: int) -> PivotPath:
    """Return the expected play of a profile in each year, from the first state on.

    Raises
    ------
    InvalidInput
        If `years` is not a whole number above 0.
    """
    if isinstance(years, bool) or not isinstance(years, int | np.integer) or years < 1:
        raise InvalidInput(f"`years` must be a whole number above 0; got {years!r}.")
    flow = (profile.values - discount * profile.chain @ profile.values) / (1.0 - discount)
    columns = np.column_stack([pivot.in_use, _rates(pivot, profile), flow, builds(pivot, profile)])
    found = np.empty((years, columns.shape[1]))
    state = np.zeros(len(columns))
    state[0] = 1.0
    for year in range(years):
        found[year] = state @ columns
        state = state @ profile.chain
    return PivotPath(r=found[:, 0], rates=found[:, 1:3], payoffs=found[:, 3:5], builds=found[:, 5])


def _rates(pivot: PivotGame, profile: StationaryProfile) -> Floats:
    """Return each side's expected tariff in each state, shape (S, 2)."""
    home, partner = pivot.capacity.rates
    rows = [state.level if state.open else len(pivot.capacity.levels) for state in pivot.states]
    return np.array(
        [
            [np.resize(home[row], len(own[0])) @ own[0], partner[row] @ own[1]]
            for row, own in zip(rows, profile.strategies, strict=True)
        ]
    )
