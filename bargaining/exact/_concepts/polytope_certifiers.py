"""Certifiers on polytopes that are not polygons: rational programs, and for the Nash solution a box."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from bargaining.errors import NotApplicable, Status
from bargaining.exact._concepts import distance, polytope_flow, steps
from bargaining.exact._concepts.bodies import Body, Solid, Vector, along, bodies_of, body_of, lexicographic
from bargaining.exact._concepts.product import nash_box, weightless_box
from bargaining.exact.certificate import Certificate, Claim, above, allowance, compare, enclose
from bargaining.exact.registry import register
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.union import Union

Answer = Callable[[Solid, Vector], Vector | None]
"""Takes a polytope, or a union of some, and its ideal point, and returns the exact answer; None where there is none."""


def is_polygon(claim: Claim) -> bool:
    """Say whether the set has two players and is known by its vertices."""
    return len(claim.payoffs) == 2 and getattr(claim.feasible, "points", None) is not None


def kalai_smorodinsky(claim: Claim) -> Certificate:
    """Go along the ray to the exact ideal point."""
    return exactly(claim, lambda it, ideal: along(it, it.disagreement, _less(ideal, it.disagreement)))


def egalitarian(claim: Claim) -> Certificate:
    """Go along the ray of equal or proportional gains."""
    return exactly(claim, lambda it, ideal: along(it, it.disagreement, claim.weights()))


def equal_loss(claim: Claim) -> Certificate:
    """Walk down from the exact ideal point with equal steps."""
    return exactly(claim, lambda it, ideal: along(it, ideal, (Fraction(-1),) * len(ideal), nearest=True))


def gupta_livne(claim: Claim) -> Certificate:
    """Go from the reference towards the exact ideal point."""
    r = tuple(Fraction(x) for x in claim.given("reference", one_each=True))

    def answer(it: Solid, ideal: Vector) -> Vector | None:
        if any(x < d for x, d in zip(r, it.disagreement, strict=True)) or it.ideal(r) is None:
            return None
        return along(it, r, _less(ideal, r))

    return exactly(claim, answer)


def dictatorial(claim: Claim) -> Certificate:
    """Compare with one player's exact ideal payoff."""
    player = claim.given("player")

    def answer(it: Solid, ideal: Vector) -> Vector | None:
        point = tuple(ideal[i] if i == player else d for i, d in enumerate(it.disagreement))
        return point if it.contains(point) else None

    return exactly(claim, answer)


@register("lexicographic_kalai_smorodinsky", Polytope, views=True)
def lexicographic_kalai_smorodinsky(claim: Claim) -> Certificate:
    """Raise everybody together towards the exact ideal point, freezing who is blocked."""
    return exactly(claim, lambda it, ideal: lexicographic(it, _less(ideal, it.disagreement)))


@register("lexicographic_egalitarian", Polytope, views=True)
def lexicographic_egalitarian(claim: Claim) -> Certificate:
    """Raise everybody together in the proportions of the weights, freezing who is blocked."""
    return exactly(claim, lambda it, ideal: lexicographic(it, claim.weights()))


@register("utilitarian", Polytope, views=True)
def utilitarian(claim: Claim) -> Certificate:
    """Bound by how much the weighted sum misses the best; points that tie are all solutions."""
    it, weights, what = _whole(claim), claim.weights(), _what(claim)
    try:
        top = it.top(weights)
    except OverflowError:
        return compare(claim, None, Status.UNBOUNDED, (), what)
    if top is None:
        return compare(claim, None, Status.EMPTY, (), what)
    sizes = it.spans()
    if claim.status != Status.OK or not claim.finite:
        return compare(claim, top, Status.OK, sizes, what)
    x = tuple(Fraction(v) for v in claim.payoffs)
    short = abs(_dot(weights, top) - _dot(weights, x)) / _dot(weights, sizes)
    far = above(short if it.contains(x) else max(short, outside(it, x, sizes)))
    statement = f"{what}: the weighted sum is within {far:.2g} of the best, over its range."
    return Certificate(exact=top, bound=far, tolerance=allowance(claim, x, sizes), statement=statement)


def raiffa(claim: Claim) -> Certificate:
    """Take the steps in rationals, until one lands on the frontier or little is left."""
    return _within(claim, steps.raiffa)


def continuous_raiffa(claim: Claim) -> Certificate:
    """Follow the path by a curve of many digits; a straight path ends at a rational."""
    return _within(claim, polytope_flow.continuous_raiffa)


def _within(claim: Claim, answer: Callable[[Body], steps.Enclosed]) -> Certificate:
    it, what = body_of(claim), _what(claim)
    try:
        box, ideal = answer(it), it.ideal()
    except OverflowError:
        return compare(claim, None, Status.UNBOUNDED, (), what)
    if box.low is None or box.high is None or ideal is None:
        return compare(claim, None, box.status, (), what)
    ranges = _ranges(it, ideal)
    if box.low == box.high:
        return compare(claim, box.low, box.status, ranges, what)
    return enclose(claim, box.low, box.high, ranges, what)


def least_losses(claim: Claim) -> Certificate:
    """Lower the largest loss from the exact ideal point, then the second largest, and so on."""

    def answer(it: Solid, ideal: Vector) -> Vector | None:
        far = max(_less(ideal, it.disagreement))
        return lexicographic(it, (Fraction(1),) * len(ideal), tuple(a - far for a in ideal))

    return exactly(claim, answer)


def yu(claim: Claim) -> Certificate:
    """Hold the nearest point in a box by the gap of its first-order condition; for p = 1 bound the sum."""
    it, what, power = body_of(claim), _what(claim), Fraction(claim.given("p"))
    try:
        ideal = it.ideal()
    except OverflowError:
        return compare(claim, None, Status.UNBOUNDED, (), what)
    if ideal is None:
        return compare(claim, None, Status.EMPTY, (), what)
    if min(_less(ideal, it.disagreement)) <= 0:
        return compare(claim, ideal, Status.DEGENERATE, _ranges(it, ideal), what)
    if not claim.finite:
        return enclose(claim, it.disagreement, ideal, _ranges(it, ideal), what)
    if power == 1:
        return _least_sum(claim, it, ideal)
    found = distance.nearest_losses(it, ideal, power, [float(x) for x in claim.payoffs])
    if found is None:
        return enclose(claim, it.disagreement, ideal, _ranges(it, ideal), what)
    return _losses(claim, it, ideal, *found)


def _losses(claim: Claim, it: Body, ideal: Vector, x: Vector, misses: Vector) -> Certificate:
    """Compare with the nearest point; where somebody loses nothing, losses alone are certain."""
    ranges, what = _ranges(it, ideal), _what(claim)
    if all(a - v > e for a, v, e in zip(ideal, x, misses, strict=True)):
        if not any(misses):
            return compare(claim, x, Status.OK, ranges, what)
        low, high = (tuple(v + s * e for v, e in zip(x, misses, strict=True)) for s in (-1, 1))
        return enclose(claim, low, high, ranges, what)
    given = tuple(Fraction(v) for v in claim.payoffs)
    off = (
        (abs(max(a - v, Fraction(0)) - max(a - y, Fraction(0))) + e) / r
        for a, v, y, e, r in zip(ideal, given, x, misses, ranges, strict=True)
    )
    far = above(max(*off, outside(it, given, ranges)))
    statement = f"{what}: the losses are within {far:.2g} of the least, over the gains."
    return Certificate(exact=None, bound=far, tolerance=allowance(claim, x, ranges), statement=statement)


def _least_sum(claim: Claim, it: Body, ideal: Vector) -> Certificate:
    """Bound by how much the sum of losses misses the least, and by how far the payoffs are from feasible."""
    ranges, x = _ranges(it, ideal), tuple(Fraction(v) for v in claim.payoffs)
    losses = sum((max(a - v, Fraction(0)) for a, v in zip(ideal, x, strict=True)), Fraction(0))
    short = abs(losses - distance.least_sum(it, ideal)) / sum(ranges)
    far = above(max(short, outside(it, x, ranges)))
    statement = f"{_what(claim)}: the sum of losses is within {far:.2g} of the least, over the gains."
    return Certificate(exact=None, bound=far, tolerance=allowance(claim, x, ranges), statement=statement)


def nash(claim: Claim) -> Certificate:
    """Enclose the best product of gains by the exact duality gap of a point found in rationals."""
    weights, what = claim.weights(), _what(claim)
    it = body_of(claim)
    try:
        ideal = it.ideal()
    except OverflowError:
        return compare(claim, None, Status.UNBOUNDED, (), what)
    if ideal is None:
        return compare(claim, None, Status.EMPTY, (), what)
    gains = _less(ideal, it.disagreement)
    if min(gains) <= 0:
        raise NotApplicable(
            f"{claim.method} is certified for three and more players where everyone can gain."
        )
    guess = [float(x) for x in claim.payoffs]
    if claim.status != Status.OK:
        box = None
    elif min(weights) > 0:
        box = nash_box(it, weights, guess)
    else:
        box = weightless_box(it, weights, ideal, guess)
    if box is None:
        box = it.disagreement, ideal
    if box[0] == box[1]:
        return compare(claim, box[0], Status.OK, gains, what)
    return enclose(claim, *box, gains, what)


def exactly(claim: Claim, answer: Answer) -> Certificate:
    """Compare with the exact answer."""
    it, what = _whole(claim), _what(claim)
    try:
        ideal = it.ideal()
        exact = None if ideal is None else answer(it, ideal)
    except OverflowError:
        return compare(claim, None, Status.UNBOUNDED, (), what)
    if exact is None or ideal is None:
        return compare(claim, None, Status.EMPTY, (), what)
    gains = _less(ideal, it.disagreement)
    status = Status.OK if min(gains) > 0 else Status.DEGENERATE
    return compare(claim, exact, status, _ranges(it, ideal), what)


def _ranges(it: Solid, ideal: Vector) -> Vector:
    """Return the players' ranges of gains, or the span of the set where one cannot gain."""
    gains = _less(ideal, it.disagreement)
    return tuple(g if g > 0 else s for g, s in zip(gains, it.spans(), strict=True))


def _whole(claim: Claim) -> Solid:
    return bodies_of(claim) if isinstance(claim.feasible, Union) else body_of(claim)


def _what(claim: Claim) -> str:
    kind = "union" if isinstance(claim.feasible, Union) else "polytope"
    return f"{claim.method} on a {kind} of {len(claim.payoffs)} players"


def _less(x: Vector, y: Vector) -> Vector:
    return tuple(a - b for a, b in zip(x, y, strict=True))


def _dot(x: Vector, y: Vector) -> Fraction:
    return sum((a * b for a, b in zip(x, y, strict=True)), Fraction(0))


def outside(it: Solid, x: Vector, sizes: Vector) -> Fraction:
    """Return by how much all payoffs must fall, over their ranges, to be feasible or below what is."""
    t = it.furthest(x, tuple(-s for s in sizes), below=True, nearest=True)
    assert t is not None
    return t
