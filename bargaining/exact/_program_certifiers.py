"""Certifiers on concave programs: a feasible decision bounds from below, the dual of its conditions from above."""

from __future__ import annotations

from fractions import Fraction

from bargaining.exact._program_case import Case, Vector, dot, less
from bargaining.exact.certificate import Certificate, Claim, above
from bargaining.exact.certify import register
from bargaining.feasible.program import ConvexProgram

STEPS = 40  # of discrete Raiffa, for each player
LITTLE = Fraction(1, 2**50)


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


@register("gupta_livne", ConvexProgram, views=True)
def gupta_livne_on_program(claim: Claim) -> Certificate:
    """Go from the reference, if it is feasible, towards the ideal point."""
    case = Case(claim)
    r = tuple(Fraction(x) for x in claim.given("reference", one_each=True))
    ideal, start = case.ideal(), case.it.near(r, r)
    if ideal is None or start is None:
        return case.proof(None, ideal)
    steps = less(ideal[0], r), less(ideal[1], r)
    return case.proof(case.last(r, steps), ideal)


@register("dictatorial", ConvexProgram, views=True)
def dictatorial_on_program(claim: Claim) -> Certificate:
    """Bracket one player's ideal payoff; the others get d."""
    case, player = Case(claim), claim.given("player")
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
    case, weights, floor = Case(claim), claim.weights(), None if claim.view is None else claim.view.floor
    ideal, here = case.ideal(), case.it.near(case.payoffs, floor)
    most = None if here is None else case.most(here, weights, case.on_floor(here), floor or case.d)
    if ideal is None or here is None or most is None:
        return case.proof(None, ideal)
    size = tuple(r if r > 0 else Fraction(1) for r in less(ideal[0], case.d))
    short = max(most - dot(weights, case.payoffs), Fraction(0)) / dot(weights, size)
    far = above(max(short, case.outside(here, size)))
    return case.about(f"the weighted sum is within {far:.2g} of the best", far, size)
