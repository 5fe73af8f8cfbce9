"""What the outcomes are worth as the redirectable share grows: along a line of shares, and over time.

Functions of time are polynomials between dates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.polynomial import chebyshev, legendre
from numpy.typing import ArrayLike

from bargaining.authoring import Floats, Shown, owning, real, within
from bargaining.errors import InvalidInput, Unsolved
from bargaining_models.negotiation.deal import Deal
from bargaining_models.negotiation.negotiation import Negotiation

OUTCOMES = ("agreement", "status_quo", "war", "exit")
_NODES = 13  # Chebyshev points of the outcomes in r


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutcomeCurves(Shown):
    """Money of every outcome as a polynomial in the redirectable share, the same for all goods.

    The trade model is solved at 13 Chebyshev points of [0, upper]; between them the polynomial through the
    results stands for it, and `error` says how well.

    Attributes
    ----------
    deal : Deal
        The outcomes at the points.
    upper : float
    coefficients : ndarray, shape (13, 4, 2)
        By degree, outcome (agreement, status quo, war, exit) and player.

    Examples
    --------
    >>> from bargaining_models.parameters import load
    >>> talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China")
    >>> curves = OutcomeCurves.solve(talks, upper=0.3)
    >>> curves.money(0.15)[2].round(2)  # the tariff war at r = .15: Canada, US, USD bn a year
    array([-9.88, -3.26])
    """

    deal: Deal
    upper: float
    coefficients: Floats

    @classmethod
    def solve(cls, negotiation: Negotiation, *, upper: float, route_survives: bool = True) -> OutcomeCurves:
        """Solve the outcomes on a grid of shares.

        Raises
        ------
        InvalidInput
            If `upper` is not in (0, 1].
        """
        within(real(upper, "upper", ndim=0), "upper", 0.0, 1.0, ends="(]")
        points = chebyshev.chebpts1(_NODES)
        deal = Deal.at(negotiation, r=upper * (1 + points) / 2, route_survives=route_survives)
        values = np.stack([_along(deal, name) for name in OUTCOMES], axis=1)
        matrix = chebyshev.chebvander(points, _NODES - 1)
        found = np.asarray(np.linalg.solve(matrix, values.reshape(_NODES, -1)), dtype=np.float64)
        return cls(deal=deal, upper=float(upper), coefficients=found.reshape(values.shape))

    def without_route(self) -> OutcomeCurves:
        """Return the same curves when an agreement closes the route."""
        closed = self.deal.without_route()
        coefficients = self.coefficients.copy()
        coefficients[:, 0] = 0.0
        coefficients[0, 0] = closed.agreement.money[0]  # whatever r was
        return replace(self, deal=closed, coefficients=coefficients)

    def money(self, r: ArrayLike) -> Floats:
        """Return the money of the four outcomes at shares `r`, shape (*r.shape, 4, 2)."""
        share = within(real(r, "r"), "r", 0.0, self.upper)
        position = (2 * share / self.upper - 1)[..., None, None]
        coefficients = self.coefficients.reshape(_NODES, *(1,) * share.ndim, len(OUTCOMES), 2)
        return np.asarray(chebyshev.chebval(position, coefficients, tensor=False))

    def error(self) -> float:
        """Return the largest difference from the trade model itself midway between the points, in money."""
        points = np.sort(chebyshev.chebpts1(_NODES))
        between = self.upper * (1 + np.concatenate([[-1.0], (points[1:] + points[:-1]) / 2, [1.0]])) / 2
        deal = self.deal.elsewhere(between)
        exact = np.stack([_along(deal, name) for name in OUTCOMES], axis=1)
        return float(np.abs(self.money(between) - exact).max())


def _along(deal: Deal, name: str) -> Floats:
    """Return the money of an outcome at every share of the deal, which it may not depend on."""
    money = getattr(deal, name).money
    return np.broadcast_to(money, (*deal.war.money.shape[:-1], 2))


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Growth(Shown):
    """Money a year of every outcome as a function of time while the redirectable share grows.

    Attributes
    ----------
    flows : Piecewise
        Values of shape (4, 2): agreement, status quo, tariff war, exit; home, partner.
    idle : ndarray, shape (2,)
        The status quo with the route unused.
    dates : ndarray
        Years at which the share jumps, or begins or ceases to grow.
    route_survives : bool
        Whether the route stays open under an agreement.
    """

    flows: Piecewise
    idle: Floats
    dates: Floats
    route_survives: bool

    @classmethod
    def in_steps(cls, deal: Deal, dates: ArrayLike, *, stages: Sequence[int] | None = None) -> Growth:
        """Let the share jump from each entry of the deal's `r` to the next at the dates.

        Parameters
        ----------
        deal : Deal
            At m + 1 shares.
        dates : array_like, shape (m,)
            Years, positive and increasing.
        stages : sequence of int, optional
            Which entries of the deal's `r` to go through, m + 1 of them; all by default.
        """
        when = _checked_dates(dates)
        values = np.stack([_along(deal, name) for name in OUTCOMES], axis=-2)
        if stages is not None:
            values = values[list(stages)]
        if values.ndim != 3 or len(values) != len(when) + 1:
            raise InvalidInput(
                f"`dates` must be one fewer than the shares of `deal`; got {len(when)} for shares of shape "
                f"{values.shape[:-2]}. Give the share before the first date too."
            )
        return cls(
            flows=steps(when, values), idle=deal.idle.money, dates=when, route_survives=deal.route_survives
        )

    @classmethod
    def in_a_line(cls, curves: OutcomeCurves, years: float, *, start: float = 0.0, end: float) -> Growth:
        """Let the share grow at a constant pace from `start` to `end` within `years`, and then stay."""
        when = _checked_dates([years])
        for name, share in (("start", start), ("end", end)):
            within(real(share, name, ndim=0), name, 0.0, curves.upper)

        def flows(t: Floats) -> Floats:
            return curves.money(start + (end - start) * np.clip(t / years, 0.0, 1.0))

        return cls(
            flows=fit(flows, np.array([0.0, years]), curves.money(end)),
            idle=curves.deal.idle.money,
            dates=when,
            route_survives=curves.deal.route_survives,
        )

    def flow(self, name: str) -> Piecewise:
        """Return one outcome's money over time: one of `OUTCOMES`, or "talks", in force while they talk."""
        if name == "talks":
            return self.flow("status_quo") if self.route_survives else constant(self.idle)
        k = OUTCOMES.index(name)
        return Piecewise(
            edges=self.flows.edges, coefficients=self.flows.coefficients[:, :, k], last=self.flows.last[k]
        )


def _checked_dates(dates: ArrayLike) -> Floats:
    if np.size(dates) == 0:
        return np.empty(0)
    when = real(dates, "dates", ndim=1)
    if (when <= 0).any():
        raise InvalidInput(
            f"`dates` must be years after today; got {when.min():.17g}. Begin with that share."
        )
    if (np.diff(when) <= 0).any():
        raise InvalidInput(f"`dates` must increase; got {when.tolist()}. Join what happens at one date.")
    return when


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
