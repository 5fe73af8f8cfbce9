"""What the nodes of a stochastic game's automaton are worth, and what a deviation gains."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache

import numpy as np

from bargaining._names import titles
from bargaining._rational import solve
from bargaining.equilibria._plane.lottery import Pair
from bargaining.equilibria.node import Node
from bargaining.errors import InvalidInput
from bargaining.games.stochastic import StochasticGame

Profile = tuple[int, int]


class NodeValues:
    """The values of the nodes of a game, in rationals."""

    def __init__(self, game: StochasticGame, nodes: Sequence[Node]) -> None:
        self.game, self.nodes = game, nodes
        self.discounts: tuple[Fraction, ...] = tuple(game.exact_discounts.tolist())
        self._tables = cache(game.exact_transition)

    def law(self, state: int, profile: Profile) -> dict[int, Fraction]:
        """Return the probabilities of the states that may be next."""
        return {k: p for k, p in enumerate(self._tables(state)[profile].tolist()) if p}

    def values(self) -> list[Pair]:
        """Return the value of every node: what it says, if that is right, else the solution of the equations."""
        said = [node.payoffs for node in self.nodes]
        if all(self.promise(node, said) == node.payoffs for node in self.nodes):
            return said
        return list(zip(*(self._solved(i) for i in (0, 1)), strict=True))

    def promise(self, node: Node, values: Sequence[Pair]) -> Pair:
        """Return what a node gives if the nodes that follow are worth `values`."""
        if node.profile is None:
            return self._outcome(node.state, node.leavers, 0), self._outcome(node.state, node.leavers, 1)
        law = self.law(node.state, node.profile)
        shares = [(n, p * share) for s, p in law.items() for n, share in node.following[s]]
        x, y = (
            self._flow(node.state, node.profile, i)
            + self.discounts[i] * sum((share * values[n][i] for n, share in shares), Fraction(0))
            for i in (0, 1)
        )
        return x, y

    def gain(self, k: int, i: int, values: Sequence[Pair]) -> Fraction:
        """Return player i's gain from the best single deviation in node k, given the values of the nodes."""
        node, own = self.nodes[k], values[k][i]
        leave = self.game.exits[node.state]
        if node.profile is not None:
            worth = [self._deviation(node, i, profile, values) for profile in self._others(node, i)]
            if leave is not None and i in leave.who and not node.challenged:
                worth.append(self._outcome(node.state, (i,), i))
            return max(worth, default=own) - own
        if i not in node.leavers:
            joins = leave is not None and i in leave.who
            return self._outcome(node.state, (*node.leavers, i), i) - own if joins else Fraction(0)
        others = tuple(player for player in node.leavers if player != i)
        if others:
            return self._outcome(node.state, others, i) - own
        if node.stayed is None:
            who = titles(self.game.player_names)[i]
            raise InvalidInput(f"`stayed` must name the node that follows if {who} does not leave; got None.")
        return values[node.stayed][i] - own

    def punished(self, node: Node, i: int, state: int) -> int:
        """Return the node that follows in a state if player i deviates."""
        if not node.punishment or state not in node.punishment[i]:
            who = titles(self.game.player_names)[i]
            raise InvalidInput(
                f"`punishment` must name a node of state {self.game.states[state]} that follows if {who} "
                f"deviates in state {self.game.states[node.state]} at {node.profile}."
            )
        return node.punishment[i][state]

    def _outcome(self, state: int, leavers: tuple[int, ...], i: int) -> Fraction:
        leave = self.game.exits[state]
        if leave is None:
            raise InvalidInput(
                f"`leavers` must be empty in state {self.game.states[state]}: nobody may leave."
            )
        return sum((Fraction(leave.exact[k, i]) for k in leavers), Fraction(0)) / len(leavers)

    def _flow(self, state: int, profile: Profile, i: int) -> Fraction:
        return (1 - self.discounts[i]) * self.game.games[state].exact_payoff(profile, i)

    def _solved(self, i: int) -> tuple[Fraction, ...]:
        size, delta = len(self.nodes), self.discounts[i]
        matrix = np.full((size, size), Fraction(0), dtype=object)
        right = np.full(size, Fraction(0), dtype=object)
        for k, node in enumerate(self.nodes):
            matrix[k, k] = Fraction(1)
            if node.profile is None:
                right[k] = self._outcome(node.state, node.leavers, i)
                continue
            right[k] = self._flow(node.state, node.profile, i)
            for s, p in self.law(node.state, node.profile).items():
                for n, share in node.following[s]:
                    matrix[k, n] -= delta * p * share
        solved = solve(matrix, right)
        assert solved is not None  # the matrix is strictly diagonally dominant
        return solved

    def _others(self, node: Node, i: int) -> list[Profile]:
        """Return the profiles that player i can turn the node's into."""
        assert node.profile is not None
        a, b = node.profile
        actions = [k for k in range(self.game.shape(node.state)[i]) if k != node.profile[i]]
        return [(k, b) if i == 0 else (a, k) for k in actions]

    def _deviation(self, node: Node, i: int, profile: Profile, values: Sequence[Pair]) -> Fraction:
        after = [p * values[self.punished(node, i, s)][i] for s, p in self.law(node.state, profile).items()]
        return self._flow(node.state, profile, i) + self.discounts[i] * sum(after, Fraction(0))
