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

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, zip_longest
from math import isqrt
from typing import NamedTuple

import numpy as np

from bargaining._rational import Rationals, maximise

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
        none = np.full(self.size, _ZERO)
        least = self._solved(none, Fraction(1), _ZERO)
        if least is None:
            return None
        every = np.tile(self.chances, len(self.today))
        best = self._curve(sum(self.today, _ZERO), every, Fraction(1), -least[0])
        low = []
        for payee, today in enumerate(self.today):
            own = none.copy()
            own[self._part(payee)] = -self.chances
            low.append(self._curve(-today, own, _ZERO, -least[0]))
        return best, low

    def claims(self, stake: Fraction) -> Rationals | None:
        """Return claims (payees, S) that maximise joint payoffs, given the amount at stake."""
        found = self._solved(np.tile(self.chances, len(self.today)), _ZERO, stake, span=_ZERO)
        return None if found is None else found[1][:-1].reshape(len(self.today), -1)

    def _part(self, payee: int) -> slice:
        count = len(self.chances)
        return slice(payee * count, (payee + 1) * count)

    def _curve(self, constant: Fraction, weights: Rationals, cost: Fraction, least: Fraction) -> Curve:
        """Return the maximum of constant + weights . s - cost L, for every L from the least feasible one on."""
        top = self._solved(weights, cost, least)
        assert top is not None
        last = self._solved(np.full(self.size, _ZERO), Fraction(1), least, at_least=(weights, cost, top[0]))
        first = self._solved(weights, cost, least, span=_ZERO)
        assert last is not None
        assert first is not None
        ends = [(least, first[0] - cost * least), (least - last[0], top[0] - cost * least)]

        def farthest(left: Place, right: Place, slope: Fraction) -> Place:
            found = self._solved(weights, cost + slope, left[0], span=right[0] - left[0])
            assert found is not None
            return left[0] + found[1][-1], found[0] + slope * found[1][-1] - cost * left[0]

        points = [ends[0], *kinks(ends[0], ends[1], farthest), ends[1]] if last[0] else ends[:1]
        out: Curve = []
        for (x, value), (after, next_value) in pairwise(points):
            slope = (next_value - value) / (after - x)
            if not out or out[-1].slope != slope:
                out.append(Piece(x, constant + value, slope, self.profile))
        x, value = points[-1]
        return [*out, Piece(x, constant + value, _ZERO, self.profile)]

    def _solved(
        self,
        weights: Rationals,
        cost: Fraction,
        least: Fraction,
        *,
        span: Fraction | None = None,
        at_least: tuple[Rationals, Fraction, Fraction] | None = None,
    ) -> tuple[Fraction, Rationals] | None:
        """Maximise weights . s - cost t over s and L = least + t with t <= span; return the maximum with s and t."""
        count, payees = len(self.chances), len(self.today)
        rows, limits = [], []
        for y in range(count):
            row = np.full(self.size + 1, _ZERO)
            row[y : self.size : count] = Fraction(1)
            row[-1] = Fraction(-1)
            rows.append(row)
            limits.append(least)
        for payee, change, limit in self.deviations:
            row = np.full(self.size + 1, _ZERO)
            row[self._part(payee)] = change
            rows.append(row)
            limits.append(limit)
        for payee in range(payees):
            floor = self.floors[payee]
            if floor is not None:
                row = np.full(self.size + 1, _ZERO)
                row[self._part(payee)] = -self.chances
                rows.append(row)
                limits.append(self.today[payee] - floor)
        if span is not None:
            row = np.full(self.size + 1, _ZERO)
            row[-1] = Fraction(1)
            rows.append(row)
            limits.append(span)
        if at_least is not None:
            rows.append(np.append(-at_least[0], np.array([at_least[1]])))
            limits.append(-at_least[2])
        found = maximise(np.append(weights, np.array([-cost])), np.array(rows), np.array(limits))
        return None if found is None else (found.value, np.array(found.solution, dtype=object))


def kinks(left: Place, right: Place, farthest: Callable[[Place, Place, Fraction], Place]) -> Iterator[Place]:
    """Yield the points of a concave curve between two points, in pairs between which it is linear.

    `farthest` takes two points and the slope between them, and returns the point of the curve farthest above.
    """
    slope = (right[1] - left[1]) / (right[0] - left[0])
    middle = farthest(left, right, slope)
    if left[0] < middle[0] < right[0] and middle[1] > left[1] + slope * (middle[0] - left[0]):
        yield from kinks(left, middle, farthest)
        yield middle
        yield from kinks(middle, right, farthest)


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
    """Return the upper envelope of curves; each piece has the owner of the highest curve."""
    kept = _worthwhile(curves)
    starts = sorted({piece.start for curve in kept for piece in curve})
    out: Curve = []
    for k, start in enumerate(starts):
        end = starts[k + 1] if k + 1 < len(starts) else None
        lines = [piece for curve in kept if (piece := piece_at(curve, start)) is not None]
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
    low, high = 0, len(curve)
    while low < high:
        middle = (low + high) // 2
        if curve[middle].start <= stake:
            low = middle + 1
        else:
            high = middle
    return curve[low - 1] if low else None


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
