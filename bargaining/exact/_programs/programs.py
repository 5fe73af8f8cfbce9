r"""Concave programs in interval arithmetic: payoffs that a decision gives for sure, and upper bounds for all decisions.

Premises: utilities are concave and constraints convex. A value is right to four units in the last place of its size
:math:`|v| + \sum_k |v_k z_k|`, where :math:`v_k` are its derivatives; each entry of a gradient is right to four units
in its last place. Then a decision z that meets every constraint proves payoffs, and at prices :math:`q \ge 0` weak
duality bounds the value of all feasible decisions z': with :math:`\mu, \nu \ge 0`

.. math:: q \cdot u(z') \le q \cdot u(z) + \mu \cdot (b - A z) - \nu \cdot h(z)
          + \sum_k \max_{l_k \le z'_k \le m_k} r_k (z'_k - z_k), \qquad
          r = q \cdot \nabla u(z) - \mu A - \nu \cdot \nabla h(z).

The multipliers are computed in floats, by non-negative least squares on r = 0; the bound is valid for any multipliers.
A `Case` is a claim about such a program: it brackets ideal points and the ends of rays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf, isfinite

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arrays import Floats
from bargaining.errors import NotApplicable, Status
from bargaining.exact._concepts.bodies import Vector, dot
from bargaining.exact.certificate import Certificate, Claim, View, allowance, enclose

Function = Callable[[Floats], ArrayLike]
Interval = tuple[Fraction, Fraction]

ULPS = Fraction(4, 2**52)  # four units in the last place: the premise about the user's functions
NEAR = 1e-6  # of its scale: a smaller slack may be zero
BROKEN = 1e-11  # of its scale: rounding may have put a payoff below a floor by this much
MARGINS = (0.0, 4.0, 64.0, 1024.0)  # multiples of the rounding by which a decision is moved inwards
ZERO = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision that meets every constraint, with lower and upper bounds of its payoffs."""

    z: Floats
    low: Vector
    high: Vector


class Programs:
    """The set of a claim, in the units of its payoffs."""

    def __init__(self, claim: Claim) -> None:
        n = len(claim.payoffs)
        self.set, self.inside = claim.feasible, claim.feasible._decisions
        self.view = claim.view or View(scale=(Fraction(1),) * n, shift=(ZERO,) * n, floor=None)
        self.bounded = bool(np.isfinite(self.inside.upper - self.inside.lower).all())

    def near(self, payoffs: Sequence[Fraction], floor: Vector | None = None) -> Decided | None:
        """Return a decision with about these payoffs or more, and no less than a floor; None if none was found.

        If it violates constraints by rounding, it is moved by the smallest change that meets them.
        """
        first: Floats = self.set.decision(self.view.within(payoffs))
        if not np.isfinite(first).all():
            return None
        for margin in MARGINS:
            z = self._moved(first, floor, margin) if margin else first
            found = self.decided(z)
            if found is not None and (
                floor is None or all(x >= f for x, f in zip(found.low, floor, strict=True))
            ):
                return found
        return None

    def decided(self, z: Floats) -> Decided | None:
        """Return a decision with bounds of its payoffs, if it meets the constraints for sure."""
        inside = self.inside
        if not ((z >= inside.lower) & (z <= inside.upper)).all():
            return None
        exact = [Fraction(v) for v in z.tolist()]
        for row, limit in zip(inside.matrix.tolist(), inside.limits.tolist(), strict=True):
            if sum((Fraction(a) * v for a, v in zip(row, exact, strict=True)), ZERO) > Fraction(limit):
                return None
        bends = self.values(inside.constraints, inside.constraint_jacobian, z)
        payoffs = self.payoffs(z)
        if bends is None or payoffs is None or any(high > 0 for _, high in bends):
            return None
        return Decided(z=z, low=tuple(x for x, _ in payoffs), high=tuple(x for _, x in payoffs))

    def payoffs(self, z: Floats) -> list[Interval] | None:
        """Return bounds of the payoffs of a decision, feasible or not."""
        found = self.values(self.inside.utilities, self.inside.jacobian, z)
        units = self.view.scale, self.view.shift
        return (
            None
            if found is None
            else [(a * low + b, a * high + b) for (low, high), a, b in zip(found, *units, strict=True)]
        )

    def most(self, at: Decided, prices: Vector) -> Fraction | None:
        """Return an upper bound of the value of all feasible payoffs at these prices; None if none is proved."""
        units = [q * a for q, a in zip(prices, self.view.scale, strict=True)]
        slopes = self.slopes(self.inside.jacobian, at.z)
        bends = self.slopes(self.inside.constraint_jacobian, at.z)
        if slopes is None or bends is None or not self.bounded:
            return None
        rows, multipliers = self.multipliers(at.z, _floats(units) @ _middle(slopes))
        kinds = len(self.inside.limits), len(bends)
        z = [Fraction(v) for v in at.z.tolist()]
        total = dot(prices, at.high)
        rest = [_combined(units, [row[k] for row in slopes]) for k in range(len(z))]
        for place, price in zip(rows, multipliers, strict=True):
            if place < kinds[0]:
                row = [Fraction(a) for a in self.inside.matrix[place].tolist()]
                slack = Fraction(float(self.inside.limits[place])) - sum(
                    (a * v for a, v in zip(row, z, strict=True)), ZERO
                )
                gradient = [(a, a) for a in row]
            else:
                values = self.values(self.inside.constraints, self.inside.constraint_jacobian, at.z)
                assert values is not None
                slack, gradient = -values[place - kinds[0]][0], bends[place - kinds[0]]
            total += price * slack
            rest = [(p - price * b, q - price * a) for (p, q), (a, b) in zip(rest, gradient, strict=True)]
        for (p, q), v, low, high in zip(
            rest, z, self.inside.lower.tolist(), self.inside.upper.tolist(), strict=True
        ):
            total += max(r * (Fraction(end) - v) for r in (p, q) for end in (low, high))
        return total

    def prices(self, at: Decided, direction: Vector, tight: Sequence[int]) -> Vector:
        """Return prices of the tight players that support the decision; the direction has the value one at them."""
        table, size = self._cone(at.z, tight)
        worth = np.zeros(table.shape[1])
        worth[: len(tight)] = _floats(direction)[list(tight)] / size[list(tight)]
        weight = 1.0 / max(worth.max(), np.finfo(float).tiny)
        return self._nearest(
            np.vstack((table, worth * weight)), np.append(np.zeros(len(at.z)), 1.0), size, tight
        )

    def shadow(self, z: Floats, prices: Vector, tight: Sequence[int]) -> Vector:
        """Return prices of the tight players that, added to the given ones, make no nearby decision more valuable."""
        table, size = self._cone(z, tight)
        target = -_floats(prices) @ self._gradients(z)
        unit = max(float(np.abs(target).max()), np.finfo(float).tiny)
        return self._nearest(table, target / unit, size / unit, tight)

    def _gradients(self, z: Floats) -> Floats:
        scaled: Floats = np.asarray(self.inside.jacobian(z), dtype=float) * self.inside.width
        return scaled * _floats(self.view.scale)[:, None]

    def _cone(self, z: Floats, tight: Sequence[int]) -> tuple[Floats, Floats]:
        """Return the tight players' gradients, scaled to size one, with those of binding constraints; and the sizes."""
        gradients = self._gradients(z)
        size = np.abs(gradients).max(axis=1)
        size = np.where(size > 0, size, 1.0)
        return np.concatenate((gradients[list(tight)] / size[list(tight), None], -self.active(z)[1])).T, size

    def _nearest(self, table: Floats, target: Floats, size: Floats, tight: Sequence[int]) -> Vector:
        """Return the non-negative prices with which the columns come nearest to a target; zeros if the search fails."""
        from scipy.optimize import nnls

        prices = [Fraction(0)] * len(size)
        try:
            found = nnls(table, target)[0] if table.size else np.zeros(len(tight))
        except RuntimeError:
            return tuple(prices)
        for i, share in zip(tight, found.tolist(), strict=False):
            prices[i] = Fraction(share / size[i])
        return tuple(prices)

    def multipliers(self, z: Floats, slope: Floats) -> tuple[list[int], list[Fraction]]:
        """Return the constraints that have a multiplier, linear ones first, and the multipliers."""
        from scipy.optimize import nnls

        places, held = self.active(z)
        if not len(held):
            return [], []
        try:
            found = nnls(held.T, slope * self.inside.width)[0]
        except RuntimeError:
            return [], []
        used = [(p, Fraction(v)) for p, v in zip(places, found.tolist(), strict=True) if p >= 0 and v > 0]
        return [p for p, _ in used], [v for _, v in used]

    def active(self, z: Floats) -> tuple[list[int], Floats]:
        """Return the constraints that may bind, by number (-1 for a bound), and their scaled gradients."""
        inside, eye = self.inside, np.eye(z.size)
        rows = inside.matrix * inside.width
        slack = inside.limits - inside.matrix @ z
        near = np.flatnonzero(slack <= NEAR * np.abs(rows).max(axis=1, initial=1e-300))
        values = np.asarray(inside.constraints(z), dtype=float).reshape(-1)
        bends = np.asarray(inside.constraint_jacobian(z), dtype=float).reshape(-1, z.size) * inside.width
        close = np.flatnonzero(-values <= NEAR * np.abs(bends).max(axis=1, initial=1e-300))
        low = np.flatnonzero(z - inside.lower <= NEAR * inside.width)
        high = np.flatnonzero(inside.upper - z <= NEAR * inside.width)
        places = [*near.tolist(), *(close + len(rows)).tolist(), *[-1] * (len(low) + len(high))]
        return places, np.concatenate((rows[near], bends[close], -eye[low], eye[high]))

    def _moved(self, z: Floats, floor: Vector | None, margin: float) -> Floats:
        """Return a decision moved inwards by a multiple of rounding, away from binding constraints and the floor."""
        inside = self.inside
        places, rows = self.active(z)
        kept = [k for k, place in enumerate(places) if place >= 0]
        rows = rows[kept]
        room = np.full(len(rows), -1.0)
        if floor is not None:
            gradients = np.asarray(inside.jacobian(z), dtype=float) * inside.width
            values = np.asarray(inside.utilities(z), dtype=float)
            tight = values - self.view.within(floor) <= BROKEN * np.abs(gradients).max(axis=1)
            rows = np.concatenate((rows, -gradients[tight]))
            room = np.append(
                room, -np.abs(values[tight]) / np.abs(gradients[tight]).max(axis=1, initial=1e-300)
            )
        if not len(rows):
            return z
        # The closer a decision is to a bound, the less it moves; on the bound it does not move.
        free = np.minimum(np.minimum(z - inside.lower, inside.upper - z) / (NEAR * inside.width), 1.0)
        size = np.abs(rows).max(axis=1) * np.maximum(1.0, -room)
        step = np.linalg.lstsq(
            rows * free, -margin * np.finfo(float).eps * size * (1 + np.abs(z).max()), rcond=None
        )
        moved: Floats = np.clip(z + step[0] * inside.width * free, inside.lower, inside.upper)
        return moved

    def values(self, function: Function, jacobian: Function, z: Floats) -> list[Interval] | None:
        """Return proved bounds of functions at a decision."""
        values = np.asarray(function(z), dtype=float).reshape(-1)
        slopes = np.asarray(jacobian(z), dtype=float).reshape(values.size, z.size)
        if not (np.isfinite(values).all() and np.isfinite(slopes).all()):
            return None
        found = []
        for value, slope in zip(values.tolist(), slopes, strict=True):
            size = abs(Fraction(value)) + sum((abs(Fraction(v)) for v in (slope * z).tolist()), ZERO)
            found.append((Fraction(value) - ULPS * size, Fraction(value) + ULPS * size))
        return found

    def slopes(self, jacobian: Function, z: Floats) -> list[list[Interval]] | None:
        """Return proved bounds of gradients at a decision."""
        slopes = np.asarray(jacobian(z), dtype=float).reshape(-1, z.size)
        if not np.isfinite(slopes).all():
            return None
        exact = [[Fraction(v) for v in row] for row in slopes.tolist()]
        return [[(v - ULPS * abs(v), v + ULPS * abs(v)) for v in row] for row in exact]


def close(x: Fraction, y: Fraction) -> bool:
    """Say whether a payoff is at most a little above a floor."""
    return x - y <= Fraction(NEAR) * (abs(x) + abs(y) + 1)


def _combined(weights: Sequence[Fraction], entries: Sequence[Interval]) -> Interval:
    low = sum((w * a for w, (a, _) in zip(weights, entries, strict=True)), ZERO)
    return low, sum((w * b for w, (_, b) in zip(weights, entries, strict=True)), ZERO)


def _middle(rows: list[list[Interval]]) -> Floats:
    return np.array([[float((a + b) / 2) for a, b in row] for row in rows])


def _floats(values: Sequence[Fraction]) -> Floats:
    return np.array([float(v) for v in values])


Box = tuple[Vector, Vector]

TIGHT = 1e-6  # of the range of gains
PREMISE = "if utilities are concave, constraints convex, and both right to four units in the last place"


class Case:
    """A claim about a program, with brackets of its ideal point and of rays."""

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
        """The payoffs of the claim."""
        return tuple(Fraction(x) for x in self.claim.payoffs)

    def ideal(self, floor: Vector | None = None) -> Box | None:
        """Return bounds of each player's best payoff above a floor, d by default; None if none are proved."""
        found = self._best(floor or self.d)
        if found is None or None in found[0]:
            return None
        return tuple(x for x in found[0] if x is not None), found[1]

    def most(self, at: Decided, prices: Vector, held: Sequence[int], floor: Vector) -> Fraction | None:
        """Return an upper bound, at some prices, of all feasible payoffs that give these players at least a floor."""
        more = self.it.shadow(at.z, prices, held)
        most = self.it.most(at, tuple(p + q for p, q in zip(prices, more, strict=True)))
        return None if most is None else most - dot(more, floor)

    @property
    def floors(self) -> dict[int, Fraction]:
        """The floor of each player in the set, if there is one."""
        return dict(enumerate(self.it.view.floor or ()))

    def on_floor(self, at: Decided) -> list[int]:
        """Return the players who are close to the floor of the set."""
        return [i for i, f in self.floors.items() if close(at.low[i], f)]

    def ceiling(self, floor: Vector) -> Vector | None:
        """Return upper bounds of the best payoffs if everyone gets at least a floor; None if nothing is proved."""
        found = self._best(floor)
        return None if found is None else found[1]

    def _best(self, floor: Vector) -> tuple[list[Fraction | None], Vector] | None:
        view = self.it.view
        best = self.claim.feasible.ideal(view.within(floor))
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
        """Return the certificate that compares the claim with a box, or one without a bound."""
        what = f"{self.claim.method} on a concave program, {PREMISE}"
        gains = () if ideal is None else tuple(a - d for a, d in zip(ideal[0], self.d, strict=True))
        if box is None or not gains or min(gains) <= 0:
            statement = (
                f"{what}: nothing is proved; no decision near the payoffs meets every constraint for sure."
            )
            return Certificate(exact=None, bound=inf, tolerance=self.claim.tolerance, statement=statement)
        return enclose(self.claim, *box, gains, what)

    def about(self, what: str, far: float, ranges: Vector) -> Certificate:
        """Return the certificate of a statement about all solutions, which need not be unique."""
        statement = f"{self.claim.method} on a concave program, {PREMISE}: {what}."
        tolerance = allowance(self.claim, self.payoffs, ranges)
        return Certificate(exact=None, bound=far, tolerance=tolerance, statement=statement)

    def outside(self, here: Decided, ranges: Vector) -> Fraction:
        """Return by how much the claimed payoffs may exceed those that a decision gives for sure, over their ranges."""
        over = ((x - y) / r for x, y, r in zip(self.payoffs, here.low, ranges, strict=True))
        return max(Fraction(0), *over)

    def onward(self, box: Box | None) -> Box | None:
        """Return bounds of the feasible payoffs that are no worse for anyone than the lower end of a box."""
        top = None if box is None else self.ceiling(box[0])
        return None if box is None or top is None else (box[0], top)

    def last(self, origin: Vector, steps: Box) -> Box | None:
        """Return bounds of the last feasible point of the ray from an origin, given bounds of its direction."""
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
