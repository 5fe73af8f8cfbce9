"""A smooth or kinked frontier between two players, given as a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import function as callable_of
from bargaining._arrays import EPS, LARGEST, SMALLEST, Floats, exceeds, real, record, returned
from bargaining._rich import Shown, brief, listing
from bargaining.errors import InvalidInput
from bargaining.feasible._root import Condition, Slopes, decreasing_root, off_balance, slopes
from bargaining.feasible.base import question

PROBES, MANY = 33, 1000  # points at which a new frontier is probed, three of a batch of many
CHORD = 2.0**-17  # of the interval: chords that a derivative is compared with
SLOPE = 1e-9  # of the slope: what a derivative may be off by, beyond the errors of chords
ROUNDING = 1e-12  # of the set's size: payoffs that close to its edge are in it
BESIDE = 16 * EPS  # of the interval's ends: twice as far as roots are proved to be


@record(init=False, repr=False)
class Frontier(Shown, line=False):
    """The two-player payoffs {x : lower <= x0 <= upper, x1 <= f(x0)} with f decreasing and concave.

    Parameters
    ----------
    function : callable
        f, elementwise: takes an array of player 0's payoffs, of the batch's shape, and returns player 1's best.
    lower, upper : array_like
        The interval of player 0's payoffs; arrays are a batch of sets, over which `function` broadcasts.
    derivative : callable, optional
        f', elementwise; at a kink either one-sided slope. It saves time. Without it one-sided slopes are computed from
        values, so that kinks are found up to rounding. Where values are not enough, as near an end where the slope is
        infinite, the answer's status is INACCURATE.

    Raises
    ------
    InvalidInput
        If `lower` is not below `upper`, `function` is not finite, decreasing or concave where it was probed, or
        `derivative` is not its slope there.

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
    batch_shape: tuple[int, ...]

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
        if slope is not None:
            _compare_slopes(self, slope)

    def __repr__(self) -> str:
        slope = "" if self.derivative is None else f", derivative={self.derivative!r}"
        return f"Frontier({self.function!r}, {listing(self.lower)}, {listing(self.upper)}{slope})"

    @property
    def players(self) -> int:
        """Number of players: 2."""
        return 2

    def values(self, nodes: Floats, *, slopes: bool = False) -> Floats:
        """Return the function, or its `derivative`, at arguments with one more axis before those of the batch."""
        asked = self.derivative if slopes and self.derivative is not None else self.function
        if self.batch_shape:
            return np.array([asked(x) for x in nodes])
        try:
            return asked(nodes)
        except InvalidInput:  # written for numbers alone
            found = [asked(np.asarray(x)) for x in np.ravel(nodes)]
            if any(y.shape for y in found):
                raise
            return np.array(found).reshape(np.shape(nodes))

    def slopes(self, x: Floats) -> Slopes:
        """Return f' on either side of x; a `derivative` has as error its distance from slopes that fit the values."""
        low, high = np.broadcast_arrays(self.lower, self.upper)
        if self.derivative is None:
            return slopes(self.values, x, low, high)
        x, low, high = _together(x, low, high)
        near = 16 * EPS * np.maximum(np.abs(low), np.abs(high))  # a kink is found up to rounding
        before, after = np.maximum(x - near, low), np.minimum(x + near, high)
        left, right, (least, most) = self.derivative(before), self.derivative(after), self._chords(x)
        off = [np.fmax(np.fmax(least - slope, slope - most), 0.0) for slope in (left, right)]
        found = Slopes(left=left, right=right, left_error=off[0], right_error=off[1])
        return found.within(x > low, x < high)

    def _chords(self, x: Floats) -> tuple[Floats, Floats]:
        """Return the slopes of chords to the right and to the left, between which f' is; NaN at the ends."""
        step = CHORD * (self.upper - self.lower)
        far, near = np.maximum(x - step, self.lower), np.minimum(x + step, self.upper)
        here, before, after = (self.function(at) for at in (x, far, near))
        with np.errstate(all="ignore"):
            least, most = (after - here) / (near - x), (here - before) / (x - far)
            noise = 4 * EPS * (np.abs(before) + np.abs(after) + np.abs(x * least) + np.abs(x * most)) / step
        return least - noise, most + noise

    def slope(self, x: Floats) -> Floats:
        """Return f'(x), at a kink the slope of either side."""
        return self.derivative(x) if self.derivative is not None else self.slopes(x).best()[0]

    def balance(self, condition: Condition, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
        """Return where a condition on x, f(x) and f'(x) passes zero, and the width of the proof."""
        return decreasing_root(lambda x: condition(x, self.function(x), self.slope(x)), lower, upper)

    def off_balance(
        self, condition: Condition, x: Floats, lower: Floats, upper: Floats, *, y: Floats | None = None
    ) -> Floats:
        """Return the distance of a condition from zero at x in [lower, upper] with every slope that the frontier has.

        One slope is enough if values do not contradict it: with the others the distance can only be smaller. The
        function's value y is computed unless it is given.
        """
        y = self.function(x) if y is None else y
        if self.derivative is not None:
            slope = self.derivative(x)
            with np.errstate(all="ignore"):  # without weight this may be 0/0: then compute more accurately
                missed = np.abs(condition(x, y, slope))
            least, most = self._chords(x)
            if (missed <= SLOPE).all() and not ((slope < least) | (slope > most)).any():
                return np.asarray(missed)
        return off_balance(condition, x, y, self.slopes(x).within(x > lower, x < upper))

    @question
    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return max w0 x0 + w1 f(x0), where w0 + w1 f' passes through zero."""
        w0, w1, low, high = _together(weights[..., 0], weights[..., 1], self.lower, self.upper)
        x, _ = self.balance(lambda x, y, slope: w0 + w1 * slope, low, high)
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
        ends = (low - o0) / speed, (high - o0) / speed
        first, last = (np.where(upright, 0.0, t) for t in (np.minimum(*ends), np.maximum(*ends)))

        def gap(t: Floats) -> Floats:
            return self.function(np.minimum(np.maximum(o0 + t * p0, low), high)) - (o1 + t * p1)

        # The gap is concave in t, and decreasing along directions that hurt nobody: start from its top.
        hurts = (p0 < 0) | (p1 < 0)
        if hurts.any():
            # Per unit of player 0's payoff; where the direction hurts player 0, t falls as that grows.
            top, _ = self.balance(lambda x, y, slope: slope - p1 / p0, low, high)
            with np.errstate(divide="ignore", invalid="ignore"):
                top = np.where(upright, first, np.clip((top - o0) / speed, first, last))
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

        The left side of the first-order condition w0 (f - d1) + w1 f' (x0 - d0) = 0 is decreasing in x0 where x0 >= d0.
        The residual is the violation of the condition with every slope at the point, over the size of its two terms,
        plus the effect of the errors of these slopes; NaN where not both can gain.
        """
        d0, d1, w0, w1 = origin[..., 0][()], origin[..., 1][()], weights[..., 0][()], weights[..., 1][()]
        low, high = _together(*np.broadcast_arrays(self.lower, self.upper, d0, w0)[:2])
        start = np.minimum(np.maximum(low, d0), high)
        x, _ = self.balance(lambda x, y, slope: w0 * (y - d1) + w1 * (slope * (x - d0)), start, high)
        y = self.function(x)
        missed = self.off_balance(
            lambda x, y, slope: _imbalance(x, y, slope, d0, d1, w0, w1), x, start, high, y=y
        )
        return np.stack((x, y), axis=-1), _if_all_gain(missed, x, y, d0, d1, w0, w1)

    def short_of_product(self, x: Floats, origin: Floats, weights: Floats) -> Floats:
        """Return by how much payoffs miss the first-order condition and the frontier; NaN where not both gain."""
        (x0, x1), (d0, d1), (w0, w1) = (np.moveaxis(a, -1, 0) for a in (x, origin, weights))
        start = np.minimum(np.maximum(self.lower, d0), self.upper)
        at = np.clip(x0, start, self.upper)
        y = self.function(at)

        def imbalance(x: Floats, y: Floats, slope: Floats) -> Floats:
            return _imbalance(x, y, slope, d0, d1, w0, w1)

        missed = self.off_balance(imbalance, at, start, self.upper, y=y)
        with np.errstate(all="ignore"):
            missed = missed + np.abs(x0 - at) / (self.upper - self.lower)
            missed += np.where(w1 > 0, np.abs(y - x1) / np.abs(x1 - d1), 0.0)
        return _if_all_gain(missed, x0, x1, d0, d1, w0, w1)

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


def _imbalance(x: Floats, y: Floats, slope: Floats, d0: Floats, d1: Floats, w0: Floats, w1: Floats) -> Floats:
    """Return the same sum over the size of its terms; 0 where both are: the condition holds."""
    rise = w0 * (y - d1)
    both = rise - w1 * slope * (x - d0)  # the slope may be infinite
    return np.asarray(2 * rise / (both + (both == 0)) - (both != 0))


def _if_all_gain(
    missed: Floats, x0: Floats, x1: Floats, d0: Floats, d1: Floats, w0: Floats, w1: Floats
) -> Floats:
    """Return a residual, NaN where not both players gain beyond rounding, but for those without weight."""
    first, second = (exceeds(x, d) for x, d in ((x0, d0), (x1, d1)))
    if (first & second).all():
        return missed
    return np.where((first | (w0 == 0)) & (second | (w1 == 0)), missed, np.nan)


@dataclass(frozen=True, slots=True, repr=False)
class _Elementwise:
    """A function with its result checked: real and of its argument's shape."""

    function: Callable[..., object]
    name: str

    def __repr__(self) -> str:
        return brief(self.function)

    def __call__(self, x: Floats) -> Floats:
        if type(x) is np.ndarray:
            x = x[()]
        if type(x) is np.ndarray and x.flags.writeable:  # the function may overwrite its array later
            x = x.view()
            x.flags.writeable = False
        try:
            y = returned(self.function(x), self.name)
        except InvalidInput:
            raise
        except (TypeError, ValueError) as error:
            raise InvalidInput(
                f"`{self.name}` must work elementwise on arrays of shape {np.shape(x)}; it raised {error!r}. "
                f"Write it with NumPy functions."
            ) from error
        shape = getattr(x, "shape", ())
        if y.shape != shape:
            try:
                whole = np.broadcast_shapes(y.shape, shape)
            except ValueError:
                whole = (0,)
            if 0 in whole and 0 not in shape:
                raise InvalidInput(
                    f"`{self.name}` must return one value per entry; got shape {y.shape} for {shape}."
                )
            y = np.broadcast_to(y, whole)
        return y


def _probe(frontier: Frontier) -> None:
    """Evaluate the function on a grid and refuse it if it is not finite, decreasing and concave."""
    low, high = frontier.lower, frontier.upper
    top, bottom = frontier.function(low), frontier.function(high)
    _one_each(top, "function", low)
    if not (np.max(top) <= LARGEST and np.min(bottom) >= -LARGEST):
        size = np.maximum(np.abs(top), np.abs(bottom))
        _refuse(
            np.isfinite(size) & (size > LARGEST),
            f"hold payoffs of size {LARGEST:g} at most",
            "it is larger, over the interval from",
            low,
            "Rescale the payoffs.",
        )
    slack = 1e-9 * np.abs(top - bottom) + 64 * EPS * (np.abs(top) + np.abs(bottom))
    shares = np.linspace(0.0, 1.0, 3 if low.size >= MANY else PROBES)
    x, y, before = low, top, np.full(low.shape, np.inf)
    for share in shares[1:]:
        ahead = np.minimum(low + share * (high - low), high)
        value = frontier.function(ahead)
        rise = value - y
        _refuse(
            ~np.isfinite(rise), "be finite on [lower, upper]", "it is not near", ahead, "Narrow the interval."
        )
        _refuse(rise > slack, "be decreasing", "it rises after", x, "Raise `lower` or swap the players.")
        advice = "Use `Polytope` for the convex hull (lotteries) or `FreeDisposalHull` for the set as it is."
        _refuse(rise > before + slack, "be concave", "its slope rises at", x, advice)
        x, y, before = ahead, value, rise


def _compare_slopes(frontier: Frontier, derivative: Callable[[Floats], Floats]) -> None:
    """Refuse a derivative that chords contradict inside the interval."""
    low, high = frontier.lower, frontier.upper
    for share in np.linspace(0.0, 1.0, 3 if low.size >= MANY else 6)[1:-1]:
        x = low + share * (high - low)
        slope = derivative(x)
        _one_each(slope, "derivative", low)
        size = SLOPE * np.nan_to_num(np.abs(slope))
        least, most = (bound + sign * size for bound, sign in zip(frontier._chords(x), (-1, 1), strict=True))
        wrong = ~((slope >= least) & (slope <= most))
        if wrong.any():
            k = int(np.argmax(wrong))
            at, was, *known = (float(np.ravel(a)[k]) for a in (x, slope, least, most))
            shown = " to ".join(dict.fromkeys(f"{bound:.8g}" for bound in known))
            raise InvalidInput(
                f"`derivative` must be the slope of `function`, which is {shown} at x0 = {at:.6g}; got {was:.8g}. "
                f"Correct it, or leave it out: slopes then come from values."
            )


def _one_each(returned: Floats, name: str, low: Floats) -> None:
    if np.shape(returned) != low.shape:
        raise InvalidInput(
            f"`{name}` must return a number for each entry of `lower` and `upper`, in the shape {low.shape}; got "
            f"{np.shape(returned)}. For a batch give `lower` or `upper` that shape."
        )


def _refuse(bad: NDArray[np.bool_], wanted: str, seen: str, x: Floats, advice: str) -> None:
    if bad.any():
        where = float(np.ravel(np.broadcast_to(x, bad.shape))[np.argmax(bad)])
        raise InvalidInput(f"`function` must {wanted}; {seen} x0 = {where:.6g}. {advice}")
