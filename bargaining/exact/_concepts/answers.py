r"""The concepts in rationals: the exact answer where it is rational, and otherwise a box that contains it.

With three or more players the Nash solution is not rational in general. Newton's method in rationals finds a feasible x
close to the solution, and the duality gap of x, :math:`g = \max_y \sum_i w_i (y_i - d_i)/(x_i - d_i) - 1`, is computed
exactly. Let :math:`r_i` be the ratio of player i's gain at the solution to that at x. By optimality :math:`\sum w_i /
r_i \le 1`, and by the gap :math:`\sum w_i r_i \le 1 + g`; so :math:`w_i (r_i + 1/r_i - 2) \le g` for each player, which
bounds :math:`r_i`.

The point nearest to the ideal a is rational, and one step of the same method finds it. With losses :math:`l = a - x`
the sum :math:`\frac12 \sum l^2` exceeds its least value by at most :math:`g = \max_y l \cdot (y - x)`, and so
no loss is further than :math:`\sqrt{2 g}` from that of the nearest point. If x is exact, g is 0.

Every float is a rational number, so answers are exact for float data too. A polytope, `Body`, is the set of payoffs
:math:`x = o + B s` over the :math:`s \ge 0` with :math:`A s \le b`. If it is given by points, o is one of them and s
are the shares of the others; if by inequalities, s has the positive and the negative parts of x. Queries are linear
programs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from math import isqrt
from typing import Any

import numpy as np

from bargaining._rational import Rationals, floats, fractions, maximise, solve
from bargaining.errors import Status
from bargaining.exact.certify import Claim, Number
from bargaining.feasible._polygon import clip, pareto, ring
from bargaining.feasible.surplus import TransferableSurplus

Vector = tuple[Fraction, ...]
Pair = tuple[Fraction, Fraction]
ZERO, ONE = Fraction(0), Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Body:
    """A polytope and a disagreement point, in Fractions."""

    origin: Rationals  # o, (n,)
    basis: Rationals  # B, (n, m)
    rows: Rationals  # A, (k, m)
    limits: Rationals  # b, (k,)
    disagreement: Vector
    points: list[Vector] | None  # that the set is given by
    halfspaces: tuple[Rationals, Rationals] | None  # that the set is given by: a matrix and bounds
    free_disposal: bool  # whether everything below a mixture of the points is feasible

    @property
    def what(self) -> str:
        """A description of the set."""
        n = len(self.disagreement)
        return "a polygon" if n == 2 else f"a polytope of {n} players"

    def most(self, weights: Iterable[Fraction | int], floor: Vector | None = None) -> Fraction | None:
        """Return the largest weights . x over the feasible x >= floor, None if there is none; or OverflowError."""
        x = self._best(weights, floor)
        return None if x is None else dot(weights, x)

    def top(self, weights: Vector) -> Vector | None:
        """Return a feasible point with the largest weights . x; None if nothing is feasible."""
        return self._best(weights, None)

    def _best(self, weights: Iterable[Fraction | int], floor: Vector | None) -> Vector | None:
        rows, limits = self.rows, self.limits
        if floor is not None:
            rows = np.concatenate((rows, -self.basis))
            limits = np.concatenate((limits, self.origin - vector(floor)))
        found = maximise(vector(weights) @ self.basis, rows, limits)
        return None if found is None else tuple(self.origin + self.basis @ vector(found.solution))

    def ideal(self, floor: Vector | None = None) -> Vector | None:
        """Return each player's largest payoff over the feasible x >= floor, d by default; None if there are none."""
        low = self.disagreement if floor is None else floor
        best = [self.most(row, low) for row in np.eye(len(low), dtype=int).tolist()]
        return None if None in best else tuple(x for x in best if x is not None)

    def furthest(
        self, origin: Vector, step: Vector, *, below: bool = False, nearest: bool = False
    ) -> Fraction | None:
        """Return the largest t >= 0 with origin + t * step in the set, or the smallest; None if there is none.

        With `below`, a point of the ray also counts if some feasible point is at least as good for everyone.
        """
        above = np.column_stack((vector(step), -self.basis))
        room = self.origin - vector(origin)
        rows = [np.column_stack((np.full(len(self.rows), ZERO), self.rows)), above]
        limits = [self.limits, room]
        if not below:
            rows, limits = [*rows, -above], [*limits, -room]
        goal = np.full(above.shape[1], ZERO)
        goal[0] = -ONE if nearest else ONE
        found = maximise(goal, np.concatenate(rows), np.concatenate(limits))
        return None if found is None else found.solution[0]

    def contains(self, x: Vector) -> bool:
        """Say whether x is feasible."""
        return self.furthest(x, (ZERO,) * len(x), nearest=True) is not None

    def spans(self) -> Vector:
        """Return a size for each player: the range of the points, or 1."""
        columns = zip(*(self.points or [self.disagreement]), strict=True)
        return tuple(max(c) - min(c) or ONE for c in columns)

    def frontier(self, ideal: Vector) -> list[Pair]:
        """Return the corners of two players' Pareto frontier at or above d, the best for player 1 first."""
        low = self.disagreement
        (left, down), (right, up) = low, ideal
        corners: list[Pair] = [(left, down), (right, down), (right, up), (left, up)]
        if self.halfspaces is not None:
            for (a, b), limit in zip(self.halfspaces[0].tolist(), self.halfspaces[1], strict=True):
                corners = clip(corners, (a, b), limit)
        else:
            pairs: list[Pair] = [(x, y) for x, y in self.points or []]
            if self.free_disposal:
                first, last = (min(c) for c in zip(*pairs, low, strict=True))
                pairs += [(first, last), (first, max(y for _, y in pairs)), (max(x for x, _ in pairs), last)]
            corners = clip(clip(ring(pairs), (-ONE, ZERO), -left), (ZERO, -ONE), -down)
        return pareto(ring(corners))


def body_of(claim: Claim) -> Body:
    """Return the polytope, or the surplus, that a claim is about."""
    n, feasible = len(claim.payoffs), claim.feasible
    if isinstance(feasible, TransferableSurplus):
        matrix, limits = fractions(np.ones((1, n))), vector([claim.at_cell(feasible.total)])
    elif feasible.inequalities is not None:
        matrix, limits = fractions(feasible.inequalities[0]), fractions(feasible.inequalities[1])
    else:
        known = feasible.points if feasible.exact is None else np.array(feasible.exact, dtype=object)
        return mixtures(fractions(known), claim.disagreement, free_disposal=feasible.free_disposal)
    unit = fractions(np.eye(n))
    return Body(
        origin=np.full(n, ZERO),
        basis=np.concatenate((unit, -unit), axis=1),
        rows=np.concatenate((matrix, -matrix), axis=1),
        limits=limits,
        disagreement=tuple(vector(claim.disagreement)),
        points=None,
        halfspaces=(matrix, limits),
        free_disposal=False,
    )


def mixtures(points: Rationals, disagreement: Sequence[Number], *, free_disposal: bool) -> Body:
    """Return the mixtures of points, shape (m, n), with everything below them if there is free disposal."""
    n = points.shape[1]
    basis = (points[1:] - points[0]).T
    rows = np.full((1, len(points) - 1), ONE)
    if free_disposal:
        basis = np.concatenate((basis, -fractions(np.eye(n))), axis=1)
        rows = np.concatenate((rows, np.full((1, n), ZERO)), axis=1)
    return Body(
        origin=points[0],
        basis=basis,
        rows=rows,
        limits=vector([1]),
        disagreement=tuple(vector(disagreement)),
        points=[tuple(row) for row in points.tolist()],
        halfspaces=None,
        free_disposal=free_disposal,
    )


def dot(x: Iterable[Fraction | int], y: Iterable[Fraction]) -> Fraction:
    """Return the sum of products."""
    return sum((a * b for a, b in zip(x, y, strict=True)), ZERO)


def difference(x: Vector, y: Vector) -> Vector:
    """Return x - y."""
    return tuple(a - b for a, b in zip(x, y, strict=True))


def vector(values: Iterable[Any]) -> Rationals:
    """Return a vector of Fractions."""
    listed = [Fraction(v) for v in values]
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return array


Derivatives = Callable[[Rationals], tuple[Rationals, Rationals]]
"""Takes payoffs; returns the gradient of a function, and by how much each entry falls."""

BITS = 256  # binary digits of numbers that are not rational: far more than a float has
IDLE = 1e-9  # smaller shares and slacks count as zero: a thousand times the accuracy of divisions


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A box of payoffs that contains the answer: a single point if it is rational, None if there is no answer."""

    low: tuple[Fraction, ...] | None
    high: tuple[Fraction, ...] | None
    status: Status

    @property
    def payoffs(self) -> tuple[Fraction, ...] | None:
        """The answer if it is rational; None otherwise."""
        return self.low if self.low == self.high else None


def point_enclosure(payoffs: tuple[Fraction, ...] | None, status: Status) -> Enclosure:
    """Return the enclosure of an answer that is known exactly, or of None if there is no answer."""
    return Enclosure(low=payoffs, high=payoffs, status=status)


def rational_answer(body: Body, concept: str, parameter: Any = None) -> Enclosure:
    """Return the answer of a concept in `RATIONAL`, with its status."""
    ideal = body.ideal()
    payoffs = None if ideal is None else RATIONAL[concept](body, ideal, parameter)
    if payoffs is None or ideal is None:
        return point_enclosure(None, Status.EMPTY)
    return point_enclosure(
        payoffs, Status.OK if min(difference(ideal, body.disagreement)) > 0 else Status.DEGENERATE
    )


def gupta_livne(body: Body, ideal: Vector, reference: Vector) -> Vector | None:
    """Follow the ray to the ideal point from a reference, which is at least d and not better than a feasible point."""
    low = any(r < d for r, d in zip(reference, body.disagreement, strict=True))
    return (
        None
        if low or body.ideal(reference) is None
        else ray_end(body, reference, difference(ideal, reference))
    )


def dictatorial(body: Body, ideal: Vector, player: int) -> Vector | None:
    """Give one player the ideal payoff and the others d, if that is feasible."""
    point = tuple(ideal[i] if i == player else d for i, d in enumerate(body.disagreement))
    return point if body.contains(point) else None


def least_losses(body: Body, ideal: Vector, _: None) -> Vector:
    """Lower the largest loss from the ideal point, then the second largest, and so on."""
    far = max(difference(ideal, body.disagreement))
    return lexicographic(body, (ONE,) * len(ideal), tuple(a - far for a in ideal))


def ray_end(body: Body, origin: Vector, step: Vector, *, nearest: bool = False) -> Vector | None:
    """Return the last, or the nearest, feasible point of a ray."""
    if not any(step):
        return origin if body.contains(origin) else None
    t = body.furthest(origin, step, nearest=nearest)
    return (
        None if t is None else interpolate(origin, tuple(o + p for o, p in zip(origin, step, strict=True)), t)
    )


def lexicographic(body: Body, direction: Vector, start: Vector | None = None) -> Vector:
    """Raise all payoffs in a direction; a player who cannot gain any more stays.

    The start is the disagreement point, or a point that some feasible point weakly dominates.
    """
    x, free = start or body.disagreement, [p > 0 for p in direction]
    while any(free):
        step = tuple(p if f else ZERO for p, f in zip(direction, free, strict=True))
        t = body.furthest(x, step, below=True)
        assert t is not None
        x = tuple(v + t * p for v, p in zip(x, step, strict=True))
        ideal = body.ideal(x) or x
        free = [f and most > here for f, most, here in zip(free, ideal, x, strict=True)]
    return x


RATIONAL: dict[str, Callable[[Body, Vector, Any], Vector | None]] = {
    "kalai_smorodinsky": lambda body, ideal, _: ray_end(
        body, body.disagreement, difference(ideal, body.disagreement)
    ),
    "egalitarian": lambda body, ideal, weights: ray_end(body, body.disagreement, weights),
    "equal_loss": lambda body, ideal, _: ray_end(body, ideal, (-ONE,) * len(ideal), nearest=True),
    "gupta_livne": gupta_livne,
    "dictatorial": dictatorial,
    "lexicographic_kalai_smorodinsky": lambda body, ideal, _: lexicographic(
        body, difference(ideal, body.disagreement)
    ),
    "lexicographic_egalitarian": lambda body, ideal, weights: lexicographic(body, weights),
    "least_losses": least_losses,
}
"""Concepts with rational answers: functions of the set, its ideal point, and a parameter. None is no answer."""


def interpolate(a: Vector, b: Vector, share: Fraction) -> Vector:
    """Return the point at a share of the way from a to b."""
    return tuple(x + share * (y - x) for x, y in zip(a, b, strict=True))


def nash(body: Body, weights: Sequence[Fraction]) -> Enclosure:
    """Return the Nash solution of two players, with weights that sum to one.

    Along each edge w0 log(x - d0) + w1 log(y - d1) is concave. So the walk down the frontier stops at the first vertex
    after which this sum falls, or inside the edge on which it is largest; there the first-order condition is linear in
    x. If some player cannot gain, the solution is the ideal point.
    """
    ideal = body.ideal()
    if ideal is None:
        return point_enclosure(None, Status.EMPTY)
    (d_0, d_1), (w_0, w_1) = body.disagreement, weights
    if min(difference(ideal, body.disagreement)) <= 0:
        return point_enclosure(ideal, Status.DEGENERATE)
    (left, high), *others = body.frontier(ideal)
    for right, low in others:
        width, fall = right - left, high - low
        if w_0 * (high - d_1) * width <= w_1 * (left - d_0) * fall:
            break
        if w_0 * (low - d_1) * width <= w_1 * (right - d_0) * fall:
            gain = w_0 * ((high - d_1) * width + (left - d_0) * fall) / ((w_0 + w_1) * fall)
            return point_enclosure((d_0 + gain, high - (d_0 + gain - left) * fall / width), Status.OK)
        left, high = right, low
    return point_enclosure((left, high), Status.OK)


def perles_maschler(body: Body) -> Enclosure:
    """Return a box of side 2^-200 or less around the Perles-Maschler solution.

    The frontier above d is measured with sqrt(-dx dy): a straight piece has length sqrt(|D0 D1|). The
    solution is the point that halves it, irrational in general; square roots are enclosed in rationals.
    """
    ideal = body.ideal()
    if ideal is None:
        return point_enclosure(None, Status.EMPTY)
    if min(difference(ideal, body.disagreement)) <= 0:
        return point_enclosure(ideal, Status.DEGENERATE)
    corners = body.frontier(ideal)
    roots = [square_root((b[0] - a[0]) * (a[1] - b[1])) for a, b in pairwise(corners)]
    ends = [(ZERO, ZERO), *accumulate(roots, lambda s, r: (s[0] + r[0], s[1] + r[1]))]
    box: list[Vector] = []
    for (a, b), before, root in zip(pairwise(corners), ends, roots, strict=False):
        # The share of this piece that lies before the middle of the frontier, if it can be in [0, 1].
        low = (ends[-1][0] / 2 - before[1]) / (root[1] or 1)
        high = (ends[-1][1] / 2 - before[0]) / (root[0] or 1)
        if high >= 0 and low <= 1:
            box += [interpolate(a, b, max(low, ZERO)), interpolate(a, b, min(high, ONE))]
    columns = list(zip(*(box or corners), strict=True))
    return Enclosure(low=tuple(map(min, columns)), high=tuple(map(max, columns)), status=Status.OK)


def square_root(x: Fraction) -> Pair:
    """Return rationals around a square root; their relative distance is 2^-BITS or less."""
    shift = BITS + max(0, x.denominator.bit_length() - x.numerator.bit_length())
    low = isqrt((x.numerator << 2 * shift) // x.denominator)
    return Fraction(low, 1 << shift), Fraction(low + 1, 1 << shift)


def nash_box(body: Body, weights: Vector, guess: Sequence[float]) -> tuple[Vector, Vector]:
    """Return the lowest and highest payoffs that the Nash solution of any number of players can have.

    Weights are positive and add up to one; the guess is a point near the solution, better than d for everyone.
    """
    d, w = vector(body.disagreement), vector(weights)

    def derivatives(x: Rationals) -> tuple[Rationals, Rationals]:
        return round_bits(w / (x - d)), round_bits(w / (x - d) ** 2)

    x = retract(body, newton(body, guess, derivatives, inside=lambda x: min(x - d) > 0))
    prices = w / (x - d)
    best = body.most(prices, body.disagreement)
    assert best is not None
    gap = max(best - dot(prices, d) - 1, ZERO)
    spread = [1 + (g + square_root(g * g + 4 * g)[1]) / 2 if g else ONE for g in gap / w]
    return tuple(d + (x - d) / spread), tuple(d + (x - d) * spread)


def least_squares(body: Body, ideal: Vector, guess: Sequence[float]) -> tuple[Vector, Fraction] | None:
    """Return a feasible point near a guess and how far it can be from the nearest to the ideal.

    None where somebody loses nothing.
    """
    a = vector(ideal)
    x = newton(body, guess, lambda x: (a - x, 0 * x + 1), steps=1)
    if min(a - x) < 0 or not body.contains(tuple(x)):
        x = retract(body, x)
    losses = a - x
    if min(losses) < 0:
        return None
    best = body.most(losses, tuple(a - sum(losses)))  # the nearest point loses no more than all lose at x
    assert best is not None
    gap = best - dot(losses, x)
    return tuple(x), square_root(2 * gap)[1] if gap > 0 else ZERO


def least_sum(body: Body, ideal: Vector) -> Fraction:
    """Return the least sum of losses over the set."""
    n, (k, m) = len(ideal), body.rows.shape
    losses = np.concatenate((-fractions(np.eye(n)), -body.basis), axis=1)
    rows = np.concatenate((np.concatenate((np.full((k, n), ZERO), body.rows), axis=1), losses))
    limits = np.concatenate((body.limits, body.origin - vector(ideal)))
    found = maximise(vector([-1] * n + [0] * m), rows, limits)
    assert found is not None
    return -found.value


def newton(
    body: Body,
    guess: Sequence[float],
    derivatives: Derivatives,
    *,
    steps: int = 3,
    inside: Callable[[Rationals], bool] = lambda x: True,
) -> Rationals:
    """Return where a concave function is largest on the face of a guess, by Newton's method; at worst the guess.

    Three steps take the rounding of a float to a hundred digits; on a quadratic function one is exact. `inside` says
    whether payoffs are in the domain of the function.
    """
    start = fractions(np.array(guess, dtype=float))
    columns, values, tight = _support(body, start)
    payoffs = np.concatenate((body.basis, np.full((len(start), len(body.rows)), ZERO)), axis=1)[:, columns]
    rows = np.concatenate((body.rows, fractions(np.eye(len(body.rows)))), axis=1)[np.ix_(tight, columns)]
    limits, n = body.limits[tight], len(columns)
    system = np.full((n + len(tight), n + len(tight)), ZERO)
    system[:n, n:], system[n:, :n] = rows.T, rows
    for _ in range(steps):
        x = body.origin + payoffs @ values
        if not inside(x):
            return start
        slope, bend = derivatives(x)
        system[:n, :n] = payoffs.T @ (bend[:, None] * payoffs)
        step = solve(system, np.concatenate((slope @ payoffs, limits - rows @ values)))
        if step is None:
            return start
        values = values + vector(step[:n])
        values = values if steps == 1 else round_bits(values)
    x = np.asarray(body.origin + payoffs @ values)
    return x if inside(x) else start


def _support(body: Body, x: Rationals) -> tuple[list[int], Rationals, list[int]]:
    """Return the variables and slacks that are positive at x, their values, and rows that are independent."""
    from scipy.linalg import qr
    from scipy.optimize import nnls

    spans, k = vector(body.spans()), len(body.rows)
    sizes = np.abs(floats(body.rows)).max(axis=1, initial=0)
    sizes[sizes == 0] = 1.0
    rows = floats(body.rows) / sizes[:, None]
    system = np.block([[floats(body.basis / spans[:, None]), np.zeros((len(x), k))], [rows, np.eye(k)]])
    right = np.concatenate((floats((x - body.origin) / spans), floats(body.limits) / sizes))
    try:
        values = nnls(system, right)[0]
    except RuntimeError:
        return [], x[:0], []
    columns = np.flatnonzero(values > IDLE * max(values.max(initial=0), 1)).tolist()
    pivots = qr(system[len(x) :, columns].T, mode="r", pivoting=True) if columns and k else None
    rank = 0 if pivots is None else int((np.abs(np.diag(pivots[0])) > IDLE).sum())
    tight = [] if pivots is None else pivots[1][:rank].tolist()
    scale = [sizes[c - body.basis.shape[1]] if c >= body.basis.shape[1] else 1.0 for c in columns]
    return columns, fractions(values[columns] * scale), tight


def retract(body: Body, x: Rationals) -> Rationals:
    """Return the last point on the way from d to x that some feasible point weakly dominates."""
    d = body.disagreement
    t = body.furthest(d, difference(tuple(x), d), below=True)
    assert t is not None
    return np.asarray(vector(d) + min(t, ONE) * (x - vector(d)))


def round_bits(values: Rationals) -> Rationals:
    """Return fractions of about `BITS` significant binary digits."""
    scales = [BITS - x.numerator.bit_length() + x.denominator.bit_length() for x in values]
    return vector(round(x * Fraction(2) ** s) / Fraction(2) ** s for x, s in zip(values, scales, strict=True))
