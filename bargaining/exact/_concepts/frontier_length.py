"""The Perles-Maschler solution of a polygon, which halves the length of the frontier, in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate, pairwise
from math import isqrt

from bargaining.errors import Status
from bargaining.exact._concepts.bodies import Enclosure, settled
from bargaining.exact._concepts.polygon import Polygon

DIGITS = 256  # binary digits of square roots


def perles_maschler(problem: Polygon) -> Enclosure:
    """Return a box of side 2^-200 or less around the Perles-Maschler solution.

    The frontier above d is measured with sqrt(-dx dy): a straight piece has length sqrt(|D0 D1|). The
    solution is the point that halves it, irrational in general; square roots are enclosed in rationals.
    """
    edges, status = pieces(problem)
    if status != Status.OK:
        point = edges[0] if edges else None
        return settled(point, status)
    roots = [_root_interval(_area(a, b)) for a, b in pairwise(edges)]
    ends = [(Fraction(0), Fraction(0)), *accumulate(roots, lambda s, r: (s[0] + r[0], s[1] + r[1]))]
    boxes = []
    for (a, b), before, root in zip(pairwise(edges), ends, roots, strict=False):
        # The share of this piece that lies before the middle, and whether it can be in [0, 1].
        low = (ends[-1][0] / 2 - before[1]) / (root[1] or 1)
        high = (ends[-1][1] / 2 - before[0]) / (root[0] or 1)
        if high >= 0 and low <= 1:
            boxes += [_between(a, b, max(low, Fraction(0))), _between(a, b, min(high, Fraction(1)))]
    columns = list(zip(*(boxes or edges), strict=True))
    return Enclosure(
        low=(min(columns[0]), min(columns[1])), high=(max(columns[0]), max(columns[1])), status=Status.OK
    )


def pieces(problem: Polygon) -> tuple[list[tuple[Fraction, Fraction]], Status]:
    """Return the corners of the frontier above d, best for player 1 first; a single point if someone cannot gain."""
    ideal = problem.ideal()
    if ideal is None:
        return [], Status.EMPTY
    (d_0, d_1), (a_0, a_1) = problem.disagreement, ideal
    if a_0 <= d_0 or a_1 <= d_1:
        return [problem.payoffs(a_0, a_1)], Status.DEGENERATE
    inner = [(x, y) for x, y in problem.chain if x > d_0 and y > d_1]
    first = [] if inner and inner[0][1] == a_1 else [(d_0, a_1)]
    last = [] if inner and inner[-1][0] == a_0 else [(a_0, d_1)]
    return [problem.payoffs(x, y) for x, y in [*first, *inner, *last]], Status.OK


def _area(a: tuple[Fraction, Fraction], b: tuple[Fraction, Fraction]) -> Fraction:
    return abs((b[0] - a[0]) * (b[1] - a[1]))


def _root_interval(value: Fraction) -> tuple[Fraction, Fraction]:
    """Return rationals around a square root, 2^-DIGITS of it apart."""
    shift = 2 * DIGITS + 2 * max(0, value.denominator.bit_length() - value.numerator.bit_length())
    low = isqrt((value.numerator << shift) // value.denominator)
    return Fraction(low, 1 << (shift // 2)), Fraction(low + 1, 1 << (shift // 2))


def _between(
    a: tuple[Fraction, Fraction], b: tuple[Fraction, Fraction], share: Fraction
) -> tuple[Fraction, Fraction]:
    return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])
