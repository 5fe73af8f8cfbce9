"""The equilibrium choice of demands in the two-sided reputation game: three nested monotone roots.

The first player's frame: it announces a_1, and the second replies a_2 or accepts. All the second
player's committed types are arrays along the last axis.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats

# Where a probability is so small that its reciprocal has no float.
_LARGEST = 700.0  # logarithm: that of the largest float is 709
_TINY = float(np.finfo(float).tiny)
# The relative accuracy of every root.
_NEXT = 4 * float(np.finfo(float).eps)
# Demands that sum to at most 1 + FIT are taken to fit.
FIT = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Announcement:
    """What follows one demand `own` of the first player, as a function of the belief that it is committed.

    `rivals` and `masses` are the second player's committed demands and their prior probabilities,
    `normal` that it is normal, and `conflict` is a_1 + a_2 - 1, or 0 where the demands fit. A reply
    is `fought` if it conflicts and the first player would sooner concede to it than leave; the second
    player `quits` if it would sooner leave than accept.
    """

    own: float
    mass: float
    rivals: Floats
    masses: Floats
    rates: Floats
    options: Floats
    received: Floats

    normal: float = field(init=False)
    conflict: Floats = field(init=False)
    fought: NDArray[np.bool_] = field(init=False)
    quits: bool = field(init=False)
    _exponents: Floats = field(init=False)

    def __post_init__(self) -> None:
        excess = self.own + self.rivals - 1
        conflict = np.where(excess > FIT, excess, 0.0)
        fought = (conflict > 0) & (self.options[0] <= 1 - self.rivals)
        exponents = self.rates[0] * (1 - self.rivals) / (self.rates[1] * (1 - self.own))
        derived = {
            "normal": float(1 - self.masses.sum()),
            "conflict": conflict,
            "fought": fought,
            "quits": bool(self.options[1] > 1 - self.own),
            "_exponents": exponents,
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def replies(self, belief: float) -> tuple[Floats, float, float]:
        """Return the normal second player's probabilities of each reply and of accepting, and its payoff."""
        if self.quits:
            return self._unyielding(belief)
        fought = self.fought
        replies = np.zeros(self.rivals.shape)
        if not fought.any():
            return replies, 1.0, 1 - self.own
        most = float(self.conflict[fought].max())
        accepting = self._mixing(most, belief)
        if accepting.sum() <= 1:
            replies[fought] = accepting
            return replies, 1 - float(accepting.sum()), 1 - self.own
        lost = self._lost(belief, most)
        nearby = [self._mixing(min(lost * step, most), belief) for step in (1 - _NEXT, 1 + _NEXT)]
        replies[fought] = _between(*nearby)
        return replies, 0.0, 1 - self.own + (most - lost)

    def _lost(self, belief: float, most: float) -> float:
        """Solve for what the second player misses of its greediest reply if it never accepts."""
        from scipy.optimize import brentq

        excess = lambda lost: self._mixing(lost, belief).sum() - 1  # noqa: E731
        return float(brentq(excess, belief * most, most, xtol=_TINY, rtol=_NEXT, maxiter=2000))

    def _mixing(self, lost: float, belief: float) -> Floats:
        """Return the probability of each fought reply that makes all of them pay the same.

        With the greediest reply at conflict D, a gain of D - `lost` over conceding from a reply at
        conflict D_k requires that the first player holds out at 0 with probability
        1 - (D - lost) / D_k. Its surviving reputation is the belief over that, and the reply's own
        reputation must match it: y^(1 / exponent).
        """
        fought = self.fought
        conflict = self.conflict[fought]
        exponent = self._exponents[fought]
        holds_out = np.maximum((lost - (conflict.max() - conflict)) / conflict, belief)
        log_reputation = exponent * (np.log(belief) - np.log(holds_out))
        return np.asarray(self.masses[fought] / self.normal * np.expm1(np.minimum(-log_reputation, _LARGEST)))

    def _unyielding(self, belief: float) -> tuple[Floats, float, float]:
        """Replies of a second player who never accepts: the best demand to which a normal first yields."""
        replies = np.zeros(self.rivals.shape)
        won = np.where(self.fought, self.rivals, np.where(self.conflict > 0, self._complete()[1], -np.inf))
        if not won.size or won.max() <= self.options[1]:
            return replies, 0.0, float(self.options[1])
        replies[int(won.argmax())] = 1.0
        return replies, 0.0, float((1 - belief) * won.max() + belief * self.options[1])

    def _complete(self) -> tuple[float, float]:
        """Return the division under complete information, between players who both may leave."""
        r1, r2 = self.rates
        first = float(min(max(r2 / (r1 + r2), self.received[0]), 1 - self.received[1]))
        return first, 1 - first

    def worth(self, belief: float) -> float:
        """Return what a normal first player expects from announcing this demand."""
        replies, accept, _ = self.replies(belief)
        against_committed = np.where(self.fought, 1 - self.rivals, self.received[0])
        against_committed = np.where(self.conflict > 0, against_committed, self.own)
        against_normal = np.where(self.fought, 1 - self.rivals, self._complete()[0])
        leaving = max(1 - accept - float(replies.sum()), 0.0) if self.quits else 0.0
        met = accept * self.own + float(replies @ against_normal) + leaving * float(self.received[0])
        return float(self.masses @ against_committed) + self.normal * met

    def plateau(self) -> float:
        """Return the largest belief up to which the worth is constant.

        Below it the normal second player makes its greediest fought reply for sure; it is 1 if the
        belief never matters.
        """
        fought = self.fought
        if self.quits or not fought.any():
            return 1.0
        conflict = self.conflict[fought]
        order = np.argsort(conflict)
        greedy = order[-1]
        following = conflict[order[-2]] if order.size > 1 else 0.0
        mass = self.masses[fought][greedy]
        exponent = self._exponents[fought][greedy]
        odds = float(np.exp(min(np.log1p(self.normal / mass) / exponent, _LARGEST)))
        return float((conflict[greedy] - following) / (conflict[greedy] * odds - following))


def announce(announcements: list[Announcement], normal: float) -> tuple[Floats, float]:
    """Return the normal first player's probability of each announcement, and its payoff.

    The worth of a demand rises with the belief that its owner is committed, so it falls with the
    probability that the normal type announces it: mix so that all demands used are worth the same.
    """
    from scipy.optimize import brentq

    lowest = [max(a.plateau(), a.mass / (a.mass + normal), _TINY) for a in announcements]
    bottom = [a.worth(belief) for a, belief in zip(announcements, lowest, strict=True)]
    top = [a.worth(1.0) for a in announcements]
    flat = [a.plateau() >= low for a, low in zip(announcements, lowest, strict=True)]

    def mixing(level: float) -> Floats:
        beliefs = [
            _belief(a, level, low, b, t)
            for a, low, b, t in zip(announcements, lowest, bottom, top, strict=True)
        ]
        return np.array([a.mass / normal * (1 / x - 1) for a, x in zip(announcements, beliefs, strict=True)])

    floor = max((b for b, f in zip(bottom, flat, strict=True) if f), default=min(bottom))
    at_floor = mixing(floor)
    if at_floor.sum() <= 1:
        left_over = np.array(
            [a.mass * (f and b >= floor) for a, b, f in zip(announcements, bottom, flat, strict=True)]
        )
        if not left_over.any():  # one announcement takes all, up to rounding
            return at_floor / at_floor.sum(), floor
        return at_floor + (1 - at_floor.sum()) * left_over / left_over.sum(), floor
    level = float(
        brentq(lambda v: mixing(v).sum() - 1, floor, max(top), xtol=_TINY, rtol=_NEXT, maxiter=2000)
    )
    return _between(mixing(level * (1 - _NEXT)), mixing(level * (1 + _NEXT))), level


def _between(one: Floats, other: Floats) -> Floats:
    """Return the mixture of two neighbouring vectors that sums to 1.

    At the float next to the root the sum can miss 1 by far more than rounding, all of it in the
    entries that move fast; those alone are corrected.
    """
    first, second = float(one.sum()), float(other.sum())
    weight = min(max((1 - second) / (first - second), 0.0), 1.0) if first != second else 1.0
    mixed = weight * one + (1 - weight) * other
    return np.asarray(mixed / mixed.sum())


def _belief(announcement: Announcement, level: float, low: float, bottom: float, top: float) -> float:
    """Return the belief in [low, 1] at which the announcement is worth `level`."""
    from scipy.optimize import brentq

    if level <= bottom:
        return low
    if level >= top:
        return 1.0
    gap = lambda log_belief: announcement.worth(float(np.exp(log_belief))) - level  # noqa: E731
    return float(np.exp(brentq(gap, np.log(low), 0.0, xtol=_TINY, rtol=_NEXT, maxiter=2000)))
