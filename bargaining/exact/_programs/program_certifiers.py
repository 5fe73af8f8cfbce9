"""Certifiers on concave programs: a feasible decision gives lower bounds, dual prices give upper bounds."""

from __future__ import annotations

from fractions import Fraction
from math import inf

from bargaining.errors import NotApplicable
from bargaining.exact._concepts.bodies import Vector, dot, less
from bargaining.exact._concepts.intervals import enclosed_power
from bargaining.exact._concepts.nash_box import box_of_gap
from bargaining.exact._concepts.nearest_losses import misses
from bargaining.exact._concepts.rays import interim
from bargaining.exact._programs.programs import Box, Case, Decided, Interval, close, tight
from bargaining.exact._programs.saddle import narrowed
from bargaining.exact.certificate import Certificate, Claim, above, register
from bargaining.feasible.program import ConvexProgram

STEPS = 40  # of discrete Raiffa, for each player
LITTLE = Fraction(1, 2**50)  # of the gains: about the rounding of a float


@register("kalai_smorodinsky", ConvexProgram, views=True)
@register("lexicographic_kalai_smorodinsky", ConvexProgram, views=True)
def kalai_smorodinsky_on_program(claim: Claim) -> Certificate:
    """Follow the ray from d to the ideal point, which is bracketed first."""
    case = Case(claim)
    ideal = case.ideal()
    box = None if ideal is None else case.last(case.d, (less(ideal[0], case.d), less(ideal[1], case.d)))
    return case.proof(_perhaps_onward(case, box), ideal)


@register("egalitarian", ConvexProgram, views=True)
@register("lexicographic_egalitarian", ConvexProgram, views=True)
def egalitarian_on_program(claim: Claim) -> Certificate:
    """Follow the ray from d in the proportions of the weights."""
    case = Case(claim)
    box = case.last(case.d, (claim.weights(), claim.weights()))
    return case.proof(_perhaps_onward(case, box), case.ideal())


def _perhaps_onward(case: Case, box: Box | None) -> Box | None:
    """Return a box; for a lexicographic extension enlarge it by what may still be gained, as no payoff falls."""
    return case.onward(box) if case.claim.method.startswith("lexicographic") else box


@register("raiffa", ConvexProgram, views=True)
def raiffa_on_program(claim: Claim) -> Certificate:
    """Take the steps with bounds of the ideal points: interim agreements rise, so the answer lies above the last."""
    case = Case(claim)
    ideal = least = case.ideal()
    if ideal is None:
        return case.proof(None, ideal)
    low, high, top = case.d, case.d, ideal[1]
    for _ in range(STEPS * len(low)):
        left = max((a - x) / (b - d) for a, x, b, d in zip(top, low, ideal[0], case.d, strict=True))
        if left <= LITTLE or least is None:
            break
        low, high = interim(low, least[0]), interim(high, top)
        now = case.ceiling(low)
        if now is None:
            break
        top, least = now, case.ideal(high)
    return case.proof((low, top), ideal)


@register("gupta_livne", ConvexProgram, views=True)
def gupta_livne_on_program(claim: Claim) -> Certificate:
    """Follow the ray from the reference, if it is feasible, to the ideal point."""
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
    """Bound by how much the weighted sum misses the maximum, and by how much the payoffs miss feasibility."""
    case, weights, floor = Case(claim), claim.weights(), None if claim.view is None else claim.view.floor
    ideal, here = case.ideal(), case.it.near(case.payoffs, floor)
    most = None if here is None else case.most(here, weights, case.on_floor(here), floor or case.d)
    if ideal is None or here is None or most is None:
        return case.proof(None, ideal)
    size = tuple(r if r > 0 else Fraction(1) for r in less(ideal[0], case.d))
    short = max(most - dot(weights, case.payoffs), Fraction(0)) / dot(weights, size)
    far = above(max(short, case.outside(here, size)))
    return case.about(f"the weighted sum is within {far:.2g} of the best", far, size)


ZERO = Fraction(0)


@register("nash", ConvexProgram, views=True)
@register("conley_wilkie", ConvexProgram, views=True)
def nash_on_program(claim: Claim) -> Certificate:
    """Enclose the solution by the duality gap of a decision, and then by gradients near it.

    Players without weight are kept at or above d by additional prices. Their payoffs are those of the decisions that
    are best for the others; gradients bound these decisions.
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
    """Narrow a box by gradients: first the prices w / (x - d), then the payoffs."""

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


TIGHT = Fraction(1, 10**6)  # of the range of gains: smaller losses count as zero


@register("equal_loss", ConvexProgram, views=True)
def equal_loss_on_program(claim: Claim) -> Certificate:
    """Move down from the ideal point by equal losses: a decision bounds the loss from above, prices from below."""
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
    """Bound the losses by the gap of the first-order condition and then by gradients; for p = 1 bound their sum."""
    if float(claim.given("p")) == inf:
        if len(claim.payoffs) > 2:
            raise NotApplicable(
                f"{claim.method} of three and more players lowers one loss after another, which is not proved for a "
                "ConvexProgram. Describe the payoffs as a Polytope, or certify `equal_loss`."
            )
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
    """Bound the losses by the duality gap at the prices of a decision; None if nothing is proved."""
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
    # The curvature of the sum is smallest at the largest losses if p <= 2, at the smallest losses if p > 2.
    felt = most if power <= 2 else least
    far = [unit * e for e in misses([x / unit for x in felt], power, max(gap, ZERO))]
    return [(max(a - e, ZERO), b + e) for a, b, e in zip(least, most, far, strict=True)]


def _narrower(
    case: Case, ideal: Box, losses: list[Interval], here: Decided, power: Fraction
) -> list[Interval]:
    """Return narrower bounds of the losses, from gradients."""
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
    """Compare payoffs; if somebody may lose nothing, only the losses are certain."""
    low, high = (tuple(pair[k] for pair in losses) for k in (0, 1))
    if min(low) > 0:
        return case.proof((less(ideal[0], high), less(ideal[1], low)), ideal)
    ranges = less(ideal[0], case.d)
    given = [tuple(max(end[i] - x, ZERO) for end in ideal) for i, x in enumerate(case.payoffs)]
    off = (max(y[1] - x[0], x[1] - y[0]) / r for x, y, r in zip(losses, given, ranges, strict=True))
    far = above(max(*off, case.outside(here, ranges)))
    return case.about(f"the losses are within {far:.2g} of the least, over the gains", far, ranges)


def _least_sum(case: Case, ideal: Box, here: Decided) -> Certificate:
    """Bound by how much the sum of losses exceeds its minimum, which is at least q . a - max q . u for any q in [0, 1].

    The prices q are one for players who lose. For players at their ideal payoffs they are such that the decision
    minimises the losses of the others.
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
