"""Certifiers on concave programs: a feasible decision bounds from below, the dual of its conditions from above."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import inf

from bargaining.errors import NotApplicable, Status
from bargaining.exact.certificate import Certificate, Claim, above, allowance, enclose
from bargaining.exact.certify import register
from bargaining.exact.product import box_of_gap
from bargaining.exact.programs import Programs
from bargaining.feasible.program import ConvexProgram

Vector = tuple[Fraction, ...]
Box = tuple[Vector, Vector]

TIGHT = 1e-6  # of the range of gains
PREMISE = "if utilities are concave, constraints convex, and both right to four units in the last place"


class _Case:
    """A claim on a program and a bracket of its ideal point."""

    def __init__(self, claim: Claim) -> None:
        self.claim, self.it = claim, Programs(claim)
        self.d = tuple(Fraction(x) for x in claim.disagreement)
        floor = None if claim.view is None else claim.view.floor
        if floor is not None and any(x < f for x, f in zip(self.d, floor, strict=True)):
            raise NotApplicable(
                f"{claim.method} is certified on a program above a floor that the disagreement point is at or above."
            )
        if not self.it.bounded:
            raise NotApplicable(
                f"{claim.method} is certified on programs whose decisions have bounds: give finite `lower` and `upper`."
            )
        if claim.status != Status.OK or not claim.finite:
            raise NotApplicable(
                f"{claim.method} is certified on programs where it is OK; got {claim.status.name}."
            )

    @property
    def payoffs(self) -> Vector:
        return tuple(Fraction(x) for x in self.claim.payoffs)

    def ideal(self) -> Box | None:
        """Return bounds of each player's best payoff over what gives everyone at least d; None if none are proved."""
        view = self.it.view
        inner = [float((x - b) / a) for x, a, b in zip(self.d, view.scale, view.shift, strict=True)]
        best = self.claim.feasible.ideal(self.claim.feasible._decisions.span * 0 + inner)
        low, high = [], []
        for i, top in enumerate(best.tolist()):
            goal = list(self.d)
            goal[i] = Fraction(top) * view.scale[i] + view.shift[i]
            found = self.it.near(goal, self.d)
            if found is None:
                return None
            others = [
                j
                for j, (x, d) in enumerate(zip(found.low, self.d, strict=True))
                if j != i and x - d <= Fraction(TIGHT) * (abs(x) + abs(d) + 1)
            ]
            prices = self.it.shadow(found, i, others)
            most = self.it.most(found, prices)
            if most is None:
                return None
            low.append(found.low[i])
            high.append(
                most
                - sum(
                    (q * d for j, (q, d) in enumerate(zip(prices, self.d, strict=True)) if j != i),
                    Fraction(0),
                )
            )
        return tuple(low), tuple(high)

    def proof(self, box: Box | None, ideal: Box | None) -> Certificate:
        """Return the certificate that sets the claim beside a box, or one without a bound."""
        what = f"{self.claim.method} on a concave program, {PREMISE}"
        gains = () if ideal is None else tuple(a - d for a, d in zip(ideal[0], self.d, strict=True))
        if box is None or not gains or min(gains) <= 0:
            statement = (
                f"{what}: nothing is proved; no decision near the payoffs meets every constraint for sure."
            )
            return Certificate(exact=None, bound=inf, tolerance=self.claim.tolerance, statement=statement)
        return enclose(self.claim, *box, gains, what)

    def last(self, origin: Vector, steps: Box) -> Box | None:
        """Return bounds of the last feasible point from an origin along a step between two."""
        here = self.it.near(self.payoffs)
        if here is None or min(steps[0]) < 0 or max(steps[0]) <= 0:
            return None
        times = [(x - o) / p if p > 0 else None for x, o, p in zip(here.low, origin, steps[1], strict=True)]
        least = min(t for t in times if t is not None)
        if least < 0 or any(x < o for x, o, p in zip(here.low, origin, steps[1], strict=True) if p == 0):
            return None
        prices = self.it.prices(here, steps[0], _tight(times))
        worth = _dot(prices, steps[0])
        most = self.it.most(here, prices) if worth > 0 else None
        if most is None:
            return None
        time = max((most - _dot(prices, origin)) / worth, least)
        return tuple(o + least * p for o, p in zip(origin, steps[0], strict=True)), tuple(
            o + time * p for o, p in zip(origin, steps[1], strict=True)
        )


def _tight(times: Sequence[Fraction | None]) -> list[int]:
    least = min(t for t in times if t is not None)
    return [
        i for i, t in enumerate(times) if t is not None and t - least <= Fraction(TIGHT) * (abs(least) + 1)
    ]


def _dot(x: Sequence[Fraction], y: Sequence[Fraction]) -> Fraction:
    return sum((a * b for a, b in zip(x, y, strict=True)), Fraction(0))


def _less(x: Vector, y: Vector) -> Vector:
    return tuple(a - b for a, b in zip(x, y, strict=True))


@register("nash", ConvexProgram, views=True)
@register("conley_wilkie", ConvexProgram, views=True)
def nash_on_program(claim: Claim) -> Certificate:
    """Enclose the best product of gains by the duality gap of a decision: half of its digits reach the payoffs."""
    case, weights = _Case(claim), claim.weights()
    if min(weights) <= 0:
        raise NotApplicable(f"{claim.method} is certified on programs where everyone has a weight.")
    ideal, here = case.ideal(), case.it.near(case.payoffs)
    if here is None or ideal is None or min(_less(here.low, case.d)) <= 0:
        return case.proof(None, ideal)
    prices = tuple(w / g for w, g in zip(weights, _less(here.low, case.d), strict=True))
    most = case.it.most(here, prices)
    if most is None:
        return case.proof(None, ideal)
    gap = max(most - _dot(prices, case.d) - 1, Fraction(0))
    return case.proof(box_of_gap(case.d, here.low, weights, gap), ideal)


@register("kalai_smorodinsky", ConvexProgram, views=True)
def kalai_smorodinsky_on_program(claim: Claim) -> Certificate:
    """Go from d towards the ideal point, which is bracketed first."""
    case = _Case(claim)
    ideal = case.ideal()
    box = None if ideal is None else case.last(case.d, (_less(ideal[0], case.d), _less(ideal[1], case.d)))
    return case.proof(box, ideal)


@register("egalitarian", ConvexProgram, views=True)
def egalitarian_on_program(claim: Claim) -> Certificate:
    """Go from d in the proportions of the weights."""
    case = _Case(claim)
    return case.proof(case.last(case.d, (claim.weights(), claim.weights())), case.ideal())


@register("gupta_livne", ConvexProgram, views=True)
def gupta_livne_on_program(claim: Claim) -> Certificate:
    """Go from the reference, if it is feasible, towards the ideal point."""
    case = _Case(claim)
    r = tuple(Fraction(x) for x in claim.at_cell(claim.parameters["reference"], one_each=True))
    ideal, start = case.ideal(), case.it.near(r, r)
    if ideal is None or start is None:
        return case.proof(None, ideal)
    steps = _less(ideal[0], r), _less(ideal[1], r)
    return case.proof(case.last(r, steps), ideal)


@register("equal_loss", ConvexProgram, views=True)
def equal_loss_on_program(claim: Claim) -> Certificate:
    """Walk down from the ideal point: a decision bounds the loss from above, prices from below."""
    case = _Case(claim)
    ideal, here = case.ideal(), case.it.near(case.payoffs)
    if ideal is None or here is None:
        return case.proof(None, ideal)
    losses = _less(ideal[1], here.low)
    ones = (Fraction(1),) * len(losses)
    prices = case.it.prices(here, ones, _tight([-loss for loss in losses]))
    most = case.it.most(here, prices) if sum(prices) > 0 else None
    if most is None:
        return case.proof(None, ideal)
    loss = (_dot(prices, ideal[0]) - most) / sum(prices), max(losses)
    return case.proof((tuple(a - loss[1] for a in ideal[0]), tuple(a - loss[0] for a in ideal[1])), ideal)


@register("dictatorial", ConvexProgram, views=True)
def dictatorial_on_program(claim: Claim) -> Certificate:
    """Bracket one player's ideal payoff; the others get d."""
    case, player = _Case(claim), claim.parameters["player"]
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
    case, weights = _Case(claim), claim.weights()
    if claim.view is not None and claim.view.floor is not None:
        raise NotApplicable("utilitarian is certified on programs without a floor: it may well lie on one.")
    ideal, here = case.ideal(), case.it.near(case.payoffs)
    most = None if here is None else case.it.most(here, weights)
    if ideal is None or here is None or most is None:
        return case.proof(None, ideal)
    ranges = _less(ideal[0], case.d)
    size = tuple(r if r > 0 else Fraction(1) for r in ranges)
    short = max(most - _dot(weights, case.payoffs), Fraction(0)) / _dot(weights, size)
    over = max((x - y) / s for x, y, s in zip(case.payoffs, here.low, size, strict=True))
    far = above(max(short, over))
    statement = (
        f"{claim.method} on a concave program, {PREMISE}: the weighted sum is within {far:.2g} of the best."
    )
    return Certificate(
        exact=None, bound=far, tolerance=allowance(claim, case.payoffs, size), statement=statement
    )
