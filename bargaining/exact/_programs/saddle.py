r"""Saddle points of concave programs: bounds of a solution from gradients, which are sharper than those from values.

Values with an error of an ulp determine the maximiser of a smooth function to about the square root of an ulp;
gradients determine it to about an ulp. A concept that maximises a sum of concave functions of the payoffs is the saddle
point of

.. math:: L(z, q, \mu, \nu) = \sum_i \big(q_i u_i(z) + c_i(q_i)\big) + \mu \cdot (b - A z) - \nu \cdot h(z),

which is maximised over the decision z within its bounds, and minimised over the non-negative prices q and multipliers
:math:`\mu, \nu`; c is convex. For Nash :math:`c_i' = -d_i - w_i/q_i`, for Yu :math:`c_i' = -a_i + q_i^{1/(p-1)}`, so
that :math:`u_i(z^*) = -c_i'(q_i^*)` gives the payoffs from positive prices. L is concave in z and convex in :math:`y =
(q, \mu, \nu)`; with the operator :math:`T = (-L_z, L_y)`, any x = (z, y) and the saddle point x* satisfy

.. math:: T(x) \cdot (x^* - x) \le 0:

:math:`0 \le L(z^*, y) - L(z, y^*) \le L_z \cdot (z^* - z) - L_y \cdot (y^* - y)`, the first because x* is a saddle
point and the second by concavity and convexity at x (Minty's inequality). The point x only has to meet its bounds,
which floats can do exactly; if rounding makes it violate other constraints, the error is a product of two small
numbers, not a square root. A constraint that has no multiplier at x and is met by z for sure only strengthens the
inequality, and is left out.

A floor of a payoff is one more convex constraint.

Multipliers exist if some decision meets bounds and convex constraints strictly and gives more than d (Slater). With its
slacks s, :math:`\mu \cdot s_\mu + \nu \cdot s_\nu \le \sum_i q_i^* (u_i(z^*) - u_i(z))` bounds them.

Boxes around a saddle point come from cutting planes, which are Minty's inequality at spots :math:`x_k`, each a small
step from a guess. There the operator is known in intervals, so that :math:`T(x_k) \cdot (x^* - x_k) \le 0` are linear
inequalities. For a direction c and any :math:`\lambda \ge 0`

.. math:: c \cdot x^* \le \sum_k \lambda_k T(x_k) \cdot x_k + \max_x \Big(c - \sum_k \lambda_k T(x_k)\Big) \cdot x,

where the maximum is over the present box and over the intervals of T. :math:`\lambda` comes from a linear program in
floats; the bound is valid for any :math:`\lambda` and is evaluated in integers. With steps of size t, an operator whose
entries err by e, and a box of radius R, the bound is about :math:`t + e R / t`: steps of :math:`\sqrt{e R}` take the
radius to :math:`2 \sqrt{e R}`, from 1 to 1e-7, 1e-11 and 1e-13. Each coordinate has its own step, as the curvature of T
differs between coordinates. Between these rounds Newton's method, with differences of T, improves the guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining._rational import fractions
from bargaining.exact._concepts.bodies import Vector
from bargaining.exact._programs.programs import ZERO, Case, Decided, Interval, Programs, close

Marginal = Callable[[int, Fraction], Interval]
"""Takes a player and a price q and returns bounds of c'(q)."""

SNAP = 1e-9  # of its range: a decision this close to a bound may lie on it
HALVINGS = 30  # of a step inward: a decision that must be closer to the boundary gives no bound
FIRM = 1e-6  # the least slack that a step must give every constraint, as a share of its size


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spot:
    """A decision, prices, and multipliers of the constraints that may bind."""

    z: Floats
    prices: Vector
    multipliers: Vector

    def coordinates(self) -> list[Fraction]:
        """Return all coordinates in one sequence."""
        return [*(Fraction(v) for v in self.z.tolist()), *self.prices, *self.multipliers]

    def moved(self, place: int, value: Fraction) -> Spot:
        """Return the spot with one coordinate replaced; decisions must be floats."""
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
        The decision that determines which constraints may bind.
    floors : mapping, optional
        The least payoffs of some players.
    """

    def __init__(
        self, it: Programs, marginal: Marginal, z: Floats, floors: Mapping[int, Fraction] | None = None
    ) -> None:
        self.it, self.marginal, self.floors = it, marginal, dict(floors or {})
        self.held: list[int] = []
        count = len(it.inside.limits)
        places = sorted({p for p in it.active(z)[0] if p >= 0})
        self.rows, self.bends = [p for p in places if p < count], [p - count for p in places if p >= count]
        self.matrix = fractions(it.inside.matrix, (count, z.size))
        self.limits = fractions(it.inside.limits)
        near = it.payoffs(z)
        if near is not None:
            self.held = [i for i, f in self.floors.items() if close(near[i][0], f)]
        self._known: dict[bytes, _Local | None] = {}

    def at(self, spot: Spot) -> list[Interval] | None:
        """Return proved bounds of T at a spot; None if there are none."""
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
        except ZeroDivisionError:  # at a price of zero the gain would be infinite
            return None
        gains = [(a + c, b + d) for (a, b), (c, d) in zip(near.payoffs, terms, strict=True)]
        return [*zip(low.tolist(), high.tolist(), strict=True), *gains, *near.slacks]

    def start(self, z: Floats, prices: Vector) -> Spot:
        """Return a spot at a decision; it is moved to a bound nearby if L increases towards that bound."""
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
        """Return upper bounds of the multipliers at the saddle points; None if multipliers may not exist.

        Parameters
        ----------
        prices : sequence of tuple
            Bounds of the saddle point's prices.
        top : tuple of Fraction
            Upper bounds of its payoffs.
        floor : tuple of Fraction, or None
            Payoffs that the strictly feasible decision must exceed.
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
        """Return a strictly feasible decision, with the slacks of the constraints that may bind."""
        inside = self.it.inside
        here = self.it.decided(z) if ((z > inside.lower) & (z < inside.upper)).all() else None
        near = None if here is None else self._near(z)
        values = self.it.values(inside.constraints, inside.constraint_jacobian, z)
        if here is None or near is None or values is None or any(high >= 0 for _, high in values):
            return None
        slacks = tuple(low for low, _ in near.slacks)
        return (here, slacks) if min(slacks, default=Fraction(1)) > 0 else None

    def _inward(self, z: Floats) -> Floats | None:
        """Return a step that maximises the least slack it gives to the bounds and the constraints that may bind."""
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
        """Return the gradients of the constraints that have multipliers, one in each row."""
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
        room = [*(self.limits - self.matrix @ fractions(z))]
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


UNIT, SHARE = 1 << 160, 1 << 64  # units of the integers for coordinates, and for multipliers
FIRST = 2.0**-20  # the step before the curvature of T is known
STEPS = 2.0**-50, 2.0**-6  # the shortest and the longest
ROUNDS = 8  # each takes the square root of the error: four reach rounding from any box
SETTLED = 1e-9  # in units: after so small a step Newton's method has converged
LEAST = 2  # the least number of rounds: the first ones improve little on prices that are already known well
WORTH = 0.6  # the last round is one that leaves more than this share of the prices' width
CAP = 1e6  # how much worse than the median cut another one may count
NARROW = 2e-13  # relative width at which prices are known well enough
FLAT = 1e-12  # of the largest singular value: Newton's method ignores directions with smaller ones
NEAR, SMALLEST = 1e-6, 1e-100  # of its range: a decision is close to its bound, and on its bound


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cuts:
    """The bounds of T at spots around a guess, in units of the coordinates.

    Attributes
    ----------
    low, high : ndarray, shape (m, N)
        Integers, over `UNIT`: bounds of T.
    offset : ndarray, shape (m,)
        Integers, over `UNIT`: upper bounds of T . (x_k - x) for the guess x.
    places : ndarray, shape (m,)
        The coordinate in which the spot differs from the guess; -1 for the guess.
    steps : ndarray, shape (m,)
        The difference, in floats; 1 for the guess.
    """

    low: np.ndarray
    high: np.ndarray
    offset: np.ndarray
    places: np.ndarray
    steps: Floats


def localise(saddle: Saddle, spot: Spot, box: Sequence[Interval]) -> list[Interval]:
    """Return a smaller box that contains every saddle point of the given box.

    Parameters
    ----------
    saddle : Saddle
    spot : Spot
        Near a saddle point.
    box : sequence of tuple
        Bounds of decisions, prices and multipliers.
    """
    n, k = len(spot.prices), spot.z.size
    units, known = _units(saddle, spot), list(box)
    spot, cuts = _centred(saddle, spot, units)
    for count in range(ROUNDS):
        steps = None if cuts is None else _steps(cuts, _reach(known, spot, units))
        cuts = None if steps is None else _cuts(saddle, spot, units, steps)
        if cuts is None:
            break
        before = _widest(known, units, k, n)
        known = _shrunk(known, spot, units, cuts)
        now = _widest(known, units, k, n)
        if now <= NARROW or (now > WORTH * before and count >= LEAST):
            break
        spot = _improved(saddle, spot, units, cuts)
    return known


def _centred(saddle: Saddle, spot: Spot, units: list[Fraction]) -> tuple[Spot, Cuts | None]:
    """Return the spot to which Newton's method leads, and cuts around the one before it."""
    steps, last = np.full(len(units), FIRST), np.inf
    for _ in range(ROUNDS):
        cuts = _cuts(saddle, spot, units, steps)
        if cuts is None:
            break
        moved = _improved(saddle, spot, units, cuts)
        pairs = zip(moved.coordinates(), spot.coordinates(), units, strict=True)
        far, spot = max(float(abs(x - y) / u) for x, y, u in pairs), moved
        if far <= SETTLED or far > last:
            break
        last = far
    return spot, cuts


def _widest(box: Sequence[Interval], units: list[Fraction], first: int, count: int) -> float:
    """Return the largest width of the prices, in units."""
    return max(float((b - a) / u) for (a, b), u in list(zip(box, units, strict=True))[first : first + count])


def _units(saddle: Saddle, spot: Spot) -> list[Fraction]:
    """Return a power of two for each coordinate, about the size of its possible change."""
    inside = saddle.it.inside
    room = np.minimum(spot.z - inside.lower, inside.upper - spot.z)
    near = (room > SMALLEST * inside.width) & (room < NEAR * inside.width)
    width = np.where(near, room, inside.width)
    rows = saddle.gradients(spot.z) * width
    price = [float(q) for q in spot.prices]
    size = [
        *width,
        *(q if q > 0 else max(price) or 1.0 for q in price),
        *(1 / np.abs(rows).max(axis=1, initial=1e-300)),
    ]
    return [Fraction(2) ** int(np.clip(np.round(np.log2(s)), -900, 900)) for s in size]


def _cuts(saddle: Saddle, spot: Spot, units: list[Fraction], steps: Floats) -> Cuts | None:
    here = saddle.at(spot)
    if here is None:
        return None
    start = spot.coordinates()
    found = [(here, -1, Fraction(0))]
    for j, (x, unit, step) in enumerate(zip(start, units, steps, strict=True)):
        for sign in (1, -1):
            moved = spot.moved(j, _next(saddle, spot, j, x + sign * unit * Fraction(step), sign))
            move = moved.coordinates()[j] - x
            there = saddle.at(moved) if move else None
            if there is not None:
                found.append((there, j, move))
    bounds = [[(a * u, b * u) for (a, b), u in zip(t, units, strict=True)] for t, _, _ in found]
    places, moves = [j for _, j, _ in found], [m for _, _, m in found]
    shifts = [m / units[j] for j, m in zip(places, moves, strict=True)]
    offset = [
        0 if j < 0 else _up(max(t[j][0] * s, t[j][1] * s))
        for t, j, s in zip(bounds, places, shifts, strict=True)
    ]
    return Cuts(
        low=np.array([[_down(a) for a, _ in t] for t in bounds], dtype=object),
        high=np.array([[_up(b) for _, b in t] for t in bounds], dtype=object),
        offset=np.array(offset, dtype=object),
        places=np.array(places),
        steps=np.array([1.0 if j < 0 else float(s) for j, s in zip(places, shifts, strict=True)]),
    )


def _next(saddle: Saddle, spot: Spot, place: int, value: Fraction, sign: int) -> Fraction:
    """Return a number moved into its domain, and to a float other than the old one if possible."""
    inside = saddle.it.inside
    rounded = float(value)
    if place < spot.z.size:
        here = float(spot.z[place])
        rounded = float(np.nextafter(here, sign * np.inf)) if sign and rounded == here else rounded
        return Fraction(min(max(rounded, float(inside.lower[place])), float(inside.upper[place])))
    return max(Fraction(rounded), Fraction(0))


def _floats(cuts: Cuts) -> tuple[Floats, Floats]:
    """Return the midpoint of the bounds of T, and their error."""
    middle = ((cuts.low + cuts.high) / (2 * UNIT)).astype(float)
    return middle, ((cuts.high - cuts.low) / (2 * UNIT)).astype(float)


def _steps(cuts: Cuts, reach: Floats) -> Floats:
    """Return the step for each coordinate at which the curvature of T and its error have equal effects."""
    _, error = _floats(cuts)
    doubt = error @ np.abs(reach).max(axis=1)
    offset = (cuts.offset / UNIT).astype(float)
    steps = np.full(len(reach), STEPS[1])
    for j, step, far, off in zip(cuts.places, cuts.steps, offset, doubt, strict=True):
        if j >= 0:
            bend = max(far / step**2, SMALLEST)
            steps[j] = min(steps[j], max(np.sqrt(off / bend), STEPS[0]))
    return steps


def _reach(box: Sequence[Interval], spot: Spot, units: list[Fraction]) -> Floats:
    """Return how far the box extends from the spot, down and up, in units."""
    places = zip(box, spot.coordinates(), units, strict=True)
    return np.array([[float((a - x) / u), float((b - x) / u)] for (a, b), x, u in places])


def _shrunk(box: Sequence[Interval], spot: Spot, units: list[Fraction], cuts: Cuts) -> list[Interval]:
    """Return the smallest box around the points that the cuts leave."""
    start = spot.coordinates()
    room = [(_down((a - x) / u), _up((b - x) / u)) for (a, b), x, u in zip(box, start, units, strict=True)]
    choose = _chooser(cuts, _reach(box, spot, units))
    found = []
    for j, ((a, b), x, u) in enumerate(zip(box, start, units, strict=True)):
        up, down = (_most(cuts, choose(j, sign), j, sign, room) for sign in (1, -1))
        found.append((max(a, x - u * Fraction(down, UNIT)), min(b, x + u * Fraction(up, UNIT))))
    return found


def _most(cuts: Cuts, shares: list[int], place: int, sign: int, room: list[tuple[int, int]]) -> int:
    """Bound from above, over `UNIT`, how far a coordinate can exceed the spot's, or with sign -1 fall below it."""
    used = [k for k, share in enumerate(shares) if share]
    held = np.array([shares[k] for k in used], dtype=object)
    total = int(held @ cuts.offset[used]) * UNIT if used else 0
    low, high = (held @ ends[used] if used else [0] * len(room) for ends in (cuts.low, cuts.high))
    for v, (a, b) in enumerate(room):
        own = sign * SHARE * UNIT if v == place else 0
        total += max((own - t) * y for t in (low[v], high[v]) for y in (a, b))
    return -(-total // (SHARE * UNIT))


def _chooser(cuts: Cuts, reach: Floats) -> Callable[[int, int], list[int]]:
    """Return a function that finds the shares of the cuts which bound a coordinate best.

    A coordinate that T keeps on its bound is bounded by the cut at the guess; it bounds the remainders of others at no
    cost.
    """
    from scipy.optimize import linprog

    middle, error = _floats(cuts)
    pinned = _pinned(middle[0], reach)
    rows = np.flatnonzero(~pinned)
    used = np.flatnonzero((cuts.places < 0) | ~pinned[cuts.places])
    size = np.abs(middle[np.ix_(used, rows)]).max(axis=1, initial=0.0)
    used, size = used[size > 0], size[size > 0]
    table = (middle[np.ix_(used, rows)] / size[:, None]).T
    cost = ((cuts.offset / UNIT).astype(float) + error @ np.abs(reach).max(axis=1))[used] / size
    middling = max(float(np.median(cost)) if cost.size else 0.0, np.finfo(float).tiny)
    cost = np.clip(cost / middling, 0.0, CAP)
    eye = np.eye(len(rows))
    free = np.concatenate((-eye[:, reach[rows, 0] >= 0], eye[:, reach[rows, 1] <= 0]), axis=1)
    table, cost = np.concatenate((table, free), axis=1), np.append(cost, np.zeros(free.shape[1]))

    def choose(place: int, sign: int) -> list[int]:
        shares = [0] * len(middle)
        if pinned[place]:
            shares[0] = int(SHARE / abs(middle[0, place])) if middle[0, place] * sign > 0 else 0
            return shares
        target = sign * (rows == place)
        found = linprog(cost, A_eq=table, b_eq=target, bounds=(0, None), method="highs")
        for k, share, unit in zip(used, found.x if found.status == 0 else (), size, strict=False):
            shares[k] = int(Fraction(share / unit) * SHARE)
        return shares

    return choose


def _pinned(slope: Floats, reach: Floats) -> NDArray[np.bool_]:
    """Say which coordinates T keeps on a bound."""
    return ((reach[:, 0] >= 0) & (slope > FIRM)) | ((reach[:, 1] <= 0) & (slope < -FIRM))


def _improved(saddle: Saddle, spot: Spot, units: list[Fraction], cuts: Cuts) -> Spot:
    """Return the spot after a step of Newton's method; coordinates on a bound stay there."""
    middle, _ = _floats(cuts)
    start, here = spot.coordinates(), middle[0]
    free, columns = [], []
    for j in range(len(start)):
        rows = [k for k in range(1, len(middle)) if cuts.places[k] == j]
        if len(rows) == 2:
            free.append(j)
            columns.append((middle[rows[0]] - middle[rows[1]]) / (cuts.steps[rows[0]] - cuts.steps[rows[1]]))
    if not free:
        return spot
    step = np.linalg.lstsq(np.array(columns).T[free], -here[free], rcond=FLAT)[0]
    for j, move in zip(free, step.tolist(), strict=True):
        spot = spot.moved(j, _next(saddle, spot, j, start[j] + units[j] * Fraction(move), 0))
    return spot


def _down(x: Fraction) -> int:
    return x.numerator * UNIT // x.denominator


def _up(x: Fraction) -> int:
    return -(-x.numerator * UNIT // x.denominator)


def narrowed(
    case: Case,
    here: Decided,
    marginal: Marginal,
    guess: Vector,
    prices: Sequence[Interval],
    top: Vector,
    *,
    floors: Mapping[int, Fraction],
    above: Vector | None = None,
) -> tuple[list[Interval], list[Interval] | None]:
    """Return bounds of the saddle points' prices, the given ones if nothing more is proved, and of the payoffs.

    Parameters
    ----------
    here : Decided
        A decision near the answer.
    marginal : callable
        The derivative c' of `saddle`.
    guess : tuple of Fraction
        Prices near the answer's.
    prices : sequence of tuple
        Bounds of the prices; those of players who do not count are zero.
    top : tuple of Fraction
        Upper bounds of the answer's payoffs.
    floors : mapping
        The least payoffs of some players.
    above : tuple of Fraction, optional
        The payoffs that must be exceeded for the concept to be defined.
    """
    saddle = Saddle(case.it, marginal, here.z, floors)
    spot = saddle.start(here.z, tuple(Fraction(float(q)) for q in guess))
    ceilings = saddle.ceilings(spot, prices, top, above)
    if ceilings is None:
        return list(prices), None
    bounds = case.it.inside.lower.tolist(), case.it.inside.upper.tolist()
    decisions = [(Fraction(a), Fraction(b)) for a, b in zip(*bounds, strict=True)]
    known = localise(saddle, spot, [*decisions, *prices, *((Fraction(0), most) for most in ceilings)])
    k, n = len(decisions), len(prices)
    return known[k : k + n], _spanned(case, known[:k])


def _spanned(case: Case, box: Sequence[Interval]) -> list[Interval] | None:
    """Return bounds of the payoffs of the decisions in a box; None if none are known.

    A concave payoff is bounded above by its tangent, and below by its least value at the corners of a hull that
    contains the box: these are a decision, and its steps to the ends of the box times the number of coordinates.
    """
    it, inside = case.it, case.it.inside
    ends = zip(box, inside.lower.tolist(), inside.upper.tolist(), strict=True)
    z = np.array([float(a if a == low else b if b == high else (a + b) / 2) for (a, b), low, high in ends])
    moves = [(a - Fraction(v), b - Fraction(v)) for (a, b), v in zip(box, z.tolist(), strict=True)]
    corners = [z, *_corners(z, moves)]
    within = all(((c >= inside.lower) & (c <= inside.upper)).all() for c in corners)
    found = [it.payoffs(c) for c in corners] if within else []
    slopes = it.slopes(inside.jacobian, z)
    payoffs = [f for f in found if f is not None]
    if slopes is None or not payoffs or len(payoffs) < len(found):
        return None
    rises = [
        a
        * sum(
            (max(p * m for p in pair for m in move) for pair, move in zip(row, moves, strict=True)),
            Fraction(0),
        )
        for a, row in zip(it.view.scale, slopes, strict=True)
    ]
    return [(min(f[i][0] for f in payoffs), payoffs[0][i][1] + rise) for i, rise in enumerate(rises)]


def _corners(z: Floats, moves: Sequence[Interval]) -> list[Floats]:
    """Return the corners other than the decision itself, rounded outward."""
    count, found = sum(any(pair) for pair in moves), []
    for j, (down, up) in enumerate(moves):
        for move, side in ((min(down, Fraction(0)), -np.inf), (max(up, Fraction(0)), np.inf)):
            if move:
                corner = z.copy()
                corner[j] = np.nextafter(float(Fraction(z[j]) + count * move), side)
                found.append(corner)
    return found
