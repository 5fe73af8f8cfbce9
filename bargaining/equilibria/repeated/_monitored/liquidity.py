r"""Sustainable payoffs as functions of the money or future surplus at stake: piecewise linear, in rationals.

A profile a is played and a signal y is observed; then payee i gets a claim :math:`s_i(y) \ge 0`. The amount at stake,
L, bounds the claims: :math:`\sum_i s_i(y) \le L` after each signal. No deviation b may be profitable,

.. math:: \sum_y (p(y \mid b, a_{-i}) - p(y \mid a))\, s_i(y) \le g_i(a) - g_i(b, a_{-i}),

and a payee who may leave must get :math:`g_i(a) + E[s_i \mid a] \ge o_i`. Then the profile's joint payoff is at most
:math:`U_a(L) = \max_s \sum_i (g_i(a) + E[s_i \mid a]) - L`, which is concave and non-decreasing in L. The lowest payoff
of a payee is :math:`v_{ia}(L) = \min_s g_i(a) + E[s_i \mid a]`, which is convex and non-increasing. U is the maximum
over all profiles, and v the minimum. With transfers the payees are the players; if all claims rise and fall together
there is one payee.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, zip_longest
from math import isqrt
from typing import Any, NamedTuple

import numpy as np

from bargaining._rational import Program, Rationals, maximise

Profile = tuple[int, ...]
Place = tuple[Fraction, Fraction]
"""An argument of a function, and the value there."""
_ZERO = Fraction(0)
_DIGITS = 80  # binary ones of irrational roots, beyond those of floats


class Piece(NamedTuple):
    """A linear function from `start` on, and its profile."""

    start: Fraction
    value: Fraction
    slope: Fraction
    owner: Profile | None = None

    def at(self, stake: Fraction) -> Fraction:
        """Return the value."""
        return self.value + self.slope * (stake - self.start)


Curve = list[Piece]
"""Pieces in the order of their starts; the function is undefined before the first, and the last has slope zero."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """One profile.

    Attributes
    ----------
    profile : tuple of int
    today : tuple of Fraction
        The stage payoff of each payee.
    chances : (S,) array of Fraction
        The probabilities of the signals that may be observed if nobody deviates.
    deviations : tuple of (payee, (S,) array of Fraction, Fraction)
        The change of the probabilities of these signals by a deviation, and the largest rise of expected claims
        allowed.
    floors : tuple of Fraction or None
        The payoff of each payee from leaving.
    """

    profile: Profile
    today: tuple[Fraction, ...]
    chances: Rationals
    deviations: tuple[tuple[int, Rationals, Fraction], ...]
    floors: tuple[Fraction | None, ...]

    @property
    def size(self) -> int:
        """The number of claims."""
        return len(self.today) * len(self.chances)

    def curves(self) -> tuple[Curve, list[Curve]] | None:
        """Return the profile's U, and *negated* v of each payee; None if no claims sustain the profile."""
        least = self._program(np.full(self.size, _ZERO), Fraction(1), None)
        if least is None:
            return None
        every = np.tile(self.chances, len(self.today))
        best = self._curve(sum(self.today, _ZERO), every, Fraction(1), -least.value)
        low = []
        for payee, today in enumerate(self.today):
            own = np.full(self.size, _ZERO)
            own[self._part(payee)] = -self.chances
            low.append(self._curve(-today, own, _ZERO, -least.value))
        return best, low

    def claims(self, stake: Fraction) -> Rationals | None:
        """Return claims (payees, S) that maximise joint payoffs, given the amount at stake."""
        found = self._program(np.tile(self.chances, len(self.today)), _ZERO, stake)
        if found is None:
            return None
        return np.array(found.solution[:-1], dtype=object).reshape(len(self.today), -1)

    def _part(self, payee: int) -> slice:
        count = len(self.chances)
        return slice(payee * count, (payee + 1) * count)

    def _curve(self, constant: Fraction, weights: Rationals, cost: Fraction, least: Fraction) -> Curve:
        """Return the maximum of constant + weights . s - cost L, for every L from the least feasible one on."""

        def tangent(stake: Fraction) -> Tangent:
            found = self._program(weights, cost, stake)
            assert found is not None
            return Tangent(stake, found.value, found.multipliers[-1])

        top = self._program(weights, cost, None)
        assert top is not None
        first = tangent(least)
        points = [first.place, *breakpoints(first, Tangent(None, top.value, _ZERO), tangent)]
        out: Curve = []
        for (x, value), (after, next_value) in pairwise(points):
            slope = (next_value - value) / (after - x)
            if not out or out[-1].slope != slope:
                out.append(Piece(x, constant + value, slope, self.profile))
        x, value = points[-1]
        return [*out, Piece(x, constant + value, _ZERO, self.profile)]

    def _program(self, weights: Rationals, cost: Fraction, most: Fraction | None) -> Program | None:
        """Maximise weights . s - cost L over claims s and what is at stake, L, at most so much."""
        count, rows, limits = len(self.chances), [], []

        def add(part: slice, entries: Any, limit: Fraction, *, stake: int = 0) -> None:
            row = np.full(self.size + 1, _ZERO)
            row[part], row[-1] = entries, Fraction(stake)
            rows.append(row)
            limits.append(limit)

        for y in range(count):
            add(slice(y, self.size, count), Fraction(1), _ZERO, stake=-1)
        for payee, change, limit in self.deviations:
            add(self._part(payee), change, limit)
        for payee, floor in enumerate(self.floors):
            if floor is not None:
                add(self._part(payee), -self.chances, self.today[payee] - floor)
        if most is not None:
            add(slice(0), _ZERO, most, stake=1)
        return maximise(np.append(weights, np.array([-cost])), np.array(rows), np.array(limits))


class Tangent(NamedTuple):
    """A line that touches a concave function at a point, or far to the right."""

    at: Fraction | None
    value: Fraction
    slope: Fraction

    @property
    def place(self) -> Place:
        """The point."""
        return self.at or _ZERO, self.value


def breakpoints(left: Tangent, right: Tangent, tangent: Callable[[Fraction], Tangent]) -> Iterator[Place]:
    """Yield points of a concave piecewise linear function between two tangents: all where it bends, and others."""
    if left.slope == right.slope:
        return
    start = left.place[0]
    anchor = start if right.at is None else right.at
    x = (right.value - left.value + left.slope * start - right.slope * anchor) / (left.slope - right.slope)
    if x <= start or (right.at is not None and x >= right.at):
        return
    here = tangent(x)
    bends = here.value == left.value + left.slope * (x - start)
    if not bends:
        yield from breakpoints(left, here, tangent)
    yield x, here.value
    if not bends:
        yield from breakpoints(here, right, tangent)


def seen(stage: Stage, most: Sequence[Fraction]) -> tuple[Curve, list[Curve]]:
    """Return the curves if actions are observed: a deviation, which gains at most `most`, forfeits all claims."""
    needs = []
    for today, best, floor in zip(stage.today, most, stage.floors, strict=True):
        needs.append((best if floor is None else max(best, floor)) - today)
    start = sum(needs, _ZERO)
    total = Piece(start, sum(stage.today, _ZERO), _ZERO, stage.profile)
    low = [
        [Piece(start, -today - need, _ZERO, stage.profile)]
        for today, need in zip(stage.today, needs, strict=True)
    ]
    return [total], low


def highest(curves: Sequence[Curve]) -> Curve:
    """Return the upper envelope of curves that do not fall."""
    return envelope(_worthwhile(curves))


def envelope(curves: Sequence[Curve]) -> Curve:
    """Return the upper envelope of curves; each piece has the owner of the highest curve."""
    starts = sorted({piece.start for curve in curves for piece in curve})
    out: Curve = []
    for k, start in enumerate(starts):
        end = starts[k + 1] if k + 1 < len(starts) else None
        lines = [piece for curve in curves if (piece := piece_at(curve, start)) is not None]
        at = start
        while True:
            now = max(lines, key=lambda piece: (piece.at(at), piece.slope))
            if (
                not out
                or out[-1].owner != now.owner
                or out[-1].slope != now.slope
                or out[-1].at(at) != now.at(at)
            ):
                out.append(Piece(at, now.at(at), now.slope, now.owner))
            crossings = [
                at + (now.at(at) - piece.at(at)) / (piece.slope - now.slope)
                for piece in lines
                if piece.slope > now.slope
            ]
            following = min(crossings, default=None)
            if following is None or (end is not None and following >= end):
                break
            at = following
    return out


def _worthwhile(curves: Sequence[Curve]) -> list[Curve]:
    """Drop curves that never rise above the first value of a curve that starts no later."""
    kept, level = [], None
    for curve in sorted(curves, key=lambda curve: (curve[0].start, -curve[0].value)):
        if level is None or curve[-1].value > level:
            kept.append(curve)
            level = curve[0].value if level is None else max(level, curve[0].value)
    return kept


def piece_at(curve: Curve, stake: Fraction) -> Piece | None:
    """Return the piece of a curve that contains this amount at stake; None before the curve starts."""
    after = bisect_right(curve, stake, key=lambda piece: piece.start)
    return curve[after - 1] if after else None


class Account(NamedTuple):
    """The payoffs that can be sustained with a given amount at stake.

    Attributes
    ----------
    stake : Fraction
        L.
    best : Piece
        U, and the profile that gives it.
    low : list of Piece
        The payees' v, *negated*, and the profiles that attain it.
    """

    stake: Fraction
    best: Piece
    low: list[Piece]

    @property
    def surplus(self) -> Fraction:
        """U minus the sum of v."""
        return self.best.at(self.stake) + sum((each.at(self.stake) for each in self.low), _ZERO)

    @property
    def growth(self) -> Fraction:
        """The slope of the surplus in the stake."""
        return self.best.slope + sum((each.slope for each in self.low), _ZERO)

    @property
    def discount(self) -> Fraction:
        """The discount factor at which the future surplus equals this stake, L / (L + U - sum v); 2 if none."""
        if not self.stake:
            return _ZERO
        return self.stake / (self.stake + self.surplus) if self.surplus > 0 else Fraction(2)


class Ledger:
    """U and v for every stake, and hence for every discount factor."""

    def __init__(
        self,
        best: Sequence[Curve],
        low: Sequence[Sequence[Curve]],
        outside: Sequence[Fraction] | None,
        credible: Fraction,
    ) -> None:
        """Combine the curves of the profiles, and the payoffs of leaving from the stake on at which it is credible."""
        leave = [] if outside is None else [[Piece(credible, sum(outside, _ZERO), _ZERO)]]
        self.best = highest([*best, *leave])
        # Leaving comes first: if it gives no more than a profile, players leave.
        self.low = [
            highest([*([] if outside is None else [[Piece(credible, -outside[i], _ZERO)]]), *curves])
            for i, curves in enumerate(low)
        ]
        starts = {piece.start for curve in (self.best, *self.low) for piece in curve}
        self.accounts = [self.at_stake(stake) for stake in sorted(starts)]

    def at_stake(self, stake: Fraction) -> Account:
        """Return the payoffs that can be sustained with this amount at stake."""
        found = [piece_at(curve, stake) for curve in (self.best, *self.low)]
        pieces = [piece for piece in found if piece is not None]
        assert len(pieces) == len(found)
        return Account(stake, pieces[0], pieces[1:])

    def at(self, discount: Fraction) -> Account | None:
        """Return the payoffs at the largest L with L <= d / (1 - d) (U(L) - sum v(L)); there it holds with equality."""
        reward = discount / (1 - discount)
        for account in reversed(self.accounts):
            spare = reward * account.surplus - account.stake
            if spare == 0:
                return account
            if spare > 0:  # at the next start the surplus is too small, so the spare falls to zero before it
                return self.at_stake(account.stake + spare / (1 - reward * account.growth))
        return None

    def steps(self) -> list[Account]:
        """Return the stakes at which the solution changes as the discount factor rises from zero to one."""
        out: list[Account] = []
        least = Fraction(1)
        for account in reversed(self.accounts):
            if account.discount < least:
                out.append(account)
                least = account.discount
        return out[::-1]

    def critical(self, curve: Curve) -> tuple[Fraction | None, bool]:
        r"""Return the lowest discount factor at which the profile of this curve can be played for ever; None if none.

        And say whether it is exact.

        Its own joint payoff less the threats, not the largest one, must be worth some L:
        :math:`r (U_a(L) - \sum v) \ge L` with :math:`r = \delta / (1 - \delta)`. The threats are those at this
        discount factor, so that r may be the root of a quadratic equation; an irrational one is rounded.
        """
        steps = self.steps()
        for account, after in zip_longest(steps, steps[1:]):
            low = account.discount / (1 - account.discount)
            high = None if after is None else after.discount / (1 - after.discount)
            falls = sum((each.slope for each in account.low), _ZERO)  # of the threats, in what is at stake
            roots: list[tuple[Fraction, bool]] = []
            for piece in curve:
                worth = piece.value + sum((each.at(account.stake) for each in account.low), _ZERO)
                if low * worth >= piece.start:
                    return account.discount, True
                # At stake are L + (r S - L) / (1 - r g), with the surplus S at the account's L and its growth g.
                square = falls * account.surplus - account.growth * worth
                linear = worth - falls * account.stake + account.growth * piece.start
                roots += _roots(square, linear, -piece.start)
            found = min(
                (each for each in roots if each[0] > low and (high is None or each[0] < high)), default=None
            )
            if found is not None:
                reward, exact = found
                return reward / (1 + reward), exact
        return None, True


def _roots(square: Fraction, linear: Fraction, constant: Fraction) -> list[tuple[Fraction, bool]]:
    """Return the real roots of a polynomial of degree two or one, and whether they are exact."""
    if not square:
        return [(-constant / linear, True)] if linear else []
    under = linear**2 - 4 * square * constant
    if under < 0:
        return []
    root = Fraction(isqrt(under.numerator * under.denominator << 2 * _DIGITS), under.denominator << _DIGITS)
    return [((sign * root - linear) / (2 * square), root**2 == under) for sign in (1, -1)]
