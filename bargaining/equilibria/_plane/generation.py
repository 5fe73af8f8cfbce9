r"""Payoff sets in rationals: vertices that generate themselves, checked without a rounding error.

Each vertex of a set has a recipe: its row, and the vertices that may follow or the thresholds that bind. Coordinates at
which nobody is held to a threshold, or that are thresholds, are linear in each other, and are solved for in rationals;
one on an edge follows from these. If all are known the set is exact. Other coordinates are moved
towards the middle of what their row generates by a tiny share, the *inset*, and Newton's method in floats finds the set
in which they keep their recipes: what is generated with room to spare bears rounding.

That they are generated is then checked in rationals.

Where that fails at a row which only rounding lets in, the sets are searched for again without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from math import inf

import numpy as np

from bargaining._arrays import Floats
from bargaining._names import titles
from bargaining._rational import fractions, solve
from bargaining.equilibria._budget import Budget
from bargaining.equilibria._plane.lottery import Pair, above, below, hull
from bargaining.equilibria._plane.polygon import Polygon, beyond
from bargaining.equilibria._plane.rationals import ExactGame, Sum, Sums, Work
from bargaining.equilibria.sets import search
from bargaining.equilibria.sets.fan import hull as outline
from bargaining.equilibria.sets.fan import of_polygons, simplified
from bargaining.equilibria.sets.image import Image, Recipes
from bargaining.equilibria.sets.rows import EASE, Indices, Mask, Rows, Scaled
from bargaining.equilibria.sets.structure import Equations
from bargaining.games.stochastic import StochasticGame

Sets = tuple[tuple[Pair, ...], ...]


def floats(vertices: Sequence[Pair]) -> Polygon:
    """Return a polygon rounded to floats."""
    return [(float(x), float(y)) for x, y in vertices]


NEAR = 1e-9
"""How far inside what was found in floats a generation may lie, as a share of the payoff range."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a vertex is played: a row and the payoffs promised after it, or the outcome `source` of leaving."""

    row: int
    promise: Pair | None
    source: int = -1


@dataclass(slots=True, eq=False)
class Generation:
    """Vertices of each state in rationals, in the box of `data`, that generate themselves as `plans` say.

    `exact` tells whether they are the vertices of the payoff sets; otherwise they lie inside them, by more than
    rounding if `fault_of_hints` says why.
    """

    data: ExactGame
    vertices: tuple[tuple[Pair, ...], ...]
    plans: tuple[tuple[Plan, ...], ...]
    exact: bool
    fault_of_hints: str = ""
    threat: tuple[list[Fraction | None], list[Fraction | None]] = field(init=False)
    _sums: Sums = field(init=False)
    _after: dict[int, Sum] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.threat = (
            [min((v[0] for v in polygon), default=None) for polygon in self.vertices],
            [min((v[1] for v in polygon), default=None) for polygon in self.vertices],
        )
        self._sums = Sums(self.vertices)

    def after(self, row: int) -> Sum:
        """Return the continuations of a row."""
        if row not in self._after:
            self._after[row] = self._sums.of(self.data.law(row))
        return self._after[row]

    def fault(self) -> str:
        """Return why the vertices do not generate themselves, checked exactly; empty if they do."""
        return next((fault for _, fault in self.faults()), "")

    def faults(self) -> Iterator[tuple[int, str]]:
        """Yield the rows of vertices that are not generated, and why."""
        for s, (vertices, plans) in enumerate(zip(self.vertices, self.plans, strict=True)):
            for vertex, plan in zip(vertices, plans, strict=True):
                fault = (
                    self._leaves(s, vertex, plan) if plan.promise is None else self._stays(s, vertex, plan)
                )
                if fault:
                    x, y = (float(value) for value in self.data.back(vertex))
                    where = f"vertex ({x:.6g}, {y:.6g}) of state {self.data.game.states[s]}"
                    yield plan.row, f"{where}: {fault}"

    def _stays(self, s: int, vertex: Pair, plan: Plan) -> str:
        data, promise, names = self.data, plan.promise, self.data.game.player_names
        assert promise is not None
        if data.state[plan.row] != s:
            return "its profile belongs to another state"
        for i in (0, 1):
            if vertex[i] != data.now[plan.row][i] + data.discounts[i] * promise[i]:
                return f"the promise does not give {titles(names)[i]} its payoff"
            best, own = data.best(i, plan.row, self.threat[i]), data.own(s, i)
            if best is None:
                return f"{titles(names)[i]} can move to a state without equilibrium"
            if vertex[i] < best:
                return f"{titles(names)[i]} gains by deviating"
            if own is not None and vertex[i] < own:
                return f"{titles(names)[i]} gains by leaving"
        return "" if self.after(plan.row).lottery(promise) is not None else "the promise lies outside"

    def _leaves(self, s: int, vertex: Pair, plan: Plan) -> str:
        point, leaver = self.data.ends[s][plan.source]
        if vertex != point:
            return "leaving does not give its payoffs"
        if leaver is None or self.challenge(s, leaver) is not None:
            return ""
        return f"{titles(self.data.game.player_names)[leaver]} would rather stay"

    def challenge(self, state: int, leaver: int) -> Plan | None:
        """Return a plan that gives a player who stayed, but should have left, at most her payoff from leaving."""
        return next(self._challenges(state, leaver), None)

    def _challenges(self, state: int, leaver: int) -> Iterator[Plan]:
        """Search every profile for a plan, stable among players who have stayed, that gives the leaver little."""
        data, limit = self.data, self.data.own(state, leaver)
        for row in data.rows(state):
            best = [data.best(i, row, self.threat[i]) for i in (0, 1)]
            hers = best[leaver]
            if best[0] is None or best[1] is None or hers is None or limit is None or hers > limit:
                continue
            for promise in self._stable(row, best):
                value = data.now[row][leaver] + data.discounts[leaver] * promise[leaver]
                if value <= limit:
                    yield Plan(row, promise)

    def _stable(self, row: int, best: Sequence[Fraction | None]) -> list[Pair]:
        """Return the corners of the continuations at which nobody gains by deviating."""
        data, polygon = self.data, list(self.after(row).vertices)
        for i in (0, 1):
            least, delta = best[i], data.discounts[i]
            if least is None or (not delta and least > data.now[row][i]):
                return []
            if delta:
                polygon = above(polygon, i, (least - data.now[row][i]) / delta)
        return polygon


_INSETS = 1e-14, 1e-13, 1e-12, 1e-11, 1e-10
"""Of the way to the middle of what a row generates: rounding is smaller than the first, no loss as large as the last"""
_SAME = 1e-12  # of the unit box: corners this close to each other are one
_CROWDED = 1e-11  # of the unit box: so close to the others' chord corners are left out where patience differs
_READINGS = 4  # of recipes, with fewer and fewer rows
_MANY = 40  # vertices beyond which no exact solution is looked for


def generate(game: StochasticGame, sets: Sequence[Floats], work: Work | None = None) -> Generation | str:
    """Return rational polygons that generate themselves, exact if possible; or the reason why there are none.

    Parameters
    ----------
    game : StochasticGame
        The game, of one state where it is repeated.
    sets : sequence of ndarray of shape (m, 2)
        The vertices of each state's set in floats, counter-clockwise: hints that are checked.
    work : Work, optional
        The budget; Spent is raised if it is not enough.

    Returns
    -------
    Generation or str
        If its `fault_of_hints` is not empty it lies farther than rounding inside the sets: something in them holds in
        floats only.
    """
    data, work = ExactGame(game), work or Work()
    hints = tuple(tuple(data.scaled(pair) for pair in fractions(some).tolist()) for some in sets)
    if not any(hints):
        return Generation(data, ((),) * len(hints), ((),) * len(hints), exact=True)
    best, short, fault = None, inf, ""
    for made in _attempts(data, [np.array(floats(some)).reshape(-1, 2) for some in hints], work):
        if isinstance(made, str):
            fault = made
            continue
        pairs = [(a, b) for a, b in zip(hints, made.vertices, strict=True) if a]
        off = max(beyond(floats(a), floats(b)) if b else inf for a, b in pairs)
        if off <= NEAR:
            return made
        if off < short:
            best, short = made, off
    return (fault or "these sets generate nothing") if best is None else replace(best, fault_of_hints=fault)


def _attempts(data: ExactGame, sets: list[Floats], work: Work) -> Iterator[Generation | str]:
    """Yield sets with exact vertices, or with room to spare; then those without rows that only rounding lets in."""
    rows = Scaled.of(data.game).rows
    for _ in range(_READINGS):
        recipes = _Recipes.of(data, rows, sets) if any(map(len, sets)) else None
        if recipes is None:
            break
        every, given, row = 2 * len(recipes.equations.corners), recipes.leaving(), -1
        known = recipes.known(work) if every <= 2 * _MANY else given
        tries = [(known, 0.0)] if len(known) == every else [(known, inset) for inset in _INSETS]
        for fixed, inset in [*tries, *((given, inset) for inset in _INSETS if len(known) != len(given))]:
            work.spend(every * (1 + len(data.state)))
            made = recipes.moved(fixed, inset)
            if made is None:
                yield "the equations of the vertices have no solution"
                continue
            number, fault = next(made.faults(), (-1, ""))
            if row < 0 or tries[0][1]:  # exact vertices say best which row it is
                row = number
            yield fault or made
        if row < 0:
            break
        rows = replace(rows, barred=rows.barred | (rows.origin == row))
        sets = search.solve(rows, NEAR, Budget()).outer


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
    def of(cls, data: ExactGame, rows: Rows, sets: Sequence[Floats]) -> _Recipes | None:
        """Read the recipes off sets in the unit box; None if some state's set generates nothing."""
        empty = np.array([not len(vertices) for vertices in sets])
        rows = rows.without(empty) if empty.any() else rows
        polygons = [vertices for vertices in sets if len(vertices)]
        image = Image(rows, *of_polygons(polygons, rows.discounts), ~rows.barred)
        recipes, (points, exist) = image.recipes(), image._points()
        if not all(len(some.points) for some in recipes):
            return None
        recipes = [some.of(simplified(some.points, EASE if rows.common else _CROWDED)) for some in recipes]
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

    def moved(self, known: _Known, inset: float) -> Generation | None:
        """Return the sets in which known coordinates stay and others move in; None if Newton's method fails."""
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
            return None
        corners = np.concatenate(solution).tolist()
        exact: list[Pair] = [
            (known.get((k, 0), Fraction(x)), known.get((k, 1), Fraction(y)))
            for k, (x, y) in enumerate(corners)
        ]
        chosen: list[list[int]] = [[] for _ in self.data.game.games]
        for s, start, stop in zip(self.states, e.start, e.start[1:], strict=False):
            chosen[s] = [int(start) + n for n in hull(exact[start:stop])]
        vertices = tuple(tuple(exact[k] for k in some) for some in chosen)
        sums = Sums(vertices)
        plans = tuple(tuple(self._plan(k, exact[k], sums) for k in some) for some in chosen)
        return Generation(self.data, vertices, plans, exact=not inset and not e.mix.any())

    def _plan(self, k: int, vertex: Pair, sums: Sums) -> Plan:
        """Return the continuation behind a vertex; a player with discount factor 0 takes any that is feasible."""
        data, row = self.data, self.number[k]
        if row >= len(data.state):
            state = self.states[int(np.searchsorted(self.equations.start, k, "right")) - 1]
            earlier = sum(len(data.ends[s]) for s in range(state))
            return Plan(-1, None, row - len(data.state) - earlier)
        out = [(vertex[i] - data.now[row][i]) / d if d else None for i, d in enumerate(data.discounts)]
        after = list(sums.of(data.law(row)).vertices) if None in out else []
        for i, value in enumerate(out):
            if value is not None and after:
                after = above(below(after, i, value), i, value) or after
        x, y = (
            (after[0][i] if after else Fraction(0)) if value is None else value for i, value in enumerate(out)
        )
        return Plan(row, (x, y))


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
