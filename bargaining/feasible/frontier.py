"""A smooth or kinked frontier between two players, given as a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import function as callable_of
from bargaining._arrays import LARGEST, SMALLEST, Floats, real
from bargaining.errors import InvalidInput
from bargaining.feasible._differences import difference
from bargaining.feasible._root import decreasing_root
from bargaining.feasible.base import question

PROBES = 33
ROUNDING = 1e-12
EPS = float(np.finfo(float).eps)


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Frontier:
    """The two-player payoffs {x : lower <= x0 <= upper, x1 <= f(x0)} with f decreasing and concave.

    Parameters
    ----------
    function : callable
        f, elementwise: takes an array of player 0's payoffs, of the batch's shape, and returns player 1's best.
    lower, upper : array_like
        The interval of player 0's payoffs; arrays are a batch of sets, over which `function` broadcasts.
    derivative : callable, optional
        f', elementwise; at a kink either one-sided slope. Without it slopes are nine-point differences, good
        to about 1e-13 of the range where f is smooth; where it is not, the answer's status says INACCURATE.

    Raises
    ------
    InvalidInput
        If `lower` is not below `upper`, or `function` is not finite, decreasing or concave where it was probed.

    Examples
    --------
    >>> from bargaining import Frontier, Problem, nash
    >>> frontier = Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x)
    >>> nash(Problem(frontier, [0, 0])).payoffs
    array([1.15470054, 2.66666667])
    """

    function: Callable[[Floats], Floats]
    lower: Floats
    upper: Floats
    derivative: Callable[[Floats], Floats] | None
    batch_shape: tuple[int, ...] = field(repr=False)

    def __init__(
        self,
        function: Callable[..., object],
        lower: ArrayLike,
        upper: ArrayLike,
        *,
        derivative: Callable[..., object] | None = None,
    ) -> None:
        low, high = np.broadcast_arrays(
            *(real(v, name, payoffs=True) for v, name in ((lower, "lower"), (upper, "upper")))
        )
        if (low >= high).any():
            k = int(np.argmax(low >= high))
            raise InvalidInput(f"`lower` must be below `upper`; got {low.flat[k]:g} and {high.flat[k]:g}.")
        if (high - low < SMALLEST).any():
            raise InvalidInput(
                f"`upper` must be above `lower` by {SMALLEST:g} at least; got {(high - low).min():g}. "
                f"Rescale the payoffs."
            )
        object.__setattr__(self, "lower", low)
        object.__setattr__(self, "upper", high)
        object.__setattr__(self, "batch_shape", low.shape)
        object.__setattr__(self, "function", _Elementwise(callable_of(function, "function"), "function"))
        slope = (
            None if derivative is None else _Elementwise(callable_of(derivative, "derivative"), "derivative")
        )
        object.__setattr__(self, "derivative", slope)
        _probe(self)

    @property
    def players(self) -> int:
        """Number of players: 2."""
        return 2

    def slope(self, x: Floats) -> Floats:
        """Return f'(x), from `derivative` or by differences that stay within [lower, upper]."""
        return self.slope_and_error(x)[0]

    def slope_and_error(self, x: Floats) -> tuple[Floats, Floats | float]:
        """Return f'(x) and an estimate of its error: 0 with a `derivative`."""
        if self.derivative is not None:
            return self.derivative(x), 0.0
        return difference(self.function, x, self.lower, self.upper)

    @question
    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return max w0 x0 + w1 f(x0), where w0 + w1 f' passes through zero."""
        w0, w1, low, high = _together(weights[..., 0], weights[..., 1], self.lower, self.upper)
        x, _ = decreasing_root(lambda x: w0 + w1 * self.slope(x), low, high)
        point = np.stack((x, self.function(x)), axis=-1)
        value = weights[..., 0] * point[..., 0] + weights[..., 1] * point[..., 1]
        bounded = w1 >= 0
        return np.where(bounded, value, np.inf), np.where(bounded[..., None], point, np.nan)

    @question
    def ray(self, origin: Floats, direction: Floats) -> Floats:
        """Return the largest t with origin + t * direction feasible."""
        o0, o1, p0, p1, low, high = _together(
            origin[..., 0], origin[..., 1], direction[..., 0], direction[..., 1], self.lower, self.upper
        )
        upright = p0 == 0
        speed = np.where(upright, 1.0, p0)
        first, last = (np.where(upright, 0.0, t) for t in _sorted((low - o0) / speed, (high - o0) / speed))

        def gap(t: Floats) -> Floats:
            return self.function(np.minimum(np.maximum(o0 + t * p0, low), high)) - (o1 + t * p1)

        # The gap is concave in t, and decreasing along directions that hurt nobody: start from its top.
        hurts = (p0 < 0) | (p1 < 0)
        if hurts.any():
            top, _ = decreasing_root(
                lambda t: self.slope(np.clip(o0 + t * p0, low, high)) * p0 - p1, first, last
            )
            first = np.where(hurts, top, first)
        t, _ = decreasing_root(gap, first, last)
        inside = (o0 >= low) & (o0 <= high)
        with np.errstate(divide="ignore", invalid="ignore"):
            straight_up = np.where(p1 > 0, gap(np.zeros_like(o0)) / p1, np.inf)
        hit = np.where(upright, inside, gap(t) >= -self._rounding())
        return np.where(hit, np.where(upright, straight_up, t), -np.inf)

    @question
    def ideal(self, floor: Floats) -> Floats:
        """Return each player's best payoff over the x >= floor in the set."""
        f0, f1, low, high = _together(floor[..., 0], floor[..., 1], self.lower, self.upper)
        start = np.minimum(np.maximum(f0, low), high)
        top = self.function(start)
        best = high
        if not np.isneginf(f1).all():
            best, _ = decreasing_root(lambda x: self.function(x) - f1, start, high)
        empty = (f0 > high + ROUNDING * (high - low)) | (top < f1 - self._rounding())
        ideal = np.stack((np.maximum(best, f0), np.maximum(top, f1)), axis=-1)
        return np.where(empty[..., None], -np.inf, ideal)

    @question
    def contains(self, x: Floats, *, tol: float = 1e-12) -> NDArray[np.bool_]:
        """Say whether x lies under the frontier."""
        margin = tol * (self.upper - self.lower)
        across = (x[..., 0] >= self.lower - margin) & (x[..., 0] <= self.upper + margin)
        limit = self.function(np.clip(x[..., 0], self.lower, self.upper))
        inside: NDArray[np.bool_] = np.asarray(
            across & (x[..., 1] <= limit + tol / ROUNDING * self._rounding())
        )
        return inside

    @question
    def product(self, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the point that maximises the weighted product of gains over `origin`, and its residual.

        The first-order condition w0 (f - d1) + w1 f' (x0 - d0) = 0 is decreasing in x0 where x0 >= d0. The
        residual is the width, over that of the set, of the interval in which it was seen to change sign; NaN where
        not both can gain.
        """
        d0, d1, w0, w1 = origin[..., 0][()], origin[..., 1][()], weights[..., 0][()], weights[..., 1][()]
        low, high = _together(*np.broadcast_arrays(self.lower, self.upper, d0, w0)[:2])
        start = np.minimum(np.maximum(low, d0), high)

        def condition(x: Floats) -> Floats:
            value, fall = self.function(x) - d1, self.slope(x) * (x - d0)
            value *= w0
            fall *= w1
            value += fall
            return value

        x, width = decreasing_root(condition, start, high)
        if self.derivative is None:
            error = w1 * difference(self.function, x, low, high)[1] * (x - d0)
            probe = 1e-3 * (high - start)
            fall = condition(np.maximum(x - probe, start)) - condition(np.minimum(x + probe, high))
            with np.errstate(divide="ignore", invalid="ignore"):
                width = width + np.where(error == 0, 0.0, error / fall * 2 * probe)
        y = self.function(x)
        everyone = ((x - d0 > 16 * EPS * (np.abs(x) + np.abs(d0))) | (w0 == 0)) & (
            (y - d1 > 16 * EPS * (np.abs(y) + np.abs(d1))) | (w1 == 0)
        )
        return np.stack((x, y), axis=-1), np.where(everyone, width / (high - low), np.nan)

    def _rounding(self) -> Floats:
        """Return the payoff of player 1 below which differences are rounding errors, of either player's payoffs."""
        top, bottom = self.function(self.lower), self.function(self.upper)
        places = np.maximum(np.abs(self.lower), np.abs(self.upper)) / (self.upper - self.lower)
        return (ROUNDING + 8 * EPS * places) * (top - bottom) + 8 * EPS * np.maximum(
            np.abs(top), np.abs(bottom)
        )


def _together(*arrays: Floats) -> list[Floats]:
    """Broadcast; a single cell becomes NumPy scalars, whose arithmetic is faster than that of 0-d arrays."""
    return [a[()] for a in np.broadcast_arrays(*arrays)]


def _sorted(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    return np.minimum(a, b), np.maximum(a, b)


@dataclass(frozen=True, slots=True, repr=False)
class _Elementwise:
    """A function with its result checked: real and of its argument's shape."""

    function: Callable[..., object]
    name: str

    def __repr__(self) -> str:
        return repr(self.function)

    def __call__(self, x: Floats) -> Floats:
        try:
            y = np.asarray(self.function(x), dtype=float)
        except (TypeError, ValueError) as error:
            raise InvalidInput(
                f"`{self.name}` must work elementwise on arrays of shape {np.shape(x)}; it raised {error!r}. "
                f"Write it with NumPy functions."
            ) from error
        if y.shape != np.shape(x):
            y = np.broadcast_to(y, np.broadcast_shapes(y.shape, np.shape(x)))
        return y


def _probe(frontier: Frontier) -> None:
    """Look at the function on a grid and refuse what is not finite, decreasing and concave."""
    low, high = frontier.lower, frontier.upper
    top, bottom = frontier.function(low), frontier.function(high)
    size = np.maximum(np.abs(top), np.abs(bottom))
    _refuse(
        np.isfinite(size) & (size > LARGEST),
        f"hold payoffs of size {LARGEST:g} at most",
        "it is larger, over the interval from",
        low,
        "Rescale the payoffs.",
    )
    slack = 1e-9 * np.abs(top - bottom) + 64 * EPS * (np.abs(top) + np.abs(bottom))
    before, fall, x = top, None, low
    for share in np.linspace(0.0, 1.0, PROBES if low.size < 1000 else 3)[1:]:
        x, last = low + share * (high - low), x
        value = frontier.function(x)
        rise = value - before
        _refuse(
            ~np.isfinite(rise), "be finite on [lower, upper]", "it is not near", x, "Narrow the interval."
        )
        _refuse(rise > slack, "be decreasing", "it rises after", last, "Raise `lower` or swap the players.")
        if fall is not None:
            advice = (
                "Use `Polytope` for the convex hull (lotteries) or `FreeDisposalHull` for the set as it is."
            )
            _refuse(rise > fall + slack, "be concave", "its slope rises at", last, advice)
        before, fall = value, rise


def _refuse(bad: NDArray[np.bool_], wanted: str, seen: str, x: Floats, advice: str) -> None:
    if bad.any():
        where = float(np.ravel(np.broadcast_to(x, bad.shape))[np.argmax(bad)])
        raise InvalidInput(f"`function` must {wanted}; {seen} x0 = {where:.6g}. {advice}")
