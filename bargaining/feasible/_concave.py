r"""Decisions under constraints, by small smooth concave programs.

.. math:: \max\ a \cdot v + \sum_i \omega_i \log c_i(v) \quad\text{subject to}\quad c(v) \ge 0

with every :math:`c_i` concave; :math:`\omega_i = 0` for a plain constraint. A sequence of quadratic programs is
followed by Newton's method. Each step solves the quadratic model of the Lagrangian over the tangents of the constraints
with Clarabel, an interior-point solver. Tangents of concave functions lie above them, so a program whose tangents leave
nothing feasible has no feasible point. Once the model says which constraints bind, Newton's method on the conditions of
optimality, with these as equations, finishes.

Decisions and their utilities are measured in units in which both are of size one. `least_powers` finds the payoffs with
the least sum of powers of weighted losses from an ideal point a. With y the losses, it is least where :math:`t` is,
over :math:`y \ge 0`, :math:`a - y / w \le u(z)` and :math:`\sum_i y_i^p \le t`: a program without kinks, whose
multipliers are the prices that prove it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arrays import Floats, fill, real
from bargaining.errors import InvalidInput

SURE = 1e-9  # largest violation of the conditions at which a program counts as solved
GOOD = 1e-13  # violation at which the search stops: rounding
CLOSE = 1e-4  # violation at which the model may know which constraints bind
STEPS = 80  # quadratic programs: near the optimum each doubles the digits
NEWTON = 8  # steps, which double the digits too, or have the wrong constraints
HALVINGS = 40  # of a step that does not improve the objective
BOUNDARY = 0.99  # of the way to where a logarithm, or a function beyond its bound, is not defined
PRECISE = 1e-11  # tolerance of Clarabel, which may stop short of it
PROXIMITY = 1e-8  # curvature added to every model, so that one without a bound has an answer
SOFT = 1e-10  # regularises redundant constraints and decisions in Newton's method
FAR = 1e13  # of variables of size one: beyond it a program has no bound


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Local:
    """Constraints at a point: their values, gradients (rows), and the Hessian of multipliers . c."""

    values: Floats
    gradients: Floats
    hessian: Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConcaveProgram:
    """Maximise objective . v + targets . log c(v) over c(v) >= 0; data of size one."""

    objective: Floats  # (q,)
    targets: Floats  # (p,) the weights of the logarithms; 0 for a plain constraint
    at: Callable[
        [Floats], Local
    ]  # describes constraints near a point where the first `strict` are not negative
    start: Floats  # (q,) where the first `strict` constraints, which are linear, and those with logarithms are positive
    strict: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Point:
    """The end of a program: the point, the constraints near it, the multipliers, and the violation of the conditions.

    The violation is infinite where the program has no feasible point, or no bound.
    """

    v: Floats
    near: Local
    multipliers: Floats
    off: float

    @classmethod
    def of(cls, program: ConcaveProgram, v: Floats, near: Local, multipliers: Floats) -> Point:
        """Measure the violation."""
        return cls(v=v, near=near, multipliers=multipliers, off=violation(program, near, multipliers))


def maximise(program: ConcaveProgram) -> Point:
    """Return the optimum, or the best point that was found."""
    with np.errstate(all="ignore"):
        return _by_models(program)


def product(
    weights: Floats, gains: Floats, matrix: Floats, limits: Floats, offset: Floats | float = 0.0
) -> tuple[Floats, float]:
    """Return the v that maximises weights . log(gains v + offset) over matrix v <= limits, and the duality gap.

    Clarabel finishes the program in exponential cones (t, 1, y), exp(t) <= y; then Newton's method does. Weights (n,)
    sum to one; a player of weight 0 has `gains v + offset >= 0`. Gains (n, q) are of size about one.
    """
    counted, (n, q) = weights > 0, gains.shape
    k, none, offset = int(counted.sum()), np.zeros, np.broadcast_to(offset, n)
    cones = none((3 * k, q + k))
    cones[::3, q:], cones[2::3, :q] = -np.eye(k), -gains[counted]
    plain = np.vstack((matrix, -gains[~counted]))
    answer = _clarabel(
        none((q + k, q + k)),
        -np.append(none(q), weights[counted]),
        np.vstack((np.hstack((plain, none((len(plain), k)))), cones)),
        np.concatenate((limits, offset[~counted], np.ravel([(0.0, 1.0, more) for more in offset[counted]]))),
        exponential=k,
    )
    v = np.array(answer.x)[:q]
    rows = np.vstack((-plain, gains[counted]))
    room = np.concatenate((limits, offset[~counted], offset[counted]))
    targets = np.concatenate((none(len(plain)), weights[counted]))
    program = ConcaveProgram(
        objective=none(q),
        targets=targets,
        at=lambda v: Local(values=rows @ v + room, gradients=rows, hessian=lambda m: none((q, q))),
        start=v,
        strict=0,
    )
    with np.errstate(all="ignore"):
        prices = np.append(np.array(answer.z)[: len(plain)], none(k))
        multipliers = np.where(targets > 0, targets / (rows @ v + room), prices)
        point = _newton(program, Point.of(program, v, program.at(v), multipliers))
        slope = np.abs(point.multipliers @ rows) @ (1.0 + np.abs(point.v))
        values = point.near.values
        spare = float(point.multipliers[: len(plain)] @ np.maximum(values[: len(plain)], 0.0))
        gap = max(spare + float(slope), float(-values.min(initial=0.0)))
    return point.v, gap if np.isfinite(gap) else np.nan


def _clarabel(bent: Floats, slope: Floats, matrix: Floats, limits: Floats, *, exponential: int = 0) -> Any:
    """Minimise v . bent v / 2 + slope . v over matrix v <= limits; the last rows, in threes, are exponential cones."""
    import clarabel
    from scipy.sparse import csc_array, triu

    settings = clarabel.DefaultSettings()
    settings.verbose = settings.presolve_enable = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = PRECISE
    cones = [clarabel.NonnegativeConeT(len(limits) - 3 * exponential)]
    cones += [clarabel.ExponentialConeT()] * exponential
    parts = csc_array(triu(bent, format="csc")), slope, csc_array(matrix), limits
    return clarabel.DefaultSolver(*parts, cones, settings).solve()


def _by_models(program: ConcaveProgram) -> Point:
    near = program.at(program.start)
    multipliers = np.where(program.targets > 0, program.targets / near.values, 1.0)
    point = best = Point(v=program.start, near=near, multipliers=multipliers, off=np.inf)
    penalty = np.ones(multipliers.size)
    for _ in range(STEPS):
        model = _model(program, point.near, point.multipliers)
        if model is None:
            return replace(point, off=np.inf) if best.off > SURE else best
        step, multipliers = model
        penalty = np.maximum(penalty / 2.0, 2.0 * multipliers)
        v, near = _move(program, point.v, point.near, step, penalty)
        multipliers = np.where(program.targets > 0, program.targets / near.values, multipliers)
        stays = (v == point.v).all()
        point = Point.of(program, v, near, multipliers)
        priced = _priced(program, point)
        best = min(best, point, priced, key=lambda each: each.off)
        if min(point.off, priced.off) <= CLOSE or stays:
            ends = (_newton(program, one) for one in (point, priced))
            best = min(best, *ends, key=lambda each: each.off)
        if best.off <= GOOD or stays or not np.abs(v).max() <= FAR:
            break
    return best


def violation(program: ConcaveProgram, near: Local, multipliers: Floats) -> float:
    """Return the worst violation of the optimality conditions."""
    used = multipliers != 0  # the gradient of an idle constraint may be infinite
    slope = program.objective + multipliers[used] @ near.gradients[used]
    size = 1.0 + np.abs(multipliers[used]) @ np.abs(near.gradients[used])
    pairs = np.maximum(near.values, 0.0) * multipliers - program.targets
    parts = (np.abs(slope / size), np.abs(pairs), -near.values, -multipliers)
    worst = float(np.concatenate(parts).max())
    return worst if np.isfinite(worst) else np.inf


def _curvature(program: ConcaveProgram, near: Local, multipliers: Floats) -> Floats:
    """Return minus the Hessian of the Lagrangian, with the logarithms' own curvature."""
    logs = near.gradients[program.targets > 0]
    root = (np.sqrt(program.targets) / near.values)[program.targets > 0]
    bent: Floats = (logs.T * root**2) @ logs - near.hessian(multipliers)
    return bent


def _model(program: ConcaveProgram, near: Local, multipliers: Floats) -> tuple[Floats, Floats] | None:
    """Return the best step of the quadratic model, and its multipliers; None if the tangents leave nothing feasible."""
    plain, count = program.targets == 0, program.start.size
    slope = program.objective + (program.targets / near.values)[~plain] @ near.gradients[~plain]
    bent = _curvature(program, near, multipliers)
    if bent.any():  # differences of gradients leave it indefinite by rounding
        sizes, axes = np.linalg.eigh(bent)
        bent = (axes * np.maximum(sizes, 0.0)) @ axes.T
    finite = plain & np.isfinite(near.gradients).all(axis=1)
    model = bent + PROXIMITY * np.eye(count)
    answer = _clarabel(model, -slope, -near.gradients[finite], near.values[finite])
    if "Infeasible" in str(answer.status):
        return None
    prices = np.zeros(plain.size)
    price, slack = np.array(answer.z), np.array(answer.s)
    prices[finite] = np.where(price > slack, price, 0.0)  # what is left of the others is no price
    return np.array(answer.x), prices


def _move(
    program: ConcaveProgram, v: Floats, near: Local, step: Floats, penalty: Floats
) -> tuple[Floats, Local]:
    """Take as much of a step as the functions allow and improves the objective less a price on broken constraints."""
    logs = program.targets > 0
    inside = logs | (np.arange(logs.size) < program.strict)

    def merit(v: Floats, near: Local) -> float:
        terms = program.targets[logs] @ np.log(near.values[logs])
        worth = program.objective @ v + terms + penalty[~logs] @ np.minimum(near.values[~logs], 0.0)
        usable = np.isfinite(near.gradients).all() and (near.values[logs] > 0).all()
        return float(worth) if usable and np.isfinite(worth) else -np.inf

    fall = -(near.gradients[inside] @ step) / np.maximum(near.values[inside], np.finfo(float).tiny)
    reach, before = BOUNDARY / max(float(fall.max(initial=0.0)), BOUNDARY), merit(v, near)
    room = 1e-14 * (1.0 + abs(before))
    for share in (reach / 2.0**k for k in range(HALVINGS)):
        ahead = v + share * step
        there = program.at(ahead)
        if merit(ahead, there) >= before - room:
            return ahead, there
    return v, near


def _priced(program: ConcaveProgram, point: Point) -> Point:
    """Return a point with multipliers, of constraints beside it, that come nearest to the conditions of optimality."""
    from scipy.optimize import nnls

    near = point.near
    size = np.linalg.norm(near.gradients, axis=1)
    plain = np.flatnonzero((program.targets == 0) & (near.values <= CLOSE) & np.isfinite(size) & (size > 0))
    if not plain.size:  # SciPy's solver crashes without a column
        return point
    logs = program.targets > 0
    multipliers = np.where(logs, program.targets / near.values, 0.0)
    slope = program.objective + multipliers[logs] @ near.gradients[logs]
    try:
        prices, _ = nnls((near.gradients[plain] / size[plain, None]).T, -slope)
    except (RuntimeError, ValueError):
        return point
    multipliers[plain] = prices / size[plain]
    return Point.of(program, point.v, near, multipliers)


def _newton(program: ConcaveProgram, point: Point) -> Point:
    """Take Newton steps with the constraints that seem to bind as equations, as long as that helps."""
    plain = program.targets == 0
    active = plain & (point.multipliers > point.near.values)
    for _ in range(NEWTON):
        new, wanted = _on(program, point, active)
        if new.off < point.off:
            point, wanted = new, plain & (new.multipliers > new.near.values)
        elif (wanted == active).all():
            break
        active = wanted
    return point


def _on(program: ConcaveProgram, point: Point, active: NDArray[np.bool_]) -> tuple[Point, NDArray[np.bool_]]:
    """Take a Newton step with these constraints as equations; say which ones bind at its end."""
    logs, near, count = program.targets > 0, point.near, int(active.sum())
    rows, price = near.gradients[active], program.targets[logs] / near.values[logs]
    bent = _curvature(program, near, np.where(active | logs, point.multipliers, 0.0))
    system = np.block([[bent + SOFT * np.eye(point.v.size), -rows.T], [rows, SOFT * np.eye(count)]])
    slope = program.objective + price @ near.gradients[logs] + point.multipliers[active] @ rows
    try:
        step = np.linalg.solve(system, np.concatenate((slope, -near.values[active])))
    except np.linalg.LinAlgError:
        return replace(point, off=np.inf), active
    v, multipliers = point.v + step[: point.v.size], np.zeros(active.size)
    there = program.at(v)
    multipliers[active] = point.multipliers[active] + step[point.v.size :]
    multipliers[logs] = program.targets[logs] / there.values[logs]
    new = Point.of(program, v, there, multipliers)
    broken = (program.targets == 0) & (there.values < 0)
    return new, np.where(active, multipliers > 0, broken)


EDGE = 1e-6  # on a bound, differences are taken this much further in
STEP = 1e-5  # of the room to the nearest bound, for differences of gradients

Vector = Callable[[Floats], ArrayLike]
Rows = tuple[Floats, Floats]
"""A matrix and what is added to its product with a vector."""
Bend = Callable[[Floats], tuple[float, Floats, Floats]]
"""A concave function: takes y and returns its value, its gradient and the diagonal of its Hessian."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """The best decision, the other variables y of its program, the multipliers, and the violation of the conditions.

    Multipliers are in the order of `Decisions.slacks`, then of the utilities with a finite offset, then of the rows
    that bound y alone, then of y if it has weights, then of the concave constraint on y.
    """

    decision: Floats
    rest: Floats
    multipliers: Floats
    off: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decisions:
    """Decisions z = start + width * u with their constraints, and utilities in units of `span`.

    Attributes
    ----------
    lower, upper, start, width : ndarray, shape (k,)
    matrix, limits : ndarray, shapes (m, k) and (m,)
    utilities, jacobian : callable
    constraints, constraint_jacobian : callable
        Give empty arrays where there are none.
    rough : pair of callables
        The two Jacobians, to a few digits: second derivatives are their differences.
    span : ndarray, shape (n,)
    """

    lower: Floats
    upper: Floats
    start: Floats
    width: Floats
    matrix: Floats
    limits: Floats
    utilities: Vector
    jacobian: Vector
    constraints: Vector
    constraint_jacobian: Vector
    rough: tuple[Vector, Vector]
    span: Floats
    _size: Floats = field(init=False)  # of the linear constraints' gradients
    # gradients of bounds and linear constraints, which are the same everywhere
    _steady: Floats = field(init=False)

    def __post_init__(self) -> None:
        rows, eye = self.matrix * self.width, np.eye(self.start.size)
        size = np.abs(rows).max(axis=1, initial=0.0)
        size = np.where(size > 0, size, 1.0)
        steady = (eye[np.isfinite(self.lower)], -eye[np.isfinite(self.upper)], -rows / size[:, None])
        fill(self, _size=size, _steady=np.concatenate(steady))

    def at(self, unit: Floats) -> Floats:
        """Return a decision from its scaled coordinates, clipped to its bounds."""
        return np.clip(self.start + self.width * unit, self.lower, self.upper)

    def payoffs(self, z: Floats) -> Floats:
        """Return the payoffs of a decision."""
        return np.asarray(self.utilities(z), dtype=float)

    def slopes(self, z: Floats) -> Floats:
        """Return the scaled gradients of the utilities."""
        return np.asarray(self.jacobian(z), dtype=float) * self.width / self.span[:, None]

    def slacks(self, z: Floats) -> tuple[Floats, Floats]:
        """Return the scaled slacks of bounds, linear and convex constraints, and their gradients."""
        values = (
            ((z - self.lower) / self.width)[np.isfinite(self.lower)],
            ((self.upper - z) / self.width)[np.isfinite(self.upper)],
            (self.limits - self.matrix @ z) / self._size,
            -np.asarray(self.constraints(z), dtype=float).reshape(-1),
        )
        bends = np.asarray(self.constraint_jacobian(z), dtype=float).reshape(-1, z.size)
        return np.concatenate(values), np.concatenate((self._steady, -bends * self.width))

    def most(self, z: Floats, slope: Floats) -> float:
        """Return the largest change by a scaled slope from z to the bounds; without a bound, to the size of z."""
        size = 1.0 + np.abs((z - self.start) / self.width)
        up, down = ((end - z) / self.width for end in (self.upper, self.lower))
        up, down = np.where(np.isfinite(up), up, size), np.where(np.isfinite(down), down, -size)
        return float(np.maximum(slope * up, slope * down).sum())

    def curvature(self, z: Floats, prices: Floats, multipliers: Floats) -> Floats:
        """Return the Hessian of prices . u - multipliers . h, by central differences within the bounds."""
        k = z.size
        edge = EDGE * self.width * ((z == self.lower) | (z == self.upper))
        z = np.clip(z, self.lower + edge, self.upper - edge)
        room = np.minimum(np.minimum(z - self.lower, self.upper - z) / self.width, 1.0) * STEP
        gains, bends = self.rough

        def slope(z: Floats) -> Floats:
            convex = np.asarray(bends(z), dtype=float).reshape(-1, k)
            return np.asarray(
                ((prices / self.span) @ np.asarray(gains(z)) - multipliers @ convex) * self.width
            )

        steps = np.diag(room * self.width)
        curvature = np.array([slope(z + h) - slope(z - h) for h in steps]) / (2 * room[:, None])
        return np.asarray((curvature + curvature.T) / 2)

    def solve(
        self,
        objective: Floats,
        weights: Floats,
        matrix: Floats,
        offset: Floats,
        *,
        alone: Rows | None = None,
        bend: Bend | None = None,
    ) -> Choice:
        """Maximise objective . y + weights . log y over u(z) >= span * (matrix y) + offset and decisions z.

        With `alone`, rows and their room, also subject to rows y + room >= 0; and with `bend` to bend(y) >= 0.
        """
        k, eye = self.start.size, np.eye(objective.size)
        rows, room = (eye[:0], np.empty(0)) if alone is None else alone
        logs = len(eye) if weights.any() else 0
        own = np.concatenate((rows, eye[:logs])), np.append(room, np.zeros(logs))
        targets = np.concatenate((np.zeros(len(rows)), weights[:logs], np.zeros(0 if bend is None else 1)))
        found = maximise(self._program(objective, targets, matrix, offset, own, bend))
        return Choice(
            decision=self.at(found.v[:k]), rest=found.v[k:], multipliers=found.multipliers, off=found.off
        )

    def _program(
        self, objective: Floats, targets: Floats, matrix: Floats, offset: Floats, own: Rows, bend: Bend | None
    ) -> ConcaveProgram:
        k, kept = self.start.size, np.isfinite(offset)
        plain = self.slacks(self.start)[0].size + int(kept.sum())
        return ConcaveProgram(
            objective=np.append(np.zeros(k), objective),
            targets=np.append(np.zeros(plain), targets),
            at=lambda v: self._near(v, kept, offset, matrix, own, bend),
            start=np.append(np.zeros(k), np.ones(objective.size)),
            strict=int(np.isfinite(self.lower).sum() + np.isfinite(self.upper).sum()),
        )

    def _near(
        self, v: Floats, kept: NDArray[np.bool_], offset: Floats, matrix: Floats, own: Rows, bend: Bend | None
    ) -> Local:
        """Describe, near (u, y), slacks, utilities less their claims, and linear and concave constraints on y."""
        k, (lines, room) = self.start.size, own
        z, y = self.at(v[:k]), v[k:]
        slack, rows = self.slacks(z)
        worth = (self.payoffs(z) - np.where(kept, offset, 0.0)) / self.span - matrix @ y
        value, slope, curve = (0.0, y, y) if bend is None else bend(y)
        lines = lines if bend is None else np.vstack((lines, slope))
        first, last = slack.size, slack.size + int(kept.sum())
        gradients = np.zeros((last + len(lines), v.size))
        gradients[:first, :k] = rows
        gradients[first:last, :k], gradients[first:last, k:] = self.slopes(z)[kept], -matrix[kept]
        gradients[last:, k:] = lines

        def hessian(multipliers: Floats) -> Floats:
            prices, curved = np.zeros(self.span.size), np.zeros((v.size, v.size))
            prices[kept] = multipliers[first:last]
            curved[:k, :k] = self.curvature(z, prices, multipliers[len(self._steady) : first])
            if bend is not None:
                curved[range(k, v.size), range(k, v.size)] = multipliers[-1] * curve
            return curved

        return Local(
            values=np.concatenate((slack, worth[kept], own[0] @ y + room, [] if bend is None else [value])),
            gradients=gradients,
            hessian=hessian,
        )


def box(lower: ArrayLike, upper: ArrayLike, start: ArrayLike | None) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the bounds, the unit of each decision and where to start."""
    low, high = (
        np.atleast_1d(real(a, name, finite=False)) for a, name in ((lower, "lower"), (upper, "upper"))
    )
    if low.ndim != 1 or low.shape != high.shape:
        raise InvalidInput(
            f"`lower` and `upper` must have one entry per decision; got shapes {low.shape} and {high.shape}."
        )
    if not (low < high).all():
        k = int(np.argmax(~(low < high)))
        raise InvalidInput(f"`lower` must be below `upper`; got {low[k]:g} and {high[k]:g} for decision {k}.")
    bounded = np.isfinite(high - low)
    near = np.where(np.isfinite(low), low, np.where(np.isfinite(high), high, 0.0))
    width = np.where(bounded, np.where(bounded, high - low, 1.0), 1.0 + np.abs(near))
    if start is None:
        inward = np.where(np.isfinite(low), 1.0, np.where(np.isfinite(high), -1.0, 0.0))
        return low, high, width, near + np.where(bounded, 0.5, inward) * width
    middle = np.atleast_1d(real(start, "start"))
    if middle.shape != low.shape or not ((middle > low) & (middle < high)).all():
        raise InvalidInput(f"`start` must lie strictly between `lower` and `upper`; got {middle.tolist()}.")
    return low, high, width, middle


def linear(matrix: ArrayLike | None, limits: ArrayLike | None, k: int) -> tuple[Floats, Floats]:
    """Return the linear constraints, of which there may be none."""
    if matrix is None and limits is None:
        return np.empty((0, k)), np.empty(0)
    if matrix is None or limits is None:
        raise InvalidInput("`matrix` and `limits` must be given together; got one of them.")
    rows, right = real(matrix, "matrix", ndim=2), real(limits, "limits", ndim=1)
    if rows.shape != (right.size, k):
        raise InvalidInput(
            f"`matrix` must have shape ({right.size}, {k}), a row per limit and a column per decision; "
            f"got {rows.shape}."
        )
    return rows, right


def checked(names: tuple[str, str], function: Vector, jacobian: Vector, z: Floats, room: Floats) -> Floats:
    """Return the gradients at a decision, after a comparison with differences of the function."""
    for name, value in zip(names, (function, jacobian), strict=True):
        if not callable(value):
            raise InvalidInput(f"`{name}` must be callable on a decision; got {value!r}.")
    values = real(function(z), f"{names[0]}(start)", ndim=1, payoffs=True)
    slopes = real(jacobian(z), f"{names[1]}(start)")
    if slopes.shape != (values.size, z.size):
        raise InvalidInput(
            f"`{names[1]}` must return shape ({values.size}, {z.size}), a row per value of `{names[0]}`; "
            f"got {slopes.shape}."
        )
    steps = room * np.eye(z.size)
    ahead, behind = (np.array([real(function(z + s * h), names[0]) for h in steps]).T for s in (1, -1))
    wrong = np.abs((ahead - behind) - 2 * slopes * room) > 1e-3 * np.abs(2 * slopes * room).max(
        axis=1, keepdims=True
    )
    wrong &= np.abs(ahead - behind) + np.abs(slopes * room) > 1e-9 * (
        np.abs(values).max() + np.abs(slopes * room).max()
    )
    if wrong.any():
        i, j = (int(index) for index in np.argwhere(wrong)[0])
        raise InvalidInput(
            f"`{names[1]}` must hold the gradients of `{names[0]}`; entry ({i}, {j}) is {slopes[i, j]:.6g} at the "
            f"start and differences give {((ahead - behind)[i, j] / (2 * room[j])):.6g}."
        )
    return slopes


FLAT = 1e-12  # of the losses: a power below 2 bends without bound where there is none


def least_powers(
    decisions: Decisions, ideal: Floats, weights: Floats, floor: Floats, power: float, loss: float
) -> tuple[Floats, float]:
    """Return the x from `floor` to `ideal` with the least sum of (weights * (ideal - x))**power, and its error.

    The power is at least 1; `loss` is about the size of the weighted losses at the answer. The error bounds how much
    less another point of the set can lose, from the gradient divided by its largest entry as prices.
    """
    n, span, bound = ideal.size, decisions.span, np.isfinite(floor)
    eye, unit, room = np.eye(n, n + 1), weights * span / loss, ((ideal - floor) / span)[bound]
    fall = eye / unit[:, None]  # of payoffs, in units of the span, by a loss of one

    def bend(y: Floats) -> tuple[float, Floats, Floats]:
        each = np.maximum(y[:n], 0.0)
        slope, curve = -power * each ** (power - 1), np.maximum(each, FLAT) ** (power - 2)
        curve *= -power * (power - 1)
        return float(y[n] - (each**power).sum()), np.append(slope, 1.0), np.append(curve, 0.0)

    rows = np.concatenate((eye, -fall[bound])), np.append(np.zeros(n), room)
    if power == 1:
        alone = rows[0][:, :n], rows[1]
        found = decisions.solve(-np.ones(n), np.zeros(n), -fall[:, :n], ideal, alone=alone)
    else:
        found = decisions.solve(
            np.append(np.zeros(n), -1.0), np.zeros(n + 1), -fall, ideal, alone=rows, bend=bend
        )
    payoffs = decisions.payoffs(found.decision)
    short = (ideal - payoffs) / span
    worth = power * unit * (unit * np.maximum(short, 0.0)) ** (power - 1)
    price = float((worth / (weights * span)).max())
    gap = _gap(decisions, found, worth, short, room, bound)
    return np.minimum(payoffs, ideal), gap / price if found.off <= SURE and price > 0 else np.nan


def _gap(
    decisions: Decisions, found: Choice, worth: Floats, short: Floats, room: Floats, bound: NDArray[np.bool_]
) -> float:
    """Bound by how much less another decision can lose, with prices p and multipliers s of the floor, p <= worth + s.

    By concavity no decision loses less than p . short - s . room, up to the remaining gradient.
    """
    z, loss = found.decision, np.maximum(short, 0.0)
    slack, rows = decisions.slacks(z)
    parts = np.split(found.multipliers, np.cumsum([slack.size, loss.size, loss.size, room.size]))
    plain, prices, _, low = (np.maximum(part, 0.0) for part in parts[:4])
    dear = worth.copy()
    dear[bound] += low
    prices = np.minimum(prices, dear)
    unpaid = (dear - prices) @ loss + prices @ (loss - short) + low @ (room - loss[bound])
    paid, held = prices > 0, plain > 0  # the gradient of what has no price may be infinite
    left = prices[paid] @ decisions.slopes(z)[paid] + plain[held] @ rows[held]
    over = max(float(-slack.min(initial=0.0)), float((loss[bound] - room).max(initial=0.0)))
    return max(float(unpaid + plain @ np.maximum(slack, 0.0)) + decisions.most(z, left), over)
