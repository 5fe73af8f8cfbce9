"""A payoff set in rationals: vertices that generate themselves, checked without a rounding error.

The structure behind a payoff set is solved again, in rationals. Where the equations have a rational solution it
is found and the vertices are exact. Elsewhere (a threat that itself depends on the shape of the set gives
quadratic equations) every continuation is moved inward by a tiny inset; the polygon so defined generates
itself with room to spare, and its vertices lie within a small multiple of the inset of the true ones.

Players who differ in patience have too many vertices for that. Theirs are taken as they were found, and where that
fails from a set found a little inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf, isfinite
from typing import TYPE_CHECKING

import numpy as np

from bargaining._rational import fractions, solve
from bargaining.equilibria._plane.kinds import LEAVE, STATIC, VERTEX, Tag
from bargaining.equilibria._plane.leaving import outcomes
from bargaining.equilibria._plane.lottery import Lottery, Pair, above, below, lotteries
from bargaining.equilibria.repeated._search.rationals import Rationals
from bargaining.equilibria.repeated._search.roundings import rounded
from bargaining.equilibria.repeated._search.scaled import Scaled
from bargaining.equilibria.repeated._search.structure import System
from bargaining.equilibria.repeated._unequal.search import bounded

if TYPE_CHECKING:
    from bargaining.equilibria.repeated.payoff_set import PayoffSet

_INSETS = (Fraction(1, 2**50), Fraction(1, 2**42), Fraction(1, 2**34))
_GRID = 2**100
_STEPS = 5
_REFINEMENTS = 12
_FINE = 1e-26
_MOST = 300  # vertices beyond which no system is solved
_MANY = 60  # unknowns beyond which no exact solution is tried
_LONG = 4000  # bits of a denominator beyond which a solution is not taken to be rational


@dataclass(frozen=True, slots=True)
class Plan:
    """How a vertex is played: a profile and the payoffs promised after it, or leaving."""

    profile: int
    promise: Pair | None  # None after the outcome `source` of leaving
    source: int = -1


@dataclass(frozen=True, slots=True)
class Generation:
    """Vertices in rationals, in the box of `data`, that generate themselves as `plans` say.

    `exact` tells whether they are the vertices of the payoff set; otherwise they lie inside it.
    """

    data: Rationals
    vertices: tuple[Pair, ...]
    plans: tuple[Plan, ...]
    exact: bool

    @property
    def threat(self) -> Pair:
        """The lowest payoffs."""
        return min(v[0] for v in self.vertices), min(v[1] for v in self.vertices)

    def lottery(self, point: Pair) -> Lottery | None:
        """Return probabilities of at most three vertices with this mean, None if it lies outside."""
        return next(lotteries(self.vertices, point), None)

    def fault(self) -> str:
        """Return what keeps the vertices from generating themselves, checked exactly; empty if nothing does."""
        threat = self.threat
        for k, (vertex, plan) in enumerate(zip(self.vertices, self.plans, strict=True)):
            fault = self._leaves(vertex, plan) if plan.promise is None else self._stays(vertex, plan, threat)
            if fault:
                return f"vertex {k}: {fault}"
        return ""

    def _stays(self, vertex: Pair, plan: Plan, threat: Pair) -> str:
        data, promise = self.data, plan.promise
        assert promise is not None
        for i in (0, 1):
            delta = data.discount(i)
            if vertex[i] != data.now(i, plan.profile) + delta * promise[i]:
                return f"the promise does not give player {i} its payoff"
            if vertex[i] < (1 - delta) * data.best(i, plan.profile) + delta * threat[i]:
                return f"player {i} gains by deviating"
            if i in data.who and vertex[i] < data.own(i):
                return f"player {i} gains by leaving"
        return "" if self.lottery(promise) is not None else "the promise lies outside"

    def _leaves(self, vertex: Pair, plan: Plan) -> str:
        if vertex != self.data.outcome(plan.source):
            return "leaving does not give its payoffs"
        leaving = self.data.repeated.exit
        assert leaving is not None
        leaver = outcomes(leaving)[plan.source].leaver
        if leaver is None or self.challenge(leaver) is not None:
            return ""
        return f"player {leaver} would rather stay"

    def challenge(self, leaver: int) -> Plan | None:
        """Return a plan that gives a player who should have left no more than leaving, None if there is none."""
        return next(_challenges(self, leaver), None)


def _challenges(made: Generation, leaver: int) -> Iterator[Plan]:
    """Search every profile for a plan, stable among players who have stayed, that gives the leaver little."""
    data, threat = made.data, made.threat
    limit, game = data.own(leaver), data.repeated.game
    for profile in range(game.shape[0] * game.shape[1]):
        if (1 - data.discount(leaver)) * data.best(leaver, profile) + data.discount(leaver) * threat[
            leaver
        ] > limit:
            continue
        polygon = list(made.vertices)
        for i in (0, 1):
            delta = data.discount(i)
            if delta:
                polygon = above(polygon, i, threat[i] + data.gain(i, profile))
            elif data.best(i, profile) > data.payoff(i, profile):
                polygon = []
        for promise in polygon:
            value = data.now(leaver, profile) + data.discount(leaver) * promise[leaver]
            if value <= limit:
                yield Plan(profile, promise)


def generate(found: PayoffSet) -> Generation | str:
    """Return a rational polygon that generates itself, exact if it can be; or what stands in the way."""
    data, polygon = start(found)
    solved = _exactly(data, polygon, list(found._tags))
    fault = "the structure has no rational solution that a few Newton steps find"
    if solved is not None:
        made = _made(data, solved, list(found._tags), exact=True)
        fault = made.fault()
        if not fault:
            return made
    if data.discounts[0] != data.discounts[1] and all(data.discounts):
        made = _rounded(data, polygon, found._tags)
        fault = made.fault()
        if fault:
            made = _rounded(*_with_room(found))
            fault = made.fault()
        if not fault or len(polygon) > _MOST:
            return fault or made
    for inset in _INSETS:
        solved = _nearly(data, polygon, list(found._tags), inset)
        if solved is not None:
            made = _made(data, solved, list(found._tags), exact=False)
            fault = made.fault()
            if not fault:
                return made
    return fault


def _rounded(data: Rationals, polygon: Sequence[Pair], tags: Sequence[Tag]) -> Generation:
    """Take the vertices as they are but for rounding: they may generate themselves with room to spare."""
    vertices, promises = rounded(data, polygon, tags)
    whole = zip(tags, promises, strict=True)
    plans = [Plan(k, promise, source if kind == LEAVE else -1) for (kind, k, source), promise in whole]
    return Generation(data, tuple(vertices), tuple(plans), exact=False)


def _with_room(found: PayoffSet) -> tuple[Rationals, list[Pair], list[Tag]]:
    """Look again for the set of players who differ in patience: not as close as can be, but with room for rounding."""
    scaled = Scaled.of(found.repeated)
    block = scaled.block
    while True:
        inside = bounded(block, scaled.own, scaled.search(block).polygon, few=0)
        kept = tuple(leave for leave in block.leaves if scaled.credible(leave, inside.polygon))
        if len(kept) == len(block.leaves):
            data = scaled.exact()
            pairs = [(Fraction(x), Fraction(y)) for x, y in inside.polygon]
            return data, _given(data, pairs, inside.tags), inside.tags
        block = block.left(block.floor, kept)


def start(found: PayoffSet) -> tuple[Rationals, list[Pair]]:
    """Return the game in rationals, in the box of its payoffs, and the vertices in it."""
    repeated = found.repeated
    stage = [(float(x), float(y)) for x, y in repeated.game.payoffs.reshape(-1, 2)]
    points = stage + [(float(x), float(y)) for x, y in found.vertices]
    low = Fraction(min(x for x, _ in points)), Fraction(min(y for _, y in points))
    size = Fraction(max(x for x, _ in points)) - low[0], Fraction(max(y for _, y in points)) - low[1]
    data = Rationals(repeated, low, (size[0] or Fraction(1), size[1] or Fraction(1)))
    pairs = [(data.scaled(x, 0), data.scaled(y, 1)) for x, y in fractions(found.vertices).tolist()]
    return data, _given(data, pairs, found._tags)


def _given(data: Rationals, polygon: Sequence[Pair], tags: Sequence[Tag]) -> list[Pair]:
    """Return the vertices with those that were given, stage payoffs and outcomes of leaving, as they were given."""
    out = []
    for (kind, profile, source), vertex in zip(tags, polygon, strict=True):
        if kind == STATIC:
            out.append((data.payoff(0, profile), data.payoff(1, profile)))
        else:
            out.append(data.outcome(source) if kind == LEAVE else vertex)
    return out


def _exactly(data: Rationals, polygon: list[Pair], tags: list[Tag]) -> list[Pair] | None:
    """Take Newton steps in rationals to an exact solution; None if there seems to be none."""
    system = System(data, polygon, tags, (-inf, -inf))
    unknowns = system.start
    if len(unknowns) > _MANY:
        return None
    for _ in range(_STEPS):
        if not unknowns:
            break
        matrix, residual = system.linearise(unknowns)
        if not any(residual):
            break
        step = solve(fractions(np.array(matrix, dtype=object)), fractions(np.array(residual, dtype=object)))
        if step is None:
            return None
        unknowns = [u - s for u, s in zip(unknowns, step, strict=True)]
        if max(u.denominator for u in unknowns).bit_length() > _LONG:
            return None
    else:
        if any(system.linearise(unknowns)[1]):
            return None
    return system.vertices(unknowns)


def _nearly(data: Rationals, polygon: list[Pair], tags: list[Tag], inset: Fraction) -> list[Pair] | None:
    """Solve to a grid far finer than the inset: residuals in rationals, steps in floats."""
    system = System(data, polygon, tags, (-inf, -inf), inset=inset)
    unknowns = system.start
    for _ in range(_REFINEMENTS):
        if not unknowns:
            break
        matrix, residual = system.linearise(unknowns)
        try:
            step = np.linalg.solve(np.array(matrix, dtype=float), np.array(residual, dtype=float)).tolist()
        except np.linalg.LinAlgError:
            return None
        if not all(map(isfinite, step)):
            return None
        unknowns = [
            Fraction(round((u - Fraction(s)) * _GRID), _GRID) for u, s in zip(unknowns, step, strict=True)
        ]
        if max(map(abs, step)) < _FINE:
            break
    return system.vertices(unknowns)


def _made(data: Rationals, vertices: list[Pair], tags: list[Tag], *, exact: bool) -> Generation:
    plans = []
    for vertex, (kind, profile, source) in zip(vertices, tags, strict=True):
        if kind == LEAVE:
            plans.append(Plan(-1, None, source))
        elif kind == STATIC:
            plans.append(Plan(profile, vertex))
        else:
            plans.append(
                Plan(profile, _promise(data, vertices, vertex, profile, source if kind == VERTEX else -1))
            )
    return Generation(data, tuple(vertices), tuple(plans), exact)


def _promise(data: Rationals, vertices: list[Pair], vertex: Pair, profile: int, source: int) -> Pair:
    """Return the continuation behind a vertex; a player with discount factor 0 takes any that is feasible."""
    if source >= 0 and not all(data.discounts):
        return vertices[source]
    out = [
        (vertex[i] - data.now(i, profile)) / data.discount(i) if data.discount(i) else None for i in (0, 1)
    ]
    for i in (0, 1):
        other = out[1 - i]
        if out[i] is None:
            assert other is not None
            held = above(below(vertices, 1 - i, other), 1 - i, other)
            out[i] = (held or vertices)[0][i]
    x, y = out
    assert x is not None
    assert y is not None
    return x, y
