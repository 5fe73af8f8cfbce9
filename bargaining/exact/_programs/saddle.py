r"""Saddle points of concave programs: what gradients say of a solution, beyond what values say.

Values that are right to an ulp place the maximum of a smooth function to the root of one. Gradients place it to
about an ulp. A concept that maximises a sum of concave functions of the payoffs is the saddle point of

.. math:: L(z, q, \mu, \nu) = \sum_i \big(q_i u_i(z) + c_i(q_i)\big) + \mu \cdot (b - A z) - \nu \cdot h(z),

largest in the decision z within its bounds, smallest in the prices q and the multipliers :math:`\mu, \nu`, none of
them negative; c is convex. For Nash :math:`c_i' = -d_i - w_i/q_i`, for Yu :math:`c_i' = -a_i + q_i^{1/(p-1)}`, so that
:math:`u_i(z^*) = -c_i'(q_i^*)` gives the payoffs from positive prices. L is concave in z and convex in
:math:`y = (q, \mu, \nu)`; with the operator :math:`T = (-L_z, L_y)`, any x = (z, y) and the saddle point x* meet

.. math:: T(x) \cdot (x^* - x) \le 0:

:math:`0 \le L(z^*, y) - L(z, y^*) \le L_z \cdot (z^* - z) - L_y \cdot (y^* - y)`, the first as x* is a saddle point and
the second by concavity and convexity at x (Minty's inequality). x need meet its bounds alone, which floats can; that
it breaks other constraints by rounding costs a product of two small numbers, not a root. A constraint without a
multiplier at x that certainly holds at z only strengthens the inequality, and is left out.

A payoff that must not fall below a floor is one more convex constraint.

There are multipliers if some decision is strictly within bounds and convex constraints and gives more than d (Slater).
With its slacks s, :math:`\mu \cdot s_\mu + \nu \cdot s_\nu \le \sum_i q_i^* (u_i(z^*) - u_i(z))` bounds them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from bargaining._arrays import Floats
from bargaining.exact._programs.programs import ZERO, Decided, Interval, Programs, Vector, close

Marginal = Callable[[int, Fraction], Interval]
"""Takes a player and a price q and returns bounds of c'(q)."""

SNAP = 1e-9  # of its range: a decision that may be meant to lie on its bound
HALVINGS = 30  # of a step inward: a decision that must be closer to the boundary bounds nothing
FIRM = 1e-6  # share of the steps by which every constraint must give


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spot:
    """A decision, prices, and multipliers of the constraints that may bind."""

    z: Floats
    prices: Vector
    multipliers: Vector

    def coordinates(self) -> list[Fraction]:
        """Return all of it in a row."""
        return [*(Fraction(v) for v in self.z.tolist()), *self.prices, *self.multipliers]

    def moved(self, place: int, value: Fraction) -> Spot:
        """Return the spot with another number in one place; a decision must be a float."""
        k, n = self.z.size, len(self.prices)
        if place < k:
            z = self.z.copy()
            z[place] = float(value)
            return replace(self, z=z)
        if place < k + n:
            return replace(self, prices=_with(self.prices, place - k, value))
        return replace(self, multipliers=_with(self.multipliers, place - k - n, value))


class Saddle:
    """The operator T of a program, near a decision.

    Parameters
    ----------
    it : Programs
    marginal : callable
    z : ndarray
        Which constraints may bind is told from here.
    floors : mapping, optional
        From players to payoffs that they must have at least.
    """

    def __init__(
        self, it: Programs, marginal: Marginal, z: Floats, floors: Mapping[int, Fraction] | None = None
    ) -> None:
        self.it, self.marginal, self.floors = it, marginal, dict(floors or {})
        self.held: list[int] = []
        count = len(it.inside.limits)
        places = sorted({p for p in it.active(z)[0] if p >= 0})
        self.rows, self.bends = [p for p in places if p < count], [p - count for p in places if p >= count]
        self.matrix = np.array(
            [[Fraction(a) for a in row] for row in it.inside.matrix.tolist()], dtype=object
        )
        self.matrix = self.matrix.reshape(count, z.size)
        self.limits = np.array([Fraction(b) for b in it.inside.limits.tolist()], dtype=object)
        near = it.payoffs(z)
        if near is not None:
            self.held = [i for i, f in self.floors.items() if close(near[i][0], f)]
        self._known: dict[bytes, _Local | None] = {}

    def at(self, spot: Spot) -> list[Interval] | None:
        """Return what T certainly is between; None if it says nothing there."""
        near = self._near(spot.z)
        if near is None:
            return None
        q, held = np.array(spot.prices, dtype=object), np.array(spot.multipliers, dtype=object)
        straight, bent = held[: len(self.rows)], held[len(self.rows) :]
        pull = straight @ self.matrix[self.rows] if self.rows else ZERO
        low = pull - q @ near.slopes[1] + (bent @ near.bends[0] if len(bent) else ZERO)
        high = pull - q @ near.slopes[0] + (bent @ near.bends[1] if len(bent) else ZERO)
        try:
            terms = [self.marginal(i, price) for i, price in enumerate(spot.prices)]
        except ZeroDivisionError:  # without a price a gain would have no end
            return None
        gains = [(a + c, b + d) for (a, b), (c, d) in zip(near.payoffs, terms, strict=True)]
        return [*zip(low.tolist(), high.tolist(), strict=True), *gains, *near.slacks]

    def start(self, z: Floats, prices: Vector) -> Spot:
        """Return a spot at a decision, which goes to the bounds it is close to where it would go on."""
        inside = self.it.inside
        found = Spot(z=z, prices=prices, multipliers=self._multipliers(z, prices))
        down = (z > inside.lower) & (z - inside.lower < SNAP * inside.width)
        up = (z < inside.upper) & (inside.upper - z < SNAP * inside.width)
        snapped = np.where(down, inside.lower, np.where(up, inside.upper, z))
        slope = None if (snapped == z).all() else self.at(replace(found, z=snapped))
        if slope is None:
            return found
        on = [(d and a > 0) or (u and b < 0) for d, u, (a, b) in zip(down, up, slope, strict=False)]
        return replace(found, z=np.where(on, snapped, z))

    def ceilings(
        self, spot: Spot, prices: Sequence[Interval], top: Vector, floor: Vector | None
    ) -> Vector | None:
        """Return bounds of the multipliers that belong to the saddle points; None if there may be none.

        Parameters
        ----------
        prices : sequence of tuple
            Between what the saddle point's are.
        top : tuple of Fraction
            No less than its payoffs.
        floor : tuple of Fraction, or None
            What the decision that is strictly inside must exceed.
        """
        step, best = self._inward(spot.z), None
        if step is None:
            return None
        for k in range(HALVINGS):
            found = self._strict(spot.z + step * 0.5**k)
            if found is None or (
                floor is not None and any(x <= f for x, f in zip(found[0].low, floor, strict=True))
            ):
                continue
            worth = sum(
                (
                    max(a * (t - x), b * (t - x))
                    for (a, b), t, x in zip(prices, top, found[0].low, strict=True)
                ),
                ZERO,
            )
            bounds = tuple(worth / slack for slack in found[1])
            if best is not None and max(bounds) >= max(best):
                break
            best = bounds
            if not bounds:
                break
        return best

    def _strict(self, z: Floats) -> tuple[Decided, Vector] | None:
        """Return a decision strictly inside, with the slacks of the constraints that may bind."""
        inside = self.it.inside
        here = self.it.decided(z) if ((z > inside.lower) & (z < inside.upper)).all() else None
        near = None if here is None else self._near(z)
        values = self.it.values(inside.constraints, inside.constraint_jacobian, z)
        if here is None or near is None or values is None or any(high >= 0 for _, high in values):
            return None
        slacks = tuple(low for low, _ in near.slacks)
        return (here, slacks) if min(slacks, default=Fraction(1)) > 0 else None

    def _inward(self, z: Floats) -> Floats | None:
        """Return a step along which the bounds and constraints that may bind give most, alike."""
        from scipy.optimize import linprog

        inside, k = self.it.inside, z.size
        rows = self.gradients(z) * inside.width
        size = np.abs(rows).max(axis=1, initial=0.0)
        if not np.isfinite(size).all() or (size == 0).any():
            return None
        place, eye = (z - inside.lower) / inside.width, np.eye(k)
        table = np.concatenate((rows / size[:, None], -eye, eye))
        right = np.concatenate((np.zeros(len(rows)), place, 1 - place))
        table = np.column_stack((table, np.concatenate((np.ones(len(rows)), np.full(2 * k, 0.5)))))
        found = linprog(-np.eye(k + 1)[k], A_ub=table, b_ub=right, bounds=[(-1, 1)] * k + [(0, 1)])
        return found.x[:k] * inside.width if found.status == 0 and found.x[k] > FIRM else None

    def gradients(self, z: Floats) -> Floats:
        """Return the gradients of what has multipliers, one a row."""
        inside = self.it.inside
        bends = np.asarray(inside.constraint_jacobian(z), dtype=float).reshape(-1, z.size)[self.bends]
        falls = -np.asarray(inside.jacobian(z), dtype=float)[self.held]
        scale = np.array([float(self.it.view.scale[i]) for i in self.held])
        return np.concatenate((inside.matrix[self.rows], bends, falls * scale[:, None]))

    def _multipliers(self, z: Floats, prices: Vector) -> Vector:
        more = self.it.shadow(z, prices, self.held)
        units = [float((q + r) * a) for q, r, a in zip(prices, more, self.it.view.scale, strict=True)]
        slope = np.array(units) @ np.asarray(self.it.inside.jacobian(z), dtype=float)
        found = dict(zip(*self.it.multipliers(z, slope), strict=True))
        count = len(self.it.inside.limits)
        places = (*self.rows, *(count + b for b in self.bends))
        return (*(found.get(p, ZERO) for p in places), *(more[i] for i in self.held))

    def _near(self, z: Floats) -> _Local | None:
        key = z.tobytes()
        if key not in self._known:
            self._known[key] = self._evaluated(z)
        return self._known[key]

    def _evaluated(self, z: Floats) -> _Local | None:
        it, inside = self.it, self.it.inside
        with np.errstate(all="ignore"):
            slopes, bends = it.slopes(inside.jacobian, z), it.slopes(inside.constraint_jacobian, z)
            payoffs = it.payoffs(z)
            values = it.values(inside.constraints, inside.constraint_jacobian, z)
        if slopes is None or bends is None or payoffs is None or values is None:
            return None
        room = [*(self.limits - self.matrix @ np.array([Fraction(v) for v in z.tolist()], dtype=object))]
        idle = [s for r, s in enumerate(room) if r not in self.rows]
        idle += [-high for b, (_, high) in enumerate(values) if b not in self.bends]
        idle += [payoffs[i][0] - f for i, f in self.floors.items() if i not in self.held]
        if min(idle, default=ZERO) < 0:
            return None
        steep = [[(a * p, a * q) for p, q in row] for a, row in zip(it.view.scale, slopes, strict=True)]
        falls = [[(-q, -p) for p, q in steep[i]] for i in self.held]
        return _Local(
            slopes=_ends(steep),
            bends=_ends([*(bends[b] for b in self.bends), *falls]),
            payoffs=payoffs,
            slacks=[
                *((room[r], room[r]) for r in self.rows),
                *((-values[b][1], -values[b][0]) for b in self.bends),
                *((payoffs[i][0] - self.floors[i], payoffs[i][1] - self.floors[i]) for i in self.held),
            ],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Local:
    """A program at a decision: lower and upper ends of slopes, and bounds of payoffs and slacks."""

    slopes: tuple[np.ndarray, np.ndarray]
    bends: tuple[np.ndarray, np.ndarray]
    payoffs: list[Interval]
    slacks: list[Interval]


def _ends(rows: list[list[Interval]]) -> tuple[np.ndarray, np.ndarray]:
    low, high = (np.array([[pair[k] for pair in row] for row in rows], dtype=object) for k in (0, 1))
    return low, high


def _with(values: Vector, place: int, value: Fraction) -> Vector:
    return (*values[:place], value, *values[place + 1 :])
