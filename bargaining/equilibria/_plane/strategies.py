"""From payoff sets to an equilibrium that gives a chosen point; a repeated game is a stochastic one of one state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from bargaining._arguments import whole
from bargaining._arrays import ArrayLike, real, scalar
from bargaining._rational import floats, fractions
from bargaining.equilibria._plane.generation import NEAR, Generation, lotteries
from bargaining.equilibria._plane.polygon import distances
from bargaining.equilibria._plane.rationals import DEFAULT, Spent, Work
from bargaining.equilibria.automaton import Lottery, Node, Pair
from bargaining.equilibria.payoff_polygon import PayoffPolygon
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved

_ROUNDING = 1e-15  # of payoffs beside their range
_SHARES = 0.0, 3e-7, 1e-5, 1e-3, 1e-1, 1.0  # of what payoffs may be off
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
    room = max(near, NEAR) * found.scale + _ROUNDING * float(np.abs(target).max())
    start = _start(sets, state, point, room)
    if start is None:
        polygon, size = sets.polygons[state], floats(sets.data.size)
        off = np.inf if not len(polygon) else distances(floats(point)[None] * size, polygon * size)[0]
        raise Unsolved(
            f"No automaton has zero regret in exact arithmetic and these payoffs, the nearest are {off:.6g} away: "
            f"{sets.fault_of_hints}. {_KNIFE_EDGE}"
        )
    return reached(sets.nodes, start)


def _start(sets: Generation, state: int, point: Pair, room: float) -> Lottery | None:
    """Return a lottery over a state's nodes whose payoffs are a point, or else near it; None if none are in reach."""
    vertices, first = sets.vertices[state], sum(map(len, sets.vertices[:state]))
    for share in _SHARES if vertices else ():
        reach = [Fraction(share * room) / size for size in sets.data.size]
        for n, vertex in enumerate(vertices):
            if all(abs(a - b) <= e for a, b, e in zip(vertex, point, reach, strict=True)):
                return ((first + n, Fraction(1)),)
        least, most = ([x + sign * e for x, e in zip(point, reach, strict=True)] for sign in (-1, 1))
        drawn = lotteries({state: vertices}, {state: Fraction(1)}, least, most)
        if drawn is not None:
            return tuple((first + n, x) for n, x in drawn[state])
    return None


def reached(nodes: Sequence[Node], start: Lottery) -> tuple[tuple[Node, ...], Lottery]:
    """Return the nodes that play reaches, numbered in the order in which they are named, and the start."""
    order, out = dict[int, int](), list[Node]()

    def moved(lottery: Lottery) -> Lottery:
        return tuple((number(n), share) for n, share in lottery)

    def number(n: int) -> int:
        return order.setdefault(n, len(order))

    begin = moved(start)
    while len(out) < len(order):
        node = nodes[list(order)[len(out)]]
        following = {s: moved(lottery) for s, lottery in node.following.items()}
        punishment: Any = tuple({s: number(n) for s, n in each.items()} for each in node.punishment)
        stayed = None if node.stayed is None else number(node.stayed)
        out.append(replace(node, following=following, punishment=punishment, stayed=stayed))
    return tuple(out), begin
