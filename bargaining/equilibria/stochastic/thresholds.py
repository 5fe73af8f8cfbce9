r"""Thresholds of stationary plans of stochastic games: discount factors, and payoffs from leaving.

A plan has one profile for each state. A `Scan` tries discount factors, or payoffs of leaving, in floats. The threshold
of one player's payoff of leaving can also be found in rationals: let leaving give her x in some states. Then the values
of a plan are affine in x, and so are the payoffs of deviations that a plan punishes. Every constraint then reads
:math:`a + b x \ge 0`, so that its slack at x = 0 and at x = 1 says all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import inf
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import is_sequence, listed, player_index
from bargaining._arrays import Floats, fill, owning, scalar
from bargaining._calls import suggesting
from bargaining._rational import solve
from bargaining._rich import Result, Shown
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.games.stochastic import StochasticGame

Profiles = Sequence[Sequence[int] | None]
Numbers = NDArray[Any]  # floats or Fractions
States = int | str | Sequence[int | str] | None
_FEWEST = 2  # number of players who may leave from which on leaving together is an equilibrium


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanConstraint(Shown):
    """One player's incentive constraint of a plan in one state, and its slack.

    Attributes
    ----------
    player : int
    state : int
    kind : str
        ``"deviate"`` to another action once, ``"leave"`` although the plan continues, or ``"stay"`` although the
        others leave.
    action : int or None
        The other action.
    slack : float
        Her loss from the deviation, as an average payoff; negative if she gains, minus infinity if it may lead to
        a state without an equilibrium.
    punishment : bool
        Whether the constraint is one of the given punishment rather than of the plan.
    """

    player: int
    state: int
    kind: Literal["deviate", "leave", "stay"]
    action: int | None
    slack: float
    punishment: bool


class _Replies(NamedTuple):
    """One player's other actions in a state: their current payoffs and the probabilities of the next state."""

    actions: list[int]
    now: Numbers
    moves: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A profile for each state, or None where the players part, checked in the states that matter.

    All numbers are floats, or all are Fractions, `exact`; then so are the slacks of constraints.
    """

    game: StochasticGame
    profiles: list[tuple[int, ...] | None]
    now: Numbers  # (S, n): the stage payoffs, or those of parting
    moves: Numbers  # (S, S): zero in a row where the players part
    replies: list[dict[int, _Replies]]
    checked: list[int]
    punishment: bool
    exact: bool

    @classmethod
    def of(
        cls,
        game: StochasticGame,
        profiles: Profiles,
        name: str,
        start: Sequence[int] | None = None,
        *,
        exact: bool = False,
    ) -> Plan:
        """Read the profiles of a plan, or of a punishment."""
        given = _profiles(game, profiles, name)
        now, moves = (
            np.zeros((len(game), size), object if exact else float) for size in (game.players, len(game))
        )
        replies: list[dict[int, _Replies]] = []
        for s, profile in enumerate(given):
            others = {}
            if profile is None:
                now[s] = _parting(game, s, name, exact=exact)
            else:
                payoffs = game.games[s].exact if exact else game.games[s].payoffs
                law = game.exact_transition(s) if exact else game.transition(s)
                now[s], moves[s] = payoffs[profile], law[profile]
                others = {i: _others(payoffs, law, profile, i) for i in range(game.players)}
            replies.append(others)
        checked = _reached(moves > 0, range(len(game)) if start is None else start)
        return cls(game, given, now, moves, replies, checked, name == "punishment", exact)

    def values(self, discounts: Numbers) -> Numbers:
        """Return the average payoffs from each state on, shape (S, n), at a discount factor."""
        parted = np.array([[profile is None] for profile in self.profiles])
        worth = np.where(parted, 1, 1 - discounts) * self.now
        matrix = np.eye(len(self.game), dtype=int) - discounts[:, None, None] * self.moves
        if self.exact:
            return np.array([solve(*system) for system in zip(matrix, worth.T, strict=True)]).T
        return np.asarray(np.linalg.solve(matrix, worth.T[:, :, None])[:, :, 0].T)

    def constraints(self, discounts: Numbers, threats: Numbers) -> Iterator[PlanConstraint]:
        """Yield the constraints in the states that the plan visits, with `threats[s, i]` after deviations."""
        values = self.values(discounts)
        for s in self.checked:
            leave = self.game.exits[s]
            who = () if leave is None else leave.who
            table: Any = leave and (leave.exact if self.exact else leave.payoffs)
            for i in who:
                if self.profiles[s] is None:
                    rest = table[[k for k in who if k != i], i].mean()
                    yield self._constraint(i, s, "stay", None, self.now[s, i] - rest)
                else:
                    yield self._constraint(i, s, "leave", None, values[s, i] - table[i, i])
            for i, other in self.replies[s].items():
                worth = _worth(other, discounts.item(i), threats[:, i])
                for action, slack in zip(other.actions, values[s, i] - worth, strict=True):
                    yield self._constraint(i, s, "deviate", action, slack)

    def _constraint(
        self, player: int, state: int, kind: Any, action: int | None, slack: Any
    ) -> PlanConstraint:
        return PlanConstraint(
            player=player,
            state=state,
            kind=kind,
            action=action,
            slack=slack if self.exact else float(slack),
            punishment=self.punishment,
        )


def states_named(game: StochasticGame, given: States, name: str) -> list[int] | None:
    """Return the numbers of states given by number or name, one or several; None for None."""
    if given is None:
        return None
    several = (
        [given] if isinstance(given, int | str | np.integer) else listed(given, name, "a list of states")
    )
    if not several:
        raise InvalidInput(f"`{name}` must name at least one state; for all of them pass None.")
    return [_state_number(game, state, name) for state in several]


def _state_number(game: StochasticGame, state: int | str, name: str) -> int:
    number = game.states.index(state) if isinstance(state, str) and state in game.states else state
    if (
        isinstance(number, bool | str)
        or not isinstance(number, int | np.integer)
        or not 0 <= number < len(game)
    ):
        raise InvalidInput(
            f"`{name}` must name states of the game, {', '.join(game.states)}, or their numbers; got {state!r}."
        )
    return int(number)


def reverted_to(game: StochasticGame, punishment: Literal["optimal"] | Profiles) -> Plan | None:
    """Return the plan of punishments, None for optimal punishments."""
    if isinstance(punishment, str):
        if punishment != "optimal":
            raise InvalidInput(
                f'`punishment` must be "optimal" or one profile a state, an equilibrium; got {punishment!r}.'
            )
        return None
    return Plan.of(game, punishment, "punishment")


def asked(
    game: StochasticGame, plan: Profiles, start: States, punishment: Any, tolerance: float, one_state: str
) -> tuple[Plan, Plan | None, float]:
    """Return the checked plan, plan of punishments and tolerance; see `plan_thresholds`."""
    if not isinstance(game, StochasticGame):
        raise InvalidInput(
            f"`game` must be a StochasticGame; got {type(game).__name__}. For a repeated game use `{one_state}`."
        )
    width = scalar(tolerance, "tolerance")
    if not width > 0:
        raise InvalidInput(f"`tolerance` must be positive; got {width:g}.")
    return (
        Plan.of(game, plan, "plan", states_named(game, start, "start")),
        reverted_to(game, punishment),
        width,
    )


def lowest_payoffs(game: StochasticGame) -> tuple[Floats, bool]:
    """Return the lowest equilibrium payoffs and whether they are accurate; those of inaccurate sets are too low."""
    from bargaining.equilibria.stochastic.payoff_sets import stochastic_payoff_sets

    if game.players != 2:
        raise NotApplicable(
            f"Optimal punishments need the payoff sets, which are for two players; the game has {game.players}. "
            "Give a stationary equilibrium as `punishment`."
        )
    found = stochastic_payoff_sets(game)
    return found.threats, all(some.status is not Status.INACCURATE for some in found.sets)


def _profiles(game: StochasticGame, profiles: Profiles, name: str) -> list[tuple[int, ...] | None]:
    if not is_sequence(profiles) or len(profiles) != len(game):
        raise InvalidInput(
            f"`{name}` must hold one profile a state ({len(game)}), None where the players part; got {profiles!r}."
        )
    return [
        None if profile is None else game.games[s].profile(profile, f"{name}[{s}]")
        for s, profile in enumerate(profiles)
    ]


def _parting(game: StochasticGame, s: int, name: str, *, exact: bool) -> Numbers:
    """Return the payoffs if everybody who may leave does."""
    leave = game.exits[s]
    if leave is None or len(leave.who) < _FEWEST:
        raise NotApplicable(
            f"`{name}` parts in state {game.states[s]}, where fewer than two players may leave: whether one leaves "
            "depends on what staying would bring. Name a profile there."
        )
    return np.asarray((leave.exact if exact else leave.payoffs)[list(leave.who)].mean(axis=0))


def _others(payoffs: Numbers, law: Numbers, profile: tuple[int, ...], i: int) -> _Replies:
    actions = [action for action in range(law.shape[i]) if action != profile[i]]
    row: Any = (*profile[:i], actions, *profile[i + 1 :])
    return _Replies(actions, payoffs[row][:, i], law[row])


def _worth(other: _Replies, discount: Any, threats: Numbers) -> Numbers:
    """Return a player's payoff of each reply; infinity where a state without an equilibrium may follow."""
    none = np.isnan(threats.astype(float))
    worth = (1 - discount) * other.now + discount * (other.moves @ np.where(none, 0.0, threats))
    return np.where((other.moves[:, none] > 0).any(axis=1), np.inf, worth)


def _reached(follows: NDArray[np.bool_], start: Sequence[int]) -> list[int]:
    """Return the states that play may visit."""
    found = set(start)
    new = set(found)
    while new:
        new = {t for s in new for t in np.flatnonzero(follows[s]).tolist()} - found
        found |= new
    return sorted(found)


def _scale(game: StochasticGame) -> Floats:
    rows = [stage.payoffs.reshape(-1, game.players) for stage in game.games]
    rows += [leave.payoffs[list(leave.who)] for leave in game.exits if leave is not None]
    spread = np.ptp(np.concatenate(rows), axis=0)
    return np.where(spread > 0, spread, 1.0)


_SLACK = 1e-11  # of the payoff range: values and threats are floats


class Look(NamedTuple):
    """The result for one number: the tightest constraint, its slack over the range, and whether it is accurate."""

    at: float
    constraint: PlanConstraint | None
    slack: float
    accurate: bool

    @classmethod
    def of(
        cls, at: float, plans: Iterable[Plan], discounts: Floats, threats: Floats, *, accurate: bool
    ) -> Look:
        """Evaluate the constraints of plans; clear violations are decisive even if threats are too low."""
        scale = _scale(next(iter(plans)).game)
        every = (constraint for plan in plans for constraint in plan.constraints(discounts, threats))
        shares = ((constraint.slack / scale.item(constraint.player), constraint) for constraint in every)
        slack, tightest = min(shares, key=lambda share: share[0], default=(inf, None))
        return cls(at, tightest, slack, accurate or slack < -_SLACK)

    @property
    def holds(self) -> bool:
        """Whether the plan is sustained."""
        return self.accurate and self.slack >= -_SLACK


class Scan(NamedTuple):
    """Results by increasing number, and for each change a neighbouring pair of which one fails and one holds."""

    looked: list[Look]
    changes: list[tuple[Look, Look]]

    @property
    def residual(self) -> float:
        """The largest violation at the last numbers that hold, as a share of the payoff range."""
        return max([0.0, *(-holds.slack for _, holds in self.changes)])

    @property
    def status(self) -> Status:
        """OK if all results are accurate and some hold."""
        if not all(one.accurate for one in [*self.looked, *(fails for fails, _ in self.changes)]):
            return Status.INACCURATE
        return Status.OK if any(one.holds for one in self.looked) else Status.EMPTY


def scan(look: Callable[[float], Look], grid: Iterable[float], width: float) -> Scan:
    """Evaluate a grid and bisect between neighbours that differ."""
    looked = [look(at) for at in grid]
    return Scan(
        looked,
        [_halve(look, *sides, width) for sides in pairwise(looked) if sides[0].holds != sides[1].holds],
    )


def _halve(look: Callable[[float], Look], low: Look, high: Look, width: float) -> tuple[Look, Look]:
    """Return neighbours of which the first does not sustain the plan and the second does."""
    fails, holds = (low, high) if high.holds else (high, low)
    while abs(holds.at - fails.at) > width:
        middle = (holds.at + fails.at) / 2
        if middle in (holds.at, fails.at):
            break
        new = look(middle)
        fails, holds = (fails, new) if new.holds else (new, holds)
    return fails, holds


class Reason(NamedTuple):
    """A constraint whose slack is `level + slope * x`."""

    constraint: PlanConstraint
    level: Fraction
    slope: Fraction

    @property
    def root(self) -> Fraction:
        """The x at which the constraint begins to hold, or to fail."""
        return -self.level / self.slope


@dataclass(frozen=True, slots=True)
class Varied:
    """A game in some of whose states leaving, by anybody, gives one player x."""

    game: StochasticGame
    player: int
    states: frozenset[int]

    def paying(self, x: float | Fraction) -> StochasticGame:
        """Return the game in which leaving gives her this."""
        exits = list(self.game.exits)
        for s in self.states:
            leave = exits[s]
            assert leave is not None
            table = (leave.exact if isinstance(x, Fraction) else leave.payoffs).copy()
            table[:, self.player] = x
            exits[s] = fill(copy(leave), payoffs=table.astype(float), _given=table)
        return fill(copy(self.game), exits=tuple(exits))

    def reasons(self, plan: Plan, reversion: Plan) -> list[Reason]:
        """Return the constraints of a plan, and of the punishment after deviations, in the states that they visit."""
        at_0, at_1 = (_slacks(self.paying(Fraction(x)), plan, reversion) for x in (0, 1))
        return [
            Reason(c, Fraction(c.slack), Fraction(d.slack) - Fraction(c.slack))
            for c, d in zip(at_0, at_1, strict=True)
        ]


def _slacks(game: StochasticGame, *plans: Plan) -> list[PlanConstraint]:
    """Return the constraints of a plan and of the punishment after it, player by player, with exact slacks."""
    discounts, names = game.exact_discounts, ("plan", "punishment")
    exact = [
        Plan.of(game, plan.profiles, name, plan.checked, exact=True)
        for plan, name in zip(plans, names, strict=True)
    ]
    threats = exact[1].values(discounts)
    return [
        constraint
        for plan in exact
        for constraint in sorted(plan.constraints(discounts, threats), key=lambda c: (c.player, c.state))
    ]


def _whoever_leaves(game: StochasticGame) -> bool:
    """Whether all may leave everywhere, two at least, for payoffs that do not depend on who does."""
    return game.players >= _FEWEST and all(
        leave is not None and len(leave.who) == game.players and (leave.exact == leave.exact[0]).all()
        for leave in game.exits
    )


_GRID = (*(k / 64 for k in range(64)), *(1 - 2.0**-k for k in range(7, 10)))


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanThresholds(Result):
    r"""The discount factors at which a plan is an equilibrium path.

    Attributes
    ----------
    discount : float
        The lowest discount factor from which on the plan is sustained, up to the end of the grid; infinite if it is
        not sustained there.
    intervals : ndarray of shape (k, 2)
        All discount factors that sustain the plan, found on a grid, with ends found by bisection. An interval that
        reaches the end of the grid is given as ending in 1. An interval shorter than a step of the grid may be missing.
    bracket : tuple of two floats
        The plan is not sustained at the first and is at the second: around `discount`, or if that is infinite
        around the end of the last interval. Both are 0 if every discount factor sustains the plan, infinite if
        none does.
    binding : PlanConstraint or None
        The constraint that fails first: the tightest at the first of `bracket`, or at the end of the grid if no
        discount factor sustains the plan; None if all do.
    residual : float
        The largest violation of a constraint at the ends of the intervals, as a share of the player's payoff range.
    status : Status
        OK; EMPTY if no discount factor tried sustains the plan; INACCURATE if payoff sets were not accurate at some
        discount factors, which then count as not sustaining it.
    """

    discount: float
    intervals: Floats
    bracket: tuple[float, float]
    binding: PlanConstraint | None
    residual: float
    status: Status

    @property
    def sustainable(self) -> bool:
        """Whether any discount factor tried sustains the plan."""
        return len(self.intervals) > 0


@suggesting
def plan_thresholds(
    game: StochasticGame,
    plan: Profiles,
    *,
    start: States = None,
    punishment: Literal["optimal"] | Profiles = "optimal",
    tolerance: float = 1e-10,
) -> PlanThresholds:
    r"""Return the discount factors, common to the players, at which a stationary plan is an equilibrium path.

    The plan plays the profile :math:`a_s` whenever the state is s. Its payoffs from there on are

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
        The actions, one per player; None where all who may leave do; there must be at least two of them.
    start : int, str or sequence of them, optional
        The states in which play may start, by number or name; all by default. States that the plan never reaches
        from there are ignored.
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
        If `punishment` is "optimal" and there are not two players, or a plan parts where fewer than two may
        leave.

    Notes
    -----
    Neither the slack of a constraint nor the payoff sets need be monotone in patience: more patience makes deviations
    more costly, but it also gives more weight to later states, in which a player may be worse off or others tempted. So
    all of k/64 and then 1 - 2^-7, 1 - 2^-8 and 1 - 2^-9 are tried, and each change between neighbours is located by
    bisection. A constraint violated by less than 1e-11 of the player's payoff range counts as satisfied. Nothing is
    claimed beyond the end of the grid, though an interval that reaches it is given as ending in 1.

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

    >>> from bargaining import Exit, Game, StochasticGame, plan_thresholds
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


_POINTS = 64  # steps of the grid, over twice the range of her payoffs


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanExitThresholds(Result):
    r"""The payoffs of leaving for one player at which a plan is an equilibrium path.

    Attributes
    ----------
    payoff : float
        The largest payoff that sustains the plan. Infinite if every higher payoff does, minus infinity if no payoff
        sustains the plan.
    exact : Fraction or None
        The same number exactly; None if it is infinite or was found by bisection.
    intervals : ndarray of shape (k, 2)
        All payoffs that sustain the plan, ends included. If `proved` is false they were searched for on a grid: an
        interval shorter than a step may be missing, and one that reaches the end of the grid is given as infinite.
    bracket : tuple of two floats
        The plan is sustained at the first and is not at the second: around `payoff`, or both equal to it.
    binding : PlanConstraint or None
        The constraint that fails first above `payoff`, or one that fails if no payoff sustains the plan; None if none
        fails. Its slack is that at the second of `bracket`, or 0 at an exact threshold.
    residual : float
        The largest violation of a constraint at the ends of the intervals, as a share of the player's payoff range.
    proved : bool
        Whether the intervals are proved in exact arithmetic.
    status : Status
        OK; EMPTY if no payoff tried sustains the plan; INACCURATE if payoff sets were not accurate at some payoffs,
        which then count as not sustaining it.
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


@suggesting
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
    r"""Return the payoffs of leaving for one player at which a stationary plan is an equilibrium path.

    The plan plays :math:`a_s` whenever the state is s. In some states leaving, by anybody, gives player i an amount x,
    the same in all of them; everything else is as in the game. The plan is an equilibrium path if in
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
        The actions, one per player; None where all who may leave do; there must be at least two of them.
    player : int
        The player whose payoff of leaving is varied.
    states : int, str or sequence of them, optional
        The states in which it is varied, by number or name; by default all in which somebody may leave.
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
        If `punishment` is "optimal" and there are not two players, unless all may leave everywhere; or if a plan
        parts where fewer than two may leave.

    Notes
    -----
    If the punishment is a plan, each constraint is affine in x and the answer is one interval, exact
    (:numref:`plan-exit-interval`). The same holds with optimal punishments if all may leave in every state, for payoffs
    that do not depend on who leaves: parting at once is then an equilibrium, and :math:`P_j(s) = o_j(s)` exactly.

    Otherwise :math:`P_j` comes from the payoff sets, and nothing need be monotone: a better option may be needed to
    make the threat to leave credible, or to make parting worth waiting for. 65 values of x are tried, from half her
    payoff range below her lowest payoff to half above her highest, and each change between neighbours is located by
    bisection. A constraint violated by less than 1e-11 of the player's payoff range counts as satisfied.

    In one state in which all may leave the answers are those of `critical_exit`.

    References
    ----------
    Abreu, D. (1988). On the theory of infinitely repeated games with discounting. *Econometrica* 56(2), 383-396.
    doi:10.2307/1911077

    Examples
    --------
    The state does not matter, as in a repeated game, and leaving breaks cooperation where it pays more than 5:

    >>> from fractions import Fraction
    >>> from bargaining import Exit, Game, StochasticGame, plan_exit_thresholds
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
    if reversion is None and _whoever_leaves(varied.paying(Fraction(0))):
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
    reasons = varied.reasons(plan, reversion)
    falling = [reason for reason in reasons if reason.slope < 0]
    low = max((r.root for r in reasons if r.slope > 0), default=None)
    high = min((r.root for r in falling), default=None)
    broken = [reason for reason in reasons if not reason.slope and reason.level < 0]
    if broken or (low is not None and high is not None and low > high):
        worst = min(broken or falling, key=lambda r: r.level if broken else r.root)
        return _exact_answer(None, None, worst, empty=True)
    return _exact_answer(low, high, min(falling, key=lambda r: r.root, default=None))


def _exact_answer(
    low: Fraction | None, high: Fraction | None, binding: Reason | None, *, empty: bool = False
) -> PlanExitThresholds:
    payoff = -inf if empty else inf if high is None else float(high)
    constraint = None
    if binding is not None:
        slack = 0.0 if binding.slope else float(binding.level)
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
    """Evaluate a grid and bisect between neighbours that differ."""
    low, size = _range(varied)
    grid = low + size * (np.arange(_POINTS + 1) * (2.0 / _POINTS) - 0.5)
    found = scan(lambda payoff: _look_at_exit(varied, plan, payoff), grid.tolist(), width * size)
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


def _look_at_exit(varied: Varied, plan: Plan, payoff: float) -> Look:
    game = varied.paying(payoff)
    threats, accurate = lowest_payoffs(game)
    other = Plan.of(game, plan.profiles, "plan", plan.checked)
    return Look.of(payoff, (other,), game.discounts, threats, accurate=accurate)
