"""Certifiers on a frontier given as a function: they bracket the sign change of a falling condition.

Premises: `function` is decreasing and concave, and it and `derivative` are right to four units in the last place. All
computations with these values are in rational intervals that contain the true value.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import inf, nextafter

import numpy as np

from bargaining.errors import NotApplicable, Status
from bargaining.exact.certificate import (
    Certificate,
    Claim,
    above,
    allowance,
    compare,
    enclose,
    register,
)
from bargaining.feasible.frontier import Frontier

Interval = tuple[Fraction, Fraction]
Condition = Callable[[Fraction], Interval]

ULPS = Fraction(4, 2**52)  # four units in the last place: the premise about the user's functions
FAR = Fraction(10) ** 400  # stands for infinity: no float is near it
FINEST = 52  # halvings of the set from which a bracket starts
CHORDS = range(12, 40, 4)  # halvings of the set that give the lengths of chords


class Cell:
    """One cell of a frontier and its disagreement point."""

    def __init__(self, claim: Claim, *, rational: bool = True) -> None:
        self.claim, self.set = claim, claim.feasible
        self.low, self.high = (Fraction(claim.at_cell(end)) for end in (self.set.lower, self.set.upper))
        self.d_0, self.d_1 = (Fraction(x) for x in claim.disagreement)
        self.start = min(max(self.low, self.d_0), self.high) if rational else self.low

    def value(self, x: Fraction) -> Interval:
        """Return f(x)."""
        return self._call(self.set.function, x)

    def slope(self, x: Fraction) -> Interval:
        """Bound f'(x) by `derivative`, or by the slopes of chords to the right and to the left of x."""
        if self.set.derivative is not None:
            return self._call(self.set.derivative, x)
        top, least, most = self.value(x)[1], -FAR, FAR
        for power in CHORDS:
            step = (self.high - self.low) / 2**power
            right, left = _float(x + step), _float(x - step)
            if x < right <= self.high:
                least = max(least, (self.value(right)[0] - top) / (right - x))
            if self.low <= left < x:
                most = min(most, (top - self.value(left)[0]) / (x - left))
        return least, most

    def bracket(self, condition: Condition, around: Fraction) -> Interval:
        """Return points near `around` between which a falling condition changes sign, or ends of the set."""
        x, width = min(max(around, self.start), self.high), (self.high - self.low) / 2**FINEST
        steps = [width * 2**power for power in range(FINEST + 1)]
        left = next(
            (t for t in (_float(x - s) for s in steps) if t > self.start and condition(t)[0] > 0), self.start
        )
        right = next(
            (t for t in (_float(x + s) for s in steps) if t < self.high and condition(t)[1] < 0), self.high
        )
        return left, right

    def ideal(self) -> tuple[Interval, Interval] | None:
        """Return brackets of each player's best payoff where the other gets at least d; None if there is none."""
        floor = np.array([float(self.start), float(self.d_1)])
        best = self.claim.at_cell(self.set.ideal(floor), one_each=True)[0]
        if not np.isfinite(best):
            return None

        def over_floor(x: Fraction) -> Interval:
            f, g = self.value(x)
            return f - self.d_1, g - self.d_1

        return self.bracket(over_floor, Fraction(best)), self.value(self.start)

    def ranges(self) -> tuple[Fraction, Fraction]:
        """Return a lower bound of each player's range of gains, or the span of the set if the player cannot gain."""
        low, high = self.start, self.high
        for _ in range(30):
            middle = _float((low + high) / 2)
            low, high = (middle, high) if self.value(middle)[0] >= self.d_1 else (low, middle)
        gains = (low - self.d_0, self.value(self.start)[0] - self.d_1)
        spans = (self.high - self.low, self.value(self.low)[1] - self.value(self.high)[0])
        return tuple(g if g > 0 else s for g, s in zip(gains, spans, strict=True))  # type: ignore[return-value]

    def _call(self, function: Callable[..., object], x: Fraction) -> Interval:
        """Bound a falling function at x, which may lie between two floats."""
        near = float(x)
        if near == x:
            return self._at(function, near)
        left, right = (near, nextafter(near, inf)) if near < x else (nextafter(near, -inf), near)
        return self._at(function, min(right, float(self.high)))[0], self._at(
            function, max(left, float(self.low))
        )[1]

    def _at(self, function: Callable[..., object], x: float) -> Interval:
        found = self.claim.at_cell(function(np.full(self.claim.batch, x)))
        if np.isneginf(found):  # the slope at an end
            return -FAR, -FAR
        value = Fraction(found)
        return value - ULPS * abs(value), value + ULPS * abs(value)


def _float(x: Fraction) -> Fraction:
    """Return the nearest float, exactly."""
    return Fraction(float(x))


@register("nash", Frontier)
@register("conley_wilkie", Frontier)
def nash_on_frontier(claim: Claim) -> Certificate:
    """Bracket the first-order condition w0 (f - d1) + w1 (x - d0) f' = 0."""
    cell, (w_0, w_1) = Cell(claim), claim.weights()

    def condition(x: Fraction) -> Interval:
        (f, g), (p, q) = cell.value(x), cell.slope(x)
        gain = w_1 * (x - cell.d_0)
        return w_0 * (f - cell.d_1) + gain * p, w_0 * (g - cell.d_1) + gain * q

    return proved(cell, condition, "the first-order condition")


@register("kalai_smorodinsky", Frontier)
def kalai_smorodinsky_on_frontier(claim: Claim) -> Certificate:
    """Follow the ray from d towards the ideal point."""
    cell = Cell(claim)
    return _to_ideal(cell, cell.d_0, cell.d_1, "the ray to the ideal point")


@register("egalitarian", Frontier)
def egalitarian_on_frontier(claim: Claim) -> Certificate:
    """Bracket w0 (f - d1) - w1 (x - d0) = 0; the other payoff is on the ray."""
    cell, (w_0, w_1) = Cell(claim), claim.weights()

    def condition(x: Fraction) -> Interval:
        (f, g), gain = cell.value(x), w_1 * (x - cell.d_0)
        return w_0 * (f - cell.d_1) - gain, w_0 * (g - cell.d_1) - gain

    ray = None if w_0 == 0 else lambda x: cell.d_1 + (x - cell.d_0) * w_1 / w_0
    return proved(cell, condition, "the ray of proportional gains", other=ray)


@register("utilitarian", Frontier)
def utilitarian_on_frontier(claim: Claim) -> Certificate:
    """Bracket w0 + w1 f' = 0 over the whole set; the disagreement point does not matter."""
    cell, (w_0, w_1) = Cell(claim, rational=False), claim.weights()

    def condition(x: Fraction) -> Interval:
        p, q = cell.slope(x)
        return w_0 + w_1 * p, w_0 + w_1 * q

    return proved(cell, condition, "the first-order condition")


def proved(
    cell: Cell,
    condition: Condition,
    what: str,
    *,
    other: Callable[[Fraction], Fraction] | None = None,
) -> Certificate:
    """Return the certificate, which bounds the error of the payoffs by the bracket of the sign change."""
    claim = cell.claim
    if not claim.finite:
        return without_answer(cell)
    x, y = (Fraction(payoff) for payoff in claim.payoffs)
    left, right = cell.bracket(condition, x)
    if other is None:
        lowest, highest = cell.value(right)[0], cell.value(left)[1]
    else:
        lowest, highest = other(left), other(right)
    ranges = cell.ranges()
    errors = (max(x - left, right - x) / ranges[0], max(y - lowest, highest - y) / ranges[1])
    bound = above(max(*errors, Fraction(0)))
    premise = "`function` and `derivative` are" if cell.set.derivative is not None else "`function` is"
    statement = (
        f"{claim.method} on a frontier: {what} changes sign within {bound:.2g} of the range of gains around the "
        f"payoffs, if {premise} right to four units in the last place."
    )
    return Certificate(
        exact=None, bound=bound, tolerance=allowance(claim, (x, y), ranges), statement=statement
    )


def without_answer(cell: Cell) -> Certificate:
    """Check that a cell without payoffs is empty."""
    claim = cell.claim
    empty = cell.d_0 > cell.high or cell.value(cell.start)[1] < cell.d_1
    agreed = empty and claim.status == Status.EMPTY
    statement = (
        f"{claim.method} on a frontier: {'nothing' if empty else 'something'} feasible gives both players their "
        f"disagreement payoffs, and {claim.status.name} was computed."
    )
    return Certificate(
        exact=None, bound=0.0 if agreed else inf, tolerance=claim.tolerance, statement=statement
    )


@register("equal_loss", Frontier)
def equal_loss_on_frontier(claim: Claim) -> Certificate:
    """Bracket (a0 - x) - (a1 - f) = 0, with the ideal payoff a0 bracketed first."""
    cell = Cell(claim)
    ideal = cell.ideal()
    if ideal is None:
        return without_answer(cell)
    (a, b), (p, q) = ideal

    def condition(x: Fraction) -> Interval:
        f, g = cell.value(x)
        return (a - x) - (q - f), (b - x) - (p - g)

    return proved(cell, condition, "the difference of the losses")


@register("yu", Frontier)
def yu_on_frontier(claim: Claim) -> Certificate:
    """Bracket the first-order condition of the sum of losses to the power p: (a0 - x)^(p-1) + f' (a1 - f)^(p-1) = 0."""
    power = claim.power()
    if power == inf:
        return equal_loss_on_frontier(claim)
    cell = Cell(claim)
    ideal = cell.ideal()
    if ideal is None:
        return without_answer(cell)
    (a, b), (p, q) = ideal

    def condition(x: Fraction) -> Interval:
        (f, g), (s, t) = cell.value(x), cell.slope(x)
        if power == 1:
            return 1 + s, 1 + t
        low, high = max(p - g, Fraction(0)), max(q - f, Fraction(0))
        return max(a - x, Fraction(0)) + min(s * high, s * low), max(b - x, Fraction(0)) + max(
            t * low, t * high
        )

    return proved(cell, condition, "the first-order condition")


@register("gupta_livne", Frontier)
def gupta_livne_on_frontier(claim: Claim) -> Certificate:
    """Follow the ray from the reference to the ideal point, if the reference lies on or below the frontier."""
    cell = Cell(claim)
    r_0, r_1 = (Fraction(x) for x in claim.given("reference", one_each=True))
    bad = r_0 < cell.d_0 or r_1 < cell.d_1 or r_0 > cell.high or cell.value(max(r_0, cell.low))[1] < r_1
    if bad and cell.ideal() is not None:
        return compare(claim, None, Status.EMPTY, (), f"{claim.method} on a frontier")
    return _to_ideal(cell, r_0, r_1, "the ray from the reference to the ideal point")


def _to_ideal(cell: Cell, r_0: Fraction, r_1: Fraction, what: str) -> Certificate:
    """Bracket (f - r1) (a0 - r0) - (x - r0) (a1 - r1) = 0, with the ideal payoff a0 bracketed first."""
    ideal = cell.ideal()
    if ideal is None:
        return without_answer(cell)
    (a, b), (p, q) = ideal

    def condition(x: Fraction) -> Interval:
        (f, g), gain = cell.value(x), x - r_0
        ends = [(h - r_1) * (c - r_0) - gain * (e - r_1) for h in (f, g) for c in (a, b) for e in (p, q)]
        return min(ends), max(ends)

    return proved(cell, condition, what)


@register("dictatorial", Frontier)
def dictatorial_on_frontier(claim: Claim) -> Certificate:
    """Bracket one player's ideal payoff; the other gets d."""
    cell = Cell(claim)
    ideal = cell.ideal()
    if ideal is None:
        return without_answer(cell)
    low, high = [cell.d_0, cell.d_1], [cell.d_0, cell.d_1]
    player = claim.given("player")
    low[player], high[player] = ideal[player]
    if cell.d_0 < cell.low and player == 1:
        return compare(claim, None, Status.EMPTY, (), f"{claim.method} on a frontier")
    return enclose(claim, tuple(low), tuple(high), cell.ranges(), f"{claim.method} on a frontier")


@register("lexicographic_kalai_smorodinsky", Frontier)
@register("lexicographic_egalitarian", Frontier)
def lexicographic_on_frontier(claim: Claim) -> Certificate:
    """On a falling frontier nobody can gain alone from the Kalai-Smorodinsky or the egalitarian point."""
    by_ideal = claim.method.startswith("lexicographic_kalai")
    proof = kalai_smorodinsky_on_frontier(claim) if by_ideal else egalitarian_on_frontier(claim)
    if not proof.holds:
        raise NotApplicable(
            f"{claim.method} is certified on a frontier where it is the solution without the extension; it is not here."
        )
    return proof
