"""Continuous offers backwards in time: agreement, a binding outside option, delay, and the switches between.

Time is cut into pieces on which every primitive is a polynomial up to the desired accuracy; kinks and jumps are ends of
pieces. So under a fixed regime the payoffs on a piece are integrals of polynomials, a regime ends at a root of a
polynomial, and there is no step size. Functions on a piece are represented by their values at Chebyshev points, which
include the ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np
from numpy.polynomial import chebyshev, legendre
from numpy.typing import ArrayLike, NDArray

from bargaining._arrays import Floats, real
from bargaining.errors import InvalidInput, Unsolved, plain

DEGREE = 16  # of the polynomials: of higher ones the integrals round as much as they gain
NODES = chebyshev.chebpts2(DEGREE + 1)
COEFFICIENTS = np.linalg.inv(chebyshev.chebvander(NODES, DEGREE))
"""Values at the nodes to Chebyshev coefficients."""
_SLOPES = chebyshev.chebvander(NODES, DEGREE - 1) @ chebyshev.chebder(COEFFICIENTS)
_REMAINING = -chebyshev.chebvander(NODES, DEGREE + 1) @ chebyshev.chebint(COEFFICIENTS, lbnd=1)
"""Values at the nodes to the integrals from each node to 1."""

PIE, HAZARD, FLOW, OUTSIDE = 0, 1, slice(2, 4), slice(4, 6)  # places in the values of `Terms`
TOLERANCE = 1e-11  # of the pie and the payoffs: ten times what integrals of a piece lose to rounding
_SPAN = 2.0  # longest piece, in units of one over the mean rate with the hazard
_CROWD = 4000  # pieces: a function that needs more is not piecewise smooth
_NARROW = 2.0**-22  # of a piece: what cutting does not resolve up to here is a kink or a jump
_CLOSER = 1 / 64  # of a piece: a regime that holds for less is examined by itself
_SHORTEST = 1e-9  # of time, relative: a shorter regime counts as a single moment


@dataclass(frozen=True, slots=True)
class Primitive:
    """A parameter that is a number or a function of time, checked wherever it is evaluated."""

    name: str
    value: float | Callable[..., ArrayLike]
    takes_arrays: bool
    negative: bool

    @classmethod
    def of(cls, value: object, name: str, *, negative: bool = True) -> Primitive:
        """Return the checked parameter."""
        if callable(value):
            return cls(name, value, _takes_arrays(value, name), negative)
        number = real(value, name)  # type: ignore[arg-type]
        if number.ndim:
            raise InvalidInput(f"`{name}` must be a number or a function of time; got shape {number.shape}.")
        if not negative and number < 0:
            raise InvalidInput(f"`{name}` must not be negative; got {plain(float(number))}.")
        return cls(name, float(number), True, negative)

    def __call__(self, times: Floats) -> Floats:
        """Return the values at these times, in their shape."""
        if not callable(self.value):
            return np.full(times.shape, self.value)
        flat = times.ravel()
        with np.errstate(all="ignore"):  # what is not finite is reported with its time
            raw = self.value(flat) if self.takes_arrays else [self._single(t) for t in flat.tolist()]
        values = np.asarray(raw, dtype=np.float64)
        bad = ~np.isfinite(values) | ((values < 0) & (not self.negative))
        if bad.any():
            k = int(np.argmax(bad))
            wanted = "finite" if self.negative else "finite and not negative"
            raise InvalidInput(
                f"`{self.name}` must be {wanted} at every time; got {plain(values[k])} at t = {plain(flat[k])}. "
                f"Repair the function there."
            )
        return values.reshape(times.shape)

    def _single(self, time: float) -> ArrayLike:
        assert callable(self.value)
        try:
            return self.value(time)
        except ArithmeticError as error:
            raise InvalidInput(f"`{self.name}` has no value at t = {plain(time)}: {error}.") from None


def _takes_arrays(function: Callable[..., ArrayLike], name: str) -> bool:
    """Say whether the function maps an array of times as it maps each of them."""
    times = np.array([0.0, 0.7310585786300049, 2.5])  # the start, and two where nothing is simple
    single = []
    for time in times.tolist():
        value = function(time)
        try:
            single.append(float(value))  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise InvalidInput(
                f"`{name}` must return a number at each time; got {value!r} at t = {time:g}."
            ) from None
    try:
        together = np.asarray(function(times), dtype=np.float64)
    except Exception:  # whatever a scalar function raises on an array
        return False
    return together.shape == times.shape and np.array_equal(together, single, equal_nan=True)


def pair(value: object, name: str, *, optional: bool = False) -> tuple[Primitive | None, Primitive | None]:
    """Return two parameters, one per player, from a pair of numbers or functions; None: no entry."""
    entries = ((None, None) if optional else (0.0, 0.0)) if value is None else value
    if callable(entries) or not isinstance(entries, tuple | list | np.ndarray) or len(entries) != 2:
        raise InvalidInput(
            f"`{name}` must be a pair, one number or function of time per player; got {value!r}."
        )
    first, second = (None if entry is None else Primitive.of(entry, name) for entry in entries)
    if not optional and (first is None or second is None):
        raise InvalidInput(f"`{name}` must have an entry for each player; got {value!r}. Give 0 for none.")
    return first, second


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The primitives as functions of time: the pie, the flow payoffs of talking, and the payoffs of leaving."""

    rates: Floats
    surplus: Primitive
    inside: tuple[Primitive | None, Primitive | None]
    breakdown: Primitive
    breakdown_payoffs: tuple[Primitive | None, Primitive | None]
    outside: tuple[Primitive | None, Primitive | None]

    @property
    def may_leave(self) -> list[int]:
        """Players with an outside option."""
        return [i for i in range(2) if self.outside[i] is not None]

    def __call__(self, t: Floats) -> Floats:
        """Return pie, hazard, flow while talking (inside plus breakdown) and outside options, (..., 6)."""

        def both(entries: tuple[Primitive | None, Primitive | None]) -> Floats:
            return np.stack([np.zeros(t.shape) if entry is None else entry(t) for entry in entries], axis=-1)

        pie, hazard, options = self.surplus(t), self.breakdown(t), both(self.outside)
        flows = both(self.inside) + hazard[..., None] * both(self.breakdown_payoffs)
        if (pie <= 0).any():
            where = np.unravel_index(np.argmin(pie), pie.shape)
            raise InvalidInput(
                f"`surplus` must be positive at every time; got {plain(pie[where])} at t = {plain(t[where])}. "
                f"Where nothing is left to share, end the talks by a hazard."
            )
        excess = options.sum(axis=-1) - pie - 1e-12 * (np.abs(options).sum(axis=-1) + pie)
        if self.may_leave and (excess > 0).any():
            where = np.unravel_index(np.argmax(excess), pie.shape)
            raise InvalidInput(
                f"`outside` must add up to no more than `surplus` at every time; got "
                f"{plain(options[where].sum())} against {plain(pie[where])} at t = {plain(t[where])}. "
                f"Where leaving beats every agreement there is nothing to negotiate."
            )
        return np.concatenate([pie[..., None], hazard[..., None], flows, options], axis=-1)


def times(a: Floats, b: Floats, nodes: Floats = NODES) -> Floats:
    """Return the nodes moved to each piece [a, b), shape (..., count)."""
    a, b = a[..., None], b[..., None]
    return np.clip((a + b) / 2 + (b - a) / 2 * nodes, np.nextafter(a, b), np.nextafter(b, a))


def mesh(terms: Terms, edges: Floats, allowed: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
    """Cut [edges[0], edges[-1]] into pieces on which polynomials represent the terms.

    A piece is resolved when its last coefficients are within `allowed(start of the piece)`, one bound per function, and
    it is short enough for exponentials of the rates. Pieces that cutting does not resolve hold a kink or a jump: it is
    located, and cutting starts again with an edge there.

    Returns
    -------
    edges, kinks : numpy.ndarray
        The ends of the pieces, and those at which a primitive has a kink or a jump.
    """
    for _ in range(3):
        leaves, stuck = _halved(terms, edges, allowed)
        if not len(stuck):
            break
        runs = np.split(stuck, np.flatnonzero(stuck[1:, 0] > stuck[:-1, 1]) + 1)
        edges = np.union1d(edges, [_locate(terms, run[0, 0], run[-1, 1]) for run in runs])
    a, b = leaves[:-1], leaves[1:]
    values = terms(times(a, b))
    size, half = np.abs(values).max(axis=1), (b - a)[:, None] / 2
    slopes = np.stack([_SLOPES[0] @ values, _SLOPES[-1] @ values]) / half
    length, size = np.minimum(half[1:], half[:-1]), np.maximum(size[1:], size[:-1])
    breaks = np.abs(values[1:, 0] - values[:-1, -1]) > 1e-9 * size
    breaks |= np.abs(slopes[0, 1:] - slopes[1, :-1]) * length > 1e-7 * size
    return leaves, a[1:][breaks.any(axis=1)]


def _halved(terms: Terms, edges: Floats, allowed: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
    """Halve pieces until they are resolved; return all edges and the pieces, (m, 2), that never were."""
    narrow, leaves, stuck = _NARROW * np.diff(edges).max(), [edges], [np.empty((0, 2))]
    a, b = edges[:-1], edges[1:]
    while len(a):
        values = terms(times(a, b))
        rough = (np.abs(COEFFICIENTS[-3:] @ values).max(axis=-2) > allowed(a)).any(axis=-1)
        fast = (terms.rates.mean() + values[..., HAZARD].max(axis=-1)) * (b - a) > _SPAN
        tiny = rough & (b - a < narrow)
        stuck.append(np.stack([a, b], axis=-1)[tiny])
        cut = (rough | fast) & ~tiny
        a, b = a[cut], b[cut]
        if len(a) > _CROWD and rough.any():
            raise Unsolved(
                f"The functions of time are too rough between t = {a[0]:.6g} and t = {b[-1]:.6g}: no polynomials of "
                f"degree {DEGREE} follow them. Smooth them, or give `kinks`."
            )
        if len(a) > _CROWD:
            raise InvalidInput(
                f"`breakdown` must leave at most {_CROWD * _SPAN:g} mean waits ahead; it rises to "
                f"{values[..., HAZARD].max():g}. Choose a smaller `until`."
            )
        middle = (a + b) / 2
        leaves.append(middle)
        a, b = np.concatenate([a, middle]), np.concatenate([middle, b])
    pieces = np.concatenate(stuck)
    return np.unique(np.concatenate(leaves)), pieces[np.argsort(pieces[:, 0])]


def _locate(terms: Terms, a: float, b: float) -> float:
    """Return the first float beyond a jump in a tiny [a, b], else where the lines from both sides meet."""
    width = b - a
    left, start, end, right = terms(np.array([max(a - width, 0.0), a, b, b + width]))
    before, after = (start - left) / width, (right - end) / width
    steep = (np.abs(before) + np.abs(after)) * width + 1e-12 * (np.abs(start) + np.abs(end))
    jumps = np.abs(end - start) > 10 * steep
    if not jumps.any():
        turn = before - after
        k = int(np.argmax(np.abs(turn) / (np.abs(before) + np.abs(after) + 1e-300)))
        meet = (a + b) / 2 if turn[k] == 0 else (end[k] - start[k] + before[k] * a - after[k] * b) / turn[k]
        return float(np.clip(meet, a, b))
    k = int(np.argmax(jumps))
    while a < (middle := (a + b) / 2) < b:
        value = terms(np.array([middle]))[0, k]
        a, b = (a, middle) if abs(value - start[k]) > abs(value - end[k]) else (middle, b)
    return b


class Regime(IntEnum):
    """The regime at a moment."""

    AGREE = 0
    FIRST_BOUND = 1
    SECOND_BOUND = 2
    DELAY = 3


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """Regimes, (m,), on adjacent pieces of time between edges, (m + 1,), and payoffs at the nodes, (m, 17, 2)."""

    edges: Floats
    regimes: NDArray[np.int8]
    payoffs: Floats

    @property
    def coefficients(self) -> Floats:
        """Chebyshev coefficients of the payoffs, (m, 17, 2)."""
        coefficients: Floats = COEFFICIENTS @ self.payoffs
        return coefficients


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A piece of time, and the values of the terms at its nodes, (17, 6)."""

    a: float
    b: float
    values: Floats

    @classmethod
    def of(cls, terms: Terms, a: float, b: float) -> Piece:
        """Evaluate the terms on [a, b)."""
        return cls(a, b, terms(times(np.array(a), np.array(b))))

    def tests(self, terms: Terms, regime: Regime, payoffs: Floats) -> list[Floats]:
        """Return, over the size of the payoffs, what is not negative at the nodes where the regime holds."""
        v, half = self.values, (self.b - self.a) / 2
        length = min(half, 1 / float((terms.rates.mean() + v[:, HAZARD]).max()))
        slopes = _SLOPES @ (payoffs - payoffs[0]) / half  # of constants: exactly 0
        size = np.abs(payoffs).sum(axis=-1).max() + v[:, PIE].max()
        positive = conditions(terms, regime, v, payoffs, slopes, np.full(len(v), length))[1]
        return [test / size for test in positive]

    def back(self, rate: Floats, push: Floats, end: float) -> Floats:
        """Solve z' = rate z - push backwards from z = `end`; return z at the nodes."""
        half = (self.b - self.a) / 2
        growth = np.exp(half * (_REMAINING @ rate))
        z: Floats = (end + half * (_REMAINING @ (growth * push))) / growth
        return z


def walk(terms: Terms, edges: Floats, last: Floats) -> Trajectory:
    """Follow payoffs back from `last` at the end of the last piece."""
    starts, regimes, paths, after = [edges[-1]], list[Regime](), list[Floats](), last
    sampled = terms(times(edges[:-1], edges[1:]))
    for (a, b), values in zip(reversed(list(pairwise(edges.tolist()))), sampled[::-1], strict=True):
        piece = Piece(a, b, values)
        while piece.b > a:
            since, regime, path = _stretch(terms, piece, after)
            starts.append(since)
            regimes.append(regime)
            paths.append(path)
            after = path[0]
            if since == a:
                break
            piece = Piece.of(terms, a, since)
    order = slice(None, None, -1)
    return Trajectory(
        np.array(starts[order]), np.array(regimes[order], dtype=np.int8), np.array(paths[order])
    )


def _stretch(terms: Terms, piece: Piece, after: Floats) -> tuple[float, Regime, Floats]:
    """Return since when a regime holds up to the end of a piece, that regime, and payoffs at the nodes."""
    candidates = list[tuple[Regime, Floats]]()
    long = piece.b - piece.a > _SHORTEST * piece.b
    for regime, payoffs in _candidates(terms, piece, cross(terms, after, piece.values[-1])):
        since = _holds_since(piece.tests(terms, regime, payoffs))
        if since == -1.0:
            return piece.a, regime, payoffs
        if since < 1.0 - 1e-9:
            if long and since > 1.0 - 2.0 * _CLOSER:
                break
            nodes = since + (NODES + 1) / 2 * (1 - since)
            path = chebyshev.chebvander(nodes, DEGREE) @ (COEFFICIENTS @ payoffs)
            return piece.b - (1 - since) / 2 * (piece.b - piece.a), regime, path
        candidates.append((regime, payoffs))
    if long:  # the regime switches again almost at once: functions are resolved better on a shorter piece
        return _stretch(terms, Piece.of(terms, piece.b - (piece.b - piece.a) * _CLOSER, piece.b), after)
    return piece.a, *candidates[0]


def _holds_since(tests: list[Floats]) -> float:
    """Return the place in [-1, 1] back to which no polynomial, by its values at the nodes, is negative; 1: nowhere."""
    since = -1.0
    for test in tests:
        coefficients = COEFFICIENTS @ test
        if coefficients[0] - np.abs(coefficients[1:]).sum() >= -TOLERANCE:
            continue
        roots = chebyshev.chebroots(chebyshev.chebtrim(coefficients, 1e-16 * np.abs(coefficients).max()))
        real = np.sort(
            roots.real[(np.abs(roots.imag) < 1e-9) & (np.abs(roots.real) < 1)]
        )  # double roots split
        for left, right in reversed(list(pairwise([-1.0, *real.tolist(), 1.0]))):
            if chebyshev.chebval(np.linspace(left, right, 9), coefficients).min() < -TOLERANCE:
                since = max(since, right)
                break
    return since


def cross(terms: Terms, after: Floats, end: Floats) -> Floats:
    """Return payoffs just before a moment from those just after it, where the primitives may jump.

    If the pie drops, an agreement just before avoids the drop. Each player proposes with probability one half, so each
    gets her reservation or the rest of the pie with equal probability.
    """
    payoffs, rounding = after, _rounding(after, end)
    options = np.array([end[OUTSIDE][i] if i in terms.may_leave else -np.inf for i in range(2)])
    if payoffs.sum() < end[PIE] - rounding:
        reserved = np.maximum(options, payoffs)
        if reserved.sum() <= end[PIE]:
            payoffs = (reserved + end[PIE] - reserved[::-1]) / 2
    for i in range(2):
        if payoffs[i] < options[i] - rounding:
            payoffs = _agreed(options, i, end)
    return payoffs


def _rounding(payoffs: Floats, end: Floats) -> float:
    return TOLERANCE * float(end[PIE] + np.abs(payoffs).sum())


def _agreed(payoffs: Floats, i: int, v: Floats) -> Floats:
    """Return an agreement that gives player i what these payoffs do."""
    return np.stack([payoffs[..., i], v[..., PIE] - payoffs[..., i]][:: 1 - 2 * i], axis=-1)


def _binding(terms: Terms, payoffs: Floats, end: Floats) -> list[int]:
    """Return the players who get no more than their option."""
    return [i for i in terms.may_leave if payoffs[i] <= end[OUTSIDE][i] + _rounding(payoffs, end)]


def _candidates(terms: Terms, piece: Piece, before: Floats) -> Iterator[tuple[Regime, Floats]]:
    """Yield regimes that can hold before the end of a piece with their payoffs, the binding ones first.

    Where an option ends the wait and does not bind before, they agree from what it leaves to the other.
    """
    v, rates = piece.values, terms.rates
    binding = _binding(terms, before, v[-1])

    def agree(payoffs: Floats) -> tuple[Regime, Floats]:
        """Solve for y = x_0 - x_1: y' = R y - (r_1 - r_0) pie / 2 - flow_0 + flow_1, R the mean of r + hazard."""
        push = (rates[1] - rates[0]) / 2 * v[:, PIE] + v[:, 2] - v[:, 3]
        y = piece.back(rates.mean() + v[:, HAZARD], push, float(payoffs[0] - payoffs[1]))
        return Regime.AGREE, np.stack([v[:, PIE] + y, v[:, PIE] - y], axis=-1) / 2

    for i in binding:
        yield Regime(1 + i), _agreed(v[:, OUTSIDE], i, v)
    if before.sum() <= v[-1, PIE] + _rounding(before, v[-1]):
        yield agree(before)
    waits = [piece.back(rates[i] + v[:, HAZARD], v[:, 2 + i], float(before[i])) for i in range(2)]
    yield Regime.DELAY, np.stack(waits, axis=-1)
    for i in binding:
        yield agree(_agreed(before, i, v[-1]))


def conditions(
    terms: Terms, regime: Regime, v: Floats, x: Floats, slopes: Floats, length: Floats
) -> tuple[list[Floats], list[Floats]]:
    """Return what is 0 and what is not negative under a regime, for payoffs x with these slopes, in money.

    Waiting a moment costs a player (r + hazard) x - x' - flow per unit of time, here over a time of the given length.
    """
    cost = ((terms.rates + v[..., [HAZARD]]) * x - slopes - v[..., FLOW]) * length[..., None]
    excess, surplus = x.sum(axis=-1) - v[..., PIE], x - v[..., OUTSIDE]
    options = [surplus[..., i] for i in terms.may_leave]
    if regime == Regime.DELAY:
        return [cost[..., 0], cost[..., 1]], [excess, *options]
    if regime == Regime.AGREE:
        return [excess, (cost[..., 0] - cost[..., 1]) / 2], [cost.sum(axis=-1), *options]
    i = regime - Regime.FIRST_BOUND
    own, other = cost[..., i], cost[..., 1 - i]
    return [excess, surplus[..., i]], [own, (own - other) / 2, *options]


def defect(terms: Terms, path: Trajectory) -> float:
    """Return the violations of the conditions on all pieces, discounted to t = 0 and added up, over the pie at 0.

    The functions are evaluated anew, at other nodes than those that the payoffs were computed from.
    """
    nodes, weights = legendre.leggauss(24)
    a, b = path.edges[:-1], path.edges[1:]
    values, length = terms(times(a, b, nodes)), np.broadcast_to((b - a)[:, None], (len(a), len(nodes)))
    coefficients = COEFFICIENTS @ path.payoffs
    x = chebyshev.chebvander(nodes, DEGREE) @ coefficients
    slopes = (
        chebyshev.chebvander(nodes, DEGREE)
        @ (COEFFICIENTS @ _SLOPES @ path.payoffs)
        / (b - a)[:, None, None]
        * 2
    )
    worst = np.zeros(len(a))
    for regime in Regime:
        k = path.regimes == regime
        zero, positive = conditions(terms, regime, values[k], x[k], slopes[k], length[k])
        worst[k] = np.max([*np.abs(zero), *np.negative(positive)], axis=0).max(axis=-1, initial=0.0)
    for k, end in enumerate(terms(np.nextafter(b[:-1], a[:-1]))):
        worst[k] += np.abs(
            _before(terms, path.payoffs[k + 1, 0], end, path.regimes[k]) - path.payoffs[k, -1]
        ).max()
    slowest = np.where(path.regimes == Regime.DELAY, terms.rates.min(), terms.rates.mean())
    passed = (b - a) / 2 * ((slowest[:, None] + values[..., HAZARD]) @ weights)
    discounts = np.exp(-np.concatenate([[0.0], np.cumsum(passed)[:-1]]))
    return float(discounts @ worst) / float(values[0, 0, PIE])


def _before(terms: Terms, after: Floats, end: Floats, regime: int) -> Floats:
    """Return payoffs just before a moment; an option that just binds ends delay even if the other prefers it."""
    payoffs = cross(terms, after, end)
    if regime != Regime.DELAY and payoffs.sum() > end[PIE]:
        for i in _binding(terms, payoffs, end):
            return _agreed(payoffs, i, end)
    return payoffs
