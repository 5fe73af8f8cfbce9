"""How patient players must be to keep to a stationary plan of a stochastic game."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from bargaining._arrays import Floats, owning
from bargaining._rich import Shown
from bargaining.equilibria.stochastic._plans import (
    Look,
    Plan,
    PlanConstraint,
    Profiles,
    States,
    asked,
    lowest_payoffs,
    scan,
)
from bargaining.errors import Status
from bargaining.games.stochastic import StochasticGame

_GRID = (*(k / 64 for k in range(64)), *(1 - 2.0**-k for k in range(7, 10)))


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanThresholds(Shown):
    r"""The discount factors at which a plan is an equilibrium path.

    Attributes
    ----------
    discount : float
        The lowest discount factor from which on the plan is sustained, up to the end of the grid; infinite if it is
        not sustained there.
    intervals : ndarray of shape (k, 2)
        All discount factors on the grid that sustain the plan, their ends bisected for. An interval that goes on to
        the end of the grid is given as ending in 1. One shorter than a step of the grid may be missing.
    bracket : tuple of two floats
        The plan is not sustained at the first and is at the second: around `discount`, or if that is infinite
        around the end of the last interval. Both are 0 if every discount factor sustains the plan, infinite if
        none does.
    binding : PlanConstraint or None
        What fails first: the tightest constraint at the first of `bracket`, or at the end of the grid if no
        discount factor sustains the plan; None if all do.
    residual : float
        The worst violation of a constraint at the ends of the intervals, as a share of the player's payoff range.
    status : Status
        OK; EMPTY if no discount factor looked at sustains the plan; INACCURATE if at some of them the payoff
        sets were not found accurately: they count as not sustaining it.
    """

    discount: float
    intervals: Floats
    bracket: tuple[float, float]
    binding: PlanConstraint | None
    residual: float
    status: Status

    @property
    def sustainable(self) -> bool:
        """Whether any discount factor looked at sustains the plan."""
        return len(self.intervals) > 0


def plan_thresholds(
    game: StochasticGame,
    plan: Profiles,
    *,
    start: States = None,
    punishment: Literal["optimal"] | Profiles = "optimal",
    tolerance: float = 1e-10,
) -> PlanThresholds:
    r"""Return the discount factors, common to the players, at which a stationary plan is an equilibrium path.

    The plan plays the profile :math:`a_s` whenever the state is s. From there on it is worth

    .. math:: u_i(s) = (1-\delta)\, g_i(s, a_s) + \delta \sum_{s'} P(s' \mid s, a_s)\, u_i(s'),

    and it is an equilibrium path if, in every state that it visits, nobody gains by another action b once and
    the punishment after it,

    .. math:: u_i(s) \ge (1-\delta)\, g_i(s, b, a_{s,-i}) + \delta \sum_{s'} P(s' \mid s, b, a_{s,-i})\, P_i(s'),

    and nobody who may leave gets more by that: :math:`u_i(s) \ge o_i(s)`.

    Parameters
    ----------
    game : StochasticGame
        Its own discount factors are not used.
    plan : sequence, one profile a state
        The actions, one per player; None where all who may leave do, which takes two of them at least.
    start : int, str or sequence of them, optional
        The states in which play may start, by number or name; all by default. States that the plan never reaches
        from there are not looked at.
    punishment : "optimal" or sequence, one profile a state
        ``"optimal"``: :math:`P_i(s)` is i's lowest equilibrium payoff in s at the same discount factor, in pure
        actions with public randomisation (`payoff_set`). Otherwise the stationary plan that is played for ever
        after any deviation, for any number of players; it must itself be an equilibrium from every state, and where
        it is not, it sustains nothing.
    tolerance : float
        The width at which the bisection of a threshold ends.

    Returns
    -------
    PlanThresholds

    Raises
    ------
    InvalidInput
        If a profile is not in the game, or a state, the punishment or the tolerance is not as described.
    NotApplicable
        If the optimal punishment is asked for with other than two players, or a plan parts where fewer than two may
        leave.

    Notes
    -----
    Neither the slack of a constraint nor the payoff sets need be monotone in patience: more of it makes deviations
    dearer, and makes later states count more, in which a player may be worse off or others tempted. So all of k/64
    and then 1 - 2^-7, 1 - 2^-8 and 1 - 2^-9 are looked at, and each change between neighbours is bisected for. A
    constraint missed by less than 1e-11 of the player's payoff range counts as met. For players more patient than
    the end of the grid nothing is claimed, though an interval that reaches it is given as ending in 1.

    In one state this is `critical_discount`, which gives exact answers there.

    References
    ----------
    Abreu, D. (1988). On the theory of infinitely repeated games with discounting. *Econometrica* 56(2), 383-396.
    doi:10.2307/1911077

    Abreu, D., Brooks, B. and Sannikov, Y. (2020). Algorithms for stochastic games with perfect monitoring.
    *Econometrica* 88(4), 1661-1695. doi:10.3982/ECTA14834

    Examples
    --------
    Keep the rules until an alternative is there that only player 0 likes, then part. The impatient break them for
    the gain of a day. A patient player 1 breaks them to part today, for 5 rather than for 3 later:

    >>> from bargaining import Exit, Game, StochasticGame
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> game = StochasticGame.from_chain(
    ...     prisoners, [[0.9, 0.1], [0, 1]], 0.5, exit=Exit([[5, 5], [8, 3]]), states=["now", "later"]
    ... )
    >>> found = plan_thresholds(game, [(0, 0), None], start="now")
    >>> found.intervals.round(6), found.discount
    (array([[0.224831, 0.950383]]), inf)
    >>> found.binding.player, game.states[found.binding.state], found.binding.kind
    (1, 'now', 'deviate')
    """
    kept, reversion, width = asked(game, plan, start, punishment, tolerance, "critical_discount")
    return _found(kept, reversion, width)


def _found(plan: Plan, reversion: Plan | None, width: float) -> PlanThresholds:
    found = scan(lambda discount: _look(plan, reversion, discount), _GRID, width)
    first, last = found.looked[0], found.looked[-1]
    ends = [0.0] * first.holds + [holds.at for _, holds in found.changes] + [1.0] * last.holds
    if found.changes:
        failing, holding = found.changes[-1]
        low, high = failing.at, holding.at
    else:
        failing = last
        low = high = 0.0 if last.holds else np.inf
    return PlanThresholds(
        discount=high if last.holds else np.inf,
        intervals=np.array(ends).reshape(-1, 2),
        bracket=(low, high),
        binding=None if failing.holds else failing.constraint,
        residual=found.residual,
        status=found.status,
    )


def _look(plan: Plan, reversion: Plan | None, discount: float) -> Look:
    patience = np.full(plan.game.players, discount)
    if reversion is not None:
        return Look.of(discount, (plan, reversion), patience, reversion.values(patience), accurate=True)
    threats, accurate = lowest_payoffs(plan.game.with_discounts(discount))
    return Look.of(discount, (plan,), patience, threats, accurate=accurate)
