"""A plan of one profile a state, what it is worth, and what each player could do instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import is_sequence, listed
from bargaining._arrays import Floats
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
