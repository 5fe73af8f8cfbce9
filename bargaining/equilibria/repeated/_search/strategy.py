"""From a payoff set to an equilibrium that gives a chosen point of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arrays import real
from bargaining._rational import fractions
from bargaining.equilibria._plane.leaving import outcomes
from bargaining.equilibria._plane.lottery import Lottery, Pair, nearest
from bargaining.equilibria.repeated._search.generation import Generation, Plan, generate
from bargaining.equilibria.repeated.automaton import Automaton, State
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved

if TYPE_CHECKING:
    from bargaining.equilibria.repeated.payoff_set import PayoffSet

_NEAR = 1e-9


def strategy(found: PayoffSet, payoffs: ArrayLike) -> Automaton:
    """Return an equilibrium with these payoffs as an automaton whose states are the vertices of the set."""
    target = real(payoffs, "payoffs", ndim=1)
    if found.status is Status.EMPTY:
        raise NotApplicable(f"There is no equilibrium. {found.reason}")
    if not found.contains(target, tol=_NEAR):
        raise InvalidInput(
            f"`payoffs` must lie in the payoff set; got {target.tolist()}, "
            f"which is {found.excess(target):.6g} away from it."
        )
    made = generate(found)
    if isinstance(made, str):
        first, second = found.repeated.discounts.tolist()
        why = "The game lies on a knife edge that rounding decides: give payoffs and discount factors as Fractions."
        if first != second:
            why = f"Players who differ in patience need more vertices than were kept, unless: {why}"
        raise Unsolved(f"No automaton has zero regret in exact arithmetic: {made}. {why}")
    x, y = fractions(np.asarray(payoffs)).tolist()
    return _Builder(made).build(nearest(made.vertices, (made.data.scaled(x, 0), made.data.scaled(y, 1))))


class _Builder:
    """Numbers the states that can be reached: vertices, and what is played if somebody stays who should leave."""

    def __init__(self, made: Generation) -> None:
        self.made = made
        self.order: dict[tuple[int, bool], int] = {}  # (vertex, whether it was challenged) -> state
        self.punishment = [
            min(
                range(len(made.vertices)),
                key=lambda k: (made.vertices[k][i], made.plans[k].promise is not None),
            )
            for i in (0, 1)
        ]

    def build(self, start: Lottery) -> Automaton:
        """Return the automaton of the states reachable from a lottery over vertices."""
        begin = self._numbered(start)
        states: list[State] = []
        while len(states) < len(self.order):
            vertex, challenged = list(self.order)[len(states)]
            states.append(self._state(vertex, challenged))
        return Automaton(repeated=self.made.data.repeated, states=tuple(states), start=begin)

    def _number(self, vertex: int, *, challenged: bool = False) -> int:
        return self.order.setdefault((vertex, challenged), len(self.order))

    def _numbered(self, lottery: Lottery) -> Lottery:
        return tuple((self._number(vertex), share) for vertex, share in lottery if share)

    def _state(self, vertex: int, challenged: bool) -> State:
        plan = self.made.plans[vertex]
        if plan.promise is not None:
            return self._played(plan, self.made.vertices[vertex])
        leaving = self.made.data.repeated.exit
        assert leaving is not None
        leaver = outcomes(leaving)[plan.source].leaver
        if not challenged:
            stayed = None if leaver is None else self._number(vertex, challenged=True)
            leavers = leaving.who if leaver is None else (leaver,)
            return State(
                profile=None, leavers=leavers, stayed=stayed, payoffs=self._back(self.made.vertices[vertex])
            )
        assert leaver is not None
        instead = self.made.challenge(leaver)
        assert instead is not None
        assert instead.promise is not None
        data = self.made.data
        x, y = (data.now(i, instead.profile) + data.discount(i) * instead.promise[i] for i in (0, 1))
        return self._played(instead, (x, y), challenged=True)

    def _played(self, plan: Plan, payoffs: Pair, *, challenged: bool = False) -> State:
        assert plan.promise is not None
        lottery = self.made.lottery(plan.promise)
        assert lottery is not None
        return State(
            profile=self.made.data.actions(plan.profile),
            following=self._numbered(lottery),
            punishment=(self._number(self.punishment[0]), self._number(self.punishment[1])),
            challenged=challenged,
            payoffs=self._back(payoffs),
        )

    def _back(self, payoffs: Pair) -> Pair:
        low, size = self.made.data.low, self.made.data.size
        return low[0] + size[0] * payoffs[0], low[1] + size[1] * payoffs[1]
