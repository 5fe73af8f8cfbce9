r"""A plan of one profile a state: what it is worth, what each player could do instead, and where it is kept to.

A `Scan` looks at discount factors, or payoffs of leaving, in floats. What leaving may pay one player is also found in
rationals: let leaving pay her x in some states. A plan is worth an amount affine in x, as the states in which the
players part are; so is what a deviation gets her if a plan punishes it. Every constraint then reads
:math:`a + b x \ge 0`, and those of the other players do not depend on x.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import inf
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import is_sequence, listed
from bargaining._arrays import Floats, scalar
from bargaining._rational import Rationals, solve
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.games.stochastic import StochasticGame

Profiles = Sequence[Sequence[int] | None]
States = int | str | Sequence[int | str] | None
_FEWEST = 2  # players who must be able to leave for leaving together to be an equilibrium


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanConstraint:
    """One player's reason to keep to a plan in one state, and by how much it holds.

    Attributes
    ----------
    player : int
    state : int
    kind : str
        ``"deviate"`` to another action once, ``"leave"`` although the plan goes on, or ``"stay"`` although the
        others leave.
    action : int or None
        The other action.
    slack : float
        What she loses by it, as an average payoff; negative if she gains, minus infinity if it may lead to
        a state without an equilibrium.
    punishment : bool
        Whether it is the given punishment that the player would not go along with.
    """

    player: int
    state: int
    kind: Literal["deviate", "leave", "stay"]
    action: int | None
    slack: float
    punishment: bool


class _Replies(NamedTuple):
    """One player's other actions in a state: what they pay now and the probabilities of the next state."""

    actions: list[int]
    now: Floats
    moves: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A profile for each state, or None where the players part, checked in the states that matter."""

    game: StochasticGame
    profiles: list[tuple[int, ...] | None]
    now: Floats  # (S, n): the stage payoffs, or those of parting
    moves: Floats  # (S, S): zero in a row where the players part
    parted: NDArray[np.bool_]
    replies: list[dict[int, _Replies]]
    scale: Floats  # (n,): the range of the payoffs of each player
    checked: list[int]
    punishment: bool

    @classmethod
    def of(
        cls, game: StochasticGame, profiles: Profiles, name: str, start: Sequence[int] | None = None
    ) -> Plan:
        given = _profiles(game, profiles, name)
        now, moves = np.zeros((len(game), game.players)), np.zeros((len(game), len(game)))
        replies: list[dict[int, _Replies]] = []
        for s, profile in enumerate(given):
            if profile is None:
                now[s], others = _parting(game, s, name), {}
            else:
                now[s], moves[s] = game.games[s].payoffs[profile], game.transition(s)[profile]
                others = {i: _others(game, s, profile, i) for i in range(game.players)}
            replies.append(others)
        checked = _reached(moves > 0, range(len(game)) if start is None else start)
        parted = np.array([profile is None for profile in given])
        return cls(game, given, now, moves, parted, replies, _scale(game), checked, name == "punishment")

    def values(self, discounts: Floats) -> Floats:
        """Return the average payoffs from each state on, shape (S, n), to players of this patience."""
        weight = np.where(self.parted[:, None], 1.0, 1.0 - discounts)
        matrix = np.eye(len(self.game)) - discounts[:, None, None] * self.moves
        return np.asarray(np.linalg.solve(matrix, (weight * self.now).T[:, :, None])[:, :, 0].T)

    def tightest(self, discounts: Floats, threats: Floats) -> PlanConstraint | None:
        """Return the constraint with the least slack for the player's range, None if nobody has a choice."""
        return min(
            self._constraints(discounts, threats), key=lambda c: c.slack / self.scale[c.player], default=None
        )

    def _constraints(self, discounts: Floats, threats: Floats) -> Iterator[PlanConstraint]:
        values, own = self.values(discounts), self.game.exit_own
        for s in self.checked:
            for i in range(self.game.players):
                yield from self._staying(s, i) if self.parted[s] else self._leaving(s, i, values, own)
            for i, other in self.replies[s].items():
                worth = _worth(other, discounts.item(i), threats[:, i])
                for action, slack in zip(other.actions, (values[s, i] - worth).tolist(), strict=True):
                    yield self.constraint(i, s, "deviate", action, slack)

    def _leaving(self, s: int, i: int, values: Floats, own: Floats) -> Iterator[PlanConstraint]:
        if own[s, i] > -np.inf:
            yield self.constraint(i, s, "leave", None, float(values[s, i] - own[s, i]))

    def _staying(self, s: int, i: int) -> Iterator[PlanConstraint]:
        leave = self.game.exits[s]
        assert leave is not None
        if i in leave.who:
            rest = leave.payoffs[[k for k in leave.who if k != i], i].mean()
            yield self.constraint(i, s, "stay", None, float(self.now[s, i] - rest))

    def constraint(
        self, player: int, state: int, kind: Any, action: int | None, slack: float
    ) -> PlanConstraint:
        """Return a constraint of this plan."""
        return PlanConstraint(
            player=player, state=state, kind=kind, action=action, slack=slack, punishment=self.punishment
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
    """Return the plan that punishes, None for optimal punishments."""
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
    """Return the plan, the plan that punishes and the tolerance of a question, checked; see `plan_thresholds`."""
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


def _parting(game: StochasticGame, s: int, name: str) -> Floats:
    """Return what all get if everybody who may leave does."""
    leave = game.exits[s]
    if leave is None or len(leave.who) < _FEWEST:
        raise NotApplicable(
            f"`{name}` parts in state {game.states[s]}, where fewer than two players may leave: whether one leaves "
            "depends on what staying would bring. Name a profile there."
        )
    return np.asarray(leave.payoffs[list(leave.who)].mean(axis=0), dtype=np.float64)


def _others(game: StochasticGame, s: int, profile: tuple[int, ...], i: int) -> _Replies:
    actions = [action for action in range(game.shape(s)[i]) if action != profile[i]]
    row: Any = (*profile[:i], actions, *profile[i + 1 :])
    return _Replies(actions, game.games[s].payoffs[row][:, i], game.transition(s)[row])


def _worth(other: _Replies, discount: float, threats: Floats) -> Floats:
    """Return what a player gets by each reply; infinity where a state without an equilibrium may follow."""
    none = np.isnan(threats)
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
    """A number that was looked at: the tightest constraint, its slack over the range, and whether it is accurate."""

    at: float
    constraint: PlanConstraint | None
    slack: float
    accurate: bool

    @classmethod
    def of(
        cls, at: float, plans: Iterable[Plan], discounts: Floats, threats: Floats, *, accurate: bool
    ) -> Look:
        """Look at the constraints of plans; what is clearly violated is so also where threats are too low."""
        found = [plan.tightest(discounts, threats) for plan in plans]
        scale = next(iter(plans)).scale
        shares = [(inf if c is None else c.slack / scale.item(c.player), c) for c in found]
        slack, constraint = min(shares, key=lambda share: share[0])
        return cls(at, constraint, slack, accurate or slack < -_SLACK)

    @property
    def holds(self) -> bool:
        """Whether the plan is kept to."""
        return self.accurate and self.slack >= -_SLACK


class Scan(NamedTuple):
    """Looks in increasing order, and for each change between neighbours a look that fails and one that holds."""

    looked: list[Look]
    changes: list[tuple[Look, Look]]

    @property
    def residual(self) -> float:
        """The worst violation at the last looks that hold, as a share of the payoff range."""
        return max([0.0, *(-holds.slack for _, holds in self.changes)])

    @property
    def status(self) -> Status:
        """Whether all looks are accurate and any of them holds."""
        if not all(one.accurate for one in [*self.looked, *(fails for fails, _ in self.changes)]):
            return Status.INACCURATE
        return Status.OK if any(one.holds for one in self.looked) else Status.EMPTY


def scan(look: Callable[[float], Look], grid: Iterable[float], width: float) -> Scan:
    """Look at a grid and halve between neighbours that differ."""
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


class Line(NamedTuple):
    """The number `level + slope * x`."""

    level: Fraction
    slope: Fraction = Fraction(0)

    def less(self, other: Line, share: Fraction = Fraction(1)) -> Line:
        """Return this minus a multiple of the other."""
        return Line(self.level - share * other.level, self.slope - share * other.slope)


class Reason(NamedTuple):
    """A constraint and its slack."""

    constraint: PlanConstraint
    slack: Line


@dataclass(frozen=True, slots=True)
class Varied:
    """A game in some of whose states leaving, by anybody, pays one player x."""

    game: StochasticGame
    player: int
    states: frozenset[int]

    def leaving(self, s: int, leaver: int, i: int) -> Line:
        """Return what player i gets if one player leaves."""
        leave = self.game.exits[s]
        assert leave is not None
        if i == self.player and s in self.states:
            return Line(Fraction(0), Fraction(1))
        return Line(leave.exact[leaver, i])

    def left(self, s: int, i: int, leavers: list[int]) -> Line:
        """Return what player i gets if each of several players is equally likely to be the one who leaves."""
        lines = [self.leaving(s, k, i) for k in leavers]
        return Line(
            sum((line.level for line in lines), Fraction(0)) / len(lines),
            sum((line.slope for line in lines), Fraction(0)) / len(lines),
        )

    def whoever_leaves(self) -> bool:
        """Whether all may leave everywhere, two at least, for payoffs that do not depend on who does."""
        players = range(self.game.players)
        return len(players) > 1 and all(
            leave is not None
            and len(leave.who) == len(players)
            and all(len({self.leaving(s, k, i) for k in players}) == 1 for i in players)
            for s, leave in enumerate(self.game.exits)
        )

    def values(self, plan: Plan, i: int) -> list[Line]:
        """Return what a plan is worth to player i from each state on."""
        count, delta = len(self.game), self.game.exact_discounts[i]
        matrix, level, slope = _zeros(count, count), _zeros(count), _zeros(count)
        for s, profile in enumerate(plan.profiles):
            if profile is None:
                level[s], slope[s] = self.left(s, i, self._leavers(s))
            else:
                level[s] = (1 - delta) * self.game.games[s].exact[profile][i]
                matrix[s] = -delta * self.game.exact_transition(s)[profile]
            matrix[s, s] += 1
        levels, slopes = solve(matrix, level), solve(matrix, slope)
        assert levels is not None
        assert slopes is not None
        return [Line(a, b) for a, b in zip(levels, slopes, strict=True)]

    def reasons(self, plan: Plan, threats: list[list[Line]]) -> Iterator[Reason]:
        """Return the constraints of a plan in the states that matter, `threats[i][s]` following deviations."""
        for i in range(self.game.players):
            values = self.values(plan, i)
            for s in plan.checked:
                if plan.profiles[s] is None:
                    yield from self._staying(plan, s, i)
                else:
                    yield from self._leaving(plan, s, i, values[s])
                    yield from self._deviating(plan, s, i, values[s], threats[i])

    def _leavers(self, s: int) -> list[int]:
        leave = self.game.exits[s]
        return [] if leave is None else list(leave.who)

    def _staying(self, plan: Plan, s: int, i: int) -> Iterator[Reason]:
        leavers = self._leavers(s)
        if i in leavers:
            rest = self.left(s, i, [k for k in leavers if k != i])
            slack = self.left(s, i, leavers).less(rest)
            yield Reason(plan.constraint(i, s, "stay", None, 0.0), slack)

    def _leaving(self, plan: Plan, s: int, i: int, value: Line) -> Iterator[Reason]:
        if i in self._leavers(s):
            yield Reason(plan.constraint(i, s, "leave", None, 0.0), value.less(self.leaving(s, i, i)))

    def _deviating(self, plan: Plan, s: int, i: int, value: Line, threats: list[Line]) -> Iterator[Reason]:
        profile, delta = plan.profiles[s], self.game.exact_discounts[i]
        assert profile is not None
        payoffs, law = self.game.games[s].exact, self.game.exact_transition(s)
        for action in range(self.game.shape(s)[i]):
            other = (*profile[:i], action, *profile[i + 1 :])
            if action == profile[i]:
                continue
            slack = value.less(Line((1 - delta) * payoffs[other][i]))
            for p, threat in zip(law[other], threats, strict=True):
                slack = slack.less(threat, delta * p)
            yield Reason(plan.constraint(i, s, "deviate", action, 0.0), slack)


def _zeros(*shape: int) -> Rationals:
    return np.full(shape, Fraction(0), dtype=object)
