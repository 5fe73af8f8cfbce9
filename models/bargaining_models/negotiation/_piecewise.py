"""Functions of time that are polynomials between dates, and annuities of flows that follow them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.polynomial import chebyshev, legendre
from numpy.typing import ArrayLike

from bargaining.authoring import Floats
from bargaining.errors import Unsolved

NODES = 17  # of a piece
_TOLERANCE = 1e-13  # of the last coefficients, over the values
_LEVELS = 40  # halvings of a piece: below that a kink is a point
_LONGEST = 2.0
"""Longest piece of an annuity, in units of one over the rate."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piecewise:
    """A function that is a polynomial between neighbouring edges and constant beyond the last.

    Attributes
    ----------
    edges : ndarray, shape (m + 1,)
        Increasing. The function may jump at an edge; there it has the value just after.
    coefficients : ndarray, shape (n, m, ...)
        Of Chebyshev polynomials on each piece.
    last : ndarray, shape (...)
        The value from the last edge on.
    """

    edges: Floats
    coefficients: Floats
    last: Floats

    def __call__(self, t: ArrayLike) -> Floats:
        """Return the values at `t`, shape (*t.shape, ...)."""
        when = np.asarray(t, dtype=float)
        k = np.clip(np.searchsorted(self.edges, when, side="right") - 1, 0, len(self.edges) - 2)
        a, b = self.edges[k], self.edges[k + 1]
        position = ((2 * when - a - b) / (b - a)).reshape(when.shape + (1,) * self.last.ndim)
        inside = chebyshev.chebval(position, self.coefficients[:, k], tensor=False)
        after = (when >= self.edges[-1]).reshape(position.shape)
        values: Floats = np.where(after, self.last, inside)
        return values

    def part(self, k: int) -> Callable[[ArrayLike], Floats]:
        """Return entry `k` of the value as a function of time."""
        only = Piecewise(edges=self.edges, coefficients=self.coefficients[..., k], last=self.last[..., k])
        return only.__call__

    def sum(self) -> Piecewise:
        """Return the sum over the last axis of the value."""
        return Piecewise(
            edges=self.edges, coefficients=self.coefficients.sum(axis=-1), last=self.last.sum(axis=-1)
        )


def constant(value: Floats) -> Piecewise:
    """Return the function that is `value` at every time."""
    return Piecewise(edges=np.array([0.0, 1.0]), coefficients=value[None, None], last=value)


def steps(dates: Floats, values: Floats) -> Piecewise:
    """Return the function that is ``values[0]`` at first and ``values[k]`` from ``dates[k - 1]`` on."""
    if not len(dates):
        return constant(values[0])
    return Piecewise(edges=np.append(0.0, dates), coefficients=values[None, :-1], last=values[-1])


def fit(function: Callable[[Floats], Floats], edges: Floats, last: Floats) -> Piecewise:
    """Return polynomials that agree with `function` between the edges, cutting pieces until they do.

    Parameters
    ----------
    function : callable
        From times of shape (k,) to values of shape (k, ...), smooth between the edges.
    edges : ndarray
    last : ndarray
        The value from the last edge on.
    """
    a, b = edges[:-1], edges[1:]
    done: list[tuple[Floats, Floats]] = []
    size = np.abs(last).max()
    for _ in range(_LEVELS):
        values = _at_nodes(function, a, b)
        found = np.tensordot(_transform(), values, axes=(1, 1))
        size = max(size, np.abs(values).max())
        rough = np.abs(found[-2:]).reshape(2, len(a), -1).max(axis=(0, 2)) > _TOLERANCE * size
        done.append((a[~rough], found[:, ~rough]))
        if not rough.any():
            break
        middle = (a[rough] + b[rough]) / 2
        a, b = np.append(a[rough], middle), np.append(middle, b[rough])
    else:
        raise Unsolved(
            f"No polynomial follows the function near t = {a[0]:.6g}. Give the dates of its kinks."
        )
    starts = np.concatenate([a for a, _ in done])
    order = np.argsort(starts)
    return Piecewise(
        edges=np.append(starts[order], edges[-1]),
        coefficients=np.concatenate([found for _, found in done], axis=1)[:, order],
        last=last,
    )


def annuity(flow: Piecewise, rate: float) -> Piecewise:
    r"""Return the level flow for ever that is worth as much as `flow` from each date on.

    .. math:: A(t) = \rho \int_t^\infty e^{-\rho (s - t)} f(s) ds.

    Integrated by Gauss-Legendre on each piece, from the last date back; exact to rounding.
    """
    cuts = [np.linspace(a, b, int(np.ceil(rate * (b - a) / _LONGEST)) + 1) for a, b in _pairs(flow.edges)]
    edges = np.unique(np.concatenate(cuts))
    nodes, weights = legendre.leggauss(NODES)
    coefficients, after = [], flow.last
    for a, b in _pairs(edges)[::-1]:
        times = np.append(_times(np.array([a]), np.array([b]))[0], a)
        half = (b - times)[:, None] / 2
        ahead = half * (nodes + 1)  # from each time to the end of the piece
        shape = ahead.shape + (1,) * flow.last.ndim
        received = flow(times[:, None] + ahead) * (rate * half * weights * np.exp(-rate * ahead)).reshape(
            shape
        )
        discounted = np.exp(-rate * (b - times)).reshape(shape[:1] + shape[2:])
        values = received.sum(axis=1) + discounted * after
        coefficients.append(np.tensordot(_transform(), values[:-1], axes=(1, 0)))
        after = values[-1]
    return Piecewise(edges=edges, coefficients=np.stack(coefficients[::-1], axis=1), last=flow.last)


def _pairs(edges: Floats) -> list[tuple[float, float]]:
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


@cache
def _nodes() -> Floats:
    return np.asarray(np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES))


@cache
def _transform() -> Floats:
    """Return the matrix from values at the nodes to Chebyshev coefficients."""
    return np.asarray(np.linalg.inv(chebyshev.chebvander(_nodes(), NODES - 1)))


def _times(a: Floats, b: Floats) -> Floats:
    return (a + b)[:, None] / 2 + (b - a)[:, None] / 2 * _nodes()


def _at_nodes(function: Callable[[Floats], Floats], a: Floats, b: Floats) -> Floats:
    times = _times(a, b)
    flat = function(times.ravel())
    return flat.reshape(*times.shape, *flat.shape[1:])
