r"""Payoff sets of a stochastic game in rationals: vertices that generate themselves, checked without a rounding error.

The equations behind the vertices are solved in rationals. Where the solution is rational the vertices are exact.
Elsewhere every continuation is moved towards the middle of the stable ones by a tiny share, the *inset*; the
polygons so defined generate themselves with room to spare, within a small multiple of the inset of the true ones.

*Repair.* If W lies within its image B(W), all of B(W) is an equilibrium payoff, as the operator is monotone. A W found
in floats may lack that by a vertex that rounding let in, or by a constraint that holds in floats and not in rationals.
Without such vertices, or cut to what lies within its image, it has it after a few rounds if there is room elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import inf

import numpy as np

from bargaining._arrays import Floats
from bargaining._names import titles
from bargaining._rational import fractions
from bargaining.equilibria._plane.equations import Equations, Reader, Rule, recognised
from bargaining.equilibria._plane.kinds import CORNER, FINE, LEAVE, RIGHT, TOP, VERTEX, Tag
from bargaining.equilibria._plane.lottery import Pair, above, below, convex_lottery, hull
from bargaining.equilibria._plane.model import Scaled
from bargaining.equilibria._plane.polygon import MERGE, Polygon, beyond
from bargaining.equilibria._plane.polygon import hull as corners
from bargaining.equilibria._plane.rationals import Rationals, Sum, Sums, Work
from bargaining.equilibria.sets.fan import of_polygons, simplified
from bargaining.equilibria.sets.image import Image, Recipes
from bargaining.equilibria.sets.rows import Rows
from bargaining.feasible._polygon import clip
from bargaining.games.stochastic import StochasticGame

_ROUNDS = 6  # of cutting vertices off: what needs more is a knife edge
_NEAR = 1e-9  # a vertex this close to the others may be dropped rather than cut off
_MANY_TO_CUT = 120  # vertices of a state: with more, cutting takes longer than finding a set with room
_TOO_LONG = 1500  # bits of a coordinate beyond which cutting leads nowhere

Sets = tuple[tuple[Pair, ...], ...]


def repaired(made: Generation, work: Work) -> Generation | None:
    """Return a generation without fault inside these sets; None if a few rounds find none."""
    for _ in range(_ROUNDS):
        work.spend(sum(map(len, made.vertices)) * len(made.data.state) * (1 + _bits(made.vertices) // 64))
        image = made.image()
        kept = [
            [v for v in vertices if convex_lottery(values, v) is not None]
            for vertices, values in zip(made.vertices, image.vertices, strict=True)
        ]
        if all(len(some) == len(vertices) for some, vertices in zip(kept, made.vertices, strict=True)):
            return image
        pairs = zip(made.vertices, kept, strict=True)
        if any(len(some) > _MANY_TO_CUT and not _close(some, rest) for some, rest in pairs):
            return None
        sets = tuple(
            tuple(some if _close(vertices, some) else within(vertices, values))
            for some, vertices, values in zip(kept, made.vertices, image.vertices, strict=True)
        )
        if not any(sets) or _bits(sets) > _TOO_LONG:
            return None
        made = made.of(sets)
    return None


def within(one: Sequence[Pair], other: Sequence[Pair]) -> list[Pair]:
    """Return the intersection of two convex polygons; for two segments, the ends that lie in both."""
    if len(other) < 3 <= len(one):
        one, other = other, one
    if len(other) < 3:
        held = [p for p in one if convex_lottery(other, p) is not None]
        held += [q for q in other if convex_lottery(one, q) is not None]
        return [held[k] for k in hull(held)]
    left = list(one)
    for (ax, ay), (bx, by) in zip([other[-1], *other[:-1]], other, strict=True):
        left = clip(left, (by - ay, ax - bx), (by - ay) * ax + (ax - bx) * ay)
    return [left[k] for k in hull(left)]


def floats(vertices: Sequence[Pair]) -> Polygon:
    """Return a polygon rounded to floats."""
    return [(float(x), float(y)) for x, y in vertices]


def _close(whole: Sequence[Pair], rest: Sequence[Pair]) -> bool:
    return not whole or (bool(rest) and beyond(floats(whole), floats(rest)) < _NEAR)


def _bits(sets: Sequence[Sequence[Pair]]) -> int:
    numbers: list[Fraction] = [x for vertices in sets for vertex in vertices for x in vertex]
    return max((x.denominator.bit_length() for x in numbers), default=0)


NEAR = 1e-9
"""How far inside what was found in floats a generation may lie, as a share of the payoff range."""

_ROOM = (0.0, 1e-12)  # by which incentive constraints are tightened where nothing else leads to a generation
# Of the unit box: from what floats of vertices lose up to what a strategy may lose.
_INSETS = (Fraction(1, 2**50), Fraction(1, 2**42), Fraction(1, 2**34))
_FINE = 128  # bits of the grid for vertices with an inset
_LONG = (384, 1536)  # bits in which rational coordinates are looked for
_CROWD = 300  # vertices beyond which looking again for a set takes less time than reading and solving their equations
_MANY = 60  # vertices beyond which the longer ones are not tried


Known = tuple[Fraction | None, Fraction | None]
Roomy = Callable[[StochasticGame, float], tuple[Floats, int]]


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

    data: Rationals
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
        for s, (vertices, plans) in enumerate(zip(self.vertices, self.plans, strict=True)):
            for vertex, plan in zip(vertices, plans, strict=True):
                fault = (
                    self._leaves(s, vertex, plan) if plan.promise is None else self._stays(s, vertex, plan)
                )
                if fault:
                    x, y = (float(value) for value in self.data.back(vertex))
                    return f"vertex ({x:.6g}, {y:.6g}) of state {self.data.game.states[s]}: {fault}"
        return ""

    def _stays(self, s: int, vertex: Pair, plan: Plan) -> str:
        data, promise, names = self.data, plan.promise, self.data.game.player_names
        assert promise is not None
        if data.state[plan.row] != s:
            return "its profile belongs to another state"
        for i in (0, 1):
            if vertex[i] != data.now(i, plan.row) + data.discounts[i] * promise[i]:
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
        point, leaver = self.data.leaves(s)[plan.source]
        if vertex != point:
            return "leaving does not give its payoffs"
        if leaver is None or self.challenge(s, leaver) is not None:
            return ""
        return f"{titles(self.data.game.player_names)[leaver]} would rather stay"

    def of(self, sets: tuple[tuple[Pair, ...], ...]) -> Generation:
        """Return other sets of the same game, without plans that generate them."""
        return Generation(self.data, sets, ((),) * len(sets), exact=False)

    def image(self) -> Generation:
        """Return the image of the sets under the operator, in rationals, with the promises in these sets."""
        vertices, plans = zip(*map(self._image_of, range(len(self.vertices))), strict=True)
        return Generation(self.data, vertices, plans, exact=False)

    def _image_of(self, s: int) -> tuple[tuple[Pair, ...], tuple[Plan, ...]]:
        data, points, plans = self.data, list[Pair](), list[Plan]()
        for row in data.rows(s):
            needed: list[Fraction | None] = []
            for i in (0, 1):
                best, own = data.best(i, row, self.threat[i]), data.own(s, i)
                needed.append(best if best is None or own is None else max(best, own))
            for w in self._stable(row, needed) if None not in needed else ():
                x, y = (data.now(i, row) + data.discounts[i] * w[i] for i in (0, 1))
                points.append((x, y))
                plans.append(Plan(row, w))
        for k, (point, leaver) in enumerate(data.leaves(s)):
            if leaver is None or self.challenge(s, leaver) is not None:
                points.append(point)
                plans.append(Plan(-1, None, k))
        chosen = hull(points)
        return tuple(points[k] for k in chosen), tuple(plans[k] for k in chosen)

    def tag(self, s: int, plan: Plan) -> Tag:
        """Return how a vertex is generated with a promise in the sets: which constraints bind."""
        if plan.promise is None:
            return LEAVE, plan.row, plan.source
        first, second = (plan.promise[i] == self._least(s, plan.row, i) for i in (0, 1))
        return (CORNER if second else TOP) if first else RIGHT if second else VERTEX, plan.row, -1

    def _least(self, s: int, row: int, i: int) -> Fraction | None:
        """Return the lowest continuation that keeps player i to a row, None if there is none."""
        data = self.data
        best, own = data.best(i, row, self.threat[i]), data.own(s, i)
        if best is None:
            return None
        return (max(best, own or best) - data.now(i, row)) / data.discounts[i]

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
                value = data.now(leaver, row) + data.discounts[leaver] * promise[leaver]
                if value <= limit:
                    yield Plan(row, promise)

    def _stable(self, row: int, best: Sequence[Fraction | None]) -> list[Pair]:
        """Return the corners of the continuations at which nobody gains by deviating."""
        data, polygon = self.data, list(self.after(row).vertices)
        for i in (0, 1):
            least, delta = best[i], data.discounts[i]
            if least is None or (not delta and least > data.now(i, row)):
                return []
            if delta:
                polygon = above(polygon, i, (least - data.now(i, row)) / delta)
        return polygon


@dataclass(frozen=True, slots=True)
class _Reading:
    """The vertices of all states, one after the other: their states, kinds, rules and payoffs."""

    owner: list[int]
    tags: list[Tag]
    rules: list[Rule]
    start: list[Pair]
    lowest: list[tuple[int, int]]


def generate(
    game: StochasticGame, sets: Sequence[Floats], work: Work | None = None, roomy: Roomy | None = None
) -> Generation | str:
    """Return rational polygons that generate themselves, exact if possible; or the reason why there are none.

    Parameters
    ----------
    game : StochasticGame
        The game, of one state where it is repeated.
    sets : sequence of ndarray of shape (m, 2)
        The vertices of each state's set in floats, counter-clockwise: hints that are checked.
    work : Work, optional
        The budget; Spent is raised if it is not enough.
    roomy : callable, optional
        Looks again for the set of a game of one state and unequal patience, less close but with room for rounding by
        which incentive constraints are tightened: returns its vertices and the steps that it took.

    Returns
    -------
    Generation or str
        If its `fault_of_hints` is not empty it lies farther than rounding inside the sets: something in them holds in
        floats only.
    """
    data, work = Rationals(game), work or Work()
    if not any(map(len, sets)):
        nothing: tuple[tuple[()], ...] = ((),) * len(sets)
        return Generation(data, nothing, nothing, exact=True)
    hints = [tuple(data.scaled(pair) for pair in fractions(some).tolist()) for some in sets]
    fault, best, short = "", None, inf
    for made in _attempts(data, hints, work, roomy):
        if isinstance(made, str):
            fault = fault or made
            continue
        off = max(
            (beyond(floats(hint), floats(v)) if v else inf)
            for hint, v in zip(hints, made.vertices, strict=True)
            if hint
        )
        if off <= NEAR:
            return made
        if off < short:
            best, short = made, off
    return fault if best is None else replace(best, fault_of_hints=fault)


def _attempts(
    data: Rationals, hints: Sequence[Sequence[Pair]], work: Work, roomy: Roomy | None
) -> Iterator[Generation | str]:
    """Yield what the equations of the vertices give, then what has room to spare, then what lies within the hints.

    Equations of very many vertices are solved last.
    """
    count, unequal = sum(map(len, hints)), data.discounts[0] != data.discounts[1]
    sets = [_with_rests(data, hints[0])] if unequal and len(hints) == 1 else hints
    given = tuple(tuple(points[k] for k in hull(points)) for points in sets)
    whole = Generation(data, given, ((),) * len(given), exact=False)
    work.spend(count * len(data.state))
    false: list[Generation] = []
    late = unequal and count > _CROWD
    if not late:
        yield from _equated(whole, work, false)
    if unequal:
        if roomy is not None and all(data.discounts) and len(given) == 1:
            inside = ((_inside(data, roomy, room, work),) for room in _ROOM)
            yield from _repaired((whole.of(sets) for sets in inside), work)
        yield from _repaired([whole], work)
    else:
        false.append(whole)
    if late:
        yield from _equated(whole, work, false)
    yield from _repaired(false, work)


def _with_rests(data: Rationals, hint: Sequence[Pair]) -> list[Pair]:
    """Return a set with the profiles played for ever that it sustains, as they are, in place of vertices next to them.

    A threat that vertices close in on without end may be attained by these alone, and what one profile needs
    exactly may be given by one of these alone.
    """
    points, rounded, rest = list(hint), floats(hint), [data.payoffs[row] for row in data.rows(0)]
    near = [row for row in data.rows(0) if beyond(floats([rest[row]]), rounded) <= NEAR]
    while True:
        low = [min(x) for x in zip(*points, strict=True)]
        held = [
            row
            for row in near
            if all(
                rest[row][i] >= max(data.best(i, row, [min(low[i], rest[row][i])]) or 0, data.own(0, i) or 0)
                for i in (0, 1)
            )
        ]
        if not held:
            return points
        for row in held:
            points = [p for p in points if max(abs(p[i] - rest[row][i]) for i in (0, 1)) > NEAR] + [rest[row]]
        near = [row for row in near if row not in held]


def _equated(whole: Generation, work: Work, false: list[Generation]) -> Iterator[Generation | str]:
    """Yield the solutions of the equations of the vertices, read in several ways; add those with a fault."""
    data, seen = whole.data, list[list[Rule]]()
    unequal = data.discounts[0] != data.discounts[1] and all(data.discounts)
    for kinds in (_exact_kinds, _kinds) if unequal else (_kinds,):
        polygons, tags, there = kinds(whole)
        every = [[True] * len(some) for some in tags]
        for snap in ([there] if there else []) + [every, [[False] * len(some) for some in tags]]:
            reading = _read(data, polygons, tags, snap)
            if reading.rules not in seen:
                yield _made_of(data, reading, work, false)
                seen.append(reading.rules)


def _repaired(false: Iterable[Generation], work: Work) -> Iterator[Generation | str]:
    for made in false:
        raised = _raised(made)
        for some in (made, raised) if raised.vertices != made.vertices else (made,):
            found = repaired(some, work)
            if found is not None:
                yield found.fault() or found
                break


def _raised(made: Generation) -> Generation:
    """Return the sets cut off at the threat given by one punishing profile, if they reach only slightly below."""
    sets = []
    for s, vertices in enumerate(made.vertices):
        polygon = list(vertices)
        for i in (0, 1):
            low = made.threat[i][s]
            known = [x for x in made.data.punishments(s, i) if low is not None and 0 < x - low < NEAR]
            if known:
                polygon = above(polygon, i, min(known))
        sets.append(tuple(polygon[k] for k in hull(polygon)))
    return made.of(tuple(sets))


def _inside(data: Rationals, roomy: Roomy, room: float, work: Work) -> tuple[Pair, ...]:
    """Return a set searched for again, with a margin for rounding."""
    points, steps = roomy(data.game, room)
    work.spend(steps * (1 + len(points)) * len(data.state))
    exact = [data.scaled(pair) for pair in fractions(points).tolist()]
    return tuple(exact[k] for k in hull(exact))


_Kinds = tuple[list[Polygon], list[list[Tag]], list[list[bool]]]
"""What sets generate, how, and, where that is known, whether the continuation is a vertex."""


def _kinds(whole: Generation) -> _Kinds:
    """Return what sets generate, and how, computed in floats: constraints that just hold may be violated."""
    rows = Rows.of(Scaled.of(whole.data.game))
    empty = np.array([not vertices for vertices in whole.vertices])
    rows = rows.without(empty) if empty.any() else rows
    sets = [np.array(floats(vertices)) for vertices in whole.vertices if vertices]
    image = Image(rows, *of_polygons(sets, rows.discounts), ~rows.barred)
    polygons, tags, recipes = list[Polygon](), list[list[Tag]](), iter(image.recipes())
    for s, vertices in enumerate(whole.vertices):
        found = next(recipes) if vertices else Recipes(np.zeros((0, 2)), *np.zeros((2, 0), dtype=np.intp))
        found = found.of(simplified(found.points, MERGE if rows.common else FINE))
        polygons.append([(x, y) for x, y in found.points.tolist()])
        pairs = zip(rows.origin[image.rows[found.row]].tolist(), found.kind.tolist(), strict=True)
        tags.append([_tag(whole.data, s, row, kind - len(image.fan)) for row, kind in pairs])
    return polygons, tags, []


def _tag(data: Rationals, state: int, row: int, kind: int) -> Tag:
    """Return how a row, profiles before outcomes of leaving, generates a corner; `kind` is negative for a vertex.

    No threshold binds on the continuations of a player who does not care for them.
    """
    if row < len(data.state):
        binding = [i for i, d in enumerate(data.discounts) if d and (kind == CORNER or kind // 2 == i)]
        if kind < 0 or not binding:
            return VERTEX, row, -1
        return (kind if kind != CORNER or len(binding) == 2 else (TOP, RIGHT)[binding[0]]), row, -1
    earlier = sum(len(data.leaves(s)) for s in range(state))
    return LEAVE, -1, row - len(data.state) - earlier


def _exact_kinds(whole: Generation) -> _Kinds:
    """Return what sets generate, and how, found in rationals, but for vertices that hardly matter.

    Where the vertices are, or what one payoff of theirs is, as exactly as they were given.
    """
    image, polygons, tags, there = whole.image(), list[Polygon](), list[list[Tag]](), list[list[bool]]()
    corner = [set(vertices) for vertices in whole.vertices]
    for s, (vertices, plans) in enumerate(zip(image.vertices, image.plans, strict=True)):
        order = sorted(range(len(plans)), key=lambda k: plans[k].promise not in (None, vertices[k]))
        given = sum(plan.promise in (None, vertex) for vertex, plan in zip(vertices, plans, strict=True))
        rounded = floats([vertices[k] for k in order])
        chosen = corners(rounded, merge=FINE, given=given)
        polygons.append([rounded[k] for k in chosen])
        tags.append([whole.tag(s, plans[order[k]]) for k in chosen])
        there.append([plans[order[k]].promise in corner[s] for k in chosen])
    return polygons, tags, there


def _read(
    data: Rationals, polygons: list[Polygon], tags: list[list[Tag]], snap: list[list[bool]]
) -> _Reading:
    reader = Reader(data, polygons)
    out = _Reading([], [], [], [], reader.lowest)
    for s, (polygon, kinds) in enumerate(zip(polygons, tags, strict=True)):
        for vertex, tag, snapped in zip(polygon, kinds, snap[s], strict=True):
            out.owner.append(s)
            out.tags.append(tag)
            out.rules.append(reader.rule(s, vertex, tag, snap=snapped))
            out.start.append((Fraction(vertex[0]), Fraction(vertex[1])))
    return out


def _made_of(data: Rationals, reading: _Reading, work: Work, false: list[Generation]) -> Generation | str:
    """Return the exact solution of the equations, or that with the least inset; add those with a fault."""
    if not reading.rules:
        return "these sets generate nothing"
    exact = _exactly(Equations(data, reading.rules, reading.lowest), reading.start, work)
    if exact is None:
        return "the equations of the vertices have no solution that Newton's steps find"
    fault = ""
    whole = [(x, y) for x, y in exact if x is not None and y is not None]
    if len(whole) == len(exact):
        made = _collected(data, reading, whole, exact=True)
        fault = made.fault()
        if not fault:
            return made
        false.append(made)
    fixed = [replace(rule, known=known) for rule, known in zip(reading.rules, exact, strict=True)]
    for inset in _INSETS:
        solved = Equations(data, fixed, reading.lowest, inset=inset).solve(reading.start, _FINE, work)
        if solved is None:
            fault = fault or "the vertices cannot be moved inward"
            continue
        made = _collected(data, reading, solved, exact=False)
        fault = made.fault()
        if not fault:
            return made
        if inset == _INSETS[0]:
            false.append(made)
    return fault


def _exactly(equations: Equations, start: list[Pair], work: Work) -> list[Known] | None:
    """Return the rational coordinates that depend only on rational ones; None if there is no solution."""
    known: dict[tuple[int, int], Fraction] = {}
    for bits in _LONG if len(start) <= _MANY else _LONG[:1]:
        solved = equations.solve(start, bits, work)
        if solved is None:
            return None
        found = {(k, i): recognised(vertex[i], bits) for k, vertex in enumerate(solved) for i in (0, 1)}
        known = {where: value for where, value in found.items() if value is not None}
        start = solved
        if len(known) == len(found):
            break
    while True:
        z = [(known.get((k, 0), x), known.get((k, 1), y)) for k, (x, y) in enumerate(start)]
        wrong = [
            (k, i)
            for k, i in known
            if not equations.uses(k, i) <= known.keys() or equations.value(z, k)[i] != known[k, i]
        ]
        if not wrong:
            return [(known.get((k, 0)), known.get((k, 1))) for k in range(len(start))]
        for where in wrong:
            del known[where]


def _collected(data: Rationals, reading: _Reading, solved: list[Pair], *, exact: bool) -> Generation:
    """Return the hull of the vertices of each state, and how each is played."""
    chosen: list[list[int]] = [[] for _ in range(len(data.game))]
    for k, s in enumerate(reading.owner):
        chosen[s].append(k)
    corners = [[some[n] for n in hull([solved[k] for k in some])] for some in chosen]
    vertices = tuple(tuple(solved[k] for k in some) for some in corners)
    sums = Sums(vertices)
    plans = tuple(
        tuple(_plan(reading.rules[k], reading.tags[k], solved[k], sums, data) for k in some)
        for some in corners
    )
    return Generation(data, vertices, plans, exact)


def _plan(rule: Rule, tag: Tag, vertex: Pair, sums: Sums, data: Rationals) -> Plan:
    """Return the continuation behind a vertex; a player with discount factor 0 takes any that is feasible."""
    if rule.row < 0:
        return Plan(-1, None, tag[2])
    out = [
        (vertex[i] - data.now(i, rule.row)) / data.discounts[i] if data.discounts[i] else None for i in (0, 1)
    ]
    after = list(sums.of(data.law(rule.row)).vertices) if None in out else []
    for i, value in enumerate(out):
        if value is not None and after:
            after = above(below(after, i, value), i, value) or after
    if after:
        out = [after[0][i] if value is None else value for i, value in enumerate(out)]
    x, y = out
    assert x is not None
    assert y is not None
    return Plan(rule.row, (x, y))
