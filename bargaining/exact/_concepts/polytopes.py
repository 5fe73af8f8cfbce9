"""Certifiers on polytopes and surpluses.

If the exact answer is rational, it is computed and compared; otherwise a box of rationals provably contains it.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import wraps
from math import inf
from typing import Any

from bargaining.errors import NotApplicable, Status
from bargaining.exact._concepts import answers
from bargaining.exact._concepts.answers import (
    ZERO,
    Body,
    Enclosure,
    Vector,
    body_of,
    difference,
    dot,
    point_enclosure,
)
from bargaining.exact.certify import (
    Certificate,
    Certifier,
    Claim,
    above,
    allowance,
    compare,
    enclose,
    register,
)
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus

CONVEX = (Polytope, TransferableSurplus)


def on(method: str, *kinds: type) -> Callable[[Certifier], Certifier]:
    """Register a function as the certifier of a method on some kinds of sets; it reports unbounded sets as such."""

    def add(certifier: Certifier) -> Certifier:
        @wraps(certifier)
        def bounded(claim: Claim) -> Certificate:
            try:
                return certifier(claim)
            except OverflowError:  # raised by linear programs without an upper bound
                return compare(claim, None, Status.UNBOUNDED, (), f"{claim.method} on a polytope")

        for kind in kinds:
            register(method, kind)(bounded)
        return certifier

    return add


_PARAMETERS: dict[str, Callable[[Claim], Any]] = {
    "egalitarian": Claim.weights,
    "lexicographic_egalitarian": Claim.weights,
    "gupta_livne": lambda claim: tuple(map(Fraction, claim.given("reference", one_each=True))),
    "dictatorial": lambda claim: claim.given("player"),
}
"""The parameters of concepts in a claim."""


def rational(claim: Claim, concept: str = "") -> Certificate:
    """Compare the claim with the exact answer."""
    concept, body = concept or claim.method.partition("(")[0], body_of(claim)
    parameter = _PARAMETERS[concept](claim) if concept in _PARAMETERS else None
    return compare_enclosure(claim, body, answers.rational_answer(body, concept, parameter))


for _method in answers.RATIONAL:
    on(_method, *CONVEX)(rational)


@on("utilitarian", *CONVEX)
def utilitarian(claim: Claim) -> Certificate:
    """Bound the difference of the weighted sum from the maximum; all maximisers are solutions."""
    body, weights = body_of(claim), claim.weights()
    top, what = body.top(weights), f"{claim.method} on {body.what}"
    if top is None:
        return compare(claim, None, Status.EMPTY, (), what)
    sizes = body.spans()
    if claim.status != Status.OK or not claim.finite:
        return compare(claim, top, Status.OK, sizes, what)
    x = tuple(Fraction(v) for v in claim.payoffs)
    short = abs(dot(weights, top) - dot(weights, x)) / dot(weights, sizes)
    far = above(short if body.contains(x) else max(short, excess(body, x, sizes)))
    statement = f"{what}: the weighted sum is within {far:.2g} of the best, over its range."
    return Certificate(exact=top, bound=far, tolerance=allowance(claim, x, sizes), statement=statement)


@on("nash", *CONVEX)
@on("conley_wilkie", *CONVEX)
def nash(claim: Claim) -> Certificate:
    """Solve the first-order condition on an edge; for three or more players, enclose the solution by a duality gap."""
    body, weights = body_of(claim), claim.weights()
    if len(weights) == 2:
        return compare_enclosure(claim, body, answers.nash(body, weights))
    ideal = body.ideal()
    if ideal is None:
        return compare(claim, None, Status.EMPTY, (), f"{claim.method} on {body.what}")
    if min(difference(ideal, body.disagreement)) <= 0 or min(weights) == 0:
        raise NotApplicable(
            f"{claim.method} is certified for three and more players where everyone can gain and has a weight."
        )
    if not claim.finite or any(x <= d for x, d in zip(claim.payoffs, body.disagreement, strict=True)):
        return compare_enclosure(claim, body, Enclosure(low=body.disagreement, high=ideal, status=Status.OK))
    low, high = answers.nash_box(body, weights, [float(x) for x in claim.payoffs])
    return compare_enclosure(claim, body, Enclosure(low=low, high=high, status=Status.OK))


@on("perles_maschler", Polytope)
def perles_maschler(claim: Claim) -> Certificate:
    """Halve the length of the frontier, with square roots enclosed in rationals."""
    if len(claim.payoffs) > 2:
        raise NotApplicable(f"{claim.method} is a concept for two players; got {len(claim.payoffs)}.")
    body = body_of(claim)
    return compare_enclosure(claim, body, answers.perles_maschler(body))


@on("yu", *CONVEX)
def yu(claim: Claim) -> Certificate:
    """Find the nearest point, for p = 1, 2 and infinity."""
    power, body = claim.power(), body_of(claim)
    if power == inf:
        return rational(claim, "equal_loss" if len(claim.payoffs) == 2 else "least_losses")
    ideal, what = body.ideal(), f"{claim.method} on {body.what}"
    if ideal is None:
        return compare(claim, None, Status.EMPTY, (), what)
    ranges = ranges_of(body, ideal)
    if min(difference(ideal, body.disagreement)) <= 0:
        return compare(claim, ideal, Status.DEGENERATE, ranges, what)
    if not claim.finite:
        return enclose(claim, body.disagreement, ideal, ranges, what)
    if power == 1:
        return _least_sum(claim, body, ideal)
    nearest = answers.least_squares(body, ideal, [float(x) for x in claim.payoffs])
    if nearest is None:
        raise NotApplicable(
            f"{claim.method} is certified where everybody loses something from the ideal point."
        )
    x, far = nearest
    low, high = (tuple(v + s * far for v in x) for s in (-1, 1))
    return compare_enclosure(claim, body, Enclosure(low=low, high=high, status=Status.OK))


def _least_sum(claim: Claim, body: Body, ideal: Vector) -> Certificate:
    """Bound by how much the sum of losses exceeds the minimum, and by how much the payoffs miss feasibility."""
    ranges, x = ranges_of(body, ideal), tuple(Fraction(v) for v in claim.payoffs)
    losses = sum((max(a - v, ZERO) for a, v in zip(ideal, x, strict=True)), ZERO)
    short = abs(losses - answers.least_sum(body, ideal)) / sum(ranges)
    far = above(max(short, excess(body, x, ranges)))
    statement = (
        f"{claim.method} on {body.what}: the sum of losses is within {far:.2g} of the least, over the gains."
    )
    return Certificate(exact=None, bound=far, tolerance=allowance(claim, x, ranges), statement=statement)


@on("nash", TransferableSurplus)
@on("conley_wilkie", TransferableSurplus)
@on("perles_maschler", TransferableSurplus)
def shares_of_surplus(claim: Claim) -> Certificate:
    """Divide the surplus by the weights, d + w (total - sum d)."""
    body = body_of(claim)
    surplus = Fraction(claim.at_cell(claim.feasible.total)) - sum(body.disagreement)
    shares = tuple(x + w * surplus for x, w in zip(body.disagreement, claim.weights(), strict=True))
    exact = point_enclosure(shares if surplus >= 0 else None, Status.OK if surplus > 0 else Status.EMPTY)
    return compare_enclosure(claim, body, exact)


@on("utilitarian", TransferableSurplus)
def utilitarian_on_surplus(claim: Claim) -> Certificate:
    """With equal weights divide the total equally; with unequal weights the sum is unbounded."""
    total, weights, n = Fraction(claim.at_cell(claim.feasible.total)), claim.weights(), len(claim.payoffs)
    if len(set(weights)) > 1:
        return utilitarian(claim)
    what = f"{claim.method} on {body_of(claim).what}"
    return compare(claim, (total / n,) * n, Status.OK, (abs(total) or Fraction(1),) * n, what)


def compare_enclosure(claim: Claim, body: Body, answer: Enclosure) -> Certificate:
    """Compare a claim with the answer, or with the box that contains it."""
    what, ideal = f"{claim.method} on {body.what}", body.ideal()
    if answer.low is None or answer.high is None:
        return compare(claim, None, answer.status, (), what)
    ranges = ranges_of(body, body.disagreement if ideal is None else ideal)
    if answer.low == answer.high:
        return compare(claim, answer.low, answer.status, ranges, what)
    return enclose(claim, answer.low, answer.high, ranges, what)


def ranges_of(body: Body, ideal: Vector) -> Vector:
    """Return each player's range of gains, or the span of the set if the player cannot gain."""
    gains = difference(ideal, body.disagreement)
    return tuple(g if g > 0 else s for g, s in zip(gains, body.spans(), strict=True))


def excess(body: Body, x: Vector, sizes: Vector) -> Fraction:
    """Return the fall of all payoffs, over their ranges, that takes them to a feasible point or below one."""
    t = body.furthest(x, tuple(-s for s in sizes), below=True, nearest=True)
    assert t is not None
    return t
