"""Certifiers on polytopes that are not polygons: rational programs, and for the Nash solution a box."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from bargaining.errors import NotApplicable, Status
from bargaining.exact.bodies import Body, Vector, along, body, lexicographic
from bargaining.exact.certificate import Certificate, Claim, above, compare, enclose
from bargaining.exact.certify import register
from bargaining.exact.product import nash_box
from bargaining.feasible.polytope import Polytope

Answer = Callable[[Body, Vector], Vector | None]
"""Takes a body and its ideal point, and returns the exact answer; None where there is none."""


def is_polygon(claim: Claim) -> bool:
    """Say whether the set has two players and is known by its vertices."""
    return len(claim.payoffs) == 2 and claim.feasible.points is not None


def kalai_smorodinsky(claim: Claim) -> Certificate:
    """Go along the ray to the exact ideal point."""
    return _exactly(claim, lambda it, ideal: along(it, it.disagreement, _less(ideal, it.disagreement)))


def egalitarian(claim: Claim) -> Certificate:
    """Go along the ray of equal or proportional gains."""
    return _exactly(claim, lambda it, ideal: along(it, it.disagreement, claim.weights()))


def equal_loss(claim: Claim) -> Certificate:
    """Walk down from the exact ideal point with equal steps."""
    return _exactly(claim, lambda it, ideal: along(it, ideal, (Fraction(-1),) * len(ideal), nearest=True))


def gupta_livne(claim: Claim) -> Certificate:
    """Go from the reference towards the exact ideal point."""
    r = tuple(Fraction(x) for x in claim.at_cell(claim.parameters["reference"], one_each=True))

    def answer(it: Body, ideal: Vector) -> Vector | None:
        if any(x < d for x, d in zip(r, it.disagreement, strict=True)) or it.ideal(r) is None:
            return None
        return along(it, r, _less(ideal, r))

    return _exactly(claim, answer)


def dictatorial(claim: Claim) -> Certificate:
    """Compare with one player's exact ideal payoff."""
    player = claim.parameters["player"]

    def answer(it: Body, ideal: Vector) -> Vector | None:
        point = tuple(ideal[i] if i == player else d for i, d in enumerate(it.disagreement))
        return point if it.contains(point) else None

    return _exactly(claim, answer)


@register("lexicographic_kalai_smorodinsky", Polytope)
def lexicographic_kalai_smorodinsky(claim: Claim) -> Certificate:
    """Raise everybody together towards the exact ideal point, freezing who is blocked."""
    return _exactly(claim, lambda it, ideal: lexicographic(it, _less(ideal, it.disagreement)))


@register("lexicographic_egalitarian", Polytope)
def lexicographic_egalitarian(claim: Claim) -> Certificate:
    """Raise everybody together in the proportions of the weights, freezing who is blocked."""
    return _exactly(claim, lambda it, ideal: lexicographic(it, claim.weights()))


def utilitarian(claim: Claim) -> Certificate:
    """Bound by how much the weighted sum misses the best; points that tie are all solutions."""
    it, weights, what = body(claim.feasible, claim.disagreement), claim.weights(), _what(claim)
    try:
        best = it.best(weights)
    except OverflowError:
        return compare(claim, None, Status.UNBOUNDED, (), what)
    if claim.status != Status.OK:
        return compare(claim, None, Status.OK, (), what)
    sizes, x = it.spans(), tuple(Fraction(v) for v in claim.payoffs)
    short = abs(best - _dot(weights, x)) / _dot(weights, sizes)
    far = above(short if it.contains(x) else max(short, _outside(it, x, sizes)))
    statement = f"{what}: the weighted sum is within {far:.2g} of the best, over its range."
    allowed = compare(claim, x, Status.OK, sizes, what).tolerance
    return Certificate(exact=None, bound=far, tolerance=allowed, statement=statement)


def nash(claim: Claim) -> Certificate:
    """Enclose the best product of gains by the exact duality gap of a point found in rationals."""
    weights, what = claim.weights(), _what(claim)
    it = body(claim.feasible, claim.disagreement)
    try:
        ideal = it.ideal()
    except OverflowError:
        return compare(claim, None, Status.UNBOUNDED, (), what)
    if ideal is None:
        return compare(claim, None, Status.EMPTY, (), what)
    gains = _less(ideal, it.disagreement)
    if min(gains) <= 0 or min(weights) <= 0:
        raise NotApplicable(
            f"{claim.method} is certified for three and more players where everyone can gain and has a weight."
        )
    box = None if claim.status != Status.OK else nash_box(it, weights, claim.payoffs)
    if box is None:
        box = it.disagreement, ideal
    return enclose(claim, *box, gains, what)


def _exactly(claim: Claim, answer: Answer) -> Certificate:
    it, what = body(claim.feasible, claim.disagreement), _what(claim)
    try:
        ideal = it.ideal()
        exact = None if ideal is None else answer(it, ideal)
    except OverflowError:
        return compare(claim, None, Status.UNBOUNDED, (), what)
    if exact is None or ideal is None:
        return compare(claim, None, Status.EMPTY, (), what)
    gains = _less(ideal, it.disagreement)
    ranges = tuple(g if g > 0 else s for g, s in zip(gains, it.spans(), strict=True))
    return compare(claim, exact, Status.OK if min(gains) > 0 else Status.DEGENERATE, ranges, what)


def _what(claim: Claim) -> str:
    return f"{claim.method} on a polytope of {len(claim.payoffs)} players"


def _less(x: Vector, y: Vector) -> Vector:
    return tuple(a - b for a, b in zip(x, y, strict=True))


def _dot(x: Vector, y: Vector) -> Fraction:
    return sum((a * b for a, b in zip(x, y, strict=True)), Fraction(0))


def _outside(it: Body, x: Vector, sizes: Vector) -> Fraction:
    """Return by how much all payoffs must fall, over their ranges, to be feasible or below what is."""
    t = it.furthest(x, tuple(-s for s in sizes), below=True, nearest=True)
    assert t is not None
    return t
