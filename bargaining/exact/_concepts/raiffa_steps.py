"""The discrete Raiffa solution of any polytope or polygon: the steps in rationals, until one lands or little is left.

A step goes a part 1/n of the way to the ideal point, which is the answer of n linear programs. Interim agreements only
rise and no ideal payoff does, so that the solution lies between the last agreement and its ideal point. Should the
fractions become long, the agreement is held between two of few digits: each ideal payoff falls as the agreement rises.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import Any

import numpy as np

from bargaining._rational import Program, Rationals, maximise, solve
from bargaining.errors import Status
from bargaining.exact._concepts.bodies import Body, Enclosure, Vector, settled
from bargaining.exact._concepts.polygon import Plane

STEPS = 80  # for each player: as many take what is left below LITTLE
LONG = 4000  # binary digits of a denominator, beyond which arithmetic is slow
KEPT = 400  # binary digits that it is cut to: far more than the bound on the answer needs
LITTLE = Fraction(1, 2**70)  # of the gains: below the rounding of a float


def raiffa(body: Body | Plane) -> Enclosure:
    """Return a box around the limit of the interim agreements; its sides are 2^-70 of the gains or nothing.

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
            return settled(ideal, status)  # it is feasible, and stays what it is
        if all(a - x <= LITTLE * g for a, x, g in zip(ideal, low, gains, strict=True)):
            break
        least = ideal if low == high else again(high)
        if least is None:  # the agreement is that close to the frontier
            break
        low, high = _shortened(_step(low, least), _step(high, ideal), gains)
        ideal = again(low) or low
    return Enclosure(low=low, high=ideal, status=status)


class _Ideal:
    """Ideal points of floors that change little: the last optimal basis is tried before a program is solved anew."""

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
        """Remember an optimum."""
        self.variables = [j for j, v in enumerate(found.solution) if v]
        self.held = [i for i, price in enumerate(found.multipliers) if price]
        self.prices = np.array([found.multipliers[i] for i in self.held], dtype=object)

    def value(self, rows: Rationals, right: Rationals) -> Fraction | None:
        """Return the optimum for other bounds; None where the basis does not give it."""
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


def _step(x: Vector, ideal: Vector) -> Vector:
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
