"""Strategies of stochastic games as automata: actions in each state, transitions, and punishments of deviations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import owning
from bargaining.equilibria._plane.lottery import Pair
from bargaining.equilibria._plane.machine import Machine, NodeValues, Profile, amounts, spell
from bargaining.equilibria.node import Node as Node
from bargaining.equilibria.repeated.automaton import History
from bargaining.games.stochastic import StochasticGame


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StateHistory(History):
    """A simulated history of a stochastic game; `states` are those of the game, constant once somebody has left.

    Attributes
    ----------
    nodes : ndarray of int, shape (periods,)
        The node of the automaton.
    states, profiles, payoffs
        As for `History`.
    """

    nodes: NDArray[np.intp]


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StochasticAutomaton(Machine[StateHistory]):
    """A profile of pure strategies of a stochastic game with public randomisation, in rationals.

    Each node belongs to a state of the game. When the next state is known, the public signal draws a node of that
    state; the node says what is played. A player who deviates alone is punished: for every next state there is one
    node for her, reached with certainty. `print` shows the table.

    Attributes
    ----------
    game : StochasticGame
        The game.
    nodes : tuple of Node
        The nodes.
    start : tuple of (int, Fraction)
        The lottery over nodes in the first period, all of them of one state.

    Examples
    --------
    >>> from bargaining import Exit, Game, StochasticGame, stochastic_payoff_sets
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]], actions=["CD", "CD"])
    >>> exits = Exit([[1, 1], [8, 3]])
    >>> game = StochasticGame.from_chain(
    ...     prisoners, [[0.5, 0.5], [0, 1]], 0.5, exit=exits, states=["now", "then"]
    ... )
    >>> automaton = stochastic_payoff_sets(game)["now"].strategy([9, 9])
    >>> print(automaton)
    start: 0
    node  state  play           payoffs  next            if 0 deviates   if 1 deviates
    0     now    C, C           9, 9     now 0, then 1   now 2, then 3   now 2, then 3
    1     then   C, C           9, 9     then 1          then 3          then 3
    2     now    0 and 1 leave  1, 1
    3     then   0 and 1 leave  8, 3
    >>> automaton.regret
    Fraction(0, 1)
    """

    _unit: ClassVar[str] = "node"
    game: StochasticGame
    nodes: tuple[Node, ...]

    @property
    def player_names(self) -> tuple[str, ...]:
        """The names of the players, or their numbers."""
        return self.game.player_names

    def _worth(self) -> NodeValues:
        return NodeValues(self.game, self.nodes)

    def _table(self) -> list[Sequence[str]]:
        one, other = self.player_names
        rows: list[Sequence[str]] = [
            ("node", "state", "play", "payoffs", "next", f"if {one} deviates", f"if {other} deviates")
        ]
        names = self.game.states
        for k, node in enumerate(self.nodes):
            following = {
                s: spell(lottery) if len(lottery) == 1 else f"({spell(lottery)})"
                for s, lottery in node.following.items()
            }
            after = [
                ", ".join(f"{names[s]} {n}" for s, n in sorted(where.items()))
                for where in (following, *(node.punishment or ({}, {})))
            ]
            play = self._play(self.game.games[node.state], node)
            rows.append((str(k), names[node.state], play, amounts(node.payoffs), *after))
        return rows

    def _history(self, visited: list[int], played: list[Profile], seen: list[int]) -> StateHistory:
        return StateHistory(
            states=np.array([self.nodes[k].state for k in visited]),
            nodes=np.array(visited),
            profiles=np.array(played),
            payoffs=self._flows(visited, played),
            player_names=self.player_names,
        )

    def _drawn(self) -> list[tuple[str, Pair]]:
        places = [(self.game.states[node.state], self.game.games[node.state], node) for node in self.nodes]
        return [(f"{state}: {self._play(game, node)}", node.payoffs) for state, game, node in places]
