"""Certifiers on finitely many agreements without lotteries: comparisons of rationals, point by point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from bargaining._rational import floats
from bargaining.errors import NotApplicable, Status
from bargaining.exact import polygons
from bargaining.exact._concepts.bodies import Body
from bargaining.exact._concepts.intervals import intervals
from bargaining.exact._concepts.product import nash_box
from bargaining.exact.certificate import Certificate, Claim, above, allowance, compare, enclose
from bargaining.exact.registry import register
from bargaining.feasible.points import FreeDisposalHull
from bargaining.feasible.polytope import Polytope
from bargaining.problem import Problem

Vector = tuple[Fraction, ...]
BITS = 256


class _Cliffs:
    """The points, the disagreement point and the ideal point over what hurts nobody."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.points = _seen(claim)
        self.d = tuple(Fraction(x) for x in claim.disagreement)
        self.what = f"{claim.method} on {len(claim.feasible.points)} points without lotteries"
        floor = self.d if claim.view is None or claim.view.floor is None else claim.view.floor
        self.floor = tuple(map(max, self.d, floor))
        above_d = [v for v in self.points if all(x >= y for x, y in zip(v, self.floor, strict=True))]
        self.harmless = above_d
        self.ideal = tuple(map(max, zip(*above_d, strict=True))) if above_d else None

    def _at_floor(self, point: Vector) -> bool:
        floor = None if self.claim.view is None else self.claim.view.floor
        return floor is None or all(x >= y for x, y in zip(point, floor, strict=True))

    def last(self, origin: Vector, step: Vector) -> Vector | None:
        """Return the last feasible point of a ray that hurts nobody along it."""
        times = []
        for v in self.points:
            slack = [x - o for x, o in zip(v, origin, strict=True)]
            if all(s >= 0 for s in slack):
                times.append(
                    min((s / p for s, p in zip(slack, step, strict=True) if p > 0), default=Fraction(0))
                )
        return _at(origin, step, max(times)) if times else None

    def proof(self, answer: Callable[[Vector], Vector | None]) -> Certificate:
        """Return the certificate that sets the claim beside an answer, given the ideal point."""
        exact = None if self.ideal is None else answer(self.ideal)
        if exact is not None and self.claim.view is not None and not self._at_floor(exact):
            exact = None
        if exact is None or self.ideal is None:
            return compare(self.claim, None, Status.EMPTY, (), self.what)
        gains = [a - d for a, d in zip(self.ideal, self.d, strict=True)]
        return compare(self.claim, exact, Status.OK, _ranges(gains, self.points), self.what)


def _seen(claim: Claim) -> list[Vector]:
    """Return the points in the units of the payoffs, those at or above the floor if there is one."""
    points = [tuple(map(Fraction, row)) for row in claim.feasible.points.tolist()]
    view = claim.view
    if view is None:
        return points
    moved = [tuple(x * a + b for x, a, b in zip(v, view.scale, view.shift, strict=True)) for v in points]
    if view.floor is None:
        return moved
    return [v for v in moved if all(x >= y for x, y in zip(v, view.floor, strict=True))]


def _at(origin: Vector, step: Vector, t: Fraction) -> Vector:
    return tuple(o + t * p for o, p in zip(origin, step, strict=True))


def _ranges(gains: Sequence[Fraction], points: list[Vector]) -> Vector:
    spans = [max(c) - min(c) or Fraction(1) for c in zip(*points, strict=True)]
    return tuple(g if g > 0 else s for g, s in zip(gains, spans, strict=True))


def _dot(x: Vector, y: Vector) -> Fraction:
    return sum((a * b for a, b in zip(x, y, strict=True)), Fraction(0))


def _less(x: Vector, y: Vector) -> Vector:
    return tuple(a - b for a, b in zip(x, y, strict=True))


@register("kalai_smorodinsky", FreeDisposalHull, views=True)
def kalai_smorodinsky_on_points(claim: Claim) -> Certificate:
    """Go along the ray to the exact ideal point."""
    it = _Cliffs(claim)
    return it.proof(lambda ideal: it.last(it.d, _less(ideal, it.d)))


@register("egalitarian", FreeDisposalHull, views=True)
def egalitarian_on_points(claim: Claim) -> Certificate:
    """Go along the ray of equal or proportional gains."""
    it = _Cliffs(claim)
    return it.proof(lambda ideal: it.last(it.d, claim.weights()))


@register("gupta_livne", FreeDisposalHull, views=True)
def gupta_livne_on_points(claim: Claim) -> Certificate:
    """Go from the reference towards the exact ideal point."""
    it = _Cliffs(claim)
    r = tuple(Fraction(x) for x in claim.given("reference", one_each=True))
    bad = any(x < d for x, d in zip(r, it.d, strict=True))
    return it.proof(lambda ideal: None if bad else it.last(r, _less(ideal, r)))


@register("equal_loss", FreeDisposalHull, views=True)
def equal_loss_on_points(claim: Claim) -> Certificate:
    """Walk down from the exact ideal point with equal steps, to the nearest point's height."""
    it = _Cliffs(claim)

    def answer(ideal: Vector) -> Vector:
        loss = min(max(a - x for a, x in zip(ideal, v, strict=True)) for v in it.points)
        return tuple(a - loss for a in ideal)

    return it.proof(answer)


@register("dictatorial", FreeDisposalHull, views=True)
def dictatorial_on_points(claim: Claim) -> Certificate:
    """Compare with one player's exact ideal payoff."""
    it, player = _Cliffs(claim), claim.given("player")
    return it.proof(lambda ideal: tuple(ideal[i] if i == player else d for i, d in enumerate(it.d)))


@register("conley_wilkie", FreeDisposalHull, views=True)
def conley_wilkie_on_points(claim: Claim) -> Certificate:
    """Go from d towards the exact Nash solution of the hull."""
    it = _Cliffs(claim)
    if len(claim.payoffs) > 2:
        return _towards_a_box(it)
    hull = polygons.from_pairs(it.points, it.d, free_disposal=True)
    target = polygons.nash(hull).payoffs
    return it.proof(lambda ideal: None if target is None else it.last(it.d, _less(target, it.d)))


def _towards_a_box(it: _Cliffs) -> Certificate:
    """Go from d towards a box that holds the Nash solution of the hull: each point's ratios say how far."""
    from bargaining.concepts.nash import nash

    if it.ideal is None:
        return compare(it.claim, None, Status.EMPTY, (), it.what)
    points = np.array(it.points, dtype=object)
    hull = Body(points=points, matrix=None, limits=None, disagreement=it.d, free_disposal=True)
    best = hull.ideal()
    assert best is not None
    if min(_less(best, it.d)) <= 0:
        raise NotApplicable(
            f"{it.claim.method} is certified for three and more players where everyone can gain."
        )
    problem = Problem(Polytope(floats(points), free_disposal=True), [float(x) for x in it.d])
    guess = nash(problem).payoffs.tolist()
    box = nash_box(hull, (Fraction(1, len(it.d)),) * len(it.d), guess) or (it.d, best)
    # The last point along a step rises with what the ratios of slack to step do.
    low, high = (_less(end, it.d) for end in box)
    least, most = (
        max(min(s / p for s, p in zip(_less(v, it.d), step, strict=True)) for v in it.harmless)
        if min(step) > 0
        else end
        for step, end in ((high, 0), (low, 1))
    )
    ends = (_at(it.d, low, Fraction(least)), _at(it.d, high, min(Fraction(most), Fraction(1))))
    ranges = _ranges(_less(it.ideal, it.d), it.points)
    return enclose(it.claim, *ends, ranges, it.what)


@register("utilitarian", FreeDisposalHull, views=True)
def utilitarian_on_points(claim: Claim) -> Certificate:
    """Bound by how much the weighted sum misses the best point, and by how far the payoffs are beyond every point."""
    it, weights = _Cliffs(claim), claim.weights()
    if not it.points:
        return compare(claim, None, Status.EMPTY, (), it.what)
    sums = [_dot(weights, v) for v in it.points]
    ranges, x = _ranges([Fraction(0)] * len(weights), it.points), tuple(Fraction(v) for v in claim.payoffs)
    short = abs(max(sums) - _dot(weights, x)) / _dot(weights, ranges)
    beyond = min(max((a - b) / r for a, b, r in zip(x, v, ranges, strict=True)) for v in it.points)
    bound = above(max(short, beyond))
    best = it.points[sums.index(max(sums))]
    statement = f"{it.what}: the weighted sum is within {bound:.2g} of the best, over its range."
    allowed = compare(claim, best, Status.OK, ranges, it.what).tolerance
    return Certificate(exact=best, bound=bound, tolerance=allowed, statement=statement)


@register("nash", FreeDisposalHull, views=True)
def nash_on_points(claim: Claim) -> Certificate:
    """Bound by how much larger the logarithm of the best product is; products that tie are all solutions."""
    it, weights = _Cliffs(claim), claim.weights()
    if it.ideal is None:
        return compare(claim, None, Status.EMPTY, (), it.what)
    rivals = [
        v for v in it.harmless if all(x > d or w == 0 for x, d, w in zip(v, it.d, weights, strict=True))
    ]
    if not rivals:  # every product is 0
        return it.proof(lambda ideal: it.harmless[0])
    if not claim.finite:
        return compare(claim, rivals[0], Status.OK, it.ideal, it.what)
    given, ranges = tuple(Fraction(x) for x in claim.payoffs), _ranges(_less(it.ideal, it.d), it.points)
    off, here = min((_distance(v, given, ranges), v) for v in it.points)
    short = max(*(_excess(v, here, it.d, weights) for v in rivals), above(off))
    statement = f"{it.what}: the weighted product of gains is within a factor 1 + {short:.2g} of the best."
    return Certificate(exact=here, bound=short, tolerance=allowance(claim, here, ranges), statement=statement)


def _distance(x: Vector, y: Vector, ranges: Vector) -> Fraction:
    return max(abs(a - b) / r for a, b, r in zip(x, y, ranges, strict=True))


def _excess(rival: Vector, here: Vector, d: Vector, weights: Vector) -> float:
    """Return at least the logarithm of a product of gains over another, or 0."""
    iv = intervals(BITS)
    total = iv.mpf(0)
    for x, y, floor, w in zip(rival, here, d, weights, strict=True):
        if w == 0:
            continue
        if y <= floor:
            return float("inf")
        ratio = (x - floor) / (y - floor)
        total += iv.log(iv.mpf(ratio.numerator) / ratio.denominator) * iv.mpf(w.numerator) / w.denominator
    return max(0.0, above(Fraction(float(total.b)))) if total.b > 0 and rival != here else 0.0
