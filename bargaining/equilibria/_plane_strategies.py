r"""Payoff sets in rationals: vertices that generate themselves, as the nodes of an automaton without regret.

Each vertex of a set has a recipe: its row, and the vertices that may follow or the thresholds that bind. Coordinates at
which nobody is held to a threshold, or that are thresholds, are linear in each other, and are solved for in rationals;
one on an edge follows from these. If all are known the set is exact. Other coordinates are moved
towards the middle of what their row generates by a tiny share, the *inset*, and Newton's method in floats finds the set
in which they keep their recipes: what is generated with room to spare bears rounding.

That what follows is a lottery over vertices, and that nobody gains by a deviation, is then checked in rationals.

Where that fails at a row which only rounding lets in, the sets are searched for again without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, pairwise
from math import inf
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import whole
from bargaining._arrays import ArrayLike, Floats, real, scalar
from bargaining._rational import floats, fractions, solve
from bargaining.equilibria._affine import Budget
from bargaining.equilibria._exact_game import DEFAULT, ExactGame, Law, Spent, Work
from bargaining.equilibria.automaton import Lottery as Lottery
from bargaining.equilibria.automaton import Pair as Pair
from bargaining.equilibria.automaton import Payoffs as Payoffs
from bargaining.equilibria.automaton import State, StochasticAutomaton, begun
from bargaining.equilibria.payoff_polygon import PayoffPolygon, distances
from bargaining.equilibria.sets import search
from bargaining.equilibria.sets.bounds import Image, Recipes, of_polygons, simplified
from bargaining.equilibria.sets.bounds import hull as outline
from bargaining.equilibria.sets.rows import EASE, Indices, Mask, Rows, Scaled
from bargaining.equilibria.sets.structure import Equations
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved
from bargaining.feasible._polygon import area, clip, ring
from bargaining.games.stochastic import StochasticGame

_AXES = (Fraction(-1), Fraction(0)), (Fraction(0), Fraction(-1))


def convex_lottery(vertices: Sequence[Pair], point: Pair) -> Lottery | None:
    """Return the lottery over three vertices in strictly convex position, or fewer; None if there is none.

    The triangle with the first vertex that holds the point is found by bisection.
    """
    low, high = 1, len(vertices) - 1
    if high < 1:
        return ((0, Fraction(1)),) if point in vertices else None
    if high == 1:
        share, at = _projection(vertices[0], vertices[1], point)
        return _lottery({0: 1 - share, 1: share}) if at == point else None
    while high - low > 1:
        middle = (low + high) // 2
        if area(vertices[0], vertices[middle], point) >= 0:
            low = middle
        else:
            high = middle
    p, q, r = vertices[0], vertices[low], vertices[high]
    whole = area(p, q, r)
    b, c = area(p, point, r) / whole, area(p, q, point) / whole
    return _lottery({0: 1 - b - c, low: b, high: c}) if b >= 0 and c >= 0 and b + c <= 1 else None


def nearest(vertices: Sequence[Pair], point: Pair) -> Lottery:
    """Return a lottery over vertices with this mean, or with the nearest possible one."""
    lottery = convex_lottery(vertices, point)
    if lottery is not None:
        return lottery
    near = min(range(len(vertices)), key=lambda k: _square(vertices[k], point))
    best, out = _square(vertices[near], point), {near: Fraction(1)}
    for k, q in enumerate(vertices):
        share, at = _projection(vertices[k - 1], q, point)
        # Prefer a vertex to a point that is hardly nearer.
        if _square(at, point) < best - Fraction(1, 2**80):
            best, out = _square(at, point), {(k - 1) % len(vertices): 1 - share, k: share}
    return _lottery(out)


def _lottery(shares: dict[int, Fraction]) -> Lottery:
    return tuple((k, share) for k, share in shares.items() if share)


def _square(p: Pair, q: Pair) -> Fraction:
    return (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2


def _projection(p: Pair, q: Pair, point: Pair) -> tuple[Fraction, Pair]:
    """Return the point nearest to another on the segment from p to q, and its share of the way."""
    dx, dy = q[0] - p[0], q[1] - p[1]
    share = ((point[0] - p[0]) * dx + (point[1] - p[1]) * dy) / (dx * dx + dy * dy or 1)
    share = min(max(share, Fraction(0)), Fraction(1))
    return share, (p[0] + share * dx, p[1] + share * dy)


def between(polygon: list[Pair], i: int, least: Fraction | None, most: Fraction | None) -> list[Pair]:
    """Return the part of a convex polygon where coordinate i lies between bounds."""
    x, y = _AXES[i]
    polygon = polygon if least is None else clip(polygon, (x, y), -least)
    return polygon if most is None else clip(polygon, (-x, -y), most)


def hull(points: Sequence[Pair]) -> list[int]:
    """Return which points are the vertices of their convex hull, counter-clockwise, exactly."""
    first = dict(zip(points[::-1], range(len(points) - 1, -1, -1), strict=True))
    return [first[point] for point in ring(first)]


class Sum(NamedTuple):
    """A weighted sum of polygons: its vertices, and which vertex of each state's polygon they stand on."""

    vertices: tuple[Pair, ...]
    at: list[dict[int, int]]

    def lottery(self, point: Pair) -> dict[int, Lottery] | None:
        """Return, for each next state, a lottery over its vertices; None if the point lies outside."""
        found = convex_lottery(self.vertices, point)
        if found is None:
            return None
        out: dict[int, Lottery] = {}
        for s in self.at[0] if self.at else ():
            shares: dict[int, Fraction] = {}
            for k, share in found:
                vertex = self.at[k][s]
                shares[vertex] = shares.get(vertex, Fraction(0)) + share
            out[s] = tuple((vertex, share) for vertex, share in shares.items() if share)
        return out


class Sums:
    """Weighted sums of convex polygons given counter-clockwise: their edges are sorted by angle once."""

    def __init__(self, polygons: Sequence[tuple[Pair, ...]]) -> None:
        self.polygons = polygons
        # The leftmost of the lowest vertices.
        self.start = [
            min(range(len(polygon)), key=lambda k: (polygon[k][1], polygon[k][0]), default=-1)
            for polygon in polygons
        ]
        edges = [
            ((polygon[k][0] - polygon[k - 1][0], polygon[k][1] - polygon[k - 1][1]), s, k)
            for s, polygon in enumerate(polygons)
            for k in range(len(polygon))
            if len(polygon) > 1
        ]
        self.edges = sorted([(_angle(edge), edge, s, k) for edge, s, k in edges], key=lambda each: each[0])

    def of(self, law: Law) -> Sum:
        """Return the sum weighted by a law; no vertex of it if a state that may follow has none."""
        if any(not self.polygons[s] for s in law):
            return Sum((), [])
        stand = {s: self.start[s] for s in law}
        x, y = (sum((p * self.polygons[s][stand[s]][i] for s, p in law.items()), Fraction(0)) for i in (0, 1))
        vertices, at = [(x, y)], [dict(stand)]
        last: tuple[bool, Fraction | float] | None = None
        for angle, direction, s, k in self.edges:
            if s not in law:
                continue
            x, y = x + law[s] * direction[0], y + law[s] * direction[1]
            stand[s] = k
            if last == angle:
                vertices[-1], at[-1] = (x, y), dict(stand)
            else:
                vertices.append((x, y))
                at.append(dict(stand))
            last = angle
        if len(vertices) > 1:  # the last step returns to the first vertex
            vertices.pop()
            at.pop()
        return Sum(tuple(vertices), at)


def _angle(d: Pair) -> tuple[bool, Fraction | float]:
    """Return what orders directions by their angle from 0 to 360 degrees."""
    return d[1] < 0 or (d[1] == 0 and d[0] < 0), -d[0] / d[1] if d[1] else -inf


Sets = tuple[tuple[Pair, ...], ...]


NEAR = 1e-9
"""How far inside what was found in floats a generation may lie, as a share of the payoff range."""


@dataclass(frozen=True, slots=True, eq=False)
class Generation:
    """Vertices of each state in rationals, in the box of `data`, and an automaton: nodes that play them come first.

    `exact` tells whether they are the vertices of the payoff sets; otherwise they lie inside them, by more than
    rounding if `fault_of_hints` says why.
    """

    data: ExactGame
    vertices: tuple[tuple[Pair, ...], ...]
    nodes: tuple[State, ...]
    exact: bool
    fault_of_hints: str = ""

    @property
    def polygons(self) -> list[Floats]:
        """The vertices in floats, (m, 2) for each state."""
        return [floats(some).reshape(-1, 2) for some in self.vertices]


_INSETS = 1e-14, 1e-13, 1e-12, 1e-11, 1e-10
"""Of the way to the middle of what a row generates: rounding is smaller than the first, no loss as large as the last"""
_SAME = 1e-12  # of the unit box: corners this close to each other are one
_CROWDED = (
    1e-11,
    3e-10,
)  # of the unit box: so close to the others' chord corners are left out where patience differs
_READINGS = 4  # of recipes, with fewer and fewer rows
_MANY = 40  # vertices beyond which no exact solution is looked for


def generate(game: StochasticGame, sets: Sequence[Floats], work: Work | None = None) -> Generation | str:
    """Return rational polygons that generate themselves, exact if possible; or the reason why there are none.

    The vertices (m, 2) of each state's set in floats, counter-clockwise, are hints that are checked. If
    `fault_of_hints` of the result is not empty, it lies farther than rounding inside them: something in them holds in
    floats only. Spent is raised if the work is not enough.
    """
    data, work = ExactGame(game), work or Work()
    hints = [floats([data.scaled(pair) for pair in fractions(some).tolist()]).reshape(-1, 2) for some in sets]
    if not any(map(len, hints)):
        return Generation(data, ((),) * len(hints), (), exact=True)
    best, short, fault = None, inf, ""
    for made in _attempts(data, hints, work):
        if isinstance(made, str):
            fault = made
            continue
        pairs = [(a, b) for a, b in zip(hints, made.polygons, strict=True) if len(a)]
        off = max(float(distances(a, b).max()) if len(b) else inf for a, b in pairs)
        if off <= NEAR:
            return made
        if off < short:
            best, short = made, off
    return (fault or "these sets generate nothing") if best is None else replace(best, fault_of_hints=fault)


def _attempts(data: ExactGame, sets: list[Floats], work: Work) -> Iterator[Generation | str]:
    """Yield sets with exact vertices, or with room to spare; then those without rows that only rounding lets in."""
    rows = Scaled.of(data.game).rows
    for _ in range(_READINGS):
        row = -1
        for crowded in (EASE,) if rows.common else _CROWDED:
            recipes = _Recipes.of(data, rows, sets, crowded) if any(map(len, sets)) else None
            if recipes is None:
                return
            every, given = 2 * len(recipes.equations.corners), recipes.leaving()
            known = recipes.known(work) if every <= 2 * _MANY else given
            tries = [(known, 0.0)] if len(known) == every else [(known, inset) for inset in _INSETS]
            for fixed, inset in [*tries, *((given, inset) for inset in _INSETS if len(known) != len(given))]:
                work.spend(every * (1 + len(data.state)))
                made = recipes.moved(fixed, inset)
                if isinstance(made, Generation):
                    yield made
                    continue
                number, fault = made
                if row < 0 or tries[0][1]:  # exact vertices say best which row it is
                    row = number
                yield fault
        if row < 0:
            break
        rows = replace(rows, barred=rows.barred | (rows.origin == row))
        sets = search.solve(rows, NEAR, Budget()).outer


_Limits = Sequence[Fraction | None]
_Known = dict[tuple[int, int], Fraction]
"""Coordinates of corners: (corner, player)."""


@dataclass(frozen=True, eq=False)
class _Recipes:
    """The recipes of the corners of all states, from the image of sets in floats."""

    data: ExactGame
    equations: Equations
    image: Image
    number: list[int]  # of the row behind each corner, profiles before outcomes of leaving
    replies: list[list[int]]  # of the rows of best deviations
    states: list[int]  # those that have equilibria

    @classmethod
    def of(cls, data: ExactGame, rows: Rows, sets: Sequence[Floats], crowded: float) -> _Recipes | None:
        """Read the recipes off sets in the unit box, without crowded corners; None if a set generates nothing."""
        empty = np.array([not len(vertices) for vertices in sets])
        rows = rows.without(empty) if empty.any() else rows
        polygons = [vertices for vertices in sets if len(vertices)]
        image = Image(rows, *of_polygons(polygons, rows.discounts), ~rows.barred)
        recipes, (points, exist) = image.recipes(), image._points()
        if not all(len(some.points) for some in recipes):
            return None
        recipes = [some.of(simplified(some.points, crowded)) for some in recipes]
        for s, some in enumerate(recipes):
            _prefer_free(image, points, exist, s, some)
        equations = Equations(image, recipes, ~rows.barred).mixed()
        number = rows.origin[image.rows[equations.row]].tolist()
        replies = rows.origin[equations.best].tolist()
        return cls(data, equations, image, number, replies, np.flatnonzero(~empty).tolist())

    @cached_property
    def _slope(self) -> Pair | None:
        """How much each coordinate moves with the other if one state's set is a segment; its rows pay points of it."""
        e, data = self.equations, self.data
        points = sorted({data.payoffs[row] for row in self.number if row < len(data.state)})
        if len(e.corners) != 2 or len(data.game) > 1 or len(points) < 2:
            return None
        (a, b), (x, y) = points[0], points[-1]
        width, height = x - a, y - b
        return (width / height, height / width) if width and height else None

    def leaving(self) -> _Known:
        """Return the coordinates of outcomes of leaving."""
        data, gone = self.data, [k for k, row in enumerate(self.number) if row >= len(self.data.state)]
        ends = [point for s in range(len(data.game)) for point, _ in data.ends[s]]
        return {(k, i): ends[self.number[k] - len(data.state)][i] for k in gone for i in (0, 1)}

    def known(self, work: Work) -> _Known:
        """Return the coordinates that follow from the game in rationals."""
        known, leaving = _Known(), self.leaving()
        every = [(k, i) for k in range(len(self.number)) for i in (0, 1)]
        while True:
            rules = {at: (x, _Known()) for at, x in leaving.items()}
            rules |= {
                at: rule for at in every if at not in leaving and (rule := self._rule(*at, known)) is not None
            }
            while lost := [at for at, (_, on) in rules.items() if not on.keys() <= rules.keys()]:
                for at in lost:
                    del rules[at]
            work.spend(len(rules) ** 2)
            place = {at: n for n, at in enumerate(rules)}
            matrix = np.full((len(rules), len(rules)), Fraction(0), dtype=object)
            for at, (_, on) in rules.items():
                matrix[place[at], place[at]] += 1
                for other, weight in on.items():
                    matrix[place[at], place[other]] -= weight
            right = np.array([constant for constant, _ in rules.values()], dtype=object)
            solution = solve(matrix, right) if len(rules) > len(known) else None
            if solution is None:
                return known
            known = dict(zip(rules, solution, strict=True))

    def _rule(self, k: int, i: int, known: _Known) -> tuple[Fraction, _Known] | None:
        """Return a coordinate as a constant and weights of others; None if it slides along an edge by unknown steps."""
        data, e, row, shares = self.data, self.equations, self.number[k], (Fraction(1), Fraction(0))
        delta = data.discounts[i]
        if not delta:
            return data.now[row][i], {}
        ends = [end[k] for end in e.ends]
        if e.binds[i][k]:
            own = data.own(data.state[row], i)
            if e.leaves[k, i] and own is not None:
                return own, {}
            row, ends = self.replies[k][i], [e.lowest[i], e.lowest[i]]
        elif not e.free[k]:
            if self._slope is not None and self._slope[i]:
                (x, y), slope = self.data.payoffs[row], self._slope[i]
                return (x - slope * y if i == 0 else y - slope * x), {(k, 1 - i): slope}
            if not data.discounts[1 - i]:
                ends = [self._extreme(k, i)] * 2
            elif (share := self._share(k, 1 - i, known)) is None:
                return None
            else:
                shares = 1 - share, share
        else:
            shares = 1 - Fraction(e.mix[k]), Fraction(e.mix[k])
        place, on = {s: n for n, s in enumerate(self.states)}, _Known()
        for part, end in zip(shares, ends, strict=True):
            for s, chance in data.law(row).items() if part else ():
                at = int(end[place[s]]), i
                on[at] = on.get(at, Fraction(0)) + delta * chance * part
        return data.now[row][i], on

    def _extreme(self, k: int, i: int) -> Indices:
        """Return the highest or the lowest corners for player i, whichever may follow where the other does not care."""
        e, parts = self.equations, pairwise(self.equations.start.tolist())
        w = (e.corners[k, i] - e.base[k, i]) / e.discounts[i]
        sides = np.array([[a + f(e.corners[a:b, i]) for f in (np.argmin, np.argmax)] for a, b in parts]).T
        return np.asarray(min(sides, key=lambda side: abs(float(e.law[k] @ e.corners[side, i]) - w)))

    def _share(self, k: int, i: int, known: _Known) -> Fraction | None:
        """Return where player i's threshold meets an edge; None if that is not known."""
        data, row, place = self.data, self.number[k], {s: n for n, s in enumerate(self.states)}
        corners = [
            [(int(end[k, place[s]]), p) for s, p in data.law(row).items()] for end in self.equations.ends
        ]
        if (
            not data.discounts[i]
            or not {(k, i), *((n, i) for some in corners for n, _ in some)} <= known.keys()
        ):
            return None
        one, other = (sum((p * known[n, i] for n, p in some), Fraction(0)) for some in corners)
        ahead = (known[k, i] - data.now[row][i]) / data.discounts[i] - one
        return ahead / (other - one) if other != one else None

    def moved(self, known: _Known, inset: float) -> Generation | tuple[int, str]:
        """Return the sets in which known coordinates stay and others move in, or a row that fails, and why."""
        e = self.equations
        share, towards = np.full(e.corners.shape, inset), e.corners.copy()
        for (k, i), value in known.items():
            share[k, i], towards[k, i] = 1.0, float(value)
        points, exist = self.image._points()
        for k, i in np.argwhere(share < 1.0).tolist():
            ring = points[e.row[k]][exist[e.row[k]]]
            ring = ring[outline(ring)]
            towards[k, i] = (
                _across(ring, i, towards[k, 1 - i]) if share[k, 1 - i] == 1.0 else ring[:, i].mean()
            )
        solution = e.solve(share, towards) if inset else np.split(towards, e.start[1:-1])
        if solution is None:
            return -1, "the equations of the vertices have no solution"
        corners = np.concatenate(solution).tolist()
        exact: list[Pair] = [
            (known.get((k, 0), Fraction(x)), known.get((k, 1), Fraction(y)))
            for k, (x, y) in enumerate(corners)
        ]
        chosen: list[list[int]] = [[] for _ in self.data.game.games]
        for s, start, stop in zip(self.states, e.start, e.start[1:], strict=False):
            chosen[s] = [int(start) + n for n in hull(exact[start:stop])]
        vertices = tuple(tuple(exact[k] for k in some) for some in chosen)
        nodes = _Nodes(self.data, vertices, [[self.number[k] for k in some] for some in chosen]).built()
        if isinstance(nodes, tuple):
            return nodes
        return Generation(self.data, vertices, tuple(nodes), exact=not inset and not e.mix.any())


class _Nodes:
    """Makes nodes of vertices and their rows: what follows are lotteries over vertices."""

    def __init__(
        self, data: ExactGame, vertices: tuple[tuple[Pair, ...], ...], rows: list[list[int]]
    ) -> None:
        self.data, self.vertices, self.rows, self.sums = data, vertices, rows, Sums(vertices)
        self.first = [0, *accumulate(map(len, vertices))]
        # Leaving rather than a profile punishes.
        self.worst = [
            [
                min(range(len(some)), key=lambda n: (some[n][i], own[n] < len(data.state)), default=-1)
                for some, own in zip(vertices, rows, strict=True)
            ]
            for i in (0, 1)
        ]
        self.threat = [
            [some[n][i] if some else None for some, n in zip(vertices, worst, strict=True)]
            for i, worst in enumerate(self.worst)
        ]

    def built(self) -> list[State] | tuple[int, str]:
        """Return the nodes of the vertices and of what is played if somebody stays; or a row that fails, and why."""
        data, nodes, more = self.data, list[State](), list[State]()
        ends = [end for some in data.ends for end in some]
        rows = [
            (s, vertex, row)
            for s, some in enumerate(self.vertices)
            for vertex, row in zip(some, self.rows[s], strict=True)
        ]
        for s, vertex, row in rows:
            if row < len(data.state):
                node = self._played(s, row, vertex, vertex)
            else:
                leaver = ends[row - len(data.state)][1]
                stay = None if leaver is None else self._challenge(s, leaver)
                node = (
                    None
                    if leaver is not None and stay is None
                    else State(
                        state=s,
                        profile=None,
                        leavers=data.leavers(s) if leaver is None else (leaver,),
                        following={},
                        stayed=None if stay is None else self.first[-1] + len(more),
                        payoffs=data.back(vertex),
                    )
                )
                more += [] if stay is None else [stay]
            if node is None:
                return row, f"{self._name(s, vertex)}: what it promises cannot be given"
            nodes.append(node)
        nodes += more
        automaton = StochasticAutomaton(game=data.game, nodes=tuple(nodes), start=((0, Fraction(1)),))
        for k, gain in automaton._gains():
            if gain > 0:
                where = self._name(nodes[k].state, data.scaled(nodes[k].payoffs))
                return rows[k][2] if k < len(rows) else -1, f"{where}: a player gains by deviating"
        return nodes

    def _name(self, state: int, vertex: Pair) -> str:
        x, y = (float(value) for value in self.data.back(vertex))
        return f"vertex ({x:.6g}, {y:.6g}) of state {self.data.names[state]}"

    def _challenge(self, state: int, leaver: int) -> State | None:
        """Return a node that gives a player who stayed, but should have left, at most her payoff from leaving."""
        data, limit = self.data, self.data.own(state, leaver)
        for row in data.rows(state):
            best = [data.best(i, row, self.threat[i]) for i in (0, 1)]
            if None not in best:
                node = self._played(state, row, best, [limit if i == leaver else None for i in (0, 1)])
                if node is not None:
                    return replace(node, challenged=True)
        return None

    def _played(self, state: int, row: int, least: _Limits, most: _Limits) -> State | None:
        """Return a node that plays a row for payoffs between limits; None if nothing that can follow gives these."""
        data, after = self.data, self.sums.of(self.data.law(row))
        now, polygon = data.now[row], list(after.vertices)
        for i, d in enumerate(data.discounts):
            low, high = (None if x is None else x - now[i] for x in (least[i], most[i]))
            if d:
                polygon = between(polygon, i, *(None if x is None else x / d for x in (low, high)))
            elif (low is not None and low > 0) or (high is not None and high < 0):
                return None
        lotteries = after.lottery(polygon[0]) if polygon else None
        if lotteries is None:
            return None
        reached = [{t for r in data.replies(row, i) if r != row for t in data.law(r)} for i in (0, 1)]
        one, other = (
            {s: self.first[s] + self.worst[i][s] for s in sorted(states)} for i, states in enumerate(reached)
        )
        later = zip(now, data.discounts, polygon[0], strict=True)
        return State(
            state=state,
            profile=data.actions(row),
            following={s: tuple((self.first[s] + n, q) for n, q in each) for s, each in lotteries.items()},
            punishment=(one, other),
            payoffs=data.back([x + d * y for x, d, y in later]),
        )


def _across(ring: Floats, i: int, level: float) -> float:
    """Return the middle of a polygon's coordinate i where the other one has some value."""
    after, o = np.roll(ring, -1, axis=0), 1 - i
    low, high = np.minimum(ring[:, o], after[:, o]), np.maximum(ring[:, o], after[:, o])
    meets = (low <= level + _SAME) & (level <= high + _SAME)
    width = np.where(high > low, after[:, o] - ring[:, o], 1.0)
    part = np.minimum(np.maximum((level - ring[:, o]) / width, 0.0), 1.0)
    values = (ring[:, i] + part * (after[:, i] - ring[:, i]))[meets]
    return float((values.min() + values.max()) / 2.0) if len(values) else float(ring[:, i].mean())


def _prefer_free(image: Image, points: Floats, exist: Mask, state: int, recipes: Recipes) -> None:
    """Give corners at which a threshold just binds the recipe of a corner of some row's set that is there as well."""
    rows, count = np.flatnonzero(image.state == state), len(image.fan)
    for k in np.flatnonzero(recipes.kind >= count).tolist():
        near = np.abs(points[rows, :count] - recipes.points[k]).max(axis=2) <= _SAME
        found = np.argwhere(near & exist[rows, :count] & image.playable[rows, None])
        if len(found):
            recipes.row[k], recipes.kind[k] = rows[found[0, 0]], found[0, 1]


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
) -> tuple[tuple[State, ...], Lottery]:
    """Return the nodes of an equilibrium with these payoffs, which are vertices of the sets, and its start.

    `found` is the set of the `state` where play starts, which `where` names; `hints` are as for `generate`. The payoffs
    of the equilibrium may differ by the tolerance, as a share of `found.scale`.
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
