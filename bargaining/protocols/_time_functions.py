"""The primitives of continuous offers: functions of time, and polynomials on pieces of time.

A primitive is a number or a function that is safe to evaluate at many times at once. On each piece the functions are
polynomials to the accuracy wanted; kinks lie between pieces.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import ArrayLike, NDArray

from bargaining._arrays import Floats, real
from bargaining.errors import InvalidInput, Unsolved

DEGREE = 15
"""Degree of the polynomial on a piece."""
_LEVELS = 11  # of quartering: the smallest pieces are 4^-11 of a piece
_ROUNDS = 4  # of splitting at kinks and looking again
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
    """Say of each piece whether a polynomial stands for every function, ends included."""
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

    @property
    def constant(self) -> bool:
        """Whether it is a number."""
        return not callable(self.value)

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
            raise InvalidInput(f"`{self.name}` has no value at t = {time:.17g}: {error}.") from None

    def _check(self, values: Floats, times: Floats) -> None:
        bad = ~np.isfinite(values)
        if not self.negative:
            bad |= values < 0
        if bad.any():
            k = int(np.argmax(bad))
            wanted = "finite" if self.negative else "finite and not negative"
            raise InvalidInput(
                f"`{self.name}` must be {wanted} at every time; got {values[k]:.17g} at t = {times[k]:.17g}. "
                f"Repair the function there."
            )


def path(value: object, name: str, *, negative: bool = True) -> Path:
    """Return a checked path from a number or a function of time."""
    if not callable(value):
        number = real(value, name)  # type: ignore[arg-type]
        if number.ndim:
            raise InvalidInput(f"`{name}` must be a number or a function of time; got shape {number.shape}.")
        if not negative and number < 0:
            raise InvalidInput(f"`{name}` must not be negative; got {float(number):.17g}.")
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
    """The primitives: what can be shared, and what talking and leaving bring, as functions of time."""

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
                f"`surplus` must be positive at every time; got {pie[where]:.17g} at t = {t[where]:.17g}. "
                f"Where nothing is left to share, end the talks by a hazard."
            )
        excess = options.sum(axis=-1) - pie - 1e-12 * (np.abs(options).sum(axis=-1) + pie)
        if self.may_leave and (excess > 0).any():
            where = np.unravel_index(np.argmax(excess), pie.shape)
            raise InvalidInput(
                f"`outside` must add up to no more than `surplus` at every time; got "
                f"{options[where].sum():.17g} against {pie[where]:.17g} at t = {t[where]:.17g}. "
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
