"""How patient players must be to keep to a stationary plan of a stochastic game."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from bargaining._arrays import Floats, scalar
from bargaining.equilibria._stationary_plan import Plan, PlanConstraint, Profiles
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.games.stochastic import StochasticGame

_GRID = (*(k / 64 for k in range(64)), *(1 - 2.0**-k for k in range(7, 10)))
_SLACK = 1e-11  # of the payoff range: values and threats are floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanThresholds:
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


class _Answer(NamedTuple):
    """The tightest constraint at a discount factor, its slack over the range, and whether it is accurate."""

    constraint: PlanConstraint | None
    slack: float
    accurate: bool

    @property
    def holds(self) -> bool:
        return self.accurate and self.slack >= -_SLACK


class _Look(NamedTuple):
    """A discount factor that was looked at."""

    discount: float
    answer: _Answer


def plan_thresholds(
    game: StochasticGame,
    plan: Profiles,
    *,
    start: int | str | Sequence[int | str] | None = None,
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
    Abreu, D. (1988). On the theory of infinitely repeated games with discounting. *Econometrica* 56, 383-396.

    Abreu, D., Brooks, B. and Sannikov, Y. (2020). Algorithms for stochastic games with perfect monitoring.
    *Econometrica* 88, 1661-1695.

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
    if not isinstance(game, StochasticGame):
        raise InvalidInput(
            f"`game` must be a StochasticGame; got {type(game).__name__}. For a repeated game use `critical_discount`."
        )
    width = scalar(tolerance, "tolerance")
    if not width > 0:
        raise InvalidInput(f"`tolerance` must be positive; got {width:g}.")
    kept = Plan.of(game, plan, "plan", _starts(game, start))
    return _scan(kept, _reversion(game, punishment), width)


def _starts(game: StochasticGame, start: int | str | Sequence[int | str] | None) -> list[int] | None:
    if start is None:
        return None
    given = [start] if isinstance(start, int | str | np.integer) else list(start)
    numbers: list[int] = []
    for state in given:
        number = game.states.index(state) if state in game.states else state
        if (
            isinstance(number, bool | str)
            or not isinstance(number, int | np.integer)
            or not 0 <= number < len(game)
        ):
            raise InvalidInput(
                f"`start` must name states of the game, {', '.join(game.states)}, or their numbers; got {state!r}."
            )
        numbers.append(int(number))
    if not numbers:
        raise InvalidInput("`start` must name at least one state; for all of them pass None.")
    return numbers


def _reversion(game: StochasticGame, punishment: Literal["optimal"] | Profiles) -> Plan | None:
    """Return the plan that punishes, None for optimal punishments."""
    if isinstance(punishment, str):
        if punishment != "optimal":
            raise InvalidInput(
                f'`punishment` must be "optimal" or one profile a state, an equilibrium; got {punishment!r}.'
            )
        if game.players != 2:
            raise NotApplicable(
                f"Optimal punishments need the payoff sets, which are for two players; the game has {game.players}. "
                "Give a stationary equilibrium as `punishment`."
            )
        return None
    return Plan.of(game, punishment, "punishment")


def _scan(plan: Plan, reversion: Plan | None, width: float) -> PlanThresholds:
    """Look at the grid and halve between neighbours that differ."""
    looked = [_Look(discount, _answer(plan, reversion, discount)) for discount in _GRID]
    first, last = looked[0].answer, looked[-1].answer
    changes = [
        _halve(plan, reversion, *sides, width)
        for sides in pairwise(looked)
        if sides[0].answer.holds != sides[1].answer.holds
    ]
    ends = [0.0] * first.holds + [holds.discount for _, holds in changes] + [1.0] * last.holds
    if changes:
        (low, failing), (high, _) = changes[-1]
    else:
        low = high = 0.0 if last.holds else np.inf
        failing = last
    every = looked + [fails for fails, _ in changes]
    return PlanThresholds(
        discount=high if last.holds else np.inf,
        intervals=np.array(ends).reshape(-1, 2),
        bracket=(low, high),
        binding=None if failing.holds else failing.constraint,
        residual=max([0.0, *(-holds.answer.slack for _, holds in changes)]),
        status=_status(all(look.answer.accurate for look in every), bool(ends)),
    )


def _status(accurate: bool, sustained: bool) -> Status:
    if not accurate:
        return Status.INACCURATE
    return Status.OK if sustained else Status.EMPTY


def _halve(plan: Plan, reversion: Plan | None, low: _Look, high: _Look, width: float) -> tuple[_Look, _Look]:
    """Return neighbours of which the first does not sustain the plan and the second does."""
    fails, holds = (low, high) if high.answer.holds else (high, low)
    while abs(holds.discount - fails.discount) > width:
        middle = (holds.discount + fails.discount) / 2
        if middle in (holds.discount, fails.discount):
            break
        look = _Look(middle, _answer(plan, reversion, middle))
        fails, holds = (fails, look) if look.answer.holds else (look, holds)
    return fails, holds


def _answer(plan: Plan, reversion: Plan | None, discount: float) -> _Answer:
    if reversion is None:
        threats, accurate = _threats(plan.game, discount)
        found = [plan.tightest(discount, threats)]
    else:
        threats, accurate = reversion.values(discount), True
        found = [one.tightest(discount, threats) for one in (plan, reversion)]
    shares = [(np.inf if c is None else c.slack / plan.scale.item(c.player), c) for c in found]
    slack, constraint = min(shares, key=lambda share: share[0])
    return _Answer(constraint, slack, accurate or slack < -_SLACK)


def _threats(game: StochasticGame, discount: float) -> tuple[Floats, bool]:
    """Return the lowest payoffs and whether they are accurate; those of inaccurate sets are too low."""
    from bargaining.equilibria.stochastic_set import stochastic_payoff_sets

    found = stochastic_payoff_sets(game.with_discounts(discount))
    return found.threats, all(some.status is not Status.INACCURATE for some in found.sets)
