"""Continuous offers backwards in time: agreement, a binding outside option, delay, and the switches between.

On an interval of time every primitive is a polynomial through Gauss-Legendre nodes. So under a fixed regime the payoffs
are integrals, exact up to rounding, a regime ends at a root of a polynomial, and there is no step size. `defect`
evaluates the defining equations anew and returns their violation along a path.

A primitive is a number or a function that can be evaluated at many times at once. On each interval the functions are
polynomials up to the desired accuracy; kinks are ends of intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import ArrayLike, NDArray

from bargaining._arrays import Floats, real
from bargaining.errors import InvalidInput, Unsolved, plain

DEGREE = 15
"""Degree of the polynomial on a piece."""
_LEVELS = 11  # of quartering: the smallest pieces are 4^-11 of a piece
_ROUNDS = 4  # of splitting at kinks and starting again
_CROWD = 4000  # pieces: a function that needs more is not piecewise smooth

Mask = NDArray[np.bool_]
Functions = Callable[[Floats], Floats]
"""Times of any shape to values of shape (..., K)."""


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """Gauss-Legendre nodes on [-1, 1] and what is linear in the values there."""

    nodes: Floats
    weights: Floats
    coefficients: Floats
    """Values to Legendre coefficients."""
    derivative: Floats
    """Values to the derivative's values."""
    remaining: Floats
    """Values to the integrals from each node to 1."""
    ends: Floats
    """Values to the values at -1 and 1."""


@cache
def rule(count: int = DEGREE + 1) -> Rule:
    """Return the rule with `count` nodes."""
    nodes, weights = legendre.leggauss(count)
    order = np.arange(count)
    basis = legendre.legvander(nodes, count - 1)
    coefficients = (order[:, None] + 0.5) * weights * basis.T
    unit = np.eye(count)
    slopes = np.stack([legendre.legval(nodes, legendre.legder(row)) for row in unit], axis=1)
    areas = np.stack([-legendre.legval(nodes, legendre.legint(row, lbnd=1)) for row in unit], axis=1)
    ends = legendre.legvander(np.array([-1.0, 1.0]), count - 1) @ coefficients
    return Rule(nodes, weights, coefficients, slopes @ coefficients, areas @ coefficients, ends)


def times(a: Floats, b: Floats, nodes: Floats) -> Floats:
    """Return the nodes moved to each piece [a, b], shape (..., count)."""
    return (a + b)[..., None] / 2 + (b - a)[..., None] / 2 * nodes


def mesh(functions: Functions, edges: Floats, tolerance: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
    """Split [edges[0], edges[-1]] into pieces on which the functions are resolved.

    A piece is resolved when the last coefficients and the misfit at its ends are within
    `tolerance(start of the piece)`, one bound per function. Pieces that cutting does not resolve
    hold a kink or a jump: it is located, and the splitting starts afresh with an edge there.

    Returns
    -------
    edges, kinks : numpy.ndarray
        The ends of the pieces, and the kinks found.
    """
    kinks = np.array([])
    leaves = edges
    for _ in range(_ROUNDS):
        base = np.unique(np.concatenate([edges, kinks]))
        leaves, stuck = _quarter(functions, base, tolerance)
        found = [_locate(functions, a, b) for a, b in _clusters(stuck)]
        new = np.array([t for t in found if not np.isclose(t, kinks, rtol=1e-9, atol=1e-9).any()])
        kinks = np.unique(np.concatenate([kinks, new]))
        if not len(new):
            break
    return leaves, kinks[(kinks > edges[0]) & (kinks < edges[-1])]


def _quarter(
    functions: Functions, edges: Floats, tolerance: Callable[[Floats], Floats]
) -> tuple[Floats, list[tuple[float, float]]]:
    """Quarter pieces until resolved; return all edges and the pieces that never were."""
    a, b = edges[:-1], edges[1:]
    inner = [edges]
    for _ in range(_LEVELS):
        bad = ~_resolved(functions, a, b, tolerance)
        a, b = a[bad], b[bad]
        if not len(a):
            break
        if len(a) > _CROWD:
            raise Unsolved(
                f"The functions of time are too rough between t = {a[0]:.6g} and t = {b[-1]:.6g}: no polynomials of "
                f"degree {DEGREE} follow them. Smooth them, or give `kinks`."
            )
        cuts = np.stack([a, 0.75 * a + 0.25 * b, (a + b) / 2, 0.25 * a + 0.75 * b, b], axis=-1)
        inner.append(cuts.ravel())
        a, b = cuts[:, :-1].ravel(), cuts[:, 1:].ravel()
    stuck = sorted(zip(a.tolist(), b.tolist(), strict=True))
    return np.unique(np.concatenate(inner)), stuck


def _resolved(functions: Functions, a: Floats, b: Floats, tolerance: Callable[[Floats], Floats]) -> Mask:
    """Say of each piece whether a polynomial represents every function, ends included."""
    points = rule()
    inside = times(a, b, points.nodes)
    ends = np.stack([np.nextafter(a, b), np.nextafter(b, a)], axis=-1)
    values = functions(np.concatenate([inside, ends], axis=-1))
    inner, outer = values[..., :-2, :], values[..., -2:, :]
    tail = np.abs(points.coefficients[-3:] @ inner).max(axis=-2)
    misfit = np.abs(points.ends @ inner - outer).max(axis=-2)
    fits: Mask = (np.maximum(tail, misfit / 10) <= tolerance(a)).all(axis=-1)
    return fits


def _clusters(stuck: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Join pieces that touch."""
    joined: list[tuple[float, float]] = []
    for a, b in stuck:
        if joined and a <= joined[-1][1]:
            joined[-1] = (joined[-1][0], b)
        else:
            joined.append((a, b))
    return joined


def _locate(functions: Functions, a: float, b: float) -> float:
    """Return where in a tiny [a, b] a function jumps, else where the lines from both sides meet."""
    width = b - a
    left, start, end, right = functions(np.array([max(a - width, 0.0), a, b, b + width]))
    before, after = (start - left) / width, (right - end) / width
    steep = (np.abs(before) + np.abs(after)) * width + 1e-12 * (np.abs(start) + np.abs(end))
    jumps = np.abs(end - start) > 10 * steep
    if jumps.any():
        return _section(functions, a, b, int(np.argmax(jumps)))
    turn = before - after
    k = int(np.argmax(np.abs(turn) / (np.abs(before) + np.abs(after) + 1e-300)))
    meet = (a + b) / 2 if turn[k] == 0 else (end[k] - start[k] + before[k] * a - after[k] * b) / turn[k]
    return float(np.clip(meet, a, b))


def _section(functions: Functions, a: float, b: float, k: int) -> float:
    """Return the first float on the far side of a jump of function k."""
    low, high = functions(np.array([a, b]))[:, k]
    while True:
        grid = np.unique(np.linspace(a, b, 65))  # six halvings in one call
        if len(grid) <= 2:
            return b
        values = functions(grid)[:, k]
        far = int(np.argmax(np.abs(values - low) > np.abs(values - high)))
        if (grid[far - 1], grid[far]) == (a, b):
            return b
        a, b = float(grid[far - 1]), float(grid[far])


OfTime = float | Callable[[float], float]
"""A constant, or a function of time; functions that accept arrays are faster."""


@dataclass(frozen=True, slots=True)
class Path:
    """One checked function of time."""

    name: str
    value: float | Callable[..., ArrayLike]
    vectorised: bool
    negative: bool = True

    def __call__(self, times: Floats) -> Floats:
        """Return the values at these times, in their shape."""
        if not callable(self.value):
            return np.full(times.shape, self.value)
        flat = times.ravel()
        with np.errstate(all="ignore"):  # what is not finite is reported with its time
            raw = self.value(flat) if self.vectorised else [self._single(t) for t in flat.tolist()]
        values = np.asarray(raw, dtype=np.float64)
        self._check(values, flat)
        return values.reshape(times.shape)

    def _single(self, time: float) -> ArrayLike:
        assert callable(self.value)
        try:
            return self.value(time)
        except ArithmeticError as error:
            raise InvalidInput(f"`{self.name}` has no value at t = {plain(time)}: {error}.") from None

    def _check(self, values: Floats, times: Floats) -> None:
        bad = ~np.isfinite(values)
        if not self.negative:
            bad |= values < 0
        if bad.any():
            k = int(np.argmax(bad))
            wanted = "finite" if self.negative else "finite and not negative"
            raise InvalidInput(
                f"`{self.name}` must be {wanted} at every time; got {plain(values[k])} at t = {plain(times[k])}. "
                f"Repair the function there."
            )


def path(value: object, name: str, *, negative: bool = True) -> Path:
    """Return a checked path from a number or a function of time."""
    if not callable(value):
        number = real(value, name)  # type: ignore[arg-type]
        if number.ndim:
            raise InvalidInput(f"`{name}` must be a number or a function of time; got shape {number.shape}.")
        if not negative and number < 0:
            raise InvalidInput(f"`{name}` must not be negative; got {plain(float(number))}.")
        return Path(name, float(number), True, negative)
    return Path(name, value, _takes_arrays(value, name), negative)


def _takes_arrays(function: Callable[..., ArrayLike], name: str) -> bool:
    """Say whether the function maps an array of times as it maps each of them."""
    times = np.array([0.0, 0.7310585786300049, 2.5])  # the start, and two where nothing is simple
    single = np.array([_number(function, t, name) for t in times.tolist()])
    try:
        together = np.asarray(function(times), dtype=np.float64)
    except Exception:  # whatever a scalar function raises on an array
        return False
    return together.shape == times.shape and np.array_equal(together, single, equal_nan=True)


def _number(function: Callable[..., ArrayLike], time: float, name: str) -> float:
    value = function(time)
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InvalidInput(
            f"`{name}` must return a number at each time; got {value!r} at t = {time:g}."
        ) from None


def pair(value: object, name: str, *, optional: bool = False) -> tuple[Path | None, Path | None]:
    """Return two paths, one per player, from a pair of numbers or functions; None: no entry."""
    entries = (None, None) if value is None else value
    if callable(entries) or not isinstance(entries, tuple | list | np.ndarray) or len(entries) != 2:
        raise InvalidInput(
            f"`{name}` must be a pair, one number or function of time per player; got {value!r}."
        )
    first, second = (None if each is None else path(each, name) for each in entries)
    if not optional and value is not None and (first is None or second is None):
        raise InvalidInput(f"`{name}` must have an entry for each player; got {value!r}. Give 0 for none.")
    return first, second


PIE, HAZARD, FLOW, OUTSIDE = 0, 1, slice(2, 4), slice(4, 6)  # places in the values of `Terms`


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The primitives as functions of time: the pie, the flow payoffs of talking, and the payoffs of leaving."""

    rates: Floats
    surplus: Path
    inside: tuple[Path, Path]
    breakdown: Path
    breakdown_payoffs: tuple[Path, Path]
    outside: tuple[Path | None, Path | None]

    @property
    def may_leave(self) -> list[int]:
        """Players with an outside option."""
        return [i for i in range(2) if self.outside[i] is not None]

    def __call__(self, t: Floats) -> Floats:
        """Return pie, hazard, flow while talking (inside plus breakdown) and outside options, (..., 6)."""
        hazard = self.breakdown(t)
        flows = [self.inside[i](t) + hazard * self.breakdown_payoffs[i](t) for i in range(2)]
        options = [np.zeros(t.shape) if each is None else each(t) for each in self.outside]
        values = np.stack([self.surplus(t), hazard, *flows, *options], axis=-1)
        self._check(t, values)
        return values

    def _check(self, t: Floats, values: Floats) -> None:
        pie, options = values[..., PIE], values[..., OUTSIDE]
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


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Adjacent pieces of time: values and time derivatives of the primitives at the nodes, (m, 16, 6)."""

    a: Floats
    b: Floats
    values: Floats
    slopes: Floats

    @property
    def half(self) -> Floats:
        """Half the lengths, (m, 1)."""
        half: Floats = ((self.b - self.a) / 2)[:, None]
        return half

    def breaks(self) -> Floats:
        """Return the ends of pieces at which a primitive jumps or changes its slope."""
        values, slopes = (np.einsum("en,mnk->mek", rule().ends, each) for each in (self.values, self.slopes))
        near = np.abs(self.values).max(axis=1)
        gap = np.abs(values[1:, 0] - values[:-1, 1]) > 1e-9 * np.maximum(near[1:], near[:-1])
        length = np.minimum(self.half[1:], self.half[:-1])
        bend = np.abs(slopes[1:, 0] - slopes[:-1, 1]) * length > 1e-7 * np.maximum(near[1:], near[:-1])
        breaks: Floats = self.a[1:][(gap | bend).any(axis=1)]
        return breaks

    def part(self, start: int, stop: int | None) -> Block:
        """Return some of the pieces."""
        keep = slice(start, stop)
        return Block(self.a[keep], self.b[keep], self.values[keep], self.slopes[keep])


def sample(terms: Terms, edges: Floats) -> Block:
    """Return the pieces between the edges, primitives evaluated in one go."""
    a, b = edges[:-1], edges[1:]
    values = terms(times(a, b, rule().nodes))
    slopes = rule().derivative @ (values - values[:, :1])  # of a constant: exactly 0
    return Block(a, b, values, slopes / ((b - a)[:, None, None] / 2))


TOLERANCE = 1e-11  # of the pie and the payoffs: ten times what integrals of a piece lose to rounding
_SHORTEST = 1e-9  # of time, relative: a shorter regime counts as a single moment
_CLOSER = 1 / 64  # of a piece: a regime that holds for less is looked at by itself
_NEWTON = 3  # steps from a node to a minimum beside it: their error is then far below the tolerance
_WINDOW = 16  # pieces followed back at a time; a switch of regime ends such a window


class Regime(IntEnum):
    """The regime at a moment."""

    AGREE = 0
    FIRST_BOUND = 1
    SECOND_BOUND = 2
    DELAY = 3


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """Regimes, (m,), on adjacent pieces [a, b]; payoffs at the nodes, (m, 16, 2), and at each a, (m, 2)."""

    a: Floats
    b: Floats
    regimes: NDArray[np.int8]
    payoffs: Floats
    starts: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A regime tried on a block: payoffs, and tests, (k, m, 16), not negative where it holds."""

    regime: Regime
    payoffs: Floats
    starts: Floats
    tests: Floats


def walk(terms: Terms, block: Block, last: Floats) -> Trajectory:
    """Follow payoffs back from `last` at the end of the block."""
    stretches: list[Trajectory] = []
    payoffs = last
    while len(block.a):
        stretch = _step(terms, block.part(-_WINDOW, None), payoffs)
        stretches.append(stretch)
        payoffs, since = stretch.starts[0], stretch.a[0]
        keep = int(np.searchsorted(block.b, since, side="right"))
        rest = block.part(0, keep)
        if keep < len(block.a) and block.a[keep] < since:
            part = sample(terms, np.array([block.a[keep], since]))
            rest = Block(*(np.concatenate(both) for both in zip(_arrays(rest), _arrays(part), strict=True)))
        block = rest
    return Trajectory(
        *(
            np.concatenate([getattr(s, name) for s in stretches[::-1]])
            for name in Trajectory.__dataclass_fields__
        )
    )


def _arrays(block: Block) -> tuple[Floats, Floats, Floats, Floats]:
    return block.a, block.b, block.values, block.slopes


def _step(terms: Terms, block: Block, after: Floats) -> Trajectory:
    """Return the regime that holds just before the end of a block, as far back as it holds."""
    end = rule().ends[1] @ block.values[-1]
    tolerance = TOLERANCE * float(end[PIE] + np.abs(after).sum())
    payoffs = cross(terms, after, end, tolerance)
    since = _continuous_since(terms, block)
    last, tried = len(block.a) - 1, list[Candidate]()
    start, stop = float(block.a[last]), float(block.b[last])
    apart = stop - start > _SHORTEST * stop
    for candidate in _candidates(terms, block, payoffs, end, tolerance):
        held = _holds_since(candidate, since)
        if held is not None and apart and held[0] == last and held[1] > 1 - 2 * _CLOSER:
            break
        if held is not None:
            return _cut(block, candidate, *held)
        tried.append(candidate)
    if apart:  # the regime switches again almost at once: look closer, where functions are resolved better
        return _step(terms, sample(terms, np.array([stop - (stop - start) * _CLOSER, stop])), after)
    return _cut(block, tried[0], last, -1.0)


def cross(terms: Terms, after: Floats, end: Floats, tolerance: float) -> Floats:
    """Return payoffs just before a moment from those just after it, where the primitives may jump.

    If the pie drops, an agreement just before avoids the drop. Each player proposes with probability one half, so each
    gets her reservation or the rest of the pie with equal probability.
    """
    payoffs = after.copy()
    options = {i: float(end[OUTSIDE][i]) for i in terms.may_leave}
    if payoffs.sum() < end[PIE] - tolerance:
        held = np.array([max(options.get(i, -np.inf), payoffs[i]) for i in range(2)])
        if held.sum() <= end[PIE]:
            payoffs = (held + end[PIE] - held[::-1]) / 2
    for i in [i for i in options if payoffs[i] < options[i] - tolerance]:
        payoffs[i], payoffs[1 - i] = options[i], end[PIE] - options[i]
    return payoffs


def _continuous_since(terms: Terms, block: Block) -> int:
    """Return the first piece from which on pie and options do not jump."""
    used = [PIE, *(4 + i for i in terms.may_leave)]
    ends = np.einsum("en,mnk->mek", rule().ends, block.values[..., used])
    jump = np.abs(ends[1:, 0] - ends[:-1, 1]) > 1e-9 * ends[1:, 0, :1]
    where = np.flatnonzero(jump.any(axis=1))
    return int(where[-1]) + 1 if len(where) else 0


def _candidates(
    terms: Terms, block: Block, payoffs: Floats, end: Floats, tolerance: float
) -> Iterator[Candidate]:
    """Yield the regimes that can hold before the end of the block, the binding ones first.

    Where an option ends the wait and does not bind before, they agree from what it leaves to the other.
    """
    binding = [i for i in terms.may_leave if payoffs[i] <= end[OUTSIDE][i] + tolerance]
    for i in binding:
        yield _bound(terms, block, i)
    if payoffs.sum() <= end[PIE] + tolerance:
        yield _agree(terms, block, payoffs)
    yield _delay(terms, block, payoffs)
    for i in binding:
        yield _agree(terms, block, _kept(payoffs, i, end))


def _kept(payoffs: Floats, i: int, end: Floats) -> Floats:
    """Return an agreement that gives player i what these payoffs do."""
    return np.where(np.arange(2) == i, payoffs, end[PIE] - payoffs[i])


def _candidate(block: Block, regime: Regime, payoffs: Floats, starts: Floats, tests: Floats) -> Candidate:
    """Put the tests of each piece in units of the payoffs there."""
    size = np.abs(payoffs).sum(axis=-1).max(axis=-1) + block.values[..., PIE].max(axis=-1)
    return Candidate(regime, payoffs, starts, tests / size[:, None])


def _loss(terms: Terms, block: Block, payoffs: Floats) -> Floats:
    """Return sum_i (rho_i x_i - flow_i) - pie', the joint cost of waiting a moment, at the nodes."""
    rho = terms.rates + block.values[..., [HAZARD]]
    loss: Floats = (rho * payoffs - block.values[..., FLOW]).sum(axis=-1) - block.slopes[..., PIE]
    return loss


def _agree(terms: Terms, block: Block, end: Floats) -> Candidate:
    """Solve for y = x_0 - x_1: y' = R y - (r_1 - r_0) pie / 2 - flow_0 + flow_1, R the mean of r + hazard."""
    r, v = terms.rates, block.values
    push = (r[1] - r[0]) / 2 * v[..., PIE] + v[..., 2] - v[..., 3]
    nodes, starts = _back(block, r.mean() + v[..., HAZARD], push, float(end[0] - end[1]))
    payoffs = np.stack([v[..., PIE] + nodes, v[..., PIE] - nodes], axis=-1) / 2
    pie = v[..., PIE] @ rule().ends[0]
    tests = [_loss(terms, block, payoffs) * _while(terms, block)]
    tests += [payoffs[..., i] - v[..., OUTSIDE][..., i] for i in terms.may_leave]
    return _candidate(
        block, Regime.AGREE, payoffs, np.stack([pie + starts, pie - starts], axis=-1) / 2, np.stack(tests)
    )


def _bound(terms: Terms, block: Block, i: int) -> Candidate:
    """Player i gets the outside option: waiting must have a cost for i, at least as large as for the other."""
    v = block.values
    own = v[..., OUTSIDE][..., i]
    payoffs = np.empty((*own.shape, 2))
    payoffs[..., i], payoffs[..., 1 - i] = own, v[..., PIE] - own
    cost = (terms.rates[i] + v[..., HAZARD]) * own - block.slopes[..., OUTSIDE][..., i] - v[..., FLOW][..., i]
    tests = np.stack([cost, cost - _loss(terms, block, payoffs) / 2]) * _while(terms, block)
    regime = Regime.FIRST_BOUND if i == 0 else Regime.SECOND_BOUND
    return _candidate(block, regime, payoffs, np.einsum("n,mnk->mk", rule().ends[0], payoffs), tests)


def _delay(terms: Terms, block: Block, end: Floats) -> Candidate:
    """Nobody can offer enough: x_i' = rho_i x_i - flow_i, worth no less than the pie and the options."""
    v = block.values
    both = [
        _back(block, terms.rates[i] + v[..., HAZARD], v[..., FLOW][..., i], float(end[i])) for i in range(2)
    ]
    payoffs = np.stack([nodes for nodes, _ in both], axis=-1)
    tests = [payoffs.sum(axis=-1) - v[..., PIE]]
    tests += [payoffs[..., i] - v[..., OUTSIDE][..., i] for i in terms.may_leave]
    return _candidate(
        block, Regime.DELAY, payoffs, np.stack([first for _, first in both], axis=-1), np.stack(tests)
    )


def _while(terms: Terms, block: Block) -> Floats:
    """Return the discounted lengths, (m, 1), by which a constant flow on the piece is multiplied."""
    speed = (terms.rates.mean() + block.values[..., HAZARD]).max(axis=-1, keepdims=True)
    length: Floats = np.minimum(1 / speed, block.half)
    return length


def _back(block: Block, rate: Floats, push: Floats, end: float) -> tuple[Floats, Floats]:
    """Solve z' = rate z - push backwards through the pieces from z = end; return z at the nodes and starts."""
    points, half = rule(), block.half
    growth = np.exp(half * (rate @ points.remaining.T))
    fed = growth * push
    whole = np.exp(half[:, 0] * (rate @ points.weights)).tolist()
    gained = (half[:, 0] * (fed @ points.weights)).tolist()
    ends = [end]
    for factor, gain in zip(whole[::-1], gained[::-1], strict=True):
        ends.append((ends[-1] + gain) / factor)
    z = np.array(ends[::-1])
    return (z[1:, None] + half * (fed @ points.remaining.T)) / growth, z[:-1]


def _holds_since(candidate: Candidate, since: int) -> tuple[int, float] | None:
    """Return the piece, and the place in it in [-1, 1], back to which every test is passed.

    None if a test fails at the very end. Pieces before `since` are not looked at.
    """
    points, tests = rule(), candidate.tests
    ends = tests @ points.ends[1]
    turned = ends[:, -1] > TOLERANCE  # a test that is passed at the end may fail before the last node
    if ((tests[:, -1, -1] < -TOLERANCE) & ~turned).any():
        return None
    fails = (_lowest(tests) < -TOLERANCE) | (tests @ points.ends[0] < -TOLERANCE)
    bad = np.flatnonzero(fails.any(axis=0)[since:])
    if not len(bad):
        return since, -1.0
    k = since + int(bad[-1])
    inner = k + 1 < tests.shape[1]
    if inner and (ends[:, k] < -TOLERANCE).any():  # a primitive has a kink
        return k + 1, -1.0
    before = np.where(turned | inner, 1.0, points.nodes[-1])[fails[:, k]]
    roots = [
        _last_failure(points.coefficients @ test, last)
        for test, last in zip(tests[fails[:, k], k], before.tolist(), strict=True)
    ]
    if max(roots) < 1.0 - 1e-9:  # not at the very end of the piece
        return k, max(roots)
    return (k + 1, -1.0) if inner else None


def _lowest(tests: Floats) -> Floats:
    """Return the least value of each polynomial at the nodes and, by Newton's method from these, at its minima inside.

    A pie that almost reaches what the patient get by waiting does so in moments far shorter than nodes are apart.
    """
    points = rule()
    around = np.concatenate([[-1.0], points.nodes, [1.0]])
    lowest, slope = tests.min(axis=-1), tests @ points.derivative.T
    bend = slope @ points.derivative.T
    step = np.divide(-slope, bend, out=np.full(tests.shape, np.inf), where=bend > 0.0)
    close = (step >= around[:-2] - points.nodes) & (step <= around[2:] - points.nodes)
    falls = np.where(close, slope**2, 0.0) / np.where(close, bend, 1.0)  # twice those of a parabola
    near = (lowest >= -TOLERANCE) & ((tests - falls).min(axis=-1) < 0.0)
    if not near.any():
        return np.asarray(lowest)
    coefficients = tests[near] @ points.coefficients.T
    first = legendre.legder(coefficients, axis=-1)
    second = legendre.legder(first, axis=-1)
    at = np.broadcast_to(points.nodes, (len(coefficients), len(points.nodes)))
    for _ in range(_NEWTON):
        basis = legendre.legvander(at, DEGREE)
        slope = np.einsum("pnj,pj->pn", basis[..., :-1], first)
        bend = np.einsum("pnj,pj->pn", basis[..., :-2], second)
        step = np.divide(slope, bend, out=np.zeros(at.shape), where=bend > 0.0)
        at = np.clip(at - step, around[:-2], around[2:])
    inside = np.einsum("pnj,pj->pn", legendre.legvander(at, DEGREE), coefficients)
    lowest[near] = np.minimum(lowest[near], inside.min(axis=-1))
    return np.asarray(lowest)


def _last_failure(coefficients: Floats, before: float) -> float:
    """Return the last root, up to `before`, left of which the polynomial is negative; 1 if there is none."""
    keep = np.abs(coefficients) > 1e-16 * np.abs(coefficients).max()  # leading ones that are rounding
    roots = legendre.legroots(coefficients[: int(np.flatnonzero(keep)[-1]) + 1])
    real = np.sort(roots.real[np.abs(roots.imag) < 1e-9])  # double roots split by rounding
    real = real[(real > -1) & (real <= before)]
    stops = np.concatenate([[-1.0], real])
    for left, root in zip(stops[-2::-1], stops[:0:-1], strict=True):
        if legendre.legval((left + root) / 2, coefficients) < 0:
            return float(root)
    return 1.0


def _cut(block: Block, candidate: Candidate, k: int, since: float) -> Trajectory:
    """Return the candidate on the pieces from k on, with piece k cut at `since`, in [-1, 1]."""
    a, payoffs, starts = block.a[k:].copy(), candidate.payoffs[k:].copy(), candidate.starts[k:].copy()
    if since > -1.0:
        points = rule()
        nodes = np.append(since + (points.nodes + 1) / 2 * (1 - since), since)
        here = legendre.legvander(nodes, len(nodes) - 2) @ (points.coefficients @ payoffs[0])
        payoffs[0], starts[0] = here[:-1], here[-1]
        a[0] += (since + 1) * (block.b[k] - block.a[k]) / 2
    regimes = np.full(len(a), candidate.regime, dtype=np.int8)
    return Trajectory(a, block.b[k:], regimes, payoffs, starts)


_NODES = 24  # of a piece, other than the 16 that the answer was computed at


def defect(terms: Terms, path: Trajectory) -> float:
    """Return the defects of all pieces, discounted to t = 0 and added up, over the pie at 0.

    The functions are evaluated at 24 new nodes a piece, and everything is computed from these.
    """
    fresh, half = rule(_NODES), (path.b - path.a)[:, None] / 2
    values = terms(times(path.a, path.b, fresh.nodes))
    coefficients = rule().coefficients @ path.payoffs
    x = legendre.legvander(fresh.nodes, coefficients.shape[1] - 1) @ coefficients
    end = coefficients.sum(axis=1)
    inside = _inside(terms, path, values, half, x, end)
    slowest = np.where(path.regimes[:, None] == Regime.DELAY, terms.rates.min(), terms.rates.mean())
    passed = half[:, 0] * ((slowest + values[..., HAZARD]) @ fresh.weights)
    weights = np.exp(-np.concatenate([[0.0], np.cumsum(passed)[:-1]]))
    passing = np.append(_passing(terms, path, end), 0.0)
    return float(weights @ (inside + passing)) / float(values[0, 0, PIE])


def _passing(terms: Terms, path: Trajectory, end: Floats) -> Floats:
    """Return the difference of payoffs at the end of each piece from those implied by payoffs just after."""
    limits = terms(np.nextafter(path.b[:-1], path.a[:-1]))
    return np.array(
        [
            np.abs(_before(terms, path.starts[k + 1], limits[k], path.regimes[k]) - end[k]).max()
            for k in range(len(limits))
        ]
    )


def _before(terms: Terms, after: Floats, end: Floats, regime: int) -> Floats:
    """Return payoffs just before a moment; an option that just binds ends delay even if the other prefers it."""
    payoffs = cross(terms, after, end, 1e-11 * float(end[PIE]))
    if regime != Regime.DELAY and payoffs.sum() > end[PIE]:
        for i in terms.may_leave:
            if payoffs[i] <= end[OUTSIDE][i] + TOLERANCE * (end[PIE] + np.abs(after).sum()):
                return _kept(payoffs, i, end)
    return payoffs


def _inside(terms: Terms, path: Trajectory, v: Floats, half: Floats, x: Floats, end: Floats) -> Floats:
    """Return the worst defect inside each piece, by regime."""
    rho = terms.rates + v[..., [HAZARD]]
    slope = (rule(_NODES).derivative @ v[..., [PIE, 4, 5]]) / half[..., None]
    lost = (rho * x - v[..., 2:4]).sum(axis=-1) - slope[..., 0]
    cost = rho * v[..., OUTSIDE] - slope[..., 1:] - v[..., 2:4]
    gap = x.sum(axis=-1) - v[..., PIE]
    delayed = [
        _miss(rho[..., i], v[..., 2 + i], x[..., i], path.starts[:, i], end[:, i], half) for i in range(2)
    ]
    push = (terms.rates[1] - terms.rates[0]) / 2 * v[..., PIE] + v[..., 2] - v[..., 3]
    y, first, last = (z[..., 0] - z[..., 1] for z in (x, path.starts, end))
    agreed = _miss(rho.mean(axis=-1), push, y, first, last, half)
    by_regime = {
        Regime.DELAY: [*delayed, (-gap).max(axis=-1)],
        Regime.AGREE: [agreed / 2, np.abs(gap).max(axis=-1), (-lost * half).max(axis=-1)],
    }
    for i, regime in enumerate((Regime.FIRST_BOUND, Regime.SECOND_BOUND)):
        holds = np.maximum(-cost[..., i], lost / 2 - cost[..., i]) * half
        off = np.abs(x[..., i] - v[..., OUTSIDE][..., i]) + np.abs(gap)
        by_regime[regime] = [np.maximum(holds, off).max(axis=-1)]
    short = [(v[..., OUTSIDE][..., i] - x[..., i]).max(axis=-1) for i in terms.may_leave]
    worst = np.zeros(len(path.regimes))
    for regime, gaps in by_regime.items():
        here = path.regimes == regime
        worst[here] = np.maximum(0.0, np.max([*gaps, *short], axis=0))[here]
    return worst


def _miss(rate: Floats, push: Floats, z: Floats, first: Floats, last: Floats, half: Floats) -> Floats:
    """Return the worst of |z(t) - (z(b) + int_t^b exp(..) push) exp(-..)| at the nodes and at a."""
    fresh = rule(_NODES)
    growth = np.exp(half * (rate @ fresh.remaining.T))
    fed = growth * push
    nodes = (last[:, None] + half * (fed @ fresh.remaining.T)) / growth
    whole = np.exp(half[:, 0] * (rate @ fresh.weights))
    start = (last + half[:, 0] * (fed @ fresh.weights)) / whole
    miss: Floats = np.maximum(np.abs(z - nodes).max(axis=-1), np.abs(first - start))
    return miss
