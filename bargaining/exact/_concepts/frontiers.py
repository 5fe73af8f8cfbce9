"""Certifiers on a frontier given as a function: they bracket the sign change of a falling condition.

Premises: `function` is decreasing and concave, and it and `derivative` are right to four units in the last place. All
computations with these values are in rational intervals that contain the true value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import inf, nextafter

import numpy as np

from bargaining.errors import Status
from bargaining.exact.certify import Certificate, Claim, above, allowance, compare, register
from bargaining.feasible.frontier import Frontier

ULPS = Fraction(4, 2**52)  # four units in the last place: the premise about the user's functions
FAR = Fraction(10) ** 400  # stands for infinity: no float is near it
FINEST = 52  # halvings of the set from which a bracket starts
CHORDS = range(12, 40, 4)  # halvings of the set that give the lengths of chords


@dataclass(frozen=True, slots=True)
class Interval:
    """The rationals from `low` to `high`."""

    low: Fraction
    high: Fraction

    def __add__(self, other: Interval | Fraction) -> Interval:
        low, high = _ends(other)
        return Interval(self.low + low, self.high + high)

    def __sub__(self, other: Interval | Fraction) -> Interval:
        low, high = _ends(other)
        return Interval(self.low - high, self.high - low)

    def __mul__(self, other: Interval | Fraction) -> Interval:
        products = [a * b for a in (self.low, self.high) for b in _ends(other)]
        return Interval(min(products), max(products))


def _ends(value: Interval | Fraction) -> tuple[Fraction, Fraction]:
    return (value.low, value.high) if isinstance(value, Interval) else (value, value)


class Cell:
    """One cell of a frontier and its disagreement point."""

    def __init__(self, claim: Claim) -> None:
        self.claim, self.set = claim, claim.feasible
        self.low, self.high = (Fraction(claim.at_cell(end)) for end in (self.set.lower, self.set.upper))
        self.d = tuple(Fraction(x) for x in claim.disagreement)
        self.start = min(max(self.low, self.d[0]), self.high)

    def value(self, x: Fraction) -> Interval:
        """Return f(x)."""
        return self._call(self.set.function, x)

    def slope(self, x: Fraction) -> Interval:
        """Bound f'(x) by `derivative`, or by the slopes of chords to the right and to the left of x."""
        if self.set.derivative is not None:
            return self._call(self.set.derivative, x)
        top, least, most = self.value(x).high, -FAR, FAR
        for power in CHORDS:
            step = (self.high - self.low) / 2**power
            right, left = _float(x + step), _float(x - step)
            if x < right <= self.high:
                least = max(least, (self.value(right).low - top) / (right - x))
            if self.low <= left < x:
                most = min(most, (top - self.value(left).low) / (x - left))
        return Interval(least, most)

    def bracket(self, condition: Condition, around: Fraction, *, start: Fraction) -> Interval:
        """Return points near `around` between which a falling condition changes sign, or ends of the set."""
        x, width = min(max(around, start), self.high), (self.high - self.low) / 2**FINEST
        steps = [width * 2**power for power in range(FINEST + 1)]
        lefts, rights = (_float(x - s) for s in steps), (_float(x + s) for s in steps)
        left = next((t for t in lefts if t > start and condition(self, t).low > 0), start)
        right = next((t for t in rights if t < self.high and condition(self, t).high < 0), self.high)
        return Interval(left, right)

    def ideal(self) -> tuple[Interval, Interval] | None:
        """Return brackets of each player's best payoff where the other gets at least d; None if there is none."""
        floor = np.array([float(self.start), float(self.d[1])])
        best = self.claim.at_cell(self.set.ideal(floor), one_each=True)[0]
        if not np.isfinite(best):
            return None
        own = self.bracket(lambda cell, x: cell.value(x) - cell.d[1], Fraction(best), start=self.start)
        return own, self.value(self.start)

    def ranges(self) -> tuple[Fraction, Fraction]:
        """Return a lower bound of each player's range of gains, or the span of the set if the player cannot gain."""
        low, high = self.start, self.high
        for _ in range(30):
            middle = _float((low + high) / 2)
            low, high = (middle, high) if self.value(middle).low >= self.d[1] else (low, middle)
        gains = (low - self.d[0], self.value(self.start).low - self.d[1])
        spans = (self.high - self.low, self.value(self.low).high - self.value(self.high).low)
        return tuple(g if g > 0 else s for g, s in zip(gains, spans, strict=True))  # type: ignore[return-value]

    def _call(self, function: Callable[..., object], x: Fraction) -> Interval:
        """Bound a falling function at x, which may lie between two floats."""
        near = float(x)
        left = near if near <= x else nextafter(near, -inf)
        right = near if near >= x else nextafter(near, inf)
        last, first = (
            self._at(function, min(right, float(self.high))),
            self._at(function, max(left, float(self.low))),
        )
        return Interval(last.low, first.high)

    def _at(self, function: Callable[..., object], x: float) -> Interval:
        value = self.claim.at_cell(function(np.full(self.claim.batch, x)))
        if np.isneginf(value):  # the slope at an end
            return Interval(-FAR, -FAR)
        exact = Fraction(value)
        return Interval(exact - ULPS * abs(exact), exact + ULPS * abs(exact))


Condition = Callable[[Cell, Fraction], Interval]
"""Falls in player 0's payoff, and changes sign at the solution."""


def _float(x: Fraction) -> Fraction:
    """Return the nearest float, exactly."""
    return Fraction(float(x))


@register("nash", Frontier)
@register("conley_wilkie", Frontier)
def nash(claim: Claim) -> Certificate:
    """Bracket the first-order condition w0 (f - d1) + w1 (x - d0) f' = 0."""
    v, w = claim.weights()
    return certify_sign_change(
        claim, lambda cell, x: (cell.value(x) - cell.d[1]) * v + cell.slope(x) * (w * (x - cell.d[0]))
    )


@register("egalitarian", Frontier)
@register("lexicographic_egalitarian", Frontier)
def egalitarian(claim: Claim) -> Certificate:
    """Bracket w0 (f - d1) - w1 (x - d0) = 0; the other payoff is on the ray, also at an end of the frontier.

    On a falling frontier nobody can gain alone from there.
    """
    (v, w), (d_0, d_1) = claim.weights(), Cell(claim).d
    ray = None if v == 0 else lambda x: d_1 + (x - d_0) * w / v
    return certify_sign_change(claim, lambda cell, x: (cell.value(x) - d_1) * v - w * (x - d_0), other=ray)


@register("utilitarian", Frontier)
def utilitarian(claim: Claim) -> Certificate:
    """Bracket w0 + w1 f' = 0 over the whole set; the disagreement point does not matter."""
    v, w = claim.weights()
    return certify_sign_change(claim, lambda cell, x: cell.slope(x) * w + v, start=Cell(claim).low)


@register("equal_loss", Frontier)
def equal_loss(claim: Claim) -> Certificate:
    """Bracket (a0 - x) - (a1 - f) = 0, with the ideal payoffs bracketed first."""
    ideal = Cell(claim).ideal()
    if ideal is None:
        return certify_empty(claim)
    a, b = ideal
    return certify_sign_change(claim, lambda cell, x: a - x - b + cell.value(x))


@register("kalai_smorodinsky", Frontier)
@register("lexicographic_kalai_smorodinsky", Frontier)
def kalai_smorodinsky(claim: Claim) -> Certificate:
    """Follow the ray from d towards the ideal point; on a falling frontier nobody can gain alone from its end."""
    return _to_ideal(claim, Cell(claim).d)


@register("gupta_livne", Frontier)
def gupta_livne(claim: Claim) -> Certificate:
    """Follow the ray from the reference to the ideal point, if the reference lies on or below the frontier."""
    cell, reference = Cell(claim), tuple(Fraction(x) for x in claim.given("reference", one_each=True))
    below = any(r < d for r, d in zip(reference, cell.d, strict=True))
    beyond = reference[0] > cell.high or cell.value(max(reference[0], cell.low)).high < reference[1]
    if (below or beyond) and cell.ideal() is not None:
        return compare(claim, None, Status.EMPTY, (), f"{claim.method} on a frontier")
    return _to_ideal(claim, reference)


def _to_ideal(claim: Claim, origin: tuple[Fraction, ...]) -> Certificate:
    """Bracket (f - r1) (a0 - r0) - (x - r0) (a1 - r1) = 0, with the ideal payoffs bracketed first."""
    ideal, (r, s) = Cell(claim).ideal(), origin
    if ideal is None:
        return certify_empty(claim)
    a, b = ideal
    return certify_sign_change(claim, lambda cell, x: (cell.value(x) - s) * (a - r) - (b - s) * (x - r))


def certify_sign_change(
    claim: Claim,
    condition: Condition,
    *,
    start: Fraction | None = None,
    other: Callable[[Fraction], Fraction] | None = None,
) -> Certificate:
    """Return the certificate, which bounds the error of the payoffs by the bracket of the sign change."""
    if not claim.finite:
        return certify_empty(claim)
    cell, (x, y) = Cell(claim), (Fraction(payoff) for payoff in claim.payoffs)
    place = cell.bracket(condition, x, start=cell.start if start is None else start)
    if other is None:
        rest = Interval(cell.value(place.high).low, cell.value(place.low).high)
    else:
        rest = Interval(other(place.low), other(place.high))
    ranges = cell.ranges()
    errors = (
        max(v - part.low, part.high - v) / r for v, part, r in zip((x, y), (place, rest), ranges, strict=True)
    )
    bound = above(max(*errors, Fraction(0)))
    premise = "`function` and `derivative` are" if cell.set.derivative is not None else "`function` is"
    statement = (
        f"{claim.method} on a frontier: its condition changes sign within {bound:.2g} of the range of gains around the "
        f"payoffs, if {premise} right to four units in the last place."
    )
    return Certificate(
        exact=None, bound=bound, tolerance=allowance(claim, (x, y), ranges), statement=statement
    )


def certify_empty(claim: Claim) -> Certificate:
    """Check that a cell without payoffs is empty."""
    cell = Cell(claim)
    empty = cell.d[0] > cell.high or cell.value(cell.start).high < cell.d[1]
    agreed = empty and claim.status == Status.EMPTY
    statement = (
        f"{claim.method} on a frontier: {'nothing' if empty else 'something'} feasible gives both players their "
        f"disagreement payoffs, and {claim.status.name} was computed."
    )
    return Certificate(
        exact=None, bound=0.0 if agreed else inf, tolerance=claim.tolerance, statement=statement
    )
