"""Certifiers of the axiomatic concepts on polytopes and what is made of them: unions, points and surpluses.

Where the exact answer is rational it is found in rationals and compared; elsewhere a box of rationals is proved to hold
it. Of two players a polytope is a polygon, whose corners and sides answer faster than linear programs.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import wraps
from math import inf

from bargaining.errors import NotApplicable, Status
from bargaining.exact._concepts import (
    frontier_length,
    nearest_losses,
    polygon,
    raiffa_path_polytope,
    raiffa_steps,
    rays,
)
from bargaining.exact._concepts.bodies import (
    Body,
    Enclosure,
    Solid,
    Vector,
    bodies_of,
    body_of,
    dot,
    less,
    points_of,
    settled,
)
from bargaining.exact._concepts.nash_box import nash_box, weightless_box
from bargaining.exact._concepts.polygon import Plane, polygon_of
from bargaining.exact._concepts.rays import Answer
from bargaining.exact.certificate import Certificate, Claim, above, allowance, compare, enclose
from bargaining.exact.registry import Certifier, register
from bargaining.feasible.points import FreeDisposalHull
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.feasible.union import Union


def on(method: str, *kinds: type) -> Callable[[Certifier], Certifier]:
    """Make a function the certifier of a method on some sets; it says so where one of them is unbounded."""

    def add(certifier: Certifier) -> Certifier:
        @wraps(certifier)
        def bounded(claim: Claim) -> Certificate:
            try:
                return certifier(claim)
            except OverflowError:  # raised by linear programs without an upper bound
                kind = "union" if isinstance(claim.feasible, Union) else "polytope"
                return compare(claim, None, Status.UNBOUNDED, (), f"{claim.method} on a {kind}")

        for kind in kinds:
            register(method, kind, views=kind is not Union)(bounded)
        return certifier

    return add


def solid_of(claim: Claim) -> Solid:
    """Return the set that a claim is about, in rationals and in the units of its payoffs."""
    if isinstance(claim.feasible, Union):
        return bodies_of(claim)
    if isinstance(claim.feasible, FreeDisposalHull):
        return points_of(claim)
    cornered = len(claim.payoffs) == 2 and getattr(claim.feasible, "points", None) is not None
    return _plane(claim) if cornered else body_of(claim)


def _plane(claim: Claim) -> Plane:
    """Return a set of two players as a polygon; of one that goes on for ever below, what is at or above d."""
    return Plane(polygon=polygon_of(body_of(claim)))


_ALL = Polytope, TransferableSurplus, FreeDisposalHull, Union


_RAYS: dict[str, Callable[[Claim], Answer]] = {
    "kalai_smorodinsky": lambda claim: rays.kalai_smorodinsky,
    "egalitarian": lambda claim: rays.egalitarian(claim.weights()),
    "equal_loss": lambda claim: rays.equal_loss,
    "gupta_livne": lambda claim: rays.gupta_livne(
        tuple(Fraction(x) for x in claim.given("reference", one_each=True))
    ),
    "dictatorial": lambda claim: rays.dictatorial(claim.given("player")),
    "lexicographic_kalai_smorodinsky": lambda claim: rays.lexicographic_kalai_smorodinsky,
    "lexicographic_egalitarian": lambda claim: rays.lexicographic_egalitarian(claim.weights()),
}
"""Concepts that end along a ray, with the parameters of a claim."""


def along_a_ray(claim: Claim) -> Certificate:
    """Compare with the exact end of the concept's ray."""
    return exactly(claim, _RAYS[claim.method.partition("(")[0]](claim))


for _method in _RAYS:
    on(_method, *(_ALL if "lexicographic" not in _method else (Polytope, TransferableSurplus)))(along_a_ray)


@on("utilitarian", Polytope, FreeDisposalHull, Union)
def utilitarian(claim: Claim) -> Certificate:
    """Bound by how much the weighted sum misses the best; points that tie are all solutions."""
    it, weights = solid_of(claim), claim.weights()
    top, what = it.top(weights), f"{claim.method} on {it.what}"
    if top is None:
        return compare(claim, None, Status.EMPTY, (), what)
    sizes = it.spans()
    if claim.status != Status.OK or not claim.finite:
        return compare(claim, top, Status.OK, sizes, what)
    x = tuple(Fraction(v) for v in claim.payoffs)
    short = abs(dot(weights, top) - dot(weights, x)) / dot(weights, sizes)
    far = above(short if it.contains(x) else max(short, outside(it, x, sizes)))
    statement = f"{what}: the weighted sum is within {far:.2g} of the best, over its range."
    return Certificate(exact=top, bound=far, tolerance=allowance(claim, x, sizes), statement=statement)


@on("nash", Polytope)
@on("conley_wilkie", Polytope)
def nash(claim: Claim) -> Certificate:
    """Solve the first-order condition on an edge; of more players, enclose the best product by an exact gap."""
    if len(claim.payoffs) == 2:
        it = _plane(claim)
        return _beside(claim, it, polygon.nash(it.polygon, claim.weights()))
    body, weights = body_of(claim), claim.weights()
    ideal, what = body.ideal(), f"{claim.method} on {body.what}"
    if ideal is None:
        return compare(claim, None, Status.EMPTY, (), what)
    gains = less(ideal, body.disagreement)
    if min(gains) <= 0:
        raise NotApplicable(
            f"{claim.method} is certified for three and more players where everyone can gain."
        )
    guess = [float(x) for x in claim.payoffs]
    if claim.status != Status.OK:
        box = None
    elif min(weights) > 0:
        box = nash_box(body, weights, guess)
    else:
        box = weightless_box(body, weights, ideal, guess)
    low, high = box or (body.disagreement, ideal)
    return _beside(claim, body, Enclosure(low=low, high=high, status=Status.OK))


@on("raiffa", Polytope, TransferableSurplus)
def raiffa(claim: Claim) -> Certificate:
    """Take the steps in rationals, until one lands on the frontier or little is left."""
    it = solid_of(claim)
    assert isinstance(it, Body | Plane)
    return _beside(claim, it, raiffa_steps.raiffa(it))


@on("continuous_raiffa", Polytope, TransferableSurplus)
def continuous_raiffa(claim: Claim) -> Certificate:
    """Follow the path by a curve of many digits, and hold it in a box."""
    it = solid_of(claim)
    return _beside(claim, it, raiffa_path_polytope.continuous_raiffa(body_of(claim)))


@on("perles_maschler", Polytope)
def perles_maschler(claim: Claim) -> Certificate:
    """Halve the length of the frontier, square roots enclosed in rationals."""
    if len(claim.payoffs) > 2:
        raise NotApplicable(f"{claim.method} is a concept for two players; got {len(claim.payoffs)}.")
    it = _plane(claim)
    return _beside(claim, it, frontier_length.perles_maschler(it.polygon))


@on("yu", Polytope)
def yu(claim: Claim) -> Certificate:
    """Find the nearest point: in rationals for p = 1, 2 and infinity, else in a box."""
    power = float(claim.given("p"))
    if power == inf:
        return exactly(claim, rays.equal_loss if len(claim.payoffs) == 2 else rays.least_losses)
    if power > 1 and len(claim.payoffs) == 2:
        it = _plane(claim)
        return _beside(claim, it, nearest_losses.yu(it.polygon, Fraction(power)))
    body = body_of(claim)
    ideal, what = body.ideal(), f"{claim.method} on {body.what}"
    if ideal is None:
        return compare(claim, None, Status.EMPTY, (), what)
    if min(less(ideal, body.disagreement)) <= 0:
        return compare(claim, ideal, Status.DEGENERATE, ranges_of(body, ideal), what)
    if power == 1 and claim.finite:
        return _least_sum(claim, body, ideal)
    guess = [float(x) for x in claim.payoffs]
    found = nearest_losses.nearest_losses(body, ideal, Fraction(power), guess) if claim.finite else None
    if found is None:
        return enclose(claim, body.disagreement, ideal, ranges_of(body, ideal), what)
    return _losses(claim, body, ideal, *found)


def _losses(claim: Claim, it: Body, ideal: Vector, x: Vector, misses: Vector) -> Certificate:
    """Compare with the nearest point; where somebody loses nothing, losses alone are certain."""
    if all(a - v > e for a, v, e in zip(ideal, x, misses, strict=True)):
        low, high = (tuple(v + s * e for v, e in zip(x, misses, strict=True)) for s in (-1, 1))
        return _beside(claim, it, Enclosure(low=low, high=high, status=Status.OK))
    given, ranges = tuple(Fraction(v) for v in claim.payoffs), ranges_of(it, ideal)
    off = (
        (abs(max(a - v, Fraction(0)) - max(a - y, Fraction(0))) + e) / r
        for a, v, y, e, r in zip(ideal, given, x, misses, ranges, strict=True)
    )
    far = above(max(*off, outside(it, given, ranges)))
    statement = f"{claim.method} on {it.what}: the losses are within {far:.2g} of the least, over the gains."
    return Certificate(exact=None, bound=far, tolerance=allowance(claim, x, ranges), statement=statement)


def _least_sum(claim: Claim, it: Body, ideal: Vector) -> Certificate:
    """Bound by how much the sum of losses misses the least, and by how far the payoffs are from feasible."""
    ranges, x = ranges_of(it, ideal), tuple(Fraction(v) for v in claim.payoffs)
    losses = sum((max(a - v, Fraction(0)) for a, v in zip(ideal, x, strict=True)), Fraction(0))
    short = abs(losses - nearest_losses.least_sum(it, ideal)) / sum(ranges)
    far = above(max(short, outside(it, x, ranges)))
    what = f"{claim.method} on {it.what}"
    statement = f"{what}: the sum of losses is within {far:.2g} of the least, over the gains."
    return Certificate(exact=None, bound=far, tolerance=allowance(claim, x, ranges), statement=statement)


@on("nash", TransferableSurplus)
@on("conley_wilkie", TransferableSurplus)
@on("perles_maschler", TransferableSurplus)
def shares_of_surplus(claim: Claim) -> Certificate:
    """Give each player its weight's part of the surplus, d + w (total - sum d); certify a floor as a polytope's."""
    view, n = claim.view, len(claim.payoffs)
    if view is not None and view.floor is not None:
        return perles_maschler(claim) if claim.method.startswith("perles_maschler") else nash(claim)
    scale = (Fraction(1),) * n if view is None else view.scale
    shift = (Fraction(0),) * n if view is None else view.shift
    d = tuple(Fraction(x) for x in claim.disagreement)
    total = Fraction(claim.at_cell(claim.feasible.total))
    surplus = total - sum((x - b) / a for x, a, b in zip(d, scale, shift, strict=True))
    shares = tuple(x + w * a * surplus for x, w, a in zip(d, claim.weights(), scale, strict=True))
    exact = settled(shares if surplus >= 0 else None, Status.OK if surplus > 0 else Status.EMPTY)
    return _beside(claim, body_of(claim), exact)


@on("yu", TransferableSurplus)
def yu_on_surplus(claim: Claim) -> Certificate:
    """Share equally in the units of the surplus; with p = 1 all divisions up to the ideal point are nearest."""
    power = float(claim.given("p"))
    if power == 1 or claim.view is not None:
        return yu(claim)
    return shares_of_surplus(claim)


@on("utilitarian", TransferableSurplus)
def utilitarian_on_surplus(claim: Claim) -> Certificate:
    """Divide the total equally where the weights are equal; elsewhere the sum has no bound."""
    total, weights, n = Fraction(claim.at_cell(claim.feasible.total)), claim.weights(), len(claim.payoffs)
    if claim.view is not None or len(set(weights)) > 1:
        return utilitarian(claim)
    what = f"{claim.method} on {body_of(claim).what}"
    return compare(claim, (total / n,) * n, Status.OK, (abs(total) or Fraction(1),) * n, what)


def exactly(claim: Claim, answer: Answer) -> Certificate:
    """Compare with the exact answer."""
    it = solid_of(claim)
    return _beside(claim, it, rays.answered(it, answer))


def _beside(claim: Claim, it: Solid, found: Enclosure) -> Certificate:
    """Set a claim beside the answer or the box that holds it."""
    what, ideal = f"{claim.method} on {it.what}", it.ideal()
    if found.low is None or found.high is None:
        return compare(claim, None, found.status, (), what)
    ranges = ranges_of(it, it.disagreement if ideal is None else ideal)
    if found.low == found.high:
        return compare(claim, found.low, found.status, ranges, what)
    return enclose(claim, found.low, found.high, ranges, what)


def ranges_of(it: Solid, ideal: Vector) -> Vector:
    """Return the players' ranges of gains, or the span of the set where one cannot gain."""
    gains = less(ideal, it.disagreement)
    return tuple(g if g > 0 else s for g, s in zip(gains, it.spans(), strict=True))


def outside(it: Solid, x: Vector, sizes: Vector) -> Fraction:
    """Return by how much all payoffs must fall, over their ranges, to be feasible or below what is."""
    t = it.furthest(x, tuple(-s for s in sizes), below=True, nearest=True)
    assert t is not None
    return t
