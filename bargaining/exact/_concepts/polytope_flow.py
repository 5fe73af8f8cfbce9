r"""The continuous Raiffa solution of a polytope of any number of players, in a box of rationals.

The path x' = g(x) = a(x) - x is followed by a curve y that is known exactly, with a defect of
:math:`|y' - g(y)| \le \delta w`, where w are the gains at the start of a piece. How far the path can be from it, player
by player :math:`|x - y| \le \varepsilon w`, follows from a_i being concave and falling in every payoff: for
:math:`|z| \le \varepsilon w` and a :math:`\rho \ge \varepsilon` with y + ρw feasible,

.. math:: |a_i(y + z) - a_i(y)| \le \frac{\varepsilon}{\rho} \bigl(a_i(y) - a_i(y + \rho w)\bigr) = \varepsilon s_i w_i,

since a_i falls no more from y - εw to y, and from y to y + εw, than at the mean rate from y to y + ρw. Therefore

.. math:: \varepsilon' \le \max_i (s_i - 1)\, \varepsilon + \delta,

and at the next piece ε is measured in the gains there, which are smaller. The mean y + g/n of the players' best
agreements being feasible, s_i is about n - 1 at most, and no gain falls faster than at the rate n: whatever the slopes
of the set, a unit of time costs a factor of :math:`e^{2n - 2}` or less, which is a matter of digits.

As x rises and a(x) falls, the solution lies between x and a(x) all the time. Once one facet answers everybody at all
that is within ε of y, it is where the path is headed, x + g/n: feasible points whose mean is on a facet are all on it.
If the path is straight from the outset, up to an end where nobody gains any more, the answer is rational.

Who can gain nothing at d keeps d for ever; n counts the others.
"""

from __future__ import annotations

from fractions import Fraction
from math import log2

import numpy as np

from bargaining._rational import Integers
from bargaining.errors import Status
from bargaining.exact._concepts.answers import Answers, Basis
from bargaining.exact._concepts.bodies import Body, Enclosure, Vector, settled
from bargaining.exact._concepts.flow_piece import Piece, Place, gains, homogeneous, place_at, slope, vector

DIGITS = 160  # binary, of the defect; more if they turn out to be too few
MOST = 2000  # binary digits: a path that needs more is given up
WANTED = Fraction(1, 2**52)  # of the gains: how far the path may be, and what may be left to gain
PIECES = 400  # at most: a path crosses few edges before little is left to gain
MOMENT = Fraction(1, 2**40)  # in which the next basis is looked for


def continuous_raiffa(body: Body) -> Enclosure:
    """Return a box around the end of the path; a single point where the path is known to be straight.

    Raises
    ------
    OverflowError
        If somebody's payoff has no upper bound.
    """
    ideal = body.ideal()
    if ideal is None:
        return settled(None, Status.EMPTY)
    d = body.disagreement
    most = [a - x for a, x in zip(ideal, d, strict=True)]
    status = Status.OK if min(most) > 0 else Status.DEGENERATE
    units = tuple(_unit(g) for g in most)
    field = _Field(Answers(body, units), [i for i, g in enumerate(most) if g > 0])
    box = _box(field) if field.players else ((Fraction(0),) * len(d),) * 2
    low, high = (tuple(v + u * x for v, u, x in zip(d, units, end, strict=True)) for end in box)
    return Enclosure(low=low, high=high, status=status)


def _unit(gain: Fraction) -> Fraction:
    """Return a power of two near a gain, which keeps numbers short; 1 if there is none."""
    return (
        Fraction(2) ** (gain.numerator.bit_length() - gain.denominator.bit_length()) if gain else Fraction(1)
    )


def _box(field: _Field) -> tuple[Vector, Vector]:
    """Return a box around the end of the path in gains over units, with as many digits as it takes."""
    start = field.start()
    end = field.straight(start)
    if end is not None:
        return end, end
    digits = DIGITS
    while True:
        place, end = _followed(field, start, digits)
        if place.distance <= WANTED or digits >= MOST:
            return field.box(place, end)
        # So many digits again are lost while gains shrink to what is wanted.
        lost = digits + log2(place.distance)
        share = log2(WANTED) / min(log2(max(place.weights)), -1.0)
        digits = min(MOST, max(digits + 40, round(lost * max(share, 1.0)) + 100))


def _followed(field: _Field, place: Place, digits: int) -> tuple[Place, Vector | None]:
    """Follow the path until one facet answers everybody, nothing is left or it is lost; also say where it is headed."""
    for _ in range(PIECES):
        after = Piece(field.answers, field.players, place, digits).follow()
        if after is None:
            break
        place = after
        end = field.headed(place)
        if end is not None or max(place.weights) <= WANTED:
            return place, end
    return place, None


class _Field:
    """The gains of those who can gain."""

    def __init__(self, answers: Answers, players: list[int]) -> None:
        self.answers, self.players, self.count = answers, players, len(players)

    def answering(self, point: Integers) -> tuple[Basis | None, ...] | None:
        """Return who answers each player at a homogeneous point; None where it is not feasible."""
        found: list[Basis | None] = [None] * self.answers.players
        for i in self.players:
            found[i] = self.answers.at(i, point[:, None])[0]
            if found[i] is None:
                return None
        return tuple(found)

    def start(self) -> Place:
        """Return the place at the disagreement point, if possible with facets that still answer a moment later."""
        point = np.array([1] + [0] * self.answers.players, dtype=object)
        here = self.answering(point)
        assert here is not None
        later = self.answering(homogeneous([g * MOMENT for g in gains(here, point)]))
        still = later is not None and all(b is None or b.answers(point[:, None])[0] for b in later)
        return place_at(point, later if later is not None and still else here)

    def straight(self, place: Place) -> Vector | None:
        """Return the end of a straight path; None if it is not straight up to an end where nobody gains any more.

        If the facets that answer at one end answer at the other, they do in between, by concavity.
        """
        rates = {-slope(place.bases[i], place.weights) / place.weights[i] for i in self.players}
        rate = min(rates)
        if len(rates) > 1 or rate <= 0:
            return None
        end = tuple(g / rate for g in place.weights)
        last = self.answering(homogeneous(end))
        if last is None or any((*gains(place.bases, homogeneous(end)), *gains(last, homogeneous(end)))):
            return None
        return end

    def headed(self, place: Place) -> Vector | None:
        """Return where y ends if one facet answers everybody, at all that is as near as the true path too."""
        x, low = vector(place.point), place.lowest()
        end = tuple(v + g / self.count for v, g in zip(x, place.weights, strict=True))
        if any(gains(place.bases, homogeneous(end))):
            return None
        corners = (  # of a simplex around what is near
            tuple(v + 2 * self.count * (x[j] - v) * (i == j) for j, v in enumerate(low))
            for i in (None, *self.players)
        )
        return end if all(self.agree(place, corner) for corner in corners) else None

    def agree(self, place: Place, x: Vector) -> bool:
        """Say whether the facets of a place answer at a point too."""
        there = self.answering(homogeneous(x))
        return there is not None and all(
            a is None or b is None or a.agrees(b) for a, b in zip(place.bases, there, strict=True)
        )

    def box(self, place: Place, end: Vector | None) -> tuple[Vector, Vector]:
        """Return a box around the end of the true path, given where y is headed if that is known."""
        low = place.lowest()
        if end is None:
            return low, tuple(v + g for v, g in zip(low, gains(place.bases, homogeneous(low)), strict=True))
        near = tuple(a - b for a, b in zip(vector(place.point), low, strict=True))
        share = 1 - Fraction(2, self.count)
        far = [share * r - slope(b, near) / self.count for r, b in zip(near, place.bases, strict=True)]
        return (
            tuple(v - f for v, f in zip(end, far, strict=True)),
            tuple(v + f for v, f in zip(end, far, strict=True)),
        )
