"""A claim about a concave program: brackets of ideal points and of the ends of rays."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import inf, isfinite

import numpy as np

from bargaining.errors import NotApplicable, Status
from bargaining.exact._programs.programs import Decided, Programs, close
from bargaining.exact.certificate import Certificate, Claim, allowance, enclose

Vector = tuple[Fraction, ...]
Box = tuple[Vector, Vector]

TIGHT = 1e-6  # of the range of gains
PREMISE = "if utilities are concave, constraints convex, and both right to four units in the last place"


class Case:
    """A claim on a program and a bracket of its ideal point."""

    def __init__(self, claim: Claim) -> None:
        self.claim, self.it = claim, Programs(claim)
        self.d = tuple(Fraction(x) for x in claim.disagreement)
        floor = None if claim.view is None else claim.view.floor
        if floor is not None and any(x < f for x, f in zip(self.d, floor, strict=True)):
            raise NotApplicable(
                f"{claim.method} is certified on a program above a floor that the disagreement point is at or above."
            )
        if self.it.inside.measured:
            raise NotApplicable(
                f"{claim.method} is certified on programs with exact gradients: give `jacobian` to ConvexProgram."
            )
        if not self.it.bounded:
            raise NotApplicable(
                f"{claim.method} is certified on programs whose decisions have bounds: give finite `lower` and `upper`."
            )
        if claim.status not in (Status.OK, Status.INACCURATE) or not claim.finite:
            raise NotApplicable(
                f"{claim.method} is certified on programs where there are payoffs; got {claim.status.name}."
            )

    @property
    def payoffs(self) -> Vector:
        """The payoffs that were claimed."""
        return tuple(Fraction(x) for x in self.claim.payoffs)

    def ideal(self, floor: Vector | None = None) -> Box | None:
        """Return bounds of each player's best payoff over a floor, d by default; None if none are proved."""
        found = self._best(floor or self.d)
        if found is None or None in found[0]:
            return None
        return tuple(x for x in found[0] if x is not None), found[1]

    def most(self, at: Decided, prices: Vector, held: Sequence[int], floor: Vector) -> Fraction | None:
        """Return a number that no feasible payoffs with these players at or above a floor exceed at some prices."""
        more = self.it.shadow(at.z, prices, held)
        most = self.it.most(at, tuple(p + q for p, q in zip(prices, more, strict=True)))
        return None if most is None else most - dot(more, floor)

    @property
    def floors(self) -> dict[int, Fraction]:
        """What the set gives everybody at least, if anything."""
        return dict(enumerate(self.it.view.floor or ()))

    def on_floor(self, at: Decided) -> list[int]:
        """Return the players who are close to the floor of the set."""
        return [i for i, f in self.floors.items() if close(at.low[i], f)]

    def ceiling(self, floor: Vector) -> Vector | None:
        """Return at least each player's best payoff over what gives everyone a floor; None if nothing is proved."""
        found = self._best(floor)
        return None if found is None else found[1]

    def _best(self, floor: Vector) -> tuple[list[Fraction | None], Vector] | None:
        view = self.it.view
        inner = [float((x - b) / a) for x, a, b in zip(floor, view.scale, view.shift, strict=True)]
        best = self.claim.feasible.ideal(np.array(inner))
        low: list[Fraction | None] = []
        high = []
        for i, top in enumerate(best.tolist()):
            goal = list(floor)
            goal[i] = Fraction(top) * view.scale[i] + view.shift[i] if isfinite(top) else floor[i]
            above = self.it.near(goal, floor)
            found = above or self.it.near(goal)
            if found is None:
                return None
            held = [j for j in range(len(floor)) if j != i and close(found.low[j], floor[j])]
            most = self.most(found, tuple(Fraction(i == j) for j in range(len(floor))), held, floor)
            if most is None:
                return None
            low.append(None if above is None else above.low[i])
            high.append(most)
        return low, tuple(high)

    def proof(self, box: Box | None, ideal: Box | None) -> Certificate:
        """Return the certificate that sets the claim beside a box, or one without a bound."""
        what = f"{self.claim.method} on a concave program, {PREMISE}"
        gains = () if ideal is None else tuple(a - d for a, d in zip(ideal[0], self.d, strict=True))
        if box is None or not gains or min(gains) <= 0:
            statement = (
                f"{what}: nothing is proved; no decision near the payoffs meets every constraint for sure."
            )
            return Certificate(exact=None, bound=inf, tolerance=self.claim.tolerance, statement=statement)
        return enclose(self.claim, *box, gains, what)

    def about(self, what: str, far: float, ranges: Vector) -> Certificate:
        """Return the certificate of what is proved of many points at once."""
        statement = f"{self.claim.method} on a concave program, {PREMISE}: {what}."
        tolerance = allowance(self.claim, self.payoffs, ranges)
        return Certificate(exact=None, bound=far, tolerance=tolerance, statement=statement)

    def outside(self, here: Decided, ranges: Vector) -> Fraction:
        """Return by how much the payoffs may exceed what a decision gives for sure, over their ranges."""
        over = ((x - y) / r for x, y, r in zip(self.payoffs, here.low, ranges, strict=True))
        return max(Fraction(0), *over)

    def onward(self, box: Box | None) -> Box | None:
        """Return bounds of what is feasible and no worse for anyone than the lower end of a box."""
        top = None if box is None else self.ceiling(box[0])
        return None if box is None or top is None else (box[0], top)

    def last(self, origin: Vector, steps: Box) -> Box | None:
        """Return bounds of the last feasible point from an origin along a step between two."""
        here = self.it.near(self.payoffs)
        if here is None or min(steps[0]) < 0 or max(steps[0]) <= 0:
            return None
        times = [(x - o) / p if p > 0 else None for x, o, p in zip(here.low, origin, steps[1], strict=True)]
        least = min(t for t in times if t is not None)
        if least < 0 or any(x < o for x, o, p in zip(here.low, origin, steps[1], strict=True) if p == 0):
            return None
        prices = self.it.prices(here, steps[0], tight(times))
        worth = dot(prices, steps[0])
        most = self.it.most(here, prices) if worth > 0 else None
        if most is None:
            return None
        time = max((most - dot(prices, origin)) / worth, least)
        return tuple(o + least * p for o, p in zip(origin, steps[0], strict=True)), tuple(
            o + time * p for o, p in zip(origin, steps[1], strict=True)
        )


def tight(times: Sequence[Fraction | None]) -> list[int]:
    least = min(t for t in times if t is not None)
    return [
        i for i, t in enumerate(times) if t is not None and t - least <= Fraction(TIGHT) * (abs(least) + 1)
    ]


def dot(x: Sequence[Fraction], y: Sequence[Fraction]) -> Fraction:
    return sum((a * b for a, b in zip(x, y, strict=True)), Fraction(0))


def less(x: Vector, y: Vector) -> Vector:
    return tuple(a - b for a, b in zip(x, y, strict=True))
