"""Certifiers on concave programs: a feasible decision bounds from below, the dual of its conditions from above."""

from __future__ import annotations

from fractions import Fraction
from math import inf

from bargaining.errors import NotApplicable
from bargaining.exact._program_case import PREMISE, Case, Vector, dot, less, tight
from bargaining.exact.certificate import Certificate, Claim, above, allowance
from bargaining.exact.certify import register
from bargaining.exact.distance import misses
from bargaining.exact.intervals import enclosed_power
from bargaining.exact.product import box_of_gap
from bargaining.feasible.program import ConvexProgram

STEPS = 40  # of discrete Raiffa, for each player
LITTLE = Fraction(1, 2**50)


@register("nash", ConvexProgram, views=True)
@register("conley_wilkie", ConvexProgram, views=True)
def nash_on_program(claim: Claim) -> Certificate:
    """Enclose the best product of gains by the duality gap of a decision: half of its digits reach the payoffs."""
    case, weights = Case(claim), claim.weights()
    if min(weights) <= 0:
        raise NotApplicable(f"{claim.method} is certified on programs where everyone has a weight.")
    ideal, here = case.ideal(), case.it.near(case.payoffs)
    if here is None or ideal is None or min(less(here.low, case.d)) <= 0:
        return case.proof(None, ideal)
    prices = tuple(w / g for w, g in zip(weights, less(here.low, case.d), strict=True))
    most = case.it.most(here, prices)
    if most is None:
        return case.proof(None, ideal)
    gap = max(most - dot(prices, case.d) - 1, Fraction(0))
    return case.proof(box_of_gap(case.d, here.low, weights, gap), ideal)


@register("kalai_smorodinsky", ConvexProgram, views=True)
def kalai_smorodinsky_on_program(claim: Claim) -> Certificate:
    """Go from d towards the ideal point, which is bracketed first."""
    case = Case(claim)
    ideal = case.ideal()
    box = None if ideal is None else case.last(case.d, (less(ideal[0], case.d), less(ideal[1], case.d)))
    return case.proof(box, ideal)


@register("egalitarian", ConvexProgram, views=True)
def egalitarian_on_program(claim: Claim) -> Certificate:
    """Go from d in the proportions of the weights."""
    case = Case(claim)
    return case.proof(case.last(case.d, (claim.weights(), claim.weights())), case.ideal())


@register("lexicographic_kalai_smorodinsky", ConvexProgram, views=True)
def lexicographic_kalai_smorodinsky_on_program(claim: Claim) -> Certificate:
    """From the Kalai-Smorodinsky point nobody falls: what is still to be gained from its lower bound is a box."""
    case = Case(claim)
    ideal = case.ideal()
    box = None if ideal is None else case.last(case.d, (less(ideal[0], case.d), less(ideal[1], case.d)))
    return case.proof(case.onward(box), ideal)


@register("lexicographic_egalitarian", ConvexProgram, views=True)
def lexicographic_egalitarian_on_program(claim: Claim) -> Certificate:
    """From the egalitarian point nobody falls: what is still to be gained from its lower bound is a box."""
    case = Case(claim)
    return case.proof(case.onward(case.last(case.d, (claim.weights(), claim.weights()))), case.ideal())


@register("raiffa", ConvexProgram, views=True)
def raiffa_on_program(claim: Claim) -> Certificate:
    """Take the steps with bounds of the ideal points: interim agreements rise, and what is left holds the answer."""
    case = Case(claim)
    ideal = least = case.ideal()
    if ideal is None:
        return case.proof(None, ideal)
    low, high, top = case.d, case.d, ideal[1]
    for _ in range(STEPS * len(low)):
        left = max((a - x) / (b - d) for a, x, b, d in zip(top, low, ideal[0], case.d, strict=True))
        if left <= LITTLE or least is None:
            break
        low, high = _step(low, least[0]), _step(high, top)
        now = case.ceiling(low)
        if now is None:
            break
        top, least = now, case.ideal(high)
    return case.proof((low, top), ideal)


def _step(x: Vector, ideal: Vector) -> Vector:
    return tuple(v + max(a - v, Fraction(0)) / len(x) for v, a in zip(x, ideal, strict=True))


@register("yu", ConvexProgram, views=True)
def yu_on_program(claim: Claim) -> Certificate:
    """Hold the nearest point in a box by the gap of its first-order condition."""
    power = float(claim.parameters["p"])
    if power == inf:
        return equal_loss_on_program(claim)
    if power == 1:
        raise NotApplicable(f"{claim.method} is certified on programs for p above 1.")
    case = Case(claim)
    ideal, here = case.ideal(), case.it.near(case.payoffs)
    if ideal is None or here is None or min(losses := less(ideal[0], here.low)) <= 0:
        return case.proof(None, ideal)
    unit = max(losses)
    least = [enclosed_power(x / unit, Fraction(power) - 1)[0] for x in losses]
    most = [enclosed_power(x / unit, Fraction(power) - 1)[1] for x in less(ideal[1], here.low)]
    best = case.it.most(here, tuple(least))
    beyond = [
        case.it.most(here, tuple(Fraction(i == j) for j in range(len(least)))) for i in range(len(least))
    ]
    if best is None or None in beyond:
        return case.proof(None, ideal)
    gap = (best - dot(least, here.low)) / unit
    room = [max(b - x, Fraction(0)) / unit for b, x in zip(beyond, here.low, strict=True) if b is not None]
    gap += dot(less(tuple(most), tuple(least)), room)
    far = [unit * e for e in misses([x / unit for x in losses], Fraction(power), max(gap, Fraction(0)))]
    low, high = (tuple(x + s * e for x, e in zip(here.low, far, strict=True)) for s in (-1, 1))
    certain = all(e < x for e, x in zip(far, losses, strict=True))
    return case.proof((low, high) if certain else None, ideal)


@register("gupta_livne", ConvexProgram, views=True)
def gupta_livne_on_program(claim: Claim) -> Certificate:
    """Go from the reference, if it is feasible, towards the ideal point."""
    case = Case(claim)
    r = tuple(Fraction(x) for x in claim.at_cell(claim.parameters["reference"], one_each=True))
    ideal, start = case.ideal(), case.it.near(r, r)
    if ideal is None or start is None:
        return case.proof(None, ideal)
    steps = less(ideal[0], r), less(ideal[1], r)
    return case.proof(case.last(r, steps), ideal)


@register("equal_loss", ConvexProgram, views=True)
def equal_loss_on_program(claim: Claim) -> Certificate:
    """Walk down from the ideal point: a decision bounds the loss from above, prices from below."""
    case = Case(claim)
    ideal, here = case.ideal(), case.it.near(case.payoffs)
    if ideal is None or here is None:
        return case.proof(None, ideal)
    losses = less(ideal[1], here.low)
    ones = (Fraction(1),) * len(losses)
    prices = case.it.prices(here, ones, tight([-loss for loss in losses]))
    most = case.it.most(here, prices) if sum(prices) > 0 else None
    if most is None:
        return case.proof(None, ideal)
    loss = (dot(prices, ideal[0]) - most) / sum(prices), max(losses)
    return case.proof((tuple(a - loss[1] for a in ideal[0]), tuple(a - loss[0] for a in ideal[1])), ideal)


@register("dictatorial", ConvexProgram, views=True)
def dictatorial_on_program(claim: Claim) -> Certificate:
    """Bracket one player's ideal payoff; the others get d."""
    case, player = Case(claim), claim.parameters["player"]
    ideal = case.ideal()
    if ideal is None:
        return case.proof(None, ideal)
    ends = (
        tuple(a if i == player else x for i, (a, x) in enumerate(zip(end, case.d, strict=True)))
        for end in ideal
    )
    low, high = ends
    return case.proof((low, high), ideal)


@register("utilitarian", ConvexProgram, views=True)
def utilitarian_on_program(claim: Claim) -> Certificate:
    """Bound by how much the weighted sum misses the best, and by how far the payoffs are from feasible."""
    case, weights = Case(claim), claim.weights()
    if claim.view is not None and claim.view.floor is not None:
        raise NotApplicable("utilitarian is certified on programs without a floor: it may well lie on one.")
    ideal, here = case.ideal(), case.it.near(case.payoffs)
    most = None if here is None else case.it.most(here, weights)
    if ideal is None or here is None or most is None:
        return case.proof(None, ideal)
    ranges = less(ideal[0], case.d)
    size = tuple(r if r > 0 else Fraction(1) for r in ranges)
    short = max(most - dot(weights, case.payoffs), Fraction(0)) / dot(weights, size)
    over = max((x - y) / s for x, y, s in zip(case.payoffs, here.low, size, strict=True))
    far = above(max(short, over))
    statement = (
        f"{claim.method} on a concave program, {PREMISE}: the weighted sum is within {far:.2g} of the best."
    )
    return Certificate(
        exact=None, bound=far, tolerance=allowance(claim, case.payoffs, size), statement=statement
    )
