"""Payoff sets of a stochastic game in rationals: vertices that generate themselves, checked without a rounding error.

The equations behind the vertices are solved in rationals. Where the solution is rational the vertices are exact.
Elsewhere every continuation is moved towards the middle of the stable ones by a tiny share, the *inset*; the
polygons so defined generate themselves with room to spare, within a small multiple of the inset of the true ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from bargaining.equilibria._plane.lottery import Pair, above, below, hull
from bargaining.equilibria._plane.polygon import Polygon
from bargaining.equilibria.stochastic._search.equations import Equations, Rule, recognised
from bargaining.equilibria.stochastic._search.operator import Image, Tag, apply, credible
from bargaining.equilibria.stochastic._search.rationals import Rationals, Sum, Sums
from bargaining.equilibria.stochastic._search.rules import Reader
from bargaining.equilibria.stochastic._search.scaled import Scaled

if TYPE_CHECKING:
    from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets

_INSETS = (Fraction(1, 2**50), Fraction(1, 2**42), Fraction(1, 2**34))
_FINE = 128  # bits of the grid for vertices with an inset
_LONG = (384, 1536)  # bits in which rational coordinates are looked for
_MANY = 60  # vertices beyond which the longer ones are not tried


Known = tuple[Fraction | None, Fraction | None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a vertex is played: a row and the payoffs promised after it, or the outcome `source` of leaving."""

    row: int
    promise: Pair | None
    source: int = -1


@dataclass(slots=True, eq=False)
class Generation:
    """Vertices of each state in rationals, in the box of `data`, that generate themselves as `plans` say.

    `exact` tells whether they are the vertices of the payoff sets; otherwise they lie inside them.
    """

    data: Rationals
    vertices: tuple[tuple[Pair, ...], ...]
    plans: tuple[tuple[Plan, ...], ...]
    exact: bool
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
        """Return what keeps the vertices from generating themselves, checked exactly; empty if nothing does."""
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
        data, promise = self.data, plan.promise
        assert promise is not None
        if data.state[plan.row] != s:
            return "its profile belongs to another state"
        for i in (0, 1):
            if vertex[i] != data.now(i, plan.row) + data.discounts[i] * promise[i]:
                return f"the promise does not give player {i} its payoff"
            best, own = data.best(i, plan.row, self.threat[i]), data.own(s, i)
            if best is None:
                return f"player {i} can move to a state without equilibrium"
            if vertex[i] < best:
                return f"player {i} gains by deviating"
            if own is not None and vertex[i] < own:
                return f"player {i} gains by leaving"
        return "" if self.after(plan.row).lottery(promise) is not None else "the promise lies outside"

    def _leaves(self, s: int, vertex: Pair, plan: Plan) -> str:
        point, leaver = self.data.leaves(s)[plan.source]
        if vertex != point:
            return "leaving does not give its payoffs"
        if leaver is None or self.challenge(s, leaver) is not None:
            return ""
        return f"player {leaver} would rather stay"

    def challenge(self, state: int, leaver: int) -> Plan | None:
        """Return a plan that gives a player who should have left no more than leaving, None if there is none."""
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


def generate(found: StochasticPayoffSets) -> Generation | str:
    """Return rational polygons that generate themselves, exact if they can be; or what stands in the way."""
    data = Rationals(found.game)
    if not any(len(some.vertices) for some in found.sets):
        nothing: tuple[tuple[()], ...] = ((),) * len(found.sets)
        return Generation(data, nothing, nothing, exact=True)
    image, first, last = _image(found), None, ""
    for snap in (True, False):
        reading = _read(data, image, snap=snap)
        if reading.rules == first:
            break
        made = _made_of(data, reading)
        if isinstance(made, Generation):
            return made
        first, last = reading.rules, last or made
    return last


def _image(found: StochasticPayoffSets) -> Image:
    """Apply the operator once more, for the kinds of the vertices."""
    scaled = Scaled.of(found.game)
    polygons: list[Polygon] = [
        [(x, y) for x, y in ((some.vertices - scaled.low) / scaled.size).tolist()] for some in found.sets
    ]
    threat = np.array([np.min(p, axis=0) if p else np.full(2, np.inf) for p in polygons])
    model = replace(scaled.model, leaves=credible(scaled.model, polygons, threat))
    return apply(model, polygons, threat, np.ones(len(model.state), dtype=bool))


def _read(data: Rationals, image: Image, *, snap: bool) -> _Reading:
    reader = Reader(data, image.polygons, snap=snap)
    out = _Reading([], [], [], [], reader.lowest)
    for s, (polygon, kinds) in enumerate(zip(image.polygons, image.tags, strict=True)):
        for vertex, tag in zip(polygon, kinds, strict=True):
            out.owner.append(s)
            out.tags.append(tag)
            out.rules.append(reader.rule(s, vertex, tag))
            out.start.append((Fraction(vertex[0]), Fraction(vertex[1])))
    return out


def _made_of(data: Rationals, reading: _Reading) -> Generation | str:
    """Return what solves the equations exactly, or with the smallest inset that will do."""
    exact = _exactly(Equations(data, reading.rules, reading.lowest), reading.start)
    if exact is None:
        return "the equations of the vertices have no solution that Newton's steps find"
    fault = ""
    whole = [(x, y) for x, y in exact if x is not None and y is not None]
    if len(whole) == len(exact):
        made = _collected(data, reading, whole, exact=True)
        fault = made.fault()
        if not fault:
            return made
    fixed = [replace(rule, known=known) for rule, known in zip(reading.rules, exact, strict=True)]
    for inset in _INSETS:
        solved = Equations(data, fixed, reading.lowest, inset=inset).solve(reading.start, _FINE)
        if solved is None:
            fault = fault or "the vertices cannot be moved inward"
            continue
        made = _collected(data, reading, solved, exact=False)
        fault = made.fault()
        if not fault:
            return made
    return fault


def _exactly(equations: Equations, start: list[Pair]) -> list[Known] | None:
    """Return the coordinates that are rational and depend on none that is not; None if there is no solution."""
    known: dict[tuple[int, int], Fraction] = {}
    for bits in _LONG if len(start) <= _MANY else _LONG[:1]:
        solved = equations.solve(start, bits)
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
