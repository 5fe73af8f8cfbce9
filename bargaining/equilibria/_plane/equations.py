r"""The equations behind the payoff sets of a stochastic game, and their solution in rationals.

Each vertex of each state's polygon is a profile followed by a continuation :math:`w`. Where a player is
indifferent her coordinate of the vertex is what her best deviation gives, or leaving; one coordinate being known, the
other lies on an edge of the continuation set, which moves one vertex of one next state. Where nobody is
indifferent the continuation is one vertex of each next state, or a fixed mixture of two where the vertex that it was
has been left out because it hardly mattered. The vertices solve these equations, bilinear in them, and Newton in ever
longer numbers finds the solution; coordinates that are rational are recognised.
Which they are is read off payoff sets in floats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import BOTTOM, CORNER, LEAVE, LEFT, RIGHT, TOP, Tag
from bargaining.equilibria._plane.lottery import Pair
from bargaining.equilibria._plane.minkowski import Fan
from bargaining.equilibria._plane.polygon import Polygon, cut, hull
from bargaining.equilibria._plane.rationals import Law, Rationals, Work

OWN = -1
"""Instead of a reply: what the player gets by leaving."""

_SPARE = 48  # bits lost to the conditioning of the equations
_GAIN = 12  # bits a step must gain at least
_AGAIN = 4  # how often the equations may be linearised again if a step gains less


_Slopes = dict[tuple[int, int], float]
"""The derivatives of one coordinate by those of vertices: (vertex, coordinate) -> slope."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How one vertex is generated.

    `row` is -1 if somebody leaves. `known` holds coordinates that need no equation. `base` has the vertices
    that are continued with and their probabilities, `edge` the two vertices between which a continuation lies where
    one player is indifferent, and `held`, for each player who is, the row of her best deviation, or `OWN`. `centre`
    is the middle of the
    stable continuations, `across` the middle of those that give the other player what this continuation does.
    """

    row: int
    known: tuple[Fraction | None, Fraction | None] = (None, None)
    base: tuple[tuple[Fraction, int], ...] = ()
    edge: tuple[int, int] | None = None
    held: tuple[int | None, int | None] = (None, None)
    centre: Pair = (Fraction(0), Fraction(0))
    across: Pair = (Fraction(0), Fraction(0))

    def slides(self, i: int) -> bool:
        """Whether coordinate i is where an edge passes over the other coordinate."""
        return self.edge is not None and self.held[i] is None and self.held[1 - i] is not None


class Equations:
    """The equations of all vertices, numbered state by state."""

    def __init__(
        self,
        data: Rationals,
        rules: Sequence[Rule],
        lowest: Sequence[tuple[int, int]],
        *,
        inset: Fraction = Fraction(0),
    ) -> None:
        self.data, self.rules, self.lowest, self.inset = data, rules, lowest, inset

    def uses(self, k: int, i: int) -> set[tuple[int, int]]:
        """Return the coordinates that one coordinate of a vertex depends on."""
        rule = self.rules[k]
        if rule.row < 0:
            return set()
        if rule.held[i] is not None:
            return self._lows(rule, i)
        used = {vertex for _, vertex in rule.base}
        if not rule.slides(i):
            return {(vertex, i) for vertex in used}
        used |= set(rule.edge or ())
        return {(vertex, o) for vertex in used for o in (0, 1)} | self._lows(rule, 1 - i)

    def _lows(self, rule: Rule, i: int) -> set[tuple[int, int]]:
        reply = rule.held[i]
        if reply is None or reply == OWN:
            return set()
        return {(self.lowest[s][i], i) for s in self.data.law(reply)}

    def promise(self, z: Sequence[Pair], k: int) -> list[Fraction]:
        """Return the continuation behind a vertex at these values of all vertices."""
        rule = self.rules[k]
        if len(rule.base) == 1:
            base: Sequence[Fraction] = z[rule.base[0][1]]
        else:
            base = [sum((share * z[vertex][i] for share, vertex in rule.base), Fraction(0)) for i in (0, 1)]
        out = [self._held(z, rule, i, base[i]) for i in (0, 1)]
        for i in (0, 1):
            if rule.slides(i) and rule.edge:
                p, q = (z[vertex] for vertex in rule.edge)
                if p[1 - i] != q[1 - i]:
                    out[i] += (q[i] - p[i]) / (q[1 - i] - p[1 - i]) * (out[1 - i] - base[1 - i])
        if self.inset:
            towards = [(rule.centre if rule.known[1 - i] is None else rule.across)[i] for i in (0, 1)]
            out = [w + self.inset * (at - w) for w, at in zip(out, towards, strict=True)]
        return out

    def _held(self, z: Sequence[Pair], rule: Rule, i: int, otherwise: Fraction) -> Fraction:
        data, reply = self.data, rule.held[i]
        if reply is None:
            return otherwise
        if reply == OWN:
            own = data.own(data.state[rule.row], i)
            assert own is not None
            return (own - data.now(i, rule.row)) / data.discounts[i]
        law = data.law(reply)
        if len(law) == 1:
            return z[self.lowest[next(iter(law))][i]][i] + data.premium(i, rule.row, reply)
        after = sum((p * z[self.lowest[s][i]][i] for s, p in law.items()), Fraction(0))
        return after + data.premium(i, rule.row, reply)

    def value(self, z: Sequence[Pair], k: int) -> Pair:
        """Return what a vertex must be if all of them are `z`."""
        data, rule = self.data, self.rules[k]
        x, y = rule.known
        if x is None or y is None:
            promise = self.promise(z, k)
            x = data.now(0, rule.row) + data.discounts[0] * promise[0] if x is None else x
            y = data.now(1, rule.row) + data.discounts[1] * promise[1] if y is None else y
        return x, y

    def solve(self, start: Sequence[Pair], bits: int, work: Work) -> list[Pair] | None:
        """Return a solution rounded to a grid of so many bits; None if Newton's steps do not come closer."""
        step, again = self._linear(start), _AGAIN
        z, reached = self._with_known(start), 0
        while step is not None:
            work.spend(len(z) * (8 + bits // 32))
            residual = [
                x - y for k, vertex in enumerate(z) for x, y in zip(vertex, self.value(z, k), strict=True)
            ]
            size = max(map(abs, residual), default=Fraction(0))
            if size * 2 ** (bits - 8) < 1:
                return z
            correct = int(size.denominator.bit_length() - size.numerator.bit_length())
            if reached and correct < reached + _GAIN:
                if not again:
                    return None
                step, again = self._linear(z), again - 1
                if step is None:
                    return None
            reached = max(correct, 1)
            move = step(np.array([(r.numerator << reached) / r.denominator for r in residual]))
            if not np.isfinite(move).all():
                return None
            flat = [(n << bits) // (d << reached) for n, d in map(float.as_integer_ratio, move.tolist())]
            z = self._with_known(
                [(_grid(x, bits, flat[2 * k]), _grid(y, bits, flat[2 * k + 1])) for k, (x, y) in enumerate(z)]
            )
        return None

    def _with_known(self, z: Sequence[Pair]) -> list[Pair]:
        out = []
        for rule, (x, y) in zip(self.rules, z, strict=True):
            a, b = rule.known
            out.append((x if a is None else a, y if b is None else b))
        return out

    def _linear(self, z: Sequence[Pair]) -> Callable[[Floats], Floats] | None:
        """Return Newton's step for a residual, the equations being linearised at z; None if they are singular."""
        from scipy.sparse import csc_array
        from scipy.sparse.linalg import splu

        rows, columns, entries = [*range(2 * len(z))], [*range(2 * len(z))], [1.0] * (2 * len(z))
        for k, rule in enumerate(self.rules):
            slopes = self._slopes(z, rule) if None in rule.known else ({}, {})
            for i in (0, 1):
                if rule.known[i] is None:
                    rows += [2 * k + i] * len(slopes[i])
                    columns += [2 * vertex + j for vertex, j in slopes[i]]
                    entries += [-float(self.data.discounts[i]) * slope for slope in slopes[i].values()]
        try:
            solve: Callable[[Floats], Floats] = splu(csc_array((entries, (rows, columns)))).solve
        except RuntimeError:  # singular
            return None
        return solve

    def _slopes(self, z: Sequence[Pair], rule: Rule) -> tuple[_Slopes, _Slopes]:
        """Return the derivatives of a continuation's two coordinates, by vertex and coordinate."""
        slopes: tuple[_Slopes, _Slopes] = ({}, {})
        for i, reply in enumerate(rule.held):
            if reply is None:
                slopes[i].update({(vertex, i): float(share) for share, vertex in rule.base})
            elif reply != OWN:
                slopes[i].update({(self.lowest[s][i], i): float(p) for s, p in self.data.law(reply).items()})
        for i in (0, 1):
            if rule.slides(1 - i):
                self._along(z, rule, i, slopes)
        return slopes

    def _along(self, z: Sequence[Pair], rule: Rule, i: int, slopes: tuple[_Slopes, _Slopes]) -> None:
        """Add how the other coordinate moves along the edge that holds the continuation."""
        assert rule.edge is not None
        (p, q), o = rule.edge, 1 - i
        width = float(z[q][i] - z[p][i])
        if width == 0.0:
            return
        ratio = float(z[q][o] - z[p][o]) / width
        base = sum((share * z[vertex][i] for share, vertex in rule.base), Fraction(0))
        along = float(self._held(z, rule, i, base) - base) / width
        moved = [(where, ratio * slope) for where, slope in slopes[i].items()]
        moved += [((vertex, i), -ratio * float(share)) for share, vertex in rule.base]
        for vertex, sign in ((q, 1.0), (p, -1.0)):
            moved += [((vertex, o), sign * along), ((vertex, i), -sign * along * ratio)]
        for where, slope in moved:
            slopes[o][where] = slopes[o].get(where, 0.0) + slope


def recognised(value: Fraction, bits: int) -> Fraction | None:
    """Return the rational that a number given to so many bits seems to be; None if it seems to be none."""
    top, bottom = a, b = value.numerator, value.denominator
    before, last = (0, 1), (1, 0)
    while b:
        whole, rest = divmod(a, b)
        before, last = last, (whole * last[0] + before[0], whole * last[1] + before[1])
        if last[1].bit_length() > bits // 2 - _SPARE:
            return None
        # The two differ by less than 2 ** (_SPARE - bits), in integers: fractions would be reduced at each step.
        if abs(last[0] * bottom - top * last[1]) << bits - _SPARE < last[1] * bottom:
            return Fraction(*last)
        a, b = b, rest
    return None


def _grid(value: Fraction, bits: int, less: int) -> Fraction:
    """Return a number on a grid of so many bits, less so many steps of the grid."""
    return Fraction((value.numerator << bits) // value.denominator - less, 1 << bits)


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
        weights = np.zeros(len(self.lowest))
        weights[list(law)] = [float(p) for p in law.values()]
        points = self.fan.sum(weights)
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
        region = stable(points, needed)
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


def stable(points: Floats, needed: Sequence[float] | Floats) -> Polygon:
    """Return the corners of the continuations at which nobody gains by deviating."""
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
