"""From payoff sets to an equilibrium that gives a chosen point; a repeated game is a stochastic one of one state."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from bargaining._arguments import whole
from bargaining._arrays import ArrayLike, real, scalar
from bargaining._rational import fractions
from bargaining.equilibria._plane.generation import NEAR, Generation, Plan
from bargaining.equilibria._plane.lottery import Lottery, Pair, nearest
from bargaining.equilibria._plane.rationals import DEFAULT, Spent, Work
from bargaining.equilibria.automaton import Node
from bargaining.equilibria.payoff_polygon import PayoffPolygon
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved

_ROUNDING = 1e-15  # of payoffs beside their range
_KNIFE_EDGE = (
    "The game lies on a knife edge that rounding decides: "
    "give payoffs, transitions and discount factors as Fractions."
)


def strategy(
    found: PayoffPolygon,
    state: int,
    payoffs: ArrayLike,
    made: Callable[[Work], Generation | str],
    *,
    tolerance: float,
    budget: int | None,
    where: str = "",
) -> tuple[tuple[Node, ...], Lottery]:
    """Return the nodes of an equilibrium with these payoffs, which are vertices of the sets, and its start.

    Parameters
    ----------
    found : PayoffPolygon
        The set of the state.
    state : int
        Where play starts.
    payoffs : array_like of shape (2,)
        The payoffs of the equilibrium.
    made : callable
        Returns the sets in rationals, within some work.
    tolerance : float
        How far the payoffs of the equilibrium may lie from these, as a share of `found.scale`.
    budget : int or None
        Units of work.
    where : str, optional
        The state in words.
    """
    target, near = real(payoffs, "payoffs", ndim=1), scalar(tolerance, "tolerance")
    if near < 0.0:
        raise InvalidInput(f"`tolerance` must not be negative; got {near:.6g}.")
    limit = None if budget is None else whole(budget, "budget", 1)
    if found.status is Status.EMPTY:
        raise NotApplicable(f"There is no equilibrium. {found.reason}")
    if not found.contains(target, tol=max(near, NEAR)):
        raise InvalidInput(
            f"`payoffs` must lie in the payoff set{where}; got {target.tolist()}, "
            f"which is {found.excess(target):.6g} away from it. Take a point between its `vertices`."
        )
    try:
        sets = made(Work(limit))
    except Spent:
        raise Unsolved(
            f"No automaton without regret was found within a `budget` of {limit or DEFAULT} units; give a larger one."
        ) from None
    if isinstance(sets, str):
        raise Unsolved(f"No automaton has zero regret in exact arithmetic: {sets}. {_KNIFE_EDGE}")
    point = sets.data.scaled(fractions(np.asarray(payoffs)).tolist())
    start = nearest(sets.vertices[state], point) if sets.vertices[state] else ()
    x, y = (sum((share * sets.vertices[state][k][i] for k, share in start), Fraction(0)) for i in (0, 1))
    off = max(abs(float((a - b) * c)) for a, b, c in zip((x, y), point, sets.data.size, strict=True))
    if not start or off > max(near, NEAR) * found.scale + _ROUNDING * float(np.abs(target).max()):
        raise Unsolved(
            f"No automaton has zero regret in exact arithmetic and these payoffs, the nearest are {off:.6g} away: "
            f"{sets.fault_of_hints}. {_KNIFE_EDGE}"
        )
    return _Builder(sets).build(state, start)


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

    def build(self, state: int, start: Lottery) -> tuple[tuple[Node, ...], Lottery]:
        """Return the nodes reachable from a lottery over a state's vertices, and where play begins."""
        begin = self._numbered(state, start)
        nodes: list[Node] = []
        while len(nodes) < len(self.order):
            nodes.append(self._node(*list(self.order)[len(nodes)]))
        return tuple(nodes), begin

    def _number(self, state: int, vertex: int, *, challenged: bool = False) -> int:
        return self.order.setdefault((state, vertex, challenged), len(self.order))

    def _numbered(self, state: int, lottery: Lottery) -> Lottery:
        return tuple((self._number(state, vertex), share) for vertex, share in lottery if share)

    def _node(self, state: int, vertex: int, challenged: bool) -> Node:
        plan, data = self.made.plans[state][vertex], self.made.data
        if plan.promise is not None:
            return self._played(state, plan, self.made.vertices[state][vertex])
        leaver, leave = data.ends[state][plan.source][1], data.game.exits[state]
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
        x, y = (data.now[instead.row][i] + data.discounts[i] * instead.promise[i] for i in (0, 1))
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
        """Return the nodes after player i's deviations: one for each state that they can reach."""
        data = self.made.data
        reached = {s for reply in data.replies(row, i) if reply != row for s in data.law(reply)}
        return {s: self._number(s, self.worst[i][s]) for s in sorted(reached)}
