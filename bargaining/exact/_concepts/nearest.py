"""The points of a polygon's frontier that are nearest to the ideal point, in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from bargaining.errors import Status
from bargaining.exact._concepts.bodies import Enclosure, settled
from bargaining.exact._concepts.halving import pieces
from bargaining.exact._concepts.intervals import log_of_product
from bargaining.exact._concepts.polygon import Polygon

Pair = tuple[Fraction, Fraction]

HALVINGS = 200  # at most; FINE is reached after 90
FINE = Fraction(1, 2**90)  # of a piece: far below the rounding of a float


def yu(problem: Polygon, power: Fraction) -> Enclosure:
    """Return a box around the point that minimises the sum of losses to a power above 1.

    Down the frontier the derivative of that sum changes sign once. On a piece of run r and fall f it is that of
    f l1^(p-1) - r l0^(p-1), which is linear for p = 2; elsewhere the piece is halved, and the sign taken from
    enclosures of the logarithms.
    """
    corners, status = pieces(problem)
    if status != Status.OK or len(corners) < 2:
        point = corners[0] if corners else None
        return settled(point, status)
    ideal = max(x for x, _ in corners), max(y for _, y in corners)
    for a, b in pairwise(corners):
        if _goes_on(b, a, b, ideal, power) > 0:
            continue
        if _goes_on(a, a, b, ideal, power) <= 0:
            return settled(a, status)
        left, right = _turn(a, b, ideal, power)
        return Enclosure(
            low=(min(left[0], right[0]), min(left[1], right[1])),
            high=(max(left[0], right[0]), max(left[1], right[1])),
            status=status,
        )
    return settled(corners[-1], status)


def _turn(a: Pair, b: Pair, ideal: Pair, power: Fraction) -> tuple[Pair, Pair]:
    """Return points of a piece between which going on stops to pay."""
    run, fall = b[0] - a[0], a[1] - b[1]
    if power == 2:  # (l0 - t run) run = (l1 + t fall) fall
        l_0, l_1 = ideal[0] - a[0], ideal[1] - a[1]
        x = _at(a, b, (l_0 * run - l_1 * fall) / (run * run + fall * fall))
        return x, x
    low, high = Fraction(0), Fraction(1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        sign = _goes_on(_at(a, b, middle), a, b, ideal, power)
        if sign == 0:  # the middle itself, within the width of the logarithms
            near = max(low, middle - FINE), min(high, middle + FINE)
            signs = [_goes_on(_at(a, b, t), a, b, ideal, power) for t in near]
            low, high = near if signs[0] > 0 > signs[1] else (low, high)
        if sign == 0 or high - low < FINE:
            break
        low, high = (middle, high) if sign > 0 else (low, middle)
    return _at(a, b, low), _at(a, b, high)


def _goes_on(x: Pair, a: Pair, b: Pair, ideal: Pair, power: Fraction) -> int:
    """Return 1 where going on along the piece lowers the sum, -1 where it raises it, 0 if that is not known."""
    l_0, l_1 = ideal[0] - x[0], ideal[1] - x[1]
    run, fall = b[0] - a[0], a[1] - b[1]
    if l_1 <= 0 or fall <= 0:
        return 1 if l_0 > 0 and run > 0 else 0
    if l_0 <= 0 or run <= 0:
        return -1
    if power == 2:
        gain = run * l_0 - fall * l_1
        return (gain > 0) - (gain < 0)
    low, high = log_of_product([(l_0 / l_1, power - 1), (run / fall, Fraction(1))])
    return 1 if low > 0 else -1 if high < 0 else 0


def _at(a: Pair, b: Pair, share: Fraction) -> Pair:
    return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])
