"""From the payoff sets of a stochastic game to an equilibrium that gives a chosen point in a chosen state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arrays import real
from bargaining._rational import fractions
from bargaining.equilibria._plane.lottery import Lottery, Pair, nearest
from bargaining.equilibria.stochastic._search.generation import Generation, Plan, generate
from bargaining.equilibria.stochastic.automaton import Node, StochasticAutomaton
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved

if TYPE_CHECKING:
    from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets

_NEAR = 1e-9


def strategy(found: StochasticPayoffSets, state: int, payoffs: ArrayLike) -> StochasticAutomaton:
    """Return an equilibrium with these payoffs in a state, as an automaton whose nodes are vertices of the sets."""
    target, some = real(payoffs, "payoffs", ndim=1), found.at(state)
    if some.status is Status.EMPTY:
        raise NotApplicable(f"There is no equilibrium. {some.reason}")
    if not some.contains(target, tol=_NEAR):
        raise InvalidInput(
            f"`payoffs` must lie in the payoff set of state {some.state}; got {target.tolist()}, "
            f"which is {some.excess(target):.6g} away from it."
        )
    if not found._rational:
        found._rational.append(generate(found))
    made: Generation | str = found._rational[0]
    if isinstance(made, str):
        first, second = found.game.discounts.tolist()
        why = (
            "The game lies on a knife edge that rounding decides; "
            "give payoffs, transitions and discount factors as Fractions."
            if first == second
            else "Players who differ so much in patience need more vertices than were kept."
        )
        raise Unsolved(f"No automaton has zero regret in exact arithmetic: {made}. {why}")
    point = made.data.scaled(fractions(np.asarray(payoffs)).tolist())
    return _Builder(made).build(state, nearest(made.vertices[state], point))


class _Builder:
    """Numbers the nodes that can be reached: vertices, and what is played if somebody stays who should leave."""

    def __init__(self, made: Generation) -> None:
        self.made = made
        self.order: dict[
            tuple[int, int, bool], int
        ] = {}  # (state, vertex, whether it was challenged) -> node
        self.worst = [[self._worst(s, i) for s in range(len(made.vertices))] for i in (0, 1)]

    def _worst(self, s: int, i: int) -> int:
        """Return the vertex that punishes player i in a state; leaving rather than a profile."""
        vertices, plans = self.made.vertices[s], self.made.plans[s]
        return min(
            range(len(vertices)), key=lambda k: (vertices[k][i], plans[k].promise is not None), default=-1
        )

    def build(self, state: int, start: Lottery) -> StochasticAutomaton:
        """Return the automaton of the nodes reachable from a lottery over a state's vertices."""
        begin = self._numbered(state, start)
        nodes: list[Node] = []
        while len(nodes) < len(self.order):
            nodes.append(self._node(*list(self.order)[len(nodes)]))
        return StochasticAutomaton(game=self.made.data.game, nodes=tuple(nodes), start=begin)

    def _number(self, state: int, vertex: int, *, challenged: bool = False) -> int:
        return self.order.setdefault((state, vertex, challenged), len(self.order))

    def _numbered(self, state: int, lottery: Lottery) -> Lottery:
        return tuple((self._number(state, vertex), share) for vertex, share in lottery if share)

    def _node(self, state: int, vertex: int, challenged: bool) -> Node:
        plan, data = self.made.plans[state][vertex], self.made.data
        if plan.promise is not None:
            return self._played(state, plan, self.made.vertices[state][vertex])
        leaver, leave = data.leaves(state)[plan.source][1], data.game.exits[state]
        if not challenged:
            assert leave is not None
            return Node(
                state=state,
                profile=None,
                leavers=leave.who if leaver is None else (leaver,),
                stayed=None if leaver is None else self._number(state, vertex, challenged=True),
                payoffs=data.back(self.made.vertices[state][vertex]),
            )
        assert leaver is not None
        instead = self.made.challenge(state, leaver)
        assert instead is not None
        assert instead.promise is not None
        x, y = (data.now(i, instead.row) + data.discounts[i] * instead.promise[i] for i in (0, 1))
        return self._played(state, instead, (x, y), challenged=True)

    def _played(self, state: int, plan: Plan, payoffs: Pair, *, challenged: bool = False) -> Node:
        assert plan.promise is not None
        data = self.made.data
        lotteries = self.made.after(plan.row).lottery(plan.promise)
        assert lotteries is not None
        return Node(
            state=state,
            profile=data.actions(plan.row),
            following={s: self._numbered(s, lottery) for s, lottery in lotteries.items()},
            punishment=(self._punishment(plan.row, 0), self._punishment(plan.row, 1)),
            challenged=challenged,
            payoffs=data.back(payoffs),
        )

    def _punishment(self, row: int, i: int) -> dict[int, int]:
        """Return where player i's deviations lead: a node for each state that they can reach."""
        data = self.made.data
        reached = {s for reply in data.replies(row, i) if reply != row for s in data.law(reply)}
        return {s: self._number(s, self.worst[i][s]) for s in sorted(reached)}
