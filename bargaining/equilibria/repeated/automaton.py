"""Strategies of repeated games as automata: actions, transitions, and punishments of deviations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats, owning
from bargaining._rich import Shown
from bargaining.equilibria._plane.lottery import Lottery, Pair
from bargaining.equilibria._plane.machine import Machine, NodeValues, Profile, amounts, spell
from bargaining.equilibria.node import Node
from bargaining.games.repeated import RepeatedGame
from bargaining.games.stochastic import StochasticGame


@owning
@dataclass(frozen=True, slots=True, kw_only=True)
class State(Shown):
    """A state of an automaton: the actions played, and the states that follow.

    Attributes
    ----------
    profile : tuple of int, or None
        The actions; None if somebody leaves.
    leavers : tuple of int
        Who leaves; nobody if a profile is played.
    following : tuple of (int, Fraction)
        The lottery, drawn by the next public signal, over the states that follow unless a single player deviates.
    punishment : tuple of int
        For each player, the state that follows when she alone deviates.
    stayed : int or None
        The state that is played if the player who should have left stayed.
    challenged : bool
        Whether this state is reached in that way: this period's decisions to leave have already been made.
    payoffs : pair of Fraction
        Average payoffs from this state on.
    """

    profile: tuple[int, int] | None
    leavers: tuple[int, ...] = ()
    following: Lottery = ()
    punishment: tuple[int, int] | tuple[()] = ()
    stayed: int | None = None
    challenged: bool = False
    payoffs: Pair


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class History(Shown):
    """A simulated history.

    Attributes
    ----------
    states : ndarray of int, shape (periods,)
        The state of each period.
    profiles : ndarray of int, shape (periods, 2)
        The actions; -1 once somebody has left.
    payoffs : ndarray of shape (periods, 2)
        The stage payoffs, or the payoffs per period after leaving.
    player_names : tuple of str
        The names of the players, or their numbers.
    """

    states: NDArray[np.intp]
    profiles: NDArray[np.intp]
    payoffs: Floats
    player_names: tuple[str, ...]
    _by_player: ClassVar = ("profiles", "payoffs")


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Automaton(Machine[History]):
    """A profile of pure strategies with public randomisation, in rationals.

    In every period the public signal draws a state, from `start` in the first period; the state says what is
    played. A player who deviates alone is punished: the next state is the one named for her, with certainty. If both
    deviate at once, play continues as if nobody had. `print` shows the table.

    Attributes
    ----------
    repeated : RepeatedGame
        The game.
    states : tuple of State
        The states.
    start : tuple of (int, Fraction)
        The lottery over states in the first period.
    """

    repeated: RepeatedGame
    states: tuple[State, ...]

    @classmethod
    def of(cls, repeated: RepeatedGame, nodes: Sequence[Node], start: Lottery) -> Automaton:
        """Return the automaton whose states are the nodes of one of the stochastic game of one state."""
        states = (
            State(
                profile=node.profile,
                leavers=node.leavers,
                following=node.following.get(0, ()),
                punishment=tuple(each.get(0, k) for each in node.punishment),  # type: ignore[arg-type]
                stayed=node.stayed,
                challenged=node.challenged,
                payoffs=node.payoffs,
            )
            for k, node in enumerate(nodes)
        )
        return cls(repeated=repeated, states=tuple(states), start=start)

    @property
    def player_names(self) -> tuple[str, ...]:
        """The names of the players, or their numbers."""
        return self.repeated.player_names

    def _table(self) -> list[Sequence[str]]:
        one, other = self.player_names
        rows: list[Sequence[str]] = [
            ("state", "play", "payoffs", "next", f"if {one} deviates", f"if {other} deviates")
        ]
        for k, state in enumerate(self.states):
            after = [str(n) for n in state.punishment] or ["", ""]
            play = self._play(self.repeated.game, state)
            rows.append((str(k), play, amounts(state.payoffs), spell(state.following), *after))
        return rows

    def _worth(self) -> NodeValues:
        """Return the states as nodes of the stochastic game of one state, and their payoffs."""
        nodes = [
            Node(
                state=0,
                profile=state.profile,
                leavers=state.leavers,
                following={0: state.following} if state.following else {},
                punishment=({0: state.punishment[0]}, {0: state.punishment[1]}) if state.punishment else (),
                stayed=state.stayed,
                challenged=state.challenged,
                payoffs=state.payoffs,
            )
            for state in self.states
        ]
        return NodeValues(StochasticGame.from_repeated(self.repeated), nodes)

    def _history(self, visited: list[int], played: list[Profile], seen: list[int]) -> History:
        return History(
            states=np.array(visited),
            profiles=np.array(played),
            payoffs=self._flows(visited, played),
            player_names=self.player_names,
        )

    def _drawn(self) -> list[tuple[str, Pair]]:
        return [(self._play(self.repeated.game, state), state.payoffs) for state in self.states]
