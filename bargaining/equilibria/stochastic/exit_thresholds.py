"""The payoff of leaving at which a stationary plan of a stochastic game breaks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf
from typing import Literal

import numpy as np

from bargaining._arguments import player_index
from bargaining._arrays import Floats, owning
from bargaining._rich import Shown
from bargaining.equilibria.stochastic._plans import (
    Look,
    Plan,
    PlanConstraint,
    Profiles,
    Reason,
    States,
    Varied,
    asked,
    lowest_payoffs,
    scan,
    states_named,
)
from bargaining.errors import InvalidInput, Status
from bargaining.games.repeated import Exit
from bargaining.games.stochastic import StochasticGame

_POINTS = 64  # steps of the grid, over twice the range of her payoffs


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanExitThresholds(Shown):
    r"""What leaving may pay a player if a plan is to be an equilibrium path.

    Attributes
    ----------
    payoff : float
        The most it may pay her: above, the plan breaks. Infinite if it never does, minus infinity if no payoff
        sustains the plan.
    exact : Fraction or None
        The same number exactly; None if it is infinite or was bisected for.
    intervals : ndarray of shape (k, 2)
        All payoffs that sustain the plan, ends included. If `proved` is false they were looked for on a grid: an
        interval shorter than a step of it may be missing, and one that goes on to its end is given as infinite.
    bracket : tuple of two floats
        The plan is sustained at the first and is not at the second: around `payoff`, or both equal to it.
    binding : PlanConstraint or None
        What fails first above `payoff`; what fails at all if no payoff sustains the plan; None if nothing does. Its
        slack is that at the second of `bracket`, or 0 at an exact threshold.
    residual : float
        The worst violation of a constraint at the ends of the intervals, as a share of the player's payoff range.
    proved : bool
        Whether the intervals follow from exact arithmetic alone.
    status : Status
        OK; EMPTY if no payoff looked at sustains the plan; INACCURATE if at some of them the payoff sets were not
        found accurately: they count as not sustaining it.
    """

    payoff: float
    exact: Fraction | None
    intervals: Floats
    bracket: tuple[float, float]
    binding: PlanConstraint | None
    residual: float
    proved: bool
    status: Status

    @property
    def sustainable(self) -> bool:
        """Whether any payoff of leaving sustains the plan."""
        return len(self.intervals) > 0


def plan_exit_thresholds(
    game: StochasticGame,
    plan: Profiles,
    player: int | str,
    *,
    states: States = None,
    start: States = None,
    punishment: Literal["optimal"] | Profiles = "optimal",
    tolerance: float = 1e-10,
) -> PlanExitThresholds:
    r"""Return what leaving may pay a player if a stationary plan is to be an equilibrium path.

    The plan plays :math:`a_s` whenever the state is s. In some states leaving, by anybody, pays player i an amount x,
    the same in all of them; everything else stays as it is in the game. The plan is an equilibrium path if in
    every state that it visits nobody gains by another action b once and the punishment after it, and nobody who may
    leave gets more by that:

    .. math:: u_j(s) \ge (1-\delta_j)\, g_j(s, b, a_{s,-j}) + \delta_j \sum_{s'} P(s' \mid s, b, a_{s,-j})\, P_j(s'),
              \qquad u_j(s) \ge o_j(s).

    Here x enters as :math:`o_i(s)`, in the punishments, and in u where the plan parts.

    Parameters
    ----------
    game : StochasticGame
        With its own discount factors, which may differ between the players.
    plan : sequence, one profile a state
        The actions, one per player; None where all who may leave do, which takes two of them at least.
    player : int
        Whose payoff of leaving is varied.
    states : int, str or sequence of them, optional
        The states in which it is, by number or name; all in which somebody may leave by default.
    start, punishment
        As for `plan_thresholds`.
    tolerance : float
        The width, as a share of the player's payoff range, at which the bisection of a threshold ends.

    Returns
    -------
    PlanExitThresholds

    Raises
    ------
    InvalidInput
        If a profile is not in the game, nobody may leave in a state that is named, or an argument is not as described.
    NotApplicable
        If the optimal punishment is asked for with other than two players, unless all may leave everywhere; or a plan
        parts where fewer than two may leave.

    Notes
    -----
    If a plan punishes, each constraint is affine in x and the answer is one interval, exact
    (:numref:`plan-exit-interval`). So it is with optimal punishments if all may leave in every state, for payoffs that
    do not depend on who does: parting at once is then an equilibrium, and :math:`P_j(s) = o_j(s)` exactly.

    Otherwise :math:`P_j` comes from the payoff sets, and nothing need be monotone: a better option may be needed to
    make the threat to leave credible, or to make parting worth waiting for. 65 values of x are looked at, from half her
    payoff range below her lowest payoff to half above her highest, and each change between neighbours is
    bisected for. A constraint missed by less than 1e-11 of the player's payoff range counts as met.

    In one state in which all may leave the answers are those of `critical_exit`.

    References
    ----------
    Abreu, D. (1988). On the theory of infinitely repeated games with discounting. *Econometrica* 56(2), 383-396.
    doi:10.2307/1911077

    Examples
    --------
    The state does not matter, as in a repeated game, and leaving breaks cooperation where it pays more than 5:

    >>> from fractions import Fraction
    >>> from bargaining import Exit, Game, StochasticGame
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> chain, patience = [[0.5, 0.5], [0.5, 0.5]], Fraction(1, 5)
    >>> game = StochasticGame.from_chain(prisoners, chain, patience, exit=Exit([0, 0]))
    >>> plan_exit_thresholds(game, [(0, 0), (0, 0)], player=0).exact
    Fraction(5, 1)

    Keep the rules until the alternative is there, then part. For 3 a patient player 1 would not wait but break the
    rules to part today, for 5. How much must parting later pay her?

    >>> game = StochasticGame.from_chain(
    ...     prisoners, [[0.9, 0.1], [0, 1]], 0.96, exit=Exit([[5, 5], [8, 3]]), states=["now", "later"]
    ... )
    >>> found = plan_exit_thresholds(game, [(0, 0), None], 1, states="later", start="now")
    >>> found.intervals.round(4), found.proved
    (array([[3.3989,    inf]]), True)
    """
    kept, reversion, width = asked(game, plan, start, punishment, tolerance, "critical_exit")
    varied = Varied(game, player_index(player, "player", game.player_names), _where(game, states))
    if reversion is None and varied.whoever_leaves():
        reversion = Plan.of(game, [None] * len(game), "punishment")
    return _looked_for(varied, kept, width) if reversion is None else _exactly(varied, kept, reversion)


def _where(game: StochasticGame, states: States) -> frozenset[int]:
    """Return the states in which the payoff of leaving is varied."""
    free = [s for s, leave in enumerate(game.exits) if leave is not None]
    named = states_named(game, states, "states")
    if not free or (named is not None and not set(named) <= set(free)):
        closed = [game.states[s] for s in (range(len(game)) if named is None else named) if s not in free]
        raise InvalidInput(
            f"`states` must be states in which somebody may leave; nobody may in {', '.join(closed)}. "
            "Give the game an `exit` there; what it pays the player is not used."
        )
    return frozenset(free if named is None else named)


def _exactly(varied: Varied, plan: Plan, reversion: Plan) -> PlanExitThresholds:
    """Intersect the half-lines on which each constraint holds."""
    threats = [varied.values(reversion, i) for i in range(varied.game.players)]
    reasons = [reason for one in (plan, reversion) for reason in varied.reasons(one, threats)]
    falling = [reason for reason in reasons if reason.slack.slope < 0]
    low = max((_root(r) for r in reasons if r.slack.slope > 0), default=None)
    high = min((_root(r) for r in falling), default=None)
    broken = [reason for reason in reasons if not reason.slack.slope and reason.slack.level < 0]
    if broken or (low is not None and high is not None and low > high):
        worst = min(broken or falling, key=lambda r: r.slack.level if broken else _root(r))
        return _found(None, None, worst, empty=True)
    return _found(low, high, min(falling, key=_root, default=None))


def _root(reason: Reason) -> Fraction:
    return -reason.slack.level / reason.slack.slope


def _found(
    low: Fraction | None, high: Fraction | None, binding: Reason | None, *, empty: bool = False
) -> PlanExitThresholds:
    payoff = -inf if empty else inf if high is None else float(high)
    constraint = None
    if binding is not None:
        slack = 0.0 if binding.slack.slope else float(binding.slack.level)
        constraint = replace(binding.constraint, slack=slack)
    ends = [] if empty else [[-inf if low is None else float(low), payoff]]
    return PlanExitThresholds(
        payoff=payoff,
        exact=high,
        intervals=np.array(ends).reshape(-1, 2),
        bracket=(payoff, payoff),
        binding=constraint,
        residual=0.0,
        proved=True,
        status=Status.EMPTY if empty else Status.OK,
    )


def _looked_for(varied: Varied, plan: Plan, width: float) -> PlanExitThresholds:
    """Look at a grid and halve between neighbours that differ."""
    low, size = _range(varied)
    grid = low + size * (np.arange(_POINTS + 1) * (2.0 / _POINTS) - 0.5)
    found = scan(lambda payoff: _look(varied, plan, payoff), grid.tolist(), width * size)
    first, last = found.looked[0], found.looked[-1]
    ends = [-inf] * first.holds + [holds.at for _, holds in found.changes] + [inf] * last.holds
    payoff = ends[-1] if ends else -inf
    failing = None if last.holds else found.changes[-1][0] if found.changes else first
    return PlanExitThresholds(
        payoff=payoff,
        exact=None,
        intervals=np.array(ends).reshape(-1, 2),
        bracket=(payoff, failing.at if ends and failing is not None else payoff),
        binding=None if failing is None else failing.constraint,
        residual=found.residual,
        proved=False,
        status=found.status,
    )


def _range(varied: Varied) -> tuple[float, float]:
    """Return the player's lowest payoff and the range of those that are not varied."""
    i, game = varied.player, varied.game
    payoffs = [stage.payoffs[..., i].ravel() for stage in game.games]
    payoffs += [
        leave.payoffs[list(leave.who), i]
        for s, leave in enumerate(game.exits)
        if leave is not None and s not in varied.states
    ]
    every = np.concatenate(payoffs)
    return float(every.min()), float(np.ptp(every)) or 1.0


def _look(varied: Varied, plan: Plan, payoff: float) -> Look:
    given = varied.game
    game = StochasticGame(
        given.games,
        [given.transition(s) for s in range(len(given))],
        given.discounts,
        exit=[_paying(varied, s, payoff) for s in range(len(given))],
        states=given.states,
    )
    threats, accurate = lowest_payoffs(game)
    other = Plan.of(game, plan.profiles, "plan", plan.checked)
    return Look.of(payoff, (other,), game.discounts, threats, accurate=accurate)


def _paying(varied: Varied, s: int, payoff: float) -> Exit | None:
    """Return the exit of a state with the payoff that is looked at."""
    leave = varied.game.exits[s]
    if leave is None or s not in varied.states:
        return leave
    table = leave.payoffs.copy()
    table[:, varied.player] = payoff
    return Exit.by_leaver(table, who=leave.who)
