"""The certifier of Nash solutions of concave programs, weighted, also by zero."""

from __future__ import annotations

from fractions import Fraction

from bargaining.exact._program_case import Box, Case, Vector, dot
from bargaining.exact._program_saddle import narrowed
from bargaining.exact.certificate import Certificate, Claim
from bargaining.exact.certify import register
from bargaining.exact.product import box_of_gap
from bargaining.exact.programs import Decided, Interval, close
from bargaining.feasible.program import ConvexProgram

ZERO = Fraction(0)


@register("nash", ConvexProgram, views=True)
@register("conley_wilkie", ConvexProgram, views=True)
def nash_on_program(claim: Claim) -> Certificate:
    """Enclose the best product of gains by the duality gap of a decision, and then by gradients next to it.

    Players without weight are held to d by prices of their own. What they get is what the decisions give that are best
    for the others, which gradients hold.
    """
    case, weights = Case(claim), claim.weights()
    idle = [i for i, w in enumerate(weights) if w == 0]
    ideal, here = case.ideal(), case.it.near(case.payoffs, case.d if idle else None)
    if (
        here is None
        or ideal is None
        or any(x <= d for x, d, w in zip(here.low, case.d, weights, strict=True) if w)
    ):
        return case.proof(None, ideal)
    prices = tuple(w / (x - d) if w else ZERO for w, x, d in zip(weights, here.low, case.d, strict=True))
    held = [i for i in idle if close(here.low[i], case.d[i])]
    most = case.most(here, prices, held, case.d)
    if most is None:
        return case.proof(None, ideal)
    gap = max(most - dot(prices, case.d) - 1, ZERO)
    low, high = list(case.d), list(ideal[1])
    for i, w in enumerate(weights):
        if w:
            (low[i],), (high[i],) = box_of_gap((case.d[i],), (here.low[i],), (w,), gap)
    return case.proof(_by_gradients(case, here, weights, (tuple(low), tuple(high)), prices), ideal)


def _by_gradients(case: Case, here: Decided, weights: Vector, box: Box, guess: Vector) -> Box:
    """Narrow a box by gradients, in terms of the prices w / (x - d)."""

    def marginal(player: int, price: Fraction) -> Interval:
        found = -case.d[player] - (weights[player] / price if weights[player] else ZERO)
        return found, found

    sides = zip(weights, *box, case.d, strict=True)
    prices = [(w / (b - d), w / (a - d)) if w else (ZERO, ZERO) for w, a, b, d in sides]
    floors = {i: case.d[i] for i, w in enumerate(weights) if not w}
    found, payoffs = narrowed(case, here, marginal, guess, prices, box[1], floors=floors, above=case.d)
    low, high = list(box[0]), list(box[1])
    for i, (w, (a, b)) in enumerate(zip(weights, found, strict=True)):
        if w:
            low[i], high[i] = -marginal(i, b)[0], -marginal(i, a)[0]
        elif payoffs is not None:
            low[i], high[i] = max(low[i], payoffs[i][0]), min(high[i], payoffs[i][1])
    return tuple(low), tuple(high)
