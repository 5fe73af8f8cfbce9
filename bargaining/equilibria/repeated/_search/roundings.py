"""A set that generates itself with room to spare, in rationals: what binds is made exact, the rest is as it is.

Players who differ in patience have sets with too many vertices for the equations of their structure. Theirs are found
a little inside (see `_unequal.search`): every continuation that no constraint holds lies off the faces by far more than
rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from bargaining.equilibria._plane.kinds import BOTTOM, CORNER, LEAVE, LEFT, RIGHT, STATIC, TOP, Tag
from bargaining.equilibria._plane.lottery import Pair
from bargaining.equilibria.repeated._search.rationals import Rationals

_BINDING = {TOP: (0,), BOTTOM: (0,), RIGHT: (1,), LEFT: (1,), CORNER: (0, 1)}
_NEAR = Fraction(1, 2**40)
_ROUNDING = Fraction(1, 2**46)
_INSET = Fraction(1, 2**30)  # how far inside a vertex may lie of what is given


def rounded(
    data: Rationals, polygon: Sequence[Pair], tags: Sequence[Tag]
) -> tuple[list[Pair], list[Pair | None]]:
    """Return the vertices and the continuation behind each (None after leaving), with what binds made exact.

    Parameters
    ----------
    data : Rationals
        The game in rationals; both discount factors positive.
    polygon, tags
        The vertices but for rounding, and how each is generated.
    """
    threat = [_threat(data, polygon, tags, i) for i in (0, 1)]
    given = [vertex for vertex, tag in zip(polygon, tags, strict=True) if tag[0] in (LEAVE, STATIC)]
    vertices: list[Pair] = []
    promises: list[Pair | None] = []
    for vertex, (kind, k, _) in zip(polygon, tags, strict=True):
        if kind in (LEAVE, STATIC):
            vertices.append(vertex)
            promises.append(vertex if kind == STATIC else None)
            continue
        least, binding = [_least(data, threat[i], i, k) for i in (0, 1)], _BINDING.get(kind, ())
        at = [(vertex[i] - data.now(i, k)) / data.discount(i) for i in (0, 1)]
        x, y = (least[i] if i in binding else max(at[i], least[i]) for i in (0, 1))
        stage = data.payoff(0, k), data.payoff(1, k)
        known = [stage] if _apart(stage, vertex) <= _INSET else []  # the profile for ever
        known += [w for w in given if _apart(w, (x, y)) <= _ROUNDING]
        x, y = next((w for w in known if w[0] >= least[0] and w[1] >= least[1]), (x, y))
        vertices.append((data.now(0, k) + data.discount(0) * x, data.now(1, k) + data.discount(1) * y))
        promises.append((x, y))
    return vertices, promises


def _apart(w: Pair, v: Pair) -> Any:
    return abs(w[0] - v[0]) + abs(w[1] - v[1])


def _least(data: Rationals, threat: Any, i: int, profile: int) -> Any:
    """Return the lowest continuation that keeps the player to the profile."""
    floor, least = data.floor(i, profile), threat + data.gain(i, profile)
    return least if floor is None else max(least, floor)


def _threat(data: Rationals, polygon: Sequence[Pair], tags: Sequence[Tag], i: int) -> Any:
    """Return the lowest payoff: that of the profile played there, or if her constraint binds of the best deviation."""
    n = min(range(len(polygon)), key=lambda n: polygon[n][i])
    low, (kind, profile, _) = polygon[n][i], tags[n]
    if kind == LEAVE:
        return low
    floor, exact = data.floor(i, profile), [data.payoff(i, profile)]
    if i in _BINDING.get(kind, ()):
        exact.insert(0, data.best(i, profile))
        if floor is not None:
            exact.insert(1, data.now(i, profile) + data.discount(i) * floor)
    return next((value for value in exact if abs(value - low) <= _NEAR), low)
