"""Several issues at once: concave utilities of a decision the players take together.

Gradients that are not given come from differences, which stay within the bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import function as callable_of
from bargaining._arrays import EPS, LARGEST, SMALLEST, Floats, by_cell, by_player, fill, real
from bargaining._calls import suggesting
from bargaining._rich import Shown
from bargaining.errors import InvalidInput
from bargaining.feasible._concave import SURE, Choice, Decisions, Vector, box, checked, least_powers, linear
from bargaining.feasible._root import slopes
from bargaining.feasible.base import of_one_cell, product_by_cell, question

ROUNDING = 1e-12  # of payoffs: differences below this are none


@dataclass(frozen=True, slots=True, eq=False, init=False)
class ConvexProgram(Shown, line=False):
    r"""The payoffs {x : x <= u(z) for some decision z with lower <= z <= upper, matrix z <= limits, h(z) <= 0}.

    Every u_i is concave and every h_j convex. With free disposal the set is convex.

    Parameters
    ----------
    utilities : callable
        u: takes a decision, shape (k,), and returns the payoffs, shape (n,).
    jacobian : callable, optional
        The gradients of u, shape (n, k). By default they are computed by differences, to about 13 digits where u is
        smooth between the bounds; answers then take several times as long, and there are no certificates.
    lower, upper : array_like, shape (k,)
        Bounds of the decision; u need not be defined beyond them, nor smooth on them. -inf and inf are allowed.
    matrix, limits : array_like, shapes (m, k) and (m,), optional
        Linear constraints.
    constraints, constraint_jacobian : callable, optional
        h, shape (p,), and its gradients, shape (p, k); differences by default too.
    start : array_like, shape (k,), optional
        A decision strictly between the bounds, at which the search starts; the middle by default. It need not meet the
        other constraints.

    Raises
    ------
    InvalidInput
        If a shape is wrong, bounds cross, a function fails at the start, or a Jacobian is not its function's.

    Notes
    -----
    Each method solves a small concave program by a sequence of quadratic programs, finished by Newton's method, until
    the optimality conditions hold up to rounding; second derivatives are differences of the gradients and affect the
    speed only. Where the gradients are wrong, or u is not concave, the conditions are not those of a maximum: the
    constructor compares gradients with differences at the start.

    The residual of `product` bounds the duality gap: at the prices p = w / (u(z) - d) no feasible decision is worth
    more than z by more than the multipliers times the slacks, plus the remaining gradient times the distance to the
    bounds.

    Examples
    --------
    Two issues, of which each player cares more for one:

    >>> import numpy as np
    >>> from bargaining import ConvexProgram, Problem, nash
    >>> value = np.array([[3.0, 1.0], [1.0, 3.0]])
    >>> def utilities(z):  # shares of player 0 in the two issues
    ...     return np.array([value[0] @ np.sqrt(z), value[1] @ np.sqrt(1 - z)])
    >>> def jacobian(z):
    ...     return np.array([value[0] / 2 / np.sqrt(z), -value[1] / 2 / np.sqrt(1 - z)])
    >>> both = ConvexProgram(utilities, jacobian, lower=[0, 0], upper=[1, 1])
    >>> nash(Problem(both, [0, 0])).payoffs.round(12)
    array([3.16227766, 3.16227766])

    Without gradients, and what to do:

    >>> division = nash(Problem(ConvexProgram(utilities, lower=[0, 0], upper=[1, 1]), [0, 0]))
    >>> division.payoffs.round(9), division.decision.round(6)
    (array([3.16227766, 3.16227766]), array([0.9, 0.1]))
    """

    players: int
    _decisions: Decisions = field(repr=False)

    @suggesting
    def __init__(
        self,
        utilities: Vector,
        jacobian: Vector | None = None,
        *,
        lower: ArrayLike,
        upper: ArrayLike,
        matrix: ArrayLike | None = None,
        limits: ArrayLike | None = None,
        constraints: Vector | None = None,
        constraint_jacobian: Vector | None = None,
        start: ArrayLike | None = None,
    ) -> None:
        low, high, width, middle = box(lower, upper, start)
        rows, right = linear(matrix, limits, low.size)
        if constraints is None and constraint_jacobian is not None:
            raise InvalidInput("`constraint_jacobian` must come with its `constraints`; got it alone.")
        rough, bent = jacobian, constraint_jacobian or _none
        if jacobian is None:
            function = callable_of(utilities, "utilities", "the decision")
            jacobian, rough = (build(function, low, high, width) for build in (differences, central))
        if constraints is not None and constraint_jacobian is None:
            convex = callable_of(constraints, "constraints", "the decision")
            constraint_jacobian = differences(convex, low, high, width, sign=-1.0)
            bent = central(convex, low, high, width)
        room = np.minimum(np.minimum(middle - low, high - middle), width)
        slopes = checked(("utilities", "jacobian"), utilities, jacobian, middle, room * 1e-4)
        if constraints is not None and constraint_jacobian is not None:
            checked(
                ("constraints", "constraint_jacobian"), constraints, constraint_jacobian, middle, room * 1e-4
            )
        span = _spans(slopes, width, [utilities(z) for z in (middle, *(middle + np.diag(room / 2)))])
        decisions = Decisions(
            lower=low,
            upper=high,
            start=middle,
            width=width,
            matrix=rows,
            limits=right,
            utilities=utilities,
            jacobian=jacobian,
            constraints=constraints or _none,
            constraint_jacobian=constraint_jacobian or _none,
            rough=(rough or jacobian, bent),
            span=span,
        )
        fill(self, players=len(slopes), _decisions=decisions)

    @property
    def disposes_freely(self) -> bool:
        """Whether payoffs can be thrown away: True."""
        return True

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the leading axes: (), one set."""
        return ()

    @question
    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the best weighted sum and a point where it is attained; unbounded for a negative weight."""
        nothing = np.full(self.players, -np.inf)
        points = by_cell(lambda w: self.support_above(w, nothing), weights, entries=self.players)
        bounded = (weights >= 0).all(axis=-1)
        return np.where(bounded, (weights * points).sum(axis=-1), np.inf), points

    @question
    def ray(self, origin: Floats, direction: Floats) -> Floats:
        """Return the largest t with origin + t * direction in the set."""
        return np.asarray(by_cell(self._ray, origin, direction))

    @question
    def ideal(self, floor: Floats) -> Floats:
        """Return each player's best payoff over the x >= floor in the set."""
        return np.asarray(by_cell(self._ideal, floor, entries=self.players))

    @question
    def contains(self, x: Floats, *, tol: float = 1e-12) -> NDArray[np.bool_]:
        """Say whether x is in the set, up to `tol` of its size."""
        return np.asarray(by_cell(lambda cell: self._reaches(cell, tol), x), dtype=bool)

    def decision(self, payoffs: ArrayLike) -> Floats:
        """Return a decision, shape (k,), that gives every player `payoffs` plus the largest possible equal gain."""
        wanted = by_player(real(payoffs, "payoffs", ndim=1), "payoffs", self.players)
        return self._last(wanted, self._decisions.span)[1].decision

    @question
    def product(self, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the point that maximises the weighted product of gains over `origin`, and its residual."""
        return product_by_cell(self._product, real(origin, "origin"), real(weights, "weights"))

    @question
    def least_powers(
        self, ideal: Floats, weights: Floats, floor: Floats, power: float
    ) -> tuple[Floats, float]:
        """Return the x from `floor` to `ideal` with the least sum of (weights * (ideal - x))**power, and its error."""
        of_one_cell(ideal=ideal, weights=weights, floor=floor)
        if not np.isfinite(ideal).all():
            return np.full(ideal.shape, np.nan), np.nan
        with np.errstate(divide="ignore"):
            loss = -float(self.ray(ideal, 1 / weights))
        if not loss > 0:
            return (np.array(ideal), 0.0) if loss <= 0 else (np.full(ideal.shape, np.nan), np.nan)
        return least_powers(self._decisions, ideal, weights, floor, power, loss)

    @question
    def support_above(self, weights: Floats, floor: Floats) -> Floats:
        """Return a point with the best weighted sum over the x >= floor, for one cell; NaN where there is none.

        A player with a negative weight stays at the floor, the others get their payoffs of the decision.
        """
        of_one_cell(weights=weights, floor=floor)
        if np.isneginf(floor[weights < 0]).any():
            return np.full(weights.shape, np.nan)
        inside, counted, bound = self._decisions, weights > 0, np.isfinite(floor)
        here = inside.payoffs(inside.start)
        if not (counted | bound).any():
            return here
        worth, least = np.where(counted, weights * inside.span, 0.0), (here - floor) / inside.span
        held, eye = bound & counted, np.eye(len(here))
        point = inside.solve(
            worth[counted] / max(float(worth.max()), np.finfo(float).tiny),
            np.zeros(counted.sum()),
            eye[:, counted],
            np.where(counted, here, floor),
            alone=(eye[np.ix_(held, counted)], least[held]),
        )
        best = np.where(weights < 0, floor, inside.payoffs(point.decision))
        return np.asarray(best) if point.off <= SURE else np.full(weights.shape, np.nan)

    def _last(self, origin: Floats, direction: Floats) -> tuple[float, Choice]:
        """Return the last t with origin + t * direction in the set; -inf where none was found."""
        step = direction / self._decisions.span
        size = float(np.abs(step).max())
        point = self._decisions.solve(np.ones(1), np.zeros(1), step[:, None] / size, origin)
        return (float(point.rest[-1]) / size if point.off <= SURE else -np.inf), point

    def _reaches(self, x: Floats, tol: float) -> bool:
        """Say whether x lies below the frontier, or a decision found by the search shows that it is feasible."""
        inside = self._decisions
        room = max(tol, 64 * EPS * (1.0 + float((np.abs(x) / inside.span).max())))
        depth, found = self._last(x, inside.span)
        if depth >= -room:
            return True
        gives, slack = inside.payoffs(found.decision), inside.slacks(found.decision)[0]
        return bool(((gives - x) / inside.span >= -room).all() and (slack >= -room).all())

    def _ray(self, origin: Floats, direction: Floats) -> float:
        if not direction.any():
            return np.inf if self.contains(origin) else -np.inf
        last = self._last(origin, direction)[0]
        if np.isfinite(last):
            return last
        # Far enough back along a player's gain her row no longer binds; only the other rows can make the program
        # infeasible.
        held = np.where(direction > 0, -np.inf, origin)
        if not (direction <= 0).any():
            return np.nan
        depth = self._depth(origin, direction) if (direction < 0).any() else self._depth(held)
        return -np.inf if depth < 0 else np.nan

    def _ideal(self, floor: Floats) -> Floats:
        """Return each player's best while the others keep their floors."""
        inside = self._decisions
        here = inside.payoffs(inside.start)
        best = np.empty(floor.shape)
        for i in range(floor.size):
            base = np.where(np.arange(floor.size) == i, here, floor)
            best[i] = here[i] + self._last(base, np.eye(floor.size)[i] * inside.span)[0] * inside.span[i]
        if not np.isfinite(best).all():
            return np.full(floor.shape, -np.inf if self._depth(floor) < 0 else np.nan)
        room = 64 * EPS * (np.abs(best) + np.abs(np.where(np.isfinite(floor), floor, 0.0)) + inside.span)
        return np.full(floor.shape, -np.inf) if (best < floor - room).any() else np.maximum(best, floor)

    def _depth(self, x: Floats, direction: Floats | None = None) -> float:
        """Return how far x, or the best point along a direction, lies below the frontier; 0 within rounding."""
        span = self._decisions.span
        columns = [np.ones(span.size)] if direction is None else [np.ones(span.size), direction / span]
        last = np.eye(len(columns))[0]
        point = self._decisions.solve(last, np.zeros(len(columns)), np.column_stack(columns), x)
        room = 1e-9 * (1.0 + float((np.abs(np.where(np.isfinite(x), x, 0.0)) / span).max()))
        return float(point.rest[0]) if point.rest[0] < -room else 0.0

    def _product(self, d: Floats, w: Floats) -> tuple[Floats, float]:
        """Maximise sum w log y over d + span * y <= u(z); a player of weight 0 has no y."""
        inside, counted = self._decisions, w > 0
        point = inside.solve(np.zeros(counted.sum()), w[counted], np.eye(w.size)[:, counted], d)
        x = inside.payoffs(point.decision)
        return x, self._gap(point, x, d, w) if point.off <= SURE else np.nan

    def _gap(self, point: Choice, x: Floats, d: Floats, w: Floats) -> float:
        """Bound the duality gap by concavity: multipliers times slacks, plus the remaining gradient.

        Prices are computed from the program's gains where x - d would round a small gain because payoffs are large.
        """
        inside, z, gain = self._decisions, point.decision, (x - d) / self._decisions.span
        if not (gain[w > 0] > 0).all():
            return np.nan
        room = 8 * EPS * (1.0 + (np.abs(x) + np.abs(d)) / inside.span)
        counted = np.clip(point.rest, (gain - room)[w > 0], (gain + room)[w > 0])
        slack, rows = inside.slacks(z)
        multipliers = np.split(point.multipliers, [slack.size, slack.size + w.size])[:2]
        prices = multipliers[1].copy()
        prices[w > 0] = w[w > 0] / counted
        left = prices @ inside.slopes(z) + multipliers[0] @ rows
        over = max(float(-slack.min(initial=0.0)), float(-gain[w == 0].min(initial=0.0)))
        spare = multipliers[0] @ np.maximum(slack, 0.0) + prices[w == 0] @ np.maximum(gain[w == 0], 0.0)
        return max(float(spare) + inside.most(z, left), over)


def _none(z: Floats) -> Floats:
    """Return no convex constraints, and none of their gradients."""
    return np.empty(0)


def _spans(slopes: Floats, width: Floats, elsewhere: list[ArrayLike]) -> Floats:
    """Return the units of the payoffs: how much they vary with the decision, or 1.

    From the gradients and from payoffs at some distance: at a player's own best decision the gradient is zero.
    """
    with np.errstate(all="ignore"):
        span, payoffs = np.abs(slopes) @ width, np.array(elsewhere, dtype=float)
        apart = np.ptp(payoffs, axis=0)
        span = np.fmax(span, np.where(apart > ROUNDING * np.abs(payoffs).max(axis=0), apart, 0.0))
    if not (((span == 0) | (span >= SMALLEST)) & (span <= LARGEST)).all():
        raise InvalidInput(
            f"`utilities` must vary by {SMALLEST:g} to {LARGEST:g}; got about {span.tolist()}. Rescale the payoffs."
        )
    return np.where(span > 0, span, 1.0)


NEAR = 0.5  # of the way to the nearer bound, where functions such as roots and logarithms may end
EDGE = 1e-7  # of the width of the bounds: on one, slopes are taken this much further in
ROUGH = 1e-4  # of the room, for one difference


def differences(
    function: Callable[[Floats], ArrayLike], lower: Floats, upper: Floats, width: Floats, sign: float = 1.0
) -> Callable[[Floats], Floats]:
    """Return the Jacobian of a function, concave times `sign`, shape (p, k); it is evaluated within the bounds only."""

    def along(z: Floats, k: int, steps: Floats) -> Floats:
        rows = [
            np.asarray(function(np.where(np.arange(z.size) == k, t, z)), dtype=float) for t in steps[:, 0]
        ]
        return sign * np.array(rows)

    def jacobian(z: Floats) -> Floats:
        at = np.clip(z, lower + EDGE * width, upper - EDGE * width)
        room = np.minimum(NEAR * np.minimum(at - lower, upper - at), 0.1 * width)
        count = np.asarray(function(at), dtype=float).shape
        columns = [
            sign * slopes(partial(along, at, k), np.full(count, x), x - room[k], x + room[k]).best()[0]
            for k, x in enumerate(at)
        ]
        return np.stack(columns, axis=-1)

    return jacobian


def central(
    function: Callable[[Floats], ArrayLike], lower: Floats, upper: Floats, width: Floats
) -> Callable[[Floats], Floats]:
    """Return the Jacobian from one difference each, to seven digits or so; within the bounds too."""

    def jacobian(z: Floats) -> Floats:
        at = np.clip(z, lower + EDGE * width, upper - EDGE * width)
        steps = ROUGH * np.minimum(np.minimum(at - lower, upper - at), width)
        ahead, back = (np.array([function(at + s * h) for h in np.diag(steps)], dtype=float) for s in (1, -1))
        slope: Floats = (ahead - back) / (2 * steps[:, None])
        return slope.T

    return jacobian
