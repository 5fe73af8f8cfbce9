"""From payoff sets in floats to the equations of their vertices."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.equations import OWN, Rule
from bargaining.equilibria._plane.kinds import BOTTOM, CORNER, LEAVE, LEFT, RIGHT, TOP
from bargaining.equilibria._plane.lottery import Pair
from bargaining.equilibria._plane.minkowski import Fan
from bargaining.equilibria._plane.operator import Tag
from bargaining.equilibria._plane.polygon import Polygon, cut, hull
from bargaining.equilibria._plane.rationals import Law, Rationals

_HOLDS = {TOP: (0,), BOTTOM: (0,), RIGHT: (1,), LEFT: (1,), CORNER: (0, 1)}
_TIED = 1e-10  # of the unit box: another lowest vertex punishes as well
_NARROW = 1e-13  # of the unit box: a shorter edge has no direction
_THERE = 1e-12  # of the unit box: a vertex that is nearer is meant

Threat = Sequence[Fraction | None]


class Reader:
    """Reads each vertex's rule off the polygons of all states and the kinds of their vertices."""

    def __init__(self, data: Rationals, polygons: list[Polygon]) -> None:
        self.data, self.fan = data, Fan(polygons)
        self.first = self.fan.first
        self.lowest = [
            (start + int(at[0]), start + int(at[1])) if len(at) else (-1, -1)
            for start, at in zip(self.first, map(_lowest, polygons), strict=False)
        ]
        self.threat: tuple[Threat, Threat] = (self._threat(0), self._threat(1))
        self.discounts = np.array([float(d) for d in data.discounts])

    def _threat(self, i: int) -> Threat:
        vertices = self.fan.vertices
        return [Fraction(vertices[at[i]][i]) if at[i] >= 0 else None for at in self.lowest]

    def rule(self, state: int, vertex: tuple[float, float], tag: Tag, *, snap: bool) -> Rule:
        """Return how a vertex is generated.

        Where a player is indifferent the continuation may lie at the very end of an edge, as it does where only her
        lowest continuation makes her indifferent. With `snap` it is then taken to be that vertex.
        """
        kind, row, source = tag
        if kind == LEAVE:
            return Rule(-1, known=self.data.leaves(state)[source][0])
        law = self.data.law(row)
        weights = np.zeros((1, len(self.lowest)))
        weights[0, list(law)] = [float(p) for p in law.values()]
        points = self.fan.sums(weights).points[:, 0].T
        now = np.array([float(self.data.now(i, row)) for i in (0, 1)])
        with np.errstate(divide="ignore", invalid="ignore"):
            w = np.where(self.discounts > 0.0, (np.array(vertex) - now) / self.discounts, np.nan)
        replies = [self._reply(row, i) for i in (0, 1)]
        needed = np.array([least for _, least in replies])
        held = [
            reply if i in _HOLDS.get(kind, ()) and w[i] <= least + _TIED else None
            for i, (reply, least) in enumerate(replies)
        ]
        base, edge = self._place(points, w, held, law, snap)
        region = _stable(points, needed)
        return Rule(
            row,
            base=base,
            edge=edge,
            held=(held[0], held[1]),
            centre=_centre(region, np.where(np.isnan(w), points.mean(axis=0), w)),
            across=(_across(region, w, 0), _across(region, w, 1)),
        )

    def _reply(self, row: int, i: int) -> tuple[int, float]:
        """Return the best deviation, or leaving, and the continuation that makes up for it."""
        data, delta = self.data, self.data.discounts[i]
        worth = {reply: data.worth(i, reply, self.threat[i]) for reply in data.replies(row, i)}
        best = max(worth, key=lambda reply: worth[reply] or Fraction(0))
        value, own = worth[best] or Fraction(0), data.own(data.state[row], i)
        if own is not None and own > value:
            best, value = OWN, own
        return best, float((value - data.now(i, row)) / delta) if delta else -np.inf

    def _place(
        self, points: Floats, w: Floats, held: list[int | None], law: Law, snap: bool
    ) -> tuple[tuple[tuple[Fraction, int], ...], tuple[int, int] | None]:
        """Return the vertices that are continued with and their probabilities, and the edge that one player slides on.

        A continuation at no vertex, though nobody is held, follows a vertex that was left out: it stays where it is on
        the edge that was drawn in its place.
        """
        known = [i for i in (0, 1) if not np.isnan(w[i])]
        far = np.abs(points - w)[:, known].sum(axis=1)
        nearest, count = int(far.argmin()), sum(reply is not None for reply in held)
        there = far[nearest] < _THERE and (snap or not count)
        if count > 1 or not self.fan.owner or there or len(known) < 2 > count:
            return self._at(nearest, law), None
        i = 1 if held[1] is not None else 0
        step = np.diff(points, axis=0)
        length = np.abs(step[:, i]) if count else np.abs(step).max(axis=1)
        usable = np.isin(self.fan.owner, list(law)) & (length > _NARROW)
        if not usable.any():
            return self._at(nearest, law), None
        ahead = w - points[:-1]
        share = (
            ahead[:, i] / np.where(usable, step[:, i], 1.0)
            if count
            else (ahead * step).sum(axis=1) / np.where(usable, (step**2).sum(axis=1), 1.0)
        )
        share = np.clip(share, 0.0, 1.0)
        away = np.abs(points[:-1] + share[:, None] * step - w)[:, known].sum(axis=1)
        j = int(np.where(usable, away, np.inf).argmin())
        owner = self.fan.owner[j]
        p, q = self.fan.at[j][owner], self.fan.at[j + 1][owner]
        if count:
            return self._at(j, law), (p, q)
        part = Fraction(share.item(j))
        mixed = (law[owner] * (1 - part), p), (law[owner] * part, q)
        return (*(each for each in self._at(j, law) if each[1] != p), *mixed), None

    def _at(self, position: int, law: Law) -> tuple[tuple[Fraction, int], ...]:
        return tuple((share, self.fan.at[position][s]) for s, share in law.items())


def _lowest(polygon: Polygon) -> Sequence[int]:
    """Return the vertices with each player's lowest payoff; nothing of an empty polygon."""
    return [int(k) for k in np.argmin(polygon, axis=0)] if polygon else []


def _stable(points: Floats, needed: Floats) -> Polygon:
    """Return the continuations at which nobody gains by deviating."""
    corners = [(float(x), float(y)) for x, y in points]
    polygon = [corners[k] for k in hull(corners)]
    for i in (0, 1):
        if polygon and np.isfinite(needed[i]):
            polygon = cut(polygon, (-1.0 + i, -float(i)), -float(needed[i]))
    return polygon


def _centre(region: Polygon, otherwise: Floats) -> Pair:
    """Return the middle of the stable continuations."""
    middle = np.mean(region, axis=0) if region else otherwise
    return Fraction(middle.item(0)), Fraction(middle.item(1))


def _across(region: Polygon, w: Floats, i: int) -> Fraction:
    """Return the middle in coordinate i of the stable continuations that share the other coordinate with w."""
    o, level = 1 - i, w[1 - i]
    meets = []
    for k, q in enumerate(region):
        p = region[k - 1]
        if min(p[o], q[o]) - _NARROW <= level <= max(p[o], q[o]) + _NARROW:
            share = min(max((level - p[o]) / (q[o] - p[o]), 0.0), 1.0) if abs(q[o] - p[o]) > _NARROW else 0.0
            meets += [p[i] + share * (q[i] - p[i]), *([] if abs(q[o] - p[o]) > _NARROW else [q[i]])]
    return Fraction((min(meets) + max(meets)) / 2 if meets else float(np.nan_to_num(w[i])))
