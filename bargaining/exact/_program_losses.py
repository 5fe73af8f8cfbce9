"""Certifiers on concave programs of what losses define: Yu's solutions, and equal losses as their limit."""

from __future__ import annotations

from fractions import Fraction
from math import inf

from bargaining.exact._program_case import Box, Case, dot, less, tight
from bargaining.exact._program_saddle import narrowed
from bargaining.exact.certificate import Certificate, Claim, above
from bargaining.exact.certify import register
from bargaining.exact.distance import misses
from bargaining.exact.intervals import enclosed_power
from bargaining.exact.programs import Decided, Interval
from bargaining.feasible.program import ConvexProgram

ZERO = Fraction(0)
TIGHT = Fraction(1, 10**6)  # of the range of gains: a loss that is none


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


@register("yu", ConvexProgram, views=True)
def yu_on_program(claim: Claim) -> Certificate:
    """Hold the losses by the gap of their first-order condition and then by gradients; for p = 1 bound their sum."""
    if float(claim.given("p")) == inf:
        return equal_loss_on_program(claim)
    case, power = Case(claim), Fraction(claim.given("p"))
    ideal, here = case.ideal(), case.it.near(case.payoffs, case.it.view.floor)
    if ideal is None or here is None or min(less(ideal[0], case.d)) <= 0:
        return case.proof(None, ideal)
    if power == 1:
        return _least_sum(case, ideal, here)
    losses = _by_gap(case, ideal, here, power)
    if losses is None:
        return case.proof(None, ideal)
    return _beside(case, ideal, _narrower(case, ideal, losses, here, power), here)


def _by_gap(case: Case, ideal: Box, here: Decided, power: Fraction) -> list[Interval] | None:
    """Return bounds of the losses by the gap of prices at which they are nearly least; None if nothing is proved."""
    most = tuple(max(a - x, ZERO) for a, x in zip(ideal[1], here.low, strict=True))
    least = tuple(max(a - x, ZERO) for a, x in zip(ideal[0], here.low, strict=True))
    unit = max(most)
    if unit == 0:
        return None
    low = tuple(enclosed_power(x / unit, power - 1)[0] for x in least)
    high = tuple(enclosed_power(x / unit, power - 1)[1] for x in most)
    held, floor = case.on_floor(here), case.it.view.floor or case.d
    best, *beyond = (
        case.most(here, prices, held, floor)
        for prices in (low, *(tuple(Fraction(i == j) for j in range(len(low))) for i in range(len(low))))
    )
    if best is None or None in beyond:
        return None
    room = [max(b - x, ZERO) / unit for b, x in zip(beyond, here.low, strict=True) if b is not None]
    gap = (best - dot(low, here.low)) / unit + dot(less(high, low), room)
    # The largest losses bend the sum least below p = 2, the smallest ones above.
    felt = most if power <= 2 else least
    far = [unit * e for e in misses([x / unit for x in felt], power, max(gap, ZERO))]
    return [(max(a - e, ZERO), b + e) for a, b, e in zip(least, most, far, strict=True)]


def _narrower(
    case: Case, ideal: Box, losses: list[Interval], here: Decided, power: Fraction
) -> list[Interval]:
    """Return the losses as gradients hold them."""
    unit, root = max(b for _, b in losses), 1 / (power - 1)

    def marginal(player: int, price: Fraction) -> Interval:
        least, most = enclosed_power(price, root)
        return unit * least - ideal[1][player], unit * most - ideal[0][player]

    prices = [
        (enclosed_power(a / unit, power - 1)[0], enclosed_power(b / unit, power - 1)[1]) for a, b in losses
    ]
    felt = (max(a - x, ZERO) / unit for a, x in zip(ideal[0], here.low, strict=True))
    guess = tuple(enclosed_power(x, power - 1)[0] for x in felt)
    top = less(ideal[1], tuple(a for a, _ in losses))
    floor = case.it.view.floor
    return [
        (unit * enclosed_power(a, root)[0], unit * enclosed_power(b, root)[1])
        for a, b in narrowed(case, here, marginal, guess, prices, top, floors=case.floors, above=floor)[0]
    ]


def _beside(case: Case, ideal: Box, losses: list[Interval], here: Decided) -> Certificate:
    """Compare payoffs; where somebody may lose nothing, losses alone are certain."""
    low, high = (tuple(pair[k] for pair in losses) for k in (0, 1))
    if min(low) > 0:
        return case.proof((less(ideal[0], high), less(ideal[1], low)), ideal)
    ranges = less(ideal[0], case.d)
    given = [tuple(max(end[i] - x, ZERO) for end in ideal) for i, x in enumerate(case.payoffs)]
    off = (max(y[1] - x[0], x[1] - y[0]) / r for x, y, r in zip(losses, given, ranges, strict=True))
    far = above(max(*off, case.outside(here, ranges)))
    return case.about(f"the losses are within {far:.2g} of the least, over the gains", far, ranges)


def _least_sum(case: Case, ideal: Box, here: Decided) -> Certificate:
    """Bound by how much the sum of losses misses the least, which is q . a less what q is worth for any q <= 1.

    The prices q are one for those who lose, and for those at their ideal payoff as much as makes the others' losses
    least.
    """
    ranges, held = less(ideal[0], case.d), case.on_floor(here)
    room = [(a - x) / r for a, x, r in zip(ideal[0], here.low, ranges, strict=True)]
    losing = tuple(Fraction(x > TIGHT) for x in room)
    even = [i for i, x in enumerate(room) if abs(x) <= TIGHT]
    more = case.it.shadow(here.z, losing, [*even, *(i for i in held if i not in even)])
    prices = tuple(max(p, min(more[i], Fraction(1)) if i in even else ZERO) for i, p in enumerate(losing))
    most = case.most(here, prices, held, case.it.view.floor or case.d)
    if most is None:
        return case.proof(None, ideal)
    losses = sum((max(a - x, ZERO) for a, x in zip(ideal[1], case.payoffs, strict=True)), ZERO)
    short = max(losses - (dot(prices, ideal[0]) - most), ZERO) / sum(ranges)
    far = above(max(short, case.outside(here, ranges)))
    return case.about(f"the sum of losses is within {far:.2g} of the least, over the gains", far, ranges)
