"""A box that holds the Nash solution of a polytope where some players have no weight.

The others' payoffs are held by a duality gap; those of a single one are the ideal payoff, exactly. What is left to
those without weight lies between the least and the most that mixtures give them which give the others this much: the
solution is such a mixture, as nothing better is feasible. A single player without weight beside a single one with it
gets the most. Several divide the best points of a single player as the Nash solution of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from bargaining._rational import Rationals
from bargaining.exact.bodies import Body, Vector
from bargaining.exact.product import nash_box

Box = tuple[Vector, Vector]


def weightless_box(body: Body, weights: Vector, ideal: Vector, guess: Sequence[float]) -> Box | None:
    """Return the lowest and highest payoffs that the Nash solution can have; None if nothing is proved.

    Parameters
    ----------
    weights : tuple of Fraction
        Of sum one, some of them zero.
    ideal : tuple of Fraction
        The ideal point, above d for everybody.
    guess : sequence of float
        A point near the solution.
    """
    counted = [i for i, w in enumerate(weights) if w]
    idle = [i for i, w in enumerate(weights) if not w]
    held = _of_counted(body, weights, ideal, guess, counted)
    if held is None:
        return None
    floor = _with(body.disagreement, counted, held[0])
    low, high = (list(_with(body.disagreement, counted, end)) for end in held)
    for k in idle:
        high[k] = _most(body, k, 1, floor, ideal[k])
        low[k] = -_most(body, k, -1, floor, -body.disagreement[k])
    if len(counted) == 1 and len(idle) == 1:
        low[idle[0]] = high[idle[0]]
    among = _of_idle(body, ideal, guess, counted, idle) if len(idle) > 1 else None
    if among is not None:
        low, high = (list(_with(tuple(x), idle, end)) for x, end in zip((low, high), among, strict=True))
    return tuple(low), tuple(high)


def _of_counted(
    body: Body, weights: Vector, ideal: Vector, guess: Sequence[float], counted: list[int]
) -> Box | None:
    """Return a box of what the players with weight get."""
    if len(counted) == 1:
        return (ideal[counted[0]],), (ideal[counted[0]],)
    found = nash_box(body, weights, list(guess))
    if found is None:
        return None
    low, high = (tuple(end[i] for i in counted) for end in found)
    return low, high


def _of_idle(
    body: Body, ideal: Vector, guess: Sequence[float], counted: list[int], idle: list[int]
) -> Box | None:
    """Return a box of what several without weight get on the best points of the only one with weight."""
    if len(counted) > 1 or body.points is None or body.floor is not None:
        return None
    best = body.points[[row[counted[0]] == ideal[counted[0]] for row in body.points.tolist()]]
    if not len(best) or max(body.points[:, counted[0]]) > ideal[counted[0]]:
        return None
    equal = (Fraction(1, len(idle)),) * len(idle)
    return nash_box(_among(body, best, idle), equal, [guess[i] for i in idle])


def _among(body: Body, points: Rationals, players: list[int]) -> Body:
    """Return what some points give some of the players."""
    d = tuple(body.disagreement[i] for i in players)
    return replace(body, points=points[:, players], disagreement=d, floor=None)


def _most(body: Body, player: int, sign: int, floor: Vector, otherwise: Fraction) -> Fraction:
    """Return the most, or with sign -1 minus the least, that a player has above a floor; a bound if there is none."""
    try:
        found = body.most([sign * int(i == player) for i in range(len(floor))], floor)
    except OverflowError:
        return otherwise
    return otherwise if found is None else found


def _with(values: Vector, places: list[int], new: Sequence[Fraction]) -> Vector:
    found = np.array(values, dtype=object)
    found[places] = list(new)
    return tuple(found)
