"""Concepts whose answer is rational, or enclosed by rationals, on any set with queries in rationals.

Most of them choose the end of a ray. An `Answer` takes the set and its ideal point, and returns the exact payoffs; None
if there is no answer.

The discrete Raiffa solution takes its steps in rationals, until one reaches the frontier or little is left to gain. A
step covers the part 1/n of the way to the ideal point, which takes n linear programs. Interim agreements rise, and
ideal payoffs do not. So the solution lies between the last agreement and its ideal point. If the fractions become long,
the agreement is enclosed between two with fewer digits: ideal payoffs do not rise with the agreement.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import accumulate, pairwise
from math import ceil, floor
from typing import Any

import numpy as np

from bargaining._rational import Program, Rationals, maximise, solve
from bargaining.errors import Status
from bargaining.exact._concepts.bodies import Body, Enclosure, Plane, Polygon, Solid, Vector, less, settled
from bargaining.exact._concepts.intervals import square_root

Answer = Callable[[Solid, Vector], Vector | None]
Pair = tuple[Fraction, Fraction]


def answered(it: Solid, answer: Answer) -> Enclosure:
    """Return an answer with its status."""
    ideal = it.ideal()
    found = None if ideal is None else answer(it, ideal)
    if found is None or ideal is None:
        return settled(None, Status.EMPTY)
    return settled(found, Status.OK if min(less(ideal, it.disagreement)) > 0 else Status.DEGENERATE)


def kalai_smorodinsky(it: Solid, ideal: Vector) -> Vector | None:
    """Follow the ray to the ideal point."""
    return along(it, it.disagreement, less(ideal, it.disagreement))


def egalitarian(weights: Vector) -> Answer:
    """Follow the ray of equal or proportional gains."""
    return lambda it, ideal: along(it, it.disagreement, weights)


def equal_loss(it: Solid, ideal: Vector) -> Vector | None:
    """Move down from the ideal point by equal losses."""
    return along(it, ideal, (Fraction(-1),) * len(ideal), nearest=True)


def gupta_livne(reference: Vector) -> Answer:
    """Follow the ray to the ideal point from a reference, which is at least d and not better than a feasible point."""

    def answer(it: Solid, ideal: Vector) -> Vector | None:
        bad = (
            any(r < d for r, d in zip(reference, it.disagreement, strict=True)) or it.ideal(reference) is None
        )
        return None if bad else along(it, reference, less(ideal, reference))

    return answer


def dictatorial(player: int) -> Answer:
    """Give one player the ideal payoff and the others d, if that is feasible."""

    def answer(it: Solid, ideal: Vector) -> Vector | None:
        point = tuple(ideal[i] if i == player else d for i, d in enumerate(it.disagreement))
        return point if it.contains(point) else None

    return answer


def lexicographic_kalai_smorodinsky(it: Solid, ideal: Vector) -> Vector:
    """Raise all payoffs together towards the ideal point; a player who cannot gain any more keeps hers."""
    return lexicographic(it, less(ideal, it.disagreement))


def lexicographic_egalitarian(weights: Vector) -> Answer:
    """Raise all payoffs in proportion to the weights; a player who cannot gain any more keeps hers."""
    return lambda it, ideal: lexicographic(it, weights)


def least_losses(it: Solid, ideal: Vector) -> Vector:
    """Lower the largest loss from the ideal point, then the second largest, and so on."""
    far = max(less(ideal, it.disagreement))
    return lexicographic(it, (Fraction(1),) * len(ideal), tuple(a - far for a in ideal))


def along(body: Solid, origin: Vector, step: Vector, *, nearest: bool = False) -> Vector | None:
    """Return the last, or the nearest, feasible point of a ray."""
    if not any(step):
        return origin if body.contains(origin) else None
    t = body.furthest(origin, step, nearest=nearest)
    return None if t is None else tuple(o + t * p for o, p in zip(origin, step, strict=True))


def lexicographic(body: Solid, direction: Vector, start: Vector | None = None) -> Vector:
    """Raise all payoffs in a direction; a player who cannot gain any more keeps hers.

    The start is the disagreement point, or a point that some feasible point weakly dominates.
    """
    x, free = list(start or body.disagreement), [p > 0 for p in direction]
    while any(free):
        step = tuple(p if f else Fraction(0) for p, f in zip(direction, free, strict=True))
        t = body.furthest(tuple(x), step, below=True)
        assert t is not None
        x = [v + t * p for v, p in zip(x, step, strict=True)]
        ideal = body.ideal(tuple(x)) or x
        free = [f and most > here for f, most, here in zip(free, ideal, x, strict=True)]
    return tuple(x)


STEPS = 80  # for each player: enough to bring the remaining gains below LITTLE
LONG = 4000  # binary digits of a denominator from which arithmetic is slow
KEPT = 400  # binary digits after rounding: far more than the bound on the answer needs
LITTLE = Fraction(1, 2**70)  # of the gains: less than the rounding of a float


def raiffa(body: Body | Plane) -> Enclosure:
    """Return a box around the limit of the interim agreements; its sides are 2^-70 of the gains, or zero.

    Raises
    ------
    OverflowError
        If somebody's payoff has no upper bound.
    """
    ideal = body.ideal()
    if ideal is None:
        return settled(None, Status.EMPTY)
    gains = tuple(a - d for a, d in zip(ideal, body.disagreement, strict=True))
    status = Status.OK if min(gains) > 0 else Status.DEGENERATE
    low = high = body.disagreement
    again = _Ideal(body) if isinstance(body, Body) else body.ideal
    for k in range(STEPS * len(gains)):
        if low == high and (k == 0 or isinstance(body, Plane)) and body.ideal(ideal) is not None:
            return settled(ideal, status)  # the ideal point is feasible, so the agreement moves no further
        if all(a - x <= LITTLE * g for a, x, g in zip(ideal, low, gains, strict=True)):
            break
        least = ideal if low == high else again(high)
        if least is None:  # rounding has passed the frontier, so the agreement is close to it
            break
        low, high = _shortened(interim(low, least), interim(high, ideal), gains)
        ideal = again(low) or low
    return Enclosure(low=low, high=ideal, status=status)


class _Ideal:
    """Ideal points over a sequence of similar floors: the last optimal basis is tried before a program is solved."""

    def __init__(self, body: Body) -> None:
        n = len(body.disagreement)
        self.body, self.bases = body, [_Basis() for _ in range(n)]
        self.units = [tuple(Fraction(i == j) for j in range(n)) for i in range(n)]

    def __call__(self, floor: Vector) -> Vector | None:
        """Return each player's largest payoff over the feasible x >= floor; None if there are none."""
        best = []
        for unit, basis in zip(self.units, self.bases, strict=True):
            objective, rows, right, base = self.body.program(unit, floor)
            value = basis.value(rows, right)
            if value is None:
                found = maximise(objective, rows, right)
                if found is None:
                    return None
                value = found.value
                basis.keep(found)
            best.append(value + base)
        return tuple(best)


class _Basis:
    """An optimal basis: the variables that are not zero and the rows with a price.

    Its prices stay feasible when the bounds change, so that it stays optimal as long as its solution is feasible.
    """

    def __init__(self) -> None:
        self.variables: list[int] = []
        self.held: list[int] = []
        self.prices: Rationals | None = None

    def keep(self, found: Program) -> None:
        """Keep an optimal basis."""
        self.variables = [j for j, v in enumerate(found.solution) if v]
        self.held = [i for i, price in enumerate(found.multipliers) if price]
        self.prices = np.array([found.multipliers[i] for i in self.held], dtype=object)

    def value(self, rows: Rationals, right: Rationals) -> Fraction | None:
        """Return the optimum for other bounds; None if the basis is not optimal there."""
        if self.prices is None or len(self.held) != len(self.variables) or not self.held:
            return None
        found = solve(rows[np.ix_(self.held, self.variables)], right[self.held])
        if found is None or min(found) < 0:
            return None
        used = rows[:, self.variables] @ np.array(found, dtype=object)
        if any(u > b for u, b in zip(used, right, strict=True)):
            return None
        value: Any = self.prices @ right[self.held]
        return Fraction(value)


def interim(x: Vector, ideal: Vector) -> Vector:
    """Return the next interim agreement: the mean of the players' best points, none below the last one."""
    return tuple(v + max(a - v, Fraction(0)) / len(x) for v, a in zip(x, ideal, strict=True))


def _shortened(low: Vector, high: Vector, gains: Vector) -> tuple[Vector, Vector]:
    """Round long fractions outward."""
    if max(v.denominator.bit_length() for v in (*low, *high)) <= LONG:
        return low, high
    units = [(g or Fraction(1)) / 2**KEPT for g in gains]
    units = [
        Fraction(1, 2 ** max(0, -(u.numerator.bit_length() - u.denominator.bit_length()))) for u in units
    ]
    return (
        tuple(floor(v / u) * u for v, u in zip(low, units, strict=True)),
        tuple(ceil(v / u) * u for v, u in zip(high, units, strict=True)),
    )


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
    roots = [square_root(abs((b[0] - a[0]) * (b[1] - a[1])), DIGITS) for a, b in pairwise(edges)]
    ends = [(Fraction(0), Fraction(0)), *accumulate(roots, lambda s, r: (s[0] + r[0], s[1] + r[1]))]
    boxes = []
    for (a, b), before, root in zip(pairwise(edges), ends, roots, strict=False):
        # The share of this piece that lies before the middle of the frontier, if it can be in [0, 1].
        low = (ends[-1][0] / 2 - before[1]) / (root[1] or 1)
        high = (ends[-1][1] / 2 - before[0]) / (root[0] or 1)
        if high >= 0 and low <= 1:
            boxes += [between(a, b, max(low, Fraction(0))), between(a, b, min(high, Fraction(1)))]
    columns = list(zip(*(boxes or edges), strict=True))
    return Enclosure(
        low=(min(columns[0]), min(columns[1])), high=(max(columns[0]), max(columns[1])), status=Status.OK
    )


def pieces(problem: Polygon) -> tuple[list[Pair], Status]:
    """Return the corners of the frontier above d, player 1's best first; a single point if somebody cannot gain."""
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


def between(a: Pair, b: Pair, share: Fraction) -> Pair:
    """Return a point between two."""
    return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])
