r"""Payoff sets in rationals: vertices that generate themselves, as the nodes of an automaton without regret.

Each vertex of a set has a recipe: its row, and the vertices that may follow or the thresholds that bind. Newton's steps
with exact residuals solve the recipes' equations to hundreds of bits, so that rational coordinates are recognised. If
all are, the set is exact. Other coordinates are moved towards the middle of what their row generates by a tiny share,
the *inset*, and floats solve for the set in which they keep their recipes: what is generated with room to spare bears
rounding. That every promise is a lottery over vertices, and that nobody gains by a deviation, is then checked in
rationals.

Where that fails at a row which only rounding lets in, the sets are searched for again without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import inf

import numpy as np

from bargaining._arrays import Floats
from bargaining._rational import Rationals as Table
from bargaining._rational import floats, fractions, maximise
from bargaining.equilibria._budget import Budget
from bargaining.equilibria._plane.polygon import distances, hull
from bargaining.equilibria._plane.rationals import Rationals, Work
from bargaining.equilibria.automaton import Lottery, Node, Pair, StochasticAutomaton
from bargaining.equilibria.sets import search
from bargaining.equilibria.sets.fan import hull as outline
from bargaining.equilibria.sets.fan import of_polygons, simplified
from bargaining.equilibria.sets.image import Image, Recipes
from bargaining.equilibria.sets.rows import EASE, Indices, Mask, Rows, Scaled
from bargaining.equilibria.sets.structure import Equations
from bargaining.games.stochastic import StochasticGame

NEAR = 1e-9
"""How far inside what was found in floats a generation may lie, as a share of the payoff range."""

_INSETS = 1e-14, 1e-13, 1e-12, 1e-11, 1e-10
"""Of the way to the middle of what a row generates: rounding is smaller than the first, no loss as large as the last"""
_SAME = 1e-12  # of the unit box: corners this close to each other are one
_CROWDED = 1e-11  # of the unit box: so close to the others' chord corners are left out where patience differs
_READINGS = 4  # of recipes, with fewer and fewer rows
_MANY = 40  # vertices beyond which no exact solution is looked for
_BITS = 80, 160, 320, 640  # of solutions, a third of which a denominator may have
_GAINED = 30  # bits that a step with exact residuals adds at least
_ZERO, _ONE = Fraction(0), Fraction(1)

_Bounds = Sequence[Fraction | None]


@dataclass(frozen=True, slots=True, eq=False)
class Generation:
    """Vertices of each state in rationals, in the box of `data`, and an automaton: nodes that play them come first.

    `exact` tells whether they are the vertices of the payoff sets; otherwise they lie inside them, by more than
    rounding if `fault_of_hints` says why.
    """

    data: Rationals
    vertices: tuple[tuple[Pair, ...], ...]
    nodes: tuple[Node, ...]
    exact: bool
    fault_of_hints: str = ""

    @property
    def polygons(self) -> list[Floats]:
        """The vertices in floats, (m, 2) for each state."""
        return [floats(some).reshape(-1, 2) for some in self.vertices]


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
    data, work = Rationals(game), work or Work()
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


def _attempts(data: Rationals, sets: list[Floats], work: Work) -> Iterator[Generation | str]:
    """Yield sets with exact vertices, or with room to spare; then those without rows that only rounding lets in."""
    rows = Scaled.of(data.game).rows
    for _ in range(_READINGS):
        recipes = _Recipes.of(data, rows, sets) if any(map(len, sets)) else None
        if recipes is None:
            break
        every, fixed, row = 2 * len(recipes.equations.corners), recipes.fixed(), -1
        known = recipes.known(work) if every <= 2 * _MANY else fixed
        tries = [(known, 0.0)] if len(known) == every else [(known, inset) for inset in _INSETS]
        for some, inset in [*tries, *((fixed, inset) for inset in _INSETS if len(known) != len(fixed))]:
            work.spend(every * (1 + len(data.state)))
            made = recipes.moved(some, inset)
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


_Known = dict[tuple[int, int], Fraction]
"""Coordinates of corners: (corner, player)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Recipes:
    """The recipes of the corners of all states, from the image of sets in floats."""

    data: Rationals
    equations: Equations
    image: Image
    number: list[int]  # of the row behind each corner, profiles before outcomes of leaving
    replies: list[list[int]]  # of the rows of best deviations
    states: list[int]  # those that have equilibria

    @classmethod
    def of(cls, data: Rationals, rows: Rows, sets: Sequence[Floats]) -> _Recipes | None:
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

    def fixed(self) -> _Known:
        """Return what does not depend on other corners: outcomes of leaving, and payoffs of who does not wait."""
        data, out = self.data, _Known()
        ends = [point for s in range(len(data.game)) for point, _ in data.leaves(s)]
        for k, row in enumerate(self.number):
            for i, d in enumerate(data.discounts):
                if row >= len(data.state):
                    out[k, i] = ends[row - len(data.state)][i]
                elif not d:
                    out[k, i] = data.now(i, row)
        return out

    def known(self, work: Work) -> _Known:
        """Return the coordinates that are recognised as rationals."""
        e, fixed, waits = self.equations, self.fixed(), all(self.data.discounts)
        corners = e.solve() if waits else [e.corners]
        linear = e.linearised(np.concatenate(corners)) if waits and corners else None
        if not corners or (waits and linear is None):
            return fixed
        x = fractions(np.concatenate(corners).ravel())
        for (k, i), value in fixed.items():
            x[2 * k + i] = value
        if linear is not None:
            slopes = linear[1].reshape(len(x), -1)
        else:  # who does not wait has no facets: the others' payoffs follow from extremes, and are linear
            units, now = fractions(np.eye(len(x))), self._generated(x, fixed)
            slopes = np.stack([floats(self._generated(x + unit, fixed) - now) for unit in units], axis=1)
        slopes[[2 * k + i for k, i in fixed]] = 0.0
        inverse = np.linalg.inv(np.eye(len(x)) - slopes)
        for bits in _BITS:
            for _ in range(bits // _GAINED):
                work.spend(len(x))
                off = self._generated(x, fixed) - x
                most = max(map(abs, off))
                if most < Fraction(1, 2**bits):
                    break
                step = inverse @ floats(off / most)
                x = np.array([Fraction(round(y * 2**bits), 2**bits) for y in x + most * fractions(step)])
            else:
                return fixed
            guess = np.array([y.limit_denominator(2 ** (bits // 3)) for y in x])
            if (self._generated(guess, fixed) == guess).all():
                break
        near = [abs(a - b) < Fraction(1, 2 ** (bits - bits // 6)) for a, b in zip(guess, x, strict=True)]
        return fixed | {divmod(n, 2): guess[n] for n in np.flatnonzero(near).tolist()}

    def _generated(self, flat: Table, fixed: _Known) -> Table:
        """Return the corners that follow from given ones by their recipes, both in one row of numbers."""
        data, e, x, out = self.data, self.equations, flat.reshape(-1, 2), flat.copy().reshape(-1, 2)
        place = {s: n for n, s in enumerate(self.states)}

        def mean(row: int, at: Indices, i: int) -> Fraction:
            return sum((p * x[int(at[place[s]]), i] for s, p in data.law(row).items()), _ZERO)

        for k, row in enumerate(self.number):
            needed = [_ZERO, _ZERO]
            for i in (0, 1):
                if (k, i) in fixed:
                    out[k, i] = needed[i] = fixed[k, i]
                elif e.binds[i][k]:
                    own, reply = data.own(data.state[row], i), self.replies[k][i]
                    if own is None or not e.leaves[k, i]:
                        own = data.now(i, reply) + data.discounts[i] * mean(reply, e.lowest[i], i)
                    out[k, i] = needed[i] = own
            for i, d in enumerate(data.discounts):
                if (k, i) in fixed or e.binds[i][k]:
                    continue
                ends, o = [end[k] for end in e.ends], 1 - i
                share = Fraction(e.mix[k])
                if not e.free[k] and data.discounts[o]:
                    (a, b), then = (mean(row, end, o) for end in ends), needed[o] - data.now(o, row)
                    share = (then / data.discounts[o] - a) / (b - a) if a != b else _ZERO
                elif not e.free[k]:
                    ends = [self._extreme(k, i)] * 2
                one, other = (mean(row, end, i) for end in ends)
                out[k, i] = data.now(i, row) + d * (one + share * (other - one))
        return out.ravel()

    def _extreme(self, k: int, i: int) -> Indices:
        """Return the highest or the lowest corners for player i, whichever may follow where the other does not care."""
        e, parts = self.equations, pairwise(self.equations.start.tolist())
        w = (e.corners[k, i] - e.base[k, i]) / e.discounts[i]
        sides = np.array([[a + f(e.corners[a:b, i]) for f in (np.argmin, np.argmax)] for a, b in parts]).T
        return np.asarray(min(sides, key=lambda side: abs(float(e.law[k] @ e.corners[side, i]) - w)))

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
        exact = [
            (known.get((k, 0), Fraction(x)), known.get((k, 1), Fraction(y)))
            for k, (x, y) in enumerate(corners)
        ]
        chosen: list[list[int]] = [[] for _ in self.data.game.games]
        for s, start, stop in zip(self.states, e.start, e.start[1:], strict=False):
            chosen[s] = [int(start) + n for n in hull(exact[start:stop], merge=0)]
        vertices = tuple(tuple(exact[k] for k in some) for some in chosen)
        rows = [[self.number[k] for k in some] for some in chosen]
        nodes = _Nodes(self.data, vertices, rows).built()
        if isinstance(nodes, tuple):
            return nodes
        return Generation(self.data, vertices, tuple(nodes), exact=not inset and not e.mix.any())


class _Nodes:
    """Makes nodes of vertices and their rows: promises become lotteries over vertices."""

    def __init__(
        self, data: Rationals, vertices: tuple[tuple[Pair, ...], ...], rows: list[list[int]]
    ) -> None:
        self.data, self.vertices, self.rows = data, vertices, rows
        self.first = np.concatenate([[0], np.cumsum([*map(len, vertices)])]).tolist()
        leave = len(data.state)  # rather leaving than a profile punishes
        self.worst = [
            [
                min(range(len(some)), key=lambda n: (some[n][i], own[n] < leave), default=-1)
                for some, own in zip(vertices, rows, strict=True)
            ]
            for i in (0, 1)
        ]
        self.threat = [
            [some[n][i] if some else None for some, n in zip(vertices, self.worst[i], strict=True)]
            for i in (0, 1)
        ]

    def built(self) -> list[Node] | tuple[int, str]:
        """Return the nodes of the vertices and of what is played if somebody stays; or a row that fails, and why."""
        data, nodes, extra, origin = self.data, list[Node](), list[Node](), list[int]()
        ends = [(s, *end) for s in range(len(data.game)) for end in data.leaves(s)]
        for s, (vertices, rows) in enumerate(zip(self.vertices, self.rows, strict=True)):
            for vertex, row in zip(vertices, rows, strict=True):
                node: Node | None = None
                origin.append(row)
                if row < len(data.state):
                    node = self._played(s, row, vertex, vertex)
                else:
                    leaver, leave = ends[row - len(data.state)][2], data.game.exits[s]
                    assert leave is not None
                    stay = None if leaver is None else self._challenge(s, leaver)
                    if leaver is None or stay is not None:
                        node = Node(
                            state=s,
                            profile=None,
                            leavers=leave.who if leaver is None else (leaver,),
                            stayed=None if stay is None else self.first[-1] + len(extra),
                            payoffs=data.back(vertex),
                        )
                        extra += [] if stay is None else [stay]
                if node is None:
                    return row, f"{self._name(s, vertex)}: what it promises cannot be given"
                nodes.append(node)
        automaton = StochasticAutomaton(game=data.game, nodes=(*nodes, *extra), start=((0, _ONE),))
        for k, gain in automaton._gains():
            if gain > 0:
                node = automaton.nodes[k]
                where = self._name(node.state, data.scaled(node.payoffs))
                return (origin[k] if k < len(origin) else -1), f"{where}: a player gains by deviating"
        return [*automaton.nodes]

    def _name(self, state: int, vertex: Pair) -> str:
        x, y = (float(value) for value in self.data.back(vertex))
        return f"vertex ({x:.6g}, {y:.6g}) of state {self.data.game.states[state]}"

    def _challenge(self, state: int, leaver: int) -> Node | None:
        """Return a node that gives a player who stayed, but should have left, at most her payoff from leaving."""
        data, limit = self.data, self.data.own(state, leaver)
        for row in data.rows(state):
            best = [data.best(i, row, self.threat[i]) for i in (0, 1)]
            if best[0] is not None and best[1] is not None:
                node = self._played(state, row, best, [limit if i == leaver else None for i in (0, 1)])
                if node is not None:
                    return replace(node, challenged=True)
        return None

    def _played(self, state: int, row: int, least: _Bounds, most: _Bounds) -> Node | None:
        """Return a node that plays a row for payoffs between bounds; None if nothing that can follow gives these."""
        data, law = self.data, self.data.law(row)
        if not all(self.vertices[s] for s in law):
            return None
        after: list[list[Fraction | None]] = [[None, None], [None, None]]
        for side, bounds, sign in zip(after, (least, most), (-1, 1), strict=True):
            for i, (bound, d) in enumerate(zip(bounds, data.discounts, strict=True)):
                if bound is not None and d:
                    side[i] = (bound - data.now(i, row)) / d
                elif bound is not None and sign * (data.now(i, row) - bound) > 0:
                    return None
        drawn = lotteries({s: self.vertices[s] for s in law}, law, *after)
        if drawn is None:
            return None
        x, y = (
            data.now(i, row)
            + d * sum((law[s] * q * self.vertices[s][n][i] for s in law for n, q in drawn[s]), _ZERO)
            for i, d in enumerate(data.discounts)
        )
        reached = [{t for r in data.replies(row, i) if r != row for t in data.law(r)} for i in (0, 1)]
        one, other = (
            {s: self.first[s] + self.worst[i][s] for s in sorted(states)} for i, states in enumerate(reached)
        )
        return Node(
            state=state,
            profile=data.actions(row),
            following={s: tuple((self.first[s] + n, q) for n, q in each) for s, each in drawn.items()},
            punishment=(one, other),
            payoffs=data.back((x, y)),
        )


def lotteries(
    vertices: dict[int, Sequence[Pair]], law: dict[int, Fraction], least: _Bounds, most: _Bounds
) -> dict[int, Lottery] | None:
    """Return lotteries over vertices of each state whose mean lies between bounds, with the lowest as likely as can be.

    A linear program in rationals; None if there are none.
    """
    columns = [(s, n) for s, some in vertices.items() for n in range(len(some))]
    rows, right = [], []
    for i, sides in enumerate(zip(least, most, strict=True)):
        for bound, sign in zip(sides, (-1, 1), strict=True):
            if bound is not None:
                rows.append([sign * law[s] * vertices[s][n][i] for s, n in columns])
                right.append(sign * bound)
    for s in vertices:
        rows += [[sign * Fraction(s == other) for other, _ in columns] for sign in (1, -1)]
        right += [_ONE, -_ONE]
    low = {s: min(range(len(some)), key=lambda n: some[n][::-1]) for s, some in vertices.items()}
    objective = [Fraction(low[s] == n) for s, n in columns]
    found = maximise(*(np.array(part, dtype=object) for part in (objective, rows, right)))
    if found is None:
        return None
    shares = [(s, n, share) for (s, n), share in zip(columns, found.solution, strict=True) if share]
    return {s: tuple((n, share) for t, n, share in shares if t == s) for s in vertices}


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
