"""From payoff sets to an equilibrium that gives a chosen point; a repeated game is a stochastic one of one state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import whole
from bargaining._arrays import ArrayLike, real, scalar
from bargaining._rational import fractions
from bargaining.equilibria._plane.generation import NEAR, generate
from bargaining.equilibria._plane.lottery import Lottery, nearest
from bargaining.equilibria._plane.rationals import DEFAULT, Spent, Work
from bargaining.equilibria.automaton import Node
from bargaining.equilibria.payoff_polygon import PayoffPolygon
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved
from bargaining.games.stochastic import StochasticGame

_ROUNDING = 1e-15  # of payoffs beside their range
_KNIFE_EDGE = (
    "The game lies on a knife edge that rounding decides: "
    "give payoffs, transitions and discount factors as Fractions."
)


def strategy(
    found: PayoffPolygon,
    game: StochasticGame,
    state: int,
    hints: Sequence[NDArray[Any]],
    payoffs: ArrayLike,
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
    game : StochasticGame
        The game, of one state where it is repeated.
    state : int
        Where play starts.
    hints : sequence of ndarray of shape (m, 2)
        The vertices of each state's set, see `generate`.
    payoffs : array_like of shape (2,)
        The payoffs of the equilibrium.
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
        sets = generate(game, hints, Work(limit))
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
    before = sum(map(len, sets.vertices[:state]))
    return begun(sets.nodes, tuple((before + k, share) for k, share in start))


def begun(nodes: Sequence[Node], start: Lottery) -> tuple[tuple[Node, ...], Lottery]:
    """Return the nodes that can be reached from a lottery over some, in the order of their first visit."""
    place: dict[int, int] = {}

    def at(k: int) -> int:
        return place.setdefault(k, len(place))

    def moved(lottery: Lottery) -> Lottery:
        return tuple((at(k), share) for k, share in lottery)

    begin, out = moved(start), list[Node]()
    while len(out) < len(place):
        node = nodes[list(place)[len(out)]]
        following = {s: moved(lottery) for s, lottery in node.following.items()}
        punishment: Any = tuple({s: at(k) for s, k in each.items()} for each in node.punishment)
        stayed = None if node.stayed is None else at(node.stayed)
        out.append(replace(node, following=following, punishment=punishment, stayed=stayed))
    return tuple(out), begin
